/* A flow as a row of the set's table, and back. See ch_flow.h. */
#include "journal/ch_flow-int.h"

/* ---- columns ---- */

/* From here on the columns are those of intake/flow.h, without these three. */
static bool listed(unsigned c) { return c != FC_received && c != FC_exporter && c != FC_families; }

static void rest_put(struct buf *sql, bool types)
{
    static const struct {
        const char *name, *type;
    } exporter[] = {{"exporter_family", "UInt8"}, {"exporter", "FixedString(16)"},
                    {"exporter_port", "UInt16"},  {"exporter_version", "UInt8"},
                    {"domain", "UInt32"},         {"families", "UInt16"}};

    for (size_t i = 0; i < sizeof(exporter) / sizeof(exporter[0]); i++)
        buf_fmt(sql, ", %s %s", exporter[i].name, types ? exporter[i].type : "");
    for (unsigned c = 0; c < FC_COUNT; c++) {
        const struct flow_column *f = &flow_columns[c];
        if (!listed(c))
            continue;
        buf_fmt(sql, ", `%s`", f->name);
        if (types && f->kind == FK_ADDRESS)
            buf_z(sql, " FixedString(16)");
        else if (types)
            buf_fmt(sql, " %s%u", f->kind == FK_TIME ? "Int" : "UInt", 8u * f->width);
    }
}

void ch_flow_columns(struct buf *sql)
{
    buf_z(sql, "day Date, seq UInt64, relay String, received Int64, at Int64");
    rest_put(sql, true);
}

void ch_flow_names(struct buf *sql)
{
    buf_z(sql, "relay, received");
    rest_put(sql, false);
}

void ch_flow_number(struct buf *sql, const struct flow_query_field *f)
{
    if (f->kind == FF_DOMAIN)
        buf_z(sql, "toUInt64(domain)");
    else if (f->kind == FF_TCP_FLAGS) /* those that have letters */
        buf_z(sql, "toUInt64(bitAnd(tcp_flags, 255))");
    else if (flow_columns[f->col].kind == FK_NUMBER && flow_columns[f->col].width == 8)
        buf_fmt(sql, "least(`%s`, toUInt64(%lld))", flow_columns[f->col].name, (long long)INT64_MAX);
    else
        buf_fmt(sql, "toUInt64(`%s`)", flow_columns[f->col].name);
}

/* ---- rows ---- */

static void ip_put(struct buf *b, struct ip ip)
{
    static const uint8_t none[16];

    buf_add(b, ip.family != 0 ? ip.b : none, 16);
}

static void exporter_put(struct buf *b, const struct flow_exporter *x)
{
    buf_byte(b, x->ip.family);
    ip_put(b, x->ip);
    buf_u16(b, x->port);
    buf_byte(b, x->version);
    buf_u32(b, x->domain);
}

static void number_put(struct buf *b, uint64_t v, unsigned width)
{
    uint8_t le[8];

    for (unsigned i = 0; i < sizeof(le); i++)
        le[i] = (uint8_t)(v >> 8 * i);
    buf_add(b, le, width);
}

bool ch_batch_add_flow(struct ch_batch *b, uint64_t seq, struct flow_page *p, uint32_t row)
{
    int64_t received = (int64_t)flow_page_value(p, FC_received, row);
    int64_t end = (int64_t)flow_page_value(p, FC_end, row);
    const struct flow_exporter *list = flow_page_exporters(p);
    uint64_t who = flow_page_value(p, FC_exporter, row);

    if (list == NULL || p->rc < 0 || !ch_batch_row(b, seq, received))
        return false;
    buf_u64(&b->buf, (uint64_t)flow_time(end, received));
    exporter_put(&b->buf, &list[who]);
    buf_u16(&b->buf, (uint16_t)flow_page_value(p, FC_families, row));
    for (unsigned c = 0; c < FC_COUNT; c++) {
        if (!listed(c))
            continue;
        if (flow_columns[c].kind == FK_ADDRESS)
            ip_put(&b->buf, flow_page_ip(p, (enum flow_col)c, row));
        else
            number_put(&b->buf, flow_page_value(p, (enum flow_col)c, row), flow_columns[c].width);
    }
    return p->rc == 0;
}

static uint64_t number_read(rd *r, unsigned width)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < width; i++)
        v |= (uint64_t)rd_u8(r) << 8 * i;
    return v;
}

void ch_flow_begin(struct ch_flow *f)
{
    *f = (struct ch_flow){.rows = {.n = 1, .cap = 1, .nv6 = FLOW_ADDRESSES, .nexporters = 1}};
    for (unsigned c = 0; c < FC_COUNT; c++)
        f->rows.col[c] = (uint8_t *)&f->v[c];
    f->rows.v6 = f->v6;
    f->rows.exporters = &f->exporter;
    flow_page_rows(&f->page, &f->rows);
}

static void address_take(struct ch_flow *f, unsigned c, const char *b)
{
    unsigned family = f->v[FC_families] >> flow_family_shift(c) & 3;

    f->v[c] = 0;
    if (family == FAM_4) {
        for (int i = 0; i < 4; i++)
            f->v[c] = f->v[c] << 8 | (uint8_t)b[i];
    } else if (family == FAM_6) {
        f->v[c] = c - FC_src;
        memcpy(f->v6[c - FC_src], b, 16);
    }
}

bool ch_flow_read(struct ch_flow *f, rd *r)
{
    str relay = ch_rd_string(r), ip;

    f->v[FC_received] = rd_u64le(r);
    f->exporter.ip.family = rd_u8(r);
    ip = rd_bytes(r, 16);
    f->exporter.port = rd_u16le(r);
    f->exporter.version = rd_u8(r);
    f->exporter.domain = rd_u32le(r);
    f->v[FC_families] = rd_u16le(r);
    if (r->bad || relay.n > CH_RELAY_MAX)
        return false;
    snprintf(f->relay, sizeof(f->relay), "%.*s", STR_ARGS(relay));
    memcpy(f->exporter.ip.b, ip.p, 16);
    for (unsigned c = 0; c < FC_COUNT; c++) {
        if (!listed(c))
            continue;
        if (flow_columns[c].kind != FK_ADDRESS) {
            f->v[c] = number_read(r, flow_columns[c].width);
            continue;
        }
        ip = rd_bytes(r, 16);
        if (r->bad)
            return false;
        address_take(f, c, ip.p);
    }
    return !r->bad;
}
