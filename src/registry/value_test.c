/* Field types: a table of what people write, and the one form that is stored. */
#include "registry/test-int.h"

static const struct {
    enum ftype type;
    const char *in, *out;
} t[] = {
    {FT_TEXT, "  Sở Tài chính ", "Sở Tài chính"},
    {FT_TEXT, "So\xcc\x9b\xcc\x89", "Sở"},
    {FT_TEXT, "a\tb", NULL},
    {FT_TEXT, "a\nb", NULL},
    {FT_TEXT, "a\x7f", NULL},
    {FT_TEXT, "\xff", NULL},
    {FT_TEXT, "a\xc3", NULL},
    {FT_TEXT, "\xed\xa0\x80", NULL},
    {FT_MARKDOWN, "a\r\nb\rc", "a\nb\nc"},
    {FT_MARKDOWN, "a\x01", NULL},
    {FT_INT, "5", "5"},
    {FT_INT, "1", "1"},
    {FT_INT, "10", "10"},
    {FT_INT, "0", NULL},
    {FT_INT, "11", NULL},
    {FT_INT, "5.0", NULL},
    {FT_INT, "x", NULL},
    {FT_INT, "99999999999999999999", NULL},
    {FT_DECIMAL, "1.5", "1.5"},
    {FT_DECIMAL, "-2e3", "-2000"},
    {FT_DECIMAL, "nan", NULL},
    {FT_DECIMAL, "inf", NULL},
    {FT_DECIMAL, "0x10", NULL},
    {FT_DECIMAL, "1e400", NULL},
    {FT_DECIMAL, "1,5", NULL},
    {FT_BOOL, "true", "true"},
    {FT_BOOL, "0", "false"},
    {FT_BOOL, "Có", "true"},
    {FT_BOOL, "không", "false"},
    {FT_BOOL, "2", NULL},
    {FT_DATE, "2026-11-21", "2026-11-21"},
    {FT_DATE, "21/11/2026", "2026-11-21"},
    {FT_DATE, "1/2/2026", "2026-02-01"},
    {FT_DATE, "31/02/2026", NULL},
    {FT_DATE, "2026-13-01", NULL},
    {FT_DATE, "hôm nay", NULL},
    {FT_TIME, "2026-11-21T16:30:00+07:00", "2026-11-21T09:30:00Z"},
    {FT_TIME, "2026-11-21", "2026-11-21T00:00:00Z"},
    {FT_TIME, "1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59Z"},
    {FT_TIME, "9:30", NULL},
    {FT_ENUM, "mot", "mot"},
    {FT_ENUM, "ba", NULL},
    {FT_ENUM, "MOT", NULL},
    {FT_IP, "192.0.2.7", "192.0.2.7"},
    {FT_IP, "2001:DB8::7", "2001:db8::7"},
    {FT_IP, "192.0.2.256", NULL},
    {FT_IP, "192.0.2.0/24", NULL},
    {FT_PREFIX, "10.1.2.0/24", "10.1.2.0/24"},
    {FT_PREFIX, "10.1.2.1/24", NULL},
    {FT_PREFIX, "10.1.2.0", NULL},
    {FT_PREFIX, "10.0.0.0/33", NULL},
    {FT_MAC, "00-00-5E-00-53-01", "00:00:5e:00:53:01"},
    {FT_MAC, "0000.5e00.5301", "00:00:5e:00:53:01"},
    {FT_MAC, "00:00:5e", NULL},
    {FT_FQDN, "Web-1.Example.ORG.", "web-1.example.org"},
    {FT_FQDN, "a..b", NULL},
    {FT_FQDN, "-a.b", NULL},
    {FT_FQDN, "a-.b", NULL},
    {FT_FQDN, "a_b.c", NULL},
    {FT_FQDN, ".", NULL},
    {FT_FQDN, "tỉnh.vn", "tỉnh.vn"},
    {FT_FQDN, "XN--Tnh-DLZ.vn", "tỉnh.vn"},
    {FT_FQDN, "xn--zzzzzzzzzz99.vn", NULL},
    {FT_FQDN, "tỉnh_a.vn", NULL},
    {FT_PHONE, "(0270) 382-2345", "02703822345"},
    {FT_PHONE, "+84 270.3822345", "+842703822345"},
    {FT_PHONE, "113", "113"},
    {FT_PHONE, "12", NULL},
    {FT_PHONE, "1234567890123456", NULL},
    {FT_PHONE, "0+84", NULL},
    {FT_PHONE, "gọi tôi", NULL},
    {FT_EMAIL, "Hanh.NM@Example.ORG", "Hanh.NM@example.org"},
    {FT_EMAIL, "a@b", NULL},
    {FT_EMAIL, "@b.vn", NULL},
    {FT_EMAIL, "a@@b.vn", NULL},
    {FT_EMAIL, ".a@b.vn", NULL},
    {FT_EMAIL, "a b@c.vn", NULL},
    {FT_EMAIL, "ab.vn", NULL},
    {FT_DURATION, "P6M", "P6M"},
    {FT_DURATION, "PT30M", "PT30M"},
    {FT_DURATION, "6 tháng", NULL},
    {FT_DURATION, "P", NULL},
    {FT_LEVEL, "mat", "mat"},
    {FT_LEVEL, "2", "toi_mat"},
    {FT_LEVEL, "4", NULL},
    {FT_LEVEL, "Mật", NULL},
    {FT_JSON, "{\"b\": [1, 2], \"a\": null}", "{\"a\":null,\"b\":[1,2]}"},
    {FT_JSON, "{\"a\":1,\"a\":2}", NULL},
    {FT_JSON, "{", NULL},
    {FT_JSON, "[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]", NULL},
};
static struct enum_value two[] = {{{"mot", 3}, {{0}}}, {{"hai", 3}, {{0}}}};
static struct enum_value levels[] = {
    {{"thuong", 6}, {{0}}}, {{"mat", 3}, {{0}}}, {{"toi_mat", 7}, {{0}}}, {{"tuyet_mat", 9}, {{0}}}};

static struct field field_of(enum ftype type)
{
    struct field f = {.name = STR("x"), .type = type};

    if (type == FT_ENUM || type == FT_LEVEL) {
        f.values = type == FT_ENUM ? two : levels;
        f.nvalues = type == FT_ENUM ? 2 : 4;
    }
    if (type == FT_INT) {
        f.has_min = f.has_max = true;
        f.min = 1;
        f.max = 10;
    }
    return f;
}

static void forms(void **state)
{
    struct arena a = arena_init(1 << 20);

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        struct field f = field_of(t[i].type);
        struct val v = V_INT(77), again;
        struct err e = {0};
        int rc = value_parse(&a, &f, str_c(t[i].in), &v, &e);
        if ((rc == 0) != (t[i].out != NULL))
            fail_msg("%s '%s': %d", ftype_name(t[i].type), t[i].in, rc);
        if (rc < 0) {
            assert_int_equal(rc, -EINVAL);
            assert_true(v.type == VAL_INT && v.i == 77);
            assert_non_null(e.key);
            continue;
        }
        str out = value_text(&a, &f, &v);
        if (!str_eq(out, str_c(t[i].out)))
            fail_msg("%s '%s' gave '%.*s'", ftype_name(t[i].type), t[i].in, STR_ARGS(out));
        /* What is shown reads back to the same, as text and as JSON. */
        assert_int_equal(value_parse(&a, &f, out, &again, &e), 0);
        assert_true(val_eq(&v, &again));
        json_t *j = value_to_json(&f, &v);
        assert_int_equal(value_from_json(&a, &f, j, &again, &e), 0);
        assert_true(val_eq(&v, &again));
        json_decref(j);
    }
    arena_free(&a);
}

static void empty_is_nothing(void **state)
{
    struct arena a = arena_init(1 << 16);
    struct val v;

    (void)state;
    for (int type = 0; type < FT_COUNT; type++) {
        struct field f = field_of((enum ftype)type);
        if (type == FT_REF || type == FT_REFS)
            continue;
        assert_int_equal(value_parse(&a, &f, STR("  "), &v, NULL), 0);
        assert_int_equal(v.type, VAL_NULL);
    }
    arena_free(&a);
}

static void lengths(void **state)
{
    struct field f = {.type = FT_TEXT, .has_max = true, .max = 3, .has_min = true, .min = 2};
    struct arena a = arena_init(1 << 16);
    struct val v;

    (void)state;
    assert_int_equal(value_parse(&a, &f, STR("ĐỖĐ"), &v, NULL), 0); /* characters, not bytes */
    assert_int_equal(value_parse(&a, &f, STR("ĐỖĐỖ"), &v, NULL), -EINVAL);
    assert_int_equal(value_parse(&a, &f, STR("Đ"), &v, NULL), -EINVAL);
    arena_free(&a);
}

static void json_types(void **state)
{
    static const struct {
        enum ftype type;
        const char *json;
        bool ok;
    } j[] = {
        {FT_INT, "5", true},          {FT_INT, "\"5\"", false},
        {FT_INT, "5.5", false},       {FT_INT, "true", false},
        {FT_INT, "[5]", false},       {FT_BOOL, "true", true},
        {FT_BOOL, "1", false},        {FT_BOOL, "\"true\"", false},
        {FT_TEXT, "\"a\"", true},     {FT_TEXT, "5", false},
        {FT_TEXT, "{}", false},       {FT_DATE, "\"2026-01-01\"", true},
        {FT_DATE, "20260101", false}, {FT_DECIMAL, "2", true},
        {FT_DECIMAL, "2.5", true},    {FT_DECIMAL, "\"2.5\"", false},
        {FT_LEVEL, "1", true},        {FT_LEVEL, "9", false},
        {FT_LEVEL, "-1", false},      {FT_JSON, "{\"a\":[1]}", true},
        {FT_JSON, "5", true},         {FT_IP, "[]", false},
    };
    struct arena a = arena_init(1 << 16);
    struct val v;

    (void)state;
    for (size_t i = 0; i < sizeof(j) / sizeof(j[0]); i++) {
        struct field f = field_of(j[i].type);
        json_t *in = json_loads(j[i].json, JSON_DECODE_ANY, NULL);
        if ((value_from_json(&a, &f, in, &v, NULL) == 0) != j[i].ok)
            fail_msg("%s %s", ftype_name(j[i].type), j[i].json);
        json_decref(in);
    }
    arena_free(&a);
}

static void addresses_sort_as_text(void **state)
{
    static const char *const order[] = {"0.0.0.0",   "9.255.0.1", "10.0.0.0",   "10.0.0.9",    "10.0.0.10",
                                        "192.0.2.1", "::1",       "2001:db8::", "2001:db8::10"};
    char prev[IP_BIN_MAX] = "", bin[IP_BIN_MAX], last[IP_BIN_MAX];
    struct ip ip;
    struct prefix p;

    (void)state;
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        assert_true(ip_parse(str_c(order[i]), &ip));
        ip_bin(ip, bin);
        assert_true(strcmp(prev, bin) < 0);
        memcpy(prev, bin, sizeof(prev));
    }
    assert_true(prefix_parse(STR("10.1.0.0/15"), &p) == false && prefix_parse(STR("10.2.0.0/15"), &p));
    prefix_bin(p, bin, last);
    assert_string_equal(bin, "40a020000");
    assert_string_equal(last, "40a03ffff");
    assert_true(prefix_parse(STR("::/0"), &p));
    prefix_bin(p, bin, last);
    assert_string_equal(last, "6ffffffffffffffffffffffffffffffff");
}

/* The order of a Vietnamese dictionary: letters, then tones; numbers by size. */
static void vietnamese_order(void **state)
{
    static const char *const order[] = {
        "An",   "Án", "An Giang", "Ăn",  "Ân",   "Bà",   "Bả",    "Bạ",     "Cà Mau",           "Da",
        "Đa",   "Đà", "Em",       "Ê",   "MT 2", "MT 9", "MT 10", "MT 100", "Nguyễn Minh Hạnh", "Nguyễn Thị An",
        "Oanh", "Ôn", "Ơn",       "Tre", "Ủy",   "Ưu",   "Vũ",    "Ý",
    };
    struct arena a = arena_init(1 << 16);
    str prev = STR("");

    (void)state;
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        str key = text_sort_key(&a, str_c(order[i]));
        if (str_cmp(prev, key) >= 0)
            fail_msg("%s", order[i]);
        prev = key;
    }
    assert_true(str_eq(text_sort_key(&a, STR("ĐÀ NẴNG")), text_sort_key(&a, STR("đà nẵng"))));
    assert_true(str_eq(text_sort_key(&a, STR("a\xcc\x80")), text_sort_key(&a, STR("à"))));
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),      cmocka_unit_test(empty_is_nothing),       cmocka_unit_test(lengths),
        cmocka_unit_test(json_types), cmocka_unit_test(addresses_sort_as_text), cmocka_unit_test(vietnamese_order),
    };
    return cmocka_run_group_tests_name("registry/value", tests, NULL, NULL);
}
