/* The schema changes under a database that has records: what widens goes
 * through, what would lose data is refused with the record in the way. */
#include "registry/test-int.h"

#define HEAD   "group: {name: g, vi: Nhóm, en: Group}\nkinds:\n"
#define L      "{vi: Một, en: One}"
#define CODE   "      code: {type: text, required: true, max: 20, label: " L "}\n"
#define STATES "    states:\n      active: " L "\n      old: " L "\n"
#define KIND(name, fields)                                                                                             \
    "  " name ":\n    label: " L "\n    key: code\n    columns: [code]\n    fields:\n" CODE fields STATES

static const char *const base =
    HEAD KIND("a", "      name: {type: text, max: 100, label: " L "}\n"
                   "      n: {type: int, label: " L "}\n"
                   "      e: {type: enum, values: {mot: " L ", hai: " L "}, label: " L "}\n"
                   "      host: {type: fqdn, label: " L "}\n"
                   "      up: {type: ref, ref: a, label: " L "}\n"
                   "      ip: {type: ip, label: " L "}\n"
                   "      empty: {type: date, label: " L "}\n"
                   "      list: {type: refs, ref: b, label: " L "}\n") KIND("b", "") KIND("c", "");

struct case_ {
    const char *from, *to;
    int rc;
    const char *key;
};

static void load(struct fixture *f, const char *text)
{
    if (schema_from_text(&text, 1, &f->sc, &f->es) < 0)
        fail_msg("%s", fx_text(&f->es.v[0]));
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    errs_init(&f->es, 10);
    f->clk = clock_manual(1795257000 * NS_PER_S);
    fx_dir(f);
    load(f, base);
    fx_open_registry(f);
    fx_add(f, "b", "{'code':'B1'}");
    fx_add(f, "a",
           "{'code':'A1','name':'Đỗ Hạnh','n':5,'e':'hai','host':'web.example.org','ip':'10.0.0.1','list':['B1']}");
    fx_add(f, "a", "{'code':'A2','name':'Đỗ Hạnh','n':50,'e':'mot','up':'A1','state':'old'}");
    fx_add(f, "a", "{'code':'A3'}");
    json_t *out;
    assert_int_equal(registry_end(f->r, &ADMIN, STR("a"), STR("A3"), 1, &out, &f->e), 0);
    json_decref(out);
    *state = f;
    return 0;
}

/* base with one piece of text replaced. Not inlined: at -O3 gcc 12 then takes what
 * asprintf put into `out` for the address of `out`. */
__attribute__((noinline)) static char *edited(const char *from, const char *to)
{
    const char *at = strstr(base, from);
    size_t room = strlen(base) + strlen(to) + 1;
    char *out = malloc(room);

    assert_non_null(at);
    assert_non_null(out);
    snprintf(out, room, "%.*s%s%s", (int)(at - base), base, to, at + strlen(from));
    return out;
}

static int reopen(struct fixture *f, const char *text)
{
    registry_close(f->r);
    f->r = NULL;
    schema_free(f->sc);
    f->sc = NULL;
    load(f, text);
    return registry_open(f->st, f->sc, &f->clk, &f->r, &f->e);
}

static uint64_t count_all(struct fixture *f, const char *kind)
{
    struct list_query q = {.ended = true, .count = true};
    json_t *o;

    assert_int_equal(registry_list(f->r, &ADMIN, str_c(kind), &q, &o, &f->e), 0);
    uint64_t n = (uint64_t)json_get_int(o, "total", 0);
    json_decref(o);
    return n;
}

static const struct case_ table[] = {
    {"      empty:", "      more: {type: text, label: " L "}\n      empty:", 0, NULL},
    {"      empty:", "      more: {type: int, required: true, default: '7', label: " L "}\n      empty:", 0, NULL},
    {"      empty:", "      more: {type: prefix, label: " L "}\n      empty:", 0, NULL},
    {"      empty:", "      more: {type: ref, ref: b, label: " L "}\n      empty:", 0, NULL},
    {"      empty:", "      more: {type: refs, ref: c, label: " L "}\n      empty:", 0, NULL},
    {"      empty:", "      more: {type: text, required: true, label: " L "}\n      empty:", -EEXIST,
     "registry.migrate_required"},
    {"hai: " L, "hai: " L ", ba: " L, 0, NULL},
    {", hai: " L, "", -EEXIST, "registry.migrate_enum"},
    {"max: 100", "max: 200", 0, NULL},
    {"max: 100", "max: 7", 0, NULL},
    {"max: 100", "max: 6", -EEXIST, "registry.migrate_bounds"},
    {"type: int, label", "type: int, max: 50, label", 0, NULL},
    {"type: int, label", "type: int, max: 49, label", -EEXIST, "registry.migrate_bounds"},
    {"type: int, label", "type: int, min: 5, label", 0, NULL},
    {"type: int, label", "type: int, min: 6, label", -EEXIST, "registry.migrate_bounds"},
    {"type: int, label", "type: decimal, label", 0, NULL},
    {"type: int, label", "type: date, label", -EEXIST, "registry.migrate_type"},
    {"type: fqdn", "type: text", 0, NULL},
    {"type: fqdn", "type: int", -EEXIST, "registry.migrate_type"},
    {"type: text, max: 100", "type: markdown, max: 100", 0, NULL},
    {"type: text, max: 100", "type: text, unique: true, max: 100", -EEXIST, "registry.migrate_unique"},
    {"type: fqdn", "type: fqdn, unique: true", 0, NULL},
    {"type: text, max: 100", "type: text, required: true, max: 100", 0, NULL}, /* A3 has none, but it ended */
    {"type: fqdn", "type: fqdn, required: true", -EEXIST, "registry.migrate_required"},
    {"type: date", "type: int", 0, NULL},
    {"type: date", "type: ip", 0, NULL},
    {"type: date", "type: ref, ref: b", 0, NULL},
    {"ref: a, ", "ref: b, ", -EEXIST, "registry.migrate_type"},
    {"type: refs, ref: b", "type: refs, ref: c", -EEXIST, "registry.migrate_type"},
    {"      empty: {type: date, label: " L "}\n", "", 0, NULL},
    {"      n: {type: int, label: " L "}\n", "", -EEXIST, "registry.migrate_removed"},
    {"      ip: {type: ip, label: " L "}\n", "", -EEXIST, "registry.migrate_removed"},
    {"      up: {type: ref, ref: a, label: " L "}\n", "", -EEXIST, "registry.migrate_removed"},
    {"      list: {type: refs, ref: b, label: " L "}\n", "", -EEXIST, "registry.migrate_removed"},
    {"      old: " L "\n  b:", "  b:", -EEXIST, "registry.migrate_state"},
    {KIND("c", ""), "", 0, NULL},
    {KIND("c", ""), KIND("d", ""), 0, NULL},
};
enum { CASES = sizeof(table) / sizeof(table[0]) };

struct steps {
    size_t n, of[MIG_STEPS];
    int64_t filled, rewritten;
};

static void on_step(void *ctx, const struct migration *m)
{
    struct steps *x = ctx;

    x->n++;
    x->of[m->step]++;
    if (m->step == MIG_FILL)
        x->filled += m->rows;
    if (m->step == MIG_KIND_CHANGED)
        x->rewritten += m->rows;
}

/* A dry run of `text` over what is there. */
static int dry_run(struct fixture *f, const char *text, struct steps *x)
{
    struct schema *other = NULL;
    const char *one = text;

    *x = (struct steps){0};
    f->es.n = 0;
    f->es.total = 0;
    f->e = (struct err){0};
    if (schema_from_text(&one, 1, &other, &f->es) < 0)
        fail_msg("%s", fx_text(&f->es.v[0]));
    int rc = registry_migration(f->st, other, &f->clk, on_step, x, &f->es, &f->e);
    schema_free(other);
    return rc;
}

/* The dry run says before what the change says after, and leaves no trace: the same
 * schema still opens without a step. */
static void dry_runs(void **state)
{
    struct fixture *f = *state;
    struct steps x;
    json_t *was = fx_get(f, "a", "A1"), *is;

    for (size_t i = 0; i < CASES; i++) {
        char *text = edited(table[i].from, table[i].to);
        int rc = dry_run(f, text, &x);
        if (rc != table[i].rc)
            fail_msg("'%s' -> '%s': %d %s", table[i].from, table[i].to, rc, rc < 0 ? fx_text(&f->e) : "");
        assert_true(x.n > 0);
        assert_int_equal(f->es.total, rc == 0 ? 0 : 1);
        if (rc < 0) {
            assert_string_equal(f->es.v[0].key, table[i].key);
            assert_true(strlen(f->es.v[0].arg[2]) > 0); /* the record's id */
            assert_string_equal(f->e.key, "registry.migrate_refused");
        }
        free(text);
        assert_int_equal(dry_run(f, base, &x), 0);
        assert_int_equal(x.n, 0);
    }
    is = fx_get(f, "a", "A1");
    assert_true(json_equal(was, is));
    json_decref(was);
    json_decref(is);
}

/* Every place is told at once; and the numbers are those of the records. */
static void dry_run_tells_all(void **state)
{
    struct fixture *f = *state;
    struct steps x;
    char *text = edited("      n: {type: int, label: " L "}\n", "      n2: {type: int, label: " L "}\n");
    char *at = strstr(text, ", hai: " L);

    memset(at, ' ', strlen(", hai: " L));
    assert_int_equal(dry_run(f, text, &x), -EEXIST);
    assert_int_equal(f->es.total, 2);
    assert_string_equal(f->es.v[0].key, "registry.migrate_removed");
    assert_string_equal(f->es.v[0].arg[1], "n");
    assert_int_equal(atoll(f->es.v[0].arg[2]), fx_id(f, "a", "A1"));
    assert_string_equal(f->es.v[1].key, "registry.migrate_enum");
    assert_int_equal(x.of[MIG_FIELD_NEW], 1);
    assert_int_equal(x.of[MIG_FIELD_GONE], 1);
    assert_int_equal(x.rewritten, 3); /* living and ended */
    free(text);

    text = edited("      empty:", "      more: {type: int, required: true, default: '7', label: " L "}\n      empty:");
    assert_int_equal(dry_run(f, text, &x), 0);
    assert_int_equal(x.filled, 3);
    free(text);
    text = edited(KIND("c", ""), KIND("d", ""));
    assert_int_equal(dry_run(f, text, &x), 0);
    assert_int_equal(x.of[MIG_KIND_NEW] + 10 * x.of[MIG_KIND_GONE], 11);
    free(text);
}

static void changes(void **state)
{
    const struct case_ *t = table;

    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        struct fixture *f = NULL;
        void *s;
        setup(&s);
        f = s;
        char *text = edited(t[i].from, t[i].to);
        int rc = reopen(f, text);
        if (rc != t[i].rc || (rc < 0 && strcmp(f->e.key, t[i].key) != 0))
            fail_msg("'%s' -> '%s': %d %s", t[i].from, t[i].to, rc, rc < 0 ? fx_text(&f->e) : "");
        if (rc < 0) {
            assert_true(strlen(f->e.arg[2]) > 0); /* the record's id */
            assert_int_equal(reopen(f, base), 0); /* nothing was half done */
        }
        assert_int_equal(count_all(f, "a"), 3);
        fx_add(f, "a",
               rc == 0 && strstr(t[i].to, "required: true, max") != NULL ? "{'code':'A9','name':'x','n':9}"
                                                                         : "{'code':'A9','n':9}");
        json_t *a = fx_get(f, "a", "A2");
        assert_string_equal(json_string_value(json_object_get(a, "name")), "Đỗ Hạnh");
        json_decref(a);
        uint64_t rows, bad;
        assert_int_equal(registry_verify(f->r, &rows, &bad, &f->e), 0);
        assert_int_equal(bad, 0);
        /* And once more with the same text: nothing to do, all still there. */
        assert_int_equal(reopen(f, rc == 0 ? text : base), 0);
        assert_int_equal(count_all(f, "a"), 4);
        free(text);
        fx_free(f);
    }
}

static void default_fills_and_search_follows(void **state)
{
    struct fixture *f = *state;
    char *text = edited("      empty:",
                        "      more: {type: text, required: true, default: Mặc định, label: " L "}\n      empty:");
    struct list_query q = {.q = STR("mac dinh"), .count = true};
    json_t *o;

    assert_int_equal(reopen(f, text), 0);
    o = fx_get(f, "a", "A1");
    assert_string_equal(json_string_value(json_object_get(o, "more")), "Mặc định");
    json_decref(o);
    assert_int_equal(registry_list(f->r, &ADMIN, STR("a"), &q, &o, &f->e), 0);
    assert_int_equal(json_get_int(o, "total", 0), 2);
    json_decref(o);
    free(text);
}

/* A key that becomes another field: the old names stay readable as a field. */
static void another_key(void **state)
{
    struct fixture *f = *state;
    char *text = edited("    key: code\n    columns: [code]\n    fields:\n" CODE "      name: {type: text, max: 100",
                        "    key: name\n    columns: [code]\n    fields:\n" CODE
                        "      name: {type: text, required: true, max: 100");

    assert_int_equal(reopen(f, text), -EEXIST); /* two are called Đỗ Hạnh */
    assert_string_equal(f->e.key, "registry.migrate_unique");
    assert_int_equal(reopen(f, base), 0);
    assert_int_equal(fx_change(f, "a", "A2", 1, "{'name':'Khác'}"), 0);
    assert_int_equal(reopen(f, text), 0);
    json_t *o = fx_get(f, "a", "Khác");
    assert_string_equal(json_string_value(json_object_get(o, "code")), "A2");
    assert_string_equal(json_string_value(json_object_get(json_object_get(o, "up"), "key")), "Đỗ Hạnh");
    json_decref(o);
    free(text);
}

static void damaged_description(void **state)
{
    struct fixture *f = *state;
    struct tx *tx;

    assert_int_equal(store_begin(f->st, STORE_WRITE, &tx, &f->e), 0);
    assert_int_equal(tx_exec(tx, "UPDATE registry_meta SET value = '{' WHERE name = 'schema'", NO_VALS, NULL, &f->e),
                     0);
    assert_int_equal(store_commit(tx, &f->e), 0);
    assert_int_equal(reopen(f, base), -EIO);
    assert_string_equal(f->e.key, "registry.meta_broken");
}

/* What a store of an earlier release has for the search of kind a. */
static const char *const old_sqlite[] = {
    "DROP TRIGGER a_fts_i",
    "DROP TRIGGER a_fts_u",
    "DROP TABLE all_fts_queue",
    "CREATE TRIGGER a_fts_i AFTER INSERT ON a BEGIN"
    " INSERT INTO a_fts(rowid, folded) VALUES(new.id, new.folded); END",
    "CREATE TRIGGER a_fts_u AFTER UPDATE OF folded ON a WHEN old.folded IS NOT new.folded BEGIN"
    " INSERT INTO a_fts(a_fts, rowid, folded) VALUES('delete', old.id, old.folded);"
    " INSERT INTO a_fts(rowid, folded) VALUES(new.id, new.folded); END",
    "UPDATE a SET folded = 'ten cu' WHERE code = 'A2'",
    "DELETE FROM registry_meta WHERE name = 'search_version'",
};
static const char *const old_pg[] = {
    "DROP INDEX a_trgm",
    "CREATE INDEX a_trgm ON a USING gin (folded gin_trgm_ops)",
    "UPDATE a SET folded = 'ten cu' WHERE code = 'A2'",
    "DELETE FROM registry_meta WHERE name = 'search_version'",
};

static int64_t number(struct fixture *f, const char *sql)
{
    struct val v = V_INT(-1);
    struct tx *tx;

    assert_int_equal(store_begin(f->st, STORE_READ, &tx, &f->e), 0);
    if (tx_one(tx, NULL, sql, NO_VALS, &v, &f->e) < 0)
        fail_msg("%s: %s", sql, fx_text(&f->e));
    store_rollback(tx);
    return v.i;
}

static size_t searched(struct fixture *f, const char *words)
{
    struct list_query q = {.q = str_c(words)};
    json_t *o;

    assert_int_equal(registry_list(f->r, &ADMIN, STR("a"), &q, &o, &f->e), 0);
    size_t n = json_array_size(json_object_get(o, "items"));
    json_decref(o);
    return n;
}

static void old_search(void **state)
{
    struct fixture *f = *state;
    const char *const *old = test_on_pg() ? old_pg : old_sqlite;
    size_t n = test_on_pg() ? sizeof(old_pg) / sizeof(*old_pg) : sizeof(old_sqlite) / sizeof(*old_sqlite);
    const char *current = test_on_pg() ? "SELECT COUNT(*) FROM pg_class WHERE relname IN ('a_trgm', 'b_trgm') AND"
                                         " array_to_string(reloptions, ' ') LIKE '%gin_pending_list_limit=65536%'"
                                       : "SELECT COUNT(*) FROM sqlite_schema WHERE name IN ('a_fts_i', 'a_fts_u',"
                                         " 'b_fts_i', 'b_fts_u') AND INSTR(sql, 'all_fts_queue') > 0";
    int64_t all = number(f, current);
    struct tx *tx;

    assert_int_equal(all, test_on_pg() ? 2 : 4);
    assert_int_equal(store_begin(f->st, STORE_WRITE, &tx, &f->e), 0);
    for (size_t i = 0; i < n; i++)
        if (tx_exec(tx, old[i], NO_VALS, NULL, &f->e) < 0)
            fail_msg("%s: %s", old[i], fx_text(&f->e));
    assert_int_equal(store_commit(tx, &f->e), 0);
    assert_int_equal(number(f, current), all / 2);

    assert_int_equal(reopen(f, base), 0);
    assert_int_equal(number(f, current), all);
    assert_int_equal(searched(f, "ten cu"), 1); /* written by what was there before */
    assert_int_equal(fx_change(f, "a", "A2", 1, "{'name':'Tre Xanh'}"), 0);
    fx_add(f, "a", "{'code':'A4','name':'Tre Ngà'}");
    assert_int_equal(searched(f, "ten cu"), 0);
    assert_int_equal(searched(f, "tre xanh"), 1);
    assert_int_equal(searched(f, "tre"), 2);
    if (!test_on_pg())
        assert_int_equal(number(f, "SELECT COUNT(*) FROM all_fts_queue"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes),
        cmocka_unit_test_setup_teardown(dry_runs, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(dry_run_tells_all, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(default_fills_and_search_follows, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(another_key, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(old_search, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(damaged_description, setup, fx_teardown),
    };
    return cmocka_run_group_tests_name("registry/migrate", tests, NULL, NULL);
}
