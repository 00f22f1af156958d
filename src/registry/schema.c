/* The schema as others see it: lookup, columns, and the JSON of the API. A
 * loaded schema never changes, so any thread may read it. */
#include "registry/schema-int.h"
#include "base/json.h"

const struct kind *schema_kind(const struct schema *s, str name)
{
    for (size_t i = 0; i < s->nkinds; i++)
        if (str_eq(s->kinds[i].name, name))
            return &s->kinds[i];
    return NULL;
}

size_t kind_field_at(const struct kind *k, str name)
{
    for (size_t i = 0; i < k->nfields; i++)
        if (str_eq(k->fields[i].name, name))
            return i;
    return SIZE_MAX;
}

const struct field *kind_field(const struct kind *k, str name)
{
    size_t at = kind_field_at(k, name);

    return at == SIZE_MAX ? NULL : &k->fields[at];
}

const struct transition *kind_transition(const struct kind *k, str from, str to)
{
    for (size_t i = 0; i < k->ntransitions; i++)
        if (str_eq(k->transitions[i].from, from) && str_eq(k->transitions[i].to, to))
            return &k->transitions[i];
    return NULL;
}

bool kind_needs_approval(const struct kind *k, enum kind_op op, str from, str to)
{
    bool born = op == OP_CREATE && to.n > 0 && !str_eq(to, k->states[0]);

    if ((k->approval & op) != 0)
        return true;
    for (size_t i = 0; i < k->ntransitions; i++) {
        const struct transition *t = &k->transitions[i];
        if (t->approval && str_eq(t->to, to) && (born || (op == OP_CHANGE && str_eq(t->from, from))))
            return true;
    }
    return false;
}

void schema_free(struct schema *s)
{
    if (s == NULL)
        return;
    struct arena a = s->arena; /* s itself lives in it */
    arena_free(&a);
}

static size_t column(char out[COL_MAX], str name, const char *tail)
{
    snprintf(out, COL_MAX, "%.*s%s", STR_ARGS(name), tail);
    return 1;
}

size_t field_columns(const struct field *f, char cols[FIELD_COLS][COL_MAX])
{
    size_t n = 0;

    if (f->type == FT_REFS)
        return 0;
    n += column(cols[n], f->name, f->type == FT_REF ? "_id" : "");
    if (f->type == FT_IP || f->type == FT_PREFIX)
        n += column(cols[n], f->name, "_bin");
    if (f->type == FT_PREFIX)
        n += column(cols[n], f->name, "_end");
    return n;
}

static const char *const op_names[] = {[OP_CREATE] = "create", [OP_CHANGE] = "change", [OP_END] = "end"};

const char *kind_op_name(enum kind_op op) { return op_names[op]; }

bool kind_op_parse(str s, enum kind_op *out)
{
    for (uint32_t op = OP_CREATE; op <= OP_END; op <<= 1)
        if (str_eq(s, str_c(op_names[op]))) {
            *out = (enum kind_op)op;
            return true;
        }
    return false;
}

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
    return json_pack("{s:o, s:s, s:o, s:o, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
                     json_from_str(f->name), "type", ftype_name(f->type), "label", label_json(&f->label), "help",
                     label_json(&f->help), "required", f->required, "unique", f->unique, "personal", f->personal, "ref",
                     str_or_null(f->ref_kind), "values", values, "default", str_or_null(f->dflt), "min",
                     f->has_min ? json_integer(f->min) : json_null(), "max",
                     f->has_max ? json_integer(f->max) : json_null(), "clauses", strs_json(f->clauses, f->nclauses));
}

static json_t *kind_json(const struct kind *k)
{
    json_t *fields = json_array(), *columns = json_array(), *states = json_array(), *transitions = json_array();
    json_t *approval = json_array();

    for (size_t i = 0; i < k->nfields; i++)
        json_array_append_new(fields, field_json(&k->fields[i]));
    for (size_t i = 0; i < k->ncolumns; i++)
        json_array_append_new(columns, json_from_str(k->fields[k->columns[i]].name));
    if (k->state_column)
        json_array_append_new(columns, json_string("state"));
    for (size_t i = 0; i < k->nstates; i++)
        json_array_append_new(states, value_json(k->states[i], &k->state_labels[i]));
    for (size_t i = 0; i < k->ntransitions; i++) {
        const struct transition *t = &k->transitions[i];
        json_array_append_new(transitions,
                              json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "name", json_from_str(t->name), "from",
                                        json_from_str(t->from), "to", json_from_str(t->to), "label",
                                        label_json(&t->label), "roles", strs_json(t->roles, t->nroles), "clauses",
                                        strs_json(t->clauses, t->nclauses), "approval", t->approval));
    }
    for (uint32_t op = OP_CREATE; op <= OP_END; op <<= 1)
        if ((k->approval & op) != 0)
            json_array_append_new(approval, json_string(kind_op_name(op)));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", json_from_str(k->name),
                     "group", json_from_str(k->group), "label", label_json(&k->label), "help", label_json(&k->help),
                     "key", json_from_str(k->fields[k->key_field].name), "title",
                     json_from_str(k->fields[k->title_field].name), "columns", columns, "unit",
                     k->unit_field != SIZE_MAX ? json_from_str(k->fields[k->unit_field].name) : json_null(), "fields",
                     fields, "states", states, "transitions", transitions, "approval", approval);
}

json_t *schema_json(const struct schema *s)
{
    json_t *kinds = json_array(), *groups = json_array();

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
    return json_pack("{s:o, s:o}", "kinds", kinds, "groups", groups);
}
