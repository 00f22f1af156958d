/* The whole schema as the API shows it; docs/api.md, GET /schema, has its shape. */
#include "registry/schema-int.h"
#include "base/json.h"

static json_t *label_json(const struct label *l)
{
    return json_pack("{s:o, s:o}", "vi", json_from_str(l->vi), "en", json_from_str(l->en));
}

static json_t *strs_json(const str *v, size_t n)
{
    json_t *out = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(out, json_from_str(v[i]));
    return out;
}

static json_t *str_or_null(str s) { return s.n > 0 ? json_from_str(s) : json_null(); }

static json_t *value_json(str value, const struct label *l)
{
    return json_pack("{s:o, s:o}", "value", json_from_str(value), "label", label_json(l));
}

static json_t *field_json(const struct field *f)
{
    json_t *values = f->nvalues > 0 ? json_array() : json_null();

    for (size_t i = 0; i < f->nvalues; i++)
        json_array_append_new(values, value_json(f->values[i].value, &f->values[i].label));
    json_t *o = json_pack(
        "{s:o, s:s, s:o, s:o, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", json_from_str(f->name),
        "type", ftype_name(f->type), "label", label_json(&f->label), "help", label_json(&f->help), "required",
        f->required, "unique", f->unique, "personal", f->personal, "ref", str_or_null(f->ref_kind), "values", values,
        "default", str_or_null(f->dflt), "min", f->has_min ? json_integer(f->min) : json_null(), "max",
        f->has_max ? json_integer(f->max) : json_null(), "clauses", strs_json(f->clauses, f->nclauses), "checklist",
        f->checklist != NULL ? json_from_str(f->checklist->list) : json_null());
    if (f->nread > 0)
        json_object_set_new(o, "read", strs_json(f->read_roles, f->nread));
    if (f->checklist != NULL) {
        const struct checklist_use *u = f->checklist;
        json_object_set_new(o, "checklist_use",
                            json_pack("{s:o, s:o, s:o, s:o}", "by", json_from_str(u->by), "of", json_from_str(u->of),
                                      "verdict", json_from_str(u->verdict), "pass", json_from_str(u->pass)));
    }
    return o;
}

/* What a person must bring along, in words. */
static json_t *rule_json(const struct label *l, const str *clauses, size_t n)
{
    return json_pack("{s:o, s:o}", "label", label_json(l), "clauses", strs_json(clauses, n));
}

static json_t *attach_json(const struct step_attach *x)
{
    json_t *o = rule_json(&x->label, x->clauses, x->nclauses);

    json_t *in_date = json_array();

    json_object_set_new(o, "kind", json_from_str(x->kind));
    json_object_set_new(o, "by", json_from_str(x->by));
    json_object_set_new(o, "count", json_integer(x->count));
    for (size_t i = 0; i < x->nwants; i++)
        if (x->wants[i].op == WANT_IN_DATE)
            json_array_append_new(in_date, json_from_str(x->wants[i].field));
    json_object_set_new(o, "in_date", in_date);
    return o;
}

static json_t *transition_json(const struct kind *k, const struct transition *t)
{
    json_t *needs = json_array(), *attach = json_array(), *holds = json_array(), *effects = json_array();

    for (size_t i = 0; i < t->nneeds; i++)
        json_array_append_new(needs, json_from_str(k->fields[t->needs[i]].name));
    for (size_t i = 0; i < t->nattach; i++)
        json_array_append_new(attach, attach_json(&t->attach[i]));
    for (size_t i = 0; i < t->nholds; i++) {
        const struct invariant *v = &k->invariants[t->holds[i]];
        json_array_append_new(holds, rule_json(&v->label, v->clauses, v->nclauses));
    }
    for (size_t i = 0; i < t->neffects; i++)
        json_array_append_new(effects, json_pack("{s:o, s:o, s:o}", "kind", str_or_null(t->effects[i].kind), "of",
                                                 str_or_null(t->effects[i].of), "to", str_or_null(t->effects[i].to)));
    json_t *o =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "name", json_from_str(t->name),
                  "from", json_from_str(t->from), "to", json_from_str(t->to), "label", label_json(&t->label), "roles",
                  strs_json(t->roles, t->nroles), "clauses", strs_json(t->clauses, t->nclauses), "approval",
                  t->approval, "needs", needs, "attach", attach, "holds", holds, "effects", effects, "notice",
                  t->notice.days > 0 ? json_pack("{s:o, s:I}", "field", json_from_str(t->notice.field),
                                                 t->notice.plain ? "days" : "working_days", (json_int_t)t->notice.days)
                                     : json_null());
    if (t->opens.vi.n > 0)
        json_object_set_new(o, "opens", label_json(&t->opens));
    return o;
}

static json_t *checklist_json(const struct checklist *c)
{
    json_t *questions = json_array(), *asked = json_object();
    char name[COL_MAX];

    for (size_t i = 0; i < c->nquestions; i++) {
        json_t *q = rule_json(&c->questions[i].label, c->questions[i].clauses, c->questions[i].nclauses);
        json_object_set_new(q, "name", json_from_str(c->questions[i].name));
        json_array_append_new(questions, q);
    }
    for (size_t i = 0; i < c->nsets; i++) {
        json_t *list = json_array();
        for (size_t j = 0; j < c->sets[i].n; j++)
            json_array_append_new(list, json_from_str(c->questions[c->sets[i].questions[j]].name));
        snprintf(name, sizeof(name), "%.*s", STR_ARGS(c->sets[i].value));
        json_object_set_new(asked, name, list);
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "name", json_from_str(c->name), "label", label_json(&c->label),
                     "questions", questions, "asked", asked);
}

static json_t *kind_json(const struct kind *k)
{
    json_t *fields = json_array(), *columns = json_array(), *states = json_array(), *transitions = json_array();
    json_t *approval = json_array(), *invariants = json_array();

    for (size_t i = 0; i < k->nfields; i++)
        json_array_append_new(fields, field_json(&k->fields[i]));
    for (size_t i = 0; i < k->ncolumns; i++)
        json_array_append_new(columns, json_from_str(k->fields[k->columns[i]].name));
    if (k->state_column)
        json_array_append_new(columns, json_string("state"));
    for (size_t i = 0; i < k->nstates; i++)
        json_array_append_new(states, value_json(k->states[i], &k->state_labels[i]));
    for (size_t i = 0; i < k->ntransitions; i++)
        json_array_append_new(transitions, transition_json(k, &k->transitions[i]));
    for (size_t i = 0; i < k->ninvariants; i++)
        json_array_append_new(invariants,
                              rule_json(&k->invariants[i].label, k->invariants[i].clauses, k->invariants[i].nclauses));
    for (uint32_t op = OP_CREATE; op <= OP_END; op <<= 1)
        if ((k->approval & op) != 0)
            json_array_append_new(approval, json_string(kind_op_name(op)));
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", json_from_str(k->name), "group",
        json_from_str(k->group), "label", label_json(&k->label), "help", label_json(&k->help), "key",
        json_from_str(k->fields[k->key_field].name), "title", json_from_str(k->fields[k->title_field].name), "columns",
        columns, "unit", k->unit_field != SIZE_MAX ? json_from_str(k->fields[k->unit_field].name) : json_null(),
        "fields", fields, "states", states, "transitions", transitions, "approval", approval, "invariants", invariants);
}

json_t *schema_json(const struct schema *s)
{
    json_t *kinds = json_array(), *groups = json_array(), *checklists = json_array();

    for (size_t i = 0; i < s->nkinds; i++) {
        const struct kind *k = &s->kinds[i];
        bool seen = false;
        for (size_t j = 0; j < i; j++)
            seen |= str_eq(s->kinds[j].group, k->group);
        if (!seen)
            json_array_append_new(
                groups, json_pack("{s:o, s:o}", "name", json_from_str(k->group), "label", label_json(&k->group_label)));
        json_array_append_new(kinds, kind_json(k));
    }
    for (size_t i = 0; i < s->nchecklists; i++)
        json_array_append_new(checklists, checklist_json(&s->checklists[i]));
    return json_pack("{s:o, s:o, s:o}", "kinds", kinds, "groups", groups, "checklists", checklists);
}
