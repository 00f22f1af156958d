/* What people and machines get wrong: trees that bite their tail, names in other
 * letters, one key written two ways, a clock that goes back, a file that is
 * wrong in every row. */
#include "registry/test-int.h"
#include <time.h>

static void assert_says(struct fixture *f, const char *key, const char *part)
{
    assert_true(f->es.n > 0);
    if (strcmp(f->es.v[0].key, key) != 0)
        fail_msg("%s, wanted %s", fx_text(&f->es.v[0]), key);
    if (strstr(fx_text(&f->es.v[0]), part) == NULL)
        fail_msg("'%s' does not say '%s'", fx_text(&f->es.v[0]), part);
}

/* A ring is told with the units in it, however long; by hand and in a file. */
static void rings_are_named(void **state)
{
    struct fixture *f = *state;
    json_t *out = NULL;

    fx_frame(f);
    assert_int_equal(fx_change(f, "unit", "STC", 1, "{'parent':'STC'}"), -EINVAL);
    assert_says(f, "registry.ring", "STC < STC");
    assert_int_equal(fx_change(f, "unit", "STC", 1, "{'parent':'STC-P1'}"), -EINVAL);
    assert_says(f, "registry.ring", "STC < STC-P1 < STC");
    assert_int_equal(fx_change(f, "unit", "TINH", 1, "{'parent':'STC-P1'}"), -EINVAL);
    assert_says(f, "registry.ring", "TINH < STC-P1 < STC < TINH");
    assert_int_equal(
        fx_import(f, &ADMIN, "unit", STR("code,parent.code\nTINH,XA01\nXA01,STC\nSTC,TINH\n"), false, &out), -EINVAL);
    assert_says(f, "registry.ring", "TINH < XA01 < STC < TINH");
    assert_non_null(strstr(f->es.v[0].at, "row 2"));
    json_t *unit = fx_get(f, "unit", "TINH");
    assert_true(json_is_null(json_object_get(unit, "parent"))); /* nothing of the file was kept */
    json_decref(unit);
}

static void trees_have_a_depth(void **state)
{
    struct fixture *f = *state;
    char text[160];
    int depth = 0, rc = 0;
    json_t *out = NULL;

    fx_add(f, "unit", "{'code':'T0','name':'x','tier':'province'}");
    for (; rc == 0 && depth < 100; depth++) {
        snprintf(text, sizeof(text), "{'code':'T%d','name':'x','tier':'commune','parent':'T%d'}", depth + 1, depth);
        rc = fx_create_as(f, &ADMIN, "unit", text, &out);
        json_decref(out);
        out = NULL;
    }
    assert_int_equal(rc, -EINVAL);
    assert_says(f, "registry.too_deep", "64");
    assert_int_equal(depth, 65); /* T0 and 64 below it */
}

/* Stored as DNS has it, shown as people write it, found by either. */
static void host_names_in_vietnamese(void **state)
{
    struct fixture *f = *state;
    static const char *const forms[] = {
        "máychủ.bắcninh.example", /* as typed */
        ("ma\xcc\x81ychu\xcc\x89.ba\xcc\x86\xcc\x81"
         "cninh.example"),         /* NFD */
        "MÁYCHỦ.Bắcninh.EXAMPLE.", /* upper case, a dot at the end */
    };
    static const char *const bad[] = {"máy chủ.example",     "xn--zzzzzzzzzz99.example", "xn--a.example",
                                      "-máy.example",        "máy_chủ.example",          "máy..example",
                                      "\xe2\x80\x8b.example"};
    json_t *out = NULL, *o;
    char ace[256] = "", text[400];
    struct val v;
    struct tx *tx;
    struct arena a = arena_init(1 << 20);
    struct buf csv;

    fx_frame(f);
    fx_add(f, "prefix", "{'prefix':'10.1.1.0/24','network':'WAN','unit':'STC'}");
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        snprintf(text, sizeof(text), "{'ip':'10.1.1.%zu','prefix':'10.1.1.0/24','fqdn':'%s'}", i + 1, forms[i]);
        o = fx_create(f, "address", text);
        assert_string_equal(json_string_value(json_object_get(o, "fqdn")), forms[0]);
        assert_string_equal(json_string_value(json_object_get(o, "title")), forms[0]);
        assert_int_equal(store_begin(f->st, STORE_READ, &tx, &f->e), 0);
        assert_int_equal(
            tx_one(tx, &a, "SELECT fqdn FROM address WHERE id = ?1", VALS(V_INT(json_get_int(o, "id", 0))), &v, &f->e),
            1);
        store_rollback(tx);
        assert_true(str_starts(v.s, STR("xn--")));
        if (i == 0)
            snprintf(ace, sizeof(ace), "%.*s", STR_ARGS(v.s));
        assert_true(str_eq(v.s, str_c(ace)));
        json_decref(o);
    }
    assert_string_equal(ace, "xn--mych-5na3327b.xn--bcninh-pf8b.example");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "{'ip':'10.1.1.9','prefix':'10.1.1.0/24','fqdn':'%s'}", bad[i]);
        if (fx_create_as(f, &ADMIN, "address", text, &out) != -EINVAL)
            fail_msg("taken: %s", bad[i]);
        assert_says(f, "registry.bad_fqdn", "");
    }
    /* A filter and the search take both forms; an export imports again with no change. */
    const char *const asks[] = {forms[1], ace};
    for (size_t i = 0; i < 2; i++) {
        struct list_query q = {.filter = {{STR("fqdn"), STR("eq"), str_c(asks[i])}}, .nfilters = 1, .count = true};
        struct list_query s = {.q = str_c(asks[i]), .count = true};
        assert_int_equal(registry_list(f->r, &ADMIN, STR("address"), &q, &out, &f->e), 0);
        assert_int_equal(json_get_int(out, "total", 0), 3);
        json_decref(out);
        assert_int_equal(registry_list(f->r, &ADMIN, STR("address"), &s, &out, &f->e), 0);
        assert_int_equal(json_get_int(out, "total", 0), 3);
        json_decref(out);
    }
    struct list_query all = {.limit = 100};
    buf_init(&csv, 1 << 20);
    assert_int_equal(registry_export_csv(f->r, &ADMIN, STR("address"), &all, &csv, &f->e), 0);
    assert_true(str_find(buf_view(&csv), str_c(forms[0])) != SIZE_MAX);
    assert_int_equal(fx_import(f, &ADMIN, "address", buf_view(&csv), false, &out), 0);
    assert_int_equal(json_get_int(out, "unchanged", 0), 3);
    json_decref(out);
    buf_done(&csv);
    /* An e-mail address has a host too; a zone is a key. */
    o = fx_create(f, "person", "{'code':'anlv','name':'Lê Văn An','unit':'STC','email':'an@máychủ.example'}");
    assert_string_equal(json_string_value(json_object_get(o, "email")), "an@máychủ.example");
    json_decref(o);
    fx_add(f, "dns_zone", "{'name':'bắcninh.example','network':'WAN'}");
    o = fx_get(f, "dns_zone", "bắcninh.example");
    assert_string_equal(json_string_value(json_object_get(o, "key")), "xn--bcninh-pf8b.example");
    assert_string_equal(json_string_value(json_object_get(o, "title")), "bắcninh.example");
    json_decref(o);
    json_decref(fx_get(f, "dns_zone", "xn--bcninh-pf8b.example"));
    assert_int_equal(fx_create_as(f, &ADMIN, "dns_zone", "{'name':'XN--bcninh-pf8b.example','network':'WAN'}", &out),
                     -EINVAL);
    assert_says(f, "registry.unique", "");
    arena_free(&a);
}

#define NFC "SỞ-NỘI-VỤ"
#define NFD "SO\xcc\x9b\xcc\x89-NO\xcc\x82\xcc\xa3I-VU\xcc\xa3"

/* A key typed on a Mac and one typed on Windows are one key. */
static void one_key_in_two_forms(void **state)
{
    struct fixture *f = *state;
    json_t *out = NULL, *a, *b;

    assert_string_not_equal(NFC, NFD);
    fx_add(f, "unit", "{'code':'" NFC "','name':'Sở Nội vụ','tier':'department'}");
    assert_int_equal(fx_create_as(f, &ADMIN, "unit", "{'code':'" NFD "','name':'x','tier':'department'}", &out),
                     -EINVAL);
    assert_says(f, "registry.unique", NFC);
    a = fx_get(f, "unit", NFC);
    b = fx_get(f, "unit", NFD);
    assert_true(json_equal(a, b));
    json_decref(a);
    json_decref(b);
    fx_add(f, "unit", "{'code':'P1','name':'Phòng','tier':'department','parent':'" NFD "'}");
    assert_int_equal(fx_import(f, &ADMIN, "unit", STR("code,name,tier\n" NFD ",Sở Nội vụ,department\n"), false, &out),
                     0);
    assert_int_equal(json_get_int(out, "unchanged", 0), 1);
    json_decref(out);
    assert_int_equal(
        fx_import(f, &ADMIN, "unit", STR("code,name,tier\n" NFD ",a,department\n" NFC ",b,department\n"), false, &out),
        -EINVAL);
}

/* The clock is set back by a day in the middle of three changes: the history keeps its
 * order and its chain, and every past state that is shown is one that there was. */
static void clock_set_back(void **state)
{
    struct fixture *f = *state;
    int64_t t[4];
    json_t *out = NULL, *items;
    uint64_t rows, bad;

    fx_add(f, "unit", "{'code':'A','name':'1','tier':'commune','phone':'111111'}");
    t[0] = clock_wall(&f->clk);
    clock_advance(&f->clk, 3600 * NS_PER_S);
    assert_int_equal(fx_change(f, "unit", "A", 1, "{'name':'2'}"), 0);
    t[1] = clock_wall(&f->clk);
    clock_advance(&f->clk, -1800 * NS_PER_S);
    assert_int_equal(fx_change(f, "unit", "A", 2, "{'phone':'333333'}"), 0);
    t[2] = clock_wall(&f->clk); /* between t[0] and t[1] */
    clock_advance(&f->clk, 86400 * NS_PER_S);
    assert_int_equal(fx_change(f, "unit", "A", 3, "{'name':'4'}"), 0);
    t[3] = clock_wall(&f->clk);
    assert_true(t[0] < t[2] && t[2] < t[1] && t[1] < t[3]);

    assert_int_equal(registry_history(f->r, &ADMIN, STR("unit"), STR("A"), &out, &f->e), 0);
    items = json_is_array(out) ? out : json_object_get(out, "items");
    assert_int_equal(json_array_size(items), 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(json_get_int(json_array_get(items, i), "rev", 0), 4 - (int64_t)i);
    json_decref(out);
    assert_int_equal(registry_verify(f->r, &rows, &bad, &f->e), 0);
    assert_int_equal(bad, 0);

    static const struct {
        int t;
        const char *name, *phone;
    } want[] = {{0, "1", "111111"}, {2, "2", "333333"}, {1, "2", "333333"}, {3, "4", "333333"}};
    for (size_t i = 0; i < 4; i++) {
        struct list_query q = {.limit = 10};
        assert_int_equal(registry_get_at(f->r, &ADMIN, STR("unit"), STR("A"), t[want[i].t], &out, &f->e), 0);
        assert_string_equal(json_string_value(json_object_get(out, "name")), want[i].name);
        assert_string_equal(json_string_value(json_object_get(out, "phone")), want[i].phone);
        json_t *list = NULL;
        assert_int_equal(registry_list_at(f->r, &ADMIN, STR("unit"), &q, t[want[i].t], &list, &f->e), 0);
        assert_true(json_equal(json_array_get(json_object_get(list, "items"), 0), out));
        json_decref(list);
        json_decref(out);
    }
    assert_int_equal(registry_get_at(f->r, &ADMIN, STR("unit"), STR("A"), t[0] - NS_PER_S, &out, &f->e), -ENOENT);
}

static double cpu_seconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Ten thousand rows, each wrong twice: judged in bounded time, so many mistakes kept,
 * all of them counted, none written. The limit is for sanitizers on a busy machine. */
static void ten_thousand_bad_rows(void **state)
{
    struct fixture *f = *state;
    enum { ROWS = 10000, LIMIT_S = 30 };
    struct buf csv;
    json_t *out = NULL;
    struct list_query q = {.limit = 1, .count = true};
    double began;

    buf_init(&csv, 4 << 20);
    buf_z(&csv, "code,name,tier,parent.code\n");
    for (int i = 0; i < ROWS; i++)
        buf_fmt(&csv, "U%d,Đơn vị %d,no-such-tier,KHONG-CO-%d\n", i, i, i);
    began = cpu_seconds();
    assert_int_equal(fx_import(f, &ADMIN, "unit", buf_view(&csv), false, &out), -EINVAL);
    double took = cpu_seconds() - began;
    print_message("# %d bad rows judged in %.2f s of CPU\n", ROWS, took);
    assert_true(took < LIMIT_S);
    assert_int_equal(f->es.total, 2 * ROWS);
    assert_int_equal(f->es.n, f->es.max);
    assert_non_null(strstr(f->es.v[0].at, "row 2"));
    assert_string_equal(f->e.key, "registry.csv_mistakes");
    assert_string_equal(f->e.arg[0], "20000");
    assert_int_equal(registry_list(f->r, &ADMIN, STR("unit"), &q, &out, &f->e), 0);
    assert_int_equal(json_get_int(out, "total", -1), 0);
    json_decref(out);
    buf_done(&csv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rings_are_named, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(trees_have_a_depth, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(host_names_in_vietnamese, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(one_key_in_two_forms, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(clock_set_back, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(ten_thousand_bad_rows, fx_setup, fx_teardown),
    };
    return cmocka_run_group_tests_name("registry/bad_input", tests, NULL, NULL);
}
