/* Requests as a table: status, problem type and the pointers of all mistakes;
 * the console's files; OpenAPI against the route table. */
#include "api/world-int.h"
#include "base/map.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct world w;
static char admin[512];

static int open_world(void **state)
{
    char once[ONE_TIME_PASSWORD_MAX];

    world_open(&w);
    world_account(&w, "quantri", "admin", once);
    world_login(&w, "quantri", once, "Thanh-Tre-Xanh-2026", admin);
    return 0;
}

static int close_world(void **state)
{
    world_close(&w);
    return 0;
}

static const struct {
    const char *line, *body;
    int status;
    const char *type, *pointer;
} cases[] = {
    {"GET /api/v1/nothing", NULL, 404, "api.no_route", NULL},
    {"GET /api/v1", NULL, 404, "api.no_route", NULL},
    {"GET /api/v1/unit/", NULL, 404, "api.no_route", NULL},
    {"GET /api/v1//unit", NULL, 404, "api.no_route", NULL},
    {"PUT /api/v1/unit", "{}", 405, "api.method", NULL},
    {"POST /api/v1/events", "{}", 405, "api.method", NULL},
    {"GET /api/v1/unit?q=%zz", NULL, 400, "api.bad_uri", NULL},
    {"GET /api/v1/unit/%ff", NULL, 404, "api.no_route", NULL},
    {"GET /api/v1/unit?limit=0", NULL, 400, "api.bad_query", "/?limit"},
    {"GET /api/v1/unit?limit=x", NULL, 400, "api.bad_query", "/?limit"},
    {"GET /api/v1/unit?count=maybe", NULL, 400, "api.bad_query", "/?count"},
    {"GET /api/v1/unit?colour=red", NULL, 400, "registry.unknown_field", NULL},
    {"GET /api/v1/unit?name__like=red", NULL, 400, "registry.filter_op", NULL},
    {"GET /api/v1/unit?cursor=zzzz", NULL, 400, "registry.bad_cursor", NULL},
    {"GET /api/v1/today?x=1", NULL, 400, "api.bad_query", "/?x"},
    {"GET /api/v1/events/export?format=xml", NULL, 400, "api.bad_query", "/?format"},
    {"POST /api/v1/unit", "", 400, "api.body_missing", NULL},
    {"POST /api/v1/unit", "{", 400, NULL, NULL},
    {"POST /api/v1/unit", "{} {}", 400, NULL, NULL},
    {"POST /api/v1/unit", "{\"a\":1,\"a\":2}", 400, NULL, NULL},
    {"POST /api/v1/unit", "[1,2]", 422, "api.body_object", NULL},
    {"POST /api/v1/unit", "\"x\"", 422, "api.body_object", NULL},
    {"POST /api/v1/unit", "{\"code\":{\"a\":1},\"name\":\"b\",\"tier\":\"province\"}", 422, "registry.invalid",
     "/code"},
    {"POST /api/v1/unit", "{\"code\":\"X\",\"tier\":\"province\"}", 422, "registry.invalid", "/name"},
    {"POST /api/v1/unit", "{\"code\":\"X\",\"name\":\"b\",\"tier\":\"province\",\"mau\":\"xanh\"}", 422,
     "registry.invalid", "/mau"},
    {"POST /api/v1/tokens", "{\"name\":7}", 422, "api.bad_body", "/name"},
    {"POST /api/v1/tokens", "{}", 422, "api.bad_body", "/name"},
    {"POST /api/v1/tokens", "{\"name\":\"a\",\"x\":1}", 422, "api.bad_body", "/x"},
    {"POST /api/v1/findings/1", "{\"state\":\"closed\"}", 409, "api.finding_close", NULL},
    {"POST /api/v1/findings/1", "{\"state\":\"gone\"}", 422, "api.bad_body", "/state"},
    {"GET /api/v1/findings/abc", NULL, 404, "api.no_finding", NULL},
    {"PATCH /api/v1/unit/1", "{}", 428, "api.if_match_missing", NULL},
    {"DELETE /api/v1/unit/1", NULL, 428, "api.if_match_missing", NULL},
    {"GET /api/v1/unit/khong-co", NULL, 404, "registry.not_found", NULL},
    {"GET /api/v1/prefix/10.9.0.0%2F24/tree", NULL, 404, "registry.not_found", NULL},
    {"GET /api/v1/prefix/1/free?n=0", NULL, 400, "api.bad_query", "/?n"},
    {"POST /api/v1/prefix/1/allocate", "{\"count\":\"3\"}", 422, "api.bad_body", "/count"},
    {"POST /api/v1/prefix/1/allocate", "{\"count\":-1}", 422, "api.bad_body", "/count"},
    {"POST /api/v1/prefix/1/allocate", "{\"count\":1001}", 422, "api.bad_body", "/count"},
    {"POST /api/v1/prefix/1/allocate", "{\"container\":1}", 422, "api.bad_body", "/container"},
    {"GET /api/v1/find?q=x&kind=khong_co", NULL, 400, "registry.no_kind", NULL},
    {"GET /api/v1/find?q=x&limit=51", NULL, 400, "api.bad_query", "/?limit"},
    {"GET /api/v1/find?q=x&colour=red", NULL, 400, "api.bad_query", "/?colour"},
    {"DELETE /api/v1/prefix/1/tree", NULL, 405, "api.method", NULL},
    {"GET /api/v1/dns/derived?zone=khong.example", NULL, 404, "registry.not_found", NULL},
};

static void check(const char *line, const char *body, int status, const char *type, const char *pointer)
{
    char urn[128], first[160] = "";

    world_call(&w, line, admin, body, body != NULL ? strlen(body) : 0);
    snprintf(urn, sizeof(urn), "urn:luy:%s", type != NULL ? type : "");
    json_t *one = json_array_get(json_object_get(w.json, "errors"), 0);
    snprintf(first, sizeof(first), "%s",
             json_string_value(json_object_get(one, "pointer")) != NULL
                 ? json_string_value(json_object_get(one, "pointer"))
                 : "");
    if (w.status != status || (type != NULL && strcmp(world_text(&w, "type"), urn) != 0) ||
        (pointer != NULL && strcmp(first, pointer) != 0))
        fail_msg("%s %s: %d %s %s\n%.*s", line, body != NULL ? body : "", w.status, world_text(&w, "type"), first,
                 (int)w.body.n, w.body.p);
    if (status >= 400) {
        assert_non_null(strstr(w.type, "application/problem+json"));
        assert_int_equal(json_get_int(w.json, "status", 0), status);
        assert_true(strlen(world_text(&w, "title")) > 0);
        assert_true(strlen(world_text(&w, "detail")) > 0);
    }
}

static void test_cases(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        check(cases[i].line, cases[i].body, cases[i].status, cases[i].type, cases[i].pointer);
}

static void test_allow(void **state)
{
    world_call(&w, "PUT /api/v1/unit/1", admin, "{}", 2);
    assert_int_equal(w.status, 405);
    assert_string_equal(w.allow, "GET, PATCH, DELETE");
}

static void test_deep_and_large(void **state)
{
    static char body[(1 << 20) + 100];

    memset(body, '[', 5000);
    memset(body + 5000, ']', 5000);
    body[10000] = '\0';
    check("POST /api/v1/unit", body, 400, "api.too_deep", NULL);
    memset(body, ' ', sizeof(body));
    body[sizeof(body) - 1] = '\0';
    check("POST /api/v1/unit", body, 413, "api.body_too_large", NULL);
}

static void test_content_type(void **state)
{
    char h[512];
    char *cut = strchr(admin, '\n');

    snprintf(h, sizeof(h), "Content-Type: text/plain%s", cut);
    world_call(&w, "POST /api/v1/unit", h, "{}", 2);
    assert_int_equal(w.status, 415);
    world_call(&w, "POST /api/v1/unit", cut + 1, "{}", 2);
    assert_int_equal(w.status, 415);
    snprintf(h, sizeof(h), "Content-Type: text/csv; charset=utf-8%s", cut);
    static const char csv[] = "code,name,tier\nA1,Một,province\nA2,,province\nA3,x,nowhere\n";
    world_call(&w, "POST /api/v1/unit/import?dry_run=1", h, csv, sizeof(csv) - 1);
    assert_int_equal(w.status, 422);
    json_t *errors = json_object_get(w.json, "errors");
    assert_true(json_array_size(errors) >= 2);
    assert_int_equal(json_get_int(json_array_get(errors, 0), "row", 0), 3);
    assert_true(str_eq(json_get_str(json_array_get(errors, 0), "column"), STR("name")));
}

static void test_vietnamese(void **state)
{
    world_call(&w, "GET /api/v1/unit", "Accept-Language: vi", NULL, 0);
    assert_int_equal(w.status, 401);
    assert_string_equal(world_text(&w, "title"), "Cần đăng nhập");
    world_call(&w, "GET /api/v1/unit", NULL, NULL, 0);
    assert_string_equal(world_text(&w, "title"), "Cần đăng nhập");
    world_call(&w, "GET /api/v1/unit", "Accept-Language: en-GB, vi", NULL, 0);
    assert_string_equal(world_text(&w, "title"), "Login needed");
}

/* Two people open one record; who saves second is told, loses nothing of the first's,
 * and goes on from what is there. */
static void test_two_people(void **state)
{
    static const char first[] = "{\"name\":\"Phòng của An\"}", second[] = "{\"address_text\":\"Số 2\"}";
    char once[ONE_TIME_PASSWORD_MAX], other[512], h[700];

    world_account(&w, "binh2", "operator", once);
    world_login(&w, "binh2", once, "Thanh-Tre-Xanh-2026", other);
    world_call(&w, "POST /api/v1/site", admin, "{\"code\":\"HAI\",\"name\":\"Phòng\"}",
               strlen("{\"code\":\"HAI\",\"name\":\"Phòng\"}"));
    assert_int_equal(w.status, 201);
    world_call(&w, "GET /api/v1/site/HAI", other, NULL, 0);
    assert_string_equal(w.etag, "\"1\"");
    snprintf(h, sizeof(h), "%s\nIf-Match: \"1\"", admin);
    world_call(&w, "PATCH /api/v1/site/HAI", h, first, strlen(first));
    assert_int_equal(w.status, 200);
    snprintf(h, sizeof(h), "%s\nIf-Match: \"1\"", other);
    world_call(&w, "PATCH /api/v1/site/HAI", h, second, strlen(second));
    assert_int_equal(w.status, 412);
    assert_non_null(strstr(world_text(&w, "detail"), "2"));
    world_call(&w, "PATCH /api/v1/site/HAI", other, second, strlen(second)); /* without saying what was seen */
    assert_int_equal(w.status, 428);
    snprintf(h, sizeof(h), "%s\nIf-Match: \"2\"", other);
    world_call(&w, "PATCH /api/v1/site/HAI", h, second, strlen(second));
    assert_int_equal(w.status, 200);
    assert_string_equal(world_text(&w, "name"), "Phòng của An");
    assert_string_equal(world_text(&w, "address_text"), "Số 2");
}

/* A record through its life: created, changed, stale, ended, in the history with the reason. */
static void test_record(void **state)
{
    char h[700];

    snprintf(h, sizeof(h), "%s\nX-Reason: l%%C3%%BD%%20do", admin);
    world_call(&w, "POST /api/v1/site", h, "{\"code\":\"P/1\",\"name\":\"Phòng máy\"}",
               strlen("{\"code\":\"P/1\",\"name\":\"Phòng máy\"}"));
    assert_int_equal(w.status, 201);
    assert_string_equal(w.etag, "\"1\"");
    world_call(&w, "GET /api/v1/site/P%2F1", admin, NULL, 0);
    assert_int_equal(w.status, 200);
    snprintf(h, sizeof(h), "%s\nIf-Match: \"1\"", admin);
    world_call(&w, "PATCH /api/v1/site/P%2F1", h, "{\"name\":\"Phòng A\"}", strlen("{\"name\":\"Phòng A\"}"));
    assert_int_equal(w.status, 200);
    assert_string_equal(w.etag, "\"2\"");
    world_call(&w, "PATCH /api/v1/site/P%2F1", h, "{\"name\":\"Phòng B\"}", strlen("{\"name\":\"Phòng B\"}"));
    assert_int_equal(w.status, 412);
    assert_non_null(strstr(world_text(&w, "detail"), "2"));
    snprintf(h, sizeof(h), "%s\nIf-Match: x", admin);
    world_call(&w, "DELETE /api/v1/site/P%2F1", h, NULL, 0);
    assert_int_equal(w.status, 400);
    snprintf(h, sizeof(h), "%s\nIf-Match: W/\"2\"", admin);
    world_call(&w, "DELETE /api/v1/site/P%2F1", h, NULL, 0);
    assert_int_equal(w.status, 200);
    world_call(&w, "GET /api/v1/site?ended=1&count=1", admin, NULL, 0);
    assert_int_equal(json_get_int(w.json, "total", 0), 1);
    json_t *rec = json_array_get(json_object_get(w.json, "items"), 0);
    char line[80];
    snprintf(line, sizeof(line), "GET /api/v1/site/%lld/history", (long long)json_get_int(rec, "id", 0));
    world_call(&w, line, admin, NULL, 0);
    json_t *items = json_object_get(w.json, "items");
    assert_int_equal(json_array_size(items), 3);
    assert_true(str_eq(json_get_str(json_array_get(items, 2), "reason"), STR("lý do")));
    assert_true(str_eq(json_get_str(json_array_get(items, 2), "by"), STR("quantri")));
    world_call(&w, "GET /api/v1/registry/verify", admin, NULL, 0);
    assert_int_equal(w.status, 200);
    assert_int_equal(json_get_int(w.json, "bad_seq", -1), 0);
    snprintf(h, sizeof(h), "%s\nAccept: text/csv", admin);
    world_call(&w, "GET /api/v1/account", h, NULL, 0);
    assert_non_null(strstr(w.type, "text/csv"));
    assert_non_null(strstr(w.body.p, "quantri"));
}

static const struct {
    const char *line;
    int status;
    const char *body;
} files[] = {
    {"GET /", 200, "<!doctype html>index"},
    {"GET /index.html", 200, "<!doctype html>index"},
    {"GET /findings/17", 200, "<!doctype html>index"}, /* a page of the console */
    {"GET /assets/app-1f2e.js", 200, "let app"},
    {"GET /assets/gone.js", 404, NULL},
    {"GET /assets/", 200, "<!doctype html>index"},
    {"GET /../secret.txt", 404, NULL},
    {"GET /%2e%2e/secret.txt", 404, NULL},
    {"GET /..%2fsecret.txt", 404, NULL},
    {"GET /assets/..%2f..%2fsecret.txt", 404, NULL},
    {"GET /assets/%5c..%5csecret.txt", 404, NULL},
    {"GET //etc/passwd.txt", 404, NULL},
    {"GET /link.txt", 404, NULL}, /* a link is not followed */
    {"GET /index.html%00.js", 400, NULL},
    {"GET /.htaccess", 404, NULL},
    {"POST /", 405, NULL},
};

static void test_files(void **state)
{
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        world_call(&w, files[i].line, NULL, NULL, 0);
        if (w.status != files[i].status || (files[i].body != NULL && (w.body.n != strlen(files[i].body) ||
                                                                      memcmp(w.body.p, files[i].body, w.body.n) != 0)))
            fail_msg("%s: %d %.*s", files[i].line, w.status, (int)w.body.n, w.body.p);
    }
    char h[80];
    world_call(&w, "GET /assets/app-1f2e.js", NULL, NULL, 0);
    snprintf(h, sizeof(h), "If-None-Match: %s", w.etag);
    world_call(&w, "GET /assets/app-1f2e.js", h, NULL, 0);
    assert_int_equal(w.status, 304);
}

/* Every route stands in the description with its roles, once (those of documents where a
 * kind has some); ids are unique. */
static void test_openapi(void **state)
{
    static const char *const verbs[] = {"get", "post", "put", "patch", "delete"};
    struct map ids;
    const char *path;
    json_t *item;
    size_t operations = 0, want = 0, documents = 0;

    world_call(&w, "GET /api/v1/openapi.json", admin, NULL, 0);
    assert_int_equal(w.status, 200);
    assert_string_equal(world_text(&w, "openapi"), "3.1.0");
    for (size_t i = 0; i < w.schema->nkinds; i++)
        for (size_t f = 0; f < w.schema->kinds[i].nfields; f++)
            if (w.schema->kinds[i].fields[f].type == FT_FILE) {
                documents++;
                break;
            }
    for (size_t i = 0; i < routes_n; i++)
        want += strstr(routes[i].pattern, "/files/") != NULL ? documents
                : routes[i].flags & RF_KIND                  ? w.schema->nkinds
                                                             : 1;
    map_init(&ids, 100000);
    json_object_foreach(json_object_get(w.json, "paths"), path, item) for (int v = 0; v < 5; v++)
    {
        json_t *op = json_object_get(item, verbs[v]);
        bool fresh = false;
        if (op == NULL)
            continue;
        operations++;
        assert_non_null(map_put(&ids, json_get_str(op, "operationId"), &fresh));
        assert_true(fresh);
        assert_true(json_get_str(op, "summary").n > 0 && !str_starts(json_get_str(op, "summary"), STR("api.op")));
        assert_true(json_array_size(json_object_get(op, "x-luy-roles")) > 0 ||
                    json_is_true(json_object_get(op, "x-luy-open")));
    }
    assert_int_equal(operations, want);
    map_done(&ids);
}

/* Streams are bounded: the third of two is refused, not queued. */
static void test_stream_ceiling(void **state)
{
    assert_true(stream_take(w.api));
    assert_true(stream_take(w.api));
    check("GET /api/v1/live", NULL, 503, "api.streams_full", NULL);
    check("GET /api/v1/events/tail?query=x", NULL, 503, "api.streams_full", NULL);
    stream_give(w.api);
    stream_give(w.api);
    check("GET /api/v1/events/tail?query=x%20%7C%20count", NULL, 400, "api.tail_pipe", NULL);
}

static void test_health_and_metrics(void **state)
{
    world_call(&w, "GET /api/v1/health", NULL, NULL, 0);
    assert_int_equal(w.status, 200);
    world_call(&w, "GET /api/v1/metrics", NULL, NULL, 0);
    assert_int_equal(w.status, 401);
    world_call(&w, "GET /api/v1/metrics", admin, NULL, 0);
    assert_non_null(strstr(w.body.p, "luy_api_logins_ok_total 1\n"));
    world_call(&w, "GET /api/v1/stats", admin, NULL, 0);
    assert_true(json_get_int(json_object_get(w.json, "registry"), "records", 0) >= 2);
}

static void post(const char *path, const char *body)
{
    char line[160];

    snprintf(line, sizeof(line), "POST /api/v1/%s", path);
    world_call(&w, line, admin, body, strlen(body));
}

/* Given out over the wire: 201, then short of it 409 with the numbers; seen in tree and zone. */
static void test_addresses(void **state)
{
    post("network", "{\"code\":\"N\",\"name\":\"Mạng\",\"kind\":\"intranet\"}");
    post("dns_zone", "{\"name\":\"tinh.example\"}");
    post("prefix", "{\"prefix\":\"10.1.0.0/30\",\"network\":\"N\",\"dns_zone\":\"tinh.example\"}");
    assert_int_equal(w.status, 201);
    world_call(&w, "GET /api/v1/prefix/10.1.0.0%2F30/free?n=5", admin, NULL, 0);
    assert_int_equal(json_array_size(json_object_get(w.json, "items")), 2);
    post("prefix/10.1.0.0%2F30/allocate", "{\"name\":\"may.tinh.example\"}");
    assert_int_equal(w.status, 201);
    check("POST /api/v1/prefix/10.1.0.0%2F30/allocate", "{\"count\":2}", 409, "registry.too_few", NULL);
    world_call(&w, "GET /api/v1/prefix/10.1.0.0%2F30/tree", admin, NULL, 0);
    assert_int_equal(json_array_size(json_object_get(w.json, "rows")), 4);
    world_call(&w, "GET /api/v1/find?q=m%C3%A1y.tinh", admin, NULL, 0);
    assert_int_equal(w.status, 200);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(json_object_get(w.json, "groups"), 0), "kind")), "address");
    world_call(&w, "GET /api/v1/dns/derived?zone=tinh.example", admin, NULL, 0);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(json_object_get(w.json, "items"), 0), "value")), "10.1.0.1");
}

#define BOOK_TYPE "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

/* What a head says instead of JSON: Content-Type of the call, Accept. */
static const char *sheet_headers(char h[1024], const char *type)
{
    const char *cut = strchr(admin, '\n');

    snprintf(h, 1024, "Content-Type: %s%s", type, cut);
    return h;
}

/* A list out as a workbook, in again without a change; a template; a marked sheet. */
static void test_workbooks(void **state)
{
    char h[1024];
    struct buf book;

    static const char unit[] = "{\"code\":\"BK\",\"name\":\"Xã Bảng\",\"tier\":\"commune\"}";
    world_call(&w, "POST /api/v1/unit", admin, unit, sizeof(unit) - 1);
    assert_int_equal(w.status, 201);
    snprintf(h, sizeof(h), "%s\nAccept: " BOOK_TYPE, admin);
    world_call(&w, "GET /api/v1/unit?code=BK", h, NULL, 0);
    assert_int_equal(w.status, 200);
    assert_string_equal(w.type, BOOK_TYPE);
    buf_init(&book, 1 << 20);
    buf_str(&book, buf_view(&w.body));
    world_call(&w, "POST /api/v1/registry/import?changes=1", sheet_headers(h, BOOK_TYPE), book.p, book.n);
    assert_int_equal(w.status, 200);
    assert_int_equal(json_get_int(w.json, "unchanged", 0), 1);
    assert_int_equal(json_get_int(w.json, "changes_total", -1), 0);
    buf_done(&book);

    world_call(&w, "GET /api/v1/registry/template?kinds=unit,device", admin, NULL, 0);
    assert_int_equal(w.status, 200);
    assert_string_equal(w.type, BOOK_TYPE);
    world_call(&w, "GET /api/v1/registry/export?kinds=nothing", admin, NULL, 0);
    assert_int_equal(w.status, 404);

    static const char bad[] = "code,name,tier\nB1,Một,làng\n";
    world_call(&w, "POST /api/v1/unit/import?marked=1", sheet_headers(h, "text/csv"), bad, sizeof(bad) - 1);
    assert_int_equal(w.status, 200);
    assert_string_equal(w.type, BOOK_TYPE);
    world_call(&w, "POST /api/v1/unit/import", sheet_headers(h, BOOK_TYPE), bad, sizeof(bad) - 1);
    assert_string_equal(world_text(&w, "type"), "urn:luy:registry.xlsx_no_zip");
    world_call(&w, "POST /api/v1/unit/import", sheet_headers(h, "text/html"), bad, sizeof(bad) - 1);
    assert_int_equal(w.status, 415);
}

static void test_bulk(void **state)
{
    static const char none[] = "{\"title\":\"x\"}", name[] = "{\"fields\":{\"name\":\"Xã Chung\"}}";

    world_call(&w, "POST /api/v1/unit/bulk?code=BK", admin, none, sizeof(none) - 1);
    assert_string_equal(world_text(&w, "type"), "urn:luy:api.bulk_empty");
    world_call(&w, "POST /api/v1/unit/bulk", admin, name, sizeof(name) - 1);
    assert_string_equal(world_text(&w, "type"), "urn:luy:api.bulk_filter");
    world_call(&w, "POST /api/v1/unit/bulk?code=KHONG", admin, name, sizeof(name) - 1);
    assert_string_equal(world_text(&w, "type"), "urn:luy:api.bulk_none");
    world_call(&w, "POST /api/v1/unit/bulk?code=BK", admin, name, sizeof(name) - 1);
    assert_int_equal(w.status, 201);
    assert_string_equal(world_text(&w, "state"), "draft");
    assert_int_equal(json_array_size(json_object_get(w.json, "ops")), 1);
    world_call(&w, "GET /api/v1/unit/BK", admin, NULL, 0);
    assert_string_equal(world_text(&w, "name"), "Xã Bảng");

    static const char row[] = "code,name\nBK,Xã Nháp\n";
    char h[1024];
    world_call(&w, "POST /api/v1/unit/import?as=change_set&title=Th%E1%BB%AD", sheet_headers(h, "text/csv"), row,
               sizeof(row) - 1);
    assert_int_equal(w.status, 201);
    assert_string_equal(json_string_value(json_object_get(json_object_get(w.json, "change_set"), "title")), "Thử");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),          cmocka_unit_test(test_allow),
        cmocka_unit_test(test_deep_and_large), cmocka_unit_test(test_content_type),
        cmocka_unit_test(test_vietnamese),     cmocka_unit_test(test_record),
        cmocka_unit_test(test_files),          cmocka_unit_test(test_openapi),
        cmocka_unit_test(test_stream_ceiling), cmocka_unit_test(test_health_and_metrics),
        cmocka_unit_test(test_addresses),      cmocka_unit_test(test_workbooks),
        cmocka_unit_test(test_bulk),           cmocka_unit_test(test_two_people),
    };
    return cmocka_run_group_tests_name("api/dispatch", tests, open_world, close_world);
}
