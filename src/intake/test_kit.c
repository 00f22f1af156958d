/* See test_kit.h. Used by one test program at a time, one thread. */
#include <openssl/pem.h>
#include <openssl/x509.h>
#include "intake/test_kit.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

void kit_start(struct kit *k, void (*change)(struct intake_cfg *cfg))
{
    struct err e = {0};
    char text[400];

    k->cfg = (struct intake_cfg){.udp = STR("127.0.0.1:0"),
                                 .tcp = STR("127.0.0.1:0"),
                                 .ring_bytes = 8 << 20,
                                 .max_connections = 100,
                                 .max_per_source = 100,
                                 .idle_seconds = 60,
                                 .self_exe = "/proc/self/exe"};
    buf_init(&k->lines, 256 << 20);
    if (change != NULL)
        change(&k->cfg);
    if (intake_start(&k->cfg, &clock_system, &k->in, &e) < 0) {
        err_text(&e, LANG_EN, text, sizeof(text));
        fail_msg("intake_start: %s", text);
    }
    struct intake_ports p = intake_ports(k->in);
    k->udp = p.udp;
    k->tcp = p.tcp;
    k->tls = p.tls;
    k->flow = p.flow;
    k->ipfix = p.ipfix;
    k->json_tcp = p.json_tcp;
}

void kit_stop(struct kit *k)
{
    intake_stop(k->in);
    buf_done(&k->lines);
    memset(k, 0, sizeof(*k));
}

static void take(struct kit *k, const struct event *ev)
{
    k->events++;
    k->raw_bytes += ev->raw.n;
    if (k->keep_lines) {
        buf_str(&k->lines, ev->raw);
        buf_byte(&k->lines, '\n');
    }
    k->last = *ev;
    size_t n = ev->raw.n < sizeof(k->last_raw) ? ev->raw.n : sizeof(k->last_raw);
    memcpy(k->last_raw, ev->raw.p, n);
    k->last.raw = (str){k->last_raw, n};
    if (k->on_event != NULL)
        k->on_event(k, ev);
}

enum { BATCHES = 16 }; /* at once: under a sanitizer a sender is faster than this, and the ring is never empty */

void kit_once(struct kit *k, int wait_ms)
{
    struct pollfd p = {.fd = intake_fd(k->in), .events = POLLIN};
    struct event_reader r;
    struct event ev;
    bool gap;
    str wire;

    poll(&p, 1, wait_ms);
    for (int batches = 0; batches < BATCHES && (k->last_rc = intake_next(k->in, &wire, &gap, NULL)) >= 0; batches++) {
        k->gaps += gap;
        if (k->last_rc == 0)
            break;
        if (flow_batch_is(wire)) {
            struct flow_view v;
            assert_int_equal(flow_batch_open(wire, &v, NULL), 0);
            k->flows += v.rows;
            if (k->on_flows != NULL)
                k->on_flows(k, &v);
            continue;
        }
        assert_int_equal(event_batch_open(wire, &r, NULL), 0);
        while (event_batch_next(&r, &ev) == 1)
            take(k, &ev);
    }
}

void kit_wait(struct kit *k, int64_t end)
{
    assert_true(clock_mono(&clock_system) < end);
    kit_once(k, 5);
}

void kit_until(struct kit *k, uint64_t events)
{
    kit_while(k, k->events < events);
    assert_int_equal(k->events, events);
}

struct intake_stats kit_stats(struct kit *k)
{
    struct intake_stats s;

    intake_stats(k->in, &s);
    return s;
}

static int client(int type, uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    /* a test fails, it does not hang */
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 20}, sizeof(struct timeval));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){.tv_sec = 20}, sizeof(struct timeval));
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
        fail_msg("connect: %s", strerror(errno));
    return fd;
}
int kit_connect(uint16_t port) { return client(SOCK_STREAM, port); }
int kit_udp(uint16_t port) { return client(SOCK_DGRAM, port); }

void kit_send(int fd, str s)
{
    while (s.n > 0) {
        ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);
        if (n < 0)
            fail_msg("send: %s", strerror(errno));
        s = str_sub(s, (size_t)n, s.n);
    }
}
void kit_send_z(int fd, const char *z) { kit_send(fd, str_c(z)); }

bool kit_closed(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);

    return n == 0 || (n < 0 && errno != EAGAIN);
}

static str bio_text(struct arena *a, BIO *bio)
{
    char *p;
    long n = BIO_get_mem_data(bio, &p);
    str s = arena_str(a, (str){p, (size_t)n});

    BIO_free(bio);
    return s;
}

void kit_cert(struct arena *a, str *cert, str *key)
{
    EVP_PKEY *k = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    BIO *bc = BIO_new(BIO_s_mem()), *bk = BIO_new(BIO_s_mem());

    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, k);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    assert_true(X509_sign(x, k, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_X509(bc, x), 1);
    assert_int_equal(PEM_write_bio_PrivateKey(bk, k, NULL, NULL, 0, NULL, NULL), 1);
    *cert = bio_text(a, bc);
    *key = bio_text(a, bk);
    X509_free(x);
    EVP_PKEY_free(k);
}
