/* A relay and its centre over a socket pair, in simulated time: what the tests of this folder share. */
#ifndef LUY_RELAY_TEST_INT_H
#define LUY_RELAY_TEST_INT_H
#include "base/file.h"
#include "journal/flow_store.h"
#include "journal/journal_test-int.h"
#include "journal/proof.h"
#include "relay/receive.h"
#include "relay/send.h"
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <stdatomic.h>

enum { OWN = 1000000 /* numbers of the centre's own events */ };

struct side {
    char dir[64], keys[80];
    struct vault *v;
    struct journal *j;
    char flows[80];
    struct flow_store *f;
};
struct kit {
    struct clock clk;
    struct side relay, centre;
    char kept[80], anchor[65];
    struct relay_store *store;
    uint64_t put, own; /* events given to the relay; of the centre's own */
    uint64_t flows;    /* given to the relay */
    int64_t relay_max;
    char said[2048];                          /* what the centre told last */
    uint64_t told, dropped, gone, gone_flows; /* gone: events deleted at the centre */
    struct relay_sent acked;
    uint64_t took, refusals; /* the taker: behind its last event; batches that it refused */
    bool wrong;
};

static inline void flows_open(struct kit *k, struct side *s, int64_t max)
{
    struct flow_store_cfg cfg = {
        .dir = s->flows, .block_seconds = 60, .max_bytes = max, .ledger = journal_ledger(s->j)};
    struct err e = {0};

    if (flow_store_open(&cfg, &k->clk, &s->f, &e) < 0)
        fail_msg("%s %s", e.key, e.arg[0]);
}

static inline void side_open(struct kit *k, struct side *s, size_t block, int64_t max)
{
    struct journal_cfg cfg = {.dir = s->dir, .block_bytes = block, .vault = s->v, .max_bytes = max};
    struct err e = {0};

    if (journal_open(&cfg, &k->clk, &s->j, &e) < 0)
        fail_msg("%s %s", e.key, e.arg[0]);
    flows_open(k, s, max);
}

static inline void side_close(struct side *s)
{
    flow_store_close(s->f);
    journal_close(s->j);
}

static inline void side_start(struct kit *k, struct side *s, int64_t max)
{
    test_dir_make_fast(s->dir);
    snprintf(s->keys, sizeof(s->keys), "%s-keys", s->dir);
    snprintf(s->flows, sizeof(s->flows), "%s-flows", s->dir);
    assert_int_equal(vault_open(s->keys, &k->clk, &s->v, NULL), 0);
    side_open(k, s, 0, max);
}

static inline void store_open(struct kit *k)
{
    struct relay_store_cfg cfg = {
        .dir = k->kept, .name = "r1", .anchor = str_c(k->anchor), .journal = k->centre.j, .flows = k->centre.f};
    struct err e = {0};

    if (relay_store_open(&cfg, &k->store, &e) < 0)
        fail_msg("%s %s %s", e.key, e.arg[0], e.arg[1]);
}

static inline void kit_start(struct kit *k, int64_t relay_max)
{
    *k = (struct kit){.clk = clock_manual(TEST_NOW), .relay_max = relay_max};
    side_start(k, &k->relay, relay_max);
    side_start(k, &k->centre, 0);
    snprintf(k->kept, sizeof(k->kept), "%s-relay", k->centre.dir);
    ledger_anchor(journal_ledger(k->relay.j), k->anchor);
    store_open(k);
}

static inline void on_deleted(void *ctx, enum ledger_stream of, const struct ledger_entry *n, const char *reason)
{
    struct kit *k = ctx;
    snprintf(k->said, sizeof(k->said), "%s", reason);
    *(of == LEDGER_FLOW ? &k->gone_flows : &k->gone) += n->records;
}

/* The store opened again, with a name and limits; 0: none. */
static inline void store_open_limits(struct kit *k, int days, int64_t max)
{
    struct relay_store_cfg cfg = {.dir = k->kept,
                                  .name = "xa-dong",
                                  .anchor = str_c(k->anchor),
                                  .journal = k->centre.j,
                                  .flows = k->centre.f,
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

/* Record `no`, n bytes, of DIR/NAME. */
static inline void bytes_of(const char *dir, const char *name, uint64_t no, uint8_t *out, size_t n)
{
    char path[400];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    int fd = open(path, O_RDONLY);
    assert_int_equal(pread(fd, out, n, (off_t)(no * n)), n);
    close(fd);
}

static inline void flip(const char *path, size_t at)
{
    assert_int_equal(chmod(path, 0600), 0);
    int fd = open(path, O_RDWR);
    uint8_t c;

    assert_int_equal(pread(fd, &c, 1, (off_t)at), 1);
    c ^= 0x10;
    assert_int_equal(pwrite(fd, &c, 1, (off_t)at), 1);
    close(fd);
}

static inline void side_end(struct side *s)
{
    side_close(s);
    vault_close(s->v);
    test_dir_drop(s->dir);
    test_dir_drop(s->keys);
    test_dir_drop(s->flows);
}

static inline void kit_end(struct kit *k)
{
    relay_store_close(k->store);
    side_end(&k->relay);
    side_end(&k->centre);
    test_dir_drop(k->kept);
}

static inline void relay_seal(struct kit *k)
{
    int64_t due;

    struct journal *j = k->relay.j;
    pthread_mutex_lock(&j->lock); /* the sealer may be at the last block's proof still: then no tick closes another */
    while (j->nfrozen > 0 || j->proving)
        pthread_cond_wait(&j->room, &j->lock);
    pthread_mutex_unlock(&j->lock);
    clock_advance(&k->clk, 61 * NS_PER_S);
    assert_int_equal(journal_tick(k->relay.j, &due, NULL), 0); /* closes the block */
    assert_int_equal(flow_store_tick(k->relay.f, &due, NULL), 0);
    test_wait_sealed(k->relay.j);
    struct ledger *l = journal_ledger(k->relay.j);
    while ((k->put > 0 && ledger_next(l, LEDGER_LOG) != k->put + 1) ||
           (k->flows > 0 && ledger_next(l, LEDGER_FLOW) != k->flows + 1))
        ; /* the sealers add the entry after the block */
    assert_int_equal(ledger_sign(journal_ledger(k->relay.j), NULL), 0);
}

/* n events at the relay, sealed and signed a minute later. */
static inline void relay_minute(struct kit *k, uint32_t n)
{
    assert_int_equal(test_append(k->relay.j, k->put, n, NULL), 0);
    k->put += n;
    relay_seal(k);
}

/* The same, received now: a day later they lie in another file. */
static inline void relay_now(struct kit *k, uint32_t n)
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

static inline void own_some(struct kit *k, uint32_t n)
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

static inline long end_read(void *ctx, void *p, size_t n, int timeout_ms)
{
    struct end *x = ctx;
    struct pollfd f = {.fd = x->fd, .events = POLLIN};

    if (poll(&f, 1, timeout_ms) == 0)
        return 0;
    ssize_t k = recv(x->fd, p, n, 0);
    return k > 0 ? k : -EPIPE;
}

static inline int end_write(void *ctx, const void *p, size_t n)
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

static inline void centre_say(void *ctx, int severity, str msg)
{
    struct kit *k = ctx;
    snprintf(k->said, sizeof(k->said), "%.*s", STR_ARGS(msg));
    k->told++;
}

static inline void relay_say(void *ctx, int severity, str msg)
{
    ((struct kit *)ctx)->dropped += str_find(msg, STR("event=relay_block_lost reason=dropped")) == 0;
}

static inline void relay_acked(void *ctx, const struct relay_sent *s) { ((struct kit *)ctx)->acked = *s; }
static inline bool go_on(void *ctx, int64_t ns) { return false; }

struct centre_thread {
    struct kit *k;
    struct end end;
    int rc;
    struct err e;
};

static inline void *centre_main(void *ctx)
{
    static const atomic_bool never;
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
static inline int line(struct kit *k, int64_t relay_bytes, int64_t centre_bytes, uint64_t give_up, uint64_t *entry,
                       struct err *e)
{
    int sv[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
    struct end mine = {sv[0], relay_bytes};
    struct centre_thread t = {.k = k, .end = {sv[1], centre_bytes}};
    struct relay_send s = {.journal = k->relay.j,
                           .flows = k->relay.f,
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

static inline void line_whole(struct kit *k)
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

static inline bool see(void *ctx, const struct hit *h)
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
static inline void assert_all_there(struct kit *k)
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

/* centre: the centre's journal folder, whose ledger says what was deleted there; NULL: not asked. */
static inline struct verify_report verified_with(struct kit *k, const char *centre, const char *centre_anchor)
{
    struct verify_opts o = {
        .anchor = str_c(k->anchor), .centre = centre, .centre_anchor = str_c(centre_anchor), .flows = k->kept};
    struct verify_report rep;
    struct err e = {0};

    if (journal_verify_dir(k->kept, &o, &rep, &e) < 0)
        fail_msg("%s %s", e.key, e.arg[0]);
    return rep;
}

static inline struct verify_report verified(struct kit *k) { return verified_with(k, NULL, ""); }

static inline void assert_proven(struct kit *k)
{
    struct verify_report rep = verified(k);

    if (rep.bad)
        fail_msg("%s %s %s", rep.first.key, rep.first.arg[0], rep.first.arg[1]);
    assert_int_equal(rep.events, k->put);
    assert_int_equal(rep.flows, k->flows);
    assert_int_equal(rep.unproven, 0);
}

static inline bool told(const struct kit *k, const char *text) { return strstr(k->said, text) != NULL; }
#endif
