/* Addresses: what of a prefix is taken, what is free, and giving it out. A
 * prefix that is a container is divided into prefixes; any other holds
 * addresses. Taken are: living prefixes below it, living addresses, what the
 * prefix reserves (gateway, declared ranges, and in a prefix of addresses the
 * network and broadcast address of IPv4, RFC 3021 excepted, or the
 * subnet-router anycast address of IPv6, RFC 4291 2.6.1), and addresses that
 * ended or moved less than cool_off_days ago.
 *
 * An address stands once in the whole registry (its key is unique among living
 * records), whatever the network: this is what makes giving out race-free
 * beyond one process. Sizes are decimal text in JSON, as they pass 2^53.
 *
 * Thread-safe; prefix: id or key. -ENOENT as in registry.h; -ENOTSUP when the
 * schema has no such kinds. */
#ifndef LUY_REGISTRY_ADDR_H
#define LUY_REGISTRY_ADDR_H
#include "registry/registry.h"

enum { ADDR_COUNT_MAX = 1000, ADDR_ROWS_MAX = 2000 };

/* One level: {"prefix": {...}, "use": {size, prefixes, addresses, reserved,
 * cooling, free, percent}, "rows": [...], "next": address or null, "conflicts":
 * [...]}; rows in order of address, each {"type": "prefix" | "address" |
 * "reserved" | "cooling" | "taken" | "gap", "first", "last", "size", ...}. A gap
 * row is the largest aligned prefix that fits. "taken": the actor may not see
 * by whom. from: address to begin at, may be empty; limit 0 = 500. */
int addr_tree(struct registry *r, const struct actor *who, str prefix, str from, size_t limit, json_t **out,
              struct err *e);
/* The next n free addresses, or with length > 0 free prefixes of that length:
 * {"prefix", "items": [text], "free"}; fewer items when there are fewer. */
int addr_free(struct registry *r, const struct actor *who, str prefix, size_t n, unsigned length, json_t **out,
              struct err *e);
/* Gives out in one transaction, all or nothing: members count, length (then
 * prefixes), and of each record made device, interface, name, purpose (address)
 * or unit, site, zone, container, purpose (prefix). {n} in name becomes 1, 2 ...
 * {"items": [record]}. -EEXIST, when there are too few, with the numbers. */
int addr_allocate(struct registry *r, const struct actor *who, str prefix, const json_t *want, json_t **out,
                  struct errs *es, struct err *e);

/* Records of a DNS zone: declared ones (dns_record) and what follows from the
 * addresses: A and AAAA from an address's fqdn, or from its device's code (and
 * interface) in the zone of its prefix; PTR in a zone under in-addr.arpa or
 * ip6.arpa. A declared record stands in place of derived ones of its name and
 * type. {"zone", "items": [{"name", "type", "value", "ttl", "from": "declared" |
 * "address", "id", "key"}], "conflicts": [{"why", "name", ...}]}. Only what the
 * actor may see. -E2BIG above DNS_RECORDS_MAX. */
enum { DNS_RECORDS_MAX = 200000 };
int dns_derived(struct registry *r, const struct actor *who, str zone, json_t **out, struct err *e);
#endif
