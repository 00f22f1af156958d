/* A plan is the registry's, what the checks make of it the judge's: here they meet,
 * for the plan of a change set, of one write, and of an import. */
#include "api/routes-int.h"

static int look_at_checks(void *ctx, struct tx *tx, const char *const *tables, struct err *e)
{
    struct checks_look *l = ctx;

    return judge_effect(l->rq->api->d.judge, &l->rq->auth.actor, tx, tables, &l->effect, e);
}

void checks_look_init(struct checks_look *l, struct request *rq)
{
    *l = (struct checks_look){.look = {look_at_checks, l}, .rq = rq};
}

void checks_look_end(struct checks_look *l, json_t *plan)
{
    if (plan != NULL)
        json_object_set_new(plan, "checks", l->effect != NULL ? l->effect : json_null());
    else
        json_decref(l->effect);
    l->effect = NULL;
}
