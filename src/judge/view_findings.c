/* GET /findings, GET and POST /findings/<id>. */
#include "judge/judge-int.h"
#include "base/json.h"
#include "base/msg.h"
#include "base/text.h"
#include <errno.h>

enum { FIELDS = 21, LIMIT_DEFAULT = 50, LIMIT_MAX = 1000 };
static const char columns[] = "f.id, f.control, f.subject_kind, f.subject_id, f.subject_key, f.subject_title, "
                              "f.unit_id, u.code, u.name, f.severity, f.state,"
                              " f.count, f.first_at, f.last_at, f.closed_at, f.title_vi, f.title_en, f.message_vi, "
                              "f.message_en, f.clauses, f.evidence";

static json_t *text_of(const struct val *v) { return json_from_str(v->type == VAL_TEXT ? v->s : STR("")); }
static json_t *both(const struct val *v) { return json_pack("{s:o, s:o}", "vi", text_of(&v[0]), "en", text_of(&v[1])); }

static json_t *row_json(const struct val *v)
{
    json_t *clauses = json_loadb(v[19].s.p, v[19].s.n, 0, NULL);

    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o, s:o, s:o}, s:o, s:I, s:o, s:o, s:o, s:o}", "id",
                     (json_int_t)v[0].i, "control", text_of(&v[1]), "title", both(&v[15]), "clauses",
                     clauses == NULL ? json_array() : clauses, "severity", text_of(&v[9]), "state", text_of(&v[10]),
                     "subject", "kind", text_of(&v[2]), "id", v[3].type == VAL_INT ? json_integer(v[3].i) : json_null(),
                     "key", text_of(&v[4]), "title", text_of(&v[5]), "unit",
                     unit_json(v[6].type == VAL_INT ? v[6].i : 0, v[7].s, v[8].s), "count", (json_int_t)v[11].i,
                     "first_at", time_json(v[12].i), "last_at", time_json(v[13].i), "closed_at",
                     time_json(v[14].type == VAL_INT ? v[14].i : 0), "message", both(&v[17]));
}

/* ---- the list ---- */

struct where {
    struct arena a;
    struct buf with, cond;
    struct val p[16];
    size_t n;
};

static size_t param(struct where *w, struct val v)
{
    w->p[w->n++] = v;
    return w->n;
}

/* Text for LIKE with '!' as its escape. */
static struct val like(struct where *w, const char *head, str s, const char *tail)
{
    struct buf b;

    buf_init(&b, 4096);
    buf_z(&b, head);
    for (size_t i = 0; i < s.n && i < 500; i++) {
        if (s.p[i] == '%' || s.p[i] == '_' || s.p[i] == '!')
            buf_byte(&b, '!');
        buf_byte(&b, (uint8_t)s.p[i]);
    }
    buf_z(&b, tail);
    str out = arena_str(&w->a, buf_view(&b));
    buf_done(&b);
    return V_STR(out);
}

static void subtree(struct where *w, const char *name, struct val id)
{
    buf_fmt(&w->with,
            "%s%s(id) AS (SELECT CAST(?%zu AS BIGINT) UNION SELECT u.id FROM unit u JOIN %s s ON u.parent_id = s.id)",
            w->with.n == 0 ? "WITH RECURSIVE " : ", ", name, param(w, id), name);
    buf_fmt(&w->cond, " AND f.unit_id IN (SELECT id FROM %s)", name);
}

static int unit_of(struct tx *tx, struct arena *a, str key, int64_t *id, struct err *e)
{
    struct val v;

    if (str_i64(key, id))
        return 0;
    int rc = tx_one(tx, a, "SELECT id FROM unit WHERE code = ?1 ORDER BY valid_to IS NOT NULL, id DESC",
                    VALS(V_STR(key)), &v, e);
    *id = rc == 1 ? v.i : -1;
    return rc < 0 ? rc : 0;
}

static int build(struct where *w, struct tx *tx, struct sight *s, const struct actor *who,
                 const struct finding_query *q, struct err *e)
{
    struct {
        str v;
        const char *col;
    } plain[] = {{q->control, "control"}, {q->severity, "severity"}};
    int64_t unit;

    w->a = arena_init(1 << 20);
    buf_init(&w->with, 4096);
    buf_init(&w->cond, 8192);
    buf_z(&w->cond, "1 = 1");
    if (!s->all)
        subtree(w, "own_units", V_INT(who->unit_id));
    if (q->unit.n > 0) {
        int rc = unit_of(tx, &w->a, q->unit, &unit, e);
        if (rc < 0)
            return rc;
        subtree(w, "asked_units", V_INT(unit));
    }
    for (size_t i = 0; i < 2; i++)
        if (plain[i].v.n > 0)
            buf_fmt(&w->cond, " AND f.%s = ?%zu", plain[i].col, param(w, V_STR(plain[i].v)));
    if (q->subject_id != 0) {
        size_t kind = param(w, V_STR(q->subject_kind)), id = param(w, V_INT(q->subject_id));
        buf_fmt(&w->cond, " AND f.subject_kind = ?%zu AND f.subject_id = ?%zu", kind, id);
    }
    if (str_eq(q->state, STR("living")))
        buf_z(&w->cond, " AND f.state <> 'closed'");
    else if (q->state.n > 0 && !str_eq(q->state, STR("all")))
        buf_fmt(&w->cond, " AND f.state = ?%zu", param(w, V_STR(q->state)));
    if (q->clause.n > 0) { /* the clause itself or what lies in it */
        size_t a = param(w, like(w, "%\"", q->clause, "\"%")), b = param(w, like(w, "%\"", q->clause, ".%"));
        buf_fmt(&w->cond, " AND (f.clauses LIKE ?%zu ESCAPE '!' OR f.clauses LIKE ?%zu ESCAPE '!')", a, b);
    }
    if (q->q.n > 0)
        buf_fmt(&w->cond, " AND f.folded LIKE ?%zu ESCAPE '!'",
                param(w, like(w, "%", text_fold(&w->a, str_sub(q->q, 0, 200)), "%")));
    return w->cond.failed || w->with.failed || w->a.failed ? ERR(e, -ENOMEM, "base.no_memory", "findings") : 0;
}

static void where_done(struct where *w)
{
    buf_done(&w->with);
    buf_done(&w->cond);
    arena_free(&w->a);
}

static bool item_row(void *ctx, const struct val *v, size_t n)
{
    json_array_append_new(ctx, row_json(v));
    return true;
}

static int run_list(struct where *w, struct tx *tx, const struct finding_query *q, json_t *items, int64_t *total,
                    struct err *e)
{
    size_t limit = q->limit == 0 ? LIMIT_DEFAULT : q->limit > LIMIT_MAX ? LIMIT_MAX : q->limit;
    int64_t cursor;
    struct val v;

    str sql = arena_fmt(&w->a, "%.*s SELECT count(*) FROM finding f WHERE %.*s", STR_ARGS(buf_view(&w->with)),
                        STR_ARGS(buf_view(&w->cond)));
    int rc = tx_one(tx, &w->a, sql.p, w->p, w->n, &v, e);
    if (rc < 0)
        return rc;
    *total = v.i;
    if (q->cursor.n > 0) {
        if (!str_i64(q->cursor, &cursor))
            return ERR(e, -EINVAL, "judge.cursor", S(q->cursor));
        buf_fmt(&w->cond, " AND f.id < ?%zu", param(w, V_INT(cursor)));
    }
    sql = arena_fmt(
        &w->a,
        "%.*s SELECT %s FROM finding f LEFT JOIN unit u ON u.id = f.unit_id WHERE %.*s ORDER BY f.id DESC LIMIT %zu",
        STR_ARGS(buf_view(&w->with)), columns, STR_ARGS(buf_view(&w->cond)), limit);
    rc = tx_query(tx, sql.p, w->p, w->n, item_row, items, e);
    return rc < 0 ? rc : 0;
}

int findings_items(struct judge *j, struct tx *tx, struct sight *s, const struct actor *who,
                   const struct finding_query *q, json_t **out, struct err *e)
{
    struct where w = {0};
    json_t *items = json_array(), *next = json_null();
    int64_t total = 0;
    int rc = build(&w, tx, s, who, q, e);

    if (rc == 0)
        rc = run_list(&w, tx, q, items, &total, e);
    where_done(&w);
    size_t n = json_array_size(items), limit = q->limit == 0          ? LIMIT_DEFAULT
                                               : q->limit > LIMIT_MAX ? LIMIT_MAX
                                                                      : q->limit;
    if (rc < 0) {
        json_decref(items);
        return rc;
    }
    if (n == limit && n > 0) {
        char z[24];
        snprintf(z, sizeof(z), "%lld", (long long)json_get_int(json_array_get(items, n - 1), "id", 0));
        next = json_string(z);
    }
    *out = json_pack("{s:o, s:o, s:I}", "items", items, "next", next, "total", (json_int_t)total);
    return 0;
}

int judge_findings(struct judge *j, const struct actor *who, const struct finding_query *q, json_t **out, struct err *e)
{
    struct tx *tx;
    struct sight s;
    int rc = view_begin(j, who, &tx, &s, e);

    if (rc < 0)
        return rc;
    rc = findings_items(j, tx, &s, who, q, out, e);
    view_end(tx, &s);
    return rc;
}

/* ---- one ---- */

struct one {
    json_t *finding;
    int64_t unit;
};

static bool one_row(void *ctx, const struct val *v, size_t n)
{
    struct one *o = ctx;

    o->finding = row_json(v);
    o->unit = v[6].type == VAL_INT ? v[6].i : 0;
    return false;
}

static bool evidence_row(void *ctx, const struct val *v, size_t n)
{
    json_t *data = json_loadb(v[3].s.p, v[3].s.n, 0, NULL);

    json_array_append_new(ctx, json_pack("{s:o, s:o, s:o, s:o}", "at", time_json(v[0].i), "seq",
                                         v[1].type == VAL_INT ? json_integer(v[1].i) : json_null(), "line",
                                         v[2].type == VAL_TEXT ? json_from_str(v[2].s) : json_null(), "data",
                                         data == NULL ? json_object() : data));
    return true;
}

/* What Lũy notes itself is kept as a key and shown in both languages. */
static bool history_row(void *ctx, const struct val *v, size_t n)
{
    char key[80];
    const char *vi, *en;
    json_t *row = json_pack("{s:o, s:o, s:o}", "at", time_json(v[0].i), "by", text_of(&v[1]), "state", text_of(&v[2]));

    snprintf(key, sizeof(key), "%.*s", STR_ARGS(v[3].s));
    vi = strncmp(key, "judge.", 6) == 0 ? msg_get(key, LANG_VI) : NULL;
    en = vi == NULL ? NULL : msg_get(key, LANG_EN);
    json_object_set_new(row, "note", vi == NULL ? text_of(&v[3]) : json_string(vi));
    if (vi != NULL && en != NULL)
        json_object_set_new(row, "note_label", json_pack("{s:s, s:s}", "vi", vi, "en", en));
    json_array_append_new(ctx, row);
    return true;
}

static void add_rule(json_t *list, str text) { json_array_append_new(list, json_from_str(text)); }

/* The YAML of the control, and of every rule it stands on. */
static json_t *rule_text(const struct packset *ps, const struct control *c)
{
    json_t *parts = json_array();
    struct buf b;

    add_rule(parts, c->text);
    for (size_t i = 0; i < c->event.ncorrs; i++) {
        const struct corr_rule *r = &ps->corrs[c->event.corrs[i]];
        add_rule(parts, r->text);
        for (size_t k = 0; k < r->nrefs; k++)
            add_rule(parts, r->ref[k].rule >= 0 ? ps->rules[r->ref[k].rule].text : ps->corrs[r->ref[k].corr].text);
    }
    for (size_t i = 0; i < c->event.nrules; i++)
        add_rule(parts, ps->rules[c->event.rules[i]].text);
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < json_array_size(parts); i++) {
        if (i > 0)
            buf_z(&b, "---\n");
        buf_str(&b, str_trim(json_str(json_array_get(parts, i))));
        buf_byte(&b, '\n');
    }
    json_t *out = json_from_str(buf_view(&b));
    buf_done(&b);
    json_decref(parts);
    return out;
}

static json_t *why_json(struct judge *j, struct packset *ps, struct tx *tx, const json_t *finding)
{
    const struct control *c = packset_control(ps, json_get_str(finding, "control"));
    json_t *clauses = json_array(), *id;
    size_t i;

    json_array_foreach(json_object_get(finding, "clauses"), i, id)
    {
        const struct clause *cl = packset_clause(ps, json_str(id));
        if (cl != NULL)
            json_array_append_new(clauses, json_pack("{s:o, s:o, s:o, s:o}", "id", json_from_str(cl->id), "number",
                                                     json_from_str(cl->number), "title", label_json(cl->title), "text",
                                                     label_json(cl->text)));
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "control", c == NULL ? json_null() : control_json(j, ps, tx, c),
                     "clauses", clauses, "rule", c == NULL ? json_null() : rule_text(ps, c), "remedy",
                     c == NULL ? json_null() : label_json(c->remedy), "reason",
                     c == NULL ? json_null() : label_json(c->why));
}

static int finding_read(struct judge *j, struct tx *tx, struct sight *s, int64_t id, json_t **out, struct err *e)
{
    struct one o = {0};
    char sql[600];

    snprintf(sql, sizeof(sql), "SELECT %s FROM finding f LEFT JOIN unit u ON u.id = f.unit_id WHERE f.id = ?1",
             columns);
    int rc = tx_query(tx, sql, VALS(V_INT(id)), one_row, &o, e);
    if (rc >= 0 && (o.finding == NULL || !sight_has(s, o.unit)))
        rc = ERR(e, -ENOENT, "judge.no_finding", N(id));
    if (rc < 0)
        json_decref(o.finding);
    else
        *out = o.finding;
    return rc < 0 ? rc : 0;
}

static int finding_full(struct judge *j, struct tx *tx, struct sight *s, int64_t id, json_t **out, struct err *e)
{
    struct packset *ps = judge_packs(j);
    json_t *f = NULL, *evidence = json_array(), *history = json_array();
    int rc = finding_read(j, tx, s, id, &f, e);

    if (rc == 0)
        rc = tx_query(tx, "SELECT at, seq, line, data FROM finding_event WHERE finding_id = ?1 ORDER BY ord DESC",
                      VALS(V_INT(id)), evidence_row, evidence, e);
    if (rc >= 0)
        rc = tx_query(tx, "SELECT at, by_name, state, note FROM finding_history WHERE finding_id = ?1 ORDER BY ord",
                      VALS(V_INT(id)), history_row, history, e);
    if (rc >= 0) {
        json_object_set_new(f, "why", why_json(j, ps, tx, f));
        json_object_set(f, "evidence", evidence);
        json_object_set(f, "history", history);
        *out = f;
    } else {
        json_decref(f);
    }
    json_decref(evidence);
    json_decref(history);
    packset_unref(ps);
    return rc < 0 ? rc : 0;
}

int judge_finding(struct judge *j, const struct actor *who, int64_t id, json_t **out, struct err *e)
{
    struct tx *tx;
    struct sight s;
    int rc = view_begin(j, who, &tx, &s, e);

    if (rc < 0)
        return rc;
    rc = finding_full(j, tx, &s, id, out, e);
    view_end(tx, &s);
    return rc;
}
