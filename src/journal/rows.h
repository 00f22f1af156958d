/* A block of events in memory, by columns: the open block that the writer
 * fills, and a stored block while it is searched.
 *
 * The open block has one writer. A reader takes n with rows_count() and may
 * then read rows below n at any time: nothing that was published moves or
 * changes. Columns of a stored block are filled as they are needed (`have`).
 *
 * Few heads (where a line came from, and what it says of itself) and few sets of
 * spans differ in the open block, so each stands once there and a row has its
 * number; one that was not seen lately may stand again. Rows of a stored block have their own. */
#ifndef LUY_JOURNAL_ROWS_H
#define LUY_JOURNAL_ROWS_H
#include "intake/event.h"
#include <stdatomic.h>

enum { COL_RAW = 1, COL_RECEIVED = 2, COL_EVENT = 4, COL_HEAD = 8, COL_SOURCE = 16, COL_SPAN = 32, COL_ALL = 63 };
struct rows {
    uint64_t first_seq, gap; /* gap: numbers before the first one that went to guests (guest.h) */
    _Atomic uint32_t n;      /* published */
    uint32_t fill, cap;      /* the writer's own count, and the ceiling */
    size_t raw_n, raw_cap;
    unsigned have;  /* COL_* that are filled */
    int refs;       /* under the journal's lock */
    char *raw;      /* the lines, one behind the other */
    uint32_t *off;  /* cap + 1: where row i begins; off[n] is the end */
    uint32_t *line; /* number of row i behind first_seq; NULL: i */
    int64_t *received, *event;
    uint32_t *head; /* the number of row i in the six columns below; NULL: i */
    uint8_t *transport, *format, *facility, *severity;
    uint16_t *flags, *port;
    struct ip *source;
    uint32_t *place;   /* the same in span */
    struct span *span; /* SP_COUNT each; rows_span() reads it */
    struct {
        uint32_t n, shown; /* of them; of published rows */
        uint32_t *seen;    /* by hash: the last number */
    } heads, places;
    str relay; /* by which all of them came; n = 0: none. Not the rows' own */
    void *slab;
    size_t slab_bytes;
};
struct rows *rows_new(size_t raw_cap, uint32_t cap);        /* NULL: no memory */
struct rows *rows_new_picked(size_t raw_cap, uint32_t cap); /* with `line` */
void rows_free(struct rows *r);
void rows_clear(struct rows *r, uint64_t first_seq);
static inline uint32_t rows_count(struct rows *r) { return atomic_load_explicit(&r->n, memory_order_acquire); }
/* Adds behind the published rows without showing it; false: full. */
bool rows_add(struct rows *r, const struct event *ev);
void rows_publish(struct rows *r);
void rows_rollback(struct rows *r); /* forgets what was not published */
/* Row i as an event, with what the columns `cols` say; the rest is zero. */
void rows_event(const struct rows *r, uint32_t i, unsigned cols, struct event *out);
/* The sequence number of row i: rows picked out of a stored block have gaps. */
static inline uint64_t rows_seq(const struct rows *r, uint32_t i) { return r->first_seq + (r->line ? r->line[i] : i); }
static inline uint32_t rows_head(const struct rows *r, uint32_t i) { return r->head ? r->head[i] : i; }
enum { SPAN_REST = -1 }; /* as a length, in `span`: up to the end of the line */
static inline struct span rows_span(const struct rows *r, uint32_t i, unsigned which)
{
    struct span s = r->span[(size_t)(r->place ? r->place[i] : i) * SP_COUNT + which];
    if (s.len == (uint32_t)SPAN_REST)
        s.len = r->off[i + 1] - r->off[i] - s.off;
    return s;
}
static inline str rows_raw(const struct rows *r, uint32_t i)
{
    return (str){r->raw + r->off[i], r->off[i + 1] - r->off[i]};
}
#endif
