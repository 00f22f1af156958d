/* Bytes of an archive: copied under another name, synced, read back, and only
 * then named. Archiving thread; the checksum also any other. */
#include "journal/archive-int.h"
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 20 };

static bool stopped(const atomic_bool *cancel) { return cancel != NULL && *cancel; }

/* One chunk at `at`; its length, fewer at the end, or -errno. */
static ssize_t chunk_read(int fd, char *p, uint64_t want, uint64_t at)
{
    ssize_t k;

    do
        k = pread(fd, p, want < CHUNK ? (size_t)want : CHUNK, (off_t)at);
    while (k < 0 && errno == EINTR);
    return k < 0 ? -errno : k;
}

/* Through all n bytes: into the digest, and to `to` when it is a file. */
static int run_through(int fd, uint64_t n, int to, const atomic_bool *cancel, struct sha256 *sum)
{
    struct sha256_stream *s = sha256_begin();
    char *p = malloc(CHUNK);
    int rc = s == NULL || p == NULL ? -ENOMEM : 0;

    for (uint64_t at = 0; rc == 0 && at < n;) {
        ssize_t k = stopped(cancel) ? -ECANCELED : chunk_read(fd, p, n - at, at);
        rc = k < 0 ? (int)k : k == 0 ? -EBADMSG : 0;
        if (rc == 0 && to >= 0)
            rc = fd_write_all(to, p, (size_t)k);
        if (rc == 0)
            sha256_more(s, (str){p, (size_t)k});
        at += rc == 0 ? (uint64_t)k : 0;
    }
    free(p);
    if (s != NULL) {
        struct sha256 all = sha256_end(s);
        if (rc == 0)
            *sum = all;
    }
    return rc;
}

static int fail(struct err *e, int rc, const char *key, const char *name)
{
    if (rc == -ECANCELED)
        return ERR(e, rc, "journal.archive_stopped");
    if (rc == -ENOMEM)
        return ERR(e, rc, "journal.no_memory");
    if (rc == -ENOSPC || rc == -EDQUOT || rc == -EFBIG)
        return ERR(e, rc, "journal.archive_full", name);
    return ERR(e, rc, rc == -EBADMSG ? "journal.archive_differs" : key, name);
}

int archive_sum(int fd, uint64_t n, const char *name, const atomic_bool *cancel, struct sha256 *out, struct err *e)
{
    int rc = run_through(fd, n, -1, cancel, out);

    return rc < 0 ? fail(e, rc, "journal.read", name) : 0;
}

/* A whole file that is there already: 1 when its bytes are these. */
static int there_already(int fd, uint64_t n, const char *path, const atomic_bool *cancel, struct sha256 *sum)
{
    struct sha256 there;
    struct stat st;
    int have = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), rc = 0;

    if (have < 0)
        return 0;
    if (fstat(have, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == n) {
        rc = run_through(fd, n, -1, cancel, sum);
        if (rc == 0)
            rc = run_through(have, n, -1, cancel, &there);
        if (rc == 0)
            rc = memcmp(there.b, sum->b, sizeof(there.b)) == 0;
    }
    close(have);
    return rc == -ECANCELED ? rc : rc > 0;
}

/* Synced, dropped from the cache and read again: what the disk has, not what memory has. */
static int read_back(int to, uint64_t n, const atomic_bool *cancel, const struct sha256 *want)
{
    struct sha256 got;
    int rc = fsync(to) < 0 ? -errno : 0;

    if (rc == 0) {
        posix_fadvise(to, 0, 0, POSIX_FADV_DONTNEED);
        rc = run_through(to, n, -1, cancel, &got);
    }
    if (rc == 0 && memcmp(got.b, want->b, sizeof(got.b)) != 0)
        rc = -EBADMSG;
    return rc;
}

int archive_copy(int fd, uint64_t n, const char *dir, const char *name, const atomic_bool *cancel, struct sha256 *sum,
                 struct err *e)
{
    char path[ARCHIVE_PATH], tmp[ARCHIVE_PATH];

    if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path) ||
        (size_t)snprintf(tmp, sizeof(tmp), "%s/%s.tmp", dir, name) >= sizeof(tmp))
        return ERR(e, -ENAMETOOLONG, "journal.write", dir);
    int rc = there_already(fd, n, path, cancel, sum);
    if (rc != 0)
        return rc < 0 ? fail(e, rc, "journal.read", path) : 0;
    unlink(tmp);
    int to = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0440);
    rc = to < 0 ? -errno : run_through(fd, n, to, cancel, sum);
    if (rc == -EBADMSG) { /* the source ended early */
        close(to);
        unlink(tmp);
        return ERR(e, -EIO, "journal.read", name);
    }
    if (rc == 0)
        rc = read_back(to, n, cancel, sum);
    if (to >= 0)
        close(to);
    if (rc == 0 && rename(tmp, path) < 0)
        rc = -errno;
    if (rc < 0 && rc != -ECANCELED)
        unlink(tmp);
    return rc < 0 ? fail(e, rc, "journal.write", path) : 0;
}
