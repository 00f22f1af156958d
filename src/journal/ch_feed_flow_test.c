/* The feed of flows. Alone: whose a flow is, what waits and what is gone. When argv
 * names a set (nodes, cluster): each flow arrives once, whatever is lost between
 * INSERT and file, and what age deletes goes over there. */
#include "base/file.h"
#include "journal/ch_feed.h"
#include "journal/ch_flow.h"
#include "journal/flow_sealed.h"
#include "journal/flow_test-int.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static const char *nodes = "http://127.0.0.1:1;http://127.0.0.1:1", *cluster = "c";

struct kit {
    struct flow_store *s;
    struct flow_segment *guest;
    struct ch_cfg set;
    struct ch_feed *feed;
    char position[96];
    _Atomic uint64_t n[CF_EVENTS];
    atomic_int said[CF_EVENTS];
    uint32_t window;
};

static void on_note(void *ctx, const struct ch_feed_note *n)
{
    struct kit *k = ctx;

    k->n[n->event] += n->n;
    k->said[n->event]++;
}

static void feed_open(struct kit *k)
{
    struct ch_feed_cfg cfg = {
        .flows = k->s, .set = &k->set, .state = k->position, .note = on_note, .ctx = k, .window = k->window};
    struct err e = {0};

    ch_feed_close(k->feed);
    k->feed = NULL;
    assert_int_equal(ch_feed_open(&cfg, &clk, &k->feed, &e), 0);
}

static struct flow_store *store_of(int days)
{
    struct flow_store_cfg cfg = {.dir = dir, .sync_ms = 100, .block_rows = 2000, .retention_days = days};
    struct flow_store *s = NULL;

    assert_int_equal(flow_store_open(&cfg, &clk, &s, NULL), 0);
    return s;
}

static int kit_new(void **out)
{
    struct kit *k = calloc(1, sizeof(*k));

    clk = clock_manual(TEST_NOW);
    test_dir_make_fast(dir);
    snprintf(guest_dir, sizeof(guest_dir), "%s-guest", dir);
    snprintf(k->position, sizeof(k->position), "%s/position", dir);
    assert_true(flow_batch_init(&batch));
    k->set = (struct ch_cfg){.nodes = str_c(nodes), .cluster = str_c(cluster), .database = STR("luy")};
    k->window = 700;
    *out = k;
    return 0;
}

static int kit_free(void **out)
{
    struct kit *k = *out;

    ch_feed_close(k->feed);
    if (k->guest != NULL) {
        flow_guest_drop(k->s, k->guest);
        flow_guest_unref(k->s, k->guest);
        test_dir_drop(guest_dir);
    }
    flow_store_close(k->s);
    flow_batch_done(&batch);
    test_dir_drop(dir);
    free(k);
    return 0;
}

static void fill(struct kit *k, int batches, int days)
{
    k->s = store_of(days);
    for (int i = 0; i < batches; i++)
        append(k->s, i % 2 != 0);
    flow_store_close(k->s); /* seals the rest */
    k->s = store_of(days);
}

static struct ch_feed_stats stats_of(struct kit *k, size_t shard)
{
    struct ch_feed_stats s;

    ch_feed_stats(k->feed, shard, &s);
    return s;
}

static struct ch_feed_stats stats(struct kit *k) { return stats_of(k, CH_FEED_ALL); }

/* ---- without a set ---- */

static void what_waits(void **unused)
{
    struct kit *k = *unused;
    int64_t due;

    fill(k, 5, 0);
    guests_add(k->s, &k->guest);
    feed_open(k);
    assert_int_equal(stats(k).lag_events, 5 * BATCH + ROWS); /* own and relays' */
    ch_feed_step(k->feed, 0, &due);
    ch_feed_step(k->feed, 1, &due);
    assert_int_equal(k->said[CF_DOWN], 2);
    assert_int_equal(file_write_atomic(k->position, STR("luy-cluster 3\nluy c\n2 700\n 5001 5001\n"), 0600, NULL), 0);
    feed_open(k);
    ch_feed_step(k->feed, 0, &due);
    ch_feed_step(k->feed, 1, &due);
    assert_int_equal(stats(k).lag_events, ROWS);
    assert_int_equal(file_write_atomic(k->position, STR("luy-cluster 3\nluy c\n2 700\n 99999 99999\n"), 0600, NULL), 0);
    feed_open(k);
    ch_feed_step(k->feed, 0, &due);
    assert_int_equal(stats(k).next, 0 + 1); /* another store's file: nothing is taken from it */
}

static bool row_count(void *ctx, uint64_t seq, struct flow_page *p, uint32_t row)
{
    uint64_t *n = ctx;

    assert_int_equal(seq, p->first_seq + row);
    return ++*n < 300;
}

/* What a relay's store does when it is opened again. */
static void guest_again(struct kit *k)
{
    static const char *const names[] = {"xa-dong", "huyen-tay"};
    uint64_t base = 5 * BATCH + 1;

    for (size_t i = 0; i < k->guest->nblocks; i++) {
        const struct flow_stored *b = k->guest->blocks[i];
        assert_int_equal(flow_guest_add(k->s, k->guest, b, base, names[i % 2], NULL), 0);
        base += b->head.rows;
    }
}

static void numbers_see(void *ctx, uint64_t first, uint64_t next) { *(uint64_t *)ctx += next - first; }

static void streams_of_the_store(void **unused)
{
    struct kit *k = *unused;
    struct sealed_block b;
    char relay[64];
    uint64_t n = 0, gone = 0, at, rows = 0, blocks = 0;
    struct err e = {0};

    fill(k, 5, 0);
    assert_true(flow_stream(k->s, 0, relay) && relay[0] == '\0');
    assert_false(flow_stream(k->s, 1, relay));
    guests_add(k->s, &k->guest);
    assert_true(flow_stream(k->s, 2, relay));
    assert_string_equal(relay, "huyen-tay");
    assert_false(flow_stream(k->s, 3, relay));
    assert_int_equal(flow_sealed_block(k->s, 0, 1501, row_count, &n, &b, &e), 1);
    assert_int_equal(n, 300);
    assert_true(b.first <= 1501 && b.next > 1501);
    for (size_t stream = 1; stream <= 2; stream++, blocks++) { /* of each relay every second block */
        for (at = 0; flow_sealed_block(k->s, stream, at, row_count, &n, &b, &e) == 1; at = b.next, blocks++) {
            assert_true(at == 0 ? b.first > 5 * BATCH : b.first > at);
            rows += b.next - b.first;
        }
        assert_int_equal(b.next, at); /* behind the last */
    }
    assert_int_equal(rows, ROWS);
    assert_true(blocks > 4);
    assert_int_equal(flow_gone_numbers(k->s, 0, 1, 100, numbers_see, &gone, &e), -ENODATA); /* no ledger */
    assert_int_equal(flow_gone_numbers(k->s, 1, 0, UINT64_MAX, numbers_see, &gone, &e), 0);
    assert_int_equal(gone, 0);
    int64_t before[4], held = flow_segment_from(k->guest);
    flow_guest_aged(k->s, "xa-dong", held - 5);
    flow_guest_aged(k->s, "huyen-tay", held + 5); /* more than is so: it is kept still */
    flow_streams_gone(k->s, before, COUNT(before));
    assert_true(held <= TEST_NOW && held > TEST_NOW - 26 * 3600 * NS_PER_S);
    assert_int_equal(before[0], 0);
    assert_int_equal(before[1], held - 5);
    assert_int_equal(before[2], held);
    assert_int_equal(before[3], 0);
    flow_guest_drop(k->s, k->guest);
    flow_streams_gone(k->s, before, COUNT(before));
    assert_int_equal(before[2], held + 5);
    for (size_t stream = 1; stream <= 2; stream++)
        assert_int_equal(flow_gone_numbers(k->s, stream, 0, UINT64_MAX, numbers_see, &gone, &e), 0);
    assert_int_equal(gone, ROWS);
    flow_guest_was(k->s, "cu", 1, 50); /* of an earlier run */
    assert_int_equal(flow_gone_numbers(k->s, 3, 20, 30, numbers_see, &gone, &e), 0);
    assert_int_equal(gone, ROWS + 10);
    assert_int_equal(flow_gone_numbers(k->s, 1, 0, UINT64_MAX, numbers_see, &gone, &e), 0); /* who comes again .. */
    uint64_t first = gone - ROWS - 10;
    guest_again(k);
    flow_guest_drop(k->s, k->guest); /* .. and goes again is no more */
    gone = 0;
    assert_int_equal(flow_gone_numbers(k->s, 1, 0, UINT64_MAX, numbers_see, &gone, &e), 0);
    assert_int_equal(gone, first);
}

/* Each shard has a thread, figures are asked and flows come meanwhile. */
struct stepping {
    struct kit *k;
    size_t shard;
    atomic_bool *stop;
};

static void *step_on(void *ctx)
{
    const struct stepping *s = ctx;
    int64_t due;

    while (!atomic_load(s->stop))
        ch_feed_step(s->k->feed, s->shard, &due);
    return NULL;
}

static void *look_on(void *ctx)
{
    const struct stepping *s = ctx;

    while (!atomic_load(s->stop))
        stats(s->k);
    return NULL;
}

static void threads(void **unused)
{
    struct kit *k = *unused;
    atomic_bool stop = false;
    struct stepping s[] = {{k, 0, &stop}, {k, 1, &stop}, {k, 0, &stop}};
    pthread_t t[COUNT(s)];
    struct err e = {0};
    int64_t due;

    fill(k, 5, 30);
    guests_add(k->s, &k->guest);
    assert_int_equal(file_write_atomic(k->position, STR("luy-cluster 3\nluy c\n2 700\n 1 1\n"), 0600, NULL), 0);
    feed_open(k);
    for (size_t i = 0; i < COUNT(s); i++)
        assert_int_equal(pthread_create(&t[i], NULL, i < 2 ? step_on : look_on, &s[i]), 0);
    for (int i = 0; i < 20; i++) {
        append(k->s, false);
        assert_int_equal(flow_store_tick(k->s, &due, &e), 0);
        if (i == 10)
            flow_guest_drop(k->s, k->guest);
    }
    while (stats_of(k, 0).failures == 0 || stats_of(k, 1).failures == 0)
        sched_yield();
    atomic_store(&stop, true);
    for (size_t i = 0; i < COUNT(s); i++)
        pthread_join(t[i], NULL);
    assert_int_equal(k->said[CF_DOWN], 2);
    assert_true(stats(k).lag_events >= 5 * BATCH);
}

/* ---- with a set ---- */

/* Steps until nothing waits; half of the steps are forgotten as by a kill before the file was written. */
static void feed_all(struct kit *k, bool kills)
{
    struct arena a = arena_init(1 << 20);
    int64_t end = clock_mono(&clock_system) + 200 * NS_PER_S, due;
    size_t idle = 0;

    feed_open(k);
    for (size_t at = 0; idle < 2 * ch_feed_shards(k->feed); at++) {
        size_t shard = at % ch_feed_shards(k->feed);
        str before = STR_NONE;
        bool kill = kills && rnd(2) == 0 && file_read(&a, k->position, 1 << 16, &before, NULL) == 0;
        ch_feed_step(k->feed, shard, &due);
        idle = due > clock_mono(&clk) ? idle + 1 : 0;
        if (kill && idle == 0) {
            assert_int_equal(file_write_atomic(k->position, before, 0600, NULL), 0);
            feed_open(k);
        }
        clock_advance(&clk, 2 * NS_PER_S);
        arena_clear(&a);
        if (clock_mono(&clock_system) > end)
            fail_msg("%llu flows wait, %llu tries failed", (unsigned long long)stats(k).lag_events,
                     (unsigned long long)stats(k).failures);
    }
    assert_int_equal(stats(k).lag_events, 0);
    arena_free(&a);
}

static void list(const struct row_source *from, struct listing *l)
{
    const struct row_source *sources[] = {from};
    struct query_env env = {.now_ns = TEST_NOW, .sources = sources, .nsources = 1};
    struct arena a = arena_init(1 << 20);
    struct search_stats st = {0};
    struct err e = {0};
    struct query *q;

    buf_clear(&l->text);
    l->n = 0;
    assert_int_equal(query_parse_env(&a, STR("from:flows"), &env, &q, &e), 0);
    l->q = q;
    if (from->scan(from->ctx, q, NULL, row_list, l, &st, &e) < 0)
        fail_msg("%s %s %s", e.key, e.arg[0], e.arg[1]);
    arena_free(&a);
}

static int set_scan(void *ctx, const struct query *q, const struct search_opts *o, source_row_fn *fn, void *fn_ctx,
                    struct search_stats *st, struct err *e)
{
    return ch_flow_rows(ctx, q, o, fn, fn_ctx, st, e);
}

/* A query may ask any replica, and what one got the others fetch: the same ten times in a row. */
static void same_as_the_store(struct kit *k)
{
    struct ch_cfg cfg = k->set;
    struct row_source own = flow_source(k->s), set = own;
    struct listing a = {0}, b = {0};
    int64_t end = clock_mono(&clock_system) + 120 * NS_PER_S;
    struct ch *c = NULL;

    cfg.kind = CH_FLOWS;
    assert_int_equal(ch_open(&cfg, &clock_system, &c, NULL), 0);
    set.scan = set_scan;
    set.ctx = c;
    buf_init(&a.text, 64 << 20), buf_init(&b.text, 64 << 20);
    list(&own, &a);
    for (int same = 0; same < 10;) {
        list(&set, &b);
        same = a.n == b.n && str_eq(buf_view(&a.text), buf_view(&b.text)) ? same + 1 : 0;
        if (clock_mono(&clock_system) > end)
            fail_msg("%zu flows over there, %zu here\n%.*s\n%.*s", b.n, a.n,
                     STR_ARGS(str_sub(buf_view(&b.text), 0, 400)), STR_ARGS(str_sub(buf_view(&a.text), 0, 400)));
    }
    assert_true(a.n > 0);
    buf_done(&a.text), buf_done(&b.text);
    ch_close(c);
}

static void each_once(void **unused)
{
    struct kit *k = *unused;

    k->set.database = STR("luy_flows_once");
    fill(k, 9, 0);
    feed_all(k, true);
    same_as_the_store(k);
    guests_add(k->s, &k->guest);
    feed_all(k, true);
    same_as_the_store(k);
    assert_int_equal(unlink(k->position), 0); /* the set is asked where it stands */
    append(k->s, true);
    append(k->s, true);
    append(k->s, true);
    feed_all(k, false);
    assert_true(stats(k).sent_events <= 3 * BATCH);
    for (int i = 0; i < CF_EVENTS; i++)
        assert_true(i == CF_UP || i == CF_DOWN || k->said[i] == 0);
}

/* Two days in two files; the first goes by age here and over there. */
static void deleted_by_age(void **unused)
{
    static const int64_t day = 86400 * NS_PER_S;
    struct kit *k = *unused;
    struct flow_store_stats st;
    struct err e = {0};
    int64_t due, began = TEST_NOW;

    k->set.database = STR("luy_flows_aged");
    fill(k, 4, 3);
    clock_advance(&clk, 2 * day);
    now = began + 2 * day;
    for (int i = 0; i < 3; i++)
        append(k->s, false);
    flow_store_close(k->s);
    k->s = store_of(3);
    feed_all(k, false);
    same_as_the_store(k);
    clock_advance(&clk, 3 * day);
    assert_int_equal(flow_store_tick(k->s, &due, &e), 0);
    flow_store_stats(k->s, &st);
    assert_int_equal(st.flows, 3 * BATCH);
    feed_all(k, false);
    int64_t end = clock_mono(&clock_system) + 120 * NS_PER_S;
    while (k->said[CF_DELETED] < (int)ch_feed_shards(k->feed) && clock_mono(&clock_system) < end)
        for (size_t i = 0; i < ch_feed_shards(k->feed); i++) {
            ch_feed_step(k->feed, i, &due);
            clock_advance(&clk, NS_PER_S);
        }
    same_as_the_store(k);
    assert_true(k->n[CF_DELETED] >= 4 * BATCH);
    now = TEST_NOW;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest alone[] = {cmocka_unit_test_setup_teardown(what_waits, kit_new, kit_free),
                                       cmocka_unit_test_setup_teardown(threads, kit_new, kit_free),
                                       cmocka_unit_test_setup_teardown(streams_of_the_store, kit_new, kit_free)};
    const struct CMUnitTest set[] = {cmocka_unit_test_setup_teardown(each_once, kit_new, kit_free),
                                     cmocka_unit_test_setup_teardown(deleted_by_age, kit_new, kit_free),
                                     cmocka_unit_test_setup_teardown(streams_of_the_store, kit_new, kit_free)};

    if (argc < 3)
        return cmocka_run_group_tests_name("journal/ch_feed_flow", alone, NULL, NULL);
    nodes = argv[1];
    cluster = argv[2];
    return cmocka_run_group_tests_name("journal/ch_feed_flow set", set, NULL, NULL);
}
