/* Random events and random queries of property_test.c. */
#ifndef LUY_JOURNAL_PROPERTY_TEST_INT_H
#define LUY_JOURNAL_PROPERTY_TEST_INT_H
#include "journal/journal_test-int.h"

enum { LINES_MAX = 300, LINE_MAX_BYTES = 400, WORD_MAX = 256 };
static inline uint64_t rnd(uint64_t *seed, uint64_t n) { return prng(seed) % n; }
#define PICK(seed, list) (list)[rnd(seed, COUNT(list))]
/* Bits of `kinds`: soup, log lines, words with marks, JSON. */
void make_event(uint64_t *seed, unsigned kinds, uint32_t k, char raw[LINE_MAX_BYTES], struct event *ev);

/* What a word looks for, as it was made, before it was written as text. */
enum token_kind { T_BYTE, T_ONE, T_ANY };
struct token {
    enum token_kind kind;
    uint8_t byte;
};
struct word {
    struct token t[4 * WORD_MAX];
    size_t n;
    bool fold; /* has letters with marks, and says no bytes by number */
};
struct asked {
    struct buf text;
    bool one_word; /* the query is `word` alone */
    struct word word;
};
void make_query(uint64_t *seed, const struct event *ev, uint32_t n, struct asked *out);
#endif
