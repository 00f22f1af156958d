/* One line of a detection, `field|modifier|...: value(s)`, to a matcher. Runs
 * at load; every mistake is told at its place and the whole rule refused. */
#include "judge/sigma-int.h"

enum { VALUES_MAX = 10000 };

static const struct mod_row mod_table[] = {
    {"contains", MOD_CONTAINS, MC_SHAPE},
    {"startswith", MOD_STARTS, MC_SHAPE},
    {"endswith", MOD_ENDS, MC_SHAPE},
    {"all", MOD_ALL, MC_LIST},
    {"cased", MOD_CASED, MC_LIST},
    {"neq", MOD_NEQ, MC_LIST},
    {"exists", MOD_EXISTS, MC_KIND},
    {"re", MOD_RE, MC_KIND},
    {"i", MOD_RE_I, MC_RE_FLAG},
    {"ignorecase", MOD_RE_I, MC_RE_FLAG},
    {"m", MOD_RE_M, MC_RE_FLAG},
    {"multiline", MOD_RE_M, MC_RE_FLAG},
    {"s", MOD_RE_S, MC_RE_FLAG},
    {"dotall", MOD_RE_S, MC_RE_FLAG},
    {"cidr", MOD_CIDR, MC_KIND},
    {"lt", MOD_LT, MC_KIND},
    {"lte", MOD_LTE, MC_KIND},
    {"gt", MOD_GT, MC_KIND},
    {"gte", MOD_GTE, MC_KIND},
    {"fieldref", MOD_REF, MC_KIND},
    {"windash", MOD_WINDASH, MC_TEXT},
    {"base64", MOD_B64, MC_TEXT},
    {"base64offset", MOD_B64OFFSET, MC_TEXT},
    {"utf16le", MOD_UTF16LE, MC_TEXT},
    {"wide", MOD_UTF16LE, MC_TEXT},
    {"utf16be", MOD_UTF16BE, MC_TEXT},
    {"utf16", MOD_UTF16, MC_TEXT},
    {"expand", MOD_EXPAND, MC_TEXT},
};

struct svals {
    struct sval *v;
    size_t n, cap;
};

static bool mods_add(struct sigma_ctx *c, const struct yaml *key, str name, struct mods *m)
{
    const struct mod_row *row = NULL;

    for (size_t i = 0; i < sizeof(mod_table) / sizeof(*mod_table); i++)
        if (str_eq(name, str_c(mod_table[i].name)))
            row = &mod_table[i];
    if (row == NULL || m->n == MODS_MAX) {
        sigma_err(c, key, "judge.sigma_modifier", S(name), NULL);
        return false;
    }
    bool re_flag_alone = row->cls == MC_RE_FLAG && (m->kind == NULL || m->kind->mod != MOD_RE);
    bool kind_late =
        row->cls == MC_KIND && (m->kind != NULL || ((row->mod == MOD_RE || row->mod == MOD_EXISTS) && m->n > 0));
    bool text_on_kind = row->cls == MC_TEXT && m->kind != NULL;
    bool kind_on_text = row->cls == MC_KIND && m->n > 0 && m->v[m->n - 1]->cls == MC_TEXT;
    bool shape_on_kind = row->cls == MC_SHAPE && m->kind != NULL && m->kind->mod != MOD_RE && m->kind->mod != MOD_REF;
    if (re_flag_alone || kind_late || text_on_kind || kind_on_text || shape_on_kind) {
        sigma_err(c, key, "judge.sigma_modifier_order", S(name), S(key->text));
        return false;
    }
    m->v[m->n++] = row;
    if (row->cls == MC_KIND)
        m->kind = row;
    bool *flag[] = {[MOD_CONTAINS] = &m->contains, [MOD_STARTS] = &m->starts, [MOD_ENDS] = &m->ends,
                    [MOD_ALL] = &m->all,           [MOD_CASED] = &m->cased,   [MOD_NEQ] = &m->neq,
                    [MOD_RE_I] = &m->re_i,         [MOD_RE_M] = &m->re_m,     [MOD_RE_S] = &m->re_s};
    if ((size_t)row->mod < sizeof(flag) / sizeof(*flag) && flag[row->mod] != NULL)
        *flag[row->mod] = true;
    return true;
}

/* ---- lists of values ---- */

static bool svals_add(struct sigma_ctx *c, struct svals *l, struct sval v)
{
    if (v.t == NULL || l->n >= VALUES_MAX)
        return false;
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 4 : l->cap * 2;
        struct sval *more = arena_array(c->a, struct sval, cap);
        if (more == NULL)
            return false;
        if (l->n > 0)
            memcpy(more, l->v, l->n * sizeof(*more));
        l->v = more;
        l->cap = cap;
    }
    l->v[l->n++] = v;
    return true;
}

/* The name between two '%' of v, from position *at; both '%' are plain characters. */
static bool placeholder(struct sigma_ctx *c, struct sval v, size_t *at, size_t *end, str *name)
{
    for (size_t i = *at; i < v.n; i++) {
        size_t k = i + 1;
        if (v.t[i] != '%')
            continue;
        if (i > 0 && v.t[i - 1] == '\\')
            continue;
        while (k < v.n && v.t[k] != '%' && v.t[k] != ' ')
            k++;
        if (k == v.n || v.t[k] != '%' || k == i + 1)
            continue;
        *at = i;
        *end = k + 1;
        return sval_bytes(c->a, (struct sval){v.t + i + 1, k - i - 1}, name);
    }
    return false;
}

static struct sval splice(struct arena *a, struct sval v, size_t at, size_t end, struct sval put)
{
    struct sval w = {arena_array(a, uint32_t, v.n + put.n + 1), 0};

    if (w.t == NULL || put.t == NULL)
        return (struct sval){NULL, 0};
    memcpy(w.t, v.t, at * sizeof(*w.t));
    memcpy(w.t + at, put.t, put.n * sizeof(*w.t));
    memcpy(w.t + at + put.n, v.t + end, (v.n - end) * sizeof(*w.t));
    w.n = v.n - (end - at) + put.n;
    return w;
}

/* \% is a literal percent sign. */
static struct sval unescape_percent(struct arena *a, struct sval v)
{
    struct sval w = {arena_array(a, uint32_t, v.n + 1), 0};

    for (size_t i = 0; w.t != NULL && i < v.n; i++)
        if (!(v.t[i] == '\\' && i + 1 < v.n && v.t[i + 1] == '%'))
            w.t[w.n++] = v.t[i];
    return w;
}

/* Each %name% becomes every value of the site's list of that name. */
static bool expand(struct sigma_ctx *c, const struct yaml *at, struct sval v, struct svals *out, int depth)
{
    size_t from = 0, end = 0;
    str name;

    if (depth > 4)
        return false;
    if (!placeholder(c, v, &from, &end, &name))
        return svals_add(c, out, unescape_percent(c->a, v));
    struct map_slot *s = c->lists == NULL ? NULL : map_get(c->lists, name);
    if (s == NULL) {
        sigma_err(c, at, "judge.sigma_no_list", S(name), NULL);
        return false;
    }
    const struct yaml *list = s->v.ptr;
    for (size_t i = 0; i < list->n; i++)
        if (!expand(c, at, splice(c->a, v, from, end, sval_parse(c->a, list->items[i]->text)), out, depth + 1))
            return false;
    return list->n > 0;
}

static bool encode(struct sigma_ctx *c, const struct yaml *at, struct sval v, enum mod mod, struct svals *out)
{
    str bytes;

    if (!sval_bytes(c->a, v, &bytes)) {
        sigma_err(c, at, "judge.sigma_base64_wildcard", S(at->text), NULL);
        return false;
    }
    if (mod == MOD_B64)
        return svals_add(c, out, sval_plain(c->a, base64_text(c->a, bytes)));
    for (int shift = 0; shift < 3; shift++)
        if (!svals_add(c, out, sval_plain(c->a, base64_offset(c->a, bytes, shift))))
            return false;
    return true;
}

static struct sval shaped(struct arena *a, struct sval v, bool head, bool tail)
{
    struct sval w = {arena_array(a, uint32_t, v.n + 2), 0};

    if (w.t == NULL)
        return w;
    if (head && (v.n == 0 || v.t[0] != TOK_RUN))
        w.t[w.n++] = TOK_RUN;
    memcpy(w.t + w.n, v.t, v.n * sizeof(*w.t));
    w.n += v.n;
    if (tail && w.t[w.n - 1] != TOK_RUN)
        w.t[w.n++] = TOK_RUN;
    return w;
}

/* Applies one modifier to every value so far; some make several of one. */
static bool apply(struct sigma_ctx *c, const struct yaml *at, const struct mod_row *row, struct svals *l)
{
    struct svals out = {0};

    for (size_t i = 0; i < l->n; i++) {
        struct sval v = l->v[i];
        bool ok;
        switch (row->mod) {
        case MOD_CONTAINS:
            ok = svals_add(c, &out, shaped(c->a, v, true, true));
            break;
        case MOD_STARTS:
            ok = svals_add(c, &out, shaped(c->a, v, false, true));
            break;
        case MOD_ENDS:
            ok = svals_add(c, &out, shaped(c->a, v, true, false));
            break;
        case MOD_WINDASH:
            ok = svals_add(c, &out, sval_windash(c->a, v));
            break;
        case MOD_UTF16LE:
            ok = svals_add(c, &out, sval_utf16(c->a, v, UTF16_LE));
            break;
        case MOD_UTF16BE:
            ok = svals_add(c, &out, sval_utf16(c->a, v, UTF16_BE));
            break;
        case MOD_UTF16:
            ok = svals_add(c, &out, sval_utf16(c->a, v, UTF16_BOM));
            break;
        case MOD_B64:
        case MOD_B64OFFSET:
            ok = encode(c, at, v, row->mod, &out);
            break;
        case MOD_EXPAND:
            ok = expand(c, at, v, &out, 0);
            break;
        default:
            ok = svals_add(c, &out, v);
            break;
        }
        if (!ok)
            return false;
    }
    *l = out;
    return true;
}

static bool compile_text(struct sigma_ctx *c, const struct yaml *v, const struct mods *m, bool keyword,
                         struct smatch *out)
{
    struct svals l = {0};

    if (v->kind == YAML_NULL && !keyword && m->n == 0) {
        *out = (struct smatch){.kind = SM_NULL};
        return true;
    }
    if (v->kind != YAML_SCALAR && !(v->kind == YAML_NULL && !keyword)) {
        sigma_err(c, v, keyword ? "judge.sigma_keyword" : "judge.sigma_value", "text", NULL);
        return false;
    }
    if (v->kind == YAML_NULL) { /* null with `all` or `neq` in the key is still null */
        *out = (struct smatch){.kind = SM_NULL};
        return true;
    }
    if (!svals_add(c, &l, sval_parse(c->a, v->text)))
        return false;
    for (size_t i = 0; i < m->n; i++)
        if (!apply(c, v, m->v[i], &l))
            return false;
    struct smatch *sub = arena_array(c->a, struct smatch, l.n);
    for (size_t i = 0; sub != NULL && i < l.n; i++) {
        struct sval one = keyword ? shaped(c->a, l.v[i], true, true) : l.v[i];
        if (!smatch_compile(c->a, one, m->cased, &sub[i]))
            return false;
    }
    if (sub == NULL || l.n == 0)
        return false;
    *out = l.n == 1 ? sub[0] : (struct smatch){.kind = SM_ONE_OF, .sub = sub, .nsub = l.n};
    return true;
}

static bool compile_values(struct sigma_ctx *c, const struct yaml *value, const struct mods *m, bool keyword,
                           struct sitem *out)
{
    bool list = value->kind == YAML_LIST;
    size_t n = list ? value->n : 1;
    bool good = true;

    if (n > VALUES_MAX) {
        sigma_err(c, value, "judge.sigma_too_many", NULL, NULL);
        return false;
    }
    out->m = arena_array(c->a, struct smatch, n + 1);
    if (out->m == NULL)
        return false;
    if (list && n == 0 && !keyword) { /* [] means null */
        out->m[0] = (struct smatch){.kind = SM_NULL};
        out->n = 1;
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        const struct yaml *v = list ? value->items[i] : value;
        bool ok = m->kind != NULL ? sigma_kind(c, v, m, &out->m[i]) : compile_text(c, v, m, keyword, &out->m[i]);
        good = good && ok;
    }
    out->n = n;
    if (n == 0)
        sigma_err(c, value, "judge.sigma_empty", NULL, NULL);
    return good && n > 0;
}

bool sigma_item(struct sigma_ctx *c, const struct yaml *key, const struct yaml *value, struct sitem *out)
{
    struct mods m = {0};
    str rest = key->text, name, part;

    *out = (struct sitem){.field = -1};
    if (rest.n == 0)
        rest = (str){"", 0};
    str_split(&rest, '|', &name);
    while (str_split(&rest, '|', &part))
        if (!mods_add(c, key, part, &m))
            return false;
    if (name.n > 0 && (out->field = sigma_field(c, name)) < 0) {
        sigma_err(c, key, "judge.sigma_too_many", NULL, NULL);
        return false;
    }
    if (name.n == 0 && m.kind != NULL && m.kind->mod != MOD_RE) {
        sigma_err(c, key, "judge.sigma_modifier_order", m.kind->name, S(key->text));
        return false;
    }
    out->all = m.all;
    out->neq = m.neq;
    return compile_values(c, value, &m, name.n == 0, out);
}

bool sigma_keywords(struct sigma_ctx *c, const struct yaml *list, struct sitem *out)
{
    struct mods m = {0};

    *out = (struct sitem){.field = -1};
    return compile_values(c, list, &m, true, out);
}
