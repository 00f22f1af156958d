/* A segment coded again for its archive: the same blocks with the same events and
 * numbers, packed harder. A block's root in the ledger is over its events and the
 * seed of its masks, so it stays; that it does is computed for each block from what
 * the disk gives back, and the file has its name only then. What cannot be coded
 * again, or gains nothing, is the caller's to copy. Archiving thread. */
#include "base/file.h"
#include "journal/archive-int.h"
#include "journal/merkle.h"
#include "journal/page_pack.h"
#include "journal/sealed.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMES_MAX = 100000, NAMES_ARENA = 16 << 20 };

struct recode {
    struct archive_job *w;
    struct archive_pick *p;
    struct segment *out;
    char dir[ARCHIVE_PATH]; /* where files grow, in the archive that grows */
    struct block_enc *be;
    struct block_dec *d;
    struct merkle *m;
};

static int stopped(const struct recode *c) { return c->w->cancel != NULL && *c->w->cancel ? -ECANCELED : 0; }

/* ---- is it the same? ---- */

static int root_of(struct recode *c, const struct segment *s, const struct block_info *b, struct sha256 *root)
{
    struct block_src src = {.fd = s->fd, .off = b->off};
    struct err why;
    int rc = block_dec_open(c->d, &src, &b->head, s->salt);

    if (rc == 0)
        rc = block_dec_verify(c->d);
    if (rc == 0)
        rc = merkle_begin(c->m, b->head.seed, &why);
    if (rc == 0)
        rc = proof_block_leaves(c->m, c->d, &b->head, &why);
    return rc < 0 ? rc : merkle_root(c->m, root, &why);
}

static int block_same(struct recode *c, const struct segment *s, size_t b)
{
    const struct block_info *want = &c->p->s->blocks[b], *got = &s->blocks[b];
    struct sha256 x, y;

    if (want->head.first_seq != got->head.first_seq || want->head.count != got->head.count ||
        want->head.raw_bytes != got->head.raw_bytes)
        return -EBADMSG;
    int rc = root_of(c, c->p->s, want, &x);
    if (rc == 0)
        rc = root_of(c, s, got, &y);
    return rc < 0 ? rc : memcmp(x.b, y.b, sizeof(x.b)) == 0 ? 0 : -EBADMSG;
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
    if (torn > 0 || !s->indexed || s->nblocks != c->p->f.blocks)
        rc = -EBADMSG;
    for (size_t b = 0; rc == 0 && b < s->nblocks; b++) {
        rc = stopped(c);
        if (rc == 0)
            rc = block_same(c, s, b);
    }
    *size = s->size;
    segment_free(s);
    return rc;
}

/* ---- coding ---- */

static int rows_back(struct recode *c, const struct block_info *b, struct rows *r)
{
    struct block_walk walk;
    struct hit h;
    int rc = block_walk_open(&walk, c->p->s, b, b->head.first_seq, 0);

    if (rc < 0)
        return rc;
    while ((rc = block_walk_next(&walk, &h)) == 1)
        if (!rows_add(r, &h.ev)) {
            rc = -EBADMSG;
            break;
        }
    block_walk_close(&walk);
    rows_publish(r);
    return rc < 0 ? rc : rows_count(r) == b->head.count ? 0 : -EBADMSG;
}

static int block_again(struct recode *c, const struct block_info *b)
{
    struct block_head h;
    struct rows *r = rows_new(b->head.raw_bytes + EVENT_RAW_MAX, b->head.count);
    int rc = stopped(c);

    if (r == NULL)
        return -ENOMEM;
    rows_clear(r, b->head.first_seq);
    if (rc == 0)
        rc = rows_back(c, b, r);
    str block = rc == 0 ? block_encode(c->be, r, c->out->salt, &h) : STR_NONE;
    rows_free(r);
    if (rc < 0)
        return rc;
    if (block.n == 0 || !segment_reserve(c->out))
        return -ENOMEM;
    archive_worked(c->w, b->head.raw_bytes);
    memcpy(h.seed, b->head.seed, sizeof(h.seed));
    block_head_write(&h, c->out->salt, (uint8_t *)(uintptr_t)block.p);
    if ((rc = segment_write(c->out, block)) == 0)
        segment_add(c->out, &h);
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
    for (size_t b = 0; rc == 0 && b < c->p->f.blocks; b++)
        rc = block_again(c, &s->blocks[b]);
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
    struct recode c = {.w = w, .be = block_enc_new(), .d = block_dec_new(), .m = merkle_new()};
    int rc = c.be == NULL || c.d == NULL || c.m == NULL ? ERR(w->e, -ENOMEM, "journal.no_memory") : dir_open(&c);

    if (rc == 0)
        block_enc_level(c.be, PACK_KEEPS);
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
    merkle_free(c.m);
    return rc;
}
