/* The feed and the numbers and blocks of relays, without a set. */
#include "journal/ch_feed_test-int.h"

static void drop_block(struct kit *k, size_t at)
{
    struct segment *s = k->f.j->segs[0];

    pthread_mutex_lock(&k->f.j->lock); /* as retention would */
    memmove(&s->blocks[at], &s->blocks[at + 1], (s->nblocks - at - 1) * sizeof(s->blocks[0]));
    s->nblocks--;
    pthread_mutex_unlock(&k->f.j->lock);
}

/* They are neither behind nor skipped; an event that is gone is, and no other number. */
void test_relays_numbers(void **state)
{
    struct kit *k = *state;
    uint64_t first[5];

    k->set = (struct ch_cfg){.nodes = STR("http://127.0.0.1:1"), .database = STR("luy")};
    with_ledger(k);
    for (size_t i = 0; i < COUNT(first); i++)
        first[i] = block_and_guests(k);
    assert_true(first[0] == 1 && first[1] > 3500 && first[4] > first[3] + 3500);
    assert_int_equal(k->f.j->nsegs, 1);
    assert_int_equal(k->f.j->segs[0]->nblocks, COUNT(first));

    state_put(k, "luy-cluster 3\nluy \n1 65536\n 501\n"); /* the first block was sent */
    feed_open(k);
    step(k);
    assert_string_equal(k->key, "journal.ch_unreachable"); /* the second is in hand */
    assert_int_equal(stats(k).skipped_events, 0);
    assert_int_equal(stats(k).lag_events, 4 * 500);
    assert_int_equal(k->notes[CF_SKIPPED], 0);

    drop_block(k, 1);
    drop_block(k, 1);
    step(k);
    step(k);
    assert_int_equal(stats(k).skipped_events, 2 * 500);
    assert_int_equal(k->n[CF_SKIPPED], 2 * 500);
    assert_int_equal(stats(k).next, first[3]);
    assert_int_equal(stats(k).lag_events, 2 * 500);
}

/* Each relay has a place of its own, lags by its own lines, and what is deleted of it before it was sent is skipped. */
void test_relays_wait(void **state)
{
    struct kit *k = *state;
    struct visitor g[2];
    char text[256];

    k->set = (struct ch_cfg){.nodes = STR("http://127.0.0.1:1"), .database = STR("luy")};
    guest_make(k, &g[0], "r1");
    guest_make(k, &g[1], "r2");
    all_in_turns(k, g, 3);
    uint64_t own_end = journal_next(k->f.j);
    snprintf(text, sizeof(text), "luy-cluster 3\nluy \n1 65536\n %llu\nr1 %llu\n", (unsigned long long)own_end,
             (unsigned long long)g[0].base[1]);
    state_put(k, text);
    feed_open(k);
    step(k);
    assert_string_equal(k->key, "journal.ch_unreachable");
    assert_int_equal(stats(k).lag_events, events_in(&g[0], 1, 3) + events_in(&g[1], 0, 3));
    assert_int_equal(stats(k).skipped_events, 0);
    assert_true(stats(k).lag_since != 0);

    journal_guest_drop(k->f.j, g[0].s); /* all of r1 goes, and one block comes */
    assert_int_equal(stats(k).lag_events, events_in(&g[1], 0, 3));
    g[0].base[2] = journal_guest_reserve(k->f.j, g[0].s->blocks[2].head.count);
    assert_int_equal(journal_guest_add(k->f.j, g[0].s, &g[0].s->blocks[2], g[0].base[2], true, NULL), 0);
    for (int i = 0; i < 4; i++)
        step(k);
    assert_int_equal(stats(k).skipped_events, events_in(&g[0], 1, 3));
    assert_int_equal(k->n[CF_SKIPPED], events_in(&g[0], 1, 3));
    assert_int_equal(stats(k).lag_events, events_in(&g[0], 2, 3) + events_in(&g[1], 0, 3));
    for (size_t i = 0; i < 2; i++)
        guest_free(k, &g[i]);
}

/* As many relays as there may be are looked at; one more is said. */
void test_relays_most(void **state)
{
    struct kit *k = *state;
    char name[16];

    k->set = (struct ch_cfg){.nodes = STR("http://127.0.0.1:1"), .database = STR("luy")};
    state_put(k, "luy-cluster 3\nluy \n1 65536\n 1\n");
    feed_open(k);
    for (int i = 1; i < CH_STREAMS_MAX; i++) {
        snprintf(name, sizeof(name), "r%d", i);
        journal_guest_was(k->f.j, name, (uint64_t)i, 1);
    }
    assert_int_equal(step(k), CH_FEED_LOOK_S);
    assert_int_equal(stats(k).down, 0);
    journal_guest_was(k->f.j, "one-more", 5000, 1);
    step(k);
    assert_string_equal(k->key, "journal.ch_streams");
    assert_int_equal(stats(k).down, 1);
}
