/* The receiver's inside: sessions, templates compiled to operations, samplers. */
#ifndef LUY_INTAKE_FLOW_RX_INT_H
#define LUY_INTAKE_FLOW_RX_INT_H
#include "base/map.h"
#include "base/rd.h"
#include "intake/flow_field.h"
#include "intake/flow_rx.h"

enum { V5 = 5, V9 = 9, V10 = 10, VARIABLE = 65535, OPS_MAX = 64, SAMPLERS_MAX = 64 };

struct link {
    struct link *prev, *next;
};
static inline void link_init(struct link *l) { l->prev = l->next = l; }
static inline void link_del(struct link *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    link_init(l);
}
static inline void link_first(struct link *list, struct link *l) /* to the front */
{
    link_del(l);
    l->next = list->next;
    l->prev = list;
    list->next->prev = l;
    list->next = l;
}

struct field_spec {
    uint16_t id, len;
    uint32_t pen;
};
/* One field that means something: how to read it and where it goes. */
struct flow_op {
    uint16_t field, off, len; /* off: within a record of fixed length */
    uint8_t read, col, rank;
};
struct template
{
    struct link by_use, of_session;
    struct session *s;
    uint16_t id, nfields, nscope, nops;
    bool options, fixed, used;
    bool is_flow, mixed; /* mixed: has both an IPv4 and an IPv6 field for one column */
    uint16_t families;   /* of every row, when not mixed */
    uint16_t v6_a_row;
    uint32_t size;     /* of a record; its least when not fixed */
    uint16_t *lengths; /* nfields */
    struct flow_op ops[OPS_MAX];
    uint32_t nspec; /* bytes of spec */
    uint8_t spec[]; /* FN_TEMPLATE's bytes */
};
enum sampler_kind { SAMPLER_ALL, SAMPLER_NUMBER, SAMPLER_INTERFACE };
struct sampler {
    uint64_t number;
    uint32_t rate;
    uint8_t kind;
};
struct early {
    struct link by_age, of_session;
    struct session *s;
    int64_t received, export_ns;
    uint32_t uptime, n;
    uint16_t id;
    uint8_t bytes[];
};
struct session {
    struct link by_use, templates, early;
    struct ip ip;
    uint16_t port;
    uint8_t version;
    uint32_t domain, ntemplates, early_bytes;
    bool seq_known, told_sflow;
    uint32_t seq, uptime; /* the next expected; the last seen */
    int64_t boot_ms;      /* 0 = not known */
    uint32_t slot_gen, slot;
    uint64_t lost, restarts; /* not told yet */
    uint32_t nsamplers;
    struct sampler samplers[SAMPLERS_MAX];
    struct template *last;
};
/* The message being read. */
struct message {
    struct session *s;
    int64_t received, export_ns;
    uint32_t uptime; /* ms; v5, v9, or from the boot time */
    bool has_uptime;
    uint32_t records; /* data records so far; IPFIX counts them */
    bool counted;     /* records is the truth */
    uint32_t rate;    /* v5 header */
};
struct flow_rx {
    struct flow_limits lim;
    struct flow_sink sink;
    struct flow_rx_stats st;
    struct map sessions, addresses, templates; /* address -> number of sessions */
    struct link sessions_by_use, used, unused, early_by_age;
    uint32_t early_bytes, gen;
    uint64_t sampler_of[FLOW_ROWS_MAX]; /* scratch: sampler number of each row being read */
};

/* flow_session.c */
struct session *session_get(struct flow_rx *rx, struct ip ip, uint16_t port, uint8_t version, uint32_t domain);
void session_free(struct flow_rx *rx, struct session *s);
/* Has the exporter begun anew? Then its templates are forgotten. */
void session_restarted(struct flow_rx *rx, struct session *s);
/* seq: of this message's first unit. False: it comes late, s->seq stays where it is. */
bool session_sequence(struct flow_rx *rx, struct session *s, uint32_t seq);
bool session_uptime(struct flow_rx *rx, struct session *s, uint32_t uptime); /* true: it began anew */
void session_note(struct flow_rx *rx, const struct session *s, uint8_t kind, uint64_t n, str bytes);
void sampler_set(struct flow_rx *rx, struct session *s, uint8_t kind, uint64_t number, uint32_t rate);
uint32_t sampler_rate(const struct session *s, uint8_t kind, uint64_t number); /* 0: not known */

/* flow_template.c */
struct template *template_find(struct flow_rx *rx, struct session *s, uint16_t id);
/* Adds or replaces; false: refused. */
bool template_define(struct flow_rx *rx, struct session *s, uint16_t id, bool options, uint32_t nscope,
                     const struct field_spec *f, uint32_t n);
void template_forget(struct flow_rx *rx, struct template *t);
void template_used(struct flow_rx *rx, struct template *t);

/* flow_early.c */
void early_keep(struct flow_rx *rx, const struct message *m, uint16_t id, str set);
void early_use(struct flow_rx *rx, struct session *s, uint16_t id); /* its template is there now */
void early_forget(struct flow_rx *rx, struct early *x);
void early_expire(struct flow_rx *rx, int64_t now);

/* flow_decode.c: the data records of a set; where one record has its fields */
bool record_measure(const struct template *t, rd *r, struct flow_op *ops);
void decode_set(struct flow_rx *rx, struct message *m, struct template *t, str set);
/* flow_options.c */
void decode_options(struct flow_rx *rx, struct message *m, struct template *t, str set);

/* The exporter's place in the batch being filled. */
uint32_t batch_slot(struct flow_rx *rx, struct session *s);
void batch_flush(struct flow_rx *rx);

/* One version each; the datagram begins with the version's number. */
typedef void read_message(struct flow_rx *rx, str bytes, struct ip ip, uint16_t port, int64_t received);
read_message netflow5_read, netflow9_read, ipfix_read;

static inline uint64_t be(const uint8_t *p, unsigned n)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}
#endif
