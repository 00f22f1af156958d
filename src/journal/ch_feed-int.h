/* The feed's body: a lane for each shard. */
#ifndef LUY_JOURNAL_CH_FEED_INT_H
#define LUY_JOURNAL_CH_FEED_INT_H
#include "journal/ch_feed.h"
#include "journal/ch_position-int.h"
#include "journal/sealed.h"
#include <pthread.h>

/* What goes on about deletion in a lane. Times are monotonic but for the first two. */
struct lane_delete {
    int64_t before[CH_STREAMS_MAX], done[CH_STREAMS_MAX]; /* what is being done, and what was; 0: nothing */
    bool begun;
    int64_t told;   /* when the set was told; 0: it was not */
    unsigned fails; /* in a row */
    uint64_t rows;  /* when it was told */
    int64_t due, wait_s;
};
/* How far a lane is with one stream. */
struct cursor {
    struct ch_row *row; /* in the position; NULL: not looked up yet */
    uint64_t next;      /* not yet passed; the next of its own is ch_spread_from of it */
    bool fresh;         /* nothing of it was sent ever */
    bool proven;        /* a batch of it was new over there: what comes now was not sent before a restart */
    _Atomic uint64_t shown_next;
};
struct lane;
/* What is fed: the functions of sealed.h, or of flow_sealed.h. */
struct feed_source {
    bool (*stream)(void *of, size_t stream, char relay[64]);
    int (*block)(struct lane *l, uint64_t from, struct sealed_block *out, struct err *e); /* into the batch */
    uint64_t (*next)(void *of);
    int (*gone)(void *of, size_t stream, uint64_t from, uint64_t to, number_fn *fn, void *ctx, struct err *e);
    void (*ages)(void *of, int64_t *before, size_t n);
    void (*own)(void *of, uint64_t from, number_fn *fn, void *ctx);
    void (*guests)(void *of, guest_number_fn *fn, void *ctx);
};
extern const struct feed_source feed_sources[CH_KINDS];
/* Its stepping thread owns a lane but for the atomics. */
struct lane {
    struct ch_feed *feed;
    size_t shard;
    struct ch *set; /* its own: one call at a time */
    struct ch_batch batch;
    size_t stream; /* whose turn it is (sealed.h) */
    struct cursor cursor[CH_STREAMS_MAX];
    bool down;
    int64_t retry_ns;
    struct lane_delete del;
    _Atomic uint64_t sent_events, sent_batches, failures, skipped_events, bad_events, deleted_events, delete_failures;
    _Atomic int64_t waiting_since; /* receipt of the batch that waits; 0: none */
    atomic_bool is_down;
};
struct ch_feed {
    struct ch_feed_cfg cfg;
    const struct feed_source *source;
    void *of; /* the journal, or the store of flows */
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
/* ch_feed_where.c. 1: the cursor of the stream at turn is known; 0: there is no such stream. */
int lane_find(struct lane *l, struct err *e);
void lane_passed(struct lane *l, uint64_t next); /* of the stream at turn: into the file */
static inline uint64_t lane_from(const struct lane *l, uint64_t seq)
{
    return ch_spread_from(&l->feed->spread, l->shard, seq == 0 ? 1 : seq); /* there is no event 0 */
}
/* Events that are the shard's. */
struct own {
    const struct lane *lane;
    uint64_t from, first, n; /* from: below it none counts; first: number of the first one */
};
void own_count(void *ctx, uint64_t first, uint64_t next);     /* ctx: a struct own; a number_fn */
void lane_note(struct lane *l, const struct ch_feed_note *n); /* the shard is filled in */
/* ch_feed_delete.c: a step of deletion, when one is due; failures are counted there. */
void lane_delete_step(struct lane *l);
#endif
