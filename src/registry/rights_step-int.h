/* Tests only: a record that is ready for a step of its life cycle. What the step
 * asks for is read from the schema: fields that are filled, records that are
 * attached, a day that is far enough away. What only its SQL knows is in a table. */
#ifndef LUY_REGISTRY_RIGHTS_STEP_INT_H
#define LUY_REGISTRY_RIGHTS_STEP_INT_H
#include "registry/rights_kit-int.h"

#define KIT_LATER "2027-12-01" /* a working day a year after the tests' clock */
/* For what is asked in SQL (`holds`), in the words of kit_more; to empty: every step. */
static const struct {
    const char *kind, *to, *more;
} kit_step_more[] = {
    {"node", "active", "{'device':'@!device:admitted'}"},
    {"waiver", "granted", "{'valid_until':'" KIT_LATER "'}"},
    {"vpn_peer", "active", "{'person':'@person'}"},
    {"repair", "out", "{'disks':'kept','disks_with':'@person'}"},
};

/* Every question that is asked of the record that takes the step, answered with yes. */
static inline json_t *kit_answers(struct kit *t, const struct checklist_use *u, const json_t *own)
{
    const struct checklist *c = schema_checklist(t->sc, u->list);
    json_t *out = json_object();
    char name[COL_MAX];

    snprintf(name, sizeof(name), "%.*s", STR_ARGS(u->of));
    const struct question_set *set = checklist_set(c, json_get_str(own, name));
    for (size_t i = 0; set != NULL && i < set->n; i++) {
        snprintf(name, sizeof(name), "%.*s", STR_ARGS(c->questions[set->questions[i]].name));
        json_object_set_new(out, name, json_string("yes"));
    }
    return out;
}

/* own: what was given for the record that takes the step. */
static inline void kit_want(struct kit *t, const struct kind *k, const struct attach_want *x, enum kit_place p,
                            const json_t *own, json_t *in)
{
    const struct field *f = kind_field(k, x->field);
    char name[COL_MAX], other[COL_MAX];
    json_t *v = NULL;

    snprintf(name, sizeof(name), "%.*s", STR_ARGS(x->field));
    snprintf(other, sizeof(other), "%.*s", STR_ARGS(x->other));
    switch (x->op) {
    case WANT_IS:
        v = f->type == FT_BOOL ? json_boolean(str_eq(x->other, STR("true"))) : json_from_str(x->other);
        break;
    case WANT_IN_DATE:
        v = json_string(KIT_LATER);
        break;
    case WANT_FILLED:
        v = f->checklist != NULL ? kit_answers(t, f->checklist, own) : kit_value(t, f, p);
        break;
    case WANT_SINCE:
    case WANT_SAME: /* the same day, the same thing */
        v = json_incref(json_object_get(own, other));
        break;
    }
    if (v != NULL)
        json_object_set_new(in, name, v);
}

static inline void kit_attach(struct kit *t, const struct step_attach *x, enum kit_place p, const json_t *own,
                              int64_t id)
{
    const struct kind *k = schema_kind(t->sc, x->kind);
    char by[COL_MAX];

    snprintf(by, sizeof(by), "%.*s", STR_ARGS(x->by));
    for (int64_t n = 0; n < x->count; n++) {
        json_t *in = kit_sample(t, k, p);
        json_object_set_new(in, by, json_integer(id));
        for (size_t i = 0; i < x->nwants; i++)
            kit_want(t, k, &x->wants[i], p, own, in);
        kit_create(t, k, in, x->nstates > 0 ? x->states[0] : STR_NONE);
    }
}

/* A record in the step's first state, for which nothing is missing but the step. */
static inline int64_t kit_ready(struct kit *t, const struct kind *k, const struct transition *x, enum kit_place p)
{
    json_t *in = kit_sample(t, k, p), *own = json_object(), *v;
    char name[COL_MAX];
    const char *key;

    for (size_t i = 0; i < x->nneeds; i++) {
        const struct field *f = &k->fields[x->needs[i]];
        snprintf(name, sizeof(name), "%.*s", STR_ARGS(f->name));
        if (json_object_get(in, name) == NULL)
            json_object_set_new(in, name, kit_value(t, f, p));
    }
    if (x->notice.days > 0) {
        const struct field *f = kind_field(k, x->notice.field);
        snprintf(name, sizeof(name), "%.*s", STR_ARGS(f->name));
        json_object_set_new(in, name, json_string(f->type == FT_TIME ? KIT_LATER "T08:00:00Z" : KIT_LATER));
    }
    for (size_t i = 0; i < sizeof(kit_step_more) / sizeof(kit_step_more[0]); i++) {
        if (!str_eq(k->name, str_c(kit_step_more[i].kind)) || !str_eq(x->to, str_c(kit_step_more[i].to)))
            continue;
        json_t *more = J(kit_step_more[i].more);
        json_object_foreach(more, key, v) json_object_set_new(in, key, kit_more_value(t, v, p));
        json_decref(more);
    }
    json_object_update(own, in);
    int64_t id = kit_create(t, k, in, x->from);
    for (size_t i = 0; i < x->nattach; i++)
        kit_attach(t, &x->attach[i], p, own, id);
    json_decref(own);
    return id;
}
#endif
