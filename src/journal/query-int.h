/* The tree behind query.h, for the journal's own files and tests. */
#ifndef LUY_JOURNAL_QUERY_INT_H
#define LUY_JOURNAL_QUERY_INT_H
#include "journal/pattern.h"
#include "journal/query.h"

enum { QUERY_MAX = 8192, QUERY_DEPTH_MAX = 64, QUERY_NODES_MAX = 512 };
enum query_kind {
    QN_AND,
    QN_OR,
    QN_NOT,
    QN_TEXT,  /* pattern anywhere in raw */
    QN_FIELD, /* pattern over the whole text of a field */
    QN_ENUM,  /* the field's number is one of `mask` */
    QN_NET,   /* source lies in a prefix */
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
};
#define QUERY_OTHER (1u << 31)

/* Names of the numbered fields. */
struct query_names {
    const char *const *names;
    size_t n;
};
struct query_names query_field_names(enum query_field f); /* n = 0: not a numbered field */
/* The number of a numbered field as a bit of `mask` (flags: all their bits). */
uint32_t query_enum_bits(enum query_field f, const struct event *ev);
bool query_node_match(const struct query_node *n, const struct event *ev);

/* query_parse with another ceiling on the text: what was printed may be longer
 * than what was typed. */
int query_parse_max(struct arena *a, str text, size_t max, int64_t now_ns, struct query **out, struct err *e);
bool query_equal(const struct query *a, const struct query *b);

/* query_time.c: both say false when malformed or out of range. */
bool query_time_parse(str s, int64_t now_ns, int64_t *out);
bool query_span_parse(str s, int64_t *ns); /* 5m, 1h30m; above zero */
void query_span_print(int64_t ns, struct buf *out);
void query_time_print(int64_t ns, struct buf *out);
#endif
