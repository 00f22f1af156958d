/* Syslog over TLS (RFC 5425) through a real child with certificates made here. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include "intake/test_kit.h"
#include "intake/tls.h"
#include <sys/socket.h>
#include <unistd.h>

static struct arena memory;
static str cert, key, client_cert, client_key, other_cert, other_key;

static void with_tls(struct intake_cfg *cfg)
{
    cfg->tls = STR("127.0.0.1:0");
    cfg->tls_cert_pem = cert;
    cfg->tls_key_pem = key;
    cfg->idle_seconds = 2;
}

static void with_client_ca(struct intake_cfg *cfg)
{
    with_tls(cfg);
    cfg->tls_client_ca_pem = client_cert;
}

struct client {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
};

/* Blocking; the collector is not needed for a handshake. own: NULL or a PEM pair. */
static bool client_open(struct client *c, uint16_t port, int version, const str *own)
{
    c->ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(c->ctx, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(c->ctx, version);
    SSL_CTX_set_security_level(c->ctx, 0);
    if (own != NULL) {
        BIO *bc = BIO_new_mem_buf(own[0].p, (int)own[0].n), *bk = BIO_new_mem_buf(own[1].p, (int)own[1].n);
        X509 *x = PEM_read_bio_X509(bc, NULL, NULL, NULL);
        EVP_PKEY *k = PEM_read_bio_PrivateKey(bk, NULL, NULL, NULL);
        assert_true(SSL_CTX_use_certificate(c->ctx, x) == 1 && SSL_CTX_use_PrivateKey(c->ctx, k) == 1);
        X509_free(x);
        EVP_PKEY_free(k);
        BIO_free(bc);
        BIO_free(bk);
    }
    c->fd = kit_connect(port);
    c->ssl = SSL_new(c->ctx);
    SSL_set_fd(c->ssl, c->fd);
    bool ok = SSL_connect(c->ssl) == 1;
    ERR_clear_error();
    return ok;
}

static void client_send(struct client *c, str s)
{
    for (size_t n; s.n > 0; s = str_sub(s, n, s.n))
        assert_int_equal(SSL_write_ex(c->ssl, s.p, s.n < 20000 ? s.n : 20000, &n), 1);
}

static void client_close(struct client *c, bool polite)
{
    if (polite)
        SSL_shutdown(c->ssl);
    ERR_clear_error();
    SSL_free(c->ssl);
    SSL_CTX_free(c->ctx);
    close(c->fd);
}

static void frames_over_tls(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    for (int i = 0; i < 2; i++) {
        struct kit k = {.keep_lines = true};
        struct client c;
        kit_start(&k, with_tls);
        assert_true(client_open(&c, k.tls, versions[i], NULL));
        client_send(&c, STR("5 <34>a7 <34>b\nc1"));
        kit_until(&k, 2);
        assert_int_equal(k.last.transport, TP_TLS);
        assert_int_equal(k.last.flags & EV_BAD_FRAME, 0);
        client_send(&c, STR("3"));
        client_send(&c, STR(" <34>cdefghijk<34>line\n"));
        kit_until(&k, 4);
        assert_true(k.last.flags & EV_BAD_FRAME); /* RFC 5425: only counts */
        assert_true(str_eq(buf_view(&k.lines), STR("<34>a\n<34>b\nc\n<34>cdefghijk\n<34>line\n")));
        client_close(&c, i == 0);
        kit_while(&k, kit_stats(&k).conn_open > 0);
        assert_int_equal(kit_stats(&k).tls_failed, 0);
        assert_int_equal(kit_stats(&k).restarts, 0);
        kit_stop(&k);
    }
}

static void many_lines_over_tls(void **state)
{
    enum { LINES = 50000 };
    struct kit k = {.keep_lines = true};
    struct client c;
    struct buf wire, want;
    char line[200];

    kit_start(&k, with_tls);
    buf_init(&wire, 64 << 20);
    buf_init(&want, 64 << 20);
    for (int i = 0; i < LINES; i++) {
        int n = snprintf(line, sizeof(line), "<13>1 2026-03-01T05:00:00Z h app %d - - line %0*d", i, i % 90, i);
        buf_fmt(&wire, "%d %s", n, line);
        buf_fmt(&want, "%s\n", line);
    }
    assert_true(client_open(&c, k.tls, TLS1_3_VERSION, NULL));
    for (str s = buf_view(&wire); s.n > 0; s = str_sub(s, 60000, s.n)) {
        client_send(&c, str_sub(s, 0, 60000));
        kit_once(&k, 0);
    }
    kit_until(&k, LINES);
    assert_true(str_eq(buf_view(&k.lines), buf_view(&want)));
    buf_done(&wire);
    buf_done(&want);
    client_close(&c, true);
    kit_stop(&k);
}

static void who_may_not_enter(void **state)
{
    struct kit k = {.keep_lines = true};
    struct client c;
    const str other[2] = {other_cert, other_key}, own[2] = {client_cert, client_key};

    kit_start(&k, with_client_ca);
    assert_false(client_open(&c, k.tls, TLS1_2_VERSION, NULL));
    client_close(&c, false);
    assert_false(client_open(&c, k.tls, TLS1_2_VERSION, other));
    client_close(&c, false);
    assert_false(client_open(&c, k.tls, TLS1_1_VERSION, own));
    client_close(&c, false);
    int plain = kit_connect(k.tls);
    kit_send_z(plain, "<34>not TLS at all\n");
    kit_while(&k, kit_stats(&k).tls_failed < 4);
    assert_int_equal(k.events, 0);
    assert_true(client_open(&c, k.tls, TLS1_2_VERSION, own));
    client_send(&c, STR("6 <34>in"));
    kit_until(&k, 1);
    client_close(&c, true);
    close(plain);
    kit_stop(&k);
}

/* A client that never ends its handshake is closed as idle. */
static void silent_client_is_closed(void **state)
{
    struct kit k = {0};

    kit_start(&k, with_tls);
    int fd = kit_connect(k.tls);
    kit_while(&k, !kit_closed(fd));
    assert_int_equal(kit_stats(&k).drop_idle, 1);
    close(fd);
    kit_stop(&k);
}

static void bad_certificates(void **state)
{
    const struct {
        str cert, key, ca;
        const char *want;
    } rows[] = {
        {STR("nonsense"), key, STR_NONE, "intake.tls_cert"}, {cert, STR("nonsense"), STR_NONE, "intake.tls_key"},
        {cert, other_key, STR_NONE, "intake.tls_key"},       {cert, key, STR("nonsense"), "intake.tls_ca"},
        {STR_NONE, key, STR_NONE, "intake.tls_cert"},        {cert, key, cert, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err e = {0};
        void *ctx = NULL;
        int rc = tls_ctx_new(rows[i].cert, rows[i].key, rows[i].ca, &ctx, &e);
        assert_int_equal(rc < 0, rows[i].want != NULL);
        if (rc < 0)
            assert_string_equal(e.key, rows[i].want);
        tls_ctx_free(ctx);
    }
}

static int make_certs(void **state)
{
    memory = arena_init(1 << 20);
    kit_cert(&memory, &cert, &key);
    kit_cert(&memory, &client_cert, &client_key);
    kit_cert(&memory, &other_cert, &other_key);
    return 0;
}

static int free_certs(void **state)
{
    arena_free(&memory);
    return 0;
}

int main(int argc, char **argv)
{
    KIT_CHILD(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_over_tls),   cmocka_unit_test(many_lines_over_tls),
        cmocka_unit_test(who_may_not_enter), cmocka_unit_test(silent_client_is_closed),
        cmocka_unit_test(bad_certificates),
    };
    return cmocka_run_group_tests_name("intake/tls", tests, make_certs, free_certs);
}
