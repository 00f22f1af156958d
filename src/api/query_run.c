/* Queries that run now. See query_env.h. */
#include "api/query_env.h"
#include <errno.h>
#include <time.h>

enum { QUERY_SECONDS = 30, WATCH_MS = 300 };

struct query_runs *query_runs_new(void)
{
    struct query_runs *qs = calloc(1, sizeof(*qs));
    pthread_condattr_t attr;

    if (qs == NULL)
        return NULL;
    qs->wait_ms = QUERY_WAIT_MS;
    pthread_mutex_init(&qs->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&qs->changed, &attr);
    pthread_condattr_destroy(&attr);
    return qs;
}

void query_runs_free(struct query_runs *qs)
{
    if (qs == NULL)
        return;
    pthread_mutex_destroy(&qs->lock);
    pthread_cond_destroy(&qs->changed);
    free(qs);
}

static bool id_good(str id)
{
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i] | 0x20;
        if (!((c >= 'a' && c <= 'z') || (id.p[i] >= '0' && id.p[i] <= '9') || id.p[i] == '-'))
            return false;
    }
    return id.n <= QUERY_ID_MAX;
}

static struct query_run *find(struct query_runs *qs, int64_t account, str id)
{
    for (size_t i = 0; i < QUERIES_MAX; i++)
        if (qs->v[i].used && qs->v[i].account == account && str_eq(str_c(qs->v[i].id), id))
            return &qs->v[i];
    return NULL;
}

static void wait_change(struct query_runs *qs)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_nsec += WATCH_MS * NS_PER_MS;
    ts.tv_sec += ts.tv_nsec / NS_PER_S;
    ts.tv_nsec %= NS_PER_S;
    pthread_cond_timedwait(&qs->changed, &qs->lock, &ts);
}

enum refused { FREE, FULL, OWN, USED };

/* Under lock. */
static enum refused place_take(struct query_runs *qs, struct request *rq, str id, struct query_run **out)
{
    struct query_run *place = NULL;
    size_t own = 0;

    for (size_t i = 0; i < QUERIES_MAX; i++) {
        own += qs->v[i].used && qs->v[i].account == rq->auth.actor.account_id;
        if (!qs->v[i].used && place == NULL)
            place = &qs->v[i];
    }
    if (id.n > 0 && find(qs, rq->auth.actor.account_id, id) != NULL)
        return USED;
    if (place == NULL || own >= QUERIES_PER_ACCOUNT)
        return place == NULL ? FULL : OWN;
    *place = (struct query_run){.used = true, .account = rq->auth.actor.account_id, .fd = rq->fd};
    if (id.n > 0)
        memcpy(place->id, id.p, id.n);
    else
        snprintf(place->id, sizeof(place->id), "q%llu", (unsigned long long)++qs->next);
    if (++qs->running > qs->most_running)
        qs->most_running = qs->running;
    *out = place;
    return FREE;
}

/* Time that people feel: the machine's, whatever clock the data has. */
static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000 + ts.tv_nsec / NS_PER_MS;
}

/* A short rush is smoothed, a long one is told: those who wait hold a thread each, so they are few. */
static enum refused place_wait(struct query_runs *qs, struct request *rq, str id, struct query_run **out)
{
    int64_t until = now_ms() + qs->wait_ms;
    enum refused no = place_take(qs, rq, id, out);

    if ((no != FULL && no != OWN) || qs->waiting >= QUERIES_WAITING_MAX)
        return no;
    if (++qs->waiting > qs->most_waiting)
        qs->most_waiting = qs->waiting;
    while ((no == FULL || no == OWN) && now_ms() < until && !atomic_load(&rq->api->stopping) &&
           (rq->fd < 0 || !client_left(rq->fd))) {
        wait_change(qs);
        no = place_take(qs, rq, id, out);
    }
    qs->waiting--;
    return no;
}

int query_run_begin(struct request *rq, str id, struct query_run **out, struct err *e)
{
    struct query_runs *qs = rq->api->queries;

    if (!id_good(id))
        return ERR(e, HTTP_ERR(400), "api.query_id");
    pthread_mutex_lock(&qs->lock);
    enum refused no = place_wait(qs, rq, id, out);
    pthread_mutex_unlock(&qs->lock);
    switch (no) {
    case USED:
        return ERR(e, HTTP_ERR(409), "api.query_id_used");
    case FULL:
        return ERR(e, HTTP_ERR(429), "api.queries_full", err_n(QUERIES_MAX));
    case OWN:
        return ERR(e, HTTP_ERR(429), "api.queries_own", err_n(QUERIES_PER_ACCOUNT));
    default:
        return 0;
    }
}

bool query_run_try(struct request *rq, struct query_run **out)
{
    struct query_runs *qs = rq->api->queries;

    pthread_mutex_lock(&qs->lock);
    bool got = place_take(qs, rq, STR(""), out) == FREE;
    pthread_mutex_unlock(&qs->lock);
    return got;
}

void query_run_end(struct api *api, struct query_run *r)
{
    pthread_mutex_lock(&api->queries->lock);
    r->used = false;
    api->queries->running--;
    pthread_cond_broadcast(&api->queries->changed);
    pthread_mutex_unlock(&api->queries->lock);
}

static void on_progress(void *ctx, uint64_t done, uint64_t all)
{
    struct query_run *r = ctx;

    atomic_store(&r->done, done);
    atomic_store(&r->all, all);
    if (client_left(r->fd))
        r->cancel = true;
}

struct search_opts query_run_opts(struct request *rq, struct query_run *r)
{
    return (struct search_opts){
        .before_seq = (uint64_t)request_query_int(rq, "before", 0),
        .deadline_mono_ns = clock_mono(rq->api->d.clock) + QUERY_SECONDS * NS_PER_S,
        .cancel = &r->cancel,
        .progress = on_progress,
        .progress_ctx = r,
    };
}

struct search_opts query_run_page(struct query_run *r, uint64_t before, uint64_t limit)
{
    return (struct search_opts){
        .before_seq = before, .limit = limit, .cancel = &r->cancel, .progress = on_progress, .progress_ctx = r};
}

int query_run_cancel(struct request *rq, str id, struct err *e)
{
    struct query_runs *qs = rq->api->queries;

    pthread_mutex_lock(&qs->lock);
    struct query_run *r = find(qs, rq->auth.actor.account_id, id);
    if (r != NULL)
        r->cancel = true;
    pthread_mutex_unlock(&qs->lock);
    return r != NULL ? 0 : ERR(e, -ENOENT, "api.query_unknown");
}

/* ---- watching ---- */

struct watch {
    struct stream stream;
    struct api *api;
    int64_t account;
    int fd;
    char id[QUERY_ID_MAX + 1], out[160];
    size_t n, sent;
    bool ended;
};

static ssize_t watch_pull(struct stream *s, char *p, size_t max)
{
    struct watch *w = (struct watch *)s;
    struct query_runs *qs = w->api->queries;

    if (w->sent == w->n) {
        if (w->ended || atomic_load(&w->api->stopping) || client_left(w->fd))
            return -1;
        pthread_mutex_lock(&qs->lock);
        if (w->n > 0 && find(qs, w->account, str_c(w->id)) != NULL)
            wait_change(qs);
        const struct query_run *r = find(qs, w->account, str_c(w->id));
        w->ended = r == NULL;
        int n = r == NULL
                    ? snprintf(w->out, sizeof(w->out), "event: end\ndata: {}\n\n")
                    : snprintf(w->out, sizeof(w->out), "event: progress\ndata: {\"done\":%llu,\"all\":%llu}\n\n",
                               (unsigned long long)atomic_load(&r->done), (unsigned long long)atomic_load(&r->all));
        pthread_mutex_unlock(&qs->lock);
        w->n = (size_t)n;
        w->sent = 0;
    }
    size_t n = w->n - w->sent < max ? w->n - w->sent : max;
    memcpy(p, w->out + w->sent, n);
    w->sent += n;
    return (ssize_t)n;
}

static void watch_free(struct stream *s)
{
    stream_give(((struct watch *)s)->api);
    free(s);
}

int query_run_watch(struct request *rq, str id, struct stream **out, struct err *e)
{
    struct watch *w;

    if (id.n == 0 || !id_good(id))
        return ERR(e, HTTP_ERR(400), "api.query_id");
    if (!stream_take(rq->api))
        return ERR(e, HTTP_ERR(503), "api.streams_full", err_n(rq->api->cfg.max_streams));
    w = calloc(1, sizeof(*w));
    if (w == NULL) {
        stream_give(rq->api);
        return ERR(e, -ENOMEM, "api.internal");
    }
    *w = (struct watch){
        .stream = {watch_pull, watch_free}, .api = rq->api, .account = rq->auth.actor.account_id, .fd = rq->fd};
    memcpy(w->id, id.p, id.n);
    *out = &w->stream;
    return 0;
}
