/* A query's steps as a chain of stages. See pipe.h. */
#include "journal/pipe-int.h"
#include <errno.h>

static bool makes_columns(const struct query_step *s)
{
    return s->kind == SK_COUNT || s->kind == SK_HISTOGRAM || s->kind == SK_AGGREGATE || s->kind == SK_FIELDS ||
           (s->kind == SK_TOP && s->nby > 0);
}

static bool is_group(const struct query_step *s) { return makes_columns(s) && s->kind != SK_FIELDS; }

/* ---- what is read of a row ---- */

static size_t first_at(struct pipe *p, const struct query_ref *r)
{
    for (size_t i = 0; i < p->nfirst; i++)
        if (p->first[i].kind == r->kind && p->first[i].field == r->field && str_eq(p->first[i].name, r->name))
            return i;
    if (p->nfirst == PIPE_COLUMNS_MAX)
        return 0; /* cannot be: 16 steps have not so many different fields before columns are made */
    p->first[p->nfirst] = *r;
    return p->nfirst++;
}

static void first_default(struct pipe *p)
{
    static const char *const lines[] = {"at", "source", "host", "program", "severity", "msg"};
    const struct row_source *s = p->q->source;

    if (s->lines) {
        for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
            unsigned f = (unsigned)source_field_find(s, str_c(lines[i]));
            first_at(p, &(struct query_ref){QR_FIELD, f, str_c(s->fields[f].name)});
        }
    } else {
        for (unsigned f = 0; f < s->nfields && f < PIPE_COLUMNS_MAX / 2; f++)
            first_at(p, &(struct query_ref){QR_FIELD, f, str_c(s->fields[f].name)});
    }
}

static size_t place(struct pipe *p, const struct query_ref *r)
{
    return r->kind == QR_COLUMN ? r->field : first_at(p, r);
}

static enum value_type type_of(const struct query *q, const struct query_ref *r)
{
    return r->kind == QR_COLUMN ? VT_NONE : query_ref_type(q, r);
}

/* ---- setting up ---- */

static size_t columns_out(const struct query_step *s)
{
    return s->nby + (s->kind != SK_FIELDS) + (s->kind == SK_HISTOGRAM);
}

static void stage_init(struct pipe *p, struct stage *s, const struct query_step *step, bool columns, size_t in)
{
    s->s = step;
    s->in = in;
    for (size_t i = 0; i < step->nby; i++)
        s->by[i] = place(p, &step->by[i]);
    if (step->of.name.n > 0)
        s->of = place(p, &step->of);
    else if (step->kind == SK_TOP && columns)
        s->of = in - 1; /* the last column */
    if (step->kind == SK_HISTOGRAM)
        s->at = place(
            p, &(struct query_ref){QR_FIELD, p->q->source->time, str_c(p->q->source->fields[p->q->source->time].name)});
    s->of_type = type_of(p->q, &step->of);
    s->out = makes_columns(step) ? columns_out(step) : in;
    if (step->kind == SK_TOP)
        s->keep = step->n;
    if (step->kind == SK_UNIQUE)
        map_init(&s->seen, PIPE_UNIQUE_MAX);
}

static void setup(struct pipe *p)
{
    const struct query *q = p->q;
    bool columns = false;
    size_t in;

    for (size_t i = 0; i < q->nsteps && !columns; i++)
        columns = makes_columns(&q->steps[i]);
    if (!columns)
        first_default(p);
    p->shown = p->nfirst;
    columns = false;
    for (size_t i = 0; i < q->nsteps; i++) { /* first all that is read, so that rows have one width */
        if (columns)
            break;
        struct stage probe = {0};
        stage_init(p, &probe, &q->steps[i], false, 1);
        map_done(&probe.seen);
        columns = makes_columns(&q->steps[i]);
    }
    in = p->nfirst;
    columns = false;
    for (size_t i = 0; i < q->nsteps; i++) {
        struct stage *s = &p->stage[p->nstages++];
        stage_init(p, s, &q->steps[i], columns, in);
        columns = columns || makes_columns(&q->steps[i]);
        in = s->out;
        if (q->steps[i].kind == SK_SORT && i + 1 < q->nsteps && q->steps[i + 1].kind == SK_LIMIT)
            s->keep = q->steps[i + 1].n;
    }
}

static void teardown(struct pipe *p)
{
    for (size_t i = 0; i < p->nstages; i++) {
        groups_free(p->stage[i].g);
        kept_free(p->stage[i].k);
        if (p->stage[i].s->kind == SK_UNIQUE)
            map_done(&p->stage[i].seen);
    }
    buf_done(&p->key);
}

size_t pipe_columns(const struct query *q, struct pipe_column out[PIPE_COLUMNS_MAX])
{
    struct pipe *p = calloc(1, sizeof(*p));
    const struct query_step *made = NULL;
    size_t n = 0;

    if (p == NULL)
        return 0;
    p->q = q;
    setup(p);
    for (size_t i = 0; i < q->nsteps; i++)
        if (makes_columns(&q->steps[i]))
            made = &q->steps[i];
    if (made == NULL) {
        for (; n < p->shown; n++)
            out[n] = (struct pipe_column){p->first[n].name, type_of(q, &p->first[n])};
    } else {
        if (made->kind == SK_HISTOGRAM)
            out[n++] = (struct pipe_column){STR("at"), VT_TIME};
        for (size_t i = 0; i < made->nby; i++)
            out[n++] = (struct pipe_column){made->by[i].name, type_of(q, &made->by[i])};
        if (made->kind == SK_COUNT)
            out[n++] = (struct pipe_column){STR("count"), VT_INT};
        else if (made->kind != SK_FIELDS)
            out[n++] = (struct pipe_column){made->column, made->fold == SF_COUNT ? VT_INT : type_of(q, &made->of)};
    }
    teardown(p);
    free(p);
    return n;
}

/* ---- running ---- */

str pipe_key(struct pipe *p, const struct source_value *v, const size_t *at, size_t n)
{
    char scratch[VALUE_SCRATCH];

    buf_clear(&p->key);
    for (size_t i = 0; i < n; i++) {
        const struct source_value *x = &v[at[i]];
        str t = source_value_text(x, scratch);
        buf_byte(&p->key, x->type == VT_NONE ? 0 : 1);
        buf_varint(&p->key, t.n);
        buf_str(&p->key, t);
    }
    return buf_view(&p->key);
}

static bool push_unique(struct pipe *p, size_t k, const struct source_value *v, size_t n)
{
    struct stage *s = &p->stage[k];
    bool fresh = false;

    if (map_put(&s->seen, pipe_key(p, v, s->by, s->s->nby), &fresh) == NULL) {
        p->st->other++;
        return true;
    }
    return !fresh || pipe_push(p, k + 1, v, n);
}

static bool push_fields(struct pipe *p, size_t k, const struct source_value *v)
{
    struct source_value out[QUERY_FIELDS_MAX];
    const struct stage *s = &p->stage[k];

    for (size_t i = 0; i < s->s->nby; i++)
        out[i] = v[s->by[i]];
    return pipe_push(p, k + 1, out, s->s->nby);
}

bool pipe_push(struct pipe *p, size_t k, const struct source_value *v, size_t n)
{
    struct stage *s = &p->stage[k];

    if (k == p->nstages) {
        bool columns = false;
        for (size_t i = 0; i < p->nstages; i++)
            columns = columns || makes_columns(p->stage[i].s);
        if (p->st->rows == p->max) {
            p->st->scan.more = true;
            return false;
        }
        p->st->rows++;
        return p->fn(p->ctx, v, columns ? n : p->shown);
    }
    if (is_group(s->s))
        return groups_add(p, s, v);
    switch (s->s->kind) {
    case SK_FIELDS:
        return push_fields(p, k, v);
    case SK_LIMIT:
        if (s->passed++ >= s->s->n)
            return false;
        return pipe_push(p, k + 1, v, n) && s->passed < s->s->n;
    case SK_UNIQUE:
        return push_unique(p, k, v, n);
    default:
        return kept_add(p, s, v, n);
    }
}

static bool take_row(void *ctx, const struct source_row *r)
{
    struct pipe *p = ctx;
    struct source_value v[PIPE_COLUMNS_MAX];
    char scratch[PIPE_COLUMNS_MAX][VALUE_SCRATCH];
    bool go;

    if (!query_row_match(p->q, r))
        return true;
    p->st->scan.hits++;
    for (size_t i = 0; i < p->nfirst; i++)
        query_ref_value(p->q, &p->first[i], r, scratch[i], &v[i]);
    go = pipe_push(p, 0, v, p->nfirst);
    if (go || !p->st->scan.more) /* a row past `max` was not handed over: it comes again */
        p->st->last_seq = r->seq;
    return go && p->rc == 0;
}

static bool take_group(void *ctx, const struct source_group *g)
{
    struct pipe *p = ctx;
    return groups_put(p, &p->stage[0], g);
}

/* Groups of the first step that the source adds up by itself; 1: it does not. Of a
 * top only those at the top are wanted; else what has no room counts as other. */
static int fold_rows(struct pipe *p, const struct row_source *from, const struct search_opts *o,
                     struct search_stats *scan, struct err *e)
{
    if (from->fold == NULL || p->nstages == 0 || !is_group(p->stage[0].s))
        return 1;
    bool top = p->stage[0].keep > 0 && p->stage[0].keep < PIPE_GROUPS_MAX;
    int rc = from->fold(from->ctx, p->q, o, top ? p->stage[0].keep : PIPE_GROUPS_MAX, take_group, p, scan, e);
    if (rc != 1) {
        p->st->scan.hits = scan->hits;
        p->st->other += top ? scan->ungrouped : scan->hits - p->folded;
        p->st->short_by = scan->short_by;
    }
    return rc;
}

static void end_stages(struct pipe *p)
{
    for (size_t k = 0; k < p->nstages && p->rc == 0; k++) {
        if (p->stage[k].g != NULL || is_group(p->stage[k].s))
            groups_end(p, k);
        else if (p->stage[k].k != NULL)
            kept_end(p, k);
    }
}

int pipe_run(const struct query *q, const struct row_source *from, const struct search_opts *o, uint64_t max,
             pipe_fn *fn, void *ctx, struct pipe_stats *st, struct err *e)
{
    struct pipe *p = calloc(1, sizeof(*p));
    struct search_stats scan = {0};

    if (p == NULL)
        return ERR(e, -ENOMEM, "journal.no_memory");
    *st = (struct pipe_stats){0};
    *p = (struct pipe){.q = q, .st = st, .fn = fn, .ctx = ctx, .max = max, .e = e};
    buf_init(&p->key, 2 * EVENT_RAW_MAX * QUERY_FIELDS_MAX);
    setup(p);
    int rc = fold_rows(p, from, o, &scan, e);
    if (rc == 1)
        rc = from->scan(from->ctx, q, o, take_row, p, &scan, e);
    uint64_t hits = st->scan.hits;
    bool more = st->scan.more || scan.more;
    st->scan = scan;
    st->scan.hits = hits;
    st->scan.more = more;
    int bad = query_fault(q, rc < 0 ? NULL : e);
    if (bad < 0)
        rc = bad;
    if (rc == 0 || rc == -ETIME || rc == -ECANCELED)
        end_stages(p);
    if (p->rc < 0)
        rc = ERR(e, p->rc, "journal.no_memory");
    teardown(p);
    free(p);
    return rc;
}
