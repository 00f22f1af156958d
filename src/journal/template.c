#include "journal/template.h"
#include "base/rand.h"
#include <sys/mman.h>

enum { SLOTS = 4 * TEMPLATES_MAX, CHUNK_FIRST = 256, CHUNK_MAX = 64 << 10 };
enum { PART = 1 << 20, LARGE = 4 << 20, HUGE_PAGE = 2 << 20, PART_LARGE = 2 * HUGE_PAGE - 64 };

struct slab_part {
    struct slab_part *next;
    size_t size;
    uint64_t bytes[];
};

void slab_init(struct slab *s, size_t max) { *s = (struct slab){.max = max}; }

void slab_done(struct slab *s)
{
    for (struct slab_part *p = s->parts, *next; p != NULL; p = next) {
        next = p->next;
        free(p);
    }
    *s = (struct slab){.max = s->max};
}

void slab_trim(struct slab *s, size_t keep)
{
    struct slab_part **at = &s->parts;

    s->total = 0;
    while (*at != NULL && s->total + (*at)->size <= keep) {
        s->total += (*at)->size;
        at = &(*at)->next;
    }
    for (struct slab_part *p = *at, *next; p != NULL; p = next) {
        next = p->next;
        free(p);
    }
    *at = NULL;
    slab_clear(s);
}

/* Large ones are filled soon: a page of 2 MiB where the kernel has one, not a fault for each 4 KiB of it. */
static void *part_new(size_t n)
{
    if (n < PART_LARGE)
        return malloc(n);
    n = (n + HUGE_PAGE - 1) & ~(size_t)(HUGE_PAGE - 1);
    void *p = aligned_alloc(HUGE_PAGE, n);
    if (p != NULL)
        madvise(p, n, MADV_HUGEPAGE);
    return p;
}

void slab_clear(struct slab *s)
{
    s->cur = s->parts;
    s->used = 0;
}

/* Parts are used in order; one that is too small for what is asked is passed over. */
void *slab_get(struct slab *s, size_t n)
{
    n = (n + 7) & ~(size_t)7;
    while (s->cur != NULL && n > s->cur->size - s->used) {
        if (s->cur->next == NULL)
            break;
        s->cur = s->cur->next;
        s->used = 0;
    }
    if (s->cur == NULL || n > s->cur->size - s->used) {
        size_t least = s->total < LARGE ? PART : PART_LARGE, size = n > least ? n : least;
        if (size > s->max || s->total > s->max - size)
            return NULL;
        struct slab_part *p = part_new(sizeof(*p) + size + SLAB_SLACK);
        if (p == NULL)
            return NULL;
        p->next = NULL;
        p->size = size;
        if (s->cur == NULL)
            s->parts = p;
        else
            s->cur->next = p;
        s->cur = p;
        s->used = 0;
        s->total += size;
    }
    void *at = (char *)s->cur->bytes + s->used;
    s->used += n;
    return at;
}

struct template_set {
    _Alignas(64) struct template v[TEMPLATES_MAX];
    uint16_t slot[SLOTS]; /* number + 1 */
    uint32_t n;
    uint64_t again; /* lines whose template was there already */
    struct template_key *keys;
    uint32_t nkeys, keys_cap, last_key;
    char *text;
    size_t text_n;
    uint64_t seed;
    struct slab rows;
};

struct template_set *template_set_new(void)
{
    struct template_set *s = aligned_alloc(_Alignof(struct template_set), sizeof(*s));

    if (s != NULL)
        memset(s, 0, sizeof(*s));
    if (s == NULL || (s->text = malloc(TEMPLATE_ALL_TEXT + 64)) == NULL) {
        free(s);
        return NULL;
    }
    rand_bytes(&s->seed, sizeof(s->seed));
    slab_init(&s->rows, SIZE_MAX);
    return s;
}

void template_set_free(struct template_set *s)
{
    if (s == NULL)
        return;
    slab_done(&s->rows);
    free(s->keys);
    free(s->text);
    free(s);
}

void template_set_clear(struct template_set *s, size_t raw_bytes)
{
    memset(s->slot, 0, sizeof(s->slot));
    s->n = s->nkeys = s->last_key = 0;
    s->again = 0;
    s->text_n = 0;
    if (s->rows.total > 4 * raw_bytes + (32 << 20)) /* an odd block left much behind */
        slab_done(&s->rows);
    slab_clear(&s->rows);
}

/* Number of the key, UINT32_MAX at the ceiling. Few keys follow each other. */
static uint32_t key_number(struct template_set *s, const struct template_key *key)
{
    for (uint32_t i = s->nkeys; i > 0; i--)
        if (memcmp(&s->keys[i - 1], key, sizeof(*key)) == 0)
            return i - 1;
    if (s->nkeys == TEMPLATE_KEYS_MAX)
        return UINT32_MAX;
    if (s->nkeys == s->keys_cap) {
        uint32_t cap = s->keys_cap ? s->keys_cap * 2 : 64;
        struct template_key *p = realloc(s->keys, cap * sizeof(*p));
        if (p == NULL)
            return UINT32_MAX;
        s->keys = p;
        s->keys_cap = cap;
    }
    s->keys[s->nkeys] = *key;
    return s->nkeys++;
}

static bool is_template(const struct template_set *s, const struct template *t, uint64_t hash,
                        const struct template_key *key, const char *text, uint32_t len)
{
    return t->hash == hash && t->text_len == len && bytes_same(s->text + t->text_off, text, len) &&
           bytes_same((const char *)&s->keys[t->key], (const char *)key, sizeof(*key));
}

uint64_t template_hash(const struct template_set *s, const struct template_key *key, const char *text, uint32_t len)
{
    return hash_bytes(text, len, hash_bytes((const char *)key, sizeof(*key), s->seed));
}

void template_fetch(const struct template_set *s, uint64_t hash, int step)
{
    uint32_t k = (uint32_t)hash % SLOTS;

    if (step == 0) {
        __builtin_prefetch(&s->slot[k]);
        return;
    }
    if (s->slot[k] == 0)
        return;
    const struct template *t = &s->v[s->slot[k] - 1];
    if (step == 1) {
        __builtin_prefetch(t);
    } else if (t->hash == hash) {
        __builtin_prefetch(s->text + t->text_off);
        __builtin_prefetch(t->at, 1);
    }
}

struct template *template_get(struct template_set *s, uint64_t hash, const struct template_key *key, const char *text,
                              uint32_t len, uint32_t values)
{
    uint32_t k = (uint32_t)hash % SLOTS;

    for (; s->slot[k]; k = (k + 1) % SLOTS)
        if (is_template(s, &s->v[s->slot[k] - 1], hash, key, text, len)) {
            s->again++;
            return &s->v[s->slot[k] - 1];
        }
    /* Text that does not come again is no pattern: zstd alone does better with it. */
    if (s->n >= TEMPLATES_FLOOD && s->again < s->n)
        return NULL;
    if (s->n == TEMPLATES_MAX || len > TEMPLATE_TEXT_MAX || len > TEMPLATE_ALL_TEXT - s->text_n)
        return NULL;
    uint32_t number = key_number(s, key);
    if (number == UINT32_MAX)
        return NULL;
    struct template *t = &s->v[s->n++];
    *t = (struct template){
        .hash = hash, .text_off = (uint32_t)s->text_n, .text_len = len, .key = number, .values = values};
    memcpy(s->text + s->text_n, text, len);
    s->text_n += len;
    s->slot[k] = (uint16_t)s->n;
    return t;
}

static void chunk_end(const struct template *t)
{
    if (t->last)
        t->last->used = (uint32_t)(t->at - t->last->bytes);
}

static struct chunk *chunk_add(struct template_set *s, struct template *t, uint32_t need)
{
    /* most templates have few rows: with twice as much each time a quarter of all would stay empty */
    uint32_t size = t->last ? t->last->size + t->last->size / 4 : CHUNK_FIRST;

    size = size > CHUNK_MAX ? CHUNK_MAX : size;
    size = size < need ? need : size;
    struct chunk *c = slab_get(&s->rows, sizeof(*c) + size);
    if (c == NULL)
        return NULL;
    *c = (struct chunk){.size = size};
    chunk_end(t);
    if (t->last)
        t->last->next = c;
    else
        t->first = c;
    t->at = c->bytes;
    t->end = c->bytes + size;
    return t->last = c;
}

uint8_t *template_row(struct template_set *s, struct template *t, uint32_t line, uint32_t origin, uint32_t bytes)
{
    uint32_t need = 8 + 2 * t->values + bytes;

    /* 16 bytes more: values are copied in steps */
    if (need + 16 > (size_t)(t->end - t->at) && chunk_add(s, t, need + 16) == NULL)
        return NULL;
    uint8_t *p = t->at;
    memcpy(p, &line, 4);
    memcpy(p + 4, &origin, 4);
    t->at += need;
    t->rows++;
    return p + 8;
}

struct row_walk row_walk(const struct template *t)
{
    chunk_end(t);
    return (struct row_walk){t->first, 0, t->values};
}

bool row_next(struct row_walk *w, struct row_view *out)
{
    while (w->c != NULL && w->at >= w->c->used) {
        w->c = w->c->next;
        w->at = 0;
    }
    if (w->c == NULL)
        return false;
    const uint8_t *p = w->c->bytes + w->at;
    memcpy(&out->line, p, 4);
    memcpy(&out->origin, p + 4, 4);
    out->lens = p + 8;
    out->bytes = (const char *)p + 8 + 2 * (size_t)w->values;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < w->values; i++)
        sum += row_len(out, i);
    w->at += 8 + 2 * w->values + sum;
    return true;
}

uint32_t template_count(const struct template_set *s) { return s->n; }
struct template *template_at(struct template_set *s, uint32_t i) { return &s->v[i]; }
const char *template_text(const struct template_set *s, const struct template *t) { return s->text + t->text_off; }
const struct template_key *template_key(const struct template_set *s, uint32_t key) { return &s->keys[key]; }
uint32_t template_key_count(const struct template_set *s) { return s->nkeys; }
