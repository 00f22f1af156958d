/* What the centre keeps of one relay: the relay's own files, byte for byte, as a
 * journal's folder that `luyd`, `luy-journal verify` and luy-verifier read like any other.
 *
 * DIR/ledger, DIR/heads, DIR/seg-*.luy, DIR/flow-*.lyf as in ledger.h, segment.h and flow_segment.h; DIR/places:
 * records of 32 bytes, which numbers a block has in the centre's journal (guest.h) or flow store (flow_guest.h):
 *     0 u64 first event or flow, the relay's number   8 u64 events or flows   16 u64 first number here
 *    24 u32 stream, LEDGER_LOG or LEDGER_FLOW   28 u32 crc32c of bytes 0..27
 *
 * Nothing is kept on the relay's word. A block is taken when its bytes give the root
 * that its entry names; entries and blocks stay unseen ("staged") until a head comes that
 * follows the chain of heads from the pinned anchor and signs the tree of all entries.
 * Then everything is synced, in the order blocks, ledger, places, heads, and only then
 * shown to searches and acknowledged. A head that does not fit throws the staged part
 * away. After a crash the staged part is thrown away too, and comes again.
 *
 * What is deleted here goes by whole files, the oldest first, never the newest: an entry of the
 * centre's ledger (ledger.h, stream RELAY) says so before, and DIR/deleted has a copy of it.
 *
 * One line at a time feeds it; its calls take turns, so that another thread may read its
 * figures, hand it on, or delete its oldest file. Flows are handed to nobody. */
#ifndef LUY_RELAY_STORE_H
#define LUY_RELAY_STORE_H
#include "base/clock.h"
#include "journal/guest.h"
#include "journal/ledger.h"
#include "relay/taker.h"
#include "relay/wire.h"
#include <stdatomic.h>

struct relay_store_cfg {
    const char *dir;
    const char *name;                /* of the relay; for the taker */
    const struct relay_taker *taker; /* NULL: nobody. What was kept before it came is not handed to it */
    str anchor;                      /* hex, what record 0 of the heads must be */
    struct journal *journal;         /* searches its blocks with its own */
    struct flow_store *flows;        /* the same of its flows; NULL: they are kept, and not queried */
    const struct clock *clk;
    struct relay_ceiling *ceiling; /* over all relays; NULL: none. -ENOSPC when nothing is left that may go */
    int64_t max_bytes;     /* of segments; 0 = none. The oldest files go; -ENOSPC when only the newest is left */
    int64_t reserve_bytes; /* of the file system, left for others: -ENOSPC, the relay keeps the rest */
    int retention_days;    /* by time of receipt at the relay; 0 = for ever */
    /* After the deletion of a file of lines or flows. May be NULL. */
    void (*deleted)(void *ctx, enum ledger_stream of, const struct ledger_entry *n, const char *reason);
    void *ctx;
};
struct relay_store;
int relay_store_open(const struct relay_store_cfg *cfg, struct relay_store **out, struct err *e);
void relay_store_close(struct relay_store *s); /* NULL is fine. Journal and flow store must be open still */

/* Where to go on. */
struct relay_point {
    uint64_t entries, heads, part; /* part: bytes here of the block of entry `entries` */
    struct sha256 last;
};
void relay_store_point(struct relay_store *s, struct relay_point *out);

/* Each: 0; -EBADMSG: what came is wrong, and nothing of it stays; -EPROTO: not its turn;
 * -ENOSPC, -EIO: this side cannot. */
int relay_store_entry(struct relay_store *s, const uint8_t bytes[LEDGER_ENTRY], struct err *e);
int relay_store_segment(struct relay_store *s, const uint8_t head[SEG_HEAD_BYTES], struct err *e);
int relay_store_bytes(struct relay_store *s, uint64_t offset, uint64_t length, str bytes, struct err *e);
/* *gone: the events or flows that do not come. */
int relay_store_skip(struct relay_store *s, struct ledger_entry *gone, struct err *e);
int relay_store_head(struct relay_store *s, const uint8_t bytes[LEDGER_HEAD], struct err *e);

/* Hands what is kept and shown to the taker, as far as it takes it. True: nothing is left. */
bool relay_store_hand(struct relay_store *s);
bool relay_store_behind(struct relay_store *s); /* something is left, and it is time to try */

struct archive_done;
/* Archives the oldest closed month that is not yet (archive.h): 1, 0, or why not. Lines go on meanwhile. */
int relay_store_archive(struct relay_store *s, const atomic_bool *cancel, struct archive_done *out, struct err *e);

/* Deletes what is too old, at most once a minute; call it as often as you like. */
void relay_store_tick(struct relay_store *s);

struct relay_store_stats {
    uint64_t entries, heads, blocks, events, bytes, missing_events; /* bytes: of lines and flows */
    uint64_t flow_blocks, flows, missing_flows;
    uint64_t deleted_files; /* since it was opened */
    uint64_t handed;        /* events that the taker took, since it was opened */
    int64_t last_ns;        /* receipt of the newest event that is shown; 0: none */
};
void relay_store_stats(struct relay_store *s, struct relay_store_stats *out);

/* For a ceiling over all: bytes of its segments, what comes in now too; receipt of the newest line in
 * the oldest file that may go, INT64_MAX: none. As of the last call's end; they wait for nobody. */
uint64_t relay_store_size(const struct relay_store *s);
int64_t relay_store_oldest(const struct relay_store *s);
int relay_store_drop_oldest(struct relay_store *s, struct err *e); /* 0 also when none may go */
#endif
