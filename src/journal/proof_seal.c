/* Sealed blocks into the ledger, and their lawful end. Belongs to the sealing
 * thread, but for proof_deleted, which is the writer's. */
#include "base/log.h"
#include "journal/journal-int.h"
#include "journal/proof.h"
#include <errno.h>

int proof_open(struct journal *j, struct err *e)
{
    if (j->cfg.vault == NULL)
        return 0;
    j->merkle = merkle_new();
    j->proof_dec = block_dec_new();
    if (j->merkle == NULL || j->proof_dec == NULL)
        return ERR(e, -ENOMEM, "journal.no_memory");
    return ledger_open(j->dir, j->cfg.vault, j->clk, &j->ledger, e);
}

void proof_close(struct journal *j)
{
    ledger_close(j->ledger);
    merkle_free(j->merkle);
    block_dec_free(j->proof_dec);
    j->ledger = NULL;
    j->merkle = NULL;
    j->proof_dec = NULL;
}

static int block_root(struct journal *j, struct segment *s, const struct block_info *b, struct rows *fresh,
                      struct sha256 *root, struct err *e)
{
    struct block_src src = {.fd = s->fd, .off = b->off};
    int rc = merkle_begin(j->merkle, b->head.seed, e);

    if (rc == 0 && fresh != NULL && fresh->first_seq == b->head.first_seq && rows_count(fresh) == b->head.count)
        rc = proof_rows(j->merkle, fresh, e);
    else if (rc == 0 && (rc = block_dec_open(j->proof_dec, &src, &b->head, s->salt)) == 0)
        rc = proof_block_leaves(j->merkle, j->proof_dec, &b->head, e);
    return rc < 0 ? rc : merkle_root(j->merkle, root, e);
}

/* The first block that the ledger lacks; its segment is held. */
static bool next_block(struct journal *j, uint64_t from, struct segment **s, struct block_info *out)
{
    bool found = false;

    pthread_mutex_lock(&j->lock);
    for (size_t i = 0; i < j->nsegs; i++)
        for (size_t b = 0; b < j->segs[i]->nblocks; b++) {
            const struct block_info *x = &j->segs[i]->blocks[b];
            if (x->head.first_seq < from || (found && x->head.first_seq >= out->head.first_seq))
                continue;
            *out = *x;
            *s = j->segs[i];
            found = true;
        }
    if (found)
        (*s)->refs++;
    pthread_mutex_unlock(&j->lock);
    return found;
}

/* A block that cannot be read any more is passed over: its events are missing
 * from the ledger, and the next entry's number says so. */
int proof_catch_up(struct journal *j, struct rows *fresh, struct err *e)
{
    struct segment *s;
    struct block_info b;
    int rc = 0;

    if (j->ledger == NULL)
        return 0;
    uint64_t from = ledger_next(j->ledger, LEDGER_LOG);
    while (rc == 0 && next_block(j, from, &s, &b)) {
        struct ledger_entry n = {.type = LEDGER_BLOCK,
                                 .stream = LEDGER_LOG,
                                 .first = b.head.first_seq,
                                 .records = b.head.count,
                                 .stored = b.head.length,
                                 .from_ns = b.head.received_min,
                                 .to_ns = b.head.received_max};
        struct err why = {0};
        int made = block_root(j, s, &b, fresh, &n.root, &why);
        if (made == 0)
            rc = ledger_add(j->ledger, &n, e);
        else
            log_event(LOG_ERROR, "ledger_block_unreadable", F_STR("file", str_c(s->path)), F_INT("first", n.first));
        from = n.first + n.records;
        pthread_mutex_lock(&j->lock);
        segment_unref(s);
        pthread_mutex_unlock(&j->lock);
    }
    return rc;
}

void proof_deleted(struct journal *j, const struct segment *s, const char *reason)
{
    struct err e = {0};

    if (j->ledger == NULL || s->nblocks == 0)
        return;
    const struct block_head *a = &s->blocks[0].head, *z = &s->blocks[s->nblocks - 1].head;
    struct ledger_entry n = {.type = LEDGER_DELETED,
                             .stream = LEDGER_LOG,
                             .first = a->first_seq,
                             .records = z->first_seq + z->count - a->first_seq,
                             .stored = s->end,
                             .from_ns = a->received_min,
                             .to_ns = s->received_max,
                             .root = sha256(str_c(reason))};
    if (ledger_add(j->ledger, &n, &e) < 0)
        log_err(LOG_ERROR, "ledger_add", &e);
}
