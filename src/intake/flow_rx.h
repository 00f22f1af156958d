/* The receiver of flows: NetFlow v5, v9 (RFC 3954) and IPFIX (RFC 7011) over
 * UDP, datagram by datagram. Pure: no I/O, no clock; time comes with the bytes.
 *
 * What it keeps is bounded by struct flow_limits: sessions (exporter address,
 * port, version, domain), in all and of one address; templates, in all and of a
 * session; sets that came before their template. At a ceiling the one unused
 * for longest goes, templates that never decoded anything first, and is counted.
 *
 * A message whose lengths do not fit is refused whole and counted. One thread. */
#ifndef LUY_INTAKE_FLOW_RX_H
#define LUY_INTAKE_FLOW_RX_H
#include "intake/flow.h"

struct flow_limits {
    uint32_t sessions, sessions_of_address, templates, templates_of_session;
    uint32_t early_bytes, early_of_session; /* data before its template */
    int64_t early_ns;                       /* and how long it is kept */
};
#define FLOW_LIMITS_DEFAULT ((struct flow_limits){4096, 64, 16384, 512, 8 << 20, 256 << 10, 600 * 1000000000LL})

/* clang-format off */
#define FLOW_RX_COUNTERS(X) \
    X(flow_datagrams) X(flow_records) X(flow_templates) X(flow_options) X(flow_skipped) X(flow_early) X(flow_restarts) \
    X(flow_evicted) X(flow_reordered) \
    X(drop_flow_malformed) X(drop_flow_version) X(drop_flow_sflow) X(drop_flow_template) X(drop_flow_early) X(drop_flow_lost)
/* clang-format on */
struct flow_rx_stats {
#define X(n) uint64_t n;
    FLOW_RX_COUNTERS(X)
#undef X
};
/* flow_skipped: records of a template that describes no flow; drop_flow_template: templates
 * refused; drop_flow_lost: by the sequence numbers, in the version's unit. */

/* What others should know or keep. The first four make up the receiver's memory:
 * given back to flow_rx_restore() they make a new one go on where this stood. */
enum flow_note_kind {
    FN_TEMPLATE = 1, /* bytes: u16 scope fields | fields x (u16 id, u16 length, u32 pen), big-endian */
    FN_GONE,         /* the template `id`; 0: all that is known of the session */
    FN_SAMPLER,      /* bytes: u8 kind | u64 number | u32 rate, big-endian */
    FN_BOOT,         /* n: ms since 1970 */
    FN_LOST,         /* n of the sequence; bytes empty */
    FN_RESTART,
    FN_SFLOW, /* a datagram of sFlow, which is not decoded */
    FN_KINDS
};
struct flow_note {
    uint8_t kind, version;
    bool options;
    uint16_t port, id;
    uint32_t domain;
    struct ip ip;
    uint64_t n;
    str bytes;
};
enum { FLOW_FIELDS_MAX = 512, FLOW_NOTE_MAX = 2 + 8 * FLOW_FIELDS_MAX };

struct flow_sink {
    void *ctx;
    struct flow_batch *batch;
    void (*full)(void *ctx); /* must leave the batch empty */
    void (*note)(void *ctx, const struct flow_note *n);
};
struct flow_rx;
struct flow_rx *flow_rx_new(const struct flow_limits *l, const struct flow_sink *sink); /* NULL: no memory */
void flow_rx_free(struct flow_rx *rx);
void flow_rx_datagram(struct flow_rx *rx, str bytes, struct ip ip, uint16_t port, int64_t received_ns);
/* Once a second: tells what was lost and who restarted since; drops early data that is too old. */
void flow_rx_tick(struct flow_rx *rx, int64_t now_ns);
void flow_rx_restore(struct flow_rx *rx, const struct flow_note *n); /* hostile input */
void flow_rx_batch_taken(struct flow_rx *rx);                        /* the batch was emptied by its owner */
const struct flow_rx_stats *flow_rx_stats(const struct flow_rx *rx);
#endif
