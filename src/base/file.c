/* Files: whole reads with a ceiling, atomic writes, durable folders, locks.
 * No state; any thread. */
#include "base/file.h"
#include "base/buf.h"
#include "base/rand.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* An error of the system about a path: "{0}: {e}". */
static int sys_err(struct err *e, const char *key, const char *path)
{
    int code = errno == 0 ? -EIO : -errno;

    ERR(e, code, key, path);
    return code;
}

int fd_write_all(int fd, const void *p, size_t n)
{
    const char *from = p;

    while (n > 0) {
        ssize_t put = write(fd, from, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? -errno : -EIO;
        from += put;
        n -= (size_t)put;
    }
    return 0;
}

int fd_read_full(int fd, void *p, size_t n)
{
    char *to = p;
    size_t got = 0;

    if (n > INT_MAX)
        n = INT_MAX;
    while (got < n) {
        ssize_t k = read(fd, to + got, n - got);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -errno;
        if (k == 0)
            break;
        got += (size_t)k;
    }
    return (int)got;
}

/* A pipe or a /proc file does not tell its size: read until the end. The
 * buffer has room for one byte more than max, which tells "too big". */
static int read_stream(int fd, struct buf *b, size_t max)
{
    for (;;) {
        if (b->n > max)
            return -EFBIG;
        if (!buf_reserve(b, 1))
            return -ENOMEM;
        int k = fd_read_full(fd, b->p + b->n, b->cap - b->n);
        if (k <= 0)
            return k;
        b->n += (size_t)k;
    }
}

static int read_fd(struct arena *a, int fd, size_t max, str *out)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    if (S_ISREG(st.st_mode) && st.st_size > 0) {
        if ((uintmax_t)st.st_size > max || st.st_size > INT_MAX)
            return -EFBIG;
        char *p = arena_alloc(a, (size_t)st.st_size + 1);
        int n = p == NULL ? -ENOMEM : fd_read_full(fd, p, (size_t)st.st_size);
        if (n >= 0)
            *out = (str){p, (size_t)n};
        return n < 0 ? n : 0;
    }
    struct buf b;
    buf_init(&b, max < SIZE_MAX ? max + 1 : max);
    int rc = read_stream(fd, &b, max);
    if (rc == 0) {
        str copy = arena_str(a, buf_view(&b));
        rc = copy.p == NULL ? -ENOMEM : 0;
        if (rc == 0)
            *out = copy;
    }
    buf_done(&b);
    return rc;
}

int file_read(struct arena *a, const char *path, size_t max, str *out, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return sys_err(e, "base.file.read", path);
    int rc = read_fd(a, fd, max, out);
    close(fd);
    if (rc == -EFBIG)
        return ERR(e, rc, "base.file.too_big", path, N((int64_t)max));
    return rc < 0 ? ERR(e, rc, "base.file.read", path) : 0;
}

/* "dir/" of "dir/name", "." of "name", into out. */
static bool parent_of(const char *path, char *out, size_t cap)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);

    if (n >= cap)
        return false;
    memcpy(out, slash == NULL ? "." : path, n);
    out[n] = '\0';
    return true;
}

int file_sync_dir(const char *path, struct err *e)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -errno : 0;

    if (fd >= 0 && fsync(fd) < 0)
        rc = -errno;
    if (fd >= 0)
        close(fd);
    return rc < 0 ? ERR(e, rc, "base.file.write", path) : 0;
}

static int write_new(const char *path, str data, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return -errno;
    int rc = fd_write_all(fd, data.p, data.n);
    if (rc == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
        rc = -errno;
    if (close(fd) < 0 && rc == 0)
        rc = -errno;
    return rc;
}

int file_write_atomic(const char *path, str data, mode_t mode, struct err *e)
{
    char tmp[PATH_MAX], dir[PATH_MAX], tag[13];

    rand_hex(tag, 6);
    int n = snprintf(tmp, sizeof(tmp), "%s.tmp-%s", path, tag);
    if (n < 0 || (size_t)n >= sizeof(tmp) || !parent_of(path, dir, sizeof(dir)))
        return ERR(e, -ENAMETOOLONG, "base.file.write", path);
    int rc = write_new(tmp, data, mode);
    if (rc == 0 && rename(tmp, path) < 0)
        rc = -errno;
    if (rc < 0) {
        if (rc != -EEXIST)
            unlink(tmp);
        return ERR(e, rc, "base.file.write", path);
    }
    return file_sync_dir(dir, e);
}

int file_mkdirs(const char *path, mode_t mode, struct err *e)
{
    char part[PATH_MAX];
    size_t n = strlen(path);

    if (n == 0 || n >= sizeof(part))
        return ERR(e, n == 0 ? -EINVAL : -ENAMETOOLONG, "base.file.mkdir", path);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, mode) < 0 && errno != EEXIST)
            return sys_err(e, "base.file.mkdir", part);
    }
    struct stat st;
    if (stat(path, &st) < 0)
        return sys_err(e, "base.file.mkdir", path);
    return S_ISDIR(st.st_mode) ? 0 : ERR(e, -ENOTDIR, "base.file.mkdir", path);
}

int file_lock(const char *path, int *fd, struct err *e)
{
    char name[PATH_MAX];
    struct stat st;
    bool dir = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    int n = snprintf(name, sizeof(name), "%s%s", path, dir ? "/lock" : "");

    if (n < 0 || (size_t)n >= sizeof(name))
        return ERR(e, -ENAMETOOLONG, "base.file.lock", path);
    int f = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (f < 0)
        return sys_err(e, "base.file.lock", name);
    if (flock(f, LOCK_EX | LOCK_NB) < 0) {
        int code = errno == EWOULDBLOCK ? -EBUSY : -errno;
        close(f);
        return ERR(e, code, code == -EBUSY ? "base.file.locked" : "base.file.lock", name);
    }
    *fd = f;
    return 0;
}

static int by_bytes(const void *a, const void *b) { return str_cmp(*(const str *)a, *(const str *)b); }

/* Names one by one into a growing array; the ceiling is checked before growth. */
static int list_names(struct arena *a, DIR *d, str suffix, size_t max, str **names, size_t *n)
{
    size_t cap = 0;
    struct dirent *ent;

    while (errno = 0, (ent = readdir(d)) != NULL) {
        str name = str_c(ent->d_name);
        if (name.p[0] == '.' || !str_ends(name, suffix))
            continue;
        if (*n == max)
            return -E2BIG;
        if (*n == cap) {
            cap = cap == 0 ? 16 : cap * 2;
            str *grown = reallocarray(*names, cap, sizeof(str));
            if (grown == NULL)
                return -ENOMEM;
            *names = grown;
        }
        (*names)[*n] = arena_str(a, name);
        if ((*names)[(*n)++].p == NULL)
            return -ENOMEM;
    }
    return -errno;
}

int file_list(struct arena *a, const char *dir, str suffix, size_t max, str **names, size_t *n, struct err *e)
{
    DIR *d = opendir(dir);
    str *v = NULL, *kept = NULL;
    size_t k = 0;

    if (d == NULL)
        return sys_err(e, "base.file.list", dir);
    int rc = list_names(a, d, suffix, max, &v, &k);
    closedir(d);
    if (rc == 0 && (kept = arena_array(a, str, k)) == NULL)
        rc = -ENOMEM;
    if (rc == 0 && k > 0) {
        qsort(v, k, sizeof(*v), by_bytes);
        memcpy(kept, v, k * sizeof(*v));
    }
    free(v);
    if (rc == -E2BIG)
        return ERR(e, rc, "base.file.too_many", dir, N((int64_t)max));
    if (rc < 0)
        return ERR(e, rc, "base.file.list", dir);
    *names = kept;
    *n = k;
    return 0;
}
