/* Finding a literal in bytes, ASCII case ignored: the inner loop of search.
 * Pure; any thread. */
#ifndef LUY_JOURNAL_SCAN_H
#define LUY_JOURNAL_SCAN_H
#include "base/str.h"

/* A needle looks for its two rarest bytes at once, then compares the rest. */
struct needle {
    str text;               /* lower case, not owned */
    uint32_t i, j;          /* places of the two bytes */
    uint8_t ci, cj, mi, mj; /* the bytes, and 0x20 where case must be folded away */
};
void needle_init(struct needle *nd, str lower);
/* Start of the first match at or behind `from`, SIZE_MAX when none. */
bool needle_is(const struct needle *nd, str s); /* the whole of s */
size_t needle_find(const struct needle *nd, str hay, size_t from);
static inline uint8_t byte_lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? c | 0x20 : c; }
#endif
