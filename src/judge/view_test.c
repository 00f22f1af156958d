/* What each role sees, and duties as they run. */
#include "judge/world-int.h"

static const struct actor OFFICER = {
    .name = {"stc", 3}, .roles = ROLE_UNIT_OFFICER, .unit_id = 2}; /* STC and P1 below it */
static const struct actor VILLAGE = {.name = {"xa", 2}, .roles = ROLE_UNIT_OFFICER, .unit_id = 4};
static const struct actor AUDITOR = {.name = {"ktv", 3}, .roles = ROLE_AUDITOR};
static const struct actor NOBODY = {.name = {"ai", 2}, .unit_id = 2};

static void packs(struct world *w)
{
    w_put(
        w, "common/controls/a.yaml",
        W_HEAD("mail", "state",
               "XX-1.1, XX-2") "message: {vi: '{subject}', en: '{subject}'}\nsubject: unit\n"
                               "query: SELECT id, id AS unit_id FROM unit WHERE valid_to IS NULL AND email IS NULL\n");
    w_put(w, "common/controls/b.yaml",
          W_HEAD("quiet", "state",
                 "XX-1.2") "message: {vi: x, en: x}\nsubject: unit\nquery: SELECT id FROM unit WHERE code = 'none'\n");
    w_put(w, "common/controls/d1.yaml",
          W_HEAD("report", "duty", "XX-1.2") "due: '12-10'\nper: unit\nwhere: unit.tier = 'department'\n");
    w_put(w, "common/controls/d2.yaml",
          W_HEAD("review", "duty",
                 "XX-1.2") "period: P6M\nper: unit\nnotice: {working_days: 2}\n"
                           "where: unit.tier IN ('department', 'commune')\ndone: SELECT unit_id FROM account_review "
                           "WHERE valid_to IS NULL AND reviewed_on BETWEEN :from AND :to\n");
    w_put(w, "common/controls/d3.yaml", W_HEAD("archive", "duty", "XX-2") "period: P1M\n");
}

static void roles(void **state)
{
    struct world *w = w_new();
    json_t *out = NULL, *f;
    struct finding_query q = {.unit = STR("STC")};

    packs(w);
    w_open(w);
    w_check(w, "");
    assert_int_equal(w_count(w, &ADMIN, ""), 4);
    assert_int_equal(w_count(w, &AUDITOR, ""), 4);
    assert_int_equal(w_count(w, &OFFICER, ""), 2);
    assert_int_equal(w_count(w, &VILLAGE, ""), 1);
    assert_int_equal(judge_findings(w->j, &NOBODY, &q, &out, &w->e), -EACCES);
    assert_int_equal(judge_findings(w->j, &ADMIN, &q, &out, &w->e), 0);
    assert_int_equal(json_get_int(out, "total", 0), 2); /* the unit and what is below it */
    json_decref(out);
    assert_int_equal(judge_findings(w->j, &VILLAGE, &q, &out, &w->e), 0);
    assert_int_equal(json_get_int(out, "total", 0), 0);
    json_decref(out);
    json_t *all = w_findings(w, &ADMIN, "");
    size_t i;
    json_array_foreach(json_object_get(all, "items"), i, f)
    {
        int64_t id = json_get_int(f, "id", 0);
        bool own = str_eq(json_get_str(json_object_get(f, "unit"), "key"), STR("XA"));
        assert_int_equal(judge_finding(w->j, &VILLAGE, id, &out, &w->e), own ? 0 : -ENOENT);
        if (own)
            json_decref(out);
        assert_int_equal(judge_finding_mark(w->j, &VILLAGE, id, STR("acknowledged"), STR(""), &out, &w->e),
                         own ? -EACCES : -ENOENT);
    }
    json_decref(all);
    w_free(w);
}

static int64_t total(struct world *w, struct finding_query q)
{
    json_t *out = NULL;

    assert_int_equal(judge_findings(w->j, &ADMIN, &q, &out, &w->e), 0);
    int64_t n = json_get_int(out, "total", -1);
    json_decref(out);
    return n;
}

static void filters(void **state)
{
    struct world *w = w_new();
    json_t *out = NULL;

    packs(w);
    w_open(w);
    w_check(w, "");
    assert_int_equal(total(w, (struct finding_query){.clause = STR("XX-1.1")}), 4);
    assert_int_equal(total(w, (struct finding_query){.clause = STR("XX-1")}), 4); /* what lies in it */
    assert_int_equal(total(w, (struct finding_query){.clause = STR("XX-1.2")}), 0);
    assert_int_equal(total(w, (struct finding_query){.clause = STR("XX-_")}), 0);
    assert_int_equal(total(w, (struct finding_query){.q = STR("long my")}), 1); /* without diacritics */
    assert_int_equal(total(w, (struct finding_query){.q = STR("SỞ TÀI")}), 1);
    assert_int_equal(total(w, (struct finding_query){.q = STR("%")}), 0);
    assert_int_equal(
        total(w, (struct finding_query){.severity = STR("high"), .control = STR("mail"), .state = STR("open")}), 4);
    assert_int_equal(total(w, (struct finding_query){.severity = STR("low")}), 0);
    assert_int_equal(total(w, (struct finding_query){.control = STR("' OR 1=1 --")}), 0);
    /* pages */
    struct finding_query q = {.limit = 3};
    assert_int_equal(judge_findings(w->j, &ADMIN, &q, &out, &w->e), 0);
    assert_int_equal(json_array_size(json_object_get(out, "items")), 3);
    str next = json_get_str(out, "next");
    q.cursor = next;
    json_t *second = NULL;
    assert_int_equal(judge_findings(w->j, &ADMIN, &q, &second, &w->e), 0);
    assert_int_equal(json_array_size(json_object_get(second, "items")), 1);
    assert_true(json_is_null(json_object_get(second, "next")));
    json_decref(second);
    json_decref(out);
    q.cursor = STR("x");
    assert_int_equal(judge_findings(w->j, &ADMIN, &q, &out, &w->e), -EINVAL);
    w_free(w);
}

static json_t *clause(struct world *w, const struct actor *who, const char *id)
{
    json_t *out = NULL;

    assert_int_equal(judge_clause(w->j, who, str_c(id), &out, &w->e), 0);
    return out;
}

static void clauses(void **state)
{
    struct world *w = w_new();
    json_t *out = NULL, *reg, *one;

    packs(w);
    w_open(w);
    assert_int_equal(judge_clauses(w->j, &ADMIN, &out, &w->e), 0);
    reg = json_array_get(json_object_get(out, "regulations"), 0);
    assert_str(json_get_str(reg, "code"), "XX");
    assert_int_equal(json_get_int(json_object_get(reg, "coverage"), "clauses", 0), 3);
    assert_int_equal(json_get_int(json_object_get(reg, "coverage"), "covered", 0), 3);
    assert_int_equal(json_array_size(json_object_get(reg, "clauses")), 2);
    json_decref(out);
    one = clause(w, &ADMIN, "XX-1.1");
    assert_str(json_get_str(one, "state"), "unknown");
    json_decref(one);
    w_check(w, "");
    assert_int_equal(judge_clauses(w->j, &ADMIN, &out, &w->e), 0);
    reg = json_array_get(json_object_get(out, "regulations"), 0);
    json_t *first = json_array_get(json_object_get(reg, "clauses"), 0);
    assert_str(json_get_str(first, "state"), "fail"); /* the worst of what is in it */
    assert_int_equal(json_get_int(first, "open_findings", 0), 4);
    assert_str(json_get_str(json_array_get(json_object_get(first, "children"), 1), "state"), "pass");
    json_decref(out);
    one = clause(w, &VILLAGE, "XX-1.1");
    assert_int_equal(json_array_size(json_object_get(one, "findings")), 1);
    json_decref(one);
    w_change(w, "unit", "XA", "{'email':'xa@example.vn'}");
    w_check(w, "");
    one = clause(w, &VILLAGE, "XX-1.1");
    assert_str(json_get_str(one, "state"), "pass"); /* not here; elsewhere it still fails */
    json_decref(one);
    assert_int_equal(judge_clause(w->j, &ADMIN, STR("XX-9"), &out, &w->e), -ENOENT);
    w_free(w);
}

static json_t *duty(struct world *w, const struct actor *who, const char *id, size_t *n)
{
    json_t *out = NULL, *one, *got = NULL;
    size_t i;

    if (judge_duties(w->j, who, &out, &w->e) < 0)
        fail_msg("%s", text_of_err(&w->e));
    json_t *items = json_object_get(out, "items");
    json_array_foreach(items, i, one) if (str_eq(json_get_str(one, "id"), str_c(id)) && got == NULL) got =
        json_incref(one);
    if (n != NULL)
        *n = json_array_size(items);
    json_decref(out);
    return got;
}

static void duties(void **state)
{
    struct world *w = w_new();
    size_t n;
    json_t *d, *out = NULL;

    packs(w);
    w_open(w);
    d = duty(w, &ADMIN, "report@STC", &n);
    assert_int_equal(n, 2 + 3 + 1);
    assert_str(json_get_str(d, "due_on"), "2026-12-10");
    assert_str(json_get_str(d, "period_key"), "2026");
    assert_str(json_get_str(d, "state"), "soon");
    assert_int_equal(json_get_int(d, "days_left", 0), 19);
    assert_str(json_get_str(json_object_get(d, "unit"), "key"), "STC");
    json_decref(d);
    d = duty(w, &ADMIN, "review@XA", NULL);
    assert_str(json_get_str(d, "notice_on"), "2026-12-29");
    json_decref(d);
    d = duty(w, &VILLAGE, "review@XA", &n);
    assert_int_equal(n, 1); /* the own unit's, and none of all */
    json_decref(d);
    /* done by the registry's own records */
    w_add(w, "account_review", "{'unit':'XA','reviewed_on':'2026-11-20'}");
    w_check(w, "review");
    d = duty(w, &ADMIN, "review@XA", NULL);
    assert_str(json_get_str(d, "state"), "done");
    assert_str(json_get_str(d, "done_by"), "luyd");
    json_decref(d);
    /* by hand: the officer for the own unit only */
    assert_int_equal(judge_duty_done(w->j, &VILLAGE, STR("report@STC"), STR("2026"), STR(""), &out, &w->e), -ENOENT);
    assert_int_equal(judge_duty_done(w->j, &AUDITOR, STR("report@STC"), STR("2026"), STR(""), &out, &w->e), -EACCES);
    assert_int_equal(judge_duty_done(w->j, &OFFICER, STR("report@STC"), STR("2025"), STR(""), &out, &w->e), -ENOENT);
    assert_int_equal(judge_duty_done(w->j, &OFFICER, STR("archive"), STR("2026-11"), STR(""), &out, &w->e), -ENOENT);
    assert_int_equal(judge_duty_done(w->j, &OFFICER, STR("report@P1"), STR("2026"), STR("số 12/BC"), &out, &w->e), 0);
    assert_str(json_get_str(out, "state"), "done");
    assert_str(json_get_str(out, "note"), "số 12/BC");
    json_decref(out);
    w_reopen(w);
    d = duty(w, &ADMIN, "report@P1", NULL);
    assert_str(json_get_str(d, "state"), "done");
    assert_str(json_get_str(d, "done_by"), "stc");
    json_decref(d);
    w_free(w);
}

/* A duty that becomes late is a finding of its clause until it is done. */
static void late_duty(void **state)
{
    struct world *w = w_new();
    json_t *d, *out = NULL;

    packs(w);
    w_open(w);
    w_check(w, "report");
    assert_int_equal(w_count(w, &ADMIN, ""), 0);
    clock_advance(&w->clk, 20 * 86400 * NS_PER_S); /* 11 December */
    w_check(w, "report");
    assert_int_equal(w_count(w, &ADMIN, "open"), 2);
    assert_int_equal(w_count(w, &OFFICER, "open"), 2);
    json_t *f = w_first(w, "open");
    assert_str(json_get_str(json_object_get(f, "subject"), "kind"), "duty");
    assert_true(str_find(json_get_str(json_object_get(f, "message"), "vi"), STR("2026-12-10")) != SIZE_MAX);
    json_decref(f);
    d = duty(w, &ADMIN, "report@STC", NULL);
    assert_str(json_get_str(d, "state"), "late");
    json_decref(d);
    assert_int_equal(judge_duty_done(w->j, &OFFICER, STR("report@STC"), STR("2026"), STR(""), &out, &w->e), 0);
    json_decref(out);
    assert_int_equal(w_count(w, &ADMIN, "open"), 1);
    clock_advance(&w->clk, 30 * 86400 * NS_PER_S); /* the next year: the old one is still owed */
    w_check(w, "report");
    d = duty(w, &ADMIN, "report@P1", NULL);
    assert_str(json_get_str(d, "period_key"), "2026");
    assert_str(json_get_str(d, "state"), "late");
    json_decref(d);
    assert_int_equal(w_count(w, &ADMIN, "open"), 1);
    w_free(w);
}

static void hostile_duty(void **state)
{
    struct world *w = w_new();

    w->sql_ms = 100;
    w_put(w, "common/controls/d.yaml",
          W_HEAD("slow", "duty", "XX-2") "period: P1M\n"
                                         "done: WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT "
                                         "n FROM r WHERE n < 0\n");
    w_open(w);
    w_check(w, "slow");
    assert_true(w_control_is(w, "slow", "unknown"));
    json_t *out = NULL;
    assert_int_equal(judge_duties(w->j, &ADMIN, &out, &w->e), 0);
    json_decref(out);
    w_free(w);
    w = w_new();
    w_put(w, "common/controls/d.yaml",
          W_HEAD("evil", "duty", "XX-2") "period: P1M\nper: unit\nwhere: 1 = 1); DELETE FROM unit; --\n");
    assert_int_equal(w_try_open(w), -EINVAL);
    w_free(w);
}

static void today(void **state)
{
    struct world *w = w_new();
    json_t *t = NULL;

    packs(w);
    w_add(w, "log_source", "{'name':'web','host':'web-1','unit':'STC','expected_every':'PT10M'}");
    w_open(w);
    w_check(w, "");
    clock_advance(&w->clk, 3600 * NS_PER_S);
    w_tick(w);
    assert_int_equal(judge_today(w->j, &ADMIN, &t, &w->e), 0);
    json_t *f = json_object_get(t, "findings");
    assert_int_equal(json_get_int(f, "open", 0), 4);
    assert_int_equal(json_get_int(json_object_get(f, "by_severity"), "high", 0), 4);
    assert_int_equal(json_array_size(json_object_get(f, "by_clause")), 2);
    assert_int_equal(json_array_size(json_object_get(f, "by_unit")), 4);
    assert_int_equal(json_array_size(json_object_get(f, "newest")), 4);
    assert_int_equal(json_array_size(json_object_get(json_object_get(t, "sources"), "silent")), 1);
    assert_int_equal(json_get_int(json_object_get(t, "coverage"), "clauses", 0), 3);
    json_t *checks = json_object_get(t, "checks");
    assert_int_equal(json_get_int(checks, "fail", -1), 1);
    assert_int_equal(json_get_int(checks, "pass", -1), 4);
    assert_true(json_get_str(checks, "last_run_at").n > 0);
    assert_true(json_array_size(json_object_get(t, "duties")) > 0);
    assert_true(str_starts(json_get_str(json_object_get(t, "sentence"), "vi"), STR("4 phát hiện")));
    json_decref(t);
    assert_int_equal(judge_today(w->j, &VILLAGE, &t, &w->e), 0);
    assert_int_equal(json_get_int(json_object_get(t, "findings"), "open", 0), 1);
    assert_int_equal(json_get_int(json_object_get(t, "sources"), "total", -1), 0);
    json_decref(t);
    assert_int_equal(judge_today(w->j, &NOBODY, &t, &w->e), -EACCES);
    w_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles),  cmocka_unit_test(filters),   cmocka_unit_test(clauses),
        cmocka_unit_test(duties), cmocka_unit_test(late_duty), cmocka_unit_test(hostile_duty),
        cmocka_unit_test(today),
    };
    return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
