/* RFC 6587 frames out of a byte stream (framing.h says what is promised). Owned
 * by one connection, used by one thread. A whole frame inside one push goes to
 * the callback where it stands; only a frame cut by the end of a read is copied
 * into `held`, whose memory is given back after a long one.
 *
 * How a count is believed. A frame starts with a count when it is 1*7DIGIT SP and
 * then '<' follows, or the stream counted before. The count of a frame that is
 * here in full is only doubted when its content looks like several messages
 * (LF then '<', or LF then a digit): then the byte behind it decides. It must
 * begin a frame, else the count lied and the content is read as lines. So a
 * sender of honest counts may carry any text, "\n<13>forged" too, as one message. */
#include "intake/framing-int.h"

enum { COUNT_DIGITS = 7, COUNT_MAX = 4 * EVENT_RAW_MAX };

struct framer *framer_new(framer_fn *fn, void *ctx)
{
    struct framer *f = calloc(1, sizeof(*f));

    if (f != NULL) {
        f->fn = fn;
        f->ctx = ctx;
        buf_init(&f->held, EVENT_RAW_MAX + 16);
    }
    return f;
}

void framer_free(struct framer *f)
{
    if (f != NULL)
        buf_done(&f->held);
    free(f);
}

void framer_strict(struct framer *f) { f->strict = true; }
void framer_lines(struct framer *f) { f->lines = true; }
uint64_t framer_skipped(const struct framer *f) { return f->skipped; }
uint64_t framer_overhead(const struct framer *f) { return f->overhead; }
size_t framer_held(const struct framer *f) { return f->held.n; }

/* Content that could be several messages under one lying count. */
static bool count_doubted(const char *p, size_t n)
{
    for (const char *q = p; (q = memchr(q, '\n', n - (size_t)(q - p))) != NULL; q++)
        if ((size_t)(q - p) + 1 < n && (q[1] == '<' || framer_digit(q[1])))
            return true;
    return false;
}

static bool begins_frame(char c) { return (c >= '1' && c <= '9') || c == '<' || c == '\n' || c == '\r' || c == 0; }

/* A count that lied: its content is lines, the last of them still open. */
static void octet_reread(struct framer *f, const char *p, size_t n)
{
    const char *lf;

    f->line_flags = EV_BAD_FRAME;
    f->counted = false;
    f->state = IN_LINE;
    for (; (lf = memchr(p, '\n', n)) != NULL; n -= (size_t)(lf + 1 - p), p = lf + 1) {
        framer_line_emit(f, p, (size_t)(lf - p), 0);
        f->overhead++;
    }
    if (p == f->held.p)
        return;
    if (f->held.n > 0)
        buf_drop(&f->held, f->held.n - n);
    else
        framer_held_add(f, p, n);
}

static void octet_emit(struct framer *f, const char *p, size_t n)
{
    f->counted = true;
    f->state = f->need > n ? SKIP_OCTET : AT_START;
    f->need -= (uint32_t)n;
    f->fn(f->ctx, (str){p, n}, f->state == SKIP_OCTET ? EV_TRUNCATED : 0);
    if (p == f->held.p)
        framer_held_clear(f);
}

/* p holds the whole frame, or its first EVENT_RAW_MAX bytes. next: the byte
 * behind it, -1 when it is not here. False: wait for it. */
static bool octet_finish(struct framer *f, const char *p, size_t n, int next)
{
    if (!count_doubted(p, n)) {
        octet_emit(f, p, n);
    } else if (f->need > n) { /* too long and doubtful: not believed */
        octet_reread(f, p, n);
    } else if (next < 0) {
        return false;
    } else if (begins_frame((char)next)) {
        octet_emit(f, p, n);
    } else {
        octet_reread(f, p, n);
    }
    return true;
}

static size_t octet_step(struct framer *f, const char *p, size_t n)
{
    size_t whole = f->need < EVENT_RAW_MAX ? f->need : EVENT_RAW_MAX, want = whole - f->held.n;

    if (f->held.n == 0 && n >= whole && octet_finish(f, p, whole, n > whole ? (uint8_t)p[whole] : -1))
        return whole;
    size_t take = n < want ? n : want;
    framer_held_add(f, p, take);
    if (take < want)
        return take;
    if (f->held.n < whole) { /* memory failed: what is held goes out as cut */
        f->line_flags = EV_TRUNCATED;
        framer_line_done(f);
        return take;
    }
    if (!octet_finish(f, f->held.p, whole, n > take ? (uint8_t)p[take] : -1))
        f->state = IN_JUDGE;
    return take;
}

static void judge_step(struct framer *f, char next) { octet_finish(f, f->held.p, f->held.n, (uint8_t)next); }

/* The bytes so far are no count: they begin a line. */
static size_t count_is_line(struct framer *f)
{
    f->state = IN_LINE;
    f->line_flags = f->counted ? EV_BAD_FRAME : 0;
    return 0;
}

/* Digits, the space, then a look at the byte behind it. */
static size_t count_step(struct framer *f, char next)
{
    const char *h = f->held.p;
    size_t n = f->held.n;

    if (h[n - 1] != ' ') {
        if ((framer_digit(next) && n < COUNT_DIGITS) || next == ' ') {
            framer_held_add(f, &next, 1);
            return 1;
        }
        return count_is_line(f);
    }
    if (next != '<' && !f->counted)
        return count_is_line(f);
    uint32_t v = 0;
    for (size_t i = 0; i + 1 < n; i++)
        v = v * 10 + (uint32_t)(h[i] - '0');
    f->overhead += n;
    framer_held_clear(f);
    f->need = v;
    f->state = IN_OCTET;
    if (v > COUNT_MAX) { /* nobody means that: the text is a line */
        f->state = IN_LINE;
        f->line_flags = EV_BAD_FRAME;
    }
    return 0;
}

static size_t start_step(struct framer *f, const char *p)
{
    f->line_flags = 0;
    if (*p == '\n' || (*p == 0 && (f->counted || f->nul_ends))) {
        f->overhead++;
        return 1;
    }
    if (!f->lines && *p >= '1' && *p <= '9') {
        framer_held_add(f, p, 1);
        f->state = f->held.n == 1 ? IN_COUNT : AT_START;
        return 1;
    }
    if (f->counted && *p != '<' && *p != '\r')
        f->line_flags = EV_BAD_FRAME; /* the count before was too small */
    f->state = IN_LINE;
    return 0;
}

static size_t skip_octet(struct framer *f, size_t n)
{
    size_t took = n < f->need ? n : f->need;

    f->skipped += took;
    f->need -= (uint32_t)took;
    if (f->need == 0)
        f->state = AT_START;
    return took;
}

static size_t framer_step(struct framer *f, const char *p, size_t n)
{
    switch ((enum state)f->state) {
    case AT_START:
        return start_step(f, p);
    case IN_COUNT:
        return count_step(f, *p);
    case IN_LINE:
        return framer_line_step(f, p, n);
    case IN_OCTET:
        return octet_step(f, p, n);
    case IN_JUDGE:
        judge_step(f, *p);
        return 0;
    case SKIP_LINE:
        return framer_line_skip(f, p, n);
    case SKIP_OCTET:
        return skip_octet(f, n);
    }
    return n;
}

void framer_push(struct framer *f, str bytes)
{
    for (size_t at = 0; at < bytes.n;)
        at += framer_step(f, bytes.p + at, bytes.n - at);
}

void framer_end(struct framer *f)
{
    if (f->held.n > 0) {
        if (f->state == IN_JUDGE) {
            octet_emit(f, f->held.p, f->held.n);
        } else {
            bool octet = f->state == IN_OCTET;
            if (octet && count_doubted(f->held.p, f->held.n))
                octet_reread(f, f->held.p, f->held.n);
            framer_line_emit(f, f->held.p, f->held.n, octet ? EV_BAD_FRAME | EV_TRUNCATED : EV_BAD_FRAME);
        }
    }
    framer_held_clear(f);
    f->line_flags = 0;
    f->counted = f->nul_ends = false;
    f->state = AT_START;
}
