/* The intake child: birth, walls, one epoll loop, end. A process of its own with
 * one thread; `struct child` holds all it owns. Comes in: bytes from anybody.
 * Goes out: sealed batches in the ring, counters in its first page. */
#include <openssl/ssl.h>
#include "intake/child-int.h"
#include "base/log.h"
#include "intake/sandbox.h"
#include "intake/tls.h"
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { EVENTS = 64, TICK_MS = 1000, FINISH_MS = 2000, DRAIN_MS = 5000, OTHER_FDS = 32 };
enum { EXIT_PARENT_GONE = 2, EXIT_SETUP = 3 };

int64_t child_now(const struct child *c) { return clock_mono(c->clk) - c->blocked; }

void child_watch_fd(struct child *c, int op, int fd, uint32_t events, struct wake w)
{
    struct epoll_event ev = {.events = events, .data.u64 = (uint64_t)w.kind << 60 | (uint64_t)w.gen << 32 | w.index};

    epoll_ctl(c->ep, op, fd, &ev);
}

/* --- the loop ------------------------------------------------------------ */

/* The core says stop, or is gone. */
static void ctl_read(struct child *c)
{
    char byte;
    ssize_t n = recv(c->ctl, &byte, 1, MSG_DONTWAIT);

    if (n == 0)
        _exit(EXIT_PARENT_GONE);
    if (n == 1 && byte == 'S')
        c->stopping = true;
}

static void listen_ready(struct child *c, enum listener l)
{
    static void (*const ready[LISTENERS])(struct child * c, enum listener l) = {
        [L_UDP] = udp_ready,    [L_TCP] = stream_accept,      [L_TLS] = stream_accept,       [L_FLOW] = flow_ready,
        [L_IPFIX] = flow_ready, [L_JSON_TCP] = stream_accept, [L_JSON_UNIX] = stream_accept, [L_JSON_DGRAM] = udp_ready,
    };

    if (l < LISTENERS)
        ready[l](c, l);
}

static void dispatch(struct child *c, uint64_t data)
{
    struct wake w = {(uint8_t)(data >> 60), (uint32_t)(data >> 32) & 0xfffffff, (uint32_t)data};

    switch ((enum wake_kind)w.kind) {
    case WAKE_CTL:
        ctl_read(c);
        break;
    case WAKE_LISTEN:
        listen_ready(c, (enum listener)w.index);
        break;
    case WAKE_CONN:
        stream_ready(c, w.index, w.gen);
        break;
    }
}

/* Until the open batch must go, some TLS connection has more, or the tick. */
static int wait_ms(struct child *c)
{
    if (c->waiting != UINT32_MAX)
        return 0;
    int64_t due = c->batch[c->first].count > 0 ? c->flush_at : INT64_MAX, flows = flow_due(c);
    due = due < flows ? due : flows;
    if (due == INT64_MAX)
        return TICK_MS;
    int64_t left = due - clock_mono(c->clk);
    return left <= 0 ? 0 : (int)((left + NS_PER_MS - 1) / NS_PER_MS);
}

static void turn(struct child *c)
{
    struct epoll_event ev[EVENTS];
    int n = epoll_wait(c->ep, ev, EVENTS, wait_ms(c));

    /* Level-triggered: what is left when the ring fills is told again. */
    for (int i = 0; i < n && !out_blocked(c); i++)
        dispatch(c, ev[i].data.u64);
    stream_waiting(c);
    flow_waiting(c);
}

/* Once a second, and after the ring was full. */
static void tick(struct child *c)
{
    int64_t now = clock_mono(c->clk);

    stream_expire(c);
    if (now - c->drops_at < TICK_MS * NS_PER_MS && !c->was_blocked)
        return;
    c->drops_at = now;
    udp_count_drops(c);
    flow_count(c);
    stream_accept_resume(c);
}

static void loop(struct child *c)
{
    while (!c->stopping) {
        if (out_blocked(c)) {
            out_wait(c); /* nothing is read from the network meanwhile */
            ctl_read(c);
        } else {
            turn(c);
        }
        if (!out_blocked(c) && c->batch[c->first].count > 0 && clock_mono(c->clk) >= c->flush_at)
            out_seal(c);
        flow_tick(c);
        if (!out_blocked(c))
            tick(c);
        out_publish(c);
    }
}

static void datagrams_ready(struct child *c)
{
    static const enum listener datagrams[] = {L_UDP, L_JSON_DGRAM, L_FLOW, L_IPFIX};

    for (int i = 0; i < 4; i++)
        if (c->listen[datagrams[i]] >= 0)
            listen_ready(c, datagrams[i]);
}

/* Reads what has arrived, gives all of it to the ring if the core takes it. */
static void finish(struct child *c)
{
    int64_t from = clock_mono(c->clk);
    uint64_t before;

    do {
        before = c->stat[STAT_bytes] + c->stat[STAT_flow_bytes];
        if (out_blocked(c))
            out_wait(c);
        else
            datagrams_ready(c);
    } while ((out_blocked(c) || c->stat[STAT_bytes] + c->stat[STAT_flow_bytes] != before) &&
             clock_mono(c->clk) - from < FINISH_MS * NS_PER_MS);
    stream_finish(c, from + FINISH_MS * NS_PER_MS);
    flow_flush(c);
    out_seal(c);
    while (out_blocked(c) && clock_mono(c->clk) - from < DRAIN_MS * NS_PER_MS)
        out_wait(c);
    for (; c->sealed > 0; c->sealed--)
        c->stat[STAT_drop_ring_full] += c->batch[(c->first + c->sealed - 1) % BATCHES].count;
    udp_count_drops(c);
    flow_count(c);
    out_publish(c);
}

/* --- birth --------------------------------------------------------------- */

static int tls_setup(struct child *c, str pem[3], struct err *e)
{
    if (c->listen[L_TLS] < 0)
        return 0;
    /* No configuration file: the child must not depend on what it cannot read later. */
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS, NULL);
    return tls_ctx_new(pem[0], pem[1], pem[2], &c->tls_ctx, e);
}

static int hello_take(struct child *c, struct err *e)
{
    char *text = calloc(3, HELLO_PEM_MAX);
    int fds[HELLO_FDS], rc = text != NULL ? 0 : -ENOMEM;
    str pem[3];

    if (rc == 0)
        rc = hello_receive(c->ctl, &c->cfg, text, pem, fds);
    if (rc < 0) {
        free(text);
        return ERR(e, rc, "intake.hello", strerror(-rc));
    }
    c->data_fd = fds[HF_DATA];
    c->room_fd = fds[HF_ROOM];
    c->state_fd = fds[HF_STATE];
    memcpy(c->listen, fds + HF_LISTEN, sizeof(c->listen));
    rc = ring_map(fds[HF_RING], c->cfg.ring_bytes, &c->ring);
    close(fds[HF_RING]);
    if (rc < 0)
        ERR(e, rc, "intake.ring", strerror(-rc));
    else
        rc = tls_setup(c, pem, e);
    OPENSSL_cleanse(text, 3 * HELLO_PEM_MAX);
    free(text);
    return rc;
}

static int tables_make(struct child *c, struct err *e)
{
    uint32_t files = sandbox_files(c->cfg.max_connections + OTHER_FDS);

    if (files < c->cfg.max_connections + OTHER_FDS) {
        c->cfg.max_connections = files > 2 * OTHER_FDS ? files - OTHER_FDS : OTHER_FDS;
        log_event(LOG_WARN, "intake_connections_limited", F_INT("max_connections", c->cfg.max_connections));
    }
    c->ring.pos = atomic_load(&c->ring.ctl->head);
    c->conns = conns_new(c->cfg.max_connections, c->cfg.max_per_source, c->cfg.idle_seconds * NS_PER_S);
    c->read_buf = malloc(READ_MAX);
    c->ep = epoll_create1(EPOLL_CLOEXEC);
    if (c->conns == NULL || c->read_buf == NULL || c->ep < 0 || udp_init(c) < 0 || flow_init(c) < 0 || out_init(c) < 0)
        return ERR(e, -ENOMEM, "base.no_memory", "intake");
    child_watch_fd(c, EPOLL_CTL_ADD, c->ctl, EPOLLIN, (struct wake){WAKE_CTL, 0, 0});
    for (int l = 0; l < LISTENERS; l++)
        if (c->listen[l] >= 0)
            child_watch_fd(c, EPOLL_CTL_ADD, c->listen[l], EPOLLIN, (struct wake){WAKE_LISTEN, 0, (uint32_t)l});
    return 0;
}

static void child_done(struct child *c)
{
    out_done(c);
    udp_done(c);
    flow_done(c);
    conns_free(c->conns);
    free(c->read_buf);
    tls_ctx_free(c->tls_ctx);
    ring_unmap(&c->ring);
    free(c);
}

/* The core decides when the intake ends, not a signal to the whole group. */
static void signals_ignore(void)
{
    static const int ignored[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP};

    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        signal(ignored[i], SIG_IGN);
}

static int child_setup(struct child *c, struct err *e)
{
    int rc = hello_take(c, e);

    if (rc < 0 || (rc = tables_make(c, e)) < 0)
        return rc;
    flow_restore(c, c->state_fd);
    close(c->state_fd);
    tzset(); /* libc reads its zone file at first use: now, not later */
    /* Died before we asked to be told? Then somebody else is our parent now. */
    if (getppid() != c->cfg.parent)
        return ERR(e, -ESRCH, "intake.hello", "parent");
    struct sandbox s = {.memory_max =
                            ((uint64_t)1 << 30) + 2 * c->cfg.ring_bytes + c->cfg.max_connections * (uint64_t)65536,
                        .files_max = c->cfg.max_connections + OTHER_FDS};
    return sandbox_enter(&s, e);
}

int intake_child_main(int argc, char **argv)
{
    struct child *c = calloc(1, sizeof(*c));
    struct err e = {0};
    int rc;

    if (c == NULL)
        return EXIT_SETUP;
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    prctl(PR_SET_NAME, "luy-intake", 0, 0, 0);
    signals_ignore();
    close_range(CHILD_CTL_FD + 1, ~0u, 0);
    *c = (struct child){.clk = &clock_system,
                        .ctl = CHILD_CTL_FD,
                        .data_fd = -1,
                        .room_fd = -1,
                        .state_fd = -1,
                        .ep = -1,
                        .waiting = UINT32_MAX};
    if ((rc = child_setup(c, &e)) < 0) {
        log_err(LOG_ERROR, "intake_child_setup", &e);
        return EXIT_SETUP;
    }
    loop(c);
    finish(c);
    child_done(c);
    return 0;
}
