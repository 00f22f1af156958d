/* What the journal deleted by age is taken out of a shard: told once, and looked
 * after until no replica that answers shows it any more. Feeding goes on beside it
 * and does not depend on it. */
#include "journal/ch_feed-int.h"
#include "journal/sealed.h"
#include <errno.h>
#include <stdlib.h>

/* A replica asks the leading one, and that one may just have gone: told is what stays so. */
enum { FAILS_TOLD = 3 };
enum { CHECK_MIN_S = 1, CHECK_MAX_S = 60, TELL_AGAIN_S = 3600 };

static int64_t latest(const struct lane_delete *d)
{
    int64_t last = 0;

    for (size_t i = 0; i < CH_STREAMS_MAX; i++)
        last = d->before[i] > last ? d->before[i] : last;
    return last;
}

static void deleted(struct lane *l)
{
    struct lane_delete *d = &l->del;

    if (d->rows > 0) {
        atomic_fetch_add(&l->deleted_events, d->rows);
        lane_note(l, &(struct ch_feed_note){.event = CF_DELETED, .n = d->rows, .before = latest(d)});
    }
    memcpy(d->done, d->before, sizeof(d->done));
    d->begun = false;
    d->rows = 0;
    d->told = d->due = d->wait_s = 0;
    d->fails = 0;
}

/* Of all streams that this run knows. Whoever else has rows there keeps them, so `all` is for nobody then. */
static struct ch_ages *ages_of(struct lane *l)
{
    struct ch_feed *f = l->feed;
    struct ch_ages *a = calloc(1, sizeof(*a) + CH_STREAMS_MAX * sizeof(a->v[0]));

    if (a == NULL)
        return NULL;
    a->all = INT64_MAX;
    for (size_t i = 0; i < CH_STREAMS_MAX && l->cursor[i].row != NULL; i++) {
        a->v[a->n++] = (struct ch_age){l->cursor[i].row->relay, l->del.before[i]};
        a->all = l->del.before[i] < a->all ? l->del.before[i] : a->all;
    }
    pthread_mutex_lock(&f->lock);
    if (f->position.n > a->n)
        a->all = 0;
    pthread_mutex_unlock(&f->lock);
    return a;
}

static int delete_run(struct lane *l, const struct ch_ages *ages, struct err *e)
{
    struct lane_delete *d = &l->del;
    int64_t now = clock_mono(l->feed->clk);
    uint64_t left = 0;
    int rc = ch_delete(l->set, l->shard, ages, false, &left, e);

    if (rc == 0 && left > 0 && d->told == 0) {
        d->rows = left > d->rows ? left : d->rows;
        rc = ch_delete(l->set, l->shard, ages, true, &left, e);
        d->told = rc == 0 ? now : 0;
    }
    if (rc == 0 && left == 0)
        deleted(l);
    if (rc < 0 || left == 0 || now - d->told < TELL_AGAIN_S * NS_PER_S)
        return rc;
    d->told = 0; /* over there it is not done, whatever keeps it */
    return ERR(e, -ETIMEDOUT, "journal.ch_rows_left", N((int64_t)left));
}

/* Begins when a stream's time went on. What is begun is never more than what is gone now: a relay may have brought old
 * lines since, and this lane's thread alone sends them. */
static void delete_look(struct lane *l)
{
    struct lane_delete *d = &l->del;
    int64_t now[CH_STREAMS_MAX];
    bool more = false;

    l->feed->source->ages(l->feed->of, now, CH_STREAMS_MAX);
    for (size_t i = 0; i < CH_STREAMS_MAX; i++) {
        bool known = l->cursor[i].row != NULL;
        if (d->begun)
            d->before[i] = now[i] < d->before[i] ? now[i] : d->before[i];
        more = more || (known && now[i] > d->done[i]);
    }
    if (d->begun || !more)
        return;
    d->begun = true;
    for (size_t i = 0; i < CH_STREAMS_MAX; i++)
        d->before[i] = l->cursor[i].row != NULL ? now[i] : 0;
}

void lane_delete_step(struct lane *l)
{
    struct lane_delete *d = &l->del;
    struct err e = {0};

    if (l->cursor[0].row == NULL || clock_mono(l->feed->clk) < d->due)
        return;
    delete_look(l);
    d->due = clock_mono(l->feed->clk) + CHECK_MIN_S * NS_PER_S;
    if (!d->begun)
        return;
    struct ch_ages *ages = ages_of(l);
    int rc = ages == NULL ? ERR(&e, -ENOMEM, "journal.no_memory") : delete_run(l, ages, &e);
    free(ages);
    if (!d->begun)
        return;
    d->wait_s = rc < 0 || d->wait_s * 2 > CHECK_MAX_S ? CHECK_MAX_S : d->wait_s == 0 ? CHECK_MIN_S : d->wait_s * 2;
    d->due = clock_mono(l->feed->clk) + d->wait_s * NS_PER_S;
    if (rc == 0 || rc == -ECANCELED)
        return;
    atomic_fetch_add(&l->delete_failures, 1);
    if (++d->fails == FAILS_TOLD)
        lane_note(l, &(struct ch_feed_note){.event = CF_KEPT, .before = latest(d), .why = &e});
}
