/* Change sets through the API: the whole way, what refuses, ?plan=true,
 * Idempotency-Key and why. */
#include "api/world-int.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct world w;
static char boss[512], an[512], binh[512];

static void call(const char *line, const char *who, const char *more, const char *body, int status)
{
    char headers[900];

    snprintf(headers, sizeof(headers), "%s%s%s", who, more[0] ? "\n" : "", more);
    world_call(&w, line, headers, body, body ? strlen(body) : 0);
    if (w.status != status) {
        buf_byte(&w.body, 0);
        fail_msg("%s: %d, not %d: %s", line, w.status, status, w.body.p);
    }
}

static void person(const char *account, const char *roles, char headers[512])
{
    char once[ONE_TIME_PASSWORD_MAX], line[200], more[60];

    world_account(&w, account, roles, once);
    snprintf(line, sizeof(line), "{\"code\":\"p-%s\",\"name\":\"%s\",\"unit\":\"TINH\"}", account, account);
    call("POST /api/v1/person", boss, "", line, 201);
    snprintf(line, sizeof(line), "GET /api/v1/account/%s", account);
    call(line, boss, "", NULL, 200);
    snprintf(more, sizeof(more), "If-Match: %lld", (long long)json_get_int(w.json, "rev", 0));
    snprintf(line, sizeof(line), "PATCH /api/v1/account/%s", account);
    char body[100];
    snprintf(body, sizeof(body), "{\"person\":\"p-%s\"}", account);
    call(line, boss, more, body, 200);
    world_login(&w, account, once, "Thanh-Tre-Xanh-2026", headers);
}

static int open_world(void **state)
{
    char once[ONE_TIME_PASSWORD_MAX];

    (void)state;
    world_open(&w);
    world_account(&w, "quantri", "admin", once);
    world_login(&w, "quantri", once, "Thanh-Tre-Xanh-2026", boss);
    call("POST /api/v1/unit", boss, "", "{\"code\":\"TINH\",\"name\":\"T\",\"tier\":\"province\"}", 201);
    call("POST /api/v1/object_set", boss, "", "{\"code\":\"N1\",\"name\":\"cu\"}", 201);
    person("an", "operator", an);
    person("binh", "approver", binh);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static const char *rev(const char *line, const char *who)
{
    static char more[60];

    call(line, who, "", NULL, 200);
    snprintf(more, sizeof(more), "If-Match: \"%lld\"", (long long)json_get_int(w.json, "rev", 0));
    return more;
}

static const char ops[] = "{\"title\":\"doi ten\",\"reason\":\"r\",\"ops\":[{\"op\":\"change\",\"kind\":\"object_set\","
                          "\"target\":\"N1\",\"fields\":{\"name\":\"moi\"}}]}";

static int64_t make(void)
{
    call("POST /api/v1/changes", an, "", ops, 201);
    return json_get_int(w.json, "id", 0);
}

static void step(const char *who, int64_t id, const char *name, const char *body, int status)
{
    char get[80], line[120], more[60];

    snprintf(get, sizeof(get), "GET /api/v1/changes/%lld", (long long)id);
    snprintf(line, sizeof(line), "POST /api/v1/changes/%lld/%s", (long long)id, name);
    snprintf(more, sizeof(more), "%s", rev(get, who));
    call(line, who, more, body, status);
}

static void the_whole_way(void **state)
{
    char line[120], body[200];

    (void)state;
    call("PATCH /api/v1/object_set/N1", boss, "If-Match: 1", "{\"name\":\"x\"}", 403);
    assert_string_equal(world_text(&w, "type"), "urn:luy:registry.needs_approval");
    int64_t id = make();
    assert_string_equal(world_text(&w, "state"), "draft");
    step(an, id, "submit", NULL, 200);
    snprintf(line, sizeof(line), "POST /api/v1/changes/%lld/submit", (long long)id);
    call(line, an, "", NULL, 428);
    call(line, an, "If-Match: 1", NULL, 412);
    snprintf(line, sizeof(line), "GET /api/v1/changes/%lld/plan", (long long)id);
    call(line, binh, "", NULL, 200);
    json_t *effect = json_array_get(json_object_get(w.json, "effects"), 0);
    assert_true(str_eq(json_get_str(json_object_get(effect, "after"), "name"), STR("moi")));
    snprintf(body, sizeof(body), "{\"hash\":\"%s\"}", world_text(&w, "hash"));
    step(an, id, "approve", body, 403);
    step(an, id, "apply", "{}", 409);
    step(binh, id, "approve", "{\"hash\":\"0\"}", 412);
    step(binh, id, "approve", body, 200);
    step(an, id, "apply", "{\"confirm_within\":\"P2M\"}", 422);
    step(an, id, "apply", "{\"confirm_within\":\"P8D\"}", 422);
    step(an, id, "apply", "{\"confirm_within\":\"PT5M\"}", 200);
    assert_true(world_text(&w, "confirm_by")[0] != '\0');
    step(an, id, "apply", "{}", 409);
    step(an, id, "confirm", NULL, 200);
    call("GET /api/v1/object_set/N1/why", binh, "", NULL, 200);
    json_t *row = json_array_get(json_object_get(w.json, "history"), 0);
    assert_int_equal(json_get_int(json_object_get(row, "change"), "id", 0), id);
    assert_true(json_is_array(json_object_get(w.json, "findings")));
    step(an, id, "revert", "{\"reason\":\"nham\"}", 201);
    assert_int_equal(json_get_int(w.json, "reverts", 0), id);
}

static void what_is_refused(void **state)
{
    (void)state;
    call("POST /api/v1/changes", binh, "", ops, 403);
    call("POST /api/v1/changes", an, "", "{\"ops\":7}", 422);
    call("POST /api/v1/changes", an, "",
         "{\"ops\":[{\"op\":\"change\",\"kind\":\"unit\",\"target\":\"KO\",\"fields\":{}}]}", 422);
    json_t *first = json_array_get(json_object_get(w.json, "errors"), 0);
    assert_true(str_eq(json_get_str(first, "pointer"), STR("/ops/1/target")));
    call("GET /api/v1/changes/x", an, "", NULL, 404);
    call("GET /api/v1/changes/99999", an, "", NULL, 404);
    call("GET /api/v1/changes?cursor=x", an, "", NULL, 400);
    call("POST /api/v1/changes/1/explode", an, "If-Match: 1", NULL, 404);
    int64_t id = make();
    step(binh, id, "reject", "{}", 422);
    step(an, id, "break-glass", "{\"reason\":\"x\"}", 403);
    step(boss, id, "break-glass", "{\"reason\":\" \"}", 422);
    step(an, id, "withdraw", "{}", 200);
    step(an, id, "submit", NULL, 409);
}

static void one_write_planned(void **state)
{
    (void)state;
    call("POST /api/v1/unit?plan=true", an, "", "{\"code\":\"X1\",\"name\":\"x\",\"tier\":\"commune\"}", 200);
    json_t *effect = json_array_get(json_object_get(w.json, "effects"), 0);
    assert_true(str_eq(json_get_str(effect, "how"), STR("create")));
    call("GET /api/v1/unit/X1", an, "", NULL, 404);
    call("POST /api/v1/unit?plan=true", an, "", "{\"code\":\"X1\",\"tier\":\"commune\"}", 422);
    assert_true(str_eq(json_get_str(json_array_get(json_object_get(w.json, "errors"), 0), "pointer"), STR("/name")));
    char more[60];
    snprintf(more, sizeof(more), "%s", rev("GET /api/v1/unit/TINH", an));
    call("PATCH /api/v1/unit/TINH?plan=true", an, more, "{\"name\":\"y\"}", 200);
    call("PATCH /api/v1/unit/TINH?plan=true", an, "If-Match: 77", "{\"name\":\"y\"}", 412);
    call("DELETE /api/v1/unit/TINH?plan=true", an, more, NULL, 422); /* it is in use */
    assert_string_equal(rev("GET /api/v1/unit/TINH", an), more);
}

static json_t *control_of(const char *id)
{
    json_t *list = json_object_get(json_object_get(w.json, "checks"), "controls"), *one;
    size_t i;

    json_array_foreach(list, i, one) if (str_eq(json_get_str(one, "id"), str_c(id))) return one;
    return NULL;
}

/* The checks of the shipped packs, over the plan of one write and of a set. */
static void what_the_checks_would_say(void **state)
{
    char line[80];

    (void)state;
    call("POST /api/v1/unit?plan=true", an, "", "{\"code\":\"X9\",\"name\":\"x\",\"tier\":\"commune\"}", 200);
    assert_null(json_object_get(w.json, "checks")); /* run when they are asked for */
    call("POST /api/v1/unit?plan=true&checks=true", an, "", "{\"code\":\"X9\",\"name\":\"x\",\"tier\":\"commune\"}",
         200);
    json_t *c = control_of("unit-has-it-officer");
    assert_int_equal(json_get_int(c, "opens", 0), 1);
    json_t *item = json_array_get(json_object_get(c, "items"), 0);
    assert_true(str_eq(json_get_str(item, "effect"), STR("opens")));
    assert_true(str_eq(json_get_str(json_object_get(item, "subject"), "key"), STR("X9")));
    assert_true(json_is_null(json_object_get(json_object_get(item, "subject"), "id")));
    call("POST /api/v1/changes", an, "",
         "{\"title\":\"t\",\"reason\":\"r\",\"ops\":[{\"op\":\"create\",\"kind\":\"unit\",\"fields\":{\"code\":\"X9\","
         "\"name\":\"x\",\"tier\":\"commune\"}}]}",
         201);
    snprintf(line, sizeof(line), "GET /api/v1/changes/%lld/plan", (long long)json_get_int(w.json, "id", 0));
    call(line, binh, "", NULL, 200);
    char hash[80];
    snprintf(hash, sizeof(hash), "%s", world_text(&w, "hash"));
    assert_int_equal(json_get_int(control_of("unit-has-it-officer"), "opens", 0), 1);
    /* What the checks say is not of the hash: it moves with the rest of the registry. */
    call("POST /api/v1/unit", an, "", "{\"code\":\"X8\",\"name\":\"x\",\"tier\":\"commune\"}", 201);
    call(line, binh, "", NULL, 200);
    assert_string_equal(world_text(&w, "hash"), hash);
    call("POST /api/v1/changes", an, "",
         "{\"title\":\"t\",\"reason\":\"r\",\"ops\":[{\"op\":\"create\",\"kind\":\"unit\",\"fields\":{\"code\":\"X7\"}}"
         "]}",
         201);
    snprintf(line, sizeof(line), "GET /api/v1/changes/%lld/plan", (long long)json_get_int(w.json, "id", 0));
    call(line, binh, "", NULL, 200);
    assert_true(json_is_null(json_object_get(w.json, "checks"))); /* half a change has no effect */
    assert_true(json_array_size(json_object_get(w.json, "errors")) > 0);
}

/* An import judged and taken back: the checks see the rows as if they had been written. */
static void what_the_checks_would_say_of_an_import(void **state)
{
    static const char rows[] = "code,name,tier\nX1,Một,commune\nX2,Hai,commune\n";
    char csv[600];

    (void)state;
    snprintf(csv, sizeof(csv), "Content-Type: text/csv%s", strchr(an, '\n'));
    call("POST /api/v1/unit/import?dry_run=1", csv, "", rows, 200);
    assert_null(json_object_get(w.json, "checks"));
    call("POST /api/v1/unit/import?dry_run=1&checks=1", csv, "", rows, 200);
    json_t *c = control_of("unit-has-it-officer");
    assert_int_equal(json_get_int(c, "opens", 0), 2);
    json_t *subject = json_object_get(json_array_get(json_object_get(c, "items"), 1), "subject");
    assert_true(str_eq(json_get_str(subject, "key"), STR("X2")));
    assert_true(json_is_null(json_object_get(subject, "id")));
    call("GET /api/v1/unit?code__ic=X&count=1", an, "", NULL, 200); /* nothing was written */
    assert_int_equal(json_get_int(w.json, "total", -1), 0);
    call("POST /api/v1/unit/import?dry_run=1&checks=1", csv, "", "code,name,tier\nX1,Một,nowhere\n", 422);
    assert_null(json_object_get(w.json, "checks"));                /* half an import has no effect */
    call("POST /api/v1/unit/import?checks=1", csv, "", rows, 200); /* what is written is not foretold */
    assert_null(json_object_get(w.json, "checks"));
    call("POST /api/v1/unit/import?dry_run=1&checks=1", csv, "", rows, 200);
    assert_int_equal(json_get_int(json_object_get(w.json, "checks"), "opens", -1), 0);
}

static void the_same_key_twice(void **state)
{
    static const char body[] = "{\"code\":\"I1\",\"name\":\"x\",\"tier\":\"commune\"}";
    char etag[32];

    (void)state;
    call("POST /api/v1/unit", an, "Idempotency-Key: k1", body, 201);
    snprintf(etag, sizeof(etag), "%s", w.etag);
    int64_t id = json_get_int(w.json, "id", 0);
    call("POST /api/v1/unit", an, "Idempotency-Key: k1", body, 201);
    assert_int_equal(json_get_int(w.json, "id", 0), id);
    assert_string_equal(w.etag, etag);
    call("POST /api/v1/unit", an, "Idempotency-Key: k1", "{\"code\":\"I2\",\"name\":\"x\",\"tier\":\"commune\"}", 422);
    assert_string_equal(world_text(&w, "type"), "urn:luy:api.idempotency_other");
    call("POST /api/v1/unit", boss, "Idempotency-Key: k1", body, 422); /* another's key; the unit is there */
    assert_string_equal(world_text(&w, "type"), "urn:luy:registry.invalid");
    call("POST /api/v1/unit", an, "Idempotency-Key: k2", "{\"code\":\"I3\"}", 422);
    call("POST /api/v1/unit", an, "Idempotency-Key: k2", "{\"code\":\"I3\",\"name\":\"x\",\"tier\":\"commune\"}", 201);
    call("POST /api/v1/unit", an, "Idempotency-Key: ", body, 400);
    call("POST /api/v1/changes", an, "Idempotency-Key: k3", ops, 201);
    id = json_get_int(w.json, "id", 0);
    call("POST /api/v1/changes", an, "Idempotency-Key: k3", ops, 201);
    assert_int_equal(json_get_int(w.json, "id", 0), id);
    clock_advance(&w.clk, 600 * NS_PER_S);
    call("POST /api/v1/changes", an, "Idempotency-Key: k3", ops, 201);
    assert_int_equal(json_get_int(w.json, "id", 0), id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_whole_way, open_world, close_world),
        cmocka_unit_test_setup_teardown(what_is_refused, open_world, close_world),
        cmocka_unit_test_setup_teardown(one_write_planned, open_world, close_world),
        cmocka_unit_test_setup_teardown(what_the_checks_would_say, open_world, close_world),
        cmocka_unit_test_setup_teardown(what_the_checks_would_say_of_an_import, open_world, close_world),
        cmocka_unit_test_setup_teardown(the_same_key_twice, open_world, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
