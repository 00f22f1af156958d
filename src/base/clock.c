/* Clocks that are passed in, and RFC 3339 text. Any thread; a manual clock
 * belongs to the test that made it. */
#include "base/clock.h"

enum { S_PER_DAY = 86400 };

static int64_t now_of(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int64_t system_wall(const struct clock *c) { return now_of(CLOCK_REALTIME); }
static int64_t system_mono(const struct clock *c) { return now_of(CLOCK_MONOTONIC); }
static int64_t manual_wall(const struct clock *c) { return c->set_wall; }
static int64_t manual_mono(const struct clock *c) { return c->set_mono; }

const struct clock clock_system = {.wall = system_wall, .mono = system_mono};

struct clock clock_manual(int64_t wall)
{
    return (struct clock){.wall = manual_wall, .mono = manual_mono, .set_wall = wall, .set_mono = NS_PER_S};
}

void clock_advance(struct clock *c, int64_t ns)
{
    c->set_wall += ns;
    if (ns > 0)
        c->set_mono += ns;
}

/* Civil date and day number, in 400-year eras that begin on 1 March, so that
 * the leap day is the last of its year. */
int64_t days_from_civil(int y, int m, int d)
{
    int64_t year = (int64_t)y - (m <= 2);
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t yoe = year - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;

    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void civil_from_days(int64_t days, int *y, int *m, int *d)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;

    *d = (int)(doy - (153 * mp + 2) / 5 + 1);
    *m = (int)(mp < 10 ? mp + 3 : mp - 9);
    *y = (int)(yoe + era * 400 + (*m <= 2));
}

/* Exactly n digits at *s, which moves on. */
static bool digits(str *s, size_t n, int *out)
{
    int v = 0;

    if (s->n < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        v = v * 10 + (s->p[i] - '0');
    }
    *s = str_sub(*s, n, s->n);
    *out = v;
    return true;
}

static bool one_of(str *s, const char *set)
{
    if (s->n == 0 || s->p[0] == '\0' || strchr(set, s->p[0]) == NULL)
        return false;
    *s = str_sub(*s, 1, s->n);
    return true;
}

static bool civil_date(str *s, int64_t *day)
{
    int y, m, d, y2, m2, d2;

    if (!digits(s, 4, &y) || !one_of(s, "-") || !digits(s, 2, &m) || !one_of(s, "-") || !digits(s, 2, &d))
        return false;
    if (y < 1678 || y > 2261 || m < 1 || m > 12 || d < 1)
        return false;
    *day = days_from_civil(y, m, d);
    civil_from_days(*day, &y2, &m2, &d2);
    return d2 == d && m2 == m;
}

static bool fraction(str *s, int64_t *ns)
{
    int64_t unit = NS_PER_S;
    int digit;

    *ns = 0;
    if (!one_of(s, ".,"))
        return true;
    if (!digits(s, 1, &digit))
        return false;
    do {
        unit /= 10;
        if (unit == 0)
            return false;
        *ns += digit * unit;
    } while (digits(s, 1, &digit));
    return true;
}

static bool zone(str *s, int64_t *seconds)
{
    int h, m;

    *seconds = 0;
    if (s->n == 0 || one_of(s, "Zz"))
        return true;
    int sign = s->p[0] == '-' ? -1 : 1;
    if (!one_of(s, "+-") || !digits(s, 2, &h) || !one_of(s, ":") || !digits(s, 2, &m) || h > 23 || m > 59)
        return false;
    *seconds = sign * (h * 3600 + m * 60);
    return true;
}

/* A leap second (:60, RFC 3339 5.7) counts as the second after it. */
static bool time_of_day(str *s, int64_t *seconds, int64_t *ns)
{
    int h, m, sec = 0;

    if (!digits(s, 2, &h) || !one_of(s, ":") || !digits(s, 2, &m) || h > 23 || m > 59)
        return false;
    *ns = 0;
    if (one_of(s, ":") && (!digits(s, 2, &sec) || sec > (m == 59 ? 60 : 59) || !fraction(s, ns)))
        return false;
    *seconds = h * 3600 + m * 60 + sec;
    return true;
}

bool time_parse(str s, int64_t *ns)
{
    int64_t day, sec = 0, frac = 0, off = 0;

    if (!civil_date(&s, &day))
        return false;
    if (s.n > 0 && (!one_of(&s, "Tt ") || !time_of_day(&s, &sec, &frac) || !zone(&s, &off) || s.n > 0))
        return false;
    *ns = (day * S_PER_DAY + sec - off) * NS_PER_S + frac;
    return true;
}

size_t time_fmt(int64_t ns, int ndigits, char *out, size_t cap)
{
    int64_t sec = ns / NS_PER_S, frac = ns % NS_PER_S;
    int y, m, d, width = ndigits < 0 ? 0 : ndigits > 9 ? 9 : ndigits;

    if (frac < 0) {
        frac += NS_PER_S;
        sec--;
    }
    int64_t day = sec / S_PER_DAY, left = sec % S_PER_DAY;
    if (left < 0) {
        left += S_PER_DAY;
        day--;
    }
    civil_from_days(day, &y, &m, &d);
    for (int i = width; i < 9; i++)
        frac /= 10;
    char tail[16] = "";
    if (width > 0)
        snprintf(tail, sizeof(tail), ".%0*lld", width, (long long)frac);
    int n = snprintf(out, cap, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", y, m, d, (int)(left / 3600), (int)(left / 60 % 60),
                     (int)(left % 60), tail);
    return n < 0 || cap == 0 ? 0 : (size_t)n < cap ? (size_t)n : cap - 1;
}
