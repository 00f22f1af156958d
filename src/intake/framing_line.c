/* Newline framing (RFC 6587, 3.4.2), and NUL framing where a sender shows it.
 * Part of one framer, see framing-int.h; same owner, same thread. */
#include "intake/framing-int.h"

enum { HELD_KEEP = 4096 };

void framer_held_clear(struct framer *f)
{
    if (f->held.cap > HELD_KEEP)
        buf_done(&f->held);
    buf_clear(&f->held);
}

void framer_held_add(struct framer *f, const char *p, size_t n)
{
    buf_add(&f->held, p, n);
    if (f->held.failed) { /* no memory: the bytes are lost, and counted */
        f->skipped += n;
        f->line_flags |= EV_TRUNCATED;
        f->held.failed = false;
    }
}

/* A line without its LF. A lone CR is what CRLF leaves of an empty line. */
void framer_line_emit(struct framer *f, const char *p, size_t n, uint16_t flags)
{
    if (n == 0 || (n == 1 && *p == '\r')) {
        f->overhead += n;
        return;
    }
    f->counted = false;
    f->fn(f->ctx, (str){p, n}, (uint16_t)(flags | f->line_flags | (f->strict ? EV_BAD_FRAME : 0)));
}

void framer_line_done(struct framer *f)
{
    framer_line_emit(f, f->held.p, f->held.n, 0);
    framer_held_clear(f);
    f->state = AT_START;
}

/* Where a line in p ends: at LF; or at a NUL, when the sender ends with NUL,
 * which the first NUL with "<" and a digit behind it shows. UTF-16 cannot look
 * so. n when the end is not here; *cut = bytes of the trailer. All three bytes
 * must lie under the ceiling, so that the answer does not hang on the reads. */
static size_t line_end(struct framer *f, const char *p, size_t n, size_t room, size_t *cut)
{
    const char *nul = f->nul_ends ? memchr(p, 0, n) : NULL;
    size_t stop = nul != NULL ? (size_t)(nul - p) + 1 : n;
    const char *lf = memchr(p, '\n', stop);

    stop = lf != NULL ? (size_t)(lf - p) : stop;
    for (const char *z = p; (z = memchr(z, 0, stop - (size_t)(z - p))) != NULL; z++) {
        size_t at = (size_t)(z - p);
        if (f->nul_ends || (f->held.n + at > 0 && at + 2 < room && n - at > 2 && z[1] == '<' && framer_digit(z[2]))) {
            f->nul_ends = true;
            *cut = 1;
            return at;
        }
    }
    *cut = lf != NULL;
    if (lf != NULL)
        f->nul_ends = false;
    return stop;
}

/* Over the ceiling: its head goes out now, its tail is skipped up to the LF. */
static void line_overflow(struct framer *f, const char *p, size_t n)
{
    if (f->held.n == 0) {
        framer_line_emit(f, p, n, EV_TRUNCATED);
    } else {
        framer_held_add(f, p, n);
        framer_line_emit(f, f->held.p, f->held.n, EV_TRUNCATED);
        framer_held_clear(f);
    }
    f->state = SKIP_LINE;
    f->nul_seen = 0;
}

/* Held bytes end in NUL or NUL '<': whether the line ended there shows only with
 * the next bytes, which are taken one by one. */
static bool nul_open(const struct framer *f)
{
    const char *h = f->held.p;
    size_t n = f->held.n;

    return n > 1 && (h[n - 1] == 0 || (n > 2 && h[n - 2] == 0 && h[n - 1] == '<'));
}

static size_t nul_resolve(struct framer *f, char next)
{
    const char *e = f->held.p + f->held.n;

    if (f->held.n >= EVENT_RAW_MAX)
        return 0;
    if (e[-1] == '<' && e[-2] == 0 && framer_digit(next)) {
        framer_line_emit(f, f->held.p, f->held.n - 2, 0);
        f->overhead++;
        f->nul_ends = true;
        f->line_flags = 0;
        framer_held_clear(f);
        framer_held_add(f, "<", 1);
        return 0;
    }
    if (next == '\n' || (e[-1] == 0 && next != '<' && next != 0))
        return 0;
    framer_held_add(f, &next, 1);
    return 1;
}

size_t framer_line_step(struct framer *f, const char *p, size_t n)
{
    size_t room = EVENT_RAW_MAX - f->held.n, cut;

    if (!f->nul_ends && nul_open(f)) {
        size_t took = nul_resolve(f, *p);
        if (took > 0)
            return took;
        room = EVENT_RAW_MAX - f->held.n;
    }
    size_t end = line_end(f, p, n < room + 1 ? n : room + 1, room, &cut);
    if (end > room) {
        line_overflow(f, p, room);
        return room;
    }
    if (cut == 0) {
        framer_held_add(f, p, end);
        return end;
    }
    f->overhead += cut;
    if (f->held.n > 0) {
        framer_held_add(f, p, end);
        framer_line_done(f);
    } else {
        framer_line_emit(f, p, end, 0);
        f->state = AT_START;
    }
    return end + cut;
}

/* NUL '<' digit: a new message of a sender that ends with NUL. */
static bool skip_nul(struct framer *f, char next)
{
    if (f->nul_seen == 2 && framer_digit(next)) {
        f->skipped -= 2; /* the NUL is framing, the '<' begins a line */
        f->overhead++;
        f->nul_ends = true;
        f->line_flags = 0;
        framer_held_add(f, "<", 1);
        f->state = IN_LINE;
        return true;
    }
    f->nul_seen = f->nul_seen == 1 && next == '<' ? 2 : next == 0;
    return false;
}

size_t framer_line_skip(struct framer *f, const char *p, size_t n)
{
    if (f->nul_seen > 0) {
        if (skip_nul(f, *p))
            return 0;
        if (f->nul_seen > 0) {
            f->skipped++;
            return 1;
        }
    }
    const char *nul = memchr(p, 0, n); /* first, so that many NULs cost no more than their length */
    size_t took = nul != NULL ? (size_t)(nul - p) : n;
    const char *lf = memchr(p, '\n', took);
    if (lf != NULL) {
        took = (size_t)(lf - p);
        nul = NULL;
    }
    if (nul != NULL && !f->nul_ends) {
        f->nul_seen = 1;
        took = (size_t)(nul - p) + 1;
        f->skipped += took;
        return took;
    }
    f->skipped += took;
    if (lf == NULL && nul == NULL)
        return took;
    f->overhead++;
    f->nul_ends = nul != NULL;
    f->state = AT_START;
    return took + 1;
}
