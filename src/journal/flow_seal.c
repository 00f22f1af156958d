/* The flow store's sealing thread: closed blocks become stored blocks, in order.
 * When it cannot (disk full) it stands still until the writer's tick lets it try
 * again; the flows stay in their write-ahead files and in memory meanwhile. */
#include "base/calendar.h"
#include "base/log.h"
#include "journal/flow_store-int.h"
#include <errno.h>
#include <signal.h>
#include <unistd.h>

void flow_rows_unref(struct flow_store *s, struct flow_rows *r)
{
    if (r == NULL || --r->refs > 0)
        return;
    if (s->spare == NULL && r->cap == s->cfg.block_rows)
        s->spare = r;
    else
        flow_rows_free(r);
}

bool flow_freeze(struct flow_store *s, struct flow_frozen f)
{
    if (s->nfrozen == s->frozen_cap) {
        size_t cap = s->frozen_cap > 0 ? s->frozen_cap * 2 : 8;
        struct flow_frozen *p = realloc(s->frozen, cap * sizeof(*p));
        if (p == NULL)
            return false;
        s->frozen = p;
        s->frozen_cap = cap;
    }
    s->frozen[s->nfrozen++] = f;
    return true;
}

bool flow_segments_add(struct flow_store *s, struct flow_segment *g)
{
    if (s->nsegs == s->segs_cap) {
        size_t cap = s->segs_cap > 0 ? s->segs_cap * 2 : 16;
        struct flow_segment **p = realloc(s->segs, cap * sizeof(*p));
        if (p == NULL)
            return false;
        s->segs = p;
        s->segs_cap = cap;
    }
    s->segs[s->nsegs++] = g;
    return true;
}

/* Retention goes by whole segments, so a small ceiling wants small ones. */
static uint64_t segment_limit(const struct flow_store *s)
{
    int64_t max = s->cfg.max_bytes;
    return max > 0 && max / 8 < FLOW_SEGMENT_BYTES ? (uint64_t)max / 8 : FLOW_SEGMENT_BYTES;
}

static uint32_t day_of(const struct flow_rows *r)
{
    const int64_t *received = (const int64_t *)(const void *)r->col[FC_received];
    int64_t date = received != NULL ? date_of(received[0]) : 0;

    return date < 0 ? 0 : (uint32_t)date;
}

static int segment_for(struct flow_store *s, const struct flow_rows *r, struct flow_segment **out, struct err *e)
{
    uint32_t day = day_of(r);
    struct flow_segment *g;

    pthread_mutex_lock(&s->lock);
    g = s->nsegs > 0 ? s->segs[s->nsegs - 1] : NULL;
    bool full = g == NULL || g->full;
    pthread_mutex_unlock(&s->lock);
    if (!full && g->day == day && g->end < segment_limit(s)) {
        *out = g;
        return 0;
    }
    int rc = flow_segment_create(s->dir, day, s->seg_next, &g, e);
    if (rc < 0)
        return rc;
    s->seg_next++;
    pthread_mutex_lock(&s->lock);
    bool added = flow_segments_add(s, g);
    if (!added) {
        unlink(g->path);
        flow_segment_unref(g);
    }
    pthread_mutex_unlock(&s->lock);
    *out = g;
    return added ? 0 : ERR(e, -ENOMEM, "journal.no_memory");
}

/* The block changes from memory to its segment in one step for every reader. */
static bool hand_over(struct flow_store *s, struct flow_segment *g, const struct flow_block_head *h)
{
    uint64_t next = h->first_seq + h->rows;
    char path[4096];

    pthread_mutex_lock(&s->lock);
    struct flow_frozen f = s->frozen[0];
    bool ok = flow_segment_add(g, h);
    if (ok) {
        s->nfrozen--;
        memmove(s->frozen, s->frozen + 1, s->nfrozen * sizeof(s->frozen[0]));
        flow_rows_unref(s, f.rows);
        for (uint64_t known = atomic_load(&s->synced);
             known < next && !atomic_compare_exchange_weak(&s->synced, &known, next);)
            ;
        pthread_cond_broadcast(&s->room);
    }
    pthread_mutex_unlock(&s->lock);
    if (ok) {
        wal_path(s->dir, f.wal_no, path, sizeof(path));
        unlink(path);
    }
    return ok;
}

static int seal_one(struct flow_store *s, struct flow_enc *enc, const struct flow_rows *r, struct err *e)
{
    struct flow_segment *g = NULL;
    struct flow_block_head h;
    int rc = segment_for(s, r, &g, e);

    if (rc < 0)
        return rc;
    str block = enc != NULL ? flow_block_encode(enc, r, g->salt, &h) : STR_NONE;
    if (block.n == 0)
        return ERR(e, -ENOMEM, "journal.no_memory");
    if ((rc = wal_no_room(flow_segment_write(g, block))) < 0)
        return ERR(e, rc, "journal.write", g->path);
    return hand_over(s, g, &h) ? 0 : ERR(e, -ENOMEM, "journal.no_memory");
}

static void *sealer_main(void *ctx)
{
    struct flow_store *s = ctx;
    struct flow_enc *enc = NULL;

    pthread_setname_np(pthread_self(), "flow-seal");
    pthread_mutex_lock(&s->lock);
    for (;;) {
        struct err e = {0};
        while ((s->nfrozen == 0 || s->seal_err != 0) && !s->stopping)
            pthread_cond_wait(&s->work, &s->lock);
        if (s->nfrozen == 0 || s->seal_err != 0)
            break;
        struct flow_rows *r = s->frozen[0].rows;
        pthread_mutex_unlock(&s->lock);
        if (enc == NULL)
            enc = flow_enc_new();
        int rc = seal_one(s, enc, r, &e);
        if (rc < 0)
            log_err(LOG_ERROR, "flow_seal", &e);
        else
            flow_proof_catch_up(s);
        pthread_mutex_lock(&s->lock);
        if (rc < 0) {
            s->seal_err = rc;
            pthread_cond_broadcast(&s->room);
        }
    }
    pthread_mutex_unlock(&s->lock);
    flow_enc_free(enc);
    return NULL;
}

int flow_sealer_start(struct flow_store *s, struct err *e)
{
    sigset_t all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = -pthread_create(&s->sealer, NULL, sealer_main, s);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    s->sealer_runs = rc == 0;
    return rc == 0 ? 0 : ERR(e, rc, "journal.no_memory");
}

void flow_sealer_stop(struct flow_store *s)
{
    if (!s->sealer_runs)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_broadcast(&s->work);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->sealer, NULL);
    s->sealer_runs = false;
}
