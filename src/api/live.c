/* Bodies without an end: the judge's news to many readers (/live) and the live
 * tail of the journal. The judge's thread only copies a message into a ring
 * and goes on; each reader's own thread waits, and one that is too slow loses
 * the oldest. Streams are counted and bounded; a lost client or session ends
 * them within a second. */
#include "api/query_env.h"
#include <errno.h>
#include <poll.h>
#include <time.h>

enum { RING = 512, TEXT_LIMIT = 256 * 1024, WAIT_MS = 400, BEAT_S = 15, STATS_S = 2, ALIVE_S = 10 };

struct news {
    char *text;
    size_t n;
    int64_t finding;
};
struct live {
    struct api *api;
    pthread_mutex_t lock;
    pthread_cond_t fresh;
    struct news ring[RING];
    uint64_t next; /* number of the next message */
};

bool client_left(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};
    return fd >= 0 && poll(&p, 1, 0) == 1 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

bool stream_take(struct api *api)
{
    unsigned n = atomic_load(&api->streams);
    while (n < api->cfg.max_streams)
        if (atomic_compare_exchange_weak(&api->streams, &n, n + 1))
            return true;
    return false;
}

void stream_give(struct api *api) { atomic_fetch_sub(&api->streams, 1); }

/* Judge's listener: any thread. */
static void on_news(void *ctx, const char *what, const json_t *finding)
{
    struct live *l = ctx;
    char *json = json_dumps(finding, JSON_COMPACT);
    struct buf b;

    buf_init(&b, TEXT_LIMIT);
    if (json != NULL)
        buf_fmt(&b, "event: %s\ndata: %s\n\n", strcmp(what, "finding") == 0 ? "finding" : what, json);
    free(json);
    pthread_mutex_lock(&l->lock);
    if (!b.failed && b.n > 0) {
        struct news *slot = &l->ring[l->next % RING];
        free(slot->text);
        *slot = (struct news){b.p, b.n, json_get_int(finding, "id", 0)};
        l->next++;
        b = (struct buf){0};
        pthread_cond_broadcast(&l->fresh);
    }
    pthread_mutex_unlock(&l->lock);
    buf_done(&b);
}

int live_hub_new(struct api *api, struct live **out, struct err *e)
{
    struct live *l = calloc(1, sizeof(*l));
    pthread_condattr_t attr;

    if (l == NULL)
        return ERR(e, -ENOMEM, "api.internal");
    l->api = api;
    pthread_mutex_init(&l->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&l->fresh, &attr);
    pthread_condattr_destroy(&attr);
    if (api->d.judge != NULL)
        judge_listen(api->d.judge, on_news, l);
    *out = l;
    return 0;
}

void live_hub_stop(struct live *l)
{
    if (l->api->d.judge != NULL)
        judge_listen(l->api->d.judge, NULL, NULL);
    pthread_mutex_lock(&l->lock);
    pthread_cond_broadcast(&l->fresh);
    pthread_mutex_unlock(&l->lock);
}

void live_hub_free(struct live *l)
{
    for (size_t i = 0; i < RING; i++)
        free(l->ring[i].text);
    pthread_cond_destroy(&l->fresh);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

/* What every stream has: who reads, and what is not yet sent. */
struct reader {
    struct stream stream;
    struct api *api;
    struct auth auth;
    char name[128];
    int fd;
    struct buf out;
    size_t sent;
    int64_t beat, alive; /* mono ns of the next comment and look at the session */
    bool ended;
};

static int64_t mono(const struct reader *r) { return clock_mono(r->api->d.clock); }

static bool reader_init(struct reader *r, struct request *rq, size_t max)
{
    r->api = rq->api;
    r->auth = rq->auth;
    snprintf(r->name, sizeof(r->name), "%.*s", STR_ARGS(rq->auth.actor.name));
    r->auth.actor.name = str_c(r->name);
    r->auth.actor.reason = STR_NONE;
    r->fd = rq->fd;
    buf_init(&r->out, max);
    r->beat = mono(r) + BEAT_S * NS_PER_S;
    r->alive = mono(r) + ALIVE_S * NS_PER_S;
    return true;
}

/* Time to look around: may the stream go on? Writes the heartbeat when due. */
static bool reader_goes_on(struct reader *r)
{
    int64_t now = mono(r);

    if (atomic_load(&r->api->stopping) || client_left(r->fd))
        return false;
    if (now >= r->alive) {
        r->alive = now + ALIVE_S * NS_PER_S;
        if (!auth_alive(r->api, &r->auth))
            return false;
    }
    if (now >= r->beat) {
        r->beat = now + BEAT_S * NS_PER_S;
        buf_z(&r->out, ": \n\n");
    }
    return true;
}

static ssize_t reader_hand_over(struct reader *r, char *p, size_t max)
{
    size_t n = r->out.n - r->sent;

    n = n < max ? n : max;
    memcpy(p, r->out.p + r->sent, n);
    r->sent += n;
    if (r->sent == r->out.n) {
        buf_clear(&r->out);
        r->out.failed = false;
        r->sent = 0;
    }
    return (ssize_t)n;
}

struct live_reader {
    struct reader r;
    uint64_t next;
    int64_t stats;
    uint64_t last_events;
    int64_t last_at;
};

static void put_stats(struct live_reader *l)
{
    struct journal_stats js;
    struct judge_stats gs;
    json_t *drops = NULL, *intake = intake_json(l->r.api, &drops);
    int64_t now = mono(&l->r);

    journal_stats(l->r.api->d.journal, &js);
    judge_stats(l->r.api->d.judge, &gs);
    double seconds = (double)(now - l->last_at) / (double)NS_PER_S;
    double eps = seconds > 0 ? (double)(js.appended - l->last_events) / seconds : 0;
    buf_fmt(&l->r.out, "event: stats\ndata: {\"events\":%llu,\"eps\":%.1f,\"findings_open\":%llu,\"drops\":%lld}\n\n",
            (unsigned long long)js.events, eps, (unsigned long long)gs.findings_open,
            (long long)json_get_int(drops, "total", 0));
    l->last_events = js.appended;
    l->last_at = now;
    l->stats = now + STATS_S * NS_PER_S;
    json_decref(drops);
    json_decref(intake);
}

/* An officer hears only of what lies in the own unit: the judge decides. */
static bool may_see(struct live_reader *l, int64_t finding)
{
    json_t *out = NULL;
    struct err e = {0};

    if (l->r.auth.actor.unit_id == 0 || finding == 0)
        return true;
    bool yes = judge_finding(l->r.api->d.judge, &l->r.auth.actor, finding, &out, &e) == 0;
    json_decref(out);
    return yes;
}

static void wait_news(struct live *hub, uint64_t have)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_nsec += WAIT_MS * NS_PER_MS;
    ts.tv_sec += ts.tv_nsec / NS_PER_S;
    ts.tv_nsec %= NS_PER_S;
    if (hub->next == have && !atomic_load(&hub->api->stopping))
        pthread_cond_timedwait(&hub->fresh, &hub->lock, &ts);
}

/* Copies one message out under the lock; the question to the judge comes after. */
static bool take_news(struct live *hub, uint64_t *next, struct buf *out, int64_t *finding, uint64_t *lost)
{
    bool any = false;

    pthread_mutex_lock(&hub->lock);
    wait_news(hub, *next);
    if (hub->next - *next > RING) {
        *lost = hub->next - *next - RING;
        *next = hub->next - RING;
    }
    if (*next < hub->next) {
        struct news *m = &hub->ring[(*next)++ % RING];
        buf_add(out, m->text, m->n);
        *finding = m->finding;
        any = true;
    }
    pthread_mutex_unlock(&hub->lock);
    return any;
}

static ssize_t live_pull(struct stream *s, char *p, size_t max)
{
    struct live_reader *l = (struct live_reader *)s;

    while (l->r.out.n == 0) {
        int64_t finding = 0;
        uint64_t lost = 0;
        if (!reader_goes_on(&l->r))
            return -1;
        if (take_news(l->r.api->live, &l->next, &l->r.out, &finding, &lost) && !may_see(l, finding))
            buf_clear(&l->r.out);
        if (lost > 0)
            buf_fmt(&l->r.out, "event: lost\ndata: {\"lost\":%llu}\n\n", (unsigned long long)lost);
        if (mono(&l->r) >= l->stats)
            put_stats(l);
    }
    return reader_hand_over(&l->r, p, max);
}

static void live_reader_free(struct stream *s)
{
    struct live_reader *l = (struct live_reader *)s;
    buf_done(&l->r.out);
    stream_give(l->r.api);
    free(l);
}

int live_stream(struct request *rq, struct stream **out, struct err *e)
{
    struct live_reader *l;

    if (!stream_take(rq->api))
        return ERR(e, HTTP_ERR(503), "api.streams_full", err_n(rq->api->cfg.max_streams));
    l = calloc(1, sizeof(*l));
    if (l == NULL) {
        stream_give(rq->api);
        return ERR(e, -ENOMEM, "api.internal");
    }
    reader_init(&l->r, rq, 2 * TEXT_LIMIT);
    l->r.stream = (struct stream){live_pull, live_reader_free};
    pthread_mutex_lock(&rq->api->live->lock);
    l->next = rq->api->live->next;
    pthread_mutex_unlock(&rq->api->live->lock);
    l->last_at = mono(&l->r);
    struct journal_stats js;
    journal_stats(rq->api->d.journal, &js);
    l->last_events = js.appended;
    put_stats(l); /* an answer at once: the client knows it is connected */
    *out = &l->r.stream;
    return 0;
}

struct tail_reader {
    struct reader r;
    struct arena a;
    struct query_world world;
    struct tail *tail;
    uint64_t lost;
};

static bool tail_hit(void *ctx, const struct hit *h)
{
    struct tail_reader *t = ctx;
    buf_z(&t->r.out, "event: line\ndata: ");
    event_write(&t->r.out, h);
    buf_z(&t->r.out, "\n\n");
    return t->r.out.n < API_PAGE_BYTES / 16;
}

static ssize_t tail_pull(struct stream *s, char *p, size_t max)
{
    struct tail_reader *t = (struct tail_reader *)s;

    while (t->r.out.n == 0) {
        uint64_t lost = 0;
        if (!reader_goes_on(&t->r))
            return -1;
        if (journal_tail_wait(t->tail, WAIT_MS * NS_PER_MS, tail_hit, t, &lost) < 0)
            return -1;
        if (lost > t->lost)
            buf_fmt(&t->r.out, "event: lost\ndata: {\"lost\":%llu}\n\n", (unsigned long long)(lost - t->lost));
        t->lost = lost;
    }
    return reader_hand_over(&t->r, p, max);
}

static void tail_free(struct stream *s)
{
    struct tail_reader *t = (struct tail_reader *)s;
    if (t->tail != NULL)
        journal_tail_close(t->tail);
    query_world_done(&t->world);
    buf_done(&t->r.out);
    arena_free(&t->a);
    stream_give(t->r.api);
    free(t);
}

int tail_stream(struct request *rq, str text, struct stream **out, struct err *e)
{
    struct tail_reader *t;
    struct query *q;
    int rc;

    if (!stream_take(rq->api))
        return ERR(e, HTTP_ERR(503), "api.streams_full", err_n(rq->api->cfg.max_streams));
    t = calloc(1, sizeof(*t));
    if (t == NULL) {
        stream_give(rq->api);
        return ERR(e, -ENOMEM, "api.internal");
    }
    reader_init(&t->r, rq, API_PAGE_BYTES / 8);
    t->r.stream = (struct stream){tail_pull, tail_free};
    t->a = arena_init(1 << 20);
    rc = query_world_init(&t->world, rq->api, &t->a, rq->now, e);
    if (rc == 0)
        rc = query_world_parse(&t->world, &t->a, text, &q, e);
    if (rc == 0 && (q->pipe != QP_NONE || q->source != &query_logs))
        rc = ERR(e, HTTP_ERR(400), "api.tail_pipe");
    if (rc == 0)
        rc = journal_tail_open(rq->api->d.journal, q, &t->tail, e);
    if (rc < 0) {
        tail_free(&t->r.stream);
        return rc;
    }
    buf_z(&t->r.out, ": \n\n");
    *out = &t->r.stream;
    return 0;
}
