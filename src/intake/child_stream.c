/* Syslog over TCP and TLS, JSON lines over TCP and unix sockets: accept, read, frame, close. Belongs to the intake
 * child's loop. A connection owns its socket, framer and TLS state; its slot in
 * the table says whether it is still the one an event meant. */
#include "intake/child-int.h"
#include "base/log.h"
#include "intake/tls.h"
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { ACCEPTS = 256, TLS_READS = 16, NIL = UINT32_MAX };

static const enum listener streams[] = {L_TCP, L_TLS, L_JSON_TCP, L_JSON_UNIX};
enum { STREAMS = sizeof(streams) / sizeof(streams[0]) };

static void frame_take(void *ctx, str frame, uint16_t flags)
{
    struct conn *k = ctx;

    if (!(flags & EV_BAD_FRAME) || k->transport == TP_TLS)
        k->got_frame = true;
    if (k->json)
        out_json(k->owner, frame, flags, (enum transport)k->transport, k->source, k->port);
    else
        out_line(k->owner, frame, flags, (enum transport)k->transport, k->source, k->port);
}

/* Takes over the framer's own counts. */
static void framer_count(struct child *c, struct conn *k)
{
    uint64_t skipped = framer_skipped(k->framer);

    c->stat[STAT_skipped_bytes] += skipped - k->skipped;
    k->skipped = skipped;
    c->held += framer_held(k->framer) - k->held;
    k->held = framer_held(k->framer);
}

static void waiting_remove(struct child *c, struct conn *k)
{
    uint32_t me = conns_index(c->conns, k), *at = &c->waiting;

    if (!k->waiting)
        return;
    while (*at != me)
        at = &conns_at(c->conns, *at)->next_waiting;
    *at = k->next_waiting;
    k->waiting = false;
}

static void waiting_add(struct child *c, struct conn *k)
{
    if (k->waiting)
        return;
    k->waiting = true;
    k->next_waiting = c->waiting;
    c->waiting = conns_index(c->conns, k);
}

static void conn_close(struct child *c, struct conn *k)
{
    framer_end(k->framer); /* what was unfinished is kept, flagged */
    framer_count(c, k);
    framer_free(k->framer);
    waiting_remove(c, k);
    tls_free(k->tls);
    close(k->fd);
    conns_del(c->conns, k);
}

static bool conn_open(struct child *c, int fd, enum listener l, struct ip ip, uint16_t port)
{
    int64_t index = conns_add(c->conns, ip, child_now(c));

    if (index < 0) {
        c->stat[index == CONNS_FULL ? STAT_drop_conn_limit : STAT_drop_source_limit]++;
        return false;
    }
    struct conn *k = conns_at(c->conns, (uint32_t)index);
    k->owner = c;
    k->fd = fd;
    k->port = port;
    k->transport = l == L_TLS ? TP_TLS : l == L_JSON_UNIX ? TP_UNIX : TP_TCP;
    k->json = l == L_JSON_TCP || l == L_JSON_UNIX;
    k->handshaking = l == L_TLS;
    k->framer = framer_new(frame_take, k);
    k->tls = k->framer != NULL && l == L_TLS ? tls_new(c->tls_ctx, fd) : NULL;
    if (k->framer == NULL || (l == L_TLS && k->tls == NULL)) {
        framer_free(k->framer);
        conns_del(c->conns, k);
        c->stat[STAT_drop_conn_limit]++;
        return false;
    }
    if (l == L_TLS)
        framer_strict(k->framer);
    if (k->json)
        framer_lines(k->framer);
    child_watch_fd(c, EPOLL_CTL_ADD, fd, EPOLLIN, (struct wake){WAKE_CONN, k->gen, (uint32_t)index});
    c->stat[STAT_conn_total]++;
    return true;
}

void stream_accept(struct child *c, enum listener l)
{
    for (int i = 0; i < ACCEPTS; i++) {
        struct sockaddr_storage sa;
        socklen_t len = sizeof(sa);
        struct ip ip;
        uint16_t port;
        int fd = accept4(c->listen[l], (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
            c->accept_off = true; /* not to spin; tried again at the next tick */
            for (size_t k = 0; k < STREAMS; k++)
                if (c->listen[streams[k]] >= 0)
                    epoll_ctl(c->ep, EPOLL_CTL_DEL, c->listen[streams[k]], NULL);
        }
        if (fd < 0 && errno != ECONNABORTED && errno != EINTR)
            return;
        if (fd < 0)
            continue;
        addr_read(&sa, &ip, &port);
        if (!conn_open(c, fd, l, ip, port))
            close(fd);
    }
}

void stream_accept_resume(struct child *c)
{
    if (!c->accept_off)
        return;
    c->accept_off = false;
    for (size_t k = 0; k < STREAMS; k++)
        if (c->listen[streams[k]] >= 0)
            child_watch_fd(c, EPOLL_CTL_ADD, c->listen[streams[k]], EPOLLIN, (struct wake){WAKE_LISTEN, 0, streams[k]});
}

/* Bytes of the stream into lines. False: the connection was closed. */
static bool bytes_take(struct child *c, struct conn *k, size_t n)
{
    c->stat[STAT_bytes] += n;
    c->received = clock_wall(c->clk);
    k->got_frame = false;
    framer_push(k->framer, (str){c->read_buf, n});
    framer_count(c, k);
    if (k->got_frame)
        conns_touch(c->conns, k, child_now(c));
    if (c->held > HELD_MAX) {
        c->stat[STAT_drop_conn_limit]++;
        conn_close(c, k);
        return false;
    }
    return true;
}

static void tcp_read(struct child *c, struct conn *k)
{
    ssize_t n = read(k->fd, c->read_buf, READ_MAX);

    if (n > 0)
        bytes_take(c, k, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        conn_close(c, k);
}

/* OpenSSL holds bytes that epoll does not see: read until it wants more, or the
 * turn is over, and then come back without waiting. */
static void tls_read_some(struct child *c, struct conn *k)
{
    waiting_remove(c, k);
    for (int i = 0; i < TLS_READS; i++) {
        if (out_blocked(c)) {
            waiting_add(c, k);
            return;
        }
        long n = tls_read(k->tls, c->read_buf, READ_MAX);
        if (n == TLS_WAIT)
            return;
        if (n < 0) {
            c->stat[STAT_tls_failed] += n == TLS_FAILED;
            conn_close(c, k);
            return;
        }
        if (!bytes_take(c, k, (size_t)n))
            return;
    }
    waiting_add(c, k);
}

static void tls_greet(struct child *c, struct conn *k)
{
    int rc = tls_handshake(k->tls);

    if (rc == TLS_FAILED) {
        c->stat[STAT_tls_failed]++;
        conn_close(c, k);
        return;
    }
    uint32_t want = EPOLLIN | (rc != 1 && tls_wants_write(k->tls) ? EPOLLOUT : 0u);
    child_watch_fd(c, EPOLL_CTL_MOD, k->fd, want, (struct wake){WAKE_CONN, k->gen, conns_index(c->conns, k)});
    if (rc == 1) {
        k->handshaking = false;
        tls_read_some(c, k);
    }
}

static void conn_read(struct child *c, struct conn *k)
{
    if (k->handshaking)
        tls_greet(c, k);
    else if (k->tls != NULL)
        tls_read_some(c, k);
    else
        tcp_read(c, k);
}

void stream_ready(struct child *c, uint32_t index, uint32_t gen)
{
    struct conn *k = conns_at(c->conns, index);

    if (k != NULL && k->gen == gen)
        conn_read(c, k);
}

void stream_waiting(struct child *c)
{
    uint32_t todo = c->waiting;

    /* each is taken off, and put back at the head when it still has more */
    for (int turn = 0; turn < ACCEPTS && todo != NIL && !out_blocked(c); turn++) {
        struct conn *k = conns_at(c->conns, todo);
        todo = k->next_waiting;
        tls_read_some(c, k);
    }
}

/* A last read before the close: what waits in the socket while we were busy must
 * not make a working client idle. */
static bool still_idle(struct child *c, struct conn *k)
{
    uint32_t index = conns_index(c->conns, k), gen = k->gen;
    int64_t active = k->active;

    if (k->handshaking)
        return true;
    stream_ready(c, index, gen);
    k = conns_at(c->conns, index);
    return k != NULL && k->gen == gen && k->active == active && !out_blocked(c);
}

void stream_expire(struct child *c)
{
    struct conn *k;

    while (!out_blocked(c) && (k = conns_idle(c->conns, child_now(c))) != NULL) {
        if (!still_idle(c, k))
            continue;
        c->stat[STAT_drop_idle]++;
        conn_close(c, k);
    }
}

/* The last look: what the kernel already holds of each stream, until then. */
void stream_finish(struct child *c, int64_t until)
{
    struct conn *k;

    while ((k = conns_oldest(c->conns)) != NULL) {
        uint32_t index = conns_index(c->conns, k), gen = k->gen;
        uint64_t before = c->stat[STAT_bytes];
        bool late = clock_mono(c->clk) >= until;
        if (out_blocked(c) && !late) {
            out_wait(c);
            continue;
        }
        if (!k->handshaking && !late)
            stream_ready(c, index, gen);
        k = conns_at(c->conns, index);
        if (k != NULL && k->gen == gen && (late || c->stat[STAT_bytes] == before))
            conn_close(c, k);
    }
}
