/* Certificates: a small authority for the system's own TLS. The authority's
 * key is "ca". Files are written atomically; callers come from any thread, and
 * cert_lock makes two of them agree on one certificate. */
#include "vault/vault-int.h"
#include "base/file.h"
#include "base/ip.h"
#include "base/rand.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum {
    DAY_S = 86400,
    RENEW_DAYS = 30,
    CA_DAYS = 3650,
    CA_RENEW_DAYS = 365,
    DAYS_MAX = 3650,
    SANS_MAX = 64,
    BACKDATE_S = 3600
};

static pthread_mutex_t cert_lock = PTHREAD_MUTEX_INITIALIZER;

/* What a certificate shall be. */
struct wish {
    str name, common_name;
    GENERAL_NAMES *sans; /* NULL for the authority */
    int days;
    EVP_PKEY *key, *ca_key;
    X509 *ca; /* NULL for the authority itself */
};

/* ---- subject alternative names ---- */

static GENERAL_NAME *san_dns(str host)
{
    for (size_t i = 0; i < host.n; i++) {
        char c = host.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '-' && c != '.' &&
            !(c == '*' && i == 0))
            return NULL;
    }
    if (host.n == 0 || host.n > 253)
        return NULL;
    GENERAL_NAME *g = GENERAL_NAME_new();
    ASN1_IA5STRING *s = ASN1_IA5STRING_new();
    if (g == NULL || s == NULL || ASN1_STRING_set(s, host.p, (int)host.n) != 1) {
        GENERAL_NAME_free(g);
        ASN1_IA5STRING_free(s);
        return NULL;
    }
    GENERAL_NAME_set0_value(g, GEN_DNS, s);
    return g;
}

static GENERAL_NAME *san_ip(str addr)
{
    struct ip ip;

    if (!ip_parse(addr, &ip))
        return NULL;
    GENERAL_NAME *g = GENERAL_NAME_new();
    ASN1_OCTET_STRING *s = ASN1_OCTET_STRING_new();
    if (g == NULL || s == NULL || ASN1_OCTET_STRING_set(s, ip.b, ip.family == 4 ? 4 : 16) != 1) {
        GENERAL_NAME_free(g);
        ASN1_OCTET_STRING_free(s);
        return NULL;
    }
    GENERAL_NAME_set0_value(g, GEN_IPADD, s);
    return g;
}

/* Our own reading of "DNS:a,IP:b": OpenSSL's takes more than names (sections
 * of a configuration, other kinds), and the text may come from a request. */
static int sans_parse(str sans, GENERAL_NAMES **out, struct err *e)
{
    GENERAL_NAMES *list = sk_GENERAL_NAME_new_null();
    str item;

    if (list == NULL)
        return ERR(e, -ENOMEM, "base.errno");
    for (str rest = sans; str_split(&rest, ',', &item);) {
        item = str_trim(item);
        GENERAL_NAME *g = str_starts(item, STR("DNS:"))  ? san_dns(str_sub(item, 4, item.n))
                          : str_starts(item, STR("IP:")) ? san_ip(str_sub(item, 3, item.n))
                                                         : NULL;
        if (g == NULL || sk_GENERAL_NAME_num(list) >= SANS_MAX || sk_GENERAL_NAME_push(list, g) <= 0) {
            GENERAL_NAME_free(g);
            GENERAL_NAMES_free(list);
            return ERR(e, -EINVAL, "vault.san", S(item));
        }
    }
    *out = list;
    return 0;
}

static bool sans_equal(X509 *x, const GENERAL_NAMES *want)
{
    GENERAL_NAMES *have = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    bool same = (have == NULL) == (want == NULL);

    if (have != NULL && want != NULL) {
        same = sk_GENERAL_NAME_num(have) == sk_GENERAL_NAME_num(want);
        for (int i = 0; same && i < sk_GENERAL_NAME_num(want); i++)
            same = GENERAL_NAME_cmp(sk_GENERAL_NAME_value(have, i), sk_GENERAL_NAME_value(want, i)) == 0;
    }
    GENERAL_NAMES_free(have);
    return same;
}

/* ---- reading ---- */

/* NULL when absent or no certificate: then a new one is made. */
static X509 *cert_load(struct vault *v, str name)
{
    char path[VAULT_PATH_MAX];
    struct arena a = arena_init(2 * VAULT_PEM_MAX);
    X509 *x = NULL;
    str pem;

    if (vault_path(v, name, "crt", path, NULL) == 0 && file_read(&a, path, VAULT_PEM_MAX, &pem, NULL) == 0) {
        BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
        x = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
        BIO_free(bio);
        ERR_clear_error();
    }
    arena_free(&a);
    return x;
}

static bool common_name_is(X509 *x, str want)
{
    X509_NAME *n = X509_get_subject_name(x);
    int at = X509_NAME_get_index_by_NID(n, NID_commonName, -1);
    unsigned char *p = NULL;
    int len = at < 0 ? -1 : ASN1_STRING_to_UTF8(&p, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(n, at)));
    bool same = len >= 0 && str_eq((str){(char *)p, (size_t)len}, want);

    OPENSSL_free(p);
    return same;
}

/* Runs at `now` and for `left` seconds more. */
static bool lasts(X509 *x, int64_t now, int64_t left)
{
    time_t start = (time_t)now, end = (time_t)(now + left);

    return X509_cmp_time(X509_get0_notBefore(x), &start) < 0 && X509_cmp_time(X509_get0_notAfter(x), &end) > 0;
}

static int64_t renew_before(const struct wish *w)
{
    int64_t limit = (int64_t)(w->ca == NULL ? CA_RENEW_DAYS : RENEW_DAYS) * DAY_S, half = (int64_t)w->days * DAY_S / 2;

    return half < limit ? half : limit;
}

static bool still_good(X509 *x, const struct wish *w, int64_t now)
{
    EVP_PKEY *issuer = w->ca == NULL ? w->key : w->ca_key;
    X509 *ca = w->ca == NULL ? x : w->ca;
    bool good = lasts(x, now, renew_before(w)) && EVP_PKEY_eq(X509_get0_pubkey(x), w->key) == 1 &&
                X509_NAME_cmp(X509_get_issuer_name(x), X509_get_subject_name(ca)) == 0 && X509_verify(x, issuer) == 1 &&
                common_name_is(x, w->common_name) && sans_equal(x, w->sans);

    ERR_clear_error();
    return good;
}

/* ---- making ---- */

static bool add_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = ext != NULL && X509_add_ext(x, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

static bool set_serial(X509 *x)
{
    uint8_t bytes[16];

    rand_bytes(bytes, sizeof(bytes));
    bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40); /* positive, never short */
    BIGNUM *bn = BN_bin2bn(bytes, sizeof(bytes), NULL);
    bool ok = bn != NULL && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) != NULL;
    BN_free(bn);
    return ok;
}

static bool set_names(X509 *x, const struct wish *w)
{
    X509_NAME *n = X509_get_subject_name(x);

    return X509_NAME_add_entry_by_NID(n, NID_commonName, MBSTRING_UTF8, (const unsigned char *)w->common_name.p,
                                      (int)w->common_name.n, -1, 0) == 1 &&
           X509_set_issuer_name(x, w->ca == NULL ? n : X509_get_subject_name(w->ca)) == 1;
}

/* A leaf ends with its authority at the latest. The start lies an hour back,
 * for clients whose clock is slow. */
static bool set_life(X509 *x, const struct wish *w, int64_t now)
{
    time_t end = (time_t)(now + (int64_t)w->days * DAY_S);

    if (ASN1_TIME_set(X509_getm_notBefore(x), (time_t)(now - BACKDATE_S)) == NULL)
        return false;
    if (w->ca != NULL && X509_cmp_time(X509_get0_notAfter(w->ca), &end) < 0)
        return X509_set1_notAfter(x, X509_get0_notAfter(w->ca)) == 1;
    return ASN1_TIME_set(X509_getm_notAfter(x), end) != NULL;
}

static bool set_extensions(X509 *x, const struct wish *w)
{
    X509 *issuer = w->ca == NULL ? x : w->ca;

    if (!add_ext(x, issuer, NID_subject_key_identifier, "hash") ||
        !add_ext(x, issuer, NID_authority_key_identifier, "keyid:always"))
        return false;
    if (w->ca == NULL)
        return add_ext(x, issuer, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
               add_ext(x, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
    return add_ext(x, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
           add_ext(x, issuer, NID_key_usage, "critical,digitalSignature") &&
           add_ext(x, issuer, NID_ext_key_usage, "serverAuth,clientAuth") &&
           X509_add1_ext_i2d(x, NID_subject_alt_name, w->sans, 0, X509V3_ADD_DEFAULT) == 1;
}

static X509 *cert_make(const struct wish *w, int64_t now)
{
    EVP_PKEY *signer = w->ca == NULL ? w->key : w->ca_key;
    const EVP_MD *md = EVP_PKEY_is_a(signer, "ED25519") ? NULL : EVP_sha256();
    X509 *x = X509_new();

    if (x != NULL && X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) && set_names(x, w) &&
        set_life(x, w, now) && X509_set_pubkey(x, w->key) == 1 && set_extensions(x, w) && X509_sign(x, signer, md) > 0)
        return x;
    X509_free(x);
    return NULL;
}

static int cert_write(struct vault *v, str name, X509 *x, struct err *e)
{
    char path[VAULT_PATH_MAX], *p;
    BIO *bio = BIO_new(BIO_s_mem());
    int rc = vault_path(v, name, "crt", path, e);

    if (rc == 0 && (bio == NULL || PEM_write_bio_X509(bio, x) != 1))
        rc = vault_ssl_err(e, "vault.cert_make", name);
    if (rc == 0) {
        long n = BIO_get_mem_data(bio, &p);
        rc = file_write_atomic(path, (str){p, (size_t)n}, 0644, e);
    }
    BIO_free(bio);
    return rc;
}

/* The certificate on disk when it still fits the wish, or a new one. */
static int cert_get(struct vault *v, const struct wish *w, X509 **out, struct err *e)
{
    int64_t now = clock_wall(v->clk) / NS_PER_S;
    X509 *x = cert_load(v, w->name);

    if (x != NULL && still_good(x, w, now)) {
        *out = x;
        return 0;
    }
    X509_free(x);
    x = cert_make(w, now);
    if (x == NULL)
        return vault_ssl_err(e, "vault.cert_make", w->name);
    int rc = cert_write(v, w->name, x, e);
    if (rc < 0)
        X509_free(x);
    else
        *out = x;
    return rc;
}

static int ca_get(struct vault *v, EVP_PKEY **key, X509 **cert, struct err *e)
{
    int rc = vault_key_ensure(v, STR("ca"), VAULT_P256, e);

    if (rc == 0)
        rc = vault_key_get(v, STR("ca"), key, e);
    if (rc < 0)
        return rc;
    struct wish w = {.name = STR("ca"), .common_name = STR("Luy CA"), .days = CA_DAYS, .key = *key};
    rc = cert_get(v, &w, cert, e);
    if (rc < 0)
        EVP_PKEY_free(*key);
    return rc;
}

static int leaf_get(struct vault *v, struct wish *w, struct err *e)
{
    X509 *x = NULL;
    int rc = vault_key_get(v, w->name, &w->key, e);

    if (rc < 0)
        return rc;
    rc = ca_get(v, &w->ca_key, &w->ca, e);
    if (rc == 0) {
        rc = cert_get(v, w, &x, e);
        X509_free(x);
        X509_free(w->ca);
        EVP_PKEY_free(w->ca_key);
    }
    EVP_PKEY_free(w->key);
    return rc;
}

int vault_cert_ensure(struct vault *v, str name, str common_name, str sans, int days, struct err *e)
{
    struct wish w = {.name = name, .common_name = common_name, .days = days};

    if (days < 1 || days > DAYS_MAX)
        return ERR(e, -EINVAL, "vault.cert_days", N(days), N(DAYS_MAX));
    if (common_name.n == 0 || common_name.n > 64 || str_eq(name, STR("ca")))
        return ERR(e, -EINVAL, "vault.cert_name", S(common_name));
    int rc = sans_parse(sans, &w.sans, e);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&cert_lock);
    rc = leaf_get(v, &w, e);
    pthread_mutex_unlock(&cert_lock);
    GENERAL_NAMES_free(w.sans);
    return rc;
}

/* ---- for a process that ends TLS ---- */

int vault_export_tls(struct vault *v, struct arena *a, str name, str *cert_chain_pem, str *key_pem, struct err *e)
{
    char path[VAULT_PATH_MAX];
    str leaf, ca, key;
    int rc;

    pthread_mutex_lock(&cert_lock);
    rc = vault_path(v, name, "crt", path, e);
    if (rc == 0)
        rc = file_read(a, path, VAULT_PEM_MAX, &leaf, e);
    if (rc == 0)
        rc = vault_path(v, STR("ca"), "crt", path, e);
    if (rc == 0)
        rc = file_read(a, path, VAULT_PEM_MAX, &ca, e);
    if (rc == 0)
        rc = vault_path(v, name, "key", path, e);
    if (rc == 0)
        rc = file_read(a, path, VAULT_PEM_MAX, &key, e);
    pthread_mutex_unlock(&cert_lock);
    if (rc < 0)
        return rc;
    str chain = arena_fmt(a, "%.*s%.*s", STR_ARGS(leaf), STR_ARGS(ca));
    if (chain.p == NULL)
        return ERR(e, -ENOMEM, "base.errno");
    *cert_chain_pem = chain;
    *key_pem = key;
    return 0;
}
