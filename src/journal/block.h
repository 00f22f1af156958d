/* A stored block: up to some hundred thousand events, split into templates and
 * columns. All numbers little-endian, varint = LEB128.
 *
 *   head        256 bytes, below
 *   directory   packed (page_pack.h), or plain where that is not longer
 *   pages       block_page.h
 *   grams       a filter of words (grams.h), or nothing
 *
 * Head:
 *     0  u32 "LYBK"          4  u16 version 6      6  u16 0
 *     8  u64 length of the block, head included
 *    16  u64 first sequence number                24  u32 events
 *    28  u32 all parse flags or-ed; bit 31: some event has none
 *    32  u64 raw bytes
 *    40  i64 least event time   48  i64 greatest   56  i64 least receipt   64  i64 greatest
 *    72  u32 stored bytes of the directory   76  u32 plain bytes   80  u32 crc32c of the stored bytes
 *    84  u32 templates
 *    88  u32 severities   92  u32 facilities   96  u32 transports   100  u32 formats:
 *        bit v set when some event has value v; bit 31: a value beyond the named ones
 *   104  u64 salt of the file (a log line cannot hold a block of this file)
 *   112  16 bytes seed of the masks of its leaves (merkle.h), of its first part
 *   128  u32 bytes of the filter (0, or a power of two)   132  u32 crc32c of it
 *   136  116 bytes zero
 *   252  u32 crc32c of bytes 0..251
 *
 * Directory, in this order:
 *   page table          (block_page.h)
 *   stamps              varint n | n x (u8 kind, u8 digits, zigzag varint minutes)    (split.h)
 *   keys                varint n | 32 planes of n bytes: struct template_key, little-endian
 *   origins             varint n | n x (varint rows, source, u16 port,
 *                       varint length, host)   by falling rows; number 0 is "not in this list":
 *                       its lines are without a template. source: u8 0; u8 4, 4 bytes; or
 *                       u8 128, u8 family, 16 bytes
 *   ports               u8: 1 = ports stand in a stream of their own (PG_TIME: n low bytes, n high)
 *   times               receipt, then event: zigzag varint first | u8 e | varint changes |
 *                       for each 32768 changes: varint lines from the last change before to the last of these |
 *                       zigzag varint sum of the differences | varint bytes of raw bits of the lines | of the
 *                       differences
 *                       streams in PG_TIME: symbols of the lines between two changes, less one;
 *                       of the zigzag differences in units of 10^e ns. A line whose template says
 *                       "event is receipt" takes part in no change
 *   plain lines         varint rows | raw bits of lines, of origins, of lengths |
 *                       varint bytes of PG_META | varint n, n x varint bytes of a PG_RAW page
 *                       META, for each row: struct template_key but its places (8 bytes), where
 *                       stamp is 0; origin 0: source, u16 port; then 6 spans
 *                       (varint offset, varint length). RAW: the lines, cut into pages between
 *                       lines; lengths, lines and origins in PG_LINE, PG_LINE, PG_ORIGIN
 *   templates           varint templates | varint bytes of PG_TEXT; PG_HEAD has 13 bytes for each,
 *                       as planes: u16 key, u16 length of text, u32 rows, u32 classes of bytes
 *                       in all values (grams.h), u8 flags (TF_*)
 *   groups              for each 32 templates: varint bytes of PG_DESC | where the pages of each kind from PG_LINE on
 * stand when it begins: varint next page - the one in the group before | varint next - joint page (0: none) | varint
 * offset in it
 *   dictionary head     (dict.h)
 *   hours               varint bytes of PG_HOURS (block_hours.h)
 *   parts               varint n - 1 | n - 1 x (varint events, 16 bytes seed): a block that was made of
 *                       several has the leaves of each for itself, one behind the other; the first
 *                       has the events that are left
 *
 * PG_TEXT holds the texts of all templates one behind the other; PG_DESC of a
 * group for each: varint raw bits of lines, of origins | a column (column.h) for each value. Lines of a template go as
 * gaps (PG_LINE), origins as numbers (PG_ORIGIN). Text: 0x11 stands for a value, 0x12 for the host of the origin, 0x13
 * for the time. */
#ifndef LUY_JOURNAL_BLOCK_H
#define LUY_JOURNAL_BLOCK_H
#include "journal/column.h"
#include "journal/rows.h"

enum {
    BLOCK_HEAD_BYTES = 256,
    BLOCK_VERSION = 6,
    BLOCK_RAW_MAX = 192 << 20,
    BLOCK_ROWS_MAX = 8 << 20,
    BLOCK_LENGTH_MAX = 1 << 30,
    BLOCK_GROUP = 32,
    BLOCK_ORIGINS_MAX = 1 << 16,
    BLOCK_HOSTS_MAX = 1 << 20, /* bytes of all host names */
};
#define BLOCK_MAGIC "LYBK"
#define BLOCK_NONE  (1u << 31)
struct block_head {
    uint64_t length, first_seq, raw_bytes;
    uint32_t count, flags, severities, facilities, transports, formats, templates;
    int64_t event_min, event_max, received_min, received_max;
    uint32_t dir_stored, dir_plain, dir_crc;
    uint32_t grams, grams_crc;
    uint8_t seed[16];
};
/* Events with a root of their own. A block that was sealed is one part. */
enum { BLOCK_PARTS_MAX = 64 };
struct block_part {
    uint32_t from, count; /* of the block's events */
    uint8_t seed[16];
};
void block_head_write(const struct block_head *h, uint64_t salt, uint8_t out[BLOCK_HEAD_BYTES]);
uint16_t block_head_version(const uint8_t in[BLOCK_HEAD_BYTES]); /* of any version's head; 0: it is no head */
bool block_head_read(const uint8_t in[BLOCK_HEAD_BYTES], uint64_t salt, struct block_head *out);

/* Encoding: one encoder a thread, its buffers kept from block to block. */
struct block_enc;
struct block_enc *block_enc_new(void);
void block_enc_free(struct block_enc *be);
void block_enc_level(struct block_enc *be, int level); /* of page_pack, from now on; PACK_FAST at first */
/* Asked many times a second while a block is packed for keeps; true: it is given up. NULL: never, as at first. */
void block_enc_stop(struct block_enc *be, bool (*stop)(void *ctx), void *ctx);
/* The next block is made of these, which follow each other without a gap; 2 to BLOCK_PARTS_MAX. */
void block_enc_parts(struct block_enc *be, const struct block_part *v, size_t n);
/* The whole block of r's published rows; valid until the next call. Empty: no memory, or stopped. */
str block_encode(struct block_enc *be, struct rows *r, uint64_t salt, struct block_head *h);
uint64_t block_enc_bytes(const struct block_enc *be, int page_kind); /* of the last block, for figures */

/* Decoding. The bytes come from a file, or from memory (tests). Nothing but
 * head and directory is read until it is asked for; everything that was read
 * stays until the next open. All functions: 0, -EBADMSG (damaged), -EIO,
 * -ENOMEM. One thread a decoder. */
struct block_src {
    int fd;
    uint64_t off;
    const uint8_t *mem;
    size_t mem_n;
};
struct block_dec;
struct block_dec *block_dec_new(void);
void block_dec_free(struct block_dec *d);
/* Until the next open(), after which it is as good as new: few megabytes are kept, which fresh ones would cost more
 * to touch than to fill. */
void block_dec_rest(struct block_dec *d);
/* Begins a block: its own head must say what the index says. */
int block_dec_open(struct block_dec *d, const struct block_src *src, const struct block_head *h, uint64_t salt);
/* Its events are numbered from `first` on here, whatever its head says. */
void block_dec_number(struct block_dec *d, uint64_t first);
int block_dec_verify(struct block_dec *d);                                        /* checksum of every page */
size_t block_dec_parts(const struct block_dec *d, const struct block_part **out); /* at least 1 */

struct block_origin {
    uint32_t rows;
    uint16_t port; /* 0 when ports stand by themselves */
    struct ip source;
    str host;
};
/* Number 0 stands for lines whose origin is not in the list. */
const struct block_origin *block_origins(const struct block_dec *d, uint32_t *n);

enum {
    TF_GLUED = 1, /* a value, host or time touches a word, so a word may go over its edge */
    TF_HOST = 2,
    TF_STAMP = 4,
};
bool block_ports_alone(const struct block_dec *d); /* ports are no part of origins */
/* A template: a static text with holes, and its lines. */
struct block_template {
    const struct template_key *key;
    str text;
    uint32_t rows, classes; /* classes of bytes in values (grams.h) */
    uint8_t flags;          /* TF_* */
    /* after block_template_open() */
    uint32_t values, line_bits, origin_bits, holes;
    uint16_t *hole;     /* their places in text, 0x11 to 0x13; NULL: not opened */
    bool ready;         /* all columns are loaded */
    struct column *col; /* one for each value, in the order of their holes */
    uint32_t *line;     /* numbers in the block, ascending; after block_template_rows() */
    uint32_t *origin;   /* after block_template_rows() */
    struct page_at line_at, line_bits_at, origin_at, origin_bits_at;
};
uint32_t block_rows(const struct block_dec *d); /* all lines */
uint32_t block_templates(const struct block_dec *d);
int block_template_get(struct block_dec *d, uint32_t i, struct block_template **out);
int block_template_open(struct block_dec *d, struct block_template *t); /* rows and columns do it themselves */
str block_texts(const struct block_dec *d); /* of all templates, one behind the other; after a get */
int block_template_rows(struct block_dec *d, struct block_template *t);
int block_template_column(struct block_dec *d, struct block_template *t, uint32_t slot, struct column **out);
int block_template_columns(struct block_dec *d, struct block_template *t); /* all of them */
uint32_t block_plain_rows(const struct block_dec *d);                      /* lines without a template */
/* Reads the filter of a block that is not open; 0, -EBADMSG, -EIO. */
int block_grams_read(const struct block_src *src, const struct block_head *h, uint8_t out[GRAMS_BYTES_MAX]);
/* Lines of an opened block by hour of their event and by origin, where the block has them counted: fn for each hour of
 * each origin that has lines. 1: told; 0: it has not; it tells nothing on failure. */
typedef void block_hour_fn(void *ctx, int64_t start, const struct block_origin *o, uint32_t lines);
int block_hours(struct block_dec *d, block_hour_fn *fn, void *ctx);
int block_plain_lines(struct block_dec *d, const uint32_t **line, uint32_t *rows);
struct dict_reader *block_dict(struct block_dec *d);
/* Event time of an ascending row of lines; *hint is 0 at first. After block_times(). */
int block_times(struct block_dec *d, bool received, bool event); /* of receipt; of the other lines' events */
int64_t block_event_time(const struct block_dec *d, const struct template_key *key, uint32_t line, uint32_t hint[2]);

/* The k-th run of lines with one time: *line is its first, *at their time; false: there
 * are no more. received: of receipt, else of the event (not for lines whose key says
 * received). After block_times(). */
bool block_time_run(const struct block_dec *d, bool received, uint32_t k, uint32_t *line, int64_t *at);

/* Lines back as rows, with the columns `cols`. find() looks up which templates
 * hold the lines whose bit is set; from: only these are looked at (a bit each, bit
 * `templates` for lines without one), NULL: all. A set bit whose line is in none
 * of them is damage. Then rows() gives those of them in [lo, hi), at most
 * BLOCK_CHUNK; *out stays the same rows until the next call, and rows_seq() tells
 * their numbers. Columns are read only where a line needs them. */
enum { BLOCK_CHUNK = 16384 };
int block_dec_find(struct block_dec *d, const uint64_t *bits, const uint64_t *from, unsigned cols);
int block_dec_rows(struct block_dec *d, const uint64_t *bits, uint32_t lo, uint32_t hi, struct rows **out);
#endif
