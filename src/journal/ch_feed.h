/* What the journal seals goes into a ClickHouse set: each event once, in order.
 *
 * A small file says how far it went; it is replaced after each INSERT. Sealed
 * blocks never change and batches are cut from them by rule, so after a kill
 * between INSERT and file the same batch is made again, and the set knows it
 * (ch.h). Nothing in the journal waits for it: what retention deletes before
 * it was sent is counted as skipped. One thread steps; figures any thread. */
#ifndef LUY_JOURNAL_CH_FEED_H
#define LUY_JOURNAL_CH_FEED_H
#include "journal/ch.h"

enum ch_feed_event {
    CF_DOWN,    /* the set takes nothing; why says it */
    CF_UP,      /* it does again */
    CF_SKIPPED, /* n events from number `first` were deleted before they were sent */
    CF_BAD,     /* n events from number `first` cannot be read */
};
struct ch_feed_note {
    enum ch_feed_event event;
    uint64_t first, n;
    const struct err *why; /* DOWN, BAD */
};
struct ch_feed_stats {
    uint64_t sent_events, sent_batches, failures, skipped_events, bad_events, cursor_errors;
    uint64_t next;       /* number of the next event to send */
    uint64_t lag_events; /* sealed and not sent */
    int64_t lag_ns;      /* how long ago the next one was received; 0: none waits */
    bool down;
};
struct ch_feed_cfg {
    struct journal *journal;
    const struct ch_cfg *set;
    const char *state;                                     /* the file */
    void (*note)(void *ctx, const struct ch_feed_note *n); /* from the stepping thread; NULL */
    void *ctx;
};
enum { CH_FEED_RETRY_MIN_S = 1, CH_FEED_RETRY_MAX_S = 60, CH_FEED_LOOK_S = 1 };
struct ch_feed;
int ch_feed_open(const struct ch_feed_cfg *cfg, const struct clock *clk, struct ch_feed **out, struct err *e);
void ch_feed_close(struct ch_feed *f); /* NULL is fine */
/* At most one INSERT. *due: the time (monotonic) before which another step is no
 * use. Failures are waited out from 1 s, doubled up to 60 s. */
void ch_feed_step(struct ch_feed *f, int64_t *due_mono_ns);
void ch_feed_stop(struct ch_feed *f); /* any thread: the step that runs ends soon */
void ch_feed_stats(const struct ch_feed *f, struct ch_feed_stats *out);
#endif
