/* Sessions: who exports, what its sequence numbers say, what it samples. */
#include "intake/flow_rx-int.h"

enum { KEY = 24, REORDER = 1024, UPTIME_BACK_MS = 60 * 1000, WRAP_MS = 3600 * 1000 };

static str address_key(const struct ip *ip, char *buf)
{
    buf[0] = (char)ip->family;
    memcpy(buf + 1, ip->b, 16);
    return (str){buf, 17};
}

static str session_key(const struct ip *ip, uint16_t port, uint8_t version, uint32_t domain, char *buf)
{
    address_key(ip, buf);
    memcpy(buf + 17, &port, 2);
    buf[19] = (char)version;
    memcpy(buf + 20, &domain, 4);
    return (str){buf, KEY};
}

void session_free(struct flow_rx *rx, struct session *s)
{
    char key[KEY];
    struct map_slot *at;

    while (s->templates.next != &s->templates)
        template_forget(rx, (struct template *)((char *)s->templates.next - offsetof(struct template, of_session)));
    while (s->early.next != &s->early)
        early_forget(rx, (struct early *)((char *)s->early.next - offsetof(struct early, of_session)));
    map_del(&rx->sessions, session_key(&s->ip, s->port, s->version, s->domain, key));
    if ((at = map_get(&rx->addresses, address_key(&s->ip, key))) != NULL && --at->v.num == 0)
        map_del(&rx->addresses, address_key(&s->ip, key));
    link_del(&s->by_use);
    free(s);
}

/* The one unused for longest, of one address when ip is given. */
static void evict(struct flow_rx *rx, const struct ip *ip)
{
    for (struct link *l = rx->sessions_by_use.prev; l != &rx->sessions_by_use; l = l->prev) {
        struct session *s = (struct session *)l;
        if (ip != NULL && ip_cmp(s->ip, *ip) != 0)
            continue;
        rx->st.flow_evicted++;
        session_note(rx, s, FN_GONE, 0, STR_NONE);
        session_free(rx, s);
        return;
    }
}

static bool room_make(struct flow_rx *rx, const struct ip *ip, int64_t of_address)
{
    if (of_address >= rx->lim.sessions_of_address)
        evict(rx, ip);
    if (rx->sessions.n >= rx->lim.sessions)
        evict(rx, NULL);
    return rx->sessions.n < rx->lim.sessions;
}

static struct session *session_new(struct flow_rx *rx, struct ip ip, uint16_t port, uint8_t version, uint32_t domain)
{
    char key[KEY];
    struct map_slot *a = map_get(&rx->addresses, address_key(&ip, key)), *at;
    struct session *s;

    if (!room_make(rx, &ip, a != NULL ? a->v.num : 0) || (s = calloc(1, sizeof(*s))) == NULL)
        return NULL;
    at = map_put(&rx->sessions, session_key(&ip, port, version, domain, key), NULL);
    if (at == NULL) {
        free(s);
        return NULL;
    }
    at->v.ptr = s;
    if ((a = map_put(&rx->addresses, address_key(&ip, key), NULL)) != NULL)
        a->v.num++;
    s->ip = ip;
    s->port = port;
    s->version = version;
    s->domain = domain;
    link_init(&s->by_use);
    link_init(&s->templates);
    link_init(&s->early);
    return s;
}

struct session *session_get(struct flow_rx *rx, struct ip ip, uint16_t port, uint8_t version, uint32_t domain)
{
    char key[KEY];
    struct map_slot *at = map_get(&rx->sessions, session_key(&ip, port, version, domain, key));
    struct session *s = at != NULL ? at->v.ptr : session_new(rx, ip, port, version, domain);

    if (s != NULL && rx->sessions_by_use.next != &s->by_use)
        link_first(&rx->sessions_by_use, &s->by_use);
    return s;
}

void session_note(struct flow_rx *rx, const struct session *s, uint8_t kind, uint64_t n, str bytes)
{
    struct flow_note note = {
        .kind = kind, .version = s->version, .port = s->port, .domain = s->domain, .ip = s->ip, .n = n, .bytes = bytes};

    rx->sink.note(rx->sink.ctx, &note);
}

void session_restarted(struct flow_rx *rx, struct session *s)
{
    while (s->templates.next != &s->templates)
        template_forget(rx, (struct template *)((char *)s->templates.next - offsetof(struct template, of_session)));
    session_note(rx, s, FN_GONE, 0, STR_NONE);
    s->seq_known = false;
    s->nsamplers = 0;
    s->boot_ms = 0;
    s->restarts++;
    rx->st.flow_restarts++;
}

/* v5 and v9 carry the exporter's uptime: when it falls the exporter began anew.
 * Datagrams that overtook each other differ by less; after 49.7 days it wraps. */
static bool uptime_fell(const struct session *s, uint32_t now)
{
    return s->seq_known && now < s->uptime && s->uptime - now > UPTIME_BACK_MS &&
           !(s->uptime > UINT32_MAX - WRAP_MS && now < WRAP_MS);
}

bool session_sequence(struct flow_rx *rx, struct session *s, uint32_t seq)
{
    int32_t gap = (int32_t)(seq - s->seq);

    if (!s->seq_known)
        return true;
    if (gap > 0) {
        rx->st.drop_flow_lost += (uint32_t)gap;
        s->lost += (uint32_t)gap;
        if (s->slot_gen == rx->gen)
            rx->sink.batch->exporters[s->slot].lost += (uint32_t)gap;
    } else if (gap < 0 && gap > -REORDER) {
        rx->st.flow_reordered++; /* it was counted as lost, and came after all */
        return false;
    } else if (gap < 0 && s->version == V10) {
        session_restarted(rx, s); /* IPFIX has no uptime; this is how it shows */
    }
    return true;
}

bool session_uptime(struct flow_rx *rx, struct session *s, uint32_t uptime)
{
    bool fell = uptime_fell(s, uptime);

    if (fell)
        session_restarted(rx, s);
    s->uptime = uptime;
    return fell;
}

/* --- sampling ------------------------------------------------------------ */

void sampler_set(struct flow_rx *rx, struct session *s, uint8_t kind, uint64_t number, uint32_t rate)
{
    uint8_t wire[13] = {kind};
    uint32_t i = 0;

    while (i < s->nsamplers && (s->samplers[i].kind != kind || s->samplers[i].number != number))
        i++;
    if (i == SAMPLERS_MAX) {
        i = SAMPLERS_MAX - 1; /* more samplers than any router has: the last place changes hands */
        rx->st.flow_evicted++;
    }
    if (i == s->nsamplers)
        s->nsamplers++;
    else if (s->samplers[i].kind == kind && s->samplers[i].number == number && s->samplers[i].rate == rate)
        return;
    s->samplers[i] = (struct sampler){number, rate, kind};
    for (int k = 0; k < 8; k++)
        wire[1 + k] = (uint8_t)(number >> (56 - 8 * k));
    for (int k = 0; k < 4; k++)
        wire[9 + k] = (uint8_t)(rate >> (24 - 8 * k));
    session_note(rx, s, FN_SAMPLER, 0, (str){(const char *)wire, sizeof(wire)});
}

uint32_t sampler_rate(const struct session *s, uint8_t kind, uint64_t number)
{
    for (uint32_t i = 0; i < s->nsamplers; i++)
        if (s->samplers[i].kind == kind && s->samplers[i].number == number)
            return s->samplers[i].rate;
    return 0;
}
