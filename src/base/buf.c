/* Growing byte buffer with a ceiling. The buffer owns its bytes. One thread at
 * a time. Compound writers (fmt, json, csv) leave all or nothing. */
#include "base/buf.h"
#include "base/text.h"
#include <stdarg.h>

enum { BUF_FIRST = 256 };

void buf_init(struct buf *b, size_t max) { *b = (struct buf){.max = max}; }

void buf_done(struct buf *b)
{
    free(b->p);
    *b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->failed = false;
}

bool buf_reserve(struct buf *b, size_t extra)
{
    if (b->failed)
        return false;
    if (extra <= b->cap - b->n)
        return true;
    if (b->n > b->max || extra > b->max - b->n) {
        b->failed = true;
        return false;
    }
    size_t need = b->n + extra, cap = b->cap == 0 ? BUF_FIRST : b->cap;
    while (cap < need)
        cap = cap > b->max / 2 ? b->max : cap * 2;
    if (cap > b->max)
        cap = b->max;
    char *p = realloc(b->p, cap);
    if (p == NULL) {
        b->failed = true;
        return false;
    }
    b->p = p;
    b->cap = cap;
    return true;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    if (n == 0 || !buf_reserve(b, n))
        return;
    memcpy(b->p + b->n, p, n);
    b->n += n;
}

void buf_str(struct buf *b, str s) { buf_add(b, s.p, s.n); }

void buf_z(struct buf *b, const char *z) { buf_add(b, z, strlen(z)); }

void buf_byte(struct buf *b, uint8_t c) { buf_add(b, &c, 1); }

void buf_fmt(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;

    va_start(ap, fmt);
    va_copy(again, ap);
    char small[256];
    int n = vsnprintf(small, sizeof(small), fmt, ap);
    va_end(ap);
    if (n < 0) {
        b->failed = true;
    } else if ((size_t)n < sizeof(small)) {
        buf_add(b, small, (size_t)n);
    } else {
        /* vsnprintf wants room for a NUL that does not count as content. */
        char *big = malloc((size_t)n + 1);
        if (big == NULL)
            b->failed = true;
        else if (vsnprintf(big, (size_t)n + 1, fmt, again) == n)
            buf_add(b, big, (size_t)n);
        free(big);
    }
    va_end(again);
}

static void add_le(struct buf *b, uint64_t v, size_t n)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(v >> (8 * i));
    buf_add(b, bytes, n);
}

void buf_u16(struct buf *b, uint16_t v) { add_le(b, v, 2); }
void buf_u32(struct buf *b, uint32_t v) { add_le(b, v, 4); }
void buf_u64(struct buf *b, uint64_t v) { add_le(b, v, 8); }

void buf_varint(struct buf *b, uint64_t v)
{
    uint8_t bytes[10];
    size_t n = 0;

    for (; v >= 0x80; v >>= 7)
        bytes[n++] = (uint8_t)(v | 0x80);
    bytes[n++] = (uint8_t)v;
    buf_add(b, bytes, n);
}

static void json_escape(struct buf *b, unsigned char c)
{
    static const char named[] = "\bb\ff\nn\rr\tt\"\"\\\\";

    for (const char *p = named; *p != '\0'; p += 2)
        if ((unsigned char)p[0] == c) {
            buf_add(b, (const char[]){'\\', p[1]}, 2);
            return;
        }
    buf_fmt(b, "\\u%04x", c);
}

static bool json_plain(unsigned char c) { return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != 0x7f; }

void buf_json(struct buf *b, str s)
{
    size_t start = b->n;

    buf_byte(b, '"');
    for (size_t i = 0; i < s.n;) {
        size_t run = i;
        while (run < s.n && json_plain((unsigned char)s.p[run]))
            run++;
        buf_add(b, s.p + i, run - i);
        if ((i = run) == s.n)
            break;
        unsigned char c = (unsigned char)s.p[i];
        size_t len = c < 0x80 ? 1 : utf8_char(str_sub(s, i, 4));
        if (c < 0x80)
            json_escape(b, c);
        else if (len == 0)
            buf_z(b, "\xef\xbf\xbd");
        else
            buf_add(b, s.p + i, len);
        i += len == 0 ? 1 : len;
    }
    buf_byte(b, '"');
    if (b->failed)
        b->n = start;
}

static bool csv_must_quote(str s)
{
    if (s.n > 0 && (s.p[0] == ' ' || s.p[s.n - 1] == ' '))
        return true;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == ',' || s.p[i] == '"' || s.p[i] == '\r' || s.p[i] == '\n')
            return true;
    return false;
}

void buf_csv(struct buf *b, str s)
{
    size_t start = b->n;

    if (!csv_must_quote(s)) {
        buf_str(b, s);
        return;
    }
    buf_byte(b, '"');
    str part;
    for (str rest = s; str_split(&rest, '"', &part);) {
        buf_str(b, part);
        if (rest.p != NULL)
            buf_z(b, "\"\"");
    }
    buf_byte(b, '"');
    if (b->failed)
        b->n = start;
}

void buf_drop(struct buf *b, size_t n)
{
    if (n > b->n)
        n = b->n;
    if (n == 0)
        return;
    b->n -= n;
    memmove(b->p, b->p + n, b->n);
}

str buf_view(const struct buf *b) { return (str){b->p == NULL ? "" : b->p, b->n}; }
