/* Addresses. v4 is kept in its own form, never mapped: family says which. */
#ifndef LUY_BASE_IP_H
#define LUY_BASE_IP_H
#include "base/str.h"

struct ip {
    uint8_t family;
    uint8_t b[16];
}; /* 4, 6; 0 = none */
struct prefix {
    struct ip ip;
    uint8_t len;
}; /* host bits are zero */
struct mac {
    uint8_t b[6];
};
enum { IP_TEXT_MAX = 46, PREFIX_TEXT_MAX = 50, MAC_TEXT_MAX = 18 };

/* RFC 4291 text; no zone, no octal. A mapped address (::ffff:192.0.2.1, as a
 * dual-stack socket logs it) gives family 4, so that one host has one form. */
bool ip_parse(str s, struct ip *out);
size_t ip_fmt(struct ip a, char *out, size_t cap); /* RFC 5952 */
int ip_cmp(struct ip a, struct ip b);
bool prefix_parse(str s, struct prefix *out); /* host bits set: false */
size_t prefix_fmt(struct prefix p, char *out, size_t cap);
bool prefix_has(struct prefix p, struct ip a);
bool prefix_overlaps(struct prefix a, struct prefix b);
/* 00:00:5e:00:53:01, with - or :, 0000.5e00.5301, 00005e005301, any case. */
bool mac_parse(str s, struct mac *out);
size_t mac_fmt(struct mac m, char *out, size_t cap); /* lower case, colons */
#endif
