/* Head of a stored block of flows (flow_block.h). Pure. */
#include "journal/flow_block.h"
#include "intake/event.h"

enum { MAGIC = 0x4b46594c /* "LYFK" */, VERSION = 1, FIXED = 64, ENTRY = 36 };

static uint8_t *put(uint8_t *p, uint64_t v, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> 8 * i);
    return p + n;
}

void flow_block_head_write(const struct flow_block_head *h, uint64_t salt, uint8_t out[FLOW_BLOCK_HEAD])
{
    uint8_t *p = put(put(put(out, MAGIC, 4), VERSION, 2), FS_COUNT, 2);

    p = put(put(p, h->length, 8), h->first_seq, 8);
    p = put(put(put(put(p, h->rows, 4), h->nexporters, 4), h->nv4, 4), h->nv6, 4);
    p = put(put(put(p, (uint64_t)h->time_min, 8), (uint64_t)h->time_max, 8), salt, 8);
    for (int i = 0; i < FS_COUNT; i++) {
        const struct flow_section_head *s = &h->sec[i];
        p = put(put(put(p, s->coding, 1), s->unit, 1), 0, 2);
        p = put(put(put(put(p, s->stored, 4), s->crc, 4), s->range.min, 8), s->range.max, 8);
        p = put(p, (uint64_t)s->first, 8);
    }
    put(p, crc32c(0, out, FLOW_BLOCK_HEAD - 4), 4);
}

static bool section_read(rd *r, struct flow_section_head *s, uint64_t *sum)
{
    s->coding = rd_u8(r);
    s->unit = rd_u8(r);
    uint16_t pad = rd_u16le(r);
    s->stored = rd_u32le(r);
    s->crc = rd_u32le(r);
    s->range.min = rd_u64le(r);
    s->range.max = rd_u64le(r);
    s->first = (int64_t)rd_u64le(r);
    *sum += s->stored;
    return pad == 0 && s->coding <= CODE_TO_END && s->unit <= 3;
}

bool flow_block_head_read(const uint8_t in[FLOW_BLOCK_HEAD], uint64_t salt, struct flow_block_head *out)
{
    rd r = rd_init(in, FLOW_BLOCK_HEAD);
    struct flow_block_head h = {0};
    uint64_t sum = FLOW_BLOCK_HEAD;
    bool ok = rd_u32le(&r) == MAGIC && rd_u16le(&r) == VERSION && rd_u16le(&r) == FS_COUNT;

    h.length = rd_u64le(&r);
    h.first_seq = rd_u64le(&r);
    h.rows = rd_u32le(&r);
    h.nexporters = rd_u32le(&r);
    h.nv4 = rd_u32le(&r);
    h.nv6 = rd_u32le(&r);
    h.time_min = (int64_t)rd_u64le(&r);
    h.time_max = (int64_t)rd_u64le(&r);
    ok = ok && rd_u64le(&r) == salt;
    for (int i = 0; ok && i < FS_COUNT; i++)
        ok = section_read(&r, &h.sec[i], &sum);
    if (!ok || rd_u32le(&r) != crc32c(0, in, FLOW_BLOCK_HEAD - 4) || sum != h.length || h.length > FLOW_BLOCK_MAX ||
        h.rows == 0 || h.rows > FLOW_BLOCK_ROWS || h.nexporters > FLOW_BLOCK_EXPORTERS ||
        h.nv4 > FLOW_ADDRESSES * FLOW_BLOCK_ROWS || h.nv6 > FLOW_ADDRESSES * FLOW_BLOCK_ROWS)
        return false;
    *out = h;
    return true;
}
