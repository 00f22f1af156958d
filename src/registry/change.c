/* Drafts: made, edited, and taken along the table of steps. Each call is one
 * write transaction; what happened is told in the history. */
#include "registry/change-int.h"
#include "base/text.h"
#include <errno.h>

enum { WRITERS = ROLE_ADMIN | ROLE_OPERATOR | ROLE_SYSTEM };

static bool in_states(str state, const char *list)
{
    str rest = str_c(list), one;

    while (rest.n > 0 && str_split(&rest, ' ', &one))
        if (str_eq(one, state))
            return true;
    return false;
}

bool change_may_edit(const struct change *c, const struct actor *who)
{
    bool mine = c->owner_id == who->account_id,
         shared = (who->roles & WRITERS) != 0 && ((uint32_t)c->owner_roles & WRITERS) != 0;

    return (mine || shared) && c->reverts == 0 && !c->implicit &&
           in_states(c->state, "draft requested submitted approved rejected");
}

static void text_fault(struct write *w, const char *member, size_t max, size_t n)
{
    struct err fe;

    ERR(&fe, -EINVAL, "registry.too_long", N((int64_t)max), N((int64_t)n));
    err_at(&fe, arena_fmt(w->a, "/%s", member).p, 0, 0);
    if (w->es != NULL)
        errs_add(w->es, &fe);
    w->mistakes++;
}

static void take_text(struct write *w, const json_t *in, const char *member, size_t max, str *out)
{
    const json_t *v = json_object_get(in, member);

    if (!json_is_string(v))
        return;
    str s = str_trim(json_str(v));
    if (s.n > max)
        text_fault(w, member, max, s.n);
    else
        *out = arena_str(w->a, s);
}

static int take(struct write *w, struct change *c, const json_t *in, struct err *e)
{
    const json_t *ops = json_object_get(in, "ops");
    json_t *read = NULL;
    int rc = 0;

    take_text(w, in, "title", CHANGE_TITLE_MAX, &c->title);
    take_text(w, in, "reason", CHANGE_NOTE_MAX, &c->reason);
    if (ops != NULL)
        rc = change_ops_read(w, ops, &read, e);
    if (rc == 0 && w->mistakes > 0)
        rc = ERR(e, -EINVAL, "registry.change_mistakes", N((int64_t)w->mistakes));
    if (rc < 0 || ops == NULL) {
        json_decref(read);
        return rc;
    }
    json_decref(c->ops);
    c->ops = read;
    c->nops = (int64_t)json_array_size(read);
    c->kinds = change_kinds(w->a, read);
    return 0;
}

int change_finish(struct write *w, struct change *c, int rc, json_t **out, struct err *e)
{
    json_t *o = NULL;

    if (rc == 0 && out != NULL && (o = change_json(w->tx, w->r, w->who, c, true, e)) == NULL)
        rc = e != NULL && e->code < 0 ? e->code : -ENOMEM;
    int closed = write_close(w, rc == 0, e);
    rc = rc == 0 ? closed : rc;
    if (rc == 0 && out != NULL)
        *out = o;
    else
        json_decref(o);
    return rc;
}

/* The set's own rows: draft, hand, operations, history. */
int change_create(struct write *w, struct change *c, const char *event, struct err *e)
{
    int64_t now = w->now / NS_PER_S;
    json_t *more = NULL;

    c->state = STR("draft");
    c->author = c->owner = w->who->name;
    c->author_id = c->owner_id = w->who->account_id;
    c->owner_roles = w->who->roles;
    c->unit_id = w->scope.all ? 0 : w->scope.unit;
    c->created_at = c->changed_at = now;
    c->needs = c->needs || change_needs(w->r, c->ops);
    int rc = change_person(w->tx, w->r, w->who->account_id, &c->author_person, e);
    if (rc == 0)
        rc = change_insert(w, c, e);
    if (rc == 0)
        rc = change_hand_add(w, c, e);
    if (rc == 0)
        rc = change_save_ops(w, c, e);
    if (rc == 0)
        rc = change_event(w, c, event, c->reason, more, e);
    return rc;
}

int change_draft(struct registry *r, const struct actor *who, const json_t *in, json_t **out, struct errs *es,
                 struct err *e)
{
    struct arena a = arena_init(CHANGE_ARENA);
    struct change c = {.reason = who->reason};
    struct write w;
    int rc = write_begin(&w, r, who, &a, es, e);

    if (rc == 0) {
        w.by_change = true;
        if ((who->roles & (WRITERS | ROLE_UNIT_OFFICER)) == 0)
            rc = ERR(e, -EACCES, "registry.change_role");
        if (rc == 0)
            rc = take(&w, &c, in, e);
        if (rc == 0 && c.ops == NULL)
            c.ops = json_array();
        if (rc == 0)
            rc = change_create(&w, &c, "draft", e);
        rc = change_finish(&w, &c, rc, out, e);
    }
    change_drop(&c);
    arena_free(&a);
    return rc;
}

int change_draft_from(struct registry *r, const struct actor *who, str title, const json_t *ops, json_t **out,
                      struct errs *es, struct err *e)
{
    json_t *in = json_pack("{s:o, s:O}", "title", json_from_str(title), "ops", ops);
    int rc = in == NULL ? ERR(e, -ENOMEM, "registry.no_memory") : change_draft(r, who, in, out, es, e);

    json_decref(in);
    return rc;
}

/* Loads the set for a writer who has seen rev. */
static int load_at(struct write *w, int64_t id, int64_t rev, struct change *c, struct err *e)
{
    int rc = change_load(w->tx, w->a, id, true, c, e);

    if (rc == 0)
        rc = change_sees(w->tx, w->who, &w->scope, c, e);
    if (rc == 0 && c->rev != rev)
        rc = ERR(e, -ESTALE, "registry.stale", N(id), N(c->rev), N(rev));
    return rc;
}

int change_edit(struct registry *r, const struct actor *who, int64_t id, int64_t rev, const json_t *in, json_t **out,
                struct errs *es, struct err *e)
{
    struct arena a = arena_init(CHANGE_ARENA);
    struct change c = {0};
    struct write w;
    int rc = write_begin(&w, r, who, &a, es, e);

    if (rc == 0) {
        w.by_change = true;
        rc = load_at(&w, id, rev, &c, e);
        if (rc == 0 && !change_may_edit(&c, who))
            rc = c.reverts != 0 ? ERR(e, -EBUSY, "registry.change_inverse", N(id), N(c.reverts))
                                : ERR(e, -EACCES, "registry.change_not_yours", S(c.state), S(c.owner));
        if (rc == 0)
            rc = take(&w, &c, in, e);
        if (rc == 0) {
            c.state = STR("draft");
            c.hash = STR("");
            c.needs = change_needs(r, c.ops);
            rc = change_votes_void(&w, &c, e);
        }
        if (rc == 0)
            rc = change_hand_add(&w, &c, e);
        if (rc == 0)
            rc = change_save(&w, &c, e);
        if (rc == 0)
            rc = change_save_ops(&w, &c, e);
        if (rc == 0)
            rc = change_event(&w, &c, "edit", STR_NONE, NULL, e);
        rc = change_finish(&w, &c, rc, out, e);
    }
    change_drop(&c);
    arena_free(&a);
    return rc;
}

/* ---- steps ---- */

static int step_submit(struct change_call *x, struct err *e)
{
    struct change *c = x->c;
    struct change_outcome o = {0};
    struct judge_as as = change_judge_as(c);
    bool officer = ((uint32_t)c->owner_roles & WRITERS) == 0;
    int rc = c->nops == 0 ? ERR(e, -EINVAL, "registry.change_empty") : change_try(x->w, c, &as, false, &o, e);

    if (rc == 0 && o.mistakes > 0)
        rc = o.stale > 0 ? ERR(e, -ESTALE, "registry.change_moved", N((int64_t)o.stale))
                         : ERR(e, -EINVAL, "registry.change_mistakes", N((int64_t)o.mistakes));
    if (rc == 0) {
        c->state = officer ? STR("requested") : STR("submitted");
        c->submitted_at = x->w->now / NS_PER_S;
        c->hash = o.hash;
        c->note = STR("");
    }
    json_decref(o.effects);
    return rc;
}

static int step_take(struct change_call *x, struct err *e)
{
    const struct actor *who = x->w->who;

    x->c->state = STR("draft");
    x->c->owner = who->name;
    x->c->owner_id = who->account_id;
    x->c->owner_roles = who->roles;
    return change_hand_add(x->w, x->c, e);
}

/* Back to the one who asked, as an officer's draft. */
static int step_return(struct change_call *x, struct err *e)
{
    (void)e;
    x->c->state = STR("draft");
    x->c->owner = x->c->author;
    x->c->owner_id = x->c->author_id;
    x->c->owner_roles = ROLE_UNIT_OFFICER;
    return 0;
}

static int step_reject(struct change_call *x, struct err *e)
{
    struct change_vote v = {"rejected", x->c->hash, x->args->note, x->person};
    int rc = change_votes_void(x->w, x->c, e);

    x->c->state = STR("rejected");
    return rc == 0 ? change_vote_add(x->w, x->c, &v, e) : rc;
}

static int step_withdraw(struct change_call *x, struct err *e)
{
    x->c->state = STR("withdrawn");
    return change_votes_void(x->w, x->c, e);
}

static int step_confirm(struct change_call *x, struct err *e)
{
    (void)e;
    x->c->state = STR("confirmed");
    x->c->confirm_by = 0;
    return 0;
}

static int step_review(struct change_call *x, struct err *e)
{
    struct change_vote v = {"reviewed", x->c->hash, x->args->note, x->person};

    x->c->reviewed_by = x->w->who->name;
    return change_vote_add(x->w, x->c, &v, e);
}

enum { OWNER = 1, NOT_HAND = 2, REASON = 4, REQUEST = 8, WITHOUT = 16 };
static const struct step {
    const char *name, *states;
    uint32_t roles;
    unsigned flags;
    step_fn *fn;
} steps[STEPS] = {
    [STEP_SUBMIT] = {"submit", "draft", WRITERS | ROLE_UNIT_OFFICER, OWNER, step_submit},
    [STEP_TAKE] = {"take", "requested", WRITERS, 0, step_take},
    [STEP_RETURN] = {"return", "requested draft", WRITERS, REASON | REQUEST, step_return},
    [STEP_APPROVE] = {"approve", "submitted", ROLE_ADMIN | ROLE_APPROVER, NOT_HAND, step_approve},
    [STEP_REJECT] = {"reject", "submitted approved", ROLE_ADMIN | ROLE_APPROVER, REASON, step_reject},
    [STEP_WITHDRAW] = {"withdraw", "draft requested submitted approved rejected", WRITERS | ROLE_UNIT_OFFICER, OWNER,
                       step_withdraw},
    [STEP_APPLY] = {"apply", "draft submitted approved", WRITERS, WITHOUT, step_apply},
    [STEP_BREAK_GLASS] = {"break-glass", "draft submitted", ROLE_ADMIN, REASON, step_glass},
    [STEP_CONFIRM] = {"confirm", "applied", WRITERS | ROLE_APPROVER, 0, step_confirm},
    [STEP_REVERT] = {"revert", "applied confirmed", WRITERS, 0, step_revert},
    [STEP_REVIEW] = {"review", "applied confirmed reverted", ROLE_ADMIN | ROLE_APPROVER, NOT_HAND, step_review},
};

const char *change_step_name(enum change_step s) { return steps[s].name; }

/* What a step asks for beside state and role. */
static bool fits(const struct change *c, const struct actor *who, enum change_step s)
{
    bool mine = c->owner_id == who->account_id || c->author_id == who->account_id ||
                ((who->roles & WRITERS) != 0 && ((uint32_t)c->owner_roles & WRITERS) != 0);

    if ((steps[s].flags & OWNER) && !(s == STEP_SUBMIT ? change_may_edit(c, who) || c->reverts != 0 : mine))
        return false;
    if ((steps[s].flags & REQUEST) && c->unit_id == 0)
        return false;
    if ((steps[s].flags & WITHOUT) && (str_eq(c->state, STR("approved")) == false) &&
        (c->needs || ((uint32_t)c->owner_roles & WRITERS) == 0))
        return false;
    if (s == STEP_RETURN && str_eq(c->state, STR("draft")) && ((uint32_t)c->owner_roles & WRITERS) == 0)
        return false; /* it is with the officer */
    if (s == STEP_BREAK_GLASS)
        return c->needs && ((uint32_t)c->owner_roles & WRITERS) != 0;
    if (s == STEP_CONFIRM)
        return c->confirm_by != 0;
    if (s == STEP_REVIEW)
        return c->glass && c->reviewed_by.n == 0;
    return true;
}

bool change_may(const struct change *c, const struct actor *who, enum change_step s, bool hand)
{
    const struct step *t = &steps[s];

    if (c->implicit && s != STEP_REVERT && s != STEP_REVIEW)
        return false;
    return in_states(c->state, t->states) && (t->roles & who->roles) != 0 && fits(c, who, s) &&
           !((t->flags & NOT_HAND) && hand);
}

/* Why not, in the order in which a person would ask. */
static int refuse(const struct change_call *x, enum change_step s, bool hand, struct err *e)
{
    const struct change *c = x->c;
    const struct step *t = &steps[s];

    if ((t->roles & x->w->who->roles) == 0)
        return ERR(e, -EACCES, "registry.change_role");
    if (!in_states(c->state, t->states))
        return ERR(e, -EBUSY, "registry.change_state", t->name, S(c->state));
    if ((t->flags & NOT_HAND) && hand)
        return ERR(e, -EPERM, "registry.change_own", N(c->id));
    if (s == STEP_APPLY && c->needs)
        return ERR(e, -EBUSY, "registry.change_unapproved", N(c->id));
    if (s == STEP_BREAK_GLASS && !c->needs)
        return ERR(e, -EBUSY, "registry.change_no_glass", N(c->id));
    if (s == STEP_CONFIRM || s == STEP_REVIEW)
        return ERR(e, -EBUSY, s == STEP_CONFIRM ? "registry.change_no_timer" : "registry.change_no_review", N(c->id));
    return ERR(e, -EACCES, "registry.change_not_yours", S(c->state), S(c->owner));
}

static int check_step(struct change_call *x, enum change_step s, struct err *e)
{
    bool hand = false;
    int rc = change_person(x->w->tx, x->w->r, x->w->who->account_id, &x->person, e);

    if (rc == 0)
        rc = change_hand_has(x->w->tx, x->c, x->w->who->account_id, x->person, &hand, e);
    if (rc == 0 && !change_may(x->c, x->w->who, s, hand))
        rc = refuse(x, s, hand, e);
    if (rc == 0 && (steps[s].flags & NOT_HAND) && x->person == 0)
        rc = ERR(e, -EPERM, "registry.change_no_person", S(x->w->who->name));
    if (rc == 0 && (steps[s].flags & REASON) && x->args->note.n == 0)
        rc = ERR(e, -EINVAL, "registry.change_reason");
    if (rc == 0 && x->args->note.n > CHANGE_NOTE_MAX)
        rc = ERR(e, -EINVAL, "registry.too_long", N(CHANGE_NOTE_MAX), N((int64_t)x->args->note.n));
    return rc;
}

static int after_step(struct change_call *x, enum change_step s, struct err *e)
{
    if (s == STEP_REVERT) /* the new set said so itself; this one is as it was */
        return 0;
    if (x->args->note.n > 0)
        x->c->note = x->args->note;
    int rc = change_save(x->w, x->c, e);
    return rc == 0 ? change_event(x->w, x->c, steps[s].name, x->args->note, NULL, e) : rc;
}

int change_step(struct registry *r, const struct actor *who, int64_t id, int64_t rev, enum change_step step,
                const struct change_args *args, json_t **out, struct errs *es, struct err *e)
{
    struct arena a = arena_init(CHANGE_ARENA);
    struct change c = {0};
    struct write w;
    struct err why = {0};
    struct change_call x = {.w = &w, .c = &c, .args = args};
    int rc = write_begin(&w, r, who, &a, es, e);

    if (rc == 0) {
        w.by_change = true;
        rc = load_at(&w, id, rev, &c, e);
        if (rc == 0)
            rc = check_step(&x, step, e);
        if (rc == 0)
            rc = steps[step].fn(&x, &why);
        if (rc == 0)
            rc = after_step(&x, step, e);
        else if (why.code != 0 && e != NULL)
            *e = why;
        /* What was approved is not what is there: that is kept, and then told. */
        int keep = x.voided ? 0 : rc;
        int closed = change_finish(&w, &c, keep, x.voided ? NULL : out, x.voided ? &(struct err){0} : e);
        rc = rc == 0 ? closed : rc;
    }
    change_drop(&c);
    arena_free(&a);
    return rc;
}
