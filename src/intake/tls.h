/* TLS for syslog (RFC 5425) on OpenSSL: server contexts from PEM in memory. */
#ifndef LUY_INTAKE_TLS_H
#define LUY_INTAKE_TLS_H
#include "base/err.h"

/* ca empty: clients need no certificate. Key and certificates are not kept
 * elsewhere. *out is an SSL_CTX, freed by tls_ctx_free. */
int tls_ctx_new(str cert_pem, str key_pem, str ca_pem, void **out, struct err *e);
void tls_ctx_free(void *ctx);

enum tls_got { TLS_WAIT = 0, TLS_CLOSED = -1, TLS_FAILED = -2 };
void *tls_new(void *ctx, int fd); /* NULL: no memory */
void tls_free(void *tls);         /* says good-bye when it can without waiting */
int tls_handshake(void *tls);     /* 1 done, TLS_WAIT, TLS_FAILED */
bool tls_wants_write(void *tls);
long tls_read(void *tls, void *p, size_t n); /* bytes, TLS_WAIT, TLS_CLOSED, TLS_FAILED */
#endif
