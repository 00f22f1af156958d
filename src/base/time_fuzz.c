/* Any bytes as an instant, a duration, a date, a calendar: what is accepted
 * prints and parses to the same; working days go there and back. */
#include "base/calendar.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void instant(str s)
{
    int64_t ns, again;
    char out[40];

    if (!time_parse(s, &ns))
        return;
    size_t n = time_fmt(ns, 9, out, sizeof(out));
    must(n == 30);
    /* An offset may carry the instant over the edge of the years accepted. */
    if (time_parse((str){out, n}, &again))
        must(again == ns);
    must(date_start(date_of(ns)) <= ns);
}

static void duration(str s)
{
    struct duration d, again;
    char out[64];

    if (!duration_parse(s, &d))
        return;
    size_t n = duration_fmt(d, out, sizeof(out));
    must(duration_parse((str){out, n}, &again));
    must(d.months == again.months && d.days == again.days && d.seconds == again.seconds);
    must(time_add(0, d, 1) >= 0 && time_add(0, d, -1) <= 0);
}

static void date(str s)
{
    int64_t day, again;
    char out[16];

    if (!date_parse(s, &day))
        return;
    size_t n = date_fmt(day, out, sizeof(out));
    must(date_parse((str){out, n}, &again) && again == day);
}

static void calendar(str s)
{
    struct calendar *c;
    struct errs es;

    errs_init(&es, 4);
    int rc = calendar_parse(s, "fuzz", &c, &es);
    must(rc == 0 ? es.total == 0 : es.n > 0);
    if (rc == 0) {
        int64_t day = calendar_add_workdays(c, 20000, 1);
        int64_t there = calendar_add_workdays(c, day, 7);
        must(calendar_is_workday(c, there) && calendar_add_workdays(c, there, -7) == day);
        calendar_free(c);
    }
    errs_done(&es);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    str s = {(const char *)p, n};

    instant(s);
    duration(s);
    date(s);
    calendar(s);
    return 0;
}
