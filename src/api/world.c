/* Tests only: the fixture behind world-int.h. It stops the test program at once
 * when something it needs does not work. */
#include "api/world-int.h"
#include "base/file.h"
#include "registry/test-store.h"
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEED(what, e)                                                                                                  \
    do {                                                                                                               \
        if (!(what)) {                                                                                                 \
            char said[1024];                                                                                           \
            err_text((e), LANG_EN, said, sizeof(said));                                                                \
            fprintf(stderr, "world: %s: %s\n", #what, said);                                                           \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static void on_said(void *ctx, int severity, str msg)
{
    struct world *w = ctx;
    size_t n = strlen(w->said);
    snprintf(w->said + n, sizeof(w->said) - n, "%.*s\n", STR_ARGS(msg));
}

static void on_password(void *ctx, str account) { ((struct world *)ctx)->password_changes++; }

static const char *source(void)
{
    const char *s = getenv("LUY_SOURCE");
    return s != NULL ? s : ".";
}

static void open_parts(struct world *w, const char *dir)
{
    struct arena a = arena_init(4 << 20);
    struct err e = {0};
    struct errs es;
    char path[512], url[TEST_URL_MAX];
    str text;

    errs_init(&es, 100);
    snprintf(path, sizeof(path), "%s/schema", source());
    NEED(schema_load(path, &w->schema, &es) == 0, es.n > 0 ? &es.v[0] : &e);
    snprintf(path, sizeof(path), "%s/calendar/vn.tsv", source());
    NEED(file_read(&a, path, 1 << 20, &text, &e) == 0, &e);
    NEED(calendar_parse(text, path, &w->calendar, &es) == 0, es.n > 0 ? &es.v[0] : &e);
    test_store_url(dir, test_store_like(w->schema, &w->clk), url, sizeof(url));
    NEED(store_open(url, &w->store, &e) == 0, &e);
    NEED(registry_open(w->store, w->schema, &w->clk, &w->registry, &e) == 0, &e);
    snprintf(path, sizeof(path), "%s/journal", dir);
    NEED(file_mkdirs(path, 0700, &e) == 0, &e);
    struct journal_cfg jc = {.dir = path, .block_bytes = 1 << 20, .block_seconds = 60};
    NEED(journal_open(&jc, &w->clk, &w->journal, &e) == 0, &e);
    char packs[512];
    snprintf(packs, sizeof(packs), "%s/packs", source());
    struct judge_cfg gc = {
        .packs_dir = packs, .calendar = w->calendar, .check_seconds = 300, .sql_timeout_ms = 5000, .effect_ms = 300000};
    NEED(judge_open(&gc, w->registry, &w->clk, &w->judge, &es, &e) == 0, es.n > 0 ? &es.v[0] : &e);
    errs_done(&es);
    arena_free(&a);
}

static void make_web(const char *dir)
{
    struct err e = {0};
    char path[512];

    snprintf(path, sizeof(path), "%s/web/assets", dir);
    NEED(file_mkdirs(path, 0700, &e) == 0, &e);
    snprintf(path, sizeof(path), "%s/web/index.html", dir);
    NEED(file_write_atomic(path, STR("<!doctype html>index"), 0600, &e) == 0, &e);
    snprintf(path, sizeof(path), "%s/web/assets/app-1f2e.js", dir);
    NEED(file_write_atomic(path, STR("let app"), 0600, &e) == 0, &e);
    snprintf(path, sizeof(path), "%s/secret.txt", dir);
    NEED(file_write_atomic(path, STR("secret"), 0600, &e) == 0, &e);
    char link[512];
    snprintf(link, sizeof(link), "%s/web/link.txt", dir);
    NEED(symlink(path, link) == 0, &e);
}

void world_open(struct world *w)
{
    struct err e = {0};
    char web[256], maps[512];

    memset(w, 0, sizeof(*w));
    snprintf(w->dir, sizeof(w->dir), "%s/luy-api-XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    NEED(mkdtemp(w->dir) != NULL, &e);
    w->clk = clock_manual(1795255200LL * NS_PER_S); /* 2026-11-21T10:00:00Z */
    make_web(w->dir);
    open_parts(w, w->dir);
    snprintf(web, sizeof(web), "%s/web", w->dir);
    snprintf(maps, sizeof(maps), "%s/maps", source());
    struct api_cfg cfg = {.listen = "127.0.0.1:0",
                          .web_dir = web,
                          .maps_dir = maps,
                          .version = "test",
                          .max_connections = 16,
                          .max_per_address = 16,
                          .max_streams = 2,
                          .max_body_bytes = 256 << 20,
                          .file_max = 1 << 20,
                          .login = LOGIN_POLICY_DEFAULT};
    struct api_deps deps = {.registry = w->registry,
                            .journal = w->journal,
                            .judge = w->judge,
                            .clock = &w->clk,
                            .hooks = {.ctx = w, .self_event = on_said, .password_changed = on_password}};
    NEED(api_open(&cfg, &deps, &w->api, &e) == 0, &e);
    buf_init(&w->body, API_REPLY_MAX);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *f) { return remove(path); }

void world_close(struct world *w)
{
    api_stop(w->api);
    judge_close(w->judge);
    api_free(w->api);
    journal_close(w->journal);
    registry_close(w->registry);
    store_close(w->store);
    schema_free(w->schema);
    calendar_free(w->calendar);
    json_decref(w->json);
    buf_done(&w->body);
    nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int64_t make(struct world *w, const char *kind, json_t *in)
{
    struct err e = {0};
    struct errs es;
    json_t *out = NULL;

    errs_init(&es, 10);
    int rc = registry_create(w->registry, &actor_system, str_c(kind), in, &out, &es, &e);
    NEED(rc == 0, es.n > 0 ? &es.v[0] : &e);
    int64_t id = json_get_int(out, "id", 0);
    json_decref(out);
    json_decref(in);
    errs_done(&es);
    return id;
}

static void grant(struct world *w, const char *name, str role)
{
    str rest = role, bare;
    char text[64];

    str_split(&rest, '@', &bare);
    snprintf(text, sizeof(text), "%.*s", STR_ARGS(bare));
    json_t *in = json_pack("{s:s,s:s}", "account", name, "role", text);
    if (rest.p != NULL)
        json_object_set_new(in, "unit", json_from_str(rest));
    make(w, "role_grant", in);
}

void world_account(struct world *w, const char *name, const char *roles, char password[ONE_TIME_PASSWORD_MAX])
{
    struct err e = {0};
    str rest = str_c(roles), role;

    make(w, "account", json_pack("{s:s,s:s,s:s}", "name", name, "kind", "user", "state", "active"));
    while (rest.p != NULL && str_split(&rest, ' ', &role))
        if (role.n > 0)
            grant(w, name, role);
    NEED(api_login_reset(w->api, str_c(name), password, &e) == 0, &e);
}

static void take_headers(struct request *rq, const char *headers)
{
    str rest = str_c(headers), line, name;

    while (rest.p != NULL && str_split(&rest, '\n', &line)) {
        str value = line;
        if (!str_split(&value, ':', &name) || value.p == NULL || rq->nheader == API_HEADERS_MAX)
            continue;
        rq->header[rq->nheader++] = (struct pair){arena_str(&rq->a, name), arena_str(&rq->a, str_trim(value))};
    }
}

static void take_answer(struct world *w, struct response *rs)
{
    struct err e = {0};

    w->status = rs->status;
    snprintf(w->type, sizeof(w->type), "%s", rs->type != NULL ? rs->type : "");
    w->cookie[0] = w->etag[0] = w->allow[0] = '\0';
    w->retry_after = 0;
    for (size_t i = 0; i < rs->nheader; i++) {
        if (str_eq(rs->header[i].name, STR("Set-Cookie")))
            snprintf(w->cookie, sizeof(w->cookie), "%.*s", (int)(strcspn(rs->header[i].value.p, ";")),
                     rs->header[i].value.p);
        if (str_eq(rs->header[i].name, STR("ETag")))
            snprintf(w->etag, sizeof(w->etag), "%s", rs->header[i].value.p);
        if (str_eq(rs->header[i].name, STR("Retry-After")))
            str_i64(rs->header[i].value, &w->retry_after);
        if (str_eq(rs->header[i].name, STR("Allow")))
            snprintf(w->allow, sizeof(w->allow), "%s", rs->header[i].value.p);
    }
    json_decref(w->json);
    w->json = NULL;
    buf_clear(&w->body);
    buf_str(&w->body, buf_view(&rs->body));
    if (rs->file_fd >= 0) {
        char p[4096];
        ssize_t n = read(rs->file_fd, p, sizeof(p));
        buf_add(&w->body, p, n > 0 ? (size_t)n : 0);
        close(rs->file_fd);
    }
    buf_byte(&w->body, 0); /* so that a test may use strstr */
    w->body.n--;
    if (str_find(str_c(w->type), STR("json")) != SIZE_MAX && str_find(str_c(w->type), STR("ndjson")) == SIZE_MAX &&
        w->body.n > 0)
        NEED(json_read(buf_view(&w->body), 200, &w->json, &e) == 0, &e);
}

static void drain(struct response *rs)
{
    char p[4096];
    ssize_t n;

    while ((n = rs->stream->pull(rs->stream, p, sizeof(p))) > 0)
        buf_add(&rs->body, p, (size_t)n);
}

void world_call(struct world *w, const char *line, const char *headers, const char *body, size_t n)
{
    struct request rq;
    struct response rs;
    struct err e = {0};
    str uri = str_c(line), method;

    request_init(&rq, w->api);
    response_init(&rs);
    rq.peer = STR("192.0.2.7");
    str_split(&uri, ' ', &method);
    take_headers(&rq, headers);
    request_language(&rq);
    rq.body = (str){body, n};
    int rc = request_parse_uri(&rq, uri, &e);
    if (rc == 0)
        rc = method_of(method, &rq.method, &rq.head) < 0 ? HTTP_ERR(405) : 0;
    if (rc < 0)
        reply_problem(&rq, &rs, rc, &e);
    else
        api_dispatch(&rq, &rs);
    if (rs.stream != NULL && rq.route != NULL && !(rq.route->flags & RF_STREAM)) /* one that ends */
        drain(&rs);
    take_answer(w, &rs);
    response_done(&rs);
    request_done(&rq);
}

const char *world_text(struct world *w, const char *member)
{
    const char *s = json_string_value(json_object_get(w->json, member));
    return s != NULL ? s : "";
}

void world_login(struct world *w, const char *name, const char *one_time, const char *password, char headers[512])
{
    char body[512];
    struct err e = {0};

    snprintf(body, sizeof(body), "{\"account\":\"%s\",\"password\":\"%s\"}", name, one_time);
    world_call(w, "POST /api/v1/session", "Content-Type: application/json\nAccept-Language: en", body, strlen(body));
    NEED(w->status == 200, &e);
    snprintf(headers, 512, "Content-Type: application/json\nAccept-Language: en\nCookie: %s\nX-CSRF-Token: %s",
             w->cookie, world_text(w, "csrf"));
    if (password == NULL)
        return;
    snprintf(body, sizeof(body), "{\"old\":\"%s\",\"new\":\"%s\"}", one_time, password);
    world_call(w, "POST /api/v1/password", headers, body, strlen(body));
    NEED(w->status == 204, &e);
}
