/* Reading the flow store: a list of what there is, taken under the lock, then
 * page by page without it. */
#include "journal/flow_store-int.h"
#include <errno.h>
#include <stdlib.h>

struct part {
    struct flow_rows *rows; /* one of the two */
    struct flow_segment *seg;
    const struct flow_stored *block;
    uint64_t first_seq, bytes;
    uint32_t relay; /* whose block it is (flow_guest.h); 0: the store's own */
};
struct parts {
    struct part *v;
    size_t n;
};

static size_t parts_max(const struct flow_store *s)
{
    size_t n = s->nfrozen + 1 + s->guests.n;

    for (size_t i = 0; i < s->nsegs; i++)
        n += s->segs[i]->nblocks;
    return n;
}

static int by_number(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    return (x->first_seq > y->first_seq) - (x->first_seq < y->first_seq);
}

static void guests_list(struct flow_store *s, struct parts *p)
{
    const struct flow_guests *all = &s->guests;

    for (size_t i = 0; i < all->n; i++) {
        const struct flow_guest *x = &all->v[i];
        p->v[p->n++] = (struct part){NULL, x->g, x->b, x->base, x->b->head.length, x->relay};
        x->g->refs++;
    }
    if (all->n > 0)
        qsort(p->v, p->n, sizeof(*p->v), by_number);
}

/* Oldest first; each is held. Under lock. */
static bool parts_list(struct flow_store *s, struct parts *p)
{
    p->v = calloc(parts_max(s), sizeof(*p->v));
    if (p->v == NULL)
        return false;
    for (size_t i = 0; i < s->nsegs; i++)
        for (size_t b = 0; b < s->segs[i]->nblocks; b++) {
            const struct flow_stored *x = s->segs[i]->blocks[b];
            p->v[p->n++] = (struct part){NULL, s->segs[i], x, x->head.first_seq, x->head.length, 0};
            s->segs[i]->refs++;
        }
    for (size_t i = 0; i <= s->nfrozen; i++) {
        struct flow_rows *r = i < s->nfrozen ? s->frozen[i].rows : s->open;
        if (r == NULL)
            continue;
        p->v[p->n++] = (struct part){r, NULL, NULL, r->first_seq, 0, 0};
        r->refs++;
    }
    guests_list(s, p);
    return true;
}

static void parts_drop(struct flow_store *s, struct parts *p)
{
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < p->n; i++) {
        flow_rows_unref(s, p->v[i].rows);
        if (p->v[i].seg != NULL)
            flow_segment_unref(p->v[i].seg);
    }
    pthread_mutex_unlock(&s->lock);
    free(p->v);
}

static bool outside(const struct part *p, const struct flow_scan_opts *o)
{
    if (o->before_seq != 0 && p->first_seq >= o->before_seq)
        return true;
    if (p->rows != NULL) /* the open block's times change while we look */
        return flow_rows_count(p->rows) == 0;
    return p->block->head.time_max < o->since_ns || p->block->head.time_min >= o->until_ns;
}

static int check(struct flow_store *s, const struct flow_scan_opts *o, struct err *e)
{
    if (o->cancel != NULL && *o->cancel)
        return ERR(e, -ECANCELED, "journal.search_cancelled");
    if (o->deadline_mono_ns != 0 && clock_mono(s->clk) > o->deadline_mono_ns)
        return ERR(e, -ETIME, "journal.search_deadline");
    return 0;
}

static int visit(struct flow_store *s, const struct part *x, struct flow_page *page, flow_page_fn *fn, void *ctx,
                 struct flow_scan_stats *st)
{
    if (x->rows != NULL)
        flow_page_rows(page, x->rows);
    else
        flow_page_block(page, x->seg->fd, x->block->off, &x->block->head);
    page->first_seq = x->first_seq;
    page->relay = x->relay;
    st->pages++;
    int rc = fn(ctx, page);
    if (page->rc == -EBADMSG || page->rc == -EIO) { /* its flows are missing here, and that is said */
        st->bad_blocks++;
        atomic_fetch_add(&s->bad_blocks, 1);
        return rc == page->rc ? 0 : rc;
    }
    return rc < 0 ? rc : page->rc < 0 ? page->rc : rc;
}

int flow_store_scan(struct flow_store *s, const struct flow_scan_opts *o, flow_page_fn *fn, void *ctx,
                    struct flow_scan_stats *st, struct err *e)
{
    struct parts parts = {0};
    struct flow_page page;
    uint64_t all = 0, done = 0;
    int rc = 0;

    if (!flow_page_init(&page))
        return ERR(e, -ENOMEM, "journal.no_memory");
    pthread_mutex_lock(&s->lock);
    bool listed = parts_list(s, &parts);
    pthread_mutex_unlock(&s->lock);
    if (!listed)
        rc = ERR(e, -ENOMEM, "journal.no_memory");
    for (size_t i = 0; i < parts.n; i++)
        all += parts.v[i].bytes;
    for (size_t i = parts.n; rc == 0 && i-- > 0;) {
        if (outside(&parts.v[i], o))
            st->skipped++;
        else if ((rc = check(s, o, e)) == 0 && (rc = visit(s, &parts.v[i], &page, fn, ctx, st)) < 0)
            ERR(e, rc, rc == -ENOMEM ? "journal.no_memory" : "journal.read", s->dir);
        done += parts.v[i].bytes;
        if (o->progress != NULL)
            o->progress(o->progress_ctx, done, all);
    }
    st->bytes_read += page.bytes_read;
    if (listed)
        parts_drop(s, &parts);
    flow_page_done(&page);
    return rc > 0 ? 0 : rc;
}

static int verify_one(void *ctx, struct flow_page *p) { return flow_page_verify(p) < 0 ? p->rc : 0; }

int flow_store_verify(struct flow_store *s, uint64_t *bad, struct err *e)
{
    struct flow_scan_opts o = {.since_ns = INT64_MIN, .until_ns = INT64_MAX};
    struct flow_scan_stats st = {0};
    int rc = flow_store_scan(s, &o, verify_one, NULL, &st, e);

    *bad = st.bad_blocks;
    return rc;
}
