/* Shared by search_plan.c and search_text.c. */
#ifndef LUY_JOURNAL_SEARCH_PLAN_INT_H
#define LUY_JOURNAL_SEARCH_PLAN_INT_H
#include "journal/search_plan.h"

/* A verdict, or what reading the block failed with. */
int plan_text(struct search_plan *p, const struct query_node *n, struct block_dec *d, struct block_template *t);
#endif
