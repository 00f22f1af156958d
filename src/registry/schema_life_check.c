/* Life cycles against the other kinds: every kind, field, state and value that a
 * step names must be there and be of a type that it works with. */
#include "registry/schema-int.h"
#include "registry/value-int.h"

struct at {
    struct loading *l;
    size_t i;
    const struct kind *k;
    str step;
};

static void fault(const struct at *c, const char *key, str a0, str a1)
{
    const struct kind_src *src = &c->l->src[c->i];
    const struct yaml *steps = yaml_get(src->node, "transitions"), *node = src->node;

    for (size_t i = 0; steps != NULL && i < steps->n; i++)
        if (str_eq(steps->keys[i]->text, c->step))
            node = steps->keys[i];
    yaml_err(c->l->es, src->file, node, key, S(a0), S(a1));
}

static const struct field *need_field(const struct at *c, const struct kind *k, str name)
{
    const struct field *f = kind_field(k, name);

    if (f == NULL)
        fault(c, "schema.no_field", name, k->name);
    return f;
}

static void need_states(const struct at *c, const struct kind *k, const str *states, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool known = false;
        for (size_t j = 0; j < k->nstates; j++)
            known |= str_eq(k->states[j], states[i]);
        if (!known)
            fault(c, "schema.no_state", states[i], STR_NONE);
    }
}

/* The kind whose field `by` names this one. */
static const struct kind *need_kind(const struct at *c, str kind, str by)
{
    const struct kind *t = schema_kind(c->l->s, kind);
    const struct field *f = t != NULL ? need_field(c, t, by) : NULL;

    if (t == NULL)
        fault(c, "schema.no_kind", kind, c->step);
    else if (f != NULL && (f->type != FT_REF || !str_eq(f->ref_kind, c->k->name)))
        fault(c, "schema.want_ref", by, c->k->name);
    return f != NULL ? t : NULL;
}

static void check_value(const struct at *c, const struct field *f, str value)
{
    struct arena a = arena_init(1 << 16);
    struct val v;
    struct err e;

    if (f->type == FT_REF || f->type == FT_REFS || value_parse(&a, f, value, &v, &e) < 0)
        fault(c, "schema.bad_default", f->name, value);
    arena_free(&a);
}

static void check_attach(const struct at *c, const struct step_attach *x)
{
    const struct kind *t = need_kind(c, x->kind, x->by);

    if (t == NULL)
        return;
    need_states(c, t, x->states, x->nstates);
    for (size_t i = 0; i < x->nwants; i++) {
        const struct attach_want *w = &x->wants[i];
        const struct field *f = need_field(c, t, w->field), *mine;
        if (f == NULL)
            continue;
        if (f->type == FT_REFS || ((w->op == WANT_IN_DATE || w->op == WANT_SINCE) && f->type != FT_DATE))
            fault(c, "schema.only_for", w->field, STR("date, text, ref, ..."));
        if (w->op == WANT_IS)
            check_value(c, f, w->other);
        if ((w->op == WANT_SINCE || w->op == WANT_SAME) && (mine = need_field(c, c->k, w->other)) != NULL &&
            (mine->type != f->type || !str_eq(mine->ref_kind, f->ref_kind)))
            fault(c, "schema.other_type", w->field, w->other);
    }
}

/* k: the kind whose fields are set; values may be the step's own fields. */
static void check_sets(const struct at *c, const struct kind *k, const struct setting *sets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct field *f = need_field(c, k, sets[i].field), *mine;
        str v = sets[i].value;
        if (f == NULL)
            continue;
        if (str_starts(v, STR("."))) {
            mine = need_field(c, c->k, str_sub(v, 1, SIZE_MAX));
            if (mine != NULL && (mine->type != f->type || f->type == FT_REFS || !str_eq(mine->ref_kind, f->ref_kind)))
                fault(c, "schema.other_type", f->name, v);
        } else if (str_eq(v, STR("actor"))) {
            bool person = f->type == FT_REF && str_eq(f->ref_kind, STR("person"));
            const struct kind *account = schema_kind(c->l->s, STR("account"));
            bool known = account != NULL && kind_field(account, STR("person")) != NULL;
            if (f->type != FT_TEXT && (!person || !known))
                fault(c, "schema.other_type", f->name, v);
        } else if (!(str_eq(v, STR("today")) && f->type == FT_DATE) && !(str_eq(v, STR("now")) && f->type == FT_TIME)) {
            check_value(c, f, v);
        }
    }
}

static void check_effect(const struct at *c, const struct effect *x)
{
    const struct field *of = x->of.n > 0 ? need_field(c, c->k, x->of) : NULL;
    const struct kind *t = x->of.n > 0 ? NULL : need_kind(c, x->kind, x->by);

    if (of != NULL && of->type != FT_REF)
        fault(c, "schema.want_ref", x->of, STR("?"));
    else if (of != NULL)
        t = schema_kind(c->l->s, of->ref_kind);
    if (t == NULL)
        return;
    need_states(c, t, x->from, x->nfrom);
    need_states(c, t, &x->to, x->to.n > 0 ? 1 : 0);
    check_sets(c, t, x->sets, x->nsets);
}

static void check_notice(const struct at *c, const struct notice *n)
{
    const struct field *f = need_field(c, c->k, n->field);
    const struct field *unless = n->unless.n > 0 ? need_field(c, c->k, n->unless) : NULL;

    if (f != NULL && f->type != FT_DATE && f->type != FT_TIME)
        fault(c, "schema.only_for", STR("notice"), STR("date, time"));
    if (unless != NULL && unless->type != FT_BOOL)
        fault(c, "schema.only_for", STR("unless"), STR("bool"));
}

static void check_use(const struct at *c, const struct field *f)
{
    const struct checklist_use *u = f->checklist;
    const struct checklist *list = schema_checklist(c->l->s, u->list);
    const struct field *by = need_field(c, c->k, u->by), *verdict = need_field(c, c->k, u->verdict);
    const struct kind *t = by != NULL && by->type == FT_REF ? schema_kind(c->l->s, by->ref_kind) : NULL;
    const struct field *of = t != NULL ? need_field(c, t, u->of) : NULL;

    if (f->type != FT_JSON)
        fault(c, "schema.only_for", STR("checklist"), STR("json"));
    if (list == NULL)
        fault(c, "schema.no_checklist", u->list, f->name);
    if (of == NULL || of->type != FT_ENUM)
        fault(c, "schema.only_for", STR("checklist"), STR("ref, enum"));
    else
        for (size_t i = 0; list != NULL && i < list->nsets; i++)
            if (!str_eq(list->sets[i].value, STR("*")))
                check_value(c, of, list->sets[i].value);
    if (verdict != NULL)
        check_value(c, verdict, u->pass);
}

void schema_check_life(struct loading *l, size_t kind)
{
    struct at c = {l, kind, &l->s->kinds[kind], STR_NONE};

    for (size_t i = 0; i < c.k->nfields; i++)
        if (c.k->fields[i].checklist != NULL)
            check_use(&c, &c.k->fields[i]);
    for (size_t i = 0; i < c.k->ntransitions; i++) {
        const struct transition *t = &c.k->transitions[i];
        c.step = t->name;
        if (i > 0 && str_eq(t->name, t[-1].name)) /* the same entry from another state */
            continue;
        for (size_t j = 0; j < t->nattach; j++)
            check_attach(&c, &t->attach[j]);
        for (size_t j = 0; j < t->neffects; j++)
            check_effect(&c, &t->effects[j]);
        check_sets(&c, c.k, t->sets, t->nsets);
        if (t->notice.days > 0)
            check_notice(&c, &t->notice);
    }
}
