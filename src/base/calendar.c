/* Dates, durations, working days. A calendar owns its names; it is constant
 * after calendar_parse, so any thread may read it. */
#include "base/calendar.h"
#include "base/arena.h"
#include "base/text.h"
#include <errno.h>
#include <inttypes.h>

#define NS_PER_DAY (86400 * NS_PER_S)
#define ZONE_NS    (7 * 3600 * NS_PER_S)
enum { WORKDAYS_MAX = 100000, CALENDAR_BYTES = 1 << 20 };
/* Years 1 to 9999: what a four-digit date can say. */
enum { DAY_MIN = -719162, DAY_MAX = 2932896 };

struct cal_day {
    int64_t day;
    bool work;
    uint32_t line;
    str name[2];
};
struct calendar {
    struct arena a;
    struct cal_day *v;
    size_t n;
};

/* ---- durations ---- */

struct unit {
    char letter;
    int order;
    int64_t months, days, seconds;
};
static const struct unit date_units[] = {
    {'Y', 0, 12, 0, 0},
    {'M', 1, 1, 0, 0},
    {'W', 2, 0, 7, 0},
    {'D', 3, 0, 1, 0},
};
static const struct unit time_units[] = {
    {'H', 4, 0, 0, 3600},
    {'M', 5, 0, 0, 60},
    {'S', 6, 0, 0, 1},
};

static const struct unit *unit_find(bool in_time, char letter)
{
    const struct unit *u = in_time ? time_units : date_units;
    size_t n = in_time ? sizeof(time_units) / sizeof(*u) : sizeof(date_units) / sizeof(*u);

    for (size_t i = 0; i < n; i++)
        if (u[i].letter == letter)
            return &u[i];
    return NULL;
}

/* Number and letter at *s. Ten digits keep every product within 64 bits. */
static bool component(str *s, bool in_time, const struct unit **u, int64_t *v)
{
    size_t n = 0;

    while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
        n++;
    if (n == 0 || n > 10 || n == s->n || !str_i64(str_sub(*s, 0, n), v))
        return false;
    *u = unit_find(in_time, s->p[n]);
    *s = str_sub(*s, n + 1, s->n);
    return *u != NULL;
}

bool duration_parse(str s, struct duration *out)
{
    int64_t months = 0, days = 0, seconds = 0, v;
    int last = -1;
    bool in_time = false;

    if (s.n < 2 || s.p[0] != 'P')
        return false;
    s = str_sub(s, 1, s.n);
    while (s.n > 0) {
        const struct unit *u;
        if (!in_time && s.p[0] == 'T') {
            in_time = true;
            s = str_sub(s, 1, s.n);
        }
        if (!component(&s, in_time, &u, &v) || u->order <= last)
            return false;
        last = u->order;
        months += v * u->months;
        days += v * u->days;
        seconds += v * u->seconds;
    }
    /* What prints must parse again: hours have ten digits at most, too. */
    if (months > INT32_MAX || days > INT32_MAX || seconds > 9999999999 * 3600)
        return false;
    *out = (struct duration){(int32_t)months, (int32_t)days, seconds};
    return true;
}

size_t duration_fmt(struct duration d, char *out, size_t cap)
{
    const struct {
        int64_t v;
        char letter;
        bool time;
    } part[] = {
        {d.months / 12, 'Y', false},   {d.months % 12, 'M', false},      {d.days, 'D', false},
        {d.seconds / 3600, 'H', true}, {d.seconds / 60 % 60, 'M', true}, {d.seconds % 60, 'S', true},
    };
    char text[128] = "P";
    size_t n = 1;
    bool in_time = false;

    for (size_t i = 0; i < sizeof(part) / sizeof(*part); i++) {
        if (part[i].v == 0)
            continue;
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%" PRId64 "%c", part[i].time && !in_time ? "T" : "",
                              part[i].v, part[i].letter);
        in_time |= part[i].time;
    }
    if (n == 1)
        n = (size_t)snprintf(text, sizeof(text), "PT0S");
    if (cap == 0)
        return 0;
    n = n < cap ? n : cap - 1;
    memcpy(out, text, n);
    out[n] = '\0';
    return n;
}

/* ---- dates ---- */

static int64_t clamp(int64_t v, int64_t lo, int64_t hi) { return v < lo ? lo : v > hi ? hi : v; }

int64_t date_add(int64_t days, struct duration d, int sign)
{
    int y, m, dom;

    days = clamp(days, DAY_MIN, DAY_MAX);
    civil_from_days(days, &y, &m, &dom);
    int64_t month = clamp((int64_t)y * 12 + (m - 1) + (int64_t)sign * d.months, 12, 9999 * 12 + 11);
    int ny = (int)(month / 12), nm = (int)(month % 12) + 1;
    int64_t first = days_from_civil(ny, nm, 1);
    int64_t next = nm == 12 ? days_from_civil(ny + 1, 1, 1) : days_from_civil(ny, nm + 1, 1);
    int64_t day = first + dom - 1 < next ? first + dom - 1 : next - 1;

    return clamp(day + (int64_t)sign * d.days, DAY_MIN, DAY_MAX);
}

int64_t date_of(int64_t ns)
{
    /* ns + 7 h would overflow at the end of time; days and rest do not. */
    int64_t day = ns / NS_PER_DAY, rest = ns % NS_PER_DAY;

    if (rest < 0) {
        rest += NS_PER_DAY;
        day--;
    }
    return rest + ZONE_NS >= NS_PER_DAY ? day + 1 : day;
}

static int64_t saturating(__int128 v) { return v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (int64_t)v; }

int64_t date_start(int64_t days) { return saturating((__int128)days * NS_PER_DAY - ZONE_NS); }

int64_t time_add(int64_t ns, struct duration d, int sign)
{
    int64_t day = date_of(ns);
    __int128 in_day = (__int128)ns + ZONE_NS - (__int128)day * NS_PER_DAY;
    __int128 t = (__int128)date_add(day, d, sign) * NS_PER_DAY - ZONE_NS + in_day;

    return saturating(t + (__int128)sign * d.seconds * NS_PER_S);
}

static bool number(str s, size_t min, size_t max, int *out)
{
    int64_t v;

    if (s.n < min || s.n > max || s.p[0] == '-' || !str_i64(s, &v))
        return false;
    *out = (int)v;
    return true;
}

bool date_parse(str s, int64_t *days)
{
    bool iso = s.n > 4 && s.p[4] == '-';
    char sep = iso ? '-' : '/';
    str a, b, c;
    int y, m, d, y2, m2, d2;

    if (s.n < 8 || s.n > 10 || !str_split(&s, sep, &a) || !str_split(&s, sep, &b) || !str_split(&s, sep, &c) ||
        s.p != NULL)
        return false;
    if (iso ? !number(a, 4, 4, &y) || !number(b, 2, 2, &m) || !number(c, 2, 2, &d)
            : !number(a, 1, 2, &d) || !number(b, 1, 2, &m) || !number(c, 4, 4, &y))
        return false;
    if (y < 1 || m < 1 || m > 12 || d < 1 || d > 31)
        return false;
    int64_t day = days_from_civil(y, m, d);
    civil_from_days(day, &y2, &m2, &d2);
    if (d2 != d || m2 != m)
        return false;
    *days = day;
    return true;
}

size_t date_fmt(int64_t days, char *out, size_t cap)
{
    int y, m, d;

    civil_from_days(clamp(days, DAY_MIN, DAY_MAX), &y, &m, &d);
    int n = snprintf(out, cap, "%04d-%02d-%02d", y, m, d);
    return n < 0 || cap == 0 ? 0 : (size_t)n < cap ? (size_t)n : cap - 1;
}

/* ---- working days ---- */

static bool calendar_line(struct calendar *c, str line, struct cal_day *out, struct err *e)
{
    str col[4];
    size_t n = 0;

    while (n < 4 && str_split(&line, '\t', &col[n])) {
        col[n] = str_trim(col[n]);
        n++;
    }
    if (n != 4 || line.p != NULL)
        return ERR(e, -EBADMSG, "base.calendar.columns") == 0;
    if (!date_parse(col[0], &out->day))
        return ERR(e, -EBADMSG, "base.calendar.date", S(col[0])) == 0;
    out->work = str_eq(col[1], STR("work"));
    if (!out->work && !str_eq(col[1], STR("off")))
        return ERR(e, -EBADMSG, "base.calendar.kind", S(col[1])) == 0;
    if (col[2].n == 0 || col[3].n == 0 || !utf8_valid(col[2]) || !utf8_valid(col[3]))
        return ERR(e, -EBADMSG, "base.calendar.name", S(col[0])) == 0;
    out->name[LANG_VI] = arena_str(&c->a, col[2]);
    out->name[LANG_EN] = arena_str(&c->a, col[3]);
    return true;
}

static int by_day(const void *pa, const void *pb)
{
    const struct cal_day *a = pa, *b = pb;

    if (a->day != b->day)
        return a->day < b->day ? -1 : 1;
    return a->line < b->line ? -1 : a->line > b->line;
}

static size_t count_lines(str text)
{
    size_t n = 1;

    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '\n';
    return n;
}

static void refuse(struct errs *es, struct err *e, const char *name, uint32_t line)
{
    err_at(e, name, line, 0);
    errs_add(es, e);
}

static bool calendar_lines(struct calendar *c, str text, const char *name, struct errs *es)
{
    bool good = true;
    uint32_t no = 0;
    struct err e;

    for (str line; str_split(&text, '\n', &line);) {
        no++;
        str body = str_trim(line);
        if (body.n == 0 || body.p[0] == '#')
            continue;
        c->v[c->n] = (struct cal_day){.line = no};
        if (calendar_line(c, line, &c->v[c->n], &e)) {
            c->n++;
        } else {
            refuse(es, &e, name, no);
            good = false;
        }
    }
    if (c->n > 0)
        qsort(c->v, c->n, sizeof(*c->v), by_day);
    for (size_t i = 1; i < c->n; i++)
        if (c->v[i].day == c->v[i - 1].day) {
            char when[16];
            date_fmt(c->v[i].day, when, sizeof(when));
            ERR(&e, -EBADMSG, "base.calendar.twice", when, N(c->v[i - 1].line));
            refuse(es, &e, name, c->v[i].line);
            good = false;
        }
    return good;
}

int calendar_parse(str text, const char *name, struct calendar **out, struct errs *es)
{
    struct err e;
    struct calendar *c = calloc(1, sizeof(*c));

    if (c != NULL) {
        c->a = arena_init((size_t)16 * CALENDAR_BYTES);
        if (text.n <= CALENDAR_BYTES)
            c->v = arena_array(&c->a, struct cal_day, count_lines(text));
    }
    if (text.n > CALENDAR_BYTES || c == NULL || c->v == NULL) {
        int code = text.n > CALENDAR_BYTES ? -EFBIG : -ENOMEM;
        ERR(&e, code, code == -EFBIG ? "base.calendar.size" : "base.errno", N(CALENDAR_BYTES));
        refuse(es, &e, name, 0);
        calendar_free(c);
        return code;
    }
    bool good = calendar_lines(c, text, name, es);
    if (c->a.failed) {
        ERR(&e, -ENOMEM, "base.errno");
        refuse(es, &e, name, 0);
    }
    if (!good || c->a.failed) {
        int code = c->a.failed ? -ENOMEM : -EBADMSG;
        calendar_free(c);
        return code;
    }
    *out = c;
    return 0;
}

void calendar_free(struct calendar *c)
{
    if (c == NULL)
        return;
    arena_free(&c->a);
    free(c);
}

static const struct cal_day *find_day(const struct calendar *c, int64_t day)
{
    struct cal_day want = {.day = day};
    size_t lo = 0, hi = c == NULL ? 0 : c->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (c->v[mid].day < want.day)
            lo = mid + 1;
        else
            hi = mid;
    }
    return c != NULL && lo < c->n && c->v[lo].day == day ? &c->v[lo] : NULL;
}

str calendar_day_name(const struct calendar *c, int64_t day, enum lang lang)
{
    const struct cal_day *d = find_day(c, day);

    return d == NULL ? STR_NONE : d->name[lang == LANG_EN ? LANG_EN : LANG_VI];
}

bool calendar_is_workday(const struct calendar *c, int64_t day)
{
    const struct cal_day *d = find_day(c, day);
    /* 1970-01-01 was a Thursday: 0 is Monday. */
    int weekday = (int)(((day + 3) % 7 + 7) % 7);

    return d != NULL ? d->work : weekday < 5;
}

int64_t calendar_add_workdays(const struct calendar *c, int64_t day, int n)
{
    int step = n < 0 ? -1 : 1;

    n = (int)clamp(n, -WORKDAYS_MAX, WORKDAYS_MAX);
    while (n != 0) {
        day += step;
        if (calendar_is_workday(c, day))
            n -= step;
    }
    return day;
}
