/* For unit tests: cmocka with its includes, slices in assertions, and the
 * pseudo-random numbers of property tests (fixed seeds: a failure repeats). */
#ifndef LUY_BASE_TEST_INT_H
#define LUY_BASE_TEST_INT_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/str.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static inline void assert_str_at(str got, const char *want, const char *file, int line)
{
    if (!str_eq(got, str_c(want))) {
        print_error("got \"%.*s\", want \"%s\"\n", STR_ARGS(got), want);
        _fail(file, line);
    }
}
#define assert_str(got, want) assert_str_at((got), (want), __FILE__, __LINE__)

/* xorshift64*: small, repeatable, good enough to shake a parser. */
static inline uint64_t prng(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1du;
}
#endif
