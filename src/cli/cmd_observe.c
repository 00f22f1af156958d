/* Logs: search, live tail, sources, counters; and `api` for everything else. */
#include "cli/cli.h"
#include <errno.h>

str args_joined(struct run *r)
{
    struct buf b;

    buf_init(&b, 64 * 1024);
    for (int i = 0; i < r->nargs; i++) {
        if (i > 0)
            buf_byte(&b, ' ');
        buf_z(&b, r->args[i]);
    }
    str s = arena_str(&r->arena, buf_view(&b));
    buf_done(&b);
    return s;
}

static str search_path(struct run *r, const char *base)
{
    struct buf b;

    buf_init(&b, 128 * 1024);
    buf_z(&b, base);
    url_param(&b, "query", args_joined(r).p);
    url_param(&b, "limit", r->opt.limit);
    url_param(&b, "before", r->opt.before);
    str s = arena_str(&r->arena, buf_view(&b));
    buf_done(&b);
    return s;
}

/* Server-sent events: "data: {...}" lines, each an event; printed as it comes. */
struct tail {
    struct run *r;
    struct buf rest;
};

static void print_line(struct run *r, str data)
{
    struct err e = {0};
    json_t *ev = NULL;
    struct buf b;

    if (r->format == OUT_JSON) {
        printf("%.*s\n", STR_ARGS(data));
        return;
    }
    if (json_read(data, 16, &ev, &e) < 0)
        return;
    buf_init(&b, 1u << 20);
    for (size_t i = 0; i < 4; i++) {
        static const char *const paths[] = {"received_at", "host", "program", "msg"};
        if (i > 0)
            buf_byte(&b, ' ');
        out_cell(r, &b, ev, paths[i]);
    }
    for (size_t i = 0; i < b.n; i++)
        putchar((unsigned char)b.p[i] < 32 || b.p[i] == 127 ? '.' : b.p[i]);
    putchar('\n');
    buf_done(&b);
    json_decref(ev);
}

static bool on_tail(void *ctx, str bytes)
{
    struct tail *t = ctx;
    char *nl;

    buf_str(&t->rest, bytes);
    while (t->rest.n > 0 && (nl = memchr(t->rest.p, '\n', t->rest.n)) != NULL) {
        str line = {t->rest.p, (size_t)(nl - t->rest.p)};
        if (str_starts(line, STR("data: {\"seq\"")) || str_starts(line, STR("data:{\"seq\"")))
            print_line(t->r, str_trim(str_sub(line, 5, line.n)));
        buf_drop(&t->rest, line.n + 1);
    }
    return fflush(stdout) == 0 && !t->rest.failed;
}

/* What a ClickHouse set lacked when it answered. */
static void show_partial(struct run *r, const json_t *found)
{
    const json_t *part;
    size_t i;

    json_array_foreach(json_object_get(json_object_get(found, "stats"), "partial"), i, part)
    {
        const char *since = json_string_value(json_object_get(part, "since"));
        char shard[24];
        snprintf(shard, sizeof(shard), "%lld", (long long)json_get_int(part, "shard", 0));
        out_message(r, "cli.partial", shard, since != NULL ? since : "?");
    }
}

/* Rows of any source, or of steps: a line each, cells separated by tabs. */
static int show_rows(struct run *r, const json_t *found)
{
    const json_t *columns = json_object_get(found, "columns"), *row, *v;
    struct buf b;
    size_t i, k;

    if (r->format == OUT_JSON) {
        char *text = json_dumps(found, JSON_INDENT(2));
        printf("%s\n", text != NULL ? text : "");
        free(text);
        return EXIT_FINE;
    }
    json_array_foreach(columns, i, v) printf("%s%s", i > 0 ? "\t" : "", json_string_value(json_object_get(v, "name")));
    putchar('\n');
    json_array_foreach(json_object_get(found, "rows"), i, row)
    {
        json_array_foreach(row, k, v)
        {
            const char *t = json_string_value(v);
            if (k > 0)
                putchar('\t');
            if (json_is_integer(v))
                printf("%lld", (long long)json_integer_value(v));
            for (; t != NULL && *t != '\0'; t++)
                putchar((unsigned char)*t < 32 || *t == 127 ? '.' : *t);
        }
        putchar('\n');
    }
    buf_init(&b, 4096);
    out_inexact(r, &b, json_object_get(found, "stats"));
    fflush(stdout);
    fprintf(stderr, "%.*s", STR_ARGS(buf_view(&b)));
    buf_done(&b);
    show_partial(r, found);
    return EXIT_FINE;
}

static int explain(struct run *r)
{
    struct err e = {0};
    json_t *found = NULL, *line;
    struct buf b;
    size_t i;

    buf_init(&b, 128 * 1024);
    buf_z(&b, "/api/v1/query?explain=true");
    url_param(&b, "query", args_joined(r).p);
    int rc = client_get(r, buf_view(&b), &found, &e);
    buf_done(&b);
    if (rc < 0)
        return fail(r, &e);
    printf("%s\n", json_string_value(json_object_get(found, "query")));
    json_array_foreach(json_object_get(found, "explain"), i, line) printf(
        "%*s%s\n", (int)json_get_int(line, "depth", 0) * 2 + 2, "", json_string_value(json_object_get(line, "text")));
    json_decref(found);
    return EXIT_FINE;
}

struct file_out {
    FILE *f;
    long long bytes;
};

static bool to_file(void *ctx, str bytes)
{
    struct file_out *o = ctx;
    o->bytes += (long long)bytes.n;
    return fwrite(bytes.p, 1, bytes.n, o->f) == bytes.n;
}

/* The server hashed what it sent; its figure goes beside the file, as sha256sum -c reads it. */
static int write_sum(struct run *r, const char *path, long long bytes)
{
    struct err e = {0};
    json_t *list = NULL, *x;
    const char *sum = NULL, *base = strrchr(path, '/');
    char name[4096];
    size_t i;

    if (client_get(r, STR("/api/v1/exports"), &list, &e) < 0)
        return fail(r, &e);
    json_array_foreach(json_object_get(list, "items"), i, x) if (sum == NULL && json_get_int(x, "bytes", -1) == bytes &&
                                                                 str_eq(json_get_str(x, "query"), args_joined(r)) &&
                                                                 json_is_true(json_object_get(x, "whole"))) sum =
        json_string_value(json_object_get(x, "sha256"));
    int n = snprintf(name, sizeof(name), "%s.sha256", path);
    FILE *f = sum != NULL && n > 0 && (size_t)n < sizeof(name) ? fopen(name, "w") : NULL;
    bool good = f != NULL && fprintf(f, "%s  %s\n", sum, base != NULL ? base + 1 : path) > 0;
    if (f != NULL && fclose(f) != 0)
        good = false;
    json_decref(list);
    if (!good)
        ERR(&e, -EIO, "cli.export_sum", path);
    return good ? EXIT_FINE : fail(r, &e);
}

static int export_file(struct run *r)
{
    struct file_out o = {.f = fopen(r->opt.export, "w")};
    struct err e = {0};
    struct buf b;

    if (o.f == NULL) {
        ERR(&e, -errno, "cli.export_file", r->opt.export);
        return fail(r, &e);
    }
    buf_init(&b, 128 * 1024);
    buf_z(&b, "/api/v1/events/export?format=");
    buf_z(&b, r->format == OUT_JSON ? "json" : r->format == OUT_CSV ? "csv" : "text");
    url_param(&b, "query", args_joined(r).p);
    int rc = client_stream(r, buf_view(&b), to_file, &o, &e);
    buf_done(&b);
    if (fclose(o.f) != 0 && rc == 0)
        rc = ERR(&e, -errno, "cli.export_file", r->opt.export);
    return rc < 0 ? fail(r, &e) : write_sum(r, r->opt.export, o.bytes);
}

/* Steps and other sources than logs have their own way in. */
static bool is_wide(str q) { return str_find(q, STR("from:")) != SIZE_MAX || str_find(q, STR("|")) != SIZE_MAX; }

int cmd_search(struct run *r)
{
    static const struct column lines[] = {{"received_at", "cli.col.at"},
                                          {"host", "cli.col.host"},
                                          {"program", "cli.col.program"},
                                          {"severity", "cli.col.severity"},
                                          {"msg", "cli.col.message"}};
    struct err e = {0};
    json_t *found = NULL, *rows;

    if (r->opt.saved != NULL && search_saved(r, &e) < 0)
        return fail(r, &e);
    if (r->nargs == 0) {
        ERR(&e, -EINVAL, "cli.search_what");
        return fail(r, &e);
    }
    if (r->opt.save != NULL)
        return search_save(r);
    if (r->opt.follow) {
        struct tail t = {.r = r};
        buf_init(&t.rest, 4u << 20);
        int rc = client_stream(r, search_path(r, "/api/v1/events/tail"), on_tail, &t, &e);
        buf_done(&t.rest);
        return rc < 0 ? fail(r, &e) : EXIT_FINE;
    }
    if (r->opt.explain)
        return explain(r);
    if (r->opt.export != NULL)
        return export_file(r);
    if (client_get(r, search_path(r, "/api/v1/events"), &found, &e) < 0) {
        struct err second = {0};
        if (!is_wide(args_joined(r)))
            return fail(r, &e);
        if (client_get(r, search_path(r, "/api/v1/query"), &found, &second) < 0)
            return fail(r, &second);
        int shown = show_rows(r, found);
        json_decref(found);
        return shown;
    }
    int code = EXIT_FINE;
    if ((rows = json_object_get(found, "rows")) != NULL) {
        static const struct column counts[] = {{"keys", "cli.col.key"}, {"count", "cli.col.count"}};
        if (json_array_size(rows) > 0 && json_array_size(json_object_get(found, "columns")) > 0)
            code = out_rows(r, rows, counts, 2);
        else
            printf("%lld\n", (long long)json_get_int(found, "total", 0));
    } else {
        code = out_rows(r, json_object_get(found, "items"), lines, 5);
        if (json_is_integer(json_object_get(found, "next")))
            out_message(r, "cli.more_before", N(json_get_int(found, "next", 0)), NULL);
    }
    json_decref(found);
    return code;
}

int cmd_sources(struct run *r)
{
    static const struct column cols[] = {{"name", "cli.col.name"},         {"host", "cli.col.host"},
                                         {"address", "cli.col.address"},   {"unit", "cli.col.unit"},
                                         {"last_seen_at", "cli.col.seen"}, {"silent", "cli.col.silent"},
                                         {"events_24h", "cli.col.day"}};
    struct err e = {0};
    json_t *list = NULL, *item;
    size_t i;
    int code;

    if (client_get(r, STR("/api/v1/sources"), &list, &e) < 0)
        return fail(r, &e);
    code = out_rows(r, json_object_get(list, "items"), cols, 7);
    json_array_foreach(json_object_get(list, "items"), i, item) if (json_is_true(json_object_get(item, "silent")))
        code = EXIT_DIFFERENT;
    json_decref(list);
    return code;
}

/* The list on stdout; how archiving stands on stderr. */
int cmd_archive(struct run *r)
{
    static const struct column cols[] = {{"name", "cli.col.name"},           {"records", "cli.col.events"},
                                         {"bytes", "cli.col.bytes"},         {"flows", "cli.col.flows"},
                                         {"last_received", "cli.col.until"}, {"present", "cli.col.present"},
                                         {"sha256", "cli.col.sha256"}};
    struct err e = {0};
    json_t *state = NULL;

    if (client_get(r, STR("/api/v1/journal/archives"), &state, &e) < 0)
        return fail(r, &e);
    const char *place = json_string_value(json_object_get(state, "place"));
    const char *failure = json_string_value(json_object_get(state, "failure"));
    int64_t waiting = json_get_int(state, "waiting_segments", 0);
    int code = out_rows(r, json_object_get(state, "items"), cols, sizeof(cols) / sizeof(cols[0]));
    if (place == NULL)
        out_message(r, "cli.archive_off", NULL, NULL);
    else if (failure != NULL)
        out_message(r, "cli.archive_failing", failure, NULL);
    else if (waiting > 0)
        out_message(r, "cli.archive_waiting", N(waiting), NULL);
    else
        out_message(r, "cli.archive_fine", place, NULL);
    json_decref(state);
    return code == EXIT_FINE && failure != NULL ? EXIT_DIFFERENT : code;
}

int cmd_stats(struct run *r)
{
    struct err e = {0};
    json_t *stats = NULL;

    if (client_get(r, STR("/api/v1/stats"), &stats, &e) < 0)
        return fail(r, &e);
    int code = out_object(r, stats);
    json_decref(stats);
    return code;
}

int cmd_api(struct run *r)
{
    struct err e = {0};
    struct request rq = {.method = r->args[0], .path = str_c(r->args[1])};
    struct answer a = {0};

    if (r->nargs > 2) {
        rq.type = "application/json";
        rq.body = str_c(r->args[2]);
    }
    if (r->opt.rev != NULL)
        rq.if_match = arena_fmt(&r->arena, "\"%s\"", r->opt.rev);
    int rc = client_call(r, &rq, &a, &e);
    if (rc == 0)
        printf("%.*s\n", STR_ARGS(a.body));
    json_decref(a.json);
    return rc < 0 ? fail(r, &e) : EXIT_FINE;
}
