/* The ClickHouse set: its part of the configuration, and the threads that send
 * what the journal sealed, one for each shard, because a shard may hang as well as
 * fail. They share nothing with intake, sealing and retention but the journal's
 * lock, which they hold for a look at the lists. */
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
struct cluster {
    struct ch_feed *feed;
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
    struct cluster_parts parts = {d->journal, &d->set, path, d->self, &d->clk};
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
    struct cluster *c = ctx;
    char why[1024] = "", before[48] = "";
    static const struct {
        const char *name;
        int severity;
    } events[CF_EVENTS] = {[CF_DOWN] = {"cluster_down", 4},       [CF_UP] = {"cluster_up", 5},
                           [CF_SKIPPED] = {"cluster_skipped", 3}, [CF_BAD] = {"cluster_bad_block", 3},
                           [CF_DELETED] = {"cluster_deleted", 5}, [CF_KEPT] = {"cluster_not_deleted", 3}};

    if (n->why != NULL)
        err_sentence(n->why, LANG_EN, why, sizeof(why));
    for (char *p = why; *p != '\0'; p++) /* a server's words stay one value on one line */
        if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ')
            *p = '\'';
    if (n->before != 0) {
        memcpy(before, " before=", sizeof(" before="));
        time_fmt(n->before, 3, before + strlen(before), sizeof(before) - strlen(before));
    }
    self_sayf(c->self, events[n->event].severity, "event=%s shard=%zu next=%llu count=%llu%s reason=\"%s\"",
              events[n->event].name, n->shard + 1, (unsigned long long)n->first, (unsigned long long)n->n, before, why);
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
    int64_t due = 0;

    pthread_mutex_lock(&c->lock);
    while (!c->stop) {
        if (clock_mono(c->clk) < due) {
            wait_until(c, due);
            continue;
        }
        pthread_mutex_unlock(&c->lock);
        ch_feed_step(c->feed, own->shard, &due);
        pthread_mutex_lock(&c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static void cluster_free(struct cluster *c)
{
    ch_feed_close(c->feed);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static int feeders_start(struct cluster *c, struct err *e)
{
    for (size_t i = 0; i < ch_feed_shards(c->feed); i++) {
        c->feeder[i] = (struct feeder){.cluster = c, .shard = i};
        int rc = -pthread_create(&c->feeder[i].thread, NULL, feeder_main, &c->feeder[i]);
        if (rc < 0)
            return ERR(e, rc, "daemon.thread");
        pthread_setname_np(c->feeder[i].thread, "cluster");
        c->running++;
    }
    return 0;
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
    struct ch_feed_cfg fc = {
        .journal = parts->journal, .set = parts->set, .state = parts->state, .note = on_note, .ctx = c};
    int rc = ch_feed_open(&fc, parts->clk, &c->feed, e);
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
    ch_feed_stop(c->feed);
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_broadcast(&c->wake);
    pthread_mutex_unlock(&c->lock);
    for (size_t i = 0; i < c->running; i++)
        pthread_join(c->feeder[i].thread, NULL);
    cluster_free(c);
}

static size_t counters_put(const struct ch_feed_stats *s, unsigned part, struct api_counter *out, size_t cap)
{
    const struct api_counter rows[] = {
        {"cluster", "sent_events", s->sent_events, false, part},
        {"cluster", "sent_batches", s->sent_batches, false, part},
        {"cluster", "failures", s->failures, false, part},
        {"cluster", "skipped_events", s->skipped_events, false, part},
        {"cluster", "bad_events", s->bad_events, false, part},
        {"cluster", "deleted_events", s->deleted_events, false, part},
        {"cluster", "delete_failures", s->delete_failures, false, part},
        {"cluster", "next", s->next, true, part},
        {"cluster", "lag_events", s->lag_events, true, part},
        {"cluster", "lag_seconds", (uint64_t)(s->lag_ns / NS_PER_S), true, part},
        {"cluster", "down", s->down, true, part},
        {"cluster", "position_errors", s->cursor_errors, false, part},
    };
    size_t n = sizeof(rows) / sizeof(*rows) - (part > 0); /* the file is one for all */

    if (n > cap)
        return 0;
    memcpy(out, rows, n * sizeof(*rows));
    return n;
}

size_t cluster_counters(const struct cluster *c, struct api_counter *out, size_t cap)
{
    struct ch_feed_stats s;

    ch_feed_stats(c->feed, CH_FEED_ALL, &s);
    size_t n = counters_put(&s, 0, out, cap);
    for (size_t i = 0; i < ch_feed_shards(c->feed); i++) {
        ch_feed_stats(c->feed, i, &s);
        n += counters_put(&s, (unsigned)i + 1, out + n, cap - n);
    }
    return n;
}

size_t cluster_behind(const struct cluster *c, struct api_behind *out, size_t cap)
{
    size_t n = 0;

    for (size_t i = 0; i < ch_feed_shards(c->feed) && n < cap; i++) {
        struct ch_feed_stats s;
        ch_feed_stats(c->feed, i, &s);
        if (s.lag_events > 0)
            out[n++] = (struct api_behind){(unsigned)i + 1, s.lag_events, s.lag_since, s.down > 0};
    }
    return n;
}
