/* The door of the registry: opens it, and turns each call into one transaction.
 * No state beside the store but texts made at open; any thread. */
#include "registry/find-int.h"
#include "registry/known-int.h"
#include "base/json.h"
#include <errno.h>

int registry_open(struct store *st, const struct schema *sc, const struct clock *clk, struct registry **out,
                  struct err *e)
{
    struct registry *r = calloc(1, sizeof(*r));
    int rc = 0;

    if (r != NULL) {
        *r = (struct registry){.st = st, .sc = sc, .clk = clk, .sql = calloc(sc->nkinds, sizeof(*r->sql))};
        for (size_t i = 0; r->sql != NULL && i < sc->nkinds && rc == 0; i++)
            rc = kind_sql_make(r, &sc->kinds[i], &r->sql[i]);
    }
    if (rc == 0 && r != NULL)
        rc = find_index_new(sc->nkinds, &r->find);
    if (r == NULL || r->sql == NULL || rc < 0)
        rc = ERR(e, -ENOMEM, "registry.no_memory");
    else
        rc = migrate(r, e);
    if (rc == 0)
        rc = rules_check(r, e);
    if (rc < 0) {
        registry_close(r);
        return rc;
    }
    *out = r;
    return 0;
}

void registry_use_calendar(struct registry *r, const struct calendar *c) { r->calendar = c; }

void registry_close(struct registry *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; r->sql != NULL && i < r->sc->nkinds; i++) {
        free(r->sql[i].cols);
        free(r->sql[i].from);
        free(r->sql[i].insert);
    }
    free(r->sql);
    find_index_free(r->find);
    free(r);
}

const struct schema *registry_schema(const struct registry *r) { return r->sc; }
struct store *registry_store(struct registry *r) { return r->st; }

const struct kind *kind_want(const struct registry *r, str name, struct err *e)
{
    const struct kind *k = schema_kind(r->sc, name);

    if (k == NULL)
        ERR(e, -ENOENT, "registry.no_kind", S(name));
    return k;
}

/* Finds the record for reading or writing: visible, and living when it is to
 * be written. */
int find_visible(struct tx *tx, struct registry *r, const struct scope *s, struct arena *a, const struct kind *k,
                 str id_or_key, bool living, struct rec **out, struct err *e)
{
    int64_t id;
    int rc = rec_find(tx, a, k, id_or_key, living, &id, e);

    if (rc == 0 && id == 0)
        rc = ERR(e, -ENOENT, "registry.not_found", S(k->name), S(id_or_key));
    if (rc == 0)
        rc = scope_sees(tx, r, s, k, id, e);
    return rc == 0 ? rec_load(tx, r, a, k, id, out, e) : rc;
}

static int reply(const struct rec *rec, uint32_t roles, json_t **out, struct err *e)
{
    json_t *o = rec_json(rec);

    if (o == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    fields_hide(rec->k, roles, o);
    *out = o;
    return 0;
}

int registry_get(struct registry *r, const struct actor *who, str kind, str id_or_key, json_t **out, struct err *e)
{
    const struct kind *k = kind_want(r, kind, e);
    struct arena a = arena_init(CALL_ARENA);
    struct scope s;
    struct rec *rec;
    struct tx *tx;
    int rc = k == NULL ? -ENOENT : scope_read(who, &s, e);

    if (rc == 0 && (rc = store_begin(r->st, STORE_READ, &tx, e)) == 0) {
        rc = find_visible(tx, r, &s, &a, k, id_or_key, false, &rec, e);
        if (rc == 0)
            rc = reply(rec, s.roles, out, e);
        store_rollback(tx);
    }
    arena_free(&a);
    return rc;
}

int write_end(struct write *w, int rc, const struct rec *rec, json_t **out, struct err *e)
{
    json_t *o = NULL;

    if (rc == 0 && out != NULL)
        rc = reply(rec, w->scope.roles, &o, e);
    int closed = write_close(w, rc == 0, e);
    rc = rc == 0 ? closed : rc;
    if (rc == 0 && out != NULL)
        *out = o;
    else
        json_decref(o);
    return rc;
}

int registry_create(struct registry *r, const struct actor *who, str kind, const json_t *in, json_t **out,
                    struct errs *es, struct err *e)
{
    const struct kind *k = kind_want(r, kind, e);
    struct arena a = arena_init(CALL_ARENA);
    struct input *input = NULL;
    struct rec *rec = NULL;
    enum outcome how;
    struct write w;
    int rc = k == NULL ? -ENOENT : write_begin(&w, r, who, &a, es, e);

    if (rc == 0) {
        rc = input_from_json(&w, k, in, &input, e);
        if (rc == 0)
            rc = write_record(&w, k, NULL, input, &rec, &how, e);
        if ((rc == 0 || rc == -EINVAL) && w.mistakes > 0)
            rc = ERR(e, -EINVAL, "registry.invalid", N((int64_t)w.mistakes));
        rc = write_end(&w, rc, rec, out, e);
    }
    arena_free(&a);
    return rc;
}

int check_rev(const struct rec *rec, int64_t rev, struct err *e)
{
    if (rec->rev == rev)
        return 0;
    return ERR(e, -ESTALE, "registry.stale", S(rec_key(rec)), N(rec->rev), N(rev));
}

int registry_change(struct registry *r, const struct actor *who, str kind, str id_or_key, int64_t rev,
                    const json_t *patch, json_t **out, struct errs *es, struct err *e)
{
    const struct kind *k = kind_want(r, kind, e);
    struct arena a = arena_init(CALL_ARENA);
    struct input *input = NULL;
    struct rec *old, *rec = NULL;
    enum outcome how;
    struct write w;
    int rc = k == NULL ? -ENOENT : write_begin(&w, r, who, &a, es, e);

    if (rc == 0) {
        rc = find_visible(w.tx, r, &w.scope, &a, k, id_or_key, true, &old, e);
        if (rc == 0)
            rc = check_rev(old, rev, e);
        if (rc == 0)
            rc = input_from_json(&w, k, patch, &input, e);
        if (rc == 0)
            rc = write_record(&w, k, old, input, &rec, &how, e);
        if ((rc == 0 || rc == -EINVAL) && w.mistakes > 0)
            rc = ERR(e, -EINVAL, "registry.invalid", N((int64_t)w.mistakes));
        rc = write_end(&w, rc, rec, out, e);
    }
    arena_free(&a);
    return rc;
}

/* A living record that refers to it stands in the way. */
int check_unused(struct write *w, const struct rec *rec, struct err *e)
{
    const struct schema *sc = w->r->sc;
    char sql[512];

    for (size_t i = 0; i < sc->nkinds; i++)
        for (size_t j = 0; j < sc->kinds[i].nfields; j++) {
            const struct kind *o = &sc->kinds[i];
            const struct field *f = &o->fields[j];
            str key = o->fields[o->key_field].name;
            struct val v;
            if ((f->type != FT_REF && f->type != FT_REFS) || !str_eq(f->ref_kind, rec->k->name))
                continue;
            if (f->type == FT_REF)
                snprintf(sql, sizeof(sql),
                         "SELECT \"%.*s\" FROM \"%.*s\" WHERE \"%.*s_id\" = ?1 AND valid_to IS NULL AND id <> ?2"
                         " LIMIT 1",
                         STR_ARGS(key), STR_ARGS(o->name), STR_ARGS(f->name));
            else
                snprintf(sql, sizeof(sql),
                         "SELECT k.\"%.*s\" FROM \"%.*s_%.*s\" x JOIN \"%.*s\" k ON k.id = x.id WHERE"
                         " x.ref_id = ?1 AND k.valid_to IS NULL AND k.id <> ?2 LIMIT 1",
                         STR_ARGS(key), STR_ARGS(o->name), STR_ARGS(f->name), STR_ARGS(o->name));
            int64_t self = o == rec->k ? rec->id : 0;
            int rc = tx_one(w->tx, w->a, sql, VALS(V_INT(rec->id), V_INT(self)), &v, e);
            if (rc != 0)
                return rc < 0 ? rc : ERR(e, -ENOTEMPTY, "registry.in_use", S(rec_key(rec)), S(o->name), S(v.s));
        }
    return 0;
}

int end_record(struct write *w, const struct rec *old, struct rec **out, struct err *e)
{
    struct rec *rec = arena_new(w->a, struct rec);
    json_t *before = NULL, *after = NULL;
    char sql[160];

    if (rec == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    *rec = *old;
    rec->rev++;
    rec->valid_to = rec->changed_at = w->now / NS_PER_S;
    rec->changed_by = w->who->name;
    snprintf(sql, sizeof(sql),
             "UPDATE \"%.*s\" SET rev = ?1, valid_to = ?2, changed_at = ?2, changed_by = ?3 WHERE id = ?4",
             STR_ARGS(rec->k->name));
    int rc =
        tx_defer(w->tx, sql, VALS(V_INT(rec->rev), V_INT(rec->valid_to), V_STR(rec->changed_by), V_INT(rec->id)), e);
    if (rc == 0)
        rc = addr_written(w, old, NULL, e);
    if (rc == 0) {
        known_written(w->known, old, rec);
        rc = life_open_ended(w, old, e);
    }
    if (rc == 0) {
        history_diff(old, rec, &before, &after);
        rc = history_add(w, rec, "end", before, after, e);
        json_decref(before);
        json_decref(after);
    }
    *out = rec;
    return rc;
}

int registry_end(struct registry *r, const struct actor *who, str kind, str id_or_key, int64_t rev, json_t **out,
                 struct err *e)
{
    const struct kind *k = kind_want(r, kind, e);
    struct arena a = arena_init(CALL_ARENA);
    struct rec *old, *rec = NULL;
    struct write w;
    int rc = k == NULL ? -ENOENT : write_begin(&w, r, who, &a, NULL, e);

    if (rc == 0) {
        rc = find_visible(w.tx, r, &w.scope, &a, k, id_or_key, true, &old, e);
        if (rc == 0)
            rc = rights_write(who, k, old->state, e);
        if (rc == 0)
            rc = check_rev(old, rev, e);
        if (rc == 0)
            rc = rights_approval(&w, k, OP_END, old->state, old->state, e);
        if (rc == 0)
            rc = check_unused(&w, old, e);
        if (rc == 0)
            rc = end_record(&w, old, &rec, e);
        rc = write_end(&w, rc, rec, out, e);
    }
    arena_free(&a);
    return rc;
}

struct count {
    json_t *by_state;
    int64_t total;
};

static bool count_row(void *ctx, const struct val *cols, size_t n)
{
    struct count *c = ctx;
    char state[COL_MAX];

    (void)n;
    snprintf(state, sizeof(state), "%.*s", STR_ARGS(cols[0].s));
    json_object_set_new(c->by_state, state, json_integer(cols[1].i));
    c->total += cols[1].i;
    return true;
}

static int count_kind(struct registry *r, struct tx *tx, const struct scope *s, const struct kind *k, json_t *out,
                      struct err *e)
{
    struct count c = {json_object(), 0};
    struct val p[2];
    size_t np = 0;
    struct buf b;
    char name[COL_MAX];

    buf_init(&b, 16384);
    buf_fmt(&b, "SELECT t.state, COUNT(*) FROM \"%.*s\" t WHERE t.valid_to IS NULL", STR_ARGS(k->name));
    scope_sql(r, s, k, "t", &b, p, &np);
    buf_z(&b, " GROUP BY t.state");
    buf_byte(&b, 0);
    int rc = b.failed ? ERR(e, -ENOMEM, "registry.no_memory") : tx_query(tx, b.p, p, np, count_row, &c, e);
    buf_done(&b);
    snprintf(name, sizeof(name), "%.*s", STR_ARGS(k->name));
    json_object_set_new(out, name, json_pack("{s:I, s:o}", "total", (json_int_t)c.total, "by_state", c.by_state));
    return rc;
}

int registry_counts(struct registry *r, const struct actor *who, json_t **out, struct err *e)
{
    json_t *o = json_object();
    struct scope s;
    struct tx *tx;
    int rc = scope_read(who, &s, e);

    if (rc == 0 && (rc = store_begin(r->st, STORE_READ, &tx, e)) == 0) {
        for (size_t i = 0; i < r->sc->nkinds && rc == 0; i++)
            rc = count_kind(r, tx, &s, &r->sc->kinds[i], o, e);
        store_rollback(tx);
    }
    if (rc == 0)
        *out = o;
    else
        json_decref(o);
    return rc;
}
