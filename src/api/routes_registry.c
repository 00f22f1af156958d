/* Chapter "Registry" of docs/api.md: thin over registry.h. */
#include "api/routes-int.h"
#include <errno.h>

/* "name__ic=x" and "name=x" become filters; names of paging are not filters. */
static int take_filters(struct request *rq, struct list_query *q, struct err *e)
{
    static const char *const reserved[] = {"q", "order", "cursor", "limit", "count", "ended", "at"};

    for (size_t i = 0; i < rq->nquery; i++) {
        bool skip = false;
        for (size_t k = 0; k < sizeof(reserved) / sizeof(*reserved); k++)
            skip = skip || str_eq(rq->query[i].name, str_c(reserved[k]));
        if (skip)
            continue;
        if (q->nfilters == sizeof(q->filter) / sizeof(*q->filter))
            return ERR(e, HTTP_ERR(400), "api.too_many_filters", err_n((int64_t)q->nfilters));
        str name = rq->query[i].name, op = STR("eq");
        size_t cut = str_find(name, STR("__"));
        if (cut != SIZE_MAX) {
            op = str_sub(name, cut + 2, name.n);
            name = str_sub(name, 0, cut);
        }
        q->filter[q->nfilters].field = name;
        q->filter[q->nfilters].op = op;
        q->filter[q->nfilters++].value = rq->query[i].value;
    }
    return 0;
}

int request_list_query(struct request *rq, struct list_query *q, struct err *e)
{
    *q = (struct list_query){
        .q = request_query(rq, "q"),
        .order = request_query(rq, "order"),
        .cursor = request_query(rq, "cursor"),
        .limit = (size_t)request_query_int(rq, "limit", 50),
        .ended = request_query_bool(rq, "ended"),
        .count = request_query_bool(rq, "count"),
    };
    return take_filters(rq, q, e);
}

int request_at(struct request *rq, int64_t *at, struct err *e)
{
    str v = request_query(rq, "at");

    *at = INT64_MAX;
    if (v.p != NULL && !time_parse(v, at))
        return ERR(e, HTTP_ERR(400), "api.at_bad", S(v));
    return 0;
}

/* The exact part of a list that was asked for: all of it, unless limit is said. */
static int reply_csv(struct request *rq, struct response *rs, struct list_query *q, struct err *e)
{
    if (request_query(rq, "limit").p == NULL)
        q->limit = 0;
    int rc = registry_export_csv(rq->api->d.registry, &rq->auth.actor, rq->arg[0], q, &rs->body, e);
    if (rc < 0)
        return rc;
    if (rs->body.failed)
        return ERR(e, -EFBIG, "api.reply_too_large");
    personal_told_rows(rq, "csv");
    rs->status = 200;
    rs->type = "text/csv; charset=utf-8";
    reply_header(rq, rs, "Content-Disposition", "attachment; filename=\"%.*s.csv\"", STR_ARGS(rq->arg[0]));
    return 0;
}

int route_records_get(struct request *rq, struct response *rs, struct err *e)
{
    struct list_query q;
    json_t *out = NULL;
    int rc = request_list_query(rq, &q, e);

    if (rc < 0)
        return rc;
    int64_t at;
    rc = request_at(rq, &at, e);
    if (rc < 0)
        return rc;
    if (at == INT64_MAX && reply_wants(rq, "text/csv"))
        return reply_csv(rq, rs, &q, e);
    if (at == INT64_MAX && reply_wants(rq, XLSX_TYPE)) {
        if (request_query(rq, "limit").p == NULL)
            q.limit = 0;
        return reply_xlsx(rq, rs, &q, e);
    }
    if (at != INT64_MAX)
        rc = registry_list_at(rq->api->d.registry, &rq->auth.actor, rq->arg[0], &q, at, &out, e);
    else
        rc = registry_list(rq->api->d.registry, &rq->auth.actor, rq->arg[0], &q, &out, e);
    if (rc == -EINVAL)
        return e->code = HTTP_ERR(400);
    if (rc == 0)
        personal_told(rq, "list", json_object_get(out, "items"));
    return rc < 0 ? rc : reply_json(rq, rs, 200, out);
}

int route_records_post(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL;

    if (request_query_bool(rq, "plan"))
        return reply_preview(rq, rs, "create", e);
    int rc = registry_create(rq->api->d.registry, &rq->auth.actor, rq->arg[0], rq->json, &out, &rq->errs, e);

    if (rc < 0)
        return rc;
    reply_header(rq, rs, "Location", API_BASE "/%.*s/%lld", STR_ARGS(rq->arg[0]),
                 (long long)json_get_int(out, "id", 0));
    return reply_record(rq, rs, 201, out);
}

int route_record_get(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL;
    int64_t at;
    int rc = request_at(rq, &at, e);

    if (rc == 0 && at != INT64_MAX)
        rc = registry_get_at(rq->api->d.registry, &rq->auth.actor, rq->arg[0], rq->arg[1], at, &out, e);
    else if (rc == 0)
        rc = registry_get(rq->api->d.registry, &rq->auth.actor, rq->arg[0], rq->arg[1], &out, e);
    if (rc == 0)
        personal_told(rq, "record", out);
    return rc < 0 ? rc : reply_record(rq, rs, 200, out);
}

/* If-Match: "7", W/"7" or 7. */
int request_rev(struct request *rq, int64_t *rev, struct err *e)
{
    str v = str_trim(request_header(rq, "If-Match"));

    if (str_starts(v, STR("W/")))
        v = str_sub(v, 2, v.n);
    if (v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"')
        v = str_sub(v, 1, v.n - 2);
    if (!str_i64(v, rev))
        return ERR(e, HTTP_ERR(400), "api.if_match_bad");
    return 0;
}

int route_record_patch(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL;
    int64_t rev = 0;

    if (request_query_bool(rq, "plan"))
        return reply_preview(rq, rs, "change", e);
    int rc = request_rev(rq, &rev, e);

    if (rc == 0)
        rc = registry_change(rq->api->d.registry, &rq->auth.actor, rq->arg[0], rq->arg[1], rev, rq->json, &out,
                             &rq->errs, e);
    return rc < 0 ? rc : reply_record(rq, rs, 200, out);
}

int route_record_delete(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL;
    int64_t rev = 0;

    if (request_query_bool(rq, "plan"))
        return reply_preview(rq, rs, "end", e);
    int rc = request_rev(rq, &rev, e);

    if (rc == 0)
        rc = registry_end(rq->api->d.registry, &rq->auth.actor, rq->arg[0], rq->arg[1], rev, &out, e);
    return rc < 0 ? rc : reply_record(rq, rs, 200, out);
}

int route_record_history(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL;
    int rc = registry_history(rq->api->d.registry, &rq->auth.actor, rq->arg[0], rq->arg[1], &out, e);

    if (rc == 0)
        personal_told(rq, "history", NULL);
    return rc < 0 ? rc : reply_json(rq, rs, 200, json_pack("{s:o}", "items", out));
}

int route_schema_get(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = schema_json(registry_schema(rq->api->d.registry));

    json_object_set_new(out, "file_max", json_integer((json_int_t)rq->api->cfg.file_max));
    return reply_json(rq, rs, 200, out);
}

int route_counts_get(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL;
    int rc = registry_counts(rq->api->d.registry, &rq->auth.actor, &out, e);
    return rc < 0 ? rc : reply_json(rq, rs, 200, out);
}
