/* Bounded queue of pointers between threads. */
#ifndef LUY_BASE_QUEUE_H
#define LUY_BASE_QUEUE_H
#include "base/str.h"

struct queue;
struct queue *queue_new(size_t cap); /* NULL: no memory */
void queue_free(struct queue *q);
bool queue_try_put(struct queue *q, void *item);      /* false: full or closed */
bool queue_put(struct queue *q, void *item);          /* waits; false: closed */
void *queue_get(struct queue *q, int64_t timeout_ns); /* NULL: timeout, or closed and empty */
void queue_close(struct queue *q);                    /* wakes all */
size_t queue_len(struct queue *q);
#endif
