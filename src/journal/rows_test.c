/* Rows say what was added, whatever was rolled back between; few heads and few
 * sets of spans stand once. */
#include "base/test-int.h"
#include "journal/rows.h"

enum { CAP = 300, RAW = 24 << 20, ROUNDS = 400 };
static char text[EVENT_RAW_MAX];

static struct span any_span(uint64_t *s, uint32_t n)
{
    uint32_t off = n == 0 ? 0 : (uint32_t)(prng(s) % n), len = (uint32_t)(prng(s) % (n - off + 1));

    switch (prng(s) % 4) {
    case 0:
        return (struct span){off, 0};
    case 1:
        return (struct span){off, n - off}; /* up to the end */
    case 2:
        return (struct span){0, n};
    default:
        return (struct span){off, len};
    }
}

/* One of `kinds` heads; lines of all lengths. */
static struct event any_event(uint64_t *s, uint64_t kinds)
{
    uint64_t kind = prng(s) % kinds;
    uint32_t n = (uint32_t)(prng(s) % 50 == 0 ? EVENT_RAW_MAX - prng(s) % 2 : prng(s) % 80);
    struct event ev = {.received_ns = (int64_t)prng(s),
                       .event_ns = (int64_t)prng(s),
                       .transport = (uint8_t)(kind % 5),
                       .format = (uint8_t)(kind % 3),
                       .facility = (uint8_t)(kind % 24),
                       .severity = (uint8_t)(kind % 8),
                       .flags = (uint16_t)(kind * 7),
                       .source_port = (uint16_t)(kind >> 4),
                       .source = {4, {10, 8, (uint8_t)(kind >> 8), (uint8_t)kind}},
                       .raw = {text + prng(s) % (EVENT_RAW_MAX - n + 1), n}};

    for (int k = 0; k < SP_COUNT; k++)
        ev.span[k] = any_span(s, n);
    return ev;
}

static void check_row(const struct rows *r, uint32_t i, const struct event *ev)
{
    struct event got;

    rows_event(r, i, COL_ALL, &got);
    assert_int_equal(got.received_ns, ev->received_ns);
    assert_int_equal(got.event_ns, ev->event_ns);
    assert_int_equal(got.transport, ev->transport);
    assert_int_equal(got.format, ev->format);
    assert_int_equal(got.facility, ev->facility);
    assert_int_equal(got.severity, ev->severity);
    assert_int_equal(got.flags, ev->flags);
    assert_int_equal(got.source_port, ev->source_port);
    assert_memory_equal(&got.source, &ev->source, sizeof(got.source));
    assert_true(str_eq(got.raw, ev->raw));
    for (int k = 0; k < SP_COUNT; k++) {
        struct span want = ev->span[k].len > 0 ? ev->span[k] : (struct span){0, 0};
        assert_int_equal(got.span[k].off, want.off);
        assert_int_equal(got.span[k].len, want.len);
    }
}

/* Batches of made-up events up to the ceiling, a third of them taken back. */
static void fill(struct rows *r, uint64_t *s, uint64_t kinds, struct event kept[CAP])
{
    rows_clear(r, 1);
    while (rows_count(r) < CAP) {
        uint32_t from = rows_count(r), n = 1 + (uint32_t)(prng(s) % 40);
        for (uint32_t i = from; i < from + n && i < CAP; i++) {
            kept[i] = any_event(s, kinds);
            assert_true(rows_add(r, &kept[i]));
        }
        if (prng(s) % 3 == 0)
            rows_rollback(r);
        else
            rows_publish(r);
    }
}

static void what_was_added(void **state)
{
    static struct event kept[CAP];
    struct rows *r = rows_new(RAW, CAP);
    uint64_t s = 88172645463325252u;

    assert_non_null(r);
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)prng(&s);
    for (int round = 0; round < ROUNDS; round++) {
        bool few = round % 2 == 0;
        fill(r, &s, few ? 3 : 1000000, kept);
        assert_false(rows_add(r, &kept[0]));
        for (uint32_t i = 0; i < CAP; i++)
            check_row(r, i, &kept[i]);
        assert_true(r->heads.n <= (few ? 3 : CAP) && r->places.n <= CAP);
    }
    rows_free(r);
}

/* Lines that differ in their length alone take one set of spans. */
static void few_places(void **state)
{
    struct rows *r = rows_new(RAW, CAP);

    assert_non_null(r);
    for (uint32_t i = 0; i < CAP; i++) {
        struct event ev = {.raw = {text, 100 + i}, .span[SP_HOST] = {16, 7}, .span[SP_MSG] = {40, 60 + i}};
        assert_true(rows_add(r, &ev));
        check_row(r, i, &ev);
    }
    assert_int_equal(r->places.n, 1);
    assert_int_equal(r->heads.n, 1);
    rows_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_added), cmocka_unit_test(few_places)};

    return cmocka_run_group_tests_name("journal/rows", tests, NULL, NULL);
}
