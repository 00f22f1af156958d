/* Inside struct known, between its files. */
#ifndef LUY_REGISTRY_KNOWN_BODY_INT_H
#define LUY_REGISTRY_KNOWN_BODY_INT_H
#include "base/map.h"
#include "registry/known-int.h"

enum { KNOWN_KEY = 0xffff, KNOWN_NAME = TEXT_MAX + 8 };

/* One value to look up, or one record to load. */
struct want {
    struct want *next;
    const struct kind *k;
    size_t field; /* KNOWN_KEY: the record with that key */
    struct val v;
};
struct want_list {
    struct want *first, **tail;
};
struct known {
    const struct registry *r;
    struct arena a, tree; /* of a group; of `above`, which stays from group to group */
    struct map refs, recs, above, plain;
    int64_t *last; /* of each kind; -1: never looked up */
    int64_t person;
    bool has_person;
    struct want_list values, ids, plains;
};

/* known.c: an entry's name in a map, empty when it cannot have one; its value or NULL; one that is there from now on.
 */
str known_name(const struct known *x, const struct kind *k, size_t field, str value, char out[KNOWN_NAME]);
str known_number(const struct known *x, const struct kind *k, size_t field, int64_t id, char out[KNOWN_NAME]);
void *known_entry(struct map *m, str name);
struct known_ref *known_entry_new(struct arena *a, struct map *m, str name);
void known_lists_init(struct known *x);
void known_plain_set(struct known *x, int64_t prefix, bool plain);
#endif
