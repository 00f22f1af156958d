/* Prefixes and addresses: numbers and ranges, giving out next to a naive model
 * of a whole prefix, rest before an address comes again, the tree, refusals,
 * and many threads at once. */
#include "registry/test-int.h"
#include "registry/addr-int.h"
#include <pthread.h>

enum { DAY = 86400 };

static json_t *give(struct fixture *f, const char *prefix, const char *want)
{
    json_t *in = J(want), *out = NULL;

    f->es.n = f->es.total = 0;
    if (addr_allocate(f->r, &ADMIN, str_c(prefix), in, &out, &f->es, &f->e) < 0)
        fail_msg("allocate %s %s: %s / %s", prefix, want, fx_text(&f->e), f->es.n > 0 ? fx_text(&f->es.v[0]) : "");
    json_decref(in);
    return out;
}

static int refused(struct fixture *f, const struct actor *who, const char *prefix, const char *want)
{
    json_t *in = J(want), *out = NULL;

    f->es.n = f->es.total = 0;
    int rc = addr_allocate(f->r, who, str_c(prefix), in, &out, &f->es, &f->e);
    json_decref(in);
    assert_null(out);
    return rc;
}

/* The key of the i-th record that was given out. */
static const char *nth(const json_t *out, size_t i)
{
    return json_string_value(json_object_get(json_array_get(json_object_get(out, "items"), i), "key"));
}

static void expect_given(struct fixture *f, const char *prefix, const char *want, const char *const *keys, size_t n)
{
    json_t *out = give(f, prefix, want);

    assert_int_equal(json_array_size(json_object_get(out, "items")), n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(nth(out, i), keys[i]);
    json_decref(out);
}
#define GIVEN(f, prefix, want, ...)                                                                                    \
    expect_given(f, prefix, want, (const char *const[]){__VA_ARGS__},                                                  \
                 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void end_key(struct fixture *f, const char *kind, const char *key)
{
    json_t *rec = fx_get(f, kind, key), *out = NULL;

    if (registry_end(f->r, &ADMIN, str_c(kind), str_c(key), json_get_int(rec, "rev", 0), &out, &f->e) < 0)
        fail_msg("end %s: %s", key, fx_text(&f->e));
    json_decref(rec);
    json_decref(out);
}

static void ranges(void **state)
{
    static const struct {
        const char *prefix, *text;
        int rc;
        size_t n;
        const char *first;
    } t[] = {
        {"10.0.0.0/24", "", 0, 0, NULL},
        {"10.0.0.0/24", " , ,", 0, 0, NULL},
        {"10.0.0.0/24", "10.0.0.5", 0, 1, "10.0.0.5"},
        {"10.0.0.0/24", "10.0.0.9 - 10.0.0.20, 10.0.0.2-10.0.0.10", 0, 1, "10.0.0.2"},
        {"10.0.0.0/24", "10.0.0.9,10.0.0.10,10.0.0.12", 0, 2, "10.0.0.9"},
        {"10.0.0.0/24", "10.0.0.64/28,10.0.0.0/26", 0, 1, "10.0.0.0"},
        {"10.0.0.0/24", "10.0.0.65/28", -EINVAL, 0, NULL},
        {"10.0.0.0/24", "10.0.0.9-10.0.0.2", -EINVAL, 0, NULL},
        {"10.0.0.0/24", "10.0.1.0", -EINVAL, 0, NULL},
        {"10.0.0.0/24", "10.0.0.200-10.0.1.5", -EINVAL, 0, NULL},
        {"10.0.0.0/24", "2001:db8::1", -EINVAL, 0, NULL},
        {"10.0.0.0/24", "máy in", -EINVAL, 0, NULL},
        {"2001:db8::/64", "2001:db8::1-2001:db8::ff", 0, 1, "2001:db8::1"},
        {"2001:db8::/64", "2001:db8::1-10.0.0.1", -EINVAL, 0, NULL},
        {"::/0", "::/0", 0, 1, "::"},
        {"::/1", "::/1, ::/80", 0, 1, "::"},
        {"::/1", "::ffff:192.0.2.1-::ffff:192.0.2.9", 0, 1, "::ffff:192.0.2.1"},
        {"::/1", "192.0.2.1", -EINVAL, 0, NULL},
        {"192.0.2.0/24", "::ffff:192.0.2.1", 0, 1, "192.0.2.1"},
    };
    struct range r[4];
    struct prefix p;
    struct err e;
    char text[PREFIX_TEXT_MAX];
    size_t n;

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        assert_true(prefix_parse(str_c(t[i].prefix), &p));
        int rc = ranges_parse(str_c(t[i].text), p, r, 4, &n, &e);
        if (rc != t[i].rc || (rc == 0 && n != t[i].n))
            fail_msg("%s: %d, %zu ranges", t[i].text, rc, n);
        if (t[i].first != NULL)
            assert_true(str_eq(num_text(p.ip.family, r[0].first, text), str_c(t[i].first)));
    }
    assert_true(prefix_parse(STR("10.0.0.0/24"), &p));
    assert_int_equal(ranges_parse(STR("10.0.0.1,10.0.0.3,10.0.0.5,10.0.0.7,10.0.0.9"), p, r, 4, &n, &e), -E2BIG);
}

static void numbers(void **state)
{
    char text[ANUM_TEXT], px[PREFIX_TEXT_MAX];

    (void)state;
    assert_true(str_eq(num_decimal(0, text), STR("0")));
    assert_true(str_eq(num_decimal(~(anum)0, text), STR("340282366920938463463374607431768211455")));
    /* .1 to .254 of a /24 as the aligned prefixes it is made of */
    struct range r = {0x0a000001, 0x0a0000fe};
    static const unsigned lens[] = {32, 31, 30, 29, 28, 27, 26, 26, 27, 28, 29, 30, 31, 32};
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        unsigned len = range_head(4, r);
        assert_int_equal(len, lens[i]);
        r.first += (anum)1 << (32 - len);
    }
    assert_true(r.first == r.last + 1);
    assert_int_equal(range_head(6, (struct range){0, ~(anum)0}), 0);
    assert_int_equal(range_head(4, (struct range){0, 0xffffffff}), 0);
    assert_true(str_eq(range_text(6, (struct range){(anum)0x20010db8 << 96, 0}, 32, px), STR("2001:db8::/32")));
}

static void next_addresses(void **state)
{
    struct fixture *f = *state;

    fx_frame(f);
    fx_add(f, "prefix",
           "{'prefix':'10.1.0.0/28','network':'WAN','gateway':'10.1.0.1','reserved':'10.1.0.4-10.1.0.5, 10.1.0.8/30'}");
    fx_add(f, "device", "{'code':'TB-1','name':'Máy 1','category':'server','unit':'STC'}");
    fx_add(f, "address", "{'ip':'10.1.0.3','prefix':'10.1.0.0/28'}");
    GIVEN(f, "10.1.0.0/28", "{}", "10.1.0.2");
    GIVEN(f, "10.1.0.0/28", "{'count':3,'name':'cam{n}.so.example','device':'TB-1','purpose':'giám sát'}", "10.1.0.6",
          "10.1.0.7", "10.1.0.12");
    json_t *rec = fx_get(f, "address", "10.1.0.7");
    assert_string_equal(json_string_value(json_object_get(rec, "fqdn")), "cam2.so.example");
    assert_string_equal(json_string_value(json_object_get(json_object_get(rec, "device"), "key")), "TB-1");
    assert_string_equal(json_string_value(json_object_get(rec, "purpose")), "giám sát");
    json_decref(rec);

    /* Too few: nothing is given, and the numbers are told. */
    assert_int_equal(refused(f, &ADMIN, "10.1.0.0/28", "{'count':3}"), -EEXIST);
    assert_string_equal(f->e.key, "registry.too_few");
    assert_string_equal(f->e.arg[1], "2");
    assert_string_equal(f->e.arg[2], "3");
    GIVEN(f, "10.1.0.0/28", "{'count':2}", "10.1.0.13", "10.1.0.14");
    assert_int_equal(refused(f, &ADMIN, "10.1.0.0/28", "{}"), -EEXIST);
}

/* An address rests before it is given out by itself; a person may still name it. */
static void rest(void **state)
{
    struct fixture *f = *state;

    fx_frame(f);
    fx_add(f, "prefix", "{'prefix':'10.1.0.0/29','network':'WAN','cool_off_days':10}");
    GIVEN(f, "10.1.0.0/29", "{'count':6}", "10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5", "10.1.0.6");
    end_key(f, "address", "10.1.0.2");
    end_key(f, "address", "10.1.0.4");
    assert_int_equal(refused(f, &ADMIN, "10.1.0.0/29", "{}"), -EEXIST);
    assert_string_equal(f->e.arg[3], "2");
    clock_advance(&f->clk, (10 * DAY - 1) * NS_PER_S);
    assert_int_equal(refused(f, &ADMIN, "10.1.0.0/29", "{}"), -EEXIST);
    fx_add(f, "address", "{'ip':'10.1.0.4','prefix':'10.1.0.0/29'}");
    clock_advance(&f->clk, NS_PER_S);
    GIVEN(f, "10.1.0.0/29", "{}", "10.1.0.2");
    assert_int_equal(refused(f, &ADMIN, "10.1.0.0/29", "{}"), -EEXIST);

    /* One that moves lets its old place go. */
    fx_add(f, "prefix", "{'prefix':'10.2.0.0/29','network':'WAN','cool_off_days':0}");
    assert_int_equal(fx_change(f, "address", "10.1.0.5", 1, "{'ip':'10.2.0.1','prefix':'10.2.0.0/29'}"), 0);
    assert_int_equal(refused(f, &ADMIN, "10.1.0.0/29", "{}"), -EEXIST);
    assert_int_equal(fx_change(f, "prefix", "10.1.0.0/29", 1, "{'cool_off_days':0}"), 0);
    GIVEN(f, "10.1.0.0/29", "{}", "10.1.0.5");

    /* Set back, the clock makes nothing free too soon. */
    assert_int_equal(fx_change(f, "prefix", "10.1.0.0/29", 2, "{'cool_off_days':1}"), 0);
    end_key(f, "address", "10.1.0.6");
    clock_advance(&f->clk, -(int64_t)3 * DAY * NS_PER_S);
    assert_int_equal(refused(f, &ADMIN, "10.1.0.0/29", "{}"), -EEXIST);
}

static void next_prefixes(void **state)
{
    struct fixture *f = *state;

    fx_frame(f);
    fx_add(f, "prefix", "{'prefix':'10.0.0.0/16','network':'WAN','container':true,'reserved':'10.0.1.0/24'}");
    fx_add(f, "prefix", "{'prefix':'10.0.4.0/22','network':'WAN','container':true}");
    fx_add(f, "prefix", "{'prefix':'10.0.4.0/24','network':'WAN'}");
    GIVEN(f, "10.0.0.0/16", "{'length':24,'count':4,'unit':'STC'}", "10.0.0.0/24", "10.0.2.0/24", "10.0.3.0/24",
          "10.0.8.0/24");
    GIVEN(f, "10.0.0.0/16", "{'length':22}", "10.0.12.0/22");
    GIVEN(f, "10.0.0.0/16", "{'length':30}", "10.0.9.0/30");
    GIVEN(f, "10.0.0.0/16", "{'length':24}", "10.0.10.0/24");
    GIVEN(f, "10.0.4.0/22", "{'length':25,'count':2,'container':true}", "10.0.5.0/25", "10.0.5.128/25");
    json_t *rec = fx_get(f, "prefix", "10.0.2.0/24");
    assert_string_equal(json_string_value(json_object_get(json_object_get(rec, "unit"), "key")), "STC");
    assert_string_equal(json_string_value(json_object_get(json_object_get(rec, "network"), "key")), "WAN");
    json_decref(rec);

    assert_int_equal(refused(f, &ADMIN, "10.0.0.0/16", "{}"), -EEXIST);
    assert_string_equal(f->e.key, "registry.is_container");
    assert_int_equal(refused(f, &ADMIN, "10.0.2.0/24", "{'length':26}"), -EEXIST);
    assert_string_equal(f->e.key, "registry.no_container");
    assert_int_equal(refused(f, &ADMIN, "10.0.0.0/16", "{'length':16}"), -EINVAL);
    assert_int_equal(refused(f, &ADMIN, "10.0.0.0/16", "{'length':33}"), -EINVAL);
    assert_int_equal(refused(f, &ADMIN, "10.0.0.0/16", "{'length':17,'count':2}"), -EEXIST);
    assert_string_equal(f->e.key, "registry.too_few_prefixes");
    assert_string_equal(f->e.arg[1], "1");
}

static void refusals(void **state)
{
    static const struct actor officer = {.name = {"can", 3}, .account_id = 2, .roles = ROLE_UNIT_OFFICER, .unit_id = 2};
    static const struct actor auditor = {.name = {"ktra", 4}, .account_id = 3, .roles = ROLE_AUDITOR};
    struct fixture *f = *state;
    json_t *out = NULL;

    fx_frame(f);
    fx_add(f, "prefix", "{'prefix':'10.1.0.0/24','network':'WAN','unit':'XA01'}");
    fx_add(f, "prefix", "{'prefix':'10.2.0.0/24','network':'WAN','unit':'STC'}");
    assert_int_equal(refused(f, &ADMIN, "10.9.0.0/24", "{}"), -ENOENT);
    assert_int_equal(refused(f, &ADMIN, "10.1.0.0/24", "{'count':0}"), -EINVAL);
    assert_int_equal(refused(f, &ADMIN, "10.1.0.0/24", "{'count':1001}"), -EINVAL);
    assert_int_equal(refused(f, &ADMIN, "10.1.0.0/24", "{'count':2,'name':'may.example'}"), -EINVAL);
    assert_int_equal(refused(f, &ADMIN, "10.1.0.0/24", "{'device':'TB-khong-co'}"), -EINVAL);
    assert_string_equal(f->es.v[0].at, "/fields/device");
    assert_int_equal(refused(f, &auditor, "10.1.0.0/24", "{}"), -EACCES);
    assert_int_equal(refused(f, &officer, "10.2.0.0/24", "{}"), -EACCES);
    assert_int_equal(refused(f, &officer, "10.1.0.0/24", "{}"), -ENOENT);
    assert_int_equal(addr_free(f->r, &officer, STR("10.1.0.0/24"), 1, 0, &out, &f->e), -ENOENT);
    assert_int_equal(addr_tree(f->r, &officer, STR("10.1.0.0/24"), STR(""), 0, &out, &f->e), -ENOENT);
    assert_int_equal(addr_tree(f->r, &ADMIN, STR("10.1.0.0/24"), STR("10.2.0.1"), 0, &out, &f->e), -EINVAL);
    /* Nothing of all this was kept. */
    GIVEN(f, "10.1.0.0/24", "{}", "10.1.0.1");

    assert_int_equal(fx_create_as(f, &ADMIN, "prefix",
                                  "{'prefix':'10.3.0.0/24','network':'WAN','gateway':'10.4.0.1','reserved':'abc'}",
                                  &out),
                     -EINVAL);
    assert_int_equal(f->es.total, 2);
    assert_int_equal(fx_create_as(f, &ADMIN, "prefix", "{'prefix':'10.1.0.0/25','network':'WAN'}", &out), -EINVAL);
    /* An address belongs to the innermost prefix. */
    fx_add(f, "prefix", "{'prefix':'10.0.0.0/8','network':'WAN','container':true}");
    assert_int_equal(fx_create_as(f, &ADMIN, "address", "{'ip':'10.1.0.77','prefix':'10.0.0.0/8'}", &out), -EINVAL);
    assert_string_equal(f->es.v[0].key, "registry.not_innermost");
    fx_add(f, "address", "{'ip':'10.200.0.1','prefix':'10.0.0.0/8'}");
}

static void check_row(const json_t *rows, size_t i, const char *type, const char *first, const char *last)
{
    const json_t *o = json_array_get(rows, i);

    if (o == NULL || strcmp(json_string_value(json_object_get(o, "type")), type) != 0 ||
        strcmp(json_string_value(json_object_get(o, "first")), first) != 0 ||
        strcmp(json_string_value(json_object_get(o, "last")), last) != 0)
        fail_msg("row %zu is not %s %s-%s: %s", i, type, first, last, o != NULL ? json_dumps(o, 0) : "none");
}

static json_t *tree_of(struct fixture *f, const char *prefix, const char *from, size_t limit)
{
    json_t *out = NULL;

    if (addr_tree(f->r, &ADMIN, str_c(prefix), str_c(from), limit, &out, &f->e) < 0)
        fail_msg("tree %s: %s", prefix, fx_text(&f->e));
    return out;
}

static const char *use_of(const json_t *tree, const char *what)
{
    return json_string_value(json_object_get(json_object_get(tree, "use"), what));
}

static void tree(void **state)
{
    struct fixture *f = *state;

    fx_frame(f);
    fx_add(f, "prefix", "{'prefix':'10.0.0.0/22','network':'WAN','container':true,'reserved':'10.0.3.0/24'}");
    fx_add(f, "address", "{'ip':'10.0.1.5','prefix':'10.0.0.0/22'}");
    fx_add(f, "prefix", "{'prefix':'10.0.0.0/25','network':'WAN','gateway':'10.0.0.1'}");
    fx_add(f, "prefix", "{'prefix':'10.0.1.0/26','network':'WAN','unit':'STC'}");
    fx_add(f, "prefix", "{'prefix':'10.0.0.0/23','network':'NET'}"); /* another network is another tree */
    json_decref(give(f, "10.0.0.0/25", "{'count':3}"));
    end_key(f, "address", "10.0.0.3");

    json_t *t = tree_of(f, "10.0.0.0/22", "", 0), *rows = json_object_get(t, "rows");
    check_row(rows, 0, "prefix", "10.0.0.0", "10.0.0.127");
    check_row(rows, 1, "gap", "10.0.0.128", "10.0.0.255");
    check_row(rows, 2, "prefix", "10.0.1.0", "10.0.1.63");
    check_row(rows, 3, "gap", "10.0.1.64", "10.0.1.127");
    check_row(rows, 4, "gap", "10.0.1.128", "10.0.1.255");
    check_row(rows, 5, "gap", "10.0.2.0", "10.0.2.255");
    check_row(rows, 6, "reserved", "10.0.3.0", "10.0.3.255");
    assert_int_equal(json_array_size(rows), 7);
    assert_string_equal(use_of(t, "size"), "1024");
    assert_string_equal(use_of(t, "prefixes"), "192");
    assert_string_equal(use_of(t, "addresses"), "0");
    assert_string_equal(use_of(t, "reserved"), "256");
    assert_string_equal(use_of(t, "free"), "576");
    assert_int_equal(json_array_size(json_object_get(t, "conflicts")), 1);
    assert_string_equal(use_of(json_array_get(rows, 0), "addresses"), "2");
    json_decref(t);

    t = tree_of(f, "10.0.0.0/25", "", 0);
    rows = json_object_get(t, "rows");
    check_row(rows, 0, "reserved", "10.0.0.0", "10.0.0.0");
    check_row(rows, 1, "reserved", "10.0.0.1", "10.0.0.1");
    check_row(rows, 2, "address", "10.0.0.2", "10.0.0.2");
    check_row(rows, 3, "cooling", "10.0.0.3", "10.0.0.3");
    check_row(rows, 4, "address", "10.0.0.4", "10.0.0.4");
    check_row(rows, 5, "gap", "10.0.0.5", "10.0.0.5");
    check_row(rows, 6, "gap", "10.0.0.6", "10.0.0.7");
    assert_string_equal(use_of(t, "cooling"), "1");
    assert_string_equal(use_of(t, "reserved"), "3");
    assert_string_equal(use_of(t, "free"), "122");
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(t, "above"), 0), "key")),
                        "10.0.0.0/22");
    json_decref(t);

    /* Page by page it is the same. */
    char from[PREFIX_TEXT_MAX] = "";
    json_t *whole = tree_of(f, "10.0.0.0/25", "", 0), *all = json_object_get(whole, "rows");
    for (size_t i = 0; i < json_array_size(all); i++) {
        t = tree_of(f, "10.0.0.0/25", from, 1);
        assert_true(json_equal(json_array_get(json_object_get(t, "rows"), 0), json_array_get(all, i)));
        snprintf(from, sizeof(from), "%s",
                 json_is_null(json_object_get(t, "next")) ? "" : json_string_value(json_object_get(t, "next")));
        json_decref(t);
    }
    assert_string_equal(from, "");
    json_decref(whole);
}

/* What an officer may not see is there, without a name. */
static void tree_of_officer(void **state)
{
    struct actor officer = {.name = STR("can"), .roles = ROLE_UNIT_OFFICER};
    struct fixture *f = *state;
    json_t *out = NULL, *rec;

    fx_frame(f);
    rec = fx_get(f, "unit", "STC");
    officer.unit_id = json_get_int(rec, "id", 0);
    json_decref(rec);
    fx_add(f, "prefix", "{'prefix':'10.0.0.0/22','network':'WAN','container':true,'unit':'STC'}");
    fx_add(f, "prefix", "{'prefix':'10.0.0.0/24','network':'WAN','unit':'STC-P1'}");
    fx_add(f, "prefix", "{'prefix':'10.0.1.0/24','network':'WAN','unit':'XA01'}");
    assert_int_equal(addr_tree(f->r, &officer, STR("10.0.0.0/22"), STR(""), 0, &out, &f->e), 0);
    json_t *rows = json_object_get(out, "rows");
    check_row(rows, 0, "prefix", "10.0.0.0", "10.0.0.255");
    check_row(rows, 1, "taken", "10.0.1.0", "10.0.1.255");
    check_row(rows, 2, "gap", "10.0.2.0", "10.0.3.255");
    assert_null(json_object_get(json_array_get(rows, 1), "id"));
    json_decref(out);
}

/* IPv6: the next of 2^64, and what is left, without looking at all of them. */
static void v6(void **state)
{
    struct fixture *f = *state;
    json_t *out = NULL;

    fx_frame(f);
    fx_add(f, "prefix", "{'prefix':'2001:db8::/48','network':'WAN','container':true}");
    GIVEN(f, "2001:db8::/48", "{'length':64,'count':2}", "2001:db8::/64", "2001:db8:0:1::/64");
    fx_add(f, "address", "{'ip':'2001:db8::2','prefix':'2001:db8::/64'}");
    fx_add(f, "address", "{'ip':'2001:db8::ffff:ffff:ffff:ffff','prefix':'2001:db8::/64'}");
    GIVEN(f, "2001:db8::/64", "{'count':2}", "2001:db8::1", "2001:db8::3");
    assert_int_equal(addr_free(f->r, &ADMIN, STR("2001:db8::/64"), 2, 0, &out, &f->e), 0);
    assert_string_equal(json_string_value(json_array_get(json_object_get(out, "items"), 1)), "2001:db8::5");
    assert_string_equal(json_string_value(json_object_get(out, "free")), "18446744073709551611");
    json_decref(out);
    assert_int_equal(addr_free(f->r, &ADMIN, STR("2001:db8::/48"), 1, 56, &out, &f->e), 0);
    assert_string_equal(json_string_value(json_array_get(json_object_get(out, "items"), 0)), "2001:db8:0:100::/56");
    json_decref(out);
    json_t *t = tree_of(f, "2001:db8::/64", "", 3);
    check_row(json_object_get(t, "rows"), 0, "reserved", "2001:db8::", "2001:db8::");
    json_decref(t);
    /* RFC 3021 and RFC 6164: both addresses of a link of two are used. */
    fx_add(f, "prefix", "{'prefix':'10.9.0.0/31','network':'WAN'}");
    GIVEN(f, "10.9.0.0/31", "{'count':2}", "10.9.0.0", "10.9.0.1");
    assert_int_equal(refused(f, &ADMIN, "10.9.0.0/31", "{}"), -EEXIST);
    fx_add(f, "prefix", "{'prefix':'2001:db8:1::/127','network':'WAN'}");
    GIVEN(f, "2001:db8:1::/127", "{'count':2}", "2001:db8:1::", "2001:db8:1::1");
}

/* The naive model: one cell an address of a /24 (v4) or /120 (v6). */
enum cell { FREE, TAKEN, RESERVED };
struct model {
    enum cell cell[256];
    int64_t let_go[256]; /* 0: never */
};
static uint64_t seed = 7;

static uint32_t draw(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static bool model_free(const struct model *m, int i, int64_t now, int64_t cool)
{
    return m->cell[i] == FREE && (m->let_go[i] == 0 || m->let_go[i] <= now - cool);
}

static void text_of(bool six, int i, char out[64])
{
    if (six)
        snprintf(out, 64, i == 0 ? "2001:db8::" : "2001:db8::%x", i);
    else
        snprintf(out, 64, "10.0.0.%d", i);
}

static void model_compare(struct fixture *f, const struct model *m, bool six, const char *prefix, int64_t cool)
{
    int64_t now = clock_wall(&f->clk) / NS_PER_S;
    json_t *out = NULL;
    char text[64];
    size_t n = 0, free = 0;

    assert_int_equal(addr_free(f->r, &ADMIN, str_c(prefix), 1000, 0, &out, &f->e), 0);
    json_t *items = json_object_get(out, "items");
    for (int i = 0; i < 256; i++) {
        if (!model_free(m, i, now, cool))
            continue;
        text_of(six, i, text);
        free++;
        const char *have = json_string_value(json_array_get(items, n++));
        if (have == NULL || strcmp(have, text) != 0)
            fail_msg("the model has %s free, the registry %s", text, have != NULL ? have : "nothing");
    }
    assert_int_equal(json_array_size(items), n);
    snprintf(text, sizeof(text), "%zu", free);
    assert_string_equal(json_string_value(json_object_get(out, "free")), text);
    json_decref(out);
}

static void model_give(struct fixture *f, struct model *m, bool six, const char *prefix, int64_t cool)
{
    int64_t now = clock_wall(&f->clk) / NS_PER_S;
    size_t want = 1 + draw(6), have = 0;
    char text[64], body[64];

    for (int i = 0; i < 256; i++)
        have += model_free(m, i, now, cool);
    snprintf(body, sizeof(body), "{'count':%zu}", want);
    if (have < want) {
        assert_int_equal(refused(f, &ADMIN, prefix, body), -EEXIST);
        return;
    }
    json_t *out = give(f, prefix, body);
    for (int i = 0, k = 0; i < 256 && k < (int)want; i++)
        if (model_free(m, i, now, cool)) {
            text_of(six, i, text);
            assert_string_equal(nth(out, (size_t)k++), text);
            m->cell[i] = TAKEN;
            m->let_go[i] = 0;
        }
    json_decref(out);
}

static void model_end(struct fixture *f, struct model *m, bool six)
{
    int i = (int)draw(256);
    char text[64];

    if (m->cell[i] != TAKEN)
        return;
    text_of(six, i, text);
    end_key(f, "address", text);
    m->cell[i] = FREE;
    m->let_go[i] = clock_wall(&f->clk) / NS_PER_S;
}

/* By hand, anywhere: also where an address rests. */
static void model_hand(struct fixture *f, struct model *m, bool six, const char *prefix)
{
    int i = (int)draw(256);
    char text[64], body[160];

    if (m->cell[i] != FREE)
        return;
    text_of(six, i, text);
    snprintf(body, sizeof(body), "{'ip':'%s','prefix':'%s'}", text, prefix);
    fx_add(f, "address", body);
    m->cell[i] = TAKEN;
    m->let_go[i] = 0;
}

static void against_model(void **state)
{
    struct fixture *f = *state;
    const int64_t cool = 3 * DAY;

    fx_frame(f);
    for (int six = 0; six < 2; six++) {
        struct model m = {0};
        const char *prefix = six ? "2001:db8::/120" : "10.0.0.0/24";
        char body[300], a[64], b[64], gw[64];
        text_of(six, 16, a);
        text_of(six, 31, b);
        text_of(six, 200, gw);
        snprintf(body, sizeof(body),
                 "{'prefix':'%s','network':'WAN','cool_off_days':3,'gateway':'%s','reserved':'%s-%s'}", prefix, gw, a,
                 b);
        fx_add(f, "prefix", body);
        for (int i = 16; i <= 31; i++)
            m.cell[i] = RESERVED;
        m.cell[200] = m.cell[0] = RESERVED;
        if (!six)
            m.cell[255] = RESERVED;
        for (int step = 0; step < 400; step++) {
            uint32_t what = draw(10);
            if (what < 3)
                model_give(f, &m, six, prefix, cool);
            else if (what < 7)
                model_end(f, &m, six);
            else if (what < 8)
                model_hand(f, &m, six, prefix);
            else
                clock_advance(&f->clk, (int64_t)draw(DAY) * NS_PER_S);
            if (step % 10 == 0)
                model_compare(f, &m, six, prefix, cool);
        }
        model_compare(f, &m, six, prefix, cool);
    }
}

/* Random trees: what is free for prefixes is what no living prefix covers. */
static void prefixes_against_model(void **state)
{
    struct fixture *f = *state;
    unsigned char used[4096] = {0}; /* a cell a /24 of 10.0.0.0/12 */
    char body[96];

    fx_frame(f);
    fx_add(f, "prefix", "{'prefix':'10.0.0.0/12','network':'WAN','container':true}");
    for (int step = 0; step < 120; step++) {
        unsigned len = 16 + draw(9), cells = 1U << (24 - len), at = 0;
        while (at + cells <= 4096) {
            unsigned k = 0;
            while (k < cells && !used[at + k])
                k++;
            if (k == cells)
                break;
            at += cells;
        }
        snprintf(body, sizeof(body), "{'length':%u}", len);
        if (at + cells > 4096) {
            assert_int_equal(refused(f, &ADMIN, "10.0.0.0/12", body), -EEXIST);
            continue;
        }
        json_t *out = give(f, "10.0.0.0/12", body);
        snprintf(body, sizeof(body), "10.%u.%u.0/%u", at / 256, at % 256, len);
        assert_string_equal(nth(out, 0), body);
        json_decref(out);
        memset(used + at, 1, cells);
        if (draw(4) == 0) { /* one goes again */
            end_key(f, "prefix", body);
            memset(used + at, 0, cells);
        }
    }
    size_t left = 0;
    for (size_t i = 0; i < 4096; i++)
        left += !used[i];
    json_t *t = tree_of(f, "10.0.0.0/12", "", 2000);
    snprintf(body, sizeof(body), "%zu", left * 256);
    assert_string_equal(use_of(t, "free"), body);
    json_decref(t);
}

enum { THREADS = 8, EACH = 25 };
struct giver {
    struct fixture *f;
    char got[EACH][IP_TEXT_MAX];
};

static void *giver_run(void *ctx)
{
    struct giver *g = ctx;
    json_t *in = json_object();

    for (int i = 0; i < EACH; i++) {
        struct errs es;
        struct err e = {0};
        json_t *out = NULL;
        errs_init(&es, 4);
        if (addr_allocate(g->f->r, &ADMIN, STR("10.0.0.0/24"), in, &out, &es, &e) == 0)
            snprintf(g->got[i], IP_TEXT_MAX, "%s", nth(out, 0));
        json_decref(out);
        errs_done(&es);
    }
    json_decref(in);
    return NULL;
}

static void many_threads(void **state)
{
    struct fixture *f = *state;
    static struct giver g[THREADS];
    pthread_t id[THREADS];
    bool seen[256] = {false};
    struct ip ip;

    fx_frame(f);
    fx_add(f, "prefix", "{'prefix':'10.0.0.0/24','network':'WAN'}");
    for (int i = 0; i < THREADS; i++) {
        g[i] = (struct giver){.f = f};
        assert_int_equal(pthread_create(&id[i], NULL, giver_run, &g[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(id[i], NULL);
    for (int i = 0; i < THREADS; i++)
        for (int k = 0; k < EACH; k++) {
            assert_true(ip_parse(str_c(g[i].got[k]), &ip));
            assert_false(seen[ip.b[3]]);
            seen[ip.b[3]] = true;
        }
    for (int i = 1; i <= THREADS * EACH; i++)
        assert_true(seen[i]);
}

static json_t *zone_as(struct fixture *f, const struct actor *who, const char *zone)
{
    json_t *out = NULL;

    if (dns_derived(f->r, who, str_c(zone), &out, &f->e) < 0)
        fail_msg("%s: %s", zone, fx_text(&f->e));
    return out;
}

/* name TYPE value from, all records of the zone in order */
static void expect_zone(struct fixture *f, const char *zone, const char *const *rows, size_t n)
{
    json_t *out = zone_as(f, &ADMIN, zone), *items = json_object_get(out, "items"), *o;
    size_t i;

    json_array_foreach(items, i, o)
    {
        char text[400];
        snprintf(text, sizeof(text), "%s %s %s %s", json_string_value(json_object_get(o, "name")),
                 json_string_value(json_object_get(o, "type")), json_string_value(json_object_get(o, "value")),
                 json_string_value(json_object_get(o, "from")));
        if (i >= n || strcmp(text, rows[i]) != 0)
            fail_msg("record %zu is %s, not %s", i, text, i < n ? rows[i] : "none");
    }
    assert_int_equal(json_array_size(items), n);
    json_decref(out);
}
#define ZONE(f, zone, ...)                                                                                             \
    expect_zone(f, zone, (const char *const[]){__VA_ARGS__},                                                           \
                sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static bool told(struct fixture *f, const char *zone, const char *why, const char *name)
{
    json_t *out = zone_as(f, &ADMIN, zone), *o;
    bool found = false;
    size_t i;

    json_array_foreach(json_object_get(out, "conflicts"), i, o) found |=
        str_eq(json_get_str(o, "why"), str_c(why)) && str_eq(json_get_str(o, "name"), str_c(name));
    json_decref(out);
    return found;
}

static void names(void **state)
{
    static const struct actor officer = {.name = {"can", 3}, .roles = ROLE_UNIT_OFFICER, .unit_id = 4};
    struct fixture *f = *state;
    json_t *out = NULL;

    fx_frame(f);
    fx_add(f, "dns_zone", "{'name':'tinh.example'}");
    fx_add(f, "dns_zone", "{'name':'stc.tinh.example','ttl':60}");
    fx_add(f, "dns_zone", "{'name':'1.10.in-addr.arpa'}");
    fx_add(f, "dns_zone", "{'name':'2.1.10.in-addr.arpa'}");
    fx_add(f, "dns_zone", "{'name':'8.b.d.0.1.0.0.2.ip6.arpa'}");
    fx_add(f, "prefix", "{'prefix':'10.1.0.0/24','network':'WAN','dns_zone':'tinh.example'}");
    fx_add(f, "prefix", "{'prefix':'10.1.2.0/24','network':'WAN','dns_zone':'stc.tinh.example'}");
    fx_add(f, "prefix", "{'prefix':'2001:db8::/64','network':'WAN','dns_zone':'tinh.example'}");
    fx_add(f, "prefix", "{'prefix':'10.7.0.0/24','network':'WAN'}");
    fx_add(f, "device", "{'code':'RT_01 (dự phòng)','name':'Bộ định tuyến','category':'router','unit':'STC'}");
    fx_add(f, "device", "{'code':'May-2','name':'Máy 2','category':'server','unit':'XA01'}");
    fx_add(f, "interface", "{'device':'RT_01 (dự phòng)','name':'Gi0/1'}");
    fx_add(f, "interface", "{'device':'RT_01 (dự phòng)','name':'Gi0/2'}");
    fx_add(f, "address",
           "{'ip':'10.1.0.1','prefix':'10.1.0.0/24','device':'RT_01 (dự phòng)','interface':'RT_01 (dự phòng)/Gi0/1'}");
    fx_add(f, "address",
           "{'ip':'10.1.0.2','prefix':'10.1.0.0/24','device':'RT_01 (dự phòng)','interface':'RT_01 (dự phòng)/Gi0/2'}");
    fx_add(f, "address", "{'ip':'2001:db8::5','prefix':'2001:db8::/64','device':'May-2'}");
    fx_add(f, "address", "{'ip':'10.1.2.9','prefix':'10.1.2.0/24','device':'May-2','fqdn':'www.tinh.example'}");
    fx_add(f, "address", "{'ip':'10.7.0.9','prefix':'10.7.0.0/24','device':'May-2'}");
    fx_add(f, "address", "{'ip':'10.1.2.10','prefix':'10.1.2.0/24','fqdn':'ngoai.khac.example'}");

    ZONE(f, "tinh.example", "gi0-1.rt-01-d-ph-ng.tinh.example A 10.1.0.1 address",
         "gi0-2.rt-01-d-ph-ng.tinh.example A 10.1.0.2 address", "may-2.tinh.example AAAA 2001:db8::5 address",
         "rt-01-d-ph-ng.tinh.example A 10.1.0.1 address", "rt-01-d-ph-ng.tinh.example A 10.1.0.2 address",
         "www.tinh.example A 10.1.2.9 address");
    expect_zone(f, "stc.tinh.example", NULL, 0);
    ZONE(f, "1.10.in-addr.arpa", "1.0.1.10.in-addr.arpa PTR gi0-1.rt-01-d-ph-ng.tinh.example address",
         "2.0.1.10.in-addr.arpa PTR gi0-2.rt-01-d-ph-ng.tinh.example address");
    ZONE(f, "2.1.10.in-addr.arpa", "10.2.1.10.in-addr.arpa PTR ngoai.khac.example address",
         "9.2.1.10.in-addr.arpa PTR www.tinh.example address");
    ZONE(f, "8.b.d.0.1.0.0.2.ip6.arpa",
         "5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR may-2.tinh.example address");

    /* Declared records replace derived ones; what does not fit is told. */
    fx_add(f, "dns_record", "{'zone':'tinh.example','name':'www','type':'a','value':'10.1.2.77','ttl':30}");
    fx_add(f, "dns_record", "{'zone':'tinh.example','name':'May-2','type':'cname','value':'www.tinh.example'}");
    fx_add(f, "dns_record", "{'zone':'tinh.example','name':'@','type':'mx','value':'10 thu.tinh.example'}");
    fx_add(f, "dns_record", "{'zone':'tinh.example','name':'sai.tinh.example.','type':'aaaa','value':'10.1.2.3'}");
    fx_add(f, "address", "{'ip':'10.1.2.11','prefix':'10.1.2.0/24','fqdn':'chung.tinh.example','device':'May-2'}");
    fx_add(f, "address",
           "{'ip':'10.1.0.12','prefix':'10.1.0.0/24','fqdn':'chung.tinh.example','device':'RT_01 (dự phòng)'}");
    assert_true(told(f, "tinh.example", "replaced", "www.tinh.example"));
    assert_true(told(f, "tinh.example", "cname_not_alone", "may-2.tinh.example"));
    assert_true(told(f, "tinh.example", "bad_value", "sai.tinh.example"));
    assert_true(told(f, "tinh.example", "name_twice", "chung.tinh.example"));
    assert_false(told(f, "1.10.in-addr.arpa", "name_twice", "1.0.1.10.in-addr.arpa"));
    out = zone_as(f, &ADMIN, "tinh.example");
    json_t *items = json_object_get(out, "items"), *o;
    size_t i, www = 0;
    json_array_foreach(items, i, o) if (str_eq(json_get_str(o, "name"), STR("www.tinh.example")))
    {
        assert_true(str_eq(json_get_str(o, "value"), STR("10.1.2.77")) && json_get_int(o, "ttl", 0) == 30);
        www++;
    }
    assert_int_equal(www, 1);
    json_decref(out);

    assert_int_equal(dns_derived(f->r, &ADMIN, STR("khong.example"), &out, &f->e), -ENOENT);
    assert_int_equal(dns_derived(f->r, &officer, STR("tinh.example"), &out, &f->e), -ENOENT);
}

/* What is kept beside the records comes from them when it is not there yet. */
static void made_later(void **state)
{
    struct fixture *f = *state;
    struct tx *tx;

    fx_frame(f);
    fx_add(f, "prefix", "{'prefix':'10.0.0.0/29','network':'WAN'}");
    json_decref(give(f, "10.0.0.0/29", "{'count':3}"));
    end_key(f, "address", "10.0.0.1");
    assert_int_equal(store_begin(f->st, STORE_WRITE, &tx, &f->e), 0);
    assert_int_equal(tx_exec(tx, "DROP TABLE addr_hint", NO_VALS, NULL, &f->e), 0);
    assert_int_equal(tx_exec(tx, "DROP TABLE addr_released", NO_VALS, NULL, &f->e), 0);
    assert_int_equal(tx_exec(tx, "DELETE FROM registry_meta WHERE name = 'addr_tables'", NO_VALS, NULL, &f->e), 0);
    assert_int_equal(store_commit(tx, &f->e), 0);
    fx_close_registry(f);
    fx_open_registry(f);
    GIVEN(f, "10.0.0.0/29", "{}", "10.0.0.4");
    clock_advance(&f->clk, (int64_t)31 * DAY * NS_PER_S);
    GIVEN(f, "10.0.0.0/29", "{}", "10.0.0.1");
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, fx_setup, fx_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges),
        cmocka_unit_test(numbers),
        T(next_addresses),
        T(rest),
        T(next_prefixes),
        T(refusals),
        T(tree),
        T(tree_of_officer),
        T(v6),
        T(against_model),
        T(prefixes_against_model),
        T(many_threads),
        T(names),
        T(made_later),
    };
    return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
