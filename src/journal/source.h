/* Sources of rows: what the query language is asked of. Logs are one, flows,
 * findings and history are others; each declares its fields, so that one
 * parser checks names and values, and hands over rows, so that the pipes run
 * over any of them. A source lives as long as every query that names it.
 *
 * A value's text points into the row, into static text or into the scratch that
 * the asker gave; it holds until the row function returns. */
#ifndef LUY_JOURNAL_SOURCE_H
#define LUY_JOURNAL_SOURCE_H
#include "base/err.h"
#include "base/ip.h"

enum { VALUE_SCRATCH = 64 };
enum value_type {
    VT_NONE,     /* the row has none */
    VT_BOOL,     /* num is 0 or 1 */
    VT_INT,      /* num */
    VT_DECIMAL,  /* text, a JSON number exactly as it stood */
    VT_DURATION, /* num, ns */
    VT_TIME,     /* num, ns since 1970 UTC */
    VT_IP,       /* ip */
    VT_TEXT      /* text, any bytes */
};
struct source_value {
    enum value_type type;
    int64_t num;
    struct ip ip;
    str text;
};

struct source_field {
    const char *name;          /* as typed: lower case, digits, underscores, points */
    enum value_type type;      /* what its values are, where they are not VT_NONE */
    const char *label;         /* message key */
    const char *const *values; /* every text it can have, NULL-terminated; NULL: open */
};

struct row_source;
struct source_row {
    const struct row_source *source;
    const void *data; /* the source's own */
    uint64_t seq;     /* falls from row to row; to page on with search_opts.before_seq; 0 = cannot */
};
/* false ends the scan well. */
typedef bool source_row_fn(void *ctx, const struct source_row *r);

/* A group of rows, as a source that adds up by itself hands it over. */
struct source_group {
    const struct source_value *by;   /* as many as the step has; of a histogram the start of the bucket first */
    uint64_t count;                  /* rows */
    __int128 sum;                    /* of the step's `of`, whole numbers; where it has one */
    const struct source_value *best; /* min, max, p50, p99: the step's answer for the group; else NULL */
};
typedef bool source_group_fn(void *ctx, const struct source_group *g); /* false: enough */

struct query;
struct search_opts;
struct search_stats;
struct row_source {
    const char *name;  /* "flows", as in from:flows */
    const char *label; /* message key */
    const struct source_field *fields;
    size_t nfields;
    unsigned time; /* the field that since:, until: and histogram mean */
    void (*get)(const struct source_row *r, unsigned field, char scratch[VALUE_SCRATCH], struct source_value *out);
    /* Newest first. Every row that fits q comes; rows that do not fit may come
     * too, the caller asks query_row_match(). What the source can leave out by
     * q->since_ns, q->until_ns and the tree it should. o: before_seq, deadline,
     * cancel and progress are kept; limit is the caller's affair. 0, -ETIME and
     * -ECANCELED after good rows, or another negative error. */
    int (*scan)(void *ctx, const struct query *q, const struct search_opts *o, source_row_fn *fn, void *fn_ctx,
                struct search_stats *st, struct err *e);
    void *ctx;
    /* May be NULL. The query's first step, one that makes groups,
     * without giving rows away: every group (a histogram's begins with its time), or of more than `want` at least the
     * `want` largest with all that are as large as the last of them. st->hits: rows that fit, in groups or not. 1: not
     * this step or query, nothing was handed over; else as scan. */
    int (*fold)(void *ctx, const struct query *q, const struct search_opts *o, uint64_t want, source_group_fn *fn,
                void *fn_ctx, struct search_stats *st, struct err *e);
    void *more; /* what get needs beside the row, the source's own */
    bool lines; /* rows are log lines: fields are those of logs, data is a struct hit, a row's source is logs */
};
/* Index of the field of that name, ASCII case ignored; -1 when there is none. */
int source_field_find(const struct row_source *s, str name);

/* A value as text: numbers, times (RFC 3339), durations (1h30m) and addresses into scratch. */
str source_value_text(const struct source_value *v, char scratch[VALUE_SCRATCH]);
/* By number where both are, else by address, else by text; none first. */
int source_value_cmp(const struct source_value *a, const struct source_value *b);
const char *value_type_name(enum value_type t); /* "text", "int", ..; "any" for VT_NONE */

/* Fields of log lines that are found by reading the message, given from above
 * (decoders are no affair of the journal's). May be asked from any thread. */
struct event;
struct field_resolver {
    const struct source_field *fields;
    size_t nfields;
    /* VT_NONE when the line has no such field. */
    void (*get)(void *ctx, const struct event *ev, unsigned field, char scratch[VALUE_SCRATCH],
                struct source_value *out);
    void *ctx;
};
#endif
