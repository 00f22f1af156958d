/* What an import asks about a row and does not wait for: told when the rows of the group are done. Nothing that is
 * written meanwhile depends on the answer, as one mistake takes all of it back. */
#ifndef LUY_REGISTRY_LATE_INT_H
#define LUY_REGISTRY_LATE_INT_H
#include "base/map.h"
#include "registry/registry-int.h"

struct late_ask {
    struct late_ask *next;
    struct late *of;
    const struct kind *k;
    str field;     /* where the mistake is told */
    int64_t mark;  /* whose row */
    int64_t rec;   /* its record, where that is known; or 0 */
    struct err *e; /* the mistake; NULL: none */
};
struct late {
    struct arena a; /* of a group */
    struct map bad; /* records that late_bad named */
    struct late_ask *first, **tail;
};
void late_init(struct late *x);
void late_clear(struct late *x); /* the group is over */
void late_done(struct late *x);

bool late_now(const struct write *w); /* this write's questions are put off */
/* One more, in the order of the rows; the caller asks by tx_ask. NULL: no memory. */
struct late_ask *late_add(struct write *w, const struct kind *k, str field, int64_t rec);
/* For the callback of the answer: where the mistake goes; NULL: no memory, which group_end tells. */
struct err *late_mistake(struct late_ask *l);
/* A record that would not have been written if the answer had been waited for. */
void late_bad(struct late_ask *l);
bool late_is_bad(const struct late *x, int64_t rec);
#endif
