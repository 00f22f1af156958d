/* CSV in: every row is judged in one write transaction, each against what the
 * rows before it would have made; with any mistake, or for a dry run, all is
 * rolled back. So a judgement and a write can never differ.
 *
 * Rows of a tree may stand in any order: a row that names another of the file
 * (parent.code) is written after it. */
#include "registry/csv-int.h"
#include "registry/registry-int.h"
#include "base/map.h"
#include <errno.h>

enum { IMPORT_ARENA = 256 << 20, TREE_DEPTH = 100, COL_STATE = -1 };

struct csv_line {
    str *cells;
    size_t n;
    long row;
    uint32_t line;
    enum { ROW_NEW, ROW_BUSY, ROW_DONE } step;
    str key;
};
struct import {
    struct write *w;
    const struct kind *k;
    struct arena file, row; /* what lives as long as the file, as a row */
    int *cols;
    size_t ncols; /* field of a column, or COL_STATE */
    str *headers; /* beside the fields */
    struct csv_line *lines;
    size_t nlines;
    struct map by_key; /* key -> line */
    int64_t created, updated, unchanged;
};

static void row_fault(struct import *im, long row, uint32_t line, str column, struct err *fe)
{
    char at[ERR_AT_MAX];

    if (column.n > 0)
        snprintf(at, sizeof(at), "row %ld, column %.*s", row, STR_ARGS(column));
    else
        snprintf(at, sizeof(at), "row %ld", row);
    err_at(fe, at, line, 0);
    if (im->w->es != NULL)
        errs_add(im->w->es, fe);
    im->w->mistakes++;
}

/* "unit", "unit.code" or "state". */
static int header_column(const struct import *im, str h)
{
    size_t dot = str_find(h, STR("."));
    size_t at = kind_field_at(im->k, str_sub(h, 0, dot));

    if (str_eq(h, STR("state")))
        return COL_STATE;
    if (at != SIZE_MAX && dot != SIZE_MAX) {
        const struct field *f = &im->k->fields[at];
        const struct kind *t = f->ref_kind.n > 0 ? schema_kind(im->w->r->sc, f->ref_kind) : NULL;
        if (t == NULL || !str_eq(str_sub(h, dot + 1, SIZE_MAX), t->fields[t->key_field].name))
            return COL_STATE - 1;
    }
    return at == SIZE_MAX ? COL_STATE - 1 : (int)at;
}

static int read_header(struct import *im, const struct csv_line *l, struct err *e)
{
    bool state = false;

    im->cols = arena_array(&im->file, int, l->n);
    im->headers = arena_array(&im->file, str, im->k->nfields);
    if (im->cols == NULL || im->headers == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    im->ncols = l->n;
    for (size_t i = 0; i < l->n; i++) {
        str h = str_trim(l->cells[i]);
        struct err fe = {0};
        im->cols[i] = header_column(im, h);
        bool twice = im->cols[i] == COL_STATE ? state : im->cols[i] >= 0 && im->headers[im->cols[i]].n > 0;
        if (im->cols[i] < COL_STATE)
            ERR(&fe, -EINVAL, "registry.csv_column", S(h), S(im->k->name));
        else if (twice)
            ERR(&fe, -EINVAL, "registry.csv_twice", S(h));
        if (fe.code != 0)
            row_fault(im, l->row, l->line, h, &fe);
        if (im->cols[i] == COL_STATE)
            state = true;
        else if (im->cols[i] >= 0)
            im->headers[im->cols[i]] = h;
    }
    const struct field *key = &im->k->fields[im->k->key_field];
    if (im->headers[im->k->key_field].n == 0 && key->dflt.n == 0) {
        struct err fe = {0};
        ERR(&fe, -EINVAL, "registry.csv_no_key", S(key->name));
        row_fault(im, l->row, l->line, key->name, &fe);
    }
    return 0;
}

static str cell_of(const struct import *im, const struct csv_line *l, size_t field)
{
    for (size_t i = 0; i < im->ncols && i < l->n; i++)
        if (im->cols[i] == (int)field)
            return str_trim(l->cells[i]);
    return STR_NONE;
}

/* The key that a row has or that follows from its cells; STR_NONE when it is
 * numbered on creation. */
static str line_key(struct import *im, const struct csv_line *l)
{
    const struct field *f = &im->k->fields[im->k->key_field];
    str t = f->dflt, key = cell_of(im, l, im->k->key_field);
    struct val v;
    struct buf b;

    if (key.n == 0 && str_find(t, STR("{n}")) != SIZE_MAX)
        return STR_NONE;
    buf_init(&b, 4096);
    for (size_t open; key.n == 0 && (open = str_find(t, STR("{"))) != SIZE_MAX;) {
        size_t close = str_find(t, STR("}"));
        buf_str(&b, str_sub(t, 0, open));
        buf_str(&b, cell_of(im, l, kind_field_at(im->k, str_sub(t, open + 1, close - open - 1))));
        t = str_sub(t, close + 1, SIZE_MAX);
    }
    if (key.n == 0) {
        buf_str(&b, t);
        key = arena_str(&im->file, buf_view(&b));
    }
    buf_done(&b);
    if (value_parse(&im->file, f, key, &v, NULL) < 0 || v.type != VAL_TEXT)
        return STR_NONE; /* the mistake shows when the row is judged */
    return v.s;
}

static bool blank(const struct csv_line *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (str_trim(l->cells[i]).n > 0)
            return false;
    return true;
}

static int read_lines(struct import *im, struct csv *c, struct err *e)
{
    size_t cap = 0;

    for (;;) {
        struct csv_line l = {0};
        int rc = csv_row(c, &im->file, &l.cells, &l.n, e);
        if (rc <= 0)
            return rc;
        if (blank(&l))
            continue;
        l.row = c->row;
        l.line = c->line;
        if (im->nlines == cap) {
            cap = cap == 0 ? 256 : cap * 2;
            struct csv_line *more = reallocarray(im->lines, cap, sizeof(*more));
            if (more == NULL)
                return ERR(e, -ENOMEM, "registry.no_memory");
            im->lines = more;
        }
        im->lines[im->nlines++] = l;
    }
}

static int index_keys(struct import *im, struct err *e)
{
    for (size_t i = 1; i < im->nlines; i++) {
        struct csv_line *l = &im->lines[i];
        bool fresh;
        l->key = line_key(im, l);
        if (l->key.n == 0)
            continue;
        struct map_slot *s = map_put(&im->by_key, l->key, &fresh);
        if (s == NULL)
            return ERR(e, -ENOMEM, "registry.no_memory");
        if (!fresh) {
            struct err fe;
            ERR(&fe, -EINVAL, "registry.csv_key_twice", S(l->key), N(im->lines[s->v.num].row));
            row_fault(im, l->row, l->line, im->headers[im->k->key_field], &fe);
            l->step = ROW_DONE;
        } else {
            s->v.num = (int64_t)i;
        }
    }
    return 0;
}

static struct input *read_cells(struct import *im, const struct csv_line *l)
{
    struct input *in = input_new(&im->row, im->k);
    struct err fe = {0};

    if (in == NULL)
        return NULL;
    if (l->n > im->ncols) {
        ERR(&fe, -EINVAL, "registry.csv_width", N((int64_t)l->n), N((int64_t)im->ncols));
        row_fault(im, l->row, l->line, STR_NONE, &fe);
    }
    for (size_t i = 0; i < im->ncols && i < l->n; i++) {
        if (im->cols[i] == COL_STATE) {
            in->state = str_trim(l->cells[i]);
        } else if (input_cell(im->w, im->k, (size_t)im->cols[i], l->cells[i], in, &fe) < 0) {
            write_fault(im->w, im->k->fields[im->cols[i]].name, &fe);
        }
    }
    return in;
}

static int line_old(struct import *im, const struct csv_line *l, struct rec **old, struct err *e)
{
    struct write *w = im->w;
    int64_t id = 0;
    int rc = l->key.n == 0 ? 0 : rec_find_key(w->tx, w->a, im->k, l->key, true, &id, e);

    *old = NULL;
    if (rc == 0 && id != 0)
        rc = scope_sees(w->tx, w->r, &w->scope, im->k, id, e);
    return rc == 0 && id != 0 ? rec_load(w->tx, w->r, w->a, im->k, id, old, e) : rc;
}

/* A row's own trouble is a mistake of the file; trouble of the store ends it. */
static bool of_the_row(int rc) { return rc == -EINVAL || rc == -EACCES || rc == -ENOENT; }

static int line_write(struct import *im, struct csv_line *l, struct err *e)
{
    struct rec *old = NULL, *fresh;
    enum outcome how = OUT_SAME;
    uint64_t before = im->w->mistakes;
    struct err fe = {0};

    im->w->place = (struct place){l->row, im->k, im->headers};
    struct input *in = read_cells(im, l);
    int rc = in == NULL ? ERR(&fe, -ENOMEM, "registry.no_memory") : line_old(im, l, &old, &fe);
    if (rc == 0)
        rc = write_record(im->w, im->k, old, in, &fresh, &how, &fe);
    if (of_the_row(rc)) {
        if (im->w->mistakes == before)
            row_fault(im, l->row, l->line, STR_NONE, &fe);
        return 0;
    }
    if (rc < 0) {
        if (e != NULL)
            *e = fe;
        return rc;
    }
    im->created += how == OUT_CREATED;
    im->updated += how == OUT_CHANGED;
    im->unchanged += how == OUT_SAME;
    return 0;
}

static int line_apply(struct import *im, size_t at, int depth, struct err *e)
{
    struct csv_line *l = &im->lines[at];
    int rc = 0;

    if (l->step != ROW_NEW)
        return 0;
    l->step = ROW_BUSY;
    for (size_t i = 0; i < im->ncols && i < l->n && rc == 0 && depth < TREE_DEPTH; i++) {
        const struct field *f = im->cols[i] >= 0 ? &im->k->fields[im->cols[i]] : NULL;
        if (f == NULL || f->type != FT_REF || !str_eq(f->ref_kind, im->k->name))
            continue;
        struct map_slot *s = map_get(&im->by_key, str_trim(l->cells[i]));
        if (s != NULL && (size_t)s->v.num != at)
            rc = line_apply(im, (size_t)s->v.num, depth + 1, e);
    }
    if (rc == 0)
        rc = line_write(im, l, e);
    l->step = ROW_DONE;
    arena_clear(&im->row);
    return rc;
}

static int import_run(struct import *im, str text, struct err *e)
{
    struct csv c;
    int rc = csv_open(&c, text, e);

    if (rc == 0)
        rc = read_lines(im, &c, e);
    if (rc == 0 && im->nlines == 0)
        rc = ERR(e, -EINVAL, "registry.csv_empty");
    if (rc == 0)
        rc = read_header(im, &im->lines[0], e);
    /* With a wrong header every row would be wrong: only the header is told. */
    if (rc < 0 || im->w->mistakes > 0)
        return rc;
    rc = index_keys(im, e);
    for (size_t i = 1; i < im->nlines && rc == 0; i++)
        rc = line_apply(im, i, 0, e);
    return rc;
}

int registry_import_csv(struct registry *r, const struct actor *who, str kind, str csv, bool dry_run, json_t **out,
                        struct errs *es, struct err *e)
{
    struct import im = {.k = kind_want(r, kind, e), .file = arena_init(IMPORT_ARENA), .row = arena_init(CALL_ARENA)};
    struct write w;
    int rc = im.k == NULL ? -ENOENT : write_begin(&w, r, who, &im.row, es, e);

    if (rc == 0) {
        im.w = &w;
        map_init(&im.by_key, CSV_ROWS);
        rc = import_run(&im, csv, e);
        if (rc == 0 && w.mistakes > 0)
            rc = ERR(e, -EINVAL, "registry.csv_mistakes", N((int64_t)w.mistakes));
        int closed = write_close(&w, rc == 0 && !dry_run, e);
        rc = rc == 0 ? closed : rc;
        if (rc == 0 && out != NULL)
            *out = json_pack("{s:I, s:I, s:I, s:I}", "created", (json_int_t)im.created, "updated",
                             (json_int_t)im.updated, "unchanged", (json_int_t)im.unchanged, "rows",
                             (json_int_t)(im.created + im.updated + im.unchanged));
        map_done(&im.by_key);
        free(im.lines);
    }
    arena_free(&im.file);
    arena_free(&im.row);
    return rc;
}
