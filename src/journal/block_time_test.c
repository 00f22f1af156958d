/* Times of a few lines of a block are those that all its lines have: at the edges of the parts that changes are kept
 * in, before the first change and behind the last. */
#include "base/test-int.h"
#include "intake/syslog.h"
#include "journal/block-int.h"

enum { LINES = 3 * TIMES_PART + 100, ROUNDS = 60, FEW = 40 };

static int64_t received[LINES], event[LINES];

/* How often a time changes, in parts of 16: always, so that a change stands at each line; seldom; never behind the
 * first lines. */
static void fill(struct rows *r, uint64_t *s, unsigned often, uint32_t until)
{
    struct event ev;

    syslog_parse(STR("<34>Mar  4 00:00:00 h p: x"), 0, &ev);
    for (uint32_t i = 0; i < LINES; i++) {
        if (i == 0 || (i < until && prng(s) % 16 < often))
            ev.received_ns += (int64_t)(prng(s) % 4 ? 1000 : prng(s) % 9000000) * 1000;
        if (i == 0 || (i < until && prng(s) % 16 < often)) /* clocks go back too */
            ev.event_ns = ev.received_ns + ((int64_t)(prng(s) % 2000) - 1000) * NS_PER_MS;
        received[i] = ev.received_ns;
        event[i] = ev.event_ns;
        assert_true(rows_add(r, &ev));
    }
    rows_publish(r);
}

static void choose(uint64_t *s, uint64_t *bits)
{
    static const uint32_t edges[] = {0, 1, TIMES_PART, 2 * TIMES_PART, 3 * TIMES_PART, LINES - 2};

    memset(bits, 0, (LINES / 64 + 1) * sizeof(bits[0]));
    for (uint64_t n = prng(s) % FEW; n > 0; n--) {
        uint32_t i = (uint32_t)(prng(s) % LINES);
        if (prng(s) % 2)
            i = edges[prng(s) % COUNT(edges)] + (uint32_t)(prng(s) % 5);
        i = i < 2 || i >= LINES ? i % 2 : i - 2 * (uint32_t)(prng(s) % 2);
        bits[i / 64] |= UINT64_C(1) << i % 64;
    }
}

static void check(struct block_dec *d, const uint64_t *bits)
{
    struct rows *back;

    assert_int_equal(block_dec_find(d, bits, NULL, COL_RECEIVED | COL_EVENT), 0);
    for (uint32_t at = 0; at < LINES; at += BLOCK_CHUNK) {
        assert_int_equal(block_dec_rows(d, bits, at, at + BLOCK_CHUNK, &back), 0);
        for (uint32_t k = 0; k < rows_count(back); k++) {
            uint32_t i = (uint32_t)rows_seq(back, k);
            assert_int_equal(back->received[k], received[i]);
            assert_int_equal(back->event[k], event[i]);
        }
    }
}

static void few_lines_have_their_times(void **state)
{
    static const struct {
        unsigned often;
        uint32_t until;
    } shapes[] = {{16, LINES}, {15, LINES}, {8, LINES}, {16, TIMES_PART}, {16, TIMES_PART + 1}, {1, LINES}, {16, 3}};
    static uint64_t bits[LINES / 64 + 1];
    struct block_enc *be = block_enc_new();
    struct block_dec *d = block_dec_new();
    struct rows *r = rows_new(8 << 20, LINES);
    uint64_t s = 88172645463325252u;
    (void)state;

    assert_true(be && d && r);
    for (size_t k = 0; k < COUNT(shapes); k++) {
        struct block_head h;
        rows_clear(r, 0);
        fill(r, &s, shapes[k].often, shapes[k].until);
        str block = block_encode(be, r, 7, &h);
        struct block_src src = {.fd = -1, .mem = (const uint8_t *)block.p, .mem_n = block.n};
        assert_true(block.n > 0);
        for (int round = 0; round < ROUNDS; round++) {
            assert_int_equal(block_dec_open(d, &src, &h, 7), 0);
            choose(&s, bits);
            check(d, bits);
        }
        memset(bits, 0xff, LINES / 64 * sizeof(bits[0])); /* and all of them */
        assert_int_equal(block_dec_open(d, &src, &h, 7), 0);
        check(d, bits);
    }
    rows_free(r);
    block_dec_free(d);
    block_enc_free(be);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(few_lines_have_their_times)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
