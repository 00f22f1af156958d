/* A relay and its centre over socket pairs: three days of outage in simulated time, lines that
 * break anywhere, and what must be refused. */
#include "base/rand.h"
#include "relay/relay_test-int.h"

/* Pages of ten through numbers of both kinds give every event once. */
static void assert_pages(struct kit *k)
{
    struct query all = {.since_ns = INT64_MIN, .until_ns = INT64_MAX};
    struct search_opts o = {.limit = 10};
    struct seen s = {k->put, k->own, 0, UINT64_MAX};
    struct search_stats st;

    do {
        assert_int_equal(journal_search(k->centre.j, &all, &o, see, &s, &st, NULL), 0);
        o.before_seq = s.last;
    } while (st.more);
    assert_int_equal(s.wrong + s.relayed + s.own, 0);
}

static void three_days(void **state)
{
    struct kit k;
    struct err e;
    uint64_t entry, cuts = 0, rnd = 42, before;

    kit_start(&k, 0);
    relay_minute(&k, 20);
    line_whole(&k);
    own_some(&k, 30);
    for (int i = 0; i < 3 * 24 * 6; i++) { /* no line; every ten minutes something comes */
        relay_minute(&k, 40);
        clock_advance(&k.clk, 539 * NS_PER_S);
        journal_tick(k.relay.j, NULL, NULL);
        if (i % 50 == 0)
            own_some(&k, 7);
    }
    struct relay_point p;
    relay_store_point(k.store, &p);
    before = p.entries;
    for (;; cuts++) { /* the line is up, and breaks, anywhere, on either side */
        int64_t bytes = 100 + (int64_t)(prng(&rnd) % 12000);
        int rc = cuts % 3 == 2 ? line(&k, INT64_MAX, bytes / 60, UINT64_MAX, &entry, &e)
                               : line(&k, bytes, INT64_MAX, UINT64_MAX, &entry, &e);
        if (rc == 0)
            break;
        assert_int_equal(rc, -EPIPE);
        relay_store_point(k.store, &p);
        assert_true(p.entries >= before); /* a cut never takes back */
        before = p.entries;
        if (cuts % 10 == 0) {
            relay_minute(&k, 15); /* the relay goes on receiving */
            own_some(&k, 5);
        }
        if (cuts % 17 == 0) { /* either side starts again */
            relay_store_close(k.store);
            side_close(&k.centre);
            side_open(&k, &k.centre, 0, 0);
            store_open(&k);
            relay_store_point(k.store, &p);
            before = p.entries;
        }
        if (cuts % 23 == 0) {
            side_close(&k.relay);
            side_open(&k, &k.relay, 0, 0);
        }
        assert_true(cuts < 5000);
    }
    line_whole(&k);
    print_message("# %llu events over %llu cuts\n", (unsigned long long)k.put, (unsigned long long)cuts);
    assert_true(cuts > 50);
    assert_all_there(&k);
    assert_pages(&k);
    assert_proven(&k);
    assert_true(verified(&k).ledger.epochs >= 3);
    assert_int_equal(k.acked.next, k.put + 1);
    assert_int_equal(k.told, 0); /* nothing was refused, nothing missing */
    relay_store_close(k.store);
    store_open(&k);
    assert_all_there(&k);
    kit_end(&k);
}

/* A block too long for any single line still comes over, piece by piece. */
static void cut_in_block(void **state)
{
    struct kit k;
    struct err e;
    struct relay_point p = {0};
    uint64_t entry, part = 0, lines = 0;

    kit_start(&k, 0);
    for (int i = 0; i < 30; i++)
        assert_int_equal(test_append(k.relay.j, (uint64_t)i * 1000, 1000, NULL), 0);
    k.put = 30000;
    relay_minute(&k, 1);
    while (line(&k, 40000, INT64_MAX, UINT64_MAX, &entry, &e) != 0) {
        relay_store_point(k.store, &p);
        assert_true(p.part >= part || p.entries > 0);
        part = p.part;
        lines++;
        assert_true(lines < 1000);
    }
    assert_true(lines > 5);
    assert_all_there(&k);
    assert_proven(&k);
    kit_end(&k);
}

/* ---- what must be refused ---- */

static size_t spool_file(struct kit *k, char path[400])
{
    struct segment *g;
    struct block_info b;

    assert_true(journal_block_hold(k->relay.j, 1, &g, &b));
    snprintf(path, 400, "%s", g->path);
    journal_segment_unref(k->relay.j, g);
    return b.off + b.head.length;
}

static void flipped_in_spool(void **state)
{
    struct kit k;
    struct err e;
    uint64_t entry;
    char path[400];

    kit_start(&k, 0);
    for (int i = 0; i < 5; i++)
        relay_minute(&k, 50);
    size_t end = spool_file(&k, path); /* of the first block */
    flip(path, end - 40);
    assert_int_equal(line(&k, INT64_MAX, INT64_MAX, UINT64_MAX, &entry, &e), -ECONNREFUSED);
    assert_int_equal(entry, 0);
    assert_true(told(&k, "event=relay_refused relay=r1 entry=0"));
    assert_true(told(&k, "damaged") || told(&k, "sealed"));
    struct relay_store_stats st;
    relay_store_stats(k.store, &st);
    assert_int_equal(st.events, 0);
    flip(path, end - 40); /* repaired at the relay: it goes on as if nothing had been */
    line_whole(&k);
    assert_all_there(&k);
    assert_proven(&k);

    relay_minute(&k, 60); /* and one that stays damaged: the rest comes, and the hole is named */
    relay_minute(&k, 60);
    struct segment *g;
    struct block_info b;
    assert_true(journal_block_hold(k.relay.j, 251, &g, &b));
    journal_segment_unref(k.relay.j, g);
    flip(path, b.off + b.head.length - 1);
    assert_int_equal(line(&k, INT64_MAX, INT64_MAX, UINT64_MAX, &entry, &e), -ECONNREFUSED);
    assert_int_equal(line(&k, INT64_MAX, INT64_MAX, entry, &entry, &e), 0);
    assert_true(told(&k, "event=relay_missing relay=r1 reason=refused"));
    assert_true(told(&k, "first=251 events=60"));
    struct verify_report rep = verified(&k);
    assert_true(rep.bad);
    assert_string_equal(rep.first.key, "journal.proof_missing");
    assert_string_equal(rep.first.arg[0], "251");
    assert_int_equal(rep.events, 310);
    kit_end(&k);
}

/* Every byte of a block, of its entry and of its head, changed one at a time. */
static void every_flipped_byte(void **state)
{
    struct kit k;
    uint8_t head[SEG_HEAD_BYTES], entry[LEDGER_ENTRY], begin[LEDGER_HEAD], first[LEDGER_HEAD], block[65536];
    struct segment *g;
    struct block_info b;
    struct err e = {0};

    kit_start(&k, 0);
    relay_minute(&k, 12);
    assert_true(journal_block_hold(k.relay.j, 1, &g, &b));
    assert_true(b.head.length <= sizeof(block));
    assert_int_equal(pread(g->fd, block, b.head.length, (off_t)b.off), b.head.length);
    assert_int_equal(pread(g->fd, head, sizeof(head), 0), sizeof(head));
    journal_segment_unref(k.relay.j, g);
    bytes_of(k.relay.dir, "ledger", 0, entry, sizeof(entry));
    bytes_of(k.relay.dir, "heads", 0, begin, sizeof(begin));
    bytes_of(k.relay.dir, "heads", 1, first, sizeof(first));
    str whole = {(const char *)block, b.head.length};

    for (size_t i = 0; i < sizeof(begin); i++) {
        begin[i] ^= 4;
        assert_int_equal(relay_store_head(k.store, begin, &e), -EBADMSG);
        begin[i] ^= 4;
    }
    assert_int_equal(relay_store_head(k.store, begin, &e), 0);
    assert_int_equal(relay_store_head(k.store, begin, &e), -EBADMSG); /* twice */
    assert_int_equal(relay_store_entry(k.store, entry, &e), 0);
    assert_int_equal(relay_store_bytes(k.store, 0, whole.n, whole, &e), -EPROTO); /* no file said */
    assert_int_equal(relay_store_head(k.store, first, &e), -EPROTO);              /* its block is not here */
    for (size_t i = 0; i < whole.n; i++) {
        assert_int_equal(relay_store_entry(k.store, entry, &e), 0);
        assert_int_equal(relay_store_segment(k.store, head, &e), 0);
        block[i] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(relay_store_bytes(k.store, 0, whole.n, whole, &e), -EBADMSG);
        block[i] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t i = 0; i < sizeof(entry); i++) { /* refused at once, or when the head comes */
        entry[i] ^= 1;
        int rc = relay_store_entry(k.store, entry, &e);
        if (rc == 0)
            rc = relay_store_segment(k.store, head, &e);
        if (rc == 0)
            rc = relay_store_bytes(k.store, 0, whole.n, whole, &e);
        if (rc == 0)
            rc = relay_store_head(k.store, first, &e);
        entry[i] ^= 1;
        assert_true(rc < 0);
    }
    assert_int_equal(relay_store_entry(k.store, entry, &e), 0);
    assert_int_equal(relay_store_segment(k.store, head, &e), 0);
    assert_int_equal(relay_store_bytes(k.store, 7, whole.n, whole, &e), -EPROTO); /* not from its beginning */
    assert_int_equal(relay_store_bytes(k.store, 0, whole.n, whole, &e), 0);
    assert_int_equal(relay_store_bytes(k.store, 0, whole.n, whole, &e), -EPROTO); /* twice */
    assert_int_equal(relay_store_entry(k.store, entry, &e), -EBADMSG);            /* twice */
    assert_string_equal(e.key, "relay.entry_again");
    for (size_t i = 0; i < sizeof(first); i++) { /* each throws away what it does not sign */
        struct relay_store_stats st;
        first[i] ^= 4;
        assert_int_equal(relay_store_head(k.store, first, &e), -EBADMSG);
        first[i] ^= 4;
        relay_store_stats(k.store, &st);
        assert_int_equal(st.events + st.bytes, 0);
        assert_int_equal(relay_store_entry(k.store, entry, &e), 0);
        assert_int_equal(relay_store_segment(k.store, head, &e), 0);
        assert_int_equal(relay_store_bytes(k.store, 0, whole.n, whole, &e), 0);
        assert_int_equal(test_hits(k.centre.j, "*", NULL), 0); /* unseen until a head signs it */
    }
    assert_int_equal(relay_store_head(k.store, first, &e), 0);
    assert_all_there(&k);
    assert_proven(&k);
    kit_end(&k);
}

static long from_bytes(void *ctx, void *p, size_t n, int timeout_ms)
{
    str *left = ctx;
    size_t k = n < left->n ? n : left->n;

    if (k == 0)
        return -EPIPE;
    memcpy(p, left->p, k);
    *left = str_sub(*left, k, left->n);
    return (long)k;
}

static int to_nobody(void *ctx, const void *p, size_t n) { return 0; }

/* A relay of the version before sends no flows: it is told so, and nothing of it is taken. */
static void another_version(void **state)
{
    static const atomic_bool never;
    uint8_t hello[RELAY_FRAME_HEAD + 40] = {'L', RF_HELLO, 0, 0, 40};
    struct kit k;

    kit_start(&k, 0);
    for (int version = 0; version < 4; version++) {
        str left = {(const char *)hello, sizeof(hello)};
        struct relay_receive r = {.name = "r1",
                                  .store = k.store,
                                  .link = {&left, from_bytes, to_nobody},
                                  .stop = &never,
                                  .idle_ms = 1000,
                                  .say = centre_say,
                                  .ctx = &k};
        struct err e = {0};
        hello[RELAY_FRAME_HEAD] = (uint8_t)version;
        int rc = relay_receive_run(&r, &e);
        if (version == RELAY_VERSION) {
            assert_int_equal(rc, 0);
            continue;
        }
        assert_int_equal(rc, -EPROTO);
        assert_string_equal(e.key, "relay.version");
        assert_true(told(&k, "event=relay_refused relay=r1"));
    }
    kit_end(&k);
}

static void out_of_order(void **state)
{
    struct kit k;
    uint8_t entry[LEDGER_ENTRY], begin[LEDGER_HEAD];
    struct err e = {0};

    kit_start(&k, 0);
    relay_minute(&k, 5);
    relay_minute(&k, 5);
    bytes_of(k.relay.dir, "heads", 0, begin, sizeof(begin));
    bytes_of(k.relay.dir, "ledger", 1, entry, sizeof(entry));
    assert_int_equal(relay_store_head(k.store, begin, &e), 0);
    assert_int_equal(relay_store_entry(k.store, entry, &e), -EBADMSG);
    assert_string_equal(e.key, "relay.entry_ahead");
    relay_store_close(k.store); /* another relay's chain under this pin */
    memset(k.anchor, 'a', 64);
    struct relay_store_cfg cfg = {.dir = k.kept, .anchor = str_c(k.anchor), .journal = k.centre.j};
    assert_int_equal(relay_store_open(&cfg, &k.store, &e), -EBADMSG);
    assert_string_equal(e.key, "relay.anchor");
    k.store = NULL;
    kit_end(&k);
}

/* The spool has a ceiling: what the relay dropped is counted, told, and no tampering. */
static void dropped(void **state)
{
    struct kit k;

    kit_start(&k, 64 << 10);
    line_whole(&k);
    for (int i = 0; i < 40; i++)
        relay_minute(&k, 200);
    line_whole(&k);
    assert_true(k.dropped > 0);
    struct verify_report rep = verified(&k);
    if (rep.bad)
        fail_msg("%s %s %s", rep.first.key, rep.first.arg[0], rep.first.arg[1]);
    struct relay_store_stats st;
    relay_store_stats(k.store, &st);
    assert_true(rep.deleted > 0);
    assert_int_equal(rep.deleted, st.missing_events);
    assert_int_equal(rep.events + rep.deleted, k.put);
    assert_int_equal(k.told, k.dropped); /* one event for each block that does not come */
    kit_end(&k);
}

/* The centre's ceiling: it refuses, the relay keeps the rest. */
static void centre_full(void **state)
{
    struct kit k;
    struct err e;
    uint64_t entry;

    kit_start(&k, 0);
    for (int i = 0; i < 10; i++)
        relay_minute(&k, 100);
    relay_store_close(k.store);
    struct relay_store_cfg cfg = {.dir = k.kept, .anchor = str_c(k.anchor), .journal = k.centre.j, .max_bytes = 20000};
    assert_int_equal(relay_store_open(&cfg, &k.store, &e), 0);
    assert_int_equal(line(&k, INT64_MAX, INT64_MAX, UINT64_MAX, &entry, &e), -ENOSPC);
    assert_true(told(&k, "relay_max"));
    relay_store_close(k.store);
    store_open(&k);
    line_whole(&k);
    assert_all_there(&k);
    assert_proven(&k);
    kit_end(&k);
}

/* Events of a relay are proven like the centre's own, over the relay's ledger. */
static void proof_of_one(void **state)
{
    struct kit k;
    struct err e = {0};
    json_t *proof = NULL;

    kit_start(&k, 0);
    own_some(&k, 3);
    relay_minute(&k, 12);
    line_whole(&k);
    struct segment *g;
    struct block_info b;
    assert_false(journal_block_hold(k.centre.j, 1, &g, &b));
    uint64_t seq = 0;
    for (uint64_t n = 4; n < 2000000 && seq == 0; n++)
        if (journal_prove(k.centre.j, n, &proof, &e) == 0)
            seq = n;
    assert_true(seq > 3);
    assert_int_equal(json_integer_value(json_object_get(proof, "index")), 0);
    assert_non_null(json_object_get(proof, "entry_path"));
    json_decref(proof);
    kit_end(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_days),       cmocka_unit_test(cut_in_block),
        cmocka_unit_test(flipped_in_spool), cmocka_unit_test(every_flipped_byte),
        cmocka_unit_test(out_of_order),     cmocka_unit_test(another_version),
        cmocka_unit_test(dropped),          cmocka_unit_test(centre_full),
        cmocka_unit_test(proof_of_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
