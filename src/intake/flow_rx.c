/* The receiver: which version, the batch, and what is told once a second. */
#include "intake/flow_rx-int.h"

enum { NOTES_A_TICK = 64 };

struct flow_rx *flow_rx_new(const struct flow_limits *l, const struct flow_sink *sink)
{
    struct flow_rx *rx = calloc(1, sizeof(*rx));

    if (rx == NULL)
        return NULL;
    rx->lim = *l;
    rx->sink = *sink;
    rx->gen = 1;
    map_init(&rx->sessions, l->sessions + 1);
    map_init(&rx->addresses, l->sessions + 1);
    map_init(&rx->templates, l->templates + 1);
    link_init(&rx->sessions_by_use);
    link_init(&rx->used);
    link_init(&rx->unused);
    link_init(&rx->early_by_age);
    return rx;
}

void flow_rx_free(struct flow_rx *rx)
{
    if (rx == NULL)
        return;
    while (rx->sessions_by_use.next != &rx->sessions_by_use)
        session_free(rx, (struct session *)rx->sessions_by_use.next);
    map_done(&rx->sessions);
    map_done(&rx->addresses);
    map_done(&rx->templates);
    free(rx);
}

const struct flow_rx_stats *flow_rx_stats(const struct flow_rx *rx) { return &rx->st; }
void flow_rx_batch_taken(struct flow_rx *rx) { rx->gen++; }

void batch_flush(struct flow_rx *rx)
{
    rx->sink.full(rx->sink.ctx);
    rx->gen++;
}

uint32_t batch_slot(struct flow_rx *rx, struct session *s)
{
    struct flow_batch *b = rx->sink.batch;

    if (s->slot_gen == rx->gen)
        return s->slot;
    if (b->nexporters == FLOW_EXPORTERS_MAX)
        batch_flush(rx);
    s->slot = b->nexporters++;
    s->slot_gen = rx->gen;
    b->exporters[s->slot] =
        (struct flow_exporter){.ip = s->ip, .version = s->version, .port = s->port, .domain = s->domain};
    return s->slot;
}

/* sFlow v5 and v4 begin with their version in 32 bits, then the agent's kind of address. */
static bool is_sflow(str b)
{
    rd r = rd_init(b.p, b.n);
    uint32_t version = rd_u32(&r), kind = rd_u32(&r);

    return !r.bad && (version == 5 || version == 4 || version == 2) && (kind == 1 || kind == 2);
}

static void sflow_refuse(struct flow_rx *rx, struct ip ip, uint16_t port)
{
    struct session *s = session_get(rx, ip, port, 0, 0);

    rx->st.drop_flow_sflow++;
    if (s == NULL || s->told_sflow)
        return;
    s->told_sflow = true; /* once a session: the counter has the rest */
    session_note(rx, s, FN_SFLOW, 1, STR_NONE);
}

void flow_rx_datagram(struct flow_rx *rx, str bytes, struct ip ip, uint16_t port, int64_t received_ns)
{
    static const struct {
        uint16_t version;
        read_message *fn;
    } versions[] = {{V5, netflow5_read}, {V9, netflow9_read}, {V10, ipfix_read}};
    uint16_t version = bytes.n >= 2 ? (uint16_t)be((const uint8_t *)bytes.p, 2) : 0;

    rx->st.flow_datagrams++;
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
        if (versions[i].version == version) {
            versions[i].fn(rx, bytes, ip, port, received_ns);
            return;
        }
    if (is_sflow(bytes))
        sflow_refuse(rx, ip, port);
    else
        rx->st.drop_flow_version++;
}

static void tell(struct flow_rx *rx, struct session *s, uint8_t kind, uint64_t *n, int *left)
{
    if (*n == 0 || *left == 0)
        return;
    session_note(rx, s, kind, *n, STR_NONE);
    *n = 0;
    --*left;
}

void flow_rx_tick(struct flow_rx *rx, int64_t now_ns)
{
    int left = NOTES_A_TICK;

    for (struct link *l = rx->sessions_by_use.next; l != &rx->sessions_by_use && left > 0; l = l->next) {
        struct session *s = (struct session *)l;
        tell(rx, s, FN_RESTART, &s->restarts, &left);
        tell(rx, s, FN_LOST, &s->lost, &left);
    }
    early_expire(rx, now_ns);
}

static void restore_template(struct flow_rx *rx, struct session *s, const struct flow_note *n)
{
    struct field_spec f[FLOW_FIELDS_MAX];
    rd r = rd_init(n->bytes.p, n->bytes.n);
    uint32_t nscope = rd_u16(&r), count = 0;

    while (rd_left(&r) >= 8 && count < FLOW_FIELDS_MAX) {
        uint16_t id = rd_u16(&r), len = rd_u16(&r);
        f[count++] = (struct field_spec){id, len, rd_u32(&r)};
    }
    if (!r.bad && rd_left(&r) == 0)
        template_define(rx, s, n->id, n->options, nscope, f, count);
}

void flow_rx_restore(struct flow_rx *rx, const struct flow_note *n)
{
    rd r = rd_init(n->bytes.p, n->bytes.n);
    struct session *s;

    if ((n->version != V5 && n->version != V9 && n->version != V10) || (n->ip.family != 4 && n->ip.family != 6) ||
        (s = session_get(rx, n->ip, n->port, n->version, n->domain)) == NULL)
        return;
    if (n->kind == FN_TEMPLATE) {
        restore_template(rx, s, n);
    } else if (n->kind == FN_BOOT) {
        s->boot_ms = n->n < (uint64_t)INT64_MAX / 1000000 ? (int64_t)n->n : 0;
    } else if (n->kind == FN_SAMPLER) {
        uint8_t kind = rd_u8(&r);
        uint64_t number = rd_u64(&r);
        uint32_t rate = rd_u32(&r);
        if (!r.bad && kind <= SAMPLER_INTERFACE)
            sampler_set(rx, s, kind, number, rate);
    }
}
