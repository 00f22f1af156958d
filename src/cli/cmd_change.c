/* Change sets: luy change STEP ..., and luy why. The words behind a step are in
 * one table; steps that only post and print share one function. */
#include "cli/cli.h"
#include "base/file.h"
#include "base/msg.h"
#include <errno.h>

enum { FILE_MAX_BYTES = 1 << 20, DIFF_MAX = 20000 };

static const struct column list_columns[] = {
    {"id", "cli.col.id"},         {"state", "cli.col.state"}, {"title", "cli.col.title"},
    {"author", "cli.col.author"}, {"kinds", "cli.col.kinds"}, {"ops_total", "cli.col.count"},
    {"changed_at", "cli.col.at"},
};
static const struct column diff_columns[] = {
    {"op", "cli.col.number"},   {"how", "cli.col.op"},        {"kind", "cli.col.kind"},   {"key", "cli.col.key"},
    {"field", "cli.col.field"}, {"before", "cli.col.before"}, {"after", "cli.col.after"},
};
static const struct column why_columns[] = {
    {"at", "cli.col.at"},
    {"op", "cli.col.op"},
    {"by", "cli.col.by"},
    {"change.id", "cli.col.change"},
    {"change.author", "cli.col.author"},
    {"approver", "cli.col.approver"},
    {"why", "cli.col.reason"},
};
#define COLS(c) c, sizeof(c) / sizeof((c)[0])

static str set_path(struct run *r, const char *id, const char *tail)
{
    struct buf b;

    buf_init(&b, 4096);
    buf_z(&b, "/api/v1/changes");
    if (id != NULL) {
        buf_byte(&b, '/');
        url_segment(&b, id);
    }
    buf_z(&b, tail);
    str s = arena_str(&r->arena, buf_view(&b));
    buf_done(&b);
    return s;
}

static int list(struct run *r)
{
    struct err e = {0};
    struct buf b;
    json_t *out = NULL;

    buf_init(&b, 8192);
    buf_z(&b, "/api/v1/changes");
    url_param(&b, "state", r->opt.filter_state);
    url_param(&b, "q", r->opt.query_text);
    url_param(&b, "limit", r->opt.limit);
    url_param(&b, "implicit", r->opt.all ? "1" : NULL);
    if (r->nargs > 1 && strcmp(r->args[1], "waiting") == 0)
        url_param(&b, "waiting", "1");
    int rc = client_get(r, buf_view(&b), &out, &e);
    buf_done(&b);
    int code = rc < 0 ? fail(r, &e) : out_rows(r, json_object_get(out, "items"), COLS(list_columns));
    if (rc == 0 && json_is_string(json_object_get(out, "next")))
        out_message(r, "cli.more", NULL, NULL);
    json_decref(out);
    return code;
}

static int show(struct run *r)
{
    struct err e = {0};
    json_t *out = NULL;

    if (client_get(r, set_path(r, r->args[1], ""), &out, &e) < 0)
        return fail(r, &e);
    int code = out_object(r, out);
    json_decref(out);
    return code;
}

/* One row a field of each effect; an effect without fields has a row of its own. */
static json_t *diff_rows(const json_t *plan)
{
    json_t *rows = json_array(), *effect, *v;
    const char *name;
    size_t i;

    json_array_foreach(json_object_get(plan, "effects"), i, effect)
    {
        json_t *before = json_object_get(effect, "before"), *after = json_object_get(effect, "after");
        size_t n = json_array_size(rows);
        json_object_foreach(after, name, v)
        {
            json_t *row = json_copy(effect), *was = json_object_get(before, name);
            json_object_set_new(row, "field", json_string(name));
            json_object_set(row, "after", v);
            json_object_set(row, "before", was != NULL ? was : json_null());
            if (json_array_size(rows) < DIFF_MAX)
                json_array_append(rows, row);
            json_decref(row);
        }
        if (json_array_size(rows) == n && strcmp(json_string_value(json_object_get(effect, "how")), "same") != 0) {
            json_t *row = json_copy(effect);
            json_object_set_new(row, "before", json_null());
            json_object_set_new(row, "after", json_null());
            json_array_append_new(rows, row);
        }
    }
    return rows;
}

static int print_plan(struct run *r, const json_t *plan)
{
    json_t *errors = json_object_get(plan, "errors"), *one;
    size_t i;

    if (r->format == OUT_JSON) {
        out_object(r, plan);
        return json_array_size(json_object_get(plan, "effects")) > 0 ? EXIT_DIFFERENT : EXIT_FINE;
    }
    json_t *rows = diff_rows(plan);
    out_rows(r, rows, COLS(diff_columns));
    if (r->format == OUT_TABLE && json_is_object(json_object_get(plan, "checks")) && json_array_size(rows) > 0)
        out_checks(r, json_object_get(plan, "checks"));
    json_array_foreach(errors, i, one)
        fprintf(stderr, "luy: %s: %s\n", json_string_value(json_object_get(one, "pointer")),
                json_string_value(json_object_get(one, "detail")));
    int code = json_array_size(errors) > 0 ? EXIT_ERROR : json_array_size(rows) > 0 ? EXIT_DIFFERENT : EXIT_FINE;
    json_decref(rows);
    return code;
}

static int diff(struct run *r)
{
    struct err e = {0};
    json_t *plan = NULL;

    if (client_get(r, set_path(r, r->args[1], "/plan"), &plan, &e) < 0)
        return fail(r, &e);
    int code = print_plan(r, plan);
    json_decref(plan);
    return code;
}

/* The set as it is now: its rev goes into If-Match. */
static int get_set(struct run *r, json_t **out, struct err *e)
{
    int rc = client_get(r, set_path(r, r->args[1], ""), out, e);

    if (rc == 0)
        r->opt.rev = arena_fmt(&r->arena, "%lld", (long long)json_get_int(*out, "rev", 0)).p;
    return rc;
}

/* new TITLE [FILE.json]: the file holds the list of operations. */
static int new_set(struct run *r)
{
    struct err e = {0};
    str text;
    json_t *ops = json_array(), *out = NULL;
    int rc = 0;

    if (r->nargs > 2) {
        const char *file = strcmp(r->args[2], "-") == 0 ? "/dev/stdin" : r->args[2];
        json_decref(ops);
        ops = NULL;
        rc = file_read(&r->arena, file, FILE_MAX_BYTES, &text, &e);
        if (rc == 0)
            rc = json_read(text, 32, &ops, &e);
    }
    json_t *body = json_pack("{s:s, s:s, s:o}", "title", r->args[1], "reason", r->opt.reason ? r->opt.reason : "",
                             "ops", ops != NULL ? ops : json_array());
    if (rc == 0)
        rc = client_send(r, "POST", set_path(r, NULL, ""), body, &out, &e);
    json_decref(body);
    int code = rc < 0 ? fail(r, &e) : out_object(r, out);
    json_decref(out);
    return code;
}

static json_t *value_of(const char *text)
{
    int64_t n;

    if (strcmp(text, "null") == 0)
        return json_null();
    if (text[0] == '#' && str_i64(str_c(text + 1), &n))
        return json_pack("{s:I}", "op", (json_int_t)n);
    return json_from_str(str_c(text));
}

/* add ID create|change|transition|end KIND [KEY|#N] [STATE] [FIELD=VALUE...] */
static int read_op(struct run *r, json_t **out, struct err *e)
{
    const char *op = r->args[2];
    json_t *o = json_pack("{s:s, s:s}", "op", op, "kind", r->args[3]), *fields = json_object();
    int at = 4;

    if (strcmp(op, "create") != 0 && at < r->nargs)
        json_object_set_new(o, "target", value_of(r->args[at++]));
    if (strcmp(op, "transition") == 0 && at < r->nargs)
        json_object_set_new(o, "state", json_string(r->args[at++]));
    for (; at < r->nargs; at++) {
        const char *eq = strchr(r->args[at], '=');
        if (eq == NULL || eq == r->args[at]) {
            json_decref(o);
            json_decref(fields);
            return ERR(e, -EINVAL, "cli.wants_pair", r->args[at]);
        }
        char *name = arena_cstr(&r->arena, (str){r->args[at], (size_t)(eq - r->args[at])});
        json_object_set_new(fields, name, value_of(eq + 1));
    }
    if (strcmp(op, "end") != 0)
        json_object_set(o, "fields", fields);
    json_decref(fields);
    *out = o;
    return 0;
}

static int add(struct run *r)
{
    struct err e = {0};
    json_t *set = NULL, *op = NULL, *out = NULL;
    int rc = r->nargs < 4 ? ERR(&e, -EINVAL, "cli.change_usage", "add ID create|change|transition|end KIND ...")
                          : read_op(r, &op, &e);

    if (rc == 0)
        rc = get_set(r, &set, &e);
    if (rc == 0) {
        json_t *ops = json_deep_copy(json_object_get(set, "ops"));
        json_array_append(ops, op);
        json_t *body = json_pack("{s:o}", "ops", ops);
        rc = client_send(r, "PATCH", set_path(r, r->args[1], ""), body, &out, &e);
        json_decref(body);
    }
    int code = rc < 0 ? fail(r, &e) : out_object(r, out);
    json_decref(set);
    json_decref(op);
    json_decref(out);
    return code;
}

/* What a step sends: reason under its name, and for approve what was just shown. */
static int step_body(struct run *r, const char *step, json_t **body, struct err *e)
{
    static const char *const with_reason[] = {"return", "reject", "withdraw", "revert", "break-glass"};
    json_t *plan = NULL;
    int rc = 0;

    *body = json_object();
    for (size_t i = 0; i < sizeof(with_reason) / sizeof(with_reason[0]); i++)
        if (strcmp(step, with_reason[i]) == 0 && r->opt.reason != NULL)
            json_object_set_new(*body, "reason", json_string(r->opt.reason));
    if ((strcmp(step, "review") == 0 || strcmp(step, "approve") == 0) && r->opt.reason != NULL)
        json_object_set_new(*body, "note", json_string(r->opt.reason));
    if ((strcmp(step, "apply") == 0 || strcmp(step, "break-glass") == 0) && r->opt.confirm != NULL)
        json_object_set_new(*body, "confirm_within", json_string(r->opt.confirm));
    if (strcmp(step, "approve") == 0 && (rc = client_get(r, set_path(r, r->args[1], "/plan"), &plan, e)) == 0) {
        if (r->format == OUT_TABLE)
            print_plan(r, plan);
        json_object_set(*body, "hash", json_object_get(plan, "hash"));
        json_decref(plan);
    }
    return rc;
}

static int step(struct run *r)
{
    struct err e = {0};
    json_t *set = NULL, *body = NULL, *out = NULL;
    int rc = get_set(r, &set, &e);

    if (rc == 0)
        rc = step_body(r, r->args[0], &body, &e);
    if (rc == 0)
        rc = client_send(r, "POST", set_path(r, r->args[1], arena_fmt(&r->arena, "/%s", r->args[0]).p), body, &out, &e);
    int code = rc < 0 ? fail(r, &e) : out_object(r, out);
    json_decref(set);
    json_decref(body);
    json_decref(out);
    return code;
}

static const struct {
    const char *name, *usage;
    int min; /* words, the step's own among them */
    int (*fn)(struct run *r);
} words[] = {
    {"list", "list [waiting]", 1, list},
    {"new", "new TITLE [FILE.json]", 2, new_set},
    {"show", "show ID", 2, show},
    {"diff", "diff ID", 2, diff},
    {"add", "add ID create|change|transition|end KIND ...", 4, add},
    {"submit", "submit ID", 2, step},
    {"take", "take ID", 2, step},
    {"return", "return ID --reason TEXT", 2, step},
    {"approve", "approve ID", 2, step},
    {"reject", "reject ID --reason TEXT", 2, step},
    {"withdraw", "withdraw ID", 2, step},
    {"apply", "apply ID [--confirm PT10M]", 2, step},
    {"confirm", "confirm ID", 2, step},
    {"break-glass", "break-glass ID --reason TEXT", 2, step},
    {"review", "review ID --reason TEXT", 2, step},
    {"revert", "revert ID --reason TEXT", 2, step},
};

int cmd_change(struct run *r)
{
    struct err e = {0};
    struct buf all;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i].name, r->args[0]) == 0) {
            if (r->nargs >= words[i].min)
                return words[i].fn(r);
            ERR(&e, -EINVAL, "cli.change_usage", words[i].usage);
            return fail(r, &e);
        }
    buf_init(&all, 1024);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        buf_fmt(&all, "%s%s", i > 0 ? "|" : "", words[i].name);
    buf_byte(&all, 0);
    ERR(&e, -EINVAL, "cli.change_usage", all.p);
    buf_done(&all);
    return fail(r, &e);
}

int cmd_why(struct run *r)
{
    struct err e = {0};
    struct buf b;
    json_t *why = NULL, *row, *vote;
    size_t i, j;

    buf_init(&b, 4096);
    buf_z(&b, "/api/v1/");
    url_segment(&b, r->args[0]);
    buf_byte(&b, '/');
    url_segment(&b, r->args[1]);
    buf_z(&b, "/why");
    int rc = client_get(r, buf_view(&b), &why, &e);
    buf_done(&b);
    if (rc < 0)
        return fail(r, &e);
    if (r->format == OUT_JSON) {
        out_object(r, why);
        json_decref(why);
        return EXIT_FINE;
    }
    json_array_foreach(json_object_get(why, "history"), i, row)
    {
        json_t *change = json_object_get(row, "change"), *by = json_array();
        json_array_foreach(json_object_get(row, "approvals"), j,
                           vote) if (str_eq(json_get_str(vote, "verdict"), STR("approved")) &&
                                     !json_is_true(json_object_get(vote, "void")))
            json_array_append(by, json_object_get(vote, "by"));
        str reason = json_get_str(row, "reason");
        json_object_set_new(row, "why", json_from_str(reason.n > 0 ? reason : json_get_str(change, "title")));
        json_object_set_new(row, "approver", by);
    }
    int code = out_rows(r, json_object_get(why, "history"), COLS(why_columns));
    json_decref(why);
    return code;
}
