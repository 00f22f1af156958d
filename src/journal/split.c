/* Tokens from bit maps: two bits a byte, then tokens by bit arithmetic. */
#include "journal/split.h"
#ifdef __x86_64__
#include <immintrin.h>
#endif

enum { C_WORD = 1, C_VALUE = 2, C_DOT = 4, C_EQ = 8 };

static unsigned class_of(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return C_WORD | C_VALUE;
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' || c >= 0x80)
        return C_WORD;
    if (c >= HOLE_VALUE && c <= HOLE_STAMP)
        return C_WORD | C_VALUE;
    return c == '.' ? C_DOT : c == '=' ? C_EQ : 0;
}

struct mask4 {
    uint64_t word, value, dot, eq;
};

static struct mask4 mask_scalar(const uint8_t *p)
{
    struct mask4 m = {0};

    for (unsigned i = 0; i < 64; i++) {
        unsigned c = class_of(p[i]);
        m.word |= (uint64_t)(c & C_WORD) << i;
        m.value |= (uint64_t)(c >> 1 & 1) << i;
        m.dot |= (uint64_t)(c >> 2 & 1) << i;
        m.eq |= (uint64_t)(c >> 3 & 1) << i;
    }
    return m;
}

#ifdef __x86_64__
#define LOAD128(p) _mm_loadu_si128((const __m128i *)(const void *)(p))
#define LOAD256(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define IN128(x, lo, count)                                                                                            \
    _mm_cmpeq_epi8(_mm_min_epu8(_mm_sub_epi8(x, _mm_set1_epi8(lo)), _mm_set1_epi8((count)-1)),                         \
                   _mm_sub_epi8(x, _mm_set1_epi8(lo)))
#define IN256(x, lo, count)                                                                                            \
    _mm256_cmpeq_epi8(_mm256_min_epu8(_mm256_sub_epi8(x, _mm256_set1_epi8(lo)), _mm256_set1_epi8((count)-1)),          \
                      _mm256_sub_epi8(x, _mm256_set1_epi8(lo)))

__attribute__((target("sse4.2"))) static inline struct mask4 mask_sse(const uint8_t *p)
{
    struct mask4 m = {0};

    for (unsigned i = 0; i < 64; i += 16) {
        __m128i x = LOAD128(p + i), low = _mm_or_si128(x, _mm_set1_epi8(0x20));
        __m128i value = _mm_or_si128(IN128(x, '0', 10), IN128(x, HOLE_VALUE, 3));
        __m128i word =
            _mm_or_si128(_mm_or_si128(value, IN128(low, 'a', 26)),
                         _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('_')), _mm_cmpeq_epi8(x, _mm_set1_epi8('-'))));
        m.word |= (uint64_t)(uint16_t)(_mm_movemask_epi8(word) | _mm_movemask_epi8(x)) << i;
        m.value |= (uint64_t)(uint16_t)_mm_movemask_epi8(value) << i;
        m.dot |= (uint64_t)(uint16_t)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8('.'))) << i;
        m.eq |= (uint64_t)(uint16_t)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8('='))) << i;
    }
    return m;
}

__attribute__((target("avx2"))) static inline struct mask4 mask_avx2(const uint8_t *p)
{
    struct mask4 m = {0};

    for (unsigned i = 0; i < 64; i += 32) {
        __m256i x = LOAD256(p + i), low = _mm256_or_si256(x, _mm256_set1_epi8(0x20));
        __m256i value = _mm256_or_si256(IN256(x, '0', 10), IN256(x, HOLE_VALUE, 3));
        __m256i word = _mm256_or_si256(
            _mm256_or_si256(value, IN256(low, 'a', 26)),
            _mm256_or_si256(_mm256_cmpeq_epi8(x, _mm256_set1_epi8('_')), _mm256_cmpeq_epi8(x, _mm256_set1_epi8('-'))));
        m.word |= (uint64_t)(uint32_t)(_mm256_movemask_epi8(word) | _mm256_movemask_epi8(x)) << i;
        m.value |= (uint64_t)(uint32_t)_mm256_movemask_epi8(value) << i;
        m.dot |= (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, _mm256_set1_epi8('.'))) << i;
        m.eq |= (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, _mm256_set1_epi8('='))) << i;
    }
    return m;
}
#endif

/* What depends on neighbours: a dot between word bytes is one; a word byte
 * behind '=' makes a value. One word late, so that both neighbours are known. */
struct joiner {
    struct mask4 held;
    uint64_t word_before, eq_before; /* last bit of the word before the held one */
};

static inline void join_next(struct joiner *j, struct mask4 next, uint64_t *word, uint64_t *value)
{
    struct mask4 h = j->held;
    uint64_t left = h.word << 1 | j->word_before, right = h.word >> 1 | next.word << 63;

    *word = h.word | (h.dot & left & right);
    *value = h.value | (h.word & (h.eq << 1 | j->eq_before));
    j->word_before = h.word >> 63;
    j->eq_before = h.eq >> 63;
    j->held = next;
}

#define MAP_LOOP(mask)                                                                                                 \
    struct joiner j = {0};                                                                                             \
    uint64_t none[2];                                                                                                  \
    size_t w = 0, full = n / 64;                                                                                       \
    for (; w < full; w++)                                                                                              \
        join_next(&j, mask(p + w * 64), w ? m->word + w : none, w ? m->value + w : none + 1);                          \
    if (n % 64) {                                                                                                      \
        uint8_t tail[64] = {0};                                                                                        \
        memcpy(tail, p + w * 64, n % 64);                                                                              \
        join_next(&j, mask(tail), w ? m->word + w : none, w ? m->value + w : none + 1);                                \
        w++;                                                                                                           \
    }                                                                                                                  \
    join_next(&j, (struct mask4){0}, w ? m->word + w : none, w ? m->value + w : none + 1);                             \
    m->word[0] = m->value[0] = 0;                                                                                      \
    m->word[w + 1] = m->value[w + 1] = m->word[w + 2] = m->value[w + 2] = 0;

static void map_scalar(struct split_map *m, const uint8_t *p, size_t n) { MAP_LOOP(mask_scalar) }
#ifdef __x86_64__
__attribute__((target("sse4.2"))) static void map_sse(struct split_map *m, const uint8_t *p, size_t n)
{
    MAP_LOOP(mask_sse)
}
__attribute__((target("avx2"))) static void map_avx2(struct split_map *m, const uint8_t *p, size_t n)
{
    MAP_LOOP(mask_avx2)
}
#endif

bool split_cpu_has(enum split_cpu cpu)
{
#ifdef __x86_64__
    return cpu == SPLIT_AVX2  ? __builtin_cpu_supports("avx2")
           : cpu == SPLIT_SSE ? __builtin_cpu_supports("sse4.2")
                              : true;
#else
    return cpu == SPLIT_BEST || cpu == SPLIT_SCALAR;
#endif
}

void split_map_make(struct split_map *m, const uint8_t *p, size_t n, enum split_cpu cpu)
{
#ifdef __x86_64__
    if ((cpu == SPLIT_BEST || cpu == SPLIT_AVX2) && split_cpu_has(SPLIT_AVX2)) {
        map_avx2(m, p, n);
        return;
    }
    if (cpu != SPLIT_SCALAR && split_cpu_has(SPLIT_SSE)) {
        map_sse(m, p, n);
        return;
    }
#endif
    map_scalar(m, p, n);
}

/* Bit i of the window stands at bit 64 + i of the map. 57 bits from pos on. */
static inline uint64_t bits_from(const uint64_t *map, size_t pos)
{
    uint64_t v;
    memcpy(&v, (const uint8_t *)(map + 1) + pos / 8, sizeof(v));
    return v >> pos % 8;
}

enum { STEP = 57 };

static inline size_t next_set(const uint64_t *map, size_t at, size_t to)
{
    for (; at < to; at += STEP) {
        uint64_t v = bits_from(map, at) & ((UINT64_C(1) << STEP) - 1);
        if (v) {
            at += (size_t)__builtin_ctzll(v);
            return at < to ? at : to;
        }
    }
    return to;
}

static inline size_t next_clear(const uint64_t *map, size_t at, size_t to)
{
    for (; at < to; at += STEP) {
        uint64_t v = ~bits_from(map, at) & ((UINT64_C(1) << STEP) - 1);
        if (v) {
            at += (size_t)__builtin_ctzll(v);
            return at < to ? at : to;
        }
    }
    return to;
}

/* First place of the run of set bits that ends before `at`, not below `from`. */
static inline size_t run_start(const uint64_t *map, size_t from, size_t at)
{
    while (at > from) {
        size_t back = at - from < STEP ? at - from : STEP;
        uint64_t v = ~bits_from(map, at - back) & ((UINT64_C(1) << back) - 1);
        if (v)
            return at - back + 64 - (size_t)__builtin_clzll(v);
        at -= back;
    }
    return from;
}

bool split_values(const struct split_map *m, size_t from, size_t to, struct split_value *v, uint32_t *n, uint32_t max)
{
    uint32_t k = *n;

    for (size_t at = from; (at = next_set(m->value, at, to)) < to;) {
        size_t start = run_start(m->word, from, at), end = next_clear(m->word, at, to);
        if (k == max)
            return false;
        v[k++] = (struct split_value){(uint32_t)start, (uint32_t)(end - start)};
        from = at = end > at ? end : at + 1;
    }
    *n = k;
    return true;
}

static inline void map_set(uint64_t *map, size_t i) { map[1 + i / 64] |= UINT64_C(1) << i % 64; }

void split_map_loosen(struct split_map *m, const uint8_t *p, size_t from, size_t to, unsigned rules)
{
    for (size_t i = from; i < to; i++) {
        if (p[i] == '/' && rules & SPLIT_PATHS) {
            map_set(m->word, i);
            map_set(m->value, i);
        } else if (p[i] == '"' && rules & SPLIT_QUOTES) {
            const uint8_t *end = memchr(p + i + 1, '"', to - i - 1);
            if (end == NULL || end == p + i + 1)
                continue;
            for (const uint8_t *c = p + i + 1; c < end; c++)
                map_set(m->word, (size_t)(c - p));
            map_set(m->value, i + 1);
            i = (size_t)(end - p);
        }
    }
}
