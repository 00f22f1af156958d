/* The month's files of flows in its archive: which, held while they are copied, and
 * what is said of them. They are copied byte for byte; the look at the finished
 * archive compares every block with the ledger (flow_verify.c). Archiving thread;
 * the flow store's writer and sealer go on. */
#include "journal/archive-int.h"
#include "journal/flow_store-int.h"
#include "journal/journal-int.h"
#include "base/calendar.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- which ---- */

static bool rows_of_month(const struct flow_rows *r, int64_t month)
{
    const int64_t *received = r != NULL ? (const int64_t *)(const void *)r->col[FC_received] : NULL;

    return received != NULL && flow_rows_count(r) > 0 && archive_month_of_day(date_of(received[0])) == month;
}

/* Under lock: the files that may be meant. */
static size_t files_of(const struct archive_job *w, struct flow_segment ***v)
{
    *v = w->g != NULL ? w->g->flows : w->flows->segs;
    return w->g != NULL ? w->g->nflows : w->flows->nsegs;
}

/* A relay's newest file tells of its flows; the store's own may also be in memory. */
bool archive_flows_open_month(const struct archive_job *w, int64_t month)
{
    const struct flow_store *s = w->flows;

    if (w->g != NULL)
        return w->g->newest_flow_day != 0 && month == archive_month_of_day(w->g->newest_flow_day);
    bool open = rows_of_month(s->open, month);
    for (size_t i = 0; i < s->nfrozen; i++)
        open |= rows_of_month(s->frozen[i].rows, month);
    return open;
}

static bool month_closed(const struct archive_job *w, int64_t month)
{
    return w->g == NULL ? archive_month_closed(w, month)
                        : !archive_flows_open_month(w, month) && archive_month_over(w, month);
}

static bool is_waiting(const struct flow_segment *g) { return !g->archived && g->nblocks > 0; }

int64_t archive_flows_month(const struct archive_job *w, int64_t oldest)
{
    struct flow_segment **segs;
    size_t n = files_of(w, &segs);

    for (size_t i = 0; i < n; i++) {
        const struct flow_segment *g = segs[i];
        int64_t month = archive_month_of_day(g->day);
        if (is_waiting(g) && month < oldest && month_closed(w, month))
            oldest = month;
    }
    return oldest;
}

static int by_first(const void *a, const void *b)
{
    const struct archive_flow_pick *x = a, *y = b;

    return (x->f.first > y->f.first) - (x->f.first < y->f.first);
}

int archive_flows_pick(struct archive_job *w)
{
    struct flow_segment **segs;
    size_t n = files_of(w, &segs);

    if (n == 0 || !month_closed(w, w->month))
        return 0;
    if ((w->flow = calloc(n, sizeof(*w->flow))) == NULL)
        return ERR(w->e, -ENOMEM, "journal.no_memory");
    for (size_t i = 0; i < n; i++) {
        struct flow_segment *g = segs[i];
        if (!is_waiting(g) || archive_month_of_day(g->day) != w->month)
            continue;
        const struct flow_block_head *z = &g->blocks[g->nblocks - 1]->head;
        struct archive_flow_pick *p = &w->flow[w->nflow++];
        const char *name = strrchr(g->path, '/');
        g->refs++;
        g->full = true; /* flows of this day that come after the clock was set back get a file of their own */
        *p = (struct archive_flow_pick){.s = g, .received_min = INT64_MAX, .received_max = INT64_MIN};
        snprintf(p->f.name, sizeof(p->f.name), "%s", name == NULL ? g->path : name + 1);
        p->f.blocks = g->nblocks;
        p->f.first = g->blocks[0]->head.first_seq;
        p->f.last = z->first_seq + z->rows - 1;
        for (size_t b = 0; b < g->nblocks; b++)
            p->f.records += g->blocks[b]->head.rows;
    }
    qsort(w->flow, w->nflow, sizeof(*w->flow), by_first);
    return 0;
}

/* ---- what is said of them ---- */

static void receipts_of(struct archive_flow_pick *p, struct flow_page *page, const struct flow_stored *b)
{
    int64_t min = b->head.time_min, max = b->head.time_max; /* the flows' own times, where the column is damaged */

    flow_page_block(page, p->s->fd, b->off, &b->head);
    const int64_t *at = flow_page_col(page, FC_received);
    for (uint32_t i = 0; at != NULL && i < page->n; i++) {
        min = i == 0 || at[i] < min ? at[i] : min;
        max = i == 0 || at[i] > max ? at[i] : max;
    }
    p->received_min = min < p->received_min ? min : p->received_min;
    p->received_max = max > p->received_max ? max : p->received_max;
}

/* Their blocks are a list that does not change any more. */
int archive_flows_describe(struct archive_job *w)
{
    struct flow_page page;
    struct stat st;
    int rc = 0;

    if (w->nflow == 0)
        return 0;
    if (!flow_page_init(&page)) /* what it got is given back below */
        rc = ERR(w->e, -ENOMEM, "journal.no_memory");
    for (size_t i = 0; rc == 0 && i < w->nflow; i++) {
        struct archive_flow_pick *p = &w->flow[i];
        if (fstat(p->s->fd, &st) < 0)
            rc = ERR(w->e, -errno, "journal.read", p->s->path);
        else
            p->f.bytes = (uint64_t)st.st_size; /* with what cannot be read behind its blocks: the look tells of it */
        for (size_t b = 0; rc == 0 && b < p->f.blocks; b++)
            receipts_of(p, &page, p->s->blocks[b]);
    }
    flow_page_done(&page);
    return rc;
}

bool archive_flows_in_ledger(const struct archive_job *w)
{
    return w->nflow == 0 || w->g != NULL || ledger_next(w->j->ledger, LEDGER_FLOW) > w->flow[w->nflow - 1].f.last;
}

void archive_flows_put_back(struct archive_job *w, bool archived)
{
    if (w->flow == NULL)
        return;
    pthread_mutex_lock(&w->flows->lock);
    for (size_t i = 0; i < w->nflow; i++) {
        w->flow[i].s->archived |= archived;
        flow_segment_unref(w->flow[i].s);
    }
    pthread_mutex_unlock(&w->flows->lock);
    free(w->flow);
}

int archive_flows_copy(struct archive_job *w)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < w->nflow; i++) {
        struct archive_file *f = &w->flow[i].f;
        struct sha256 sum;
        rc = archive_copy(w->flow[i].s->fd, f->bytes, w->part, f->name, w->cancel, &sum, w->e);
        if (rc == 0)
            sha256_hex(sum, f->sha256);
        archive_worked(w, f->bytes);
    }
    return rc;
}

/* ---- the store's side ---- */

void archive_flows_mark(struct flow_store *s, struct flow_segment **segs, size_t n, const struct manifest *m)
{
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < n; i++) {
        struct flow_segment *g = segs[i];
        const char *name = strrchr(g->path, '/');
        const struct archive_file *f = archive_file_named(m->flow, m->nflow, name == NULL ? g->path : name + 1);
        if (f != NULL && g->nblocks > 0 && g->nblocks == f->blocks && g->blocks[0]->head.first_seq == f->first)
            g->archived = g->full = true;
    }
    pthread_mutex_unlock(&s->lock);
}

int journal_archive_flows(struct journal *j, struct flow_store *s, struct err *e)
{
    bool wanted = s != NULL && j->cfg.archive_dir != NULL && j->ledger != NULL;
    int rc = wanted ? archive_flow_marks(j, s, e) : 0;

    if (rc < 0)
        return rc;
    pthread_mutex_lock(&j->lock);
    j->flows = wanted ? s : NULL;
    pthread_mutex_unlock(&j->lock);
    if (s == NULL)
        return 0;
    pthread_mutex_lock(&s->lock);
    s->archives = wanted;
    pthread_mutex_unlock(&s->lock);
    return 0;
}

static void count_waiting(const struct flow_segment *g, int64_t now_month, struct archive_state *out)
{
    if (!is_waiting(g) || archive_month_of_day(g->day) >= now_month)
        return;
    out->waiting_segments++;
    out->waiting_bytes += g->end;
}

void archive_flows_state(struct flow_store *s, int64_t now_month, struct archive_state *out)
{
    out->lost_segments += atomic_load(&s->unarchived_lost);
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->nsegs; i++)
        count_waiting(s->segs[i], now_month, out);
    for (size_t i = 0; i < s->guests.n; i++)
        if (s->guests.v[i].b->off == FLOW_SEGMENT_HEAD) /* a file's first block stands for it */
            count_waiting(s->guests.v[i].g, now_month, out);
    pthread_mutex_unlock(&s->lock);
}

bool journal_flows_archived(struct journal *j, struct flow_store *s, const struct flow_segment *g)
{
    if (j->cfg.archive_dir == NULL || s == NULL)
        return true;
    pthread_mutex_lock(&s->lock);
    bool archived = g->archived;
    pthread_mutex_unlock(&s->lock);
    return archived;
}
