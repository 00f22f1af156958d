/* The journal: every event as it came, durable, searchable at once.
 *
 * Append goes to a write-ahead file first and is durable after the next group
 * commit (cfg.sync_ms; 0 = every append). The open block is searched like any
 * other. Kill at any moment: after journal_open what was synced is there, and a
 * torn tail is cut at the last whole batch and counted.
 *
 * One writer thread (append, tick); search, aggregate and tail from any thread
 * and never blocked by the writer for longer than a batch. Time of an event in
 * queries is event time; order in results is by receipt, newest first. */
#ifndef LUY_JOURNAL_JOURNAL_H
#define LUY_JOURNAL_JOURNAL_H
#include "base/arena.h"
#include "base/clock.h"
#include "intake/event.h"
#include "journal/query.h"
#include <stdatomic.h>

struct vault;
struct ledger;
struct journal_cfg {
    const char *dir;
    int sync_ms;           /* group commit, default 100 */
    size_t block_bytes;    /* raw bytes a block, default 32 MiB */
    int block_seconds;     /* a block is closed after so long, default 60 */
    int64_t max_bytes;     /* on disk; oldest segments go first; 0 = none */
    int retention_days;    /* 0 = keep */
    int64_t reserve_bytes; /* free space left for others; below it append says -ENOSPC */
    struct vault *vault;   /* its keys sign the ledger (ledger.h); NULL: no ledger */
    /* A second place for closed months (archive.h); NULL: none. With it, age alone
     * deletes nothing that is not archived; the size ceiling does, and says so. */
    const char *archive_dir;
    bool archive_same_disk; /* the second place may be on the journal's own file system */
    bool read_only;         /* an archive: nothing is written, not even a lock; append is not called */
};
struct journal;
int journal_open(const struct journal_cfg *cfg, const struct clock *clk, struct journal **out, struct err *e);
void journal_close(struct journal *j); /* seals the open block, syncs, signs */
const char *journal_dir(const struct journal *j);
struct ledger *journal_ledger(struct journal *j); /* NULL without a vault */

/* Appends a sealed batch (event_batch wire form); *first is the sequence number
 * of its first event. All or nothing. -ENOSPC when the disk is full:
 * nothing was written and the caller keeps the batch. */
int journal_append(struct journal *j, str wire, uint64_t *first, struct err *e);
/* The same but for its checksum, of a batch that event_batch_reopen() may be asked about. */
int journal_append_checked(struct journal *j, str wire, uint64_t *first, struct err *e);
/* More batches wait than were appended: for the next half second searches take turns
 * with their blocks, so that these do not wait for every search that runs. Writer thread. */
void journal_hurry(struct journal *j);
/* Group commit, closing of old blocks, retention. Call when *due passes. */
int journal_tick(struct journal *j, int64_t *due_mono_ns, struct err *e);
int journal_sync(struct journal *j, struct err *e);
uint64_t journal_synced(const struct journal *j); /* events below this number are durable */

/* A hit handed to a callback: the event with its number. Return false to stop. */
struct hit {
    uint64_t seq;
    struct event ev;
};
typedef bool hit_fn(void *ctx, const struct hit *h);

struct search_opts {
    uint64_t before_seq;      /* page on: hits below this number; 0 = newest */
    uint64_t limit;           /* 0 = the query's limit, else 1,000 */
    int64_t deadline_mono_ns; /* 0 = none; past it -ETIME, what was found stays valid */
    const atomic_bool *cancel;
    /* First with 0 done, before anything is read, then behind each block. */
    void (*progress)(void *ctx, uint64_t done_bytes, uint64_t all_bytes);
    void *progress_ctx;
};
/* more: stopped at the limit, by fn, by cancel or deadline, so older hits may follow.
 * bad_blocks: stored blocks whose checksum failed, or that could not be read; their events are missing here. */
struct search_stats {
    uint64_t hits, scanned_events, scanned_blocks, skipped_blocks, bad_blocks;
    uint64_t ungrouped; /* by a source that adds up itself: hits past its ceiling of groups */
    uint64_t short_by;  /* .. which made room by letting the smallest go: no group lacks more than this */
    bool more;
};
int journal_search(struct journal *j, const struct query *q, const struct search_opts *o, hit_fn *fn, void *ctx,
                   struct search_stats *st, struct err *e);

/* The same as rows of a source (source.h), for the pipes: every hit, whatever limit q has. */
int journal_rows(struct journal *j, const struct query *q, const struct search_opts *o, source_row_fn *fn, void *ctx,
                 struct search_stats *st, struct err *e);

/* Queries with "| count" or "| count by f[, g]": rows sorted by count, largest
 * first. `| histogram 5m` gives one row a bucket, keys[0] = RFC 3339 start. */
struct agg_row {
    str keys[QUERY_BY_MAX + 1]; /* of a histogram the start of the bucket first, as text */
    size_t nkeys;
    uint64_t count;
    int64_t start; /* of the bucket */
};
struct agg {
    struct agg_row *rows;
    size_t n;
    uint64_t total, other;
}; /* other: past the group ceiling */
int journal_aggregate(struct journal *j, struct arena *a, const struct query *q, const struct search_opts *o,
                      struct agg *out, struct search_stats *st, struct err *e);

/* The first step of q where heads and columns answer it (row_source.fold); 1: they do not. */
int journal_fold(struct journal *j, const struct query *q, const struct search_opts *o, source_group_fn *fn, void *ctx,
                 struct search_stats *st, struct err *e);

/* Live tail: events appended after this call that fit the query, and those of relays that are
 * shown after it, a block at a time. A slow reader loses oldest first; *lost counts. */
struct tail;
int journal_tail_open(struct journal *j, const struct query *q, struct tail **out, struct err *e);
/* Waits up to timeout; hands over what came. 0 or -ESHUTDOWN when the journal closes. */
int journal_tail_wait(struct tail *t, int64_t timeout_ns, hit_fn *fn, void *ctx, uint64_t *lost);
void journal_tail_close(struct tail *t);

struct journal_stats {
    uint64_t events, raw_bytes, disk_bytes, blocks, segments, appended, torn_bytes;
    uint64_t bad_blocks;       /* found so far by searches, and segments that could not be opened */
    uint64_t unsealed_blocks;  /* closed, waiting to be written to a segment */
    int64_t first_ns, last_ns; /* receipt times; 0 when empty */
    bool full;
};
void journal_stats(struct journal *j, struct journal_stats *out);
#endif
