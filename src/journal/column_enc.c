#include "journal/column.h"
#include "journal/column_bits.h"

enum { MAP = 1024, AHEAD = 16 };

bool column_writer_init(struct column_writer *w, struct page_writer *pages, struct dict *dict, struct grams *grams)
{
    *w = (struct column_writer){.pages = pages, .dict = dict, .grams = grams};
    slab_init(&w->mem, SIZE_MAX);
    buf_init(&w->bits, PAGE_MAX);
    w->clog = malloc(COLUMN_CLOG * sizeof(w->clog[0]));
    for (uint32_t c = 0; c < COLUMN_CLOG && w->clog; c++)
        w->clog[c] = c ? c * __builtin_log2(c) : 0;
    return w->clog != NULL;
}

void column_writer_done(struct column_writer *w)
{
    slab_done(&w->mem);
    buf_done(&w->bits);
    free(w->plan);
    free(w->clog);
    free(w->num);
    free(w->sym);
    free(w->last);
    free(w->last_row);
    for (int i = 0; i < COLUMN_DEPTH_MAX; i++)
        column_scratch_done(&w->scratch[i]);
}

bool column_writer_clear(struct column_writer *w, uint32_t origins, uint32_t rows_max)
{
    slab_clear(&w->mem);
    w->n = w->put = 0;
    w->failed = false;
    if (w->num_cap < rows_max) {
        size_t cap = rows_max + rows_max / 4;
        free(w->num);
        free(w->sym);
        w->num = malloc(cap * sizeof(w->num[0]));
        w->sym = malloc(cap);
        w->num_cap = w->num && w->sym ? cap : 0;
    }
    free(w->last);
    free(w->last_row);
    w->last = calloc(origins + 1, sizeof(w->last[0]));
    w->last_row = calloc(origins + 1, sizeof(w->last_row[0]));
    w->origins = origins;
    w->stamp = 0;
    return w->last && w->last_row && w->num_cap >= rows_max;
}

void *column_mem(struct column_writer *w, size_t n)
{
    void *p = slab_get(&w->mem, n);
    w->failed |= p == NULL;
    return p;
}

struct column_plan *column_plan_new(struct column_writer *w, uint8_t type, uint32_t rows)
{
    if (w->n == w->cap) {
        uint32_t cap = w->cap ? w->cap * 2 : 4096;
        struct column_plan *p = realloc(w->plan, cap * sizeof(*p));
        if (p == NULL) {
            w->failed = true;
            return &w->none;
        }
        w->plan = p;
        w->cap = cap;
    }
    w->plan[w->n] = (struct column_plan){.type = type, .rows = rows};
    return &w->plan[w->n++];
}

bool column_bits_begin(struct column_writer *w, struct bit_writer *bw, uint32_t n)
{
    buf_clear(&w->bits);
    if (!buf_reserve(&w->bits, n * (size_t)8 + 16)) {
        w->failed = true;
        return false;
    }
    *bw = (struct bit_writer){.p = (uint8_t *)w->bits.p};
    return true;
}

uint32_t column_bits_end(struct column_writer *w, struct bit_writer *bw, enum page_kind k, uint32_t n)
{
    size_t bits = bits_end(bw, (uint8_t *)w->bits.p);

    page_put(w->pages, k, w->sym, n);
    page_put(w->pages, PG_BITS, w->bits.p, bits);
    return (uint32_t)bits;
}

uint32_t column_put_numbers(struct column_writer *w, enum page_kind k, const uint64_t *v, uint32_t n)
{
    struct bit_writer bw;

    if (!column_bits_begin(w, &bw, n))
        return 0;
    for (uint32_t i = 0; i < n; i++)
        w->sym[i] = symbol_put(&bw, v[i]);
    return column_bits_end(w, &bw, k, n);
}

/* All digits, not too many, and either none has a leading zero or all are
 * equally long. */
static bool read_ints(struct column_writer *w, const struct cell *v, uint32_t n, uint8_t *width)
{
    bool zeros = false, same = true;

    for (uint32_t i = 0; i < n; i++) {
        const char *p = v[i].p;
        uint64_t x = 0;
        if (v[i].n == 0 || v[i].n > INT_DIGITS_MAX)
            return false;
        for (uint32_t k = 0; k < v[i].n; k++) {
            unsigned d = (unsigned)(uint8_t)p[k] - '0';
            if (d > 9)
                return false;
            x = x * 10 + d;
        }
        zeros |= p[0] == '0' && v[i].n > 1;
        same &= v[i].n == v[0].n;
        if (zeros && !same)
            return false;
        w->num[i] = x;
    }
    *width = zeros ? (uint8_t)v[0].n : 0;
    return true;
}

/* Distinct numbers by a small table; their order of appearance as symbols. */
struct small_map {
    uint64_t key[MAP];
    uint16_t val[MAP]; /* number + 1 */
    uint32_t n;
};

static int map_number(struct small_map *m, uint64_t key)
{
    uint32_t k = (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 54);

    for (; m->val[k]; k = (k + 1) % MAP)
        if (m->key[k] == key)
            return m->val[k] - 1;
    if (m->n == SMALL_MAX)
        return -1;
    m->key[k] = key;
    m->val[k] = (uint16_t)++m->n;
    return (int)m->n - 1;
}

/* Symbols of a column with few distinct keys; 0 when it is not worth it. */
static uint32_t small_symbols(struct column_writer *w, const uint64_t *keys, const uint32_t *ids, uint32_t n,
                              uint32_t *first)
{
    struct small_map m;

    memset(m.val, 0, sizeof(m.val));
    m.n = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t was = m.n;
        int s = map_number(&m, keys ? keys[i] : ids[i]);
        if (s < 0 || (i == 255 && m.n > 128))
            return 0;
        if (m.n > was)
            first[s] = i;
        w->sym[i] = (uint8_t)s;
    }
    return m.n * 3 <= n ? m.n : 0;
}

static uint32_t *ids_new(struct column_writer *w, uint32_t n) { return column_mem(w, (n ? n : 1) * sizeof(uint32_t)); }

static bool add_ints(struct column_writer *w, const struct cell *v, uint32_t n, const uint32_t *origin)
{
    uint64_t min = UINT64_MAX, max = 0;
    uint32_t first[SMALL_MAX], k;
    uint8_t width;

    if (n < 8 || !read_ints(w, v, n, &width))
        return false;
    w->classes |= CLASS_DIGIT;
    for (uint32_t i = 0; i < n; i++) {
        min = w->num[i] < min ? w->num[i] : min;
        max = w->num[i] > max ? w->num[i] : max;
    }
    if (n >= 16 && max - min > 255 && (k = small_symbols(w, w->num, NULL, n, first)) > 0) {
        struct column_plan *p = column_plan_new(w, CT_SMALL, n);
        p->k = k;
        if ((p->ids = ids_new(w, k)) == NULL)
            return true;
        for (uint32_t i = 0; i < k; i++)
            p->ids[i] = dict_add(w->dict, v[first[i]].p, v[first[i]].n);
        page_put(w->pages, PG_SYMBOL, w->sym, n);
        return true;
    }
    if (max - min >= UINT64_C(1) << 30 && width == 0)
        return false;
    struct column_plan *p = column_plan_new(w, CT_INT, n);
    p->width = width;
    column_put_ints(w, p, origin, n, min, max);
    return true;
}

static bool is_same(struct cell a, struct cell b) { return a.n == b.n && bytes_same(a.p, b.p, a.n); }

/* At most AHEAD values from the i-th on into the dictionary; false: no memory. */
static bool add_some(struct column_writer *w, const struct cell *v, uint32_t i, uint32_t n, uint32_t *ids)
{
    uint32_t hash[AHEAD];
    bool again[AHEAD];

    for (uint32_t k = 0; k < n; k++) {
        again[k] = i + k > 0 && is_same(v[i + k], v[i + k - 1]);
        hash[k] = again[k] ? 0 : dict_hash(w->dict, v[i + k].p, v[i + k].n);
        if (!again[k])
            dict_fetch(w->dict, hash[k], 0);
    }
    for (int step = 1; step < DICT_STEPS; step++)
        for (uint32_t k = 0; k < n; k++)
            if (!again[k])
                dict_fetch(w->dict, hash[k], step);
    for (uint32_t k = 0; k < n; k++, i++) {
        if (again[k]) {
            ids[i] = ids[i - 1];
            dict_recount(w->dict, ids[i], 1);
            continue;
        }
        if ((ids[i] = dict_add_hashed(w->dict, hash[k], v[i].p, v[i].n)) == UINT32_MAX)
            return false;
        w->classes |= dict_classes(w->dict, ids[i]);
    }
    return true;
}

static void add_global(struct column_writer *w, const struct cell *v, uint32_t n)
{
    uint32_t first[SMALL_MAX], k, *ids = ids_new(w, n);

    if (ids == NULL)
        return;
    for (uint32_t i = 0; i < n; i += AHEAD)
        if (!add_some(w, v, i, n - i < AHEAD ? n - i : AHEAD, ids)) {
            w->failed = true;
            return;
        }
    struct column_plan *p = column_plan_new(w, CT_GLOBAL, n);
    p->ids = ids;
    if (n < 16 || (k = small_symbols(w, NULL, ids, n, first)) == 0)
        return;
    for (uint32_t i = 0; i < n; i++)
        dict_recount(w->dict, ids[i], -1);
    for (uint32_t i = 0; i < k; i++) {
        ids[i] = ids[first[i]]; /* first[] grows: nothing is overwritten before it is read */
        dict_recount(w->dict, ids[i], 1);
    }
    p->type = CT_SMALL;
    p->k = k;
    page_put(w->pages, PG_SYMBOL, w->sym, n);
}

void column_add(struct column_writer *w, const struct cell *v, uint32_t n, const uint32_t *origin, unsigned depth)
{
    uint32_t same = 1;

    while (same < n && is_same(v[same], v[0]))
        same++;
    if (same == n) {
        struct column_plan *p = column_plan_new(w, CT_CONST, n);
        p->k = 1;
        w->classes |= text_classes(v[0].p, v[0].n);
        if ((p->ids = ids_new(w, 1)) != NULL)
            p->ids[0] = dict_add(w->dict, v[0].p, v[0].n);
        return;
    }
    if (add_ints(w, v, n, origin) ||
        (n >= 16 && depth < COLUMN_DEPTH_MAX && column_add_skeleton(w, v, n, origin, depth)))
        return;
    add_global(w, v, n);
}

static void describe_refs(struct column_writer *w, const uint32_t *ids, uint32_t n, struct buf *desc)
{
    struct dict_sizes s = dict_put_column(w->dict, w->pages, ids, n);

    buf_varint(desc, s.bits);
    buf_varint(desc, s.lens);
    buf_varint(desc, s.text);
    buf_varint(desc, s.packed);
}

void column_put(struct column_writer *w, struct buf *desc)
{
    if (w->put >= w->n)
        return;
    struct column_plan *p = &w->plan[w->put++];
    uint32_t parts = 0;

    buf_byte(desc, p->type);
    switch (p->type) {
    case CT_INT:
        buf_byte(desc, p->mode);
        buf_byte(desc, p->width);
        buf_varint(desc, p->base);
        buf_varint(desc, p->bits);
        return;
    case CT_SKELETON:
        buf_varint(desc, p->k);
        for (uint32_t i = 0; i < p->k; i++) {
            buf_varint(desc, p->skel[i].len);
            buf_add(desc, p->skel[i].text, p->skel[i].len);
            buf_varint(desc, p->skel[i].rows);
            parts += p->skel[i].rows ? p->skel[i].holes : 0;
        }
        buf_varint(desc, p->other);
        for (parts += p->other > 0; parts > 0; parts--)
            column_put(w, desc);
        return;
    case CT_SMALL:
        buf_varint(desc, p->k);
        break;
    default:
        break;
    }
    describe_refs(w, p->ids, p->type == CT_GLOBAL ? p->rows : p->k, desc);
}
