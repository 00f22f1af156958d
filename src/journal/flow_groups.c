/* See flow_groups.h. */
#include "journal/flow_groups.h"
#include <stdlib.h>
#include <string.h>

enum { SLOTS_FIRST = 4096 };

static uint64_t mixed(uint64_t h)
{
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93ull;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93ull;
    return h ^ h >> 32;
}

static uint64_t hash_of(const uint64_t *key, size_t n)
{
    uint64_t h = 0x9e3779b97f4a7c15ull;

    for (size_t i = 0; i < n; i++)
        h = mixed(h + key[i]);
    return h;
}

bool flow_groups_init(struct flow_groups *g, size_t nkeys)
{
    size_t entry = sizeof(struct flow_group) + nkeys * sizeof(uint64_t);

    *g = (struct flow_groups){.nkeys = nkeys, .entry = (entry + 15) / 16 * 16, .cap = SLOTS_FIRST / 2};
    g->nslots = SLOTS_FIRST;
    g->slot = calloc(g->nslots, sizeof(*g->slot));
    g->memory = malloc(g->cap * g->entry);
    return g->slot != NULL && g->memory != NULL;
}

void flow_groups_done(struct flow_groups *g)
{
    free(g->slot);
    free(g->memory);
    *g = (struct flow_groups){0};
}

/* All groups in empty slots. */
static void slots_fill(struct flow_groups *g)
{
    uint32_t mask = g->nslots - 1;

    for (size_t i = 0; i < g->n; i++) {
        uint32_t at = (uint32_t)hash_of(flow_groups_get(g, i)->key, g->nkeys) & mask;
        while (g->slot[at] != 0)
            at = (at + 1) & mask;
        g->slot[at] = (uint32_t)i + 1;
    }
}

void flow_groups_keep(struct flow_groups *g, const uint8_t *keep)
{
    size_t n = 0;

    for (size_t i = 0; i < g->n; i++)
        if (keep[i]) {
            memmove(flow_groups_get(g, n), flow_groups_get(g, i), g->entry);
            n++;
        }
    g->n = n;
    memset(g->slot, 0, g->nslots * sizeof(*g->slot));
    slots_fill(g);
}

static bool grow(struct flow_groups *g)
{
    uint32_t nslots = g->nslots * 2;
    uint32_t *slot = calloc(nslots, sizeof(*slot));
    uint8_t *memory = slot != NULL ? realloc(g->memory, g->cap * 2 * g->entry) : NULL;

    if (memory == NULL) {
        free(slot);
        return false;
    }
    g->memory = memory;
    g->cap *= 2;
    free(g->slot);
    g->slot = slot;
    g->nslots = nslots;
    slots_fill(g);
    return true;
}

struct flow_group *flow_groups_at(struct flow_groups *g, const uint64_t *key, bool *failed)
{
    uint32_t mask = g->nslots - 1, at = (uint32_t)hash_of(key, g->nkeys) & mask;

    for (; g->slot[at] != 0; at = (at + 1) & mask) {
        struct flow_group *have = flow_groups_get(g, g->slot[at] - 1);
        if (have->key[0] == key[0] && memcmp(have->key, key, g->nkeys * sizeof(*key)) == 0)
            return have;
    }
    if (g->n == FLOW_GROUPS_MAX)
        return NULL;
    if (g->n == g->cap) {
        if (!grow(g)) {
            *failed = true;
            return NULL;
        }
        return flow_groups_at(g, key, failed);
    }
    struct flow_group *made = flow_groups_get(g, g->n);
    made->sum = 0;
    made->count = 0;
    memcpy(made->key, key, g->nkeys * sizeof(*key));
    g->slot[at] = (uint32_t)++g->n;
    return made;
}

void flow_v6_seen_done(struct flow_v6_seen *s)
{
    free(s->ip);
    free(s->slot);
    *s = (struct flow_v6_seen){0};
}

static uint32_t v6_place(const struct flow_v6_seen *s, const uint8_t ip[16])
{
    uint64_t key[2];

    memcpy(key, ip, 16);
    uint32_t mask = s->nslots - 1, at = (uint32_t)hash_of(key, 2) & mask;
    while (s->slot[at] != 0 && memcmp(s->ip[s->slot[at] - 1], ip, 16) != 0)
        at = (at + 1) & mask;
    return at;
}

static bool v6_grow(struct flow_v6_seen *s)
{
    uint32_t nslots = s->nslots > 0 ? s->nslots * 2 : SLOTS_FIRST;
    uint32_t *slot = calloc(nslots, sizeof(*slot));
    uint8_t(*ip)[16] = slot != NULL ? realloc(s->ip, (size_t)nslots / 2 * 16) : NULL;

    if (ip == NULL) {
        free(slot);
        return false;
    }
    free(s->slot);
    s->ip = ip;
    s->slot = slot;
    s->nslots = nslots;
    for (uint32_t i = 0; i < s->n; i++)
        s->slot[v6_place(s, s->ip[i])] = i + 1;
    return true;
}

uint32_t flow_v6_seen_of(struct flow_v6_seen *s, const uint8_t ip[16])
{
    if (s->n * 2 >= s->nslots && (s->n >= FLOW_V6_SEEN_MAX || !v6_grow(s)))
        return UINT32_MAX;
    uint32_t at = v6_place(s, ip);
    if (s->slot[at] == 0) {
        memcpy(s->ip[s->n], ip, 16);
        s->slot[at] = ++s->n;
    }
    return s->slot[at] - 1;
}
