/* The feed: how it waits out failures, by a clock set by hand; and, when argv
 * names a set (nodes, cluster, the nodes' ability to know a repetition), that
 * each event arrives once, whatever is lost between INSERT and cursor. */
#include "journal/ch_feed.h"
#include "base/file.h"
#include "journal/journal_test-int.h"
#include "journal/sealed.h"
#include <fcntl.h>

enum { BLOCK = 256 << 10 };
static const char *nodes, *cluster;

struct kit {
    struct fixture f;
    struct ch_cfg set;
    struct ch_feed *feed;
    char state[96];
    int notes[4];
    uint64_t n[4];
    char key[64];
};

static void on_note(void *ctx, const struct ch_feed_note *n)
{
    struct kit *k = ctx;

    k->notes[n->event]++;
    k->n[n->event] += n->n;
    snprintf(k->key, sizeof(k->key), "%s", n->why != NULL ? n->why->key : "");
}

static void feed_open(struct kit *k)
{
    struct ch_feed_cfg cfg = {k->f.j, &k->set, k->state, on_note, k};
    struct err e = {0};

    ch_feed_close(k->feed);
    k->feed = NULL;
    assert_int_equal(ch_feed_open(&cfg, &k->f.clk, &k->feed, &e), 0);
}

static int kit_new(void **state)
{
    struct kit *k = calloc(1, sizeof(*k));

    test_dir_make(k->f.dir);
    k->f.clk = clock_manual(TEST_NOW);
    k->f.j = test_open(k->f.dir, BLOCK, &k->f.clk);
    snprintf(k->state, sizeof(k->state), "%s/position", k->f.dir);
    *state = k;
    return 0;
}

static int kit_free(void **state)
{
    struct kit *k = *state;

    ch_feed_close(k->feed);
    journal_close(k->f.j);
    test_dir_drop(k->f.dir);
    free(k);
    return 0;
}

static void fill(struct kit *k, uint64_t from, uint64_t n)
{
    struct err e = {0};

    for (uint64_t i = from; i < from + n; i += 100) {
        assert_int_equal(test_append(k->f.j, i, 100, &e), 0);
        test_wait_sealed(k->f.j); /* or blocks would grow while the sealer is busy */
    }
    reopen(&k->f, BLOCK); /* seals all */
}

static int64_t step(struct kit *k)
{
    int64_t due = 0;

    ch_feed_step(k->feed, &due);
    return (due - clock_mono(&k->f.clk)) / NS_PER_S;
}

static struct ch_feed_stats stats(struct kit *k)
{
    struct ch_feed_stats s;
    ch_feed_stats(k->feed, &s);
    return s;
}

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
        "luy-cluster 1\n",
        "luy-cluster 1\nluy \n",
        "luy-cluster 1\nluy \nx\n",
        "luy-cluster 2\nluy \n5\n",
        "luy-cluster 1\nother \n5\n",
    };
    struct kit *k = *state;

    k->set = (struct ch_cfg){.nodes = STR("http://127.0.0.1:1"), .database = STR("luy")};
    fill(k, 0, 1000);
    for (size_t i = 0; i < COUNT(bad); i++) { /* no cursor of this set: the set must be asked */
        assert_int_equal(file_write_atomic(k->state, str_c(bad[i]), 0600, NULL), 0);
        feed_open(k);
        step(k);
        assert_string_equal(k->key, "journal.ch_unreachable");
        assert_int_equal(stats(k).lag_ns, 0); /* nothing in hand */
    }
    assert_int_equal(file_write_atomic(k->state, STR("luy-cluster 1\nluy \n501\n"), 0600, NULL), 0);
    feed_open(k);
    clock_advance(&k->f.clk, 100 * NS_PER_S);
    step(k);
    assert_int_equal(stats(k).next, 501);
    assert_int_equal(stats(k).lag_events, 500);
    assert_int_equal(stats(k).lag_ns, 100 * NS_PER_S - 500 * NS_PER_MS); /* since event 501 came */
    assert_int_equal(file_write_atomic(k->state, STR("luy-cluster 1\nluy \n5000\n"), 0600, NULL), 0);
    feed_open(k);
    step(k);
    assert_string_equal(k->key, "journal.ch_foreign"); /* another journal's */
}

/* ---- with one ---- */

static void use_set(struct kit *k, const char *database)
{
    k->set = (struct ch_cfg){.nodes = str_c(nodes), .cluster = str_c(cluster), .database = str_c(database)};
}

static void run_dry(struct kit *k)
{
    for (int i = 0; stats(k).lag_events > 0 || stats(k).sent_batches == 0; i++) {
        step(k);
        if (stats(k).down || i > 1000)
            fail_msg("the feed stands still: %s", k->key);
    }
}

struct arrived {
    uint64_t next, n;
};

static bool count_one(void *ctx, const struct hit *h)
{
    struct arrived *a = ctx;
    struct test_line line;
    struct event want = test_event(h->seq - 1, &line);

    assert_true(a->n == 0 || h->seq < a->next); /* falls, so none comes twice */
    assert_true(test_event_same(&want, &h->ev));
    a->next = h->seq;
    a->n++;
    return true;
}

/* What the set has, from any of its nodes; a replica may need a moment. */
static uint64_t in_set(struct kit *k, uint64_t wanted)
{
    struct query all = {.since_ns = INT64_MIN, .until_ns = INT64_MAX};
    struct search_opts o = {.limit = UINT64_MAX};
    struct arrived a;
    struct search_stats st;
    struct ch *c = NULL;
    struct err e = {0};
    int64_t end = clock_mono(&clock_system) + 30 * NS_PER_S;

    assert_int_equal(ch_open(&k->set, &clock_system, &c, &e), 0);
    do {
        a = (struct arrived){0};
        if (ch_search(c, &all, &o, count_one, &a, &st, &e) < 0)
            fail_msg("%s %s", e.key, e.arg[1]);
    } while (a.n < wanted && clock_mono(&clock_system) < end);
    ch_close(c);
    return a.n;
}

static void test_each_once(void **state)
{
    struct kit *k = *state;
    char old[256];
    struct arena a = arena_init(1 << 16);
    str text;

    use_set(k, "luy_feed");
    fill(k, 0, 10000);
    feed_open(k);
    run_dry(k);
    assert_int_equal(stats(k).sent_events, 10000);
    assert_true(stats(k).sent_batches > 2);
    assert_int_equal(stats(k).skipped_events, 0);
    assert_int_equal(in_set(k, 10000), 10000);
    assert_int_equal(step(k), CH_FEED_LOOK_S); /* nothing more */

    /* killed between INSERT and file, at each batch: the file is the one of before */
    for (int round = 0; round < 4; round++) {
        assert_int_equal(file_read(&a, k->state, sizeof(old), &text, NULL), 0);
        snprintf(old, sizeof(old), "%.*s", STR_ARGS(text));
        ch_feed_close(k->feed);
        k->feed = NULL;
        fill(k, 10000 + (uint64_t)round * 1000, 1000);
        feed_open(k);
        run_dry(k);
        assert_int_equal(stats(k).sent_events, 1000);
        assert_int_equal(file_write_atomic(k->state, str_c(old), 0600, NULL), 0);
        feed_open(k);
        run_dry(k); /* the same again */
        assert_int_equal(stats(k).sent_events, 1000);
        assert_int_equal(stats(k).next, 11001 + (uint64_t)round * 1000);
    }
    assert_int_equal(in_set(k, 14000), 14000);

    /* the file is lost: the set knows how far it is */
    assert_int_equal(unlink(k->state), 0);
    ch_feed_close(k->feed);
    k->feed = NULL;
    fill(k, 14000, 1000);
    feed_open(k);
    run_dry(k);
    assert_int_equal(stats(k).sent_events, 1000);
    assert_int_equal(in_set(k, 15000), 15000);
    arena_free(&a);
}

/* A journal that began anew must not mix with what the old one sent. */
static void test_foreign(void **state)
{
    struct kit *k = *state;

    use_set(k, "luy_feed");
    fill(k, 0, 1000);
    feed_open(k);
    assert_int_equal(step(k), 1);
    assert_string_equal(k->key, "journal.ch_foreign");
    assert_int_equal(stats(k).sent_events, 0);
}

static void test_skipped_and_bad(void **state)
{
    struct kit *k = *state;

    use_set(k, "luy_feed_gaps");
    fill(k, 0, 20000);
    feed_open(k);
    step(k);
    uint64_t next = stats(k).next, sent = stats(k).sent_events;
    assert_true(next > 1 && next < 20001);

    struct segment *s = k->f.j->segs[0];
    size_t at = 0;
    while (s->blocks[at].head.first_seq < next)
        at++;
    struct block_head h = s->blocks[at].head;
    char *rubbish = calloc(1, h.length - BLOCK_HEAD_BYTES);
    int fd = open(s->path, O_WRONLY);
    assert_true(fd >= 0);
    assert_true(pwrite(fd, rubbish, h.length - BLOCK_HEAD_BYTES, (off_t)(s->blocks[at].off + BLOCK_HEAD_BYTES)) > 0);
    close(fd);
    free(rubbish);
    pthread_mutex_lock(&k->f.j->lock); /* as retention would: the one behind is gone */
    uint64_t gone = s->blocks[at + 1].head.count;
    memmove(&s->blocks[at + 1], &s->blocks[at + 2], (s->nblocks - at - 2) * sizeof(s->blocks[0]));
    s->nblocks--;
    pthread_mutex_unlock(&k->f.j->lock);
    run_dry(k);
    assert_int_equal(stats(k).bad_events, h.count);
    assert_int_equal(stats(k).skipped_events, gone);
    assert_int_equal(k->n[CF_BAD], h.count);
    assert_int_equal(k->n[CF_SKIPPED], gone);
    assert_int_equal(stats(k).sent_events, 20000 - h.count - gone);
    assert_true(sent < stats(k).sent_events);
    assert_int_equal(in_set(k, 20000 - h.count - gone), 20000 - h.count - gone);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest alone[] = {
        cmocka_unit_test_setup_teardown(test_backoff, kit_new, kit_free),
        cmocka_unit_test_setup_teardown(test_state_file, kit_new, kit_free),
    };
    const struct CMUnitTest set[] = {
        cmocka_unit_test_setup_teardown(test_each_once, kit_new, kit_free),
        cmocka_unit_test_setup_teardown(test_foreign, kit_new, kit_free),
        cmocka_unit_test_setup_teardown(test_skipped_and_bad, kit_new, kit_free),
    };

    if (argc < 3)
        return cmocka_run_group_tests_name("journal/ch_feed", alone, NULL, NULL);
    nodes = argv[1];
    cluster = argv[2];
    return cmocka_run_group_tests_name("journal/ch_feed set", set, NULL, NULL);
}
