/* The vault's body, for its own files and tests. Keys are loaded once and kept;
 * `lock` guards the list, OpenSSL counts references of the keys themselves. */
#ifndef LUY_VAULT_VAULT_INT_H
#define LUY_VAULT_VAULT_INT_H
#include "vault/vault.h"
#include <openssl/evp.h>
#include <pthread.h>

enum { VAULT_NAME_MAX = 64, VAULT_KEYS_MAX = 1024, VAULT_PEM_MAX = 64 * 1024, VAULT_PATH_MAX = 4096 };

struct vault_key {
    char name[VAULT_NAME_MAX + 1];
    EVP_PKEY *pkey;
};
struct vault {
    char *dir;
    const struct clock *clk;
    pthread_mutex_t lock;
    struct vault_key *keys;
    size_t n;
};

/* A reference to key NAME (EVP_PKEY_free); -ENOENT when there is none. */
int vault_key_get(struct vault *v, str name, EVP_PKEY **out, struct err *e);
/* DIR/NAME.SUFFIX; -EINVAL for a name that is not [a-z0-9][a-z0-9._-]*. */
int vault_path(struct vault *v, str name, const char *suffix, char out[VAULT_PATH_MAX], struct err *e);
/* OpenSSL said no: its reason becomes {1}. Clears its queue. */
int vault_ssl_err(struct err *e, const char *key, str name);
#endif
