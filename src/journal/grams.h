/* Which letters stand together in a block: a filter that says of most blocks
 * that a word is not in them, before anything else of them is read.
 *
 * A word is a run of letters, digits, '_', '-' and bytes from 0x80 on. In it
 * capital letters are small, and a run of digits is one '0': so values made of
 * numbers add next to nothing. Each four bytes that follow one another in a word
 * are a bit. No line holds a word whose four-byte pieces are not all there. */
#ifndef LUY_JOURNAL_GRAMS_H
#define LUY_JOURNAL_GRAMS_H
#include "base/str.h"

enum { GRAMS_BYTES_MAX = 32 << 10, GRAMS_ASKED_MAX = 64 };

/* Writing: one a block. */
struct grams {
    uint64_t bits[GRAMS_BYTES_MAX / 8];
};
void grams_clear(struct grams *g);
void grams_add(struct grams *g, const char *p, size_t n);
/* Folds the filter to the size that its load asks for; bytes of it, 0: it would say nothing. */
size_t grams_finish(struct grams *g);

/* Asking. */
struct gram_list {
    uint32_t n, hash[GRAMS_ASKED_MAX];
};
void gram_list_of(struct gram_list *l, str text); /* adds the words of a literal text */
bool grams_may(const uint8_t *filter, size_t bytes, const struct gram_list *l);

/* Classes of bytes in a text, a bit each; letters without regard to case. */
uint32_t text_classes(const char *p, size_t n);
enum { CLASS_DIGIT = 1u << 26 };
#define CLASS_GAP (1u << 31) /* what is neither of a word nor a dot */
/* The next run of word bytes, with single dots between them; empty: none is left. */
str next_word(str *rest);
bool is_word_byte(uint8_t c);
#endif
