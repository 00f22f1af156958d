/* Dates, ISO 8601 durations and working days. A date is days since 1970-01-01
 * in local civil time; Viet Nam has one zone, UTC+7, no daylight saving.
 * Holidays and moved working days are data (calendar/vn.tsv). */
#ifndef LUY_BASE_CALENDAR_H
#define LUY_BASE_CALENDAR_H
#include "base/clock.h"

struct duration {
    int32_t months, days;
    int64_t seconds;
};                                                /* P1Y2M3DT4H5M6S */
bool duration_parse(str s, struct duration *out); /* whole string; weeks too */
size_t duration_fmt(struct duration d, char *out, size_t cap);
/* Month arithmetic clips to the last day: 31 Aug + P6M = 28 Feb. sign is +1 or -1. */
int64_t time_add(int64_t ns, struct duration d, int sign);
int64_t date_add(int64_t days, struct duration d, int sign); /* seconds ignored */
bool date_parse(str s, int64_t *days);                       /* YYYY-MM-DD, also d/m/YYYY */
size_t date_fmt(int64_t days, char *out, size_t cap);        /* YYYY-MM-DD */
int64_t date_of(int64_t ns);                                 /* local date of an instant (UTC+7) */
int64_t date_start(int64_t days);                            /* ns of local midnight */

struct calendar; /* NULL: only weekends are off */
/* Text lines: "YYYY-MM-DD<TAB>off|work<TAB>vi<TAB>en"; '#' comments. A Saturday
 * or Sunday is off unless "work" says otherwise. All mistakes go to errs. */
int calendar_parse(str text, const char *name, struct calendar **out, struct errs *es);
void calendar_free(struct calendar *c);
bool calendar_is_workday(const struct calendar *c, int64_t day);
/* What the file says of a day ("Tết Nguyên đán"); STR_NONE when it says nothing. */
str calendar_day_name(const struct calendar *c, int64_t day, enum lang lang);
/* The day that lies n working days before (n<0) or after day. */
int64_t calendar_add_workdays(const struct calendar *c, int64_t day, int n);
#endif
