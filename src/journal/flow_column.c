/* The coding of flow_column.h. The loops are plain so that the compiler makes
 * vector code of them; this file is built with -O3 for that. */
#include "journal/flow_column.h"
#include <errno.h>
#include <zstd.h>

enum { RAW, ZSTD, SAME, PLANE_HEAD = 5, LEVEL = 1, SAMPLE = 4096 };
enum {
    WORTH = 4
}; /* a plane of which zstd takes less than one part in so many stays raw: it is read ten times as fast */

struct flow_codec {
    ZSTD_CCtx *c;
    ZSTD_DCtx *d;
    uint8_t *plane[8]; /* rows_max each */
    uint32_t rows_max;
};

struct flow_codec *flow_codec_new(uint32_t rows_max)
{
    struct flow_codec *k = calloc(1, sizeof(*k));
    uint8_t *bytes = malloc((size_t)rows_max * 8);

    if (k != NULL && bytes != NULL) {
        k->c = ZSTD_createCCtx();
        k->d = ZSTD_createDCtx();
        k->rows_max = rows_max;
        for (int i = 0; i < 8; i++)
            k->plane[i] = bytes + (size_t)i * rows_max;
    }
    if (k == NULL || bytes == NULL || k->c == NULL || k->d == NULL) {
        if (k != NULL && k->plane[0] == NULL)
            free(bytes);
        flow_codec_free(k);
        return NULL;
    }
    ZSTD_CCtx_setParameter(k->c, ZSTD_c_compressionLevel, LEVEL);
    ZSTD_CCtx_setParameter(k->c, ZSTD_c_contentSizeFlag, 1);
    return k;
}

void flow_codec_free(struct flow_codec *k)
{
    if (k == NULL)
        return;
    ZSTD_freeCCtx(k->c);
    ZSTD_freeDCtx(k->d);
    free(k->plane[0]);
    free(k);
}

#define WIDTHS(X) X(8, uint8_t) X(16, uint16_t) X(32, uint32_t) X(64, uint64_t)

#define SPLIT(bits, T)                                                                                                 \
    static void split##bits(const T *v, T min, unsigned shift, uint32_t n, uint8_t *out)                               \
    {                                                                                                                  \
        for (uint32_t i = 0; i < n; i++)                                                                               \
            out[i] = (uint8_t)((T)(v[i] - min) >> shift);                                                              \
    }
WIDTHS(SPLIT)

unsigned flow_column_planes(struct flow_range r)
{
    return r.max == r.min ? 0 : (unsigned)(71 - __builtin_clzll(r.max - r.min)) / 8;
}

/* --- writing --------------------------------------------------------------- */

/* Would zstd find anything? Every value of a sample about as often as every other: no. */
static bool is_noise(const uint8_t *p, uint32_t n)
{
    uint16_t count[256] = {0};
    uint32_t step = n / SAMPLE, sum = 0;

    if (n < 4 * SAMPLE)
        return false;
    for (uint32_t i = 0; i < SAMPLE; i++)
        count[p[(size_t)i * step]]++;
    for (int i = 0; i < 256; i++)
        sum += (uint32_t)count[i] * count[i];
    return sum < SAMPLE * (SAMPLE / 256 + 2); /* 16 of each: 4096 * 16; 4096 * 17 by chance */
}

static void plane_head(uint8_t *p, uint8_t kind, uint32_t n)
{
    p[0] = kind;
    for (int i = 0; i < 4; i++)
        p[1 + i] = (uint8_t)(n >> 8 * i);
}

static bool plane_write(struct flow_codec *k, const uint8_t *p, uint32_t n, struct buf *out)
{
    if (!buf_reserve(out, PLANE_HEAD + ZSTD_compressBound(n)))
        return false;
    uint8_t *to = (uint8_t *)out->p + out->n;
    size_t len = 1;
    uint8_t kind = SAME;
    if (memcmp(p, p + 1, n - 1) != 0) {
        kind = is_noise(p, n) ? RAW : ZSTD;
        len = kind == ZSTD ? ZSTD_compress2(k->c, to + PLANE_HEAD, ZSTD_compressBound(n), p, n) : n;
        if (kind == ZSTD && (ZSTD_isError(len) || len >= n - n / WORTH))
            kind = RAW;
        len = kind == RAW ? n : len;
    }
    if (kind != ZSTD)
        memcpy(to + PLANE_HEAD, p, len);
    plane_head(to, kind, (uint32_t)len);
    out->n += PLANE_HEAD + len;
    return true;
}

bool flow_column_write(struct flow_codec *k, const void *v, unsigned width, uint32_t n, struct flow_range r,
                       struct buf *out)
{
    unsigned planes = flow_column_planes(r);

    for (unsigned i = 0; i < planes; i++) {
        uint8_t *p = k->plane[0];
        switch (width) {
        case 1:
            split8(v, (uint8_t)r.min, 8 * i, n, p);
            break;
        case 2:
            split16(v, (uint16_t)r.min, 8 * i, n, p);
            break;
        case 4:
            split32(v, (uint32_t)r.min, 8 * i, n, p);
            break;
        default:
            split64(v, r.min, 8 * i, n, p);
            break;
        }
        if (!plane_write(k, p, n, out))
            return false;
    }
    return true;
}

/* --- reading --------------------------------------------------------------- */

/* *out: the plane's n bytes, where they lie or in `room`. */
static int plane_read(struct flow_codec *k, rd *r, uint32_t n, uint8_t *room, const uint8_t **out)
{
    uint8_t kind = rd_u8(r);
    str bytes = rd_bytes(r, rd_u32le(r));

    if (r->bad || kind > SAME || (kind == RAW && bytes.n != n) || (kind == SAME && bytes.n != 1))
        return -EBADMSG;
    *out = room;
    if (kind == RAW)
        *out = (const uint8_t *)bytes.p;
    else if (kind == SAME)
        memset(room, (uint8_t)bytes.p[0], n);
    else if (ZSTD_decompressDCtx(k->d, room, n, bytes.p, bytes.n) != n)
        return -EBADMSG;
    return 0;
}

#define JOIN(bits, T)                                                                                                  \
    static void join##bits(const uint8_t *const p[8], unsigned planes, uint32_t n, T min, T *restrict out)             \
    {                                                                                                                  \
        switch (planes) {                                                                                              \
        case 1:                                                                                                        \
            for (uint32_t i = 0; i < n; i++)                                                                           \
                out[i] = (T)(min + p[0][i]);                                                                           \
            return;                                                                                                    \
        case 2:                                                                                                        \
            for (uint32_t i = 0; i < n; i++)                                                                           \
                out[i] = (T)(min + (T)(p[0][i] | (unsigned)p[1][i] << 8));                                             \
            return;                                                                                                    \
        case 3:                                                                                                        \
            for (uint32_t i = 0; i < n; i++)                                                                           \
                out[i] = (T)(min + (T)(p[0][i] | (unsigned)p[1][i] << 8 | (unsigned)p[2][i] << 16));                   \
            return;                                                                                                    \
        case 4:                                                                                                        \
            for (uint32_t i = 0; i < n; i++)                                                                           \
                out[i] = (T)(min + (T)(p[0][i] | (unsigned)p[1][i] << 8 | (unsigned)p[2][i] << 16 |                    \
                                       (unsigned)p[3][i] << 24));                                                      \
            return;                                                                                                    \
        default:                                                                                                       \
            for (uint32_t i = 0; i < n; i++) {                                                                         \
                uint64_t v = 0;                                                                                        \
                for (unsigned b = 0; b < planes; b++)                                                                  \
                    v |= (uint64_t)p[b][i] << 8 * b;                                                                   \
                out[i] = (T)(min + (T)v);                                                                              \
            }                                                                                                          \
        }                                                                                                              \
    }
WIDTHS(JOIN)

#define FILL(T)                                                                                                        \
    for (uint32_t i = 0; i < n; i++)                                                                                   \
    ((T *)out)[i] = (T)v

static void fill(void *out, unsigned width, uint32_t n, uint64_t v)
{
    if (v == 0)
        memset(out, 0, (size_t)n * width);
    else if (width == 1)
        memset(out, (int)v, n);
    else if (width == 2)
        FILL(uint16_t);
    else if (width == 4)
        FILL(uint32_t);
    else
        FILL(uint64_t);
}

int flow_column_read(struct flow_codec *k, str section, unsigned width, uint32_t n, struct flow_range r, void *out)
{
    const uint8_t *p[8] = {0};
    unsigned planes = flow_column_planes(r);
    rd rest = rd_init(section.p, section.n);

    if (n > k->rows_max || r.max < r.min || planes > width)
        return -EBADMSG;
    for (unsigned i = 0; i < planes; i++) {
        int rc = plane_read(k, &rest, n, k->plane[i], &p[i]);
        if (rc < 0)
            return rc;
    }
    if (rd_left(&rest) != 0)
        return -EBADMSG;
    if (planes == 0) {
        fill(out, width, n, r.min);
        return 0;
    }
    switch (width) {
    case 1:
        join8(p, planes, n, (uint8_t)r.min, out);
        break;
    case 2:
        join16(p, planes, n, (uint16_t)r.min, out);
        break;
    case 4:
        join32(p, planes, n, (uint32_t)r.min, out);
        break;
    default:
        join64(p, planes, n, r.min, out);
        break;
    }
    return 0;
}

int flow_column_read_planes(struct flow_codec *k, str section, unsigned width, uint32_t n, struct flow_range r,
                            uint8_t *room)
{
    unsigned planes = flow_column_planes(r);
    rd rest = rd_init(section.p, section.n);

    if (n > k->rows_max || r.max < r.min || planes > width)
        return -EBADMSG;
    for (unsigned i = 0; i < planes; i++) {
        const uint8_t *p;
        uint8_t *to = room + (size_t)i * n;
        int rc = plane_read(k, &rest, n, to, &p);
        if (rc < 0)
            return rc;
        if (p != to)
            memcpy(to, p, n);
    }
    return rd_left(&rest) == 0 ? 0 : -EBADMSG;
}

/* --- times ------------------------------------------------------------------ */

static const int64_t units[] = {1, 1000, 1000000, 1000000000};

int64_t flow_time_unit(unsigned unit) { return units[unit & 3]; }

static inline uint64_t zigzag(uint64_t d) { return d << 1 ^ (uint64_t)((int64_t)d >> 63); }
static inline uint64_t unzigzag(uint64_t z) { return z >> 1 ^ (0 - (z & 1)); }

/* Sums of differences up to each mark, so that one value costs no sum over all. */
#define MARK_SUMS(planes_, value)                                                                                      \
    case planes_:                                                                                                      \
        for (uint32_t i = from; i < to; i++)                                                                           \
            sum += unzigzag(r.min + (value));                                                                          \
        break

static uint64_t mark_sum(const uint8_t *p, unsigned planes, uint32_t n, struct flow_range r, uint32_t from, uint32_t to)
{
    const uint8_t *q = p + n, *s = q + n, *t = s + n;
    uint64_t sum = 0;

    switch (planes) {
        MARK_SUMS(0, 0u);
        MARK_SUMS(1, p[i]);
        MARK_SUMS(2, p[i] | (unsigned)q[i] << 8);
        MARK_SUMS(3, p[i] | (unsigned)q[i] << 8 | (unsigned)s[i] << 16);
        MARK_SUMS(4, p[i] | (unsigned)q[i] << 8 | (unsigned)s[i] << 16 | (unsigned)t[i] << 24);
    default:
        for (uint32_t i = from; i < to; i++)
            sum += unzigzag(flow_planes_value(p, planes, n, r.min, i));
    }
    return sum;
}

void flow_times_mark(const uint8_t *room, uint32_t n, struct flow_range r, uint64_t *marks)
{
    unsigned planes = flow_column_planes(r);
    uint64_t sum = 0;

    for (uint32_t from = 0, m = 0; from < n; from += FLOW_MARK, m++) {
        marks[m] = sum;
        sum += mark_sum(room, planes, n, r, from, n - from < FLOW_MARK ? n : from + FLOW_MARK);
    }
}

int64_t flow_time_at(const uint8_t *room, uint32_t n, struct flow_range r, const uint64_t *marks, int64_t first,
                     unsigned unit, uint32_t row)
{
    uint64_t u = (uint64_t)units[unit & 3], sum = (uint64_t)(first / (int64_t)u) + marks[row / FLOW_MARK];

    return (int64_t)((sum + mark_sum(room, flow_column_planes(r), n, r, row / FLOW_MARK * FLOW_MARK, row + 1)) * u);
}

/* Constants let the compiler multiply instead of divide. */
#define ALL_OF(u)                                                                                                      \
    static bool all_of_##u(const int64_t *v, uint32_t n)                                                               \
    {                                                                                                                  \
        for (uint32_t i = 0; i < n; i++)                                                                               \
            if (v[i] % (u) != 0)                                                                                       \
                return false;                                                                                          \
        return true;                                                                                                   \
    }
ALL_OF(1000)
ALL_OF(1000000)
ALL_OF(1000000000)

unsigned flow_times_unit(const int64_t *v, uint32_t n)
{
    return all_of_1000000000(v, n) ? 3 : all_of_1000000(v, n) ? 2 : all_of_1000(v, n) ? 1 : 0;
}

/* Differences wrap, in both directions alike. */
#define DIFFER(u)                                                                                                      \
    do {                                                                                                               \
        if (base != NULL)                                                                                              \
            for (uint32_t i = 0; i < n; i++)                                                                           \
                out[i] = zigzag((uint64_t)(base[i] / (u)) - (uint64_t)(v[i] / (u)));                                   \
        else                                                                                                           \
            for (uint32_t i = n; i-- > 0;)                                                                             \
                out[i] = zigzag((uint64_t)(v[i] / (u)) - (uint64_t)(v[i > 0 ? i - 1 : 0] / (u)));                      \
    } while (0)

void flow_times_differ(const int64_t *v, const int64_t *base, uint32_t n, unsigned unit, uint64_t *out)
{
    switch (unit) {
    case 0:
        DIFFER(1);
        break;
    case 1:
        DIFFER(1000);
        break;
    case 2:
        DIFFER(1000000);
        break;
    default:
        DIFFER(1000000000);
        break;
    }
}

void flow_times_sum(const uint64_t *v, const int64_t *base, int64_t first, uint32_t n, unsigned unit, int64_t *out)
{
    uint64_t u = (uint64_t)units[unit & 3], last = (uint64_t)(first / (int64_t)u);

    if (base != NULL)
        for (uint32_t i = 0; i < n; i++)
            out[i] = (int64_t)(((uint64_t)(base[i] / (int64_t)u) - unzigzag(v[i])) * u);
    else
        for (uint32_t i = 0; i < n; i++)
            out[i] = (int64_t)((last += unzigzag(v[i])) * u);
}
