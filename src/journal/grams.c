#include "journal/grams.h"

enum { PIECE = 4 };

bool is_word_byte(uint8_t c)
{
    uint8_t low = c | 0x20;
    return (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c >= 0x80;
}

/* The byte as the filter sees it; 0: it ends a word. */
static uint8_t form_of(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return '0';
    return !is_word_byte(c) ? 0 : c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

struct walk {
    uint32_t piece, len;
};

/* True when four bytes of a word are in w->piece. */
static inline bool step(struct walk *w, uint8_t byte)
{
    uint8_t c = form_of(byte);

    if (c == 0) {
        w->len = 0;
        return false;
    }
    if (c == '0' && w->len > 0 && (uint8_t)w->piece == '0')
        return false;
    w->piece = w->piece << 8 | c;
    w->len += w->len < PIECE;
    return w->len == PIECE;
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
    struct walk w = {0, 0};

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
    struct walk w = {0, 0};

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
        uint8_t c = (uint8_t)p[i], low = c | 0x20;
        unsigned bit = low >= 'a' && low <= 'z' ? low - 'a'
                       : c >= '0' && c <= '9'   ? 26
                       : c == '.'               ? 27
                       : c == '-'               ? 28
                       : c == '_'               ? 29
                       : c >= 0x80              ? 30
                                                : 31;
        m |= 1u << bit;
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
