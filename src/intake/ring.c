/* The ring (ring.h draws it). Both processes map it; each owns its position, the
 * kernel owns the memory. The writer's side runs in the child, the rest in the
 * core's pipeline thread. */
#include "intake/ring.h"
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, MSG_HEAD = 8 };
_Static_assert(sizeof(struct ring_ctl) <= PAGE, "control fits its page");

static size_t align8(size_t n) { return (n + 7) & ~(size_t)7; }

int ring_create(size_t bytes, int *memfd, struct err *e)
{
    int fd = memfd_create("luy-intake", MFD_CLOEXEC | MFD_ALLOW_SEALING), rc = 0;

    if (fd < 0 || ftruncate(fd, (off_t)(PAGE + bytes)) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        rc = ERR(e, -errno, "intake.ring", strerror(errno));
    if (rc < 0 && fd >= 0)
        close(fd);
    if (rc == 0)
        *memfd = fd;
    return rc;
}

int ring_map(int fd, size_t bytes, struct ring *out)
{
    const int rw = PROT_READ | PROT_WRITE;
    uint8_t *base = mmap(NULL, PAGE + 2 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (base == MAP_FAILED)
        return -errno;
    if (mmap(base, PAGE + bytes, rw, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED ||
        mmap(base + PAGE + bytes, bytes, rw, MAP_SHARED | MAP_FIXED, fd, PAGE) == MAP_FAILED) {
        int rc = -errno;
        munmap(base, PAGE + 2 * bytes);
        return rc;
    }
    *out = (struct ring){(struct ring_ctl *)base, base + PAGE, bytes, 0};
    return 0;
}

void ring_unmap(struct ring *r)
{
    if (r->ctl != NULL)
        munmap(r->ctl, PAGE + 2 * r->cap);
    *r = (struct ring){0};
}

bool ring_put(struct ring *r, str msg)
{
    uint64_t tail = atomic_load(&r->ctl->tail); /* ordered after wants_room */
    size_t need = MSG_HEAD + align8(msg.n);
    uint8_t *p = r->data + r->pos % r->cap;
    uint32_t head[2] = {htole32((uint32_t)msg.n), 0};

    if (r->pos - tail > r->cap || need > r->cap - (size_t)(r->pos - tail))
        return false;
    memcpy(p, head, sizeof(head));
    memcpy(p + MSG_HEAD, msg.p, msg.n);
    r->pos += need;
    atomic_store_explicit(&r->ctl->head, r->pos, memory_order_release);
    return true;
}

int ring_take(struct ring *r, struct buf *out)
{
    uint64_t ready = atomic_load_explicit(&r->ctl->head, memory_order_acquire) - r->pos;
    const uint8_t *p = r->data + r->pos % r->cap;
    uint32_t head[2];

    if (ready == 0)
        return 0;
    if (ready > r->cap || ready < MSG_HEAD || ready % 8 != 0)
        return -EBADMSG;
    memcpy(head, p, sizeof(head));
    size_t n = le32toh(head[0]);
    if (head[1] != 0 || n > EVENT_BATCH_MAX || MSG_HEAD + align8(n) > ready)
        return -EBADMSG;
    buf_clear(out);
    buf_add(out, p + MSG_HEAD, n);
    if (out->failed)
        return -ENOMEM;
    r->pos += MSG_HEAD + align8(n);
    atomic_store(&r->ctl->tail, r->pos); /* ordered before the look at wants_room */
    return 1;
}

bool ring_room_wanted(struct ring *r)
{
    uint64_t used = atomic_load_explicit(&r->ctl->head, memory_order_relaxed) - r->pos;

    return used <= r->cap - r->cap / 4 && atomic_load(&r->ctl->wants_room) != 0 &&
           atomic_exchange(&r->ctl->wants_room, 0) != 0;
}

uint64_t ring_settle(struct ring *r, bool discard)
{
    uint64_t head = atomic_load(&r->ctl->head);

    if (discard || head - r->pos > r->cap || head % 8 != 0)
        head = r->pos;
    atomic_store(&r->ctl->head, head);
    atomic_store(&r->ctl->tail, r->pos);
    atomic_store(&r->ctl->wants_room, 0);
    return head;
}
