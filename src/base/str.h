/* Text as pointer and length, passed by value. A str never owns its bytes and
 * is not NUL-terminated; a NUL appears only at the system call. */
#ifndef LUY_BASE_STR_H
#define LUY_BASE_STR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *p;
    size_t n;
} str;

#define STR(lit)    ((str){(lit), sizeof(lit) - 1})
#define STR_NONE    ((str){NULL, 0})
#define STR_ARGS(s) (int)(s).n, (s).p /* for "%.*s" */

str str_c(const char *z); /* NULL gives STR_NONE */
bool str_eq(str a, str b);
bool str_eq_nocase(str a, str b); /* ASCII case only */
int str_cmp(str a, str b);        /* bytes, then length */
bool str_starts(str s, str head);
bool str_ends(str s, str tail);
str str_trim(str s);                        /* space, tab, CR, LF at both ends */
str str_sub(str s, size_t off, size_t len); /* clipped to s */
size_t str_find(str s, str needle);         /* SIZE_MAX when absent */
/* Cuts off what stands before `sep`; *rest is what follows it (empty and
 * p==NULL when there is no further sep). False when *rest was already p==NULL. */
bool str_split(str *rest, char sep, str *head);
/* Whole string must be a number in range; false leaves *out alone. */
bool str_i64(str s, int64_t *out);
bool str_u64(str s, uint64_t *out);
uint64_t str_hash(str s, uint64_t seed);
#endif
