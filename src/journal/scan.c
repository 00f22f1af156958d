/* Substring scan without regard to ASCII case. Two bytes of the needle, chosen
 * to be rare in logs and apart from each other, are compared over 32 places at
 * a time; only where both fit is the whole needle compared. Pure, any thread. */
#include "journal/scan.h"
#ifdef __x86_64__
#include <immintrin.h>
#endif

/* Bytes of log lines, the most frequent first; what is not here is rare. */
static const char common[] = " e0tianro1s2dl3ch4m5p6u8.79f:gb[]-_y=/vw()k,x\"<>z;qj'#@";

static unsigned rarity(uint8_t c)
{
    const char *at = c ? strchr(common, c) : NULL;
    return at ? (unsigned)(at - common) : (unsigned)sizeof(common);
}

static uint8_t fold_mask(uint8_t c) { return c >= 'a' && c <= 'z' ? 0x20 : 0; }

void needle_init(struct needle *nd, str lower)
{
    *nd = (struct needle){.text = lower};
    if (lower.n == 0)
        return;
    const uint8_t *p = (const uint8_t *)lower.p;
    for (uint32_t k = 1; k < lower.n; k++)
        if (rarity(p[k]) > rarity(p[nd->i]))
            nd->i = k;
    nd->j = nd->i == 0 ? (uint32_t)lower.n - 1 : 0;
    for (uint32_t k = 0; k < lower.n; k++)
        if (k != nd->i && p[k] != p[nd->i] && rarity(p[k]) > rarity(p[nd->j]))
            nd->j = k;
    nd->ci = p[nd->i];
    nd->cj = p[nd->j];
    nd->mi = fold_mask(nd->ci);
    nd->mj = fold_mask(nd->cj);
}

static inline bool equal_folded(const uint8_t *hay, const uint8_t *lower, size_t n)
{
    for (size_t k = 0; k < n; k++)
        if (byte_lower(hay[k]) != lower[k])
            return false;
    return true;
}

bool needle_is(const struct needle *nd, str s)
{
    return s.n == nd->text.n && equal_folded((const uint8_t *)s.p, (const uint8_t *)nd->text.p, s.n);
}

static size_t find_plain(const struct needle *nd, str hay, size_t from)
{
    const uint8_t *h = (const uint8_t *)hay.p, *t = (const uint8_t *)nd->text.p;
    size_t last = hay.n - nd->text.n;

    for (size_t at = from; at <= last; at++)
        if ((h[at + nd->i] | nd->mi) == nd->ci && (h[at + nd->j] | nd->mj) == nd->cj &&
            equal_folded(h + at, t, nd->text.n))
            return at;
    return SIZE_MAX;
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static size_t find_avx2(const struct needle *nd, str hay, size_t from)
{
    const uint8_t *h = (const uint8_t *)hay.p, *t = (const uint8_t *)nd->text.p;
    const __m256i ci = _mm256_set1_epi8((char)nd->ci), cj = _mm256_set1_epi8((char)nd->cj);
    const __m256i mi = _mm256_set1_epi8((char)nd->mi), mj = _mm256_set1_epi8((char)nd->mj);
    size_t last = hay.n - nd->text.n, at = from;

    for (; last - at >= 31 && at <= last; at += 32) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(h + at + nd->i));
        __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(h + at + nd->j));
        a = _mm256_cmpeq_epi8(_mm256_or_si256(a, mi), ci);
        b = _mm256_cmpeq_epi8(_mm256_or_si256(b, mj), cj);
        uint32_t m = (uint32_t)_mm256_movemask_epi8(_mm256_and_si256(a, b));
        for (; m; m &= m - 1) {
            size_t k = at + (size_t)__builtin_ctz(m);
            if (equal_folded(h + k, t, nd->text.n))
                return k;
        }
    }
    return at <= last ? find_plain(nd, hay, at) : SIZE_MAX;
}
#endif

size_t needle_find(const struct needle *nd, str hay, size_t from)
{
    if (nd->text.n == 0)
        return from <= hay.n ? from : SIZE_MAX;
    if (hay.n < nd->text.n || from > hay.n - nd->text.n)
        return SIZE_MAX;
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2"))
        return find_avx2(nd, hay, from);
#endif
    return find_plain(nd, hay, from);
}
