/* Chapter "Asking" of docs/api.md: one query over any source, what may come
 * next while it is typed, searches that are kept, exports that were taken. */
#include "api/query_env.h"
#include "api/query_rows.h"
#include "api/routes-int.h"
#include "base/log.h"
#include "journal/archive.h"
#include "journal/complete.h"
#include "journal/flow_guest.h"
#include "journal/sealed.h"
#include <errno.h>

enum { ROWS_MAX = 10000, OFFERS_MAX = 60, RECENT_S = 3600, SAVED_MAX = 500, NAME_MAX_CHARS = 120 };

/* ---- GET /query ---- */

static bool add_row(void *ctx, const struct source_value *v, size_t n)
{
    struct buf *b = ctx;

    if (b->p[b->n - 1] == ']')
        buf_byte(b, ',');
    rows_json_array(b, v, n);
    return b->n < API_PAGE_BYTES;
}

static void put_columns(struct buf *b, const struct query *q)
{
    struct pipe_column c[PIPE_COLUMNS_MAX];
    size_t n = pipe_columns(q, c);

    buf_z(b, "\"columns\":[");
    for (size_t i = 0; i < n; i++) {
        buf_z(b, i > 0 ? ",{\"name\":" : "{\"name\":");
        buf_json(b, c[i].name);
        buf_fmt(b, ",\"type\":\"%s\"}", value_type_name(c[i].type));
    }
    buf_z(b, "],");
}

static void put_query(struct buf *b, const struct query *q)
{
    struct buf text;

    buf_init(&text, 1 << 20);
    query_print(q, &text);
    buf_z(b, "{\"query\":");
    buf_json(b, buf_view(&text));
    buf_fmt(b, ",\"source\":\"%s\",", q->source->name);
    buf_done(&text);
}

static int reply_now(struct response *rs, struct err *e)
{
    if (rs->body.failed)
        return ERR(e, -EFBIG, "api.reply_too_large");
    rs->status = 200;
    rs->type = "application/json; charset=utf-8";
    return 0;
}

/* Rows that stream can be read on from the last one; what steps gather cannot. */
static bool can_go_on(const struct query *q)
{
    for (size_t i = 0; i < q->nsteps; i++)
        if (q->steps[i].kind != SK_FIELDS)
            return false;
    return true;
}

/* What the set lacked when it was asked: an answer of less than the journal has says so. */
struct behind {
    struct api_behind v[CH_SHARDS_MAX];
    size_t n;
};

static void behind_ask(struct request *rq, const struct query *q, struct behind *out)
{
    const struct api_hooks *h = &rq->api->d.hooks;

    out->n = 0;
    bool flows = strcmp(q->source->name, "cluster-flows") == 0;
    if (h->cluster_behind != NULL && (flows || strcmp(q->source->name, "cluster") == 0))
        out->n = h->cluster_behind(h->ctx, flows ? CH_FLOWS : CH_EVENTS, out->v, CH_SHARDS_MAX);
}

static void put_behind(struct buf *b, const struct behind *h)
{
    char at[40];

    for (size_t i = 0; i < h->n; i++) {
        const struct api_behind *v = &h->v[i];
        time_fmt(v->since, 3, at, sizeof(at));
        buf_fmt(b, "%s{\"shard\":%u,\"events\":%llu,\"since\":%s%s%s,\"down\":%s}", i == 0 ? ",\"partial\":[" : ",",
                v->shard, (unsigned long long)v->events, v->since != 0 ? "\"" : "", v->since != 0 ? at : "null",
                v->since != 0 ? "\"" : "", v->down ? "true" : "false");
    }
    buf_z(b, h->n > 0 ? "]}}" : "}}");
}

static void absent_add(void *ctx, const char *name)
{
    struct buf *b = ctx;

    buf_z(b, b->n == 0 ? ",\"absent\":[" : ",");
    buf_json(b, str_c(name));
}

/* Archives that were made and are not in their place: an answer from the others says so. */
static void put_absent(struct request *rq, struct buf *b, const struct query *q)
{
    struct err e = {0};
    struct buf list;

    if (strcmp(q->source->name, "archive") != 0)
        return;
    buf_init(&list, 1 << 16);
    if (journal_archive_absent(rq->api->d.journal, absent_add, &list, &e) < 0)
        log_err(LOG_ERROR, "archive_absent", &e);
    if (list.n > 0 && !list.failed) {
        buf_str(b, buf_view(&list));
        buf_byte(b, ']');
    }
    buf_done(&list);
}

static void put_end(struct request *rq, struct buf *b, const struct query *q, const struct pipe_stats *st,
                    const struct behind *behind, int64_t started, int rc)
{
    bool more = (st->scan.more || rc < 0) && st->last_seq > 0 && can_go_on(q);

    if (more)
        buf_fmt(b, "],\"next\":%llu,", (unsigned long long)st->last_seq);
    else
        buf_z(b, "],\"next\":null,");
    buf_fmt(b,
            "\"stats\":{\"hits\":%llu,\"rows\":%llu,\"other\":%llu,\"skipped\":%llu,\"sampled\":%s,\"short_by\":%llu,"
            "\"more\":%s,"
            "\"scanned_events\":%llu,\"bad_blocks\":%llu,\"ms\":%lld,\"timed_out\":%s,\"cancelled\":%s",
            (unsigned long long)st->scan.hits, (unsigned long long)st->rows, (unsigned long long)st->other,
            (unsigned long long)st->skipped, st->sampled ? "true" : "false", (unsigned long long)st->short_by,
            st->scan.more ? "true" : "false", (unsigned long long)st->scan.scanned_events,
            (unsigned long long)st->scan.bad_blocks, (long long)((clock_mono(rq->api->d.clock) - started) / NS_PER_MS),
            rc == -ETIME ? "true" : "false", rc == -ECANCELED ? "true" : "false");
    put_absent(rq, b, q);
    put_behind(b, behind);
}

static int run_query(struct request *rq, struct response *rs, struct query_world *w, const struct query *q,
                     struct err *e)
{
    struct query_run *run;
    struct pipe_stats st;
    struct behind behind;
    int64_t started = clock_mono(rq->api->d.clock);
    int rc = query_run_begin(rq, request_query(rq, "id"), &run, e);

    if (rc < 0)
        return rc;
    struct search_opts o = query_run_opts(rq, run);
    put_query(&rs->body, q);
    put_columns(&rs->body, q);
    buf_z(&rs->body, "\"rows\":[");
    behind_ask(rq, q, &behind); /* before: what comes meanwhile is more, not less */
    rc = pipe_run(q, query_world_source(w, q), &o, (uint64_t)request_query_int(rq, "limit", 1000), add_row, &rs->body,
                  &st, e);
    query_run_end(rq->api, run);
    if (rc == -ELOOP)
        return e->code = HTTP_ERR(400);
    if (rc < 0 && rc != -ETIME && rc != -ECANCELED)
        return rc;
    put_end(rq, &rs->body, q, &st, &behind, started, rc);
    return reply_now(rs, e);
}

struct telling {
    struct buf *b;
    enum lang lang;
    bool any;
};

static void tell(void *ctx, size_t depth, const char *key, str text)
{
    struct telling *t = ctx;
    char line[1024];
    struct err e = {.key = key};

    snprintf(e.arg[0], sizeof(e.arg[0]), "%.*s", STR_ARGS(str_sub(text, 0, ERR_ARG_MAX - 1)));
    size_t n = err_sentence(&e, t->lang, line, sizeof(line));
    buf_fmt(t->b, "%s{\"depth\":%zu,\"text\":", t->any ? "," : "", depth);
    buf_json(t->b, (str){line, n});
    buf_byte(t->b, '}');
    t->any = true;
}

static void put_time(struct buf *b, const char *name, int64_t ns)
{
    char t[40];

    if (ns == INT64_MIN || ns == INT64_MAX) {
        buf_fmt(b, "\"%s\":null,", name);
        return;
    }
    time_fmt(ns, 0, t, sizeof(t));
    buf_fmt(b, "\"%s\":\"%s\",", name, t);
}

static int explain(struct request *rq, struct response *rs, const struct query *q, struct err *e)
{
    struct telling t = {.b = &rs->body, .lang = rq->lang};

    put_query(&rs->body, q);
    put_columns(&rs->body, q);
    put_time(&rs->body, "since", q->since_ns);
    put_time(&rs->body, "until", q->until_ns);
    buf_z(&rs->body, "\"explain\":[");
    query_explain(q, tell, &t);
    buf_z(&rs->body, "]}");
    return reply_now(rs, e);
}

int route_query_get(struct request *rq, struct response *rs, struct err *e)
{
    struct query_world w = {0};
    struct query *q;
    str from = request_query(rq, "from");
    int rc = query_world_init(&w, rq->api, &rq->a, rq->now, e);

    w.env.from = from.n > 0 ? arena_cstr(&rq->a, from) : NULL;
    if (rc == 0)
        rc = query_world_parse(&w, &rq->a, request_query(rq, "query"), &q, e);
    if (rc == 0)
        rc = request_query_bool(rq, "explain") ? explain(rq, rs, q, e) : run_query(rq, rs, &w, q, e);
    query_world_done(&w);
    return rc;
}

int route_query_delete(struct request *rq, struct response *rs, struct err *e)
{
    int rc = query_run_cancel(rq, rq->arg[0], e);
    rs->status = 204;
    return rc;
}

int route_query_progress(struct request *rq, struct response *rs, struct err *e)
{
    int rc = query_run_watch(rq, rq->arg[0], &rs->stream, e);

    rs->status = 200;
    rs->type = "text/event-stream; charset=utf-8";
    return rc;
}

/* ---- GET /query/complete ---- */

struct offers {
    json_t *list;
    str prefix;
    size_t n;
};

static void offer(struct offers *o, const char *text, const char *tail, const char *kind)
{
    char word[300];
    str t = str_c(text);

    if (o->n >= OFFERS_MAX || t.n < o->prefix.n || !str_eq_nocase(str_sub(t, 0, o->prefix.n), o->prefix))
        return;
    snprintf(word, sizeof(word), "%s%s", text, tail);
    json_array_append_new(o->list, json_pack("{s:o,s:s}", "text", json_from_str(str_c(word)), "kind", kind));
    o->n++;
}

static void offer_list(struct offers *o, const char *const *names, const char *tail, const char *kind)
{
    for (; *names != NULL; names++)
        offer(o, *names, tail, kind);
}

/* The word behind from:, as a whole: one source's name may begin another's. */
static const struct row_source *source_of(const struct query_world *w, str text)
{
    size_t at = str_find(text, STR("from:")), end = at == SIZE_MAX ? 0 : at + 5;

    while (at != SIZE_MAX && end < text.n && (uint8_t)text.p[end] > ' ' && text.p[end] != '|' && text.p[end] != ')')
        end++;
    for (size_t i = 0; at != SIZE_MAX && i < w->env.nsources; i++)
        if (str_eq_nocase(str_sub(text, at + 5, end - at - 5), str_c(w->env.sources[i]->name)))
            return w->env.sources[i];
    return &query_logs;
}

static void offer_fields(struct offers *o, const struct query_world *w, const struct row_source *s, const char *tail)
{
    for (size_t i = 0; i < s->nfields; i++)
        offer(o, s->fields[i].name, tail, "field");
    for (size_t i = 0; s->lines && i < w->resolver.nfields; i++)
        offer(o, w->resolver.fields[i].name, tail, "decoded");
}

/* Values that the journal saw in the last hour, the most frequent first. */
static void offer_recent(struct request *rq, struct offers *o, str field)
{
    struct query *q;
    struct agg agg = {0};
    struct search_stats st;
    struct err e = {0};
    str text = arena_fmt(&rq->a, "since:-%ds | count by %.*s | limit 500", RECENT_S, STR_ARGS(field));
    struct query_run *run;

    if (query_parse(&rq->a, text, rq->now, &q, &e) < 0 || q->pipe != QP_COUNT_BY || !query_run_try(rq, &run))
        return;
    struct search_opts opts = query_run_opts(rq, run);
    opts.before_seq = 0;
    opts.deadline_mono_ns = clock_mono(rq->api->d.clock) + NS_PER_S;
    int rc = journal_aggregate(rq->api->d.journal, &rq->a, q, &opts, &agg, &st, &e);
    query_run_end(rq->api, run);
    for (size_t i = 0; (rc == 0 || rc == -ETIME) && i < agg.n; i++) {
        str v = agg.rows[i].keys[0];
        bool bare = v.n > 0 && v.n < 200;
        for (size_t k = 0; k < v.n; k++)
            bare = bare && (uint8_t)v.p[k] > ' ' && memchr("()|\"*?\\", v.p[k], 7) == NULL;
        if (bare)
            offer(o, arena_cstr(&rq->a, v), " ", "value");
    }
}

/* All by which lines are kept, however long ago they came. */
static void offer_relays(struct request *rq, struct offers *o)
{
    char name[64];

    for (size_t i = 1; journal_stream(rq->api->d.journal, i, name); i++)
        offer(o, name, " ", "value");
}

static void offer_flow_relays(struct request *rq, struct offers *o)
{
    str name;

    for (uint32_t i = 1; (name = flow_guest_relay(rq->api->d.flows, i)).n > 0; i++)
        offer(o, name.p, " ", "value");
}

static void offer_values(struct request *rq, struct offers *o, const struct query_world *w, const struct row_source *s,
                         str field)
{
    static const char *const times[] = {"-15m", "-1h", "-2h", "-24h", "-7d", "-30d", "00:00", NULL};
    int k = source_field_find(s, field);

    if (str_eq_nocase(field, STR("since")) || str_eq_nocase(field, STR("until"))) {
        offer_list(o, times, " ", "time");
    } else if (str_eq_nocase(field, STR("from"))) {
        offer(o, query_logs.name, " ", "source");
        for (size_t i = 0; i < w->env.nsources; i++)
            offer(o, w->env.sources[i]->name, " ", "source");
    } else if (k >= 0 && s->fields[k].values != NULL) {
        offer_list(o, s->fields[k].values, " ", "value");
    } else if (k == QF_RELAY && s->lines) {
        offer_relays(rq, o);
    } else if (rq->api->d.flows != NULL && (s == &w->flows || s == &w->cluster_flows) &&
               str_eq_nocase(field, STR("relay"))) {
        offer_flow_relays(rq, o);
    } else if (k >= 0 && s->lines && k < QF_COUNT && k != QF_MSG && k != QF_RAW) {
        offer_recent(rq, o, field);
    }
}

/* Behind steps that made columns these are what may be named. */
static void offer_columns(struct request *rq, struct offers *o, struct query_world *w, str before)
{
    struct pipe_column c[PIPE_COLUMNS_MAX];
    struct query *q;
    struct err e = {0};
    bool made = false;

    if (query_parse_env(&rq->a, before, &w->env, &q, &e) < 0) {
        offer_fields(o, w, source_of(w, before), "");
        return;
    }
    for (size_t i = 0; i < q->nsteps; i++)
        made = made || (q->steps[i].kind != SK_SORT && q->steps[i].kind != SK_LIMIT && q->steps[i].kind != SK_UNIQUE);
    size_t n = made ? pipe_columns(q, c) : 0;
    for (size_t i = 0; i < n; i++)
        offer(o, arena_cstr(&rq->a, c[i].name), "", "column");
    if (!made)
        offer_fields(o, w, q->source, "");
}

static const char *const step_names[] = {"count", "count by ", "top ",    "histogram ", "fields ",
                                         "sort ", "limit ",    "unique ", "sum ",       "min ",
                                         "max ",  "avg ",      "p50 ",    "p99 ",       NULL};
static const char *const operators[] = {"since:", "until:", "from:", "AND ", "OR ", "NOT ", NULL};

static void offer_all(struct request *rq, struct offers *o, struct query_world *w, str text, const struct complete *c)
{
    static const char *const by[] = {"by ", NULL};
    const struct row_source *s = source_of(w, text);

    switch (c->kind) {
    case CK_TERM:
        offer_fields(o, w, s, ":");
        offer_list(o, operators, "", "operator");
        break;
    case CK_VALUE:
        offer_values(rq, o, w, s, c->field);
        break;
    case CK_STEP:
        offer_list(o, step_names, "", "step");
        break;
    case CK_FIELD:
        offer_columns(rq, o, w, str_sub(text, 0, c->pipe));
        offer_list(o, by, "", "operator");
        break;
    case CK_NONE:
        break;
    }
}

/* Places are characters outside, bytes inside. */
static size_t byte_at(str text, size_t chars)
{
    size_t i = 0;

    for (; i < text.n; i++)
        if (((uint8_t)text.p[i] & 0xC0) != 0x80 && chars-- == 0)
            break;
    return i;
}

static size_t chars_of(str text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++)
        n += ((uint8_t)text.p[i] & 0xC0) != 0x80;
    return n;
}

int route_query_complete(struct request *rq, struct response *rs, struct err *e)
{
    struct query_world w = {0};
    struct complete c;
    str text = request_query(rq, "text");
    size_t at = byte_at(text, (size_t)request_query_int(rq, "at", INT32_MAX));
    int rc = query_world_init(&w, rq->api, &rq->a, rq->now, e);

    if (rc == 0) {
        query_complete(text, at, &c);
        struct offers o = {.list = json_array(), .prefix = c.prefix};
        offer_all(rq, &o, &w, text, &c);
        rc = reply_json(rq, rs, 200,
                        json_pack("{s:I,s:I,s:o}", "from", (json_int_t)chars_of(str_sub(text, 0, c.from)), "to",
                                  (json_int_t)chars_of(str_sub(text, 0, at)), "items", o.list));
    }
    query_world_done(&w);
    return rc;
}
