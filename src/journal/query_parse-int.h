/* The parser's state, shared by its files: query_parse.c (structure),
 * query_value.c (fields and pipes). */
#ifndef LUY_JOURNAL_QUERY_PARSE_INT_H
#define LUY_JOURNAL_QUERY_PARSE_INT_H
#include "journal/query-int.h"

struct qp {
    struct arena *a;
    str s;
    size_t i; /* where the parser stands in s */
    int64_t now_ns;
    struct query *q;
    struct query_node **stack; /* children on their way into a node */
    size_t nstack, nodes, depth;
    bool said_since, said_until, said_limit;
    int rc; /* the first error wins */
    struct err *e;
};
struct qp_value {
    str text;
    size_t at;
    bool quoted;
};

int qp_fail_at(struct qp *p, size_t at, const char *key, str a0, str a1);
struct query_node *qp_node(struct qp *p, enum query_kind kind);
void qp_skip(struct qp *p);
str qp_word(struct qp *p);
int qp_value(struct qp *p, struct qp_value *v);
struct query_node *qp_term(struct qp *p, const char *behind);

/* query_value.c */
int qp_field_find(struct qp *p, str name, size_t at, bool in_text, enum query_field *out);
struct query_node *qp_field_value(struct qp *p, enum query_field f);
void qp_pipe(struct qp *p); /* at a '|'; reads one pipe with what follows it */
#endif
