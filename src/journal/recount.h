/* What a block says of its lines beside them, counted again from the lines: times and
 * kinds in its head, rows of each origin, lines by hour. Counts and searches are answered
 * from these, and no leaf of the ledger has them: whoever can make a checksum could change
 * them alone. One thread. */
#ifndef LUY_JOURNAL_RECOUNT_H
#define LUY_JOURNAL_RECOUNT_H
#include "journal/block.h"

struct recount;
struct recount *recount_new(void); /* NULL: no memory */
void recount_free(struct recount *c);
/* Begins the block that is opened in d; -EBADMSG: an origin stands twice. */
int recount_begin(struct recount *c, struct block_dec *d);
/* Rows of it with all columns, in their order. */
void recount_rows(struct recount *c, const struct rows *r);
/* After all of them: 0, or -EBADMSG. h: the block's head. */
int recount_same(struct recount *c, struct block_dec *d, const struct block_head *h);
#endif
