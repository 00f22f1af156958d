/* The findings that a change or an import would open and close. */
#include "base/msg.h"
#include "cli/cli.h"

static const struct column columns[] = {
    {"effect", "cli.col.effect"},   {"severity", "cli.col.severity"}, {"control", "cli.col.control"},
    {"clauses", "cli.col.clauses"}, {"subject", "cli.col.subject"},   {"unit", "cli.col.unit"},
};

/* One row a finding that would open or close. */
static json_t *check_rows(const struct run *r, const json_t *checks)
{
    json_t *rows = json_array(), *control, *item;
    size_t i, k;

    json_array_foreach(json_object_get(checks, "controls"), i, control)
        json_array_foreach(json_object_get(control, "items"), k, item)
    {
        str effect = json_get_str(item, "effect");
        const char *word = msg_get(str_eq(effect, STR("opens")) ? "cli.check_opens" : "cli.check_closes", r->lang);
        json_array_append_new(rows,
                              json_pack("{s:s, s:O, s:O, s:O, s:O, s:O}", "effect", word, "severity",
                                        json_object_get(control, "severity"), "control", json_object_get(control, "id"),
                                        "clauses", json_object_get(control, "clauses"), "subject",
                                        json_object_get(item, "subject"), "unit", json_object_get(item, "unit")));
    }
    return rows;
}

static void say_count(struct run *r, const json_t *checks, const char *name, const char *key)
{
    int64_t n = json_get_int(checks, name, 0);

    if (n > 0)
        out_message(r, key, N(n), NULL);
}

void out_checks(struct run *r, const json_t *checks)
{
    json_t *rows = check_rows(r, checks), *one;
    size_t i;

    if (json_array_size(rows) > 0) {
        putchar('\n');
        out_rows(r, rows, columns, sizeof(columns) / sizeof(columns[0]));
    }
    fflush(stdout);
    out_message(r, "cli.checks", N(json_get_int(checks, "opens", 0)), N(json_get_int(checks, "closes", 0)));
    say_count(r, checks, "unknown", "cli.checks_unknown");
    say_count(r, checks, "hidden", "cli.checks_hidden");
    say_count(r, checks, "more", "cli.checks_more");
    json_array_foreach(json_object_get(checks, "failed"), i, one)
    {
        str why = json_get_str(json_object_get(one, "error"), r->lang == LANG_VI ? "vi" : "en");
        out_message(r, "cli.check_failed", S(json_get_str(one, "id")), S(why));
    }
    json_decref(rows);
}
