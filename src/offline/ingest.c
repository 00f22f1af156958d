/* Lines from files or standard input into a journal. A file ending in .zst is
 * read through zstd. What a line cannot be read as is kept as it is. */
#include "offline/offline.h"
#include "intake/syslog.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum { READ_BYTES = 1 << 20, LINES_BYTES = 4 << 20, BATCH_BYTES = 1 << 20 };

struct ingest {
    struct offline *o;
    struct journal *j;
    struct event_batch batch;
    struct buf line; /* what of a line has come */
    struct progress bar;
    uint64_t lines, bytes, cut, all;
    int64_t now; /* receipt of what one read brought, as of a line from the network */
    struct err *e;
};

static int flush(struct ingest *g)
{
    uint64_t first;
    int64_t due;

    if (g->batch.count == 0)
        return 0;
    int rc = journal_append_checked(g->j, event_batch_seal(&g->batch), &first, g->e);
    event_batch_clear(&g->batch);
    return rc < 0 ? rc : journal_tick(g->j, &due, g->e);
}

static int take_line(struct ingest *g, str line)
{
    struct event ev = {0};

    if (line.n > EVENT_RAW_MAX)
        g->cut++;
    if (g->o->raw)
        ev = (struct event){
            .received_ns = g->now, .event_ns = g->now, .span[SP_MSG] = {0, (uint32_t)line.n}, .raw = line};
    else
        syslog_parse(line, g->now, &ev);
    if (g->o->raw && line.n > EVENT_RAW_MAX) {
        ev.raw.n = ev.span[SP_MSG].len = EVENT_RAW_MAX;
        ev.flags |= EV_TRUNCATED;
    }
    ev.transport = TP_FILE;
    g->lines++;
    if (event_batch_add(&g->batch, &ev))
        return 0;
    int rc = flush(g);
    if (rc == 0 && !event_batch_add(&g->batch, &ev))
        rc = ERR(g->e, -E2BIG, "journal.batch");
    return rc;
}

/* Whole lines of what came; the rest waits. A line without an end beyond
 * EVENT_RAW_MAX is cut there and its rest is passed over. */
static int take_bytes(struct ingest *g, str s)
{
    int rc = 0;

    g->now = clock_wall(&g->o->clk);
    g->bytes += s.n;
    while (s.n > 0 && rc == 0) {
        const char *nl = memchr(s.p, '\n', s.n);
        str part = {s.p, nl == NULL ? s.n : (size_t)(nl - s.p)};
        if (nl != NULL && g->line.n == 0) {
            rc = take_line(g, part);
        } else {
            size_t room = EVENT_RAW_MAX + 1 > g->line.n ? EVENT_RAW_MAX + 1 - g->line.n : 0;
            buf_add(&g->line, part.p, part.n < room ? part.n : room);
            if (nl != NULL) {
                rc = take_line(g, buf_view(&g->line));
                buf_clear(&g->line);
            }
        }
        s = str_sub(s, part.n + (nl != NULL), s.n);
    }
    progress_show(&g->bar, g->bytes, g->all);
    return rc;
}

static int take_plain(struct ingest *g, int fd, const char *name)
{
    char *block = malloc(READ_BYTES);
    ssize_t n = 0;
    int rc = block == NULL ? ERR(g->e, -ENOMEM, "journal.no_memory") : 0;

    while (rc == 0 && (n = read(fd, block, READ_BYTES)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        rc = n < 0 ? ERR(g->e, -errno, "journal.read", name) : take_bytes(g, (str){block, (size_t)n});
    }
    free(block);
    return rc;
}

static int take_zstd(struct ingest *g, int fd, const char *name)
{
    ZSTD_DStream *z = ZSTD_createDStream();
    char *in = malloc(READ_BYTES), *out = malloc(READ_BYTES);
    int rc = z == NULL || in == NULL || out == NULL ? ERR(g->e, -ENOMEM, "journal.no_memory") : 0;
    ssize_t n = 0;
    size_t want = 1;

    while (rc == 0 && (n = read(fd, in, READ_BYTES)) > 0) {
        ZSTD_inBuffer from = {in, (size_t)n, 0};
        while (rc == 0 && from.pos < from.size) {
            ZSTD_outBuffer to = {out, READ_BYTES, 0};
            want = ZSTD_decompressStream(z, &to, &from);
            rc = ZSTD_isError(want) ? ERR(g->e, -EBADMSG, "offline.zstd", name, ZSTD_getErrorName(want))
                                    : take_bytes(g, (str){out, to.pos});
        }
    }
    if (rc == 0 && n < 0)
        rc = ERR(g->e, -errno, "journal.read", name);
    if (rc == 0 && want != 0)
        rc = ERR(g->e, -EBADMSG, "offline.zstd", name, "truncated");
    ZSTD_freeDStream(z);
    free(in);
    free(out);
    return rc;
}

static int take_file(struct ingest *g, const char *name)
{
    bool standard = strcmp(name, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
    struct stat st;
    bool zst = str_ends(str_c(name), STR(".zst"));

    if (fd < 0)
        return ERR(g->e, -errno, "journal.read", name);
    g->all += fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && !zst ? (uint64_t)st.st_size : 0;
    int rc = zst ? take_zstd(g, fd, name) : take_plain(g, fd, name);
    if (rc == 0 && g->line.n > 0) { /* the last line has no end */
        rc = take_line(g, buf_view(&g->line));
        buf_clear(&g->line);
    }
    if (!standard)
        close(fd);
    return rc;
}

int verb_ingest(struct offline *o)
{
    struct err e = {0};
    struct ingest g = {.o = o, .e = &e};
    struct journal_stats st;
    int rc = offline_open(o, true, &g.j, &e);

    if (rc < 0)
        return offline_fail(o, &e);
    event_batch_init(&g.batch, BATCH_BYTES);
    buf_init(&g.line, LINES_BYTES);
    progress_begin(&g.bar, o, "offline.ingesting");
    if (o->nargs == 0)
        rc = take_file(&g, "-");
    for (int i = 0; i < o->nargs && rc == 0; i++)
        rc = take_file(&g, o->args[i]);
    if (rc == 0)
        rc = flush(&g);
    if (rc == 0)
        rc = journal_sync(g.j, &e);
    progress_end(&g.bar);
    event_batch_done(&g.batch);
    buf_done(&g.line);
    journal_close(g.j);
    if (rc < 0) /* what was taken before stays */
        return offline_fail(o, &e);
    rc = offline_open(o, false, &g.j, &e);
    if (rc < 0)
        return offline_fail(o, &e);
    journal_stats(g.j, &st);
    journal_close(g.j);
    char lines[32], disk[32];
    snprintf(lines, sizeof(lines), "%llu", (unsigned long long)g.lines);
    snprintf(disk, sizeof(disk), "%.1f", (double)st.disk_bytes / 1e6);
    if (!o->quiet)
        offline_say(o, "offline.ingested", lines, disk, o->dir);
    if (g.cut > 0)
        offline_say(o, "offline.cut", N((int64_t)g.cut), N(EVENT_RAW_MAX), NULL);
    return EXIT_FINE;
}
