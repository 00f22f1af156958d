/* HTTPS by libmicrohttpd: one thread a connection, so that a slow search or an
 * open stream is in nobody's way. Bytes in, `struct request` out; no meaning
 * here. Bounded: connections, connections of an address, head (32 KiB), body of
 * a route, bodies of all requests together, time without progress. */
#include "api/api-int.h"
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_MAX = 32 * 1024, IDLE_S = 30, BODY_S = 120, IMPORT_S = 900, STACK = 1 << 20 };
/* Of a refused body: so much is read before the answer; so much, so long, and so long without a byte at all. */
enum { SKIP_FIRST = 8 << 20, SKIP_MAX = 96 << 20, SKIP_S = 30, SKIP_IDLE_MS = 5000 };

/* One request from its first line to its last byte. */
struct call {
    struct request rq;
    struct response rs;
    struct buf body;
    char *uri;
    bool begun, go_on, refused;
    bool unread;      /* answered before the body, which still comes */
    uint64_t counted; /* of api->body_bytes */
    uint64_t skipped;
    int64_t deadline; /* mono: the body must be there */
};

static struct call *call_new(struct api *api, const char *uri)
{
    struct call *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    request_init(&c->rq, api);
    response_init(&c->rs);
    c->uri = strdup(uri);
    return c;
}

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *con) { return call_new(cls, uri); }

static void call_free(struct call *c)
{
    atomic_fetch_sub(&c->rq.api->body_bytes, c->counted);
    response_done(&c->rs);
    request_done(&c->rq);
    buf_done(&c->body);
    free(c->uri);
    free(c);
}

/* The answer is out and our side of the connection is shut. A socket that is closed with bytes unread takes the answer
 * back (RFC 9112, 9.6), so what the client still sends is thrown away until it has read the answer and hangs up. */
static void linger(const struct clock *clk, int fd)
{
    int64_t end = clock_mono(clk) + SKIP_S * NS_PER_S;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char bytes[16 * 1024];
    ssize_t n = 1;

    for (size_t all = 0; n > 0 && all < SKIP_MAX && clock_mono(clk) < end; all += (size_t)n) {
        int ready = poll(&p, 1, SKIP_IDLE_MS);
        n = ready > 0 ? recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) : 0;
    }
}

static void on_done(void *cls, struct MHD_Connection *con, void **slot, enum MHD_RequestTerminationCode why)
{
    struct api *api = cls;
    struct call *c = *slot;

    *slot = NULL;
    if (c == NULL)
        return;
    int fd = c->unread && why == MHD_REQUEST_TERMINATED_COMPLETED_OK ? c->rq.fd : -1;
    call_free(c);
    if (fd >= 0)
        linger(api->d.clock, fd);
}

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
    struct request *rq = cls;

    if (rq->nheader == API_HEADERS_MAX)
        return MHD_NO;
    rq->header[rq->nheader++] =
        (struct pair){arena_str(&rq->a, str_c(key)), arena_str(&rq->a, str_c(value != NULL ? value : ""))};
    return MHD_YES;
}

static void take_peer(struct request *rq, struct MHD_Connection *con)
{
    const union MHD_ConnectionInfo *fd = MHD_get_connection_info(con, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *ad = MHD_get_connection_info(con, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char text[INET6_ADDRSTRLEN] = "-";

    if (ad != NULL && ad->client_addr != NULL) {
        if (ad->client_addr->sa_family == AF_INET)
            inet_ntop(AF_INET, &((const struct sockaddr_in *)ad->client_addr)->sin_addr, text, sizeof(text));
        else if (ad->client_addr->sa_family == AF_INET6)
            inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)ad->client_addr)->sin6_addr, text, sizeof(text));
    }
    rq->peer = arena_str(&rq->a, str_c(text));
    rq->fd = fd != NULL ? fd->connect_fd : -1;
}

/* pull for MHD: an end of the stream is an end of the answer. */
static ssize_t on_pull(void *cls, uint64_t pos, char *p, size_t max)
{
    struct stream *s = cls;
    ssize_t n = s->pull(s, p, max);
    return n > 0 ? n : MHD_CONTENT_READER_END_OF_STREAM;
}

static void on_stream_free(void *cls)
{
    struct stream *s = cls;
    s->free(s);
}

static struct MHD_Response *make_response(struct response *rs)
{
    struct MHD_Response *r;

    if (rs->stream != NULL) {
        r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16 * 1024, on_pull, rs->stream, on_stream_free);
        if (r != NULL)
            rs->stream = NULL;
        return r;
    }
    if (rs->file_fd >= 0) {
        r = MHD_create_response_from_fd64(rs->file_size, rs->file_fd);
        if (r == NULL)
            close(rs->file_fd);
        rs->file_fd = -1;
        return r;
    }
    r = MHD_create_response_from_buffer(rs->body.n, rs->body.n > 0 ? rs->body.p : (char *)"",
                                        rs->body.n > 0 ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    if (r != NULL && rs->body.n > 0)
        rs->body = (struct buf){.max = rs->body.max};
    return r;
}

static const char *const security[][2] = {
    {"Content-Security-Policy",
     "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; "
     "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"},
    {"Strict-Transport-Security", "max-age=31536000"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
};

static enum MHD_Result respond(struct call *c, struct MHD_Connection *con)
{
    struct response *rs = &c->rs;
    struct api *api = c->rq.api;
    struct MHD_Response *r = make_response(rs);
    enum MHD_Result ok;

    if (r == NULL)
        return MHD_NO;
    for (size_t i = 0; i < sizeof(security) / sizeof(*security); i++)
        MHD_add_response_header(r, security[i][0], security[i][1]);
    if (!rs->may_cache)
        MHD_add_response_header(r, "Cache-Control", "no-store");
    if (rs->type != NULL && rs->status != 204 && rs->status != 304)
        MHD_add_response_header(r, "Content-Type", rs->type);
    for (size_t i = 0; i < rs->nheader; i++)
        MHD_add_response_header(r, rs->header[i].name.p, rs->header[i].value.p);
    if (rs->status >= 200 && rs->status < 600)
        atomic_fetch_add(&api->by_class[rs->status / 100], 1);
    if (c->unread)
        MHD_add_response_header(r, "Connection", "close");
    ok = MHD_queue_response(con, (unsigned)rs->status, r);
    MHD_destroy_response(r);
    return ok;
}

/* The head is there. True: the body is wanted, or short enough to be read and thrown away before the answer, which
 * keeps the connection; who waits to be asked for it (Expect: 100-continue) is answered and sends none. */
static bool begin(struct call *c, struct MHD_Connection *con, const char *method)
{
    struct request *rq = &c->rq;
    struct err e = {0};
    bool head;
    uint64_t length = 0;

    c->begun = true;
    atomic_fetch_add(&rq->api->requests, 1);
    take_peer(rq, con);
    int all = MHD_get_connection_values(con, MHD_HEADER_KIND, NULL, NULL);
    MHD_get_connection_values(con, MHD_HEADER_KIND, on_header, rq);
    request_language(rq);
    int rc = all > API_HEADERS_MAX ? ERR(&e, HTTP_ERR(431), "api.too_many_headers", err_n(API_HEADERS_MAX)) : 0;
    if (rc == 0)
        rc = request_parse_uri(rq, str_c(c->uri != NULL ? c->uri : ""), &e);
    if (rc == 0 && method_of(str_c(method), &rq->method, &head) < 0)
        rc = ERR(&e, HTTP_ERR(405), "api.method", "GET, POST, PUT, PATCH, DELETE");
    if (rc < 0)
        reply_problem(rq, &c->rs, rc, &e);
    c->go_on = rc == 0 && api_begin(rq, &c->rs);
    c->refused = !c->go_on;
    str_u64(request_header(rq, "Content-Length"), &length);
    bool has_body = length > 0 || request_header(rq, "Transfer-Encoding").p != NULL;
    bool import = rq->route != NULL && (rq->route->flags & (RF_CSV | RF_FILE));
    buf_init(&c->body, c->go_on ? request_body_max(rq) : 0);
    int64_t seconds = !c->go_on ? SKIP_S : import ? IMPORT_S : BODY_S;
    c->deadline = clock_mono(rq->api->d.clock) + seconds * NS_PER_S;
    bool waits = str_eq_nocase(request_header(rq, "Expect"), STR("100-continue"));
    c->unread = has_body && !c->go_on && (waits || length == 0 || length > SKIP_FIRST);
    return has_body && !c->unread;
}

static void refuse(struct call *c, int code, const char *key, int64_t arg)
{
    struct err e = {0};

    ERR(&e, code, key, err_n(arg));
    reply_problem(&c->rq, &c->rs, code, &e);
    c->refused = true;
    atomic_fetch_add(&c->rq.api->refused_bodies, 1);
    c->deadline = clock_mono(c->rq.api->d.clock) + SKIP_S * NS_PER_S;
    buf_done(&c->body);
    buf_init(&c->body, 0);
    atomic_fetch_sub(&c->rq.api->body_bytes, c->counted);
    c->counted = 0;
}

/* libmicrohttpd takes no answer in the middle of a body: one refused there is read to its end, so that the client
 * can read why, and cut off when it goes on for too long. */
static enum MHD_Result take_bytes(struct call *c, const char *p, size_t *n)
{
    struct api *api = c->rq.api;

    if (!c->refused) {
        uint64_t all = atomic_fetch_add(&api->body_bytes, *n) + *n;
        c->counted += *n;
        if (all > api->cfg.max_body_bytes)
            refuse(c, HTTP_ERR(503), "api.bodies_full", 0);
        else if (c->body.n + *n > c->body.max)
            refuse(c, HTTP_ERR(413), "api.body_too_large", (int64_t)request_body_max(&c->rq));
        else
            buf_add(&c->body, p, *n);
        if (!c->refused && c->body.failed)
            refuse(c, HTTP_ERR(503), "api.bodies_full", 0);
    }
    if (c->refused)
        c->skipped += *n;
    *n = 0;
    return c->skipped > SKIP_MAX || clock_mono(api->d.clock) > c->deadline ? MHD_NO : MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *con, const char *url, const char *method,
                                  const char *version, const char *data, size_t *n, void **slot)
{
    struct call *c = *slot;

    if (c == NULL)
        return MHD_NO;
    if (!c->begun) {
        bool more = begin(c, con, method);
        if (more || c->go_on) /* without a body a second call comes, empty */
            return MHD_YES;
        return respond(c, con);
    }
    if (*n > 0)
        return take_bytes(c, data, n);
    if (!c->refused) {
        c->rq.body = buf_view(&c->body);
        api_finish(&c->rq, &c->rs);
    }
    return respond(c, con);
}

static void __attribute__((format(printf, 2, 0))) on_log(void *cls, const char *fmt, va_list ap)
{
    char text[512];
    vsnprintf(text, sizeof(text), fmt, ap);
    log_event(LOG_DEBUG, "http", F_STR("text", str_trim(str_c(text))));
}

/* "127.0.0.1:8443", "[::1]:8443", with or without https:// in front. */
static int bind_listen(struct api *api, struct err *e)
{
    str at = str_c(api->cfg.listen), host, port;
    char h[256], p[16];
    struct addrinfo hint = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV},
                    *ai = NULL;
    int one = 1, fd, rc = 0;

    if (str_starts(at, STR("https://")))
        at = str_sub(at, 8, at.n);
    size_t colon = at.n;
    while (colon > 0 && at.p[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return ERR(e, -EINVAL, "api.bad_listen", err_s(at));
    host = str_sub(at, 0, colon - 1);
    port = str_sub(at, colon, at.n);
    if (host.n > 2 && host.p[0] == '[')
        host = str_sub(host, 1, host.n - 2);
    snprintf(h, sizeof(h), "%.*s", STR_ARGS(host));
    snprintf(p, sizeof(p), "%.*s", STR_ARGS(port));
    if (getaddrinfo(h[0] ? h : NULL, p, &hint, &ai) != 0)
        return ERR(e, -EINVAL, "api.bad_listen", err_s(at));
    fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, 511) < 0) {
        rc = -errno;
        ERR(e, rc, "api.cannot_listen", err_s(at));
    }
    freeaddrinfo(ai);
    if (rc < 0 && fd >= 0)
        close(fd);
    if (rc == 0)
        api->listen_fd = fd;
    return rc;
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage ss;
    socklen_t n = sizeof(ss);

    if (getsockname(fd, (struct sockaddr *)&ss, &n) < 0)
        return 0;
    return ntohs(ss.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&ss)->sin6_port
                                          : ((struct sockaddr_in *)&ss)->sin_port);
}

int http_start(struct api *api, struct err *e)
{
    struct arena a = arena_init(256 * 1024);
    str cert, key;
    char *cert_z, *key_z;
    int rc = vault_export_tls(api->d.vault, &a, STR("https"), &cert, &key, e);

    if (rc == 0)
        rc = bind_listen(api, e);
    if (rc < 0) {
        arena_free(&a);
        return rc;
    }
    cert_z = arena_cstr(&a, cert);
    key_z = arena_cstr(&a, key);
    api->port = bound_port(api->listen_fd);
    api->mhd = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_TLS | MHD_USE_ITC |
            MHD_USE_ERROR_LOG,
        0, NULL, NULL, on_request, api, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET,
        api->listen_fd, MHD_OPTION_HTTPS_MEM_CERT, cert_z, MHD_OPTION_HTTPS_MEM_KEY, key_z, MHD_OPTION_HTTPS_PRIORITIES,
        "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE", MHD_OPTION_URI_LOG_CALLBACK, on_uri, api,
        MHD_OPTION_NOTIFY_COMPLETED, on_done, api, MHD_OPTION_CONNECTION_LIMIT, api->cfg.max_connections,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, api->cfg.max_per_address, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HEAD_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
    if (key.n > 0)
        explicit_bzero(key_z, key.n);
    arena_free(&a);
    if (api->mhd == NULL) {
        close(api->listen_fd);
        api->listen_fd = -1;
        return ERR(e, -EIO, "api.cannot_serve");
    }
    return 0;
}

void http_stop(struct api *api)
{
    if (api->mhd != NULL)
        MHD_stop_daemon(api->mhd); /* closes the listening socket, waits for the threads */
    api->mhd = NULL;
    api->listen_fd = -1;
}
