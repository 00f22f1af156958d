/* Obligations in time: pure dates. A duty recurs; each period has a day on
 * which it is due (the day itself still counts) and a day from which notice
 * must have gone out. */
#ifndef LUY_JUDGE_DUTY_H
#define LUY_JUDGE_DUTY_H
#include "base/calendar.h"

struct duty_rule {
    struct duration period;       /* P1M, P3M, P6M, P1Y; whole months */
    int anchor_month, anchor_day; /* where the first period of a year begins */
    bool dated, before;           /* yearly on a day of its own; before: the day is excluded */
    int due_month, due_day;
    int notice_workdays, notice_days; /* one of them, or neither (0) */
};
enum duty_state { DUTY_LATER, DUTY_SOON, DUTY_DUE, DUTY_LATE, DUTY_DONE };
struct duty_period {
    int64_t from, to; /* first and last day */
    int64_t due;      /* last day on which it is in time */
    int64_t notice;   /* INT64_MIN: no notice is asked */
    char key[24];     /* "2026", "2026-H2", "2026-Q3", "2026-07", or the first day */
};
bool month_day_parse(str s, int *month, int *day); /* "12-10" */
/* The period that holds day. */
void duty_period_at(const struct duty_rule *r, const struct calendar *cal, int64_t day, struct duty_period *out);
void duty_period_before(const struct duty_rule *r, const struct calendar *cal, const struct duty_period *p,
                        struct duty_period *out);
void duty_period_after(const struct duty_rule *r, const struct calendar *cal, const struct duty_period *p,
                       struct duty_period *out);
enum duty_state duty_state_at(const struct duty_period *p, int64_t today, bool done);
const char *duty_state_name(enum duty_state s);
#endif
