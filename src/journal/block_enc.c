/* Rows to a stored block. The encoder belongs to the sealing thread; its
 * buffers are kept from block to block, because fresh pages cost more than
 * filling them. */
#include "journal/block_set-int.h"
#include "base/rand.h"
#include <zstd.h>

/* Level 1 is chosen by measuring blocks of 16 MiB of mixed syslog, one core:
 * level 1 ratio 5.97, 498 MB/s in, 1,514 MB/s out; level 3 ratio 6.57, 323 in,
 * 1,267 out. A tenth less disk is not worth a fifth of search speed. */
enum { BLOCK_LEVEL = 1 };

struct block_enc {
    ZSTD_CCtx *zc;
    uint64_t seed;
    struct buf plain, big, out; /* a section, the varints of SPAN, the block */
    struct value_set host, program, source;
    uint32_t *end; /* of the last span, a row */
    size_t end_cap;
};

struct block_enc *block_enc_new(void)
{
    struct block_enc *be = calloc(1, sizeof(*be));

    if (be == NULL || (be->zc = ZSTD_createCCtx()) == NULL) {
        free(be);
        return NULL;
    }
    ZSTD_CCtx_setParameter(be->zc, ZSTD_c_compressionLevel, BLOCK_LEVEL);
    rand_bytes(&be->seed, sizeof(be->seed));
    buf_init(&be->plain, BLOCK_LENGTH_MAX);
    buf_init(&be->big, BLOCK_LENGTH_MAX);
    buf_init(&be->out, BLOCK_LENGTH_MAX);
    value_set_init(&be->host);
    value_set_init(&be->program);
    value_set_init(&be->source);
    return be;
}

void block_enc_free(struct block_enc *be)
{
    if (be == NULL)
        return;
    ZSTD_freeCCtx(be->zc);
    buf_done(&be->plain);
    buf_done(&be->big);
    buf_done(&be->out);
    value_set_done(&be->host);
    value_set_done(&be->program);
    value_set_done(&be->source);
    free(be->end);
    free(be);
}

static str source_bytes(const struct ip *ip, char out[17])
{
    out[0] = (char)ip->family;
    memcpy(out + 1, ip->b, 16);
    return (str){out, 17};
}

static void plane(struct block_enc *be, const uint8_t *p, uint32_t n) { buf_add(&be->plain, p, n); }

/* Plane k of n numbers `size` bytes wide (little-endian machines only: checked at build). */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "planes are cut from little-endian numbers");
static void plane_of(struct block_enc *be, const void *p, size_t size, size_t k, uint32_t n)
{
    const uint8_t *from = (const uint8_t *)p + k;
    if (!buf_reserve(&be->plain, n))
        return;
    uint8_t *to = (uint8_t *)be->plain.p + be->plain.n;
    for (uint32_t i = 0; i < n; i++)
        to[i] = from[i * size];
    be->plain.n += n;
}

static uint64_t zigzag(int64_t v) { return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63); }

/* The greatest power of ten that divides every time. */
static int time_unit(const int64_t *t, uint32_t n)
{
    static const struct {
        int e;
        int64_t ns;
    } units[] = {{9, 1000000000}, {6, 1000000}, {3, 1000}};
    for (size_t u = 0; u < 3; u++) {
        uint32_t i = 0;
        while (i < n && t[i] % units[u].ns == 0)
            i++;
        if (i == n)
            return units[u].e;
    }
    return 0;
}

static int64_t pow10_of(int e) { return e == 9 ? 1000000000 : e == 6 ? 1000000 : e == 3 ? 1000 : 1; }

static void enc_times(struct block_enc *be, const int64_t *t, uint32_t n)
{
    int64_t unit = pow10_of(time_unit(t, n)), last = 0;
    for (uint32_t i = 0; i < n; i++) {
        buf_varint(&be->plain, zigzag((int64_t)((uint64_t)(t[i] / unit) - (uint64_t)last)));
        last = t[i] / unit;
    }
}

static void enc_received(struct block_enc *be, const struct rows *r, uint32_t n)
{
    buf_byte(&be->plain, (uint8_t)time_unit(r->received, n));
    enc_times(be, r->received, n);
}

static void enc_event(struct block_enc *be, const struct rows *r, uint32_t n)
{
    if (memcmp(r->event, r->received, n * sizeof(r->event[0])) == 0) {
        buf_byte(&be->plain, 0);
        buf_byte(&be->plain, 1);
        for (uint32_t i = 0; i < n; i++)
            buf_byte(&be->plain, 0);
        return;
    }
    buf_byte(&be->plain, (uint8_t)time_unit(r->event, n));
    buf_byte(&be->plain, 0);
    enc_times(be, r->event, n);
}

static void enc_len(struct block_enc *be, const struct rows *r, uint32_t n)
{
    if (!buf_reserve(&be->plain, 3 * (size_t)n))
        return;
    uint8_t *to = (uint8_t *)be->plain.p;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t len = r->off[i + 1] - r->off[i];
        to[i] = (uint8_t)len;
        to[n + i] = (uint8_t)(len >> 8);
        to[2 * (size_t)n + i] = (uint8_t)(len >> 16);
    }
    be->plain.n = 3 * (size_t)n;
}

static void enc_head(struct block_enc *be, const struct rows *r, uint32_t n)
{
    plane(be, r->transport, n);
    plane(be, r->format, n);
    plane(be, r->facility, n);
    plane(be, r->severity, n);
    plane_of(be, r->flags, 2, 0, n);
    plane_of(be, r->flags, 2, 1, n);
    plane_of(be, r->port, 2, 0, n);
    plane_of(be, r->port, 2, 1, n);
}

/* Numbers sources in order of appearance. `end` serves as the id column here.
 * Beyond the set's ceiling each run of a source gets a number of its own. */
static void enc_source(struct block_enc *be, const struct rows *r, uint32_t n)
{
    struct value_set *s = &be->source;
    uint32_t k = 0;
    char v[17];

    be->big.n = 0;
    for (uint32_t i = 0; i < n; i++) {
        str bytes = source_bytes(&r->source[i], v);
        uint32_t known = s->n;
        value_set_add(s, bytes, be->seed);
        if (!s->full) {
            be->end[i] = s->last;
            if (s->n > known)
                k = s->n;
        } else if (i > 0 && ip_cmp(r->source[i], r->source[i - 1]) == 0) {
            be->end[i] = be->end[i - 1];
            continue;
        } else {
            be->end[i] = k++;
            known = UINT32_MAX;
        }
        if (known != s->n)
            buf_str(&be->big, bytes);
    }
    buf_u32(&be->plain, k);
    buf_str(&be->plain, buf_view(&be->big));
    for (size_t b = 0; b < 3; b++)
        plane_of(be, be->end, 4, b, n);
}

static void small_number(struct block_enc *be, uint8_t *to, uint64_t v)
{
    *to = v < 255 ? (uint8_t)v : 255;
    if (v >= 255)
        buf_varint(&be->big, v);
}

static void enc_span(struct block_enc *be, const struct rows *r, uint32_t n)
{
    const struct span *sp = r->span;
    uint8_t *to;

    be->big.n = 0;
    if (!buf_reserve(&be->plain, 2 * (size_t)SP_COUNT * n))
        return;
    to = (uint8_t *)be->plain.p;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t end = 0, line = r->off[i + 1] - r->off[i];
        for (size_t s = 0; s < SP_COUNT; s++, sp++) {
            uint8_t *gap = to + 2 * s * n + i;
            if (sp->len == 0) {
                gap[0] = gap[n] = 0;
                continue;
            }
            small_number(be, gap, zigzag((int64_t)sp->off - end));
            end = sp->off + sp->len;
            small_number(be, gap + n, s == SP_MSG ? 1 + line - end : sp->len);
        }
    }
    be->plain.n = 2 * (size_t)SP_COUNT * n;
    buf_str(&be->plain, buf_view(&be->big));
}

static str span_text(const struct rows *r, uint32_t i, enum event_span sp)
{
    struct span s = r->span[(size_t)i * SP_COUNT + sp];
    return (str){r->raw + r->off[i] + s.off, s.len};
}

static void gather_sets(struct block_enc *be, const struct rows *r, uint32_t n)
{
    value_set_clear(&be->host);
    value_set_clear(&be->program);
    value_set_clear(&be->source);
    for (uint32_t i = 0; i < n; i++) {
        value_set_add(&be->host, span_text(r, i, SP_HOST), be->seed);
        value_set_add(&be->program, span_text(r, i, SP_PROGRAM), be->seed);
    }
}

static uint32_t bit_of(uint8_t v, unsigned named) { return v < named ? 1u << v : BLOCK_NONE; }

static void summarize(const struct rows *r, uint32_t n, struct block_head *h)
{
    *h = (struct block_head){.first_seq = r->first_seq,
                             .raw_bytes = r->off[n],
                             .count = n,
                             .event_min = INT64_MAX,
                             .event_max = INT64_MIN,
                             .received_min = INT64_MAX,
                             .received_max = INT64_MIN};
    for (uint32_t i = 0; i < n; i++) {
        int64_t ev = r->event[i], rc = r->received[i];
        h->event_min = ev < h->event_min ? ev : h->event_min;
        h->event_max = ev > h->event_max ? ev : h->event_max;
        h->received_min = rc < h->received_min ? rc : h->received_min;
        h->received_max = rc > h->received_max ? rc : h->received_max;
        h->severities |= bit_of(r->severity[i], 8);
        h->facilities |= bit_of(r->facility[i], 24);
        h->transports |= bit_of(r->transport[i], TP_COUNT);
        h->formats |= bit_of(r->format[i], FMT_COUNT);
        h->flags |= r->flags[i] ? r->flags[i] : BLOCK_NONE;
    }
}

static void fill_section(struct block_enc *be, const struct rows *r, uint32_t n, int section)
{
    switch (section) {
    case SEC_LEN:
        enc_len(be, r, n);
        break;
    case SEC_RECEIVED:
        enc_received(be, r, n);
        break;
    case SEC_EVENT:
        enc_event(be, r, n);
        break;
    case SEC_HEAD:
        enc_head(be, r, n);
        break;
    case SEC_SOURCE:
        enc_source(be, r, n);
        break;
    case SEC_SPAN:
        enc_span(be, r, n);
        break;
    case SEC_HOSTS:
        value_set_write(&be->host, &be->plain);
        break;
    case SEC_PROGRAMS:
        value_set_write(&be->program, &be->plain);
        break;
    case SEC_SOURCES:
        value_set_write(&be->source, &be->plain);
        break;
    default:
        break;
    }
}

static bool add_section(struct block_enc *be, str plain, struct block_sec *sec)
{
    *sec = (struct block_sec){.plain = (uint32_t)plain.n};
    if (plain.n == 0)
        return true;
    if (!buf_reserve(&be->out, ZSTD_compressBound(plain.n)))
        return false;
    char *to = be->out.p + be->out.n;
    size_t k = ZSTD_compress2(be->zc, to, be->out.cap - be->out.n, plain.p, plain.n);
    if (ZSTD_isError(k))
        return false;
    sec->stored = (uint32_t)k;
    sec->crc = crc32c(0, to, k);
    be->out.n += k;
    return true;
}

static bool reserve_ends(struct block_enc *be, uint32_t n)
{
    if (n <= be->end_cap)
        return true;
    uint32_t *p = realloc(be->end, n * sizeof(*p));
    if (p == NULL)
        return false;
    be->end = p;
    be->end_cap = n;
    return true;
}

str block_encode(struct block_enc *be, struct rows *r, uint64_t salt, struct block_head *h)
{
    uint32_t n = rows_count(r);

    buf_clear(&be->out);
    if (n == 0 || !reserve_ends(be, n) || !buf_reserve(&be->out, BLOCK_HEAD_BYTES))
        return STR_NONE;
    be->out.n = BLOCK_HEAD_BYTES;
    summarize(r, n, h);
    gather_sets(be, r, n);
    for (int s = 0; s < SEC_COUNT; s++) {
        buf_clear(&be->plain);
        be->big.failed = false;
        fill_section(be, r, n, s);
        str plain = s == SEC_RAW ? (str){r->raw, r->off[n]} : buf_view(&be->plain);
        if (be->plain.failed || be->big.failed || !add_section(be, plain, &h->sec[s]))
            return STR_NONE;
    }
    h->length = be->out.n;
    block_head_write(h, salt, (uint8_t *)be->out.p);
    return buf_view(&be->out);
}
