/* Groups of log lines for the steps of a query, from columns where the journal
 * can: what journal_aggregate() answers, as values. */
#include "journal/journal.h"
#include "journal/query-int.h"
#include <errno.h>

enum { FOLD_MEMORY = 64 << 20 };

/* The step as a query of its own; false: it asks for what no line's head tells by itself. */
static bool step_query(const struct query *q, struct query *out)
{
    const struct query_step *s = &q->steps[0];

    if (q->nsteps == 0 || !(s->kind == SK_COUNT || (s->kind == SK_HISTOGRAM && s->fold == SF_COUNT) ||
                            (s->kind == SK_TOP && s->nby > 0 && s->fold == SF_COUNT)))
        return false;
    *out = *q;
    out->limit = 0;
    out->nby = s->nby;
    out->step_ns = s->step_ns;
    out->pipe = s->kind == SK_HISTOGRAM ? QP_HISTOGRAM : s->nby > 0 ? QP_COUNT_BY : QP_COUNT;
    for (size_t i = 0; i < s->nby; i++) {
        if (s->by[i].kind != QR_FIELD || s->by[i].field >= QF_COUNT)
            return false;
        out->by[i] = (enum query_field)s->by[i].field;
    }
    return true;
}

static struct source_value value_of(enum query_field f, str text)
{
    struct source_value v = {0};

    if (f == QF_SOURCE && ip_parse(text, &v.ip))
        v.type = VT_IP;
    else if (text.n > 0)
        v = (struct source_value){.type = VT_TEXT, .text = text};
    return v;
}

static bool hand_row(const struct query *q, const struct agg_row *row, source_group_fn *fn, void *ctx)
{
    struct source_value by[QUERY_BY_MAX + 1];
    size_t n = 0;

    if (q->pipe == QP_HISTOGRAM)
        by[n++] = (struct source_value){.type = VT_TIME, .num = row->start};
    for (size_t i = 0; i < q->nby; i++, n++)
        by[n] = value_of(q->by[i], row->keys[n]);
    return fn(ctx, &(struct source_group){.by = by, .count = row->count});
}

int journal_fold(struct journal *j, const struct query *q, const struct search_opts *o, source_group_fn *fn, void *ctx,
                 struct search_stats *st, struct err *e)
{
    struct search_opts all = o != NULL ? *o : (struct search_opts){0};
    struct arena a = arena_init(FOLD_MEMORY);
    struct query sub;
    struct agg g = {0};

    if (!step_query(q, &sub))
        return 1;
    all.limit = 0;
    int rc = journal_aggregate(j, &a, &sub, &all, &g, st, e);
    if (sub.pipe == QP_COUNT && g.total > 0 && (rc == 0 || rc == -ETIME || rc == -ECANCELED))
        fn(ctx, &(struct source_group){.count = g.total});
    for (size_t i = 0; i < g.n && hand_row(&sub, &g.rows[i], fn, ctx);)
        i++;
    arena_free(&a);
    return rc;
}
