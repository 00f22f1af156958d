/* Who takes every kept event once, in the relay's order, after it is durable here (the rules). It
 * remembers durably how far it is, so that a crash between keeping and taking repeats nothing. */
#ifndef LUY_RELAY_TAKER_H
#define LUY_RELAY_TAKER_H
#include "base/err.h"

struct relay_batch {
    const char *relay;
    str anchor, wire;       /* wire: event_batch wire form */
    uint64_t first, number; /* of the first event: the relay's number, and the one here */
};
struct relay_taker {
    /* *next: the relay's number behind the last event it took; begins at `begin` with a relay that it does not know. */
    int (*next)(void *ctx, const char *relay, str anchor, uint64_t begin, uint64_t *next, struct err *e);
    /* Negative: asked again later, from where next() says. */
    int (*take)(void *ctx, const struct relay_batch *b, struct err *e);
    void *ctx;
};
#endif
