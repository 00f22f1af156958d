/* What the journal deleted by age is taken out of a shard: told once, and looked
 * after until no replica that answers shows it any more. Feeding goes on beside it
 * and does not depend on it. */
#include "journal/ch_feed-int.h"
#include "journal/sealed.h"
#include <errno.h>

/* A replica asks the leading one, and that one may just have gone: told is what stays so. */
enum { FAILS_TOLD = 3 };
enum { CHECK_MIN_S = 1, CHECK_MAX_S = 60, TELL_AGAIN_S = 3600 };

static void deleted(struct lane *l)
{
    struct lane_delete *d = &l->del;

    if (d->rows > 0) {
        atomic_fetch_add(&l->deleted_events, d->rows);
        lane_note(l, &(struct ch_feed_note){.event = CF_DELETED, .n = d->rows, .before = d->before});
    }
    *d = (struct lane_delete){.done = d->before};
}

static int delete_run(struct lane *l, struct err *e)
{
    struct lane_delete *d = &l->del;
    int64_t now = clock_mono(l->feed->clk);
    uint64_t left = 0;
    int rc = ch_delete(l->set, l->shard, d->before, false, &left, e);

    if (rc == 0 && left > 0 && d->told == 0) {
        d->rows = left > d->rows ? left : d->rows;
        rc = ch_delete(l->set, l->shard, d->before, true, &left, e);
        d->told = rc == 0 ? now : 0;
    }
    if (rc == 0 && left == 0)
        deleted(l);
    if (rc < 0 || left == 0 || now - d->told < TELL_AGAIN_S * NS_PER_S)
        return rc;
    d->told = 0; /* over there it is not done, whatever keeps it */
    return ERR(e, -ETIMEDOUT, "journal.ch_rows_left", N((int64_t)left));
}

void lane_delete_step(struct lane *l)
{
    struct lane_delete *d = &l->del;
    struct err e = {0};
    int64_t gone = journal_gone_before(l->feed->cfg.journal);

    if (!l->known || clock_mono(l->feed->clk) < d->due)
        return;
    if (d->before == 0 && gone > d->done)
        *d = (struct lane_delete){.before = gone, .done = d->done, .fails = d->fails};
    if (d->before == 0)
        return;
    int rc = delete_run(l, &e);
    d->wait_s = rc < 0 || d->wait_s * 2 > CHECK_MAX_S ? CHECK_MAX_S : d->wait_s == 0 ? CHECK_MIN_S : d->wait_s * 2;
    d->due = clock_mono(l->feed->clk) + d->wait_s * NS_PER_S;
    if (rc == 0 || rc == -ECANCELED)
        return;
    atomic_fetch_add(&l->delete_failures, 1);
    if (++d->fails == FAILS_TOLD)
        lane_note(l, &(struct ch_feed_note){.event = CF_KEPT, .before = d->before, .why = &e});
}
