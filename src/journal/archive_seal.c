/* What makes an archive an archive: its entry in the ledger under a signed head,
 * the ledger's copy, the manifest and the words for people. Archiving thread. */
#include "base/file.h"
#include "base/msg.h"
#include "journal/archive-int.h"
#include "journal/journal-int.h"
#include "journal/ledger-int.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { README_MAX = 8192 };

/* ---- the ledger's side ---- */

int archive_in_ledger(struct archive_job *w, const struct sha256 *sum, bool *found)
{
    uint8_t bytes[LEDGER_ENTRY];
    struct ledger_entry n;
    struct ledger_scan s;
    int rc = ledger_scan_open(w->j->dir, "ledger", LEDGER_ENTRY, &s, w->e);

    *found = false;
    if (rc < 0)
        return rc;
    while (!*found && (rc = ledger_scan_next(&s, bytes)) == 1)
        *found =
            ledger_entry_read(bytes, &n) && n.type == LEDGER_ARCHIVE && memcmp(n.root.b, sum->b, sizeof(n.root.b)) == 0;
    ledger_scan_close(&s);
    return rc < 0 ? ERR(w->e, rc, "journal.read", w->j->dir) : 0;
}

int archive_enter(struct archive_job *w)
{
    bool found;
    int rc = archive_in_ledger(w, &w->sum, &found);
    struct ledger_entry n = {.type = LEDGER_ARCHIVE,
                             .stream = w->g != NULL ? LEDGER_RELAY : LEDGER_LOG,
                             .first = w->v[0].f.first,
                             .records = w->out->records,
                             .stored = w->out->bytes,
                             .from_ns = w->v[0].received_min,
                             .to_ns = w->v[w->n - 1].received_max,
                             .root = w->sum};

    if (rc == 0 && !found)
        rc = ledger_add(w->j->ledger, &n, w->e);
    return rc == 0 ? ledger_sign(w->j->ledger, w->e) : rc;
}

static int copy_prefix(struct archive_job *w, const char *from, const char *to, const char *name, uint64_t bytes)
{
    char path[ARCHIVE_PATH];
    struct sha256 sum;

    snprintf(path, sizeof(path), "%s/%s", from, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ERR(w->e, -errno, "journal.read", path);
    int rc = archive_copy(fd, bytes, to, name, w->cancel, &sum, w->e);
    close(fd);
    return rc;
}

static int copy_both(struct archive_job *w, const char *from, const char *to, uint64_t entries, uint64_t heads)
{
    int rc = copy_prefix(w, from, to, "ledger", entries);
    return rc < 0 ? rc : copy_prefix(w, from, to, "heads", heads);
}

/* A relay's archive has the relay's ledger, and the centre's beside it, which knows the manifest. */
int archive_copy_ledger(struct archive_job *w)
{
    char centre[ARCHIVE_PATH + 16];
    uint64_t entries, heads;

    ledger_extent(w->j->ledger, &entries, &heads);
    if (w->g == NULL)
        return copy_both(w, w->j->dir, w->part, entries, heads);
    snprintf(centre, sizeof(centre), "%s/" ARCHIVE_CENTRE, w->part);
    if (mkdir(centre, 0750) < 0 && errno != EEXIST)
        return ERR(w->e, -errno, errno == ENOSPC ? "journal.archive_full" : "journal.write", centre);
    int rc = copy_both(w, w->g->dir, w->part, w->g->entries, w->g->heads);
    if (rc == 0)
        rc = copy_both(w, w->j->dir, centre, entries, heads);
    return rc < 0 ? rc : file_sync_dir(centre, w->e);
}

/* ---- manifest ---- */

static json_t *time_json(int64_t ns, char out[40])
{
    char text[40];

    time_fmt(ns, 9, text, sizeof(text));
    if (out != NULL)
        memcpy(out, text, sizeof(text));
    return json_string(text);
}

static void sum_up(struct archive_job *w, uint64_t *raw, int64_t *from, int64_t *to)
{
    *raw = 0;
    *from = INT64_MAX;
    *to = INT64_MIN;
    for (size_t i = 0; i < w->n; i++) {
        const struct archive_pick *p = &w->v[i];
        w->out->records += p->f.records;
        w->out->bytes += p->f.bytes;
        *raw += p->raw;
        *from = p->received_min < *from ? p->received_min : *from;
        *to = p->received_max > *to ? p->received_max : *to;
    }
    w->out->segments = w->n;
    w->out->month = w->month;
}

/* The same segments give the same bytes: nothing of when it was made is in it. */
int archive_manifest_make(struct archive_job *w)
{
    json_t *list = json_array(), *all;
    uint64_t raw;
    int64_t from, to;

    sum_up(w, &raw, &from, &to);
    for (size_t i = 0; i < w->n; i++) {
        const struct archive_pick *p = &w->v[i];
        json_array_append_new(list,
                              json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:o,s:o}", "name", p->f.name, "sha256",
                                        p->f.sha256, "bytes", (json_int_t)p->f.bytes, "blocks", (json_int_t)p->f.blocks,
                                        "records", (json_int_t)p->f.records, "first", (json_int_t)p->f.first, "last",
                                        (json_int_t)p->f.last, "first_received", time_json(p->received_min, NULL),
                                        "last_received", time_json(p->received_max, NULL)));
    }
    char month[8];
    snprintf(month, sizeof(month), "%.7s", w->name);
    all = json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:o,s:o,s:o}", "format", "luy-archive 1", "name", w->name, "month", month,
                    "records", (json_int_t)w->out->records, "raw_bytes", (json_int_t)raw, "bytes",
                    (json_int_t)w->out->bytes, "first_received", time_json(from, w->out->first), "last_received",
                    time_json(to, w->out->last), "segments", list);
    if (all != NULL && w->g != NULL)
        json_object_set_new(all, "relay", json_string(w->g->relay));
    char *text = all == NULL ? NULL : json_dumps(all, JSON_INDENT(1));
    json_decref(all);
    if (text == NULL)
        return ERR(w->e, -ENOMEM, "journal.no_memory");
    w->manifest = str_c(text);
    w->sum = sha256(w->manifest);
    sha256_hex(w->sum, w->out->sha256);
    return 0;
}

static int put_file(struct archive_job *w, const char *name, str text)
{
    char path[2 * ARCHIVE_PATH];

    snprintf(path, sizeof(path), "%s/%s", w->part, name);
    unlink(path); /* it is read-only */
    return file_write_atomic(path, text, 0440, w->e);
}

int archive_put_words(struct archive_job *w)
{
    char vi[README_MAX / 2], en[README_MAX / 2], both[README_MAX];
    const char *args[] = {w->name, w->out->first, w->out->last, w->out->sha256};

    msg_fmt(vi, sizeof(vi), LANG_VI, "journal.archive_readme", args, 4);
    msg_fmt(en, sizeof(en), LANG_EN, "journal.archive_readme", args, 4);
    int n = snprintf(both, sizeof(both), "%s\n%s", vi, en);
    int rc = put_file(w, "README.txt", (str){both, (size_t)n});
    return rc < 0 ? rc : put_file(w, "manifest.json", w->manifest);
}
