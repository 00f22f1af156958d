/* Two luyd on one PostgreSQL: which of them leads. A thread of its own asks the
 * store every second; the answer is a lock of a database session, so when a
 * luyd dies or loses the server the lock is free, and another takes it. What a
 * role means for checks and findings is the judge's affair (judge_lead). */
#include "daemon/luyd-int.h"
#include <errno.h>
#include <pthread.h>

enum { ASK_S = 1, COMPLAIN_S = 60 };

struct leading {
    struct luyd *d;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;
    int64_t told;
};

static void complain(struct leading *r, const char *what, const struct err *e)
{
    int64_t now = clock_mono(&r->d->clk);

    if (now >= r->told) {
        log_err(LOG_ERROR, what, e);
        r->told = now + COMPLAIN_S * NS_PER_S;
    }
}

static void ask(struct leading *r)
{
    struct luyd *d = r->d;
    struct err e = {0};
    bool mine = false, was = judge_leads(d->judge);

    if (store_lead(d->store, &mine, &e) < 0)
        complain(r, "store_lead", &e);
    if (mine == was)
        return;
    e = (struct err){0};
    if (judge_lead(d->judge, mine, &e) < 0) {
        complain(r, "judge_lead", &e);
        return; /* it holds the lock and tries again in a second */
    }
    log_event(mine ? LOG_INFO : LOG_ERROR, "role", F_STR("role", mine ? STR("active") : STR("standby")));
    self_sayf(d->self, mine ? 5 : 3, "event=luyd_role role=%s", mine ? "active" : "standby");
}

static void *leading_main(void *arg)
{
    struct leading *r = arg;
    struct timespec until;

    pthread_mutex_lock(&r->lock);
    while (!r->stop) {
        pthread_mutex_unlock(&r->lock);
        ask(r);
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += ASK_S;
        pthread_mutex_lock(&r->lock);
        if (!r->stop)
            pthread_cond_timedwait(&r->wake, &r->lock, &until);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

int open_leading(struct luyd *d, struct err *e)
{
    struct leading *r;
    pthread_condattr_t ca;

    if (!store_is_shared(d))
        return 0;
    if ((r = calloc(1, sizeof(*r))) == NULL)
        return ERR(e, -ENOMEM, "base.no_memory", "role");
    r->d = d;
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&ca);
    pthread_condattr_setclock(&ca, CLOCK_MONOTONIC);
    pthread_cond_init(&r->wake, &ca);
    pthread_condattr_destroy(&ca);
    ask(r); /* a server alone leads from its first answer on */
    int rc = pthread_create(&r->thread, NULL, leading_main, r);
    if (rc != 0) {
        free(r);
        return ERR(e, -rc, "base.no_memory", "role");
    }
    d->leading = r;
    return 0;
}

void leading_stop(struct leading *r)
{
    if (r == NULL)
        return;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->wake);
    free(r);
}
