/* Flows in the ClickHouse set against the flow store: random flows, random
 * questions, the same answers. argv: nodes, cluster. The set is empty at first. */
#include "journal/ch_flow-int.h"
#include "journal/flow_test-int.h"
#include <stdlib.h>

enum { INSERT_ROWS = 700, ASKED = 250, TREES = 250 };
static const char *nodes, *cluster;
struct kit {
    struct ch *c;
    struct flow_store *s;
    struct flow_segment *guest;
    struct flow_nets nets;
    struct row_source own, set;
    uint64_t want[CH_SHARDS_MAX], rows, next; /* next: behind the largest number */
    int folded;
};

/* ---- the same flows on both sides ---- */

struct sending {
    struct kit *k;
    struct ch_batch batch;
    uint64_t batches;
};

static void send(struct sending *s)
{
    size_t shard = s->batches % ch_shards(s->k->c);
    struct err e = {0};

    if (ch_insert(s->k->c, shard, &s->batch, &e) < 0)
        fail_msg("%s %s %s", e.key, e.arg[0], e.arg[1]);
    s->batch.again = true; /* a retry after a lost answer, of a table that keeps no digests too */
    if (s->batches % 3 == 0)
        assert_int_equal(ch_insert(s->k->c, shard, &s->batch, &e), 0);
    s->k->want[shard] += s->batch.rows;
    s->k->rows += s->batch.rows;
    s->k->next = s->batch.last >= s->k->next ? s->batch.last + 1 : s->k->next;
    s->batches++;
    ch_batch_clear(&s->batch);
}

static int page_send(void *ctx, struct flow_page *p)
{
    struct sending *s = ctx;
    str relay = flow_guest_relay(s->k->s, p->relay);

    for (uint32_t i = 0; i < p->n; i++) {
        s->batch.relay = relay.n > 0 ? relay.p : NULL;
        assert_true(ch_batch_add_flow(&s->batch, p->first_seq + i, p, i));
        if (s->batch.rows == INSERT_ROWS || i + 1 == p->n)
            send(s);
    }
    return 0;
}

static void wait_replicas(struct kit *k)
{
    int64_t end = clock_mono(&clock_system) + 120 * NS_PER_S;

    for (size_t s = 0; s < k->c->n; s++)
        for (size_t r = 0; r < k->c->shard[s].n;) {
            uint64_t rows = 0;
            struct err e = {0};
            if (ch_number(k->c, &k->c->shard[s].node[r], "SELECT count() FROM flow_local", &rows, &e) < 0)
                fail_msg("%s %s %s", e.key, e.arg[0], e.arg[1]);
            r += rows == k->want[s];
            if (clock_mono(&clock_system) > end)
                fail_msg("shard %zu: %llu rows of %llu", s, (unsigned long long)rows, (unsigned long long)k->want[s]);
        }
}

static int set_scan(void *ctx, const struct query *q, const struct search_opts *o, source_row_fn *fn, void *fn_ctx,
                    struct search_stats *st, struct err *e)
{
    return ch_flow_rows(((struct kit *)ctx)->c, q, o, fn, fn_ctx, st, e);
}

static int set_fold(void *ctx, const struct query *q, const struct search_opts *o, uint64_t want, source_group_fn *fn,
                    void *fn_ctx, struct search_stats *st, struct err *e)
{
    struct kit *k = ctx;
    int rc = ch_flow_fold(k->c, q, o, fn, fn_ctx, st, e);

    k->folded += rc == 0;
    return rc;
}

static int set_up(void **out)
{
    struct kit *k = calloc(1, sizeof(*k));
    struct ch_cfg cfg = {
        .nodes = str_c(nodes), .cluster = str_c(cluster), .database = STR("luy_test"), .kind = CH_FLOWS};
    struct flow_scan_opts all = {.since_ns = INT64_MIN, .until_ns = INT64_MAX};
    struct flow_scan_stats st = {0};
    struct sending s = {.k = k};
    struct err e = {0};

    clk = clock_manual(TEST_NOW);
    test_dir_make_fast(dir);
    snprintf(guest_dir, sizeof(guest_dir), "%s-guest", dir);
    assert_true(flow_batch_init(&batch));
    assert_int_equal(ch_open(&cfg, &clock_system, &k->c, &e), 0);
    if (ch_setup(k->c, &e) < 0)
        fail_msg("%s %s %s", e.key, e.arg[0], e.arg[1]);
    assert_int_equal(ch_setup(k->c, &e), 0); /* once more changes nothing */
    k->s = store();
    for (int i = 0; i < ROWS / BATCH; i++)
        append(k->s, i % 2 != 0);
    guests_add(k->s, &k->guest);
    ch_batch_init(&s.batch);
    assert_int_equal(flow_store_scan(k->s, &all, page_send, &s, &st, &e), 0);
    ch_batch_done(&s.batch);
    wait_replicas(k);
    k->nets.load = nets_load;
    k->own = flow_source(k->s);
    k->own.more = &k->nets;
    k->set = k->own;
    k->set.scan = set_scan;
    k->set.fold = set_fold;
    k->set.ctx = k;
    *out = k;
    return 0;
}

static int tear_down(void **out)
{
    struct kit *k = *out;

    if (k == NULL)
        return 0;
    ch_close(k->c);
    flow_guest_drop(k->s, k->guest);
    flow_guest_unref(k->s, k->guest);
    flow_store_close(k->s);
    flow_batch_done(&batch);
    test_dir_drop(guest_dir);
    test_dir_drop(dir);
    free(k);
    return 0;
}

static struct query *parse(struct arena *a, const struct row_source *from, str text)
{
    const struct row_source *sources[] = {from};
    struct query_env env = {.now_ns = TEST_NOW, .sources = sources, .nsources = 1};
    struct query *q;
    struct err e = {0};

    if (query_parse_env(a, text, &env, &q, &e) < 0)
        fail_msg("%.*s: %s %s", STR_ARGS(text), e.key, e.arg[0]);
    return q;
}

/* ---- rows ---- */

static void term(struct buf *q)
{
    static const char *const terms[] = {
        "src:10.0.0.0/28",
        "src:0.0.0.0",
        "NOT src:0.0.0.0/0",
        "dst:fd00::/8",
        "dst:0.0.0.0/0",
        "src:::/0",
        "NOT dst:::/0",
        "src:10.0.0.3",
        "next_hop:0.0.0.0",
        "nat_src:*",
        "src:*",
        "src_port:<30",
        "dst_port:7",
        "dst_port:>=65535",
        "bytes:>1000",
        "bytes:>9223372036854775806",
        "bytes:<=0",
        "packets:3..9",
        "packets:<0",
        "packets:>-5",
        "packets:1.5..3.5",
        "packets_back:0",
        "tos:8",
        "tos:9",
        "proto:tcp",
        "proto:6",
        "proto:254",
        "proto:t*",
        "proto_number:6",
        "tcp_flags:*S*",
        "tcp_flags:\"\"",
        "exporter:192.0.2.0/31",
        "exporter:192.0.2.1",
        "exporter:::/0",
        "domain:2",
        "domain:>=1",
        "relay:xa-dong",
        "relay:*",
        "NOT relay:*tay",
        "relay:\"\"",
        "relay:?a*",
        "src_mac:*",
        "src_mac:00:*",
        "start:*",
        "start:\"\"",
        "duration:<1s",
        "src_zone:DMZ",
        "NOT dst_unit:*",
        "src_as:1..20",
        "in_if:<5",
        "at:>2026-11-21",
        "end:<2026-11-21",
    };
    buf_z(q, ONE_OF(terms));
}

static void tree(struct buf *q, int depth)
{
    uint64_t what = rnd(depth > 2 ? 2 : 6);

    if (what < 3) {
        term(q);
        return;
    }
    buf_z(q, what == 3 ? "NOT (" : "(");
    tree(q, depth + 1);
    buf_z(q, what == 4 ? " OR " : " AND ");
    tree(q, depth + 1);
    buf_byte(q, ')');
}

static void list(const struct row_source *from, str text, const struct search_opts *o, struct listing *l)
{
    struct arena a = arena_init(1 << 20);
    struct search_stats st = {0};
    struct err e = {0};

    buf_clear(&l->text);
    l->n = 0;
    l->q = parse(&a, from, text);
    if (from->scan(from->ctx, l->q, o, row_list, l, &st, &e) < 0)
        fail_msg("%.*s: %s %s %s", STR_ARGS(text), e.key, e.arg[0], e.arg[1]);
    arena_free(&a);
}

static void same_rows(void **unused)
{
    struct kit *k = *unused;
    struct listing own = {0}, set = {0};
    struct buf q;
    size_t some = 0;

    buf_init(&q, 1 << 16), buf_init(&own.text, 64 << 20), buf_init(&set.text, 64 << 20);
    for (int i = 0; i < TREES; i++) {
        struct search_opts o = {.before_seq = rnd(4) == 0 ? 1 + rnd(ROWS) : 0};
        buf_clear(&q);
        buf_z(&q, "from:flows ");
        if (i > 0)
            tree(&q, 0);
        if (rnd(4) == 0)
            buf_z(&q, " since:2026-11-21T02:29:58Z until:2026-11-21T02:29:59.5Z");
        list(&k->own, buf_view(&q), &o, &own);
        list(&k->set, buf_view(&q), &o, &set);
        if (own.n != set.n || !str_eq(buf_view(&own.text), buf_view(&set.text)))
            fail_msg("%.*s: %zu rows, of the store %zu\n%.*s\n%.*s", STR_ARGS(buf_view(&q)), set.n, own.n,
                     STR_ARGS(str_sub(buf_view(&set.text), 0, 600)), STR_ARGS(str_sub(buf_view(&own.text), 0, 600)));
        some += own.n > 0;
    }
    assert_true(some > TREES / 2);
    buf_done(&q), buf_done(&own.text), buf_done(&set.text);
}

/* ---- steps ---- */

static void same_answers(void **unused)
{
    struct kit *k = *unused;
    struct buf text, own, set;
    int there = 0;

    buf_init(&text, 4096), buf_init(&own, 64 << 20), buf_init(&set, 64 << 20);
    for (int i = 0; i < ASKED; i++) {
        struct arena a = arena_init(1 << 20);
        struct pipe_stats ws, gs;
        question(&text);
        k->folded = 0;
        ask(&k->own, parse(&a, &k->own, buf_view(&text)), &own, &ws);
        ask(&k->set, parse(&a, &k->set, buf_view(&text)), &set, &gs);
        if (!str_eq(buf_view(&own), buf_view(&set)))
            fail_msg("%.*s\n%.*s\nof the store\n%.*s", STR_ARGS(buf_view(&text)),
                     STR_ARGS(str_sub(buf_view(&set), 0, 2000)), STR_ARGS(str_sub(buf_view(&own), 0, 2000)));
        assert_int_equal(gs.scan.hits, ws.scan.hits);
        assert_int_equal(gs.other, ws.other);
        there += k->folded;
        arena_free(&a);
    }
    assert_true(there > ASKED / 4);
    buf_done(&text), buf_done(&own), buf_done(&set);
}

static void what_is_counted_over_there(void **unused)
{
    static const struct {
        const char *text;
        int folds;
    } rows[] = {{"from:flows | count", 1},
                {"from:flows NOT src:10.0.0.0/28 | top 5 dst by bytes", 1},
                {"from:flows proto:tcp dst_port:<30 | sum bytes by src, dst, dst_port, exporter", 1},
                {"from:flows exporter:192.0.2.0 domain:0 | histogram 7s by proto", 1},
                {"from:flows | histogram 1m avg packets", 1},
                {"from:flows | max at by tcp_flags, src_mac", 1},
                {"from:flows relay:xa* | count by relay, proto", 1},
                {"from:flows | min bytes | limit 1", 1},
                {"from:flows | p99 bytes", 0},
                {"from:flows | count by src_zone", 0},
                {"from:flows tcp_flags:*S* | count", 0},
                {"from:flows duration:<1s | count", 0},
                {"from:flows | max duration", 0}};
    struct kit *k = *unused;
    struct buf own, set;

    buf_init(&own, 64 << 20), buf_init(&set, 64 << 20);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct arena a = arena_init(1 << 20);
        struct pipe_stats st;
        k->folded = 0;
        ask(&k->own, parse(&a, &k->own, str_c(rows[i].text)), &own, &st);
        ask(&k->set, parse(&a, &k->set, str_c(rows[i].text)), &set, &st);
        if (own.n == 0 || !str_eq(buf_view(&own), buf_view(&set)) || k->folded != rows[i].folds)
            fail_msg("%s (%d)\n%.*s\nof the store\n%.*s", rows[i].text, k->folded,
                     STR_ARGS(str_sub(buf_view(&set), 0, 2000)), STR_ARGS(str_sub(buf_view(&own), 0, 2000)));
        arena_free(&a);
    }
    buf_done(&own), buf_done(&set);
}

/* ---- deletion, and where a set stands ---- */

static int see_next(void *ctx, str relay, uint64_t next)
{
    uint64_t *most = ctx;

    *most = next > *most ? next : *most;
    return 0;
}

static void next_and_deletion(void **unused)
{
    struct kit *k = *unused;
    const struct ch_spread all = {1, 1};
    uint64_t next = 0, left = 0;
    struct err e = {0};
    struct ch_ages *ages = calloc(1, sizeof(*ages));

    assert_int_equal(ch_next_seq(k->c, &all, 0, see_next, &next, &e), 0);
    assert_int_equal(next, k->next);
    ages->all = TEST_NOW + 1; /* of three receipts that flows have two stay */
    for (size_t s = 0; s < k->c->n; s++) {
        assert_int_equal(ch_delete(k->c, s, ages, true, &left, &e), 0);
        int64_t end = clock_mono(&clock_system) + 120 * NS_PER_S;
        while (ch_delete(k->c, s, ages, false, &left, &e) == 0 && left > 0 && clock_mono(&clock_system) < end)
            ;
        assert_int_equal(left, 0);
    }
    struct listing l = {0};
    buf_init(&l.text, 64 << 20);
    list(&k->set, STR("from:flows"), NULL, &l);
    assert_true(l.n > k->rows / 2 && l.n < k->rows * 3 / 4);
    buf_done(&l.text);
    free(ages);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_rows), cmocka_unit_test(same_answers),
                                       cmocka_unit_test(what_is_counted_over_there),
                                       cmocka_unit_test(next_and_deletion)};

    if (argc < 3)
        return 2;
    nodes = argv[1];
    cluster = argv[2];
    return cmocka_run_group_tests_name("journal/ch_flow", tests, set_up, tear_down);
}
