/* Segment files, written: create, append a block, close with an index. The
 * layout is drawn in segment.h. Sealing thread, or open and close. */
#include "journal/segment-int.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/rand.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

const char seg_magic[8] = "LYSEG\0\0\1", seg_index_magic[4] = {'L', 'Y', 'I', 'X'};

static uint8_t *put(uint8_t *p, uint64_t v, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> 8 * i);
    return p + n;
}

struct segment *segment_new(const char *dir, const char *name)
{
    size_t n = strlen(dir) + strlen(name) + 2;
    struct segment *s = calloc(1, sizeof(*s) + n);

    if (s == NULL)
        return NULL;
    snprintf(s->path, n, "%s/%s", dir, name);
    s->fd = -1;
    s->refs = 1;
    s->received_max = INT64_MIN;
    return s;
}

void segment_free(struct segment *s)
{
    if (s == NULL)
        return;
    if (s->fd >= 0)
        close(s->fd);
    free(s->blocks);
    free(s);
}

static int write_at(int fd, const void *p, size_t n, uint64_t at)
{
    for (size_t put_n = 0; put_n < n;) {
        ssize_t k = pwrite(fd, (const char *)p + put_n, n - put_n, (off_t)(at + put_n));
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return k < 0 ? -errno : -ENOSPC;
        put_n += (size_t)k;
    }
    return 0;
}

int segment_create(const char *dir, uint32_t day, uint32_t no, struct segment **out, struct err *e)
{
    struct segment as = {.day = day, .no = no};

    rand_bytes(&as.salt, sizeof(as.salt));
    return segment_create_as(dir, &as, out, e);
}

int segment_create_as(const char *dir, const struct segment *as, struct segment **out, struct err *e)
{
    const uint32_t day = as->day, no = as->no;
    char name[64];
    uint8_t head[SEG_HEAD_BYTES] = {0};
    int y, m, d, rc;

    civil_from_days(day, &y, &m, &d);
    snprintf(name, sizeof(name), "seg-%04d%02d%02d-%08u.luy", y, m, d, no);
    struct segment *s = segment_new(dir, name);
    if (s == NULL)
        return ERR(e, -ENOMEM, "journal.no_memory");
    s->day = day;
    s->no = no;
    s->end = s->size = SEG_HEAD_BYTES;
    s->salt = as->salt;
    memcpy(head, seg_magic, 8);
    put(put(put(head + 8, s->salt, 8), day, 4), no, 4);
    put(head + 28, crc32c(0, head, 28), 4);
    s->fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    rc = s->fd < 0 ? -errno : write_at(s->fd, head, sizeof(head), 0);
    if (rc == 0)
        rc = file_sync_dir(dir, e);
    if (rc < 0) {
        ERR(e, rc, "journal.write", s->path);
        if (s->fd >= 0)
            unlink(s->path);
        segment_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void segment_trim(struct segment *s)
{
    if (s->size > s->end && ftruncate(s->fd, (off_t)s->end) == 0)
        s->size = s->end;
    s->indexed = s->indexed && s->size > s->end;
}

int segment_write(struct segment *s, str block)
{
    segment_trim(s);
    s->indexed = false;
    int rc = write_at(s->fd, block.p, block.n, s->end);
    if (rc == 0 && fdatasync(s->fd) < 0)
        rc = -errno;
    s->size = s->end + block.n;
    if (rc < 0)
        segment_trim(s);
    return rc;
}

bool segment_reserve(struct segment *s)
{
    if (s->nblocks < s->cap)
        return true;
    size_t cap = s->cap ? s->cap * 2 : 16;
    struct block_info *p = realloc(s->blocks, cap * sizeof(*p));
    if (p == NULL)
        return false;
    s->blocks = p;
    s->cap = cap;
    return true;
}

void segment_add(struct segment *s, const struct block_head *h)
{
    s->blocks[s->nblocks++] = (struct block_info){s->end, *h};
    s->end += h->length;
    s->size = s->size > s->end ? s->size : s->end;
    if (h->received_max > s->received_max)
        s->received_max = h->received_max;
}

uint64_t segment_next_seq(const struct segment *s)
{
    const struct block_info *b = s->nblocks ? &s->blocks[s->nblocks - 1] : NULL;
    return b ? b->head.first_seq + b->head.count : 0;
}

int segment_close_index(struct segment *s)
{
    size_t n = s->nblocks * SEG_ENTRY_BYTES;
    uint8_t *p, *t;

    if (s->indexed)
        return 0;
    if ((p = calloc(1, n + SEG_TRAILER_BYTES)) == NULL)
        return -ENOMEM;
    t = p + n;
    segment_trim(s);
    for (size_t i = 0; i < s->nblocks; i++) {
        put(p + i * SEG_ENTRY_BYTES, s->blocks[i].off, 8);
        block_head_write(&s->blocks[i].head, s->salt, p + i * SEG_ENTRY_BYTES + 8);
    }
    memcpy(t, seg_index_magic, 4);
    put(put(put(put(put(put(t + 4, s->nblocks, 4), s->end, 8), s->salt, 8), crc32c(0, p, n), 4), s->day, 4), s->no, 4);
    put(t + 36, crc32c(0, t, 36), 4);
    int rc = write_at(s->fd, p, n + SEG_TRAILER_BYTES, s->end);
    free(p);
    if (rc == 0 && fdatasync(s->fd) < 0)
        rc = -errno;
    s->size = s->end + n + SEG_TRAILER_BYTES;
    if (rc < 0)
        segment_trim(s);
    s->indexed = rc == 0;
    return rc;
}
