/* The schema: the shipped one loads and is whole; every mistake is told, with
 * its place, all in one pass. */
#include "registry/test-int.h"
#include "base/map.h"
#include "base/file.h"
#include <sys/stat.h>

#define HEAD "group: {name: g, vi: Nhóm, en: Group}\nkinds:\n"
#define L    "{vi: Một, en: One}"
#define CODE "      code: {type: text, required: true, max: 20, label: " L "}\n"
#define REST "    states:\n      active: " L "\n"
#define KIND(name, fields)                                                                                             \
    "  " name ":\n    label: " L "\n    key: code\n    columns: [code]\n    fields:\n" CODE fields REST

static const struct {
    const char *text, *key;
    int line;
} bad[] = {
    {"", "schema.no_kinds", 0},
    {"kinds: {}\n", "schema.no_label", 1},
    {HEAD "  a: 5\n", "schema.want_map", 3},
    {"group: {name: G, vi: a, en: b}\nkinds:\n" KIND("a", ""), "schema.bad_name", 1},
    {HEAD KIND("A", ""), "schema.bad_name", 3},
    {HEAD KIND("a", "") "    colour: red\n", "yaml.unknown_key", 11},
    {HEAD KIND("a", "      x: {type: texd, label: " L "}\n"), "schema.bad_type", 9},
    {HEAD KIND("a", "      x: {type: text}\n"), "schema.no_label", 9},
    {HEAD KIND("a", "      x: {type: text, label: {vi: a}}\n"), "schema.two_languages", 9},
    {HEAD KIND("a", "      x: {type: text, label: " L ", size: 3}\n"), "yaml.unknown_key", 9},
    {HEAD KIND("a", "      x: {type: text, required: maybe, label: " L "}\n"), "schema.want_bool", 9},
    {HEAD KIND("a", "      x: {type: int, min: 5, max: 2, label: " L "}\n"), "schema.min_max", 9},
    {HEAD KIND("a", "      x: {type: int, min: big, label: " L "}\n"), "schema.want_int", 9},
    {HEAD KIND("a", "      x: {type: date, max: 2, label: " L "}\n"), "schema.only_for", 9},
    {HEAD KIND("a", "      x: {type: enum, label: " L "}\n"), "schema.no_values", 9},
    {HEAD KIND("a", "      x: {type: text, values: {a: " L "}, label: " L "}\n"), "schema.only_for", 9},
    {HEAD KIND("a", "      x: {type: ref, ref: nowhere, label: " L "}\n"), "schema.no_kind", 9},
    {HEAD KIND("a", "      x: {type: ref, label: " L "}\n"), "schema.no_kind", 9},
    {HEAD KIND("a", "      x: {type: text, ref: a, label: " L "}\n"), "schema.only_for", 9},
    {HEAD KIND("a", "      x: {type: int, default: many, label: " L "}\n"), "schema.bad_default", 9},
    {HEAD KIND("a", "      x: {type: text, read: [boss], label: " L "}\n"), "schema.no_role", 9},
    {HEAD KIND("a", "      code2: {type: text, default: '{x}', label: " L
                    "}\n      x: {type: text, read: admin, label: " L "}\n"),
     "schema.read_shown", 10},
    {HEAD KIND("a", "      x: {type: text, default: '{y}', label: " L "}\n"), "schema.bad_default", 9},
    {HEAD KIND("a", "      x: {type: text, default: '{code', label: " L "}\n"), "schema.bad_default", 9},
    {HEAD KIND("a", "      id: {type: int, label: " L "}\n"), "schema.reserved", 9},
    {HEAD KIND("a", "      title: {type: text, label: " L "}\n"), "schema.reserved", 9},
    {HEAD KIND("a", "      x: {type: ref, ref: a, label: " L "}\n      x_id: {type: int, label: " L "}\n"),
     "schema.collides", 10},
    {HEAD KIND("a", "      x: {type: ip, within: code, label: " L "}\n"), "schema.only_for", 9},
    {HEAD KIND("a", "      x: {type: ip, within: y, label: " L "}\n      y: {type: ref, ref: a, label: " L "}\n"),
     "schema.only_for", 9},
    {HEAD KIND("a", "      x: {type: prefix, disjoint: y, label: " L "}\n"), "schema.only_for", 9},
    {HEAD KIND("history", ""), "schema.reserved", 4},
    {HEAD KIND("a", "") "    unit: code\n", "schema.want_ref", 11},
    {HEAD KIND("a", "") "    unit_via: nothing\n", "schema.no_field", 11},
    {HEAD KIND("a", "") "    title: nothing\n", "schema.no_field", 11},
    {HEAD KIND("a", "") "    transitions:\n      go: {from: active, to: gone, label: " L "}\n", "schema.no_state", 12},
    {HEAD KIND("a", "") "    transitions:\n      go: {from: active, to: active, roles: [boss], label: " L "}\n",
     "schema.no_role", 12},
    {HEAD "  a:\n    label: " L "\n    columns: [code]\n    fields:\n" CODE REST, "schema.no_key", 4},
    {HEAD "  a:\n    label: " L "\n    key: code\n    fields:\n" CODE REST, "schema.no_columns", 4},
    {HEAD "  a:\n    label: " L "\n    key: code\n    columns: [x]\n    fields:\n" CODE REST, "schema.no_field", 6},
    {HEAD "  a:\n    label: " L "\n    key: code\n    columns: [code]\n    fields:\n" CODE, "schema.no_states", 3},
    {HEAD "  a:\n    label: " L
          "\n    key: code\n    columns: [code]\n    fields:\n      code: {type: text, max: 20, label: " L "}\n" REST,
     "schema.key_required", 5},
    {HEAD "  a:\n    label: " L
          "\n    key: code\n    columns: [code]\n    fields:\n      code: {type: text, required: true, label: " L
          "}\n" REST,
     "schema.key_max", 5},
    {HEAD "  a:\n    label: " L
          "\n    key: code\n    columns: [code]\n    fields:\n      code: {type: int, required: true, label: " L
          "}\n" REST,
     "schema.bad_key", 5},
    {HEAD KIND("a", "") KIND("a", ""), NULL, 0}, /* the YAML reader's own mistake: a key twice */
    {HEAD "  a: [\n", NULL, 0},
};

static void mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct errs es;
        struct schema *s = NULL;
        errs_init(&es, 100);
        int rc = schema_from_text(&bad[i].text, 1, &s, &es);
        if (rc == 0 || es.n == 0 ||
            (bad[i].key != NULL && (strcmp(es.v[0].key, bad[i].key) != 0 || (int)es.v[0].line != bad[i].line)))
            fail_msg("%s\nwanted %s:%d, got %d %s", bad[i].text, bad[i].key, bad[i].line, rc,
                     es.n > 0 ? fx_text(&es.v[0]) : "no mistake");
        assert_null(s);
        errs_done(&es);
    }
}

/* Ten mistakes in two files are ten lines, not one. */
static void all_in_one_pass(void **state)
{
    static const char *const texts[] = {
        HEAD KIND("a", "      x: {type: texd, label: " L "}\n      y: {type: int, min: x, label: " L
                       "}\n      z: {type: enum, label: " L "}\n"),
        HEAD KIND("B", "      x: {type: text}\n") "    bogus: 1\n",
    };
    struct errs es;
    struct schema *s;

    (void)state;
    errs_init(&es, 100);
    assert_int_equal(schema_from_text(texts, 2, &s, &es), -EINVAL);
    assert_int_equal(es.n, 6);
    for (size_t i = 0; i < es.n; i++) {
        assert_true(es.v[i].line > 0 && es.v[i].col > 0);
        assert_string_equal(es.v[i].at, "schema.yaml");
    }
    errs_done(&es);
}

static void the_shipped_one(void **state)
{
    static const char *const kinds[] = {
        "regulation",
        "clause",
        "control",
        "unit",
        "site",
        "person",
        "account",
        "role_grant",
        "network",
        "zone",
        "prefix",
        "address",
        "device",
        "interface",
        "system",
        "service",
        "media",
        "backup_set",
        "maintenance_window",
        "inspection",
        "account_review",
        "backup_copy",
        "restore_test",
        "posture",
        "log_source",
        "media_inventory",
    };
    struct fixture *f = *state;
    json_t *all = schema_json(f->sc), *v;
    size_t i;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (schema_kind(f->sc, str_c(kinds[i])) == NULL)
            fail_msg("%s", kinds[i]);
    assert_int_equal(json_array_size(json_object_get(all, "kinds")), f->sc->nkinds);
    assert_true(json_array_size(json_object_get(all, "groups")) >= 5);
    json_array_foreach(json_object_get(all, "kinds"), i, v)
    {
        const struct kind *k = schema_kind(f->sc, json_get_str(v, "name"));
        assert_int_equal(json_array_size(json_object_get(v, "fields")), k->nfields);
        assert_true(json_array_size(json_object_get(v, "columns")) > 0);
        assert_true(json_array_size(json_object_get(v, "states")) > 0);
        assert_non_null(kind_field(k, json_get_str(v, "key")));
        assert_non_null(kind_field(k, json_get_str(v, "title")));
    }
    const struct kind *d = schema_kind(f->sc, STR("device"));
    assert_int_equal(d->nstates, 10);
    assert_true(str_eq(d->states[0], STR("draft")));
    assert_true(d->unit_field != SIZE_MAX && d->via_field == SIZE_MAX && d->state_column);
    assert_true(kind_field(d, STR("serial"))->unique && kind_field(d, STR("serial"))->nclauses > 0);
    const struct field *level = kind_field(schema_kind(f->sc, STR("media")), STR("level"));
    assert_int_equal(level->nvalues, 4);
    assert_true(str_eq(level->values[1].label.vi, STR("Mật")));
    assert_true(kind_field(schema_kind(f->sc, STR("person")), STR("national_id"))->personal);
    json_decref(all);
}

/* Every clause that the schema cites is one of a pack's. */
struct cited {
    struct map known;
    size_t n;
};

static void cites(struct cited *c, str where, const str *clauses, size_t n)
{
    for (size_t i = 0; i < n; i++, c->n++)
        if (map_get(&c->known, clauses[i]) == NULL)
            fail_msg("%.*s cites %.*s, which no pack has", STR_ARGS(where), STR_ARGS(clauses[i]));
}

static void pack_clauses(struct cited *c, struct arena *a, const char *pack)
{
    char path[4096];
    struct err e;
    str text, line;
    bool fresh;

    snprintf(path, sizeof(path), "%s/packs/%s/clauses.yaml", getenv("LUY_SOURCE"), pack);
    assert_int_equal(file_read(a, path, 4 << 20, &text, &e), 0);
    while (str_split(&text, '\n', &line))
        if (str_starts(line, STR("- id: \"")))
            assert_non_null(map_put(&c->known, str_sub(line, 7, line.n - 8), &fresh));
}

static void clauses_are_cited_by_id(void **state)
{
    static const char *const packs[] = {"vn-tinhuy", "vn-trunguong", "vn-vinhlong", "vn-bentre"};
    struct fixture *f = *state;
    struct arena a = arena_init(16 << 20);
    struct cited c = {.n = 0};

    map_init(&c.known, 10000);
    for (size_t i = 0; i < 4; i++)
        pack_clauses(&c, &a, packs[i]);
    for (size_t i = 0; i < f->sc->nkinds; i++) {
        const struct kind *k = &f->sc->kinds[i];
        for (size_t j = 0; j < k->nfields; j++)
            cites(&c, k->name, k->fields[j].clauses, k->fields[j].nclauses);
        for (size_t j = 0; j < k->ninvariants; j++)
            cites(&c, k->name, k->invariants[j].clauses, k->invariants[j].nclauses);
        for (size_t j = 0; j < k->ntransitions; j++) {
            const struct transition *t = &k->transitions[j];
            cites(&c, k->name, t->clauses, t->nclauses);
            for (size_t m = 0; m < t->nattach; m++)
                cites(&c, k->name, t->attach[m].clauses, t->attach[m].nclauses);
        }
    }
    for (size_t i = 0; i < f->sc->nchecklists; i++)
        for (size_t j = 0; j < f->sc->checklists[i].nquestions; j++)
            cites(&c, f->sc->checklists[i].name, f->sc->checklists[i].questions[j].clauses,
                  f->sc->checklists[i].questions[j].nclauses);
    assert_true(c.n > 300);
    map_done(&c.known);
    arena_free(&a);
}

/* What comes of a kind that no line of C knows: list, search, CSV both ways,
 * history, and a reopened registry that keeps it. */
static void run_time_kind(struct fixture *f)
{
    struct list_query q = {.q = STR("tu so"), .limit = 10, .count = true};
    json_t *out = NULL;
    struct buf csv;

    assert_int_equal(registry_list(f->r, &ADMIN, STR("cabinet"), &q, &out, &f->e), 0);
    assert_int_equal(json_get_int(out, "total", 0), 1);
    json_decref(out);
    assert_int_equal(fx_import(f, &ADMIN, "cabinet",
                               STR("code,name,unit.code,key_holder.code,state\nTM-9,Tủ số 9,STC,hanhnm,in_use\n"),
                               false, &out),
                     0);
    assert_int_equal(json_get_int(out, "created", 0), 1);
    json_decref(out);
    buf_init(&csv, 1 << 20);
    q.q = STR_NONE;
    assert_int_equal(registry_export_csv(f->r, &ADMIN, STR("cabinet"), &q, &csv, &f->e), 0);
    assert_int_equal(fx_import(f, &ADMIN, "cabinet", buf_view(&csv), false, &out), 0);
    assert_int_equal(json_get_int(out, "unchanged", 0), 2);
    json_decref(out);
    buf_done(&csv);
    fx_close_registry(f);
    fx_open_registry(f);
    assert_int_equal(registry_history(f->r, &ADMIN, STR("cabinet"), STR("TM-1"), &out, &f->e), 0);
    assert_int_equal(json_array_size(out), 2);
    json_decref(out);
}

/* The recipe in docs/ is what a newcomer copies: it must work as it stands. */
static void the_recipe(void **state)
{
    struct fixture *f = *state;
    struct arena a = arena_init(4 << 20);
    char from[4096], to[400];
    str text, *names;
    size_t n;

    snprintf(from, sizeof(from), "%s/docs/recipes/add-a-record-kind.md", getenv("LUY_SOURCE"));
    assert_int_equal(file_read(&a, from, 1 << 20, &text, &f->e), 0);
    size_t open = str_find(text, STR("```yaml\n"));
    assert_true(open != SIZE_MAX);
    text = str_sub(text, open + 8, SIZE_MAX);
    text = str_sub(text, 0, str_find(text, STR("```")));
    snprintf(from, sizeof(from), "%s/schema", getenv("LUY_SOURCE"));
    assert_int_equal(file_list(&a, from, STR(".yaml"), 100, &names, &n, &f->e), 0);
    for (size_t i = 0; i < n; i++) {
        snprintf(from, sizeof(from), "%s/schema/%.*s", getenv("LUY_SOURCE"), STR_ARGS(names[i]));
        snprintf(to, sizeof(to), "%s/%.*s", f->dir, STR_ARGS(names[i]));
        assert_int_equal(symlink(from, to), 0);
    }
    snprintf(to, sizeof(to), "%s/cabinets.yaml", f->dir);
    assert_int_equal(file_write_atomic(to, text, 0600, &f->e), 0);
    fx_frame(f);
    registry_close(f->r);
    schema_free(f->sc);
    if (schema_load(f->dir, &f->sc, &f->es) < 0)
        fail_msg("%s", fx_text(&f->es.v[0]));
    assert_int_equal(registry_open(f->st, f->sc, &f->clk, &f->r, &f->e), 0);
    fx_add(f, "cabinet", "{'name':'Tủ số 1','unit':'STC','height_u':42}");
    assert_int_equal(fx_change(f, "cabinet", "TM-1", 1, "{'state':'in_use','locked':true}"), -EINVAL);
    assert_string_equal(f->es.v[0].at, "/fields/key_holder");
    assert_int_equal(fx_change(f, "cabinet", "TM-1", 1, "{'state':'in_use','locked':true,'key_holder':'hanhnm'}"), 0);
    run_time_kind(f);
    arena_free(&a);
}

static void folders(void **state)
{
    struct fixture *f = *state;
    struct errs es;
    struct schema *s;
    char path[300];

    errs_init(&es, 10);
    assert_int_equal(schema_load("/nonexistent", &s, &es), -EINVAL);
    assert_int_equal(schema_load(f->dir, &s, &es), -EINVAL); /* no file in it */
    snprintf(path, sizeof(path), "%s/a.yaml", f->dir);
    FILE *file = fopen(path, "w");
    fputs("kinds: [\n", file);
    fclose(file);
    es.n = 0;
    es.total = 0;
    assert_int_equal(schema_load(f->dir, &s, &es), -EINVAL);
    assert_non_null(strstr(es.v[0].at, "a.yaml"));
    errs_done(&es);
    schema_free(NULL);
}

/* What is marked goes through a change set; what is not does not. */
static void approval(void **state)
{
    static const char yaml[] =
        "group: {name: g, vi: a, en: b}\nkinds:\n  x:\n    label: {vi: a, en: b}\n    key: code\n"
        "    columns: [code]\n    approval: [change, end]\n"
        "    fields: {code: {type: text, max: 9, required: true, label: {vi: a, en: b}}}\n"
        "    states: {a: {vi: a, en: a}, b: {vi: b, en: b}, c: {vi: c, en: c}}\n"
        "    transitions:\n      go: {from: [a, c], to: b, label: {vi: a, en: b}, approval: true}\n"
        "      back: {from: b, to: a, label: {vi: a, en: b}}\n";
    static const struct {
        enum kind_op op;
        const char *from, *to;
        bool want;
    } cases[] = {
        {OP_CREATE, "", "", false},  {OP_CREATE, "", "a", false}, {OP_CREATE, "", "b", true},
        {OP_CREATE, "", "c", false}, {OP_CHANGE, "a", "a", true}, {OP_CHANGE, "a", "b", true},
        {OP_END, "a", "a", true},
    };
    const char *texts[] = {yaml, NULL};
    struct schema *s;
    struct errs es;

    (void)state;
    errs_init(&es, 10);
    assert_int_equal(schema_from_text(texts, 1, &s, &es), 0);
    struct kind *k = &s->kinds[0];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(kind_needs_approval(k, cases[i].op, str_c(cases[i].from), str_c(cases[i].to)), cases[i].want);
    k->approval = 0; /* the steps alone */
    assert_true(kind_needs_approval(k, OP_CHANGE, STR("c"), STR("b")));
    assert_false(kind_needs_approval(k, OP_CHANGE, STR("b"), STR("a")));
    assert_false(kind_needs_approval(k, OP_CHANGE, STR("a"), STR("a")));
    assert_false(kind_needs_approval(k, OP_END, STR("b"), STR("b")));
    assert_non_null(kind_transition(k, STR("a"), STR("b")));
    assert_null(kind_transition(k, STR("a"), STR("c")));
    schema_free(s);
    errs_done(&es);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(approval),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(all_in_one_pass),
        cmocka_unit_test_setup_teardown(the_shipped_one, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(clauses_are_cited_by_id, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(the_recipe, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(folders, fx_setup, fx_teardown),
    };
    return cmocka_run_group_tests_name("registry/schema", tests, NULL, NULL);
}
