/* Chapter "Find" of docs/api.md: thin over registry/find.h. */
#include "api/routes-int.h"
#include "registry/find.h"
#include <errno.h>

int route_find_get(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL;
    int rc = registry_find(rq->api->d.registry, &rq->auth.actor, request_query(rq, "q"), request_query(rq, "kind"),
                           (size_t)request_query_int(rq, "limit", 0), &out, e);

    if (rc == -ENOENT)
        return e->code = HTTP_ERR(400);
    return rc < 0 ? rc : reply_json(rq, rs, 200, out);
}
