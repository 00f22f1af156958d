/* Logins, lockout, sessions, tokens, on a clock that is set by hand. */
#include "api/world-int.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define PASSWORD "Thanh-Tre-Xanh-2026"
static struct world w;
static char admin[512];

static int open_world(void **state)
{
    char once[ONE_TIME_PASSWORD_MAX];

    world_open(&w);
    world_account(&w, "quantri", "admin", once);
    world_login(&w, "quantri", once, PASSWORD, admin);
    return 0;
}

static int close_world(void **state)
{
    world_close(&w);
    return 0;
}

static void try_login(const char *name, const char *password, int want)
{
    char body[400];

    snprintf(body, sizeof(body), "{\"account\":\"%s\",\"password\":\"%s\"}", name, password);
    world_call(&w, "POST /api/v1/session", "Content-Type: application/json\nAccept-Language: en", body, strlen(body));
    assert_int_equal(w.status, want);
}

static void call(const char *line, const char *headers, const char *body, int want)
{
    world_call(&w, line, headers, body, body != NULL ? strlen(body) : 0);
    if (w.status != want)
        fail_msg("%s: %d, wanted %d: %.*s", line, w.status, want, (int)w.body.n, w.body.p);
}

static void test_must_change(void **state)
{
    char once[ONE_TIME_PASSWORD_MAX], h[512];

    world_account(&w, "moi", "operator", once);
    world_login(&w, "moi", once, NULL, h);
    assert_true(json_is_true(json_object_get(w.json, "must_change")));
    call("GET /api/v1/unit", h, NULL, 403);
    assert_string_equal(world_text(&w, "type"), "urn:luy:api.must_change");
    call("GET /api/v1/session", h, NULL, 200);
    int before = w.password_changes;
    call("POST /api/v1/password", h, "{\"old\":\"wrong\",\"new\":\"" PASSWORD "\"}", 422);
    assert_string_equal(world_text(&w, "type"), "urn:luy:api.password.old_wrong");
    char body[256];
    snprintf(body, sizeof(body), "{\"old\":\"%s\",\"new\":\"short\"}", once);
    call("POST /api/v1/password", h, body, 422);
    assert_string_equal(world_text(&w, "type"), "urn:luy:api.password.short");
    snprintf(body, sizeof(body), "{\"old\":\"%s\",\"new\":\"%s\"}", once, once);
    call("POST /api/v1/password", h, body, 422);
    assert_string_equal(world_text(&w, "type"), "urn:luy:api.password.same");
    snprintf(body, sizeof(body), "{\"old\":\"%s\",\"new\":\"%s\"}", once, PASSWORD);
    call("POST /api/v1/password", h, body, 204);
    assert_int_equal(w.password_changes, before + 1);
    call("GET /api/v1/unit", h, NULL, 200);
    call("GET /api/v1/account/moi", h, NULL, 200);
    assert_true(json_is_false(json_object_get(w.json, "must_change")));
    assert_string_equal(world_text(&w, "password_changed_on"), "2026-11-21");
    try_login("moi", once, 401);
    try_login("moi", PASSWORD, 200);
}

/* A name that does not exist is answered and locked like one that does. */
static void lockout(const char *name)
{
    for (int i = 0; i < 5; i++)
        try_login(name, "sai mat khau nay", 401);
    assert_string_equal(world_text(&w, "type"), "urn:luy:api.login_wrong");
    try_login(name, PASSWORD, 423);
    assert_non_null(strstr(world_text(&w, "detail"), "2026-11-21T"));
    clock_advance(&w.clk, 29 * 60 * NS_PER_S);
    try_login(name, PASSWORD, 423);
    clock_advance(&w.clk, 61 * NS_PER_S);
}

static void test_lockout(void **state)
{
    char once[ONE_TIME_PASSWORD_MAX], h[512];

    world_account(&w, "khoa", "auditor", once);
    world_login(&w, "khoa", once, PASSWORD, h);
    w.said[0] = '\0';
    lockout("khoa");
    assert_non_null(strstr(w.said, "event=login_failed account=\"khoa\" src_ip=192.0.2.7"));
    assert_non_null(strstr(w.said, "event=login_locked account=\"khoa\""));
    try_login("khoa", PASSWORD, 200);
    lockout("khong-co-that");
    try_login("khong-co-that", PASSWORD, 401);
    /* wrong ones that lie further apart than the window do not add up */
    for (int i = 0; i < 8; i++) {
        try_login("khoa", "sai mat khau nay", 401);
        clock_advance(&w.clk, 8 * 60 * NS_PER_S);
    }
    try_login("khoa", PASSWORD, 200);
}

static void test_unlock(void **state)
{
    char once[ONE_TIME_PASSWORD_MAX], h[512], again[512];

    world_account(&w, "mokhoa", "approver", once);
    world_login(&w, "mokhoa", once, PASSWORD, h);
    for (int i = 0; i < 5; i++)
        try_login("mokhoa", "sai", 401);
    try_login("mokhoa", PASSWORD, 423);
    try_login("quantri", PASSWORD, 200);
    snprintf(again, sizeof(again), "Cookie: %s\nX-CSRF-Token: %s\nAccept-Language: en", w.cookie,
             world_text(&w, "csrf"));
    call("GET /api/v1/logins", again, NULL, 200);
    call("POST /api/v1/logins/mokhoa/unlock", h, NULL, 403); /* nobody unlocks himself */
    call("POST /api/v1/logins/khong-co/unlock", again, NULL, 404);
    call("POST /api/v1/logins/mokhoa/unlock", again, NULL, 204);
    try_login("mokhoa", PASSWORD, 200);
}

static void test_session_ends(void **state)
{
    char h[512];

    world_login(&w, "quantri", PASSWORD, NULL, h);
    for (int i = 0; i < 24; i++) {
        clock_advance(&w.clk, 29 * 60 * NS_PER_S);
        call("GET /api/v1/session", h, NULL, 200);
    }
    clock_advance(&w.clk, 29 * 60 * NS_PER_S); /* 12 h since the login */
    call("GET /api/v1/session", h, NULL, 401);
    world_login(&w, "quantri", PASSWORD, NULL, h);
    clock_advance(&w.clk, 30 * 60 * NS_PER_S);
    call("GET /api/v1/session", h, NULL, 401);
    world_login(&w, "quantri", PASSWORD, NULL, h);
    call("DELETE /api/v1/session", h, NULL, 204);
    call("GET /api/v1/session", h, NULL, 401);
}

/* The clock set back throws nobody out, and lets no session live longer than from
 * then on it would. */
static void test_clock_set_back(void **state)
{
    char h[512];

    world_login(&w, "quantri", PASSWORD, NULL, h);
    clock_advance(&w.clk, -10 * 3600 * NS_PER_S);
    call("GET /api/v1/session", h, NULL, 200);
    clock_advance(&w.clk, 30 * 60 * NS_PER_S); /* idle, by the new time */
    call("GET /api/v1/session", h, NULL, 401);
    world_login(&w, "quantri", PASSWORD, NULL, h);
    clock_advance(&w.clk, -10 * 3600 * NS_PER_S);
    for (int i = 0; i < 25; i++) {
        call("GET /api/v1/session", h, NULL, 200);
        clock_advance(&w.clk, 29 * 60 * NS_PER_S);
    }
    call("GET /api/v1/session", h, NULL, 401); /* 12 h 5 min after the first use by the new time */
    clock_advance(&w.clk, 10 * 3600 * NS_PER_S);
}

static void test_csrf(void **state)
{
    char h[512], cookie[256];

    world_login(&w, "quantri", PASSWORD, NULL, h);
    snprintf(cookie, sizeof(cookie), "Content-Type: application/json\nCookie: %s", w.cookie);
    call("POST /api/v1/unit", cookie, "{}", 403);
    assert_string_equal(world_text(&w, "type"), "urn:luy:api.csrf");
    char wrong[400];
    snprintf(wrong, sizeof(wrong), "%s\nX-CSRF-Token: 0000", cookie);
    call("POST /api/v1/unit", wrong, "{}", 403);
    call("POST /api/v1/unit", h, "{}", 422);
    call("GET /api/v1/session", "Cookie: luy_session=abc", NULL, 401);
    call("GET /api/v1/session", "Authorization: Basic abc", NULL, 401);
}

static void test_tokens(void **state)
{
    char h[512], bearer[200], line[80], once[ONE_TIME_PASSWORD_MAX];

    world_account(&w, "kyma", "operator auditor", once);
    world_login(&w, "kyma", once, PASSWORD, h);
    call("POST /api/v1/tokens", h, "{\"name\":\"x\",\"roles\":[\"admin\"]}", 422);
    call("POST /api/v1/tokens", h, "{\"name\":\"x\",\"roles\":[]}", 422);
    call("POST /api/v1/tokens", h, "{\"name\":\"x\",\"expires_on\":\"2020-01-01\"}", 422);
    call("POST /api/v1/tokens", h, "{\"name\":\"x\",\"expires_on\":\"soon\"}", 422);
    call("POST /api/v1/tokens", h, "{\"name\":\"cron\",\"expires_on\":\"2030-01-31\",\"roles\":[\"auditor\"]}", 201);
    snprintf(bearer, sizeof(bearer), "Authorization: Bearer %s\nContent-Type: application/json\nAccept-Language: en",
             world_text(&w, "token"));
    snprintf(line, sizeof(line), "DELETE /api/v1/tokens/%lld", (long long)json_get_int(w.json, "id", 0));
    call("GET /api/v1/unit", bearer, NULL, 200);
    call("POST /api/v1/unit", bearer, "{}", 403); /* the token is an auditor's */
    assert_string_equal(world_text(&w, "type"), "urn:luy:api.role");
    call("POST /api/v1/tokens", bearer, "{\"name\":\"y\"}", 403);
    assert_string_equal(world_text(&w, "type"), "urn:luy:api.session_only");
    call("GET /api/v1/tokens", h, NULL, 200);
    assert_int_equal(json_array_size(json_object_get(w.json, "items")), 1);
    assert_null(strstr(w.body.p, "luy_")); /* shown once */
    call(line, h, NULL, 204);
    call(line, h, NULL, 404);
    call("GET /api/v1/unit", bearer, NULL, 401);
}

static void test_token_expires(void **state)
{
    char h[512], bearer[200];

    world_login(&w, "quantri", PASSWORD, NULL, h);
    call("POST /api/v1/tokens", h, "{\"name\":\"ngan\",\"expires_on\":\"2027-03-01\"}", 201);
    snprintf(bearer, sizeof(bearer), "Authorization: Bearer %s", world_text(&w, "token"));
    call("GET /api/v1/unit", bearer, NULL, 200);
    int64_t now = clock_wall(&w.clk);
    clock_advance(&w.clk, 150LL * 24 * 3600 * NS_PER_S);
    call("GET /api/v1/unit", bearer, NULL, 401);
    w.clk.set_wall = now;
}

/* A withdrawn role and an ended account count in open sessions at once. */
static void test_rights_follow_registry(void **state)
{
    char h[512], once[ONE_TIME_PASSWORD_MAX], boss[512], line[100], match[600];

    world_login(&w, "quantri", PASSWORD, NULL, boss);
    world_account(&w, "nghi", "operator", once);
    world_login(&w, "nghi", once, PASSWORD, h);
    call("GET /api/v1/unit", h, NULL, 200);
    call("POST /api/v1/role_grant", h, "{\"account\":\"nghi\",\"role\":\"admin\"}", 403);
    assert_string_equal(world_text(&w, "type"), "urn:luy:api.role");
    call("GET /api/v1/role_grant?account=nghi", boss, NULL, 200);
    json_t *grant = json_array_get(json_object_get(w.json, "items"), 0);
    snprintf(line, sizeof(line), "DELETE /api/v1/role_grant/%lld", (long long)json_get_int(grant, "id", 0));
    snprintf(match, sizeof(match), "%s\nIf-Match: \"%lld\"", boss, (long long)json_get_int(grant, "rev", 0));
    call(line, match, NULL, 200);
    call("GET /api/v1/unit", h, NULL, 403);
    call("GET /api/v1/account/nghi", boss, NULL, 200);
    snprintf(match, sizeof(match), "%s\nIf-Match: %s", boss, w.etag);
    call("PATCH /api/v1/account/nghi", match, "{\"state\":\"disabled\"}", 200);
    call("GET /api/v1/session", h, NULL, 401);
    try_login("nghi", PASSWORD, 401);
}

static void test_officer_sees_own_unit(void **state)
{
    char boss[512], h[512], once[ONE_TIME_PASSWORD_MAX];

    world_login(&w, "quantri", PASSWORD, NULL, boss);
    call("POST /api/v1/unit", boss, "{\"code\":\"T\",\"name\":\"Tỉnh\",\"tier\":\"province\"}", 201);
    call("POST /api/v1/unit", boss, "{\"code\":\"S1\",\"name\":\"Sở một\",\"tier\":\"department\",\"parent\":\"T\"}",
         201);
    call("POST /api/v1/unit", boss, "{\"code\":\"S2\",\"name\":\"Sở hai\",\"tier\":\"department\",\"parent\":\"T\"}",
         201);
    world_account(&w, "canbo", "unit_officer@S1", once);
    world_login(&w, "canbo", once, PASSWORD, h);
    call("GET /api/v1/session", h, NULL, 200);
    assert_string_equal(json_string_value(json_object_get(json_object_get(w.json, "unit"), "key")), "S1");
    call("GET /api/v1/unit?count=1", h, NULL, 200);
    assert_int_equal(json_get_int(w.json, "total", 0), 1);
    call("GET /api/v1/unit/S2", h, NULL, 404);
    call("GET /api/v1/events?query=", h, NULL, 403);
    world_account(&w, "khongdonvi", "unit_officer", once);
    try_login("khongdonvi", once, 403);
    assert_string_equal(world_text(&w, "type"), "urn:luy:api.no_role");
}

static void rename_table(const char *sql)
{
    struct err e = {0};
    struct tx *tx;

    assert_int_equal(store_begin(registry_store(w.registry), STORE_WRITE, &tx, &e), 0);
    assert_int_equal(tx_exec(tx, sql, NO_VALS, NULL, &e), 0);
    assert_int_equal(store_commit(tx, &e), 0);
}

/* Accounts that cannot be read now are not accounts that ended: no session ends, no right password counts as wrong. */
static void test_accounts_cannot_be_read(void **state)
{
    char once[ONE_TIME_PASSWORD_MAX], h[512];

    world_account(&w, "vanconday", "operator", once);
    world_login(&w, "vanconday", once, PASSWORD, h);
    rename_table("ALTER TABLE account RENAME TO account_away");
    call("GET /api/v1/session", h, NULL, 422); /* what a broken table answers */
    for (int i = 0; i < 6; i++)
        try_login("vanconday", PASSWORD, 422);
    rename_table("ALTER TABLE account_away RENAME TO account");
    call("GET /api/v1/session", h, NULL, 200);
    try_login("vanconday", PASSWORD, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_must_change),
        cmocka_unit_test(test_lockout),
        cmocka_unit_test(test_unlock),
        cmocka_unit_test(test_session_ends),
        cmocka_unit_test(test_clock_set_back),
        cmocka_unit_test(test_csrf),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_token_expires),
        cmocka_unit_test(test_rights_follow_registry),
        cmocka_unit_test(test_officer_sees_own_unit),
        cmocka_unit_test(test_accounts_cannot_be_read),
    };
    return cmocka_run_group_tests_name("api/auth", tests, open_world, close_world);
}
