/* Unit tables of ip.c: forms, hostile text, and print-parse round trips. */
#include "base/ip.h"
#include "base/test-int.h"

static void addresses(void **state)
{
    static const struct {
        const char *in, *out;
    } t[] = {
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"192.0.2.1", "192.0.2.1"},
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"2001:DB8::A", "2001:db8::a"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},    /* first of equal runs */
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* one group is not shortened */
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},          /* the longest run */
        {"0:0:0:0:0:0:0:0", "::"},
        {"1:0:0:0:0:0:0:0", "1::"},
        {"0:0:1:0:0:0:0:0", "0:0:1::"},
        {"fe80:0000:0000:0000:0202:b3ff:fe1e:8329", "fe80::202:b3ff:fe1e:8329"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
        {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::FFFF:c000:0201", "192.0.2.1"},
        {"0:0:0:0:0:ffff:1.2.3.4", "1.2.3.4"},
        {"::1.2.3.4", "::102:304"},
        {"", NULL},
        {".", NULL},
        {"1", NULL},
        {"1.2.3", NULL},
        {"1.2.3.4.", NULL},
        {".1.2.3.4", NULL},
        {"1.2.3.4.5", NULL},
        {"1.2.3.256", NULL},
        {"01.2.3.4", NULL},
        {"1.2.3.04", NULL},
        {"1.2.3.00", NULL},
        {"1.2.3.0x4", NULL},
        {"1.2.3.-4", NULL},
        {"1.2.3.4 ", NULL},
        {" 1.2.3.4", NULL},
        {"1..3.4", NULL},
        {"99999999999.1.1.1", NULL},
        {"1.2.3.4/32", NULL},
        {":", NULL},
        {":::", NULL},
        {"1:", NULL},
        {":1", NULL},
        {"1:::2", NULL},
        {"::1::", NULL},
        {"1::2::3", NULL},
        {"1:2:3:4:5:6:7", NULL},
        {"1:2:3:4:5:6:7:8:9", NULL},
        {"1:2:3:4:5:6:7:8::", NULL},
        {"::1:2:3:4:5:6:7:8", NULL},
        {"1:2:3:4::5:6:7:8", NULL},
        {"12345::", NULL},
        {"g::", NULL},
        {"fe80::1%eth0", NULL},
        {"::1.2.3", NULL},
        {"::1.2.3.4:5", NULL},
        {"1.2.3.4::", NULL},
        {"1:2:3:4:5:6:7:1.2.3.4", NULL},
        {"::ffff:192.0.2.01", NULL},
        {"[::1]", NULL},
        {"0000000000000000000000000000000000000000000000::", NULL},
    };
    for (size_t i = 0; i < COUNT(t); i++) {
        struct ip a = {.family = 99};
        char out[IP_TEXT_MAX];
        bool ok = ip_parse(str_c(t[i].in), &a);
        if (ok != (t[i].out != NULL))
            print_error("%s\n", t[i].in);
        assert_int_equal(ok, t[i].out != NULL);
        assert_true(ok || a.family == 99);
        if (ok) {
            assert_int_equal(ip_fmt(a, out, sizeof(out)), strlen(t[i].out));
            assert_string_equal(out, t[i].out);
        }
    }
    struct ip a;
    assert_false(ip_parse((str){"1.2.3.4\0", 8}, &a));
    assert_false(ip_parse(STR_NONE, &a));
}

static struct ip ip_of(const char *s)
{
    struct ip a;
    assert_true(ip_parse(str_c(s), &a));
    return a;
}

static void order_and_text(void **state)
{
    char out[IP_TEXT_MAX];
    struct ip mapped = {.family = 6, .b = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 1}};

    assert_true(ip_cmp(ip_of("9.0.0.0"), ip_of("10.0.0.0")) < 0);
    assert_true(ip_cmp(ip_of("255.0.0.0"), ip_of("::")) < 0);
    assert_true(ip_cmp(ip_of("::2"), ip_of("::1")) > 0);
    assert_int_equal(ip_cmp(ip_of("::1"), ip_of("0::1")), 0);
    ip_fmt(mapped, out, sizeof(out));
    assert_string_equal(out, "::ffff:192.0.2.1");
    assert_int_equal(ip_fmt((struct ip){0}, out, sizeof(out)), 0);
    assert_string_equal(out, "");
    assert_int_equal(ip_fmt(ip_of("192.0.2.1"), out, 4), 3);
    assert_string_equal(out, "192");
}

static struct prefix prefix_of(const char *s)
{
    struct prefix p;
    assert_true(prefix_parse(str_c(s), &p));
    return p;
}

static void prefixes(void **state)
{
    static const struct {
        const char *in, *out;
    } t[] = {
        {"10.0.0.0/8", "10.0.0.0/8"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"192.0.2.1/32", "192.0.2.1/32"},
        {"192.0.2.128/25", "192.0.2.128/25"},
        {"::/0", "::/0"},
        {"2001:DB8::/32", "2001:db8::/32"},
        {"::1/128", "::1/128"},
        {"::ffff:10.0.0.0/104", "10.0.0.0/8"},
        {"::ffff:0:0/96", "0.0.0.0/0"},
        {"192.0.2.1/24", NULL},
        {"2001:db8::1/64", NULL},
        {"10.0.0.0", NULL},
        {"10.0.0.0/", NULL},
        {"/8", NULL},
        {"10.0.0.0/33", NULL},
        {"::/129", NULL},
        {"10.0.0.0/08", NULL},
        {"10.0.0.0/-1", NULL},
        {"10.0.0.0/8/8", NULL},
        {"10.0.0.0/ 8", NULL},
        {"10/8", NULL},
        {"::ffff:0.0.0.0/95", NULL},
        {"10.0.0.0/99999999999", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < COUNT(t); i++) {
        struct prefix p;
        char out[PREFIX_TEXT_MAX];
        bool ok = prefix_parse(str_c(t[i].in), &p);
        if (ok != (t[i].out != NULL))
            print_error("%s\n", t[i].in);
        assert_int_equal(ok, t[i].out != NULL);
        if (ok) {
            assert_int_equal(prefix_fmt(p, out, sizeof(out)), strlen(t[i].out));
            assert_string_equal(out, t[i].out);
        }
    }
}

static void membership(void **state)
{
    static const struct {
        const char *p, *a;
        bool in;
    } has[] = {
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"0.0.0.0/0", "1.2.3.4", true},
        {"0.0.0.0/0", "::1", false},
        {"::/0", "1.2.3.4", false},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.1/32", "192.0.2.1", true},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"2001:db8::/33", "2001:db8:7fff::", true},
        {"10.0.0.0/8", "::ffff:10.1.1.1", true},
    };
    static const struct {
        const char *a, *b;
        bool over;
    } meet[] = {
        {"10.0.0.0/8", "10.1.0.0/16", true}, {"10.0.0.0/9", "10.128.0.0/9", false}, {"10.0.0.0/8", "10.0.0.0/8", true},
        {"0.0.0.0/0", "::/0", false},        {"::/0", "2001:db8::/32", true},
    };
    for (size_t i = 0; i < COUNT(has); i++)
        assert_int_equal(prefix_has(prefix_of(has[i].p), ip_of(has[i].a)), has[i].in);
    for (size_t i = 0; i < COUNT(meet); i++) {
        assert_int_equal(prefix_overlaps(prefix_of(meet[i].a), prefix_of(meet[i].b)), meet[i].over);
        assert_int_equal(prefix_overlaps(prefix_of(meet[i].b), prefix_of(meet[i].a)), meet[i].over);
    }
    assert_false(prefix_has((struct prefix){0}, (struct ip){0}));
}

static void macs(void **state)
{
    static const struct {
        const char *in, *out;
    } t[] = {
        {"00:00:5e:00:53:01", "00:00:5e:00:53:01"},
        {"00-00-5E-00-53-01", "00:00:5e:00:53:01"},
        {"0000.5e00.5301", "00:00:5e:00:53:01"},
        {"00005E005301", "00:00:5e:00:53:01"},
        {"00:00-5e:00:53:01", NULL},
        {"0:0:5e:0:53:1", NULL},
        {"00:00:5e:00:53", NULL},
        {"00:00:5e:00:53:0g", NULL},
        {"0000:5e00:5301", NULL},
        {"00.00.5e.00.53.01", NULL},
        {"", NULL},
        {"00 00 5e 00 53 01", NULL},
        {"00005e00530", NULL},
        {"0000.5e00-5301", NULL},
        {"00:00:5e:00:53:01:", NULL},
    };
    for (size_t i = 0; i < COUNT(t); i++) {
        struct mac m;
        char out[MAC_TEXT_MAX];
        assert_int_equal(mac_parse(str_c(t[i].in), &m), t[i].out != NULL);
        if (t[i].out != NULL) {
            assert_int_equal(mac_fmt(m, out, sizeof(out)), 17);
            assert_string_equal(out, t[i].out);
        }
    }
}

/* What prints parses back to the same, for random addresses rich in zeros. */
static void round_trips(void **state)
{
    uint64_t rng = 41;

    for (int i = 0; i < 50000; i++) {
        struct ip a = {.family = prng(&rng) % 2 ? 4 : 6}, b;
        uint64_t mask = prng(&rng);
        char out[IP_TEXT_MAX];
        for (int k = 0; k < (a.family == 4 ? 4 : 16); k++)
            a.b[k] = mask >> k & 1 ? 0 : (uint8_t)prng(&rng);
        size_t n = ip_fmt(a, out, sizeof(out));
        assert_true(n < sizeof(out) - 1);
        assert_true(ip_parse((str){out, n}, &b));
        assert_true(ip_cmp(a, b) == 0 || (a.family == 6 && b.family == 4));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),  cmocka_unit_test(order_and_text), cmocka_unit_test(prefixes),
        cmocka_unit_test(membership), cmocka_unit_test(macs),           cmocka_unit_test(round_trips),
    };
    return cmocka_run_group_tests_name("base/ip", tests, NULL, NULL);
}
