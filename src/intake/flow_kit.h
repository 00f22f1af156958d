/* For the tests of the flow receiver: a writer of messages (big-endian, from the
 * RFCs), and a receiver whose rows are kept. What comes out has been through
 * the wire form and its reader. */
#ifndef LUY_INTAKE_FLOW_KIT_H
#define LUY_INTAKE_FLOW_KIT_H
#include "intake/flow_rx.h"
#include "base/rd.h"

struct flow_row {
    uint64_t v[FC_COUNT]; /* addresses are in ip */
    struct ip ip[FLOW_ADDRESSES];
    struct flow_exporter exporter;
};
enum { KIT_ROWS = 70000, KIT_NOTES = 4096 };
struct flow_kit {
    struct flow_rx *rx;
    struct flow_batch batch;
    struct flow_row *rows;
    size_t n, total; /* kept; all */
    struct flow_note *notes;
    size_t nnotes;
    uint32_t lost; /* as the batches' exporters say */
    struct buf note_bytes;
    struct ip from;
    uint16_t port;
    int64_t now;
};
void flow_kit_init(struct flow_kit *k, const struct flow_limits *l);
void flow_kit_done(struct flow_kit *k);
void flow_kit_send(struct flow_kit *k, str datagram); /* and takes the batch */
void flow_kit_forget(struct flow_kit *k);             /* rows and notes so far */
struct ip flow_kit_ip(const struct flow_row *r, enum flow_col c);
size_t flow_kit_count(const struct flow_kit *k, uint8_t note);

/* The writer. */
void w8(struct buf *b, uint64_t v);
void w16(struct buf *b, uint64_t v);
void w24(struct buf *b, uint64_t v);
void w32(struct buf *b, uint64_t v);
void w64(struct buf *b, uint64_t v);
void wip(struct buf *b, const char *text);
size_t w_set(struct buf *b, uint16_t id);                                  /* begins a set; give it to w_set_end */
void w_set_end(struct buf *b, size_t at);                                  /* its length */
void w_ipfix(struct buf *b, uint32_t secs, uint32_t seq, uint32_t domain); /* the head; w_end writes the length */
void w_v9(struct buf *b, uint16_t count, uint32_t uptime, uint32_t secs, uint32_t seq, uint32_t source);
void w_ipfix_end(struct buf *b);
/* Template fields: id, length pairs up to 0, 0. */
void w_fields(struct buf *b, const uint16_t *pairs, size_t n);
#endif
