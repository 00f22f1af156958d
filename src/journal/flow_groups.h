/* Groups of flows by a few numbers, with a count and a sum: an open hash
 * table in one piece of memory that grows by doubling, up to a ceiling; and the
 * numbers of IPv6 addresses. One thread. */
#ifndef LUY_JOURNAL_FLOW_GROUPS_H
#define LUY_JOURNAL_FLOW_GROUPS_H
#include "base/ip.h"
#include <stddef.h>

enum { FLOW_GROUPS_MAX = 1 << 20, FLOW_V6_SEEN_MAX = 1 << 20 };
struct flow_group {
    __int128 sum;
    uint64_t count, key[];
};
struct flow_groups {
    size_t nkeys, entry, n, cap;
    uint8_t *memory;
    uint32_t *slot, nslots; /* place + 1; 0 free */
};
/* False: no memory. */
bool flow_groups_init(struct flow_groups *g, size_t nkeys);
void flow_groups_done(struct flow_groups *g);
/* The group of the key, made when absent. NULL at the ceiling or without memory (*failed). */
struct flow_group *flow_groups_at(struct flow_groups *g, const uint64_t *key, bool *failed);
void flow_groups_keep(struct flow_groups *g, const uint8_t *keep); /* only those with keep[place] stay */
static inline struct flow_group *flow_groups_get(const struct flow_groups *g, size_t i)
{
    return (struct flow_group *)(void *)(g->memory + i * g->entry);
}

/* A number for each of many 16-byte addresses, from 0. */
struct flow_v6_seen {
    uint8_t (*ip)[16];
    uint32_t *slot, n, nslots;
};
void flow_v6_seen_done(struct flow_v6_seen *s);
/* UINT32_MAX at the ceiling or without memory. */
uint32_t flow_v6_seen_of(struct flow_v6_seen *s, const uint8_t ip[16]);
#endif
