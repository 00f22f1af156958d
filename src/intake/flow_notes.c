/* The wire form of notes (flow_notes.h). Owns its buffer; a reader points into
 * the wire. One thread each. */
#include "intake/flow_notes.h"
#include "intake/event.h"
#include <errno.h>

enum { HEAD = 16, NOTE = 40, NOTE_MIN_KIND = FN_TEMPLATE };

void flow_notes_init(struct flow_notes *w, size_t max)
{
    buf_init(&w->buf, max);
    w->count = 0;
}
void flow_notes_done(struct flow_notes *w) { buf_done(&w->buf); }
void flow_notes_clear(struct flow_notes *w)
{
    buf_clear(&w->buf);
    w->count = 0;
}

bool flow_notes_add(struct flow_notes *w, const struct flow_note *n)
{
    size_t head = w->buf.n == 0 ? HEAD : 0;

    if (n->bytes.n > FLOW_NOTE_MAX || !buf_reserve(&w->buf, head + NOTE + n->bytes.n))
        return false;
    memset(w->buf.p + w->buf.n, 0, head);
    w->buf.n += head;
    buf_byte(&w->buf, n->kind);
    buf_byte(&w->buf, n->version);
    buf_byte(&w->buf, n->ip.family);
    buf_byte(&w->buf, n->options);
    buf_u16(&w->buf, n->port);
    buf_u16(&w->buf, n->id);
    buf_u32(&w->buf, n->domain);
    buf_u32(&w->buf, (uint32_t)n->bytes.n);
    buf_u64(&w->buf, n->n);
    buf_add(&w->buf, n->ip.b, 16);
    buf_str(&w->buf, n->bytes);
    w->count++;
    return true;
}

static void put32(char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (char)(v >> 8 * i);
}

str flow_notes_seal(struct flow_notes *w)
{
    if (w->count == 0)
        return STR_NONE;
    uint32_t bytes = (uint32_t)(w->buf.n - HEAD);
    put32(w->buf.p, FLOW_NOTES_MAGIC);
    put32(w->buf.p + 4, w->count);
    put32(w->buf.p + 8, bytes);
    put32(w->buf.p + 12, crc32c(0, w->buf.p + HEAD, bytes));
    return buf_view(&w->buf);
}

bool flow_notes_is(str wire)
{
    rd r = rd_init(wire.p, wire.n);

    return rd_u32le(&r) == FLOW_NOTES_MAGIC && !r.bad;
}

int flow_notes_open(str wire, struct flow_notes_reader *out, struct err *e)
{
    rd r = rd_init(wire.p, wire.n);
    uint32_t magic = rd_u32le(&r), count = rd_u32le(&r), bytes = rd_u32le(&r), crc = rd_u32le(&r);

    if (r.bad || magic != FLOW_NOTES_MAGIC)
        return ERR(e, -EBADMSG, "intake.batch_magic", N((int64_t)wire.n));
    if (bytes != rd_left(&r) || count > bytes / NOTE)
        return ERR(e, -EBADMSG, "intake.batch_length", N(bytes), N((int64_t)rd_left(&r)), N(count));
    if (crc32c(0, r.p, bytes) != crc)
        return ERR(e, -EBADMSG, "intake.batch_crc");
    *out = (struct flow_notes_reader){r, count};
    return 0;
}

int flow_notes_next(struct flow_notes_reader *r, struct flow_note *out)
{
    struct flow_note n = {0};

    if (r->left == 0)
        return r->r.bad || rd_left(&r->r) != 0 ? -EBADMSG : 0;
    n.kind = rd_u8(&r->r);
    n.version = rd_u8(&r->r);
    n.ip.family = rd_u8(&r->r);
    uint8_t options = rd_u8(&r->r);
    n.options = options == 1;
    n.port = rd_u16le(&r->r);
    n.id = rd_u16le(&r->r);
    n.domain = rd_u32le(&r->r);
    uint32_t len = rd_u32le(&r->r);
    n.n = rd_u64le(&r->r);
    str address = rd_bytes(&r->r, 16);
    n.bytes = rd_bytes(&r->r, len);
    if (r->r.bad || n.kind < NOTE_MIN_KIND || n.kind >= FN_KINDS || options > 1 || len > FLOW_NOTE_MAX ||
        (n.ip.family != 4 && n.ip.family != 6)) {
        r->r.bad = true;
        return -EBADMSG;
    }
    memcpy(n.ip.b, address.p, n.ip.family == 4 ? 4 : 16);
    r->left--;
    *out = n;
    return 1;
}
