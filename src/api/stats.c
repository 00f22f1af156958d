/* Counters in three views: /stats, /metrics and the drops of /today. What
 * others count comes through hooks.counters as (group, name, value). */
#include "api/api-int.h"
#include <stdarg.h>
#include <stdio.h>

enum { COUNTERS = 2048 };

static size_t counters(struct api *api, struct api_counter out[COUNTERS])
{
    return api->d.hooks.counters != NULL ? api->d.hooks.counters(api->d.hooks.ctx, out, COUNTERS) : 0;
}

/* The counters of shards stand in a list beside those of the whole. */
static json_t *group_json(const struct api_counter *c, size_t n, const char *group)
{
    json_t *o = json_object(), *shards = NULL;

    for (size_t i = 0; i < n; i++) {
        json_t *to = o;
        if (strcmp(c[i].group, group) != 0)
            continue;
        if (c[i].shard > 0) {
            if (shards == NULL)
                json_object_set_new(o, "shards", shards = json_array());
            while (json_array_size(shards) < c[i].shard)
                json_array_append_new(shards, json_object());
            to = json_array_get(shards, c[i].shard - 1);
        }
        json_object_set_new(to, c[i].name, json_integer((json_int_t)c[i].value));
    }
    return o;
}

json_t *intake_json(struct api *api, json_t **drops)
{
    struct api_counter c[COUNTERS];
    size_t n = counters(api, c);
    json_t *by = json_object();
    uint64_t total = 0;

    for (size_t i = 0; i < n; i++)
        if (strncmp(c[i].name, "drop_", 5) == 0) {
            json_object_set_new(by, c[i].name, json_integer((json_int_t)c[i].value));
            total += c[i].value;
        }
    *drops = json_pack("{s:I,s:o}", "total", (json_int_t)total, "by", by);
    return group_json(c, n, "intake");
}

static uint64_t rss_bytes(void)
{
    unsigned long long pages = 0, skip;
    FILE *f = fopen("/proc/self/statm", "re");

    if (f != NULL && fscanf(f, "%llu %llu", &skip, &pages) != 2)
        pages = 0;
    if (f != NULL)
        fclose(f);
    return pages * 4096;
}

static json_t *time_json(int64_t ns)
{
    char text[40];
    if (ns == 0)
        return json_null();
    time_fmt(ns, 3, text, sizeof(text));
    return json_string(text);
}

static json_t *journal_json(struct api *api)
{
    struct journal_stats s;

    journal_stats(api->d.journal, &s);
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:b,s:o,s:o}", "events", (json_int_t)s.events, "synced",
                     (json_int_t)journal_synced(api->d.journal), "raw_bytes", (json_int_t)s.raw_bytes, "disk_bytes",
                     (json_int_t)s.disk_bytes, "segments", (json_int_t)s.segments, "blocks", (json_int_t)s.blocks,
                     "torn_bytes", (json_int_t)s.torn_bytes, "full", (int)s.full, "first_at", time_json(s.first_ns),
                     "last_at", time_json(s.last_ns));
}

/* Who exports flows, busiest reasons to look first: what was lost stands beside. */
json_t *exporters_json(struct api *api)
{
    struct flow_exporter_seen *seen = calloc(FLOW_EXPORTERS_SEEN, sizeof(*seen));
    size_t n = seen != NULL && api->d.flows != NULL ? flow_store_exporters(api->d.flows, seen, FLOW_EXPORTERS_SEEN) : 0;
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++) {
        char ip[IP_TEXT_MAX];
        ip_fmt(seen[i].who.ip, ip, sizeof(ip));
        json_array_append_new(list,
                              json_pack("{s:s,s:i,s:i,s:I,s:I,s:I,s:I,s:o,s:o}", "address", ip, "port",
                                        (int)seen[i].who.port, "version", (int)seen[i].who.version, "domain",
                                        (json_int_t)seen[i].who.domain, "flows", (json_int_t)seen[i].flows, "datagrams",
                                        (json_int_t)seen[i].datagrams, "lost", (json_int_t)seen[i].lost, "first_at",
                                        time_json(seen[i].first_ns), "last_at", time_json(seen[i].last_ns)));
    }
    free(seen);
    return list;
}

static json_t *judge_json(struct api *api)
{
    struct judge_stats s;

    judge_stats(api->d.judge, &s);
    return json_pack("{s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "leads", (int)s.leads, "events", (json_int_t)s.events,
                     "matched", (json_int_t)s.matched, "findings_open", (json_int_t)s.findings_open, "rules",
                     (json_int_t)s.rules, "checks", (json_int_t)s.checks, "duties", (json_int_t)s.duties, "groups",
                     (json_int_t)s.groups, "evicted", (json_int_t)s.evicted);
}

static json_t *registry_json(struct api *api)
{
    json_t *counts = NULL, *v;
    struct err e = {0};
    const char *kind;
    json_int_t total = 0;

    if (registry_counts(api->d.registry, &actor_system, &counts, &e) == 0)
        json_object_foreach(counts, kind, v) total += json_get_int(v, "total", 0);
    json_decref(counts);
    uint64_t rows = 0;
    char head[65];
    if (registry_head(api->d.registry, &rows, head, &e) < 0)
        rows = 0;
    return json_pack("{s:I,s:I}", "records", total, "history", (json_int_t)rows);
}

static json_t *api_json(struct api *api)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "requests", (json_int_t)atomic_load(&api->requests), "streams",
                     (json_int_t)atomic_load(&api->streams), "logins_ok", (json_int_t)atomic_load(&api->logins_ok),
                     "logins_failed", (json_int_t)atomic_load(&api->logins_failed), "lockouts",
                     (json_int_t)atomic_load(&api->lockouts), "refused_bodies",
                     (json_int_t)atomic_load(&api->refused_bodies));
}

json_t *stats_json(struct api *api)
{
    static const char *const groups[] = {"intake",  "flows",         "files",  "archive", "pipeline",
                                         "cluster", "cluster_flows", "relays", "forward"};
    struct api_counter c[COUNTERS];
    size_t n = counters(api, c);
    json_t *o = json_object();

    json_object_set_new(o, "version", json_string(api->cfg.version));
    json_object_set_new(o, "store", json_string(store_engine(registry_store(api->d.registry))));
    json_object_set_new(o, "started_at", time_json(api->started_wall));
    json_object_set_new(o, "uptime_s", json_integer((clock_mono(api->d.clock) - api->started_mono) / NS_PER_S));
    json_object_set_new(o, "rss_bytes", json_integer((json_int_t)rss_bytes()));
    json_object_set_new(o, "journal", journal_json(api));
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        json_object_set_new(o, groups[i], group_json(c, n, groups[i]));
    json_object_set_new(o, "judge", judge_json(api));
    json_object_set_new(o, "registry", registry_json(api));
    json_object_set_new(o, "api", api_json(api));
    return o;
}

static void metric(struct buf *b, const char *group, const char *name, bool gauge, uint64_t v)
{
    const char *tail = gauge ? "" : "_total";
    buf_fmt(b, "# TYPE luy_%s_%s%s %s\nluy_%s_%s%s %llu\n", group, name, tail, gauge ? "gauge" : "counter", group, name,
            tail, (unsigned long long)v);
}

/* One metric of all shards, told where the first of them comes: a metric's lines stand together. */
static void metric_shards(struct buf *b, const struct api_counter *c, size_t n)
{
    const char *tail = c->gauge ? "" : "_total";

    if (c->shard != 1)
        return;
    buf_fmt(b, "# TYPE luy_%s_shard_%s%s %s\n", c->group, c->name, tail, c->gauge ? "gauge" : "counter");
    for (size_t i = 0; i < n; i++)
        if (c[i].shard > 0 && strcmp(c[i].group, c->group) == 0 && strcmp(c[i].name, c->name) == 0)
            buf_fmt(b, "luy_%s_shard_%s%s{shard=\"%u\"} %llu\n", c->group, c->name, tail, c[i].shard,
                    (unsigned long long)c[i].value);
}

/* Members of a JSON group that are levels, not sums. */
static bool is_gauge(const char *name)
{
    static const char *const gauges[] = {"events",        "raw_bytes", "disk_bytes", "segments", "blocks",
                                         "findings_open", "leads",     "rules",      "checks",   "duties",
                                         "groups",        "records",   "streams",    "full",     NULL};
    for (size_t i = 0; gauges[i] != NULL; i++)
        if (strcmp(gauges[i], name) == 0)
            return true;
    return false;
}

static void metrics_of(struct buf *b, const char *group, json_t *o)
{
    const char *name;
    json_t *v;

    json_object_foreach(o, name, v) if (json_is_integer(v) || json_is_boolean(v))
        metric(b, group, name, is_gauge(name), json_is_true(v) ? 1 : (uint64_t)json_integer_value(v));
    json_decref(o);
}

void metrics_write(struct api *api, struct buf *b)
{
    struct api_counter c[COUNTERS];
    size_t n = counters(api, c);

    metric(b, "process", "rss_bytes", true, rss_bytes());
    metrics_of(b, "journal", journal_json(api));
    metrics_of(b, "judge", judge_json(api));
    metrics_of(b, "registry", registry_json(api));
    metrics_of(b, "api", api_json(api));
    for (size_t i = 0; i < n; i++)
        if (c[i].shard > 0)
            metric_shards(b, c + i, n - i);
        else
            metric(b, c[i].group, c[i].name, c[i].gauge, c[i].value);
    buf_z(b, "# TYPE luy_api_responses_total counter\n");
    for (int i = 2; i <= 5; i++)
        buf_fmt(b, "luy_api_responses_total{class=\"%dxx\"} %llu\n", i,
                (unsigned long long)atomic_load(&api->by_class[i]));
}

void self_event(struct api *api, int severity, const char *fmt, ...)
{
    char text[2048];
    va_list ap;

    if (api->d.hooks.self_event == NULL)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    api->d.hooks.self_event(api->d.hooks.ctx, severity, str_c(text));
}

/* A value inside quotes that stays one value on one line, whatever was typed. */
void quoted(struct buf *b, str s)
{
    buf_byte(b, '"');
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = (uint8_t)s.p[i];
        if (c == '"' || c == '\\')
            buf_byte(b, '\\');
        if (c < 0x20 || c == 0x7f)
            buf_fmt(b, "\\x%02x", c);
        else
            buf_byte(b, c);
    }
    buf_byte(b, '"');
}
