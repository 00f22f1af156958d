/* Any bytes as a stored block. The checksums are made to fit first, so that
 * what lies behind them is reached. First byte: 0 takes the rest as it is;
 * else the rest is a list of changes, u16 place, u8 value, to a good block
 * whose directory and pages are not compressed: first to its directory, which
 * is compressed again afterwards, then to its pages. */
#include "journal/block.h"
#include <zstd.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { SALT = 7, EVENTS = 400, PLAIN_MAX = 1 << 20, BYTES = 1 << 18 };
struct parts {
    struct block_head head;
    uint8_t dir[BYTES], pages[BYTES];
    size_t dir_n, pages_n;
};

static struct rows *good_rows(void)
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

static void unpack(struct parts *out)
{
    struct rows *r = good_rows();
    struct block_enc *be = block_enc_new();
    static uint8_t dir[BYTES];
    struct page_walk w;

    str b = block_encode(be, r, SALT, &out->head);
    out->head.grams = out->head.grams_crc = 0; /* the filter of words is left away */
    const char *page = b.p + BLOCK_HEAD_BYTES + out->head.dir_stored;
    size_t dir_n = ZSTD_decompress(dir, sizeof(dir), b.p + BLOCK_HEAD_BYTES, out->head.dir_stored);
    if (ZSTD_isError(dir_n) || !walk(dir, dir_n, &w))
        abort();
    struct buf d;
    buf_init(&d, BYTES);
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

/* False: it does not open. */
static bool decode(const uint8_t *b, size_t n)
{
    struct block_head h;
    struct rows *r;
    uint64_t sum = 0;

    if (n < BLOCK_HEAD_BYTES || !block_head_read(b, SALT, &h) || h.raw_bytes > PLAIN_MAX || h.count > PLAIN_MAX)
        return false;
    bool opened = false;
    struct block_dec *d = block_dec_new();
    struct block_src src = {.fd = -1, .mem = b, .mem_n = n};
    uint64_t *all = calloc(h.count / 64 + 1, sizeof(*all));
    for (uint32_t i = 0; i < h.count; i++)
        all[i / 64] |= UINT64_C(1) << i % 64;
    if (block_dec_open(d, &src, &h, SALT) == 0) {
        struct block_template *t;
        opened = true;
        block_dec_verify(d);
        for (uint32_t i = 0; i < block_templates(d); i++)
            if (block_template_get(d, i, &t) == 0)
                block_template_columns(d, t);
        if (block_dec_find(d, all, NULL, COL_ALL) == 0)
            for (uint32_t at = 0; at < h.count; at += BLOCK_CHUNK)
                if (block_dec_rows(d, all, at, at + BLOCK_CHUNK, &r) == 0)
                    for (uint32_t i = 0; i < rows_count(r); i++) {
                        struct event ev;
                        rows_event(r, i, COL_ALL, &ev);
                        for (int s = 0; s < SP_COUNT; s++)
                            for (size_t k = 0; k < ev.span[s].len; k++)
                                sum += (uint8_t)event_field(&ev, (enum event_span)s).p[k];
                        sum += ev.raw.n + (uint64_t)ev.event_ns;
                    }
    }
    block_dec_free(d);
    free(all);
    volatile uint64_t sink = sum;
    (void)sink;
    return opened;
}

/* The parts put together, with lengths and checksums that fit. */
static bool pack(struct parts *p, bool fix)
{
    static uint8_t out[2 * BYTES + BLOCK_HEAD_BYTES];
    static struct page_walk w;
    uint64_t at = 0;

    if (fix && walk(p->dir, p->dir_n, &w))
        for (uint64_t i = 0; i < w.n && w.stored[i] <= p->pages_n - at; i++) {
            uint32_t crc = crc32c(0, p->pages + at, w.stored[i]);
            memcpy(p->dir + w.crc_at + 4 * i, &crc, 4);
            at += w.stored[i];
        }
    size_t z = ZSTD_compress(out + BLOCK_HEAD_BYTES, BYTES, p->dir, p->dir_n, 1);
    if (ZSTD_isError(z))
        return false;
    p->head.dir_plain = (uint32_t)p->dir_n;
    p->head.dir_stored = (uint32_t)z;
    p->head.dir_crc = crc32c(0, out + BLOCK_HEAD_BYTES, z);
    p->head.length = BLOCK_HEAD_BYTES + z + p->pages_n;
    memcpy(out + BLOCK_HEAD_BYTES + z, p->pages, p->pages_n);
    block_head_write(&p->head, SALT, out);
    return decode(out, p->head.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static struct parts good, b;

    if (n == 0)
        return 0;
    if (p[0] == 0) {
        decode(p + 1, n - 1);
        return 0;
    }
    if (good.dir_n == 0) {
        unpack(&good);
        if (!pack(&good, true)) /* else nothing behind the directory would be reached */
            abort();
    }
    b = good;
    for (size_t i = 1; i + 3 <= n; i += 3) {
        size_t at = (size_t)(p[i] | p[i + 1] << 8) % (b.dir_n + b.pages_n);
        if (at < b.dir_n)
            b.dir[at] = p[i + 2];
        else
            b.pages[at - b.dir_n] = p[i + 2];
    }
    pack(&b, true);
    return 0;
}
