/* Any bytes as a stored block. The checksums are made to fit first, so that
 * what lies behind them is reached. First byte: 0 takes the rest as it is;
 * else the rest is a list of changes, u16 place, u8 value, to a good block
 * whose directory and pages are not compressed: first to its directory, which
 * is compressed again afterwards, then to its pages. */
#include "journal/block_fuzz-int.h"

/* False: it does not open. */
static bool decode(const uint8_t *b, size_t n)
{
    struct block_head h;
    struct rows *r;
    uint64_t sum = 0;

    if (n < BLOCK_HEAD_BYTES || !block_head_read(b, FUZZ_SALT, &h) || h.raw_bytes > FUZZ_ROWS_MAX ||
        h.count > FUZZ_ROWS_MAX)
        return false;
    bool opened = false;
    struct block_dec *d = block_dec_new();
    struct block_src src = {.fd = -1, .mem = b, .mem_n = n};
    uint64_t *all = calloc(h.count / 64 + 1, sizeof(*all));
    for (uint32_t i = 0; i < h.count; i++)
        all[i / 64] |= UINT64_C(1) << i % 64;
    if (block_dec_open(d, &src, &h, FUZZ_SALT) == 0) {
        struct block_template *t;
        opened = true;
        block_dec_verify(d);
        block_hours(d, NULL, NULL);
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

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static struct fuzz_parts good, b;
    static uint8_t out[FUZZ_BLOCK];

    if (n == 0)
        return 0;
    if (p[0] == 0) {
        decode(p + 1, n - 1);
        return 0;
    }
    if (good.dir_n == 0) {
        fuzz_unpack(&good);
        if (!decode(out, fuzz_pack(&good, out))) /* else nothing behind the directory would be reached */
            abort();
    }
    b = good;
    fuzz_change(&b, p + 1, n - 1);
    decode(out, fuzz_pack(&b, out));
    return 0;
}
