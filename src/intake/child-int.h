/* The intake child's state: one struct, one thread, one loop (child.c). */
#ifndef LUY_INTAKE_CHILD_INT_H
#define LUY_INTAKE_CHILD_INT_H
#include "intake/conns.h"
#include "intake/flow_rx.h"
#include "intake/intake-int.h"

enum {
    READ_MAX = 256 * 1024, /* one read of a stream */
    BATCH_BYTES = 512 * 1024,
    /* Sealed batches that may wait for room in the ring. A read of one-byte lines
     * grows 49 times (a record's head is 96 bytes), and reading stops while any
     * batch waits: 32 * 512 KiB hold the worst read. */
    BATCHES = 32,
    FLUSH_NS = 5 * 1000 * 1000,
    HELD_MAX = 128 << 20, /* unfinished frames of all connections together */
    UDP_VLEN = 64,
    UDP_MAX = 64 * 1024,
};
enum wake_kind { WAKE_CTL, WAKE_LISTEN, WAKE_CONN }; /* LISTEN: index says which */
struct wake {
    uint8_t kind;
    uint32_t gen, index;
}; /* what an epoll event means */
struct udp_bufs;
struct flow_in;
struct flow_notes;

struct child {
    struct hello cfg;
    const struct clock *clk;
    int ctl, data_fd, room_fd, state_fd, ep, listen[LISTENERS];
    struct ring ring;
    void *tls_ctx;
    struct conns *conns;
    struct udp_bufs *udp;
    struct flow_in *flow; /* NULL: no listener for flows */
    char *read_buf;       /* READ_MAX */
    uint32_t waiting;     /* first connection with unread TLS bytes, UINT32_MAX none */
    size_t held;          /* sum over connections */
    struct event_batch batch[BATCHES];
    uint32_t first, sealed; /* batch[first..first+sealed) wait; the next one is being filled */
    int64_t flush_at;       /* mono; of the batch being filled */
    int64_t received;       /* wall time of the bytes being parsed */
    int64_t blocked;        /* time spent waiting for room: no client is idle for that */
    int64_t drops_at;       /* when the kernel's drops were last looked at */
    uint32_t drops, flow_drops[2];
    bool rang, stopping, was_blocked, accept_off; /* rang: a bell is due */
    uint64_t stat[STAT_COUNT];
};

/* child_out.c */
int out_init(struct child *c);
void out_done(struct child *c);
void out_line(struct child *c, str raw, uint16_t flags, enum transport tp, struct ip source, uint16_t port);
/* A line of JSON; else as out_line. */
void out_json(struct child *c, str raw, uint16_t flags, enum transport tp, struct ip source, uint16_t port);
void out_flows(struct child *c, struct flow_batch *b); /* b is empty then */
void out_notes(struct child *c, struct flow_notes *n); /* n is empty then */
void out_seal(struct child *c);                        /* the batch being filled becomes ready */
void out_push(struct child *c);                        /* ready ones to the ring, as far as there is room */
static inline bool out_blocked(const struct child *c) { return c->sealed > 0; }
/* Waits (a moment at most) for room in the ring or word from the core. */
void out_wait(struct child *c);
void out_publish(struct child *c); /* counters, and the bell when something was put */

/* child_udp.c */
int udp_init(struct child *c);
void udp_done(struct child *c);
void udp_ready(struct child *c, enum listener l); /* L_UDP, L_JSON_DGRAM */
void udp_count_drops(struct child *c);

/* child_flow.c */
int flow_init(struct child *c);
void flow_done(struct child *c);
void flow_restore(struct child *c, int fd);
void flow_ready(struct child *c, enum listener l);
void flow_waiting(struct child *c); /* datagrams that were read while the ring was full */
void flow_flush(struct child *c);
void flow_tick(struct child *c);
int64_t flow_due(const struct child *c); /* when the open batch must go */
void flow_count(struct child *c);
void flow_publish(struct child *c);

/* child_stream.c */
void stream_accept(struct child *c, enum listener l);
void stream_ready(struct child *c, uint32_t index, uint32_t gen);
void stream_waiting(struct child *c); /* those with TLS bytes left */
void stream_expire(struct child *c);
void stream_accept_resume(struct child *c);
void stream_finish(struct child *c, int64_t until); /* reads what is there, closes all */

int64_t child_now(const struct child *c); /* mono without the time spent blocked */
void child_watch_fd(struct child *c, int op, int fd, uint32_t events, struct wake w);
#endif
