/* Are the stored flows as they were sealed? The same question as verify.c asks of
 * lines: every entry of the ledger wants its block, or the entry that says it was
 * deleted; every block wants its entry; nothing lies between blocks. Reads only. */
#include "base/file.h"
#include "journal/archive-int.h"
#include "journal/flow_store-int.h"
#include "journal/guest.h"
#include "journal/proof.h"
#include <errno.h>

enum { FILES_MAX = 1 << 20, NAMES_ARENA = 256 << 20, ENTRIES_FIRST = 256 };

struct entries {
    struct ledger_entry *v;
    size_t n, cap;
};
struct verify {
    const struct verify_opts *o;
    const struct manifest *archive; /* only what it promises has to be there; NULL: it is a store */
    struct verify_report *rep;
    struct entries sealed, gone;
    size_t at;      /* the next entry that wants a block */
    uint64_t next;  /* behind the last block that the ledger holds */
    uint64_t last;  /* behind the last block that was read */
    bool of_centre; /* the entries that are read now are the centre's */
    struct err *e;
};

#define BAD(v, key, ...)                                                                                               \
    do {                                                                                                               \
        struct err why_ = {0};                                                                                         \
        ERR(&why_, -EBADMSG, key, __VA_ARGS__);                                                                        \
        if (!(v)->rep->bad)                                                                                            \
            (v)->rep->first = why_;                                                                                    \
        (v)->rep->bad = true;                                                                                          \
    } while (0)

static bool entry_keep(struct entries *list, const struct ledger_entry *n)
{
    if (list->n == list->cap) {
        size_t cap = list->cap > 0 ? 2 * list->cap : ENTRIES_FIRST;
        struct ledger_entry *more = reallocarray(list->v, cap, sizeof(*more));
        if (more == NULL)
            return false;
        list->v = more;
        list->cap = cap;
    }
    list->v[list->n++] = *n;
    return true;
}

static int entry_see(struct verify *v, const struct ledger_entry *n)
{
    enum ledger_stream of;

    if (v->of_centre) { /* of which the deletions of this relay's flows count */
        bool mine = guest_gone_is(n, str_c(v->rep->ledger.anchor), &of) && of == LEDGER_FLOW;
        return mine && !entry_keep(&v->gone, n) ? -ENOMEM : 0;
    }
    if (n->stream != LEDGER_FLOW)
        return 0;
    if (n->type == LEDGER_DELETED)
        return entry_keep(&v->gone, n) ? 0 : -ENOMEM;
    if (n->type != LEDGER_BLOCK)
        return 0;
    if (n->first < v->next)
        BAD(v, "journal.proof_entry_order", N((int64_t)n->no));
    v->next = n->first + n->records;
    return entry_keep(&v->sealed, n) ? 0 : -ENOMEM;
}

/* The ledgers were checked, with every signature in them, and what is bad in them was said. */
static int entries_read(struct verify *v, const char *dir)
{
    uint8_t bytes[LEDGER_ENTRY];
    struct ledger_entry n;
    struct ledger_scan s;
    int rc = ledger_scan_open(dir, "ledger", LEDGER_ENTRY, &s, v->e), got = 0;

    if (rc < 0)
        return rc;
    while (rc == 0 && (got = ledger_scan_next(&s, bytes)) == 1)
        if (ledger_entry_read(bytes, &n) && entry_see(v, &n) < 0)
            rc = ERR(v->e, -ENOMEM, "journal.no_memory");
    ledger_scan_close(&s);
    return rc == 0 && got < 0 ? ERR(v->e, got, "journal.read", dir) : rc;
}

static bool lawfully_gone(const struct verify *v, const struct ledger_entry *n)
{
    for (size_t i = 0; i < v->gone.n; i++)
        if (n->first >= v->gone.v[i].first && n->first + n->records <= v->gone.v[i].first + v->gone.v[i].records)
            return true;
    return false;
}

static void without_block(struct verify *v, const struct ledger_entry *n)
{
    if (v->archive != NULL && archive_file_holding(v->archive->flow, v->archive->nflow, n->first) == NULL)
        v->rep->flows_elsewhere += n->records;
    else if (v->archive == NULL && lawfully_gone(v, n))
        v->rep->flows_deleted += n->records;
    else
        BAD(v, "journal.proof_flows_missing", N((int64_t)n->first), N((int64_t)(n->first + n->records - 1)));
}

static int block_see(struct verify *v, const struct flow_segment *g, const struct flow_stored *b)
{
    const struct flow_block_head *h = &b->head;
    struct sha256 root;

    for (; v->at < v->sealed.n && v->sealed.v[v->at].first < h->first_seq; v->at++)
        without_block(v, &v->sealed.v[v->at]);
    if (v->at == v->sealed.n || v->sealed.v[v->at].first != h->first_seq) {
        if (h->first_seq >= v->next)
            v->rep->flows_unproven += h->rows;
        else
            BAD(v, "journal.proof_flows_inserted", N((int64_t)h->first_seq), g->path);
        return 0;
    }
    const struct ledger_entry *n = &v->sealed.v[v->at++];
    int rc = flow_block_root(g->fd, b->off, h, &root);
    if (rc < 0 && rc != -EBADMSG)
        return ERR(v->e, rc, rc == -ENOMEM ? "journal.no_memory" : "journal.read", g->path);
    if (rc < 0 || h->rows != n->records || memcmp(root.b, n->root.b, sizeof(root.b)) != 0) {
        BAD(v, "journal.proof_flows_changed", N((int64_t)n->first), N((int64_t)(n->first + n->records - 1)), g->path);
        return 0;
    }
    v->rep->flow_blocks++;
    v->rep->flows += h->rows;
    return 0;
}

/* newest: the store may be writing a block behind what was read. */
static void order_see(struct verify *v, const struct flow_segment *g, uint64_t torn, bool newest)
{
    if (torn > 0 && (!newest || g->nblocks == 0))
        BAD(v, "journal.proof_file", g->path);
    for (size_t b = 0; b < g->nblocks; b++) {
        const struct flow_block_head *h = &g->blocks[b]->head;
        if (h->first_seq < v->last)
            BAD(v, "journal.proof_flows_order", N((int64_t)h->first_seq), g->path);
        v->last = h->first_seq + h->rows;
    }
}

static int blocks_see(struct verify *v, const struct flow_segment *g)
{
    int rc = 0;

    for (size_t b = 0; rc == 0 && b < g->nblocks; b++) {
        rc = block_see(v, g, g->blocks[b]);
        if (v->o->progress != NULL)
            v->o->progress(v->o->progress_ctx, g->blocks[b]->head.first_seq, v->next);
        if (rc == 0 && v->o->cancel != NULL && *v->o->cancel)
            rc = ERR(v->e, -ECANCELED, "journal.search_cancelled");
    }
    return rc;
}

/* All files twice: what stands where, by the blocks' heads, then what it holds. */
static int files_see(struct verify *v, const char *dir, const str *names, size_t n)
{
    int rc = 0;

    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; rc == 0 && i < n; i++) {
            struct flow_segment *g = NULL;
            struct err why = {0};
            uint64_t torn = 0;
            uint32_t no;
            if (!flow_segment_name(names[i], &no))
                continue;
            if (v->archive != NULL && archive_file_named(v->archive->flow, v->archive->nflow, names[i].p) == NULL) {
                BAD(v, "journal.archive_extra", names[i].p);
                continue;
            }
            int opened = flow_segment_open(dir, names[i].p, FLOW_SEGMENT_READ, &g, &torn, &why);
            if (opened == -ENOMEM)
                rc = ERR(v->e, opened, "journal.no_memory");
            else if (opened < 0)
                BAD(v, "journal.proof_file", names[i].p);
            else if (pass == 0)
                order_see(v, g, torn, i + 1 == n && v->archive == NULL);
            else
                rc = blocks_see(v, g);
            flow_segment_unref(g);
        }
    return rc;
}

int flow_verify_dir(const char *ledger_dir, const char *flows_dir, const struct manifest *archive,
                    const struct verify_opts *o, struct verify_report *out, struct err *e)
{
    struct verify v = {.o = o, .archive = archive, .rep = out, .e = e};
    struct arena a = arena_init(NAMES_ARENA);
    str *names = NULL;
    size_t n = 0;
    int rc = entries_read(&v, ledger_dir);

    v.of_centre = true;
    if (rc == 0 && o->centre != NULL)
        rc = entries_read(&v, o->centre);
    if (rc == 0)
        rc = file_list(&a, flows_dir, STR(".lyf"), FILES_MAX, &names, &n, e);
    if (rc == 0)
        rc = files_see(&v, flows_dir, names, n);
    for (; rc == 0 && v.at < v.sealed.n; v.at++)
        without_block(&v, &v.sealed.v[v.at]);
    free(v.sealed.v);
    free(v.gone.v);
    arena_free(&a);
    return rc;
}
