/* Reads schema/<group>.yaml into structs. A mistake does not stop the reading:
 * all of all files are told in one pass, each with file, line and column. What
 * needs other kinds is in schema_check.c. All memory is the schema's arena. */
#include "registry/schema-int.h"
#include "base/file.h"
#include "base/msg.h"
#include <errno.h>

enum { ARENA_MAX = 64 << 20, FILE_MAX = 1 << 20 };

static const char *const file_keys[] = {"group", "kinds", "checklists", NULL};
static const char *const group_keys[] = {"name", "vi", "en", NULL};
static const char *const label_keys[] = {"vi", "en", NULL};
static const char *const kind_keys[] = {"label",    "help",       "key",    "title",  "unit",
                                        "unit_via", "columns",    "fields", "states", "transitions",
                                        "approval", "invariants", NULL};
static const char *const field_keys[] = {"type",   "label",    "help",    "required",  "unique", "personal",
                                         "ref",    "values",   "default", "min",       "max",    "clauses",
                                         "within", "disjoint", "unless",  "checklist", "read",   NULL};

void src_fault(const struct src *f, const struct yaml *node, const char *key, const char *a0, const char *a1)
{
    yaml_err(f->l->es, f->name, node, key, a0, a1);
}

bool schema_name_ok(str s)
{
    if (s.n == 0 || s.n > 40 || s.p[0] < 'a' || s.p[0] > 'z')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '_'))
            return false;
    return true;
}

str src_name(const struct src *f, const struct yaml *node)
{
    if (!schema_name_ok(node->text))
        src_fault(f, node, "schema.bad_name", S(node->text), NULL);
    return node->text;
}

/* {vi: .., en: ..}; both must be there. */
static struct label read_label(const struct src *f, const struct yaml *at, const struct yaml *node,
                               const char *const *keys, bool needed)
{
    struct label l = {yaml_text(node, "vi"), yaml_text(node, "en")};

    if (node == NULL) {
        if (needed)
            src_fault(f, at, "schema.no_label", S(at->text), NULL);
        return l;
    }
    if (node->kind == YAML_MAP)
        yaml_only(f->l->es, f->name, node, keys);
    if (l.vi.n == 0 || l.en.n == 0)
        src_fault(f, node, "schema.two_languages", NULL, NULL);
    return l;
}

struct label src_label(const struct src *f, const struct yaml *at, const struct yaml *node, bool needed)
{
    return read_label(f, at, node, label_keys, needed);
}

bool src_map(const struct src *f, const struct yaml *node, size_t max)
{
    if (node == NULL || node->kind != YAML_MAP || node->n > max) {
        src_fault(f, node, "schema.want_map", N((int64_t)max), NULL);
        return false;
    }
    return true;
}

/* A list of texts, or one text for a list of one. */
str *src_list(const struct src *f, struct yaml *node, size_t *n)
{
    *n = 0;
    if (node == NULL)
        return NULL;
    size_t count = node->kind == YAML_LIST ? node->n : 1;
    str *v = arena_array(&f->l->s->arena, str, count);
    for (size_t i = 0; v != NULL && i < count; i++) {
        struct yaml *item = node->kind == YAML_LIST ? node->items[i] : node;
        if (item->kind != YAML_SCALAR || item->text.n == 0)
            src_fault(f, item, "schema.want_text", NULL, NULL);
        else
            v[(*n)++] = item->text;
    }
    return v;
}

bool src_bool(const struct src *f, const struct yaml *map, const char *key)
{
    const struct yaml *node = yaml_get(map, key);
    bool v = false;

    if (node != NULL && !yaml_bool(node, &v))
        src_fault(f, node, "schema.want_bool", key, NULL);
    return v;
}

bool src_int(const struct src *f, const struct yaml *map, const char *key, int64_t *out)
{
    const struct yaml *node = yaml_get(map, key);

    if (node == NULL)
        return false;
    if (!yaml_int(node, out)) {
        src_fault(f, node, "schema.want_int", key, NULL);
        return false;
    }
    return true;
}

static void read_values(const struct src *f, struct field *fd, struct yaml *at, struct yaml *node)
{
    if (fd->type != FT_ENUM) {
        if (node != NULL)
            src_fault(f, node, "schema.only_for", "values", "enum");
        return;
    }
    if (node == NULL || node->kind != YAML_MAP || node->n == 0 || node->n > VALUES_MAX) {
        src_fault(f, node != NULL ? node : at, "schema.no_values", NULL, NULL);
        return;
    }
    fd->values = arena_array(&f->l->s->arena, struct enum_value, node->n);
    for (size_t i = 0; fd->values != NULL && i < node->n; i++)
        fd->values[fd->nvalues++] = (struct enum_value){src_name(f, node->keys[i]),
                                                        read_label(f, node->keys[i], node->items[i], label_keys, true)};
}

static void level_values(struct schema *s, struct field *fd)
{
    static const char *const names[][2] = {
        {"thuong", "registry.level_thuong"},
        {"mat", "registry.level_mat"},
        {"toi_mat", "registry.level_toi_mat"},
        {"tuyet_mat", "registry.level_tuyet_mat"},
    };
    size_t n = sizeof(names) / sizeof(names[0]);

    fd->values = arena_array(&s->arena, struct enum_value, n);
    for (size_t i = 0; fd->values != NULL && i < n; i++)
        fd->values[fd->nvalues++] = (struct enum_value){
            str_c(names[i][0]), {str_c(msg_get(names[i][1], LANG_VI)), str_c(msg_get(names[i][1], LANG_EN))}};
}

static void read_field(const struct src *f, struct field *fd, struct yaml *key, struct yaml *node)
{
    const struct yaml *type = yaml_get(node, "type");

    *fd = (struct field){.name = src_name(f, key), .type = FT_TEXT};
    if (!src_map(f, node, 20))
        return;
    yaml_only(f->l->es, f->name, node, field_keys);
    if (type == NULL || type->kind != YAML_SCALAR || !ftype_parse(type->text, &fd->type))
        src_fault(f, type != NULL ? type : key, "schema.bad_type", type != NULL ? S(type->text) : "", NULL);
    fd->label = read_label(f, key, yaml_get(node, "label"), label_keys, true);
    fd->help = read_label(f, key, yaml_get(node, "help"), label_keys, false);
    fd->required = src_bool(f, node, "required");
    fd->unique = src_bool(f, node, "unique");
    fd->personal = src_bool(f, node, "personal");
    fd->ref_kind = yaml_text(node, "ref");
    fd->dflt = yaml_text(node, "default");
    fd->within = yaml_text(node, "within");
    fd->disjoint = yaml_text(node, "disjoint");
    fd->unless = yaml_text(node, "unless");
    fd->has_min = src_int(f, node, "min", &fd->min);
    fd->has_max = src_int(f, node, "max", &fd->max);
    if (fd->has_min && fd->has_max && fd->min > fd->max)
        src_fault(f, yaml_get(node, "min"), "schema.min_max", N(fd->min), N(fd->max));
    fd->clauses = src_list(f, yaml_get(node, "clauses"), &fd->nclauses);
    fd->read_roles = src_list(f, yaml_get(node, "read"), &fd->nread);
    fd->checklist = schema_read_checklist_use(f, yaml_get(node, "checklist"));
    read_values(f, fd, key, yaml_get(node, "values"));
    if (fd->type == FT_LEVEL)
        level_values(f->l->s, fd);
}

static void read_states(const struct src *f, struct kind *k, struct yaml *at, struct yaml *node)
{
    if (node == NULL || node->kind != YAML_MAP || node->n == 0 || node->n > STATES_MAX) {
        src_fault(f, node != NULL ? node : at, "schema.no_states", S(k->name), NULL);
        return;
    }
    k->states = arena_array(&f->l->s->arena, str, node->n);
    k->state_labels = arena_array(&f->l->s->arena, struct label, node->n);
    for (size_t i = 0; k->states != NULL && k->state_labels != NULL && i < node->n; i++) {
        k->states[i] = src_name(f, node->keys[i]);
        k->state_labels[i] = read_label(f, node->keys[i], node->items[i], label_keys, true);
        k->nstates++;
    }
}

/* approval: [create, change, end], or one of them. */
static uint32_t read_ops(const struct src *f, struct yaml *node)
{
    uint32_t ops = 0;
    size_t n;
    str *v = src_list(f, node, &n);

    for (size_t i = 0; i < n; i++) {
        enum kind_op op;
        if (kind_op_parse(v[i], &op))
            ops |= op;
        else
            src_fault(f, node, "schema.no_op", S(v[i]), NULL);
    }
    return ops;
}

static void read_kind(const struct src *f, struct yaml *key, struct yaml *node, str group,
                      const struct label *group_label)
{
    struct schema *s = f->l->s;
    struct kind *k = &s->kinds[s->nkinds];
    struct kind_src *src = &f->l->src[s->nkinds];
    struct yaml *fields = yaml_get(node, "fields");

    if (!src_map(f, node, 20))
        return;
    *k = (struct kind){.name = src_name(f, key),
                       .group = group,
                       .group_label = *group_label,
                       .unit_field = SIZE_MAX,
                       .via_field = SIZE_MAX};
    *src = (struct kind_src){.file = f->name, .node = node};
    s->nkinds++;
    yaml_only(f->l->es, f->name, node, kind_keys);
    k->label = read_label(f, key, yaml_get(node, "label"), label_keys, true);
    k->help = read_label(f, key, yaml_get(node, "help"), label_keys, false);
    k->approval = read_ops(f, yaml_get(node, "approval"));
    read_states(f, k, key, yaml_get(node, "states"));
    if (fields == NULL || fields->kind != YAML_MAP || fields->n == 0 || fields->n > FIELDS_MAX) {
        src_fault(f, fields != NULL ? fields : key, "schema.no_fields", S(k->name), NULL);
    } else {
        k->fields = arena_array(&s->arena, struct field, fields->n);
        src->fields = fields->keys;
        for (size_t i = 0; k->fields != NULL && i < fields->n; i++, k->nfields++)
            read_field(f, &k->fields[i], fields->keys[i], fields->items[i]);
    }
    schema_read_invariants(f, k, yaml_get(node, "invariants"));
    schema_read_transitions(f, k, yaml_get(node, "transitions"));
}

void schema_load_text(struct loading *l, str text, const char *name)
{
    struct src f = {l, name};
    struct yaml **docs;
    size_t ndocs;

    if (yaml_parse(&l->s->arena, text, name, &docs, &ndocs, l->es) < 0)
        return;
    for (size_t d = 0; d < ndocs; d++) {
        struct yaml *group = yaml_get(docs[d], "group"), *kinds = yaml_get(docs[d], "kinds");
        if (!src_map(&f, docs[d], 3))
            continue;
        yaml_only(l->es, name, docs[d], file_keys);
        if (kinds == NULL)
            src_fault(&f, docs[d], "schema.no_kinds", NULL, NULL);
        if (kinds == NULL || !src_map(&f, group != NULL ? group : docs[d], 3) || !src_map(&f, kinds, KINDS_MAX))
            continue;
        schema_read_checklists(&f, yaml_get(docs[d], "checklists"));
        struct label gl = read_label(&f, docs[d], group, group_keys, true);
        str gname = yaml_text(group, "name");
        if (!schema_name_ok(gname))
            src_fault(&f, group != NULL ? group : docs[d], "schema.bad_name", S(gname), NULL);
        for (size_t i = 0; i < kinds->n; i++) {
            if (l->s->nkinds == KINDS_MAX) {
                src_fault(&f, kinds->keys[i], "schema.too_many", N(KINDS_MAX), NULL);
                return;
            }
            read_kind(&f, kinds->keys[i], kinds->items[i], gname, &gl);
        }
    }
}

static int loading_init(struct loading *l, struct errs *es)
{
    struct arena a = arena_init(ARENA_MAX);

    *l = (struct loading){.es = es, .s = arena_new(&a, struct schema)};
    if (l->s != NULL) {
        l->s->arena = a;
        l->s->kinds = arena_array(&l->s->arena, struct kind, KINDS_MAX);
        l->s->checklists = arena_array(&l->s->arena, struct checklist, CHECKLISTS_MAX);
        l->src = arena_array(&l->s->arena, struct kind_src, KINDS_MAX);
        if (l->s->kinds != NULL && l->s->checklists != NULL && l->src != NULL)
            return 0;
        a = l->s->arena;
    }
    arena_free(&a);
    return -ENOMEM;
}

static void err_add(struct errs *es, int code, const char *key, const char *at)
{
    struct err e;

    ERR(&e, code, key);
    err_at(&e, at, 0, 0);
    errs_add(es, &e);
}

static int loading_end(struct loading *l, uint64_t before, struct schema **out)
{
    if (l->es->total == before)
        schema_check(l);
    if (l->es->total == before && l->s->arena.failed)
        err_add(l->es, -ENOMEM, "registry.no_memory", "");
    if (l->es->total != before) {
        schema_free(l->s);
        return -EINVAL;
    }
    *out = l->s;
    return 0;
}

int schema_from_text(const char *const *texts, size_t n, struct schema **out, struct errs *es)
{
    struct loading l;
    uint64_t before = es->total;

    if (loading_init(&l, es) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        schema_load_text(&l, str_c(texts[i]), "schema.yaml");
    if (l.s->nkinds == 0)
        err_add(es, -EINVAL, "schema.no_kinds", "schema.yaml");
    return loading_end(&l, before, out);
}

int schema_load(const char *dir, struct schema **out, struct errs *es)
{
    struct loading l;
    struct err e = {0};
    str *names;
    size_t n = 0;
    uint64_t before = es->total;

    if (loading_init(&l, es) < 0)
        return -ENOMEM;
    if (file_list(&l.s->arena, dir, STR(".yaml"), FILES_MAX, &names, &n, &e) < 0)
        errs_add(es, &e);
    for (size_t i = 0; i < n; i++) {
        str path = arena_fmt(&l.s->arena, "%s/%.*s", dir, STR_ARGS(names[i])), text;
        if (path.p == NULL || file_read(&l.s->arena, path.p, FILE_MAX, &text, &e) < 0)
            errs_add(es, &e);
        else
            schema_load_text(&l, text, path.p);
    }
    if (l.s->nkinds == 0 && es->total == before)
        err_add(es, -EINVAL, "schema.no_kinds", dir);
    return loading_end(&l, before, out);
}
