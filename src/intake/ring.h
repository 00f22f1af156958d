/* Ring of messages in shared memory, one writer (the child), one reader (the
 * core). The memfd has a sealed size: neither side can pull the memory away.
 *
 *   page 0   struct ring_ctl
 *   page 1.. data, mapped twice in a row, so a message never has to be split
 *   message  u32 length | u32 0 | bytes, padded to 8
 *
 * The reader trusts its own position only: a head or a length that cannot be is
 * -EBADMSG, and a message is copied out before anybody looks into it. */
#ifndef LUY_INTAKE_RING_H
#define LUY_INTAKE_RING_H
#include "intake/intake.h"
#include <stdatomic.h>

enum ring_stat {
#define X(n) STAT_##n,
    INTAKE_COUNTERS(X)
#undef X
        STAT_COUNT
};

struct ring_ctl {
    _Alignas(64) _Atomic uint64_t head; /* bytes ever written */
    _Alignas(64) _Atomic uint64_t tail; /* bytes ever taken */
    _Alignas(64) _Atomic uint32_t wants_room;
    _Alignas(64) _Atomic uint64_t stat[STAT_COUNT];
};
struct ring {
    struct ring_ctl *ctl;
    uint8_t *data;
    size_t cap;
    uint64_t pos;
}; /* pos: own side's */

int ring_create(size_t bytes, int *memfd, struct err *e); /* close-on-exec, sealed */
int ring_map(int memfd, size_t bytes, struct ring *out);  /* 0 or -errno */
void ring_unmap(struct ring *r);
bool ring_put(struct ring *r, str msg);         /* false: no room now */
int ring_take(struct ring *r, struct buf *out); /* 1, 0 empty, -EBADMSG, -ENOMEM */
bool ring_room_wanted(struct ring *r);          /* the writer waits and a quarter is free */
/* Between two children: keeps what the old one wrote if it makes sense (returns
 * where that ends), or begins anew when not. */
uint64_t ring_settle(struct ring *r, bool discard);
#endif
