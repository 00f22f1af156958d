/* Sticky reader. Owns nothing; the bytes belong to the caller. Any thread. */
#include "base/rd.h"

rd rd_init(const void *p, size_t n)
{
    static const uint8_t nothing[1];
    const uint8_t *b = p == NULL ? nothing : p;

    return (rd){b, b + (p == NULL ? 0 : n), false};
}

size_t rd_left(const rd *r) { return r->bad ? 0 : (size_t)(r->end - r->p); }

/* The start of n bytes, or NULL and bad. */
static const uint8_t *take(rd *r, size_t n)
{
    if (r->bad || (size_t)(r->end - r->p) < n) {
        r->bad = true;
        return NULL;
    }
    r->p += n;
    return r->p - n;
}

static uint64_t big(rd *r, size_t n)
{
    const uint8_t *p = take(r, n);
    uint64_t v = 0;

    for (size_t i = 0; p != NULL && i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static uint64_t little(rd *r, size_t n)
{
    const uint8_t *p = take(r, n);
    uint64_t v = 0;

    for (size_t i = 0; p != NULL && i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

uint8_t rd_u8(rd *r) { return (uint8_t)big(r, 1); }
uint16_t rd_u16(rd *r) { return (uint16_t)big(r, 2); }
uint32_t rd_u32(rd *r) { return (uint32_t)big(r, 4); }
uint64_t rd_u64(rd *r) { return big(r, 8); }
uint16_t rd_u16le(rd *r) { return (uint16_t)little(r, 2); }
uint32_t rd_u32le(rd *r) { return (uint32_t)little(r, 4); }
uint64_t rd_u64le(rd *r) { return little(r, 8); }

uint64_t rd_varint(rd *r)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 70; shift += 7) {
        const uint8_t *p = take(r, 1);
        if (p == NULL)
            return 0;
        /* The tenth byte has room for one bit only. */
        if (shift == 63 && *p > 1)
            break;
        v |= (uint64_t)(*p & 0x7f) << shift;
        if (*p < 0x80)
            return v;
    }
    r->bad = true;
    return 0;
}

str rd_bytes(rd *r, size_t n)
{
    const uint8_t *p = take(r, n);

    return p == NULL ? STR_NONE : (str){(const char *)p, n};
}

rd rd_sub(rd *r, size_t n)
{
    const uint8_t *p = take(r, n);

    return p == NULL ? (rd){r->end, r->end, true} : (rd){p, p + n, false};
}
