/* OpenSSL under a relay_link. The descriptor does not block; waits are polls with an end. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include "relay/tls.h"
#include "vault/vault.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

enum { WRITE_MS = 60000 };

static int tls_err(struct err *e, int rc)
{
    char why[120] = "PEM";
    unsigned long code = ERR_peek_last_error();

    if (code != 0 && ERR_reason_error_string(code) != NULL)
        snprintf(why, sizeof(why), "%s", ERR_reason_error_string(code));
    ERR_clear_error();
    return ERR(e, rc, "relay.tls", why);
}

static int no_password(char *buf, int size, int rw, void *ctx) { return 0; }

/* Any certificate: relay_tls_open gives its key to whoever knows the pins. */
static int any_cert(int ok, X509_STORE_CTX *ctx) { return 1; }

int relay_tls_ctx(str cert_pem, str key_pem, bool server, void **out, struct err *e)
{
    SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    BIO *c = BIO_new_mem_buf(cert_pem.p, (int)cert_pem.n), *k = BIO_new_mem_buf(key_pem.p, (int)key_pem.n);
    X509 *x = c != NULL ? PEM_read_bio_X509(c, NULL, no_password, NULL) : NULL;
    EVP_PKEY *key = k != NULL ? PEM_read_bio_PrivateKey(k, NULL, no_password, NULL) : NULL;
    bool ok = ctx != NULL && x != NULL && key != NULL && SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
              SSL_CTX_use_certificate(ctx, x) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1;

    if (ok) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, any_cert);
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_num_tickets(ctx, 0);
        SSL_CTX_set_mode(ctx, SSL_MODE_AUTO_RETRY | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        *out = ctx;
    }
    X509_free(x);
    EVP_PKEY_free(key);
    BIO_free(c);
    BIO_free(k);
    if (ok)
        return 0;
    SSL_CTX_free(ctx);
    return tls_err(e, -EINVAL);
}

void relay_tls_ctx_free(void *ctx) { SSL_CTX_free(ctx); }

static bool key_of(X509 *x, char hex[65])
{
    unsigned char *der = NULL;
    int n = x == NULL ? -1 : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);

    if (n > 0)
        sha256_hex(sha256((str){(const char *)der, (size_t)n}), hex);
    OPENSSL_free(der);
    return n > 0;
}

int relay_tls_cert_key(str cert_pem, char hex[65], struct err *e)
{
    BIO *c = BIO_new_mem_buf(cert_pem.p, (int)cert_pem.n);
    X509 *x = c != NULL ? PEM_read_bio_X509(c, NULL, no_password, NULL) : NULL;
    bool ok = key_of(x, hex);

    X509_free(x);
    BIO_free(c);
    return ok ? 0 : tls_err(e, -EINVAL);
}

/* 1 ready, 0 not within the time, -ECANCELED. */
static int wait_fd(const struct relay_tls *t, short events, int timeout_ms)
{
    struct pollfd f[2] = {{.fd = t->fd, .events = events}, {.fd = t->stop_fd, .events = POLLIN}};
    int n = poll(f, 2, timeout_ms);

    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    return f[1].revents != 0 ? -ECANCELED : f[0].revents != 0 ? 1 : 0;
}

/* After a call that could not go on: waits for what it wants. */
static int wait_ssl(const struct relay_tls *t, int ret, int timeout_ms)
{
    switch (SSL_get_error(t->ssl, ret)) {
    case SSL_ERROR_WANT_READ:
        return wait_fd(t, POLLIN, timeout_ms);
    case SSL_ERROR_WANT_WRITE:
        return wait_fd(t, POLLOUT, timeout_ms);
    default:
        return -EPIPE;
    }
}

static long line_read(void *ctx, void *p, size_t n, int timeout_ms)
{
    struct relay_tls *t = ctx;
    size_t got = 0;

    for (;;) {
        ERR_clear_error();
        int ret = SSL_read_ex(t->ssl, p, n, &got);
        if (ret == 1)
            return (long)got;
        int rc = wait_ssl(t, ret, timeout_ms);
        if (rc <= 0)
            return rc;
    }
}

static int line_write(void *ctx, const void *p, size_t n)
{
    struct relay_tls *t = ctx;
    size_t put = 0;

    for (size_t done = 0; done < n;) {
        ERR_clear_error();
        int ret = SSL_write_ex(t->ssl, (const char *)p + done, n - done, &put);
        if (ret == 1) {
            done += put;
            continue;
        }
        int rc = wait_ssl(t, ret, WRITE_MS);
        if (rc <= 0)
            return rc < 0 ? rc : -ETIMEDOUT;
    }
    return 0;
}

int relay_tls_open(void *ctx, int fd, int stop_fd, bool server, int timeout_ms, struct relay_tls *out, struct err *e)
{
    int rc = 1;

    *out = (struct relay_tls){.fd = fd, .stop_fd = stop_fd, .ssl = SSL_new(ctx)};
    if (out->ssl == NULL || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 || SSL_set_fd(out->ssl, fd) != 1)
        return tls_err(e, -ENOMEM);
    for (;;) {
        ERR_clear_error();
        int ret = server ? SSL_accept(out->ssl) : SSL_connect(out->ssl);
        if (ret == 1)
            break;
        rc = wait_ssl(out, ret, timeout_ms);
        if (rc == -EPIPE)
            return tls_err(e, -EPIPE);
        if (rc <= 0)
            return ERR(e, rc < 0 ? rc : -ETIMEDOUT, "relay.line");
    }
    X509 *x = SSL_get1_peer_certificate(out->ssl);
    bool ok = key_of(x, out->peer);
    X509_free(x);
    return ok ? 0 : tls_err(e, -EACCES);
}

void relay_tls_close(struct relay_tls *t)
{
    if (t->ssl != NULL) {
        if (SSL_is_init_finished(t->ssl))
            SSL_shutdown(t->ssl);
        SSL_free(t->ssl);
    }
    if (t->fd >= 0)
        close(t->fd);
    ERR_clear_error();
    t->ssl = NULL;
    t->fd = -1;
}

struct relay_link relay_tls_link(struct relay_tls *t) { return (struct relay_link){t, line_read, line_write}; }
