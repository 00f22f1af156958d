/* Lines by hour of their event and by origin, counted when a block is made, so that
 * the questions asked most of a journal (how many of which host, hour by hour) read
 * no line. A page of its own (PG_HOURS):
 *
 *   varint hours | zigzag varint number of the first hour since 1970 | hours - 1 x varint to the next
 *   for each origin of the list but number 0: a varint count for each hour
 *
 * Absent where some line is of no origin, or where hours and origins are so many that
 * counts would not be fewer than lines. The sums over its hours are the origins' rows. */
#ifndef LUY_JOURNAL_BLOCK_HOURS_H
#define LUY_JOURNAL_BLOCK_HOURS_H
#include "base/buf.h"
#include "base/calendar.h"
#include "base/rd.h"

enum { HOURS_MAX = 64, HOURS_ORIGINS_MAX = 4096, HOURS_LINES_A_CELL = 16 };
static const int64_t hour_ns = 3600 * NS_PER_S;

/* Writing. Lines are added in their order, with the number of their origin as it was met. */
struct hours {
    uint32_t n, at; /* at: the hour of the line before */
    int64_t start[HOURS_MAX];
    uint32_t (*count)[HOURS_ORIGINS_MAX]; /* a row an hour; NULL: no memory yet */
    bool given_up;
};
void hours_begin(struct hours *h);
void hours_turn(struct hours *h, int64_t event_ns); /* finds the hour of a line that is not in the one before */
static inline void hours_add(struct hours *h, uint32_t origin, int64_t event_ns)
{
    if (h->given_up)
        return;
    if (h->n == 0 || (uint64_t)event_ns - (uint64_t)h->start[h->at] >= (uint64_t)hour_ns)
        hours_turn(h, event_ns);
    if (origin - 1 >= HOURS_ORIGINS_MAX - 1)
        h->given_up = true;
    if (!h->given_up)
        h->count[h->at][origin]++;
}
/* rank: from an origin's number to its place in the list, which has so many; nothing is written where there is none. */
void hours_write(struct hours *h, const uint32_t *rank, uint32_t origins, uint32_t lines, struct buf *out);
void hours_done(struct hours *h);

/* Reading: the hours, then the counts of an origin that has so many rows; -EBADMSG, false. */
struct hours_read {
    uint32_t n;
    int64_t start[HOURS_MAX]; /* ns */
};
int hours_parse(rd *r, struct hours_read *out);
bool hours_parse_origin(rd *r, const struct hours_read *h, uint32_t rows, uint32_t count[HOURS_MAX]);
#endif
