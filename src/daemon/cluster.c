/* The ClickHouse set: its part of the configuration, and the threads that send
 * what the journal and the store of flows sealed, one for each shard, because a shard may hang as well as
 * fail. Each takes the feeds in turn, so that no two INSERTs of one shard meet. They share nothing with intake, sealing
 * and retention but the journal's lock, which they hold for a look at the lists. */
#include "daemon/luyd-int.h"
#include "base/file.h"
#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>

struct feeder {
    struct cluster *cluster;
    size_t shard;
    pthread_t thread;
};
/* One of events, one of flows where there is a store of them. */
enum { FEEDS = CH_KINDS };
struct feed {
    struct cluster *cluster;
    struct ch_feed *feed; /* NULL: none */
    const char *name;     /* of its counters, and in front of what it says */
};
struct cluster {
    struct feed feed[FEEDS];
    struct self_queue *self;
    const struct clock *clk;
    struct feeder feeder[CH_SHARDS_MAX];
    size_t running;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop; /* under lock */
};

/* ---- configuration ---- */

static int password_read(struct luyd *d, struct err *e)
{
    const char *path = d->cfg.clickhouse_password_file;
    struct arena a = arena_init(1 << 16);
    struct stat st;
    str text;
    int rc = file_read(&a, path, 4096, &text, e);

    if (rc == 0 && stat(path, &st) == 0 && (st.st_mode & S_IROTH) != 0)
        rc = ERR(e, -EACCES, "daemon.clickhouse_password_mode", path);
    if (rc == 0) {
        while (text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
            text.n--;
        if (text.n == 0 || text.n > CLUSTER_PASSWORD_MAX || str_find(text, STR("\n")) != SIZE_MAX)
            rc = ERR(e, -EINVAL, "daemon.clickhouse_password", path, err_n(CLUSTER_PASSWORD_MAX));
        else
            memcpy(d->set_password, text.p, text.n);
    }
    arena_free(&a);
    return rc;
}

/* Checked as a whole, asking no node. */
int open_set(struct luyd *d, struct err *e)
{
    const struct config *c = &d->cfg;
    struct ch *set = NULL;

    if (c->clickhouse[0] == '\0')
        return 0;
    int rc = c->clickhouse_password_file[0] != '\0' ? password_read(d, e) : 0;
    if (rc == 0 && strlen(c->clickhouse_user) > CLUSTER_USER_MAX)
        rc = ERR(e, -EINVAL, "daemon.clickhouse_user", err_n(CLUSTER_USER_MAX));
    if (rc < 0)
        return rc;
    struct ch_cfg cfg = {.nodes = str_c(c->clickhouse),
                         .cluster = str_c(c->clickhouse_cluster),
                         .database = str_c(c->clickhouse_database),
                         .user = str_c(c->clickhouse_user),
                         .password = str_c(d->set_password)};
    rc = ch_open(&cfg, &d->clk, &set, e);
    ch_close(set);
    if (rc == 0)
        d->set = cfg;
    return rc;
}

int start_cluster(struct luyd *d, struct err *e)
{
    char path[1100];
    struct cluster_parts parts = {d->journal, d->flows, &d->set, path, d->self, &d->clk};
    struct cluster *c = NULL;

    if (d->set.nodes.n == 0)
        return 0;
    snprintf(path, sizeof(path), "%s/cluster-position", d->o.data);
    int rc = cluster_start(&parts, &c, e);
    if (rc == 0)
        __atomic_store_n(&d->cluster, c, __ATOMIC_RELEASE); /* who counts looks from its own thread */
    return rc;
}

/* ---- the threads ---- */

static void on_note(void *ctx, const struct ch_feed_note *n)
{
    const struct feed *f = ctx;
    char why[1024] = "", before[48] = "";
    static const struct {
        const char *name;
        int severity;
    } events[CF_EVENTS] = {[CF_DOWN] = {"down", 4},     [CF_UP] = {"up", 5},           [CF_SKIPPED] = {"skipped", 3},
                           [CF_BAD] = {"bad_block", 3}, [CF_DELETED] = {"deleted", 5}, [CF_KEPT] = {"not_deleted", 3}};

    if (n->why != NULL)
        err_sentence(n->why, LANG_EN, why, sizeof(why));
    for (char *p = why; *p != '\0'; p++) /* a server's words stay one value on one line */
        if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ')
            *p = '\'';
    if (n->before != 0) {
        memcpy(before, " before=", sizeof(" before="));
        time_fmt(n->before, 3, before + strlen(before), sizeof(before) - strlen(before));
    }
    self_sayf(f->cluster->self, events[n->event].severity, "event=%s_%s shard=%zu next=%llu count=%llu%s reason=\"%s\"",
              f->name, events[n->event].name, n->shard + 1, (unsigned long long)n->first, (unsigned long long)n->n,
              before, why);
}

/* The condition waits by the system's clock; `due` comes from the clock that was given. */
static void wait_until(struct cluster *c, int64_t due)
{
    int64_t ns = due - clock_mono(c->clk);
    struct timespec ts;

    if (ns <= 0)
        return;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    ns += ts.tv_nsec;
    ts.tv_sec += ns / NS_PER_S;
    ts.tv_nsec = ns % NS_PER_S;
    pthread_cond_timedwait(&c->wake, &c->lock, &ts);
}

static void *feeder_main(void *arg)
{
    const struct feeder *own = arg;
    struct cluster *c = own->cluster;
    int64_t due[FEEDS] = {0}, soonest = 0;

    pthread_mutex_lock(&c->lock);
    while (!c->stop) {
        if (clock_mono(c->clk) < soonest) {
            wait_until(c, soonest);
            continue;
        }
        pthread_mutex_unlock(&c->lock);
        soonest = INT64_MAX;
        for (size_t i = 0; i < FEEDS; i++) {
            if (c->feed[i].feed == NULL)
                continue;
            if (clock_mono(c->clk) >= due[i])
                ch_feed_step(c->feed[i].feed, own->shard, &due[i]);
            soonest = due[i] < soonest ? due[i] : soonest;
        }
        pthread_mutex_lock(&c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static void cluster_free(struct cluster *c)
{
    for (size_t i = 0; i < FEEDS; i++)
        ch_feed_close(c->feed[i].feed);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static int feeders_start(struct cluster *c, struct err *e)
{
    for (size_t i = 0; i < ch_feed_shards(c->feed[CH_EVENTS].feed); i++) {
        c->feeder[i] = (struct feeder){.cluster = c, .shard = i};
        int rc = -pthread_create(&c->feeder[i].thread, NULL, feeder_main, &c->feeder[i]);
        if (rc < 0)
            return ERR(e, rc, "daemon.thread");
        pthread_setname_np(c->feeder[i].thread, "cluster");
        c->running++;
    }
    return 0;
}

static int feeds_open(struct cluster *c, const struct cluster_parts *parts, struct err *e)
{
    static const char *const names[FEEDS] = {[CH_EVENTS] = "cluster", [CH_FLOWS] = "cluster_flows"};
    char path[1200];
    int rc = 0;

    for (size_t i = 0; i < FEEDS && rc == 0; i++) {
        struct feed *f = &c->feed[i];
        struct ch_feed_cfg fc = {.set = parts->set, .state = path, .note = on_note, .ctx = f};
        *f = (struct feed){.cluster = c, .name = names[i]};
        snprintf(path, sizeof(path), "%s%s", parts->state, i == CH_FLOWS ? "-flows" : "");
        if (i == CH_EVENTS)
            fc.journal = parts->journal;
        else
            fc.flows = parts->flows;
        if (fc.journal != NULL || fc.flows != NULL)
            rc = ch_feed_open(&fc, parts->clk, &f->feed, e);
    }
    return rc;
}

int cluster_start(const struct cluster_parts *parts, struct cluster **out, struct err *e)
{
    struct cluster *c = calloc(1, sizeof(*c));
    pthread_condattr_t attr;

    if (c == NULL)
        return ERR(e, -ENOMEM, "daemon.thread");
    c->self = parts->self;
    c->clk = parts->clk;
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->wake, &attr);
    pthread_condattr_destroy(&attr);
    int rc = feeds_open(c, parts, e);
    if (rc < 0) {
        cluster_free(c);
        return rc;
    }
    rc = feeders_start(c, e);
    if (rc < 0) {
        cluster_stop(c);
        return rc;
    }
    *out = c;
    return 0;
}

void cluster_stop(struct cluster *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < FEEDS; i++)
        if (c->feed[i].feed != NULL)
            ch_feed_stop(c->feed[i].feed);
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_broadcast(&c->wake);
    pthread_mutex_unlock(&c->lock);
    for (size_t i = 0; i < c->running; i++)
        pthread_join(c->feeder[i].thread, NULL);
    cluster_free(c);
}

static size_t counters_put(const char *group, const struct ch_feed_stats *s, unsigned part, struct api_counter *out,
                           size_t cap)
{
    const struct api_counter rows[] = {
        {group, "sent_events", s->sent_events, false, part},
        {group, "sent_batches", s->sent_batches, false, part},
        {group, "failures", s->failures, false, part},
        {group, "skipped_events", s->skipped_events, false, part},
        {group, "bad_events", s->bad_events, false, part},
        {group, "deleted_events", s->deleted_events, false, part},
        {group, "delete_failures", s->delete_failures, false, part},
        {group, "next", s->next, true, part},
        {group, "lag_events", s->lag_events, true, part},
        {group, "lag_seconds", (uint64_t)(s->lag_ns / NS_PER_S), true, part},
        {group, "down", s->down, true, part},
        {group, "position_errors", s->cursor_errors, false, part},
    };
    size_t n = sizeof(rows) / sizeof(*rows) - (part > 0); /* the file is one for all */

    if (n > cap)
        return 0;
    memcpy(out, rows, n * sizeof(*rows));
    return n;
}

static size_t feed_counters(const struct feed *f, struct api_counter *out, size_t cap)
{
    struct ch_feed_stats s;

    ch_feed_stats(f->feed, CH_FEED_ALL, &s);
    size_t n = counters_put(f->name, &s, 0, out, cap);
    for (size_t i = 0; i < ch_feed_shards(f->feed); i++) {
        ch_feed_stats(f->feed, i, &s);
        n += counters_put(f->name, &s, (unsigned)i + 1, out + n, cap - n);
    }
    return n;
}

size_t cluster_counters(const struct cluster *c, struct api_counter *out, size_t cap)
{
    size_t n = 0;

    for (size_t i = 0; i < FEEDS; i++)
        if (c->feed[i].feed != NULL)
            n += feed_counters(&c->feed[i], out + n, cap - n);
    return n;
}

size_t cluster_behind(const struct cluster *c, enum ch_kind of, struct api_behind *out, size_t cap)
{
    const struct ch_feed *f = c->feed[of].feed;
    size_t n = 0;

    for (size_t i = 0; f != NULL && i < ch_feed_shards(f) && n < cap; i++) {
        struct ch_feed_stats s;
        ch_feed_stats(f, i, &s);
        if (s.lag_events > 0)
            out[n++] = (struct api_behind){(unsigned)i + 1, s.lag_events, s.lag_since, s.down > 0};
    }
    return n;
}
