/* The life cycle part of a kind: steps with what they ask for and what they do,
 * invariants, checklists. Read here, judged against the other kinds in
 * schema_life_check.c. All memory is the schema's arena. */
#include "registry/schema-int.h"

static const char *const transition_keys[] = {"from",     "to",      "roles",  "label",  "clauses",
                                              "approval", "needs",   "holds",  "attach", "sets",
                                              "fills",    "effects", "notice", "opens",  NULL};
static const char *const attach_keys[] = {"kind",    "by",     "label", "states", "clauses", "where",
                                          "in_date", "filled", "since", "same",   "count",   NULL};
static const char *const effect_keys[] = {"kind", "by", "of", "from", "to", "sets", "fills", NULL};
static const char *const opens_keys[] = {"vi", "en", "until", NULL};
static const char *const notice_keys[] = {"field", "working_days", "days", "unless", NULL};
static const char *const invariant_keys[] = {"label", "clauses", "fields", "states", "sql", "strict", NULL};
static const char *const list_keys[] = {"label", "questions", "asked", NULL};
static const char *const question_keys[] = {"vi", "en", "clauses", NULL};
static const char *const use_keys[] = {"list", "by", "of", "verdict", "pass", NULL};

static bool has_state(const struct kind *k, str name)
{
    for (size_t i = 0; i < k->nstates; i++)
        if (str_eq(k->states[i], name))
            return true;
    return false;
}

static bool is_list(const struct src *f, const struct yaml *node, size_t max)
{
    if (node == NULL)
        return false;
    if (node->kind == YAML_LIST && node->n <= max)
        return true;
    src_fault(f, node, "schema.want_list", N((int64_t)max), NULL);
    return false;
}

/* A label that stands in a message: short enough to be told whole. */
static struct label short_label(const struct src *f, const struct yaml *at, const struct yaml *node)
{
    struct label l = src_label(f, at, node, true);

    if (l.vi.n > LABEL_SHORT || l.en.n > LABEL_SHORT)
        src_fault(f, node, "schema.label_long", N(LABEL_SHORT), NULL);
    return l;
}

static size_t *read_fields(const struct src *f, const struct kind *k, struct yaml *node, size_t *n)
{
    size_t count;
    str *names = src_list(f, node, &count);
    size_t *v = arena_array(&f->l->s->arena, size_t, count);

    *n = 0;
    for (size_t i = 0; v != NULL && i < count; i++) {
        v[*n] = kind_field_at(k, names[i]);
        if (v[*n] == SIZE_MAX)
            src_fault(f, node, "schema.no_field", S(names[i]), S(k->name));
        else
            (*n)++;
    }
    return v;
}

static size_t *read_holds(const struct src *f, const struct kind *k, struct yaml *node, size_t *n)
{
    size_t count;
    str *names = src_list(f, node, &count);
    size_t *v = arena_array(&f->l->s->arena, size_t, count);

    *n = 0;
    for (size_t i = 0; v != NULL && i < count; i++) {
        size_t at = 0;
        while (at < k->ninvariants && !str_eq(k->invariants[at].name, names[i]))
            at++;
        if (at == k->ninvariants) {
            src_fault(f, node, "schema.no_invariant", S(names[i]), S(k->name));
        } else {
            k->invariants[at].held = true;
            v[(*n)++] = at;
        }
    }
    return v;
}

static void add_wants(const struct src *f, struct step_attach *at, struct yaml *node, enum want_op op)
{
    size_t n;
    bool pairs = op == WANT_IS || op == WANT_SINCE || op == WANT_SAME;

    if (node == NULL)
        return;
    if (!pairs) {
        str *names = src_list(f, node, &n);
        for (size_t i = 0; i < n && at->nwants < LIFE_MAX; i++)
            at->wants[at->nwants++] = (struct attach_want){op, names[i], STR_NONE};
        return;
    }
    if (!src_map(f, node, LIFE_MAX))
        return;
    for (size_t i = 0; i < node->n && at->nwants < LIFE_MAX; i++) {
        if (node->items[i]->kind != YAML_SCALAR)
            src_fault(f, node->items[i], "schema.want_text", NULL, NULL);
        at->wants[at->nwants++] = (struct attach_want){op, node->keys[i]->text, node->items[i]->text};
    }
}

static void read_attach(const struct src *f, struct step_attach *at, struct yaml *node)
{
    *at = (struct step_attach){.kind = yaml_text(node, "kind"), .by = yaml_text(node, "by"), .count = 1};
    if (!src_map(f, node, LIFE_MAX))
        return;
    yaml_only(f->l->es, f->name, node, attach_keys);
    at->label = short_label(f, node, yaml_get(node, "label"));
    at->states = src_list(f, yaml_get(node, "states"), &at->nstates);
    at->clauses = src_list(f, yaml_get(node, "clauses"), &at->nclauses);
    src_int(f, node, "count", &at->count);
    at->wants = arena_array(&f->l->s->arena, struct attach_want, LIFE_MAX);
    if (at->wants == NULL)
        return;
    add_wants(f, at, yaml_get(node, "where"), WANT_IS);
    add_wants(f, at, yaml_get(node, "in_date"), WANT_IN_DATE);
    add_wants(f, at, yaml_get(node, "filled"), WANT_FILLED);
    add_wants(f, at, yaml_get(node, "since"), WANT_SINCE);
    add_wants(f, at, yaml_get(node, "same"), WANT_SAME);
}

static struct setting *read_sets(const struct src *f, const struct yaml *node, size_t *n)
{
    static const char *const keys[] = {"sets", "fills"};
    struct setting *v = arena_array(&f->l->s->arena, struct setting, 2 * LIFE_MAX);

    *n = 0;
    for (size_t m = 0; v != NULL && m < 2; m++) {
        struct yaml *map = yaml_get(node, keys[m]);
        if (map == NULL || !src_map(f, map, LIFE_MAX))
            continue;
        for (size_t i = 0; i < map->n; i++) {
            if (map->items[i]->kind != YAML_SCALAR)
                src_fault(f, map->items[i], "schema.want_text", NULL, NULL);
            v[(*n)++] = (struct setting){map->keys[i]->text, map->items[i]->text, m == 1};
        }
    }
    return v;
}

static void read_effect(const struct src *f, struct effect *x, struct yaml *node)
{
    *x = (struct effect){.kind = yaml_text(node, "kind"),
                         .by = yaml_text(node, "by"),
                         .of = yaml_text(node, "of"),
                         .to = yaml_text(node, "to")};
    if (!src_map(f, node, LIFE_MAX))
        return;
    yaml_only(f->l->es, f->name, node, effect_keys);
    x->from = src_list(f, yaml_get(node, "from"), &x->nfrom);
    x->sets = read_sets(f, node, &x->nsets);
}

static void read_notice(const struct src *f, struct notice *n, struct yaml *node)
{
    if (node == NULL || !src_map(f, node, 3))
        return;
    yaml_only(f->l->es, f->name, node, notice_keys);
    *n = (struct notice){yaml_text(node, "field"), yaml_text(node, "unless"), 0, yaml_get(node, "days") != NULL};
    if (!src_int(f, node, n->plain ? "days" : "working_days", &n->days) || n->days < 1 || n->days > 260)
        src_fault(f, node, "schema.want_int", "working_days", NULL);
}

static void read_opens(const struct src *f, const struct kind *k, struct transition *t, struct yaml *node)
{
    if (node == NULL || !src_map(f, node, 3))
        return;
    yaml_only(f->l->es, f->name, node, opens_keys);
    t->opens = (struct label){yaml_text(node, "vi"), yaml_text(node, "en")};
    if (t->opens.vi.n == 0 || t->opens.en.n == 0)
        src_fault(f, node, "schema.two_languages", NULL, NULL);
    t->opens_until = src_list(f, yaml_get(node, "until"), &t->nopens_until);
    for (size_t i = 0; i < t->nopens_until; i++)
        if (!has_state(k, t->opens_until[i]))
            src_fault(f, node, "schema.no_state", S(t->opens_until[i]), NULL);
}

static void read_demands(const struct src *f, struct kind *k, struct transition *t, struct yaml *node)
{
    struct arena *a = &f->l->s->arena;
    struct yaml *attach = yaml_get(node, "attach"), *effects = yaml_get(node, "effects");

    t->needs = read_fields(f, k, yaml_get(node, "needs"), &t->nneeds);
    t->holds = read_holds(f, k, yaml_get(node, "holds"), &t->nholds);
    t->sets = read_sets(f, node, &t->nsets);
    read_notice(f, &t->notice, yaml_get(node, "notice"));
    read_opens(f, k, t, yaml_get(node, "opens"));
    if (is_list(f, attach, LIFE_MAX) && (t->attach = arena_array(a, struct step_attach, attach->n)) != NULL)
        for (size_t i = 0; i < attach->n; i++)
            read_attach(f, &t->attach[t->nattach++], attach->items[i]);
    if (is_list(f, effects, LIFE_MAX) && (t->effects = arena_array(a, struct effect, effects->n)) != NULL)
        for (size_t i = 0; i < effects->n; i++)
            read_effect(f, &t->effects[t->neffects++], effects->items[i]);
}

/* One entry may start from several states: it becomes that many transitions. */
static void read_transition(const struct src *f, struct kind *k, struct yaml *key, struct yaml *node)
{
    struct transition t = {.name = src_name(f, key), .to = yaml_text(node, "to")};
    size_t nfrom;

    if (!src_map(f, node, 20))
        return;
    yaml_only(f->l->es, f->name, node, transition_keys);
    t.approval = src_bool(f, node, "approval");
    t.clauses = src_list(f, yaml_get(node, "clauses"), &t.nclauses);
    t.label = short_label(f, key, yaml_get(node, "label"));
    t.roles = src_list(f, yaml_get(node, "roles"), &t.nroles);
    read_demands(f, k, &t, node);
    if (!has_state(k, t.to))
        src_fault(f, yaml_get(node, "to") != NULL ? yaml_get(node, "to") : key, "schema.no_state", S(t.to), NULL);
    str *from = src_list(f, yaml_get(node, "from"), &nfrom);
    if (nfrom == 0)
        src_fault(f, key, "schema.no_state", "", NULL);
    for (size_t i = 0; i < nfrom; i++) {
        if (!has_state(k, from[i]))
            src_fault(f, yaml_get(node, "from"), "schema.no_state", S(from[i]), NULL);
        t.from = from[i];
        if (k->ntransitions < TRANSITIONS_MAX)
            k->transitions[k->ntransitions++] = t;
        else
            src_fault(f, key, "schema.want_map", N(TRANSITIONS_MAX), NULL);
    }
}

void schema_read_transitions(const struct src *f, struct kind *k, struct yaml *node)
{
    if (node == NULL || !src_map(f, node, TRANSITIONS_MAX))
        return;
    k->transitions = arena_array(&f->l->s->arena, struct transition, TRANSITIONS_MAX);
    for (size_t i = 0; k->transitions != NULL && i < node->n; i++)
        read_transition(f, k, node->keys[i], node->items[i]);
}

void schema_read_invariants(const struct src *f, struct kind *k, struct yaml *node)
{
    if (node == NULL || !src_map(f, node, LIFE_MAX))
        return;
    k->invariants = arena_array(&f->l->s->arena, struct invariant, node->n);
    for (size_t i = 0; k->invariants != NULL && i < node->n; i++) {
        struct yaml *it = node->items[i];
        struct invariant *v = &k->invariants[k->ninvariants++];
        *v = (struct invariant){.name = src_name(f, node->keys[i]), .sql = yaml_text(it, "sql")};
        if (!src_map(f, it, LIFE_MAX))
            continue;
        yaml_only(f->l->es, f->name, it, invariant_keys);
        v->label = short_label(f, node->keys[i], yaml_get(it, "label"));
        v->clauses = src_list(f, yaml_get(it, "clauses"), &v->nclauses);
        v->fields = read_fields(f, k, yaml_get(it, "fields"), &v->nfields);
        v->states = src_list(f, yaml_get(it, "states"), &v->nstates);
        v->strict = src_bool(f, it, "strict");
        for (size_t j = 0; j < v->nstates; j++)
            if (!has_state(k, v->states[j]))
                src_fault(f, yaml_get(it, "states"), "schema.no_state", S(v->states[j]), NULL);
        if (v->sql.n == 0 || v->sql.n > SQL_TEXT_MAX)
            src_fault(f, it, "schema.want_sql", S(v->name), N(SQL_TEXT_MAX));
    }
}

/* asked: {workstation: [a, b], "*": [a]}, by the names of the questions. */
static void read_asked(const struct src *f, struct checklist *c, struct yaml *node)
{
    if (node == NULL || !src_map(f, node, VALUES_MAX))
        return;
    c->sets = arena_array(&f->l->s->arena, struct question_set, node->n);
    for (size_t i = 0; c->sets != NULL && i < node->n; i++) {
        struct question_set *set = &c->sets[c->nsets++];
        size_t n;
        str *names = src_list(f, node->items[i], &n);
        *set = (struct question_set){node->keys[i]->text, arena_array(&f->l->s->arena, size_t, n), 0};
        for (size_t j = 0; set->questions != NULL && j < n; j++) {
            size_t at = 0;
            while (at < c->nquestions && !str_eq(c->questions[at].name, names[j]))
                at++;
            if (at == c->nquestions)
                src_fault(f, node->items[i], "schema.no_question", S(names[j]), S(c->name));
            else
                set->questions[set->n++] = at;
        }
    }
}

static void read_checklist(const struct src *f, struct yaml *key, struct yaml *node)
{
    struct checklist *c = &f->l->s->checklists[f->l->s->nchecklists++];
    struct yaml *questions = yaml_get(node, "questions");

    *c = (struct checklist){.name = src_name(f, key)};
    if (!src_map(f, node, 3) || !src_map(f, questions != NULL ? questions : node, QUESTIONS_MAX))
        return;
    yaml_only(f->l->es, f->name, node, list_keys);
    c->label = src_label(f, key, yaml_get(node, "label"), true);
    if (questions == NULL)
        return;
    c->questions = arena_array(&f->l->s->arena, struct question, questions->n);
    for (size_t i = 0; c->questions != NULL && i < questions->n; i++) {
        struct question *q = &c->questions[c->nquestions++];
        struct yaml *it = questions->items[i];
        *q = (struct question){.name = src_name(f, questions->keys[i]),
                               .label = {yaml_text(it, "vi"), yaml_text(it, "en")}};
        yaml_only(f->l->es, f->name, it, question_keys);
        if (q->label.vi.n == 0 || q->label.en.n == 0)
            src_fault(f, questions->keys[i], "schema.two_languages", NULL, NULL);
        q->clauses = src_list(f, yaml_get(it, "clauses"), &q->nclauses);
    }
    read_asked(f, c, yaml_get(node, "asked"));
}

void schema_read_checklists(const struct src *f, struct yaml *node)
{
    if (node == NULL || !src_map(f, node, CHECKLISTS_MAX))
        return;
    for (size_t i = 0; i < node->n; i++)
        if (f->l->s->nchecklists < CHECKLISTS_MAX)
            read_checklist(f, node->keys[i], node->items[i]);
        else
            src_fault(f, node->keys[i], "schema.too_many", N(CHECKLISTS_MAX), NULL);
}

struct checklist_use *schema_read_checklist_use(const struct src *f, struct yaml *node)
{
    struct checklist_use *u;

    if (node == NULL || !src_map(f, node, 5) || (u = arena_new(&f->l->s->arena, struct checklist_use)) == NULL)
        return NULL;
    yaml_only(f->l->es, f->name, node, use_keys);
    *u = (struct checklist_use){yaml_text(node, "list"), yaml_text(node, "by"), yaml_text(node, "of"),
                                yaml_text(node, "verdict"), yaml_text(node, "pass")};
    return u;
}
