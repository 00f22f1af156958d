/* Archives of the journal: each closed month, once, in a second place, readable
 * there without anything else.
 *
 * PLACE/2026-10/ holds
 *   seg-*.luy        the month's segments: the same events with the same numbers and roots, packed
 *                    harder (archive_recode.c); one that cannot be read is byte for byte as it was
 *   flow-*.lyf       the month's files of flows (flow_store.h), byte for byte: a block's root is over its
 *                    bytes as they are stored, so they are not packed again
 *   ledger, heads    the ledger from its beginning to the head that covers the
 *                    archive (ledger.h); the public keys stand in the heads
 *   manifest.json    below; its SHA-256 is the root of an ARCHIVE entry there
 *   README.txt       what this is and how it is read, vi and en
 * and is made as PLACE/.2026-10.part, whose rename is the last step. Files in it
 * have their name only when they are whole and synced (NAME.tmp before), so that
 * a copy that was broken off goes on. What the month gets later (the clock was
 * set back) goes to 2026-10.2 and so on. A segment's month is that of its name:
 * of the first receipt in it, in Viet Nam.
 *
 * A month is due when it is over and neither a segment nor a file of flows of it can grow any more; it may
 * have only one of the two.
 *
 * manifest.json: {"format": "luy-archive 2", "name", "month", "records",
 * "raw_bytes", "bytes", "first_received", "last_received", "segments": [{"name",
 * "sha256", "bytes", "blocks", "records", "first", "last", "first_received",
 * "last_received"}], "flows", "flow_bytes", "flow_files": [the same with "flows" in place of "records"]};
 * first and last are events' and flows' numbers; records, raw_bytes and bytes are of the segments. A copy stays beside
 * the journal as DIR/archive-<name>.json: that is how it knows what was archived.
 *
 * What a centre keeps of a relay goes to PLACE/2026-10-<relay>/ in the same way. ledger
 * and heads are the relay's own then, in which the centre cannot write: the ARCHIVE entry
 * stands in the centre's (stream RELAY), of which centre/ledger and centre/heads are a
 * copy, and the manifest has "relay", its name.
 *
 * One archiving thread; it blocks no other for longer than a list takes. */
#ifndef LUY_JOURNAL_ARCHIVE_H
#define LUY_JOURNAL_ARCHIVE_H
#include "journal/proof.h"
#include <stdatomic.h>

struct flow_store;
/* The flow store whose files go into the journal's archives; its retention by age takes only what is archived from
 * then on. NULL: no longer; before the store is closed. Called before archiving begins and after it has ended. */
int journal_archive_flows(struct journal *j, struct flow_store *s, struct err *e);

enum { ARCHIVE_RELAY_MAX = 64, ARCHIVE_NAME_MAX = 16 + ARCHIVE_RELAY_MAX, ARCHIVE_MANIFEST_MAX = 16 << 20 };
struct archive_done {
    char name[ARCHIVE_NAME_MAX], sha256[65]; /* of the manifest */
    char first[40], last[40];                /* receipt times */
    int64_t month;                           /* day of its first */
    uint64_t segments, records, bytes;
    uint64_t flow_files, flows, flow_bytes;
    struct verify_report check; /* the copy as it was read back */
};
/* Who asks for an archive: how far it is, in bytes read and written, from the archiving thread; and a wish to stop. */
struct archive_watch {
    const atomic_bool *cancel;                                /* may be NULL */
    void (*progress)(void *ctx, uint64_t done, uint64_t all); /* may be NULL */
    void *ctx;
};
/* Makes the oldest archive that is due. 1: made; 0: none is due; negative: why
 * not, and the next call goes on where this one stopped. -ENODEV: the second
 * place is not there, or no place of its own; -ECANCELED. watch may be NULL, e not. */
int journal_archive_step(struct journal *j, const struct archive_watch *watch, struct archive_done *out, struct err *e);

/* The same of what is kept of a relay, by whoever keeps it. */
struct archive_guest {
    const char *relay, *dir; /* dir: its ledger and heads */
    struct segment **segs;   /* its files that grow no more, oldest first, held; all of them under a head */
    size_t n;
    uint32_t newest_day;      /* of its newest file, which is not among them: that month may grow */
    struct flow_store *store; /* queries its flows, and its lock guards them; NULL: its flows are not archived */
    struct flow_segment **flows;
    size_t nflows;
    uint32_t newest_flow_day; /* these three likewise of its files of flows */
    uint64_t entries, heads;  /* bytes of ledger and heads that count */
};
int journal_archive_guest_step(struct journal *j, const struct archive_guest *g, const atomic_bool *cancel,
                               struct archive_done *out, struct err *e);
/* Which of a relay's files stand in an archive: marks them, by the notes beside the journal. */
int journal_archive_guest_marks(struct journal *j, const char *relay, struct segment **segs, size_t n, struct err *e);
/* The same of its files of flows; s: the store that queries them. */
int journal_archive_guest_flow_marks(struct journal *j, struct flow_store *s, const char *relay,
                                     struct flow_segment **segs, size_t n, struct err *e);

struct archive_state {
    uint64_t archives, waiting_segments, waiting_bytes; /* made; of closed months and not archived: files of
                                                                     lines, relays' too, and of flows */
    uint64_t lost_segments; /* files deleted by the size ceiling before they were archived */
    const char *place;      /* the journal's; NULL: no archives are made */
    struct err last;        /* why the last step failed; code 0: it did not */
};
void journal_archive_state(struct journal *j, struct archive_state *out);
/* Lines and groups (row_source.scan, .fold) of the journal's own archives that are in the second place now, as of one
 * journal: by number, newest first. What was kept of relays is not among them, its numbers are the relay's. In
 * bad_blocks count those of files that could not be opened. -ENODEV: there is no second place; -E2BIG: more files
 * fit than one question may hold. Any thread. */
int journal_archive_rows(struct journal *j, const struct query *q, const struct search_opts *o, source_row_fn *fn,
                         void *ctx, struct search_stats *st, struct err *e);
int journal_archive_fold(struct journal *j, const struct query *q, const struct search_opts *o, source_group_fn *fn,
                         void *ctx, struct search_stats *st, struct err *e);
/* Those that were made and are not there: an answer lacks them. */
typedef void archive_name_fn(void *ctx, const char *name);
int journal_archive_absent(struct journal *j, archive_name_fn *fn, void *ctx, struct err *e);
/* [{"name", "month", "records", "bytes", "segments", "flows", "flow_bytes", "flow_files", "first_received",
 * "last_received", "sha256", "present"}],
 * newest first; present: its folder is in the second place now. Any thread. */
int journal_archives(struct journal *j, json_t **out, struct err *e);
#endif
