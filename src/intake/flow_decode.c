/* The data records of a set into columns. A template of fixed length is read
 * column by column: one operation over all records at a stride, which is where
 * the speed comes from. Records with fields of variable length are measured one
 * by one and then read by the same operations.
 *
 * Every read stays within the record: operations were placed when the template
 * was compiled, records were counted against the set's length. */
#include "intake/flow_rx-int.h"

enum { MS = 1000000, US = 1000, NTP_UNIX = 2208988800u };
#define SECOND 1000000000LL

/* n records, at base + i * stride, into rows `row`.. of the batch. */
struct run {
    const uint8_t *base;
    size_t stride;
    uint32_t row, n;
};

/* --- numbers ------------------------------------------------------------- */

#define EACH(T, expr)                                                                                                  \
    do {                                                                                                               \
        T *to = (T *)col + r->row;                                                                                     \
        const uint8_t *p = r->base + off;                                                                              \
        for (uint32_t i = 0; i < r->n; i++, p += r->stride)                                                            \
            to[i] = (T)(expr);                                                                                         \
        return;                                                                                                        \
    } while (0)

static inline uint16_t be16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, 2);
    return __builtin_bswap16(v);
}
static inline uint32_t be32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return __builtin_bswap32(v);
}
static inline uint64_t be64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return __builtin_bswap64(v);
}

/* Lengths that are not the usual ones; a value too large for its column is the largest. */
static void read_uint_odd(const struct run *r, void *col, size_t width, unsigned off, unsigned len)
{
    uint64_t most = width == 8 ? UINT64_MAX : (1ull << 8 * width) - 1;

    for (uint32_t i = 0; i < r->n; i++) {
        uint64_t v = be(r->base + i * r->stride + off, len);
        v = v < most ? v : most;
        memcpy((uint8_t *)col + (size_t)(r->row + i) * width, &v, width);
    }
}

static void read_uint(const struct run *r, void *col, size_t width, unsigned off, unsigned len)
{
    switch (width << 4 | len) {
    case 1 << 4 | 1:
        EACH(uint8_t, p[0]);
    case 2 << 4 | 1:
        EACH(uint16_t, p[0]);
    case 2 << 4 | 2:
        EACH(uint16_t, be16(p));
    case 4 << 4 | 2:
        EACH(uint32_t, be16(p));
    case 4 << 4 | 4:
        EACH(uint32_t, be32(p));
    case 8 << 4 | 4:
        EACH(uint64_t, be32(p));
    case 8 << 4 | 8:
        EACH(uint64_t, be64(p));
    default:
        read_uint_odd(r, col, width, off, len);
    }
}

/* --- times --------------------------------------------------------------- */

/* What no clock of ours can hold is "not said". */
static inline int64_t from_ms(uint64_t ms) { return ms <= (uint64_t)(INT64_MAX / MS) ? (int64_t)ms * MS : 0; }

static inline int64_t from_ntp(uint64_t v)
{
    uint32_t secs = (uint32_t)(v >> 32);

    return secs < NTP_UNIX ? 0 : (int64_t)(secs - NTP_UNIX) * SECOND + (int64_t)((v & UINT32_MAX) * SECOND >> 32);
}

/* The uptime is 32 bits of ms and wraps: the difference to the message's own is what counts. */
static inline int64_t from_uptime(const struct message *m, uint32_t ms)
{
    return m->has_uptime ? m->export_ns - (int64_t)(int32_t)(m->uptime - ms) * MS : 0;
}

static void read_time(const struct message *m, const struct run *r, void *col, const struct flow_op *op)
{
    unsigned off = op->off;

    switch (op->read) {
    case FR_SEC:
        EACH(int64_t, be32(p) * SECOND);
    case FR_MS:
        EACH(int64_t, from_ms(be64(p)));
    case FR_NTP:
        EACH(int64_t, from_ntp(be64(p)));
    case FR_UPTIME:
        EACH(int64_t, from_uptime(m, be32(p)));
    default: /* FR_DELTA_US */
        EACH(int64_t, m->export_ns - (int64_t)be32(p) * US);
    }
}

/* A length gives the end that is missing. */
static void read_length(struct flow_batch *b, const struct run *r, const struct flow_op *op)
{
    int64_t *start = flow_batch_col(b, FC_start), *end = flow_batch_col(b, FC_end);

    for (uint32_t i = 0; start != NULL && end != NULL && i < r->n; i++) {
        int64_t ns = (int64_t)be(r->base + i * r->stride + op->off, op->len) * (op->read == FR_LENGTH_MS ? MS : US);
        int64_t *s = &start[r->row + i], *e = &end[r->row + i];
        if (*s != 0 && *e == 0 && __builtin_add_overflow(*s, ns, e))
            *e = 0;
        else if (*e != 0 && *s == 0)
            *s = *e - ns;
    }
}

/* --- addresses ----------------------------------------------------------- */

static bool is_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return false;
    return true;
}

/* In a template with both kinds the one that is not zero counts. */
static void read_ip6(struct flow_batch *b, const struct run *r, uint32_t *col, uint16_t *families,
                     const struct flow_op *op, bool mixed)
{
    unsigned shift = flow_family_shift(op->col);

    for (uint32_t i = 0; i < r->n; i++) {
        const uint8_t *p = r->base + i * r->stride + op->off;
        uint32_t row = r->row + i;
        if (mixed && (families[row] >> shift & 3) == FAM_4 && is_zero(p, 16))
            continue;
        memcpy(b->v6[b->nv6], p, 16);
        col[row] = b->nv6++;
        families[row] = (uint16_t)((families[row] & ~(3u << shift)) | (unsigned)FAM_6 << shift);
    }
}

static void read_ip4_mixed(const struct run *r, uint32_t *col, uint16_t *families, const struct flow_op *op)
{
    unsigned shift = flow_family_shift(op->col);

    for (uint32_t i = 0; i < r->n; i++) {
        uint32_t row = r->row + i, a = be32(r->base + i * r->stride + op->off);
        if ((families[row] >> shift & 3) == FAM_6 && a == 0)
            continue;
        col[row] = a;
        families[row] = (uint16_t)((families[row] & ~(3u << shift)) | (unsigned)FAM_4 << shift);
    }
}

static void read_address(struct flow_batch *b, const struct template *t, const struct run *r, const struct flow_op *op)
{
    uint32_t *col = flow_batch_col(b, (enum flow_col)op->col);
    uint16_t *families = flow_batch_col(b, FC_families);

    if (col == NULL || families == NULL)
        return;
    if (op->read == FR_IP6)
        read_ip6(b, r, col, families, op, t->mixed);
    else if (t->mixed)
        read_ip4_mixed(r, col, families, op);
    else
        read_uint(r, col, 4, op->off, 4);
}

/* --- the rest ------------------------------------------------------------ */

static void read_icmp(const struct run *r, uint16_t *col, const struct flow_op *op)
{
    for (uint32_t i = 0; i < r->n; i++) {
        uint8_t v = r->base[i * r->stride + op->off];
        col[r->row + i] |= (uint16_t)(op->read == FR_TYPE8 ? v << 8 : v);
    }
}

static void read_label(const struct run *r, uint32_t *col, const struct flow_op *op)
{
    for (uint32_t i = 0; i < r->n; i++)
        col[r->row + i] = (uint32_t)be(r->base + i * r->stride + op->off, 3) >> 4;
}

static void read_op(struct flow_rx *rx, const struct message *m, const struct template *t, const struct run *r,
                    const struct flow_op *op)
{
    struct flow_batch *b = rx->sink.batch;
    void *col = op->col != FC_NONE ? flow_batch_col(b, (enum flow_col)op->col) : NULL;

    if (op->col != FC_NONE && col == NULL)
        return; /* no memory: the column stays zero */
    switch ((enum flow_read)op->read) {
    case FR_UINT:
    case FR_RATE:
        read_uint(r, col, flow_columns[op->col].width, op->off, op->len);
        break;
    case FR_MAC:
        read_uint_odd(r, col, 8, op->off, 6);
        break;
    case FR_IP4:
    case FR_IP6:
        read_address(b, t, r, op);
        break;
    case FR_LABEL:
        read_label(r, col, op);
        break;
    case FR_TYPE8:
    case FR_CODE8:
        read_icmp(r, col, op);
        break;
    case FR_LENGTH_MS:
    case FR_LENGTH_US:
        read_length(b, r, op);
        break;
    case FR_SAMPLER:
        for (uint32_t i = 0; i < r->n; i++)
            rx->sampler_of[r->row + i] = be(r->base + i * r->stride + op->off, op->len);
        break;
    case FR_SEC:
    case FR_MS:
    case FR_NTP:
    case FR_UPTIME:
    case FR_DELTA_US:
        read_time(m, r, col, op);
        break;
    case FR_SPACE:
    case FR_TAKEN:
    case FR_POPULATION:
    case FR_BOOT_MS:
        break; /* of options */
    }
}

static bool has(const struct template *t, uint8_t read)
{
    for (uint32_t i = 0; i < t->nops; i++)
        if (t->ops[i].read == read)
            return true;
    return false;
}

/* The factor of each row: of its sampler, of its own, of its interface, of the exporter. */
static void sampling_fill(struct flow_rx *rx, const struct message *m, const struct template *t, const struct run *r)
{
    const struct session *s = m->s;
    bool by_number = has(t, FR_SAMPLER);
    uint32_t *to, all;
    const uint32_t *in_if;

    if (s->nsamplers == 0 && m->rate == 0)
        return;
    to = flow_batch_col(rx->sink.batch, FC_sampling);
    in_if = flow_batch_col(rx->sink.batch, FC_in_if);
    all = sampler_rate(s, SAMPLER_ALL, 0);
    if (to == NULL || in_if == NULL)
        return;
    for (uint32_t i = r->row; i < r->row + r->n; i++) {
        uint32_t rate = by_number ? sampler_rate(s, SAMPLER_NUMBER, rx->sampler_of[i]) : 0;
        rate = rate != 0 ? rate : to[i];
        rate = rate != 0 || s->nsamplers == 0 ? rate : sampler_rate(s, SAMPLER_INTERFACE, in_if[i]);
        rate = rate != 0 ? rate : all;
        to[i] = rate != 0 ? rate : m->rate;
    }
}

static void rows_head(struct flow_rx *rx, const struct message *m, const struct template *t, const struct run *r)
{
    struct flow_batch *b = rx->sink.batch;
    int64_t *received = flow_batch_col(b, FC_received);
    uint16_t *exporter = flow_batch_col(b, FC_exporter), *families = flow_batch_col(b, FC_families);
    uint16_t f = t->mixed ? 0 : t->families, slot = (uint16_t)m->s->slot;

    for (uint32_t i = r->row; i < r->row + r->n; i++) {
        if (received != NULL)
            received[i] = m->received;
        if (exporter != NULL)
            exporter[i] = slot;
        if (families != NULL)
            families[i] = f;
    }
}

/* Lengths need start and end first; all else reads in the template's order. */
static void rows_add(struct flow_rx *rx, const struct message *m, const struct template *t, const struct run *r)
{
    rows_head(rx, m, t, r);
    for (uint32_t i = 0; i < t->nops; i++)
        if (t->ops[i].read != FR_LENGTH_MS && t->ops[i].read != FR_LENGTH_US)
            read_op(rx, m, t, r, &t->ops[i]);
    for (uint32_t i = 0; i < t->nops; i++)
        if (t->ops[i].read == FR_LENGTH_MS || t->ops[i].read == FR_LENGTH_US)
            read_op(rx, m, t, r, &t->ops[i]);
    sampling_fill(rx, m, t, r);
    rx->sink.batch->rows += r->n;
    rx->st.flow_records += r->n;
}

/* Rows that the batch takes now, at least one. */
static uint32_t batch_room(struct flow_rx *rx, struct session *s, const struct template *t)
{
    struct flow_batch *b = rx->sink.batch;

    if (b->rows == FLOW_ROWS_MAX || FLOW_V6_MAX - b->nv6 < t->v6_a_row)
        batch_flush(rx);
    batch_slot(rx, s);
    uint32_t rows = FLOW_ROWS_MAX - b->rows;
    uint32_t v6 = t->v6_a_row > 0 ? (FLOW_V6_MAX - b->nv6) / t->v6_a_row : rows;
    return rows < v6 ? rows : v6;
}

static void decode_fixed(struct flow_rx *rx, struct message *m, struct template *t, str set)
{
    uint32_t left = (uint32_t)(set.n / t->size); /* what is left over is padding */
    const uint8_t *p = (const uint8_t *)set.p;

    m->records += left;
    while (left > 0) {
        uint32_t room = batch_room(rx, m->s, t), n = left < room ? left : room;
        struct run r = {p, t->size, rx->sink.batch->rows, n};
        rows_add(rx, m, t, &r);
        p += (size_t)n * t->size;
        left -= n;
    }
}

/* --- fields of variable length (RFC 7011, 7) ------------------------------ */

static uint32_t length_read(rd *r, uint16_t said)
{
    if (said != VARIABLE)
        return said;
    uint8_t n = rd_u8(r);
    return n < 255 ? n : rd_u16(r);
}

/* Where the operations' fields lie in this record; false: it is not whole. */
bool record_measure(const struct template *t, rd *r, struct flow_op *ops)
{
    const uint8_t *base = r->p;
    uint32_t next = 0;

    for (uint32_t i = 0; i < t->nfields; i++) {
        uint32_t len = length_read(r, t->lengths[i]);
        size_t off = (size_t)(r->p - base);
        rd_bytes(r, len);
        if (next < t->nops && t->ops[next].field == i) {
            ops[next] = t->ops[next];
            ops[next].off = (uint16_t)off;
            ops[next++].len = (uint16_t)len;
        }
    }
    return !r->bad;
}

static void decode_variable(struct flow_rx *rx, struct message *m, struct template *t, str set)
{
    rd r = rd_init(set.p, set.n);
    struct template one = *t; /* with the places of one record */

    while (rd_left(&r) >= t->size) {
        const uint8_t *base = r.p;
        if (!record_measure(t, &r, one.ops)) {
            rx->st.drop_flow_malformed++;
            return;
        }
        batch_room(rx, m->s, t);
        struct run run = {base, (size_t)(r.p - base), rx->sink.batch->rows, 1};
        rows_add(rx, m, &one, &run);
        m->records++;
    }
}

void decode_set(struct flow_rx *rx, struct message *m, struct template *t, str set)
{
    template_used(rx, t);
    if (!t->is_flow) { /* counted by what it would hold; the fields say nothing of a flow */
        uint32_t n = (uint32_t)(set.n / t->size);
        m->records += n;
        m->counted &= t->fixed;
        rx->st.flow_skipped += n;
    } else if (t->fixed) {
        decode_fixed(rx, m, t, set);
    } else {
        decode_variable(rx, m, t, set);
    }
}
