/* Kinds of lines: what fits a query, by its program and by the static text of
 * its message (split.h), with how many there were in the same span some time
 * before. From stored blocks the counts of templates are added up and no line
 * is put together, but for one example of each kind; lines that a filter must
 * see, that a block holds without a template or that lie in a block at the edge
 * of the span are split here by the same rules, so both give the same text.
 *
 * Ceilings: PATTERNS_MAX kinds, PATTERN_TEXT bytes of a text (what is alike up
 * to there is one kind), PATTERN_EXAMPLE of an example; lines of kinds past the
 * ceiling are counted in `other`, so that the sums are exact. */
#ifndef LUY_JOURNAL_PATTERNS_H
#define LUY_JOURNAL_PATTERNS_H
#include "journal/journal.h"

enum { PATTERNS_MAX = 8192, PATTERN_TEXT = 1024, PATTERN_EXAMPLE = 512, PATTERN_HOLE = 0x11 };
struct pattern_row {
    str program;            /* p NULL: holds a value itself */
    str text;               /* PATTERN_HOLE stands for a value */
    uint64_t count, before; /* one of them is not 0 */
    uint64_t seq;           /* of the example: a late line, of the span before when there is none in this */
    str example;            /* its message */
};
struct patterns {
    struct pattern_row *rows; /* by falling count, then before, then text */
    size_t n;
    uint64_t total, total_before, other, other_before;
};
/* q: since and until are set. back_ns: how long before. After -ETIME and
 * -ECANCELED what was counted is handed over, and is not all. Lives in a. */
int journal_patterns(struct journal *j, struct arena *a, const struct query *q, int64_t back_ns,
                     const struct search_opts *o, struct patterns *out, struct search_stats *st, struct err *e);
/* The words of a query that finds the lines of the kind, and at times a few more:
 * program:sshd "Failed password for * from * port *". */
void pattern_query(struct buf *b, const struct pattern_row *row);
#endif
