/* Kept events to whoever takes them (the rules): block by block in the relay's order, from where
 * the taker says it is. Nothing is remembered here: the taker's place outlives a crash, and what
 * lies behind it in the files is what is left to hand. */
#include "relay/store-int.h"
#include "base/log.h"
#include "intake/event.h"
#include "journal/sealed.h"
#include <errno.h>

enum { BATCH_BYTES = 1 << 20, AGAIN_S = 1 };

struct handing {
    struct relay_store *s;
    struct event_batch batch;
    uint64_t first, number; /* of the first event in the batch */
    uint64_t ahead;         /* a number here less the relay's */
    int rc;                 /* of the taker */
    struct err *e;
};

static bool hand_batch(struct handing *x)
{
    if (x->batch.count == 0)
        return true;
    struct relay_batch b = {x->s->name, str_c(x->s->anchor), event_batch_seal(&x->batch), x->first, x->number};
    x->rc = x->s->cfg.taker->take(x->s->cfg.taker->ctx, &b, x->e);
    if (x->rc == 0) {
        x->s->st.handed += x->batch.count;
        x->s->handed = x->first + x->batch.count;
    }
    event_batch_clear(&x->batch);
    return x->rc == 0;
}

static bool collect(void *ctx, const struct hit *h)
{
    struct handing *x = ctx;

    if (x->batch.count > 0 && event_batch_add(&x->batch, &h->ev))
        return true;
    if (!hand_batch(x))
        return false;
    x->number = h->seq;
    x->first = h->seq - x->ahead;
    return event_batch_add(&x->batch, &h->ev);
}

/* A block that cannot be read any more is told and passed by: verify names it. */
static int hand_block(struct handing *x, const struct segment *g, const struct block_info *b)
{
    struct relay_store *s = x->s;
    uint64_t first = b->head.first_seq, next = first + b->head.count;
    const struct place *p = store_place(s, LEDGER_LOG, first);
    struct err bad = {0};

    x->ahead = (p != NULL ? p->base : first) - first;
    uint32_t skip = s->handed > first ? (uint32_t)(s->handed - first) : 0;
    int rc = journal_block_hand(g, b, first + x->ahead, skip, collect, x);
    if (x->rc == 0 && rc == 0)
        hand_batch(x);
    if (x->rc < 0)
        return x->rc;
    if (rc == -ENOMEM)
        return ERR(x->e, rc, "journal.no_memory");
    if (rc < 0) {
        event_batch_clear(&x->batch);
        ERR(&bad, rc, "journal.sealed_bad", N((int64_t)first), g->path);
        log_err(LOG_ERROR, "relay_hand", &bad);
    }
    s->handed = next;
    return 0;
}

static int hand_all(struct handing *x)
{
    struct relay_store *s = x->s;
    int rc = s->cfg.taker->next(s->cfg.taker->ctx, s->name, str_c(s->anchor), s->begin, &s->handed, x->e);

    for (size_t i = 0; rc == 0 && i < s->nsegs; i++) {
        const struct segment *g = s->segs[i];
        if (g->nblocks == 0 || segment_next_seq(g) <= s->handed)
            continue;
        for (size_t b = 0; rc == 0 && b < g->nblocks; b++) {
            const struct block_head *h = &g->blocks[b].head;
            if (h->first_seq < s->signed_next[LEDGER_LOG] && h->first_seq + h->count > s->handed)
                rc = hand_block(x, g, &g->blocks[b]);
        }
    }
    return rc;
}

static bool has_more(const struct relay_store *s)
{
    for (size_t i = s->nsegs; i > 0; i--)
        for (size_t b = s->segs[i - 1]->nblocks; b > 0; b--) {
            const struct block_head *h = &s->segs[i - 1]->blocks[b - 1].head;
            if (h->first_seq < s->signed_next[LEDGER_LOG])
                return h->first_seq + h->count > s->handed;
        }
    return false;
}

bool store_behind(const struct relay_store *s)
{
    return s->cfg.taker != NULL && clock_mono(s->cfg.clk) >= s->hand_due && has_more(s);
}

/* Told once, not each second: it may be that another luyd judges. */
static void refused(struct relay_store *s, int rc, const struct err *e)
{
    s->hand_due = rc < 0 ? clock_mono(s->cfg.clk) + AGAIN_S * NS_PER_S : 0;
    if (rc < 0 && rc != s->hand_rc && rc != -EROFS && rc != -ECANCELED)
        log_err(LOG_ERROR, "relay_hand", e);
    s->hand_rc = rc;
}

bool store_hand(struct relay_store *s)
{
    struct err e = {0};
    struct handing x = {.s = s, .e = &e};

    if (s->cfg.taker == NULL || !has_more(s))
        return true;
    event_batch_init(&x.batch, BATCH_BYTES);
    int rc = hand_all(&x);
    event_batch_done(&x.batch);
    refused(s, rc, &e);
    return rc == 0;
}

void store_hand_begin(struct relay_store *s)
{
    struct err e = {0};

    s->begin = s->signed_next[LEDGER_LOG];
    if (s->cfg.taker == NULL)
        return;
    s->handed = s->begin;
    int rc = s->cfg.taker->next(s->cfg.taker->ctx, s->name, str_c(s->anchor), s->begin, &s->handed, &e);
    if (rc < 0)
        s->handed = 0; /* asked again before anything is handed */
    refused(s, rc, &e);
}
