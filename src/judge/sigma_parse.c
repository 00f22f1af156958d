/* A Sigma rule from YAML. Refuses what it cannot judge, with rule, line and
 * reason; keys that the standard leaves to the author are let through. Runs at
 * load; the result lives in the pack set's arena. */
#include "judge/sigma.h"
#include <errno.h>

enum { IDENTS_MAX = 500, MAPS_DEPTH = 8 };

void sigma_err(struct sigma_ctx *c, const struct yaml *at, const char *key, const char *a0, const char *a1)
{
    yaml_err(c->es, c->file, at, key, a0, a1);
}

void sigma_res_done(struct sigma_res *r)
{
    while (r->head != NULL) {
        struct sigma_re *re = r->head;
        r->head = re->next;
        pcre2_code_free(re->code);
        free(re);
    }
}

int sigma_field(struct sigma_ctx *c, str name)
{
    struct map_slot *s = c->alias == NULL ? NULL : map_get(c->alias, name);

    return names_put(c->names, s == NULL ? name : *(const str *)s->v.ptr);
}

bool sigma_is_correlation(const struct yaml *doc) { return yaml_get(doc, "correlation") != NULL; }

/* ---- search identifiers ---- */

static struct snode *item_node(struct sigma_ctx *c, const struct sitem *it)
{
    struct snode *s = snode_new(c->a, SN_ITEM, 0);

    if (s == NULL || (s->item = arena_new(c->a, struct sitem)) == NULL)
        return NULL;
    *s->item = *it;
    return s;
}

static struct snode *keyword_node(struct sigma_ctx *c, const struct yaml *v)
{
    struct sitem it;

    return sigma_keywords(c, v, &it) ? item_node(c, &it) : NULL;
}

static struct snode *map_node(struct sigma_ctx *c, const struct yaml *map)
{
    struct snode *s = snode_new(c->a, SN_AND, map->n + 1);
    bool good = s != NULL;

    if (map->n == 0) {
        sigma_err(c, map, "judge.sigma_empty", NULL, NULL);
        return NULL;
    }
    for (size_t i = 0; s != NULL && i < map->n; i++) {
        struct sitem it;
        if (!sigma_item(c, map->keys[i], map->items[i], &it)) {
            good = false;
            continue;
        }
        s->kids[s->n] = item_node(c, &it);
        good = good && s->kids[s->n++] != NULL;
    }
    return good ? s : NULL;
}

static bool all_plain(const struct yaml *list)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->items[i]->kind == YAML_MAP || list->items[i]->kind == YAML_LIST)
            return false;
    return true;
}

static struct snode *search_node(struct sigma_ctx *c, const struct yaml *v)
{
    if (v->kind == YAML_MAP)
        return map_node(c, v);
    if (v->kind == YAML_SCALAR || (v->kind == YAML_LIST && v->n > 0 && all_plain(v)))
        return keyword_node(c, v);
    if (v->kind != YAML_LIST || v->n == 0) {
        sigma_err(c, v, "judge.sigma_empty", NULL, NULL);
        return NULL;
    }
    struct snode *s = snode_new(c->a, SN_OR, v->n);
    bool good = s != NULL;
    for (size_t i = 0; s != NULL && i < v->n; i++) {
        const struct yaml *one = v->items[i];
        s->kids[s->n] = one->kind == YAML_MAP ? map_node(c, one) : keyword_node(c, one);
        good = good && s->kids[s->n++] != NULL;
    }
    return good ? s : NULL;
}

/* The standard has letters, digits, _ and -; public rules also use a dot, which
 * a pattern in the condition can reach. */
static bool ident_name_good(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        bool word = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');
        if (!word && ch != '_' && ch != '-' && ch != '.')
            return false;
    }
    return s.n > 0;
}

static bool parse_idents(struct sigma_ctx *c, const struct yaml *det, struct sident *ids, size_t *n)
{
    bool good = true;

    for (size_t i = 0; i < det->n; i++) {
        str name = det->keys[i]->text;
        if (str_eq(name, STR("condition")))
            continue;
        if (str_eq(name, STR("timeframe"))) {
            sigma_err(c, det->keys[i], "judge.sigma_timeframe", NULL, NULL);
            good = false;
            continue;
        }
        if (!ident_name_good(name) || *n == IDENTS_MAX) {
            sigma_err(c, det->keys[i], "judge.sigma_identifier", S(name), NULL);
            good = false;
            continue;
        }
        ids[*n] = (struct sident){name, search_node(c, det->items[i])};
        good = ids[(*n)++].node != NULL && good;
    }
    return good;
}

/* A list of conditions is any of them. */
static struct snode *parse_conditions(struct sigma_ctx *c, const struct yaml *cond, const struct sident *ids, size_t n)
{
    if (cond->kind == YAML_SCALAR)
        return sigma_condition(c, cond, cond->text, ids, n);
    struct snode *s = cond->kind == YAML_LIST && cond->n > 0 ? snode_new(c->a, SN_OR, cond->n) : NULL;
    if (s == NULL) {
        sigma_err(c, cond, "judge.sigma_no_condition", NULL, NULL);
        return NULL;
    }
    bool good = true;
    for (size_t i = 0; i < cond->n; i++) {
        const struct yaml *one = cond->items[i];
        s->kids[s->n] = one->kind == YAML_SCALAR ? sigma_condition(c, one, one->text, ids, n) : NULL;
        if (one->kind != YAML_SCALAR)
            sigma_err(c, one, "judge.sigma_no_condition", NULL, NULL);
        good = s->kids[s->n++] != NULL && good;
    }
    return good ? s : NULL;
}

static bool parse_detection(struct sigma_ctx *c, const struct yaml *doc, struct sigma_rule *out)
{
    const struct yaml *det = yaml_get(doc, "detection"), *cond = yaml_get(det, "condition");
    size_t n = 0;

    if (det == NULL || det->kind != YAML_MAP) {
        sigma_err(c, doc, "judge.sigma_missing", "detection", NULL);
        return false;
    }
    struct sident *ids = arena_array(c->a, struct sident, det->n + 1);
    if (ids == NULL)
        return false;
    bool good = parse_idents(c, det, ids, &n);
    if (cond == NULL) {
        sigma_err(c, det, "judge.sigma_missing", "condition", NULL);
        return false;
    }
    /* With a broken identifier the condition is still checked for its own mistakes. */
    for (size_t i = 0; i < n; i++)
        if (ids[i].node == NULL)
            ids[i].node = snode_new(c->a, SN_OR, 0);
    out->cond = parse_conditions(c, cond, ids, n);
    return good && out->cond != NULL;
}

/* ---- the rule ---- */

static bool parse_logsource(struct sigma_ctx *c, const struct yaml *doc, struct logsource *out)
{
    const struct yaml *ls = yaml_get(doc, "logsource");

    if (ls == NULL || ls->kind != YAML_MAP || ls->n == 0) {
        sigma_err(c, ls == NULL ? doc : ls, "judge.sigma_missing", "logsource", NULL);
        return false;
    }
    for (size_t i = 0; i < ls->n; i++) {
        str key = ls->keys[i]->text;
        const struct yaml *v = ls->items[i];
        str *to = str_eq(key, STR("category"))  ? &out->category
                  : str_eq(key, STR("product")) ? &out->product
                  : str_eq(key, STR("service")) ? &out->service
                                                : NULL;
        if (to == NULL) {
            out->custom = out->custom || !str_eq(key, STR("definition"));
        } else if (v->kind == YAML_SCALAR) {
            *to = v->text;
        } else {
            sigma_err(c, v, "judge.sigma_value", "logsource", NULL);
            return false;
        }
    }
    return true;
}

int sigma_parse(struct sigma_ctx *c, const struct yaml *doc, str text, struct sigma_rule *out)
{
    static const char *const foreign[] = {"action", "filter", "correlation"};
    uint64_t before = c->es->total;
    bool good = true;

    *out = (struct sigma_rule){.file = c->file, .line = doc->line, .text = text};
    if (doc->kind != YAML_MAP) {
        sigma_err(c, doc, "judge.not_a_map", NULL, NULL);
        return -EBADMSG;
    }
    for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++)
        if (yaml_get(doc, foreign[i]) != NULL) {
            sigma_err(c, doc, "judge.sigma_document", foreign[i], NULL);
            return -EBADMSG;
        }
    out->id = yaml_text(doc, "id");
    out->name = yaml_text(doc, "name");
    out->title = yaml_text(doc, "title");
    out->level = yaml_text(doc, "level");
    out->author = yaml_text(doc, "author");
    if (out->title.n == 0) {
        sigma_err(c, doc, "judge.sigma_missing", "title", NULL);
        good = false;
    }
    good = parse_logsource(c, doc, &out->source) && good;
    good = parse_detection(c, doc, out) && good;
    if (!good && c->es->total == before) /* nothing was told: the arena ended */
        sigma_err(c, doc, "judge.too_big", NULL, NULL);
    return good ? 0 : -EBADMSG;
}
