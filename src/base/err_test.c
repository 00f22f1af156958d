/* Errors, messages and the log: rendering in both languages, hostile
 * arguments, ceilings, threads. */
#include "base/err.h"
#include "base/log.h"
#include "base/msg-int.h"
#include "base/test-int.h"
#include "base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static const char *text_of(const struct err *e, enum lang lang)
{
    static char out[1024];

    size_t n = err_text(e, lang, out, sizeof(out));
    assert_int_equal(n, strlen(out));
    return out;
}

static void both_languages(void **state)
{
    struct err e;

    assert_int_equal(ERR(&e, -ENOENT, "base.file.read", "/etc/x"), -ENOENT);
    assert_string_equal(text_of(&e, LANG_EN), "Cannot read /etc/x: no such file or folder");
    assert_string_equal(text_of(&e, LANG_VI), "Không đọc được /etc/x: không có tệp hoặc thư mục này");
    err_at(&e, "packs/x.yaml", 3, 7);
    assert_string_equal(text_of(&e, LANG_EN), "packs/x.yaml:3:7: Cannot read /etc/x: no such file or folder");
    err_at(&e, "/limit", 0, 0);
    assert_string_equal(text_of(&e, LANG_EN), "/limit: Cannot read /etc/x: no such file or folder");
    err_at(&e, "", 12, 0);
    assert_string_equal(text_of(&e, LANG_EN), "12: Cannot read /etc/x: no such file or folder");
    assert_int_equal(ERR(NULL, -EIO, "base.errno"), -EIO);
    ERR(&e, -ENOTTY, NULL);
    assert_string_equal(text_of(&e, LANG_EN), "The system reports: Inappropriate ioctl for device");
    ERR(&e, -99999, NULL);
    assert_string_equal(text_of(&e, LANG_EN), "The system reports: ?");
}

static void unknown_keys(void **state)
{
    struct err e;

    ERR(&e, -EINVAL, "no.such.key", "a", N(-5));
    assert_string_equal(text_of(&e, LANG_VI), "no.such.key (a, -5)");
    ERR(&e, -EINVAL, "no.such.key");
    assert_string_equal(text_of(&e, LANG_VI), "no.such.key");
}

/* An error that wraps itself, six arguments, hostile bytes. */
static void arguments(void **state)
{
    struct err e;
    char big[500];

    ERR(&e, -1, "no.key", "one", "two");
    ERR(&e, -1, "no.key", e.arg[1], e.arg[0], "3", "4", "5", "6");
    assert_string_equal(text_of(&e, LANG_EN), "no.key (two, one, 3, 4)");
    ERR(&e, -1, "no.key", "a\x1b[31m\nb\x7f",
        "\xff\xc2\x9b"
        "đ");
    assert_string_equal(e.arg[0], "a?[31m?b?");
    assert_string_equal(e.arg[1], "??đ");
    memset(big, 'a', sizeof(big));
    for (size_t off = 116; off < 122; off++) {
        memcpy(big + off, "ệ", 3);
        ERR(&e, -1, "no.key", S(((str){big, sizeof(big)})));
        assert_true(strlen(e.arg[0]) < ERR_ARG_MAX && strlen(e.arg[0]) >= ERR_ARG_MAX - 3);
        assert_true(utf8_valid(str_c(e.arg[0])));
        memset(big, 'a', sizeof(big));
    }
    ERR(&e, -1, "no.key", S(STR_NONE), S(((str){"a\0b", 3})));
    assert_string_equal(e.arg[1], "a?b");
    err_at(&e, e.at, 1, 1);
}

static void ring_of_eight(void **state)
{
    const char *v[8];

    for (int i = 0; i < 8; i++)
        v[i] = err_n(i);
    for (int i = 0; i < 8; i++)
        assert_int_equal(v[i][0], '0' + i);
    assert_string_equal(err_n(INT64_MIN), "-9223372036854775808");
}

static void ceilings(void **state)
{
    struct err e;
    char out[200];

    ERR(&e, -ENOENT, "base.file.read", "đường/dẫn");
    err_at(&e, "thư mục", 1, 2);
    for (size_t cap = 0; cap < sizeof(out); cap++) {
        memset(out, 'Z', sizeof(out));
        size_t n = err_text(&e, LANG_VI, out, cap);
        assert_true(cap == 0 ? n == 0 : n < cap && out[n] == '\0');
        assert_true(cap == sizeof(out) || out[cap] == 'Z');
        assert_true(cap == 0 || utf8_valid(str_c(out)));
    }
}

static void many_errors(void **state)
{
    struct errs es;
    struct err e;

    errs_init(&es, 10);
    for (int i = 0; i < 25; i++) {
        ERR(&e, -EINVAL, "no.key", N(i));
        errs_add(&es, &e);
    }
    assert_int_equal(es.n, 10);
    assert_int_equal(es.total, 25);
    assert_string_equal(es.v[9].arg[0], "9");
    errs_done(&es);
    errs_add(NULL, &e);
}

static void catalogue(void **state)
{
    assert_true(msg_table_n > 40);
    for (size_t i = 0; i < msg_table_n; i++) {
        assert_true(i == 0 || strcmp(msg_table[i - 1].key, msg_table[i].key) < 0);
        assert_ptr_equal(msg_get(msg_table[i].key, LANG_VI), msg_table[i].text[LANG_VI]);
        assert_true(utf8_valid(str_c(msg_table[i].text[LANG_VI])) && utf8_valid(str_c(msg_table[i].text[LANG_EN])));
    }
    assert_null(msg_get("base", LANG_VI));
    assert_null(msg_get("", LANG_VI));
    assert_null(msg_get(NULL, LANG_VI));
    assert_null(msg_get("zzzz", LANG_VI));
}

static void filling(void **state)
{
    static const struct {
        const char *text, *want;
    } t[] = {
        {"", ""},       {"plain", "plain"}, {"{0}", "A"},   {"{0}{1}{0}", "ABA"}, {"x{1}y", "xBy"},
        {"{2}", "{2}"}, {"{", "{"},         {"{0", "{0"},   {"{}", "{}"},         {"{{0}}", "{A}"},
        {"{e}", "{e}"}, {"{10}", "{10}"},   {"{{{", "{{{"},
    };
    const char *args[] = {"A", "B"};
    char out[64];

    for (size_t i = 0; i < COUNT(t); i++) {
        assert_int_equal(msg_fill(out, sizeof(out), t[i].text, args, 2, NULL), strlen(t[i].want));
        assert_string_equal(out, t[i].want);
    }
    /* A placeholder inside an argument stays text. */
    msg_fill(out, sizeof(out), "{0} {1}", (const char *[]){"{1}", "B"}, 2, NULL);
    assert_string_equal(out, "{1} B");
    msg_fmt(out, sizeof(out), LANG_EN, "no.key", args, 2);
    assert_string_equal(out, "no.key");
    assert_int_equal(msg_fmt(out, 0, LANG_EN, "no.key", args, 2), 0);
}

static void languages(void **state)
{
    static const struct {
        const char *s;
        bool ok;
        enum lang lang;
    } t[] = {
        {"vi", true, LANG_VI},    {"en", true, LANG_EN},    {"vi-VN", true, LANG_VI},
        {"EN-us", true, LANG_EN}, {" en ", true, LANG_EN},  {"", false, 0},
        {"fr", false, 0},         {"vietnamese", false, 0}, {"-vi", false, 0},
    };
    for (size_t i = 0; i < COUNT(t); i++) {
        enum lang lang = LANG_VI;
        assert_int_equal(lang_parse(str_c(t[i].s), &lang), t[i].ok);
        if (t[i].ok)
            assert_int_equal(lang, t[i].lang);
    }
    assert_string_equal(lang_name(LANG_VI), "vi");
    assert_string_equal(lang_name(LANG_EN), "en");
}

/* ---- log ---- */

struct seen {
    char line[5000];
    int n;
};

static void on_line(void *ctx, enum log_level lv, str line)
{
    struct seen *s = ctx;

    snprintf(s->line, sizeof(s->line), "%.*s", STR_ARGS(line));
    s->n++;
    if (lv == LOG_ERROR)
        log_event(LOG_WARN, "from_hook"); /* must neither lock up nor come back here */
}

/* stderr goes to a pipe for the time of fn; returns what was written. */
static const char *captured(void (*fn)(void))
{
    static char out[20000];
    int p[2], saved = dup(2);

    assert_int_equal(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
    dup2(p[1], 2);
    fn();
    dup2(saved, 2);
    close(saved);
    close(p[1]);
    ssize_t n = read(p[0], out, sizeof(out) - 1);
    close(p[0]);
    out[n < 0 ? 0 : n] = '\0';
    return out;
}

static void emit_hostile(void)
{
    log_event(LOG_WARN, "x", F_STR("a", STR("bare")), F_STR("b", STR("two words")), F_INT("n", -3),
              F_STR("c", ((str){"\n2026 error\x1b\0\xff\xc2\x85\"\\", 18})), F_STR("d", STR("")),
              F_STR("e", STR("mở khóa")), F_STR("f", STR("k=v")));
    log_event(LOG_DEBUG, "silent");
}

static void escapes(void **state)
{
    const char *out = captured(emit_hostile);

    assert_non_null(strstr(out,
                           "Z warn x a=bare b=\"two words\" n=-3 "
                           "c=\"\\n2026 error\\x1b\\x00\\xff\\xc2\\x85\\\"\\\\\" d=\"\" e=\"mở khóa\" f=\"k=v\"\n"));
    assert_null(strstr(out, "silent"));
    assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
}

static void emit_levels(void)
{
    struct err e;

    log_set_level(LOG_ERROR);
    log_event(LOG_WARN, "hidden");
    log_set_level(LOG_DEBUG);
    log_event(LOG_DEBUG, "shown");
    log_set_level(LOG_INFO);
    ERR(&e, -EACCES, "base.file.read", "x");
    log_err(LOG_ERROR, "boom", &e);
}

static void levels_and_hook(void **state)
{
    struct seen s = {.n = 0};

    log_set_hook(on_line, &s);
    const char *out = captured(emit_levels);
    log_set_hook(NULL, NULL);
    assert_null(strstr(out, "hidden"));
    assert_non_null(strstr(out, " debug shown\n"));
    assert_non_null(
        strstr(out, " error boom key=base.file.read code=-13 error=\"Cannot read x: permission denied\"\n"));
    assert_non_null(strstr(out, " warn from_hook\n"));
    assert_int_equal(s.n, 2);
    assert_non_null(strstr(s.line, "boom"));
}

static void emit_giant(void)
{
    static char big[9000];

    memset(big, 'a', sizeof(big));
    str s = {big, sizeof(big)};
    log_event(LOG_INFO, "giant", F_STR("a", s), F_STR("b", s), F_STR("c", s), F_STR("d", s), F_STR("e", s));
}

static void long_lines_are_cut(void **state)
{
    const char *out = captured(emit_giant);

    assert_int_equal(strlen(out), 4096);
    assert_int_equal(out[4095], '\n');
}

/* Rings are per thread, lines of threads do not mix. */
static void *talk(void *arg)
{
    for (int i = 0; i < 50; i++) {
        const char *v = err_n((intptr_t)arg);
        struct err e;
        ERR(&e, -EIO, "no.key", v, S(STR("t")));
        log_event(LOG_INFO, "talk", F_STR("v", str_c(e.arg[0])), F_INT("same", (intptr_t)arg));
    }
    return NULL;
}

static void emit_threads(void)
{
    pthread_t t[4];

    for (intptr_t i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, talk, (void *)(i * 1111));
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
}

static void threads(void **state)
{
    str out = str_c(captured(emit_threads)), line;
    int n = 0;

    while (str_split(&out, '\n', &line) && line.n > 0) {
        size_t at = str_find(line, STR(" info talk v="));
        assert_int_equal(at, 20);
        str pair = str_sub(line, at + 13, line.n), v;
        str_split(&pair, ' ', &v);
        assert_true(str_starts(pair, STR("same=")));
        assert_true(str_eq(str_sub(pair, 5, pair.n), v));
        n++;
    }
    assert_int_equal(n, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_languages), cmocka_unit_test(unknown_keys),    cmocka_unit_test(arguments),
        cmocka_unit_test(ring_of_eight),  cmocka_unit_test(ceilings),        cmocka_unit_test(many_errors),
        cmocka_unit_test(catalogue),      cmocka_unit_test(filling),         cmocka_unit_test(languages),
        cmocka_unit_test(escapes),        cmocka_unit_test(levels_and_hook), cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(threads),
    };
    return cmocka_run_group_tests_name("base/err", tests, NULL, NULL);
}
