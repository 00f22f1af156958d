/* From a parsed line to the ring: fill a batch, seal it, put it, ring the bell.
 * Belongs to the intake child's loop. */
#include "intake/child-int.h"
#include "intake/flow_notes.h"
#include "intake/json_line.h"
#include "intake/syslog.h"
#include <poll.h>
#include <unistd.h>

enum { WAIT_MS = 50 }; /* a lost bell costs no more than this */

int out_init(struct child *c)
{
    for (int i = 0; i < BATCHES; i++)
        event_batch_init(&c->batch[i], BATCH_BYTES);
    return 0;
}

void out_done(struct child *c)
{
    for (int i = 0; i < BATCHES; i++)
        event_batch_done(&c->batch[i]);
}

static struct event_batch *filling(struct child *c) { return &c->batch[(c->first + c->sealed) % BATCHES]; }

static void flags_count(struct child *c, uint16_t flags)
{
    if (flags == 0)
        return;
    c->stat[STAT_parse_flagged]++;
    c->stat[STAT_truncated] += (flags & EV_TRUNCATED) != 0;
    c->stat[STAT_bad_frame] += (flags & EV_BAD_FRAME) != 0;
    c->stat[STAT_bad_utf8] += (flags & EV_BAD_UTF8) != 0;
}

static void out_event(struct child *c, struct event *ev)
{
    if (!event_batch_add(filling(c), ev)) {
        out_seal(c);
        if (!event_batch_add(filling(c), ev)) { /* no memory, or all batches wait */
            c->stat[STAT_drop_ring_full]++;
            return;
        }
    }
    c->stat[STAT_received]++;
    flags_count(c, ev->flags);
    if (filling(c)->count == 1)
        c->flush_at = clock_mono(c->clk) + FLUSH_NS;
}

void out_line(struct child *c, str raw, uint16_t flags, enum transport tp, struct ip source, uint16_t port)
{
    struct event ev;

    syslog_parse_tz(raw, c->received, c->cfg.tz_minutes, &ev);
    ev.transport = (uint8_t)tp;
    ev.source = source;
    ev.source_port = port;
    ev.flags |= flags;
    out_event(c, &ev);
}

void out_json(struct child *c, str raw, uint16_t flags, enum transport tp, struct ip source, uint16_t port)
{
    struct event ev;

    json_line_parse(raw, c->received, c->cfg.tz_minutes, &ev);
    ev.transport = (uint8_t)tp;
    ev.source = source;
    ev.source_port = port;
    ev.flags |= flags;
    c->stat[STAT_json_bad] += (ev.flags & EV_BAD_JSON) != 0;
    out_event(c, &ev);
}

/* The slot to fill, empty, with room for `max` bytes; NULL: all batches wait. */
static struct event_batch *slot_take(struct child *c, size_t max)
{
    out_seal(c);
    if (filling(c)->count > 0 || c->sealed + 1 == BATCHES)
        return NULL;
    filling(c)->buf.max = max;
    buf_clear(&filling(c)->buf);
    return filling(c);
}

static void slot_put(struct child *c, struct event_batch *b, uint32_t count)
{
    b->buf.max = BATCH_BYTES;
    b->count = count;
    c->sealed++;
    out_push(c);
}

void out_flows(struct child *c, struct flow_batch *b)
{
    struct event_batch *slot = slot_take(c, FLOW_WIRE_MAX);

    if (slot != NULL && flow_batch_seal(b, &slot->buf))
        slot_put(c, slot, b->rows);
    else
        c->stat[STAT_drop_ring_full] += b->rows;
    flow_batch_clear(b);
}

void out_notes(struct child *c, struct flow_notes *n)
{
    struct event_batch *slot;

    if (n->count == 0)
        return;
    if ((slot = slot_take(c, FLOW_WIRE_MAX)) != NULL) {
        buf_str(&slot->buf, flow_notes_seal(n));
        if (!slot->buf.failed)
            slot_put(c, slot, 1);
    }
    flow_notes_clear(n);
}

void out_seal(struct child *c)
{
    if (filling(c)->count == 0)
        return;
    event_batch_seal(filling(c));
    if (c->sealed + 1 < BATCHES)
        c->sealed++;
    out_push(c);
}

static bool put_first(struct child *c)
{
    struct event_batch *b = &c->batch[c->first];

    if (!ring_put(&c->ring, buf_view(&b->buf)))
        return false;
    event_batch_clear(b);
    if (c->first > 1) /* beyond the usual one or two: memory back */
        event_batch_done(b);
    c->first = (c->first + 1) % BATCHES;
    c->sealed--;
    c->rang = true;
    if (c->sealed == 0 && filling(c)->count == 0)
        c->first = 0;
    return true;
}

void out_push(struct child *c)
{
    while (c->sealed > 0 && put_first(c))
        ;
    if (c->sealed == 0)
        return;
    /* Say that we wait, then look again: the core may have made room meanwhile. */
    atomic_store(&c->ring.ctl->wants_room, 1);
    while (c->sealed > 0 && put_first(c))
        ;
}

void out_wait(struct child *c)
{
    struct pollfd p[] = {{.fd = c->room_fd, .events = POLLIN}, {.fd = c->ctl, .events = POLLIN}};
    int64_t from = clock_mono(c->clk);
    uint64_t bells;

    c->was_blocked = true;
    out_publish(c);
    if (poll(p, c->stopping ? 1 : 2, WAIT_MS) > 0 && (p[0].revents & POLLIN) &&
        read(c->room_fd, &bells, sizeof(bells)) < 0)
        p[0].revents = 0;
    out_push(c);
    c->blocked += clock_mono(c->clk) - from;
}

void out_publish(struct child *c)
{
    c->stat[STAT_conn_open] = conns_open(c->conns);
    flow_publish(c);
    for (int i = 0; i < STAT_COUNT; i++)
        atomic_store_explicit(&c->ring.ctl->stat[i], c->stat[i], memory_order_relaxed);
    if (c->rang && write(c->data_fd, &(uint64_t){1}, 8) == 8)
        c->rang = false;
}
