/* What the regulations say of the network: today, findings, clauses, duties. */
#include "cli/cli.h"

static int get(struct run *r, str path, json_t **out)
{
    struct err e = {0};

    return client_get(r, path, out, &e) < 0 ? fail(r, &e) : EXIT_FINE;
}

static str with_segment(struct run *r, const char *base, const char *id, const char *tail)
{
    struct buf b;

    buf_init(&b, 4096);
    buf_z(&b, base);
    url_segment(&b, id);
    buf_z(&b, tail);
    str s = arena_str(&r->arena, buf_view(&b));
    buf_done(&b);
    return s;
}

static const struct column finding_columns[] = {
    {"id", "cli.col.id"},           {"severity", "cli.col.severity"}, {"clauses", "cli.col.clauses"},
    {"subject", "cli.col.subject"}, {"unit", "cli.col.unit"},         {"state", "cli.col.state"},
    {"count", "cli.col.count"},     {"last_at", "cli.col.last"},      {"message", "cli.col.message"},
};
static const struct column duty_columns[] = {
    {"id", "cli.col.id"},      {"title", "cli.col.title"}, {"clauses", "cli.col.clauses"},     {"unit", "cli.col.unit"},
    {"due_on", "cli.col.due"}, {"state", "cli.col.state"}, {"days_left", "cli.col.days_left"},
};
static const struct column control_columns[] = {
    {"id", "cli.col.id"},
    {"kind", "cli.col.kind"},
    {"severity", "cli.col.severity"},
    {"clauses", "cli.col.clauses"},
    {"state", "cli.col.state"},
    {"offenders", "cli.col.offenders"},
    {"checked_at", "cli.col.checked"},
    {"title", "cli.col.title"},
};
#define COLS(c) c, sizeof(c) / sizeof((c)[0])

int cmd_today(struct run *r)
{
    json_t *today = NULL;
    struct buf b;
    int code = get(r, STR("/api/v1/today"), &today);

    if (code != EXIT_FINE)
        return code;
    json_t *findings = json_object_get(today, "findings"), *duties = json_object_get(today, "duties");
    int64_t open = json_get_int(findings, "open", 0);
    if (r->format == OUT_JSON) {
        out_object(r, today);
    } else {
        static const struct column by_clause[] = {{"clause", "cli.col.clause"},
                                                  {"count", "cli.col.count"},
                                                  {"severity", "cli.col.severity"},
                                                  {"title", "cli.col.title"}};
        buf_init(&b, 1u << 16);
        out_cell(r, &b, today, "sentence");
        printf("%.*s\n\n", STR_ARGS(buf_view(&b)));
        buf_done(&b);
        out_rows(r, json_object_get(findings, "by_clause"), COLS(by_clause));
        putchar('\n');
        out_rows(r, duties, COLS(duty_columns));
    }
    json_decref(today);
    return open > 0 ? EXIT_DIFFERENT : EXIT_FINE;
}

int cmd_findings(struct run *r)
{
    struct buf b;
    json_t *list = NULL;

    buf_init(&b, 64 * 1024);
    buf_z(&b, "/api/v1/findings");
    url_param(&b, "state", r->opt.filter_state);
    url_param(&b, "clause", r->opt.filter_clause);
    url_param(&b, "control", r->opt.filter_control);
    url_param(&b, "unit", r->opt.filter_unit);
    url_param(&b, "severity", r->opt.filter_severity);
    url_param(&b, "q", r->opt.query_text);
    url_param(&b, "limit", r->opt.limit);
    str path = arena_str(&r->arena, buf_view(&b));
    buf_done(&b);
    int code = get(r, path, &list);
    if (code != EXIT_FINE)
        return code;
    json_t *items = json_object_get(list, "items");
    out_rows(r, items, COLS(finding_columns));
    if (json_is_string(json_object_get(list, "next")))
        out_message(r, "cli.more", NULL, NULL);
    code = json_array_size(items) > 0 ? EXIT_DIFFERENT : EXIT_FINE;
    json_decref(list);
    return code;
}

static int print_object(struct run *r, str path)
{
    json_t *object = NULL;
    int code = get(r, path, &object);

    if (code == EXIT_FINE)
        code = out_object(r, object);
    json_decref(object);
    return code;
}

int cmd_finding(struct run *r) { return print_object(r, with_segment(r, "/api/v1/findings/", r->args[0], "")); }

int cmd_clause(struct run *r) { return print_object(r, with_segment(r, "/api/v1/clauses/", r->args[0], "")); }

int cmd_mark(struct run *r)
{
    struct err e = {0};
    json_t *body = json_object(), *out = NULL;

    json_object_set_new(body, "state", json_from_str(str_c(r->args[1])));
    json_object_set_new(body, "note", json_from_str(str_c(r->opt.note ? r->opt.note : "")));
    int rc = client_send(r, "POST", with_segment(r, "/api/v1/findings/", r->args[0], ""), body, &out, &e);
    json_decref(body);
    int code = rc < 0 ? fail(r, &e) : out_object(r, out);
    json_decref(out);
    return code;
}

/* The tree as rows in document order. */
static void flatten(json_t *nodes, json_t *rows)
{
    size_t i;
    json_t *node;

    json_array_foreach(nodes, i, node)
    {
        json_array_append(rows, node);
        flatten(json_object_get(node, "children"), rows);
    }
}

int cmd_clauses(struct run *r)
{
    static const struct column cols[] = {{"id", "cli.col.id"},
                                         {"number", "cli.col.number"},
                                         {"state", "cli.col.state"},
                                         {"open_findings", "cli.col.open"},
                                         {"controls", "cli.col.controls"},
                                         {"text", "cli.col.text"}};
    json_t *tree = NULL, *rows = json_array(), *regulation;
    size_t i;
    int code = get(r, STR("/api/v1/clauses"), &tree);

    if (code == EXIT_FINE) {
        json_array_foreach(json_object_get(tree, "regulations"), i,
                           regulation) if (r->nargs == 0 ||
                                           str_eq_nocase(json_get_str(regulation, "code"), str_c(r->args[0])))
            flatten(json_object_get(regulation, "clauses"), rows);
        code = out_rows(r, rows, COLS(cols));
    }
    json_decref(rows);
    json_decref(tree);
    return code;
}

static int print_controls(struct run *r, json_t *list)
{
    json_t *item;
    size_t i;
    int code = out_rows(r, json_object_get(list, "items"), COLS(control_columns));

    json_array_foreach(json_object_get(list, "items"), i, item) if (str_eq(json_get_str(item, "state"), STR("fail")))
        code = EXIT_DIFFERENT;
    json_decref(list);
    return code;
}

int cmd_controls(struct run *r)
{
    json_t *list = NULL;
    int code = get(r, STR("/api/v1/controls"), &list);

    return code == EXIT_FINE ? print_controls(r, list) : code;
}

int cmd_check(struct run *r)
{
    struct err e = {0};
    struct buf b;
    json_t *list = NULL;

    buf_init(&b, 4096);
    buf_z(&b, "/api/v1/controls/run");
    url_param(&b, "control", r->nargs > 0 ? r->args[0] : NULL);
    str path = arena_str(&r->arena, buf_view(&b));
    buf_done(&b);
    if (client_send(r, "POST", path, NULL, &list, &e) < 0)
        return fail(r, &e);
    return print_controls(r, list);
}

int cmd_duties(struct run *r)
{
    json_t *list = NULL, *item;
    size_t i;
    int code = get(r, STR("/api/v1/duties"), &list);

    if (code != EXIT_FINE)
        return code;
    code = out_rows(r, json_object_get(list, "items"), COLS(duty_columns));
    json_array_foreach(json_object_get(list, "items"), i, item) if (str_eq(json_get_str(item, "state"), STR("late")))
        code = EXIT_DIFFERENT;
    json_decref(list);
    return code;
}

int cmd_duty_done(struct run *r)
{
    struct err e = {0};
    json_t *body = json_object(), *out = NULL;

    json_object_set_new(body, "period_key", json_from_str(str_c(r->opt.period ? r->opt.period : "")));
    json_object_set_new(body, "note", json_from_str(str_c(r->opt.note ? r->opt.note : "")));
    int rc = client_send(r, "POST", with_segment(r, "/api/v1/duties/", r->args[0], "/done"), body, &out, &e);
    json_decref(body);
    int code = rc < 0 ? fail(r, &e) : out_object(r, out);
    json_decref(out);
    return code;
}
