/* The part of schema loading that needs all kinds at once: references, keys,
 * names that would collide in SQL or in JSON, defaults that must parse. */
#include "registry/schema-int.h"
#include "registry/registry.h"
#include "registry/value-int.h"
#include "base/map.h"

/* Columns that every table has, members that every record has. "kind" may be a
 * field: it stands in the record then, as a caller knows the kind it asked for. */
static const char *const reserved[] = {
    "id",         "rev",        "state", "valid_from", "valid_to",   "created_at", "created_by",
    "changed_at", "changed_by", "key",   "folded",     "title_sort", "ref_id",
};
static const char *const reserved_kinds[] = {
    "history",   "registry_meta", "login",           "session",     "token",      "schema",      "events",
    "finding",   "finding_event", "finding_history", "source_seen", "sources",    "stats",       "today",
    "addr_hint", "addr_released", "life_open",       "file_blob",   "file_chunk", "file_upload", "files"};

struct at {
    struct loading *l;
    size_t i;
    struct kind *k;
};

static void fault(const struct at *c, const struct yaml *node, const char *key, const char *a0, const char *a1)
{
    const struct kind_src *src = &c->l->src[c->i];

    yaml_err(c->l->es, src->file, node != NULL ? node : src->node, key, a0, a1);
}

static const struct yaml *node_of(const struct at *c, const char *key) { return yaml_get(c->l->src[c->i].node, key); }

/* The index of the field that `key` names; SIZE_MAX, and a mistake when there
 * is a name but no such field. */
static size_t named_field(const struct at *c, const char *key)
{
    const struct yaml *node = node_of(c, key);
    size_t at = SIZE_MAX;

    if (node != NULL) {
        at = kind_field_at(c->k, node->text);
        if (at == SIZE_MAX)
            fault(c, node, "schema.no_field", S(node->text), S(c->k->name));
    }
    return at;
}

static bool in_list(const char *const *list, size_t n, str s)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(s, str_c(list[i])))
            return true;
    return false;
}

static bool is_ref_to(const struct kind *k, size_t field, const char *kind)
{
    return field != SIZE_MAX && k->fields[field].type == FT_REF &&
           (kind == NULL || str_eq(k->fields[field].ref_kind, str_c(kind)));
}

static void check_heads(const struct at *c)
{
    struct kind *k = c->k;
    size_t key = named_field(c, "key"), title = named_field(c, "title");

    if (node_of(c, "key") == NULL)
        fault(c, NULL, "schema.no_key", S(k->name), NULL);
    if (key != SIZE_MAX) {
        struct field *f = &k->fields[key];
        if (value_storage(f->type) != VAL_TEXT || f->type == FT_MARKDOWN || f->type == FT_JSON ||
            f->type == FT_DURATION || f->type == FT_FILE)
            fault(c, node_of(c, "key"), "schema.bad_key", S(f->name), NULL);
        if (f->type == FT_TEXT && (!f->has_max || f->max > KEY_MAX))
            fault(c, node_of(c, "key"), "schema.key_max", S(f->name), N(KEY_MAX));
        if (!f->required && f->dflt.n == 0)
            fault(c, node_of(c, "key"), "schema.key_required", S(f->name), NULL);
        f->unique = true;
        k->key_field = key;
        k->title_field = key;
    }
    if (title != SIZE_MAX) {
        if (value_storage(k->fields[title].type) != VAL_TEXT || k->fields[title].type == FT_FILE)
            fault(c, node_of(c, "title"), "schema.bad_title", S(k->fields[title].name), NULL);
        k->title_field = title;
    }
    k->unit_field = named_field(c, "unit");
    k->via_field = named_field(c, "unit_via");
    if (k->unit_field != SIZE_MAX && !is_ref_to(k, k->unit_field, "unit"))
        fault(c, node_of(c, "unit"), "schema.want_ref", "unit", "unit");
    if (k->via_field != SIZE_MAX && (!is_ref_to(k, k->via_field, NULL) || k->unit_field != SIZE_MAX))
        fault(c, node_of(c, "unit_via"), "schema.want_ref", "unit_via", "?");
}

static void check_columns_list(const struct at *c)
{
    const struct yaml *node = node_of(c, "columns");
    struct kind *k = c->k;

    k->columns = arena_array(&c->l->s->arena, size_t, k->nfields + 1);
    if (k->columns == NULL)
        return;
    if (node == NULL || node->kind != YAML_LIST || node->n > k->nfields + 1) {
        fault(c, node, "schema.no_columns", S(k->name), NULL);
        return;
    }
    for (size_t i = 0; i < node->n; i++) {
        size_t at = kind_field_at(k, node->items[i]->text);
        if (str_eq(node->items[i]->text, STR("state")))
            k->state_column = true;
        else if (at == SIZE_MAX)
            fault(c, node->items[i], "schema.no_field", S(node->items[i]->text), S(k->name));
        else
            k->columns[k->ncolumns++] = at;
    }
}

/* "{device}/{name}": each word in braces is a field of the kind, or n. */
static bool template_ok(const struct kind *k, str t)
{
    for (size_t open; (open = str_find(t, STR("{"))) != SIZE_MAX;) {
        t = str_sub(t, open + 1, SIZE_MAX);
        size_t close = str_find(t, STR("}"));
        if (close == SIZE_MAX)
            return false;
        str word = str_sub(t, 0, close);
        size_t at = kind_field_at(k, word);
        if (!str_eq(word, STR("n")) &&
            (at == SIZE_MAX || k->fields[at].type == FT_REFS || k->fields[at].type == FT_FILE))
            return false;
        t = str_sub(t, close + 1, SIZE_MAX);
    }
    return true;
}

static void check_default(const struct at *c, const struct field *f, const struct yaml *key)
{
    struct arena a = arena_init(1 << 16);
    struct val v;
    struct err e;

    if (f->dflt.n == 0)
        return;
    if (f->type == FT_REF || f->type == FT_REFS || f->type == FT_FILE)
        fault(c, key, "schema.bad_default", S(f->name), S(f->dflt));
    else if (str_find(f->dflt, STR("{")) != SIZE_MAX ? f->type != FT_TEXT || !template_ok(c->k, f->dflt)
                                                     : value_parse(&a, f, f->dflt, &v, &e) < 0)
        fault(c, key, "schema.bad_default", S(f->name), S(f->dflt));
    arena_free(&a);
}

static bool names_field(const struct kind *k, str name, enum ftype type)
{
    const struct field *f = kind_field(k, name);

    return f != NULL && f->type == type;
}

/* What names, places or orders a record is seen by all who see it; and the plan of
 * addresses reads its kinds past the fields' rights. */
static void check_read(const struct at *c, struct field *f, const struct yaml *key)
{
    const struct kind *k = c->k;
    size_t at = (size_t)(f - k->fields);
    bool shown = at == k->key_field || at == k->title_field || at == k->unit_field || at == k->via_field ||
                 str_eq(k->name, STR("prefix")) || str_eq(k->name, STR("address"));
    uint32_t bit;
    char word[COL_MAX + 2];

    for (size_t i = 0; i < f->nread; i++)
        if (role_parse(f->read_roles[i], &bit))
            f->read |= bit;
        else
            fault(c, key, "schema.no_role", S(f->read_roles[i]), S(f->name));
    if (f->nread == 0)
        return;
    for (size_t i = 0; i < k->ncolumns; i++)
        shown |= k->columns[i] == at;
    snprintf(word, sizeof(word), "{%.*s}", STR_ARGS(f->name));
    for (size_t i = 0; i < k->nfields; i++)
        shown |= str_find(k->fields[i].dflt, str_c(word)) != SIZE_MAX;
    if (shown)
        fault(c, key, "schema.read_shown", S(f->name), NULL);
}

static void check_field(const struct at *c, const struct field *f, const struct yaml *key)
{
    bool is_ref = f->type == FT_REF || f->type == FT_REFS;
    bool bounded = f->type == FT_TEXT || f->type == FT_MARKDOWN || f->type == FT_INT || f->type == FT_DECIMAL ||
                   f->type == FT_REFS;

    if (in_list(reserved, sizeof(reserved) / sizeof(reserved[0]), f->name))
        fault(c, key, "schema.reserved", S(f->name), NULL);
    if (str_eq(f->name, STR("title")) && c->k->fields[c->k->title_field].name.p != f->name.p)
        fault(c, key, "schema.reserved", S(f->name), NULL);
    if (is_ref && schema_kind(c->l->s, f->ref_kind) == NULL)
        fault(c, key, "schema.no_kind", S(f->ref_kind), S(f->name));
    if (!is_ref && f->ref_kind.n > 0)
        fault(c, key, "schema.only_for", "ref", "ref, refs");
    if (!bounded && (f->has_min || f->has_max))
        fault(c, key, "schema.only_for", "min, max", "text, markdown, int, decimal, refs");
    if (f->unique && (f->type == FT_REFS || f->type == FT_MARKDOWN || f->type == FT_JSON || f->type == FT_FILE))
        fault(c, key, "schema.only_for", "unique", "text, ref, ...");
    /* What the law has blanked leaves the field empty: there is no word that is a document. */
    if (f->type == FT_FILE && f->personal && f->required)
        fault(c, key, "schema.file_personal", S(f->name), NULL);
    if (f->within.n > 0 && (f->type != FT_IP || !names_field(c->k, f->within, FT_REF)))
        fault(c, key, "schema.only_for", "within", "ip");
    if (f->disjoint.n > 0 && (f->type != FT_PREFIX || !names_field(c->k, f->disjoint, FT_REF)))
        fault(c, key, "schema.only_for", "disjoint", "prefix");
    if (f->unless.n > 0 && (f->disjoint.n == 0 || !names_field(c->k, f->unless, FT_BOOL)))
        fault(c, key, "schema.only_for", "unless", "disjoint");
    check_default(c, f, key);
}

/* `within: prefix`: the kind that is named must have a prefix for a key. */
static void check_within(const struct at *c, const struct field *f, const struct yaml *key)
{
    const struct field *ref = f->within.n > 0 ? kind_field(c->k, f->within) : NULL;
    const struct kind *t = ref != NULL ? schema_kind(c->l->s, ref->ref_kind) : NULL;

    if (t != NULL && t->nfields > 0 && t->fields[t->key_field].type != FT_PREFIX)
        fault(c, key, "schema.only_for", "within", "prefix");
}

static void check_sql_names(const struct at *c, struct map *tables)
{
    char cols[FIELD_COLS][COL_MAX];
    struct map seen;
    bool fresh;

    map_init(&seen, 1000);
    for (size_t i = 0; i < c->k->nfields; i++) {
        const struct yaml *key = c->l->src[c->i].fields[i];
        size_t n = field_columns(&c->k->fields[i], cols);
        for (size_t j = 0; j < n; j++)
            if (map_put(&seen, str_c(cols[j]), &fresh) != NULL && !fresh)
                fault(c, key, "schema.collides", cols[j], NULL);
        if (c->k->fields[i].type == FT_REFS) {
            char table[2 * COL_MAX];
            snprintf(table, sizeof(table), "%.*s_%.*s", STR_ARGS(c->k->name), STR_ARGS(c->k->fields[i].name));
            if (map_put(tables, str_c(table), &fresh) != NULL && !fresh)
                fault(c, key, "schema.collides", table, NULL);
        }
    }
    map_done(&seen);
}

static void check_transitions(const struct at *c)
{
    const struct kind *k = c->k;
    uint32_t bit;

    for (size_t i = 0; i < k->ntransitions; i++) {
        const struct transition *t = &k->transitions[i];
        for (size_t j = 0; j < t->nroles; j++)
            if (!role_parse(t->roles[j], &bit))
                fault(c, node_of(c, "transitions"), "schema.no_role", S(t->roles[j]), S(t->name));
        for (size_t j = 0; j < i; j++)
            if (str_eq(k->transitions[j].from, t->from) && str_eq(k->transitions[j].to, t->to))
                fault(c, node_of(c, "transitions"), "schema.twice", S(t->name), NULL);
    }
}

/* Who sees a record may be told by a record it names, and so on: not in a ring. */
static void check_via_ring(const struct at *c)
{
    const struct kind *k = c->k;

    for (int steps = 0; k != NULL && k->via_field != SIZE_MAX; steps++) {
        if (steps > 8) {
            fault(c, node_of(c, "unit_via"), "schema.ring", S(c->k->name), NULL);
            return;
        }
        k = schema_kind(c->l->s, k->fields[k->via_field].ref_kind);
    }
}

/* Known when all kinds have their titles. */
static void note_ref_hosts(struct schema *s)
{
    for (size_t i = 0; i < s->nkinds; i++)
        for (size_t j = 0; j < s->kinds[i].nfields; j++) {
            struct field *f = &s->kinds[i].fields[j];
            const struct kind *t = f->ref_kind.n > 0 ? schema_kind(s, f->ref_kind) : NULL;
            f->ref_host = t != NULL && t->fields[t->title_field].type == FT_FQDN;
        }
}

void schema_check(struct loading *l)
{
    struct schema *s = l->s;
    struct map tables;
    bool fresh;
    uint64_t before = l->es->total;

    map_init(&tables, 10000);
    for (size_t i = 0; i < s->nkinds; i++) {
        struct at c = {l, i, &s->kinds[i]};
        str name = s->kinds[i].name;
        if (map_put(&tables, name, &fresh) != NULL && !fresh)
            fault(&c, NULL, "schema.twice", S(name), NULL);
        if (in_list(reserved_kinds, sizeof(reserved_kinds) / sizeof(reserved_kinds[0]), name) ||
            str_find(name, STR("_fts")) != SIZE_MAX || str_starts(name, STR("sqlite_")))
            fault(&c, NULL, "schema.reserved", S(name), NULL);
        check_heads(&c);
        check_columns_list(&c);
    }
    for (size_t i = 0; i < s->nkinds && l->es->total == before; i++) {
        struct at c = {l, i, &s->kinds[i]};
        for (size_t j = 0; j < s->kinds[i].nfields; j++) {
            check_field(&c, &s->kinds[i].fields[j], l->src[i].fields[j]);
            check_within(&c, &s->kinds[i].fields[j], l->src[i].fields[j]);
            check_read(&c, &s->kinds[i].fields[j], l->src[i].fields[j]);
        }
        check_sql_names(&c, &tables);
        check_transitions(&c);
        check_via_ring(&c);
        schema_check_life(l, i);
    }
    if (l->es->total == before)
        note_ref_hosts(s);
    map_done(&tables);
}
