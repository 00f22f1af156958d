/* Followed files: growth, partial lines, rotation, truncation, restart. */
#include "intake/tailer.h"
#include "base/buf.h"
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[64], path[100], other[100], state[100];
static struct clock clk;
static struct tailer *t;
static struct event_batch batch;
static struct buf got; /* lines and '|' */
static uint16_t last_flags;

static int setup(void **st)
{
    clk = clock_manual(1772341200LL * NS_PER_S);
    snprintf(dir, sizeof(dir), "/tmp/luy-tail-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/eve.json", dir);
    snprintf(other, sizeof(other), "%s/eve.json.1", dir);
    snprintf(state, sizeof(state), "%s/state", dir);
    event_batch_init(&batch, 1 << 20);
    buf_init(&got, 4 << 20);
    return tailer_open(str_c(path), state, &clk, &t, NULL);
}

static int teardown(void **st)
{
    tailer_close(t);
    event_batch_done(&batch);
    buf_done(&got);
    unlink(path);
    unlink(other);
    unlink(state);
    return rmdir(dir);
}

static void put(const char *file, const char *text)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
    close(fd);
}

static void read_only_batch(void)
{
    struct event_reader r;
    struct event ev;

    event_batch_clear(&batch);
    if (tailer_read(t, &batch) == 0)
        return;
    assert_int_equal(event_batch_open(event_batch_seal(&batch), &r, NULL), 0);
    while (event_batch_next(&r, &ev) == 1) {
        assert_int_equal(ev.transport, TP_FILE);
        assert_int_equal(ev.format, FMT_JSON);
        last_flags = ev.flags;
        buf_str(&got, ev.raw);
        buf_byte(&got, '|');
    }
}

static void is(const char *want)
{
    for (int i = 0; i < 4; i++) {
        read_only_batch();
        tailer_taken(t);
        clock_advance(&clk, 2 * NS_PER_S);
    }
    assert_true(str_eq(buf_view(&got), str_c(want)));
    buf_clear(&got);
}

static void restart(void)
{
    tailer_close(t);
    assert_int_equal(tailer_open(str_c(path), state, &clk, &t, NULL), 0);
}

static void lines_come_as_they_are_written(void **st)
{
    is(""); /* not there yet */
    put(path, "{\"a\":1}\n{\"b\":2}\r\n\n{\"half");
    is("{\"a\":1}|{\"b\":2}\r|");
    put(path, "\":3}\n");
    is("{\"half\":3}|");
}

static void a_rotated_file_is_read_to_its_end(void **st)
{
    put(path, "{\"a\":1}\n");
    is("{\"a\":1}|");
    assert_int_equal(rename(path, other), 0);
    put(other, "{\"late\":1}\n{\"no lf\":1}");
    put(path, "{\"new\":1}\n");
    is("{\"late\":1}|{\"no lf\":1}|{\"new\":1}|");
    struct tailer_stats s;
    tailer_stats(t, &s);
    assert_int_equal(s.rotations, 1);
    assert_int_equal(s.lines, 4);
    assert_int_equal(s.open_files, 1);
}

static void a_truncated_file_begins_anew(void **st)
{
    put(path, "{\"first\":\"and long enough\"}\n");
    is("{\"first\":\"and long enough\"}|");
    assert_int_equal(truncate(path, 0), 0);
    put(path, "{\"x\":1}\n");
    is("{\"x\":1}|");
}

static void a_restart_goes_on_where_it_stood(void **st)
{
    put(path, "{\"a\":1}\n");
    is("{\"a\":1}|");
    restart();
    is("");
    put(path, "{\"b\":1}\n");
    read_only_batch(); /* read, and nobody took it: the next one reads it again */
    restart();
    buf_clear(&got);
    is("{\"b\":1}|");
    restart();
    assert_int_equal(rename(path, other), 0); /* rotated while nobody looked */
    put(path, "{\"c\":1}\n");
    is("{\"c\":1}|");
}

static void a_long_line_is_cut_once(void **st)
{
    struct buf b;

    buf_init(&b, 1 << 20);
    for (int i = 0; i < 200000; i++)
        buf_byte(&b, 'x');
    buf_z(&b, "\n{\"after\":1}\n");
    buf_byte(&b, 0);
    put(path, b.p);
    read_only_batch();
    tailer_taken(t);
    assert_int_equal(got.n, EVENT_RAW_MAX + 1 + strlen("{\"after\":1}|"));
    assert_int_equal(last_flags & EV_TRUNCATED, 0);
    buf_done(&b);
}

static void a_full_batch_loses_nothing(void **st)
{
    struct buf want;

    buf_init(&want, 1 << 20);
    event_batch_done(&batch);
    event_batch_init(&batch, 1000);
    for (int i = 0; i < 100; i++) {
        char line[40];
        snprintf(line, sizeof(line), "{\"n\":%d}\n", i);
        put(path, line);
        buf_add(&want, line, strlen(line) - 1);
        buf_byte(&want, '|');
    }
    for (int i = 0; i < 100; i++) {
        read_only_batch();
        tailer_taken(t);
    }
    assert_true(str_eq(buf_view(&got), buf_view(&want)));
    buf_done(&want);
}

static void only_files_are_followed(void **st)
{
    struct tailer *bad = NULL;

    assert_int_equal(mkfifo(path, 0600), 0);
    is("");
    assert_int_equal(tailer_open(STR("relative.json"), state, &clk, &bad, NULL), -EINVAL);
    put(state, "nonsense\n1 2\n9 9 99999999999999999999 x\n");
    restart();
    is("");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(lines_come_as_they_are_written),   T(a_rotated_file_is_read_to_its_end), T(a_truncated_file_begins_anew),
        T(a_restart_goes_on_where_it_stood), T(a_long_line_is_cut_once),           T(a_full_batch_loses_nothing),
        T(only_files_are_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
