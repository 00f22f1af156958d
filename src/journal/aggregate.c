/* count, count by, histogram. Groups have a ceiling in number and in bytes;
 * what comes past it is counted in `other`, so that the sum is always exact. */
#include "journal/eval.h"
#include "journal/journal-int.h"
#include "journal/search_plan.h"
#include "base/rand.h"
#include <errno.h>

enum { GROUPS_MAX = 50000, GROUP_SLOTS = 1 << 17, GROUP_KEY_BYTES = 16 << 20 };

struct group {
    uint64_t hash, count;
    uint32_t off, len;
};
struct groups {
    const struct query *q;
    uint16_t slot[GROUP_SLOTS]; /* number + 1 */
    struct group g[GROUPS_MAX];
    uint32_t n, last;
    uint64_t seed, total, other;
    int64_t from, to; /* the bucket of the time asked last */
    struct buf keys;  /* fields of a key: varint length, bytes */
    struct buf key;
};

static struct group *group_find(struct groups *gs, str key)
{
    uint64_t hash = str_hash(key, gs->seed);
    uint32_t k = (uint32_t)(hash % GROUP_SLOTS);

    for (; gs->slot[k]; k = (k + 1) % GROUP_SLOTS) {
        struct group *g = &gs->g[gs->slot[k] - 1];
        if (g->hash == hash && g->len == key.n && memcmp(gs->keys.p + g->off, key.p, key.n) == 0)
            return g;
    }
    if (gs->n == GROUPS_MAX)
        return NULL;
    size_t off = gs->keys.n;
    buf_str(&gs->keys, key);
    if (gs->keys.failed) {
        gs->keys.failed = false;
        return NULL;
    }
    gs->g[gs->n] = (struct group){.hash = hash, .off = (uint32_t)off, .len = (uint32_t)key.n};
    gs->slot[k] = (uint16_t)++gs->n;
    return &gs->g[gs->n - 1];
}

static void group_add(struct groups *gs, str key, uint64_t count)
{
    struct group *g = gs->n > 0 ? &gs->g[gs->last] : NULL;

    if (g == NULL || g->len != key.n || memcmp(gs->keys.p + g->off, key.p, key.n) != 0)
        g = group_find(gs, key);
    gs->total += count;
    if (g == NULL) {
        gs->other += count;
        return;
    }
    g->count += count;
    gs->last = (uint32_t)(g - gs->g);
}

/* Whether t lies in another bucket than the time before. */
static bool bucket_turns(struct groups *gs, int64_t t)
{
    if (t >= gs->from && t < gs->to)
        return false;
    gs->from = query_bucket(t, gs->q->step_ns);
    if (__builtin_add_overflow(gs->from, gs->q->step_ns, &gs->to))
        gs->to = INT64_MAX;
    return true;
}

static void key_begin(struct groups *gs)
{
    buf_clear(&gs->key);
    if (gs->q->pipe == QP_HISTOGRAM)
        buf_add(&gs->key, (const char *)&gs->from, sizeof(gs->from));
}

static void key_add(struct groups *gs, str s)
{
    buf_varint(&gs->key, s.n);
    buf_str(&gs->key, s);
}

static void add_event(struct groups *gs, const struct event *ev)
{
    char scratch[64];

    if (gs->q->pipe == QP_HISTOGRAM)
        bucket_turns(gs, ev->event_ns);
    key_begin(gs);
    for (size_t i = 0; i < gs->q->nby; i++)
        key_add(gs, query_field_text(ev, gs->q->by[i], scratch));
    group_add(gs, buf_view(&gs->key), 1);
}

static unsigned cols_of(const struct query *q)
{
    unsigned cols = q->pipe == QP_HISTOGRAM ? COL_EVENT : 0;
    for (size_t i = 0; i < q->nby; i++)
        cols |= eval_field_cols(q->by[i]);
    return cols;
}

static int add_block(void *ctx, struct scan *s, const struct scan_block *b)
{
    struct groups *gs = ctx;
    unsigned cols = cols_of(gs->q);
    struct event ev;

    if (cols == 0) {
        gs->total += b->hits;
        return 0;
    }
    for (size_t w = 0; w < bits_words(b->n); w++)
        for (uint64_t m = b->bits[w]; m; m &= m - 1) {
            uint32_t i = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(m);
            rows_event(b->rows, i, cols, &ev);
            add_event(gs, &ev);
        }
    return 0;
}

/* Groups by what templates and origins tell, so that no line is put together. */
static bool is_told(enum query_field f)
{
    return f == QF_HOST || f == QF_SOURCE || f == QF_SEVERITY || f == QF_FACILITY || f == QF_TRANSPORT ||
           f == QF_FORMAT || f == QF_FLAGS;
}

static void add_told(struct groups *gs, const struct block_template *t, const struct block_origin *o, uint64_t count)
{
    struct event ev = {.transport = t->key->transport,
                       .format = t->key->format,
                       .facility = t->key->facility,
                       .severity = t->key->severity,
                       .flags = t->key->flags,
                       .source = o->source};
    char scratch[64];

    key_begin(gs);
    for (size_t i = 0; i < gs->q->nby; i++)
        key_add(gs, gs->q->by[i] == QF_HOST ? o->host : query_field_text(&ev, gs->q->by[i], scratch));
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
    int64_t base;
    uint64_t step;
};

static bool asks(const struct query *q, bool of_origin)
{
    for (size_t i = 0; i < q->nby; i++)
        if ((q->by[i] == QF_HOST || q->by[i] == QF_SOURCE) == of_origin)
            return true;
    return false;
}

/* False: too many cells; the lines are then put together. */
static bool tally_size(struct groups *gs, const struct block_head *h, uint32_t origins, struct tally *c)
{
    *c = (struct tally){.keys = asks(gs->q, false) ? TALLY_KEYS : 1,
                        .origins = asks(gs->q, true) ? origins : 1,
                        .buckets = 1,
                        .step = 1};
    if (gs->q->pipe == QP_HISTOGRAM) {
        c->base = query_bucket(h->event_min, gs->q->step_ns);
        c->step = (uint64_t)gs->q->step_ns;
        uint64_t n = ((uint64_t)h->event_max - (uint64_t)c->base) / c->step + 1;
        if (n > TALLY_MAX)
            return false;
        c->buckets = (uint32_t)n;
    }
    return (uint64_t)c->origins * c->buckets * c->keys <= TALLY_MAX;
}

static void flush(struct groups *gs, const struct block_origin *o, struct tally *c)
{
    for (uint32_t i = 0; i < c->n; i++) {
        uint32_t k = c->touched[i], b = k / c->origins;
        gs->from = c->base + (int64_t)(b % c->buckets * c->step);
        add_told(gs, c->key[b / c->buckets], &o[k % c->origins], c->count[k]);
        c->count[k] = 0;
    }
    c->n = c->nkeys = 0;
    gs->to = gs->from; /* whoever asks next finds its own */
}

/* Number of the template's fields among those seen. */
static uint32_t key_number(struct groups *gs, const struct block_origin *o, struct tally *c,
                           const struct block_template *t)
{
    const struct template_key *k = t->key;

    for (uint32_t i = 0; i < c->nkeys; i++) {
        const struct template_key *x = c->key[i]->key;
        if (c->keys == 1 || (x->transport == k->transport && x->format == k->format && x->facility == k->facility &&
                             x->severity == k->severity && x->flags == k->flags))
            return i;
    }
    if (c->nkeys == c->keys)
        flush(gs, o, c);
    c->key[c->nkeys] = t;
    return c->nkeys++;
}

static void add_template(struct groups *gs, struct block_dec *d, struct block_template *t, struct tally *c)
{
    uint32_t n, hint[2] = {0, 0};
    const struct block_origin *o = block_origins(d, &n);
    uint64_t first = (uint64_t)key_number(gs, o, c, t) * c->buckets * c->origins;

    for (uint32_t i = 0; i < t->rows; i++) {
        uint64_t k = first + (c->origins > 1 ? t->origin[i] : 0);
        if (c->buckets > 1) {
            int64_t at = block_event_time(d, t->key, t->line[i], hint);
            uint64_t b = (uint64_t)(at - c->base) / c->step;
            if (b >= c->buckets) { /* a head that does not speak the truth */
                bucket_turns(gs, at);
                add_told(gs, t, &o[c->origins > 1 ? t->origin[i] : 0], 1);
                continue;
            }
            k += b * c->origins;
        }
        if (c->count[k]++ == 0)
            c->touched[c->n++] = (uint32_t)k;
    }
}

/* All lines of a block, by what their origins tell: no template is read. False:
 * some are of no origin. */
static bool add_origins(struct groups *gs, const struct block_dec *d, const struct search_plan *p)
{
    uint32_t n;
    const struct block_origin *o = block_origins(d, &n);
    static const struct template_key no_key;
    static const struct block_template none = {.key = &no_key};

    for (size_t i = 0; i < gs->q->nby; i++)
        if (gs->q->by[i] != QF_HOST && gs->q->by[i] != QF_SOURCE)
            return false;
    if (gs->q->pipe != QP_COUNT_BY || p->all_rows != block_rows(d) || o[0].rows > 0)
        return false;
    for (uint32_t i = 1; i < n; i++)
        add_told(gs, &none, &o[i], o[i].rows);
    return true;
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
    if ((rc = block_times(d)) < 0)
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

/* Everything that can fail is read before anything is counted. */
static int read_sure(struct groups *gs, struct block_dec *d, const struct search_plan *p)
{
    int rc = gs->q->pipe == QP_HISTOGRAM ? block_times(d) : 0;

    for (uint32_t i = 0; i < p->n && rc == 0; i++) {
        struct block_template *t;
        if (p->verdict[i] == V_ALL && (rc = block_template_get(d, i, &t)) == 0)
            rc = block_template_rows(d, t);
    }
    return rc;
}

static int add_sure(void *ctx, const struct block_head *h, struct block_dec *d, const struct search_plan *p)
{
    struct groups *gs = ctx;
    struct tally tally;
    uint32_t origins;
    int rc = 0;

    if (cols_of(gs->q) == 0) {
        gs->total += p->all_rows;
        return 1;
    }
    for (size_t i = 0; i < gs->q->nby; i++)
        if (!is_told(gs->q->by[i]))
            return 0;
    if (add_origins(gs, d, p))
        return 1;
    if ((rc = add_runs(gs, d, p)) != 0)
        return rc;
    if (p->verdict[p->n] == V_ALL) /* lines without a template tell nothing */
        return 0;
    block_origins(d, &origins);
    if (!tally_size(gs, h, origins, &tally))
        return 0;
    if ((rc = read_sure(gs, d, p)) < 0)
        return rc;
    size_t cells = (size_t)tally.origins * tally.buckets * tally.keys;
    uint32_t *count = calloc(2 * cells, sizeof(*count));
    tally.count = count;
    tally.touched = count ? count + cells : NULL;
    for (uint32_t i = 0; i < p->n && rc == 0 && count != NULL; i++) {
        struct block_template *t;
        if (p->verdict[i] == V_ALL && (rc = block_template_get(d, i, &t)) == 0)
            add_template(gs, d, t, &tally);
    }
    if (count != NULL)
        flush(gs, block_origins(d, &origins), &tally);
    rc = count ? rc : -ENOMEM;
    free(count);
    return rc < 0 ? rc : 1;
}

static int by_count(const void *a, const void *b)
{
    const struct agg_row *x = a, *y = b;

    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    for (size_t i = 0; i < x->nkeys; i++) {
        int c = str_cmp(x->keys[i], y->keys[i]);
        if (c)
            return c;
    }
    return 0;
}

static int by_key(const void *a, const void *b)
{
    const struct agg_row *x = a, *y = b;
    int c = (x->start > y->start) - (x->start < y->start);

    for (size_t i = 1; i < x->nkeys && c == 0; i++)
        c = str_cmp(x->keys[i], y->keys[i]);
    return c;
}

static bool row_keys(struct groups *gs, struct arena *a, const struct group *g, struct agg_row *row)
{
    rd r = rd_init(gs->keys.p + g->off, g->len);
    char t[40];

    *row = (struct agg_row){.count = g->count};
    if (gs->q->pipe == QP_HISTOGRAM) {
        memcpy(&row->start, rd_bytes(&r, sizeof(row->start)).p, sizeof(row->start));
        row->keys[row->nkeys++] = arena_str(a, (str){t, time_fmt(row->start, 0, t, sizeof(t))});
        if (row->keys[0].p == NULL)
            return false;
    }
    for (size_t i = row->nkeys, n = i + gs->q->nby; i < n; i++) {
        row->nkeys = i + 1;
        row->keys[i] = arena_str(a, rd_bytes(&r, rd_varint(&r)));
        if (row->keys[i].p == NULL)
            return false;
    }
    return true;
}

static int rows_make(struct groups *gs, struct arena *a, uint64_t limit, struct agg *out)
{
    struct agg g = {.total = gs->total, .other = gs->other};

    if (gs->n > 0 && (g.rows = arena_array(a, struct agg_row, gs->n)) == NULL)
        return -ENOMEM;
    for (; g.n < gs->n; g.n++)
        if (!row_keys(gs, a, &gs->g[g.n], &g.rows[g.n]))
            return -ENOMEM;
    if (g.n > 1)
        qsort(g.rows, g.n, sizeof(g.rows[0]), gs->q->pipe == QP_HISTOGRAM ? by_key : by_count);
    for (; limit > 0 && g.n > limit; g.n--)
        g.other += g.rows[g.n - 1].count;
    *out = g;
    return 0;
}

/* What was counted is handed over also when the deadline passed. */
int journal_aggregate(struct journal *j, struct arena *a, const struct query *q, const struct search_opts *o,
                      struct agg *out, struct search_stats *st, struct err *e)
{
    struct search_stats own;
    struct groups *gs = calloc(1, sizeof(*gs));
    struct scan_sink sink = {.ctx = gs, .cols = cols_of(q), .block = add_block, .sure = add_sure};

    if (gs == NULL)
        return ERR(e, -ENOMEM, "journal.no_memory");
    gs->q = q;
    rand_bytes(&gs->seed, sizeof(gs->seed));
    buf_init(&gs->keys, GROUP_KEY_BYTES);
    buf_init(&gs->key, 4 * (EVENT_RAW_MAX + 16));
    int rc = scan_run(j, q, o, &sink, st ? st : &own, e);
    if (rc == 0 || rc == -ETIME || rc == -ECANCELED) {
        if (rows_make(gs, a, o && o->limit ? o->limit : q->limit, out) < 0)
            rc = ERR(e, -ENOMEM, "journal.no_memory");
        (st ? st : &own)->hits = gs->total;
    }
    buf_done(&gs->keys);
    buf_done(&gs->key);
    free(gs);
    return rc;
}
