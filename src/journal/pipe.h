/* The steps of a query (| count by src | top 10) over the rows of any source.
 * Rows stream through; what must be kept (groups, rows to sort, values seen) has
 * ceilings in number and in bytes, and what passes them is counted and told:
 * sums of counts stay exact. One run, one thread.
 *
 * Numbers are added exactly, with nine places; avg is rounded to nine places,
 * half away from zero; p50 and p99 are the nearest rank. Values that are no
 * numbers, or have more places, are left out of sums and counted in `skipped`. */
#ifndef LUY_JOURNAL_PIPE_H
#define LUY_JOURNAL_PIPE_H
#include "journal/journal.h"

enum {
    PIPE_COLUMNS_MAX = 64,
    PIPE_GROUPS_MAX = 50000,
    PIPE_SORT_MAX = 50000, /* rows, where no limit follows */
    PIPE_UNIQUE_MAX = 200000,
    PIPE_VALUES_MAX = 2000000, /* behind p50 and p99, all groups together; a fair sample past it */
    PIPE_BYTES_MAX = 64 << 20, /* a step's memory for texts */
};
struct pipe_column {
    str name;
    enum value_type type; /* VT_NONE: by the value */
};
struct pipe_stats {
    struct search_stats scan; /* hits: rows that fit the query */
    uint64_t rows;            /* handed over */
    uint64_t other;           /* rows that passed a ceiling and are in no group, or were not kept */
    uint64_t skipped;         /* values left out of a sum */
    uint64_t last_seq;        /* of the last row read; 0 = none or not known */
    bool sampled;             /* p50 and p99 come from a sample */
    uint64_t short_by;        /* approximate, too many groups: each count or sum may be so much more; 0 = exact */
};
/* A row of the result; the values hold until it returns. false: enough. */
typedef bool pipe_fn(void *ctx, const struct source_value *v, size_t n);

/* The columns of the result, at most PIPE_COLUMNS_MAX; returns how many. */
size_t pipe_columns(const struct query *q, struct pipe_column out[PIPE_COLUMNS_MAX]);
/* `from` is q->source with a scan. max: rows to hand over. After -ETIME or
 * -ECANCELED what was read was handed over, and is right but not all. */
int pipe_run(const struct query *q, const struct row_source *from, const struct search_opts *o, uint64_t max,
             pipe_fn *fn, void *ctx, struct pipe_stats *st, struct err *e);
#endif
