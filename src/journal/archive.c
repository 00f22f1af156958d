/* Which archive is due, and its steps in order. Each step may be the last one
 * that a kill lets happen: everything before the ledger's entry can be done
 * again, the entry is looked for before it is made, and the rename comes last.
 * Archiving thread; open and the lists any other. */
#include "journal/archive-int.h"
#include "base/calendar.h"
#include "base/file.h"
#include "journal/flow_store-int.h"
#include "journal/journal-int.h"
#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { PARTS_MAX = 99, NAMES_MAX = 100000 };

int64_t archive_month_of_day(int64_t day)
{
    int y, m, d;

    civil_from_days(day, &y, &m, &d);
    return days_from_civil(y, m, 1);
}

/* ---- what is due ---- */

/* Under lock: the files that may be meant, and the day of the newest, which may still grow, and so may its month. */
static size_t files_of(const struct archive_job *w, struct segment ***v, uint32_t *newest_day)
{
    const struct journal *j = w->j;

    *v = w->g != NULL ? w->g->segs : j->segs;
    *newest_day = w->g != NULL ? w->g->newest_day : j->nsegs > 0 ? j->segs[j->nsegs - 1]->day : 0;
    return w->g != NULL ? w->g->n : j->nsegs > 0 ? j->nsegs - 1 : 0;
}

static bool rows_of_month(struct rows *r, int64_t month)
{
    return r != NULL && rows_count(r) > 0 && archive_month_of_day(date_of(r->received[0])) == month;
}

/* A relay's newest file tells of its lines, and another of its flows, and each closes for itself: a relay may export no
 * more. The journal's own may also be in memory. */
bool archive_month_closed(const struct archive_job *w, int64_t month)
{
    const struct journal *j = w->j;
    struct segment **segs;
    uint32_t newest;
    bool open = files_of(w, &segs, &newest) > 0 || newest != 0 ? month == archive_month_of_day(newest) : false;

    if (w->g == NULL) {
        open |= rows_of_month(j->open, month);
        for (size_t i = 0; i < j->nfrozen; i++)
            open |= rows_of_month(j->frozen[i].rows, month);
    }
    if (w->g == NULL && w->flows != NULL)
        open |= archive_flows_open_month(w, month);
    return !open && archive_month_over(w, month);
}

bool archive_month_over(const struct archive_job *w, int64_t month)
{
    return month < archive_month_of_day(date_of(clock_wall(w->j->clk)));
}

static bool is_waiting(const struct segment *s) { return !s->archived && s->nblocks > 0; }

static void describe(struct archive_pick *p, struct segment *s)
{
    const struct block_head *a = &s->blocks[0].head, *z = &s->blocks[s->nblocks - 1].head;
    const char *name = strrchr(s->path, '/');

    *p = (struct archive_pick){.s = s, .received_min = INT64_MAX, .received_max = s->received_max};
    snprintf(p->f.name, sizeof(p->f.name), "%s", name == NULL ? s->path : name + 1);
    p->f.bytes = s->indexed ? s->size : s->end;
    p->f.blocks = s->nblocks;
    p->f.first = a->first_seq;
    p->f.last = z->first_seq + z->count - 1;
    for (size_t b = 0; b < s->nblocks; b++) {
        p->f.records += s->blocks[b].head.count;
        p->raw += s->blocks[b].head.raw_bytes;
        if (s->blocks[b].head.received_min < p->received_min)
            p->received_min = s->blocks[b].head.received_min;
    }
}

/* Under both locks. */
static int pick_segments(struct archive_job *w)
{
    struct segment **segs;
    uint32_t newest;
    size_t n = files_of(w, &segs, &newest);

    if (!archive_month_closed(w, w->month))
        return 0;
    if (n > 0 && (w->v = calloc(n, sizeof(*w->v))) == NULL)
        return ERR(w->e, -ENOMEM, "journal.no_memory");
    for (size_t i = 0; i < n; i++)
        if (is_waiting(segs[i]) && archive_month_of_day(segs[i]->day) == w->month) {
            segs[i]->refs++;
            describe(&w->v[w->n++], segs[i]);
        }
    return 0;
}

static int64_t month_due(const struct archive_job *w)
{
    struct segment **segs;
    uint32_t newest;
    size_t n = files_of(w, &segs, &newest);
    int64_t oldest = INT64_MAX;

    for (size_t i = 0; i < n; i++) {
        int64_t month = archive_month_of_day(segs[i]->day);
        if (is_waiting(segs[i]) && month < oldest && archive_month_closed(w, month))
            oldest = month;
    }
    return w->flows != NULL ? archive_flows_month(w, oldest) : oldest;
}

static void locks(struct archive_job *w, bool take)
{
    if (take)
        pthread_mutex_lock(&w->j->lock);
    if (take)
        w->flows = w->g == NULL ? w->j->flows : w->g->store;
    if (w->flows != NULL)
        (take ? pthread_mutex_lock : pthread_mutex_unlock)(&w->flows->lock);
    if (!take)
        pthread_mutex_unlock(&w->j->lock);
}

static int pick_month(struct archive_job *w)
{
    int rc = 0;

    locks(w, true);
    w->month = month_due(w);
    if (w->month != INT64_MAX)
        rc = pick_segments(w);
    if (rc == 0 && w->month != INT64_MAX && w->flows != NULL)
        rc = archive_flows_pick(w);
    locks(w, false);
    /* The ledger may lag behind the files while a disk is full. */
    if (rc == 0 && w->n > 0 && w->g == NULL && ledger_next(w->j->ledger, LEDGER_LOG) <= w->v[w->n - 1].f.last)
        return 0;
    if (rc < 0 || !archive_flows_in_ledger(w))
        return rc;
    rc = archive_flows_describe(w);
    return rc < 0 ? rc : w->n + w->nflow > 0;
}

static void put_back(struct archive_job *w, bool archived)
{
    pthread_mutex_lock(&w->j->lock);
    for (size_t i = 0; i < w->n; i++) {
        w->v[i].s->archived = w->v[i].s->archived || archived;
        segment_unref(w->v[i].s);
    }
    pthread_mutex_unlock(&w->j->lock);
    archive_flows_put_back(w, archived);
    free(w->v);
    free((void *)(uintptr_t)w->manifest.p);
}

/* ---- how far ---- */

void archive_worked(struct archive_job *w, uint64_t bytes)
{
    w->worked += bytes < w->work - w->worked ? bytes : w->work - w->worked;
    if (w->watch != NULL && w->watch->progress != NULL)
        w->watch->progress(w->watch->ctx, w->worked, w->work);
}

/* Lines are coded again, which is the longest, and all is read back in the look. */
static void work_count(struct archive_job *w)
{
    for (size_t i = 0; i < w->n; i++)
        w->work += 2 * w->v[i].raw;
    for (size_t i = 0; i < w->nflow; i++)
        w->work += 2 * w->flow[i].f.bytes;
}

/* ---- the second place ---- */

static int place_check(struct archive_job *w)
{
    const char *place = w->j->cfg.archive_dir;
    struct stat there, here;

    if (stat(place, &there) < 0 || stat(w->j->dir, &here) < 0)
        return ERR(w->e, errno == ENOENT ? -ENODEV : -errno, "journal.archive_no_place", place);
    if (!S_ISDIR(there.st_mode))
        return ERR(w->e, -ENODEV, "journal.archive_no_place", place);
    /* The folder of a disk that is not mounted would take the archives for ever. */
    if (there.st_dev == here.st_dev && !w->j->cfg.archive_same_disk)
        return ERR(w->e, -ENODEV, "journal.archive_same_disk", place);
    return 0;
}

static const struct archive_file *file_at(const struct archive_job *w, size_t i)
{
    return i < w->n ? &w->v[i].f : &w->flow[i - w->n].f;
}

static int room_check(struct archive_job *w)
{
    struct statvfs v;
    uint64_t need = 0;
    struct stat st;
    char path[2 * ARCHIVE_PATH];

    for (size_t i = 0; i < w->n + w->nflow; i++) {
        const struct archive_file *f = file_at(w, i);
        snprintf(path, sizeof(path), "%s/%s", w->part, f->name);
        need += stat(path, &st) < 0 ? f->bytes : 0;
    }
    if (statvfs(w->part, &v) == 0 && (uint64_t)v.f_bavail * v.f_frsize < need)
        return ERR(w->e, -ENOSPC, "journal.archive_full", w->j->cfg.archive_dir);
    return 0;
}

static int paths_of(struct archive_job *w, int part)
{
    int y, m, d;
    const char *place = w->j->cfg.archive_dir;

    civil_from_days(w->month, &y, &m, &d);
    const char *of = w->g != NULL ? w->g->relay : "", *dash = w->g != NULL ? "-" : "";
    snprintf(w->name, sizeof(w->name), part == 1 ? "%04d-%02d%s%s" : "%04d-%02d%s%s.%d", y, m, dash, of, part);
    if ((size_t)snprintf(w->part, sizeof(w->part), "%s/.%s.part", place, w->name) >= sizeof(w->part) ||
        (size_t)snprintf(w->whole, sizeof(w->whole), "%s/%s", place, w->name) >= sizeof(w->whole) ||
        (size_t)snprintf(w->local, sizeof(w->local), "%s/archive-%s.json", w->j->dir, w->name) >= sizeof(w->local))
        return ERR(w->e, -ENAMETOOLONG, "journal.write", place);
    return 0;
}

/* ---- the steps ---- */

/* What another run, or another set of segments, left in the folder. */
static int part_tidy(struct archive_job *w)
{
    struct arena a = arena_init(16 << 20);
    str *names = NULL;
    size_t n = 0;
    char path[2 * ARCHIVE_PATH];
    int rc = file_list(&a, w->part, STR(""), NAMES_MAX, &names, &n, w->e);

    for (size_t i = 0; rc == 0 && i < n; i++) {
        bool wanted = false;
        for (size_t k = 0; k < w->n + w->nflow && !wanted; k++)
            wanted = str_eq(names[i], str_c(file_at(w, k)->name));
        snprintf(path, sizeof(path), "%s/%.*s", w->part, STR_ARGS(names[i]));
        if (!wanted)
            unlink(path);
    }
    arena_free(&a);
    return rc;
}

static int part_open(struct archive_job *w)
{
    if (mkdir(w->part, 0750) < 0 && errno != EEXIST)
        return ERR(w->e, -errno, errno == ENOSPC ? "journal.archive_full" : "journal.write", w->part);
    int rc = part_tidy(w);
    return rc < 0 ? rc : room_check(w);
}

/* The second half of the work, by how much of the ledger is compared. */
static void on_look(void *ctx, uint64_t done, uint64_t all)
{
    struct archive_job *w = ctx;
    double share = all > 0 && done < all ? (double)done / (double)all : 1;
    uint64_t at = w->work / 2 + (uint64_t)((double)(w->work / 2) * share);

    archive_worked(w, at > w->worked ? at - w->worked : 0);
}

static int look(struct archive_job *w)
{
    struct verify_opts o = {.archive = true, .cancel = w->cancel, .progress = on_look, .progress_ctx = w};
    int rc = journal_verify_dir(w->part, &o, &w->out->check, w->e);

    archive_worked(w, w->work);
    return rc;
}

static int name_it(struct archive_job *w)
{
    int rc = file_sync_dir(w->part, w->e);

    if (rc == 0 && rename(w->part, w->whole) < 0)
        rc = ERR(w->e, -errno, "journal.write", w->whole);
    return rc < 0 ? rc : file_sync_dir(w->j->cfg.archive_dir, w->e);
}

static int remember(struct archive_job *w) { return file_write_atomic(w->local, w->manifest, 0640, w->e); }

static int (*const steps[])(struct archive_job *w) = {part_open,
                                                      archive_recode,
                                                      archive_flows_copy,
                                                      archive_manifest_make,
                                                      archive_enter,
                                                      archive_copy_ledger,
                                                      archive_put_words,
                                                      look,
                                                      name_it,
                                                      remember};

static bool take_over(const struct archive_file *v, size_t n, struct archive_file *f)
{
    const struct archive_file *made = archive_file_named(v, n, f->name);

    if (made == NULL || made->records != f->records || made->first != f->first)
        return false;
    *f = *made;
    return true;
}

/* A kill between the rename and the note of it: the folder is whole and ours
 * when the ledger knows its manifest. */
static int adopt(struct archive_job *w, bool *ours)
{
    char path[2 * ARCHIVE_PATH];
    struct manifest m = {0};
    struct err why = {0};
    int rc;

    *ours = false;
    snprintf(path, sizeof(path), "%s/manifest.json", w->whole);
    if (manifest_read(path, &m, &why) < 0)
        return why.code == -ENOMEM ? (*w->e = why, why.code) : 0;
    rc = archive_in_ledger(w, &m.sum, ours);
    *ours = *ours && m.n == w->n && m.nflow == w->nflow;
    for (size_t i = 0; rc == 0 && *ours && i < w->n; i++)
        *ours = take_over(m.v, m.n, &w->v[i].f); /* their bytes are other than the journal's */
    for (size_t i = 0; rc == 0 && *ours && i < w->nflow; i++)
        *ours = take_over(m.flow, m.nflow, &w->flow[i].f);
    manifest_done(&m);
    if (rc == 0 && *ours && (rc = archive_manifest_make(w)) == 0)
        rc = remember(w);
    return rc;
}

static int make_one(struct archive_job *w)
{
    struct stat st;
    bool ours = false;
    int rc = place_check(w);

    for (int part = 1; rc == 0; part++) {
        if (part > PARTS_MAX)
            return ERR(w->e, -EEXIST, "journal.archive_parts", w->whole);
        if ((rc = paths_of(w, part)) < 0 || stat(w->local, &st) == 0)
            continue;
        if (lstat(w->whole, &st) < 0)
            break;
        if ((rc = adopt(w, &ours)) < 0 || ours)
            break;
    }
    for (size_t i = 0; rc == 0 && !ours && i < sizeof(steps) / sizeof(steps[0]); i++)
        rc = steps[i](w);
    return rc;
}

static int step_of(struct journal *j, const struct archive_guest *g, const struct archive_watch *watch,
                   struct archive_done *out, struct err *e)
{
    struct archive_job w = {
        .j = j, .g = g, .cancel = watch != NULL ? watch->cancel : NULL, .watch = watch, .out = out, .e = e};

    *out = (struct archive_done){0};
    *e = (struct err){0};
    if (j->cfg.archive_dir == NULL || j->ledger == NULL)
        return 0;
    int rc = pick_month(&w), due = rc;
    work_count(&w);
    if (due == 1)
        rc = make_one(&w);
    memcpy(out->name, w.name, sizeof(out->name));
    if (due == 1 && rc == 0)
        atomic_fetch_add(&j->archives, 1);
    put_back(&w, due == 1 && rc == 0);
    pthread_mutex_lock(&j->lock);
    j->archive_err = rc < 0 && rc != -ECANCELED ? *e : (struct err){0};
    pthread_mutex_unlock(&j->lock);
    return rc < 0 ? rc : due;
}

int journal_archive_step(struct journal *j, const struct archive_watch *watch, struct archive_done *out, struct err *e)
{
    return step_of(j, NULL, watch, out, e);
}

int journal_archive_guest_step(struct journal *j, const struct archive_guest *g, const atomic_bool *cancel,
                               struct archive_done *out, struct err *e)
{
    return step_of(j, g, &(struct archive_watch){.cancel = cancel}, out, e);
}
