/* Stored blocks, oldest first. See sealed.h. */
#include "journal/sealed.h"
#include "journal/eval.h"
#include "journal/journal-int.h"
#include <errno.h>

struct place {
    struct segment *s;
    struct block_info info;
    uint64_t base; /* number of its first event */
};

/* Under lock, both; *end: behind the last that is stored, when none is found. */
static bool own_find(struct journal *j, uint64_t from, struct place *out, uint64_t *end)
{
    bool found = false;

    for (size_t i = 0; i < j->nsegs && !found; i++) {
        struct segment *s = j->segs[i];
        *end = s->nblocks > 0 ? segment_next_seq(s) : *end;
        if (segment_next_seq(s) <= from)
            continue;
        for (size_t b = 0; b < s->nblocks && !found; b++) {
            const struct block_head *h = &s->blocks[b].head;
            if (h->first_seq + h->count <= from)
                continue;
            *out = (struct place){s, s->blocks[b], h->first_seq};
            found = true;
        }
    }
    return found;
}

static bool guest_find(const struct guests *g, size_t relay, uint64_t from, struct place *out, uint64_t *end)
{
    size_t at = guest_place(g, from);

    for (size_t i = at > 0 ? at - 1 : 0; i < g->n; i++)
        if (g->v[i].relay == relay && g->v[i].base + g->v[i].b.head.count > from) {
            *out = (struct place){g->v[i].s, g->v[i].b, g->v[i].base};
            return true;
        }
    for (size_t i = at; i > 0 && *end == 0; i--)
        if (g->v[i - 1].relay == relay)
            *end = g->v[i - 1].base + g->v[i - 1].b.head.count;
    return false;
}

/* The stream's first stored block that ends behind `from`; its segment is held. */
static bool place_find(struct journal *j, size_t stream, uint64_t from, struct place *out, uint64_t *end)
{
    pthread_mutex_lock(&j->lock);
    bool found = stream == 0 ? own_find(j, from, out, end) : guest_find(&j->guests, stream - 1, from, out, end);
    if (found)
        out->s->refs++;
    pthread_mutex_unlock(&j->lock);
    return found;
}

static void bits_from(uint64_t *bits, uint32_t from, uint32_t count)
{
    for (uint32_t i = from; i < count; i++)
        bits[i / 64] |= UINT64_C(1) << i % 64;
}

void block_walk_close(struct block_walk *w)
{
    block_dec_free(w->d);
    free(w->bits);
    *w = (struct block_walk){.d = NULL};
}

int block_walk_open(struct block_walk *w, const struct segment *s, const struct block_info *b, uint64_t number,
                    uint32_t skip)
{
    struct block_src src = {.fd = s->fd, .off = b->off};

    *w = (struct block_walk){.relay = s->relay[0] != '\0' ? s->relay : NULL, .count = b->head.count, .lo = skip};
    w->bits = calloc(bits_words(b->head.count) + 1, sizeof(*w->bits));
    w->d = block_dec_new();
    int rc = w->bits == NULL || w->d == NULL ? -ENOMEM : block_dec_open(w->d, &src, &b->head, s->salt);
    if (rc == 0) {
        block_dec_number(w->d, number);
        bits_from(w->bits, skip, w->count);
        rc = block_dec_find(w->d, w->bits, NULL, COL_ALL);
    }
    if (rc < 0)
        block_walk_close(w);
    return rc;
}

int block_walk_next(struct block_walk *w, struct hit *out)
{
    if (w->rows == NULL || w->at == rows_count(w->rows)) {
        if (w->lo == w->count)
            return 0;
        uint32_t hi = w->count - w->lo > BLOCK_CHUNK ? w->lo + BLOCK_CHUNK : w->count;
        int rc = block_dec_rows(w->d, w->bits, w->lo, hi, &w->rows);
        if (rc < 0)
            return rc;
        if (rows_count(w->rows) != hi - w->lo)
            return -EBADMSG;
        w->lo = hi;
        w->at = 0;
    }
    out->seq = rows_seq(w->rows, w->at);
    rows_event(w->rows, w->at++, COL_ALL, &out->ev);
    out->ev.relay = str_c(w->relay);
    return 1;
}

int journal_block_hand(const struct segment *s, const struct block_info *b, uint64_t number, uint32_t skip, hit_fn *fn,
                       void *ctx)
{
    struct block_walk w;
    struct hit h;
    int rc = block_walk_open(&w, s, b, number, skip);

    if (rc < 0)
        return rc;
    while ((rc = block_walk_next(&w, &h)) == 1 && fn(ctx, &h))
        ;
    block_walk_close(&w);
    return rc < 0 ? rc : 0;
}

int journal_sealed_block(struct journal *j, size_t stream, uint64_t from, hit_fn *fn, void *ctx,
                         struct sealed_block *out, struct err *e)
{
    struct place p;

    *out = (struct sealed_block){.first = 0};
    if (!place_find(j, stream, from, &p, &out->next))
        return 0;
    out->first = p.base;
    out->next = p.base + p.info.head.count;
    uint32_t skip = from > out->first ? (uint32_t)(from - out->first) : 0;
    int rc = journal_block_hand(p.s, &p.info, out->first, skip, fn, ctx);
    if (rc == -ENOMEM)
        ERR(e, rc, "journal.no_memory");
    else if (rc < 0)
        ERR(e, rc, "journal.sealed_bad", N((int64_t)out->first), p.s->path);
    pthread_mutex_lock(&j->lock);
    segment_unref(p.s);
    pthread_mutex_unlock(&j->lock);
    return rc < 0 ? rc : 1;
}

void journal_sealed_numbers(struct journal *j, uint64_t from, number_fn *fn, void *ctx)
{
    pthread_mutex_lock(&j->lock);
    for (size_t i = 0; i < j->nsegs; i++) {
        const struct segment *s = j->segs[i];
        for (size_t b = segment_next_seq(s) <= from ? s->nblocks : 0; b < s->nblocks; b++) {
            const struct block_head *h = &s->blocks[b].head;
            if (h->first_seq + h->count > from)
                fn(ctx, h->first_seq, h->first_seq + h->count);
        }
    }
    pthread_mutex_unlock(&j->lock);
}

struct numbers {
    uint64_t from, to;
    number_fn *fn;
    void *ctx;
};

static int numbers_see(void *ctx, const struct ledger_entry *n)
{
    const struct numbers *w = ctx;
    uint64_t next = n->first + n->records;

    w->fn(w->ctx, n->first > w->from ? n->first : w->from, next < w->to ? next : w->to);
    return 0;
}

int ledger_numbers(const char *dir, enum ledger_stream stream, uint64_t from, uint64_t to, number_fn *fn, void *ctx,
                   struct err *e)
{
    struct numbers w = {from, to, fn, ctx};

    return ledger_blocks(dir, stream, from, to, numbers_see, &w, e);
}

int journal_numbers(struct journal *j, uint64_t from, uint64_t to, number_fn *fn, void *ctx, struct err *e)
{
    return j->ledger == NULL ? -ENODATA : ledger_numbers(j->dir, LEDGER_LOG, from, to, fn, ctx, e);
}

uint64_t journal_next(struct journal *j) { return atomic_load(&j->next_seq); }
