/* JSON lines: what is found in them, what is flagged, and that nothing changes. */
#include "intake/json_line.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

#define RECEIVED (1772341200LL * NS_PER_S) /* 2026-03-01T05:00:00Z */
enum { TZ = 420 };

static const struct {
    const char *line;
    int64_t event; /* ns after RECEIVED; INT64_MIN: none */
    const char *host, *program, *pid, *msg;
    int severity;
    unsigned flags;
} lines[] = {
    {"{\"timestamp\":\"2026-03-01T12:00:01.500000+0700\",\"event_type\":\"dns\",\"host\":\"s1\"}", 1500 * NS_PER_MS,
     "s1", "dns", "", NULL, 6, 0},
    {"{\"timestamp\":\"2026-03-01T05:00:00Z\",\"event_type\":\"alert\",\"alert\":{\"severity\":3,\"severity_name\":"
     "\"x\"}}",
     0, "", "alert", "", NULL, 4, EV_NO_HOST},
    {"{\"@timestamp\":\"2026-03-01T05:00:00.25Z\",\"host\":{\"name\":\"web\"},\"message\":\"xin "
     "ch\xc3\xa0o\",\"level\":\"ERROR\"}",
     250 * NS_PER_MS, "web", "", "", "xin ch\xc3\xa0o", 3, 0},
    {"{\"ts\":1772341201.25,\"_path\":\"conn\",\"pid\":4711,\"hostname\":\"z\"}", 1250 * NS_PER_MS, "z", "conn", "4711",
     NULL, 6, 0},
    {"{\"time\":1772341201250,\"app\":\"x\",\"host\":\"h\",\"severity\":2}", 1250 * NS_PER_MS, "h", "x", "", NULL, 2,
     0},
    /* of two the first in the table, wherever it stands */
    {"{\"ts\":1,\"timestamp\":\"2026-03-01T05:00:02Z\",\"hostname\":\"b\",\"host\":\"a\"}", 2 * NS_PER_S, "a", "", "",
     NULL, 6, 0},
    {"{\"timestamp\":\"yesterday\",\"host\":\"a\"}", INT64_MIN, "a", "", "", NULL, 6, EV_BAD_TIME},
    {"{\"timestamp\":\"2015-03-29T11:01:38.221126-0600\",\"host\":\"a\"}", -344692701778874000LL, "a", "", "", NULL, 6,
     EV_TIME_JUMP},
    {"{}", INT64_MIN, "", "", "", NULL, 6, EV_NO_TIME | EV_NO_HOST},
    {"[1,2]", INT64_MIN, "", "", "", NULL, 6, EV_NO_TIME | EV_NO_HOST | EV_BAD_JSON},
    {"not json", INT64_MIN, "", "", "", NULL, 6, EV_NO_TIME | EV_NO_HOST | EV_BAD_JSON},
    {"{\"host\":\"kept\",\"x\":", INT64_MIN, "kept", "", "", NULL, 6, EV_NO_TIME | EV_BAD_JSON},
    {"{\"host\":\"a\"}garbage", INT64_MIN, "a", "", "", NULL, 6, EV_NO_TIME | EV_BAD_JSON},
    {"{\"host\":\"a\",}", INT64_MIN, "a", "", "", NULL, 6, EV_NO_TIME | EV_BAD_JSON},
    {"{\"host\":\"a\xff\"}", INT64_MIN, "a\xff", "", "", NULL, 6, EV_NO_TIME | EV_BAD_UTF8},
    {"{\"n\":01}", INT64_MIN, "", "", "", NULL, 6, EV_NO_TIME | EV_NO_HOST | EV_BAD_JSON},
    {"{\"n\":\"\\x\"}", INT64_MIN, "", "", "", NULL, 6, EV_NO_TIME | EV_NO_HOST | EV_BAD_JSON},
    {"{\"host\":{\"host\":\"inner\"}}", INT64_MIN, "", "", "", NULL, 6, EV_NO_TIME | EV_NO_HOST},
    {"{\"ts\":99999999999999999999}", INT64_MIN, "", "", "", NULL, 6, EV_BAD_TIME | EV_NO_HOST},
};

static void table(void **state)
{
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        str raw = str_c(lines[i].line);
        const char *want[] = {lines[i].host, lines[i].program, lines[i].pid};
        static const enum event_span span[] = {SP_HOST, SP_PROGRAM, SP_PID};
        struct event ev;
        json_line_parse(raw, RECEIVED, TZ, &ev);
        print_message("# %s\n", lines[i].line);
        assert_true(ev.raw.p == raw.p && ev.raw.n == raw.n);
        assert_int_equal(ev.flags, lines[i].flags);
        assert_int_equal(ev.event_ns, lines[i].event == INT64_MIN ? RECEIVED : RECEIVED + lines[i].event);
        for (int s = 0; s < 3; s++)
            assert_true(str_eq(event_field(&ev, span[s]), str_c(want[s])));
        assert_true(str_eq(event_field(&ev, SP_MSG), lines[i].msg != NULL ? str_c(lines[i].msg) : raw));
        assert_int_equal(ev.severity, lines[i].severity);
        assert_int_equal(ev.format, FMT_JSON);
    }
}

struct found {
    struct buf text;
};
static bool collect(void *ctx, str path, enum json_kind kind, str value)
{
    struct found *f = ctx;

    buf_fmt(&f->text, "%.*s=%d:%.*s;", STR_ARGS(path), kind, STR_ARGS(value));
    return true;
}

static void numbers_and_paths_stay_as_they_are(void **state)
{
    struct found f;

    buf_init(&f.text, 4096);
    assert_true(
        json_line_walk(STR("{\"flow_id\":1959620435402694123,\"a\":{\"b\":[1.50,-0,{\"c\":\"q\\\"\"}],\"d\":null},"
                           "\"e\":true,\"x\":1e400}"),
                       collect, &f));
    buf_byte(&f.text, 0);
    assert_string_equal(f.text.p, "flow_id=1:1959620435402694123;a.b=1:1.50;a.b=1:-0;a.b.c=0:q\\\";a.d=3:null;e=2:true;"
                                  "x=1:1e400;");
    buf_done(&f.text);
}

static bool stop(void *ctx, str path, enum json_kind kind, str value)
{
    ++*(int *)ctx;
    return false;
}

static void depth_and_names_are_bounded(void **state)
{
    struct buf b;
    int n = 0;

    buf_init(&b, 1 << 20);
    for (int depth = JSON_LINE_DEPTH - 1; depth <= JSON_LINE_DEPTH; depth++) {
        buf_clear(&b);
        buf_z(&b, "{\"a\":");
        for (int i = 0; i < depth; i++)
            buf_byte(&b, '[');
        for (int i = 0; i < depth; i++)
            buf_byte(&b, ']');
        buf_byte(&b, '}');
        assert_int_equal(json_line_walk(buf_view(&b), stop, &n), depth < JSON_LINE_DEPTH);
    }
    buf_clear(&b);
    buf_z(&b, "{\"");
    for (int i = 0; i < 300; i++)
        buf_byte(&b, 'n');
    buf_z(&b, "\":1}");
    assert_false(json_line_walk(buf_view(&b), stop, &n));
    assert_true(json_line_walk(STR("{\"a\":1,\"b\":2,\"c\":3}"), stop, &n));
    assert_int_equal(n, 1);
    buf_clear(&b);
    for (int i = 0; i < EVENT_RAW_MAX + 10; i++)
        buf_byte(&b, '{');
    struct event ev;
    json_line_parse(buf_view(&b), RECEIVED, TZ, &ev);
    assert_int_equal(ev.raw.n, EVENT_RAW_MAX);
    assert_true((ev.flags & (EV_TRUNCATED | EV_BAD_JSON)) == (EV_TRUNCATED | EV_BAD_JSON));
    buf_done(&b);
}

/* Alerts of a real Suricata: each as one line, as EVE writes them. */
static void suricata_alerts(void **state)
{
    static const char *const names[] = {"first-org-conf-2015.alerts.json", "wrccdc-2017.alerts.json"};
    const char *source = getenv("LUY_SOURCE");
    size_t n = 0;

    for (size_t i = 0; i < 2; i++) {
        struct arena a = arena_init(256 << 20);
        char path[900];
        json_t *all, *one;
        str text;
        size_t k;
        snprintf(path, sizeof(path), "%s/../shared/data/logs/suricata/%s", source != NULL ? source : ".", names[i]);
        if (access(path, R_OK) != 0)
            skip();
        assert_int_equal(file_read(&a, path, 128 << 20, &text, NULL), 0);
        assert_non_null(all = json_loadb(text.p, text.n, 0, NULL));
        json_array_foreach(all, k, one)
        {
            char *line = json_dumps(one, JSON_COMPACT);
            struct event ev;
            json_line_parse(str_c(line), RECEIVED, TZ, &ev);
            assert_int_equal(ev.flags & ~(EV_TIME_JUMP | EV_NO_HOST), 0);
            assert_true(str_eq(event_field(&ev, SP_PROGRAM), json_get_str(one, "event_type")));
            assert_int_equal(ev.severity, json_get_int(json_object_get(one, "alert"), "severity", 0) + 1);
            n++;
            free(line);
        }
        json_decref(all);
        arena_free(&a);
    }
    print_message("# %zu alerts\n", n);
    assert_true(n > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(numbers_and_paths_stay_as_they_are),
        cmocka_unit_test(depth_and_names_are_bounded),
        cmocka_unit_test(suricata_alerts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
