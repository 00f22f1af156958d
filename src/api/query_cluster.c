/* The ClickHouse set as two sources of queries: logs and flows. */
#include "api/query_env.h"
#include "journal/ch_flow.h"
#include <errno.h>

/* Whether a node is gone or refuses, it is not the asker's mistake. Which shards are known to be away is said before
 * the server's own words. */
static int cluster_told(struct api *api, enum ch_kind of, int rc, struct err *e)
{
    const struct api_hooks *h = &api->d.hooks;
    struct api_behind away[CH_SHARDS_MAX];
    size_t n = 0, at = 0;

    if (rc != -EHOSTUNREACH && rc != -EBADMSG)
        return rc;
    if (h->cluster_behind != NULL && strcmp(e->key, "journal.ch_refused") == 0)
        n = h->cluster_behind(h->ctx, of, away, CH_SHARDS_MAX);
    for (size_t i = 0; i < n && at + 8 < ERR_ARG_MAX; i++)
        if (away[i].down)
            at += (size_t)snprintf(e->arg[2] + at, ERR_ARG_MAX - at, "%s%u", at == 0 ? "" : ", ", away[i].shard);
    if (at > 0)
        e->key = "api.cluster_away";
    return e->code = HTTP_ERR(503);
}

/* Each query has a client of its own: one call at a time is all that one can do. */
static int cluster_open(struct api *api, enum ch_kind of, struct ch **out, struct err *e)
{
    struct ch_cfg cfg = *api->d.cluster;

    cfg.kind = of;
    return ch_open(&cfg, api->d.clock, out, e);
}

static int cluster_scan(void *ctx, const struct query *q, const struct search_opts *o, source_row_fn *fn, void *fn_ctx,
                        struct search_stats *st, struct err *e)
{
    struct ch *c = NULL;
    int rc = cluster_open(ctx, CH_EVENTS, &c, e);

    if (rc == 0)
        rc = ch_rows(c, q, o, fn, fn_ctx, st, e);
    ch_close(c);
    return cluster_told(ctx, CH_EVENTS, rc, e);
}

static int cluster_fold(void *ctx, const struct query *q, const struct search_opts *o, uint64_t want,
                        source_group_fn *fn, void *fn_ctx, struct search_stats *st, struct err *e)
{
    struct ch *c = NULL;
    int rc = cluster_open(ctx, CH_EVENTS, &c, e);

    if (rc == 0)
        rc = ch_fold(c, q, o, fn, fn_ctx, st, e);
    ch_close(c);
    return cluster_told(ctx, CH_EVENTS, rc, e);
}

static int cluster_flows_scan(void *ctx, const struct query *q, const struct search_opts *o, source_row_fn *fn,
                              void *fn_ctx, struct search_stats *st, struct err *e)
{
    struct ch *c = NULL;
    int rc = cluster_open(ctx, CH_FLOWS, &c, e);

    if (rc == 0)
        rc = ch_flow_rows(c, q, o, fn, fn_ctx, st, e);
    ch_close(c);
    return cluster_told(ctx, CH_FLOWS, rc, e);
}

static int cluster_flows_fold(void *ctx, const struct query *q, const struct search_opts *o, uint64_t want,
                              source_group_fn *fn, void *fn_ctx, struct search_stats *st, struct err *e)
{
    struct ch *c = NULL;
    int rc = cluster_open(ctx, CH_FLOWS, &c, e);

    if (rc == 0)
        rc = ch_flow_fold(c, q, o, fn, fn_ctx, st, e);
    ch_close(c);
    return cluster_told(ctx, CH_FLOWS, rc, e);
}

void query_cluster_sources(struct query_world *w, struct api *api)
{
    w->cluster = query_logs;
    w->cluster.name = "cluster";
    w->cluster.label = "journal.source.cluster";
    w->cluster.scan = cluster_scan;
    w->cluster.fold = cluster_fold;
    w->cluster.ctx = api;
    w->list[w->env.nsources++] = &w->cluster;
    w->cluster_flows = query_flows;
    w->cluster_flows.name = "cluster-flows";
    w->cluster_flows.label = "journal.source.cluster_flows";
    w->cluster_flows.scan = cluster_flows_scan;
    w->cluster_flows.fold = cluster_flows_fold;
    w->cluster_flows.ctx = api;
    w->cluster_flows.more = &w->nets;
    w->list[w->env.nsources++] = &w->cluster_flows;
}
