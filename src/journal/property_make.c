/* Random queries (property_test-int.h). Most words are cut out of the data, so
 * that they find something; then they are bent. */
#include "base/text.h"
#include "journal/property_test-int.h"
#include <uninorm.h>

/* ---- words ---- */

static void cut_word(uint64_t *seed, const struct event *ev, uint32_t n, struct word *w)
{
    str raw = ev[rnd(seed, n)].raw;
    size_t from = raw.n == 0 ? 0 : rnd(seed, raw.n), len = 1 + rnd(seed, rnd(seed, 4) ? 8 : 40);

    for (size_t i = from; i < raw.n && i < from + len; i++)
        w->t[w->n++] = (struct token){T_BYTE, (uint8_t)raw.p[i]};
}

static void free_word(uint64_t *seed, struct word *w)
{
    static const char *const pieces[] = {"a", "b", "B", "c", "ab", "\xe1\xbb\x87", "d", "1", "00", ".", "10", " ", "e"};

    for (uint64_t k = 1 + rnd(seed, 4); k > 0; k--)
        for (const char *p = PICK(seed, pieces); *p != '\0'; p++)
            w->t[w->n++] = (struct token){T_BYTE, (uint8_t)*p};
}

static void bend(uint64_t *seed, struct word *w)
{
    struct token out[WORD_MAX];
    size_t n = 0;

    for (size_t i = 0; i < w->n && n + 2 < WORD_MAX; i++) {
        uint64_t r = rnd(seed, 40);
        bool letter = w->t[i].kind == T_BYTE && ((w->t[i].byte | 32) >= 'a' && (w->t[i].byte | 32) <= 'z');
        if (r == 0)
            continue;
        if (r == 1 || r == 2)
            out[n++] = (struct token){T_ONE, 0};
        else if (r == 3)
            out[n++] = (struct token){T_ANY, 0};
        else if (r == 4 && letter)
            out[n++] = (struct token){T_BYTE, w->t[i].byte ^ 32};
        else
            out[n++] = w->t[i];
        if (r == 5)
            out[n++] = (struct token){T_ANY, 0};
        if (r == 6)
            i += rnd(seed, 6);
    }
    memcpy(w->t, out, n * sizeof(out[0]));
    w->n = n;
}

static bool has_marks(const char *p, size_t n)
{
    uint8_t apart[4 * WORD_MAX];
    size_t m = sizeof(apart);

    for (size_t i = 0; i + 1 < n; i++)
        if ((uint8_t)p[i] == 0xcc || ((uint8_t)p[i] == 0xcd && (uint8_t)p[i + 1] < 0xb0))
            return true;
    return u8_normalize(UNINORM_NFD, (const uint8_t *)p, n, apart, &m) == apart && (m != n || memcmp(apart, p, n) != 0);
}

/* As one types it: what is no text is written by its number. */
static void word_text(struct word *w, struct buf *out)
{
    char plain[WORD_MAX];
    bool numbers = false;
    size_t m = 0;

    for (size_t i = 0; i < w->n; i++) {
        uint8_t left[4] = {0};
        size_t k = 0;
        while (k < 4 && i + k < w->n && w->t[i + k].kind == T_BYTE) {
            left[k] = w->t[i + k].byte;
            k++;
        }
        size_t whole = k == 0 ? 0 : utf8_char((str){(char *)left, k});
        if (w->t[i].kind != T_BYTE) {
            buf_byte(out, w->t[i].kind == T_ONE ? '?' : '*');
            plain[m++] = '*';
        } else if (left[0] < ' ' || left[0] == 0x7f || whole == 0) {
            buf_fmt(out, "\\x%02x", left[0]);
            numbers = true;
        } else if (whole == 1) {
            if (strchr("*?\"\\", left[0]) != NULL)
                buf_byte(out, '\\');
            buf_byte(out, left[0]);
            plain[m++] = (char)left[0];
        } else {
            buf_add(out, left, whole);
            memcpy(plain + m, left, whole);
            m += whole;
            i += whole - 1;
        }
    }
    w->fold = !numbers && has_marks(plain, m);
}

static void put_word(uint64_t *seed, const struct event *ev, uint32_t n, struct word *w, struct buf *out)
{
    do {
        w->n = 0;
        if (rnd(seed, 4))
            cut_word(seed, ev, n, w);
        else
            free_word(seed, w);
        if (rnd(seed, 3))
            bend(seed, w);
    } while (w->n == 0);
    buf_byte(out, '"');
    word_text(w, out);
    buf_byte(out, '"');
}

/* ---- expressions ---- */

static void put_atom(struct buf *out, uint8_t byte)
{
    if (byte < ' ' || byte >= 0x7f)
        buf_byte(out, '.');
    else if (strchr("\\^$.[]|()?*+{}/\"", byte) != NULL)
        buf_fmt(out, "\\%c", byte);
    else
        buf_byte(out, (char)byte);
}

/* A piece of a line whose bytes are bent one by one: most still fit where they were cut out. */
static void put_branch(uint64_t *seed, const struct event *ev, uint32_t n, struct buf *out)
{
    static const char *const repeats[] = {"?", "*", "+", "{1,3}", "{0,2}", "++", "?+", "*?", "+?"};
    static const char *const others[] = {".",    ".*",  "[a-z]+", "[0-9]{1,3}", "\\d",     "\\w+",
                                         "\\s*", "\\b", "[^ ]",   "(?:a|b)?",   "(ed|or)", "(x|[0-9]+)*"};
    struct word w = {.n = 0};

    cut_word(seed, ev, n, &w);
    for (size_t i = 0; i < w.n; i++) {
        uint64_t r = rnd(seed, 30);
        if (r == 0)
            continue;
        if (r == 1)
            buf_z(out, PICK(seed, others));
        else
            put_atom(out, w.t[i].byte);
        if (r == 2)
            buf_z(out, PICK(seed, repeats));
        if (r == 3)
            buf_z(out, PICK(seed, others));
    }
    if (w.n == 0)
        buf_z(out, PICK(seed, others));
}

static void put_regex(uint64_t *seed, const struct event *ev, uint32_t n, struct buf *out)
{
    buf_z(out, rnd(seed, 12) ? "/" : "/^");
    put_branch(seed, ev, n, out);
    for (uint64_t k = rnd(seed, 3) ? 0 : 1 + rnd(seed, 2); k > 0; k--) {
        buf_byte(out, '|');
        put_branch(seed, ev, n, out);
    }
    buf_z(out, rnd(seed, 12) ? "/" : "$/");
    buf_z(out, rnd(seed, 4) ? "" : "i");
}

/* ---- queries ---- */

static const char *const tests[] = {
    "host:h1",
    "host:H?",
    "host:web*",
    "host:*",
    "host:h\xe1\xbb\x87",
    "host:*-3",
    "host:10.8.0.7",
    "program:sshd",
    "program:post*",
    "program:7",
    "pid:412",
    "pid:0412",
    "pid:400..500",
    "pid:>9",
    "pid:<=412",
    "pid:*9",
    "severity:<=3",
    "severity:err",
    "severity:>2",
    "facility:auth",
    "facility:kern",
    "flags:bad_pri",
    "transport:udp",
    "format:rfc5424",
    "source:10.8.0.0/24",
    "source:10.8.1.2",
    "src:10.0.0.0/8",
    "num:5..50",
    "num:>90",
    "obj.val:1..100",
    "obj.val:<0",
    "obj.val:18446744073709551616",
    "obj.ip:10.0.0.0/16",
    "obj.ip:10.1.*",
    "arr:3",
    "arr:1..2",
    "str:alert",
    "str:fl*",
    "msg:*Failed*",
    "raw:*7",
    "msg:/pass.*for/",
    "/[0-9]{3}/",
    "/fail(ed)?/i",
    "/^h1 /",
    "/a+b/",
    "/\\d+\\.\\d+$/",
    "~dang",
    "~nhap",
    "~\"he thong\"",
    "~e",
    "msgid:x",
};

static void condition(uint64_t *seed, const struct event *ev, uint32_t n, unsigned depth, struct buf *out)
{
    struct word w;

    switch (depth == 0 ? rnd(seed, 6) : rnd(seed, 10)) {
    case 0:
    case 1:
    case 2:
        put_word(seed, ev, n, &w, out);
        break;
    case 3:
    case 4:
        buf_z(out, PICK(seed, tests));
        break;
    case 5:
        put_regex(seed, ev, n, out);
        break;
    case 6:
        buf_z(out, "NOT ");
        condition(seed, ev, n, depth - 1, out);
        break;
    default:
        buf_byte(out, '(');
        condition(seed, ev, n, depth - 1, out);
        for (uint64_t k = 1 + rnd(seed, 2); k > 0; k--) {
            static const char *const joins[] = {" OR ", " AND ", " "};
            buf_z(out, PICK(seed, joins));
            condition(seed, ev, n, depth - 1, out);
        }
        buf_byte(out, ')');
        break;
    }
}

void make_query(uint64_t *seed, const struct event *ev, uint32_t n, struct asked *out)
{
    buf_init(&out->text, 1 << 16);
    out->one_word = rnd(seed, 5) < 2;
    if (out->one_word) {
        put_word(seed, ev, n, &out->word, &out->text);
        return;
    }
    condition(seed, ev, n, 3, &out->text);
    if (rnd(seed, 4) == 0)
        buf_fmt(&out->text, " since:-%us", 25 + (unsigned)rnd(seed, 700));
    if (rnd(seed, 6) == 0)
        buf_fmt(&out->text, " until:-%us", (unsigned)rnd(seed, 20));
}
