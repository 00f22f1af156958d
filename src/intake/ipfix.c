/* IPFIX (RFC 7011): a head of 16 bytes, then sets. */
#include "intake/flow_rx-int.h"

enum { HEAD = 16, SET_HEAD = 4, SET_TEMPLATE = 2, SET_OPTIONS = 3, SET_DATA = 256, ENTERPRISE = 0x8000 };

static bool sets_fit(rd r)
{
    while (rd_left(&r) > 0) {
        rd_u16(&r);
        uint16_t len = rd_u16(&r);
        if (r.bad || len < SET_HEAD)
            return false;
        rd_bytes(&r, len - SET_HEAD);
    }
    return !r.bad;
}

static bool fields_read(rd *r, struct field_spec *f, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint16_t id = rd_u16(r), len = rd_u16(r);
        uint32_t pen = id & ENTERPRISE ? rd_u32(r) : 0;
        if (i < FLOW_FIELDS_MAX)
            f[i] = (struct field_spec){(uint16_t)(pen != 0 ? id & ~ENTERPRISE : id), len, pen};
    }
    return !r->bad;
}

/* A template without fields takes one back, the set's own number all of that kind (8.1). */
static void withdraw(struct flow_rx *rx, struct session *s, uint16_t id)
{
    struct link *next;

    for (struct link *l = s->templates.next; l != &s->templates; l = next) {
        struct template *t = (struct template *)((char *)l - offsetof(struct template, of_session));
        struct flow_note gone = {
            .kind = FN_GONE, .version = s->version, .port = s->port, .domain = s->domain, .ip = s->ip, .id = t->id};
        next = l->next;
        if (t->id != id && !(id == SET_TEMPLATE && !t->options) && !(id == SET_OPTIONS && t->options))
            continue;
        rx->sink.note(rx->sink.ctx, &gone);
        template_forget(rx, t);
    }
}

static void templates_read(struct flow_rx *rx, struct session *s, rd r, bool options)
{
    struct field_spec f[FLOW_FIELDS_MAX];

    while (rd_left(&r) >= SET_HEAD) {
        uint16_t id = rd_u16(&r), n = rd_u16(&r), scope = 0;
        if (id == 0 && n == 0)
            return; /* padding */
        if (n == 0) {
            withdraw(rx, s, id);
            continue;
        }
        if (options)
            scope = rd_u16(&r);
        if ((options && (scope == 0 || scope > n)) || !fields_read(&r, f, n)) {
            rx->st.drop_flow_template++;
            return;
        }
        template_define(rx, s, id, options, scope, f, n);
    }
}

static void set_read(struct flow_rx *rx, struct message *m, uint16_t id, str set)
{
    struct template *t;

    if (id == SET_TEMPLATE || id == SET_OPTIONS)
        templates_read(rx, m->s, rd_init(set.p, set.n), id == SET_OPTIONS);
    if (id < SET_DATA)
        return;
    t = template_find(rx, m->s, id);
    if (t == NULL) {
        early_keep(rx, m, id, set);
        m->counted = false; /* how many records that was nobody knows */
    } else if (t->options) {
        decode_options(rx, m, t, set);
    } else {
        decode_set(rx, m, t, set);
    }
}

/* The boot time of the exporter's options makes an uptime of the export time. */
static void uptime_from_boot(struct message *m)
{
    if (m->s->boot_ms == 0)
        return;
    m->uptime = (uint32_t)(m->export_ns / 1000000 - m->s->boot_ms);
    m->has_uptime = true;
}

void ipfix_read(struct flow_rx *rx, str bytes, struct ip ip, uint16_t port, int64_t received)
{
    rd r = rd_init(bytes.p, bytes.n);

    rd_u16(&r);
    uint16_t length = rd_u16(&r);
    uint32_t secs = rd_u32(&r), seq = rd_u32(&r), domain = rd_u32(&r);
    if (r.bad || length != bytes.n || length < HEAD || !sets_fit(r)) {
        rx->st.drop_flow_malformed++;
        return;
    }
    struct session *s = session_get(rx, ip, port, V10, domain);
    if (s == NULL)
        return;
    batch_slot(rx, s);
    bool ahead = session_sequence(rx, s, seq);
    rx->sink.batch->exporters[s->slot].datagrams++;
    struct message m = {.s = s, .received = received, .export_ns = (int64_t)secs * 1000000000, .counted = true};
    uptime_from_boot(&m);
    while (rd_left(&r) >= SET_HEAD) {
        uint16_t id = rd_u16(&r), len = rd_u16(&r);
        set_read(rx, &m, id, rd_bytes(&r, len - SET_HEAD));
    }
    if (ahead) {
        s->seq = seq + m.records; /* counts data records (3.1) */
        s->seq_known = m.counted;
    }
}
