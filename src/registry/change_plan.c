/* Plans: a run of a set's operations inside a savepoint, taken back unless it
 * is wanted and without mistakes. */
#include "registry/change-int.h"
#include <errno.h>

static int spoken(struct write *w, const char *sql, struct err *e) { return tx_exec(w->tx, sql, NO_VALS, NULL, e); }

int change_try(struct write *w, struct change *c, const struct judge_as *as, bool keep, struct change_outcome *out,
               struct err *e)
{
    struct change_run run = {.w = w, .ops = c->ops};
    const struct actor *who = w->who;
    struct scope scope = w->scope;
    struct sha256 head = w->head;
    uint64_t seq = w->seq, before = w->mistakes;
    struct err lost;
    int rc = spoken(w, "SAVEPOINT change_plan", e);

    if (rc < 0)
        return rc;
    w->who = &as->who;
    w->scope = as->scope;
    w->by_change = true;
    rc = change_run(&run, e);
    w->who = who;
    w->scope = scope;
    if (rc == 0) {
        out->mistakes = w->mistakes - before;
        out->stale = run.stale;
        out->hash = change_hash(w->a, c->ops, run.effects);
        out->effects = json_incref(run.effects);
        if (out->hash.p == NULL)
            rc = ERR(e, -ENOMEM, "registry.no_memory");
    }
    if (rc == 0 && out->mistakes == 0)
        rc = change_show(w, seq, out->look, e);
    bool keeps = rc == 0 && keep && out->mistakes == 0 && (out->want.n == 0 || str_eq(out->want, out->hash));
    if (!keeps) {
        w->seq = seq;
        w->head = head;
        int back = spoken(w, "ROLLBACK TO SAVEPOINT change_plan", rc == 0 ? e : &lost);
        rc = rc == 0 ? back : rc;
    }
    int end = spoken(w, "RELEASE SAVEPOINT change_plan", rc == 0 ? e : &lost);
    change_run_done(&run);
    return rc == 0 ? end : rc;
}

/* An officer's request is judged as if an operator had taken it, but with the
 * officer's sight: he sees in the plan only what he may see. */
struct judge_as change_judge_as(const struct change *c)
{
    uint32_t roles = (uint32_t)c->owner_roles;
    bool officer = (roles & (ROLE_ADMIN | ROLE_OPERATOR | ROLE_SYSTEM)) == 0;

    if (officer)
        roles = ROLE_OPERATOR;
    if (c->needs)
        roles |= ROLE_APPROVER;
    return (struct judge_as){.who = {.name = c->owner, .account_id = c->owner_id, .roles = roles, .reason = c->reason},
                             .scope = {.all = !officer, .unit = c->unit_id, .roles = roles}};
}

json_t *change_plan_json(const struct registry *r, const struct change_outcome *o, bool needs, uint32_t roles)
{
    json_t *one;
    size_t i;

    json_array_foreach(o->effects, i, one) /* the hash is over all of it */
    {
        const struct kind *k = schema_kind(r->sc, json_get_str(one, "kind"));
        if (k == NULL)
            continue;
        fields_hide(k, roles, json_object_get(one, "before"));
        fields_hide(k, roles, json_object_get(one, "after"));
    }

    return json_pack("{s:o, s:b, s:I, s:I, s:O}", "hash", json_from_str(o->hash), "needs_approval", (int)needs, "stale",
                     (json_int_t)o->stale, "mistakes", (json_int_t)o->mistakes, "effects", o->effects);
}

static int see(struct write *w, int64_t id, struct change *c, struct err *e)
{
    int rc = change_load(w->tx, w->a, id, true, c, e);

    if (rc == 0)
        rc = change_sees(w->tx, w->who, &w->scope, c, e);
    return rc;
}

int change_plan(struct registry *r, const struct actor *who, int64_t id, const struct change_look *look, json_t **out,
                struct errs *es, struct err *e)
{
    struct arena a = arena_init(CHANGE_ARENA);
    struct change c = {0};
    struct change_outcome o = {.look = look};
    struct write w;
    int rc = write_begin(&w, r, who, &a, es, e);

    if (rc == 0) {
        w.by_change = true;
        rc = see(&w, id, &c, e);
        if (rc == 0 && c.ops != NULL &&
            (str_eq(c.state, STR("applied")) || str_eq(c.state, STR("confirmed")) || str_eq(c.state, STR("reverted"))))
            rc = ERR(e, -EBUSY, "registry.change_done", N(c.id), S(c.state));
        if (rc == 0) {
            struct judge_as as = change_judge_as(&c);
            rc = change_try(&w, &c, &as, false, &o, e);
        }
        if (rc == 0 && (*out = change_plan_json(r, &o, c.needs, who->roles)) == NULL)
            rc = ERR(e, -ENOMEM, "registry.no_memory");
        w.seq = w.first_seq;
        if (!w.joined)
            write_close(&w, false, NULL);
    }
    json_decref(o.effects);
    change_drop(&c);
    arena_free(&a);
    return rc;
}

/* As the write itself would say it: not there, or another rev by now. */
static int check_target(struct write *w, const json_t *op, struct err *e)
{
    const struct kind *k = kind_want(w->r, json_get_str(op, "kind"), e);
    str target = json_get_str(op, "target");
    int64_t rev = json_get_int(op, "rev", 0);
    struct rec *rec;

    if (k == NULL || target.n == 0)
        return k == NULL ? -ENOENT : 0;
    int rc = find_visible(w->tx, w->r, &w->scope, w->a, k, target, true, &rec, e);
    return rc == 0 && rev != 0 && rev != rec->rev
               ? ERR(e, -ESTALE, "registry.stale", S(rec_key(rec)), N(rec->rev), N(rev))
               : rc;
}

int change_preview(struct registry *r, const struct actor *who, const json_t *op, const struct change_look *look,
                   json_t **out, struct errs *es, struct err *e)
{
    struct arena a = arena_init(CHANGE_ARENA);
    json_t *list = json_array(), *ops = NULL;
    struct change_run run = {.single = true};
    struct write w;
    int rc = write_begin(&w, r, who, &a, es, e);

    json_array_append(list, (json_t *)(uintptr_t)op);
    if (rc == 0) {
        w.by_change = true;
        rc = check_target(&w, op, e);
        if (rc == 0)
            rc = change_ops_read(&w, list, &ops, e);
        run.w = &w;
        run.ops = ops;
        if (rc == 0)
            rc = change_run(&run, e);
        if (rc == 0 && w.mistakes > 0)
            rc = ERR(e, -EINVAL, "registry.invalid", N((int64_t)w.mistakes));
        if (rc == 0)
            rc = change_show(&w, w.first_seq, look, e);
        if (rc == 0) {
            struct change_outcome o = {.effects = run.effects, .hash = change_hash(&a, ops, run.effects)};
            *out = change_plan_json(r, &o, change_needs(r, ops), who->roles);
        }
        write_close(&w, false, NULL);
    }
    change_run_done(&run);
    json_decref(list);
    json_decref(ops);
    arena_free(&a);
    return rc;
}
