/* The query language, one line as people type it:
 *   program:sshd "Failed password" since:-2h | count by source
 * Grammar (first subset):
 *   query  := or [ "|" pipe ]*
 *   or     := and ( "OR" and )*          and := not ( ["AND"] not )*
 *   not    := "NOT" not | "(" or ")" | term
 *   term   := word | "phrase" | field ":" value | "since:" time | "until:" time
 *   value  := word | "phrase" | number | address | prefix/len (for source), * and ? as wildcards
 *   time   := -2h, -30m, -7d, RFC 3339, YYYY-MM-DD, HH:MM (today)
 *   pipe   := "count" [ "by" field ("," field)* ] | "histogram" duration | "limit" number
 * Fields: source host program pid msgid severity facility transport format flags msg raw.
 * severity and facility take names or numbers, severity also ranges (severity:<=err).
 * Words and phrases match anywhere in the raw bytes, ASCII case ignored;
 * field values match the whole field, ASCII case ignored. */
#ifndef LUY_JOURNAL_QUERY_H
#define LUY_JOURNAL_QUERY_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "intake/event.h"

enum query_field {
    QF_SOURCE,
    QF_HOST,
    QF_PROGRAM,
    QF_PID,
    QF_MSGID,
    QF_SEVERITY,
    QF_FACILITY,
    QF_TRANSPORT,
    QF_FORMAT,
    QF_FLAGS,
    QF_MSG,
    QF_RAW,
    QF_COUNT
};
struct query_field_info {
    const char *name;
    enum query_field id;
};
extern const struct query_field_info query_fields[QF_COUNT];

enum query_pipe { QP_NONE, QP_COUNT, QP_COUNT_BY, QP_HISTOGRAM };
struct query_node; /* body: query-int.h */
struct query {
    struct query_node *root;    /* NULL = everything */
    int64_t since_ns, until_ns; /* INT64_MIN / INT64_MAX when open */
    enum query_pipe pipe;
    enum query_field by[4];
    size_t nby;
    int64_t step_ns; /* histogram */
    uint64_t limit;  /* 0 = not said */
};
/* err.col is the character (1-based, in bytes) where it went wrong. Lives in `a`. */
int query_parse(struct arena *a, str text, int64_t now_ns, struct query **out, struct err *e);
bool query_match(const struct query *q, const struct event *ev); /* exact, time range included */
/* The text of a field as searched and grouped by; scratch holds numbers and addresses. */
str query_field_text(const struct event *ev, enum query_field f, char scratch[64]);
/* What was understood, in the syntax read; parses again to the same tree. */
int query_print(const struct query *q, struct buf *out);
#endif
