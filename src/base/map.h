/* Hash map from bytes to a pointer or a number, open addressing, with a
 * ceiling on entries. Keys are copied. Not thread-safe. */
#ifndef LUY_BASE_MAP_H
#define LUY_BASE_MAP_H
#include "base/str.h"

struct map_slot {
    str key;
    uint64_t hash;
    union {
        void *ptr;
        int64_t num;
    } v;
};
struct map {
    struct map_slot *slots;
    size_t n, cap, max;
    uint64_t seed;
};

void map_init(struct map *m, size_t max);
void map_done(struct map *m);                     /* frees keys, not values */
struct map_slot *map_get(struct map *m, str key); /* NULL when absent */
/* The entry of key, made when absent (*fresh tells); NULL at the ceiling. */
struct map_slot *map_put(struct map *m, str key, bool *fresh);
bool map_del(struct map *m, str key);
/* for (size_t i = 0; (s = map_next(&m, &i)); ) */
struct map_slot *map_next(struct map *m, size_t *i);
#endif
