/* Keys in files: make, load, sign, verify. The vault owns the loaded keys; any
 * thread may call after vault_open. Key bytes are wiped from our buffers. */
#include "vault/vault-int.h"
#include "base/file.h"
#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>

int vault_ssl_err(struct err *e, const char *key, str name)
{
    const char *why = ERR_reason_error_string(ERR_peek_last_error());

    ERR(e, -EIO, key, S(name), why == NULL ? "?" : why);
    ERR_clear_error();
    return -EIO;
}

static bool name_good(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!word && (i == 0 || (c != '-' && c != '_' && c != '.')))
            return false;
    }
    return s.n > 0 && s.n <= VAULT_NAME_MAX;
}

int vault_path(struct vault *v, str name, const char *suffix, char out[VAULT_PATH_MAX], struct err *e)
{
    if (!name_good(name))
        return ERR(e, -EINVAL, "vault.name", S(name));
    int n = snprintf(out, VAULT_PATH_MAX, "%s/%.*s.%s", v->dir, STR_ARGS(name), suffix);
    return n < 0 || n >= VAULT_PATH_MAX ? ERR(e, -ENAMETOOLONG, "vault.name", S(name)) : 0;
}

int vault_open(const char *dir, const struct clock *clk, struct vault **out, struct err *e)
{
    int rc = file_mkdirs(dir, 0700, e);

    if (rc < 0)
        return rc;
    struct vault *v = calloc(1, sizeof(*v));
    if (v == NULL || (v->dir = strdup(dir)) == NULL) {
        free(v);
        return ERR(e, -ENOMEM, "base.errno");
    }
    v->clk = clk;
    pthread_mutex_init(&v->lock, NULL);
    *out = v;
    return 0;
}

void vault_close(struct vault *v)
{
    if (v == NULL)
        return;
    for (size_t i = 0; i < v->n; i++)
        EVP_PKEY_free(v->keys[i].pkey);
    pthread_mutex_destroy(&v->lock);
    free(v->keys);
    free(v->dir);
    free(v);
}

/* ---- loading ---- */

static int key_load(struct vault *v, str name, EVP_PKEY **out, struct err *e)
{
    char path[VAULT_PATH_MAX];
    struct stat st;
    str pem;
    int rc = vault_path(v, name, "key", path, e);

    if (rc < 0)
        return rc;
    if (stat(path, &st) < 0 && errno == ENOENT)
        return ERR(e, -ENOENT, "vault.no_key", S(name));
    if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
        return ERR(e, -EACCES, "vault.key_mode", path);
    struct arena a = arena_init(VAULT_PEM_MAX * 2);
    rc = file_read(&a, path, VAULT_PEM_MAX, &pem, e);
    if (rc == 0) {
        BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
        EVP_PKEY *k = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
        BIO_free(bio);
        OPENSSL_cleanse((char *)pem.p, pem.n);
        if (k == NULL)
            rc = vault_ssl_err(e, "vault.key_read", str_c(path));
        else
            *out = k;
    }
    arena_free(&a);
    return rc;
}

static struct vault_key *find(struct vault *v, str name)
{
    for (size_t i = 0; i < v->n; i++)
        if (str_eq(str_c(v->keys[i].name), name))
            return &v->keys[i];
    return NULL;
}

/* With the lock held; takes the reference. */
static int remember(struct vault *v, str name, EVP_PKEY *k, struct err *e)
{
    struct vault_key *more = v->n >= VAULT_KEYS_MAX ? NULL : reallocarray(v->keys, v->n + 1, sizeof(*more));

    if (more == NULL) {
        EVP_PKEY_free(k);
        return ERR(e, -ENOMEM, "base.errno");
    }
    v->keys = more;
    more[v->n] = (struct vault_key){.pkey = k};
    memcpy(more[v->n].name, name.p, name.n);
    v->n++;
    return 0;
}

/* With the lock held. The vault keeps the reference. */
static int key_locked(struct vault *v, str name, EVP_PKEY **out, struct err *e)
{
    struct vault_key *have = find(v, name);
    EVP_PKEY *k;

    if (have != NULL) {
        *out = have->pkey;
        return 0;
    }
    int rc = key_load(v, name, &k, e);
    if (rc == 0)
        rc = remember(v, name, k, e);
    if (rc == 0)
        *out = k;
    return rc;
}

int vault_key_get(struct vault *v, str name, EVP_PKEY **out, struct err *e)
{
    EVP_PKEY *k;

    pthread_mutex_lock(&v->lock);
    int rc = key_locked(v, name, &k, e);
    if (rc == 0) {
        EVP_PKEY_up_ref(k);
        *out = k;
    }
    pthread_mutex_unlock(&v->lock);
    return rc;
}

/* ---- making ---- */

static int key_write(struct vault *v, str name, EVP_PKEY *k, struct err *e)
{
    char path[VAULT_PATH_MAX];
    BIO *bio = BIO_new(BIO_s_secmem());
    char *p;
    int rc = vault_path(v, name, "key", path, e);

    if (rc == 0 && (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, k, NULL, NULL, 0, NULL, NULL) != 1))
        rc = vault_ssl_err(e, "vault.key_make", name);
    if (rc == 0) {
        long n = BIO_get_mem_data(bio, &p);
        rc = file_write_atomic(path, (str){p, (size_t)n}, 0600, e);
    }
    BIO_free(bio);
    return rc;
}

static EVP_PKEY *key_make(enum vault_alg alg)
{
    return alg == VAULT_P256 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256") : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

int vault_key_ensure(struct vault *v, str name, enum vault_alg alg, struct err *e)
{
    struct err quiet;
    EVP_PKEY *k;

    pthread_mutex_lock(&v->lock);
    int rc = key_locked(v, name, &k, &quiet);
    if (rc == -ENOENT) {
        k = key_make(alg);
        rc = k == NULL ? vault_ssl_err(e, "vault.key_make", name) : key_write(v, name, k, e);
        if (rc == 0)
            rc = remember(v, name, k, e);
        else
            EVP_PKEY_free(k);
    } else if (rc < 0 && e != NULL) {
        *e = quiet;
    }
    pthread_mutex_unlock(&v->lock);
    return rc;
}

/* ---- signatures ---- */

/* Ed25519 hashes for itself; a curve key signs SHA-256. */
static const char *digest_of(EVP_PKEY *k) { return EVP_PKEY_is_a(k, "ED25519") ? NULL : "SHA256"; }

int vault_sign(struct vault *v, str name, str data, uint8_t sig[VAULT_SIG_MAX], size_t *n, struct err *e)
{
    EVP_PKEY *k;
    size_t len = VAULT_SIG_MAX;
    int rc = vault_key_get(v, name, &k, e);

    if (rc < 0)
        return rc;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx == NULL || EVP_DigestSignInit_ex(ctx, NULL, digest_of(k), NULL, NULL, k, NULL) != 1 ||
        EVP_DigestSign(ctx, sig, &len, (const unsigned char *)(data.n == 0 ? "" : data.p), data.n) != 1)
        rc = vault_ssl_err(e, "vault.sign", name);
    else
        *n = len;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(k);
    return rc;
}

static int verify_with(EVP_PKEY *k, str name, str data, str sig, struct err *e)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool fits = ctx != NULL && EVP_DigestVerifyInit_ex(ctx, NULL, digest_of(k), NULL, NULL, k, NULL) == 1 &&
                EVP_DigestVerify(ctx, (const unsigned char *)(sig.n == 0 ? "" : sig.p), sig.n,
                                 (const unsigned char *)(data.n == 0 ? "" : data.p), data.n) == 1;

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return fits ? 0 : ERR(e, -EBADMSG, "vault.signature", S(name));
}

int vault_verify(struct vault *v, str name, str data, str sig, struct err *e)
{
    EVP_PKEY *k;
    int rc = vault_key_get(v, name, &k, e);

    if (rc < 0)
        return rc;
    rc = verify_with(k, name, data, sig, e);
    EVP_PKEY_free(k);
    return rc;
}

int vault_verify_pem(str public_pem, str data, str sig, struct err *e)
{
    BIO *bio = public_pem.n > VAULT_PEM_MAX ? NULL : BIO_new_mem_buf(public_pem.p, (int)public_pem.n);
    EVP_PKEY *k = bio == NULL ? NULL : PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);

    BIO_free(bio);
    if (k == NULL)
        return vault_ssl_err(e, "vault.key_read", STR("PEM"));
    int rc = verify_with(k, STR("PEM"), data, sig, e);
    EVP_PKEY_free(k);
    return rc;
}

int vault_public_pem(struct vault *v, struct arena *a, str name, str *pem, struct err *e)
{
    EVP_PKEY *k;
    char *p;
    int rc = vault_key_get(v, name, &k, e);

    if (rc < 0)
        return rc;
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL || PEM_write_bio_PUBKEY(bio, k) != 1) {
        rc = vault_ssl_err(e, "vault.key_read", name);
    } else {
        long n = BIO_get_mem_data(bio, &p);
        str out = arena_str(a, (str){p, (size_t)n});
        if (out.p == NULL)
            rc = ERR(e, -ENOMEM, "base.errno");
        else
            *pem = out;
    }
    BIO_free(bio);
    EVP_PKEY_free(k);
    return rc;
}
