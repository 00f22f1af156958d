/* What the journal seals and what relays bring to it (guest.h) goes into a ClickHouse
 * set: each event once, of each stream (sealed.h) each shard's in order, and what is
 * deleted by age goes from it. A feed of flows is another one, with a file of its own, and does the
 * same with a store of flows and the flows that relays bring to it; "events" are flows then.
 *
 * The numbers of events go round the shards (ch.h, ch_spread), and each shard is
 * fed for itself: one that takes nothing falls behind alone. Its streams take turns.
 * A small file says how far each went with each stream; it is replaced after each INSERT. Sealed blocks never change
 * and batches are cut from them by rule, so after a kill between INSERT and file the same batch is made again, and the
 * set knows it (ch.h). Nothing in the journal waits for it: what retention deletes before it was sent is counted as
 * skipped. One thread steps a shard, several may step several; figures any thread. */
#ifndef LUY_JOURNAL_CH_FEED_H
#define LUY_JOURNAL_CH_FEED_H
#include "journal/ch.h"
#include "journal/flow_store.h"

enum ch_feed_event {
    CF_DOWN,    /* the shard takes nothing; why says it */
    CF_UP,      /* it does again */
    CF_SKIPPED, /* n events from number `first` were deleted before they were sent */
    CF_BAD,     /* n events from number `first` cannot be read */
    CF_DELETED, /* what is of age is out of the shard: n rows; before: the latest of the streams' times */
    CF_KEPT,    /* the shard refuses to delete it, why says how; tried again */
    CF_EVENTS
};
struct ch_feed_note {
    enum ch_feed_event event;
    size_t shard; /* from 0 */
    uint64_t first, n;
    int64_t before;
    const struct err *why; /* DOWN, BAD, KEPT */
};
struct ch_feed_stats {
    uint64_t sent_events, sent_batches, failures, skipped_events, bad_events, cursor_errors;
    uint64_t deleted_events, delete_failures;
    uint64_t next;       /* of the journal's own: number of the next event to send; all below it are there */
    uint64_t lag_events; /* sealed and not sent */
    int64_t lag_since;   /* when the next one was received; 0: none waits, or it was not read yet */
    int64_t lag_ns;      /* how long ago that was */
    size_t down;         /* shards that take nothing */
};
struct ch_feed_cfg {
    struct journal *journal;
    const struct ch_cfg *set;
    const char *state;                                     /* the file */
    void (*note)(void *ctx, const struct ch_feed_note *n); /* from the stepping threads; NULL */
    void *ctx;
    uint32_t window; /* numbers in a row that are one shard's; 0: CH_BATCH_ROWS. Where it changes, as where shards are
                        added, all shards must stand at one number. */
    struct flow_store *flows; /* instead of the journal */
};
enum { CH_FEED_RETRY_MIN_S = 1, CH_FEED_RETRY_MAX_S = 60, CH_FEED_LOOK_S = 1 };
struct ch_feed;
int ch_feed_open(const struct ch_feed_cfg *cfg, const struct clock *clk, struct ch_feed **out, struct err *e);
void ch_feed_close(struct ch_feed *f); /* NULL is fine */
size_t ch_feed_shards(const struct ch_feed *f);
/* At most one INSERT. *due: the time (monotonic) before which another step of the
 * shard is no use. Failures are waited out from 1 s, doubled up to 60 s. */
void ch_feed_step(struct ch_feed *f, size_t shard, int64_t *due_mono_ns);
void ch_feed_stop(struct ch_feed *f); /* any thread: the steps that run end soon */
/* Of one shard; CH_FEED_ALL: sums, the smallest `next`, the oldest that waits. */
enum { CH_FEED_ALL = CH_SHARDS_MAX };
void ch_feed_stats(const struct ch_feed *f, size_t shard, struct ch_feed_stats *out);
#endif
