/* A relay and its centre over socket pairs: three days of outage in simulated time, lines that
 * break anywhere, and what must be refused. */
#include "base/file.h"
#include "base/rand.h"
#include "journal/journal_test-int.h"
#include "journal/archive.h"
#include "journal/proof.h"
#include "relay/ceiling.h"
#include "relay/receive.h"
#include "relay/send.h"
#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/socket.h>

enum { OWN = 1000000 /* numbers of the centre's own events */ };

struct side {
    char dir[64], keys[80];
    struct vault *v;
    struct journal *j;
};
struct kit {
    struct clock clk;
    struct side relay, centre;
    char kept[80], anchor[65];
    struct relay_store *store;
    uint64_t put, own; /* events given to the relay; of the centre's own */
    int64_t relay_max;
    char said[2048];              /* what the centre told last */
    uint64_t told, dropped, gone; /* gone: events deleted at the centre */
    struct relay_sent acked;
    uint64_t took, refusals; /* the taker: behind its last event; batches that it refused */
    bool wrong;
};

static void side_open(struct kit *k, struct side *s, size_t block, int64_t max)
{
    struct journal_cfg cfg = {.dir = s->dir, .block_bytes = block, .vault = s->v, .max_bytes = max};
    struct err e = {0};

    if (journal_open(&cfg, &k->clk, &s->j, &e) < 0)
        fail_msg("%s %s", e.key, e.arg[0]);
}

static void side_start(struct kit *k, struct side *s, int64_t max)
{
    test_dir_make_fast(s->dir);
    snprintf(s->keys, sizeof(s->keys), "%s-keys", s->dir);
    assert_int_equal(vault_open(s->keys, &k->clk, &s->v, NULL), 0);
    side_open(k, s, 0, max);
}

static void store_open(struct kit *k)
{
    struct relay_store_cfg cfg = {.dir = k->kept, .anchor = str_c(k->anchor), .journal = k->centre.j};
    struct err e = {0};

    if (relay_store_open(&cfg, &k->store, &e) < 0)
        fail_msg("%s %s %s", e.key, e.arg[0], e.arg[1]);
}

static void kit_start(struct kit *k, int64_t relay_max)
{
    *k = (struct kit){.clk = clock_manual(TEST_NOW), .relay_max = relay_max};
    side_start(k, &k->relay, relay_max);
    side_start(k, &k->centre, 0);
    snprintf(k->kept, sizeof(k->kept), "%s-relay", k->centre.dir);
    ledger_anchor(journal_ledger(k->relay.j), k->anchor);
    store_open(k);
}

static void side_end(struct side *s)
{
    journal_close(s->j);
    vault_close(s->v);
    test_dir_drop(s->dir);
    test_dir_drop(s->keys);
}

static void kit_end(struct kit *k)
{
    relay_store_close(k->store);
    side_end(&k->relay);
    side_end(&k->centre);
    test_dir_drop(k->kept);
}

static void relay_seal(struct kit *k)
{
    int64_t due;

    struct journal *j = k->relay.j;
    pthread_mutex_lock(&j->lock); /* the sealer may be at the last block's proof still: then no tick closes another */
    while (j->nfrozen > 0 || j->proving)
        pthread_cond_wait(&j->room, &j->lock);
    pthread_mutex_unlock(&j->lock);
    clock_advance(&k->clk, 61 * NS_PER_S);
    assert_int_equal(journal_tick(k->relay.j, &due, NULL), 0); /* closes the block */
    test_wait_sealed(k->relay.j);
    while (ledger_next(journal_ledger(k->relay.j), LEDGER_LOG) != k->put + 1)
        ; /* the sealer adds the entry after the block */
    assert_int_equal(ledger_sign(journal_ledger(k->relay.j), NULL), 0);
}

/* n events at the relay, sealed and signed a minute later. */
static void relay_minute(struct kit *k, uint32_t n)
{
    assert_int_equal(test_append(k->relay.j, k->put, n, NULL), 0);
    k->put += n;
    relay_seal(k);
}

/* The same, received now: a day later they lie in another file. */
static void relay_now(struct kit *k, uint32_t n)
{
    struct event_batch b;
    uint64_t first;

    event_batch_init(&b, EVENT_BATCH_MAX);
    for (uint32_t i = 0; i < n; i++) {
        struct test_line line;
        struct event ev = test_event(k->put++, &line);
        ev.received_ns = ev.event_ns = clock_wall(&k->clk);
        assert_true(event_batch_add(&b, &ev));
    }
    assert_int_equal(journal_append(k->relay.j, event_batch_seal(&b), &first, NULL), 0);
    event_batch_done(&b);
    relay_seal(k);
}

static void own_some(struct kit *k, uint32_t n)
{
    struct event_batch b;
    uint64_t first;

    event_batch_init(&b, EVENT_BATCH_MAX);
    assert_int_equal(journal_append(k->centre.j, test_batch(&b, OWN + k->own, n), &first, NULL), 0);
    event_batch_done(&b);
    k->own += n;
}

/* ---- lines ---- */

struct end {
    int fd;
    int64_t budget; /* bytes that may still be written; then the line breaks, for both */
};

static long end_read(void *ctx, void *p, size_t n, int timeout_ms)
{
    struct end *x = ctx;
    struct pollfd f = {.fd = x->fd, .events = POLLIN};

    if (poll(&f, 1, timeout_ms) == 0)
        return 0;
    ssize_t k = recv(x->fd, p, n, 0);
    return k > 0 ? k : -EPIPE;
}

static int end_write(void *ctx, const void *p, size_t n)
{
    struct end *x = ctx;
    size_t may = (int64_t)n <= x->budget ? n : (size_t)(x->budget > 0 ? x->budget : 0);

    x->budget -= (int64_t)n;
    for (size_t done = 0; done < may;) {
        ssize_t k = send(x->fd, (const char *)p + done, may - done, MSG_NOSIGNAL);
        if (k <= 0)
            return -EPIPE;
        done += (size_t)k;
    }
    if (may == n)
        return 0;
    shutdown(x->fd, SHUT_RDWR);
    return -EPIPE;
}

static void centre_say(void *ctx, int severity, str msg)
{
    struct kit *k = ctx;
    snprintf(k->said, sizeof(k->said), "%.*s", STR_ARGS(msg));
    k->told++;
}

static void relay_say(void *ctx, int severity, str msg)
{
    ((struct kit *)ctx)->dropped += str_find(msg, STR("event=relay_block_lost reason=dropped")) == 0;
}

static void relay_acked(void *ctx, const struct relay_sent *s) { ((struct kit *)ctx)->acked = *s; }
static bool go_on(void *ctx, int64_t ns) { return false; }

struct centre_thread {
    struct kit *k;
    struct end end;
    int rc;
    struct err e;
};

static void *centre_main(void *ctx)
{
    static const volatile bool never;
    struct centre_thread *t = ctx;
    struct relay_receive r = {.name = "r1",
                              .store = t->k->store,
                              .link = {&t->end, end_read, end_write},
                              .stop = &never,
                              .idle_ms = 20000,
                              .say = centre_say,
                              .ctx = t->k};

    t->rc = relay_receive_run(&r, &t->e);
    shutdown(t->end.fd, SHUT_RDWR);
    return NULL;
}

/* One line, which breaks after so many bytes either way. What the relay's end returned. */
static int line(struct kit *k, int64_t relay_bytes, int64_t centre_bytes, uint64_t give_up, uint64_t *entry,
                struct err *e)
{
    int sv[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
    struct end mine = {sv[0], relay_bytes};
    struct centre_thread t = {.k = k, .end = {sv[1], centre_bytes}};
    struct relay_send s = {.journal = k->relay.j,
                           .link = {&mine, end_read, end_write},
                           .clk = &k->clk,
                           .wait = go_on,
                           .say = relay_say,
                           .acked = relay_acked,
                           .ctx = k,
                           .until_done = true,
                           .answer_ms = 20000,
                           .give_up = give_up};
    pthread_t th;

    *entry = UINT64_MAX;
    *e = (struct err){0};
    assert_int_equal(pthread_create(&th, NULL, centre_main, &t), 0);
    int rc = relay_send_run(&s, entry, e);
    shutdown(sv[0], SHUT_RDWR);
    pthread_join(th, NULL);
    close(sv[0]);
    close(sv[1]);
    return rc;
}

static void line_whole(struct kit *k)
{
    uint64_t entry;
    struct err e;
    if (line(k, INT64_MAX, INT64_MAX, UINT64_MAX, &entry, &e) != 0)
        fail_msg("%s %s %s", e.key, e.arg[0], e.arg[1]);
}

/* ---- what must be so ---- */

struct seen {
    uint64_t relayed, own, wrong, last;
};

static bool see(void *ctx, const struct hit *h)
{
    struct seen *s = ctx;
    struct test_line a, b;
    struct event r = {0}, o = {0};

    s->wrong += h->seq >= s->last; /* every number once, falling */
    s->last = h->seq;
    if (s->relayed > 0)
        r = test_event(s->relayed - 1, &a);
    if (s->own > 0)
        o = test_event(OWN + s->own - 1, &b);
    if (s->relayed > 0 && test_event_same(&r, &h->ev))
        s->relayed--;
    else if (s->own > 0 && test_event_same(&o, &h->ev))
        s->own--;
    else
        s->wrong++;
    return true;
}

/* Newest first, the centre finds each of its own and each relayed event once, in order, with all it had. */
static void assert_all_there(struct kit *k)
{
    struct query all = {.since_ns = INT64_MIN, .until_ns = INT64_MAX};
    struct search_opts o = {.limit = UINT64_MAX};
    struct search_stats st;
    struct seen s = {k->put, k->own, 0, UINT64_MAX};

    assert_int_equal(journal_search(k->centre.j, &all, &o, see, &s, &st, NULL), 0);
    assert_int_equal(st.bad_blocks, 0);
    assert_int_equal(s.wrong, 0);
    assert_int_equal(s.relayed, 0);
    assert_int_equal(s.own, 0);
}

static struct verify_report verified(struct kit *k)
{
    struct verify_opts o = {.anchor = str_c(k->anchor)};
    struct verify_report rep;
    struct err e = {0};

    if (journal_verify_dir(k->kept, &o, &rep, &e) < 0)
        fail_msg("%s %s", e.key, e.arg[0]);
    return rep;
}

static void assert_proven(struct kit *k)
{
    struct verify_report rep = verified(k);

    if (rep.bad)
        fail_msg("%s %s %s", rep.first.key, rep.first.arg[0], rep.first.arg[1]);
    assert_int_equal(rep.events, k->put);
    assert_int_equal(rep.unproven, 0);
}

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
            journal_close(k.centre.j);
            side_open(&k, &k.centre, 0, 0);
            store_open(&k);
            relay_store_point(k.store, &p);
            before = p.entries;
        }
        if (cuts % 23 == 0) {
            journal_close(k.relay.j);
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

static void flip(const char *path, size_t at)
{
    int fd = open(path, O_RDWR);
    uint8_t c;

    assert_int_equal(pread(fd, &c, 1, (off_t)at), 1);
    c ^= 0x10;
    assert_int_equal(pwrite(fd, &c, 1, (off_t)at), 1);
    close(fd);
}

/* The word behind `name=` of what the centre told. */
static bool told(const struct kit *k, const char *text) { return strstr(k->said, text) != NULL; }

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

static void bytes_of(const char *dir, const char *name, uint64_t no, uint8_t *out, size_t n)
{
    char path[400];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    int fd = open(path, O_RDONLY);
    assert_int_equal(pread(fd, out, n, (off_t)(no * n)), n);
    close(fd);
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

static void on_deleted(void *ctx, const struct ledger_entry *n, const char *reason)
{
    struct kit *k = ctx;
    snprintf(k->said, sizeof(k->said), "%s", reason);
    k->gone += n->records;
}

static void store_open_limits(struct kit *k, int days, int64_t max)
{
    struct relay_store_cfg cfg = {.dir = k->kept,
                                  .anchor = str_c(k->anchor),
                                  .journal = k->centre.j,
                                  .clk = &k->clk,
                                  .retention_days = days,
                                  .max_bytes = max,
                                  .deleted = on_deleted,
                                  .ctx = k};
    struct err e = {0};

    relay_store_close(k->store);
    if (relay_store_open(&cfg, &k->store, &e) < 0)
        fail_msg("%s %s %s", e.key, e.arg[0], e.arg[1]);
}

static struct verify_report verified_with(struct kit *k, const char *centre, const char *centre_anchor)
{
    struct verify_opts o = {.anchor = str_c(k->anchor), .centre = centre, .centre_anchor = str_c(centre_anchor)};
    struct verify_report rep;

    assert_int_equal(journal_verify_dir(k->kept, &o, &rep, NULL), 0);
    return rep;
}

/* The centre's ledger tells a lawful deletion from a file that somebody took away. */
static void assert_lawful(struct kit *k)
{
    char centre[65];
    struct relay_store_stats st;

    assert_int_equal(ledger_sign(journal_ledger(k->centre.j), NULL), 0);
    ledger_anchor(journal_ledger(k->centre.j), centre);
    struct verify_report rep = verified_with(k, k->centre.dir, centre);
    if (rep.bad)
        fail_msg("%s %s %s", rep.first.key, rep.first.arg[0], rep.first.arg[1]);
    assert_int_equal(rep.deleted, k->gone);
    assert_int_equal(rep.events, k->put - k->gone);
    rep = verified(k); /* without it nobody said so */
    assert_true(rep.bad);
    assert_string_equal(rep.first.key, "journal.proof_missing");
    rep = verified_with(k, k->centre.dir, k->anchor); /* and another's ledger does not count */
    assert_true(rep.bad);
    relay_store_stats(k->store, &st);
    assert_int_equal(st.events, k->put - k->gone);
    assert_int_equal(st.missing_events, 0);
    assert_int_equal(test_hits(k->centre.j, "*", NULL), k->put - k->gone);
}

/* Ten days of a relay, kept for five: whole files go, are no longer found, and the copy verifies. */
static void retention(void **state)
{
    struct kit k;
    char centre[65];

    kit_start(&k, 0);
    store_open_limits(&k, 5, 0);
    for (int day = 0; day < 10; day++) {
        relay_now(&k, 30);
        line_whole(&k);
        clock_advance(&k.clk, (86400 - 61) * NS_PER_S);
    }
    assert_int_equal(test_hits(k.centre.j, "*", NULL), 300);
    relay_store_tick(k.store);
    assert_int_equal(k.gone, 150); /* received more than five days ago */
    assert_string_equal(k.said, "retention");
    assert_lawful(&k);
    store_open_limits(&k, 5, 0); /* and after a new start */
    assert_lawful(&k);
    relay_now(&k, 30); /* the line goes on where it stood */
    line_whole(&k);
    assert_int_equal(test_hits(k.centre.j, "*", NULL), k.put - k.gone);

    struct relay_store_stats st; /* a file that somebody takes away is no deletion */
    char pattern[100];
    glob_t files;
    relay_store_close(k.store);
    snprintf(pattern, sizeof(pattern), "%s/seg-*.luy", k.kept);
    assert_int_equal(glob(pattern, 0, NULL, &files), 0);
    assert_int_equal(unlink(files.gl_pathv[0]), 0);
    globfree(&files);
    k.store = NULL;
    store_open_limits(&k, 5, 0);
    relay_store_stats(k.store, &st);
    assert_int_equal(st.missing_events, 30);
    ledger_anchor(journal_ledger(k.centre.j), centre);
    struct verify_report rep = verified_with(&k, k.centre.dir, centre);
    assert_true(rep.bad);
    assert_string_equal(rep.first.key, "journal.proof_missing");
    assert_string_equal(rep.first.arg[0], "151");
    kit_end(&k);
}

/* The newest file stays, however old: new numbers are made above it. */
static void retention_keeps_newest(void **state)
{
    struct kit k;

    kit_start(&k, 0);
    store_open_limits(&k, 1, 0);
    relay_now(&k, 30);
    line_whole(&k);
    clock_advance(&k.clk, 100 * 86400 * NS_PER_S);
    relay_store_tick(k.store);
    assert_int_equal(k.gone, 0);
    relay_now(&k, 30);
    line_whole(&k);
    clock_advance(&k.clk, 61 * NS_PER_S);
    relay_store_tick(k.store);
    assert_int_equal(k.gone, 30);
    assert_lawful(&k);
    kit_end(&k);
}

/* The ceiling takes the oldest file first, and only then refuses. */
static void ceiling(void **state)
{
    struct kit k;
    struct relay_store_stats st;

    kit_start(&k, 0);
    store_open_limits(&k, 0, 20000);
    for (int day = 0; day < 10; day++) {
        relay_now(&k, 100);
        line_whole(&k);
        clock_advance(&k.clk, 86400 * NS_PER_S);
        relay_store_stats(k.store, &st);
        assert_true(st.bytes <= 20000);
    }
    assert_true(k.gone > 0 && k.gone % 100 == 0);
    assert_string_equal(k.said, "size ceiling");
    assert_lawful(&k);
    kit_end(&k);
}

static void store_open_ceiling(struct kit *k, struct relay_ceiling *c)
{
    struct relay_store_cfg cfg = {.dir = k->kept,
                                  .anchor = str_c(k->anchor),
                                  .journal = k->centre.j,
                                  .clk = &k->clk,
                                  .ceiling = c,
                                  .deleted = on_deleted,
                                  .ctx = k};

    relay_store_close(k->store);
    k->store = NULL;
    assert_int_equal(relay_store_open(&cfg, &k->store, NULL), 0);
}

struct asking {
    struct relay_ceiling *c;
    struct relay_store *s;
    atomic_bool stop;
};

/* As the centre's thread asks while lines go on. */
static void *asking_main(void *ctx)
{
    struct asking *x = ctx;
    struct relay_store_stats st;

    while (!atomic_load(&x->stop)) {
        relay_ceiling_room(x->c, 0);
        relay_store_stats(x->s, &st);
        sched_yield();
    }
    return NULL;
}

/* Two relays under one ceiling: the oldest files of both go, turn about; one that has fallen silent
 * gives its old ones first and keeps its newest. */
static void ceiling_over_all(void **state)
{
    enum { MAX = 40000 };
    struct kit a, b;
    struct relay_ceiling *c = relay_ceiling_new(MAX);
    struct asking x = {.c = c};
    pthread_t th;

    kit_start(&a, 0);
    kit_start(&b, 0);
    store_open_ceiling(&a, c);
    store_open_ceiling(&b, c);
    x.s = a.store;
    assert_int_equal(pthread_create(&th, NULL, asking_main, &x), 0);
    for (int day = 0; day < 12; day++) {
        relay_now(&a, 100);
        line_whole(&a);
        relay_now(&b, 60);
        line_whole(&b);
        assert_true(relay_store_size(a.store) + relay_store_size(b.store) <= MAX);
        clock_advance(&a.clk, 86400 * NS_PER_S);
        clock_advance(&b.clk, 86400 * NS_PER_S);
    }
    atomic_store(&x.stop, true);
    pthread_join(th, NULL);
    assert_true(a.gone > 0 && b.gone > 0 && a.gone % 100 == 0 && b.gone % 60 == 0);
    int64_t days = (int64_t)(a.gone / 100) - (int64_t)(b.gone / 60);
    assert_true(days >= -1 && days <= 1);
    for (int day = 0; day < 20; day++) { /* b is silent */
        relay_now(&a, 100);
        line_whole(&a);
        clock_advance(&a.clk, 86400 * NS_PER_S);
    }
    assert_int_equal(b.gone, b.put - 60);
    assert_string_equal(b.said, "size ceiling");
    assert_lawful(&a);
    assert_lawful(&b);
    kit_end(&a);
    kit_end(&b);
    relay_ceiling_free(c);
}

/* Nothing may go any more: the relay keeps the rest. */
static void ceiling_refuses(void **state)
{
    struct kit k;
    uint64_t entry;
    struct err e;
    struct relay_ceiling *c = relay_ceiling_new(1000);

    kit_start(&k, 0);
    store_open_ceiling(&k, c);
    relay_now(&k, 200);
    assert_int_equal(line(&k, INT64_MAX, INT64_MAX, UINT64_MAX, &entry, &e), -ENOSPC);
    assert_true(told(&k, "relay_total_max"));
    assert_int_equal(test_hits(k.centre.j, "*", NULL), 0);
    kit_end(&k);
    relay_ceiling_free(c);
}

/* ---- archives ---- */

static void open_with_archive(struct kit *k, const char *place, int days)
{
    struct journal_cfg jc = {
        .dir = k->centre.dir, .vault = k->centre.v, .archive_dir = place, .archive_same_disk = true};
    struct err e = {0};

    relay_store_close(k->store);
    k->store = NULL;
    journal_close(k->centre.j);
    if (journal_open(&jc, &k->clk, &k->centre.j, &e) < 0)
        fail_msg("%s %s", e.key, e.arg[0]);
    struct relay_store_cfg cfg = {.dir = k->kept,
                                  .name = "r1",
                                  .anchor = str_c(k->anchor),
                                  .journal = k->centre.j,
                                  .clk = &k->clk,
                                  .retention_days = days,
                                  .deleted = on_deleted,
                                  .ctx = k};
    assert_int_equal(relay_store_open(&cfg, &k->store, NULL), 0);
}

static struct verify_report archive_report(struct kit *k, const char *place, const char *name)
{
    struct verify_opts o = {.anchor = str_c(k->anchor), .archive = true};
    struct verify_report rep;
    char dir[200];

    snprintf(dir, sizeof(dir), "%s/%s", place, name);
    assert_int_equal(journal_verify_dir(dir, &o, &rep, NULL), 0);
    return rep;
}

static void flip_at(const char *path, off_t at)
{
    uint8_t b;
    assert_int_equal(chmod(path, 0600), 0);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0 && pread(fd, &b, 1, at) == 1);
    b ^= 1;
    assert_int_equal(pwrite(fd, &b, 1, at), 1);
    close(fd);
}

/* Closed months of a relay go to the second place, each verified there with nothing but the folder and
 * the relay's anchor; age deletes only what is archived. */
static void archives(void **state)
{
    static const volatile bool never;
    struct kit k;
    char place[64], path[400];
    struct archive_done done;
    struct err e = {0};
    uint64_t events = 0;
    int made = 0;

    test_dir_make_fast(place);
    kit_start(&k, 0);
    open_with_archive(&k, place, 5);
    for (int i = 0; i < 12; i++) { /* from 2026-11-21 on, every tenth day: three months and a half */
        relay_now(&k, 30);
        line_whole(&k);
        clock_advance(&k.clk, (10 * 86400 - 61) * NS_PER_S);
    }
    relay_store_tick(k.store);
    assert_int_equal(k.gone, 0); /* old, but not archived */
    struct archive_state st;
    journal_archive_state(k.centre.j, &st);
    assert_true(st.waiting_segments > 3);
    for (int rc; (rc = relay_store_archive(k.store, &never, &done, &e)) != 0; made++) {
        if (rc < 0)
            fail_msg("%s %s", e.key, e.arg[0]);
        struct verify_report rep = archive_report(&k, place, done.name);
        if (rep.bad || done.check.bad)
            fail_msg("%s: %s %s", done.name, rep.first.key, rep.first.arg[0]);
        assert_int_equal(rep.events, done.records);
        events += rep.events;
        if (made == 0)
            open_with_archive(&k, place, 5); /* what was archived is known again by its note */
    }
    assert_true(made >= 3);
    journal_archive_state(k.centre.j, &st);
    assert_int_equal(st.archives, made);
    assert_int_equal(st.waiting_segments, 0);
    clock_advance(&k.clk, 61 * NS_PER_S);
    relay_store_tick(k.store);
    assert_true(k.gone > 0 && k.gone <= events);
    assert_int_equal(st.lost_segments, 0);

    snprintf(path, sizeof(path), "%s/2026-12-r1/manifest.json", place);
    flip_at(path, 30);
    assert_true(archive_report(&k, place, "2026-12-r1").bad);
    flip_at(path, 30);
    assert_false(archive_report(&k, place, "2026-12-r1").bad);
    snprintf(path, sizeof(path), "%s/2026-12-r1/centre/ledger", place); /* the centre's word for it */
    flip_at(path, 40);
    assert_true(archive_report(&k, place, "2026-12-r1").bad);
    flip_at(path, 40);
    snprintf(path, sizeof(path), "%s/2026-12-r1/ledger", place);
    flip_at(path, 40);
    assert_true(archive_report(&k, place, "2026-12-r1").bad);
    flip_at(path, 40);
    glob_t files;
    snprintf(path, sizeof(path), "%s/2026-12-r1/seg-*.luy", place);
    assert_int_equal(glob(path, 0, NULL, &files), 0);
    flip_at(files.gl_pathv[0], 400);
    assert_true(archive_report(&k, place, "2026-12-r1").bad);
    globfree(&files);
    kit_end(&k);
    snprintf(path, sizeof(path), "rm -rf %s", place);
    assert_int_equal(system(path), 0);
}

/* ---- the taker ---- */

static int took_to(void *ctx, const char *relay, str anchor, uint64_t begin, uint64_t *next, struct err *e)
{
    struct kit *k = ctx;

    k->took = k->took == 0 ? begin : k->took;
    *next = k->took;
    return 0;
}

/* Every third batch is refused, and some events of it are taken all the same: next() says so. */
static int take(void *ctx, const struct relay_batch *b, struct err *e)
{
    struct kit *k = ctx;
    struct event_reader in;
    struct event ev;
    uint64_t no = b->first, number = b->number;
    bool refuse = k->refusals++ % 3 == 2;

    k->wrong |= strcmp(b->relay, "r1") != 0 || no != k->took || event_batch_open(b->wire, &in, e) < 0;
    while (event_batch_next(&in, &ev) == 1 && !(refuse && no == b->first + 5)) {
        struct test_line line;
        struct event want = test_event(no - 1, &line);
        k->wrong |= !test_event_same(&want, &ev) || number < no;
        number++;
        k->took = ++no;
    }
    return refuse ? ERR(e, -EIO, "journal.no_memory") : 0;
}

static void store_open_taker(struct kit *k)
{
    static struct relay_taker t;
    t = (struct relay_taker){took_to, take, k};
    struct relay_store_cfg cfg = {
        .dir = k->kept, .name = "r1", .taker = &t, .anchor = str_c(k->anchor), .journal = k->centre.j, .clk = &k->clk};

    relay_store_close(k->store);
    k->store = NULL;
    assert_int_equal(relay_store_open(&cfg, &k->store, NULL), 0);
}

/* Every kept event goes to the taker once and in order: over lines that break, a taker that refuses,
 * and a store that is opened again in between. */
static void handed_once(void **state)
{
    struct kit k;
    uint64_t entry;
    struct err e;

    kit_start(&k, 0);
    store_open_taker(&k);
    assert_int_equal(k.took, 1);
    own_some(&k, 7);
    for (int i = 0; i < 12; i++) {
        relay_minute(&k, 40);
        relay_minute(&k, 60);
        if (i % 2 == 0)
            line(&k, 3000 + 900 * i, INT64_MAX, UINT64_MAX, &entry, &e);
        else
            line_whole(&k);
        if (i % 3 == 0)
            store_open_taker(&k);
        assert_false(k.wrong);
    }
    line_whole(&k);
    while (k.took != k.put + 1) {
        uint64_t before = k.took;
        clock_advance(&k.clk, NS_PER_S);
        assert_true(relay_store_behind(k.store));
        relay_store_hand(k.store);
        assert_true(k.took > before);
    }
    assert_false(k.wrong);
    relay_store_hand(k.store);
    clock_advance(&k.clk, NS_PER_S);
    assert_false(relay_store_behind(k.store));
    kit_end(&k);
}

/* What was kept before there was a taker is not news to it. */
static void begins_with_what_comes(void **state)
{
    struct kit k;

    kit_start(&k, 0);
    relay_minute(&k, 50);
    line_whole(&k);
    store_open_taker(&k);
    assert_int_equal(k.took, 51);
    assert_false(relay_store_behind(k.store));
    relay_minute(&k, 20);
    line_whole(&k);
    assert_int_equal(k.took, 71);
    assert_false(k.wrong);
    kit_end(&k);
}

/* ---- live tail ---- */

struct tailing {
    uint64_t next, own, wrong, room; /* room: events that it takes before it says stop */
};

static bool tailed(void *ctx, const struct hit *h)
{
    struct tailing *t = ctx;
    struct test_line line;
    struct event want = test_event(h->relay != NULL ? t->next++ : OWN + t->own++, &line);

    t->wrong += !test_event_same(&want, &h->ev) || (h->relay != NULL && strcmp(h->relay, "r1") != 0);
    return --t->room > 0;
}

/* Relayed lines come to the tail as they are shown, each once, with the relay's name, between the
 * centre's own; a reader may stop in the middle of a block, and who stays away long enough is told. */
static void live_tail(void **state)
{
    struct kit k;
    struct query all = {.since_ns = INT64_MIN, .until_ns = INT64_MAX};
    struct tail *tail, *slow;
    struct tailing t = {.next = 30}, s = {.next = 0};
    uint64_t lost, all_lost = 0;

    kit_start(&k, 0);
    store_open_taker(&k); /* gives it its name */
    relay_minute(&k, 30); /* before: not for the tail */
    line_whole(&k);
    assert_int_equal(journal_tail_open(k.centre.j, &all, &tail, NULL), 0);
    assert_int_equal(journal_tail_open(k.centre.j, &all, &slow, NULL), 0);
    t.room = UINT64_MAX;
    assert_int_equal(journal_tail_wait(tail, 0, tailed, &t, &lost), 0);
    assert_int_equal(t.next, 30);
    for (int i = 0; i < 5; i++) {
        own_some(&k, 3);
        relay_minute(&k, 40);
        line_whole(&k);
        for (int n = 0; n < 20 && (t.next < k.put || t.own < k.own); n++) {
            t.room = 7;
            assert_int_equal(journal_tail_wait(tail, 0, tailed, &t, &lost), 0);
            all_lost += lost;
        }
        assert_int_equal(t.next, k.put);
        assert_int_equal(t.own, k.own);
    }
    store_open_taker(&k); /* opened again, what is kept is no news */
    t.room = UINT64_MAX;
    assert_int_equal(journal_tail_wait(tail, 0, tailed, &t, &lost), 0);
    assert_int_equal(t.next, k.put);
    assert_int_equal(t.wrong + all_lost + lost, 0);
    assert_int_equal(test_hits(k.centre.j, "*", NULL), k.put + k.own);

    for (int i = 0; i < 70; i++)
        relay_minute(&k, 2);
    line_whole(&k);
    s.room = UINT64_MAX;
    assert_int_equal(journal_tail_wait(slow, 0, tailed, &s, &lost), 0);
    assert_int_equal(s.next, 64 * 2); /* of its relayed lines it gets the newest 64 blocks, */
    assert_int_equal(lost, 6 * 2);    /* and is told of those that are still there; the store was opened anew since */
    journal_tail_close(tail);
    journal_tail_close(slow);
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
        cmocka_unit_test(three_days),
        cmocka_unit_test(cut_in_block),
        cmocka_unit_test(flipped_in_spool),
        cmocka_unit_test(every_flipped_byte),
        cmocka_unit_test(out_of_order),
        cmocka_unit_test(dropped),
        cmocka_unit_test(centre_full),
        cmocka_unit_test(proof_of_one),
        cmocka_unit_test(retention),
        cmocka_unit_test(retention_keeps_newest),
        cmocka_unit_test(ceiling),
        cmocka_unit_test(handed_once),
        cmocka_unit_test(begins_with_what_comes),
        cmocka_unit_test(live_tail),
        cmocka_unit_test(ceiling_over_all),
        cmocka_unit_test(ceiling_refuses),
        cmocka_unit_test(archives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
