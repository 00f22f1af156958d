/* Segment files of flows (flow_segment.h draws them). */
#include "base/file.h"
#include "base/rand.h"
#include "intake/event.h"
#include "journal/flow_segment.h"
#include "journal/wal.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = "LYFLO\0\0\1";

static struct flow_segment *segment_new(const char *dir, const char *name)
{
    size_t n = strlen(dir) + strlen(name) + 2;
    struct flow_segment *g = calloc(1, sizeof(*g) + n);

    if (g == NULL)
        return NULL;
    snprintf(g->path, n, "%s/%s", dir, name);
    g->fd = -1;
    g->refs = 1;
    g->time_max = INT64_MIN;
    return g;
}

int64_t flow_segment_from(const struct flow_segment *g)
{
    static const int64_t hour = 3600 * NS_PER_S;

    return ((int64_t)g->day * 24 - 7 - 1) * hour; /* its day is of UTC+7 */
}

void flow_segment_unref(struct flow_segment *g)
{
    if (g == NULL || --g->refs > 0)
        return;
    if (g->fd >= 0)
        close(g->fd);
    for (size_t i = 0; i < g->nblocks; i++)
        free(g->blocks[i]);
    free(g->blocks);
    free(g);
}

static void put(uint8_t *p, uint64_t v, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static int create_as(const char *dir, const struct flow_segment *as, struct flow_segment **out, struct err *e)
{
    char name[64];
    uint8_t head[FLOW_SEGMENT_HEAD] = {0};
    int y, m, d;

    civil_from_days(as->day, &y, &m, &d);
    snprintf(name, sizeof(name), "flow-%04d%02d%02d-%08u.lyf", y, m, d, as->no);
    struct flow_segment *g = segment_new(dir, name);
    if (g == NULL)
        return ERR(e, -ENOMEM, "journal.no_memory");
    g->salt = as->salt;
    g->day = as->day;
    g->no = as->no;
    g->end = FLOW_SEGMENT_HEAD;
    memcpy(head, magic, sizeof(magic));
    put(head + 8, g->salt, 8);
    put(head + 16, g->day, 4);
    put(head + 20, g->no, 4);
    put(head + 28, crc32c(0, head, 28), 4);
    g->fd = open(g->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    int rc = g->fd < 0 ? -errno : fd_write_all(g->fd, head, sizeof(head));
    if (rc == 0)
        rc = file_sync_dir(dir, NULL);
    if (rc == 0) {
        *out = g;
        return 0;
    }
    if (g->fd >= 0)
        unlink(g->path);
    ERR(e, wal_no_room(rc), "journal.write", g->path);
    flow_segment_unref(g);
    return wal_no_room(rc);
}

int flow_segment_create(const char *dir, uint32_t day, uint32_t no, struct flow_segment **out, struct err *e)
{
    struct flow_segment as = {.day = day, .no = no};

    rand_bytes(&as.salt, sizeof(as.salt));
    return create_as(dir, &as, out, e);
}

static bool parse_head(struct flow_segment *g, const uint8_t head[FLOW_SEGMENT_HEAD])
{
    rd r = rd_init(head, FLOW_SEGMENT_HEAD);

    rd_bytes(&r, sizeof(magic));
    g->salt = rd_u64le(&r);
    g->day = rd_u32le(&r);
    g->no = rd_u32le(&r);
    return memcmp(head, magic, sizeof(magic)) == 0 && rd_u32le(&r) == 0 && rd_u32le(&r) == crc32c(0, head, 28) &&
           g->day <= FLOW_SEGMENT_DAY_MAX && g->no <= FLOW_SEGMENT_NO_MAX;
}

int flow_segment_adopt(const char *dir, const uint8_t head[FLOW_SEGMENT_HEAD], struct flow_segment **out, struct err *e)
{
    struct flow_segment said = {.fd = -1};

    if (!parse_head(&said, head))
        return ERR(e, -EBADMSG, "journal.segment", dir);
    return create_as(dir, &said, out, e);
}

int flow_segment_write(struct flow_segment *g, str block)
{
    int rc = 0;

    for (size_t n = 0; n < block.n && rc == 0;) {
        ssize_t k = pwrite(g->fd, block.p + n, block.n - n, (off_t)(g->end + n));
        if (k < 0 && errno != EINTR)
            rc = -errno;
        n += k > 0 ? (size_t)k : 0;
    }
    if (rc == 0 && fdatasync(g->fd) < 0)
        rc = -errno;
    if (rc < 0 && ftruncate(g->fd, (off_t)g->end) < 0)
        rc = rc == -EIO ? rc : wal_no_room(rc); /* what stands behind the end is cut at the next open */
    return rc;
}

bool flow_segment_add(struct flow_segment *g, const struct flow_block_head *h)
{
    if (g->nblocks == g->cap) {
        size_t cap = g->cap > 0 ? g->cap * 2 : 16;
        struct flow_stored **p = realloc(g->blocks, cap * sizeof(*p));
        if (p == NULL)
            return false;
        g->blocks = p;
        g->cap = cap;
    }
    struct flow_stored *b = malloc(sizeof(*b));
    if (b == NULL)
        return false;
    *b = (struct flow_stored){g->end, *h};
    g->blocks[g->nblocks++] = b;
    g->end += h->length;
    g->time_max = h->time_max > g->time_max ? h->time_max : g->time_max;
    return true;
}

int flow_segment_cut(struct flow_segment *g, size_t nblocks)
{
    if (nblocks < g->nblocks) {
        g->end = g->blocks[nblocks]->off;
        for (size_t b = nblocks; b < g->nblocks; b++)
            free(g->blocks[b]);
        g->nblocks = nblocks;
        g->time_max = INT64_MIN;
        for (size_t b = 0; b < nblocks; b++)
            if (g->blocks[b]->head.time_max > g->time_max)
                g->time_max = g->blocks[b]->head.time_max;
    }
    return ftruncate(g->fd, (off_t)g->end) < 0 ? -errno : 0;
}

uint64_t flow_segment_next(const struct flow_segment *g)
{
    const struct flow_block_head *z = g->nblocks > 0 ? &g->blocks[g->nblocks - 1]->head : NULL;
    return z != NULL ? z->first_seq + z->rows : 0;
}

/* flow-<8 digits>-<8 digits>.lyf */
bool flow_segment_name(str name, uint32_t *no)
{
    uint64_t v;

    if (name.n != 26 || !str_starts(name, STR("flow-")) || !str_ends(name, STR(".lyf")) ||
        !str_u64(str_sub(name, 14, 8), &v))
        return false;
    *no = (uint32_t)v;
    return true;
}

/* The block that was being written when the machine stopped has a head and no body. */
static bool last_is_whole(struct flow_segment *g, const struct flow_block_head *h)
{
    struct flow_page p;
    bool ok = flow_page_init(&p);

    if (ok) {
        flow_page_block(&p, g->fd, g->end, h);
        ok = flow_page_verify(&p) == 0;
    }
    flow_page_done(&p);
    return ok;
}

static int blocks_read(struct flow_segment *g, uint64_t size, bool last)
{
    uint8_t head[FLOW_BLOCK_HEAD];
    struct flow_block_head h;

    while (size - g->end >= FLOW_BLOCK_HEAD) {
        if (pread(g->fd, head, sizeof(head), (off_t)g->end) != (ssize_t)sizeof(head) ||
            !flow_block_head_read(head, g->salt, &h) || h.length > size - g->end)
            return 0;
        if (last && g->end + h.length == size && !last_is_whole(g, &h))
            return 0;
        if (!flow_segment_add(g, &h))
            return -ENOMEM;
    }
    return 0;
}

int flow_segment_open(const char *dir, const char *name, enum flow_segment_how how, struct flow_segment **out,
                      uint64_t *torn, struct err *e)
{
    struct flow_segment *g = segment_new(dir, name);
    uint8_t head[FLOW_SEGMENT_HEAD];
    bool last = how == FLOW_SEGMENT_LAST;
    struct stat st;

    if (g == NULL)
        return ERR(e, -ENOMEM, "journal.no_memory");
    g->fd = open(g->path, (how == FLOW_SEGMENT_READ ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (g->fd < 0 || fstat(g->fd, &st) < 0) {
        int rc = ERR(e, -errno, "journal.read", g->path);
        flow_segment_unref(g);
        return rc;
    }
    bool ok = pread(g->fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) && parse_head(g, head);
    g->end = ok ? FLOW_SEGMENT_HEAD : (uint64_t)st.st_size;
    int rc = !ok && how == FLOW_SEGMENT_KEPT ? ERR(e, -EBADMSG, "journal.segment", g->path) : 0;
    if (rc == 0 && (rc = blocks_read(g, (uint64_t)st.st_size, last)) < 0)
        ERR(e, rc, "journal.no_memory");
    *torn += ok ? (uint64_t)st.st_size - g->end : (uint64_t)st.st_size;
    if (rc == 0 && last && ok && (uint64_t)st.st_size > g->end && ftruncate(g->fd, (off_t)g->end) < 0)
        rc = ERR(e, -errno, "journal.write", g->path);
    if (rc < 0)
        flow_segment_unref(g);
    else
        *out = g;
    return rc;
}
