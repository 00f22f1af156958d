/* Wildcards against recursion, the scan against a loop: random short inputs
 * over a small alphabet, so that near misses abound. */
#include "base/test-int.h"
#include "journal/pattern.h"

/* An unclever matcher to hold the clever one against. */
static bool slow_glob(const char *p, const char *s)
{
    if (*p == '\0')
        return *s == '\0';
    if (*p == '*')
        return slow_glob(p + 1, s) || (*s && slow_glob(p, s + 1));
    if (*s == '\0')
        return false;
    if (*p == '?') {
        do
            s++;
        while (((unsigned char)*s & 0xc0) == 0x80);
        return slow_glob(p + 1, s);
    }
    return byte_lower((uint8_t)*p) == byte_lower((uint8_t)*s) && slow_glob(p + 1, s + 1);
}

static void wildcards_agree_with_recursion(void **state)
{
    static const char *const letters[] = {"a", "B", "b", "\xe1\xbb\x87", "A", "*", "?", "*"};
    uint64_t seed = 41;

    for (int round = 0; round < 20000; round++) {
        struct arena a = arena_init(1 << 16);
        char pat[64] = "", text[64] = "", within[70];
        struct pattern whole, part;
        size_t np = 0, nt = 0;
        for (uint64_t k = prng(&seed) % 6; k > 0; k--)
            np += (size_t)snprintf(pat + np, sizeof(pat) - np, "%s", letters[prng(&seed) % 8]);
        for (uint64_t k = prng(&seed) % 10; k > 0; k--)
            nt += (size_t)snprintf(text + nt, sizeof(text) - nt, "%s", letters[prng(&seed) % 5]);
        snprintf(within, sizeof(within), "*%s*", pat);
        assert_true(pattern_make(&a, (str){pat, np}, false, &whole));
        assert_true(pattern_make(&a, (str){pat, np}, true, &part));
        assert_int_equal(pattern_whole(&whole, (str){text, nt}), slow_glob(pat, text));
        if (np > 0)
            assert_int_equal(pattern_within(&part, (str){text, nt}), slow_glob(within, text));
        arena_free(&a);
    }
}

static void scan_finds_what_a_loop_finds(void **state)
{
    uint64_t seed = 7;
    char hay[200], low[16];

    for (int round = 0; round < 20000; round++) {
        size_t n = prng(&seed) % sizeof(hay), k = 1 + prng(&seed) % 4, want = SIZE_MAX;
        struct needle nd;
        for (size_t i = 0; i < n; i++)
            hay[i] = "aAbB -@`\x80"[prng(&seed) % 9];
        for (size_t i = 0; i < k; i++)
            low[i] = "ab -@`\x80"[prng(&seed) % 7];
        needle_init(&nd, (str){low, k});
        size_t from = prng(&seed) % 40;
        for (size_t at = from; at + k <= n && want == SIZE_MAX; at++) {
            size_t i = 0;
            while (i < k && byte_lower((uint8_t)hay[at + i]) == (uint8_t)low[i])
                i++;
            want = i == k ? at : want;
        }
        /* a copy of exact size, so that a read past the end is seen */
        char *exact = malloc(n ? n : 1);
        memcpy(exact, hay, n);
        assert_int_equal(needle_find(&nd, (str){exact, n}, from), want);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wildcards_agree_with_recursion),
        cmocka_unit_test(scan_finds_what_a_loop_finds),
    };
    return cmocka_run_group_tests_name("journal/pattern", tests, NULL, NULL);
}
