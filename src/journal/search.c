/* One pass over the journal, newest block first, for searches and aggregates.
 * Runs in the caller's thread. What is read is a snapshot: the lists are
 * copied under the lock, rows and segments are held by reference. */
#include "journal/eval.h"
#include "journal/journal-int.h"
#include "journal/search_plan.h"
#include "base/log.h"
#include <errno.h>

enum { BAD_LOGGED_MAX = 16 };

struct stored {
    struct segment *seg;
    struct block_info b;
    uint64_t first; /* number of its first event here: a guest's is not what its head says */
};
struct scan {
    struct journal *j;
    const struct query *q;
    const struct search_opts *o;
    const struct scan_sink *sink;
    struct search_stats *st;
    struct err *e;
    struct rows **mem; /* newest first */
    uint32_t *mem_n;
    size_t nmem;
    struct segment **segs;
    size_t nsegs;
    struct stored *stored; /* oldest first */
    size_t nstored;
    uint64_t done_bytes, all_bytes, before;
    struct block_dec *dec;
    struct search_plan plan;
    uint64_t *bits; /* lines of a stored block to be put together */
    uint64_t *row_bits;
    size_t bits_cap, row_bits_cap;
    struct eval ev;
    struct turn turn;
};

int scan_check(struct scan *s)
{
    if (s->o->cancel != NULL && *s->o->cancel)
        return ERR(s->e, -ECANCELED, "journal.search_cancelled");
    if (s->o->deadline_mono_ns != 0 && clock_mono(s->j->clk) >= s->o->deadline_mono_ns)
        return ERR(s->e, -ETIME, "journal.search_deadline");
    return 0;
}

static int check_block(void *ctx) { return scan_check(ctx); }

/* Whoever is to be spared. */
static struct journal *whose(const struct scan *s) { return s->j->of != NULL ? s->j->of : s->j; }

static bool is_pressed(void *ctx) { return journal_is_pressed(whose(ctx)); }

static void snap_mem(struct scan *s, struct rows *r)
{
    uint32_t n = r ? rows_count(r) : 0;

    if (n == 0 || r->first_seq >= s->before)
        return;
    r->refs++;
    s->mem[s->nmem] = r;
    s->mem_n[s->nmem++] = n;
    s->all_bytes += r->off[n];
}

static bool snap_segment(struct scan *s, struct segment *seg)
{
    size_t from = s->nstored;

    for (size_t i = 0; i < seg->nblocks; i++) {
        const struct block_head *h = &seg->blocks[i].head;
        if (h->first_seq >= s->before)
            break;
        if (search_plan_skips_block(s->q, h, str_c(seg->relay))) {
            s->st->skipped_blocks++;
            continue;
        }
        s->stored[s->nstored++] = (struct stored){seg, seg->blocks[i], h->first_seq};
        s->all_bytes += h->raw_bytes;
    }
    if (s->nstored == from)
        return false;
    seg->refs++;
    s->segs[s->nsegs++] = seg;
    return true;
}

static int by_first(const void *a, const void *b)
{
    const struct stored *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

/* Guests' segments are held once a block, which is as good. */
static void snap_guests(struct scan *s, const struct guests *g)
{
    size_t own = s->nstored;

    for (size_t i = 0; i < g->n && g->v[i].base < s->before; i++) {
        struct guest *x = &g->v[i];
        if (search_plan_skips_block(s->q, &x->b.head, str_c(x->s->relay))) {
            s->st->skipped_blocks++;
            continue;
        }
        s->stored[s->nstored++] = (struct stored){x->s, x->b, x->base};
        s->all_bytes += x->b.head.raw_bytes;
        x->s->refs++;
        s->segs[s->nsegs++] = x->s;
    }
    if (own > 0 && s->nstored > own)
        qsort(s->stored, s->nstored, sizeof(s->stored[0]), by_first);
}

static int snap_take(struct scan *s)
{
    struct journal *j = s->j;
    size_t blocks = 1;

    pthread_mutex_lock(&j->lock);
    j->refs++;
    s->dec = j->dec;
    j->dec = NULL;
    blocks += j->guests.n;
    for (size_t i = 0; i < j->nsegs; i++)
        blocks += j->segs[i]->nblocks;
    s->mem = calloc(j->nfrozen + 1, sizeof(s->mem[0]));
    s->mem_n = calloc(j->nfrozen + 1, sizeof(s->mem_n[0]));
    s->segs = calloc(j->nsegs + j->guests.n + 1, sizeof(s->segs[0]));
    s->stored = malloc(blocks * sizeof(s->stored[0]));
    bool good = s->mem && s->mem_n && s->segs && s->stored;
    if (good) {
        snap_mem(s, j->open);
        for (size_t i = j->nfrozen; i > 0; i--)
            snap_mem(s, j->frozen[i - 1].rows);
        for (size_t i = 0; i < j->nsegs; i++)
            snap_segment(s, j->segs[i]);
        snap_guests(s, &j->guests);
    }
    pthread_mutex_unlock(&j->lock);
    return good ? 0 : ERR(s->e, -ENOMEM, "journal.no_memory");
}

/* The decoder stays for the next search: memory that was touched before is half of what a small one costs. */
static void snap_drop(struct scan *s)
{
    if (s->dec != NULL)
        block_dec_rest(s->dec);
    pthread_mutex_lock(&s->j->lock);
    struct block_dec *left = s->j->dec;
    s->j->dec = s->dec;
    for (size_t i = 0; i < s->nmem; i++)
        rows_unref(s->j, s->mem[i]);
    for (size_t i = 0; i < s->nsegs; i++)
        segment_unref(s->segs[i]);
    journal_unref(s->j);
    free(s->mem);
    free(s->mem_n);
    free(s->segs);
    free(s->stored);
    block_dec_free(left);
}

static bool time_open(const struct query *q) { return q->since_ns == INT64_MIN && q->until_ns == INT64_MAX; }

static bool covers(const struct query *q, const struct block_head *h)
{
    return h->event_min >= q->since_ns && (h->event_max < q->until_ns || q->until_ns == INT64_MAX);
}

/* Rows at or above before_seq fall out. */
static uint32_t rows_below(const struct scan *s, uint64_t first, uint32_t n)
{
    return s->before - first < n ? (uint32_t)(s->before - first) : n;
}

static int hand_rows(struct scan *s, struct rows *r, uint32_t n, const struct query *q, bool check_time)
{
    uint64_t *bits = eval_begin(&s->ev, r, n);
    int rc;

    if (bits == NULL)
        return -ENOMEM;
    if ((rc = eval_query(&s->ev, q, check_time, bits)) < 0)
        return rc;
    struct scan_block b = {.rows = r, .bits = bits, .n = n, .hits = bits_count(bits, n)};
    return b.hits ? s->sink->block(s->sink->ctx, s, &b) : 0;
}

static int run_mem(struct scan *s, size_t i)
{
    struct rows *r = s->mem[i];
    uint32_t n = rows_below(s, r->first_seq, s->mem_n[i]);

    s->done_bytes += r->off[s->mem_n[i]];
    s->st->scanned_blocks++;
    s->st->scanned_events += n;
    return hand_rows(s, r, n, s->q, !time_open(s->q));
}

static bool bits_room(uint64_t **bits, size_t *cap, size_t words)
{
    if (words > *cap) {
        free(*bits);
        *bits = malloc(words * sizeof(**bits));
        *cap = *bits ? words : 0;
    }
    return *cap >= words;
}

static void bits_lines(struct scan *s, const uint32_t *line, const uint32_t *origin, uint32_t rows, uint32_t below,
                       const uint64_t *only)
{
    uint64_t *bits = s->bits;

    for (uint32_t i = 0; i < rows && line[i] < below; i++)
        if ((only == NULL || only[i / 64] >> i % 64 & 1) &&
            (origin == NULL || search_plan_origin_fits(&s->plan, origin[i])))
            bits[line[i] / 64] |= UINT64_C(1) << line[i] % 64;
}

static int mark_template(struct scan *s, uint32_t i, uint32_t below)
{
    struct block_template *t;
    uint64_t *only = NULL;
    int rc = block_template_get(s->dec, i, &t);

    if (rc == 0)
        rc = block_template_rows(s->dec, t);
    if (rc < 0)
        return rc;
    if (s->plan.verdict[i] == V_SOME) {
        size_t words = bits_words(t->rows);
        if (!bits_room(&s->row_bits, &s->row_bits_cap, 2 * words))
            return -ENOMEM;
        only = s->row_bits;
        memset(only, 0xff, words * sizeof(only[0]));
        if ((rc = search_plan_rows(&s->plan, s->q, s->dec, t, only, only + words)) < 0)
            return rc;
    }
    bits_lines(s, t->line, s->plan.norigins ? t->origin : NULL, t->rows, below, only);
    return 0;
}

/* The lines that have to be put together. done: those that surely fit were
 * taken by the sink already. */
static int mark_lines(struct scan *s, uint32_t count, uint32_t below, bool done)
{
    struct search_plan *p = &s->plan;
    uint32_t rows;
    const uint32_t *line;
    int rc = 0;

    if (!bits_room(&s->bits, &s->bits_cap, bits_words(count)))
        return -ENOMEM;
    memset(s->bits, 0, bits_words(count) * sizeof(s->bits[0]));
    for (uint32_t i = 0; i <= p->n && rc == 0; i++) {
        if (p->verdict[i] == V_ALL && done) {
            p->verdict[i] = V_NONE;
            p->from[i / 64] &= ~(UINT64_C(1) << i % 64);
        }
        if (p->verdict[i] == V_NONE)
            continue;
        if (i < p->n)
            rc = mark_template(s, i, below);
        else if ((rc = block_plain_lines(s->dec, &line, &rows)) == 0)
            bits_lines(s, line, NULL, rows, below, NULL);
    }
    return rc;
}

/* What eval.h reads of a row for it; NULL: nothing is asked. */
static unsigned cols_asked(const struct query_node *n)
{
    unsigned cols = 0;

    if (n == NULL)
        return 0;
    switch (n->kind) {
    case QN_AND:
    case QN_OR:
    case QN_NOT:
        for (size_t i = 0; i < n->nkids; i++)
            cols |= cols_asked(n->kids[i]);
        return cols;
    case QN_TEXT:
    case QN_REGEX:
        return COL_RAW;
    default:
        return query_asks_relay(n) ? 0 : COL_ALL;
    }
}

/* Newest lines first, so that a search that wants few puts few together. */
static int run_lines(struct scan *s, uint32_t count, bool check_time)
{
    struct query sure = *s->q;
    bool ask = s->plan.some_rows > 0;
    unsigned cols = s->sink->cols | (ask ? cols_asked(s->q->root) : 0) | (check_time ? COL_EVENT : 0);
    int rc = block_dec_find(s->dec, s->bits, s->plan.from, cols);

    sure.root = NULL;
    for (uint32_t hi = count; hi > 0 && rc == 0;) {
        uint32_t lo = (hi - 1) / BLOCK_CHUNK * BLOCK_CHUNK;
        struct rows *r;
        rc = block_dec_rows(s->dec, s->bits, lo, hi, &r);
        if (rc == 0 && rows_count(r) > 0) {
            r->relay = s->plan.relay;
            rc = hand_rows(s, r, rows_count(r), ask ? s->q : &sure, check_time);
        }
        if (rc == 0)
            rc = scan_check(s);
        hi = lo;
    }
    return rc;
}

static int run_block(struct scan *s, const struct block_src *src, const struct block_head *h, uint64_t salt,
                     uint64_t first)
{
    uint32_t below = rows_below(s, first, h->count);
    bool check_time = !covers(s->q, h), done = false;
    int rc = search_plan_skips_words(&s->plan, s->q, src, h);

    if (rc == 1) {
        s->st->skipped_blocks++;
        return 0;
    }
    if (rc == 0)
        rc = block_dec_open(s->dec, src, h, salt);
    if (rc == 0)
        block_dec_number(s->dec, first);
    if (rc == 0)
        rc = search_plan_make(&s->plan, s->q, s->dec);
    if (rc < 0)
        return rc;
    if (s->plan.all_rows + s->plan.some_rows == 0) {
        s->st->skipped_blocks++;
        return 0;
    }
    s->st->scanned_blocks++;
    s->st->scanned_events += below;
    if (s->sink->sure != NULL && s->plan.all_rows > 0 && !check_time && below == h->count) {
        if ((rc = s->sink->sure(s->sink->ctx, h, s->dec, &s->plan)) < 0)
            return rc;
        done = rc == 1;
    }
    if (done && s->plan.some_rows == 0)
        return 0;
    if ((rc = mark_lines(s, h->count, below, done)) < 0)
        return rc;
    return bits_count(s->bits, h->count) > 0 ? run_lines(s, h->count, check_time) : 0;
}

static void note_bad(struct scan *s, const struct stored *t)
{
    s->st->bad_blocks++;
    if (atomic_fetch_add(&s->j->bad_blocks, 1) < BAD_LOGGED_MAX)
        log_event(LOG_ERROR, "journal_block_bad", F_STR("file", str_c(t->seg->path)), F_INT("offset", t->b.off),
                  F_INT("first", t->b.head.first_seq), F_INT("events", t->b.head.count));
}

static int step_done(struct scan *s)
{
    if (s->o->progress != NULL)
        s->o->progress(s->o->progress_ctx, s->done_bytes, s->all_bytes);
    return scan_check(s);
}

static int run_one(struct scan *s, const struct stored *t)
{
    struct block_src src = {.fd = t->seg->fd, .off = t->b.off};

    s->plan.relay = str_c(t->seg->relay);
    int rc = run_block(s, &src, &t->b.head, t->seg->salt, t->first);
    if (rc == -EBADMSG || rc == -EIO) {
        note_bad(s, t);
        rc = 0;
    }
    s->done_bytes += t->b.head.raw_bytes;
    return rc;
}

/* Newest first: a guest may be newer than what is still in memory. */
static int run_all(struct scan *s)
{
    size_t m = 0, i = s->nstored;
    int rc = step_done(s); /* how much there is is known before the first block */

    while (rc == 0 && (m < s->nmem || i > 0)) {
        bool mem = m < s->nmem && (i == 0 || s->mem[m]->first_seq > s->stored[i - 1].first);
        if ((rc = turn_take(&whose(s)->turns, &s->turn, is_pressed, check_block, s)) < 0)
            break;
        rc = mem ? run_mem(s, m++) : run_one(s, &s->stored[--i]);
        turn_give(&whose(s)->turns, &s->turn);
        if (rc == 0)
            rc = step_done(s);
    }
    return rc;
}

static void scan_init(struct scan *s)
{
    *s->st = (struct search_stats){0};
    s->before = s->o->before_seq ? s->o->before_seq : UINT64_MAX;
    search_plan_init(&s->plan, s->q);
    s->plan.check = check_block;
    s->plan.check_ctx = s;
    eval_init(&s->ev);
    s->ev.check = check_block;
    s->ev.check_ctx = s;
}

static int scan_done(struct scan *s, int rc)
{
    if (rc == -ENOMEM)
        ERR(s->e, rc, "journal.no_memory");
    if (rc < 0)
        s->st->more = true;
    search_plan_done(&s->plan);
    free(s->bits);
    free(s->row_bits);
    eval_done(&s->ev);
    return rc < 0 ? rc : 0;
}

int scan_run(struct journal *j, const struct query *q, const struct search_opts *o, const struct scan_sink *sink,
             struct search_stats *st, struct err *e)
{
    static const struct search_opts none;
    struct scan s = {.j = j, .q = q, .o = o ? o : &none, .sink = sink, .st = st, .e = e};

    scan_init(&s);
    int rc = snap_take(&s);
    if (rc == 0 && s.dec == NULL && (s.dec = block_dec_new()) == NULL)
        rc = -ENOMEM;
    if (rc == 0)
        rc = run_all(&s);
    rc = scan_done(&s, rc);
    snap_drop(&s);
    return rc;
}

int scan_one(const struct block_src *src, const struct block_head *h, uint64_t salt, const struct query *q,
             const struct scan_sink *sink, struct search_stats *st, struct err *e)
{
    static const struct search_opts none;
    struct scan s = {.q = q, .o = &none, .sink = sink, .st = st, .e = e};

    scan_init(&s);
    int rc = (s.dec = block_dec_new()) == NULL ? -ENOMEM : 0;
    if (rc == 0 && !search_plan_skips_block(q, h, STR_NONE))
        rc = run_block(&s, src, h, salt, h->first_seq);
    block_dec_free(s.dec);
    return scan_done(&s, rc);
}

struct hits {
    hit_fn *fn;
    void *ctx;
    uint64_t limit;
    struct search_stats *st;
};

static int hand_hits(void *ctx, struct scan *s, const struct scan_block *b)
{
    struct hits *h = ctx;
    struct hit hit;

    for (size_t w = bits_words(b->n); w > 0; w--) {
        for (uint64_t m = b->bits[w - 1]; m != 0;) {
            uint32_t i = (uint32_t)((w - 1) * 64) + 63 - (uint32_t)__builtin_clzll(m);
            m &= ~(UINT64_C(1) << i % 64);
            if (h->st->hits == h->limit) {
                h->st->more = true;
                return 1;
            }
            hit.seq = rows_seq(b->rows, i);
            rows_event(b->rows, i, COL_ALL, &hit.ev);
            h->st->hits++;
            if (!h->fn(h->ctx, &hit)) {
                h->st->more = true;
                return 1;
            }
        }
    }
    return 0;
}

int journal_search(struct journal *j, const struct query *q, const struct search_opts *o, hit_fn *fn, void *ctx,
                   struct search_stats *st, struct err *e)
{
    struct search_stats own;
    uint64_t limit = o && o->limit ? o->limit : q->limit ? q->limit : 1000;

    if (o && o->limit && q->limit && q->limit < o->limit)
        limit = q->limit;
    st = st ? st : &own;
    struct hits h = {fn, ctx, limit, st};
    struct scan_sink sink = {.ctx = &h, .cols = COL_ALL, .block = hand_hits};
    return scan_run(j, q, o, &sink, st, e);
}
