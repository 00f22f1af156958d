/* The ClickHouse set against the language's own word: random events, random
 * queries, the same answers. argv: nodes, cluster [number of
 * batches: only inserts, for whoever kills nodes meanwhile]. The set is empty at first. */
#include "journal/ch-int.h"
#include "base/test-int.h"
#include "journal/pipe.h"
#include "journal/query-int.h"
#include <errno.h>
#include <stdlib.h>

enum { EVENTS = 4000, QUERIES = 600, BATCH = 500 };
static const char *nodes, *cluster;
struct kit {
    struct ch *c;
    struct arena a;
    struct event ev[EVENTS];
    uint64_t seed;
    int folded;
};

static str pick(struct kit *k, const char *const *v, size_t n) { return str_c(v[prng(&k->seed) % n]); }

static const char *const words[] = {"Failed", "password", "root",      "mật khẩu",  "Đăng nhập", "a.b",
                                    "x*y",    "10.8.0.7", "k\xff\xfe", "tab\there", "quote'd",   "back\\slash",
                                    "",       "%",        "[re]",      "ſK",        "NUL"};
static const char *const hosts[] = {"web-1", "WEB-1", "db.local", "máy-chủ", "", "h*"};
static const char *const programs[] = {"sshd", "sudo", "kernel", "", "a'b"};

/* Spans over a line that is put together, with any bytes in it. */
static struct event event_random(struct kit *k, int i)
{
    struct buf b;
    struct event ev = {.received_ns = 1764000000LL * NS_PER_S + i * 7919LL * NS_PER_MS};

    buf_init(&b, 1 << 16);
    buf_z(&b, "<13>1 - ");
    struct {
        str s;
        enum event_span at;
    } parts[] = {{pick(k, hosts, COUNT(hosts)), SP_HOST}, {pick(k, programs, COUNT(programs)), SP_PROGRAM}};
    for (size_t p = 0; p < COUNT(parts); p++) {
        ev.span[parts[p].at] = (struct span){(uint32_t)b.n, (uint32_t)parts[p].s.n};
        buf_str(&b, parts[p].s);
        buf_byte(&b, ' ');
    }
    uint32_t off = (uint32_t)b.n;
    for (uint64_t n = prng(&k->seed) % 6; n > 0; n--) {
        buf_str(&b, pick(k, words, COUNT(words)));
        buf_byte(&b, prng(&k->seed) % 9 == 0 ? 0 : ' ');
        if (prng(&k->seed) % 20 == 0)
            buf_byte(&b, (uint8_t)prng(&k->seed));
    }
    ev.span[SP_MSG] = (struct span){off, (uint32_t)b.n - off};
    ev.event_ns = ev.received_ns - (int64_t)(prng(&k->seed) % 3600) * NS_PER_S;
    ev.transport = (uint8_t)(prng(&k->seed) % TP_COUNT);
    ev.format = (uint8_t)(prng(&k->seed) % FMT_COUNT);
    ev.facility = (uint8_t)(prng(&k->seed) % 26);
    ev.severity = (uint8_t)(prng(&k->seed) % 9);
    ev.flags = prng(&k->seed) % 3 == 0 ? (uint16_t)(prng(&k->seed) & 0x1fff) : 0;
    if (prng(&k->seed) % 5 != 0) {
        static const char *const ips[] = {"10.8.0.7", "10.8.255.1", "192.0.2.1", "2001:db8::1", "2001:db8:1::2"};
        assert_true(ip_parse(pick(k, ips, COUNT(ips)), &ev.source));
    }
    ev.raw = arena_str(&k->a, buf_view(&b));
    buf_done(&b);
    return ev;
}

static void insert(struct kit *k, int from, int to)
{
    struct ch_batch b;
    struct err e = {0};

    ch_batch_init(&b);
    for (int i = from; i < to; i++)
        assert_true(ch_batch_add(&b, (uint64_t)i, &k->ev[i]));
    size_t shard = (size_t)(from / BATCH) % ch_shards(k->c);
    if (ch_insert(k->c, shard, &b, &e) < 0)
        fail_msg("%s %s %s", e.key, e.arg[0], e.arg[1]);
    if (from % 2000 == 0) /* the same again: a retry after a lost answer */
        assert_int_equal(ch_insert(k->c, shard, &b, &e), 0);
    ch_batch_done(&b);
}

/* A query may ask any replica, and what one got the others fetch. */
static void wait_replicas(struct kit *k)
{
    int64_t end = clock_mono(&clock_system) + 120 * NS_PER_S;

    for (size_t s = 0; s < k->c->n; s++)
        for (size_t r = 0; r < k->c->shard[s].n;) {
            uint64_t want = 0, rows = 0;
            struct err e = {0};
            for (int i = 0; i < EVENTS; i += BATCH)
                want += (size_t)(i / BATCH) % k->c->n == s ? BATCH : 0;
            if (ch_number(k->c, &k->c->shard[s].node[r], "SELECT count() FROM event_local", &rows, &e) < 0)
                fail_msg("%s %s %s", e.key, e.arg[0], e.arg[1]);
            r += rows == want;
            if (clock_mono(&clock_system) > end)
                fail_msg("shard %zu: %llu rows of %llu", s, (unsigned long long)rows, (unsigned long long)want);
        }
}

static int see_next(void *ctx, str relay, uint64_t next)
{
    uint64_t *most = ctx;

    assert_int_equal(relay.n, 0);
    *most = next > *most ? next : *most;
    return 0;
}

static int setup(void **state)
{
    struct kit *k = calloc(1, sizeof(*k));
    struct ch_cfg cfg = {.nodes = str_c(nodes), .cluster = str_c(cluster), .database = STR("luy_test")};
    struct err e = {0};

    k->seed = 20261126;
    k->a = arena_init(64 << 20);
    assert_int_equal(ch_open(&cfg, &clock_system, &k->c, &e), 0);
    if (ch_setup(k->c, &e) < 0)
        fail_msg("%s %s %s", e.key, e.arg[0], e.arg[1]);
    assert_int_equal(ch_setup(k->c, &e), 0); /* once more changes nothing */
    uint64_t next = 0;
    const struct ch_spread all = {1, 1};
    assert_int_equal(ch_next_seq(k->c, &all, 0, see_next, &next, &e), 0);
    assert_int_equal(next, 0);
    for (int i = 0; i < EVENTS; i++)
        k->ev[i] = event_random(k, i);
    for (int i = 0; i < EVENTS; i += BATCH)
        insert(k, i, i + BATCH);
    wait_replicas(k);
    *state = k;
    return 0;
}

static int teardown(void **state)
{
    struct kit *k = *state;

    if (k == NULL)
        return 0;
    ch_close(k->c);
    arena_free(&k->a);
    free(k);
    return 0;
}

/* What a hanging server carries out late must still be known when a shard has caught up. */
static void batches_are_known_long(void **state)
{
    struct kit *k = *state;
    struct err e = {0};

    for (size_t s = 0; s < k->c->n; s++)
        for (size_t r = 0; r < k->c->shard[s].n; r++) {
            uint64_t n = 0;
            assert_int_equal(ch_number(k->c, &k->c->shard[s].node[r],
                                       "SELECT count() FROM system.tables WHERE database = 'luy_test' AND name = "
                                       "'event_local' AND engine_full LIKE '%replicated_deduplication_window = 10000%'",
                                       &n, &e),
                             0);
            assert_int_equal(n, 1);
        }
}

/* ---- random queries ---- */

static void term(struct kit *k, struct buf *q)
{
    static const char *const terms[] = {
        "failed",
        "\"failed password\"",
        "mật",
        "\"Mật khẩu\"",
        "ROOT",
        "a.b",
        "x\\*y",
        "pass*root",
        "F?iled",
        "m?t",
        "host:web-1",
        "host:web*",
        "host:\"\"",
        "host:*",
        "host:máy-chủ",
        "program:SSHD",
        "program:s*d",
        "severity:<=err",
        "severity:debug",
        "severity:>notice",
        "facility:auth",
        "facility:cron",
        "transport:tcp",
        "format:rfc5424",
        "flags:bad_utf8",
        "flags:time_jump",
        "source:10.8.0.0/16",
        "source:10.8.*",
        "source:2001:db8::/32",
        "source:192.0.2.1",
        "msg:*root*",
        "msg:\"\"",
        "raw:*password*",
        "quote'd",
        "back\\\\slash",
        "\"[re]\"",
        "%",
        "\"tab\there\"",
        "pid:1",
        "relay:\"\"",
        "relay:*",
        "relay:r1",
        "\"\x01\"",
        "*",
    };
    buf_str(q, pick(k, terms, COUNT(terms)));
}

static void tree(struct kit *k, struct buf *q, int depth)
{
    uint64_t what = prng(&k->seed) % (depth > 2 ? 2 : 6);

    if (what < 3) {
        term(k, q);
        return;
    }
    if (what == 3)
        buf_z(q, "NOT ");
    buf_byte(q, '(');
    tree(k, q, depth + 1);
    buf_z(q, what == 4 ? " OR " : " AND ");
    tree(k, q, depth + 1);
    buf_byte(q, ')');
}

struct taken {
    struct kit *k;
    const struct query *q;
    int at; /* the next lower event that must come */
    uint64_t n;
    const char *text;
};

static bool event_same(const struct event *a, const struct event *b)
{
    return a->received_ns == b->received_ns && a->event_ns == b->event_ns && a->transport == b->transport &&
           a->format == b->format && a->facility == b->facility && a->severity == b->severity && a->flags == b->flags &&
           a->source_port == b->source_port && ip_cmp(a->source, b->source) == 0 &&
           memcmp(a->span, b->span, sizeof(a->span)) == 0 && str_eq(a->raw, b->raw);
}

static bool take(void *ctx, const struct hit *h)
{
    struct taken *t = ctx;

    while (t->at >= 0 && !query_match(t->q, &t->k->ev[t->at]))
        t->at--;
    if (t->at < 0 || h->seq != (uint64_t)t->at || !event_same(&h->ev, &t->k->ev[t->at]))
        fail_msg("%s: event %llu came, %d was due", t->text, (unsigned long long)h->seq, t->at);
    t->at--;
    t->n++;
    return true;
}

static struct query *parse(struct kit *k, struct arena *a, const char *text)
{
    struct query *q;
    struct err e = {0};

    if (query_parse(a, str_c(text), clock_wall(&clock_system), &q, &e) < 0)
        fail_msg("%s: %s %s", text, e.key, e.arg[0]);
    return q;
}

static void search_all(struct kit *k, struct arena *a, const char *text)
{
    struct taken t = {.k = k, .q = parse(k, a, text), .at = EVENTS - 1, .text = text};
    struct search_opts o = {.limit = EVENTS + 1};
    struct search_stats st;
    struct err e = {0};

    if (ch_search(k->c, t.q, &o, take, &t, &st, &e) < 0)
        fail_msg("%s: %s %s %s", text, e.key, e.arg[0], e.arg[1]);
    while (t.at >= 0)
        if (query_match(t.q, &k->ev[t.at--]))
            fail_msg("%s: an event is missing", text);
    assert_int_equal(st.hits, t.n);
    assert_false(st.more);
}

static void same_answers(void **state)
{
    struct kit *k = *state;
    struct arena a = arena_init(64 << 20);
    struct buf q;

    buf_init(&q, 1 << 16);
    for (int i = 0; i < QUERIES; i++) {
        buf_clear(&q);
        tree(k, &q, 0);
        if (prng(&k->seed) % 4 == 0)
            buf_z(&q, " since:2025-11-24T16:00:00Z until:2025-11-24T19:30:00Z");
        buf_byte(&q, 0);
        search_all(k, &a, q.p);
        arena_clear(&a);
    }
    buf_done(&q);
    arena_free(&a);
}

/* ---- steps: the same rows from the set as from the events at hand ---- */

static int own_scan(void *ctx, const struct query *q, const struct search_opts *o, source_row_fn *fn, void *fn_ctx,
                    struct search_stats *st, struct err *e)
{
    struct kit *k = ctx;
    struct source_hand hand = {fn, fn_ctx};

    for (int i = EVENTS - 1; i >= 0; i--)
        if (!source_hand_hit(&hand, &(struct hit){.seq = (uint64_t)i, .ev = k->ev[i]}))
            break;
    return 0;
}

static int set_scan(void *ctx, const struct query *q, const struct search_opts *o, source_row_fn *fn, void *fn_ctx,
                    struct search_stats *st, struct err *e)
{
    return ch_rows(((struct kit *)ctx)->c, q, o, fn, fn_ctx, st, e);
}

static int set_fold(void *ctx, const struct query *q, const struct search_opts *o, uint64_t want, source_group_fn *fn,
                    void *fn_ctx, struct search_stats *st, struct err *e)
{
    struct kit *k = ctx;
    int rc = ch_fold(k->c, q, o, fn, fn_ctx, st, e);

    k->folded += rc == 0;
    return rc;
}

static bool put_row(void *ctx, const struct source_value *v, size_t n)
{
    struct buf *b = ctx;
    char scratch[VALUE_SCRATCH];

    for (size_t i = 0; i < n; i++) {
        buf_fmt(b, "%d:", (int)v[i].type);
        buf_str(b, source_value_text(&v[i], scratch));
        buf_byte(b, '\t');
    }
    buf_byte(b, '\n');
    return true;
}

static void same_steps(void **state)
{
    static const struct {
        const char *text;
        bool folds; /* counted over there */
    } rows[] = {
        {"* | count", true},
        {"failed | count", true},
        {"failed | count by host", true},
        {"program:sshd | count by host, severity", true},
        {"NOT host:web* | count by source", true},
        {"root | count by flags, transport, format", true},
        {"* | count by facility", true},
        {"* | count by msg | limit 7", true},
        {"* | count by raw | count", true},
        {"failed | count by host | sort host | limit 2", true},
        {"* | top 3 host", true},
        {"* | top 2 host, program by seq", false},
        {"* | histogram 10m", true},
        {"failed OR root | histogram 1h", true},
        {"* | histogram 1d", true},
        {"* | histogram 1h by host | sort count", true},
        {"* | histogram 3h | top 2", true},
        {"nothing-like-this | count", true},
        {"nothing-like-this | count by host", true},
        {"since:2025-11-24T16:00:00Z until:2025-11-24T19:30:00Z failed | count by severity", true},
        {"m?t | count", false}, /* what SQL cannot say exactly is counted here */
        {"/fail(ed)? pass/i | count by program", false},
        {"~dang | count by host", false},
        {"root | fields at, host, msg", false},
        {"root | fields seq, severity | limit 30", false},
        {"failed | unique host", false},
        {"* | max seq by host", false},
        {"* | p99 seq by severity", false},
        {"failed | sort -at | limit 5", false},
        {"* | limit 1 | count by host", false},
        {"root", false},
    };
    struct kit *k = *state;
    struct row_source own = query_logs, set = query_logs;
    struct arena a = arena_init(64 << 20);
    struct buf want, got;
    struct err e = {0};

    own.scan = own_scan;
    set.scan = set_scan;
    set.fold = set_fold;
    own.ctx = set.ctx = k;
    buf_init(&want, 64 << 20);
    buf_init(&got, 64 << 20);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct query *q = parse(k, &a, rows[i].text);
        struct pipe_stats ws, gs;
        buf_clear(&want);
        buf_clear(&got);
        k->folded = 0;
        assert_int_equal(pipe_run(q, &own, NULL, UINT64_MAX, put_row, &want, &ws, &e), 0);
        if (pipe_run(q, &set, NULL, UINT64_MAX, put_row, &got, &gs, &e) < 0)
            fail_msg("%s: %s %s %s", rows[i].text, e.key, e.arg[0], e.arg[1]);
        if (!str_eq(buf_view(&want), buf_view(&got)))
            fail_msg("%s:\n%.*s\nwanted:\n%.*s", rows[i].text, STR_ARGS(str_sub(buf_view(&got), 0, 2000)),
                     STR_ARGS(str_sub(buf_view(&want), 0, 2000)));
        if (k->folded != rows[i].folds)
            fail_msg("%s: %d", rows[i].text, k->folded);
        assert_int_equal(gs.rows, ws.rows);
        assert_int_equal(gs.other, ws.other);
        assert_true(gs.scan.hits == ws.scan.hits || ws.scan.more);
        arena_clear(&a);
    }
    buf_done(&want);
    buf_done(&got);
    arena_free(&a);
}

/* The server's words come back, and time that has passed is said as such. */
static void server_says(void **state)
{
    struct kit *k = *state;
    struct arena a = arena_init(1 << 20);
    struct ch_cfg cfg = {.nodes = str_c(nodes), .cluster = str_c(cluster), .database = STR("luy_not_there")};
    struct search_opts soon = {.deadline_mono_ns = clock_mono(&clock_system) - NS_PER_S};
    struct query *q = parse(k, &a, "* | count");
    struct search_stats st = {0};
    struct ch *c = NULL;
    struct err e = {0};
    char text[512];

    assert_int_equal(ch_open(&cfg, &clock_system, &c, &e), 0);
    assert_int_equal(ch_fold(c, q, NULL, NULL, NULL, &st, &e), -EBADMSG);
    err_text(&e, LANG_EN, text, sizeof(text));
    assert_non_null(strstr(text, "luy_not_there"));
    assert_non_null(strstr(text, "refuses"));
    ch_close(c);
    assert_int_equal(ch_fold(k->c, q, &soon, NULL, NULL, &st, &e), -ETIME);
    arena_free(&a);
}

static bool stop_at_five(void *ctx, const struct hit *h) { return ++*(int *)ctx < 5; }

static void limits(void **state)
{
    struct kit *k = *state;
    struct arena a = arena_init(1 << 20);
    struct query *q = parse(k, &a, "*");
    struct search_stats st;
    struct err e = {0};
    atomic_bool cancel = true;
    int n = 0;

    assert_int_equal(ch_search(k->c, q, &(struct search_opts){.limit = 50}, stop_at_five, &n, &st, &e), 0);
    assert_int_equal(n, 5);
    assert_true(st.more);
    n = -100;
    assert_int_equal(
        ch_search(k->c, q, &(struct search_opts){.limit = 50, .before_seq = 30}, stop_at_five, &n, &st, &e), 0);
    assert_int_equal(n, -70);
    assert_int_equal(ch_search(k->c, q, &(struct search_opts){.cancel = &cancel}, stop_at_five, &n, &st, &e),
                     -ECANCELED);
    assert_int_equal(ch_search(k->c, q, &(struct search_opts){.deadline_mono_ns = 1}, stop_at_five, &n, &st, &e),
                     -ETIME);
    uint64_t next = 0;
    const struct ch_spread turns = {300, 7}; /* whatever shard has them */
    for (size_t i = 0; i < turns.shards; i++) {
        uint64_t want = 0;
        for (uint64_t seq = 0; seq < EVENTS; seq++)
            want = seq / 300 % 7 == i ? seq + 1 : want;
        next = 0;
        assert_int_equal(ch_next_seq(k->c, &turns, i, see_next, &next, &e), 0);
        assert_int_equal(next, want);
    }
    arena_free(&a);
}

static void wrong_settings(void **state)
{
    static const struct {
        const char *nodes, *cluster, *database, *key;
    } rows[] = {
        {"", "", "luy", "journal.ch_url"},
        {"10.1.1.1:8123", "", "luy", "journal.ch_url"},
        {"http://u:p@10.1.1.1:8123", "", "luy", "journal.ch_url"},
        {"http://a,http://b", "", "luy", "journal.ch_cluster"},
        {"http://a", "", "Luy; DROP", "journal.ch_name"},
        {"http://a", "no good", "luy", "journal.ch_name"},
        {"http://a,http://a,http://a,http://a,http://a,http://a,http://a,http://a,http://a", "x", "luy",
         "journal.ch_many"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ch_cfg cfg = {
            .nodes = str_c(rows[i].nodes), .cluster = str_c(rows[i].cluster), .database = str_c(rows[i].database)};
        struct ch *c = NULL;
        struct err e = {0};
        assert_true(ch_open(&cfg, &clock_system, &c, &e) < 0);
        assert_string_equal(e.key, rows[i].key);
        assert_null(c);
    }
}

/* True while a node cannot say how its last INSERT ended. */
static bool unsure(struct ch *c)
{
    bool any = false;

    for (size_t s = 0; s < c->n; s++) {
        ch_settle(c, s);
        for (size_t r = 0; r < c->shard[s].n; r++)
            any = any || c->shard[s].node[r].unsure;
    }
    return any;
}

/* Batches while somebody kills nodes: says each one, and when no replica takes
 * it, asks and waits for a line on stdin, as it does until all nodes are sure in
 * the end. What arrived is counted then. */
static int storm(int batches)
{
    struct kit *k = calloc(1, sizeof(*k));
    struct ch_cfg cfg = {.nodes = str_c(nodes), .cluster = str_c(cluster), .database = STR("luy_storm")};
    struct ch_batch b;
    struct err e = {0};
    char line[16];

    k->seed = 7;
    k->a = arena_init(64 << 20);
    ch_batch_init(&b);
    if (ch_open(&cfg, &clock_system, &k->c, &e) < 0 || ch_setup(k->c, &e) < 0)
        return 1;
    for (int n = 0; n < batches; n++) {
        ch_batch_clear(&b);
        arena_clear(&k->a);
        for (int i = 0; i < BATCH; i++) {
            struct event ev = event_random(k, n * BATCH + i);
            ch_batch_add(&b, (uint64_t)(n * BATCH + i), &ev);
        }
        printf("batch %d\n", n);
        fflush(stdout);
        while (ch_insert(k->c, (size_t)n % ch_shards(k->c), &b, &e) < 0) {
            printf("stuck %d %s %s\n", n, e.key, e.arg[1]);
            fflush(stdout);
            if (e.code != -EHOSTUNREACH || fgets(line, sizeof(line), stdin) == NULL)
                return 1;
        }
    }
    while (unsure(k->c)) {
        puts("stuck unsure");
        fflush(stdout);
        if (fgets(line, sizeof(line), stdin) == NULL)
            return 1;
    }
    ch_batch_done(&b);
    ch_close(k->c);
    arena_free(&k->a);
    free(k);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(batches_are_known_long),
                                       cmocka_unit_test(same_answers),
                                       cmocka_unit_test(same_steps),
                                       cmocka_unit_test(server_says),
                                       cmocka_unit_test(limits),
                                       cmocka_unit_test(wrong_settings)};
    int64_t batches = 0;

    if (argc < 3)
        return 2;
    nodes = argv[1];
    cluster = argv[2];
    if (argc == 4)
        return str_i64(str_c(argv[3]), &batches) ? storm((int)batches) : 2;
    return cmocka_run_group_tests_name("journal/ch", tests, setup, teardown);
}
