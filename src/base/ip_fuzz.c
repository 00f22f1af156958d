/* Any bytes as an address, a prefix, a MAC: what is accepted prints and parses
 * to the same value, and printing is the one canonical form. */
#include "base/ip.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void address(str s)
{
    struct ip a, b = {0};
    char out[IP_TEXT_MAX], again[IP_TEXT_MAX];

    if (!ip_parse(s, &a))
        return;
    size_t n = ip_fmt(a, out, sizeof(out));
    must(n > 0 && ip_parse((str){out, n}, &b));
    must(ip_cmp(a, b) == 0);
    ip_fmt(b, again, sizeof(again));
    must(strcmp(out, again) == 0);
}

static void prefix(str s)
{
    struct prefix a, b = {0};
    char out[PREFIX_TEXT_MAX];

    if (!prefix_parse(s, &a))
        return;
    size_t n = prefix_fmt(a, out, sizeof(out));
    must(n > 0 && prefix_parse((str){out, n}, &b));
    must(a.len == b.len && ip_cmp(a.ip, b.ip) == 0);
    must(prefix_has(a, a.ip) && prefix_overlaps(a, b));
}

static void mac(str s)
{
    struct mac a, b = {0};
    char out[MAC_TEXT_MAX];

    if (!mac_parse(s, &a))
        return;
    must(mac_fmt(a, out, sizeof(out)) == 17 && mac_parse(str_c(out), &b));
    must(memcmp(&a, &b, sizeof(a)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    str s = {(const char *)p, n};

    address(s);
    prefix(s);
    mac(s);
    return 0;
}
