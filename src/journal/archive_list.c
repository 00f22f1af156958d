/* What was archived, from the notes beside the journal: at open, for the lists,
 * and for the figures. Any thread. */
#include "base/file.h"
#include "base/calendar.h"
#include "base/log.h"
#include "journal/archive-int.h"
#include "journal/flow_store-int.h"
#include "journal/journal-int.h"
#include <errno.h>
#include <unistd.h>

enum { NOTES_MAX = 100000, NOTES_ARENA = 16 << 20 };

int archive_notes(struct journal *j, archive_note_fn *fn, void *ctx, struct err *e)
{
    struct arena a = arena_init(NOTES_ARENA);
    str *names = NULL;
    size_t n = 0;
    char path[ARCHIVE_PATH];
    int rc = file_list(&a, j->dir, STR(".json"), NOTES_MAX, &names, &n, e);

    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct manifest m = {0};
        struct err why = {0};
        if (!str_starts(names[i], STR("archive-")))
            continue;
        snprintf(path, sizeof(path), "%s/%.*s", j->dir, STR_ARGS(names[i]));
        if (manifest_read(path, &m, &why) < 0)
            log_err(LOG_ERROR, "archive_note", &why);
        else
            rc = fn(ctx, &m, e);
        manifest_done(&m);
    }
    arena_free(&a);
    return rc;
}

struct marking {
    const char *relay;
    struct segment **segs;
    size_t n;
    uint64_t archives;
};

static int mark(void *ctx, const struct manifest *m, struct err *e)
{
    struct marking *k = ctx;

    (void)e;
    k->archives++;
    for (size_t i = 0; strcmp(m->relay, k->relay) == 0 && i < k->n; i++) {
        struct segment *s = k->segs[i];
        const char *name = strrchr(s->path, '/');
        const struct archive_file *f = archive_file_named(m->v, m->n, name == NULL ? s->path : name + 1);
        if (f != NULL && s->nblocks > 0 && s->blocks[0].head.first_seq == f->first)
            s->archived = true;
    }
    return 0;
}

struct flow_marking {
    struct flow_store *s;
    const char *relay;
    struct flow_segment **segs;
    size_t n;
};

static int mark_flows(void *ctx, const struct manifest *m, struct err *e)
{
    const struct flow_marking *k = ctx;

    (void)e;
    if (strcmp(m->relay, k->relay) == 0)
        archive_flows_mark(k->s, k->segs, k->n, m);
    return 0;
}

int archive_flow_marks(struct journal *j, struct flow_store *s, struct err *e)
{
    return archive_notes(j, mark_flows, &(struct flow_marking){s, "", s->segs, s->nsegs}, e);
}

int journal_archive_guest_flow_marks(struct journal *j, struct flow_store *s, const char *relay,
                                     struct flow_segment **segs, size_t n, struct err *e)
{
    return archive_notes(j, mark_flows, &(struct flow_marking){s, relay, segs, n}, e);
}

/* Before any other thread knows the journal. */
int archive_open(struct journal *j, struct err *e)
{
    struct marking k = {"", j->segs, j->nsegs, 0};
    int rc = archive_notes(j, mark, &k, e);

    atomic_store(&j->archives, k.archives);
    return rc;
}

int journal_archive_guest_marks(struct journal *j, const char *relay, struct segment **segs, size_t n, struct err *e)
{
    return archive_notes(j, mark, &(struct marking){relay, segs, n, 0}, e);
}

struct listing {
    struct journal *j;
    json_t *list;
};

static int list_one(void *ctx, const struct manifest *m, struct err *e)
{
    struct listing *l = ctx;
    char path[ARCHIVE_PATH], hex[65], month[8];
    const char *place = l->j->cfg.archive_dir;

    snprintf(path, sizeof(path), "%s/%s/manifest.json", place == NULL ? "" : place, m->name);
    snprintf(month, sizeof(month), "%.7s", m->name);
    sha256_hex(m->sum, hex);
    json_t *o = json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:s,s:s,s:b}", "name", m->name, "month", month,
                          "records", (json_int_t)m->records, "bytes", (json_int_t)m->bytes, "segments",
                          (json_int_t)m->n, "flows", (json_int_t)m->flows, "flow_bytes", (json_int_t)m->flow_bytes,
                          "flow_files", (json_int_t)m->nflow, "first_received", m->first_received, "last_received",
                          m->last_received, "sha256", hex, "present", place != NULL && access(path, R_OK) == 0);
    return json_array_insert_new(l->list, 0, o) < 0 ? ERR(e, -ENOMEM, "journal.no_memory") : 0;
}

int journal_archives(struct journal *j, json_t **out, struct err *e)
{
    struct listing l = {j, json_array()};
    int rc = l.list == NULL ? ERR(e, -ENOMEM, "journal.no_memory") : archive_notes(j, list_one, &l, e);

    if (rc < 0)
        json_decref(l.list);
    else
        *out = l.list;
    return rc;
}

/* Under lock. */
static void count_waiting(const struct segment *s, int64_t now, struct archive_state *out)
{
    if (s->archived || s->nblocks == 0 || archive_month_of_day(s->day) >= now)
        return;
    out->waiting_segments++;
    out->waiting_bytes += s->end;
}

void journal_archive_state(struct journal *j, struct archive_state *out)
{
    int64_t now = archive_month_of_day(date_of(clock_wall(j->clk)));

    *out = (struct archive_state){.archives = atomic_load(&j->archives),
                                  .lost_segments = atomic_load(&j->unarchived_lost)};
    if (j->cfg.archive_dir == NULL)
        return;
    out->place = j->cfg.archive_dir;
    pthread_mutex_lock(&j->lock);
    out->last = j->archive_err;
    for (size_t i = 0; i < j->nsegs; i++)
        count_waiting(j->segs[i], now, out);
    for (size_t i = 0; i < j->guests.n; i++)        /* by number, so the blocks of a file mostly follow each other; */
        if (j->guests.v[i].b.off == SEG_HEAD_BYTES) /* its first one stands for it */
            count_waiting(j->guests.v[i].s, now, out);
    if (j->flows != NULL)
        archive_flows_state(j->flows, now, out);
    pthread_mutex_unlock(&j->lock);
}
