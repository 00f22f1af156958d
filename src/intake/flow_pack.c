/* See flow_pack.h. Plain loops over columns: this file is built with -O3, so that
 * the compiler makes vector code of them. */
#include "intake/flow_pack.h"
#include <string.h>

const uint64_t flow_units[4] = {1, 1000, 1000000, 1000000000};

#define RANGE(bits)                                                                                                    \
    static struct flow_range range##bits(const uint##bits##_t *v, uint32_t n)                                          \
    {                                                                                                                  \
        uint##bits##_t lo = v[0], hi = v[0];                                                                           \
        for (uint32_t i = 1; i < n; i++) {                                                                             \
            lo = v[i] < lo ? v[i] : lo;                                                                                \
            hi = v[i] > hi ? v[i] : hi;                                                                                \
        }                                                                                                              \
        return (struct flow_range){lo, hi};                                                                            \
    }
RANGE(8)
RANGE(16)
RANGE(32)
RANGE(64)

struct flow_range flow_range_of(const void *v, unsigned width, uint32_t n)
{
    if (n == 0 || v == NULL)
        return (struct flow_range){0, 0};
    return width == 1 ? range8(v, n) : width == 2 ? range16(v, n) : width == 4 ? range32(v, n) : range64(v, n);
}

/* Constants let the compiler multiply instead of divide. */
#define EVEN(u)                                                                                                        \
    static bool even##u(const uint64_t *v, uint64_t base, uint32_t n)                                                  \
    {                                                                                                                  \
        for (uint32_t i = 0; i < n; i++)                                                                               \
            if ((v[i] - base) % (u) != 0)                                                                              \
                return false;                                                                                          \
        return true;                                                                                                   \
    }
EVEN(1000)
EVEN(1000000)
EVEN(1000000000)

struct flow_pack flow_pack_choose(const void *v, unsigned width, bool time, uint32_t n)
{
    struct flow_range r = flow_range_of(v, width, n);
    struct flow_pack k = {.base = r.min};
    uint64_t span = r.max - r.min;

    if (span == 0)
        return k;
    if (time && even1000(v, k.base, n))
        k.unit = even1000000000(v, k.base, n) ? 3 : even1000000(v, k.base, n) ? 2 : 1;
    span /= flow_units[k.unit];
    k.width = span <= UINT8_MAX ? 1 : span <= UINT16_MAX ? 2 : span <= UINT32_MAX ? 4 : 8;
    return k;
}

#define NARROW(T, S, div)                                                                                              \
    do {                                                                                                               \
        const T *from = v;                                                                                             \
        S *to = out;                                                                                                   \
        T base = (T)k->base;                                                                                           \
        for (uint32_t i = 0; i < n; i++)                                                                               \
            to[i] = (S)((T)(from[i] - base) / (T)(div));                                                               \
        return;                                                                                                        \
    } while (0)
#define NARROW_TIME(S)                                                                                                 \
    switch (k->unit) {                                                                                                 \
    case 0:                                                                                                            \
        NARROW(uint64_t, S, 1);                                                                                        \
    case 1:                                                                                                            \
        NARROW(uint64_t, S, 1000);                                                                                     \
    case 2:                                                                                                            \
        NARROW(uint64_t, S, 1000000);                                                                                  \
    default:                                                                                                           \
        NARROW(uint64_t, S, 1000000000);                                                                               \
    }
enum { W11 = 17, W21 = 33, W22 = 34, W41 = 65, W42 = 66, W44 = 68, W81 = 129, W82 = 130, W84 = 132, W88 = 136 };

void flow_pack_write(const struct flow_pack *k, const void *v, unsigned width, uint32_t n, void *out)
{
    switch (width << 4 | k->width) {
    case W11:
        NARROW(uint8_t, uint8_t, 1);
    case W21:
        NARROW(uint16_t, uint8_t, 1);
    case W22:
        NARROW(uint16_t, uint16_t, 1);
    case W41:
        NARROW(uint32_t, uint8_t, 1);
    case W42:
        NARROW(uint32_t, uint16_t, 1);
    case W44:
        NARROW(uint32_t, uint32_t, 1);
    case W81:
        NARROW_TIME(uint8_t)
    case W82:
        NARROW_TIME(uint16_t)
    case W84:
        NARROW_TIME(uint32_t)
    case W88:
        NARROW_TIME(uint64_t)
    }
}

#define WIDEN(T, S)                                                                                                    \
    do {                                                                                                               \
        const S *from = in;                                                                                            \
        T *to = out, base = (T)k->base, mul = (T)flow_units[k->unit];                                                  \
        for (uint32_t i = 0; i < n; i++)                                                                               \
            to[i] = (T)(base + (T)((T)from[i] * mul));                                                                 \
        return;                                                                                                        \
    } while (0)
#define FILL(T)                                                                                                        \
    do {                                                                                                               \
        T *to = out, base = (T)k->base;                                                                                \
        for (uint32_t i = 0; i < n; i++)                                                                               \
            to[i] = base;                                                                                              \
        return;                                                                                                        \
    } while (0)

void flow_pack_read(const struct flow_pack *k, const void *in, unsigned width, uint32_t n, void *out)
{
    switch (width << 4 | k->width) {
    case W11:
        WIDEN(uint8_t, uint8_t);
    case W21:
        WIDEN(uint16_t, uint8_t);
    case W22:
        WIDEN(uint16_t, uint16_t);
    case W41:
        WIDEN(uint32_t, uint8_t);
    case W42:
        WIDEN(uint32_t, uint16_t);
    case W44:
        WIDEN(uint32_t, uint32_t);
    case W81:
        WIDEN(uint64_t, uint8_t);
    case W82:
        WIDEN(uint64_t, uint16_t);
    case W84:
        WIDEN(uint64_t, uint32_t);
    case W88:
        WIDEN(uint64_t, uint64_t);
    case 1 << 4:
        FILL(uint8_t);
    case 2 << 4:
        FILL(uint16_t);
    case 4 << 4:
        FILL(uint32_t);
    default:
        FILL(uint64_t);
    }
}
