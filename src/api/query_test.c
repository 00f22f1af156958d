/* Asking over the API: rows of every source, mistakes, completion, saved
 * searches and their rights, exports on record, limits. */
#include "api/query_env.h"
#include "api/world-int.h"
#include "intake/syslog.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct world w;
static char admin[512], other[512];
static const char *const lines[] = {
    "<86>Nov 21 09:30:00 ns1 sshd[412]: Failed password for root from 10.8.0.9 port 4021 ssh2",
    "<86>Nov 21 09:30:01 ns1 sshd[412]: Failed password for root from 10.8.0.9 port 4022 ssh2",
    "<86>Nov 21 09:30:02 ns1 sshd[413]: Failed password for invalid user an from 10.9.0.1 port 4023 ssh2",
    ("<30>Nov 21 09:30:03 web2 nginx[7]: "
     "{\"event_type\":\"alert\",\"dest_port\":443,\"flow\":{\"bytes\":18446744073709551617}}"),
};

static int open_world(void **state)
{
    char once[ONE_TIME_PASSWORD_MAX];
    struct event_batch b;
    uint64_t first;

    world_open(&w);
    w.api->queries->wait_ms = 0;
    world_account(&w, "quantri", "admin", once);
    world_login(&w, "quantri", once, "Thanh-Tre-Xanh-2026", admin);
    world_account(&w, "kiemtra", "auditor", once);
    world_login(&w, "kiemtra", once, "Luy-Tre-Lang-2026", other);
    event_batch_init(&b, 1 << 20);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct event ev;
        syslog_parse(str_c(lines[i]), clock_wall(&w.clk), &ev);
        ev.transport = TP_UDP;
        assert_true(event_batch_add(&b, &ev));
    }
    assert_int_equal(journal_append(w.journal, event_batch_seal(&b), &first, NULL), 0);
    event_batch_done(&b);
    return 0;
}

static int close_world(void **state)
{
    world_close(&w);
    return 0;
}

static void get(const char *path, const char *headers, int status)
{
    char line[4096];

    snprintf(line, sizeof(line), "GET /api/v1%s", path);
    world_call(&w, line, headers, NULL, 0);
    if (w.status != status)
        print_error("%s: %d %.*s\n", path, w.status, STR_ARGS(buf_view(&w.body)));
    assert_int_equal(w.status, status);
}

static const json_t *cell(size_t row, size_t col)
{
    return json_array_get(json_array_get(json_object_get(w.json, "rows"), row), col);
}

static void every_source_answers(void **state)
{
    get("/query?query=program:sshd+%22Failed+password%22+src:10.8.0.0/16+%7C+count+by+src+%7C+top+10", admin, 200);
    assert_int_equal(json_array_size(json_object_get(w.json, "rows")), 1);
    assert_string_equal(json_string_value(cell(0, 0)), "10.8.0.9");
    assert_int_equal(json_integer_value(cell(0, 1)), 2);
    get("/query?query=user:an", admin, 200);
    assert_int_equal(json_array_size(json_object_get(w.json, "rows")), 1);
    get("/query?query=dest_port:1..1024+%7C+sum+flow.bytes", admin, 200);
    assert_string_equal(json_string_value(cell(0, 0)), "18446744073709551617");
    get("/query?query=from:history+kind:account+%7C+count+by+op", admin, 200);
    assert_string_equal(world_text(&w, "source"), "history");
    assert_true(json_array_size(json_object_get(w.json, "rows")) > 0);
    get("/query?query=from:findings+state:open+%7C+count", admin, 200);
    assert_int_equal(json_array_size(json_object_get(w.json, "rows")), 1);
    get("/query?query=count&from=findings&explain=true", admin, 200);
    assert_true(json_array_size(json_object_get(w.json, "explain")) > 0);
    get("/query?query=&limit=2", admin, 200);
    assert_int_equal(json_array_size(json_object_get(w.json, "rows")), 2);
    assert_true(json_is_integer(json_object_get(w.json, "next")));
    get("/query/fields", admin, 200);
    assert_true(json_array_size(json_object_get(w.json, "decoded")) > 5);
}

static void mistakes_are_told(void **state)
{
    get("/query?query=%E1%BB%87+prog:sshd", admin, 400);
    assert_int_equal(json_integer_value(json_object_get(w.json, "column")), 3);
    get("/query?query=from:flow", admin, 400);
    get("/query?query=x&from=nowhere", admin, 400);
    get("/query?query=x&id=a%20b", admin, 400);
    get("/query?query=/(d%2B)%2B%5B%5Ed%5D*(s%2B)%2B%24/", admin, 200);
    get("/events?query=from:history", admin, 400);
    get("/events?query=x+%7C+sort+host", admin, 400);
    get("/query/none/progress", NULL, 401);
    world_call(&w, "DELETE /api/v1/query/none", admin, NULL, 0);
    assert_int_equal(w.status, 404);
}

static bool offered(const char *text)
{
    const json_t *item;
    size_t i;

    json_array_foreach(json_object_get(w.json, "items"), i,
                       item) if (strcmp(json_string_value(json_object_get(item, "text")), text) == 0) return true;
    return false;
}

static void completion_knows_what_fits(void **state)
{
    get("/query/complete?text=pro", admin, 200);
    assert_true(offered("program:"));
    assert_false(offered("host:"));
    get("/query/complete?text=x+severity:w", admin, 200);
    assert_true(offered("warning "));
    get("/query/complete?text=x+%7C+co", admin, 200);
    assert_true(offered("count by "));
    get("/query/complete?text=x+%7C+count+by+host+%7C+sort+-c", admin, 200);
    assert_true(offered("count"));
    assert_false(offered("source"));
    get("/query/complete?text=from:f", admin, 200);
    assert_true(offered("findings "));
    get("/query/complete?text=from:history+o", admin, 200);
    assert_true(offered("op:"));
    get("/query/complete?text=use", admin, 200);
    assert_true(offered("user:"));
    get("/query/complete?text=%22pro", admin, 200);
    assert_int_equal(json_array_size(json_object_get(w.json, "items")), 0);
    get("/query/complete?text=%E1%BB%87+pro&at=5", admin, 200);
    assert_int_equal(json_integer_value(json_object_get(w.json, "from")), 2);
    assert_int_equal(json_integer_value(json_object_get(w.json, "to")), 5);
}

static void post(const char *body, const char *headers, int status)
{
    world_call(&w, "POST /api/v1/searches", headers, body, strlen(body));
    if (w.status != status)
        print_error("%s: %d %.*s\n", body, w.status, STR_ARGS(buf_view(&w.body)));
    assert_int_equal(w.status, status);
}

static void patch(long long id, const char *body, const char *headers, int status)
{
    char line[100];

    snprintf(line, sizeof(line), "PATCH /api/v1/searches/%lld", id);
    world_call(&w, line, headers, body, strlen(body));
    assert_int_equal(w.status, status);
}

static void saved_searches_have_owners(void **state)
{
    char line[100];

    post("{\"name\":\"Sai mật khẩu\",\"query\":\"program:sshd failed\"}", admin, 201);
    post("{\"name\":\"Sai mật khẩu\",\"query\":\"program:sshd\",\"shared\":true}", admin, 201);
    long long id = json_integer_value(json_object_get(w.json, "id"));
    assert_string_equal(world_text(&w, "query"), "program:sshd");
    post("{\"name\":\"Riêng\",\"query\":\"x\"}", admin, 201);
    post("{\"name\":\"Hỏng\",\"query\":\"prog:x\"}", admin, 400);
    post("{\"name\":\"  \",\"query\":\"x\"}", admin, 400);
    get("/searches", other, 200);
    assert_int_equal(json_array_size(json_object_get(w.json, "items")), 1);
    get("/searches", admin, 200);
    assert_int_equal(json_array_size(json_object_get(w.json, "items")), 2);
    patch(id, "{\"name\":\"Riêng\"}", admin, 409);
    patch(id, "{\"name\":\" \"}", admin, 400);
    patch(id, "{\"query\":\"prog:x\"}", admin, 400);
    patch(id, "{\"name\":\"Của người khác\"}", other, 404);
    patch(id, "{\"name\":\"Sai mật khẩu sshd\"}", admin, 200);
    assert_string_equal(world_text(&w, "name"), "Sai mật khẩu sshd");
    assert_string_equal(world_text(&w, "query"), "program:sshd");
    assert_true(json_is_true(json_object_get(w.json, "shared")));
    patch(id, "{\"shared\":false}", admin, 200);
    assert_false(json_is_true(json_object_get(w.json, "shared")));
    get("/searches", other, 200);
    assert_int_equal(json_array_size(json_object_get(w.json, "items")), 0);
    patch(id, "{\"shared\":true,\"query\":\"program:sshd failed\"}", admin, 200);
    assert_string_equal(world_text(&w, "query"), "program:sshd failed");
    snprintf(line, sizeof(line), "DELETE /api/v1/searches/%lld", id);
    world_call(&w, line, other, NULL, 0);
    assert_int_equal(w.status, 404);
    world_call(&w, line, admin, NULL, 0);
    assert_int_equal(w.status, 204);
    world_call(&w, line, admin, NULL, 0);
    assert_int_equal(w.status, 404);
}

static void exports_are_on_record(void **state)
{
    static const char *const asked[] = {
        "/events/export?query=program:sshd&format=text",
        "/events/export?query=program:sshd+%7C+count+by+user&format=csv",
        "/events/export?query=from:history&format=json",
    };
    char sha[65];

    for (size_t i = 0; i < 3; i++) {
        get(asked[i], admin, 200);
        sha256_hex(sha256(buf_view(&w.body)), sha);
        assert_non_null(strstr(w.said, sha));
        get("/exports", admin, 200);
        bool found = false;
        const json_t *x;
        size_t k;
        json_array_foreach(json_object_get(w.json, "items"), k, x) found =
            found || (strcmp(json_string_value(json_object_get(x, "sha256")), sha) == 0 &&
                      json_is_true(json_object_get(x, "whole")));
        assert_true(found);
    }
    get("/exports/0123", admin, 404);
}

static void patterns_are_counted(void **state)
{
    get("/events/patterns?query=program:sshd+since:-365d+until:now", admin, 200);
    const json_t *row = json_array_get(json_object_get(w.json, "rows"), 0);
    assert_int_equal(json_get_int(w.json, "total", -1), 3);
    assert_int_equal(json_get_int(w.json, "kinds", -1), 2);
    assert_string_equal(json_string_value(json_object_get(row, "pattern")),
                        "Failed password for root from <*> port <*> <*>");
    assert_string_equal(json_string_value(json_object_get(row, "program")), "sshd");
    assert_int_equal(json_get_int(row, "count", -1), 2);
    assert_string_equal(json_string_value(json_object_get(row, "query")),
                        "program:\"sshd\" \"Failed password for root from * port\"");
    assert_string_equal(json_string_value(json_object_get(row, "example")),
                        "Failed password for root from 10.8.0.9 port 4022 ssh2");
    get("/events/patterns?query=program:sshd+since:-365d&limit=1&order=change", admin, 200);
    assert_int_equal(json_array_size(json_object_get(w.json, "rows")), 1);
    assert_int_equal(json_get_int(w.json, "kinds", -1), 2);
    get("/events/patterns?query=from:history", admin, 400);
    get("/events/patterns?query=since:2026-01-02+until:2026-01-01", admin, 400);
    get("/events/patterns?query=(", admin, 400);
    get("/events/patterns?query=x&order=name", admin, 400);
}

static void too_many_are_refused(void **state)
{
    struct request rq = {.api = w.api, .fd = -1, .auth.actor.account_id = 999};
    struct query_run *run[QUERIES_MAX];
    struct err e = {0};
    size_t n = 0;

    while (n < QUERIES_MAX && query_run_begin(&rq, STR(""), &run[n], &e) == 0)
        n++;
    assert_int_equal(n, QUERIES_PER_ACCOUNT);
    assert_int_equal(e.code, HTTP_ERR(429));
    rq.auth.actor.account_id = 998;
    while (n < QUERIES_MAX && query_run_begin(&rq, STR(""), &run[n], &e) == 0)
        n++;
    assert_int_equal(n, QUERIES_MAX);
    get("/query?query=x", admin, 429);
    get("/events?query=x", admin, 429);
    query_run_end(w.api, run[--n]);
    get("/query?query=x", admin, 200);
    assert_int_equal(query_run_begin(&rq, STR("mine"), &run[n], &e), 0);
    n++;
    rq.auth.actor.account_id = 997;
    assert_int_equal(query_run_cancel(&rq, STR("mine"), &e), -ENOENT); /* another's */
    rq.auth.actor.account_id = 998;
    assert_false(run[n - 1]->cancel);
    assert_int_equal(query_run_cancel(&rq, STR("mine"), &e), 0);
    assert_true(run[n - 1]->cancel);
    while (n > 0)
        query_run_end(w.api, run[--n]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_source_answers),       cmocka_unit_test(mistakes_are_told),
        cmocka_unit_test(completion_knows_what_fits), cmocka_unit_test(saved_searches_have_owners),
        cmocka_unit_test(exports_are_on_record),      cmocka_unit_test(too_many_are_refused),
        cmocka_unit_test(patterns_are_counted),
    };
    return cmocka_run_group_tests_name("api/query", tests, open_world, close_world);
}
