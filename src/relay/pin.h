/* Who may speak to whom: names and keys, pinned by hand on both sides.
 *
 * Each side has a key "relay" in its vault and shows it in one line:
 *   luy-relay NAME key=<64 hex> anchor=<64 hex>     at the relay
 *   luy-centre NAME key=<64 hex>                    at the centre
 * key: SHA-256 of the public key (SubjectPublicKeyInfo); anchor: ledger.h. The
 * centre keeps the relay's line in DIR/NAME/pin, the relay the centre's key in its
 * configuration. A certificate only carries the key: who signed it and when it ends
 * says nothing here, so no third party can let anyone in. */
#ifndef LUY_RELAY_PIN_H
#define LUY_RELAY_PIN_H
#include "base/err.h"

enum { RELAY_NAME_MAX = 63, RELAYS_MAX = 1000 };
struct relay_pin {
    char name[RELAY_NAME_MAX + 1], key[65], anchor[65]; /* anchor: empty for a centre */
};
bool relay_name_ok(str name); /* a-z 0-9 . _ -, begins with a letter or digit, not "flows": it is a folder's name */
bool relay_key_ok(str hex);
int relay_pin_parse(str line, struct relay_pin *out, struct err *e);
void relay_pin_print(const struct relay_pin *p, char out[300]);
/* -EEXIST: the name, or the key under another name, is pinned already. */
int relay_pin_add(const char *dir, const struct relay_pin *p, struct err *e);
/* From now on its lines are refused; what was kept stays and is searched: the pin becomes DIR/NAME/dropped. -ENOENT. */
int relay_pin_drop(const char *dir, str name, struct err *e);
/* Each that is pinned (or was dropped), by name; fn may stop with a value that is not 0. */
typedef int relay_pin_fn(void *ctx, const struct relay_pin *p);
int relay_pins(const char *dir, bool dropped, relay_pin_fn *fn, void *ctx, struct err *e);
#endif
