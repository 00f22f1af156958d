/* Change sets: what somebody wants changed, judged before it is written,
 * approved by another person where the schema says so, applied as a whole.
 *
 *   draft -> submitted -> approved -> applied -> confirmed | reverted
 *     ^         |            |
 *     |<- edit -+------------+--> rejected, withdrawn
 *   requested: a unit officer's draft handed in; an operator takes it or returns it.
 *
 * A set holds at most CHANGE_OPS_MAX operations:
 *   {"op":"create","kind":"device","fields":{...}}
 *   {"op":"change","kind":"device","target":15 | "KEY" | {"op":1},"rev":3,"fields":{...}}
 *   {"op":"transition", ..., "state":"admitted","fields":{...}}
 *   {"op":"end","kind":...,"target":...,"rev":...}
 * {"op":n} stands, as a target and as the value of a reference, for the record
 * that operation n (from 1) of the same set creates. Without "rev" the present
 * one is taken. Mistakes are told as "/ops/2/fields/serial".
 *
 * A plan is the operations run in a transaction that is then taken back, so a
 * plan and what is applied cannot differ. Its hash is SHA-256 over the canonical
 * JSON (sorted keys, no spaces) of {"effects", "ops"}; ops carry the revs that
 * they were made for. An approval is for that hash and no other.
 *
 * Every other write of the registry belongs to an implicit, applied set: one a
 * transaction, with author, reason and the history rows that it wrote.
 *
 * Thread-safe; every call is one transaction and may join registry_batch_begin.
 * Times in seconds since 1970 in SQL, RFC 3339 in JSON. Shapes: docs/api.md. */
#ifndef LUY_REGISTRY_CHANGE_H
#define LUY_REGISTRY_CHANGE_H
#include "registry/registry.h"

enum { CHANGE_OPS_MAX = 10000, CHANGE_OP_BYTES = 65536, CHANGE_TITLE_MAX = 200, CHANGE_NOTE_MAX = 2000 };

/* {"title","reason","ops"}: a new draft of `who`. -EINVAL with all mistakes in
 * es when an operation is no operation or names what is not there; mistakes in
 * fields are for the plan to tell. *out: the set as change_get gives it. */
int change_draft(struct registry *r, const struct actor *who, const json_t *in, json_t **out, struct errs *es,
                 struct err *e);
/* The same for a program that made the operations, such as an import. */
int change_draft_from(struct registry *r, const struct actor *who, str title, const json_t *ops, json_t **out,
                      struct errs *es, struct err *e);
/* Replaces those of title, reason and ops that are given; a submitted, approved
 * or rejected set becomes a draft again and its approvals are void. -ESTALE. */
int change_edit(struct registry *r, const struct actor *who, int64_t id, int64_t rev, const json_t *in, json_t **out,
                struct errs *es, struct err *e);
int change_get(struct registry *r, const struct actor *who, int64_t id, json_t **out, struct err *e);
/* Somebody above the registry who wants to see what a plan makes of it. Called
 * once for a plan without mistakes, before it is taken back: `tx` shows the
 * registry after the change, a transaction of its own still shows it before (the
 * writer's lock is held). tables: NULL-ended, of schema_tables, what the change
 * wrote to. Only to be read in. A failure fails the plan. */
struct change_look {
    int (*fn)(void *ctx, struct tx *tx, const char *const *tables, struct err *e);
    void *ctx;
};
/* {"hash","effects","errors" counted,...}; mistakes go to es, and the call is
 * fine then too. look: NULL is fine; what it sees is no part of the hash. */
int change_plan(struct registry *r, const struct actor *who, int64_t id, const struct change_look *look, json_t **out,
                struct errs *es, struct err *e);
/* What one write would do, as a plan: op is an operation without a set, done
 * with the rights of `who`. Mistakes as of the write itself ("/fields/serial"). */
int change_preview(struct registry *r, const struct actor *who, const json_t *op, const struct change_look *look,
                   json_t **out, struct errs *es, struct err *e);
struct change_query {
    str state, q, cursor;   /* state: one of the above; empty is all */
    bool waiting, implicit; /* what waits for `who`; also sets that are one write */
    size_t limit;           /* default 50, at most 1000 */
};
/* Newest first: {"items","next"}. */
int change_list(struct registry *r, const struct actor *who, const struct change_query *q, json_t **out, struct err *e);

enum change_step {
    STEP_SUBMIT,      /* officer: requested; else submitted. Refused with mistakes */
    STEP_TAKE,        /* operator takes a request over */
    STEP_RETURN,      /* and gives it back, with a reason */
    STEP_APPROVE,     /* hash: of the plan that was seen */
    STEP_REJECT,      /* with a reason */
    STEP_WITHDRAW,    /* by its owner */
    STEP_APPLY,       /* confirm_s > 0: taken back when not confirmed by then */
    STEP_BREAK_GLASS, /* apply without approval: admin, with a reason */
    STEP_CONFIRM,
    STEP_REVERT, /* makes the inverse set, a draft; *out is that one */
    STEP_REVIEW, /* of a broken glass, by a second person */
    STEPS
};
struct change_args {
    str hash, note;
    int64_t confirm_s;
};
/* -ESTALE: another rev, or what was seen or approved is not what is there now.
 * -EBUSY: the set is not in a state for it. -EACCES, -EPERM: not this person. */
int change_step(struct registry *r, const struct actor *who, int64_t id, int64_t rev, enum change_step step,
                const struct change_args *args, json_t **out, struct errs *es, struct err *e);
const char *change_step_name(enum change_step step);

/* Takes back what was not confirmed in time. *due: wall clock (ns) of the next
 * deadline, INT64_MAX when there is none. */
int change_tick(struct registry *r, int64_t *due, struct err *e);

/* Row -> history -> change set -> author, approvers, reason -> what is attached
 * -> clauses of the kind and its fields; at most 100 rows of history, newest first. */
int registry_why(struct registry *r, const struct actor *who, str kind, str id_or_key, json_t **out, struct err *e);
#endif
