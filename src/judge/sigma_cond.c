/* The condition of a Sigma rule: recursive descent over
 *   cond := and ("or" and)*      and := not ("and" not)*     not := "not" not | primary
 *   primary := ("1"|"any"|"all") "of" ("them"|pattern) | identifier | "(" cond ")"
 * Quantifiers are resolved here; what they or a name would leave empty is an
 * error, never a silent "no match". */
#include "judge/sigma.h"

enum { COND_DEPTH = 64 };

struct cond {
    struct sigma_ctx *c;
    const struct yaml *at;
    str text;
    size_t pos;
    str tok;
    size_t tok_at; /* tok.n == 0: the end */
    const struct sident *ids;
    size_t n;
    int depth;
    bool bad;
};

static bool is_name(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '_' || ch == '-' ||
           ch == '*';
}

static void next(struct cond *k)
{
    while (k->pos < k->text.n && (k->text.p[k->pos] == ' ' || k->text.p[k->pos] == '\t' || k->text.p[k->pos] == '\n'))
        k->pos++;
    size_t from = k->pos;
    while (k->pos < k->text.n && is_name(k->text.p[k->pos]))
        k->pos++;
    if (k->pos == from && k->pos < k->text.n)
        k->pos++;
    k->tok = str_sub(k->text, from, k->pos - from);
    k->tok_at = from;
}

static struct snode *fail(struct cond *k, const char *key, str what)
{
    struct yaml at = *k->at;

    if (!k->bad) {
        at.col += (uint32_t)k->tok_at + (at.quoted ? 1 : 0);
        sigma_err(k->c, &at, key, S(what), N((int64_t)k->tok_at + 1));
    }
    k->bad = true;
    return NULL;
}

static bool is(const struct cond *k, const char *word) { return str_eq(k->tok, str_c(word)); }

struct snode *snode_new(struct arena *a, enum snode_op op, size_t kids)
{
    struct snode *s = arena_new(a, struct snode);

    if (s == NULL)
        return NULL;
    s->op = op;
    s->kids = kids == 0 ? NULL : arena_array(a, struct snode *, kids);
    return kids > 0 && s->kids == NULL ? NULL : s;
}

/* '*' anywhere, several times; names are short, so the simple way will do. */
static bool name_fits(str pattern, str name)
{
    size_t p = 0, s = 0, star = SIZE_MAX, mark = 0;

    while (s < name.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            mark = s;
        } else if (p < pattern.n && pattern.p[p] == name.p[s]) {
            p++;
            s++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            s = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}

static struct snode *quantified(struct cond *k, bool all)
{
    bool them = is(k, "them");
    str pattern = them ? STR("*") : k->tok;
    struct snode *s = snode_new(k->c->a, all ? SN_AND : SN_OR, k->n + 1);

    if (s == NULL || k->tok.n == 0 || !is_name(k->tok.p[0]))
        return fail(k, "judge.sigma_cond_pattern", k->tok);
    if (!them && memchr(pattern.p, '-', pattern.n) != NULL)
        return fail(k, "judge.sigma_cond_pattern", pattern);
    for (size_t i = 0; i < k->n; i++) {
        bool hidden = str_starts(k->ids[i].name, STR("_")) && !str_starts(pattern, STR("_"));
        if (!hidden && name_fits(pattern, k->ids[i].name))
            s->kids[s->n++] = k->ids[i].node;
    }
    if (s->n == 0)
        return fail(k, "judge.sigma_cond_nothing", k->tok);
    next(k);
    return s;
}

static struct snode *cond_or(struct cond *k);

static struct snode *identifier(struct cond *k)
{
    static const char *const words[] = {"and", "or", "not", "of", "them"};
    str name = k->tok;

    if (name.n == 0)
        return fail(k, "judge.sigma_cond_end", STR(""));
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (str_eq_nocase(name, str_c(words[i])))
            return fail(k, "judge.sigma_cond_token", name);
    if (name.p[0] == '|')
        return fail(k, "judge.sigma_cond_pipe", name);
    if (!is_name(name.p[0]))
        return fail(k, "judge.sigma_cond_token", name);
    for (size_t i = 0; i < k->n; i++)
        if (str_eq(k->ids[i].name, name)) {
            next(k);
            return k->ids[i].node;
        }
    return fail(k, "judge.sigma_cond_unknown", name);
}

static struct snode *primary(struct cond *k)
{
    str word = k->tok;
    size_t pos = k->pos, at = k->tok_at;

    if (is(k, "(")) {
        next(k);
        struct snode *s = cond_or(k);
        if (s != NULL && !is(k, ")"))
            return fail(k, "judge.sigma_cond_close", k->tok);
        next(k);
        return s;
    }
    next(k);
    if (!is(k, "of")) { /* a name after all */
        k->tok = word;
        k->pos = pos;
        k->tok_at = at;
        return identifier(k);
    }
    bool all = str_eq(word, STR("all"));
    if (!all && !str_eq(word, STR("1")) && !str_eq(word, STR("any")))
        return fail(k, "judge.sigma_cond_quantifier", word);
    next(k);
    return quantified(k, all);
}

static struct snode *cond_not(struct cond *k)
{
    if (!is(k, "not"))
        return primary(k);
    if (++k->depth > COND_DEPTH)
        return fail(k, "judge.sigma_cond_deep", k->tok);
    next(k);
    struct snode *kid = cond_not(k), *s = kid == NULL ? NULL : snode_new(k->c->a, SN_NOT, 1);
    k->depth--;
    if (s != NULL)
        s->kids[s->n++] = kid;
    return s;
}

/* Left to right into nodes of two, so that a long chain needs no counting. */
static struct snode *joined(struct cond *k, const char *word, enum snode_op op, struct snode *(*part)(struct cond *))
{
    struct snode *s = part(k);

    while (s != NULL && is(k, word)) {
        next(k);
        struct snode *right = part(k), *both = right == NULL ? NULL : snode_new(k->c->a, op, 2);
        if (both == NULL)
            return NULL;
        both->kids[both->n++] = s;
        both->kids[both->n++] = right;
        s = both;
    }
    return s;
}

static struct snode *cond_and(struct cond *k) { return joined(k, "and", SN_AND, cond_not); }

static struct snode *cond_or(struct cond *k)
{
    if (++k->depth > COND_DEPTH)
        return fail(k, "judge.sigma_cond_deep", k->tok);
    struct snode *s = joined(k, "or", SN_OR, cond_and);
    k->depth--;
    return s;
}

struct snode *sigma_condition(struct sigma_ctx *c, const struct yaml *at, str text, const struct sident *ids, size_t n)
{
    struct cond k = {.c = c, .at = at, .text = text, .ids = ids, .n = n};

    if (text.n > 8192)
        return fail(&k, "judge.sigma_cond_deep", STR(""));
    next(&k);
    struct snode *s = cond_or(&k);
    if (s != NULL && k.tok.n > 0)
        return fail(&k, k.tok.p[0] == '|' ? "judge.sigma_cond_pipe" : "judge.sigma_cond_token", k.tok);
    return s;
}
