/* The templates of a block while it is being made, and under each the values
 * of its lines in order. A template is one static text together with all
 * fields that its lines share, so that questions about these are answered
 * without a line.
 *
 * Row as it is kept: u32 line | u32 origin | u16 length of each value | the
 * values. Rows lie one behind the other in chunks. Values are copied here when
 * the line is split: columns then never jump over the block. */
#ifndef LUY_JOURNAL_TEMPLATE_H
#define LUY_JOURNAL_TEMPLATE_H
#include "journal/split.h"

enum {
    TEMPLATES_MAX = 16384,       /* then lines are kept without a template */
    TEMPLATES_FLOOD = 512,       /* from here on, also while lines seldom come again */
    TEMPLATE_TEXT_MAX = 8192,    /* longer ones too */
    TEMPLATE_ALL_TEXT = 4 << 20, /* all texts together */
    TEMPLATE_VALUES_MAX = 255,
    TEMPLATE_KEYS_MAX = 65535,
    SPAN_END = 0xffff, /* the line's end; a text has at most TEMPLATE_TEXT_MAX bytes */
};

/* What the lines share. place: begin and end of each span as a place in the
 * text, where a value counts one byte; both 0: absent. */
struct template_key {
    uint8_t transport, format, facility, severity;
    uint16_t flags;
    uint8_t stamp;    /* form of the time at the head of the line + 1; 0 = none */
    uint8_t received; /* 1: event time is the receipt time */
    uint16_t place[2 * SP_COUNT];
};

struct chunk {
    struct chunk *next;
    uint32_t used, size; /* used: of the last one when the walk begins */
    uint8_t bytes[];
};
struct template /* one line of the cache */
{
    uint64_t hash;
    uint32_t text_off, text_len;
    uint32_t key, values, rows;
    struct chunk *first, *last;
    uint8_t *at, *end; /* in the last chunk: where the next row goes */
};
struct row_view { /* a row read back */
    uint32_t line, origin;
    const uint8_t *lens;
    const char *bytes;
};
static inline uint32_t row_len(const struct row_view *v, uint32_t slot)
{
    uint16_t n;
    memcpy(&n, v->lens + 2 * (size_t)slot, 2);
    return n;
}

/* memcmp() == 0 without the call: most texts here are shorter than what a call costs. */
static inline bool bytes_same(const char *a, const char *b, size_t n)
{
    uint64_t x, y;
    uint32_t v, w;

    if (n < 4)
        return n == 0 || (a[0] == b[0] && a[n / 2] == b[n / 2] && a[n - 1] == b[n - 1]);
    if (n < 8) {
        memcpy(&v, a, 4);
        memcpy(&w, b, 4);
        bool head = v == w;
        memcpy(&v, a + n - 4, 4);
        memcpy(&w, b + n - 4, 4);
        return head && v == w;
    }
    for (size_t i = 0; i < n - 8; i += 8) {
        memcpy(&x, a + i, 8);
        memcpy(&y, b + i, 8);
        if (x != y)
            return false;
    }
    memcpy(&x, a + n - 8, 8);
    memcpy(&y, b + n - 8, 8);
    return x == y;
}

struct template_set;
struct template_set *template_set_new(void); /* NULL: no memory */
void template_set_free(struct template_set *s);
void template_set_clear(struct template_set *s, size_t raw_bytes);
uint64_t template_hash(const struct template_set *s, const struct template_key *key, const char *text, uint32_t len);
/* A template lies in four places that are seldom in the cache. Asked for many lines
 * first, steps from 0 on in turn, they come while other lines are looked at. */
enum { TEMPLATE_STEPS = 3 };
void template_fetch(const struct template_set *s, uint64_t hash, int step);
/* The template of this key and text (values: the holes in it), of which hash is
 * template_hash(); NULL: a ceiling is reached. text has 32 readable bytes behind it. */
struct template *template_get(struct template_set *s, uint64_t hash, const struct template_key *key, const char *text,
                              uint32_t len, uint32_t values);
/* Room for a row of `bytes` bytes of values; NULL: no memory. Returns where the lengths go. */
uint8_t *template_row(struct template_set *s, struct template *t, uint32_t line, uint32_t origin, uint32_t bytes);
uint32_t template_count(const struct template_set *s);
struct template *template_at(struct template_set *s, uint32_t i);
const char *template_text(const struct template_set *s, const struct template *t);
const struct template_key *template_key(const struct template_set *s, uint32_t key);
uint32_t template_key_count(const struct template_set *s);

struct row_walk {
    const struct chunk *c;
    uint32_t at, values;
};
struct row_walk row_walk(const struct template *t);
bool row_next(struct row_walk *w, struct row_view *out);

/* Memory in one go, given back in one go and kept: for what lives as long as
 * a block is being made. */
struct slab {
    struct slab_part *parts, *cur;
    size_t used, total, max;
};
enum { SLAB_SLACK = 32 }; /* bytes behind what was given may be read, though they mean nothing */
void slab_init(struct slab *s, size_t max);
void slab_done(struct slab *s);
void slab_clear(struct slab *s);
void slab_trim(struct slab *s, size_t keep); /* the same, and no more than `keep` bytes of it are kept */
void *slab_get(struct slab *s, size_t n);    /* aligned to 8, not cleared; NULL: ceiling or no memory */

/* Hash with a secret seed, so that no sender can make values collide. */
static inline uint64_t hash_mul(uint64_t a, uint64_t b)
{
    unsigned __int128 m = (unsigned __int128)a * b;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}
static inline uint64_t hash_bytes(const char *p, size_t n, uint64_t seed)
{
    uint64_t h = seed ^ hash_mul(n + UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xa0761d6478bd642f)), a = 0, b = 0;

    for (; n > 16; n -= 16, p += 16) {
        memcpy(&a, p, 8);
        memcpy(&b, p + 8, 8);
        h = hash_mul(a ^ UINT64_C(0xe7037ed1a0b428db), b ^ h);
    }
    if (n >= 8) {
        memcpy(&a, p, 8);
        memcpy(&b, p + n - 8, 8);
    } else if (n >= 4) {
        uint32_t lo, hi;
        memcpy(&lo, p, 4);
        memcpy(&hi, p + n - 4, 4);
        a = lo;
        b = hi;
    } else if (n > 0) {
        a = (uint64_t)(uint8_t)p[0] << 16 | (uint64_t)(uint8_t)p[n / 2] << 8 | (uint8_t)p[n - 1];
        b = 0;
    }
    return hash_mul(a ^ UINT64_C(0x8ebc6af09c88c6e3), b ^ h ^ UINT64_C(0x589965cc75374cc3));
}
#endif
