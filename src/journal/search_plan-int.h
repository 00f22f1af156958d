/* Shared by search_plan.c, search_regex.c, search_term.c and search_text.c. */
#ifndef LUY_JOURNAL_SEARCH_PLAN_INT_H
#define LUY_JOURNAL_SEARCH_PLAN_INT_H
#include "journal/search_plan.h"

static inline bool is_hole(char c) { return (uint8_t)c >= HOLE_VALUE && (uint8_t)c <= HOLE_STAMP; }
/* What a node of the query asks of a text; false: nothing that a template could be asked. */
bool term_make(struct plan_term *t, const struct query_node *n);
/* Fills t->verdict for the templates of a block. 0, or what reading it failed with. */
int term_mark(struct search_plan *p, struct plan_term *t, struct block_dec *d);
/* Clears the bits of the template's rows that cannot fit: a word that stands nowhere
 * else must be in a value. room: as many bits. */
int term_rows(struct search_plan *p, const struct plan_term *t, struct block_dec *d, struct block_template *b,
              uint64_t *bits, uint64_t *room);
/* Sets the bits of rows with a value that holds the word. */
int term_value_rows(struct search_plan *p, const struct needle *word, struct block_dec *d, struct block_template *t,
                    uint64_t *bits);
/* 1 some value may hold the word, or it goes over the edge of one; 0 no; or what reading failed with. */
int term_in_values(struct search_plan *p, const struct needle *word, struct block_dec *d, struct block_template *t);
/* The longest run that every match holds as it stands, in small letters; empty when in
 * doubt. *local: a match in a part of a line is always one in the line. */
str regex_read(str re, char *room, size_t cap, bool *local);
/* The expression (local) fits between two holes of a template's text. fault: not the
 * query's, since a part of a line that goes past the limits says nothing about the line. */
bool regex_in_static(const struct query_node *n, str text, struct query_fault *fault);
#endif
