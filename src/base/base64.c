#include "base/base64.h"
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void buf_base64(struct buf *b, str s)
{
    if (!buf_reserve(b, (s.n + 2) / 3 * 4))
        return;
    for (size_t i = 0; i < s.n; i += 3) {
        size_t left = s.n - i;
        uint32_t v = 0;
        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (k < left ? (uint8_t)s.p[i + k] : 0);
        b->p[b->n++] = digits[v >> 18];
        b->p[b->n++] = digits[v >> 12 & 63];
        b->p[b->n++] = left > 1 ? digits[v >> 6 & 63] : '=';
        b->p[b->n++] = left > 2 ? digits[v & 63] : '=';
    }
}

/* -1: no digit. */
static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool buf_base64_read(struct buf *b, str s)
{
    size_t before = b->n, pad = 0;

    while (pad < 2 && pad < s.n && s.p[s.n - 1 - pad] == '=')
        pad++;
    if (s.n % 4 != 0 || !buf_reserve(b, s.n / 4 * 3))
        return false;
    for (size_t i = 0; i < s.n; i += 4) {
        uint32_t v = 0;
        size_t last = i + 4 == s.n ? pad : 0;
        for (size_t k = 0; k < 4; k++) {
            int d = k < 4 - last ? digit(s.p[i + k]) : 0;
            if (d < 0) {
                b->n = before;
                return false;
            }
            v = v << 6 | (uint32_t)d;
        }
        /* One text for one value: the bits that padding leaves over are 0. */
        if ((last == 1 && (v & 0xff) != 0) || (last == 2 && (v & 0xffff) != 0)) {
            b->n = before;
            return false;
        }
        b->p[b->n++] = (char)(v >> 16);
        if (last < 2)
            b->p[b->n++] = (char)(v >> 8);
        if (last < 1)
            b->p[b->n++] = (char)v;
    }
    return true;
}
