/* Numbers as a symbol byte and raw bits. A value v below 16 is symbol v. Else,
 * with e its highest bit: symbol 16 + 4 (e - 4) + the two bits below it, and
 * the e - 2 bits left go raw, low bits first. So a symbol costs what an
 * entropy coder makes of it, and the rest is never touched by one. */
#ifndef LUY_JOURNAL_COLUMN_BITS_H
#define LUY_JOURNAL_COLUMN_BITS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bit_writer {
    uint8_t *p; /* room for 8 bytes behind what is written */
    uint64_t acc;
    unsigned n;
};
static inline void bits_put32(struct bit_writer *w, uint64_t v, unsigned n) /* n at most 32 */
{
    w->acc |= v << w->n;
    w->n += n;
    memcpy(w->p, &w->acc, 8);
    w->p += w->n / 8;
    w->acc >>= w->n / 8 * 8;
    w->n %= 8;
}
static inline void bits_put(struct bit_writer *w, uint64_t v, unsigned n)
{
    if (n > 32) {
        bits_put32(w, v & UINT32_MAX, 32);
        v >>= 32;
        n -= 32;
    }
    bits_put32(w, v, n);
}
static inline size_t bits_end(struct bit_writer *w, const uint8_t *from)
{
    if (w->n > 0)
        *w->p++ = (uint8_t)w->acc;
    w->acc = 0;
    w->n = 0;
    return (size_t)(w->p - from);
}

/* Reading: bytes have 8 spare behind them. Past the end `bad` is set. */
struct bit_reader {
    const uint8_t *p;
    size_t at, end; /* bits */
    bool bad;
};
static inline uint64_t bits_get32(struct bit_reader *r, unsigned n)
{
    uint64_t v;

    if (n > r->end - r->at) {
        r->bad = true;
        return 0;
    }
    memcpy(&v, r->p + r->at / 8, 8);
    v = v >> r->at % 8 & ((UINT64_C(1) << n) - 1);
    r->at += n;
    return v;
}
static inline uint64_t bits_get(struct bit_reader *r, unsigned n)
{
    uint64_t low = 0;

    if (n > 32) {
        low = bits_get32(r, 32);
        return low | bits_get32(r, n - 32) << 32;
    }
    return bits_get32(r, n);
}

static inline uint8_t symbol_of(uint64_t v, unsigned *raw)
{
    if (v < 16) {
        *raw = 0;
        return (uint8_t)v;
    }
    unsigned e = 63 - (unsigned)__builtin_clzll(v);
    *raw = e - 2;
    return (uint8_t)(16 + 4 * (e - 4) + (v >> (e - 2) & 3));
}
static inline uint8_t symbol_put(struct bit_writer *w, uint64_t v)
{
    unsigned raw;
    uint8_t s = symbol_of(v, &raw);
    if (raw > 0)
        bits_put(w, v & ((UINT64_C(1) << raw) - 1), raw);
    return s;
}
static inline uint64_t symbol_get(struct bit_reader *r, uint8_t s)
{
    if (s < 16)
        return s;
    unsigned e = (unsigned)(s - 16) / 4 + 4;
    return (UINT64_C(4) | (s & 3)) << (e - 2) | bits_get(r, e - 2);
}
/* The same, for streams where small and large values mix: nothing to foretell
 * but the end. */
struct symbol_shape {
    uint64_t base;
    uint8_t raw;
};
extern const struct symbol_shape symbol_shapes[256]; /* column_dec.c */
__attribute__((always_inline)) static inline uint64_t symbol_next(struct bit_reader *r, uint8_t s)
{
    struct symbol_shape k = symbol_shapes[s];
    uint64_t v;

    if (k.raw > 56 || k.raw > r->end - r->at)
        return symbol_get(r, s);
    memcpy(&v, r->p + r->at / 8, 8);
    v = v >> r->at % 8 & ((UINT64_C(1) << k.raw) - 1);
    r->at += k.raw;
    return k.base + v;
}
static inline uint64_t zigzag(int64_t v) { return (uint64_t)v << 1 ^ (uint64_t)(v >> 63); }
static inline int64_t unzigzag(uint64_t v) { return (int64_t)(v >> 1) ^ -(int64_t)(v & 1); }
#endif
