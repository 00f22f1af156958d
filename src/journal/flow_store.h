/* The store of flows: every flow as it was exported, durable, queried at once.
 *
 * Beside the journal of log lines and like it: a batch goes to a write-ahead file
 * first and is durable after the next group commit; the open block is searched
 * like any other; full blocks are compressed by a thread of the store's own into
 * segment files, by day. Kill at any moment: after flow_store_open() what was
 * synced is there, a torn tail is cut and counted. When the disk is full append
 * says -ENOSPC and the caller keeps the batch; work goes on by itself.
 *
 * One writer thread (append, tick, sync, close); scans and figures from any. */
#ifndef LUY_JOURNAL_FLOW_STORE_H
#define LUY_JOURNAL_FLOW_STORE_H
#include "base/clock.h"
#include "journal/flow_block.h"
#include "journal/ledger.h"
#include <stdatomic.h>

struct flow_store_cfg {
    const char *dir;
    int sync_ms;           /* group commit; 0 = every append */
    int block_seconds;     /* a block is closed after so long, 0 = 900 */
    uint32_t block_rows;   /* or at so many flows, 0 = FLOW_BLOCK_ROWS */
    int64_t max_bytes;     /* on disk, oldest out first; 0 = none */
    int retention_days;    /* 0 = keep */
    int64_t reserve_bytes; /* free space left for others */
    bool read_only;        /* stored blocks alone; nothing is written, not even a lock; append is not called */
    struct ledger *ledger; /* gets each stored block's root; outlives the store; NULL: none */
};
struct flow_store;
int flow_store_open(const struct flow_store_cfg *cfg, const struct clock *clk, struct flow_store **out, struct err *e);
const char *flow_store_dir(const struct flow_store *s);
void flow_store_close(struct flow_store *s); /* seals the open block; NULL is fine */
/* *first: number of its first flow. All or nothing. */
int flow_store_append(struct flow_store *s, str wire, uint64_t *first, struct err *e);
int flow_store_tick(struct flow_store *s, int64_t *due_mono_ns, struct err *e);
int flow_store_sync(struct flow_store *s, struct err *e);

struct flow_store_stats {
    uint64_t flows, blocks, segments, disk_bytes, synced, torn_bytes, bad_blocks, unsealed_blocks;
    int64_t first_ns, last_ns;
    bool full;
};
void flow_store_stats(struct flow_store *s, struct flow_store_stats *out);

/* Who exported, since the store was opened: newest last. */
struct flow_exporter_seen {
    struct flow_exporter who; /* its counts are sums */
    uint64_t flows, datagrams, lost;
    int64_t first_ns, last_ns; /* receipt */
};
enum { FLOW_EXPORTERS_SEEN = 1024 };
size_t flow_store_exporters(struct flow_store *s, struct flow_exporter_seen *out, size_t cap);

/* Pages, newest first, that can hold a flow of that span (flow_time()). fn: 0 go
 * on, 1 enough, negative error. before: pages with a number below it. A stored
 * block that cannot be read is counted and left out. */
struct flow_scan_opts {
    int64_t since_ns, until_ns; /* INT64_MIN, INT64_MAX: open */
    uint64_t before_seq;        /* 0 = newest */
    const atomic_bool *cancel;
    int64_t deadline_mono_ns; /* 0 = none */
    void (*progress)(void *ctx, uint64_t done, uint64_t all);
    void *progress_ctx;
};
struct flow_scan_stats {
    uint64_t pages, skipped, bad_blocks, bytes_read;
};
typedef int flow_page_fn(void *ctx, struct flow_page *p);
int flow_store_scan(struct flow_store *s, const struct flow_scan_opts *o, flow_page_fn *fn, void *ctx,
                    struct flow_scan_stats *st, struct err *e);
int flow_store_verify(struct flow_store *s, uint64_t *bad, struct err *e); /* checksums of all stored blocks */
#endif
