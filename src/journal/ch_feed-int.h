/* The feed's body: a lane for each shard. */
#ifndef LUY_JOURNAL_CH_FEED_INT_H
#define LUY_JOURNAL_CH_FEED_INT_H
#include "journal/ch_feed.h"
#include "journal/ch_position-int.h"
#include <pthread.h>

/* What goes on about deletion in a lane. Times are monotonic but for the first two. */
struct lane_delete {
    int64_t before, done; /* the time that is being done, and the last that was; 0: none */
    int64_t told;         /* when the set was told; 0: it was not */
    unsigned fails;       /* in a row */
    uint64_t rows;        /* when it was told */
    int64_t due, wait_s;
};
/* Its stepping thread owns a lane but for the atomics. */
struct lane {
    struct ch_feed *feed;
    size_t shard;
    struct ch *set; /* its own: one call at a time */
    struct ch_batch batch;
    uint64_t next; /* not yet passed; the next of its own is ch_spread_from of it */
    bool known, fresh, down;
    bool proven; /* a batch of this run arrived: what comes now was not sent before a restart */
    int64_t retry_ns;
    struct lane_delete del;
    _Atomic uint64_t sent_events, sent_batches, failures, skipped_events, bad_events, deleted_events, delete_failures;
    _Atomic uint64_t shown_next;
    _Atomic int64_t waiting_since; /* receipt of the batch that waits; 0: none */
    atomic_bool is_down;
};
struct ch_feed {
    struct ch_feed_cfg cfg;
    const struct clock *clk;
    struct ch_spread spread;
    char *state, *name; /* name: what the file says of the set */
    atomic_bool stop;
    _Atomic uint64_t cursor_errors;
    pthread_mutex_t lock; /* held also while the set is asked where it stands */
    bool known;           /* under lock, as is the position */
    struct ch_position position;
    struct lane lane[CH_SHARDS_MAX];
};
void lane_note(struct lane *l, const struct ch_feed_note *n); /* the shard is filled in */
/* ch_feed_delete.c: a step of deletion, when one is due; failures are counted there. */
void lane_delete_step(struct lane *l);
#endif
