/* Files: whole reads with a ceiling, atomic writes, durable directories. */
#ifndef LUY_BASE_FILE_H
#define LUY_BASE_FILE_H
#include "base/arena.h"
#include "base/err.h"
#include <sys/types.h>

/* -EFBIG over max; the text has a NUL behind it. */
int file_read(struct arena *a, const char *path, size_t max, str *out, struct err *e);
/* Temporary file beside it, fsync, rename, fsync of the folder: old or new, never half. */
int file_write_atomic(const char *path, str data, mode_t mode, struct err *e);
int file_mkdirs(const char *path, mode_t mode, struct err *e); /* like mkdir -p */
int file_sync_dir(const char *path, struct err *e);
int fd_write_all(int fd, const void *p, size_t n); /* 0 or -errno */
int fd_read_full(int fd, void *p, size_t n);       /* n, fewer at the end, or -errno */
/* Takes an exclusive lock on the file PATH, made when absent, or on PATH/lock
 * when PATH is a folder; -EBUSY when another process holds it. The descriptor
 * is the lock: close it to let go. */
int file_lock(const char *path, int *fd, struct err *e);
/* Names in a folder that end in suffix, sorted by bytes, without hidden ones.
 * More than max is -E2BIG. */
int file_list(struct arena *a, const char *dir, str suffix, size_t max, str **names, size_t *n, struct err *e);
#endif
