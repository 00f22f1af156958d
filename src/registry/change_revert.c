/* Undoing a set: the inverse operations come from the history that it wrote,
 * newest first, and make a set of their own, which is approved and applied like
 * any other. The timer of a set that nobody confirmed does the same at once. */
#include "registry/change-int.h"
#include <errno.h>

struct row {
    const struct kind *k;
    int64_t id, rev;
    str key, op, before, after;
};
struct inverse {
    struct arena *a;
    const struct registry *r;
    struct row *v;
    size_t n, max;
    str unknown; /* a kind that the schema no longer has */
};

static bool inverse_row(void *ctx, const struct val *v, size_t n)
{
    struct inverse *x = ctx;
    struct row *row = &x->v[x->n];

    (void)n;
    if (x->n == x->max)
        return false;
    *row = (struct row){schema_kind(x->r->sc, v[0].s),
                        v[1].i,
                        v[4].i,
                        arena_str(x->a, v[2].s),
                        arena_str(x->a, v[3].s),
                        v[5].type == VAL_TEXT ? arena_str(x->a, v[5].s) : STR_NONE,
                        v[6].type == VAL_TEXT ? arena_str(x->a, v[6].s) : STR_NONE};
    if (row->k == NULL)
        x->unknown = arena_str(x->a, v[0].s);
    x->n++;
    return !x->a->failed;
}

struct now {
    struct arena *a;
    int64_t rev, at;
    str by;
    bool found;
};

static bool now_row(void *ctx, const struct val *v, size_t n)
{
    struct now *x = ctx;

    (void)n;
    x->rev = v[0].i;
    x->by = arena_str(x->a, v[1].s);
    x->at = v[2].i;
    x->found = true;
    return false;
}

/* The record must be as the set left it. */
static int check_since(struct write *w, const struct row *row, size_t i, struct err *e)
{
    struct now now = {.a = w->a};
    char sql[160], when[40], at[32];
    struct err fe;

    snprintf(sql, sizeof(sql), "SELECT rev, changed_by, changed_at FROM \"%.*s\" WHERE id = ?1",
             STR_ARGS(row->k->name));
    int rc = tx_query(w->tx, sql, VALS(V_INT(row->id)), now_row, &now, e);
    if (rc < 0 || (now.found && now.rev == row->rev))
        return rc;
    time_fmt(now.at * NS_PER_S, 0, when, sizeof(when));
    ERR(&fe, -ESTALE, "registry.change_stale", S(row->key), S(now.by), when, N(now.rev));
    snprintf(at, sizeof(at), "/ops/%zu", i + 1);
    err_at(&fe, at, 0, 0);
    if (w->es != NULL)
        errs_add(w->es, &fe);
    w->mistakes++;
    return 0;
}

/* What the row changed, as it was before: fields and state. */
static void put_back(json_t *op, const struct row *row)
{
    json_t *before = row->before.n > 0 ? json_loadb(row->before.p, row->before.n, 0, NULL) : NULL;
    json_t *after = row->after.n > 0 ? json_loadb(row->after.p, row->after.n, 0, NULL) : NULL;
    json_t *fields = json_object(), *v;
    const char *name;

    json_object_foreach(after, name, v)
    {
        json_t *was = json_object_get(before, name);
        if (kind_field(row->k, str_c(name)) != NULL)
            json_object_set(fields, name, was != NULL ? was : json_null());
        else if (strcmp(name, "state") == 0 && was != NULL)
            json_object_set(op, "state", was);
    }
    json_object_set_new(op, "fields", fields);
    json_decref(before);
    json_decref(after);
}

/* The row's document with its personal values in it again. */
static int document_show(struct write *w, const struct row *row, str *doc, struct err *e)
{
    json_t *o = doc->n > 0 ? json_loadb(doc->p, doc->n, 0, NULL) : NULL;
    int rc = o == NULL ? 0 : personal_show(w->r, w->tx, w->a, row->k, row->id, o, e);
    char *text = o == NULL || rc < 0 ? NULL : json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);

    if (text != NULL)
        *doc = arena_str(w->a, str_c(text));
    free(text);
    json_decref(o);
    return rc;
}

static json_t *inverse_op(const struct row *row)
{
    bool made = str_eq(row->op, STR("create")) || str_eq(row->op, STR("restore"));
    json_t *op = json_pack("{s:s, s:o, s:{s:I, s:o, s:o}, s:I}", "op", made ? "end" : "restore", "kind",
                           json_from_str(row->k->name), "target", "id", (json_int_t)row->id, "key",
                           json_from_str(row->key), "title", json_from_str(row->key), "rev", (json_int_t)row->rev);

    if (str_eq(row->op, STR("end")))
        json_object_set_new(op, "reopen", json_true());
    else if (!made)
        put_back(op, row);
    return op;
}

int change_inverse(struct write *w, const struct change *c, json_t **ops, struct err *e)
{
    struct inverse x = {.a = w->a, .r = w->r, .max = CHANGE_OPS_MAX + 1};
    json_t *out = json_array();
    uint64_t before = w->mistakes;
    int rc = 0;

    x.v = arena_array(w->a, struct row, x.max);
    if (x.v == NULL)
        rc = ERR(e, -ENOMEM, "registry.no_memory");
    if (rc == 0)
        rc = tx_query(w->tx,
                      "SELECT kind, record_id, record_key, op, rev, before, after FROM history WHERE seq BETWEEN ?1 AND"
                      " ?2 ORDER BY seq DESC",
                      VALS(V_INT(c->first_seq), V_INT(c->last_seq)), inverse_row, &x, e);
    if (rc == 0 && (x.n > CHANGE_OPS_MAX || w->a->failed))
        rc = ERR(e, -E2BIG, "registry.change_ops", N(CHANGE_OPS_MAX));
    if (rc == 0 && x.unknown.n > 0)
        rc = ERR(e, -ENOENT, "registry.no_kind", S(x.unknown));
    if (rc == 0 && x.n == 0)
        rc = ERR(e, -EBUSY, "registry.change_empty");
    for (size_t i = 0; i < x.n && rc == 0; i++) {
        bool seen = false;
        for (size_t j = 0; j < i && !seen; j++)
            seen = x.v[j].id == x.v[i].id && x.v[j].k == x.v[i].k;
        if (!seen)
            rc = check_since(w, &x.v[i], i, e);
        if (rc == 0 && str_eq(x.v[i].op, STR("blank"))) /* the law wanted it gone */
            rc = ERR(e, -EBUSY, "registry.change_blank", S(x.v[i].key));
        if (rc == 0)
            rc = document_show(w, &x.v[i], &x.v[i].before, e);
        json_array_append_new(out, inverse_op(&x.v[i]));
    }
    if (rc == 0 && w->mistakes != before)
        rc = ERR(e, -EBUSY, "registry.change_since", N((int64_t)(w->mistakes - before)));
    if (rc == 0)
        *ops = out;
    else
        json_decref(out);
    return rc;
}

static int inverse_set(struct change_call *x, struct change *out, struct err *e)
{
    const struct change *c = x->c;

    *out = (struct change){.title = c->title, .reason = x->args->note, .reverts = c->id, .needs = c->needs};
    int rc = c->reverted_by != 0 ? ERR(e, -EBUSY, "registry.change_undone", N(c->id), N(c->reverted_by))
                                 : change_inverse(x->w, c, &out->ops, e);
    if (rc == 0) {
        out->nops = (int64_t)json_array_size(out->ops);
        out->kinds = change_kinds(x->w->a, out->ops);
        rc = change_create(x->w, out, "draft", e);
    }
    return rc;
}

int step_revert(struct change_call *x, struct err *e)
{
    struct change inverse;
    int rc = inverse_set(x, &inverse, e);

    if (rc < 0) {
        json_decref(inverse.ops);
        return rc;
    }
    change_drop(x->c);
    *x->c = inverse;
    return 0;
}

/* ---- the timer ---- */

static int next_due(struct registry *r, int64_t *id, int64_t *at, struct err *e)
{
    struct change c;
    struct val v = V_NULL;
    struct arena a = arena_init(CHANGE_ARENA);
    struct tx *tx;
    int rc = store_begin(r->st, STORE_READ, &tx, e);

    *id = 0;
    if (rc == 0) {
        rc = tx_one(tx, NULL, "SELECT id FROM change_set WHERE confirm_by > 0 ORDER BY confirm_by, id LIMIT 1", NO_VALS,
                    &v, e);
        if (rc > 0 && (rc = change_load(tx, &a, v.i, false, &c, e)) == 0) {
            *id = c.id;
            *at = c.confirm_by;
        }
        store_rollback(tx);
    }
    arena_free(&a);
    return rc;
}

/* Undone at once: the approval with its deadline spoke for the way back too. */
static int undo(struct change_call *x, struct change *inverse, struct err *e)
{
    struct judge_as as = {.who = *x->w->who, .scope = {.all = true}};
    struct change_outcome o = {0};
    struct change *of = x->c;
    uint64_t before;
    int rc = inverse_set(x, inverse, e);

    before = x->w->seq;
    if (rc == 0)
        rc = change_try(x->w, inverse, &as, true, &o, e);
    if (rc == 0 && o.mistakes > 0)
        rc = ERR(e, -EBUSY, "registry.change_mistakes", N((int64_t)o.mistakes));
    if (rc == 0) {
        inverse->hash = o.hash;
        x->c = inverse;
        rc = change_wrote(x, before, e);
        if (rc == 0)
            rc = change_save(x->w, inverse, e);
        if (rc == 0)
            rc = change_event(x->w, inverse, "apply", inverse->reason, NULL, e);
        x->c = of;
    }
    json_decref(o.effects);
    return rc;
}

static int stuck(struct change_call *x, struct err *e)
{
    x->c->confirm_by = -1;
    x->c->note = change_moved(x);
    int rc = change_save(x->w, x->c, e);
    return rc == 0 ? change_event(x->w, x->c, "overdue", x->c->note, NULL, e) : rc;
}

static int take_back(struct registry *r, int64_t id, struct err *e)
{
    static const struct actor timer = {.name = {"luyd", 4}, .roles = ROLE_SYSTEM, .reason = {"confirm_within", 14}};
    const struct change_args args = {.note = STR("confirm_within")};
    struct arena a = arena_init(CHANGE_ARENA);
    struct change c = {0}, inverse = {0};
    struct errs es;
    struct err why = {0};
    struct write w;
    struct change_call x = {.w = &w, .c = &c, .args = &args};

    errs_init(&es, 100);
    int rc = write_begin(&w, r, &timer, &a, &es, e);
    if (rc == 0) {
        w.by_change = true;
        rc = change_load(w.tx, &a, id, true, &c, e);
        bool due = rc == 0 && str_eq(c.state, STR("applied")) && c.confirm_by > 0 &&
                   c.confirm_by <= clock_wall(r->clk) / NS_PER_S;
        if (due && (rc = tx_exec(w.tx, "SAVEPOINT change_timer", NO_VALS, NULL, e)) == 0) {
            struct sha256 head = w.head;
            uint64_t seq = w.seq;
            int undone = undo(&x, &inverse, &why);
            if (undone < 0) {
                w.head = head;
                w.seq = seq;
                rc = tx_exec(w.tx, "ROLLBACK TO SAVEPOINT change_timer", NO_VALS, NULL, e);
            }
            if (rc == 0)
                rc = tx_exec(w.tx, "RELEASE SAVEPOINT change_timer", NO_VALS, NULL, e);
            if (rc == 0 && undone < 0)
                rc = stuck(&x, e);
        }
        int closed = write_close(&w, rc == 0, e);
        rc = rc == 0 ? closed : rc;
    }
    json_decref(inverse.ops);
    change_drop(&c);
    errs_done(&es);
    arena_free(&a);
    return rc;
}

int change_tick(struct registry *r, int64_t *due, struct err *e)
{
    int64_t id = 0, at = 0;
    int rc;

    *due = INT64_MAX;
    while ((rc = next_due(r, &id, &at, e)) == 0 && id != 0) {
        if (at > clock_wall(r->clk) / NS_PER_S) {
            *due = at * NS_PER_S;
            break;
        }
        if ((rc = take_back(r, id, e)) < 0)
            break;
    }
    return rc;
}
