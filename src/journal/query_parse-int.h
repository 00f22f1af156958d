/* The parser's state, shared by its files: query_parse.c (structure),
 * query_value.c (fields and pipes). */
#ifndef LUY_JOURNAL_QUERY_PARSE_INT_H
#define LUY_JOURNAL_QUERY_PARSE_INT_H
#include "journal/query-int.h"

struct qp {
    struct arena *a;
    str s;
    size_t i; /* where the parser stands in s */
    const struct query_env *env;
    struct query *q;
    struct query_node **stack; /* children on their way into a node */
    size_t nstack, nodes, depth;
    bool said_since, said_until, said_from;
    size_t text_max;
    /* columns that the steps so far give; columns == false: the source's fields */
    bool columns;
    str column[QUERY_FIELDS_MAX + 1];
    size_t ncolumns;
    int rc; /* the first error wins */
    struct err *e;
};
struct qp_value {
    str text;
    size_t at;
    bool quoted;
    bool regex, nocase; /* text is between the slashes */
};

int qp_fail_at(struct qp *p, size_t at, const char *key, str a0, str a1);
struct query_node *qp_node(struct qp *p, enum query_kind kind);
void qp_skip(struct qp *p);
str qp_word(struct qp *p);
int qp_value(struct qp *p, struct qp_value *v);
struct query_node *qp_term(struct qp *p, const char *behind);

int qp_regex(struct qp *p, struct qp_value *v); /* 1 read, 0 none stands here */
int qp_no_memory(struct qp *p);
bool qp_at(const struct qp *p, char c);

/* query_value.c */
bool qp_source_find(struct qp *p, str name); /* sets it */
int qp_source_fail(struct qp *p, size_t at, str name);
void qp_regex_set(struct qp *p, const struct qp_value *v, struct query_regex *out);
bool qp_name_is(struct qp *p, str name, bool in_text); /* known, or could be a path */
int qp_ref(struct qp *p, str name, size_t at, bool in_text, struct query_ref *out);
struct query_node *qp_field_value(struct qp *p, const struct query_ref *ref);
/* query_bound.c: a number, time or duration as the type has it. */
bool qp_bound(struct qp *p, enum value_type t, str s, struct query_bound *out);
/* Empty, or what a relay could be called: any other name would find nothing for ever. */
bool qp_relay_name(str s);
bool qp_net(struct qp *p, const struct qp_value *v, struct prefix *out);
/* query_step.c */
void qp_pipe(struct qp *p); /* at a '|'; reads one pipe with what follows it */
void qp_pipes_done(struct qp *p);
#endif
