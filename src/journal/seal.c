/* The sealing thread: closed blocks become stored blocks, in order. It alone
 * writes segments. When it cannot (disk full), it stands still with the reason
 * until the writer's tick lets it try again; the events stay in their
 * write-ahead files and in memory meanwhile. */
#include "journal/journal-int.h"
#include "base/calendar.h"
#include "base/log.h"
#include <errno.h>
#include <signal.h>
#include <unistd.h>

bool journal_add_segment(struct journal *j, struct segment *s)
{
    if (j->nsegs == j->segs_cap) {
        size_t cap = j->segs_cap ? j->segs_cap * 2 : 16;
        struct segment **p = realloc(j->segs, cap * sizeof(*p));
        if (p == NULL)
            return false;
        j->segs = p;
        j->segs_cap = cap;
    }
    j->segs[j->nsegs++] = s;
    return true;
}

void segment_unref(struct segment *s)
{
    if (s != NULL && --s->refs == 0)
        segment_free(s);
}

/* Retention goes by whole segments, so a small ceiling wants small ones. */
static uint64_t segment_limit(const struct journal *j)
{
    int64_t max = j->cfg.max_bytes;
    return max > 0 && max / 8 < SEGMENT_BYTES ? (uint64_t)max / 8 : SEGMENT_BYTES;
}

/* The newest segment when it fits this block's day and has room, else a new
 * one. Nobody else adds segments, and retention leaves the newest alone. */
static int segment_for(struct journal *j, const struct rows *r, struct segment **out, struct err *e)
{
    int64_t date = date_of(r->received[0]);
    uint32_t day = date < 0 ? 0 : (uint32_t)date;
    struct segment *s;

    pthread_mutex_lock(&j->lock);
    s = j->nsegs ? j->segs[j->nsegs - 1] : NULL;
    pthread_mutex_unlock(&j->lock);
    if (s != NULL && s->day == day && s->end < segment_limit(j)) {
        *out = s;
        return 0;
    }
    /* A disk that is full has no room for the next segment either: wait, and the
     * index is written later. Without one the blocks are still found by their
     * heads, but a segment behind it would make that look like damage. */
    int rc = s != NULL ? wal_no_room(segment_close_index(s)) : 0;
    if (rc == -ENOSPC)
        return ERR(e, rc, "journal.write", s->path);
    rc = segment_create(j->dir, day, j->seg_next, &s, e);
    if (rc < 0)
        return rc;
    j->seg_next++;
    pthread_mutex_lock(&j->lock);
    bool added = journal_add_segment(j, s);
    pthread_mutex_unlock(&j->lock);
    if (!added) {
        unlink(s->path);
        segment_free(s);
        return ERR(e, -ENOMEM, "journal.no_memory");
    }
    *out = s;
    return 0;
}

/* The block changes from memory to its segment in one step for every reader. The
 * list's hold of its rows is the caller's then. */
static void hand_over(struct journal *j, struct segment *s, const struct block_head *h)
{
    struct frozen f;
    uint64_t next = h->first_seq + h->count;
    char path[4096];

    pthread_mutex_lock(&j->lock);
    f = j->frozen[0];
    segment_add(s, h);
    j->nfrozen--;
    memmove(j->frozen, j->frozen + 1, j->nfrozen * sizeof(j->frozen[0]));
    rows_unref(j, j->recent);
    j->recent = NULL;
    if (atomic_load(&j->ntails) > 0) { /* a tail that is opened later begins behind it */
        j->recent = f.rows;
        f.rows->refs++;
    }
    atomic_store(&j->sealed, next);
    for (uint64_t known = atomic_load(&j->synced);
         known < next && !atomic_compare_exchange_weak(&j->synced, &known, next);)
        ;
    j->proving = true;
    pthread_mutex_unlock(&j->lock);
    if (f.unlink_wal) {
        wal_path(j->dir, f.wal_no, path, sizeof(path));
        unlink(path);
    }
}

static int seal_one(struct journal *j, struct block_enc *be, struct rows *r, struct err *e)
{
    struct segment *s = NULL;
    struct block_head h;
    int rc = segment_for(j, r, &s, e);

    if (rc < 0)
        return rc;
    str block = block_encode(be, r, s->salt, &h);
    pthread_mutex_lock(&j->lock);
    bool room = segment_reserve(s);
    pthread_mutex_unlock(&j->lock);
    if (block.n == 0 || !room)
        return ERR(e, -ENOMEM, "journal.no_memory");
    rc = segment_write(s, block);
    if (rc < 0)
        return ERR(e, wal_no_room(rc), "journal.write", s->path);
    hand_over(j, s, &h);
    struct err why = {0};
    if (proof_catch_up(j, r, &why) < 0) /* disk full: with the next block, or at the next start */
        log_err(LOG_ERROR, "ledger_add", &why);
    pthread_mutex_lock(&j->lock);
    rows_unref(j, r);
    j->proving = false;
    atomic_store(&j->behind, false);
    pthread_cond_broadcast(&j->room);
    pthread_mutex_unlock(&j->lock);
    return 0;
}

static void *sealer_main(void *ctx)
{
    struct journal *j = ctx;
    struct block_enc *be = block_enc_new();

    pthread_setname_np(pthread_self(), "journal-seal");
    pthread_mutex_lock(&j->lock);
    for (;;) {
        struct err e = {0};
        while ((j->nfrozen == 0 || j->seal_err != 0) && !j->stopping)
            pthread_cond_wait(&j->work, &j->lock);
        if (j->nfrozen == 0 || j->seal_err != 0)
            break;
        struct rows *r = j->frozen[0].rows;
        pthread_mutex_unlock(&j->lock);
        if (be == NULL)
            be = block_enc_new();
        int rc = be ? seal_one(j, be, r, &e) : ERR(&e, -ENOMEM, "journal.no_memory");
        if (rc < 0)
            log_err(LOG_ERROR, "journal_seal", &e);
        pthread_mutex_lock(&j->lock);
        if (rc < 0) {
            j->seal_err = wal_no_room(rc);
            atomic_store(&j->behind, false); /* it stands still: nobody is faster for waiting */
            pthread_cond_broadcast(&j->room);
        }
    }
    pthread_mutex_unlock(&j->lock);
    block_enc_free(be);
    return NULL;
}

int sealer_start(struct journal *j, struct err *e)
{
    sigset_t all, old;

    sigfillset(&all); /* signals are the daemon's main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&j->sealer, NULL, sealer_main, j);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0)
        return ERR(e, -rc, "journal.thread");
    j->sealer_runs = true;
    return 0;
}

void sealer_stop(struct journal *j)
{
    if (!j->sealer_runs)
        return;
    pthread_mutex_lock(&j->lock);
    j->stopping = true;
    pthread_cond_broadcast(&j->work);
    pthread_mutex_unlock(&j->lock);
    pthread_join(j->sealer, NULL);
    j->sealer_runs = false;
    if (j->nsegs > 0)
        segment_close_index(j->segs[j->nsegs - 1]);
}
