/* Is everything as it was sealed? Every entry of the ledger wants its block, or
 * the entry that says it was deleted; every block wants its entry; every byte of
 * a block is under a checksum or a leaf. Reads only. */
#include "journal/proof.h"
#include "base/file.h"
#include "journal/archive-int.h"
#include "journal/guest.h"
#include "journal/journal-int.h"
#include "journal/recount.h"
#include <errno.h>
#include <stdlib.h>

enum { FILES_MAX = 1 << 20, NAMES_ARENA = 256 << 20 };

struct range {
    uint64_t first, records;
};
struct kept {
    struct segment *s;
    size_t block;
};
struct verify {
    const char *dir;
    const struct verify_opts *o;
    struct verify_report *rep;
    struct ledger_entry *entry; /* of blocks of the log, in order */
    struct range *gone;
    size_t nentries, entries_cap, ngone, gone_cap;
    uint64_t next; /* behind the last block that the ledger holds */
    struct segment **seg;
    size_t nsegs;
    struct kept *kept; /* all blocks of all files, in order */
    size_t nkept;
    size_t at, part; /* in kept: the block whose turn it is, and the part of it (block.h) */
    bool opened;     /* d has it */
    struct block_dec *d;
    struct merkle *m;
    struct recount *c;
    uint64_t done;
    struct manifest man; /* of an archive; else empty */
    bool man_known;      /* the ledger has it: the centre's, when it is of a relay */
    char centre[ARCHIVE_PATH];
    struct err *e;
};

static void bad(struct verify *v, struct err *why)
{
    if (!v->rep->bad)
        v->rep->first = *why;
    v->rep->bad = true;
}

#define BAD(v, key, ...)                                                                                               \
    do {                                                                                                               \
        struct err why_ = {0};                                                                                         \
        ERR(&why_, -EBADMSG, key, __VA_ARGS__);                                                                        \
        bad(v, &why_);                                                                                                 \
    } while (0)

static bool grow(void **p, size_t *cap, size_t n, size_t size)
{
    if (n < *cap)
        return true;
    size_t more = *cap == 0 ? 1024 : *cap * 2;
    void *q = reallocarray(*p, more, size);
    if (q == NULL)
        return false;
    *p = q;
    *cap = more;
    return true;
}

static void manifest_see(struct verify *v, const struct ledger_entry *n, bool here)
{
    v->man_known |= here && n->type == LEDGER_ARCHIVE && v->man.name[0] != '\0' &&
                    memcmp(n->root.b, v->man.sum.b, sizeof(n->root.b)) == 0;
}

static int entry_see(void *ctx, const struct ledger_entry *n)
{
    struct verify *v = ctx;

    if (n->stream == LEDGER_FLOW && n->type == LEDGER_BLOCK && v->o->flows == NULL && !v->o->archive)
        v->rep->flows_unread += n->records;
    if (n->stream == LEDGER_LOG || n->stream == LEDGER_FLOW)
        manifest_see(v, n, v->man.relay[0] == '\0');
    if (n->stream != LEDGER_LOG)
        return 0;
    if (n->type == LEDGER_DELETED) {
        if (!grow((void **)&v->gone, &v->gone_cap, v->ngone, sizeof(*v->gone)))
            return -ENOMEM;
        v->gone[v->ngone++] = (struct range){n->first, n->records};
    } else if (n->type == LEDGER_BLOCK) {
        if (!grow((void **)&v->entry, &v->entries_cap, v->nentries, sizeof(*v->entry)))
            return -ENOMEM;
        if (v->nentries > 0 && n->first < v->next)
            BAD(v, "journal.proof_entry_order", N((int64_t)n->no));
        v->next = n->first + n->records;
        v->entry[v->nentries++] = *n;
    }
    return 0;
}

/* The centre's ledger, of which only this relay's archive and the deletions of its events count. */
static int centre_entry_see(void *ctx, const struct ledger_entry *n)
{
    struct verify *v = ctx;
    enum ledger_stream of;

    if (n->stream == LEDGER_RELAY)
        manifest_see(v, n, v->man.relay[0] != '\0');
    if (!guest_gone_is(n, str_c(v->rep->ledger.anchor), &of) || of != LEDGER_LOG)
        return 0;
    if (!grow((void **)&v->gone, &v->gone_cap, v->ngone, sizeof(*v->gone)))
        return -ENOMEM;
    v->gone[v->ngone++] = (struct range){n->first, n->records};
    return 0;
}

static int centre_read(struct verify *v)
{
    struct ledger_report rep;
    const char *dir = v->o->centre != NULL ? v->o->centre : v->centre;
    int rc = ledger_check(dir, v->o->centre_anchor, centre_entry_see, v, &rep, v->e);

    if (rc == 0 && rep.bad)
        bad(v, &rep.first);
    return rc;
}

/* ---- the files ---- */

/* Nothing may lie between what is under a checksum. */
static void file_whole(struct verify *v, const struct segment *s, uint64_t torn, bool newest)
{
    uint64_t end = SEG_HEAD_BYTES;

    for (size_t b = 0; b < s->nblocks; b++) {
        if (s->blocks[b].off != end)
            BAD(v, "journal.proof_file", s->path);
        end = s->blocks[b].off + s->blocks[b].head.length;
    }
    if (torn > 0 || (!s->indexed && !newest))
        BAD(v, "journal.proof_file", s->path);
}

static int files_open(struct verify *v)
{
    struct arena a = arena_init(NAMES_ARENA);
    str *names = NULL;
    size_t n = 0, blocks = 0;
    int rc = file_list(&a, v->dir, STR(".luy"), FILES_MAX, &names, &n, v->e);

    v->seg = calloc(n + 1, sizeof(*v->seg));
    if (rc == 0 && v->seg == NULL)
        rc = ERR(v->e, -ENOMEM, "journal.no_memory");
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct err why = {0};
        uint64_t torn = 0;
        uint32_t no;
        struct segment *s = NULL;
        if (!segment_name_parse(names[i], &no))
            continue;
        if (v->o->archive && archive_file_named(v->man.v, v->man.n, arena_cstr(&a, names[i])) == NULL) {
            BAD(v, "journal.archive_extra", arena_cstr(&a, names[i]));
            continue;
        }
        if (segment_open(v->dir, arena_cstr(&a, names[i]), UINT64_MAX, &s, &torn, &why) < 0) {
            if (why.code == -EPROTO)
                bad(v, &why);
            else
                BAD(v, "journal.proof_file", arena_cstr(&a, names[i]));
            continue;
        }
        file_whole(v, s, torn, i + 1 == n || v->o->archive);
        blocks += s->nblocks;
        v->seg[v->nsegs++] = s;
    }
    v->kept = rc < 0 ? NULL : calloc(blocks + 1, sizeof(*v->kept));
    if (rc == 0 && v->kept == NULL)
        rc = ERR(v->e, -ENOMEM, "journal.no_memory");
    for (size_t i = 0; rc == 0 && i < v->nsegs; i++)
        for (size_t b = 0; b < v->seg[i]->nblocks; b++) {
            uint64_t first = v->seg[i]->blocks[b].head.first_seq;
            if (v->nkept > 0) {
                const struct kept *last = &v->kept[v->nkept - 1];
                const struct block_head *h = &last->s->blocks[last->block].head;
                if (first < h->first_seq + h->count)
                    BAD(v, "journal.proof_order", N((int64_t)first), v->seg[i]->path);
            }
            v->kept[v->nkept++] = (struct kept){v->seg[i], b};
        }
    arena_free(&a);
    return rc;
}

/* ---- block by block ---- */

static bool lawfully_gone(const struct verify *v, const struct ledger_entry *n)
{
    for (size_t i = 0; i < v->ngone; i++)
        if (n->first >= v->gone[i].first && n->first + n->records <= v->gone[i].first + v->gone[i].records)
            return true;
    return false;
}

static const struct block_info *block_at(const struct verify *v)
{
    return &v->kept[v->at].s->blocks[v->kept[v->at].block];
}

static void block_next(struct verify *v)
{
    v->at++;
    v->part = 0;
    v->opened = false;
}

static int block_open(struct verify *v)
{
    const struct segment *s = v->kept[v->at].s;
    struct block_src src = {.fd = s->fd, .off = block_at(v)->off};
    int rc = v->opened ? 0 : block_dec_open(v->d, &src, &block_at(v)->head, s->salt);

    if (rc == 0 && !v->opened)
        rc = block_dec_verify(v->d);
    if (rc == 0 && !v->opened)
        rc = recount_begin(v->c, v->d);
    v->opened = rc == 0;
    return rc;
}

/* The part whose turn it is against its entry. What stands in a block behind a part that is bad has no place to begin.
 */
static int part_is(struct verify *v, const struct ledger_entry *n)
{
    const struct segment *s = v->kept[v->at].s;
    const struct block_part *p = NULL;
    struct sha256 root;
    size_t parts = 0;
    int rc = block_open(v);

    if (rc == 0) {
        parts = block_dec_parts(v->d, &p);
        p += v->part;
        rc = p->count == n->records ? merkle_begin(v->m, p->seed, v->e) : -EBADMSG;
    }
    if (rc == 0)
        rc = proof_part_leaves(v->m, v->d, p, v->c, v->e);
    if (rc == 0)
        rc = merkle_root(v->m, &root, v->e);
    if (rc == -ENOMEM || rc == -EIO)
        return ERR(v->e, rc, "journal.read", s->path);
    if (rc < 0 || memcmp(root.b, n->root.b, sizeof(root.b)) != 0) {
        BAD(v, "journal.proof_changed", N((int64_t)n->first), N((int64_t)(n->first + n->records - 1)), s->path);
        block_next(v);
        return 0;
    }
    v->rep->blocks++;
    v->rep->events += n->records;
    if (++v->part < parts)
        return 0;
    const struct block_head *h = &block_at(v)->head;
    if ((rc = recount_same(v->c, v->d, h)) == -EBADMSG)
        BAD(v, "journal.proof_counts", N((int64_t)h->first_seq), N((int64_t)(h->first_seq + h->count - 1)), s->path);
    block_next(v);
    return rc == 0 || rc == -EBADMSG ? 0 : ERR(v->e, rc, "journal.read", s->path);
}

/* The first event of what has not had its turn yet. */
static uint64_t first_of(const struct verify *v)
{
    const struct block_part *p;

    if (v->part == 0)
        return block_at(v)->head.first_seq;
    block_dec_parts(v->d, &p);
    return block_at(v)->head.first_seq + p[v->part].from;
}

static void block_without_entry(struct verify *v)
{
    const struct block_head *h = &block_at(v)->head;

    if (first_of(v) >= v->next)
        v->rep->unproven += h->first_seq + h->count - first_of(v);
    else
        BAD(v, "journal.proof_inserted", N((int64_t)first_of(v)), v->kept[v->at].s->path);
    block_next(v);
}

static int compare(struct verify *v)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < v->nentries; i++) {
        const struct ledger_entry *n = &v->entry[i];
        while (v->at < v->nkept && first_of(v) < n->first)
            block_without_entry(v);
        if (v->at < v->nkept && first_of(v) == n->first)
            rc = part_is(v, n);
        else if (v->o->archive && archive_file_holding(v->man.v, v->man.n, n->first) == NULL)
            v->rep->elsewhere += n->records;
        else if (!v->o->archive && lawfully_gone(v, n))
            v->rep->deleted += n->records;
        else
            BAD(v, "journal.proof_missing", N((int64_t)n->first), N((int64_t)(n->first + n->records - 1)));
        v->done += n->records;
        if (v->o->progress != NULL)
            v->o->progress(v->o->progress_ctx, v->done, v->next);
        if (rc == 0 && v->o->cancel != NULL && *v->o->cancel)
            rc = ERR(v->e, -ECANCELED, "journal.search_cancelled");
    }
    while (rc == 0 && v->at < v->nkept)
        block_without_entry(v);
    return rc;
}

/* ---- an archive's own word ---- */

static int manifest_load(struct verify *v)
{
    char path[ARCHIVE_PATH];
    struct err why = {0};

    if ((size_t)snprintf(path, sizeof(path), "%s/manifest.json", v->dir) >= sizeof(path))
        return ERR(v->e, -ENAMETOOLONG, "journal.read", v->dir);
    int rc = manifest_read(path, &v->man, &why);
    if (rc == -ENOMEM)
        return ERR(v->e, rc, "journal.no_memory");
    if (rc < 0)
        bad(v, &why);
    return 0;
}

static int manifest_judge(struct verify *v)
{
    int rc = 0;

    if (v->man.name[0] != '\0' && !v->man_known)
        BAD(v, "journal.archive_unknown", v->dir);
    for (size_t i = 0; rc == 0 && i < v->man.n + v->man.nflow; i++) {
        const struct archive_file *f = i < v->man.n ? &v->man.v[i] : &v->man.flow[i - v->man.n];
        struct err why = {0};
        rc = manifest_check_file(v->dir, f, v->o->cancel, &why);
        if (rc == -EBADMSG) {
            bad(v, &why);
            rc = 0;
        } else if (rc < 0 && v->e != NULL) {
            *v->e = why;
        }
    }
    return rc;
}

int journal_verify_dir(const char *dir, const struct verify_opts *o, struct verify_report *out, struct err *e)
{
    struct verify v = {
        .dir = dir, .o = o, .rep = out, .e = e, .d = block_dec_new(), .m = merkle_new(), .c = recount_new()};

    *out = (struct verify_report){0};
    int rc = v.d == NULL || v.m == NULL || v.c == NULL ? ERR(e, -ENOMEM, "journal.no_memory") : 0;
    if (rc == 0 && o->archive)
        rc = manifest_load(&v);
    if (rc == 0)
        rc = ledger_check(dir, o->anchor, entry_see, &v, &out->ledger, e);
    if (rc == 0 && out->ledger.bad)
        bad(&v, &out->ledger.first);
    if (v.man.relay[0] != '\0')
        snprintf(v.centre, sizeof(v.centre), "%s/" ARCHIVE_CENTRE, dir);
    if (rc == 0 && (o->centre != NULL || v.centre[0] != '\0'))
        rc = centre_read(&v);
    if (rc == 0 && o->archive)
        rc = manifest_judge(&v);
    if (rc == 0)
        rc = files_open(&v);
    if (rc == 0)
        rc = compare(&v);
    if (rc == 0 && (o->archive || o->flows != NULL))
        rc = flow_verify_dir(dir, o->archive ? dir : o->flows, o->archive ? &v.man : NULL, o, out, e);
    for (size_t i = 0; i < v.nsegs; i++)
        segment_free(v.seg[i]);
    manifest_done(&v.man);
    free(v.seg);
    free(v.kept);
    free(v.entry);
    free(v.gone);
    block_dec_free(v.d);
    merkle_free(v.m);
    recount_free(v.c);
    return rc;
}
