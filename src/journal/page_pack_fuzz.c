/* Any bytes as a packed page: u16 how many bytes it is said to hold, then the page. */
#include "journal/page_pack.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static ZSTD_DCtx *zd;
    size_t plain = n < 2 ? 0 : (size_t)p[0] << 8 | p[1];

    if (n < 2 || (zd == NULL && (zd = ZSTD_createDCtx()) == NULL))
        return 0;
    uint8_t *out = malloc(plain + 1), *in = malloc(n); /* of just that length: a byte too far is seen */
    if (out != NULL && in != NULL) {
        for (size_t i = 2; i < n; i++)
            in[i - 2] = p[i];
        page_unpack(zd, in, n - 2, out, plain);
    }
    free(in);
    free(out);
    return 0;
}
