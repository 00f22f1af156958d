/* Digests, secrets, passwords. No state but the digest fetched once; any thread. */
#include "vault/vault.h"
#include "base/rand.h"
#include <argon2.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

/* 64 MiB and two passes: about 0.1 s on a server core (RFC 9106 asks for as
 * much as the service can bear). The limits bound what a stored text may ask. */
enum {
    PW_MEM_KIB = 65536,
    PW_PASSES = 2,
    PW_LANES = 1,
    PW_SALT = 16,
    PW_HASH = 32,
    PW_MEM_LIMIT = 262144,
    PW_PASSES_LIMIT = 16,
    PW_LANES_LIMIT = 8,
    PW_MAX = 1024,
    PW_TEXT_MAX = 512
};

struct sha256 sha256(str data)
{
    struct sha256 h;

    SHA256((const unsigned char *)(data.n == 0 ? "" : data.p), data.n, h.b);
    return h;
}

struct sha256 sha256_2(str a, str b)
{
    struct sha256 h;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    /* Fails only without memory or without a provider: nothing can go on then. */
    if (ctx == NULL || EVP_DigestInit_ex2(ctx, EVP_sha256(), NULL) != 1 || EVP_DigestUpdate(ctx, a.p, a.n) != 1 ||
        EVP_DigestUpdate(ctx, b.p, b.n) != 1 || EVP_DigestFinal_ex(ctx, h.b, NULL) != 1)
        abort();
    EVP_MD_CTX_free(ctx);
    return h;
}

struct sha256_stream {
    EVP_MD_CTX *ctx;
};

struct sha256_stream *sha256_begin(void)
{
    struct sha256_stream *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->ctx = EVP_MD_CTX_new();
    if (s->ctx == NULL || EVP_DigestInit_ex2(s->ctx, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(s->ctx);
        free(s);
        return NULL;
    }
    return s;
}

void sha256_more(struct sha256_stream *s, str data)
{
    if (EVP_DigestUpdate(s->ctx, data.p, data.n) != 1)
        abort();
}

struct sha256 sha256_end(struct sha256_stream *s)
{
    struct sha256 h;

    if (EVP_DigestFinal_ex(s->ctx, h.b, NULL) != 1)
        abort();
    EVP_MD_CTX_free(s->ctx);
    free(s);
    return h;
}

void sha256_hex(struct sha256 h, char out[65]) { hex_fmt(h.b, sizeof(h.b), out); }

bool secret_eq(str a, str b) { return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0); }

int password_hash(str password, char *out, size_t cap, struct err *e)
{
    uint8_t salt[PW_SALT];

    if (password.n > PW_MAX)
        return ERR(e, -E2BIG, "vault.password_long", N(PW_MAX));
    rand_bytes(salt, sizeof(salt));
    int rc = argon2id_hash_encoded(PW_PASSES, PW_MEM_KIB, PW_LANES, password.n == 0 ? "" : password.p, password.n, salt,
                                   sizeof(salt), PW_HASH, out, cap);
    if (rc != ARGON2_OK)
        return ERR(e, rc == ARGON2_MEMORY_ALLOCATION_ERROR ? -ENOMEM : -EIO, "vault.password_hash",
                   argon2_error_message(rc));
    return 0;
}

/* "name=" and a number up to limit at *s. */
static bool parameter(str *s, const char *name, char end, uint64_t limit)
{
    str part;
    uint64_t v;

    return str_split(s, end, &part) && str_starts(part, str_c(name)) &&
           str_u64(str_sub(part, strlen(name), part.n), &v) && v <= limit;
}

/* "$argon2id$v=19$m=65536,t=2,p=1$salt$hash": a text with giant parameters
 * would let one row of a table stop the machine. */
static bool parameters_bearable(str s)
{
    const str head = STR("$argon2id$v=19$");

    if (!str_starts(s, head) || s.n >= PW_TEXT_MAX)
        return false;
    s = str_sub(s, head.n, s.n);
    return parameter(&s, "m=", ',', PW_MEM_LIMIT) && parameter(&s, "t=", ',', PW_PASSES_LIMIT) &&
           parameter(&s, "p=", '$', PW_LANES_LIMIT);
}

bool password_fits(str password, str encoded)
{
    char text[PW_TEXT_MAX] = {0};

    if (password.n > PW_MAX)
        return false;
    if (encoded.n == 0) {
        password_hash(password, text, sizeof(text), NULL);
        return false;
    }
    if (!parameters_bearable(encoded) || memchr(encoded.p, '\0', encoded.n) != NULL)
        return false;
    memcpy(text, encoded.p, encoded.n);
    return argon2id_verify(text, password.n == 0 ? "" : password.p, password.n) == ARGON2_OK;
}
