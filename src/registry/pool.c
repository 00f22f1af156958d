/* pool.h: a list under a mutex. */
#include "registry/pool.h"
#include <errno.h>
#include <time.h>

enum { POOL_WAIT_S = 10 };

void pool_init(struct pool *p, size_t max)
{
    pthread_condattr_t ca;

    *p = (struct pool){.max = max};
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&ca);
    pthread_condattr_setclock(&ca, CLOCK_MONOTONIC);
    pthread_cond_init(&p->freed, &ca);
    pthread_condattr_destroy(&ca);
}

void pool_done(struct pool *p, void (*close)(struct pool_item *))
{
    for (struct pool_item *it = p->idle, *next; it != NULL; it = next) {
        next = it->next;
        close(it);
    }
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->freed);
}

int pool_take(struct pool *p, struct pool_item **out, struct err *e)
{
    struct timespec until;
    struct pool_item *it = NULL;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += POOL_WAIT_S;
    pthread_mutex_lock(&p->lock);
    while (p->idle == NULL && p->out >= p->max && rc == 0)
        rc = pthread_cond_timedwait(&p->freed, &p->lock, &until);
    if (rc == 0) {
        it = p->idle;
        if (it != NULL)
            p->idle = it->next;
        p->out++;
    }
    pthread_mutex_unlock(&p->lock);
    if (rc != 0)
        return ERR(e, -EBUSY, "store.busy");
    *out = it;
    return 0;
}

void pool_give(struct pool *p, struct pool_item *it)
{
    pthread_mutex_lock(&p->lock);
    p->out--;
    if (it != NULL) {
        it->next = p->idle;
        p->idle = it;
    }
    pthread_cond_broadcast(&p->freed);
    pthread_mutex_unlock(&p->lock);
}

void writer_lock_init(pthread_mutex_t *m)
{
    pthread_mutexattr_t ma;

    pthread_mutexattr_init(&ma);
    pthread_mutexattr_settype(&ma, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(m, &ma);
    pthread_mutexattr_destroy(&ma);
}
