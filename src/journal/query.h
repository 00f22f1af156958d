/* The query language, one line as people type it:
 *   program:sshd "Failed password" src:10.8.0.0/16 since:-2h | count by src | top 10
 *
 *   query  := [or] [ "|" pipe ]*
 *   or     := and ( "OR" and )*          and := not ( ["AND"] not )*
 *   not    := "NOT" not | "(" or ")" | term
 *   term   := text | "~" text | regex | field ":" test
 *           | "since:" time | "until:" time | "from:" source      (for the whole query)
 *   text   := word | "phrase"; * any run, ? one character; \ before * ? " \ takes
 *             them as they are, \xNN is a byte
 *   regex  := "/" PCRE2 "/" ["i"]; a first slash whose partner is followed by
 *             more of the word begins a path, not a regex
 *   test   := text | regex | address | prefix/len | number ".." number (either may
 *             be left out) | ("<" | "<=" | ">" | ">=") number
 *   time   := now, -2h, -30m, -7d, RFC 3339, YYYY-MM-DD, dd/MM/yyyy[ HH:MM[:SS]]
 *             (quoted when it holds a space), HH:MM (today); local time is UTC+7
 *   pipe   := "count" ["by" f ("," f)*] | "top" n [[f ("," f)*] "by" f | f]
 *           | "histogram" duration [("sum"|..|"p99") f] ["by" f ("," f)*] | "fields" f ("," f)* | "sort" ["-"]f
 *           | "limit" n | "unique" f ("," f)*
 *           | ("sum"|"min"|"max"|"avg"|"p50"|"p99") f ["by" f ("," f)*]
 *
 * Words match anywhere in the raw bytes, ASCII case ignored, and letters with
 * marks match in whichever of their Unicode forms they stand (NFC, NFD, mixed);
 * ~word leaves Vietnamese marks and case out of account. A field's test is of the
 * whole value. Numbers are compared as decimals of any length.
 *
 * Fields of logs: source host program pid msgid severity facility transport format
 * flags msg raw relay; what the caller's resolver names; any other name is a path into a
 * line that holds a JSON object (alert.severity, event_type; a leading point,
 * .host, says so where a name is taken). Through arrays a path asks each element.
 * severity and facility take names or numbers, severity also < <= > >=.
 * Other sources have the fields that they declare; a word there means any text
 * field holds it. */
#ifndef LUY_JOURNAL_QUERY_H
#define LUY_JOURNAL_QUERY_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "intake/event.h"
#include "journal/source.h"

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
    QF_RELAY,
    QF_COUNT
};
struct query_field_info {
    const char *name;
    enum query_field id;
};
extern const struct query_field_info query_fields[QF_COUNT];

/* QP_NONE, QP_COUNT, QP_COUNT_BY and QP_HISTOGRAM are what journal_aggregate
 * answers by itself: one such pipe over logs, by fields of the table above, and
 * a limit. Everything else is QP_STREAM, which pipe.h runs. */
enum query_pipe { QP_NONE, QP_COUNT, QP_COUNT_BY, QP_HISTOGRAM, QP_STREAM };

/* A field as a query names it. */
enum query_ref_kind { QR_FIELD, QR_RESOLVED, QR_PATH, QR_COLUMN };
struct query_ref {
    enum query_ref_kind kind;
    unsigned field; /* of the source, of the resolver, or of the columns that the step before gave */
    str name;       /* as it is printed; QR_PATH: the path */
};
enum { QUERY_BY_MAX = 4, QUERY_FIELDS_MAX = 16, QUERY_PIPES_MAX = 16 };
enum step_kind { SK_COUNT, SK_TOP, SK_HISTOGRAM, SK_FIELDS, SK_SORT, SK_LIMIT, SK_UNIQUE, SK_AGGREGATE };
enum step_fold { SF_SUM, SF_MIN, SF_MAX, SF_AVG, SF_P50, SF_P99, SF_COUNT };
/* TOP: with `by` it groups by them and keeps the n largest sums of `of`, or
 * counts; without, it keeps the n rows largest in `of`, or in the last column. */
struct query_step {
    enum step_kind kind;
    enum step_fold fold; /* AGGREGATE; TOP with by: SUM or COUNT; HISTOGRAM: COUNT where it has no `of` */
    struct query_ref of; /* AGGREGATE, HISTOGRAM, SORT, TOP; name.n = 0: none */
    struct query_ref by[QUERY_FIELDS_MAX]; /* COUNT, HISTOGRAM, TOP, AGGREGATE, FIELDS, UNIQUE */
    size_t nby;
    bool down;       /* SORT: largest first */
    uint64_t n;      /* TOP, LIMIT */
    int64_t step_ns; /* HISTOGRAM */
    str column;      /* name of the column that AGGREGATE, HISTOGRAM and TOP make: sum_bytes */
};

struct query_node; /* body: query-int.h */
struct query_fault;
struct query {
    struct query_node *root;    /* NULL = everything */
    int64_t since_ns, until_ns; /* INT64_MIN / INT64_MAX when open */
    enum query_pipe pipe;
    enum query_field by[QUERY_BY_MAX];
    size_t nby;
    int64_t step_ns;                       /* histogram */
    uint64_t limit;                        /* 0 = not said */
    const struct row_source *source;       /* query_logs for logs */
    const struct field_resolver *resolver; /* may be NULL */
    const struct query_env *env;           /* a copy, in the arena */
    struct query_step *steps;
    size_t nsteps;
    struct query_fault *fault;
};
/* What a query may be about, beyond its text. Sources and resolver outlive the query. */
struct query_env {
    int64_t now_ns;
    const struct row_source *const *sources; /* besides logs */
    size_t nsources;
    const char *from; /* the source where the text says none; NULL: logs */
    const struct field_resolver *resolver;
};
/* Logs as the parser knows them: fields, no scan (query_source_logs() has one). */
extern const struct row_source query_logs;

/* err.col is the character (1-based, in bytes) where it went wrong. Lives in `a`. */
int query_parse(struct arena *a, str text, int64_t now_ns, struct query **out, struct err *e);
int query_parse_env(struct arena *a, str text, const struct query_env *env, struct query **out, struct err *e);
/* The same query in another arena. */
int query_copy(struct arena *a, const struct query *q, struct query **out, struct err *e);
bool query_match(const struct query *q, const struct event *ev); /* exact, time range included */
bool query_row_match(const struct query *q,
                     const struct source_row *r); /* the same for any source; logs: data is a struct hit */
/* A regular expression that ran past its limits makes the query false from then
 * on; -ELOOP says that it did. Ask when a search has ended. */
int query_fault(const struct query *q, struct err *e);
/* The text of a field as searched and grouped by; scratch holds numbers and addresses. */
str query_field_text(const struct event *ev, enum query_field f, char scratch[64]);
/* What was understood, in the syntax read; parses again to the same tree. */
int query_print(const struct query *q, struct buf *out);
/* The same for people: each condition and step with the message key that says
 * what it does ({0} is `text`), depth by depth. */
typedef void explain_fn(void *ctx, size_t depth, const char *key, str text);
void query_explain(const struct query *q, explain_fn *fn, void *ctx);
#endif
