/* The ClickHouse client's body: nodes, requests, rows of an answer. */
#ifndef LUY_JOURNAL_CH_INT_H
#define LUY_JOURNAL_CH_INT_H
#include "journal/ch.h"
#include "base/rd.h"
#include "journal/query-int.h"
#include <stdatomic.h>

struct ch_node {
    char url[CH_URL_MAX];
    bool replicated;    /* its table is a replicated one */
    bool ready;         /* its tables are there, as far as is known */
    bool unsure;        /* an INSERT may have left rows that the shard's log does not have (ch_settle) */
    int64_t settle_due; /* monotonic */
};
struct ch_shard {
    struct ch_node node[CH_REPLICAS_MAX];
    size_t n, first; /* first: the replica that answered last */
};
struct ch {
    struct ch_shard shard[CH_SHARDS_MAX];
    size_t n;
    enum ch_kind kind;
    char database[64], cluster[64], user[64], password[128];
    const struct clock *clk;
    const atomic_bool *stop;
};

/* One POST. body may be empty. Bytes of the answer go to take as they come; it
 * may end the request with a negative code. */
struct ch_call {
    const struct ch_node *node;
    const char *sql; /* in the URL when there is a body */
    str body;
    int (*take)(void *ctx, str bytes);
    void *ctx;
    const struct search_opts *o; /* whose deadline, cancel and progress are kept; NULL: none */
    uint64_t done;               /* told as progress */
};
/* -EHOSTUNREACH: no answer; -EBADMSG: the server says no, {0} is its sentence. */
int ch_request(const struct ch *c, const struct ch_call *call, struct err *e);
/* The server's words, which begin with "Code: ", as an error: -ETIME, -EHOSTUNREACH, -EBADMSG. */
int ch_said(const struct ch_node *n, str why, struct err *e);
/* A statement without an answer; and one number out of the answer. */
int ch_exec(const struct ch *c, const struct ch_node *n, const char *sql, struct err *e);
int ch_number(const struct ch *c, const struct ch_node *n, const char *sql, uint64_t *out, struct err *e);
/* An answer taken whole, so that a node that dies in the middle of it costs no
 * more than a repetition. */
enum { CH_PAGE_BYTES = 128 << 20, CH_SQL_BYTES = 1 << 20 };
int ch_take(void *buf, str bytes); /* ctx of a call: a struct buf */
void ch_again(void *buf);
str ch_rd_string(rd *r);
int ch_node_setup(struct ch *c, struct ch_node *n, struct err *e); /* database and tables on one node */
/* A query on any node that answers. again: called before each further try. */
int ch_any(struct ch *c, struct ch_call *call, void (*again)(void *ctx), struct err *e);
const char *ch_table(const struct ch *c); /* to be asked: "event" or "event_local", of flows "flow" .. */
const char *ch_local(const struct ch *c); /* this shard's: ends with _local, which ch_settle looks for */
/* Begins a row: what every kind begins with; false: full. */
bool ch_batch_row(struct ch_batch *b, uint64_t seq, int64_t received);

/* A query's tree as SQL, with the leaf that a kind of rows has. */
struct ch_walk {
    struct buf *sql;
    bool exact;
    void (*leaf)(struct ch_walk *w, const struct query_node *n, bool denied);
};
int ch_walk(struct ch_walk *w, const struct query *q, const char *time);
/* What cannot be said: all when it is asked for, nothing when it is denied. */
void ch_unsaid(struct ch_walk *w, bool denied);
/* A text column's test by pattern. */
void ch_text(struct ch_walk *w, const char *column, const struct pattern *p, bool denied);
/* The column, 16 bytes wide, lies in the net; its family is the caller's to ask. */
void ch_net(struct ch_walk *w, const char *column, const struct prefix *net);

/* Pages of rows, newest first, whatever is in them. */
struct ch_rows_of {
    void (*columns)(struct buf *sql); /* behind seq */
    int (*where)(const struct query *q, struct buf *sql, bool *exact);
    bool (*read)(void *ctx, rd *r, uint64_t seq);    /* false: it cannot be; r->bad: it is not whole yet */
    bool (*match)(void *ctx, const struct query *q); /* the row that was read */
    bool (*give)(void *ctx);                         /* false: enough */
    void *ctx;
};
int ch_pages(struct ch *c, const struct query *q, const struct search_opts *o, const struct ch_rows_of *of,
             struct search_stats *st, struct err *e);

/* Groups that are counted over there, whatever rows they are of. */
struct ch_groups_of {
    const char *time; /* the column of histograms */
    int (*where)(const struct query *q, struct buf *sql, bool *exact);
    bool (*fits)(const struct query_step *s);
    void (*key)(struct buf *sql, unsigned field, size_t i);   /* ", .. AS k<i>" */
    void (*group)(struct buf *sql, unsigned field, size_t i); /* "k<i>", all that key names */
    void (*value)(unsigned field, rd *r, char scratch[VALUE_SCRATCH], struct source_value *out);
    void (*of)(struct buf *sql, const struct query_step *s); /* NULL: only counts */
    void (*of_read)(const struct query_step *s, rd *r, struct source_value *best, struct source_group *out);
    const char *(*order)(const struct query_step *s); /* NULL: by count */
};
int ch_groups(struct ch *c, const struct query *q, const struct search_opts *o, const struct ch_groups_of *of,
              source_group_fn *fn, void *ctx, struct search_stats *st, struct err *e);

/* RowBinary (ClickHouse's own row format): numbers little-endian, strings with a LEB128 length. */
void ch_put_string(struct buf *b, str s);
void ch_quote(struct buf *sql, str s); /* a string literal, any bytes */
#endif
