/* One thread: connect, send, and when the line is gone wait longer each time. */
#include "relay/forward.h"
#include "base/file.h"
#include "base/ip.h"
#include "base/log.h"
#include "base/rand.h"
#include "journal/flow_guest.h"
#include "journal/guest.h"
#include "relay/pin.h"
#include "relay/send.h"
#include "relay/tls.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { CONNECT_MS = 15000, ANSWER_MS = 60000, BACKOFF_MAX_S = 300, LOOK_S = 10, GOOD_S = 3 };

struct relay_forward {
    struct relay_forward_cfg cfg;
    char *state;
    struct sockaddr_storage at;
    socklen_t at_n;
    void *tls;
    int stop_fd;
    pthread_t thread;
    unsigned failures;      /* in a row */
    uint64_t refused_entry; /* and how often in a row */
    unsigned refused_times;
    uint64_t told_next, told_flow; /* dropped events and flows below it were told */
    int64_t look_due, state_due;
    struct relay_sent acked;
    _Atomic uint64_t connected, lines, acked_entries, acked_next, acked_flow, spool, dropped, dropped_flows, refused;
};

int64_t relay_backoff_ns(unsigned n, uint32_t random)
{
    int64_t s = n < 9 ? 1 << n : BACKOFF_MAX_S;

    s = s > BACKOFF_MAX_S ? BACKOFF_MAX_S : s;
    return s * NS_PER_S + s * NS_PER_S / 4 * (random % 1024) / 1024;
}

/* ---- what is known of the centre, over a restart ---- */

static void state_write(struct relay_forward *f)
{
    char text[120];
    struct err e = {0};

    snprintf(text, sizeof(text), "%llu %llu %llu %llu\n", (unsigned long long)f->acked.entries,
             (unsigned long long)f->acked.heads, (unsigned long long)f->acked.next,
             (unsigned long long)f->acked.next_flow);
    if (file_write_atomic(f->state, str_c(text), 0600, &e) < 0)
        log_err(LOG_ERROR, "relay_state", &e); /* only figures hang on it */
}

static void state_read(struct relay_forward *f)
{
    struct arena a = arena_init(4096);
    str text, word[4] = {STR_NONE, STR_NONE, STR_NONE, STR_NONE};

    f->acked.next = f->acked.next_flow = 1;
    if (access(f->state, F_OK) == 0 && file_read(&a, f->state, 200, &text, NULL) == 0) {
        str rest = str_trim(text);
        for (int i = 0; i < 4; i++)
            str_split(&rest, ' ', &word[i]);
        str_u64(word[0], &f->acked.entries);
        str_u64(word[1], &f->acked.heads);
        str_u64(word[2], &f->acked.next);
        str_u64(word[3], &f->acked.next_flow);
    }
    arena_free(&a);
    f->told_next = f->acked.next;
    f->told_flow = f->acked.next_flow;
    atomic_store(&f->acked_entries, f->acked.entries);
    atomic_store(&f->acked_next, f->acked.next);
    atomic_store(&f->acked_flow, f->acked.next_flow);
}

/* What went before it was sent is told once. first: of what is there; 0: nothing is. */
static void dropped_tell(struct relay_forward *f, const char *what, uint64_t first, uint64_t acked_next, uint64_t *told,
                         _Atomic uint64_t *count)
{
    uint64_t from = *told > acked_next ? *told : acked_next;
    char text[200];

    if (first <= from)
        return;
    atomic_fetch_add(count, first - from);
    snprintf(text, sizeof(text), "event=relay_spool_dropped first=%llu %s=%llu", (unsigned long long)from, what,
             (unsigned long long)(first - from));
    f->cfg.say(f->cfg.ctx, 3, str_c(text));
    *told = first;
}

/* The spool as it is now. */
static void look(struct relay_forward *f)
{
    int64_t now = clock_mono(f->cfg.clk);
    struct flow_spool flows = {0, 0};

    if (now < f->look_due)
        return;
    f->look_due = now + LOOK_S * NS_PER_S;
    struct journal_spool s = journal_spool(f->cfg.journal, f->acked.next);
    if (f->cfg.flows != NULL)
        flows = flow_spool(f->cfg.flows, f->acked.next_flow);
    atomic_store(&f->spool, s.bytes + flows.bytes);
    dropped_tell(f, "events", s.first, f->acked.next, &f->told_next, &f->dropped);
    dropped_tell(f, "flows", flows.first, f->acked.next_flow, &f->told_flow, &f->dropped_flows);
}

/* ---- what the sender asks ---- */

static bool wait_or_stop(void *ctx, int64_t ns)
{
    struct relay_forward *f = ctx;
    struct pollfd p = {.fd = f->stop_fd, .events = POLLIN};

    look(f);
    return poll(&p, 1, (int)((ns + NS_PER_MS - 1) / NS_PER_MS)) > 0;
}

static void acked(void *ctx, const struct relay_sent *s)
{
    struct relay_forward *f = ctx;

    if (s->heads > f->acked.heads)
        f->failures = 0; /* the line does its work */
    f->acked = *s;
    atomic_store(&f->acked_entries, s->entries);
    atomic_store(&f->acked_next, s->next);
    atomic_store(&f->acked_flow, s->next_flow);
    if (clock_mono(f->cfg.clk) >= f->state_due) {
        f->state_due = clock_mono(f->cfg.clk) + LOOK_S * NS_PER_S;
        state_write(f);
    }
}

static void sender_say(void *ctx, int severity, str msg)
{
    struct relay_forward *f = ctx;
    f->cfg.say(f->cfg.ctx, severity, msg);
}

/* ---- the line ---- */

static int dial(struct relay_forward *f, struct err *e)
{
    int fd = socket(f->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), why = 0;
    socklen_t n = sizeof(why);

    if (fd < 0)
        return ERR(e, -errno, "relay.line");
    if (connect(fd, (struct sockaddr *)&f->at, f->at_n) == 0)
        return fd;
    why = errno;
    if (why == EINPROGRESS) {
        struct pollfd p[2] = {{.fd = fd, .events = POLLOUT}, {.fd = f->stop_fd, .events = POLLIN}};
        int got = poll(p, 2, CONNECT_MS);
        why = got == 0 ? ETIMEDOUT : got < 0 ? errno : p[1].revents != 0 ? ECANCELED : 0;
        if (why == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &n) < 0)
            why = errno;
    }
    if (why == 0)
        return fd;
    close(fd);
    return ERR(e, -why, "relay.line");
}

/* A block that was refused twice running is passed over; the centre names the hole. */
static void note_refused(struct relay_forward *f, uint64_t entry)
{
    atomic_fetch_add(&f->refused, 1);
    f->refused_times = entry == f->refused_entry ? f->refused_times + 1 : 1;
    f->refused_entry = entry;
}

static int talk(struct relay_forward *f, struct relay_tls *t, struct err *e)
{
    struct relay_send s = {.journal = f->cfg.journal,
                           .flows = f->cfg.flows,
                           .link = relay_tls_link(t),
                           .clk = f->cfg.clk,
                           .rate = f->cfg.rate,
                           .wait = wait_or_stop,
                           .say = sender_say,
                           .acked = acked,
                           .ctx = f,
                           .answer_ms = ANSWER_MS,
                           .give_up = f->refused_times >= 2 ? f->refused_entry : UINT64_MAX};
    uint64_t entry = UINT64_MAX;

    if (strcmp(t->peer, f->cfg.centre_key) != 0)
        return ERR(e, -EACCES, "relay.centre_key", t->peer);
    f->cfg.say(f->cfg.ctx, 5, STR("event=relay_line_up"));
    atomic_store(&f->connected, 1);
    atomic_fetch_add(&f->lines, 1);
    int64_t since = clock_mono(f->cfg.clk);
    int rc = relay_send_run(&s, &entry, e);
    atomic_store(&f->connected, 0);
    if (clock_mono(f->cfg.clk) - since >= GOOD_S * NS_PER_S && rc != -ECONNREFUSED && rc != -ENOSPC)
        f->failures = 0; /* it held for a while: a line that breaks often is worth coming back to soon */
    if (rc == -ECONNREFUSED)
        note_refused(f, entry);
    return rc;
}

static int one_line(struct relay_forward *f, struct err *e)
{
    struct relay_tls t = {.fd = -1};
    int fd = dial(f, e);

    if (fd < 0)
        return fd;
    int rc = relay_tls_open(f->tls, fd, f->stop_fd, false, CONNECT_MS, &t, e);
    if (rc == 0)
        rc = talk(f, &t, e);
    relay_tls_close(&t);
    return rc;
}

static void tell_down(struct relay_forward *f, const struct err *e)
{
    char text[700], line[900];

    if (f->failures > 0) /* once an outage */
        return;
    err_sentence(e, LANG_EN, text, sizeof(text));
    for (char *p = text; *p != '\0'; p++)
        *p = *p == '"' || *p == '\\' ? '\'' : *p;
    snprintf(line, sizeof(line), "event=relay_line_down why=\"%s\"", text);
    f->cfg.say(f->cfg.ctx, 4, str_c(line));
}

/* Longer than a poll takes, in steps, so that the spool is looked at meanwhile. */
static bool wait_long(struct relay_forward *f, int64_t ns)
{
    for (int64_t step; ns > 0; ns -= step) {
        step = ns < LOOK_S * NS_PER_S ? ns : LOOK_S * NS_PER_S;
        if (wait_or_stop(f, step))
            return true;
    }
    return wait_or_stop(f, 0);
}

static void *forward_main(void *ctx)
{
    struct relay_forward *f = ctx;

    for (;;) {
        struct err e = {0};
        uint32_t random;
        int rc = one_line(f, &e);
        if (rc == 0 || rc == -ECANCELED) {
            if (wait_or_stop(f, 0))
                break;
        } else {
            tell_down(f, &e);
            log_err(LOG_INFO, "relay_line", &e);
        }
        rand_bytes(&random, sizeof(random));
        if (wait_long(f, relay_backoff_ns(f->failures++, random)))
            break;
    }
    state_write(f);
    return NULL;
}

/* ---- start and stop ---- */

static int start(struct relay_forward *f, struct err *e)
{
    struct arena a = arena_init(256 << 10);
    str cert, key;
    int rc = relay_address(str_c(f->cfg.centre), &f->at, &f->at_n, e);

    if (rc == 0 && !relay_key_ok(str_c(f->cfg.centre_key)))
        rc = ERR(e, -EINVAL, "relay.no_centre_key");
    if (rc == 0)
        rc = vault_export_tls(f->cfg.vault, &a, STR("relay"), &cert, &key, e);
    if (rc == 0)
        rc = relay_tls_ctx(cert, key, false, &f->tls, e);
    arena_free(&a);
    if (rc == 0 && (rc = -pthread_create(&f->thread, NULL, forward_main, f)) < 0)
        rc = ERR(e, rc, "journal.thread");
    return rc;
}

static void forward_free(struct relay_forward *f)
{
    close(f->stop_fd);
    relay_tls_ctx_free(f->tls);
    free(f->state);
    free(f);
}

int relay_forward_start(const struct relay_forward_cfg *cfg, struct relay_forward **out, struct err *e)
{
    struct relay_forward *f = calloc(1, sizeof(*f));

    if (f == NULL || (f->state = strdup(cfg->state)) == NULL) {
        free(f);
        return ERR(e, -ENOMEM, "journal.no_memory");
    }
    f->cfg = *cfg;
    f->refused_entry = UINT64_MAX;
    f->stop_fd = eventfd(0, EFD_CLOEXEC);
    state_read(f);
    int rc = start(f, e);
    if (rc < 0) {
        forward_free(f);
        return rc;
    }
    *out = f;
    return 0;
}

void relay_forward_stop(struct relay_forward *f)
{
    if (f == NULL)
        return;
    eventfd_write(f->stop_fd, 1);
    pthread_join(f->thread, NULL);
    forward_free(f);
}

void relay_forward_stats(struct relay_forward *f, struct relay_forward_stats *out)
{
    *out = (struct relay_forward_stats){
        atomic_load(&f->connected),      atomic_load(&f->lines),          atomic_load(&f->acked_entries),
        atomic_load(&f->acked_next) - 1, atomic_load(&f->acked_flow) - 1, atomic_load(&f->spool),
        atomic_load(&f->dropped),        atomic_load(&f->dropped_flows),  atomic_load(&f->refused)};
}

/* "192.0.2.1:6515" or "[::1]:6515". */
int relay_address(str text, struct sockaddr_storage *out, socklen_t *n, struct err *e)
{
    size_t colon = text.n;
    uint64_t port = 0;
    struct ip ip;

    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    str host = str_sub(text, 0, colon > 0 ? colon - 1 : 0);
    if (host.n > 1 && host.p[0] == '[')
        host = str_sub(host, 1, host.n - 2);
    if (!str_u64(str_sub(text, colon, text.n), &port) || port > 65535 || !ip_parse(host, &ip))
        return ERR(e, -EINVAL, "relay.address", S(text));
    memset(out, 0, sizeof(*out));
    if (ip.family == 4) {
        struct sockaddr_in *s = (struct sockaddr_in *)out;
        s->sin_family = AF_INET;
        s->sin_port = htons((uint16_t)port);
        memcpy(&s->sin_addr, ip.b, 4);
        *n = sizeof(*s);
    } else {
        struct sockaddr_in6 *s = (struct sockaddr_in6 *)out;
        s->sin6_family = AF_INET6;
        s->sin6_port = htons((uint16_t)port);
        memcpy(&s->sin6_addr, ip.b, 16);
        *n = sizeof(*s);
    }
    return 0;
}
