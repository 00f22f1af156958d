#include "journal/block-int.h"
#include "base/rand.h"

enum { SLOTS_FIRST = 1024, SLOTS = 4 * BLOCK_ORIGINS_MAX, SOURCES = 1024 };

struct origin {
    uint32_t off, len, rows, hash;
    struct ip source;
    uint16_t port;
};
struct origin_set {
    struct origin v[BLOCK_ORIGINS_MAX];
    uint32_t slot[SLOTS], n, last; /* 0 = free; number 0 is not in the table */
    uint32_t slots;                /* of these in use: few origins stay within few pages */
    uint32_t order[BLOCK_ORIGINS_MAX];
    char hosts[BLOCK_HOSTS_MAX];
    size_t hosts_n;
    uint64_t seed;
    bool alone;
};

struct origin_set *origin_set_new(void)
{
    struct origin_set *s = calloc(1, sizeof(*s));
    if (s != NULL)
        rand_bytes(&s->seed, sizeof(s->seed));
    return s;
}

void origin_set_free(struct origin_set *s) { free(s); }

static bool ip_same(const struct ip *a, const struct ip *b)
{
    return bytes_same((const char *)a, (const char *)b, sizeof(*a));
}

/* A sender over a connection keeps its port; some datagram senders take a new
 * one for each message, and would make each message an origin. */
static bool ports_change(const struct origin_set *s, const struct rows *r, uint32_t n)
{
    struct {
        struct ip source;
        uint16_t port;
    } last[SOURCES];
    uint32_t changes = 0;

    memset(last, 0, sizeof(last));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t h = rows_head(r, i), before = i > 0 ? rows_head(r, i - 1) : h;
        if (i > 0 && r->port[h] == r->port[before] && ip_same(&r->source[h], &r->source[before]))
            continue;
        uint32_t k = (uint32_t)hash_bytes((const char *)&r->source[h], sizeof(struct ip), s->seed) % SOURCES;
        changes += r->port[h] != last[k].port;
        last[k].source = r->source[h];
        last[k].port = r->port[h];
    }
    return changes > SOURCES / 4 + n / 16;
}

void origin_set_clear(struct origin_set *s, const struct rows *r, uint32_t n)
{
    origin_set_begin(s, ports_change(s, r, n));
}

void origin_set_begin(struct origin_set *s, bool alone)
{
    s->slots = SLOTS_FIRST;
    memset(s->slot, 0, s->slots * sizeof(s->slot[0]));
    s->n = 1;
    s->last = 0;
    s->v[0] = (struct origin){0};
    s->hosts_n = 0;
    s->alone = alone;
}

bool origin_ports_alone(const struct origin_set *s) { return s->alone; }
uint32_t origin_count(const struct origin_set *s) { return s->n; }
str origin_host(const struct origin_set *s, uint32_t i) { return (str){s->hosts + s->v[i].off, s->v[i].len}; }

static void spread(struct origin_set *s)
{
    s->slots *= 4;
    memset(s->slot, 0, s->slots * sizeof(s->slot[0]));
    for (uint32_t i = 1; i < s->n; i++) {
        uint32_t k = s->v[i].hash & (s->slots - 1);
        while (s->slot[k])
            k = (k + 1) & (s->slots - 1);
        s->slot[k] = i;
    }
}

static bool is_origin(const struct origin_set *s, const struct origin *o, const struct ip *ip, uint16_t port, str host)
{
    return o->len == host.n && o->port == port && bytes_same(s->hosts + o->off, host.p, host.n) &&
           ip_same(&o->source, ip);
}

uint32_t origin_number(struct origin_set *s, const struct rows *r, uint32_t i)
{
    struct span sp = rows_span(r, i, SP_HOST);
    uint32_t h = rows_head(r, i);

    return origin_find(s, &r->source[h], s->alone ? 0 : r->port[h], (str){r->raw + r->off[i] + sp.off, sp.len});
}

uint32_t origin_find(struct origin_set *s, const struct ip *source, uint16_t port, str host)
{
    struct origin *o = &s->v[s->last];

    if (s->last && is_origin(s, o, source, port, host)) {
        o->rows++;
        return s->last;
    }
    uint32_t ip;
    memcpy(&ip, source->b, 4);
    uint32_t hash = (uint32_t)hash_bytes(host.p, host.n, s->seed ^ port ^ (uint64_t)ip << 16);
    uint32_t k = hash & (s->slots - 1);
    for (; s->slot[k]; k = (k + 1) & (s->slots - 1)) {
        o = &s->v[s->slot[k]];
        if (o->hash == hash && is_origin(s, o, source, port, host)) {
            o->rows++;
            return s->last = s->slot[k];
        }
    }
    if (s->n == BLOCK_ORIGINS_MAX || host.n > BLOCK_HOSTS_MAX - s->hosts_n) {
        s->v[0].rows++;
        return 0;
    }
    s->v[s->n] = (struct origin){(uint32_t)s->hosts_n, (uint32_t)host.n, 1, hash, *source, port};
    if (host.n > 0)
        memcpy(s->hosts + s->hosts_n, host.p, host.n);
    s->hosts_n += host.n;
    s->last = s->slot[k] = s->n++;
    if (s->n * 4 > s->slots && s->slots < SLOTS)
        spread(s);
    return s->last;
}

void ip_put(struct buf *out, const struct ip *ip)
{
    static const struct ip zero;
    bool short4 = ip->family == 4 && memcmp(ip->b + 4, zero.b, 12) == 0;

    if (short4 || memcmp(ip, &zero, sizeof(zero)) == 0) {
        buf_byte(out, ip->family);
        buf_add(out, ip->b, short4 ? 4 : 0);
        return;
    }
    buf_byte(out, 0x80);
    buf_byte(out, ip->family);
    buf_add(out, ip->b, sizeof(ip->b));
}

bool ip_get(rd *r, struct ip *ip)
{
    uint8_t f = rd_u8(r);
    size_t n = f == 4 ? 4 : f == 0x80 ? 16 : 0;

    *ip = (struct ip){.family = f};
    if (f == 0x80)
        ip->family = rd_u8(r);
    else if (f != 4 && f != 0)
        return false;
    str b = rd_bytes(r, n);
    if (n > 0 && !r->bad)
        memcpy(ip->b, b.p, n);
    return !r->bad;
}

static int by_rows(const void *a, const void *b, void *ctx)
{
    const struct origin_set *s = ctx;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    if (s->v[x].rows != s->v[y].rows)
        return s->v[x].rows > s->v[y].rows ? -1 : 1;
    return x < y ? -1 : x > y;
}

void origin_set_write(struct origin_set *s, uint32_t *rank, struct buf *out)
{
    for (uint32_t i = 0; i < s->n; i++)
        s->order[i] = i;
    qsort_r(s->order + 1, s->n - 1, sizeof(s->order[0]), by_rows, s);
    buf_varint(out, s->n);
    for (uint32_t i = 0; i < s->n; i++) {
        const struct origin *o = &s->v[s->order[i]];
        rank[s->order[i]] = i;
        buf_varint(out, o->rows);
        ip_put(out, &o->source);
        buf_u16(out, o->port);
        buf_varint(out, o->len);
        buf_add(out, s->hosts + o->off, o->len);
    }
}
