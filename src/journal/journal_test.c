/* The engine under a manual clock: append, group commit, blocks, segments,
 * reopening, paging, aggregates, retention, limits. */
#include "journal/journal_test-int.h"
#include <sys/stat.h>

static void group_commit_goes_by_the_clock(void **state)
{
    struct fixture *f = *state;
    int64_t due;

    reopen(f, 0);
    assert_int_equal(test_append(f->j, 0, 10, NULL), 0);
    assert_int_equal(journal_synced(f->j), 1);
    assert_int_equal(journal_tick(f->j, &due, NULL), 0);
    assert_int_equal(journal_synced(f->j), 1);
    assert_int_equal(due, f->clk.set_mono + 100 * NS_PER_MS);
    clock_advance(&f->clk, 100 * NS_PER_MS);
    assert_int_equal(journal_tick(f->j, &due, NULL), 0);
    assert_int_equal(journal_synced(f->j), 11);
    assert_int_equal(test_append(f->j, 10, 5, NULL), 0);
    assert_int_equal(journal_sync(f->j, NULL), 0);
    assert_int_equal(journal_synced(f->j), 16);
}

static void open_block_is_searched(void **state)
{
    struct fixture *f = *state;

    reopen(f, 0);
    assert_int_equal(test_append(f->j, 0, 100, NULL), 0);
    assert_int_equal(test_check_all(f->j, 1, 100), 100);
    assert_int_equal(test_hits(f->j, "\"failed password\"", NULL), 25);
    assert_int_equal(test_hits(f->j, "\"Failed password\" transport:udp", NULL), 9);
    assert_int_equal(test_hits(f->j, "nothinglikeit", NULL), 0);
}

static void blocks_close_by_size_and_time(void **state)
{
    struct fixture *f = *state;
    struct journal_stats st;

    reopen(f, 4096);
    for (uint64_t k = 0; k < 2000; k += 20) {
        assert_int_equal(test_append(f->j, k, 20, NULL), 0);
        test_wait_sealed(f->j);
    }
    journal_stats(f->j, &st);
    assert_in_range(st.blocks, 30, 100);
    assert_int_equal(st.events, 2000);
    assert_int_equal(st.segments, 1);
    assert_int_equal(st.first_ns, TEST_NOW);
    assert_int_equal(test_check_all(f->j, 1, 2000), 2000);

    reopen(f, 0);
    assert_int_equal(test_append(f->j, 2000, 3, NULL), 0);
    uint64_t blocks = st.blocks;
    journal_tick(f->j, NULL, NULL);
    test_wait_sealed(f->j);
    journal_stats(f->j, &st);
    uint64_t before = st.blocks;
    assert_true(before >= blocks);
    clock_advance(&f->clk, 60 * NS_PER_S);
    journal_tick(f->j, NULL, NULL);
    test_wait_sealed(f->j);
    journal_stats(f->j, &st);
    assert_int_equal(st.blocks, before + 1);
    assert_int_equal(test_check_all(f->j, 1, 2003), 2003);
}

static void reopening_keeps_everything(void **state)
{
    struct fixture *f = *state;
    uint64_t k = 0;

    for (int round = 0; round < 8; round++) {
        reopen(f, round % 2 ? 4096 : 0);
        assert_int_equal(test_check_all(f->j, 1, k), k);
        for (int i = 0; i < 7; i++, k += 30)
            assert_int_equal(test_append(f->j, k, 30, NULL), 0);
    }
    reopen(f, 0);
    assert_int_equal(test_check_all(f->j, 1, k), k);
}

static void days_make_segments(void **state)
{
    struct fixture *f = *state;
    struct event_batch b;
    struct test_line line;
    struct journal_stats st;
    uint64_t first;

    event_batch_init(&b, EVENT_BATCH_MAX);
    reopen(f, 1024);
    for (uint64_t day = 0; day < 4; day++) {
        event_batch_clear(&b);
        for (uint64_t i = 0; i < 20; i++) {
            struct event ev = test_event(i, &line);
            ev.received_ns += (int64_t)day * 86400 * NS_PER_S;
            assert_true(event_batch_add(&b, &ev));
        }
        assert_int_equal(journal_append(f->j, event_batch_seal(&b), &first, NULL), 0);
        test_wait_sealed(f->j);
    }
    event_batch_done(&b);
    journal_stats(f->j, &st);
    assert_int_equal(st.segments, 4);

    /* Retention: received 2026-11-21..24, now moves to 2026-11-24 and a bit, keep two days. */
    f->j->cfg.retention_days = 2;
    clock_advance(&f->clk, 3 * 86400 * NS_PER_S + NS_PER_S);
    journal_tick(f->j, NULL, NULL);
    journal_stats(f->j, &st);
    assert_int_equal(st.segments, 2);
    assert_int_equal(st.events, 40);
    assert_int_equal(test_hits(f->j, "", NULL), 40);

    /* By size: the newest stays whatever it weighs. */
    f->j->cfg.max_bytes = 1;
    clock_advance(&f->clk, 61 * NS_PER_S);
    journal_tick(f->j, NULL, NULL);
    journal_stats(f->j, &st);
    assert_int_equal(st.segments, 1);
    reopen(f, 1024);
    assert_int_equal(test_hits(f->j, "", NULL), 20);
    assert_int_equal(f->j->next_seq, 81);
}

struct page {
    uint64_t seqs[100];
    size_t n, stop;
};

static bool take_page(void *ctx, const struct hit *h)
{
    struct page *p = ctx;
    p->seqs[p->n++] = h->seq;
    return p->stop == 0 || p->n < p->stop;
}

static void pages_and_limits(void **state)
{
    struct fixture *f = *state;
    struct query all = {.since_ns = INT64_MIN, .until_ns = INT64_MAX};
    struct search_stats st;
    struct page p = {0};

    reopen(f, 4096);
    for (uint64_t k = 0; k < 200; k += 20)
        assert_int_equal(test_append(f->j, k, 20, NULL), 0);
    struct search_opts o = {.limit = 7};
    uint64_t want = 200;
    for (;;) {
        p.n = 0;
        assert_int_equal(journal_search(f->j, &all, &o, take_page, &p, &st, NULL), 0);
        for (size_t i = 0; i < p.n; i++)
            assert_int_equal(p.seqs[i], want--);
        assert_int_equal(st.more, want > 0);
        if (!st.more)
            break;
        o.before_seq = p.seqs[p.n - 1];
    }
    assert_int_equal(want, 0);

    all.limit = 3;
    p.n = 0;
    assert_int_equal(journal_search(f->j, &all, NULL, take_page, &p, &st, NULL), 0);
    assert_int_equal(p.n, 3);
    p = (struct page){.stop = 2};
    assert_int_equal(journal_search(f->j, &all, NULL, take_page, &p, &st, NULL), 0);
    assert_int_equal(p.n, 2);
    assert_true(st.more);
}

static void note_progress(void *ctx, uint64_t done, uint64_t all)
{
    uint64_t *last = ctx;
    if (*last == UINT64_MAX)
        assert_int_equal(done, 0);
    else
        assert_true(done > *last);
    assert_true(done <= all);
    *last = done;
}

static void deadline_cancel_progress(void **state)
{
    struct fixture *f = *state;
    struct query all = {.since_ns = INT64_MIN, .until_ns = INT64_MAX};
    struct search_stats st;
    struct page p = {0};
    struct err e;
    atomic_bool cancel = true;
    uint64_t last = UINT64_MAX;

    reopen(f, 4096);
    for (uint64_t k = 0; k < 80; k += 20)
        assert_int_equal(test_append(f->j, k, 20, NULL), 0);
    struct search_opts o = {.deadline_mono_ns = f->clk.set_mono};
    assert_int_equal(journal_search(f->j, &all, &o, take_page, &p, &st, &e), -ETIME);
    assert_true(st.more);
    o = (struct search_opts){.cancel = &cancel};
    assert_int_equal(journal_search(f->j, &all, &o, take_page, &p, &st, &e), -ECANCELED);
    o = (struct search_opts){.progress = note_progress, .progress_ctx = &last};
    assert_int_equal(journal_search(f->j, &all, &o, take_page, &p, &st, &e), 0);
    struct journal_stats js;
    journal_stats(f->j, &js);
    assert_int_equal(last, js.raw_bytes);
}

static void odd_events_come_back(void **state)
{
    static char large[EVENT_RAW_MAX];
    struct fixture *f = *state;
    struct event_batch b;
    uint64_t first;
    struct event evs[] = {
        {.received_ns = 1, .event_ns = INT64_MIN, .raw = STR("")},
        {.received_ns = INT64_MAX,
         .event_ns = INT64_MAX,
         .severity = 7,
         .facility = 23,
         .transport = TP_SELF,
         .format = FMT_RFC5424,
         .flags = 0xffff,
         .source_port = 65535,
         .raw = {"a\0b\nc", 5}},
        {.received_ns = INT64_MIN,
         .event_ns = 0,
         .raw = {large, sizeof(large)},
         .span = {{65535, 1}, {0, 65536}, {300, 255}, {0, 254}, {0, 0}, {65280, 256}}},
        {.received_ns = 0, .event_ns = 7, .source = {6, {0x20, 1, 0xd, 0xb8}}, .raw = STR("x")},
    };

    for (size_t i = 0; i < sizeof(large); i++)
        large[i] = (char)(i * 31);
    event_batch_init(&b, EVENT_BATCH_MAX);
    for (size_t i = 0; i < COUNT(evs); i++)
        assert_true(event_batch_add(&b, &evs[i]));
    reopen(f, 0);
    assert_int_equal(journal_append(f->j, event_batch_seal(&b), &first, NULL), 0);
    for (int round = 0; round < 3; round++) {
        struct rows *r = NULL;
        assert_int_equal(test_hits(f->j, "", NULL), COUNT(evs));
        assert_int_equal(test_hits(f->j, "host:*", NULL), 1);
        assert_int_equal(test_hits(f->j, "flags:* severity:debug", NULL), 1);
        if (round == 0) {
            reopen(f, 0);
            continue;
        }
        struct block_dec *d = block_dec_new();
        struct segment *s = f->j->segs[0];
        struct block_src src = {.fd = s->fd, .off = s->blocks[0].off};
        assert_int_equal(block_dec_open(d, &src, &s->blocks[0].head, s->salt), 0);
        uint64_t all = (UINT64_C(1) << COUNT(evs)) - 1;
        assert_int_equal(block_dec_find(d, &all, NULL, COL_ALL), 0);
        assert_int_equal(block_dec_rows(d, &all, 0, COUNT(evs), &r), 0);
        assert_int_equal(rows_count(r), COUNT(evs));
        for (uint32_t i = 0; i < COUNT(evs); i++) {
            struct event got;
            rows_event(r, i, COL_ALL, &got);
            assert_true(test_event_same(&got, &evs[i]));
        }
        block_dec_free(d);
        reopen(f, 0);
    }
    event_batch_done(&b);
}

static void bad_batches_change_nothing(void **state)
{
    struct fixture *f = *state;
    struct event_batch b;
    uint64_t first = 99;

    reopen(f, 0);
    event_batch_init(&b, EVENT_BATCH_MAX);
    str wire = test_batch(&b, 0, 5);
    char *copy = malloc(wire.n);
    for (size_t i = 0; i < wire.n; i++) {
        memcpy(copy, wire.p, wire.n);
        copy[i] ^= 4;
        assert_true(journal_append(f->j, (str){copy, wire.n}, &first, NULL) < 0);
        assert_true(journal_append(f->j, (str){copy, i}, &first, NULL) < 0);
    }
    free(copy);
    assert_int_equal(first, 99);
    assert_int_equal(test_hits(f->j, "", NULL), 0);
    assert_int_equal(test_append(f->j, 0, 5, NULL), 0);
    event_batch_clear(&b);
    assert_int_equal(journal_append(f->j, event_batch_seal(&b), &first, NULL), 0);
    assert_int_equal(first, 6);
    event_batch_done(&b);
    reopen(f, 0);
    assert_int_equal(test_check_all(f->j, 1, 5), 5);
}

static void one_process_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct journal_cfg cfg = {.dir = f->dir};
    struct journal *second;
    struct err e;

    reopen(f, 0);
    assert_int_equal(journal_open(&cfg, &f->clk, &second, &e), -EBUSY);
}

static void sync_zero_is_always_durable(void **state)
{
    struct fixture *f = *state;
    struct journal_cfg cfg = {.dir = f->dir};

    assert_int_equal(journal_open(&cfg, &f->clk, &f->j, NULL), 0);
    assert_int_equal(test_append(f->j, 0, 10, NULL), 0);
    assert_int_equal(journal_synced(f->j), 11);
}

static void skipping_reads_less(void **state)
{
    struct fixture *f = *state;
    struct search_stats st;
    struct event_batch b;
    struct test_line line;
    uint64_t first;

    event_batch_init(&b, EVENT_BATCH_MAX);
    reopen(f, 1024);
    for (uint64_t block = 0; block < 10; block++) {
        event_batch_clear(&b);
        for (uint64_t i = 0; i < 20; i++) {
            struct event ev = test_event(i, &line);
            ev.severity = block == 4 ? 2 : 6;
            ev.source = (struct ip){4, {10, 9, (uint8_t)block, 1}};
            ev.event_ns = TEST_NOW + (int64_t)block * 60 * NS_PER_S;
            line.text[ev.span[SP_HOST].off] = (char)('A' + block);
            assert_true(event_batch_add(&b, &ev));
        }
        assert_int_equal(journal_append(f->j, event_batch_seal(&b), &first, NULL), 0);
        test_wait_sealed(f->j);
    }
    event_batch_done(&b);
    reopen(f, 1024);
    static const struct {
        const char *text;
        uint64_t hits;
    } one[] = {
        {"severity:<=err", 20},
        {"source:10.9.3.0/24", 20},
        {"source:10.9.7.1", 20},
        {"host:Fost*", 20},
        {"since:2026-11-21T09:33 until:2026-11-21T09:34", 20},
        {"host:Fost* OR host:Fost-?", 20},
    };
    for (size_t i = 0; i < COUNT(one); i++) {
        assert_int_equal(test_hits(f->j, one[i].text, &st), one[i].hits);
        assert_int_equal(st.scanned_blocks, 1);
        assert_int_equal(st.skipped_blocks, 9);
    }
    assert_int_equal(test_hits(f->j, "NOT host:Fost*", &st), 180);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(group_commit_goes_by_the_clock), T(open_block_is_searched),      T(blocks_close_by_size_and_time),
        T(reopening_keeps_everything),     T(days_make_segments),          T(pages_and_limits),
        T(deadline_cancel_progress),       T(odd_events_come_back),        T(bad_batches_change_nothing),
        T(one_process_at_a_time),          T(sync_zero_is_always_durable), T(skipping_reads_less),
    };
    return cmocka_run_group_tests_name("journal/journal", tests, NULL, NULL);
}
