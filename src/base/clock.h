/* Time is passed in. Wall time is ns since 1970 UTC in int64_t ("ns"); a test
 * owns a clock it sets by hand. */
#ifndef LUY_BASE_CLOCK_H
#define LUY_BASE_CLOCK_H
#include "base/err.h"

#define NS_PER_S  1000000000LL
#define NS_PER_MS 1000000LL

struct clock {
    int64_t (*wall)(const struct clock *c); /* ns since the epoch */
    int64_t (*mono)(const struct clock *c); /* ns, never goes back */
    int64_t set_wall, set_mono;             /* used by clock_manual only */
};
extern const struct clock clock_system;
struct clock clock_manual(int64_t wall);
void clock_advance(struct clock *c, int64_t ns);
static inline int64_t clock_wall(const struct clock *c) { return c->wall(c); }
static inline int64_t clock_mono(const struct clock *c) { return c->mono(c); }

/* RFC 3339, at least "YYYY-MM-DD" (midnight UTC); fraction to 9 digits; Z or
 * offset (absent = UTC). False when malformed or outside years 1678..2261. */
bool time_parse(str s, int64_t *ns);
/* "2026-11-21T09:30:00.123456789Z"; digits = 0, 3, 6 or 9. cap >= 32. */
size_t time_fmt(int64_t ns, int digits, char *out, size_t cap);
/* Days since 1970-01-01 and back, proleptic Gregorian. */
int64_t days_from_civil(int y, int m, int d);
void civil_from_days(int64_t days, int *y, int *m, int *d);
#endif
