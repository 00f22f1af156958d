/* The tree behind query.h, for the journal's own files and tests. */
#ifndef LUY_JOURNAL_QUERY_INT_H
#define LUY_JOURNAL_QUERY_INT_H
#include "journal/decimal.h"
#include "journal/pattern.h"
#include "journal/query.h"
#include <stdatomic.h>

enum { QUERY_MAX = 8192, QUERY_DEPTH_MAX = 64, QUERY_NODES_MAX = 512 };
enum query_kind {
    QN_AND,
    QN_OR,
    QN_NOT,
    QN_TEXT,  /* pattern anywhere in raw */
    QN_FIELD, /* pattern over the whole text of a field */
    QN_ENUM,  /* the field's number is one of `mask` */
    QN_NET,   /* source lies in a prefix */
    QN_FOLD,  /* pattern anywhere in raw, by Unicode form: see fold_within() */
    QN_REGEX, /* expression anywhere in raw */
    QN_VALUE, /* `test` of the value behind `ref`; every test of sources that are not logs */
};
enum query_test {
    QT_LIKE,   /* pat over the whole text */
    QT_EQUAL,  /* the number lo, or where the value is none, pat */
    QT_NUMBER, /* lies between lo and hi */
    QT_NET,
    QT_REGEX,
};
struct query_bound {
    bool set, in; /* in: the bound itself fits */
    str text;     /* as it is printed */
    struct decimal d;
    bool whole; /* num says the same; for times and durations it is all there is (ns) */
    int64_t num;
};
struct query_regex {
    str text; /* without its slashes; \/ kept as it stood */
    bool nocase;
    uint64_t id; /* a hash, for the thread's cache */
};
/* Set by a match that ran past its limits; seen by every thread of the query. */
struct query_fault {
    atomic_int code;
};
struct query_node {
    enum query_kind kind;
    enum query_field field;
    struct query_node **kids;
    size_t nkids;
    struct pattern pat; /* TEXT, FIELD; ENUM: as it is printed */
    char op[3];         /* ENUM: "", "<", "<=", ">", ">=" */
    uint32_t mask;      /* ENUM: bits of values; QUERY_OTHER = none of the named */
    struct prefix net;
    /* of the later kinds */
    enum query_test test;
    struct query_ref ref;
    struct query_bound lo, hi;
    struct query_regex re;
    bool bare;             /* FOLD: marks and case do not count (~word) */
    const struct query *q; /* whose source, resolver and fault these are */
};
#define QUERY_OTHER (1u << 31)

/* Names of the numbered fields. */
struct query_names {
    const char *const *names;
    size_t n;
};
extern const char *const query_severities[],
    *const query_facilities[], *const query_transports[], *const query_formats[],
                                                              *const query_flags[]; /* NULL-terminated */
struct query_names query_field_names(enum query_field f);                           /* n = 0: not a numbered field */
/* The number of a numbered field as a bit of `mask` (flags: all their bits). */
uint32_t query_enum_bits(enum query_field f, const struct event *ev);
bool query_node_match(const struct query_node *n, const struct event *ev);
bool query_asks_relay(const struct query_node *n); /* a test of relay alone: the same for all lines of a block */

/* query_parse with another ceiling on the text: what was printed may be longer
 * than what was typed. */
int query_parse_max(struct arena *a, str text, size_t max, const struct query_env *env, struct query **out,
                    struct err *e);
bool query_equal(const struct query *a, const struct query *b);

/* source.c: a hit as a row of logs, for fn. */
struct hit;
struct source_hand {
    source_row_fn *fn;
    void *ctx;
};
bool source_hand_hit(void *ctx, const struct hit *h);

/* The value behind a ref. `mem` is for texts that must be put together (JSON
 * escapes): one a thread, good until the next call. */
void query_ref_value(const struct query *q, const struct query_ref *ref, const struct source_row *r,
                     char scratch[VALUE_SCRATCH], struct source_value *out);
enum value_type query_ref_type(const struct query *q, const struct query_ref *ref); /* VT_NONE: by the value */
bool source_value_decimal(const struct source_value *v, char scratch[VALUE_SCRATCH], struct decimal *out);
bool query_node_row(const struct query_node *n, const struct source_row *r);

/* query_fold.c: lines in the form that marks are compared in. */
bool fold_needed(str text);                             /* has letters that Unicode writes in more than one way */
bool fold_stays(str literal, bool bare, bool folded);   /* read again as text, it would stay these bytes */
str fold_pattern(struct arena *a, str text, bool bare); /* STR_NONE: no memory; bytes stay as they are */
bool fold_within(const struct pattern *p, bool bare, str raw);

/* query_regex.c. 0, or -EINVAL with the place in *at. */
int regex_check(const struct query_regex *re, size_t *at, char why[128]);
bool regex_within(const struct query_regex *re, str s, struct query_fault *fault);

/* query_step.c */
extern const char *const query_folds[];      /* by enum step_fold */
extern const char *const query_step_names[]; /* NULL-terminated */

/* query_near.c: the word of a list that was probably meant; STR_NONE when none is near. */
str near_name(str word, const char *const *names, size_t n);

/* query_path.c: values of a path in the JSON object that a line holds. */
typedef bool path_fn(void *ctx, const struct source_value *v); /* false: enough */
void path_values(const struct event *ev, str path, path_fn *fn, void *ctx);

/* query_time.c: both say false when malformed or out of range. */
bool query_time_parse(str s, int64_t now_ns, int64_t *out);
/* Start of the histogram's bucket in which t lies; whole days begin at local midnight. */
int64_t query_bucket(int64_t t, int64_t step_ns);
bool query_span_parse(str s, int64_t *ns); /* 5m, 1h30m; above zero */
void query_span_print(int64_t ns, struct buf *out);
void query_time_print(int64_t ns, struct buf *out);
#endif
