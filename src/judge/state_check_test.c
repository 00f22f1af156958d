/* State checks over a real store: results, freshness, and SQL that is hostile. */
#include "judge/world-int.h"
#include "registry/pg-int.h"

#define CHECK(id, rest)                                                                                                \
    W_HEAD(id, "state", "XX-1.1") "message: {vi: '{subject} hỏng {email}', en: '{subject} bad {email}'}\n" rest

static void life_of_a_check(void **state)
{
    struct world *w = w_new();

    w_put(w, "common/controls/a.yaml",
          CHECK("mail", "subject: unit\napplies: SELECT count(*) FROM unit WHERE tier = 'department'\n"
                        "query: SELECT id, id AS unit_id, email FROM unit WHERE valid_to IS NULL AND tier = "
                        "'department' AND email IS NULL ORDER BY id\n"));
    w_open(w);
    assert_true(w_control_is(w, "mail", "unknown")); /* not run yet is not green */
    w_check(w, "mail");
    assert_true(w_control_is(w, "mail", "fail"));
    assert_int_equal(w_count(w, &ADMIN, "open"), 2);
    assert_int_equal(json_array_size(w->told), 2);
    json_t *f = w_first(w, "open");
    assert_str(json_get_str(json_object_get(f, "message"), "vi"), "Phòng Một (P1) hỏng ?");
    assert_str(json_get_str(json_object_get(f, "subject"), "key"), "P1");
    assert_str(json_get_str(json_object_get(f, "unit"), "key"), "P1");
    int64_t first = json_get_int(f, "id", 0);
    json_decref(f);
    w_check(w, "mail"); /* seen again: counted, not doubled */
    assert_int_equal(w_count(w, &ADMIN, ""), 2);
    f = w_first(w, "open");
    assert_int_equal(json_get_int(f, "count", 0), 2);
    json_decref(f);
    w_change(w, "unit", "P1", "{'email':'p1@example.vn'}");
    w_check(w, "mail");
    assert_int_equal(w_count(w, &ADMIN, "open"), 1);
    assert_int_equal(w_count(w, &ADMIN, "closed"), 1);
    w_change(w, "unit", "P1", "{'email':null}");
    w_check(w, "mail"); /* comes back as a new one */
    f = w_first(w, "open");
    assert_true(json_get_int(f, "id", 0) > first);
    assert_int_equal(json_get_int(f, "count", 0), 1);
    json_decref(f);
    w_change(w, "unit", "P1", "{'tier':'commune'}");
    w_change(w, "unit", "STC", "{'tier':'commune'}");
    w_check(w, "mail");
    assert_true(w_control_is(w, "mail", "not_applicable"));
    assert_int_equal(w_count(w, &ADMIN, "open"), 0);
    w_free(w);
}

/* Old evidence is neither fail nor pass; a finding that stands stays. */
static void freshness(void **state)
{
    struct world *w = w_new();
    char text[300];
    int64_t now;

    w_put(w, "common/controls/a.yaml",
          CHECK("av", "subject: device\nfreshness: P2D\n"
                      "query: SELECT d.id, p.reported_at AS seen_at, 'x' AS email FROM device d LEFT JOIN posture p ON "
                      "p.device_id = d.id"
                      " WHERE p.disk_encrypted IS NULL OR p.disk_encrypted = 0\n"));
    w_add(w, "network", "{'code':'WAN','name':'Mạng','kind':'intranet'}");
    w_add(w, "device", "{'code':'M1','name':'Máy một','category':'workstation','unit':'STC','network':'WAN'}");
    w_open(w);
    w_check(w, "av"); /* no posture: seen_at is NULL */
    assert_true(w_control_is(w, "av", "unknown"));
    assert_int_equal(w_count(w, &ADMIN, ""), 0);
    now = clock_wall(&w->clk);
    time_fmt(now - 86400 * NS_PER_S, 0, text + 200, 60);
    snprintf(text, 200, "{'device':'M1','disk_encrypted':false,'reported_at':'%s'}", text + 200);
    w_add(w, "posture", text);
    w_check(w, "av");
    assert_true(w_control_is(w, "av", "fail"));
    assert_int_equal(w_count(w, &ADMIN, "open"), 1);
    clock_advance(&w->clk, 3 * 86400 * NS_PER_S); /* the report ages */
    w_check(w, "av");
    assert_true(w_control_is(w, "av", "unknown"));
    assert_int_equal(w_count(w, &ADMIN, "open"), 1);
    w_free(w);
}

/* Refused when packs load, with file and line. */
static void hostile_at_load(void **state)
{
    static const struct {
        const char *sql, *what, *pg; /* what is named; pg NULL: the same */
    } t[] = {
        {"INSERT INTO unit (code) VALUES ('x')", "INSERT"},
        {"DELETE FROM finding", "DELETE"},
        {"UPDATE unit SET name = 'x'", "UPDATE"},
        {"ATTACH DATABASE '/tmp/x' AS y", "ATTACH"},
        {"DROP TABLE unit", "DELETE", "DROP"},
        {"PRAGMA writable_schema = 1", "PRAGMA"},
        {"SELECT id FROM nothing_here", "nothing_here"},
        {"SELECT load_extension('x') AS id", "load_extension"},
        {"SELECT readfile('/etc/passwd') AS id", "readfile"},
        {"SELECT id FROM unit; DROP TABLE unit", ""},
        {"SELEC id", ""},
        {"SELECT name AS id FROM login", "login"},
        {"SELECT 1 AS id FROM sqlite_master", "sqlite_master"},
    };

    for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
        struct world *w = w_new();
        struct buf b;
        struct tx *tx;
        assert_int_equal(store_begin(w->st, STORE_WRITE, &tx, &w->e), 0);
        assert_int_equal(tx_exec(tx, "CREATE TABLE login (name TEXT, hash TEXT)", NO_VALS, NULL, &w->e), 0);
        assert_int_equal(store_commit(tx, &w->e), 0);
        buf_init(&b, 4096);
        buf_fmt(&b, CHECK("evil", "subject: unit\nquery: \"%s\"\n"), t[i].sql);
        buf_byte(&b, '\0');
        w_put(w, "common/controls/evil.yaml", b.p);
        buf_done(&b);
        if (w_try_open(w) != -EINVAL)
            fail_msg("accepted: %s", t[i].sql);
        assert_int_equal(w->es.total, 1);
        assert_non_null(strstr(w->es.v[0].at, "evil.yaml"));
        assert_int_equal(w->es.v[0].line, 9);
        const char *what = test_on_pg() && t[i].pg != NULL ? t[i].pg : t[i].what;
        if (strstr(text_of_err(&w->es.v[0]), what) == NULL)
            fail_msg("%s: %s", t[i].sql, text_of_err(&w->es.v[0]));
        w_free(w);
    }
}

/* What passes the loader but cannot run makes the check unknown, with the reason. */
static void hostile_at_run(void **state)
{
    static const struct {
        const char *rest, *why;
    } t[] = {
        {"query: WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n AS id, 'x' AS email FROM r "
         "WHERE n < 0\n",
         ""},
        {"query: WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n AS id, 'x' AS email FROM r\n",
         ""},
        {"query: SELECT name FROM unit\n", "id"},
        {"query: SELECT code AS id FROM unit\n", "id"},
        {"freshness: P1D\nquery: SELECT id FROM unit\n", "seen_at"},
        {"applies: WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r WHERE n < 0\nquery: "
         "SELECT id FROM unit\n",
         ""},
    };

    for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
        struct world *w = w_new();
        struct buf b;
        w->sql_ms = 100;
        w_put(w, "common/controls/a.yaml",
              CHECK("evil", "subject: unit\nquery: SELECT id, email FROM unit WHERE code = 'P1'\n"));
        w_open(w);
        w_check(w, "evil");
        assert_int_equal(w_count(w, &ADMIN, "open"), 1);
        buf_init(&b, 4096);
        buf_fmt(&b, CHECK("evil", "subject: unit\n%s"), t[i].rest);
        buf_byte(&b, '\0');
        w_put(w, "common/controls/a.yaml", b.p);
        buf_done(&b);
        if (judge_reload(w->j, &w->es, &w->e) < 0)
            fail_msg("%s: %s", t[i].rest, w->es.n > 0 ? text_of_err(&w->es.v[0]) : text_of_err(&w->e));
        w_check(w, "evil");
        assert_true(w_control_is(w, "evil", "unknown"));
        json_t *c = w_control(w, "evil"), *why = json_object_get(c, "error");
        assert_true(json_get_str(why, "vi").n > 10 && json_get_str(why, "en").n > 10);
        if (str_find(json_get_str(why, "en"), str_c(t[i].why)) == SIZE_MAX)
            fail_msg("%s", json_string_value(json_object_get(why, "en")));
        json_decref(c);
        assert_int_equal(w_count(w, &ADMIN, "open"), 1); /* what was found stays */
        w_free(w);
    }
}

/* Checks run by themselves, one a tick, and again after their time. */
static void by_itself(void **state)
{
    struct world *w = w_new();

    w_put(w, "common/controls/a.yaml",
          CHECK("one", "subject: unit\nquery: SELECT id, email FROM unit WHERE code = 'P1'\n"));
    w_put(w, "common/controls/b.yaml",
          CHECK("two", "subject: unit\nquery: SELECT id, email FROM unit WHERE code = 'none'\n"));
    w_open(w);
    w_tick(w);
    w_tick(w);
    assert_true(w_control_is(w, "one", "fail") && w_control_is(w, "two", "pass"));
    w_add(w, "unit", "{'code':'none','name':'Không','tier':'commune'}");
    w_tick(w);
    assert_true(w_control_is(w, "two", "pass"));
    clock_advance(&w->clk, 301 * NS_PER_S);
    w_tick(w);
    w_tick(w);
    assert_true(w_control_is(w, "two", "fail"));
    w_reopen(w); /* results outlive a restart */
    assert_true(w_control_is(w, "two", "fail"));
    w_free(w);
}

/* Times that an answer of the server was waited for: writing, and reading on the connections that lie idle now. */
static uint64_t trips(const struct world *w)
{
    const struct pg_store *s = (const struct pg_store *)w->st;
    uint64_t n = 0;

    if (!test_on_pg())
        return 0;
    for (const struct pool_item *it = s->read.idle; it != NULL; it = it->next)
        n += ((const struct pg_conn *)it)->trips;
    return n + s->write->trips;
}

/* A server is not waited for once an offender: not for names, nor to open, go on or close. */
static void many_offenders(void **state)
{
    struct world *w = w_new();

    w_put(w, "common/controls/a.yaml",
          CHECK("many", "subject: unit\nquery: WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r"
                        " WHERE n < 2000) SELECT n AS id, 'x' AS email FROM r\n"));
    w_open(w);
    uint64_t t0 = trips(w);
    w_check(w, "many");
    json_t *c = w_control(w, "many");
    assert_int_equal(json_get_int(c, "offenders", 0), 2000);
    json_decref(c);
    w_check(w, "many");
    if (trips(w) - t0 > 100)
        fail_msg("%lu round trips", (unsigned long)(trips(w) - t0));
    w_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(life_of_a_check), cmocka_unit_test(freshness), cmocka_unit_test(hostile_at_load),
        cmocka_unit_test(hostile_at_run),  cmocka_unit_test(by_itself), cmocka_unit_test(many_offenders),
    };
    return cmocka_run_group_tests_name("state_check", tests, NULL, NULL);
}
