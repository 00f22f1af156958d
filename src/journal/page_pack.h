/* How bytes of a block are packed: a zstd frame, or, where a block is packed for
 * keeps (level PACK_KEEPS and above) and it is shorter, LZMA:
 *
 *   u8 PACK_LZMA | u8 lc + 9 * (lp + 5 * pb) | raw LZMA1 stream with its end marker
 *
 * (liblzma's lzma/lzma12.h; a zstd frame begins with 0x28.) Over a whole block that is
 * 3 % less than zstd at its highest, and inflates at a tenth of the speed. The dictionary
 * is as large as what is packed, so PACK_LZMA_MAX bounds the memory. */
#ifndef LUY_JOURNAL_PAGE_PACK_H
#define LUY_JOURNAL_PAGE_PACK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zstd.h>

enum { PACK_FAST = 1, PACK_KEEPS = 19, PACK_LZMA = 1, PACK_LZMA_MIN = 64, PACK_LZMA_MAX = 16 << 20 };
struct packer {
    ZSTD_CCtx *zc;
    int level;
    /* At PACK_KEEPS asked each 128 KiB at least, which take a fraction of a second; true: it is given up. NULL: never.
     */
    bool (*stop)(void *ctx);
    void *ctx;
};
static inline bool packer_stops(const struct packer *k) { return k->stop != NULL && k->stop(k->ctx); }
size_t page_pack_room(size_t n); /* that out must have */
/* Bytes in out; 0 when they would not be fewer than n, or it was given up. */
size_t page_pack(const struct packer *k, const void *p, size_t n, void *out);
/* False: in[0..n) does not say that it holds `plain` bytes; whoever promised them is not given the memory. */
bool page_unpacks(const void *in, size_t n, size_t plain);
/* 0: exactly `plain` bytes are in out; -EBADMSG, -ENOMEM. */
int page_unpack(ZSTD_DCtx *zd, const void *in, size_t n, void *out, size_t plain);
#endif
