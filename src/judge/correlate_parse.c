/* Sigma correlation documents. What can only be judged when a window closes
 * (fewer than n, not n) is refused with that reason. Names of rules are
 * resolved once every file is read. Runs at load. */
#include "judge/correlate.h"
#include "base/clock.h"
#include "judge/near.h"
#include <errno.h>

bool timespan_parse(str s, int64_t *ns)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {
        {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}, {'M', 30 * 86400}, {'y', 365 * 86400},
    };
    int64_t n;

    if (s.n < 2 || s.n > 8 || !str_i64(str_sub(s, 0, s.n - 1), &n) || n <= 0)
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
        if (units[i].unit == s.p[s.n - 1] && n <= 400 * 86400 / units[i].seconds) {
            *ns = n * units[i].seconds * NS_PER_S;
            return true;
        }
    return false;
}

static bool parse_type(struct sigma_ctx *c, const struct yaml *corr, struct corr_rule *out)
{
    static const struct {
        const char *name;
        enum corr_type type;
    } types[] = {
        {"event_count", CT_EVENT_COUNT},
        {"value_count", CT_VALUE_COUNT},
        {"temporal", CT_TEMPORAL},
        {"temporal_ordered", CT_TEMPORAL_ORDERED},
    };
    const struct yaml *y = yaml_get(corr, "type");

    for (size_t i = 0; y != NULL && i < sizeof(types) / sizeof(*types); i++)
        if (str_eq(y->text, str_c(types[i].name))) {
            out->type = types[i].type;
            return true;
        }
    sigma_err(c, y == NULL ? corr : y, "judge.corr_type", y == NULL ? "" : S(y->text), NULL);
    return false;
}

static bool parse_refs(struct sigma_ctx *c, const struct yaml *corr, struct corr_rule *out)
{
    const struct yaml *y = yaml_get(corr, "rules");
    bool list = y != NULL && y->kind == YAML_LIST;
    size_t n = list ? y->n : y != NULL && y->kind == YAML_SCALAR ? 1 : 0;

    if (n == 0 || n > CORR_REFS) {
        sigma_err(c, y == NULL ? corr : y, "judge.corr_rules", N(CORR_REFS), NULL);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const struct yaml *one = list ? y->items[i] : y;
        out->ref[i] = (struct corr_ref){.name = one->text, .line = one->line, .col = one->col, .rule = -1, .corr = -1};
    }
    out->nrefs = n;
    return true;
}

static bool parse_fields(struct sigma_ctx *c, const struct yaml *y, int *ids, str *names, size_t *n)
{
    bool list = y != NULL && y->kind == YAML_LIST;
    size_t count = y == NULL || y->kind == YAML_NULL ? 0 : list ? y->n : 1;

    if (count > CORR_GROUP) {
        sigma_err(c, y, "judge.corr_group", N(CORR_GROUP), NULL);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct yaml *one = list ? y->items[i] : y;
        ids[i] = one->kind == YAML_SCALAR ? sigma_field(c, one->text) : -1;
        if (ids[i] < 0) {
            sigma_err(c, one, "judge.not_text", "group-by", NULL);
            return false;
        }
        if (names != NULL)
            names[i] = one->text;
    }
    *n = count;
    return true;
}

/* aliases: {name: {rule: field}}: a name of group-by that each rule calls otherwise. */
static bool parse_aliases(struct sigma_ctx *c, const struct yaml *corr, struct corr_rule *out)
{
    const struct yaml *all = yaml_get(corr, "aliases");

    for (size_t r = 0; r < out->nrefs; r++)
        memcpy(out->ref[r].group, out->group, sizeof(out->group));
    for (size_t i = 0; all != NULL && all->kind == YAML_MAP && i < all->n; i++) {
        const struct yaml *per = all->items[i];
        for (size_t g = 0; g < out->ngroup; g++)
            for (size_t k = 0; str_eq(out->group_name[g], all->keys[i]->text) && per->kind == YAML_MAP && k < per->n;
                 k++)
                for (size_t r = 0; r < out->nrefs; r++)
                    if (str_eq(per->keys[k]->text, out->ref[r].name))
                        out->ref[r].group[g] = sigma_field(c, per->items[k]->text);
    }
    if (all != NULL && all->kind != YAML_MAP) {
        sigma_err(c, all, "judge.not_a_map", "aliases", NULL);
        return false;
    }
    return true;
}

static bool bound(struct sigma_ctx *c, str op, const struct yaml *v, struct corr_rule *out)
{
    int64_t n;

    if (!yaml_int(v, &n) || n < 0 || n > CORR_THRESHOLD_MAX) {
        sigma_err(c, v, "judge.corr_number", N(CORR_THRESHOLD_MAX), NULL);
        return false;
    }
    if (str_eq(op, STR("gte")))
        out->lo = (uint32_t)n;
    else if (str_eq(op, STR("gt")))
        out->lo = (uint32_t)n + 1;
    else if (str_eq(op, STR("lte")))
        out->hi = (uint32_t)n;
    else
        out->hi = n > 0 ? (uint32_t)n - 1 : 0;
    return true;
}

static bool parse_condition(struct sigma_ctx *c, const struct yaml *corr, struct corr_rule *out)
{
    static const char *const keys[] = {"gt", "gte", "lt", "lte", "eq", "neq", "field", NULL};
    const struct yaml *y = yaml_get(corr, "condition");
    bool counts = out->type == CT_EVENT_COUNT || out->type == CT_VALUE_COUNT, good = true;

    out->hi = UINT32_MAX;
    if (!counts && y == NULL) {
        out->lo = (uint32_t)out->nrefs;
        return true;
    }
    if (y == NULL || y->kind != YAML_MAP) {
        sigma_err(c, y == NULL ? corr : y, "judge.corr_condition", NULL, NULL);
        return false;
    }
    good = near_only(c->es, c->file, y, keys);
    for (size_t i = 0; good && i < y->n; i++) {
        str op = y->keys[i]->text;
        if (str_eq(op, STR("eq")) || str_eq(op, STR("neq"))) {
            sigma_err(c, y->keys[i], "judge.corr_closing", S(op), NULL);
            good = false;
        } else if (!str_eq(op, STR("field"))) {
            good = bound(c, op, y->items[i], out);
        }
    }
    if (good && out->lo == 0) {
        sigma_err(c, y, "judge.corr_closing", "lt, lte", NULL);
        return false;
    }
    if (good && out->hi < out->lo) {
        sigma_err(c, y, "judge.corr_range", NULL, NULL);
        return false;
    }
    if (out->type == CT_VALUE_COUNT) {
        good = parse_fields(c, yaml_get(y, "field"), out->value, NULL, &out->nvalue) && good;
        if (good && out->nvalue == 0) {
            sigma_err(c, y, "judge.missing", "field", NULL);
            return false;
        }
    }
    return good;
}

int corr_parse(struct sigma_ctx *c, const struct yaml *doc, str text, struct corr_rule *out)
{
    static const char *const keys[] = {"type",      "rules",   "group-by", "timespan",
                                       "condition", "aliases", "generate", NULL};
    const struct yaml *corr = yaml_get(doc, "correlation"), *span = yaml_get(corr, "timespan");
    uint64_t before = c->es->total;

    *out = (struct corr_rule){.file = c->file, .line = doc->line, .text = text};
    if (corr->kind != YAML_MAP) {
        sigma_err(c, corr, "judge.not_a_map", "correlation", NULL);
        return -EBADMSG;
    }
    bool good = near_only(c->es, c->file, corr, keys);
    out->id = yaml_text(doc, "id");
    out->name = yaml_text(doc, "name");
    out->title = yaml_text(doc, "title");
    if (out->title.n == 0) {
        sigma_err(c, doc, "judge.sigma_missing", "title", NULL);
        good = false;
    }
    good = parse_type(c, corr, out) && good;
    good = parse_refs(c, corr, out) && good;
    good = parse_fields(c, yaml_get(corr, "group-by"), out->group, out->group_name, &out->ngroup) && good;
    good = good && parse_aliases(c, corr, out);
    if (span == NULL || !timespan_parse(span->text, &out->span_ns)) {
        sigma_err(c, span == NULL ? corr : span, "judge.corr_timespan", span == NULL ? "" : S(span->text), NULL);
        good = false;
    }
    good = parse_condition(c, corr, out) && good;
    if (yaml_get(corr, "generate") != NULL && !yaml_bool(yaml_get(corr, "generate"), &out->generate)) {
        sigma_err(c, yaml_get(corr, "generate"), "judge.not_bool", "generate", NULL);
        good = false;
    }
    if (!good && c->es->total == before)
        sigma_err(c, doc, "judge.too_big", NULL, NULL);
    return good ? 0 : -EBADMSG;
}
