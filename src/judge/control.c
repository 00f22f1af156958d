/* Controls: one YAML document, one check. Tables say which keys each kind
 * takes. Runs at load. */
#include "judge/pack.h"
#include "base/buf.h"
#include "base/clock.h"
#include "judge/near.h"

static const char *const common_keys[] = {"id",     "kind", "clauses", "severity", "title",
                                          "remedy", "why",  "message", "default",  NULL};
static const char *const state_keys[] = {"subject", "freshness", "params", "applies", "query", NULL};
static const char *const event_keys[] = {"sigma", "rule", "rules", "subject_field", "quiet", "params", NULL};
static const char *const duty_keys[] = {"period", "due",   "before", "anchor", "notice",
                                        "per",    "where", "done",   "params", NULL};
static const char *const *const kind_keys[] = {state_keys, event_keys, duty_keys};

static int word_index(str s, const char *const *words)
{
    for (int i = 0; words[i] != NULL; i++)
        if (str_eq(s, str_c(words[i])))
            return i;
    return -1;
}

static bool load_word(struct loader *l, const struct yaml *doc, const char *key, const char *const *words, int *out)
{
    str s = STR_NONE;

    if (!load_text(l, doc, key, true, &s))
        return false;
    if ((*out = word_index(s, words)) < 0) {
        const char *near = near_word(s, words);
        return load_err(l, yaml_get(doc, key), near == NULL ? "judge.word" : "judge.word_near", S(s),
                        near == NULL ? key : near);
    }
    return true;
}

/* ---- parameters and SQL ---- */

static bool param_name_good(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || s.p[i] == '_' || (i > 0 && s.p[i] >= '0' && s.p[i] <= '9')))
            return false;
    return s.n > 0 && s.n < 60;
}

/* A duration becomes seconds; a month counts 30 days there. */
static void param_value(const struct yaml *y, struct param *p)
{
    struct duration d;
    char z[64], *end;

    if (!y->quoted && duration_parse(y->text, &d)) {
        p->type = PARAM_INT;
        p->i = ((int64_t)d.months * 30 + d.days) * 86400 + d.seconds;
    } else if (yaml_int(y, &p->i)) {
        p->type = PARAM_INT;
    } else {
        p->type = PARAM_TEXT;
        p->text = y->text;
        if (!y->quoted && y->text.n > 0 && y->text.n < sizeof(z)) {
            memcpy(z, y->text.p, y->text.n);
            z[y->text.n] = '\0';
            p->r = strtod(z, &end);
            if (*end == '\0')
                p->type = PARAM_REAL;
        }
    }
}

bool load_params(struct loader *l, const struct yaml *map, struct control *c)
{
    const struct yaml *y = yaml_get(map, "params");
    bool good = true;

    if (y == NULL)
        return true;
    if (y->kind != YAML_MAP || y->n > 32)
        return load_err(l, y, "judge.not_a_map", "params", NULL);
    c->params = arena_array(&l->p->a, struct param, y->n + 1);
    for (size_t i = 0; c->params != NULL && i < y->n; i++) {
        struct param *p = &c->params[c->nparams];
        if (!param_name_good(y->keys[i]->text) || y->items[i]->kind != YAML_SCALAR) {
            good = load_err(l, y->keys[i], "judge.param", S(y->keys[i]->text), NULL);
            continue;
        }
        p->name = arena_cstr(&l->p->a, y->keys[i]->text);
        param_value(y->items[i], p);
        c->nparams += p->name != NULL ? 1 : 0;
    }
    return good && c->params != NULL;
}

/* Skips a text, a quoted name or a comment that begins at i. */
static size_t sql_skip(str s, size_t i)
{
    char ch = s.p[i], next = i + 1 < s.n ? s.p[i + 1] : '\0';
    size_t at;

    if (ch == '\'' || ch == '"' || ch == '`') {
        at = str_find(str_sub(s, i + 1, s.n), (str){&s.p[i], 1});
        return at == SIZE_MAX ? s.n : i + at + 2;
    }
    if (ch == '-' && next == '-') {
        at = str_find(str_sub(s, i, s.n), STR("\n"));
        return at == SIZE_MAX ? s.n : i + at;
    }
    if (ch == '/' && next == '*') {
        at = str_find(str_sub(s, i + 2, s.n), STR("*/"));
        return at == SIZE_MAX ? s.n : i + at + 4;
    }
    return i;
}

static bool param_known(const struct control *c, const char *const *more, str name)
{
    static const char *const always[] = {"now", "today", "year", NULL};

    for (size_t i = 0; i < c->nparams; i++)
        if (str_eq(name, str_c(c->params[i].name)))
            return true;
    return word_index(name, always) >= 0 || (more != NULL && word_index(name, more) >= 0);
}

/* An unknown parameter would be NULL and quietly make a check pass. */
static bool sql_params_known(struct loader *l, const struct yaml *at, const struct control *c, const char *const *more)
{
    str s = at->text;

    for (size_t i = 0; i < s.n; i++) {
        size_t past = sql_skip(s, i);
        if (past != i) {
            i = past - 1;
            continue;
        }
        if (s.p[i] != ':' && s.p[i] != '?' && s.p[i] != '@' && s.p[i] != '$')
            continue;
        size_t n = 0;
        while (i + 1 + n < s.n &&
               (s.p[i + 1 + n] == '_' || (s.p[i + 1 + n] >= '0' && s.p[i + 1 + n] <= '9') ||
                (s.p[i + 1 + n] >= 'a' && s.p[i + 1 + n] <= 'z') || (s.p[i + 1 + n] >= 'A' && s.p[i + 1 + n] <= 'Z')))
            n++;
        str name = str_sub(s, i + 1, n);
        if (s.p[i] != ':' || !param_known(c, more, name))
            return load_err(l, at, "judge.sql_param", S(str_sub(s, i, n + 1)), NULL);
        i += n;
    }
    return true;
}

bool load_sql(struct loader *l, const struct yaml *map, const char *key, bool required, const struct control *c,
              const char *const *more, char **out, uint32_t *line)
{
    const struct yaml *y = yaml_get(map, key);
    str text = STR_NONE;

    if (!load_text(l, map, key, required, &text))
        return false;
    if (text.n == 0)
        return !required || load_err(l, y, "judge.missing", key, NULL);
    if (memchr(text.p, '\0', text.n) != NULL || text.n > 100000)
        return load_err(l, y, "judge.too_big", key, NULL);
    *out = arena_cstr(&l->p->a, str_trim(text));
    *line = y->line;
    return *out != NULL && sql_params_known(l, y, c, more);
}

/* ---- the kinds ---- */

static bool load_state(struct loader *l, const struct yaml *doc, struct control *c)
{
    const struct yaml *fresh = yaml_get(doc, "freshness");
    struct state_spec *s = &c->state;

    bool good = load_text(l, doc, "subject", true, &s->subject);
    if (fresh != NULL) {
        s->has_freshness = true;
        if (fresh->kind != YAML_SCALAR || !duration_parse(fresh->text, &s->freshness))
            good = load_err(l, fresh, "judge.not_duration", S(fresh->text), NULL);
    }
    good = load_params(l, doc, c) && good;
    good = load_sql(l, doc, "applies", false, c, NULL, &s->applies, &s->applies_line) && good;
    return load_sql(l, doc, "query", true, c, NULL, &s->query, &s->query_line) && good;
}

static bool load_inline_rule(struct loader *l, const struct yaml *rule, struct control *c)
{
    size_t before = l->p->nrules;

    if (sigma_is_correlation(rule) || !load_sigma(l, rule) || l->p->nrules == before)
        return load_err(l, rule, "judge.inline_rule", NULL, NULL);
    c->event.rules = arena_array(&l->p->a, int, 1);
    if (c->event.rules == NULL)
        return false;
    c->event.rules[0] = (int)before;
    c->event.nrules = 1;
    return true;
}

static bool load_event(struct loader *l, const struct yaml *doc, struct control *c)
{
    const struct yaml *quiet = yaml_get(doc, "quiet"), *rule = yaml_get(doc, "rule");
    struct event_spec *s = &c->event;
    struct duration d = {.seconds = 3600};

    s->rules_node = yaml_get(doc, "rules");
    s->file_node = yaml_get(doc, "sigma");
    bool good = load_text(l, doc, "subject_field", true, &s->subject_name);
    s->subject_field = names_put(l->p->names, s->subject_name);
    if (quiet != NULL && (quiet->kind != YAML_SCALAR || !duration_parse(quiet->text, &d)))
        good = load_err(l, quiet, "judge.not_duration", S(quiet->text), NULL);
    s->quiet_ns = (((int64_t)d.months * 30 + d.days) * 86400 + d.seconds) * NS_PER_S;
    good = load_params(l, doc, c) && good;
    if (rule != NULL)
        good = load_inline_rule(l, rule, c) && good;
    if (rule == NULL && s->rules_node == NULL && s->file_node == NULL)
        good = load_err(l, doc, "judge.missing", "rules", NULL);
    return good;
}

static bool load_clause_list(struct loader *l, const struct yaml *doc, struct control *c)
{
    const struct yaml *y = yaml_get(doc, "clauses");
    struct buf json;
    bool good = true;

    if (y == NULL || y->kind != YAML_LIST || y->n == 0 || y->n > 100)
        return load_err(l, y == NULL ? doc : y, "judge.not_a_list", "clauses", NULL);
    buf_init(&json, 64 * 1024);
    buf_byte(&json, '[');
    c->clauses = arena_array(&l->p->a, int, y->n);
    for (size_t i = 0; c->clauses != NULL && i < y->n; i++) {
        struct map_slot *s = map_get(&l->p->clause_ids, y->items[i]->text);
        if (s == NULL) {
            good = load_err(l, y->items[i], "judge.no_clause", S(y->items[i]->text), NULL);
            continue;
        }
        if (c->nclauses > 0)
            buf_byte(&json, ',');
        buf_json(&json, y->items[i]->text);
        c->clauses[c->nclauses++] = (int)s->v.num;
    }
    buf_byte(&json, ']');
    c->clauses_json = arena_str(&l->p->a, buf_view(&json));
    buf_done(&json);
    return good;
}

static bool load_common(struct loader *l, const struct yaml *doc, struct control *c)
{
    int kind = 0, sev = 0;

    bool good = load_text(l, doc, "id", true, &c->id);
    if (c->id.n > 80)
        good = load_err(l, yaml_get(doc, "id"), "judge.too_big", "id", NULL);
    good = load_word(l, doc, "severity", severity_names, &sev) && good;
    good = load_label(l, doc, "title", true, &c->title) && good;
    good = load_label(l, doc, "remedy", true, &c->remedy) && good;
    good = load_label(l, doc, "why", false, &c->why) && good;
    good = load_text(l, doc, "default", false, &c->dflt) && good;
    good = load_clause_list(l, doc, c) && good;
    c->severity = (enum severity)sev;
    if (!load_word(l, doc, "kind", control_kind_names, &kind))
        return false;
    c->kind = (enum control_kind)kind;
    good = load_label(l, doc, "message", c->kind != CK_DUTY, &c->message) && good;
    return near_only2(l->es, l->file, doc, kind_keys[kind], common_keys) && good;
}

bool load_control(struct loader *l, const struct yaml *doc)
{
    static bool (*const load_kind[])(struct loader *, const struct yaml *, struct control *) = {load_state, load_event,
                                                                                                load_duty};
    struct packset *p = l->p;
    struct control c = {
        .pack = l->pack, .file = l->file, .line = doc->line, .col = doc->col, .text = load_doc_text(l, doc)};
    bool fresh;

    if (doc->kind != YAML_MAP)
        return load_err(l, doc, "judge.not_a_map", "control", NULL);
    bool good = load_common(l, doc, &c);
    if (word_index(yaml_text(doc, "kind"), control_kind_names) < 0)
        return false;
    good = load_kind[c.kind](l, doc, &c) && good;
    if (!good)
        return false;
    struct control *v = load_grow(p->controls, p->ncontrols, &l->cap_controls, sizeof(c), PACK_CONTROLS_MAX);
    struct map_slot *s = v == NULL ? NULL : map_put(&p->control_ids, c.id, &fresh);
    if (v != NULL)
        p->controls = v;
    if (s == NULL)
        return load_err(l, doc, "judge.too_big", "controls", NULL);
    if (!fresh)
        return load_err(l, yaml_get(doc, "id"), "judge.twice", S(c.id), p->controls[s->v.num].file);
    s->v.num = (int64_t)p->ncontrols;
    p->controls[p->ncontrols++] = c;
    return true;
}
