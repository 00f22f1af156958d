/* The configuration: mistakes with their places, what is understood prints and
 * reads back the same, and the commented file says what the table says. */
#include "daemon/config.h"
#include "base/file.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct {
    const char *text, *key;
    uint32_t line, col;
    const char *arg;
} mistakes[] = {
    {"listen 127.0.0.1:1", "config.no_equals", 1, 8, NULL},
    {"\n\n  = 3", "config.no_equals", 3, 3, NULL},
    {"check_intervall = 5m", "config.unknown_near", 1, 1, "check_interval"},
    {"  lisen = 127.0.0.1:1", "config.unknown_near", 1, 3, "listen"},
    {"colour_of_the_console = red", "config.unknown", 1, 1, NULL},
    {"login_failures = 5\nlogin_failures = 6", "config.twice", 2, 1, NULL},
    {"login_failures = many", "config.not_int", 1, 18, NULL},
    {"login_failures = 0", "config.range", 1, 18, NULL},
    {"login_failures = 99999999999999999999", "config.not_int", 1, 18, NULL},
    {"login_window = 15 parsecs", "config.not_duration", 1, 16, NULL},
    {"login_window = 9223372036854775807d", "config.not_duration", 1, 16, NULL},
    {"journal_block = 16MB", "config.not_size", 1, 17, NULL},
    {"journal_block = 1KiB", "config.range", 1, 17, NULL},
    {"listen = localhost:8443", "config.not_address", 1, 10, NULL},
    {"listen = 127.0.0.1:65536", "config.not_address", 1, 10, NULL},
    {"listen = ::1:8443", "config.not_address", 1, 10, NULL},
    {"listen = ", "config.none", 0, 0, NULL},
    {"user = \"luy", "config.quote", 1, 8, NULL},
    {"user = \"luy\" x", "config.quote", 1, 8, NULL},
    {"log_level = loud", "config.not_level", 1, 13, NULL},
    {"user = abcdefghijklmnopqrstuvwxyz0123456789", "config.too_long", 1, 8, NULL},
    {"user = \xff", "config.not_text", 1, 1, NULL},
};

static void test_mistakes(void **state)
{
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++) {
        struct arena a = arena_init(1 << 20);
        struct config c;
        struct errs es;
        errs_init(&es, 10);
        config_defaults(&c);
        int rc = config_parse(&a, str_c(mistakes[i].text), "x.conf", &c, &es);
        if (strcmp(mistakes[i].key, "config.none") == 0) {
            assert_int_equal(rc, 0);
        } else {
            assert_int_equal(rc, -EINVAL);
            assert_int_equal(es.n, 1);
            assert_string_equal(es.v[0].key, mistakes[i].key);
            assert_int_equal(es.v[0].line, mistakes[i].line);
            assert_int_equal(es.v[0].col, mistakes[i].col);
            assert_string_equal(es.v[0].at, "x.conf");
            if (mistakes[i].arg != NULL)
                assert_string_equal(es.v[0].arg[1], mistakes[i].arg);
        }
        errs_done(&es);
        arena_free(&a);
    }
}

static void test_all_in_one_pass(void **state)
{
    struct arena a = arena_init(1 << 20);
    struct config c;
    struct errs es;

    errs_init(&es, 10);
    config_defaults(&c);
    str text = STR("listen = x\nnothing\nlogin_lock = 45m # right\nmystery_box_9 = 1\npassword_min = 3\n");
    assert_int_equal(config_parse(&a, text, "x", &c, &es), -EINVAL);
    assert_int_equal(es.n, 4);
    assert_int_equal(es.v[0].line, 1);
    assert_int_equal(es.v[1].line, 2);
    assert_int_equal(es.v[2].line, 4);
    assert_int_equal(es.v[3].line, 5);
    assert_int_equal(c.login_lock, 45 * 60);
    errs_done(&es);
    arena_free(&a);
}

static const struct {
    const char *text;
    int64_t want;
    size_t at;
} numbers[] = {
    {"login_lock = 1d", 86400, offsetof(struct config, login_lock)},
    {"login_lock=90", 90, offsetof(struct config, login_lock)},
    {"  login_lock \t= 2h   # two hours", 7200, offsetof(struct config, login_lock)},
    {"journal_block = 64K", 65536, offsetof(struct config, journal_block)},
    {"journal_block = 1 MiB\r", 1 << 20, offsetof(struct config, journal_block)},
    {"journal_max = 3GiB", 3LL << 30, offsetof(struct config, journal_max)},
    {"\xef\xbb\xbfpassword_min = 14", 14, offsetof(struct config, password_min)},
};

static void test_values(void **state)
{
    struct arena a = arena_init(1 << 20);
    struct config c;
    struct errs es;

    errs_init(&es, 10);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        config_defaults(&c);
        assert_int_equal(config_parse(&a, str_c(numbers[i].text), "x", &c, &es), 0);
        assert_int_equal(*(int64_t *)(void *)((char *)&c + numbers[i].at), numbers[i].want);
    }
    assert_int_equal(
        config_parse(&a, STR("https_names = \"a b # \\\"c\\\\\"  # tail\nsyslog_udp = off\nlisten = https://[::1]:0"),
                     "x", &c, &es),
        0);
    assert_string_equal(c.https_names, "a b # \"c\\");
    assert_string_equal(c.syslog_udp, "");
    assert_string_equal(c.listen, "[::1]:0");
    errs_done(&es);
    arena_free(&a);
}

static void assert_same(const struct config *x, const struct config *y)
{
    for (size_t i = 0; i < config_options_n; i++)
        if (!config_same(x, y, &config_options[i]))
            fail_msg("%s differs", config_options[i].name);
}

static void test_print_reads_back(void **state)
{
    struct arena a = arena_init(1 << 20);
    struct config c, again;
    struct errs es;
    struct buf b;

    errs_init(&es, 10);
    buf_init(&b, 1 << 20);
    config_defaults(&c);
    config_defaults(&again);
    assert_int_equal(
        config_parse(&a, STR("login_lock = 61\nuser = \"a\\\"b\"\nsyslog_tls = off\njournal_reserve = 12345678"), "x",
                     &c, &es),
        0);
    config_print(&c, &b);
    assert_int_equal(config_parse(&a, buf_view(&b), "printed", &again, &es), 0);
    assert_same(&c, &again);
    buf_done(&b);
    errs_done(&es);
    arena_free(&a);
}

/* etc/luyd.conf with every "#name = value" uncommented: all options, all defaults. */
static void test_shipped_file(void **state)
{
    struct arena a = arena_init(1 << 20);
    struct config c, dflt;
    struct errs es;
    struct err e = {0};
    struct buf b;
    char path[1024];
    str text, rest, line;
    size_t seen = 0;

    snprintf(path, sizeof(path), "%s/etc/luyd.conf", getenv("LUY_SOURCE"));
    assert_int_equal(file_read(&a, path, 1 << 20, &text, &e), 0);
    errs_init(&es, 10);
    buf_init(&b, 1 << 20);
    for (rest = text; rest.p != NULL && str_split(&rest, '\n', &line);) {
        if (line.n > 1 && line.p[0] == '#' && line.p[1] != ' ' && str_find(line, STR(" = ")) != SIZE_MAX) {
            line = str_sub(line, 1, line.n);
            seen++;
        }
        buf_str(&b, line);
        buf_byte(&b, '\n');
    }
    config_defaults(&c);
    config_defaults(&dflt);
    assert_int_equal(config_parse(&a, buf_view(&b), path, &c, &es), 0);
    assert_int_equal(seen, config_options_n);
    assert_same(&c, &dflt);
    buf_done(&b);
    errs_done(&es);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes),         cmocka_unit_test(test_all_in_one_pass), cmocka_unit_test(test_values),
        cmocka_unit_test(test_print_reads_back), cmocka_unit_test(test_shipped_file),
    };
    return cmocka_run_group_tests_name("daemon/config", tests, NULL, NULL);
}
