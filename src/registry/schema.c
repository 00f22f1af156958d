/* The schema as others see it: lookup and columns. A loaded schema never
 * changes, so any thread may read it. */
#include "registry/schema-int.h"

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

const struct checklist *schema_checklist(const struct schema *s, str name)
{
    for (size_t i = 0; i < s->nchecklists; i++)
        if (str_eq(s->checklists[i].name, name))
            return &s->checklists[i];
    return NULL;
}

const struct question_set *checklist_set(const struct checklist *c, str value)
{
    const struct question_set *any = NULL;

    for (size_t i = 0; i < c->nsets; i++) {
        if (str_eq(c->sets[i].value, value))
            return &c->sets[i];
        if (str_eq(c->sets[i].value, STR("*")))
            any = &c->sets[i];
    }
    return any;
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

const char *const *schema_tables(const struct schema *sc, struct arena *a)
{
    size_t n = 0, max = 3;

    for (size_t i = 0; i < sc->nkinds; i++)
        max += 1 + sc->kinds[i].nfields;
    const char **v = arena_calloc(a, max, sizeof(*v));
    if (v != NULL)
        v[n++] = "change_set"; /* who asked, who approved, what state; not what it says */
    if (v != NULL)
        v[n++] = "life_open"; /* what steps of life cycles left to be seen to */
    for (size_t i = 0; v != NULL && i < sc->nkinds; i++) {
        const struct kind *k = &sc->kinds[i];
        v[n++] = arena_cstr(a, k->name);
        for (size_t f = 0; f < k->nfields; f++)
            if (k->fields[f].type == FT_REFS)
                v[n++] = arena_fmt(a, "%.*s_%.*s", STR_ARGS(k->name), STR_ARGS(k->fields[f].name)).p;
    }
    return a->failed ? NULL : v;
}
