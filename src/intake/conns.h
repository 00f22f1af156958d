/* Table of stream connections: ceilings in all and for one address, and who has
 * been idle longest. Knows nothing of sockets; time is passed in. One thread. */
#ifndef LUY_INTAKE_CONNS_H
#define LUY_INTAKE_CONNS_H
#include "intake/framing.h"

struct conn {
    int fd;
    uint8_t transport;
    bool json, open, handshaking, waiting, got_frame; /* waiting: in the list of those with unread TLS bytes */
    uint16_t port;
    struct ip source;
    void *owner, *tls; /* the loop's state; SSL, or NULL */
    struct framer *framer;
    uint64_t skipped;                       /* framer_skipped already counted */
    size_t held;                            /* framer_held already counted */
    int64_t active;                         /* time of the last complete frame */
    uint32_t gen, prev, next, next_waiting; /* gen: tells a slot's users apart; 28 bits */
};
struct conns;
enum { CONNS_FULL = -1, CONNS_SOURCE_FULL = -2 };
struct conns *conns_new(uint32_t max, uint32_t per_source, int64_t idle_ns); /* NULL: no memory */
void conns_free(struct conns *t);                                  /* the table only, not what entries point at */
int64_t conns_add(struct conns *t, struct ip source, int64_t now); /* index, or CONNS_... */
struct conn *conns_at(struct conns *t, uint32_t index);            /* NULL when not open */
uint32_t conns_index(const struct conns *t, const struct conn *c);
void conns_touch(struct conns *t, struct conn *c, int64_t now); /* a complete frame came */
/* The one idle for longest, when that is too long, else NULL. */
struct conn *conns_idle(struct conns *t, int64_t now);
struct conn *conns_oldest(struct conns *t); /* any open one, longest idle first */
void conns_del(struct conns *t, struct conn *c);
uint32_t conns_open(const struct conns *t);
#endif
