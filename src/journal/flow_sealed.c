/* Stored blocks of flows, oldest first. See flow_sealed.h. */
#include "journal/flow_sealed.h"
#include "journal/flow_guest.h"
#include "journal/flow_store-int.h"
#include <errno.h>

struct place {
    struct flow_segment *g;
    const struct flow_stored *b;
    uint64_t base; /* number of its first flow */
};

bool flow_stream(struct flow_store *s, size_t stream, char relay[64])
{
    relay[0] = '\0';
    if (stream == 0)
        return true;
    pthread_mutex_lock(&s->lock);
    bool is = stream <= s->guests.nrelays;
    if (is)
        memcpy(relay, s->guests.relay[stream - 1]->name, 64);
    pthread_mutex_unlock(&s->lock);
    return is;
}

/* ---- a block ---- */

/* Under lock, both; *end: behind the last that is stored, when none is found. */
static bool own_find(const struct flow_store *s, uint64_t from, struct place *out, uint64_t *end)
{
    for (size_t i = 0; i < s->nsegs; i++) {
        struct flow_segment *g = s->segs[i];
        *end = g->nblocks > 0 ? flow_segment_next(g) : *end;
        for (size_t b = flow_segment_next(g) <= from ? g->nblocks : 0; b < g->nblocks; b++) {
            const struct flow_block_head *h = &g->blocks[b]->head;
            if (h->first_seq + h->rows <= from)
                continue;
            *out = (struct place){g, g->blocks[b], h->first_seq};
            return true;
        }
    }
    return false;
}

static bool guest_find(const struct flow_guests *all, uint32_t relay, uint64_t from, struct place *out, uint64_t *end)
{
    size_t at = flow_guest_place(all, from);

    for (size_t i = at > 0 ? at - 1 : 0; i < all->n; i++) {
        const struct flow_guest *x = &all->v[i];
        if (x->relay == relay && x->base + x->b->head.rows > from) {
            *out = (struct place){x->g, x->b, x->base};
            return true;
        }
    }
    for (size_t i = at; i > 0 && *end == 0; i--)
        if (all->v[i - 1].relay == relay)
            *end = all->v[i - 1].base + all->v[i - 1].b->head.rows;
    return false;
}

static bool place_find(struct flow_store *s, size_t stream, uint64_t from, struct place *out, uint64_t *end)
{
    pthread_mutex_lock(&s->lock);
    bool found = stream == 0 ? own_find(s, from, out, end) : guest_find(&s->guests, (uint32_t)stream, from, out, end);
    if (found)
        out->g->refs++;
    pthread_mutex_unlock(&s->lock);
    return found;
}

static int block_hand(const struct place *x, uint32_t skip, flow_row_fn *fn, void *ctx)
{
    struct flow_page p;

    if (!flow_page_init(&p))
        return -ENOMEM;
    flow_page_block(&p, x->g->fd, x->b->off, &x->b->head);
    p.first_seq = x->base;
    for (uint32_t i = skip; p.rc == 0 && i < p.n && fn(ctx, x->base + i, &p, i); i++)
        ;
    int rc = p.rc;
    flow_page_done(&p);
    return rc;
}

int flow_sealed_block(struct flow_store *s, size_t stream, uint64_t from, flow_row_fn *fn, void *ctx,
                      struct sealed_block *out, struct err *e)
{
    struct place x;

    *out = (struct sealed_block){.first = 0};
    if (!place_find(s, stream, from, &x, &out->next))
        return 0;
    out->first = x.base;
    out->next = x.base + x.b->head.rows;
    int rc = block_hand(&x, from > x.base ? (uint32_t)(from - x.base) : 0, fn, ctx);
    if (rc == -ENOMEM)
        ERR(e, rc, "journal.no_memory");
    else if (rc < 0)
        ERR(e, rc, "journal.sealed_bad", N((int64_t)out->first), x.g->path);
    flow_guest_unref(s, x.g);
    return rc < 0 ? rc : 1;
}

/* ---- numbers ---- */

void flow_sealed_numbers(struct flow_store *s, uint64_t from, number_fn *fn, void *ctx)
{
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->nsegs; i++) {
        const struct flow_segment *g = s->segs[i];
        for (size_t b = flow_segment_next(g) <= from ? g->nblocks : 0; b < g->nblocks; b++) {
            const struct flow_block_head *h = &g->blocks[b]->head;
            if (h->first_seq + h->rows > from)
                fn(ctx, h->first_seq, h->first_seq + h->rows);
        }
    }
    pthread_mutex_unlock(&s->lock);
}

void flow_guest_numbers(struct flow_store *s, guest_number_fn *fn, void *ctx)
{
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->guests.n; i++) {
        const struct flow_guest *x = &s->guests.v[i];
        fn(ctx, x->relay, x->base, x->base + x->b->head.rows);
    }
    pthread_mutex_unlock(&s->lock);
}

int flow_gone_numbers(struct flow_store *s, size_t stream, uint64_t from, uint64_t to, number_fn *fn, void *ctx,
                      struct err *e)
{
    if (stream == 0)
        return flow_proof_numbers(s, from, to, fn, ctx, e);
    pthread_mutex_lock(&s->lock);
    gone_numbers(&s->guests.relay[stream - 1]->gone, from, to, fn, ctx);
    pthread_mutex_unlock(&s->lock);
    return 0;
}

uint64_t flow_store_next(struct flow_store *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t next = atomic_load(&s->next_seq);
    next = s->guests.next > next ? s->guests.next : next;
    pthread_mutex_unlock(&s->lock);
    return next;
}

/* ---- age ---- */

void flow_streams_gone(struct flow_store *s, int64_t *before, size_t n)
{
    pthread_mutex_lock(&s->lock);
    const struct flow_guests *all = &s->guests;
    for (size_t i = 0; i < n; i++)
        before[i] = i == 0 ? atomic_load(&s->gone_before) : i <= all->nrelays ? all->relay[i - 1]->gone_before : 0;
    for (size_t i = 0; i < all->n; i++) { /* a relay that was away brings flows that are older than others' */
        int64_t from = flow_segment_from(all->v[i].g);
        if (all->v[i].relay < n && from < before[all->v[i].relay])
            before[all->v[i].relay] = from;
    }
    pthread_mutex_unlock(&s->lock);
}
