#include "journal/dict.h"
#include "journal/column_bits.h"
#include "base/rand.h"

struct entry {
    const char *p;
    uint32_t n, count, hash, code, classes;
    uint8_t class; /* DC_*; asked while the bytes are at hand */
};
enum { AHEAD = 8 }; /* values whose bytes are asked for before they are looked at */
struct sorted {     /* a value of a bucket, in its order */
    uint64_t key;
    uint32_t id;
    uint8_t class;
};
struct dict {
    struct entry *v;
    uint32_t n, cap, ranked;
    uint32_t *slot; /* number + 1; a power of two */
    uint32_t slots;
    uint64_t seed;
    uint32_t *order; /* by rank */
    size_t order_cap;
    struct buf sym[6], bits, packed;
    struct sorted *sort;
    size_t sort_cap;
    struct grams *grams;
    bool failed;
};

struct dict *dict_new(struct grams *grams)
{
    struct dict *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return NULL;
    d->grams = grams;
    rand_bytes(&d->seed, sizeof(d->seed));
    for (int i = 0; i < 6; i++)
        buf_init(&d->sym[i], PAGE_MAX);
    buf_init(&d->bits, PAGE_MAX);
    buf_init(&d->packed, PAGE_MAX);
    return d;
}

void dict_free(struct dict *d)
{
    if (d == NULL)
        return;
    for (int i = 0; i < 6; i++)
        buf_done(&d->sym[i]);
    buf_done(&d->bits);
    buf_done(&d->packed);
    free(d->v);
    free(d->slot);
    free(d->order);
    free(d->sort);
    free(d);
}

void dict_clear(struct dict *d)
{
    d->n = d->ranked = 0;
    d->failed = false;
    if (d->slot)
        memset(d->slot, 0, d->slots * sizeof(d->slot[0]));
}

static bool grow_table(struct dict *d)
{
    uint32_t slots = d->slots ? d->slots * 2 : 1 << 16;
    uint32_t *p = calloc(slots, sizeof(*p));

    if (p == NULL)
        return false;
    for (uint32_t i = 0; i < d->n; i++) {
        uint32_t k = d->v[i].hash & (slots - 1);
        while (p[k])
            k = (k + 1) & (slots - 1);
        p[k] = i + 1;
    }
    free(d->slot);
    d->slot = p;
    d->slots = slots;
    return true;
}

static bool grow(struct dict *d)
{
    if (d->n == d->cap) {
        uint32_t cap = d->cap ? d->cap * 2 : 1 << 15;
        struct entry *v = realloc(d->v, cap * sizeof(*v));
        if (v == NULL)
            return false;
        d->v = v;
        d->cap = cap;
    }
    return d->n * (uint64_t)2 < d->slots || grow_table(d);
}

uint32_t dict_hash(const struct dict *d, const char *p, uint32_t n) { return (uint32_t)hash_bytes(p, n, d->seed); }

void dict_fetch(const struct dict *d, uint32_t hash, int step)
{
    if (d->slots == 0)
        return;
    const uint32_t *slot = &d->slot[hash & (d->slots - 1)];
    if (step == 0)
        __builtin_prefetch(slot);
    else if (*slot != 0 && step == 1)
        __builtin_prefetch(&d->v[*slot - 1], 1);
    else if (*slot != 0 && d->v[*slot - 1].hash == hash)
        __builtin_prefetch(d->v[*slot - 1].p);
}

uint32_t dict_add(struct dict *d, const char *p, uint32_t n) { return dict_add_hashed(d, dict_hash(d, p, n), p, n); }

uint32_t dict_add_hashed(struct dict *d, uint32_t hash, const char *p, uint32_t n)
{
    if (!grow(d)) {
        d->failed = true;
        return UINT32_MAX;
    }
    uint32_t k = hash & (d->slots - 1);
    for (; d->slot[k]; k = (k + 1) & (d->slots - 1)) {
        struct entry *e = &d->v[d->slot[k] - 1];
        if (e->hash == hash && e->n == n && bytes_same(e->p, p, n)) {
            e->count++;
            return d->slot[k] - 1;
        }
    }
    uint64_t number;
    d->v[d->n] = (struct entry){.p = p,
                                .n = n,
                                .count = 1,
                                .hash = hash,
                                .classes = text_classes(p, n),
                                .class = (uint8_t)dict_class_of(p, n, &number)};
    grams_add(d->grams, p, n);
    d->slot[k] = ++d->n;
    return d->n - 1;
}

uint32_t dict_classes(const struct dict *d, uint32_t id) { return d->v[id].classes; }

void dict_recount(struct dict *d, uint32_t id, int64_t by) { d->v[id].count = (uint32_t)(d->v[id].count + by); }

/* By falling count, in order of appearance where it is equal. */
static void rank_values(struct dict *d)
{
    enum { TOP = 1 << 16 };
    uint32_t *at = calloc(TOP + 1, sizeof(*at)), sum = 0;

    if (d->order_cap < d->n) {
        free(d->order);
        d->order = malloc(d->n * sizeof(d->order[0]));
        d->order_cap = d->order ? d->n : 0;
    }
    if (at == NULL || (d->n > 0 && d->order == NULL)) {
        d->failed = true;
        free(at);
        return;
    }
    for (uint32_t i = 0; i < d->n; i++)
        at[d->v[i].count < TOP ? d->v[i].count : TOP]++;
    for (uint32_t c = TOP; c > 0; c--) {
        uint32_t n = at[c];
        at[c] = sum;
        sum += n;
        if (c == 2)
            d->ranked = sum;
    }
    for (uint32_t i = 0; i < d->n; i++)
        if (d->v[i].count >= 2) {
            uint32_t rank = at[d->v[i].count < TOP ? d->v[i].count : TOP]++;
            d->order[rank] = i;
            d->v[i].code = DICT_FRESH + rank;
        } else {
            d->v[i].code = d->v[i].class;
        }
    free(at);
}

static uint8_t nibble(char c) { return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10); }

static void put_hex(struct buf *out, const char *p, uint32_t n)
{
    for (uint32_t i = 0; i < n; i += 2)
        buf_byte(out, (uint8_t)(nibble(p[i]) | (i + 1 < n ? nibble(p[i + 1]) << 4 : 0)));
}

static void put_uuid(struct buf *out, const char *p)
{
    char hex[32];
    unsigned k = 0;

    for (unsigned i = 0; i < 36; i++)
        if (p[i] != '-')
            hex[k++] = p[i];
    put_hex(out, hex, 32);
}

static void start_streams(struct dict *d)
{
    for (int i = 0; i < 6; i++)
        buf_clear(&d->sym[i]);
    buf_clear(&d->bits);
    buf_clear(&d->packed);
}

static bool bits_room(struct dict *d, struct bit_writer *w, size_t numbers)
{
    if (!buf_reserve(&d->bits, numbers * 8 + 16)) {
        d->failed = true;
        return false;
    }
    *w = (struct bit_writer){.p = (uint8_t *)d->bits.p};
    return true;
}

enum { S_LEN, S_TEXT, S_RANK };

static void put_fresh(struct dict *d, struct bit_writer *w, const struct entry *e)
{
    uint64_t number = 0;

    switch (e->class) {
    case DC_IP4:
        dict_class_of(e->p, e->n, &number);
        buf_u32(&d->packed, (uint32_t)number);
        break;
    case DC_NUM:
        dict_class_of(e->p, e->n, &number);
        buf_byte(&d->sym[S_LEN], symbol_put(w, number));
        break;
    case DC_HEX:
    case DC_HEX_UP:
        buf_byte(&d->sym[S_LEN], symbol_put(w, e->n));
        put_hex(&d->packed, e->p, e->n);
        break;
    case DC_UUID:
        put_uuid(&d->packed, e->p);
        break;
    default:
        buf_byte(&d->sym[S_LEN], symbol_put(w, e->n));
        buf_add(&d->sym[S_TEXT], e->p, e->n);
    }
}

struct dict_sizes dict_put_column(struct dict *d, struct page_writer *w, const uint32_t *ids, uint32_t n)
{
    struct bit_writer bw;

    start_streams(d);
    if (d->failed || !bits_room(d, &bw, 2 * (size_t)n) || !buf_reserve(&d->sym[S_RANK], n)) {
        d->failed = true;
        return (struct dict_sizes){0};
    }
    uint8_t *sym = (uint8_t *)d->sym[S_RANK].p;
    for (uint32_t i = 0; i < n; i++)
        sym[i] = symbol_put(&bw, d->v[ids[i]].code);
    d->sym[S_RANK].n = n;
    for (uint32_t i = 0; i < n; i++)
        if (d->v[ids[i]].code < DICT_FRESH)
            put_fresh(d, &bw, &d->v[ids[i]]);
    size_t bits = bits_end(&bw, (uint8_t *)d->bits.p);
    page_put(w, PG_RANK, sym, n);
    page_put(w, PG_RANK_BITS, d->bits.p, bits);
    page_put(w, PG_FRESH_LEN, d->sym[S_LEN].p, d->sym[S_LEN].n);
    page_put(w, PG_FRESH, d->sym[S_TEXT].p, d->sym[S_TEXT].n);
    page_put(w, PG_PACKED, d->packed.p, d->packed.n);
    d->failed |= d->sym[S_LEN].failed || d->sym[S_TEXT].failed || d->packed.failed;
    return (struct dict_sizes){(uint32_t)bits, (uint32_t)d->sym[S_LEN].n, (uint32_t)d->sym[S_TEXT].n,
                               (uint32_t)d->packed.n};
}

static int by_value(const void *a, const void *b, void *ctx)
{
    const struct sorted *x = a, *y = b;
    const struct dict *d = ctx;

    if (x->class != y->class)
        return x->class < y->class ? -1 : 1;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    const struct entry *e = &d->v[x->id], *f = &d->v[y->id];
    int c = memcmp(e->p, f->p, e->n < f->n ? e->n : f->n);
    return c ? c : e->n < f->n ? -1 : e->n > f->n;
}

static uint64_t text_key(const char *p, uint32_t n)
{
    uint8_t b[8] = {0};
    uint64_t v;

    memcpy(b, p, n < 8 ? n : 8);
    memcpy(&v, b, 8);
    return __builtin_bswap64(v);
}

static void put_sorted(struct dict *d, struct bit_writer *w, const struct sorted *s, const struct sorted *before)
{
    const struct entry *e = &d->v[s->id], *f = before ? &d->v[before->id] : NULL;
    uint64_t base = before ? before->key : 0;
    uint32_t same = 0, most;

    switch (s->class) {
    case DC_IP4:
    case DC_NUM:
        buf_byte(&d->sym[s->class == DC_IP4 ? 0 : 1], symbol_put(w, s->key - base));
        return;
    case DC_HEX:
    case DC_HEX_UP:
        buf_byte(&d->sym[2], symbol_put(w, e->n));
        put_hex(&d->packed, e->p, e->n);
        return;
    case DC_UUID:
        put_uuid(&d->packed, e->p);
        return;
    default:
        most = f ? (e->n < f->n ? e->n : f->n) : 0;
        while (same < most && e->p[same] == f->p[same])
            same++;
        buf_byte(&d->sym[3], symbol_put(w, same));
        buf_byte(&d->sym[4], symbol_put(w, e->n - same));
        buf_add(&d->sym[5], e->p + same, e->n - same);
    }
}

static bool put_bucket(struct dict *d, struct page_writer *w, struct buf *head, uint32_t from, uint32_t to)
{
    uint32_t n = to - from, count[DC_COUNT] = {0};
    struct bit_writer bw;

    for (uint32_t i = 0; i < n; i++) {
        const struct entry *e = &d->v[d->order[from + i]];
        uint64_t key;
        if (i + AHEAD < n)
            __builtin_prefetch(d->v[d->order[from + i + AHEAD]].p);
        if (e->class == DC_IP4 || e->class == DC_NUM)
            dict_class_of(e->p, e->n, &key);
        else
            key = text_key(e->p, e->n);
        d->sort[i] = (struct sorted){key, d->order[from + i], e->class};
        count[e->class]++;
    }
    qsort_r(d->sort, n, sizeof(d->sort[0]), by_value, d);
    start_streams(d);
    if (!bits_room(d, &bw, 2 * (size_t)n))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        put_sorted(d, &bw, &d->sort[i], i > 0 && d->sort[i - 1].class == d->sort[i].class ? &d->sort[i - 1] : NULL);
        d->v[d->sort[i].id].code = DICT_FRESH + from + i;
    }
    size_t bits = bits_end(&bw, (uint8_t *)d->bits.p);
    for (int c = 0; c < DC_COUNT; c++)
        buf_varint(head, count[c]);
    buf_varint(head, d->sym[5].n);
    buf_varint(head, bits);
    buf_varint(head, d->packed.n);
    bool good = !d->packed.failed;
    for (int i = 0; i < 6; i++) {
        page_put(w, PG_DICT, d->sym[i].p, d->sym[i].n);
        good = good && !d->sym[i].failed;
    }
    page_put(w, PG_DICT_BITS, d->bits.p, bits);
    page_put(w, PG_DICT_PACKED, d->packed.p, d->packed.n);
    return good;
}

bool dict_failed(const struct dict *d) { return d->failed; }

bool dict_finish(struct dict *d, struct page_writer *w, struct buf *head)
{
    rank_values(d);
    if (d->failed)
        return false;
    if (d->sort_cap < d->ranked) {
        free(d->sort);
        d->sort = malloc(d->ranked * sizeof(d->sort[0]));
        d->sort_cap = d->sort ? d->ranked : 0;
        if (d->sort == NULL)
            return false;
    }
    buf_varint(head, d->ranked);
    for (uint32_t from = 0; from < d->ranked;) {
        unsigned raw;
        symbol_of(DICT_FRESH + from, &raw); /* a bucket holds what its raw bits tell apart */
        uint32_t to = (uint32_t)(((DICT_FRESH + from) >> raw) + 1) * (1u << raw) - DICT_FRESH;
        to = to > d->ranked ? d->ranked : to;
        if (!put_bucket(d, w, head, from, to))
            return false;
        from = to;
    }
    return true;
}
