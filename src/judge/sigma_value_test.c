/* Sigma's texts: escapes, wildcards, case, and the transformations of values. */
#include "judge/test-int.h"

/* Characters, with <*> <?> <-> for what is special and <xx> for bytes. */
static const char *shown(struct arena *a, struct sval v)
{
    struct buf b;

    buf_init(&b, 4096);
    for (size_t i = 0; i < v.n; i++) {
        uint32_t t = v.t[i];
        if (t == TOK_RUN || t == TOK_ONE || t == TOK_DASH)
            buf_z(&b, t == TOK_RUN ? "<*>" : t == TOK_ONE ? "<?>" : "<->");
        else if (t & TOK_BYTE || t == 0)
            buf_fmt(&b, "<%02x>", t & 0xff);
        else {
            str bytes;
            assert_true(sval_bytes(a, (struct sval){&v.t[i], 1}, &bytes));
            buf_str(&b, bytes);
        }
    }
    const char *out = arena_cstr(a, buf_view(&b));
    buf_done(&b);
    return out;
}

static void escapes(void **state)
{
    static const struct {
        const char *in, *out;
    } t[] = {
        {"a\\b", "a\\b"},
        {"a\\\\b", "a\\b"},
        {"a\\\\\\b", "a\\\\b"},
        {"a\\\\\\\\b", "a\\\\b"},
        {"a\\*b", "a*b"},
        {"a\\\\*b", "a\\<*>b"},
        {"a\\\\\\*b", "a\\*b"},
        {"a\\\\\\\\*b", "a\\\\<*>b"},
        {"\\?", "?"},
        {"?", "<?>"},
        {"*", "<*>"},
        {"a\\", "a\\"},
        {"\\", "\\"},
        {"", ""},
        {"Đ*ư", "Đ<*>ư"},
        {"\xff", "<ff>"},
        {"C:\\Windows\\*", "C:\\Windows*"},
    };
    struct arena a = arena_init(1 << 20);

    for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
        assert_string_equal(shown(&a, sval_parse(&a, str_c(t[i].in))), t[i].out);
    assert_string_equal(shown(&a, sval_plain(&a, STR("a*\\?"))), "a*\\?");
    arena_free(&a);
}

static void transformed(void **state)
{
    struct arena a = arena_init(1 << 20);
    static const struct {
        const char *in, *out;
    } dash[] = {
        {"-a", "<->a"}, {"/a -b", "<->a <->b"}, {"a-b", "a-b"}, {"--x", "-<->x"}, {"- x", "- x"}, {"x/", "x/"},
    };

    for (size_t i = 0; i < sizeof(dash) / sizeof(*dash); i++)
        assert_string_equal(shown(&a, sval_windash(&a, sval_parse(&a, str_c(dash[i].in)))), dash[i].out);
    assert_string_equal(shown(&a, sval_utf16(&a, sval_parse(&a, STR("ab")), UTF16_LE)), "a<00>b<00>");
    assert_string_equal(shown(&a, sval_utf16(&a, sval_parse(&a, STR("ab")), UTF16_BE)), "<00>a<00>b");
    assert_string_equal(shown(&a, sval_utf16(&a, sval_parse(&a, STR("a")), UTF16_BOM)), "<ff><fe>a<00>");
    assert_string_equal(shown(&a, sval_utf16(&a, sval_parse(&a, STR("\xf0\x9f\x98\x80")), UTF16_BE)), "<d8>=<de><00>");
    assert_str(base64_text(&a, STR("")), "");
    assert_str(base64_text(&a, STR("f")), "Zg==");
    assert_str(base64_text(&a, STR("fo")), "Zm8=");
    assert_str(base64_text(&a, STR("foobar")), "Zm9vYmFy");
    assert_str(base64_offset(&a, STR("foo"), 0), "Zm9v");
    assert_str(base64_offset(&a, STR("foo"), 1), "Zvb");
    assert_str(base64_offset(&a, STR("foo"), 2), "mb2");
    arena_free(&a);
}

/* Wherever the text stands in what was encoded, one of the three is found. */
static void offsets_are_found(void **state)
{
    struct arena a = arena_init(8 << 20);
    str secret = STR("sekrit text");

    for (int head = 0; head < 9; head++)
        for (int tail = 0; tail < 9; tail++) {
            str whole = arena_fmt(&a, "%.*s%.*s%.*s", head, "abcdefghi", STR_ARGS(secret), tail, "jklmnopqr");
            str coded = base64_text(&a, whole);
            int found = 0;
            for (int shift = 0; shift < 3; shift++)
                found += str_find(coded, base64_offset(&a, secret, shift)) != SIZE_MAX;
            assert_true(found >= 1);
        }
    arena_free(&a);
}

static bool fits(struct arena *a, const char *pattern, bool cased, const char *value)
{
    struct smatch m;
    struct sigma_run run = {0};

    assert_true(smatch_compile(a, sval_parse(a, str_c(pattern)), cased, &m));
    return smatch_text(&m, str_c(value), text_lower(a, str_c(value)), NULL, &run);
}

static void wildcards(void **state)
{
    static const struct {
        const char *pattern, *value;
        bool fits, cased;
    } t[] = {
        {"abc", "abc", true, false},
        {"abc", "ABC", true, false},
        {"abc", "ABC", false, true},
        {"abc", "abcd", false, false},
        {"a*", "a", true, false},
        {"a*", "abc", true, false},
        {"*c", "abc", true, false},
        {"*b*", "abc", true, false},
        {"*b*", "ac", false, false},
        {"*", "", true, false},
        {"", "", true, false},
        {"", "x", false, false},
        {"**", "anything", true, false},
        {"a?c", "abc", true, false},
        {"a?c", "ac", false, false},
        {"a?c", "aĐc", true, false},
        {"?", "ư", true, false},
        {"??", "ư", false, false},
        {"a*b*c", "a-b-b-c", true, false},
        {"a*b*c", "acb", false, false},
        {"*ab", "aab", true, false},
        {"*aab", "aaab", true, false},
        {"a*?b", "ab", false, false},
        {"a*?b", "axb", true, false},
        {"ĐỖ THỊ*", "đỗ thị hạnh", true, false},
        {"ĐỖ*", "đỗ", false, true},
        {"*\\*", "a*", true, false},
        {"a\\?", "ab", false, false},
        {"*foo*bar", "foo bar foo", false, false},
        {"*foo*bar", "foo bar foobar", true, false},
        {"a?*", "a", false, false},
        {"?\xff", "a\xff", true, false},
        {"*.exe", "X.EXE", true, false},
    };
    struct arena a = arena_init(1 << 20);

    for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
        if (fits(&a, t[i].pattern, t[i].cased, t[i].value) != t[i].fits)
            fail_msg("%s over %s", t[i].pattern, t[i].value);
    arena_free(&a);
}

/* A pattern of many stars over a long line that almost fits. */
static void wildcards_end(void **state)
{
    struct arena a = arena_init(8 << 20);
    char *line = malloc(64001);

    memset(line, 'a', 64000);
    line[64000] = '\0';
    assert_false(fits(&a, "*a*a*a*a*a*a*a*a*ab", false, line));
    assert_false(fits(&a, "*a?a*a?a*a?a*a?b", false, line));
    free(line);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes),   cmocka_unit_test(transformed),   cmocka_unit_test(offsets_are_found),
        cmocka_unit_test(wildcards), cmocka_unit_test(wildcards_end),
    };
    return cmocka_run_group_tests_name("sigma_value", tests, NULL, NULL);
}
