/* Sigma values: text with wildcards and escapes, its transformations, and its
 * compiled form. Everything lives in the caller's arena; any thread. */
#include "judge/sigma.h"
#include "base/base64.h"
#include <unistr.h>

/* One character of s at i as a token; a byte that is no UTF-8 keeps its value. */
static uint32_t token_at(str s, size_t i, size_t *step)
{
    str rest = {s.p + i, s.n - i};
    ucs4_t c;

    *step = text_step(rest);
    if (*step == 1 && (unsigned char)rest.p[0] >= 0x80)
        return TOK_BYTE | (unsigned char)rest.p[0];
    u8_mbtoucr(&c, (const uint8_t *)rest.p, *step);
    return c;
}

struct sval sval_plain(struct arena *a, str s)
{
    struct sval v = {arena_array(a, uint32_t, s.n + 1), 0};

    for (size_t i = 0, step; v.t != NULL && i < s.n; i += step)
        v.t[v.n++] = token_at(s, i, &step);
    return v;
}

/* Left to right: \* \? are literal, \\ is one backslash, a backslash before
 * anything else (or at the end) is itself. */
struct sval sval_parse(struct arena *a, str s)
{
    struct sval v = {arena_array(a, uint32_t, s.n + 1), 0};

    for (size_t i = 0, step = 1; v.t != NULL && i < s.n; i += step) {
        char c = s.p[i], next = i + 1 < s.n ? s.p[i + 1] : '\0';
        step = 1;
        if (c == '*') {
            v.t[v.n++] = TOK_RUN;
        } else if (c == '?') {
            v.t[v.n++] = TOK_ONE;
        } else if (c == '\\' && (next == '*' || next == '?' || next == '\\')) {
            v.t[v.n++] = (unsigned char)next;
            step = 2;
        } else {
            v.t[v.n++] = token_at(s, i, &step);
        }
    }
    return v;
}

static void add_char(char *out, size_t *n, uint32_t t)
{
    if (t & TOK_BYTE)
        out[(*n)++] = (char)(t & 0xff);
    else
        *n += (size_t)u8_uctomb((uint8_t *)out + *n, t, 6);
}

bool sval_bytes(struct arena *a, struct sval v, str *out)
{
    char *p = arena_alloc(a, v.n * 4 + 8);
    size_t n = 0;

    for (size_t i = 0; p != NULL && i < v.n; i++) {
        if (v.t[i] & 0x80000000u)
            return false;
        add_char(p, &n, v.t[i]);
    }
    *out = (str){p, n};
    return p != NULL;
}

static bool is_word(uint32_t t)
{
    return (t >= '0' && t <= '9') || (t >= 'a' && t <= 'z') || (t >= 'A' && t <= 'Z') || t == '_' ||
           (t >= 0x80 && t < TOK_BYTE);
}

/* \B[-/]\b: not behind a word character, before one. */
struct sval sval_windash(struct arena *a, struct sval v)
{
    struct sval w = {arena_array(a, uint32_t, v.n + 1), v.n};

    for (size_t i = 0; w.t != NULL && i < v.n; i++) {
        bool dash =
            (v.t[i] == '-' || v.t[i] == '/') && (i == 0 || !is_word(v.t[i - 1])) && i + 1 < v.n && is_word(v.t[i + 1]);
        w.t[i] = dash ? TOK_DASH : v.t[i];
    }
    return w;
}

static void add_unit(struct sval *w, uint16_t u, bool big)
{
    uint8_t b[2] = {(uint8_t)(big ? u >> 8 : u), (uint8_t)(big ? u : u >> 8)};

    for (int i = 0; i < 2; i++)
        w->t[w->n++] = b[i] < 0x80 ? b[i] : TOK_BYTE | b[i];
}

struct sval sval_utf16(struct arena *a, struct sval v, enum utf16 form)
{
    struct sval w = {arena_array(a, uint32_t, v.n * 4 + 2), 0};

    if (w.t == NULL)
        return w;
    if (form == UTF16_BOM)
        add_unit(&w, 0xfeff, false);
    for (size_t i = 0; i < v.n; i++) {
        uint32_t t = v.t[i];
        if (t & (0x80000000u | TOK_BYTE)) {
            w.t[w.n++] = t;
        } else if (t < 0x10000) {
            add_unit(&w, (uint16_t)t, form == UTF16_BE);
        } else {
            add_unit(&w, (uint16_t)(0xd800 + ((t - 0x10000) >> 10)), form == UTF16_BE);
            add_unit(&w, (uint16_t)(0xdc00 + ((t - 0x10000) & 0x3ff)), form == UTF16_BE);
        }
    }
    return w;
}

str base64_text(struct arena *a, str s)
{
    struct buf b;

    buf_init(&b, s.n / 3 * 4 + 5);
    buf_base64(&b, s);
    str out = b.failed ? STR_NONE : s.n == 0 ? STR("") : arena_str(a, buf_view(&b));
    buf_done(&b);
    return out;
}

/* The value may begin at any byte of a group of three: fill `shift` bytes in
 * front, encode, and cut off every digit that a neighbour would change. */
str base64_offset(struct arena *a, str s, int shift)
{
    static const size_t head[3] = {0, 2, 3}, tail[3] = {0, 3, 2};
    char *filled = arena_alloc(a, s.n + 3);

    if (filled == NULL)
        return STR_NONE;
    memset(filled, ' ', (size_t)shift);
    memcpy(filled + shift, s.p, s.n);
    str all = base64_text(a, (str){filled, s.n + (size_t)shift});
    size_t cut = head[shift] + tail[(s.n + (size_t)shift) % 3];
    return all.n <= cut ? STR("") : str_sub(all, head[shift], all.n - cut);
}

/* Runs of characters become texts. Two '*' in a row are one. */
static bool glob_of(struct arena *a, struct sval v, bool cased, struct smatch *m)
{
    m->el = arena_array(a, struct glob_el, v.n + 1);
    if (m->el == NULL)
        return false;
    for (size_t i = 0; i < v.n;) {
        struct glob_el *el = &m->el[m->nel];
        size_t from = i;
        while (i < v.n && !(v.t[i] & 0x80000000u))
            i++;
        if (i > from) {
            el->type = GL_TEXT;
            if (!sval_bytes(a, (struct sval){v.t + from, i - from}, &el->text))
                return false;
            if (!cased)
                el->text = text_lower(a, el->text);
            m->nel++;
            continue;
        }
        el->type = v.t[i] == TOK_ONE ? GL_ONE : v.t[i] == TOK_RUN ? GL_RUN : GL_DASH;
        if (el->type != GL_RUN || m->nel == 0 || el[-1].type != GL_RUN)
            m->nel++;
        i++;
    }
    return !a->failed;
}

/* The common shapes get a matcher of their own. */
bool smatch_compile(struct arena *a, struct sval v, bool cased, struct smatch *m)
{
    *m = (struct smatch){.kind = SM_GLOB, .cased = cased};
    if (v.t == NULL || !glob_of(a, v, cased, m))
        return false;
    size_t n = m->nel;
    bool run_first = n > 0 && m->el[0].type == GL_RUN, run_last = n > 0 && m->el[n - 1].type == GL_RUN;
    struct glob_el *mid = m->el + (run_first ? 1 : 0);
    size_t nmid = n - (run_first ? 1 : 0) - (run_last && n > 1 ? 1 : 0);

    if (n == 0) {
        m->kind = SM_EXACT;
        m->text = STR("");
    } else if (n == 1 && run_first) {
        m->kind = SM_ANY;
    } else if (nmid == 1 && mid->type == GL_TEXT) {
        m->kind = run_first ? run_last ? SM_CONTAINS : SM_SUFFIX : run_last ? SM_PREFIX : SM_EXACT;
        m->text = mid->text;
    }
    return true;
}
