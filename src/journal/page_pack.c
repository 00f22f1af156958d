#include "journal/page_pack.h"
#include <errno.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 2, SLICE = 128 << 10, DICT_MIN = 4096, WORTH = 500 /* parts of a page, of which LZMA is to gain one */ };

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

/* The bytes that came out; 0: they would be `room` or more, no memory, or given up. In slices the same bytes come. */
static size_t lzma_slices(const struct packer *k, const lzma_filter *f, const uint8_t *p, size_t n, uint8_t *out,
                          size_t room)
{
    lzma_stream s = LZMA_STREAM_INIT;
    lzma_ret rc = lzma_raw_encoder(&s, f);

    s.next_out = out;
    s.avail_out = room;
    for (size_t at = 0; rc == LZMA_OK && s.avail_out > 0 && !packer_stops(k);) {
        size_t some = n - at < SLICE ? n - at : SLICE;
        if (s.avail_in == 0) {
            s.next_in = p + at;
            s.avail_in = some;
            at += some;
        }
        rc = lzma_code(&s, at == n ? LZMA_FINISH : LZMA_RUN);
    }
    size_t got = rc == LZMA_STREAM_END ? s.total_out : 0;
    lzma_end(&s);
    return got;
}

/* Fewer than `less` bytes, or 0. tries: room for as many. */
static size_t lzma_shortest(const struct packer *k, const uint8_t *p, size_t n, uint8_t *out, uint8_t *tries,
                            size_t less)
{
    size_t best = 0;

    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        size_t room = (best > 0 ? best : less) - 1;
        lzma_options_lzma o;
        lzma_filter f[2];
        filter_of(shapes[i], n, &o, f);
        size_t z = room > HEAD ? lzma_slices(k, f, p, n, tries + HEAD, room - HEAD) : 0;
        if (z == 0)
            continue; /* it is no shorter, most often */
        tries[0] = PACK_LZMA;
        tries[1] = (uint8_t)(shapes[i].lc + 9 * (shapes[i].lp + 5 * shapes[i].pb));
        best = HEAD + z;
        memcpy(out, tries, best);
    }
    return best;
}

/* As ZSTD_compressCCtx(), but that it can be given up: then an error. */
static size_t zstd_slices(const struct packer *k, const void *p, size_t n, void *out)
{
    ZSTD_outBuffer to = {out, ZSTD_compressBound(n), 0};
    ZSTD_inBuffer from = {p, 0, 0};
    size_t rc = ZSTD_CCtx_reset(k->zc, ZSTD_reset_session_and_parameters);

    if (!ZSTD_isError(rc))
        rc = ZSTD_CCtx_setParameter(k->zc, ZSTD_c_compressionLevel, k->level);
    if (!ZSTD_isError(rc))
        rc = ZSTD_CCtx_setPledgedSrcSize(k->zc, n);
    for (bool more = true; more && !ZSTD_isError(rc);) {
        if (packer_stops(k))
            return SIZE_MAX; /* an error's value */
        from.size = n - from.pos < SLICE ? n : from.pos + SLICE;
        rc = ZSTD_compressStream2(k->zc, &to, &from, from.size == n ? ZSTD_e_end : ZSTD_e_continue);
        more = from.size < n || rc > 0;
    }
    return ZSTD_isError(rc) ? rc : to.pos;
}

size_t page_pack_room(size_t n) { return ZSTD_compressBound(n) + n; }

size_t page_pack(const struct packer *k, const void *p, size_t n, void *out)
{
    bool keeps = k->level >= PACK_KEEPS;
    size_t z = keeps ? zstd_slices(k, p, n, out) : ZSTD_compressCCtx(k->zc, out, ZSTD_compressBound(n), p, n, k->level);

    if (ZSTD_isError(z) || z >= n)
        z = 0;
    if (!keeps || n < PACK_LZMA_MIN || n > PACK_LZMA_MAX)
        return z;
    size_t now = z > 0 ? z : n;
    uint8_t *tries = malloc(now);
    size_t best = tries != NULL ? lzma_shortest(k, p, n, (uint8_t *)out + z, tries, now - now / WORTH) : 0;
    free(tries);
    if (packer_stops(k))
        return 0;
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
