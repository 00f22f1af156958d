/* Steps that make groups over flows, on columns. A block's rows are added up by
 * small numbers first (places in the block's list of addresses, ports, buckets,
 * or several of these together), so that the table of all groups is touched once
 * a block and group and not once a row; what has too many values goes to the
 * table row by row. p50 and p99 count each value of each group: the value is one
 * more key, and ranks are read off in the end. */
#include "journal/flow_fold-int.h"
#include <errno.h>

enum { SMALL_SUM_BITS = 44 }; /* so many bits times FLOW_BLOCK_ROWS stay below 2^63 */

/* ---- what is asked ---- */

static bool by_fits(const struct query_ref *r)
{
    const struct flow_query_field *f = &flow_query_fields[r->field];

    return r->kind == QR_FIELD && f->kind != FF_AT && f->kind != FF_DURATION &&
           (f->kind != FF_COLUMNS || flow_columns[f->col].kind != FK_TIME);
}

enum step_fold flow_step_fold(const struct query_step *s) { return s->kind == SK_COUNT ? SF_COUNT : s->fold; }

static bool of_fits(const struct query_step *s)
{
    const struct flow_query_field *of = &flow_query_fields[s->of.field];
    enum step_fold fold = flow_step_fold(s);

    if (fold == SF_COUNT)
        return true;
    if (s->of.kind != QR_FIELD)
        return false;
    if (of->kind == FF_AT)
        return fold == SF_MIN || fold == SF_MAX;
    return of->kind == FF_COLUMNS && flow_columns[of->col].kind == FK_NUMBER;
}

bool flow_step_fits(const struct query_step *s)
{
    if (s->kind != SK_COUNT && s->kind != SK_HISTOGRAM && s->kind != SK_AGGREGATE && (s->kind != SK_TOP || s->nby == 0))
        return false;
    for (size_t i = 0; i < s->nby; i++)
        if (!by_fits(&s->by[i]))
            return false;
    return of_fits(s) && s->nby <= QUERY_BY_MAX;
}

/* ---- adding up ---- */

static void take(const struct fold *f, __int128 *sum, bool first, __int128 v)
{
    if (f->fold != SF_MIN && f->fold != SF_MAX)
        *sum += v;
    else if (first || (f->fold == SF_MAX ? v > *sum : v < *sum))
        *sum = v;
}

/* Past the ceiling the small half of the groups of a count or sum makes room. */
static void add(struct fold *f, const uint64_t *key, uint64_t count, __int128 v)
{
    struct flow_group *g = flow_groups_at(&f->groups, key, &f->failed);

    if (g == NULL && !f->failed && (f->fold == SF_COUNT || f->fold == SF_SUM)) {
        f->failed |= !flow_fold_make_room(f);
        g = f->failed ? NULL : flow_groups_at(&f->groups, key, &f->failed);
    }
    if (g == NULL) {
        f->st->ungrouped += count;
        return;
    }
    take(f, &g->sum, g->count == 0, v);
    g->count += count;
}

static uint64_t of_value(const struct fold *f, uint32_t row)
{
    uint64_t v = 0;

    if (f->of == NULL)
        return f->of_constant;
    memcpy(&v, f->of + (size_t)row * f->of_width, f->of_width);
    return v > INT64_MAX ? INT64_MAX : v;
}

#define ADD_UP(value)                                                                                                  \
    do {                                                                                                               \
        for (uint32_t i = 0; i < n; i++)                                                                               \
            if (f->fits[i]) {                                                                                          \
                f->small[ids[i]].count++;                                                                              \
                f->small[ids[i]].sum += (value);                                                                       \
            }                                                                                                          \
    } while (0)

static void small_extremes(struct fold *f, const uint32_t *ids, uint32_t n)
{
    bool largest = f->fold == SF_MAX;

    for (uint32_t i = 0; i < n; i++) {
        struct small_sum *s = &f->small[ids[i]];
        if (!f->fits[i])
            continue;
        uint64_t v = of_value(f, i);
        if (s->count++ == 0 || (largest ? v > s->sum : v < s->sum))
            s->sum = v;
    }
}

static void small_sums(struct fold *f, const uint32_t *ids, uint32_t n)
{
    if (f->of == NULL)
        ADD_UP(f->of_constant);
    else if (f->of_width == 8)
        ADD_UP(((const uint64_t *)(const void *)f->of)[i]);
    else
        ADD_UP(of_value(f, i));
}

/* Few groups in this block: `cells` of them, by the numbers in ids. */
static bool add_small(struct fold *f, const uint32_t *ids, size_t cells, uint32_t n)
{
    uint64_t key[FOLD_KEYS] = {0};

    if (f->nsmall < cells) {
        free(f->small);
        f->small = malloc(cells * sizeof(*f->small));
        f->nsmall = f->small != NULL ? cells : 0;
    }
    if (f->small == NULL)
        return false;
    memset(f->small, 0, cells * sizeof(*f->small));
    if (f->fold == SF_MIN || f->fold == SF_MAX)
        small_extremes(f, ids, n);
    else
        small_sums(f, ids, n);
    for (size_t c = 0; c < cells; c++) {
        if (f->small[c].count == 0)
            continue;
        for (size_t k = f->nby, rest = c; k-- > 0; rest /= f->by[k].nkeys)
            key[k] = f->by[k].keys[rest % f->by[k].nkeys];
        add(f, key, f->small[c].count, (__int128)f->small[c].sum);
    }
    return true;
}

static void add_rows(struct fold *f, uint32_t n)
{
    uint64_t key[FOLD_KEYS] = {0};

    for (uint32_t i = 0; i < n; i++) {
        if (!f->fits[i])
            continue;
        for (size_t k = 0; k < f->nby; k++)
            key[k] = f->by[k].keys[f->by[k].ids[i]];
        add(f, key, 1, (__int128)of_value(f, i));
    }
}

/* The numbers of all fields as one, where they have at most n combinations. */
static const uint32_t *together(struct fold *f, uint32_t n, size_t *cells)
{
    size_t all = 1;

    for (int tries = 0; tries < 2; tries++) {
        all = 1;
        for (size_t k = 0; k < f->nby && all <= n; k++)
            all *= f->by[k].nkeys; /* neither is more than 2^19 */
        if (all <= n)
            break;
        for (size_t k = 0; tries == 0 && f->nby > 1 && k < f->nby; k++)
            if (!flow_fold_close_up(f, &f->by[k], n))
                return NULL;
    }
    *cells = all;
    if (all > n)
        return NULL;
    if (f->nby == 1)
        return f->by[0].ids;
    if (f->ids == NULL && (f->ids = malloc(sizeof(*f->ids) * FLOW_BLOCK_ROWS)) == NULL)
        return NULL;
    memset(f->ids, 0, n * sizeof(*f->ids));
    for (size_t k = 0; k < f->nby; k++)
        for (uint32_t i = 0, m = (uint32_t)f->by[k].nkeys; i < n; i++)
            f->ids[i] = f->ids[i] * m + f->by[k].ids[i];
    return f->ids;
}

static bool of_load(struct fold *f, struct flow_page *p, bool *small)
{
    const struct flow_query_field *of = &flow_query_fields[f->step->of.field];

    f->of = NULL;
    f->of_constant = 0;
    *small = true;
    if (f->fold == SF_COUNT || f->fold == SF_P50 || f->fold == SF_P99)
        return true;
    if (of->kind == FF_AT) {
        f->of_width = sizeof(*f->at);
        f->of = (const uint8_t *)flow_fold_times(f, p);
        return f->of != NULL;
    }
    enum flow_col c = (enum flow_col)of->col;
    f->of_width = flow_columns[c].width;
    if (flow_page_constant(p, c, &f->of_constant)) {
        f->of_constant = f->of_constant > INT64_MAX ? INT64_MAX : f->of_constant;
        *small = f->of_constant >> SMALL_SUM_BITS == 0;
        return true;
    }
    f->of = flow_page_col(p, c);
    *small = f->of_width < 8 || (p->rows == NULL && p->head->sec[c].range.max >> SMALL_SUM_BITS == 0);
    *small |= f->fold == SF_MIN || f->fold == SF_MAX;
    return f->of != NULL;
}

/* With every row in its groups. */
static bool rows_add(struct fold *f, struct flow_page *p)
{
    size_t cells = 0;
    bool small;

    if (!of_load(f, p, &small))
        return false;
    for (size_t k = 0; k < f->nby; k++)
        if (!flow_fold_by(f, &f->by[k], p))
            return false;
    const uint32_t *ids = small ? together(f, p->n, &cells) : NULL;
    if (ids != NULL)
        return add_small(f, ids, cells, p->n);
    add_rows(f, p->n);
    return true;
}

static int page_add(void *ctx, struct flow_page *p)
{
    struct fold *f = ctx;
    bool exact;

    if (!flow_filter(p, f->q, f->fits, &exact))
        return p->rc;
    f->st->scanned_blocks++;
    f->st->scanned_events += p->n;
    if (!exact && !flow_rows_match(p, f->q, f->fits))
        return p->rc;
    uint64_t hits = flow_fitting(f->fits, p->n);
    if (hits == 0)
        return 0;
    if (!rows_add(f, p))
        return p->rc < 0 ? p->rc : -ENOMEM;
    f->st->hits += hits;
    bool ranks = f->fold == SF_P50 || f->fold == SF_P99;
    return f->failed ? -ENOMEM : ranks && f->st->ungrouped > 0; /* too many values: no use to go on */
}

/* ---- the way in ---- */

static bool by_init(struct fold *f, const struct flow_query_field *field)
{
    struct by *b = &f->by[f->nby++];

    b->f = field;
    b->ids = malloc(sizeof(uint32_t) * FLOW_BLOCK_ROWS);
    return b->ids != NULL;
}

static bool fold_init(struct fold *f)
{
    const struct query_step *s = f->step;

    f->fold = flow_step_fold(s);
    f->fits = malloc(FLOW_BLOCK_ROWS);
    bool ok = f->fits != NULL;
    if (s->kind == SK_HISTOGRAM)
        ok = by_init(f, &flow_query_fields[f->q->source->time]) && ok;
    for (size_t k = 0; k < s->nby; k++)
        ok = by_init(f, &flow_query_fields[s->by[k].field]) && ok;
    f->nshown = f->nby;
    if (f->fold == SF_P50 || f->fold == SF_P99)
        ok = by_init(f, &flow_query_fields[s->of.field]) && ok;
    return flow_groups_init(&f->groups, f->nby > 0 ? f->nby : 1) && ok;
}

static void fold_done(struct fold *f)
{
    for (size_t k = 0; k < FOLD_KEYS; k++) {
        free(f->by[k].ids);
        free(f->by[k].keys);
    }
    flow_groups_done(&f->groups);
    flow_v6_seen_done(&f->v6);
    free(f->number);
    free(f->small);
    free(f->fits);
    free(f->ids);
    free(f->at);
}

int flow_fold(void *ctx, const struct query *q, const struct search_opts *o, uint64_t want, source_group_fn *fn,
              void *fn_ctx, struct search_stats *st, struct err *e)
{
    struct flow_scan_stats fst = {0};
    struct flow_scan_opts fo = flow_scan_opts_of(q, o);
    struct search_stats before = *st;
    struct fold f = {.q = q, .step = q->steps, .st = st};

    if (q->nsteps == 0 || fo.before_seq != 0 || !flow_step_fits(q->steps))
        return 1;
    int rc = fold_init(&f) ? 0 : ERR(e, -ENOMEM, "journal.no_memory");
    if (rc == 0)
        rc = flow_store_scan(ctx, &fo, page_add, &f, &fst, e);
    st->skipped_blocks += fst.skipped;
    st->bad_blocks += fst.bad_blocks;
    if (rc == 0 || rc == -ETIME || rc == -ECANCELED) {
        int given = flow_fold_give(&f, want, fn, fn_ctx);
        rc = given < 0 ? ERR(e, given, "journal.no_memory") : given > 0 && rc == 0 ? 1 : rc;
    }
    if (rc == 1) /* more values than can be counted: the rows are read again, and sampled */
        *st = before;
    fold_done(&f);
    return rc;
}
