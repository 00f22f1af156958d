/* Import: every row of every sheet is judged in one write transaction, each
 * against what the rows before it would have made; with any mistake, or for a
 * dry run, all is rolled back. So a judgement and a write can never differ.
 *
 * Rows may stand in any order, in any sheet: a row that names another of the
 * book (parent.code, unit.code) is written after it. */
#include "registry/exchange-int.h"
#include "registry/change-int.h"
#include "registry/mapping-int.h"
#include <errno.h>

enum { TREE_DEPTH = 100 };

void row_fault(struct import *im, const struct sheet *s, const struct sheet_row *l, str column, struct err *fe)
{
    char at[ERR_AT_MAX];
    int n = column.n > 0 ? snprintf(at, sizeof(at), "row %ld, column %.*s", l->row, STR_ARGS(column))
                         : snprintf(at, sizeof(at), "row %ld", l->row);

    if (im->named && (size_t)n < sizeof(at))
        snprintf(at + n, sizeof(at) - (size_t)n, ", sheet %.*s", STR_ARGS(s->name));
    err_at(fe, at, l->line, 0);
    if (im->w->es != NULL)
        errs_add(im->w->es, fe);
    im->w->mistakes++;
}

static struct input *read_cells(struct import *im, const struct sheet *s, const struct sheet_row *l)
{
    struct input *in = input_new(&im->row, s->k);
    struct err fe = {0};

    if (in == NULL)
        return NULL;
    if (l->n > s->ncols) {
        ERR(&fe, -EINVAL, "registry.csv_width", N((int64_t)l->n), N((int64_t)s->ncols));
        row_fault(im, s, l, STR_NONE, &fe);
    }
    for (size_t i = 0; i < s->ncols && i < l->n; i++) {
        if (s->cols[i] == COL_STATE)
            in->state = str_trim(l->cells[i]);
        else if (s->cols[i] >= 0 && input_cell(im->w, s->k, (size_t)s->cols[i], l->cells[i], in, &fe) < 0)
            write_fault(im->w, s->k->fields[s->cols[i]].name, &fe);
    }
    return in;
}

static int line_old(struct import *im, const struct sheet *s, const struct sheet_row *l, struct rec **old,
                    struct err *e)
{
    struct write *w = im->w;
    const struct known_ref *ref = known_key(w->known, s->k, l->key);
    int64_t id = 0;

    if (ref != NULL && (ref->id == 0 || (*old = known_rec(w->known, s->k, ref->id)) != NULL)) {
        *old = ref->id != 0 ? *old : NULL;
        return 0;
    }
    int rc = l->key.n == 0 ? 0 : rec_find_key(w->tx, w->a, s->k, l->key, true, &id, e);

    *old = NULL;
    if (rc == 0 && id != 0)
        rc = scope_sees(w->tx, w->r, &w->scope, s->k, id, e);
    return rc == 0 && id != 0 ? rec_load(w->tx, w->r, w->a, s->k, id, old, e) : rc;
}

/* A row's own trouble is a mistake of the file; trouble of the store ends it. */
static bool of_the_row(int rc) { return rc == -EINVAL || rc == -EACCES || rc == -ENOENT || rc == -EPERM; }

static int line_write(struct import *im, struct sheet *s, struct sheet_row *l, struct err *e)
{
    struct rec *old = NULL, *fresh;
    enum outcome how = OUT_SAME;
    uint64_t before = im->w->mistakes;
    struct err fe = {0};

    int rc = group_line(im, s, l, e);
    if (rc < 0)
        return rc;
    struct input *in = read_cells(im, s, l);
    rc = in == NULL ? ERR(&fe, -ENOMEM, "registry.no_memory") : line_old(im, s, l, &old, &fe);
    if (rc == 0)
        rc = write_record(im->w, s->k, old, in, &fresh, &how, &fe);
    if (rc == 0 && how != OUT_SAME)
        rc = tell_change(im, s, l, old, fresh, in, &fe);
    bool own = of_the_row(rc) && tx_blame(im->w->tx) == 0;
    if (own && im->w->mistakes == before)
        row_fault(im, s, l, STR_NONE, &fe);
    group_line_end(im);
    if (rc < 0)
        return own ? 0 : group_blame(im, rc, &fe, e);
    s->count[how]++;
    return 0;
}

/* The row of the book that makes the record which the cell names; NULL: none. */
static struct sheet_row *row_named(struct import *im, const struct field *f, str cell, struct sheet **in)
{
    for (size_t i = 0; i < im->b->n; i++) {
        struct sheet *s = &im->b->sheets[i];
        struct val v = V_NULL;
        if (s->k == NULL || !str_eq(s->k->name, f->ref_kind))
            continue;
        struct map_slot *slot = map_get(&s->by_key, cell);
        if (slot == NULL && value_parse(&im->row, &s->k->fields[s->k->key_field], cell, &v, NULL) == 0 &&
            v.type == VAL_TEXT)
            slot = map_get(&s->by_key, v.s);
        if (slot == NULL)
            continue;
        *in = s;
        return &s->rows[slot->v.num];
    }
    return NULL;
}

static int line_apply(struct import *im, struct sheet *s, struct sheet_row *l, int depth, struct err *e);

/* First what the cell refers to. */
static int cell_first(struct import *im, const struct field *f, str cell, int depth, struct err *e)
{
    str rest = f->type == FT_REFS ? cell : STR_NONE, key = cell;
    int rc = 0;

    while (rc == 0 && (f->type == FT_REF || str_split(&rest, '|', &key))) {
        struct sheet *s = NULL;
        struct sheet_row *l = str_trim(key).n > 0 ? row_named(im, f, str_trim(key), &s) : NULL;
        if (l != NULL)
            rc = line_apply(im, s, l, depth + 1, e);
        if (f->type == FT_REF)
            break;
    }
    return rc;
}

static int line_apply(struct import *im, struct sheet *s, struct sheet_row *l, int depth, struct err *e)
{
    int rc = 0;

    if (l->step != ROW_NEW)
        return 0;
    l->step = ROW_BUSY;
    for (size_t i = 0; i < s->ncols && i < l->n && rc == 0 && depth < TREE_DEPTH; i++) {
        const struct field *f = s->cols[i] >= 0 ? &s->k->fields[s->cols[i]] : NULL;
        if (f != NULL && f->ref_kind.n > 0)
            rc = cell_first(im, f, str_trim(l->cells[i]), depth, e);
    }
    if (rc == 0)
        rc = line_write(im, s, l, e);
    l->step = ROW_DONE;
    arena_clear(&im->row);
    return rc;
}

static int sheet_apply(struct import *im, struct sheet *s, struct err *e)
{
    int rc = 0;

    for (size_t from = s->head + 1; from < s->nrows && rc == 0; from += GROUP_ROWS) {
        rc = group_begin(im, s, from, e);
        for (size_t i = from; i < s->nrows && i < from + GROUP_ROWS && rc == 0; i++)
            rc = line_apply(im, s, &s->rows[i], 0, e);
        if (rc == 0)
            rc = group_end(im, e);
    }
    return rc;
}

/* The kind of each sheet: the caller's, when the file has one table for it. */
static int name_kinds(struct import *im, struct err *e)
{
    struct schema const *sc = im->w->r->sc;
    size_t tables = 0;

    for (size_t i = 0; i < im->b->n; i++)
        tables += im->b->sheets[i].nrows > 0;
    for (size_t i = 0; i < im->b->n; i++) {
        struct sheet *s = &im->b->sheets[i];
        const struct sheet_row none = {.row = 1};
        struct err fe = {0};
        if (s->nrows == 0 || s->k != NULL)
            continue;
        s->k = sheet_kind(sc, &im->row, s->name);
        if (im->in->kind.n > 0 && (s->k == NULL || !str_eq(s->k->name, im->in->kind)))
            s->k = tables == 1 ? kind_want(im->w->r, im->in->kind, e) : NULL;
        if (s->k == NULL) {
            ERR(&fe, -EINVAL, im->in->kind.n > 0 ? "registry.sheet_other" : "registry.sheet_kind", S(s->name),
                S(im->in->kind));
            row_fault(im, s, s->nrows > 0 ? &s->rows[0] : &none, STR_NONE, &fe);
        }
    }
    arena_clear(&im->row);
    return tables == 0 ? ERR(e, -EINVAL, "registry.csv_empty") : 0;
}

static int import_run(struct import *im, struct err *e)
{
    int rc = name_kinds(im, e);

    for (size_t i = 0; i < im->b->n && rc == 0; i++)
        if (im->b->sheets[i].k != NULL)
            rc = sheet_header(im, &im->b->sheets[i], e);
    /* With a wrong header every row would be wrong: only the headers are told. */
    if (rc < 0 || im->w->mistakes > 0)
        return rc;
    for (size_t i = 0; i < im->b->n && rc == 0; i++) {
        struct sheet *s = &im->b->sheets[i];
        rc = s->k == NULL ? 0 : sheet_keys(im, s, e);
        if (rc == 0 && s->k != NULL)
            rc = sheet_troubles(im, s, e);
    }
    for (size_t i = 0; i < im->b->n && rc == 0; i++)
        if (im->b->sheets[i].k != NULL)
            rc = sheet_apply(im, &im->b->sheets[i], e);
    return rc;
}

static str without_ending(str name)
{
    size_t end = name.n;

    while (end > 0 && name.p[end - 1] != '.')
        end--;
    return str_sub(name, 0, end > 0 ? end - 1 : SIZE_MAX);
}

int book_read(struct book *b, const struct import_args *in, struct err *e)
{
    const struct import_file only = {in->name, in->body, in->format};
    const struct import_file *f = in->nfiles > 0 ? in->files : &only;
    int rc = 0;

    for (size_t i = 0; i < (in->nfiles > 0 ? in->nfiles : 1) && rc == 0; i++) {
        rc = f[i].format == SHEET_XLSX ? book_from_xlsx(b, f[i].body, e)
                                       : book_from_csv(b, without_ending(f[i].name), f[i].body, e);
        if (rc < 0 && in->nfiles > 1 && e != NULL && e->at[0] == '\0')
            err_at(e, S(f[i].name), e->line, e->col);
    }
    return rc;
}

static int draft(struct import *im, const struct actor *who, json_t *result, struct errs *es, struct err *e)
{
    json_t *set = NULL;

    if (json_array_size(im->ops) == 0)
        return 0;
    int rc =
        change_draft_from(im->w->r, who, im->in->title.n > 0 ? im->in->title : STR("Import"), im->ops, &set, es, e);
    if (rc == 0)
        json_object_set_new(result, "change_set", set);
    return rc;
}

/* Writes or takes back, and tells. */
static int import_close(struct import *im, const struct actor *who, int rc, json_t **out, struct errs *es,
                        struct err *e)
{
    if (rc == 0 && im->w->mistakes > 0)
        rc = ERR(e, -EINVAL, "registry.csv_mistakes", N((int64_t)im->w->mistakes));
    if (rc == 0 && im->in->dry_run)
        rc = change_show(im->w, im->w->first_seq, im->in->look, e);
    int closed = write_close(im->w, rc == 0 && !im->in->dry_run && im->ops == NULL, e);

    rc = rc == 0 ? closed : rc;
    if (rc < 0)
        return rc;
    json_t *result = tell_result(im);
    if (im->ops != NULL && !im->in->dry_run)
        rc = draft(im, who, result, es, e);
    if (rc == 0 && out != NULL)
        *out = result;
    else
        json_decref(result);
    return rc;
}

static int run_and_close(struct import *im, const struct actor *who, int rc, json_t **out, struct errs *es,
                         struct err *e)
{
    struct book mapped;
    bool maps = im->in->map != NULL && rc == 0;

    if (maps) {
        book_init(&mapped);
        rc = mapping_run(im, &mapped, e);
        im->b = &mapped;
    }
    if (rc == 0)
        rc = import_run(im, e);
    rc = import_close(im, who, rc, out, es, e);
    if (maps)
        book_done(&mapped);
    return rc;
}
int registry_import(struct registry *r, const struct actor *who, const struct import_args *in, json_t **out,
                    struct errs *es, struct err *e)
{
    struct book b;
    struct write w;
    struct import im = {.w = &w, .in = in, .b = &b, .row = arena_init(CALL_ARENA), .notes = json_array()};
    int rc = in->kind.n > 0 && kind_want(r, in->kind, e) == NULL ? -ENOENT : 0;

    im.changes = in->changes ? json_array() : NULL;
    im.ops = in->as_change ? json_array() : NULL;
    book_init(&b);
    /* The file is read before the writer's lock is taken. */
    if (rc == 0)
        rc = book_read(&b, in, e);
    im.named = in->nfiles > 1 || (in->nfiles == 1 ? in->files[0].format : in->format) != SHEET_CSV;
    if (rc == 0)
        rc = write_begin(&w, r, who, &im.row, es, e);
    if (rc == 0) {
        w.by_change = in->as_change; /* what needs approval may be drafted */
        rc = group_open(&im, e);
        w.known = im.known;
        rc = run_and_close(&im, who, rc, out, es, e);
        group_done(&im);
    }
    book_done(&b);
    arena_free(&im.row);
    json_decref(im.changes);
    json_decref(im.notes);
    json_decref(im.ops);
    return rc;
}

int registry_import_csv(struct registry *r, const struct actor *who, str kind, str csv, bool dry_run, json_t **out,
                        struct errs *es, struct err *e)
{
    const struct import_args in = {.kind = kind, .body = csv, .format = SHEET_CSV, .dry_run = dry_run};

    return registry_import(r, who, &in, out, es, e);
}
