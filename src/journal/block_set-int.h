/* Distinct values of one column of a block with their counts, for the encoder. */
#ifndef LUY_JOURNAL_BLOCK_SET_INT_H
#define LUY_JOURNAL_BLOCK_SET_INT_H
#include "journal/block.h"

enum { SET_VALUES_MAX = 4096, SET_SLOTS = 16384, SET_BYTES_MAX = 128 << 10 };
struct value_set {
    struct {
        uint32_t off, len, count, hash;
    } v[SET_VALUES_MAX];
    uint16_t slot[SET_SLOTS]; /* number + 1; 0 = free */
    uint32_t n, last;
    struct buf bytes;
    bool full;
};
void value_set_init(struct value_set *s);
void value_set_done(struct value_set *s);
void value_set_clear(struct value_set *s);
/* Counts v; past the ceilings the set is full and takes nothing more. */
void value_set_add(struct value_set *s, str v, uint64_t seed);
void value_set_write(const struct value_set *s, struct buf *out); /* nothing when full */
#endif
