/* Memory by lifetime: a piece of work owns an arena and ends with one release.
 * Blocks are chained; the sum never passes `max`. Not thread-safe. */
#ifndef LUY_BASE_ARENA_H
#define LUY_BASE_ARENA_H
#include "base/str.h"
#include <stdarg.h>

struct arena_block;
struct arena {
    struct arena_block *head;
    size_t used, max;
    bool failed;
};

struct arena arena_init(size_t max);
/* Zeroed, aligned to 16; NULL when the ceiling or the machine says no, and
 * then a->failed stays true until arena_clear. */
void *arena_alloc(struct arena *a, size_t n);
#define arena_new(a, T)      ((T *)arena_alloc((a), sizeof(T)))
#define arena_array(a, T, k) ((T *)arena_calloc((a), (k), sizeof(T)))
void *arena_calloc(struct arena *a, size_t k, size_t size); /* checks k*size */
str arena_str(struct arena *a, str s);                      /* a copy, NUL after it */
char *arena_cstr(struct arena *a, str s);
str arena_fmt(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void arena_clear(struct arena *a); /* reusable, keeps one block */
void arena_free(struct arena *a);
#endif
