/* Chapter "Observed" of docs/api.md. */
#include "api/query_env.h"
#include "api/routes-int.h"
#include <errno.h>

enum { DAY_S = 24 * 3600 };

static int parse_query(struct request *rq, struct query_world *w, struct query **q, struct err *e)
{
    int rc = query_world_init(w, rq->api, &rq->a, rq->now, e);

    if (rc == 0)
        rc = query_world_parse(w, &rq->a, request_query(rq, "query"), q, e);
    if (rc == 0 && (*q)->source != &query_logs)
        rc = ERR(e, HTTP_ERR(400), "api.query_steps");
    return rc;
}

/* A regular expression that ran wild is the asker's affair. */
static int fault_of(const struct query *q, struct err *e)
{
    int rc = query_fault(q, e);
    return rc == -ELOOP ? (e->code = HTTP_ERR(400)) : rc;
}

static struct search_opts options(struct request *rq, struct query_run *run)
{
    struct search_opts o = query_run_opts(rq, run);

    o.limit = (uint64_t)request_query_int(rq, "limit", 100);
    return o;
}

/* What was found until the deadline, or until its owner ended the search, is an answer. */
static bool is_part(int rc) { return rc == -ETIME || rc == -ECANCELED; }

static void put_stats(struct buf *b, struct request *rq, const struct search_stats *st, int64_t started, int rc)
{
    buf_fmt(
        b,
        "\"stats\":{\"hits\":%llu,\"scanned_events\":%llu,\"scanned_blocks\":%llu,\"skipped_blocks\":%llu,\"ms\":%lld,"
        "\"bad_blocks\":%llu,\"timed_out\":%s,\"cancelled\":%s}",
        (unsigned long long)st->hits, (unsigned long long)st->scanned_events, (unsigned long long)st->scanned_blocks,
        (unsigned long long)st->skipped_blocks, (long long)((clock_mono(rq->api->d.clock) - started) / NS_PER_MS),
        (unsigned long long)st->bad_blocks, rc == -ETIME ? "true" : "false", rc == -ECANCELED ? "true" : "false");
}

static int reply_buf(struct response *rs, const char *type, struct err *e)
{
    if (rs->body.failed)
        return ERR(e, -EFBIG, "api.reply_too_large");
    rs->status = 200;
    rs->type = type;
    return 0;
}

struct page {
    struct buf *b;
    uint64_t last;
    size_t n;
    bool full;
};

static bool add_hit(void *ctx, const struct hit *h)
{
    struct page *p = ctx;

    if (p->n > 0)
        buf_byte(p->b, ',');
    event_write(p->b, h);
    p->n++;
    p->last = h->seq;
    p->full = p->b->n > API_PAGE_BYTES; /* 1,000 lines of 64 KiB do not fit a page */
    return !p->full;
}

static int search(struct request *rq, struct response *rs, const struct query *q, struct query_run *run, struct err *e)
{
    struct search_opts o = options(rq, run);
    struct search_stats st = {0};
    struct page p = {.b = &rs->body};
    int64_t started = clock_mono(rq->api->d.clock);

    buf_z(&rs->body, "{\"items\":[");
    int rc = journal_search(rq->api->d.journal, q, &o, add_hit, &p, &st, e);
    if (rc == 0)
        rc = fault_of(q, e);
    if (rc < 0 && !is_part(rc))
        return rc;
    buf_z(&rs->body, "],\"next\":");
    if ((st.more || p.full || rc < 0) && p.n > 0)
        buf_fmt(&rs->body, "%llu,", (unsigned long long)p.last);
    else
        buf_z(&rs->body, "null,");
    put_stats(&rs->body, rq, &st, started, rc);
    buf_byte(&rs->body, '}');
    return reply_buf(rs, "application/json; charset=utf-8", e);
}

static void put_rows(struct buf *b, const struct query *q, const struct agg *agg)
{
    buf_z(b, "{\"rows\":[");
    for (size_t i = 0; i < agg->n; i++) {
        buf_z(b, i > 0 ? ",{\"keys\":[" : "{\"keys\":[");
        for (size_t k = 0; k < agg->rows[i].nkeys; k++) {
            if (k > 0)
                buf_byte(b, ',');
            buf_json(b, agg->rows[i].keys[k]);
        }
        buf_fmt(b, "],\"count\":%llu}", (unsigned long long)agg->rows[i].count);
    }
    buf_z(b, "],\"columns\":[");
    for (size_t i = 0; i < q->nby; i++)
        buf_fmt(b, "%s\"%s\"", i > 0 ? "," : "", query_fields[q->by[i]].name);
    if (q->pipe == QP_HISTOGRAM)
        buf_z(b, "\"at\"");
    buf_fmt(b, "],\"total\":%llu,\"other\":%llu,", (unsigned long long)agg->total, (unsigned long long)agg->other);
}

static int aggregate(struct request *rq, struct response *rs, const struct query *q, struct query_run *run,
                     struct err *e)
{
    struct search_opts o = options(rq, run);
    struct search_stats st = {0};
    struct agg agg = {0};
    int64_t started = clock_mono(rq->api->d.clock);

    o.limit = 0;
    int rc = journal_aggregate(rq->api->d.journal, &rq->a, q, &o, &agg, &st, e);
    if (rc == 0)
        rc = fault_of(q, e);
    if (rc < 0 && !is_part(rc))
        return rc;
    put_rows(&rs->body, q, &agg);
    put_stats(&rs->body, rq, &st, started, rc);
    buf_byte(&rs->body, '}');
    return reply_buf(rs, "application/json; charset=utf-8", e);
}

static int events_get(struct request *rq, struct response *rs, const struct query *q, struct query_run *run,
                      struct err *e)
{
    return q->pipe == QP_NONE ? search(rq, rs, q, run, e) : aggregate(rq, rs, q, run, e);
}

/* Parses, takes a place among the running queries, asks, gives it back. */
static int with_query(struct request *rq, struct response *rs, struct err *e,
                      int (*fn)(struct request *, struct response *, const struct query *, struct query_run *,
                                struct err *),
                      bool steps)
{
    struct query_world w = {0};
    struct query_run *run = NULL;
    struct query *q;
    int rc = parse_query(rq, &w, &q, e);

    if (rc == 0 && q->pipe == QP_STREAM && !steps)
        rc = ERR(e, HTTP_ERR(400), "api.query_steps");
    if (rc == 0 && (rc = query_run_begin(rq, request_query(rq, "id"), &run, e)) == 0) {
        if (q->limit > 1000)
            q->limit = 1000;
        if (request_query(rq, "limit").p == NULL && q->limit > 0)
            rq->query[rq->nquery < API_QUERY_MAX ? rq->nquery++ : API_QUERY_MAX - 1] =
                (struct pair){STR("limit"), arena_fmt(&rq->a, "%llu", (unsigned long long)q->limit)};
        rc = fn(rq, rs, q, run, e);
        query_run_end(rq->api, run);
    }
    query_world_done(&w);
    return rc;
}

int route_events_get(struct request *rq, struct response *rs, struct err *e)
{
    return with_query(rq, rs, e, events_get, false);
}

/* Steps that people read: 1 s, 5 s, 1 min, ... 1 d; the first that needs no
 * more than the buckets asked for. */
static int64_t step_of(int64_t span_s, int64_t buckets)
{
    static const int32_t steps[] = {1,   2,   5,    10,   15,   30,    60,    120,   300,
                                    600, 900, 1800, 3600, 7200, 14400, 21600, 43200, DAY_S};

    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
        if (span_s <= steps[i] * buckets)
            return steps[i];
    return (span_s / buckets / DAY_S + 1) * DAY_S;
}

static void put_time(struct buf *b, int64_t s)
{
    char text[40];
    time_fmt(s * NS_PER_S, 0, text, sizeof(text));
    buf_fmt(b, "\"%s\"", text);
}

/* The engine gives the buckets that hold something; a chart wants them all. */
static int put_buckets(struct request *rq, struct buf *b, const struct agg *agg, int64_t from, int64_t to, int64_t step,
                       struct err *e)
{
    size_t n = (size_t)((to - from + step - 1) / step);
    uint64_t *counts = arena_array(&rq->a, uint64_t, n + 1);
    int64_t ns;

    if (counts == NULL)
        return ERR(e, -ENOMEM, "api.reply_too_large");
    for (size_t i = 0; i < agg->n; i++)
        if (time_parse(agg->rows[i].keys[0], &ns) && ns / NS_PER_S >= from &&
            (size_t)((ns / NS_PER_S - from) / step) < n)
            counts[(ns / NS_PER_S - from) / step] += agg->rows[i].count;
    for (size_t i = 0; i < n; i++) {
        buf_z(b, i > 0 ? ",{\"at\":" : "{\"at\":");
        put_time(b, from + (int64_t)i * step);
        buf_fmt(b, ",\"count\":%llu}", (unsigned long long)counts[i]);
    }
    return 0;
}

static int histogram(struct request *rq, struct response *rs, const struct query *asked, struct query_run *run,
                     struct err *e)
{
    struct search_opts o = options(rq, run);
    struct search_stats st = {0};
    struct agg agg = {0};
    struct query own = *asked, *q = &own;
    int64_t now = rq->now / NS_PER_S, from, to, step;
    int rc;

    to = q->until_ns == INT64_MAX ? now + 1 : q->until_ns / NS_PER_S;
    from = q->since_ns == INT64_MIN ? to - DAY_S : q->since_ns / NS_PER_S;
    if (from >= to)
        return ERR(e, HTTP_ERR(400), "api.empty_span");
    step = step_of(to - from, request_query_int(rq, "buckets", 60));
    from -= ((from % step) + step) % step;
    q->pipe = QP_HISTOGRAM;
    q->nby = 0;
    q->limit = 0;
    q->step_ns = step * NS_PER_S;
    q->since_ns = q->since_ns == INT64_MIN ? from * NS_PER_S : q->since_ns;
    q->until_ns = q->until_ns == INT64_MAX ? to * NS_PER_S : q->until_ns;
    o.limit = o.before_seq = 0;
    rc = journal_aggregate(rq->api->d.journal, &rq->a, q, &o, &agg, &st, e);
    if (rc < 0 && !is_part(rc))
        return rc;
    buf_z(&rs->body, "{\"from\":");
    put_time(&rs->body, from);
    buf_z(&rs->body, ",\"to\":");
    put_time(&rs->body, to);
    buf_fmt(&rs->body, ",\"step_s\":%lld,\"rows\":[", (long long)step);
    rc = put_buckets(rq, &rs->body, &agg, from, to, step, e);
    buf_z(&rs->body, "]}");
    return rc < 0 ? rc : reply_buf(rs, "application/json; charset=utf-8", e);
}

int route_events_histogram(struct request *rq, struct response *rs, struct err *e)
{
    return with_query(rq, rs, e, histogram, true);
}

int route_events_tail(struct request *rq, struct response *rs, struct err *e)
{
    str text = request_query(rq, "query");
    int rc = tail_stream(rq, text.p != NULL ? text : STR(""), &rs->stream, e);

    rs->status = 200;
    rs->type = "text/event-stream; charset=utf-8";
    return rc;
}

int route_events_export(struct request *rq, struct response *rs, struct err *e)
{
    str text = request_query(rq, "query"), format = request_query(rq, "format");
    char id[33];
    int rc;

    if (format.n == 0)
        format = STR("text");
    rc = export_stream(rq, text.p != NULL ? text : STR(""), format, &rs->stream, id, e);
    rs->status = 200;
    rs->type = str_eq(format, STR("csv"))    ? "text/csv; charset=utf-8"
               : str_eq(format, STR("json")) ? "application/x-ndjson; charset=utf-8"
                                             : "text/plain; charset=utf-8";
    if (rc == 0)
        reply_header(rq, rs, "X-Luy-Export", "%s", id);
    if (rc == 0)
        reply_header(rq, rs, "Content-Disposition", "attachment; filename=\"events.%s\"",
                     str_eq(format, STR("csv"))    ? "csv"
                     : str_eq(format, STR("json")) ? "jsonl"
                                                   : "log");
    return rc;
}

static json_t *values_json(const char *const *v)
{
    json_t *list = json_array();
    for (; *v != NULL; v++)
        json_array_append_new(list, json_string(*v));
    return list;
}

static json_t *label_json(const char *key)
{
    const char *vi = msg_get(key, LANG_VI), *en = msg_get(key, LANG_EN);
    return json_pack("{s:s,s:s}", "vi", vi != NULL ? vi : key, "en", en != NULL ? en : key);
}

static void put_fields(json_t *list, const struct source_field *f, size_t n)
{
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:s,s:s,s:o,s:o}", "name", f[i].name, "type",
                                              value_type_name(f[i].type), "label", label_json(f[i].label), "values",
                                              f[i].values != NULL ? values_json(f[i].values) : json_null()));
}

int route_query_fields_get(struct request *rq, struct response *rs, struct err *e)
{
    struct query_world w = {0};
    json_t *list = json_array(), *decoded = json_array(), *sources = json_array();
    int rc = query_world_init(&w, rq->api, &rq->a, rq->now, e);

    if (rc == 0) {
        put_fields(list, query_logs.fields, query_logs.nfields);
        if (w.env.resolver != NULL)
            put_fields(decoded, w.resolver.fields, w.resolver.nfields);
        for (size_t i = 0; i < w.env.nsources; i++) {
            json_t *fields = json_array();
            put_fields(fields, w.env.sources[i]->fields, w.env.sources[i]->nfields);
            json_array_append_new(sources, json_pack("{s:s,s:o,s:o}", "name", w.env.sources[i]->name, "label",
                                                     label_json(w.env.sources[i]->label), "fields", fields));
        }
        rc =
            reply_json(rq, rs, 200, json_pack("{s:O,s:O,s:O}", "fields", list, "decoded", decoded, "sources", sources));
    }
    json_decref(list);
    json_decref(decoded);
    json_decref(sources);
    query_world_done(&w);
    return rc;
}

int route_sources_get(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL;
    int rc = judge_sources(rq->api->d.judge, &rq->auth.actor, &out, e);

    if (rc < 0)
        return rc;
    if (json_is_array(out))
        out = json_pack("{s:o}", "items", out);
    json_object_set_new(out, "exporters", exporters_json(rq->api));
    return reply_json(rq, rs, 200, out);
}
