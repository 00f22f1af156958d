/* Addresses as numbers: from and to text and the form that sorts, ranges as a
 * person writes them, and the aligned prefixes that a range is made of. Pure
 * functions over text from outside; any thread. */
#include "registry/addr-int.h"
#include "base/rand.h"
#include <errno.h>

static unsigned width(unsigned family) { return family == 4 ? 32 : 128; }

anum ip_num(struct ip ip)
{
    anum n = 0;

    for (unsigned i = 0; i < width(ip.family) / 8; i++)
        n = n << 8 | ip.b[i];
    return n;
}

struct ip num_ip(unsigned family, anum n)
{
    struct ip ip = {.family = (uint8_t)family};

    for (unsigned i = width(family) / 8; i-- > 0; n >>= 8)
        ip.b[i] = (uint8_t)n;
    return ip;
}

/* Addresses of a prefix of that length, less one: 2^128 itself has no room. */
static anum host_mask(unsigned family, unsigned len)
{
    unsigned bits = width(family) - len;

    return bits == 0 ? 0 : ~(anum)0 >> (128 - bits);
}

struct range prefix_range(struct prefix p)
{
    anum first = ip_num(p.ip);

    return (struct range){first, first | host_mask(p.ip.family, p.len)};
}

void num_bin(unsigned family, anum n, char out[IP_BIN_MAX]) { ip_bin(num_ip(family, n), out); }

bool bin_num(str bin, anum *out)
{
    uint8_t b[16];
    size_t n = bin.n == 9 ? 4 : bin.n == 33 ? 16 : 0;

    if (n == 0 || !hex_parse(str_sub(bin, 1, SIZE_MAX), b, n))
        return false;
    *out = 0;
    for (size_t i = 0; i < n; i++)
        *out = *out << 8 | b[i];
    return true;
}

str num_text(unsigned family, anum n, char out[PREFIX_TEXT_MAX])
{
    return (str){out, ip_fmt(num_ip(family, n), out, PREFIX_TEXT_MAX)};
}

str num_decimal(anum n, char out[ANUM_TEXT])
{
    size_t at = ANUM_TEXT;

    do
        out[--at] = (char)('0' + (int)(n % 10));
    while ((n /= 10) > 0);
    return (str){out + at, ANUM_TEXT - at};
}

str range_text(unsigned family, struct range r, unsigned len, char out[PREFIX_TEXT_MAX])
{
    struct prefix p = {.ip = num_ip(family, r.first), .len = (uint8_t)len};

    return (str){out, prefix_fmt(p, out, PREFIX_TEXT_MAX)};
}

unsigned range_head(unsigned family, struct range r)
{
    unsigned len = width(family);

    while (len > 0) {
        anum mask = host_mask(family, len - 1);
        if ((r.first & mask) != 0 || mask > r.last - r.first)
            break;
        len--;
    }
    return len;
}

static int by_first(const void *a, const void *b)
{
    const struct range *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

/* An end of a range. Inside a v6 prefix a mapped address is meant as written:
 * ::ffff:255.255.255.255 is the last one of ::/80, and no v4 host. */
static bool end_parse(str s, unsigned family, struct ip *out)
{
    s = str_trim(s);
    if (!ip_parse(s, out))
        return false;
    if (family == 6 && out->family == 4 && memchr(s.p, ':', s.n) != NULL)
        *out = num_ip(6, (anum)0xffff << 32 | ip_num(*out));
    return out->family == family;
}

/* One of: an address, first-last, a prefix. */
static bool part_parse(str s, unsigned family, struct range *out)
{
    struct prefix p;
    struct ip a, b;
    str head, rest = s;

    if (prefix_parse(s, &p) && p.ip.family == family) {
        *out = prefix_range(p);
        return true;
    }
    str_split(&rest, '-', &head);
    if (!end_parse(head, family, &a))
        return false;
    b = a;
    if (rest.p != NULL && !end_parse(rest, family, &b))
        return false;
    *out = (struct range){ip_num(a), ip_num(b)};
    return out->first <= out->last;
}

int ranges_parse(str text, struct prefix p, struct range *out, size_t max, size_t *n, struct err *e)
{
    struct range whole = prefix_range(p);
    str rest = text, part;
    size_t k = 0, kept = 0;

    *n = 0;
    while (str_split(&rest, ',', &part)) {
        struct range r;
        part = str_trim(part);
        if (part.n == 0)
            continue;
        if (!part_parse(part, p.ip.family, &r))
            return ERR(e, -EINVAL, "registry.bad_range", S(part));
        if (r.first < whole.first || r.last > whole.last)
            return ERR(e, -EINVAL, "registry.range_outside", S(part));
        if (k == max)
            return ERR(e, -E2BIG, "registry.too_many_ranges", N((int64_t)max));
        out[k++] = r;
    }
    if (k > 0)
        qsort(out, k, sizeof(*out), by_first);
    for (size_t i = 0; i < k; i++) {
        struct range *last = kept > 0 ? &out[kept - 1] : NULL;
        if (last != NULL && (out[i].first <= last->last || out[i].first - 1 == last->last)) {
            if (out[i].last > last->last)
                last->last = out[i].last;
        } else {
            out[kept++] = out[i];
        }
    }
    *n = kept;
    return 0;
}
