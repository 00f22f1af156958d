/* SHA-256 of many short messages at once (FIPS 180-4). A Merkle leaf a line is
 * a digest of some 200 bytes, and one at a time that costs more than all the
 * rest of storing the line; side by side in vector registers it does not.
 * libipsec-mb picks SSE, AVX2 or AVX-512 at run time; elsewhere than on x86-64
 * OpenSSL's digest is used, with the same results.
 *
 * A hasher belongs to one thread. */
#ifndef LUY_VAULT_HASHER_H
#define LUY_VAULT_HASHER_H
#include "vault/vault.h"

struct hasher;
struct hasher *hasher_new(void); /* NULL: no memory */
void hasher_free(struct hasher *h);
/* out[i] = SHA-256 of in[i]; the bytes must stay until the call returns. */
void hasher_many(struct hasher *h, const str *in, struct sha256 *out, size_t n);
#endif
