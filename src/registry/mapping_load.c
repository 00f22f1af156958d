/* Reads a mapping file. All mistakes in one pass, each with line and column. */
#include "registry/mapping-int.h"
#include "base/text.h"
#include "base/yaml.h"
#include "registry/schema-int.h"
#include <errno.h>

struct loader {
    struct arena *a;
    const struct schema *sc;
    const char *name;
    struct errs *es;
    struct mapping *m;
};

static const char *const top_keys[] = {"map", "label", "parameters", "empty", "tables", "sources", NULL};
static const char *const source_keys[] = {"name", "has", "skip", "records", NULL};
static const char *const record_keys[] = {"kind", "missing", "when", "fields", NULL};
static const char *const param_keys[] = {"vi", "en", "default", NULL};
static const char *const rule_keys[] = {"from", "value",   "table", "else", "as", "by",
                                        "cut",  "default", "split", "part", NULL};
static const struct {
    const char *name;
    enum map_as as;
} ways[] = {{"code", AS_CODE}, {"upper", AS_UPPER},     {"lower", AS_LOWER},
            {"host", AS_HOST}, {"network", AS_NETWORK}, {"prefix", AS_PREFIX}};

static void fault(struct loader *l, const struct yaml *at, const char *key, const char *a0, const char *a1)
{
    yaml_err(l->es, l->name, at, key, a0, a1);
}

static const struct yaml *want(struct loader *l, const struct yaml *at, const struct yaml *y, enum yaml_kind kind,
                               size_t max)
{
    if (y != NULL && y->kind == kind && y->n <= max)
        return y;
    fault(l, y != NULL ? y : at, kind == YAML_LIST ? "registry.map_want_list" : "registry.map_want_map",
          err_n((int64_t)max), NULL);
    return NULL;
}

/* A text, or a list of texts. */
static str *texts(struct loader *l, const struct yaml *y, size_t max, size_t *n)
{
    *n = 0;
    if (y == NULL || y->kind == YAML_NULL)
        return NULL;
    size_t have = y->kind == YAML_LIST ? y->n : 1;
    str *out = arena_array(l->a, str, have + 1);
    if (y->kind == YAML_MAP || have > max || out == NULL) {
        fault(l, y, "registry.map_want_list", err_n((int64_t)max), NULL);
        return NULL;
    }
    for (size_t i = 0; i < have; i++) {
        const struct yaml *item = y->kind == YAML_LIST ? y->items[i] : y;
        if (item->kind != YAML_SCALAR)
            fault(l, item, "registry.map_want_text", NULL, NULL);
        else
            out[(*n)++] = item->text;
    }
    return out;
}

static size_t param_at(const struct mapping *m, str name)
{
    for (size_t i = 0; i < m->nparams; i++)
        if (str_eq(m->params[i].name, name))
            return i;
    return SIZE_MAX;
}

/* {.unit} must be a field of the kind that stands above in the same record. */
static bool field_before(const struct map_record *r, str name, size_t *at)
{
    for (size_t i = 0; r != NULL && i < r->nrules; i++)
        if (r->rules[i].field >= 0 && str_eq(r->k->fields[r->rules[i].field].name, name)) {
            *at = (size_t)r->rules[i].field;
            return true;
        }
    return false;
}

static struct map_piece piece(struct loader *l, const struct yaml *y, str in, const struct map_record *r)
{
    struct map_piece p = {.type = PIECE_COLUMN, .text = in};

    if (str_starts(in, STR("."))) {
        p.type = PIECE_FIELD;
        if (!field_before(r, str_sub(in, 1, SIZE_MAX), &p.at))
            fault(l, y, "registry.map_field_before", S(str_sub(in, 1, SIZE_MAX)), NULL);
    } else if (str_starts(in, STR("$"))) {
        p.type = PIECE_PARAM;
        p.at = param_at(l->m, str_sub(in, 1, SIZE_MAX));
        if (p.at == SIZE_MAX)
            fault(l, y, "registry.map_param_unknown", S(str_sub(in, 1, SIZE_MAX)), NULL);
    }
    return p;
}

static struct map_template template_of(struct loader *l, const struct yaml *y, const struct map_record *r)
{
    struct map_template t = {arena_array(l->a, struct map_piece, MAP_FROM), 0};
    str rest = y->text;

    if (y->kind != YAML_SCALAR || t.v == NULL) {
        fault(l, y, "registry.map_want_text", NULL, NULL);
        return t;
    }
    while (rest.n > 0 && t.n + 1 < MAP_FROM) {
        size_t open = str_find(rest, STR("{")), close = str_find(rest, STR("}"));
        if (open != SIZE_MAX && (close == SIZE_MAX || close < open)) {
            fault(l, y, "registry.map_bracket", S(y->text), NULL);
            return t;
        }
        if (open != 0)
            t.v[t.n++] = (struct map_piece){.type = PIECE_TEXT, .text = str_sub(rest, 0, open)};
        if (open == SIZE_MAX)
            return t;
        t.v[t.n++] = piece(l, y, str_sub(rest, open + 1, close - open - 1), r);
        rest = str_sub(rest, close + 1, SIZE_MAX);
    }
    if (rest.n > 0)
        fault(l, y, "registry.map_long", S(y->text), NULL);
    return t;
}

/* from: a column, a template, or a list of which the first that is filled counts. */
static void read_from(struct loader *l, const struct yaml *y, const struct map_record *r, struct map_rule *out)
{
    size_t n = y->kind == YAML_LIST ? y->n : 1;

    if (n > MAP_FROM || y->kind == YAML_MAP || y->kind == YAML_NULL) {
        fault(l, y, "registry.map_want_list", err_n(MAP_FROM), NULL);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const struct yaml *item = y->kind == YAML_LIST ? y->items[i] : y;
        struct map_template t = {arena_array(l->a, struct map_piece, 1), 1};
        if (t.v == NULL)
            return;
        if (str_find(item->text, STR("{")) != SIZE_MAX)
            t = template_of(l, item, r);
        else
            t.v[0] = (struct map_piece){.type = PIECE_COLUMN, .text = item->text};
        out->from[out->nfrom++] = t;
    }
}

static void read_way(struct loader *l, const struct yaml *y, struct map_rule *out)
{
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        if (str_eq(y->text, str_c(ways[i].name))) {
            out->as = ways[i].as;
            return;
        }
    fault(l, y, "registry.map_as", S(y->text), "code, upper, lower, host, network, prefix");
}

static void read_table_use(struct loader *l, const struct yaml *y, const struct yaml *otherwise, struct map_rule *out)
{
    for (size_t i = 0; i < l->m->ntables; i++)
        if (str_eq(l->m->tables[i].name, y->text))
            out->table = &l->m->tables[i];
    if (out->table == NULL)
        fault(l, y, "registry.map_table", S(y->text), NULL);
    if (otherwise == NULL)
        return;
    bool keep = str_eq(otherwise->text, STR("$keep")), empty = str_eq(otherwise->text, STR("$empty"));
    out->otherwise = keep ? ELSE_KEEP : empty ? ELSE_EMPTY : ELSE_VALUE;
    out->otherwise_value = otherwise->text;
}

static void read_rule_map(struct loader *l, const struct yaml *y, const struct map_record *r, struct map_rule *out)
{
    const struct yaml *from = yaml_get(y, "from"), *value = yaml_get(y, "value"), *dflt = yaml_get(y, "default"),
                      *table = yaml_get(y, "table"), *as = yaml_get(y, "as"), *by = yaml_get(y, "by"),
                      *part = yaml_get(y, "part"), *split = yaml_get(y, "split"), *cut = yaml_get(y, "cut");

    yaml_only(l->es, l->name, y, rule_keys);
    if ((from == NULL) == (value == NULL))
        fault(l, y, "registry.map_rule", NULL, NULL);
    if (from != NULL)
        read_from(l, from, r, out);
    if ((out->has_value = value != NULL))
        out->value = template_of(l, value, r);
    if ((out->has_dflt = dflt != NULL))
        out->dflt = template_of(l, dflt, r);
    if (as != NULL)
        read_way(l, as, out);
    if (table != NULL)
        read_table_use(l, table, yaml_get(y, "else"), out);
    out->by_name = by != NULL;
    bool refers = out->field >= 0 && (r->k->fields[out->field].type == FT_REF || (size_t)out->field == r->k->key_field);
    if (by != NULL && (!refers || !str_eq(by->text, STR("name"))))
        fault(l, by, "registry.map_by", S(by->text), NULL);
    out->part = 1;
    if (part != NULL && (!yaml_int(part, &out->part) || out->part == 0))
        fault(l, part, "registry.map_part", S(part->text), NULL);
    if (split != NULL && split->text.n != 1)
        fault(l, split, "registry.map_split", S(split->text), NULL);
    else if (split != NULL)
        out->split = split->text.p[0];
    if (cut != NULL && !yaml_bool(cut, &out->cut))
        fault(l, cut, "registry.map_bool", S(cut->text), NULL);
}

static void read_fields(struct loader *l, const struct yaml *at, const struct yaml *y, struct map_record *r)
{
    bool key = false;

    if (want(l, at, y, YAML_MAP, MAP_FIELDS) == NULL)
        return;
    r->rules = arena_array(l->a, struct map_rule, y->n + 1);
    for (size_t i = 0; i < y->n && r->rules != NULL; i++) {
        struct map_rule rule = {.field = -1};
        size_t f = kind_field_at(r->k, y->keys[i]->text);
        if (f == SIZE_MAX && !str_eq(y->keys[i]->text, STR("state"))) {
            fault(l, y->keys[i], "registry.map_field", S(y->keys[i]->text), S(r->k->name));
            continue;
        }
        rule.field = f == SIZE_MAX ? -1 : (int)f;
        key |= f == r->k->key_field;
        if (y->items[i]->kind == YAML_MAP)
            read_rule_map(l, y->items[i], r, &rule);
        else
            read_from(l, y->items[i], r, &rule);
        r->rules[r->nrules++] = rule;
    }
    const struct field *kf = &r->k->fields[r->k->key_field];
    if (!key && kf->dflt.n == 0)
        fault(l, y, "registry.map_no_key", S(kf->name), S(r->k->name));
}

static void read_record(struct loader *l, const struct yaml *y, struct map_source *s)
{
    struct map_record r = {0};
    str kind = yaml_text(y, "kind");

    if (want(l, y, y, YAML_MAP, 8) == NULL)
        return;
    yaml_only(l->es, l->name, y, record_keys);
    r.k = schema_kind(l->sc, kind);
    if (r.k == NULL) {
        const struct yaml *at = yaml_get(y, "kind");
        fault(l, at != NULL ? at : y, "registry.map_kind", S(kind), NULL);
        return;
    }
    const struct yaml *missing = yaml_get(y, "missing");
    if (missing != NULL && !yaml_bool(missing, &r.missing))
        fault(l, missing, "registry.map_bool", S(missing->text), NULL);
    r.when = texts(l, yaml_get(y, "when"), MAP_FROM, &r.nwhen);
    read_fields(l, y, yaml_get(y, "fields"), &r);
    s->records[s->nrecords++] = r;
}

static void read_source(struct loader *l, const struct yaml *y)
{
    struct map_source *s = &l->m->sources[l->m->nsources];
    const struct yaml *records = yaml_get(y, "records"), *skip = yaml_get(y, "skip");

    if (want(l, y, y, YAML_MAP, 8) == NULL)
        return;
    yaml_only(l->es, l->name, y, source_keys);
    s->name = yaml_text(y, "name");
    s->has = texts(l, yaml_get(y, "has"), MAP_FIELDS, &s->nhas);
    if (s->name.n == 0 || s->nhas == 0)
        fault(l, y, "registry.map_source", NULL, NULL);
    if (skip != NULL && want(l, y, skip, YAML_MAP, MAP_FIELDS) != NULL) {
        s->skips = arena_array(l->a, struct map_skip, skip->n + 1);
        for (size_t i = 0; i < skip->n && s->skips != NULL; i++)
            s->skips[s->nskips++] = (struct map_skip){skip->keys[i]->text, skip->items[i]->text};
    }
    records = want(l, y, records, YAML_LIST, MAP_RECORDS);
    s->records = arena_array(l->a, struct map_record, MAP_RECORDS);
    for (size_t i = 0; records != NULL && s->records != NULL && i < records->n; i++)
        read_record(l, records->items[i], s);
    l->m->nsources++;
}

static void read_params(struct loader *l, const struct yaml *y)
{
    for (size_t i = 0; y != NULL && i < y->n; i++) {
        struct map_param *p = &l->m->params[l->m->nparams++];
        const struct yaml *v = y->items[i];
        yaml_only(l->es, l->name, v, param_keys);
        *p = (struct map_param){y->keys[i]->text, yaml_text(v, "default"), {yaml_text(v, "vi"), yaml_text(v, "en")}};
        if (p->label.vi.n == 0 || p->label.en.n == 0)
            fault(l, y->keys[i], "schema.two_languages", NULL, NULL);
    }
}

static void read_tables(struct loader *l, const struct yaml *y)
{
    l->m->tables = y != NULL ? arena_array(l->a, struct map_table, y->n + 1) : NULL;
    for (size_t i = 0; l->m->tables != NULL && i < y->n; i++) {
        const struct yaml *v = want(l, y->keys[i], y->items[i], YAML_MAP, 10000);
        struct map_table *t = &l->m->tables[l->m->ntables++];
        t->name = y->keys[i]->text;
        t->n = v != NULL ? v->n : 0;
        t->from = arena_array(l->a, str, t->n + 1);
        t->to = arena_array(l->a, str, t->n + 1);
        for (size_t j = 0; t->from != NULL && t->to != NULL && j < t->n; j++) {
            t->from[j] = text_fold(l->a, v->keys[j]->text);
            t->to[j] = v->items[j]->text;
        }
    }
}

static void read_all(struct loader *l, const struct yaml *top)
{
    const struct yaml *params = yaml_get(top, "parameters"), *tables = yaml_get(top, "tables"),
                      *sources = yaml_get(top, "sources"), *label = yaml_get(top, "label");

    yaml_only(l->es, l->name, top, top_keys);
    l->m->name = yaml_text(top, "map");
    l->m->label = (struct label){yaml_text(label, "vi"), yaml_text(label, "en")};
    if (l->m->label.vi.n == 0 || l->m->label.en.n == 0)
        fault(l, label != NULL ? label : top, "schema.two_languages", NULL, NULL);
    l->m->empty = texts(l, yaml_get(top, "empty"), MAP_FIELDS, &l->m->nempty);
    if (params != NULL)
        read_params(l, want(l, top, params, YAML_MAP, MAP_PARAMS));
    if (tables != NULL)
        read_tables(l, want(l, top, tables, YAML_MAP, 256));
    sources = want(l, top, sources, YAML_LIST, MAP_SOURCES);
    l->m->sources = arena_array(l->a, struct map_source, MAP_SOURCES);
    for (size_t i = 0; sources != NULL && l->m->sources != NULL && i < sources->n; i++)
        read_source(l, sources->items[i]);
}

int mapping_parse(struct arena *a, const struct schema *sc, str text, const char *name, struct mapping **out,
                  struct errs *es)
{
    struct loader l = {.a = a, .sc = sc, .name = name, .es = es, .m = arena_new(a, struct mapping)};
    struct yaml **docs;
    size_t ndocs = 0;
    uint64_t before = es->total;

    if (l.m == NULL || yaml_parse(a, text, name, &docs, &ndocs, es) < 0)
        return -EBADMSG;
    if (ndocs != 1 || docs[0]->kind != YAML_MAP)
        fault(&l, ndocs > 0 ? docs[0] : NULL, "registry.map_want_map", err_n(8), NULL);
    else
        read_all(&l, docs[0]);
    if (es->total > before || a->failed)
        return -EBADMSG;
    *out = l.m;
    return 0;
}
