/* Evaluation of a query over the columns of a block. Cheap conditions go
 * first, so that the raw text of a block is often not even inflated. */
#include "journal/eval.h"
#include <errno.h>

/* Below one row in so many, rows are looked at one by one instead of scanning
 * the whole raw text. */
enum { SPARSE = 12, CHECK_ROWS = 128 };

void eval_init(struct eval *ev) { *ev = (struct eval){0}; }

void eval_done(struct eval *ev)
{
    for (size_t i = 0; i < ev->nlevels; i++)
        free(ev->level[i]);
    free(ev->level);
    *ev = (struct eval){0};
}

static uint64_t *level_get(struct eval *ev, size_t depth)
{
    while (depth >= ev->nlevels) {
        uint64_t **p = realloc(ev->level, (ev->nlevels + 1) * sizeof(*p));
        if (p == NULL)
            return NULL;
        ev->level = p;
        if ((p[ev->nlevels] = malloc(ev->words_cap * sizeof(uint64_t))) == NULL)
            return NULL;
        ev->nlevels++;
    }
    return ev->level[depth];
}

uint64_t *eval_begin(struct eval *ev, struct rows *r, uint32_t n)
{
    size_t words = bits_words(n);

    if (words > ev->words_cap) {
        eval_done(&(struct eval){.level = ev->level, .nlevels = ev->nlevels});
        ev->level = NULL;
        ev->nlevels = 0;
        ev->words_cap = words + words / 4;
    }
    ev->rows = r;
    ev->n = n;
    uint64_t *bits = level_get(ev, 0);
    if (bits == NULL)
        return NULL;
    memset(bits, 0xff, words * sizeof(bits[0]));
    if (n % 64)
        bits[words - 1] = (UINT64_C(1) << n % 64) - 1;
    return bits;
}

uint64_t bits_count(const uint64_t *bits, uint32_t n)
{
    uint64_t sum = 0;
    for (size_t w = 0; w < bits_words(n); w++)
        sum += (uint64_t)__builtin_popcountll(bits[w]);
    return sum;
}

unsigned eval_field_cols(enum query_field f)
{
    switch (f) {
    case QF_SOURCE:
        return COL_SOURCE;
    case QF_SEVERITY:
    case QF_FACILITY:
    case QF_TRANSPORT:
    case QF_FORMAT:
    case QF_FLAGS:
        return COL_HEAD;
    case QF_RAW:
        return COL_RAW;
    case QF_RELAY:
        return 0;
    default:
        return COL_RAW | COL_SPAN;
    }
}

static int need(struct eval *ev, unsigned cols) { return ev->load ? ev->load(ev->ctx, cols) : 0; }

/* for each row i of `in` */
#define EACH_ROW(i, in, n)                                                                                             \
    for (size_t w_ = 0; w_ < bits_words(n); w_++)                                                                      \
        for (uint64_t m_ = (in)[w_], i = 0; m_ && (i = w_ * 64 + (uint64_t)__builtin_ctzll(m_), 1); m_ &= m_ - 1)

static inline void bit_set(uint64_t *bits, uint64_t i) { bits[i / 64] |= UINT64_C(1) << i % 64; }

/* The row that holds byte `at` of the raw text; rows before `from` do not. */
static uint32_t row_of(const struct rows *r, uint32_t n, uint32_t from, size_t at)
{
    uint32_t lo = from, hi, step = 1;

    while (lo + step < n && r->off[lo + step] <= at) {
        lo += step;
        step *= 2;
    }
    hi = lo + step < n ? lo + step : n;
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (r->off[mid] <= at)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

static int check(struct eval *ev, uint32_t *rows)
{
    return ++*rows % CHECK_ROWS == 0 && ev->check ? ev->check(ev->check_ctx) : 0;
}

/* Scans the text of all rows in one go; a hit must lie within one row. */
static int text_scan(struct eval *ev, const struct pattern *p, const uint64_t *in, uint64_t *out)
{
    const struct rows *r = ev->rows;
    str all = {r->raw, r->off[ev->n]};
    uint32_t row = 0, looked = 0;
    int rc;

    for (size_t at = 0; (at = needle_find(&p->run, all, at)) != SIZE_MAX;) {
        row = row_of(r, ev->n, row, at);
        if (at + p->run.text.n > r->off[row + 1]) {
            at++;
            continue;
        }
        if ((in[row / 64] >> row % 64 & 1) && (p->plain || pattern_within(p, rows_raw(r, row))))
            bit_set(out, row);
        at = r->off[row + 1];
        if (!p->plain && (rc = check(ev, &looked)) < 0)
            return rc;
    }
    return 0;
}

static int eval_text(struct eval *ev, const struct pattern *p, const uint64_t *in, uint64_t *out)
{
    uint32_t looked = 0;
    int rc = need(ev, COL_RAW);

    if (rc < 0)
        return rc;
    if (p->run.text.n > 0 && bits_count(in, ev->n) * SPARSE >= ev->n)
        return text_scan(ev, p, in, out);
    EACH_ROW(i, in, ev->n)
    {
        if (pattern_within(p, rows_raw(ev->rows, (uint32_t)i)))
            bit_set(out, i);
        if ((rc = check(ev, &looked)) < 0)
            return rc;
    }
    return 0;
}

static const int span_of_field[QF_COUNT] = {
    [QF_HOST] = SP_HOST + 1,   [QF_PROGRAM] = SP_PROGRAM + 1, [QF_PID] = SP_PID + 1,
    [QF_MSGID] = SP_MSGID + 1, [QF_MSG] = SP_MSG + 1,
};

/* A field that is a span of the line, whole: most rows fall out by length. */
static int span_rows(struct eval *ev, const struct query_node *n, const uint64_t *in, uint64_t *out)
{
    const struct rows *r = ev->rows;
    int s = span_of_field[n->field] - 1, rc;
    uint32_t looked = 0;

    EACH_ROW(i, in, ev->n)
    {
        struct span sp = rows_span(r, (uint32_t)i, (unsigned)s);
        if (n->pat.plain ? sp.len != n->pat.n : sp.len == 0)
            continue;
        if (sp.len == 0 || pattern_whole(&n->pat, (str){r->raw + r->off[i] + sp.off, sp.len}))
            bit_set(out, i);
        if (!n->pat.plain && (rc = check(ev, &looked)) < 0)
            return rc;
    }
    return 0;
}

static int eval_field(struct eval *ev, const struct query_node *n, const uint64_t *in, uint64_t *out)
{
    unsigned cols = eval_field_cols(n->field);
    int rc = need(ev, cols);

    if (rc < 0)
        return rc;
    if (span_of_field[n->field])
        return span_rows(ev, n, in, out);
    if (n->field == QF_RELAY) {
        if (query_node_match(n, &(struct event){.relay = ev->rows->relay}))
            memcpy(out, in, bits_words(ev->n) * sizeof(out[0]));
        return 0;
    }
    uint32_t looked = 0;
    EACH_ROW(i, in, ev->n)
    {
        struct event e;
        rows_event(ev->rows, (uint32_t)i, cols, &e);
        if (query_node_match(n, &e))
            bit_set(out, i);
        if ((rc = check(ev, &looked)) < 0)
            return rc;
    }
    return 0;
}

/* Kinds that look at more than one column: row by row. */
static int eval_whole(struct eval *ev, const struct query_node *n, const uint64_t *in, uint64_t *out)
{
    uint32_t looked = 0;
    int rc = need(ev, COL_ALL);

    if (rc < 0)
        return rc;
    EACH_ROW(i, in, ev->n)
    {
        struct event e;
        rows_event(ev->rows, (uint32_t)i, COL_ALL, &e);
        if (query_node_match(n, &e))
            bit_set(out, i);
        if ((rc = check(ev, &looked)) < 0)
            return rc;
    }
    return 0;
}

static int eval_regex(struct eval *ev, const struct query_node *n, const uint64_t *in, uint64_t *out)
{
    uint32_t looked = 0;
    int rc = need(ev, COL_RAW);

    if (rc < 0)
        return rc;
    EACH_ROW(i, in, ev->n)
    {
        struct event e = {.raw = rows_raw(ev->rows, (uint32_t)i)};
        if (query_node_match(n, &e))
            bit_set(out, i);
        if ((rc = check(ev, &looked)) < 0)
            return rc;
    }
    return 0;
}

static int cost_of(const struct query_node *n)
{
    int most = 0;

    switch (n->kind) {
    case QN_ENUM:
    case QN_NET:
        return 0;
    case QN_TEXT:
        return 1;
    case QN_FIELD:
        return n->field == QF_SOURCE || n->field == QF_RELAY ? 0 : 2;
    case QN_FOLD:
    case QN_REGEX:
    case QN_VALUE:
        return 3;
    default:
        for (size_t i = 0; i < n->nkids; i++) {
            int c = cost_of(n->kids[i]);
            most = c > most ? c : most;
        }
        return most;
    }
}

static bool is_empty(const uint64_t *bits, size_t words)
{
    for (size_t w = 0; w < words; w++)
        if (bits[w])
            return false;
    return true;
}

static int eval_node(struct eval *ev, const struct query_node *n, const uint64_t *in, uint64_t *out, size_t depth);

static int eval_and(struct eval *ev, const struct query_node *n, const uint64_t *in, uint64_t *out, size_t depth)
{
    size_t words = bits_words(ev->n);
    uint64_t *left = level_get(ev, depth);
    int rc = left ? 0 : -ENOMEM;

    if (left)
        memcpy(left, in, words * sizeof(left[0]));
    for (int cost = 0; cost <= 3 && rc == 0; cost++)
        for (size_t i = 0; i < n->nkids && rc == 0; i++) {
            if (cost_of(n->kids[i]) != cost || is_empty(left, words))
                continue;
            rc = eval_node(ev, n->kids[i], left, out, depth + 1);
            memcpy(left, out, words * sizeof(left[0]));
        }
    if (rc == 0)
        memcpy(out, left, words * sizeof(out[0]));
    return rc;
}

static int eval_or(struct eval *ev, const struct query_node *n, const uint64_t *in, uint64_t *out, size_t depth)
{
    size_t words = bits_words(ev->n);
    uint64_t *left = level_get(ev, depth), *part = level_get(ev, depth + 1);
    int rc = left && part ? 0 : -ENOMEM;

    memset(out, 0, words * sizeof(out[0]));
    for (size_t i = 0; i < n->nkids && rc == 0; i++) {
        for (size_t w = 0; w < words; w++)
            left[w] = in[w] & ~out[w];
        rc = eval_node(ev, n->kids[i], left, part, depth + 2);
        for (size_t w = 0; w < words && rc == 0; w++)
            out[w] |= part[w];
    }
    return rc;
}

/* out = the rows of `in` that fit. Levels from `depth` on are free to use. */
static int eval_node(struct eval *ev, const struct query_node *n, const uint64_t *in, uint64_t *out, size_t depth)
{
    size_t words = bits_words(ev->n);
    int rc;

    if (n->kind == QN_AND)
        return eval_and(ev, n, in, out, depth);
    if (n->kind == QN_OR)
        return eval_or(ev, n, in, out, depth);
    if (n->kind == QN_NOT) {
        rc = eval_node(ev, n->kids[0], in, out, depth);
        for (size_t w = 0; w < words && rc == 0; w++)
            out[w] = in[w] & ~out[w];
        return rc;
    }
    memset(out, 0, words * sizeof(out[0]));
    if (n->kind == QN_TEXT)
        return eval_text(ev, &n->pat, in, out);
    if (n->kind == QN_REGEX)
        return eval_regex(ev, n, in, out);
    return n->kind == QN_FOLD || n->kind == QN_VALUE ? eval_whole(ev, n, in, out) : eval_field(ev, n, in, out);
}

static int eval_time(struct eval *ev, const struct query *q, uint64_t *bits)
{
    int rc = need(ev, COL_EVENT);

    for (uint32_t i = 0; i < ev->n && rc == 0; i++) {
        int64_t t = ev->rows->event[i];
        if (t < q->since_ns || (t >= q->until_ns && q->until_ns != INT64_MAX))
            bits[i / 64] &= ~(UINT64_C(1) << i % 64);
    }
    return rc;
}

int eval_query(struct eval *ev, const struct query *q, bool check_time, uint64_t *bits)
{
    int rc = check_time ? eval_time(ev, q, bits) : 0;
    uint64_t *out;

    if (rc < 0 || q->root == NULL || is_empty(bits, bits_words(ev->n)))
        return rc;
    if ((out = level_get(ev, 1)) == NULL)
        return -ENOMEM;
    rc = eval_node(ev, q->root, bits, out, 2);
    if (rc == 0)
        memcpy(bits, out, bits_words(ev->n) * sizeof(bits[0]));
    return rc;
}
