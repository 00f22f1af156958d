/* A step that adds flows up on columns: flow_fold.c reads, flow_fold_out.c hands over. */
#ifndef LUY_JOURNAL_FLOW_FOLD_INT_H
#define LUY_JOURNAL_FLOW_FOLD_INT_H
#include "journal/flow_groups.h"
#include "journal/flow_source-int.h"

#define V4_KEY (1ull << 40)
#define V6_KEY (2ull << 40)

/* A field that is grouped by, for the block at hand: row i has keys[ids[i]]. */
struct by {
    const struct flow_query_field *f;
    uint32_t *ids;
    uint64_t *keys;
    size_t nkeys, nkeys_room;
};
struct small_sum {
    uint64_t count, sum;
};
struct fold {
    const struct query *q;
    const struct query_step *step;
    struct search_stats *st;
    struct by by[QUERY_BY_MAX];
    size_t nby;
    bool sums, failed; /* failed: no memory */
    const uint8_t *of; /* the column that is summed; NULL: of_constant in every row */
    unsigned of_width;
    uint64_t of_constant;
    uint8_t *fits;
    struct small_sum *small;
    size_t nsmall;
    struct flow_groups groups;
    struct flow_v6_seen v6;
};
bool flow_fold_give(struct fold *f, uint64_t want, source_group_fn *fn, void *ctx); /* false: no memory */
#endif
