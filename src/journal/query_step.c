/* The pipes of a query. Each step is a row of the table below; what it gives
 * (the source's rows, or columns of its own) is followed, so that the fields of
 * the next step can be checked. Pure, any thread. */
#include "journal/query_parse-int.h"

static void columns_clear(struct qp *p)
{
    p->columns = true;
    p->ncolumns = 0;
}

static void column_add(struct qp *p, str name)
{
    if (p->ncolumns < sizeof(p->column) / sizeof(p->column[0]))
        p->column[p->ncolumns++] = name;
}

static void columns_of_by(struct qp *p, const struct query_step *s)
{
    columns_clear(p);
    for (size_t i = 0; i < s->nby; i++)
        column_add(p, s->by[i].name);
}

/* A word of a pipe also ends at a comma. */
static str step_word(struct qp *p)
{
    qp_skip(p);
    size_t from = p->i;
    str w = qp_word(p), head;
    if (w.n > 0 && str_split(&w, ',', &head) && w.p != NULL) {
        p->i = from + head.n;
        return head;
    }
    return str_sub(p->s, from, p->i - from);
}

static bool eat_word(struct qp *p, const char *word)
{
    qp_skip(p);
    size_t at = p->i;
    if (str_eq_nocase(step_word(p), str_c(word)))
        return true;
    p->i = at;
    return false;
}

static bool at_end(struct qp *p)
{
    qp_skip(p);
    return p->i >= p->s.n || qp_at(p, '|');
}

static void column_ref(struct qp *p, str name, size_t at, struct query_ref *out)
{
    const char *names[QUERY_FIELDS_MAX + 1];
    size_t n = 0;

    for (size_t i = 0; i < p->ncolumns; i++) {
        if (str_eq_nocase(name, p->column[i])) {
            *out = (struct query_ref){QR_COLUMN, (unsigned)i, p->column[i]};
            return;
        }
        names[n++] = arena_cstr(p->a, p->column[i]);
    }
    if (p->a->failed) {
        qp_no_memory(p);
        return;
    }
    str hint = near_name(name, names, n);
    if (hint.n > 0) {
        qp_fail_at(p, at, "journal.query_column_hint", name, hint);
        return;
    }
    struct buf list;
    buf_init(&list, 4096);
    for (size_t i = 0; i < n; i++)
        buf_fmt(&list, "%s%s", i > 0 ? ", " : "", names[i]);
    qp_fail_at(p, at, "journal.query_column", name, buf_view(&list));
    buf_done(&list);
}

static void read_ref(struct qp *p, struct query_ref *out)
{
    qp_skip(p);
    size_t at = p->i;
    str name = step_word(p);

    if (name.n == 0)
        qp_fail_at(p, at, "journal.query_by_missing", STR_NONE, STR_NONE);
    else if (p->columns)
        column_ref(p, name, at, out);
    else
        qp_ref(p, name, at, false, out);
}

static void read_refs(struct qp *p, struct query_step *s, size_t max)
{
    for (bool more = true; more && p->rc == 0;) {
        qp_skip(p);
        if (s->nby == max) {
            qp_fail_at(p, p->i, "journal.query_by_many", str_c(err_n((int64_t)max)), STR_NONE);
            return;
        }
        read_ref(p, &s->by[s->nby++]);
        qp_skip(p);
        more = qp_at(p, ',');
        p->i += more;
    }
}

static void read_by(struct qp *p, struct query_step *s, size_t max)
{
    if (p->rc == 0 && eat_word(p, "by"))
        read_refs(p, s, max);
}

static void read_count_of(struct qp *p, struct query_step *s)
{
    qp_skip(p);
    size_t at = p->i;
    str w = step_word(p);

    if (!str_u64(w, &s->n) || s->n == 0 || s->n > INT64_MAX)
        qp_fail_at(p, at, "journal.query_limit", w, STR_NONE);
}

static void step_count(struct qp *p, struct query_step *s)
{
    read_by(p, s, QUERY_BY_MAX);
    columns_of_by(p, s);
    column_add(p, STR("count"));
}

static str fold_column(struct qp *p, const char *fold, str of)
{
    str name = arena_fmt(p->a, "%s_%.*s", fold, STR_ARGS(of));
    if (name.p == NULL)
        qp_no_memory(p);
    return name;
}

static void step_top(struct qp *p, struct query_step *s)
{
    read_count_of(p, s);
    if (p->rc < 0)
        return;
    if (at_end(p) || eat_word(p, "by")) {
        if (!at_end(p))
            read_ref(p, &s->of);
        else if (p->i > 0 && !p->columns)
            qp_fail_at(p, p->i, "journal.query_top", STR_NONE, STR_NONE);
        return;
    }
    read_refs(p, s, QUERY_BY_MAX);
    s->fold = SF_COUNT;
    s->column = STR("count");
    if (p->rc == 0 && eat_word(p, "by")) {
        read_ref(p, &s->of);
        s->fold = SF_SUM;
        s->column = fold_column(p, "sum", s->of.name);
    }
    columns_of_by(p, s);
    column_add(p, s->column);
}

/* A number a bucket other than the count: sum bytes. */
static void read_histogram_of(struct qp *p, struct query_step *s)
{
    for (enum step_fold f = SF_SUM; p->rc == 0 && f < SF_COUNT; f++) {
        if (!eat_word(p, query_folds[f]))
            continue;
        read_ref(p, &s->of);
        s->fold = f;
        if (p->rc == 0)
            s->column = fold_column(p, query_folds[f], s->of.name);
        return;
    }
}

static void step_histogram(struct qp *p, struct query_step *s)
{
    qp_skip(p);
    size_t at = p->i;
    str w = step_word(p);

    if (!query_span_parse(w, &s->step_ns))
        qp_fail_at(p, at, "journal.query_duration", w, STR_NONE);
    else if (p->columns)
        qp_fail_at(p, at, "journal.query_histogram_late", STR_NONE, STR_NONE);
    s->column = STR("count");
    read_histogram_of(p, s);
    read_by(p, s, QUERY_BY_MAX);
    columns_clear(p);
    column_add(p, STR("at"));
    for (size_t i = 0; i < s->nby; i++)
        column_add(p, s->by[i].name);
    column_add(p, s->column);
}

static void step_fields(struct qp *p, struct query_step *s)
{
    read_refs(p, s, QUERY_FIELDS_MAX);
    columns_of_by(p, s);
}

static void step_unique(struct qp *p, struct query_step *s) { read_refs(p, s, QUERY_FIELDS_MAX); }

static void step_sort(struct qp *p, struct query_step *s)
{
    qp_skip(p);
    s->down = qp_at(p, '-');
    p->i += s->down || qp_at(p, '+');
    read_ref(p, &s->of);
}

static void step_limit(struct qp *p, struct query_step *s) { read_count_of(p, s); }

static void step_aggregate(struct qp *p, struct query_step *s)
{
    read_ref(p, &s->of);
    read_by(p, s, QUERY_BY_MAX);
    if (p->rc < 0)
        return;
    s->column = fold_column(p, query_folds[s->fold], s->of.name);
    columns_of_by(p, s);
    column_add(p, s->column);
}

const char *const query_folds[] = {
    [SF_SUM] = "sum", [SF_MIN] = "min", [SF_MAX] = "max", [SF_AVG] = "avg", [SF_P50] = "p50", [SF_P99] = "p99",
};

static const struct {
    const char *name;
    enum step_kind kind;
    enum step_fold fold;
    void (*read)(struct qp *p, struct query_step *s);
} steps[] = {
    {"count", SK_COUNT, 0, step_count},
    {"top", SK_TOP, 0, step_top},
    {"histogram", SK_HISTOGRAM, SF_COUNT, step_histogram},
    {"fields", SK_FIELDS, 0, step_fields},
    {"sort", SK_SORT, 0, step_sort},
    {"limit", SK_LIMIT, 0, step_limit},
    {"unique", SK_UNIQUE, 0, step_unique},
    {"sum", SK_AGGREGATE, SF_SUM, step_aggregate},
    {"min", SK_AGGREGATE, SF_MIN, step_aggregate},
    {"max", SK_AGGREGATE, SF_MAX, step_aggregate},
    {"avg", SK_AGGREGATE, SF_AVG, step_aggregate},
    {"p50", SK_AGGREGATE, SF_P50, step_aggregate},
    {"p99", SK_AGGREGATE, SF_P99, step_aggregate},
};
enum { STEPS = sizeof(steps) / sizeof(steps[0]) };
const char *const query_step_names[STEPS + 1] = {"count", "top", "histogram", "fields", "sort", "limit", "unique",
                                                 "sum",   "min", "max",       "avg",    "p50",  "p99",   NULL};

static void unknown_step(struct qp *p, size_t at, str w)
{
    str hint = near_name(w, query_step_names, STEPS);

    if (hint.n > 0)
        qp_fail_at(p, at, "journal.query_pipe_hint", w, hint);
    else
        qp_fail_at(p, at, "journal.query_pipe", w, STR_NONE);
}

void qp_pipe(struct qp *p)
{
    struct query *q = p->q;
    size_t k = 0;

    p->i++;
    qp_skip(p);
    size_t at = p->i;
    str w = step_word(p);

    while (k < STEPS && !str_eq_nocase(w, str_c(steps[k].name)))
        k++;
    if (k == STEPS) {
        unknown_step(p, at, w);
        return;
    }
    if (q->nsteps == QUERY_PIPES_MAX) {
        qp_fail_at(p, at, "journal.query_pipes_many", str_c(err_n(QUERY_PIPES_MAX)), STR_NONE);
        return;
    }
    if (q->steps == NULL && (q->steps = arena_array(p->a, struct query_step, QUERY_PIPES_MAX)) == NULL) {
        qp_no_memory(p);
        return;
    }
    struct query_step *s = &q->steps[q->nsteps++];
    s->kind = steps[k].kind;
    s->fold = steps[k].fold;
    steps[k].read(p, s);
    qp_skip(p);
    if (p->rc == 0 && p->i < p->s.n && !qp_at(p, '|'))
        qp_fail_at(p, p->i, "journal.query_unexpected", str_sub(p->s, p->i, 1), STR_NONE);
}

/* Is the only or first step one that journal_aggregate answers from columns? */
static enum query_pipe engine_pipe(struct query *q)
{
    const struct query_step *s = &q->steps[0];

    if (s->kind == SK_HISTOGRAM && s->nby == 0 && s->fold == SF_COUNT) {
        q->step_ns = s->step_ns;
        return QP_HISTOGRAM;
    }
    if (s->kind != SK_COUNT)
        return QP_STREAM;
    for (size_t i = 0; i < s->nby; i++)
        if (s->by[i].kind != QR_FIELD || s->by[i].field >= QF_COUNT)
            return QP_STREAM;
    for (size_t i = 0; i < s->nby; i++)
        q->by[i] = (enum query_field)s->by[i].field;
    q->nby = s->nby;
    return s->nby > 0 ? QP_COUNT_BY : QP_COUNT;
}

void qp_pipes_done(struct qp *p)
{
    struct query *q = p->q;
    const struct query_step *last = q->nsteps > 0 ? &q->steps[q->nsteps - 1] : NULL;
    bool cut =
        q->nsteps > 0 && (last->kind == SK_LIMIT || (last->kind == SK_TOP && last->nby == 0 && last->of.name.n == 0));

    if (q->nsteps == 0)
        return;
    q->pipe = QP_STREAM;
    if (!q->source->lines || q->nsteps > 2 || (q->nsteps == 2 && !cut))
        return;
    if (q->nsteps == 1 && last->kind == SK_LIMIT) {
        q->pipe = QP_NONE;
        q->limit = last->n;
        return;
    }
    q->pipe = engine_pipe(q);
    if (q->pipe == QP_HISTOGRAM && q->nsteps == 2 && last->kind == SK_TOP)
        q->pipe = QP_STREAM; /* the largest buckets, not the first */
    if (q->pipe != QP_STREAM && q->nsteps == 2)
        q->limit = last->n;
}
