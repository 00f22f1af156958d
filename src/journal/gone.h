/* Numbers of what was deleted, as stretches that rise: told when it goes, asked when copies are cut (sealed.h). The
 * older half is forgotten past GONE_MAX stretches. The caller's lock. */
#ifndef LUY_JOURNAL_GONE_H
#define LUY_JOURNAL_GONE_H
#include <stddef.h>
#include <stdint.h>

enum { GONE_MAX = 4096 };
struct gone {
    struct gone_range {
        uint64_t first, next;
    } * v;
    size_t n, cap;
};
typedef void number_fn(void *ctx, uint64_t first, uint64_t next);
/* Once more is no more. Without memory they are not counted, and nothing else depends on it. */
void gone_add(struct gone *g, uint64_t first, uint64_t next);
void gone_numbers(const struct gone *g, uint64_t from, uint64_t to, number_fn *fn, void *ctx); /* of from..to-1 */
void gone_free(struct gone *g);
#endif
