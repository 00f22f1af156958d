/* Live tail. A reader keeps the number of the next event it wants and takes
 * events from the blocks in memory: the open one, those that wait for the
 * sealer, and the one sealed last. That is its queue, and its bound: who falls
 * behind further has lost the oldest, and is told how many events passed
 * unseen (whether they would have fitted is not known). The writer only
 * signals. Runs in the reader's thread. */
#include "journal/eval.h"
#include "journal/journal-int.h"
#include <errno.h>

struct tail {
    struct journal *j;
    struct arena a; /* the query */
    struct query *q;
    uint64_t next;
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
    while (!j->closing && !timed_out && atomic_load(&j->next_seq) <= t->next)
        wait_until(j, &end, &timed_out);
    while (go && !j->closing && (r = block_from(j, t->next)) != NULL) {
        pthread_mutex_unlock(&j->lock);
        go = hand_rows(t, r, fn, ctx, lost);
        pthread_mutex_lock(&j->lock);
        rows_unref(j, r);
    }
    int rc = j->closing ? -ESHUTDOWN : 0;
    pthread_mutex_unlock(&j->lock);
    return rc;
}

void journal_tail_close(struct tail *t)
{
    if (t == NULL)
        return;
    struct journal *j = t->j;
    arena_free(&t->a);
    free(t);
    atomic_fetch_sub(&j->ntails, 1);
    pthread_mutex_lock(&j->lock);
    journal_unref(j);
}
