/* A segment file: blocks one behind the other, and at the end, once the
 * segment is closed, an index of them. All numbers little-endian.
 *
 * File DIR/seg-<yyyymmdd>-<n>.luy, n in 8 digits, growing over all days:
 *   head, 32 bytes:  8 bytes "LYSEG\0\0\1" | u64 salt | u32 day since 1970 (UTC+7) | u32 n | u32 0 |
 *                    u32 crc32c of the 28 before
 *   blocks           (block.h), without gaps
 *   index            for each block: u64 offset | its head, 256 bytes
 *   trailer, 40:     u32 "LYIX" | u32 blocks | u64 offset of the index | u64 salt | u32 crc32c of the index |
 *                    u32 day | u32 n | u32 crc32c of the 36 before
 * Without a whole index (a crash) the blocks are found by their heads.
 *
 * A segment is counted by references: searches hold it while retention
 * unlinks it. Blocks are added by the sealing thread alone; the list of blocks
 * is read and grown under the journal's lock. */
#ifndef LUY_JOURNAL_SEGMENT_H
#define LUY_JOURNAL_SEGMENT_H
#include "base/err.h"
#include "journal/block.h"

enum { SEG_DAY_MAX = 100000, SEG_NO_MAX = 99999999 }; /* as a file's name can say them, and times hold them */
enum { SEG_HEAD_BYTES = 32, SEG_TRAILER_BYTES = 40, SEG_ENTRY_BYTES = 8 + BLOCK_HEAD_BYTES };
struct block_info {
    uint64_t off;
    struct block_head head;
};
struct segment {
    int fd, refs;
    uint64_t salt;
    uint32_t day, no;
    uint64_t end;  /* behind the last block */
    uint64_t size; /* of the file */
    bool indexed;  /* an index lies at `end` */
    bool archived; /* it stands in an archive (archive.h); under the lock */
    struct block_info *blocks;
    size_t nblocks, cap;
    int64_t received_max;
    char relay[64]; /* of which relay its lines are, when it is a guest (guest.h); "": this journal's own */
    char path[];
};
int segment_create(const char *dir, uint32_t day, uint32_t no, struct segment **out, struct err *e);
/* The file that another program's segment with this head is, as yet without a block. -EEXIST; -EBADMSG: no head. */
int segment_adopt(const char *dir, const uint8_t head[SEG_HEAD_BYTES], struct segment **out, struct err *e);
/* *bad counts what cannot be read: bytes that belong to no block. verify_from:
 * blocks with events at or above this number are checked whole, and a last
 * one that fails is cut off (it was being written). -EPROTO: another release's
 * file; nothing of it is touched. */
int segment_open(const char *dir, const char *name, uint64_t verify_from, struct segment **out, uint64_t *torn,
                 struct err *e);
void segment_free(struct segment *s);
/* Writes behind the last block and syncs; the list of blocks stays as it was. -errno, file cut back. */
int segment_write(struct segment *s, str block);
/* Takes the written block into the list (under the lock). */
bool segment_reserve(struct segment *s); /* room for one more */
void segment_add(struct segment *s, const struct block_head *h);
int segment_close_index(struct segment *s);         /* writes the index and syncs; -errno */
void segment_trim(struct segment *s);               /* cuts what lies behind the last block */
uint64_t segment_next_seq(const struct segment *s); /* behind its last event; 0 when empty */
bool segment_name_parse(str name, uint32_t *no);
#endif
