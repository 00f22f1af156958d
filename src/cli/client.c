/* HTTP for the commands (libcurl). An answer is bounded; a problem document
 * (RFC 9457) becomes an error whose sentence is the server's own. */
#include "cli/cli.h"
#include "base/msg.h"
#include <curl/curl.h>
#include <errno.h>

enum { ANSWER_MAX = 256 * 1024 * 1024, JSON_DEPTH = 64 };

struct transfer {
    struct buf body;
    struct run *r;
    struct answer *out;
    bool (*fn)(void *ctx, str bytes);
    void *ctx;
    CURL *curl;
};

void url_segment(struct buf *b, const char *value)
{
    for (const unsigned char *p = (const unsigned char *)value; *p; p++) {
        if ((*p >= '0' && *p <= '9') || ((*p | 32) >= 'a' && (*p | 32) <= 'z') || strchr("-._~", *p) != NULL)
            buf_byte(b, *p);
        else
            buf_fmt(b, "%%%02X", *p);
    }
}

void url_param(struct buf *b, const char *name, const char *value)
{
    if (value == NULL)
        return;
    buf_byte(b, b->n > 0 && memchr(b->p, '?', b->n) != NULL ? '&' : '?');
    url_segment(b, name);
    buf_byte(b, '=');
    url_segment(b, value);
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    long status = 0;

    (void)size;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    if (t->fn != NULL && status == 200)
        return t->fn(t->ctx, (str){p, n}) ? n : 0;
    buf_add(&t->body, p, n);
    return t->body.failed ? 0 : n;
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    str line = str_trim((str){p, n}), name;

    (void)size;
    if (str_split(&line, ':', &name)) {
        str value = str_trim(line), head;
        if (str_eq_nocase(name, STR("etag")))
            t->out->etag = arena_str(&t->r->arena, value);
        else if (str_eq_nocase(name, STR("set-cookie")) && str_split(&value, ';', &head))
            t->out->cookie = arena_str(&t->r->arena, head);
    }
    return n;
}

static struct curl_slist *header(struct run *r, struct curl_slist *list, const char *name, str value)
{
    return curl_slist_append(list, arena_fmt(&r->arena, "%s: %.*s", name, STR_ARGS(value)).p);
}

static struct curl_slist *headers(struct run *r, const struct request *rq)
{
    struct curl_slist *list = header(r, NULL, "Accept-Language", r->lang == LANG_VI ? STR("vi") : STR("en"));

    list = header(r, list, "Accept", str_c(rq->accept ? rq->accept : "application/json"));
    list = header(r, list, "Expect", STR(""));
    if (rq->type != NULL)
        list = header(r, list, "Content-Type", str_c(rq->type));
    if (r->opt.token != NULL) {
        list = header(r, list, "Authorization", arena_fmt(&r->arena, "Bearer %s", r->opt.token));
    } else if (r->session.cookie.n > 0) {
        list = header(r, list, "Cookie", r->session.cookie);
        if (strcmp(rq->method, "GET") != 0)
            list = header(r, list, "X-CSRF-Token", r->session.csrf);
    }
    if (rq->if_match.n > 0)
        list = header(r, list, "If-Match", rq->if_match);
    if (r->opt.reason != NULL) {
        struct buf b;
        buf_init(&b, 16 * 1024);
        url_segment(&b, r->opt.reason);
        list = header(r, list, "X-Reason", buf_view(&b));
        buf_done(&b);
    }
    return list;
}

static int connection_error(struct run *r, CURLcode rc, const char *detail, struct err *e)
{
    const char *url = r->session.url.p;

    if (rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_CACERT_BADFILE)
        return ERR(e, -EPERM, "cli.certificate", url, detail);
    if (rc == CURLE_OPERATION_TIMEDOUT)
        return ERR(e, -ETIMEDOUT, "cli.timeout", url);
    return ERR(e, -ECONNREFUSED, "cli.no_answer", url, detail);
}

/* One of many: where it stands in the sheet or the record, and what is wrong. */
static void say_mistake(struct run *r, const json_t *item)
{
    str place = json_get_str(item, "pointer"), column = json_get_str(item, "column"),
        text = json_get_str(item, "detail"), sheet = json_get_str(item, "sheet"), at = json_get_str(item, "at");
    int64_t row = json_get_int(item, "row", 0), line = json_get_int(item, "line", 0);
    char said[2048], head[300] = "";
    const char *args[] = {N(row), NULL, NULL};

    if (row > 0) {
        char name[256], what[1024];
        snprintf(name, sizeof(name), "%.*s", STR_ARGS(column));
        snprintf(what, sizeof(what), "%.*s", STR_ARGS(text));
        args[1] = column.n > 0 ? name : what;
        args[2] = what;
        msg_fmt(said, sizeof(said), r->lang, column.n > 0 ? "cli.mistake" : "cli.mistake_row", args, 3);
        snprintf(name, sizeof(name), "%.*s", STR_ARGS(sheet));
        args[0] = name;
        if (sheet.n > 0)
            msg_fmt(head, sizeof(head), r->lang, "cli.mistake_sheet", args, 1);
        fprintf(stderr, "%s%s\n", head, said);
    } else if (at.n > 0 && line > 0) {
        fprintf(stderr, "%.*s:%lld:%lld: %.*s\n", STR_ARGS(at), (long long)line,
                (long long)json_get_int(item, "column", 0), STR_ARGS(text));
    } else {
        fprintf(stderr, "%.*s%s%.*s\n", STR_ARGS(place), place.n > 0 ? ": " : "", STR_ARGS(text));
    }
}

/* "detail" of the problem, then each error with its place on a line of its own. */
static int problem_error(struct run *r, struct answer *a, struct err *e)
{
    str detail = json_get_str(a->json, "detail"), title = json_get_str(a->json, "title");
    json_t *errors = json_object_get(a->json, "errors"), *item;
    size_t i;

    json_array_foreach(errors, i, item) say_mistake(r, item);
    int64_t more = json_get_int(a->json, "errors_total", 0) - (int64_t)i;
    if (more > 0)
        out_message(r, "cli.more_mistakes", N(more), NULL);
    int code = a->status == 404 ? -ENOENT : a->status == 401 ? -EACCES : a->status == 412 ? -ESTALE : -EPROTO;
    if (a->status == 401)
        return ERR(e, code, "cli.login_first", S(detail.n ? detail : title));
    if (json_object_get(a->json, "column") != NULL)
        return ERR(e, code, "cli.refused_at", S(detail.n ? detail : title), N(json_get_int(a->json, "column", 0)));
    return ERR(e, code, "cli.refused", S(detail.n ? detail : title), N(a->status));
}

static int perform(struct run *r, const struct request *rq, struct transfer *t, struct err *e)
{
    char detail[CURL_ERROR_SIZE] = "";
    CURL *c = t->curl = curl_easy_init();
    struct curl_slist *list = headers(r, rq);

    curl_easy_setopt(c, CURLOPT_URL, arena_fmt(&r->arena, "%.*s%.*s", STR_ARGS(r->session.url), STR_ARGS(rq->path)).p);
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, rq->method);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, t->fn ? 0L : 300L);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, detail);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
    if (r->session.ca.n > 0)
        curl_easy_setopt(c, CURLOPT_CAINFO, arena_cstr(&r->arena, r->session.ca));
    if (rq->type != NULL) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body.n);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, rq->body.p ? rq->body.p : "");
    }
    CURLcode rc = curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &t->out->status);
    curl_slist_free_all(list);
    curl_easy_cleanup(c);
    if (rc == CURLE_WRITE_ERROR && t->fn != NULL && t->out->status == 200)
        return 0; /* the reader had enough */
    return rc == CURLE_OK ? 0 : connection_error(r, rc, detail[0] ? detail : curl_easy_strerror(rc), e);
}

static int call(struct run *r, const struct request *rq, struct transfer *t, struct err *e)
{
    struct err ignored = {0};

    buf_init(&t->body, ANSWER_MAX);
    t->r = r;
    int rc = perform(r, rq, t, e);
    if (rc == 0) {
        struct answer *a = t->out;
        a->body = arena_str(&r->arena, buf_view(&t->body));
        bool is_json = a->body.n > 0 && (a->body.p[0] == '{' || a->body.p[0] == '[');
        if (is_json && json_read(a->body, JSON_DEPTH, &a->json, &ignored) < 0)
            a->json = NULL;
        if (a->status >= 400)
            rc = problem_error(r, a, e);
    }
    buf_done(&t->body);
    return rc;
}

int client_call(struct run *r, const struct request *rq, struct answer *out, struct err *e)
{
    struct transfer t = {.out = out};

    return call(r, rq, &t, e);
}

int client_stream(struct run *r, str path, bool (*fn)(void *ctx, str bytes), void *ctx, struct err *e)
{
    struct answer a = {0};
    struct transfer t = {.out = &a, .fn = fn, .ctx = ctx};
    struct request rq = {.method = "GET", .path = path, .accept = "*/*"};
    int rc = call(r, &rq, &t, e);

    json_decref(a.json);
    return rc;
}

int client_get(struct run *r, str path, json_t **out, struct err *e)
{
    struct request rq = {.method = "GET", .path = path};
    struct answer a = {0};
    int rc = client_call(r, &rq, &a, e);

    if (rc == 0 && a.json == NULL)
        rc = ERR(e, -EPROTO, "cli.not_luyd", S(r->session.url));
    if (rc == 0)
        *out = json_incref(a.json);
    json_decref(a.json);
    return rc;
}

int client_send(struct run *r, const char *method, str path, const json_t *body, json_t **out, struct err *e)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct request rq = {.method = method, .path = path, .type = body ? "application/json" : NULL, .body = str_c(text)};
    struct answer a = {0};

    if (r->opt.rev != NULL)
        rq.if_match = arena_fmt(&r->arena, "\"%s\"", r->opt.rev);
    int rc = client_call(r, &rq, &a, e);
    if (rc == 0 && out != NULL)
        *out = json_incref(a.json);
    json_decref(a.json);
    free(text);
    return rc;
}
