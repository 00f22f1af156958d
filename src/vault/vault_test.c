/* Keys, signatures, the certificate authority under a clock set by hand,
 * digests and passwords. */
#include "vault/vault-int.h"
#include "base/file.h"
#include "base/rand.h"
#include "base/test-int.h"
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DAY_NS (86400 * NS_PER_S)
enum { EPOCH_S = 1790000000 }; /* September 2026 */

struct fix {
    struct clock clk;
    char dir[64];
    struct vault *v;
    struct arena a;
    struct err e;
};

static int setup(void **state)
{
    struct fix *f = calloc(1, sizeof(*f));

    f->clk = clock_manual(EPOCH_S * NS_PER_S);
    f->a = arena_init(1 << 20);
    snprintf(f->dir, sizeof(f->dir), "/tmp/luy-vault-XXXXXX");
    if (mkdtemp(f->dir) == NULL || vault_open(f->dir, &f->clk, &f->v, &f->e) < 0)
        return -1;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fix *f = *state;
    pid_t pid = fork();

    if (pid == 0) {
        execlp("rm", "rm", "-rf", f->dir, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
    vault_close(f->v);
    arena_free(&f->a);
    free(f);
    return 0;
}

static const char *path_of(struct fix *f, const char *name) { return arena_fmt(&f->a, "%s/%s", f->dir, name).p; }

static void reopen(struct fix *f)
{
    vault_close(f->v);
    f->v = NULL;
    assert_int_equal(vault_open(f->dir, &f->clk, &f->v, &f->e), 0);
}

static void signs(void **state)
{
    static const enum vault_alg algs[] = {VAULT_ED25519, VAULT_P256};
    struct fix *f = *state;
    str data = STR("lũy tre làng");

    for (size_t i = 0; i < COUNT(algs); i++) {
        str name = i == 0 ? STR("head") : STR("seal");
        uint8_t sig[VAULT_SIG_MAX], again[VAULT_SIG_MAX];
        size_t n = 0, n2 = 0;
        assert_int_equal(vault_key_ensure(f->v, name, algs[i], &f->e), 0);
        assert_int_equal(vault_sign(f->v, name, data, sig, &n, &f->e), 0);
        assert_in_range(n, 64, VAULT_SIG_MAX);
        str s = {(char *)sig, n};
        assert_int_equal(vault_verify(f->v, name, data, s, &f->e), 0);
        /* A key survives; making it again changes nothing. */
        reopen(f);
        assert_int_equal(vault_key_ensure(f->v, name, algs[i], &f->e), 0);
        assert_int_equal(vault_verify(f->v, name, data, s, &f->e), 0);
        assert_int_equal(vault_verify(f->v, name, STR("lũy tre lang"), s, &f->e), -EBADMSG);
        assert_string_equal(f->e.key, "vault.signature");
        assert_int_equal(vault_verify(f->v, name, data, str_sub(s, 0, n - 1), &f->e), -EBADMSG);
        assert_int_equal(vault_verify(f->v, name, data, STR_NONE, &f->e), -EBADMSG);
        for (size_t k = 0; k < n; k += 7) {
            sig[k] ^= 0x10;
            assert_int_equal(vault_verify(f->v, name, data, s, NULL), -EBADMSG);
            sig[k] ^= 0x10;
        }
        assert_int_equal(vault_sign(f->v, name, STR_NONE, again, &n2, &f->e), 0);
        assert_int_equal(vault_verify(f->v, name, STR(""), (str){(char *)again, n2}, &f->e), 0);
    }
}

static void public_only(void **state)
{
    struct fix *f = *state;
    uint8_t sig[VAULT_SIG_MAX];
    size_t n;
    str pem;

    assert_int_equal(vault_key_ensure(f->v, STR("head"), VAULT_ED25519, &f->e), 0);
    assert_int_equal(vault_public_pem(f->v, &f->a, STR("head"), &pem, &f->e), 0);
    assert_true(str_starts(pem, STR("-----BEGIN PUBLIC KEY-----\n")));
    assert_int_equal(vault_sign(f->v, STR("head"), STR("x"), sig, &n, &f->e), 0);
    assert_int_equal(vault_verify_pem(pem, STR("x"), (str){(char *)sig, n}, &f->e), 0);
    assert_int_equal(vault_verify_pem(pem, STR("y"), (str){(char *)sig, n}, &f->e), -EBADMSG);
    assert_true(vault_verify_pem(STR("junk"), STR("x"), (str){(char *)sig, n}, &f->e) < 0);
    assert_true(vault_verify_pem(STR_NONE, STR("x"), (str){(char *)sig, n}, &f->e) < 0);
    struct arena tight = arena_init(16);
    assert_int_equal(vault_public_pem(f->v, &tight, STR("head"), &pem, &f->e), -ENOMEM);
    arena_free(&tight);
}

static void names(void **state)
{
    static const struct {
        const char *name;
        int rc;
    } t[] = {
        {"absent", -ENOENT}, {"", -EINVAL},
        {"..", -EINVAL},     {"../x", -EINVAL},
        {"a/b", -EINVAL},    {"A", -EINVAL},
        {"-a", -EINVAL},     {"é", -EINVAL},
        {"a b", -EINVAL},    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", -EINVAL},
    };
    struct fix *f = *state;
    uint8_t sig[VAULT_SIG_MAX];
    size_t n = 77;

    for (size_t i = 0; i < COUNT(t); i++)
        assert_int_equal(vault_sign(f->v, str_c(t[i].name), STR("x"), sig, &n, &f->e), t[i].rc);
    assert_int_equal(vault_sign(f->v, (str){"a\0b", 3}, STR("x"), sig, &n, &f->e), -EINVAL);
    assert_int_equal(vault_key_ensure(f->v, STR("../x"), VAULT_P256, &f->e), -EINVAL);
    assert_int_equal(n, 77);
}

static void key_files(void **state)
{
    struct fix *f = *state;
    struct stat st;
    uint8_t sig[VAULT_SIG_MAX];
    size_t n;

    assert_int_equal(vault_key_ensure(f->v, STR("head"), VAULT_ED25519, &f->e), 0);
    assert_int_equal(stat(path_of(f, "head.key"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    reopen(f);
    chmod(path_of(f, "head.key"), 0640);
    assert_int_equal(vault_sign(f->v, STR("head"), STR("x"), sig, &n, &f->e), -EACCES);
    assert_string_equal(f->e.key, "vault.key_mode");
    assert_int_equal(vault_key_ensure(f->v, STR("head"), VAULT_ED25519, &f->e), -EACCES);
    /* A broken key is told, never replaced. */
    assert_int_equal(file_write_atomic(path_of(f, "head.key"), STR("-----BEGIN junk"), 0600, &f->e), 0);
    assert_true(vault_key_ensure(f->v, STR("head"), VAULT_ED25519, &f->e) < 0);
    assert_string_equal(f->e.key, "vault.key_read");
    assert_int_equal(vault_open("/proc/nowhere", &f->clk, &f->v, &f->e), -ENOENT);
}

/* ---- certificates ---- */

static X509 *cert_of(struct fix *f, const char *file)
{
    str pem;
    assert_int_equal(file_read(&f->a, path_of(f, file), 1 << 16, &pem, &f->e), 0);
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(x);
    return x;
}

/* As a TLS client would judge: chain, time, purpose, host. */
static int judge(struct fix *f, const char *host, const char *addr, int64_t at_s)
{
    X509 *leaf = cert_of(f, "https.crt"), *ca = cert_of(f, "ca.crt");
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_STORE_add_cert(store, ca);
    assert_int_equal(X509_STORE_CTX_init(ctx, store, leaf, NULL), 1);
    X509_VERIFY_PARAM *p = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(p, (time_t)at_s);
    X509_VERIFY_PARAM_set_purpose(p, X509_PURPOSE_SSL_SERVER);
    X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_X509_STRICT);
    if (host != NULL)
        X509_VERIFY_PARAM_set1_host(p, host, 0);
    if (addr != NULL)
        X509_VERIFY_PARAM_set1_ip_asc(p, addr);
    X509_verify_cert(ctx);
    int rc = X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(leaf);
    X509_free(ca);
    return rc;
}

static str serial_of(struct fix *f, const char *file)
{
    X509 *x = cert_of(f, file);
    const ASN1_INTEGER *s = X509_get0_serialNumber(x);
    char *hex = arena_alloc(&f->a, 200);
    hex_fmt(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s), hex);
    X509_free(x);
    return str_c(hex);
}

static int ensure(struct fix *f, const char *cn, const char *sans, int days)
{
    return vault_cert_ensure(f->v, STR("https"), str_c(cn), str_c(sans), days, &f->e);
}

static void chain(void **state)
{
    struct fix *f = *state;

    assert_int_equal(ensure(f, "luy", "DNS:localhost", 90), -ENOENT);
    assert_int_equal(vault_key_ensure(f->v, STR("https"), VAULT_P256, &f->e), 0);
    assert_int_equal(ensure(f, "Lũy", "DNS:localhost, IP:127.0.0.1,IP:::1", 90), 0);
    assert_int_equal(judge(f, "localhost", NULL, EPOCH_S), X509_V_OK);
    assert_int_equal(judge(f, NULL, "127.0.0.1", EPOCH_S), X509_V_OK);
    assert_int_equal(judge(f, NULL, "::1", EPOCH_S + 89 * 86400), X509_V_OK);
    assert_int_equal(judge(f, NULL, "::1", EPOCH_S + 91 * 86400), X509_V_ERR_CERT_HAS_EXPIRED);
    assert_int_equal(judge(f, "other", NULL, EPOCH_S), X509_V_ERR_HOSTNAME_MISMATCH);
    assert_int_equal(judge(f, NULL, "127.0.0.2", EPOCH_S), X509_V_ERR_IP_ADDRESS_MISMATCH);
    /* An Ed25519 leaf works as well. */
    assert_int_equal(vault_key_ensure(f->v, STR("ed"), VAULT_ED25519, &f->e), 0);
    assert_int_equal(vault_cert_ensure(f->v, STR("ed"), STR("ed"), STR("DNS:ed"), 90, &f->e), 0);
}

static void renewal(void **state)
{
    struct fix *f = *state;

    assert_int_equal(vault_key_ensure(f->v, STR("https"), VAULT_P256, &f->e), 0);
    assert_int_equal(ensure(f, "luy", "DNS:localhost", 90), 0);
    str ca = serial_of(f, "ca.crt"), first = serial_of(f, "https.crt");
    const struct {
        int64_t days;
        const char *cn, *sans;
        bool renewed;
    } t[] = {
        {0, "luy", "DNS:localhost", false},
        {59, "luy", "DNS:localhost", false},
        {2, "luy", "DNS:localhost", true},
        {0, "luy", "DNS:localhost", false},
        {0, "luy", "DNS:localhost,IP:192.0.2.1", true},
        {0, "luy", "DNS:localhost, IP:192.0.2.1", false},
        {0, "Lũy", "DNS:localhost,IP:192.0.2.1", true},
        {0, "Lũy", "IP:192.0.2.1", true},
        {-500, "Lũy", "IP:192.0.2.1", true}, /* a clock that went back: not yet valid */
    };
    for (size_t i = 0; i < COUNT(t); i++) {
        clock_advance(&f->clk, t[i].days * DAY_NS);
        assert_int_equal(ensure(f, t[i].cn, t[i].sans, 90), 0);
        str now = serial_of(f, "https.crt");
        if (str_eq(now, first) == t[i].renewed)
            print_error("step %zu\n", i);
        assert_int_equal(!str_eq(now, first), t[i].renewed);
        first = now;
    }
    assert_false(str_eq(serial_of(f, "ca.crt"), ca));
    /* A broken file is replaced. */
    assert_int_equal(file_write_atomic(path_of(f, "https.crt"), STR("junk"), 0644, &f->e), 0);
    assert_int_equal(ensure(f, "Lũy", "DNS:localhost", 90), 0);
    assert_int_equal(judge(f, "localhost", NULL, clock_wall(&f->clk) / NS_PER_S), X509_V_OK);
}

/* The authority renews in its last year with the same key: leaves signed
 * before still verify, and no leaf outlives it. */
static void authority_renewal(void **state)
{
    struct fix *f = *state;

    assert_int_equal(vault_key_ensure(f->v, STR("https"), VAULT_P256, &f->e), 0);
    assert_int_equal(ensure(f, "luy", "DNS:localhost", 90), 0);
    str ca = serial_of(f, "ca.crt");
    clock_advance(&f->clk, (3650 - 366) * DAY_NS);
    assert_int_equal(ensure(f, "luy", "DNS:localhost", 3650), 0);
    assert_true(str_eq(serial_of(f, "ca.crt"), ca));
    X509 *leaf = cert_of(f, "https.crt"), *old = cert_of(f, "ca.crt");
    assert_int_equal(ASN1_TIME_compare(X509_get0_notAfter(leaf), X509_get0_notAfter(old)), 0);
    X509_free(leaf);
    X509_free(old);
    clock_advance(&f->clk, 2 * DAY_NS);
    assert_int_equal(vault_key_ensure(f->v, STR("other"), VAULT_P256, &f->e), 0);
    assert_int_equal(vault_cert_ensure(f->v, STR("other"), STR("other"), STR("DNS:other"), 90, &f->e), 0);
    assert_false(str_eq(serial_of(f, "ca.crt"), ca));
    assert_int_equal(judge(f, "localhost", NULL, clock_wall(&f->clk) / NS_PER_S), X509_V_OK);
    /* Another authority key: the leaf no longer fits and is made new. */
    str before = serial_of(f, "https.crt");
    unlink(path_of(f, "ca.key"));
    reopen(f);
    assert_int_equal(ensure(f, "luy", "DNS:localhost", 90), 0);
    assert_false(str_eq(serial_of(f, "https.crt"), before));
    assert_int_equal(judge(f, "localhost", NULL, clock_wall(&f->clk) / NS_PER_S), X509_V_OK);
}

static void cert_refusals(void **state)
{
    static const struct {
        const char *cn, *sans;
        int days;
        const char *key;
    } t[] = {
        {"luy", "", 90, "vault.san"},
        {"luy", "localhost", 90, "vault.san"},
        {"luy", "DNS:", 90, "vault.san"},
        {"luy", "DNS:a b", 90, "vault.san"},
        {"luy", "DNS:a\"b", 90, "vault.san"},
        {"luy", "IP:1.2.3", 90, "vault.san"},
        {"luy", "IP:10.0.0.0/8", 90, "vault.san"},
        {"luy", "email:a@b", 90, "vault.san"},
        {"luy", "DNS:a,,DNS:b", 90, "vault.san"},
        {"luy", "dirName:x", 90, "vault.san"},
        {"luy", "DNS:a\n", 90, NULL},
        {"luy", "DNS:a", 0, "vault.cert_days"},
        {"luy", "DNS:a", 3651, "vault.cert_days"},
        {"", "DNS:a", 90, "vault.cert_name"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "DNS:a", 90, "vault.cert_name"},
        {"luy", "DNS:*.example.vn", 90, NULL},
        {"luy", "DNS:a*.example.vn", 90, "vault.san"},
    };
    struct fix *f = *state;

    assert_int_equal(vault_key_ensure(f->v, STR("https"), VAULT_P256, &f->e), 0);
    for (size_t i = 0; i < COUNT(t); i++) {
        int rc = ensure(f, t[i].cn, t[i].sans, t[i].days);
        assert_int_equal(rc, t[i].key == NULL ? 0 : -EINVAL);
        assert_true(rc == 0 || strcmp(f->e.key, t[i].key) == 0);
    }
    struct buf {
        char p[64 * 9 + 20];
    } many;
    size_t n = 0;
    for (int i = 0; i < 65; i++)
        n += (size_t)snprintf(many.p + n, sizeof(many.p) - n, "%sDNS:a%d", i > 0 ? "," : "", i % 10);
    assert_int_equal(ensure(f, "luy", many.p, 90), -EINVAL);
    assert_int_equal(vault_cert_ensure(f->v, STR("ca"), STR("x"), STR("DNS:a"), 90, &f->e), -EINVAL);
}

static void exported(void **state)
{
    struct fix *f = *state;
    str chain_pem, key_pem;

    assert_int_equal(vault_key_ensure(f->v, STR("https"), VAULT_P256, &f->e), 0);
    assert_int_equal(vault_export_tls(f->v, &f->a, STR("https"), &chain_pem, &key_pem, &f->e), -ENOENT);
    assert_int_equal(ensure(f, "luy", "DNS:localhost", 90), 0);
    assert_int_equal(vault_export_tls(f->v, &f->a, STR("https"), &chain_pem, &key_pem, &f->e), 0);
    BIO *bio = BIO_new_mem_buf(chain_pem.p, (int)chain_pem.n);
    X509 *leaf = PEM_read_bio_X509(bio, NULL, NULL, NULL), *ca = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    assert_null(PEM_read_bio_X509(bio, NULL, NULL, NULL));
    BIO_free(bio);
    bio = BIO_new_mem_buf(key_pem.p, (int)key_pem.n);
    EVP_PKEY *k = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_int_equal(X509_check_private_key(leaf, k), 1);
    assert_int_equal(X509_check_issued(ca, leaf), X509_V_OK);
    assert_int_equal(X509_check_ca(ca), 1);
    EVP_PKEY_free(k);
    X509_free(leaf);
    X509_free(ca);
}

/* Threads that ask for the same keys and the same certificate agree. */
static void *ask(void *arg)
{
    struct fix *f = arg;
    uint8_t sig[VAULT_SIG_MAX];
    size_t n;
    intptr_t bad = 0;

    for (int i = 0; i < 10; i++) {
        str name = i % 2 ? STR("head") : STR("https");
        bad += vault_key_ensure(f->v, name, VAULT_P256, NULL) != 0;
        bad += vault_sign(f->v, name, STR("x"), sig, &n, NULL) != 0;
        bad += vault_verify(f->v, name, STR("x"), (str){(char *)sig, n}, NULL) != 0;
        bad += i == 0 && vault_cert_ensure(f->v, STR("https"), STR("luy"), STR("DNS:localhost"), 90, NULL) != 0;
    }
    return (void *)bad;
}

static void threads(void **state)
{
    struct fix *f = *state;
    pthread_t t[4];
    void *bad;

    for (size_t i = 0; i < COUNT(t); i++)
        pthread_create(&t[i], NULL, ask, f);
    for (size_t i = 0; i < COUNT(t); i++) {
        pthread_join(t[i], &bad);
        assert_null(bad);
    }
    assert_int_equal(f->v->n, 3);
    assert_int_equal(judge(f, "localhost", NULL, EPOCH_S), X509_V_OK);
}

/* ---- digests and passwords ---- */

static void digests(void **state)
{
    char hex[65];

    sha256_hex(sha256(STR("abc")), hex); /* FIPS 180-4, example B.1 */
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_hex(sha256(STR_NONE), hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    struct sha256 one = sha256(STR("abc")), two = sha256_2(STR("a"), STR("bc")), three = sha256_2(STR("abc"), STR_NONE);
    assert_memory_equal(&one, &two, sizeof(one));
    assert_memory_equal(&one, &three, sizeof(one));
    assert_true(secret_eq(STR("abc"), STR("abc")));
    assert_false(secret_eq(STR("abc"), STR("abd")));
    assert_false(secret_eq(STR("abc"), STR("ab")));
    assert_true(secret_eq(STR_NONE, STR("")));
}

static void passwords(void **state)
{
    char enc[128], other[128], small[20];
    struct err e;
    str pw = STR("mật khẩu dài");

    assert_int_equal(password_hash(pw, enc, sizeof(enc), &e), 0);
    assert_true(str_starts(str_c(enc), STR("$argon2id$v=19$m=")));
    assert_true(password_fits(pw, str_c(enc)));
    assert_false(password_fits(STR("mật khẩu dai"), str_c(enc)));
    assert_int_equal(password_hash(pw, other, sizeof(other), &e), 0);
    assert_string_not_equal(enc, other);
    assert_true(password_hash(pw, small, sizeof(small), &e) < 0);
    assert_false(password_fits(pw, STR_NONE));
    static char giant[1100];
    assert_int_equal(password_hash((str){giant, sizeof(giant)}, enc, sizeof(enc), &e), -E2BIG);
    assert_false(password_fits((str){giant, sizeof(giant)}, str_c(other)));
}

/* Stored texts that are broken or ask for too much are false at once. */
static void password_texts(void **state)
{
    static const char *const bad[] = {
        "x",
        "$argon2id$",
        "$argon2id$v=19$m=65536,t=2,p=1",
        "$argon2id$v=19$m=65536,t=2,p=1$",
        "$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA",
        "$argon2id$v=19$m=4000000,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
        "$argon2id$v=19$m=65536,t=4000000000,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
        "$argon2id$v=19$m=65536,t=2,p=9999$c2FsdHNhbHQ$aGFzaGhhc2g",
        "$argon2id$v=19$m=-1,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
        "$argon2id$v=16$m=64,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
        "$argon2id$v=19$t=2,m=64,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
    };
    char enc[128];

    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(password_fits(STR("x"), str_c(bad[i])));
    assert_int_equal(password_hash(STR("x"), enc, sizeof(enc), NULL), 0);
    assert_false(password_fits(STR("x"), (str){enc, strlen(enc) + 1}));
    assert_false(password_fits(STR("x"), str_sub(str_c(enc), 0, strlen(enc) - 1)));
    assert_true(password_fits(STR("x"), str_c(enc)));
}

#define with_vault(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_vault(signs),
        with_vault(public_only),
        with_vault(names),
        with_vault(key_files),
        with_vault(chain),
        with_vault(renewal),
        with_vault(authority_renewal),
        with_vault(cert_refusals),
        with_vault(exported),
        with_vault(threads),
        cmocka_unit_test(digests),
        cmocka_unit_test(passwords),
        cmocka_unit_test(password_texts),
    };
    return cmocka_run_group_tests_name("vault/vault", tests, NULL, NULL);
}
