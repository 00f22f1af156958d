/* Write-ahead files: one appended record a batch, one fdatasync a group.
 * The layout is drawn in wal.h. Used by the writer thread, and by open. */
#include "journal/wal.h"
#include "base/file.h"
#include "base/rand.h"
#include "intake/flow.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

static const char wal_magic[8] = "LYWAL\0\0\1", record_magic[4] = {'L', 'Y', 'W', 'R'};
enum { HEAD_CRC_AT = 28, BATCH_HEAD_BYTES = 16, KICK_BYTES = 1 << 20 };

void wal_path(const char *dir, uint64_t no, char *out, size_t cap)
{
    snprintf(out, cap, "%s/wal-%016llx", dir, (unsigned long long)no);
}

int wal_no_room(int code) { return code == -EFBIG || code == -EDQUOT ? -ENOSPC : code; }

static uint8_t *put(uint8_t *p, uint64_t v, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> 8 * i);
    return p + n;
}

int wal_create(const char *dir, uint64_t no, struct wal *w, struct err *e)
{
    char path[4096];
    uint8_t head[WAL_HEAD_BYTES] = {0};
    struct wal nw = {.no = no, .size = WAL_HEAD_BYTES};

    wal_path(dir, no, path, sizeof(path));
    rand_bytes(&nw.salt, sizeof(nw.salt));
    memcpy(head, wal_magic, sizeof(wal_magic));
    put(put(head + 8, nw.salt, 8), no, 8);
    put(head + HEAD_CRC_AT, crc32c(0, head, HEAD_CRC_AT), 4);
    nw.fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    int rc = nw.fd < 0 ? -errno : fd_write_all(nw.fd, head, sizeof(head));
    if (rc < 0) {
        if (nw.fd >= 0) {
            close(nw.fd);
            unlink(path);
        }
        rc = wal_no_room(rc);
        return ERR(e, rc, rc == -ENOSPC ? "journal.full" : "journal.write", path);
    }
    *w = nw;
    return 0;
}

static int write_at(int fd, struct iovec *v, int n, off_t at)
{
    while (n > 0) {
        ssize_t k = pwritev(fd, v, n, at);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return k < 0 ? -errno : -ENOSPC;
        at += k;
        for (; n > 0 && (size_t)k >= v->iov_len; n--, v++)
            k -= (ssize_t)v->iov_len;
        if (n > 0) {
            v->iov_base = (char *)v->iov_base + k;
            v->iov_len -= (size_t)k;
        }
    }
    return 0;
}

static uint32_t record_crc(const uint8_t *head, str wire)
{
    return crc32c(crc32c(0, head, HEAD_CRC_AT), wire.p, BATCH_HEAD_BYTES);
}

int wal_append(struct wal *w, uint64_t seq, str wire)
{
    uint8_t head[WAL_RECORD_BYTES] = {0};
    struct iovec v[2] = {{head, sizeof(head)}, {(void *)(uintptr_t)wire.p, wire.n}};

    memcpy(head, record_magic, sizeof(record_magic));
    put(put(put(head + 4, wire.n, 4), seq, 8), w->salt, 8);
    put(head + HEAD_CRC_AT, record_crc(head, wire), 4);
    int rc = write_at(w->fd, v, 2, (off_t)w->size);
    if (rc < 0) {
        /* A cut that fails leaves bytes which no reader takes for a record
         * and the next append overwrites. */
        if (ftruncate(w->fd, (off_t)w->size) < 0)
            rc = rc == -EIO ? rc : wal_no_room(rc);
        return wal_no_room(rc);
    }
    w->size += sizeof(head) + wire.n;
    if (w->size - w->kicked >= KICK_BYTES) { /* let the disk begin, so that the sync finds less to do */
        sync_file_range(w->fd, (off_t)w->kicked, (off_t)(w->size - w->kicked), SYNC_FILE_RANGE_WRITE);
        w->kicked = w->size;
    }
    return 0;
}

int wal_sync(struct wal *w, const char *dir)
{
    if (fdatasync(w->fd) < 0)
        return -errno;
    if (!w->dir_synced) {
        int rc = file_sync_dir(dir, NULL);
        if (rc < 0)
            return rc;
        w->dir_synced = true;
    }
    return 0;
}

void wal_close(struct wal *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}

void wal_drop(struct wal *w, const char *dir)
{
    char path[4096];

    wal_path(dir, w->no, path, sizeof(path));
    wal_close(w);
    unlink(path);
}

/* Of events or of flows: both heads hold the checksum. */
static bool batch_is_whole(str wire)
{
    struct event_reader events;
    struct flow_view flows;

    return flow_batch_is(wire) ? flow_batch_open(wire, &flows, NULL) == 0 : event_batch_open(wire, &events, NULL) == 0;
}

/* The record at p, or false. */
static bool record_at(const uint8_t *p, size_t n, uint64_t salt, uint64_t *seq, str *wire)
{
    rd r = rd_init(p, n);

    if (n < WAL_RECORD_BYTES + BATCH_HEAD_BYTES || memcmp(p, record_magic, sizeof(record_magic)) != 0)
        return false;
    rd_u32(&r);
    size_t len = rd_u32le(&r);
    *seq = rd_u64le(&r);
    if (rd_u64le(&r) != salt || rd_u32le(&r) != 0 || len > n - WAL_RECORD_BYTES || len < BATCH_HEAD_BYTES)
        return false;
    *wire = (str){(const char *)p + WAL_RECORD_BYTES, len};
    return rd_u32le(&r) == record_crc(p, *wire) && batch_is_whole(*wire);
}

/* Behind a torn record the next whole one is looked for: a power cut may leave
 * a hole in what was never synced, and one bad sector must not take the rest. */
int wal_read(str file, wal_fn *fn, void *ctx, uint64_t *torn)
{
    const uint8_t *p = (const uint8_t *)file.p;
    size_t at = WAL_HEAD_BYTES;
    rd r = rd_init(p, file.n);

    rd_bytes(&r, 8);
    uint64_t salt = rd_u64le(&r), seq;
    if (file.n < WAL_HEAD_BYTES || memcmp(p, wal_magic, 8) != 0 ||
        crc32c(0, p, HEAD_CRC_AT) != (p[28] | p[29] << 8 | p[30] << 16 | (uint32_t)p[31] << 24)) {
        *torn += file.n;
        return 0;
    }
    while (at < file.n) {
        str wire;
        if (record_at(p + at, file.n - at, salt, &seq, &wire)) {
            int rc = fn(ctx, seq, wire);
            if (rc < 0)
                return rc;
            at += WAL_RECORD_BYTES + wire.n;
            continue;
        }
        const uint8_t *next = at + 1 < file.n ? memmem(p + at + 1, file.n - at - 1, record_magic, 4) : NULL;
        size_t to = next ? (size_t)(next - p) : file.n;
        *torn += to - at;
        at = to;
    }
    return 0;
}
