/* Change sets as JSON (docs/api.md, "Change sets"), and the list of them. */
#include "registry/change-int.h"
#include "base/text.h"
#include <errno.h>

enum { TOUCHED_MAX = 1000, LIST_DEFAULT = 50, LIST_MAX = 1000 };

static json_t *time_or_null(int64_t s)
{
    char text[40];

    if (s == 0)
        return json_null();
    time_fmt(s * NS_PER_S, 0, text, sizeof(text));
    return json_string(text);
}

static json_t *text_or_null(str s) { return s.n > 0 ? json_from_str(s) : json_null(); }
static json_t *id_or_null(int64_t id) { return id > 0 ? json_integer((json_int_t)id) : json_null(); }

static bool named_row(void *ctx, const struct val *v, size_t n)
{
    (void)n;
    *(json_t **)ctx = json_pack("{s:I, s:o, s:o}", "id", (json_int_t)v[0].i, "key", json_from_str(v[1].s), "title",
                                json_from_str(v[2].s));
    return false;
}

static int named(struct tx *tx, const struct registry *r, const char *kind, int64_t id, json_t **out, struct err *e)
{
    const struct kind *k = id > 0 ? schema_kind(r->sc, str_c(kind)) : NULL;
    char sql[256];
    int rc = 0;

    *out = NULL;
    if (k != NULL) {
        snprintf(sql, sizeof(sql), "SELECT id, \"%.*s\", \"%.*s\" FROM \"%s\" WHERE id = ?1",
                 STR_ARGS(k->fields[k->key_field].name), STR_ARGS(k->fields[k->title_field].name), kind);
        rc = tx_query(tx, sql, VALS(V_INT(id)), named_row, out, e);
    }
    if (*out == NULL)
        *out = json_null();
    return rc;
}

static json_t *kinds_json(str kinds)
{
    json_t *list = json_array();
    str rest = kinds, one;

    while (rest.n > 0 && str_split(&rest, ' ', &one))
        json_array_append_new(list, json_from_str(one));
    return list;
}

static int may_json(struct tx *tx, const struct registry *r, const struct actor *who, const struct change *c,
                    json_t **out, struct err *e)
{
    json_t *list = json_array();
    int64_t person;
    bool hand = false;
    int rc = change_person(tx, r, who->account_id, &person, e);

    if (rc == 0)
        rc = change_hand_has(tx, c, who->account_id, person, &hand, e);
    if (rc == 0 && change_may_edit(c, who))
        json_array_append_new(list, json_string("edit"));
    for (enum change_step s = 0; s < STEPS && rc == 0; s++)
        if (change_may(c, who, s, hand) && (s != STEP_APPROVE || person > 0))
            json_array_append_new(list, json_string(change_step_name(s)));
    *out = list;
    return rc;
}

static json_t *head_json(const struct change *c, json_t *unit, json_t *person, json_t *may)
{
    return json_pack(
        "{s:I, s:I, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o,"
        " s:o, s:I, s:o, s:o}",
        "id", (json_int_t)c->id, "rev", (json_int_t)c->rev, "state", json_from_str(c->state), "title",
        json_from_str(c->title), "reason", json_from_str(c->reason), "implicit", (int)c->implicit, "author",
        json_from_str(c->author), "author_person", person, "owner", json_from_str(c->owner), "unit", unit,
        "needs_approval", (int)c->needs, "break_glass", (int)c->glass, "reviewed_by", text_or_null(c->reviewed_by),
        "created_at", time_or_null(c->created_at), "changed_at", time_or_null(c->changed_at), "submitted_at",
        time_or_null(c->submitted_at), "applied_at", time_or_null(c->applied_at), "applied_by",
        text_or_null(c->applied_by), "confirm_by", time_or_null(c->confirm_by > 0 ? c->confirm_by : 0), "overdue",
        (int)(c->confirm_by < 0), "note", text_or_null(c->note), "reverts", id_or_null(c->reverts), "reverted_by",
        id_or_null(c->reverted_by), "ops_total", (json_int_t)c->nops, "kinds", kinds_json(c->kinds), "may", may);
}

static bool vote_row(void *ctx, const struct val *v, size_t n)
{
    (void)n;
    json_array_append_new(ctx, json_pack("{s:o, s:o, s:o, s:o, s:o, s:b}", "at", time_or_null(v[0].i), "by",
                                         json_from_str(v[1].s), "verdict", json_from_str(v[2].s), "hash",
                                         text_or_null(v[3].s), "note", text_or_null(v[4].s), "void", v[5].i != 0));
    return true;
}

int change_votes_json(struct tx *tx, int64_t id, json_t *out, struct err *e)
{
    return tx_query(tx, "SELECT at, by_name, verdict, hash, note, void FROM approval WHERE change_id = ?1 ORDER BY ord",
                    VALS(V_INT(id)), vote_row, out, e);
}

static bool event_row(void *ctx, const struct val *v, size_t n)
{
    json_t *after = v[3].type == VAL_TEXT ? json_loadb(v[3].s.p, v[3].s.n, 0, NULL) : NULL;

    (void)n;
    json_array_append_new(ctx, json_pack("{s:o, s:o, s:o, s:o, s:o}", "at", time_or_null(v[0].i / NS_PER_S), "by",
                                         json_from_str(v[1].s), "op", json_from_str(v[2].s), "state",
                                         text_or_null(json_get_str(after, "state")), "note",
                                         text_or_null(json_get_str(after, "note"))));
    json_decref(after);
    return true;
}

static bool touched_row(void *ctx, const struct val *v, size_t n)
{
    (void)n;
    json_array_append_new(ctx,
                          json_pack("{s:o, s:I, s:o, s:o}", "kind", json_from_str(v[0].s), "id", (json_int_t)v[1].i,
                                    "key", json_from_str(v[2].s), "op", json_from_str(v[3].s)));
    return true;
}

/* The operations without what the reader may not see; the set's own stay whole. */
static json_t *ops_json(const struct registry *r, uint32_t roles, json_t *ops)
{
    json_t *out = json_array(), *op;
    size_t i;

    json_array_foreach(ops, i, op)
    {
        const struct kind *k = schema_kind(r->sc, json_get_str(op, "kind"));
        json_t *fields = json_copy(json_object_get(op, "fields")), *one = json_copy(op);
        if (k != NULL && fields != NULL)
            fields_hide(k, roles, fields);
        if (fields != NULL)
            json_object_set_new(one, "fields", fields);
        json_array_append_new(out, one);
    }
    return out;
}

static int whole_json(struct tx *tx, const struct registry *r, uint32_t roles, struct change *c, json_t *o,
                      struct err *e)
{
    json_t *votes = json_array(), *events = json_array(), *touched = json_array();
    int rc = change_votes_json(tx, c->id, votes, e);

    if (rc == 0)
        rc = tx_query(tx,
                      "SELECT at, by_name, op, after FROM history WHERE kind = 'change_set' AND record_id = ?1"
                      " ORDER BY seq",
                      VALS(V_INT(c->id)), event_row, events, e);
    if (rc == 0 && c->first_seq > 0)
        rc = tx_query(tx,
                      "SELECT kind, record_id, record_key, op FROM history WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq"
                      " LIMIT ?3",
                      VALS(V_INT(c->first_seq), V_INT(c->last_seq), V_INT(TOUCHED_MAX)), touched_row, touched, e);
    json_object_set_new(o, "ops", ops_json(r, roles, c->ops));
    json_object_set_new(o, "approvals", votes);
    json_object_set_new(o, "events", events);
    json_object_set_new(o, "touched", touched);
    return rc;
}

json_t *change_json(struct tx *tx, const struct registry *r, const struct actor *who, struct change *c, bool whole,
                    struct err *e)
{
    json_t *unit = NULL, *person = NULL, *may = NULL, *o = NULL;
    int rc = named(tx, r, "unit", c->unit_id, &unit, e);

    if (rc == 0)
        rc = named(tx, r, "person", c->author_person, &person, e);
    if (rc == 0)
        rc = may_json(tx, r, who, c, &may, e);
    if (rc == 0)
        o = head_json(c, unit, person, may);
    if (rc == 0 && o == NULL)
        ERR(e, -ENOMEM, "registry.no_memory");
    if (o != NULL && whole && whole_json(tx, r, who->roles, c, o, e) < 0) {
        json_decref(o);
        o = NULL;
    }
    if (rc < 0) {
        json_decref(unit);
        json_decref(person);
        json_decref(may);
    }
    return o;
}

int change_get(struct registry *r, const struct actor *who, int64_t id, json_t **out, struct err *e)
{
    struct arena a = arena_init(CHANGE_ARENA);
    struct change c = {0};
    struct scope s;
    struct tx *tx;
    json_t *o = NULL;
    int rc = scope_read(who, &s, e);

    if (rc == 0 && (rc = store_begin(r->st, STORE_READ, &tx, e)) == 0) {
        rc = change_load(tx, &a, id, true, &c, e);
        if (rc == 0)
            rc = change_sees(tx, who, &s, &c, e);
        if (rc == 0 && (o = change_json(tx, r, who, &c, true, e)) == NULL)
            rc = -ENOMEM;
        store_rollback(tx);
    }
    if (rc == 0)
        *out = o;
    change_drop(&c);
    arena_free(&a);
    return rc;
}

/* ---- the list ---- */

struct list {
    struct arena a;
    struct buf sql;
    struct val p[16];
    size_t np, n;
    struct change *v;
    size_t max;
};

static size_t param(struct list *l, struct val v)
{
    l->p[l->np++] = v;
    return l->np;
}

/* What the person can do something about now. */
static void waiting_sql(struct list *l, const struct actor *who, int64_t person)
{
    size_t me = param(l, V_INT(who->account_id)), self = param(l, V_INT(person));
    char not_mine[256];

    snprintf(not_mine, sizeof(not_mine),
             "NOT EXISTS (SELECT 1 FROM change_hand h WHERE h.change_id = c.id AND (h.account_id = ?%zu OR (h.person_id"
             " = ?%zu AND h.person_id <> 0)))",
             me, self);
    buf_fmt(&l->sql, " AND ((c.owner_id = ?%zu AND c.implicit = 0 AND c.state IN ('draft', 'rejected'))", me);
    if (who->roles & (ROLE_APPROVER | ROLE_ADMIN))
        buf_fmt(&l->sql,
                " OR (c.state = 'submitted' AND %s) OR (c.glass = 1 AND c.reviewed_by = '' AND %s AND"
                " c.owner_id <> ?%zu)",
                not_mine, not_mine, me);
    if (who->roles & (ROLE_OPERATOR | ROLE_ADMIN))
        buf_z(&l->sql, " OR c.state IN ('requested', 'approved') OR (c.state = 'applied' AND c.confirm_by <> 0)");
    buf_z(&l->sql, ")");
}

static void like_sql(struct list *l, str q)
{
    struct buf b;

    buf_init(&b, 2048);
    buf_byte(&b, '%');
    for (size_t i = 0; i < q.n && i < 200; i++) {
        if (q.p[i] == '%' || q.p[i] == '_' || q.p[i] == '!')
            buf_byte(&b, '!');
        buf_byte(&b, (uint8_t)q.p[i]);
    }
    buf_byte(&b, '%');
    size_t at = param(l, V_STR(arena_str(&l->a, buf_view(&b))));
    buf_fmt(&l->sql,
            " AND (c.title LIKE ?%zu ESCAPE '!' OR c.reason LIKE ?%zu ESCAPE '!' OR c.author LIKE ?%zu ESCAPE"
            " '!')",
            at, at, at);
    buf_done(&b);
}

static int list_sql(struct list *l, const struct actor *who, const struct scope *s, int64_t person,
                    const struct change_query *q, struct err *e)
{
    int64_t before;

    buf_fmt(&l->sql, "SELECT %s FROM change_set c WHERE 1 = 1", change_columns);
    if (!q->implicit && !q->waiting)
        buf_z(&l->sql, " AND c.implicit = 0");
    if (q->state.n > 0)
        buf_fmt(&l->sql, " AND c.state = ?%zu", param(l, V_STR(q->state)));
    if (!s->all) {
        size_t me = param(l, V_INT(who->account_id)), unit = param(l, V_INT(s->unit));
        buf_fmt(&l->sql,
                " AND (c.author_id = ?%zu OR c.unit_id IN (WITH RECURSIVE sub(id) AS (SELECT CAST(?%zu AS BIGINT) UNION"
                " SELECT u.id FROM unit u JOIN sub ON u.parent_id = sub.id) SELECT id FROM sub))",
                me, unit);
    }
    if (q->waiting)
        waiting_sql(l, who, person);
    if (q->q.n > 0)
        like_sql(l, q->q);
    if (q->cursor.n > 0) {
        if (!str_i64(q->cursor, &before))
            return ERR(e, -EINVAL, "registry.bad_cursor");
        buf_fmt(&l->sql, " AND c.id < ?%zu", param(l, V_INT(before)));
    }
    buf_fmt(&l->sql, " ORDER BY c.id DESC LIMIT ?%zu", param(l, V_INT(l->max + 1)));
    buf_byte(&l->sql, '\0');
    return l->sql.failed || l->a.failed ? ERR(e, -ENOMEM, "registry.no_memory") : 0;
}

static bool list_row(void *ctx, const struct val *v, size_t n)
{
    struct list *l = ctx;

    (void)n;
    change_from_row(&l->a, &l->v[l->n++], v);
    return l->n <= l->max;
}

static int list_items(struct list *l, struct tx *tx, const struct registry *r, const struct actor *who, json_t **out,
                      struct err *e)
{
    json_t *items = json_array(), *one;
    bool more = l->n > l->max;
    size_t n = more ? l->max : l->n;

    for (size_t i = 0; i < n; i++) {
        if ((one = change_json(tx, r, who, &l->v[i], false, e)) == NULL) {
            json_decref(items);
            return e != NULL && e->code < 0 ? e->code : -ENOMEM;
        }
        json_array_append_new(items, one);
    }
    *out = json_pack("{s:o, s:o}", "items", items, "next",
                     more ? json_from_str(arena_fmt(&l->a, "%lld", (long long)l->v[n - 1].id)) : json_null());
    return 0;
}

int change_list(struct registry *r, const struct actor *who, const struct change_query *q, json_t **out, struct err *e)
{
    struct list l = {.a = arena_init(CHANGE_ARENA),
                     .max = q->limit == 0         ? LIST_DEFAULT
                            : q->limit > LIST_MAX ? LIST_MAX
                                                  : q->limit};
    struct scope s;
    struct tx *tx;
    int64_t person = 0;
    int rc = scope_read(who, &s, e);

    buf_init(&l.sql, 16384);
    l.v = arena_array(&l.a, struct change, l.max + 1);
    if (rc == 0 && l.v == NULL)
        rc = ERR(e, -ENOMEM, "registry.no_memory");
    if (rc == 0 && (rc = store_begin(r->st, STORE_READ, &tx, e)) == 0) {
        rc = change_person(tx, r, who->account_id, &person, e);
        if (rc == 0)
            rc = list_sql(&l, who, &s, person, q, e);
        if (rc == 0)
            rc = tx_query(tx, l.sql.p, l.p, l.np, list_row, &l, e);
        if (rc == 0)
            rc = list_items(&l, tx, r, who, out, e);
        store_rollback(tx);
    }
    buf_done(&l.sql);
    arena_free(&l.a);
    return rc;
}
