/* UTF-8, normal form, folding; JSON with its limits. */
#include "base/json.h"
#include "base/test-int.h"
#include "base/text.h"
#include <errno.h>
#include <unistr.h>

static void utf8(void **state)
{
    static const struct {
        const char *s;
        size_t n;
        bool ok;
    } t[] = {
        {"", 0, true},
        {"abc", 3, true},
        {"Đỗ", 5, true},
        {"\xf0\x9f\x8e\x8b", 4, true},
        {"\0", 1, true},
        {"\x80", 1, false},
        {"\xc0\x80", 2, false},
        {"\xc1\xbf", 2, false},
        {"\xe0\x80\x80", 3, false},
        {"\xed\xa0\x80", 3, false},
        {"\xed\x9f\xbf", 3, true},
        {"\xf4\x90\x80\x80", 4, false},
        {"\xf4\x8f\xbf\xbf", 4, true},
        {"\xf5\x80\x80\x80", 4, false},
        {"\xe1\xbb", 2, false},
        {"a\xff"
         "b",
         3, false},
        {"\xf0\x8f\xbf\xbf", 4, false},
    };
    for (size_t i = 0; i < COUNT(t); i++)
        assert_int_equal(utf8_valid((str){t[i].s, t[i].n}), t[i].ok);
}

/* Our own validator and libunistring agree on random bytes near the edges. */
static void utf8_agrees(void **state)
{
    static const uint8_t edge[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
                                   0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
    uint64_t rng = 51;

    for (int i = 0; i < 200000; i++) {
        uint8_t b[6];
        size_t n = 1 + prng(&rng) % sizeof(b);
        for (size_t k = 0; k < n; k++)
            b[k] = edge[prng(&rng) % sizeof(edge)];
        assert_int_equal(utf8_valid((str){(char *)b, n}), u8_check(b, n) == NULL);
    }
}

static void cutting(void **state)
{
    str s = STR("aệ🎋b"); /* 1 + 3 + 4 + 1 bytes */
    static const size_t want[] = {0, 1, 1, 1, 4, 4, 4, 4, 8, 9, 9};

    for (size_t max = 0; max < COUNT(want); max++)
        assert_int_equal(utf8_cut(s, max), want[max]);
    assert_int_equal(utf8_cut(STR("\x80\x80\x80\x80\x80"), 3), 3);
    assert_int_equal(utf8_cut(STR("\xe1\xbb"), 1), 1);
    assert_int_equal(utf8_cut(STR_NONE, 5), 0);
}

static void normal_form(void **state)
{
    struct arena a = arena_init(1 << 16);

    assert_str(text_nfc(&a, STR("e\xcc\xa3\xcc\x82")), "ệ");
    assert_str(text_nfc(&a, STR("e\xcc\x82\xcc\xa3")), "ệ");
    assert_str(text_nfc(&a, STR("Nguyễn")), "Nguyễn");
    assert_str(text_nfc(&a, STR("ascii")), "ascii");
    assert_str(text_nfc(&a, STR("bad \xff")), "bad \xff");
    assert_str(text_nfc(&a, STR("")), "");
    assert_str(text_clean_utf8(&a, STR("a\xff"
                                       "đ\xe1\xbb")),
               "a\xef\xbf\xbd"
               "đ\xef\xbf\xbd\xef\xbf\xbd");
    arena_free(&a);
}

static void folding(void **state)
{
    static const struct {
        const char *in, *out;
    } t[] = {
        {"Đỗ Thị Hạnh", "do thi hanh"},
        {"đường Điện Biên Phủ", "duong dien bien phu"},
        {"NGUYỄN  VĂN\tÚT", "nguyen van ut"},
        {"ươƯƠăĂâÂêÊôÔ", "uouoaaaaeeoo"},
        {"D\xcc\x83\xcc\xa3", "d"},
        {"e\xcc\xa3\xcc\x82", "e"},
        {"Hue\xcc\xa3\xcc\x82", "hue"},
        {"ABC  def", "abc def"},
        {" a\xc2\xa0\xe3\x80\x80z ", " a z "},
        {"", ""},
        {"xX\r\n\tyY", "xx yy"},
        {"ÄÖ", "ao"},
        {"ﬁ", "fi"},
        {"\xff"
         "A",
         "\xef\xbf\xbd"
         "a"},
        {"İI", "ii"},
        {"Tổng cục 2", "tong cuc 2"},
    };
    struct arena a = arena_init(1 << 16);

    for (size_t i = 0; i < COUNT(t); i++)
        assert_str(text_fold(&a, str_c(t[i].in)), t[i].out);
    assert_null(text_fold(&a, STR_NONE).p);
    arena_free(&a);
    for (size_t max = 0; max < 12; max++) {
        struct arena tight = arena_init(max);
        str s = text_fold(&tight, STR("Đỗ Thị Hạnh"));
        assert_true(max < 12 ? s.p == NULL : s.n == 11);
        arena_free(&tight);
    }
}

/* Folding a folded text changes nothing: every character of Unicode, alone and
 * between others. */
static void fold_is_stable(void **state)
{
    struct arena a = arena_init(1 << 16);

    for (uint32_t c = 1; c < 0x20000; c++) {
        uint8_t b[8] = {'A'};
        int n = u8_uctomb(b + 1, c, 6);
        if (n < 0)
            continue;
        b[n + 1] = 'B';
        str once = text_fold(&a, (str){(char *)b, (size_t)n + 2});
        str twice = text_fold(&a, once);
        if (!str_eq(once, twice))
            print_error("U+%04X: \"%.*s\" \"%.*s\"\n", c, STR_ARGS(once), STR_ARGS(twice));
        assert_true(once.p != NULL && str_eq(once, twice));
        arena_clear(&a);
    }
    arena_free(&a);
}

/* ---- JSON ---- */

static void json_limits(void **state)
{
    static const struct {
        const char *s;
        size_t n;
        int depth, rc;
        const char *key;
        uint32_t line, col;
    } t[] = {
        {"{\"a\":[1,2]}", 11, 2, 0, NULL, 0, 0},
        {"5", 1, 0, 0, NULL, 0, 0},
        {"\"[[[[\"", 6, 0, 0, NULL, 0, 0},
        {"\"\\\"[[\"", 6, 0, 0, NULL, 0, 0},
        {"{\"a\":\n [1]}", 11, 1, -E2BIG, "base.json.depth", 2, 2},
        {"[[[[[[", 6, 3, -E2BIG, "base.json.depth", 1, 4},
        {"", 0, 3, -EBADMSG, "base.json.cut_off", 1, 0},
        {"{\"a\":1,\n\"a\":2}", 14, 3, -EBADMSG, "base.json.duplicate", 2, 3},
        {"{} x", 4, 3, -EBADMSG, "base.json.trailing", 1, 4},
        {"{}\0", 3, 3, -EBADMSG, "base.json.trailing", 1, 3},
        {"[1,", 3, 3, -EBADMSG, "base.json.cut_off", 1, 3},
        {"[01]", 4, 3, -EBADMSG, "base.json.syntax", 1, 2},
        {"\"\\u0000\"", 8, 3, -EBADMSG, "base.json.nul", 1, 8},
        {"\"\xff\"", 3, 3, -EBADMSG, "base.json.utf8", 0, 0},
        {"99999999999999999999", 20, 3, -EBADMSG, "base.json.number", 1, 20},
        {"1e999", 5, 3, -EBADMSG, "base.json.number", 1, 5},
        {"{'a':1}", 7, 3, -EBADMSG, "base.json.syntax", 0, 0},
        {"nul", 3, 3, -EBADMSG, "base.json.syntax", 1, 3},
        {"]]]][", 5, 3, -EBADMSG, "base.json.syntax", 1, 1},
        {"\"\\ud800\"", 8, 3, -EBADMSG, "base.json.syntax", 0, 0},
    };
    for (size_t i = 0; i < COUNT(t); i++) {
        json_t *v = NULL;
        struct err e = {0};
        int rc = json_read((str){t[i].s, t[i].n}, t[i].depth, &v, &e);
        if (rc != t[i].rc || (rc < 0 && strcmp(e.key, t[i].key) != 0))
            print_error("%s: %d %s %u:%u\n", t[i].s, rc, e.key, e.line, e.col);
        assert_int_equal(rc, t[i].rc);
        assert_int_equal(v != NULL, rc == 0);
        if (rc < 0) {
            assert_string_equal(e.key, t[i].key);
            if (t[i].line > 0) {
                assert_int_equal(e.line, t[i].line);
                assert_int_equal(e.col, t[i].col);
            }
        }
        json_decref(v);
    }
    assert_int_equal(json_read(STR_NONE, 3, &(json_t *){NULL}, NULL), -EBADMSG);
}

static void json_values(void **state)
{
    json_t *v;

    assert_int_equal(json_read(STR("{\"s\":\"đ\",\"i\":-5,\"r\":1.5,\"n\":null}"), 5, &v, NULL), 0);
    assert_str(json_get_str(v, "s"), "đ");
    assert_null(json_get_str(v, "i").p);
    assert_null(json_get_str(v, "absent").p);
    assert_null(json_str(NULL).p);
    assert_int_equal(json_get_int(v, "i", 9), -5);
    assert_int_equal(json_get_int(v, "r", 9), 9);
    assert_int_equal(json_get_int(v, "absent", 9), 9);
    assert_int_equal(json_get_int(NULL, "i", 9), 9);
    json_decref(v);
    v = json_from_str(STR("a\xff"
                          "b"));
    assert_str(json_str(v), "a\xef\xbf\xbd"
                            "b");
    json_decref(v);
    v = json_from_str((str){"a\0b", 3});
    assert_int_equal(json_string_length(v), 3);
    json_decref(v);
    v = json_from_str(STR_NONE);
    assert_str(json_str(v), "");
    json_decref(v);
}

/* The n-th allocation of jansson fails, for each n. */
static int allocs_left;

static void *failing_malloc(size_t n) { return allocs_left-- > 0 ? malloc(n) : NULL; }

static void json_without_memory(void **state)
{
    int rc = -1, n;

    json_set_alloc_funcs(failing_malloc, free);
    for (n = 0; n < 1000 && rc != 0; n++) {
        json_t *v = NULL;
        struct err e;
        allocs_left = n;
        rc = json_read(STR("{\"a\":[1,\"x\",{\"b\":null}],\"c\":\"dddddddddddddddddddddddddddd\"}"), 5, &v, &e);
        assert_int_equal(v != NULL, rc == 0);
        json_decref(v);
    }
    json_set_alloc_funcs(malloc, free);
    assert_in_range(n, 5, 999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8),        cmocka_unit_test(utf8_agrees), cmocka_unit_test(cutting),
        cmocka_unit_test(normal_form), cmocka_unit_test(folding),     cmocka_unit_test(fold_is_stable),
        cmocka_unit_test(json_limits), cmocka_unit_test(json_values), cmocka_unit_test(json_without_memory),
    };
    return cmocka_run_group_tests_name("base/text", tests, NULL, NULL);
}
