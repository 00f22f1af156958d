/* From sealed blocks to INSERTs. See ch_feed.h. */
#include "journal/ch_feed-int.h"
#include "journal/sealed.h"
#include <errno.h>
#include <stdlib.h>

/* ---- where each shard stands ---- */

/* Under lock. Behind what the set has, of all that each shard would get. */
static int position_ask(struct lane *l, struct err *e)
{
    struct ch_feed *f = l->feed;
    int rc = 0;

    f->position = (struct ch_position){.spread = f->spread};
    for (size_t i = 0; i < f->spread.shards && rc == 0; i++)
        rc = ch_next_seq(l->set, &f->spread, i, &f->position.sent[i], e);
    return rc;
}

static int position_check(const struct ch_feed *f, struct err *e)
{
    uint64_t most = 0, next = journal_next(f->cfg.journal);

    for (size_t i = 0; i < f->position.spread.shards; i++)
        most = f->position.sent[i] > most ? f->position.sent[i] : most;
    return most > next ? ERR(e, -EBADMSG, "journal.ch_foreign", N((int64_t)most), N((int64_t)next)) : 0;
}

static int position_respread(struct lane *l, struct err *e)
{
    static const struct ch_spread all = {1, 1};
    uint64_t asked = 0;
    int rc = ch_next_seq(l->set, &all, 0, &asked, e);

    return rc < 0 ? rc : ch_position_respread(&l->feed->position, &l->feed->spread, asked, e);
}

/* Under lock. A file that cannot be written is told by the journal, as the disk is full; the next INSERT writes it. */
static void position_write(struct ch_feed *f)
{
    struct err e = {0};

    if (ch_position_write(f->state, str_c(f->name), &f->position, &e) < 0)
        atomic_fetch_add(&f->cursor_errors, 1);
}

/* Under lock: by the file, else by what the set has; for all lanes at once. */
static int position_find(struct lane *l, struct err *e)
{
    struct ch_feed *f = l->feed;
    struct ch_position *p = &f->position;
    int rc = ch_position_read(f->state, str_c(f->name), p, e), known = rc;

    if (rc == 0)
        rc = position_ask(l, e);
    if (rc >= 0)
        rc = position_check(f, e);
    bool same = !p->level && p->spread.shards == f->spread.shards && p->spread.window == f->spread.window;
    if (rc == 0 && !same)
        rc = position_respread(l, e);
    if (rc < 0)
        return rc;
    if (known == 0 || !same)
        position_write(f);
    f->known = true;
    return 0;
}

static int lane_find(struct lane *l, struct err *e)
{
    struct ch_feed *f = l->feed;

    pthread_mutex_lock(&f->lock);
    int rc = f->known ? 0 : position_find(l, e);
    if (rc == 0) {
        l->next = f->position.sent[l->shard];
        l->fresh = l->next == 0;
        l->known = true;
        atomic_store(&l->shown_next, l->next);
    }
    pthread_mutex_unlock(&f->lock);
    return rc;
}

static void lane_passed(struct lane *l, uint64_t next)
{
    struct ch_feed *f = l->feed;

    l->next = next;
    pthread_mutex_lock(&f->lock);
    f->position.sent[l->shard] = next;
    position_write(f);
    pthread_mutex_unlock(&f->lock);
    atomic_store(&l->shown_next, next);
    atomic_store(&l->waiting_since, 0);
}

/* ---- a batch ---- */

void lane_note(struct lane *l, const struct ch_feed_note *n)
{
    struct ch_feed_note own = *n;

    own.shard = l->shard;
    if (l->feed->cfg.note != NULL)
        l->feed->cfg.note(l->feed->cfg.ctx, &own);
}

static uint64_t own_from(const struct lane *l, uint64_t seq)
{
    return ch_spread_from(&l->feed->spread, l->shard, seq == 0 ? 1 : seq); /* there is no event 0 */
}

static uint64_t own_below(const struct lane *l, uint64_t seq)
{
    return ch_spread_below(&l->feed->spread, l->shard, seq == 0 ? 1 : seq);
}

static bool take(void *ctx, const struct hit *h)
{
    struct lane *l = ctx;

    return own_from(l, h->seq) == h->seq && ch_batch_add(&l->batch, h->seq, &h->ev);
}

/* Events that are the shard's. */
struct own {
    const struct lane *lane;
    uint64_t from, first, n; /* from: below it none counts; first: number of the first one */
};

static void own_count(void *ctx, uint64_t first, uint64_t next)
{
    struct own *o = ctx;

    first = first < o->from ? o->from : first;
    uint64_t n = own_below(o->lane, next) - own_below(o->lane, first);
    if (o->n == 0)
        o->first = own_from(o->lane, first);
    o->n += n;
}

/* What stood below `next` and was not sent. Where nothing says which numbers were events, all of them may have been. */
static struct own own_gone(const struct lane *l, uint64_t next)
{
    struct own o = {.lane = l, .from = l->next};

    if (journal_numbers(l->feed->cfg.journal, l->next, next, own_count, &o, NULL) < 0) {
        o.n = 0;
        own_count(&o, l->next, next);
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

/* Made anew at each try: what retention took meanwhile is not sent. 1: in hand, or something was passed by; 0: nothing
 * to send. */
static int batch_make(struct lane *l, struct err *e)
{
    struct sealed_block b = {0};

    ch_batch_clear(&l->batch);
    uint64_t from = own_from(l, l->next);
    int rc = journal_sealed_block(l->feed->cfg.journal, from, take, l, &b, e);
    if (rc == 0 || rc == -ENOMEM)
        return rc;
    if (l->fresh && b.first > from) /* there was a journal before there was a set */
        l->next = b.first;
    if (b.first > own_from(l, l->next)) {
        struct own gone = own_gone(l, b.first);
        if (gone.n > 0) {
            skip_to(l, b.first, &gone, CF_SKIPPED, NULL);
            return 1;
        }
        l->next = b.first; /* the numbers between were no events of this journal */
    }
    if (rc < 0) { /* said once, and passed by; what was read of it is not sent either */
        struct own bad = {.lane = l, .from = l->next};
        own_count(&bad, b.first, b.next);
        skip_to(l, b.next, &bad, CF_BAD, e);
        return 1;
    }
    if (l->batch.buf.failed)
        return ERR(e, -ENOMEM, "journal.no_memory");
    if (l->batch.rows > 0) {
        l->batch.again = !l->proven;
        atomic_store(&l->waiting_since, l->batch.received);
    }
    return 1;
}

static void batch_sent(struct lane *l)
{
    atomic_fetch_add(&l->sent_events, l->batch.rows);
    atomic_fetch_add(&l->sent_batches, 1);
    l->fresh = false;
    l->proven = true;
    lane_passed(l, l->batch.last + 1);
}

/* ---- steps ---- */

/* 1: something moved; 0: nothing to do. */
static int step(struct lane *l, struct err *e)
{
    int rc = l->known ? 0 : lane_find(l, e);

    if (rc == 0)
        rc = batch_make(l, e);
    if (rc < 1 || l->batch.rows == 0)
        return rc;
    rc = ch_insert(l->set, l->shard, &l->batch, e);
    l->proven = l->proven && rc == 0;
    if (rc < 0)
        return rc;
    batch_sent(l);
    return 1;
}

static void lane_down(struct lane *l, bool down, const struct err *why)
{
    if (down == l->down)
        return;
    l->down = down;
    atomic_store(&l->is_down, down);
    lane_note(l, &(struct ch_feed_note){.event = down ? CF_DOWN : CF_UP, .first = l->next, .why = why});
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

/* ---- figures ---- */

static void lane_stats(const struct lane *l, struct ch_feed_stats *out)
{
    uint64_t next = atomic_load(&l->shown_next);
    struct own waits = {.lane = l, .from = next};

    journal_sealed_numbers(l->feed->cfg.journal, next, own_count, &waits);
    *out = (struct ch_feed_stats){
        .sent_events = atomic_load(&l->sent_events),
        .sent_batches = atomic_load(&l->sent_batches),
        .failures = atomic_load(&l->failures),
        .skipped_events = atomic_load(&l->skipped_events),
        .bad_events = atomic_load(&l->bad_events),
        .deleted_events = atomic_load(&l->deleted_events),
        .delete_failures = atomic_load(&l->delete_failures),
        .next = own_from(l, next),
        .lag_events = waits.n,
        .lag_since = atomic_load(&l->waiting_since),
        .down = atomic_load(&l->is_down),
    };
}

static void stats_add(struct ch_feed_stats *to, const struct ch_feed_stats *s)
{
    to->sent_events += s->sent_events;
    to->sent_batches += s->sent_batches;
    to->failures += s->failures;
    to->skipped_events += s->skipped_events;
    to->bad_events += s->bad_events;
    to->deleted_events += s->deleted_events;
    to->delete_failures += s->delete_failures;
    to->next = s->next < to->next ? s->next : to->next;
    to->lag_events += s->lag_events;
    if (s->lag_since != 0 && (to->lag_since == 0 || s->lag_since < to->lag_since))
        to->lag_since = s->lag_since;
    to->down += s->down;
}

void ch_feed_stats(const struct ch_feed *f, size_t shard, struct ch_feed_stats *out)
{
    struct ch_feed_stats s;

    *out = (struct ch_feed_stats){.next = UINT64_MAX};
    for (size_t i = 0; i < f->spread.shards; i++)
        if (shard == CH_FEED_ALL || shard == i) {
            lane_stats(&f->lane[i], &s);
            stats_add(out, &s);
        }
    out->cursor_errors = atomic_load(&f->cursor_errors);
    out->lag_ns = out->lag_since == 0 ? 0 : clock_wall(f->clk) - out->lag_since;
    if (out->lag_ns < 0)
        out->lag_ns = 0;
}

/* ---- life ---- */

static int lanes_open(struct ch_feed *f, struct err *e)
{
    size_t n = 1; /* known when the first is open */
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        struct lane *l = &f->lane[i];
        l->feed = f;
        l->shard = i;
        l->retry_ns = CH_FEED_RETRY_MIN_S * NS_PER_S;
        ch_batch_init(&l->batch);
        rc = ch_open(f->cfg.set, f->clk, &l->set, e);
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
