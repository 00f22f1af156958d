/* See tailer.h. Each file has two positions: `off`, where reading stands, and
 * `kept`, up to where the lines are somebody else's; only the latter is saved. */
#include "intake/tailer.h"
#include "base/file.h"
#include "base/log.h"
#include "intake/json_line.h"
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024, STATE_MAX = 64 * 1024, SAVE_MS = 1000, TZ_LOCAL = 7 * 60, QUIET_READS = 2 };

struct tail_file {
    char *path;
    int fd;
    uint64_t dev, ino, off, kept;
    bool known;    /* dev, ino and kept come from the saved positions */
    bool skipping; /* the rest of a line that was too long */
    int quiet;     /* reads in a row that found nothing, while another file has the name */
};
struct tailer {
    struct tail_file file[TAILER_FILES_MAX];
    size_t n;
    const struct clock *clk;
    char *state, *chunk;
    int64_t save_due;
    bool moved;
    _Atomic uint64_t lines, bytes, bad, rotations, truncations, open_files;
};

static int add_path(struct tailer *t, str path, struct err *e)
{
    if (path.n == 0)
        return 0;
    if (path.p[0] != '/')
        return ERR(e, -EINVAL, "intake.tail_path", S(path));
    if (t->n == TAILER_FILES_MAX)
        return ERR(e, -E2BIG, "intake.tail_many", N(TAILER_FILES_MAX));
    char *copy = strndup(path.p, path.n);
    if (copy == NULL)
        return ERR(e, -ENOMEM, "base.no_memory", "intake");
    t->file[t->n++] = (struct tail_file){.path = copy, .fd = -1};
    return 0;
}

/* Lines "dev ino offset path"; what makes no sense is as if it were not there. */
static void state_load(struct tailer *t)
{
    struct arena a = arena_init(4 * STATE_MAX);
    str text, line, word[3];

    if (access(t->state, F_OK) == 0 && file_read(&a, t->state, STATE_MAX, &text, NULL) == 0)
        while (text.p != NULL && str_split(&text, '\n', &line)) {
            uint64_t v[3];
            bool ok = true;
            for (int i = 0; ok && i < 3; i++)
                ok = str_split(&line, ' ', &word[i]) && str_u64(word[i], &v[i]);
            for (size_t i = 0; ok && line.p != NULL && i < t->n; i++)
                if (str_eq(line, str_c(t->file[i].path))) {
                    t->file[i].dev = v[0];
                    t->file[i].ino = v[1];
                    t->file[i].kept = v[2];
                    t->file[i].known = true;
                }
        }
    arena_free(&a);
}

static void state_save(struct tailer *t)
{
    struct buf b;
    struct err e = {0};

    buf_init(&b, STATE_MAX);
    for (size_t i = 0; i < t->n; i++)
        if (t->file[i].known)
            buf_fmt(&b, "%llu %llu %llu %s\n", (unsigned long long)t->file[i].dev, (unsigned long long)t->file[i].ino,
                    (unsigned long long)t->file[i].kept, t->file[i].path);
    if (b.failed || file_write_atomic(t->state, buf_view(&b), 0600, &e) < 0)
        log_err(LOG_WARN, "tailer_state", &e);
    buf_done(&b);
    t->moved = false;
}

int tailer_open(str files, const char *state, const struct clock *clk, struct tailer **out, struct err *e)
{
    struct tailer *t = calloc(1, sizeof(*t));
    str rest = files, path;
    int rc = 0;

    if (t == NULL)
        return ERR(e, -ENOMEM, "base.no_memory", "intake");
    t->clk = clk;
    t->state = strdup(state);
    t->chunk = malloc(CHUNK);
    if (t->state == NULL || t->chunk == NULL)
        rc = ERR(e, -ENOMEM, "base.no_memory", "intake");
    while (rc == 0 && rest.p != NULL && str_split(&rest, ',', &path))
        rc = add_path(t, str_trim(path), e);
    if (rc < 0) {
        t->moved = false;
        tailer_close(t);
        return rc;
    }
    state_load(t);
    *out = t;
    return 0;
}

void tailer_close(struct tailer *t)
{
    if (t == NULL)
        return;
    if (t->moved)
        state_save(t);
    for (size_t i = 0; i < t->n; i++) {
        if (t->file[i].fd >= 0)
            close(t->file[i].fd);
        free(t->file[i].path);
    }
    free(t->state);
    free(t->chunk);
    free(t);
}

/* Opens what has the name now; goes on where it stood when that is the same file. */
static bool file_open(struct tailer *t, struct tail_file *f)
{
    struct stat st;
    int fd = open(f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool same =
        f->known && f->dev == (uint64_t)st.st_dev && f->ino == (uint64_t)st.st_ino && f->kept <= (uint64_t)st.st_size;
    f->fd = fd;
    f->dev = (uint64_t)st.st_dev;
    f->ino = (uint64_t)st.st_ino;
    f->off = f->kept = same ? f->kept : 0;
    f->known = true;
    f->skipping = false;
    f->quiet = 0;
    t->moved = true;
    atomic_fetch_add(&t->open_files, 1);
    return true;
}

static void file_close(struct tailer *t, struct tail_file *f)
{
    close(f->fd);
    f->fd = -1;
    atomic_fetch_sub(&t->open_files, 1);
}

static bool line_add(struct tailer *t, struct event_batch *b, str line, uint16_t flags)
{
    struct event ev;

    json_line_parse(line, clock_wall(t->clk), TZ_LOCAL, &ev);
    ev.transport = TP_FILE;
    ev.flags |= flags;
    if (!event_batch_add(b, &ev))
        return false;
    atomic_fetch_add(&t->lines, 1);
    atomic_fetch_add(&t->bad, (ev.flags & EV_BAD_JSON) != 0);
    return true;
}

/* Lines of the chunk into the batch. What is used up moves the position; false:
 * the batch is full. end: nothing will follow, so a last line needs no LF. */
static bool chunk_take(struct tailer *t, struct tail_file *f, struct event_batch *b, size_t n, bool end, size_t *lines)
{
    for (size_t at = 0; at < n;) {
        const char *p = t->chunk + at, *lf = memchr(p, '\n', n - at);
        size_t len = lf != NULL ? (size_t)(lf - p) : n - at;
        bool cut = false, empty = len == 0 || (len == 1 && *p == '\r');
        if (lf == NULL && len <= EVENT_RAW_MAX && !end && !f->skipping)
            return true; /* the rest of it comes */
        if (!f->skipping && !empty) {
            cut = lf == NULL && len > EVENT_RAW_MAX;
            if (!line_add(t, b, (str){p, len}, lf == NULL && !cut ? EV_BAD_FRAME : 0))
                return false;
            ++*lines;
        }
        size_t used = cut ? EVENT_RAW_MAX : len + (lf != NULL);
        f->skipping = cut || (f->skipping && lf == NULL);
        f->off += used;
        at += used;
        atomic_fetch_add(&t->bytes, used);
    }
    return true;
}

/* Nothing more to read: has the file shrunk, or has another one its name? */
static bool ended(struct tailer *t, struct tail_file *f)
{
    struct stat now, named;

    if (fstat(f->fd, &now) == 0 && (uint64_t)now.st_size < f->off) {
        atomic_fetch_add(&t->truncations, 1);
        f->off = f->kept = 0;
        f->skipping = false;
        t->moved = true;
        return false;
    }
    if (stat(f->path, &named) < 0 || ((uint64_t)named.st_dev == f->dev && (uint64_t)named.st_ino == f->ino)) {
        f->quiet = 0;
        return false;
    }
    return ++f->quiet >= QUIET_READS; /* its writer may have had something left to say */
}

static size_t file_read_some(struct tailer *t, struct tail_file *f, struct event_batch *b)
{
    size_t lines = 0;

    if (f->fd < 0 && !file_open(t, f))
        return 0;
    for (;;) {
        uint64_t before = f->off;
        ssize_t n = pread(f->fd, t->chunk, CHUNK, (off_t)f->off);
        if (n > 0 && !chunk_take(t, f, b, (size_t)n, false, &lines))
            return lines;
        if (n > 0 && f->off != before) {
            f->quiet = 0;
            continue;
        }
        if (!ended(t, f))
            return lines;
        if (n > 0 && !chunk_take(t, f, b, (size_t)n, true, &lines))
            return lines;
        atomic_fetch_add(&t->rotations, 1);
        file_close(t, f);
        f->known = false;
        if (lines > 0 || !file_open(t, f))
            return lines; /* the new file begins with the next batch: one position a file */
    }
}

size_t tailer_read(struct tailer *t, struct event_batch *b)
{
    size_t lines = 0;

    for (size_t i = 0; i < t->n; i++)
        lines += file_read_some(t, &t->file[i], b);
    return lines;
}

void tailer_taken(struct tailer *t)
{
    int64_t now = clock_mono(t->clk);

    for (size_t i = 0; i < t->n; i++)
        if (t->file[i].kept != t->file[i].off) {
            t->file[i].kept = t->file[i].off;
            t->moved = true;
        }
    if (t->moved && now >= t->save_due) {
        t->save_due = now + SAVE_MS * NS_PER_MS;
        state_save(t);
    }
}

void tailer_stats(const struct tailer *ct, struct tailer_stats *out)
{
    struct tailer *t = (struct tailer *)(uintptr_t)ct;

    *out = (struct tailer_stats){atomic_load(&t->lines),     atomic_load(&t->bytes),       atomic_load(&t->bad),
                                 atomic_load(&t->rotations), atomic_load(&t->truncations), atomic_load(&t->open_files)};
}
