/* Periods, due days and notice of duties. Pure; the calendar is constant. */
#include "judge/duty.h"

bool month_day_parse(str s, int *month, int *day)
{
    static const int most[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint64_t m, d;

    if (s.n != 5 || s.p[2] != '-' || !str_u64(str_sub(s, 0, 2), &m) || !str_u64(str_sub(s, 3, 2), &d))
        return false;
    if (m < 1 || m > 12 || d < 1 || d > (uint64_t)most[m - 1])
        return false;
    *month = (int)m;
    *day = (int)d;
    return true;
}

/* A day that the month does not have is its last one. */
static int64_t date_at(int year, int month, int day)
{
    int y, m, d;
    int64_t t;

    do {
        t = days_from_civil(year, month, day--);
        civil_from_days(t, &y, &m, &d);
    } while (m != month);
    return t;
}

static int months_of(const struct duty_rule *r) { return r->dated ? 12 : r->period.months; }

/* The beginning of period k of the year's anchor; k may run past the year. */
static int64_t period_start(const struct duty_rule *r, int year, int k)
{
    int months = (r->dated ? 1 : r->anchor_month) - 1 + k * months_of(r);

    return date_at(year + months / 12, months % 12 + 1, r->dated ? 1 : r->anchor_day);
}

static void key_of(const struct duty_rule *r, struct duty_period *p)
{
    int y, m, d, n = months_of(r);

    civil_from_days(p->from, &y, &m, &d);
    if (d != 1 || (m - 1) % n != 0 || n > 12)
        date_fmt(p->from, p->key, sizeof(p->key));
    else if (n == 12)
        snprintf(p->key, sizeof(p->key), "%04d", y);
    else if (n == 6 || n == 3 || n == 4)
        snprintf(p->key, sizeof(p->key), "%04d-%c%d", y, n == 6 ? 'H' : n == 3 ? 'Q' : 'T', (m - 1) / n + 1);
    else
        snprintf(p->key, sizeof(p->key), "%04d-%02d", y, m);
}

static void period_fill(const struct duty_rule *r, const struct calendar *cal, int year, int k, struct duty_period *p)
{
    int y, m, d;

    *p = (struct duty_period){
        .from = period_start(r, year, k), .to = period_start(r, year, k + 1) - 1, .notice = INT64_MIN};
    p->due = p->to;
    if (r->dated) {
        civil_from_days(p->from, &y, &m, &d);
        p->due = date_at(y, r->due_month, r->due_day) - (r->before ? 1 : 0);
    }
    if (r->notice_workdays > 0)
        p->notice = calendar_add_workdays(cal, p->due, -r->notice_workdays);
    else if (r->notice_days > 0)
        p->notice = p->due - r->notice_days;
    key_of(r, p);
}

void duty_period_at(const struct duty_rule *r, const struct calendar *cal, int64_t day, struct duty_period *out)
{
    int y, m, d, k = 0, n = months_of(r), year;

    civil_from_days(day, &y, &m, &d);
    /* Periods are counted from the anchor of a year; one longer than a year
     * from the anchor of a fixed one, so that it does not start anew in between. */
    year = n <= 12 && 12 % n == 0 ? y - 1 : 2000;
    if (12 % n != 0)
        k = ((y - 1 - year) * 12) / n;
    while (k > 0 && period_start(r, year, k) > day)
        k--;
    while (period_start(r, year, k + 1) <= day)
        k++;
    period_fill(r, cal, year, k, out);
}

void duty_period_before(const struct duty_rule *r, const struct calendar *cal, const struct duty_period *p,
                        struct duty_period *out)
{
    duty_period_at(r, cal, p->from - 1, out);
}

void duty_period_after(const struct duty_rule *r, const struct calendar *cal, const struct duty_period *p,
                       struct duty_period *out)
{
    duty_period_at(r, cal, p->to + 1, out);
}

/* How early a duty is shown follows the length of its period, so that a
 * monthly one is not always "soon". */
enum duty_state duty_state_at(const struct duty_period *p, int64_t today, bool done)
{
    int64_t length = p->to - p->from + 1;
    int64_t due_from = p->due - (length / 10 < 7 ? length / 10 : 7);
    int64_t soon = length / 4 < 45 ? length / 4 : 45;

    if (done)
        return DUTY_DONE;
    if (today > p->due)
        return DUTY_LATE;
    if (p->notice != INT64_MIN && p->notice < due_from)
        due_from = p->notice;
    if (today >= due_from)
        return DUTY_DUE;
    return today >= due_from - soon ? DUTY_SOON : DUTY_LATER;
}

const char *duty_state_name(enum duty_state s)
{
    static const char *const names[] = {"later", "soon", "due", "late", "done"};

    return names[s];
}
