/* What a plan says that a change would do to the checks, against what the checks
 * say when it is done. */
#include "judge/world-int.h"
#include "registry/change.h"

static const struct actor OFFICER = {
    .name = {"stc", 3}, .roles = ROLE_UNIT_OFFICER, .unit_id = 2}; /* STC and P1 below it */

#define CHECK(id, rest) W_HEAD(id, "state", "XX-1.1") "message: {vi: '{subject}', en: '{subject}'}\n" rest
#define MAIL                                                                                                           \
    CHECK("mail", "subject: unit\nquery: SELECT id, id AS unit_id FROM unit WHERE valid_to IS NULL AND tier = "        \
                  "'department' AND email IS NULL\n")
#define NAMED CHECK("named", "subject: device\nquery: SELECT id FROM device WHERE name = 'xấu'\n")

struct look {
    struct world *w;
    const struct actor *who;
    json_t *out;
};

static int on_look(void *ctx, struct tx *tx, const char *const *tables, struct err *e)
{
    struct look *l = ctx;

    return judge_effect(l->w->j, l->who, tx, tables, &l->out, e);
}

/* The plan of one write, as `who` sees its effect. */
static json_t *effect_of(struct world *w, const struct actor *who, const char *op)
{
    struct look l = {w, who, NULL};
    json_t *doc = J(op), *plan = NULL;

    if (change_preview(w->reg, &ADMIN, doc, &(struct change_look){on_look, &l}, &plan, &w->es, &w->e) < 0)
        fail_msg("%s: %s / %s", op, text_of_err(&w->e), w->es.n > 0 ? text_of_err(&w->es.v[0]) : "");
    json_decref(doc);
    json_decref(plan);
    assert_non_null(l.out);
    return l.out;
}

static void sums(const json_t *effect, int64_t ran, int64_t opens, int64_t closes, int64_t unknown)
{
    char *text = json_dumps(effect, 0);

    if (json_get_int(effect, "ran", -1) != ran || json_get_int(effect, "opens", -1) != opens ||
        json_get_int(effect, "closes", -1) != closes || json_get_int(effect, "unknown", -1) != unknown)
        fail_msg("%s", text);
    free(text);
}

static json_t *control_at(const json_t *effect, size_t i)
{
    return json_array_get(json_object_get(effect, "controls"), i);
}
static json_t *item_at(const json_t *control, size_t i) { return json_array_get(json_object_get(control, "items"), i); }

static void opens_and_closes(void **state)
{
    struct world *w = w_new();
    uint64_t seq, after;
    char hash[65], hash_after[65];
    json_t *effect, *control, *item;

    w_put(w, "common/controls/a.yaml", MAIL);
    w_put(w, "common/controls/b.yaml", NAMED);
    w_open(w);
    assert_int_equal(registry_head(w->reg, &seq, hash, &w->e), 0);
    effect = effect_of(w, &ADMIN, "{'op':'change','kind':'unit','target':'P1','fields':{'email':'p1@example.vn'}}");
    sums(effect, 1, 0, 1, 0); /* the check over devices is not run; STC fails before and after */
    control = control_at(effect, 0);
    item = item_at(control, 0);
    assert_str(json_get_str(control, "id"), "mail");
    assert_str(json_get_str(control, "severity"), "high");
    assert_string_equal(json_string_value(json_array_get(json_object_get(control, "clauses"), 0)), "XX-1.1");
    assert_str(json_get_str(item, "effect"), "closes");
    assert_str(json_get_str(json_object_get(item, "subject"), "key"), "P1");
    assert_int_equal(json_get_int(json_object_get(item, "subject"), "id", 0), 3);
    assert_str(json_get_str(json_object_get(item, "unit"), "key"), "P1");
    json_decref(effect);

    effect =
        effect_of(w, &ADMIN, "{'op':'create','kind':'unit','fields':{'code':'P2','name':'Hai','tier':'department'}}");
    sums(effect, 1, 1, 0, 0);
    item = item_at(control_at(effect, 0), 0);
    assert_str(json_get_str(item, "effect"), "opens");
    assert_true(json_is_null(json_object_get(json_object_get(item, "subject"), "id"))); /* none yet that stays */
    assert_str(json_get_str(json_object_get(item, "subject"), "key"), "P2");
    assert_true(json_is_null(json_object_get(item, "unit"))); /* it is the unit itself */
    json_decref(effect);

    effect = effect_of(w, &ADMIN, "{'op':'change','kind':'unit','target':'XA','fields':{'name':'Xã khác'}}");
    sums(effect, 1, 0, 0, 0);
    assert_int_equal(json_array_size(json_object_get(effect, "controls")), 0);
    json_decref(effect);
    effect =
        effect_of(w, &ADMIN, "{'op':'create','kind':'network','fields':{'code':'WAN','name':'M','kind':'intranet'}}");
    sums(effect, 0, 0, 0, 0);
    json_decref(effect);

    assert_int_equal(registry_head(w->reg, &after, hash_after, &w->e), 0); /* the chain is untouched */
    assert_true(after == seq);
    assert_string_equal(hash, hash_after);
    assert_int_equal(w_count(w, &ADMIN, ""), 0);
    assert_int_equal(json_array_size(w->told), 0);
    assert_true(w_control_is(w, "mail", "unknown")); /* no result was kept */
    w_free(w);
}

/* What a plan foretells is what the next run does. */
static void comes_true(void **state)
{
    static const struct {
        const char *key, *patch;
    } steps[] = {
        {"P1", "{'email':'p1@example.vn'}"},
        {"P1", "{'email':null}"},
        {"STC", "{'tier':'commune'}"},
        {"XA", "{'tier':'department'}"},
        {"STC", "{'tier':'department','email':'stc@example.vn'}"},
        {"XA", "{'email':'xa@example.vn'}"},
    };
    struct world *w = w_new();
    int64_t moved = 0;
    char op[300];

    w_put(w, "common/controls/a.yaml", MAIL);
    w_put(w, "common/controls/b.yaml",
          CHECK("some", "subject: unit\napplies: SELECT count(*) FROM unit WHERE tier = 'department' AND email IS NOT "
                        "NULL\nquery: SELECT id FROM unit WHERE tier = 'commune'\n"));
    w_open(w);
    w_check(w, "");
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        snprintf(op, sizeof(op), "{'op':'change','kind':'unit','target':'%s','fields':%s}", steps[i].key,
                 steps[i].patch);
        json_t *effect = effect_of(w, &ADMIN, op);
        int64_t open = w_count(w, &ADMIN, "open"), closed = w_count(w, &ADMIN, "closed");
        w_change(w, "unit", steps[i].key, steps[i].patch);
        w_check(w, "");
        int64_t shut = w_count(w, &ADMIN, "closed") - closed, fresh = w_count(w, &ADMIN, "open") - open + shut;
        sums(effect, 2, fresh, shut, 0);
        moved += shut + fresh;
        json_decref(effect);
    }
    assert_true(moved >= 6);
    w_free(w);
}

/* Of units that are not his, an officer gets the number alone. */
static void counted_not_shown(void **state)
{
    static const struct actor nobody = {.name = {"ai", 2}};
    struct world *w = w_new();
    json_t *effect;

    w_put(w, "common/controls/a.yaml",
          CHECK("mail", "subject: unit\nquery: SELECT u.id, u.id AS unit_id FROM unit u WHERE EXISTS (SELECT 1 FROM "
                        "unit p WHERE p.code = 'TINH' AND p.email IS NOT NULL)\n"));
    w_open(w);
    const char *op = "{'op':'change','kind':'unit','target':'TINH','fields':{'email':'t@example.vn'}}";
    effect = effect_of(w, &ADMIN, op);
    sums(effect, 1, 4, 0, 0);
    assert_int_equal(json_get_int(effect, "hidden", -1), 0);
    assert_int_equal(json_array_size(json_object_get(control_at(effect, 0), "items")), 4);
    json_decref(effect);
    effect = effect_of(w, &OFFICER, op);
    sums(effect, 1, 4, 0, 0);
    assert_int_equal(json_get_int(effect, "hidden", -1), 2);
    assert_int_equal(json_get_int(effect, "more", -1), 0);
    assert_int_equal(json_array_size(json_object_get(control_at(effect, 0), "items")), 2);
    assert_str(json_get_str(json_object_get(item_at(control_at(effect, 0), 0), "subject"), "key"), "STC");
    assert_str(json_get_str(json_object_get(item_at(control_at(effect, 0), 1), "subject"), "key"), "P1");
    json_decref(effect);
    effect = effect_of(w, &nobody, op);
    sums(effect, 1, 4, 0, 0);
    assert_int_equal(json_get_int(effect, "hidden", -1), 4);
    json_decref(effect);
    w_free(w);
}

/* A field that is not for everybody is in nobody else's list. */
static void fields_stay_hidden(void **state)
{
    static const struct actor auditor = {.name = {"ktv", 3}, .roles = ROLE_AUDITOR};
    struct world *w = w_new();
    struct kind *k;
    json_t *effect;

    w_put(w, "common/controls/b.yaml", NAMED);
    w_add(w, "network", "{'code':'WAN','name':'Mạng','kind':'intranet'}");
    w_add(w, "device", "{'code':'M1','name':'Máy','category':'workstation','unit':'STC','network':'WAN'}");
    w_open(w);
    k = (struct kind *)(uintptr_t)schema_kind(w->sc, STR("device"));
    const char *op = "{'op':'change','kind':'device','target':'M1','fields':{'name':'xấu'}}";
    k->fields[k->title_field].read = ROLE_ADMIN;
    effect = effect_of(w, &auditor, op);
    json_t *subject = json_object_get(item_at(control_at(effect, 0), 0), "subject");
    assert_str(json_get_str(subject, "title"), "M1");
    json_decref(effect);
    effect = effect_of(w, &ADMIN, op);
    assert_str(json_get_str(json_object_get(item_at(control_at(effect, 0), 0), "subject"), "title"), "xấu");
    json_decref(effect);
    k->fields[k->title_field].read = 0;
    k->fields[k->key_field].read = ROLE_ADMIN;
    effect = effect_of(w, &auditor, op);
    sums(effect, 1, 1, 0, 0);
    assert_int_equal(json_get_int(effect, "hidden", -1), 1);
    assert_int_equal(json_array_size(json_object_get(control_at(effect, 0), "items")), 0);
    json_decref(effect);
    k->fields[k->key_field].read = 0;
    w_free(w);
}

static void is_named(const json_t *effect, size_t i, const char *id, const char *why)
{
    json_t *one = json_array_get(json_object_get(effect, "failed"), i);
    str said = json_get_str(json_object_get(one, "error"), "en");

    assert_str(json_get_str(one, "id"), id);
    if (str_find(said, str_c(why)) == SIZE_MAX)
        fail_msg("%.*s", STR_ARGS(said));
}

/* One that fails is named, the others are run; the time of all is bounded. */
static void failing_is_named(void **state)
{
#define ENDLESS                                                                                                        \
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n AS id FROM r, unit WHERE n < 0\n"
    struct world *w = w_new();
    const char *op = "{'op':'change','kind':'unit','target':'P1','fields':{'email':'p1@example.vn'}}";
    json_t *effect;

    w->sql_ms = 100;
    w_put(w, "common/controls/a.yaml", CHECK("endless", "subject: unit\nquery: " ENDLESS));
    w_put(w, "common/controls/b.yaml", CHECK("unsound", "subject: unit\nquery: SELECT code AS id FROM unit\n"));
    w_put(w, "common/controls/c.yaml", MAIL);
    w_open(w);
    effect = effect_of(w, &ADMIN, op);
    sums(effect, 1, 0, 1, 0);
    assert_int_equal(json_array_size(json_object_get(effect, "failed")), 2);
    is_named(effect, 0, "endless", "100 ms");
    is_named(effect, 1, "unsound", "column id");
    json_decref(effect);
    w->effect_ms = 50; /* the first uses all of it up */
    w_reopen(w);
    effect = effect_of(w, &ADMIN, op);
    sums(effect, 0, 0, 0, 0);
    assert_int_equal(json_array_size(json_object_get(effect, "failed")), 3);
    is_named(effect, 1, "unsound", "50 ms");
    is_named(effect, 2, "mail", "50 ms");
    json_decref(effect);
    w_free(w);
}

/* Without evidence nothing is opened: it is counted as not to be judged. */
static void without_evidence(void **state)
{
    struct world *w = w_new();
    json_t *effect;

    w_put(w, "common/controls/av.yaml",
          CHECK("av",
                "subject: device\nfreshness: P2D\nquery: SELECT d.id, p.reported_at AS seen_at FROM device d LEFT "
                "JOIN posture p ON p.device_id = d.id WHERE p.disk_encrypted IS NULL OR p.disk_encrypted = 0\n"));
    w_add(w, "network", "{'code':'WAN','name':'Mạng','kind':'intranet'}");
    w_open(w);
    effect = effect_of(w, &ADMIN,
                       "{'op':'create','kind':'device','fields':{'code':'M1','name':'Máy','category':'workstation',"
                       "'unit':'STC','network':'WAN'}}");
    sums(effect, 1, 0, 0, 1);
    json_decref(effect);
    w_free(w);
}

/* A great many are counted to the last, and listed up to a number. */
static void many_are_counted(void **state)
{
    struct world *w = w_new();
    char text[200];
    json_t *effect;

    for (int i = 0; i < 60; i++) {
        snprintf(text, sizeof(text), "{'code':'X%02d','name':'Xã %d','tier':'commune','parent':'TINH'}", i, i);
        w_add(w, "unit", text);
    }
    for (int i = 0; i < 5; i++) {
        char path[60], yaml[500];
        snprintf(path, sizeof(path), "common/controls/c%d.yaml", i);
        snprintf(yaml, sizeof(yaml),
                 CHECK("c%d", "subject: unit\nquery: SELECT u.id, u.id AS unit_id FROM unit u WHERE EXISTS (SELECT 1 "
                              "FROM unit p WHERE p.code = 'TINH' AND p.email IS NOT NULL)\n"),
                 i);
        w_put(w, path, yaml);
    }
    w_open(w);
    effect = effect_of(w, &ADMIN, "{'op':'change','kind':'unit','target':'TINH','fields':{'email':'t@example.vn'}}");
    sums(effect, 5, 5 * 64, 0, 0);
    assert_int_equal(json_get_int(effect, "more", -1), 5 * 64 - 200);
    assert_int_equal(json_get_int(control_at(effect, 0), "more", -1), 14);
    assert_int_equal(json_array_size(json_object_get(control_at(effect, 3), "items")), 50);
    assert_int_equal(json_array_size(json_object_get(control_at(effect, 4), "items")), 0);
    assert_int_equal(json_get_int(control_at(effect, 4), "more", -1), 64);
    json_decref(effect);
    w_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_and_closes),   cmocka_unit_test(comes_true),       cmocka_unit_test(counted_not_shown),
        cmocka_unit_test(fields_stay_hidden), cmocka_unit_test(failing_is_named), cmocka_unit_test(without_evidence),
        cmocka_unit_test(many_are_counted),
    };
    return cmocka_run_group_tests_name("judge/effect", tests, NULL, NULL);
}
