/* Stored blocks, oldest first. See sealed.h. */
#include "journal/sealed.h"
#include "journal/eval.h"
#include "journal/journal-int.h"
#include <errno.h>

struct place {
    struct segment *s;
    struct block_info info;
};

/* The first stored block that ends behind `from`; its segment is held. */
static bool place_find(struct journal *j, uint64_t from, struct place *out)
{
    bool found = false;

    pthread_mutex_lock(&j->lock);
    for (size_t i = 0; i < j->nsegs && !found; i++) {
        struct segment *s = j->segs[i];
        if (segment_next_seq(s) <= from)
            continue;
        for (size_t b = 0; b < s->nblocks && !found; b++) {
            const struct block_head *h = &s->blocks[b].head;
            if (h->first_seq + h->count <= from)
                continue;
            *out = (struct place){s, s->blocks[b]};
            s->refs++;
            found = true;
        }
    }
    pthread_mutex_unlock(&j->lock);
    return found;
}

static void bits_from(uint64_t *bits, uint32_t from, uint32_t count)
{
    for (uint32_t i = from; i < count; i++)
        bits[i / 64] |= UINT64_C(1) << i % 64;
}

static int hand_lines(struct block_dec *d, const uint64_t *bits, uint32_t from, uint32_t count, hit_fn *fn, void *ctx)
{
    int rc = block_dec_find(d, bits, NULL, COL_ALL);
    bool go = true;

    for (uint32_t lo = from; lo < count && rc == 0 && go; lo += BLOCK_CHUNK) {
        uint32_t hi = count - lo > BLOCK_CHUNK ? lo + BLOCK_CHUNK : count;
        struct rows *r;
        rc = block_dec_rows(d, bits, lo, hi, &r);
        if (rc == 0 && rows_count(r) != hi - lo)
            rc = -EBADMSG;
        for (uint32_t i = 0; rc == 0 && i < hi - lo && go; i++) {
            struct hit h = {.seq = rows_seq(r, i)};
            rows_event(r, i, COL_ALL, &h.ev);
            go = fn(ctx, &h);
        }
    }
    return rc;
}

int journal_block_hand(const struct segment *s, const struct block_info *b, uint64_t number, uint32_t skip, hit_fn *fn,
                       void *ctx)
{
    const struct block_head *h = &b->head;
    struct block_src src = {.fd = s->fd, .off = b->off};
    uint64_t *bits = calloc(bits_words(h->count) + 1, sizeof(*bits));
    struct block_dec *d = block_dec_new();
    int rc = bits == NULL || d == NULL ? -ENOMEM : block_dec_open(d, &src, h, s->salt);

    if (rc == 0) {
        block_dec_number(d, number);
        bits_from(bits, skip, h->count);
        rc = hand_lines(d, bits, skip, h->count, fn, ctx);
    }
    block_dec_free(d);
    free(bits);
    return rc;
}

int journal_sealed_block(struct journal *j, uint64_t from, hit_fn *fn, void *ctx, struct sealed_block *out,
                         struct err *e)
{
    struct place p;

    if (!place_find(j, from, &p))
        return 0;
    out->first = p.info.head.first_seq;
    out->next = p.info.head.first_seq + p.info.head.count;
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

uint64_t journal_sealed(struct journal *j)
{
    uint64_t next = 0;

    pthread_mutex_lock(&j->lock);
    for (size_t i = j->nsegs; i > 0 && next == 0; i--)
        next = segment_next_seq(j->segs[i - 1]);
    pthread_mutex_unlock(&j->lock);
    return next;
}

uint64_t journal_next(struct journal *j) { return atomic_load(&j->next_seq); }
