/* What the journal sealed, in the order it came: for whoever passes it on.
 * Stored blocks never change, so what is cut out of one is the same again
 * after a restart. Any thread; the journal's lock is held only to look. */
#ifndef LUY_JOURNAL_SEALED_H
#define LUY_JOURNAL_SEALED_H
#include "journal/gone.h"
#include "journal/journal.h"
#include "journal/ledger.h"
#include "journal/segment.h"

/* Streams: 0 is this journal's own blocks, 1.. the guests of one relay each (guest.h),
 * in the order in which relays were first seen since the journal was opened. In a stream
 * numbers rise; between those of one lie those of others. */
bool journal_stream(struct journal *j, size_t stream, char relay[64]); /* its name, "" of 0; false: not so many */
struct sealed_block {
    uint64_t first, next; /* numbers of the block's first event and behind its last */
};
/* Hands the events of the stream's first stored block that ends behind `from`, from that
 * number on, to fn until it says false. out->first > from: what lay between is
 * gone, or another's. 1: handed; 0: nothing is sealed there, out->next is behind the last
 * that is stored, 0 when nothing is; -EBADMSG, -EIO: *out cannot be
 * read, some of it may have been handed; -ENOMEM. */
int journal_sealed_block(struct journal *j, size_t stream, uint64_t from, hit_fn *fn, void *ctx,
                         struct sealed_block *out, struct err *e);
/* The same of one block that the caller holds, for events `skip` and on of it, numbered from
 * `number` on here. 0, or -EBADMSG, -EIO, -ENOMEM. */
int journal_block_hand(const struct segment *s, const struct block_info *b, uint64_t number, uint32_t skip, hit_fn *fn,
                       void *ctx);
/* The same event by event, for who stops in the middle and goes on. The segment is the caller's to hold. */
struct block_walk {
    struct block_dec *d;
    uint64_t *bits;
    struct rows *rows; /* the lines below lo that are decoded */
    uint32_t count, lo, at;
    const char *relay;
};
int block_walk_open(struct block_walk *w, const struct segment *s, const struct block_info *b, uint64_t number,
                    uint32_t skip);                         /* on failure nothing is open */
int block_walk_next(struct block_walk *w, struct hit *out); /* 1 an event, valid until the next call; 0 the end */
void block_walk_close(struct block_walk *w);                /* of one that is not open: nothing */
/* Events of this journal do not have all numbers: guests have some (guest.h), and some nobody. fn is told first..next-1
 * that its events have, in order. */
/* Of what is stored and ends behind `from`: whole blocks. */
void journal_sealed_numbers(struct journal *j, uint64_t from, number_fn *fn, void *ctx);
/* Of from..to-1, gone or not, as the ledger says it. A journal without one does not know what it had: -ENODATA. */
int journal_numbers(struct journal *j, uint64_t from, uint64_t to, number_fn *fn, void *ctx, struct err *e);
/* The same of a stream of a ledger. */
int ledger_numbers(const char *dir, enum ledger_stream stream, uint64_t from, uint64_t to, number_fn *fn, void *ctx,
                   struct err *e);
/* Of all guests, in order; under the journal's lock, so be short. */
typedef void guest_number_fn(void *ctx, size_t stream, uint64_t first, uint64_t next);
void journal_guest_numbers(struct journal *j, guest_number_fn *fn, void *ctx);
/* Numbers of from..to-1 that events of the stream have or had, as far as it is known: of the own as journal_numbers; of
 * a relay those that were deleted here, of the newest 2,048 stretches at least. */
int journal_gone_numbers(struct journal *j, size_t stream, uint64_t from, uint64_t to, number_fn *fn, void *ctx,
                         struct err *e);
/* Behind the newest event of all. */
uint64_t journal_next(struct journal *j);
/* A time by which copies are cut: what was received before it is past retention_days and no
 * longer here, as retention last found. 0: nothing is deleted by age. */
int64_t journal_gone_before(struct journal *j);
/* The same of streams 0..n-1, each by its own age; of a relay never later than what is kept of it now. */
void journal_streams_gone(struct journal *j, int64_t *before, size_t n);
#endif
