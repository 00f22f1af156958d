/* Answers: JSON, records with their ETag, and problems (RFC 9457) in the
 * language of the person. The one table from errors to status codes. */
#include "api/api-int.h"
#include <errno.h>
#include <stdarg.h>

static const struct {
    int code, status;
} statuses[] = {
    {-EMEDIUMTYPE, 415}, {-ENOENT, 404},    {-EACCES, 403}, {-EPERM, 403},     {-ESTALE, 412},  {-EEXIST, 409},
    {-EBUSY, 409},       {-ENOTEMPTY, 409}, {-EILSEQ, 422}, {-EROFS, 503},     {-EINVAL, 422},  {-ERANGE, 422},
    {-EBADMSG, 400},     {-E2BIG, 422},     {-EFBIG, 413},  {-ENOSPC, 507},    {-EDQUOT, 507},  {-ETIME, 504},
    {-ETIMEDOUT, 504},   {-EAGAIN, 503},    {-ENOMEM, 503}, {-ESHUTDOWN, 503}, {-ENOTSUP, 501}, {-ENOSYS, 501},
};

int status_of(int code)
{
    if (code <= HTTP_ERR(400))
        return -code - 1000;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
        if (statuses[i].code == code)
            return statuses[i].status;
    return 500;
}

void reply_header(struct request *rq, struct response *rs, const char *name, const char *fmt, ...)
{
    char text[2048]; /* a name of a document, each of its bytes as %XX, and more */
    va_list ap;

    if (rs->nheader == RS_HEADERS)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    char *copy = arena_cstr(&rq->a, str_c(text));
    if (copy != NULL)
        rs->header[rs->nheader++] = (struct pair){str_c(name), str_c(copy)};
}

static int add_chunk(const char *p, size_t n, void *ctx)
{
    struct buf *b = ctx;
    buf_add(b, p, n);
    return b->failed ? -1 : 0;
}

int reply_json(struct request *rq, struct response *rs, int status, json_t *v)
{
    buf_clear(&rs->body);
    int rc = v != NULL ? json_dump_callback(v, add_chunk, &rs->body, JSON_COMPACT) : -1;
    json_decref(v);
    if (rc < 0 || rs->body.failed) {
        struct err e = {0};
        int code = ERR(&e, -ENOMEM, "api.reply_too_large");
        reply_problem(rq, rs, code, &e);
        return 0;
    }
    rs->status = status;
    rs->type = "application/json; charset=utf-8";
    return 0;
}

int reply_record(struct request *rq, struct response *rs, int status, json_t *v)
{
    reply_header(rq, rs, "ETag", "\"%lld\"", (long long)json_get_int(v, "rev", 0));
    return reply_json(rq, rs, status, v);
}

void errs_pointer(struct errs *es, const char *pointer, int code, const char *key, const char *arg0, const char *arg1)
{
    struct err e = {0};
    ERR(&e, code, key, arg0 != NULL ? arg0 : "", arg1 != NULL ? arg1 : "");
    err_at(&e, pointer, 0, 0);
    errs_add(es, &e);
}

/* "row 7, column serial, sheet Thiết bị" (a sheet) or "/fields/serial" (a record)
 * to members. Column and sheet may hold a comma themselves. */
static void put_place(json_t *o, str at)
{
    int64_t row;
    str rest = str_sub(at, 4, at.n);
    size_t sheet = str_find(at, STR(", sheet ")), column = str_find(at, STR(", column "));

    if (str_starts(at, STR("/"))) {
        if (str_starts(at, STR("/fields/")))
            at = str_sub(at, sizeof("/fields") - 1, at.n);
        json_object_set_new(o, "pointer", json_from_str(at));
        return;
    }
    if (!str_starts(at, STR("row ")) || !str_i64(str_sub(rest, 0, str_find(rest, STR(","))), &row)) {
        if (at.n > 0)
            json_object_set_new(o, "at", json_from_str(at));
        return;
    }
    json_object_set_new(o, "row", json_integer(row));
    if (sheet != SIZE_MAX)
        json_object_set_new(o, "sheet", json_from_str(str_sub(at, sheet + 8, at.n)));
    if (column != SIZE_MAX && column < sheet)
        json_object_set_new(o, "column", json_from_str(str_sub(str_sub(at, 0, sheet), column + 9, at.n)));
}

static json_t *error_json(const struct err *e, enum lang lang)
{
    char text[1024];
    json_t *o = json_object();

    put_place(o, str_c(e->at));
    err_sentence(e, lang, text, sizeof(text));
    json_object_set_new(o, "detail", json_from_str(str_c(text)));
    json_object_set_new(o, "code", json_string(e->key));
    if (e->line > 0)
        json_object_set_new(o, "line", json_integer(e->line));
    if (e->col > 0)
        json_object_set_new(o, "column", json_integer(e->col));
    return o;
}

json_t *errs_json(const struct errs *es, enum lang lang)
{
    json_t *list = json_array();

    for (size_t i = 0; i < es->n; i++)
        json_array_append_new(list, error_json(&es->v[i], lang));
    return list;
}

static void put_errors(json_t *o, const struct errs *es, enum lang lang)
{
    json_object_set_new(o, "errors", errs_json(es, lang));
    if (es->total > es->n)
        json_object_set_new(o, "errors_total", json_integer((json_int_t)es->total));
}

void reply_problem(struct request *rq, struct response *rs, int code, const struct err *e)
{
    char text[1024], key[64], type[96];
    /* Too many at the store at once is nobody's conflict. */
    int status = e->key != NULL && strcmp(e->key, "store.busy") == 0 ? 503 : status_of(code);
    const struct err *said = e->key == NULL && rq->errs.n > 0 ? &rq->errs.v[0] : e;
    const char *name = said->key != NULL ? said->key : "api.internal";
    struct err unknown = {.key = name};
    json_t *o = json_object();

    snprintf(type, sizeof(type), "urn:luy:%s", name);
    json_object_set_new(o, "type", json_string(type));
    snprintf(key, sizeof(key), "%s%d", "api.title.", status);
    json_object_set_new(o, "title", json_from_str(str_c(msg_get(key, rq->lang) ? msg_get(key, rq->lang) : name)));
    json_object_set_new(o, "status", json_integer(status));
    err_sentence(said->key != NULL ? said : &unknown, rq->lang, text, sizeof(text));
    json_object_set_new(o, "detail", json_from_str(str_c(text)));
    if (said == e && e->col > 0)
        json_object_set_new(o, "column", json_integer(e->col));
    if (said == e && e->line > 0)
        json_object_set_new(o, "line", json_integer(e->line));
    if (rq->errs.n > 0)
        put_errors(o, &rq->errs, rq->lang);

    buf_clear(&rs->body);
    rs->body.failed = false;
    json_dump_callback(o, add_chunk, &rs->body, JSON_COMPACT);
    json_decref(o);
    rs->status = status;
    rs->type = "application/problem+json; charset=utf-8";
    if (status == 401)
        reply_header(rq, rs, "WWW-Authenticate", "Bearer realm=\"luy\"");
    if (status == 503 || status == 429)
        reply_header(rq, rs, "Retry-After", "5");
}
