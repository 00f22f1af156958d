/* Field types: what each accepts, how it is stored and shown. One row of a
 * table in value.c is one type. */
#ifndef LUY_REGISTRY_VALUE_INT_H
#define LUY_REGISTRY_VALUE_INT_H
#include "base/buf.h"
#include "base/ip.h"
#include "registry/schema.h"
#include "registry/store.h"

enum { KEY_MAX = 160, TEXT_MAX = 1000, MARKDOWN_MAX = 20000, JSON_MAX = 65536 };

/* How a value sits in SQL. */
enum val_type value_storage(enum ftype t);
/* Text as a person or a CSV cell has it, to the one canonical form that is
 * stored. Not for ref and refs. Empty text gives VAL_NULL. The text of *out
 * lives in `a`. 0 or -EINVAL with what would be right. */
int value_parse(struct arena *a, const struct field *f, str in, struct val *out, struct err *e);
/* The same from JSON: numbers, true and false as such, all else as text. */
int value_from_json(struct arena *a, const struct field *f, const json_t *in, struct val *out, struct err *e);
json_t *value_to_json(const struct field *f, const struct val *v);
/* What a CSV cell says; value_parse reads it back to the same value. */
str value_text(struct arena *a, const struct field *f, const struct val *v);
bool val_eq(const struct val *a, const struct val *b);

/* Addresses as text that sorts: family digit and hex. Prefixes: first and last. */
enum { IP_BIN_MAX = 34 };
void ip_bin(struct ip ip, char out[IP_BIN_MAX]);
void prefix_bin(struct prefix p, char first[IP_BIN_MAX], char last[IP_BIN_MAX]);

/* value_net.c: names and numbers of networks and people. */
typedef int parse_fn(struct arena *a, const struct field *f, str in, struct val *out, struct err *e);
parse_fn parse_ip, parse_prefix, parse_mac, parse_fqdn, parse_email, parse_phone;

/* value_idn.c: host names in other letters than a to z are stored as DNS has them
 * (A-labels, RFC 5890) and shown as people write them (U-labels). */
bool host_ascii(struct arena *a, str in, str *out); /* in: any form; false: not a name */
str host_shown(struct arena *a, str stored);        /* also of an e-mail address */
json_t *host_json(str stored);

/* sort.c: a key whose byte order is the order of a Vietnamese dictionary, and
 * puts "MT 9" before "MT 10". */
str text_sort_key(struct arena *a, str s);
#endif
