/* Wildcard matching. One pass with one point to go back to (the last star),
 * so the worst case is length times length and never more. Pure, any thread. */
#include "journal/pattern.h"
#include "base/text.h"

static bool is_escaped(str s, size_t i)
{
    return s.p[i] == '\\' && i + 1 < s.n && memchr("*?\"\\", s.p[i + 1], 4) != NULL;
}

static int hex_digit(char c)
{
    char low = c | 0x20;
    return c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* \xNN at i: the byte, or -1. */
static int hex_byte(str s, size_t i)
{
    int a, b;

    if (i + 3 >= s.n || s.p[i] != '\\' || s.p[i + 1] != 'x')
        return -1;
    a = hex_digit(s.p[i + 2]);
    b = hex_digit(s.p[i + 3]);
    return a < 0 || b < 0 ? -1 : a * 16 + b;
}

bool pattern_says_bytes(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (hex_byte(s, i) >= 0)
            return true;
        if (is_escaped(s, i))
            i++;
    }
    return !utf8_valid(s);
}

static void find_run(struct pattern *p)
{
    size_t best = 0, len = 0;

    p->plain = true;
    for (size_t i = 0; i < p->n;) {
        size_t k = i;
        while (k < p->n && p->kind[k] == PK_LIT)
            k++;
        if (k - i > len) {
            best = i;
            len = k - i;
        }
        if (k < p->n)
            p->plain = false;
        i = k + 1;
    }
    needle_init(&p->run, (str){(const char *)p->text + best, len});
}

bool pattern_make(struct arena *a, str s, bool anywhere, struct pattern *out)
{
    struct pattern p = {.text = arena_alloc(a, s.n + 1), .kind = arena_alloc(a, s.n + 1)};

    if (p.text == NULL || p.kind == NULL)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = (uint8_t)s.p[i], kind = c == '*' ? PK_ANY : c == '?' ? PK_ONE : PK_LIT;
        int byte = hex_byte(s, i);
        if (byte >= 0) {
            c = (uint8_t)byte;
            kind = PK_LIT;
            i += 3;
        } else if (is_escaped(s, i)) {
            c = (uint8_t)s.p[++i];
            kind = PK_LIT;
        }
        if (kind == PK_ANY && p.n > 0 && p.kind[p.n - 1] == PK_ANY)
            continue;
        p.kind[p.n] = kind;
        p.text[p.n++] = kind == PK_LIT ? byte_lower(c) : 0;
    }
    if (anywhere && p.n > 1 && p.kind[0] == PK_ANY) {
        p.text++;
        p.kind++;
        p.n--;
    }
    if (anywhere && p.n > 1 && p.kind[p.n - 1] == PK_ANY)
        p.n--;
    find_run(&p);
    *out = p;
    return true;
}

/* ? takes one character: a lead byte and what continues it, so that it fits a
 * letter with diacritics too. */
static size_t one_char(str s, size_t i)
{
    size_t k = i + 1;
    while (k < s.n && k < i + 4 && ((uint8_t)s.p[k] & 0xc0) == 0x80)
        k++;
    return k;
}

static bool glob(const struct pattern *p, str s, bool anywhere)
{
    size_t i = 0, j = 0, star = anywhere ? 0 : SIZE_MAX, mark = 0;

    while (i < s.n) {
        if (j == p->n && anywhere)
            return true;
        if (j < p->n && p->kind[j] == PK_ANY) {
            star = ++j;
            mark = i;
            if (j == p->n)
                return true;
        } else if (j < p->n && p->kind[j] == PK_ONE) {
            i = one_char(s, i);
            j++;
        } else if (j < p->n && byte_lower((uint8_t)s.p[i]) == p->text[j]) {
            i++;
            j++;
        } else if (star != SIZE_MAX) {
            i = ++mark;
            j = star;
        } else {
            return false;
        }
    }
    while (j < p->n && p->kind[j] == PK_ANY)
        j++;
    return j == p->n;
}

bool pattern_whole(const struct pattern *p, str s)
{
    if (p->plain)
        return needle_is(&p->run, s);
    return glob(p, s, false);
}

bool pattern_within(const struct pattern *p, str s)
{
    size_t at = needle_find(&p->run, s, 0);
    return at != SIZE_MAX && (p->plain || glob(p, s, true));
}

bool pattern_is_any(const struct pattern *p) { return p->n == 1 && p->kind[0] == PK_ANY; }
