/* Statements put off: their order, what reads see, whose mistake it was, and how often a server is asked. SQLite does
 * all at once behind the same calls. */
#include "registry/test-int.h"
#include "registry/pg-int.h"

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct tx *tx;
    char sql[200];

    fx_dir(f);
    assert_int_equal(store_open(f->db, &f->st, &f->e), 0);
    assert_int_equal(store_begin(f->st, STORE_WRITE, &tx, &f->e), 0);
    snprintf(sql, sizeof(sql), "CREATE TABLE a (id %s, name TEXT UNIQUE, n BIGINT)", f->st->ops->id_type);
    assert_int_equal(tx_exec(tx, sql, NO_VALS, NULL, &f->e), 0);
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

static struct tx *begin(struct fixture *f)
{
    struct tx *tx;

    if (store_begin(f->st, STORE_WRITE, &tx, &f->e) < 0)
        fail_msg("%s", fx_text(&f->e));
    return tx;
}

static int put(struct tx *tx, const char *name, struct err *e)
{
    return tx_defer(tx, "INSERT INTO a (name) VALUES (?1)", VALS(V_Z(name)), e);
}

static int64_t number(struct fixture *f, struct tx *tx, const char *sql)
{
    struct val v;

    if (tx_one(tx, NULL, sql, NO_VALS, &v, &f->e) != 1)
        fail_msg("%s", fx_text(&f->e));
    return v.i;
}

static uint64_t trips(const struct fixture *f)
{
    return test_on_pg() ? ((const struct pg_store *)f->st)->write->trips : 0;
}

static bool last_number(void *ctx, const struct val *cols, size_t n)
{
    (void)n;
    *(int64_t *)ctx = cols[0].i;
    return true;
}

/* Each question sees what was put off before it, and nothing of what came after. */
static void in_their_order(void **state)
{
    enum { ROWS = 1000 };
    struct fixture *f = *state;
    static int64_t seen[ROWS];
    struct tx *tx = begin(f);
    uint64_t t0 = trips(f);

    for (int i = 0; i < ROWS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d", i);
        seen[i] = -1;
        assert_int_equal(put(tx, name, &f->e), 0);
        assert_int_equal(tx_ask(tx, "SELECT COUNT(*) FROM a", NO_VALS, last_number, &seen[i], &f->e), 0);
    }
    assert_int_equal(number(f, tx, "SELECT COUNT(*) FROM a"), ROWS);
    for (int i = 0; i < ROWS; i++)
        assert_int_equal(seen[i], i + 1);
    assert_true(trips(f) - t0 < 20);
    assert_int_equal(put(tx, "last", &f->e), 0);
    assert_int_equal(store_commit(tx, &f->e), 0);
    tx = begin(f);
    assert_int_equal(number(f, tx, "SELECT COUNT(*) FROM a"), ROWS + 1);
    store_rollback(tx);
}

/* The statement that failed, not the one that heard of it. */
static void whose_it_was(void **state)
{
    static const char *const heard_by[] = {"flush", "read", "write", "commit"};
    struct fixture *f = *state;
    struct val v;

    for (size_t how = 0; how < 4; how++) {
        struct tx *tx = begin(f);
        int rc = 0;
        for (int i = 1; i <= 9 && rc == 0; i++) {
            tx_mark(tx, i);
            rc = put(tx, i == 6 ? "3" : N(i), &f->e);
        }
        assert_true(tx_blame(tx) == 0 || !test_on_pg());
        tx_mark(tx, 10);
        if (rc == 0 && how == 0)
            rc = tx_flush(tx, &f->e);
        else if (rc == 0 && how == 1)
            rc = tx_one(tx, NULL, "SELECT 1", NO_VALS, &v, &f->e);
        else if (rc == 0 && how == 2)
            rc = tx_exec(tx, "DELETE FROM a", NO_VALS, NULL, &f->e);
        if (how < 3) {
            assert_int_equal(rc, -EEXIST);
            assert_int_equal(tx_blame(tx), 6);
            assert_true(strstr(f->e.arg[0], "a.name") != NULL);
            assert_int_equal(put(tx, "x", &f->e), -EIO);
            assert_int_equal(tx_flush(tx, &f->e), test_on_pg() ? -EIO : 0);
        }
        rc = store_commit(tx, &f->e);
        if (rc != (how < 3 || !test_on_pg() ? -EIO : -EEXIST))
            fail_msg("%s: %d", heard_by[how], rc);
        tx = begin(f);
        assert_int_equal(number(f, tx, "SELECT COUNT(*) FROM a"), 0);
        store_rollback(tx);
    }
}

/* A question that nobody waits for any more is not answered: what its answer goes to may be gone. */
static void taken_back(void **state)
{
    struct fixture *f = *state;
    int64_t seen = -1;
    struct tx *tx = begin(f);

    if (!test_on_pg()) {
        store_rollback(tx);
        return;
    }
    assert_int_equal(put(tx, "x", &f->e), 0);
    assert_int_equal(tx_ask(tx, "SELECT COUNT(*) FROM a", NO_VALS, last_number, &seen, &f->e), 0);
    store_rollback(tx);
    assert_int_equal(seen, -1);
    tx = begin(f);
    assert_int_equal(number(f, tx, "SELECT COUNT(*) FROM a"), 0);
    assert_int_equal(put(tx, "y", &f->e), 0);
    assert_int_equal(tx_defer(tx, "SELEKT", NO_VALS, &f->e), test_on_pg() ? 0 : -EINVAL);
    assert_int_equal(tx_defer(tx, "SELECT ?1, ?2", VALS(V_INT(1)), &f->e), -EINVAL);
    store_rollback(tx);
    tx = begin(f);
    assert_int_equal(number(f, tx, "SELECT COUNT(*) FROM a"), 0);
    store_rollback(tx);
}

/* More texts than there are slots, each twice: prepared, thrown away and made again while others wait. */
static void more_texts_than_slots(void **state)
{
    enum { TEXTS = 3 * PG_SLOTS };
    struct fixture *f = *state;
    struct tx *tx = begin(f);
    char sql[120];

    for (int i = 0; i < 4 * TEXTS; i++) {
        snprintf(sql, sizeof(sql), "INSERT INTO a (name, n) VALUES (?1, %d)", i / 2 % TEXTS);
        assert_int_equal(tx_defer(tx, sql, VALS(V_Z(N(i))), &f->e), 0);
    }
    assert_int_equal(number(f, tx, "SELECT COUNT(*) FROM a"), 4 * TEXTS);
    assert_int_equal(number(f, tx, "SELECT SUM(n) FROM a"), 4 * (TEXTS * (TEXTS - 1) / 2));
    assert_int_equal(store_commit(tx, &f->e), 0);
}

/* Numbers known before the rows are written; who comes after counts on behind them. */
static void rows_numbered(void **state)
{
    struct fixture *f = *state;
    int64_t last = 0, id;

    for (int round = 0; round < 3; round++) {
        struct tx *tx = begin(f);
        uint64_t t0 = trips(f);
        for (int i = 0; i < 500; i++) {
            struct val row[] = {V_NULL, V_NULL, V_INT(i)};
            assert_int_equal(
                tx_insert(tx, STR("a"), "INSERT INTO a (id, name, n) VALUES (?1, ?2, ?3)", row, 3, &id, &f->e), 0);
            assert_true(id > last && (i == 0 || id == last + 1 || test_on_pg()));
            last = id;
        }
        assert_true(trips(f) - t0 < 20);
        assert_int_equal(number(f, tx, "SELECT MAX(id) FROM a"), last);
        assert_int_equal(tx_exec(tx, "INSERT INTO a (n) VALUES (7)", NO_VALS, NULL, &f->e), 0);
        assert_true(tx_last_id(tx) > last);
        last = tx_last_id(tx);
        assert_int_equal(store_commit(tx, &f->e), 0);
    }
    struct tx *tx = begin(f);
    assert_int_equal(number(f, tx, "SELECT COUNT(*) FROM a"), 3 * 501);
    store_rollback(tx);
}

static void server_goes_away(void **state)
{
    struct fixture *f = *state;
    struct tx *tx;
    char sql[200];

    if (!test_on_pg())
        return;
    for (int how = 0; how < 2; how++) {
        tx = begin(f);
        int64_t pid = number(f, tx, "SELECT pg_backend_pid()");
        for (int i = 0; i < 50; i++)
            assert_int_equal(put(tx, N(i), &f->e), 0);
        snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%lld, 60000)", (long long)pid);
        test_pg_run(sql);
        assert_int_equal(how == 0 ? tx_flush(tx, &f->e) : store_commit(tx, &f->e), -EAGAIN);
        assert_string_equal(f->e.key, "store.gone");
        if (how == 0)
            store_rollback(tx);
        tx = begin(f);
        assert_int_equal(number(f, tx, "SELECT COUNT(*) FROM a"), 0);
        store_rollback(tx);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(in_their_order),        T(whose_it_was),  T(taken_back),
        T(more_texts_than_slots), T(rows_numbered), T(server_goes_away),
    };
    return cmocka_run_group_tests_name("registry/queue", tests, NULL, NULL);
}
