/* Any bytes as a stored block. The checksums are made to fit first, so that
 * what lies behind them is reached. First byte: 0 takes the rest as it is;
 * else the rest is a list of changes to a good block: u16 place, u8 value. */
#include "journal/block.h"
#include <zstd.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { SALT = 7, EVENTS = 40, PLAIN_MAX = 1 << 20 };

static struct rows *good_rows(void)
{
    static char text[EVENTS][48];
    struct rows *r = rows_new(1 << 16, 256);

    for (int i = 0; r != NULL && i < EVENTS; i++) {
        struct event ev = {.received_ns = i * 1000,
                           .event_ns = i * 1000000000LL,
                           .severity = (uint8_t)(i % 8),
                           .source = {4, {10, 8, 0, (uint8_t)(i % 5)}},
                           .source_port = (uint16_t)(i * 999)};
        int k = snprintf(text[i], sizeof(text[i]), "host-%d prog%d: message number %d", i % 4, i % 3, i * 7919);
        ev.raw = (str){text[i], (size_t)k};
        ev.span[SP_HOST] = (struct span){0, 6};
        ev.span[SP_PROGRAM] = (struct span){7, 5};
        ev.span[SP_MSG] = (struct span){14, (uint32_t)k - 14};
        rows_add(r, &ev);
    }
    if (r != NULL)
        rows_publish(r);
    return r;
}

/* The good block with its sections not compressed: changes then reach the columns. */
static size_t good_block(uint8_t *out, size_t cap)
{
    struct rows *r = good_rows();
    struct block_enc *be = block_enc_new();
    struct block_head was, h;
    size_t at = BLOCK_HEAD_BYTES;
    ZSTD_CCtx *zc = ZSTD_createCCtx();
    static uint8_t plain[1 << 16];

    str b = block_encode(be, r, SALT, &was);
    h = was;
    for (int s = 0; s < SEC_COUNT; s++) {
        size_t k = ZSTD_decompress(plain, sizeof(plain), b.p + block_section_at(&was, s), was.sec[s].stored);
        /* level -7 keeps small sections as literals */
        k = ZSTD_compressCCtx(zc, out + at, cap - at, plain, k, -7);
        if (ZSTD_isError(k))
            abort();
        h.sec[s].stored = (uint32_t)k;
        at += k;
    }
    h.length = at;
    block_head_write(&h, SALT, out);
    ZSTD_freeCCtx(zc);
    block_enc_free(be);
    rows_free(r);
    return at;
}

/* Writes checksums that fit into the head, as far as its lengths lie within n. */
static void fix(uint8_t *b, size_t n)
{
    uint64_t at = BLOCK_HEAD_BYTES;

    for (int s = 0; s < SEC_COUNT; s++) {
        uint8_t *e = b + 72 + 12 * s;
        uint32_t stored = e[0] | e[1] << 8 | e[2] << 16 | (uint32_t)e[3] << 24;
        if (at + stored > n)
            break;
        uint32_t crc = crc32c(0, b + at, stored);
        memcpy(e + 8, &crc, 4);
        at += stored;
    }
    uint32_t crc = crc32c(0, b, BLOCK_HEAD_BYTES - 4);
    memcpy(b + BLOCK_HEAD_BYTES - 4, &crc, 4);
}

static bool touch(void *ctx, str v, uint64_t count)
{
    for (size_t i = 0; i < v.n; i++)
        *(uint64_t *)ctx += (uint8_t)v.p[i] * count;
    return true;
}

static void decode(const uint8_t *b, size_t n)
{
    struct block_head h;
    struct rows *r;
    uint64_t sum = 0;
    bool known;

    if (n < BLOCK_HEAD_BYTES || !block_head_read(b, SALT, &h) || h.raw_bytes > PLAIN_MAX || h.count > PLAIN_MAX)
        return;
    struct block_dec *d = block_dec_new();
    struct block_src src = {.fd = -1, .mem = b, .mem_n = n};
    if (block_dec_open(d, &src, &h, SALT) == 0) {
        block_dec_verify(d);
        for (int s = SEC_HOSTS; s <= SEC_SOURCES; s++)
            block_dec_set(d, s, touch, &sum, &known);
        for (unsigned col = 1; col < COL_ALL; col <<= 1)
            block_dec_load(d, col, &r);
        if (block_dec_load(d, COL_ALL, &r) == 0)
            for (uint32_t i = 0; i < h.count; i++) {
                struct event ev;
                rows_event(r, i, COL_ALL, &ev);
                for (int s = 0; s < SP_COUNT; s++)
                    touch(&sum, event_field(&ev, (enum event_span)s), 1);
                touch(&sum, ev.raw, (uint64_t)ev.event_ns);
            }
    }
    block_dec_free(d);
    volatile uint64_t sink = sum;
    (void)sink;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static uint8_t good[1 << 16];
    static size_t good_n;
    size_t k;

    if (n == 0)
        return 0;
    if (good_n == 0)
        good_n = good_block(good, sizeof(good));
    k = p[0] ? good_n : n - 1;
    uint8_t *b = malloc(k + 1);
    memcpy(b, p[0] ? good : p + 1, k);
    for (size_t i = 1; p[0] && i + 3 <= n; i += 3)
        b[(p[i] | p[i + 1] << 8) % k] = p[i + 2];
    if (k >= BLOCK_HEAD_BYTES)
        fix(b, k);
    decode(b, k);
    free(b);
    return 0;
}
