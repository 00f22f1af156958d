/* Connection table: fixed slots, a free list, one list in order of the last
 * complete frame (so that the idle check looks at its head only), and a count
 * for each source address. Owned by the intake child's loop. */
#include "intake/conns.h"
#include "base/map.h"

enum { NIL = UINT32_MAX, GEN_MASK = 0xfffffff };

struct conns {
    struct conn *slot;
    struct map sources;
    uint32_t max, per_source, open, free, oldest, newest;
    int64_t idle_ns;
};

struct conns *conns_new(uint32_t max, uint32_t per_source, int64_t idle_ns)
{
    struct conns *t = calloc(1, sizeof(*t));
    struct conn *slot = calloc(max > 0 ? max : 1, sizeof(*slot));

    if (t == NULL || slot == NULL) {
        free(t);
        free(slot);
        return NULL;
    }
    *t = (struct conns){.slot = slot,
                        .max = max,
                        .per_source = per_source,
                        .idle_ns = idle_ns,
                        .free = max > 0 ? 0 : NIL,
                        .oldest = NIL,
                        .newest = NIL};
    map_init(&t->sources, max);
    for (uint32_t i = 0; i < max; i++)
        slot[i].next = i + 1 < max ? i + 1 : NIL;
    return t;
}

void conns_free(struct conns *t)
{
    if (t == NULL)
        return;
    map_done(&t->sources);
    free(t->slot);
    free(t);
}

static str source_key(const struct ip *ip) { return (str){(const char *)ip, sizeof(*ip)}; }

static void list_add(struct conns *t, struct conn *c)
{
    uint32_t i = (uint32_t)(c - t->slot);

    c->prev = t->newest;
    c->next = NIL;
    if (t->newest != NIL)
        t->slot[t->newest].next = i;
    else
        t->oldest = i;
    t->newest = i;
}

static void list_del(struct conns *t, struct conn *c)
{
    if (c->prev != NIL)
        t->slot[c->prev].next = c->next;
    else
        t->oldest = c->next;
    if (c->next != NIL)
        t->slot[c->next].prev = c->prev;
    else
        t->newest = c->prev;
}

int64_t conns_add(struct conns *t, struct ip source, int64_t now)
{
    bool fresh;

    if (t->free == NIL)
        return CONNS_FULL;
    struct map_slot *s = map_put(&t->sources, source_key(&source), &fresh);
    if (s == NULL)
        return CONNS_FULL;
    if (fresh)
        s->v.num = 0;
    if (s->v.num >= t->per_source) {
        if (fresh)
            map_del(&t->sources, source_key(&source));
        return CONNS_SOURCE_FULL;
    }
    s->v.num++;
    struct conn *c = &t->slot[t->free];
    t->free = c->next;
    *c = (struct conn){
        .fd = -1, .open = true, .source = source, .active = now, .gen = (c->gen + 1) & GEN_MASK, .next_waiting = NIL};
    list_add(t, c);
    t->open++;
    return c - t->slot;
}

struct conn *conns_at(struct conns *t, uint32_t index)
{
    return index < t->max && t->slot[index].open ? &t->slot[index] : NULL;
}

uint32_t conns_index(const struct conns *t, const struct conn *c) { return (uint32_t)(c - t->slot); }
uint32_t conns_open(const struct conns *t) { return t->open; }

void conns_touch(struct conns *t, struct conn *c, int64_t now)
{
    c->active = now;
    list_del(t, c);
    list_add(t, c);
}

struct conn *conns_oldest(struct conns *t) { return t->oldest != NIL ? &t->slot[t->oldest] : NULL; }

struct conn *conns_idle(struct conns *t, int64_t now)
{
    struct conn *c = conns_oldest(t);

    return c != NULL && now - c->active >= t->idle_ns ? c : NULL;
}

void conns_del(struct conns *t, struct conn *c)
{
    struct map_slot *s = map_get(&t->sources, source_key(&c->source));

    if (s != NULL && --s->v.num <= 0)
        map_del(&t->sources, source_key(&c->source));
    list_del(t, c);
    c->open = false;
    c->next = t->free;
    t->free = (uint32_t)(c - t->slot);
    t->open--;
}
