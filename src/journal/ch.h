/* The events also in a ClickHouse set, and the flows (ch_flow.h): replicated MergeTree
 * tables, one per shard, and a Distributed table over them. Works on Debian's 18.16.
 *
 * A batch of events becomes one INSERT of one block of rows to one replica of
 * one shard. When that replica fails the same bytes go to the next one: a
 * replicated table knows a block that it has by its digest, so a retry after a
 * lost answer never doubles rows. Which shard: follows from an event's number
 * alone, so that a repetition after a restart meets its own digest.
 *
 * Each call uses its own connection; any thread, one call a `struct ch` at a time. */
#ifndef LUY_JOURNAL_CH_H
#define LUY_JOURNAL_CH_H
#include "base/clock.h"
#include "journal/journal.h"
#include <stdatomic.h>

enum { CH_SHARDS_MAX = 64, CH_REPLICAS_MAX = 8, CH_URL_MAX = 256, CH_BATCH_ROWS = 65536, CH_BATCH_BYTES = 16 << 20 };
enum { CH_RELAY_MAX = 63, CH_STREAMS_MAX = 1 + 1000 }; /* bytes of a relay's name; the journal itself and its relays */
struct ch_cfg {
    str nodes;    /* shards by ';', replicas by ',': "http://a:8123,http://b:8123;http://c:8123" */
    str cluster;  /* name in the servers' remote_servers; empty: one node alone */
    str database; /* [a-z0-9_]+ */
    str user, password;
    enum ch_kind { CH_EVENTS, CH_FLOWS, CH_KINDS } kind; /* of rows: each has its tables; flows: ch_flow.h */
};
struct ch;
int ch_open(const struct ch_cfg *cfg, const struct clock *clk, struct ch **out, struct err *e); /* asks nobody yet */
void ch_close(struct ch *c);
void ch_stop_on(struct ch *c, const atomic_bool *stop); /* requests end with -ECANCELED when it becomes true */
size_t ch_shards(const struct ch *c);
/* Database and the tables of these rows on every node. -EHOSTUNREACH when one does not answer: try
 * again, what is there stays. */
int ch_setup(struct ch *c, struct err *e);

/* Which numbers are whose: stretches of `window` numbers go round the shards. */
struct ch_spread {
    uint64_t window;
    size_t shards;
};
/* The first number of the shard's at or above seq; and how many of its numbers lie below seq. */
uint64_t ch_spread_from(const struct ch_spread *s, size_t shard, uint64_t seq);
uint64_t ch_spread_below(const struct ch_spread *s, size_t shard, uint64_t seq);

/* Rows of one INSERT: of one month, because a table's parts are months and only
 * the rows of one part go in all or none. */
struct ch_batch {
    struct buf buf;
    uint64_t first, last; /* numbers of its first and last row */
    int64_t received;     /* of the first */
    int month;
    uint32_t rows;
    const char *relay; /* of all its rows, by which they came; the caller's; NULL: none. ch_batch_clear forgets it */
    bool again;        /* an INSERT of it was begun and its end is not known */
    bool had;          /* out: with `again`, it was there already */
};
void ch_batch_init(struct ch_batch *b);
void ch_batch_done(struct ch_batch *b);
void ch_batch_clear(struct ch_batch *b);
bool ch_batch_add(struct ch_batch *b, uint64_t seq, const struct event *ev); /* false: full */
/* 0 when a replica of the shard has it; tables that a node lacks are made first. -EHOSTUNREACH: none took it, keep the
 * batch; -EBADMSG: refused, and time alone will not help; -ECANCELED. A table that is not replicated keeps no digests:
 * with `again` it is asked whether it has the batch already. */
int ch_insert(struct ch *c, size_t shard, struct ch_batch *b, struct err *e);
/* Where an INSERT ended without a clear word, and once at the beginning: takes away the rows that the node shows and
 * the shard's replication log does not have, which would stand twice after the next try. Tries again as often as it is
 * called while a node cannot say; call it between INSERTs. */
void ch_settle(struct ch *c, size_t shard);

/* The query as SQL's WHERE over the event table. *exact: it says exactly what
 * query_match says; else it lets too much through and each row is to be asked. */
int ch_where(const struct query *q, struct buf *sql, bool *exact);
/* As journal_search and journal_rows, with the same answers. -EHOSTUNREACH: no node
 * answers; -EBADMSG: the server refuses, in its words. */
int ch_search(struct ch *c, const struct query *q, const struct search_opts *o, hit_fn *fn, void *ctx,
              struct search_stats *st, struct err *e);
int ch_rows(struct ch *c, const struct query *q, const struct search_opts *o, source_row_fn *fn, void *ctx,
            struct search_stats *st, struct err *e);
/* Source.h's fold: count, top by count and histogram, by the lines' own fields, are
 * counted over there when the condition can be said exactly. */
int ch_fold(struct ch *c, const struct query *q, const struct search_opts *o, source_group_fn *fn, void *ctx,
            struct search_stats *st, struct err *e);
/* Behind the newest event of the shard's numbers, wherever in the set it lies (shards may have been added since), for
 * the journal's own ("") and each relay of which there is one; fn may be told the same relay more than once, the
 * largest number counts. -EHOSTUNREACH when a whole shard does not answer. A negative answer of fn ends it. */
typedef int ch_next_fn(void *ctx, str relay, uint64_t next);
int ch_next_seq(struct ch *c, const struct ch_spread *s, size_t shard, ch_next_fn *fn, void *ctx, struct err *e);
/* What is to go: of each relay ("": none) what was received before `before`; 0: nothing. all: what was received before
 * it goes whoever brought it; 0: nothing. */
struct ch_ages {
    int64_t all;
    size_t n;
    struct ch_age {
        const char *relay;
        int64_t before;
    } v[];
};
/* Takes it out of the shard: whole months of `all` at once, the rest
 * by a mutation that runs over there. *left: rows that each replica which answers still
 * shows, the largest such number; ask again until 0. ask: false only counts. A replica that is
 * away does the same when it is back: both stand in the shard's replication log. */
int ch_delete(struct ch *c, size_t shard, const struct ch_ages *ages, bool ask, uint64_t *left, struct err *e);
#endif
