/* The feed: how it waits out failures, by a clock set by hand; and, when argv
 * names a set (nodes, cluster, the nodes' ability to know a repetition), that
 * each event arrives once, whatever is lost between INSERT and cursor. */
#include "journal/ch_position-int.h"
#include "journal/ch_feed.h"
#include "base/file.h"
#include "base/log.h"
#include "journal/journal_test-int.h"
#include "journal/sealed.h"
#include <fcntl.h>
#include <sys/stat.h>

enum { BLOCK = 256 << 10 };
static const char *nodes, *cluster;

struct kit {
    struct fixture f;
    struct ch_cfg set;
    struct ch_feed *feed;
    char state[96];
    uint32_t window;
    int notes[CF_EVENTS];
    uint64_t n[CF_EVENTS];
    char key[64];
    struct vault *v; /* with_ledger */
    char keys[96];
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
    struct ch_feed_cfg cfg = {k->f.j, &k->set, k->state, on_note, k, k->window};
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
    if (k->v != NULL) {
        vault_close(k->v);
        test_dir_drop(k->keys);
    }
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

static int64_t step_of(struct kit *k, size_t shard)
{
    int64_t due = 0;

    ch_feed_step(k->feed, shard, &due);
    return (due - clock_mono(&k->f.clk)) / NS_PER_S;
}

/* All shards once; the soonest that one wants another. */
static int64_t step(struct kit *k)
{
    int64_t soonest = INT64_MAX;

    for (size_t i = 0; i < ch_feed_shards(k->feed); i++) {
        int64_t due = step_of(k, i);
        soonest = due < soonest ? due : soonest;
    }
    return soonest;
}

static struct ch_feed_stats stats_of(struct kit *k, size_t shard)
{
    struct ch_feed_stats s;
    ch_feed_stats(k->feed, shard, &s);
    return s;
}

static struct ch_feed_stats stats(struct kit *k) { return stats_of(k, CH_FEED_ALL); }

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

static void state_put(struct kit *k, const char *text)
{
    assert_int_equal(file_write_atomic(k->state, str_c(text), 0600, NULL), 0);
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

/* ---- numbers that went to a relay's blocks ---- */

static void with_ledger(struct kit *k)
{
    struct err e = {0};

    snprintf(k->keys, sizeof(k->keys), "%s-keys", k->f.dir);
    assert_int_equal(vault_open(k->keys, &k->f.clk, &k->v, NULL), 0);
    struct journal_cfg cfg = {.dir = k->f.dir, .sync_ms = 100, .block_bytes = BLOCK, .vault = k->v};
    journal_close(k->f.j);
    assert_int_equal(journal_open(&cfg, &k->f.clk, &k->f.j, &e), 0);
}

/* A block of 500 events; relays take 3000 numbers while it is open. The number of its first event. */
static uint64_t block_and_guests(struct kit *k)
{
    struct event_batch b;
    struct err e = {0};
    uint64_t first = 0;
    int64_t due;

    event_batch_init(&b, EVENT_BATCH_MAX);
    assert_int_equal(journal_append(k->f.j, test_batch(&b, 0, 500), &first, NULL), 0);
    event_batch_done(&b);
    assert_true(journal_guest_reserve(k->f.j, 3000) >= first + 500);
    clock_advance(&k->f.clk, 3600 * NS_PER_S);
    assert_int_equal(journal_tick(k->f.j, &due, &e), 0);
    test_wait_sealed(k->f.j);
    return first;
}

static void drop_block(struct kit *k, size_t at)
{
    struct segment *s = k->f.j->segs[0];

    pthread_mutex_lock(&k->f.j->lock); /* as retention would */
    memmove(&s->blocks[at], &s->blocks[at + 1], (s->nblocks - at - 1) * sizeof(s->blocks[0]));
    s->nblocks--;
    pthread_mutex_unlock(&k->f.j->lock);
}

/* They are neither behind nor skipped; an event that is gone is, and no other number. */
static void test_relays_numbers(void **state)
{
    struct kit *k = *state;
    uint64_t first[5];

    k->set = (struct ch_cfg){.nodes = STR("http://127.0.0.1:1"), .database = STR("luy")};
    with_ledger(k);
    for (size_t i = 0; i < COUNT(first); i++)
        first[i] = block_and_guests(k);
    assert_true(first[0] == 1 && first[1] > 3500 && first[4] > first[3] + 3500);
    assert_int_equal(k->f.j->nsegs, 1);
    assert_int_equal(k->f.j->segs[0]->nblocks, COUNT(first));

    state_put(k, "luy-cluster 3\nluy \n1 65536\n 501\n"); /* the first block was sent */
    feed_open(k);
    step(k);
    assert_string_equal(k->key, "journal.ch_unreachable"); /* the second is in hand */
    assert_int_equal(stats(k).skipped_events, 0);
    assert_int_equal(stats(k).lag_events, 4 * 500);
    assert_int_equal(k->notes[CF_SKIPPED], 0);

    drop_block(k, 1);
    drop_block(k, 1);
    step(k);
    step(k);
    assert_int_equal(stats(k).skipped_events, 2 * 500);
    assert_int_equal(k->n[CF_SKIPPED], 2 * 500);
    assert_int_equal(stats(k).next, first[3]);
    assert_int_equal(stats(k).lag_events, 2 * 500);
}

/* ---- what relays brought ---- */

enum { RELAY_BLOCK = 64 << 10, RELAY_LINES = 3000, GUEST_BLOCKS = 64 };
/* A relay's file, of which block after block arrives. */
struct visitor {
    char dir[80];
    struct segment *s;
    uint64_t base[GUEST_BLOCKS];
    size_t arrived;
};

static void guest_make(struct kit *k, struct visitor *g, const char *name)
{
    struct journal *j;
    struct err e = {0};
    uint64_t torn = 0;
    char file[300];

    *g = (struct visitor){.arrived = 0};
    snprintf(g->dir, sizeof(g->dir), "%s-%s", k->f.dir, name);
    assert_int_equal(mkdir(g->dir, 0700), 0);
    j = test_open(g->dir, RELAY_BLOCK, &k->f.clk);
    for (uint64_t i = 0; i < RELAY_LINES; i += 100) {
        assert_int_equal(test_append(j, i, 100, &e), 0);
        test_wait_sealed(j);
    }
    assert_int_equal(j->nsegs, 1);
    snprintf(file, sizeof(file), "%s", strrchr(j->segs[0]->path, '/') + 1);
    journal_close(j);
    assert_int_equal(segment_open(g->dir, file, UINT64_MAX, &g->s, &torn, &e), 0);
    assert_true(g->s->nblocks > 2 && g->s->nblocks <= GUEST_BLOCKS);
    g->s->refs = 1;
    snprintf(g->s->relay, sizeof(g->s->relay), "%s", name);
}

/* Its next block; again after a restart: those that had come. */
static void guest_come(struct kit *k, struct visitor *g, bool again)
{
    struct err e = {0};

    for (size_t i = again ? 0 : g->arrived; i < (again ? g->arrived : g->arrived + 1); i++) {
        if (!again)
            g->base[i] = journal_guest_reserve(k->f.j, g->s->blocks[i].head.count);
        assert_int_equal(journal_guest_add(k->f.j, g->s, &g->s->blocks[i], g->base[i], !again, &e), 0);
    }
    g->arrived += !again;
}

static void guest_free(struct kit *k, struct visitor *g)
{
    journal_guest_drop(k->f.j, g->s);
    journal_segment_unref(k->f.j, g->s);
    test_dir_drop(g->dir);
}

/* Numbers are not from + 1 where relays have some. */
static int append_at(struct journal *j, uint64_t from, uint32_t n)
{
    struct event_batch b;
    uint64_t first;

    event_batch_init(&b, EVENT_BATCH_MAX);
    int rc = journal_append(j, test_batch(&b, from, n), &first, NULL);
    event_batch_done(&b);
    return rc;
}

/* Two relays and the journal in turns, until each relay has brought `blocks`. */
static void all_in_turns(struct kit *k, struct visitor g[2], size_t blocks)
{
    while (g[1].arrived < blocks) {
        guest_come(k, &g[0], false);
        block_and_guests(k);
        guest_come(k, &g[1], false);
    }
}

static uint64_t events_in(const struct visitor *g, size_t from, size_t to)
{
    uint64_t n = 0;

    for (size_t i = from; i < to; i++)
        n += g->s->blocks[i].head.count;
    return n;
}

/* Each relay has a place of its own, lags by its own lines, and what is deleted of it before it was sent is skipped. */
static void test_relays_wait(void **state)
{
    struct kit *k = *state;
    struct visitor g[2];
    char text[256];

    k->set = (struct ch_cfg){.nodes = STR("http://127.0.0.1:1"), .database = STR("luy")};
    guest_make(k, &g[0], "r1");
    guest_make(k, &g[1], "r2");
    all_in_turns(k, g, 3);
    uint64_t own_end = journal_next(k->f.j);
    snprintf(text, sizeof(text), "luy-cluster 3\nluy \n1 65536\n %llu\nr1 %llu\n", (unsigned long long)own_end,
             (unsigned long long)g[0].base[1]);
    state_put(k, text);
    feed_open(k);
    step(k);
    assert_string_equal(k->key, "journal.ch_unreachable");
    assert_int_equal(stats(k).lag_events, events_in(&g[0], 1, 3) + events_in(&g[1], 0, 3));
    assert_int_equal(stats(k).skipped_events, 0);
    assert_true(stats(k).lag_since != 0);

    journal_guest_drop(k->f.j, g[0].s); /* all of r1 goes, and one block comes */
    assert_int_equal(stats(k).lag_events, events_in(&g[1], 0, 3));
    g[0].base[2] = journal_guest_reserve(k->f.j, g[0].s->blocks[2].head.count);
    assert_int_equal(journal_guest_add(k->f.j, g[0].s, &g[0].s->blocks[2], g[0].base[2], true, NULL), 0);
    for (int i = 0; i < 4; i++)
        step(k);
    assert_int_equal(stats(k).skipped_events, events_in(&g[0], 1, 3));
    assert_int_equal(k->n[CF_SKIPPED], events_in(&g[0], 1, 3));
    assert_int_equal(stats(k).lag_events, events_in(&g[0], 2, 3) + events_in(&g[1], 0, 3));
    for (size_t i = 0; i < 2; i++)
        guest_free(k, &g[i]);
}

/* As many relays as there may be are looked at; one more is said. */
static void test_relays_most(void **state)
{
    struct kit *k = *state;
    char name[16];

    k->set = (struct ch_cfg){.nodes = STR("http://127.0.0.1:1"), .database = STR("luy")};
    state_put(k, "luy-cluster 3\nluy \n1 65536\n 1\n");
    feed_open(k);
    for (int i = 1; i < CH_STREAMS_MAX; i++) {
        snprintf(name, sizeof(name), "r%d", i);
        journal_guest_was(k->f.j, name, (uint64_t)i, 1);
    }
    assert_int_equal(step(k), CH_FEED_LOOK_S);
    assert_int_equal(stats(k).down, 0);
    journal_guest_was(k->f.j, "one-more", 5000, 1);
    step(k);
    assert_string_equal(k->key, "journal.ch_streams");
    assert_int_equal(stats(k).down, 1);
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

/* ---- with one ---- */

static void use_set(struct kit *k, const char *database)
{
    k->window = 2000; /* so that few events go round */
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
    int64_t end = clock_mono(&clock_system) + 120 * NS_PER_S;

    assert_int_equal(ch_open(&k->set, &clock_system, &c, &e), 0);
    do {
        a = (struct arrived){0};
        if (ch_search(c, &all, &o, count_one, &a, &st, &e) < 0)
            fail_msg("%s %s", e.key, e.arg[1]);
    } while (a.n < wanted && clock_mono(&clock_system) < end);
    ch_close(c);
    return a.n;
}

struct digest {
    uint64_t n;
    struct sha256_stream *h;
    struct sha256 sum;
};

static bool digest_one(void *ctx, const struct hit *h)
{
    struct digest *d = ctx;
    char head[128];

    snprintf(head, sizeof(head), "%llu %s ", (unsigned long long)h->seq, h->relay != NULL ? h->relay : "-");
    sha256_more(d->h, str_c(head));
    sha256_more(d->h, h->ev.raw);
    d->n++;
    return true;
}

/* The set's answer to everything is the journal's, number by number, with who brought it. */
static void same_as_journal(struct kit *k, uint64_t wanted)
{
    struct query all = {.since_ns = INT64_MIN, .until_ns = INT64_MAX};
    struct search_opts o = {.limit = UINT64_MAX};
    struct digest here = {.h = sha256_begin()}, there;
    int64_t end = clock_mono(&clock_system) + 120 * NS_PER_S;
    struct search_stats st;
    struct ch *c = NULL;
    struct err e = {0};

    assert_int_equal(journal_search(k->f.j, &all, &o, digest_one, &here, &st, &e), 0);
    here.sum = sha256_end(here.h);
    assert_int_equal(here.n, wanted);
    assert_int_equal(ch_open(&k->set, &clock_system, &c, &e), 0);
    do {
        there = (struct digest){.h = sha256_begin()};
        if (ch_search(c, &all, &o, digest_one, &there, &st, &e) < 0)
            fail_msg("%s %s", e.key, e.arg[1]);
        there.sum = sha256_end(there.h);
    } while (there.n != wanted && clock_mono(&clock_system) < end);
    ch_close(c);
    assert_int_equal(there.n, wanted);
    assert_memory_equal(&here.sum, &there.sum, sizeof(here.sum));
}

/* The journal and two relays, whose numbers lie between one another: each line once, by whom it came, through
 * kills between INSERT and file, and a lost file. */
static void test_relays_sent(void **state)
{
    struct kit *k = *state;
    struct visitor g[2];
    char old[512];
    struct arena a = arena_init(1 << 16);
    str text;

    use_set(k, "luy_feed_relays");
    with_ledger(k);
    k->window = 500;
    guest_make(k, &g[0], "r1");
    guest_make(k, &g[1], "r2");
    feed_open(k);
    all_in_turns(k, g, 1);
    run_dry(k);
    uint64_t had = stats(k).sent_events;
    same_as_journal(k, 500 + events_in(&g[0], 0, 1) + events_in(&g[1], 0, 1));
    assert_int_equal(file_read(&a, k->state, sizeof(old), &text, NULL), 0);
    snprintf(old, sizeof(old), "%.*s", STR_ARGS(text));
    all_in_turns(k, g, 2);
    run_dry(k);
    uint64_t more = stats(k).sent_events - had, all = had + more;
    same_as_journal(k, all);
    assert_int_equal(stats(k).skipped_events, 0);

    assert_int_equal(file_write_atomic(k->state, str_c(old), 0600, NULL), 0); /* killed before it was written */
    feed_open(k);
    run_dry(k);
    assert_int_equal(stats(k).sent_events, more);
    same_as_journal(k, all);

    assert_int_equal(unlink(k->state), 0); /* lost: the set says how far it is with each */
    all_in_turns(k, g, 3);
    feed_open(k);
    run_dry(k);
    assert_int_equal(stats(k).sent_events, 500 + events_in(&g[0], 2, 3) + events_in(&g[1], 2, 3));
    same_as_journal(k, all + stats(k).sent_events);

    /* of r2 all is past its age, of r1 and the journal nothing */
    uint64_t kept = all + stats(k).sent_events - events_in(&g[1], 0, 3), gone = events_in(&g[1], 0, 3);
    journal_guest_drop(k->f.j, g[1].s);
    journal_guest_aged(k->f.j, "r2", TEST_NOW + 400 * 86400 * NS_PER_S);
    int64_t end = clock_mono(&clock_system) + 120 * NS_PER_S;
    while (stats(k).deleted_events < gone && clock_mono(&clock_system) < end) {
        clock_advance(&k->f.clk, 2 * NS_PER_S);
        step(k);
    }
    assert_int_equal(stats(k).deleted_events, gone);
    same_as_journal(k, kept);
    for (size_t i = 0; i < 2; i++)
        guest_free(k, &g[i]);
    arena_free(&a);
}

struct stepper {
    struct kit *k;
    size_t shard;
    pthread_t thread;
    atomic_bool *stop;
};

static void *step_on(void *arg)
{
    const struct stepper *s = arg;
    int64_t due;

    while (!atomic_load(s->stop))
        ch_feed_step(s->k->feed, s->shard, &due);
    return NULL;
}

static void no_note(void *ctx, const struct ch_feed_note *n) { (void)ctx, (void)n; }

/* All that is there is sealed, sent, and the same. */
static void end_same(struct kit *k, uint64_t events)
{
    struct err e = {0};
    int64_t due;

    clock_advance(&k->f.clk, 3600 * NS_PER_S);
    assert_int_equal(journal_tick(k->f.j, &due, &e), 0);
    test_wait_sealed(k->f.j);
    feed_open(k);
    run_dry(k);
    same_as_journal(k, events);
}

/* As in luyd: a thread for each shard, one that asks for figures, and the journal grows and is emptied beside them,
 * while relays come and go. */
static void test_threads(void **state)
{
    struct kit *k = *state;
    struct visitor g[2];
    struct stepper t[8];
    atomic_bool stop = false;
    struct err e = {0};

    if (nodes != NULL)
        use_set(k, "luy_feed_threads");
    else
        k->set = (struct ch_cfg){
            .nodes = STR("http://127.0.0.1:1;http://127.0.0.1:1"), .cluster = STR("c"), .database = STR("luy")};
    with_ledger(k);
    k->window = 700;
    struct ch_feed_cfg cfg = {k->f.j, &k->set, k->state, no_note, NULL, k->window};
    assert_int_equal(ch_feed_open(&cfg, &k->f.clk, &k->feed, &e), 0);
    if (nodes == NULL)
        state_put(k, "luy-cluster 3\nluy c\n2 700\n 1 1\n");
    size_t n = ch_feed_shards(k->feed);
    assert_true(n <= COUNT(t));
    guest_make(k, &g[0], "r1");
    guest_make(k, &g[1], "r2");
    for (size_t i = 0; i < n; i++) {
        t[i] = (struct stepper){.k = k, .shard = i, .stop = &stop};
        assert_int_equal(pthread_create(&t[i].thread, NULL, step_on, &t[i]), 0);
    }
    for (uint64_t i = 0; i < 20000; i += 100) {
        assert_int_equal(append_at(k->f.j, i, 100), 0);
        if (i % 2000 == 0 && i / 2000 < 6)
            guest_come(k, &g[i / 2000 % 2], false);
        if (i % 3000 == 0) { /* a store is closed and opened again */
            journal_guest_drop(k->f.j, g[0].s);
            guest_come(k, &g[0], true);
        }
        assert_true(stats(k).lag_events <= 20000 + 2 * RELAY_LINES);
        journal_retain(k->f.j);
    }
    test_wait_sealed(k->f.j);
    int64_t end = clock_mono(&clock_system) + 120 * NS_PER_S;
    while ((nodes != NULL ? stats(k).lag_events > 0 : stats(k).failures < 20) && clock_mono(&clock_system) < end)
        sched_yield();
    struct ch_feed_stats s = stats(k);
    ch_feed_stop(k->feed);
    atomic_store(&stop, true);
    for (size_t i = 0; i < n; i++)
        pthread_join(t[i].thread, NULL);
    assert_int_equal(s.skipped_events + s.bad_events, 0);
    if (nodes == NULL) {
        assert_true(s.failures >= 20);
    } else {
        assert_int_equal(s.lag_events, 0);
        assert_true(s.sent_events > 0);
        end_same(k, 20000 + events_in(&g[0], 0, g[0].arrived) + events_in(&g[1], 0, g[1].arrived));
    }
    for (size_t i = 0; i < 2; i++)
        guest_free(k, &g[i]);
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

/* One shard more, as far as the rule goes: another window. The file says where it began; without it the set does. */
static void test_shards_added(void **state)
{
    struct kit *k = *state;

    use_set(k, "luy_feed_turns");
    fill(k, 0, 9000);
    feed_open(k);
    run_dry(k);
    k->window = 700;
    feed_open(k); /* all stand at one number */
    fill(k, 9000, 3000);
    feed_open(k);
    run_dry(k);
    assert_int_equal(stats(k).sent_events, 3000);
    assert_int_equal(in_set(k, 12000), 12000);
    assert_int_equal(unlink(k->state), 0);
    fill(k, 12000, 1000);
    feed_open(k);
    run_dry(k);
    assert_int_equal(stats(k).sent_events, 1000);
    assert_int_equal(in_set(k, 13000), 13000);

    /* now one is behind */
    fill(k, 13000, 3000);
    k->window = 900;
    if (ch_feed_shards(k->feed) < 2)
        return;
    state_put(k, "luy-cluster 3\nluy_feed_turns luy\n2 700\n 13001 12500\n");
    feed_open(k);
    step(k);
    assert_string_equal(k->key, "journal.ch_not_level");
    assert_int_equal(stats(k).sent_events, 0);
    assert_int_equal(stats(k).down, 2);
}

/* ---- what the journal deletes by age ---- */

enum { A_DAY = 1000 };
static bool wait_for_kills; /* somebody kills a node in the middle and says when */

static void a_day(struct kit *k, uint64_t from, int day)
{
    struct event_batch b;
    struct test_line line;
    struct err e = {0};
    uint64_t first;

    event_batch_init(&b, EVENT_BATCH_MAX);
    for (uint64_t i = from; i < from + A_DAY; i += 100) {
        event_batch_clear(&b);
        for (uint64_t n = i; n < i + 100; n++) {
            struct event ev = test_event(n, &line);
            ev.received_ns += day * 86400 * NS_PER_S;
            assert_true(event_batch_add(&b, &ev));
        }
        assert_int_equal(journal_append(k->f.j, event_batch_seal(&b), &first, &e), 0);
        assert_int_equal(first, i + 1);
    }
    event_batch_done(&b);
    reopen(&k->f, BLOCK);
}

struct oldest {
    uint64_t n;
    int64_t received;
};

static bool see_oldest(void *ctx, const struct hit *h)
{
    struct oldest *o = ctx;

    o->n++;
    o->received = h->ev.received_ns < o->received ? h->ev.received_ns : o->received;
    return true;
}

/* A replica may need a moment for what the other got. */
static struct oldest oldest_in_set(struct kit *k, uint64_t wanted)
{
    int64_t end = clock_mono(&clock_system) + 120 * NS_PER_S;
    struct query all = {.since_ns = INT64_MIN, .until_ns = INT64_MAX};
    struct search_opts so = {.limit = UINT64_MAX};
    struct oldest o;
    struct search_stats st;
    struct ch *c = NULL;
    struct err e = {0};

    assert_int_equal(ch_open(&k->set, &clock_system, &c, &e), 0);
    do {
        o = (struct oldest){0, INT64_MAX};
        if (ch_search(c, &all, &so, see_oldest, &o, &st, &e) < 0)
            fail_msg("%s %s", e.key, e.arg[1]);
    } while (o.n != wanted && clock_mono(&clock_system) < end);
    ch_close(c);
    assert_int_equal(o.n, wanted);
    return o;
}

static void gone_after(struct kit *k, int days, uint64_t deleted)
{
    int64_t end = clock_mono(&clock_system) + 120 * NS_PER_S;

    clock_advance(&k->f.clk, days * 86400 * NS_PER_S);
    journal_retain(k->f.j);
    while (stats(k).deleted_events < deleted && clock_mono(&clock_system) < end) {
        clock_advance(&k->f.clk, 2 * NS_PER_S);
        step(k);
    }
    assert_int_equal(stats(k).deleted_events, deleted);
    assert_int_equal(k->n[CF_DELETED], deleted);
}

/* A whole month goes as one, a day of a month leaves the rest of it, and what the journal still has stays. */
static void test_deleted(void **state)
{
    struct kit *k = *state;
    char line[16];

    log_set_level(LOG_ERROR - 1);
    use_set(k, wait_for_kills ? "luy_feed_gone" : "luy_feed_age");
    k->window = 250;
    a_day(k, 0, 0); /* November */
    a_day(k, A_DAY, 4);
    a_day(k, 2 * A_DAY, 18); /* December */
    a_day(k, 3 * A_DAY, 25);
    a_day(k, 4 * A_DAY, 45); /* January */
    feed_open(k);
    run_dry(k);
    assert_int_equal(stats(k).sent_events, 5 * A_DAY);
    if (wait_for_kills) {
        printf("filled\n");
        fflush(stdout);
        assert_non_null(fgets(line, sizeof(line), stdin));
    }
    clock_advance(&k->f.clk, 45 * 86400 * NS_PER_S);
    journal_retain(k->f.j); /* sees the clock */
    for (int i = 0; i < 70; i++)
        step(k);
    assert_int_equal(stats(k).deleted_events, 0); /* no age is set */

    k->f.j->cfg.retention_days = 30;
    gone_after(k, 1, 2 * A_DAY);
    struct oldest o = oldest_in_set(k, 3 * A_DAY);
    assert_int_equal(o.received, TEST_NOW + 2 * A_DAY * NS_PER_MS + 18 * 86400 * NS_PER_S);
    gone_after(k, 4, 3 * A_DAY);
    o = oldest_in_set(k, 2 * A_DAY);
    assert_int_equal(o.received, TEST_NOW + 3 * A_DAY * NS_PER_MS + 25 * 86400 * NS_PER_S);
    assert_true(wait_for_kills || stats(k).delete_failures == 0);
    assert_int_equal(stats(k).lag_events, 0);
    assert_int_equal(stats(k).skipped_events, 0);
    log_set_level(LOG_INFO);
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
