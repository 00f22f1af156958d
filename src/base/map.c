/* Hash map, open addressing with linear probing. The map owns its keys. One
 * thread at a time. A deletion moves later entries back, so there are no
 * tombstones; a put or delete makes earlier slot pointers invalid. */
#include "base/map.h"
#include "base/rand.h"

enum { MAP_FIRST = 16 };

void map_init(struct map *m, size_t max)
{
    *m = (struct map){.max = max};
    rand_bytes(&m->seed, sizeof(m->seed));
}

void map_done(struct map *m)
{
    for (size_t i = 0; i < m->cap; i++)
        free((char *)m->slots[i].key.p);
    free(m->slots);
    *m = (struct map){.max = m->max, .seed = m->seed};
}

/* Where key is, or the free slot where it would go. cap > n always. */
static struct map_slot *slot_of(const struct map *m, str key, uint64_t hash)
{
    for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
        struct map_slot *s = &m->slots[i];
        if (s->key.p == NULL || (s->hash == hash && str_eq(s->key, key)))
            return s;
    }
}

static bool map_grow(struct map *m)
{
    size_t cap = m->cap == 0 ? MAP_FIRST : m->cap * 2;
    struct map_slot *slots = calloc(cap, sizeof(*slots));

    if (slots == NULL)
        return false;
    struct map bigger = {.slots = slots, .cap = cap};
    for (size_t i = 0; i < m->cap; i++)
        if (m->slots[i].key.p != NULL)
            *slot_of(&bigger, m->slots[i].key, m->slots[i].hash) = m->slots[i];
    free(m->slots);
    m->slots = slots;
    m->cap = cap;
    return true;
}

struct map_slot *map_get(struct map *m, str key)
{
    if (m->n == 0)
        return NULL;
    struct map_slot *s = slot_of(m, key, str_hash(key, m->seed));
    return s->key.p == NULL ? NULL : s;
}

struct map_slot *map_put(struct map *m, str key, bool *fresh)
{
    uint64_t hash = str_hash(key, m->seed);
    struct map_slot *s = m->cap == 0 ? NULL : slot_of(m, key, hash);
    bool absent = s == NULL || s->key.p == NULL;

    if (fresh != NULL)
        *fresh = absent;
    if (!absent)
        return s;
    if (m->n >= m->max || key.n == SIZE_MAX)
        return NULL;
    char *copy = malloc(key.n + 1);
    if (copy == NULL)
        return NULL;
    if (m->n + 1 > m->cap / 4 * 3) {
        if (!map_grow(m)) {
            free(copy);
            return NULL;
        }
        s = slot_of(m, key, hash);
    }
    if (key.n > 0)
        memcpy(copy, key.p, key.n);
    copy[key.n] = '\0';
    *s = (struct map_slot){.key = {copy, key.n}, .hash = hash};
    m->n++;
    return s;
}

bool map_del(struct map *m, str key)
{
    struct map_slot *s = map_get(m, key);

    if (s == NULL)
        return false;
    free((char *)s->key.p);
    size_t hole = (size_t)(s - m->slots), mask = m->cap - 1;
    /* An entry moves into the hole unless its home lies behind the hole. */
    for (size_t i = (hole + 1) & mask; m->slots[i].key.p != NULL; i = (i + 1) & mask) {
        size_t home = m->slots[i].hash & mask;
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        m->slots[hole] = m->slots[i];
        hole = i;
    }
    m->slots[hole] = (struct map_slot){.key = STR_NONE};
    m->n--;
    return true;
}

struct map_slot *map_next(struct map *m, size_t *i)
{
    while (*i < m->cap) {
        struct map_slot *s = &m->slots[(*i)++];
        if (s->key.p != NULL)
            return s;
    }
    return NULL;
}
