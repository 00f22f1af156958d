/* Keys, signatures, certificates. Keys are PEM files under a folder (mode 0600);
 * a PKCS#11 token can stand behind the same calls later, so no caller ever sees
 * private bytes except through vault_export_tls for a process that ends TLS.
 * Thread-safe after vault_open. */
#ifndef LUY_VAULT_VAULT_H
#define LUY_VAULT_VAULT_H
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"

enum vault_alg { VAULT_ED25519, VAULT_P256 };
struct vault;

int vault_open(const char *dir, const struct clock *clk, struct vault **out, struct err *e);
void vault_close(struct vault *v);
/* Makes the key NAME ("head", "ca", "https", ...) when it does not exist. */
int vault_key_ensure(struct vault *v, str name, enum vault_alg alg, struct err *e);
enum { VAULT_SIG_MAX = 80 };
int vault_sign(struct vault *v, str name, str data, uint8_t sig[VAULT_SIG_MAX], size_t *n, struct err *e);
int vault_verify(struct vault *v, str name, str data, str sig, struct err *e); /* -EBADMSG: does not fit */
/* The same with a public key in PEM: for whoever has only that. */
int vault_verify_pem(str public_pem, str data, str sig, struct err *e);
int vault_public_pem(struct vault *v, struct arena *a, str name, str *pem, struct err *e);
/* Ed25519 keys as their 32 raw bytes, for records of fixed size. -EINVAL when
 * NAME is of another kind. */
enum { VAULT_RAW_PUBLIC = 32, VAULT_RAW_SIG = 64 };
int vault_public_raw(struct vault *v, str name, uint8_t out[VAULT_RAW_PUBLIC], struct err *e);
int vault_verify_raw(const uint8_t pub[VAULT_RAW_PUBLIC], str data, const uint8_t sig[VAULT_RAW_SIG], struct err *e);
/* Forgets key NAME for ever: its file is overwritten and removed. What it signed
 * stays provable, and nothing more can be signed with it. (A file system that
 * copies on write may keep the old bytes for a while.) 0 also when there is none. */
int vault_key_forget(struct vault *v, str name, struct err *e);
/* A certificate for key NAME, signed by key "ca" (a self-signed CA certificate
 * is made on first use). sans: "DNS:localhost,IP:127.0.0.1". Renewed when fewer
 * than 30 days are left (half its life when that is shorter), or when names, key
 * or CA changed. Files: DIR/NAME.crt, DIR/ca.crt. */
int vault_cert_ensure(struct vault *v, str name, str common_name, str sans, int days, struct err *e);
int vault_export_tls(struct vault *v, struct arena *a, str name, str *cert_chain_pem, str *key_pem, struct err *e);

struct sha256 {
    uint8_t b[32];
};
struct sha256 sha256(str data);
struct sha256 sha256_2(str a, str b); /* of a || b */
/* Of bytes that come piece by piece. NULL: no memory. */
struct sha256_stream;
struct sha256_stream *sha256_begin(void);
void sha256_more(struct sha256_stream *s, str data);
struct sha256 sha256_end(struct sha256_stream *s); /* frees s */
void sha256_hex(struct sha256 h, char out[65]);
/* Constant time. */
bool secret_eq(str a, str b);
/* argon2id, parameters in the encoded string; out is NUL-terminated, cap >= 128. */
int password_hash(str password, char *out, size_t cap, struct err *e);
/* False for a malformed text. An empty one takes the same time as a wrong
 * password, so an unknown account cannot be told from a known one. */
bool password_fits(str password, str encoded);
#endif
