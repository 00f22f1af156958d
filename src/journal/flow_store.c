/* The flow store's writer side: append, group commit, closing of blocks, open and
 * close (flow_store.h says what is promised). */
#include "base/calendar.h"
#include "base/file.h"
#include "base/log.h"
#include "journal/flow_store-int.h"
#include <errno.h>
#include <unistd.h>

enum { BLOCK_SECONDS = 900, RETAIN_S = 30, RETRY_MS = 1000 };

static int no_room(struct flow_store *s, int rc, struct err *e)
{
    if (rc == -ENOSPC)
        atomic_store(&s->full, true);
    return ERR(e, rc, rc == -ENOSPC ? "journal.full" : "journal.write", s->dir);
}

static int sync_now(struct flow_store *s)
{
    int rc = s->wal_bad ? -EIO : s->wal.fd >= 0 ? wal_sync(&s->wal, s->dir) : 0;

    s->sync_due = 0;
    if (rc == 0) {
        atomic_store(&s->synced, atomic_load(&s->next_seq));
        return 0;
    }
    s->wal_bad = true; /* a sync that failed once may lie the next time: the segment makes it durable */
    s->block_due = clock_mono(s->clk);
    return wal_no_room(rc);
}

static int wait_for_room(struct flow_store *s, bool wait)
{
    int rc = 0;

    pthread_mutex_lock(&s->lock);
    while (s->nfrozen >= FLOW_FROZEN_MAX && s->seal_err == 0 && wait)
        pthread_cond_wait(&s->room, &s->lock);
    if (s->nfrozen >= FLOW_FROZEN_MAX)
        rc = s->seal_err != 0 ? s->seal_err : -EAGAIN;
    pthread_mutex_unlock(&s->lock);
    return rc;
}

/* Hands the open block to the sealer; its write-ahead file is synced first. */
static int block_close(struct flow_store *s, bool wait)
{
    struct err e = {0};
    int rc;

    if (s->open == NULL)
        return 0;
    if ((rc = wait_for_room(s, wait)) < 0)
        return rc;
    if (!s->wal_bad && (rc = sync_now(s)) < 0) {
        ERR(&e, rc, "journal.sync", s->dir);
        log_err(LOG_ERROR, "flow_sync", &e);
    }
    pthread_mutex_lock(&s->lock);
    bool done = flow_freeze(s, (struct flow_frozen){s->open, s->wal.no, s->wal.size});
    if (done)
        s->open = NULL;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
    if (!done)
        return -ENOMEM;
    wal_close(&s->wal);
    s->wal_bad = false;
    atomic_store(&s->wal_bytes, 0);
    s->block_due = 0;
    return 0;
}

/* Blocks end with the day, so that a segment is of one. */
static bool other_day(const struct flow_rows *r, const struct flow_view *v)
{
    const int64_t *received = (const int64_t *)(const void *)r->col[FC_received];

    return received != NULL && v->rows > 0 && flow_rows_count(r) > 0 &&
           date_of(received[0]) != date_of((int64_t)flow_view_value(v, FC_received, 0));
}

/* Its numbers begin behind the guests', and guests that come now get theirs behind what it may need. */
static struct flow_rows *rows_take(struct flow_store *s)
{
    pthread_mutex_lock(&s->lock);
    struct flow_rows *r = s->spare;
    s->spare = NULL;
    uint64_t next = atomic_load(&s->next_seq), first = next < s->guests.next ? s->guests.next : next;
    s->guests.own_end = first + s->cfg.block_rows;
    pthread_mutex_unlock(&s->lock);
    if (r == NULL)
        r = flow_rows_new(s->cfg.block_rows, first);
    else
        flow_rows_clear(r, first);
    if (r != NULL)
        atomic_store(&s->next_seq, first);
    return r;
}

static int ensure_open(struct flow_store *s, const struct flow_view *v, struct flow_rows **out, struct err *e)
{
    int rc;

    if (s->open != NULL && (!flow_rows_fits(s->open, v) || other_day(s->open, v)) && (rc = block_close(s, true)) < 0)
        return no_room(s, rc, e);
    if (s->wal.fd < 0) {
        if ((rc = wal_create(s->dir, s->wal_next, &s->wal, e)) < 0)
            return no_room(s, rc, e);
        s->wal_next++;
        s->wal_bad = false;
    }
    *out = s->open != NULL ? s->open : rows_take(s);
    return *out != NULL ? 0 : ERR(e, -ENOMEM, "journal.no_memory");
}

/* --- who exports ------------------------------------------------------------- */

static struct flow_exporter_seen *seen_of(struct flow_store *s, const struct flow_exporter *x)
{
    char key[24] = {(char)x->ip.family};
    bool fresh = false;

    memcpy(key + 1, x->ip.b, 16);
    memcpy(key + 17, &x->port, 2);
    key[19] = (char)x->version;
    memcpy(key + 20, &x->domain, 4);
    struct map_slot *at = map_put(&s->seen_by, (str){key, sizeof(key)}, &fresh);
    if (at == NULL)
        return NULL; /* at the ceiling: counted as flows, not by exporter */
    if (fresh) {
        at->v.num = (int64_t)s->nseen;
        s->seen[s->nseen++] = (struct flow_exporter_seen){.who = *x};
    }
    return &s->seen[at->v.num];
}

static void seen_note(struct flow_store *s, const struct flow_view *v)
{
    uint32_t rows[FLOW_EXPORTERS_MAX] = {0};
    int64_t now = clock_wall(s->clk);

    for (uint32_t i = 0; i < v->rows; i++)
        rows[flow_view_value(v, FC_exporter, i)]++;
    pthread_mutex_lock(&s->lock);
    for (uint32_t i = 0; i < v->nexporters; i++) {
        struct flow_exporter x;
        flow_view_exporter(v, i, &x);
        struct flow_exporter_seen *e = seen_of(s, &x);
        if (e == NULL)
            continue;
        e->flows += rows[i];
        e->datagrams += x.datagrams;
        e->lost += x.lost;
        e->first_ns = e->first_ns == 0 ? now : e->first_ns;
        e->last_ns = now;
    }
    pthread_mutex_unlock(&s->lock);
}

size_t flow_store_exporters(struct flow_store *s, struct flow_exporter_seen *out, size_t cap)
{
    pthread_mutex_lock(&s->lock);
    size_t n = s->nseen < cap ? s->nseen : cap;
    memcpy(out, s->seen, n * sizeof(*out));
    pthread_mutex_unlock(&s->lock);
    return n;
}

/* --- append -------------------------------------------------------------------- */

static void show(struct flow_store *s, struct flow_rows *r, uint32_t n)
{
    int64_t now = clock_mono(s->clk);

    pthread_mutex_lock(&s->lock);
    s->open = r;
    flow_rows_publish(r, n);
    pthread_mutex_unlock(&s->lock);
    atomic_store(&s->wal_bytes, s->wal.size);
    atomic_fetch_add(&s->next_seq, n);
    atomic_store(&s->full, false);
    if (s->sync_due == 0)
        s->sync_due = now + (int64_t)s->cfg.sync_ms * NS_PER_MS;
    if (s->block_due == 0)
        s->block_due = now + (int64_t)s->cfg.block_seconds * NS_PER_S;
}

int flow_store_append(struct flow_store *s, str wire, uint64_t *first, struct err *e)
{
    struct flow_rows *r = NULL;
    struct flow_view v;
    int rc = flow_batch_open(wire, &v, e);

    if (rc < 0)
        return ERR(e, rc, "journal.batch");
    if (v.rows > 0 && ((rc = flow_space_check(s, wire.n, e)) < 0 || (rc = ensure_open(s, &v, &r, e)) < 0))
        return rc;
    *first = atomic_load(&s->next_seq);
    if (v.rows == 0) {
        seen_note(s, &v);
        return 0;
    }
    if (!flow_rows_place(r, &v))
        rc = ERR(e, -ENOMEM, "journal.no_memory");
    else if ((rc = wal_append(&s->wal, *first, wire)) < 0)
        no_room(s, rc, e);
    if (rc < 0) {
        if (r != s->open)
            flow_rows_free(r);
        return rc;
    }
    show(s, r, v.rows);
    seen_note(s, &v);
    if (s->cfg.sync_ms == 0)
        return flow_store_sync(s, e);
    return 0;
}

int flow_store_sync(struct flow_store *s, struct err *e)
{
    int rc = sync_now(s);

    return rc < 0 ? ERR(e, rc, "journal.sync", s->dir) : 0;
}

static void retry(struct flow_store *s, int64_t now)
{
    if (now < s->retry_due)
        return;
    s->retry_due = now + RETRY_MS * NS_PER_MS;
    pthread_mutex_lock(&s->lock);
    if (s->seal_err != 0) {
        s->seal_err = 0;
        pthread_cond_signal(&s->work);
    }
    pthread_mutex_unlock(&s->lock);
}

int flow_store_tick(struct flow_store *s, int64_t *due, struct err *e)
{
    int64_t now = clock_mono(s->clk);
    int rc = 0;

    if (s->sync_due != 0 && now >= s->sync_due && (rc = sync_now(s)) < 0)
        ERR(e, rc, "journal.sync", s->dir);
    if (s->block_due != 0 && now >= s->block_due) {
        int closed = block_close(s, false);
        if (closed == -EAGAIN)
            s->block_due = now + RETRY_MS * NS_PER_MS;
        else if (closed < 0)
            rc = no_room(s, closed, e);
    }
    retry(s, now);
    if (now >= s->retain_due) {
        s->retain_due = now + RETAIN_S * NS_PER_S;
        flow_retain(s);
    }
    int64_t next = s->retain_due < s->retry_due ? s->retain_due : s->retry_due;
    next = s->sync_due != 0 && s->sync_due < next ? s->sync_due : next;
    next = s->block_due != 0 && s->block_due < next ? s->block_due : next;
    *due = next < *due ? next : *due;
    return rc;
}

const char *flow_store_dir(const struct flow_store *s) { return s->dir; }

/* --- open and close -------------------------------------------------------------- */

static void store_free(struct flow_store *s)
{
    for (size_t i = 0; i < s->nfrozen; i++)
        flow_rows_unref(s, s->frozen[i].rows);
    flow_rows_unref(s, s->open);
    for (size_t i = 0; i < s->nsegs; i++)
        flow_segment_unref(s->segs[i]);
    flow_guests_done(s);
    flow_rows_free(s->spare);
    wal_close(&s->wal);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    map_done(&s->seen_by);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->work);
    pthread_cond_destroy(&s->room);
    free(s->seen);
    free(s->frozen);
    free(s->segs);
    free(s->dir);
    free(s);
}

int flow_store_open(const struct flow_store_cfg *cfg, const struct clock *clk, struct flow_store **out, struct err *e)
{
    struct flow_store *s = calloc(1, sizeof(*s));
    int rc = 0;

    if (s == NULL)
        return ERR(e, -ENOMEM, "journal.no_memory");
    s->cfg = *cfg;
    s->cfg.block_seconds = cfg->block_seconds > 0 ? cfg->block_seconds : BLOCK_SECONDS;
    s->cfg.block_rows = cfg->block_rows > 0 && cfg->block_rows < FLOW_BLOCK_ROWS ? cfg->block_rows : FLOW_BLOCK_ROWS;
    if (s->cfg.block_rows < FLOW_ROWS_MAX)
        s->cfg.block_rows = FLOW_ROWS_MAX; /* a batch must fit an empty block */
    s->dir = strdup(cfg->dir);
    s->seen = calloc(FLOW_EXPORTERS_SEEN, sizeof(*s->seen));
    s->clk = clk;
    s->lock_fd = s->wal.fd = -1;
    map_init(&s->seen_by, FLOW_EXPORTERS_SEEN);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->work, NULL);
    pthread_cond_init(&s->room, NULL);
    atomic_store(&s->next_seq, 1);
    if (s->dir == NULL || s->seen == NULL)
        rc = ERR(e, -ENOMEM, "journal.no_memory");
    if (rc == 0 && cfg->read_only)
        rc = flow_recover_read_only(s, e);
    else if (rc == 0 && (rc = file_mkdirs(s->dir, 0700, e)) == 0 && (rc = file_lock(s->dir, &s->lock_fd, e)) == 0 &&
             (rc = flow_recover(s, e)) == 0)
        rc = flow_sealer_start(s, e);
    if (rc < 0)
        store_free(s);
    else
        *out = s;
    return rc;
}

void flow_store_close(struct flow_store *s)
{
    struct err e = {0};

    if (s == NULL)
        return;
    int rc = block_close(s, true);
    if (rc < 0 && rc != -ENOSPC && flow_store_sync(s, &e) < 0)
        log_err(LOG_ERROR, "flow_sync", &e);
    flow_sealer_stop(s);
    store_free(s);
}
