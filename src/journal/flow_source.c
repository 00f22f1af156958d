/* See flow_source.h. A row is a place in a page; what a field says is read from
 * its column when it is asked for. */
#include "journal/flow_source-int.h"
#include <errno.h>

#define F(nm, ty)                                                                                                      \
    {                                                                                                                  \
        nm, VT_##ty, "journal.flow." nm, NULL                                                                          \
    }
static const struct source_field fields[] = {
    F("at", TIME),        F("duration", DURATION), F("exporter", IP),      F("domain", INT),       F("proto", TEXT),
    F("tcp_flags", TEXT), F("received", TIME),     F("start", TIME),       F("end", TIME),         F("src", IP),
    F("dst", IP),         F("src_port", INT),      F("dst_port", INT),     F("proto_number", INT), F("packets", INT),
    F("bytes", INT),      F("packets_back", INT),  F("bytes_back", INT),   F("in_if", INT),        F("out_if", INT),
    F("sampling", INT),   F("tos", INT),           F("icmp", INT),         F("next_hop", IP),      F("nat_src", IP),
    F("nat_dst", IP),     F("nat_src_port", INT),  F("nat_dst_port", INT), F("src_as", INT),       F("dst_as", INT),
    F("src_mask", INT),   F("dst_mask", INT),      F("src_vlan", INT),     F("dst_vlan", INT),     F("src_mac", TEXT),
    F("dst_mac", TEXT),   F("direction", INT),     F("end_reason", INT),   F("forwarding", INT),   F("event", INT),
    F("mpls_label", INT), F("app", INT),           F("in_vrf", INT),       F("out_vrf", INT),
};
enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

const struct flow_query_field flow_query_fields[FIELDS] = {
    {FF_AT, 0},
    {FF_DURATION, 0},
    {FF_EXPORTER, 0},
    {FF_DOMAIN, 0},
    {FF_PROTO, FC_proto},
    {FF_TCP_FLAGS, FC_tcp_flags},
#define C(c)                                                                                                           \
    {                                                                                                                  \
        FF_COLUMNS, FC_##c                                                                                             \
    }
    C(received),
    C(start),
    C(end),
    C(src),
    C(dst),
    C(src_port),
    C(dst_port),
    C(proto),
    C(packets),
    C(bytes),
    C(packets_back),
    C(bytes_back),
    C(in_if),
    C(out_if),
    C(sampling),
    C(tos),
    C(icmp),
    C(next_hop),
    C(nat_src),
    C(nat_dst),
    C(nat_src_port),
    C(nat_dst_port),
    C(src_as),
    C(dst_as),
    C(src_mask),
    C(dst_mask),
    C(src_vlan),
    C(dst_vlan),
    C(src_mac),
    C(dst_mac),
    C(direction),
    C(end_reason),
    C(forwarding),
    C(event),
    C(mpls_label),
    C(app),
    C(in_vrf),
    C(out_vrf),
};

static const struct {
    uint8_t number;
    const char *name;
} protos[] = {{1, "icmp"},   {2, "igmp"},  {4, "ipip"},  {6, "tcp"},    {17, "udp"},
              {41, "ipv6"},  {47, "gre"},  {50, "esp"},  {51, "ah"},    {58, "icmp6"},
              {88, "eigrp"}, {89, "ospf"}, {103, "pim"}, {112, "vrrp"}, {132, "sctp"}};
enum { PROTOS = sizeof(protos) / sizeof(protos[0]) };

const char *flow_proto_name(uint8_t proto)
{
    for (size_t i = 0; i < PROTOS; i++)
        if (protos[i].number == proto)
            return protos[i].name;
    return NULL;
}

int flow_proto_number(const struct pattern *p)
{
    uint64_t n;

    if (!p->plain)
        return -1;
    for (size_t i = 0; i < PROTOS; i++)
        if (pattern_whole(p, str_c(protos[i].name)))
            return protos[i].number;
    return str_u64((str){(const char *)p->text, p->n}, &n) && n < 256 && flow_proto_name((uint8_t)n) == NULL ? (int)n
                                                                                                             : -1;
}

struct place {
    struct flow_page *page;
    uint32_t row;
};

static uint64_t number_at(const struct place *at, enum flow_col c)
{
    const uint8_t *col = flow_page_col(at->page, c);
    uint64_t v = 0;

    if (col != NULL)
        memcpy(&v, col + (size_t)at->row * flow_columns[c].width, flow_columns[c].width);
    return v;
}

static const struct flow_exporter *exporter_at(const struct place *at)
{
    static const struct flow_exporter none;
    const struct flow_exporter *list = flow_page_exporters(at->page);

    return list != NULL ? &list[number_at(at, FC_exporter)] : &none;
}

static void address_out(struct ip ip, struct source_value *out)
{
    out->type = ip.family != 0 ? VT_IP : VT_NONE;
    out->ip = ip;
}

static void time_out(int64_t ns, struct source_value *out)
{
    out->type = ns != 0 ? VT_TIME : VT_NONE;
    out->num = ns;
}

/* As nfdump and tcpdump write them, the highest bit first: APSF. */
static void tcp_flags_out(const struct place *at, char *scratch, struct source_value *out)
{
    static const char letters[] = "FSRPAUEC";
    uint64_t v = number_at(at, FC_tcp_flags);
    size_t n = 0;

    for (int bit = 7; bit >= 0; bit--)
        if (v >> bit & 1)
            scratch[n++] = letters[bit];
    out->type = n > 0 ? VT_TEXT : VT_NONE;
    out->text = (str){scratch, n};
}

static void proto_out(const struct place *at, char *scratch, struct source_value *out)
{
    uint8_t v = (uint8_t)number_at(at, FC_proto);
    const char *name = flow_proto_name(v);

    out->type = VT_TEXT;
    out->text = name != NULL ? str_c(name) : (str){scratch, (size_t)snprintf(scratch, VALUE_SCRATCH, "%u", v)};
}

static void column_out(const struct place *at, enum flow_col c, char *scratch, struct source_value *out)
{
    uint64_t v = flow_columns[c].kind == FK_ADDRESS ? 0 : number_at(at, c);
    struct mac mac;

    switch ((enum flow_kind)flow_columns[c].kind) {
    case FK_ADDRESS:
        address_out(flow_page_ip(at->page, c, at->row), out);
        return;
    case FK_TIME:
        time_out((int64_t)v, out);
        return;
    case FK_MAC:
        for (int i = 0; i < 6; i++)
            mac.b[i] = (uint8_t)(v >> (40 - 8 * i));
        out->type = v != 0 ? VT_TEXT : VT_NONE;
        out->text = (str){scratch, mac_fmt(mac, scratch, VALUE_SCRATCH)};
        return;
    default:
        out->type = VT_INT;
        out->num = v <= INT64_MAX ? (int64_t)v : INT64_MAX;
    }
}

static int64_t at_of(const struct place *at)
{
    return flow_time((int64_t)number_at(at, FC_end), (int64_t)number_at(at, FC_received));
}

static void get(const struct source_row *r, unsigned field, char scratch[VALUE_SCRATCH], struct source_value *out)
{
    const struct place *at = r->data;
    int64_t start, end;

    *out = (struct source_value){0};
    switch ((enum flow_field_of)flow_query_fields[field].kind) {
    case FF_AT:
        time_out(at_of(at), out);
        return;
    case FF_DURATION:
        start = (int64_t)number_at(at, FC_start);
        end = (int64_t)number_at(at, FC_end);
        if (start != 0 && end != 0 && !__builtin_sub_overflow(end, start, &out->num))
            out->type = VT_DURATION;
        return;
    case FF_EXPORTER:
        address_out(exporter_at(at)->ip, out);
        return;
    case FF_DOMAIN:
        out->type = VT_INT;
        out->num = exporter_at(at)->domain;
        return;
    case FF_PROTO:
        proto_out(at, scratch, out);
        return;
    case FF_TCP_FLAGS:
        tcp_flags_out(at, scratch, out);
        return;
    case FF_COLUMNS:
        column_out(at, (enum flow_col)flow_query_fields[field].col, scratch, out);
        return;
    }
}

const struct row_source query_flows = {
    .name = "flows", .label = "journal.source.flows", .fields = fields, .nfields = FIELDS, .time = FF_AT, .get = get};

struct scan {
    const struct query *q;
    source_row_fn *fn;
    void *ctx;
    struct search_stats *st;
    uint64_t before;
    uint8_t *fits;
};

static int page_rows(void *ctx, struct flow_page *p)
{
    struct scan *s = ctx;
    bool exact;

    if (!flow_filter(p, s->q, s->fits, &exact))
        return p->rc;
    s->st->scanned_blocks++;
    s->st->scanned_events += p->n;
    for (uint32_t i = p->n; i-- > 0;) {
        if (!s->fits[i] || (s->before != 0 && p->first_seq + i >= s->before))
            continue;
        struct place at = {p, i};
        struct source_row row = {.source = s->q->source, .data = &at, .seq = p->first_seq + i};
        if (!s->fn(s->ctx, &row))
            return p->rc < 0 ? p->rc : 1;
        if (p->rc < 0)
            return p->rc;
    }
    return 0;
}

static int scan(void *ctx, const struct query *q, const struct search_opts *o, source_row_fn *fn, void *fn_ctx,
                struct search_stats *st, struct err *e)
{
    static const struct search_opts none;
    const struct search_opts *so = o != NULL ? o : &none;
    struct flow_scan_opts fo = {.since_ns = q->since_ns,
                                .until_ns = q->until_ns,
                                .before_seq = so->before_seq,
                                .cancel = so->cancel,
                                .deadline_mono_ns = so->deadline_mono_ns,
                                .progress = so->progress,
                                .progress_ctx = so->progress_ctx};
    struct scan s = {q, fn, fn_ctx, st, so->before_seq, malloc(FLOW_BLOCK_ROWS)};
    struct flow_scan_stats fst = {0};

    if (s.fits == NULL)
        return ERR(e, -ENOMEM, "journal.no_memory");
    int rc = flow_store_scan(ctx, &fo, page_rows, &s, &fst, e);
    st->skipped_blocks += fst.skipped;
    st->bad_blocks += fst.bad_blocks;
    free(s.fits);
    return rc;
}

struct row_source flow_source(struct flow_store *s)
{
    struct row_source r = query_flows;

    r.scan = scan;
    r.ctx = s;
    return r;
}
