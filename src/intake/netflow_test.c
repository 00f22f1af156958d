/* The flow receiver on packets written here from the RFCs: every version, every
 * form of time, options, changes, restarts, losses, lies. */
#include "intake/flow_kit.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { SECS = 1700000000 };
#define NS 1000000000LL
static const struct flow_limits limits = {4096, 64, 16384, 512, 8 << 20, 256 << 10, 600 * NS};
static struct flow_kit k;
static struct buf b;

static int setup(void **state)
{
    flow_kit_init(&k, &limits);
    buf_init(&b, 1 << 20);
    return 0;
}
static int teardown(void **state)
{
    flow_kit_done(&k);
    buf_done(&b);
    return 0;
}
#define FIELDS(...) w_fields(&b, (const uint16_t[]){__VA_ARGS__}, sizeof((const uint16_t[]){__VA_ARGS__}) / 2)
static void send(void) { flow_kit_send(&k, buf_view(&b)); }
static const struct flow_rx_stats *stats(void) { return flow_rx_stats(k.rx); }
static void ip_is(size_t row, enum flow_col c, const char *text)
{
    char have[IP_TEXT_MAX] = "";

    assert_true(row < k.n);
    ip_fmt(flow_kit_ip(&k.rows[row], c), have, sizeof(have));
    assert_string_equal(have, text);
}
#define IS(row, c, want) assert_int_equal(k.rows[row].v[FC_##c], want)

/* --- v5 ------------------------------------------------------------------ */

static void v5_head(uint16_t count, uint32_t uptime, uint32_t seq, uint16_t sampling)
{
    buf_clear(&b);
    w16(&b, 5), w16(&b, count), w32(&b, uptime), w32(&b, SECS), w32(&b, 500000000), w32(&b, seq);
    w8(&b, 1), w8(&b, 2), w16(&b, sampling);
}

static void v5_record(uint32_t first, uint32_t last)
{
    wip(&b, "10.8.0.7"), wip(&b, "10.9.0.1"), wip(&b, "10.0.0.254");
    w16(&b, 3), w16(&b, 4), w32(&b, 17), w32(&b, 12345), w32(&b, first), w32(&b, last);
    w16(&b, 40022), w16(&b, 22), w8(&b, 0), w8(&b, 0x1b), w8(&b, 6), w8(&b, 0x20);
    w16(&b, 65001), w16(&b, 65002), w8(&b, 24), w8(&b, 16), w16(&b, 0);
}

static void v5_gives_every_field(void **state)
{
    v5_head(1, 100000, 7, 0x4000 | 100);
    v5_record(90000, 95000);
    send();
    assert_int_equal(k.n, 1);
    ip_is(0, FC_src, "10.8.0.7");
    ip_is(0, FC_dst, "10.9.0.1");
    ip_is(0, FC_next_hop, "10.0.0.254");
    IS(0, in_if, 3), IS(0, out_if, 4), IS(0, packets, 17), IS(0, bytes, 12345);
    IS(0, src_port, 40022), IS(0, dst_port, 22), IS(0, tcp_flags, 0x1b), IS(0, proto, 6), IS(0, tos, 0x20);
    IS(0, src_as, 65001), IS(0, dst_as, 65002), IS(0, src_mask, 24), IS(0, dst_mask, 16), IS(0, sampling, 100);
    IS(0, start, SECS * NS + NS / 2 - 10 * NS);
    IS(0, end, SECS * NS + NS / 2 - 5 * NS);
    IS(0, received, k.now);
    assert_int_equal(k.rows[0].exporter.version, 5);
    assert_int_equal(k.rows[0].exporter.domain, 1 << 8 | 2);
    assert_int_equal(k.rows[0].exporter.port, 50000);
}

static void v5_uptime_wraps(void **state)
{
    v5_head(1, 1000, 0, 0);
    v5_record(UINT32_MAX - 999, 500); /* 2 s and 0.5 s before */
    send();
    IS(0, start, SECS * NS + NS / 2 - 2 * NS);
    IS(0, end, SECS * NS + NS / 2 - NS / 2);
}

static void v5_lies_are_refused(void **state)
{
    v5_head(31, 0, 0, 0);
    for (int i = 0; i < 31; i++)
        v5_record(0, 0);
    send();
    v5_head(2, 0, 0, 0), v5_record(0, 0), send(); /* fewer than it says */
    v5_head(1, 0, 0, 0), v5_record(0, 0), w8(&b, 0), send();
    v5_head(0, 0, 0, 0), send();
    v5_head(1, 0, 0, 0), send();
    b.n = 3, send();
    assert_int_equal(k.total, 0);
    assert_int_equal(stats()->drop_flow_malformed, 6);
}

static void v5_gap_is_flows(void **state)
{
    v5_head(1, 1000, 10, 0), v5_record(0, 0), send();
    v5_head(1, 2000, 11, 0), v5_record(0, 0), send();
    assert_int_equal(stats()->drop_flow_lost, 0);
    v5_head(1, 3000, 42, 0), v5_record(0, 0), send();
    assert_int_equal(stats()->drop_flow_lost, 30);
    assert_int_equal(k.lost, 30);
    flow_rx_tick(k.rx, k.now);
    flow_rx_tick(k.rx, k.now);
    assert_int_equal(flow_kit_count(&k, FN_LOST), 1);
}

/* --- IPFIX --------------------------------------------------------------- */

static void ipfix_template(uint32_t seq, uint16_t id)
{
    w_ipfix(&b, SECS, seq, 1);
    size_t at = w_set(&b, 2);
    w16(&b, id), w16(&b, 5);
    FIELDS(8, 4, 12, 4, 7, 2, 11, 2, 1, 8);
    w_set_end(&b, at);
    w_ipfix_end(&b);
}

static void ipfix_data(uint32_t seq, uint16_t id, int n, uint64_t bytes)
{
    w_ipfix(&b, SECS, seq, 1);
    size_t at = w_set(&b, id);
    for (int i = 0; i < n; i++)
        wip(&b, "10.1.0.1"), wip(&b, "10.2.0.2"), w16(&b, 1000 + i), w16(&b, 443), w64(&b, bytes);
    w_set_end(&b, at);
    w_ipfix_end(&b);
}

static void ipfix_template_then_data(void **state)
{
    ipfix_template(0, 256), send();
    ipfix_data(0, 256, 3, 1ull << 40), send();
    assert_int_equal(k.n, 3);
    IS(2, src_port, 1002), IS(2, dst_port, 443), IS(2, bytes, 1ull << 40), IS(2, packets, 0);
    ip_is(1, FC_dst, "10.2.0.2");
    ip_is(1, FC_next_hop, "");
    assert_int_equal(flow_kit_count(&k, FN_TEMPLATE), 1);
    ipfix_template(3, 256), send(); /* a refresh says nothing new */
    assert_int_equal(flow_kit_count(&k, FN_TEMPLATE), 1);
}

static void data_before_its_template_waits(void **state)
{
    ipfix_data(0, 300, 4, 5), send();
    assert_int_equal(k.n, 0);
    assert_int_equal(stats()->flow_early, 1);
    k.now += 5 * NS;
    ipfix_template(4, 300), send();
    assert_int_equal(k.n, 4);
    IS(0, received, k.now - 5 * NS); /* when it came, not when it was understood */
    ipfix_data(4, 301, 4, 5), send();
    flow_rx_tick(k.rx, k.now + 599 * NS);
    assert_int_equal(stats()->drop_flow_early, 0);
    flow_rx_tick(k.rx, k.now + 601 * NS);
    assert_int_equal(stats()->drop_flow_early, 1);
}

static void early_data_is_bounded(void **state)
{
    for (int i = 0; i < 1000; i++)
        ipfix_data(0, 999, 50, 5), send();
    assert_int_equal(stats()->flow_early, 1000);
    assert_true(stats()->drop_flow_early > 700 && stats()->drop_flow_early < 800); /* 256 KiB of 1,000 KB */
    ipfix_template(0, 999), send();
    assert_int_equal(k.total, (stats()->flow_early - stats()->drop_flow_early) * 50);
}

static void a_template_changes_at_once(void **state)
{
    ipfix_template(0, 256), send();
    w_ipfix(&b, SECS, 0, 1);
    size_t at = w_set(&b, 2);
    w16(&b, 256), w16(&b, 2), FIELDS(4, 1, 2, 4);
    w_set_end(&b, at);
    at = w_set(&b, 256);
    w8(&b, 17), w32(&b, 99), w8(&b, 6), w32(&b, 100);
    w_set_end(&b, at);
    w_ipfix_end(&b);
    send();
    assert_int_equal(k.n, 2);
    IS(0, proto, 17), IS(0, packets, 99), IS(1, proto, 6), IS(1, packets, 100);
}

static void templates_are_withdrawn(void **state)
{
    static const uint16_t ids[] = {256, 2};

    for (size_t i = 0; i < 2; i++) {
        ipfix_template(0, 256), send();
        w_ipfix(&b, SECS, 0, 1);
        size_t at = w_set(&b, 2);
        w16(&b, ids[i]), w16(&b, 0);
        w_set_end(&b, at);
        w_ipfix_end(&b);
        send();
        ipfix_data(0, 256, 1, 1), send();
        assert_int_equal(stats()->flow_early, i + 1);
    }
    assert_int_equal(k.n, 0 + 1); /* the first one's early data met the template's return */
    assert_int_equal(flow_kit_count(&k, FN_GONE), 2);
}

static void variable_and_enterprise_fields(void **state)
{
    char long_text[300];

    w_ipfix(&b, SECS, 0, 1);
    size_t at = w_set(&b, 2);
    w16(&b, 400), w16(&b, 5);
    w16(&b, 82), w16(&b, 65535);                     /* interfaceName */
    w16(&b, 0x8000 | 1), w16(&b, 8), w32(&b, 29305); /* octets of the way back (RFC 5103) */
    w16(&b, 0x8000 | 7), w16(&b, 3), w32(&b, 12345); /* nobody's */
    w16(&b, 2), w16(&b, 4), w16(&b, 371), w16(&b, 65535);
    w_set_end(&b, at);
    at = w_set(&b, 400);
    w8(&b, 3), buf_z(&b, "ge0"), w64(&b, 777), w24(&b, 1), w32(&b, 5), w8(&b, 0);
    memset(long_text, 'x', sizeof(long_text));
    w8(&b, 255), w16(&b, 300), buf_add(&b, long_text, 300), w64(&b, 888), w24(&b, 1), w32(&b, 6), w8(&b, 1),
        w8(&b, 'u');
    w16(&b, 0); /* padding, shorter than any record */
    w_set_end(&b, at);
    w_ipfix_end(&b);
    send();
    assert_int_equal(k.n, 2);
    IS(0, bytes_back, 777), IS(0, packets, 5), IS(1, bytes_back, 888), IS(1, packets, 6);
    IS(0, bytes, 0);
}

static void variable_length_that_lies(void **state)
{
    w_ipfix(&b, SECS, 0, 1);
    size_t at = w_set(&b, 2);
    w16(&b, 400), w16(&b, 2), FIELDS(82, 65535, 2, 4);
    w_set_end(&b, at);
    at = w_set(&b, 400);
    w8(&b, 200), w32(&b, 5);
    w_set_end(&b, at);
    w_ipfix_end(&b);
    send();
    assert_int_equal(k.n, 0);
    assert_int_equal(stats()->drop_flow_malformed, 1);
}

static void every_form_of_time(void **state)
{
    static const uint16_t start[] = {150, 152, 154, 156, 158, 22}, end[] = {151, 153, 155, 157, 159, 21};
    uint32_t boot = SECS - 1000;

    w_ipfix(&b, SECS, 0, 1); /* when the exporter began (for 21 and 22) */
    size_t at = w_set(&b, 3);
    w16(&b, 500), w16(&b, 2), w16(&b, 1), FIELDS(149, 4, 160, 8);
    w_set_end(&b, at);
    at = w_set(&b, 500);
    w32(&b, 1), w64(&b, boot * 1000ull);
    w_set_end(&b, at);
    w_ipfix_end(&b);
    send();
    assert_int_equal(flow_kit_count(&k, FN_BOOT), 1);
    for (uint16_t i = 0; i < 6; i++) {
        bool is64 = i >= 1 && i <= 3;
        w_ipfix(&b, SECS, 1 + i, 1);
        at = w_set(&b, 2);
        w16(&b, 300 + i), w16(&b, 3), FIELDS(start[i], is64 ? 8 : 4, end[i], is64 ? 8 : 4, 2, 4);
        w_set_end(&b, at);
        at = w_set(&b, 300 + i);
        uint64_t secs = SECS - 20, s, e; /* 20 s before, 12.5 s before where there are fractions */
        switch (i) {
        case 0:
            s = secs, e = secs + 7;
            break;
        case 1:
            s = secs * 1000, e = s + 7500;
            break;
        case 2:
        case 3:
            s = (secs + 2208988800u) << 32, e = (secs + 7 + 2208988800u) << 32 | 0x80000000u;
            break;
        case 4:
            s = 20000000, e = 12500000;
            break;
        default:
            s = 980000, e = 987500;
            break;
        }
        is64 ? w64(&b, s) : w32(&b, s);
        is64 ? w64(&b, e) : w32(&b, e);
        w32(&b, 1);
        w_set_end(&b, at);
        w_ipfix_end(&b);
        send();
        assert_int_equal(k.n, i + 1u);
        IS(i, start, (SECS - 20) * NS);
        IS(i, end, (SECS - 20) * NS + (i == 0 ? 7 * NS : 7 * NS + NS / 2));
    }
}

static void a_length_gives_the_end(void **state)
{
    w_ipfix(&b, SECS, 0, 1);
    size_t at = w_set(&b, 2);
    w16(&b, 300), w16(&b, 3), FIELDS(161, 4, 152, 8, 2, 4);
    w_set_end(&b, at);
    at = w_set(&b, 300);
    w32(&b, 2500), w64(&b, SECS * 1000ull), w32(&b, 1);
    w_set_end(&b, at);
    w_ipfix_end(&b);
    send();
    IS(0, end, SECS * NS + 2500000000LL);
}

static void reduced_lengths_and_large_values(void **state)
{
    w_ipfix(&b, SECS, 0, 1);
    size_t at = w_set(&b, 2);
    w16(&b, 300), w16(&b, 4), FIELDS(1, 3, 2, 5, 10, 1, 7, 1);
    w_set_end(&b, at);
    at = w_set(&b, 300);
    w24(&b, 0xabcdef), w8(&b, 1), w32(&b, 2), w8(&b, 9), w8(&b, 53);
    w_set_end(&b, at);
    w_ipfix_end(&b);
    send();
    IS(0, bytes, 0xabcdef), IS(0, packets, (1ull << 32) + 2), IS(0, in_if, 9), IS(0, src_port, 53);
}

static void ipv6_and_both_kinds(void **state)
{
    w_ipfix(&b, SECS, 0, 1);
    size_t at = w_set(&b, 2);
    w16(&b, 300), w16(&b, 3), FIELDS(27, 16, 28, 16, 62, 16);
    w16(&b, 301), w16(&b, 4), FIELDS(27, 16, 8, 4, 28, 16, 12, 4);
    w_set_end(&b, at);
    at = w_set(&b, 300);
    wip(&b, "2001:db8::1"), wip(&b, "2001:db8::2"), wip(&b, "fe80::1");
    w_set_end(&b, at);
    at = w_set(&b, 301);
    wip(&b, "::"), wip(&b, "10.0.0.1"), wip(&b, "::"), wip(&b, "10.0.0.2");
    wip(&b, "2001:db8::7"), wip(&b, "0.0.0.0"), wip(&b, "2001:db8::8"), wip(&b, "0.0.0.0");
    w_set_end(&b, at);
    w_ipfix_end(&b);
    send();
    assert_int_equal(k.n, 3);
    ip_is(0, FC_src, "2001:db8::1"), ip_is(0, FC_dst, "2001:db8::2"), ip_is(0, FC_next_hop, "fe80::1");
    ip_is(1, FC_src, "10.0.0.1"), ip_is(1, FC_dst, "10.0.0.2");
    ip_is(2, FC_src, "2001:db8::7"), ip_is(2, FC_dst, "2001:db8::8");
}

static void ipfix_lies_are_refused(void **state)
{
    ipfix_template(0, 256), send();
    ipfix_data(0, 256, 2, 1);
    b.p[3]++, send(), b.p[3]--;   /* the message's length */
    b.p[19]++, send(), b.p[19]--; /* the set's */
    b.p[19] = 3, send();
    ipfix_data(0, 256, 2, 1), b.n--, send();
    assert_int_equal(k.n, 0);
    assert_int_equal(stats()->drop_flow_malformed, 4);
    w_ipfix(&b, SECS, 0, 1);
    size_t at = w_set(&b, 2);
    w16(&b, 300), w16(&b, 100), FIELDS(1, 8); /* more fields than there are bytes */
    w_set_end(&b, at), w_ipfix_end(&b), send();
    w_ipfix(&b, SECS, 0, 1), at = w_set(&b, 2);
    w16(&b, 300), w16(&b, 1), FIELDS(1, 0); /* a record of no bytes */
    w_set_end(&b, at), w_ipfix_end(&b), send();
    w_ipfix(&b, SECS, 0, 1), at = w_set(&b, 2);
    w16(&b, 255), w16(&b, 1), FIELDS(1, 4); /* a set's number */
    w_set_end(&b, at), w_ipfix_end(&b), send();
    w_ipfix(&b, SECS, 0, 1), at = w_set(&b, 3);
    w16(&b, 300), w16(&b, 1), w16(&b, 0), FIELDS(34, 4); /* options without scope */
    w_set_end(&b, at), w_ipfix_end(&b), send();
    assert_int_equal(stats()->drop_flow_template, 4);
}

static void ipfix_gap_is_records(void **state)
{
    ipfix_template(100, 256), send();
    ipfix_data(100, 256, 5, 1), send();
    ipfix_data(105, 256, 5, 1), send();
    assert_int_equal(stats()->drop_flow_lost, 0);
    ipfix_data(117, 256, 5, 1), send();
    assert_int_equal(stats()->drop_flow_lost, 7);
    ipfix_data(110, 256, 7, 1), send(); /* late, not a restart, and nothing is lost after it */
    ipfix_data(122, 256, 1, 1), send();
    assert_int_equal(stats()->drop_flow_lost, 7);
    assert_int_equal(stats()->flow_reordered, 1);
    assert_int_equal(stats()->flow_restarts, 0);
}

static void ipfix_restart_forgets_templates(void **state)
{
    ipfix_template(100000, 256), send();
    ipfix_data(100000, 256, 1, 1), send();
    ipfix_data(0, 256, 1, 1), send();
    assert_int_equal(stats()->flow_restarts, 1);
    assert_int_equal(stats()->flow_early, 1);
    ipfix_template(1, 256), send();
    assert_int_equal(k.n, 2);
    flow_rx_tick(k.rx, k.now);
    assert_int_equal(flow_kit_count(&k, FN_RESTART), 1);
}

/* --- v9 ------------------------------------------------------------------ */

static void v9_template(void)
{
    size_t at = w_set(&b, 0);

    w16(&b, 260), w16(&b, 5), FIELDS(8, 4, 12, 4, 22, 4, 48, 1, 2, 4);
    w_set_end(&b, at);
}
static void v9_data(uint8_t sampler)
{
    size_t at = w_set(&b, 260);

    wip(&b, "10.3.0.1"), wip(&b, "10.4.0.1"), w32(&b, 4000), w8(&b, sampler), w32(&b, 10), w24(&b, 0); /* padded */
    w_set_end(&b, at);
}

static void v9_with_template_and_options_in_one(void **state)
{
    w_v9(&b, 4, 5000, SECS, 1, 7);
    v9_template();
    size_t at = w_set(&b, 1);
    w16(&b, 261), w16(&b, 4), w16(&b, 12), FIELDS(1, 4, 48, 1, 49, 1, 50, 4), w16(&b, 0);
    w_set_end(&b, at);
    at = w_set(&b, 261);
    w32(&b, 0), w8(&b, 3), w8(&b, 2), w32(&b, 1000), w16(&b, 0);
    w_set_end(&b, at);
    v9_data(3);
    v9_data(4); /* a sampler that was never announced */
    send();
    assert_int_equal(k.n, 2);
    IS(0, sampling, 1000), IS(1, sampling, 0), IS(0, packets, 10); /* raw, not multiplied */
    IS(0, start, SECS * NS - NS);
    assert_int_equal(stats()->flow_options, 1);
    assert_int_equal(k.rows[0].exporter.domain, 7);
}

static void v9_sampling_of_an_interface(void **state)
{
    w_v9(&b, 2, 5000, SECS, 1, 7);
    size_t at = w_set(&b, 1);
    w16(&b, 261), w16(&b, 4), w16(&b, 4), FIELDS(2, 4, 34, 4);
    w_set_end(&b, at);
    at = w_set(&b, 261);
    w32(&b, 12), w32(&b, 64);
    w_set_end(&b, at);
    at = w_set(&b, 0);
    w16(&b, 260), w16(&b, 2), FIELDS(10, 4, 1, 4);
    w_set_end(&b, at);
    at = w_set(&b, 260);
    w32(&b, 12), w32(&b, 100), w32(&b, 13), w32(&b, 100);
    w_set_end(&b, at);
    send();
    assert_int_equal(k.n, 2);
    IS(0, sampling, 64), IS(1, sampling, 0);
}

static void v9_restart_by_uptime(void **state)
{
    w_v9(&b, 1, 90000000, SECS, 500, 7), v9_template(), v9_data(0), send();
    w_v9(&b, 1, 89999990, SECS, 501, 7), v9_data(0), send(); /* overtaken by a little: no restart */
    assert_int_equal(stats()->flow_restarts, 0);
    w_v9(&b, 1, 1000, SECS + 60, 0, 7), v9_data(0), send();
    assert_int_equal(stats()->flow_restarts, 1);
    assert_int_equal(k.n, 2);
    assert_int_equal(stats()->drop_flow_lost, 0);
    w_v9(&b, 1, 2000, SECS + 61, 1, 7), v9_template(), send();
    assert_int_equal(k.n, 3);
}

static void v9_gap_is_packets(void **state)
{
    w_v9(&b, 1, 1000, SECS, UINT32_MAX, 7), v9_template(), send();
    w_v9(&b, 1, 1000, SECS, 0, 7), v9_data(0), send(); /* wraps */
    assert_int_equal(stats()->drop_flow_lost, 0);
    w_v9(&b, 1, 1000, SECS, 4, 7), v9_data(0), send();
    assert_int_equal(stats()->drop_flow_lost, 3);
}

static void v9_zeros_behind_the_sets(void **state)
{
    w_v9(&b, 1, 1000, SECS, 0, 7), v9_template(), v9_data(0);
    for (int i = 0; i < 700; i++)
        w8(&b, 0);
    send();
    assert_int_equal(k.n, 1);
    b.p[b.n - 1] = 1, send();
    assert_int_equal(stats()->drop_flow_malformed, 1);
}

/* --- floods and memory --------------------------------------------------- */

static void exporters_do_not_share(void **state)
{
    ipfix_template(0, 256), send();
    k.port++;
    ipfix_data(0, 256, 1, 1), send();
    k.port--, k.from.b[3]++;
    send();
    assert_int_equal(k.n, 0);
    assert_int_equal(stats()->flow_early, 2);
}

static void a_template_flood_is_bounded(void **state)
{
    ipfix_template(0, 256), send();
    ipfix_data(0, 256, 1, 1), send(); /* proven */
    k.from.b[0] = 10;
    for (int i = 0; i < 40000; i++) { /* other addresses, two templates each */
        k.from.b[1] = (uint8_t)(i >> 16), k.from.b[2] = (uint8_t)(i >> 8), k.from.b[3] = (uint8_t)i;
        ipfix_template(0, 256), send();
        ipfix_template(0, 257), send();
    }
    assert_true(stats()->flow_evicted >= 35000);
    /* of one address: sessions by port, templates by number */
    k.from = (struct ip){4, {172, 16, 0, 1}};
    for (int i = 0; i < 1000; i++)
        k.port = (uint16_t)(1000 + i), ipfix_template(0, 256), send();
    k.port = 1;
    for (uint32_t i = 0; i < 20000; i++)
        ipfix_template(0, (uint16_t)(256 + i)), send();
    flow_kit_forget(&k);
    ipfix_data(0, 256 + 19999, 1, 1), send(); /* the newest is there */
    assert_int_equal(k.n, 1);
    ipfix_data(0, 256, 1, 1), send(); /* the oldest is not */
    assert_int_equal(k.n, 1);
}

static void proven_templates_outlive_a_flood(void **state)
{
    struct flow_limits l = limits;

    l.templates = 100;
    flow_kit_done(&k);
    flow_kit_init(&k, &l);
    ipfix_template(0, 256), send();
    ipfix_data(0, 256, 1, 1), send();
    k.port = 1;
    for (uint16_t i = 0; i < 5000; i++)
        ipfix_template(0, (uint16_t)(256 + i)), send();
    k.port = 50000;
    ipfix_data(1, 256, 1, 1), send();
    assert_int_equal(k.n, 2);
}

static void memory_is_given_back(void **state)
{
    struct flow_kit other;

    w_v9(&b, 4, 5000, SECS, 1, 7), v9_template();
    size_t at = w_set(&b, 1);
    w16(&b, 261), w16(&b, 4), w16(&b, 8), FIELDS(1, 4, 48, 1, 50, 4, 49, 1);
    w_set_end(&b, at);
    at = w_set(&b, 261);
    w32(&b, 0), w8(&b, 3), w32(&b, 1000), w8(&b, 2);
    w_set_end(&b, at);
    send();
    flow_kit_init(&other, &limits);
    for (size_t i = 0; i < k.nnotes; i++)
        flow_rx_restore(other.rx, &k.notes[i]);
    w_v9(&b, 1, 6000, SECS, 2, 7), v9_data(3);
    flow_kit_send(&other, buf_view(&b));
    assert_int_equal(other.n, 1);
    assert_int_equal(other.rows[0].v[FC_sampling], 1000);
    flow_kit_done(&other);
}

static void nonsense_is_not_restored(void **state)
{
    struct flow_note n = {.kind = FN_TEMPLATE, .version = 10, .id = 256, .ip = k.from, .port = k.port, .domain = 1};
    static const char bytes[] = "\0\0\0\1\0\4\0\0\0\0\0";

    n.bytes = (str){bytes, 9}, flow_rx_restore(k.rx, &n);
    n.bytes = STR_NONE, flow_rx_restore(k.rx, &n);
    n.bytes = (str){bytes, 10}, n.id = 1, flow_rx_restore(k.rx, &n);
    n.id = 256, n.version = 11, flow_rx_restore(k.rx, &n);
    assert_int_equal(flow_kit_count(&k, FN_TEMPLATE), 0);
    n.version = 10, flow_rx_restore(k.rx, &n);
    assert_int_equal(flow_kit_count(&k, FN_TEMPLATE), 1);
}

static void sflow_is_told_once(void **state)
{
    for (int i = 0; i < 5; i++) {
        buf_clear(&b);
        w32(&b, 5), w32(&b, 1), wip(&b, "10.0.0.1"), w32(&b, 0), w32(&b, i), w32(&b, 1000), w32(&b, 0);
        send();
    }
    assert_int_equal(stats()->drop_flow_sflow, 5);
    assert_int_equal(flow_kit_count(&k, FN_SFLOW), 1);
    buf_clear(&b), w16(&b, 8), w32(&b, 1), send();
    buf_clear(&b), send();
    assert_int_equal(stats()->drop_flow_version, 2);
}

static void large_sets_fill_many_batches(void **state)
{
    w_ipfix(&b, SECS, 0, 1);
    size_t at = w_set(&b, 2);
    w16(&b, 300), w16(&b, 1), FIELDS(2, 1);
    w_set_end(&b, at);
    at = w_set(&b, 300);
    for (int i = 0; i < 60000; i++)
        w8(&b, i);
    w_set_end(&b, at);
    w_ipfix_end(&b);
    send();
    assert_int_equal(k.total, 60000);
    for (size_t i = 0; i < k.n; i++)
        assert_int_equal(k.rows[i].v[FC_packets], i & 255);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(v5_gives_every_field),
        T(v5_uptime_wraps),
        T(v5_lies_are_refused),
        T(v5_gap_is_flows),
        T(ipfix_template_then_data),
        T(data_before_its_template_waits),
        T(early_data_is_bounded),
        T(a_template_changes_at_once),
        T(templates_are_withdrawn),
        T(variable_and_enterprise_fields),
        T(variable_length_that_lies),
        T(every_form_of_time),
        T(a_length_gives_the_end),
        T(reduced_lengths_and_large_values),
        T(ipv6_and_both_kinds),
        T(ipfix_lies_are_refused),
        T(ipfix_gap_is_records),
        T(ipfix_restart_forgets_templates),
        T(v9_with_template_and_options_in_one),
        T(v9_sampling_of_an_interface),
        T(v9_restart_by_uptime),
        T(v9_gap_is_packets),
        T(v9_zeros_behind_the_sets),
        T(exporters_do_not_share),
        T(a_template_flood_is_bounded),
        T(proven_templates_outlive_a_flood),
        T(memory_is_given_back),
        T(nonsense_is_not_restored),
        T(sflow_is_told_once),
        T(large_sets_fill_many_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
