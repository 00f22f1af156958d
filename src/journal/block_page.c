#include "journal/block_page.h"
#include "intake/event.h"
#include "journal/page_pack.h"
#include "journal/template.h"
#include <errno.h>

enum { AREA_MAX = 1 << 30, PAGES_MAX = 1 << 20, INFLATED_MAX = 1 << 30, INFLATED_KEPT = 64 << 20 };

void page_cursor_init(struct page_cursor *c)
{
    memset(c, 0, sizeof(*c));
    for (int k = 0; k < PG_COUNT; k++)
        c->kind[k].page = UINT32_MAX;
}

struct page_at page_place(struct page_cursor *c, enum page_kind k, size_t n)
{
    if (n >= PAGE_OWN)
        return (struct page_at){c->kind[k].next++, 0};
    if (c->kind[k].page == UINT32_MAX || c->kind[k].off + n > PAGE_JOINT) {
        c->kind[k].page = c->kind[k].next++;
        c->kind[k].off = 0;
    }
    struct page_at at = {c->kind[k].page, c->kind[k].off};
    c->kind[k].off += (uint32_t)n;
    return at;
}

static bool list_set(struct page_list *l, uint32_t i, struct page_entry e)
{
    while (i >= l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 64;
        struct page_entry *v = realloc(l->v, cap * sizeof(*v));
        if (v == NULL)
            return false;
        l->v = v;
        l->cap = cap;
    }
    for (; l->n <= i; l->n++)
        l->v[l->n] = (struct page_entry){0};
    l->v[i] = e;
    return true;
}

struct page_writer {
    struct packer pack;
    struct page_cursor cur;
    struct {
        struct buf joint, out;
        struct page_list list;
    } kind[PG_COUNT];
    bool failed;
};

struct page_writer *page_writer_new(void)
{
    struct page_writer *w = calloc(1, sizeof(*w));

    if (w == NULL || (w->pack.zc = ZSTD_createCCtx()) == NULL) {
        free(w);
        return NULL;
    }
    w->pack.level = PACK_FAST;
    for (int k = 0; k < PG_COUNT; k++) {
        buf_init(&w->kind[k].joint, PAGE_JOINT + PAGE_OWN);
        buf_init(&w->kind[k].out, AREA_MAX);
    }
    page_writer_clear(w);
    return w;
}

void page_writer_level(struct page_writer *w, int level) { w->pack.level = level; }

void page_writer_stop(struct page_writer *w, bool (*stop)(void *ctx), void *ctx)
{
    w->pack.stop = stop;
    w->pack.ctx = ctx;
}

bool page_writer_failed(const struct page_writer *w) { return w->failed; }

void page_writer_free(struct page_writer *w)
{
    if (w == NULL)
        return;
    for (int k = 0; k < PG_COUNT; k++) {
        buf_done(&w->kind[k].joint);
        buf_done(&w->kind[k].out);
        free(w->kind[k].list.v);
    }
    ZSTD_freeCCtx(w->pack.zc);
    free(w);
}

void page_writer_clear(struct page_writer *w)
{
    page_cursor_init(&w->cur);
    w->failed = false;
    for (int k = 0; k < PG_COUNT; k++) {
        buf_clear(&w->kind[k].joint);
        buf_clear(&w->kind[k].out);
        w->kind[k].list.n = 0;
    }
}

static void page_close(struct page_writer *w, enum page_kind k, uint32_t page, const void *p, size_t n)
{
    struct buf *out = &w->kind[k].out;
    struct page_entry e = {.off = out->n, .plain = (uint32_t)n, .stored = (uint32_t)n};
    size_t z = 0;

    if (w->failed || packer_stops(&w->pack) || !buf_reserve(out, page_pack_room(n))) {
        w->failed = true;
        return;
    }
    if (n > 16 && (k < PG_PLAIN || w->pack.level >= PACK_KEEPS))
        z = page_pack(&w->pack, p, n, out->p + out->n);
    if (z > 0)
        e.stored = (uint32_t)z;
    else if (n > 0)
        memcpy(out->p + out->n, p, n);
    e.crc = crc32c(0, out->p + out->n, e.stored);
    out->n += e.stored;
    w->failed |= !list_set(&w->kind[k].list, page, e);
}

void page_put(struct page_writer *w, enum page_kind k, const void *p, size_t n)
{
    struct buf *joint = &w->kind[k].joint;
    uint32_t was = w->cur.kind[k].page;
    struct page_at at = page_place(&w->cur, k, n);

    if (n >= PAGE_OWN) {
        page_close(w, k, at.page, p, n);
        return;
    }
    if (at.page != was && was != UINT32_MAX) {
        page_close(w, k, was, joint->p, joint->n);
        buf_clear(joint);
    }
    buf_add(joint, p, n);
    w->failed |= joint->failed;
}

const struct page_cursor *page_writer_cursor(const struct page_writer *w) { return &w->cur; }

bool page_writer_end(struct page_writer *w)
{
    for (int k = 0; k < PG_COUNT; k++)
        if (w->cur.kind[k].page != UINT32_MAX)
            page_close(w, (enum page_kind)k, w->cur.kind[k].page, w->kind[k].joint.p, w->kind[k].joint.n);
    return !w->failed;
}

void page_writer_table(const struct page_writer *w, struct buf *out)
{
    for (int k = 0; k < PG_COUNT; k++)
        buf_varint(out, w->kind[k].list.n);
    for (int k = 0; k < PG_COUNT; k++)
        for (uint32_t i = 0; i < w->kind[k].list.n; i++) {
            buf_varint(out, w->kind[k].list.v[i].plain);
            buf_varint(out, w->kind[k].list.v[i].stored);
        }
    for (int k = 0; k < PG_COUNT; k++)
        for (uint32_t i = 0; i < w->kind[k].list.n; i++)
            buf_u32(out, w->kind[k].list.v[i].crc);
}

uint64_t page_writer_bytes(const struct page_writer *w, enum page_kind k) { return w->kind[k].out.n; }

void page_writer_copy(const struct page_writer *w, struct buf *out)
{
    for (int k = 0; k < PG_COUNT; k++)
        for (uint32_t i = 0; i < w->kind[k].list.n; i++)
            buf_add(out, w->kind[k].out.p + w->kind[k].list.v[i].off, w->kind[k].list.v[i].stored);
}

struct page_reader {
    ZSTD_DCtx *zd;
    struct page_list list[PG_COUNT];
    struct {
        uint8_t **p; /* inflated pages; NULL: not yet */
        uint32_t cap;
    } page[PG_COUNT];
    struct slab mem; /* of inflated pages: kept, since fresh memory costs more than filling it */
    uint8_t *stored;
    size_t stored_cap;
    page_read_fn *fn;
    void *ctx;
};

struct page_reader *page_reader_new(void)
{
    struct page_reader *r = calloc(1, sizeof(*r));

    if (r != NULL && (r->zd = ZSTD_createDCtx()) == NULL) {
        free(r);
        return NULL;
    }
    if (r != NULL)
        slab_init(&r->mem, INFLATED_MAX);
    return r;
}

static void forget(struct page_reader *r)
{
    for (int k = 0; k < PG_COUNT; k++) {
        for (uint32_t i = 0; i < r->list[k].n; i++)
            r->page[k].p[i] = NULL;
        r->list[k].n = 0;
    }
    if (r->mem.total > INFLATED_KEPT) /* a large block left much behind */
        slab_done(&r->mem);
    slab_clear(&r->mem);
}

void page_reader_rest(struct page_reader *r, size_t keep)
{
    forget(r);
    slab_trim(&r->mem, keep);
    free(r->stored);
    r->stored = NULL;
    r->stored_cap = 0;
}

void page_reader_free(struct page_reader *r)
{
    if (r == NULL)
        return;
    slab_done(&r->mem);
    for (int k = 0; k < PG_COUNT; k++) {
        free(r->list[k].v);
        free(r->page[k].p);
    }
    ZSTD_freeDCtx(r->zd);
    free(r->stored);
    free(r);
}

static bool slots_grow(struct page_reader *r, int k, uint32_t n)
{
    if (n <= r->page[k].cap)
        return true;
    uint8_t **p = realloc(r->page[k].p, n * sizeof(*p));
    if (p == NULL)
        return false;
    memset(p + r->page[k].cap, 0, (n - r->page[k].cap) * sizeof(*p));
    r->page[k].p = p;
    r->page[k].cap = n;
    return true;
}

static int read_table(struct page_reader *r, rd *t, uint64_t area)
{
    uint64_t counts[PG_COUNT], at = 0, sum = 0;

    for (int k = 0; k < PG_COUNT; k++) {
        counts[k] = rd_varint(t);
        if (t->bad || counts[k] > PAGES_MAX || (sum += counts[k]) > rd_left(t))
            return -EBADMSG;
        if (!slots_grow(r, k, (uint32_t)counts[k]))
            return -ENOMEM;
    }
    for (int k = 0; k < PG_COUNT; k++)
        for (uint32_t i = 0; i < counts[k]; i++) {
            uint64_t plain = rd_varint(t), stored = rd_varint(t);
            if (t->bad || plain > PAGE_MAX || stored > plain || stored > area - at)
                return -EBADMSG;
            if (!list_set(&r->list[k], i, (struct page_entry){at, (uint32_t)plain, (uint32_t)stored, 0}))
                return -ENOMEM;
            at += stored;
        }
    for (int k = 0; k < PG_COUNT; k++)
        for (uint32_t i = 0; i < counts[k]; i++)
            r->list[k].v[i].crc = rd_u32le(t);
    return t->bad || at != area ? -EBADMSG : 0;
}

int page_reader_open(struct page_reader *r, rd *table, uint64_t area, page_read_fn *fn, void *ctx)
{
    forget(r);
    r->fn = fn;
    r->ctx = ctx;
    return read_table(r, table, area);
}

static int read_stored(struct page_reader *r, const struct page_entry *e)
{
    if (e->stored > r->stored_cap) {
        free(r->stored);
        r->stored_cap = 0;
        if ((r->stored = malloc(e->stored)) == NULL)
            return -ENOMEM;
        r->stored_cap = e->stored;
    }
    int rc = r->fn(r->ctx, e->off, r->stored, e->stored);
    return rc < 0 ? rc : crc32c(0, r->stored, e->stored) == e->crc ? 0 : -EBADMSG;
}

static int inflate(struct page_reader *r, const struct page_entry *e, uint8_t **out)
{
    bool packed = e->stored < e->plain;
    int rc = read_stored(r, e);

    if (rc < 0)
        return rc;
    if (packed && !page_unpacks(r->stored, e->stored, e->plain))
        return -EBADMSG;
    uint8_t *p = slab_get(&r->mem, e->plain + (size_t)32);
    if (p == NULL)
        return -ENOMEM;
    memset(p + e->plain, 0, 32);
    if (packed)
        rc = page_unpack(r->zd, r->stored, e->stored, p, e->plain);
    else
        memcpy(p, r->stored, e->plain);
    if (rc == 0)
        *out = p;
    return rc;
}

int page_get(struct page_reader *r, enum page_kind k, struct page_at at, size_t n, const uint8_t **out)
{
    static const uint8_t nothing[32];

    if (n == 0) {
        *out = nothing;
        return 0;
    }
    if (at.page >= r->list[k].n)
        return -EBADMSG;
    const struct page_entry *e = &r->list[k].v[at.page];
    if (at.off > e->plain || n > e->plain - at.off)
        return -EBADMSG;
    int rc = r->page[k].p[at.page] ? 0 : inflate(r, e, &r->page[k].p[at.page]);
    if (rc == 0)
        *out = r->page[k].p[at.page] + at.off;
    return rc;
}

int page_reader_verify(struct page_reader *r)
{
    int rc = 0;

    for (int k = 0; k < PG_COUNT && rc == 0; k++)
        for (uint32_t i = 0; i < r->list[k].n && rc == 0; i++)
            rc = read_stored(r, &r->list[k].v[i]);
    return rc;
}
