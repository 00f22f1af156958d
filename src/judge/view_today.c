/* GET /today: what wants attention now. What intake counts (drops, restarts)
 * the api adds. */
#include "judge/judge-int.h"
#include "base/json.h"
#include "base/msg.h"
#include <errno.h>

struct today {
    struct judge *j;
    struct packset *ps;
    const struct actor *who;
    struct tx *tx;
    struct sight s;
    struct map open;
    int64_t total;
    json_t *by_severity, *by_unit, *newest, *duties, *sources;
};

static const char own_units[] = "WITH RECURSIVE sub(id) AS (SELECT CAST(?1 AS BIGINT) UNION SELECT u.id FROM unit u "
                                "JOIN sub ON u.parent_id = sub.id) ";

static int ask(struct today *t, const char *sql_all, const char *sql_own, row_fn *fn, void *ctx, struct err *e)
{
    char sql[1200];
    int rc;

    if (t->s.all)
        return (rc = tx_query(t->tx, sql_all, NO_VALS, fn, ctx, e)) < 0 ? rc : 0;
    snprintf(sql, sizeof(sql), "%s%s", own_units, sql_own);
    return (rc = tx_query(t->tx, sql, VALS(V_INT(t->who->unit_id)), fn, ctx, e)) < 0 ? rc : 0;
}

static bool severity_row(void *ctx, const struct val *v, size_t n)
{
    struct today *t = ctx;
    char name[24];

    snprintf(name, sizeof(name), "%.*s", STR_ARGS(v[0].s));
    json_object_set_new(t->by_severity, name, json_integer(v[1].i));
    t->total += v[1].i;
    return true;
}

static bool unit_row(void *ctx, const struct val *v, size_t n)
{
    struct today *t = ctx;

    json_array_append_new(t->by_unit,
                          json_pack("{s:o, s:I}", "unit", unit_json(v[0].type == VAL_INT ? v[0].i : 0, v[1].s, v[2].s),
                                    "count", (json_int_t)v[3].i));
    return true;
}

static int findings_part(struct today *t, struct err *e)
{
    struct finding_query q = {.state = STR("living"), .limit = 10};
    int rc = ask(t, "SELECT severity, count(*) FROM finding WHERE open_key IS NOT NULL GROUP BY severity",
                 "SELECT severity, count(*) FROM finding WHERE open_key IS NOT NULL AND unit_id IN (SELECT id FROM "
                 "sub) GROUP BY severity",
                 severity_row, t, e);

    if (rc == 0)
        rc =
            ask(t,
                "SELECT f.unit_id, u.code, u.name, count(*) AS n FROM finding f LEFT JOIN unit u ON u.id = f.unit_id"
                " WHERE f.open_key IS NOT NULL GROUP BY f.unit_id, u.code, u.name ORDER BY n DESC, u.code LIMIT 50",
                "SELECT f.unit_id, u.code, u.name, count(*) AS n FROM finding f LEFT JOIN unit u ON u.id = f.unit_id"
                " WHERE f.open_key IS NOT NULL AND f.unit_id IN (SELECT id FROM sub) GROUP BY f.unit_id, u.code, u.name"
                " ORDER BY n DESC, u.code LIMIT 50",
                unit_row, t, e);
    return rc == 0 ? findings_items(t->j, t->tx, &t->s, t->who, &q, &t->newest, e) : rc;
}

/* ---- by clause ---- */

struct clause_count {
    const struct clause *c;
    int64_t n;
    enum severity worst;
};

static int by_count(const void *pa, const void *pb)
{
    const struct clause_count *a = pa, *b = pb;

    if (a->worst != b->worst)
        return a->worst > b->worst ? -1 : 1;
    if (a->n != b->n)
        return a->n > b->n ? -1 : 1;
    return str_cmp(a->c->id, b->c->id);
}

static json_t *by_clause(struct today *t)
{
    struct clause_count *v = reallocarray(NULL, t->ps->nclauses + 1, sizeof(*v));
    json_t *out = json_array();
    size_t n = 0;

    for (size_t i = 0; v != NULL && i < t->ps->nclauses; i++) {
        struct clause_count k = {&t->ps->clauses[i], 0, SEV_LOW};
        for (size_t c = 0; c < k.c->ncontrols; c++) {
            const struct control *ctl = &t->ps->controls[k.c->controls[c]];
            struct map_slot *s = map_get(&t->open, ctl->id);
            if (s == NULL || s->v.num == 0)
                continue;
            k.n += s->v.num;
            k.worst = ctl->severity > k.worst ? ctl->severity : k.worst;
        }
        if (k.n > 0)
            v[n++] = k;
    }
    if (n > 1)
        qsort(v, n, sizeof(*v), by_count);
    for (size_t i = 0; i < n; i++) {
        struct label title = v[i].c->title.vi.n > 0 ? v[i].c->title : v[i].c->text;
        json_array_append_new(out, json_pack("{s:o, s:o, s:o, s:I, s:o}", "clause", json_from_str(v[i].c->id), "number",
                                             json_from_str(v[i].c->number), "title", label_json(title), "count",
                                             (json_int_t)v[i].n, "severity", severity_json(v[i].worst)));
    }
    free(v);
    return out;
}

/* ---- checks, coverage, sources ---- */

static json_t *checks_json(struct today *t, int64_t count[4])
{
    int64_t last = 0;

    for (size_t i = 0; i < t->ps->ncontrols; i++) {
        const struct control *c = &t->ps->controls[i];
        count[control_state(t->j, t->ps, c, &t->open)]++;
        pthread_mutex_lock(&t->j->ps_lock);
        struct result *r = result_of(t->j, c->id, false);
        last = r != NULL && r->checked_at > last ? r->checked_at : last;
        pthread_mutex_unlock(&t->j->ps_lock);
    }
    return json_pack("{s:I, s:I, s:I, s:I, s:o}", "pass", (json_int_t)count[CS_PASS], "fail",
                     (json_int_t)count[CS_FAIL], "unknown", (json_int_t)count[CS_UNKNOWN], "not_applicable",
                     (json_int_t)count[CS_NA], "last_run_at", time_json(last));
}

static json_t *coverage_json(const struct packset *ps)
{
    int64_t operative = 0, covered = 0;

    for (size_t i = 0; i < ps->nclauses; i++) {
        operative += ps->clauses[i].operative ? 1 : 0;
        covered += ps->clauses[i].operative && ps->clauses[i].ncontrols > 0 ? 1 : 0;
    }
    return json_pack("{s:I, s:I}", "clauses", (json_int_t)operative, "covered", (json_int_t)covered);
}

static json_t *silent_json(const json_t *sources)
{
    json_t *silent = json_array(), *one;
    size_t i;

    json_array_foreach(sources, i, one) if (json_is_true(json_object_get(one, "silent")))
        json_array_append(silent, one);
    return json_pack("{s:I, s:o}", "total", (json_int_t)json_array_size(sources), "silent", silent);
}

/* Done and far-off duties are not for today. */
static json_t *near_duties(const json_t *all, int64_t *late)
{
    json_t *out = json_array(), *one;
    size_t i;

    json_array_foreach(all, i, one)
    {
        str state = json_get_str(one, "state");
        *late += str_eq(state, STR("late")) ? 1 : 0;
        if (!str_eq(state, STR("done")) && !str_eq(state, STR("later")))
            json_array_append(out, one);
    }
    return out;
}

static json_t *sentence_json(const struct today *t, int64_t unknown, int64_t late, size_t silent)
{
    char text[2][400], n[4][24];
    const char *arg[4] = {n[0], n[1], n[2], n[3]};
    int64_t counts[4] = {t->total, (int64_t)silent, late, unknown};

    for (int i = 0; i < 4; i++)
        snprintf(n[i], sizeof(n[i]), "%lld", (long long)counts[i]);
    const char *key = t->total > 0             ? "judge.today_findings"
                      : late > 0 || silent > 0 ? "judge.today_duties"
                      : unknown > 0            ? "judge.today_unknown"
                                               : "judge.today_quiet";
    for (int k = 0; k < 2; k++)
        msg_fmt(text[k], sizeof(text[k]), (enum lang)k, key, arg, 4);
    return json_pack("{s:s, s:s}", "vi", text[LANG_VI], "en", text[LANG_EN]);
}

static json_t *today_json(struct today *t)
{
    int64_t count[4] = {0}, late = 0;
    json_t *checks = checks_json(t, count), *duties = near_duties(t->duties, &late), *sources = silent_json(t->sources);
    size_t silent = json_array_size(json_object_get(sources, "silent"));

    return json_pack("{s:o, s:o, s:{s:I, s:O, s:o, s:O, s:O}, s:o, s:o, s:o, s:o}", "at",
                     time_json(clock_wall(t->j->clk)), "sentence", sentence_json(t, count[CS_UNKNOWN], late, silent),
                     "findings", "open", (json_int_t)t->total, "by_severity", t->by_severity, "by_clause", by_clause(t),
                     "by_unit", t->by_unit, "newest", json_object_get(t->newest, "items"), "duties", duties, "sources",
                     sources, "checks", checks, "coverage", coverage_json(t->ps));
}

int judge_today(struct judge *j, const struct actor *who, json_t **out, struct err *e)
{
    struct today t = {.j = j, .ps = judge_packs(j), .who = who, .by_severity = json_object(), .by_unit = json_array()};
    int rc = view_begin(j, who, &t.tx, &t.s, e);

    if (rc == 0) {
        rc = open_by_control(j, t.tx, &t.s, who, &t.open, e);
        if (rc == 0)
            rc = findings_part(&t, e);
        if (rc == 0)
            rc = sources_items(j, t.tx, &t.s, &t.sources, e);
        if (rc == 0)
            rc = duties_items(j, t.tx, &t.s, STR_NONE, &t.duties, e);
        if (rc == 0)
            *out = today_json(&t);
        map_done(&t.open);
        view_end(t.tx, &t.s);
    }
    json_t *own[] = {t.by_severity, t.by_unit, t.newest, t.duties, t.sources};
    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
        json_decref(own[i]);
    packset_unref(t.ps);
    return rc;
}
