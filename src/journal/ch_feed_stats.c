/* What the feed has done and what waits. */
#include "journal/ch_feed-int.h"

static uint64_t below(const struct lane *l, uint64_t seq)
{
    return ch_spread_below(&l->feed->spread, l->shard, seq == 0 ? 1 : seq);
}

void own_count(void *ctx, uint64_t first, uint64_t next)
{
    struct own *o = ctx;

    first = first < o->from ? o->from : first;
    if (first >= next)
        return;
    uint64_t n = below(o->lane, next) - below(o->lane, first);
    if (o->n == 0)
        o->first = lane_from(o->lane, first);
    o->n += n;
}

static void guest_count(void *ctx, size_t stream, uint64_t first, uint64_t next)
{
    struct own *o = ctx;

    if (stream >= CH_STREAMS_MAX)
        return;
    o->from = atomic_load(&o->lane->cursor[stream].shown_next);
    own_count(o, first, next);
}

static void lane_stats(const struct lane *l, struct ch_feed_stats *out)
{
    uint64_t next = atomic_load(&l->cursor[0].shown_next);
    struct own waits = {.lane = l, .from = next};

    l->feed->source->own(l->feed->of, next, own_count, &waits);
    l->feed->source->guests(l->feed->of, guest_count, &waits);
    *out = (struct ch_feed_stats){
        .sent_events = atomic_load(&l->sent_events),
        .sent_batches = atomic_load(&l->sent_batches),
        .failures = atomic_load(&l->failures),
        .skipped_events = atomic_load(&l->skipped_events),
        .bad_events = atomic_load(&l->bad_events),
        .deleted_events = atomic_load(&l->deleted_events),
        .delete_failures = atomic_load(&l->delete_failures),
        .next = lane_from(l, next),
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
