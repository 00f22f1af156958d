/* A column of numbers: which way of writing them takes the fewest bits, by the
 * entropy of the symbols and what goes raw, and the numbers written so. */
#include "journal/column_bits.h"
#include "journal/column.h"

static unsigned bit_length(uint64_t v) { return v ? 64 - (unsigned)__builtin_clzll(v) : 0; }

static void forget_origins(struct column_writer *w)
{
    if (++w->stamp == 0) {
        memset(w->last_row, 0, (w->origins + (size_t)1) * sizeof(w->last_row[0]));
        w->stamp = 1;
    }
}

static uint64_t diff_of(struct column_writer *w, const uint32_t *origin, uint32_t i, uint64_t base)
{
    uint64_t before = i > 0 ? w->num[i - 1] : base;

    if (origin != NULL) {
        uint32_t o = origin[i];
        if (w->last_row[o] == w->stamp)
            before = w->last[o];
        w->last_row[o] = w->stamp;
        w->last[o] = w->num[i];
    }
    return zigzag((int64_t)(w->num[i] - before));
}

static inline double c_log_c(const struct column_writer *w, uint32_t c)
{
    return c < COLUMN_CLOG ? w->clog[c] : c * __builtin_log2(c);
}

/* Bits that symbols take in all: their entropy, and what goes raw with each. */
static double bits_of(const struct column_writer *w, const uint32_t *count, uint32_t top, uint32_t n, bool numbers)
{
    double sum = c_log_c(w, n);
    uint64_t raw = 0;

    for (uint32_t i = 0; i <= top; i++) {
        if (count[i] == 0)
            continue;
        sum -= c_log_c(w, count[i]);
        raw += numbers && i >= 16 ? count[i] * (uint64_t)((i - 16) / 4 + 2) : 0;
    }
    return sum + (double)raw;
}

/* Bits that a mode would take. No symbol of it is above top. */
static double cost_of(struct column_writer *w, const uint32_t *origin, uint8_t mode, uint64_t base, unsigned shift,
                      uint8_t top, uint32_t n)
{
    uint32_t count[256];
    unsigned raw;

    memset(count, 0, (top + (size_t)1) * sizeof(count[0]));
    switch (mode) {
    case INT_RANGE:
        for (uint32_t i = 0; i < n; i++)
            count[(w->num[i] - base) >> shift]++;
        return bits_of(w, count, top, n, false) + (double)n * shift;
    case INT_FLOAT:
        for (uint32_t i = 0; i < n; i++)
            count[symbol_of(w->num[i] - base, &raw)]++;
        break;
    case INT_DELTA:
        for (uint32_t i = 0; i < n; i++)
            count[symbol_of(diff_of(w, NULL, i, base), &raw)]++;
        break;
    default:
        forget_origins(w);
        for (uint32_t i = 0; i < n; i++)
            count[symbol_of(diff_of(w, origin, i, base), &raw)]++;
    }
    return bits_of(w, count, top, n, true);
}

static void write_ints(struct column_writer *w, struct column_plan *p, const uint32_t *origin, uint32_t n)
{
    struct bit_writer bw;
    unsigned shift = p->mode >= INT_RANGE ? p->mode - INT_RANGE : 0;

    if (!column_bits_begin(w, &bw, n))
        return;
    if (p->mode == INT_ORIGIN)
        forget_origins(w);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t x = w->num[i] - p->base;
        if (p->mode >= INT_RANGE) {
            w->sym[i] = (uint8_t)(x >> shift);
            if (shift > 0)
                bits_put(&bw, x & ((UINT64_C(1) << shift) - 1), shift);
            continue;
        }
        if (p->mode != INT_FLOAT)
            x = diff_of(w, p->mode == INT_ORIGIN ? origin : NULL, i, p->base);
        w->sym[i] = symbol_put(&bw, x);
    }
    p->bits = column_bits_end(w, &bw, PG_NUMBER, n);
}

static void choose_mode(struct column_writer *w, struct column_plan *p, const uint32_t *origin, uint32_t n,
                        uint64_t min, uint64_t max)
{
    unsigned len = bit_length(max - min), shift = len > 8 ? len - 8 : 0, raw;
    double best = cost_of(w, origin, INT_RANGE, min, shift, (uint8_t)((max - min) >> shift), n), c;

    p->mode = (uint8_t)(INT_RANGE + shift);
    p->base = min;
    if (len <= 2)
        return;
    if ((c = cost_of(w, origin, INT_FLOAT, min, 0, symbol_of(max - min, &raw), n)) < best) {
        best = c;
        p->mode = INT_FLOAT;
    }
    /* a difference is within max - min, up or down; its sign takes a bit */
    uint8_t top = len < 63 ? symbol_of(2 * (max - min) + 1, &raw) : UINT8_MAX;
    if ((c = cost_of(w, origin, INT_DELTA, w->num[0], 0, top, n)) < best) {
        best = c;
        p->mode = INT_DELTA;
        p->base = w->num[0];
    }
    if (origin != NULL && (c = cost_of(w, origin, INT_ORIGIN, w->num[0], 0, top, n)) < best) {
        p->mode = INT_ORIGIN;
        p->base = w->num[0];
    }
}

void column_put_ints(struct column_writer *w, struct column_plan *p, const uint32_t *origin, uint32_t n, uint64_t min,
                     uint64_t max)
{
    choose_mode(w, p, origin, n, min, max);
    write_ints(w, p, origin, n);
}
