/* count, count by, histogram. Groups have a ceiling in number and in bytes;
 * what comes past it is counted in `other`, so that the sum is always exact. */
#include "journal/aggregate-int.h"
#include "journal/eval.h"
#include "base/rand.h"
#include <errno.h>

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

void group_add(struct groups *gs, str key, uint64_t count)
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
bool bucket_turns(struct groups *gs, int64_t t)
{
    if (t >= gs->from && t < gs->to)
        return false;
    gs->from = query_bucket(t, gs->q->step_ns);
    if (__builtin_add_overflow(gs->from, gs->q->step_ns, &gs->to))
        gs->to = INT64_MAX;
    return true;
}

void key_begin(struct groups *gs)
{
    buf_clear(&gs->key);
    if (gs->q->pipe == QP_HISTOGRAM)
        buf_add(&gs->key, (const char *)&gs->from, sizeof(gs->from));
}

void key_add(struct groups *gs, str s)
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

    if (gs->q->pipe != QP_HISTOGRAM && gs->q->nby == 0) {
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

struct groups *agg_groups_new(const struct query *q)
{
    struct groups *gs = calloc(1, sizeof(*gs));

    if (gs == NULL)
        return NULL;
    gs->q = q;
    rand_bytes(&gs->seed, sizeof(gs->seed));
    buf_init(&gs->keys, GROUP_KEY_BYTES);
    buf_init(&gs->key, 4 * (EVENT_RAW_MAX + 16));
    return gs;
}

void agg_groups_free(struct groups *gs)
{
    buf_done(&gs->keys);
    buf_done(&gs->key);
    free(gs);
}

struct scan_sink agg_groups_sink(struct groups *gs)
{
    return (struct scan_sink){.ctx = gs, .cols = cols_of(gs->q), .block = add_block, .sure = groups_add_sure};
}

/* What was counted is handed over also when the deadline passed. */
int journal_aggregate(struct journal *j, struct arena *a, const struct query *q, const struct search_opts *o,
                      struct agg *out, struct search_stats *st, struct err *e)
{
    struct search_stats own;
    struct groups *gs = agg_groups_new(q);

    if (gs == NULL)
        return ERR(e, -ENOMEM, "journal.no_memory");
    struct scan_sink sink = agg_groups_sink(gs);
    int rc = scan_run(j, q, o, &sink, st ? st : &own, e);
    if (rc == 0 || rc == -ETIME || rc == -ECANCELED) {
        if (rows_make(gs, a, o && o->limit ? o->limit : q->limit, out) < 0)
            rc = ERR(e, -ENOMEM, "journal.no_memory");
        (st ? st : &own)->hits = gs->total;
    }
    agg_groups_free(gs);
    return rc;
}
