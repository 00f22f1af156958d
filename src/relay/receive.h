/* One line from a relay, seen from the centre: frames in, the store asked, answers out. */
#ifndef LUY_RELAY_RECEIVE_H
#define LUY_RELAY_RECEIVE_H
#include "relay/store.h"
#include <stdatomic.h>

struct relay_receive {
    const char *name; /* of the relay, for what is told */
    struct relay_store *store;
    struct relay_link link;
    const atomic_bool *stop;
    int idle_ms; /* a line that is silent so long ends */
    /* Events for the journal: `event=relay_... relay=NAME ...`; severity as syslog's. May be NULL. */
    void (*say)(void *ctx, int severity, str msg);
    /* After each head that was kept, and again when it was handed on. May be NULL. */
    void (*kept)(void *ctx, const struct relay_store_stats *st);
    /* Between frames, at least twice a second. May be NULL. */
    void (*tick)(void *ctx);
    void *ctx;
};
/* Until the line ends: 0 (its end, or stop), or why it was refused: -EBADMSG and the like. */
int relay_receive_run(const struct relay_receive *r, struct err *e);
#endif
