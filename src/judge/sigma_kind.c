/* Values that compare in a way of their own: regular expressions, networks,
 * numbers, presence, another field. Runs at load. */
#include "judge/sigma-int.h"
#include <math.h>

static bool compile_re(struct sigma_ctx *c, const struct yaml *v, const struct mods *m, struct smatch *out)
{
    uint32_t opt = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C | (m->re_i ? PCRE2_CASELESS : 0) |
                   (m->re_m ? PCRE2_MULTILINE : 0) | (m->re_s ? PCRE2_DOTALL : 0);
    str s = arena_fmt(c->a, "%s%.*s%s", m->starts ? "\\A(?:" : "", STR_ARGS(v->text), m->starts ? ")" : "");
    PCRE2_SIZE where;
    PCRE2_UCHAR why[120];
    int code;

    if (m->ends)
        s = arena_fmt(c->a, "(?:%.*s)\\z", STR_ARGS(s));
    struct sigma_re *re = calloc(1, sizeof(*re));
    if (re == NULL || s.p == NULL) {
        free(re);
        return false;
    }
    re->code = pcre2_compile((PCRE2_SPTR)s.p, s.n, opt, &code, &where, NULL);
    if (re->code == NULL) {
        pcre2_get_error_message(code, why, sizeof(why));
        free(re);
        sigma_err(c, v, "judge.sigma_regex", S(v->text), (const char *)why);
        return false;
    }
    re->next = c->res->head;
    c->res->head = re;
    *out = (struct smatch){.kind = SM_RE, .re = re};
    return true;
}

/* A network; host bits may be set, as many public rules have them. */
static bool parse_net(str s, struct prefix *out)
{
    size_t slash = str_find(s, STR("/"));
    struct ip ip;
    uint64_t len;

    if (!ip_parse(str_sub(s, 0, slash), &ip))
        return false;
    uint64_t bits = ip.family == 4 ? 32 : 128;
    if (slash == SIZE_MAX)
        len = bits;
    else if (!str_u64(str_sub(s, slash + 1, s.n), &len) || len > bits)
        return false;
    for (uint64_t i = len; i < bits; i++)
        ip.b[i / 8] &= (uint8_t) ~(0x80 >> (i % 8));
    *out = (struct prefix){ip, (uint8_t)len};
    return true;
}

static bool parse_number(str s, double *out)
{
    char z[64], *end;

    if (s.n == 0 || s.n >= sizeof(z))
        return false;
    memcpy(z, s.p, s.n);
    z[s.n] = '\0';
    *out = strtod(z, &end);
    return *end == '\0' && isfinite(*out);
}

bool sigma_kind(struct sigma_ctx *c, const struct yaml *v, const struct mods *m, struct smatch *out)
{
    static const enum num_op ops[] = {[MOD_LT] = NUM_LT, [MOD_LTE] = NUM_LTE, [MOD_GT] = NUM_GT, [MOD_GTE] = NUM_GTE};
    *out = (struct smatch){.cased = m->cased};

    if (v->kind != YAML_SCALAR) {
        sigma_err(c, v, "judge.sigma_value", m->kind->name, NULL);
        return false;
    }
    switch (m->kind->mod) {
    case MOD_RE:
        return compile_re(c, v, m, out);
    case MOD_EXISTS:
        out->kind = SM_EXISTS;
        if (yaml_bool(v, &out->yes))
            return true;
        break;
    case MOD_CIDR:
        out->kind = SM_CIDR;
        if (parse_net(v->text, &out->net))
            return true;
        break;
    case MOD_REF:
        out->kind = SM_REF;
        out->ref = sigma_field(c, v->text);
        out->ref_kind = m->contains ? SM_CONTAINS : m->starts ? SM_PREFIX : m->ends ? SM_SUFFIX : SM_EXACT;
        if (v->text.n > 0 && out->ref >= 0)
            return true;
        break;
    default:
        out->kind = SM_NUMBER;
        out->op = ops[m->kind->mod];
        if (parse_number(v->text, &out->number))
            return true;
    }
    sigma_err(c, v, "judge.sigma_value_bad", m->kind->name, S(v->text));
    return false;
}
