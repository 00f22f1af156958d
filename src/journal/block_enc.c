/* Rows to a stored block. The encoder belongs to the sealing thread; its
 * buffers are kept from block to block, because fresh pages cost more than
 * filling them. */
#include "journal/block-int.h"
#include "base/rand.h"
#include "journal/page_pack.h"

enum { PLAIN_PAGE = 256 << 10 };

enum { HEAD_PLANES = 13 };
struct group {
    struct page_cursor at;
    uint32_t desc;
};
struct block_enc {
    struct splitter split;
    struct page_writer *pages;
    struct dict *dict;
    struct column_writer cols;
    struct packer pack; /* of the directory */
    struct block_part part[BLOCK_PARTS_MAX];
    size_t nparts; /* of the next block; 0: it is one */
    struct buf dir, plain_part, time_part, dict_part, origin_part, group_part, text, desc, out;
    uint32_t rank[BLOCK_ORIGINS_MAX];
    uint32_t order[TEMPLATES_MAX];
    struct {
        uint32_t line_bits, origin_bits, classes;
        uint8_t flags;
    } tb[TEMPLATES_MAX];
    struct grams grams;
    uint32_t hours_bytes;
    struct block_try try;
    struct group groups[TEMPLATES_MAX / BLOCK_GROUP + 1];
    /* of one template, or of all rows */
    uint64_t *num; /* 2 a row */
    uint8_t *skip;
    struct cell *val;
    struct row_view *row;
    uint32_t *origin;
    size_t rows_cap;
};

static struct buf *const *parts_of(struct block_enc *be, struct buf *list[])
{
    struct buf *all[] = {&be->dir,        &be->plain_part, &be->time_part, &be->dict_part, &be->origin_part,
                         &be->group_part, &be->text,       &be->desc,      &be->out,       NULL};
    memcpy(list, all, sizeof(all));
    return list;
}

struct block_enc *block_enc_new(void)
{
    struct block_enc *be = calloc(1, sizeof(*be));
    struct buf *list[16];

    if (be == NULL)
        return NULL;
    for (struct buf *const *b = parts_of(be, list); *b != NULL; b++)
        buf_init(*b, BLOCK_LENGTH_MAX);
    be->split.set = template_set_new();
    be->split.origins = origin_set_new();
    be->pages = page_writer_new();
    be->dict = dict_new(&be->grams);
    be->pack.zc = ZSTD_createCCtx();
    be->pack.level = PACK_FAST;
    bool cols = column_writer_init(&be->cols, be->pages, be->dict, &be->grams);
    if (!cols || !be->split.set || !be->split.origins || !be->pages || !be->dict || !be->pack.zc) {
        block_enc_free(be);
        return NULL;
    }
    return be;
}

void block_enc_free(struct block_enc *be)
{
    struct buf *list[16];

    if (be == NULL)
        return;
    for (struct buf *const *b = parts_of(be, list); *b != NULL; b++)
        buf_done(*b);
    column_writer_done(&be->cols);
    template_set_free(be->split.set);
    origin_set_free(be->split.origins);
    page_writer_free(be->pages);
    dict_free(be->dict);
    ZSTD_freeCCtx(be->pack.zc);
    free(be->split.plain);
    free(be->num);
    free(be->skip);
    free(be->val);
    free(be->row);
    free(be->origin);
    hours_done(&be->split.hours);
    free(be);
}

/* With room for a block that is somewhat larger: what is freed for a little more leaves holes. */
static bool scratch(struct block_enc *be, uint32_t n)
{
    if (n <= be->rows_cap)
        return true;
    n += n / 4;
    free(be->num);
    free(be->skip);
    free(be->val);
    free(be->row);
    free(be->origin);
    be->num = malloc(2 * (size_t)n * sizeof(be->num[0]));
    be->skip = malloc(n);
    be->val = malloc(n * sizeof(be->val[0]));
    be->row = malloc(n * sizeof(be->row[0]));
    be->origin = malloc(n * sizeof(be->origin[0]));
    be->rows_cap = be->num && be->skip && be->val && be->row && be->origin ? n : 0;
    return be->rows_cap > 0;
}

static void fill_head(struct block_head *h, const struct rows *r, uint32_t n)
{
    block_head_begin(h);
    h->first_seq = r->first_seq;
    h->count = n;
    rand_bytes(h->seed, sizeof(h->seed));
    block_head_count(h, r, n);
}

static void put_ports(struct block_enc *be, const struct rows *r, uint32_t n)
{
    bool alone = origin_ports_alone(be->split.origins);

    buf_byte(&be->time_part, alone);
    if (!alone)
        return;
    for (int k = 0; k < 2; k++) {
        for (uint32_t i = 0; i < n; i++)
            be->skip[i] = (uint8_t)(r->port[rows_head(r, i)] >> 8 * k);
        page_put(be->pages, PG_TIME, be->skip, n);
    }
}

static void put_times(struct block_enc *be, const struct rows *r, uint32_t n)
{
    times_write(&be->cols, r->received, NULL, n, be->num, &be->time_part);
    for (uint32_t i = 0; i < n; i++)
        be->skip[i] = r->event[i] == r->received[i];
    times_write(&be->cols, r->event, be->skip, n, be->num, &be->time_part);
}

static void put_meta(struct block_enc *be, const struct rows *r, const struct plain_line *l)
{
    struct buf *m = &be->text;
    uint32_t h = rows_head(r, l->line);

    buf_byte(m, r->transport[h]);
    buf_byte(m, r->format[h]);
    buf_byte(m, r->facility[h]);
    buf_byte(m, r->severity[h]);
    buf_u16(m, r->flags[h]);
    buf_byte(m, 0);
    buf_byte(m, r->event[l->line] == r->received[l->line]);
    if (l->origin == 0) {
        ip_put(m, &r->source[h]);
        buf_u16(m, r->port[h]);
    }
    for (unsigned k = 0; k < SP_COUNT; k++) {
        struct span sp = rows_span(r, l->line, k);
        buf_varint(m, sp.off);
        buf_varint(m, sp.len);
    }
}

/* Cuts the plain lines into pages; put: writes them, else only counts them. */
static uint32_t cut_lines(struct block_enc *be, const struct rows *r, bool put)
{
    struct buf *raw = &be->desc;
    uint32_t pages = 0;

    buf_clear(raw);
    for (uint32_t i = 0; i <= be->split.nplain; i++) {
        bool end = i == be->split.nplain;
        uint32_t line = end ? 0 : be->split.plain[i].line;
        str s = end ? STR_NONE : rows_raw(r, line);
        if (raw->n > 0 && (end || raw->n + s.n > PLAIN_PAGE)) {
            pages++;
            if (put) {
                buf_varint(&be->plain_part, raw->n);
                page_put(be->pages, PG_RAW, raw->p, raw->n);
            }
            buf_clear(raw);
        }
        buf_str(raw, s);
    }
    return pages;
}

static void put_lines(struct block_enc *be, const struct rows *r)
{
    buf_varint(&be->plain_part, cut_lines(be, r, false));
    cut_lines(be, r, true);
}

/* Lines without a template: straight to text. */
static void put_plain(struct block_enc *be, const struct rows *r)
{
    const struct plain_line *l = be->split.plain;
    uint32_t n = be->split.nplain, last = 0;
    struct buf *dir = &be->plain_part;

    buf_varint(dir, n);
    buf_clear(&be->text);
    for (uint32_t i = 0; i < n; i++) {
        be->num[i] = i ? l[i].line - last - 1 : l[i].line;
        last = l[i].line;
        str s = rows_raw(r, last);
        grams_add(&be->grams, s.p, s.n);
        put_meta(be, r, &l[i]);
    }
    buf_varint(dir, column_put_numbers(&be->cols, PG_LINE, be->num, n));
    for (uint32_t i = 0; i < n; i++)
        be->num[i] = be->rank[l[i].origin];
    buf_varint(dir, column_put_numbers(&be->cols, PG_ORIGIN, be->num, n));
    for (uint32_t i = 0; i < n; i++)
        be->num[i] = r->off[l[i].line + 1] - r->off[l[i].line];
    buf_varint(dir, column_put_numbers(&be->cols, PG_LINE, be->num, n));
    buf_varint(dir, be->text.n);
    page_put(be->pages, PG_META, be->text.p, be->text.n);
    put_lines(be, r);
}

static int by_text(const void *a, const void *b, void *ctx)
{
    struct template_set *s = ctx;
    const struct template *x = template_at(s, *(const uint32_t *)a), *y = template_at(s, *(const uint32_t *)b);
    str tx = {template_text(s, x), x->text_len}, ty = {template_text(s, y), y->text_len};
    int c = str_cmp(tx, ty);

    return c ? c : (x->key > y->key) - (x->key < y->key);
}

static bool is_hole(char c) { return (uint8_t)c >= HOLE_VALUE && (uint8_t)c <= HOLE_STAMP; }

/* Does what stands at i, on the side `by` of a hole, go on a word of it? A dot
 * does when a word goes on behind it. */
static bool is_glue(str text, size_t i, int by)
{
    if (i >= text.n)
        return false;
    if (text.p[i] != '.')
        return is_word_byte((uint8_t)text.p[i]) || is_hole(text.p[i]);
    i += (size_t)by;
    return i < text.n && (is_word_byte((uint8_t)text.p[i]) || is_hole(text.p[i]));
}

static uint8_t flags_of(str text)
{
    uint8_t f = 0;

    for (size_t i = 0; i < text.n; i++) {
        if (!is_hole(text.p[i]))
            continue;
        f |= text.p[i] == HOLE_HOST ? TF_HOST : text.p[i] == HOLE_STAMP ? TF_STAMP : 0;
        if (is_glue(text, i - 1, -1) || is_glue(text, i + 1, 1))
            f |= TF_GLUED;
    }
    return f;
}

/* Words of a template's text; where one may go over the edge of a value, those
 * of its lines. */
static void note_words(struct block_enc *be, const struct rows *r, uint32_t number, uint32_t n)
{
    struct template *t = template_at(be->split.set, number);
    str text = {template_text(be->split.set, t), t->text_len};

    be->tb[number].flags = flags_of(text);
    grams_add(&be->grams, text.p, text.n);
    for (uint32_t i = 0; i < n && be->tb[number].flags & TF_GLUED; i++) {
        str s = rows_raw(r, be->row[i].line);
        grams_add(&be->grams, s.p, s.n);
    }
}

/* Lines, origins and columns of a template, but for what needs the dictionary. */
static void put_template(struct block_enc *be, const struct rows *r, uint32_t number)
{
    struct template *t = template_at(be->split.set, number);
    struct row_walk walk = row_walk(t);
    uint32_t n = 0, last = 0;

    for (struct row_view v; row_next(&walk, &v); n++) {
        be->row[n] = v;
        be->num[n] = n ? v.line - last - 1 : v.line;
        last = v.line;
        be->origin[n] = be->rank[v.origin];
    }
    be->tb[number].line_bits = column_put_numbers(&be->cols, PG_LINE, be->num, n);
    for (uint32_t i = 0; i < n; i++)
        be->num[i] = be->origin[i];
    be->tb[number].origin_bits = column_put_numbers(&be->cols, PG_ORIGIN, be->num, n);
    note_words(be, r, number, n);
    be->cols.classes = 0;
    for (uint32_t s = 0; s < t->values; s++) {
        for (uint32_t i = 0; i < n; i++) {
            struct row_view *v = &be->row[i];
            uint32_t len = row_len(v, s);
            be->val[i] = (struct cell){v->bytes, len};
            v->bytes += len;
        }
        column_add(&be->cols, be->val, n, be->origin, 0);
    }
    be->tb[number].classes = be->cols.classes;
}

static void put_templates(struct block_enc *be, const struct rows *r)
{
    uint32_t n = template_count(be->split.set);

    for (uint32_t i = 0; i < n; i++)
        be->order[i] = i;
    qsort_r(be->order, n, sizeof(be->order[0]), by_text, be->split.set);
    for (uint32_t i = 0; i < n; i++) {
        if (page_writer_failed(be->pages))
            return;
        if (i % BLOCK_GROUP == 0)
            be->groups[i / BLOCK_GROUP].at = *page_writer_cursor(be->pages);
        put_template(be, r, be->order[i]);
    }
}

static bool is_late(int kind)
{
    return kind == PG_RANK || kind == PG_FRESH || kind == PG_FRESH_LEN || kind == PG_RANK_BITS || kind == PG_PACKED;
}

static void describe_group(struct block_enc *be, uint32_t from, uint32_t to)
{
    struct group *g = &be->groups[from / BLOCK_GROUP];
    struct template_set *set = be->split.set;

    for (int k = 0; k < PG_COUNT; k++)
        if (is_late(k))
            g->at.kind[k] = page_writer_cursor(be->pages)->kind[k];
    buf_clear(&be->desc);
    for (uint32_t i = from; i < to; i++) {
        struct template *t = template_at(set, be->order[i]);
        buf_varint(&be->desc, be->tb[be->order[i]].line_bits);
        buf_varint(&be->desc, be->tb[be->order[i]].origin_bits);
        for (uint32_t s = 0; s < t->values; s++)
            column_put(&be->cols, &be->desc);
    }
    g->desc = (uint32_t)be->desc.n;
    page_put(be->pages, PG_DESC, be->desc.p, be->desc.n);
}

/* Texts of all templates, and the planes of PG_HEAD. */
static void put_heads(struct block_enc *be, uint32_t n)
{
    struct buf *head = &be->desc;

    buf_clear(&be->text);
    buf_clear(head);
    if (!buf_reserve(head, HEAD_PLANES * (size_t)n))
        return;
    uint8_t *p = (uint8_t *)head->p;
    for (uint32_t i = 0; i < n; i++) {
        struct template *t = template_at(be->split.set, be->order[i]);
        uint64_t lo = t->key | (uint64_t)t->text_len << 16 | (uint64_t)t->rows << 32;
        uint64_t hi = be->tb[be->order[i]].classes | (uint64_t)be->tb[be->order[i]].flags << 32;
        for (size_t k = 0; k < HEAD_PLANES; k++)
            p[k * n + i] = (uint8_t)(k < 8 ? lo >> 8 * k : hi >> 8 * (k - 8));
        buf_add(&be->text, template_text(be->split.set, t), t->text_len);
    }
    head->n = HEAD_PLANES * (size_t)n;
    page_put(be->pages, PG_TEXT, be->text.p, be->text.n);
    page_put(be->pages, PG_HEAD, head->p, head->n);
    buf_varint(&be->group_part, n);
    buf_varint(&be->group_part, be->text.n);
}

static void describe_groups(struct block_enc *be)
{
    uint32_t n = template_count(be->split.set);
    struct buf *out = &be->group_part;
    struct page_cursor before;

    page_cursor_init(&before);
    put_heads(be, n);
    for (uint32_t i = 0; i < n; i += BLOCK_GROUP) {
        struct group *g = &be->groups[i / BLOCK_GROUP];
        describe_group(be, i, n - i < BLOCK_GROUP ? n : i + BLOCK_GROUP);
        buf_varint(out, g->desc);
        for (int k = PG_LINE; k < PG_COUNT; k++) {
            buf_varint(out, g->at.kind[k].next - before.kind[k].next);
            buf_varint(out, g->at.kind[k].page == UINT32_MAX ? 0 : g->at.kind[k].next - g->at.kind[k].page);
            buf_varint(out, g->at.kind[k].off);
        }
        before = g->at;
    }
}

/* Words of what stands in holes for host and time. */
static void note_origins(struct block_enc *be)
{
    char text[STAMP_TEXT_MAX];

    for (uint32_t i = 0; i < be->split.nstamps; i++)
        grams_add(&be->grams, text, stamp_print(be->split.stamps[i], 0, text));
    for (uint32_t i = 1; i < origin_count(be->split.origins); i++) {
        str host = origin_host(be->split.origins, i);
        grams_add(&be->grams, host.p, host.n);
    }
}

static void put_tables(struct block_enc *be)
{
    uint32_t n = template_key_count(be->split.set);

    buf_varint(&be->dir, be->split.nstamps);
    for (uint32_t i = 0; i < be->split.nstamps; i++) {
        struct stamp_form f = be->split.stamps[i];
        buf_byte(&be->dir, f.kind);
        buf_byte(&be->dir, f.digits);
        buf_varint(&be->dir, ((uint64_t)f.zone << 1) ^ (uint64_t)((int64_t)f.zone >> 63));
    }
    buf_varint(&be->dir, n);
    for (size_t b = 0; b < sizeof(struct template_key); b++)
        for (uint32_t i = 0; i < n; i++)
            buf_byte(&be->dir, ((const uint8_t *)template_key(be->split.set, i))[b]);
}

static void put_hours(struct block_enc *be, uint32_t lines)
{
    buf_clear(&be->text);
    hours_write(&be->split.hours, be->rank, origin_count(be->split.origins), lines, &be->text);
    be->hours_bytes = (uint32_t)be->text.n;
    if (be->text.n > 0)
        page_put(be->pages, PG_HOURS, be->text.p, be->text.n);
}

static void put_parts(struct block_enc *be, struct block_head *h)
{
    buf_varint(&be->dir, be->hours_bytes);
    buf_varint(&be->dir, be->nparts > 0 ? be->nparts - 1 : 0);
    for (size_t i = 1; i < be->nparts; i++) {
        buf_varint(&be->dir, be->part[i].count);
        buf_add(&be->dir, (const char *)be->part[i].seed, sizeof(be->part[i].seed));
    }
    if (be->nparts > 0)
        memcpy(h->seed, be->part[0].seed, sizeof(h->seed));
}

static str finish(struct block_enc *be, uint64_t salt, struct block_head *h)
{
    struct buf *out = &be->out;

    if (!buf_reserve(out, BLOCK_HEAD_BYTES + page_pack_room(be->dir.n)))
        return STR_NONE;
    size_t z = page_pack(&be->pack, be->dir.p, be->dir.n, out->p + BLOCK_HEAD_BYTES);
    if (z == 0) {
        z = be->dir.n;
        memcpy(out->p + BLOCK_HEAD_BYTES, be->dir.p, z);
    }
    h->dir_plain = (uint32_t)be->dir.n;
    h->dir_stored = (uint32_t)z;
    h->dir_crc = crc32c(0, out->p + BLOCK_HEAD_BYTES, z);
    out->n = BLOCK_HEAD_BYTES + z;
    page_writer_copy(be->pages, out);
    h->grams = (uint32_t)grams_finish(&be->grams);
    h->grams_crc = crc32c(0, be->grams.bits, h->grams);
    buf_add(out, (const char *)be->grams.bits, h->grams);
    if (out->failed || packer_stops(&be->pack))
        return STR_NONE;
    h->length = out->n;
    h->templates = template_count(be->split.set);
    block_head_write(h, salt, (uint8_t *)out->p);
    return buf_view(out);
}

static bool begin(struct block_enc *be, const struct rows *r, uint32_t n)
{
    struct buf *list[16];
    bool failed = false;

    for (struct buf *const *b = parts_of(be, list); *b != NULL; b++) {
        buf_clear(*b);
        (*b)->failed = false;
    }
    page_writer_clear(be->pages);
    dict_clear(be->dict);
    grams_clear(&be->grams);
    if (!scratch(be, n) || !split_rows(&be->split, r, n))
        failed = true;
    return !failed && column_writer_clear(&be->cols, origin_count(be->split.origins), n);
}

/* The first n rows. */
static str encode(struct block_enc *be, const struct rows *r, uint32_t n, uint64_t salt, struct block_head *h)
{
    struct buf *list[16];

    if (n == 0 || packer_stops(&be->pack) || !begin(be, r, n))
        return STR_NONE;
    fill_head(h, r, n);
    origin_set_write(be->split.origins, be->rank, &be->origin_part);
    put_ports(be, r, n);
    put_times(be, r, n);
    note_origins(be);
    put_plain(be, r);
    put_templates(be, r);
    put_hours(be, n);
    if (page_writer_failed(be->pages) || !dict_finish(be->dict, be->pages, &be->dict_part))
        return STR_NONE;
    describe_groups(be);
    if (!page_writer_end(be->pages) || be->cols.failed || dict_failed(be->dict))
        return STR_NONE;
    page_writer_table(be->pages, &be->dir);
    put_tables(be);
    buf_str(&be->dir, buf_view(&be->origin_part));
    buf_str(&be->dir, buf_view(&be->time_part));
    buf_str(&be->dir, buf_view(&be->plain_part));
    buf_str(&be->dir, buf_view(&be->group_part));
    buf_str(&be->dir, buf_view(&be->dict_part));
    put_parts(be, h);
    for (struct buf *const *b = parts_of(be, list); *b != NULL; b++)
        if ((*b)->failed)
            return STR_NONE;
    return finish(be, salt, h);
}

str block_encode_by(struct block_enc *be, const struct rows *r, uint32_t n, uint64_t salt, unsigned rules,
                    struct block_head *h)
{
    be->split.rules = rules;
    return encode(be, r, n, salt, h);
}

str block_encode(struct block_enc *be, struct rows *r, uint64_t salt, struct block_head *h)
{
    str block = block_try(&be->try, be, r, salt, h); /* more than one encode() */

    be->nparts = 0;
    return block;
}

void block_enc_parts(struct block_enc *be, const struct block_part *v, size_t n)
{
    memcpy(be->part, v, n * sizeof(*v));
    be->nparts = n;
}

void block_enc_level(struct block_enc *be, int level)
{
    be->pack.level = level;
    page_writer_level(be->pages, level);
}

void block_enc_stop(struct block_enc *be, bool (*stop)(void *ctx), void *ctx)
{
    be->pack.stop = stop;
    be->pack.ctx = ctx;
    page_writer_stop(be->pages, stop, ctx);
}

uint64_t block_enc_bytes(const struct block_enc *be, int page_kind)
{
    return page_writer_bytes(be->pages, (enum page_kind)page_kind);
}
