/* The centre's side: a port of its own, a thread a line, what is kept of each relay
 * open and searched. Off unless relay_listen is set. */
#ifndef LUY_RELAY_CENTRE_H
#define LUY_RELAY_CENTRE_H
#include "journal/journal.h"
#include "relay/pin.h"
#include "relay/taker.h"
#include "vault/vault.h"
#include <stdatomic.h>

struct relay_centre_cfg {
    const char *dir;    /* DIR/NAME for each relay: its pin and what is kept */
    const char *listen; /* address:port; "" = no port, but what was kept is searched */
    struct journal *journal;
    struct flow_store *flows; /* NULL: relays' flows are kept, and not queried */
    struct vault *vault;      /* key and certificate "relay" */
    const struct clock *clk;
    int64_t max_bytes, reserve_bytes; /* store.h */
    int64_t total_bytes;              /* of all relays together (ceiling.h); 0 = no ceiling */
    int retention_days;
    struct relay_taker taker; /* take NULL: nobody */
    void (*say)(void *ctx, int severity, str msg);
    void *ctx;
};
struct relay_centre;
int relay_centre_start(const struct relay_centre_cfg *cfg, struct relay_centre **out, struct err *e);
void relay_centre_stop(struct relay_centre *c); /* before the journal closes; NULL is fine */
struct archive_done;
/* The next archive of any relay that is due: 1, 0, or why not. A thread of the caller's, not after stop. */
int relay_centre_archive(struct relay_centre *c, const atomic_bool *cancel, struct archive_done *out, struct err *e);
uint16_t relay_centre_port(const struct relay_centre *c);
/* All relays together; any thread. */
struct relay_centre_stats {
    uint64_t relays, lines, blocks, events, bytes, missing_events, refused, unknown, deleted_files, judged;
    uint64_t flows, missing_flows;
};
void relay_centre_stats(struct relay_centre *c, struct relay_centre_stats *out);
#endif
