/* Columns made narrow and wide again: value = base + small * 10^(3 * unit), small
 * of 0, 1, 2, 4 or 8 bytes (0: every value is the base). Pure. */
#ifndef LUY_INTAKE_FLOW_PACK_H
#define LUY_INTAKE_FLOW_PACK_H
#include "base/str.h"

struct flow_range {
    uint64_t min, max;
};
/* Of n values of 1, 2, 4 or 8 bytes; 0, 0 when there are none. */
struct flow_range flow_range_of(const void *v, unsigned width, uint32_t n);

struct flow_pack {
    uint64_t base;
    uint8_t width, unit;
};
/* The narrowest that holds all; units are tried for times (8 bytes) only. */
struct flow_pack flow_pack_choose(const void *v, unsigned width, bool time, uint32_t n);
void flow_pack_write(const struct flow_pack *k, const void *v, unsigned width, uint32_t n, void *out);
void flow_pack_read(const struct flow_pack *k, const void *in, unsigned width, uint32_t n, void *out);
extern const uint64_t flow_units[4];
static inline uint64_t flow_pack_value(const struct flow_pack *k, const uint8_t *in, uint32_t i)
{
    uint64_t small = 0;

    switch (k->width) {
    case 1:
        small = in[i];
        break;
    case 2:
        small = in[2 * (size_t)i] | (uint64_t)in[2 * (size_t)i + 1] << 8;
        break;
    case 4:
        __builtin_memcpy(&small, in + 4 * (size_t)i, 4);
        break;
    case 8:
        __builtin_memcpy(&small, in + 8 * (size_t)i, 8);
        break;
    }
    return k->base + small * flow_units[k->unit];
}
#endif
