/* Documents that were uploaded and that no record came to name: swept away once an
 * hour, and when luyd starts. A thread of its own; of those that share a store only
 * the one that leads sweeps. */
#include "daemon/luyd-int.h"
#include "registry/attach.h"
#include <errno.h>
#include <pthread.h>

enum { EVERY_S = 3600 };

struct sweeper {
    struct luyd *d;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;
};

static void sweep(struct luyd *d)
{
    struct err e = {0};
    uint64_t gone = 0;

    if (store_is_shared(d) && !judge_leads(d->judge))
        return;
    if (registry_files_sweep(d->registry, d->cfg.file_grace, &gone, &e) < 0)
        log_err(LOG_ERROR, "file_sweep", &e);
    else if (gone > 0)
        self_sayf(d->self, 6, "event=file_sweep documents=%llu", (unsigned long long)gone);
}

static void *sweeper_main(void *arg)
{
    struct sweeper *s = arg;
    struct timespec until;

    pthread_mutex_lock(&s->lock);
    while (!s->stop) {
        pthread_mutex_unlock(&s->lock);
        sweep(s->d);
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += EVERY_S;
        pthread_mutex_lock(&s->lock);
        int rc = 0;
        while (!s->stop && rc != ETIMEDOUT)
            rc = pthread_cond_timedwait(&s->wake, &s->lock, &until);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

int open_sweeper(struct luyd *d, struct err *e)
{
    struct sweeper *s = calloc(1, sizeof(*s));
    pthread_condattr_t ca;

    if (s == NULL)
        return ERR(e, -ENOMEM, "base.no_memory", "sweeper");
    s->d = d;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&ca);
    pthread_condattr_setclock(&ca, CLOCK_MONOTONIC);
    pthread_cond_init(&s->wake, &ca);
    pthread_condattr_destroy(&ca);
    int rc = pthread_create(&s->thread, NULL, sweeper_main, s);
    if (rc != 0) {
        free(s);
        return ERR(e, -rc, "base.no_memory", "sweeper");
    }
    d->sweeper = s;
    return 0;
}

void sweeper_stop(struct sweeper *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->wake);
    free(s);
}
