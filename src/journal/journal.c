/* The journal from the writer's side: open, group commit, ticks, close. The writer thread owns everything here that is
 * not under the lock. */
#include "journal/journal-int.h"
#include "journal/archive-int.h"
#include "base/file.h"
#include "base/log.h"
#include <errno.h>
#include <unistd.h>

static int64_t after(struct journal *j, int64_t ns) { return clock_mono(j->clk) + ns; }

void rows_unref(struct journal *j, struct rows *r)
{
    if (r == NULL || --r->refs > 0)
        return;
    if (j->nspare < SPARE_MAX && !j->closing) {
        j->spare[j->nspare++] = r;
        return;
    }
    rows_free(r);
}

/* Under lock. What a reader still holds goes when the reader lets go. */
static void drop_lists(struct journal *j)
{
    j->closing = true;
    rows_unref(j, j->open);
    rows_unref(j, j->recent);
    for (size_t i = 0; i < j->nfrozen; i++)
        rows_unref(j, j->frozen[i].rows);
    for (size_t i = 0; i < j->nspare; i++)
        rows_free(j->spare[i]);
    for (size_t i = 0; i < j->nsegs; i++)
        segment_unref(j->segs[i]);
    guests_drop_all(j);
    free(j->segs);
    free(j->frozen);
    j->open = j->recent = NULL;
    j->nfrozen = j->nspare = j->nsegs = 0;
    j->segs = NULL;
    j->frozen = NULL;
}

bool journal_freeze(struct journal *j, struct frozen f)
{
    if (j->nfrozen == j->frozen_cap) {
        size_t cap = j->frozen_cap + 8;
        struct frozen *p = realloc(j->frozen, cap * sizeof(*p));
        if (p == NULL)
            return false;
        j->frozen = p;
        j->frozen_cap = cap;
    }
    j->frozen[j->nfrozen++] = f;
    return true;
}

/* Called with the lock held; gives it up. */
void journal_unref(struct journal *j)
{
    bool last = --j->refs == 0;

    pthread_mutex_unlock(&j->lock);
    if (!last)
        return;
    pthread_cond_destroy(&j->news);
    pthread_cond_destroy(&j->room);
    pthread_cond_destroy(&j->work);
    pthread_mutex_destroy(&j->lock);
    turns_done(&j->turns);
    block_dec_free(j->dec);
    free(j->dir);
    free(j->archive_dir);
    free(j);
}

static void set_defaults(struct journal_cfg *c)
{
    if (c->sync_ms < 0)
        c->sync_ms = 100;
    if (c->block_bytes == 0)
        c->block_bytes = BLOCK_BYTES_DEFAULT;
    if (c->block_bytes > BLOCK_BYTES_MAX)
        c->block_bytes = BLOCK_BYTES_MAX;
    if (c->block_seconds <= 0)
        c->block_seconds = BLOCK_SECONDS_DEFAULT;
}

struct journal *journal_new(const struct journal_cfg *cfg, const struct clock *clk)
{
    struct journal *j = calloc(1, sizeof(*j));
    pthread_condattr_t mono;

    if (j == NULL || (j->dir = strdup(cfg->dir)) == NULL ||
        (cfg->archive_dir != NULL && (j->archive_dir = strdup(cfg->archive_dir)) == NULL)) {
        free(j == NULL ? NULL : j->dir);
        free(j);
        return NULL;
    }
    j->cfg = *cfg;
    j->cfg.dir = j->dir;
    j->cfg.archive_dir = j->archive_dir;
    set_defaults(&j->cfg);
    j->clk = clk;
    j->lock_fd = j->wal.fd = -1;
    j->refs = 1;
    atomic_store(&j->next_seq, 1);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    turns_init(&j->turns, cores > 2 ? (unsigned)cores - 1 : 1); /* a core at least is the writer's */
    pthread_mutex_init(&j->lock, NULL);
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    pthread_cond_init(&j->work, NULL);
    pthread_cond_init(&j->room, NULL);
    pthread_cond_init(&j->news, &mono);
    pthread_condattr_destroy(&mono);
    return j;
}

void journal_drop(struct journal *j)
{
    if (j->lock_fd >= 0)
        close(j->lock_fd);
    pthread_mutex_lock(&j->lock);
    drop_lists(j);
    journal_unref(j);
}

int journal_open(const struct journal_cfg *cfg, const struct clock *clk, struct journal **out, struct err *e)
{
    struct journal *j = journal_new(cfg, clk);
    int rc;

    if (j == NULL)
        return ERR(e, -ENOMEM, "journal.no_memory");
    rc = cfg->read_only ? 0 : file_mkdirs(j->dir, 0750, e);
    if (rc == 0 && !cfg->read_only)
        rc = file_lock(j->dir, &j->lock_fd, e);
    if (rc == 0)
        rc = journal_recover(j, e);
    if (rc == 0)
        rc = archive_open(j, e);
    if (rc == 0)
        rc = proof_open(j, e);
    if (rc == 0)
        rc = proof_catch_up(j, NULL, e);
    if (rc == 0 && !cfg->read_only)
        rc = sealer_start(j, e);
    if (rc < 0) {
        proof_close(j);
        journal_drop(j);
        return rc;
    }
    j->retain_due = after(j, 0);
    *out = j;
    return 0;
}

int journal_sync(struct journal *j, struct err *e)
{
    int rc = atomic_load(&j->synced) < atomic_load(&j->next_seq) ? journal_sync_wal(j) : 0;

    if (rc == 0)
        return 0;
    if (rc != -EAGAIN)
        journal_block_close(j, false);
    return ERR(e, rc, rc == -ENOSPC ? "journal.full" : "journal.sync", j->dir);
}

const char *journal_dir(const struct journal *j) { return j->dir; }
struct ledger *journal_ledger(struct journal *j) { return j->ledger; }

uint64_t journal_synced(const struct journal *j) { return atomic_load(&j->synced); }

static void kick_sealer(struct journal *j, int64_t now)
{
    if (now < j->retry_due)
        return;
    j->retry_due = now + NS_PER_S;
    pthread_mutex_lock(&j->lock);
    if (j->seal_err != 0) {
        j->seal_err = 0;
        pthread_cond_signal(&j->work);
    }
    pthread_mutex_unlock(&j->lock);
}

static int64_t earliest(int64_t a, int64_t b) { return a == 0 || (b != 0 && b < a) ? b : a; }

int journal_tick(struct journal *j, int64_t *due_mono_ns, struct err *e)
{
    int64_t now = clock_mono(j->clk);
    int rc = 0;

    kick_sealer(j, now);
    if (j->block_due != 0 && now >= j->block_due && journal_block_close(j, false) < 0)
        j->block_due = now + NS_PER_S;
    if (j->sync_due != 0 && now >= j->sync_due)
        rc = journal_sync(j, e);
    if (j->ledger != NULL) {
        struct err why = {0};
        if (ledger_tick(j->ledger, &why) < 0)
            log_err(LOG_ERROR, "ledger_sign", &why); /* and again at the next tick */
    }
    if (now >= j->retain_due) {
        journal_retain(j);
        j->retain_due = now + 60 * NS_PER_S;
    }
    if (due_mono_ns != NULL) {
        pthread_mutex_lock(&j->lock);
        int64_t retry = j->seal_err != 0 ? j->retry_due : 0;
        pthread_mutex_unlock(&j->lock);
        *due_mono_ns = earliest(earliest(j->sync_due, j->block_due), earliest(j->retain_due, retry));
    }
    return rc;
}

void journal_close(struct journal *j)
{
    if (j == NULL)
        return;
    kick_sealer(j, INT64_MAX - NS_PER_S);
    if (j->open == NULL && j->wal.fd >= 0)
        wal_drop(&j->wal, j->dir);
    if (journal_block_close(j, true) < 0)
        journal_sync_wal(j);
    wal_close(&j->wal);
    sealer_stop(j);
    proof_close(j);
    if (j->lock_fd >= 0)
        close(j->lock_fd);
    pthread_mutex_lock(&j->lock);
    pthread_cond_broadcast(&j->news);
    drop_lists(j);
    journal_unref(j);
}
