/* Any text as a query: what parses must print to something that parses to the
 * same tree, prints the same again, and fits the same events; what does not
 * parse must say where. */
#include "journal/query-int.h"
#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check(bool good)
{
    if (!good)
        abort();
}

static const char line[] = "<86>Nov 21 09:30:00 ns1 sshd[412]: Failed password for root from 10.8.0.9 port 4021";

static struct event sample(unsigned k)
{
    struct event ev = {.received_ns = 0,
                       .event_ns = (int64_t)k * 1000000000000000000,
                       .transport = (uint8_t)(k % TP_COUNT),
                       .format = FMT_RFC3164,
                       .facility = (uint8_t)(10 + k),
                       .severity = (uint8_t)(k % 8),
                       .flags = (uint16_t)(k * 37),
                       .raw = STR(line)};
    if (k % 2)
        ev.source = (struct ip){4, {10, 8, 0, (uint8_t)k}};
    ev.span[SP_HOST] = (struct span){20, k % 3 ? 3 : 0};
    ev.span[SP_PROGRAM] = (struct span){24, 4};
    ev.span[SP_MSG] = (struct span){35, sizeof(line) - 1 - 35};
    return ev;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    const int64_t now = 1795228200000000000;
    struct arena a = arena_init(16 << 20);
    struct query *q, *again;
    struct buf one, two;
    struct err e = {0};
    str text = {(const char *)p, n};

    buf_init(&one, 1 << 20);
    buf_init(&two, 1 << 20);
    int rc = query_parse(&a, text, now, &q, &e);
    if (rc < 0) {
        check(rc == -EINVAL && e.key != NULL && e.col >= 1 && e.col <= n + 1);
    } else {
        check(query_print(q, &one) == 0);
        check(query_parse_max(&a, buf_view(&one), 1 << 20, &(struct query_env){.now_ns = now}, &again, &e) == 0);
        check(query_equal(q, again));
        check(query_print(again, &two) == 0 && str_eq(buf_view(&one), buf_view(&two)));
        for (unsigned k = 0; k < 8; k++) {
            struct event ev = sample(k);
            check(query_match(q, &ev) == query_match(again, &ev));
        }
    }
    buf_done(&one);
    buf_done(&two);
    arena_free(&a);
    return 0;
}
