#include "journal/grams.h"

enum { PIECE = 4 };

/* What a byte is, by table: this runs over every new value. */
struct byte_form {
    uint8_t keep, add;     /* (byte & keep) | add: as the filter sees it; 0: it ends a word */
    uint8_t class, letter; /* text_classes(): bit 31 - (class - (byte & letter)) % 32 */
};
static const struct byte_form forms[256] = {
    ['0' ... '9'] = {.keep = 0xf0, .class = 5}, /* all of them '0' */
    ['A' ... 'Z'] = {.keep = 0xff, .add = 0x20, .letter = 0x1f},
    ['a' ... 'z'] = {.keep = 0xff, .letter = 0x1f},
    ['.'] = {.class = 4},
    ['-'] = {.keep = 0xff, .class = 3},
    ['_'] = {.keep = 0xff, .class = 2},
    [0x80 ... 0xff] = {.keep = 0xff, .class = 1},
};

bool is_word_byte(uint8_t c) { return forms[c].keep != 0; }

/* The last four bytes of the word; fewer, and the uppermost are 0. */
struct walk {
    uint32_t piece;
};

/* True when four bytes of a word are in w->piece. */
static inline bool step(struct walk *w, uint8_t byte)
{
    struct byte_form f = forms[byte];
    uint8_t c = (byte & f.keep) | f.add;

    if (c == '0' && (uint8_t)w->piece == '0')
        return false;
    w->piece = c ? w->piece << 8 | c : 0;
    return w->piece >> 8 * (PIECE - 1) != 0;
}

static uint32_t hash_of(uint32_t piece)
{
    piece *= UINT32_C(0x9e3779b1);
    piece ^= piece >> 15;
    piece *= UINT32_C(0x85ebca77);
    return piece ^ piece >> 13;
}

void grams_clear(struct grams *g) { memset(g, 0, sizeof(*g)); }

void grams_add(struct grams *g, const char *p, size_t n)
{
    struct walk w = {0};

    for (size_t i = 0; i < n; i++)
        if (step(&w, (uint8_t)p[i])) {
            uint32_t k = hash_of(w.piece) % (GRAMS_BYTES_MAX * 8);
            g->bits[k / 64] |= UINT64_C(1) << k % 64;
        }
}

static size_t ones(const struct grams *g, size_t words)
{
    size_t n = 0;

    for (size_t i = 0; i < words; i++)
        n += (size_t)__builtin_popcountll(g->bits[i]);
    return n;
}

size_t grams_finish(struct grams *g)
{
    size_t words = sizeof(g->bits) / sizeof(g->bits[0]), n = ones(g, words);

    if (n * 10 > words * 64 * 7)
        return 0;
    while (words > 8 && n * 6 < words * 64) { /* below a sixth: half the size is below a third */
        words /= 2;
        for (size_t i = 0; i < words; i++)
            g->bits[i] |= g->bits[words + i];
        n = ones(g, words);
    }
    return words * 8;
}

void gram_list_of(struct gram_list *l, str text)
{
    struct walk w = {0};

    for (size_t i = 0; i < text.n && l->n < GRAMS_ASKED_MAX; i++)
        if (step(&w, (uint8_t)text.p[i]))
            l->hash[l->n++] = hash_of(w.piece);
}

bool grams_may(const uint8_t *filter, size_t bytes, const struct gram_list *l)
{
    for (uint32_t i = 0; i < l->n; i++) {
        uint32_t k = l->hash[i] % (uint32_t)(bytes * 8);
        if (!(filter[k / 8] >> k % 8 & 1))
            return false;
    }
    return true;
}

uint32_t text_classes(const char *p, size_t n)
{
    uint32_t m = 0;

    for (size_t i = 0; i < n; i++) {
        struct byte_form f = forms[(uint8_t)p[i]];
        m |= UINT32_C(1) << 31 >> ((f.class - ((uint8_t)p[i] & f.letter)) & 31);
    }
    return m;
}

str next_word(str *rest)
{
    str s = *rest;
    size_t i = 0, k;

    while (i < s.n && !is_word_byte((uint8_t)s.p[i]))
        i++;
    for (k = i; k < s.n; k++)
        if (!is_word_byte((uint8_t)s.p[k]) && (s.p[k] != '.' || k + 1 == s.n || !is_word_byte((uint8_t)s.p[k + 1])))
            break;
    *rest = str_sub(s, k, s.n - k);
    return str_sub(s, i, k - i);
}
