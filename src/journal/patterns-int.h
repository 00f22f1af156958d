/* Lines as templates would say them, for patterns.c and its tests. */
#ifndef LUY_JOURNAL_PATTERNS_INT_H
#define LUY_JOURNAL_PATTERNS_INT_H
#include "journal/patterns.h"
#include "journal/split.h"

struct line_mask;
struct line_mask *line_mask_new(void); /* NULL: no memory */
void line_mask_free(struct line_mask *m);
/* Program and message with PATTERN_HOLE for each value; ev: raw and spans. Good until the next call. */
void line_mask(struct line_mask *m, const struct event *ev, str *program, str *msg);
#endif
