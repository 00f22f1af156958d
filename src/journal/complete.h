/* What may come next in a query that is being typed. Pure, any thread. */
#ifndef LUY_JOURNAL_COMPLETE_H
#define LUY_JOURNAL_COMPLETE_H
#include "journal/query.h"

enum complete_kind {
    CK_NONE,  /* within quotes or a regex: nothing to offer */
    CK_TERM,  /* a field, an operator, a word */
    CK_VALUE, /* of `field` */
    CK_STEP,  /* behind | */
    CK_FIELD, /* in a step */
};
struct complete {
    enum complete_kind kind;
    size_t from; /* byte where the word begins that would be replaced, up to `at` */
    str prefix;  /* it */
    str field;   /* VALUE */
    size_t pipe; /* FIELD: byte of the | in front of the step */
};
void query_complete(str text, size_t at, struct complete *out);
#endif
