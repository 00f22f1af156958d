/* Guests: blocks of other journals (a relay's), kept and vouched for by whoever
 * adds them, and searched together with this journal's own.
 *
 * A guest gets numbers of this journal, above everything that was there when it
 * came: a number is unique here, results page by it, and their order is the order
 * of arrival. The open block keeps the numbers that it may still need; what it does
 * not use stays a hole. The caller stores which numbers its blocks have.
 *
 * Any thread. A segment is counted by references here too; its owner goes on
 * adding blocks to it, of which only those added here are seen. */
#ifndef LUY_JOURNAL_GUEST_H
#define LUY_JOURNAL_GUEST_H
#include "journal/ledger.h"
#include "journal/segment.h"

struct journal;
struct flow_segment;
struct flow_store;
/* Takes `count` numbers; the first of them. */
uint64_t journal_guest_reserve(struct journal *j, uint64_t count);
/* base: reserved now, or by an earlier run of the program. news: tails see it. -EEXIST: the numbers are another's. */
int journal_guest_add(struct journal *j, struct segment *s, const struct block_info *b, uint64_t base, bool news,
                      struct err *e);
/* Forgets all blocks of s; a search that reads it holds it still. */
void journal_guest_drop(struct journal *j, struct segment *s);
/* One more reference; one less. */
void journal_segment_ref(struct journal *j, struct segment *s);
void journal_segment_unref(struct journal *j, struct segment *s);
/* False: archives are made, and s does not stand in one yet. Of flows: g, which s queries; of none (NULL) none are
 * made. */
bool journal_segment_archived(struct journal *j, const struct segment *s);
bool journal_flows_archived(struct journal *j, struct flow_store *s, const struct flow_segment *g);

/* What a relay's events are deleted for; journal_verify_dir takes no other word. */
extern const char *const guest_gone_reasons[];
enum { GUEST_GONE_RETENTION, GUEST_GONE_CEILING, GUEST_GONE_REASONS };
/* stream: LEDGER_LOG, or LEDGER_FLOW for its flows, whose numbers are others. */
struct sha256 guest_gone_root(str anchor, enum ledger_stream stream, const char *reason);
/* Is the entry of the stream RELAY such a deletion of that relay's, of either stream? */
bool guest_gone_is(const struct ledger_entry *n, str anchor, enum ledger_stream *stream);
/* The events of s, a relay's with that anchor, are to be deleted: into this journal's ledger, durable.
 * n: the entry. Without a ledger (no vault): 0, and nothing is proven. */
int journal_guest_gone(struct journal *j, const struct segment *s, str anchor, const char *reason,
                       struct ledger_entry *n, struct err *e);
/* The same of a file of its flows; s: the store that queries them, NULL: none. */
int journal_guest_flows_gone(struct journal *j, struct flow_store *s, const struct flow_segment *g, str anchor,
                             const char *reason, struct ledger_entry *n, struct err *e);
/* What copies are cut by (sealed.h). The numbers of base..base+count-1 were events of that relay, deleted in an earlier
 * run; told before its blocks are added, in order. And: what the relay received before `before` is past its age and
 * gone. */
void journal_guest_was(struct journal *j, const char *relay, uint64_t base, uint64_t count);
void journal_guest_aged(struct journal *j, const char *relay, int64_t before);
/* True while a clock that leapt forbids deletion by age. Any thread. */
bool journal_age_held(struct journal *j);

/* The stored block of this journal that begins with event `first`; its segment is
 * held until journal_segment_unref. False: no longer (or not yet) there. */
bool journal_block_hold(struct journal *j, uint64_t first, struct segment **s, struct block_info *out);
/* What lies in segments from event `next` on: where it begins, and bytes. */
struct journal_spool {
    uint64_t first, bytes; /* first: 0 when nothing is there */
};
struct journal_spool journal_spool(struct journal *j, uint64_t next);
#endif
