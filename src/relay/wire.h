/* The words between a relay and its centre. The relay speaks first; both sides
 * then read frames. All numbers little-endian.
 *
 *   0  u8 'L'   1  u8 type   2  u16 0   4  u32 bytes that follow (at most RELAY_FRAME_MAX)
 *
 *   HELLO    relay   u32 version (2) | u32 0 | 32 bytes anchor (SHA-256 of record 0 of its heads)
 *   POINT    centre  u64 entries | u64 heads | 32 bytes SHA-256 of the last head (zero: none) |
 *                    u64 bytes that are here of the block of entry `entries`
 *   ENTRY    relay   96 bytes: the next entry of the ledger (ledger.h)
 *   SEGMENT  relay   32 bytes: head of the file that the blocks of the last ENTRY's stream lie in from here
 *                    on (segment.h, of flows flow_segment.h)
 *   BYTES    relay   u64 offset | u64 length of the block | bytes of the block of the last ENTRY
 *   SKIP     relay   u32 reason (enum relay_skip): the block of the last ENTRY does not come
 *   HEAD     relay   208 bytes: the next signed head; covers all entries before it
 *   PING     relay   nothing; wants an ACK
 *   ACK      centre  u64 entries | u64 heads: durable at the centre, and verified
 *   REFUSE   centre  u64 entry | u32 errno | u32 0 | a sentence; the line ends after it
 *
 * An ENTRY of a sealed block, of lines or flows, is followed by SEGMENT (when it is another of
 * its stream than before, or the first on this line) and BYTES until its length is reached, or by SKIP.
 * Lost bytes come again from where POINT says: nothing is sent twice but the frame that
 * was cut. */
#ifndef LUY_RELAY_WIRE_H
#define LUY_RELAY_WIRE_H
#include "base/buf.h"
#include "base/err.h"
#include "base/rd.h"

enum { RELAY_VERSION = 2, RELAY_FRAME_HEAD = 8, RELAY_CHUNK = 32 * 1024, RELAY_FRAME_MAX = RELAY_CHUNK + 64 };
enum relay_frame {
    RF_HELLO = 1,
    RF_POINT,
    RF_ENTRY,
    RF_SEGMENT,
    RF_BYTES,
    RF_SKIP,
    RF_HEAD,
    RF_PING,
    RF_ACK,
    RF_REFUSE
};
enum relay_skip { RELAY_DROPPED = 1, RELAY_UNREADABLE = 2, RELAY_REFUSED = 3 };

/* The line under the words: TLS, or a socket pair in tests. One thread. */
struct relay_link {
    void *ctx;
    /* Bytes; 0: nothing within the time; -EPIPE: the other side is gone. */
    long (*read)(void *ctx, void *p, size_t n, int timeout_ms);
    int (*write)(void *ctx, const void *p, size_t n); /* all of it; 0 or -errno */
};
/* Frames as they come in. */
struct relay_in {
    uint8_t head[RELAY_FRAME_HEAD], body[RELAY_FRAME_MAX];
    size_t have; /* of head and body */
};
/* 1: a frame, *body points into in until the next call. 0: not within the time. -EPIPE, -EBADMSG. */
int relay_frame_read(const struct relay_link *l, struct relay_in *in, int timeout_ms, enum relay_frame *type, rd *body,
                     struct err *e);
int relay_frame_write(const struct relay_link *l, enum relay_frame type, str a, str b, struct err *e);
#endif
