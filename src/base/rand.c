/* Random bytes from the kernel, and hexadecimal text. Any thread. */
#include "base/rand.h"
#include <errno.h>
#include <sys/random.h>

void rand_bytes(void *p, size_t n)
{
    unsigned char *to = p;

    while (n > 0) {
        ssize_t got = getrandom(to, n, 0);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            abort();
        }
        to += got;
        n -= (size_t)got;
    }
}

void hex_fmt(const void *p, size_t n, char *out)
{
    static const char digit[] = "0123456789abcdef";
    const unsigned char *b = p;

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digit[b[i] >> 4];
        out[2 * i + 1] = digit[b[i] & 15];
    }
    out[2 * n] = '\0';
}

void rand_hex(char *out, size_t bytes)
{
    unsigned char piece[64];

    out[0] = '\0';
    for (size_t n; bytes > 0; bytes -= n, out += 2 * n) {
        n = bytes < sizeof(piece) ? bytes : sizeof(piece);
        rand_bytes(piece, n);
        hex_fmt(piece, n, out);
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool hex_parse(str s, void *out, size_t n)
{
    unsigned char *to = out;

    if (n > SIZE_MAX / 2 || s.n != 2 * n)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (hex_digit(s.p[i]) < 0)
            return false;
    for (size_t i = 0; i < n; i++)
        to[i] = (unsigned char)(hex_digit(s.p[2 * i]) << 4 | hex_digit(s.p[2 * i + 1]));
    return true;
}
