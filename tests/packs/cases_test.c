/* Every state check against records that keep the rule and records that break
 * it (cases.yaml), through the registry and the judge. */
#include "base/json.h"
#include "judge/pack.h"
#include "world.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static struct arena arena;
static struct yaml *file;

static int load(void **state)
{
    (void)state;
    arena = arena_init(16 << 20);
    file = world_yaml(&arena, "tests/packs/cases.yaml");
    return 0;
}

static int unload(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static void expect_state(struct world *w, str control, const char *want, const char *after)
{
    char state[40];
    struct err e = {0};

    int rc = judge_check_now(w->judge, control, &e);
    assert_true(world_clean(NULL, &e) && rc == 0);
    world_state(w, control, state, sizeof(state));
    if (strcmp(state, want) != 0)
        print_message("# %.*s after %s: %s, not %s\n", STR_ARGS(control), after, state, want);
    assert_string_equal(state, want);
}

static bool listed(const struct yaml *list, str key)
{
    for (size_t i = 0; i < list->n; i++)
        if (str_eq(list->items[i]->text, key) || str_eq(list->items[i]->text, STR("*")))
            return true;
    return false;
}

/* Exactly the offenders that the case names, each with a whole message. */
static void expect_found(struct world *w, str control, const struct yaml *found)
{
    json_t *items = world_findings(w, control), *one;
    size_t i, bad = 0;

    json_array_foreach(items, i, one)
    {
        str key = json_get_str(json_object_get(one, "subject"), "key");
        const json_t *message = json_object_get(one, "message");
        str vi = json_get_str(message, "vi"), en = json_get_str(message, "en");
        if (!listed(found, key)) {
            print_message("# %.*s found %.*s\n", STR_ARGS(control), STR_ARGS(key));
            bad++;
        }
        if (vi.n == 0 || en.n == 0 || memchr(vi.p, '{', vi.n) != NULL || memchr(en.p, '{', en.n) != NULL) {
            print_message("# %.*s: message \"%.*s\" / \"%.*s\"\n", STR_ARGS(control), STR_ARGS(vi), STR_ARGS(en));
            bad++;
        }
    }
    if (json_array_size(items) != found->n)
        print_message("# %.*s: %zu findings, not %zu\n", STR_ARGS(control), json_array_size(items), found->n);
    bad += json_array_size(items) != found->n;
    json_decref(items);
    assert_int_equal(bad, 0);
}

static void run_case(const struct yaml *c)
{
    static const struct yaml none = {.kind = YAML_LIST};
    str control = yaml_text(c, "control");
    struct world w;

    world_open(&w);
    world_put(&w, yaml_get(file, "common"));
    world_put(&w, yaml_get(c, "change"));
    world_put(&w, yaml_get(c, "innocent"));
    expect_state(&w, control, "pass", "innocent records");
    if (yaml_get(c, "stale") != NULL) {
        world_put(&w, yaml_get(c, "stale"));
        expect_state(&w, control, "unknown", "stale records");
        expect_found(&w, control, &none);
    }
    world_put(&w, yaml_get(c, "offending"));
    expect_state(&w, control, "fail", "offending records");
    expect_found(&w, control, yaml_get(c, "found"));
    world_close(&w);
}

static void one_case(void **state) { run_case(*state); }

/* No state check may be without a case. */
static void all_have_cases(void **state)
{
    const struct yaml *cases = yaml_get(file, "cases");
    struct packset *packs;
    struct errs es;
    size_t bad = 0;

    (void)state;
    errs_init(&es, 20);
    assert_int_equal(packset_load(world_source("packs"), &packs, &es), 0);
    for (size_t i = 0; i < packs->ncontrols; i++) {
        bool has = packs->controls[i].kind != CK_STATE;
        for (size_t k = 0; k < cases->n && !has; k++)
            has = str_eq(yaml_text(cases->items[k], "control"), packs->controls[i].id);
        if (!has)
            print_message("# %.*s has no case\n", STR_ARGS(packs->controls[i].id));
        bad += !has;
    }
    packset_unref(packs);
    errs_done(&es);
    assert_int_equal(bad, 0);
}

int main(void)
{
    static struct CMUnitTest tests[101];
    size_t n = 0;

    load(NULL);
    const struct yaml *cases = yaml_get(file, "cases");
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(all_have_cases);
    for (size_t i = 0; i < cases->n && n < 101; i++)
        tests[n++] = (struct CMUnitTest){arena_cstr(&arena, yaml_text(cases->items[i], "control")), one_case, NULL,
                                         NULL, cases->items[i]};
    int rc = _cmocka_run_group_tests("cases", tests, n, NULL, unload);
    return rc;
}
