/* Segment files of flows, by day of receipt. DIR/flow-<yyyymmdd>-<n>.lyf, n in 8 digits, growing over all days:
 *
 *   head, 32 bytes:  8 bytes "LYFLO\0\0\1" | u64 salt | u32 day since 1970 (UTC+7) | u32 n | u32 0 |
 *                    u32 crc32c of the 28 before
 *   blocks           (flow_block.h), without gaps; found by their heads, which hold their lengths
 *
 * A segment is counted by references, under the lock of the store that it is in. Its list of blocks is grown by its
 * one writer, under that lock where others read it; what the list points at stays where it is. */
#ifndef LUY_JOURNAL_FLOW_SEGMENT_H
#define LUY_JOURNAL_FLOW_SEGMENT_H
#include "journal/flow_block.h"
#include "journal/merkle.h"

enum { FLOW_SEGMENT_HEAD = 32 };
enum {
    FLOW_SEGMENT_DAY_MAX = 100000,
    FLOW_SEGMENT_NO_MAX = 99999999
}; /* as a name can say them, and times hold them */
struct flow_stored {
    uint64_t off;
    struct flow_block_head head;
};
struct flow_segment {
    int fd, refs;
    uint64_t salt, end; /* end: behind the last block */
    uint32_t day, no;
    bool archived, full; /* it stands in an archive (archive.h); gets no more blocks. Under the lock */
    struct flow_stored **blocks;
    size_t nblocks, cap;
    int64_t time_max;
    char path[];
};
int flow_segment_create(const char *dir, uint32_t day, uint32_t no, struct flow_segment **out, struct err *e);
/* The file that another program's segment with this head is, as yet without a block. -EEXIST; -EBADMSG: no head. */
int flow_segment_adopt(const char *dir, const uint8_t head[FLOW_SEGMENT_HEAD], struct flow_segment **out,
                       struct err *e);
/* READ: for reading alone. LAST: the store's newest, to be written on: a torn last block is cut off. KEPT: to be
 * written on, and nothing is cut; -EBADMSG without a head. *torn counts bytes that belong to no block. */
enum flow_segment_how { FLOW_SEGMENT_READ, FLOW_SEGMENT_LAST, FLOW_SEGMENT_KEPT };
int flow_segment_open(const char *dir, const char *name, enum flow_segment_how how, struct flow_segment **out,
                      uint64_t *torn, struct err *e);
int flow_segment_write(struct flow_segment *g, str block);                      /* and syncs; -errno, file cut back */
bool flow_segment_add(struct flow_segment *g, const struct flow_block_head *h); /* false: no memory */
int flow_segment_cut(struct flow_segment *g, size_t nblocks); /* what lies behind its first nblocks goes; -errno */
uint64_t flow_segment_next(const struct flow_segment *g);     /* behind its last flow; 0 when empty */
/* A time of receipt that nothing in it lies before: an hour before its day, for a clock may be set back. */
int64_t flow_segment_from(const struct flow_segment *g);
void flow_segment_unref(struct flow_segment *g); /* NULL is fine */
bool flow_segment_name(str name, uint32_t *no);
/* Over the block's bytes in fd as they are stored. -EBADMSG: cut or not as its checksums say; -EIO, -ENOMEM. */
int flow_block_root(int fd, uint64_t off, const struct flow_block_head *h, struct sha256 *root);
#endif
