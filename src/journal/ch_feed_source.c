/* What a feed reads: events of a journal, or flows of a store. */
#include "journal/ch_feed-int.h"
#include "journal/ch_flow.h"
#include "journal/flow_sealed.h"

/* ---- events ---- */

static bool event_take(void *ctx, const struct hit *h)
{
    struct lane *l = ctx;

    return lane_from(l, h->seq) == h->seq && ch_batch_add(&l->batch, h->seq, &h->ev);
}

static int event_block(struct lane *l, uint64_t from, struct sealed_block *out, struct err *e)
{
    return journal_sealed_block(l->feed->of, l->stream, from, event_take, l, out, e);
}

static bool event_stream(void *of, size_t stream, char relay[64]) { return journal_stream(of, stream, relay); }

static uint64_t event_next(void *of) { return journal_next(of); }

static int event_gone(void *of, size_t stream, uint64_t from, uint64_t to, number_fn *fn, void *ctx, struct err *e)
{
    return journal_gone_numbers(of, stream, from, to, fn, ctx, e);
}

static void event_ages(void *of, int64_t *before, size_t n) { journal_streams_gone(of, before, n); }

static void event_own(void *of, uint64_t from, number_fn *fn, void *ctx) { journal_sealed_numbers(of, from, fn, ctx); }

static void event_guests(void *of, guest_number_fn *fn, void *ctx) { journal_guest_numbers(of, fn, ctx); }

/* ---- flows ---- */

static bool flow_take(void *ctx, uint64_t seq, struct flow_page *p, uint32_t row)
{
    struct lane *l = ctx;

    return lane_from(l, seq) == seq && ch_batch_add_flow(&l->batch, seq, p, row);
}

static int flow_block(struct lane *l, uint64_t from, struct sealed_block *out, struct err *e)
{
    return flow_sealed_block(l->feed->of, l->stream, from, flow_take, l, out, e);
}

static bool flow_streams(void *of, size_t stream, char relay[64]) { return flow_stream(of, stream, relay); }

static uint64_t flow_next(void *of) { return flow_store_next(of); }

static int flow_gone(void *of, size_t stream, uint64_t from, uint64_t to, number_fn *fn, void *ctx, struct err *e)
{
    return flow_gone_numbers(of, stream, from, to, fn, ctx, e);
}

static void flow_ages(void *of, int64_t *before, size_t n) { flow_streams_gone(of, before, n); }

static void flow_own(void *of, uint64_t from, number_fn *fn, void *ctx) { flow_sealed_numbers(of, from, fn, ctx); }

static void flow_guests(void *of, guest_number_fn *fn, void *ctx) { flow_guest_numbers(of, fn, ctx); }

const struct feed_source feed_sources[CH_KINDS] = {
    [CH_EVENTS] = {event_stream, event_block, event_next, event_gone, event_ages, event_own, event_guests},
    [CH_FLOWS] = {flow_streams, flow_block, flow_next, flow_gone, flow_ages, flow_own, flow_guests},
};
