/* Shared by the feed's tests: a journal, its feed by a clock set by hand, and blocks
 * that relays brought. ch_feed_test.c has main and what needs no set,
 * ch_feed_relay_test.c what is of relays, ch_feed_set_test.c what is asked of a set. */
#ifndef LUY_CH_FEED_TEST_INT_H
#define LUY_CH_FEED_TEST_INT_H
#include "journal/ch_position-int.h"
#include "journal/ch_feed.h"
#include "base/file.h"
#include "base/log.h"
#include "journal/journal_test-int.h"
#include "journal/sealed.h"
#include <fcntl.h>
#include <sys/stat.h>

enum { BLOCK = 256 << 10 };
extern const char *nodes, *cluster;
extern bool wait_for_kills; /* somebody kills a node in the middle and says when */

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

static inline void on_note(void *ctx, const struct ch_feed_note *n)
{
    struct kit *k = ctx;

    k->notes[n->event]++;
    k->n[n->event] += n->n;
    snprintf(k->key, sizeof(k->key), "%s", n->why != NULL ? n->why->key : "");
}

static inline void feed_open(struct kit *k)
{
    struct ch_feed_cfg cfg = {k->f.j, &k->set, k->state, on_note, k, k->window};
    struct err e = {0};

    ch_feed_close(k->feed);
    k->feed = NULL;
    assert_int_equal(ch_feed_open(&cfg, &k->f.clk, &k->feed, &e), 0);
}

static inline int kit_new(void **state)
{
    struct kit *k = calloc(1, sizeof(*k));

    test_dir_make(k->f.dir);
    k->f.clk = clock_manual(TEST_NOW);
    k->f.j = test_open(k->f.dir, BLOCK, &k->f.clk);
    snprintf(k->state, sizeof(k->state), "%s/position", k->f.dir);
    *state = k;
    return 0;
}

static inline int kit_free(void **state)
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

static inline void fill(struct kit *k, uint64_t from, uint64_t n)
{
    struct err e = {0};

    for (uint64_t i = from; i < from + n; i += 100) {
        assert_int_equal(test_append(k->f.j, i, 100, &e), 0);
        test_wait_sealed(k->f.j); /* or blocks would grow while the sealer is busy */
    }
    reopen(&k->f, BLOCK); /* seals all */
}

static inline int64_t step_of(struct kit *k, size_t shard)
{
    int64_t due = 0;

    ch_feed_step(k->feed, shard, &due);
    return (due - clock_mono(&k->f.clk)) / NS_PER_S;
}

/* All shards once; the soonest that one wants another. */
static inline int64_t step(struct kit *k)
{
    int64_t soonest = INT64_MAX;

    for (size_t i = 0; i < ch_feed_shards(k->feed); i++) {
        int64_t due = step_of(k, i);
        soonest = due < soonest ? due : soonest;
    }
    return soonest;
}

static inline struct ch_feed_stats stats_of(struct kit *k, size_t shard)
{
    struct ch_feed_stats s;
    ch_feed_stats(k->feed, shard, &s);
    return s;
}

static inline struct ch_feed_stats stats(struct kit *k) { return stats_of(k, CH_FEED_ALL); }

static inline void state_put(struct kit *k, const char *text)
{
    assert_int_equal(file_write_atomic(k->state, str_c(text), 0600, NULL), 0);
}

static inline void with_ledger(struct kit *k)
{
    struct err e = {0};

    snprintf(k->keys, sizeof(k->keys), "%s-keys", k->f.dir);
    assert_int_equal(vault_open(k->keys, &k->f.clk, &k->v, NULL), 0);
    struct journal_cfg cfg = {.dir = k->f.dir, .sync_ms = 100, .block_bytes = BLOCK, .vault = k->v};
    journal_close(k->f.j);
    assert_int_equal(journal_open(&cfg, &k->f.clk, &k->f.j, &e), 0);
}

/* ---- what relays brought ---- */

/* A block of 500 events; relays take 3000 numbers while it is open. The number of its first event. */
static inline uint64_t block_and_guests(struct kit *k)
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

enum { RELAY_BLOCK = 64 << 10, RELAY_LINES = 3000, GUEST_BLOCKS = 64 };
/* A relay's file, of which block after block arrives. */
struct visitor {
    char dir[80];
    struct segment *s;
    uint64_t base[GUEST_BLOCKS];
    size_t arrived;
};

static inline void guest_make(struct kit *k, struct visitor *g, const char *name)
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
static inline void guest_come(struct kit *k, struct visitor *g, bool again)
{
    struct err e = {0};

    for (size_t i = again ? 0 : g->arrived; i < (again ? g->arrived : g->arrived + 1); i++) {
        if (!again)
            g->base[i] = journal_guest_reserve(k->f.j, g->s->blocks[i].head.count);
        assert_int_equal(journal_guest_add(k->f.j, g->s, &g->s->blocks[i], g->base[i], !again, &e), 0);
    }
    g->arrived += !again;
}

static inline void guest_free(struct kit *k, struct visitor *g)
{
    journal_guest_drop(k->f.j, g->s);
    journal_segment_unref(k->f.j, g->s);
    test_dir_drop(g->dir);
}

/* Numbers are not from + 1 where relays have some. */
static inline int append_at(struct journal *j, uint64_t from, uint32_t n)
{
    struct event_batch b;
    uint64_t first;

    event_batch_init(&b, EVENT_BATCH_MAX);
    int rc = journal_append(j, test_batch(&b, from, n), &first, NULL);
    event_batch_done(&b);
    return rc;
}

/* Two relays and the journal in turns, until each relay has brought `blocks`. */
static inline void all_in_turns(struct kit *k, struct visitor g[2], size_t blocks)
{
    while (g[1].arrived < blocks) {
        guest_come(k, &g[0], false);
        block_and_guests(k);
        guest_come(k, &g[1], false);
    }
}

static inline uint64_t events_in(const struct visitor *g, size_t from, size_t to)
{
    uint64_t n = 0;

    for (size_t i = from; i < to; i++)
        n += g->s->blocks[i].head.count;
    return n;
}

void test_relays_numbers(void **state);
void test_relays_wait(void **state);
void test_relays_most(void **state);
void test_relays_sent(void **state);
void test_threads(void **state);
void test_each_once(void **state);
void test_foreign(void **state);
void test_skipped_and_bad(void **state);
void test_shards_added(void **state);
void test_deleted(void **state);
#endif
