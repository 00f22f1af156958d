/* Time stamps of syslog headers. Pure, but that each thread keeps the month, the
 * day and the stamp that it worked out last: lines seldom change them. A missing year is the one that puts the
 * stamp nearest to the second of receipt, so 31 December read on 1 January falls
 * into the old year and the reverse into the new one. 29 February far from any
 * leap year goes to the last one before. */
#include "intake/syslog-int.h"
#include "base/clock.h"

enum { YEAR_MIN = 1678, YEAR_MAX = 2261, YEAR_SEARCH = 8 /* 2096 to 2104 */ };

struct civil {
    int year, month, day, hour, minute, second, zone;
    uint32_t frac_ns;
    bool has_year;
};

/* A zone name alone counts only where no host could stand (before ':'), but for
 * UTC and GMT, which nobody calls a host. */
static const struct {
    const char name[4];
    uint8_t n;
    bool anywhere;
    int minutes;
} zones[] = {
    {"UTC", 3, true, 0},       {"GMT", 3, true, 0},       {"Z", 1, false, 0},
    {"ICT", 3, false, 7 * 60}, {"SGT", 3, false, 8 * 60}, {"JST", 3, false, 9 * 60},
};

static bool num2(const char *p, int *out)
{
    if (!is_digit(p[0]) || !is_digit(p[1]))
        return false;
    *out = (p[0] - '0') * 10 + p[1] - '0';
    return true;
}

static bool num4(const char *p, int *out)
{
    int hi, lo;

    if (!num2(p, &hi) || !num2(p + 2, &lo))
        return false;
    *out = hi * 100 + lo;
    return true;
}

/* hh:mm:ss[.fraction]; false leaves *pp. */
static bool clock_read(const char **pp, const char *end, struct civil *t)
{
    const char *p = *pp;
    uint32_t unit = 100000000;

    if (end - p < 8 || p[2] != ':' || p[5] != ':' || !num2(p, &t->hour) || !num2(p + 3, &t->minute) ||
        !num2(p + 6, &t->second))
        return false;
    p += 8;
    if (end - p >= 2 && (*p == '.' || *p == ',') && is_digit(p[1]))
        for (p++; p < end && is_digit(*p); p++, unit /= 10)
            t->frac_ns += unit * (uint32_t)(*p - '0');
    *pp = p;
    return true;
}

/* +hh:mm, -hhmm, +hh */
static bool offset_read(const char **pp, const char *end, int *minutes)
{
    const char *p = *pp;
    int h, m = 0;

    if (end - p < 3 || (*p != '+' && *p != '-') || !num2(p + 1, &h))
        return false;
    const char *q = p + 3;
    const char *mm = q < end && *q == ':' ? q + 1 : q;
    if (end - mm >= 2 && num2(mm, &m))
        q = mm + 2;
    else if (mm != q)
        return false;
    if (h > 18 || m > 59 || (q < end && is_digit(*q)))
        return false;
    *minutes = (*p == '-' ? -1 : 1) * (h * 60 + m);
    *pp = q;
    return true;
}

static bool leap(int y) { return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0; }

static bool date_ok(int y, int m, int d)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return m >= 1 && m <= 12 && d >= 1 && d <= days[m - 1] + (m == 2 && leap(y));
}

/* Day number of a month's first day. */
static int64_t month_begin(int year, int month)
{
    static _Thread_local struct {
        int year, month;
        int64_t begin;
    } last = {1970, 1, 0};

    if (last.year != year || last.month != month) {
        last.year = year;
        last.month = month;
        last.begin = days_from_civil(year, month, 1);
    }
    return last.begin;
}

static void month_of(int64_t day, int *year, int *month)
{
    static _Thread_local struct {
        int64_t day;
        int year, month;
    } last = {0, 1970, 1};

    if (last.day != day) {
        int d;
        last.day = day;
        civil_from_days(day, &last.year, &last.month, &d);
    }
    *year = last.year;
    *month = last.month;
}

static int64_t civil_ns(const struct civil *t, int year)
{
    int64_t s = (month_begin(year, t->month) + t->day - 1) * 86400 + t->hour * 3600 + t->minute * 60 + t->second;

    return (s - t->zone * 60) * NS_PER_S + t->frac_ns;
}

static int64_t second_of(int64_t ns) { return ns / NS_PER_S - (ns % NS_PER_S < 0); }

static bool year_infer(const struct civil *t, int64_t second, int64_t *ns)
{
    int64_t best = 0, received = second * NS_PER_S, local = second + t->zone * 60;
    bool found = false;
    int y, m;

    month_of((local - (local % 86400 + 86400) % 86400) / 86400, &y, &m);
    if (y <= YEAR_MIN + YEAR_SEARCH || y >= YEAR_MAX - YEAR_SEARCH)
        return false;
    if (date_ok(y, t->month, t->day) && t->month - m < 5 && m - t->month < 5) {
        *ns = civil_ns(t, y); /* the usual case: surely nearest */
        return true;
    }
    /* Only 29 February looks further: any other day is nearest in this year or one beside it. */
    bool leap_day = t->month == 2 && t->day == 29;
    int from = leap_day ? y - YEAR_SEARCH : y - (t->month > m), to = leap_day ? y + 1 : y + (t->month < m);
    for (int k = from; k <= to; k++) {
        if (!date_ok(k, t->month, t->day))
            continue;
        int64_t at = civil_ns(t, k);
        if (!found || llabs(at - received) < llabs(best - received))
            best = at, found = true;
    }
    if (found)
        *ns = best;
    return found;
}

static enum stamp civil_stamp(const struct civil *t, int64_t second, int64_t *ns)
{
    if (t->hour > 23 || t->minute > 59 || t->second > 59) /* 60: RFC 5424, 6.2.3 forbids it */
        return STAMP_BAD;
    if (!t->has_year)
        return year_infer(t, second, ns) ? STAMP_OK : STAMP_BAD;
    if (t->year < YEAR_MIN || t->year > YEAR_MAX || !date_ok(t->year, t->month, t->day))
        return STAMP_BAD;
    *ns = civil_ns(t, t->year);
    return STAMP_OK;
}

enum stamp stamp_iso(const char **pp, const char *end, int tz, int64_t *ns)
{
    const char *p = *pp;
    struct civil t = {.zone = tz, .has_year = true};

    if (end - p < 19 || !num4(p, &t.year) || (p[4] != '-' && p[4] != '/') || !num2(p + 5, &t.month) || p[7] != p[4] ||
        !num2(p + 8, &t.day) || (p[10] != 'T' && p[10] != ' ' && p[10] != 't'))
        return STAMP_NONE;
    p += 11;
    if (!clock_read(&p, end, &t))
        return STAMP_NONE;
    if (p < end && (*p == 'Z' || *p == 'z')) {
        p++;
        t.zone = 0;
    } else {
        offset_read(&p, end, &t.zone);
    }
    *pp = p;
    return civil_stamp(&t, 0, ns);
}

#define MONTH(a, b, c) ((uint32_t)(a) << 16 | (uint32_t)(b) << 8 | (uint32_t)(c))
static const uint32_t months[12] = {
    MONTH('j', 'a', 'n'), MONTH('f', 'e', 'b'), MONTH('m', 'a', 'r'), MONTH('a', 'p', 'r'),
    MONTH('m', 'a', 'y'), MONTH('j', 'u', 'n'), MONTH('j', 'u', 'l'), MONTH('a', 'u', 'g'),
    MONTH('s', 'e', 'p'), MONTH('o', 'c', 't'), MONTH('n', 'o', 'v'), MONTH('d', 'e', 'c'),
};

static int month_read(const char *p)
{
    uint32_t key = MONTH((uint8_t)p[0], (uint8_t)p[1], (uint8_t)p[2]) | 0x202020;

    for (int i = 0; i < 12; i++)
        if (months[i] == key)
            return i + 1;
    return 0;
}

static bool year_read(const char **pp, const char *end, struct civil *t)
{
    const char *p = *pp;
    int y;

    if (end - p < 4 || !num4(p, &y) || y < 1970 || y > 2199)
        return false;
    if (end - p > 4 && p[4] != ' ' && (p[4] != ':' || (end - p > 5 && p[5] != ' ')))
        return false; /* "2001:db8::1" is a host */
    t->year = y;
    t->has_year = true;
    *pp = p + 4;
    return true;
}

/* What may follow the clock, in any order, each once: a year, a zone. */
static void tail_read(const char **pp, const char *end, struct civil *t)
{
    for (bool more = true; more && end - *pp >= 2 && **pp == ' ';) {
        const char *p = *pp + 1;
        more = (!t->has_year && year_read(&p, end, t)) || offset_read(&p, end, &t->zone);
        for (size_t i = 0; !more && i < sizeof(zones) / sizeof(zones[0]); i++) {
            size_t n = zones[i].n;
            if (*p == zones[i].name[0] && (size_t)(end - p) > n && memcmp(p, zones[i].name, n) == 0 &&
                (p[n] == ':' || (zones[i].anywhere && p[n] == ' '))) {
                t->zone = zones[i].minutes;
                p += n;
                more = true;
            }
        }
        if (more)
            *pp = p;
    }
}

/* A stamp as most lines have it, "Mmm dd hh:mm:ss" and nothing else, as it was read last. */
enum { BSD_LEN = 15 };
static _Thread_local struct {
    char text[BSD_LEN];
    bool known;
    int tz;
    int64_t second, ns; /* of receipt; of the stamp */
} last_bsd;

static bool bsd_again(const char **pp, const char *end, int tz, int64_t second, int64_t *ns)
{
    const char *p = *pp + BSD_LEN;
    struct civil none = {.zone = tz};

    if (end - *pp < BSD_LEN || memcmp(*pp, last_bsd.text, BSD_LEN) != 0 || !last_bsd.known || last_bsd.tz != tz ||
        last_bsd.second != second || (p < end && (*p == '.' || *p == ',')))
        return false;
    tail_read(&p, end, &none);
    if (p != *pp + BSD_LEN)
        return false;
    *pp = p;
    *ns = last_bsd.ns;
    return true;
}

static void bsd_keep(const char *p, int tz, int64_t second, int64_t ns)
{
    memcpy(last_bsd.text, p, BSD_LEN);
    last_bsd.known = true;
    last_bsd.tz = tz;
    last_bsd.second = second;
    last_bsd.ns = ns;
}

enum stamp stamp_bsd(const char **pp, const char *end, int tz, int64_t received, int64_t *ns)
{
    const char *p = *pp;
    struct civil t = {.zone = tz};
    int64_t second = second_of(received);

    if (bsd_again(pp, end, tz, second, ns))
        return STAMP_OK;
    if (p < end && is_digit(*p)) { /* NX-OS: 2026 Mar  1 12:00:00 */
        if (!year_read(&p, end, &t) || p == end || *p != ' ')
            return STAMP_NONE;
        p++;
    }
    if (end - p < 14 || (t.month = month_read(p)) == 0 || p[3] != ' ')
        return STAMP_NONE;
    p += p[4] == ' ' ? 5 : 4;
    for (int k = 0; k < 2 && is_digit(*p); k++, p++)
        t.day = t.day * 10 + *p - '0';
    if (*p++ != ' ')
        return STAMP_NONE;
    if (!t.has_year && end - p > 8 && is_digit(p[2]) && year_read(&p, end, &t) && *p++ != ' ')
        return STAMP_NONE;
    if (!clock_read(&p, end, &t))
        return STAMP_NONE;
    const char *clock = p;
    tail_read(&p, end, &t);
    enum stamp st = civil_stamp(&t, second, ns);
    if (st == STAMP_OK && !t.has_year && p == clock && p == *pp + BSD_LEN)
        bsd_keep(*pp, tz, second, *ns);
    *pp = p;
    return st;
}
