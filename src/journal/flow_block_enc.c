/* A block of flows from rows in memory (flow_block.h). The block's addresses are
 * numbered in the order they first come: busy ones come early and get small
 * numbers, which is what makes their columns small, without a sort. */
#include "intake/event.h"
#include "journal/flow_block-int.h"
#include <zstd.h>

enum { SLOTS_FIRST = 1 << 16, BLOOM_HASHES = 4, EXPORTER = 40 };

/* Numbers of distinct keys in the order they first come; 4 or 16 bytes each. */
struct numbering {
    uint32_t *slot; /* number + 1, 0 free */
    uint32_t nslots, n, cap;
    uint8_t *keys;
    unsigned width;
};
struct flow_enc {
    struct flow_codec *codec;
    struct numbering v4, v6;
    struct buf out, section;
    uint32_t *places; /* an address column as numbers */
    uint64_t *wide;
    struct flow_block_head h;
    uint64_t filter_bits;
};

static uint64_t mix(uint64_t h)
{
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93ull;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93ull;
    return h ^ h >> 32;
}

static uint64_t key_hash(const uint8_t *key, unsigned width)
{
    uint64_t a = 0, b = 0;

    if (width == 4) {
        memcpy(&a, key, 4);
        return mix(a + 0x9e3779b97f4a7c15ull);
    }
    memcpy(&a, key, 8);
    memcpy(&b, key + 8, 8);
    return mix(a ^ mix(b + 1));
}

static bool numbering_init(struct numbering *m, unsigned width)
{
    *m = (struct numbering){.width = width, .nslots = SLOTS_FIRST, .cap = SLOTS_FIRST / 2};
    m->slot = calloc(m->nslots, sizeof(*m->slot));
    m->keys = malloc((size_t)m->cap * width);
    return m->slot != NULL && m->keys != NULL;
}

static void numbering_done(struct numbering *m)
{
    free(m->slot);
    free(m->keys);
}

static void numbering_clear(struct numbering *m)
{
    memset(m->slot, 0, (size_t)m->nslots * sizeof(*m->slot));
    m->n = 0;
}

static bool numbering_grow(struct numbering *m)
{
    uint32_t nslots = m->nslots * 2, cap = nslots / 2;
    uint32_t *slot = calloc(nslots, sizeof(*slot));
    uint8_t *keys = slot != NULL ? realloc(m->keys, (size_t)cap * m->width) : NULL;

    if (keys == NULL) {
        free(slot);
        return false;
    }
    for (uint32_t i = 0; i < m->n; i++) {
        uint32_t at = (uint32_t)key_hash(keys + (size_t)i * m->width, m->width) & (nslots - 1);
        while (slot[at] != 0)
            at = (at + 1) & (nslots - 1);
        slot[at] = i + 1;
    }
    free(m->slot);
    m->slot = slot;
    m->keys = keys;
    m->nslots = nslots;
    m->cap = cap;
    return true;
}

static inline bool key_same(const uint8_t *a, const uint8_t *b, unsigned width)
{
    return width == 4 ? memcmp(a, b, 4) == 0 : memcmp(a, b, 16) == 0; /* of known length: one comparison */
}

/* UINT32_MAX: no memory. */
static inline uint32_t numbering_of(struct numbering *m, const uint8_t *key)
{
    uint32_t at = (uint32_t)key_hash(key, m->width) & (m->nslots - 1);

    for (; m->slot[at] != 0; at = (at + 1) & (m->nslots - 1))
        if (key_same(m->keys + (size_t)(m->slot[at] - 1) * m->width, key, m->width))
            return m->slot[at] - 1;
    if (m->n == m->cap) {
        if (!numbering_grow(m))
            return UINT32_MAX;
        return numbering_of(m, key);
    }
    memcpy(m->keys + (size_t)m->n * m->width, key, m->width);
    m->slot[at] = ++m->n;
    return m->n - 1;
}

struct flow_enc *flow_enc_new(void)
{
    struct flow_enc *e = calloc(1, sizeof(*e));

    if (e == NULL)
        return NULL;
    buf_init(&e->out, FLOW_BLOCK_MAX);
    buf_init(&e->section, FLOW_BLOCK_MAX);
    e->codec = flow_codec_new(FLOW_BLOCK_ROWS);
    e->places = malloc(sizeof(*e->places) * FLOW_BLOCK_ROWS);
    e->wide = malloc(sizeof(*e->wide) * FLOW_BLOCK_ROWS);
    bool ok = numbering_init(&e->v4, 4);
    ok = numbering_init(&e->v6, 16) && ok;
    if (ok && e->codec != NULL && e->places != NULL && e->wide != NULL)
        return e;
    flow_enc_free(e);
    return NULL;
}

void flow_enc_free(struct flow_enc *e)
{
    if (e == NULL)
        return;
    flow_codec_free(e->codec);
    numbering_done(&e->v4);
    numbering_done(&e->v6);
    buf_done(&e->out);
    buf_done(&e->section);
    free(e->places);
    free(e->wide);
    free(e);
}

/* Appends what was written since `from` as section i. */
static void section_end(struct flow_enc *e, int i, size_t from)
{
    struct flow_section_head *s = &e->h.sec[i];

    s->stored = (uint32_t)(e->out.n - from);
    s->crc = crc32c(0, e->out.p + from, s->stored);
}

static bool column(struct flow_enc *e, int c, const void *v, unsigned width, uint32_t n)
{
    struct flow_section_head *s = &e->h.sec[c];
    size_t from = e->out.n;

    s->range = flow_range_of(v, width, n);
    if (!flow_column_write(e->codec, v, width, n, s->range, &e->out))
        return false;
    section_end(e, c, from);
    return true;
}

static bool address_column(struct flow_enc *e, const struct flow_rows *r, int c)
{
    const uint32_t *v = (const uint32_t *)(const void *)r->col[c];
    const uint16_t *families = (const uint16_t *)(const void *)r->col[FC_families];
    unsigned shift = flow_family_shift((unsigned)c);

    for (uint32_t i = 0; i < e->h.rows; i++) {
        unsigned family = families != NULL ? families[i] >> shift & 3 : FAM_NONE;
        uint32_t place = 0;
        if (family == FAM_4)
            place = numbering_of(&e->v4, (const uint8_t *)&v[i]);
        else if (family == FAM_6)
            place = numbering_of(&e->v6, r->v6[v[i]]);
        if (place == UINT32_MAX)
            return false;
        e->places[i] = place;
    }
    return column(e, c, e->places, 4, e->h.rows);
}

static bool time_column(struct flow_enc *e, const struct flow_rows *r, int c)
{
    const int64_t *v = (const int64_t *)(const void *)r->col[c], *base = NULL;
    struct flow_section_head *s = &e->h.sec[c];

    s->coding = CODE_DELTA;
    if (c == FC_start && r->col[FC_end] != NULL) {
        s->coding = CODE_TO_END;
        base = (const int64_t *)(const void *)r->col[FC_end];
    }
    s->unit = (uint8_t)flow_times_unit(v, e->h.rows);
    s->first = v[0];
    flow_times_differ(v, base, e->h.rows, s->unit, e->wide);
    return column(e, c, e->wide, 8, e->h.rows);
}

static bool frame(struct flow_enc *e, int i, const void *p, size_t n)
{
    size_t from = e->out.n, bound = ZSTD_compressBound(n);

    if (n > 0) {
        if (!buf_reserve(&e->out, bound))
            return false;
        size_t k = ZSTD_compress(e->out.p + e->out.n, bound, p, n, 1);
        if (ZSTD_isError(k))
            return false;
        e->out.n += k;
    }
    section_end(e, i, from);
    return true;
}

static bool exporters_section(struct flow_enc *e, const struct flow_rows *r)
{
    buf_clear(&e->section);
    for (uint32_t i = 0; i < e->h.nexporters; i++) {
        const struct flow_exporter *x = &r->exporters[i];
        buf_add(&e->section, x->ip.b, 16);
        buf_byte(&e->section, x->ip.family);
        buf_byte(&e->section, x->version);
        buf_u16(&e->section, x->port);
        buf_u32(&e->section, x->domain);
        buf_u32(&e->section, x->datagrams);
        buf_u32(&e->section, x->lost);
        buf_u64(&e->section, 0);
    }
    return !e->section.failed && frame(e, FS_EXPORTERS, e->section.p, e->section.n);
}

void flow_bloom_bits(uint64_t hash, uint64_t bits, uint64_t out[4])
{
    uint64_t step = hash >> 32 | 1;

    for (int i = 0; i < BLOOM_HASHES; i++)
        out[i] = (hash + (uint64_t)i * step) % bits;
}
uint64_t flow_address_hash(const uint8_t *key, unsigned width) { return key_hash(key, width); }

static void bloom_add(uint8_t *filter, uint64_t bits, const struct numbering *m)
{
    uint64_t at[BLOOM_HASHES];

    for (uint32_t i = 0; i < m->n; i++) {
        flow_bloom_bits(key_hash(m->keys + (size_t)i * m->width, m->width), bits, at);
        for (int k = 0; k < BLOOM_HASHES; k++)
            filter[at[k] / 8] |= (uint8_t)(1u << at[k] % 8);
    }
}

static bool filter_section(struct flow_enc *e)
{
    size_t from = e->out.n, bytes = e->v4.n + e->v6.n;

    if (bytes > 0) {
        if (!buf_reserve(&e->out, bytes))
            return false;
        memset(e->out.p + from, 0, bytes);
        bloom_add((uint8_t *)e->out.p + from, bytes * 8, &e->v4);
        bloom_add((uint8_t *)e->out.p + from, bytes * 8, &e->v6);
        e->out.n += bytes;
    }
    section_end(e, FS_FILTER, from);
    return true;
}

static bool columns(struct flow_enc *e, const struct flow_rows *r)
{
    for (int c = 0; c < FC_COUNT; c++) {
        uint8_t kind = flow_columns[c].kind;
        bool ok = true;
        if (r->col[c] == NULL)
            continue;
        if (kind == FK_ADDRESS)
            ok = address_column(e, r, c);
        else if (kind == FK_TIME)
            ok = time_column(e, r, c);
        else
            ok = column(e, c, r->col[c], flow_columns[c].width, e->h.rows);
        if (!ok)
            return false;
    }
    return true;
}

str flow_block_encode(struct flow_enc *e, const struct flow_rows *r, uint64_t salt, struct flow_block_head *h)
{
    e->h = (struct flow_block_head){.first_seq = r->first_seq,
                                    .rows = flow_rows_count(r),
                                    .nexporters = r->nexporters,
                                    .time_min = r->time_min,
                                    .time_max = r->time_max};
    numbering_clear(&e->v4);
    numbering_clear(&e->v6);
    buf_clear(&e->out);
    if (!buf_reserve(&e->out, FLOW_BLOCK_HEAD))
        return STR_NONE;
    e->out.n = FLOW_BLOCK_HEAD;
    if (!columns(e, r))
        return STR_NONE;
    e->h.nv4 = e->v4.n;
    e->h.nv6 = e->v6.n;
    if (!column(e, FS_V4, e->v4.keys, 4, e->v4.n) || !frame(e, FS_V6, e->v6.keys, (size_t)e->v6.n * 16) ||
        !exporters_section(e, r) || !filter_section(e))
        return STR_NONE;
    e->h.length = e->out.n;
    flow_block_head_write(&e->h, salt, (uint8_t *)e->out.p);
    *h = e->h;
    return buf_view(&e->out);
}
