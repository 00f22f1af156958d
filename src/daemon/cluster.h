/* The threads that feed a ClickHouse set, and what they have to tell. */
#ifndef LUY_DAEMON_CLUSTER_H
#define LUY_DAEMON_CLUSTER_H
#include "api/api.h"
#include "daemon/self_event.h"
#include "journal/ch_feed.h"

enum { CLUSTER_PASSWORD_MAX = 127, CLUSTER_USER_MAX = 63 };
struct cluster;
struct cluster_parts {
    struct journal *journal;
    struct flow_store *flows; /* NULL: none */
    const struct ch_cfg *set;
    const char *state; /* file of how far it went; beside it with -flows, of flows */
    struct self_queue *self;
    const struct clock *clk;
};
int cluster_start(const struct cluster_parts *parts, struct cluster **out, struct err *e);
void cluster_stop(struct cluster *c); /* NULL is fine; within about a second */
/* Of the set and of each shard; and the shards that lack sealed events, or flows. Any thread. */
size_t cluster_counters(const struct cluster *c, struct api_counter *out, size_t cap);
size_t cluster_behind(const struct cluster *c, enum ch_kind of, struct api_behind *out, size_t cap);
#endif
