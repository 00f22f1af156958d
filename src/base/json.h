/* JSON from outside, bounded. Thin over jansson. */
#ifndef LUY_BASE_JSON_H
#define LUY_BASE_JSON_H
#include "base/err.h"
#include <jansson.h>

/* -EBADMSG with line and column; -E2BIG when nested deeper than max_depth;
 * duplicate keys and trailing bytes are refused. Caller owns *out (json_decref). */
int json_read(str text, int max_depth, json_t **out, struct err *e);
str json_str(const json_t *v);                        /* STR_NONE unless a string */
str json_get_str(const json_t *obj, const char *key); /* STR_NONE when absent */
int64_t json_get_int(const json_t *obj, const char *key, int64_t dflt);
json_t *json_from_str(str s); /* bad UTF-8 becomes U+FFFD */
#endif
