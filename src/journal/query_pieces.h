/* A regular expression read piece by piece, as far as its plain part goes: literals in
 * ASCII, classes, groups, choices, repeats. Pure. */
#ifndef LUY_JOURNAL_QUERY_PIECES_H
#define LUY_JOURNAL_QUERY_PIECES_H
#include "base/str.h"

enum regex_piece {
    RP_LITERAL,
    RP_OTHER,
    RP_REPEAT,   /* of what stands before it */
    RP_OPTIONAL, /* the same, or none of it */
    RP_ASSERT,   /* asks what stands around */
    RP_CHOICE,
    RP_UNSURE
};

/* What stands at *i, which moves to its last byte; depth counts open groups. */
enum regex_piece regex_next(str re, size_t *i, unsigned *depth);
/* The expressions of which one fits where /this|that/ fits, in out; 1: it is one expression,
 * or has more choices than `most`, or one cannot be sure that they stand for themselves. */
size_t regex_choices(str re, str *out, size_t most);
#endif
