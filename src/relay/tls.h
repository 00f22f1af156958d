/* TLS 1.3 between a relay and its centre, both with a certificate; what counts of it is
 * the key (pin.h). Never blocks longer than it says; ends when stop_fd is readable. */
#ifndef LUY_RELAY_TLS_H
#define LUY_RELAY_TLS_H
#include "relay/wire.h"

/* One context a side, for all its lines. */
int relay_tls_ctx(str cert_pem, str key_pem, bool server, void **out, struct err *e);
void relay_tls_ctx_free(void *ctx);
/* SHA-256 of the certificate's public key, hex. */
int relay_tls_cert_key(str cert_pem, char hex[65], struct err *e);

struct relay_tls {
    void *ssl;
    int fd, stop_fd;
    char peer[65]; /* the other side's key */
};
/* fd becomes the line's: relay_tls_close closes it, also after a failure here. */
int relay_tls_open(void *ctx, int fd, int stop_fd, bool server, int timeout_ms, struct relay_tls *out, struct err *e);
void relay_tls_close(struct relay_tls *t);
struct relay_link relay_tls_link(struct relay_tls *t);
#endif
