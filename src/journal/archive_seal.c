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
    const struct archive_file *first = w->n > 0 ? &w->v[0].f : &w->flow[0].f;
    struct ledger_entry n = {.type = LEDGER_ARCHIVE,
                             .stream = w->g != NULL ? LEDGER_RELAY
                                       : w->n > 0   ? LEDGER_LOG
                                                    : LEDGER_FLOW,
                             .first = first->first,
                             .records = w->n > 0 ? w->out->records : w->out->flows,
                             .stored = w->out->bytes + w->out->flow_bytes,
                             .from_ns = w->received_min,
                             .to_ns = w->received_max,
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

static void span(struct archive_job *w, int64_t from, int64_t to)
{
    w->received_min = from < w->received_min ? from : w->received_min;
    w->received_max = to > w->received_max ? to : w->received_max;
}

static void sum_up(struct archive_job *w, uint64_t *raw)
{
    struct archive_done *o = w->out;

    *raw = 0;
    w->received_min = INT64_MAX;
    w->received_max = INT64_MIN;
    for (size_t i = 0; i < w->n; i++) {
        const struct archive_pick *p = &w->v[i];
        o->records += p->f.records;
        o->bytes += p->f.bytes;
        *raw += p->raw;
        span(w, p->received_min, p->received_max);
    }
    for (size_t i = 0; i < w->nflow; i++) {
        o->flows += w->flow[i].f.records;
        o->flow_bytes += w->flow[i].f.bytes;
        span(w, w->flow[i].received_min, w->flow[i].received_max);
    }
    o->segments = w->n;
    o->flow_files = w->nflow;
    o->month = w->month;
}

static json_t *file_json(const struct archive_file *f, const char *count, int64_t from, int64_t to)
{
    return json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:o,s:o}", "name", f->name, "sha256", f->sha256, "bytes",
                     (json_int_t)f->bytes, "blocks", (json_int_t)f->blocks, count, (json_int_t)f->records, "first",
                     (json_int_t)f->first, "last", (json_int_t)f->last, "first_received", time_json(from, NULL),
                     "last_received", time_json(to, NULL));
}

/* The same files give the same bytes: nothing of when it was made is in it. */
int archive_manifest_make(struct archive_job *w)
{
    json_t *list = json_array(), *flow_list = json_array(), *all;
    struct archive_done *o = w->out;
    uint64_t raw;

    sum_up(w, &raw);
    for (size_t i = 0; i < w->n; i++)
        json_array_append_new(list, file_json(&w->v[i].f, "records", w->v[i].received_min, w->v[i].received_max));
    for (size_t i = 0; i < w->nflow; i++)
        json_array_append_new(flow_list,
                              file_json(&w->flow[i].f, "flows", w->flow[i].received_min, w->flow[i].received_max));
    char month[8];
    snprintf(month, sizeof(month), "%.7s", w->name);
    all = json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:o,s:o,s:o,s:I,s:I,s:o}", "format", "luy-archive 2", "name", w->name,
                    "month", month, "records", (json_int_t)o->records, "raw_bytes", (json_int_t)raw, "bytes",
                    (json_int_t)o->bytes, "first_received", time_json(w->received_min, o->first), "last_received",
                    time_json(w->received_max, o->last), "segments", list, "flows", (json_int_t)o->flows, "flow_bytes",
                    (json_int_t)o->flow_bytes, "flow_files", flow_list);
    if (all != NULL && w->g != NULL)
        json_object_set_new(all, "relay", json_string(w->g->relay));
    char *text = all == NULL ? NULL : json_dumps(all, JSON_INDENT(1));
    json_decref(all);
    if (text == NULL)
        return ERR(w->e, -ENOMEM, "journal.no_memory");
    w->manifest = str_c(text);
    w->sum = sha256(w->manifest);
    sha256_hex(w->sum, o->sha256);
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
    const char *args[] = {
        w->name, w->out->first, w->out->last, w->out->sha256, N((int64_t)w->out->records), N((int64_t)w->out->flows)};

    msg_fmt(vi, sizeof(vi), LANG_VI, "journal.archive_readme", args, 6);
    msg_fmt(en, sizeof(en), LANG_EN, "journal.archive_readme", args, 6);
    int n = snprintf(both, sizeof(both), "%s\n%s", vi, en);
    int rc = put_file(w, "README.txt", (str){both, (size_t)n});
    return rc < 0 ? rc : put_file(w, "manifest.json", w->manifest);
}
