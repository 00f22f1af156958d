/* OpenSSL behind four calls. The core makes a context once to check what the
 * administrator gave; the child makes its own before it locks itself in. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include "intake/tls.h"
#include <errno.h>

enum { READ_AHEAD = 64 * 1024 };

static int tls_err(struct err *e, const char *key)
{
    char why[120] = "PEM";
    unsigned long code = ERR_peek_last_error();

    if (code != 0 && ERR_reason_error_string(code) != NULL)
        snprintf(why, sizeof(why), "%s", ERR_reason_error_string(code));
    ERR_clear_error();
    return ERR(e, -EINVAL, key, why);
}

/* Never asks at a terminal: an encrypted key is refused. */
static int no_password(char *buf, int size, int rw, void *ctx) { return 0; }

static BIO *pem_bio(str pem) { return pem.n <= INT32_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL; }

static int cert_load(SSL_CTX *ctx, str pem, struct err *e)
{
    BIO *bio = pem_bio(pem);
    X509 *x = bio != NULL ? PEM_read_bio_X509_AUX(bio, NULL, no_password, NULL) : NULL;
    bool ok = x != NULL && SSL_CTX_use_certificate(ctx, x) == 1;

    X509_free(x);
    while (ok && (x = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL)
        if (!(ok = SSL_CTX_add0_chain_cert(ctx, x) == 1))
            X509_free(x);
    BIO_free(bio);
    if (!ok)
        return tls_err(e, "intake.tls_cert");
    ERR_clear_error(); /* "no start line" ends the list */
    return 0;
}

static int key_load(SSL_CTX *ctx, str pem, struct err *e)
{
    BIO *bio = pem_bio(pem);
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    bool ok = key != NULL && SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;

    EVP_PKEY_free(key);
    BIO_free(bio);
    return ok ? 0 : tls_err(e, "intake.tls_key");
}

static int ca_load(SSL_CTX *ctx, str pem, struct err *e)
{
    BIO *bio = pem_bio(pem);
    X509 *x;
    int n = 0;

    for (; bio != NULL && (x = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL; X509_free(x))
        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), x) == 1 && SSL_CTX_add_client_CA(ctx, x) == 1)
            n++;
    BIO_free(bio);
    if (n == 0)
        return tls_err(e, "intake.tls_ca");
    ERR_clear_error();
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return 0;
}

int tls_ctx_new(str cert, str key, str ca, void **out, struct err *e)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    int rc;

    if (ctx == NULL)
        return tls_err(e, "intake.tls_cert");
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS); /* 10,000 quiet clients hold no buffers */
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_default_read_buffer_len(ctx, READ_AHEAD);
    rc = cert_load(ctx, cert, e);
    if (rc == 0)
        rc = key_load(ctx, key, e);
    if (rc == 0 && ca.n > 0)
        rc = ca_load(ctx, ca, e);
    if (rc < 0)
        SSL_CTX_free(ctx);
    else
        *out = ctx;
    return rc;
}

void tls_ctx_free(void *ctx) { SSL_CTX_free(ctx); }

void *tls_new(void *ctx, int fd)
{
    SSL *s = SSL_new(ctx);

    if (s == NULL || SSL_set_fd(s, fd) != 1) {
        SSL_free(s);
        ERR_clear_error();
        return NULL;
    }
    SSL_set_accept_state(s);
    return s;
}

void tls_free(void *tls)
{
    if (tls == NULL)
        return;
    if (SSL_is_init_finished(tls))
        SSL_shutdown(tls);
    SSL_free(tls);
    ERR_clear_error();
}

int tls_handshake(void *tls)
{
    ERR_clear_error();
    int rc = SSL_do_handshake(tls);

    if (rc == 1)
        return 1;
    int why = SSL_get_error(tls, rc);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? TLS_WAIT : TLS_FAILED;
}

bool tls_wants_write(void *tls) { return SSL_want_write(tls); }

long tls_read(void *tls, void *p, size_t n)
{
    size_t got = 0;

    ERR_clear_error();
    errno = 0;
    if (SSL_read_ex(tls, p, n, &got) == 1)
        return (long)got;
    switch (SSL_get_error(tls, 0)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return TLS_WAIT;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_CLOSED;
    /* Many clients leave without close_notify: the frames say what was whole. */
    case SSL_ERROR_SYSCALL:
        return TLS_CLOSED;
    default:
        return ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING ? TLS_CLOSED : TLS_FAILED;
    }
}
