/* What one import knows of the registry: looked up for a group of rows at once, kept current with each row that is
 * written, forgotten with the group. Only for somebody who sees everything. NULL instead of a struct known: nothing
 * is known, each question goes to the store. Belongs to the import's thread and transaction. */
#ifndef LUY_REGISTRY_KNOWN_INT_H
#define LUY_REGISTRY_KNOWN_INT_H
#include "registry/registry-int.h"

struct known_ref {
    int64_t id; /* 0: there is none */
    str key, title;
};
int known_new(const struct registry *r, struct known **out, struct err *e);
void known_free(struct known *x);
void known_clear(struct known *x); /* the group is over */

/* What is going to be asked for; known_look asks for all of it. Values as they are stored. */
void known_want_key(struct known *x, const struct kind *k, str key);
void known_want_unique(struct known *x, const struct kind *k, size_t field, str value);
void known_want_rec(struct known *x, const struct kind *k, int64_t id);
int known_look(struct known *x, struct tx *tx, struct err *e);

/* The living record with that key, or that value of a unique field: NULL when that was never looked up. */
const struct known_ref *known_key(struct known *x, const struct kind *k, str key);
const struct known_ref *known_unique(struct known *x, const struct kind *k, size_t field, str value);
struct rec *known_rec(struct known *x, const struct kind *k,
                      int64_t id); /* with its references; lives with the group */
void known_learn_key(struct known *x, const struct kind *k, str key, const struct known_ref *ref);
/* The record that field `field`, a reference to its own kind, of record id names, and the key of id. */
const struct known_ref *known_above(struct known *x, const struct kind *k, size_t field, int64_t id);
void known_learn_above(struct known *x, const struct kind *k, size_t field, int64_t id, int64_t above, str key);
/* The highest id of a kind; false: never looked up. */
bool known_last(const struct known *x, const struct kind *k, int64_t *id);
void known_learn_last(struct known *x, const struct kind *k, int64_t id);
/* A prefix that holds no others. */
bool known_plain(const struct known *x, int64_t prefix);
void known_want_plain(struct known *x, int64_t prefix);
/* The person of the account that imports; 0: none. False: never looked up. */
bool known_person(const struct known *x, int64_t *id);
void known_learn_person(struct known *x, int64_t id);

/* A record was made (old NULL), changed or ended. */
void known_written(struct known *x, const struct rec *old, const struct rec *fresh);

#endif
