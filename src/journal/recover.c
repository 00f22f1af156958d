/* Opening a journal that ended anyhow: segments are read, what their blocks
 * do not hold yet is taken from the write-ahead files and handed to the
 * sealer. Before the sealer runs; no other thread knows the journal. */
#include "journal/journal-int.h"
#include "base/file.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { FILES_MAX = 100000, RECORD_LEAST = 96 };

struct recovery {
    struct journal *j;
    str *names;
    size_t n;
    uint64_t next;     /* number that the next event must have */
    struct rows *rows; /* being filled */
    uint64_t wal_no;
    size_t file_bytes;
    struct err *e;
};

/* wal-<16 hex digits> */
static bool wal_name(str name, uint64_t *no)
{
    uint64_t v = 0;

    if (name.n != 20 || !str_starts(name, STR("wal-")))
        return false;
    for (size_t i = 4; i < name.n; i++) {
        const char *digits = "0123456789abcdef", *at = strchr(digits, name.p[i]);
        if (at == NULL || name.p[i] == '\0')
            return false;
        v = v << 4 | (uint64_t)(at - digits);
    }
    *no = v;
    return true;
}

/* Whole file, and synced: what a killed process wrote is in the page cache only. */
static int wal_load(struct recovery *rc, uint64_t no, str *out)
{
    char path[4096];
    int r = 0;

    wal_path(rc->j->dir, no, path, sizeof(path));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    if (size < 0 || fdatasync(fd) < 0)
        r = -errno;
    else if (size > WAL_FILE_MAX)
        r = -EFBIG;
    char *p = r == 0 ? malloc((size_t)size + 1) : NULL;
    if (r == 0 && p == NULL)
        r = -ENOMEM;
    for (size_t got = 0; r == 0 && got < (size_t)size;) {
        ssize_t k = pread(fd, p + got, (size_t)size - got, (off_t)got);
        if (k <= 0)
            r = k < 0 ? -errno : -EIO;
        got += k > 0 ? (size_t)k : 0;
    }
    if (fd >= 0)
        close(fd);
    if (r < 0) {
        free(p);
        return ERR(rc->e, r, r == -ENOMEM ? "journal.no_memory" : "journal.read", path);
    }
    *out = (str){p, (size_t)size};
    return 0;
}

static int first_number(void *ctx, uint64_t seq, str wire)
{
    *(uint64_t *)ctx = seq;
    return -1;
}

/* The least number in any write-ahead file: blocks below it were synced. */
static int least_number(struct recovery *rc, uint64_t *out)
{
    uint64_t no, seq, torn = 0;

    *out = UINT64_MAX;
    for (size_t i = 0; i < rc->n; i++) {
        str file;
        if (!wal_name(rc->names[i], &no))
            continue;
        int r = wal_load(rc, no, &file);
        if (r < 0)
            return r;
        seq = UINT64_MAX;
        wal_read(file, first_number, &seq, &torn);
        free((void *)(uintptr_t)file.p);
        *out = seq < *out ? seq : *out;
    }
    return 0;
}

static int open_segments(struct recovery *rc, uint64_t verify_from)
{
    struct journal *j = rc->j;
    char name[32];
    uint32_t no;

    for (size_t i = 0; i < rc->n; i++) {
        struct segment *s;
        struct err e = {0};
        if (!segment_name_parse(rc->names[i], &no))
            continue;
        j->seg_next = no >= j->seg_next ? no + 1 : j->seg_next;
        snprintf(name, sizeof(name), "%.*s", STR_ARGS(rc->names[i]));
        int r = segment_open(j->dir, name, verify_from, &s, &j->torn_bytes, &e);
        if (r == -EBADMSG) { /* kept on disk, told, and left out */
            log_err(LOG_ERROR, "journal_segment", &e);
            atomic_fetch_add(&j->bad_blocks, 1);
            continue;
        }
        if (r == 0 && !journal_add_segment(j, s)) {
            segment_free(s);
            r = ERR(&e, -ENOMEM, "journal.no_memory");
        }
        if (r < 0) {
            if (rc->e)
                *rc->e = e;
            return r;
        }
    }
    return 0;
}

static int by_number(const void *a, const void *b)
{
    const struct segment *x = *(struct segment *const *)a, *y = *(struct segment *const *)b;
    return x->no < y->no ? -1 : x->no > y->no;
}

/* Numbers must grow from segment to segment; one that falls back (a file put
 * there by hand) is left out. */
static void order_segments(struct recovery *rc)
{
    struct journal *j = rc->j;
    size_t kept = 0;

    if (j->nsegs > 0)
        qsort(j->segs, j->nsegs, sizeof(j->segs[0]), by_number);
    for (size_t i = 0; i < j->nsegs; i++) {
        struct segment *s = j->segs[i];
        if (s->nblocks > 0 && s->blocks[0].head.first_seq < rc->next) {
            log_event(LOG_ERROR, "journal_segment_order", F_STR("file", str_c(s->path)));
            atomic_fetch_add(&j->bad_blocks, 1);
            segment_free(s);
            continue;
        }
        rc->next = s->nblocks ? segment_next_seq(s) : rc->next;
        j->segs[kept++] = s;
    }
    j->nsegs = kept;
}

static int freeze(struct recovery *rc, bool last)
{
    struct rows *r = rc->rows;

    rc->rows = NULL;
    if (r == NULL)
        return 0;
    rows_publish(r);
    if (journal_freeze(rc->j, (struct frozen){r, rc->wal_no, rc->file_bytes, last}))
        return 0;
    rows_free(r);
    return ERR(rc->e, -ENOMEM, "journal.no_memory");
}

static int take_event(struct recovery *rc, uint64_t seq, const struct event *ev)
{
    int r;

    if (seq < rc->next)
        return 0;
    if (seq > rc->next && (r = freeze(rc, false)) < 0) /* a hole: numbers of a block are without gaps */
        return r;
    if (rc->rows == NULL) {
        rc->rows = rows_new(rc->file_bytes, (uint32_t)(rc->file_bytes / RECORD_LEAST + 1));
        if (rc->rows == NULL)
            return ERR(rc->e, -ENOMEM, "journal.no_memory");
        rc->rows->have = COL_ALL;
        rc->rows->first_seq = seq;
    }
    if (!rows_add(rc->rows, ev))
        return ERR(rc->e, -EBADMSG, "journal.batch");
    rc->next = seq + 1;
    return 0;
}

static int take_record(void *ctx, uint64_t seq, str wire)
{
    struct recovery *rc = ctx;
    struct event_reader rdr;
    struct event ev;
    int r = event_batch_open(wire, &rdr, rc->e);

    for (; r == 0 && (r = event_batch_next(&rdr, &ev)) == 1; seq++)
        r = take_event(rc, seq, &ev);
    return r;
}

static int read_wals(struct recovery *rc)
{
    struct journal *j = rc->j;
    uint64_t no;

    for (size_t i = 0; i < rc->n; i++) { /* names are sorted, numbers have leading zeros */
        str file;
        if (!wal_name(rc->names[i], &no))
            continue;
        j->wal_next = no + 1;
        int r = wal_load(rc, no, &file);
        if (r < 0)
            return r;
        rc->wal_no = no;
        rc->file_bytes = file.n;
        r = wal_read(file, take_record, rc, &j->torn_bytes);
        free((void *)(uintptr_t)file.p);
        bool used = rc->rows != NULL;
        if (r == 0)
            r = freeze(rc, true);
        if (r < 0)
            return r;
        if (!used) {
            struct wal w = {.fd = -1, .no = no};
            wal_drop(&w, j->dir);
        }
    }
    return 0;
}

int journal_recover(struct journal *j, struct err *e)
{
    struct arena a = arena_init(64 << 20);
    struct recovery rc = {.j = j, .next = 1, .e = e};
    uint64_t verify_from;

    int r = file_list(&a, j->dir, STR(""), FILES_MAX, &rc.names, &rc.n, e);
    if (r == 0)
        r = least_number(&rc, &verify_from);
    if (r == 0)
        r = open_segments(&rc, verify_from);
    if (r == 0) {
        order_segments(&rc);
        r = read_wals(&rc);
    }
    rows_free(rc.rows);
    arena_free(&a);
    if (r < 0)
        return r;
    atomic_store(&j->next_seq, rc.next);
    atomic_store(&j->synced, rc.next);
    if (j->torn_bytes > 0)
        log_event(LOG_WARN, "journal_torn", F_STR("dir", str_c(j->dir)), F_INT("bytes", j->torn_bytes));
    return 0;
}
