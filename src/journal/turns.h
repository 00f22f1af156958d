/* Writers before searchers. While the writer has more than it can put away, few
 * searches go on at once; each holds a turn for one block, and who waits longest
 * is next. At all other times nobody waits. No thread's priority changes, so a
 * searcher that holds a lock is never slower than before.
 *
 * A turn that is held for long (its search hands lines to somebody who does not
 * take them) stops counting, so that it holds up nobody. Any thread. */
#ifndef LUY_JOURNAL_TURNS_H
#define LUY_JOURNAL_TURNS_H
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct turn { /* a search's; cleared at first */
    struct turn *next;
    int64_t since;
    bool held, counted;
};
struct turns {
    pthread_mutex_t lock;
    pthread_cond_t given;
    struct turn *waiting, *held; /* oldest first */
    unsigned out, max;           /* turns that count; of them at most, while asked to hurry */
    int64_t hold_ns;
};
enum { TURN_HOLD_MS = 1000 };
void turns_init(struct turns *t, unsigned max);
void turns_done(struct turns *t);
/* pressed: shall searches wait now? check: negative ends the waiting, and is returned. */
int turn_take(struct turns *t, struct turn *me, bool (*pressed)(void *), int (*check)(void *), void *ctx);
void turn_give(struct turns *t, struct turn *me);
unsigned turns_waiting(struct turns *t);
#endif
