/* Clock, dates, durations, working days. */
#include "base/calendar.h"
#include "base/file.h"
#include "base/test-int.h"
#include <errno.h>

#define DAY 86400LL

static void civil_days(void **state)
{
    assert_int_equal(days_from_civil(1970, 1, 1), 0);
    assert_int_equal(days_from_civil(2000, 3, 1), 11017);
    assert_int_equal(days_from_civil(1969, 12, 31), -1);
    /* Every day of 1600..2400 follows the one before. */
    int y = 1600, m = 1, d = 1;
    static const int len[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    for (int64_t day = days_from_civil(1600, 1, 1); y < 2400; day++) {
        int y2, m2, d2;
        civil_from_days(day, &y2, &m2, &d2);
        assert_true(y2 == y && m2 == m && d2 == d && days_from_civil(y, m, d) == day);
        bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
        if (++d > len[m - 1] + (m == 2 && leap)) {
            d = 1;
            if (++m > 12) {
                m = 1;
                y++;
            }
        }
    }
}

static void rfc3339(void **state)
{
    static const struct {
        const char *s;
        const char *want;
    } t[] = {
        {"1970-01-01", "1970-01-01T00:00:00.000000000Z"},
        {"2026-11-21T09:30:00Z", "2026-11-21T09:30:00.000000000Z"},
        {"2026-11-21t09:30:00z", "2026-11-21T09:30:00.000000000Z"},
        {"2026-11-21 09:30:00", "2026-11-21T09:30:00.000000000Z"},
        {"2026-11-21T09:30", "2026-11-21T09:30:00.000000000Z"},
        {"2026-11-21T09:30:00.123456789Z", "2026-11-21T09:30:00.123456789Z"},
        {"2026-11-21T09:30:00.5+07:00", "2026-11-21T02:30:00.500000000Z"},
        {"2026-11-21T02:30:00-07:30", "2026-11-21T10:00:00.000000000Z"},
        {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000000Z"},
        {"1678-01-01T00:00:00Z", "1678-01-01T00:00:00.000000000Z"},
        {"2261-12-31T23:59:59.999999999Z", "2261-12-31T23:59:59.999999999Z"},
        {"1969-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999999999Z"},
        {"2024-02-29", "2024-02-29T00:00:00.000000000Z"},
        {"2023-02-29", NULL},
        {"1677-12-31", NULL},
        {"2262-01-01", NULL},
        {"", NULL},
        {"2026", NULL},
        {"2026-1-1", NULL},
        {"2026-13-01", NULL},
        {"2026-00-01", NULL},
        {"2026-01-00", NULL},
        {"2026-01-01T", NULL},
        {"2026-01-01T24:00:00Z", NULL},
        {"2026-01-01T23:60:00Z", NULL},
        {"2026-01-01T22:30:60Z", NULL},
        {"2026-01-01T00:00:00.Z", NULL},
        {"2026-01-01T00:00:00.1234567890Z", NULL},
        {"2026-01-01T00:00:00+7", NULL},
        {"2026-01-01T00:00:00+0700", NULL},
        {"2026-01-01T00:00:00+24:00", NULL},
        {"2026-01-01T00:00:00ZZ", NULL},
        {"2026-01-01Z", NULL},
        {" 2026-01-01", NULL},
        {"20260101", NULL},
    };
    for (size_t i = 0; i < COUNT(t); i++) {
        int64_t ns = 7;
        char out[40];
        assert_int_equal(time_parse(str_c(t[i].s), &ns), t[i].want != NULL);
        if (t[i].want == NULL) {
            assert_true(ns == 7);
            continue;
        }
        time_fmt(ns, 9, out, sizeof(out));
        assert_string_equal(out, t[i].want);
    }
    int64_t ns;
    assert_false(time_parse((str){"2026-01-01\0", 11}, &ns));
}

static void time_digits(void **state)
{
    char out[40], tight[8];
    static const char *const want[] = {[0] = "2001-09-09T01:46:40Z",
                                       [3] = "2001-09-09T01:46:40.123Z",
                                       [6] = "2001-09-09T01:46:40.123456Z",
                                       [9] = "2001-09-09T01:46:40.123456789Z"};
    for (int d = 0; d <= 9; d += 3) {
        assert_int_equal(time_fmt(1000000000123456789LL, d, out, sizeof(out)), strlen(want[d]));
        assert_string_equal(out, want[d]);
    }
    time_fmt(INT64_MIN, 9, out, sizeof(out));
    assert_string_equal(out, "1677-09-21T00:12:43.145224192Z");
    time_fmt(INT64_MAX, 9, out, sizeof(out));
    assert_string_equal(out, "2262-04-11T23:47:16.854775807Z");
    assert_int_equal(time_fmt(0, 9, tight, sizeof(tight)), 7);
    assert_int_equal(time_fmt(0, 9, tight, 0), 0);
}

static void time_round_trip(void **state)
{
    uint64_t rng = 17;

    for (int i = 0; i < 20000; i++) {
        int64_t ns = (int64_t)prng(&rng) / 100 * 98, back;
        char out[40];
        size_t n = time_fmt(ns, 9, out, sizeof(out));
        assert_true(time_parse((str){out, n}, &back) && back == ns);
    }
}

static void clocks(void **state)
{
    struct clock c = clock_manual(1000);
    int64_t mono = clock_mono(&c);

    clock_advance(&c, 50);
    assert_int_equal(clock_wall(&c), 1050);
    assert_int_equal(clock_mono(&c), mono + 50);
    clock_advance(&c, -500);
    assert_int_equal(clock_wall(&c), 550);
    assert_int_equal(clock_mono(&c), mono + 50);
    int64_t a = clock_mono(&clock_system), b = clock_mono(&clock_system);
    assert_true(b >= a && clock_wall(&clock_system) > 1700000000LL * NS_PER_S);
}

static void durations(void **state)
{
    static const struct {
        const char *s;
        bool ok;
        struct duration d;
        const char *fmt;
    } t[] = {
        {"P1Y2M3DT4H5M6S", true, {14, 3, 14706}, "P1Y2M3DT4H5M6S"},
        {"PT0S", true, {0, 0, 0}, "PT0S"},
        {"P2W", true, {0, 14, 0}, "P14D"},
        {"P1W1D", true, {0, 8, 0}, "P8D"},
        {"P6M", true, {6, 0, 0}, "P6M"},
        {"PT1M", true, {0, 0, 60}, "PT1M"},
        {"P14M", true, {14, 0, 0}, "P1Y2M"},
        {"PT90M", true, {0, 0, 5400}, "PT1H30M"},
        {"PT999999999H", true, {0, 0, 3599999996400}, "PT999999999H"},
        {"P0D", true, {0, 0, 0}, "PT0S"},
        {"P999999999D", true, {0, 999999999, 0}, "P999999999D"},
        {"P", false, {0}, NULL},
        {"PT", false, {0}, NULL},
        {"P1DT", false, {0}, NULL},
        {"1D", false, {0}, NULL},
        {"P1", false, {0}, NULL},
        {"PD", false, {0}, NULL},
        {"P1D1Y", false, {0}, NULL},
        {"P1D1D", false, {0}, NULL},
        {"P1H", false, {0}, NULL},
        {"PT1D", false, {0}, NULL},
        {"P-1D", false, {0}, NULL},
        {"P1.5D", false, {0}, NULL},
        {"p1d", false, {0}, NULL},
        {"P1D ", false, {0}, NULL},
        {"", false, {0}, NULL},
        {"P1000000000D", true, {0, 1000000000, 0}, "P1000000000D"},
        {"P200000000W", true, {0, 1400000000, 0}, "P1400000000D"},
        {"PT9999999999H1S", false, {0}, NULL},
        {"P10000000000D", false, {0}, NULL},
        {"P2147483648D", false, {0}, NULL},
        {"P999999999Y", false, {0}, NULL},
        {"PTT1S", false, {0}, NULL},
        {"P999999999W", false, {0}, NULL},
        {"P1YT1MT1S", false, {0}, NULL},
    };
    for (size_t i = 0; i < COUNT(t); i++) {
        struct duration d = {-1, -1, -1};
        char out[64];
        assert_int_equal(duration_parse(str_c(t[i].s), &d), t[i].ok);
        if (!t[i].ok) {
            assert_int_equal(d.months, -1);
            continue;
        }
        assert_true(d.months == t[i].d.months && d.days == t[i].d.days && d.seconds == t[i].d.seconds);
        assert_int_equal(duration_fmt(d, out, sizeof(out)), strlen(t[i].fmt));
        assert_string_equal(out, t[i].fmt);
        assert_true(duration_fmt(d, out, 3) <= 2);
    }
}

static void date_texts(void **state)
{
    static const struct {
        const char *s, *want;
    } t[] = {
        {"2026-09-02", "2026-09-02"}, {"2/9/2026", "2026-09-02"},   {"02/09/2026", "2026-09-02"},
        {"0001-01-01", "0001-01-01"}, {"9999-12-31", "9999-12-31"}, {"29/2/2024", "2024-02-29"},
        {"29/2/2025", NULL},          {"31/4/2026", NULL},          {"0000-01-01", NULL},
        {"2026-9-2", NULL},           {"2026/09/02", NULL},         {"2/9/26", NULL},
        {"9-2-2026", NULL},           {"2/13/2026", NULL},          {"", NULL},
        {"2026-09-02T", NULL},        {"2026-09--2", NULL},         {"//", NULL},
        {"1/1/-001", NULL},           {"2026-0a-01", NULL},
    };
    for (size_t i = 0; i < COUNT(t); i++) {
        int64_t day = 77;
        char out[16];
        assert_int_equal(date_parse(str_c(t[i].s), &day), t[i].want != NULL);
        if (t[i].want == NULL) {
            assert_int_equal(day, 77);
            continue;
        }
        date_fmt(day, out, sizeof(out));
        assert_string_equal(out, t[i].want);
    }
}

static int64_t day_of(const char *s)
{
    int64_t day;

    assert_true(date_parse(str_c(s), &day));
    return day;
}

static void month_arithmetic(void **state)
{
    static const struct {
        const char *from, *d;
        int sign;
        const char *want;
    } t[] = {
        {"2026-08-31", "P6M", 1, "2027-02-28"},     {"2023-08-31", "P6M", 1, "2024-02-29"},
        {"2024-02-29", "P1Y", 1, "2025-02-28"},     {"2024-02-29", "P4Y", 1, "2028-02-29"},
        {"2026-03-31", "P1M", -1, "2026-02-28"},    {"2026-01-15", "P1M", -1, "2025-12-15"},
        {"2026-12-31", "P1M", 1, "2027-01-31"},     {"2026-01-31", "P1M1D", 1, "2026-03-01"},
        {"2026-01-01", "P2W", -1, "2025-12-18"},    {"2026-01-01", "PT48H", 1, "2026-01-01"},
        {"9999-12-31", "P1Y", 1, "9999-12-31"},     {"0001-01-01", "P1D", -1, "0001-01-01"},
        {"2026-01-01", "P99999Y", 1, "9999-12-01"},
    };
    for (size_t i = 0; i < COUNT(t); i++) {
        struct duration d;
        char out[16];
        assert_true(duration_parse(str_c(t[i].d), &d));
        date_fmt(date_add(day_of(t[i].from), d, t[i].sign), out, sizeof(out));
        assert_string_equal(out, t[i].want);
    }
}

/* The date of an instant is Viet Nam's: 17:00 UTC is the next day. */
static void local_days(void **state)
{
    int64_t ns;

    assert_true(time_parse(STR("2026-08-30T16:59:59Z"), &ns));
    assert_int_equal(date_of(ns), day_of("2026-08-30"));
    assert_int_equal(date_of(ns + NS_PER_S), day_of("2026-08-31"));
    assert_int_equal(date_of(-7 * 3600 * NS_PER_S), 0);
    assert_int_equal(date_of(-7 * 3600 * NS_PER_S - 1), -1);
    assert_int_equal(date_start(0), -7 * 3600 * NS_PER_S);
    assert_int_equal(date_of(date_start(20000)), 20000);
    assert_int_equal(date_of(date_start(20000) - 1), 19999);
    assert_int_equal(date_of(INT64_MAX), 106752);
    assert_int_equal(date_of(INT64_MIN), -106752);
    assert_true(date_start(INT64_MAX) == INT64_MAX && date_start(INT64_MIN) == INT64_MIN);

    /* 31 Aug 00:30 local plus six months is 28 Feb 00:30 local. */
    char out[40];
    time_fmt(time_add(ns + 1801 * NS_PER_S, (struct duration){6, 0, 0}, 1), 0, out, sizeof(out));
    assert_string_equal(out, "2027-02-27T17:30:00Z");
    assert_true(time_add(0, (struct duration){0, 0, 5}, -1) == -5 * NS_PER_S);
    assert_true(time_add(INT64_MAX, (struct duration){0, 0, 3600}, 1) == INT64_MAX);
    assert_true(time_add(INT64_MIN, (struct duration){1, 0, 0}, -1) == INT64_MIN);
    assert_true(time_add(0, (struct duration){INT32_MAX, INT32_MAX, INT64_MAX}, 1) == INT64_MAX);
}

static void time_add_seconds(void **state)
{
    uint64_t rng = 23;

    for (int i = 0; i < 5000; i++) {
        int64_t ns = (int64_t)prng(&rng) / 4, s = (int64_t)(prng(&rng) % 100000000);
        struct duration d = {0, 0, s};
        assert_true(time_add(ns, d, 1) == ns + s * NS_PER_S);
        assert_true(time_add(time_add(ns, d, 1), d, -1) == ns);
        struct duration w = {0, 7, 0};
        assert_true(time_add(ns, w, 1) == ns + 7 * DAY * NS_PER_S);
    }
}

/* ---- working days ---- */

static const char sample[] = "# comment\n\n"
                             "2026-09-02\toff\tQuốc khánh\tNational Day\r\n"
                             "2026-09-01\toff\tQuốc khánh (liền kề)\tNational Day (adjacent)\n"
                             "2026-08-29\twork\tLàm bù\tMoved working day\n"
                             "2026-08-31\toff\tHoán đổi\tMoved day off\n";

static void working_days(void **state)
{
    static const struct {
        const char *day;
        bool work;
    } t[] = {
        {"2026-08-28", true}, /* Friday */
        {"2026-08-29", true}, /* Saturday that is worked */
        {"2026-08-30", false}, {"2026-08-31", false}, {"2026-09-01", false}, {"2026-09-02", false},
        {"2026-09-03", true},  {"1969-12-31", true},  {"1969-12-28", false}, {"1970-01-04", false},
    };
    static const struct {
        const char *from;
        int n;
        const char *want;
    } add[] = {
        {"2026-08-28", 1, "2026-08-29"},  {"2026-08-28", 2, "2026-09-03"}, {"2026-09-03", -1, "2026-08-29"},
        {"2026-09-03", -2, "2026-08-28"}, {"2026-08-30", 0, "2026-08-30"}, {"2026-08-30", 1, "2026-09-03"},
        {"2026-08-30", -1, "2026-08-29"}, {"2026-01-05", 5, "2026-01-12"}, {"2026-01-05", -5, "2025-12-29"},
    };
    struct calendar *c = NULL;
    struct errs es;

    errs_init(&es, 10);
    assert_int_equal(calendar_parse(STR(sample), "vn.tsv", &c, &es), 0);
    for (size_t i = 0; i < COUNT(t); i++)
        assert_int_equal(calendar_is_workday(c, day_of(t[i].day)), t[i].work);
    for (size_t i = 0; i < COUNT(add); i++)
        assert_int_equal(calendar_add_workdays(c, day_of(add[i].from), add[i].n), day_of(add[i].want));
    assert_str(calendar_day_name(c, day_of("2026-09-02"), LANG_VI), "Quốc khánh");
    assert_str(calendar_day_name(c, day_of("2026-09-02"), LANG_EN), "National Day");
    assert_null(calendar_day_name(c, day_of("2026-09-03"), LANG_EN).p);
    assert_false(calendar_is_workday(NULL, day_of("2026-08-29")));
    assert_true(calendar_is_workday(NULL, day_of("2026-09-02")));
    calendar_free(c);
    calendar_free(NULL);
    errs_done(&es);
}

/* Going n days on and n back lands on the working day where it began. */
static void working_days_property(void **state)
{
    struct calendar *c = NULL;
    uint64_t rng = 31;

    assert_int_equal(calendar_parse(STR(sample), "vn.tsv", &c, NULL), 0);
    for (int i = 0; i < 2000; i++) {
        int64_t day = day_of("2026-08-01") + (int64_t)(prng(&rng) % 60);
        int n = (int)(prng(&rng) % 30);
        if (!calendar_is_workday(c, day))
            continue;
        int64_t there = calendar_add_workdays(c, day, n);
        assert_true(calendar_is_workday(c, there) && there >= day);
        assert_int_equal(calendar_add_workdays(c, there, -n), day);
    }
    calendar_free(c);
}

static void calendar_mistakes(void **state)
{
    static const struct {
        const char *line, *key;
        uint32_t at;
    } t[] = {
        {"2026-09-02\toff\tA", "base.calendar.columns", 1},
        {"2026-09-02\toff\tA\tB\tC", "base.calendar.columns", 1},
        {"2026-02-30\toff\tA\tB", "base.calendar.date", 1},
        {"\n2026-09-02\tfree\tA\tB", "base.calendar.kind", 2},
        {"2026-09-02\toff\t \tB", "base.calendar.name", 1},
        {"2026-09-02\toff\t\xff\tB", "base.calendar.name", 1},
        {"2026-09-02\toff\tA\tB\n#\n2/9/2026\twork\tA\tB", "base.calendar.twice", 3},
    };
    for (size_t i = 0; i < COUNT(t); i++) {
        struct calendar *c = (void *)&c;
        struct errs es;
        errs_init(&es, 10);
        assert_int_equal(calendar_parse(str_c(t[i].line), "vn.tsv", &c, &es), -EBADMSG);
        assert_ptr_equal(c, &c);
        assert_int_equal(es.n, 1);
        assert_string_equal(es.v[0].key, t[i].key);
        assert_string_equal(es.v[0].at, "vn.tsv");
        assert_int_equal(es.v[0].line, t[i].at);
        errs_done(&es);
    }
    struct errs es;
    struct calendar *c;
    errs_init(&es, 10);
    assert_int_equal(calendar_parse(STR("a\nb\n2026-09-02\toff\tA\tB\nc"), "x", &c, &es), -EBADMSG);
    assert_int_equal(es.n, 3);
    errs_done(&es);
}

/* The file that ships: it parses, and the fixed public holidays are off. */
static void shipped_calendar(void **state)
{
    static const char *const off[] = {
        "2025-01-01", "2025-01-29", "2025-04-07", "2025-04-30", "2025-05-01", "2025-09-02",
        "2026-01-01", "2026-02-17", "2026-04-27", "2026-04-30", "2026-05-01", "2026-09-02",
        "2027-01-01", "2027-02-05", "2027-02-06", "2027-04-16", "2027-04-30", "2027-09-02",
    };
    const char *root = getenv("LUY_SOURCE");
    char path[4096];
    struct arena a = arena_init(1 << 20);
    struct calendar *c = NULL;
    struct err e;
    str text;

    if (root == NULL)
        skip();
    snprintf(path, sizeof(path), "%s/calendar/vn.tsv", root);
    assert_int_equal(file_read(&a, path, 1 << 19, &text, &e), 0);
    assert_int_equal(calendar_parse(text, path, &c, NULL), 0);
    for (size_t i = 0; i < COUNT(off); i++) {
        assert_false(calendar_is_workday(c, day_of(off[i])));
        assert_true(calendar_day_name(c, day_of(off[i]), LANG_VI).n > 0);
    }
    assert_true(calendar_is_workday(c, day_of("2026-08-22")));
    assert_true(calendar_is_workday(c, day_of("2026-09-03")));
    calendar_free(c);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(civil_days),
        cmocka_unit_test(rfc3339),
        cmocka_unit_test(time_digits),
        cmocka_unit_test(time_round_trip),
        cmocka_unit_test(clocks),
        cmocka_unit_test(durations),
        cmocka_unit_test(date_texts),
        cmocka_unit_test(month_arithmetic),
        cmocka_unit_test(local_days),
        cmocka_unit_test(time_add_seconds),
        cmocka_unit_test(working_days),
        cmocka_unit_test(working_days_property),
        cmocka_unit_test(calendar_mistakes),
        cmocka_unit_test(shipped_calendar),
    };
    return cmocka_run_group_tests_name("base/time", tests, NULL, NULL);
}
