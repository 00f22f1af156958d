/* Duties over the years, with the calendar that ships. */
#include "judge/test-int.h"

static struct calendar *calendar;

static int64_t day(const char *z)
{
    int64_t d;

    assert_true(date_parse(str_c(z), &d));
    return d;
}

static const char *shown(int64_t d)
{
    static char z[4][16];
    static unsigned i;

    if (d == INT64_MIN)
        return "-";
    date_fmt(d, z[++i % 4], sizeof(z[0]));
    return z[i % 4];
}

static struct duty_rule rule(const char *period, const char *anchor)
{
    struct duty_rule r = {.anchor_month = 1, .anchor_day = 1};

    assert_true(duration_parse(str_c(period), &r.period));
    if (anchor != NULL)
        assert_true(month_day_parse(str_c(anchor), &r.anchor_month, &r.anchor_day));
    return r;
}

static void periods(void **state)
{
    static const struct {
        const char *period, *anchor, *today, *from, *due, *key;
    } t[] = {
        {"P1Y", NULL, "2026-11-21", "2026-01-01", "2026-12-31", "2026"},
        {"P6M", NULL, "2026-06-30", "2026-01-01", "2026-06-30", "2026-H1"},
        {"P6M", NULL, "2026-07-01", "2026-07-01", "2026-12-31", "2026-H2"},
        {"P3M", NULL, "2026-11-21", "2026-10-01", "2026-12-31", "2026-Q4"},
        {"P3M", NULL, "2026-01-01", "2026-01-01", "2026-03-31", "2026-Q1"},
        {"P1M", NULL, "2024-02-29", "2024-02-01", "2024-02-29", "2024-02"},
        {"P1M", NULL, "2023-02-10", "2023-02-01", "2023-02-28", "2023-02"},
        {"P1Y", "03-15", "2026-03-14", "2025-03-15", "2026-03-14", "2025-03-15"},
        {"P1Y", "03-15", "2026-03-15", "2026-03-15", "2027-03-14", "2026-03-15"},
        {"P6M", "08-31", "2027-02-28", "2027-02-28", "2027-08-30", "2027-02-28"},
        {"P6M", "08-31", "2027-02-27", "2026-08-31", "2027-02-27", "2026-08-31"},
        {"P1Y", "02-29", "2025-03-01", "2025-02-28", "2026-02-27", "2025-02-28"},
        {"P2Y", NULL, "2026-11-21", "2026-01-01", "2027-12-31", "2026-01-01"},
        {"P2Y", NULL, "2027-11-21", "2026-01-01", "2027-12-31", "2026-01-01"},
    };

    for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
        struct duty_rule r = rule(t[i].period, t[i].anchor);
        struct duty_period p;
        duty_period_at(&r, calendar, day(t[i].today), &p);
        assert_string_equal(shown(p.from), t[i].from);
        assert_string_equal(shown(p.due), t[i].due);
        if (strcmp(t[i].period, "P2Y") != 0)
            assert_string_equal(p.key, t[i].key);
    }
}

/* "by 10-12" counts the day, "before 15-10" does not. */
static void by_and_before(void **state)
{
    struct duty_rule by = rule("P1Y", NULL), before = by;
    struct duty_period p;

    by.dated = before.dated = before.before = true;
    by.due_month = 12, by.due_day = 10;
    before.due_month = 10, before.due_day = 15;
    duty_period_at(&by, calendar, day("2026-11-21"), &p);
    assert_string_equal(shown(p.due), "2026-12-10");
    assert_string_equal(p.key, "2026");
    assert_int_equal(duty_state_at(&p, day("2026-12-10"), false), DUTY_DUE);
    assert_int_equal(duty_state_at(&p, day("2026-12-11"), false), DUTY_LATE);
    assert_int_equal(duty_state_at(&p, day("2026-12-11"), true), DUTY_DONE);
    duty_period_at(&before, calendar, day("2026-03-01"), &p);
    assert_string_equal(shown(p.due), "2026-10-14");
    assert_int_equal(duty_state_at(&p, day("2026-10-14"), false), DUTY_DUE);
    assert_int_equal(duty_state_at(&p, day("2026-10-15"), false), DUTY_LATE);
    assert_int_equal(duty_state_at(&p, day("2026-03-01"), false), DUTY_LATER);
    assert_int_equal(duty_state_at(&p, day("2026-09-01"), false), DUTY_SOON);
}

/* Two working days before the last of the year: over a weekend and a holiday. */
static void notice(void **state)
{
    struct duty_rule r = rule("P6M", NULL);
    struct duty_period p;

    r.notice_workdays = 2;
    duty_period_at(&r, calendar, day("2026-11-21"), &p); /* due Thursday 2026-12-31 */
    assert_string_equal(shown(p.notice), "2026-12-29");
    int64_t work = 0;
    for (int64_t d = p.notice; d < p.due; d++)
        work += calendar_is_workday(calendar, d);
    assert_int_equal(work, 2);
    duty_period_at(&r, calendar, day("2028-01-10"), &p); /* due Friday 2028-06-30 */
    assert_string_equal(shown(p.notice), "2028-06-28");
    r.notice_workdays = 0;
    r.notice_days = 5;
    duty_period_at(&r, calendar, day("2026-11-21"), &p);
    assert_string_equal(shown(p.notice), "2026-12-26");
}

/* Over forty years every day lies in one period, and neighbours touch. */
static void years(void **state)
{
    static const char *const kinds[][2] = {{"P1M", "01-01"}, {"P3M", "02-15"}, {"P6M", "08-31"}, {"P1Y", "02-29"},
                                           {"P4M", "01-31"}, {"P5M", "01-01"}, {"P18M", "06-01"}};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        struct duty_rule r = rule(kinds[i][0], kinds[i][1]);
        struct duty_period p, q;
        r.notice_workdays = 2;
        for (int64_t d = day("2015-01-01"); d < day("2055-01-01"); d += 3) {
            duty_period_at(&r, calendar, d, &p);
            assert_true(p.from <= d && d <= p.to && p.due == p.to && p.notice < p.due);
            duty_period_after(&r, calendar, &p, &q);
            assert_int_equal(q.from, p.to + 1);
            duty_period_before(&r, calendar, &q, &q);
            assert_int_equal(q.from, p.from);
            assert_string_equal(q.key, p.key);
        }
    }
}

static void month_days(void **state)
{
    static const char *const bad[] = {"", "1-1", "13-01", "00-10", "02-30", "12-32", "12/10", "2026-12-10", "-1-05"};
    int m, d;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(month_day_parse(str_c(bad[i]), &m, &d));
    assert_true(month_day_parse(STR("02-29"), &m, &d) && m == 2 && d == 29);
}

static int setup(void **state)
{
    char path[4096];
    struct arena a = arena_init(1 << 20);
    struct errs es;
    struct err e;
    str text;

    errs_init(&es, 10);
    snprintf(path, sizeof(path), "%s/calendar/vn.tsv", source_dir());
    if (file_read(&a, path, 1 << 20, &text, &e) < 0 || calendar_parse(text, path, &calendar, &es) < 0)
        return -1;
    errs_done(&es);
    arena_free(&a);
    return 0;
}

static int teardown(void **state)
{
    calendar_free(calendar);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(periods), cmocka_unit_test(by_and_before), cmocka_unit_test(notice),
        cmocka_unit_test(years),   cmocka_unit_test(month_days),
    };
    return cmocka_run_group_tests_name("duty", tests, setup, teardown);
}
