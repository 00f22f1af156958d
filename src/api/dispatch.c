/* From a request to an answer, below HTTP: route, session, CSRF, rights, body,
 * handler. api_begin judges everything that the head decides, so that a
 * stranger cannot make us take 64 MiB first. Thread: the connection's. */
#include "api/api-int.h"
#include "base/text.h"
#include <errno.h>

void request_init(struct request *rq, struct api *api)
{
    memset(rq, 0, sizeof(*rq));
    rq->api = api;
    rq->fd = -1;
    rq->a = arena_init(API_ARENA_MAX);
    rq->now = clock_wall(api->d.clock);
    errs_init(&rq->errs, API_ERRORS_MAX);
}

void request_done(struct request *rq)
{
    json_decref(rq->json);
    errs_done(&rq->errs);
    arena_free(&rq->a);
}

void response_init(struct response *rs)
{
    memset(rs, 0, sizeof(*rs));
    rs->file_fd = -1;
    buf_init(&rs->body, API_REPLY_MAX);
}

void response_done(struct response *rs)
{
    buf_done(&rs->body);
    if (rs->stream != NULL)
        rs->stream->free(rs->stream);
}

size_t request_body_max(const struct request *rq)
{
    if (rq->route == NULL)
        return 0;
    if (rq->route->flags & RF_FILE)
        return rq->api->cfg.file_max;
    return rq->route->flags & RF_CSV ? API_IMPORT_MAX : API_BODY_MAX;
}

static int find_route(struct request *rq, struct response *rs, struct err *e)
{
    uint32_t allow;
    char list[64] = "";
    size_t n = 0;
    str path = str_sub(rq->path, sizeof(API_BASE) - 1, rq->path.n);

    rq->route = route_find(rq->api, rq->method, path, &rq->a, rq->arg, &allow);
    if (rq->route != NULL)
        return 0;
    if (allow == 0)
        return ERR(e, HTTP_ERR(404), "api.no_route", S(utf8_valid(path) ? path : STR("?")));
    for (int i = 0; i < M_COUNT; i++)
        if (allow & 1U << i)
            n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", n > 0 ? ", " : "", method_names[i]);
    reply_header(rq, rs, "Allow", "%s", list);
    return ERR(e, HTTP_ERR(405), "api.method", list);
}

static int find_auth(struct request *rq, struct err *e)
{
    str bearer = request_header(rq, "Authorization"), cookie = request_cookie(rq, "luy_session");

    if (bearer.p != NULL) {
        if (bearer.n < 8 || !str_eq_nocase(str_sub(bearer, 0, 7), STR("Bearer ")))
            return ERR(e, HTTP_ERR(401), "api.no_session");
        return token_resume(rq, str_trim(str_sub(bearer, 7, bearer.n)), e);
    }
    if (cookie.p == NULL)
        return ERR(e, HTTP_ERR(401), "api.no_session");
    return session_resume(rq, cookie, e);
}

static int check_rights(struct request *rq, struct err *e)
{
    const struct route *r = rq->route;
    const struct auth *au = &rq->auth;

    if (r->method != M_GET && !au->by_token) {
        str sent = request_header(rq, "X-CSRF-Token");
        if (sent.p == NULL || !secret_eq(sent, str_c(au->csrf)))
            return ERR(e, HTTP_ERR(403), "api.csrf");
    }
    if (au->must_change && !(r->flags & RF_MUST_CHANGE_OK))
        return ERR(e, HTTP_ERR(403), "api.must_change");
    if (au->by_token && (r->flags & RF_SESSION_ONLY))
        return ERR(e, HTTP_ERR(403), "api.session_only");
    if (!(route_roles(registry_schema(rq->api->d.registry), r, rq->arg[0]) & au->actor.roles))
        return ERR(e, HTTP_ERR(403), "api.role");
    return 0;
}

static bool value_allowed(const char *values, str v)
{
    str rest = str_c(values), one;
    while (rest.p != NULL && str_split(&rest, ' ', &one))
        if (str_eq(one, v))
            return true;
    return false;
}

static const struct param *param_of(const struct route *r, str name)
{
    for (const struct param *p = r->params; p != NULL && p->name != NULL; p++)
        if (str_eq(str_c(p->name), name))
            return p;
    return NULL;
}

static void check_param(struct request *rq, const struct param *p, str value)
{
    int64_t n;
    char at[80];

    snprintf(at, sizeof(at), "/?%s", p->name);
    if (p->type == PT_INT && (!str_i64(value, &n) || n < p->min || n > p->max))
        errs_pointer(&rq->errs, at, -EINVAL, "api.param_int", err_n(p->min), err_n(p->max));
    if (p->type == PT_BOOL && !value_allowed("0 1 true false", value))
        errs_pointer(&rq->errs, at, -EINVAL, "api.param_bool", NULL, NULL);
    if (p->type == PT_TEXT && p->max > 0 && value.n > (size_t)p->max)
        errs_pointer(&rq->errs, at, -EINVAL, "api.too_long", err_n(p->max), NULL);
    if (p->type == PT_TEXT && p->values != NULL && value.n > 0 && !value_allowed(p->values, value))
        errs_pointer(&rq->errs, at, -EINVAL, "api.param_value", p->values, NULL);
}

static int check_query(struct request *rq, struct err *e)
{
    for (size_t i = 0; i < rq->nquery; i++) {
        const struct param *p = param_of(rq->route, rq->query[i].name);
        char at[80];
        snprintf(at, sizeof(at), "/?%.*s", (int)utf8_cut(rq->query[i].name, 60), rq->query[i].name.p);
        if (p != NULL)
            check_param(rq, p, rq->query[i].value);
        else if (!(rq->route->flags & RF_FILTERS))
            errs_pointer(&rq->errs, at, -EINVAL, "api.param_unknown", err_s(rq->query[i].name), NULL);
    }
    return rq->errs.n > 0 ? ERR(e, HTTP_ERR(400), "api.bad_query") : 0;
}

static int check_head(struct request *rq, struct err *e)
{
    str length = request_header(rq, "Content-Length");
    uint64_t n;

    if ((rq->route->flags & RF_IF_MATCH) && request_header(rq, "If-Match").p == NULL)
        return ERR(e, HTTP_ERR(428), "api.if_match_missing");
    if (length.p != NULL && str_u64(length, &n) && n > request_body_max(rq))
        return ERR(e, HTTP_ERR(413), "api.body_too_large", err_n((int64_t)request_body_max(rq)));
    return 0;
}

static int take_reason(struct request *rq, struct err *e)
{
    str sent = request_header(rq, "X-Reason"), text;

    if (sent.p == NULL)
        return 0;
    if (!url_decode(&rq->a, sent, false, &text) || text.n > 2000)
        return ERR(e, HTTP_ERR(400), "api.bad_reason");
    rq->auth.actor.reason = str_trim(text);
    return 0;
}

static int begin(struct request *rq, struct response *rs, struct err *e)
{
    int rc = find_route(rq, rs, e);

    if (rc == 0 && !(rq->route->flags & RF_OPEN)) {
        rc = find_auth(rq, e);
        if (rc == 0)
            rc = check_rights(rq, e);
    }
    if (rc == 0)
        rc = check_query(rq, e);
    if (rc == 0)
        rc = check_head(rq, e);
    return rc < 0 ? rc : take_reason(rq, e);
}

static bool is_api(str path)
{
    str base = STR(API_BASE);
    return str_starts(path, base) && (path.n == base.n || path.p[base.n] == '/');
}

bool api_begin(struct request *rq, struct response *rs)
{
    struct err e = {0};
    int rc;

    request_language(rq);
    if (!is_api(rq->path)) {
        static_serve(rq, rs);
        return false;
    }
    rc = begin(rq, rs, &e);
    if (rc < 0)
        reply_problem(rq, rs, rc, &e);
    return rc == 0;
}

static int check_type(struct request *rq, const char *want, struct err *e)
{
    str type = request_header(rq, "Content-Type"), head = STR_NONE;

    if (rq->body.n == 0)
        return 0;
    str_split(&type, ';', &head);
    if (!str_eq_nocase(str_trim(head), str_c(want)))
        return ERR(e, HTTP_ERR(415), "api.content_type", want);
    return 0;
}

static const char *type_name(json_type t)
{
    static const char *const names[] = {"object", "array", "string", "integer", "real", "true", "false", "null"};
    return names[t];
}

/* JSON_TRUE stands for either truth value. */
static bool member_fits(const struct member *m, const json_t *v)
{
    return m->type == JSON_TRUE ? json_is_boolean(v) : json_typeof(v) == m->type;
}

/* Characters of a text, items of a list, a number from 0 on: at most max. */
static bool member_too_long(const struct member *m, const json_t *v)
{
    switch (m->type) {
    case JSON_STRING:
        return json_string_length(v) > m->max;
    case JSON_INTEGER:
        return json_integer_value(v) < 0 || (uint64_t)json_integer_value(v) > m->max;
    default:
        return json_array_size(v) > m->max;
    }
}

static const struct member *member_of(const struct member *spec, const char *name)
{
    for (; spec->name != NULL; spec++)
        if (strcmp(spec->name, name) == 0)
            return spec;
    return NULL;
}

static void check_members(struct request *rq, const struct member *spec)
{
    const char *name;
    json_t *v;
    char at[160];

    for (const struct member *m = spec; m->name != NULL; m++) {
        snprintf(at, sizeof(at), "/%s", m->name);
        v = json_object_get(rq->json, m->name);
        if (v == NULL || (json_is_null(v) && !m->required)) {
            if (m->required)
                errs_pointer(&rq->errs, at, -EINVAL, "api.member_missing", m->name, NULL);
        } else if (!member_fits(m, v)) {
            errs_pointer(&rq->errs, at, -EINVAL, "api.member_type", type_name(m->type), type_name(json_typeof(v)));
        } else if (member_too_long(m, v)) {
            errs_pointer(&rq->errs, at, -EINVAL, m->type == JSON_INTEGER ? "api.too_many" : "api.too_long",
                         err_n((int64_t)m->max), NULL);
        }
    }
    json_object_foreach(rq->json, name, v)
    {
        if (member_of(spec, name) == NULL) {
            snprintf(at, sizeof(at), "/%.*s", (int)utf8_cut(str_c(name), 100), name);
            errs_pointer(&rq->errs, at, -EINVAL, "api.member_unknown", err_s(str_c(name)), NULL);
        }
    }
}

static int take_json(struct request *rq, struct err *e)
{
    int rc = check_type(rq, "application/json", e);

    if (rc < 0)
        return rc;
    if (rq->body.n == 0)
        return ERR(e, HTTP_ERR(400), "api.body_missing");
    rc = json_read(rq->body, API_JSON_DEPTH, &rq->json, e);
    if (rc < 0)
        return rc == -E2BIG ? ERR(e, HTTP_ERR(400), "api.too_deep", err_n(API_JSON_DEPTH)) : rc;
    if (!json_is_object(rq->json))
        return ERR(e, HTTP_ERR(422), "api.body_object", type_name(json_typeof(rq->json)));
    if (rq->route->body != NULL)
        check_members(rq, rq->route->body);
    return rq->errs.n > 0 ? ERR(e, -EINVAL, "api.bad_body") : 0;
}

static int take_body(struct request *rq, struct err *e)
{
    const struct route *r = rq->route;

    if (rq->body.n > request_body_max(rq))
        return ERR(e, HTTP_ERR(413), "api.body_too_large", err_n((int64_t)request_body_max(rq)));
    if (r->body != NULL || (r->flags & RF_RECORD))
        return take_json(rq, e);
    return 0;
}

void api_finish(struct request *rq, struct response *rs)
{
    struct err e = {0};
    str key = request_header(rq, "Idempotency-Key");
    int rc = take_body(rq, &e);

    rs->status = rq->route->status;
    if (rc == 0)
        rc = (rq->route->flags & RF_IDEMPOTENT) && key.p != NULL ? idempotency_run(rq, rs, key, &e)
                                                                 : rq->route->fn(rq, rs, &e);
    if (rc == 0 && rq->a.failed)
        rc = ERR(&e, -ENOMEM, "api.reply_too_large");
    if (rc < 0) {
        if (rs->stream != NULL)
            rs->stream->free(rs->stream);
        rs->stream = NULL;
        reply_problem(rq, rs, rc, &e);
    }
    if (rs->status >= 500)
        log_err(LOG_ERROR, "api_error", &e);
}

void api_dispatch(struct request *rq, struct response *rs)
{
    if (api_begin(rq, rs))
        api_finish(rq, rs);
}
