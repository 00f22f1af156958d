/* A past state is what stood there then: many writes, each with a picture of
 * the record after it, and every picture asked for again at the end. */
#include "base/test-int.h"
#include "registry/test-int.h"

enum { UNITS = 12, STEPS = 240 };
struct picture {
    int64_t at;
    json_t *rec;
};

static int setup(void **state)
{
    *state = fx_new();
    return 0;
}

static int teardown(void **state)
{
    fx_free(*state);
    return 0;
}

static json_t *get(struct fixture *f, int i)
{
    char key[16];

    snprintf(key, sizeof(key), "DV-%02d", i);
    return fx_get(f, "unit", key);
}

static void write_one(struct fixture *f, uint64_t *seed, int i)
{
    json_t *now = get(f, i), *out = NULL;
    char id[24], phone[24];

    snprintf(id, sizeof(id), "%lld", (long long)json_get_int(now, "id", 0));
    snprintf(phone, sizeof(phone), "0275%07llu", (unsigned long long)(prng(seed) % 10000000));
    json_t *patch =
        json_pack("{s:s, s:o}", "name", phone + 3, "phone", prng(seed) % 4 == 0 ? json_null() : json_string(phone));
    int rc =
        registry_change(f->r, &ADMIN, STR("unit"), str_c(id), json_get_int(now, "rev", 0), patch, &out, &f->es, &f->e);
    if (rc < 0)
        fail_msg("%s", fx_text(&f->e));
    json_decref(patch);
    json_decref(now);
    json_decref(out);
}

static void every_picture(void **state)
{
    struct fixture *f = *state;
    static struct picture pic[UNITS][STEPS];
    size_t n[UNITS] = {0};
    uint64_t seed = 5;
    int64_t begin = clock_wall(&f->clk);
    char key[16], in[80];

    for (int i = 0; i < UNITS; i++) {
        clock_advance(&f->clk, 3600 * NS_PER_S);
        snprintf(in, sizeof(in), "{'code':'DV-%02d','name':'Đơn vị','tier':'commune'}", i);
        json_decref(fx_create(f, "unit", in));
        pic[i][n[i]++] = (struct picture){clock_wall(&f->clk), get(f, i)};
    }
    for (int s = 0; s < STEPS - UNITS; s++) {
        int i = (int)(prng(&seed) % UNITS);
        clock_advance(&f->clk, (int64_t)(1 + prng(&seed) % 5000) * NS_PER_S);
        write_one(f, &seed, i);
        pic[i][n[i]++] = (struct picture){clock_wall(&f->clk), get(f, i)};
    }
    for (int i = 0; i < UNITS; i++) {
        json_t *out = NULL;
        snprintf(key, sizeof(key), "DV-%02d", i);
        assert_int_equal(registry_get_at(f->r, &ADMIN, STR("unit"), str_c(key), begin, &out, &f->e), -ENOENT);
        assert_string_equal(f->e.key, "registry.not_then");
        for (size_t k = 0; k < n[i]; k++) {
            int64_t till = k + 1 < n[i] ? pic[i][k + 1].at - 1 : INT64_MAX;
            const int64_t times[] = {pic[i][k].at, till};
            for (int t = 0; t < 2; t++) {
                assert_int_equal(registry_get_at(f->r, &ADMIN, STR("unit"), str_c(key), times[t], &out, &f->e), 0);
                if (!json_equal(out, pic[i][k].rec))
                    fail_msg("unit %d, picture %zu", i, k);
                json_decref(out);
            }
        }
    }
    for (int i = 0; i < UNITS; i++)
        for (size_t k = 0; k < n[i]; k++)
            json_decref(pic[i][k].rec);
}

/* Keys in a list of then, joined. */
static const char *list(struct fixture *f, const struct list_query *q, int64_t at)
{
    static char text[400];
    json_t *out = NULL, *v;
    size_t i, len = 0;

    if (registry_list_at(f->r, &ADMIN, STR("unit"), q, at, &out, &f->e) < 0)
        return f->e.key;
    text[0] = '\0';
    json_array_foreach(json_object_get(out, "items"), i, v) len +=
        (size_t)snprintf(text + len, sizeof(text) - len, "%s ", json_string_value(json_object_get(v, "key")));
    json_decref(out);
    return text;
}

static void lists(void **state)
{
    struct fixture *f = *state;
    struct list_query q = {0};
    json_t *out = NULL;
    int64_t t[4];

    t[0] = clock_wall(&f->clk);
    clock_advance(&f->clk, NS_PER_S);
    json_decref(fx_create(f, "unit", "{'code':'A','name':'Sở Tài chính','tier':'department'}"));
    json_decref(fx_create(f, "unit", "{'code':'B','name':'Xã Tân Hội','tier':'commune'}"));
    t[1] = clock_wall(&f->clk);
    clock_advance(&f->clk, NS_PER_S);
    json_decref(fx_create(f, "unit", "{'code':'C','name':'Xã An Đức','tier':'commune','parent':'A'}"));
    t[2] = clock_wall(&f->clk);
    clock_advance(&f->clk, NS_PER_S);
    assert_int_equal(registry_end(f->r, &ADMIN, STR("unit"), STR("B"), 1, &out, &f->e), 0);
    json_decref(out);
    t[3] = clock_wall(&f->clk);
    assert_string_equal(list(f, &q, t[0]), "");
    assert_string_equal(list(f, &q, t[1]), "A B ");
    assert_string_equal(list(f, &q, t[2]), "A B C ");
    assert_string_equal(list(f, &q, t[3]), "A C ");
    q.ended = true;
    assert_string_equal(list(f, &q, t[3]), "A B C ");
    q = (struct list_query){.filter = {{STR("tier"), STR("eq"), STR("commune")}}, .nfilters = 1};
    assert_string_equal(list(f, &q, t[2]), "B C ");
    q.filter[0].op = STR("ne");
    assert_string_equal(list(f, &q, t[2]), "A ");
    q = (struct list_query){.filter = {{STR("parent"), STR("eq"), STR("A")}}, .nfilters = 1};
    assert_string_equal(list(f, &q, t[2]), "C ");
    q = (struct list_query){.q = STR("tan hoi")};
    assert_string_equal(list(f, &q, t[2]), "B ");
    q = (struct list_query){.limit = 2};
    assert_string_equal(list(f, &q, t[2]), "A B ");
    q.cursor = STR("2");
    assert_string_equal(list(f, &q, t[2]), "C ");
    static const struct {
        struct list_query q;
        const char *key;
    } bad[] = {
        {{.cursor = {"x", 1}}, "registry.bad_cursor"},
        {{.order = {"name", 4}}, "registry.at_order"},
        {{.filter = {{{"name", 4}, {"ic", 2}, {"x", 1}}}, .nfilters = 1}, "registry.at_filter"},
        {{.filter = {{{"nothing", 7}, {"eq", 2}, {"x", 1}}}, .nfilters = 1}, "registry.unknown_field"},
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_string_equal(list(f, &bad[i].q, t[2]), bad[i].key);
}

/* Rows are read in pieces, four for each place of the page; a record's may go over many, and none counts twice. */
static void longer_than_a_piece(void **state)
{
    struct fixture *f = *state;
    char text[100], cursor[24] = "", want[100] = "";

    for (int i = 0; i < 10; i++) {
        snprintf(text, sizeof(text), "{'code':'U%d','name':'Tên','tier':'commune'}", i);
        json_decref(fx_create(f, "unit", text));
        for (int k = 0; k < i; k++) {
            snprintf(text, sizeof(text), "{'name':'Tên %d.%d'}", i, k);
            char key[8];
            snprintf(key, sizeof(key), "U%d", i);
            assert_int_equal(fx_change(f, "unit", key, k + 1, text), 0);
        }
    }
    for (int i = 0; i < 10; i++) {
        struct list_query q = {.limit = 1, .cursor = str_c(cursor)};
        json_t *out = NULL;
        assert_int_equal(registry_list_at(f->r, &ADMIN, STR("unit"), &q, clock_wall(&f->clk), &out, &f->e), 0);
        const json_t *rec = json_array_get(json_object_get(out, "items"), 0);
        snprintf(want, sizeof(want), i == 0 ? "Tên" : "Tên %d.%d", i, i - 1);
        assert_string_equal(json_string_value(json_object_get(rec, "name")), want);
        assert_int_equal(json_get_int(rec, "rev", 0), i + 1);
        str next = json_get_str(out, "next");
        assert_true((next.n > 0) == (i < 9));
        snprintf(cursor, sizeof(cursor), "%.*s", STR_ARGS(next));
        json_decref(out);
    }
    struct list_query last = {.limit = 1, .filter = {{STR("name"), STR("eq"), STR("Tên 9.8")}}, .nfilters = 1};
    assert_string_equal(list(f, &last, clock_wall(&f->clk)), "U9 ");
}

/* An officer sees of the past what he sees of the present. */
static void only_the_own_unit(void **state)
{
    struct fixture *f = *state;
    struct list_query q = {0};
    json_t *out = NULL;

    json_t *a = fx_create(f, "unit", "{'code':'A','name':'A','tier':'department'}");
    json_decref(fx_create(f, "unit", "{'code':'B','name':'B','tier':'department'}"));
    struct actor officer = {.name = STR("canbo"), .roles = ROLE_UNIT_OFFICER, .unit_id = json_get_int(a, "id", 0)};
    json_decref(a);
    assert_int_equal(registry_get_at(f->r, &officer, STR("unit"), STR("B"), INT64_MAX, &out, &f->e), -ENOENT);
    assert_int_equal(registry_get_at(f->r, &officer, STR("unit"), STR("A"), INT64_MAX, &out, &f->e), 0);
    json_decref(out);
    assert_int_equal(registry_list_at(f->r, &officer, STR("unit"), &q, INT64_MAX, &out, &f->e), 0);
    assert_int_equal(json_array_size(json_object_get(out, "items")), 1);
    json_decref(out);
}

static bool plan_row(void *ctx, const struct val *cols, size_t n)
{
    assert_int_equal(n, 4);
    bool *by_key = ctx;
    *by_key = *by_key || str_find(cols[3].s, STR("history_key")) != SIZE_MAX;
    assert_int_equal(str_find(cols[3].s, STR("TEMP B-TREE")), SIZE_MAX);
    return true;
}

/* A key that no record ever had is answered out of the index of keys, not by a walk through the history. */
static void unknown_key(void **state)
{
    struct fixture *f = *state;
    struct tx *tx;
    json_t *out = NULL;
    bool by_key = false;

    assert_int_equal(registry_get_at(f->r, &ADMIN, STR("unit"), STR("KHONG-CO"), clock_wall(&f->clk), &out, &f->e),
                     -ENOENT);
    assert_string_equal(f->e.key, "registry.not_found");
    if (test_on_pg()) /* how PostgreSQL would do it depends on how many rows it thinks there are */
        return;
    assert_int_equal(store_begin(f->st, STORE_READ, &tx, &f->e), 0);
    assert_int_equal(tx_query(tx, "EXPLAIN QUERY PLAN " PAST_KEY_SQL, VALS(V_Z("unit"), V_Z("KHONG-CO"), V_INT(1)),
                              plan_row, &by_key, &f->e),
                     0);
    assert_true(by_key);
    store_rollback(tx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(every_picture, setup, teardown),
                                       cmocka_unit_test_setup_teardown(unknown_key, setup, teardown),
                                       cmocka_unit_test_setup_teardown(lists, setup, teardown),
                                       cmocka_unit_test_setup_teardown(longer_than_a_piece, setup, teardown),
                                       cmocka_unit_test_setup_teardown(only_the_own_unit, setup, teardown)};
    return cmocka_run_group_tests_name("registry/past", tests, NULL, NULL);
}
