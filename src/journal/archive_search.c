/* The journal's own archives asked as one: a journal that is only read, of the files
 * of all that are there. Made for a question, because a disk may come and go; files of
 * which no block can fit are closed again at once. Any thread. */
#include "base/log.h"
#include "journal/archive-int.h"
#include "journal/journal-int.h"
#include "journal/search_plan.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILES_MAX = 1024 /* held by one question */ };
struct opening {
    struct journal *from, *all;
    const struct query *q;
    const struct search_opts *o;
    uint64_t bad; /* blocks of files that could not be opened */
};

static bool place_of(const struct journal *j, const struct manifest *m, char dir[ARCHIVE_PATH])
{
    return (size_t)snprintf(dir, ARCHIVE_PATH, "%s/%s", j->cfg.archive_dir, m->name) < ARCHIVE_PATH &&
           access(dir, R_OK | X_OK) == 0;
}

static bool may_fit(const struct opening *w, const struct segment *s)
{
    for (size_t b = 0; b < s->nblocks; b++)
        if (!search_plan_skips_block(w->q, &s->blocks[b].head, STR_NONE))
            return true;
    return false;
}

static int file_add(struct opening *w, const char *dir, const struct archive_file *f, struct err *e)
{
    struct segment *s = NULL;
    struct err why = {0};
    uint64_t torn = 0;
    int rc = segment_open(dir, f->name, UINT64_MAX, &s, &torn, &why);

    if (rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE) {
        *e = why;
        return rc;
    }
    if (rc < 0 || torn > 0 || s->nblocks != f->blocks) {
        log_event(LOG_ERROR, "archive_file_bad", F_STR("folder", str_c(dir)), F_STR("file", str_c(f->name)));
        w->bad += f->blocks - (s != NULL && s->nblocks < f->blocks ? s->nblocks : 0);
    }
    if (rc < 0)
        return 0;
    if (!may_fit(w, s)) {
        segment_free(s);
        return 0;
    }
    if (w->all->nsegs == FILES_MAX)
        rc = ERR(e, -E2BIG, "journal.archive_many", N(FILES_MAX));
    else if (!journal_add_segment(w->all, s))
        rc = ERR(e, -ENOMEM, "journal.no_memory");
    if (rc < 0)
        segment_free(s);
    return rc;
}

static int archive_add(void *ctx, const struct manifest *m, struct err *e)
{
    struct opening *w = ctx;
    char dir[ARCHIVE_PATH];
    int rc = 0;

    if (m->relay[0] != '\0' || !place_of(w->from, m, dir))
        return 0;
    for (size_t i = 0; rc == 0 && i < m->n; i++) {
        if (w->o != NULL && w->o->cancel != NULL && *w->o->cancel)
            return ERR(e, -ECANCELED, "journal.search_cancelled");
        rc = file_add(w, dir, &m->v[i], e);
    }
    return rc;
}

static int by_number(const void *a, const void *b)
{
    const struct segment *x = *(struct segment *const *)a, *y = *(struct segment *const *)b;
    uint64_t m = x->blocks[0].head.first_seq, n = y->blocks[0].head.first_seq;

    return (m > n) - (m < n);
}

static int all_open(struct opening *w, struct err *e)
{
    struct journal_cfg cfg = {.dir = w->from->cfg.archive_dir, .read_only = true};

    if (cfg.dir == NULL)
        return ERR(e, -ENODEV, "journal.archive_none");
    if ((w->all = journal_new(&cfg, w->from->clk)) == NULL)
        return ERR(e, -ENOMEM, "journal.no_memory");
    w->all->of = w->from;
    int rc = archive_notes(w->from, archive_add, w, e);
    if (rc == 0 && w->all->nsegs > 1)
        qsort(w->all->segs, w->all->nsegs, sizeof(w->all->segs[0]), by_number);
    return rc;
}

static void all_close(struct opening *w)
{
    if (w->all != NULL)
        journal_drop(w->all);
}

int journal_archive_rows(struct journal *j, const struct query *q, const struct search_opts *o, source_row_fn *fn,
                         void *ctx, struct search_stats *st, struct err *e)
{
    struct opening w = {.from = j, .q = q, .o = o};
    *st = (struct search_stats){0};
    int rc = all_open(&w, e);
    if (rc == 0)
        rc = journal_rows(w.all, q, o, fn, ctx, st, e);
    st->bad_blocks += w.bad;
    all_close(&w);
    return rc;
}

int journal_archive_fold(struct journal *j, const struct query *q, const struct search_opts *o, source_group_fn *fn,
                         void *ctx, struct search_stats *st, struct err *e)
{
    struct opening w = {.from = j, .q = q, .o = o};
    *st = (struct search_stats){0};
    int rc = all_open(&w, e);
    if (rc == 0)
        rc = journal_fold(w.all, q, o, fn, ctx, st, e);
    st->bad_blocks += w.bad;
    all_close(&w);
    return rc;
}

struct absent {
    struct journal *j;
    archive_name_fn *fn;
    void *ctx;
};

static int see_absent(void *ctx, const struct manifest *m, struct err *e)
{
    struct absent *a = ctx;
    char dir[ARCHIVE_PATH];

    (void)e;
    if (m->relay[0] == '\0' && !place_of(a->j, m, dir))
        a->fn(a->ctx, m->name);
    return 0;
}

int journal_archive_absent(struct journal *j, archive_name_fn *fn, void *ctx, struct err *e)
{
    return j->cfg.archive_dir != NULL ? archive_notes(j, see_absent, &(struct absent){j, fn, ctx}, e) : 0;
}
