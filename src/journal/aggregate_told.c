/* Groups by what templates and origins tell, so that no line is put together. */
#include "journal/aggregate-int.h"
#include "journal/block_hours.h"
#include <errno.h>

static bool of_origin(enum query_field f) { return f == QF_HOST || f == QF_SOURCE; }

/* Neither its origin nor, as by which relay it came, the block tells it. */
static bool of_line(enum query_field f) { return !of_origin(f) && f != QF_RELAY; }

static bool of_key(enum query_field f)
{
    return f == QF_SEVERITY || f == QF_FACILITY || f == QF_TRANSPORT || f == QF_FORMAT || f == QF_FLAGS;
}

/* The text of a field that is the same in all lines of a template. */
static bool told_text(const struct block_template *t, enum query_field f, char scratch[64], str *out)
{
    struct event ev = {.transport = t->key->transport,
                       .format = t->key->format,
                       .facility = t->key->facility,
                       .severity = t->key->severity,
                       .flags = t->key->flags};

    if (!of_key(f))
        return search_plan_fixed(t, f, out);
    *out = query_field_text(&ev, f, scratch);
    return true;
}

static bool is_told(const struct query *q, const struct block_template *t)
{
    char scratch[64];
    str s;

    for (size_t i = 0; i < q->nby; i++)
        if (of_line(q->by[i]) && !told_text(t, q->by[i], scratch, &s))
            return false;
    return true;
}

static void add_told(struct groups *gs, const struct block_template *t, const struct block_origin *o, uint64_t count)
{
    char scratch[64];

    key_begin(gs);
    for (size_t i = 0; i < gs->q->nby; i++) {
        enum query_field f = gs->q->by[i];
        struct event ev = {.source = o->source};
        str s = f == QF_HOST ? o->host : f == QF_RELAY ? gs->relay : STR_NONE;
        if (f == QF_SOURCE)
            s = query_field_text(&ev, f, scratch);
        else if (of_line(f))
            told_text(t, f, scratch, &s);
        key_add(gs, s);
    }
    group_add(gs, buf_view(&gs->key), count);
}

/* Lines of a block by fields of their template, by bucket and by origin. Times
 * jump from line to line and templates are many, so all cells are counted at once. */
enum { TALLY_MAX = 1 << 20, TALLY_KEYS = 32 };
struct tally {
    uint32_t *count, *touched, n;
    uint32_t keys, buckets, origins; /* 1 where the query does not ask for them */
    const struct block_template *key[TALLY_KEYS];
    uint32_t nkeys;
    int64_t
        *start; /* of the buckets that there are: one clock that is wrong by years makes one more, not all between */
    struct edges {
        struct edge {
            uint32_t line, bucket; /* from this line on */
            int64_t start;
        } * v;
        uint32_t n;
    } turns[2]; /* of event times; of times of receipt; empty where there are no buckets */
    bool asked[2];
};

static bool asks(const struct query *q, bool (*of)(enum query_field f))
{
    for (size_t i = 0; i < q->nby; i++)
        if (of(q->by[i]))
            return true;
    return false;
}

/* Many buckets: more than one, as far as the head knows. */
static bool is_split(const struct groups *gs, const struct block_head *h)
{
    return gs->q->pipe == QP_HISTOGRAM &&
           query_bucket(h->event_min, gs->q->step_ns) != query_bucket(h->event_max, gs->q->step_ns);
}

static void flush(struct groups *gs, const struct block_origin *o, struct tally *c)
{
    for (uint32_t i = 0; i < c->n; i++) {
        uint32_t k = c->touched[i], b = k / c->origins;
        gs->from = c->start[b % c->buckets];
        add_told(gs, c->key[b / c->buckets], &o[k % c->origins], c->count[k]);
        c->count[k] = 0;
    }
    c->n = c->nkeys = 0;
    gs->to = gs->from; /* whoever asks next finds its own */
}

static bool same_told(const struct query *q, const struct block_template *a, const struct block_template *b)
{
    char sa[64], sb[64];
    str x = STR_NONE, y = STR_NONE;

    for (size_t i = 0; i < q->nby; i++)
        if (of_line(q->by[i]) && (!told_text(a, q->by[i], sa, &x) || !told_text(b, q->by[i], sb, &y) || !str_eq(x, y)))
            return false;
    return true;
}

/* Number of what the template tells among those seen. */
static uint32_t key_number(struct groups *gs, const struct block_origin *o, struct tally *c,
                           const struct block_template *t)
{
    for (uint32_t i = 0; i < c->nkeys; i++)
        if (c->keys == 1 || same_told(gs->q, c->key[i], t))
            return i;
    if (c->nkeys == c->keys)
        flush(gs, o, c);
    c->key[c->nkeys] = t;
    return c->nkeys++;
}

static void add_template(struct groups *gs, struct block_dec *d, struct block_template *t, struct tally *c)
{
    uint32_t n;
    const struct block_origin *o = block_origins(d, &n);
    uint64_t first = (uint64_t)key_number(gs, o, c, t) * c->buckets * c->origins;

    if (c->origins == 1 && c->buckets == 1) {
        if (c->count[first] == 0)
            c->touched[c->n++] = (uint32_t)first;
        c->count[first] += t->rows;
        return;
    }
    const struct edges *turns = &c->turns[t->key->received];
    for (uint32_t i = 0, r = 0; i < t->rows; r++) {
        while (r + 1 < turns->n && turns->v[r + 1].line <= t->line[i])
            r++;
        uint32_t end = r + 1 < turns->n ? turns->v[r + 1].line : UINT32_MAX, b = turns->n > 0 ? turns->v[r].bucket : 0;
        for (; i < t->rows && t->line[i] < end; i++) {
            uint32_t from = c->origins > 1 ? t->origin[i] : 0;
            uint64_t k = first + (uint64_t)b * c->origins + from;
            if (c->count[k]++ == 0)
                c->touched[c->n++] = (uint32_t)k;
        }
    }
}

/* The lines at which the bucket changes; times jump back and forth, but seldom over its edge. */
static bool find_turns(const struct block_dec *d, bool received, int64_t step, struct edges *out)
{
    uint32_t line, cap = 0;
    int64_t at;

    for (uint32_t k = 0; block_time_run(d, received, k, &line, &at); k++) {
        int64_t last = out->n > 0 ? out->v[out->n - 1].start : INT64_MIN; /* INT64_MIN: not known where it ends */
        if (last != INT64_MIN && at >= last && (uint64_t)at - (uint64_t)last < (uint64_t)step)
            continue;
        int64_t start = query_bucket(at, step);
        if (out->n > 0 && start == last)
            continue;
        if (out->n == cap) {
            struct edge *v = realloc(out->v, (cap = cap ? cap * 2 : 64) * sizeof(*v));
            if (v == NULL)
                return false;
            out->v = v;
        }
        out->v[out->n++] = (struct edge){.line = line, .start = start};
    }
    return true;
}

static int by_start(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Numbers for the buckets that lines are in. */
static bool number_buckets(struct tally *c)
{
    size_t all = (size_t)c->turns[0].n + c->turns[1].n, n = 0;

    if (all == 0)
        return true;
    free(c->start);
    if ((c->start = malloc(all * sizeof(c->start[0]))) == NULL)
        return false;
    for (int k = 0; k < 2; k++)
        for (uint32_t i = 0; i < c->turns[k].n; i++)
            c->start[n++] = c->turns[k].v[i].start;
    qsort(c->start, n, sizeof(c->start[0]), by_start);
    c->buckets = 0;
    for (size_t i = 0; i < n; i++)
        if (i == 0 || c->start[i] != c->start[c->buckets - 1])
            c->start[c->buckets++] = c->start[i];
    for (int k = 0; k < 2; k++)
        for (uint32_t i = 0; i < c->turns[k].n; i++) {
            struct edge *e = &c->turns[k].v[i];
            const int64_t *at = bsearch(&e->start, c->start, c->buckets, sizeof(c->start[0]), by_start);
            e->bucket = (uint32_t)(at - c->start);
        }
    return true;
}

static const struct template_key no_key;
static const struct block_template no_template = {.key = &no_key};

static void add_hour(void *ctx, int64_t start, const struct block_origin *o, uint32_t lines)
{
    struct groups *gs = ctx;

    bucket_turns(gs, start);
    add_told(gs, &no_template, o, lines);
}

/* No hour lies in two buckets, so those of days and of whole hours can be told from hours. */
static bool of_hours(int64_t step)
{
    return step % hour_ns == 0 && query_bucket(0, step) == query_bucket(hour_ns - 1, step);
}

/* All lines of a block, by what their origins tell: no template is read. 1 done; 0:
 * some are of no origin, or they lie in more buckets than can be told. */
static int add_origins(struct groups *gs, const struct block_head *h, struct block_dec *d, const struct search_plan *p)
{
    uint32_t n;
    const struct block_origin *o = block_origins(d, &n);

    if (asks(gs->q, of_line))
        return 0;
    if (p->all_rows != block_rows(d) || o[0].rows > 0)
        return 0;
    if (is_split(gs, h))
        return of_hours(gs->q->step_ns) ? block_hours(d, add_hour, gs) : 0;
    if (gs->q->pipe == QP_HISTOGRAM)
        bucket_turns(gs, h->event_min);
    for (uint32_t i = 1; i < n; i++)
        add_told(gs, &no_template, &o[i], o[i].rows);
    return 1;
}

/* A histogram of all lines of a block, by runs of lines with one time. 1 done, 0 not so simple. */
static int add_runs(struct groups *gs, struct block_dec *d, const struct search_plan *p)
{
    uint32_t line, next, rows = block_rows(d);
    int64_t at, then;
    bool received = false;
    int rc;

    if (gs->q->pipe != QP_HISTOGRAM || gs->q->nby > 0 || p->all_rows != rows || block_plain_rows(d) > 0)
        return 0;
    for (uint32_t i = 0; i < p->n; i++) {
        struct block_template *t;
        if ((rc = block_template_get(d, i, &t)) < 0)
            return rc;
        if (i > 0 && t->key->received != received)
            return 0;
        received = t->key->received;
    }
    if ((rc = block_times(d, received, !received)) < 0)
        return rc;
    uint64_t sum = 0;
    for (uint32_t k = 0; block_time_run(d, received, k, &line, &at); k++) {
        if (!block_time_run(d, received, k + 1, &next, &then))
            next = rows;
        if (bucket_turns(gs, at) && sum > 0) {
            group_add(gs, buf_view(&gs->key), sum); /* the key of the bucket before */
            sum = 0;
        }
        key_begin(gs);
        sum += next - line;
    }
    group_add(gs, buf_view(&gs->key), sum);
    return 1;
}

/* Templates that do not tell are left for their lines to be put together. Everything
 * that can fail is read before anything is counted. */
static int read_sure(struct groups *gs, struct block_dec *d, struct search_plan *p, struct tally *c, bool split)
{
    int rc = 0;

    for (uint32_t i = 0; i < p->n && rc == 0; i++) {
        struct block_template *t;
        if (p->verdict[i] != V_ALL || (rc = block_template_get(d, i, &t)) < 0)
            continue;
        if (is_told(gs->q, t)) {
            c->asked[t->key->received] |= split;
            rc = c->origins > 1 || split ? block_template_rows(d, t) : 0;
        } else {
            p->verdict[i] = V_SOME;
            p->all_rows -= t->rows;
            p->some_rows += t->rows;
        }
    }
    return rc < 0 ? rc : block_times(d, c->asked[1], c->asked[0]);
}

static int add_cells(struct groups *gs, struct block_dec *d, const struct search_plan *p, struct tally *c)
{
    size_t cells = (size_t)c->origins * c->buckets * c->keys;
    uint32_t n;
    int rc = 0;

    if ((c->count = calloc(2 * cells, sizeof(*c->count))) == NULL)
        return -ENOMEM;
    c->touched = c->count + cells;
    for (uint32_t i = 0; i < p->n && rc == 0; i++) {
        struct block_template *t;
        if (p->verdict[i] == V_ALL && (rc = block_template_get(d, i, &t)) == 0)
            add_template(gs, d, t, c);
    }
    flush(gs, block_origins(d, &n), c);
    free(c->count);
    return rc;
}

static bool tally_fits(const struct tally *c) { return (uint64_t)c->origins * c->buckets * c->keys <= TALLY_MAX; }

/* 1 counted, 0 too many cells: the lines are then put together. */
static int add_tally(struct groups *gs, const struct block_head *h, struct block_dec *d, struct search_plan *p)
{
    bool split = is_split(gs, h);
    struct tally c = {.keys = asks(gs->q, of_line) ? TALLY_KEYS : 1, .origins = 1, .buckets = 1};
    int rc = 0;

    if (asks(gs->q, of_origin))
        block_origins(d, &c.origins);
    if (!tally_fits(&c))
        return 0;
    if ((c.start = malloc(sizeof(c.start[0]))) == NULL)
        return -ENOMEM;
    c.start[0] = gs->q->pipe == QP_HISTOGRAM ? query_bucket(h->event_min, gs->q->step_ns) : 0;
    rc = read_sure(gs, d, p, &c, split);
    for (int k = 0; k < 2 && rc == 0; k++)
        rc = !c.asked[k] || find_turns(d, k == 1, gs->q->step_ns, &c.turns[k]) ? 0 : -ENOMEM;
    if (rc == 0 && !number_buckets(&c))
        rc = -ENOMEM;
    bool fits = tally_fits(&c);
    if (rc == 0 && fits)
        rc = add_cells(gs, d, p, &c);
    free(c.start);
    free(c.turns[0].v);
    free(c.turns[1].v);
    return rc < 0 ? rc : fits;
}

int groups_add_sure(void *ctx, const struct block_head *h, struct block_dec *d, struct search_plan *p)
{
    struct groups *gs = ctx;
    int rc = 0;

    gs->relay = p->relay;
    if (gs->q->pipe != QP_HISTOGRAM && gs->q->nby == 0) {
        gs->total += p->all_rows;
        return 1;
    }
    if ((rc = add_origins(gs, h, d, p)) != 0)
        return rc;
    if ((rc = add_runs(gs, d, p)) != 0)
        return rc;
    if (p->verdict[p->n] == V_ALL) /* lines without a template tell nothing */
        return 0;
    return add_tally(gs, h, d, p);
}
