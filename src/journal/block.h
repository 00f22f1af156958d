/* A stored block: up to some hundred thousand events by columns, each column
 * its own zstd frame with its own checksum, so that a search reads only what
 * it needs. All numbers little-endian.
 *
 * Head, 256 bytes:
 *     0  u32 "LYBK"          4  u16 version 1      6  u16 number of sections (10)
 *     8  u64 length of the block, head included
 *    16  u64 first sequence number                24  u32 events
 *    28  u32 all parse flags or-ed; bit 31: some event has none
 *    32  u64 raw bytes
 *    40  i64 least event time   48  i64 greatest   56  i64 least receipt   64  i64 greatest
 *    72  10 x (u32 stored bytes, u32 plain bytes, u32 crc32c of the stored bytes)
 *   192  u32 severities   196  u32 facilities   200  u32 transports   204  u32 formats:
 *        bit v set when some event has value v; bit 31: a value beyond the named ones
 *   208  u64 salt of the file (a log line cannot hold a block of this file)
 *   216  36 bytes zero
 *   252  u32 crc32c of bytes 0..251
 * then the sections in order, each a zstd frame (none when plain bytes = 0):
 *   RAW      the lines, one behind the other
 *   LEN      3 planes of n bytes: low, middle, high byte of each line's length
 *   RECEIVED u8 e | n x zigzag varint of the difference to the row before, in units of 10^e ns
 *   EVENT    u8 e | u8 0: as RECEIVED; 1: difference to the same row's receipt
 *   HEAD     8 planes: transport, format, facility, severity, flags low, high, port low, high
 *   SOURCE   u32 k | k x (u8 family, 16 bytes) | 3 planes of n: number in that list
 *   SPAN     for each of 6 spans n x u8 gap, n x u8 length; then varints for each 255 above,
 *            row by row. gap = zigzag(offset - end of the last present span of the row);
 *            an absent span has length 0 and gap 0. The message goes to the end of the line
 *            as a rule: its length is given as 1 + the bytes of the line behind it
 *   HOSTS, PROGRAMS, SOURCES   u8 1 | u32 k | k x (varint length, bytes, varint count); a source
 *            is u8 family, 16 bytes. Plain length 0 when there are too many to keep. */
#ifndef LUY_JOURNAL_BLOCK_H
#define LUY_JOURNAL_BLOCK_H
#include "journal/rows.h"

enum { BLOCK_HEAD_BYTES = 256, BLOCK_RAW_MAX = 192 << 20, BLOCK_ROWS_MAX = 8 << 20, BLOCK_LENGTH_MAX = 1 << 30 };
#define BLOCK_MAGIC "LYBK"
#define BLOCK_NONE  (1u << 31)
enum block_section {
    SEC_RAW,
    SEC_LEN,
    SEC_RECEIVED,
    SEC_EVENT,
    SEC_HEAD,
    SEC_SOURCE,
    SEC_SPAN,
    SEC_HOSTS,
    SEC_PROGRAMS,
    SEC_SOURCES,
    SEC_COUNT,
};
struct block_sec {
    uint32_t stored, plain, crc;
};
struct block_head {
    uint64_t length, first_seq, raw_bytes;
    uint32_t count, flags, severities, facilities, transports, formats;
    int64_t event_min, event_max, received_min, received_max;
    struct block_sec sec[SEC_COUNT];
};
void block_head_write(const struct block_head *h, uint64_t salt, uint8_t out[BLOCK_HEAD_BYTES]);
bool block_head_read(const uint8_t in[BLOCK_HEAD_BYTES], uint64_t salt, struct block_head *out);
uint64_t block_section_at(const struct block_head *h, int section); /* from the block's start */

/* Encoding: one encoder a thread, its buffers kept from block to block. */
struct block_enc;
struct block_enc *block_enc_new(void);
void block_enc_free(struct block_enc *be);
/* Head and sections of r's published rows; valid until the next call. Empty: no memory. */
str block_encode(struct block_enc *be, struct rows *r, uint64_t salt, struct block_head *h);

/* Decoding. The bytes come from a file, or from memory (tests). */
struct block_src {
    int fd;
    uint64_t off;
    const uint8_t *mem;
    size_t mem_n;
};
struct block_dec;
struct block_dec *block_dec_new(void);
void block_dec_free(struct block_dec *d);
/* Begins a block: its own head must say what the index says. 0, -EBADMSG, -EIO, -ENOMEM. */
int block_dec_open(struct block_dec *d, const struct block_src *src, const struct block_head *h, uint64_t salt);
/* Fills columns; *out stays the same rows until the next open. */
int block_dec_load(struct block_dec *d, unsigned cols, struct rows **out);
/* A set of values with counts: fn for each; *known false when the block keeps none. */
typedef bool block_set_fn(void *ctx, str value, uint64_t count); /* false ends */
int block_dec_set(struct block_dec *d, int section, block_set_fn *fn, void *ctx, bool *known);
int block_dec_verify(struct block_dec *d); /* checksum of every section */
#endif
