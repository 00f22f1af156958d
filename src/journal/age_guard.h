/* A clock that leaps ahead would make everything old at once. When it does (more than an
 * hour), or stands more than seven days past the newest record at the start, age deletes
 * nothing for a day: time enough for a person, or for the time server, to put it right. */
#ifndef LUY_JOURNAL_AGE_GUARD_H
#define LUY_JOURNAL_AGE_GUARD_H
#include "base/clock.h"
#include <stdatomic.h>

struct age_guard {
    int64_t gap; /* wall less monotonic as last seen */
    bool seen;
    _Atomic int64_t hold; /* no deletion by age before this (monotonic) */
};
/* Looks at the clock; one thread's, before it deletes by age. newest: wall time of the newest record, asked for
 * the first time only; INT64_MIN: none. A leap is logged as `event`. */
void age_guard_look(struct age_guard *g, const struct clock *clk, int64_t newest, const char *event);
/* True while a leap forbids deletion by age. Any thread. */
bool age_guard_holds(struct age_guard *g, const struct clock *clk);
#endif
