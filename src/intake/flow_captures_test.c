/* Captures of real exporters, with the records that another collector made of
 * them. Skipped as a whole when the files are not there. */
#include "intake/flow_kit.h"
#include "base/file.h"
#include "base/json.h"
#include "base/map.h"
#include <dirent.h>
#include <unistd.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct flow_limits limits = {4096, 64, 16384, 512, 8 << 20, 256 << 10, 600 * 1000000000LL};
static char dir[600];

/* --- pcap: UDP payloads in order ------------------------------------------ */

typedef void datagram_fn(void *ctx, str payload, struct ip from, uint16_t port);

static void udp_payload(str packet, struct ip from, datagram_fn *fn, void *ctx)
{
    rd r = rd_init(packet.p, packet.n);
    uint16_t port = rd_u16(&r);

    rd_u16(&r);
    uint16_t len = rd_u16(&r);
    rd_u16(&r);
    str payload = rd_bytes(&r, len >= 8 ? len - 8u : 0);
    if (!r.bad && payload.n > 0)
        fn(ctx, payload, from, port);
}

static void ip_packet(str packet, datagram_fn *fn, void *ctx)
{
    const uint8_t *p = (const uint8_t *)packet.p;
    struct ip from = {0};

    if (packet.n >= 20 && p[0] >> 4 == 4 && p[9] == 17) {
        size_t head = (size_t)(p[0] & 15) * 4;
        from.family = 4;
        memcpy(from.b, p + 12, 4);
        udp_payload(str_sub(packet, head, packet.n), from, fn, ctx);
    } else if (packet.n >= 40 && p[0] >> 4 == 6 && p[6] == 17) {
        from.family = 6;
        memcpy(from.b, p + 8, 16);
        udp_payload(str_sub(packet, 40, packet.n), from, fn, ctx);
    }
}

static void ethernet(str frame, uint32_t link, datagram_fn *fn, void *ctx)
{
    const uint8_t *p = (const uint8_t *)frame.p;
    size_t at = link == 1 ? 12 : link == 113 ? 14 : link == 276 ? 0 : SIZE_MAX;

    if (at == SIZE_MAX || frame.n < at + 2)
        return;
    uint16_t type = (uint16_t)(p[at] << 8 | p[at + 1]);
    for (at += 2; (type == 0x8100 || type == 0x88a8) && frame.n >= at + 4; at += 4)
        type = (uint16_t)(p[at + 2] << 8 | p[at + 3]);
    if (link == 276)
        at = 20;
    if (type == 0x0800 || type == 0x86dd)
        ip_packet(str_sub(frame, at, frame.n), fn, ctx);
}

static void pcap_read(str file, datagram_fn *fn, void *ctx)
{
    rd r = rd_init(file.p, file.n);
    bool big = rd_left(&r) > 24 && (uint8_t)file.p[0] == 0xa1;
    uint32_t (*u32)(rd *) = big ? rd_u32 : rd_u32le;

    rd_bytes(&r, 20);
    uint32_t link = u32(&r);
    while (rd_left(&r) >= 16) {
        rd_bytes(&r, 8);
        uint32_t n = u32(&r);
        rd_u32(&r);
        str frame = rd_bytes(&r, n);
        if (!r.bad)
            ethernet(frame, link, fn, ctx);
    }
}

static struct flow_kit k;

static bool one_port;

static void feed(void *ctx, str payload, struct ip from, uint16_t port)
{
    k.from = from;
    k.port = one_port ? 1 : port;
    flow_kit_send(&k, payload);
}

static bool pcap_feed(const char *path)
{
    struct arena a = arena_init(256 << 20);
    str file;
    bool ok = file_read(&a, path, 128 << 20, &file, NULL) == 0;

    if (ok)
        pcap_read(file, feed, NULL);
    arena_free(&a);
    return ok;
}

/* --- what pmacct says ------------------------------------------------------ */

struct sum {
    uint64_t packets, bytes, packets_want, bytes_want;
};

static struct sum *sum_of(struct map *m, const char *key)
{
    bool fresh = false;
    struct map_slot *s = map_put(m, str_c(key), &fresh);

    assert_non_null(s);
    if (fresh)
        s->v.ptr = calloc(1, sizeof(struct sum));
    return s->v.ptr;
}

static void rows_sum(struct map *m)
{
    for (size_t i = 0; i < k.n; i++) {
        const struct flow_row *r = &k.rows[i];
        char key[300], src[IP_TEXT_MAX] = "", dst[IP_TEXT_MAX] = "";
        ip_fmt(flow_kit_ip(r, FC_src), src, sizeof(src));
        ip_fmt(flow_kit_ip(r, FC_dst), dst, sizeof(dst));
        uint64_t f = r->v[FC_sampling] > 0 ? r->v[FC_sampling] : 1;
        snprintf(key, sizeof(key), "%s %s %d %d %d %d %d", src, dst, (int)r->v[FC_src_port], (int)r->v[FC_dst_port],
                 (int)r->v[FC_tos], (int)r->v[FC_in_if], (int)r->v[FC_out_if]);
        struct sum *s = sum_of(m, key);
        s->packets += r->v[FC_packets] * f;
        s->bytes += r->v[FC_bytes] * f;
    }
}

static size_t wanted_sum(struct map *m, const char *path)
{
    struct arena a = arena_init(64 << 20);
    str text, line;
    size_t n = 0;

    assert_int_equal(file_read(&a, path, 32 << 20, &text, NULL), 0);
    while (str_split(&text, '\n', &line)) {
        json_t *o;
        char key[300];
        if (line.n == 0 || json_read(line, 16, &o, NULL) < 0)
            continue;
        str src = json_get_str(o, "ip_src"), dst = json_get_str(o, "ip_dst");
        snprintf(key, sizeof(key), "%.*s %.*s %d %d %d %d %d", STR_ARGS(src), STR_ARGS(dst),
                 (int)json_get_int(o, "port_src", 0), (int)json_get_int(o, "port_dst", 0),
                 (int)json_get_int(o, "tos", 0), (int)json_get_int(o, "iface_in", 0),
                 (int)json_get_int(o, "iface_out", 0));
        struct sum *s = sum_of(m, key);
        s->packets_want += (uint64_t)json_get_int(o, "packets", 0);
        s->bytes_want += (uint64_t)json_get_int(o, "bytes", 0);
        json_decref(o);
        n++;
    }
    arena_free(&a);
    return n;
}

static void agree(const char *name)
{
    char path[900];
    struct map m;
    struct map_slot *s;
    size_t bad = 0;

    map_init(&m, 100000);
    flow_kit_init(&k, &limits);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/pmacct/%s/traffic-0%d.pcap", dir, name, i);
        if (!pcap_feed(path))
            assert_int_equal(i, 1); /* the first is always there */
    }
    rows_sum(&m);
    snprintf(path, sizeof(path), "%s/pmacct/%s/output-flow-00.json", dir, name);
    size_t n = wanted_sum(&m, path);
    assert_true(n > 0);
    for (size_t i = 0; (s = map_next(&m, &i)) != NULL;) {
        struct sum *x = s->v.ptr;
        if (x->packets != x->packets_want || x->bytes != x->bytes_want) {
            bad++;
            print_message("# %s: %.*s: packets %llu for %llu, bytes %llu for %llu\n", name, STR_ARGS(s->key),
                          (unsigned long long)x->packets, (unsigned long long)x->packets_want,
                          (unsigned long long)x->bytes, (unsigned long long)x->bytes_want);
        }
        free(x);
    }
    print_message("# %s: %zu rows, %zu records expected\n", name, k.n, n);
    flow_kit_done(&k);
    map_done(&m);
    assert_int_equal(bad, 0);
}

static void captures_agree(void **state)
{
    static const char *const names[] = {"100-IPFIXv10-CISCO",
                                        "101-NFv9-CISCO-cust_primitives",
                                        "104-IPFIXv10-IPv6-CISCO-sampling_option",
                                        "111-IPFIXv10-NFv9-IPv6-IPv4-mix_sources",
                                        "112-IPFIXv10-CISCO-options-map-reassignment",
                                        "500-IPFIXv10-BGP-CISCO-SRv6"};

    if (dir[0] == '\0')
        skip();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        one_port = i == 4; /* its templates came from the port before: see below */
        agree(names[i]);
    }
    one_port = false;
}

/* An exporter that changes its port is another session (RFC 7011, 8): its data
 * waits for templates of its own, and none of another session's is taken. */
static void another_port_is_another_session(void **state)
{
    char path[900];

    if (dir[0] == '\0')
        skip();
    snprintf(path, sizeof(path), "%s/pmacct/112-IPFIXv10-CISCO-options-map-reassignment/traffic-00.pcap", dir);
    flow_kit_init(&k, &limits);
    assert_true(pcap_feed(path));
    assert_int_equal(k.total, 0);
    assert_true(flow_rx_stats(k.rx)->flow_early > 0);
    flow_kit_done(&k);
}

/* --- payloads: every vendor's templates, then the data --------------------- */

static int by_template_first(const struct dirent **a, const struct dirent **b)
{
    bool at = strstr((*a)->d_name, "tpl") != NULL, bt = strstr((*b)->d_name, "tpl") != NULL;

    return at != bt ? bt - at : strcmp((*a)->d_name, (*b)->d_name);
}
static int is_data(const struct dirent *d) { return strstr(d->d_name, ".dat") != NULL; }

/* An exporter a vendor: what stands between the test's name and the kind of content. */
static uint16_t exporter_of(const char *name)
{
    str s = str_c(name);
    size_t cut[] = {str_find(s, STR("_tpl")), str_find(s, STR("_data")), str_find(s, STR("_opttpl"))};

    for (size_t i = 0; i < 3; i++)
        s.n = cut[i] < s.n ? cut[i] : s.n;
    return (uint16_t)str_hash(s, 1);
}

static void payloads_are_read(void **state)
{
    char path[900];
    struct dirent **list;
    size_t flows = 0, refused = 0;

    if (dir[0] == '\0')
        skip();
    snprintf(path, sizeof(path), "%s/udp-payloads", dir);
    int n = scandir(path, &list, is_data, by_template_first);
    assert_true(n > 80);
    flow_kit_init(&k, &limits);
    for (int i = 0; i < n; i++) {
        struct arena a = arena_init(1 << 20);
        str bytes;
        snprintf(path, sizeof(path), "%s/udp-payloads/%s", dir, list[i]->d_name);
        assert_int_equal(file_read(&a, path, 1 << 19, &bytes, NULL), 0);
        size_t before = k.total, bad = flow_rx_stats(k.rx)->drop_flow_malformed;
        k.port = exporter_of(list[i]->d_name);
        flow_kit_send(&k, bytes);
        bool was_refused = flow_rx_stats(k.rx)->drop_flow_malformed > bad;
        /* v9's invalid01 says a wrong number of records, as many exporters do; the rest of it is right */
        if (strstr(list[i]->d_name, "netflow5_test_invalid") != NULL)
            assert_true(was_refused && k.total == before);
        refused += was_refused;
        flows += k.total - before;
        if (strstr(list[i]->d_name, "tpl") == NULL)
            print_message("# %s: %zu rows%s\n", list[i]->d_name, k.total - before, was_refused ? ", refused" : "");
        arena_free(&a);
        free(list[i]);
    }
    free(list);
    print_message("# %d payloads, %zu rows, %zu refused, %llu waiting\n", n, flows, refused,
                  (unsigned long long)flow_rx_stats(k.rx)->flow_early);
    assert_true(flows > 300);
    flow_kit_done(&k);
}

static void sflow_captures_are_refused(void **state)
{
    static const char *const names[] = {"tcpdump/sflow_expanded.pcap", "tcpdump/sflow_multiple_counter_30_pdus.pcap",
                                        "tcpdump/sflow-print-v6.pcap", "ndpi/sflow.pcap"};

    if (dir[0] == '\0')
        skip();
    for (size_t i = 0; i < 4; i++) {
        char path[900];
        flow_kit_init(&k, &limits);
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        assert_true(pcap_feed(path));
        print_message("# %s: %llu of %llu datagrams are sFlow\n", names[i],
                      (unsigned long long)flow_rx_stats(k.rx)->drop_flow_sflow,
                      (unsigned long long)flow_rx_stats(k.rx)->flow_datagrams);
        assert_true(flow_rx_stats(k.rx)->drop_flow_sflow > 0);
        flow_kit_done(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captures_agree),
        cmocka_unit_test(another_port_is_another_session),
        cmocka_unit_test(payloads_are_read),
        cmocka_unit_test(sflow_captures_are_refused),
    };
    const char *source = getenv("LUY_SOURCE");

    snprintf(dir, sizeof(dir), "%s/../shared/data/flows", source != NULL ? source : ".");
    if (access(dir, R_OK) != 0)
        dir[0] = '\0';
    return cmocka_run_group_tests(tests, NULL, NULL);
}
