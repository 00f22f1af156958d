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
    const struct cluster_source *s = ctx;
    struct ch *c = NULL;
    int rc = cluster_open(s->api, s->of, &c, e);

    if (rc == 0)
        rc = (s->of == CH_FLOWS ? ch_flow_rows : ch_rows)(c, q, o, fn, fn_ctx, st, e);
    ch_close(c);
    return cluster_told(s->api, s->of, rc, e);
}

static int cluster_fold(void *ctx, const struct query *q, const struct search_opts *o, uint64_t want,
                        source_group_fn *fn, void *fn_ctx, struct search_stats *st, struct err *e)
{
    const struct cluster_source *s = ctx;
    struct ch *c = NULL;
    int rc = cluster_open(s->api, s->of, &c, e);

    if (rc == 0)
        rc = (s->of == CH_FLOWS ? ch_flow_fold : ch_fold)(c, q, o, fn, fn_ctx, st, e);
    ch_close(c);
    return cluster_told(s->api, s->of, rc, e);
}

static void source_add(struct query_world *w, struct row_source *r, const char *name, const char *label,
                       const struct cluster_source *s)
{
    r->name = name;
    r->label = label;
    r->scan = cluster_scan;
    r->fold = cluster_fold;
    r->ctx = (void *)(uintptr_t)s;
    w->list[w->env.nsources++] = r;
}

void query_cluster_sources(struct query_world *w, struct api *api)
{
    w->of_cluster[0] = (struct cluster_source){api, CH_EVENTS};
    w->of_cluster[1] = (struct cluster_source){api, CH_FLOWS};
    w->cluster = query_logs;
    source_add(w, &w->cluster, "cluster", "journal.source.cluster", &w->of_cluster[0]);
    w->cluster_flows = query_flows;
    w->cluster_flows.more = &w->nets;
    source_add(w, &w->cluster_flows, "cluster-flows", "journal.source.cluster_flows", &w->of_cluster[1]);
}
