/* Opening a flow store that ended anyhow: segments are read by their blocks'
 * heads; what they do not hold yet is taken from the write-ahead files and handed
 * to the sealer. Before the sealer runs. */
#include "base/file.h"
#include "base/log.h"
#include "journal/flow_store-int.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { FILES_MAX = 100000, NAMES_BYTES = 32 << 20 };

struct replay {
    struct flow_store *s;
    uint64_t next; /* number that the next flow must have */
    struct flow_rows *rows;
    struct err *e;
};

static int segments_open(struct flow_store *s, struct err *e)
{
    struct arena a = arena_init(NAMES_BYTES);
    str *names;
    size_t n;
    uint32_t no;
    int rc = file_list(&a, s->dir, STR(".lyf"), FILES_MAX, &names, &n, e);

    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct flow_segment *g = NULL;
        if (!flow_segment_name(names[i], &no))
            continue;
        rc = flow_segment_open(s->dir, names[i].p,
                               i + 1 == n && !s->cfg.read_only ? FLOW_SEGMENT_LAST : FLOW_SEGMENT_READ, &g,
                               &s->torn_bytes, e);
        if (rc < 0)
            break;
        s->seg_next = no >= s->seg_next ? no + 1 : s->seg_next;
        if (!flow_segments_add(s, g))
            rc = ERR(e, -ENOMEM, "journal.no_memory");
        else if (flow_segment_next(g) > atomic_load(&s->next_seq))
            atomic_store(&s->next_seq, flow_segment_next(g));
    }
    arena_free(&a);
    return rc;
}

static int record_take(void *ctx, uint64_t seq, str wire)
{
    struct replay *p = ctx;
    struct flow_view v;

    if (seq < p->next || flow_batch_open(wire, &v, NULL) < 0)
        return 0; /* sealed already */
    if (p->rows == NULL)
        p->rows = flow_rows_new(FLOW_BLOCK_ROWS, seq);
    if (p->rows == NULL || !flow_rows_fits(p->rows, &v) || !flow_rows_place(p->rows, &v))
        return ERR(p->e, -ENOMEM, "journal.no_memory");
    flow_rows_publish(p->rows, v.rows);
    p->next = seq + v.rows;
    return 0;
}

static int wal_take(struct flow_store *s, uint64_t no, const char *path, struct err *e)
{
    struct arena a = arena_init((size_t)WAL_FILE_MAX + 65536);
    struct replay p = {.s = s, .next = atomic_load(&s->next_seq), .e = e};
    str file;
    int rc = file_read(&a, path, WAL_FILE_MAX, &file, e);

    if (rc == 0)
        rc = wal_read(file, record_take, &p, &s->torn_bytes);
    if (rc == 0 && p.rows != NULL) {
        if (!flow_freeze(s, (struct flow_frozen){p.rows, no, file.n}))
            rc = ERR(e, -ENOMEM, "journal.no_memory");
        else
            p.rows = NULL;
        atomic_store(&s->next_seq, p.next);
    } else if (rc == 0) {
        unlink(path);
    }
    flow_rows_free(p.rows);
    arena_free(&a);
    return rc;
}

/* What a killed process wrote lies in the page cache only: synced before it is trusted. */
static void sync_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0 && fdatasync(fd) < 0)
        log_event(LOG_WARN, "flow_wal_sync", F_INT("errno", errno));
    if (fd >= 0)
        close(fd);
}

int flow_recover_read_only(struct flow_store *s, struct err *e)
{
    int rc = segments_open(s, e);

    atomic_store(&s->synced, atomic_load(&s->next_seq));
    return rc;
}

int flow_recover(struct flow_store *s, struct err *e)
{
    struct arena a = arena_init(NAMES_BYTES);
    char path[4096];
    str *names;
    size_t n;
    int rc = segments_open(s, e);

    if (rc == 0)
        rc = file_list(&a, s->dir, STR(""), FILES_MAX, &names, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++) { /* in the order of their numbers: hex of one width */
        if (names[i].n != 20 || !str_starts(names[i], STR("wal-")))
            continue;
        uint64_t no = strtoull(names[i].p + 4, NULL, 16);
        wal_path(s->dir, no, path, sizeof(path));
        s->wal_next = no >= s->wal_next ? no + 1 : s->wal_next;
        sync_file(path);
        rc = wal_take(s, no, path, e);
    }
    /* Numbers go on behind what the ledger has seen, even where the files are gone. */
    if (s->cfg.ledger != NULL && ledger_next(s->cfg.ledger, LEDGER_FLOW) > atomic_load(&s->next_seq))
        atomic_store(&s->next_seq, ledger_next(s->cfg.ledger, LEDGER_FLOW));
    if (rc == 0)
        flow_proof_catch_up(s);
    atomic_store(&s->synced, atomic_load(&s->next_seq));
    arena_free(&a);
    return rc;
}
