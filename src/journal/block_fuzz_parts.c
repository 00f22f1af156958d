#include "journal/block_fuzz-int.h"
#include <zstd.h>

enum { EVENTS = 400 };

struct rows *fuzz_rows(void)
{
    static char text[EVENTS][128];
    struct rows *r = rows_new(1 << 16, EVENTS);

    for (int i = 0; r != NULL && i < EVENTS; i++) {
        struct event ev = {.received_ns = i * 1000,
                           .event_ns = i / 7 * 1000000000LL,
                           .severity = (uint8_t)(i % 8),
                           .source = {4, {10, 8, 0, (uint8_t)(i % 5)}},
                           .source_port = (uint16_t)(i * 999)};
        int k = snprintf(text[i], sizeof(text[i]), "host-%d prog%d: number %d at 2026-03-%02d x=%x%x ip 10.9.%d.%d",
                         i % 4, i % 3, i * 7919, i % 28, (unsigned)i * 77777u, (unsigned)i * 12345678u, i % 9, i % 250);
        ev.raw = (str){text[i], (size_t)k - (i % 50 == 0)};
        ev.span[SP_HOST] = (struct span){0, 6};
        ev.span[SP_PROGRAM] = (struct span){7, i % 40 ? 5 : 3};
        ev.span[SP_MSG] = (struct span){14, (uint32_t)ev.raw.n - 14};
        rows_add(r, &ev);
    }
    if (r != NULL)
        rows_publish(r);
    return r;
}

/* The page table of a directory: fn for each page; false: it is none. */
struct page_walk {
    const uint8_t *dir;
    uint64_t n, plain[4096], stored[4096];
    size_t crc_at, counts_end;
};

static bool walk(const uint8_t *dir, size_t n, struct page_walk *w)
{
    rd r = rd_init(dir, n);

    *w = (struct page_walk){.dir = dir};
    for (int k = 0; k < PG_COUNT; k++)
        w->n += rd_varint(&r);
    w->counts_end = (size_t)(r.p - dir);
    if (r.bad || w->n > 4096)
        return false;
    for (uint64_t i = 0; i < w->n; i++) {
        w->plain[i] = rd_varint(&r);
        w->stored[i] = rd_varint(&r);
    }
    w->crc_at = (size_t)(r.p - dir);
    return !r.bad && rd_left(&r) >= 4 * w->n;
}

void fuzz_unpack(struct fuzz_parts *out)
{
    struct rows *r = fuzz_rows();
    struct block_enc *be = block_enc_new();
    static uint8_t dir[FUZZ_BYTES];
    struct page_walk w;

    str b = block_encode(be, r, FUZZ_SALT, &out->head);
    out->head.grams = out->head.grams_crc = 0; /* the filter of words is left away */
    const char *page = b.p + BLOCK_HEAD_BYTES + out->head.dir_stored;
    size_t dir_n = ZSTD_decompress(dir, sizeof(dir), b.p + BLOCK_HEAD_BYTES, out->head.dir_stored);
    if (ZSTD_isError(dir_n) || !walk(dir, dir_n, &w))
        abort();
    struct buf d;
    buf_init(&d, FUZZ_BYTES);
    buf_add(&d, dir, w.counts_end);
    for (uint64_t i = 0; i < w.n; i++) {
        uint8_t *to = out->pages + out->pages_n;
        if (w.stored[i] == w.plain[i])
            memcpy(to, page, w.plain[i]);
        else if (ZSTD_decompress(to, w.plain[i], page, w.stored[i]) != w.plain[i])
            abort();
        page += w.stored[i];
        out->pages_n += w.plain[i];
        buf_varint(&d, w.plain[i]);
        buf_varint(&d, w.plain[i]);
    }
    buf_add(&d, dir + w.crc_at, dir_n - w.crc_at);
    memcpy(out->dir, d.p, d.n);
    out->dir_n = d.n;
    buf_done(&d);
    block_enc_free(be);
    rows_free(r);
}

size_t fuzz_pack(struct fuzz_parts *p, uint8_t out[FUZZ_BLOCK])
{
    static struct page_walk w;
    uint64_t at = 0;

    if (walk(p->dir, p->dir_n, &w))
        for (uint64_t i = 0; i < w.n && w.stored[i] <= p->pages_n - at; i++) {
            uint32_t crc = crc32c(0, p->pages + at, w.stored[i]);
            memcpy(p->dir + w.crc_at + 4 * i, &crc, 4);
            at += w.stored[i];
        }
    size_t z = ZSTD_compress(out + BLOCK_HEAD_BYTES, FUZZ_BYTES, p->dir, p->dir_n, 1);
    if (ZSTD_isError(z))
        return 0;
    p->head.dir_plain = (uint32_t)p->dir_n;
    p->head.dir_stored = (uint32_t)z;
    p->head.dir_crc = crc32c(0, out + BLOCK_HEAD_BYTES, z);
    p->head.length = BLOCK_HEAD_BYTES + z + p->pages_n;
    memcpy(out + BLOCK_HEAD_BYTES + z, p->pages, p->pages_n);
    block_head_write(&p->head, FUZZ_SALT, out);
    return p->head.length;
}

void fuzz_change(struct fuzz_parts *p, const uint8_t *list, size_t n)
{
    for (size_t i = 0; i + 3 <= n; i += 3) {
        size_t at = (size_t)(list[i] | list[i + 1] << 8) % (p->dir_n + p->pages_n);
        if (at < p->dir_n)
            p->dir[at] = list[i + 2];
        else
            p->pages[at - p->dir_n] = list[i + 2];
    }
}
