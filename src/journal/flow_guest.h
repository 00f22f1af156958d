/* Guests of the flow store: stored blocks of other flow stores (a relay's), kept and
 * vouched for by whoever adds them, and queried together with the store's own; what
 * guest.h is to lines. A guest's flows get numbers of this store, above everything that
 * was there when they came; the open block keeps the numbers that it may still need.
 * The caller remembers which numbers its blocks have.
 *
 * Any thread. A segment is counted by references under the store's lock; its owner goes
 * on adding blocks to it, of which only those added here are seen. */
#ifndef LUY_JOURNAL_FLOW_GUEST_H
#define LUY_JOURNAL_FLOW_GUEST_H
#include "journal/flow_segment.h"

struct flow_store;
/* Takes `count` numbers; the first of them. */
uint64_t flow_guest_reserve(struct flow_store *s, uint64_t count);
/* base: reserved now, or by an earlier run of the program. relay: whose flows they are. -EEXIST: the numbers are
 * another's. */
int flow_guest_add(struct flow_store *s, struct flow_segment *g, const struct flow_stored *b, uint64_t base,
                   const char *relay, struct err *e);
/* Forgets all blocks of g; a query that reads it holds it still. */
void flow_guest_drop(struct flow_store *s, struct flow_segment *g);
/* What copies are cut by, as guest.h has it of lines: numbers that were the relay's and went in an earlier run, told
 * before its blocks are added; and before when what it received is past its age and gone. */
void flow_guest_was(struct flow_store *s, const char *relay, uint64_t base, uint64_t count);
void flow_guest_aged(struct flow_store *s, const char *relay, int64_t before);
void flow_guest_ref(struct flow_store *s, struct flow_segment *g); /* one more reference; one less */
void flow_guest_unref(struct flow_store *s, struct flow_segment *g);
/* The relay's name behind a page's number (flow_page.relay), which lives as long as the store; 0: none, of no store
 * either. */
str flow_guest_relay(struct flow_store *s, uint32_t relay);

/* The store's own block that begins with flow `first`, for a relay's sender; its segment is held until
 * flow_guest_unref. False: no longer (or not yet) there. */
bool flow_block_hold(struct flow_store *s, uint64_t first, struct flow_segment **g, struct flow_stored *out);
/* What lies in own segments from flow `next` on: where it begins, 0: nothing is there; and bytes. */
struct flow_spool {
    uint64_t first, bytes;
};
struct flow_spool flow_spool(struct flow_store *s, uint64_t next);
#endif
