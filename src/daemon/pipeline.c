/* Intake -> journal -> judge, on one thread; and the checker's thread, which
 * runs windows, state checks and duties, so that a slow check never holds up a
 * line. What is journalled is judged, Lũy's own events too. When the disk is
 * full the batch in hand is kept and nothing more is taken from the ring: the
 * ring fills, intake stops reading, TCP senders wait, UDP drops are counted. */
#include "daemon/pipeline.h"
#include "base/rand.h"
#include "journal/ledger.h"
#include "base/log.h"
#include "registry/change.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    BATCHES_A_ROUND = 64,
    RETRY_MS = 250,
    DROPS_MS = 1000,
    SELF_BATCH = 1 << 20,
    COMPLAIN_S = 10,
    CHECK_WAIT_MS = 1000,
    POINT_S = 86400, /* a point of the registry's chain into the ledger each day, and at each start */
    DRAIN_MS = 1200
};

struct pipeline {
    struct intake *in;
    struct tailer *tailer;
    struct journal *journal;
    struct flow_store *flows;
    struct judge *judge;
    struct registry *registry;
    struct self_queue *self;
    const struct clock *clk;
    int wake_fd;
    pthread_t thread, checker;
    atomic_bool stop;
    str held;               /* a batch that the journal could not take yet; intake's memory */
    struct event_batch own; /* Lũy's own events; own_held: sealed and waiting */
    str own_wire;
    bool own_held, full, drained;
    struct event_batch tailed; /* lines of followed files; tail_held: sealed and waiting */
    str tail_wire;
    bool tail_held;
    int64_t journal_due, flows_due, tail_due, drops_due, complained;
    struct intake_stats told; /* drops that were journalled */
    pthread_mutex_t check_lock;
    pthread_cond_t check_wake;
    _Atomic uint64_t batches, flow_batches, self_events, gaps, disk_full_pauses, journal_errors, judge_errors;
    atomic_bool is_full;
};

static int64_t mono(const struct pipeline *p) { return clock_mono(p->clk); }

static void complain(struct pipeline *p, const char *what, const struct err *e)
{
    if (mono(p) < p->complained)
        return; /* the counters say how often */
    p->complained = mono(p) + COMPLAIN_S * NS_PER_S;
    log_err(LOG_ERROR, what, e);
}

static void set_full(struct pipeline *p, bool full)
{
    if (full == p->full)
        return;
    p->full = full;
    atomic_store(&p->is_full, full);
    if (full)
        atomic_fetch_add(&p->disk_full_pauses, 1);
    log_event(full ? LOG_ERROR : LOG_WARN, full ? "disk_full" : "disk_free_again",
              F_STR("effect", full ? STR("journal paused, tcp senders wait") : STR("journal goes on")));
}

/* True: the store has it, or never will. */
static bool deliver_flows(struct pipeline *p, str wire)
{
    struct err e = {0};
    uint64_t first = 0;
    int rc = flow_store_append(p->flows, wire, &first, &e);

    if (rc == -ENOSPC || rc == -EDQUOT) {
        set_full(p, true);
        return false;
    }
    if (rc < 0) {
        atomic_fetch_add(&p->journal_errors, 1);
        complain(p, "flow_append", &e);
        return rc == -EBADMSG;
    }
    set_full(p, false);
    atomic_fetch_add(&p->flow_batches, 1);
    p->flows_due = 0;
    return true;
}

/* True: the journal has it (or never will), and the judge was asked. */
static bool deliver(struct pipeline *p, str wire)
{
    struct err e = {0};
    uint64_t first = 0;

    if (flow_batch_is(wire))
        return deliver_flows(p, wire);
    int rc = journal_append_checked(p->journal, wire, &first, &e);
    if (rc == -ENOSPC || rc == -EDQUOT) {
        set_full(p, true);
        return false;
    }
    if (rc < 0) {
        atomic_fetch_add(&p->journal_errors, 1);
        complain(p, "journal_append", &e);
        return rc == -EBADMSG || rc == -EINVAL; /* a batch that makes no sense is not kept for ever */
    }
    set_full(p, false);
    atomic_fetch_add(&p->batches, 1);
    p->journal_due = 0; /* what was appended wants its group commit: the next tick says when */
    e = (struct err){0};
    if (judge_events(p->judge, wire, first, &e) < 0) {
        atomic_fetch_add(&p->judge_errors, 1);
        complain(p, "judge_events", &e);
    }
    return true;
}

static void deliver_own(struct pipeline *p)
{
    while (!p->own_held) {
        event_batch_clear(&p->own);
        size_t n = self_take(p->self, &p->own);
        if (n == 0)
            return;
        atomic_fetch_add(&p->self_events, n);
        p->own_wire = event_batch_seal(&p->own);
        p->own_held = !deliver(p, p->own_wire);
    }
    p->own_held = !deliver(p, p->own_wire);
}

/* A position moves on only when the journal has the lines. */
static void deliver_tailed(struct pipeline *p)
{
    for (int i = 0; i < BATCHES_A_ROUND; i++) {
        if (!p->tail_held) {
            event_batch_clear(&p->tailed);
            if (tailer_read(p->tailer, &p->tailed) == 0)
                break;
            p->tail_wire = event_batch_seal(&p->tailed);
        }
        p->tail_held = !deliver(p, p->tail_wire);
        if (p->tail_held)
            return;
        tailer_taken(p->tailer);
    }
    tailer_taken(p->tailer);
}

static void deliver_intake(struct pipeline *p)
{
    for (int i = 0; i < BATCHES_A_ROUND && p->held.n == 0; i++) {
        struct err e = {0};
        bool gap = false;
        str wire;
        int rc = intake_next(p->in, &wire, &gap, &e);
        if (gap) {
            struct intake_stats s;
            intake_stats(p->in, &s);
            atomic_fetch_add(&p->gaps, 1);
            self_sayf(p->self, 3, "event=intake_gap restarts=%llu pid=%d", (unsigned long long)s.restarts,
                      (int)intake_pid(p->in));
        }
        p->drained = rc == -ESHUTDOWN;
        if (rc < 0 && !p->drained)
            complain(p, "intake", &e);
        if (rc <= 0)
            return;
        if (!deliver(p, wire))
            p->held = wire;
    }
    if (p->held.n == 0)
        journal_hurry(p->journal); /* the ring is not empty yet */
}

/* A drop is counted where it happens and said in the journal within a second. */
static void tell_drops(struct pipeline *p)
{
    struct intake_stats now;

    if (p->in == NULL || mono(p) < p->drops_due)
        return;
    p->drops_due = mono(p) + DROPS_MS * NS_PER_MS;
    intake_stats(p->in, &now);
#define X(n)                                                                                                           \
    if (strncmp(#n, "drop_", 5) == 0 && now.n > p->told.n)                                                             \
        self_sayf(p->self, 4, "event=drop counter=%s count=%llu total=%llu", #n,                                       \
                  (unsigned long long)(now.n - p->told.n), (unsigned long long)now.n);
    INTAKE_COUNTERS(X)
#undef X
    p->told = now;
}

static void wait_for_work(struct pipeline *p)
{
    bool stuck = p->held.n > 0 || p->own_held || p->tail_held;
    struct pollfd fds[2] = {{.fd = p->wake_fd, .events = POLLIN},
                            {.fd = p->in != NULL && !stuck ? intake_fd(p->in) : -1, .events = POLLIN}};
    int64_t now = mono(p), until = p->journal_due < p->drops_due ? p->journal_due : p->drops_due;
    until = p->flows_due < until ? p->flows_due : until;
    until = p->tailer != NULL && p->tail_due < until ? p->tail_due : until;
    int64_t ms = stuck ? RETRY_MS : until <= now ? 0 : (until - now + NS_PER_MS - 1) / NS_PER_MS;
    eventfd_t n;

    poll(fds, 2, (int)(ms > DROPS_MS ? DROPS_MS : ms));
    if (fds[0].revents & POLLIN)
        eventfd_read(p->wake_fd, &n);
}

static void one_round(struct pipeline *p)
{
    struct err e = {0};

    if (p->held.n > 0 && deliver(p, p->held))
        p->held = STR_NONE;
    deliver_own(p);
    if (p->in != NULL && p->held.n == 0 && !p->own_held)
        deliver_intake(p);
    if (p->tailer != NULL && (p->tail_held || mono(p) >= p->tail_due)) {
        p->tail_due = mono(p) + RETRY_MS * NS_PER_MS;
        deliver_tailed(p);
    }
    tell_drops(p);
    if (mono(p) >= p->flows_due) {
        p->flows_due = mono(p) + DROPS_MS * NS_PER_MS;
        int rc = flow_store_tick(p->flows, &p->flows_due, &e);
        if (rc == -ENOSPC || rc == -EDQUOT)
            set_full(p, true);
        else if (rc < 0)
            complain(p, "flow_tick", &e);
    }
    e = (struct err){0};
    if (mono(p) >= p->journal_due) {
        p->journal_due = mono(p) + DROPS_MS * NS_PER_MS;
        int rc = journal_tick(p->journal, &p->journal_due, &e);
        if (rc == -ENOSPC || rc == -EDQUOT)
            set_full(p, true);
        else if (rc < 0)
            complain(p, "journal_tick", &e);
    }
}

/* What had arrived when the stop was asked for, within reason. */
static void drain(struct pipeline *p)
{
    int64_t until = mono(p) + DRAIN_MS * NS_PER_MS;

    intake_quiesce(p->in);
    while (!p->drained && p->held.n == 0 && mono(p) < until) {
        struct pollfd fd = {.fd = intake_fd(p->in), .events = POLLIN};
        deliver_intake(p);
        if (!p->drained && p->held.n == 0)
            poll(&fd, 1, 20);
    }
    if (!p->drained)
        log_event(LOG_ERROR, "intake_not_drained", F_INT("disk_full", p->full));
}

static void *pipeline_main(void *arg)
{
    struct pipeline *p = arg;
    struct err e = {0};

    while (!atomic_load(&p->stop)) {
        wait_for_work(p);
        one_round(p);
    }
    if (p->in != NULL)
        drain(p);
    deliver_own(p);
    if (journal_sync(p->journal, &e) < 0)
        log_err(LOG_ERROR, "journal_sync", &e);
    e = (struct err){0};
    if (flow_store_sync(p->flows, &e) < 0)
        log_err(LOG_ERROR, "flow_sync", &e);
    return NULL;
}

/* Change sets that nobody confirmed in time are taken back here. */
static void tick_changes(struct pipeline *p, int64_t *told)
{
    struct err e = {0};
    int64_t due;

    if (p->registry != NULL && judge_leads(p->judge) && change_tick(p->registry, &due, &e) < 0 && mono(p) >= *told) {
        log_err(LOG_ERROR, "change_tick", &e);
        *told = mono(p) + COMPLAIN_S * NS_PER_S;
    }
}

/* The registry's chain, signed with the journal's: a cut at its end would show. */
static void tick_point(struct pipeline *p, int64_t *due)
{
    struct ledger *l = journal_ledger(p->journal);
    struct ledger_entry n = {.type = LEDGER_POINT, .stream = LEDGER_REGISTRY};
    struct err e = {0};
    char hex[65] = "";

    if (l == NULL || p->registry == NULL || mono(p) < *due)
        return;
    *due = mono(p) + POINT_S * NS_PER_S;
    int rc = registry_head(p->registry, &n.records, hex, &e);
    n.from_ns = n.to_ns = clock_wall(p->clk);
    if (rc == 0 && n.records > ledger_next(l, LEDGER_REGISTRY) && hex_parse(str_c(hex), n.root.b, sizeof(n.root.b)))
        rc = ledger_add(l, &n, &e);
    if (rc < 0)
        log_err(LOG_ERROR, "registry_point", &e);
}

static void *checker_main(void *arg)
{
    struct pipeline *p = arg;
    int64_t told = 0, point_due = 0;

    pthread_mutex_lock(&p->check_lock);
    while (!atomic_load(&p->stop)) {
        struct err e = {0};
        struct timespec ts;
        int64_t due = mono(p) + CHECK_WAIT_MS * NS_PER_MS;
        pthread_mutex_unlock(&p->check_lock);
        if (judge_tick(p->judge, &due, &e) < 0) {
            atomic_fetch_add(&p->judge_errors, 1);
            if (mono(p) >= told)
                log_err(LOG_ERROR, "judge_tick", &e);
            told = mono(p) + COMPLAIN_S * NS_PER_S;
        }
        tick_changes(p, &told);
        tick_point(p, &point_due);
        int64_t wait = due - mono(p), least = 10 * NS_PER_MS;
        wait = wait < least ? least : wait > CHECK_WAIT_MS * NS_PER_MS ? CHECK_WAIT_MS * NS_PER_MS : wait;
        clock_gettime(CLOCK_MONOTONIC, &ts);
        ts.tv_nsec += wait % NS_PER_S;
        ts.tv_sec += wait / NS_PER_S + ts.tv_nsec / NS_PER_S;
        ts.tv_nsec %= NS_PER_S;
        pthread_mutex_lock(&p->check_lock);
        if (!atomic_load(&p->stop))
            pthread_cond_timedwait(&p->check_wake, &p->check_lock, &ts);
    }
    pthread_mutex_unlock(&p->check_lock);
    return NULL;
}

static void init_check(struct pipeline *p)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&p->check_lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->check_wake, &attr);
    pthread_condattr_destroy(&attr);
}

static void end_threads(struct pipeline *p, bool thread, bool checker)
{
    pthread_mutex_lock(&p->check_lock);
    atomic_store(&p->stop, true);
    pthread_cond_broadcast(&p->check_wake);
    pthread_mutex_unlock(&p->check_lock);
    eventfd_write(p->wake_fd, 1);
    if (checker)
        pthread_join(p->checker, NULL);
    if (thread)
        pthread_join(p->thread, NULL);
}

static void pipeline_free(struct pipeline *p)
{
    event_batch_done(&p->own);
    event_batch_done(&p->tailed);
    pthread_cond_destroy(&p->check_wake);
    pthread_mutex_destroy(&p->check_lock);
    free(p);
}

int pipeline_start(const struct pipeline_parts *parts, struct pipeline **out, struct err *e)
{
    struct pipeline *p = calloc(1, sizeof(*p));
    int rc;

    if (p == NULL)
        return ERR(e, -ENOMEM, "daemon.thread");
    *p = (struct pipeline){.in = parts->in,
                           .tailer = parts->tailer,
                           .journal = parts->journal,
                           .flows = parts->flows,
                           .judge = parts->judge,
                           .registry = parts->registry,
                           .self = parts->self,
                           .clk = parts->clk,
                           .wake_fd = parts->wake_fd};
    event_batch_init(&p->own, SELF_BATCH);
    event_batch_init(&p->tailed, SELF_BATCH);
    init_check(p);
    rc = -pthread_create(&p->thread, NULL, pipeline_main, p);
    if (rc == 0) {
        rc = -pthread_create(&p->checker, NULL, checker_main, p);
        if (rc < 0)
            end_threads(p, true, false);
    }
    if (rc < 0) {
        pipeline_free(p);
        return ERR(e, rc, "daemon.thread");
    }
    pthread_setname_np(p->thread, "pipeline");
    pthread_setname_np(p->checker, "checker");
    *out = p;
    return 0;
}

void pipeline_stop(struct pipeline *p)
{
    if (p == NULL)
        return;
    end_threads(p, true, true);
    pipeline_free(p);
}

struct rows {
    struct api_counter *v;
    size_t n, cap;
};

static void row(struct rows *r, const char *group, const char *name, uint64_t value, bool gauge)
{
    if (r->n < r->cap)
        r->v[r->n++] = (struct api_counter){group, name, value, gauge};
}

static void flow_rows(struct pipeline *p, struct rows *r)
{
    struct flow_store_stats st;

    flow_store_stats(p->flows, &st);
    if (p->tailer != NULL) {
        struct tailer_stats ts;
        tailer_stats(p->tailer, &ts);
        row(r, "files", "lines", ts.lines, false);
        row(r, "files", "bytes", ts.bytes, false);
        row(r, "files", "bad", ts.bad, false);
        row(r, "files", "rotations", ts.rotations, false);
        row(r, "files", "truncations", ts.truncations, false);
        row(r, "files", "open_files", ts.open_files, true);
    }
    row(r, "flows", "flows", st.flows, true);
    row(r, "flows", "disk_bytes", st.disk_bytes, true);
    row(r, "flows", "blocks", st.blocks, true);
    row(r, "flows", "segments", st.segments, true);
    row(r, "flows", "unsealed_blocks", st.unsealed_blocks, true);
    row(r, "flows", "bad_blocks", st.bad_blocks, false);
    row(r, "flows", "torn_bytes", st.torn_bytes, true);
}

size_t pipeline_counters(struct pipeline *p, struct api_counter *out, size_t cap)
{
    struct rows r = {out, 0, cap};
    struct intake_stats s = {0};

    if (p->in != NULL)
        intake_stats(p->in, &s);
#define X(n) row(&r, "intake", #n, s.n, strcmp(#n, "conn_open") == 0);
    INTAKE_COUNTERS(X)
#undef X
    row(&r, "intake", "restarts", s.restarts, false);
    row(&r, "intake", "ring_corrupt", s.ring_corrupt, false);
    row(&r, "pipeline", "batches", atomic_load(&p->batches), false);
    row(&r, "pipeline", "flow_batches", atomic_load(&p->flow_batches), false);
    row(&r, "pipeline", "self_events", atomic_load(&p->self_events), false);
    row(&r, "pipeline", "drop_self_queue", self_dropped(p->self), false);
    row(&r, "pipeline", "gaps", atomic_load(&p->gaps), false);
    row(&r, "pipeline", "disk_full", atomic_load(&p->is_full), true);
    row(&r, "pipeline", "disk_full_pauses", atomic_load(&p->disk_full_pauses), false);
    row(&r, "pipeline", "journal_errors", atomic_load(&p->journal_errors), false);
    row(&r, "pipeline", "judge_errors", atomic_load(&p->judge_errors), false);
    flow_rows(p, &r);
    return r.n;
}
