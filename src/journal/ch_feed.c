/* From sealed blocks to INSERTs. See ch_feed.h. */
#include "journal/ch_feed-int.h"
#include "journal/sealed.h"
#include <errno.h>
#include <stdlib.h>

/* ---- a batch ---- */

void lane_note(struct lane *l, const struct ch_feed_note *n)
{
    struct ch_feed_note own = *n;

    own.shard = l->shard;
    if (l->feed->cfg.note != NULL)
        l->feed->cfg.note(l->feed->cfg.ctx, &own);
}

/* What of the stream stood below `next` and was not sent. Where nothing says which numbers were events, all of them may
 * have been. */
static struct own own_gone(const struct lane *l, uint64_t next)
{
    uint64_t from = l->cursor[l->stream].next;
    struct own o = {.lane = l, .from = from};

    if (l->feed->source->gone(l->feed->of, l->stream, from, next, own_count, &o, NULL) < 0) {
        o.n = 0;
        own_count(&o, from, next);
    }
    return o;
}

static void skip_to(struct lane *l, uint64_t next, const struct own *o, enum ch_feed_event event, const struct err *why)
{
    ch_batch_clear(&l->batch);
    lane_passed(l, next);
    atomic_fetch_add(event == CF_BAD ? &l->bad_events : &l->skipped_events, o->n);
    if (o->n > 0)
        lane_note(l, &(struct ch_feed_note){.event = event, .first = o->first, .n = o->n, .why = why});
}

/* Nothing of the stream is left for this lane: the others' numbers are passed by too, so that shards stand level. */
static void all_passed(struct lane *l, uint64_t next)
{
    if (next > l->cursor[l->stream].next)
        lane_passed(l, next);
}

/* Made anew at each try: what retention took meanwhile is not sent. 1: in hand, or something was passed by; 0: nothing
 * to send. */
static int batch_make(struct lane *l, struct err *e)
{
    struct cursor *c = &l->cursor[l->stream];
    struct sealed_block b = {0};

    ch_batch_clear(&l->batch);
    l->batch.relay = l->stream > 0 ? c->row->relay : NULL;
    uint64_t from = lane_from(l, c->next);
    int rc = l->feed->source->block(l, from, &b, e);
    if (rc == 0)
        all_passed(l, b.next);
    if (rc == 0 || rc == -ENOMEM)
        return rc;
    if (c->fresh && b.first > from) /* there was a journal before there was a set */
        c->next = b.first;
    if (b.first > lane_from(l, c->next)) {
        struct own gone = own_gone(l, b.first);
        if (gone.n > 0) {
            skip_to(l, b.first, &gone, CF_SKIPPED, NULL);
            return 1;
        }
        c->next = b.first; /* the numbers between were no events of this stream */
    }
    if (rc < 0) { /* said once, and passed by; what was read of it is not sent either */
        struct own bad = {.lane = l, .from = c->next};
        own_count(&bad, b.first, b.next);
        skip_to(l, b.next, &bad, CF_BAD, e);
        return 1;
    }
    if (l->batch.buf.failed)
        return ERR(e, -ENOMEM, "journal.no_memory");
    if (l->batch.rows > 0) {
        l->batch.again = !c->proven;
        atomic_store(&l->waiting_since, l->batch.received);
    }
    return 1;
}

static void batch_sent(struct lane *l)
{
    atomic_fetch_add(&l->sent_events, l->batch.rows);
    atomic_fetch_add(&l->sent_batches, 1);
    l->cursor[l->stream].proven = !l->batch.had;
    lane_passed(l, l->batch.last + 1);
}

/* ---- steps ---- */

/* The stream at turn. 1: something moved; 0: nothing to do; -ENOENT: there is no such stream. */
static int stream_step(struct lane *l, struct err *e)
{
    int rc = lane_find(l, e);

    if (rc < 1)
        return rc == 0 ? -ENOENT : rc;
    rc = batch_make(l, e);
    if (rc < 1 || l->batch.rows == 0)
        return rc;
    rc = ch_insert(l->set, l->shard, &l->batch, e);
    if (rc < 0) {
        l->cursor[l->stream].proven = false;
        return rc;
    }
    batch_sent(l);
    return 1;
}

/* The streams take turns; one that moved gives its turn on, one that failed keeps it. */
static int step(struct lane *l, struct err *e)
{
    for (size_t left = CH_STREAMS_MAX + 1, ends = 0; left > 0 && ends < 2; left--) {
        int rc = stream_step(l, e);
        if (rc == -ENOENT) {
            l->stream = 0;
            ends++;
            continue;
        }
        if (rc < 0)
            return rc;
        l->stream++;
        if (rc > 0)
            return rc;
    }
    return 0;
}

static void lane_down(struct lane *l, bool down, const struct err *why)
{
    if (down == l->down)
        return;
    l->down = down;
    atomic_store(&l->is_down, down);
    lane_note(l, &(struct ch_feed_note){.event = down ? CF_DOWN : CF_UP, .first = l->cursor[0].next, .why = why});
}

void ch_feed_step(struct ch_feed *f, size_t shard, int64_t *due_mono_ns)
{
    static const int64_t most = CH_FEED_RETRY_MAX_S * NS_PER_S;
    struct lane *l = &f->lane[shard];
    struct err e = {0};

    ch_settle(l->set, shard);
    int rc = step(l, &e);

    if (rc == -ECANCELED) {
        *due_mono_ns = clock_mono(f->clk);
        return;
    }
    if (rc < 0) {
        atomic_fetch_add(&l->failures, 1);
        lane_down(l, true, &e);
        *due_mono_ns = clock_mono(f->clk) + l->retry_ns;
        l->retry_ns = l->retry_ns * 2 < most ? l->retry_ns * 2 : most;
        return;
    }
    l->retry_ns = CH_FEED_RETRY_MIN_S * NS_PER_S;
    lane_down(l, false, NULL);
    lane_delete_step(l);
    *due_mono_ns = clock_mono(f->clk) + (rc == 1 ? 0 : CH_FEED_LOOK_S * NS_PER_S);
}

void ch_feed_stop(struct ch_feed *f) { atomic_store(&f->stop, true); }

size_t ch_feed_shards(const struct ch_feed *f) { return f->spread.shards; }

/* ---- life ---- */

static int lanes_open(struct ch_feed *f, struct err *e)
{
    struct ch_cfg set = *f->cfg.set;
    size_t n = 1; /* known when the first is open */
    int rc = 0;

    set.kind = f->cfg.flows != NULL ? CH_FLOWS : CH_EVENTS;
    f->source = &feed_sources[set.kind];
    f->of = f->cfg.flows != NULL ? (void *)f->cfg.flows : f->cfg.journal;
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct lane *l = &f->lane[i];
        l->feed = f;
        l->shard = i;
        l->retry_ns = CH_FEED_RETRY_MIN_S * NS_PER_S;
        ch_batch_init(&l->batch);
        rc = ch_open(&set, f->clk, &l->set, e);
        if (rc < 0)
            break;
        ch_stop_on(l->set, &f->stop);
        n = ch_shards(l->set);
    }
    f->spread = (struct ch_spread){f->cfg.window != 0 ? f->cfg.window : CH_BATCH_ROWS, n};
    return rc;
}

int ch_feed_open(const struct ch_feed_cfg *cfg, const struct clock *clk, struct ch_feed **out, struct err *e)
{
    struct ch_feed *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return ERR(e, -ENOMEM, "journal.no_memory");
    f->cfg = *cfg;
    f->clk = clk;
    pthread_mutex_init(&f->lock, NULL);
    f->state = strdup(cfg->state);
    if (asprintf(&f->name, "%.*s %.*s", STR_ARGS(cfg->set->database), STR_ARGS(cfg->set->cluster)) < 0)
        f->name = NULL;
    int rc = f->state == NULL || f->name == NULL ? ERR(e, -ENOMEM, "journal.no_memory") : lanes_open(f, e);
    if (rc < 0) {
        ch_feed_close(f);
        return rc;
    }
    *out = f;
    return 0;
}

void ch_feed_close(struct ch_feed *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < CH_SHARDS_MAX; i++) {
        ch_close(f->lane[i].set);
        ch_batch_done(&f->lane[i].batch);
    }
    pthread_mutex_destroy(&f->lock);
    free(f->state);
    free(f->name);
    free(f);
}
