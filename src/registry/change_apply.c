/* Approval and application. An approver approves the hash of the plan that was
 * seen; the plan is made again under the writer's lock at approval and at
 * application, so nothing can come between. When it is another by then, the
 * approvals are void and the set is a draft again: that is kept, and told. */
#include "registry/change-int.h"
#include <errno.h>

int change_void(struct change_call *x, str note, struct err *e)
{
    struct change *c = x->c;
    struct err lost;

    c->state = STR("draft");
    c->hash = STR("");
    c->note = note;
    int rc = change_votes_void(x->w, c, &lost);
    if (rc == 0)
        rc = change_save(x->w, c, &lost);
    if (rc == 0)
        rc = change_event(x->w, c, "void", note, NULL, &lost);
    x->voided = rc == 0;
    if (rc < 0 && e != NULL)
        *e = lost;
    return rc;
}

/* The sentence why, in the store, is for people of both languages: the keys of
 * the records that moved. */
str change_moved(struct change_call *x)
{
    struct buf b;

    buf_init(&b, CHANGE_NOTE_MAX);
    for (size_t i = 0; x->w->es != NULL && i < x->w->es->n && i < 20; i++) {
        const struct err *m = &x->w->es->v[i];
        if (m->code == -ESTALE)
            buf_fmt(&b, "%s%s (%s, %s)", b.n > 0 ? "; " : "", m->arg[0], m->arg[1], m->arg[2]);
    }
    str out = b.failed || b.n == 0 ? STR("plan changed") : arena_str(x->w->a, buf_view(&b));
    buf_done(&b);
    return out;
}

int step_approve(struct change_call *x, struct err *e)
{
    struct change_outcome o = {0};
    struct judge_as as = change_judge_as(x->c);
    struct change_vote v = {"approved", x->args->hash, x->args->note, x->person};
    int rc = change_try(x->w, x->c, &as, false, &o, e);

    if (rc == 0 && (o.stale > 0 || o.mistakes > 0)) {
        rc = change_void(x, change_moved(x), e);
        if (rc == 0)
            rc = ERR(e, -ESTALE, "registry.change_moved", N((int64_t)(o.stale > 0 ? o.stale : o.mistakes)));
    } else if (rc == 0 && !str_eq(o.hash, x->args->hash)) {
        rc = ERR(e, -ESTALE, "registry.change_other_seen");
    } else if (rc == 0) {
        x->c->state = STR("approved");
        x->c->hash = o.hash;
        rc = change_vote_add(x->w, x->c, &v, e);
    }
    json_decref(o.effects);
    return rc;
}

/* The set that this one undoes is reverted with it. */
int change_undone(struct change_call *x, struct err *e)
{
    struct change of = {0};
    struct change *c = x->c;
    int rc = change_load(x->w->tx, x->w->a, c->reverts, false, &of, e);

    if (rc == 0 && of.reverted_by != 0)
        rc = ERR(e, -EBUSY, "registry.change_undone", N(of.id), N(of.reverted_by));
    if (rc < 0)
        return rc;
    of.state = STR("reverted");
    of.reverted_by = c->id;
    of.confirm_by = 0;
    rc = change_save(x->w, &of, e);
    return rc == 0 ? change_event(x->w, &of, "revert", c->reason, NULL, e) : rc;
}

int change_wrote(struct change_call *x, uint64_t before, struct err *e)
{
    struct change *c = x->c;

    c->state = STR("applied");
    c->applied_at = x->w->now / NS_PER_S;
    c->applied_by = x->w->who->name;
    c->note = STR("");
    if (x->w->seq > before) {
        c->first_seq = (int64_t)before + 1;
        c->last_seq = (int64_t)x->w->seq;
    }
    if (x->args->confirm_s > 0)
        c->confirm_by = c->applied_at + x->args->confirm_s;
    return c->reverts != 0 ? change_undone(x, e) : 0;
}

/* Rights: the applier's, and an approver's where one has approved. */
static struct judge_as apply_as(const struct change_call *x, bool approved)
{
    const struct actor *who = x->w->who;
    struct judge_as as = {.who = *who, .scope = {.all = true}};

    as.who.reason = x->c->reason.n > 0 ? x->c->reason : x->c->title;
    if (approved)
        as.who.roles |= ROLE_APPROVER;
    return as;
}

static int run(struct change_call *x, bool glass, struct err *e)
{
    struct change *c = x->c;
    bool approved = str_eq(c->state, STR("approved"));
    struct judge_as as = apply_as(x, approved || glass);
    struct change_outcome o = {.want = approved ? c->hash : STR_NONE};
    uint64_t before = x->w->seq;
    int rc = c->nops == 0 ? ERR(e, -EINVAL, "registry.change_empty") : change_try(x->w, c, &as, true, &o, e);

    if (rc == 0 && approved && (o.stale > 0 || !str_eq(o.hash, c->hash))) {
        rc = change_void(x, change_moved(x), e);
        if (rc == 0)
            rc = ERR(e, -ESTALE, "registry.change_void", N(c->id));
    } else if (rc == 0 && o.mistakes > 0) {
        rc = o.stale > 0 ? ERR(e, -ESTALE, "registry.change_moved", N((int64_t)o.stale))
                         : ERR(e, -EINVAL, "registry.change_mistakes", N((int64_t)o.mistakes));
    } else if (rc == 0) {
        c->hash = o.hash;
        rc = change_wrote(x, before, e);
    }
    json_decref(o.effects);
    return rc;
}

int step_apply(struct change_call *x, struct err *e) { return run(x, false, e); }

int step_glass(struct change_call *x, struct err *e)
{
    x->c->glass = true;
    int rc = change_hand_add(x->w, x->c, e);
    return rc == 0 ? run(x, true, e) : rc;
}
