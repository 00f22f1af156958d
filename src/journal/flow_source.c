/* See flow_source.h. A row is a place in a page; what a field says is read from
 * its column when it is asked for. */
#include "journal/flow_guest.h"
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
    F("mpls_label", INT), F("app", INT),           F("in_vrf", INT),       F("out_vrf", INT),      F("src_zone", TEXT),
    F("dst_zone", TEXT),  F("src_unit", TEXT),     F("dst_unit", TEXT),    F("relay", TEXT),
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
    {FF_ZONE, FC_src},
    {FF_ZONE, FC_dst},
    {FF_UNIT, FC_src},
    {FF_UNIT, FC_dst},
    {FF_RELAY, 0},
};

static uint64_t number_at(const struct flow_place *at, enum flow_col c)
{
    return flow_page_value(at->page, c, at->row);
}

static const struct flow_exporter *exporter_at(const struct flow_place *at)
{
    static const struct flow_exporter none;
    const struct flow_exporter *list = flow_page_exporters(at->page);

    return list != NULL ? &list[number_at(at, FC_exporter)] : &none;
}

static int64_t at_of(const struct flow_place *at)
{
    return flow_time((int64_t)number_at(at, FC_end), (int64_t)number_at(at, FC_received));
}

static void net_out(const struct source_row *r, const struct flow_query_field *f, struct source_value *out)
{
    const struct flow_place *at = r->data;
    struct flow_nets *nets = r->source->more;

    if (nets != NULL)
        flow_value_net(nets, f,
                       flow_nets_of(nets, flow_page_ip(at->page, (enum flow_col)f->col, at->row), flow_field_net(f)),
                       out);
}

static void get(const struct source_row *r, unsigned field, char scratch[VALUE_SCRATCH], struct source_value *out)
{
    const struct flow_place *at = r->data;
    const struct flow_query_field *f = &flow_query_fields[field];
    int64_t start, end;

    *out = (struct source_value){0};
    switch ((enum flow_field_of)f->kind) {
    case FF_AT:
        flow_value_time(at_of(at), out);
        return;
    case FF_DURATION:
        start = (int64_t)number_at(at, FC_start);
        end = (int64_t)number_at(at, FC_end);
        if (start != 0 && end != 0 && !__builtin_sub_overflow(end, start, &out->num))
            out->type = VT_DURATION;
        return;
    case FF_EXPORTER:
        flow_value_ip(exporter_at(at)->ip, out);
        return;
    case FF_ZONE:
    case FF_UNIT:
        net_out(r, f, out);
        return;
    case FF_RELAY:
        out->text = at->relay;
        out->type = out->text.n > 0 ? VT_TEXT : VT_NONE;
        return;
    case FF_DOMAIN:
        flow_value_out(f, exporter_at(at)->domain, scratch, out);
        return;
    default:
        if (flow_columns[f->col].kind == FK_ADDRESS)
            flow_value_ip(flow_page_ip(at->page, (enum flow_col)f->col, at->row), out);
        else
            flow_value_out(f, number_at(at, (enum flow_col)f->col), scratch, out);
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

enum { SPARSE = 16 }; /* fewer rows than one in so many: columns are not put together */

uint64_t flow_fitting(const uint8_t *fits, uint32_t n)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < n; i++)
        sum += fits[i];
    return sum;
}

static int page_rows(void *ctx, struct flow_page *p)
{
    struct scan *s = ctx;
    str relay = flow_guest_relay(s->q->source->ctx, p->relay);
    bool exact;

    if (!flow_filter(p, s->q, s->fits, &exact))
        return p->rc;
    s->st->scanned_blocks++;
    s->st->scanned_events += p->n;
    p->sparse = p->rows == NULL && flow_fitting(s->fits, p->n) < p->n / SPARSE;
    for (uint32_t i = p->n; i-- > 0;) {
        if (!s->fits[i] || (s->before != 0 && p->first_seq + i >= s->before))
            continue;
        struct flow_place at = {p, i, relay};
        struct source_row row = {.source = s->q->source, .data = &at, .seq = p->first_seq + i};
        if (!s->fn(s->ctx, &row))
            return p->rc < 0 ? p->rc : 1;
        if (p->rc < 0)
            return p->rc;
    }
    return 0;
}

bool flow_rows_match(struct flow_page *p, const struct query *q, uint8_t *fits)
{
    str relay = flow_guest_relay(q->source->ctx, p->relay);

    for (uint32_t i = 0; i < p->n && p->rc == 0; i++) {
        struct flow_place at = {p, i, relay};
        struct source_row row = {.source = q->source, .data = &at, .seq = p->first_seq + i};
        fits[i] = fits[i] && query_row_match(q, &row);
    }
    return p->rc == 0;
}

struct flow_scan_opts flow_scan_opts_of(const struct query *q, const struct search_opts *o)
{
    static const struct search_opts none;
    const struct search_opts *so = o != NULL ? o : &none;

    return (struct flow_scan_opts){.since_ns = q->since_ns,
                                   .until_ns = q->until_ns,
                                   .before_seq = so->before_seq,
                                   .cancel = so->cancel,
                                   .deadline_mono_ns = so->deadline_mono_ns,
                                   .progress = so->progress,
                                   .progress_ctx = so->progress_ctx};
}

static int scan(void *ctx, const struct query *q, const struct search_opts *o, source_row_fn *fn, void *fn_ctx,
                struct search_stats *st, struct err *e)
{
    struct flow_scan_opts fo = flow_scan_opts_of(q, o);
    struct scan s = {q, fn, fn_ctx, st, fo.before_seq, malloc(FLOW_BLOCK_ROWS)};
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
    r.fold = flow_fold;
    r.ctx = s;
    return r;
}
