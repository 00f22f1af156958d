/* Flows over UDP: datagrams in bunches to the receiver, rows to the ring in a
 * wire form of their own, and what the core must know or keep as notes. Belongs
 * to the intake child's loop.
 *
 * While the ring is full nothing is decoded: what was already read waits where
 * it lies, the rest in the socket's buffer. */
#include "intake/child-int.h"
#include "intake/flow_notes.h"
#include "base/log.h"
#include <errno.h>
#include <unistd.h>

enum {
    VLEN = 128,
    DATAGRAM_MAX = 64 * 1024,
    ROUNDS = 8,
    FLOW_FLUSH_NS = 20 * 1000 * 1000,
    NOTES_BYTES = 512 * 1024,
    TICK_NS = 1000 * 1000 * 1000,
};
struct flow_in {
    struct flow_rx *rx;
    struct flow_batch batch;
    struct flow_notes notes;
    bool restoring;
    int at, n; /* datagrams at..n are read and not yet decoded */
    int64_t received, flush_at, tick_at;
    struct mmsghdr msg[VLEN];
    struct iovec iov[VLEN];
    struct sockaddr_storage from[VLEN];
    char bytes[VLEN][DATAGRAM_MAX];
};

static void batch_full(void *ctx)
{
    struct child *c = ctx;

    out_flows(c, &c->flow->batch);
}

static void note_take(void *ctx, const struct flow_note *n)
{
    struct child *c = ctx;
    struct flow_in *f = c->flow;

    if (f->restoring || flow_notes_add(&f->notes, n))
        return;
    out_notes(c, &f->notes);
    flow_notes_add(&f->notes, n);
}

int flow_init(struct child *c)
{
    struct flow_in *f;
    struct flow_sink sink = {.ctx = c, .full = batch_full, .note = note_take};

    c->flow_drops[0] = c->cfg.flow_drops_seen[0];
    c->flow_drops[1] = c->cfg.flow_drops_seen[1];
    if (c->listen[L_FLOW] < 0 && c->listen[L_IPFIX] < 0)
        return 0;
    if ((f = c->flow = calloc(1, sizeof(*f))) == NULL || !flow_batch_init(&f->batch))
        return -ENOMEM;
    flow_notes_init(&f->notes, NOTES_BYTES);
    sink.batch = &f->batch;
    f->rx = flow_rx_new(&FLOW_LIMITS_DEFAULT, &sink);
    return f->rx != NULL ? 0 : -ENOMEM;
}

void flow_done(struct child *c)
{
    if (c->flow == NULL)
        return;
    flow_rx_free(c->flow->rx);
    flow_batch_done(&c->flow->batch);
    flow_notes_done(&c->flow->notes);
    free(c->flow);
}

/* What the core kept of the child before; a file of the core's, and hostile all the same. */
void flow_restore(struct child *c, int fd)
{
    struct flow_notes_reader r;
    struct flow_note n;
    size_t want = c->cfg.state_bytes, got = 0;
    ssize_t k = 1;
    char *text;

    if (c->flow == NULL || want == 0 || want > 2 * FLOW_KEEP_BYTES || (text = malloc(want)) == NULL)
        return;
    while (got < want && (k = pread(fd, text + got, want - got, (off_t)got)) > 0)
        got += (size_t)k;
    c->flow->restoring = true;
    if (got == want && flow_notes_open((str){text, want}, &r, NULL) == 0)
        while (flow_notes_next(&r, &n) == 1)
            flow_rx_restore(c->flow->rx, &n);
    else
        log_event(LOG_WARN, "intake_flow_state", F_INT("bytes", want));
    c->flow->restoring = false;
    free(text);
}

static void decode(struct child *c)
{
    struct flow_in *f = c->flow;
    bool was_empty = f->batch.nexporters == 0;

    for (; f->at < f->n && !out_blocked(c); f->at++) {
        struct ip ip;
        uint16_t port;
        addr_read(&f->from[f->at], &ip, &port);
        c->stat[STAT_flow_bytes] += f->msg[f->at].msg_len;
        flow_rx_datagram(f->rx, (str){f->bytes[f->at], f->msg[f->at].msg_len}, ip, port, f->received);
    }
    if (was_empty && f->batch.nexporters > 0)
        f->flush_at = clock_mono(c->clk) + FLOW_FLUSH_NS;
}

static void receive(struct child *c, enum listener l)
{
    struct flow_in *f = c->flow;

    for (int i = 0; i < VLEN; i++) {
        f->iov[i] = (struct iovec){f->bytes[i], DATAGRAM_MAX};
        f->msg[i] = (struct mmsghdr){
            .msg_hdr = {
                .msg_name = &f->from[i], .msg_namelen = sizeof(f->from[i]), .msg_iov = &f->iov[i], .msg_iovlen = 1}};
    }
    f->at = 0;
    f->n = recvmmsg(c->listen[l], f->msg, VLEN, MSG_DONTWAIT, NULL);
    if (f->n < 0)
        f->n = 0;
    f->received = clock_wall(c->clk);
}

void flow_ready(struct child *c, enum listener l)
{
    struct flow_in *f = c->flow;

    for (int round = 0; round < ROUNDS && !out_blocked(c); round++) {
        if (f->at == f->n)
            receive(c, l);
        bool more = f->n == VLEN;
        decode(c);
        if (!more)
            return;
    }
}

void flow_waiting(struct child *c)
{
    if (c->flow != NULL && c->flow->at < c->flow->n)
        decode(c);
}

void flow_flush(struct child *c)
{
    struct flow_in *f = c->flow;

    if (f == NULL)
        return;
    if (f->batch.nexporters > 0) {
        out_flows(c, &f->batch);
        flow_rx_batch_taken(f->rx);
    }
    out_notes(c, &f->notes);
}

void flow_tick(struct child *c)
{
    struct flow_in *f = c->flow;
    int64_t now = clock_mono(c->clk);

    if (f == NULL || out_blocked(c))
        return;
    if (f->batch.nexporters > 0 && now >= f->flush_at)
        flow_flush(c);
    if (now < f->tick_at)
        return;
    f->tick_at = now + TICK_NS;
    flow_rx_tick(f->rx, clock_wall(c->clk));
    out_notes(c, &f->notes);
}

int64_t flow_due(const struct child *c)
{
    return c->flow != NULL && c->flow->batch.nexporters > 0 ? c->flow->flush_at : INT64_MAX;
}

/* The kernel's own counter of each socket, 32 bits. */
void flow_count(struct child *c)
{
    static const struct {
        enum listener l;
        enum ring_stat stat;
    } socks[] = {{L_FLOW, STAT_drop_flow_kernel}, {L_IPFIX, STAT_drop_ipfix_kernel}};

    for (int i = 0; i < 2; i++) {
        uint32_t now = udp_drops(c->listen[socks[i].l]);
        c->stat[socks[i].stat] += now - c->flow_drops[i];
        c->flow_drops[i] = now;
    }
}

void flow_publish(struct child *c)
{
    if (c->flow == NULL)
        return;
    const struct flow_rx_stats *st = flow_rx_stats(c->flow->rx);
#define X(n) c->stat[STAT_##n] = st->n;
    FLOW_RX_COUNTERS(X)
#undef X
}
