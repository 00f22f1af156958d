/* One column of a stored block of flows, as bytes and back. Integers of 1, 2, 4
 * or 8 bytes; the smallest value is taken off and kept beside, and what is left
 * is cut into planes, one for each byte that any value needs, lowest first:
 *
 *   section = planes x (u8 kind | u32 length | bytes), little-endian
 *   kind    0: the bytes as they are, n of them; 1: a zstd frame of n bytes; 2: one byte, n times
 *
 * A plane of small counters compresses, the low byte of a port does not and is
 * read where it lies. Which planes there are follows from the greatest value. */
#ifndef LUY_JOURNAL_FLOW_COLUMN_H
#define LUY_JOURNAL_FLOW_COLUMN_H
#include "base/buf.h"
#include "base/rd.h"
#include "intake/flow_pack.h"

struct flow_codec;                                    /* zstd contexts and scratch; one a thread */
struct flow_codec *flow_codec_new(uint32_t rows_max); /* NULL: no memory */
void flow_codec_free(struct flow_codec *k);

/* Appends the section; nothing when min = max. False: no memory. */
bool flow_column_write(struct flow_codec *k, const void *v, unsigned width, uint32_t n, struct flow_range r,
                       struct buf *out);
/* Fills n values. 0, -EBADMSG, -ENOMEM. */
int flow_column_read(struct flow_codec *k, str section, unsigned width, uint32_t n, struct flow_range r, void *out);

/* The same left as planes, for who wants few of the values: kept in room (n bytes a
 * plane, as many as flow_column_planes says). */
unsigned flow_column_planes(struct flow_range r);
int flow_column_read_planes(struct flow_codec *k, str section, unsigned width, uint32_t n, struct flow_range r,
                            uint8_t *room);
static inline uint64_t flow_planes_value(const uint8_t *room, unsigned planes, uint32_t n, uint64_t min, uint32_t row)
{
    uint64_t v = 0;

    for (unsigned b = 0; b < planes; b++)
        v |= (uint64_t)room[(size_t)b * n + row] << 8 * b;
    return min + v;
}

/* Differences, for times: row by row to the row before (0 for the first, whose value
 * is kept beside), or to another column;
 * zigzag, in units of 10^unit ns (the largest of 0, 3, 6, 9 that loses nothing). */
unsigned flow_times_unit(const int64_t *v, uint32_t n);
void flow_times_differ(const int64_t *v, const int64_t *base, uint32_t n, unsigned unit, uint64_t *out);
static inline int64_t flow_time_from(uint64_t v, int64_t base, int64_t unit) /* one difference to another column */
{
    return (int64_t)(((uint64_t)(base / unit) - (v >> 1 ^ (0 - (v & 1)))) * (uint64_t)unit);
}
int64_t flow_time_unit(unsigned unit); /* in ns */
/* Single times of a column of differences left as planes: sums up to every FLOW_MARK-th row first. */
enum { FLOW_MARK = 512 };
void flow_times_mark(const uint8_t *room, uint32_t n, struct flow_range r, uint64_t *marks);
int64_t flow_time_at(const uint8_t *room, uint32_t n, struct flow_range r, const uint64_t *marks, int64_t first,
                     unsigned unit, uint32_t row);
void flow_times_sum(const uint64_t *v, const int64_t *base, int64_t first, uint32_t n, unsigned unit, int64_t *out);
#endif
