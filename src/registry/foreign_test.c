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

static const char *const tables[] = {"unit", "Device", "posture", "network", "control_clauses", NULL};
static const struct named_val params[] = {{"now", {.type = VAL_INT, .i = 1000}},
                                          {"today", {.type = VAL_TEXT, .s = {"2026-11-21", 10}}}};

/* Within a write transaction, which must go on whatever the text did. */
static int run_within(struct fixture *f, const struct foreign_query *q, struct rows *r)
{
    struct tx *tx;
    int64_t changed = 0;

    *r = (struct rows){0};
    assert_int_equal(store_begin(f->st, STORE_WRITE, &tx, &f->e), 0);
    int rc = tx_foreign(tx, q, take, r, &f->e);
    assert_int_equal(tx_exec(tx, "UPDATE login SET hash = 'y'", NO_VALS, &changed, &f->e), 0);
    assert_int_equal(changed, 1);
    store_rollback(tx);
    return rc;
}

/* The same text in a transaction of its own and in another's. */
static int run_for(struct fixture *f, int ms, const char *sql, struct rows *r)
{
    struct foreign_query q = {
        .sql = sql, .params = params, .nparams = 2, .tables = tables, .timeout_ms = ms, .max_rows = 100};
    struct rows within;
    int rc_within = run_within(f, &q, &within);

    *r = (struct rows){0};
    int rc = store_foreign(f->st, &q, take, r, &f->e);
    if (rc != rc_within && !(rc == -ENOMEM && rc_within == -ETIME) && !(rc == -ETIME && rc_within == -ENOMEM))
        fail_msg("%s: %d alone, %d within", sql, rc, rc_within);
    if (rc == 0 && (r->n != within.n || r->sum != within.sum || strcmp(r->text, within.text) != 0))
        fail_msg("%s: %d rows alone, %d within", sql, r->n, within.n);
    return rc;
}

static int run(struct fixture *f, const char *sql, struct rows *r) { return run_for(f, 300, sql, r); }

static int setup(void **state)
{
    struct fixture *f = fx_new();
    struct tx *tx;

    fx_frame(f);
    assert_int_equal(store_begin(f->st, STORE_WRITE, &tx, &f->e), 0);
    assert_int_equal(tx_exec(tx, "CREATE TABLE login (name TEXT, hash TEXT)", NO_VALS, NULL, &f->e), 0);
    assert_int_equal(tx_exec(tx, "INSERT INTO login VALUES ('an', 'x')", NO_VALS, NULL, &f->e), 0);
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
         "'so') > 0",
         1, 3},
        {"SELECT 1 WHERE date(:today, '-6 months') = '2026-05-21'", 1, 1},
        {"WITH RECURSIVE s(id) AS (SELECT id FROM unit WHERE code = 'TINH' UNION SELECT u.id FROM unit u JOIN s ON "
         "u.parent_id = s.id)"
         " SELECT id FROM s",
         4, 10},
        {"SELECT row_number() OVER (ORDER BY code) FROM unit", 4, 10},
        {"SELECT max(id, 3) FROM unit", 4, 13},
        {"SELECT id FROM unit WHERE substr(code, -2) = '01' AND ifnull(parent_id, 0) <> 0", 1, 4},
        {"SELECT 1 /* : ' */ WHERE 'a'':x' LIKE 'A%' -- ; \n", 1, 1},
        {"VALUES (4), (5)", 2, 9},
        {"SELECT CASE WHEN EXISTS (SELECT 1 FROM network WHERE allows_laptop = 0 AND max_level = 0) THEN 5 END", 1, 5},
        {"SELECT COUNT(*) FROM control_clauses", 1, 0},
    };
    struct rows r;

    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        if (run_for(*state, 120000, t[i].sql, &r) < 0) /* however slow the machine */
            fail_msg("%s: %s", t[i].sql, fx_text(&((struct fixture *)*state)->e));
        if (r.n != t[i].rows || r.sum != t[i].sum)
            fail_msg("%s: %d rows, sum %lld", t[i].sql, r.n, (long long)r.sum);
    }
    run(*state, "SELECT name AS ten FROM unit WHERE code = 'STC'", &r);
    assert_string_equal(r.names, "ten");
    assert_string_equal(r.text, "Sở Tài chính");
}

/* What only PostgreSQL has, and SQLite does not know. */
static void refused_by_pg(void **state)
{
    static const struct {
        const char *sql;
        int rc;
    } t[] = {
        {"SELECT pg_sleep(1)", -EACCES},
        {"SELECT pg_read_file('/etc/passwd')", -EACCES},
        {"SELECT query_to_xml('SELECT * FROM login', true, true, '')", -EACCES},
        {"SELECT set_config('statement_timeout', '0', false)", -EACCES},
        {"SELECT current_setting('data_directory')", -EACCES},
        {"SELECT pg_advisory_lock(1)", -EACCES},
        {"SELECT pg_catalog.pg_terminate_backend(1)", -EACCES},
        {"SELECT lo_import('/etc/passwd')", -EACCES},
        {"SELECT count(*) FROM pg_catalog.pg_authid", -EACCES},
        {"SELECT count(*) FROM information_schema.tables", -EACCES},
        {"SELECT u.row_to_json FROM unit u", -EACCES},
        {"SELECT current_user", -EACCES},
        {"SELECT id FROM unit FOR UPDATE", -EACCES},
        {"SELECT * FROM generate_series(1, 1000000000)", -EACCES},
        {"SELECT id FROM unit TABLESAMPLE system (10)", -EACCES},
        {"SELECT xmlelement(name a)", -EACCES},
        {"SELECT id::text FROM unit", -EINVAL},
        {"SELECT E'\\x41'", -EINVAL},
        {"SELECT U&'\\0041'", -EINVAL},
        {"SELECT $$a$$", -EINVAL},
        {"SELECT 1e", -EINVAL},
        {"SELECT count(*) FROM luy.login", -EACCES},
        {"SELECT count(*) FROM luy.\"login\"", -EACCES},
        {"COPY unit TO '/tmp/x'", -EACCES},
        {"DO 'BEGIN END'", -EACCES},
        {"TABLE unit", -EACCES},
        {"SET ROLE luy", -EACCES},
    };
    struct rows r;

    if (!test_on_pg())
        skip();
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        int rc = run(*state, t[i].sql, &r);
        if (rc != t[i].rc)
            print_error("%s: %d %s\n", t[i].sql, rc, fx_text(&((struct fixture *)*state)->e));
        assert_int_equal(rc, t[i].rc);
    }
}

static void refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *sql;
        int rc, pg_rc; /* pg_rc 0: the same */
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
        {"SELECT sql FROM sqlite_schema", -EACCES, -EINVAL},
        {"SELECT * FROM sqlite_master", -EACCES, -EINVAL},
        {"SELECT * FROM sqlite_temp_schema", -EACCES, -EINVAL},
        {"SELECT * FROM pragma_table_info('unit')", -EACCES, -EINVAL},
        {"SELECT * FROM dbstat", -EACCES, -EINVAL},
        {"SELECT * FROM unit_fts", -EACCES, -EINVAL},
        {"SELECT * FROM unit_fts_data", -EACCES, -EINVAL},
        {"SELECT * FROM unit_fts_config", -EACCES, -EINVAL},
        {"SELECT load_extension('/tmp/x.so')", -EACCES, -EINVAL},
        {"SELECT randomblob(1000)", -EACCES, -EINVAL},
        {"SELECT zeroblob(100000000)", -EACCES, -EINVAL},
        {"SELECT sqlite_version()", -EACCES, -EINVAL},
        {"SELECT random()", -EACCES},
        {"SELECT sqlite_compileoption_get(1)", -EACCES, -EINVAL},
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
        {"SELECT printf('%0900000d', 1)", -EACCES, -EINVAL},
        {"SELECT value FROM json_each('[1]')", -EACCES, -EINVAL},
        {"SELECT id FROM person", -EACCES},
        {"SELECT (WITH x AS (SELECT id FROM person) SELECT COUNT(*) FROM x)", -EACCES},
        {"SELECT name FROM unit UNION SELECT name FROM person", -EACCES},
        {"SELECT 1 FROM unit ORDER BY (SELECT COUNT(*) FROM login)", -EACCES},
        {"SELECT 1) x; DROP TABLE unit; SELECT 1 FROM (SELECT 1", -EINVAL},
        {"SELECT 1 FROM unit) luy, (SELECT 1", -EINVAL},
        {"WITH x AS (DELETE FROM unit RETURNING id) SELECT id FROM x", -EINVAL},
        {"SELECT 1 INTO x", -EINVAL},
        {"SELECT 'abc", -EINVAL},
        {"SELECT \"abc", -EINVAL},
        {"SELECT (((1))", -EINVAL},
    };
    struct rows r;

    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        int rc = run(f, t[i].sql, &r), want = test_on_pg() && t[i].pg_rc != 0 ? t[i].pg_rc : t[i].rc;
        if (rc != want)
            print_error("%s: %d %s\n", t[i].sql, rc, fx_text(&f->e));
        assert_int_equal(rc, want);
        assert_int_equal(r.n, 0);
    }
    assert_int_equal(run(f, "SELECT COUNT(*) FROM unit", &r), 0);
    assert_int_equal(r.sum, 4);
}

/* Dates by the rules of SQLite 3.40 (date and time functions), on every engine. */
static void dates_alike(void **state)
{
    static const struct {
        const char *sql, *text; /* NULL: no value */
    } t[] = {
        {"SELECT date('2026-08-31', '-6 months')", "2026-03-03"},
        {"SELECT date('2024-02-29', '+1 year')", "2025-03-01"},
        {"SELECT date('2026-02-31')", "2026-02-31"},
        {"SELECT date('2026-02-31', '+0 days')", "2026-03-03"},
        {"SELECT date('2026-13-01')", NULL},
        {"SELECT date('hôm nay')", NULL},
        {"SELECT date(:today, '-' || (864000 / 86400) || ' days')", "2026-11-11"},
        {"SELECT date(:today, 'start of month', '+1 month', '-1 day')", "2026-11-30"},
        {"SELECT date(:today, 'weekday 1')", "2026-11-23"},
        {"SELECT date(:today, 'weekday 6')", "2026-11-21"},
        {"SELECT date(:today, 'nonsense')", NULL},
        {"SELECT date(:now, 'unixepoch', '+7 hours')", "1970-01-01"},
        {"SELECT datetime(1795257000, 'unixepoch', '+7 hours')", "2026-11-21 17:30:00"},
        {"SELECT datetime('2026-11-21T10:30:05+07:00')", "2026-11-21 03:30:05"},
        {"SELECT datetime('2026-11-21 23:59', '+90 seconds')", "2026-11-22 00:00:30"},
        {"SELECT datetime('2026-11-21', '+01:30')", "2026-11-21 01:30:00"},
        {"SELECT strftime('%w', 1795257000, 'unixepoch', '+7 hours')", "6"},
        {"SELECT strftime('%Y/%m/%d %H:%M:%S %j %W %%', '2026-03-01 04:05:06')", "2026/03/01 04:05:06 060 08 %"},
        {"SELECT strftime('%s', '2026-11-21')", "1795219200"},
        {"SELECT strftime('%Q', '2026-11-21')", NULL},
        {"SELECT fold('Đỗ Thị  HẠNH')", "do thi hanh"},
        {"SELECT fold('ﬁ Ⅷ Å')", "fi viii a"},
        {"SELECT substr('tuyền', 2, 3)", "uyề"},
        {"SELECT upper('đà lạt')", "đà LạT"},
        {"SELECT max('b', 'a') || min('b', 'a')", "ba"},
        {"SELECT iif(1 = 1, 'x', 'y') || ifnull(NULL, 'z')", "xz"},
    };
    struct fixture *f = *state;
    struct rows r;

    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        if (run(f, t[i].sql, &r) < 0)
            fail_msg("%s: %s", t[i].sql, fx_text(&f->e));
        if (strcmp(r.text, t[i].text != NULL ? t[i].text : "") != 0)
            fail_msg("%s: %s", t[i].sql, r.text);
    }
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
                 "WITH RECURSIVE s(i, t) AS (SELECT 1, replace('aaaaaaaaaaaaaaaa', 'a', "
                 "'0123456789012345678901234567890123456789') UNION ALL SELECT i + 1, t FROM s) SELECT i, t FROM s "
                 "ORDER BY t, i",
                 &r);
    assert_true(rc == -ETIME || rc == -ENOMEM);
    assert_int_equal(run(f, "SELECT 1", &r), 0);
}

/* What the transaction wrote is seen in it and by nobody else. */
static void own_writes_seen(void **state)
{
    struct fixture *f = *state;
    struct foreign_query q = {
        .sql = "SELECT COUNT(*) FROM unit WHERE name = 'đổi'", .tables = tables, .timeout_ms = 10000, .max_rows = 1};
    struct rows in = {0}, out = {0};
    struct tx *tx;

    assert_int_equal(store_begin(f->st, STORE_WRITE, &tx, &f->e), 0);
    /* put off where the engine does so: seen all the same */
    assert_int_equal(tx_defer(tx, "UPDATE unit SET name = 'đổi' WHERE code = 'STC'", NO_VALS, &f->e), 0);
    assert_int_equal(tx_foreign(tx, &q, take, &in, &f->e), 0);
    assert_int_equal(in.sum, 1);
    assert_int_equal(store_foreign(f->st, &q, take, &out, &f->e), 0);
    assert_int_equal(out.sum, 0);
    store_rollback(tx);
    assert_int_equal(store_begin(f->st, STORE_READ, &tx, &f->e), 0);
    in = (struct rows){0};
    assert_int_equal(tx_foreign(tx, &q, take, &in, &f->e), 0);
    assert_int_equal(in.n, 1);
    assert_int_equal(in.sum, 0);
    store_rollback(tx);
}

/* A transaction that is lost says so, and runs nothing alone. */
static void lost_stays_lost(void **state)
{
    struct fixture *f = *state;
    struct foreign_query q = {.sql = "SELECT 1", .tables = tables, .timeout_ms = 10000};
    struct rows r = {0};
    struct tx *tx;

    assert_int_equal(store_begin(f->st, STORE_WRITE, &tx, &f->e), 0);
    assert_true(tx_exec(tx, "UPDATE unit SET nothing = 1", NO_VALS, NULL, &f->e) < 0);
    assert_int_equal(tx_foreign(tx, &q, take, &r, &f->e), -EIO);
    assert_int_equal(r.n, 0);
    store_rollback(tx);
}

static void reads_told(void **state)
{
    static const struct {
        const char *sql;
        bool reads[5];
    } t[] = {
        {"SELECT 1", {0}},
        {"SELECT COUNT(*) FROM unit", {true}},
        {"SELECT d.id FROM device d LEFT JOIN posture p ON p.device_id = d.id", {false, true, true}},
        {"WITH x AS (SELECT id FROM network) SELECT id FROM unit WHERE id IN (SELECT id FROM x)",
         {true, false, false, true}},
        {"SELECT 1 WHERE EXISTS (SELECT 1 FROM control_clauses)", {false, false, false, false, true}},
    };
    struct fixture *f = *state;

    for (int again = 0; again < 2; again++) /* also of a text that was looked through before */
        for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
            bool reads[6] = {false};
            struct foreign_query q = {.sql = t[i].sql, .tables = tables, .timeout_ms = 10000, .reads = reads};
            assert_int_equal(store_foreign_check(f->st, &q, &f->e), 0);
            for (size_t k = 0; k < 5; k++)
                if (reads[k] != t[i].reads[k])
                    fail_msg("%s: %s", t[i].sql, tables[k]);
        }
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
        cmocka_unit_test_setup_teardown(refused_by_pg, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(dates_alike, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(stopped, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(own_writes_seen, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(lost_stays_lost, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(reads_told, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(checked_without_running, setup, fx_teardown),
    };
    return cmocka_run_group_tests_name("registry/foreign", tests, NULL, NULL);
}
