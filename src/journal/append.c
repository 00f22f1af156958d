/* Appending: a batch goes to the open block, unseen, then to the write-ahead
 * file, then it is shown. Closing of blocks. Writer thread. */
#include "journal/journal-int.h"
#include "base/log.h"
#include <errno.h>

enum { ROW_LEAST_BYTES = 32, ROWS_LEAST = 65536, HURRY_NS = 500 * NS_PER_MS };

/* A block of rows that surely holds one batch more than block_bytes. */
static struct rows *rows_take(struct journal *j)
{
    struct rows *r = NULL;

    pthread_mutex_lock(&j->lock);
    if (j->nspare > 0)
        r = j->spare[--j->nspare];
    pthread_mutex_unlock(&j->lock);
    if (r == NULL) {
        size_t n = j->cfg.block_bytes / ROW_LEAST_BYTES;
        r = rows_new(j->cfg.block_bytes + EVENT_BATCH_MAX, (uint32_t)(n < ROWS_LEAST ? ROWS_LEAST : n));
    }
    if (r != NULL) {
        r->refs = 1;
        pthread_mutex_lock(&j->lock);
        uint64_t next = atomic_load(&j->next_seq), first = next < j->guests.next ? j->guests.next : next;
        rows_clear(r, first);
        r->gap = first - next;
        j->guests.own_end = first + r->cap;
        pthread_mutex_unlock(&j->lock);
        r->have = COL_ALL;
    }
    return r;
}

/* Blocks in memory are most of what the writer holds, so large ones wait in smaller numbers. */
static size_t frozen_max(const struct journal *j)
{
    size_t n = FROZEN_BYTES / j->cfg.block_bytes;
    return n < 1 ? 1 : n > FROZEN_MAX ? FROZEN_MAX : n;
}

/* Waits for the sealer while it works; -ENOSPC and the like when it cannot. */
static int wait_for_room(struct journal *j, bool wait)
{
    size_t max = frozen_max(j);
    int rc = 0;

    pthread_mutex_lock(&j->lock);
    while (j->nfrozen + j->proving >= max && j->seal_err == 0 && wait)
        pthread_cond_wait(&j->room, &j->lock);
    if (j->nfrozen + j->proving >= max)
        rc = j->seal_err ? j->seal_err : -EAGAIN;
    pthread_mutex_unlock(&j->lock);
    return rc;
}

/* By the machine's time, whatever clock the data has: it is about threads. */
void journal_hurry(struct journal *j) { atomic_store(&j->hurry_until, clock_mono(&clock_system) + HURRY_NS); }

bool journal_is_pressed(const struct journal *j)
{
    return atomic_load(&j->behind) || clock_mono(&clock_system) < atomic_load(&j->hurry_until);
}

/* A file whose sync failed once may say yes the next time without having
 * written anything: its block goes to a segment, which makes it durable. Until
 * then a good sync of the next file says nothing (-EAGAIN). */
int journal_sync_wal(struct journal *j)
{
    int rc = j->wal_bad ? -EIO : j->wal.fd >= 0 ? wal_sync(&j->wal, j->dir) : 0;

    j->sync_due = 0;
    if (rc == 0 && atomic_load(&j->sealed) < j->unsure) {
        j->sync_due = clock_mono(j->clk) + (int64_t)j->cfg.sync_ms * NS_PER_MS;
        return -EAGAIN;
    }
    if (rc == 0) {
        atomic_store(&j->synced, atomic_load(&j->next_seq));
        return 0;
    }
    j->wal_bad = true;
    j->block_due = clock_mono(j->clk);
    return wal_no_room(rc);
}

/* Hands the open block to the sealer. Its write-ahead file is synced first, so
 * that at most one file is ever unsynced; when that fails, the segment is what
 * makes the events durable. */
int journal_block_close(struct journal *j, bool wait)
{
    if (j->open == NULL)
        return 0;
    int rc = wait_for_room(j, wait);
    if (rc < 0)
        return rc;
    struct err e = {0};
    if (!j->wal_bad && (rc = journal_sync_wal(j)) < 0) {
        ERR(&e, rc, "journal.sync", j->dir);
        log_err(LOG_ERROR, "journal_sync", &e);
    }
    pthread_mutex_lock(&j->lock);
    bool done = journal_freeze(j, (struct frozen){j->open, j->wal.no, j->wal.size, true});
    if (done)
        j->open = NULL;
    atomic_store(&j->behind, j->nfrozen + j->proving >= frozen_max(j));
    pthread_cond_signal(&j->work);
    pthread_mutex_unlock(&j->lock);
    if (!done)
        return -ENOMEM;
    if (j->wal_bad)
        j->unsure = atomic_load(&j->next_seq);
    wal_close(&j->wal);
    atomic_store(&j->wal_bytes, 0);
    j->block_due = 0;
    return 0;
}

struct batch {
    str wire;
    bool checked; /* its checksum was */
};

/* Reads the batch into r behind what is published. */
static int take_batch(struct rows *r, const struct batch *b, uint32_t *n, bool *fits, struct err *e)
{
    struct event_reader rdr;
    struct event ev;
    int rc = b->checked ? event_batch_reopen(b->wire, &rdr, e) : event_batch_open(b->wire, &rdr, e);

    *n = 0;
    *fits = true;
    while (rc == 0 && (rc = event_batch_next(&rdr, &ev)) == 1) {
        if (!rows_add(r, &ev)) {
            *fits = false;
            rows_rollback(r);
            return 0;
        }
        (*n)++;
        rc = 0;
    }
    if (rc < 0) {
        rows_rollback(r);
        return ERR(e, rc, "journal.batch");
    }
    return 0;
}

static int no_room(struct journal *j, int rc, struct err *e)
{
    if (rc == -ENOSPC)
        atomic_store(&j->full, true);
    return ERR(e, rc, rc == -ENOSPC ? "journal.full" : "journal.write", j->dir);
}

static int ensure_open(struct journal *j, struct rows **out, struct err *e)
{
    if (j->wal.fd < 0) {
        int rc = wal_create(j->dir, j->wal_next, &j->wal, e);
        if (rc < 0) {
            if (rc == -ENOSPC)
                atomic_store(&j->full, true);
            return rc;
        }
        j->wal_next++;
        j->wal_bad = false;
    }
    *out = j->open;
    if (*out == NULL && (*out = rows_take(j)) == NULL)
        return ERR(e, -ENOMEM, "journal.no_memory");
    return 0;
}

static void open_put(struct journal *j, struct rows *r)
{
    pthread_mutex_lock(&j->lock);
    if (j->open == NULL)
        j->open = r;
    pthread_mutex_unlock(&j->lock);
}

/* r was taken for this append and is not shown yet. */
static void open_undo(struct journal *j, struct rows *r)
{
    if (r == NULL || r == j->open)
        return;
    pthread_mutex_lock(&j->lock);
    rows_unref(j, r);
    pthread_mutex_unlock(&j->lock);
}

static void tell_tails(struct journal *j)
{
    if (atomic_load(&j->ntails) == 0)
        return;
    pthread_mutex_lock(&j->lock);
    pthread_cond_broadcast(&j->news);
    pthread_mutex_unlock(&j->lock);
}

/* Makes the batch seen; it is in the write-ahead file now. */
static void show_batch(struct journal *j, struct rows *r, uint32_t n)
{
    int64_t now = clock_mono(j->clk);

    open_put(j, r);
    rows_publish(r);
    atomic_store(&j->wal_bytes, j->wal.size);
    atomic_store(&j->next_seq, r->first_seq + rows_count(r));
    atomic_fetch_add(&j->appended, n);
    atomic_store(&j->full, false);
    if (j->sync_due == 0)
        j->sync_due = now + (int64_t)j->cfg.sync_ms * NS_PER_MS;
    if (j->block_due == 0)
        j->block_due = now + (int64_t)j->cfg.block_seconds * NS_PER_S;
    tell_tails(j);
}

/* Reads the batch into a block that has room for it, unseen; closes the open
 * block once when it has not. */
static int place_batch(struct journal *j, const struct batch *b, struct rows **out, uint32_t *n, struct err *e)
{
    for (int tries = 0; tries < 2; tries++) {
        struct rows *r = NULL;
        bool fits = false;
        int rc = ensure_open(j, &r, e);
        if (rc < 0)
            return rc;
        rc = take_batch(r, b, n, &fits, e);
        if (rc == 0 && fits) {
            *out = r;
            return 0;
        }
        open_undo(j, r);
        if (rc < 0)
            return rc;
        if (j->open == NULL)
            break;
        if ((rc = journal_block_close(j, true)) < 0)
            return no_room(j, rc, e);
    }
    return ERR(e, -E2BIG, "journal.batch");
}

static int append(struct journal *j, const struct batch *b, uint64_t *first, struct err *e)
{
    struct rows *r = NULL;
    uint32_t n = 0;
    int rc = journal_space_check(j, b->wire.n, e);

    if (rc == 0)
        rc = place_batch(j, b, &r, &n, e);
    if (rc < 0)
        return rc;
    uint64_t seq = r->first_seq + rows_count(r);
    rc = n > 0 ? wal_append(&j->wal, seq, b->wire) : 0;
    if (rc < 0 || n == 0) {
        rows_rollback(r);
        open_undo(j, r);
        if (rc < 0)
            return no_room(j, rc, e);
        *first = seq;
        return 0;
    }
    show_batch(j, r, n);
    *first = seq;
    /* From here the events are in: a sync that fails is told by journal_synced,
     * a block that cannot be closed yet is closed later. */
    if (j->cfg.sync_ms == 0)
        journal_sync(j, NULL);
    if (j->open != NULL && j->open->raw_n >= j->cfg.block_bytes)
        journal_block_close(j, false);
    return 0;
}

int journal_append(struct journal *j, str wire, uint64_t *first, struct err *e)
{
    return append(j, &(struct batch){wire, false}, first, e);
}

int journal_append_checked(struct journal *j, str wire, uint64_t *first, struct err *e)
{
    return append(j, &(struct batch){wire, true}, first, e);
}
