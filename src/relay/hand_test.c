/* Kept events handed on: to a taker, each once, and to live tails. */
#include "relay/relay_test-int.h"

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
    struct event want = test_event(h->ev.relay.n > 0 ? t->next++ : OWN + t->own++, &line);

    t->wrong += !test_event_same(&want, &h->ev) || (h->ev.relay.n > 0 && !str_eq(h->ev.relay, STR("r1")));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handed_once),
        cmocka_unit_test(begins_with_what_comes),
        cmocka_unit_test(live_tail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
