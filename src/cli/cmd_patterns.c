/* Kinds of lines, beside the same span a day before. */
#include "cli/cli.h"

static str patterns_path(struct run *r)
{
    struct buf b;

    buf_init(&b, 128 * 1024);
    buf_z(&b, "/api/v1/events/patterns");
    url_param(&b, "query", args_joined(r).p);
    url_param(&b, "limit", r->opt.limit);
    url_param(&b, "order", r->opt.order);
    str s = arena_str(&r->arena, buf_view(&b));
    buf_done(&b);
    return s;
}

int cmd_patterns(struct run *r)
{
    static const struct column cols[] = {{"count", "cli.col.count"},
                                         {"before", "cli.col.before"},
                                         {"program", "cli.col.program"},
                                         {"pattern", "cli.col.pattern"}};
    struct err e = {0};
    json_t *found = NULL;

    if (client_get(r, patterns_path(r), &found, &e) < 0)
        return fail(r, &e);
    int code = out_rows(r, json_object_get(found, "rows"), cols, 4);
    const json_t *stats = json_object_get(found, "stats");
    if (json_get_int(found, "other", 0) > 0)
        out_message(r, "cli.patterns_other", N(json_get_int(found, "other", 0)), NULL);
    if (json_is_true(json_object_get(stats, "timed_out")))
        out_message(r, "cli.timed_out", NULL, NULL);
    json_decref(found);
    return code;
}
