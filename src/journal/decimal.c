/* See decimal.h. Numbers are compared digit by digit where they stand. */
#include "journal/decimal.h"

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool read_exponent(str s, size_t i, int64_t *out)
{
    bool neg = i < s.n && s.p[i] == '-';
    int64_t v = 0;
    size_t from;

    i += i < s.n && (s.p[i] == '-' || s.p[i] == '+');
    from = i;
    for (; i < s.n && is_digit(s.p[i]) && i - from < 6; i++)
        v = v * 10 + (s.p[i] - '0');
    *out = neg ? -v : v;
    return i == s.n && i > from;
}

bool decimal_parse(str s, struct decimal *out)
{
    size_t i = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'), first = SIZE_MAX, last = 0, point = SIZE_MAX, from = i;
    int64_t exp = 0;
    struct decimal d = {.neg = i > 0 && s.p[0] == '-'};

    for (; i < s.n && (is_digit(s.p[i]) || (s.p[i] == '.' && point == SIZE_MAX && i > from)); i++) {
        if (s.p[i] == '.')
            point = i;
        else if (s.p[i] != '0') {
            first = first == SIZE_MAX ? i : first;
            last = i;
        }
    }
    if (i == from || s.p[i - 1] == '.')
        return false;
    size_t end = point == SIZE_MAX ? i : point;
    if (i < s.n && ((s.p[i] | 0x20) != 'e' || !read_exponent(s, i + 1, &exp)))
        return false;
    if (first == SIZE_MAX) {
        *out = (struct decimal){0};
        return true;
    }
    d.digits = str_sub(s, first, last - first + 1);
    d.top = exp + (first < end ? (int64_t)(end - first) : -(int64_t)(first - end - 1));
    *out = d;
    return true;
}

static int magnitude_cmp(const struct decimal *a, const struct decimal *b)
{
    str x = a->digits, y = b->digits;

    if (a->top != b->top)
        return a->top < b->top ? -1 : 1;
    for (size_t i = 0, k = 0; i < x.n || k < y.n; i++, k++) {
        i += i < x.n && x.p[i] == '.';
        k += k < y.n && y.p[k] == '.';
        char p = i < x.n ? x.p[i] : '0', q = k < y.n ? y.p[k] : '0';
        if (p != q)
            return p < q ? -1 : 1;
    }
    return 0;
}

int decimal_cmp(const struct decimal *a, const struct decimal *b)
{
    int sa = a->digits.n == 0 ? 0 : a->neg ? -1 : 1, sb = b->digits.n == 0 ? 0 : b->neg ? -1 : 1;

    if (sa != sb)
        return sa < sb ? -1 : 1;
    return sa == 0 ? 0 : sa * magnitude_cmp(a, b);
}

bool decimal_fixed(const struct decimal *d, fixed9 *out)
{
    fixed9 v = 0;
    int64_t left = d->top + 9; /* digits down to 10^-9 */

    if (d->digits.n == 0) {
        *out = 0;
        return true;
    }
    if (d->top > 29 || left <= 0)
        return false;
    for (size_t i = 0; i < d->digits.n; i++) {
        if (d->digits.p[i] == '.')
            continue;
        if (left-- == 0)
            return false;
        v = v * 10 + (d->digits.p[i] - '0');
    }
    for (; left > 0; left--)
        v *= 10;
    *out = d->neg ? -v : v;
    return true;
}

void fixed9_print(fixed9 v, struct buf *out)
{
    char t[64];
    size_t n = sizeof(t), places = 9;
    unsigned __int128 u = v < 0 ? -(unsigned __int128)v : (unsigned __int128)v;

    while (places > 0 && u % 10 == 0) {
        u /= 10;
        places--;
    }
    for (size_t k = 0; k < places; k++, u /= 10)
        t[--n] = (char)('0' + (int)(u % 10));
    if (places > 0)
        t[--n] = '.';
    do
        t[--n] = (char)('0' + (int)(u % 10));
    while ((u /= 10) > 0);
    if (v < 0)
        t[--n] = '-';
    buf_add(out, t + n, sizeof(t) - n);
}
