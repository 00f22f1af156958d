/* Applies a mapping: source sheets in, sheets of kinds out. Prefixes first, for
 * addresses look for theirs; then what the file is about; last what is only made
 * where it is missing, when all that the file itself makes is known. */
#include "registry/exchange-int.h"
#include "registry/mapping-run-int.h"
#include <errno.h>

enum { PASS_PREFIX, PASS_OWN, PASS_MISSING, PASSES };

static void say(struct run *x, const struct sheet_row *l, str column, struct err *fe)
{
    row_fault(x->im, x->src, l, column, fe);
}

static size_t column_at(const struct run *x, str name)
{
    for (size_t i = 0; i < x->ncols; i++)
        if (str_eq(x->cols[i], name))
            return i;
    return SIZE_MAX;
}

/* The columns of a source row, by the folded names of its header. */
static str cell_at(struct run *x, const struct sheet_row *l, str column, size_t *at)
{
    struct map_slot *known = map_get(&x->folded, column);

    if (known == NULL) {
        bool fresh;
        str f = text_fold(&x->out->a, str_trim(column));
        if ((known = map_put(&x->folded, column, &fresh)) == NULL)
            return STR_NONE;
        known->v.num = (int64_t)column_at(x, f);
    }
    if (known->v.num < 0)
        return STR_NONE;
    *at = (size_t)known->v.num;
    str cell = *at < l->n ? str_trim(l->cells[*at]) : STR_NONE;
    for (size_t i = 0; i < x->m->nempty; i++)
        if (str_eq(cell, x->m->empty[i]))
            return STR_NONE;
    return cell;
}

/* False when a piece that is not plain text is empty. *col: a column it used. */
static bool filled(struct run *x, const struct sheet_row *l, const struct map_template *t, str *out, size_t *col)
{
    struct buf b;
    bool full = true;

    if (t->n == 1 && t->v[0].type == PIECE_COLUMN) {
        *out = cell_at(x, l, t->v[0].text, col);
        return out->n > 0;
    }
    buf_init(&b, CSV_CELL);
    for (size_t i = 0; i < t->n; i++) {
        const struct map_piece *p = &t->v[i];
        str s = p->type == PIECE_COLUMN  ? cell_at(x, l, p->text, col)
                : p->type == PIECE_FIELD ? x->made[p->at]
                : p->type == PIECE_PARAM ? x->params[p->at]
                                         : p->text;
        full &= s.n > 0;
        buf_str(&b, s);
    }
    *out = arena_str(&x->out->a, buf_view(&b));
    buf_done(&b);
    return full;
}

static str part_of(str s, char split, int64_t part)
{
    str one, rest = s, found = STR_NONE;
    int64_t n = 0, count = 1;

    for (size_t i = 0; i < s.n; i++)
        count += s.p[i] == split;
    part = part < 0 ? count + part + 1 : part;
    while (str_split(&rest, split, &one))
        if (++n == part)
            found = str_trim(one);
    return found;
}

static str from_table(struct run *x, const struct map_rule *r, const struct sheet_row *l, str s, str column)
{
    str want = text_fold(&x->im->row, s);
    char known[ERR_ARG_MAX] = "";
    struct err fe = {0};
    size_t n = 0;

    for (size_t i = 0; i < r->table->n; i++)
        if (str_eq(r->table->from[i], want))
            return r->table->to[i];
    if (r->otherwise != ELSE_MISTAKE)
        return r->otherwise == ELSE_KEEP ? s : r->otherwise == ELSE_EMPTY ? STR_NONE : r->otherwise_value;
    for (size_t i = 0; i < r->table->n && n < sizeof(known) - 1; i++)
        n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%.*s", i > 0 ? ", " : "", STR_ARGS(r->table->from[i]));
    ERR(&fe, -EINVAL, "registry.map_value", S(s), S(r->table->name), known);
    say(x, l, column, &fe);
    return STR_NONE;
}

static str cut_to(struct run *x, const struct map_record *rec, const struct map_rule *r, str s)
{
    const struct field *f = r->field >= 0 ? &rec->k->fields[r->field] : NULL;
    size_t chars = 0, i = 0;

    if (!r->cut || f == NULL || !f->has_max)
        return s;
    for (; i < s.n && chars < (size_t)f->max; chars++)
        i += utf8_char(str_sub(s, i, SIZE_MAX));
    return str_trim(str_sub(s, 0, i));
}

/* What the rule makes of the row; *col: the source column that a mistake is told at. */
static str value_of(struct run *x, const struct map_record *rec, const struct map_rule *r, const struct sheet_row *l,
                    size_t *col)
{
    str s = STR_NONE;
    bool got = false;

    for (size_t i = 0; i < r->nfrom && !got; i++)
        got = filled(x, l, &r->from[i], &s, col);
    if (r->has_value)
        got = filled(x, l, &r->value, &s, col);
    str column = *col < x->ncols ? x->shown[*col] : STR_NONE;
    if (got && r->split != 0)
        s = part_of(s, r->split, r->part);
    if (got && s.n > 0 && r->table != NULL)
        s = from_table(x, r, l, s, column);
    if (!got || s.n == 0) {
        s = STR_NONE;
        if (r->has_dflt && !filled(x, l, &r->dflt, &s, col))
            s = STR_NONE;
        return s;
    }
    s = map_way(x, rec, r, l, s, column);
    return cut_to(x, rec, r, s);
}

static bool fits(str s, str pattern)
{
    bool head = str_starts(pattern, STR("*")), tail = pattern.n > 1 && str_ends(pattern, STR("*"));
    str want = str_sub(pattern, head, pattern.n - head - tail);

    if (head && tail)
        return str_find(s, want) != SIZE_MAX;
    return head ? str_ends(s, want) : tail ? str_starts(s, want) : str_eq(s, want);
}

static bool left_out(struct run *x, const struct map_source *src, const struct map_record *rec,
                     const struct sheet_row *l)
{
    size_t col;

    for (size_t i = 0; i < src->nskips; i++)
        if (fits(cell_at(x, l, src->skips[i].column, &col), src->skips[i].pattern))
            return true;
    for (size_t i = 0; i < rec->nwhen; i++)
        if (cell_at(x, l, rec->when[i], &col).n == 0)
            return true;
    return false;
}

/* "{device}/{name}" of the fields that were made. */
static str key_filled(struct run *x, const struct kind *k, str t)
{
    struct buf b;

    buf_init(&b, CSV_CELL);
    for (size_t open; (open = str_find(t, STR("{"))) != SIZE_MAX;) {
        size_t close = str_find(t, STR("}")), f = kind_field_at(k, str_sub(t, open + 1, close - open - 1));
        buf_str(&b, str_sub(t, 0, open));
        buf_str(&b, f != SIZE_MAX ? x->made[f] : STR_NONE);
        t = str_sub(t, close + 1, SIZE_MAX);
    }
    buf_str(&b, t);
    str s = arena_str(&x->out->a, buf_view(&b));
    buf_done(&b);
    return s;
}

/* The key that the record gets, as the import finds it; empty: not known here. */
static str key_of(struct run *x, const struct map_record *rec)
{
    const struct field *f = &rec->k->fields[rec->k->key_field];
    str s = x->made[rec->k->key_field];
    struct val v;

    if (s.n == 0 && f->dflt.n > 0 && str_find(f->dflt, STR("{n}")) == SIZE_MAX)
        s = key_filled(x, rec->k, f->dflt);
    return s.n > 0 && value_parse(&x->out->a, f, s, &v, NULL) == 0 && v.type == VAL_TEXT ? v.s : STR_NONE;
}

static int row_make(struct run *x, const struct map_record *rec, struct sheet *to, const struct sheet_row *l,
                    size_t *used, struct err *e)
{
    struct sheet_row row = {.cells = arena_array(&x->out->a, str, rec->nrules), .row = l->row, .line = l->line};

    if (row.cells == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    memset(x->made, 0, rec->k->nfields * sizeof(x->made[0]));
    for (size_t i = 0; i < rec->nrules; i++) {
        size_t col = SIZE_MAX;
        row.cells[i] = value_of(x, rec, &rec->rules[i], l, &col);
        if (rec->rules[i].field >= 0)
            x->made[rec->rules[i].field] = row.cells[i];
        if (used[i] == SIZE_MAX && col < x->ncols)
            used[i] = col;
    }
    row.n = rec->nrules;
    arena_clear(&x->im->row);
    if (x->rc < 0)
        return x->rc;
    str key = key_of(x, rec);
    bool known = false;
    int rc = key.n > 0 ? map_known(x, rec->k, key, rec->missing, &known, e) : 0;
    return rc < 0 || (known && rec->missing) ? rc : sheet_add(x->out, to, &row, e);
}

/* The header: names of fields; beside it what the source calls them. */
static int header_make(struct run *x, const struct map_record *rec, struct sheet *to, const size_t *used, struct err *e)
{
    struct sheet_row *head = &to->rows[0];

    to->shown = arena_array(&x->out->a, str, rec->nrules);
    if (to->shown == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    for (size_t i = 0; i < rec->nrules; i++)
        to->shown[i] = used[i] < x->ncols ? x->shown[used[i]] : head->cells[i];
    /* What the reader noticed in a cell goes with its column, once. */
    for (size_t t = 0; t < x->src->ntroubles; t++)
        for (size_t i = 0; i < rec->nrules; i++)
            if (used[i] == x->src->troubles[t].col && !x->told[t]) {
                struct trouble moved = x->src->troubles[t];
                moved.col = i;
                sheet_trouble(x->out, to, &moved);
                x->told[t] = true;
                break;
            }
    return 0;
}

static int record_run(struct run *x, const struct map_source *src, const struct map_record *rec, struct err *e)
{
    struct sheet *to = book_sheet(x->out, x->src->name, e);
    size_t *used = arena_array(&x->out->a, size_t, rec->nrules + 1);
    struct sheet_row head = {.cells = arena_array(&x->out->a, str, rec->nrules), .n = rec->nrules};

    if (to == NULL || used == NULL || head.cells == NULL)
        return to == NULL ? -E2BIG : ERR(e, -ENOMEM, "registry.no_memory");
    to->k = rec->k;
    head.row = x->src->rows[x->src->head].row;
    for (size_t i = 0; i < rec->nrules; i++) {
        used[i] = SIZE_MAX;
        head.cells[i] = rec->rules[i].field < 0 ? STR("state") : rec->k->fields[rec->rules[i].field].name;
    }
    int rc = sheet_add(x->out, to, &head, e);
    for (size_t i = x->src->head + 1; i < x->src->nrows && rc == 0; i++)
        if (!left_out(x, src, rec, &x->src->rows[i]))
            rc = row_make(x, rec, to, &x->src->rows[i], used, e);
    return rc < 0 ? rc : header_make(x, rec, to, used, e);
}

/* Columns of the row that may be the header. */
static bool take_header(struct run *x, const struct sheet_row *l)
{
    x->ncols = l->n;
    x->cols = arena_array(&x->out->a, str, l->n + 1);
    x->shown = arena_array(&x->out->a, str, l->n + 1);
    for (size_t i = 0; x->cols != NULL && x->shown != NULL && i < l->n; i++) {
        x->shown[i] = str_trim(l->cells[i]);
        x->cols[i] = text_fold(&x->out->a, x->shown[i]);
    }
    return x->cols != NULL && x->shown != NULL;
}

/* The source that a sheet is: the one most of whose columns, all of them, are there. */
static const struct map_source *source_of(struct run *x)
{
    const struct map_source *best = NULL;
    size_t best_head = 0;

    for (size_t h = 0; h < x->src->nrows && h < HEADER_ROWS && best == NULL; h++) {
        if (!take_header(x, &x->src->rows[h]))
            return NULL;
        for (size_t i = 0; i < x->m->nsources; i++) {
            const struct map_source *s = &x->m->sources[i];
            size_t have = 0;
            while (have < s->nhas && column_at(x, text_fold(&x->out->a, s->has[have])) != SIZE_MAX)
                have++;
            if (have == s->nhas && (best == NULL || s->nhas > best->nhas)) {
                best = s;
                best_head = h;
            }
        }
    }
    x->src->head = best_head;
    return best;
}

static void no_source(struct run *x)
{
    const struct sheet_row none = {.row = 1};
    char want[ERR_ARG_MAX] = "";
    struct err fe = {0};
    size_t n = 0;

    for (size_t i = 0; i < x->m->nsources && n < sizeof(want) - 1; i++) {
        n += (size_t)snprintf(want + n, sizeof(want) - n, "%s%.*s (", i > 0 ? "; " : "",
                              STR_ARGS(x->m->sources[i].name));
        for (size_t c = 0; c < x->m->sources[i].nhas && n < sizeof(want) - 1; c++)
            n += (size_t)snprintf(want + n, sizeof(want) - n, "%s%.*s", c > 0 ? ", " : "",
                                  STR_ARGS(x->m->sources[i].has[c]));
        n += n < sizeof(want) - 1 ? (size_t)snprintf(want + n, sizeof(want) - n, ")") : 0;
    }
    ERR(&fe, -EINVAL, "registry.map_no_source", S(x->src->name), S(x->m->name), want);
    say(x, x->src->nrows > 0 ? &x->src->rows[0] : &none, STR_NONE, &fe);
}

static int pass_of(const struct map_record *rec)
{
    return rec->missing ? PASS_MISSING : str_eq(rec->k->name, STR("prefix")) ? PASS_PREFIX : PASS_OWN;
}

static int sheet_run(struct run *x, int pass, struct err *e)
{
    const struct map_source *src = source_of(x);
    int rc = 0;

    map_done(&x->folded);
    map_init(&x->folded, 10000);
    x->told = arena_array(&x->out->a, bool, x->src->ntroubles + 1);
    if (src == NULL && pass == 0)
        no_source(x);
    if (src == NULL || !take_header(x, &x->src->rows[x->src->head]))
        return 0;
    if (pass == 0)
        rc = mapping_unused(x, src, e);
    for (size_t i = 0; i < src->nrecords && rc == 0; i++)
        if (pass_of(&src->records[i]) == pass)
            rc = record_run(x, src, &src->records[i], e);
    return rc;
}

int mapping_run(struct import *im, struct book *out, struct err *e)
{
    struct run x = {.im = im, .m = im->in->map, .out = out, .e = e};
    size_t widest = 1;

    for (size_t i = 0; i < im->w->r->sc->nkinds; i++)
        widest = im->w->r->sc->kinds[i].nfields > widest ? im->w->r->sc->kinds[i].nfields : widest;
    x.made = arena_array(&out->a, str, widest);
    int rc = x.made == NULL ? ERR(e, -ENOMEM, "registry.no_memory") : map_open(&x, e);
    for (int pass = 0; pass < PASSES && rc == 0; pass++)
        for (size_t i = 0; i < im->b->n && rc == 0; i++) {
            x.src = &im->b->sheets[i];
            if (x.src->nrows > 0)
                rc = sheet_run(&x, pass, e);
        }
    map_close(&x);
    out->date1904 = im->b->date1904;
    return rc;
}
