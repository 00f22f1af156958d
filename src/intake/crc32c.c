/* CRC-32C (Castagnoli, reflected 0x82f63b78): the processor's own instruction
 * where there is one, else eight tables ("slicing by 8"). Which one is asked at
 * run time, so one binary fits old and new machines. Pure; any thread.
 *
 * The instruction takes three cycles but one can begin in each, so long data is
 * read in three lanes at once. Behind a lane come LANE bytes of the next one: the
 * register is moved over as many zero bytes (it is linear in its bits). */
#include "intake/event-int.h"
#include <endian.h>

enum { LANE_LOG = 9, LANE = 1 << LANE_LOG };
static uint32_t table[8][256];
static uint32_t over_lane[4][256]; /* a byte of the register, LANE zero bytes later */

/* What becomes of a register when each of its bits becomes step[bit]. */
static uint32_t linear(const uint32_t step[32], uint32_t c)
{
    uint32_t out = 0;

    for (; c != 0; c &= c - 1)
        out ^= step[__builtin_ctz(c)];
    return out;
}

static void lane_build(void)
{
    uint32_t step[32], twice[32];

    for (int i = 0; i < 32; i++) /* over one zero byte */
        step[i] = i < 8 ? table[0][1u << i] : 1u << (i - 8);
    for (int k = 0; k < LANE_LOG; k++) {
        for (int i = 0; i < 32; i++)
            twice[i] = linear(step, step[i]);
        memcpy(step, twice, sizeof(step));
    }
    for (int t = 0; t < 4; t++)
        for (uint32_t i = 0; i < 256; i++)
            over_lane[t][i] = linear(step, i << 8 * t);
}

__attribute__((constructor)) static void table_build(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++)
            c = (c >> 1) ^ (c & 1 ? 0x82f63b78u : 0);
        table[0][i] = c;
    }
    for (int t = 1; t < 8; t++)
        for (int i = 0; i < 256; i++)
            table[t][i] = table[0][table[t - 1][i] & 255] ^ (table[t - 1][i] >> 8);
    lane_build();
}

static uint64_t load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return le64toh(v);
}

uint32_t crc32c_portable(uint32_t crc, const void *data, size_t n)
{
    const uint8_t *p = data;
    uint32_t c = ~crc;

    for (; n >= 8; n -= 8, p += 8) {
        uint64_t v = load64(p) ^ c;
        c = 0;
        for (int i = 0; i < 8; i++)
            c ^= table[7 - i][(v >> (8 * i)) & 255];
    }
    for (; n > 0; n--, p++)
        c = table[0][(c ^ *p) & 255] ^ (c >> 8);
    return ~c;
}

#if defined(__x86_64__)
static uint64_t lane_over(uint64_t c)
{
    return over_lane[0][c & 255] ^ over_lane[1][c >> 8 & 255] ^ over_lane[2][c >> 16 & 255] ^ over_lane[3][c >> 24];
}

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const void *data, size_t n)
{
    const uint8_t *p = data;
    uint64_t c = (uint32_t)~crc;

    for (; n >= 3 * LANE; n -= 3 * LANE, p += 3 * LANE) {
        uint64_t d = 0, e = 0;
        for (size_t i = 0; i < LANE; i += 8) {
            c = __builtin_ia32_crc32di(c, load64(p + i));
            d = __builtin_ia32_crc32di(d, load64(p + LANE + i));
            e = __builtin_ia32_crc32di(e, load64(p + 2 * LANE + i));
        }
        c = lane_over(lane_over(c) ^ d) ^ e;
    }
    for (; n >= 8; n -= 8, p += 8)
        c = __builtin_ia32_crc32di(c, load64(p));
    for (; n > 0; n--, p++)
        c = __builtin_ia32_crc32qi((uint32_t)c, *p);
    return ~(uint32_t)c;
}
#endif

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return crc32c_sse42(crc, p, n);
#endif
    return crc32c_portable(crc, p, n);
}
