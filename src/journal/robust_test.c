/* Input that means harm, or a clock that does: memory and disk stay bounded,
 * every event is found under the time it has, and a leap deletes nothing. */
#include "journal/archive-int.h"
#include "base/log.h"
#include "journal/journal_test-int.h"
#include "journal/sealed.h"
#include <malloc.h>
#include <zstd.h>

static size_t held(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static void add(struct event_batch *b, struct journal *j, const struct event *ev)
{
    uint64_t first;

    if (ev != NULL && event_batch_add(b, ev))
        return;
    if (b->count > 0)
        assert_int_equal(journal_append(j, event_batch_seal(b), &first, NULL), 0);
    event_batch_clear(b);
    if (ev != NULL)
        assert_true(event_batch_add(b, ev));
}

static void settle(struct journal *j, struct clock *clk)
{
    test_wait_sealed(j); /* so that the sealer has room for the last block */
    clock_advance(clk, 61 * NS_PER_S);
    journal_tick(j, NULL, NULL);
    test_wait_sealed(j);
}

/* ---- text without a pattern ---- */

enum { FLOOD_LINES = 200000, FLOOD_TEXT = 160, BLOCK = 4 << 20, MEMORY = 160 << 20 };
static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/ .=:-_[]\"";

/* Each line a template of its own, if one looks for templates: words without a digit, any length. */
static size_t letters(uint64_t *seed, char *p)
{
    size_t n = 40 + prng(seed) % (FLOOD_TEXT - 40);

    for (size_t i = 0; i < n; i++)
        p[i] = prng(seed) % 6 == 0 ? ' ' : plain[prng(seed) % 52];
    return n;
}

static size_t anything(uint64_t *seed, char *p)
{
    size_t n = 40 + prng(seed) % (FLOOD_TEXT - 40);

    for (size_t i = 0; i < n; i++)
        p[i] = plain[prng(seed) % (sizeof(plain) - 1)];
    return n;
}

static size_t keys(uint64_t *seed, char *p)
{
    size_t n = 0;

    while (n < 100)
        n += (size_t)snprintf(p + n, FLOOD_TEXT - n, "%c%c%c%llx=%c%llx ", (char)('a' + prng(seed) % 26),
                              (char)('a' + prng(seed) % 26), (char)('a' + prng(seed) % 26),
                              (unsigned long long)prng(seed) & 0xff, (char)('A' + prng(seed) % 26),
                              (unsigned long long)prng(seed) & 0xffffff);
    return n;
}

static void flood(size_t (*make)(uint64_t *, char *), const char *name)
{
    struct clock clk = clock_manual(TEST_NOW);
    struct event_batch b;
    char dir[64], line[2 * FLOOD_TEXT];
    uint64_t seed = 11;
    size_t before = held(), most = 0, raw = 0, fill = 0, zstd = 0;
    char *all = malloc(BLOCK + 2 * FLOOD_TEXT), *out = malloc(ZSTD_compressBound(BLOCK + 2 * FLOOD_TEXT));

    test_dir_make_fast(dir);
    struct journal *j = test_open(dir, BLOCK, &clk);
    event_batch_init(&b, EVENT_BATCH_MAX);
    for (unsigned i = 0; i < FLOOD_LINES; i++) {
        struct event ev = {.received_ns = TEST_NOW, .event_ns = TEST_NOW, .raw = {line, make(&seed, line)}};
        ev.span[SP_MSG] = (struct span){0, (uint32_t)ev.raw.n};
        add(&b, j, &ev);
        memcpy(all + fill, line, ev.raw.n);
        all[fill + ev.raw.n] = '\n';
        fill += ev.raw.n + 1;
        raw += ev.raw.n + 1;
        if (fill >= BLOCK || i + 1 == FLOOD_LINES) { /* what zstd -3 makes of the same lines, block by block */
            zstd += ZSTD_compress(out, ZSTD_compressBound(fill), all, fill, 3);
            fill = 0;
            size_t now = held();
            most = now > most ? now : most;
        }
    }
    add(&b, j, NULL);
    settle(j, &clk);
    event_batch_done(&b);
    struct journal_stats st;
    journal_stats(j, &st);
    assert_int_equal(st.events, FLOOD_LINES);
    print_message("# %s: %.1f MB, stored %.2f MB, zstd -3 %.2f MB, at most %.0f MB held\n", name, (double)raw / 1e6,
                  (double)st.disk_bytes / 1e6, (double)zstd / 1e6, (double)(most - before) / 1e6);
    /* Times, spans, order and the proof's head are in it, which the plain text does not have. */
    assert_true(st.disk_bytes < zstd + zstd / 25);
    assert_true(most < before + MEMORY);
    seed = 11; /* the first line is still there, whole */
    struct event want = {.raw = {line, make(&seed, line)}};
    char text[4 * FLOOD_TEXT + 3];
    size_t n = 0;
    text[n++] = '"';
    for (size_t i = 0; i < want.raw.n; i++) {
        if (strchr("*?\"\\", line[i]) != NULL)
            text[n++] = '\\';
        text[n++] = line[i];
    }
    text[n++] = '"';
    text[n] = '\0';
    assert_int_equal(test_hits(j, text, NULL), 1);
    journal_close(j);
    test_dir_drop(dir);
    free(all);
    free(out);
}

static void text_without_a_pattern(void **state)
{
    (void)state;
    flood(letters, "letters");
    flood(anything, "anything");
    flood(keys, "keys");
}

/* ---- times ---- */

enum { TIMES = 4000 };

static int64_t wild_time(uint64_t *seed)
{
    static const int64_t odd[] = {
        INT64_MIN, INT64_MAX, 0, -1, 1, TEST_NOW, TEST_NOW - 1, 4102444800 * NS_PER_S, -2208988800 * NS_PER_S};

    if (prng(seed) % 3 == 0)
        return odd[prng(seed) % COUNT(odd)];
    if (prng(seed) % 3 == 0)
        return (int64_t)prng(seed);
    return TEST_NOW + ((int64_t)(prng(seed) % 2000) - 1000) * NS_PER_S;
}

struct times {
    int64_t at[TIMES], received[TIMES];
    uint64_t next, n;
    bool wrong;
};

static bool see_time(void *ctx, const struct hit *h)
{
    struct times *t = ctx;

    t->wrong = t->wrong || h->seq >= t->next || h->ev.event_ns != t->at[h->seq - 1] ||
               h->ev.received_ns != t->received[h->seq - 1];
    t->next = h->seq;
    t->n++;
    return true;
}

static void check_span(struct journal *j, struct times *t, int64_t since, int64_t until)
{
    struct query q = {.since_ns = since, .until_ns = until, .source = &query_logs};
    struct search_opts o = {.limit = UINT64_MAX};
    struct search_stats st;
    uint64_t want = 0;

    t->next = UINT64_MAX;
    t->n = 0;
    assert_int_equal(journal_search(j, &q, &o, see_time, t, &st, NULL), 0);
    for (int i = 0; i < TIMES; i++)
        want += query_match(&q, &(struct event){.event_ns = t->at[i], .received_ns = t->received[i]});
    assert_false(t->wrong);
    assert_int_equal(t->n, want);
}

/* Duplicates, backwards, far away, at both ends of what a number holds: all are
 * kept in the order of receipt and found under the time they have. */
static void times_of_all_kinds(void **state)
{
    static struct times t;
    struct fixture *f = *state;
    struct event_batch b;
    uint64_t seed = 3;

    reopen(f, 20000);
    event_batch_init(&b, 16384);
    for (int i = 0; i < TIMES; i++) {
        t.at[i] = i % 4 == 1 ? t.at[i - 1] : wild_time(&seed);
        t.received[i] = i % 50 == 0 ? wild_time(&seed) : i % 3 == 1 ? t.received[i - 1] : TEST_NOW + i;
        add(&b, f->j, &(struct event){.event_ns = t.at[i], .received_ns = t.received[i], .raw = STR("a line")});
    }
    add(&b, f->j, NULL);
    event_batch_done(&b);
    for (int round = 0; round < 2; round++) {
        check_span(f->j, &t, INT64_MIN, INT64_MAX);
        for (int i = 0; i < 200; i++) {
            int64_t a = wild_time(&seed), z = wild_time(&seed);
            check_span(f->j, &t, a < z ? a : z, a < z ? z : a);
        }
        reopen(f, 0);
    }
}

/* ---- leaps ---- */

static uint64_t kept(struct journal *j)
{
    struct journal_stats st;

    journal_stats(j, &st);
    return st.events;
}

static void days_of_events(struct fixture *f)
{
    reopen(f, 4096);
    for (unsigned day = 0; day < 3; day++) {
        struct event_batch b;
        event_batch_init(&b, 1 << 16);
        for (int i = 0; i < 100; i++)
            add(&b, f->j,
                &(struct event){.received_ns = clock_wall(&f->clk), .event_ns = clock_wall(&f->clk), .raw = STR("x")});
        add(&b, f->j, NULL);
        event_batch_done(&b);
        clock_advance(&f->clk, 86400 * NS_PER_S);
        settle(f->j, &f->clk);
    }
}

static void a_leap_of_the_clock_deletes_nothing(void **state)
{
    struct fixture *f = *state;

    days_of_events(f);
    f->j->cfg.retention_days = 30;
    log_set_level(LOG_ERROR - 1);
    journal_retain(f->j);
    assert_int_equal(kept(f->j), 300);
    int64_t right = f->clk.set_wall, gone = journal_gone_before(f->j);
    assert_true(gone <= right - 30 * 86400 * NS_PER_S && gone > right - 31 * 86400 * NS_PER_S);
    f->clk.set_wall += 3650 * 86400 * NS_PER_S; /* ten years ahead, in no time */
    for (int hour = 0; hour < 23; hour++) {
        journal_retain(f->j);
        clock_advance(&f->clk, 3600 * NS_PER_S);
        assert_int_equal(journal_gone_before(f->j), gone); /* nor in copies */
    }
    assert_int_equal(kept(f->j), 300);
    f->clk.set_wall = right + 86400 * NS_PER_S; /* put right within the day */
    journal_retain(f->j);
    clock_advance(&f->clk, 2 * 86400 * NS_PER_S);
    journal_retain(f->j);
    assert_int_equal(kept(f->j), 300);
    /* Days that really pass do delete, the newest segment excepted. */
    clock_advance(&f->clk, 40 * 86400 * NS_PER_S);
    journal_retain(f->j);
    assert_int_equal(kept(f->j), 100);
    struct journal_stats st;
    journal_stats(f->j, &st);
    assert_int_equal(journal_gone_before(f->j), st.first_ns); /* what is here stays in copies, however old */
    log_set_level(LOG_INFO);
}

/* Started with a clock that is years ahead: a day passes before age counts. */
static void a_wrong_clock_at_the_start_deletes_nothing(void **state)
{
    struct fixture *f = *state;

    days_of_events(f);
    log_set_level(LOG_ERROR - 1);
    f->clk.set_wall += 3650 * 86400 * NS_PER_S;
    reopen(f, 0);
    f->j->cfg.retention_days = 30;
    journal_retain(f->j);
    assert_int_equal(kept(f->j), 300);
    clock_advance(&f->clk, 86401 * NS_PER_S);
    journal_retain(f->j);
    assert_int_equal(kept(f->j), 100);
    log_set_level(LOG_INFO);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_without_a_pattern),
        T(times_of_all_kinds),
        T(a_leap_of_the_clock_deletes_nothing),
        T(a_wrong_clock_at_the_start_deletes_nothing),
    };
    return cmocka_run_group_tests_name("journal/robust", tests, NULL, NULL);
}
