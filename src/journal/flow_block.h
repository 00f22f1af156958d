/* A stored block of flows: a head of fixed size, then a section a column
 * (flow_column.h), so that a query reads the columns it needs. Little-endian.
 *
 * Head, FLOW_BLOCK_HEAD bytes:
 *     0  u32 "LYFK"   4  u16 version 1   6  u16 sections   8  u64 length, head included
 *    16  u64 number of the first flow   24  u32 flows   28  u32 exporters
 *    32  u32 IPv4 addresses   36  u32 IPv6 addresses
 *    40  i64 least time   48  i64 greatest (flow_time())   56  u64 salt of the file
 *    64  sections x 36: u8 coding | u8 unit | u16 0 | u32 stored bytes | u32 crc32c of them |
 *        u64 min | u64 max | i64 first
 *   end  u32 crc32c of all before
 * Sections, in this order: one for each column of intake/flow.h, then
 *   V4         the block's IPv4 addresses, 4 bytes each, in the order they first come
 *   V6         16 bytes each, a zstd frame
 *   EXPORTERS  40 bytes each as on the wire (intake/flow.h), a zstd frame
 *   FILTER     Bloom filter over all addresses: 8 bits an address, 4 hashes
 * An address column holds places in V4 or V6, by `families`. Codings: 0 as it is;
 * 1 times to the row before; 2 the time `start` to `end`. min and max are those of
 * the stored values; for coding 0 of numbers they are the column's own and serve
 * to skip the block. */
#ifndef LUY_JOURNAL_FLOW_BLOCK_H
#define LUY_JOURNAL_FLOW_BLOCK_H
#include "journal/flow_column.h"
#include "journal/flow_rows.h"

enum flow_section { FS_V4 = FC_COUNT, FS_V6, FS_EXPORTERS, FS_FILTER, FS_COUNT };
enum { FLOW_BLOCK_HEAD = 64 + FS_COUNT * 36 + 4, FLOW_BLOCK_MAX = 256 << 20 };
enum flow_coding { CODE_PLAIN, CODE_DELTA, CODE_TO_END };
struct flow_section_head {
    uint8_t coding, unit;
    uint32_t stored, crc;
    struct flow_range range;
    int64_t first;
};
struct flow_block_head {
    uint64_t length, first_seq;
    uint32_t rows, nexporters, nv4, nv6;
    int64_t time_min, time_max;
    struct flow_section_head sec[FS_COUNT];
};
void flow_block_head_write(const struct flow_block_head *h, uint64_t salt, uint8_t out[FLOW_BLOCK_HEAD]);
bool flow_block_head_read(const uint8_t in[FLOW_BLOCK_HEAD], uint64_t salt, struct flow_block_head *out);

struct flow_enc;
struct flow_enc *flow_enc_new(void); /* NULL: no memory */
void flow_enc_free(struct flow_enc *e);
/* Head and sections of r's published rows; valid until the next call. Empty: no memory. */
str flow_block_encode(struct flow_enc *e, const struct flow_rows *r, uint64_t salt, struct flow_block_head *h);

/* What a query looks at: rows in memory, or a stored block whose columns are read
 * as they are asked for. One thread. */
struct flow_page {
    uint32_t n;
    uint64_t first_seq;
    uint32_t relay;                     /* whose flows they are (flow_guest.h); 0: the store's own */
    const struct flow_rows *rows;       /* one of the two */
    const struct flow_block_head *head; /* .. */
    int rc;                             /* the first failure of a column */
    uint64_t bytes_read;

    int fd;
    uint64_t off;
    struct flow_codec *codec;
    struct buf raw;
    bool sparse;                            /* few rows will be asked for: flow_page_value leaves columns as planes */
    uint8_t *planes[FC_COUNT];              /* scratch, kept from block to block */
    uint64_t have_planes, *marks[FC_COUNT]; /* of times: flow_times_mark() */
    void *col[FC_COUNT];                    /* scratch, kept from block to block */
    uint64_t *wide;                         /* for times */
    uint64_t have;                          /* columns that are filled */
    uint32_t *v4;                           /* NULL for rows in memory: columns hold the addresses */
    uint8_t (*v6)[16];
    struct flow_exporter *exporters;
    uint32_t nexporters;
    uint8_t *filter;
    bool have_v4, have_v6, have_exporters, have_filter;
};
bool flow_page_init(struct flow_page *p);
void flow_page_done(struct flow_page *p);
void flow_page_rows(struct flow_page *p, const struct flow_rows *r);
void flow_page_block(struct flow_page *p, int fd, uint64_t off, const struct flow_block_head *h);
/* n values of the column's type (a zero column too), NULL on failure: p->rc. */
const void *flow_page_col(struct flow_page *p, enum flow_col c);
/* One value, and whether the whole column is one: then nothing is decoded for it. */
uint64_t flow_page_value(struct flow_page *p, enum flow_col c, uint32_t row);
bool flow_page_constant(const struct flow_page *p, enum flow_col c, uint64_t *v);
/* Lists of the block; NULL on failure. */
const uint32_t *flow_page_v4(struct flow_page *p);
const uint8_t (*flow_page_v6(struct flow_page *p))[16];
const struct flow_exporter *flow_page_exporters(struct flow_page *p);
bool flow_page_may_have(struct flow_page *p, struct ip ip); /* false: surely no row has this address */
struct ip flow_page_ip(struct flow_page *p, enum flow_col c, uint32_t row);
int flow_page_verify(struct flow_page *p); /* checksum of every section: 0, -EBADMSG, -EIO */
#endif
