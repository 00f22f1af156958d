/* Every event rule over lines of real daemons (lines.yaml), from the syslog
 * parser through the judge to the finding. */
#include "base/json.h"
#include "intake/syslog.h"
#include "judge/pack.h"
#include "world.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { BATCH = 1 << 20 };
static struct arena arena;
static struct yaml *file;

static int unload(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

/* stamp: the time the line claims; empty: now. */
static void feed_line(struct world *w, struct event_batch *b, str line, str stamp, bool own)
{
    char raw[2048], when[40];
    struct event ev = {0};

    clock_advance(&w->clk, NS_PER_S);
    time_fmt(clock_wall(&w->clk), 3, when, sizeof(when));
    if (stamp.n > 0)
        snprintf(when, sizeof(when), "%.*s", STR_ARGS(stamp));
    str rest = line, host, program;
    str_split(&rest, ' ', &host);
    str_split(&rest, ':', &program);
    size_t at = str_find(program, STR("["));
    str name = str_sub(program, 0, at), pid = at == SIZE_MAX ? STR("-") : str_sub(program, at + 1, program.n - at - 2);
    snprintf(raw, sizeof(raw), "<86>1 %s %.*s %.*s %.*s - - %.*s", when, STR_ARGS(host), STR_ARGS(name), STR_ARGS(pid),
             (int)rest.n - 1, rest.p + 1);
    syslog_parse(str_c(raw), clock_wall(&w->clk), &ev);
    ev.transport = own ? TP_SELF : TP_TCP;
    assert_int_equal(ev.flags, stamp.n > 0 ? EV_TIME_JUMP : 0);
    assert_true(event_batch_add(b, &ev));
}

static void feed(struct world *w, const struct yaml *list, uint64_t *seq)
{
    struct event_batch b;
    struct err e = {0};
    int64_t due;

    event_batch_init(&b, BATCH);
    for (size_t i = 0; list != NULL && i < list->n; i++) {
        const struct yaml *one = list->items[i], *times = yaml_get(one, "times"), *wait = yaml_get(one, "wait");
        int64_t n = 1, seconds = 0;
        if (wait != NULL && yaml_int(wait, &seconds)) {
            clock_advance(&w->clk, seconds * NS_PER_S);
            continue;
        }
        if (times != NULL)
            yaml_int(times, &n);
        while (n-- > 0)
            feed_line(w, &b, yaml_text(one, "line"), yaml_text(one, "time"), yaml_get(one, "own") != NULL);
    }
    uint32_t count = b.count;
    int rc = count == 0 ? 0 : judge_events(w->judge, event_batch_seal(&b), *seq, &e);
    *seq += count;
    if (rc == 0)
        rc = judge_tick(w->judge, &due, &e);
    event_batch_done(&b);
    assert_true(world_clean(NULL, &e) && rc == 0);
}

static bool listed(const struct yaml *list, str key)
{
    for (size_t i = 0; list != NULL && i < list->n; i++)
        if (str_eq(list->items[i]->text, key))
            return true;
    return false;
}

static size_t finding_bad(str control, const struct yaml *found, const json_t *one)
{
    const json_t *message = json_object_get(one, "message");
    str subject = json_get_str(json_object_get(one, "subject"), "key"), vi = json_get_str(message, "vi"),
        en = json_get_str(message, "en");
    size_t bad = 0;

    if (!listed(found, subject)) {
        print_message("# %.*s: a finding about %.*s\n", STR_ARGS(control), STR_ARGS(subject));
        bad++;
    }
    if (vi.n == 0 || en.n == 0 || memchr(vi.p, '{', vi.n) != NULL || memchr(en.p, '{', en.n) != NULL) {
        print_message("# %.*s: message \"%.*s\" / \"%.*s\"\n", STR_ARGS(control), STR_ARGS(vi), STR_ARGS(en));
        bad++;
    }
    return bad;
}

static void expect_found(struct world *w, str control, const struct yaml *found)
{
    json_t *items = world_findings(w, control), *one;
    size_t i, bad = 0, want = found == NULL ? 0 : found->n;

    json_array_foreach(items, i, one) bad += finding_bad(control, found, one);
    if (json_array_size(items) != want) {
        print_message("# %.*s: %zu findings, not %zu\n", STR_ARGS(control), json_array_size(items), want);
        bad++;
    }
    json_decref(items);
    assert_int_equal(bad, 0);
}

static void one_case(void **state)
{
    const struct yaml *c = *state;
    str control = yaml_text(c, "control");
    uint64_t seq = 1;
    struct world w;

    world_open(&w);
    world_put(&w, yaml_get(c, "records"));
    feed(&w, yaml_get(c, "quiet"), &seq);
    expect_found(&w, control, NULL);
    feed(&w, yaml_get(c, "loud"), &seq);
    expect_found(&w, control, yaml_get(c, "found"));
    world_close(&w);
}

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
        str id = packs->controls[i].id;
        bool has = packs->controls[i].kind != CK_EVENT;
        for (size_t k = 0; k < cases->n && !has; k++)
            has = str_eq(yaml_text(cases->items[k], "control"), id);
        if (!has)
            print_message("# %.*s has no case\n", STR_ARGS(id));
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

    arena = arena_init(16 << 20);
    file = world_yaml(&arena, "tests/packs/lines.yaml");
    const struct yaml *cases = yaml_get(file, "cases");
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(all_have_cases);
    for (size_t i = 0; i < cases->n && n < 101; i++)
        tests[n++] = (struct CMUnitTest){arena_cstr(&arena, yaml_text(cases->items[i], "control")), one_case, NULL,
                                         NULL, cases->items[i]};
    return _cmocka_run_group_tests("lines", tests, n, NULL, unload);
}
