/* Rows of change sets. Ids are counted here: writes are one at a time, so the
 * highest that there is plus one is free. What happens to a set is told in the
 * history as well, under its hash chain. */
#include "registry/change-int.h"
#include <errno.h>

static const char *const tables[] = {
    "CREATE TABLE IF NOT EXISTS change_set (id BIGINT PRIMARY KEY, rev BIGINT NOT NULL, state TEXT NOT NULL,"
    " title TEXT NOT NULL, reason TEXT NOT NULL, author TEXT NOT NULL, owner TEXT NOT NULL, applied_by TEXT NOT NULL,"
    " reviewed_by TEXT NOT NULL, note TEXT NOT NULL, hash TEXT NOT NULL, author_id BIGINT NOT NULL,"
    " author_person BIGINT NOT NULL, owner_id BIGINT NOT NULL, owner_roles BIGINT NOT NULL, unit_id BIGINT NOT NULL,"
    " created_at BIGINT NOT NULL, changed_at BIGINT NOT NULL, submitted_at BIGINT NOT NULL,"
    " applied_at BIGINT NOT NULL, confirm_by BIGINT NOT NULL, reverts BIGINT NOT NULL, reverted_by BIGINT NOT NULL,"
    " first_seq BIGINT NOT NULL, last_seq BIGINT NOT NULL, nops BIGINT NOT NULL, implicit BIGINT NOT NULL,"
    " needs BIGINT NOT NULL, glass BIGINT NOT NULL, kinds TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS change_set_seq ON change_set (first_seq)",
    "CREATE INDEX IF NOT EXISTS change_set_timer ON change_set (confirm_by) WHERE confirm_by > 0",
    "CREATE INDEX IF NOT EXISTS change_set_state ON change_set (implicit, state, id)",
    "CREATE TABLE IF NOT EXISTS change_op (change_id BIGINT NOT NULL, ord BIGINT NOT NULL, kind TEXT NOT NULL,"
    " record_id BIGINT NOT NULL, op TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (change_id, ord))",
    "CREATE TABLE IF NOT EXISTS approval (change_id BIGINT NOT NULL, ord BIGINT NOT NULL, verdict TEXT NOT NULL,"
    " hash TEXT NOT NULL, by_name TEXT NOT NULL, account_id BIGINT NOT NULL, person_id BIGINT NOT NULL,"
    " at BIGINT NOT NULL, note TEXT NOT NULL, void BIGINT NOT NULL, PRIMARY KEY (change_id, ord))",
    "CREATE TABLE IF NOT EXISTS change_hand (change_id BIGINT NOT NULL, account_id BIGINT NOT NULL,"
    " person_id BIGINT NOT NULL, PRIMARY KEY (change_id, account_id, person_id))",
};

int change_tables(struct tx *tx, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && rc == 0; i++)
        rc = tx_exec(tx, tables[i], NO_VALS, NULL, e);
    return rc;
}

enum { COLS = 30 };
const char change_columns[] =
    "c.id, c.rev, c.state, c.title, c.reason, c.author, c.owner, c.applied_by, c.reviewed_by, c.note, c.hash,"
    " c.author_id, c.author_person, c.owner_id, c.owner_roles, c.unit_id, c.created_at, c.changed_at, c.submitted_at,"
    " c.applied_at, c.confirm_by, c.reverts, c.reverted_by, c.first_seq, c.last_seq, c.nops, c.implicit, c.needs,"
    " c.glass, c.kinds";

void change_from_row(struct arena *a, struct change *c, const struct val *v)
{
    str *texts[] = {&c->state,      &c->title,       &c->reason, &c->author, &c->owner,
                    &c->applied_by, &c->reviewed_by, &c->note,   &c->hash};
    int64_t *numbers[] = {&c->author_id,  &c->author_person, &c->owner_id,     &c->owner_roles, &c->unit_id,
                          &c->created_at, &c->changed_at,    &c->submitted_at, &c->applied_at,  &c->confirm_by,
                          &c->reverts,    &c->reverted_by,   &c->first_seq,    &c->last_seq,    &c->nops};

    *c = (struct change){.id = v[0].i, .rev = v[1].i};
    for (size_t i = 0; i < 9; i++)
        *texts[i] = arena_str(a, v[2 + i].s);
    for (size_t i = 0; i < 15; i++)
        *numbers[i] = v[11 + i].i;
    c->implicit = v[26].i != 0;
    c->needs = v[27].i != 0;
    c->glass = v[28].i != 0;
    c->kinds = arena_str(a, v[29].s);
}

static void to_row(const struct change *c, struct val v[COLS])
{
    const struct val all[COLS] = {
        V_INT(c->id),
        V_INT(c->rev),
        V_STR(c->state),
        V_STR(c->title),
        V_STR(c->reason),
        V_STR(c->author),
        V_STR(c->owner),
        V_STR(c->applied_by),
        V_STR(c->reviewed_by),
        V_STR(c->note),
        V_STR(c->hash),
        V_INT(c->author_id),
        V_INT(c->author_person),
        V_INT(c->owner_id),
        V_INT(c->owner_roles),
        V_INT(c->unit_id),
        V_INT(c->created_at),
        V_INT(c->changed_at),
        V_INT(c->submitted_at),
        V_INT(c->applied_at),
        V_INT(c->confirm_by),
        V_INT(c->reverts),
        V_INT(c->reverted_by),
        V_INT(c->first_seq),
        V_INT(c->last_seq),
        V_INT(c->nops),
        V_INT(c->implicit),
        V_INT(c->needs),
        V_INT(c->glass),
        V_STR(c->kinds),
    };

    for (size_t i = 0; i < COLS; i++) {
        v[i] = all[i];
        if (v[i].type == VAL_TEXT && v[i].s.p == NULL)
            v[i].s = STR("");
    }
}

struct load {
    struct arena *a;
    struct change *c;
    bool found;
};

static bool load_row(void *ctx, const struct val *v, size_t n)
{
    struct load *x = ctx;

    (void)n;
    change_from_row(x->a, x->c, v);
    x->found = true;
    return false;
}

static bool op_row(void *ctx, const struct val *v, size_t n)
{
    json_t *op = json_loadb(v[0].s.p, v[0].s.n, 0, NULL);

    (void)n;
    return op != NULL && json_array_append_new(ctx, op) == 0;
}

int change_load(struct tx *tx, struct arena *a, int64_t id, bool ops, struct change *out, struct err *e)
{
    struct change c = {0};
    struct load x = {a, &c, false};
    char sql[640];

    snprintf(sql, sizeof(sql), "SELECT %s FROM change_set c WHERE c.id = ?1", change_columns);
    int rc = tx_query(tx, sql, VALS(V_INT(id)), load_row, &x, e);
    if (rc == 0 && !x.found)
        rc = ERR(e, -ENOENT, "registry.change_none", N(id));
    if (rc == 0 && a->failed)
        rc = ERR(e, -ENOMEM, "registry.no_memory");
    if (rc == 0 && ops) {
        c.ops = json_array();
        rc = tx_query(tx, "SELECT doc FROM change_op WHERE change_id = ?1 ORDER BY ord", VALS(V_INT(id)), op_row, c.ops,
                      e);
        if (rc == 0 && json_array_size(c.ops) != (c.implicit ? 0 : (size_t)c.nops))
            rc = ERR(e, -EIO, "registry.change_broken", N(id));
        if (rc < 0)
            json_decref(c.ops);
    }
    if (rc == 0)
        *out = c;
    return rc;
}

void change_drop(struct change *c)
{
    json_decref(c->ops);
    c->ops = NULL;
}

static int next_id(struct tx *tx, const char *sql, const struct val *p, size_t np, int64_t *id, struct err *e)
{
    struct val v = V_INT(0);
    int rc = tx_one(tx, NULL, sql, p, np, &v, e);

    *id = (v.type == VAL_INT ? v.i : 0) + 1;
    return rc < 0 ? rc : 0;
}

int change_insert(struct write *w, struct change *c, struct err *e)
{
    struct val v[COLS];
    int rc = next_id(w->tx, "SELECT MAX(id) FROM change_set", NO_VALS, &c->id, e);

    c->rev = 1;
    to_row(c, v);
    if (rc == 0)
        rc =
            tx_defer(w->tx,
                     "INSERT INTO change_set (id, rev, state, title, reason, author, owner, applied_by, reviewed_by,"
                     " note, hash, author_id, author_person, owner_id, owner_roles, unit_id, created_at, changed_at,"
                     " submitted_at, applied_at, confirm_by, reverts, reverted_by, first_seq, last_seq, nops, implicit,"
                     " needs, glass, kinds) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,"
                     " ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30)",
                     v, COLS, e);
    return rc;
}

int change_save(struct write *w, struct change *c, struct err *e)
{
    struct val v[COLS];
    int64_t n = 0;

    c->rev++;
    c->changed_at = w->now / NS_PER_S;
    to_row(c, v);
    int rc = tx_exec(w->tx,
                     "UPDATE change_set SET rev = ?2, state = ?3, title = ?4, reason = ?5, author = ?6, owner = ?7,"
                     " applied_by = ?8, reviewed_by = ?9, note = ?10, hash = ?11, author_id = ?12, author_person = ?13,"
                     " owner_id = ?14, owner_roles = ?15, unit_id = ?16, created_at = ?17, changed_at = ?18,"
                     " submitted_at = ?19, applied_at = ?20, confirm_by = ?21, reverts = ?22, reverted_by = ?23,"
                     " first_seq = ?24, last_seq = ?25, nops = ?26, implicit = ?27, needs = ?28, glass = ?29,"
                     " kinds = ?30 WHERE id = ?1",
                     v, COLS, &n, e);
    return rc == 0 && n != 1 ? ERR(e, -ENOENT, "registry.change_none", N(c->id)) : rc;
}

int change_save_ops(struct write *w, const struct change *c, struct err *e)
{
    json_t *op;
    size_t i;
    int rc = tx_defer(w->tx, "DELETE FROM change_op WHERE change_id = ?1", VALS(V_INT(c->id)), e);

    json_array_foreach(c->ops, i, op)
    {
        char *doc = rc == 0 ? json_dumps(op, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        if (rc == 0 && doc == NULL)
            rc = ERR(e, -ENOMEM, "registry.no_memory");
        if (rc == 0)
            rc = tx_defer(w->tx,
                          "INSERT INTO change_op (change_id, ord, kind, record_id, op, doc) VALUES (?1, ?2, ?3, ?4, ?5,"
                          " ?6)",
                          VALS(V_INT(c->id), V_INT(i + 1), V_STR(json_get_str(op, "kind")),
                               V_INT(json_get_int(json_object_get(op, "target"), "id", 0)),
                               V_STR(json_get_str(op, "op")), V_Z(doc)),
                          e);
        free(doc);
    }
    return rc;
}

int change_event(struct write *w, const struct change *c, const char *op, str note, const json_t *more, struct err *e)
{
    json_t *after = json_pack("{s:o, s:o, s:o}", "state", json_from_str(c->state), "note", json_from_str(note), "hash",
                              c->hash.n > 0 ? json_from_str(c->hash) : json_null());

    if (more != NULL)
        json_object_update(after, (json_t *)(uintptr_t)more);
    int rc =
        history_put(w, &(struct history_of){STR("change_set"), c->id, str_c(N(c->id)), c->rev}, op, NULL, after, e);
    json_decref(after);
    return rc;
}

int change_vote_add(struct write *w, const struct change *c, const struct change_vote *v, struct err *e)
{
    int64_t ord;
    int rc = next_id(w->tx, "SELECT MAX(ord) FROM approval WHERE change_id = ?1", VALS(V_INT(c->id)), &ord, e);

    if (rc == 0)
        rc = tx_defer(w->tx,
                      "INSERT INTO approval (change_id, ord, verdict, hash, by_name, account_id, person_id, at, note,"
                      " void) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0)",
                      VALS(V_INT(c->id), V_INT(ord), V_Z(v->verdict), V_STR(v->hash.p != NULL ? v->hash : STR("")),
                           V_STR(w->who->name), V_INT(w->who->account_id), V_INT(v->person), V_INT(w->now / NS_PER_S),
                           V_STR(v->note.p != NULL ? v->note : STR(""))),
                      e);
    return rc;
}

int change_votes_void(struct write *w, const struct change *c, struct err *e)
{
    return tx_defer(w->tx, "UPDATE approval SET void = 1 WHERE change_id = ?1 AND verdict = 'approved'",
                    VALS(V_INT(c->id)), e);
}

int change_person(struct tx *tx, const struct registry *r, int64_t account, int64_t *person, struct err *e)
{
    const struct kind *k = schema_kind(r->sc, STR("account"));
    const struct field *f = k != NULL ? kind_field(k, STR("person")) : NULL;
    struct val v = V_NULL;

    *person = 0;
    if (f == NULL || f->type != FT_REF || account == 0)
        return 0;
    int rc = tx_one(tx, NULL, "SELECT person_id FROM account WHERE id = ?1", VALS(V_INT(account)), &v, e);
    if (rc > 0 && v.type == VAL_INT)
        *person = v.i;
    return rc < 0 ? rc : 0;
}

int change_hand_add(struct write *w, const struct change *c, struct err *e)
{
    int64_t person;
    int rc = change_person(w->tx, w->r, w->who->account_id, &person, e);

    if (rc == 0)
        rc = tx_defer(w->tx,
                      "INSERT INTO change_hand (change_id, account_id, person_id) VALUES (?1, ?2, ?3)"
                      " ON CONFLICT (change_id, account_id, person_id) DO NOTHING",
                      VALS(V_INT(c->id), V_INT(w->who->account_id), V_INT(person)), e);
    return rc;
}

int change_hand_has(struct tx *tx, const struct change *c, int64_t account, int64_t person, bool *out, struct err *e)
{
    struct val v;
    int rc = tx_one(tx, NULL,
                    "SELECT 1 FROM change_hand WHERE change_id = ?1 AND (account_id = ?2 OR (person_id = ?3 AND"
                    " person_id <> 0)) LIMIT 1",
                    VALS(V_INT(c->id), V_INT(account), V_INT(person)), &v, e);

    *out = rc > 0;
    return rc < 0 ? rc : 0;
}

int change_sees(struct tx *tx, const struct actor *who, const struct scope *s, const struct change *c, struct err *e)
{
    struct val v;

    if (s->all || c->author_id == who->account_id)
        return 0;
    int rc = c->unit_id == 0 || s->unit == 0
                 ? 0
                 : tx_one(tx, NULL,
                          "WITH RECURSIVE sub(id) AS (SELECT CAST(?1 AS BIGINT) UNION SELECT u.id FROM unit u JOIN sub"
                          " ON u.parent_id = sub.id) SELECT id FROM sub WHERE id = ?2",
                          VALS(V_INT(s->unit), V_INT(c->unit_id)), &v, e);
    return rc < 0 ? rc : rc > 0 ? 0 : ERR(e, -ENOENT, "registry.change_none", N(c->id));
}

int change_implicit(struct write *w, uint64_t first, uint64_t last, int64_t *id, struct err *e)
{
    int64_t now = w->now / NS_PER_S;
    struct change c = {.state = STR("applied"),
                       .author = w->who->name,
                       .owner = w->who->name,
                       .applied_by = w->who->name,
                       .reason = w->who->reason,
                       .author_id = w->who->account_id,
                       .owner_id = w->who->account_id,
                       .owner_roles = w->who->roles,
                       .unit_id = w->scope.all ? 0 : w->scope.unit,
                       .created_at = now,
                       .changed_at = now,
                       .applied_at = now,
                       .first_seq = (int64_t)first,
                       .last_seq = (int64_t)last,
                       .nops = (int64_t)(last - first + 1),
                       .implicit = true,
                       .glass = w->stock};
    int rc = change_insert(w, &c, e);

    if (rc == 0 && w->stock)
        rc = change_hand_add(w, &c, e);
    if (rc == 0)
        *id = c.id;
    return rc;
}

int change_implicit_stock(struct write *w, int64_t id, struct err *e)
{
    int rc = tx_defer(w->tx, "UPDATE change_set SET glass = 1 WHERE id = ?1", VALS(V_INT(id)), e);

    return rc == 0 ? change_hand_add(w, &(struct change){.id = id}, e) : rc;
}

int change_implicit_grow(struct tx *tx, int64_t id, uint64_t last, struct err *e)
{
    return tx_defer(tx, "UPDATE change_set SET last_seq = ?2, nops = ?2 - first_seq + 1 WHERE id = ?1",
                    VALS(V_INT(id), V_INT(last)), e);
}
