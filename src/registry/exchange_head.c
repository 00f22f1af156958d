/* The header of a sheet. It may stand below a title: of the first rows the one
 * that names most fields is it. A column is named by the field (unit.code) or by
 * its label in Vietnamese or English; "#..." is a remark of the writer's. */
#include "registry/exchange-int.h"
#include "base/text.h"
#include <errno.h>

enum { SHEET_NAME_MAX = 31 };

static bool folds_to(struct arena *a, str label, str want)
{
    str f = text_fold(a, label);

    return f.n > 0 && (str_eq(f, want) || (want.n >= SHEET_NAME_MAX - 2 && str_starts(f, want)));
}

const struct kind *sheet_kind(const struct schema *sc, struct arena *a, str name)
{
    const struct kind *k = schema_kind(sc, name);
    str want = text_fold(a, str_trim(name));

    for (size_t i = 0; i < sc->nkinds && k == NULL && want.n > 0; i++) {
        const struct kind *c = &sc->kinds[i];
        if (str_eq(want, c->name) || folds_to(a, c->label.vi, want) || folds_to(a, c->label.en, want))
            k = c;
    }
    return k;
}

/* "unit", "unit.code", "state". */
static int column_named(const struct import *im, const struct kind *k, str h)
{
    size_t dot = str_find(h, STR("."));
    size_t at = kind_field_at(k, str_sub(h, 0, dot));

    if (str_eq(h, STR("state")))
        return COL_STATE;
    if (at != SIZE_MAX && dot != SIZE_MAX) {
        const struct field *f = &k->fields[at];
        const struct kind *t = f->ref_kind.n > 0 ? schema_kind(im->w->r->sc, f->ref_kind) : NULL;
        if (t == NULL || !str_eq(str_sub(h, dot + 1, SIZE_MAX), t->fields[t->key_field].name))
            return COL_UNKNOWN;
    }
    return at == SIZE_MAX ? COL_UNKNOWN : (int)at;
}

/* A label that two fields have names neither. */
static int column_labelled(struct import *im, const struct kind *k, str h)
{
    int found = COL_UNKNOWN;

    if (str_ends(h, STR("*")))
        h = str_trim(str_sub(h, 0, h.n - 1));
    str want = text_fold(&im->row, h);
    for (size_t i = 0; i < k->nfields && want.n > 0; i++) {
        const struct label *l = &k->fields[i].label;
        if (str_eq(text_fold(&im->row, l->vi), want) || str_eq(text_fold(&im->row, l->en), want)) {
            if (found != COL_UNKNOWN)
                return COL_UNKNOWN;
            found = (int)i;
        }
    }
    if (found == COL_UNKNOWN && (str_eq(want, STR("trang thai")) || str_eq(want, STR("state"))))
        found = COL_STATE;
    return found;
}

static bool column_empty(const struct sheet *s, size_t col)
{
    for (size_t i = s->head; i < s->nrows; i++)
        if (col < s->rows[i].n && str_trim(s->rows[i].cells[col]).n > 0)
            return false;
    return true;
}

static int column_of(struct import *im, const struct sheet *s, str h)
{
    if (str_starts(h, STR("#")))
        return COL_NOTE;
    int c = column_named(im, s->k, h);
    return c == COL_UNKNOWN ? column_labelled(im, s->k, h) : c;
}

static void find_header(struct import *im, struct sheet *s)
{
    size_t best = 0;

    for (size_t i = 0; i < s->nrows && i < HEADER_ROWS; i++) {
        size_t score = 0;
        for (size_t c = 0; c < s->rows[i].n; c++) {
            str h = str_trim(s->rows[i].cells[c]);
            if (h.n == 0 || h.n > 200)
                continue;
            if (column_named(im, s->k, h) != COL_UNKNOWN)
                score += 2;
            else if (column_labelled(im, s->k, h) != COL_UNKNOWN)
                score += 1;
        }
        if (score > best) {
            best = score;
            s->head = i;
        }
        arena_clear(&im->row);
    }
}

int sheet_header(struct import *im, struct sheet *s, struct err *e)
{
    bool state = false;

    if (s->shown == NULL)
        find_header(im, s);
    const struct sheet_row *l = &s->rows[s->head];
    s->cols = arena_array(&im->b->a, int, l->n);
    s->headers = arena_array(&im->b->a, str, s->k->nfields);
    if (s->cols == NULL || s->headers == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    s->ncols = l->n;
    for (size_t i = 0; i < l->n; i++) {
        str h = str_trim(l->cells[i]);
        struct err fe = {0};
        s->cols[i] = h.n == 0 && column_empty(s, i) ? COL_NOTE : column_of(im, s, h);
        bool twice = s->cols[i] == COL_STATE ? state : s->cols[i] >= 0 && s->headers[s->cols[i]].n > 0;
        if (s->cols[i] == COL_UNKNOWN)
            ERR(&fe, -EINVAL, "registry.csv_column", S(h), S(s->k->name));
        else if (twice)
            ERR(&fe, -EINVAL, "registry.csv_twice", S(h));
        if (fe.code != 0)
            row_fault(im, s, l, h, &fe);
        state |= s->cols[i] == COL_STATE;
        if (s->cols[i] >= 0)
            s->headers[s->cols[i]] = s->shown != NULL ? s->shown[i] : h;
    }
    const struct field *key = &s->k->fields[s->k->key_field];
    if (s->headers[s->k->key_field].n == 0 && key->dflt.n == 0) {
        struct err fe = {0};
        ERR(&fe, -EINVAL, "registry.csv_no_key", S(key->name));
        row_fault(im, s, l, key->name, &fe);
    }
    return 0;
}

static str cell_of(const struct sheet *s, const struct sheet_row *l, size_t field)
{
    for (size_t i = 0; i < s->ncols && i < l->n; i++)
        if (s->cols[i] == (int)field)
            return str_trim(l->cells[i]);
    return STR_NONE;
}

/* The key that a row has or that follows from its cells; STR_NONE when it is
 * numbered on creation. */
static str line_key(struct import *im, const struct sheet *s, const struct sheet_row *l)
{
    const struct field *f = &s->k->fields[s->k->key_field];
    str t = f->dflt, key = cell_of(s, l, s->k->key_field);
    struct val v;
    struct buf b;

    if (key.n == 0 && str_find(t, STR("{n}")) != SIZE_MAX)
        return STR_NONE;
    buf_init(&b, 4096);
    for (size_t open; key.n == 0 && (open = str_find(t, STR("{"))) != SIZE_MAX;) {
        size_t close = str_find(t, STR("}"));
        buf_str(&b, str_sub(t, 0, open));
        buf_str(&b, cell_of(s, l, kind_field_at(s->k, str_sub(t, open + 1, close - open - 1))));
        t = str_sub(t, close + 1, SIZE_MAX);
    }
    if (key.n == 0) {
        buf_str(&b, t);
        key = arena_str(&im->b->a, buf_view(&b));
    }
    buf_done(&b);
    if (value_parse(&im->b->a, f, key, &v, NULL) < 0 || v.type != VAL_TEXT)
        return STR_NONE; /* the mistake shows when the row is judged */
    return v.s;
}

int sheet_keys(struct import *im, struct sheet *s, struct err *e)
{
    for (size_t i = s->head + 1; i < s->nrows; i++) {
        struct sheet_row *l = &s->rows[i];
        bool fresh;
        l->key = line_key(im, s, l);
        if (l->key.n == 0)
            continue;
        struct map_slot *slot = map_put(&s->by_key, l->key, &fresh);
        if (slot == NULL)
            return ERR(e, -ENOMEM, "registry.no_memory");
        if (!fresh) {
            struct err fe;
            ERR(&fe, -EINVAL, "registry.csv_key_twice", S(l->key), N(s->rows[slot->v.num].row));
            row_fault(im, s, l, s->headers[s->k->key_field], &fe);
            l->step = ROW_DONE;
        } else {
            slot->v.num = (int64_t)i;
        }
    }
    return 0;
}

/* What the reader noticed, where it is in a column that counts. */
int sheet_troubles(struct import *im, struct sheet *s, struct err *e)
{
    for (size_t i = 0; i < s->ntroubles; i++) {
        const struct trouble *t = &s->troubles[i];
        const struct sheet_row *head = &s->rows[s->head], at = {.row = t->row};
        bool used = t->col < s->ncols && s->cols[t->col] != COL_NOTE;
        struct err fe = {0};
        if (t->row < head->row || (t->row == head->row && !t->from_here) || !used)
            continue;
        str column = s->shown != NULL ? s->shown[t->col] : str_trim(head->cells[t->col]);
        if (!t->note) {
            ERR(&fe, -EINVAL, t->key, t->arg);
            row_fault(im, s, &at, column, &fe);
        } else if (im->notes_total++ < IMPORT_NOTES_MAX) {
            json_array_append_new(im->notes, json_pack("{s:o, s:I, s:o, s:s, s:o}", "sheet", json_from_str(s->name),
                                                       "row", (json_int_t)t->row, "column", json_from_str(column),
                                                       "code", t->key, "arg", json_from_str(str_c(t->arg))));
        }
    }
    return im->b->a.failed ? ERR(e, -ENOMEM, "registry.no_memory") : 0;
}
