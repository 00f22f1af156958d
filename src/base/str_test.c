/* Unit tables of str.c, rd.c, rand.c. */
#include "base/rand.h"
#include "base/rd.h"
#include "base/base64.h"
#include "base/test-int.h"

static void compares(void **state)
{
    static const struct {
        const char *a, *b;
        int cmp;
        bool nocase;
    } t[] = {
        {"", "", 0, true},     {"a", "a", 0, true},    {"a", "B", 1, false},    {"a", "A", 1, true},
        {"ab", "a", 1, false}, {"a", "ab", -1, false}, {"\x80", "a", 1, false}, {"Đ", "đ", -1, false},
    };
    for (size_t i = 0; i < COUNT(t); i++) {
        str a = str_c(t[i].a), b = str_c(t[i].b);
        assert_int_equal(str_cmp(a, b), t[i].cmp);
        assert_int_equal(str_cmp(b, a), -t[i].cmp);
        assert_int_equal(str_eq(a, b), t[i].cmp == 0);
        assert_int_equal(str_eq_nocase(a, b), t[i].nocase);
    }
    assert_null(str_c(NULL).p);
    assert_true(str_eq(STR_NONE, STR("")));
    assert_int_equal(str_cmp(STR_NONE, STR("")), 0);
}

static void cuts(void **state)
{
    assert_str(str_trim(STR(" \t a b\r\n ")), "a b");
    assert_str(str_trim(STR("   ")), "");
    assert_str(str_sub(STR("hello"), 1, 3), "ell");
    assert_str(str_sub(STR("hello"), 4, SIZE_MAX), "o");
    assert_str(str_sub(STR("hello"), SIZE_MAX, 3), "");
    assert_null(str_sub(STR_NONE, 0, 5).p);
    assert_true(str_starts(STR("abc"), STR("ab")));
    assert_false(str_starts(STR("a"), STR("ab")));
    assert_true(str_starts(STR_NONE, STR("")));
    assert_true(str_ends(STR("abc"), STR("bc")));
    assert_false(str_ends(STR("c"), STR("bc")));
    assert_int_equal(str_find(STR("abcabc"), STR("ca")), 2);
    assert_int_equal(str_find(STR("abc"), STR("")), 0);
    assert_true(str_find(STR("abc"), STR("abcd")) == SIZE_MAX);
    assert_true(str_find(STR("abc"), STR("x")) == SIZE_MAX);
}

static void splits(void **state)
{
    static const struct {
        const char *s;
        size_t n;
        const char *part[4];
    } t[] = {
        {"", 1, {""}},
        {"a", 1, {"a"}},
        {"a,b", 2, {"a", "b"}},
        {",", 2, {"", ""}},
        {"a,,b", 3, {"a", "", "b"}},
        {"a,b,", 3, {"a", "b", ""}},
    };
    for (size_t i = 0; i < COUNT(t); i++) {
        str rest = str_c(t[i].s), head;
        size_t n = 0;
        while (str_split(&rest, ',', &head)) {
            assert_true(n < t[i].n);
            assert_str(head, t[i].part[n++]);
        }
        assert_int_equal(n, t[i].n);
        assert_false(str_split(&rest, ',', &head));
    }
}

static void numbers(void **state)
{
    static const struct {
        const char *s;
        bool i_ok;
        int64_t i;
        bool u_ok;
        uint64_t u;
    } t[] = {
        {"0", true, 0, true, 0},
        {"-0", true, 0, false, 0},
        {"42", true, 42, true, 42},
        {"-42", true, -42, false, 0},
        {"007", true, 7, true, 7},
        {"9223372036854775807", true, INT64_MAX, true, INT64_MAX},
        {"9223372036854775808", false, 0, true, (uint64_t)INT64_MAX + 1},
        {"-9223372036854775808", true, INT64_MIN, false, 0},
        {"-9223372036854775809", false, 0, false, 0},
        {"18446744073709551615", false, 0, true, UINT64_MAX},
        {"18446744073709551616", false, 0, false, 0},
        {"99999999999999999999", false, 0, false, 0},
        {"", false, 0, false, 0},
        {"-", false, 0, false, 0},
        {"+1", false, 0, false, 0},
        {" 1", false, 0, false, 0},
        {"1 ", false, 0, false, 0},
        {"0x1", false, 0, false, 0},
        {"--1", false, 0, false, 0},
        {"1.0", false, 0, false, 0},
    };
    for (size_t i = 0; i < COUNT(t); i++) {
        int64_t sv = 77;
        uint64_t uv = 77;
        assert_int_equal(str_i64(str_c(t[i].s), &sv), t[i].i_ok);
        assert_true(sv == (t[i].i_ok ? t[i].i : 77));
        assert_int_equal(str_u64(str_c(t[i].s), &uv), t[i].u_ok);
        assert_true(uv == (t[i].u_ok ? t[i].u : 77));
    }
}

/* One changed bit changes about half of the hash; a new seed gives another hash. */
static void hashes(void **state)
{
    uint64_t rng = 1;
    int flipped = 0, rounds = 2000;

    for (int i = 0; i < rounds; i++) {
        char a[40];
        size_t n = 1 + prng(&rng) % sizeof(a);
        for (size_t k = 0; k < n; k++)
            a[k] = (char)prng(&rng);
        uint64_t before = str_hash((str){a, n}, 5);
        assert_true(before == str_hash((str){a, n}, 5));
        assert_true(before != str_hash((str){a, n}, 6));
        size_t at = prng(&rng) % n;
        a[at] = (char)(a[at] ^ (1 << (prng(&rng) % 8)));
        flipped += __builtin_popcountll(before ^ str_hash((str){a, n}, 5));
    }
    assert_in_range(flipped, 30 * rounds, 34 * rounds);
    assert_true(str_hash(STR("a"), 0) != str_hash(((str){"a\0", 2}), 0));
}

static void reads(void **state)
{
    static const uint8_t b[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    rd r = rd_init(b, sizeof(b));

    assert_int_equal(rd_u8(&r), 1);
    assert_int_equal(rd_u16(&r), 0x0203);
    assert_int_equal(rd_u16le(&r), 0x0504);
    rd sub = rd_sub(&r, 2);
    assert_int_equal(rd_u32(&sub), 0);
    assert_true(sub.bad);
    assert_false(r.bad);
    assert_int_equal(rd_left(&r), 2);
    assert_str(rd_bytes(&r, 1), "\x08");
    assert_null(rd_bytes(&r, SIZE_MAX).p);
    assert_true(r.bad);
    assert_int_equal(rd_u8(&r), 0);
    assert_int_equal(rd_left(&r), 0);
    assert_true(rd_sub(&r, 0).bad);

    r = rd_init(b, sizeof(b));
    assert_true(rd_u64(&r) == 0x0102030405060708u);
    r = rd_init(b, sizeof(b));
    assert_true(rd_u64le(&r) == 0x0807060504030201u);
    r = rd_init(b, 4);
    assert_int_equal(rd_u32(&r), 0x01020304);
    r = rd_init(b, 4);
    assert_int_equal(rd_u32le(&r), 0x04030201);
    r = rd_init(NULL, 5);
    assert_int_equal(rd_u8(&r), 0);
    assert_true(r.bad);
}

static void varints(void **state)
{
    static const struct {
        const char *b;
        size_t n;
        bool ok;
        uint64_t v;
    } t[] = {
        {"\x00", 1, true, 0},
        {"\x7f", 1, true, 127},
        {"\x80\x01", 2, true, 128},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, true, UINT64_MAX},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, false, 0},
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11, false, 0},
        {"\x80", 1, false, 0},
        {"", 0, false, 0},
    };
    for (size_t i = 0; i < COUNT(t); i++) {
        rd r = rd_init(t[i].b, t[i].n);
        assert_true(rd_varint(&r) == t[i].v);
        assert_int_equal(!r.bad, t[i].ok);
    }
}

static void hex(void **state)
{
    uint8_t b[3];
    char text[2 * 100 + 1], other[2 * 100 + 1];

    assert_true(hex_parse(STR("00fFa5"), b, 3));
    hex_fmt(b, 3, text);
    assert_string_equal(text, "00ffa5");
    assert_false(hex_parse(STR("00ff"), b, 3));
    assert_false(hex_parse(STR("00ffag"), b, 3));
    assert_false(hex_parse(STR("00ff a5"), b, 3));
    assert_int_equal(b[2], 0xa5);
    rand_hex(text, 100);
    rand_hex(other, 100);
    assert_int_equal(strlen(text), 200);
    assert_string_not_equal(text, other);
    rand_hex(text, 0);
    assert_string_equal(text, "");
}

/* The vectors of RFC 4648, section 10, and texts that are no base64. */
static void base64(void **state)
{
    static const char *const good[][2] = {{"", ""},
                                          {"f", "Zg=="},
                                          {"fo", "Zm8="},
                                          {"foo", "Zm9v"},
                                          {"foob", "Zm9vYg=="},
                                          {"fooba", "Zm9vYmE="},
                                          {"foobar", "Zm9vYmFy"}};
    static const char *const bad[] = {
        "Z", "Zg=", "Zg", "Zh==", "Zm9=", "Z===", "====", "Zm9v Zm9v", "Zg==Zg==", "Zm-v"};
    struct buf text, back;

    buf_init(&text, 100);
    buf_init(&back, 100);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        buf_clear(&text);
        buf_clear(&back);
        buf_base64(&text, str_c(good[i][0]));
        assert_true(str_eq(buf_view(&text), str_c(good[i][1])));
        assert_true(buf_base64_read(&back, buf_view(&text)));
        assert_true(str_eq(buf_view(&back), str_c(good[i][0])));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(buf_base64_read(&back, str_c(bad[i])));
        assert_true(str_eq(buf_view(&back), STR("foobar")));
    }
    for (int c = 0; c < 256; c++) {
        char three[3] = {(char)c, (char)(255 - c), (char)(c * 7)};
        buf_clear(&text);
        buf_clear(&back);
        buf_base64(&text, (str){three, 3});
        assert_true(buf_base64_read(&back, buf_view(&text)) && back.n == 3 && memcmp(back.p, three, 3) == 0);
    }
    buf_done(&text);
    buf_done(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares), cmocka_unit_test(cuts),   cmocka_unit_test(splits),
        cmocka_unit_test(numbers),  cmocka_unit_test(hashes), cmocka_unit_test(reads),
        cmocka_unit_test(varints),  cmocka_unit_test(hex),    cmocka_unit_test(base64),
    };
    return cmocka_run_group_tests_name("base/str", tests, NULL, NULL);
}
