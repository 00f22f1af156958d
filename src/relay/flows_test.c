/* A relay's flows at the centre: the same outage, the same hostile line, and how long they are kept. */
#include "base/rand.h"
#include "journal/archive.h"
#include "journal/flow_guest.h"
#include "relay/relay_test-int.h"

enum { OWN_MARK = 1u << 31 };
static struct flow_batch batch;

static void put(enum flow_col c, uint32_t row, uint64_t v)
{
    memcpy((uint8_t *)flow_batch_col(&batch, c) + (size_t)row * flow_columns[c].width, &v, flow_columns[c].width);
}

/* n flows received now, each with a mark of its own in src_as. */
static void flows_put(struct kit *k, struct flow_store *f, uint32_t mark, uint32_t n)
{
    struct buf wire;
    uint64_t first;

    flow_batch_clear(&batch);
    batch.nexporters = 1;
    batch.exporters[0] = (struct flow_exporter){.ip = {4, {192, 0, 2, 1}}, .version = 10};
    for (uint32_t i = 0; i < n; i++) {
        put(FC_received, i, (uint64_t)clock_wall(&k->clk));
        put(FC_families, i, FAM_4);
        put(FC_src, i, 0x0a000000 + mark % 97 + i);
        put(FC_src_as, i, mark + i);
        put(FC_bytes, i, (mark + i) * 7919ull % 100000);
        put(FC_src_port, i, ((mark + i) * 2654435761u) >> 16);
    }
    batch.rows = n;
    buf_init(&wire, FLOW_WIRE_MAX);
    assert_true(flow_batch_seal(&batch, &wire));
    assert_int_equal(flow_store_append(f, buf_view(&wire), &first, NULL), 0);
    buf_done(&wire);
}

static void relay_flows(struct kit *k, uint32_t n)
{
    flows_put(k, k->relay.f, (uint32_t)k->flows, n);
    k->flows += n;
}

/* Lines and flows, sealed and signed. */
static void both(struct kit *k, uint32_t lines, uint32_t flows)
{
    relay_flows(k, flows);
    relay_now(k, lines);
}

struct found {
    uint64_t relayed, own, last, wrong;
    uint64_t sum; /* of the relay's marks */
};

static int see_page(void *ctx, struct flow_page *p)
{
    struct found *s = ctx;
    const uint32_t *mark = flow_page_col(p, FC_src_as);

    s->wrong += mark == NULL;
    for (uint32_t i = p->n; mark != NULL && i-- > 0;) {
        s->wrong += p->first_seq + i >= s->last || (p->relay != 0) == (mark[i] >= OWN_MARK);
        s->last = p->first_seq + i;
        s->relayed += p->relay != 0;
        s->own += p->relay == 0;
        s->sum += p->relay != 0 ? mark[i] : 0;
    }
    return 0;
}

static struct found found(struct kit *k)
{
    struct flow_scan_opts o = {.since_ns = INT64_MIN, .until_ns = INT64_MAX};
    struct flow_scan_stats st = {0};
    struct found s = {.last = UINT64_MAX};

    assert_int_equal(flow_store_scan(k->centre.f, &o, see_page, &s, &st, NULL), 0);
    assert_int_equal(st.bad_blocks, 0);
    assert_int_equal(s.wrong, 0); /* every number once, falling */
    return s;
}

static void assert_flows(struct kit *k, uint64_t own)
{
    struct found s = found(k);

    assert_int_equal(s.relayed, k->flows);
    assert_int_equal(s.sum, k->flows * (k->flows - 1) / 2); /* each once */
    assert_int_equal(s.own, own);
}

static void three_days(void **state)
{
    struct kit k;
    struct err e;
    uint64_t entry, cuts = 0, rnd = 43, own = 0;
    struct relay_point p;

    kit_start(&k, 0);
    for (int i = 0; i < 3 * 24 * 4; i++) { /* no line; every quarter of an hour something comes */
        if (i % 3 != 1)
            relay_flows(&k, 50);
        relay_now(&k, i % 3 != 2 ? 20 : 1);
        clock_advance(&k.clk, 839 * NS_PER_S);
        journal_tick(k.relay.j, NULL, NULL);
        if (i % 40 == 0) {
            flows_put(&k, k.centre.f, OWN_MARK, 30);
            own += 30;
        }
    }
    for (; cuts < 5000; cuts++) { /* the line is up, and breaks, anywhere, on either side */
        int64_t bytes = 100 + (int64_t)(prng(&rnd) % 15000);
        int rc = cuts % 3 == 2 ? line(&k, INT64_MAX, bytes / 60, UINT64_MAX, &entry, &e)
                               : line(&k, bytes, INT64_MAX, UINT64_MAX, &entry, &e);
        if (rc == 0)
            break;
        assert_int_equal(rc, -EPIPE);
        if (cuts % 10 == 0) { /* the relay goes on receiving, and so does the centre */
            both(&k, 5, 15);
            flows_put(&k, k.centre.f, OWN_MARK, 7);
            own += 7;
        }
        if (cuts % 17 == 0) { /* either side starts again */
            relay_store_close(k.store);
            side_close(&k.centre);
            side_open(&k, &k.centre, 0, 0);
            store_open(&k);
        }
        if (cuts % 23 == 0) {
            side_close(&k.relay);
            side_open(&k, &k.relay, 0, 0);
        }
    }
    line_whole(&k);
    relay_store_point(k.store, &p);
    print_message("# %llu flows, %llu entries over %llu cuts\n", (unsigned long long)k.flows,
                  (unsigned long long)p.entries, (unsigned long long)cuts);
    assert_true(cuts > 50 && cuts < 5000);
    assert_flows(&k, own);
    assert_int_equal(test_hits(k.centre.j, "*", NULL), k.put);
    assert_proven(&k);
    assert_int_equal(k.acked.next_flow, k.flows + 1);
    assert_int_equal(k.acked.next, k.put + 1);
    assert_int_equal(k.told, 0); /* nothing was refused, nothing missing */
    struct relay_store_stats st;
    relay_store_stats(k.store, &st);
    assert_true(st.flows == k.flows && st.missing_flows == 0 && st.flow_blocks > 100);
    relay_store_close(k.store);
    store_open(&k);
    assert_flows(&k, own);
    kit_end(&k);
}

/* A block too long for any single line still comes over, piece by piece. */
static void cut_in_block(void **state)
{
    struct kit k;
    struct err e;
    struct relay_point p = {0};
    uint64_t entry, part = 0, lines = 0, rnd = 5;

    kit_start(&k, 0);
    for (int i = 0; i < 30; i++) {
        flows_put(&k, k.relay.f, (uint32_t)k.flows, 1000);
        k.flows += 1000;
        clock_advance(&k.clk, (int64_t)(prng(&rnd) % NS_PER_S)); /* times that do not compress away */
    }
    relay_seal(&k);
    while (line(&k, 40000, INT64_MAX, UINT64_MAX, &entry, &e) != 0) {
        relay_store_point(k.store, &p);
        assert_true(p.part >= part || p.entries > 0);
        part = p.part;
        lines++;
        assert_true(lines < 1000);
    }
    print_message("# %llu lines\n", (unsigned long long)lines);
    assert_true(lines > 3);
    assert_flows(&k, 0);
    assert_proven(&k);
    kit_end(&k);
}

/* ---- a hostile line ---- */

/* A block with its file's head, entry and first two heads, as a relay has them. */
struct sent {
    uint8_t file[FLOW_SEGMENT_HEAD], entry[LEDGER_ENTRY], begin[LEDGER_HEAD], first[LEDGER_HEAD], block[65536];
    str whole;
};

static void sent_make(struct kit *k, struct sent *x)
{
    struct flow_segment *g;
    struct flow_stored b;

    relay_flows(k, 12);
    relay_seal(k);
    assert_true(flow_block_hold(k->relay.f, 1, &g, &b));
    assert_true(b.head.length <= sizeof(x->block));
    assert_int_equal(pread(g->fd, x->block, b.head.length, (off_t)b.off), b.head.length);
    assert_int_equal(pread(g->fd, x->file, sizeof(x->file), 0), sizeof(x->file));
    flow_guest_unref(k->relay.f, g);
    x->whole = (str){(const char *)x->block, b.head.length};
    bytes_of(k->relay.dir, "ledger", 0, x->entry, sizeof(x->entry));
    bytes_of(k->relay.dir, "heads", 0, x->begin, sizeof(x->begin));
    bytes_of(k->relay.dir, "heads", 1, x->first, sizeof(x->first));
}

static int give(struct kit *k, const struct sent *x, struct err *e)
{
    int rc = relay_store_entry(k->store, x->entry, e);

    if (rc == 0)
        rc = relay_store_segment(k->store, x->file, e);
    return rc < 0 ? rc : relay_store_bytes(k->store, 0, x->whole.n, x->whole, e);
}

/* Every byte of a block, of its file's head, of its entry and of its head, changed one at a time. */
static void every_flipped_byte(void **state)
{
    static struct sent x;
    struct kit k;
    struct err e = {0};

    kit_start(&k, 0);
    sent_make(&k, &x);
    assert_int_equal(relay_store_head(k.store, x.begin, &e), 0);
    assert_int_equal(relay_store_entry(k.store, x.entry, &e), 0);
    assert_int_equal(relay_store_bytes(k.store, 0, x.whole.n, x.whole, &e), -EPROTO); /* no file said */
    for (size_t i = 0; i < sizeof(x.file); i++) {
        x.file[i] ^= 1;
        assert_int_equal(relay_store_segment(k.store, x.file, &e), -EBADMSG);
        x.file[i] ^= 1;
    }
    for (size_t i = 0; i < x.whole.n; i++) {
        x.block[i] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(give(&k, &x, &e), -EBADMSG);
        x.block[i] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t i = 0; i < sizeof(x.entry); i++) { /* refused at once, or when the head comes */
        x.entry[i] ^= 1;
        int rc = give(&k, &x, &e);
        x.entry[i] ^= 1;
        if (rc == 0)
            rc = relay_store_head(k.store, x.first, &e);
        assert_true(rc < 0);
    }
    assert_int_equal(give(&k, &x, &e), 0);
    assert_int_equal(relay_store_bytes(k.store, 0, x.whole.n, x.whole, &e), -EPROTO); /* twice */
    for (size_t i = 0; i < sizeof(x.first); i++) { /* each throws away what it does not sign */
        struct relay_store_stats st;
        x.first[i] ^= 4;
        assert_int_equal(relay_store_head(k.store, x.first, &e), -EBADMSG);
        x.first[i] ^= 4;
        relay_store_stats(k.store, &st);
        assert_int_equal(st.flows + st.bytes, 0);
        assert_int_equal(give(&k, &x, &e), 0);
        assert_int_equal(found(&k).relayed, 0); /* unseen until a head signs it */
    }
    assert_int_equal(relay_store_head(k.store, x.first, &e), 0);
    assert_flows(&k, 0);
    assert_proven(&k);
    kit_end(&k);
}

static void assert_refused(struct kit *k, const struct ledger_entry *n, const char *key)
{
    uint8_t bytes[LEDGER_ENTRY];
    struct err e = {0};

    ledger_entry_write(n, bytes);
    assert_int_equal(relay_store_entry(k->store, bytes, &e), -EBADMSG);
    assert_string_equal(e.key, key);
}

/* The file's head with another salt and number, and a checksum that fits. */
static void other_file(const struct sent *x, uint8_t salt, uint8_t no, uint8_t out[FLOW_SEGMENT_HEAD])
{
    memcpy(out, x->file, FLOW_SEGMENT_HEAD);
    out[8] ^= salt;
    out[20] = no;
    uint32_t crc = crc32c(0, out, FLOW_SEGMENT_HEAD - 4);
    for (int i = 0; i < 4; i++)
        out[FLOW_SEGMENT_HEAD - 4 + i] = (uint8_t)(crc >> 8 * i);
}

/* What is well formed and cannot be: each refusal says which. */
static void lies(void **state)
{
    static struct sent x;
    uint8_t head[FLOW_SEGMENT_HEAD];
    struct ledger_entry n;
    struct err e = {0};
    struct kit k;

    kit_start(&k, 0);
    sent_make(&k, &x);
    assert_int_equal(relay_store_head(k.store, x.begin, &e), 0);
    assert_true(ledger_entry_read(x.entry, &n));
    struct ledger_entry lie = n;
    lie.records = 0;
    assert_refused(&k, &lie, "relay.entry_order");
    lie.records = FLOW_BLOCK_ROWS + 1;
    assert_refused(&k, &lie, "relay.entry_order");
    lie.records = n.records;
    lie.first = 0; /* before what has come */
    assert_refused(&k, &lie, "relay.entry_order");
    lie.no = 1;
    assert_refused(&k, &lie, "relay.entry_ahead");

    assert_int_equal(relay_store_entry(k.store, x.entry, &e), 0);
    other_file(&x, 0, 5, head);
    assert_int_equal(relay_store_segment(k.store, head, &e), 0);
    other_file(&x, 1, 5, head); /* the same file with another salt */
    assert_int_equal(relay_store_segment(k.store, head, &e), -EBADMSG);
    assert_string_equal(e.key, "relay.segment_other");
    other_file(&x, 0, 4, head); /* an older file than that */
    assert_int_equal(relay_store_segment(k.store, head, &e), -EBADMSG);
    assert_string_equal(e.key, "relay.segment_order");
    assert_int_equal(relay_store_bytes(k.store, 0, x.whole.n + 1, x.whole, &e), -EBADMSG);
    assert_string_equal(e.key, "relay.block_other"); /* longer than the entry says */

    lie = n;
    lie.stored = 200u << 20; /* and an entry of a block that is larger than any may be */
    uint8_t bytes[LEDGER_ENTRY];
    ledger_entry_write(&lie, bytes);
    assert_int_equal(relay_store_entry(k.store, bytes, &e), 0);
    assert_int_equal(relay_store_bytes(k.store, 0, lie.stored, x.whole, &e), -EBADMSG);
    assert_string_equal(e.key, "relay.block_other");
    kit_end(&k);
}

/* The machine stops while a block comes, and between the block and its head: it comes again. */
static void stopped_before_the_head(void **state)
{
    static struct sent x;
    char copy[100], command[300];
    struct err e = {0};
    struct kit k;

    kit_start(&k, 0);
    sent_make(&k, &x);
    assert_int_equal(relay_store_head(k.store, x.begin, &e), 0);
    snprintf(copy, sizeof(copy), "%s-copy", k.kept);
    for (size_t n = 1; n <= x.whole.n; n += n == x.whole.n ? 1 : n + 700 > x.whole.n ? x.whole.n - n : 700) {
        struct relay_store_cfg cfg = {.dir = copy, .name = "r2", .anchor = str_c(k.anchor)};
        struct relay_store *s;
        struct relay_store_stats st;
        assert_int_equal(relay_store_entry(k.store, x.entry, &e), 0);
        assert_int_equal(relay_store_segment(k.store, x.file, &e), 0);
        assert_int_equal(relay_store_bytes(k.store, 0, x.whole.n, str_sub(x.whole, 0, n), &e), 0);
        snprintf(command, sizeof(command), "rm -rf %s && cp -r %s %s", copy, k.kept, copy);
        assert_int_equal(system(command), 0);
        assert_int_equal(relay_store_open(&cfg, &s, &e), 0); /* what a new start finds */
        relay_store_stats(s, &st);
        assert_true(st.flows == 0 && st.bytes == 0 && st.entries == 0 && st.heads == 1);
        relay_store_close(s);
        relay_store_close(k.store);
        store_open(&k);
    }
    line_whole(&k);
    assert_flows(&k, 0);
    assert_proven(&k);
    test_dir_drop(copy);
    kit_end(&k);
}

/* A block that is damaged at the relay is refused, passed over when it stays so, and the hole has a name. */
static void flipped_in_spool(void **state)
{
    struct kit k;
    struct err e;
    struct flow_segment *g;
    struct flow_stored b;
    uint64_t entry;

    kit_start(&k, 0);
    both(&k, 5, 40);
    both(&k, 5, 41);
    both(&k, 5, 42);
    assert_true(flow_block_hold(k.relay.f, 41, &g, &b));
    flip(g->path, b.off + b.head.length - 1);
    flow_guest_unref(k.relay.f, g);
    assert_int_equal(line(&k, INT64_MAX, INT64_MAX, UINT64_MAX, &entry, &e), -ECONNREFUSED);
    assert_true(told(&k, "event=relay_refused relay=r1"));
    assert_int_equal(line(&k, INT64_MAX, INT64_MAX, entry, &entry, &e), 0);
    assert_true(told(&k, "event=relay_missing relay=r1 reason=refused") && told(&k, "first=41 flows=41"));
    struct verify_report rep = verified(&k);
    assert_true(rep.bad);
    assert_string_equal(rep.first.key, "journal.proof_flows_missing");
    assert_string_equal(rep.first.arg[0], "41");
    assert_int_equal(rep.flows, 82);
    assert_int_equal(found(&k).relayed, 82);
    struct relay_store_stats st;
    relay_store_stats(k.store, &st);
    assert_int_equal(st.missing_flows, 41);
    kit_end(&k);
}

/* ---- how long, and how much ---- */

static void assert_lawful(struct kit *k)
{
    struct relay_store_stats st;
    char centre[65];

    assert_int_equal(ledger_sign(journal_ledger(k->centre.j), NULL), 0);
    ledger_anchor(journal_ledger(k->centre.j), centre);
    struct verify_report rep = verified_with(k, k->centre.dir, centre);
    if (rep.bad)
        fail_msg("%s %s %s", rep.first.key, rep.first.arg[0], rep.first.arg[1]);
    assert_int_equal(rep.flows_deleted, k->gone_flows);
    assert_int_equal(rep.flows, k->flows - k->gone_flows);
    assert_int_equal(rep.deleted, k->gone);
    assert_int_equal(rep.events, k->put - k->gone);
    assert_true(verified(k).bad); /* without the centre's word nobody said so */
    relay_store_stats(k->store, &st);
    assert_int_equal(st.flows, k->flows - k->gone_flows);
    assert_int_equal(st.missing_flows + st.missing_events, 0);
    assert_int_equal(found(k).relayed, k->flows - k->gone_flows);
}

/* Ten days, kept for five: whole files of both go, and each stream's numbers are its own. */
static void retention(void **state)
{
    char centre[65], pattern[100];
    struct relay_store_stats st;
    struct kit k;
    glob_t files;

    kit_start(&k, 0);
    store_open_limits(&k, 5, 0);
    for (int day = 0; day < 10; day++) {
        both(&k, 30, 70);
        line_whole(&k);
        clock_advance(&k.clk, (86400 - 61) * NS_PER_S);
    }
    assert_int_equal(found(&k).relayed, 700);
    relay_store_tick(k.store);
    assert_true(k.gone == 150 && k.gone_flows > 150 && k.gone_flows <= 350 && k.gone_flows % 70 == 0);
    assert_string_equal(k.said, "retention");
    assert_lawful(&k);
    store_open_limits(&k, 5, 0); /* and after a new start */
    assert_lawful(&k);
    both(&k, 30, 70); /* the line goes on where it stood */
    line_whole(&k);
    assert_lawful(&k);

    relay_store_close(k.store);
    k.store = NULL;
    snprintf(pattern, sizeof(pattern), "%s/flow-*.lyf", k.kept); /* a file that somebody takes away is no deletion */
    assert_int_equal(glob(pattern, 0, NULL, &files), 0);
    assert_int_equal(unlink(files.gl_pathv[0]), 0);
    globfree(&files);
    store_open_limits(&k, 5, 0);
    relay_store_stats(k.store, &st);
    assert_int_equal(st.missing_flows, 70);
    ledger_anchor(journal_ledger(k.centre.j), centre);
    struct verify_report rep = verified_with(&k, k.centre.dir, centre);
    assert_true(rep.bad);
    assert_string_equal(rep.first.key, "journal.proof_flows_missing");
    kit_end(&k);
}

/* Under the ceiling the oldest goes, of whichever stream it is. */
static void ceiling(void **state)
{
    enum { MAX = 60000 };
    struct kit k;
    struct relay_store_stats st;

    kit_start(&k, 0);
    store_open_limits(&k, 0, MAX);
    for (int day = 0; day < 20; day++) {
        both(&k, 50, 300);
        line_whole(&k);
        clock_advance(&k.clk, 86400 * NS_PER_S);
        relay_store_stats(k.store, &st);
        assert_true(st.bytes <= MAX);
    }
    assert_true(k.gone > 0 && k.gone_flows > 0);
    int64_t days = (int64_t)(k.gone / 50) - (int64_t)(k.gone_flows / 300);
    assert_true(days >= -1 && days <= 1);
    assert_string_equal(k.said, "size ceiling");
    assert_lawful(&k);
    kit_end(&k);
}

/* A deletion that was entered and not done is finished by the next start. */
static void deletion_finished(void **state)
{
    char pattern[100], command[400];
    struct kit k;
    glob_t files;

    kit_start(&k, 0);
    store_open_limits(&k, 5, 0);
    for (int day = 0; day < 10; day++) {
        both(&k, 30, 70);
        line_whole(&k);
        clock_advance(&k.clk, (86400 - 61) * NS_PER_S);
    }
    snprintf(command, sizeof(command), "cp -r %s %s-before", k.kept, k.kept);
    assert_int_equal(system(command), 0);
    relay_store_tick(k.store);
    assert_true(k.gone_flows > 0);
    relay_store_close(k.store);
    k.store = NULL;
    snprintf(command, sizeof(command), "cp -n %s-before/flow-* %s-before/seg-* %s/; rm -rf %s-before", k.kept, k.kept,
             k.kept, k.kept);
    assert_int_equal(system(command), 0);
    store_open_limits(&k, 5, 0);
    assert_lawful(&k);
    snprintf(pattern, sizeof(pattern), "%s/flow-*.lyf", k.kept);
    assert_int_equal(glob(pattern, 0, NULL, &files), 0);
    assert_int_equal(files.gl_pathc, (k.flows - k.gone_flows) / 70);
    globfree(&files);
    kit_end(&k);
}

/* Closed months of flows go with the lines', each in its own time, and age deletes only what is archived. */
static void archives(void **state)
{
    static const atomic_bool never;
    struct archive_done done;
    struct archive_state st;
    struct err e = {0};
    struct kit k;
    char place[64], command[100], dir[200];
    uint64_t lines = 0, flows = 0;
    int made = 0;

    test_dir_make_fast(place);
    kit_start(&k, 0);
    for (int again = 0; again < 2; again++) {
        relay_store_close(k.store);
        k.store = NULL;
        side_close(&k.centre);
        struct journal_cfg jc = {
            .dir = k.centre.dir, .vault = k.centre.v, .archive_dir = place, .archive_same_disk = true};
        assert_int_equal(journal_open(&jc, &k.clk, &k.centre.j, &e), 0);
        flows_open(&k, &k.centre, 0);
        assert_int_equal(journal_archive_flows(k.centre.j, k.centre.f, &e), 0);
        store_open_limits(&k, 5, 0);
        if (again > 0)
            break;
        for (int i = 0; i < 12; i++) { /* from 2026-11-21 on, every tenth day; in the last month no flows any more */
            if (i < 9)
                relay_flows(&k, 70);
            relay_now(&k, 30);
            line_whole(&k);
            clock_advance(&k.clk, (10 * 86400 - 61) * NS_PER_S);
        }
        relay_store_tick(k.store);
        assert_true(k.gone == 0 && k.gone_flows == 0); /* old, but not archived */
        journal_archive_state(k.centre.j, &st);
        assert_true(st.waiting_segments > 8);
        for (int rc; (rc = relay_store_archive(k.store, &never, &done, &e)) != 0; made++) {
            if (rc < 0)
                fail_msg("%s %s", e.key, e.arg[0]);
            struct verify_opts o = {.anchor = str_c(k.anchor), .archive = true};
            struct verify_report rep;
            snprintf(dir, sizeof(dir), "%s/%s", place, done.name);
            assert_int_equal(journal_verify_dir(dir, &o, &rep, NULL), 0);
            if (rep.bad || done.check.bad)
                fail_msg("%s: %s %s", done.name, rep.first.key, rep.first.arg[0]);
            assert_true(rep.events == done.records && rep.flows == done.flows);
            lines += rep.events;
            flows += rep.flows;
        }
        assert_true(made >= 3 && flows >= 70 * 6 && flows < k.flows && lines >= 30 * 10);
        journal_archive_state(k.centre.j, &st);
        assert_int_equal(st.waiting_segments, 1); /* its newest flows, whose month may grow */
    }
    clock_advance(&k.clk, 61 * NS_PER_S); /* after a new start, by the notes alone */
    relay_store_tick(k.store);
    assert_true(k.gone > 0 && k.gone <= lines && k.gone_flows == flows);
    journal_archive_state(k.centre.j, &st);
    assert_int_equal(st.lost_segments, 0);
    assert_int_equal(journal_archive_flows(k.centre.j, NULL, NULL), 0);
    kit_end(&k);
    snprintf(command, sizeof(command), "rm -rf %s", place);
    assert_int_equal(system(command), 0);
}

static int batch_make(void **state) { return flow_batch_init(&batch) ? 0 : -1; }
static int batch_drop(void **state)
{
    flow_batch_done(&batch);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_days),
        cmocka_unit_test(cut_in_block),
        cmocka_unit_test(every_flipped_byte),
        cmocka_unit_test(lies),
        cmocka_unit_test(stopped_before_the_head),
        cmocka_unit_test(flipped_in_spool),
        cmocka_unit_test(retention),
        cmocka_unit_test(ceiling),
        cmocka_unit_test(deletion_finished),
        cmocka_unit_test(archives),
    };
    return cmocka_run_group_tests_name("relay/flows", tests, batch_make, batch_drop);
}
