/* What a term looks for: literal text with * (any run) and ? (one character),
 * ASCII case ignored. Lives in the query's arena; any thread. */
#ifndef LUY_JOURNAL_PATTERN_H
#define LUY_JOURNAL_PATTERN_H
#include "base/arena.h"
#include "journal/scan.h"

enum { PATTERN_MAX = 1024 };
enum pattern_kind { PK_LIT, PK_ONE, PK_ANY };
struct pattern {
    uint8_t *text; /* lower case; 0 where kind is not PK_LIT */
    uint8_t *kind;
    uint32_t n;
    bool plain;        /* literal only */
    struct needle run; /* the longest literal run: any match holds it */
};
/* Reads s, where \ before * ? " \ makes them literal and \xNN is a byte. NULL-safe on failure of
 * the arena: false. anywhere: stars at both ends mean nothing and are dropped. */
bool pattern_make(struct arena *a, str s, bool anywhere, struct pattern *out);

/* Whether a pattern's text says bytes, as \xNN or as what is no UTF-8. */
bool pattern_says_bytes(str s);
bool pattern_whole(const struct pattern *p, str s);
bool pattern_within(const struct pattern *p, str s);
bool pattern_is_any(const struct pattern *p); /* "*" alone */
#endif
