/* The pack loader: walks the packs folder in a fixed order, so that what a
 * later file names is already known, and collects every mistake of every file.
 * The set it builds owns all memory and is constant once it is handed out. */
#include "judge/pack.h"
#include "base/file.h"
#include "judge/near.h"
#include <errno.h>

enum { PACK_ARENA_MAX = 256 << 20, PACK_FILES_MAX = 5000, PACK_FILE_BYTES = 4 << 20, PACKS_MAX = 64 };
const char *const severity_names[SEV_COUNT + 1] = {"low", "medium", "high", "critical", NULL};
const char *const control_kind_names[] = {"state", "event", "duty", NULL};

/* ---- helpers of all load_* ---- */

bool load_err(struct loader *l, const struct yaml *at, const char *key, const char *a0, const char *a1)
{
    yaml_err(l->es, l->file, at, key, a0, a1);
    return false;
}

void *load_grow(void *v, size_t n, size_t *cap, size_t size, size_t max)
{
    size_t more = *cap == 0 ? 16 : *cap * 2;

    if (n < *cap)
        return v;
    if (n >= max)
        return NULL;
    void *p = reallocarray(v, more, size);
    if (p != NULL)
        *cap = more;
    return p;
}

struct sigma_ctx load_sigma_ctx(struct loader *l)
{
    return (struct sigma_ctx){.a = &l->p->a,
                              .names = l->p->names,
                              .alias = &l->p->alias,
                              .lists = &l->p->lists,
                              .res = &l->p->res,
                              .es = l->es,
                              .file = l->file};
}

str load_doc_text(const struct loader *l, const struct yaml *doc)
{
    str rest = l->text, line;
    const char *from = NULL, *end = l->text.p + l->text.n;

    for (uint32_t n = 1; str_split(&rest, '\n', &line); n++) {
        if (n == doc->line)
            from = line.p;
        else if (from != NULL && str_starts(line, STR("---"))) {
            end = line.p;
            break;
        }
    }
    return from == NULL ? STR("") : (str){from, (size_t)(end - from)};
}

bool load_text(struct loader *l, const struct yaml *map, const char *key, bool required, str *out)
{
    const struct yaml *y = yaml_get(map, key);

    if (y == NULL || y->kind == YAML_NULL)
        return !required || load_err(l, y == NULL ? map : y, "judge.missing", key, NULL);
    if (y->kind != YAML_SCALAR)
        return load_err(l, y, "judge.not_text", key, NULL);
    *out = y->text;
    return true;
}

bool load_label(struct loader *l, const struct yaml *map, const char *key, bool required, struct label *out)
{
    static const char *const keys[] = {"vi", "en", "action", "after", NULL};
    const struct yaml *y = yaml_get(map, key);

    if (y == NULL)
        return !required || load_err(l, map, "judge.missing", key, NULL);
    if (y->kind != YAML_MAP)
        return load_err(l, y, "judge.label", key, NULL);
    bool good = near_only(l->es, l->file, y, keys);
    out->vi = str_trim(yaml_text(y, "vi"));
    out->en = str_trim(yaml_text(y, "en"));
    if (out->vi.n == 0 || out->en.n == 0)
        return load_err(l, y, "judge.label", key, NULL);
    return good;
}

/* ---- small files of the common pack ---- */

/* fields.yaml: the name a Sigma rule uses -> the decoded field. */
static bool load_fields(struct loader *l, const struct yaml *doc)
{
    bool good = true;

    if (doc->kind != YAML_MAP)
        return load_err(l, doc, "judge.not_a_map", "fields", NULL);
    for (size_t i = 0; i < doc->n; i++) {
        struct map_slot *s = map_put(&l->p->alias, doc->keys[i]->text, NULL);
        if (doc->items[i]->kind != YAML_SCALAR || s == NULL)
            good = load_err(l, doc->items[i], "judge.not_text", S(doc->keys[i]->text), NULL);
        else
            s->v.ptr = &doc->items[i]->text;
    }
    return good;
}

/* lists.yaml: values of the site for the modifier `expand`. */
static bool load_lists(struct loader *l, const struct yaml *doc)
{
    bool good = true;

    if (doc->kind != YAML_MAP)
        return load_err(l, doc, "judge.not_a_map", "lists", NULL);
    for (size_t i = 0; i < doc->n; i++) {
        const struct yaml *list = doc->items[i];
        struct map_slot *s = list->kind == YAML_LIST ? map_put(&l->p->lists, doc->keys[i]->text, NULL) : NULL;
        for (size_t k = 0; s != NULL && k < list->n; k++)
            if (list->items[k]->kind != YAML_SCALAR)
                good = load_err(l, list->items[k], "judge.not_text", S(doc->keys[i]->text), NULL);
        if (s == NULL)
            good = load_err(l, list, "judge.not_a_list", S(doc->keys[i]->text), NULL);
        else
            s->v.ptr = doc->items[i];
    }
    return good;
}

static bool load_decoders(struct loader *l, const struct yaml *doc)
{
    struct decode_ctx c = {&l->p->a, l->p->names, l->es, l->file};

    return decoders_parse(&c, doc, &l->p->decoders) == 0;
}

/* ---- walking ---- */

struct phase {
    const char *sub;         /* folder in the pack, "" the pack's own */
    const char *head, *tail; /* what the file's name begins and ends with */
    bool common_only;
    bool (*fn)(struct loader *l, const struct yaml *doc);
};
static const struct phase phases[] = {
    {"", "pack", ".yaml", false, load_regulation},  {"", "clauses", ".yaml", false, load_clauses},
    {"", "fields", ".yaml", true, load_fields},     {"", "lists", ".yaml", true, load_lists},
    {"", "logsources", ".yaml", true, load_routes}, {"decoders", "", ".yaml", false, load_decoders},
    {"sigma", "", ".yml", false, load_sigma},       {"sigma", "", ".yaml", false, load_sigma},
    {"controls", "", ".yaml", false, load_control},
};

static void load_file(struct loader *l, const struct phase *ph, const char *path)
{
    struct yaml **docs;
    size_t n;
    struct err e = {0};

    l->file = path;
    if (file_read(&l->p->a, path, PACK_FILE_BYTES, &l->text, &e) < 0) {
        errs_add(l->es, &e);
        return;
    }
    if (yaml_parse(&l->p->a, l->text, path, &docs, &n, l->es) < 0)
        return;
    for (size_t i = 0; i < n; i++)
        if (docs[i]->kind != YAML_NULL)
            ph->fn(l, docs[i]);
}

static void load_phase(struct loader *l, const struct phase *ph, const char *dir)
{
    struct arena *a = &l->p->a;
    str folder = arena_fmt(a, "%s/%.*s%s%s", dir, STR_ARGS(l->pack), ph->sub[0] == '\0' ? "" : "/", ph->sub), *names;
    size_t n;
    struct err e;

    if (folder.p == NULL)
        return;
    int rc = file_list(a, folder.p, str_c(ph->tail), PACK_FILES_MAX, &names, &n, &e);
    if (rc == -ENOENT || rc == -ENOTDIR)
        return; /* a pack need not have every folder */
    if (rc < 0) {
        errs_add(l->es, &e);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (!str_starts(names[i], str_c(ph->head)))
            continue;
        str path = arena_fmt(a, "%.*s/%.*s", STR_ARGS(folder), STR_ARGS(names[i]));
        if (path.p != NULL)
            load_file(l, ph, path.p);
    }
}

static int regulation_of(const struct packset *p, str pack)
{
    for (size_t i = 0; i < p->nregs; i++)
        if (str_eq(p->regs[i].pack, pack))
            return (int)i;
    return -1;
}

/* "common" first, then the others by name. */
static void load_all(struct loader *l, const char *dir, const str *packs, size_t n)
{
    for (size_t ph = 0; ph < sizeof(phases) / sizeof(*phases); ph++)
        for (size_t pass = 0; pass < 2; pass++)
            for (size_t i = 0; i < n; i++) {
                bool common = str_eq(packs[i], STR("common"));
                if (common != (pass == 0) || (phases[ph].common_only && !common))
                    continue;
                l->pack = packs[i];
                l->reg = regulation_of(l->p, packs[i]);
                load_phase(l, &phases[ph], dir);
            }
}

struct packset *packset_empty(void)
{
    struct packset *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    p->a = arena_init(PACK_ARENA_MAX);
    atomic_init(&p->refs, 1);
    map_init(&p->alias, NAMES_MAX);
    map_init(&p->lists, 1000);
    map_init(&p->clause_ids, PACK_CLAUSES_MAX);
    map_init(&p->control_ids, PACK_CONTROLS_MAX);
    map_init(&p->rule_refs, PACK_RULES_MAX * 4);
    map_init(&p->rule_files, PACK_RULES_MAX * 4);
    decoders_init(&p->decoders);
    routes_init(&p->routes);
    p->names = names_new();
    if (p->names == NULL) {
        packset_unref(p);
        return NULL;
    }
    return p;
}

struct packset *packset_ref(struct packset *p)
{
    atomic_fetch_add(&p->refs, 1);
    return p;
}

void packset_unref(struct packset *p)
{
    if (p == NULL || atomic_fetch_sub(&p->refs, 1) != 1)
        return;
    struct map *maps[] = {&p->alias, &p->lists, &p->clause_ids, &p->control_ids, &p->rule_refs, &p->rule_files};
    for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++)
        map_done(maps[i]);
    decoders_done(&p->decoders);
    routes_done(&p->routes);
    names_free(p->names);
    sigma_res_done(&p->res);
    free(p->regs);
    free(p->clauses);
    free(p->controls);
    free(p->rules);
    free(p->corrs);
    arena_free(&p->a);
    free(p);
}

const struct control *packset_control(const struct packset *p, str id)
{
    struct map_slot *s = map_get((struct map *)&p->control_ids, id);

    return s == NULL ? NULL : &p->controls[s->v.num];
}

const struct clause *packset_clause(const struct packset *p, str id)
{
    struct map_slot *s = map_get((struct map *)&p->clause_ids, id);

    return s == NULL ? NULL : &p->clauses[s->v.num];
}

/* Clause -> its controls, once both are complete. */
static bool link_clauses(struct packset *p)
{
    for (size_t i = 0; i < p->ncontrols; i++)
        for (size_t k = 0; k < p->controls[i].nclauses; k++)
            p->clauses[p->controls[i].clauses[k]].ncontrols++;
    for (size_t i = 0; i < p->nclauses; i++) {
        p->clauses[i].controls = arena_array(&p->a, int, p->clauses[i].ncontrols + 1);
        if (p->clauses[i].controls == NULL)
            return false;
        p->clauses[i].ncontrols = 0;
    }
    for (size_t i = 0; i < p->ncontrols; i++)
        for (size_t k = 0; k < p->controls[i].nclauses; k++) {
            struct clause *c = &p->clauses[p->controls[i].clauses[k]];
            c->controls[c->ncontrols++] = (int)i;
        }
    return true;
}

int packset_load(const char *dir, struct packset **out, struct errs *es)
{
    struct packset *p = packset_empty();
    struct loader l = {.p = p, .es = es, .file = dir, .reg = -1};
    uint64_t before = es->total;
    struct err e = {0};
    str *names;
    size_t n;

    if (p == NULL) {
        ERR(&e, -ENOMEM, "base.no_memory", "packs");
        errs_add(es, &e);
        return -ENOMEM;
    }
    if (file_list(&p->a, dir, STR(""), PACKS_MAX, &names, &n, &e) < 0) {
        errs_add(es, &e);
    } else {
        load_all(&l, dir, names, n);
        resolve_rules(&l);
        if (!routes_build(&p->routes, &p->a, p->rules, p->nrules, &p->decoders) || !link_clauses(p) || p->a.failed)
            load_err(&l, NULL, "judge.too_big", dir, NULL);
    }
    if (es->total != before) {
        packset_unref(p);
        return -EBADMSG;
    }
    *out = p;
    return 0;
}
