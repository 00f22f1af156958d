/* A stored block back to rows, column by column as a search asks for them.
 * What is read is hostile until its checksum fits, and bounded after that too.
 * A decoder belongs to one search; its buffers are kept from block to block. */
#include "journal/block.h"
#include <errno.h>
#include <unistd.h>
#include <zstd.h>

enum { SET_PLAIN_MAX = 1 << 20 };
struct block_dec {
    ZSTD_DCtx *zd;
    struct rows *rows;
    struct block_src src;
    struct block_head head;
    bool have_len;
    uint8_t *stored, *plain;
    size_t stored_cap, plain_cap;
};

struct block_dec *block_dec_new(void)
{
    struct block_dec *d = calloc(1, sizeof(*d));

    if (d != NULL && (d->zd = ZSTD_createDCtx()) == NULL) {
        free(d);
        d = NULL;
    }
    return d;
}

void block_dec_free(struct block_dec *d)
{
    if (d == NULL)
        return;
    ZSTD_freeDCtx(d->zd);
    rows_free(d->rows);
    free(d->stored);
    free(d->plain);
    free(d);
}

static bool grow(void *pp, size_t *cap, size_t need)
{
    void **p = pp;
    if (need <= *cap)
        return true;
    free(*p);
    *cap = 0;
    if ((*p = malloc(need)) == NULL)
        return false;
    *cap = need;
    return true;
}

static int read_at(const struct block_src *s, uint64_t at, void *to, size_t n)
{
    if (s->mem != NULL) {
        if (s->off > s->mem_n || at > s->mem_n - s->off || n > s->mem_n - s->off - at)
            return -EBADMSG;
        memcpy(to, s->mem + s->off + at, n);
        return 0;
    }
    for (size_t got = 0; got < n;) {
        ssize_t k = pread(s->fd, (char *)to + got, n - got, (off_t)(s->off + at + got));
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return k < 0 ? -EIO : -EBADMSG;
        got += (size_t)k;
    }
    return 0;
}

int block_dec_open(struct block_dec *d, const struct block_src *src, const struct block_head *h, uint64_t salt)
{
    uint8_t want[BLOCK_HEAD_BYTES], have[BLOCK_HEAD_BYTES];
    int rc = read_at(src, 0, have, sizeof(have));

    if (rc < 0)
        return rc;
    block_head_write(h, salt, want);
    if (memcmp(want, have, sizeof(want)) != 0)
        return -EBADMSG;
    if (d->rows == NULL || d->rows->cap < h->count || d->rows->raw_cap < h->raw_bytes) {
        rows_free(d->rows);
        d->rows = rows_new(h->raw_bytes + h->raw_bytes / 4, h->count + h->count / 4);
        if (d->rows == NULL)
            return -ENOMEM;
    }
    d->src = *src;
    d->head = *h;
    d->have_len = false;
    rows_clear(d->rows, h->first_seq);
    d->rows->fill = h->count;
    rows_publish(d->rows);
    return 0;
}

static int read_stored(struct block_dec *d, int section)
{
    struct block_sec s = d->head.sec[section];
    int rc;

    if (!grow(&d->stored, &d->stored_cap, s.stored + (size_t)1))
        return -ENOMEM;
    if ((rc = read_at(&d->src, block_section_at(&d->head, section), d->stored, s.stored)) < 0)
        return rc;
    return crc32c(0, d->stored, s.stored) == s.crc ? 0 : -EBADMSG;
}

/* Greatest size that a section's content can have, so that no head makes us
 * ask for more memory than its rows are worth. */
static uint64_t plain_max(const struct block_head *h, int section)
{
    uint64_t n = h->count;
    switch (section) {
    case SEC_RAW:
        return h->raw_bytes;
    case SEC_LEN:
        return 3 * n;
    case SEC_HEAD:
        return 8 * n;
    case SEC_RECEIVED:
    case SEC_EVENT:
        return 2 + 10 * n;
    case SEC_SOURCE:
        return 4 + 20 * n;
    case SEC_SPAN:
        return 2 * SP_COUNT * n * 6;
    default:
        return SET_PLAIN_MAX;
    }
}

static int inflate_to(struct block_dec *d, int section, void *to)
{
    struct block_sec s = d->head.sec[section];
    int rc = read_stored(d, section);

    if (rc < 0)
        return rc;
    if (s.plain == 0)
        return s.stored == 0 ? 0 : -EBADMSG;
    size_t k = ZSTD_decompressDCtx(d->zd, to, s.plain, d->stored, s.stored);
    return ZSTD_isError(k) || k != s.plain ? -EBADMSG : 0;
}

static int inflate_section(struct block_dec *d, int section, rd *r)
{
    struct block_sec s = d->head.sec[section];
    int rc;

    if (s.plain > plain_max(&d->head, section))
        return -EBADMSG;
    if (!grow(&d->plain, &d->plain_cap, s.plain + (size_t)1))
        return -ENOMEM;
    if ((rc = inflate_to(d, section, d->plain)) == 0)
        *r = rd_init(d->plain, s.plain);
    return rc;
}

static int load_len(struct block_dec *d)
{
    struct rows *r = d->rows;
    uint32_t n = d->head.count;
    uint64_t at = 0;
    rd in;
    int rc = d->have_len ? 0 : inflate_section(d, SEC_LEN, &in);

    if (rc < 0 || d->have_len)
        return rc;
    const uint8_t *lo = d->plain, *mid = lo + n, *hi = mid + n;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t len = lo[i] | (uint32_t)mid[i] << 8 | (uint32_t)hi[i] << 16;
        if (len > EVENT_RAW_MAX)
            return -EBADMSG;
        at += len;
        if (at > d->head.raw_bytes)
            return -EBADMSG;
        r->off[i + 1] = (uint32_t)at;
    }
    if (at != d->head.raw_bytes)
        return -EBADMSG;
    r->raw_n = at;
    d->have_len = true;
    return 0;
}

static int load_raw(struct block_dec *d)
{
    int rc = load_len(d);
    return rc < 0 ? rc : inflate_to(d, SEC_RAW, d->rows->raw);
}

static inline uint64_t varint(rd *r)
{
    if (r->p < r->end && *r->p < 0x80)
        return *r->p++;
    return rd_varint(r);
}

static int64_t unzigzag(uint64_t v) { return (int64_t)(v >> 1) ^ -(int64_t)(v & 1); }
static int64_t unit_of(uint8_t e) { return e == 9 ? 1000000000 : e == 6 ? 1000000 : e == 3 ? 1000 : e == 0 ? 1 : 0; }

static int times(rd *in, int64_t unit, uint32_t n, int64_t *out)
{
    uint64_t last = 0;

    if (unit == 0)
        return -EBADMSG;
    for (uint32_t i = 0; i < n; i++) {
        last += (uint64_t)unzigzag(varint(in));
        out[i] = (int64_t)(last * (uint64_t)unit);
    }
    return in->bad || in->p != in->end ? -EBADMSG : 0;
}

static int load_received(struct block_dec *d)
{
    rd in;
    int rc = inflate_section(d, SEC_RECEIVED, &in);
    if (rc < 0)
        return rc;
    int64_t unit = unit_of(rd_u8(&in));
    return times(&in, unit, d->head.count, d->rows->received);
}

static int load_event(struct block_dec *d)
{
    struct rows *r = d->rows;
    rd in;
    int rc = r->have & COL_RECEIVED ? 0 : load_received(d);

    r->have |= rc == 0 ? COL_RECEIVED : 0;
    if (rc < 0 || (rc = inflate_section(d, SEC_EVENT, &in)) < 0)
        return rc;
    int64_t unit = unit_of(rd_u8(&in));
    uint8_t mode = rd_u8(&in);
    if (mode == 0)
        return times(&in, unit, d->head.count, r->event);
    if (mode != 1)
        return -EBADMSG;
    for (uint32_t i = 0; i < d->head.count; i++)
        r->event[i] = (int64_t)((uint64_t)r->received[i] + (uint64_t)unzigzag(varint(&in)));
    return in.bad || in.p != in.end ? -EBADMSG : 0;
}

static int load_head(struct block_dec *d)
{
    struct rows *r = d->rows;
    size_t n = d->head.count;
    rd in;
    int rc = inflate_section(d, SEC_HEAD, &in);

    if (rc < 0)
        return rc;
    const uint8_t *p = d->plain;
    memcpy(r->transport, p, n);
    memcpy(r->format, p + n, n);
    memcpy(r->facility, p + 2 * n, n);
    memcpy(r->severity, p + 3 * n, n);
    for (size_t i = 0; i < n; i++) {
        r->flags[i] = (uint16_t)(p[4 * n + i] | p[5 * n + i] << 8);
        r->port[i] = (uint16_t)(p[6 * n + i] | p[7 * n + i] << 8);
    }
    return 0;
}

static int load_source(struct block_dec *d)
{
    size_t n = d->head.count;
    rd in;
    int rc = inflate_section(d, SEC_SOURCE, &in);

    if (rc < 0)
        return rc;
    uint32_t k = rd_u32le(&in);
    if (in.bad || k > n || rd_left(&in) != (uint64_t)k * 17 + 3 * n)
        return -EBADMSG;
    const uint8_t *dict = in.p, *lo = dict + (size_t)k * 17, *mid = lo + n, *hi = mid + n;
    for (size_t i = 0; i < n; i++) {
        uint32_t id = lo[i] | (uint32_t)mid[i] << 8 | (uint32_t)hi[i] << 16;
        if (id >= k)
            return -EBADMSG;
        d->rows->source[i].family = dict[17 * (size_t)id];
        memcpy(d->rows->source[i].b, dict + 17 * (size_t)id + 1, 16);
    }
    return 0;
}

static inline uint64_t small_number(uint8_t v, rd *big) { return v < 255 ? v : varint(big); }

/* One present span: gap and length as stored, into *sp. */
static inline bool take_span(struct span *sp, size_t s, uint64_t gap, uint64_t len, uint32_t *end, uint32_t line)
{
    uint64_t off = *end + (uint64_t)unzigzag(gap);

    if (off > line)
        return false;
    if (s == SP_MSG) { /* what lies behind it, plus one */
        if (len - 1 > line - off)
            return false;
        len = line - off - (len - 1);
    }
    if (len == 0 || len > line - off)
        return false;
    *sp = (struct span){(uint32_t)off, (uint32_t)len};
    *end = (uint32_t)(off + len);
    return true;
}

static int load_span(struct block_dec *d)
{
    size_t n = d->head.count;
    struct rows *r = d->rows;
    struct span *sp = r->span;
    rd in;
    int rc = load_len(d);

    if (rc < 0 || (rc = inflate_section(d, SEC_SPAN, &in)) < 0)
        return rc;
    if (rd_left(&in) < 2 * SP_COUNT * n)
        return -EBADMSG;
    const uint8_t *p = in.p;
    in.p += 2 * SP_COUNT * n;
    for (size_t i = 0; i < n; i++) {
        uint32_t end = 0, line = r->off[i + 1] - r->off[i];
        for (size_t s = 0; s < SP_COUNT; s++, sp++) {
            const uint8_t *at = p + 2 * s * n + i;
            uint64_t gap = small_number(at[0], &in), len = small_number(at[n], &in);
            if (len == 0)
                *sp = (struct span){0, 0};
            else if (!take_span(sp, s, gap, len, &end, line))
                return -EBADMSG;
        }
    }
    return !in.bad && in.p == in.end ? 0 : -EBADMSG;
}

static const struct {
    unsigned col;
    int (*load)(struct block_dec *d);
} loaders[] = {
    {COL_RAW, load_raw},   {COL_RECEIVED, load_received}, {COL_EVENT, load_event},
    {COL_HEAD, load_head}, {COL_SOURCE, load_source},     {COL_SPAN, load_span},
};

int block_dec_load(struct block_dec *d, unsigned cols, struct rows **out)
{
    for (size_t i = 0; i < sizeof(loaders) / sizeof(loaders[0]); i++) {
        if (!(cols & loaders[i].col) || (d->rows->have & loaders[i].col))
            continue;
        int rc = loaders[i].load(d);
        if (rc < 0)
            return rc;
        d->rows->have |= loaders[i].col;
    }
    *out = d->rows;
    return 0;
}

int block_dec_set(struct block_dec *d, int section, block_set_fn *fn, void *ctx, bool *known)
{
    rd in;
    int rc = inflate_section(d, section, &in);

    if (rc < 0)
        return rc;
    *known = d->head.sec[section].plain > 0;
    if (!*known)
        return 0;
    if (rd_u8(&in) != 1)
        return -EBADMSG;
    for (uint32_t k = rd_u32le(&in); k > 0; k--) {
        str v = rd_bytes(&in, rd_varint(&in));
        uint64_t count = rd_varint(&in);
        if (in.bad)
            return -EBADMSG;
        if (!fn(ctx, v, count))
            return 0;
    }
    return in.bad || in.p != in.end ? -EBADMSG : 0;
}

int block_dec_verify(struct block_dec *d)
{
    for (int s = 0; s < SEC_COUNT; s++) {
        int rc = read_stored(d, s);
        if (rc < 0)
            return rc;
    }
    return 0;
}
