/* Personal data: told whenever it is read, handed out whole, blanked by law. */
#include "api/routes-int.h"
#include "registry/personal.h"
#include <errno.h>

enum { TOLD_IDS = 50 };

static const struct kind *kind_of(struct request *rq)
{
    return schema_kind(registry_schema(rq->api->d.registry), rq->arg[0]);
}

static bool has_value(const struct kind *k, const json_t *rec)
{
    char name[128];

    for (size_t i = 0; i < k->nfields; i++) {
        if (!k->fields[i].personal)
            continue;
        snprintf(name, sizeof(name), "%.*s", STR_ARGS(k->fields[i].name));
        const json_t *v = json_object_get(rec, name);
        if (v != NULL && !json_is_null(v))
            return true;
    }
    return false;
}

static void tell(struct request *rq, const char *how, const char *ids, size_t n)
{
    struct buf b;

    buf_init(&b, 512);
    quoted(&b, rq->auth.actor.name);
    buf_byte(&b, 0);
    if (!b.failed)
        self_event(rq->api, 6, "event=personal_read by=%s kind=%.*s how=%s records=%zu ids=%s src_ip=%.*s", b.p,
                   STR_ARGS(rq->arg[0]), how, n, ids, STR_ARGS(rq->peer));
    buf_done(&b);
}

void personal_told(struct request *rq, const char *how, const json_t *records)
{
    const struct kind *k = kind_of(rq);
    char ids[TOLD_IDS * 21 + 4];
    size_t i, n = 0, len = 0;
    json_t *one;

    if (k == NULL || !kind_personal(k))
        return;
    ids[0] = '\0';
    if (json_is_array(records)) {
        json_array_foreach(records, i, one)
        {
            if (!has_value(k, one))
                continue;
            if (n++ < TOLD_IDS)
                len += (size_t)snprintf(ids + len, sizeof(ids) - len, "%s%lld", n > 1 ? "," : "",
                                        (long long)json_get_int(one, "id", 0));
        }
    } else if (records == NULL || has_value(k, records)) { /* NULL: the one that the path names */
        n = 1;
        if (records != NULL)
            snprintf(ids, sizeof(ids), "%lld", (long long)json_get_int(records, "id", 0));
        else
            snprintf(ids, sizeof(ids), "%.*s", rq->arg[1].n > 60 ? 60 : (int)rq->arg[1].n, rq->arg[1].p);
    }
    if (n > 0)
        tell(rq, how, ids, n);
}

void personal_told_rows(struct request *rq, const char *how)
{
    const struct kind *k = kind_of(rq);

    if (k != NULL && kind_personal(k))
        tell(rq, how, "*", 0);
}

int route_personal_get(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL;
    int rc = registry_personal_export(rq->api->d.registry, &rq->auth.actor, rq->arg[0], rq->arg[1], &out, e);

    if (rc < 0)
        return rc;
    personal_told(rq, "export", json_object_get(out, "record"));
    return reply_json(rq, rs, 200, out);
}

int route_personal_delete(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL;
    int64_t rev = 0;
    int rc = request_rev(rq, &rev, e);

    if (rc == 0)
        rc = registry_personal_blank(rq->api->d.registry, &rq->auth.actor, rq->arg[0], rq->arg[1], rev, &out, &rq->errs,
                                     e);
    return rc < 0 ? rc : reply_json(rq, rs, 200, out);
}
