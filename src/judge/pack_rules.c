/* Sigma files, the table of log sources, and the names by which correlations
 * and controls call rules. Runs at load. */
#include "judge/pack.h"
#include "judge/near.h"

/* ---- log sources ---- */

static bool row_list(struct loader *l, const struct yaml *y, struct route_row *row, bool facilities)
{
    for (size_t i = 0; i < y->n; i++) {
        const struct yaml *one = y->items[i];
        uint32_t bit = facilities ? facility_bit(one->text) : 0;
        if (one->kind != YAML_SCALAR)
            return load_err(l, one, "judge.not_text", facilities ? "facilities" : "programs", NULL);
        if (facilities && bit == 0)
            return load_err(l, one, "judge.facility", S(one->text), NULL);
        row->facilities |= bit;
        if (!facilities)
            row->programs[row->nprograms++] = one->text;
    }
    return true;
}

static bool load_row(struct loader *l, const struct yaml *y, struct route_row *row)
{
    static const char *const keys[] = {"category", "product", "service", "programs", "facilities", NULL};

    if (y->kind != YAML_MAP)
        return load_err(l, y, "judge.not_a_map", "logsource", NULL);
    bool good = near_only(l->es, l->file, y, keys);
    good = load_text(l, y, "category", false, &row->category) && good;
    good = load_text(l, y, "product", false, &row->product) && good;
    good = load_text(l, y, "service", false, &row->service) && good;
    const struct yaml *progs = yaml_get(y, "programs"), *facs = yaml_get(y, "facilities");
    if ((progs != NULL && progs->kind != YAML_LIST) || (facs != NULL && facs->kind != YAML_LIST))
        return load_err(l, y, "judge.not_a_list", "programs, facilities", NULL);
    if (progs != NULL && (row->programs = arena_array(&l->p->a, str, progs->n + 1)) != NULL)
        good = row_list(l, progs, row, false) && good;
    if (facs != NULL)
        good = row_list(l, facs, row, true) && good;
    else
        row->facilities = UINT32_MAX;
    return good;
}

bool load_routes(struct loader *l, const struct yaml *doc)
{
    struct routes *r = &l->p->routes;
    bool good = true;

    if (doc->kind != YAML_LIST)
        return load_err(l, doc, "judge.not_a_list", "logsources", NULL);
    r->rows = arena_array(&l->p->a, struct route_row, doc->n + 1);
    for (size_t i = 0; r->rows != NULL && i < doc->n; i++)
        good = load_row(l, doc->items[i], &r->rows[r->nrows++]) && good;
    return good;
}

/* ---- rules ---- */

/* A rule is called by id, name, or the name of its file without the ending
 * (which then means the correlation of that file, or its only rule). */
static void name_rule(struct loader *l, str name, int64_t value, const struct yaml *at)
{
    bool fresh;
    struct map_slot *s = name.n == 0 ? NULL : map_put(&l->p->rule_refs, name, &fresh);

    if (s == NULL)
        return;
    if (!fresh && s->v.num != value)
        load_err(l, at, "judge.twice", S(name), "sigma");
    s->v.num = value;
}

static void name_file(struct loader *l, int64_t value, bool corr)
{
    str path = str_c(l->file);
    const char *slash = memrchr(path.p, '/', path.n);
    size_t from = slash == NULL ? 0 : (size_t)(slash - path.p) + 1;
    str base = str_sub(path, from, path.n), stem = base;
    const char *dot = memrchr(base.p, '.', base.n);
    bool fresh;

    if (dot != NULL)
        stem.n = (size_t)(dot - base.p);
    for (int k = 0; k < 2; k++) {
        struct map_slot *s = map_put(&l->p->rule_files, k == 0 ? stem : base, &fresh);
        if (s != NULL && (fresh || corr))
            s->v.num = value;
    }
}

static bool add_corr(struct loader *l, const struct yaml *doc)
{
    struct packset *p = l->p;
    struct sigma_ctx c = load_sigma_ctx(l);
    struct corr_rule *v = load_grow(p->corrs, p->ncorrs, &l->cap_corrs, sizeof(*v), PACK_RULES_MAX);

    if (v == NULL)
        return load_err(l, doc, "judge.too_big", "sigma", NULL);
    p->corrs = v;
    if (corr_parse(&c, doc, load_doc_text(l, doc), &v[p->ncorrs]) < 0)
        return false;
    int64_t value = -1 - (int64_t)p->ncorrs;
    name_rule(l, v[p->ncorrs].id, value, doc);
    name_rule(l, v[p->ncorrs].name, value, doc);
    name_file(l, value, true);
    p->ncorrs++;
    return true;
}

bool load_sigma(struct loader *l, const struct yaml *doc)
{
    struct packset *p = l->p;

    if (sigma_is_correlation(doc))
        return add_corr(l, doc);
    struct sigma_ctx c = load_sigma_ctx(l);
    struct sigma_rule *v = load_grow(p->rules, p->nrules, &l->cap_rules, sizeof(*v), PACK_RULES_MAX);
    if (v == NULL)
        return load_err(l, doc, "judge.too_big", "sigma", NULL);
    p->rules = v;
    if (sigma_parse(&c, doc, load_doc_text(l, doc), &v[p->nrules]) < 0)
        return false;
    name_rule(l, v[p->nrules].id, (int64_t)p->nrules, doc);
    name_rule(l, v[p->nrules].name, (int64_t)p->nrules, doc);
    name_file(l, (int64_t)p->nrules, false);
    p->nrules++;
    return true;
}

/* ---- who calls whom ---- */

static struct map_slot *rule_called(struct packset *p, str name)
{
    struct map_slot *s = map_get(&p->rule_refs, name);

    return s != NULL ? s : map_get(&p->rule_files, name);
}

static bool resolve_corr(struct loader *l, struct corr_rule *r)
{
    bool good = true;

    l->file = r->file;
    for (size_t i = 0; i < r->nrefs; i++) {
        struct corr_ref *ref = &r->ref[i];
        struct map_slot *s = rule_called(l->p, ref->name);
        struct yaml at = {.line = ref->line, .col = ref->col};
        if (s == NULL) {
            good = load_err(l, &at, "judge.no_rule", S(ref->name), NULL);
            continue;
        }
        ref->rule = s->v.num >= 0 ? (int)s->v.num : -1;
        ref->corr = s->v.num >= 0 ? -1 : (int)(-1 - s->v.num);
    }
    return good;
}

/* A correlation of correlations must end somewhere. */
static bool corr_loops(const struct packset *p, int i, int depth)
{
    if (depth > 8)
        return true;
    for (size_t k = 0; k < p->corrs[i].nrefs; k++)
        if (p->corrs[i].ref[k].corr >= 0 && corr_loops(p, p->corrs[i].ref[k].corr, depth + 1))
            return true;
    return false;
}

static bool control_names(struct loader *l, struct control *c, const struct yaml *one)
{
    struct map_slot *s = rule_called(l->p, one->text);
    struct event_spec *ev = &c->event;

    if (one->kind != YAML_SCALAR || s == NULL)
        return load_err(l, one, "judge.no_rule", S(one->text), NULL);
    if (s->v.num >= 0)
        ev->rules[ev->nrules++] = (int)s->v.num;
    else
        ev->corrs[ev->ncorrs++] = (int)(-1 - s->v.num);
    return true;
}

static bool resolve_control(struct loader *l, struct control *c)
{
    const struct yaml *list = c->event.rules_node, *file = c->event.file_node;
    size_t n = (list == NULL ? 0 : list->kind == YAML_LIST ? list->n : 1) + (file == NULL ? 0 : 1);
    bool good = true;

    l->file = c->file;
    if (c->event.nrules > 0 && n == 0) /* the rule stands in the control itself */
        return true;
    int *own = c->event.rules;
    c->event.rules = arena_array(&l->p->a, int, n + 2);
    c->event.corrs = arena_array(&l->p->a, int, n + 1);
    if (c->event.rules == NULL || c->event.corrs == NULL)
        return false;
    if (c->event.nrules > 0)
        c->event.rules[0] = own[0];
    for (size_t i = 0; list != NULL && i < (list->kind == YAML_LIST ? list->n : 1); i++)
        good = control_names(l, c, list->kind == YAML_LIST ? list->items[i] : list) && good;
    if (file != NULL)
        good = control_names(l, c, file) && good;
    return good;
}

bool resolve_rules(struct loader *l)
{
    struct packset *p = l->p;
    bool good = true;

    for (size_t i = 0; i < p->ncorrs; i++)
        good = resolve_corr(l, &p->corrs[i]) && good;
    for (size_t i = 0; good && i < p->ncorrs; i++)
        if (corr_loops(p, (int)i, 0)) {
            l->file = p->corrs[i].file;
            good = load_err(l, &(struct yaml){.line = p->corrs[i].line, .col = 1}, "judge.corr_loop",
                            S(p->corrs[i].title), NULL);
        }
    for (size_t i = 0; i < p->ncontrols; i++)
        if (p->controls[i].kind == CK_EVENT)
            good = resolve_control(l, &p->controls[i]) && good;
    return good;
}
