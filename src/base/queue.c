/* Bounded queue of pointers between threads: one lock, two conditions. The
 * queue owns its ring, never the items. Waits are by the monotonic clock, so
 * a change of wall time wakes nobody early. */
#include "base/queue.h"
#include "base/clock.h"
#include <errno.h>
#include <pthread.h>

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t not_empty, not_full;
    void **ring;
    size_t cap, head, n;
    bool closed;
};

static int cond_init(pthread_cond_t *c)
{
    pthread_condattr_t at;
    int rc = pthread_condattr_init(&at);

    if (rc != 0)
        return rc;
    rc = pthread_condattr_setclock(&at, CLOCK_MONOTONIC);
    if (rc == 0)
        rc = pthread_cond_init(c, &at);
    pthread_condattr_destroy(&at);
    return rc;
}

struct queue *queue_new(size_t cap)
{
    struct queue *q = cap == 0 ? NULL : calloc(1, sizeof(*q));

    if (q == NULL)
        return NULL;
    q->cap = cap;
    q->ring = calloc(cap, sizeof(*q->ring));
    if (q->ring == NULL || pthread_mutex_init(&q->lock, NULL) != 0)
        goto no_lock;
    if (cond_init(&q->not_empty) != 0)
        goto no_empty;
    if (cond_init(&q->not_full) != 0)
        goto no_full;
    return q;
no_full:
    pthread_cond_destroy(&q->not_empty);
no_empty:
    pthread_mutex_destroy(&q->lock);
no_lock:
    free(q->ring);
    free(q);
    return NULL;
}

void queue_free(struct queue *q)
{
    if (q == NULL)
        return;
    pthread_cond_destroy(&q->not_full);
    pthread_cond_destroy(&q->not_empty);
    pthread_mutex_destroy(&q->lock);
    free(q->ring);
    free(q);
}

/* With the lock held and room in the ring. */
static void push(struct queue *q, void *item)
{
    q->ring[(q->head + q->n) % q->cap] = item;
    q->n++;
    pthread_cond_signal(&q->not_empty);
}

bool queue_try_put(struct queue *q, void *item)
{
    pthread_mutex_lock(&q->lock);
    bool ok = !q->closed && q->n < q->cap;
    if (ok)
        push(q, item);
    pthread_mutex_unlock(&q->lock);
    return ok;
}

bool queue_put(struct queue *q, void *item)
{
    pthread_mutex_lock(&q->lock);
    while (!q->closed && q->n == q->cap)
        pthread_cond_wait(&q->not_full, &q->lock);
    bool ok = !q->closed;
    if (ok)
        push(q, item);
    pthread_mutex_unlock(&q->lock);
    return ok;
}

static struct timespec deadline_after(int64_t ns)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    /* A year is for ever here, and keeps the sum far from overflow. */
    if (ns > 366 * 86400 * NS_PER_S)
        ns = 366 * 86400 * NS_PER_S;
    ns += now.tv_nsec;
    return (struct timespec){now.tv_sec + ns / NS_PER_S, ns % NS_PER_S};
}

void *queue_get(struct queue *q, int64_t timeout_ns)
{
    struct timespec until = deadline_after(timeout_ns < 0 ? 0 : timeout_ns);
    int rc = timeout_ns == 0 ? ETIMEDOUT : 0;
    void *item = NULL;

    pthread_mutex_lock(&q->lock);
    while (q->n == 0 && !q->closed && rc == 0)
        rc = timeout_ns < 0 ? pthread_cond_wait(&q->not_empty, &q->lock)
                            : pthread_cond_timedwait(&q->not_empty, &q->lock, &until);
    if (q->n > 0) {
        item = q->ring[q->head];
        q->head = (q->head + 1) % q->cap;
        q->n--;
        pthread_cond_signal(&q->not_full);
    }
    pthread_mutex_unlock(&q->lock);
    return item;
}

void queue_close(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->not_empty);
    pthread_cond_broadcast(&q->not_full);
    pthread_mutex_unlock(&q->lock);
}

size_t queue_len(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    size_t n = q->n;
    pthread_mutex_unlock(&q->lock);
    return n;
}
