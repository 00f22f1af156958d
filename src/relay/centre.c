/* Accepts lines from pinned relays. `lock` guards the list of relays and their busy
 * marks; a store belongs to the thread of its line while busy. A relay has one line: a
 * new one is refused while the old one lives (at most idle_ms after it broke). */
#include "relay/centre.h"
#include "base/file.h"
#include "base/ip.h"
#include "base/log.h"
#include "relay/ceiling.h"
#include "relay/forward.h"
#include "relay/receive.h"
#include "relay/tls.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINES_MAX = 256, HANDSHAKE_MS = 10000, IDLE_MS = 120000, BACKLOG = 64, UNKNOWN_S = 10, TICK_MS = 60000 };

struct kept_relay {
    struct relay_centre *c;
    struct relay_pin pin;
    struct relay_store *store;
    bool busy;
    struct relay_store_stats st;
    struct kept_relay *next;
};
struct relay_centre {
    struct relay_centre_cfg cfg;
    struct relay_taker taker;
    struct relay_ceiling *ceiling; /* NULL: none */
    char *dir;
    void *tls;
    int fd, stop_fd;
    uint16_t port;
    atomic_bool stop;
    pthread_t thread;
    bool runs;
    pthread_mutex_t lock;
    pthread_cond_t idle; /* a line ended */
    struct kept_relay *relays;
    unsigned lines;
    int64_t told;
    _Atomic uint64_t refused, unknown;
};
struct line {
    struct relay_centre *c;
    int fd;
    char source[IP_TEXT_MAX];
    struct kept_relay *relay;
};

static void sayf(struct relay_centre *c, int severity, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void sayf(struct relay_centre *c, int severity, const char *fmt, ...)
{
    char text[600];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    c->cfg.say(c->cfg.ctx, severity, str_c(text));
}

/* ---- the relays ---- */

static void relay_deleted(void *ctx, enum ledger_stream of, const struct ledger_entry *n, const char *reason)
{
    const struct kept_relay *r = ctx;
    sayf(r->c, 5, "event=relay_deleted relay=%s reason=\"%s\" first=%llu %s=%llu bytes=%llu", r->pin.name, reason,
         (unsigned long long)n->first, of == LEDGER_FLOW ? "flows" : "events", (unsigned long long)n->records,
         (unsigned long long)n->stored);
}

static int taker_next(void *ctx, const char *relay, str anchor, uint64_t begin, uint64_t *next, struct err *e)
{
    const struct relay_taker *t = &((struct relay_centre *)ctx)->cfg.taker;
    return t->next(t->ctx, relay, anchor, begin, next, e);
}

/* A stop waits for one batch, not for a backlog. */
static int taker_take(void *ctx, const struct relay_batch *b, struct err *e)
{
    struct relay_centre *c = ctx;
    const struct relay_taker *t = &c->cfg.taker;
    return c->stop ? ERR(e, -ECANCELED, "relay.line") : t->take(t->ctx, b, e);
}

/* Under lock. A folder that cannot be used is told, and its relay is refused. */
static struct kept_relay *relay_open(struct relay_centre *c, const struct relay_pin *p)
{
    struct kept_relay *r;
    struct err e = {0};
    char dir[4096];

    for (r = c->relays; r != NULL && strcmp(r->pin.name, p->name) != 0; r = r->next)
        ;
    if (r == NULL) {
        if ((r = calloc(1, sizeof(*r))) == NULL)
            return NULL;
        r->c = c;
        r->next = c->relays;
        c->relays = r;
    }
    r->pin = *p;
    if (r->store != NULL)
        return r;
    snprintf(dir, sizeof(dir), "%s/%s", c->dir, p->name);
    struct relay_store_cfg cfg = {.dir = dir,
                                  .name = r->pin.name,
                                  .taker = c->cfg.taker.take != NULL ? &c->taker : NULL,
                                  .anchor = str_c(p->anchor),
                                  .journal = c->cfg.journal,
                                  .flows = c->cfg.flows,
                                  .clk = c->cfg.clk,
                                  .ceiling = c->ceiling,
                                  .max_bytes = c->cfg.max_bytes,
                                  .reserve_bytes = c->cfg.reserve_bytes,
                                  .retention_days = c->cfg.retention_days,
                                  .deleted = relay_deleted,
                                  .ctx = r};
    if (relay_store_open(&cfg, &r->store, &e) < 0) {
        log_err(LOG_ERROR, "relay_store", &e);
        return NULL;
    }
    relay_store_stats(r->store, &r->st);
    return r;
}

static int open_pinned(void *ctx, const struct relay_pin *p)
{
    relay_open(ctx, p);
    return 0;
}

struct wanted {
    const char *key;
    struct relay_pin pin;
};

static int with_key(void *ctx, const struct relay_pin *p)
{
    struct wanted *w = ctx;

    if (strcmp(p->key, w->key) != 0)
        return 0;
    w->pin = *p;
    return 1;
}

/* The relay that has this key, marked busy; pins are read afresh, so that a new one counts at once. */
static struct kept_relay *relay_take(struct relay_centre *c, const struct line *l, const char *key)
{
    struct wanted w = {.key = key};
    struct kept_relay *r = NULL;
    struct err e = {0};
    int rc = relay_pins(c->dir, false, with_key, &w, &e);

    if (rc < 0)
        log_err(LOG_ERROR, "relay_pins", &e);
    pthread_mutex_lock(&c->lock);
    int64_t now = clock_mono(c->cfg.clk);
    if (rc == 1) {
        r = relay_open(c, &w.pin);
        if (r == NULL || r->busy) {
            sayf(c, 4, "event=relay_turned_away relay=%s source=%s why=%s", w.pin.name, l->source,
                 r == NULL ? "folder" : "busy");
            r = NULL;
        } else {
            r->busy = true;
        }
    } else {
        atomic_fetch_add(&c->unknown, 1);
        if (now >= c->told) {
            c->told = now + UNKNOWN_S * NS_PER_S;
            sayf(c, 4, "event=relay_unknown source=%s key=%s", l->source, key);
        }
    }
    pthread_mutex_unlock(&c->lock);
    return r;
}

/* ---- one line ---- */

static void line_say(void *ctx, int severity, str msg)
{
    struct line *l = ctx;
    if (str_starts(msg, STR("event=relay_refused")))
        atomic_fetch_add(&l->c->refused, 1);
    l->c->cfg.say(l->c->cfg.ctx, severity, msg);
}

static void line_kept(void *ctx, const struct relay_store_stats *st)
{
    struct line *l = ctx;
    pthread_mutex_lock(&l->c->lock);
    l->relay->st = *st;
    pthread_mutex_unlock(&l->c->lock);
}

static void line_tick(void *ctx)
{
    struct relay_store *s = ((struct line *)ctx)->relay->store;

    if (relay_store_behind(s))
        relay_store_hand(s);
    relay_store_tick(s);
}

static void line_run(struct line *l, struct relay_tls *t)
{
    struct relay_centre *c = l->c;
    struct err e = {0};

    if ((l->relay = relay_take(c, l, t->peer)) == NULL)
        return;
    struct relay_receive r = {.name = l->relay->pin.name,
                              .store = l->relay->store,
                              .link = relay_tls_link(t),
                              .stop = &c->stop,
                              .idle_ms = IDLE_MS,
                              .say = line_say,
                              .kept = line_kept,
                              .tick = line_tick,
                              .ctx = l};
    sayf(c, 5, "event=relay_connected relay=%s source=%s", r.name, l->source);
    relay_receive_run(&r, &e);
    sayf(c, 5, "event=relay_disconnected relay=%s source=%s", r.name, l->source);
    pthread_mutex_lock(&c->lock);
    relay_store_stats(l->relay->store, &l->relay->st);
    l->relay->busy = false;
    pthread_mutex_unlock(&c->lock);
}

static void *line_main(void *ctx)
{
    struct line *l = ctx;
    struct relay_centre *c = l->c;
    struct relay_tls t;
    struct err e = {0};

    if (relay_tls_open(c->tls, l->fd, c->stop_fd, true, HANDSHAKE_MS, &t, &e) == 0)
        line_run(l, &t);
    else
        log_err(LOG_INFO, "relay_handshake", &e);
    relay_tls_close(&t);
    free(l);
    pthread_mutex_lock(&c->lock);
    c->lines--;
    pthread_cond_signal(&c->idle);
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static void line_start(struct relay_centre *c, int fd, const struct sockaddr_storage *from)
{
    struct line *l = calloc(1, sizeof(*l));
    pthread_t th;

    pthread_mutex_lock(&c->lock);
    bool room = l != NULL && c->lines < LINES_MAX;
    c->lines += room;
    pthread_mutex_unlock(&c->lock);
    if (room) {
        const void *at = from->ss_family == AF_INET ? (const void *)&((const struct sockaddr_in *)from)->sin_addr
                                                    : (const void *)&((const struct sockaddr_in6 *)from)->sin6_addr;
        l->c = c;
        l->fd = fd;
        inet_ntop(from->ss_family, at, l->source, sizeof(l->source));
        if (pthread_create(&th, NULL, line_main, l) == 0) {
            pthread_detach(th);
            return;
        }
        pthread_mutex_lock(&c->lock);
        c->lines--;
        pthread_mutex_unlock(&c->lock);
    }
    free(l);
    close(fd);
}

/* What is kept of relays without a line; a busy one's own thread does it. A backlog is handed on without
 * the lock, and the relay is busy meanwhile. Relays are added at the front of the list and never taken out. */
static void tick_idle(struct relay_centre *c)
{
    pthread_mutex_lock(&c->lock);
    for (struct kept_relay *r = c->relays; r != NULL; r = r->next) {
        if (r->busy || r->store == NULL)
            continue;
        if (relay_store_behind(r->store)) {
            r->busy = true;
            pthread_mutex_unlock(&c->lock);
            relay_store_hand(r->store);
            pthread_mutex_lock(&c->lock);
            r->busy = false;
        }
        relay_store_tick(r->store);
        relay_store_stats(r->store, &r->st);
    }
    pthread_mutex_unlock(&c->lock);
}

static void *centre_main(void *ctx)
{
    struct relay_centre *c = ctx;

    while (!c->stop) {
        struct pollfd f[2] = {{.fd = c->fd, .events = POLLIN}, {.fd = c->stop_fd, .events = POLLIN}};
        struct sockaddr_storage from = {0};
        socklen_t n = sizeof(from);
        tick_idle(c);
        if (c->ceiling != NULL)
            relay_ceiling_room(c->ceiling, 0); /* it may be lower than it was */
        if (poll(f, 2, TICK_MS) <= 0 || (f[0].revents & POLLIN) == 0)
            continue;
        int fd = accept4(c->fd, (struct sockaddr *)&from, &n, SOCK_CLOEXEC);
        if (fd >= 0)
            line_start(c, fd, &from);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
            poll(&f[1], 1, 200);
    }
    return NULL;
}

/* ---- start and stop ---- */

static int listen_on(struct relay_centre *c, struct err *e)
{
    struct sockaddr_storage at;
    socklen_t n;
    int rc = relay_address(str_c(c->cfg.listen), &at, &n, e), one = 1;

    if (rc < 0)
        return rc;
    c->fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->fd < 0 || setsockopt(c->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(c->fd, (struct sockaddr *)&at, n) < 0 || listen(c->fd, BACKLOG) < 0 ||
        getsockname(c->fd, (struct sockaddr *)&at, &n) < 0)
        return ERR(e, -errno, "relay.listen", c->cfg.listen);
    c->port = ntohs(at.ss_family == AF_INET ? ((struct sockaddr_in *)&at)->sin_port
                                            : ((struct sockaddr_in6 *)&at)->sin6_port);
    return 0;
}

static int start(struct relay_centre *c, struct err *e)
{
    struct arena a = arena_init(256 << 10);
    bool port = c->cfg.listen[0] != '\0'; /* without, the thread keeps to the retention */
    str cert, key;
    int rc = port ? vault_export_tls(c->cfg.vault, &a, STR("relay"), &cert, &key, e) : 0;

    if (rc == 0 && port)
        rc = relay_tls_ctx(cert, key, true, &c->tls, e);
    arena_free(&a);
    if (rc == 0 && port)
        rc = listen_on(c, e);
    if (rc == 0 && (rc = -pthread_create(&c->thread, NULL, centre_main, c)) < 0)
        rc = ERR(e, rc, "journal.thread");
    c->runs = rc == 0;
    return rc;
}

int relay_centre_start(const struct relay_centre_cfg *cfg, struct relay_centre **out, struct err *e)
{
    struct relay_centre *c = calloc(1, sizeof(*c));

    if (c == NULL || (c->dir = strdup(cfg->dir)) == NULL) {
        free(c);
        return ERR(e, -ENOMEM, "journal.no_memory");
    }
    c->cfg = *cfg;
    c->taker = (struct relay_taker){taker_next, taker_take, c};
    if (cfg->total_bytes > 0 && (c->ceiling = relay_ceiling_new(cfg->total_bytes)) == NULL) {
        free(c->dir);
        free(c);
        return ERR(e, -ENOMEM, "journal.no_memory");
    }
    c->fd = -1;
    c->stop_fd = eventfd(0, EFD_CLOEXEC);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->idle, NULL);
    int rc = relay_pins(c->dir, true, open_pinned, c, e);
    if (rc == 0)
        rc = relay_pins(c->dir, false, open_pinned, c, e);
    if (rc == 0)
        rc = start(c, e);
    if (rc < 0) {
        relay_centre_stop(c);
        return rc;
    }
    *out = c;
    return 0;
}

void relay_centre_stop(struct relay_centre *c)
{
    if (c == NULL)
        return;
    c->stop = true;
    eventfd_write(c->stop_fd, 1);
    if (c->runs)
        pthread_join(c->thread, NULL);
    pthread_mutex_lock(&c->lock);
    while (c->lines > 0)
        pthread_cond_wait(&c->idle, &c->lock);
    pthread_mutex_unlock(&c->lock);
    for (struct kept_relay *r = c->relays, *next; r != NULL; r = next) {
        next = r->next;
        relay_store_close(r->store);
        free(r);
    }
    if (c->fd >= 0)
        close(c->fd);
    close(c->stop_fd);
    relay_tls_ctx_free(c->tls);
    relay_ceiling_free(c->ceiling);
    pthread_cond_destroy(&c->idle);
    pthread_mutex_destroy(&c->lock);
    free(c->dir);
    free(c);
}

/* Relays are added at the front of the list and never taken out, nor is a store closed. */
int relay_centre_archive(struct relay_centre *c, const atomic_bool *cancel, struct archive_done *out, struct err *e)
{
    int rc = 0;

    pthread_mutex_lock(&c->lock);
    struct kept_relay *r = c->relays;
    for (; rc == 0 && r != NULL && !*cancel; r = r->next) {
        struct relay_store *s = r->store;
        pthread_mutex_unlock(&c->lock);
        rc = s != NULL ? relay_store_archive(s, cancel, out, e) : 0;
        pthread_mutex_lock(&c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    return rc;
}

uint16_t relay_centre_port(const struct relay_centre *c) { return c != NULL ? c->port : 0; }

void relay_centre_stats(struct relay_centre *c, struct relay_centre_stats *out)
{
    struct relay_centre_stats s = {.refused = atomic_load(&c->refused), .unknown = atomic_load(&c->unknown)};

    pthread_mutex_lock(&c->lock);
    for (struct kept_relay *r = c->relays; r != NULL; r = r->next) {
        s.relays++;
        s.lines += r->busy;
        s.blocks += r->st.blocks;
        s.events += r->st.events;
        s.bytes += r->st.bytes;
        s.missing_events += r->st.missing_events;
        s.flows += r->st.flows;
        s.missing_flows += r->st.missing_flows;
        s.deleted_files += r->st.deleted_files;
        s.judged += r->st.handed;
    }
    pthread_mutex_unlock(&c->lock);
    *out = s;
}
