/* The write-ahead file of one block: what was appended and is not yet sealed.
 * All numbers little-endian.
 *
 * File DIR/wal-<n>, n in 16 hex digits, one block each:
 *   head, 32 bytes:   8 bytes "LYWAL\0\0\1" | u64 salt | u64 n | u32 0 | u32 crc32c of the 28 before
 *   records:          u32 "LYWR" | u32 length of the batch | u64 number of its first event | u64 salt |
 *                     u32 0 | u32 crc32c of the 28 bytes before and of the batch's own head (16 bytes),
 *                     then the batch in its wire form (event.h, flow.h), whose head holds its checksum.
 * The salt is random: nothing that a sender writes into a log line can pass
 * for a record. Owned by the writer thread. */
#ifndef LUY_JOURNAL_WAL_H
#define LUY_JOURNAL_WAL_H
#include "base/err.h"
#include "intake/event.h"

enum { WAL_HEAD_BYTES = 32, WAL_RECORD_BYTES = 32, WAL_FILE_MAX = 512 << 20 };
struct wal {
    int fd;
    uint64_t no, salt, size, kicked;
    bool dir_synced;
};

void wal_path(const char *dir, uint64_t no, char *out, size_t cap);
int wal_create(const char *dir, uint64_t no, struct wal *w, struct err *e);
/* All or nothing: on failure the file is cut back. -ENOSPC for every kind of "no room". */
int wal_append(struct wal *w, uint64_t seq, str wire);
int wal_sync(struct wal *w, const char *dir); /* data, and the folder's entry once; -errno */
void wal_close(struct wal *w);
void wal_drop(struct wal *w, const char *dir); /* closes and unlinks */
int wal_no_room(int code);                     /* -EFBIG, -EDQUOT too become -ENOSPC */

/* Reading: fn for each whole record in order; *torn counts bytes that belong
 * to none. fn's result below 0 ends and is returned. */
typedef int wal_fn(void *ctx, uint64_t seq, str wire);
int wal_read(str file, wal_fn *fn, void *ctx, uint64_t *torn);
#endif
