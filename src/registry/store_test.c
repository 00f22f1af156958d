/* The store over each engine: transactions, snapshots, errors by their meaning,
 * a full disk, a server that goes away. */
#include "registry/test-int.h"
#include "registry/pg-int.h"
#include "registry/sqlite-int.h"
#include <pthread.h>
#include <sys/stat.h>

static int __attribute__((format(printf, 3, 4))) ddl(struct fixture *f, struct tx *tx, const char *fmt, ...)
{
    char sql[300];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(sql, sizeof(sql), fmt, ap);
    va_end(ap);
    return tx_exec(tx, sql, NO_VALS, NULL, &f->e);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct tx *tx;

    fx_dir(f);
    assert_int_equal(store_open(f->db, &f->st, &f->e), 0);
    assert_int_equal(store_begin(f->st, STORE_WRITE, &tx, &f->e), 0);
    assert_int_equal(ddl(f, tx, "CREATE TABLE a (id %s, name TEXT UNIQUE, r REAL)", f->st->ops->id_type), 0);
    assert_int_equal(ddl(f, tx, "CREATE TABLE b (id %s, a_id INTEGER NOT NULL REFERENCES a(id))", f->st->ops->id_type),
                     0);
    assert_int_equal(store_commit(tx, &f->e), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    store_close(f->st);
    nftw(f->dir, rm_one, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static struct tx *begin(struct fixture *f, enum store_mode m)
{
    struct tx *tx;

    if (store_begin(f->st, m, &tx, &f->e) < 0)
        fail_msg("%s", fx_text(&f->e));
    return tx;
}

static int add(struct tx *tx, const char *name, struct err *e)
{
    return tx_exec(tx, "INSERT INTO a (name) VALUES (?1)", VALS(V_Z(name)), NULL, e);
}

static int64_t count(struct fixture *f, struct tx *tx)
{
    struct val v;

    assert_int_equal(tx_one(tx, NULL, "SELECT COUNT(*) FROM a", NO_VALS, &v, &f->e), 1);
    return v.i;
}

static void commit_and_rollback(void **state)
{
    struct fixture *f = *state;
    struct tx *tx = begin(f, STORE_WRITE);
    int64_t changed = -1;

    assert_int_equal(add(tx, "một", &f->e), 0);
    assert_int_equal(tx_last_id(tx), 1); /* the first of a new table, on every engine */
    assert_int_equal(store_commit(tx, &f->e), 0);
    tx = begin(f, STORE_WRITE);
    assert_int_equal(add(tx, "hai", &f->e), 0);
    store_rollback(tx);
    store_rollback(NULL);
    tx = begin(f, STORE_WRITE);
    assert_int_equal(count(f, tx), 1);
    assert_int_equal(tx_exec(tx, "UPDATE a SET name = ?1", VALS(V_Z("x")), &changed, &f->e), 0);
    assert_int_equal(changed, 1);
    assert_int_equal(tx_exec(tx, "UPDATE a SET name = ?1 WHERE id = 99", VALS(V_Z("x")), &changed, &f->e), 0);
    assert_int_equal(changed, 0);
    assert_int_equal(store_commit(tx, &f->e), 0);
}

static void errors_by_meaning(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *sql;
        int rc;
        const char *key;
    } t[] = {
        {"INSERT INTO a (name) VALUES ('x')", -EEXIST, "store.unique"},
        {"INSERT INTO a (id) SELECT id FROM a", -EEXIST, "store.unique"},
        {"INSERT INTO b (a_id) VALUES (77)", -EINVAL, "store.broken_ref"},
        {"INSERT INTO b (a_id) VALUES (NULL)", -EINVAL, "store.constraint"},
        {"SELEKT 1", -EINVAL, "store.sql"},
        {"SELECT * FROM nowhere", -EINVAL, "store.sql"},
        {"SELECT 1; DROP TABLE a", -EINVAL, "store.one_statement"},
        {"", -EINVAL, "store.one_statement"},
        {"SELECT ?1, ?2", -EINVAL, "store.sql"},
    };
    struct tx *tx = begin(f, STORE_WRITE);

    assert_int_equal(add(tx, "x", &f->e), 0);
    assert_int_equal(store_commit(tx, &f->e), 0);
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        tx = begin(f, STORE_WRITE);
        assert_int_equal(tx_exec(tx, t[i].sql, VALS(V_INT(1)), NULL, &f->e), t[i].rc);
        assert_string_equal(f->e.key, t[i].key);
        store_rollback(tx);
    }
    tx = begin(f, STORE_READ);
    assert_int_equal(count(f, tx), 1);
    assert_int_equal(tx_exec(tx, "DELETE FROM a", NO_VALS, NULL, &f->e), -EROFS);
    store_rollback(tx);
}

/* After a refusal nothing of the transaction may be kept. */
static void refused_is_over(void **state)
{
    struct fixture *f = *state;
    struct tx *tx = begin(f, STORE_WRITE);

    assert_int_equal(add(tx, "x", &f->e), 0);
    assert_int_equal(add(tx, "x", &f->e), -EEXIST);
    assert_true(strstr(f->e.arg[0], "a.name") != NULL);
    assert_int_equal(add(tx, "y", &f->e), -EIO);
    assert_string_equal(f->e.key, "store.lost");
    assert_int_equal(store_commit(tx, &f->e), -EIO);
    tx = begin(f, STORE_READ);
    assert_int_equal(count(f, tx), 0);
    store_rollback(tx);
}

static void values_return(void **state)
{
    struct fixture *f = *state;
    struct arena a = arena_init(1 << 16);
    struct tx *tx = begin(f, STORE_WRITE);
    struct val v;

    assert_int_equal(tx_one(tx, &a, "SELECT ?1", VALS(V_STR(STR("Đỗ"))), &v, &f->e), 1);
    assert_true(v.type == VAL_TEXT && str_eq(v.s, STR("Đỗ")));
    assert_int_equal(tx_one(tx, &a, "SELECT ?1", VALS(V_STR(STR(""))), &v, &f->e), 1);
    assert_true(v.type == VAL_TEXT && v.s.n == 0);
    assert_int_equal(tx_one(tx, NULL, "SELECT CAST(?1 AS BIGINT)", VALS(V_INT(INT64_MIN)), &v, &f->e), 1);
    assert_true(v.type == VAL_INT && v.i == INT64_MIN);
    assert_int_equal(tx_one(tx, NULL, "SELECT CAST(?1 AS REAL)", VALS(V_REAL(0.5)), &v, &f->e), 1);
    assert_true(v.type == VAL_REAL && v.r > 0.4 && v.r < 0.6);
    assert_int_equal(tx_one(tx, NULL, "SELECT ?1", VALS(V_NULL), &v, &f->e), 1);
    assert_true(v.type == VAL_NULL);
    assert_int_equal(tx_one(tx, NULL, "SELECT 1 WHERE 1 = 0", NO_VALS, &v, &f->e), 0);
    store_rollback(tx);
    arena_free(&a);
}

/* The same text inside its own row callback: a second statement, not a reset. */
struct nest {
    struct tx *tx;
    int rows, depth;
};

static bool nested_row(void *ctx, const struct val *cols, size_t n)
{
    struct nest *x = ctx;

    assert_int_equal(n, 1);
    assert_int_equal(cols[0].type, VAL_INT);
    x->rows++;
    if (x->depth++ == 0)
        assert_int_equal(tx_query(x->tx, "SELECT id FROM a ORDER BY id", NO_VALS, nested_row, x, NULL), 0);
    return x->rows < 5;
}

static void queries_nest(void **state)
{
    struct fixture *f = *state;
    struct tx *tx = begin(f, STORE_WRITE);

    for (int i = 0; i < 3; i++)
        assert_int_equal(tx_exec(tx, "INSERT INTO a (name) VALUES (NULL)", NO_VALS, NULL, &f->e), 0);
    struct nest x = {.tx = tx};
    assert_int_equal(tx_query(tx, "SELECT id FROM a ORDER BY id", NO_VALS, nested_row, &x, &f->e), 0);
    assert_int_equal(x.rows, 5);
    store_rollback(tx);
}

static void readers_see_their_begin(void **state)
{
    struct fixture *f = *state;
    struct tx *r1 = begin(f, STORE_READ), *w = begin(f, STORE_WRITE);

    assert_int_equal(add(w, "x", &f->e), 0);
    assert_int_equal(count(f, r1), 0);
    assert_int_equal(store_commit(w, &f->e), 0);
    struct tx *r2 = begin(f, STORE_READ);
    assert_int_equal(count(f, r1), 0);
    assert_int_equal(count(f, r2), 1);
    store_rollback(r1);
    assert_int_equal(store_commit(r2, &f->e), 0);
}

static void second_write_of_a_thread(void **state)
{
    struct fixture *f = *state;
    struct tx *w = begin(f, STORE_WRITE), *w2;

    assert_int_equal(store_begin(f->st, STORE_WRITE, &w2, &f->e), -EDEADLK);
    assert_string_equal(f->e.key, "store.nested");
    store_rollback(w);
    w = begin(f, STORE_WRITE);
    store_rollback(w);
}

/* A disk that is full: told as such, nothing half written, and writing goes on
 * once there is room. */
static void full_disk(void **state)
{
    struct fixture *f = *state;
    if (test_on_pg())
        skip();
    struct sq_store *s = (struct sq_store *)f->st;
    char big[4096];
    int rc = 0, rows = 0;

    memset(big, 'x', sizeof(big));
    assert_int_equal(sq_plain(s->write->db, "PRAGMA max_page_count=40", NULL), 0);
    struct tx *tx = begin(f, STORE_WRITE);
    for (; rows < 200 && rc == 0; rows++) {
        snprintf(big, 32, "%d", rows);
        big[strlen(big)] = 'x';
        rc = tx_exec(tx, "INSERT INTO a (name) VALUES (?1)", VALS(V_STR(((str){big, sizeof(big)}))), NULL, &f->e);
    }
    assert_int_equal(rc, -ENOSPC);
    assert_string_equal(f->e.key, "store.full");
    store_rollback(tx);
    tx = begin(f, STORE_READ);
    assert_int_equal(count(f, tx), 0);
    store_rollback(tx);
    assert_int_equal(sq_plain(s->write->db, "PRAGMA max_page_count=100000", NULL), 0);
    tx = begin(f, STORE_WRITE);
    assert_int_equal(add(tx, "lại", &f->e), 0);
    assert_int_equal(store_commit(tx, &f->e), 0);
}

/* After an automatic rollback nothing of the transaction may be committed alone. */
static void lost_transaction(void **state)
{
    struct fixture *f = *state;
    if (test_on_pg())
        skip();
    struct sq_store *s = (struct sq_store *)f->st;
    struct tx *tx = begin(f, STORE_WRITE);

    assert_int_equal(add(tx, "x", &f->e), 0);
    assert_int_equal(sq_plain(s->write->db, "ROLLBACK", NULL), 0);
    assert_int_equal(add(tx, "y", &f->e), -EIO);
    assert_string_equal(f->e.key, "store.lost");
    assert_int_equal(store_commit(tx, &f->e), -EIO);
    tx = begin(f, STORE_READ);
    assert_int_equal(count(f, tx), 0);
    store_rollback(tx);
}

static void opening(void **state)
{
    struct fixture *f = *state;
    struct store *s;
    struct stat st;
    char path[TEST_URL_MAX + 40];
    FILE *file;

    assert_int_equal(store_open("", &s, &f->e), -EINVAL);
    assert_int_equal(store_open("postgresql:///x?host=/nonexistent", &s, &f->e), -EAGAIN);
    assert_string_equal(f->e.key, "store.unreachable");
    if (test_on_pg())
        return;
    assert_int_equal(store_open("/nonexistent/dir/x.db", &s, &f->e), -ENOENT);
    snprintf(path, sizeof(path), "%s/garbage.db", f->dir);
    file = fopen(path, "w");
    for (int i = 0; i < 500; i++)
        fprintf(file, "not a database ");
    fclose(file);
    assert_int_equal(store_open(path, &s, &f->e), -EIO);
    assert_string_equal(f->e.key, "store.corrupt");
    assert_int_equal(stat(f->db, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    snprintf(path, sizeof(path), "%s-wal", f->db);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* The server ends every session, as when it is started again: what is in flight
 * fails so that it can be tried again, and the next transaction works. */
static void server_goes_away(void **state)
{
    static const char kill[] = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'luyd'"
                               " AND datname = '%s'";
    struct fixture *f = *state;
    char sql[1024];

    if (!test_on_pg())
        skip();
    const char *name = PQdb(((struct pg_store *)f->st)->write->db);
    snprintf(sql, sizeof(sql), kill, name);
    struct tx *w = begin(f, STORE_WRITE), *r = begin(f, STORE_READ);
    assert_int_equal(add(w, "x", &f->e), 0);
    test_pg_run(sql);
    assert_int_equal(add(w, "y", &f->e), -EAGAIN);
    assert_string_equal(f->e.key, "store.gone");
    assert_int_equal(store_commit(w, &f->e), -EIO);
    struct val v;
    assert_int_equal(tx_one(r, NULL, "SELECT COUNT(*) FROM a", NO_VALS, &v, &f->e), -EAGAIN);
    store_rollback(r);
    w = begin(f, STORE_WRITE);
    assert_int_equal(count(f, w), 0);
    assert_int_equal(add(w, "z", &f->e), 0);
    test_pg_run(sql);
    assert_int_equal(store_commit(w, &f->e), -EAGAIN);
    assert_string_equal(f->e.key, "store.commit_unknown");
    /* Idle connections that died are not noticed by anyone. */
    for (int i = 0; i < 2; i++) {
        w = begin(f, STORE_WRITE);
        assert_int_equal(add(w, i == 0 ? "a" : "b", &f->e), 0);
        assert_int_equal(store_commit(w, &f->e), 0);
        test_pg_run(sql);
    }
    r = begin(f, STORE_READ);
    assert_int_equal(count(f, r), 2);
    store_rollback(r);
}

/* Two programs on one store: the first leads until its session ends. */
static void one_leads(void **state)
{
    struct fixture *f = *state;
    struct store *other;
    bool leads = false;

    assert_int_equal(store_lead(f->st, &leads, &f->e), 0);
    assert_true(leads);
    assert_string_equal(store_engine(f->st), test_on_pg() ? "postgresql" : "sqlite");
    if (!test_on_pg())
        return;
    assert_int_equal(store_open(f->db, &other, &f->e), 0);
    assert_int_equal(store_lead(other, &leads, &f->e), 0);
    assert_false(leads);
    assert_int_equal(store_lead(f->st, &leads, &f->e), 0);
    assert_true(leads);
    /* The leader's session is ended by the server: the other gets the lock, and the first learns it. */
    char sql[200];
    snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d, 20000)",
             PQbackendPID(((struct pg_store *)f->st)->lead->db));
    test_pg_run(sql);
    assert_int_equal(store_lead(other, &leads, &f->e), 0);
    assert_true(leads);
    assert_int_equal(store_lead(f->st, &leads, &f->e), 0);
    assert_false(leads);
    store_close(other);
    for (int i = 0; i < 100000 && !leads; i++) /* until the server has seen that the other is gone */
        assert_int_equal(store_lead(f->st, &leads, &f->e), 0);
    assert_true(leads);
}

/* A table that was empty when it was first asked, and grows within one
 * transaction: it is not read from end to end for each of its new rows. */
static void a_table_that_grows(void **state)
{
    enum { ROWS = 3000 };
    struct fixture *f = *state;
    struct tx *tx = begin(f, STORE_WRITE);
    struct val v;
    char name[16];

    assert_int_equal(ddl(f, tx, "CREATE TABLE c (id %s, name TEXT, valid_to BIGINT)", f->st->ops->id_type), 0);
    for (int i = 0; i < 20; i++) /* as wide as a device: a page is few rows then */
        assert_int_equal(ddl(f, tx, "ALTER TABLE c ADD COLUMN t%d TEXT DEFAULT 'ba muoi hai chu cai trong mot cot'", i),
                         0);
    /* While the table is empty all three look alike to a planner. */
    assert_int_equal(ddl(f, tx, "CREATE INDEX c_a ON c (coalesce(name, ''), id) WHERE valid_to IS NULL"), 0);
    assert_int_equal(ddl(f, tx, "CREATE UNIQUE INDEX c_u ON c (name) WHERE valid_to IS NULL"), 0);
    assert_int_equal(ddl(f, tx, "CREATE INDEX c_z ON c (coalesce(name, ''), id) WHERE valid_to IS NULL"), 0);
    for (int i = 0; i < ROWS; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        assert_int_equal(
            tx_one(tx, NULL, "SELECT id FROM c WHERE name = ?1 AND valid_to IS NULL", VALS(V_Z(name)), &v, &f->e), 0);
        assert_int_equal(tx_exec(tx, "INSERT INTO c (name) VALUES (?1)", VALS(V_Z(name)), NULL, &f->e), 0);
    }
    if (test_on_pg()) {
        assert_int_equal(tx_one(tx, NULL,
                                "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'c'",
                                NO_VALS, &v, &f->e),
                         1);
        assert_true(v.i < ROWS * 100);
    }
    assert_int_equal(store_commit(tx, &f->e), 0);
}

/* More readers than the pool lends wait, and get their turn. */
static void *reader(void *arg)
{
    struct fixture *f = arg;
    struct tx *tx;
    struct val v;
    long ok = 0;

    for (int i = 0; i < 50; i++)
        if (store_begin(f->st, STORE_READ, &tx, NULL) == 0) {
            ok += tx_one(tx, NULL, "SELECT COUNT(*) FROM a", NO_VALS, &v, NULL) == 1;
            store_rollback(tx);
        }
    return (void *)ok;
}

static void many_readers(void **state)
{
    enum { THREADS = 48 };
    pthread_t t[THREADS];

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, reader, *state), 0);
    for (int i = 0; i < THREADS; i++) {
        void *ok;
        pthread_join(t[i], &ok);
        assert_int_equal((long)ok, 50);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commit_and_rollback, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_by_meaning, setup, teardown),
        cmocka_unit_test_setup_teardown(refused_is_over, setup, teardown),
        cmocka_unit_test_setup_teardown(server_goes_away, setup, teardown),
        cmocka_unit_test_setup_teardown(one_leads, setup, teardown),
        cmocka_unit_test_setup_teardown(values_return, setup, teardown),
        cmocka_unit_test_setup_teardown(queries_nest, setup, teardown),
        cmocka_unit_test_setup_teardown(readers_see_their_begin, setup, teardown),
        cmocka_unit_test_setup_teardown(second_write_of_a_thread, setup, teardown),
        cmocka_unit_test_setup_teardown(full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(lost_transaction, setup, teardown),
        cmocka_unit_test_setup_teardown(opening, setup, teardown),
        cmocka_unit_test_setup_teardown(a_table_that_grows, setup, teardown),
        cmocka_unit_test_setup_teardown(many_readers, setup, teardown),
    };
    return cmocka_run_group_tests_name("registry/store", tests, NULL, NULL);
}
