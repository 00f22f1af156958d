/* Event batches on the wire (event.h draws the form). The writer trusts its
 * caller but keeps the form lawful; the reader trusts nothing. The batch owns
 * its buffer; a reader owns nothing and points into the wire bytes. One thread
 * a batch. */
#include "intake/event-int.h"
#include <endian.h>
#include <errno.h>

static void put16(uint8_t *p, uint16_t v) { v = htole16(v), memcpy(p, &v, 2); }
static void put32(uint8_t *p, uint32_t v) { v = htole32(v), memcpy(p, &v, 4); }
static void put64(uint8_t *p, uint64_t v) { v = htole64(v), memcpy(p, &v, 8); }

static uint16_t get16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, 2);
    return le16toh(v);
}
static uint32_t get32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return le32toh(v);
}
static uint64_t get64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return le64toh(v);
}

void event_batch_init(struct event_batch *b, size_t max)
{
    buf_init(&b->buf, max < EVENT_BATCH_MAX ? max : EVENT_BATCH_MAX);
    b->count = 0;
}

void event_batch_done(struct event_batch *b)
{
    buf_done(&b->buf);
    b->count = 0;
}

void event_batch_clear(struct event_batch *b)
{
    buf_clear(&b->buf);
    b->count = 0;
}

static void record_write(uint8_t *p, const struct event *ev, uint32_t raw, uint16_t flags)
{
    size_t addr = ev->source.family == 4 ? 4 : ev->source.family == 6 ? 16 : 0;

    memset(p, 0, RECORD_HEAD);
    put64(p + AT_RECEIVED, (uint64_t)ev->received_ns);
    put64(p + AT_EVENT, (uint64_t)ev->event_ns);
    p[AT_TRANSPORT] = ev->transport;
    p[AT_FORMAT] = ev->format;
    p[AT_FACILITY] = ev->facility;
    p[AT_SEVERITY] = ev->severity;
    put16(p + AT_FLAGS, flags);
    put16(p + AT_PORT, ev->source_port);
    p[AT_FAMILY] = addr ? ev->source.family : 0;
    memcpy(p + AT_SOURCE, ev->source.b, addr);
    for (int i = 0; i < SP_COUNT; i++) {
        uint32_t off = ev->span[i].off < raw ? ev->span[i].off : raw;
        uint32_t len = ev->span[i].len < raw - off ? ev->span[i].len : raw - off;
        put32(p + AT_SPANS + 8 * i, off);
        put32(p + AT_SPANS + 8 * i + 4, len);
    }
    put32(p + AT_RAW_LEN, raw);
    if (raw > 0)
        memcpy(p + RECORD_HEAD, ev->raw.p, raw);
}

size_t event_record(const struct event *ev, uint8_t *out)
{
    _Static_assert(RECORD_HEAD + EVENT_RAW_MAX <= EVENT_RECORD_MAX, "room for a record");
    size_t raw = ev->raw.n > EVENT_RAW_MAX ? EVENT_RAW_MAX : ev->raw.n;

    record_write(out, ev, (uint32_t)raw, (uint16_t)(ev->flags | (raw < ev->raw.n ? EV_TRUNCATED : 0)));
    return RECORD_HEAD + raw;
}

bool event_batch_add(struct event_batch *b, const struct event *ev)
{
    bool cut = ev->raw.n > EVENT_RAW_MAX;
    size_t raw = cut ? EVENT_RAW_MAX : ev->raw.n;
    size_t head = b->buf.n == 0 ? BATCH_HEAD : 0, need = head + RECORD_HEAD + raw;

    if (b->buf.max - b->buf.n < need || !buf_reserve(&b->buf, need))
        return false;
    b->buf.n += head;
    record_write((uint8_t *)b->buf.p + b->buf.n, ev, (uint32_t)raw, (uint16_t)(ev->flags | (cut ? EV_TRUNCATED : 0)));
    b->buf.n += RECORD_HEAD + raw;
    b->count++;
    return true;
}

str event_batch_seal(struct event_batch *b)
{
    if (b->buf.n == 0) {
        if (b->buf.max < BATCH_HEAD || !buf_reserve(&b->buf, BATCH_HEAD))
            return STR_NONE;
        b->buf.n = BATCH_HEAD;
    }
    uint8_t *p = (uint8_t *)b->buf.p;
    uint32_t bytes = (uint32_t)(b->buf.n - BATCH_HEAD);

    put32(p, BATCH_MAGIC);
    put32(p + 4, b->count);
    put32(p + 8, bytes);
    put32(p + 12, crc32c(0, p + BATCH_HEAD, bytes));
    return buf_view(&b->buf);
}

size_t event_batch_size(str head)
{
    const uint8_t *p = (const uint8_t *)head.p;

    if (head.n < BATCH_HEAD || get32(p) != BATCH_MAGIC || get32(p + 8) > EVENT_BATCH_MAX - BATCH_HEAD)
        return 0;
    return BATCH_HEAD + (size_t)get32(p + 8);
}

int event_batch_reopen(str wire, struct event_reader *rdr, struct err *e)
{
    const uint8_t *p = (const uint8_t *)wire.p;

    if (wire.n < BATCH_HEAD || get32(p) != BATCH_MAGIC)
        return ERR(e, -EBADMSG, "intake.batch_magic", N((int64_t)wire.n));
    size_t bytes = wire.n - BATCH_HEAD;
    uint32_t count = get32(p + 4);
    if (get32(p + 8) != bytes || count > bytes / RECORD_HEAD || (count == 0) != (bytes == 0))
        return ERR(e, -EBADMSG, "intake.batch_length", N(get32(p + 8)), N((int64_t)bytes), N(count));
    *rdr = (struct event_reader){rd_init(p + BATCH_HEAD, bytes), count};
    return 0;
}

int event_batch_open(str wire, struct event_reader *rdr, struct err *e)
{
    int rc = event_batch_reopen(wire, rdr, e);

    if (rc == 0 && crc32c(0, wire.p + BATCH_HEAD, wire.n - BATCH_HEAD) != get32((const uint8_t *)wire.p + 12))
        rc = ERR(e, -EBADMSG, "intake.batch_crc");
    return rc;
}

static bool source_read(const uint8_t *p, struct ip *out)
{
    const uint8_t *ip = p + AT_SOURCE;
    uint64_t v4 = get32(ip), rest = get32(ip + 4) | get64(ip + 8); /* of what only IPv6 fills */

    if ((p[AT_FAMILY] != 6 && rest != 0) || (p[AT_FAMILY] == 0 && v4 != 0) ||
        (p[AT_FAMILY] != 0 && p[AT_FAMILY] != 4 && p[AT_FAMILY] != 6) || p[AT_PAD8] != 0 || get16(p + AT_PAD16) != 0)
        return false;
    out->family = p[AT_FAMILY];
    memcpy(out->b, p + AT_SOURCE, 16);
    return true;
}

static bool record_read(const uint8_t *p, struct event *ev, uint32_t raw)
{
    ev->received_ns = (int64_t)get64(p + AT_RECEIVED);
    ev->event_ns = (int64_t)get64(p + AT_EVENT);
    ev->transport = p[AT_TRANSPORT];
    ev->format = p[AT_FORMAT];
    ev->facility = p[AT_FACILITY];
    ev->severity = p[AT_SEVERITY];
    ev->flags = get16(p + AT_FLAGS);
    ev->source_port = get16(p + AT_PORT);
    if (ev->transport >= TP_COUNT || ev->format >= FMT_COUNT || ev->facility > 23 || ev->severity > 7 ||
        !source_read(p, &ev->source))
        return false;
    for (int i = 0; i < SP_COUNT; i++) {
        uint32_t off = get32(p + AT_SPANS + 8 * i), len = get32(p + AT_SPANS + 8 * i + 4);
        if (off > raw || len > raw - off)
            return false;
        ev->span[i] = (struct span){off, len};
    }
    return true;
}

int event_batch_next(struct event_reader *rdr, struct event *out)
{
    if (rdr->left == 0)
        return rdr->r.bad || rd_left(&rdr->r) != 0 ? -EBADMSG : 0;
    const uint8_t *p = (const uint8_t *)rd_bytes(&rdr->r, RECORD_HEAD).p;
    if (rdr->r.bad)
        return -EBADMSG;
    uint32_t raw = get32(p + AT_RAW_LEN);
    str bytes = raw <= EVENT_RAW_MAX ? rd_bytes(&rdr->r, raw) : STR_NONE;
    if (raw > EVENT_RAW_MAX || rdr->r.bad || !record_read(p, out, raw)) {
        rdr->r.bad = true; /* sticky: nothing after a bad record is believed */
        return -EBADMSG;
    }
    out->raw = bytes;
    rdr->left--;
    return 1;
}
