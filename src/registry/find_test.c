/* The find box: spellings, wrong letters, order, what an actor may see, an index
 * that follows every write. */
#include "registry/test-int.h"
#include "registry/find-int.h"
#include "base/text.h"

static json_t *find_as(struct fixture *f, const struct actor *who, const char *q, const char *kind, size_t limit)
{
    json_t *out = NULL;

    if (registry_find(f->r, who, str_c(q), str_c(kind), limit, &out, &f->e) < 0)
        fail_msg("find %s: %s", q, fx_text(&f->e));
    return out;
}

static json_t *hit_of(const json_t *found, const char *kind, size_t i)
{
    json_t *g;
    size_t k;

    json_array_foreach(
        json_object_get(found, "groups"), k,
        g) if (str_eq(json_get_str(g, "kind"), str_c(kind))) return json_array_get(json_object_get(g, "hits"), i);
    return NULL;
}

/* The best hit of the kind has that key and match; NULL: there is none of the kind. */
static void expect(struct fixture *f, const char *q, const char *kind, const char *key, const char *match)
{
    json_t *out = find_as(f, &ADMIN, q, "", 0), *h = hit_of(out, kind, 0);

    if (key == NULL ? h != NULL
                    : h == NULL || !str_eq(json_get_str(h, "key"), str_c(key)) ||
                          !str_eq(json_get_str(h, "match"), str_c(match)))
        fail_msg("\"%s\" finds %s", q, json_dumps(out, 0));
    json_decref(out);
}

static void fill(struct fixture *f)
{
    fx_frame(f);
    fx_add(f, "person", "{'code':'anhnv','name':'Nguyễn Văn Anh','unit':'STC','phone':'0912 345 678'}");
    fx_add(f, "person", "{'code':'khanhtt','name':'Trần Thị Khánh','unit':'STC','phone':'+84 987.654.321'}");
    fx_add(f, "device", "{'code':'TB-1','name':'Máy chủ thư','category':'server','unit':'STC','serial':'XK9-77Q2-04'}");
    fx_add(f, "device", "{'code':'TB-10','name':'Máy trạm TB-1 cũ','category':'workstation','unit':'XA01'}");
    fx_add(f, "device", "{'code':'TB-100','name':'Máy in tầng hai','category':'printer','unit':'XA01'}");
    fx_add(f, "interface", "{'device':'TB-1','name':'eth0','mac':'00:00:5E:00:53:0A'}");
    fx_add(f, "prefix", "{'prefix':'10.1.0.0/16','network':'WAN','container':true}");
    fx_add(f, "prefix", "{'prefix':'10.1.2.0/24','network':'WAN'}");
    fx_add(f, "prefix", "{'prefix':'2001:db8::/64','network':'WAN'}");
    fx_add(f, "address", "{'ip':'10.1.2.3','prefix':'10.1.2.0/24','device':'TB-1','fqdn':'thu.tinh.example'}");
    fx_add(f, "address", "{'ip':'10.1.2.30','prefix':'10.1.2.0/24'}");
    fx_add(f, "address", "{'ip':'2001:db8::5','prefix':'2001:db8::/64'}");
}

static void spellings(void **state)
{
    static const struct {
        const char *q, *kind, *key, *match;
    } t[] = {
        {"Nguyễn Văn Anh", "person", "anhnv", "key"},
        {"nguyen van anh", "person", "anhnv", "key"},
        {"Nguye\xcc\x82\xcc\x83n Va\xcc\x86n", "person", "anhnv", "start"}, /* NFD */
        {"  anh   nguyễn ", "person", "anhnv", "word"},
        {"đo thi đao", "person", "dodt", "key"},
        {"DO THI", "person", "dodt", "start"},
        {"tb-1", "device", "TB-1", "key"},
        {"xk9-77q2", "device", "TB-1", "word"},
        {"9-77q", "device", "TB-1", "part"},
        {"00:00:5e:00:53:0a", "interface", "TB-1/eth0", "word"},
        {"00-00-5E-00-53-0A", "interface", "TB-1/eth0", "word"},
        {"00:00:5E:00:53:0A", "interface", "TB-1/eth0", "word"},
        {"0000.5e00.530a", "interface", "TB-1/eth0", "word"},
        {"0000.5E00.530A", "interface", "TB-1/eth0", "word"},
        {"00005e00530a", "interface", "TB-1/eth0", "word"},
        {"5e-00-53", "interface", "TB-1/eth0", "word"},
        {"10.1.2.3", "address", "10.1.2.3", "key"},
        {"10.1.2.3", "prefix", "10.1.2.0/24", "holds"},
        {"2001:0DB8:0:0::5", "address", "2001:db8::5", "key"},
        {"10.1.2.0/24", "prefix", "10.1.2.0/24", "key"},
        {"thu.tinh", "address", "10.1.2.3", "start"},
        {"0912345678", "person", "anhnv", "word"},
        {"+84 912.345.678", "person", "anhnv", "part"},
        {"0987 654 321", "person", "khanhtt", "part"},
        {"máy in", "device", "TB-100", "start"},
        {"in", "device", "TB-100", "word"},
        {"khong co gi ca", "device", NULL, NULL},
        {"", "device", NULL, NULL},
        {"   ", "person", NULL, NULL},
        {"%", "device", NULL, NULL},
        {"' OR 1=1 --", "device", NULL, NULL},
    };
    struct fixture *f = *state;

    fill(f);
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
        expect(f, t[i].q, t[i].kind, t[i].key, t[i].match);
}

static void wrong_letters(void **state)
{
    static const struct {
        const char *q, *kind, *key;
    } t[] = {
        {"nguyrn", "person", "anhnv"},           /* one other */
        {"ngyuen", "person", "anhnv"},           /* two swapped */
        {"nguyeen vann anh", "person", "anhnv"}, /* two too many, in two words */
        {"khnah", "person", "khanhtt"},          /* swapped */
        {"khah", "person", "khanhtt"},           /* one too few */
        {"XK9-77Q2-40", "device", "TB-1"},       /* in a serial number */
        {"xk8-77q2-05", "device", "TB-1"},       /* two other */
        {"thuu.tinh.exmple", "address", "10.1.2.3"},
        {"anx", "person", NULL}, /* too short to be near anything */
        {"xyzyxzyx", "person", NULL},
        {"10.1.2.4", "address", NULL}, /* an address is right or not */
    };
    struct fixture *f = *state;

    fill(f);
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
        expect(f, t[i].q, t[i].kind, t[i].key, "near");
}

static void near_letters(void **state)
{
    static const struct {
        const char *a, *b;
        unsigned max;
        bool near;
    } t[] = {
        {"", "", 0, true},
        {"a", "", 1, true},
        {"ab", "", 1, false},
        {"hanh", "hanh", 0, true},
        {"hanh", "hamh", 1, true},
        {"hanh", "hnah", 1, true},
        {"hanh", "hnha", 1, false},
        {"hanh", "han", 1, true},
        {"hanh", "thanh", 1, true},
        {"hanh", "thanhh", 1, false},
        {"hanh", "thanhh", 2, true},
        {"abcdef", "badcfe", 2, false},
        {"abcdef", "badcfe", 3, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
        if (match_near(str_c(t[i].a), str_c(t[i].b), t[i].max) != t[i].near ||
            match_near(str_c(t[i].b), str_c(t[i].a), t[i].max) != t[i].near)
            fail_msg("%s and %s, %u", t[i].a, t[i].b, t[i].max);
}

/* Key, then start, then word, then part; the group with the best hit first. */
static void order(void **state)
{
    static const char *const keys[] = {"TB-1", "TB-10", "TB-100"};
    struct fixture *f = *state;

    fill(f);
    json_t *out = find_as(f, &ADMIN, "tb-1", "", 0);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(json_string_value(json_object_get(hit_of(out, "device", i), "key")), keys[i]);
    assert_true(str_eq(json_get_str(json_array_get(json_object_get(out, "groups"), 0), "kind"), STR("device")));
    json_decref(out);
    out = find_as(f, &ADMIN, "tb-1", "", 2);
    json_t *g = json_array_get(json_object_get(out, "groups"), 0);
    assert_int_equal(json_array_size(json_object_get(g, "hits")), 2);
    assert_true(json_is_true(json_object_get(g, "more")));
    json_decref(out);
    out = find_as(f, &ADMIN, "tb-1", "interface", 0);
    assert_int_equal(json_array_size(json_object_get(out, "groups")), 1);
    assert_non_null(hit_of(out, "interface", 0));
    json_decref(out);
    json_t *none = NULL;
    assert_int_equal(registry_find(f->r, &ADMIN, STR("x"), STR("khong_co"), 0, &none, &f->e), -ENOENT);
    char text[FIND_TEXT_MAX + 2];
    memset(text, 'a', sizeof(text));
    assert_int_equal(registry_find(f->r, &ADMIN, (str){text, sizeof(text) - 1}, STR(""), 0, &none, &f->e), -E2BIG);
}

static void rights(void **state)
{
    struct actor officer = {.name = STR("can"), .roles = ROLE_UNIT_OFFICER}, nobody = {.name = STR("x")};
    struct fixture *f = *state;
    json_t *rec, *out = NULL;

    fill(f);
    rec = fx_get(f, "unit", "XA01");
    officer.unit_id = json_get_int(rec, "id", 0);
    json_decref(rec);
    out = find_as(f, &officer, "máy", "", 0);
    assert_string_equal(json_string_value(json_object_get(hit_of(out, "device", 0), "key")), "TB-10");
    assert_string_equal(json_string_value(json_object_get(hit_of(out, "device", 1), "key")), "TB-100");
    assert_null(hit_of(out, "device", 2));
    json_decref(out);
    out = find_as(f, &officer, "00:00:5e:00:53:0a", "", 0);
    assert_null(hit_of(out, "interface", 0));
    json_decref(out);
    out = find_as(f, &officer, "nguyen van anh", "", 0);
    assert_null(hit_of(out, "person", 0));
    json_decref(out);
    assert_int_equal(registry_find(f->r, &nobody, STR("may"), STR(""), 0, &out, &f->e), -EACCES);
}

/* Made, changed, ended, written in a batch, taken back: the next answer knows. */
static void follows(void **state)
{
    struct fixture *f = *state;
    json_t *out = NULL;

    fill(f);
    expect(f, "bo cay tre", "device", NULL, NULL);
    assert_int_equal(fx_change(f, "device", "TB-10", 1, "{'name':'Bộ cây tre'}"), 0);
    expect(f, "bo cay tre", "device", "TB-10", "key");
    expect(f, "may tram", "device", NULL, NULL);
    assert_int_equal(registry_end(f->r, &ADMIN, STR("device"), STR("TB-10"), 2, &out, &f->e), 0);
    json_decref(out);
    expect(f, "bo cay tre", "device", NULL, NULL);
    fx_add(f, "device", "{'code':'TB-10','name':'Bộ cây tre mới','category':'server','unit':'STC'}");
    expect(f, "bo cay tre", "device", "TB-10", "start");
    assert_int_equal(registry_batch_begin(f->r, &f->e), 0);
    fx_add(f, "device", "{'code':'TB-11','name':'Hàng tre ngà','category':'server','unit':'STC'}");
    assert_int_equal(registry_batch_end(f->r, false, &f->e), 0);
    expect(f, "hang tre nga", "device", NULL, NULL);
    fx_close_registry(f);
    fx_open_registry(f);
    expect(f, "bo cay tre", "device", "TB-10", "start");
}

/* Against a plain look through all texts: what the index finds is what is there. */
static void against_plain(void **state)
{
    static const char *const parts[] = {"may", "tram", "chu", "ha noi", "10.1", "-0", "x9", "tre", "ng", "4"};
    struct fixture *f = *state;
    uint64_t seed = 3;
    str folded[300];
    struct arena a = arena_init(1 << 22);
    char body[300];

    fx_frame(f);
    for (int i = 0; i < 300; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        str name = arena_fmt(&a, "%s %s %s%s", parts[seed >> 33 & 7], parts[seed >> 40 & 7],
                             parts[2 + (seed >> 45 & 7)], parts[seed >> 50 & 7]);
        snprintf(body, sizeof(body), "{'code':'K-%d','name':'%.*s','category':'server','unit':'STC'}", i,
                 STR_ARGS(name));
        fx_add(f, "device", body);
        snprintf(body, sizeof(body), "k-%d %.*s", i, STR_ARGS(name));
        folded[i] = arena_str(&a, str_c(body));
    }
    for (int t = 0; t < 200; t++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        str from = folded[(seed >> 33) % 300];
        size_t at = (seed >> 20) % from.n, n = 1 + (seed >> 50) % 6;
        str q = str_trim(str_sub(from, at, n)), rest, w;
        if (q.n == 0)
            continue;
        json_t *out = NULL;
        assert_int_equal(registry_find(f->r, &ADMIN, q, STR("device"), 50, &out, &f->e), 0);
        json_t *g = json_array_get(json_object_get(out, "groups"), 0);
        size_t want = 0;
        for (int i = 0; i < 300; i++) {
            bool all = true;
            for (rest = q; all && str_split(&rest, ' ', &w);)
                all = str_find(folded[i], w) != SIZE_MAX;
            want += all;
        }
        if (json_array_size(json_object_get(g, "hits")) != (want > 50 ? 50 : want) && want >= 3)
            fail_msg("\"%.*s\": %zu found, %zu are there", STR_ARGS(q), json_array_size(json_object_get(g, "hits")),
                     want);
        json_decref(out);
    }
    arena_free(&a);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, fx_setup, fx_teardown)
    const struct CMUnitTest tests[] = {
        T(spellings), T(wrong_letters), cmocka_unit_test(near_letters), T(order), T(rights),
        T(follows),   T(against_plain),
    };
    return cmocka_run_group_tests_name("find", tests, NULL, NULL);
}
