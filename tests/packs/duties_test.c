/* Duties of the packs on 21 November 2026: when they fall due, and that a
 * record in the registry is what makes those done that a record can prove. */
#include "base/json.h"
#include "judge/pack.h"
#include "world.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

/* notice NULL: none is asked. unit NULL: one for all. */
static const struct due {
    const char *control, *period, *due, *notice, *unit;
} dues[] = {
    {"yearly-report-tw", "2026", "2026-12-10", NULL, NULL},
    {"yearly-report-bt", "2027", "2027-10-14", NULL, "SO"}, /* this year's day had passed when it was declared */
    {"datacentre-maintenance", "2026-H2", "2026-12-31", "2026-12-29", NULL},
    {"unit-maintenance-yearly", "2026", "2026-12-31", NULL, "XA"},
    {"log-archive-monthly", "2026-11", "2026-11-30", NULL, NULL},
    {"quarterly-meeting", "2026-Q4", "2026-12-31", NULL, NULL},
    {"account-review-duty", "2026-H2", "2026-12-31", NULL, "SO"},
    {"yearly-inspection", "2026", "2026-12-31", "2026-12-26", NULL},
    {"commune-report-yearly", "2026", "2026-12-31", NULL, "XA"},
    {"it-plan-yearly", "2026", "2026-12-31", NULL, "SO"},
    {"restore-test-quarterly", "2026-Q4", "2026-12-31", NULL, NULL},
    {"media-inventory-duty", "2026", "2026-12-31", NULL, "XA"},
    {"security-training-yearly", "2026", "2026-12-31", NULL, NULL},
    {"software-review-yearly", "2026", "2026-12-31", NULL, NULL},
    {"compliance-review-yearly", "2026", "2026-12-31", NULL, NULL},
    {"incident-drill", "2026", "2026-12-31", NULL, NULL},
    {"administrator-list", "2026-Q4", "2026-12-31", NULL, NULL},
};
static const struct done {
    const char *control, *unit;
} proven[] = {
    {"datacentre-maintenance", NULL}, {"unit-maintenance-yearly", "SO"}, {"account-review-duty", "SO"},
    {"restore-test-quarterly", NULL}, {"media-inventory-duty", "XA"},
};

static const char world_before[] = "- unit: {code: SO, name: Sở Lau, tier: department}\n"
                                   "- unit: {code: XA, name: Xã Sậy, tier: commune}\n"
                                   "- person: {code: an, name: Người An, unit: SO}\n"
                                   "- account: {name: an, person: an, state: active}\n"
                                   "- device: {code: MC, name: Máy chủ, category: server, unit: SO, state: admitted}\n"
                                   "- media: {code: M1, kind: usb, unit: XA, state: in_use}\n"
                                   "- backup_set: {code: B1, name: Bộ, contains: system}\n";
static const char world_after[] = "- maintenance_window: {code: W1, unit: SO, starts_at: '2026-11-20T01:00:00Z', "
                                  "ends_at: '2026-11-20T05:00:00Z', done_on: 2026-11-20}\n"
                                  "- account_review: {code: R1, unit: SO, reviewed_on: 2026-07-01}\n"
                                  "- restore_test: {code: T1, backup_set: B1, tested_on: 2026-10-01, result: pass}\n"
                                  "- media_inventory: {code: C1, media: M1, year: 2026, checked_on: 2026-03-01}\n";

static void put_text(struct world *w, const char *text)
{
    struct arena a = arena_init(1 << 20);
    struct yaml **docs;
    struct errs es;
    size_t n;

    errs_init(&es, 10);
    assert_int_equal(yaml_parse(&a, str_c(text), "duties", &docs, &n, &es), 0);
    world_put(w, docs[0]);
    errs_done(&es);
    arena_free(&a);
}

static bool same(const json_t *item, const char *key, const char *want)
{
    const json_t *v = json_object_get(item, key);

    if (json_is_object(v)) /* a unit */
        v = json_object_get(v, "key");
    return want == NULL ? v == NULL || json_is_null(v) : str_eq(json_str(v), str_c(want));
}

static json_t *duties(struct world *w)
{
    json_t *out = NULL;
    struct err e = {0};

    int rc = judge_check_now(w->judge, STR(""), &e);
    if (rc == 0)
        rc = judge_duties(w->judge, &world_system, &out, &e);
    assert_true(world_clean(NULL, &e) && rc == 0);
    return out;
}

static const json_t *duty_of(const json_t *all, const char *control, const char *unit)
{
    const json_t *one;
    size_t i;

    json_array_foreach(json_object_get(all, "items"), i,
                       one) if (same(one, "control", control) && same(one, "unit", unit)) return one;
    return NULL;
}

static void due_days(void **state)
{
    struct world w;
    size_t bad = 0;

    (void)state;
    world_open(&w);
    put_text(&w, world_before);
    json_t *all = duties(&w);
    for (size_t i = 0; i < sizeof(dues) / sizeof(dues[0]); i++) {
        const struct due *d = &dues[i];
        const json_t *one = duty_of(all, d->control, d->unit);
        if (one != NULL && same(one, "period_key", d->period) && same(one, "due_on", d->due) &&
            same(one, "notice_on", d->notice))
            continue;
        char *text = one == NULL ? NULL : json_dumps(one, JSON_COMPACT);
        print_message("# %s: %s\n", d->control, text == NULL ? "not there" : text);
        free(text);
        bad++;
    }
    json_decref(all);
    world_close(&w);
    assert_int_equal(bad, 0);
}

static void records_prove(void **state)
{
    struct world w;
    size_t bad = 0;

    (void)state;
    world_open(&w);
    put_text(&w, world_before);
    for (int after = 0; after < 2; after++) {
        if (after == 1)
            put_text(&w, world_after);
        json_t *all = duties(&w);
        for (size_t i = 0; i < sizeof(proven) / sizeof(proven[0]); i++) {
            const json_t *one = duty_of(all, proven[i].control, proven[i].unit);
            if (one != NULL && same(one, "state", "done") == (after == 1))
                continue;
            print_message("# %s is %sdone %s the record\n", proven[i].control, after == 1 ? "not " : "",
                          after == 1 ? "after" : "before");
            bad++;
        }
        json_decref(all);
    }
    world_close(&w);
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(due_days),
        cmocka_unit_test(records_prove),
    };

    return cmocka_run_group_tests_name("duties", tests, NULL, NULL);
}
