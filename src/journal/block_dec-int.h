/* Shared by block_dec.c (opening, templates) and block_lines.c (lines back). */
#ifndef LUY_JOURNAL_BLOCK_DEC_INT_H
#define LUY_JOURNAL_BLOCK_DEC_INT_H
#include "journal/block-int.h"
#include <zstd.h>

struct dec_group {
    struct page_at desc_at;
    uint32_t desc;
    struct page_cursor cur;
    bool parsed;
};
/* Lines without a template. */
struct dec_plain {
    uint32_t rows, line_bits, origin_bits, len_bits, meta, npages;
    struct page_at line_at, line_bits_at, origin_at, origin_bits_at, len_at, len_bits_at, meta_at;
    uint32_t *page; /* bytes */
    struct page_at *page_at;
    bool loaded;
    uint32_t *line, *origin;
    str *text;
    struct plain_meta {
        struct template_key key;
        struct ip source;
        uint16_t port;
        struct span span[SP_COUNT];
    } * row;
};
struct where {
    uint32_t template, row;
};
struct block_dec {
    ZSTD_DCtx *zd;
    struct page_reader *pages;
    struct dict_reader dict;
    struct column_reader cols;
    struct slab mem;
    struct block_src src;
    struct block_head head;
    struct buf dir, stored;
    struct block_part part[BLOCK_PARTS_MAX];
    size_t nparts;
    uint32_t hours; /* bytes of PG_HOURS */
    struct stamp_form stamps[255];
    uint32_t nstamps;
    struct template_key *keys;
    uint32_t nkeys;
    struct block_origin *origins;
    uint32_t norigins;
    bool ports_alone;
    struct page_at port_at[2];
    const uint8_t *port[2];
    struct times received, event;
    struct dec_plain plain;
    struct dec_group *groups;
    struct block_template *templates;
    uint32_t ntemplates;
    str texts; /* of all templates, when heads were read */
    uint32_t texts_n;
    struct page_at texts_at, heads_at;
    struct rows *rows;
    struct where *where; /* by line; for pick() */
    uint32_t where_cap;
    unsigned wanted; /* columns, of find() */
};
int plain_load(struct block_dec *d);
#endif
