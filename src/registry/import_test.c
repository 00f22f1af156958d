/* Imports of more rows than one group: what is looked up for many rows at once is what each row alone would have been
 * told, mistakes stand in the order of the rows whenever they show, and a server is asked once a group. */
#include "registry/test-int.h"
#include "registry/exchange-int.h"
#include "registry/pg-int.h"

enum { ROWS = 3 * GROUP_ROWS + 17 };

static uint64_t trips(const struct fixture *f)
{
    return test_on_pg() ? ((const struct pg_store *)f->st)->write->trips : 0;
}

static json_t *import(struct fixture *f, const char *kind, struct buf *csv, bool dry)
{
    json_t *out = NULL;

    if (fx_import(f, &ADMIN, kind, buf_view(csv), dry, &out) < 0)
        fail_msg("%s: %s", fx_text(&f->e), f->es.n > 0 ? fx_text(&f->es.v[0]) : "");
    return out;
}

static void device_rows(struct buf *csv, const char *name)
{
    static const char *const units[] = {"TINH", "STC", "STC-P1", "XA01"};

    buf_z(csv, "code,name,category,unit.code,network.code,custodian.code,serial\n");
    for (int i = 0; i < ROWS; i++)
        buf_fmt(csv, "TB-%04d,%s %d,server,%s,%s,hanhnm,SN%06d\n", i, name, i, units[i % 4], i % 3 > 0 ? "WAN" : "NET",
                i);
}

static int64_t how_many(const json_t *out, const char *what)
{
    int64_t n = json_get_int(out, what, -1);

    json_decref((json_t *)(uintptr_t)out);
    return n;
}

static void asked_once_a_group(void **state)
{
    struct fixture *f = *state;
    static const char *const outcome[] = {"created", "created", "unchanged", "updated"};
    uint64_t rows, bad, before;
    struct buf csv;
    char head[65];

    fx_frame(f);
    assert_int_equal(registry_head(f->r, &before, head, &f->e), 0);
    buf_init(&csv, 1 << 20);
    for (int i = 0; i < 4; i++) {
        buf_clear(&csv);
        device_rows(&csv, i < 3 ? "Máy" : "Máy mới");
        uint64_t t0 = trips(f);
        assert_int_equal(how_many(import(f, "device", &csv, i == 0), outcome[i]), ROWS);
        if (trips(f) - t0 > 60)
            fail_msg("%s: %lu round trips for %d rows", outcome[i], (unsigned long)(trips(f) - t0), ROWS);
    }
    buf_done(&csv);
    json_t *rec = fx_get(f, "device", "TB-0501");
    assert_string_equal(json_string_value(json_object_get(rec, "name")), "Máy mới 501");
    assert_string_equal(json_string_value(json_object_get(json_object_get(rec, "unit"), "key")), "STC");
    assert_int_equal(json_get_int(rec, "rev", 0), 2);
    json_decref(rec);
    assert_int_equal(registry_verify(f->r, &rows, &bad, &f->e), 0);
    assert_int_equal(bad, 0);
    assert_int_equal(rows, before + 2 * ROWS);
}

/* Addresses: more questions a row, and a table beside the record. */
static void addresses(void **state)
{
    struct fixture *f = *state;
    struct buf csv;

    fx_frame(f);
    fx_add(f, "prefix", "{'prefix':'10.1.0.0/16','network':'WAN'}");
    buf_init(&csv, 1 << 20);
    buf_z(&csv, "ip,prefix.prefix,fqdn\n");
    for (int i = 0; i < ROWS; i++)
        buf_fmt(&csv, "10.1.%d.%d,10.1.0.0/16,may%d.tinh.example\n", i / 200, i % 200 + 1, i);
    uint64_t t0 = trips(f);
    assert_int_equal(how_many(import(f, "address", &csv, false), "created"), ROWS);
    assert_true(trips(f) - t0 < 60);
    buf_done(&csv);
}

/* A tree: each row below one before it, so what was looked up changes with each. */
static void one_below_another(void **state)
{
    struct fixture *f = *state;
    struct buf csv;

    fx_frame(f);
    buf_init(&csv, 1 << 20);
    buf_z(&csv, "code,name,tier,parent.code\n");
    for (int i = 0; i < ROWS; i++)
        if (i < 10)
            buf_fmt(&csv, "D%04d,Đơn vị %d,department,TINH\n", i, i);
        else
            buf_fmt(&csv, "D%04d,Đơn vị %d,department,D%04d\n", i, i, i / 10);
    uint64_t t0 = trips(f);
    assert_int_equal(how_many(import(f, "unit", &csv, false), "created"), ROWS);
    assert_true(trips(f) - t0 < 60);
    /* A ring through rows of the same file. */
    buf_clear(&csv);
    buf_z(&csv, "code,parent.code\nD0001,D0012\nD0012,D0120\n");
    json_t *out = NULL;
    assert_int_equal(fx_import(f, &ADMIN, "unit", buf_view(&csv), false, &out), -EINVAL);
    assert_string_equal(f->es.v[0].key, "registry.ring");
    assert_string_equal(f->es.v[0].at, "row 3, column parent.code"); /* row 2 names it, so it comes first */
    assert_string_equal(f->es.v[1].at, "row 2, column parent.code");
    buf_done(&csv);
}

static void values_move_between_rows(void **state)
{
    struct fixture *f = *state;
    json_t *out = NULL;

    fx_frame(f);
    fx_add(f, "device", "{'code':'A','name':'a','category':'server','unit':'STC','serial':'S1'}");
    fx_add(f, "device", "{'code':'B','name':'b','category':'server','unit':'STC','serial':'S2'}");
    /* A gives its number up to C; B takes a new one and D the old one. */
    assert_int_equal(fx_import(f, &ADMIN, "device",
                               STR("code,name,category,unit.code,serial\nA,a,server,STC,null\nC,c,server,STC,S1\n"
                                   "B,b,server,STC,S3\nD,d,server,STC,S2\n"),
                               false, &out),
                     0);
    json_decref(out);
    assert_int_equal(fx_import(f, &ADMIN, "device",
                               STR("code,name,category,unit.code,serial\nE,e,server,STC,S9\nF,f,server,STC,S9\n"
                                   "G,g,server,STC,S1\nA,a,server,STC,S2\n"),
                               false, &out),
                     -EINVAL);
    static const char *const has[] = {"E", "C", "D"};
    assert_int_equal(f->es.n, 3);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(f->es.v[i].key, "registry.unique");
        assert_string_equal(f->es.v[i].arg[1], has[i]);
    }
}

/* The history says what changed, also when what the record names got another name in a row before. */
static void names_change_on_the_way(void **state)
{
    struct fixture *f = *state;
    struct import_args in = {.nfiles = 2, .changes = true};
    const struct import_file files[] = {
        {STR("unit.csv"), STR("code,name,parent.code\nSTC,Sở mới,TINH\nSTC-P1,Phòng mới,STC\n"), SHEET_CSV},
        {STR("device.csv"), STR("code,name,category,unit.code\nA,a,server,STC\nB,b2,server,STC\n"), SHEET_CSV},
    };
    json_t *out = NULL, *rows = NULL;

    fx_frame(f);
    fx_add(f, "device", "{'code':'A','name':'a','category':'server','unit':'STC'}");
    fx_add(f, "device", "{'code':'B','name':'b','category':'server','unit':'STC'}");
    in.files = files;
    f->es.n = f->es.total = 0;
    if (registry_import(f->r, &ADMIN, &in, &out, &f->es, &f->e) < 0)
        fail_msg("%s", fx_text(f->es.n > 0 ? &f->es.v[0] : &f->e));
    assert_int_equal(json_get_int(out, "updated", -1), 3);
    assert_int_equal(json_get_int(out, "unchanged", -1), 1);
    json_decref(out);
    for (int i = 0; i < 2; i++) {
        str kind = i == 0 ? STR("device") : STR("unit"), key = i == 0 ? STR("B") : STR("STC-P1");
        assert_int_equal(registry_history(f->r, &ADMIN, kind, key, &rows, &f->e), 0);
        assert_int_equal(json_object_size(json_object_get(json_array_get(rows, 0), "after")), 2); /* name and title */
        json_decref(rows);
    }
}

/* What SQL has to say comes when the group is over, and stands with the row. */
static void mistakes_by_row(void **state)
{
    struct fixture *f = *state;
    static const char *const keys[] = {"registry.invariant", "registry.bad_bool",    "registry.invariant",
                                       "registry.invariant", "registry.ref_missing", "registry.invariant"};
    static const char *const at[] = {"row 3", "row 4", "row 4", "row 5", "row 6", "row 7"};
    enum { MISTAKES = sizeof(at) / sizeof(at[0]) };
    json_t *out = NULL;

    fx_frame(f);
    fx_add(f, "device", "{'code':'A','name':'a','category':'server','unit':'STC','network':'WAN'}");
    for (int max = MISTAKES; max >= 2; max -= MISTAKES - 2) {
        errs_done(&f->es);
        errs_init(&f->es, (size_t)max);
        assert_int_equal(fx_import(f, &ADMIN, "interface",
                                   STR("device.code,name,network.code,wireless\nA,e0,WAN,false\nA,e1,NET,false\n"
                                       "A,e2,WAN,maybe\nA,e3,NET,false\nKHONG,e4,WAN,false\nA,e5,NET,false\n"),
                                   false, &out),
                         -EINVAL);
        assert_string_equal(f->e.key, "registry.csv_mistakes");
        assert_int_equal(f->es.total, MISTAKES);
        assert_int_equal(f->es.n, max);
        for (int i = 0; i < max && max == MISTAKES; i++) {
            assert_string_equal(f->es.v[i].key, keys[i]);
            assert_true(strncmp(f->es.v[i].at, at[i], 5) == 0);
        }
    }
}

/* One file, and what it cost a server. */
static int64_t import_cheap(struct fixture *f, const char *kind, struct buf *csv, const char *outcome)
{
    uint64_t t0 = trips(f);
    int64_t n = how_many(import(f, kind, csv, false), outcome);

    if (trips(f) - t0 >= 60)
        fail_msg("%s %s: %lu round trips", kind, outcome, (unsigned long)(trips(f) - t0));
    buf_clear(csv);
    return n;
}

/* Each prefix is asked whether it overlaps, each address whether a narrower prefix holds it. */
static void prefixes_and_their_addresses(void **state)
{
    struct fixture *f = *state;
    struct buf csv;

    fx_frame(f);
    buf_init(&csv, 1 << 20);
    buf_z(&csv, "prefix,network.code,container\n10.0.0.0/8,WAN,true\n");
    for (int i = 1; i < ROWS; i++)
        buf_fmt(&csv, "10.%d.%d.0/24,WAN,false\n", i / 200, i % 200);
    assert_int_equal(import_cheap(f, "prefix", &csv, "created"), ROWS);
    buf_z(&csv, "ip,prefix.prefix\n");
    for (int i = 1; i < ROWS; i++)
        buf_fmt(&csv, "10.%d.%d.9,10.%d.%d.0/24\n", i / 200, i % 200, i / 200, i % 200);
    assert_int_equal(import_cheap(f, "address", &csv, "created"), ROWS - 1);
    buf_z(&csv, "ip,prefix.prefix\n");
    for (int i = 0; i < ROWS; i++)
        buf_fmt(&csv, "10.%d.%d.9,10.0.0.0/8\n", i / 200 + 100, i % 200); /* straight in the container */
    assert_int_equal(import_cheap(f, "address", &csv, "created"), ROWS);
    buf_done(&csv);
}

static void mistake_is(const struct fixture *f, size_t i, const char *at, const char *key, const char *other)
{
    const struct err *e = &f->es.v[i];

    if (i >= f->es.n || strcmp(e->at, at) != 0 || strcmp(e->key, key) != 0 ||
        (other != NULL && strcmp(e->arg[1], other) != 0))
        fail_msg("%zu: %s %s %s", i, i < f->es.n ? e->at : "", i < f->es.n ? e->key : "", i < f->es.n ? e->arg[1] : "");
}

/* What overlaps is told as row by row: a row that is refused stands in nobody's way. */
static void overlaps_by_row(void **state)
{
    struct fixture *f = *state;
    struct buf csv;
    json_t *out = NULL;

    fx_frame(f);
    fx_add(f, "prefix", "{'prefix':'10.1.0.0/24','network':'WAN'}");
    fx_add(f, "prefix", "{'prefix':'10.9.0.0/16','network':'WAN','container':true}");
    fx_add(f, "prefix", "{'prefix':'10.9.1.0/24','network':'WAN'}");
    assert_int_equal(fx_import(f, &ADMIN, "prefix",
                               STR("prefix,network.code\n10.1.0.0/20,WAN\n10.1.5.0/24,WAN\n10.1.0.0/25,NET\n"
                                   "10.9.2.0/24,WAN\n10.9.2.128/25,WAN\n10.1.5.0/26,WAN\n"),
                               false, &out),
                     -EINVAL);
    assert_int_equal(f->es.n, 3);
    mistake_is(f, 0, "row 2, column prefix", "registry.overlaps", "10.1.0.0/24");
    mistake_is(f, 1, "row 6, column prefix", "registry.overlaps", "10.9.2.0/24");
    mistake_is(f, 2, "row 7, column prefix", "registry.overlaps", "10.1.5.0/24");
    /* Groups later too. */
    buf_init(&csv, 1 << 20);
    buf_z(&csv, "prefix,network.code\n10.1.0.0/20,WAN\n");
    for (int i = 0; i < ROWS; i++)
        buf_fmt(&csv, "172.%d.%d.0/24,WAN\n", 16 + i / 200, i % 200);
    buf_z(&csv, "10.1.7.0/24,WAN\n10.1.0.64/26,WAN\n");
    f->es.n = f->es.total = 0;
    assert_int_equal(fx_import(f, &ADMIN, "prefix", buf_view(&csv), false, &out), -EINVAL);
    assert_int_equal(f->es.n, 2);
    mistake_is(f, 0, "row 2, column prefix", "registry.overlaps", "10.1.0.0/24");
    mistake_is(f, 1, "row 771, column prefix", "registry.overlaps", "10.1.0.0/24");
    f->es.n = f->es.total = 0;
    assert_int_equal(
        fx_import(f, &ADMIN, "address",
                  STR("ip,prefix.prefix\n10.9.1.1,10.9.1.0/24\n10.9.1.2,10.9.0.0/16\n10.9.3.1,10.9.0.0/16\n"), false,
                  &out),
        -EINVAL);
    assert_int_equal(f->es.n, 1);
    mistake_is(f, 0, "row 3, column prefix.prefix", "registry.not_innermost", "10.9.1.0/24");
    buf_done(&csv);
}

static void stock_rows(struct buf *csv, const char *state)
{
    buf_z(csv, "code,name,category,unit.code,network.code,state\n");
    for (int i = 0; i < ROWS; i++)
        buf_fmt(csv, "TB-%04d,Máy %d,server,STC,WAN,%s\n", i, i, state);
}

/* Keys that count on, and a step that asks for what is attached. */
static void numbers_and_steps(void **state)
{
    struct fixture *f = *state;
    struct buf csv;
    json_t *out = NULL;

    fx_frame(f);
    buf_init(&csv, 1 << 20);
    stock_rows(&csv, "suspended");
    assert_int_equal(import_cheap(f, "device", &csv, "created"), ROWS);
    for (int dry = 1; dry >= 0; dry--) { /* a dry run uses up numbers of rows, not of records */
        buf_z(&csv, "device.code,verdict,inspected_on\n");
        for (int i = 0; i < ROWS; i++)
            buf_fmt(&csv, "TB-%04d,%s,2026-01-05\n", i, i == 700 ? "fail" : "pass");
        if (dry)
            json_decref(import(f, "inspection", &csv, true));
        else
            assert_int_equal(import_cheap(f, "inspection", &csv, "created"), ROWS);
        buf_clear(&csv);
    }
    stock_rows(&csv, "admitted");
    assert_int_equal(fx_import(f, &ADMIN, "device", buf_view(&csv), false, &out), -EINVAL);
    assert_int_equal(f->es.n, 1);
    mistake_is(f, 0, "row 702, column state", "registry.life_attach", NULL);
    buf_clear(&csv);
    buf_z(&csv, "device.code,verdict,inspected_on\nTB-0700,pass,2026-02-01\n");
    json_decref(import(f, "inspection", &csv, false));
    buf_clear(&csv);
    stock_rows(&csv, "admitted");
    assert_int_equal(import_cheap(f, "device", &csv, "updated"), ROWS);
    buf_done(&csv);
}

/* A number that somebody has taken by hand is told at the row that would get it. */
static void numbers_that_are_taken(void **state)
{
    struct fixture *f = *state;
    struct buf csv;
    json_t *out = NULL;
    char key[40];

    fx_frame(f);
    fx_add(f, "device", "{'code':'A','name':'a','category':'server','unit':'STC','network':'WAN'}");
    fx_add(f, "inspection", "{'device':'A','verdict':'fail','inspected_on':'2026-01-05'}");
    int64_t first = fx_id(f, "inspection", "KT-1");
    snprintf(key, sizeof(key), "KT-%lld", (long long)first + 300);
    buf_init(&csv, 1 << 20);
    buf_fmt(&csv, "code,device.code,verdict,inspected_on\n%s,A,fail,2026-01-05\n", key);
    json_decref(import(f, "inspection", &csv, false));
    buf_clear(&csv);
    buf_z(&csv, "device.code,verdict,inspected_on\n");
    for (int i = 0; i < ROWS; i++)
        buf_fmt(&csv, "A,%s,2026-01-05\n", i % 100 == 7 ? "gì" : "fail");
    uint64_t t0 = trips(f);
    assert_int_equal(fx_import(f, &ADMIN, "inspection", buf_view(&csv), false, &out), -EINVAL);
    assert_true(trips(f) - t0 < 60);
    mistake_is(f, 0, "row 9, column verdict", "registry.bad_enum", NULL);
    for (size_t i = 3; i < 12; i++) { /* the next number stays where it is until a row takes one */
        char at[40];
        snprintf(at, sizeof(at), "row %zu, column code", 297 + i);
        mistake_is(f, i, at, "registry.unique", key);
    }
    assert_int_equal(f->es.total, 9 + 8);
    buf_done(&csv);
}

/* A refusal that the judge did not foresee is told at the row that it met. */
static void refused_by_the_store(void **state)
{
    struct fixture *f = *state;
    struct buf csv;
    struct tx *tx;
    json_t *out = NULL;

    fx_frame(f);
    assert_int_equal(store_begin(f->st, STORE_WRITE, &tx, &f->e), 0);
    assert_int_equal(tx_exec(tx, "CREATE UNIQUE INDEX only_here ON device (model)", NO_VALS, NULL, &f->e), 0);
    assert_int_equal(store_commit(tx, &f->e), 0);
    buf_init(&csv, 1 << 20);
    buf_z(&csv, "code,name,category,unit.code,model\n");
    for (int i = 0; i < ROWS; i++)
        buf_fmt(&csv, "TB-%04d,Máy %d,server,STC,M%d\n", i, i, i == GROUP_ROWS + 98 ? 3 : i);
    for (int dry = 0; dry < 2; dry++) {
        assert_int_equal(fx_import(f, &ADMIN, "device", buf_view(&csv), dry, &out), -EINVAL);
        assert_string_equal(f->e.key, "registry.csv_mistakes");
        assert_int_equal(f->es.n, 1);
        assert_string_equal(f->es.v[0].key, "store.unique");
        assert_string_equal(f->es.v[0].at, "row 350");
    }
    buf_done(&csv);
    assert_int_equal(registry_get(f->r, &ADMIN, STR("device"), STR("TB-0000"), &out, &f->e), -ENOENT);
}

/* The server looks at references once, when an import is kept: each was looked up. What is broken is refused then. */
static void references_at_the_end(void **state)
{
    struct fixture *f = *state;
    struct buf csv;
    struct tx *tx;
    json_t *out = NULL;

    if (!test_on_pg())
        return;
    fx_frame(f);
    assert_int_equal(store_begin(f->st, STORE_WRITE, &tx, &f->e), 0);
    if (tx_exec(tx, "ALTER TABLE \"device\" ADD FOREIGN KEY (\"created_at\") REFERENCES \"unit\"(id) DEFERRABLE",
                NO_VALS, NULL, &f->e) < 0)
        fail_msg("%s", fx_text(&f->e));
    assert_int_equal(store_commit(tx, &f->e), 0);
    buf_init(&csv, 1 << 20);
    device_rows(&csv, "Máy");
    assert_int_equal(how_many(import(f, "device", &csv, true), "created"), ROWS);
    assert_int_equal(fx_import(f, &ADMIN, "device", buf_view(&csv), false, &out), -EINVAL);
    assert_string_equal(f->e.key, "store.broken_ref");
    buf_done(&csv);
    assert_int_equal(registry_get(f->r, &ADMIN, STR("device"), STR("TB-0000"), &out, &f->e), -ENOENT);
}

static int64_t number(struct fixture *f, const char *sql)
{
    struct val v = V_INT(-1);
    struct tx *tx;

    assert_int_equal(store_begin(f->st, STORE_WRITE, &tx, &f->e), 0);
    if (tx_one(tx, NULL, sql, NO_VALS, &v, &f->e) != 1)
        fail_msg("%s", fx_text(&f->e));
    assert_int_equal(store_commit(tx, &f->e), 0);
    return v.i;
}

static int64_t found(struct fixture *f, const char *q)
{
    struct list_query lq = {.q = str_c(q), .limit = 10, .count = true};
    json_t *o = NULL;

    assert_int_equal(registry_list(f->r, &ADMIN, STR("device"), &lq, &o, &f->e), 0);
    int64_t n = json_get_int(o, "total", -1);
    json_decref(o);
    return n;
}

/* PostgreSQL: rows wait before the search index, are found there, and are sorted in behind the import. An index of
 * before, which sorts each row in by itself, is set right when the store is opened. */
static void index_is_tidied(void **state)
{
    static const char waits[] = "SELECT gin_clean_pending_list('luy.device_trgm')",
                      quick[] = "SELECT COUNT(*) FROM pg_catalog.pg_class WHERE relname = 'device_trgm' AND"
                                " 'fastupdate=on' = ANY (reloptions)";
    struct fixture *f = *state;
    struct buf csv;

    if (!test_on_pg())
        return;
    fx_frame(f);
    buf_init(&csv, 1 << 20);
    fx_add(f, "device", "{'code':'A','name':'một mình','category':'server','unit':'STC'}");
    assert_int_equal(found(f, "một mình"), 1);
    assert_true(number(f, waits) > 0);
    for (int dry = 1; dry >= 0; dry--) {
        device_rows(&csv, "Máy");
        json_decref(import(f, "device", &csv, dry));
        buf_clear(&csv);
        assert_int_equal(number(f, waits), 0);
    }
    buf_done(&csv);
    assert_int_equal(found(f, "máy 765"), 1);
    assert_int_equal(number(f, quick), 1);
    struct tx *tx;
    assert_int_equal(store_begin(f->st, STORE_WRITE, &tx, &f->e), 0);
    assert_int_equal(tx_exec(tx, "ALTER INDEX device_trgm SET (fastupdate = off)", NO_VALS, NULL, &f->e), 0);
    assert_int_equal(tx_exec(tx, "COMMENT ON SCHEMA luy_sql IS 'before'", NO_VALS, NULL, &f->e), 0);
    assert_int_equal(store_commit(tx, &f->e), 0);
    assert_int_equal(number(f, quick), 0);
    fx_close_registry(f);
    fx_open_registry(f);
    assert_int_equal(number(f, quick), 1);
}

static uint32_t draw(uint32_t n)
{
    static uint64_t seed = 1;

    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static const char row_head[] = "code,name,category,unit.code,custodian.code,serial\n";

/* One row of a small world, so that rows meet each other. */
static void random_row(struct buf *b)
{
    static const char *const units[] = {"STC", "XA01", "STC-P1", "", "KHONG"};

    buf_fmt(b, "T%u,m%u,%s,%s,%s,%s\n", draw(30), draw(4), draw(20) > 0 ? "server" : "gì",
            units[draw(draw(9) > 0 ? 4 : 5)], draw(3) > 0 ? "hanhnm" : "null",
            draw(4) > 0   ? err_n(draw(40))
            : draw(2) > 0 ? "null"
                          : "");
}

/* Row by row what was right in the whole is right alone, and makes the same. */
static void as_each_alone(void **state)
{
    struct fixture *f = *state, *g = fx_new();
    struct buf all, one, a, b;
    int whole = 0;

    fx_frame(f);
    fx_frame(g);
    buf_init(&all, 1 << 20);
    buf_init(&one, 1 << 16);
    buf_init(&a, 1 << 20);
    buf_init(&b, 1 << 20);
    for (int round = 0; round < 60; round++) {
        str rows[8] = {0};
        json_t *out = NULL;
        buf_clear(&all);
        buf_z(&all, row_head);
        size_t n = 2 + draw(6);
        for (size_t i = 0, from = all.n; i < n; from = all.n, i++) {
            random_row(&all);
            rows[i] = (str){NULL, all.n - from};
        }
        bool fine = fx_import(f, &ADMIN, "device", buf_view(&all), false, &out) == 0;
        json_decref(out);
        whole += fine;
        size_t at = strlen(row_head);
        for (size_t i = 0; i < n && fine; at += rows[i++].n) {
            buf_clear(&one);
            buf_z(&one, row_head);
            buf_str(&one, str_sub(buf_view(&all), at, rows[i].n));
            if (fx_import(g, &ADMIN, "device", buf_view(&one), false, &out) < 0)
                fail_msg("%.*s: %s", STR_ARGS(buf_view(&one)), fx_text(g->es.n > 0 ? &g->es.v[0] : &g->e));
            json_decref(out);
        }
    }
    assert_int_equal(registry_export_csv(f->r, &ADMIN, STR("device"), NULL, &a, &f->e), 0);
    assert_int_equal(registry_export_csv(g->r, &ADMIN, STR("device"), NULL, &b, &g->e), 0);
    assert_true(str_eq(buf_view(&a), buf_view(&b)));
    assert_true(whole > 5 && whole < 55);
    buf_done(&all);
    buf_done(&one);
    buf_done(&a);
    buf_done(&b);
    fx_free(g);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fx_setup, fx_teardown)
    const struct CMUnitTest tests[] = {
        T(asked_once_a_group),      T(addresses),
        T(one_below_another),       T(values_move_between_rows),
        T(names_change_on_the_way), T(mistakes_by_row),
        T(refused_by_the_store),    T(index_is_tidied),
        T(as_each_alone),           T(prefixes_and_their_addresses),
        T(overlaps_by_row),         T(numbers_and_steps),
        T(numbers_that_are_taken),  T(references_at_the_end),
    };
    return cmocka_run_group_tests_name("registry/import", tests, NULL, NULL);
}
