/* The relay's side: a thread that keeps a line to the centre and sends what is sealed.
 * While there is none, the journal and the flow store are the spool; what their ceilings drop
 * before it was sent is counted and told. */
#ifndef LUY_RELAY_FORWARD_H
#define LUY_RELAY_FORWARD_H
#include "base/clock.h"
#include "journal/journal.h"
#include "relay/wire.h"
#include "vault/vault.h"
#include <sys/socket.h>

struct relay_forward_cfg {
    const char *centre;     /* address:port */
    const char *centre_key; /* pin.h */
    const char *state;      /* a file: how far the centre is */
    int64_t rate;           /* bytes a second; 0 = as the line gives */
    struct journal *journal;
    struct flow_store *flows; /* NULL: there are none */
    struct vault *vault;
    const struct clock *clk;
    void (*say)(void *ctx, int severity, str msg);
    void *ctx;
};
struct relay_forward;
int relay_forward_start(const struct relay_forward_cfg *cfg, struct relay_forward **out, struct err *e);
void relay_forward_stop(struct relay_forward *f); /* before the journal closes; NULL is fine */
struct relay_forward_stats {
    uint64_t connected, lines, acked_entries, acked_events, acked_flows, spool_bytes, dropped_events, dropped_flows,
        refused;
};
void relay_forward_stats(struct relay_forward *f, struct relay_forward_stats *out); /* any thread */

/* How long to wait after the n-th failure (from 0) in a row: 1 s, doubled up to 5 min, and up
 * to a quarter more by `random`, so that a province's relays do not come all at once. */
int64_t relay_backoff_ns(unsigned n, uint32_t random);
int relay_address(str text, struct sockaddr_storage *out, socklen_t *n, struct err *e);
#endif
