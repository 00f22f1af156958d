/* A query over a block of rows, all rows at once: each node of the tree turns
 * a set of rows into the set of those that fit. Says exactly what
 * query_match() says row by row; a property test holds the two together.
 * One evaluator a search. */
#ifndef LUY_JOURNAL_EVAL_H
#define LUY_JOURNAL_EVAL_H
#include "journal/query-int.h"
#include "journal/rows.h"

struct eval {
    struct rows *rows;
    uint32_t n;
    /* Fills columns of a stored block; NULL: all are there. */
    int (*load)(void *ctx, unsigned cols);
    void *ctx;
    /* Asked now and then; below 0 ends. NULL: never. A hostile pattern on long
     * lines may keep one block busy for seconds. */
    int (*check)(void *ctx);
    void *check_ctx;
    uint64_t **level; /* scratch sets by depth */
    size_t nlevels, words_cap;
};
void eval_init(struct eval *ev);
void eval_done(struct eval *ev);
/* Begins a block of n rows; the set to fill, all rows in it. NULL: no memory. */
uint64_t *eval_begin(struct eval *ev, struct rows *r, uint32_t n);
int eval_query(struct eval *ev, const struct query *q, bool check_time, uint64_t *bits);
uint64_t bits_count(const uint64_t *bits, uint32_t n);
static inline size_t bits_words(uint32_t n) { return ((size_t)n + 63) / 64; }
unsigned eval_field_cols(enum query_field f); /* COL_* behind a field's text */
#endif
