/* Decimal numbers as text, of any length and exact: "-12.50", "1e3",
 * "18446744073709551616". JSON's grammar (RFC 8259, 6), and leading zeros and
 * a plus sign too, as people and log lines write them. Pure, any thread. */
#ifndef LUY_JOURNAL_DECIMAL_H
#define LUY_JOURNAL_DECIMAL_H
#include "base/buf.h"
#include "base/str.h"

struct decimal {
    str digits;  /* slice of the text: from its first to its last digit that is not zero, a point may stand within */
    int64_t top; /* the first digit's worth is 10^(top-1); zero: digits.n == 0 */
    bool neg;
};
bool decimal_parse(str s, struct decimal *out); /* all of s; exponents of at most 6 digits */
int decimal_cmp(const struct decimal *a, const struct decimal *b);

/* The same as a count of 10^-9, for sums. */
typedef __int128 fixed9;
#define FIXED9_ONE ((fixed9)1000000000)
bool decimal_fixed(const struct decimal *d, fixed9 *out); /* false: more than 9 places, or 10^29 and above */
void fixed9_print(fixed9 v, struct buf *out);             /* shortest: 12.5, 3 */
#endif
