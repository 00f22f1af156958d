/* Why is a row as it is: its history with the set behind each step, who asked
 * and who approved, what is attached to it, and the clauses that demand it. */
#include "registry/change-int.h"
#include <errno.h>

enum { WHY_ROWS = 100, ATTACHED_EACH = 10 };

struct why {
    struct registry *r;
    struct tx *tx;
    struct arena *a;
    const struct actor *who;
    struct scope scope;
    const struct kind *k;
    int64_t id;
    json_t *rows;
};

static json_t *json_or_null(const struct val *v)
{
    json_t *o = v->type == VAL_TEXT ? json_loadb(v->s.p, v->s.n, JSON_DECODE_ANY, NULL) : NULL;

    return o != NULL ? o : json_null();
}

static bool history_row(void *ctx, const struct val *v, size_t n)
{
    char at[40];

    (void)n;
    time_fmt(v[1].i, 3, at, sizeof(at));
    json_array_append_new(ctx, json_pack("{s:I, s:s, s:o, s:o, s:o, s:I, s:o, s:o}", "seq", (json_int_t)v[0].i, "at",
                                         at, "by", json_from_str(v[2].s), "reason", json_from_str(v[3].s), "op",
                                         json_from_str(v[4].s), "rev", (json_int_t)v[5].i, "before",
                                         json_or_null(&v[6]), "after", json_or_null(&v[7])));
    return true;
}

static bool id_row(void *ctx, const struct val *v, size_t n)
{
    (void)n;
    int64_t *out = ctx;
    out[0] = v[0].i;
    out[1] = v[1].i;
    return false;
}

/* The set that wrote the row of history with this number; sets do not overlap. */
static int change_of(struct why *w, json_t *row, struct err *e)
{
    int64_t seq = json_get_int(row, "seq", 0), found[2] = {0, 0};
    struct change c = {0};
    json_t *o = NULL, *votes = json_array();
    int rc = tx_query(w->tx,
                      "SELECT id, last_seq FROM change_set WHERE first_seq > 0 AND first_seq <= ?1"
                      " ORDER BY first_seq DESC LIMIT 1",
                      VALS(V_INT(seq)), id_row, found, e);

    if (rc == 0 && found[0] != 0 && found[1] >= seq) {
        rc = change_load(w->tx, w->a, found[0], false, &c, e);
        if (rc == 0 && (o = change_json(w->tx, w->r, w->who, &c, false, e)) == NULL)
            rc = -ENOMEM;
        if (rc == 0)
            rc = change_votes_json(w->tx, c.id, votes, e);
    }
    json_object_set_new(row, "change", o != NULL ? o : json_null());
    json_object_set_new(row, "approvals", votes);
    return rc;
}

struct attach {
    json_t *list;
    const struct kind *k;
    const struct field *f;
};

static bool attach_row(void *ctx, const struct val *v, size_t n)
{
    struct attach *x = ctx;
    char at[40];

    (void)n;
    time_fmt(v[4].i * NS_PER_S, 0, at, sizeof(at));
    json_array_append_new(x->list,
                          json_pack("{s:o, s:I, s:o, s:o, s:o, s:s, s:o}", "kind", json_from_str(x->k->name), "id",
                                    (json_int_t)v[0].i, "key", json_from_str(v[1].s), "title",
                                    json_from_str(v[2].type == VAL_TEXT ? v[2].s : v[1].s), "state",
                                    json_from_str(v[3].s), "changed_at", at, "field", json_from_str(x->f->name)));
    return true;
}

/* Living records that name this one by a reference: inspections, evidence, ... */
static int attached_of(struct why *w, const struct kind *k, const struct field *f, json_t *list, struct err *e)
{
    struct attach x = {list, k, f};
    const struct field *title = &k->fields[k->title_field];
    bool plain = title->type != FT_REF && title->type != FT_REFS;
    struct val p[3] = {V_INT(w->id)};
    size_t np = 1;
    struct buf b;

    buf_init(&b, 16384);
    buf_fmt(&b, "SELECT t.id, t.\"%.*s\", t.\"%.*s\", t.state, t.changed_at FROM \"%.*s\" t WHERE",
            STR_ARGS(k->fields[k->key_field].name), STR_ARGS(plain ? title->name : k->fields[k->key_field].name),
            STR_ARGS(k->name));
    if (f->type == FT_REF)
        buf_fmt(&b, " t.\"%.*s_id\" = ?1", STR_ARGS(f->name));
    else
        buf_fmt(&b, " t.id IN (SELECT x.id FROM \"%.*s_%.*s\" x WHERE x.ref_id = ?1)", STR_ARGS(k->name),
                STR_ARGS(f->name));
    buf_z(&b, " AND t.valid_to IS NULL");
    scope_sql(w->r, &w->scope, k, "t", &b, p, &np);
    buf_fmt(&b, " ORDER BY t.changed_at DESC, t.id DESC LIMIT %d", ATTACHED_EACH);
    buf_byte(&b, '\0');
    int rc = b.failed ? ERR(e, -ENOMEM, "registry.no_memory") : tx_query(w->tx, b.p, p, np, attach_row, &x, e);
    buf_done(&b);
    return rc;
}

static int attached(struct why *w, json_t *list, struct err *e)
{
    const struct schema *sc = w->r->sc;
    int rc = 0;

    for (size_t i = 0; i < sc->nkinds && rc == 0; i++)
        for (size_t j = 0; j < sc->kinds[i].nfields && rc == 0; j++) {
            const struct field *f = &sc->kinds[i].fields[j];
            if ((f->type == FT_REF || f->type == FT_REFS) && str_eq(f->ref_kind, w->k->name) &&
                sc->kinds[i].key_field != SIZE_MAX)
                rc = attached_of(w, &sc->kinds[i], f, list, e);
        }
    return rc;
}

static json_t *clauses_json(const struct kind *k)
{
    json_t *out = json_array();

    for (size_t i = 0; i < k->nfields; i++) {
        const struct field *f = &k->fields[i];
        json_t *list = json_array();
        for (size_t j = 0; j < f->nclauses; j++)
            json_array_append_new(list, json_from_str(f->clauses[j]));
        if (f->nclauses > 0)
            json_array_append_new(out, json_pack("{s:o, s:O}", "field", json_from_str(f->name), "clauses", list));
        json_decref(list);
    }
    return out;
}

static int why_run(struct why *w, const struct rec *rec, json_t **out, struct err *e)
{
    json_t *rows = json_array(), *list = json_array(), *row;
    str title = rec->v[rec->k->title_field].s;
    size_t i;
    int rc = tx_query(w->tx,
                      "SELECT seq, at, by_name, reason, op, rev, before, after FROM history WHERE kind = ?1 AND"
                      " record_id = ?2 ORDER BY seq DESC LIMIT ?3",
                      VALS(V_STR(w->k->name), V_INT(w->id), V_INT(WHY_ROWS)), history_row, rows, e);

    json_array_foreach(rows, i, row)
    {
        if (rc == 0)
            rc = personal_show(w->r, w->tx, w->a, w->k, w->id, json_object_get(row, "before"), e);
        if (rc == 0)
            rc = personal_show(w->r, w->tx, w->a, w->k, w->id, json_object_get(row, "after"), e);
        fields_hide(w->k, w->scope.roles, json_object_get(row, "before"));
        fields_hide(w->k, w->scope.roles, json_object_get(row, "after"));
        if (rc == 0)
            rc = change_of(w, row, e);
    }
    if (rc == 0)
        rc = attached(w, list, e);
    if (rc < 0) {
        json_decref(rows);
        json_decref(list);
        return rc;
    }
    *out = json_pack("{s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "kind", json_from_str(w->k->name), "id",
                     (json_int_t)rec->id, "key", json_from_str(rec_key(rec)), "title",
                     json_from_str(title.n > 0 ? title : rec_key(rec)), "state", json_from_str(rec->state), "history",
                     rows, "attached", list, "clauses", clauses_json(w->k));
    return *out != NULL ? 0 : ERR(e, -ENOMEM, "registry.no_memory");
}

int registry_why(struct registry *r, const struct actor *who, str kind, str id_or_key, json_t **out, struct err *e)
{
    struct arena a = arena_init(CALL_ARENA);
    struct why w = {.r = r, .a = &a, .who = who, .k = kind_want(r, kind, e)};
    struct rec *rec;
    int rc = w.k == NULL ? -ENOENT : scope_read(who, &w.scope, e);

    if (rc == 0 && (rc = store_begin(r->st, STORE_READ, &w.tx, e)) == 0) {
        rc = find_visible(w.tx, r, &w.scope, &a, w.k, id_or_key, false, &rec, e);
        if (rc == 0) {
            w.id = rec->id;
            rc = why_run(&w, rec, out, e);
        }
        store_rollback(w.tx);
    }
    arena_free(&a);
    return rc;
}
