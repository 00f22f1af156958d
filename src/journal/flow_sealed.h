/* What the flow store sealed and what relays brought to it, in the order it came: sealed.h
 * for flows, with the same streams. 0 is the store's own blocks, 1.. the guests of one
 * relay each (flow_guest.h). Any thread; the store's lock is held only to look. */
#ifndef LUY_JOURNAL_FLOW_SEALED_H
#define LUY_JOURNAL_FLOW_SEALED_H
#include "journal/flow_store.h"
#include "journal/sealed.h"

typedef bool flow_row_fn(void *ctx, uint64_t seq, struct flow_page *p, uint32_t row); /* false: enough */
bool flow_stream(struct flow_store *s, size_t stream, char relay[64]);
/* As journal_sealed_block; fn's page is of the one block. */
int flow_sealed_block(struct flow_store *s, size_t stream, uint64_t from, flow_row_fn *fn, void *ctx,
                      struct sealed_block *out, struct err *e);
void flow_sealed_numbers(struct flow_store *s, uint64_t from, number_fn *fn, void *ctx);
void flow_guest_numbers(struct flow_store *s, guest_number_fn *fn, void *ctx);
/* Without a ledger -ENODATA for the own. */
int flow_gone_numbers(struct flow_store *s, size_t stream, uint64_t from, uint64_t to, number_fn *fn, void *ctx,
                      struct err *e);
uint64_t flow_store_next(struct flow_store *s); /* behind the newest number that was given */
/* Of streams 0..n-1 the time of receipt before which nothing is here that age has not deleted: by whole days, and
 * an hour before the day of the oldest file that is kept, as a clock may have been set back in it. 0: nothing. */
void flow_streams_gone(struct flow_store *s, int64_t *before, size_t n);
#endif
