/* Modifiers, between the two halves of the item parser. */
#ifndef LUY_JUDGE_SIGMA_INT_H
#define LUY_JUDGE_SIGMA_INT_H
#include "judge/sigma.h"

enum { MODS_MAX = 16 };
enum mod {
    MOD_CONTAINS,
    MOD_STARTS,
    MOD_ENDS,
    MOD_ALL,
    MOD_CASED,
    MOD_NEQ,
    MOD_EXISTS,
    MOD_RE,
    MOD_RE_I,
    MOD_RE_M,
    MOD_RE_S,
    MOD_CIDR,
    MOD_LT,
    MOD_LTE,
    MOD_GT,
    MOD_GTE,
    MOD_WINDASH,
    MOD_B64,
    MOD_B64OFFSET,
    MOD_UTF16LE,
    MOD_UTF16BE,
    MOD_UTF16,
    MOD_REF,
    MOD_EXPAND
};
/* what a modifier is about: how the text is written, its shape, the list, or a comparison of its own */
enum mod_class { MC_TEXT, MC_SHAPE, MC_LIST, MC_KIND, MC_RE_FLAG };
struct mod_row {
    const char *name;
    enum mod mod;
    enum mod_class cls;
};
struct mods {
    const struct mod_row *v[MODS_MAX];
    size_t n;
    const struct mod_row *kind; /* exists, re, cidr, lt.., fieldref; or NULL */
    bool all, cased, neq, re_i, re_m, re_s, contains, starts, ends;
};
/* A value under re, cidr, exists, fieldref or a numeric comparison. */
bool sigma_kind(struct sigma_ctx *c, const struct yaml *v, const struct mods *m, struct smatch *out);
#endif
