/* What the disk allows: free space before an append, retention by age and by
 * size, and the figures. Space and retention are the writer's; figures any
 * thread's. */
#include "journal/journal-int.h"
#include "base/log.h"
#include "journal/sealed.h"
#include <errno.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { SPACE_STEP = 16 << 20 };

/* Asks the file system at most once a second, or sooner when a quarter of what
 * was free may be used up; always while it is full. */
int journal_space_check(struct journal *j, size_t bytes, struct err *e)
{
    struct statvfs v;
    int64_t now;

    if (j->cfg.reserve_bytes <= 0)
        return 0;
    now = clock_mono(j->clk);
    if (!atomic_load(&j->full) && now < j->space_due && bytes <= j->space_left) {
        j->space_left -= bytes;
        return 0;
    }
    if (statvfs(j->dir, &v) < 0)
        return ERR(e, -errno, "journal.write", j->dir);
    uint64_t avail = (uint64_t)v.f_bavail * v.f_frsize, reserve = (uint64_t)j->cfg.reserve_bytes;
    if (avail < reserve || avail - reserve < bytes) {
        atomic_store(&j->full, true);
        return ERR(e, -ENOSPC, "journal.full", j->dir);
    }
    j->space_left = (avail - reserve) / 4 < SPACE_STEP ? (avail - reserve) / 4 : SPACE_STEP;
    j->space_due = now + NS_PER_S;
    return 0;
}

/* Under lock. */
static uint64_t disk_bytes(struct journal *j)
{
    uint64_t sum = atomic_load(&j->wal_bytes);

    for (size_t i = 0; i < j->nsegs; i++)
        sum += j->segs[i]->end;
    for (size_t i = 0; i < j->nfrozen; i++)
        sum += j->frozen[i].unlink_wal ? j->frozen[i].wal_bytes : 0;
    return sum;
}

/* Age alone takes nothing away that still has to be archived. */
static bool is_expired(struct journal *j, const struct segment *s, int64_t limit)
{
    return j->cfg.retention_days > 0 && s->nblocks > 0 && s->received_max < limit &&
           (j->cfg.archive_dir == NULL || s->archived) && !journal_age_held(j);
}

static void watch_clock(struct journal *j)
{
    int64_t newest = INT64_MIN;

    pthread_mutex_lock(&j->lock);
    for (size_t i = 0; i < j->nsegs && !j->age.seen; i++)
        newest = j->segs[i]->received_max > newest ? j->segs[i]->received_max : newest;
    pthread_mutex_unlock(&j->lock);
    age_guard_look(&j->age, j->clk, newest, "journal_clock_ahead");
}

/* Takes the next segment that has to go out of the list; the newest stays. */
static struct segment *take_one(struct journal *j, int64_t limit, const char **why)
{
    bool large = j->cfg.max_bytes > 0 && disk_bytes(j) > (uint64_t)j->cfg.max_bytes;

    for (size_t i = 0; i + 1 < j->nsegs; i++) {
        struct segment *s = j->segs[i];
        if (!is_expired(j, s, limit) && !(large && i == 0))
            continue;
        *why = is_expired(j, s, limit) ? "retention" : "size ceiling";
        j->nsegs--;
        memmove(j->segs + i, j->segs + i + 1, (j->nsegs - i) * sizeof(j->segs[0]));
        return s;
    }
    return NULL;
}

/* Under lock. All are asked: a clock may have been set back. */
static int64_t oldest_held(struct journal *j)
{
    int64_t oldest = INT64_MAX;

    for (size_t i = 0; i < j->nsegs; i++)
        for (size_t b = 0; b < j->segs[i]->nblocks; b++) {
            int64_t at = j->segs[i]->blocks[b].head.received_min;
            oldest = at < oldest ? at : oldest;
        }
    for (size_t i = 0; i <= j->nfrozen; i++) {
        struct rows *r = i < j->nfrozen ? j->frozen[i].rows : j->open;
        uint32_t n = r != NULL ? rows_count(r) : 0;
        for (uint32_t k = 0; k < n; k++)
            oldest = r->received[k] < oldest ? r->received[k] : oldest;
    }
    return oldest;
}

/* For copies: by whole days where nothing here says it closer, because each such time is work for whoever has one. */
static void gone_tell(struct journal *j, int64_t limit)
{
    static const int64_t day = 86400 * NS_PER_S;

    if (j->cfg.retention_days <= 0 || journal_age_held(j) || limit <= 0)
        return;
    pthread_mutex_lock(&j->lock);
    int64_t oldest = oldest_held(j);
    pthread_mutex_unlock(&j->lock);
    atomic_store(&j->gone_before, oldest < limit ? oldest : limit - limit % day);
}

int64_t journal_gone_before(struct journal *j) { return atomic_load(&j->gone_before); }

void journal_retain(struct journal *j)
{
    int64_t limit = INT64_MIN;
    const char *why = "";
    struct segment *s;

    watch_clock(j);
    if (__builtin_sub_overflow(clock_wall(j->clk), (int64_t)j->cfg.retention_days * 86400 * NS_PER_S, &limit))
        limit = INT64_MIN;
    for (;;) {
        pthread_mutex_lock(&j->lock);
        s = take_one(j, limit, &why);
        pthread_mutex_unlock(&j->lock);
        if (s == NULL) {
            gone_tell(j, limit);
            return;
        }
        proof_deleted(j, s, why);
        if (j->cfg.archive_dir != NULL && !s->archived && s->nblocks > 0) {
            atomic_fetch_add(&j->unarchived_lost, 1);
            log_event(LOG_ERROR, "journal_unarchived_deleted", F_STR("file", str_c(s->path)), F_INT("bytes", s->end),
                      F_STR("reason", str_c(why)));
        }
        log_event(LOG_INFO, "journal_segment_expired", F_STR("file", str_c(s->path)), F_INT("bytes", s->end));
        unlink(s->path);
        pthread_mutex_lock(&j->lock);
        segment_unref(s);
        pthread_mutex_unlock(&j->lock);
    }
}

static void count_times(struct journal_stats *st, int64_t first, int64_t last)
{
    if (st->first_ns == 0 || first < st->first_ns)
        st->first_ns = first;
    if (st->last_ns == 0 || last > st->last_ns)
        st->last_ns = last;
}

static void count_rows(struct journal_stats *st, struct rows *r)
{
    uint32_t n = r ? rows_count(r) : 0;

    if (n == 0)
        return;
    st->events += n;
    st->raw_bytes += r->off[n];
    count_times(st, r->received[0], r->received[n - 1]);
}

void journal_stats(struct journal *j, struct journal_stats *out)
{
    struct journal_stats st = {.appended = atomic_load(&j->appended),
                               .full = atomic_load(&j->full),
                               .bad_blocks = atomic_load(&j->bad_blocks)};

    pthread_mutex_lock(&j->lock);
    for (size_t i = 0; i < j->nsegs; i++) {
        for (size_t b = 0; b < j->segs[i]->nblocks; b++) {
            const struct block_head *h = &j->segs[i]->blocks[b].head;
            st.events += h->count;
            st.raw_bytes += h->raw_bytes;
            count_times(&st, h->received_min, h->received_max);
        }
        st.blocks += j->segs[i]->nblocks;
    }
    for (size_t i = 0; i < j->nfrozen; i++)
        count_rows(&st, j->frozen[i].rows);
    count_rows(&st, j->open);
    st.segments = j->nsegs;
    st.disk_bytes = disk_bytes(j);
    st.torn_bytes = j->torn_bytes;
    st.unsealed_blocks = j->nfrozen;
    pthread_mutex_unlock(&j->lock);
    *out = st;
}
