/* Rows in groups: what they name is looked up for all of a group before the first is judged, and what was put off for
 * any of them is answered when the last is. So an import asks a server once a group, not once a row.
 *
 * A mistake that shows only then is told where the row's others stand, so the list reads by rows whatever the engine.
 */
#include "registry/exchange-int.h"
#include <errno.h>

/* A line that was written: 0 is nobody's mark, so the first is 1. */
struct line_at {
    struct sheet *s;
    const struct sheet_row *l;
    size_t es_end; /* mistakes known when it was done */
};

int group_open(struct import *im, struct err *e)
{
    struct write *w = im->w;

    late_init(&im->late);
    w->late = &im->late;
    /* Each was looked up under the writer's lock: the engine's own look at every one would find nothing, and a dry run
     * needs none. What is written is still looked at when it commits. */
    int rc = tx_defer(w->tx, w->tx->st->ops->defer_refs, NO_VALS, e);
    return rc == 0 && w->scope.all ? known_new(w->r, &im->known, e) : rc;
}

void group_done(struct import *im)
{
    late_done(&im->late);
    free(im->lines);
    known_free(im->known);
}

static void want_refs(struct import *im, const struct field *f, str cell)
{
    const struct kind *t = schema_kind(im->w->r->sc, f->ref_kind);
    str rest = f->type == FT_REFS ? cell : STR_NONE, key = cell;
    struct val v;

    while (f->type == FT_REF || str_split(&rest, '|', &key)) {
        key = str_trim(key);
        if (key.n > 0 && value_parse(&im->row, &t->fields[t->key_field], key, &v, NULL) == 0 && v.type == VAL_TEXT)
            known_want_key(im->known, t, v.s);
        if (f->type == FT_REF)
            break;
    }
}

static void want_cell(struct import *im, const struct sheet *s, size_t field, str cell)
{
    const struct field *f = &s->k->fields[field];
    struct val v;

    if (cell.n == 0 || str_eq(cell, STR("null")))
        return;
    if (f->type == FT_REF || f->type == FT_REFS)
        want_refs(im, f, cell);
    else if (f->unique && value_storage(f->type) == VAL_TEXT && value_parse(&im->row, f, cell, &v, NULL) == 0 &&
             v.type == VAL_TEXT)
        known_want_unique(im->known, s->k, field, v.s);
}

static bool waits(const struct sheet_row *l) { return l->step == ROW_NEW; }

/* A row that updates needs the record as it stands. */
static void want_records(struct import *im, const struct sheet *s, size_t from, size_t end)
{
    for (size_t i = from; i < end; i++) {
        const struct known_ref *ref = waits(&s->rows[i]) ? known_key(im->known, s->k, s->rows[i].key) : NULL;
        if (ref != NULL && ref->id != 0)
            known_want_rec(im->known, s->k, ref->id);
    }
}

/* Addresses: of which prefixes it need not be asked whether they hold narrower ones. */
static void want_prefixes(struct import *im, const struct sheet *s, size_t from, size_t end)
{
    const struct kind *prefix = schema_kind(im->w->r->sc, STR("prefix"));
    size_t c = 0;
    struct val v;

    while (c < s->ncols && !(s->cols[c] >= 0 && str_eq(s->k->fields[s->cols[c]].ref_kind, STR("prefix"))))
        c++;
    for (size_t i = from; str_eq(s->k->name, STR("address")) && c < s->ncols && i < end; i++) {
        const struct known_ref *ref = NULL;
        if (waits(&s->rows[i]) && c < s->rows[i].n &&
            value_parse(&im->row, &prefix->fields[prefix->key_field], str_trim(s->rows[i].cells[c]), &v, NULL) == 0 &&
            v.type == VAL_TEXT)
            ref = known_key(im->known, prefix, v.s);
        if (ref != NULL && ref->id != 0)
            known_want_plain(im->known, ref->id);
    }
}

int group_begin(struct import *im, const struct sheet *s, size_t from, struct err *e)
{
    size_t end = s->nrows - from < GROUP_ROWS ? s->nrows : from + GROUP_ROWS;

    im->numbered = 0;
    if (im->known == NULL)
        return 0;
    for (size_t i = from; i < end; i++)
        if (waits(&s->rows[i]) && s->rows[i].key.n > 0)
            known_want_key(im->known, s->k, s->rows[i].key);
    for (size_t c = 0; c < s->ncols; c++)
        for (size_t i = from; s->cols[c] >= 0 && i < end; i++)
            if (waits(&s->rows[i]) && c < s->rows[i].n)
                want_cell(im, s, (size_t)s->cols[c], str_trim(s->rows[i].cells[c]));
    arena_clear(&im->row);
    int rc = known_look(im->known, im->w->tx, e);
    if (rc == 0) {
        want_records(im, s, from, end);
        want_prefixes(im, s, from, end);
        arena_clear(&im->row);
        rc = known_look(im->known, im->w->tx, e);
    }
    return rc;
}

int group_line(struct import *im, struct sheet *s, const struct sheet_row *l, struct err *e)
{
    if (im->nlines == im->lines_cap) {
        size_t cap = im->lines_cap == 0 ? GROUP_ROWS : im->lines_cap * 2;
        struct line_at *more = reallocarray(im->lines, cap, sizeof(*more));
        if (more == NULL)
            return ERR(e, -ENOMEM, "registry.no_memory");
        im->lines = more;
        im->lines_cap = cap;
    }
    im->lines[im->nlines++] = (struct line_at){s, l, 0};
    tx_mark(im->w->tx, (int64_t)im->nlines);
    im->w->place =
        (struct place){.row = l->row, .k = s->k, .headers = s->headers, .sheet = im->named ? s->name : STR_NONE};
    return numbers_ahead(im, s, l, e);
}

void group_line_end(struct import *im)
{
    const struct errs *es = im->w->es;

    im->lines[im->nlines - 1].es_end = es != NULL ? es->n : 0;
}

int group_blame(struct import *im, int rc, struct err *fe, struct err *e)
{
    int64_t mark = tx_blame(im->w->tx);
    bool data = rc == -EEXIST || rc == -EINVAL || rc == -E2BIG; /* of the row, not of the store */

    if (mark > 0 && (size_t)mark <= im->nlines && data) {
        row_fault(im, im->lines[mark - 1].s, im->lines[mark - 1].l, STR_NONE, fe);
        return ERR(e, -EINVAL, "registry.csv_mistakes", N((int64_t)im->w->mistakes));
    }
    if (e != NULL)
        *e = *fe;
    return rc;
}

/* The last of the list goes to where it belongs. */
static void move_back(struct errs *es, size_t at)
{
    struct err last;

    if (es->n == 0 || at >= es->n - 1)
        return;
    last = es->v[es->n - 1];
    memmove(&es->v[at + 1], &es->v[at], (es->n - 1 - at) * sizeof(last));
    es->v[at] = last;
}

static void tell_late(struct import *im)
{
    struct errs *es = im->w->es;
    size_t told = 0;

    for (const struct late_ask *x = im->late.first; x != NULL; x = x->next) {
        if (x->e == NULL)
            continue;
        const struct line_at *at = &im->lines[x->mark - 1];
        size_t n = es != NULL ? es->n : 0;
        im->w->place = (struct place){
            .row = at->l->row, .k = at->s->k, .headers = at->s->headers, .sheet = im->named ? at->s->name : STR_NONE};
        write_fault(im->w, x->field, x->e);
        if (es != NULL && es->n > n)
            move_back(es, at->es_end + told++);
    }
}

int group_end(struct import *im, struct err *e)
{
    struct err fe = {0};
    int rc = tx_flush(im->w->tx, &fe);

    if (rc < 0)
        return group_blame(im, rc, &fe, e);
    if (im->late.a.failed)
        return ERR(e, -ENOMEM, "registry.no_memory");
    tell_late(im);
    tx_mark(im->w->tx, 0);
    im->nlines = 0;
    late_clear(&im->late);
    known_clear(im->known);
    return 0;
}
