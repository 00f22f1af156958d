/* Who holds `lock` takes a store's turn for a deletion; nobody who has a turn takes the lock. */
#include "relay/ceiling.h"
#include "base/log.h"
#include "relay/store.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct relay_ceiling {
    int64_t max;
    pthread_mutex_t lock;
    struct relay_store **v;
    size_t n, cap;
};

struct relay_ceiling *relay_ceiling_new(int64_t max_bytes)
{
    struct relay_ceiling *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->max = max_bytes;
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

void relay_ceiling_free(struct relay_ceiling *c)
{
    if (c == NULL)
        return;
    pthread_mutex_destroy(&c->lock);
    free(c->v);
    free(c);
}

int64_t relay_ceiling_max(const struct relay_ceiling *c) { return c->max; }

int relay_ceiling_join(struct relay_ceiling *c, struct relay_store *s, struct err *e)
{
    int rc = 0;

    pthread_mutex_lock(&c->lock);
    if (c->n == c->cap) {
        size_t cap = c->cap == 0 ? 16 : c->cap * 2;
        struct relay_store **more = reallocarray(c->v, cap, sizeof(struct relay_store *));
        if (more != NULL) {
            c->v = more;
            c->cap = cap;
        } else {
            rc = ERR(e, -ENOMEM, "journal.no_memory");
        }
    }
    if (rc == 0)
        c->v[c->n++] = s;
    pthread_mutex_unlock(&c->lock);
    return rc;
}

void relay_ceiling_leave(struct relay_ceiling *c, struct relay_store *s)
{
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i] == s)
            c->v[i] = c->v[--c->n];
    pthread_mutex_unlock(&c->lock);
}

static uint64_t total(const struct relay_ceiling *c)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < c->n; i++)
        sum += relay_store_size(c->v[i]);
    return sum;
}

static struct relay_store *oldest(const struct relay_ceiling *c)
{
    struct relay_store *s = NULL;
    int64_t least = INT64_MAX;

    for (size_t i = 0; i < c->n; i++)
        if (relay_store_oldest(c->v[i]) < least) {
            least = relay_store_oldest(c->v[i]);
            s = c->v[i];
        }
    return s;
}

bool relay_ceiling_room(struct relay_ceiling *c, uint64_t bytes)
{
    struct relay_store *s;
    struct err e = {0};
    bool room;

    pthread_mutex_lock(&c->lock);
    while (!(room = total(c) + bytes <= (uint64_t)c->max) && (s = oldest(c)) != NULL)
        if (relay_store_drop_oldest(s, &e) < 0) {
            log_err(LOG_ERROR, "relay_delete", &e);
            break;
        }
    pthread_mutex_unlock(&c->lock);
    return room;
}
