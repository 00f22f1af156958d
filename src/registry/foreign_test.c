/* SQL from a pack: what it may do, and everything that it tries and may not. */
#include "registry/test-int.h"

struct rows {
    int n;
    int64_t sum;
    char names[100], text[100];
};

static bool take(void *ctx, const char *const *names, const struct val *cols, size_t n)
{
    struct rows *r = ctx;

    r->n++;
    if (n > 0 && cols[0].type == VAL_INT)
        r->sum += cols[0].i;
    if (n > 0 && cols[0].type == VAL_TEXT)
        snprintf(r->text, sizeof(r->text), "%.*s", STR_ARGS(cols[0].s));
    snprintf(r->names, sizeof(r->names), "%s", names[0]);
    return true;
}

static const char *const deny[] = {"login", "History", NULL};
static const struct named_val params[] = {{"now", {.type = VAL_INT, .i = 1000}},
                                          {"today", {.type = VAL_TEXT, .s = {"2026-11-21", 10}}}};

static int run(struct fixture *f, const char *sql, struct rows *r)
{
    struct foreign_query q = {
        .sql = sql, .params = params, .nparams = 2, .deny_tables = deny, .timeout_ms = 300, .max_rows = 100};

    *r = (struct rows){0};
    return store_foreign(f->st, &q, take, r, &f->e);
}

static int setup(void **state)
{
    struct fixture *f = fx_new();
    struct tx *tx;

    fx_frame(f);
    assert_int_equal(store_begin(f->st, STORE_WRITE, &tx, &f->e), 0);
    assert_int_equal(tx_exec(tx, "CREATE TABLE login (name TEXT, hash TEXT)", NO_VALS, NULL, &f->e), 0);
    assert_int_equal(store_commit(tx, &f->e), 0);
    *state = f;
    return 0;
}

static void allowed(void **state)
{
    static const struct {
        const char *sql;
        int rows;
        int64_t sum;
    } t[] = {
        {"SELECT id FROM unit WHERE valid_to IS NULL", 4, 10},
        {"SELECT id FROM unit;  \n", 4, 10},
        {"SELECT d.id FROM device d LEFT JOIN posture p ON p.device_id = d.id", 0, 0},
        {"SELECT :now - 86400", 1, 1000 - 86400},
        {"SELECT count(*), max(name), group_concat(code) FROM unit WHERE lower(name) LIKE '%t%' OR instr(fold(name), "
         "'so')",
         1, 3},
        {"SELECT 1 WHERE date(:today, '-6 months') = '2026-05-21'", 1, 1},
        {"WITH RECURSIVE s(id) AS (SELECT id FROM unit WHERE code = 'TINH' UNION SELECT u.id FROM unit u JOIN s ON "
         "u.parent_id = s.id)"
         " SELECT id FROM s",
         4, 10},
        {"SELECT row_number() OVER (ORDER BY code) FROM unit", 4, 10},
        {"SELECT value FROM json_each('[1,2,3]')", 3, 6},
        {"SELECT CASE WHEN EXISTS (SELECT 1 FROM network WHERE allows_laptop = 0 AND max_level = 0) THEN 5 END", 1, 5},
        {"SELECT COUNT(*) FROM control_clauses", 1, 0},
    };
    struct rows r;

    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        if (run(*state, t[i].sql, &r) < 0)
            fail_msg("%s: %s", t[i].sql, fx_text(&((struct fixture *)*state)->e));
        assert_int_equal(r.n, t[i].rows);
        assert_int_equal(r.sum, t[i].sum);
    }
    run(*state, "SELECT name AS ten FROM unit WHERE code = 'STC'", &r);
    assert_string_equal(r.names, "ten");
    assert_string_equal(r.text, "Sở Tài chính");
}

static void refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *sql;
        int rc;
    } t[] = {
        {"DELETE FROM unit", -EACCES},
        {"UPDATE unit SET name = 'x'", -EACCES},
        {"INSERT INTO unit (id) VALUES (9)", -EACCES},
        {"DROP TABLE unit", -EACCES},
        {"CREATE TABLE x (a)", -EACCES},
        {"CREATE TEMP TABLE x (a)", -EACCES},
        {"CREATE VIEW v AS SELECT 1", -EACCES},
        {"ALTER TABLE unit ADD COLUMN x", -EACCES},
        {"PRAGMA journal_mode=DELETE", -EACCES},
        {"PRAGMA table_info(unit)", -EACCES},
        {"ATTACH '/etc/passwd' AS p", -EACCES},
        {"BEGIN", -EACCES},
        {"COMMIT", -EACCES},
        {"VACUUM", -EACCES},
        {"VACUUM INTO '/tmp/x'", -EACCES},
        {"REINDEX", -EACCES},
        {"ANALYZE", -EACCES},
        {"SAVEPOINT a", -EACCES},
        {"EXPLAIN SELECT 1 FROM login", -EACCES},
        {"SELECT hash FROM login", -EACCES},
        {"SELECT COUNT(*) FROM LOGIN", -EACCES},
        {"SELECT id FROM unit WHERE EXISTS (SELECT 1 FROM login)", -EACCES},
        {"SELECT after FROM history", -EACCES},
        {"SELECT sql FROM sqlite_schema", -EACCES},
        {"SELECT * FROM sqlite_master", -EACCES},
        {"SELECT * FROM sqlite_temp_schema", -EACCES},
        {"SELECT * FROM pragma_table_info('unit')", -EACCES},
        {"SELECT * FROM dbstat", -EACCES},
        {"SELECT * FROM unit_fts", -EACCES},
        {"SELECT * FROM unit_fts_data", -EACCES},
        {"SELECT * FROM unit_fts_config", -EACCES},
        {"SELECT load_extension('/tmp/x.so')", -EACCES},
        {"SELECT randomblob(1000)", -EACCES},
        {"SELECT zeroblob(100000000)", -EACCES},
        {"SELECT sqlite_version()", -EACCES},
        {"SELECT random()", -EACCES},
        {"SELECT sqlite_compileoption_get(1)", -EACCES},
        {"SELECT readfile('/etc/passwd')", -EINVAL},
        {"SELECT writefile('/tmp/x', 'y')", -EINVAL},
        {"SELECT 1; SELECT 2", -EINVAL},
        {"SELECT 1; DELETE FROM unit", -EINVAL},
        {"", -EACCES},
        {"-- nothing", -EACCES},
        {"SELECT :unknown", -EINVAL},
        {"SELECT ?1", -EINVAL},
        {"SELECT @now", -EINVAL},
        {"SELECT nothing FROM unit", -EINVAL},
        {"SELECT FROM", -EINVAL},
        {"SELECT replace(printf('%0900000d', 1), '0', 'xxxxxxxxxx')", -EINVAL},
    };
    struct rows r;

    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        int rc = run(f, t[i].sql, &r);
        if (rc != t[i].rc)
            print_error("%s: %d %s\n", t[i].sql, rc, fx_text(&f->e));
        assert_int_equal(rc, t[i].rc);
        assert_int_equal(r.n, 0);
    }
    assert_int_equal(run(f, "SELECT COUNT(*) FROM unit", &r), 0);
    assert_int_equal(r.sum, 4);
}

static void stopped(void **state)
{
    struct fixture *f = *state;
    struct rows r;

    assert_int_equal(run(f, "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s) SELECT MAX(i) FROM s", &r),
                     -ETIME);
    assert_string_equal(f->e.key, "store.foreign_late");
    assert_int_equal(run(f,
                         "SELECT COUNT(*) FROM unit a, unit b, unit c, unit d, unit e, unit f, unit g, unit h, unit i, "
                         "unit j, unit k, unit l,"
                         " unit m, unit n",
                         &r),
                     -ETIME);
    assert_int_equal(
        run(f, "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 1000) SELECT i FROM s", &r),
        -E2BIG);
    assert_int_equal(r.n, 100);
    /* Rows that pile up in memory end by time or by memory, whichever is first. */
    int rc = run(f,
                 "WITH RECURSIVE s(i, t) AS (SELECT 1, printf('%0900d', 1) UNION ALL SELECT i + 1, t FROM s) SELECT i, "
                 "t FROM s ORDER BY t, i",
                 &r);
    assert_true(rc == -ETIME || rc == -ENOMEM);
    assert_int_equal(run(f, "SELECT 1", &r), 0);
}

static void checked_without_running(void **state)
{
    struct fixture *f = *state;
    struct foreign_query q = {.sql = "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s) SELECT i FROM s",
                              .timeout_ms = 100};

    assert_int_equal(store_foreign_check(f->st, &q, &f->e), 0);
    q.sql = "DELETE FROM unit";
    assert_int_equal(store_foreign_check(f->st, &q, &f->e), -EACCES);
    q.sql = "SELECT :today";
    assert_int_equal(store_foreign_check(f->st, &q, &f->e), -EINVAL);
    assert_string_equal(f->e.key, "store.foreign_param");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(allowed, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(refused, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(stopped, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(checked_without_running, setup, fx_teardown),
    };
    return cmocka_run_group_tests_name("registry/foreign", tests, NULL, NULL);
}
