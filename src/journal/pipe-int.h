/* The stages behind pipe.h. */
#ifndef LUY_JOURNAL_PIPE_INT_H
#define LUY_JOURNAL_PIPE_INT_H
#include "base/map.h"
#include "journal/pipe.h"
#include "journal/query-int.h"

struct stage {
    const struct query_step *s;
    size_t by[QUERY_FIELDS_MAX], of, at; /* places in the row that comes; at: HISTOGRAM's time */
    enum value_type of_type;
    size_t in, out;   /* values a row that comes, that goes on */
    uint64_t keep;    /* SORT, TOP: rows wanted in the end; 0 = all */
    uint64_t passed;  /* LIMIT */
    struct map seen;  /* UNIQUE */
    struct groups *g; /* COUNT, HISTOGRAM, AGGREGATE, TOP with by */
    struct kept *k;   /* SORT, TOP without by */
};
struct pipe {
    const struct query *q;
    struct query_ref first[PIPE_COLUMNS_MAX]; /* what is read of a source's row */
    size_t nfirst;
    size_t shown; /* of them, shown when no step makes columns */
    struct stage stage[QUERY_PIPES_MAX];
    size_t nstages;
    struct pipe_stats *st;
    pipe_fn *fn;
    void *ctx;
    uint64_t max;
    struct buf key;
    uint64_t folded; /* rows in groups that the source added up */
    int rc;          /* -ENOMEM */
    struct err *e;
};
/* Gives a row to stage k (or to the caller, behind the last). false: enough. */
bool pipe_push(struct pipe *p, size_t k, const struct source_value *v, size_t n);
/* Values as bytes that are equal when they are. */
str pipe_key(struct pipe *p, const struct source_value *v, const size_t *at, size_t n);

/* pipe_group.c */
bool groups_add(struct pipe *p, struct stage *s, const struct source_value *v);
bool groups_end(struct pipe *p, size_t k); /* hands all over to stage k + 1 */
/* A group that the source has added up. */
bool groups_put(struct pipe *p, struct stage *s, const struct source_group *g);
void groups_free(struct groups *g);
/* pipe_keep.c */
bool kept_add(struct pipe *p, struct stage *s, const struct source_value *v, size_t n);
bool kept_end(struct pipe *p, size_t k);
void kept_free(struct kept *k);
#endif
