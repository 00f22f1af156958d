/* The packs that ship, as data: they load without a mistake, say everything in
 * both languages, and cite clauses that exist and demand something. */
#include "judge/pack.h"
#include "world.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct packset *packs;

static int load(void **state)
{
    struct errs es;

    (void)state;
    errs_init(&es, 200);
    int rc = packset_load(world_source("packs"), &packs, &es);
    bool clean = world_clean(&es, NULL);
    errs_done(&es);
    return rc == 0 && clean ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    packset_unref(packs);
    return 0;
}

static void counts(void **state)
{
    size_t n[3] = {0};

    (void)state;
    for (size_t i = 0; i < packs->ncontrols; i++)
        n[packs->controls[i].kind]++;
    print_message("# %zu clauses, %zu state checks, %zu event rules, %zu duties\n", packs->nclauses, n[CK_STATE],
                  n[CK_EVENT], n[CK_DUTY]);
    assert_int_equal(packs->nregs, 4);
    assert_true(n[CK_STATE] >= 15);
    assert_true(n[CK_EVENT] >= 8);
    assert_true(n[CK_DUTY] >= 6);
}

static size_t label_bad(struct label l, str where, const char *what)
{
    if (l.vi.n > 0 && l.en.n > 0 && !(l.vi.n > 40 && str_eq(l.vi, l.en)))
        return 0;
    print_message("# %.*s: %s is not there in both languages\n", STR_ARGS(where), what);
    return 1;
}

static void both_languages(void **state)
{
    size_t bad = 0;

    (void)state;
    for (size_t i = 0; i < packs->nregs; i++) {
        bad += label_bad(packs->regs[i].title, packs->regs[i].code, "title");
        bad += label_bad(packs->regs[i].binds, packs->regs[i].code, "binds");
    }
    for (size_t i = 0; i < packs->nclauses; i++) {
        bad += label_bad(packs->clauses[i].title, packs->clauses[i].id, "title");
        bad += label_bad(packs->clauses[i].text, packs->clauses[i].id, "text");
    }
    for (size_t i = 0; i < packs->ncontrols; i++) {
        const struct control *c = &packs->controls[i];
        bad += label_bad(c->title, c->id, "title");
        bad += label_bad(c->remedy, c->id, "remedy");
        if (c->kind != CK_DUTY)
            bad += label_bad(c->message, c->id, "message");
    }
    assert_int_equal(bad, 0);
}

/* A control may only stand on a clause that demands something, and on the
 * regulation that its pack is about. */
static void clauses_demand(void **state)
{
    size_t bad = 0;

    (void)state;
    for (size_t i = 0; i < packs->ncontrols; i++) {
        const struct control *c = &packs->controls[i];
        assert_true(c->nclauses > 0);
        for (size_t k = 0; k < c->nclauses; k++) {
            const struct clause *cl = &packs->clauses[c->clauses[k]];
            bool own = str_eq(c->pack, STR("common")) || str_eq(packs->regs[cl->reg].pack, c->pack);
            if (cl->operative && own)
                continue;
            print_message("# %.*s cites %.*s, which %s\n", STR_ARGS(c->id), STR_ARGS(cl->id),
                          own ? "demands nothing" : "is another pack's");
            bad++;
        }
    }
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts),
        cmocka_unit_test(both_languages),
        cmocka_unit_test(clauses_demand),
    };

    return cmocka_run_group_tests_name("packs", tests, load, unload);
}
