/* Unit tables of arena.c, buf.c, map.c: growth, ceilings, and memory that
 * ends at each possible point. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/rd.h"
#include "base/test-int.h"
#include "base/text.h"

static void arena_pieces(void **state)
{
    struct arena a = arena_init(1 << 20);
    unsigned char *last = NULL;

    for (size_t n = 0; n < 3000; n += 7) {
        unsigned char *p = arena_alloc(&a, n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        assert_ptr_not_equal(p, last);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xaa, n);
        last = p;
    }
    assert_str(arena_str(&a, STR("bamboo")), "bamboo");
    assert_null(arena_str(&a, STR_NONE).p);
    assert_string_equal(arena_cstr(&a, STR("x")), "x");
    assert_string_equal(arena_cstr(&a, STR_NONE), "");
    assert_str(arena_fmt(&a, "%d %s", 7, "tre"), "7 tre");
    str s = arena_str(&a, STR("nul follows"));
    assert_int_equal(s.p[s.n], 0);
    arena_clear(&a);
    unsigned char *again = arena_alloc(&a, 64);
    for (int i = 0; i < 64; i++)
        assert_int_equal(again[i], 0);
    arena_free(&a);
    assert_non_null(arena_alloc(&a, 10));
    arena_free(&a);
}

static void arena_ceiling(void **state)
{
    for (size_t max = 0; max < 9000; max += 509) {
        struct arena a = arena_init(max);
        size_t sum = 0;
        while (arena_alloc(&a, 48) != NULL)
            sum += 48;
        assert_true(a.failed && a.used <= max && sum <= max);
        /* What is lost to the ends of blocks is less than a piece for each. */
        assert_true(sum + 48 * 4 > max);
        assert_null(arena_alloc(&a, 0));
        arena_clear(&a);
        assert_false(a.failed);
        arena_free(&a);
    }
    struct arena a = arena_init(SIZE_MAX);
    assert_null(arena_alloc(&a, SIZE_MAX));
    arena_clear(&a);
    assert_null(arena_calloc(&a, SIZE_MAX / 4, 8));
    arena_clear(&a);
    assert_null(arena_str(&a, (str){"x", SIZE_MAX}).p);
    arena_free(&a);
}

static void buf_grows(void **state)
{
    struct buf b;

    buf_init(&b, 100000);
    for (int i = 0; i < 10000; i++)
        buf_fmt(&b, "%d,", i % 10);
    assert_int_equal(b.n, 20000);
    assert_false(b.failed);
    buf_drop(&b, 19998);
    assert_str(buf_view(&b), "9,");
    buf_drop(&b, 50);
    assert_str(buf_view(&b), "");
    buf_fmt(&b, "%0300d", 1);
    assert_int_equal(b.n, 300);
    buf_clear(&b);
    buf_u16(&b, 0x0201);
    buf_u32(&b, 0x06050403);
    buf_u64(&b, 0x0e0d0c0b0a090807u);
    for (size_t i = 0; i < b.n; i++)
        assert_int_equal(b.p[i], i + 1);
    buf_done(&b);
    buf_init(&b, 0);
    assert_str(buf_view(&b), "");
    buf_byte(&b, 1);
    assert_true(b.failed);
    buf_done(&b);
}

/* A failed append leaves the content; compound writers leave all or nothing. */
static void buf_ceiling(void **state)
{
    for (size_t max = 2; max < 40; max++) {
        struct buf b;
        buf_init(&b, max);
        buf_z(&b, "ab");
        buf_json(&b, STR("q\"\n\xff"
                         "đ"));
        assert_true(b.failed ? b.n == 2 : b.n == 14);
        buf_clear(&b);
        buf_z(&b, "ab");
        buf_csv(&b, STR("x,\"y\""));
        assert_true(b.failed ? b.n == 2 : b.n == 11);
        buf_clear(&b);
        buf_z(&b, "ab");
        buf_fmt(&b, "%s", "0123456789");
        assert_true(b.failed ? b.n == 2 : b.n == 12);
        buf_byte(&b, 'x');
        assert_true(!b.failed || b.n == 2 || b.n == 12);
        buf_done(&b);
    }
    struct buf b;
    buf_init(&b, SIZE_MAX);
    buf_z(&b, "ab");
    assert_false(buf_reserve(&b, SIZE_MAX));
    assert_str(buf_view(&b), "ab");
    buf_done(&b);
}

static void buf_text(void **state)
{
    static const struct {
        const char *in;
        size_t n;
        const char *json, *csv;
    } t[] = {
        {"", 0, "\"\"", ""},
        {"a", 1, "\"a\"", "a"},
        {"đ", 2, "\"đ\"", "đ"},
        {"a\"b", 3, "\"a\\\"b\"", "\"a\"\"b\""},
        {"\\", 1, "\"\\\\\"", "\\"},
        {"\n\t\r\b\f", 5, "\"\\n\\t\\r\\b\\f\"", "\"\n\t\r\b\f\""},
        {"\0\x1f\x7f", 3, "\"\\u0000\\u001f\\u007f\"", NULL},
        {"\xff"
         "a",
         2,
         "\"\xef\xbf\xbd"
         "a\"",
         "\xff"
         "a"},
        {"\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", NULL},
        {"\xe1\xbb", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"", NULL},
        {"a,b", 3, "\"a,b\"", "\"a,b\""},
        {"\"", 1, "\"\\\"\"", "\"\"\"\""},
        {" x", 2, "\" x\"", "\" x\""},
    };
    for (size_t i = 0; i < COUNT(t); i++) {
        struct buf b;
        buf_init(&b, 1000);
        buf_json(&b, (str){t[i].in, t[i].n});
        assert_str(buf_view(&b), t[i].json);
        buf_clear(&b);
        if (t[i].csv != NULL) {
            buf_csv(&b, (str){t[i].in, t[i].n});
            assert_str(buf_view(&b), t[i].csv);
        }
        buf_done(&b);
    }
}

static void varint_round_trip(void **state)
{
    uint64_t rng = 3;
    struct buf b;

    buf_init(&b, 1 << 20);
    for (int i = 0; i < 5000; i++) {
        uint64_t v = prng(&rng) >> (prng(&rng) % 64);
        buf_clear(&b);
        buf_varint(&b, v);
        rd r = rd_init(b.p, b.n);
        assert_true(rd_varint(&r) == v);
        assert_true(!r.bad && rd_left(&r) == 0);
    }
    buf_done(&b);
}

/* Against a plain array as the model. */
static void map_model(void **state)
{
    enum { KEYS = 300 };
    static bool have[KEYS];
    uint64_t rng = 9;
    size_t n = 0;
    struct map m;

    map_init(&m, KEYS);
    for (int round = 0; round < 20000; round++) {
        char key[8];
        size_t k = prng(&rng) % KEYS, len = (size_t)snprintf(key, sizeof(key), "%zx", k * 7);
        str s = {key, k == 0 ? 0 : len};
        bool fresh;
        if (prng(&rng) % 3 == 0) {
            assert_int_equal(map_del(&m, s), have[k]);
            n -= have[k];
            have[k] = false;
        } else {
            struct map_slot *slot = map_put(&m, s, &fresh);
            assert_non_null(slot);
            assert_int_equal(fresh, !have[k]);
            if (fresh)
                slot->v.num = (int64_t)k;
            n += !have[k];
            have[k] = true;
        }
        assert_int_equal(m.n, n);
        struct map_slot *got = map_get(&m, s);
        assert_int_equal(got != NULL, have[k]);
        if (got != NULL)
            assert_int_equal(got->v.num, k);
    }
    size_t seen = 0, i = 0;
    for (struct map_slot *s; (s = map_next(&m, &i)) != NULL; seen++)
        assert_true(have[s->v.num]);
    assert_int_equal(seen, n);
    map_done(&m);
}

static void map_ceiling(void **state)
{
    struct map m;
    bool fresh;

    map_init(&m, 2);
    assert_null(map_get(&m, STR("a")));
    assert_false(map_del(&m, STR("a")));
    map_put(&m, STR("a"), &fresh)->v.num = 1;
    assert_non_null(map_put(&m, STR("b"), NULL));
    assert_null(map_put(&m, STR("c"), &fresh));
    assert_int_equal(map_put(&m, STR("a"), &fresh)->v.num, 1);
    assert_false(fresh);
    assert_true(map_del(&m, STR("a")));
    assert_non_null(map_put(&m, STR("c"), NULL));
    assert_int_equal(m.n, 2);
    map_done(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_pieces), cmocka_unit_test(arena_ceiling), cmocka_unit_test(buf_grows),
        cmocka_unit_test(buf_ceiling),  cmocka_unit_test(buf_text),      cmocka_unit_test(varint_round_trip),
        cmocka_unit_test(map_model),    cmocka_unit_test(map_ceiling),
    };
    return cmocka_run_group_tests_name("base/mem", tests, NULL, NULL);
}
