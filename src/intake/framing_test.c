/* Framing tables: each stream is pushed whole, byte by byte, and cut in two at
 * every place; what comes out must be the same, and every byte accounted for. */
#include "intake/framing.h"
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { FRAMES = 8, BF = EV_BAD_FRAME, TR = EV_TRUNCATED };
struct frame {
    const char *text;
    size_t n;
    uint16_t flags;
};
#define F(lit, flags)                                                                                                  \
    {                                                                                                                  \
        lit, sizeof(lit) - 1, flags                                                                                    \
    }
#define IN(lit)                                                                                                        \
    {                                                                                                                  \
        lit, sizeof(lit) - 1                                                                                           \
    }

static const struct row {
    const char *name;
    str in;
    struct frame out[FRAMES];
} rows[] = {
    {"lines", IN("<34>a\n<35>b\n"), {F("<34>a", 0), F("<35>b", 0)}},
    {"crlf stays in raw", IN("<34>a\r\n<35>b\r\n"), {F("<34>a\r", 0), F("<35>b\r", 0)}},
    {"empty lines", IN("\n\n<34>a\n\r\n\n<35>b\n"), {F("<34>a", 0), F("<35>b", 0)}},
    {"no pri", IN("plain\n<35>b\n"), {F("plain", 0), F("<35>b", 0)}},
    {"counted", IN("5 <34>a6 <35>bc"), {F("<34>a", 0), F("<35>bc", 0)}},
    {"counted, LF inside", IN("8 <34>a\nbc5 <35>d"), {F("<34>a\nbc", 0), F("<35>d", 0)}},
    {"counted, LF behind each", IN("5 <34>a\n5 <35>b\n"), {F("<34>a", 0), F("<35>b", 0)}},
    {"counted, CRLF behind each", IN("5 <34>a\r\n5 <35>b\r\n"), {F("<34>a", 0), F("<35>b", 0)}},
    {"counted, forged line inside", IN("14 <34>a\n<13>forg5 <35>b"), {F("<34>a\n<13>forg", 0), F("<35>b", 0)}},
    {"counted, forged, end of stream", IN("14 <34>a\n<13>forg"), {F("<34>a\n<13>forg", 0)}},
    {"counted without pri, once counting", IN("5 <34>a3 abc4 defg"), {F("<34>a", 0), F("abc", 0), F("defg", 0)}},
    {"line, then count, then line",
     IN("<1>x\n5 <34>a<35>b\n5 <34>c"),
     {F("<1>x", 0), F("<34>a", 0), F("<35>b", 0), F("<34>c", 0)}},
    {"count too large, lines under it",
     IN("18 <34>a\n<35>b\n<36>cdef\n<37>g\n"),
     {F("<34>a", BF), F("<35>b", BF), F("<36>cdef", BF), F("<37>g", 0)}},
    {"count too large, counts under it",
     IN("14 <34>a\n5 <35>b!!\n<36>c\n"),
     {F("<34>a", BF), F("5 <35>b!!", BF), F("<36>c", 0)}},
    {"count too small", IN("4 <34>abc\n<35>b\n"), {F("<34>", 0), F("abc", BF), F("<35>b", 0)}},
    {"count of all the world", IN("9999999 <34>a\n<35>b\n"), {F("<34>a", BF), F("<35>b", 0)}},
    {"eight digits are no count", IN("12345678 <34>a\n<35>b\n"), {F("12345678 <34>a", 0), F("<35>b", 0)}},
    {"a year is no count",
     IN("2026-03-01T00:00:00Z h a: m\n<35>b\n"),
     {F("2026-03-01T00:00:00Z h a: m", 0), F("<35>b", 0)}},
    {"an address is no count", IN("192.0.2.1 - - [x]\n"), {F("192.0.2.1 - - [x]", 0)}},
    {"a number is no count", IN("1525344856 foo\n17 foo\n"), {F("1525344856 foo", 0), F("17 foo", 0)}},
    {"leading zero is no count", IN("05 <34>a\n"), {F("05 <34>a", 0)}},
    {"digits after counting", IN("5 <34>a12x\n5 <34>b"), {F("<34>a", 0), F("12x", BF), F("<34>b", 0)}},
    {"unfinished line", IN("<34>a\n<35>b"), {F("<34>a", 0), F("<35>b", BF)}},
    {"unfinished count", IN("5 <34>a12"), {F("<34>a", 0), F("12", BF)}},
    {"unfinished count and space", IN("12 "), {F("12 ", BF)}},
    {"unfinished counted", IN("50 <34>abc"), {F("<34>abc", BF | TR)}},
    {"unfinished counted over lines", IN("50 <34>a\n<35>b"), {F("<34>a", BF), F("<35>b", BF | TR)}},
    {"nul inside", IN("<34>a\0b\n<35>c\n"), {F("<34>a\0b", 0), F("<35>c", 0)}},
    {"nul ends", IN("<34>a\0<35>b\0<36>c\0"), {F("<34>a", 0), F("<35>b", 0), F("<36>c", 0)}},
    {"nul, then lf", IN("<34>a\0<35>b\0c\n\0<36>d\n"), {F("<34>a", 0), F("<35>b", 0), F("c", 0), F("\0<36>d", 0)}},
    {"nul and a tag", IN("<34>a\0<b>c\n"), {F("<34>a\0<b>c", 0)}},
    {"nuls and a pri", IN("<34>a\0\0\0<3>c\n"), {F("<34>a\0\0", 0), F("<3>c", 0)}},
    {"utf-16", IN("\0<\0003\0>\0a\n"), {F("\0<\0003\0>\0a", 0)}},
    {"nul behind counted", IN("5 <34>a\0005 <35>b\000"), {F("<34>a", 0), F("<35>b", 0)}},
    {"only lf", IN("\n\n\n"), {{NULL, 0, 0}}},
    {"nothing", IN(""), {{NULL, 0, 0}}},
};

struct sink {
    struct buf text;
    size_t frames, raw;
    uint16_t flags[64];
};

static void sink_take(void *ctx, str frame, uint16_t flags)
{
    struct sink *s = ctx;

    if (s->frames < 64)
        s->flags[s->frames] = flags;
    s->frames++;
    s->raw += frame.n;
    buf_fmt(&s->text, "%zu:", frame.n);
    buf_str(&s->text, frame);
    buf_fmt(&s->text, "/%x;", flags);
}

/* Pushes with cuts: at every multiple of step, or once at `at`. */
static void run(str in, size_t at, size_t step, struct sink *s)
{
    struct framer *f = framer_new(sink_take, s);

    *s = (struct sink){0};
    buf_init(&s->text, 64 << 20);
    for (size_t off = 0; off < in.n;) {
        size_t n = step > 0 ? step : off < at ? at - off : in.n - off;
        n = n < in.n - off ? n : in.n - off;
        char *copy = malloc(n); /* so that a read past the push is seen */
        memcpy(copy, in.p + off, n);
        framer_push(f, (str){copy, n});
        free(copy);
        off += n;
        assert_int_equal(s->raw + framer_skipped(f) + framer_overhead(f) + framer_held(f), off);
    }
    framer_end(f);
    assert_int_equal(s->raw + framer_skipped(f) + framer_overhead(f), in.n);
    assert_int_equal(framer_held(f), 0);
    framer_free(f);
}

static void expect(const struct row *r, size_t at, size_t step)
{
    struct sink s, want = {0};

    buf_init(&want.text, 1 << 20);
    for (int i = 0; i < FRAMES && r->out[i].text != NULL; i++)
        sink_take(&want, (str){r->out[i].text, r->out[i].n}, r->out[i].flags);
    run(r->in, at, step, &s);
    if (!str_eq(buf_view(&want.text), buf_view(&s.text)))
        fail_msg("%s, cut at %zu step %zu: got %.*s want %.*s", r->name, at, step, (int)s.text.n, s.text.p,
                 (int)want.text.n, want.text.p);
    buf_done(&s.text);
    buf_done(&want.text);
}

static void table_at_every_cut(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        expect(&rows[i], 0, 1);
        expect(&rows[i], 0, 2);
        for (size_t at = 0; at <= rows[i].in.n; at++)
            expect(&rows[i], at, 0);
    }
}

static void strict_flags_lines(void **state)
{
    struct sink s = {0};
    struct framer *f = framer_new(sink_take, &s);

    buf_init(&s.text, 1 << 20);
    framer_strict(f);
    framer_push(f, STR("5 <34>a<35>b\n"));
    assert_int_equal(s.frames, 2);
    assert_int_equal(s.flags[0], 0);
    assert_int_equal(s.flags[1], EV_BAD_FRAME);
    framer_free(f);
    buf_done(&s.text);
}

/* One frame of n bytes under each framing, then a short one. */
static void big_one(size_t n, bool counted, char fill, size_t frames, uint16_t flags, uint64_t skipped)
{
    struct buf in;
    struct sink s[3];

    buf_init(&in, 4 << 20);
    if (counted)
        buf_fmt(&in, "%zu ", n);
    buf_z(&in, "<34>");
    for (size_t i = 4; i < n; i++)
        buf_byte(&in, (uint8_t)fill);
    buf_z(&in, counted ? "5 <35>b" : "\n<35>b\n");
    for (int i = 0; i < 3; i++) {
        run(buf_view(&in), n / 2, i == 0 ? 0 : i == 1 ? 4096 : 65537, &s[i]);
        assert_int_equal(s[i].frames, frames);
        assert_int_equal(s[i].flags[0], flags);
        assert_int_equal(in.n - s[i].raw - skipped, counted ? strlen("5 ") + (size_t)snprintf(NULL, 0, "%zu ", n) : 2);
        assert_true(str_eq(buf_view(&s[0].text), buf_view(&s[i].text)));
    }
    for (int i = 0; i < 3; i++)
        buf_done(&s[i].text);
    buf_done(&in);
}

static void ceiling_is_kept(void **state)
{
    enum { M = EVENT_RAW_MAX };

    for (int counted = 0; counted < 2; counted++) {
        big_one(M - 1, counted, 'x', 2, 0, 0);
        big_one(M, counted, 'x', 2, 0, 0);
        big_one(M + 1, counted, 'x', 2, TR, 1);
        big_one(M + 5000, counted, 'x', 2, TR, 5000);
        big_one(4 * M, counted, 'x', 2, TR, 3 * M);
        big_one(M + 5000, counted, 0, 2, TR, 5000);
    }
    big_one(1 << 20, false, 'x', 2, TR, (1 << 20) - M);
    big_one(1 << 20, false, 0, 2, TR, (1 << 20) - M);
}

/* A line that does not end, as long as one has patience for: the framer holds one
 * message's room, counts what it passes over, and takes the next line whole. */
static void a_line_without_end(void **state)
{
    enum { PIECE = 1 << 20, PIECES = 256 };
    static char piece[PIECE];

    for (int fill = 0; fill < 2; fill++) {
        struct sink s = {0};
        struct framer *f = framer_new(sink_take, &s);
        size_t before, most = 0;
        memset(piece, fill ? 'x' : 0, sizeof(piece));
        buf_init(&s.text, 1 << 20);
        framer_push(f, STR("<34>first\n<34>"));
        before = mallinfo2().uordblks + mallinfo2().hblkhd;
        for (int i = 0; i < PIECES; i++) {
            framer_push(f, (str){piece, sizeof(piece)});
            size_t now = mallinfo2().uordblks + mallinfo2().hblkhd;
            most = now > most ? now : most;
        }
        framer_push(f, STR("\n<35>next\n"));
        assert_true(most < before + (256 << 10));
        assert_int_equal(s.frames, 3);
        assert_int_equal(s.flags[0], 0);
        assert_int_equal(s.flags[1], EV_TRUNCATED);
        assert_int_equal(s.flags[2], 0);
        assert_int_equal(framer_skipped(f), (uint64_t)PIECES * PIECE + 4 - EVENT_RAW_MAX);
        framer_free(f);
        buf_done(&s.text);
    }
}

/* A NUL sender whose first message is over the ceiling: its second one counts. */
static void long_nul_message(void **state)
{
    struct buf in;
    struct sink s;

    buf_init(&in, 1 << 20);
    buf_z(&in, "<34>");
    for (int i = 0; i < EVENT_RAW_MAX + 100; i++)
        buf_byte(&in, 'x');
    buf_add(&in, "\0<35>b\0<36>c\0", 14);
    for (size_t step = 0; step < 8; step++) {
        run(buf_view(&in), 100, step, &s);
        assert_int_equal(s.frames, 3);
        assert_int_equal(s.flags[0], TR);
        assert_int_equal(s.flags[1] | s.flags[2], 0);
        buf_done(&s.text);
    }
    buf_done(&in);
}

/* A frame of exactly the ceiling, and NUL with a PRI around that edge. */
static void nul_at_the_ceiling(void **state)
{
    for (int before = 0; before < 6; before++) {
        struct buf in;
        struct sink s[4];

        buf_init(&in, 1 << 20);
        for (int i = 0; i < EVENT_RAW_MAX - before; i++)
            buf_byte(&in, 'x');
        buf_add(&in, "\0<35>b\0<36>c\0\n<37>d\n", 21);
        for (size_t i = 0; i < 4; i++) {
            run(buf_view(&in), EVENT_RAW_MAX - 2 + i, i == 0 ? 0 : i == 3 ? EVENT_RAW_MAX : i, &s[i]);
            assert_true(str_eq(buf_view(&s[0].text), buf_view(&s[i].text)));
        }
        for (size_t i = 0; i < 4; i++)
            buf_done(&s[i].text);
        buf_done(&in);
    }
}

static uint64_t seed = 7;
static uint32_t rnd(uint32_t below)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(seed >> 33) % below;
}

static void soup_is_cut_invariant(void **state)
{
    static const str bits[] = {IN("<34>a"), IN("\n"), IN("5 <34>a"), IN("12 "),
                               IN("\0"),    IN("<"),  IN("3"),       IN("99999 <1>"),
                               IN("\r\n"),  IN("x"),  IN("\n<13>z"), IN("20 <34>a\n<35>b"),
                               IN("7"),     IN(" ")};

    for (int round = 0; round < 20000; round++) {
        char text[256];
        size_t n = 0;
        struct sink a, b;
        for (uint32_t k = 1 + rnd(12); k > 0; k--) {
            str s = bits[rnd(sizeof(bits) / sizeof(bits[0]))];
            memcpy(text + n, s.p, s.n);
            n += s.n;
        }
        run((str){text, n}, 0, 0, &a);
        run((str){text, n}, rnd((uint32_t)n + 1), rnd(2) ? 1 + rnd(5) : 0, &b);
        if (!str_eq(buf_view(&a.text), buf_view(&b.text)))
            fail_msg("round %d: %.*s | %.*s", round, (int)a.text.n, a.text.p, (int)b.text.n, b.text.p);
        buf_done(&a.text);
        buf_done(&b.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_at_every_cut),    cmocka_unit_test(strict_flags_lines),
        cmocka_unit_test(ceiling_is_kept),       cmocka_unit_test(a_line_without_end),
        cmocka_unit_test(long_nul_message),      cmocka_unit_test(nul_at_the_ceiling),
        cmocka_unit_test(soup_is_cut_invariant),
    };
    return cmocka_run_group_tests_name("intake/framing", tests, NULL, NULL);
}
