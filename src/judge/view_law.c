/* GET /clauses, /clauses/<id>, /controls: the texts as trees with their state. */
#include "judge/judge-int.h"
#include "base/json.h"
#include <errno.h>

enum { OBSERVED_S = 86400 };

/* ---- open findings by control, as far as the actor sees ---- */

static bool count_row(void *ctx, const struct val *v, size_t n)
{
    struct map_slot *s = map_put(ctx, v[0].s, NULL);

    if (s != NULL)
        s->v.num = v[1].i;
    return s != NULL;
}

int open_by_control(struct judge *j, struct tx *tx, struct sight *s, const struct actor *who, struct map *out,
                    struct err *e)
{
    int rc;

    map_init(out, PACK_CONTROLS_MAX * 4);
    if (s->all)
        rc = tx_query(tx, "SELECT control, count(*) FROM finding WHERE open_key IS NOT NULL GROUP BY control", NO_VALS,
                      count_row, out, e);
    else
        rc = tx_query(tx,
                      "WITH RECURSIVE sub(id) AS (SELECT CAST(?1 AS BIGINT) UNION SELECT u.id FROM unit u JOIN sub ON "
                      "u.parent_id = sub.id)"
                      " SELECT control, count(*) FROM finding WHERE open_key IS NOT NULL AND unit_id IN (SELECT id "
                      "FROM sub) GROUP BY control",
                      VALS(V_INT(who->unit_id)), count_row, out, e);
    return rc < 0 ? rc : 0;
}

static int64_t open_count(struct map *open, str control)
{
    struct map_slot *s = open == NULL ? NULL : map_get(open, control);

    return s == NULL ? 0 : s->v.num;
}

/* ---- the state of a control ---- */

/* An event control passes only while something it could see does arrive. */
static enum check_state event_state(struct judge *j, struct packset *ps, const struct control *c)
{
    int64_t now = clock_wall(j->clk), newest = 0;
    bool own = false;

    for (size_t i = 0; i < c->event.nrules; i++) {
        const struct sigma_rule *r = &ps->rules[c->event.rules[i]];
        newest = r->routed_at > newest ? r->routed_at : newest;
        own = own || str_eq(r->source.product, STR("luy"));
    }
    for (size_t i = 0; i < c->event.ncorrs; i++) {
        const struct corr_rule *cr = &ps->corrs[c->event.corrs[i]];
        for (size_t k = 0; k < cr->nrefs; k++)
            if (cr->ref[k].rule >= 0 && ps->rules[cr->ref[k].rule].routed_at > newest)
                newest = ps->rules[cr->ref[k].rule].routed_at;
    }
    return own || (newest != 0 && now - newest < OBSERVED_S * NS_PER_S) ? CS_PASS : CS_UNKNOWN;
}

static void result_copy(struct judge *j, const struct control *c, struct result *out)
{
    pthread_mutex_lock(&j->ps_lock);
    struct result *r = result_of(j, c->id, false);
    *out = r == NULL ? (struct result){0} : *r;
    pthread_mutex_unlock(&j->ps_lock);
}

enum check_state control_state(struct judge *j, struct packset *ps, const struct control *c, struct map *open)
{
    struct result r;

    if (c->kind == CK_EVENT)
        return open_count(open, c->id) > 0 ? CS_FAIL : event_state(j, ps, c);
    result_copy(j, c, &r);
    if (r.state == CS_FAIL && open != NULL && open_count(open, c->id) == 0)
        return CS_PASS; /* it fails, but not where this actor sees */
    return r.state;
}

static uint64_t regex_stops(const struct packset *ps, const struct control *c)
{
    uint64_t n = 0;

    for (size_t i = 0; i < c->event.nrules; i++)
        n += ps->rules[c->event.rules[i]].stopped;
    return n;
}

static json_t *error_json(const struct packset *ps, const struct control *c, const struct result *r)
{
    struct err e = {0};
    char vi[300], en[300];
    uint64_t stops = regex_stops(ps, c);

    if (r->error[0] != '\0')
        return json_pack("{s:o, s:o}", "vi", text_json(r->error), "en", text_json(r->error + r->error_en));
    if (stops == 0)
        return json_null();
    ERR(&e, -ETIME, "judge.regex_stopped", N((int64_t)stops));
    err_sentence(&e, LANG_VI, vi, sizeof(vi));
    err_sentence(&e, LANG_EN, en, sizeof(en));
    return json_pack("{s:s, s:s}", "vi", vi, "en", en);
}

static str control_subject(const struct control *c)
{
    switch (c->kind) {
    case CK_STATE:
        return c->state.subject;
    case CK_EVENT:
        return c->event.subject_name;
    default:
        return c->duty.per_unit ? STR("unit") : STR("none");
    }
}

static json_t *control_with(struct judge *j, struct packset *ps, const struct control *c, struct map *open)
{
    struct result r;
    json_t *clauses = json_loadb(c->clauses_json.p, c->clauses_json.n, 0, NULL);

    result_copy(j, c, &r);
    int64_t offenders = c->kind == CK_EVENT || open != NULL ? open_count(open, c->id) : (int64_t)r.offenders;
    return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:s, s:I, s:I, s:o, s:I, s:o, s:o, s:o, s:o}", "id",
                     json_from_str(c->id), "kind", control_kind_names[c->kind], "title", label_json(c->title),
                     "severity", severity_json(c->severity), "clauses", clauses == NULL ? json_array() : clauses,
                     "subject", json_from_str(control_subject(c)), "state",
                     check_state_names[control_state(j, ps, c, open)], "offenders", (json_int_t)offenders, "unknowns",
                     (json_int_t)r.unknowns, "checked_at", time_json(r.checked_at), "ms", (json_int_t)r.ms, "remedy",
                     label_json(c->remedy), "error", error_json(ps, c, &r), "default",
                     c->dflt.n == 0 ? json_null() : json_from_str(c->dflt), "pack", json_from_str(c->pack));
}

json_t *control_json(struct judge *j, struct packset *ps, struct tx *tx, const struct control *c)
{
    struct map open;
    struct sight all = {.all = true};

    if (open_by_control(j, tx, &all, NULL, &open, NULL) < 0) {
        map_done(&open);
        return json_null();
    }
    json_t *out = control_with(j, ps, c, &open);
    map_done(&open);
    return out;
}

/* ---- the tree ---- */

struct tree {
    struct judge *j;
    struct packset *ps;
    struct map *open;
    enum check_state *state;
    bool *has;
    int64_t *count;
};

/* The worst of several: fail, then unknown, then pass; what does not apply
 * counts only when there is nothing else. */
static enum check_state worse(enum check_state a, enum check_state b)
{
    static const int rank[] = {[CS_NA] = 0, [CS_PASS] = 1, [CS_UNKNOWN] = 2, [CS_FAIL] = 3};

    return rank[a] >= rank[b] ? a : b;
}

/* A clause shows the state of its own controls; a node above it, of all below. */
static bool tree_init(struct tree *t, struct arena *a)
{
    size_t n = t->ps->nclauses;

    t->state = arena_array(a, enum check_state, n + 1);
    t->has = arena_array(a, bool, n + 1);
    t->count = arena_array(a, int64_t, n + 1);
    if (t->state == NULL || t->has == NULL || t->count == NULL)
        return false;
    for (size_t i = n; i-- > 0;) { /* children stand behind their parent */
        const struct clause *c = &t->ps->clauses[i];
        for (size_t k = 0; k < c->ncontrols; k++) {
            const struct control *ctl = &t->ps->controls[c->controls[k]];
            enum check_state s = control_state(t->j, t->ps, ctl, t->open);
            t->state[i] = t->has[i] ? worse(t->state[i], s) : s;
            t->has[i] = true;
            t->count[i] += open_count(t->open, ctl->id);
        }
        if (c->parent >= 0 && t->has[i]) {
            int p = c->parent;
            t->state[p] = t->has[p] ? worse(t->state[p], t->state[i]) : t->state[i];
            t->has[p] = true;
            t->count[p] += t->count[i];
        }
    }
    return true;
}

static json_t *clause_json(const struct tree *t, size_t i)
{
    const struct clause *c = &t->ps->clauses[i];
    json_t *controls = json_array();

    for (size_t k = 0; k < c->ncontrols; k++)
        json_array_append_new(controls, json_from_str(t->ps->controls[c->controls[k]].id));
    return json_pack("{s:o, s:o, s:o, s:o, s:b, s:s, s:o, s:I, s:[]}", "id", json_from_str(c->id), "number",
                     json_from_str(c->number), "title", label_json(c->title), "text", label_json(c->text), "operative",
                     c->operative, "state", t->has[i] ? check_state_names[t->state[i]] : "none", "controls", controls,
                     "open_findings", (json_int_t)t->count[i], "children");
}

static json_t *regulation_json(const struct tree *t, size_t reg, json_t **nodes)
{
    const struct regulation *r = &t->ps->regs[reg];
    json_t *top = json_array();
    int64_t operative = 0, covered = 0;

    for (size_t i = 0; i < t->ps->nclauses; i++) {
        const struct clause *c = &t->ps->clauses[i];
        if (c->reg != (int)reg)
            continue;
        nodes[i] = clause_json(t, i);
        json_array_append_new(c->parent >= 0 ? json_object_get(nodes[c->parent], "children") : top, nodes[i]);
        operative += c->operative ? 1 : 0;
        covered += c->operative && c->ncontrols > 0 ? 1 : 0;
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:I, s:I}, s:o}", "code", json_from_str(r->code), "title",
                     label_json(r->title), "number", json_from_str(r->number.p == NULL ? STR("") : r->number),
                     "issued_on", r->issued_on.n == 0 ? json_null() : json_from_str(r->issued_on), "effective_on",
                     r->effective_on.n == 0 ? json_null() : json_from_str(r->effective_on), "binds",
                     label_json(r->binds), "pack", json_from_str(r->pack), "coverage", "clauses", (json_int_t)operative,
                     "covered", (json_int_t)covered, "clauses", top);
}

int judge_clauses(struct judge *j, const struct actor *who, json_t **out, struct err *e)
{
    struct packset *ps = judge_packs(j);
    struct arena a = arena_init(16 << 20);
    struct map open = {0};
    struct tree t = {j, ps, &open, NULL, NULL, NULL};
    struct tx *tx;
    struct sight s;
    int rc = view_begin(j, who, &tx, &s, e);

    if (rc == 0) {
        rc = open_by_control(j, tx, &s, who, &open, e);
        json_t **nodes = rc == 0 && tree_init(&t, &a) ? arena_array(&a, json_t *, ps->nclauses + 1) : NULL;
        if (nodes != NULL) {
            json_t *regs = json_array();
            for (size_t i = 0; i < ps->nregs; i++)
                json_array_append_new(regs, regulation_json(&t, i, nodes));
            *out = json_pack("{s:o}", "regulations", regs);
        } else if (rc == 0) {
            rc = ERR(e, -ENOMEM, "base.no_memory", "clauses");
        }
        view_end(tx, &s);
    }
    map_done(&open);
    arena_free(&a);
    packset_unref(ps);
    return rc;
}

static json_t *controls_of(const struct tree *t, const struct clause *c)
{
    json_t *list = json_array();

    for (size_t k = 0; k < c->ncontrols; k++)
        json_array_append_new(list, control_with(t->j, t->ps, &t->ps->controls[c->controls[k]], t->open));
    return list;
}

static int clause_full(struct tree *t, struct tx *tx, struct sight *s, const struct actor *who, const struct clause *c,
                       json_t **out, struct err *e)
{
    struct finding_query q = {.clause = c->id, .state = STR("living"), .limit = 200};
    json_t *found = NULL, *duties = NULL, *o;
    int rc = findings_items(t->j, tx, s, who, &q, &found, e);

    if (rc == 0)
        rc = duties_items(t->j, tx, s, c->id, &duties, e);
    if (rc == 0) {
        o = clause_json(t, (size_t)(c - t->ps->clauses));
        json_object_del(o, "children");
        json_object_set_new(o, "regulation", json_from_str(t->ps->regs[c->reg].code));
        json_object_set_new(o, "controls", controls_of(t, c));
        json_object_set(o, "findings", json_object_get(found, "items"));
        json_object_set(o, "duties", duties);
        *out = o;
    }
    json_decref(found);
    json_decref(duties);
    return rc;
}

int judge_clause(struct judge *j, const struct actor *who, str id, json_t **out, struct err *e)
{
    struct packset *ps = judge_packs(j);
    const struct clause *c = packset_clause(ps, id);
    struct arena a = arena_init(16 << 20);
    struct map open = {0};
    struct tree t = {j, ps, &open, NULL, NULL, NULL};
    struct tx *tx;
    struct sight s;
    int rc = view_begin(j, who, &tx, &s, e);

    if (rc == 0) {
        rc = c == NULL ? ERR(e, -ENOENT, "judge.no_clause", S(id)) : open_by_control(j, tx, &s, who, &open, e);
        if (rc == 0 && !tree_init(&t, &a))
            rc = ERR(e, -ENOMEM, "base.no_memory", "clause");
        if (rc == 0)
            rc = clause_full(&t, tx, &s, who, c, out, e);
        view_end(tx, &s);
    }
    map_done(&open);
    arena_free(&a);
    packset_unref(ps);
    return rc;
}

int judge_controls(struct judge *j, const struct actor *who, json_t **out, struct err *e)
{
    struct packset *ps = judge_packs(j);
    struct map open = {0};
    struct tx *tx;
    struct sight s;
    int rc = view_begin(j, who, &tx, &s, e);

    if (rc == 0) {
        rc = open_by_control(j, tx, &s, who, &open, e);
        json_t *items = json_array();
        for (size_t i = 0; rc == 0 && i < ps->ncontrols; i++)
            json_array_append_new(items, control_with(j, ps, &ps->controls[i], &open));
        if (rc == 0)
            *out = json_pack("{s:o}", "items", items);
        else
            json_decref(items);
        view_end(tx, &s);
    }
    map_done(&open);
    packset_unref(ps);
    return rc;
}
