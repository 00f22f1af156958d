/* Leaves of a block, and the proof that one event is in it. */
#include "journal/proof.h"
#include "base/rand.h"
#include "journal/journal-int.h"
#include "journal/ledger-int.h"
#include "journal/recount.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int proof_rows(struct merkle *m, struct rows *r, struct err *e)
{
    uint8_t *record = malloc(EVENT_RECORD_MAX);
    uint32_t n = rows_count(r);
    struct event ev;

    if (record == NULL)
        return ERR(e, -ENOMEM, "journal.no_memory");
    for (uint32_t i = 0; i < n; i++) {
        rows_event(r, i, COL_ALL, &ev);
        merkle_add(m, (str){(const char *)record, event_record(&ev, record)});
    }
    free(record);
    return 0;
}

int proof_part_leaves(struct merkle *m, struct block_dec *d, const struct block_part *p, struct recount *c,
                      struct err *e)
{
    size_t words = ((size_t)block_rows(d) + 63) / 64;
    uint64_t *bits = calloc(words, sizeof(*bits));
    struct rows *rows = NULL;
    uint32_t end = p->from + p->count;
    int rc = bits == NULL ? -ENOMEM : 0;

    for (uint32_t i = p->from; bits != NULL && i < end; i++)
        bits[i / 64] |= UINT64_C(1) << i % 64;
    if (rc == 0)
        rc = block_dec_find(d, bits, NULL, COL_ALL);
    for (uint32_t lo = p->from; rc == 0 && lo < end; lo += BLOCK_CHUNK) {
        uint32_t hi = end - lo > BLOCK_CHUNK ? lo + BLOCK_CHUNK : end;
        rc = block_dec_rows(d, bits, lo, hi, &rows);
        if (rc == 0 && rows_count(rows) != hi - lo)
            rc = -EBADMSG;
        if (rc == 0)
            rc = proof_rows(m, rows, e);
        if (rc == 0 && c != NULL)
            recount_rows(c, rows);
    }
    free(bits);
    return rc;
}

int proof_block_leaves(struct merkle *m, struct block_dec *d, const struct block_head *h, struct err *e)
{
    const struct block_part *p;

    return block_dec_parts(d, &p) != 1 || p->count != h->count ? -EBADMSG : proof_part_leaves(m, d, p, NULL, e);
}

/* ---- one event ---- */

struct place {
    struct segment *s;
    struct block_info info;
    uint32_t index; /* of the event in the block */
};

/* The stored block with the event; its segment is held. */
static bool place_find(struct journal *j, uint64_t seq, struct place *out)
{
    bool found = false;

    pthread_mutex_lock(&j->lock);
    for (size_t i = 0; i < j->nsegs && !found; i++)
        for (size_t b = 0; b < j->segs[i]->nblocks && !found; b++) {
            const struct block_head *h = &j->segs[i]->blocks[b].head;
            if (seq < h->first_seq || seq - h->first_seq >= h->count)
                continue;
            *out = (struct place){j->segs[i], j->segs[i]->blocks[b], (uint32_t)(seq - h->first_seq)};
            found = true;
        }
    for (size_t i = 0; i < j->guests.n && !found; i++) {
        const struct guest *g = &j->guests.v[i];
        found = seq >= g->base && seq - g->base < g->b.head.count;
        if (found)
            *out = (struct place){g->s, g->b, (uint32_t)(seq - g->base)};
    }
    if (found)
        out->s->refs++;
    pthread_mutex_unlock(&j->lock);
    return found;
}

static json_t *hex_json(const void *p, size_t n)
{
    char *text = malloc(2 * n + 1);
    json_t *out;

    if (text == NULL)
        return NULL;
    hex_fmt(p, n, text);
    out = json_string(text);
    free(text);
    return out;
}

struct wanted {
    uint64_t first, seq, no;
    bool found;
};

static int entry_see(void *ctx, const struct ledger_entry *n)
{
    struct wanted *w = ctx;

    if (n->type == LEDGER_BLOCK && n->stream == LEDGER_LOG && n->first == w->first) {
        w->no = n->no;
        w->found = true;
    }
    return 0;
}

static int record_of(struct block_dec *d, const struct block_head *h, uint32_t index, json_t *out, struct err *e)
{
    size_t words = ((size_t)h->count + 63) / 64;
    uint64_t *bits = calloc(words, sizeof(*bits));
    uint8_t *record = malloc(EVENT_RECORD_MAX);
    struct rows *rows = NULL;
    struct event ev;
    int rc = bits == NULL || record == NULL ? -ENOMEM : 0;

    if (rc == 0) {
        bits[index / 64] = UINT64_C(1) << index % 64;
        rc = block_dec_find(d, bits, NULL, COL_ALL);
    }
    if (rc == 0)
        rc = block_dec_rows(d, bits, index, index + 1, &rows);
    if (rc == 0 && rows_count(rows) != 1)
        rc = -EBADMSG;
    if (rc == 0) {
        rows_event(rows, 0, COL_ALL, &ev);
        json_object_set_new(out, "record", hex_json(record, event_record(&ev, record)));
    }
    free(bits);
    free(record);
    return rc < 0 ? ERR(e, rc, "journal.proof_block", N((int64_t)h->first_seq)) : 0;
}

/* index: in the part. */
static int path_of(struct merkle *m, struct block_dec *d, const struct block_part *p, uint32_t index, json_t *out,
                   struct err *e)
{
    uint8_t mask[MERKLE_MASK];
    struct sha256 path[MERKLE_PATH_MAX];
    json_t *list = json_array();
    size_t n = 0;
    int rc = merkle_begin(m, p->seed, e);

    merkle_want(m, index);
    if (rc == 0)
        rc = proof_part_leaves(m, d, p, NULL, e);
    if (rc == 0)
        rc = merkle_proof(m, mask, path, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++)
        json_array_append_new(list, hex_json(path[i].b, sizeof(path[i].b)));
    if (rc == 0) {
        json_object_set_new(out, "mask", hex_json(mask, sizeof(mask)));
        json_object_set_new(out, "index", json_integer(index));
        json_object_set(out, "record_path", list);
    }
    json_decref(list);
    return rc;
}

/* The part of the opened block that has the event. */
static const struct block_part *part_of(const struct block_dec *d, uint32_t index)
{
    const struct block_part *p;
    size_t n = block_dec_parts(d, &p);

    while (--n > 0 && p[n].from > index)
        ;
    return &p[n];
}

static int block_opened(const struct place *p, struct block_dec *d)
{
    struct block_src src = {.fd = p->s->fd, .off = p->info.off};

    return block_dec_open(d, &src, &p->info.head, p->s->salt);
}

/* A guest lies beside the ledger of its own journal. */
static int prove_entry(const struct place *p, uint64_t first, uint64_t seq, json_t **out, struct err *e)
{
    const char *end = strrchr(p->s->path, '/');
    struct wanted want = {.first = first, .seq = seq};
    struct ledger_report rep;
    char dir[4096];

    snprintf(dir, sizeof(dir), "%.*s", (int)(end - p->s->path), p->s->path);
    int rc = ledger_check(dir, STR_NONE, entry_see, &want, &rep, e);
    if (rc == 0 && !want.found)
        rc = -ENOENT;
    if (rc == 0)
        rc = ledger_prove(dir, want.no, out, e);
    return rc == -ENOENT ? ERR(e, -EAGAIN, "journal.proof_later", N((int64_t)seq)) : rc;
}

static int prove_in(const struct place *p, uint64_t seq, json_t **out, struct err *e)
{
    const struct block_head *h = &p->info.head;
    const struct block_part *part = NULL;
    struct block_dec *d = block_dec_new();
    struct merkle *m = merkle_new();
    json_t *proof = NULL;
    int rc = d == NULL || m == NULL ? ERR(e, -ENOMEM, "journal.no_memory") : 0;

    if (rc == 0 && (rc = block_opened(p, d)) < 0)
        ERR(e, rc, "journal.proof_block", N((int64_t)h->first_seq));
    if (rc == 0) {
        part = part_of(d, p->index);
        rc = prove_entry(p, h->first_seq + part->from, seq, &proof, e);
    }
    if (rc == 0 && (rc = path_of(m, d, part, p->index - part->from, proof, e)) < 0)
        ERR(e, rc, "journal.proof_block", N((int64_t)h->first_seq));
    if (rc == 0)
        rc = record_of(d, h, p->index, proof, e);
    if (rc == 0) {
        json_object_set_new(proof, "seq", json_integer((json_int_t)seq));
        *out = proof;
    } else {
        json_decref(proof);
    }
    merkle_free(m);
    block_dec_free(d);
    return rc;
}

static bool has_ledger(const char *dir)
{
    char path[LEDGER_PATH_MAX];

    return (size_t)snprintf(path, sizeof(path), "%s/heads", dir) < sizeof(path) && access(path, R_OK) == 0;
}

int journal_prove(struct journal *j, uint64_t seq, json_t **out, struct err *e)
{
    struct place p;

    if (j->ledger == NULL &&
        !has_ledger(j->dir)) /* without keys, as in an archive, proofs can still be read out of it */
        return ERR(e, -ENOTSUP, "journal.proof_none");
    if (!place_find(j, seq, &p))
        return seq >= atomic_load(&j->sealed) && seq < atomic_load(&j->next_seq)
                   ? ERR(e, -EAGAIN, "journal.proof_later", N((int64_t)seq))
                   : ERR(e, -ENOENT, "journal.proof_no_event", N((int64_t)seq));
    int rc = prove_in(&p, seq, out, e);
    pthread_mutex_lock(&j->lock);
    segment_unref(p.s);
    pthread_mutex_unlock(&j->lock);
    return rc;
}
