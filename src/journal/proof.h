/* The journal's proof: a masked leaf for each event, a root for each sealed
 * block in the ledger, and from these, inclusion proofs and the look whether all
 * is as it was sealed.
 *
 * A leaf is over the event's record in the wire form of event.h. A block's seed
 * stands in its head and is deleted with it. */
#ifndef LUY_JOURNAL_PROOF_H
#define LUY_JOURNAL_PROOF_H
#include "journal/journal.h"
#include "journal/ledger.h"
#include <stdatomic.h>

struct rows;
struct block_dec;
struct block_part;
struct block_head;
/* Adds the rows of a block in memory to m, which was begun with the block's seed. */
int proof_rows(struct merkle *m, struct rows *r, struct err *e);

/* The same of a stored block, opened in d; its rows go to c too. NULL: to m alone. */
struct recount;
int proof_part_leaves(struct merkle *m, struct block_dec *d, const struct block_part *p, struct recount *c,
                      struct err *e);
/* Of a block that is one part, as those are that were sealed; -EBADMSG: it is not. */
int proof_block_leaves(struct merkle *m, struct block_dec *d, const struct block_head *h, struct err *e);

/* {"seq", "record", "mask", "index", "record_path", "entry", "entry_path", "head",
 * "evolutions"} for luy-verifier. -ENOENT: no such event, or no longer kept;
 * -EAGAIN: not sealed and signed yet. Any thread. */
int journal_prove(struct journal *j, uint64_t seq, json_t **out, struct err *e);

struct verify_report {
    struct ledger_report ledger;
    uint64_t blocks, events, deleted; /* whole ones; events of blocks that were lawfully deleted */
    uint64_t unproven;                /* events that no entry holds yet */
    uint64_t elsewhere;               /* of an archive: events that the ledger knows and the archive does not promise */
    uint64_t flow_blocks, flows, flows_deleted, flows_unproven, flows_elsewhere; /* the same of the flow store */
    uint64_t flows_unread; /* flows that the ledger knows, where no folder of flows was given */
    bool bad;
    struct err first; /* when bad: the first place that was changed, cut or inserted */
};
struct verify_opts {
    str anchor; /* what the ledger's first head must be; empty: not compared */
    void (*progress)(void *ctx, uint64_t done_events, uint64_t all_events);
    void *progress_ctx;
    const atomic_bool *cancel;
    /* dir is an archive (archive.h): only what its manifest promises has to be
     * there, each file with its checksum, and the ledger must know the manifest. */
    bool archive;
    /* dir is a centre's copy of a relay: the centre's journal folder, whose ledger says what was deleted of it there,
     * and that ledger's anchor (empty: not compared). NULL: the relay's own ledger alone counts. */
    const char *centre;
    str centre_anchor;
    const char *flows; /* the flow store's folder, whose blocks are in the same ledger; NULL: not read; an archive
                        * has its own in it, and so has a centre's copy of a relay: then it is dir */
};
/* Reads every byte of a journal's folder, without changing any; a journal may be
 * writing there meanwhile. 0 also when something is bad; negative when a file
 * cannot be read at all, -ECANCELED. */
int journal_verify_dir(const char *dir, const struct verify_opts *o, struct verify_report *out, struct err *e);
/* Its part for flows; adds to *out. archive: what flows_dir promises, when it is one; else NULL. */
struct manifest;
int flow_verify_dir(const char *ledger_dir, const char *flows_dir, const struct manifest *archive,
                    const struct verify_opts *o, struct verify_report *out, struct err *e);
#endif
