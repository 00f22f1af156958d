/* Text of addresses, prefixes and MACs. Pure functions over hostile text; any
 * thread. Own parser, because inet_pton and friends take forms that differ
 * from libc to libc and want a NUL. */
#include "base/ip.h"

static bool decimal(str *s, unsigned max, unsigned *out)
{
    unsigned v = 0;
    size_t n = 0;

    while (n < s->n && n < 4 && s->p[n] >= '0' && s->p[n] <= '9')
        v = v * 10 + (unsigned)(s->p[n++] - '0');
    /* A leading zero is octal to some readers, so it is refused. */
    if (n == 0 || (n > 1 && s->p[0] == '0') || v > max)
        return false;
    *s = str_sub(*s, n, s->n);
    *out = v;
    return true;
}

static bool v4_parse(str s, uint8_t b[4])
{
    for (int i = 0; i < 4; i++) {
        unsigned v;
        if (i > 0) {
            if (s.n == 0 || s.p[0] != '.')
                return false;
            s = str_sub(s, 1, s.n);
        }
        if (!decimal(&s, 255, &v))
            return false;
        b[i] = (uint8_t)v;
    }
    return s.n == 0;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool group_parse(str g, uint8_t out[2])
{
    unsigned v = 0;

    if (g.n == 0 || g.n > 4)
        return false;
    for (size_t i = 0; i < g.n; i++) {
        int h = hex_value(g.p[i]);
        if (h < 0)
            return false;
        v = v << 4 | (unsigned)h;
    }
    out[0] = (uint8_t)(v >> 8);
    out[1] = (uint8_t)v;
    return true;
}

/* Groups between colons into out (at most 16 bytes); the last may be dotted
 * when `tail`. An empty text is no groups. -1 when malformed. */
static int groups_parse(str s, uint8_t out[16], bool tail)
{
    int n = 0;
    str g;

    if (s.n == 0)
        return 0;
    while (str_split(&s, ':', &g)) {
        bool last = s.p == NULL;
        if (tail && last && memchr(g.p, '.', g.n) != NULL) {
            if (n > 12 || !v4_parse(g, out + n))
                return -1;
            return n + 4;
        }
        if (n > 14 || !group_parse(g, out + n))
            return -1;
        n += 2;
    }
    return n;
}

static bool v6_parse(str s, uint8_t b[16])
{
    uint8_t head[16], tail[16];
    size_t gap = str_find(s, STR("::"));

    if (gap == SIZE_MAX)
        return groups_parse(s, b, true) == 16;
    int nh = groups_parse(str_sub(s, 0, gap), head, false);
    int nt = groups_parse(str_sub(s, gap + 2, s.n), tail, true);
    /* "::" stands for at least one group. */
    if (nh < 0 || nt < 0 || nh + nt > 14)
        return false;
    memset(b, 0, 16);
    memcpy(b, head, (size_t)nh);
    memcpy(b + 16 - nt, tail, (size_t)nt);
    return true;
}

/* As written: a mapped address stays family 6. */
static bool ip_parse_raw(str s, struct ip *out)
{
    struct ip a = {0};

    if (s.n == 0 || s.n >= IP_TEXT_MAX)
        return false;
    bool ok = memchr(s.p, ':', s.n) != NULL ? v6_parse(s, a.b) : v4_parse(s, a.b);
    if (!ok)
        return false;
    a.family = memchr(s.p, ':', s.n) != NULL ? 6 : 4;
    *out = a;
    return true;
}

static bool is_mapped(struct ip a)
{
    static const uint8_t head[12] = {[10] = 0xff, [11] = 0xff};

    return a.family == 6 && memcmp(a.b, head, sizeof(head)) == 0;
}

static struct ip unmap(struct ip a)
{
    struct ip four = {.family = 4};

    memcpy(four.b, a.b + 12, 4);
    return four;
}

bool ip_parse(str s, struct ip *out)
{
    struct ip a;

    if (!ip_parse_raw(s, &a))
        return false;
    *out = is_mapped(a) ? unmap(a) : a;
    return true;
}

static size_t fitted(int n, size_t cap) { return n < 0 || cap == 0 ? 0 : (size_t)n < cap ? (size_t)n : cap - 1; }

/* The longest run of zero groups, the first among equals, at least two (RFC 5952 4.2). */
static void zero_run(const uint8_t b[16], int *start, int *len)
{
    *start = -1;
    *len = 1;
    for (int i = 0; i < 8; i++) {
        int n = 0;
        while (i + n < 8 && b[2 * (i + n)] == 0 && b[2 * (i + n) + 1] == 0)
            n++;
        if (n > *len) {
            *start = i;
            *len = n;
        }
        i += n;
    }
}

static size_t v6_fmt(struct ip a, char *out, size_t cap)
{
    char text[IP_TEXT_MAX];
    int start, len, n = 0;

    if (is_mapped(a))
        return fitted(snprintf(out, cap, "::ffff:%u.%u.%u.%u", a.b[12], a.b[13], a.b[14], a.b[15]), cap);
    zero_run(a.b, &start, &len);
    for (int i = 0; i < 8; i++) {
        if (i == start) {
            n += snprintf(text + n, sizeof(text) - (size_t)n, "::");
            i += len - 1;
            continue;
        }
        bool colon = i > 0 && !(start >= 0 && i == start + len);
        n += snprintf(text + n, sizeof(text) - (size_t)n, "%s%x", colon ? ":" : "",
                      (unsigned)(a.b[2 * i] << 8 | a.b[2 * i + 1]));
    }
    return fitted(snprintf(out, cap, "%s", text), cap);
}

size_t ip_fmt(struct ip a, char *out, size_t cap)
{
    if (a.family == 4)
        return fitted(snprintf(out, cap, "%u.%u.%u.%u", a.b[0], a.b[1], a.b[2], a.b[3]), cap);
    if (a.family == 6)
        return v6_fmt(a, out, cap);
    if (cap > 0)
        out[0] = '\0';
    return 0;
}

static size_t ip_bytes(struct ip a) { return a.family == 4 ? 4 : a.family == 6 ? 16 : 0; }

int ip_cmp(struct ip a, struct ip b)
{
    if (a.family != b.family)
        return a.family < b.family ? -1 : 1;
    int r = memcmp(a.b, b.b, ip_bytes(a));
    return r < 0 ? -1 : r > 0;
}

/* Equal in the first `bits` bits. */
static bool same_head(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static bool host_bits_zero(struct prefix p)
{
    for (unsigned i = p.len; i < 8 * ip_bytes(p.ip); i++)
        if (p.ip.b[i / 8] & (0x80 >> (i % 8)))
            return false;
    return true;
}

bool prefix_parse(str s, struct prefix *out)
{
    struct prefix p;
    str addr;
    unsigned len;

    if (s.n == 0 || !str_split(&s, '/', &addr) || s.p == NULL || !ip_parse_raw(addr, &p.ip))
        return false;
    if (!decimal(&s, p.ip.family == 4 ? 32 : 128, &len) || s.n > 0)
        return false;
    if (is_mapped(p.ip) && len >= 96) {
        p.ip = unmap(p.ip);
        len -= 96;
    }
    p.len = (uint8_t)len;
    if (!host_bits_zero(p))
        return false;
    *out = p;
    return true;
}

size_t prefix_fmt(struct prefix p, char *out, size_t cap)
{
    char addr[IP_TEXT_MAX];

    if (ip_fmt(p.ip, addr, sizeof(addr)) == 0) {
        if (cap > 0)
            out[0] = '\0';
        return 0;
    }
    return fitted(snprintf(out, cap, "%s/%u", addr, p.len), cap);
}

bool prefix_has(struct prefix p, struct ip a)
{
    return p.ip.family != 0 && p.ip.family == a.family && p.len <= 8 * ip_bytes(a) && same_head(p.ip.b, a.b, p.len);
}

bool prefix_overlaps(struct prefix a, struct prefix b)
{
    return a.len <= b.len ? prefix_has(a, b.ip) : prefix_has(b, a.ip);
}

/* Forms of a MAC by length: where a separator must stand, the rest is hex. */
static bool mac_separator(size_t n, size_t i, char first, char c, bool *is_sep)
{
    *is_sep = (n == 17 && i % 3 == 2) || (n == 14 && i % 5 == 4);
    if (!*is_sep)
        return true;
    return n == 14 ? c == '.' : c == first && (c == ':' || c == '-');
}

bool mac_parse(str s, struct mac *out)
{
    struct mac m = {0};
    size_t k = 0;

    if (s.n != 17 && s.n != 14 && s.n != 12)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        bool sep;
        if (!mac_separator(s.n, i, s.p[2], s.p[i], &sep))
            return false;
        if (sep)
            continue;
        int h = hex_value(s.p[i]);
        if (h < 0)
            return false;
        m.b[k / 2] = (uint8_t)(m.b[k / 2] << 4 | h);
        k++;
    }
    *out = m;
    return true;
}

size_t mac_fmt(struct mac m, char *out, size_t cap)
{
    return fitted(snprintf(out, cap, "%02x:%02x:%02x:%02x:%02x:%02x", m.b[0], m.b[1], m.b[2], m.b[3], m.b[4], m.b[5]),
                  cap);
}
