/* Flow batches (flow.h draws the form): filling, sealing, and the reader that
 * trusts nothing. A batch belongs to one thread; a view owns nothing. */
#include "intake/flow.h"
#include "intake/event.h"
#include <errno.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "columns go onto the wire as they lie in memory");
_Static_assert(FC_COUNT <= 64, "the mask holds every column");

enum { HEAD = 32, CRC_FROM = 16, EXPORTER = 40 };

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

static size_t wire_size(uint64_t mask, uint32_t rows, uint32_t nexporters, uint32_t nv6)
{
    size_t n = HEAD + (size_t)nexporters * EXPORTER + (size_t)nv6 * 16;

    for (int c = 0; c < FC_COUNT; c++)
        if (mask >> c & 1)
            n += align8((size_t)rows * flow_columns[c].width);
    return n;
}

bool flow_batch_seal(struct flow_batch *b, struct buf *out)
{
    size_t n = wire_size(b->mask, b->rows, b->nexporters, b->nv6);
    uint32_t head[4] = {FLOW_MAGIC, b->rows, (uint32_t)(n - CRC_FROM), 0};

    if (!buf_reserve(out, n))
        return false;
    uint8_t *p = (uint8_t *)out->p + out->n, *at = p + HEAD;
    memcpy(p + 16, &b->mask, 8);
    memcpy(p + 24, &b->nexporters, 4);
    memcpy(p + 28, &b->nv6, 4);
    for (uint32_t i = 0; i < b->nexporters; i++, at += EXPORTER)
        exporter_write(at, &b->exporters[i]);
    memcpy(at, b->v6, (size_t)b->nv6 * 16);
    at += (size_t)b->nv6 * 16;
    for (int c = 0; c < FC_COUNT; c++) {
        if (!(b->mask >> c & 1))
            continue;
        size_t size = (size_t)b->rows * flow_columns[c].width;
        memcpy(at, b->col[c], size);
        memset(at + size, 0, align8(size) - size);
        at += align8(size);
    }
    head[3] = crc32c(0, p + CRC_FROM, n - CRC_FROM);
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
    const uint8_t *c = v->col[FC_exporter];

    if (v->rows > 0 && v->nexporters == 0)
        return false;
    for (uint32_t i = 0; c != NULL && i < v->rows; i++)
        if (flow_value(c, 2, i) >= v->nexporters)
            return false;
    for (uint32_t i = 0; i < v->nexporters; i++)
        if (v->exporters[i * EXPORTER + 16] != 4 && v->exporters[i * EXPORTER + 16] != 6)
            return false;
    return true;
}

static bool addresses_fit(const struct flow_view *v, enum flow_col c)
{
    const uint8_t *families = v->col[FC_families], *col = v->col[c];
    uint32_t shift = flow_family_shift(c);

    for (uint32_t i = 0; families != NULL && i < v->rows; i++) {
        unsigned family = (unsigned)flow_value(families, 2, i) >> shift & 3;
        if (family == 3 || (family == FAM_6 && flow_value(col, 4, i) >= v->nv6))
            return false;
    }
    return true;
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
        v.nexporters > FLOW_EXPORTERS_MAX || v.mask >> FC_COUNT != 0 ||
        wire_size(v.mask, v.rows, v.nexporters, v.nv6) != wire.n)
        return ERR(e, -EBADMSG, "intake.batch_length", N(bytes), N((int64_t)wire.n), N(v.rows));
    if (crc32c(0, p + CRC_FROM, bytes) != crc)
        return ERR(e, -EBADMSG, "intake.batch_crc");
    v.exporters = p + HEAD;
    v.v6 = v.exporters + (size_t)v.nexporters * EXPORTER;
    const uint8_t *at = v.v6 + (size_t)v.nv6 * 16;
    for (int c = 0; c < FC_COUNT; c++)
        if (v.mask >> c & 1) {
            v.col[c] = at;
            at += align8((size_t)v.rows * flow_columns[c].width);
        }
    bool fits = exporters_fit(&v);
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
    unsigned family = (unsigned)flow_value(v->col[FC_families], 2, row) >> flow_family_shift(c) & 3;
    uint32_t a = (uint32_t)flow_value(v->col[c], 4, row);
    struct ip ip = {0};

    if (family == FAM_4)
        ip = (struct ip){4, {(uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a}};
    else if (family == FAM_6) {
        ip.family = 6;
        memcpy(ip.b, v->v6 + (size_t)a * 16, 16);
    }
    return ip;
}
