/* One write: the record, its references, its row of history, one transaction.
 * The store's writer lock is held from write_begin to the end, so what was
 * judged is what is written. */
#include "registry/change-int.h"
#include "registry/known-int.h"
#include <errno.h>

int write_begin(struct write *w, struct registry *r, const struct actor *who, struct arena *a, struct errs *es,
                struct err *e)
{
    *w = (struct write){.r = r, .a = a, .who = who, .es = es, .now = clock_wall(r->clk)};
    int rc = scope_read(who, &w->scope, e);

    struct tx *batch = atomic_load(&r->batch);
    if (batch != NULL && pthread_equal(r->batch_owner, pthread_self())) {
        w->tx = batch;
        w->joined = true;
    }
    if (rc == 0 && !w->joined)
        rc = store_begin(r->st, STORE_WRITE, &w->tx, e);
    if (rc == 0 && (rc = history_head(w->tx, &w->seq, &w->head, e)) < 0)
        write_close(w, false, NULL);
    w->first_seq = w->seq;
    return rc;
}

/* The set that a write belongs to when nobody made one for it: one a
 * transaction, so one a batch. */
static int note_set(struct write *w, struct err *e)
{
    struct registry *r = w->r;
    int64_t id;
    int rc;

    if (w->by_change || w->seq == w->first_seq)
        return 0;
    if (w->joined && r->batch_change != 0) {
        r->batch_last = w->seq;
        return w->stock ? change_implicit_stock(w, r->batch_change, e) : 0;
    }
    rc = change_implicit(w, w->first_seq + 1, w->seq, &id, e);
    if (rc == 0)
        w->change = id;
    if (rc == 0 && w->joined) {
        r->batch_change = id;
        r->batch_last = w->seq;
    }
    return rc;
}

int write_close(struct write *w, bool keep, struct err *e)
{
    struct tx *tx = w->tx;
    int rc = keep ? note_set(w, e) : 0;

    w->tx = NULL;
    if (w->joined) {
        w->r->batch_spoiled = w->r->batch_spoiled || !keep || rc < 0;
        return rc;
    }
    if (keep && rc == 0)
        return store_commit(tx, e);
    store_rollback(tx);
    return rc;
}

int registry_batch_begin(struct registry *r, struct err *e)
{
    struct tx *tx;
    int rc = store_begin(r->st, STORE_WRITE, &tx, e);

    if (rc == 0) {
        r->batch_owner = pthread_self();
        r->batch_spoiled = false;
        r->batch_change = 0;
        atomic_store(&r->batch, tx);
    }
    return rc;
}

struct tx *registry_batch_tx(struct registry *r) { return atomic_load(&r->batch); }

int registry_batch_end(struct registry *r, bool keep, struct err *e)
{
    struct tx *tx = atomic_exchange(&r->batch, NULL);
    int rc = 0;

    if (keep && !r->batch_spoiled && r->batch_change != 0)
        rc = change_implicit_grow(tx, r->batch_change, r->batch_last, e);
    if (rc == 0 && keep && !r->batch_spoiled)
        return store_commit(tx, e);
    store_rollback(tx);
    if (rc < 0)
        return rc;
    return keep ? ERR(e, -ECANCELED, "registry.batch_spoiled") : 0;
}

static bool any_given(const struct input *in, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (in->f[i].given != GIVEN_NOT)
            return true;
    return false;
}

static bool state_known(const struct kind *k, str state)
{
    for (size_t i = 0; i < k->nstates; i++)
        if (str_eq(k->states[i], state))
            return true;
    return false;
}

/* A new record starts at the first state. Stock that was there before the
 * registry may come in as it stands, by an administrator's hand. */
static int judge_state(struct write *w, const struct rec *old, const struct input *in, struct rec *fresh, struct err *e)
{
    const struct kind *k = fresh->k;
    struct err fe = {0};
    int rc = 0;

    fresh->state = old != NULL ? old->state : k->states[0];
    if (in->state.n == 0 || str_eq(in->state, fresh->state))
        return 0;
    if (w->restoring && old != NULL && state_known(k, in->state)) {
        fresh->state = in->state;
        return 0;
    }
    if (!state_known(k, in->state))
        rc = ERR(&fe, -EINVAL, "registry.no_state", S(in->state), S(k->name));
    else if (old == NULL && (w->who->roles & (ROLE_ADMIN | ROLE_SYSTEM)) == 0)
        rc = ERR(&fe, -EINVAL, "registry.state_first", S(k->states[0]));
    else if (old != NULL)
        rc = rights_transition(w->who, k, old->state, in->state, &fe);
    if (rc == -EACCES && e != NULL) {
        *e = fe;
        return rc;
    }
    if (rc < 0)
        write_fault(w, STR("state"), &fe);
    else
        fresh->state = in->state;
    return rc == -EACCES ? rc : 0;
}

static size_t field_vals(const struct field *f, const struct val *v, char bin[2][IP_BIN_MAX],
                         struct val out[FIELD_COLS])
{
    struct ip ip;
    struct prefix p;

    if (f->type == FT_REFS)
        return 0;
    out[0] = *v;
    if (f->type == FT_IP) {
        out[1] = V_NULL;
        if (v->type == VAL_TEXT && ip_parse(v->s, &ip)) {
            ip_bin(ip, bin[0]);
            out[1] = V_Z(bin[0]);
        }
        return 2;
    }
    if (f->type == FT_PREFIX) {
        out[1] = out[2] = V_NULL;
        if (v->type == VAL_TEXT && prefix_parse(v->s, &p)) {
            prefix_bin(p, bin[0], bin[1]);
            out[1] = V_Z(bin[0]);
            out[2] = V_Z(bin[1]);
        }
        return 3;
    }
    return 1;
}

struct row {
    struct val *v;
    size_t n;
    struct buf sql;
};

static void row_add(struct write *w, struct row *row, const struct field *f, const struct val *v)
{
    struct val out[FIELD_COLS];
    char bin[2][IP_BIN_MAX], cols[FIELD_COLS][COL_MAX];
    size_t n = field_vals(f, v, bin, out);

    field_columns(f, cols);
    for (size_t i = 0; i < n; i++) {
        if (out[i].type == VAL_TEXT)
            out[i].s = arena_str(w->a, out[i].s);
        row->v[row->n++] = out[i];
        buf_fmt(&row->sql, ", \"%s\" = ?%zu", cols[i], row->n);
    }
}

static int insert(struct write *w, struct rec *fresh, struct err *e)
{
    struct row row = {.v = arena_array(w->a, struct val, 16 + fresh->k->nfields * FIELD_COLS)};
    int64_t now = w->now / NS_PER_S;

    if (row.v == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    fresh->rev = 1;
    fresh->valid_from = fresh->created_at = fresh->changed_at = now;
    fresh->created_by = fresh->changed_by = arena_str(w->a, w->who->name);
    const struct val head[] = {V_NULL, /* the id */
                               V_INT(1),
                               V_STR(fresh->state),
                               V_INT(now),
                               V_INT(now),
                               V_STR(fresh->created_by),
                               V_INT(now),
                               V_STR(fresh->changed_by),
                               V_STR(rec_folded(w->a, fresh)),
                               V_STR(rec_title_sort(w->a, fresh))};
    for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
        row.v[row.n++] = head[i];
    buf_init(&row.sql, SQL_MAX);
    for (size_t i = 0; i < fresh->k->nfields; i++)
        row_add(w, &row, &fresh->k->fields[i], &fresh->v[i]);
    buf_done(&row.sql); /* the insert is ready made */
    return tx_insert(w->tx, fresh->k->name, w->r->sql[kind_index(w->r, fresh->k)].insert, row.v, row.n, &fresh->id, e);
}

static int update(struct write *w, const struct rec *old, struct rec *fresh, struct err *e)
{
    struct row row = {.v = arena_array(w->a, struct val, 16 + fresh->k->nfields * FIELD_COLS)};

    if (row.v == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    fresh->rev = old->rev + 1;
    fresh->changed_at = w->now / NS_PER_S;
    fresh->changed_by = arena_str(w->a, w->who->name);
    const struct val head[] = {V_INT(fresh->rev), V_INT(fresh->changed_at), V_STR(fresh->changed_by),
                               V_STR(fresh->state)};
    for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
        row.v[row.n++] = head[i];
    buf_init(&row.sql, SQL_MAX);
    buf_fmt(&row.sql, "UPDATE \"%.*s\" SET rev = ?1, changed_at = ?2, changed_by = ?3, state = ?4",
            STR_ARGS(fresh->k->name));
    bool fields = false;
    for (size_t i = 0; i < fresh->k->nfields; i++)
        if (!val_eq(&old->v[i], &fresh->v[i])) {
            row_add(w, &row, &fresh->k->fields[i], &fresh->v[i]);
            fields = true;
        }
    if (fields) {
        row.v[row.n++] = V_STR(rec_folded(w->a, fresh));
        row.v[row.n++] = V_STR(rec_title_sort(w->a, fresh));
        buf_fmt(&row.sql, ", folded = ?%zu, title_sort = ?%zu", row.n - 1, row.n);
    }
    row.v[row.n++] = V_INT(fresh->id);
    buf_fmt(&row.sql, " WHERE id = ?%zu", row.n);
    buf_byte(&row.sql, 0);
    int rc = row.sql.failed ? ERR(e, -ENOMEM, "registry.no_memory") : tx_defer(w->tx, row.sql.p, row.v, row.n, e);
    buf_done(&row.sql);
    return rc;
}

static bool refs_same(const struct id_list *a, const struct id_list *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        bool found = false;
        for (size_t j = 0; j < b->n; j++)
            found |= a->id[i] == b->id[j];
        if (!found)
            return false;
    }
    return true;
}

static int refs_write(struct write *w, const struct rec *old, const struct rec *fresh, struct err *e)
{
    char sql[256];
    int rc = 0;

    for (size_t i = 0; i < fresh->k->nfields && rc == 0; i++) {
        const struct field *f = &fresh->k->fields[i];
        if (f->type != FT_REFS || (old != NULL && refs_same(&old->refs[i], &fresh->refs[i])))
            continue;
        snprintf(sql, sizeof(sql), "DELETE FROM \"%.*s_%.*s\" WHERE id = ?1", STR_ARGS(fresh->k->name),
                 STR_ARGS(f->name));
        if (old != NULL)
            rc = tx_defer(w->tx, sql, VALS(V_INT(fresh->id)), e);
        snprintf(sql, sizeof(sql), "INSERT INTO \"%.*s_%.*s\" (id, ref_id) VALUES (?1, ?2)", STR_ARGS(fresh->k->name),
                 STR_ARGS(f->name));
        for (size_t j = 0; j < fresh->refs[i].n && rc == 0; j++)
            rc = tx_defer(w->tx, sql, VALS(V_INT(fresh->id), V_INT(fresh->refs[i].id[j])), e);
    }
    return rc;
}

static bool rec_same(const struct rec *a, const struct rec *b)
{
    if (!str_eq(a->state, b->state))
        return false;
    for (size_t i = 0; i < a->k->nfields; i++)
        if (!val_eq(&a->v[i], &b->v[i]) || !refs_same(&a->refs[i], &b->refs[i]))
            return false;
    return true;
}

static int note(struct write *w, const struct rec *old, const struct rec *fresh, struct err *e)
{
    json_t *before = NULL, *after = NULL;

    if (old == NULL)
        after = rec_json(fresh);
    else
        history_diff(old, fresh, &before, &after);
    int rc = history_add(w, fresh, old == NULL ? "create" : "change", before, after, e);
    json_decref(before);
    json_decref(after);
    return rc;
}

static int put(struct write *w, const struct rec *old, struct rec *fresh, struct err *e)
{
    int rc = old == NULL ? insert(w, fresh, e) : update(w, old, fresh, e);

    if (rc == 0)
        rc = refs_write(w, old, fresh, e);
    if (rc == 0)
        rc = addr_written(w, old, fresh, e);
    if (rc == 0)
        known_written(w->known, old, fresh);
    /* Nobody writes a record out of his own sight. */
    if (rc == 0 && scope_sees(w->tx, w->r, &w->scope, fresh->k, fresh->id, e) < 0)
        rc = ERR(e, -EACCES, "registry.out_of_unit");
    return rc == 0 ? note(w, old, fresh, e) : rc;
}

int write_record(struct write *w, const struct kind *k, const struct rec *old, struct input *in, struct rec **out,
                 enum outcome *how, struct err *e)
{
    uint64_t before = w->mistakes;
    struct rec *fresh = rec_new(w->a, k);
    int rc = 0;

    if (fresh == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    if (old != NULL) {
        *fresh = (struct rec){.k = k,
                              .id = old->id,
                              .rev = old->rev,
                              .valid_from = old->valid_from,
                              .created_at = old->created_at,
                              .created_by = old->created_by,
                              .changed_at = old->changed_at,
                              .changed_by = old->changed_by,
                              .v = fresh->v,
                              .ref = fresh->ref,
                              .refs = fresh->refs};
    }
    if (old == NULL || any_given(in, k->nfields))
        rc = rights_write(w->who, k, old != NULL ? old->state : STR_NONE, e);
    if (rc == 0)
        rc = judge_state(w, old, in, fresh, e);
    const struct transition *step = w->restoring ? NULL : life_step(old, fresh->state);
    if (rc == 0)
        rc = life_sets(w, step, old, in, e);
    if (rc == 0)
        rc = fields_judge(w, k, old, in, fresh, e);
    if (rc == 0)
        rc = life_judge(w, step, in, fresh, e);
    if (rc == 0 && w->mistakes == before)
        rc = invariants_judge(w, old, in, fresh, e);
    if (rc == 0 && w->mistakes != before)
        rc = ERR(e, -EINVAL, "registry.invalid", N((int64_t)(w->mistakes - before)));
    if (rc < 0)
        return rc;
    *how = old == NULL ? OUT_CREATED : rec_same(old, fresh) ? OUT_SAME : OUT_CHANGED;
    if (*how != OUT_SAME)
        rc = rights_approval(w, k, old == NULL ? OP_CREATE : OP_CHANGE, old != NULL ? old->state : STR_NONE,
                             fresh->state, e);
    if (rc == 0 && *how != OUT_SAME)
        rc = put(w, old, fresh, e);
    if (rc == 0 && *how != OUT_SAME)
        rc = invariants_late(w, fresh, e);
    if (rc == 0 && old != NULL && !str_eq(old->state, fresh->state))
        rc = life_open_step(w, step, fresh, e);
    if (rc == 0 && *how != OUT_SAME)
        rc = life_after(w, step, old, fresh, e);
    if (rc == 0 && w->mistakes != before)
        rc = ERR(e, -EINVAL, "registry.invalid", N((int64_t)(w->mistakes - before)));
    if (rc == 0)
        *out = fresh;
    return rc;
}
