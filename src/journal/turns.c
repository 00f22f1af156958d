#include "journal/turns.h"
#include "base/clock.h"
#include <time.h>

enum { LOOK_MS = 20 }; /* how soon the end of a hurry, a cancel or a deadline is seen */

/* Time that threads feel: the machine's, whatever clock the data has. */
static int64_t now_ns(void) { return clock_mono(&clock_system); }

void turns_init(struct turns *t, unsigned max)
{
    pthread_condattr_t mono;

    *t = (struct turns){.max = max > 0 ? max : 1, .hold_ns = TURN_HOLD_MS * NS_PER_MS};
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    pthread_cond_init(&t->given, &mono);
    pthread_condattr_destroy(&mono);
}

void turns_done(struct turns *t)
{
    pthread_cond_destroy(&t->given);
    pthread_mutex_destroy(&t->lock);
}

static void list_add(struct turn **list, struct turn *me)
{
    while (*list != NULL)
        list = &(*list)->next;
    me->next = NULL;
    *list = me;
}

static void list_drop(struct turn **list, const struct turn *me)
{
    while (*list != me)
        list = &(*list)->next;
    *list = me->next;
}

static void forget_old(struct turns *t, int64_t now)
{
    for (struct turn *h = t->held; h != NULL; h = h->next)
        if (h->counted && now - h->since >= t->hold_ns) {
            h->counted = false;
            t->out--;
        }
}

static void look_again(struct turns *t, int64_t now)
{
    int64_t at = now + LOOK_MS * NS_PER_MS;
    struct timespec ts = {.tv_sec = at / NS_PER_S, .tv_nsec = at % NS_PER_S};

    pthread_cond_timedwait(&t->given, &t->lock, &ts);
}

int turn_take(struct turns *t, struct turn *me, bool (*pressed)(void *), int (*check)(void *), void *ctx)
{
    int rc = 0;

    pthread_mutex_lock(&t->lock);
    list_add(&t->waiting, me);
    while (pressed(ctx)) {
        int64_t now = now_ns();
        forget_old(t, now);
        if ((t->waiting == me && t->out < t->max) || (rc = check(ctx)) < 0)
            break;
        look_again(t, now);
    }
    list_drop(&t->waiting, me);
    if (rc == 0) {
        me->held = me->counted = true;
        me->since = now_ns();
        list_add(&t->held, me);
        t->out++;
    }
    if (t->waiting != NULL && t->out < t->max)
        pthread_cond_broadcast(&t->given);
    pthread_mutex_unlock(&t->lock);
    return rc;
}

void turn_give(struct turns *t, struct turn *me)
{
    if (!me->held)
        return;
    pthread_mutex_lock(&t->lock);
    list_drop(&t->held, me);
    t->out -= me->counted;
    me->held = me->counted = false;
    if (t->waiting != NULL)
        pthread_cond_broadcast(&t->given);
    pthread_mutex_unlock(&t->lock);
}

unsigned turns_waiting(struct turns *t)
{
    unsigned n = 0;

    pthread_mutex_lock(&t->lock);
    for (const struct turn *w = t->waiting; w != NULL; w = w->next)
        n++;
    pthread_mutex_unlock(&t->lock);
    return n;
}
