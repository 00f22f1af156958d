/* The ledger: what the journal ever held, as an append-only log under signed
 * heads. Whoever holds an old head can prove that nothing before it was
 * changed, dropped or inserted since. All numbers little-endian.
 *
 * DIR/ledger: entries of 96 bytes. The log's Merkle tree (merkle.h, RFC 9162)
 * has one leaf an entry: merkle_leaf(bytes 0..91).
 *     0  4 bytes "LYLE"       4  u8 type    5  u8 stream    6  u16 0
 *     8  u64 number of the entry, from 0
 *    16  u64 first record     24  u64 records
 *    32  i64 first receipt, ns 40  i64 last receipt, ns
 *    48  32 bytes root        80  u64 bytes stored       88  u32 0
 *    92  u32 crc32c of bytes 0..91
 * Types: BLOCK: records first .. first + records - 1 were sealed, `root` is the
 * root over their masked leaves. DELETED: the payloads of those records were
 * deleted; root is SHA-256 of the reason's text. Of flows the times are the flows'
 * own, and the leaves are the block's head and sections (flow_proof.c). POINT: a
 * state of another chain (the registry's history): `records` rows, root is its head. ARCHIVE: `records`
 * records from `first` on were copied to an archive; root is SHA-256 of its manifest. It is
 * of the stream LOG, and speaks for the month's flows too; of a month without lines it is of FLOW.
 * In the stream RELAY there are ARCHIVE, of what a centre keeps of a relay, and DELETED: it deleted
 * that, by the relay's numbers; root is SHA-256 of "relay ANCHOR REASON", of its flows of
 * "relay ANCHOR flows REASON", ANCHOR being the relay's, hex.
 *
 * DIR/heads: records of 208 bytes, each with the digest of the one before.
 *     0  4 bytes "LYHD"       4  u8 type    5  u8 0   6 u16 0     8  u32 epoch    12  u32 0
 *    16  u64 number of this record, from 0       24  i64 time, ns
 *    32  u64 entries in the log                  40  32 bytes root of their tree
 *    72  32 bytes SHA-256 of the record before (bytes 0..207; zero for record 0)
 *   104  32 bytes public key                     136 64 bytes Ed25519 signature of bytes 0..135
 *   200  u32 0               204  u32 crc32c of bytes 0..203
 * Types: BEGIN (record 0: the public key of epoch 0, signed with itself; its
 * digest is the anchor that an inspector writes down), HEAD, EVOLVE (the public
 * key of the next epoch, signed by this one's; then this one's private key is
 * wiped). Who steals today's key can therefore sign no head of yesterday.
 *
 * Keys lie in the vault as "head-<epoch>". Thread-safe. */
#ifndef LUY_JOURNAL_LEDGER_H
#define LUY_JOURNAL_LEDGER_H
#include "base/clock.h"
#include "journal/merkle.h"
#include <jansson.h>
#include <stdio.h>

enum { LEDGER_ENTRY = 96, LEDGER_HEAD = 208, LEDGER_HEAD_SECONDS = 60, LEDGER_EPOCH_SECONDS = 86400 };
enum ledger_type { LEDGER_BLOCK = 1, LEDGER_DELETED = 2, LEDGER_POINT = 3, LEDGER_ARCHIVE = 4 };
enum ledger_stream { LEDGER_LOG = 0, LEDGER_FLOW = 1, LEDGER_REGISTRY = 2, LEDGER_RELAY = 3, LEDGER_STREAMS };
enum head_type { HEAD_BEGIN = 1, HEAD_SIGNED = 2, HEAD_EVOLVE = 3 };
struct ledger_entry {
    enum ledger_type type;
    enum ledger_stream stream;
    uint64_t no, first, records, stored;
    int64_t from_ns, to_ns;
    struct sha256 root;
};
struct ledger_head {
    enum head_type type;
    uint32_t epoch;
    uint64_t no, entries;
    int64_t at_ns;
    struct sha256 root, before;
    uint8_t key[VAULT_RAW_PUBLIC], sig[VAULT_RAW_SIG];
};
void ledger_entry_write(const struct ledger_entry *n, uint8_t out[LEDGER_ENTRY]);
bool ledger_entry_read(const uint8_t in[LEDGER_ENTRY], struct ledger_entry *out);
void ledger_head_write(const struct ledger_head *h, uint8_t out[LEDGER_HEAD]); /* sig included */
bool ledger_head_read(const uint8_t in[LEDGER_HEAD], struct ledger_head *out);

struct ledger;
/* Makes both files when absent. A torn last entry or record (a crash) is cut off;
 * other damage is left for ledger_check to tell, logged, and does not stop the
 * journal: `damaged` says so. The vault outlives the ledger. */
int ledger_open(const char *dir, struct vault *v, const struct clock *clk, struct ledger **out, struct err *e);
void ledger_close(struct ledger *l); /* signs what is not signed; NULL is fine */
bool ledger_damaged(const struct ledger *l);
/* Durable when it returns 0. n->no is filled in. -ENOSPC: nothing was written. */
int ledger_add(struct ledger *l, struct ledger_entry *n, struct err *e);
/* Signs a head when entries came since the last, at most every LEDGER_HEAD_SECONDS, and
 * changes the key each LEDGER_EPOCH_SECONDS. */
int ledger_tick(struct ledger *l, struct err *e);
int ledger_sign(struct ledger *l, struct err *e); /* now; 0 also when nothing is new */
/* The first record of the stream that no BLOCK or POINT entry holds; 0 when there is none. */
uint64_t ledger_next(struct ledger *l, enum ledger_stream s);
/* Bytes of both files up to the newest head and the entries that it covers; these never change. */
void ledger_extent(struct ledger *l, uint64_t *entries_bytes, uint64_t *heads_bytes);
/* Hex digest of record 0. */
void ledger_anchor(struct ledger *l, char hex[65]);

/* ---- reading, also without a vault: for verify and proofs ---- */

enum { LEDGER_SIGNED = 136, LEDGER_PATH_MAX = 4096 }; /* bytes of a head that its signature covers */

/* Records of one of the two files, read in order. */
struct ledger_scan {
    FILE *f;
    size_t record;
    uint64_t no, size; /* records read; size of the file in bytes */
};
int ledger_scan_open(const char *dir, const char *name, size_t record, struct ledger_scan *s, struct err *e);
int ledger_scan_next(struct ledger_scan *s, uint8_t *out); /* 1, 0 at the end (a torn rest included), -errno */
void ledger_scan_close(struct ledger_scan *s);

/* The chain of heads as it is read from its beginning. */
struct head_chain {
    uint64_t no;
    uint32_t epoch;
    uint64_t entries;
    int64_t at_ns;
    uint8_t key[VAULT_RAW_PUBLIC];
    struct sha256 before, anchor;
};
/* Does the record follow? On success the chain moves on. -EBADMSG with what is wrong. */
int head_chain_next(struct head_chain *c, const uint8_t bytes[LEDGER_HEAD], struct ledger_head *h, struct err *e);

/* What is wrong first: nothing (-ENODATA never), or where. */
struct ledger_report {
    uint64_t entries, heads, epochs, signed_entries; /* signed_entries: covered by the last good head */
    char anchor[65];
    bool bad;
    struct err first; /* when bad */
};
/* Both files of dir from their beginning. anchor "" or what record 0 must be.
 * fn (may be NULL) sees each entry in order. 0 also when something is bad;
 * negative when a file cannot be read at all. */
typedef int ledger_fn(void *ctx, const struct ledger_entry *n);
int ledger_check(const char *dir, str anchor, ledger_fn *fn, void *ctx, struct ledger_report *out, struct err *e);
/* The stream's BLOCK entries that have some of the records from..to-1, in order, until fn says other than 0. Nothing is
 * checked. */
int ledger_blocks(const char *dir, enum ledger_stream stream, uint64_t from, uint64_t to, ledger_fn *fn, void *ctx,
                  struct err *e);

/* What proves that entry `no` stands in the log: JSON members
 * "entry" hex, "entry_path" [hex], "head" hex, "evolutions" [hex of BEGIN and each EVOLVE up to the head's epoch]. */
int ledger_prove(const char *dir, uint64_t no, json_t **out, struct err *e);
/* "old" and "new" heads' record numbers -> {"old": hex, "new": hex, "path": [hex], "evolutions": [hex]} */
int ledger_prove_growth(const char *dir, uint64_t old_head, uint64_t new_head, json_t **out, struct err *e);
#endif
