/* Cutting a line into static text and values, in the manner of CLP (OSDI'21).
 *
 * A token is a run of word bytes: letters, digits, '_', '-', bytes from 0x80,
 * and a dot between two of these. A token is a value when it holds a digit or
 * stands right behind '='; the rest of the line is static. Text and values
 * together always give the line back, so no reader depends on these rules:
 * they decide only how well lines fall into groups.
 *
 * The bytes 0x11, 0x12 and 0x13 stand for values in a template's text; where a
 * line holds one itself, its token is a value. Pure; any thread. */
#ifndef LUY_JOURNAL_SPLIT_H
#define LUY_JOURNAL_SPLIT_H
#include "intake/event.h"

enum { HOLE_VALUE = 0x11, HOLE_HOST = 0x12, HOLE_STAMP = 0x13 };

/* One bit a byte: word bytes, and bytes that make their token a value. The
 * maps have a spare word before and behind what is filled. */
enum { SPLIT_WINDOW = 256 * 1024, SPLIT_WORDS = (SPLIT_WINDOW + EVENT_RAW_MAX) / 64 + 4 };
struct split_map {
    uint64_t word[SPLIT_WORDS], value[SPLIT_WORDS];
};
enum split_cpu { SPLIT_BEST, SPLIT_SCALAR, SPLIT_SSE, SPLIT_AVX2 };
/* n at most SPLIT_WINDOW + EVENT_RAW_MAX. All ways of computing give the same map. */
void split_map_make(struct split_map *m, const uint8_t *p, size_t n, enum split_cpu cpu);
bool split_cpu_has(enum split_cpu cpu);

/* Looser rules for lines that would make too many templates. */
enum {
    SPLIT_QUOTES = 1, /* "a quoted string" is one value */
    SPLIT_PATHS = 2,  /* '/' is a word byte, and makes a value */
};
/* Changes the map of the bytes [from, to) of p by the rules. */
void split_map_loosen(struct split_map *m, const uint8_t *p, size_t from, size_t to, unsigned rules);

struct split_value {
    uint32_t off, len; /* in the window */
};
/* Values of [from, to); *n goes on growing, false: more than max. */
bool split_values(const struct split_map *m, size_t from, size_t to, struct split_value *v, uint32_t *n, uint32_t max);

/* The time at the head of a line, printed again from the event's time. */
struct stamp_form {
    uint8_t kind;   /* STAMP_* */
    uint8_t digits; /* of the fraction */
    int16_t zone;   /* minutes east of UTC */
};
enum { STAMP_NONE, STAMP_BSD, STAMP_BSD_ZERO, STAMP_ISO_Z, STAMP_ISO_ZONE, STAMP_ISO_BARE, STAMP_KINDS };
enum { STAMP_TEXT_MAX = 40 };
/* Length of the text, 0 when ns cannot be printed so. out holds STAMP_TEXT_MAX. */
size_t stamp_print(struct stamp_form f, int64_t ns, char *out);
/* Finds the form in which ns reads as the beginning of s; *len bytes of it. */
bool stamp_find(str s, int64_t ns, struct stamp_form *f, size_t *len);
#endif
