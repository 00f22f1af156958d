/* Append, search, aggregate, tail and figures at the same time, with blocks
 * and segments changing under them; for the thread sanitizer, and for what a
 * reader may see: nothing twice, nothing out of order, nothing wrong. */
#include "journal/journal_test-int.h"
#include "base/log.h"

enum { EVENTS = 40000, SEARCHERS = 2, TAILS = 2 };
struct shared {
    struct journal *j;
    _Atomic bool done;
};

static void *search_main(void *ctx)
{
    struct shared *s = ctx;
    uint64_t last = 0;

    while (!atomic_load(&s->done)) {
        uint64_t n = test_check_all(s->j, 1, 0);
        assert_true(n >= last);
        last = n;
        assert_true(test_hits(s->j, "\"failed password\" program:sshd", NULL) >= 0);
    }
    return NULL;
}

static void *count_main(void *ctx)
{
    struct shared *s = ctx;
    struct arena a = arena_init(8 << 20);
    uint64_t last = 0;

    while (!atomic_load(&s->done)) {
        struct query *q;
        struct agg g;
        struct journal_stats st;
        arena_clear(&a);
        assert_int_equal(query_parse(&a, STR("| count by host"), TEST_NOW, &q, NULL), 0);
        assert_int_equal(journal_aggregate(s->j, &a, q, NULL, &g, NULL, NULL), 0);
        assert_true(g.total >= last);
        last = g.total;
        journal_stats(s->j, &st);
        assert_true(st.events >= last);
        last = st.events;
    }
    arena_free(&a);
    return NULL;
}

struct reader {
    struct tail *t;
    uint64_t next, got, lost, wrong;
    bool slow;
};

static bool tail_hit(void *ctx, const struct hit *h)
{
    struct reader *r = ctx;
    struct test_line line;
    struct event want = test_event(h->seq - 1, &line);

    r->wrong += h->seq < r->next || !test_event_same(&want, &h->ev);
    r->next = h->seq + 1;
    r->got++;
    return !r->slow || r->got % 100 != 0;
}

static void *tail_main(void *ctx)
{
    struct reader *r = ctx;
    uint64_t lost;
    int rc;

    do {
        rc = journal_tail_wait(r->t, NS_PER_S / 10, tail_hit, r, &lost);
        r->lost += lost;
    } while (rc == 0);
    assert_int_equal(rc, -ESHUTDOWN);
    return NULL;
}

static void all_at_once(void **state)
{
    char dir[64];
    struct clock clk = clock_manual(TEST_NOW);
    pthread_t searchers[SEARCHERS], counter, tails[TAILS];
    struct reader readers[TAILS] = {{0}, {.slow = true}};
    struct arena a = arena_init(1 << 20);
    struct query *q;

    test_dir_make(dir);
    struct shared s = {.j = test_open(dir, 100000, &clk)};
    assert_int_equal(query_parse(&a, STR(""), TEST_NOW, &q, NULL), 0);
    for (int i = 0; i < TAILS; i++) {
        assert_int_equal(journal_tail_open(s.j, q, &readers[i].t, NULL), 0);
        assert_int_equal(pthread_create(&tails[i], NULL, tail_main, &readers[i]), 0);
    }
    arena_free(&a);
    for (int i = 0; i < SEARCHERS; i++)
        assert_int_equal(pthread_create(&searchers[i], NULL, search_main, &s), 0);
    assert_int_equal(pthread_create(&counter, NULL, count_main, &s), 0);
    for (uint64_t k = 0; k < EVENTS; k += 40) {
        assert_int_equal(test_append(s.j, k, 40, NULL), 0);
        if (k % 2000 == 0) {
            clock_advance(&clk, 100 * NS_PER_MS);
            journal_tick(s.j, NULL, NULL);
        }
    }
    atomic_store(&s.done, true);
    for (int i = 0; i < SEARCHERS; i++)
        pthread_join(searchers[i], NULL);
    pthread_join(counter, NULL);
    assert_int_equal(test_check_all(s.j, 1, EVENTS), EVENTS);
    journal_close(s.j);
    for (int i = 0; i < TAILS; i++) {
        pthread_join(tails[i], NULL);
        journal_tail_close(readers[i].t);
        assert_int_equal(readers[i].wrong, 0);
        assert_true(readers[i].got + readers[i].lost <= EVENTS);
        assert_true(readers[i].got > 0);
    }
    test_dir_drop(dir);
}

static void tail_sees_what_fits_and_tells_loss(void **state)
{
    char dir[64];
    struct clock clk = clock_manual(TEST_NOW);
    struct arena a = arena_init(1 << 20);
    struct query *q;
    struct tail *t, *all;
    struct reader r = {0}, ra = {0};
    uint64_t lost = 0, want = 0;
    struct err e;

    test_dir_make(dir);
    struct journal *j = test_open(dir, 4096, &clk);
    assert_int_equal(test_append(j, 0, 20, NULL), 0);
    assert_int_equal(query_parse(&a, STR("program:sshd"), TEST_NOW, &q, NULL), 0);
    assert_int_equal(journal_tail_open(j, q, &t, NULL), 0);
    q->root = NULL; /* the tail has a query of its own */
    assert_int_equal(journal_tail_open(j, q, &all, NULL), 0);
    arena_free(&a);
    assert_int_equal(journal_tail_wait(t, 0, tail_hit, &r, &lost), 0);
    assert_int_equal(r.got, 0);
    assert_int_equal(test_append(j, 20, 20, NULL), 0);
    assert_int_equal(journal_tail_wait(t, NS_PER_S, tail_hit, &r, &lost), 0);
    for (uint64_t k = 20; k < 40; k++) {
        struct test_line line;
        struct event ev = test_event(k, &line);
        want += str_eq(event_field(&ev, SP_PROGRAM), STR("sshd"));
    }
    assert_int_equal(r.got, want);
    assert_int_equal(r.wrong + lost, 0);
    for (uint64_t k = 40; k < 2000; k += 20) {
        assert_int_equal(test_append(j, k, 20, NULL), 0);
        test_wait_sealed(j);
    }
    do
        assert_int_equal(journal_tail_wait(all, 0, tail_hit, &ra, &lost), 0), ra.lost += lost;
    while (ra.next < 2001);
    assert_int_equal(ra.got + ra.lost, 1980);
    assert_true(ra.lost > 0 && ra.wrong == 0);
    journal_close(j);
    assert_int_equal(journal_tail_wait(t, NS_PER_S, tail_hit, &r, &lost), -ESHUTDOWN);
    journal_tail_close(t);
    journal_tail_close(all);
    test_dir_drop(dir);

    test_dir_make(dir);
    j = test_open(dir, 4096, &clk);
    struct tail *many[TAILS_MAX];
    struct query any = {.since_ns = INT64_MIN, .until_ns = INT64_MAX};
    for (int i = 0; i < TAILS_MAX; i++)
        assert_int_equal(journal_tail_open(j, &any, &many[i], NULL), 0);
    assert_int_equal(journal_tail_open(j, &any, &t, &e), -EMFILE);
    for (int i = 0; i < TAILS_MAX; i++)
        journal_tail_close(many[i]);
    journal_close(j);
    test_dir_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tail_sees_what_fits_and_tells_loss),
        cmocka_unit_test(all_at_once),
    };
    return cmocka_run_group_tests_name("journal/thread", tests, NULL, NULL);
}
