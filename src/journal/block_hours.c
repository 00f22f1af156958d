#include "journal/block_hours.h"
#include "journal/column_bits.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int64_t hour_number(int64_t ns) { return ns / hour_ns - (ns % hour_ns < 0); }

void hours_begin(struct hours *h)
{
    h->n = h->at = 0;
    if (h->count == NULL)
        h->count = calloc(HOURS_MAX, sizeof(*h->count));
    h->given_up = h->count == NULL;
}

void hours_turn(struct hours *h, int64_t event_ns)
{
    if (event_ns < INT64_MIN + hour_ns) { /* its hour begins before there is a number for it */
        h->given_up = true;
        return;
    }
    int64_t start = hour_number(event_ns) * hour_ns;
    for (h->at = 0; h->at < h->n; h->at++)
        if (h->start[h->at] == start)
            return;
    if (h->n == HOURS_MAX) {
        h->given_up = true;
        return;
    }
    memset(h->count[h->n], 0, sizeof(h->count[0]));
    h->start[h->n++] = start;
}

static int by_start(const void *a, const void *b, void *ctx)
{
    const struct hours *h = ctx;
    int64_t x = h->start[*(const uint32_t *)a], y = h->start[*(const uint32_t *)b];

    return (x > y) - (x < y);
}

void hours_write(struct hours *h, const uint32_t *rank, uint32_t origins, uint32_t lines, struct buf *out)
{
    uint32_t hour[HOURS_MAX], number[HOURS_ORIGINS_MAX];

    if (h->given_up || h->n == 0 || (uint64_t)origins * h->n * HOURS_LINES_A_CELL > lines)
        return;
    for (uint32_t i = 0; i < h->n; i++)
        hour[i] = i;
    for (uint32_t i = 0; i < origins; i++)
        number[rank[i]] = i;
    qsort_r(hour, h->n, sizeof(hour[0]), by_start, h);
    buf_varint(out, h->n);
    for (uint32_t i = 0; i < h->n; i++) {
        int64_t at = hour_number(h->start[hour[i]]);
        buf_varint(out, i == 0 ? zigzag(at) : (uint64_t)(at - hour_number(h->start[hour[i - 1]])));
    }
    for (uint32_t o = 1; o < origins; o++)
        for (uint32_t i = 0; i < h->n; i++)
            buf_varint(out, h->count[hour[i]][number[o]]);
}

void hours_done(struct hours *h) { free(h->count); }

int hours_parse(rd *r, struct hours_read *out)
{
    uint64_t n = rd_varint(r);
    const int64_t most = INT64_MAX / hour_ns;
    int64_t at = 0;

    if (r->bad || n == 0 || n > HOURS_MAX)
        return -EBADMSG;
    out->n = (uint32_t)n;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t v = rd_varint(r);
        int64_t step = i == 0 ? unzigzag(v) : (int64_t)v;
        if (r->bad || step > most || step < -most || (i > 0 && (step <= 0 || step > most - at)))
            return -EBADMSG;
        at = i == 0 ? step : at + step;
        out->start[i] = at * hour_ns;
    }
    return 0;
}

bool hours_parse_origin(rd *r, const struct hours_read *h, uint32_t rows, uint32_t count[HOURS_MAX])
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < h->n; i++) {
        uint64_t v = rd_varint(r);
        if (r->bad || v > rows || (sum += v) > rows)
            return false;
        count[i] = (uint32_t)v;
    }
    return sum == rows;
}
