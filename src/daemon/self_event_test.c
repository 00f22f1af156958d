/* Lũy's own events: as they are journalled, out of a log line, and at the
 * ceiling of the queue. */
#include "daemon/self_event.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct {
    int severity;
    const char *msg, *raw;
} lines[] = {
    {4, "event=drop counter=drop_udp_kernel count=3 total=9",
     "<44>1 2026-11-21T10:00:00.000000Z may1 luyd 7 - - event=drop counter=drop_udp_kernel count=3 total=9"},
    {0, "", "<40>1 2026-11-21T10:00:00.000000Z may1 luyd 7 - - "},
    {7, "event=x account=\"Đỗ \\\" ]\"",
     "<47>1 2026-11-21T10:00:00.000000Z may1 luyd 7 - - event=x account=\"Đỗ \\\" ]\""},
};

static void test_make(void **state)
{
    struct buf b;

    buf_init(&b, 8192);
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        struct event ev;
        self_event_make(&b, 1795255200LL * NS_PER_S, "may1", 7, lines[i].severity, str_c(lines[i].msg), &ev);
        assert_true(str_eq(ev.raw, str_c(lines[i].raw)));
        assert_true(str_eq(event_field(&ev, SP_MSG), str_c(lines[i].msg)));
        assert_true(str_eq(event_field(&ev, SP_PROGRAM), STR("luyd")));
        assert_true(str_eq(event_field(&ev, SP_HOST), STR("may1")));
        assert_int_equal(ev.transport, TP_SELF);
        assert_int_equal(ev.severity, lines[i].severity);
        assert_int_equal(ev.source.family, 0);
        assert_int_equal(ev.event_ns, 1795255200LL * NS_PER_S);
        assert_int_equal(ev.flags, 0);
    }
    buf_done(&b);
}

static const struct {
    const char *log, *msg;
} logs[] = {
    {"2026-11-21T09:30:00Z warn intake_restart pid=412 reason=\"signal 11\"\n",
     "event=intake_restart pid=412 reason=\"signal 11\""},
    {"2026-11-21T09:30:00Z error disk_full", "event=disk_full"},
    {"short", NULL},
    {"", NULL},
};

static void test_log_line(void **state)
{
    struct clock clk = clock_manual(1795255200LL * NS_PER_S);

    for (size_t i = 0; i < sizeof(logs) / sizeof(*logs); i++) {
        struct self_queue *q = self_queue_new(&clk, -1);
        struct event_batch b;
        struct event_reader r;
        struct event ev;
        struct err e = {0};
        event_batch_init(&b, 1 << 16);
        self_say_log(q, 4, str_c(logs[i].log));
        assert_int_equal(self_take(q, &b), logs[i].msg != NULL);
        if (logs[i].msg != NULL) {
            assert_int_equal(event_batch_open(event_batch_seal(&b), &r, &e), 0);
            assert_int_equal(event_batch_next(&r, &ev), 1);
            assert_true(str_eq(event_field(&ev, SP_MSG), str_c(logs[i].msg)));
        }
        event_batch_done(&b);
        self_queue_free(q);
    }
}

/* What does not fit a batch comes in the next; what does not fit the queue is counted. */
static void test_ceilings(void **state)
{
    struct clock clk = clock_manual(1795255200LL * NS_PER_S);
    struct self_queue *q = self_queue_new(&clk, -1);
    struct event_batch b;
    size_t taken = 0, rounds = 0, n;

    for (int i = 0; i < 5000; i++)
        self_sayf(q, 6, "event=n i=%d", i);
    assert_int_equal(self_dropped(q), 5000 - 4096);
    event_batch_init(&b, 64 * 1024);
    while ((n = self_take(q, &b)) > 0) {
        taken += n;
        rounds++;
        event_batch_clear(&b);
    }
    assert_int_equal(taken, 4096);
    assert_true(rounds > 1);
    self_say(q, 6, STR("event=left"));
    event_batch_done(&b);
    self_queue_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_make), cmocka_unit_test(test_log_line),
                                       cmocka_unit_test(test_ceilings)};
    return cmocka_run_group_tests_name("daemon/self_event", tests, NULL, NULL);
}
