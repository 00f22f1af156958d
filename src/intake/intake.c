/* The core's side of the intake: sockets, ring, child. All state belongs to the
 * pipeline thread but for the counters, which any thread may ask for under the
 * lock. What the child writes (ring, counters) is hostile: copied, then checked.
 *
 * The order at a child's death: the new one starts at once, what the old one
 * had published is still given out, then *gap once, then the new one's. */
#include "intake/intake-int.h"
#include "base/log.h"
#include "intake/flow_notes.h"
#include "intake/tls.h"
#include "base/file.h"
#include <sys/mman.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RING_MIN = 8 << 20, RING_MAX = 256 << 20, RESTART_MS = 200, CONFIG_MAX = 1 << 20 };
enum watch { W_DATA, W_CHILD, W_TIMER };

struct intake {
    struct arena memory; /* the configuration's texts */
    struct hello hello;
    str pem[3];
    const char *exe, *state_path; /* NULL: no file */
    struct flow_keep *keep;
    int64_t state_due; /* mono; when the file may be written again */
    void (*flow_note)(void *ctx, const struct flow_note *n);
    void *flow_ctx;
    const struct clock *clk;
    int ring_fd, data_fd, room_fd, ep, timer, listen[LISTENERS];
    struct ring ring;
    struct buf copy; /* the batch given to the caller */
    pid_t pid;
    int pidfd, ctl;  /* -1 while there is no child */
    int64_t started; /* mono of the last start */
    bool gap, quiet; /* a gap to report; quiesced */
    uint64_t gap_at; /* ring position where it is */
    pthread_mutex_t lock;
    struct intake_stats sum; /* of the children that are gone, and our own */
};

static void watch(struct intake *in, int fd, enum watch w)
{
    epoll_ctl(in->ep, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.u32 = w});
}

/* --- what the flow receiver learned --------------------------------------- */

enum { STATE_WRITE_S = 30, STATE_MAX = 2 * FLOW_KEEP_BYTES };

/* For a new child: what the old one told, in a memory file. */
static int state_memfd(struct intake *in, int *out, struct err *e)
{
    struct flow_notes notes;
    int fd = memfd_create("luy-flow-state", MFD_CLOEXEC), rc = 0;

    if (fd < 0)
        return ERR(e, -errno, "intake.ring", strerror(errno));
    flow_notes_init(&notes, STATE_MAX);
    flow_keep_write(in->keep, &notes);
    str wire = flow_notes_seal(&notes);
    if (wire.n > 0 && (rc = fd_write_all(fd, wire.p, wire.n)) < 0)
        ERR(e, rc, "intake.ring", strerror(-rc));
    in->hello.state_bytes = wire.n;
    flow_notes_done(&notes);
    if (rc < 0)
        close(fd);
    else
        *out = fd;
    return rc;
}

static void state_save(struct intake *in, bool now)
{
    struct flow_notes notes;
    struct err e = {0};

    if (in->state_path == NULL || !flow_keep_changed(in->keep) || (!now && clock_mono(in->clk) < in->state_due))
        return;
    in->state_due = clock_mono(in->clk) + STATE_WRITE_S * NS_PER_S;
    flow_notes_init(&notes, STATE_MAX);
    flow_keep_write(in->keep, &notes);
    if (file_write_atomic(in->state_path, flow_notes_seal(&notes), 0600, &e) < 0)
        log_err(LOG_WARN, "intake_flow_state", &e);
    flow_notes_done(&notes);
}

/* False: it makes no sense. */
static bool notes_take(struct intake *in, str wire, bool tell)
{
    struct flow_notes_reader r;
    struct flow_note n;
    int rc;

    if (flow_notes_open(wire, &r, NULL) < 0)
        return false;
    while ((rc = flow_notes_next(&r, &n)) == 1) {
        flow_keep_take(in->keep, &n);
        if (tell && n.kind > FN_BOOT && in->flow_note != NULL)
            in->flow_note(in->flow_ctx, &n);
    }
    return rc == 0;
}

static void state_load(struct intake *in)
{
    struct arena a = arena_init(2 * STATE_MAX);
    str text;

    if (in->state_path != NULL && access(in->state_path, F_OK) == 0 &&
        (file_read(&a, in->state_path, STATE_MAX, &text, NULL) < 0 || (text.n > 0 && !notes_take(in, text, false))))
        log_event(LOG_WARN, "intake_flow_state", F_STR("file", str_c(in->state_path)));
    arena_free(&a);
}

/* --- the child's life ---------------------------------------------------- */

static int child_start(struct intake *in, struct err *e)
{
    int fds[HELLO_FDS] = {in->ring_fd, in->data_fd, in->room_fd, -1};
    uint32_t drops = udp_drops(in->listen[L_UDP]), seen = (uint32_t)(in->sum.drop_udp_kernel + in->sum.drop_ring_full);

    memcpy(fds + HF_LISTEN, in->listen, sizeof(in->listen));
    in->started = clock_mono(in->clk);
    in->hello.drops_seen = seen <= drops ? seen : drops;
    in->hello.flow_drops_seen[0] = (uint32_t)in->sum.drop_flow_kernel;
    in->hello.flow_drops_seen[1] = (uint32_t)in->sum.drop_ipfix_kernel;
    int rc = state_memfd(in, &fds[HF_STATE], e);
    if (rc < 0)
        return rc;
    rc = child_spawn(in->exe, &in->hello, in->pem, fds, &in->pid, &in->ctl, e);
    close(fds[HF_STATE]);
    if (rc < 0)
        return rc;
    in->pidfd = (int)syscall(SYS_pidfd_open, in->pid, 0);
    if (in->pidfd >= 0)
        watch(in, in->pidfd, W_CHILD);
    log_event(LOG_INFO, "intake_child_started", F_INT("pid", in->pid));
    return 0;
}

/* Copies the child's counters; only what can be true is believed. */
static void stats_read(struct intake *in, struct intake_stats *out)
{
#define X(n) out->n = atomic_load_explicit(&in->ring.ctl->stat[STAT_##n], memory_order_relaxed);
    INTAKE_COUNTERS(X)
#undef X
    if (out->conn_open > in->hello.max_connections)
        out->conn_open = 0;
}

static void stats_keep(struct intake *in)
{
    struct intake_stats last = {0};

    pthread_mutex_lock(&in->lock);
    stats_read(in, &last);
#define X(n) in->sum.n += last.n;
    INTAKE_COUNTERS(X)
#undef X
    in->sum.conn_open = 0;
    for (int i = 0; i < STAT_COUNT; i++)
        atomic_store_explicit(&in->ring.ctl->stat[i], 0, memory_order_relaxed);
    pthread_mutex_unlock(&in->lock);
}

/* The child is dead and reaped: settle what it left behind. */
static void child_bury(struct intake *in, int status, bool discard)
{
    bool clean = in->quiet && (WIFEXITED(status) ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGKILL);

    if (!clean)
        log_event(LOG_WARN, "intake_child_died", F_INT("pid", in->pid),
                  F_INT("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
                  F_INT("exit", WIFEXITED(status) ? WEXITSTATUS(status) : 0));
    stats_keep(in);
    if (in->pidfd >= 0)
        close(in->pidfd);
    close(in->ctl);
    in->pid = in->pidfd = in->ctl = -1;
    uint64_t end = ring_settle(&in->ring, discard);
    if (!clean && !in->gap) {
        in->gap = true;
        in->gap_at = end;
    }
}

static void timer_set(struct intake *in, int64_t ns)
{
    struct itimerspec t = {.it_value = {ns / NS_PER_S, ns % NS_PER_S}};

    timerfd_settime(in->timer, 0, &t, NULL);
}

/* At once, but never twice within RESTART_MS. */
static void child_restart(struct intake *in)
{
    int64_t wait = in->started + RESTART_MS * NS_PER_MS - clock_mono(in->clk);
    struct err e = {0};

    if (in->pid >= 0 || in->quiet)
        return;
    if (wait > 0) {
        timer_set(in, wait);
        return;
    }
    pthread_mutex_lock(&in->lock);
    in->sum.restarts++;
    pthread_mutex_unlock(&in->lock);
    if (child_start(in, &e) < 0) {
        in->pid = -1;
        log_err(LOG_ERROR, "intake_child_start", &e);
        timer_set(in, RESTART_MS * NS_PER_MS);
    }
}

static void child_kill(struct intake *in, bool discard)
{
    int status = 0;

    if (in->pid < 0)
        return;
    kill(in->pid, SIGKILL);
    while (waitpid(in->pid, &status, 0) < 0 && errno == EINTR)
        ;
    child_bury(in, status, discard);
}

static void child_watch(struct intake *in)
{
    struct epoll_event ev[3];
    int n = epoll_wait(in->ep, ev, 3, 0), status;
    uint64_t ticks;

    for (int i = 0; i < n; i++)
        if (ev[i].data.u32 == W_TIMER && read(in->timer, &ticks, sizeof(ticks)) < 0)
            continue;
    if (in->pid >= 0 && waitpid(in->pid, &status, WNOHANG) == in->pid)
        child_bury(in, status, false);
    if (in->pid < 0)
        child_restart(in);
}

/* --- start and stop ------------------------------------------------------ */

static int config_check(const struct intake_cfg *cfg, struct err *e)
{
    const str *pem[3] = {&cfg->tls_cert_pem, &cfg->tls_key_pem, &cfg->tls_client_ca_pem};
    void *ctx;
    int rc = 0;

    if (cfg->ring_bytes < RING_MIN || cfg->ring_bytes > RING_MAX)
        return ERR(e, -EINVAL, "intake.ring_bytes", N((int64_t)cfg->ring_bytes), N(RING_MIN), N(RING_MAX));
    for (int i = 0; i < 3; i++)
        if (pem[i]->n > HELLO_PEM_MAX)
            return ERR(e, -E2BIG, "intake.tls_big", N((int64_t)pem[i]->n), N(HELLO_PEM_MAX));
    if (cfg->tls.n > 0 && (rc = tls_ctx_new(*pem[0], *pem[1], *pem[2], &ctx, e)) == 0)
        tls_ctx_free(ctx);
    return rc;
}

static int config_keep(struct intake *in, const struct intake_cfg *cfg, struct err *e)
{
    const str pem[3] = {cfg->tls_cert_pem, cfg->tls_key_pem, cfg->tls_client_ca_pem};

    in->memory = arena_init(CONFIG_MAX);
    in->exe = arena_cstr(&in->memory, str_c(cfg->self_exe));
    in->state_path = cfg->flow_state.n > 0 ? arena_cstr(&in->memory, cfg->flow_state) : NULL;
    in->flow_note = cfg->flow_note;
    in->flow_ctx = cfg->flow_ctx;
    in->hello = (struct hello){
        .magic = HELLO_MAGIC,
        .max_connections = cfg->max_connections,
        .max_per_source = cfg->max_per_source,
        .idle_seconds = cfg->idle_seconds,
        .parent = getpid(),
        .ring_bytes = cfg->ring_bytes & ~(size_t)4095,
        .tz_minutes = cfg->tz_minutes == 0               ? 7 * 60
                      : cfg->tz_minutes == INTAKE_TZ_UTC ? 0
                                                         : cfg->tz_minutes,
    };
    for (int i = 0; cfg->tls.n > 0 && i < 3; i++) {
        in->pem[i] = arena_str(&in->memory, pem[i]);
        in->hello.pem[i] = (uint32_t)in->pem[i].n;
    }
    return in->memory.failed ? ERR(e, -ENOMEM, "base.no_memory", "intake") : 0;
}

static int listeners_open(struct intake *in, const struct intake_cfg *cfg, struct err *e)
{
    const str where[LISTENERS] = {cfg->udp,   cfg->tcp,      cfg->tls,       cfg->flow,
                                  cfg->ipfix, cfg->json_tcp, cfg->json_unix, cfg->json_dgram};
    int rc = 0;

    for (int i = 0; rc == 0 && i < LISTENERS; i++) {
        if (where[i].n == 0)
            continue;
        rc = listener_open(where[i], (enum listener)i, &in->listen[i], e);
        in->hello.listeners |= 1u << i;
    }
    return rc;
}

static int channels_open(struct intake *in, struct err *e)
{
    int rc = ring_create(in->hello.ring_bytes, &in->ring_fd, e);

    if (rc < 0)
        return rc;
    if ((rc = ring_map(in->ring_fd, in->hello.ring_bytes, &in->ring)) < 0)
        return ERR(e, rc, "intake.ring", strerror(-rc));
    in->data_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    in->room_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    in->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    in->ep = epoll_create1(EPOLL_CLOEXEC);
    if (in->data_fd < 0 || in->room_fd < 0 || in->timer < 0 || in->ep < 0)
        return ERR(e, -errno, "intake.ring", strerror(errno));
    watch(in, in->data_fd, W_DATA);
    watch(in, in->timer, W_TIMER);
    return 0;
}

int intake_start(const struct intake_cfg *cfg, const struct clock *clk, struct intake **out, struct err *e)
{
    struct intake *in;
    int rc = config_check(cfg, e);

    if (rc < 0)
        return rc;
    if ((in = calloc(1, sizeof(*in))) == NULL)
        return ERR(e, -ENOMEM, "base.no_memory", "intake");
    in->clk = clk;
    in->ring_fd = in->data_fd = in->room_fd = in->ep = in->timer = in->pidfd = in->ctl = -1;
    for (int i = 0; i < LISTENERS; i++)
        in->listen[i] = -1;
    in->pid = -1;
    buf_init(&in->copy, EVENT_BATCH_MAX);
    pthread_mutex_init(&in->lock, NULL);
    if ((in->keep = flow_keep_new()) == NULL)
        rc = ERR(e, -ENOMEM, "base.no_memory", "intake");
    if (rc == 0 && (rc = config_keep(in, cfg, e)) == 0)
        state_load(in);
    if (rc == 0 && (rc = listeners_open(in, cfg, e)) == 0 && (rc = channels_open(in, e)) == 0 &&
        (rc = child_start(in, e)) < 0)
        in->pid = -1;
    if (rc < 0)
        intake_stop(in);
    else
        *out = in;
    return rc;
}

void intake_quiesce(struct intake *in)
{
    in->quiet = true;
    if (in->ctl >= 0 && send(in->ctl, "S", 1, MSG_NOSIGNAL) < 0)
        child_kill(in, false);
}

void intake_stop(struct intake *in)
{
    if (in == NULL)
        return;
    in->quiet = true;
    child_kill(in, false);
    int fds[] = {in->ring_fd, in->data_fd, in->room_fd, in->ep, in->timer};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    for (int i = 0; i < LISTENERS; i++)
        if (in->listen[i] >= 0)
            close(in->listen[i]);
    if (in->keep != NULL)
        state_save(in, true);
    flow_keep_free(in->keep);
    ring_unmap(&in->ring);
    buf_done(&in->copy);
    arena_free(&in->memory);
    pthread_mutex_destroy(&in->lock);
    free(in);
}

/* --- batches ------------------------------------------------------------- */

static bool batch_good(str wire)
{
    struct event_reader r;
    struct flow_view flows;
    struct event ev;
    int rc;

    if (flow_batch_is(wire))
        return flow_batch_open(wire, &flows, NULL) == 0;
    if (event_batch_open(wire, &r, NULL) < 0)
        return false;
    while ((rc = event_batch_next(&r, &ev)) == 1)
        ;
    return rc == 0;
}

/* The ring makes no sense any more: its writer is not trusted further. */
static void ring_corrupt(struct intake *in)
{
    log_event(LOG_ERROR, "intake_ring_corrupt", F_INT("pid", in->pid));
    child_kill(in, true);
    ring_settle(&in->ring, true);
    pthread_mutex_lock(&in->lock);
    in->sum.ring_corrupt++;
    pthread_mutex_unlock(&in->lock);
    in->gap = true;
    in->gap_at = in->ring.pos;
    child_restart(in);
}

/* As ring_take, and the batch is good; a bad one ends the child. Notes are taken here. */
static int batch_take(struct intake *in)
{
    int rc = ring_take(&in->ring, &in->copy);

    while (rc == 1 && flow_notes_is(buf_view(&in->copy)))
        rc = notes_take(in, buf_view(&in->copy), true) ? ring_take(&in->ring, &in->copy) : -EBADMSG;
    if (rc == -ENOMEM)
        return rc;
    if (rc < 0 || (rc == 1 && !batch_good(buf_view(&in->copy)))) {
        ring_corrupt(in);
        return 0;
    }
    if (rc == 1 && ring_room_wanted(&in->ring) && write(in->room_fd, &(uint64_t){1}, 8) < 0)
        log_event(LOG_WARN, "intake_room", F_INT("errno", errno));
    return rc;
}

int intake_next(struct intake *in, str *wire, bool *gap, struct err *e)
{
    uint64_t bells, from;

    *gap = false;
    child_watch(in);
    state_save(in, false);
    from = in->ring.pos;
    int rc = batch_take(in);
    if (rc == 0 && read(in->data_fd, &bells, sizeof(bells)) > 0) {
        from = in->ring.pos;
        rc = batch_take(in); /* rung between the look and the read */
    }
    if (rc == -ENOMEM)
        return ERR(e, rc, "base.no_memory", "intake");
    if (in->gap && (rc == 0 || (int64_t)(from - in->gap_at) >= 0)) {
        *gap = true;
        in->gap = false;
    }
    if (rc == 0 && in->quiet && in->pid < 0 && !*gap)
        return ERR(e, -ESHUTDOWN, "intake.stopped");
    if (rc == 1)
        *wire = buf_view(&in->copy);
    return rc;
}

/* --- questions ----------------------------------------------------------- */

int intake_fd(const struct intake *in) { return in->ep; }
pid_t intake_pid(const struct intake *in) { return in->pid; }

void intake_stats(struct intake *in, struct intake_stats *out)
{
    struct intake_stats now = {0};

    pthread_mutex_lock(&in->lock);
    stats_read(in, &now);
    *out = in->sum;
    pthread_mutex_unlock(&in->lock);
#define X(n) out->n += now.n;
    INTAKE_COUNTERS(X)
#undef X
}

struct intake_ports intake_ports(const struct intake *in)
{
    const int *l = in->listen;

    return (struct intake_ports){listener_port(l[L_UDP]),  listener_port(l[L_TCP]),   listener_port(l[L_TLS]),
                                 listener_port(l[L_FLOW]), listener_port(l[L_IPFIX]), listener_port(l[L_JSON_TCP])};
}
