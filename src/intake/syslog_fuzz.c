/* Any bytes are a message: nothing may be lost, every span must lie inside, and
 * the event must survive the wire. First 8 bytes: the time of receipt. */
#include "intake/syslog.h"
#include "base/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check(int ok)
{
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct event ev = {.transport = TP_TCP}, back;
    struct event_batch b;
    struct event_reader r;
    int64_t received = 0;

    if (n < 8)
        return 0;
    memcpy(&received, p, 8);
    str raw = {(const char *)p + 8, n - 8};
    syslog_parse(raw, received, &ev);
    check(ev.raw.p == raw.p && ev.raw.n == (raw.n < EVENT_RAW_MAX ? raw.n : EVENT_RAW_MAX));
    check(ev.facility <= 23 && ev.severity <= 7 && ev.format < FMT_COUNT);
    for (int i = 0; i < SP_COUNT; i++)
        check(ev.span[i].off <= ev.raw.n && ev.span[i].len <= ev.raw.n - ev.span[i].off);
    check(!(ev.flags & (EV_NO_TIME | EV_BAD_TIME)) || ev.event_ns == received);
    check(!(ev.flags & EV_NO_HOST) == (ev.span[SP_HOST].len > 0));
    event_batch_init(&b, EVENT_BATCH_MAX);
    check(event_batch_add(&b, &ev));
    check(event_batch_open(event_batch_seal(&b), &r, NULL) == 0 && event_batch_next(&r, &back) == 1);
    check(str_eq(back.raw, ev.raw) && back.flags == ev.flags && back.event_ns == ev.event_ns &&
          memcmp(back.span, ev.span, sizeof(ev.span)) == 0);
    event_batch_done(&b);
    return 0;
}
