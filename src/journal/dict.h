/* The block's dictionary: values that occur more than once anywhere in the
 * block, ranked by frequency, so that a frequent value costs few bits in every
 * column. Values that occur once ("fresh") are written by their column.
 *
 * A reference is a number (column_bits.h): below DICT_FRESH the class of a
 * fresh value, else DICT_FRESH + rank. Ranks whose symbol is the same form a
 * bucket; within a bucket the order is free: by class, then by value. So
 * addresses and numbers go as differences, text without what it shares with
 * the text before.
 *
 * Classes, and how a value of each is written:
 *   TEXT   as it is           IP4   4 bytes, dotted without leading zeros
 *   NUM    u64 without leading zeros        HEX, HEX_UP   4 bits a digit, at least 6
 *   UUID   16 bytes, 8-4-4-4-12 in small letters
 *
 * Dictionary, for each bucket:
 *   head (in the block's directory): varint count of each class | varint bytes
 *        of text, of raw bits, of packed bytes
 *   streams in PG_DICT: symbols of address differences | of number differences
 *        | of hex lengths | of bytes shared with the text before | of the bytes
 *        that follow | these bytes;  raw bits in PG_DICT_BITS in this order;
 *        hex (each from a whole byte on) and UUIDs in PG_DICT_PACKED
 * Column of references, n of them:
 *   PG_RANK n symbols | PG_RANK_BITS their raw bits, then those of the fresh
 *   lengths | PG_FRESH_LEN symbols: length of text and hex, value of numbers |
 *   PG_FRESH text | PG_PACKED addresses, hex, UUIDs; all in order of rows. */
#ifndef LUY_JOURNAL_DICT_H
#define LUY_JOURNAL_DICT_H
#include "base/str.h"
#include "journal/block_page.h"
#include "journal/grams.h"
#include "journal/template.h"

enum dict_class { DC_TEXT, DC_IP4, DC_NUM, DC_HEX, DC_HEX_UP, DC_UUID, DC_COUNT };
enum { DICT_FRESH = 8, DICT_BUCKETS_MAX = 256, DICT_VALUE_MAX = EVENT_RAW_MAX };

enum dict_class dict_class_of(const char *p, uint32_t n, uint64_t *number);

/* Writing. Values are not copied: they must stay until the block is done. */
struct dict;
struct dict *dict_new(struct grams *grams); /* grams: gets the words of all values */
void dict_free(struct dict *d);
void dict_clear(struct dict *d);
/* Counts the value; its number. UINT32_MAX: no memory. */
uint32_t dict_add(struct dict *d, const char *p, uint32_t n);
/* The same in parts, for many values: slot, value and its bytes are three places that
 * are seldom in the cache. Steps from 0 on, each for all of them, bring them there. */
enum { DICT_STEPS = 3 };
uint32_t dict_hash(const struct dict *d, const char *p, uint32_t n);
void dict_fetch(const struct dict *d, uint32_t hash, int step);
uint32_t dict_add_hashed(struct dict *d, uint32_t hash, const char *p, uint32_t n);
void dict_recount(struct dict *d, uint32_t id, int64_t by);
uint32_t dict_classes(const struct dict *d, uint32_t id); /* grams.h */
/* After the last add: ranks the values, writes the dictionary and its head. */
bool dict_finish(struct dict *d, struct page_writer *w, struct buf *head);
/* Bytes of a column's streams, kept where the column is described. */
struct dict_sizes {
    uint32_t bits, lens, text, packed;
};
/* After that: writes a column of references. */
struct dict_sizes dict_put_column(struct dict *d, struct page_writer *w, const uint32_t *ids, uint32_t n);
bool dict_failed(const struct dict *d); /* no memory at any time since clear */

/* Reading. */
struct dict_value {
    const char *p; /* NULL: its bucket is not read yet */
    uint32_t n;
};
struct dict_reader {
    struct page_reader *pages;
    struct slab *mem; /* the reader's, until the next block */
    uint32_t count;   /* values in the dictionary */
    struct dict_value *v;
    struct dict_bucket {
        uint32_t first, count[DC_COUNT];
        uint32_t text, bits, packed;
        struct page_at at[6], bits_at, packed_at;
        size_t texts_bits; /* raw bits of its texts */
        bool texts, read;  /* its texts are read; all of it is */
    } bucket[DICT_BUCKETS_MAX];
    uint32_t nbuckets;
};
int dict_open(struct dict_reader *d, struct page_reader *pages, struct slab *mem, rd *head, uint64_t rows);
int dict_read_bucket(struct dict_reader *d, uint32_t bucket);
int dict_read_texts(struct dict_reader *d, uint32_t bucket); /* the first count[DC_TEXT] values of it */
/* Where a column of n references lies; `cur` goes on behind it. */
struct dict_place {
    struct dict_sizes size;
    struct page_at rank, bits, lens, text, packed;
};
struct dict_place dict_place(struct page_cursor *cur, uint32_t n, struct dict_sizes size);
/* 1 when one of a column's n references is to a value of the dictionary with this mark (marks: one for each). */
int dict_refers(struct dict_reader *d, const struct dict_place *at, uint32_t n, const uint8_t *marks, uint8_t mark);
/* Text of a column's values that occur once, one behind the other: size.text bytes. */
int dict_fresh_text(struct dict_reader *d, const struct dict_place *at, const uint8_t **out);
/* The references, and (out not NULL) the values behind them. */
int dict_get_column(struct dict_reader *d, const struct dict_place *at, uint32_t n, uint32_t *refs,
                    struct dict_value *out);
uint32_t dict_bucket_of(const struct dict_reader *d, uint32_t rank);
#endif
