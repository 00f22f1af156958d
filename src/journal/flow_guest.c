/* Guests of the flow store (flow_guest.h), and what a relay's sender asks of its own store. */
#include "journal/flow_guest.h"
#include "journal/flow_store-int.h"
#include <errno.h>
#include <stdlib.h>

static uint64_t largest(uint64_t a, uint64_t b) { return a > b ? a : b; }

uint64_t flow_guest_reserve(struct flow_store *s, uint64_t count)
{
    pthread_mutex_lock(&s->lock);
    uint64_t base = largest(largest(s->guests.next, s->guests.own_end), atomic_load(&s->next_seq));
    s->guests.next = base + count;
    pthread_mutex_unlock(&s->lock);
    return base;
}

size_t flow_guest_place(const struct flow_guests *g, uint64_t base)
{
    size_t lo = 0, hi = g->n;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (g->v[mid].base < base)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* The number of a relay's name, from 1; 0: no memory, or no such name can be. */
static uint32_t relay_number(struct flow_guests *g, const char *name)
{
    for (uint32_t i = 0; i < g->nrelays; i++)
        if (strcmp(g->relay[i]->name, name) == 0)
            return i + 1;
    struct flow_relay **p = reallocarray(g->relay, g->nrelays + 1, sizeof(*p));
    if (p == NULL)
        return 0;
    g->relay = p;
    struct flow_relay *r = strlen(name) < sizeof(r->name) ? calloc(1, sizeof(*r)) : NULL;
    if (r == NULL)
        return 0;
    memcpy(r->name, name, strlen(name));
    p[g->nrelays] = r;
    return ++g->nrelays;
}

static int add(struct flow_guests *g, struct flow_guest one, const char *relay)
{
    size_t at = flow_guest_place(g, one.base);

    if ((at < g->n && one.base + one.b->head.rows > g->v[at].base) ||
        (at > 0 && g->v[at - 1].base + g->v[at - 1].b->head.rows > one.base))
        return -EEXIST;
    if ((one.relay = relay_number(g, relay)) == 0)
        return -ENOMEM;
    if (g->n == g->cap) {
        size_t cap = g->cap == 0 ? 64 : g->cap * 2;
        struct flow_guest *p = reallocarray(g->v, cap, sizeof(*p));
        if (p == NULL)
            return -ENOMEM;
        g->v = p;
        g->cap = cap;
    }
    memmove(g->v + at + 1, g->v + at, (g->n - at) * sizeof(*g->v));
    g->v[at] = one;
    g->n++;
    g->next = largest(g->next, one.base + one.b->head.rows);
    one.g->refs++;
    return 0;
}

int flow_guest_add(struct flow_store *s, struct flow_segment *g, const struct flow_stored *b, uint64_t base,
                   const char *relay, struct err *e)
{
    pthread_mutex_lock(&s->lock);
    int rc = add(&s->guests, (struct flow_guest){.g = g, .b = b, .base = base}, relay);
    pthread_mutex_unlock(&s->lock);
    if (rc == 0)
        return 0;
    return rc == -ENOMEM ? ERR(e, rc, "journal.no_memory")
                         : ERR(e, rc, "journal.guest_numbers", N((int64_t)base), g->path);
}

void flow_guest_drop(struct flow_store *s, struct flow_segment *g)
{
    size_t kept = 0;

    pthread_mutex_lock(&s->lock);
    struct flow_guests *all = &s->guests;
    for (size_t i = 0; i < all->n; i++) {
        const struct flow_guest *x = &all->v[i];
        if (x->g != g) {
            all->v[kept++] = *x;
            continue;
        }
        gone_add(&all->relay[x->relay - 1]->gone, x->base, x->base + x->b->head.rows);
        flow_segment_unref(g);
    }
    all->n = kept;
    pthread_mutex_unlock(&s->lock);
}

void flow_guest_was(struct flow_store *s, const char *relay, uint64_t base, uint64_t count)
{
    pthread_mutex_lock(&s->lock);
    uint32_t at = relay_number(&s->guests, relay);
    if (at > 0)
        gone_add(&s->guests.relay[at - 1]->gone, base, base + count);
    pthread_mutex_unlock(&s->lock);
}

void flow_guest_aged(struct flow_store *s, const char *relay, int64_t before)
{
    pthread_mutex_lock(&s->lock);
    uint32_t at = relay_number(&s->guests, relay);
    if (at > 0)
        s->guests.relay[at - 1]->gone_before = before;
    pthread_mutex_unlock(&s->lock);
}

void flow_guest_ref(struct flow_store *s, struct flow_segment *g)
{
    pthread_mutex_lock(&s->lock);
    g->refs++;
    pthread_mutex_unlock(&s->lock);
}

void flow_guest_unref(struct flow_store *s, struct flow_segment *g)
{
    pthread_mutex_lock(&s->lock);
    flow_segment_unref(g);
    pthread_mutex_unlock(&s->lock);
}

str flow_guest_relay(struct flow_store *s, uint32_t relay)
{
    if (relay == 0)
        return STR_NONE;
    pthread_mutex_lock(&s->lock);
    str name = relay <= s->guests.nrelays ? str_c(s->guests.relay[relay - 1]->name) : STR_NONE;
    pthread_mutex_unlock(&s->lock);
    return name;
}

void flow_guests_done(struct flow_store *s)
{
    for (size_t i = 0; i < s->guests.n; i++)
        flow_segment_unref(s->guests.v[i].g);
    for (uint32_t i = 0; i < s->guests.nrelays; i++) {
        gone_free(&s->guests.relay[i]->gone);
        free(s->guests.relay[i]);
    }
    free(s->guests.v);
    free(s->guests.relay);
}

/* ---- the sender's ---- */

bool flow_block_hold(struct flow_store *s, uint64_t first, struct flow_segment **g, struct flow_stored *out)
{
    bool found = false;

    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->nsegs && !found; i++) {
        struct flow_segment *x = s->segs[i];
        if (first >= flow_segment_next(x))
            continue;
        for (size_t b = 0; b < x->nblocks && !found; b++)
            if (x->blocks[b]->head.first_seq == first) {
                *out = *x->blocks[b];
                *g = x;
                x->refs++;
                found = true;
            }
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

struct flow_spool flow_spool(struct flow_store *s, uint64_t next)
{
    struct flow_spool out = {0, 0};

    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->nsegs; i++) {
        if (flow_segment_next(s->segs[i]) <= next)
            continue;
        for (size_t b = 0; b < s->segs[i]->nblocks; b++) {
            const struct flow_block_head *h = &s->segs[i]->blocks[b]->head;
            if (h->first_seq < next)
                continue;
            out.first = out.first == 0 ? h->first_seq : out.first;
            out.bytes += h->length;
        }
    }
    pthread_mutex_unlock(&s->lock);
    return out;
}
