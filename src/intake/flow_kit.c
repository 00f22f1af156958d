/* The kit behind flow_kit.h: aborts where a test's own assumption is wrong. */
#include "intake/flow_kit.h"

static void need(bool ok)
{
    if (!ok)
        abort();
}

static void row_take(struct flow_kit *k, const struct flow_view *v, uint32_t i)
{
    k->total++;
    if (k->n == KIT_ROWS)
        return;
    struct flow_row *r = &k->rows[k->n++];
    for (int c = 0; c < FC_COUNT; c++)
        r->v[c] = flow_view_value(v, (enum flow_col)c, i);
    for (int c = FC_src; c <= FC_nat_dst; c++)
        r->ip[c - FC_src] = flow_view_ip(v, (enum flow_col)c, i);
    flow_view_exporter(v, (uint32_t)r->v[FC_exporter], &r->exporter);
}

static void batch_take(void *ctx)
{
    struct flow_kit *k = ctx;
    struct flow_view v;
    struct buf wire;

    buf_init(&wire, FLOW_WIRE_MAX);
    need(flow_batch_seal(&k->batch, &wire));
    need(flow_batch_open(buf_view(&wire), &v, NULL) == 0);
    for (uint32_t i = 0; i < v.rows; i++)
        row_take(k, &v, i);
    for (uint32_t i = 0; i < v.nexporters; i++) {
        struct flow_exporter x;
        flow_view_exporter(&v, i, &x);
        k->lost += x.lost;
    }
    buf_done(&wire);
    flow_batch_clear(&k->batch);
}

static void note_take(void *ctx, const struct flow_note *n)
{
    struct flow_kit *k = ctx;
    struct flow_note *to = &k->notes[k->nnotes < KIT_NOTES - 1 ? k->nnotes++ : KIT_NOTES - 1];

    *to = *n;
    if (n->bytes.n > 0) {
        need(buf_reserve(&k->note_bytes, n->bytes.n));
        to->bytes = (str){k->note_bytes.p + k->note_bytes.n, n->bytes.n};
        buf_str(&k->note_bytes, n->bytes);
    }
}

void flow_kit_init(struct flow_kit *k, const struct flow_limits *l)
{
    *k = (struct flow_kit){.from = {4, {192, 0, 2, 1}}, .port = 50000, .now = 1700000000LL * 1000000000};
    k->rows = calloc(KIT_ROWS, sizeof(*k->rows));
    k->notes = calloc(KIT_NOTES, sizeof(*k->notes));
    buf_init(&k->note_bytes, 64 << 20);
    need(buf_reserve(&k->note_bytes, 32 << 20)); /* notes point into it: it must not move */
    need(flow_batch_init(&k->batch) && k->rows != NULL && k->notes != NULL);
    struct flow_sink sink = {k, &k->batch, batch_take, note_take};
    k->rx = flow_rx_new(l, &sink);
    need(k->rx != NULL);
}

void flow_kit_done(struct flow_kit *k)
{
    flow_rx_free(k->rx);
    flow_batch_done(&k->batch);
    buf_done(&k->note_bytes);
    free(k->rows);
    free(k->notes);
}

void flow_kit_send(struct flow_kit *k, str datagram)
{
    flow_rx_datagram(k->rx, datagram, k->from, k->port, k->now);
    if (k->batch.nexporters == 0)
        return;
    batch_take(k);
    flow_rx_batch_taken(k->rx);
}

void flow_kit_forget(struct flow_kit *k)
{
    k->n = k->total = k->nnotes = 0;
    buf_clear(&k->note_bytes);
}

struct ip flow_kit_ip(const struct flow_row *r, enum flow_col c) { return r->ip[c - FC_src]; }

size_t flow_kit_count(const struct flow_kit *k, uint8_t note)
{
    size_t n = 0;

    for (size_t i = 0; i < k->nnotes; i++)
        n += k->notes[i].kind == note;
    return n;
}

static void big(struct buf *b, uint64_t v, int n)
{
    for (int i = n - 1; i >= 0; i--)
        buf_byte(b, (uint8_t)(v >> 8 * i));
}
void w8(struct buf *b, uint64_t v) { big(b, v, 1); }
void w16(struct buf *b, uint64_t v) { big(b, v, 2); }
void w24(struct buf *b, uint64_t v) { big(b, v, 3); }
void w32(struct buf *b, uint64_t v) { big(b, v, 4); }
void w64(struct buf *b, uint64_t v) { big(b, v, 8); }

void wip(struct buf *b, const char *text)
{
    struct ip ip;

    need(ip_parse(str_c(text), &ip));
    buf_add(b, ip.b, ip.family == 4 ? 4 : 16);
}

size_t w_set(struct buf *b, uint16_t id)
{
    w16(b, id);
    w16(b, 0);
    return b->n - 4;
}

void w_set_end(struct buf *b, size_t at)
{
    size_t n = b->n - at;

    b->p[at + 2] = (char)(n >> 8);
    b->p[at + 3] = (char)n;
}

void w_ipfix(struct buf *b, uint32_t secs, uint32_t seq, uint32_t domain)
{
    buf_clear(b);
    w16(b, 10);
    w16(b, 0);
    w32(b, secs);
    w32(b, seq);
    w32(b, domain);
}

void w_ipfix_end(struct buf *b) { w_set_end(b, 0); }

void w_v9(struct buf *b, uint16_t count, uint32_t uptime, uint32_t secs, uint32_t seq, uint32_t source)
{
    buf_clear(b);
    w16(b, 9);
    w16(b, count);
    w32(b, uptime);
    w32(b, secs);
    w32(b, seq);
    w32(b, source);
}

void w_fields(struct buf *b, const uint16_t *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        w16(b, pairs[i]);
}
