/* count, count by, histogram. Groups have a ceiling in number and in bytes;
 * what comes past it is counted in `other`, so that the sum is always exact. */
#include "journal/eval.h"
#include "journal/journal-int.h"
#include "journal/search_plan.h"
#include "base/rand.h"
#include <errno.h>

enum { GROUPS_MAX = 10000, GROUP_SLOTS = 32768, GROUP_KEY_BYTES = 16 << 20 };
static const int64_t zone_ns = 7 * 3600 * NS_PER_S;

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
    struct buf keys; /* fields of a key: varint length, bytes */
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

/* Start of the bucket in which t lies; whole days begin at local midnight. */
static int64_t bucket_of(int64_t t, int64_t step)
{
    __int128 local = (__int128)t + zone_ns, start = local - (local % step + step) % step - zone_ns;
    return start < INT64_MIN ? INT64_MIN : (int64_t)start;
}

static void add_time(struct groups *gs, int64_t t)
{
    int64_t start = bucket_of(t, gs->q->step_ns);
    group_add(gs, (str){(const char *)&start, sizeof(start)}, 1);
}

static void add_fields(struct groups *gs, const struct event *ev)
{
    char scratch[64];

    buf_clear(&gs->key);
    for (size_t i = 0; i < gs->q->nby; i++) {
        str s = query_field_text(ev, gs->q->by[i], scratch);
        buf_varint(&gs->key, s.n);
        buf_str(&gs->key, s);
    }
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
            if (gs->q->pipe == QP_HISTOGRAM) {
                add_time(gs, b->rows->event[i]);
                continue;
            }
            rows_event(b->rows, i, cols, &ev);
            add_fields(gs, &ev);
        }
    return 0;
}

static void key_add(struct groups *gs, str s)
{
    buf_varint(&gs->key, s.n);
    buf_str(&gs->key, s);
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

    buf_clear(&gs->key);
    for (size_t i = 0; i < gs->q->nby; i++)
        key_add(gs, gs->q->by[i] == QF_HOST ? o->host : query_field_text(&ev, gs->q->by[i], scratch));
    group_add(gs, buf_view(&gs->key), count);
}

static int add_template(struct groups *gs, struct block_dec *d, struct block_template *t, uint32_t *count)
{
    uint32_t n, hint[2] = {0, 0};
    const struct block_origin *o = block_origins(d, &n);
    int rc = block_template_rows(d, t);

    if (rc < 0)
        return rc;
    if (gs->q->pipe == QP_HISTOGRAM) {
        for (uint32_t i = 0; i < t->rows; i++)
            add_time(gs, block_event_time(d, t->key, t->line[i], hint));
        return 0;
    }
    for (uint32_t i = 0; i < t->rows; i++)
        count[t->origin[i]]++;
    for (uint32_t i = 0; i < t->rows; i++) {
        uint32_t k = t->origin[i];
        if (count[k] > 0)
            add_told(gs, t, &o[k], count[k]);
        count[k] = 0;
    }
    return 0;
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
    if (p->verdict[p->n] == V_ALL) /* lines without a template tell nothing */
        return 0;
    if ((rc = read_sure(gs, d, p)) < 0)
        return rc;
    block_origins(d, &origins);
    uint32_t *count = calloc(origins + (size_t)1, sizeof(*count));
    for (uint32_t i = 0; i < p->n && rc == 0 && count != NULL; i++) {
        struct block_template *t;
        if (p->verdict[i] == V_ALL && (rc = block_template_get(d, i, &t)) == 0)
            rc = add_template(gs, d, t, count);
    }
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
    return str_cmp(x->keys[0], y->keys[0]);
}

static bool row_keys(struct groups *gs, struct arena *a, const struct group *g, struct agg_row *row)
{
    rd r = rd_init(gs->keys.p + g->off, g->len);
    char t[40];

    row->count = g->count;
    if (gs->q->pipe == QP_HISTOGRAM) {
        int64_t start;
        memcpy(&start, gs->keys.p + g->off, sizeof(start));
        row->nkeys = 1;
        row->keys[0] = arena_str(a, (str){t, time_fmt(start, 0, t, sizeof(t))});
        return row->keys[0].p != NULL;
    }
    row->nkeys = gs->q->nby;
    for (size_t i = 0; i < row->nkeys; i++) {
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
