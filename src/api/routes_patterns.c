/* GET /events/patterns: kinds of lines, beside the same span a day before. */
#include "api/query_env.h"
#include "api/routes-int.h"
#include "journal/patterns.h"
#include <errno.h>

enum { DAY_S = 24 * 3600, ROWS_DEFAULT = 200 };

static uint64_t change_of(const struct pattern_row *r)
{
    return r->count > r->before ? r->count - r->before : r->before - r->count;
}

static int by_change(const void *a, const void *b)
{
    const struct pattern_row *x = a, *y = b;
    uint64_t cx = change_of(x), cy = change_of(y);

    if (cx != cy)
        return cx > cy ? -1 : 1;
    return str_cmp(x->text, y->text);
}

/* A value is written <*>. */
static void put_pattern(struct buf *b, str text)
{
    struct buf shown;

    buf_init(&shown, 4 * PATTERN_TEXT);
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == PATTERN_HOLE)
            buf_z(&shown, "<*>");
        else
            buf_byte(&shown, (uint8_t)text.p[i]);
    }
    buf_json(b, buf_view(&shown));
    buf_done(&shown);
}

static void put_row(struct buf *b, const struct pattern_row *r)
{
    struct buf q;

    buf_z(b, "{\"program\":");
    if (r->program.p == NULL)
        buf_z(b, "null");
    else
        buf_json(b, r->program);
    buf_z(b, ",\"pattern\":");
    put_pattern(b, r->text);
    buf_fmt(b, ",\"count\":%llu,\"before\":%llu,\"seq\":%llu,\"example\":", (unsigned long long)r->count,
            (unsigned long long)r->before, (unsigned long long)r->seq);
    buf_json(b, r->example);
    buf_z(b, ",\"query\":");
    buf_init(&q, 8192);
    pattern_query(&q, r);
    buf_json(b, buf_view(&q));
    buf_done(&q);
    buf_byte(b, '}');
}

static void put_time(struct buf *b, const char *name, int64_t ns)
{
    char t[40];

    time_fmt(ns, 0, t, sizeof(t));
    buf_fmt(b, "\"%s\":\"%s\",", name, t);
}

static void put_head(struct buf *b, const struct query *q, const struct patterns *p)
{
    buf_byte(b, '{');
    put_time(b, "from", q->since_ns);
    put_time(b, "to", q->until_ns);
    put_time(b, "before_from", q->since_ns - DAY_S * NS_PER_S);
    put_time(b, "before_to", q->until_ns - DAY_S * NS_PER_S);
    buf_fmt(b, "\"kinds\":%zu,\"total\":%llu,\"total_before\":%llu,\"other\":%llu,\"other_before\":%llu,\"rows\":[",
            p->n, (unsigned long long)p->total, (unsigned long long)p->total_before, (unsigned long long)p->other,
            (unsigned long long)p->other_before);
}

static int answer(struct request *rq, struct response *rs, const struct query *q, struct query_run *run, struct err *e)
{
    struct search_opts o = query_run_opts(rq, run);
    struct search_stats st;
    struct patterns p = {0};
    int64_t started = clock_mono(rq->api->d.clock);
    size_t limit = (size_t)request_query_int(rq, "limit", ROWS_DEFAULT);
    struct buf *b = &rs->body;

    o.before_seq = 0;
    int rc = journal_patterns(rq->api->d.journal, &rq->a, q, DAY_S * NS_PER_S, &o, &p, &st, e);
    if (rc == 0 && (rc = query_fault(q, e)) == -ELOOP)
        return e->code = HTTP_ERR(400);
    if (rc < 0 && rc != -ETIME && rc != -ECANCELED)
        return rc;
    if (p.n > 1 && str_eq(request_query(rq, "order"), STR("change")))
        qsort(p.rows, p.n, sizeof(p.rows[0]), by_change);
    put_head(b, q, &p);
    for (size_t i = 0; i < p.n && i < limit && b->n < API_PAGE_BYTES; i++) {
        if (i > 0)
            buf_byte(b, ',');
        put_row(b, &p.rows[i]);
    }
    buf_fmt(b,
            "],\"stats\":{\"scanned_events\":%llu,\"bad_blocks\":%llu,\"ms\":%lld,\"timed_out\":%s,\"cancelled\":%s}}",
            (unsigned long long)st.scanned_events, (unsigned long long)st.bad_blocks,
            (long long)((clock_mono(rq->api->d.clock) - started) / NS_PER_MS), rc == -ETIME ? "true" : "false",
            rc == -ECANCELED ? "true" : "false");
    if (b->failed)
        return ERR(e, -EFBIG, "api.reply_too_large");
    rs->status = 200;
    rs->type = "application/json; charset=utf-8";
    return 0;
}

/* Open ends become now and a day before it; steps say nothing about kinds. */
static int span_of(struct request *rq, struct query *q, struct err *e)
{
    if (q->source != &query_logs)
        return ERR(e, HTTP_ERR(400), "api.patterns_logs");
    if (q->until_ns == INT64_MAX)
        q->until_ns = rq->now + NS_PER_S;
    if (q->since_ns == INT64_MIN)
        q->since_ns = q->until_ns - DAY_S * NS_PER_S;
    return q->since_ns < q->until_ns ? 0 : ERR(e, HTTP_ERR(400), "api.empty_span");
}

int route_events_patterns(struct request *rq, struct response *rs, struct err *e)
{
    struct query_world w = {0};
    struct query_run *run;
    struct query *q;
    int rc = query_world_init(&w, rq->api, &rq->a, rq->now, e);

    if (rc == 0)
        rc = query_world_parse(&w, &rq->a, request_query(rq, "query"), &q, e);
    if (rc == 0)
        rc = span_of(rq, q, e);
    if (rc == 0 && (rc = query_run_begin(rq, request_query(rq, "id"), &run, e)) == 0) {
        rc = answer(rq, rs, q, run, e);
        query_run_end(rq->api, run);
    }
    query_world_done(&w);
    return rc;
}
