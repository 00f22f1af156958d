/* Options and commands: what is taken where, what is refused, no row without help. */
#include "base/msg.h"
#include "cli/cli.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <cmocka.h>

static int parse(struct run *r, struct err *e, int n, const char *const *words)
{
    static char *argv[16];

    *r = (struct run){.arena = arena_init(1 << 20)};
    argv[0] = (char *)(uintptr_t) "luy";
    for (int i = 0; i < n; i++)
        argv[i + 1] = (char *)(uintptr_t)words[i];
    return options_parse(r, n + 1, argv, e);
}

static void test_table(void **state)
{
    static const struct {
        const char *words[5];
        int n, rc, nargs;
        enum out_format format;
        const char *limit;
    } rows[] = {
        {{"list", "unit"}, 2, 0, 2, OUT_TABLE, NULL},
        {{"list", "unit", "-o", "json"}, 4, 0, 2, OUT_JSON, NULL},
        {{"list", "-ocsv", "unit"}, 3, 0, 2, OUT_CSV, NULL},
        {{"--limit=5", "list", "unit"}, 3, 0, 2, OUT_TABLE, "5"},
        {{"list", "unit", "--limit", "7"}, 4, 0, 2, OUT_TABLE, "7"},
        {{"search", "--", "--limit"}, 3, 0, 2, OUT_TABLE, NULL},
        {{"search", "-"}, 2, 0, 2, OUT_TABLE, NULL},
        {{"list", "--limit"}, 2, -EINVAL, 0, OUT_TABLE, NULL},
        {{"list", "--nonsense"}, 2, -EINVAL, 0, OUT_TABLE, NULL},
        {{"list", "--all=1"}, 2, -EINVAL, 0, OUT_TABLE, NULL},
        {{"list", "-o", "xml"}, 3, -EINVAL, 0, OUT_TABLE, NULL},
        {{"list", "--lang", "fr"}, 3, -EINVAL, 0, OUT_TABLE, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct run r;
        struct err e = {0};
        assert_int_equal(parse(&r, &e, rows[i].n, rows[i].words), rows[i].rc);
        if (rows[i].rc == 0) {
            assert_int_equal(r.nargs, rows[i].nargs);
            assert_int_equal(r.format, rows[i].format);
            assert_true((rows[i].limit == NULL) == (r.opt.limit == NULL));
            if (rows[i].limit != NULL)
                assert_string_equal(r.opt.limit, rows[i].limit);
        } else {
            assert_non_null(e.key);
        }
        arena_free(&r.arena);
    }
}

static void test_help_is_whole(void **state)
{
    for (size_t i = 0; i < ncommands; i++) {
        assert_non_null(msg_get(commands[i].help, LANG_VI));
        assert_ptr_equal(command_find(commands[i].name), &commands[i]);
        for (const char *const *o = commands[i].options; *o; o++) {
            bool known = false;
            for (size_t k = 0; k < noptions; k++)
                known = known || strcmp(option_table[k].name, *o) == 0;
            assert_true(known);
        }
    }
    for (size_t i = 0; i < noptions; i++)
        assert_non_null(msg_get(option_table[i].help, LANG_EN));
    assert_null(command_find("nonsense"));
}

/* Every command and option stands in the manual page. */
static void test_manual(void **state)
{
    const char *root = getenv("LUY_SOURCE");
    char path[4096], *text;
    assert_non_null(root);
    snprintf(path, sizeof(path), "%s/man/luy.1", root);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    text = calloc(1, 1 << 18);
    assert_true(fread(text, 1, (1 << 18) - 1, f) > 0);
    fclose(f);
    for (size_t i = 0; i < ncommands; i++) {
        char want[64];
        snprintf(want, sizeof(want), ".B %s\n", commands[i].name);
        char with_args[64];
        snprintf(with_args, sizeof(with_args), ".BI \"%s ", commands[i].name);
        if (strstr(text, want) == NULL && strstr(text, with_args) == NULL)
            fail_msg("man/luy.1 lacks %s", commands[i].name);
    }
    for (size_t i = 0; i < noptions; i++) {
        char want[64] = "\\-\\-";
        for (const char *p = option_table[i].name; *p; p++)
            snprintf(want + strlen(want), sizeof(want) - strlen(want), *p == '-' ? "\\-" : "%c", *p);
        if (strstr(text, want) == NULL)
            fail_msg("man/luy.1 lacks --%s", option_table[i].name);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table), cmocka_unit_test(test_help_is_whole),
                                       cmocka_unit_test(test_manual)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
