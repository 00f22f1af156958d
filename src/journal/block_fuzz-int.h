/* A good block in parts, none of them compressed, to be changed and put together
 * again by block_fuzz.c and search_fuzz.c. Aborts where the good one cannot be made. */
#ifndef LUY_JOURNAL_BLOCK_FUZZ_INT_H
#define LUY_JOURNAL_BLOCK_FUZZ_INT_H
#include "journal/block.h"

enum {
    FUZZ_SALT = 7,
    FUZZ_ROWS_MAX = 1 << 20,
    FUZZ_BYTES = 1 << 18,
    FUZZ_BLOCK = 2 * FUZZ_BYTES + BLOCK_HEAD_BYTES,
};
struct fuzz_parts {
    struct block_head head;
    uint8_t dir[FUZZ_BYTES], pages[FUZZ_BYTES];
    size_t dir_n, pages_n;
};
struct rows *fuzz_rows(void); /* its events */
void fuzz_unpack(struct fuzz_parts *out);
/* A list of changes: u16 place, u8 value; first places of the directory, then of the pages. */
void fuzz_change(struct fuzz_parts *p, const uint8_t *list, size_t n);
/* The parts as a block, with lengths and checksums that fit; bytes of it, 0: too long. */
size_t fuzz_pack(struct fuzz_parts *p, uint8_t out[FUZZ_BLOCK]);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
#endif
