#include "journal/column.h"
#include "journal/column_bits.h"
#include <errno.h>

enum { BITS_MAX = 64 << 20 };

static int parse_refs(rd *desc, struct page_cursor *cur, uint32_t n, struct dict_place *out)
{
    uint64_t v[4];

    for (int i = 0; i < 4; i++)
        if ((v[i] = rd_varint(desc)) > PAGE_MAX)
            return -EBADMSG;
    *out = dict_place(cur, n, (struct dict_sizes){(uint32_t)v[0], (uint32_t)v[1], (uint32_t)v[2], (uint32_t)v[3]});
    return desc->bad ? -EBADMSG : 0;
}

static int parse_skeletons(struct column_reader *r, rd *desc, struct column *c)
{
    uint64_t k = rd_varint(desc), sum = 0;

    if (k > SKELETONS_MAX || desc->bad)
        return -EBADMSG;
    c->k = (uint32_t)k;
    if ((c->skel = slab_get(r->mem, (k + 1) * sizeof(*c->skel))) == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < k; i++) {
        uint64_t len = rd_varint(desc);
        if (len > SKELETON_LEN_MAX)
            return -EBADMSG;
        str text = rd_bytes(desc, len);
        uint64_t rows = rd_varint(desc);
        if (desc->bad || rows > c->rows)
            return -EBADMSG;
        c->skel[i] = (struct skeleton){.len = (uint8_t)len, .rows = (uint32_t)rows};
        if (len > 0)
            memcpy(c->skel[i].text, text.p, len);
        for (uint32_t b = 0; b < len; b++)
            c->skel[i].holes = (uint8_t)(c->skel[i].holes + (text.p[b] == HOLE_VALUE));
        c->nparts += rows ? c->skel[i].holes : 0;
        sum += rows;
    }
    uint64_t other = rd_varint(desc);
    if (other > c->rows || sum + other != c->rows)
        return -EBADMSG;
    c->other = (uint32_t)other;
    c->nparts += other > 0;
    return 0;
}

static int parse_parts(struct column_reader *r, rd *desc, struct page_cursor *cur, unsigned depth, struct column *c)
{
    uint32_t at = 0;
    int rc = 0;

    if ((c->part = slab_get(r->mem, (c->nparts + (size_t)1) * sizeof(*c->part))) == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < c->k; i++)
        for (uint32_t h = 0; c->skel[i].rows > 0 && h < c->skel[i].holes && rc == 0; h++)
            rc = column_parse(r, desc, cur, c->skel[i].rows, depth + 1, &c->part[at++]);
    if (rc == 0 && c->other > 0)
        rc = column_parse(r, desc, cur, c->other, depth + 1, &c->part[at]);
    return rc;
}

static int parse_int(rd *desc, struct page_cursor *cur, struct column *c)
{
    uint64_t bits;

    c->mode = rd_u8(desc);
    c->width = rd_u8(desc);
    c->base = rd_varint(desc);
    bits = rd_varint(desc);
    if (bits > BITS_MAX || c->width > INT_DIGITS_MAX || c->mode > INT_RANGE + 56)
        return -EBADMSG;
    c->bits = (uint32_t)bits;
    c->sym_at = page_place(cur, PG_NUMBER, c->rows);
    c->bits_at = page_place(cur, PG_BITS, c->bits);
    return 0;
}

int column_parse(struct column_reader *r, rd *desc, struct page_cursor *cur, uint32_t rows, unsigned depth,
                 struct column *out)
{
    struct column *c = out;
    uint64_t k;
    int rc = 0;

    *c = (struct column){.type = rd_u8(desc), .rows = rows};
    if (c->type >= CT_COUNT || depth > COLUMN_DEPTH_MAX + 1 || desc->bad)
        return -EBADMSG;
    switch (c->type) {
    case CT_CONST:
        c->k = 1;
        rc = parse_refs(desc, cur, 1, &c->refs_at);
        break;
    case CT_SMALL:
        k = rd_varint(desc);
        if (k == 0 || k > SMALL_MAX)
            return -EBADMSG;
        c->k = (uint32_t)k;
        c->sym_at = page_place(cur, PG_SYMBOL, rows);
        rc = parse_refs(desc, cur, c->k, &c->refs_at);
        break;
    case CT_INT:
        rc = parse_int(desc, cur, c);
        break;
    case CT_SKELETON:
        if ((rc = parse_skeletons(r, desc, c)) == 0) {
            c->sym_at = page_place(cur, PG_SYMBOL, rows);
            rc = parse_parts(r, desc, cur, depth, c);
        }
        break;
    default:
        rc = parse_refs(desc, cur, rows, &c->refs_at);
    }
    return rc == 0 && desc->bad ? -EBADMSG : rc;
}

#define SHAPE(s)                                                                                                       \
    {                                                                                                                  \
        (s) < 16 ? (s) : (UINT64_C(4) | ((s)&3)) << ((s) < 16 ? 0 : ((s)-16) / 4 + 2), (s) < 16 ? 0 : ((s)-16) / 4 + 2 \
    }
#define SHAPES4(s)  SHAPE(s), SHAPE((s) + 1), SHAPE((s) + 2), SHAPE((s) + 3)
#define SHAPES16(s) SHAPES4(s), SHAPES4((s) + 4), SHAPES4((s) + 8), SHAPES4((s) + 12)
#define SHAPES64(s) SHAPES16(s), SHAPES16((s) + 16), SHAPES16((s) + 32), SHAPES16((s) + 48)
const struct symbol_shape symbol_shapes[256] = {SHAPES64(0), SHAPES64(64), SHAPES64(128), SHAPES64(192)};

int column_numbers(struct page_reader *pages, enum page_kind k, struct page_at sym_at, struct page_at bits_at,
                   uint32_t bits, uint32_t n, uint64_t *out)
{
    struct bit_reader br = {.end = (size_t)bits * 8};
    const uint8_t *sym;
    int rc = page_get(pages, k, sym_at, n, &sym);

    if (rc == 0)
        rc = page_get(pages, PG_BITS, bits_at, bits, &br.p);
    for (uint32_t i = 0; i < n && rc == 0; i++)
        out[i] = symbol_next(&br, sym[i]);
    return rc == 0 && br.bad ? -EBADMSG : rc;
}

static int load_refs(struct column_reader *r, struct column *c, uint32_t n)
{
    c->refs = slab_get(r->mem, (n + (size_t)1) * sizeof(c->refs[0]));
    c->val = slab_get(r->mem, (n + (size_t)1) * sizeof(c->val[0]));
    if (c->refs == NULL || c->val == NULL)
        return -ENOMEM;
    return dict_get_column(r->dict, &c->refs_at, n, c->refs, c->val);
}

static int undo_origins(struct column_reader *r, struct column *c, const uint32_t *origin, uint32_t norigins)
{
    uint64_t *last = calloc(norigins + (size_t)1, sizeof(*last));
    uint8_t *known = calloc(norigins + (size_t)1, 1);
    int rc = last && known ? 0 : -ENOMEM;

    for (uint32_t i = 0; i < c->rows && rc == 0; i++) {
        uint32_t o = origin[i];
        uint64_t before = known[o] ? last[o] : i > 0 ? c->num[i - 1] : c->base;
        c->num[i] = before + (uint64_t)unzigzag(c->num[i]);
        known[o] = 1;
        last[o] = c->num[i];
    }
    free(last);
    free(known);
    return rc;
}

static int load_int(struct column_reader *r, struct column *c, const uint32_t *origin, uint32_t norigins)
{
    struct bit_reader br = {.end = (size_t)c->bits * 8};
    const uint8_t *sym;
    int rc = 0;

    if ((c->num = slab_get(r->mem, (c->rows + (size_t)1) * sizeof(c->num[0]))) == NULL)
        return -ENOMEM;
    if (c->mode >= INT_RANGE) {
        unsigned shift = c->mode - INT_RANGE;
        if ((rc = page_get(r->pages, PG_NUMBER, c->sym_at, c->rows, &sym)) < 0 ||
            (rc = page_get(r->pages, PG_BITS, c->bits_at, c->bits, &br.p)) < 0)
            return rc;
        if (shift == 0)
            for (uint32_t i = 0; i < c->rows; i++)
                c->num[i] = c->base + sym[i];
        else
            for (uint32_t i = 0; i < c->rows; i++)
                c->num[i] = c->base + ((uint64_t)sym[i] << shift | bits_get(&br, shift));
        return br.bad ? -EBADMSG : 0;
    }
    rc = column_numbers(r->pages, PG_NUMBER, c->sym_at, c->bits_at, c->bits, c->rows, c->num);
    if (rc < 0)
        return rc;
    if (c->mode == INT_ORIGIN)
        return origin ? undo_origins(r, c, origin, norigins) : -EBADMSG;
    uint64_t at = c->base;
    for (uint32_t i = 0; i < c->rows; i++)
        c->num[i] = c->mode == INT_FLOAT ? c->num[i] + c->base : (at += (uint64_t)unzigzag(c->num[i]));
    return 0;
}

static int number_rows(struct column *c)
{
    uint32_t count[SKELETONS_MAX + 1] = {0};

    for (uint32_t i = 0; i < c->rows; i++) {
        if (c->sym[i] > c->k)
            return -EBADMSG;
        c->sub[i] = count[c->sym[i]]++;
    }
    for (uint32_t i = 0; i < c->k; i++)
        if (count[i] != c->skel[i].rows)
            return -EBADMSG;
    return 0;
}

static int load_skeleton(struct column_reader *r, struct column *c, const uint32_t *origin, uint32_t norigins)
{
    uint32_t at = 0, *from = NULL;
    int rc = page_get(r->pages, PG_SYMBOL, c->sym_at, c->rows, &c->sym);

    if (rc < 0)
        return rc;
    c->sub = slab_get(r->mem, (c->rows + (size_t)1) * sizeof(c->sub[0]));
    from = origin ? slab_get(r->mem, (c->rows + (size_t)1) * sizeof(from[0])) : NULL;
    if (c->sub == NULL || (origin && from == NULL))
        return -ENOMEM;
    if ((rc = number_rows(c)) < 0)
        return rc;
    for (uint32_t s = 0; s <= c->k && rc == 0; s++) {
        uint32_t rows = s < c->k ? c->skel[s].rows : c->other, k = 0;
        for (uint32_t i = 0; i < c->rows && origin; i++)
            if (c->sym[i] == s)
                from[k++] = origin[i];
        for (uint32_t h = 0; rows > 0 && h < (s < c->k ? c->skel[s].holes : 1u) && rc == 0; h++)
            rc = column_load(r, &c->part[at++], from, norigins);
    }
    return rc;
}

bool column_by_origin(const struct column *c, unsigned depth)
{
    bool by = c->type == CT_INT && c->mode == INT_ORIGIN;

    for (uint32_t i = 0; c->type == CT_SKELETON && i < c->nparts && depth <= COLUMN_DEPTH_MAX && !by; i++)
        by = column_by_origin(&c->part[i], depth + 1);
    return by;
}

int column_load(struct column_reader *r, struct column *c, const uint32_t *origin, uint32_t norigins)
{
    int rc;

    if (c->loaded)
        return 0;
    switch (c->type) {
    case CT_CONST:
        rc = load_refs(r, c, 1);
        break;
    case CT_SMALL:
        rc = load_refs(r, c, c->k);
        if (rc == 0)
            rc = page_get(r->pages, PG_SYMBOL, c->sym_at, c->rows, &c->sym);
        for (uint32_t i = 0; i < c->rows && rc == 0; i++)
            rc = c->sym[i] < c->k ? 0 : -EBADMSG;
        break;
    case CT_INT:
        rc = load_int(r, c, origin, norigins);
        break;
    case CT_SKELETON:
        rc = load_skeleton(r, c, origin, norigins);
        break;
    default:
        rc = load_refs(r, c, c->rows);
    }
    c->loaded = rc == 0;
    return rc;
}

static const char pairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748"
    "49505152535455565758596061626364656667686970717273747576777879808182838485868788899091929394959697"
    "9899";

static size_t put_int(uint64_t v, unsigned width, char *out, size_t room)
{
    char t[24];
    size_t n = sizeof(t);

    for (; v >= 100; v /= 100)
        memcpy(t + (n -= 2), pairs + 2 * (v % 100), 2);
    if (v >= 10)
        memcpy(t + (n -= 2), pairs + 2 * v, 2);
    else
        t[--n] = (char)('0' + v);
    while (sizeof(t) - n < width)
        t[--n] = '0';
    if (sizeof(t) - n > room)
        return SIZE_MAX;
    memcpy(out, t + n, sizeof(t) - n);
    return sizeof(t) - n;
}

static inline size_t put_value(const struct dict_value *v, char *out, size_t room)
{
    if (v->n > room)
        return SIZE_MAX;
    memcpy(out, v->p, v->n);
    return v->n;
}

static size_t put_skeleton(const struct column *c, uint32_t row, char *out, size_t room)
{
    uint32_t s = c->sym[row], at = 0;
    size_t n = 0;

    for (uint32_t i = 0; i < s; i++)
        at += c->skel[i].rows ? c->skel[i].holes : 0;
    if (s == c->k)
        return column_text(&c->part[at], c->sub[row], out, room);
    for (uint32_t i = 0; i < c->skel[s].len; i++) {
        if (c->skel[s].text[i] != HOLE_VALUE) {
            if (n == room)
                return SIZE_MAX;
            out[n++] = c->skel[s].text[i];
            continue;
        }
        size_t k = column_text(&c->part[at++], c->sub[row], out + n, room - n);
        if (k == SIZE_MAX)
            return SIZE_MAX;
        n += k;
    }
    return n;
}

size_t column_text(const struct column *c, uint32_t row, char *out, size_t room)
{
    switch (c->type) {
    case CT_CONST:
        return put_value(&c->val[0], out, room);
    case CT_SMALL:
        return put_value(&c->val[c->sym[row]], out, room);
    case CT_INT:
        return put_int(c->num[row], c->width, out, room);
    case CT_SKELETON:
        return put_skeleton(c, row, out, room);
    default:
        return put_value(&c->val[row], out, room);
    }
}
