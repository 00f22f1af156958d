/* The journal's body.
 *
 * Files in DIR: lock; wal-<n> (wal.h), one for each block that is not sealed;
 * seg-<day>-<n>.luy (segment.h).
 *
 * Life of a block: events are appended to its write-ahead file and to `open`
 * (rows in memory); at block_bytes or block_seconds it is frozen; the sealing
 * thread writes it to the newest segment, syncs, and only then unlinks the
 * write-ahead file. A reader sees it in memory or in the segment, never in
 * both: the change happens under the lock.
 *
 * Threads: the writer (append, tick, sync, close), the sealer (seal.c), any
 * number of readers. `lock` guards what is marked so; rows and segments are
 * counted and outlive their removal from the lists. */
#ifndef LUY_JOURNAL_INT_H
#define LUY_JOURNAL_INT_H
#include "journal/age_guard.h"
#include "journal/gone.h"
#include "journal/guest.h"
#include "journal/journal.h"
#include "journal/ledger.h"
#include "journal/query-int.h"
#include "journal/segment.h"
#include "journal/turns.h"
#include "journal/wal.h"
#include <pthread.h>

enum {
    FROZEN_MAX = 3,          /* closed blocks that may wait for the sealer, */
    FROZEN_BYTES = 48 << 20, /* while so many raw bytes of them do; one may always */
    SPARE_MAX = 2,
    TAILS_MAX = 256,
    SEGMENT_BYTES = 256 << 20,
    BLOCK_BYTES_DEFAULT = 32 << 20,
    BLOCK_BYTES_MAX = 64 << 20,
    BLOCK_SECONDS_DEFAULT = 60,
};
/* The file wal_no holds what is in rows; the last block made of it unlinks it. */
struct frozen {
    struct rows *rows;
    uint64_t wal_no, wal_bytes;
    bool unlink_wal;
};

struct journal {
    struct journal_cfg cfg;
    char *dir, *archive_dir;
    const struct clock *clk;
    int lock_fd;

    /* writer thread only */
    struct wal wal; /* fd < 0: made with the next append */
    uint64_t wal_next;
    bool wal_bad;                /* a sync of it failed: it is not trusted again */
    uint64_t unsure;             /* events below it are durable only when sealed */
    struct age_guard age;        /* asked by relays' stores too: what is kept of them has an age of its own */
    _Atomic int64_t gone_before; /* sealed.h */
    int64_t sync_due, block_due, retain_due, retry_due, space_due; /* monotonic; 0 = none */
    uint64_t space_left; /* bytes that may be appended before the disk is asked again */

    _Atomic uint64_t next_seq, synced, appended;
    _Atomic uint64_t sealed; /* number behind the last sealed event */
    _Atomic int ntails;
    _Atomic bool full;
    _Atomic bool behind;         /* the writer waits for the sealer, or will with the next block */
    _Atomic int64_t hurry_until; /* the machine's monotonic time; journal_hurry() */
    struct journal *of;          /* whose archives it is of: that one's load and turns count; NULL: its own */
    struct turns turns;          /* of searches, while either is so */
    _Atomic uint64_t wal_bytes;  /* of the open write-ahead file */
    _Atomic uint64_t bad_blocks;
    _Atomic uint64_t archives, unarchived_lost; /* archive.h */

    pthread_mutex_t lock;
    pthread_cond_t work, room, news; /* for the sealer; for the writer; for tails */
    /* under lock */
    int refs; /* the owner and each tail */
    bool closing;
    struct rows *open;     /* NULL when nothing was appended since the last block */
    struct frozen *frozen; /* oldest first; more than may wait only after a crash */
    size_t nfrozen, frozen_cap;
    bool proving;        /* the sealer still holds the rows of the block that it wrote last */
    struct rows *recent; /* the block sealed last, kept for slow tails; NULL: there was no tail */
    struct rows *spare[SPARE_MAX];
    size_t nspare;
    struct block_dec *dec; /* of the last search, at rest; NULL: it is in use */
    struct segment **segs;
    size_t nsegs, segs_cap;
    uint32_t seg_next;
    uint64_t torn_bytes;
    bool stopping;            /* the sealer ends when nothing is left that can be sealed */
    struct err archive_err;   /* of the last archiving step */
    struct flow_store *flows; /* whose files go into the archives; its lock is taken under this one */
    int seal_err;             /* why the sealer stands still; 0 = it does not */
    pthread_t sealer;
    bool sealer_runs;

    /* guest.c, under lock */
    struct guests {
        struct guest {
            struct segment *s;
            struct block_info b; /* as it stands in its file */
            uint64_t base;       /* number of its first event here */
            uint64_t arrival;    /* how many came before it, and one; 0: it was there at the start */
            size_t relay;        /* whose it is: place in `relay` */
        } * v;                   /* by base */
        size_t n, cap;
        uint64_t next;    /* behind the last number that was given to a guest */
        uint64_t own_end; /* numbers below it may be the open block's */
        uint64_t arrived;
        struct guest_relay {
            char name[64];       /* as segment.h has it */
            int64_t gone_before; /* sealed.h */
            struct gone gone;    /* numbers of what was deleted */
        } * relay;               /* who was ever seen, in that order: a place stays */
        size_t nrelays;
    } guests;

    struct ledger *ledger; /* has a lock of its own */
    /* the sealer's (before it starts, the opener's) */
    struct merkle *merkle;
    struct block_dec *proof_dec;
};

/* journal.c: what the parts share */
void journal_unref(struct journal *j);
void rows_unref(struct journal *j, struct rows *r);      /* under lock */
bool journal_freeze(struct journal *j, struct frozen f); /* under lock; false: no memory */

/* append.c: writer thread; journal_is_pressed from any */
bool journal_is_pressed(const struct journal *j); /* searches shall take turns */
int journal_sync_wal(struct journal *j);
/* Hands the open block to the sealer; wait: until it has room. */
int journal_block_close(struct journal *j, bool wait);

/* recover.c */
int journal_recover(struct journal *j, struct err *e);

/* journal.c: an empty one, without a file, a lock or a thread; NULL: no memory. And its end. */
struct journal *journal_new(const struct journal_cfg *cfg, const struct clock *clk);
void journal_drop(struct journal *j);

/* seal.c */
int sealer_start(struct journal *j, struct err *e);
void sealer_stop(struct journal *j);                            /* waits until all is sealed or cannot be */
void segment_unref(struct segment *s);                          /* under lock */
bool journal_add_segment(struct journal *j, struct segment *s); /* under lock; false: no memory */

/* proof.c, proof_seal.c: the ledger's side; all are nothing without a vault */
int proof_open(struct journal *j, struct err *e);
void proof_close(struct journal *j);
/* Entries for all stored blocks that have none; fresh: rows of the newest, or NULL. */
int proof_catch_up(struct journal *j, struct rows *fresh, struct err *e);
void proof_deleted(struct journal *j, const struct segment *s, const char *reason);

/* guest.c, guest_gone.c */
#define GUEST_UNNAMED SIZE_MAX /* of no relay: in searches, and in no stream (sealed.h) */
bool guest_relay(struct guests *g, const char *name, size_t *at); /* under lock; its place, made when it is new */
void guest_dropped(struct guests *g, const struct guest *one);    /* under lock */
size_t guest_place(const struct guests *g, uint64_t base);        /* under lock; of the first at or behind base */
void guests_drop_all(struct journal *j);                          /* under lock */

/* retain.c */
int journal_space_check(struct journal *j, size_t bytes, struct err *e);
void journal_retain(struct journal *j);

/* scan.c's caller: one pass over the blocks, newest first (search.c) */
struct scan;
struct search_plan;
struct scan_block {
    struct rows *rows;
    const uint64_t *bits; /* rows that fit */
    uint32_t n;
    uint64_t hits;
};
struct scan_sink {
    void *ctx;
    /* Columns that the block function reads of a row that fits. */
    unsigned cols;
    /* 0 go on, 1 enough, negative error. */
    int (*block)(void *ctx, struct scan *s, const struct scan_block *b);
    /* May take all lines of the templates whose verdict is V_ALL at once, none of
     * them put together: 1 done, 0 not. Templates that it leaves over become V_SOME. NULL: never. */
    int (*sure)(void *ctx, const struct block_head *h, struct block_dec *d, struct search_plan *p);
};
int scan_run(struct journal *j, const struct query *q, const struct search_opts *o, const struct scan_sink *sink,
             struct search_stats *st, struct err *e);
/* One stored block from anywhere by the same way, without a journal. */
struct block_src;
int scan_one(const struct block_src *src, const struct block_head *h, uint64_t salt, const struct query *q,
             const struct scan_sink *sink, struct search_stats *st, struct err *e);
int scan_check(struct scan *s); /* -ETIME, -ECANCELED */
#endif
