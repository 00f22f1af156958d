/* The feed and a set: each event arrives once, whatever is lost; also, without one, its threads. */
#include "journal/ch_feed_test-int.h"

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

    snprintf(head, sizeof(head), "%llu %s ", (unsigned long long)h->seq, h->ev.relay.n > 0 ? h->ev.relay.p : "-");
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
void test_relays_sent(void **state)
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
void test_threads(void **state)
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

void test_each_once(void **state)
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
void test_foreign(void **state)
{
    struct kit *k = *state;

    use_set(k, "luy_feed");
    fill(k, 0, 1000);
    feed_open(k);
    assert_int_equal(step(k), 1);
    assert_string_equal(k->key, "journal.ch_foreign");
    assert_int_equal(stats(k).sent_events, 0);
}

void test_skipped_and_bad(void **state)
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
void test_shards_added(void **state)
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
void test_deleted(void **state)
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
