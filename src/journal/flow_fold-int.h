/* A step that adds flows up on columns: flow_fold.c adds, flow_fold_by.c reads, flow_fold_out.c hands over. */
#ifndef LUY_JOURNAL_FLOW_FOLD_INT_H
#define LUY_JOURNAL_FLOW_FOLD_INT_H
#include "journal/flow_groups.h"
#include "journal/flow_source-int.h"

enum { FOLD_KEYS = QUERY_BY_MAX + 2 }; /* a bucket before, the value of p50 and p99 behind */
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
    struct by by[FOLD_KEYS];
    size_t nby, nshown; /* nshown: without the value of p50 and p99 */
    enum step_fold fold;
    bool failed;       /* no memory */
    const uint8_t *of; /* the column that is summed; NULL: of_constant in every row */
    unsigned of_width;
    uint64_t of_constant;
    uint8_t *fits;
    int64_t *at;   /* times of the block's rows, where they are asked for */
    uint32_t *ids; /* several fields as one number */
    uint32_t *number;
    size_t nnumber;
    struct small_sum *small;
    size_t nsmall;
    struct flow_groups groups;
    struct flow_v6_seen v6;
};
/* False: no memory, or p->rc. */
bool flow_fold_by(struct fold *f, struct by *b, struct flow_page *p);
const int64_t *flow_fold_times(struct fold *f, struct flow_page *p); /* NULL as well */
/* Leaves out of a field's numbers those that no fitting row has; false: no memory. */
bool flow_fold_close_up(struct fold *f, struct by *b, uint32_t n);
/* Lets the smaller half of the groups go; false: no memory. */
bool flow_fold_make_room(struct fold *f);
/* 0; 1: these groups cannot be told, nothing was handed over; -ENOMEM. */
int flow_fold_give(struct fold *f, uint64_t want, source_group_fn *fn, void *ctx);
#endif
