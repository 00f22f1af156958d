/* Pages: the streams of a block, cut so that a reader inflates only what it
 * asks for. Streams are of few kinds. A stream of PAGE_OWN bytes or more is a
 * page of its own; shorter ones of a kind lie one behind the other in joint
 * pages of up to PAGE_JOINT bytes. Where a stream lies follows from the
 * lengths of those before it: writer and reader call page_place() for each
 * stream of a kind in the same order, and nothing is stored about it.
 *
 * A page is packed (page_pack.h), or plain when that is not longer; kinds from
 * PG_PLAIN on are packed only for keeps. Page table, in the block's directory:
 *   for each kind: varint number of pages
 *   for each page, kind after kind: varint plain bytes | varint stored bytes
 *   for each page: u32 crc32c of the stored bytes
 * The pages follow the directory in the same order. */
#ifndef LUY_JOURNAL_BLOCK_PAGE_H
#define LUY_JOURNAL_BLOCK_PAGE_H
#include "base/buf.h"
#include "base/rd.h"

enum page_kind {
    PG_TEXT,   /* static text of templates */
    PG_HEAD,   /* what is asked first about them */
    PG_DESC,   /* what their columns are */
    PG_HOURS,  /* lines by hour and origin (block_hours.h) */
    PG_LINE,   /* gaps between a template's lines */
    PG_ORIGIN, /* origins of rows */
    PG_NUMBER, /* symbols of integers */
    PG_SYMBOL, /* small dictionaries */
    PG_RANK,   /* ranks in the block dictionary */
    PG_FRESH,  /* values that occur once: text */
    PG_FRESH_LEN,
    PG_RAW,  /* lines without a template */
    PG_META, /* their fields; small tables */
    PG_TIME,
    PG_DICT,  /* the block dictionary */
    PG_PLAIN, /* raw bits of the kinds before */
    PG_BITS = PG_PLAIN,
    PG_RANK_BITS,
    PG_TIME_BITS,
    PG_DICT_BITS,
    PG_PACKED, /* fresh values as nibbles and bytes */
    PG_DICT_PACKED,
    PG_COUNT,
};
enum { PAGE_OWN = 2048, PAGE_JOINT = 16384, PAGE_MAX = 256 << 20 };

struct page_cursor {
    struct {
        uint32_t next;      /* number of the next page */
        uint32_t page, off; /* the joint page; page = UINT32_MAX before the first */
    } kind[PG_COUNT];
};
struct page_at {
    uint32_t page, off;
};
void page_cursor_init(struct page_cursor *c);
struct page_at page_place(struct page_cursor *c, enum page_kind k, size_t n);

struct page_entry {
    uint64_t off;
    uint32_t plain, stored, crc;
};
struct page_list {
    struct page_entry *v;
    uint32_t n, cap;
};

/* Writing; buffers are kept from block to block. */
struct page_writer;
struct page_writer *page_writer_new(void);
void page_writer_level(struct page_writer *w, int level); /* of page_pack, from now on; PACK_FAST at first */
/* packer.stop; when it says so the pages fail. */
void page_writer_stop(struct page_writer *w, bool (*stop)(void *ctx), void *ctx);
bool page_writer_failed(const struct page_writer *w);
void page_writer_free(struct page_writer *w);
void page_writer_clear(struct page_writer *w);
void page_put(struct page_writer *w, enum page_kind k, const void *p, size_t n);
const struct page_cursor *page_writer_cursor(const struct page_writer *w);
/* Ends all pages; false: no memory at any time since clear. */
bool page_writer_end(struct page_writer *w);
void page_writer_table(const struct page_writer *w, struct buf *out);
uint64_t page_writer_bytes(const struct page_writer *w, enum page_kind k); /* stored; for figures */
void page_writer_copy(const struct page_writer *w, struct buf *out);

/* Reading: get() gives stored bytes of the block's page area. */
struct page_reader;
typedef int page_read_fn(void *ctx, uint64_t off, void *to, size_t n);
struct page_reader *page_reader_new(void);
void page_reader_free(struct page_reader *r);
void page_reader_rest(struct page_reader *r, size_t keep); /* until the next open; bytes of memory that stay */
/* Begins a block: reads the table; what was inflated before is forgotten. */
int page_reader_open(struct page_reader *r, rd *table, uint64_t area, page_read_fn *fn, void *ctx);
/* n bytes at `at`; they stay until the next open. 0, -EBADMSG, -EIO, -ENOMEM. */
int page_get(struct page_reader *r, enum page_kind k, struct page_at at, size_t n, const uint8_t **out);
int page_reader_verify(struct page_reader *r); /* checksum of every page */
#endif
