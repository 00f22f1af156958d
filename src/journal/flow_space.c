/* What the disk allows the flow store: free space before an append, retention by
 * age and by size. The writer's. */
#include "base/log.h"
#include "journal/flow_store-int.h"
#include <errno.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { SPACE_STEP = 16 << 20 };

/* The file system is asked once a second, or sooner when a quarter of what was
 * free may be used up; always while it is full. */
int flow_space_check(struct flow_store *s, size_t bytes, struct err *e)
{
    int64_t now = clock_mono(s->clk);
    struct statvfs v;

    if (s->cfg.reserve_bytes <= 0)
        return 0;
    if (!atomic_load(&s->full) && now < s->space_due && bytes <= s->space_left) {
        s->space_left -= bytes;
        return 0;
    }
    if (statvfs(s->dir, &v) < 0)
        return ERR(e, -errno, "journal.write", s->dir);
    uint64_t avail = (uint64_t)v.f_bavail * v.f_frsize, reserve = (uint64_t)s->cfg.reserve_bytes;
    if (avail < reserve || avail - reserve < bytes) {
        atomic_store(&s->full, true);
        return ERR(e, -ENOSPC, "journal.full", s->dir);
    }
    s->space_left = (avail - reserve) / 4 < SPACE_STEP ? (avail - reserve) / 4 : SPACE_STEP;
    s->space_due = now + NS_PER_S;
    return 0;
}

/* Under lock. */
static uint64_t disk_bytes(struct flow_store *s)
{
    uint64_t sum = atomic_load(&s->wal_bytes);

    for (size_t i = 0; i < s->nsegs; i++)
        sum += s->segs[i]->end;
    for (size_t i = 0; i < s->nfrozen; i++)
        sum += s->frozen[i].wal_bytes;
    return sum;
}

/* Takes the next segment that has to go out of the list; the newest stays. */
static struct flow_segment *take_one(struct flow_store *s, int64_t limit, const char **why)
{
    bool large = s->cfg.max_bytes > 0 && disk_bytes(s) > (uint64_t)s->cfg.max_bytes;

    for (size_t i = 0; i + 1 < s->nsegs; i++) {
        struct flow_segment *g = s->segs[i];
        bool old = s->cfg.retention_days > 0 && !age_guard_holds(&s->age, s->clk) && g->nblocks > 0 &&
                   g->time_max < limit &&
                   (!s->archives || g->archived); /* age alone takes nothing that still has to be archived */
        if (!old && !(large && i == 0))
            continue;
        *why = old ? "retention" : "size ceiling";
        s->nsegs--;
        memmove(s->segs + i, s->segs + i + 1, (s->nsegs - i) * sizeof(s->segs[0]));
        return g;
    }
    return NULL;
}

static void tell_unarchived(struct flow_store *s, struct flow_segment *g, const char *why)
{
    pthread_mutex_lock(&s->lock);
    bool lost = s->archives && !g->archived && g->nblocks > 0;
    pthread_mutex_unlock(&s->lock);
    if (!lost)
        return;
    atomic_fetch_add(&s->unarchived_lost, 1);
    log_event(LOG_ERROR, "journal_unarchived_deleted", F_STR("file", str_c(g->path)), F_INT("bytes", g->end),
              F_STR("reason", str_c(why)));
}

/* An exporter's clock counts for a day at most: flow_time(). */
static void watch_clock(struct flow_store *s)
{
    int64_t newest = INT64_MIN;

    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->nsegs && !s->age.seen; i++)
        newest = s->segs[i]->time_max > newest ? s->segs[i]->time_max : newest;
    pthread_mutex_unlock(&s->lock);
    age_guard_look(&s->age, s->clk, newest, "flow_clock_ahead");
}

static int64_t first_received(const struct flow_rows *r)
{
    const int64_t *received = (const int64_t *)(const void *)r->col[FC_received];

    return received != NULL ? received[0] : 0;
}

/* For copies, by whole days: each such time is work for whoever has one. */
static void gone_say(struct flow_store *s, int64_t limit)
{
    static const int64_t hour = 3600 * NS_PER_S, day = 24 * 3600 * NS_PER_S;
    int64_t before = limit - limit % day;

    if (s->cfg.retention_days <= 0 || age_guard_holds(&s->age, s->clk) || limit <= 0)
        return;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->nsegs; i++) {
        int64_t from = flow_segment_from(s->segs[i]);
        before = s->segs[i]->nblocks > 0 && from < before ? from : before;
    }
    for (size_t i = 0; i <= s->nfrozen; i++) {
        const struct flow_rows *r = i < s->nfrozen ? s->frozen[i].rows : s->open;
        int64_t from = r != NULL && flow_rows_count(r) > 0 ? first_received(r) - hour : before;
        before = from < before ? from : before;
    }
    pthread_mutex_unlock(&s->lock);
    atomic_store(&s->gone_before, before > 0 ? before : 0);
}

void flow_retain(struct flow_store *s)
{
    int64_t limit = INT64_MIN;
    const char *why = "";
    struct flow_segment *g;

    watch_clock(s);
    if (__builtin_sub_overflow(clock_wall(s->clk), (int64_t)s->cfg.retention_days * 86400 * NS_PER_S, &limit))
        limit = INT64_MIN;
    for (;;) {
        pthread_mutex_lock(&s->lock);
        g = take_one(s, limit, &why);
        pthread_mutex_unlock(&s->lock);
        if (g == NULL) {
            gone_say(s, limit);
            return;
        }
        flow_proof_deleted(s, g, why);
        tell_unarchived(s, g, why);
        log_event(LOG_INFO, "flow_segment_expired", F_STR("file", str_c(g->path)), F_INT("bytes", g->end));
        unlink(g->path);
        pthread_mutex_lock(&s->lock);
        flow_segment_unref(g);
        pthread_mutex_unlock(&s->lock);
    }
}

static void times_note(struct flow_store_stats *st, int64_t first, int64_t last)
{
    st->first_ns = st->first_ns == 0 || first < st->first_ns ? first : st->first_ns;
    st->last_ns = last > st->last_ns ? last : st->last_ns;
}

static void rows_note(struct flow_store_stats *st, struct flow_rows *r)
{
    uint32_t n = r != NULL ? flow_rows_count(r) : 0;
    const int64_t *received = n > 0 ? (const int64_t *)(const void *)r->col[FC_received] : NULL;

    st->flows += n;
    if (received != NULL)
        times_note(st, received[0], received[n - 1]);
}

void flow_store_stats(struct flow_store *s, struct flow_store_stats *out)
{
    struct flow_store_stats st = {
        .full = atomic_load(&s->full), .synced = atomic_load(&s->synced), .bad_blocks = atomic_load(&s->bad_blocks)};

    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->nsegs; i++) {
        for (size_t b = 0; b < s->segs[i]->nblocks; b++) {
            const struct flow_block_head *h = &s->segs[i]->blocks[b]->head;
            st.flows += h->rows;
            times_note(&st, h->time_min, h->time_max);
        }
        st.blocks += s->segs[i]->nblocks;
    }
    for (size_t i = 0; i < s->nfrozen; i++)
        rows_note(&st, s->frozen[i].rows);
    rows_note(&st, s->open);
    st.segments = s->nsegs;
    st.disk_bytes = disk_bytes(s);
    st.torn_bytes = s->torn_bytes;
    st.unsealed_blocks = s->nfrozen;
    pthread_mutex_unlock(&s->lock);
    *out = st;
}
