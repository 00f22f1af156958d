/* The head of a stored block (block.h). */
#include "journal/block-int.h"

enum { HEAD_CRC_AT = BLOCK_HEAD_BYTES - 4 };

static uint8_t *put(uint8_t *p, uint64_t v, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> 8 * i);
    return p + n;
}

void block_head_write(const struct block_head *h, uint64_t salt, uint8_t out[BLOCK_HEAD_BYTES])
{
    uint8_t *p = out;

    memset(out, 0, BLOCK_HEAD_BYTES);
    memcpy(p, BLOCK_MAGIC, 4);
    p = put(put(p + 4, BLOCK_VERSION, 2), 0, 2);
    p = put(put(put(p, h->length, 8), h->first_seq, 8), h->count, 4);
    p = put(put(p, h->flags, 4), h->raw_bytes, 8);
    p = put(put(p, (uint64_t)h->event_min, 8), (uint64_t)h->event_max, 8);
    p = put(put(p, (uint64_t)h->received_min, 8), (uint64_t)h->received_max, 8);
    p = put(put(put(put(p, h->dir_stored, 4), h->dir_plain, 4), h->dir_crc, 4), h->templates, 4);
    p = put(put(put(put(p, h->severities, 4), h->facilities, 4), h->transports, 4), h->formats, 4);
    p = put(p, salt, 8);
    memcpy(p, h->seed, sizeof(h->seed));
    put(put(p + sizeof(h->seed), h->grams, 4), h->grams_crc, 4);
    put(out + HEAD_CRC_AT, crc32c(0, out, HEAD_CRC_AT), 4);
}

/* Every length that memory is asked for is checked here, once. */
static bool head_is_sane(const struct block_head *h)
{
    return h->count > 0 && h->count <= BLOCK_ROWS_MAX && h->length <= BLOCK_LENGTH_MAX && h->grams <= GRAMS_BYTES_MAX &&
           (h->grams & (h->grams - 1)) == 0 && h->length >= BLOCK_HEAD_BYTES + (uint64_t)h->dir_stored + h->grams &&
           h->dir_plain <= BLOCK_LENGTH_MAX && h->raw_bytes <= BLOCK_RAW_MAX && h->templates <= TEMPLATES_MAX &&
           h->first_seq <= INT64_MAX;
}

uint16_t block_head_version(const uint8_t in[BLOCK_HEAD_BYTES])
{
    rd r = rd_init(in, BLOCK_HEAD_BYTES);
    bool magic = memcmp(rd_bytes(&r, 4).p, BLOCK_MAGIC, 4) == 0;
    uint16_t version = rd_u16le(&r);

    r.p = in + HEAD_CRC_AT;
    return magic && rd_u32le(&r) == crc32c(0, in, HEAD_CRC_AT) ? version : 0;
}

bool block_head_read(const uint8_t in[BLOCK_HEAD_BYTES], uint64_t salt, struct block_head *out)
{
    rd r = rd_init(in, BLOCK_HEAD_BYTES);
    struct block_head h;

    if (memcmp(rd_bytes(&r, 4).p, BLOCK_MAGIC, 4) != 0 || rd_u16le(&r) != BLOCK_VERSION || rd_u16le(&r) != 0)
        return false;
    h.length = rd_u64le(&r);
    h.first_seq = rd_u64le(&r);
    h.count = rd_u32le(&r);
    h.flags = rd_u32le(&r);
    h.raw_bytes = rd_u64le(&r);
    h.event_min = (int64_t)rd_u64le(&r);
    h.event_max = (int64_t)rd_u64le(&r);
    h.received_min = (int64_t)rd_u64le(&r);
    h.received_max = (int64_t)rd_u64le(&r);
    h.dir_stored = rd_u32le(&r);
    h.dir_plain = rd_u32le(&r);
    h.dir_crc = rd_u32le(&r);
    h.templates = rd_u32le(&r);
    h.severities = rd_u32le(&r);
    h.facilities = rd_u32le(&r);
    h.transports = rd_u32le(&r);
    h.formats = rd_u32le(&r);
    if (rd_u64le(&r) != salt)
        return false;
    memcpy(h.seed, rd_bytes(&r, sizeof(h.seed)).p, sizeof(h.seed));
    h.grams = rd_u32le(&r);
    h.grams_crc = rd_u32le(&r);
    r.p = in + HEAD_CRC_AT;
    if (rd_u32le(&r) != crc32c(0, in, HEAD_CRC_AT) || !head_is_sane(&h))
        return false;
    *out = h;
    return true;
}

static uint32_t bit_of(uint8_t v, unsigned named) { return v < named ? 1u << v : BLOCK_NONE; }

static void min_max(int64_t t, int64_t *min, int64_t *max)
{
    *min = t < *min ? t : *min;
    *max = t > *max ? t : *max;
}

void block_head_begin(struct block_head *h)
{
    *h = (struct block_head){
        .event_min = INT64_MAX, .event_max = INT64_MIN, .received_min = INT64_MAX, .received_max = INT64_MIN};
}

void block_head_count(struct block_head *h, const struct rows *r, uint32_t n)
{
    h->raw_bytes += r->off[n];
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = rows_head(r, i);
        min_max(r->event[i], &h->event_min, &h->event_max);
        min_max(r->received[i], &h->received_min, &h->received_max);
        h->severities |= bit_of(r->severity[k], 8);
        h->facilities |= bit_of(r->facility[k], 24);
        h->transports |= bit_of(r->transport[k], TP_COUNT);
        h->formats |= bit_of(r->format[k], FMT_COUNT);
        h->flags |= r->flags[k] ? r->flags[k] : BLOCK_NONE;
    }
}
