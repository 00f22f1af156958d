/* A segment coded again for its archive: the same events and numbers, packed harder.
 * Blocks that follow each other become one while they are small, since what is alike
 * in them is written once; each is a part of it (block.h), so its root in the ledger,
 * over its events and the seed of its masks, stays. That it does is computed for each
 * from what the disk gives back, and the file has its name only then. What cannot be
 * coded again, or gains nothing, is the caller's to copy. Archiving thread. */
#include "base/file.h"
#include "journal/archive-int.h"
#include "journal/merkle.h"
#include "journal/page_pack.h"
#include "journal/sealed.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Blocks end a little above what they were set to, so eight of 16 MiB or two of 64 MiB are to fit. */
enum { MERGED_RAW = 144 << 20 };
enum { NAMES_MAX = 100000, NAMES_ARENA = 16 << 20 };

struct recode {
    struct archive_job *w;
    struct archive_pick *p;
    struct segment *out;
    char dir[ARCHIVE_PATH]; /* where files grow, in the archive that grows */
    struct block_enc *be;
    struct block_dec *d, *from; /* from: of the source */
    struct merkle *m;
};

static bool is_stopped(void *ctx)
{
    const struct recode *c = ctx;
    return c->w->cancel != NULL && *c->w->cancel;
}

static int stopped(const struct recode *c) { return is_stopped((void *)(uintptr_t)c) ? -ECANCELED : 0; }

/* ---- is it the same? ---- */

static int opened(struct block_dec *d, const struct segment *s, const struct block_info *b)
{
    struct block_src src = {.fd = s->fd, .off = b->off};
    int rc = block_dec_open(d, &src, &b->head, s->salt);

    return rc < 0 ? rc : block_dec_verify(d);
}

static int root_of(struct recode *c, struct block_dec *d, const struct block_part *p, struct sha256 *root)
{
    struct err why;
    int rc = merkle_begin(c->m, p->seed, &why);

    if (rc == 0)
        rc = proof_part_leaves(c->m, d, p, NULL, &why);
    return rc < 0 ? rc : merkle_root(c->m, root, &why);
}

static int part_same(struct recode *c, const struct block_part *want, const struct block_part *got)
{
    struct sha256 x, y;

    if (want->count != got->count)
        return -EBADMSG;
    int rc = root_of(c, c->from, want, &x);
    if (rc == 0)
        rc = stopped(c);
    if (rc == 0)
        rc = root_of(c, c->d, got, &y);
    return rc < 0 ? rc : memcmp(x.b, y.b, sizeof(x.b)) == 0 ? 0 : -EBADMSG;
}

/* The source's blocks from *at on are the parts of `got`. */
static int block_same(struct recode *c, const struct segment *s, const struct block_info *got, size_t *at)
{
    const struct block_part *part, *own;
    int rc = opened(c->d, s, got);
    if (rc == 0)
        rc = stopped(c);
    size_t n = rc == 0 ? block_dec_parts(c->d, &part) : 0;

    for (size_t i = 0; rc == 0 && i < n; i++, (*at)++) {
        if (*at == c->p->f.blocks)
            return -EBADMSG;
        const struct block_info *want = &c->p->s->blocks[*at];
        if (want->head.first_seq != got->head.first_seq + part[i].from)
            return -EBADMSG;
        rc = opened(c->from, c->p->s, want);
        if (rc == 0 && block_dec_parts(c->from, &own) != 1)
            rc = -EBADMSG;
        if (rc == 0)
            rc = stopped(c);
        if (rc == 0)
            rc = part_same(c, own, &part[i]);
    }
    return rc;
}

/* DIR/NAME has the events that the source has; *size of it. -EBADMSG when not. */
static int file_same(struct recode *c, const char *dir, uint64_t *size)
{
    struct segment *s = NULL;
    uint64_t torn = 0;
    struct err why = {0};
    int rc = segment_open(dir, c->p->f.name, UINT64_MAX, &s, &torn, &why);

    if (rc < 0)
        return rc == -ENOMEM || rc == -EIO ? rc : -EBADMSG;
    size_t at = 0;
    if (torn > 0 || !s->indexed)
        rc = -EBADMSG;
    for (size_t b = 0; rc == 0 && b < s->nblocks; b++)
        rc = block_same(c, s, &s->blocks[b], &at);
    if (rc == 0 && at != c->p->f.blocks)
        rc = -EBADMSG;
    *size = s->size;
    segment_free(s);
    return rc;
}

/* ---- coding ---- */

static int rows_back(struct recode *c, const struct block_info *b, struct rows *r)
{
    struct block_walk walk;
    struct hit h;
    uint32_t before = r->fill;
    int rc = block_walk_open(&walk, c->p->s, b, b->head.first_seq, 0);

    if (rc < 0)
        return rc;
    while ((rc = block_walk_next(&walk, &h)) == 1)
        if (!rows_add(r, &h.ev)) {
            rc = -EBADMSG;
            break;
        }
    block_walk_close(&walk);
    return rc < 0 ? rc : r->fill - before == b->head.count ? 0 : -EBADMSG;
}

/* How many blocks from the first of v on become one. */
static size_t together(const struct block_info *v, size_t n, uint64_t *raw, uint32_t *rows)
{
    size_t k = 0;

    *raw = *rows = 0;
    while (k < n && k < BLOCK_PARTS_MAX && v[k].head.first_seq == v[0].head.first_seq + *rows &&
           (k == 0 || (*raw + v[k].head.raw_bytes <= MERGED_RAW && *rows + v[k].head.count <= BLOCK_ROWS_MAX))) {
        *raw += v[k].head.raw_bytes;
        *rows += v[k++].head.count;
    }
    return k;
}

static int blocks_again(struct recode *c, const struct block_info *v, size_t n, struct rows *r)
{
    struct block_part part[BLOCK_PARTS_MAX];
    struct block_head h;
    int rc = 0;

    rows_clear(r, v[0].head.first_seq);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        part[i].count = v[i].head.count;
        memcpy(part[i].seed, v[i].head.seed, sizeof(part[i].seed));
        rc = stopped(c);
        if (rc == 0)
            rc = rows_back(c, &v[i], r);
    }
    if (rc < 0)
        return rc;
    rows_publish(r);
    block_enc_parts(c->be, part, n);
    str block = block_encode(c->be, r, c->out->salt, &h);
    if (block.n == 0 && (rc = stopped(c)) < 0)
        return rc;
    if (block.n == 0 || !segment_reserve(c->out))
        return -ENOMEM;
    if ((rc = segment_write(c->out, block)) == 0)
        segment_add(c->out, &h);
    return rc;
}

static int some_again(struct recode *c, size_t *at)
{
    const struct block_info *v = &c->p->s->blocks[*at];
    uint64_t raw;
    uint32_t rows;
    size_t n = together(v, c->p->f.blocks - *at, &raw, &rows);
    struct rows *r = rows_new(raw + EVENT_RAW_MAX, rows);

    if (r == NULL)
        return -ENOMEM;
    int rc = blocks_again(c, v, n, r);
    rows_free(r);
    if (rc == 0)
        archive_worked(c->w, raw);
    *at += n;
    return rc;
}

static int write_all(struct recode *c)
{
    uint8_t head[SEG_HEAD_BYTES];
    struct segment *s = c->p->s;
    struct err why = {0};

    if (pread(s->fd, head, sizeof(head), 0) != (ssize_t)sizeof(head))
        return -EBADMSG;
    int rc = segment_adopt(c->dir, head, &c->out, &why);
    for (size_t b = 0; rc == 0 && b < c->p->f.blocks;)
        rc = some_again(c, &b);
    if (rc == 0)
        rc = segment_close_index(c->out);
    if (rc == 0 && fchmod(c->out->fd, 0440) < 0)
        rc = -errno;
    if (rc == 0 && fsync(c->out->fd) < 0)
        rc = -errno;
    if (rc == 0)
        posix_fadvise(c->out->fd, 0, 0, POSIX_FADV_DONTNEED); /* what the disk has, not what memory has */
    segment_free(c->out);
    c->out = NULL;
    return rc;
}

static int sum_of(struct recode *c, const char *path)
{
    struct sha256 sum;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int rc = fd < 0 || fstat(fd, &st) < 0 ? ERR(c->w->e, -errno, "journal.read", path) : 0;

    if (rc == 0)
        rc = archive_sum(fd, (uint64_t)st.st_size, path, c->w->cancel, &sum, c->w->e);
    if (fd >= 0)
        close(fd);
    if (rc == 0) {
        c->p->f.bytes = (uint64_t)st.st_size;
        sha256_hex(sum, c->p->f.sha256);
    }
    return rc;
}

static int fail(struct recode *c, int rc, const char *path)
{
    if (rc == -ECANCELED)
        return ERR(c->w->e, rc, "journal.archive_stopped");
    if (rc == -ENOMEM)
        return ERR(c->w->e, rc, "journal.no_memory");
    bool full = rc == -ENOSPC || rc == -EDQUOT || rc == -EFBIG;
    return ERR(c->w->e, rc, full ? "journal.archive_full" : "journal.write", path);
}

/* 0: the file stands in the archive; -EBADMSG: it is to be copied. */
static int one(struct recode *c)
{
    char path[2 * ARCHIVE_PATH], tmp[2 * ARCHIVE_PATH];
    uint64_t size = 0;
    int rc = file_same(c, c->w->part, &size);

    snprintf(path, sizeof(path), "%s/%s", c->w->part, c->p->f.name);
    snprintf(tmp, sizeof(tmp), "%s/%s", c->dir, c->p->f.name);
    if (rc == 0)
        return sum_of(c, path);
    if (rc == -EBADMSG && (rc = write_all(c)) == 0 && (rc = file_same(c, c->dir, &size)) == 0)
        rc = size >= c->p->f.bytes ? -EBADMSG : rename(tmp, path) < 0 ? -errno : 0;
    if (rc < 0)
        unlink(tmp);
    if (rc == 0)
        return sum_of(c, path);
    return rc == -EBADMSG ? rc : fail(c, rc, path);
}

/* What a kill left there. */
static int dir_clear(struct recode *c)
{
    struct arena a = arena_init(NAMES_ARENA);
    char path[2 * ARCHIVE_PATH];
    str *names = NULL;
    size_t n = 0;
    int rc = file_list(&a, c->dir, STR(""), NAMES_MAX, &names, &n, c->w->e);

    for (size_t i = 0; rc == 0 && i < n; i++) {
        snprintf(path, sizeof(path), "%s/%.*s", c->dir, STR_ARGS(names[i]));
        unlink(path);
    }
    arena_free(&a);
    return rc;
}

static int dir_open(struct recode *c)
{
    if ((size_t)snprintf(c->dir, sizeof(c->dir), "%s/" ARCHIVE_GROWING, c->w->part) >= sizeof(c->dir))
        return ERR(c->w->e, -ENAMETOOLONG, "journal.write", c->w->part);
    if (mkdir(c->dir, 0750) < 0 && errno != EEXIST)
        return fail(c, -errno, c->dir);
    return dir_clear(c);
}

int archive_recode(struct archive_job *w)
{
    struct recode c = {.w = w, .be = block_enc_new(), .d = block_dec_new(), .from = block_dec_new(), .m = merkle_new()};
    int rc = c.be == NULL || c.d == NULL || c.from == NULL || c.m == NULL ? ERR(w->e, -ENOMEM, "journal.no_memory")
                                                                          : dir_open(&c);

    if (rc == 0) {
        block_enc_level(c.be, PACK_KEEPS);
        block_enc_stop(c.be, is_stopped, &c);
    }
    for (size_t i = 0; rc == 0 && i < w->n; i++) {
        struct sha256 sum;
        c.p = &w->v[i];
        rc = one(&c);
        if (rc != -EBADMSG)
            continue;
        rc = archive_copy(c.p->s->fd, c.p->f.bytes, w->part, c.p->f.name, w->cancel, &sum, w->e);
        if (rc == 0)
            sha256_hex(sum, c.p->f.sha256);
    }
    if (rc == 0 && rmdir(c.dir) < 0)
        rc = ERR(w->e, -errno, "journal.write", c.dir);
    block_enc_free(c.be);
    block_dec_free(c.d);
    block_dec_free(c.from);
    merkle_free(c.m);
    return rc;
}
