/* What a number in a column of flows means, as a value of the query language. */
#include "journal/flow_source-int.h"

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

void flow_value_ip(struct ip ip, struct source_value *out)
{
    out->type = ip.family != 0 ? VT_IP : VT_NONE;
    out->ip = ip;
}

void flow_value_net(struct flow_nets *nets, const struct flow_query_field *f, uint32_t number, struct source_value *out)
{
    out->type = number > 0 ? VT_TEXT : VT_NONE;
    if (number > 0)
        out->text = flow_nets_name(nets, number, flow_field_net(f));
}

void flow_value_time(int64_t ns, struct source_value *out)
{
    out->type = ns != 0 ? VT_TIME : VT_NONE;
    out->num = ns;
}

/* As nfdump and tcpdump write them, the highest bit first: APSF. */
static void tcp_flags_out(uint64_t v, char *scratch, struct source_value *out)
{
    static const char letters[] = "FSRPAUEC";
    size_t n = 0;

    for (int bit = 7; bit >= 0; bit--)
        if (v >> bit & 1)
            scratch[n++] = letters[bit];
    out->type = n > 0 ? VT_TEXT : VT_NONE;
    out->text = (str){scratch, n};
}

static void proto_out(uint8_t v, char *scratch, struct source_value *out)
{
    const char *name = flow_proto_name(v);

    out->type = VT_TEXT;
    out->text = name != NULL ? str_c(name) : (str){scratch, (size_t)snprintf(scratch, VALUE_SCRATCH, "%u", v)};
}

static void mac_out(uint64_t v, char *scratch, struct source_value *out)
{
    struct mac mac;

    for (int i = 0; i < 6; i++)
        mac.b[i] = (uint8_t)(v >> (40 - 8 * i));
    out->type = v != 0 ? VT_TEXT : VT_NONE;
    out->text = (str){scratch, mac_fmt(mac, scratch, VALUE_SCRATCH)};
}

void flow_value_out(const struct flow_query_field *f, uint64_t v, char scratch[VALUE_SCRATCH], struct source_value *out)
{
    if (f->kind == FF_PROTO) {
        proto_out((uint8_t)v, scratch, out);
    } else if (f->kind == FF_TCP_FLAGS) {
        tcp_flags_out(v, scratch, out);
    } else if (f->kind == FF_COLUMNS && flow_columns[f->col].kind == FK_TIME) {
        flow_value_time((int64_t)v, out);
    } else if (f->kind == FF_COLUMNS && flow_columns[f->col].kind == FK_MAC) {
        mac_out(v, scratch, out);
    } else {
        out->type = VT_INT;
        out->num = v <= INT64_MAX ? (int64_t)v : INT64_MAX;
    }
}
