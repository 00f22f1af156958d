/* The history and its chain: every write leaves a row, and no byte of any row
 * changes unseen. */
#include "base/text.h"
#include "registry/test-int.h"

/* What someone with the database in hand can do: past the registry, statement by statement. */
static void raw_with(struct fixture *f, const char *sql, const struct val *p, size_t np)
{
    str rest = str_c(sql), one;
    struct tx *tx;

    assert_int_equal(store_begin(f->st, STORE_WRITE, &tx, &f->e), 0);
    while (str_split(&rest, ';', &one)) {
        char text[600];
        snprintf(text, sizeof(text), "%.*s", STR_ARGS(one));
        if (tx_exec(tx, text, p, np, NULL, &f->e) < 0)
            fail_msg("%s: %s", text, fx_text(&f->e));
    }
    assert_int_equal(store_commit(tx, &f->e), 0);
}

static void raw(struct fixture *f, const char *sql) { raw_with(f, sql, NULL, 0); }

static uint64_t verify(struct fixture *f)
{
    uint64_t rows, bad;

    assert_int_equal(registry_verify(f->r, &rows, &bad, &f->e), 0);
    return bad;
}

static void rows_say_what_happened(void **state)
{
    struct fixture *f = *state;
    struct actor who = ADMIN;
    json_t *h, *out, *row;

    who.reason = STR("sửa theo công văn 12");
    fx_frame(f);
    clock_advance(&f->clk, NS_PER_S * 5 / 2);
    assert_int_equal(fx_change_as(f, &who, "unit", "STC", 1, "{'phone':'113','parent':null}", &out), 0);
    json_decref(out);
    assert_int_equal(fx_change(f, "unit", "STC", 2, "{'phone':'113'}"), 0); /* no change, no row */
    assert_int_equal(registry_end(f->r, &who, STR("unit"), STR("STC-P1"), 1, &out, &f->e), 0);
    json_decref(out);
    assert_int_equal(registry_history(f->r, &ADMIN, STR("unit"), STR("STC"), &h, &f->e), 0);
    assert_int_equal(json_array_size(h), 2);
    row = json_array_get(h, 0);
    assert_string_equal(json_string_value(json_object_get(row, "op")), "change");
    assert_string_equal(json_string_value(json_object_get(row, "by")), "quantri");
    assert_string_equal(json_string_value(json_object_get(row, "reason")), "sửa theo công văn 12");
    assert_string_equal(json_string_value(json_object_get(row, "at")), "2026-11-21T10:30:02.500Z");
    assert_int_equal(json_get_int(row, "rev", 0), 2);
    /* Only what changed, before and after. */
    assert_int_equal(json_object_size(json_object_get(row, "after")), 2);
    assert_true(json_is_null(json_object_get(json_object_get(row, "before"), "phone")));
    assert_string_equal(json_string_value(json_object_get(json_object_get(row, "after"), "phone")), "113");
    assert_true(json_is_object(json_object_get(json_object_get(row, "before"), "parent")));
    row = json_array_get(h, 1);
    assert_string_equal(json_string_value(json_object_get(row, "op")), "create");
    assert_true(json_is_null(json_object_get(row, "before")));
    assert_string_equal(json_string_value(json_object_get(json_object_get(row, "after"), "name")), "Sở Tài chính");
    json_decref(h);
    assert_int_equal(registry_history(f->r, &ADMIN, STR("unit"), STR("STC-P1"), &h, &f->e), 0);
    assert_string_equal(json_string_value(json_object_get(json_array_get(h, 0), "op")), "end");
    json_decref(h);
    assert_int_equal(registry_history(f->r, &ADMIN, STR("unit"), STR("NO"), &h, &f->e), -ENOENT);
    assert_int_equal(verify(f), 0);
}

/* Another person's reader: the chain as the comment in history.c draws it. */
struct chain {
    struct sha256 prev;
    char hex[65];
};

static bool chain_row(void *ctx, const struct val *v, size_t n)
{
    struct chain *c = ctx;
    struct buf b;

    assert_int_equal(n, 13);
    buf_init(&b, 1 << 20);
    for (int i = 0; i < 12; i++) {
        char number[32];
        str s = v[i].s;
        if (v[i].type == VAL_INT) {
            snprintf(number, sizeof(number), "%lld", (long long)v[i].i);
            s = str_c(number);
        }
        if (v[i].type == VAL_NULL)
            buf_z(&b, "-,");
        else
            buf_fmt(&b, "%zu:%.*s,", s.n, STR_ARGS(s));
    }
    c->prev = sha256_2((str){(const char *)c->prev.b, 32}, buf_view(&b));
    sha256_hex(c->prev, c->hex);
    assert_true(str_eq(v[12].s, str_c(c->hex)));
    buf_done(&b);
    return true;
}

static void chain_as_written_down(void **state)
{
    struct fixture *f = *state;
    struct chain c = {0};
    struct tx *tx;
    char head[65];
    uint64_t seq;

    fx_frame(f);
    assert_int_equal(store_begin(f->st, STORE_READ, &tx, &f->e), 0);
    assert_int_equal(
        tx_query(tx,
                 "SELECT seq, at, by_name, account_id, reason, kind, record_id, record_key, op, rev, before,"
                 " after, hash FROM history ORDER BY seq",
                 NO_VALS, chain_row, &c, &f->e),
        0);
    store_rollback(tx);
    assert_int_equal(registry_head(f->r, &seq, head, &f->e), 0);
    assert_int_equal(seq, 8);
    assert_string_equal(head, c.hex);
}

static void read_text(struct fixture *f, struct arena *a, const char *sql, str *out)
{
    struct val v;
    struct tx *tx;

    assert_int_equal(store_begin(f->st, STORE_READ, &tx, &f->e), 0);
    assert_int_equal(tx_one(tx, a, sql, NO_VALS, &v, &f->e), 1);
    store_rollback(tx);
    *out = v.s;
}

/* Every byte of every column of a row in the middle, one at a time. */
static void any_byte(void **state)
{
    static const char *const columns[] = {"by_name", "reason", "kind", "record_key", "op", "before", "after", "hash"};
    static const char *const numbers[] = {"at", "account_id", "record_id", "rev"};
    struct fixture *f = *state;
    struct actor who = ADMIN;
    json_t *out;
    char sql[400];
    int tampered = 0;

    fx_frame(f);
    who.reason = STR("lý do");
    assert_int_equal(fx_change_as(f, &who, "unit", "STC", 1, "{'phone':'113'}", &out), 0);
    json_decref(out);
    fx_add(f, "person", "{'code':'sau','name':'Sau','unit':'STC'}");
    assert_int_equal(verify(f), 0);
    for (size_t c = 0; c < sizeof(columns) / sizeof(columns[0]); c++) {
        struct arena a = arena_init(1 << 20);
        str was;
        snprintf(sql, sizeof(sql), "SELECT %s FROM history WHERE seq = 9", columns[c]);
        read_text(f, &a, sql, &was);
        snprintf(sql, sizeof(sql), "UPDATE history SET %s = ?1 WHERE seq = 9", columns[c]);
        for (size_t i = 0; i <= was.n; i++) {
            char *now = arena_cstr(&a, was);
            if (i < was.n)
                now[i] = (char)(now[i] ^ 1);
            str bad = {now, i < was.n ? was.n : was.n - 1}; /* last: one byte cut off */
            if (!utf8_valid(bad))
                bad.n = 0; /* half a letter is no text: none at all then */
            raw_with(f, sql, VALS(V_STR(bad)));
            if (verify(f) != 9)
                fail_msg("%s byte %zu", columns[c], i);
            tampered++;
        }
        raw_with(f, sql, VALS(V_STR(was)));
        arena_free(&a);
        assert_int_equal(verify(f), 0);
    }
    for (size_t c = 0; c < sizeof(numbers) / sizeof(numbers[0]); c++) {
        snprintf(sql, sizeof(sql), "UPDATE history SET %s = %s + 1 WHERE seq = 9", numbers[c], numbers[c]);
        raw(f, sql);
        assert_int_equal(verify(f), 9);
        snprintf(sql, sizeof(sql), "UPDATE history SET %s = %s - 1 WHERE seq = 9", numbers[c], numbers[c]);
        raw(f, sql);
    }
    /* Empty in place of nothing, and bytes moved over the border of a column. */
    raw(f, "UPDATE history SET before = '' WHERE seq = 1");
    assert_int_equal(verify(f), 1);
    raw(f, "UPDATE history SET before = NULL WHERE seq = 1");
    raw(f,
        "UPDATE history SET kind = kind || substr(record_key, 1, 1), record_key = substr(record_key, 2) WHERE seq = 9");
    assert_int_equal(verify(f), 9);
    assert_true(tampered > 100);
}

static void rows_taken_put_in_or_swapped(void **state)
{
    static const struct {
        const char *sql;
        uint64_t bad;
    } t[] = {
        {"DELETE FROM history WHERE seq = 4", 4},
        {"DELETE FROM history WHERE seq = 1", 1},
        {"UPDATE history SET seq = seq + 100 WHERE seq = 4", 4},
        {"UPDATE history SET seq = 0 WHERE seq = 1", 1},
        {"INSERT INTO history SELECT 9, at, by_name, account_id, reason, kind, record_id, record_key, op, rev, before, "
         "after, hash FROM history"
         " WHERE seq = 8",
         9},
        {"UPDATE history SET seq = -4 WHERE seq = 4; UPDATE history SET seq = 4 WHERE seq = 5; UPDATE history SET seq "
         "= 5 WHERE seq = -4",
         4},
        {"UPDATE history SET hash = upper(hash) WHERE seq = 8", 8},
        {"UPDATE history SET hash = '' WHERE seq = 3", 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        struct fixture *f = fx_new();
        fx_frame(f);
        assert_int_equal(verify(f), 0);
        raw(f, t[i].sql);
        if (verify(f) != t[i].bad)
            fail_msg("%s", t[i].sql);
        fx_free(f);
    }
}

/* A row that is cut off at the end leaves a whole chain, but not the head that
 * was signed before. */
static void cut_at_the_end(void **state)
{
    struct fixture *f = *state;
    char before[65], after[65];
    uint64_t seq;

    assert_int_equal(registry_head(f->r, &seq, before, &f->e), 0);
    assert_int_equal(seq, 0);
    fx_frame(f);
    assert_int_equal(registry_head(f->r, &seq, before, &f->e), 0);
    raw(f, "DELETE FROM history WHERE seq = 8");
    assert_int_equal(verify(f), 0);
    assert_int_equal(registry_head(f->r, &seq, after, &f->e), 0);
    assert_int_equal(seq, 7);
    assert_string_not_equal(before, after);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fx_setup, fx_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(rows_say_what_happened),
        T(chain_as_written_down),
        T(any_byte),
        cmocka_unit_test(rows_taken_put_in_or_swapped),
        T(cut_at_the_end),
    };
    return cmocka_run_group_tests_name("registry/history", tests, NULL, NULL);
}
