/* Shared by search_plan.c and search_text.c. */
#ifndef LUY_JOURNAL_SEARCH_PLAN_INT_H
#define LUY_JOURNAL_SEARCH_PLAN_INT_H
#include "journal/search_plan.h"

enum verdict plan_text(struct search_plan *p, const struct query_node *n, struct block_dec *d,
                       const struct block_template *t);
#endif
