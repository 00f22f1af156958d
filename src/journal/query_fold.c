/* Letters with marks stand in logs composed (NFC), decomposed (NFD) or half of
 * each. Both sides are brought to NFC; ~word takes the marks off instead. Lines
 * without combining marks are compared as they are. Stretches that are not
 * UTF-8 keep their bytes. */
#include "base/text.h"
#include "journal/query_scratch.h"
#include <uninorm.h>

/* U+0300 to U+036F: CC 80 to CD AF. */
static bool is_mark(str s, size_t i)
{
    uint8_t c = (uint8_t)s.p[i];
    return i + 1 < s.n && (c == 0xcc || (c == 0xcd && (uint8_t)s.p[i + 1] < 0xb0)) &&
           ((uint8_t)s.p[i + 1] & 0xc0) == 0x80;
}

static bool has_marks(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (((uint8_t)s.p[i] & 0xfe) == 0xcc && is_mark(s, i))
            return true;
    return false;
}

static bool is_ascii(str s)
{
    uint8_t any = 0;
    for (size_t i = 0; i < s.n; i++)
        any |= (uint8_t)s.p[i];
    return any < 0x80;
}

/* The end of the stretch of whole characters that begins at i. */
static size_t valid_until(str s, size_t i)
{
    size_t n;
    while (i < s.n && (n = utf8_char(str_sub(s, i, s.n - i))) > 0)
        i += n;
    return i;
}

/* No form of a character is longer than three times another (Unicode, UAX 15). */
enum { GROWTH = 4 };

/* Takes marks off and the bar of the letter d. */
static size_t strip(char *p, size_t n)
{
    size_t out = 0;

    for (size_t i = 0; i < n; i++) {
        if (is_mark((str){p, n}, i)) {
            i++;
        } else if ((uint8_t)p[i] == 0xc4 && i + 1 < n && ((uint8_t)p[i + 1] & 0xfe) == 0x90) {
            p[out++] = 'd';
            i++;
        } else {
            p[out++] = p[i];
        }
    }
    return out;
}

/* s in the form compared in, into room of GROWTH * s.n; false: no memory. */
static bool fold_into(str s, bool bare, char *room, size_t cap, size_t *out)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n;) {
        size_t end = valid_until(s, i), got = cap - n;
        if (end > i) {
            uint8_t *to = (uint8_t *)room + n;
            if (u8_normalize(bare ? UNINORM_NFD : UNINORM_NFC, (const uint8_t *)s.p + i, end - i, to, &got) != to)
                return false;
            n += bare ? strip((char *)to, got) : got;
        }
        if (end < s.n)
            room[n++] = s.p[end++];
        i = end;
    }
    *out = n;
    return true;
}

/* Letters that Unicode writes in more than one way, when composed: a character
 * that merely gives way to another one is no such letter. */
static bool has_forms(str text)
{
    char composed[GROWTH * PATTERN_MAX + 1], apart[GROWTH * sizeof(composed)];
    size_t n, m = sizeof(apart);

    if (is_ascii(text) || text.n > PATTERN_MAX || !utf8_valid(text) ||
        !fold_into(text, false, composed, sizeof(composed), &n))
        return false;
    if (has_marks((str){composed, n}))
        return true;
    return u8_normalize(UNINORM_NFD, (const uint8_t *)composed, n, (uint8_t *)apart, &m) == (uint8_t *)apart &&
           !str_eq((str){apart, m}, (str){composed, n});
}

bool fold_needed(str text) { return !pattern_says_bytes(text) && has_forms(text); }

bool fold_stays(str literal, bool bare, bool folded)
{
    char room[GROWTH * PATTERN_MAX + 1];
    size_t n;

    if (is_ascii(literal))
        return true;
    if (!folded)
        return !has_forms(literal);
    return literal.n <= PATTERN_MAX && utf8_valid(literal) && fold_into(literal, bare, room, sizeof(room), &n) &&
           str_eq((str){room, n}, literal);
}

str fold_pattern(struct arena *a, str text, bool bare)
{
    size_t n = 0, cap = GROWTH * text.n + 1;
    char *room;

    if (pattern_says_bytes(text))
        return text;
    if ((room = arena_alloc(a, cap)) == NULL || !fold_into(text, bare, room, cap, &n))
        return STR_NONE;
    return (str){room, n};
}

bool fold_within(const struct pattern *p, bool bare, str raw)
{
    char *room;
    size_t n, cap = GROWTH * raw.n + 1;

    if (bare ? is_ascii(raw) : !has_marks(raw))
        return pattern_within(p, raw);
    if ((room = query_scratch_room(ROOM_FOLD, cap)) == NULL || !fold_into(raw, bare, room, cap, &n))
        return false;
    return pattern_within(p, (str){room, n});
}
