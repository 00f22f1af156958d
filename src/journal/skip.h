/* Can a stored block hold an event that fits? Answers from the block's head
 * and its small sets of hosts, programs and sources, without reading rows. */
#ifndef LUY_JOURNAL_SKIP_H
#define LUY_JOURNAL_SKIP_H
#include "journal/block.h"
#include "journal/query-int.h"

bool skip_by_head(const struct query *q, const struct block_head *h); /* true: it cannot */
/* 1 it cannot, 0 it may, negative: the block is damaged. d is open on it. */
int skip_by_sets(const struct query *q, struct block_dec *d);
#endif
