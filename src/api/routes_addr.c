/* Chapter "Addresses" of docs/api.md: thin over registry/addr.h. */
#include "api/routes-int.h"
#include "registry/addr.h"
#include <errno.h>

int route_prefix_tree(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL;
    int rc = addr_tree(rq->api->d.registry, &rq->auth.actor, rq->arg[0], request_query(rq, "from"),
                       (size_t)request_query_int(rq, "limit", 0), &out, e);

    if (rc == -EINVAL)
        return e->code = HTTP_ERR(400);
    return rc < 0 ? rc : reply_json(rq, rs, 200, out);
}

int route_prefix_free(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL;
    int rc = addr_free(rq->api->d.registry, &rq->auth.actor, rq->arg[0], (size_t)request_query_int(rq, "n", 1),
                       (unsigned)request_query_int(rq, "length", 0), &out, e);

    if (rc == -EINVAL)
        return e->code = HTTP_ERR(400);
    return rc < 0 ? rc : reply_json(rq, rs, 200, out);
}

int route_prefix_allocate(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL;
    int rc = addr_allocate(rq->api->d.registry, &rq->auth.actor, rq->arg[0], rq->json, &out, &rq->errs, e);

    return rc < 0 ? rc : reply_json(rq, rs, 201, out);
}

int route_dns_derived(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL;
    int rc = dns_derived(rq->api->d.registry, &rq->auth.actor, request_query(rq, "zone"), &out, e);

    return rc < 0 ? rc : reply_json(rq, rs, 200, out);
}
