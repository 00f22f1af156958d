#include "journal/page_pack.h"
#include <errno.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 2, DICT_MIN = 4096, WORTH = 500 /* parts of a page, of which LZMA is to gain one */ };

/* Bytes that stand alone, and text. Words of two, four and eight bytes as liblzma knows them (lp, pb) were shorter for
 * 3 of 400 pages. */
static const struct shape {
    uint8_t lc, lp, pb;
} shapes[] = {{0, 0, 0}, {3, 0, 0}};

static void filter_of(struct shape s, size_t plain, lzma_options_lzma *o, lzma_filter f[2])
{
    lzma_lzma_preset(o, 6 | LZMA_PRESET_EXTREME);
    o->dict_size = plain < DICT_MIN ? DICT_MIN : (uint32_t)plain;
    o->lc = s.lc;
    o->lp = s.lp;
    o->pb = s.pb;
    f[0] = (lzma_filter){.id = LZMA_FILTER_LZMA1, .options = o};
    f[1] = (lzma_filter){.id = LZMA_VLI_UNKNOWN};
}

/* Fewer than `less` bytes, or 0. tries: room for as many. */
static size_t lzma_shortest(const uint8_t *p, size_t n, uint8_t *out, uint8_t *tries, size_t less)
{
    size_t best = 0;

    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        size_t room = (best > 0 ? best : less) - 1, at = HEAD;
        lzma_options_lzma o;
        lzma_filter f[2];
        filter_of(shapes[i], n, &o, f);
        if (room <= HEAD || lzma_raw_buffer_encode(f, NULL, p, n, tries, &at, room) != LZMA_OK)
            continue; /* it is no shorter, most often */
        tries[0] = PACK_LZMA;
        tries[1] = (uint8_t)(shapes[i].lc + 9 * (shapes[i].lp + 5 * shapes[i].pb));
        memcpy(out, tries, at);
        best = at;
    }
    return best;
}

size_t page_pack_room(size_t n) { return ZSTD_compressBound(n) + n; }

size_t page_pack(ZSTD_CCtx *zc, int level, const void *p, size_t n, void *out)
{
    size_t z = ZSTD_compressCCtx(zc, out, ZSTD_compressBound(n), p, n, level);

    if (ZSTD_isError(z) || z >= n)
        z = 0;
    if (level < PACK_KEEPS || n < PACK_LZMA_MIN || n > PACK_LZMA_MAX)
        return z;
    size_t now = z > 0 ? z : n;
    uint8_t *tries = malloc(now);
    size_t best = tries != NULL ? lzma_shortest(p, n, (uint8_t *)out + z, tries, now - now / WORTH) : 0;
    free(tries);
    if (best == 0)
        return z;
    memmove(out, (uint8_t *)out + z, best);
    return best;
}

static bool is_lzma(const uint8_t *in, size_t n) { return n > HEAD && in[0] == PACK_LZMA; }

bool page_unpacks(const void *in, size_t n, size_t plain)
{
    if (is_lzma(in, n))
        return plain >= PACK_LZMA_MIN && plain <= PACK_LZMA_MAX;
    return ZSTD_getFrameContentSize(in, n) == plain;
}

static int lzma_unpack(const uint8_t *in, size_t n, uint8_t *out, size_t plain)
{
    struct shape s = {in[1] % 9, in[1] / 9 % 5, in[1] / 45};
    lzma_options_lzma o;
    lzma_filter f[2];
    size_t from = HEAD, to = 0;

    if (s.lc + s.lp > LZMA_LCLP_MAX || s.pb > LZMA_PB_MAX)
        return -EBADMSG;
    filter_of(s, plain, &o, f);
    lzma_ret rc = lzma_raw_buffer_decode(f, NULL, in, &from, n, out, &to, plain);
    if (rc == LZMA_MEM_ERROR)
        return -ENOMEM;
    return rc == LZMA_OK && from == n && to == plain ? 0 : -EBADMSG;
}

int page_unpack(ZSTD_DCtx *zd, const void *in, size_t n, void *out, size_t plain)
{
    if (!page_unpacks(in, n, plain))
        return -EBADMSG;
    if (is_lzma(in, n))
        return lzma_unpack(in, n, out, plain);
    size_t z = ZSTD_decompressDCtx(zd, out, plain, in, n);
    return ZSTD_isError(z) || z != plain ? -EBADMSG : 0;
}
