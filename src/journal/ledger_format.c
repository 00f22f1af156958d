/* The ledger's two records as bytes. Reading treats its input as hostile: a
 * record that does not print back to the same bytes is none. */
#include "journal/ledger.h"
#include "base/rd.h"
#include "intake/event.h"
#include <string.h>

enum { ENTRY_CRC = LEDGER_ENTRY - 4, HEAD_CRC = LEDGER_HEAD - 4 };

static uint8_t *put(uint8_t *p, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        *p++ = (uint8_t)(v >> (8 * i));
    return p;
}

static uint8_t *put_bytes(uint8_t *p, const void *from, size_t n)
{
    memcpy(p, from, n);
    return p + n;
}

void ledger_entry_write(const struct ledger_entry *n, uint8_t out[LEDGER_ENTRY])
{
    uint8_t *p = put_bytes(out, "LYLE", 4);

    p = put(p, n->type, 1);
    p = put(p, n->stream, 1);
    p = put(p, 0, 2);
    p = put(p, n->no, 8);
    p = put(p, n->first, 8);
    p = put(p, n->records, 8);
    p = put(p, (uint64_t)n->from_ns, 8);
    p = put(p, (uint64_t)n->to_ns, 8);
    p = put_bytes(p, n->root.b, sizeof(n->root.b));
    p = put(p, n->stored, 8);
    p = put(p, 0, 4);
    put(p, crc32c(0, out, ENTRY_CRC), 4);
}

bool ledger_entry_read(const uint8_t in[LEDGER_ENTRY], struct ledger_entry *out)
{
    uint8_t again[LEDGER_ENTRY];
    rd r = rd_init(in, LEDGER_ENTRY);
    struct ledger_entry n = {0};

    rd_u32le(&r);
    n.type = (enum ledger_type)rd_u8(&r);
    n.stream = (enum ledger_stream)rd_u8(&r);
    rd_u16le(&r);
    n.no = rd_u64le(&r);
    n.first = rd_u64le(&r);
    n.records = rd_u64le(&r);
    n.from_ns = (int64_t)rd_u64le(&r);
    n.to_ns = (int64_t)rd_u64le(&r);
    memcpy(n.root.b, rd_bytes(&r, sizeof(n.root.b)).p, sizeof(n.root.b));
    n.stored = rd_u64le(&r);
    if (n.type < LEDGER_BLOCK || n.type > LEDGER_ARCHIVE || n.stream >= LEDGER_STREAMS)
        return false;
    ledger_entry_write(&n, again);
    if (memcmp(again, in, LEDGER_ENTRY) != 0)
        return false;
    *out = n;
    return true;
}

void ledger_head_write(const struct ledger_head *h, uint8_t out[LEDGER_HEAD])
{
    uint8_t *p = put_bytes(out, "LYHD", 4);

    p = put(p, h->type, 1);
    p = put(p, 0, 3);
    p = put(p, h->epoch, 4);
    p = put(p, 0, 4);
    p = put(p, h->no, 8);
    p = put(p, (uint64_t)h->at_ns, 8);
    p = put(p, h->entries, 8);
    p = put_bytes(p, h->root.b, sizeof(h->root.b));
    p = put_bytes(p, h->before.b, sizeof(h->before.b));
    p = put_bytes(p, h->key, sizeof(h->key));
    p = put_bytes(p, h->sig, sizeof(h->sig));
    p = put(p, 0, 4);
    put(p, crc32c(0, out, HEAD_CRC), 4);
}

bool ledger_head_read(const uint8_t in[LEDGER_HEAD], struct ledger_head *out)
{
    uint8_t again[LEDGER_HEAD];
    rd r = rd_init(in, LEDGER_HEAD);
    struct ledger_head h = {0};

    rd_u32le(&r);
    h.type = (enum head_type)rd_u8(&r);
    rd_bytes(&r, 3);
    h.epoch = rd_u32le(&r);
    rd_u32le(&r);
    h.no = rd_u64le(&r);
    h.at_ns = (int64_t)rd_u64le(&r);
    h.entries = rd_u64le(&r);
    memcpy(h.root.b, rd_bytes(&r, sizeof(h.root.b)).p, sizeof(h.root.b));
    memcpy(h.before.b, rd_bytes(&r, sizeof(h.before.b)).p, sizeof(h.before.b));
    memcpy(h.key, rd_bytes(&r, sizeof(h.key)).p, sizeof(h.key));
    memcpy(h.sig, rd_bytes(&r, sizeof(h.sig)).p, sizeof(h.sig));
    if (h.type < HEAD_BEGIN || h.type > HEAD_EVOLVE)
        return false;
    ledger_head_write(&h, again);
    if (memcmp(again, in, LEDGER_HEAD) != 0)
        return false;
    *out = h;
    return true;
}
