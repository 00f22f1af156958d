/* A query's view of a block of flows (flow_block.h): rows in memory, or a stored
 * block read column by column. What a file says is checked before it is used. */
#include "base/file.h"
#include "intake/event.h"
#include "journal/flow_block-int.h"
#include <errno.h>
#include <unistd.h>
#include <zstd.h>

enum { EXPORTER = 40 };

bool flow_page_init(struct flow_page *p)
{
    *p = (struct flow_page){.fd = -1};
    buf_init(&p->raw, FLOW_BLOCK_MAX);
    p->codec = flow_codec_new(FLOW_BLOCK_ROWS);
    return p->codec != NULL;
}

void flow_page_done(struct flow_page *p)
{
    flow_codec_free(p->codec);
    buf_done(&p->raw);
    for (int c = 0; c < FC_COUNT; c++) {
        free(p->col[c]);
        free(p->planes[c]);
        free(p->marks[c]);
    }
    free(p->wide);
    free(p->v4);
    free(p->v6);
    free(p->exporters);
    free(p->filter);
    *p = (struct flow_page){.fd = -1};
}

static void begin(struct flow_page *p)
{
    p->rc = 0;
    p->have = p->have_planes = 0;
    p->sparse = false;
    p->rows = NULL;
    p->head = NULL;
    p->have_v4 = p->have_v6 = p->have_exporters = p->have_filter = false;
}

void flow_page_rows(struct flow_page *p, const struct flow_rows *r)
{
    begin(p);
    p->rows = r;
    p->n = flow_rows_count(r);
    p->first_seq = r->first_seq;
}

void flow_page_block(struct flow_page *p, int fd, uint64_t off, const struct flow_block_head *h)
{
    begin(p);
    p->head = h;
    p->fd = fd;
    p->off = off;
    p->n = h->rows;
    p->first_seq = h->first_seq;
}

static bool fail(struct flow_page *p, int rc)
{
    if (p->rc == 0)
        p->rc = rc;
    return false;
}

/* The bytes of a section, checked. */
static bool section(struct flow_page *p, int i, str *out)
{
    const struct flow_section_head *s = &p->head->sec[i];
    uint64_t at = p->off + FLOW_BLOCK_HEAD;

    for (int k = 0; k < i; k++)
        at += p->head->sec[k].stored;
    buf_clear(&p->raw);
    if (!buf_reserve(&p->raw, s->stored + 1))
        return fail(p, -ENOMEM);
    ssize_t n = pread(p->fd, p->raw.p, s->stored, (off_t)at);
    if (n < 0)
        return fail(p, -EIO);
    if ((size_t)n != s->stored || crc32c(0, p->raw.p, s->stored) != s->crc)
        return fail(p, -EBADMSG);
    p->bytes_read += s->stored;
    *out = (str){p->raw.p, s->stored};
    return true;
}

static bool room(void **p, size_t n)
{
    if (*p == NULL)
        *p = malloc(n);
    return *p != NULL;
}

static bool time_read(struct flow_page *p, int c, str bytes)
{
    const struct flow_section_head *s = &p->head->sec[c];
    const int64_t *base = NULL;

    if (s->coding == CODE_TO_END && (c != FC_start || (base = p->col[FC_end]) == NULL))
        return fail(p, -EBADMSG);
    if (!room((void **)&p->wide, sizeof(uint64_t) * FLOW_BLOCK_ROWS))
        return fail(p, -ENOMEM);
    int rc = flow_column_read(p->codec, bytes, 8, p->n, s->range, p->wide);
    if (rc < 0)
        return fail(p, rc);
    flow_times_sum(p->wide, base, s->first, p->n, s->unit, p->col[c]);
    return true;
}

/* Places must be places. */
static bool places_fit(struct flow_page *p, int c)
{
    const struct flow_range *r = &p->head->sec[c].range;
    uint32_t most = p->head->nv4 > p->head->nv6 ? p->head->nv4 : p->head->nv6;

    return r->max == 0 || r->max < most;
}

/* What a column's values point at must be there. */
static bool refers_well(struct flow_page *p, int c)
{
    if (flow_columns[c].kind == FK_ADDRESS && !places_fit(p, c))
        return fail(p, -EBADMSG);
    if (flow_columns[c].kind == FK_EXPORTER && p->head->sec[c].range.max >= p->head->nexporters)
        return fail(p, -EBADMSG);
    return true;
}

static bool stored_read(struct flow_page *p, int c)
{
    unsigned width = flow_columns[c].width;
    const struct flow_section_head *s = &p->head->sec[c];
    str bytes;

    if (!room(&p->col[c], (size_t)width * FLOW_BLOCK_ROWS))
        return fail(p, -ENOMEM);
    if (s->coding == CODE_TO_END && flow_page_col(p, FC_end) == NULL)
        return false;
    if (!section(p, c, &bytes))
        return false;
    if (flow_columns[c].kind == FK_TIME && s->coding != CODE_PLAIN)
        return time_read(p, c, bytes);
    if (!refers_well(p, c))
        return false;
    int rc = flow_column_read(p->codec, bytes, width, p->n, s->range, p->col[c]);
    return rc == 0 || fail(p, rc);
}

const void *flow_page_col(struct flow_page *p, enum flow_col c)
{
    size_t width = flow_columns[c].width;

    if (p->rows != NULL && p->rows->col[c] != NULL)
        return p->rows->col[c];
    if (p->have >> c & 1)
        return p->col[c];
    if (p->rows != NULL) { /* a column that no row has set */
        if (!room(&p->col[c], width * FLOW_BLOCK_ROWS)) {
            fail(p, -ENOMEM);
            return NULL;
        }
        memset(p->col[c], 0, width * p->n);
    } else if (!stored_read(p, c)) {
        return NULL;
    }
    p->have |= 1ull << c;
    return p->col[c];
}

bool flow_page_constant(const struct flow_page *p, enum flow_col c, uint64_t *v)
{
    if (p->rows != NULL) {
        *v = 0;
        return p->rows->col[c] == NULL;
    }
    const struct flow_section_head *s = &p->head->sec[c];
    *v = s->range.min;
    return s->coding == CODE_PLAIN && s->range.min == s->range.max;
}

static bool planes_read(struct flow_page *p, enum flow_col c)
{
    unsigned width = flow_columns[c].width;
    str bytes;

    if (p->have_planes >> c & 1)
        return true;
    if (!room((void **)&p->planes[c], (size_t)width * FLOW_BLOCK_ROWS))
        return fail(p, -ENOMEM);
    if (!refers_well(p, c) || !section(p, c, &bytes))
        return false;
    int rc = flow_column_read_planes(p->codec, bytes, width, p->n, p->head->sec[c].range, p->planes[c]);
    if (rc < 0)
        return fail(p, rc);
    if (p->head->sec[c].coding == CODE_DELTA) {
        if (!room((void **)&p->marks[c], sizeof(uint64_t) * (FLOW_BLOCK_ROWS / FLOW_MARK)))
            return fail(p, -ENOMEM);
        flow_times_mark(p->planes[c], p->n, p->head->sec[c].range, p->marks[c]);
    }
    p->have_planes |= 1ull << c;
    return true;
}

static bool sparse_value(struct flow_page *p, enum flow_col c, uint32_t row, uint64_t *v)
{
    const struct flow_section_head *s = &p->head->sec[c];
    uint64_t end;

    if (!planes_read(p, c))
        return false;
    if (s->coding == CODE_DELTA) {
        *v = (uint64_t)flow_time_at(p->planes[c], p->n, s->range, p->marks[c], s->first, s->unit, row);
        return true;
    }
    *v = flow_planes_value(p->planes[c], flow_column_planes(s->range), p->n, s->range.min, row);
    if (s->coding == CODE_PLAIN)
        return true;
    if (c != FC_start)
        return fail(p, -EBADMSG);
    end = flow_page_value(p, FC_end, row);
    *v = (uint64_t)flow_time_from(*v, (int64_t)end, flow_time_unit(s->unit));
    return p->rc == 0;
}

uint64_t flow_page_value(struct flow_page *p, enum flow_col c, uint32_t row)
{
    uint64_t v = 0;

    if (flow_page_constant(p, c, &v))
        return v;
    if (p->sparse && !(p->have >> c & 1))
        return sparse_value(p, c, row, &v) ? v : 0;
    const uint8_t *col = flow_page_col(p, c);
    v = 0;
    if (col != NULL)
        memcpy(&v, col + (size_t)row * flow_columns[c].width, flow_columns[c].width);
    return v;
}

const uint32_t *flow_page_v4(struct flow_page *p)
{
    str bytes;

    if (p->rows != NULL || p->have_v4)
        return p->v4;
    free(p->v4);
    p->v4 = malloc(sizeof(uint32_t) * ((size_t)p->head->nv4 + 1));
    if (p->v4 == NULL || !section(p, FS_V4, &bytes)) {
        fail(p, -ENOMEM);
        return NULL;
    }
    struct flow_codec *k = flow_codec_new(p->head->nv4 + 1);
    int rc = k != NULL ? flow_column_read(k, bytes, 4, p->head->nv4, p->head->sec[FS_V4].range, p->v4) : -ENOMEM;
    flow_codec_free(k);
    if (rc < 0) {
        fail(p, rc);
        return NULL;
    }
    p->have_v4 = true;
    return p->v4;
}

static bool frame_read(struct flow_page *p, int i, void *out, size_t n)
{
    str bytes;

    if (!section(p, i, &bytes))
        return false;
    return n == 0 || ZSTD_decompress(out, n, bytes.p, bytes.n) == n || fail(p, -EBADMSG);
}

const uint8_t (*flow_page_v6(struct flow_page *p))[16]
{
    if (p->rows != NULL)
        return (const uint8_t(*)[16])p->rows->v6;
    if (!p->have_v6) {
        size_t n = (size_t)p->head->nv6 * 16;
        free(p->v6);
        p->v6 = malloc(n + 1);
        if (p->v6 == NULL || !frame_read(p, FS_V6, p->v6, n)) {
            fail(p, -ENOMEM);
            return NULL;
        }
        p->have_v6 = true;
    }
    return (const uint8_t(*)[16])p->v6;
}

static bool exporters_read(struct flow_page *p)
{
    size_t n = p->head->nexporters;
    uint8_t *wire = malloc(n * EXPORTER + 1);

    free(p->exporters);
    p->exporters = calloc(n + 1, sizeof(*p->exporters));
    bool ok = wire != NULL && p->exporters != NULL && frame_read(p, FS_EXPORTERS, wire, n * EXPORTER);
    struct flow_view v = {.exporters = wire};
    for (uint32_t i = 0; ok && i < n; i++)
        flow_view_exporter(&v, i, &p->exporters[i]);
    free(wire);
    return ok || fail(p, -ENOMEM);
}

const struct flow_exporter *flow_page_exporters(struct flow_page *p)
{
    if (p->rows != NULL)
        return p->rows->exporters;
    if (!p->have_exporters && !exporters_read(p))
        return NULL;
    p->have_exporters = true;
    return p->exporters;
}

bool flow_page_may_have(struct flow_page *p, struct ip ip)
{
    uint64_t bits, at[4];
    uint32_t v4 = (uint32_t)ip.b[0] << 24 | (uint32_t)ip.b[1] << 16 | (uint32_t)ip.b[2] << 8 | ip.b[3];
    str bytes;

    if (p->rows != NULL)
        return true;
    bits = (uint64_t)p->head->sec[FS_FILTER].stored * 8;
    if (bits == 0)
        return false;
    if (!section(p, FS_FILTER, &bytes))
        return true; /* the rows will say */
    flow_bloom_bits(ip.family == 4 ? flow_address_hash((const uint8_t *)&v4, 4) : flow_address_hash(ip.b, 16), bits,
                    at);
    for (int i = 0; i < 4; i++)
        if (!((uint8_t)bytes.p[at[i] / 8] >> at[i] % 8 & 1))
            return false;
    return true;
}

struct ip flow_page_ip(struct flow_page *p, enum flow_col c, uint32_t row)
{
    unsigned family = flow_page_value(p, FC_families, row) >> flow_family_shift(c) & 3;
    uint64_t v = family != FAM_NONE ? flow_page_value(p, c, row) : 0;
    struct ip ip = {0};

    if (family == FAM_4) {
        const uint32_t *v4 = flow_page_v4(p);
        if (p->rows == NULL && (v4 == NULL || v >= p->head->nv4))
            return ip;
        uint32_t a = p->rows != NULL ? (uint32_t)v : v4[v];
        ip = (struct ip){4, {(uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a}};
    } else if (family == FAM_6) {
        const uint8_t(*v6)[16] = flow_page_v6(p);
        if (v6 == NULL || (p->rows == NULL && v >= p->head->nv6))
            return ip;
        ip.family = 6;
        memcpy(ip.b, v6[v], 16);
    }
    return ip;
}

int flow_page_verify(struct flow_page *p)
{
    str bytes;

    for (int i = 0; p->rows == NULL && i < FS_COUNT; i++)
        if (!section(p, i, &bytes))
            return p->rc;
    return 0;
}
