/* A centre is asked for what came by a relay, and for what did not. */
#include "relay/relay_test-int.h"

enum { SOME_OWN = 700, RELAYED = 900, MORE_OWN = 300 };

static void world(struct kit *k)
{
    kit_start(k, 0);
    own_some(k, SOME_OWN);
    clock_advance(&k->clk, 61 * NS_PER_S);
    journal_tick(k->centre.j, NULL, NULL);
    test_wait_sealed(k->centre.j);
    relay_minute(k, RELAYED);
    line_whole(k);
    own_some(k, MORE_OWN); /* in memory still */
}

struct found {
    const struct query *q;
    uint64_t by_none, by_r1, wrong;
};

static bool count(void *ctx, const struct hit *h)
{
    struct found *f = ctx;
    bool r1 = str_eq(h->ev.relay, STR("r1"));

    f->by_r1 += r1;
    f->by_none += h->ev.relay.n == 0;
    f->wrong += !query_match(f->q, &h->ev) || (!r1 && h->ev.relay.n > 0);
    return true;
}

static struct query *parsed(struct kit *k, struct arena *a, const char *text)
{
    struct query *q = NULL;
    struct err e = {0};

    if (query_parse(a, str_c(text), clock_wall(&k->clk), &q, &e) < 0)
        fail_msg("%s: %s %s", text, e.key, e.arg[0]);
    return q;
}

static void ask(struct kit *k, const char *text, struct found *f, struct search_stats *st)
{
    struct search_opts o = {.limit = UINT64_MAX};
    struct arena a = arena_init(1 << 20);

    *f = (struct found){.q = parsed(k, &a, text)};
    assert_int_equal(journal_search(k->centre.j, f->q, &o, count, f, st, NULL), 0);
    if (f->wrong > 0)
        print_error("%s\n", text);
    assert_int_equal(f->wrong, 0);
    assert_int_equal(st->hits, f->by_none + f->by_r1);
    arena_free(&a);
}

static void lines_of_a_relay(void **state)
{
    static const struct {
        const char *text;
        bool none, r1;
    } all[] = {
        {"relay:r1", false, true},
        {"relay:R1", false, true},
        {"relay:*", false, true},
        {"relay:r?", false, true},
        {"relay:/^r[0-9]$/", false, true},
        {"NOT relay:\"\"", false, true},
        {"NOT relay:*", true, false},
        {"relay:\"\"", true, false},
        {"NOT relay:r1", true, false},
        {"NOT (relay:r1 OR relay:r2)", true, false},
        {"relay:r2", false, false},
        {"relay:r1 relay:\"\"", false, false},
        {"relay:r1 OR relay:\"\"", true, true},
    };
    struct kit k;
    struct found f;
    struct search_stats st;

    world(&k);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        ask(&k, all[i].text, &f, &st);
        if (f.by_none != (all[i].none ? SOME_OWN + MORE_OWN : 0) || f.by_r1 != (all[i].r1 ? RELAYED : 0))
            fail_msg("%s: %llu of none, %llu of r1", all[i].text, (unsigned long long)f.by_none,
                     (unsigned long long)f.by_r1);
    }
    kit_end(&k);
}

/* What came by another way is not opened. */
static void files_are_left_out(void **state)
{
    struct kit k;
    struct found f;
    struct search_stats st;

    world(&k);
    ask(&k, "NOT (relay:* OR host:nobody)", &f, &st);
    assert_int_equal(st.scanned_events, SOME_OWN + MORE_OWN);
    assert_true(st.skipped_blocks > 0);
    ask(&k, "relay:r1 host:*", &f, &st);
    assert_int_equal(st.scanned_events, RELAYED + MORE_OWN); /* lines in memory are looked at, whatever is asked */
    assert_int_equal(f.by_r1, RELAYED);
    kit_end(&k);
}

static void with_other_terms(void **state)
{
    static const char *const texts[] = {"host:host-1*", "severity:<=err", "source:10.8.0.0/16", "/sshd|cron/"};
    struct kit k;
    struct found one, by, rest;
    struct search_stats st;
    char text[200];

    world(&k);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ask(&k, texts[i], &one, &st);
        assert_true(one.by_none > 0 && one.by_r1 > 0);
        snprintf(text, sizeof(text), "relay:r1 %s", texts[i]);
        ask(&k, text, &by, &st);
        assert_true(by.by_r1 == one.by_r1 && by.by_none == 0);
        snprintf(text, sizeof(text), "%s NOT relay:r1", texts[i]);
        ask(&k, text, &rest, &st);
        assert_true(rest.by_none == one.by_none && rest.by_r1 == 0);
        snprintf(text, sizeof(text), "relay:r1 OR %s", texts[i]);
        ask(&k, text, &by, &st);
        assert_true(by.by_r1 == RELAYED && by.by_none == one.by_none);
    }
    kit_end(&k);
}

/* The sum of groups whose key `at` is the relay's name. */
static uint64_t sum_of(const struct agg *g, size_t at, const char *name)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < g->n; i++)
        sum += str_eq(g->rows[i].keys[at], str_c(name)) ? g->rows[i].count : 0;
    return sum;
}

static void groups_by_relay(void **state)
{
    static const struct {
        const char *text;
        size_t at;
    } all[] = {
        {"| count by relay", 0},      {"| count by host, relay", 1},           {"| count by relay, severity", 0},
        {"| count by pid, relay", 1}, {"host:* | count by relay, program", 0},
    };
    struct arena a = arena_init(64 << 20);
    struct kit k;
    struct agg g;
    struct search_stats st;

    world(&k);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        assert_int_equal(journal_aggregate(k.centre.j, &a, parsed(&k, &a, all[i].text), NULL, &g, &st, NULL), 0);
        assert_int_equal(g.total, SOME_OWN + MORE_OWN + RELAYED);
        assert_int_equal(sum_of(&g, all[i].at, "r1"), RELAYED);
        assert_int_equal(sum_of(&g, all[i].at, ""), SOME_OWN + MORE_OWN);
    }
    assert_true(g.n > 2);
    kit_end(&k);
    arena_free(&a);
}

static bool take_group(void *ctx, const struct source_group *g)
{
    uint64_t *sum = ctx;
    bool r1 = g->by[1].type == VT_TEXT && str_eq(g->by[1].text, STR("r1"));

    assert_true(r1 || g->by[1].type == VT_NONE);
    sum[r1] += g->count;
    return true;
}

/* By the hours of whole blocks, and by each line. */
static void histogram_by_relay(void **state)
{
    static const char *const texts[] = {"| histogram 1h by relay", "| histogram 1s by relay"};
    struct arena a = arena_init(64 << 20);
    struct kit k;
    struct search_stats st;

    world(&k);
    for (int i = 0; i < 2; i++) {
        uint64_t sum[2] = {0};
        assert_int_equal(journal_fold(k.centre.j, parsed(&k, &a, texts[i]), NULL, take_group, sum, &st, NULL), 0);
        assert_int_equal(sum[0], SOME_OWN + MORE_OWN);
        assert_int_equal(sum[1], RELAYED);
    }
    kit_end(&k);
    arena_free(&a);
}

static void tail_of_a_relay(void **state)
{
    struct arena a = arena_init(1 << 20);
    struct kit k;
    struct tail *t = NULL;
    uint64_t lost;

    kit_start(&k, 0);
    struct found f = {.q = parsed(&k, &a, "relay:r1")};
    assert_int_equal(journal_tail_open(k.centre.j, f.q, &t, NULL), 0);
    own_some(&k, SOME_OWN);
    relay_minute(&k, RELAYED);
    line_whole(&k);
    assert_int_equal(journal_tail_wait(t, 0, count, &f, &lost), 0);
    assert_int_equal(f.by_none + f.wrong + lost, 0);
    assert_int_equal(f.by_r1, RELAYED);
    journal_tail_close(t);
    kit_end(&k);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_a_relay), cmocka_unit_test(files_are_left_out), cmocka_unit_test(with_other_terms),
        cmocka_unit_test(groups_by_relay),  cmocka_unit_test(histogram_by_relay), cmocka_unit_test(tail_of_a_relay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
