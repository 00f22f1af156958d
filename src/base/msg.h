/* The message catalogue: every text that a user sees, by key, in vi and en.
 * Built into the programs from i18n/<module>.json, where each entry reads
 *     "base.file.read": {"vi": "...{0}...", "en": "...{0}..."}
 * Lookup is a binary search over a generated, sorted, constant table: any
 * thread, no state. */
#ifndef LUY_BASE_MSG_H
#define LUY_BASE_MSG_H
#include "base/err.h"

/* NULL when the key is unknown. */
const char *msg_get(const char *key, enum lang lang);
/* Fills {0}..{9}; unknown key gives the key itself. NUL-terminated, returns length. */
size_t msg_fmt(char *out, size_t cap, enum lang lang, const char *key, const char *const *args, size_t n);
bool lang_parse(str s, enum lang *out); /* "vi", "en", "vi-VN", "en-US" */
const char *lang_name(enum lang lang);
#endif
