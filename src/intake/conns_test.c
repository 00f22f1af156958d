/* Connection table under a clock set by hand: ceilings, order, idle times. */
#include "intake/conns.h"
#include "base/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define A ((struct ip){4, {192, 0, 2, 1}})
#define B ((struct ip){4, {192, 0, 2, 2}})

static void ceilings(void **state)
{
    struct conns *t = conns_new(4, 2, NS_PER_S);
    int64_t a = conns_add(t, A, 0), a2 = conns_add(t, A, 0);

    assert_true(a >= 0 && a2 >= 0);
    assert_int_equal(conns_add(t, A, 0), CONNS_SOURCE_FULL);
    assert_true(conns_add(t, B, 0) >= 0);
    assert_true(conns_add(t, B, 0) >= 0);
    assert_int_equal(conns_add(t, (struct ip){.family = 6}, 0), CONNS_FULL);
    assert_int_equal(conns_open(t), 4);
    struct conn *c = conns_at(t, (uint32_t)a);
    uint32_t gen = c->gen;
    conns_del(t, c);
    assert_null(conns_at(t, (uint32_t)a));
    assert_int_equal(conns_add(t, A, 0), a);
    assert_int_not_equal(conns_at(t, (uint32_t)a)->gen, gen);
    conns_free(t);
}

/* A byte a minute gives no complete frame: touched only by frames. */
static void slow_client_is_idle(void **state)
{
    struct clock clk = clock_manual(0);
    struct conns *t = conns_new(10, 10, 60 * NS_PER_S);
    uint32_t slow = (uint32_t)conns_add(t, A, clock_mono(&clk)), busy = (uint32_t)conns_add(t, B, clock_mono(&clk));

    for (int s = 1; s < 60; s++) {
        clock_advance(&clk, NS_PER_S);
        conns_touch(t, conns_at(t, busy), clock_mono(&clk));
        assert_null(conns_idle(t, clock_mono(&clk)));
    }
    clock_advance(&clk, NS_PER_S);
    assert_ptr_equal(conns_idle(t, clock_mono(&clk)), conns_at(t, slow));
    conns_del(t, conns_at(t, slow));
    assert_null(conns_idle(t, clock_mono(&clk)));
    clock_advance(&clk, 59 * NS_PER_S);
    assert_ptr_equal(conns_idle(t, clock_mono(&clk)), conns_at(t, busy));
    conns_free(t);
}

static void many_come_and_go(void **state)
{
    enum { MAX = 10000 };
    struct conns *t = conns_new(MAX, MAX, NS_PER_S);
    uint32_t x = 7;

    for (int i = 0; i < MAX; i++)
        assert_true(conns_add(t, (struct ip){4, {10, 0, (uint8_t)(i >> 8), (uint8_t)i}}, i) >= 0);
    for (int64_t i = 0; i < 50000; i++) {
        x = x * 1664525 + 1013904223;
        struct conn *c = conns_at(t, (x >> 8) % MAX);
        if (c == NULL)
            assert_true(conns_add(t, A, MAX + i) >= 0);
        else if (x >> 31)
            conns_touch(t, c, MAX + i);
        else
            conns_del(t, c);
    }
    int64_t last = -1;
    for (struct conn *c; (c = conns_oldest(t)) != NULL; conns_del(t, c)) {
        assert_true(c->active >= last);
        last = c->active;
    }
    assert_int_equal(conns_open(t), 0);
    conns_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ceilings), cmocka_unit_test(slow_client_is_idle),
                                       cmocka_unit_test(many_come_and_go)};
    return cmocka_run_group_tests_name("intake/conns", tests, NULL, NULL);
}
