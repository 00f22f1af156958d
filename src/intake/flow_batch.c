/* Flow batches (flow.h draws the form): filling, sealing, and the reader that
 * trusts nothing. A batch belongs to one thread; a view owns nothing. */
#include "intake/flow.h"
#include "intake/event.h"
#include <errno.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "columns go onto the wire as they lie in memory");
_Static_assert(FC_COUNT <= 64, "the mask holds every column");

enum { HEAD = 32, CRC_FROM = 16, EXPORTER = 40, COLUMN_HEAD = 16 };

const struct flow_column flow_columns[FC_COUNT] = {
#define X(n, t, k) {#n, sizeof(t), FK_##k},
    FLOW_COLUMNS(X)
#undef X
};

static size_t align8(size_t n) { return (n + 7) & ~(size_t)7; }

bool flow_batch_init(struct flow_batch *b)
{
    *b = (struct flow_batch){0};
    b->v6 = malloc(sizeof(b->v6[0]) * FLOW_V6_MAX);
    b->exporters = malloc(sizeof(*b->exporters) * FLOW_EXPORTERS_MAX);
    if (b->v6 != NULL && b->exporters != NULL)
        return true;
    flow_batch_done(b);
    return false;
}

void flow_batch_done(struct flow_batch *b)
{
    for (int c = 0; c < FC_COUNT; c++)
        free(b->col[c]);
    free(b->v6);
    free(b->exporters);
    *b = (struct flow_batch){0};
}

void flow_batch_clear(struct flow_batch *b)
{
    for (int c = 0; c < FC_COUNT; c++)
        if (b->mask >> c & 1)
            memset(b->col[c], 0, (size_t)b->rows * flow_columns[c].width);
    b->mask = 0;
    b->rows = b->nexporters = b->nv6 = 0;
}

void *flow_batch_col(struct flow_batch *b, enum flow_col c)
{
    if (b->col[c] == NULL)
        b->col[c] = calloc(FLOW_ROWS_MAX, flow_columns[c].width);
    if (b->col[c] != NULL)
        b->mask |= 1ull << c;
    return b->col[c];
}

static void exporter_write(uint8_t *p, const struct flow_exporter *x)
{
    memset(p, 0, EXPORTER);
    memcpy(p, x->ip.b, x->ip.family == 4 ? 4 : 16);
    p[16] = x->ip.family;
    p[17] = x->version;
    memcpy(p + 18, &x->port, 2);
    memcpy(p + 20, &x->domain, 4);
    memcpy(p + 24, &x->datagrams, 4);
    memcpy(p + 28, &x->lost, 4);
}

static size_t head_size(uint32_t nexporters, uint32_t nv6)
{
    return HEAD + (size_t)nexporters * EXPORTER + (size_t)nv6 * 16;
}

static uint8_t *column_write(uint8_t *at, const void *v, int c, uint32_t rows)
{
    struct flow_pack k = flow_pack_choose(v, flow_columns[c].width, flow_columns[c].kind == FK_TIME, rows);
    size_t size = (size_t)rows * k.width;

    memset(at, 0, COLUMN_HEAD);
    at[0] = k.width;
    at[1] = k.unit;
    memcpy(at + 8, &k.base, 8);
    flow_pack_write(&k, v, flow_columns[c].width, rows, at + COLUMN_HEAD);
    memset(at + COLUMN_HEAD + size, 0, align8(size) - size);
    return at + COLUMN_HEAD + align8(size);
}

bool flow_batch_seal(struct flow_batch *b, struct buf *out)
{
    size_t most = head_size(b->nexporters, b->nv6);

    for (int c = 0; c < FC_COUNT; c++)
        if (b->mask >> c & 1)
            most += COLUMN_HEAD + align8((size_t)b->rows * flow_columns[c].width);
    if (!buf_reserve(out, most))
        return false;
    uint8_t *p = (uint8_t *)out->p + out->n, *at = p + HEAD;
    memcpy(p + 16, &b->mask, 8);
    memcpy(p + 24, &b->nexporters, 4);
    memcpy(p + 28, &b->nv6, 4);
    for (uint32_t i = 0; i < b->nexporters; i++, at += EXPORTER)
        exporter_write(at, &b->exporters[i]);
    memcpy(at, b->v6, (size_t)b->nv6 * 16);
    at += (size_t)b->nv6 * 16;
    for (int c = 0; c < FC_COUNT; c++)
        if (b->mask >> c & 1)
            at = column_write(at, b->col[c], c, b->rows);
    size_t n = (size_t)(at - p);
    uint32_t head[4] = {FLOW_MAGIC, b->rows, (uint32_t)(n - CRC_FROM), crc32c(0, p + CRC_FROM, n - CRC_FROM)};
    memcpy(p, head, sizeof(head));
    out->n += n;
    return true;
}

/* --- reading ------------------------------------------------------------- */

bool flow_batch_is(str wire)
{
    uint32_t magic;

    if (wire.n < HEAD)
        return false;
    memcpy(&magic, wire.p, 4);
    return magic == FLOW_MAGIC;
}

/* Each number that points into a list points into it. */
static bool exporters_fit(const struct flow_view *v)
{
    if (v->rows > 0 && v->nexporters == 0)
        return false;
    for (uint32_t i = 0; i < v->rows; i++) {
        if (flow_view_value(v, FC_exporter, i) >= v->nexporters)
            return false;
        if (v->col[FC_exporter] == NULL || v->pack[FC_exporter].width == 0)
            break; /* all the same */
    }
    for (uint32_t i = 0; i < v->nexporters; i++)
        if (v->exporters[i * EXPORTER + 16] != 4 && v->exporters[i * EXPORTER + 16] != 6)
            return false;
    return true;
}

static bool addresses_fit(const struct flow_view *v, enum flow_col c)
{
    uint32_t shift = flow_family_shift(c);
    bool same = v->col[FC_families] == NULL || v->pack[FC_families].width == 0;

    for (uint32_t i = 0; i < v->rows; i++) {
        unsigned family = (unsigned)flow_view_value(v, FC_families, i) >> shift & 3;
        if (family == 3 || (family == FAM_6 && flow_view_value(v, c, i) >= v->nv6))
            return false;
        if (same && family != FAM_6)
            break;
    }
    return true;
}

/* The base and the widest difference stay within the column's type. */
static bool pack_fits(const struct flow_pack *k, int c)
{
    unsigned width = flow_columns[c].width;
    uint64_t most = width == 8 ? UINT64_MAX : (1ull << 8 * width) - 1;

    return k->width <= width && (k->width & (k->width - 1)) == 0 && k->unit <= 3 && k->base <= most &&
           (k->unit == 0 || flow_columns[c].kind == FK_TIME);
}

/* Where the columns lie; false: they do not fill the bytes exactly. */
static bool columns_place(struct flow_view *v, const uint8_t *at, const uint8_t *end)
{
    for (int c = 0; c < FC_COUNT; c++) {
        if (!(v->mask >> c & 1))
            continue;
        if (end - at < COLUMN_HEAD)
            return false;
        struct flow_pack *k = &v->pack[c];
        k->width = at[0];
        k->unit = at[1];
        memcpy(&k->base, at + 8, 8);
        if (!pack_fits(k, c) || (size_t)(end - at) - COLUMN_HEAD < align8((size_t)v->rows * k->width))
            return false;
        v->col[c] = at + COLUMN_HEAD;
        at += COLUMN_HEAD + align8((size_t)v->rows * k->width);
    }
    return at == end;
}

int flow_batch_open(str wire, struct flow_view *out, struct err *e)
{
    const uint8_t *p = (const uint8_t *)wire.p;
    struct flow_view v = {0};
    uint32_t bytes, crc;

    if (!flow_batch_is(wire))
        return ERR(e, -EBADMSG, "intake.batch_magic", N((int64_t)wire.n));
    memcpy(&v.rows, p + 4, 4);
    memcpy(&bytes, p + 8, 4);
    memcpy(&crc, p + 12, 4);
    memcpy(&v.mask, p + 16, 8);
    memcpy(&v.nexporters, p + 24, 4);
    memcpy(&v.nv6, p + 28, 4);
    if (wire.n > FLOW_WIRE_MAX || bytes != wire.n - CRC_FROM || v.rows > FLOW_ROWS_MAX || v.nv6 > FLOW_V6_MAX ||
        v.nexporters > FLOW_EXPORTERS_MAX || v.mask >> FC_COUNT != 0 || head_size(v.nexporters, v.nv6) > wire.n)
        return ERR(e, -EBADMSG, "intake.batch_length", N(bytes), N((int64_t)wire.n), N(v.rows));
    if (crc32c(0, p + CRC_FROM, bytes) != crc)
        return ERR(e, -EBADMSG, "intake.batch_crc");
    v.exporters = p + HEAD;
    v.v6 = v.exporters + (size_t)v.nexporters * EXPORTER;
    bool fits = columns_place(&v, v.v6 + (size_t)v.nv6 * 16, p + wire.n) && exporters_fit(&v);
    for (int c = FC_src; fits && c <= FC_nat_dst; c++)
        fits = addresses_fit(&v, (enum flow_col)c);
    if (!fits)
        return ERR(e, -EBADMSG, "intake.batch_length", N(bytes), N((int64_t)wire.n), N(v.rows));
    *out = v;
    return 0;
}

void flow_view_exporter(const struct flow_view *v, uint32_t i, struct flow_exporter *out)
{
    const uint8_t *p = v->exporters + (size_t)i * EXPORTER;

    *out = (struct flow_exporter){.ip.family = p[16], .version = p[17]};
    memcpy(out->ip.b, p, p[16] == 4 ? 4 : 16);
    memcpy(&out->port, p + 18, 2);
    memcpy(&out->domain, p + 20, 4);
    memcpy(&out->datagrams, p + 24, 4);
    memcpy(&out->lost, p + 28, 4);
}

struct ip flow_view_ip(const struct flow_view *v, enum flow_col c, uint32_t row)
{
    unsigned family = (unsigned)flow_view_value(v, FC_families, row) >> flow_family_shift(c) & 3;
    uint32_t a = (uint32_t)flow_view_value(v, c, row);
    struct ip ip = {0};

    if (family == FAM_4)
        ip = (struct ip){4, {(uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a}};
    else if (family == FAM_6) {
        ip.family = 6;
        memcpy(ip.b, v->v6 + (size_t)a * 16, 16);
    }
    return ip;
}
