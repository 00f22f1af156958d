/* Segment files, read back: by their index, or after a crash by the heads of
 * their blocks. What is read is hostile until its checksum fits. Used by open. */
#include "journal/segment-int.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SCAN_BYTES = 1 << 20, INDEX_MAX = 256 << 20 };

/* seg-<8 digits>-<8 digits>.luy */
bool segment_name_parse(str name, uint32_t *no)
{
    uint64_t v;

    if (name.n != 25 || !str_starts(name, STR("seg-")) || !str_ends(name, STR(".luy")) || name.p[12] != '-' ||
        !str_u64(str_sub(name, 4, 8), &v) || !str_u64(str_sub(name, 13, 8), &v))
        return false;
    *no = (uint32_t)v;
    return true;
}

static bool read_all(int fd, void *p, size_t n, uint64_t at)
{
    for (size_t got = 0; got < n;) {
        ssize_t k = pread(fd, (char *)p + got, n - got, (off_t)(at + got));
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return false;
        got += (size_t)k;
    }
    return true;
}

/* Blocks of another version are not damage: nothing of the file may be cut off. */
static int version_check(const struct segment *s, struct err *e)
{
    uint8_t head[BLOCK_HEAD_BYTES];
    uint16_t v = s->size >= SEG_HEAD_BYTES + sizeof(head) && read_all(s->fd, head, sizeof(head), SEG_HEAD_BYTES)
                     ? block_head_version(head)
                     : 0;

    return v == 0 || v == BLOCK_VERSION ? 0
                                        : ERR(e, -EPROTO, "journal.segment_version", s->path, N(v), N(BLOCK_VERSION));
}

static bool parse_head(struct segment *s, const uint8_t h[SEG_HEAD_BYTES])
{
    if (memcmp(h, seg_magic, 8) != 0)
        return false;
    rd r = rd_init(h + 8, SEG_HEAD_BYTES - 8);
    uint64_t salt = rd_u64le(&r);
    uint32_t day = rd_u32le(&r), no = rd_u32le(&r);
    rd_u32le(&r);
    if (rd_u32le(&r) != crc32c(0, h, 28) || day > SEG_DAY_MAX || no > SEG_NO_MAX)
        return false;
    s->salt = salt;
    s->day = day;
    s->no = no;
    return true;
}

static bool read_head(struct segment *s)
{
    uint8_t h[SEG_HEAD_BYTES];

    return s->size >= sizeof(h) && read_all(s->fd, h, sizeof(h), 0) && parse_head(s, h);
}

int segment_adopt(const char *dir, const uint8_t head[SEG_HEAD_BYTES], struct segment **out, struct err *e)
{
    struct segment said = {.fd = -1};

    if (!parse_head(&said, head))
        return ERR(e, -EBADMSG, "journal.segment", dir);
    int rc = segment_create_as(dir, &said, out, e);
    if (rc == 0)
        (*out)->indexed = false;
    return rc;
}

/* A block must follow the one before, in the file and in its numbers. */
static bool take_block(struct segment *s, const struct block_head *h, uint64_t off)
{
    if (off < s->end || h->length > s->size - off || h->first_seq < segment_next_seq(s) || !segment_reserve(s))
        return false;
    s->end = off;
    segment_add(s, h);
    return true;
}

static bool take_index(struct segment *s, const uint8_t *p, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++, p += SEG_ENTRY_BYTES) {
        rd r = rd_init(p, 8);
        struct block_head h;
        if (!block_head_read(p + 8, s->salt, &h) || !take_block(s, &h, rd_u64le(&r)))
            return false;
    }
    return true;
}

static bool read_index(struct segment *s)
{
    uint8_t t[SEG_TRAILER_BYTES];
    uint64_t size = s->size;

    if (size < SEG_HEAD_BYTES + sizeof(t) || !read_all(s->fd, t, sizeof(t), size - sizeof(t)) ||
        memcmp(t, seg_index_magic, 4) != 0)
        return false;
    rd r = rd_init(t + 4, sizeof(t) - 4);
    uint32_t n = rd_u32le(&r);
    uint64_t at = rd_u64le(&r), salt = rd_u64le(&r), bytes = (uint64_t)n * SEG_ENTRY_BYTES;
    uint32_t crc = rd_u32le(&r), day = rd_u32le(&r), no = rd_u32le(&r);
    if (rd_u32le(&r) != crc32c(0, t, 36) || bytes > INDEX_MAX || at < SEG_HEAD_BYTES || at > size ||
        size - at != bytes + sizeof(t))
        return false;
    uint8_t *p = malloc(bytes + 1);
    bool good = p != NULL && read_all(s->fd, p, bytes, at) && crc32c(0, p, bytes) == crc;
    if (good) {
        s->salt = salt;
        s->day = day;
        s->no = no;
        s->size = at;
        good = take_index(s, p, n) && s->end == at;
        s->size = size;
    }
    free(p);
    s->indexed = good;
    return good;
}

/* Offset of the next whole head at or behind `from`; size when there is none. */
static uint64_t find_head(struct segment *s, uint64_t from, uint8_t *buf)
{
    struct block_head h;

    while (from + BLOCK_HEAD_BYTES <= s->size) {
        size_t n = s->size - from < SCAN_BYTES ? (size_t)(s->size - from) : SCAN_BYTES;
        if (!read_all(s->fd, buf, n, from))
            return s->size;
        for (size_t i = 0; i + BLOCK_HEAD_BYTES <= n; i++) {
            uint8_t *hit = memmem(buf + i, n - i, BLOCK_MAGIC, 4);
            if (hit == NULL || (i = (size_t)(hit - buf)) + BLOCK_HEAD_BYTES > n)
                break;
            if (block_head_read(hit, s->salt, &h) && h.length <= s->size - from - i)
                return from + i;
        }
        from += n - BLOCK_HEAD_BYTES + 1;
    }
    return s->size;
}

static bool scan_blocks(struct segment *s, uint64_t *torn)
{
    uint8_t *buf = malloc(SCAN_BYTES), head[BLOCK_HEAD_BYTES];
    struct block_head h;
    uint64_t at = SEG_HEAD_BYTES;

    if (buf == NULL)
        return false;
    s->end = SEG_HEAD_BYTES;
    while (at + BLOCK_HEAD_BYTES <= s->size) {
        if (read_all(s->fd, head, sizeof(head), at) && block_head_read(head, s->salt, &h) && take_block(s, &h, at)) {
            at = s->end;
            continue;
        }
        uint64_t next = find_head(s, at + 1, buf);
        *torn += next - at;
        at = next;
    }
    *torn += s->size - at;
    free(buf);
    return true;
}

/* The last block may have been cut short by a crash behind a whole head; its
 * events are then still in their write-ahead file. After a good end there is
 * an index and nothing to doubt. */
static int verify_last(struct segment *s, uint64_t verify_from, uint64_t *torn)
{
    if (s->nblocks == 0 || (s->indexed && segment_next_seq(s) <= verify_from))
        return 0;
    struct block_info *b = &s->blocks[s->nblocks - 1];
    struct block_src src = {.fd = s->fd, .off = b->off};
    struct block_dec *d = block_dec_new();
    int rc = d ? block_dec_open(d, &src, &b->head, s->salt) : -ENOMEM;

    if (rc == 0)
        rc = block_dec_verify(d);
    block_dec_free(d);
    if (rc == -EBADMSG) {
        *torn += b->head.length;
        s->end = b->off;
        s->nblocks--;
        s->indexed = false;
        rc = 0;
    }
    return rc;
}

int segment_open(const char *dir, const char *name, uint64_t verify_from, struct segment **out, uint64_t *torn,
                 struct err *e)
{
    struct segment *s = segment_new(dir, name);
    struct stat st;
    int rc = 0;

    if (s == NULL)
        return ERR(e, -ENOMEM, "journal.no_memory");
    s->end = SEG_HEAD_BYTES;
    s->fd = open(s->path, O_RDWR | O_CLOEXEC);
    if (s->fd < 0 && (errno == EACCES || errno == EPERM || errno == EROFS)) /* an archive's */
        s->fd = open(s->path, O_RDONLY | O_CLOEXEC);
    if (s->fd < 0 || fstat(s->fd, &st) < 0) {
        rc = ERR(e, -errno, "journal.read", s->path);
        segment_free(s);
        return rc;
    }
    s->size = (uint64_t)st.st_size;
    if ((rc = version_check(s, e)) < 0) {
        segment_free(s);
        return rc;
    }
    bool head = read_head(s), index = read_index(s);
    if (!head)
        *torn += s->size < SEG_HEAD_BYTES ? s->size : SEG_HEAD_BYTES;
    if (!index) {
        s->nblocks = 0;
        s->received_max = INT64_MIN;
        if (!head)
            rc = -EBADMSG;
        else if (!scan_blocks(s, torn))
            rc = -ENOMEM;
    }
    if (rc == 0)
        rc = verify_last(s, verify_from, torn);
    if (rc < 0) {
        ERR(e, rc, rc == -EBADMSG ? "journal.segment" : rc == -ENOMEM ? "journal.no_memory" : "journal.read", s->path);
        segment_free(s);
        return rc;
    }
    *out = s;
    return 0;
}
