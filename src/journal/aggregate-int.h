/* Shared by aggregate.c (groups) and aggregate_told.c (groups from columns). */
#ifndef LUY_JOURNAL_AGGREGATE_INT_H
#define LUY_JOURNAL_AGGREGATE_INT_H
#include "journal/journal-int.h"
#include "journal/search_plan.h"

enum { GROUPS_MAX = 50000, GROUP_SLOTS = 1 << 17, GROUP_KEY_BYTES = 16 << 20 };

struct group {
    uint64_t hash, count;
    uint32_t off, len;
};
struct groups {
    const struct query *q;
    uint16_t slot[GROUP_SLOTS]; /* number + 1 */
    struct group g[GROUPS_MAX];
    uint32_t n, last;
    str relay; /* by which the block at hand came, where it is counted without its lines */
    uint64_t seed, total, other;
    int64_t from, to; /* the bucket of the time asked last */
    struct buf keys;  /* fields of a key: varint length, bytes */
    struct buf key;
};
struct groups *agg_groups_new(const struct query *q); /* NULL: no memory */
void agg_groups_free(struct groups *gs);
struct scan_sink agg_groups_sink(struct groups *gs); /* counts into gs */
void group_add(struct groups *gs, str key, uint64_t count);
/* Whether t lies in another bucket than the time before; gs->from is its start. */
bool bucket_turns(struct groups *gs, int64_t t);
/* A key: the bucket, then a text for each field. */
void key_begin(struct groups *gs);
void key_add(struct groups *gs, str s);
/* scan_sink.sure */
int groups_add_sure(void *ctx, const struct block_head *h, struct block_dec *d, struct search_plan *p);
#endif
