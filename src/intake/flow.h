/* Flows as typed columns: what the receiver of NetFlow and IPFIX fills, what
 * goes through the shared ring and lies in the flow store's write-ahead file.
 *
 * Raw counters stay as the exporter gave them; `sampling` is the factor that
 * goes with them (one packet of so many was looked at; 0 = not said).
 *
 * An address is four bytes wide in its column: an IPv4 address as a number, or
 * the place of an IPv6 address in the batch's list. Which of the two, or none,
 * `families` says, two bits an address column (enum flow_family).
 *
 * Wire form, little-endian; the first 16 bytes have the event batch's layout:
 *   batch    = u32 magic "LYF1" | u32 rows | u32 bytes | u32 crc32c of what follows |
 *              u64 mask of columns | u32 exporters | u32 v6 addresses |
 *              exporters x 40 | v6 addresses x 16 | the columns of the mask in order
 *   column   = u8 width | u8 unit | u16 0 | u32 0 | u64 base | rows x width bytes, filled with
 *              zeros to a multiple of 8; value = base + what lies there * 10^(3 * unit)
 *   exporter = 16 bytes address | u8 family | u8 version | u16 port | u32 domain |
 *              u32 datagrams | u32 lost | u64 0
 * A column that the mask leaves out is zero in every row. flow_batch_open()
 * treats its input as hostile. */
#ifndef LUY_INTAKE_FLOW_H
#define LUY_INTAKE_FLOW_H
#include "base/buf.h"
#include "base/err.h"
#include "base/ip.h"
#include "intake/flow_pack.h"
#include <string.h>

enum flow_kind {
    FK_NUMBER,
    FK_TIME,     /* ns since 1970; 0 = not said */
    FK_ADDRESS,  /* see above */
    FK_MAC,      /* 48 bits */
    FK_EXPORTER, /* place in the list of exporters */
    FK_FAMILIES,
};
/* name, type, kind. The order is the wire's: new ones go to the end. */
/* clang-format off */
#define FLOW_COLUMNS(X) \
    X(received, int64_t, TIME) X(start, int64_t, TIME) X(end, int64_t, TIME) \
    X(exporter, uint16_t, EXPORTER) X(families, uint16_t, FAMILIES) \
    X(src, uint32_t, ADDRESS) X(dst, uint32_t, ADDRESS) X(next_hop, uint32_t, ADDRESS) \
    X(nat_src, uint32_t, ADDRESS) X(nat_dst, uint32_t, ADDRESS) \
    X(src_port, uint16_t, NUMBER) X(dst_port, uint16_t, NUMBER) \
    X(nat_src_port, uint16_t, NUMBER) X(nat_dst_port, uint16_t, NUMBER) \
    X(proto, uint8_t, NUMBER) X(tos, uint8_t, NUMBER) X(tcp_flags, uint16_t, NUMBER) X(icmp, uint16_t, NUMBER) \
    X(packets, uint64_t, NUMBER) X(bytes, uint64_t, NUMBER) \
    X(packets_back, uint64_t, NUMBER) X(bytes_back, uint64_t, NUMBER) \
    X(sampling, uint32_t, NUMBER) X(in_if, uint32_t, NUMBER) X(out_if, uint32_t, NUMBER) \
    X(src_as, uint32_t, NUMBER) X(dst_as, uint32_t, NUMBER) X(src_mask, uint8_t, NUMBER) X(dst_mask, uint8_t, NUMBER) \
    X(src_vlan, uint16_t, NUMBER) X(dst_vlan, uint16_t, NUMBER) X(src_mac, uint64_t, MAC) X(dst_mac, uint64_t, MAC) \
    X(direction, uint8_t, NUMBER) X(end_reason, uint8_t, NUMBER) X(forwarding, uint8_t, NUMBER) X(event, uint8_t, NUMBER) \
    X(mpls_label, uint32_t, NUMBER) X(app, uint32_t, NUMBER) X(in_vrf, uint32_t, NUMBER) X(out_vrf, uint32_t, NUMBER)
/* clang-format on */
enum flow_col {
#define X(n, t, k) FC_##n,
    FLOW_COLUMNS(X)
#undef X
        FC_COUNT,
    FC_NONE = 255
};
struct flow_column {
    const char *name;
    uint8_t width, kind;
};
extern const struct flow_column flow_columns[FC_COUNT];

enum flow_family { FAM_NONE, FAM_4, FAM_6 };
enum { FLOW_ADDRESSES = FC_nat_dst - FC_src + 1 };
static inline unsigned flow_family_shift(unsigned col) { return 2 * (col - FC_src); }

enum {
    FLOW_MAGIC = 0x3146594c, /* "LYF1" read as little-endian */
    FLOW_ROWS_MAX = 4096,
    FLOW_V6_MAX = 4 * FLOW_ROWS_MAX,
    FLOW_EXPORTERS_MAX = 256,
    FLOW_WIRE_MAX = 1 << 20,
};
struct flow_exporter {
    struct ip ip;
    uint8_t version; /* 5, 9, 10 */
    uint16_t port;
    uint32_t domain;
    uint32_t datagrams, lost; /* while this batch was filled; lost: by the sequence numbers, in the version's unit */
};

/* A batch being filled. A column exists from the first row that sets it. */
struct flow_batch {
    uint32_t rows, nexporters, nv6;
    uint64_t mask;
    uint8_t *col[FC_COUNT]; /* FLOW_ROWS_MAX values, zero where not set */
    uint8_t (*v6)[16];      /* FLOW_V6_MAX */
    struct flow_exporter *exporters;
};
bool flow_batch_init(struct flow_batch *b); /* false: no memory */
void flow_batch_done(struct flow_batch *b);
void flow_batch_clear(struct flow_batch *b);
/* Makes the column present; its values, or NULL without memory. */
void *flow_batch_col(struct flow_batch *b, enum flow_col c);
bool flow_batch_seal(struct flow_batch *b, struct buf *out); /* the wire form; out was empty */

/* A batch as it came, read in place: columns point into the wire bytes. */
struct flow_view {
    uint32_t rows, nexporters, nv6;
    uint64_t mask;
    const uint8_t *col[FC_COUNT]; /* narrow; NULL: zero in every row */
    struct flow_pack pack[FC_COUNT];
    const uint8_t *v6, *exporters;
};
bool flow_batch_is(str wire); /* by its magic */
/* 0, or -EBADMSG when lengths, numbers or checksum do not fit. `wire` is aligned as
 * malloc aligns: columns are read where they lie. */
int flow_batch_open(str wire, struct flow_view *out, struct err *e);
void flow_view_exporter(const struct flow_view *v, uint32_t i, struct flow_exporter *out);
/* A value as a number; an address column gives its four bytes. */
static inline uint64_t flow_view_value(const struct flow_view *v, enum flow_col c, uint32_t row)
{
    return v->col[c] != NULL ? flow_pack_value(&v->pack[c], v->col[c], row) : 0;
}
/* All rows of a column in its own width; the column must be there. */
static inline void flow_view_fill(const struct flow_view *v, enum flow_col c, void *out)
{
    flow_pack_read(&v->pack[c], v->col[c], flow_columns[c].width, v->rows, out);
}
struct ip flow_view_ip(const struct flow_view *v, enum flow_col c, uint32_t row);
#endif
