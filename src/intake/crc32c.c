/* CRC-32C (Castagnoli, reflected 0x82f63b78): the processor's own instruction
 * where there is one, else eight tables ("slicing by 8"). Which one is asked at
 * run time, so one binary fits old and new machines. Pure; any thread. */
#include "intake/event-int.h"
#include <endian.h>

static uint32_t table[8][256];

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
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const void *data, size_t n)
{
    const uint8_t *p = data;
    uint64_t c = (uint32_t)~crc;

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
