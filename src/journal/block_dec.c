/* A stored block opened: its directory, and its templates as they are asked
 * for. What is read is hostile until its checksum fits, and bounded after that
 * too. */
#include "journal/block_dec-int.h"
#include "journal/block_hours.h"
#include "journal/column_bits.h"
#include "journal/page_pack.h"
#include <errno.h>
#include <unistd.h>

enum { REST_KEPT = 8 << 20, MEM_MAX = 1 << 30, KEY_BYTES = sizeof(struct template_key), HEAD_PLANES = 13 };
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "keys are kept as little-endian planes");
_Static_assert(KEY_BYTES == 32, "a key is 32 bytes without gaps");

struct block_dec *block_dec_new(void)
{
    struct block_dec *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return NULL;
    d->zd = ZSTD_createDCtx();
    d->pages = page_reader_new();
    slab_init(&d->mem, MEM_MAX);
    buf_init(&d->dir, BLOCK_LENGTH_MAX);
    buf_init(&d->stored, BLOCK_LENGTH_MAX);
    if (d->zd == NULL || d->pages == NULL) {
        block_dec_free(d);
        return NULL;
    }
    return d;
}

void block_dec_free(struct block_dec *d)
{
    if (d == NULL)
        return;
    ZSTD_freeDCtx(d->zd);
    page_reader_free(d->pages);
    slab_done(&d->mem);
    buf_done(&d->dir);
    buf_done(&d->stored);
    rows_free(d->rows);
    free(d->where);
    free(d);
}

void block_dec_rest(struct block_dec *d)
{
    page_reader_rest(d->pages, REST_KEPT);
    slab_trim(&d->mem, REST_KEPT);
    rows_free(d->rows);
    free(d->where);
    d->rows = NULL;
    d->where = NULL;
    d->where_cap = 0;
    d->ntemplates = d->norigins = 0;
}

static int read_at(const struct block_src *s, uint64_t at, void *to, size_t n)
{
    if (s->mem != NULL) {
        if (s->off > s->mem_n || at > s->mem_n - s->off || n > s->mem_n - s->off - at)
            return -EBADMSG;
        memcpy(to, s->mem + s->off + at, n);
        return 0;
    }
    for (size_t got = 0; got < n;) {
        ssize_t k = pread(s->fd, (char *)to + got, n - got, (off_t)(s->off + at + got));
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return k < 0 ? -EIO : -EBADMSG;
        got += (size_t)k;
    }
    return 0;
}

static int read_page(void *ctx, uint64_t off, void *to, size_t n)
{
    struct block_dec *d = ctx;
    return read_at(&d->src, BLOCK_HEAD_BYTES + (uint64_t)d->head.dir_stored + off, to, n);
}

static int read_dir(struct block_dec *d)
{
    const struct block_head *h = &d->head;
    int rc;

    buf_clear(&d->dir);
    buf_clear(&d->stored);
    if (!buf_reserve(&d->stored, h->dir_stored + (size_t)1))
        return -ENOMEM;
    if ((rc = read_at(&d->src, BLOCK_HEAD_BYTES, d->stored.p, h->dir_stored)) < 0)
        return rc;
    bool packed = h->dir_stored != h->dir_plain;
    if (crc32c(0, d->stored.p, h->dir_stored) != h->dir_crc ||
        (packed && !page_unpacks(d->stored.p, h->dir_stored, h->dir_plain)))
        return -EBADMSG;
    if (!buf_reserve(&d->dir, h->dir_plain + SLAB_SLACK))
        return -ENOMEM;
    if (packed)
        rc = page_unpack(d->zd, d->stored.p, h->dir_stored, d->dir.p, h->dir_plain);
    else
        memcpy(d->dir.p, d->stored.p, h->dir_plain);
    d->dir.n = h->dir_plain;
    return rc;
}

static int read_stamps(struct block_dec *d, rd *r)
{
    uint64_t n = rd_varint(r);

    if (r->bad || n > 255)
        return -EBADMSG;
    for (d->nstamps = 0; d->nstamps < n; d->nstamps++) {
        struct stamp_form f = {.kind = rd_u8(r), .digits = rd_u8(r)};
        f.zone = (int16_t)unzigzag(rd_varint(r));
        d->stamps[d->nstamps] = f;
    }
    return r->bad ? -EBADMSG : 0;
}

static bool key_is_sane(const struct block_dec *d, const struct template_key *k)
{
    for (int i = 0; i < SP_COUNT; i++)
        if (k->place[2 * i] > k->place[2 * i + 1])
            return false;
    return k->stamp <= d->nstamps && k->received <= 1;
}

static int read_keys(struct block_dec *d, rd *r)
{
    uint64_t n = rd_varint(r);

    if (r->bad || n > TEMPLATE_KEYS_MAX || n * KEY_BYTES > rd_left(r))
        return -EBADMSG;
    if ((d->keys = slab_get(&d->mem, (n + 1) * KEY_BYTES)) == NULL)
        return -ENOMEM;
    const uint8_t *p = (const uint8_t *)rd_bytes(r, n * KEY_BYTES).p;
    for (size_t b = 0; b < KEY_BYTES; b++)
        for (size_t i = 0; i < n; i++)
            ((uint8_t *)&d->keys[i])[b] = p[b * n + i];
    for (size_t i = 0; i < n; i++)
        if (!key_is_sane(d, &d->keys[i]))
            return -EBADMSG;
    d->nkeys = (uint32_t)n;
    return 0;
}

static int read_origins(struct block_dec *d, rd *r)
{
    uint64_t n = rd_varint(r);

    if (r->bad || n > BLOCK_ORIGINS_MAX || n == 0)
        return -EBADMSG;
    if ((d->origins = slab_get(&d->mem, n * sizeof(d->origins[0]))) == NULL)
        return -ENOMEM;
    for (uint64_t i = 0; i < n; i++) {
        struct block_origin *o = &d->origins[i];
        o->rows = (uint32_t)rd_varint(r);
        if (!ip_get(r, &o->source))
            return -EBADMSG;
        o->port = rd_u16le(r);
        uint64_t len = rd_varint(r);
        if (len > EVENT_RAW_MAX)
            return -EBADMSG;
        o->host = rd_bytes(r, len);
    }
    d->norigins = (uint32_t)n;
    return r->bad ? -EBADMSG : 0;
}

static int read_plain(struct block_dec *d, rd *r, struct page_cursor *cur)
{
    struct dec_plain *p = &d->plain;
    uint64_t v[6];

    for (int i = 0; i < 6; i++)
        v[i] = rd_varint(r);
    if (r->bad || v[0] > d->head.count || v[1] > PAGE_MAX || v[2] > PAGE_MAX || v[3] > PAGE_MAX || v[4] > PAGE_MAX ||
        v[5] > rd_left(r))
        return -EBADMSG;
    *p = (struct dec_plain){.rows = (uint32_t)v[0],
                            .line_bits = (uint32_t)v[1],
                            .origin_bits = (uint32_t)v[2],
                            .len_bits = (uint32_t)v[3],
                            .meta = (uint32_t)v[4],
                            .npages = (uint32_t)v[5]};
    p->line_at = page_place(cur, PG_LINE, p->rows);
    p->line_bits_at = page_place(cur, PG_BITS, p->line_bits);
    p->origin_at = page_place(cur, PG_ORIGIN, p->rows);
    p->origin_bits_at = page_place(cur, PG_BITS, p->origin_bits);
    p->len_at = page_place(cur, PG_LINE, p->rows);
    p->len_bits_at = page_place(cur, PG_BITS, p->len_bits);
    p->meta_at = page_place(cur, PG_META, p->meta);
    p->page = slab_get(&d->mem, (p->npages + (size_t)1) * sizeof(p->page[0]));
    p->page_at = slab_get(&d->mem, (p->npages + (size_t)1) * sizeof(p->page_at[0]));
    if (p->page == NULL || p->page_at == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < p->npages; i++) {
        uint64_t n = rd_varint(r);
        if (n > PAGE_MAX)
            return -EBADMSG;
        p->page[i] = (uint32_t)n;
        p->page_at[i] = page_place(cur, PG_RAW, n);
    }
    return r->bad ? -EBADMSG : 0;
}

static int read_groups(struct block_dec *d, rd *r)
{
    uint64_t n = rd_varint(r), texts = rd_varint(r);
    struct page_cursor cur, text;

    if (r->bad || n != d->head.templates || texts > TEMPLATE_ALL_TEXT)
        return -EBADMSG;
    d->ntemplates = (uint32_t)n;
    d->texts = STR_NONE;
    d->texts_n = (uint32_t)texts;
    size_t ngroups = (n + BLOCK_GROUP - 1) / BLOCK_GROUP;
    d->groups = slab_get(&d->mem, (ngroups + 1) * sizeof(d->groups[0]));
    d->templates = slab_get(&d->mem, (n + 1) * sizeof(d->templates[0]));
    if (d->groups == NULL || d->templates == NULL)
        return -ENOMEM;
    page_cursor_init(&cur);
    page_cursor_init(&text);
    d->texts_at = page_place(&text, PG_TEXT, texts);
    d->heads_at = page_place(&text, PG_HEAD, HEAD_PLANES * n);
    for (size_t g = 0; g < ngroups; g++) {
        uint64_t desc_n = rd_varint(r);
        if (desc_n > PAGE_MAX)
            return -EBADMSG;
        d->groups[g] = (struct dec_group){.desc = (uint32_t)desc_n};
        d->groups[g].desc_at = page_place(&text, PG_DESC, desc_n);
        for (int k = PG_LINE; k < PG_COUNT; k++) {
            uint64_t next = rd_varint(r), back = rd_varint(r), off = rd_varint(r);
            cur.kind[k].next += (uint32_t)next;
            cur.kind[k].page = back ? cur.kind[k].next - (uint32_t)back : UINT32_MAX;
            cur.kind[k].off = off > PAGE_JOINT ? PAGE_JOINT : (uint32_t)off;
        }
        d->groups[g].cur = cur;
    }
    return r->bad ? -EBADMSG : 0;
}

static int read_parts(struct block_dec *d, rd *r)
{
    uint64_t hours = rd_varint(r), n = rd_varint(r), rows = 0;

    if (r->bad || hours > PAGE_MAX || n >= BLOCK_PARTS_MAX)
        return -EBADMSG;
    d->hours = (uint32_t)hours;
    d->nparts = (size_t)n + 1;
    for (size_t i = 1; i < d->nparts; i++) {
        uint64_t count = rd_varint(r);
        str seed = rd_bytes(r, sizeof(d->part[i].seed));
        if (r->bad || count == 0 || count >= d->head.count - rows)
            return -EBADMSG;
        rows += count;
        d->part[i].count = (uint32_t)count;
        memcpy(d->part[i].seed, seed.p, seed.n);
    }
    d->part[0].from = 0;
    d->part[0].count = d->head.count - (uint32_t)rows;
    memcpy(d->part[0].seed, d->head.seed, sizeof(d->part[0].seed));
    for (size_t i = 1; i < d->nparts; i++)
        d->part[i].from = d->part[i - 1].from + d->part[i - 1].count;
    return 0;
}

static int read_all(struct block_dec *d)
{
    rd r = rd_init(d->dir.p, d->dir.n);
    struct page_cursor cur;
    int rc = page_reader_open(d->pages, &r, d->head.length - BLOCK_HEAD_BYTES - d->head.dir_stored - d->head.grams,
                              read_page, d);

    page_cursor_init(&cur);
    if (rc < 0 || (rc = read_stamps(d, &r)) < 0 || (rc = read_keys(d, &r)) < 0 || (rc = read_origins(d, &r)) < 0)
        return rc;
    d->ports_alone = rd_u8(&r) != 0;
    for (int k = 0; k < 2 && d->ports_alone; k++)
        d->port_at[k] = page_place(&cur, PG_TIME, d->head.count);
    d->port[0] = d->port[1] = NULL;
    if ((rc = times_parse(&r, &cur, d->head.count, &d->mem, &d->received)) < 0 ||
        (rc = times_parse(&r, &cur, d->head.count, &d->mem, &d->event)) < 0 || (rc = read_plain(d, &r, &cur)) < 0 ||
        (rc = read_groups(d, &r)) < 0)
        return rc;
    rc = dict_open(&d->dict, d->pages, &d->mem, &r, d->head.raw_bytes + d->head.count);
    return rc < 0 ? rc : read_parts(d, &r);
}

int block_dec_open(struct block_dec *d, const struct block_src *src, const struct block_head *h, uint64_t salt)
{
    uint8_t want[BLOCK_HEAD_BYTES], have[BLOCK_HEAD_BYTES];
    int rc = read_at(src, 0, have, sizeof(have));

    if (rc < 0)
        return rc;
    block_head_write(h, salt, want);
    if (memcmp(want, have, sizeof(want)) != 0)
        return -EBADMSG;
    slab_clear(&d->mem);
    d->src = *src;
    d->head = *h;
    d->ntemplates = d->norigins = 0;
    d->cols = (struct column_reader){d->pages, &d->dict, &d->mem};
    if ((rc = read_dir(d)) < 0)
        return rc;
    return read_all(d);
}

int block_grams_read(const struct block_src *src, const struct block_head *h, uint8_t out[GRAMS_BYTES_MAX])
{
    int rc = read_at(src, h->length - h->grams, out, h->grams);
    return rc < 0 ? rc : crc32c(0, out, h->grams) == h->grams_crc ? 0 : -EBADMSG;
}

bool block_ports_alone(const struct block_dec *d) { return d->ports_alone; }

int block_dec_verify(struct block_dec *d)
{
    uint8_t grams[GRAMS_BYTES_MAX];
    int rc = block_grams_read(&d->src, &d->head, grams);

    return rc < 0 ? rc : page_reader_verify(d->pages);
}

/* Looked through before anything of it is told. */
static int hours_walk(struct block_dec *d, const uint8_t *p, block_hour_fn *fn, void *ctx)
{
    rd r = rd_init(p, d->hours);
    uint32_t count[HOURS_MAX];
    struct hours_read h;

    if (hours_parse(&r, &h) < 0 || d->norigins == 0 || d->origins[0].rows > 0)
        return -EBADMSG;
    for (uint32_t o = 1; o < d->norigins; o++) {
        if (!hours_parse_origin(&r, &h, d->origins[o].rows, count))
            return -EBADMSG;
        for (uint32_t i = 0; fn != NULL && i < h.n; i++)
            if (count[i] > 0)
                fn(ctx, h.start[i], &d->origins[o], count[i]);
    }
    return rd_left(&r) == 0 ? 1 : -EBADMSG;
}

int block_hours(struct block_dec *d, block_hour_fn *fn, void *ctx)
{
    const uint8_t *p;
    int rc = d->hours == 0 ? 0 : page_get(d->pages, PG_HOURS, (struct page_at){0, 0}, d->hours, &p);

    if (d->hours == 0 || rc < 0)
        return rc;
    rc = hours_walk(d, p, NULL, NULL);
    return rc < 0 ? rc : hours_walk(d, p, fn, ctx);
}

size_t block_dec_parts(const struct block_dec *d, const struct block_part **out)
{
    *out = d->part;
    return d->nparts;
}

void block_dec_number(struct block_dec *d, uint64_t first) { d->head.first_seq = first; }

const struct block_origin *block_origins(const struct block_dec *d, uint32_t *n)
{
    *n = d->norigins;
    return d->origins;
}
uint32_t block_rows(const struct block_dec *d) { return d->head.count; }
uint32_t block_templates(const struct block_dec *d) { return d->ntemplates; }
uint32_t block_plain_rows(const struct block_dec *d) { return d->plain.rows; }
struct dict_reader *block_dict(struct block_dec *d) { return &d->dict; }

static bool read_holes(struct block_dec *d, struct block_template *t)
{
    uint32_t n = 0;

    for (size_t i = 0; i < t->text.n; i++)
        n += (uint8_t)t->text.p[i] >= HOLE_VALUE && (uint8_t)t->text.p[i] <= HOLE_STAMP;
    if ((t->hole = slab_get(&d->mem, (n + (size_t)1) * sizeof(t->hole[0]))) == NULL)
        return false;
    for (size_t i = 0; i < t->text.n && t->holes < n; i++) {
        uint8_t c = (uint8_t)t->text.p[i];
        if (c < HOLE_VALUE || c > HOLE_STAMP)
            continue;
        t->hole[t->holes++] = (uint16_t)i;
        t->values += c == HOLE_VALUE;
    }
    return n <= TEMPLATE_VALUES_MAX + 2;
}

/* What is asked first about all templates, without what their columns are. */
static int load_heads(struct block_dec *d)
{
    size_t n = d->ntemplates, at = 0;
    const uint8_t *h, *text;
    int rc;

    if ((rc = page_get(d->pages, PG_TEXT, d->texts_at, d->texts_n, &text)) < 0 ||
        (rc = page_get(d->pages, PG_HEAD, d->heads_at, HEAD_PLANES * n, &h)) < 0)
        return rc;
    for (size_t i = 0; i < n; i++) {
        uint32_t key = h[i] | (uint32_t)h[n + i] << 8, len = h[2 * n + i] | (uint32_t)h[3 * n + i] << 8;
        uint32_t v[2];
        for (int k = 0; k < 2; k++) {
            const uint8_t *p = h + (4 + 4 * (size_t)k) * n + i;
            v[k] = p[0] | (uint32_t)p[n] << 8 | (uint32_t)p[2 * n] << 16 | (uint32_t)p[3 * n] << 24;
        }
        if (key >= d->nkeys || len > TEMPLATE_TEXT_MAX || v[0] == 0 || v[0] > d->head.count || len > d->texts_n - at)
            return -EBADMSG;
        d->templates[i] = (struct block_template){.key = &d->keys[key],
                                                  .text = {(const char *)text + at, len},
                                                  .rows = v[0],
                                                  .classes = v[1],
                                                  .flags = h[12 * n + i]};
        at += len;
    }
    if (at != d->texts_n)
        return -EBADMSG;
    d->texts = (str){(const char *)text, at};
    return 0;
}

str block_texts(const struct block_dec *d) { return d->texts; }

static int parse_template(struct block_dec *d, rd *desc, struct page_cursor *cur, struct block_template *t)
{
    uint64_t lines = rd_varint(desc), origins = rd_varint(desc);
    int rc = 0;

    if (desc->bad || lines > PAGE_MAX || origins > PAGE_MAX)
        return -EBADMSG;
    t->line_bits = (uint32_t)lines;
    t->origin_bits = (uint32_t)origins;
    t->holes = t->values = 0;
    if (!read_holes(d, t))
        return t->hole ? -EBADMSG : -ENOMEM;
    t->line_at = page_place(cur, PG_LINE, t->rows);
    t->line_bits_at = page_place(cur, PG_BITS, lines);
    t->origin_at = page_place(cur, PG_ORIGIN, t->rows);
    t->origin_bits_at = page_place(cur, PG_BITS, origins);
    if ((t->col = slab_get(&d->mem, (t->values + (size_t)1) * sizeof(t->col[0]))) == NULL)
        return -ENOMEM;
    for (uint32_t s = 0; s < t->values && rc == 0; s++)
        rc = column_parse(&d->cols, desc, cur, t->rows, 0, &t->col[s]);
    return rc;
}

static int parse_group(struct block_dec *d, uint32_t g)
{
    struct dec_group *gr = &d->groups[g];
    uint32_t from = g * BLOCK_GROUP, to = from + BLOCK_GROUP < d->ntemplates ? from + BLOCK_GROUP : d->ntemplates;
    const uint8_t *desc;
    struct page_cursor cur = gr->cur;
    int rc = page_get(d->pages, PG_DESC, gr->desc_at, gr->desc, &desc);

    if (rc < 0)
        return rc;
    rd dr = rd_init(desc, gr->desc);
    for (uint32_t i = from; i < to && rc == 0; i++)
        rc = parse_template(d, &dr, &cur, &d->templates[i]);
    gr->parsed = rc == 0;
    return rc;
}

int block_template_get(struct block_dec *d, uint32_t i, struct block_template **out)
{
    int rc = i < d->ntemplates ? 0 : -EBADMSG;

    if (rc == 0 && d->texts.p == NULL)
        rc = load_heads(d);
    if (rc == 0)
        *out = &d->templates[i];
    return rc;
}

int block_template_open(struct block_dec *d, struct block_template *t)
{
    uint32_t g = (uint32_t)(t - d->templates) / BLOCK_GROUP;
    return d->groups[g].parsed ? 0 : parse_group(d, g);
}

/* Numbers of lines out of gaps; they grow, and stay below the block's count. */
static int load_lines(struct block_dec *d, uint32_t n, struct page_at at, struct page_at bits_at, uint32_t bits,
                      uint32_t *line)
{
    struct bit_reader br = {.end = (size_t)bits * 8};
    uint64_t sum = 0, count = d->head.count;
    const uint8_t *sym;
    int rc = page_get(d->pages, PG_LINE, at, n, &sym);

    if (rc < 0 || (rc = page_get(d->pages, PG_BITS, bits_at, bits, &br.p)) < 0)
        return rc;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t gap = symbol_next(&br, sym[i]);
        if (gap >= count || (sum += gap + (i > 0)) >= count)
            return -EBADMSG;
        line[i] = (uint32_t)sum;
    }
    return br.bad ? -EBADMSG : 0;
}

static int load_origins(struct block_dec *d, uint32_t n, struct page_at at, struct page_at bits_at, uint32_t bits,
                        uint32_t *origin)
{
    struct bit_reader br = {.end = (size_t)bits * 8};
    const uint8_t *sym;
    int rc = page_get(d->pages, PG_ORIGIN, at, n, &sym);

    if (rc < 0 || (rc = page_get(d->pages, PG_BITS, bits_at, bits, &br.p)) < 0)
        return rc;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t o = symbol_next(&br, sym[i]);
        if (o >= d->norigins)
            return -EBADMSG;
        origin[i] = (uint32_t)o;
    }
    return br.bad ? -EBADMSG : 0;
}

static int load_rows(struct block_dec *d, uint32_t n, struct page_at line_at, struct page_at line_bits_at,
                     uint32_t line_bits, struct page_at origin_at, struct page_at origin_bits_at, uint32_t origin_bits,
                     uint32_t **line, uint32_t **origin)
{
    uint32_t *l = slab_get(&d->mem, (n + (size_t)1) * sizeof(*l)), *o = slab_get(&d->mem, (n + (size_t)1) * sizeof(*o));
    int rc = l && o ? 0 : -ENOMEM;

    if (rc == 0)
        rc = load_lines(d, n, line_at, line_bits_at, line_bits, l);
    if (rc == 0)
        rc = load_origins(d, n, origin_at, origin_bits_at, origin_bits, o);
    if (rc == 0) {
        *line = l;
        *origin = o;
    }
    return rc;
}

int block_template_rows(struct block_dec *d, struct block_template *t)
{
    int rc = t->line == NULL ? block_template_open(d, t) : 0;

    if (t->line != NULL || rc < 0)
        return rc;
    return load_rows(d, t->rows, t->line_at, t->line_bits_at, t->line_bits, t->origin_at, t->origin_bits_at,
                     t->origin_bits, &t->line, &t->origin);
}

int block_template_column(struct block_dec *d, struct block_template *t, uint32_t slot, struct column **out)
{
    int rc = block_template_open(d, t);

    if (rc == 0 && column_by_origin(&t->col[slot], 0))
        rc = block_template_rows(d, t);
    if (rc < 0)
        return rc;
    *out = &t->col[slot];
    return column_load(&d->cols, *out, t->origin, d->norigins);
}

int block_template_columns(struct block_dec *d, struct block_template *t)
{
    struct column *c;
    int rc = block_template_rows(d, t);

    for (uint32_t s = 0; s < t->values && rc == 0; s++)
        rc = block_template_column(d, t, s, &c);
    t->ready = rc == 0;
    return rc;
}

static int read_meta(struct block_dec *d, rd *m, struct plain_meta *row, uint32_t origin)
{
    *row = (struct plain_meta){0};
    row->key.transport = rd_u8(m);
    row->key.format = rd_u8(m);
    row->key.facility = rd_u8(m);
    row->key.severity = rd_u8(m);
    row->key.flags = rd_u16le(m);
    rd_u8(m);
    row->key.received = rd_u8(m) != 0;
    row->source = d->origins[origin].source;
    row->port = d->origins[origin].port;
    if (origin == 0) {
        if (!ip_get(m, &row->source))
            return -EBADMSG;
        row->port = rd_u16le(m);
    }
    for (int k = 0; k < SP_COUNT; k++) {
        uint64_t off = rd_varint(m), len = rd_varint(m);
        if (off > EVENT_RAW_MAX || len > EVENT_RAW_MAX)
            return -EBADMSG;
        row->span[k] = (struct span){(uint32_t)off, (uint32_t)len};
    }
    return m->bad ? -EBADMSG : 0;
}

static int plain_texts(struct block_dec *d, const uint64_t *len)
{
    struct dec_plain *p = &d->plain;
    uint32_t page = 0, at = 0;
    const uint8_t *text = NULL;

    for (uint32_t i = 0; i < p->rows; i++) {
        if (len[i] == 0) {
            p->text[i] = (str){"", 0};
            continue;
        }
        while (page < p->npages && at == p->page[page]) {
            page++;
            at = 0;
        }
        if (page == p->npages || len[i] > p->page[page] - at)
            return -EBADMSG;
        int rc = page_get(d->pages, PG_RAW, p->page_at[page], p->page[page], &text);
        if (rc < 0)
            return rc;
        p->text[i] = (str){(const char *)text + at, len[i]};
        at += (uint32_t)len[i];
    }
    return 0;
}

int plain_load(struct block_dec *d)
{
    struct dec_plain *p = &d->plain;
    uint32_t n = p->rows;
    const uint8_t *meta;

    if (p->loaded || n == 0)
        return 0;
    uint64_t *num = slab_get(&d->mem, (n + (size_t)1) * sizeof(*num));
    p->text = slab_get(&d->mem, n * sizeof(p->text[0]));
    p->row = slab_get(&d->mem, n * sizeof(p->row[0]));
    if (num == NULL || p->text == NULL || p->row == NULL)
        return -ENOMEM;
    int rc = load_rows(d, n, p->line_at, p->line_bits_at, p->line_bits, p->origin_at, p->origin_bits_at, p->origin_bits,
                       &p->line, &p->origin);
    if (rc == 0)
        rc = column_numbers(d->pages, PG_LINE, p->len_at, p->len_bits_at, p->len_bits, n, num);
    if (rc == 0)
        rc = plain_texts(d, num);
    if (rc == 0)
        rc = page_get(d->pages, PG_META, p->meta_at, p->meta, &meta);
    if (rc < 0)
        return rc;
    rd m = rd_init(meta, p->meta);
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        rc = read_meta(d, &m, &p->row[i], p->origin[i]);
        for (int k = 0; k < SP_COUNT && rc == 0; k++)
            if (p->row[i].span[k].off + (uint64_t)p->row[i].span[k].len > p->text[i].n)
                rc = -EBADMSG;
    }
    p->loaded = rc == 0;
    return rc;
}

int block_plain_lines(struct block_dec *d, const uint32_t **line, uint32_t *rows)
{
    int rc = plain_load(d);

    *line = d->plain.line;
    *rows = d->plain.rows;
    return rc;
}

int block_times(struct block_dec *d, bool received, bool event)
{
    int rc = received ? times_load(&d->received, d->pages, &d->mem) : 0;
    return rc < 0 || !event ? rc : times_load(&d->event, d->pages, &d->mem);
}

int64_t block_event_time(const struct block_dec *d, const struct template_key *key, uint32_t line, uint32_t hint[2])
{
    return key->received ? times_at(&d->received, line, &hint[0]) : times_at(&d->event, line, &hint[1]);
}

bool block_time_run(const struct block_dec *d, bool received, uint32_t k, uint32_t *line, int64_t *at)
{
    const struct times *t = received ? &d->received : &d->event;

    if (k > t->n)
        return false;
    *line = k == 0 ? 0 : t->line[k - 1];
    *at = k == 0 ? t->first : t->value[k - 1];
    return true;
}
