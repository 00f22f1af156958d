/* NetFlow v9 (RFC 3954): a head of 20 bytes, then FlowSets. */
#include "intake/flow_rx-int.h"

enum { SET_HEAD = 4, SET_TEMPLATE = 0, SET_OPTIONS = 1, SET_DATA = 256 };

static bool zeros(rd r)
{
    while (rd_left(&r) > 0)
        if (rd_u8(&r) != 0)
            return false;
    return true;
}

/* Each set begins and ends within the message. Some fill the datagram with zeros. */
static bool sets_fit(rd r)
{
    while (rd_left(&r) >= SET_HEAD) {
        rd rest = r;
        rd_u16(&r);
        uint16_t len = rd_u16(&r);
        if (len < SET_HEAD)
            return zeros(rest);
        rd_bytes(&r, len - SET_HEAD);
        if (r.bad)
            return false;
    }
    return zeros(r);
}

static bool fields_read(rd *r, struct field_spec *f, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint16_t id = rd_u16(r), len = rd_u16(r);
        if (i < FLOW_FIELDS_MAX)
            f[i] = (struct field_spec){id, len, 0};
    }
    return !r->bad;
}

static void templates_read(struct flow_rx *rx, struct session *s, rd r)
{
    struct field_spec f[FLOW_FIELDS_MAX];

    while (rd_left(&r) > SET_HEAD) {
        uint16_t id = rd_u16(&r), n = rd_u16(&r);
        if (id == 0 && n == 0 && zeros(r))
            return; /* padding */
        if (!fields_read(&r, f, n)) {
            rx->st.drop_flow_template++;
            return;
        }
        template_define(rx, s, id, false, 0, f, n);
    }
}

/* Lengths of scope and options are in bytes here (6.1). */
static void options_read(struct flow_rx *rx, struct session *s, rd r)
{
    struct field_spec f[FLOW_FIELDS_MAX];

    while (rd_left(&r) > 6) {
        uint16_t id = rd_u16(&r), scope = rd_u16(&r), options = rd_u16(&r);
        uint32_t n = ((uint32_t)scope + options) / 4;
        if (id == 0 && n == 0)
            return;
        if (scope % 4 != 0 || options % 4 != 0 || !fields_read(&r, f, n)) {
            rx->st.drop_flow_template++;
            return;
        }
        template_define(rx, s, id, true, scope / 4u, f, n);
    }
}

static void set_read(struct flow_rx *rx, struct message *m, uint16_t id, str set)
{
    rd r = rd_init(set.p, set.n);

    if (id == SET_TEMPLATE)
        templates_read(rx, m->s, r);
    else if (id == SET_OPTIONS)
        options_read(rx, m->s, r);
    if (id < SET_DATA)
        return;
    struct template *t = template_find(rx, m->s, id);
    if (t == NULL)
        early_keep(rx, m, id, set);
    else if (t->options)
        decode_options(rx, m, t, set);
    else
        decode_set(rx, m, t, set);
}

void netflow9_read(struct flow_rx *rx, str bytes, struct ip ip, uint16_t port, int64_t received)
{
    rd r = rd_init(bytes.p, bytes.n);

    rd_u16(&r);
    rd_u16(&r); /* records: too many exporters count otherwise to believe it */
    uint32_t uptime = rd_u32(&r), secs = rd_u32(&r), seq = rd_u32(&r), source = rd_u32(&r);
    if (r.bad || !sets_fit(r)) {
        rx->st.drop_flow_malformed++;
        return;
    }
    struct session *s = session_get(rx, ip, port, V9, source);
    if (s == NULL)
        return;
    session_uptime(rx, s, uptime);
    batch_slot(rx, s);
    if (session_sequence(rx, s, seq)) {
        s->seq = seq + 1; /* counts packets (5.1) */
        s->seq_known = true;
    }
    rx->sink.batch->exporters[s->slot].datagrams++;
    struct message m = {
        .s = s, .received = received, .export_ns = (int64_t)secs * 1000000000, .uptime = uptime, .has_uptime = true};
    while (rd_left(&r) >= SET_HEAD) {
        uint16_t id = rd_u16(&r), len = rd_u16(&r);
        if (len < SET_HEAD)
            return;
        set_read(rx, &m, id, rd_bytes(&r, len - SET_HEAD));
    }
}
