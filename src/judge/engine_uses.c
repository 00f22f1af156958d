/* From a rule or a correlation to the controls and correlations that build on
 * it. Made once for a pack set, in the engine's arena. */
#include "judge/judge-int.h"

static bool use_corr(struct arena *a, struct uses *u, int corr, int ref)
{
    struct corr_use *more = arena_array(a, struct corr_use, u->ncorrs + 1);

    if (more == NULL)
        return false;
    if (u->ncorrs > 0)
        memcpy(more, u->corrs, u->ncorrs * sizeof(*more));
    u->corrs = more;
    u->corrs[u->ncorrs++] = (struct corr_use){corr, ref};
    return true;
}

static bool use_control(struct arena *a, struct uses *u, int control)
{
    int *more = arena_array(a, int, u->ncontrols + 1);

    if (more == NULL)
        return false;
    if (u->ncontrols > 0)
        memcpy(more, u->controls, u->ncontrols * sizeof(*more));
    u->controls = more;
    u->controls[u->ncontrols++] = control;
    return true;
}

bool engine_uses(struct engine *en)
{
    struct packset *ps = en->ps;
    bool ok = true;

    en->rule_uses = arena_array(&en->a, struct uses, ps->nrules + 1);
    en->corr_uses = arena_array(&en->a, struct uses, ps->ncorrs + 1);
    if (en->rule_uses == NULL || en->corr_uses == NULL)
        return false;
    for (size_t i = 0; i < ps->ncorrs; i++)
        for (size_t r = 0; r < ps->corrs[i].nrefs; r++) {
            const struct corr_ref *ref = &ps->corrs[i].ref[r];
            struct uses *u = ref->rule >= 0 ? &en->rule_uses[ref->rule] : &en->corr_uses[ref->corr];
            ok = ok && use_corr(&en->a, u, (int)i, (int)r);
        }
    for (size_t i = 0; i < ps->ncontrols; i++) {
        const struct event_spec *ev = &ps->controls[i].event;
        for (size_t k = 0; k < ev->nrules; k++)
            ok = ok && use_control(&en->a, &en->rule_uses[ev->rules[k]], (int)i);
        for (size_t k = 0; k < ev->ncorrs; k++)
            ok = ok && use_control(&en->a, &en->corr_uses[ev->corrs[k]], (int)i);
    }
    return ok;
}
