/* Personal data: not in the history's text, whole for who may see it, gone from
 * everywhere after a blank, and the chain still holds. */
#include "registry/personal.h"
#include "base/file.h"
#include "base/test-int.h"
#include "registry/change.h"
#include "registry/sqlite-int.h"
#include "registry/test-int.h"
#include <dirent.h>

static int setup(void **state)
{
    *state = fx_new();
    fx_frame(*state);
    return 0;
}

static int teardown(void **state)
{
    fx_free(*state);
    return 0;
}

static bool in_file(const char *path, const char *text)
{
    struct arena a = arena_init(128 << 20);
    str s;
    bool found = file_read(&a, path, 64 << 20, &s, NULL) == 0 && str_find(s, str_c(text)) != SIZE_MAX;

    arena_free(&a);
    return found;
}

/* A PostgreSQL database's folder, after all that its server still holds in
 * memory was written. Its log is another matter: it is written over in time. */
static bool in_the_server(struct fixture *f, const char *text)
{
    PGconn *db = PQconnectdb(f->db);
    PGresult *res = PQexec(db, "CHECKPOINT");
    bool found = false;
    char path[1400];

    assert_int_equal(PQresultStatus(res), PGRES_COMMAND_OK);
    PQclear(res);
    res = PQexec(db, "SELECT current_setting('data_directory') || '/base/' || oid FROM pg_database WHERE datname ="
                     " current_database()");
    assert_int_equal(PQntuples(res), 1);
    const char *folder = PQgetvalue(res, 0, 0);
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *one; (one = readdir(d)) != NULL && !found;) {
        snprintf(path, sizeof(path), "%s/%s", folder, one->d_name);
        found = in_file(path, text);
    }
    closedir(d);
    PQclear(res);
    PQfinish(db);
    return found;
}

/* Is the text anywhere in the store's files? */
static bool in_the_files(struct fixture *f, const char *text)
{
    char wal[TEST_URL_MAX + 8];

    if (test_on_pg())
        return in_the_server(f, text);
    snprintf(wal, sizeof(wal), "%s-wal", f->db);
    return in_file(f->db, text) || in_file(wal, text);
}

static struct val ask(struct fixture *f, struct arena *a, const char *sql)
{
    struct val v = V_NULL;
    struct tx *tx;

    assert_int_equal(store_begin(f->st, STORE_READ, &tx, &f->e), 0);
    assert_true(tx_one(tx, a, sql, NO_VALS, &v, &f->e) >= 0);
    store_rollback(tx);
    return v;
}

static void assert_whole(struct fixture *f, bool whole)
{
    uint64_t rows, bad;

    assert_int_equal(registry_verify(f->r, &rows, &bad, &f->e), 0);
    assert_int_equal(bad == 0, whole);
}

static void the_history_holds_digests(void **state)
{
    struct fixture *f = *state;
    struct arena a = arena_init(1 << 20);
    json_t *out = NULL;

    assert_int_equal(fx_change(f, "person", "hanhnm", 1, "{'phone':'0275123456','name':'Nguyễn Minh Hạnh Nhân'}"), 0);
    fx_add(f, "device",
           "{'code':'MT-1','name':'Máy','category':'workstation','unit':'STC','network':'WAN','custodian':'hanhnm'}");
    struct val v =
        ask(f, &a,
            "SELECT COUNT(*) FROM history WHERE coalesce(before, '') LIKE '%Nguyễn%' OR after LIKE '%Nguyễn%'"
            " OR coalesce(after, '') LIKE '%275123456%'");
    assert_int_equal(v.i, 0);
    /* and is shown with the values */
    assert_int_equal(registry_history(f->r, &ADMIN, STR("person"), STR("hanhnm"), &out, &f->e), 0);
    json_t *row = json_array_get(out, 0);
    assert_string_equal(json_string_value(json_object_get(json_object_get(row, "after"), "name")),
                        "Nguyễn Minh Hạnh Nhân");
    assert_string_equal(json_string_value(json_object_get(json_object_get(row, "before"), "name")), "Nguyễn Minh Hạnh");
    json_decref(out);
    assert_int_equal(registry_history(f->r, &ADMIN, STR("device"), STR("MT-1"), &out, &f->e), 0);
    row = json_object_get(json_object_get(json_array_get(out, 0), "after"), "custodian");
    assert_string_equal(json_string_value(json_object_get(row, "title")), "Nguyễn Minh Hạnh Nhân");
    json_decref(out);
    json_t *now = fx_get(f, "person", "hanhnm");
    assert_int_equal(registry_get_at(f->r, &ADMIN, STR("person"), STR("hanhnm"), INT64_MAX, &out, &f->e), 0);
    assert_true(json_equal(now, out));
    json_decref(now);
    json_decref(out);
    assert_whole(f, true);
    arena_free(&a);
}

static void a_changed_value_is_found(void **state)
{
    struct fixture *f = *state;
    struct tx *tx;

    assert_int_equal(store_begin(f->st, STORE_WRITE, &tx, &f->e), 0);
    assert_int_equal(tx_exec(tx, "UPDATE personal_value SET value = '\"Another\"' WHERE id = 1", NO_VALS, NULL, &f->e),
                     0);
    assert_int_equal(store_commit(tx, &f->e), 0);
    assert_whole(f, false);
}

static void blanked(void **state)
{
    struct fixture *f = *state;
    struct actor admin = ADMIN;
    json_t *out = NULL;

    assert_int_equal(fx_change(f, "person", "hanhnm", 1, "{'phone':'0275987654','email':'hanh@example.vn'}"), 0);
    assert_int_equal(fx_change(f, "person", "hanhnm", 2, "{'phone':'0275987655'}"), 0);
    /* a change set keeps a copy of what was asked for */
    json_t *set = J("{'title':'Đổi số','reason':'x','ops':[{'op':'change','kind':'person','target':'hanhnm','rev':3,"
                    "'fields':{'phone':'0275987656'}}]}");
    assert_int_equal(change_draft(f->r, &ADMIN, set, &out, &f->es, &f->e), 0);
    json_decref(set);
    json_decref(out);
    assert_true(in_the_files(f, "0275987656") || in_the_files(f, "+84275987656"));
    admin.reason = STR_NONE;
    assert_int_equal(registry_personal_blank(f->r, &admin, STR("person"), STR("hanhnm"), 3, &out, &f->es, &f->e),
                     -EINVAL);
    assert_string_equal(f->e.key, "registry.personal_reason");
    admin.reason = STR("theo đơn số 12");
    assert_int_equal(registry_personal_blank(f->r, &admin, STR("person"), STR("hanhnm"), 2, &out, &f->es, &f->e),
                     -ESTALE);
    assert_int_equal(registry_personal_blank(f->r, &admin, STR("network"), STR("WAN"), 1, &out, &f->es, &f->e),
                     -EINVAL);
    if (registry_personal_blank(f->r, &admin, STR("person"), STR("hanhnm"), 3, &out, &f->es, &f->e) < 0)
        fail_msg("%s %s", fx_text(&f->e), f->es.n > 0 ? fx_text(&f->es.v[0]) : "");
    assert_true(json_get_int(out, "values", 0) >= 5);
    json_decref(out);
    out = fx_get(f, "person", "hanhnm");
    assert_string_equal(json_string_value(json_object_get(out, "name")), PERSONAL_BLANK);
    assert_true(json_is_null(json_object_get(out, "phone")));
    json_decref(out);
    assert_int_equal(registry_history(f->r, &ADMIN, STR("person"), STR("hanhnm"), &out, &f->e), 0);
    char *text = json_dumps(out, 0);
    assert_null(strstr(text, "Hạnh"));
    assert_null(strstr(text, "27598765"));
    free(text);
    json_decref(out);
    assert_whole(f, true);
    /* and the past says so too */
    assert_int_equal(registry_get_at(f->r, &ADMIN, STR("person"), STR("hanhnm"), clock_wall(&f->clk), &out, &f->e), 0);
    assert_string_equal(json_string_value(json_object_get(out, "name")), PERSONAL_BLANK);
    assert_null(json_object_get(out, "values"));
    json_decref(out);
    fx_close_registry(f);
    static const char *const gone[] = {"0275987654", "0275987655", "0275987656", "75987656", "hanh@example.vn"};
    for (size_t i = 0; i < COUNT(gone); i++)
        if (in_the_files(f, gone[i]))
            fail_msg("%s is still in the file", gone[i]);
    fx_open_registry(f);
}

static void exported(void **state)
{
    struct fixture *f = *state;
    struct actor officer = {
        .name = STR("canbo"), .roles = ROLE_UNIT_OFFICER | ROLE_OPERATOR | ROLE_AUDITOR, .unit_id = 2};
    json_t *out = NULL;

    fx_add(f, "account", "{'name':'hanh','person':'hanhnm','kind':'user'}");
    fx_add(f, "device",
           "{'code':'MT-1','name':'Máy','category':'workstation','unit':'STC','network':'WAN','custodian':'hanhnm'}");
    assert_int_equal(registry_personal_export(f->r, &officer, STR("person"), STR("hanhnm"), &out, &f->e), -EACCES);
    assert_int_equal(registry_personal_export(f->r, &ADMIN, STR("device"), STR("MT-1"), &out, &f->e), -EINVAL);
    assert_int_equal(registry_personal_export(f->r, &ADMIN, STR("person"), STR("nobody"), &out, &f->e), -ENOENT);
    assert_int_equal(registry_personal_export(f->r, &ADMIN, STR("person"), STR("hanhnm"), &out, &f->e), 0);
    assert_string_equal(json_string_value(json_object_get(json_object_get(out, "record"), "name")), "Nguyễn Minh Hạnh");
    assert_int_equal(json_array_size(json_object_get(out, "named_by")), 2);
    assert_int_equal(json_array_size(json_object_get(out, "history")), 1);
    json_decref(out);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {T(the_history_holds_digests), T(a_changed_value_is_found), T(blanked),
                                       T(exported)};
    return cmocka_run_group_tests_name("registry/personal", tests, NULL, NULL);
}
