#include "journal/dict.h"
#include "journal/column_bits.h"
#include <errno.h>

enum { VALUES_MAX = 64 << 20, NUM_TEXT = 20 };

static int bucket_head(rd *head, struct dict_bucket *b, uint32_t n, struct page_cursor *cur)
{
    uint64_t sum = 0, v[DC_COUNT + 3];

    for (int i = 0; i < DC_COUNT + 3; i++)
        v[i] = rd_varint(head);
    for (int c = 0; c < DC_COUNT; c++) {
        if (v[c] > n)
            return -EBADMSG;
        b->count[c] = (uint32_t)v[c];
        sum += v[c];
    }
    if (head->bad || sum != n || v[DC_COUNT] > PAGE_MAX || v[DC_COUNT + 1] > PAGE_MAX || v[DC_COUNT + 2] > PAGE_MAX)
        return -EBADMSG;
    b->text = (uint32_t)v[DC_COUNT];
    b->bits = (uint32_t)v[DC_COUNT + 1];
    b->packed = (uint32_t)v[DC_COUNT + 2];
    uint32_t hex = b->count[DC_HEX] + b->count[DC_HEX_UP];
    uint32_t len[6] = {b->count[DC_IP4], b->count[DC_NUM], hex, b->count[DC_TEXT], b->count[DC_TEXT], b->text};
    for (int i = 0; i < 6; i++)
        b->at[i] = page_place(cur, PG_DICT, len[i]);
    b->bits_at = page_place(cur, PG_DICT_BITS, b->bits);
    b->packed_at = page_place(cur, PG_DICT_PACKED, b->packed);
    return 0;
}

int dict_open(struct dict_reader *d, struct page_reader *pages, struct slab *mem, rd *head, uint64_t rows)
{
    struct page_cursor cur;
    uint64_t n = rd_varint(head);

    d->pages = pages;
    d->mem = mem;
    d->nbuckets = 0;
    d->count = 0;
    if (head->bad || n > VALUES_MAX || n / 128 > rows)
        return -EBADMSG;
    d->v = slab_get(mem, (size_t)(n + 1) * sizeof(d->v[0]));
    if (d->v == NULL)
        return -ENOMEM;
    memset(d->v, 0, (size_t)(n + 1) * sizeof(d->v[0]));
    page_cursor_init(&cur);
    for (uint32_t from = 0; from < n;) {
        unsigned raw;
        symbol_of(DICT_FRESH + from, &raw);
        uint32_t to = (uint32_t)(((DICT_FRESH + from) >> raw) + 1) * (1u << raw) - DICT_FRESH;
        to = to > n ? (uint32_t)n : to;
        struct dict_bucket *b = &d->bucket[d->nbuckets++];
        *b = (struct dict_bucket){.first = from};
        int rc = bucket_head(head, b, to - from, &cur);
        if (rc < 0)
            return rc;
        from = to;
    }
    d->count = (uint32_t)n;
    return 0;
}

static uint32_t put_number(char *out, uint64_t v)
{
    char t[NUM_TEXT];
    uint32_t n = 0;

    do
        t[NUM_TEXT - ++n] = (char)('0' + v % 10);
    while ((v /= 10) > 0);
    memcpy(out, t + NUM_TEXT - n, n);
    return n;
}

static uint32_t put_ip4(char *out, uint32_t ip)
{
    uint32_t n = 0;

    for (int i = 24; i >= 0; i -= 8) {
        unsigned part = ip >> i & 0xff;
        if (part >= 100)
            out[n++] = (char)('0' + part / 100);
        if (part >= 10)
            out[n++] = (char)('0' + part / 10 % 10);
        out[n++] = (char)('0' + part % 10);
        if (i > 0)
            out[n++] = '.';
    }
    return n;
}

static void put_hex(char *out, const uint8_t *p, uint32_t n, const char *digits)
{
    for (uint32_t i = 0; i < n; i++)
        out[i] = digits[p[i / 2] >> i % 2 * 4 & 15];
}

static void put_uuid(char *out, const uint8_t *p)
{
    char hex[32];
    unsigned k = 0;

    put_hex(hex, p, 32, "0123456789abcdef");
    for (unsigned i = 0; i < 36; i++)
        out[i] = i == 8 || i == 13 || i == 18 || i == 23 ? '-' : hex[k++];
}

static const char *const hex_digits[2] = {"0123456789abcdef", "0123456789ABCDEF"};

/* Values of one bucket or column as they are read: streams with their ends. */
struct source {
    struct slab *mem;
    struct bit_reader bits;
    const uint8_t *sym[5], *text, *packed;
    uint32_t text_left, packed_left;
};

static const uint8_t *take(const uint8_t **p, uint32_t *left, uint64_t n)
{
    const uint8_t *at = *p;

    if (n > *left)
        return NULL;
    *p += n;
    *left -= (uint32_t)n;
    return at;
}

static int read_number(struct source *s, uint64_t v, struct dict_value *out)
{
    char *p = slab_get(s->mem, NUM_TEXT);

    if (p == NULL)
        return -ENOMEM;
    *out = (struct dict_value){p, put_number(p, v)};
    return 0;
}

static int read_ip4(struct source *s, uint32_t ip, struct dict_value *out)
{
    char *p = slab_get(s->mem, 16);

    if (p == NULL)
        return -ENOMEM;
    *out = (struct dict_value){p, put_ip4(p, ip)};
    return 0;
}

static int read_packed(struct source *s, enum dict_class c, uint64_t len, struct dict_value *out)
{
    if (c == DC_UUID)
        len = 32;
    if (len > DICT_VALUE_MAX)
        return -EBADMSG;
    const uint8_t *from = take(&s->packed, &s->packed_left, (len + 1) / 2);
    char *p = from ? slab_get(s->mem, len + 8) : NULL;
    if (p == NULL)
        return from ? -ENOMEM : -EBADMSG;
    if (c == DC_UUID)
        put_uuid(p, from);
    else
        put_hex(p, from, (uint32_t)len, hex_digits[c == DC_HEX_UP]);
    *out = (struct dict_value){p, c == DC_UUID ? 36 : (uint32_t)len};
    return 0;
}

static int read_text(struct source *s, struct dict_value before, uint64_t same, uint64_t len, struct dict_value *out)
{
    if (same > before.n || len > DICT_VALUE_MAX || same + len > DICT_VALUE_MAX)
        return -EBADMSG;
    const uint8_t *from = take(&s->text, &s->text_left, len);
    if (from == NULL)
        return -EBADMSG;
    if (same == 0) { /* pages stay as long as the reader */
        *out = (struct dict_value){(const char *)from, (uint32_t)len};
        return 0;
    }
    char *p = slab_get(s->mem, same + len);
    if (p == NULL)
        return -ENOMEM;
    memcpy(p, before.p, same);
    memcpy(p + same, from, len);
    *out = (struct dict_value){p, (uint32_t)(same + len)};
    return 0;
}

static int read_class(struct source *s, enum dict_class c, uint32_t n, struct dict_value *v)
{
    uint64_t at = 0;
    struct dict_value before = {"", 0};
    int rc = 0;

    for (uint32_t i = 0; i < n && rc == 0; i++) {
        if (c == DC_IP4) {
            at += symbol_get(&s->bits, *s->sym[0]++);
            rc = read_ip4(s, (uint32_t)at, &v[i]);
        } else if (c == DC_NUM) {
            at += symbol_get(&s->bits, *s->sym[1]++);
            rc = read_number(s, at, &v[i]);
        } else if (c == DC_TEXT) {
            uint64_t same = symbol_get(&s->bits, *s->sym[3]++), len = symbol_get(&s->bits, *s->sym[4]++);
            rc = read_text(s, before, same, len, &v[i]);
            before = v[i];
        } else {
            rc = read_packed(s, c, c == DC_UUID ? 0 : symbol_get(&s->bits, *s->sym[2]++), &v[i]);
        }
    }
    return rc == 0 && s->bits.bad ? -EBADMSG : rc;
}

/* Its streams: those of texts, or those of the other classes. */
static int open_bucket(struct dict_reader *d, const struct dict_bucket *b, bool texts, struct source *s)
{
    uint32_t hex = b->count[DC_HEX] + b->count[DC_HEX_UP];
    uint32_t len[6] = {b->count[DC_IP4], b->count[DC_NUM], hex, b->count[DC_TEXT], b->count[DC_TEXT], b->text};
    int rc = 0;

    *s = (struct source){.mem = d->mem, .text_left = b->text, .packed_left = b->packed};
    for (int i = texts ? 3 : 0; i < (texts ? 6 : 3) && rc == 0; i++)
        rc = page_get(d->pages, PG_DICT, b->at[i], len[i], i < 5 ? &s->sym[i] : &s->text);
    if (rc == 0)
        rc = page_get(d->pages, PG_DICT_BITS, b->bits_at, b->bits, &s->bits.p);
    if (rc == 0 && !texts)
        rc = page_get(d->pages, PG_DICT_PACKED, b->packed_at, b->packed, &s->packed);
    s->bits.end = (size_t)b->bits * 8;
    return rc;
}

int dict_read_texts(struct dict_reader *d, uint32_t bucket)
{
    struct dict_bucket *b = &d->bucket[bucket];
    struct source s;
    int rc = b->texts ? 0 : open_bucket(d, b, true, &s);

    if (rc < 0 || b->texts)
        return rc;
    _Static_assert(DC_TEXT == 0, "texts are the first class: their raw bits stand before those of the others");
    rc = read_class(&s, DC_TEXT, b->count[DC_TEXT], d->v + b->first);
    b->texts = rc == 0;
    b->texts_bits = s.bits.at;
    return rc;
}

int dict_read_bucket(struct dict_reader *d, uint32_t bucket)
{
    struct dict_bucket *b = &d->bucket[bucket];
    struct source s;
    int rc = b->read ? 0 : dict_read_texts(d, bucket);

    if (rc < 0 || b->read || (rc = open_bucket(d, b, false, &s)) < 0)
        return rc;
    s.bits.at = b->texts_bits;
    uint32_t at = b->first + b->count[DC_TEXT];
    for (int c = DC_TEXT + 1; c < DC_COUNT && rc == 0; c++) {
        rc = read_class(&s, (enum dict_class)c, b->count[c], d->v + at);
        at += b->count[c];
    }
    b->read = rc == 0;
    return rc;
}

uint32_t dict_bucket_of(const struct dict_reader *d, uint32_t rank)
{
    uint32_t lo = 0, hi = d->nbuckets;

    while (hi - lo > 1) {
        uint32_t mid = (lo + hi) / 2;
        if (d->bucket[mid].first <= rank)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

/* Which streams hold how much follows from the references: fresh classes are
 * counted first. Lengths of text are needed before its page can be asked for. */
struct fresh {
    uint32_t n, count[DC_COUNT];
};

static int read_refs(struct dict_reader *d, const uint8_t *sym, struct bit_reader *bits, uint32_t n, uint32_t *refs,
                     struct fresh *f)
{
    for (uint32_t i = 0; i < n; i++) {
        uint64_t v = symbol_get(bits, sym[i]);
        if (v >= DICT_FRESH + (uint64_t)d->count || (v < DICT_FRESH && v >= DC_COUNT))
            return -EBADMSG;
        refs[i] = (uint32_t)v;
        if (v < DICT_FRESH) {
            f->count[v]++;
            f->n++;
        }
    }
    return bits->bad ? -EBADMSG : 0;
}

static int fresh_lens(struct source *s, const uint32_t *refs, uint32_t n, uint64_t *lens)
{
    for (uint32_t i = 0; i < n; i++)
        if (refs[i] < DICT_FRESH)
            *lens++ = refs[i] == DC_IP4 || refs[i] == DC_UUID ? 0 : symbol_get(&s->bits, *s->sym[0]++);
    return s->bits.bad ? -EBADMSG : 0;
}

static int read_fresh(struct source *s, uint32_t class, uint64_t len, struct dict_value *out)
{
    const uint8_t *ip;
    uint32_t v;

    switch (class) {
    case DC_NUM:
        return read_number(s, len, out);
    case DC_IP4:
        if ((ip = take(&s->packed, &s->packed_left, 4)) == NULL)
            return -EBADMSG;
        memcpy(&v, ip, 4);
        return read_ip4(s, v, out);
    case DC_TEXT:
        return read_text(s, (struct dict_value){"", 0}, 0, len, out);
    default:
        return read_packed(s, (enum dict_class) class, len, out);
    }
}

static int fill_values(struct dict_reader *d, struct source *s, const uint32_t *refs, uint32_t n, const uint64_t *lens,
                       struct dict_value *out)
{
    int rc = 0;

    for (uint32_t i = 0; i < n && rc == 0; i++) {
        if (refs[i] < DICT_FRESH) {
            rc = read_fresh(s, refs[i], *lens++, &out[i]);
            continue;
        }
        uint32_t rank = refs[i] - DICT_FRESH;
        if (d->v[rank].p == NULL)
            rc = dict_read_bucket(d, dict_bucket_of(d, rank));
        out[i] = d->v[rank];
    }
    return rc;
}

struct dict_place dict_place(struct page_cursor *cur, uint32_t n, struct dict_sizes size)
{
    struct dict_place at = {.size = size};

    at.rank = page_place(cur, PG_RANK, n);
    at.bits = page_place(cur, PG_RANK_BITS, size.bits);
    at.lens = page_place(cur, PG_FRESH_LEN, size.lens);
    at.text = page_place(cur, PG_FRESH, size.text);
    at.packed = page_place(cur, PG_PACKED, size.packed);
    return at;
}

int dict_fresh_text(struct dict_reader *d, const struct dict_place *at, const uint8_t **out)
{
    return page_get(d->pages, PG_FRESH, at->text, at->size.text, out);
}

int dict_refers(struct dict_reader *d, const struct dict_place *at, uint32_t n, const uint8_t *marks, uint8_t mark)
{
    struct bit_reader bits = {.end = (size_t)at->size.bits * 8};
    const uint8_t *sym;
    int rc = page_get(d->pages, PG_RANK, at->rank, n, &sym);

    if (rc == 0)
        rc = page_get(d->pages, PG_RANK_BITS, at->bits, at->size.bits, &bits.p);
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        uint64_t v = symbol_next(&bits, sym[i]);
        if (bits.bad || v >= DICT_FRESH + (uint64_t)d->count)
            return -EBADMSG;
        rc = v >= DICT_FRESH && marks[v - DICT_FRESH] == mark;
    }
    return rc;
}

int dict_get_column(struct dict_reader *d, const struct dict_place *at, uint32_t n, uint32_t *refs,
                    struct dict_value *out)
{
    struct source s = {.mem = d->mem, .text_left = at->size.text, .packed_left = at->size.packed};
    struct fresh f = {0};
    const uint8_t *sym;
    uint64_t *lens = NULL;
    int rc = page_get(d->pages, PG_RANK, at->rank, n, &sym);

    if (rc == 0)
        rc = page_get(d->pages, PG_RANK_BITS, at->bits, at->size.bits, &s.bits.p);
    s.bits.end = (size_t)at->size.bits * 8;
    if (rc == 0)
        rc = read_refs(d, sym, &s.bits, n, refs, &f);
    if (rc < 0 || out == NULL)
        return rc;
    if (at->size.lens != f.n - f.count[DC_IP4] - f.count[DC_UUID])
        return -EBADMSG;
    if (f.n > 0 && (lens = slab_get(d->mem, f.n * sizeof(lens[0]))) == NULL)
        return -ENOMEM;
    if ((rc = page_get(d->pages, PG_FRESH_LEN, at->lens, at->size.lens, &s.sym[0])) < 0 ||
        (rc = page_get(d->pages, PG_FRESH, at->text, at->size.text, &s.text)) < 0 ||
        (rc = page_get(d->pages, PG_PACKED, at->packed, at->size.packed, &s.packed)) < 0 ||
        (rc = fresh_lens(&s, refs, n, lens)) < 0)
        return rc;
    return fill_values(d, &s, refs, n, lens, out);
}
