/* Live tail. A reader keeps the number of the next event it wants and takes
 * events from the blocks in memory: the open one, those that wait for the
 * sealer, and the one sealed last. That is its queue, and its bound: who falls
 * behind further has lost the oldest, and is told how many events passed
 * unseen (whether they would have fitted is not known). The writer only
 * signals. Blocks of guests are read from their files, in the order they
 * came; a reader that is GUESTS_BEHIND of them behind loses the oldest. Runs
 * in the reader's thread. */
#include "journal/eval.h"
#include "journal/journal-int.h"
#include "journal/sealed.h"
#include "journal/search_plan.h"
#include <errno.h>

enum { GUESTS_BEHIND = 64 };

struct tail {
    struct journal *j;
    struct arena a; /* the query */
    struct query *q;
    uint64_t next;
    uint64_t arrived;       /* of guests: those up to this one were handed */
    struct guest guest;     /* in hand, its segment held; s NULL: none */
    struct block_walk walk; /* its lines */
};

/* A copy in the tail's own memory: what was printed parses to the same tree. */
int journal_tail_open(struct journal *j, const struct query *q, struct tail **out, struct err *e)
{
    struct tail *t;

    if (atomic_fetch_add(&j->ntails, 1) >= TAILS_MAX) {
        atomic_fetch_sub(&j->ntails, 1);
        return ERR(e, -EMFILE, "journal.tails", N(TAILS_MAX));
    }
    t = calloc(1, sizeof(*t));
    int rc = t ? 0 : ERR(e, -ENOMEM, "journal.no_memory");
    if (rc == 0) {
        t->a = arena_init(1 << 20);
        rc = query_copy(&t->a, q, &t->q, e);
    }
    if (rc < 0) {
        if (t)
            arena_free(&t->a);
        free(t);
        atomic_fetch_sub(&j->ntails, 1);
        return rc;
    }
    t->j = j;
    pthread_mutex_lock(&j->lock);
    j->refs++;
    t->next = atomic_load(&j->next_seq);
    t->arrived = j->guests.arrived;
    pthread_mutex_unlock(&j->lock);
    *out = t;
    return 0;
}

static bool holds(struct rows *r, uint64_t seq) { return r != NULL && seq < r->first_seq + rows_count(r); }

/* The oldest block in memory with events at or above `seq`, referenced; NULL: none yet. */
static struct rows *block_from(struct journal *j, uint64_t seq)
{
    struct rows *r = holds(j->recent, seq) ? j->recent : NULL;

    for (size_t i = 0; i < j->nfrozen && r == NULL; i++)
        if (holds(j->frozen[i].rows, seq))
            r = j->frozen[i].rows;
    if (r == NULL && holds(j->open, seq))
        r = j->open;
    if (r != NULL)
        r->refs++;
    return r;
}

/* True while fn wants more. */
static bool hand_rows(struct tail *t, struct rows *r, hit_fn *fn, void *ctx, uint64_t *lost)
{
    uint32_t n = rows_count(r);
    struct hit h;
    bool go = true;

    if (r->first_seq > t->next) {
        uint64_t away = r->first_seq - t->next;
        *lost += away > r->gap ? away - r->gap : 0;
        t->next = r->first_seq;
    }
    for (uint32_t i = (uint32_t)(t->next - r->first_seq); i < n && go; i++) {
        rows_event(r, i, COL_ALL, &h.ev);
        h.seq = t->next++;
        if (query_match(t->q, &h.ev))
            go = fn(ctx, &h);
    }
    return go;
}

/* ---- guests ---- */

/* Under the lock: the next one that came takes its place in hand. False: there is none. */
static bool guest_take(struct tail *t, uint64_t *lost)
{
    struct guests *g = &t->j->guests;
    struct guest *next = NULL;

    if (g->arrived - t->arrived > GUESTS_BEHIND) {
        uint64_t to = g->arrived - GUESTS_BEHIND;
        for (size_t i = 0; i < g->n; i++)
            *lost += g->v[i].arrival > t->arrived && g->v[i].arrival <= to ? g->v[i].b.head.count : 0;
        t->arrived = to;
    }
    for (size_t i = g->n; i > 0 && (next == NULL || next->arrival != t->arrived + 1); i--)
        if (g->v[i - 1].arrival > t->arrived && (next == NULL || g->v[i - 1].arrival < next->arrival))
            next = &g->v[i - 1];
    if (next == NULL) {
        t->arrived = g->arrived; /* what came is gone again */
        return false;
    }
    t->guest = *next;
    t->guest.s->refs++;
    return true;
}

/* Without the lock. False: fn wants no more; what is left of the block comes with the next call. */
static bool guest_hand(struct tail *t, hit_fn *fn, void *ctx, uint64_t *lost)
{
    const struct guest *g = &t->guest;
    struct hit h;
    int rc = 0;

    if (t->walk.d == NULL && search_plan_skips_block(t->q, &g->b.head, str_c(g->s->relay)))
        return true;
    if (t->walk.d == NULL)
        rc = block_walk_open(&t->walk, g->s, &g->b, g->base, 0);
    while (rc >= 0 && (rc = block_walk_next(&t->walk, &h)) == 1)
        if (query_match(t->q, &h.ev) && !fn(ctx, &h))
            return false;
    *lost += rc < 0 ? g->b.head.count : 0; /* damaged; verify names it */
    return true;
}

/* Under the lock. */
static void guest_done(struct tail *t)
{
    if (t->guest.s == NULL)
        return;
    t->arrived = t->guest.arrival;
    segment_unref(t->guest.s);
    t->guest.s = NULL;
    block_walk_close(&t->walk);
}

/* Under the lock, which is let go while lines are handed. */
static void guests_hand(struct tail *t, hit_fn *fn, void *ctx, uint64_t *lost)
{
    struct journal *j = t->j;
    bool go = true;

    while (go && !j->closing && (t->guest.s != NULL || (t->arrived < j->guests.arrived && guest_take(t, lost)))) {
        pthread_mutex_unlock(&j->lock);
        go = guest_hand(t, fn, ctx, lost);
        pthread_mutex_lock(&j->lock);
        if (go)
            guest_done(t);
    }
}

static bool is_news(const struct tail *t)
{
    return atomic_load(&t->j->next_seq) > t->next || t->guest.s != NULL || t->arrived < t->j->guests.arrived;
}

static void wait_until(struct journal *j, struct timespec *end, bool *timed_out)
{
    *timed_out = pthread_cond_timedwait(&j->news, &j->lock, end) == ETIMEDOUT;
}

int journal_tail_wait(struct tail *t, int64_t timeout_ns, hit_fn *fn, void *ctx, uint64_t *lost)
{
    struct journal *j = t->j;
    struct timespec end;
    struct rows *r;
    bool timed_out = timeout_ns <= 0, go = true;

    clock_gettime(CLOCK_MONOTONIC, &end);
    int64_t at = end.tv_nsec + (timeout_ns > 0 ? timeout_ns % NS_PER_S : 0);
    end.tv_sec += (timeout_ns > 0 ? timeout_ns / NS_PER_S : 0) + at / NS_PER_S;
    end.tv_nsec = at % NS_PER_S;
    *lost = 0;
    pthread_mutex_lock(&j->lock);
    while (!j->closing && !timed_out && !is_news(t))
        wait_until(j, &end, &timed_out);
    while (go && !j->closing && (r = block_from(j, t->next)) != NULL) {
        pthread_mutex_unlock(&j->lock);
        go = hand_rows(t, r, fn, ctx, lost);
        pthread_mutex_lock(&j->lock);
        rows_unref(j, r);
    }
    if (go)
        guests_hand(t, fn, ctx, lost);
    int rc = j->closing ? -ESHUTDOWN : 0;
    pthread_mutex_unlock(&j->lock);
    return rc;
}

void journal_tail_close(struct tail *t)
{
    if (t == NULL)
        return;
    struct journal *j = t->j;
    atomic_fetch_sub(&j->ntails, 1);
    pthread_mutex_lock(&j->lock);
    guest_done(t);
    arena_free(&t->a);
    free(t);
    journal_unref(j);
}
