/* Sealed blocks of flows into the ledger, and their lawful end. A block's leaves
 * are its head and each of its sections as they are stored, unmasked: what is
 * proven is the block, no single flow out of it, so no sibling leaves the house.
 * The sealing thread's, but for flow_proof_deleted, which is the writer's. */
#include "base/log.h"
#include "journal/flow_store-int.h"
#include "journal/ledger-int.h"
#include "journal/sealed.h"
#include <errno.h>
#include <unistd.h>

int flow_block_root(int fd, uint64_t off, const struct flow_block_head *h, struct sha256 *root)
{
    struct sha256 leaves[FS_COUNT + 1];
    uint32_t room = FLOW_BLOCK_HEAD;
    uint64_t at = off;
    int rc = 0;

    for (int i = 0; i < FS_COUNT; i++)
        room = h->sec[i].stored > room ? h->sec[i].stored : room;
    char *bytes = malloc(room);
    if (bytes == NULL)
        return -ENOMEM;
    for (int i = 0; i <= FS_COUNT && rc == 0; i++) {
        uint32_t n = i == 0 ? FLOW_BLOCK_HEAD : h->sec[i - 1].stored;
        ssize_t k = pread(fd, bytes, n, (off_t)at);
        if (k < 0)
            rc = -EIO;
        else if ((size_t)k != n || (i > 0 && crc32c(0, bytes, n) != h->sec[i - 1].crc))
            rc = -EBADMSG;
        leaves[i] = merkle_leaf((str){bytes, n});
        at += n;
    }
    free(bytes);
    if (rc == 0)
        *root = merkle_root_of(leaves, FS_COUNT + 1);
    return rc;
}

/* The first block that the ledger lacks; its segment is held. */
static bool next_block(struct flow_store *s, uint64_t from, struct flow_segment **g, struct flow_stored *out)
{
    bool found = false;

    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->nsegs && !found; i++)
        for (size_t b = 0; b < s->segs[i]->nblocks && !found; b++)
            if (s->segs[i]->blocks[b]->head.first_seq >= from) {
                *out = *s->segs[i]->blocks[b];
                *g = s->segs[i];
                found = true;
            }
    if (found)
        (*g)->refs++;
    pthread_mutex_unlock(&s->lock);
    return found;
}

/* A block that cannot be read any more is passed over: the next entry's number says so. */
void flow_proof_catch_up(struct flow_store *s)
{
    struct flow_segment *g = NULL;
    struct flow_stored b;
    struct err e = {0};
    int rc = 0;

    if (s->cfg.ledger == NULL)
        return;
    uint64_t from = ledger_next(s->cfg.ledger, LEDGER_FLOW);
    while (rc == 0 && next_block(s, from, &g, &b)) {
        struct ledger_entry n = {.type = LEDGER_BLOCK,
                                 .stream = LEDGER_FLOW,
                                 .first = b.head.first_seq,
                                 .records = b.head.rows,
                                 .stored = b.head.length,
                                 .from_ns = b.head.time_min,
                                 .to_ns = b.head.time_max};
        if (flow_block_root(g->fd, b.off, &b.head, &n.root) == 0)
            rc = ledger_add(s->cfg.ledger, &n, &e);
        else
            log_event(LOG_ERROR, "ledger_block_unreadable", F_STR("file", str_c(g->path)), F_INT("first", n.first));
        from = n.first + n.records;
        pthread_mutex_lock(&s->lock);
        flow_segment_unref(g);
        pthread_mutex_unlock(&s->lock);
    }
    if (rc < 0) /* disk full: with the next block, or at the next start */
        log_err(LOG_ERROR, "ledger_add", &e);
}

int flow_proof_numbers(struct flow_store *s, uint64_t from, uint64_t to, number_fn *fn, void *ctx, struct err *e)
{
    const struct ledger *l = s->cfg.ledger;

    return l == NULL ? -ENODATA : ledger_numbers(l->dir, LEDGER_FLOW, from, to, fn, ctx, e);
}

void flow_proof_deleted(struct flow_store *s, const struct flow_segment *g, const char *reason)
{
    struct err e = {0};

    if (s->cfg.ledger == NULL || g->nblocks == 0)
        return;
    const struct flow_block_head *a = &g->blocks[0]->head, *z = &g->blocks[g->nblocks - 1]->head;
    struct ledger_entry n = {.type = LEDGER_DELETED,
                             .stream = LEDGER_FLOW,
                             .first = a->first_seq,
                             .records = z->first_seq + z->rows - a->first_seq,
                             .stored = g->end,
                             .from_ns = a->time_min,
                             .to_ns = g->time_max,
                             .root = sha256(str_c(reason))};
    if (ledger_add(s->cfg.ledger, &n, &e) < 0)
        log_err(LOG_ERROR, "ledger_add", &e);
}
