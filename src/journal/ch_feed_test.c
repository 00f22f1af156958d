/* The feed: how it waits out failures, by a clock set by hand; and, when argv
 * names a set (nodes, cluster, the nodes' ability to know a repetition), that
 * each event arrives once, whatever is lost between INSERT and cursor. */
#include "journal/ch_feed_test-int.h"

const char *nodes, *cluster;
bool wait_for_kills;

/* ---- without a set ---- */

static void test_backoff(void **state)
{
    static const int64_t waits[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
    struct kit *k = *state;

    k->set = (struct ch_cfg){.nodes = STR("http://127.0.0.1:1"), .database = STR("luy")}; /* refused at once */
    fill(k, 0, 1000);
    feed_open(k);
    for (size_t i = 0; i < COUNT(waits); i++) {
        assert_int_equal(step(k), waits[i]);
        clock_advance(&k->f.clk, waits[i] * NS_PER_S);
    }
    struct ch_feed_stats s = stats(k);
    assert_int_equal(s.failures, COUNT(waits));
    assert_true(s.down);
    assert_int_equal(s.sent_events, 0);
    assert_int_equal(k->notes[CF_DOWN], 1); /* said once */
    assert_string_equal(k->key, "journal.ch_unreachable");
    assert_int_equal(access(k->state, F_OK), -1);
    ch_feed_stop(k->feed);
}

static void test_state_file(void **state)
{
    static const char *const bad[] = {
        "",
        "luy-cluster 3\n",
        "luy-cluster 3\nluy \n",
        "luy-cluster 3\nluy \n1 65536\n",
        "luy-cluster 3\nluy \n1 65536\n x\n",
        "luy-cluster 3\nluy \n1 0\n 5\n",
        "luy-cluster 3\nluy \n0 65536\n 5\n",
        "luy-cluster 3\nluy \n65 65536\n 5\n",
        "luy-cluster 3\nluy \n2 65536\n 5\n",
        "luy-cluster 3\nluy \n1 65536\n 5 6\n",
        "luy-cluster 3\nluy \n1 65536\nr1 5\n",
        "luy-cluster 3\nluy \n1 65536\n 5\nr1\n",
        "luy-cluster 3\nluy \n1 65536\n 5\n 6\n",
        "luy-cluster 3\nluy \n1 65536\n 5\nr1 5\nr1 6\n",
        "luy-cluster 4\nluy \n1 65536\n 5\n",
        "luy-cluster 3\nother \n1 65536\n 5\n",
        "luy-cluster 2\nluy \n1 65536\n5\n", /* of before */
    };
    struct kit *k = *state;

    k->set = (struct ch_cfg){.nodes = STR("http://127.0.0.1:1"), .database = STR("luy")};
    fill(k, 0, 1000);
    for (size_t i = 0; i < COUNT(bad); i++) { /* no cursor of this set: the set must be asked */
        state_put(k, bad[i]);
        feed_open(k);
        step(k);
        assert_string_equal(k->key, "journal.ch_unreachable");
        assert_int_equal(stats(k).lag_ns, 0); /* nothing in hand */
    }
    state_put(k, "luy-cluster 3\nluy \n1 65536\n 501\n");
    feed_open(k);
    clock_advance(&k->f.clk, 100 * NS_PER_S);
    step(k);
    assert_int_equal(stats(k).next, 501);
    assert_int_equal(stats(k).lag_events, 500);
    assert_int_equal(stats(k).lag_ns, 100 * NS_PER_S - 500 * NS_PER_MS); /* since event 501 came */
    state_put(k, "luy-cluster 3\nluy \n1 65536\n 5000\n");
    feed_open(k);
    step(k);
    assert_string_equal(k->key, "journal.ch_foreign"); /* another journal's */
}

/* Two shards, neither there: each has its own place, its own waits and its own lag. */
static void test_shards_apart(void **state)
{
    struct kit *k = *state;
    struct ch_feed_stats s[2];

    k->set = (struct ch_cfg){
        .nodes = STR("http://127.0.0.1:1;http://127.0.0.1:1"), .cluster = STR("c"), .database = STR("luy")};
    k->window = 100;
    fill(k, 0, 1000);
    state_put(k, "luy-cluster 3\nluy c\n2 100\n 250 700\n");
    feed_open(k);
    assert_int_equal(ch_feed_shards(k->feed), 2);
    for (int i = 0; i < 3; i++)
        assert_int_equal(step_of(k, 0), 1 << i);
    assert_int_equal(step_of(k, 1), 1);
    clock_advance(&k->f.clk, 100 * NS_PER_S);
    for (size_t i = 0; i < 2; i++)
        s[i] = stats_of(k, i);
    assert_int_equal(s[0].next, 250); /* 200..299 is the first one's, 700..799 the second's */
    assert_int_equal(s[1].next, 700);
    assert_int_equal(s[0].lag_events, 50 + 300 + 1); /* of 400..499, 600.., 800.., and 1000 */
    assert_int_equal(s[1].lag_events, 100 + 100);    /* of 700.., 900.. */
    assert_int_equal(s[0].failures, 3);
    assert_int_equal(s[1].failures, 1);
    assert_int_equal(s[0].lag_ns - s[1].lag_ns, 450 * NS_PER_MS);
    assert_int_equal(stats(k).next, 250);
    assert_int_equal(stats(k).lag_events, s[0].lag_events + s[1].lag_events);
    assert_int_equal(stats(k).lag_ns, s[0].lag_ns);
    assert_int_equal(stats(k).down, 2);
    assert_int_equal(k->notes[CF_DOWN], 2);
}

/* Every number is one shard's, and the three ways to ask agree. */
static void test_spread(void **state)
{
    static const struct ch_spread all[] = {{1, 1}, {7, 1}, {1, 3}, {10, 2}, {64, 5}, {65536, 64}};

    for (size_t t = 0; t < COUNT(all); t++) {
        const struct ch_spread *s = &all[t];
        for (size_t shard = 0; shard < s->shards; shard++) {
            uint64_t below = 0, end = s->window * s->shards * 2 + 3, hop = end > 10000 ? 4093 : 1;
            for (uint64_t seq = 0; seq < end; seq += hop) {
                bool own = seq / s->window % s->shards == shard;
                uint64_t from = ch_spread_from(s, shard, seq);
                assert_int_equal(from == seq, own);
                assert_true(from >= seq && from / s->window % s->shards == shard);
                assert_true(own || from % s->window == 0);
                assert_int_equal(ch_spread_below(s, shard, from), ch_spread_below(s, shard, seq));
                if (hop == 1)
                    assert_int_equal(ch_spread_below(s, shard, seq), below);
                below += own;
            }
        }
    }
}

/* What a file of other shards means for these. */
static void test_respread(void **state)
{
    static const struct {
        struct ch_spread was;
        uint64_t sent[2];
        struct ch_spread to;
        uint64_t asked, low; /* low 0: refused */
        const char *key;
    } rows[] = {
        {{100, 2}, {250, 200}, {100, 3}, 249, 250, NULL},                 /* 300.. is the second's, of it nothing was */
        {{100, 2}, {250, 200}, {100, 3}, 251, 0, "journal.ch_not_level"}, /* a batch arrived unnoted */
        {{100, 2}, {250, 130}, {100, 3}, 249, 0, "journal.ch_not_level"},
        {{100, 2}, {250, 301}, {100, 3}, 301, 0, "journal.ch_not_level"},
        {{100, 2}, {300, 350}, {100, 4}, 350, 350, NULL},
        {{100, 2}, {250, 200}, {50, 2}, 250, 250, NULL}, /* another window */
        {{100, 2}, {250, 200}, {100, 1}, 250, 0, "journal.ch_fewer"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ch_row r = {.sent = {rows[i].sent[0], rows[i].sent[1]}};
        struct err e = {0};
        int rc = ch_position_respread(&r, &rows[i].was, &rows[i].to, rows[i].asked, &e);
        if (rows[i].low == 0) {
            assert_int_equal(rc, -EBADMSG);
            assert_string_equal(e.key, rows[i].key);
            continue;
        }
        assert_int_equal(rc, 0);
        for (size_t k = 0; k < rows[i].to.shards; k++)
            assert_int_equal(r.sent[k], rows[i].low);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest alone[] = {
        cmocka_unit_test_setup_teardown(test_backoff, kit_new, kit_free),
        cmocka_unit_test_setup_teardown(test_state_file, kit_new, kit_free),
        cmocka_unit_test_setup_teardown(test_shards_apart, kit_new, kit_free),
        cmocka_unit_test_setup_teardown(test_relays_numbers, kit_new, kit_free),
        cmocka_unit_test_setup_teardown(test_threads, kit_new, kit_free),
        cmocka_unit_test_setup_teardown(test_relays_wait, kit_new, kit_free),
        cmocka_unit_test_setup_teardown(test_relays_most, kit_new, kit_free),
        cmocka_unit_test(test_spread),
        cmocka_unit_test(test_respread),
    };
    const struct CMUnitTest set[] = {
        cmocka_unit_test_setup_teardown(test_each_once, kit_new, kit_free),
        cmocka_unit_test_setup_teardown(test_threads, kit_new, kit_free),
        cmocka_unit_test_setup_teardown(test_relays_sent, kit_new, kit_free),
        cmocka_unit_test_setup_teardown(test_foreign, kit_new, kit_free),
        cmocka_unit_test_setup_teardown(test_skipped_and_bad, kit_new, kit_free),
        cmocka_unit_test_setup_teardown(test_shards_added, kit_new, kit_free),
        cmocka_unit_test_setup_teardown(test_deleted, kit_new, kit_free),
    };

    const struct CMUnitTest gone[] = {
        cmocka_unit_test_setup_teardown(test_deleted, kit_new, kit_free),
    };

    if (argc < 3)
        return cmocka_run_group_tests_name("journal/ch_feed", alone, NULL, NULL);
    nodes = argv[1];
    cluster = argv[2];
    if (argc > 3) {
        wait_for_kills = true;
        return cmocka_run_group_tests_name("journal/ch_feed deletion", gone, NULL, NULL);
    }
    return cmocka_run_group_tests_name("journal/ch_feed set", set, NULL, NULL);
}
