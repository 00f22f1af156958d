/* Intake as the core sees it: a child process that owns the sockets' bytes.
 *
 * The core binds the sockets, makes the shared ring (memfd), and starts the
 * child by re-executing itself with INTAKE_ARGV1; the child receives the
 * descriptors and the TLS key (its own, never another) over a socket pair,
 * sets its limits (seccomp, Landlock, no new privileges, empty root), then
 * parses. Sockets stay with the core, so a restart of the child loses no
 * listening queue. The ring carries sealed event batches; the core copies a
 * batch out before it validates it.
 *
 * Counters go on over restarts. The child dies when the thread that called
 * intake_start ends (and with the process): let it be one that lives as long.
 *
 * Thread: all calls from the pipeline thread; intake_stats from any. */
#ifndef LUY_INTAKE_INTAKE_H
#define LUY_INTAKE_INTAKE_H
#include "base/arena.h"
#include "base/clock.h"
#include "intake/event.h"
#include "intake/flow_rx.h"

#define INTAKE_ARGV1 "--role=intake"

struct intake_cfg {
    str udp, tcp, tls;         /* "127.0.0.1:5514", "[::1]:6514"; empty = off */
    str flow, ipfix;           /* UDP; each takes NetFlow v5, v9 and IPFIX */
    str json_tcp;              /* JSON lines over TCP */
    str json_unix, json_dgram; /* paths of unix sockets, stream and datagram; what lies there is replaced */
    /* What the flow receiver learned, kept over a restart of the program; empty: only over the child's. */
    str flow_state;
    /* What it has to say (FN_LOST, FN_RESTART, FN_SFLOW); called by intake_next. NULL is fine. */
    void (*flow_note)(void *ctx, const struct flow_note *n);
    void *flow_ctx;
    str tls_cert_pem, tls_key_pem;
    str tls_client_ca_pem;    /* empty: clients need no certificate */
    size_t ring_bytes;        /* 8 MiB .. 256 MiB */
    uint32_t max_connections; /* all streams together */
    uint32_t max_per_source;  /* of one address */
    uint32_t idle_seconds;    /* a connection with no complete frame for so long is closed */
    /* Zone of RFC 3164 stamps, minutes east of UTC. 0 = UTC+7 (Viet Nam);
     * UTC itself is INTAKE_TZ_UTC. */
    int tz_minutes;
    const char *self_exe; /* path for the re-execution: "/proc/self/exe" */
};
enum { INTAKE_TZ_UTC = 1 << 20 };
/* What is counted, each at its place. Names are the metrics' names. */
/* clang-format off */
#define INTAKE_COUNTERS(X) \
    X(received) X(bytes) X(parse_flagged) X(truncated) X(bad_frame) X(bad_utf8) \
    X(drop_udp_kernel) X(drop_ring_full) X(drop_conn_limit) X(drop_source_limit) \
    X(drop_idle) X(tls_failed) X(conn_open) X(conn_total) X(skipped_bytes) X(json_bad) \
    X(flow_bytes) X(drop_flow_kernel) X(drop_ipfix_kernel) FLOW_RX_COUNTERS(X)
/* clang-format on */
struct intake_stats {
#define X(n) uint64_t n;
    INTAKE_COUNTERS(X)
#undef X
    uint64_t restarts;
    uint64_t ring_corrupt; /* children ended because the ring did not make sense */
};
struct intake;
int intake_start(const struct intake_cfg *cfg, const struct clock *clk, struct intake **out, struct err *e);
/* A clean end in two steps. intake_quiesce asks the child to read what has
 * arrived, to flush and to end; then intake_next gives the last batches and at
 * last -ESHUTDOWN. intake_stop ends what still runs and frees; alone it drops
 * what was not taken. NULL is fine. */
void intake_quiesce(struct intake *in);
void intake_stop(struct intake *in);
int intake_fd(const struct intake *in); /* readable when a batch or the child's end waits */
/* Copies the next batch into *wire (valid until the next call). 1 batch, 0 none,
 * -ESHUTDOWN after a quiesce when all is drained. A batch is of events, or of
 * flows (flow_batch_is), and is checked whole: it opens and reads to its end.
 * Restarts a dead child (at once, then at most every 200 ms) and then sets
 * *gap true once, so that the caller journals the gap. */
int intake_next(struct intake *in, str *wire, bool *gap, struct err *e);
void intake_stats(struct intake *in, struct intake_stats *out);
pid_t intake_pid(const struct intake *in);
/* The ports really bound (a configured port 0 asks the kernel for one). */
struct intake_ports {
    uint16_t udp, tcp, tls, flow, ipfix, json_tcp;
};
struct intake_ports intake_ports(const struct intake *in);
int intake_child_main(int argc, char **argv); /* the child; returns the exit code */
#endif
