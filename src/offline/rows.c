/* Rows of a query's steps, over lines or over the flows that lie with them. */
#include "journal/flow_source.h"
#include "journal/pipe.h"
#include "offline/ask.h"
#include <errno.h>

enum { OUT_BYTES = 1 << 20 };
struct rows_out {
    struct ask *k;
    struct pipe_column col[PIPE_COLUMNS_MAX];
    size_t ncols;
};

bool ask_is_rows(const struct ask *k) { return k->q->pipe == QP_STREAM || !k->q->source->lines; }

static void put_json(struct buf *b, const struct source_value *v)
{
    char scratch[VALUE_SCRATCH];

    if (v->type == VT_NONE)
        buf_z(b, "null");
    else if (v->type == VT_BOOL)
        buf_z(b, v->num != 0 ? "true" : "false");
    else if (v->type == VT_INT || v->type == VT_DECIMAL)
        buf_str(b, source_value_text(v, scratch));
    else
        buf_json(b, source_value_text(v, scratch));
}

static void put_row(struct rows_out *r, const struct source_value *v, size_t n)
{
    struct buf *b = &r->k->out;
    char scratch[VALUE_SCRATCH];
    enum out_as as = r->k->o->as;

    buf_z(b, as == OUT_JSON ? "{" : "");
    for (size_t i = 0; i < n; i++) {
        buf_z(b, i == 0 ? "" : as == OUT_TEXT ? "  " : ",");
        if (as == OUT_JSON) {
            buf_json(b, r->col[i].name);
            buf_byte(b, ':');
            put_json(b, &v[i]);
        } else if (as == OUT_CSV) {
            buf_csv(b, source_value_text(&v[i], scratch));
        } else {
            str text = source_value_text(&v[i], scratch);
            buf_str(b, text.n > 0 ? text : STR("-"));
        }
    }
    buf_z(b, as == OUT_JSON ? "}\n" : "\n");
}

static bool give_row(void *ctx, const struct source_value *v, size_t n)
{
    struct rows_out *r = ctx;

    r->k->lines++;
    put_row(r, v, n < r->ncols ? n : r->ncols);
    return r->k->out.n < OUT_BYTES || ask_spill(r->k);
}

static int lines_scan(void *ctx, const struct query *q, const struct search_opts *o, source_row_fn *fn, void *fn_ctx,
                      struct search_stats *st, struct err *e)
{
    return journal_rows(ctx, q, o, fn, fn_ctx, st, e);
}

static int lines_fold(void *ctx, const struct query *q, const struct search_opts *o, uint64_t want, source_group_fn *fn,
                      void *fn_ctx, struct search_stats *st, struct err *e)
{
    (void)want; /* all groups */
    return journal_fold(ctx, q, o, fn, fn_ctx, st, e);
}

static int source_of(struct ask *k, struct row_source *out)
{
    if (k->q->source->lines) {
        *out = query_logs;
        out->scan = lines_scan;
        out->fold = lines_fold;
        out->ctx = k->j;
        return 0;
    }
    int rc = offline_flows(k->o, &k->flows, &k->e);
    if (rc == 0)
        *out = flow_source(k->flows);
    return rc;
}

static void put_head(struct rows_out *r)
{
    for (size_t i = 0; i < r->ncols; i++) {
        buf_z(&r->k->out, i == 0 ? "" : ",");
        buf_csv(&r->k->out, r->col[i].name);
    }
    buf_byte(&r->k->out, '\n');
}

void ask_rows(struct ask *k, uint64_t limit)
{
    struct rows_out r = {.k = k};
    struct search_opts so = {.progress = ask_progress, .progress_ctx = k};
    struct pipe_stats st = {0};
    struct row_source from;

    if ((k->rc = source_of(k, &from)) < 0)
        return;
    r.ncols = pipe_columns(k->q, r.col);
    if (k->o->as == OUT_CSV)
        put_head(&r);
    int rc = pipe_run(k->q, &from, &so, limit, give_row, &r, &st, &k->e);
    if (k->rc == 0)
        k->rc = rc;
    if (k->rc == 0)
        ask_spill(k);
    if (k->rc < 0)
        return;
    if (st.scan.bad_blocks > 0)
        offline_say(k->o, "offline.bad_blocks", N((int64_t)st.scan.bad_blocks), NULL, NULL);
    if (k->q->nsteps == 0 && k->lines == limit)
        offline_say(k->o, "offline.more", N((int64_t)k->lines), NULL, NULL);
    if (st.other > 0)
        offline_say(k->o, "offline.other", N((int64_t)st.other), NULL, NULL);
}
