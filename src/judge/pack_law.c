/* pack.yaml and clauses*.yaml: the regulation and its tree. Runs at load. */
#include "judge/pack.h"
#include "base/calendar.h"
#include "judge/near.h"

bool load_regulation(struct loader *l, const struct yaml *doc)
{
    static const char *const keys[] = {"id",        "regulation",   "title", "number",
                                       "issued_on", "effective_on", "binds", NULL};
    struct packset *p = l->p;
    struct regulation r = {.pack = l->pack, .file = l->file, .line = doc->line};
    int64_t day;
    str id;

    if (doc->kind != YAML_MAP)
        return load_err(l, doc, "judge.not_a_map", "pack", NULL);
    bool good = near_only(l->es, l->file, doc, keys);
    good = load_text(l, doc, "id", true, &id) && good;
    good = load_text(l, doc, "regulation", true, &r.code) && good;
    good = load_label(l, doc, "title", true, &r.title) && good;
    good = load_text(l, doc, "number", false, &r.number) && good;
    good = load_text(l, doc, "issued_on", false, &r.issued_on) && good;
    good = load_text(l, doc, "effective_on", false, &r.effective_on) && good;
    good = load_label(l, doc, "binds", false, &r.binds) && good;
    for (int k = 0; k < 2; k++) {
        str s = k == 0 ? r.issued_on : r.effective_on;
        if (s.n > 0 && !date_parse(s, &day))
            good = load_err(l, yaml_get(doc, k == 0 ? "issued_on" : "effective_on"), "judge.not_date", S(s), NULL);
    }
    if (good && !str_eq(id, l->pack))
        good = load_err(l, yaml_get(doc, "id"), "judge.pack_id", S(id), S(l->pack));
    for (size_t i = 0; good && i < p->nregs; i++)
        if (str_eq(p->regs[i].code, r.code))
            good = load_err(l, yaml_get(doc, "regulation"), "judge.twice", S(r.code), p->regs[i].file);
    if (!good)
        return false;
    if (p->regs == NULL)
        p->regs = calloc(PACK_REGS_MAX, sizeof(r));
    if (p->regs == NULL || p->nregs == PACK_REGS_MAX)
        return load_err(l, doc, "judge.too_big", "packs", NULL);
    p->regs[p->nregs++] = r;
    return true;
}

static bool id_good(const struct loader *l, str id)
{
    str code = l->p->regs[l->reg].code;

    if (!str_starts(id, code) || id.n < code.n + 2 || id.p[code.n] != '-')
        return false;
    for (size_t i = code.n + 1; i < id.n; i++) {
        unsigned char ch = (unsigned char)id.p[i];
        bool ok =
            (ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') || ch == '.' || ch == '#';
        if (!ok)
            return false;
    }
    return id.n <= 40;
}

static bool load_clause(struct loader *l, const struct yaml *y)
{
    static const char *const keys[] = {"id", "parent", "number", "title", "text", "operative", NULL};
    struct packset *p = l->p;
    struct clause c = {.reg = l->reg, .parent = -1, .file = l->file, .line = y->line, .col = y->col};
    str parent = STR_NONE;
    bool fresh;

    if (y->kind != YAML_MAP)
        return load_err(l, y, "judge.not_a_map", "clause", NULL);
    bool good = near_only(l->es, l->file, y, keys);
    good = load_text(l, y, "id", true, &c.id) && good;
    good = load_text(l, y, "parent", false, &parent) && good;
    good = load_text(l, y, "number", true, &c.number) && good;
    good = load_label(l, y, "title", false, &c.title) && good;
    good = load_label(l, y, "text", true, &c.text) && good;
    const struct yaml *op = yaml_get(y, "operative");
    if (op != NULL && !yaml_bool(op, &c.operative))
        good = load_err(l, op, "judge.not_bool", "operative", NULL);
    if (c.id.n > 0 && !id_good(l, c.id))
        return load_err(l, yaml_get(y, "id"), "judge.clause_id", S(c.id), S(p->regs[l->reg].code));
    if (parent.n > 0) {
        struct map_slot *s = map_get(&p->clause_ids, parent);
        if (s == NULL || p->clauses[s->v.num].reg != l->reg)
            return load_err(l, yaml_get(y, "parent"), "judge.clause_parent", S(parent), NULL);
        c.parent = (int)s->v.num;
    }
    if (!good)
        return false;
    struct clause *v = load_grow(p->clauses, p->nclauses, &l->cap_clauses, sizeof(c), PACK_CLAUSES_MAX);
    struct map_slot *s = v == NULL ? NULL : map_put(&p->clause_ids, c.id, &fresh);
    if (v != NULL)
        p->clauses = v;
    if (s == NULL)
        return load_err(l, y, "judge.too_big", "clauses", NULL);
    if (!fresh)
        return load_err(l, yaml_get(y, "id"), "judge.twice", S(c.id), p->clauses[s->v.num].file);
    s->v.num = (int64_t)p->nclauses;
    p->clauses[p->nclauses++] = c;
    return true;
}

bool load_clauses(struct loader *l, const struct yaml *doc)
{
    bool good = true;

    if (l->reg < 0)
        return load_err(l, doc, "judge.no_regulation", S(l->pack), NULL);
    if (doc->kind != YAML_LIST)
        return load_err(l, doc, "judge.not_a_list", "clauses", NULL);
    for (size_t i = 0; i < doc->n; i++)
        good = load_clause(l, doc->items[i]) && good;
    return good;
}
