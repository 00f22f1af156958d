/* Fields of a line that holds a JSON object: a bounded walk over the raw bytes.
 * Numbers stay the text that they were. */
#include "intake/json_line.h"
#include "journal/query_scratch.h"

struct path_walk {
    str path;
    path_fn *fn;
    void *ctx;
};

static int hex4(str s, size_t i)
{
    int v = 0;

    if (i + 4 > s.n)
        return -1;
    for (size_t k = i; k < i + 4; k++) {
        char c = s.p[k] | 0x20;
        int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

static size_t put_utf8(char *p, uint32_t c)
{
    if (c < 0x80) {
        p[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        p[0] = (char)(0xc0 | c >> 6);
        p[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        p[0] = (char)(0xe0 | c >> 12);
        p[1] = (char)(0x80 | (c >> 6 & 0x3f));
        p[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    p[0] = (char)(0xf0 | c >> 18);
    p[1] = (char)(0x80 | (c >> 12 & 0x3f));
    p[2] = (char)(0x80 | (c >> 6 & 0x3f));
    p[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* At the u of \uXXXX; a pair of surrogates is one character, a lone one U+FFFD. */
static size_t unescape_u(str s, size_t *i, char *to)
{
    int c = hex4(s, *i + 1), low;

    if (c < 0)
        return 0;
    *i += 4;
    if (c >= 0xd800 && c < 0xdc00 && *i + 2 < s.n && s.p[*i + 1] == '\\' && s.p[*i + 2] == 'u' &&
        (low = hex4(s, *i + 3)) >= 0xdc00 && low < 0xe000) {
        *i += 6;
        return put_utf8(to, 0x10000u + ((uint32_t)(c - 0xd800) << 10) + (uint32_t)(low - 0xdc00));
    }
    return put_utf8(to, c >= 0xd800 && c < 0xe000 ? 0xfffd : (uint32_t)c);
}

static str unescape(str s)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    char *room;
    size_t n = 0;

    if (memchr(s.p, '\\', s.n) == NULL || (room = query_scratch_room(ROOM_JSON, s.n + 4)) == NULL)
        return s;
    for (size_t i = 0; i < s.n; i++) {
        const char *at;
        if (s.p[i] != '\\' || i + 1 == s.n) {
            room[n++] = s.p[i];
        } else if (s.p[++i] == 'u') {
            n += unescape_u(s, &i, room + n);
        } else {
            at = memchr(from, s.p[i], sizeof(from) - 1);
            room[n++] = at != NULL ? to[at - from] : s.p[i];
        }
    }
    return (str){room, n};
}

static bool see(void *ctx, str path, enum json_kind kind, str v)
{
    struct path_walk *w = ctx;
    struct source_value val = {.type = VT_TEXT, .text = v};

    if (!str_eq(path, w->path) || kind == JK_NULL)
        return true;
    if (kind == JK_STRING)
        val.text = v.n > 0 ? unescape(v) : v;
    else if (kind == JK_NUMBER)
        val.type = VT_DECIMAL;
    else
        val = (struct source_value){.type = VT_BOOL, .num = v.n == 4, .text = v};
    return w->fn(w->ctx, &val);
}

void path_values(const struct event *ev, str path, path_fn *fn, void *ctx)
{
    struct path_walk w = {path, fn, ctx};
    str last = path;
    str s = ev->raw, msg = event_field(ev, SP_MSG);
    const char *brace;

    if (s.n == 0 || (s.p[0] != '{' && msg.n > 0 && ev->format != FMT_JSON))
        s = msg;
    if (s.n == 0 || (brace = memchr(s.p, '{', s.n)) == NULL)
        return;
    for (size_t i = 0; i < path.n; i++)
        if (path.p[i] == '.')
            last = str_sub(path, i + 1, path.n - i - 1);
    /* most lines do not hold the name at all; behind a backslash it could hide */
    if (memmem(s.p, s.n, last.p, last.n) == NULL && memchr(s.p, '\\', s.n) == NULL)
        return;
    json_line_walk((str){brace, s.n - (size_t)(brace - s.p)}, see, &w);
}
