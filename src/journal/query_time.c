/* Times and durations as people type them in a query. Civil times are Viet
 * Nam's, UTC+7, all year. Pure, any thread. */
#include "journal/query-int.h"

static const int64_t zone_ns = 7 * 3600 * NS_PER_S;
static const struct {
    char unit;
    int64_t ns;
} units[] = {
    {'w', 7 * 86400 * NS_PER_S}, {'d', 86400 * NS_PER_S}, {'h', 3600 * NS_PER_S}, {'m', 60 * NS_PER_S}, {'s', NS_PER_S},
};
enum { UNITS = sizeof(units) / sizeof(units[0]) };

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool query_span_parse(str s, int64_t *ns)
{
    int64_t sum = 0;

    for (size_t i = 0; i < s.n;) {
        size_t k = i, u = 0;
        int64_t v, part;
        while (k < s.n && is_digit(s.p[k]))
            k++;
        if (k == s.n || !str_i64(str_sub(s, i, k - i), &v))
            return false;
        while (u < UNITS && units[u].unit != s.p[k])
            u++;
        if (u == UNITS || __builtin_mul_overflow(v, units[u].ns, &part) || __builtin_add_overflow(sum, part, &sum))
            return false;
        i = k + 1;
    }
    if (sum <= 0)
        return false;
    *ns = sum;
    return true;
}

void query_span_print(int64_t ns, struct buf *out)
{
    for (size_t u = 0; u < UNITS; u++) {
        if (ns >= units[u].ns)
            buf_fmt(out, "%lld%c", (long long)(ns / units[u].ns), units[u].unit);
        ns %= units[u].ns;
    }
}

void query_time_print(int64_t ns, struct buf *out)
{
    char t[40];
    int digits = ns % NS_PER_S == 0 ? 0 : ns % NS_PER_MS == 0 ? 3 : ns % 1000 == 0 ? 6 : 9;
    buf_add(out, t, time_fmt(ns, digits, t, sizeof(t)));
}

/* Does s have the shape, where 9 stands for a digit? Shorter shapes fit too. */
static bool has_shape(str s, const char *shape)
{
    if (s.n != strlen(shape))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (shape[i] == '9' ? !is_digit(s.p[i]) : s.p[i] != shape[i])
            return false;
    return true;
}

static bool has_zone(str s)
{
    char c = s.p[s.n - 1];
    return c == 'Z' || c == 'z' ||
           (s.n > 16 && has_shape(str_sub(s, s.n - 5, 5), "99:99") && (s.p[s.n - 6] == '+' || s.p[s.n - 6] == '-'));
}

/* A civil date and time of day, both as text. */
static bool civil_parse(str date, str day_time, int64_t *out)
{
    char t[64];
    const char *sec = has_shape(day_time, "99:99") ? ":00" : "";
    int n = snprintf(t, sizeof(t), "%.*sT%.*s%s+07:00", STR_ARGS(date), STR_ARGS(day_time), sec);
    return n > 0 && (size_t)n < sizeof(t) && time_parse((str){t, (size_t)n}, out);
}

static bool today_parse(str day_time, int64_t now_ns, int64_t *out)
{
    char t[40];
    int64_t local;

    if (__builtin_add_overflow(now_ns, zone_ns, &local))
        return false;
    time_fmt(local, 0, t, sizeof(t));
    return civil_parse((str){t, 10}, day_time, out);
}

/* Years 1678 to 2261 alone can be written as RFC 3339 again. */
static bool in_range(int64_t ns)
{
    return ns >= days_from_civil(1678, 1, 1) * 86400 * NS_PER_S && ns < days_from_civil(2262, 1, 1) * 86400 * NS_PER_S;
}

static bool back_parse(str span, int64_t now_ns, int64_t *out)
{
    int64_t back;

    if (!query_span_parse(span, &back) || __builtin_sub_overflow(now_ns, back, &back) || !in_range(back))
        return false;
    *out = back;
    return true;
}

/* 21/11/2026, 21/11/2026 09:30[:15]: as people write here. */
static bool vietnamese_parse(str s, int64_t *out)
{
    char t[10];

    if (s.n < 10 || !has_shape(str_sub(s, 0, 10), "99/99/9999") || (s.n > 10 && s.p[10] != ' '))
        return false;
    memcpy(t, s.p + 6, 4);
    t[4] = t[7] = '-';
    memcpy(t + 5, s.p + 3, 2);
    memcpy(t + 8, s.p, 2);
    str clock = s.n == 10 ? STR("00:00") : str_trim(str_sub(s, 11, s.n - 11));
    return (has_shape(clock, "99:99") || has_shape(clock, "99:99:99")) && civil_parse((str){t, 10}, clock, out);
}

bool query_time_parse(str s, int64_t now_ns, int64_t *out)
{
    if (str_eq(s, STR("now"))) {
        *out = now_ns;
        return true;
    }
    if (s.n > 1 && s.p[0] == '-')
        return back_parse(str_sub(s, 1, s.n - 1), now_ns, out);
    if (has_shape(s, "99:99") || has_shape(s, "99:99:99"))
        return today_parse(s, now_ns, out);
    if (vietnamese_parse(s, out))
        return true;
    if (s.n < 10 || s.n > 40 || !has_shape(str_sub(s, 0, 10), "9999-99-99"))
        return false;
    if (s.n == 10)
        return civil_parse(s, STR("00:00:00"), out);
    if (has_zone(s))
        return time_parse(s, out);
    return s.p[10] == 'T' && civil_parse(str_sub(s, 0, 10), str_sub(s, 11, s.n - 11), out);
}

int64_t query_bucket(int64_t t, int64_t step_ns)
{
    __int128 local = (__int128)t + zone_ns, start = local - (local % step_ns + step_ns) % step_ns - zone_ns;
    return start < INT64_MIN ? INT64_MIN : (int64_t)start;
}
