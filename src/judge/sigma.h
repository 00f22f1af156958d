/* Sigma rules: YAML to a tree, and the tree over a decoded event.
 *
 * A rule is parsed once into the arena of its pack set and constant after that,
 * but for its counters. Only the compiled regular expressions live outside the
 * arena; sigma_res frees them. */
#ifndef LUY_JUDGE_SIGMA_H
#define LUY_JUDGE_SIGMA_H
#include "base/err.h"
#include "base/ip.h"
#include "base/yaml.h"
#include "judge/fields.h"
#include <stdatomic.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* ---- text with wildcards ---- */

/* A token is a character, or one of these. */
#define TOK_ONE  0x80000001u /* '?': any one character */
#define TOK_RUN  0x80000002u /* '*': any run, also empty */
#define TOK_DASH 0x80000003u /* windash: - / and three Unicode dashes */
#define TOK_BYTE 0x40000000u /* with a byte: not a character of UTF-8 */
struct sval {
    uint32_t *t;
    size_t n;
};

struct sval sval_parse(struct arena *a, str s); /* wildcards and escapes of Sigma */
struct sval sval_plain(struct arena *a, str s); /* every character is itself */
/* The bytes; false when there is a wildcard. */
bool sval_bytes(struct arena *a, struct sval v, str *out);
struct sval sval_windash(struct arena *a, struct sval v);
enum utf16 { UTF16_LE, UTF16_BE, UTF16_BOM };
struct sval sval_utf16(struct arena *a, struct sval v, enum utf16 form);
str base64_text(struct arena *a, str bytes);
str base64_offset(struct arena *a, str bytes, int shift); /* shift 0..2 */

/* ---- the compiled rule ---- */

enum smatch_kind {
    SM_ANY,
    SM_EXACT,
    SM_PREFIX,
    SM_SUFFIX,
    SM_CONTAINS,
    SM_GLOB,
    SM_NULL,
    SM_EXISTS,
    SM_CIDR,
    SM_NUMBER,
    SM_RE,
    SM_REF,
    SM_ONE_OF
};
enum num_op { NUM_LT, NUM_LTE, NUM_GT, NUM_GTE };
struct glob_el {
    enum { GL_TEXT, GL_ONE, GL_RUN, GL_DASH } type;
    str text;
};
struct sigma_re {
    pcre2_code *code;
    struct sigma_re *next;
};
struct smatch {
    enum smatch_kind kind;
    bool cased, yes; /* yes: SM_EXISTS true */
    enum num_op op;
    enum smatch_kind ref_kind; /* SM_REF: EXACT, PREFIX, SUFFIX, CONTAINS */
    int ref;
    double number;
    str text;
    struct glob_el *el;
    size_t nel;
    struct prefix net;
    struct sigma_re *re;
    struct smatch *sub;
    size_t nsub; /* SM_ONE_OF */
};
struct sitem {
    int field;
    bool all, neq;
    struct smatch *m;
    size_t n;
}; /* field -1: keywords */
enum snode_op { SN_AND, SN_OR, SN_NOT, SN_ITEM };
struct snode {
    enum snode_op op;
    struct snode **kids;
    size_t n;
    struct sitem *item;
};

struct logsource {
    str category, product, service;
    bool custom;
};
struct sigma_rule {
    str id, name, title, level, author, text; /* text: the YAML as it stands in the file */
    const char *file;
    uint32_t line;
    struct logsource source;
    struct snode *cond;
    /* counters, written by the judging thread; views read the atomic ones */
    _Atomic uint64_t matched, stopped; /* stopped: a regex that hit its limit */
    _Atomic int64_t routed_at;         /* receipt time of the last event looked at */
    int64_t stopped_told;              /* receipt time of the last such report */
    uint64_t looked;                   /* stamp: a rule is asked once an event */
};

struct sigma_res {
    struct sigma_re *head;
};
void sigma_res_done(struct sigma_res *r);

struct sigma_ctx {
    struct arena *a;
    struct names *names;
    struct map *alias; /* Sigma field -> str* decoded field; may be NULL */
    struct map *lists; /* for `expand`: name -> struct yaml* list; may be NULL */
    struct sigma_res *res;
    struct errs *es;
    const char *file;
};
/* One document. Every mistake goes to es with its line; -EBADMSG then. */
int sigma_parse(struct sigma_ctx *c, const struct yaml *doc, str text, struct sigma_rule *out);
bool sigma_is_correlation(const struct yaml *doc);
/* A Sigma field as the number of the decoded field that it stands for. */
int sigma_field(struct sigma_ctx *c, str name);
void sigma_err(struct sigma_ctx *c, const struct yaml *at, const char *key, const char *a0, const char *a1);

/* Parts, shared between the files of the parser. */
struct sident {
    str name;
    struct snode *node;
};
struct snode *snode_new(struct arena *a, enum snode_op op, size_t kids);
struct snode *sigma_condition(struct sigma_ctx *c, const struct yaml *at, str text, const struct sident *ids, size_t n);
bool sigma_item(struct sigma_ctx *c, const struct yaml *key, const struct yaml *value, struct sitem *out);
bool sigma_keywords(struct sigma_ctx *c, const struct yaml *list, struct sitem *out);
bool smatch_compile(struct arena *a, struct sval v, bool cased, struct smatch *out);

/* ---- matching ---- */

enum { RE_MATCH_LIMIT = 100000, RE_DEPTH_LIMIT = 2000, RE_HEAP_KB = 4096 };
struct sigma_run {
    pcre2_match_data *data;
    pcre2_match_context *ctx;
    bool stopped;
};
bool sigma_run_init(struct sigma_run *run);
void sigma_run_done(struct sigma_run *run);
/* A rule whose regex was stopped does not match; run->stopped tells. */
bool sigma_match(const struct sigma_rule *r, struct fields *f, struct sigma_run *run);
bool smatch_text(const struct smatch *m, str value, str low, struct fields *f, struct sigma_run *run);
#endif
