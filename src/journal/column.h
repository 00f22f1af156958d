/* Columns: the values of one slot of a template, or a part of them, coded by
 * what they hold. Types, and how each is described in a template's page (one
 * type byte, then the fields; a part column follows its column):
 *
 *   CONST   references(1)                     the same value in each row
 *   SMALL   varint k | references(k)          n symbols in PG_SYMBOL: which of k
 *   INT     u8 mode | u8 width | varint base | varint bits
 *           n symbols in PG_NUMBER, their raw bits in PG_BITS. width 0: no leading
 *           zeros, else every value has so many digits.
 *           mode INT_RANGE + s: value - base; its low s bits raw, the rest the symbol;
 *                INT_FLOAT: value - base as a number (column_bits.h);
 *                INT_DELTA: the difference to the row before, zigzag, as a number;
 *                INT_ORIGIN: the difference to the last row of the same origin
 *                (the row before where there is none). The first differs from base.
 *   SKELETON varint k | k x (varint length, bytes, varint rows) | varint other rows
 *           n symbols in PG_SYMBOL: which skeleton, k = none. A skeleton is the value
 *           with each run of digits as one '#'-hole (0x11); for each hole of a
 *           skeleton with rows a part column follows, in order, and one for the others if
 *           there are any.
 *   GLOBAL  references(n)                     into the block dictionary (dict.h)
 * references(n) = varint bytes of raw bits | of lengths | of text | of packed bytes. */
#ifndef LUY_JOURNAL_COLUMN_H
#define LUY_JOURNAL_COLUMN_H
#include "journal/dict.h"

enum column_type { CT_CONST, CT_SMALL, CT_INT, CT_SKELETON, CT_GLOBAL, CT_COUNT };
enum { INT_FLOAT, INT_DELTA, INT_ORIGIN, INT_RANGE }; /* INT_RANGE + shift, at most 56 */
enum {
    SMALL_MAX = 240,
    SKELETONS_MAX = 16,
    SKELETON_LEN_MAX = 64,
    SKELETON_HOLES_MAX = 8,
    INT_DIGITS_MAX = 19,
    COLUMN_DEPTH_MAX = 3,
    COLUMN_CLOG = 4096,
};

/* Writing: add() looks at the values and writes what needs no dictionary;
 * after dict_finish, put() writes the rest and the descriptions. */
struct cell {
    const char *p;
    uint32_t n;
};
struct column_plan {
    uint8_t type, mode, width;
    uint32_t rows, k, other; /* k: CONST 1, SMALL, SKELETON: of them */
    uint64_t base;
    uint32_t bits;
    uint32_t *ids;         /* CONST, SMALL, GLOBAL: numbers in the dictionary */
    struct skeleton *skel; /* SKELETON */
};
struct skeleton {
    uint8_t len, holes;
    uint32_t rows;
    char text[SKELETON_LEN_MAX];
};
/* Of a skeleton column while its parts are added. */
struct column_scratch {
    struct cell *part;
    uint32_t *from, *order;
    uint8_t *class, *at;
    uint32_t cap;
};
void column_scratch_done(struct column_scratch *r);
struct column_writer {
    struct page_writer *pages;
    struct dict *dict;
    struct slab mem; /* plans, numbers; until the block is done */
    struct column_plan *plan, none;
    uint32_t n, cap, put;
    double *clog;  /* c log2 c, of c below COLUMN_CLOG */
    uint64_t *num; /* scratch of one column */
    uint8_t *sym;
    size_t num_cap;
    struct buf bits;
    uint64_t *last; /* by origin */
    uint32_t *last_row;
    uint32_t origins, stamp;
    uint32_t classes; /* grams.h; of all values since it was set to 0 */
    struct grams *grams;
    struct column_scratch scratch[COLUMN_DEPTH_MAX];
    bool failed;
};
bool column_writer_init(struct column_writer *w, struct page_writer *pages, struct dict *dict, struct grams *grams);
void column_writer_done(struct column_writer *w);
bool column_writer_clear(struct column_writer *w, uint32_t origins, uint32_t rows_max);
void column_add(struct column_writer *w, const struct cell *v, uint32_t n, const uint32_t *origin, unsigned depth);
/* Numbers as symbols in `k` and raw bits in PG_BITS; bytes of these. */
uint32_t column_put_numbers(struct column_writer *w, enum page_kind k, const uint64_t *v, uint32_t n);
/* Describes and completes the next column that was added, with its parts. */
void column_put(struct column_writer *w, struct buf *desc);
/* column_skeleton.c: true when the values were added as a skeleton column. */
bool column_add_skeleton(struct column_writer *w, const struct cell *v, uint32_t n, const uint32_t *origin,
                         unsigned depth);
struct column_plan *column_plan_new(struct column_writer *w, uint8_t type, uint32_t rows);
/* column_int.c: the numbers in w->num, from min to max, as the column p. */
void column_put_ints(struct column_writer *w, struct column_plan *p, const uint32_t *origin, uint32_t n, uint64_t min,
                     uint64_t max);
/* Raw bits of n numbers at most; then n symbols (w->sym) to the pages `k`, and these bits to PG_BITS: bytes of them. */
struct bit_writer;
bool column_bits_begin(struct column_writer *w, struct bit_writer *bw, uint32_t n);
uint32_t column_bits_end(struct column_writer *w, struct bit_writer *bw, enum page_kind k, uint32_t n);
void *column_mem(struct column_writer *w, size_t n);

/* Reading. A column is parsed from its description, and loaded when asked for. */
struct column {
    uint8_t type, mode, width;
    bool loaded;
    uint32_t rows, k, other;
    uint64_t base;
    uint32_t bits;
    struct page_at sym_at, bits_at;
    struct dict_place refs_at;
    struct skeleton *skel;
    struct column *part; /* SKELETON: nparts columns */
    uint32_t nparts;
    /* loaded */
    const uint8_t *sym;
    uint64_t *num;
    uint32_t *refs, *sub; /* SKELETON: number of the row within its skeleton */
    struct dict_value *val;
};
struct column_reader {
    struct page_reader *pages;
    struct dict_reader *dict;
    struct slab *mem;
};
int column_parse(struct column_reader *r, rd *desc, struct page_cursor *cur, uint32_t rows, unsigned depth,
                 struct column *out);
/* Whether loading it asks for the origins of its rows; depth 0. */
bool column_by_origin(const struct column *c, unsigned depth);
/* origin: of each row, for INT_ORIGIN; numbers below norigins. */
int column_load(struct column_reader *r, struct column *c, const uint32_t *origin, uint32_t norigins);
/* The row's value; SIZE_MAX when there is no room for it. Bytes behind it, up to 24, may be written. */
size_t column_text(const struct column *c, uint32_t row, char *out, size_t room);
int column_numbers(struct page_reader *pages, enum page_kind k, struct page_at sym_at, struct page_at bits_at,
                   uint32_t bits, uint32_t n, uint64_t *out);
#endif
