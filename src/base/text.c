/* Unicode for people. Results live in the caller's arena. Any thread. */
#include "base/text.h"
#include "base/buf.h"
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

size_t utf8_char(str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t n;

    if (s.n == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (s.n < n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    /* Overlong, surrogates, and above U+10FFFF. */
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
        (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

bool utf8_valid(str s)
{
    for (size_t i = 0; i < s.n;) {
        size_t n = (unsigned char)s.p[i] < 0x80 ? 1 : utf8_char((str){s.p + i, s.n - i});
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

/* Goes back from max to the first byte of a character; bytes that are no
 * UTF-8 count as characters of their own. */
size_t utf8_cut(str s, size_t max)
{
    if (s.n <= max)
        return s.n;
    size_t back = max;
    for (int i = 0; i < 3 && back > 0 && ((unsigned char)s.p[back] & 0xc0) == 0x80; i++)
        back--;
    size_t len = utf8_char((str){s.p + back, s.n - back});
    return len > 1 && back + len > max ? back : max;
}

static bool is_ascii(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

str text_nfc(struct arena *a, str s)
{
    if (s.n == 0 || is_ascii(s))
        return arena_str(a, s);
    if (!utf8_valid(s))
        return s;
    size_t n;
    uint8_t *p = u8_normalize(UNINORM_NFC, (const uint8_t *)s.p, s.n, NULL, &n);
    str out = p == NULL ? STR_NONE : arena_str(a, (str){(char *)p, n});
    free(p);
    return out;
}

static str fold_ascii(struct arena *a, str s)
{
    char *p = s.n == SIZE_MAX ? NULL : arena_alloc(a, s.n + 1);
    size_t n = 0;

    if (p == NULL)
        return STR_NONE;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c >= '\t' && c <= '\r')
            c = ' ';
        if (c == ' ' && n > 0 && p[n - 1] == ' ')
            continue;
        p[n++] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    p[n] = '\0';
    return (str){p, n};
}

static void fold_char(struct buf *b, ucs4_t c)
{
    uint8_t bytes[6];

    c = uc_tolower(c);
    if (c == 0x0111) /* đ has no decomposition */
        c = 'd';
    if (uc_is_general_category(c, UC_CATEGORY_Mn))
        return;
    if (uc_is_property_white_space(c)) {
        if (b->n == 0 || b->p[b->n - 1] != ' ')
            buf_byte(b, ' ');
        return;
    }
    int n = u8_uctomb(bytes, c, sizeof(bytes));
    if (n > 0)
        buf_add(b, bytes, (size_t)n);
}

/* Compatibility decomposition first, so that "ﬁ" and full-width letters fold
 * too; then each character lower, without its marks. That a second fold
 * changes nothing holds for every character (fold_is_stable in the tests). */
str text_fold(struct arena *a, str s)
{
    if (s.p == NULL)
        return STR_NONE;
    if (is_ascii(s))
        return fold_ascii(a, s);
    struct buf b;
    buf_init(&b, SIZE_MAX / 4);
    uint8_t *p = NULL;
    size_t n = 0;
    if (utf8_valid(s)) {
        p = u8_normalize(UNINORM_NFKD, (const uint8_t *)s.p, s.n, NULL, &n);
    } else {
        str clean = text_clean_utf8(a, s);
        p = clean.p == NULL ? NULL : u8_normalize(UNINORM_NFKD, (const uint8_t *)clean.p, clean.n, NULL, &n);
    }
    for (size_t i = 0; p != NULL && i < n;) {
        ucs4_t c;
        int len = u8_mbtouc(&c, p + i, n - i);
        fold_char(&b, c);
        i += (size_t)(len > 0 ? len : 1);
    }
    str out = p == NULL || b.failed ? STR_NONE : arena_str(a, buf_view(&b));
    free(p);
    buf_done(&b);
    return out;
}

str text_clean_utf8(struct arena *a, str s)
{
    size_t bad = 0, n = 0;

    for (size_t i = 0, len; i < s.n; i += len == 0 ? 1 : len) {
        len = utf8_char(str_sub(s, i, 4));
        bad += len == 0;
    }
    char *p = arena_calloc(a, s.n + 2 * bad + 1, 1);
    if (p == NULL)
        return STR_NONE;
    for (size_t i = 0, len; i < s.n; i += len == 0 ? 1 : len) {
        len = utf8_char(str_sub(s, i, 4));
        memcpy(p + n, len == 0 ? "\xef\xbf\xbd" : s.p + i, len == 0 ? 3 : len);
        n += len == 0 ? 3 : len;
    }
    return (str){p, n};
}
