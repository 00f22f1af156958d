/* Turns of searches: never more than the ceiling while pressed, oldest first,
 * nobody held up for ever, and no waiting at all when nobody is in a hurry. */
#include "journal/turns.h"
#include "base/clock.h"
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <cmocka.h>

enum { SEARCHERS = 8, BLOCKS = 200 };
static struct turns turns;
static _Atomic bool pressed;
static _Atomic int inside, most, code;

static bool is_pressed(void *ctx) { return atomic_load(&pressed); }
static int check(void *ctx) { return atomic_load(&code); }

static int take(struct turn *t) { return turn_take(&turns, t, is_pressed, check, NULL); }

static void *search_main(void *ctx)
{
    for (int i = 0; i < BLOCKS; i++) {
        struct turn t = {0};
        if (take(&t) < 0)
            return NULL;
        int n = atomic_fetch_add(&inside, 1) + 1;
        for (int seen = atomic_load(&most); n > seen && !atomic_compare_exchange_weak(&most, &seen, n);)
            ;
        sched_yield();
        atomic_fetch_sub(&inside, 1);
        turn_give(&turns, &t);
    }
    *(bool *)ctx = true;
    return NULL;
}

static void begin(unsigned max, bool press)
{
    turns_init(&turns, max);
    turns.hold_ns = INT64_MAX; /* however slow the machine is */
    atomic_store(&pressed, press);
    atomic_store(&code, 0);
    atomic_store(&most, 0);
}

static void few_at_once(void **state)
{
    for (unsigned max = 1; max <= 3; max++) {
        pthread_t v[SEARCHERS];
        bool all[SEARCHERS] = {0};
        begin(max, true);
        for (int i = 0; i < SEARCHERS; i++)
            assert_int_equal(pthread_create(&v[i], NULL, search_main, &all[i]), 0);
        for (int i = 0; i < SEARCHERS; i++) {
            assert_int_equal(pthread_join(v[i], NULL), 0);
            assert_true(all[i]);
        }
        assert_in_range(atomic_load(&most), 1, max);
        assert_int_equal(turns.out, 0);
        assert_null(turns.held);
        assert_null(turns.waiting);
        turns_done(&turns);
    }
}

static void nobody_waits(void **state)
{
    struct turn a = {0}, b = {0}, c = {0};

    begin(1, false);
    assert_int_equal(take(&a), 0);
    assert_int_equal(take(&b), 0);
    assert_int_equal(take(&c), 0);
    assert_int_equal(turns.out, 3);
    turn_give(&turns, &b);
    turn_give(&turns, &a);
    turn_give(&turns, &c);
    turn_give(&turns, &c); /* once is enough */
    assert_int_equal(turns.out, 0);
    turns_done(&turns);
}

struct waiter {
    pthread_t thread;
    struct turn turn;
    int order, rc;
};
static _Atomic int order;

static void *wait_main(void *ctx)
{
    struct waiter *w = ctx;

    w->rc = take(&w->turn);
    w->order = atomic_fetch_add(&order, 1);
    turn_give(&turns, &w->turn);
    return NULL;
}

static void wait_for(unsigned n)
{
    while (turns_waiting(&turns) != n)
        sched_yield();
}

static void oldest_first(void **state)
{
    struct waiter v[4] = {0};
    struct turn mine = {0};

    begin(1, true);
    atomic_store(&order, 0);
    assert_int_equal(take(&mine), 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&v[i].thread, NULL, wait_main, &v[i]), 0);
        wait_for(i + 1);
    }
    turn_give(&turns, &mine);
    assert_int_equal(take(&mine), 0); /* who was here before waits behind those who were not */
    assert_int_equal(atomic_load(&order), 4);
    turn_give(&turns, &mine);
    for (int i = 0; i < 4; i++) {
        pthread_join(v[i].thread, NULL);
        assert_int_equal(v[i].rc, 0);
        assert_int_equal(v[i].order, i);
    }
    turns_done(&turns);
}

static void a_cancel_ends_it(void **state)
{
    struct waiter w = {0};
    struct turn mine = {0};

    begin(1, true);
    assert_int_equal(take(&mine), 0);
    assert_int_equal(pthread_create(&w.thread, NULL, wait_main, &w), 0);
    wait_for(1);
    atomic_store(&code, -ECANCELED);
    pthread_join(w.thread, NULL);
    assert_int_equal(w.rc, -ECANCELED);
    assert_false(w.turn.held);
    assert_int_equal(turns.out, 1);
    turn_give(&turns, &mine);
    turns_done(&turns);
}

/* The end of the hurry is seen without anybody giving a turn back; and a turn held for
 * too long holds up nobody. */
static void nobody_waits_for_ever(void **state)
{
    struct waiter w = {0};
    struct turn mine = {0}, other = {0};

    begin(1, true);
    assert_int_equal(take(&mine), 0);
    assert_int_equal(pthread_create(&w.thread, NULL, wait_main, &w), 0);
    wait_for(1);
    atomic_store(&pressed, false);
    pthread_join(w.thread, NULL);
    assert_int_equal(w.rc, 0);
    atomic_store(&pressed, true);
    turns.hold_ns = 1;
    assert_int_equal(take(&other), 0);
    assert_false(mine.counted);
    assert_int_equal(turns.out, 1);
    turn_give(&turns, &mine);
    assert_int_equal(turns.out, 1);
    turn_give(&turns, &other);
    assert_int_equal(turns.out, 0);
    turns_done(&turns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(few_at_once), cmocka_unit_test(nobody_waits),
                                       cmocka_unit_test(oldest_first), cmocka_unit_test(a_cancel_ends_it),
                                       cmocka_unit_test(nobody_waits_for_ever)};
    return cmocka_run_group_tests_name("journal/turns", tests, NULL, NULL);
}
