/* A Sigma rule over a decoded event. Pure but for the rule's regex report; one
 * thread, which owns the fields and the run. */
#include "judge/sigma.h"
#include <math.h>

bool sigma_run_init(struct sigma_run *run)
{
    *run = (struct sigma_run){pcre2_match_data_create(1, NULL), pcre2_match_context_create(NULL), false};
    if (run->data == NULL || run->ctx == NULL) {
        sigma_run_done(run);
        return false;
    }
    pcre2_set_match_limit(run->ctx, RE_MATCH_LIMIT);
    pcre2_set_depth_limit(run->ctx, RE_DEPTH_LIMIT);
    pcre2_set_heap_limit(run->ctx, RE_HEAP_KB);
    return true;
}

void sigma_run_done(struct sigma_run *run)
{
    pcre2_match_data_free(run->data);
    pcre2_match_context_free(run->ctx);
    *run = (struct sigma_run){0};
}

/* Bytes of a dash that windash treats alike, 0 when s begins with none. */
static size_t dash_at(str s)
{
    if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '/'))
        return 1;
    if (s.n >= 3 && s.p[0] == '\xe2' && s.p[1] == '\x80' && s.p[2] >= '\x93' && s.p[2] <= '\x95')
        return 3;
    return 0;
}

/* Bytes that el takes at the start of s; SIZE_MAX when it does not fit. */
static size_t el_at(const struct glob_el *el, str s)
{
    size_t n;

    switch (el->type) {
    case GL_TEXT:
        return str_starts(s, el->text) ? el->text.n : SIZE_MAX;
    case GL_ONE:
        return s.n == 0 ? SIZE_MAX : text_step(s);
    default:
        n = dash_at(s);
        return n == 0 ? SIZE_MAX : n;
    }
}

/* Only the last '*' is ever reconsidered, so the work is at most length of the
 * text times length of the pattern. */
static bool glob_fits(const struct glob_el *el, size_t n, str s)
{
    size_t i = 0, pos = 0, star = SIZE_MAX, mark = 0;

    for (;;) {
        if (i < n && el[i].type == GL_RUN) {
            star = ++i;
            mark = pos;
            if (i == n)
                return true;
        }
        size_t step = i < n ? el_at(&el[i], str_sub(s, pos, s.n)) : SIZE_MAX;
        if (i < n && step != SIZE_MAX) {
            pos += step;
            i++;
            continue;
        }
        if (i == n && pos == s.n)
            return true;
        if (star == SIZE_MAX || mark >= s.n)
            return false;
        mark += text_step(str_sub(s, mark, s.n));
        if (el[star].type == GL_TEXT) { /* jump to where its text can stand */
            size_t at = str_find(str_sub(s, mark, s.n), el[star].text);
            if (at == SIZE_MAX)
                return false;
            mark += at;
        }
        pos = mark;
        i = star;
    }
}

static bool re_fits(const struct sigma_re *re, str s, struct sigma_run *run)
{
    int rc = pcre2_match(re->code, (PCRE2_SPTR)(s.p == NULL ? "" : s.p), s.n, 0, 0, run->data, run->ctx);

    if (rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT || rc == PCRE2_ERROR_HEAPLIMIT)
        run->stopped = true;
    return rc >= 0;
}

static bool number_fits(const struct smatch *m, str s)
{
    char z[64], *end;

    if (s.n == 0 || s.n >= sizeof(z))
        return false;
    memcpy(z, s.p, s.n);
    z[s.n] = '\0';
    double v = strtod(z, &end);
    if (*end != '\0' || !isfinite(v))
        return false;
    switch (m->op) {
    case NUM_LT:
        return v < m->number;
    case NUM_LTE:
        return v <= m->number;
    case NUM_GT:
        return v > m->number;
    default:
        return v >= m->number;
    }
}

static bool text_fits(enum smatch_kind kind, str text, str v)
{
    switch (kind) {
    case SM_EXACT:
        return str_eq(v, text);
    case SM_PREFIX:
        return str_starts(v, text);
    case SM_SUFFIX:
        return str_ends(v, text);
    default:
        return str_find(v, text) != SIZE_MAX;
    }
}

static bool ref_fits(const struct smatch *m, str value, str low, struct fields *f)
{
    str other;

    if (!(m->cased ? fields_get(f, m->ref, &other) : fields_low(f, m->ref, &other)))
        return false;
    return text_fits(m->ref_kind, other, m->cased ? value : low);
}

bool smatch_text(const struct smatch *m, str value, str low, struct fields *f, struct sigma_run *run)
{
    str v = m->cased ? value : low;
    struct ip ip;

    switch (m->kind) {
    case SM_ANY:
        return true;
    case SM_EXACT:
    case SM_PREFIX:
    case SM_SUFFIX:
    case SM_CONTAINS:
        return text_fits(m->kind, m->text, v);
    case SM_GLOB:
        return glob_fits(m->el, m->nel, v);
    case SM_CIDR:
        return ip_parse(value, &ip) && prefix_has(m->net, ip);
    case SM_NUMBER:
        return number_fits(m, value);
    case SM_RE:
        return re_fits(m->re, value, run);
    case SM_REF:
        return ref_fits(m, value, low, f);
    case SM_ONE_OF:
        for (size_t i = 0; i < m->nsub; i++)
            if (smatch_text(&m->sub[i], value, low, f, run))
                return true;
        return false;
    case SM_NULL:
    case SM_EXISTS:
        return false;
    }
    return false;
}

static bool value_fits(const struct smatch *m, int field, struct fields *f, struct sigma_run *run)
{
    str value, low;
    bool here = fields_get(f, field, &value);

    if (m->kind == SM_NULL)
        return !here;
    if (m->kind == SM_EXISTS)
        return here == m->yes;
    if (!here)
        return false;
    fields_low(f, field, &low);
    return smatch_text(m, value, low, f, run);
}

/* A keyword may stand anywhere: in the message or in any field. */
static bool keyword_fits(const struct smatch *m, struct fields *f, struct sigma_run *run)
{
    for (size_t i = 0; i < f->nset; i++)
        if (value_fits(m, f->set[i], f, run))
            return true;
    return false;
}

static bool item_fits(const struct sitem *it, struct fields *f, struct sigma_run *run)
{
    bool all = it->all, hit = all;

    for (size_t i = 0; i < it->n && hit == all; i++)
        hit = it->field >= 0 ? value_fits(&it->m[i], it->field, f, run) : keyword_fits(&it->m[i], f, run);
    return hit != it->neq;
}

static bool node_fits(const struct snode *s, struct fields *f, struct sigma_run *run)
{
    switch (s->op) {
    case SN_ITEM:
        return item_fits(s->item, f, run);
    case SN_NOT:
        return !node_fits(s->kids[0], f, run);
    case SN_AND:
        for (size_t i = 0; i < s->n; i++)
            if (!node_fits(s->kids[i], f, run))
                return false;
        return true;
    default:
        for (size_t i = 0; i < s->n; i++)
            if (node_fits(s->kids[i], f, run))
                return true;
        return false;
    }
}

bool sigma_match(const struct sigma_rule *r, struct fields *f, struct sigma_run *run)
{
    run->stopped = false;
    return node_fits(r->cond, f, run) && !run->stopped;
}
