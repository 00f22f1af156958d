/* Chapter "The service" of docs/api.md. */
#include "api/routes-int.h"
#include <errno.h>

int route_live_get(struct request *rq, struct response *rs, struct err *e)
{
    rs->type = "text/event-stream; charset=utf-8";
    return live_stream(rq, &rs->stream, e);
}

int route_stats_get(struct request *rq, struct response *rs, struct err *e)
{
    return reply_json(rq, rs, 200, stats_json(rq->api));
}

int route_health_get(struct request *rq, struct response *rs, struct err *e)
{
    struct journal_stats js;
    struct val v;
    struct tx *tx;
    int rc = store_begin(registry_store(rq->api->d.registry), STORE_READ, &tx, e);

    if (rc == 0) {
        rc = tx_one(tx, &rq->a, "SELECT 1", NO_VALS, &v, e);
        store_rollback(tx);
    }
    if (rc < 0)
        return ERR(e, HTTP_ERR(503), "api.registry_silent");
    journal_stats(rq->api->d.journal, &js);
    if (js.full)
        return ERR(e, HTTP_ERR(503), "api.disk_full");
    return reply_json(rq, rs, 200,
                      json_pack("{s:b,s:s}", "ok", 1, "role", judge_leads(rq->api->d.judge) ? "active" : "standby"));
}

int route_metrics_get(struct request *rq, struct response *rs, struct err *e)
{
    metrics_write(rq->api, &rs->body);
    rs->type = "text/plain; version=0.0.4; charset=utf-8";
    return 0;
}

int route_openapi_get(struct request *rq, struct response *rs, struct err *e)
{
    return reply_json(rq, rs, 200, openapi_json(rq->api, rq->lang));
}
