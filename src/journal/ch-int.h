/* The ClickHouse client's body: nodes, requests, rows of an answer. */
#ifndef LUY_JOURNAL_CH_INT_H
#define LUY_JOURNAL_CH_INT_H
#include "journal/ch.h"
#include "base/rd.h"
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
const char *ch_table(const struct ch *c); /* to be asked: "event" or "event_local" */

/* RowBinary (ClickHouse's own row format): numbers little-endian, strings with a LEB128 length. */
void ch_put_string(struct buf *b, str s);
void ch_quote(struct buf *sql, str s); /* a string literal, any bytes */
#endif
