/* One box over everything: records of all kinds by any part of what they hold,
 * with or without diacritics (NFC or NFD, đ as d), in any spelling of a MAC,
 * address or telephone number, and with a wrong letter or two. The answer is
 * the same on every SQL engine: it comes from an index in memory that follows
 * the history of the registry. Thread-safe. */
#ifndef LUY_REGISTRY_FIND_H
#define LUY_REGISTRY_FIND_H
#include "registry/registry.h"

enum { FIND_LIMIT = 5, FIND_LIMIT_MAX = 50, FIND_TEXT_MAX = 200 };

/* {"q", "groups": [{"kind", "label": {vi, en}, "more": bool, "hits": [{"id",
 * "key", "title", "state", "match"}]}]}: groups and hits best first, at most
 * limit (0: FIND_LIMIT) hits a kind; match: "key", "start", "word", "part",
 * "near" (a letter or two differ), "holds" (a prefix that holds the address).
 * Only living records that the actor may see. kind: only that one, may be
 * empty; -ENOENT when there is none of that name. -E2BIG: q above FIND_TEXT_MAX
 * bytes, or more records than an index in memory may hold. */
int registry_find(struct registry *r, const struct actor *who, str q, str kind, size_t limit, json_t **out,
                  struct err *e);
#endif
