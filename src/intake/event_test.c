/* Event batches: what goes in comes out, and no changed byte goes unnoticed. */
#include "intake/event-int.h"
#include "base/rand.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct event samples[] = {
    {.received_ns = 1,
     .event_ns = -5,
     .transport = TP_UDP,
     .format = FMT_RFC5424,
     .facility = 23,
     .severity = 7,
     .flags = EV_BAD_SD | EV_TIME_JUMP,
     .source_port = 65535,
     .source = {4, {192, 0, 2, 1}},
     .span = {{0, 5}, {5, 1}, {6, 0}, {1, 2}, {0, 11}, {11, 0}},
     .raw = {"hello world", 11}},
    {.transport = TP_SELF, .raw = {"", 0}},
    {.received_ns = INT64_MAX,
     .event_ns = INT64_MIN,
     .transport = TP_TLS,
     .format = FMT_RFC3164,
     .source = {6, {0x20, 1, 0xd, 0xb8, [15] = 9}},
     .raw = {"a\0b", 3}},
};
enum { SAMPLES = sizeof(samples) / sizeof(samples[0]) };

static void event_same(const struct event *a, const struct event *b)
{
    assert_int_equal(a->received_ns, b->received_ns);
    assert_int_equal(a->event_ns, b->event_ns);
    assert_int_equal(a->transport, b->transport);
    assert_int_equal(a->format, b->format);
    assert_int_equal(a->facility, b->facility);
    assert_int_equal(a->severity, b->severity);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->source_port, b->source_port);
    assert_memory_equal(&a->source, &b->source, sizeof(a->source));
    assert_memory_equal(a->span, b->span, sizeof(a->span));
    assert_int_equal(a->raw.n, b->raw.n);
    assert_memory_equal(a->raw.p, b->raw.p, a->raw.n);
}

static void crc_is_castagnoli(void **state)
{
    uint8_t bytes[5000]; /* more than one turn of three lanes */

    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(crc32c_portable(0, "123456789", 9), 0xe3069283);
    memset(bytes, 0, 32);
    assert_int_equal(crc32c(0, bytes, 32), 0x8a9136aa); /* RFC 3720, B.4 */
    rand_bytes(bytes, sizeof(bytes));
    for (size_t n = 0; n < sizeof(bytes); n++) {
        assert_int_equal(crc32c(0, bytes, n), crc32c_portable(0, bytes, n));
        assert_int_equal(crc32c(crc32c(0, bytes, n / 3), bytes + n / 3, n - n / 3), crc32c(0, bytes, n));
    }
}

static void batch_round_trip(void **state)
{
    struct event_batch b;
    struct event_reader r;
    struct event ev;

    event_batch_init(&b, 4096);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < SAMPLES; i++)
            assert_true(event_batch_add(&b, &samples[i]));
        str wire = event_batch_seal(&b);
        assert_int_equal(event_batch_size(wire), wire.n);
        assert_int_equal(event_batch_open(wire, &r, NULL), 0);
        for (int i = 0; i < SAMPLES; i++) {
            assert_int_equal(event_batch_next(&r, &ev), 1);
            event_same(&samples[i], &ev);
        }
        assert_int_equal(event_batch_next(&r, &ev), 0);
        event_batch_clear(&b);
    }
    str empty = event_batch_seal(&b);
    assert_int_equal(empty.n, BATCH_HEAD);
    assert_int_equal(event_batch_open(empty, &r, NULL), 0);
    assert_int_equal(event_batch_next(&r, &ev), 0);
    event_batch_done(&b);
}

static void batch_knows_its_ceiling(void **state)
{
    struct event_batch b;
    struct event ev = samples[0];
    struct event_reader r;

    event_batch_init(&b, BATCH_HEAD + 2 * (RECORD_HEAD + 11) + 1);
    assert_true(event_batch_add(&b, &ev));
    assert_true(event_batch_add(&b, &ev));
    assert_false(event_batch_add(&b, &ev));
    assert_int_equal(b.count, 2);
    assert_int_equal(event_batch_open(event_batch_seal(&b), &r, NULL), 0);
    assert_int_equal(r.left, 2);
    event_batch_done(&b);
}

static void long_raw_is_cut(void **state)
{
    struct event_batch b;
    struct event ev = samples[0], out;
    struct event_reader r;
    char *big = malloc(EVENT_RAW_MAX + 10);

    memset(big, 'x', EVENT_RAW_MAX + 10);
    ev.raw = (str){big, EVENT_RAW_MAX + 10};
    ev.span[SP_MSG] = (struct span){EVENT_RAW_MAX - 5, 15};
    event_batch_init(&b, EVENT_BATCH_MAX);
    assert_true(event_batch_add(&b, &ev));
    assert_int_equal(event_batch_open(event_batch_seal(&b), &r, NULL), 0);
    assert_int_equal(event_batch_next(&r, &out), 1);
    assert_int_equal(out.raw.n, EVENT_RAW_MAX);
    assert_int_equal(out.flags, ev.flags | EV_TRUNCATED);
    assert_int_equal(out.span[SP_MSG].len, 5);
    event_batch_done(&b);
    free(big);
}

/* Reads all; 0 when the batch is good to its end. */
static int read_all(str wire)
{
    struct event_reader r;
    struct event ev;
    int rc = event_batch_open(wire, &r, NULL);

    while (rc == 0 && (rc = event_batch_next(&r, &ev)) == 1)
        rc = 0;
    return rc;
}

static int read_count(str wire, uint32_t *count)
{
    struct event_reader r;
    struct event ev;
    int rc = event_batch_open(wire, &r, NULL);

    for (*count = 0; rc == 0; (*count)++)
        if ((rc = event_batch_next(&r, &ev)) != 1)
            return rc;
        else
            rc = 0;
    return rc;
}

static str sample_wire(struct event_batch *b)
{
    event_batch_init(b, 4096);
    for (int i = 0; i < SAMPLES; i++)
        event_batch_add(b, &samples[i]);
    return event_batch_seal(b);
}

static void every_flip_is_seen(void **state)
{
    struct event_batch b;
    str wire = sample_wire(&b);
    uint32_t count;

    assert_int_equal(read_count(wire, &count), 0);
    assert_int_equal(count, SAMPLES);
    for (size_t i = 0; i < wire.n; i++)
        for (int bit = 0; bit < 8; bit++) {
            b.buf.p[i] ^= (char)(1 << bit);
            assert_int_equal(read_count(wire, &count), -EBADMSG);
            b.buf.p[i] ^= (char)(1 << bit);
        }
    for (size_t n = 0; n < wire.n; n++)
        assert_int_equal(read_all((str){wire.p, n}), -EBADMSG);
    event_batch_done(&b);
}

/* A hostile writer knows how to make a crc: then the record checks stand alone. */
static const struct {
    const char *what;
    size_t at;
    uint8_t value;
} lies[] = {
    {"transport", AT_TRANSPORT, TP_COUNT},
    {"format", AT_FORMAT, FMT_COUNT},
    {"facility", AT_FACILITY, 24},
    {"severity", AT_SEVERITY, 8},
    {"family", AT_FAMILY, 5},
    {"pad", AT_PAD8, 1},
    {"pad16", AT_PAD16 + 1, 1},
    {"source tail", AT_SOURCE + 4, 1},
    {"span offset", AT_SPANS, 12},
    {"span length", AT_SPANS + 4, 12},
    {"span length high", AT_SPANS + 7, 0xff},
    {"raw short", AT_RAW_LEN, 3},
    {"raw long", AT_RAW_LEN, 255},
    {"raw huge", AT_RAW_LEN + 3, 0xff},
};

static void lies_with_a_good_crc(void **state)
{
    struct event_batch b;

    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        str wire = sample_wire(&b);
        b.buf.p[BATCH_HEAD + lies[i].at] = (char)lies[i].value;
        uint32_t crc = crc32c(0, wire.p + BATCH_HEAD, wire.n - BATCH_HEAD), count;
        memcpy(b.buf.p + 12, &crc, 4);
        if (read_count(wire, &count) != -EBADMSG)
            fail_msg("%s was believed", lies[i].what);
        event_batch_done(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc_is_castagnoli),       cmocka_unit_test(batch_round_trip),
        cmocka_unit_test(batch_knows_its_ceiling), cmocka_unit_test(long_raw_is_cut),
        cmocka_unit_test(every_flip_is_seen),      cmocka_unit_test(lies_with_a_good_crc),
    };
    return cmocka_run_group_tests_name("intake/event", tests, NULL, NULL);
}
