/* Lines as templates would say them, and kinds of lines as queries. See
 * patterns.h. */
#include "journal/patterns-int.h"
#include "base/text.h"

enum { VALUES_MAX = 4096, QUERY_TEXT = 300 };

struct line_mask {
    struct split_map map;
    struct split_value v[VALUES_MAX];
    struct buf text;
};

struct line_mask *line_mask_new(void)
{
    struct line_mask *m = calloc(1, sizeof(*m));

    if (m != NULL)
        buf_init(&m->text, 2 * EVENT_RAW_MAX);
    return m;
}

void line_mask_free(struct line_mask *m)
{
    if (m == NULL)
        return;
    buf_done(&m->text);
    free(m);
}

/* The values of a line, as block_split.c cuts it. */
static uint32_t line_values(struct line_mask *m, const struct event *ev)
{
    struct span host = ev->span[SP_HOST];
    uint32_t n = 0;
    size_t at = 0;

    split_map_make(&m->map, (const uint8_t *)ev->raw.p, ev->raw.n, SPLIT_BEST);
    if (host.len > 0) {
        if (!split_values(&m->map, 0, host.off, m->v, &n, VALUES_MAX - 1))
            return VALUES_MAX - 1;
        m->v[n++] = (struct split_value){host.off, host.len};
        at = host.off + host.len;
    }
    return split_values(&m->map, at, ev->raw.n, m->v, &n, VALUES_MAX) ? n : VALUES_MAX;
}

/* A part of the line behind what text has, each value a hole. */
static void put_masked(struct line_mask *m, const struct event *ev, struct span part, uint32_t nv)
{
    size_t at = part.off, end = part.off + part.len;

    for (uint32_t k = 0; k < nv && m->v[k].off < end; k++) {
        size_t from = m->v[k].off, to = from + m->v[k].len;
        if (from < at)
            continue;
        buf_str(&m->text, (str){ev->raw.p + at, from - at});
        buf_byte(&m->text, PATTERN_HOLE);
        at = to;
    }
    if (at < end)
        buf_str(&m->text, (str){ev->raw.p + at, end - at});
}

void line_mask(struct line_mask *m, const struct event *ev, str *program, str *msg)
{
    uint32_t nv = line_values(m, ev);

    buf_clear(&m->text);
    put_masked(m, ev, ev->span[SP_PROGRAM], nv);
    size_t cut = m->text.n;
    put_masked(m, ev, ev->span[SP_MSG], nv);
    *program = str_sub(buf_view(&m->text), 0, cut);
    *msg = str_sub(buf_view(&m->text), cut, SIZE_MAX);
}

/* ---- as a query ---- */

/* One character, or one byte of what is no text; returns how many bytes. */
static size_t put_literal(struct buf *b, str s)
{
    size_t n = utf8_char(s);

    if (n == 0 || (uint8_t)*s.p < 32 || *s.p == 127) {
        buf_fmt(b, "\\x%02x", (uint8_t)*s.p);
        return 1;
    }
    if (memchr("\"\\*?", *s.p, 4) != NULL)
        buf_byte(b, '\\');
    buf_str(b, str_sub(s, 0, n));
    return n;
}

static void put_words(struct buf *b, str s)
{
    buf_byte(b, '"');
    while (s.n > 0) {
        bool hole = *s.p == PATTERN_HOLE;
        if (hole)
            buf_byte(b, '*');
        s = str_sub(s, hole ? 1 : put_literal(b, s), SIZE_MAX);
    }
    buf_byte(b, '"');
}

static bool says_nothing(char c) { return c == PATTERN_HOLE || c == ' '; }

void pattern_query(struct buf *b, const struct pattern_row *row)
{
    str s = row->text;

    s.n = s.n > QUERY_TEXT ? utf8_cut(s, QUERY_TEXT) : s.n;
    while (s.n > 0 && says_nothing(*s.p))
        s = str_sub(s, 1, SIZE_MAX);
    while (s.n > 0 && says_nothing(s.p[s.n - 1]))
        s.n--;
    if (row->program.n > 0) {
        buf_z(b, "program:");
        put_words(b, row->program);
    }
    if (row->program.n > 0 && s.n > 0)
        buf_byte(b, ' ');
    if (s.n > 0)
        put_words(b, s);
}
