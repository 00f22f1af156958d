/* Change sets, for their own files and tests. A set that is loaded lives in the
 * arena of the call, its JSON until change_drop. */
#ifndef LUY_REGISTRY_CHANGE_INT_H
#define LUY_REGISTRY_CHANGE_INT_H
#include "base/json.h"
#include "registry/change.h"
#include "registry/registry-int.h"

enum { CHANGE_ARENA = 64 << 20, PLAN_ARENA = 16 << 20 };

struct change {
    int64_t id, rev;
    str state, title, reason, author, owner, applied_by, reviewed_by, note, hash;
    int64_t author_id, author_person, owner_id, owner_roles, unit_id; /* unit of an officer's set, 0: none */
    int64_t created_at, changed_at, submitted_at, applied_at, confirm_by;
    int64_t reverts, reverted_by, first_seq, last_seq, nops;
    bool implicit, needs, glass; /* needs: of approval */
    str kinds;                   /* "device address" */
    json_t *ops;                 /* array, or NULL when not loaded */
};

/* change_store.c: rows of change_set, change_op, approval, change_hand. */
int change_tables(struct tx *tx, struct err *e);
int change_load(struct tx *tx, struct arena *a, int64_t id, bool ops, struct change *out, struct err *e); /* -ENOENT */
void change_drop(struct change *c);
extern const char change_columns[];
void change_from_row(struct arena *a, struct change *c, const struct val *v);
int change_insert(struct write *w, struct change *c, struct err *e); /* sets id, rev */
int change_save(struct write *w, struct change *c, struct err *e);   /* rev + 1 */
int change_save_ops(struct write *w, const struct change *c, struct err *e);
/* A row of the history that is about the set: kind "change_set", record_key its number. */
int change_event(struct write *w, const struct change *c, const char *op, str note, const json_t *more, struct err *e);
struct change_vote {
    const char *verdict;
    str hash, note;
    int64_t person;
};
int change_vote_add(struct write *w, const struct change *c, const struct change_vote *v, struct err *e);
int change_votes_void(struct write *w, const struct change *c, struct err *e);
/* Who had a hand in the set: nobody of them approves it. */
int change_hand_add(struct write *w, const struct change *c, struct err *e);
int change_hand_has(struct tx *tx, const struct change *c, int64_t account, int64_t person, bool *out, struct err *e);
/* The person behind an account; 0: none, or the schema knows no persons. */
int change_person(struct tx *tx, const struct registry *r, int64_t account, int64_t *person, struct err *e);
int change_sees(struct tx *tx, const struct actor *who, const struct scope *s, const struct change *c, struct err *e);

/* change_op.c: from what was sent to the form that is kept. */
int change_ops_read(struct write *w, const json_t *in, json_t **out, struct err *e);
bool change_needs(const struct registry *r, const json_t *ops);
bool change_op_needs(const struct registry *r, const json_t *op);
str change_kinds(struct arena *a, const json_t *ops);

/* change_run.c: a set's operations against the registry. */
struct change_run {
    struct write *w;
    json_t *ops, *effects;
    int64_t *made; /* id of the record of each operation; 0: none */
    const struct kind **kind;
    size_t stale;
    bool single; /* mistakes without "/ops/n" */
};
/* All operations in order within w's transaction. Mistakes go to w->es; the
 * call fails only when the store does. */
int change_run(struct change_run *c, struct err *e);
void change_run_done(struct change_run *c);
/* change_look.c: shows what was run since history row `before`. */
int change_show(struct write *w, uint64_t before, const struct change_look *look, struct err *e);
str change_hash(struct arena *a, const json_t *ops, const json_t *effects);

/* change_plan.c: a run that can be taken back alone, inside the transaction. */
struct change_outcome {
    const struct change_look *look; /* in: NULL is fine */
    str want;                       /* in: kept only when the plan has this hash; empty: any */
    json_t *effects;
    str hash;
    uint64_t mistakes;
    size_t stale;
};
struct judge_as {
    struct actor who;
    struct scope scope;
}; /* with whose rights and sight */
int change_try(struct write *w, struct change *c, const struct judge_as *as, bool keep, struct change_outcome *out,
               struct err *e);
/* Before somebody applies it: its owner's. */
struct judge_as change_judge_as(const struct change *c);
/* As somebody with these roles may see it; o is used up. */
json_t *change_plan_json(const struct registry *r, const struct change_outcome *o, bool needs, uint32_t roles);

/* change_json.c */
json_t *change_json(struct tx *tx, const struct registry *r, const struct actor *who, struct change *c, bool whole,
                    struct err *e);
int change_votes_json(struct tx *tx, int64_t id, json_t *out, struct err *e);

/* change.c, change_apply.c, change_revert.c */
struct change_call {
    struct write *w;
    struct change *c;
    const struct change_args *args;
    int64_t person; /* of who asks */
    bool voided;    /* commit, and then say why */
    int64_t other;  /* the set to answer instead; 0: this one */
};
bool change_may_edit(const struct change *c, const struct actor *who);
int change_create(struct write *w, struct change *c, const char *event, struct err *e);
int change_finish(struct write *w, struct change *c, int rc, json_t **out, struct err *e);
bool change_may(const struct change *c, const struct actor *who, enum change_step step, bool hand);
int change_void(struct change_call *x, str note, struct err *e);
str change_moved(struct change_call *x); /* the records that stood in the way, for people */
/* After the operations were kept; before: the history's number then. */
int change_wrote(struct change_call *x, uint64_t before, struct err *e);
int change_undone(struct change_call *x, struct err *e);
typedef int step_fn(struct change_call *x, struct err *e);
step_fn step_approve, step_apply, step_glass, step_revert;
/* The operations that undo what the set wrote, newest first; refuses with every
 * record that was changed since. */
int change_inverse(struct write *w, const struct change *c, json_t **ops, struct err *e);

/* Implicit sets. */
int change_implicit(struct write *w, uint64_t first, uint64_t last, int64_t *id, struct err *e);
int change_implicit_stock(struct write *w, int64_t id, struct err *e); /* it took in stock */
int change_implicit_grow(struct tx *tx, int64_t id, uint64_t last, struct err *e);
#endif
