/* A store's content into another: there and back, nothing lost; refused when
 * something is there already; nothing left behind when it fails. */
#include "registry/move.h"
#include "registry/test-int.h"
#include <sys/stat.h>

static void said(void *ctx, str table, int64_t rows)
{
    (void)table;
    *(int64_t *)ctx += rows > 0;
}

/* Another place of the other engine when there is one, else of the same. */
struct other {
    char dir[300], url[TEST_URL_MAX];
    struct store *st;
    struct registry *r;
};

static void other_open(struct fixture *f, struct other *o, const char *name, bool file)
{
    snprintf(o->dir, sizeof(o->dir), "%s/%s", f->dir, name);
    if (mkdir(o->dir, 0700) < 0)
        assert_int_equal(errno, EEXIST);
    snprintf(o->dir, sizeof(o->dir), "%s/%s-%s", f->dir, name, strrchr(f->dir, '-') + 1);
    if (mkdir(o->dir, 0700) < 0)
        assert_int_equal(errno, EEXIST);
    if (file)
        snprintf(o->url, sizeof(o->url), "%s/registry.db", o->dir);
    else
        test_store_url(o->dir, NULL, o->url, sizeof(o->url));
    if (store_open(o->url, &o->st, &f->e) < 0 || registry_open(o->st, f->sc, &f->clk, &o->r, &f->e) < 0)
        fail_msg("%s", fx_text(&f->e));
}

static void other_close(struct other *o)
{
    registry_close(o->r);
    store_close(o->st);
}

enum { DOCUMENT = 500000 };
static char document[DOCUMENT];

/* Of several pieces, in a record. */
static void document_put(struct fixture *f)
{
    struct file_in in = {STR("biên bản.pdf"), STR(""), {document, DOCUMENT}, DOCUMENT};
    json_t *out = NULL;

    for (size_t i = 0; i < DOCUMENT; i++)
        document[i] = (char)(i * 7 + i / 255);
    memcpy(document, "%PDF-", 5);
    fx_add(f, "inspection", "{'code':'KT-A','device':'PC-1','verdict':'fail','inspected_on':'2026-11-01'}");
    assert_int_equal(
        registry_attach(f->r, &ADMIN, STR("inspection"), STR("KT-A"), 1, STR("scan"), &in, &out, &f->es, &f->e), 0);
    json_decref(out);
}

static void document_bad(void *ctx, const struct file_fault *x)
{
    (void)ctx;
    fail_msg("%.*s %.*s", STR_ARGS(x->kind), STR_ARGS(x->key));
}

static void document_there(struct fixture *f, struct registry *r)
{
    struct arena a = arena_init(1 << 20);
    struct file_out out;
    struct buf b;
    uint64_t n;

    buf_init(&b, 1 << 20);
    assert_int_equal(
        registry_fetch(r, &ADMIN, STR("inspection"), STR("KT-A"), STR("scan"), INT64_MAX, &a, &out, &b, &f->e), 0);
    assert_true(b.n == DOCUMENT && memcmp(b.p, document, DOCUMENT) == 0);
    assert_int_equal(registry_files_verify(r, document_bad, NULL, &n, &f->e), 0);
    assert_int_equal(n, 1);
    buf_done(&b);
    arena_free(&a);
}

static void there_and_back(void **state)
{
    struct fixture *f = *state;
    struct other file, back;
    char head[3][65];
    uint64_t seq[3], rows, bad;
    int64_t told = 0;
    json_t *out;

    fx_frame(f);
    fx_add(f, "device", "{'code':'PC-1','name':'Máy Đào Thị','category':'workstation','unit':'STC','network':'WAN'}");
    assert_int_equal(registry_end(f->r, &ADMIN, STR("unit"), STR("STC-P1"), 1, &out, &f->e), 0);
    json_decref(out);
    document_put(f);
    other_open(f, &file, "file", true);
    other_open(f, &back, "back", false);
    if (store_move(f->st, file.st, said, &told, &f->e) < 0)
        fail_msg("%s", fx_text(&f->e));
    assert_true(told > 3);
    if (store_move(file.st, back.st, said, &told, &f->e) < 0)
        fail_msg("%s", fx_text(&f->e));
    struct registry *r[] = {f->r, file.r, back.r};
    for (int i = 0; i < 3; i++) {
        document_there(f, r[i]);
        assert_int_equal(registry_head(r[i], &seq[i], head[i], &f->e), 0);
        assert_int_equal(registry_verify(r[i], &rows, &bad, &f->e), 0);
        assert_int_equal(bad, 0);
        assert_int_equal(seq[i], seq[0]);
        assert_string_equal(head[i], head[0]);
        /* Search and what comes after it work in the new place. */
        struct list_query q = {.q = STR("dao thi")};
        assert_int_equal(registry_list(r[i], &ADMIN, STR("device"), &q, &out, &f->e), 0);
        assert_int_equal(json_array_size(json_object_get(out, "items")), 1);
        json_decref(out);
        json_t *in = J("{'code':'MOI','name':'Mới','tier':'commune'}");
        if (registry_create(r[i], &ADMIN, STR("unit"), in, &out, &f->es, &f->e) < 0)
            fail_msg("%s", fx_text(&f->e));
        json_decref(in);
        json_decref(out);
    }
    other_close(&file);
    other_close(&back);
}

static void refused_when_not_empty(void **state)
{
    struct fixture *f = *state;
    struct other o;
    int64_t told = 0;
    uint64_t rows, bad;
    json_t *out, *in = J("{'code':'A','name':'A','tier':'commune'}");

    fx_frame(f);
    other_open(f, &o, "other", false);
    assert_int_equal(registry_create(o.r, &ADMIN, STR("unit"), in, &out, &f->es, &f->e), 0);
    json_decref(in);
    json_decref(out);
    assert_int_equal(store_move(f->st, o.st, said, &told, &f->e), -ENOTEMPTY);
    assert_string_equal(f->e.key, "store.move_not_empty");
    assert_int_equal(registry_verify(o.r, &rows, &bad, &f->e), 0);
    assert_int_equal(rows, 1);
    other_close(&o);
}

/* A table that the new place lacks stops it late, and all is taken back. */
static void nothing_is_left_behind(void **state)
{
    struct fixture *f = *state;
    struct other o;
    struct tx *tx;
    int64_t told = 0;
    uint64_t rows, bad;

    fx_frame(f);
    assert_int_equal(store_begin(f->st, STORE_WRITE, &tx, &f->e), 0);
    assert_int_equal(tx_exec(tx, "CREATE TABLE zzz (a TEXT)", NO_VALS, NULL, &f->e), 0);
    assert_int_equal(store_commit(tx, &f->e), 0);
    other_open(f, &o, "other", false);
    assert_int_equal(store_move(f->st, o.st, said, &told, &f->e), -ENOENT);
    assert_string_equal(f->e.key, "store.move_table");
    assert_true(told > 3);
    assert_int_equal(registry_verify(o.r, &rows, &bad, &f->e), 0);
    assert_int_equal(rows, 0);
    assert_int_equal(store_begin(o.st, STORE_WRITE, &tx, &f->e), 0);
    assert_int_equal(tx_exec(tx, "CREATE TABLE zzz (a TEXT)", NO_VALS, NULL, &f->e), 0);
    assert_int_equal(store_commit(tx, &f->e), 0);
    assert_int_equal(store_move(f->st, o.st, said, &told, &f->e), 0);
    other_close(&o);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fx_setup, fx_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {T(there_and_back), T(refused_when_not_empty), T(nothing_is_left_behind)};

    return cmocka_run_group_tests_name("registry/move", tests, NULL, NULL);
}
