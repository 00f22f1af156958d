/* Text slices. Owns nothing: every function looks at bytes of the caller.
 * Any thread. */
#include "base/str.h"
#include <limits.h>

str str_c(const char *z) { return z == NULL ? STR_NONE : (str){z, strlen(z)}; }

bool str_eq(str a, str b) { return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0); }

static unsigned char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : (unsigned char)c;
}

bool str_eq_nocase(str a, str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
            return false;
    return true;
}

int str_cmp(str a, str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int r = n == 0 ? 0 : memcmp(a.p, b.p, n);

    if (r != 0)
        return r < 0 ? -1 : 1;
    return a.n == b.n ? 0 : a.n < b.n ? -1 : 1;
}

bool str_starts(str s, str head) { return s.n >= head.n && (head.n == 0 || memcmp(s.p, head.p, head.n) == 0); }

bool str_ends(str s, str tail)
{
    return s.n >= tail.n && (tail.n == 0 || memcmp(s.p + (s.n - tail.n), tail.p, tail.n) == 0);
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

str str_trim(str s)
{
    while (s.n > 0 && is_blank(s.p[0]))
        s.p++, s.n--;
    while (s.n > 0 && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

str str_sub(str s, size_t off, size_t len)
{
    if (s.p == NULL)
        return STR_NONE;
    if (off > s.n)
        off = s.n;
    if (len > s.n - off)
        len = s.n - off;
    return (str){s.p + off, len};
}

size_t str_find(str s, str needle)
{
    if (needle.n == 0)
        return 0;
    if (s.n < needle.n)
        return SIZE_MAX;
    const char *hit = memmem(s.p, s.n, needle.p, needle.n);
    return hit == NULL ? SIZE_MAX : (size_t)(hit - s.p);
}

bool str_split(str *rest, char sep, str *head)
{
    if (rest->p == NULL)
        return false;
    const char *hit = rest->n == 0 ? NULL : memchr(rest->p, sep, rest->n);
    if (hit == NULL) {
        *head = *rest;
        *rest = STR_NONE;
        return true;
    }
    size_t n = (size_t)(hit - rest->p);
    *head = (str){rest->p, n};
    *rest = (str){hit + 1, rest->n - n - 1};
    return true;
}

bool str_u64(str s, uint64_t *out)
{
    uint64_t v = 0;

    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s.p[i] - '0');
        if (v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = v;
    return true;
}

bool str_i64(str s, int64_t *out)
{
    bool neg = s.n > 0 && s.p[0] == '-';
    uint64_t v;

    if (!str_u64(neg ? str_sub(s, 1, s.n) : s, &v))
        return false;
    if (v > (uint64_t)INT64_MAX + (neg ? 1 : 0))
        return false;
    /* -(v-1)-1 so that INT64_MIN is reached without overflow. */
    *out = neg ? (v == 0 ? 0 : -(int64_t)(v - 1) - 1) : (int64_t)v;
    return true;
}

/* Multiply-and-fold over 8-byte words; the seed keeps a hostile sender from
 * choosing keys that collide. Little-endian reads, so equal on every machine. */
static uint64_t fold128(uint64_t a, uint64_t b)
{
    unsigned __int128 m = (unsigned __int128)a * b;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static uint64_t load_le(const unsigned char *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

uint64_t str_hash(str s, uint64_t seed)
{
    const uint64_t k1 = 0x9e3779b97f4a7c15u, k2 = 0xd6e8feb86659fd93u, k3 = 0xa0761d6478bd642fu;
    const unsigned char *p = (const unsigned char *)s.p;
    uint64_t h = fold128(seed ^ k1, (uint64_t)s.n ^ k2);
    size_t n = s.n;

    for (; n >= 8; p += 8, n -= 8)
        h = fold128(h ^ load_le(p, 8) ^ k3, k1 ^ seed);
    if (n > 0)
        h = fold128(h ^ load_le(p, n) ^ k2, k3 ^ seed);
    return fold128(h ^ k2, k1);
}
