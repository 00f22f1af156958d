/* Connections that are lent out: at most `max` at once, the others wait for
 * one to come back, for ten seconds at most. What came back is lent again;
 * the newest first, so that a quiet store keeps few of them warm.
 * Thread-safe. The pool owns what lies idle in it. */
#ifndef LUY_REGISTRY_POOL_H
#define LUY_REGISTRY_POOL_H
#include <pthread.h>
#include "base/err.h"

struct pool_item {
    struct pool_item *next;
}; /* first member of a connection */
struct pool {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct pool_item *idle;
    size_t out, max;
};
void pool_init(struct pool *p, size_t max);
void pool_done(struct pool *p, void (*close)(struct pool_item *)); /* nothing may be lent out */
/* *out NULL: none lies idle, the caller makes one. -EBUSY when all are out for too long. */
int pool_take(struct pool *p, struct pool_item **out, struct err *e);
void pool_give(struct pool *p, struct pool_item *it); /* NULL: what was taken is gone */
/* An error-checking mutex: a thread that begins two writes gets an error, not a hang. */
void writer_lock_init(pthread_mutex_t *m);
#endif
