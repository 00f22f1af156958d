/* The store's body: store.c takes what comes, store_load.c reads back and cuts. */
#ifndef LUY_RELAY_STORE_INT_H
#define LUY_RELAY_STORE_INT_H
#include "journal/flow_guest.h"
#include "relay/store.h"
#include <pthread.h>
#include <stdatomic.h>

enum {
    STAGED_MAX = 65536, /* entries before a head: a journal signs one a minute */
    SEGMENTS_MAX = 100000,
    RELAY_BLOCK_MAX = 128 << 20, /* of lines or flows, as it is stored */
    PLACE_BYTES = 32,
};
struct place {
    uint64_t first, count, base;
};
/* Which numbers its blocks have here, of one stream; by first. */
struct places {
    struct place *v;
    size_t n, cap;
};
/* A block that waits for its head. */
struct staged {
    struct segment *s;
    struct block_info b;
};
struct flow_staged {
    struct flow_segment *g;
    const struct flow_stored *b;
};
/* Its files of flows (flows.c). */
struct kept_flows {
    struct flow_segment **segs; /* by number */
    size_t nsegs, segs_cap;
    struct flow_segment *current; /* that SEGMENT named on this line; among segs */
    struct flow_staged *staged;
    size_t nstaged, staged_cap;
};
enum { STREAMS = 2 }; /* LEDGER_LOG and LEDGER_FLOW are what has blocks */
struct relay_store {
    struct relay_store_cfg cfg;
    char *dir;
    char name[64], anchor[65];
    int ledger_fd, heads_fd, places_fd, deleted_fd;
    struct head_chain chain;
    struct merkle_edge edge;                      /* of all entries, staged ones too */
    uint64_t next[STREAMS], signed_next[STREAMS]; /* behind the last record of any BLOCK entry; of a signed one */
    struct merkle_edge signed_edge;               /* as the last head signed it */
    struct segment **segs;                        /* by number */
    size_t nsegs, segs_cap;
    struct segment *current; /* the file that SEGMENT named on this line; among segs */
    struct staged *staged;
    size_t nstaged, staged_cap;
    struct kept_flows flow;
    struct places places[STREAMS];
    uint64_t deleted_to[STREAMS]; /* records below were deleted here, or never came */
    int64_t tick_due;             /* monotonic */
    uint64_t begin;               /* behind what was kept when it was opened */
    uint64_t handed;              /* behind what the taker has */
    int64_t hand_due;             /* monotonic: not before, after it refused */
    int hand_rc;                  /* why it refused last */
    bool waiting;                 /* for the block of `pending` */
    struct ledger_entry pending;
    uint8_t pending_bytes[LEDGER_ENTRY];
    uint64_t part, part_length;
    struct merkle *merkle;
    struct block_dec *dec;
    struct relay_store_stats st;
    pthread_mutex_t turn; /* of everything but the two below */
    _Atomic uint64_t shown_bytes;
    _Atomic int64_t oldest_ns;
};
/* store_turns.c */
void store_turn(struct relay_store *s);
void store_turn_end(struct relay_store *s);
int store_entry(struct relay_store *s, const uint8_t bytes[LEDGER_ENTRY], struct err *e);
int store_segment(struct relay_store *s, const uint8_t head[SEG_HEAD_BYTES], struct err *e);
int store_bytes(struct relay_store *s, uint64_t offset, uint64_t length, str bytes, struct err *e);
int store_skip(struct relay_store *s, struct ledger_entry *gone, struct err *e);
int store_head(struct relay_store *s, const uint8_t bytes[LEDGER_HEAD], struct err *e);
bool store_grow(void **p, size_t *cap, size_t n, size_t size);
void store_name(const struct relay_store *s, struct segment *g); /* its lines are this relay's */
void store_note_entry(struct relay_store *s, const struct ledger_entry *n);
/* Throws away what no head signed: files cut back, segments without blocks removed. */
int store_unstage(struct relay_store *s, struct err *e);
const struct place *store_place(const struct relay_store *s, enum ledger_stream of, uint64_t first);
/* Numbers for the block: those it had, or new ones, added to places (and its file). */
int store_place_make(struct relay_store *s, enum ledger_stream of, uint64_t first, uint64_t count, uint64_t *base,
                     struct err *e);
int store_bad(struct err *e, const char *key, uint64_t entry); /* -EBADMSG */
/* The pending entry's block has come, whole: into the ledger. */
int store_entry_put(struct relay_store *s, struct err *e);
/* keep.c: reads DIR/deleted, and finishes a deletion that a crash cut short. */
int store_deleted_read(struct relay_store *s, struct err *e);
void store_deleted_finish(struct relay_store *s);
/* Deletes oldest files until `bytes` more fit under the ceiling, as far as it may. */
void store_make_room(struct relay_store *s, uint64_t bytes);
/* Of the file that is oldest and may go: when its newest record was received; INT64_MAX: none may. */
int64_t store_oldest(const struct relay_store *s, enum ledger_stream *of);
int store_first_delete(struct relay_store *s, enum ledger_stream of, const char *reason, struct err *e);
void store_tick(struct relay_store *s);
/* flows.c: the same as of lines */
int flows_load(struct relay_store *s, struct err *e);
int flows_unstage(struct relay_store *s, struct err *e);
int flows_show_all(struct relay_store *s, struct err *e); /* after a start */
int flows_segment(struct relay_store *s, const uint8_t head[FLOW_SEGMENT_HEAD], struct err *e);
int flows_take(struct relay_store *s, struct err *e); /* the pending block's bytes are all there */
int flows_sync(struct relay_store *s, struct err *e);
int flows_places(struct relay_store *s, uint64_t *base, struct err *e); /* of what is staged, in order */
void flows_show(struct relay_store *s, const uint64_t *base);
/* Of the oldest file that may go: when its newest flow was received, as near as the file says without its columns
 * (within its day); INT64_MAX: none may. flows_received_before: nothing in that file was received then or later. */
int64_t flows_oldest(const struct relay_store *s);
int64_t flows_received_before(const struct relay_store *s);
void flows_first_forget(struct relay_store *s); /* the first file is counted no more, and goes */
void flows_first_drop(struct relay_store *s);   /* one that is not counted yet */
void flows_close(struct relay_store *s);
/* hand.c: where the taker is; a new relay's place is durable before anything is kept of it. */
void store_hand_begin(struct relay_store *s);
bool store_hand(struct relay_store *s);
bool store_behind(const struct relay_store *s);
int store_load(struct relay_store *s, struct err *e);
int store_io(struct relay_store *s, int rc, struct err *e); /* "cannot write" with the folder */
#endif
