/* See patterns.h. A kind is known by a key: varint length of the program, the
 * program (or a hole alone), the text. */
#include "journal/patterns-int.h"
#include "journal/eval.h"
#include "journal/journal-int.h"
#include "journal/search_plan.h"
#include "base/rand.h"
#include "base/text.h"
#include <errno.h>

enum { SLOTS = 32768, NONE = PATTERNS_MAX, KEY_BYTES = 8 << 20, COLS = COL_RAW | COL_SPAN | COL_EVENT };

struct kind {
    uint64_t hash, count[2], seq;
    uint32_t off, len, example; /* in keys; in examples */
    uint16_t example_len;
    bool asked; /* an example is there or on its way */
};
struct kinds {
    uint16_t slot[SLOTS]; /* number + 1 */
    struct kind k[PATTERNS_MAX];
    uint32_t n, last;
    int when; /* 0 the span, 1 the one before */
    uint64_t seed, total[2], other[2];
    uint32_t pending[PATTERNS_MAX + 1]; /* of the block at hand */
    struct buf keys, key, examples;
    struct line_mask *mask;
};

static uint32_t kind_find(struct kinds *ks, str key)
{
    struct kind *last = ks->n > 0 ? &ks->k[ks->last] : NULL;

    if (last != NULL && last->len == key.n && memcmp(ks->keys.p + last->off, key.p, key.n) == 0)
        return ks->last;
    uint64_t hash = str_hash(key, ks->seed);
    uint32_t s = (uint32_t)(hash % SLOTS);
    for (; ks->slot[s]; s = (s + 1) % SLOTS) {
        const struct kind *k = &ks->k[ks->slot[s] - 1];
        if (k->hash == hash && k->len == key.n && memcmp(ks->keys.p + k->off, key.p, key.n) == 0)
            return ks->last = ks->slot[s] - 1u;
    }
    if (ks->n == PATTERNS_MAX)
        return NONE;
    size_t off = ks->keys.n;
    buf_str(&ks->keys, key);
    if (ks->keys.failed) {
        ks->keys.failed = false;
        ks->keys.n = off;
        return NONE;
    }
    ks->k[ks->n] = (struct kind){.hash = hash, .off = (uint32_t)off, .len = (uint32_t)key.n};
    ks->slot[s] = (uint16_t)++ks->n;
    return ks->last = ks->n - 1;
}

static bool is_hole(char c) { return c >= HOLE_VALUE && c <= HOLE_STAMP; }

/* One sign for all holes; a program with a value in it is not told apart. */
static str key_of(struct kinds *ks, str program, str text)
{
    bool hole = false;

    for (size_t i = 0; i < program.n; i++)
        hole = hole || is_hole(program.p[i]);
    buf_clear(&ks->key);
    buf_varint(&ks->key, hole ? 1 : program.n);
    if (hole)
        buf_byte(&ks->key, PATTERN_HOLE);
    else
        buf_str(&ks->key, program);
    text = str_trim(text);
    for (size_t i = 0; i < text.n && i < PATTERN_TEXT; i++)
        buf_byte(&ks->key, is_hole(text.p[i]) ? PATTERN_HOLE : (uint8_t)text.p[i]);
    return buf_view(&ks->key);
}

/* ---- templates ---- */

static str template_span(const struct block_template *t, enum event_span s)
{
    uint32_t from = t->key->place[2 * s], to = t->key->place[2 * s + 1];

    if (to == 0)
        return (str){t->text.p, 0};
    return str_sub(t->text, from, to == SPAN_END ? t->text.n - from : to - from);
}

static uint32_t template_kind(struct kinds *ks, const struct block_template *t)
{
    return kind_find(ks, key_of(ks, template_span(t, SP_PROGRAM), template_span(t, SP_MSG)));
}

/* ---- lines ---- */

static uint32_t line_kind(struct kinds *ks, const struct event *ev)
{
    str program, text;

    line_mask(ks->mask, ev, &program, &text);
    return kind_find(ks, key_of(ks, program, text));
}

static void put_example(struct kinds *ks, struct kind *k, const struct event *ev, uint64_t seq)
{
    str s = str_trim(event_field(ev, SP_MSG));

    s.n = s.n > PATTERN_EXAMPLE ? utf8_cut(s, PATTERN_EXAMPLE) : s.n;
    k->example = (uint32_t)ks->examples.n;
    k->example_len = (uint16_t)s.n;
    k->seq = seq;
    k->asked = true;
    buf_str(&ks->examples, s);
}

static void count_line(struct kinds *ks, const struct event *ev, uint64_t seq)
{
    uint32_t k = line_kind(ks, ev);

    ks->total[ks->when]++;
    if (k == NONE) {
        ks->other[ks->when]++;
        return;
    }
    ks->k[k].count[ks->when]++;
    if (!ks->k[k].asked)
        put_example(ks, &ks->k[k], ev, seq);
}

static int add_rows(void *ctx, struct scan *s, const struct scan_block *b)
{
    struct event ev;

    for (size_t w = bits_words(b->n); w > 0; w--)
        for (uint64_t m = b->bits[w - 1]; m != 0;) { /* newest first: the example is a late line */
            uint32_t i = (uint32_t)((w - 1) * 64) + 63 - (uint32_t)__builtin_clzll(m);
            m &= ~(UINT64_C(1) << i % 64);
            rows_event(b->rows, i, COLS, &ev);
            count_line(ctx, &ev, rows_seq(b->rows, i));
        }
    return 0;
}

/* ---- a stored block whose templates fit as they are ---- */

/* Lines of it that must be put together after all: an example of each new kind,
 * and those without a template. */
struct wanted {
    uint64_t *bits, *from;
    struct wish {
        uint32_t line, kind; /* NONE: a plain line, to be counted */
    } * list;
    uint32_t n, next;
};

static void want(struct wanted *w, uint32_t line, uint32_t template, uint32_t kind)
{
    w->bits[line / 64] |= UINT64_C(1) << line % 64;
    w->from[template / 64] |= UINT64_C(1) << template % 64;
    w->list[w->n++] = (struct wish){line, kind};
}

static int by_line(const void *a, const void *b)
{
    const struct wish *x = a, *y = b;
    return x->line < y->line ? -1 : x->line > y->line;
}

static int take_templates(struct kinds *ks, struct block_dec *d, const struct search_plan *p, struct wanted *w)
{
    for (uint32_t i = 0; i < p->n; i++) {
        struct block_template *t;
        int rc;
        if (p->verdict[i] != V_ALL)
            continue;
        if ((rc = block_template_get(d, i, &t)) < 0)
            return rc;
        uint32_t k = template_kind(ks, t);
        ks->pending[k] += t->rows;
        if (k == NONE || ks->k[k].asked || t->rows == 0)
            continue;
        if ((rc = block_template_rows(d, t)) < 0)
            return rc;
        ks->k[k].asked = true;
        want(w, t->line[t->rows - 1], i, k);
    }
    return 0;
}

static int take_plain(struct block_dec *d, const struct search_plan *p, struct wanted *w)
{
    const uint32_t *line;
    uint32_t rows;
    int rc = p->verdict[p->n] == V_ALL ? block_plain_lines(d, &line, &rows) : 0;

    for (uint32_t i = 0; p->verdict[p->n] == V_ALL && rc == 0 && i < rows; i++)
        want(w, line[i], p->n, NONE);
    return rc;
}

static void take_row(struct kinds *ks, struct wanted *w, const struct rows *r, uint32_t i, uint64_t seq)
{
    struct event ev;
    uint32_t kind = w->list[w->next++].kind;

    rows_event(r, i, COLS, &ev);
    if (kind != NONE) {
        put_example(ks, &ks->k[kind], &ev, seq);
        return;
    }
    kind = line_kind(ks, &ev);
    ks->pending[kind]++;
    if (kind != NONE && !ks->k[kind].asked)
        put_example(ks, &ks->k[kind], &ev, seq);
}

static int take_wanted(struct kinds *ks, struct block_dec *d, struct wanted *w, uint32_t count)
{
    int rc = 0;

    if (w->n == 0)
        return 0;
    qsort(w->list, w->n, sizeof(w->list[0]), by_line);
    rc = block_dec_find(d, w->bits, w->from, COLS);
    while (rc == 0 && w->next < w->n) {
        uint32_t lo = w->list[w->next].line / BLOCK_CHUNK * BLOCK_CHUNK;
        uint32_t hi = count - lo < BLOCK_CHUNK ? count : lo + BLOCK_CHUNK;
        struct rows *r;
        if ((rc = block_dec_rows(d, w->bits, lo, hi, &r)) < 0)
            return rc;
        uint32_t n = rows_count(r);
        for (uint32_t i = 0; i < n && w->next < w->n; i++)
            take_row(ks, w, r, i, rows_seq(r, i));
        if (n == 0)
            return -EBADMSG;
    }
    return rc;
}

/* What is damaged counts nothing; a kind whose example was in it gets another. */
static void settle(struct kinds *ks, bool good)
{
    for (uint32_t i = 0; i < ks->n; i++) {
        ks->k[i].count[ks->when] += good ? ks->pending[i] : 0;
        ks->total[ks->when] += good ? ks->pending[i] : 0;
        ks->k[i].asked = ks->k[i].asked && ks->k[i].seq != 0;
    }
    if (good) {
        ks->other[ks->when] += ks->pending[NONE];
        ks->total[ks->when] += ks->pending[NONE];
    }
}

static int add_sure(void *ctx, const struct block_head *h, struct block_dec *d, struct search_plan *p)
{
    struct kinds *ks = ctx;
    size_t words = bits_words(h->count), templates = p->n / 64 + 1;
    struct wanted w = {.bits = calloc(words, 8),
                       .from = calloc(templates, 8),
                       .list = calloc((size_t)p->n + block_plain_rows(d) + 1, sizeof(*w.list))};
    int rc = w.bits && w.from && w.list ? 0 : -ENOMEM;

    memset(ks->pending, 0, sizeof(ks->pending));
    if (rc == 0)
        rc = take_templates(ks, d, p, &w);
    if (rc == 0)
        rc = take_plain(d, p, &w);
    if (rc == 0)
        rc = take_wanted(ks, d, &w, h->count);
    settle(ks, rc == 0);
    free(w.bits);
    free(w.from);
    free(w.list);
    return rc < 0 ? rc : 1;
}

/* ---- the answer ---- */

static int by_count(const void *a, const void *b)
{
    const struct pattern_row *x = a, *y = b;

    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    if (x->before != y->before)
        return x->before > y->before ? -1 : 1;
    return str_cmp(x->text, y->text);
}

static int rows_make(struct kinds *ks, struct arena *a, struct patterns *out)
{
    struct patterns p = {
        .total = ks->total[0], .total_before = ks->total[1], .other = ks->other[0], .other_before = ks->other[1]};

    if (ks->n > 0 && (p.rows = arena_array(a, struct pattern_row, ks->n)) == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < ks->n; i++) {
        const struct kind *k = &ks->k[i];
        struct pattern_row *row = &p.rows[p.n];
        rd r = rd_init(ks->keys.p + k->off, k->len);
        if (k->count[0] + k->count[1] == 0)
            continue;
        *row = (struct pattern_row){.count = k->count[0], .before = k->count[1], .seq = k->seq};
        str program = rd_bytes(&r, rd_varint(&r));
        row->program = program.n == 1 && program.p[0] == PATTERN_HOLE ? STR_NONE : arena_str(a, program);
        row->text = arena_str(a, rd_bytes(&r, rd_left(&r)));
        row->example = arena_str(a, str_sub(buf_view(&ks->examples), k->example, k->example_len));
        if (row->text.p == NULL || row->example.p == NULL)
            return -ENOMEM;
        p.n++;
    }
    if (p.n > 1)
        qsort(p.rows, p.n, sizeof(p.rows[0]), by_count);
    *out = p;
    return 0;
}

static void stats_add(struct search_stats *to, const struct search_stats *s)
{
    to->scanned_events += s->scanned_events;
    to->scanned_blocks += s->scanned_blocks;
    to->skipped_blocks += s->skipped_blocks;
    to->bad_blocks += s->bad_blocks;
    to->more = to->more || s->more;
}

static int count_both(struct journal *j, struct kinds *ks, const struct query *q, int64_t back_ns,
                      const struct search_opts *o, struct search_stats *st, struct err *e)
{
    struct scan_sink sink = {.ctx = ks, .cols = COLS, .block = add_rows, .sure = add_sure};
    int rc = 0;

    for (ks->when = 0; ks->when < 2 && rc == 0; ks->when++) {
        struct query own = *q;
        struct search_stats part;
        own.since_ns -= ks->when * back_ns;
        own.until_ns -= ks->when * back_ns;
        rc = scan_run(j, &own, o, &sink, &part, e);
        stats_add(st, &part);
    }
    return rc;
}

int journal_patterns(struct journal *j, struct arena *a, const struct query *q, int64_t back_ns,
                     const struct search_opts *o, struct patterns *out, struct search_stats *st, struct err *e)
{
    struct search_stats own;
    struct kinds *ks = calloc(1, sizeof(*ks));

    if (ks == NULL || (ks->mask = line_mask_new()) == NULL) {
        free(ks);
        return ERR(e, -ENOMEM, "journal.no_memory");
    }
    st = st ? st : &own;
    *st = (struct search_stats){0};
    rand_bytes(&ks->seed, sizeof(ks->seed));
    buf_init(&ks->keys, KEY_BYTES);
    buf_init(&ks->key, EVENT_RAW_MAX + 64);
    buf_init(&ks->examples, (size_t)PATTERNS_MAX * PATTERN_EXAMPLE);
    int rc = count_both(j, ks, q, back_ns, o, st, e);
    if ((rc == 0 || rc == -ETIME || rc == -ECANCELED) && rows_make(ks, a, out) < 0)
        rc = ERR(e, -ENOMEM, "journal.no_memory");
    st->hits = ks->total[0];
    buf_done(&ks->keys);
    buf_done(&ks->key);
    line_mask_free(ks->mask);
    buf_done(&ks->examples);
    free(ks);
    return rc;
}
