/* The store's body. Files in DIR: lock; wal-<n> (wal.h), one for each block that
 * is not sealed; segments (flow_segment.h).
 *
 * Threads: the writer, the sealer (flow_seal.c), any number of readers. `lock`
 * guards what is marked; rows and segments are counted. */
#ifndef LUY_JOURNAL_FLOW_STORE_INT_H
#define LUY_JOURNAL_FLOW_STORE_INT_H
#include "journal/age_guard.h"
#include "journal/gone.h"
#include "journal/flow_segment.h"
#include "journal/flow_store.h"
#include "journal/wal.h"
#include <pthread.h>

enum { FLOW_FROZEN_MAX = 3, FLOW_SEGMENT_BYTES = 256 << 20 };
/* A block of another's (flow_guest.h). */
struct flow_guest {
    struct flow_segment *g;
    const struct flow_stored *b;
    uint64_t base;
    uint32_t relay; /* number + 1 of its name */
};
struct flow_guests {
    struct flow_guest *v; /* by base */
    size_t n, cap;
    struct flow_relay {
        char name[64];
        struct gone gone;    /* numbers of what was deleted */
        int64_t gone_before; /* flow_sealed.h */
    } * *relay;              /* stay where they are */
    uint32_t nrelays;
    uint64_t next, own_end; /* behind the last number of a guest; of what the open block may still need */
};
struct flow_frozen {
    struct flow_rows *rows;
    uint64_t wal_no, wal_bytes;
};
struct flow_store {
    struct flow_store_cfg cfg;
    char *dir;
    const struct clock *clk;
    int lock_fd;

    struct wal wal; /* writer; fd < 0: made with the next append */
    uint64_t wal_next;
    bool wal_bad;
    struct age_guard age;
    int64_t sync_due, block_due, retain_due, retry_due, space_due;
    uint64_t space_left, torn_bytes;

    _Atomic uint64_t next_seq, synced, wal_bytes, bad_blocks;
    _Atomic bool full;
    _Atomic int64_t gone_before;      /* flow_sealed.h */
    _Atomic uint64_t unarchived_lost; /* files that the size ceiling took before they were archived */

    pthread_mutex_t lock;
    pthread_cond_t work, room;
    /* under lock */
    struct flow_rows *open;
    struct flow_frozen *frozen; /* oldest first */
    size_t nfrozen, frozen_cap;
    struct flow_rows *spare; /* one, empty or not, that nobody holds */
    struct flow_segment **segs;
    size_t nsegs, segs_cap;
    uint32_t seg_next;
    struct flow_guests guests;
    bool stopping;
    bool archives; /* age takes only what is archived */
    int seal_err;
    struct flow_exporter_seen *seen;
    struct map seen_by;
    size_t nseen;
    pthread_t sealer;
    bool sealer_runs;
};

/* flow_recover.c */
int flow_recover(struct flow_store *s, struct err *e);
int flow_recover_read_only(struct flow_store *s, struct err *e);
/* flow_seal.c */
int flow_sealer_start(struct flow_store *s, struct err *e);
void flow_sealer_stop(struct flow_store *s);
bool flow_freeze(struct flow_store *s, struct flow_frozen f);         /* under lock */
bool flow_segments_add(struct flow_store *s, struct flow_segment *g); /* under lock */
void flow_rows_unref(struct flow_store *s, struct flow_rows *r);      /* under lock */
/* flow_proof.c */
void flow_proof_catch_up(struct flow_store *s);
int flow_proof_numbers(struct flow_store *s, uint64_t from, uint64_t to, number_fn *fn, void *ctx, struct err *e);
void flow_proof_deleted(struct flow_store *s, const struct flow_segment *g, const char *reason);
/* flow_guest.c */
size_t flow_guest_place(const struct flow_guests *g, uint64_t base); /* of the first that begins there or later */
void flow_guests_done(struct flow_store *s);
/* flow_space.c */
int flow_space_check(struct flow_store *s, size_t bytes, struct err *e);
void flow_retain(struct flow_store *s);
#endif
