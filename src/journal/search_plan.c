#include "journal/search_plan.h"
#include "journal/search_plan-int.h"
#include <errno.h>

static enum verdict verdict_of(bool fits) { return fits ? V_ALL : V_NONE; }

static int of_not(int v) { return v < 0 || v == V_SOME ? v : v == V_ALL ? V_NONE : V_ALL; }

/* A whole block came by one relay, or by none. */
static enum verdict of_relay(const struct query_node *n, str relay)
{
    return verdict_of(query_node_match(n, &(struct event){.relay = relay}));
}

static enum verdict of_head(const struct query_node *n, const struct block_head *h, str relay)
{
    enum verdict end = n->kind == QN_AND ? V_NONE : V_ALL, rest = n->kind == QN_AND ? V_ALL : V_NONE;

    switch (n->kind) {
    case QN_AND:
    case QN_OR:
        for (size_t i = 0; i < n->nkids; i++) {
            enum verdict v = of_head(n->kids[i], h, relay);
            if (v == end)
                return v;
            if (v == V_SOME)
                rest = V_SOME;
        }
        return rest;
    case QN_NOT:
        return (enum verdict)of_not(of_head(n->kids[0], h, relay));
    case QN_ENUM: {
        uint32_t has = n->field == QF_SEVERITY    ? h->severities
                       : n->field == QF_FACILITY  ? h->facilities
                       : n->field == QF_TRANSPORT ? h->transports
                       : n->field == QF_FORMAT    ? h->formats
                       : n->field == QF_FLAGS     ? h->flags
                                                  : UINT32_MAX;
        return (has & n->mask) != 0 ? V_SOME : V_NONE;
    }
    default:
        return query_asks_relay(n) ? of_relay(n, relay) : V_SOME;
    }
}

bool search_plan_skips_block(const struct query *q, const struct block_head *h, str relay)
{
    if (h->event_max < q->since_ns || (h->event_min >= q->until_ns && q->until_ns != INT64_MAX))
        return true;
    return q->root != NULL && of_head(q->root, h, relay) == V_NONE;
}

static void take_terms(struct search_plan *p, const struct query_node *n)
{
    static const bool of_line[QF_COUNT] = {
        [QF_HOST] = true, [QF_PROGRAM] = true, [QF_PID] = true, [QF_MSGID] = true, [QF_MSG] = true};

    if (p->nterms < PLAN_TERMS && (n->kind == QN_TEXT || n->kind == QN_REGEX ||
                                   (n->kind == QN_FIELD && (unsigned)n->field < QF_COUNT && of_line[n->field])))
        p->nterms += term_make(&p->term[p->nterms], n);
    if (n->kind == QN_AND || n->kind == QN_OR || n->kind == QN_NOT)
        for (size_t i = 0; i < n->nkids; i++)
            take_terms(p, n->kids[i]);
}

void search_plan_init(struct search_plan *p, const struct query *q)
{
    *p = (struct search_plan){0};
    if (q->root != NULL)
        take_terms(p, q->root);
}

static const struct plan_term *term_find(const struct search_plan *p, const struct query_node *n)
{
    for (uint32_t i = 0; i < p->nterms; i++)
        if (p->term[i].node == n)
            return &p->term[i];
    return NULL;
}

static bool words_may(const struct search_plan *p, const struct query_node *n, const uint8_t *filter, size_t bytes)
{
    bool all = n->kind == QN_AND;
    const struct plan_term *t;

    if (n->kind == QN_AND || n->kind == QN_OR) {
        for (size_t i = 0; i < n->nkids; i++)
            if (words_may(p, n->kids[i], filter, bytes) != all)
                return !all;
        return all;
    }
    return n->kind == QN_NOT || (t = term_find(p, n)) == NULL || grams_may(filter, bytes, &t->grams);
}

static bool asks_words(const struct search_plan *p)
{
    for (uint32_t i = 0; i < p->nterms; i++)
        if (p->term[i].grams.n > 0)
            return true;
    return false;
}

int search_plan_skips_words(const struct search_plan *p, const struct query *q, const struct block_src *src,
                            const struct block_head *h)
{
    uint8_t filter[GRAMS_BYTES_MAX];
    int rc;

    if (h->grams == 0 || !asks_words(p))
        return 0;
    rc = block_grams_read(src, h, filter);
    return rc < 0 ? rc : !words_may(p, q->root, filter, h->grams);
}

void search_plan_done(struct search_plan *p)
{
    free(p->verdict);
    free(p->from);
    free(p->seen);
    for (int i = 0; i < PLAN_ORIGINS; i++)
        free(p->origins[i].fits);
    for (int i = 0; i < PLAN_TERMS; i++)
        free(p->term[i].verdict);
    *p = (struct search_plan){0};
}

static bool grow(struct search_plan *p, uint32_t n)
{
    if (n <= p->cap)
        return true;
    free(p->verdict);
    free(p->from);
    p->verdict = malloc(n);
    p->from = malloc(((size_t)n + 63) / 64 * sizeof(p->from[0]));
    p->cap = p->verdict && p->from ? n : 0;
    return p->cap > 0;
}

static bool has_hole(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((uint8_t)s.p[i] >= HOLE_VALUE && (uint8_t)s.p[i] <= HOLE_STAMP)
            return true;
    return false;
}

bool search_plan_fixed(const struct block_template *t, enum query_field f, str *out)
{
    static const int8_t span[QF_COUNT] = {
        [QF_PROGRAM] = SP_PROGRAM + 1, [QF_PID] = SP_PID + 1, [QF_MSGID] = SP_MSGID + 1, [QF_MSG] = SP_MSG + 1};

    if ((unsigned)f >= QF_COUNT || span[f] == 0)
        return false;
    uint32_t from = t->key->place[2 * (span[f] - 1)], to = t->key->place[2 * (span[f] - 1) + 1];
    if (to == 0) {
        *out = (str){"", 0};
        return true;
    }
    *out = str_sub(t->text, from, to == SPAN_END ? t->text.n - from : to - from);
    return !has_hole(*out);
}

static int of_template(struct search_plan *p, const struct query_node *n, struct block_dec *d,
                       struct block_template *t);

static bool by_origin(const struct query_node *n)
{
    return n->kind == QN_NET || (n->kind == QN_FIELD && (n->field == QF_HOST || n->field == QF_SOURCE));
}

static int ask_origins(struct search_plan *p, const struct query_node *n, struct block_dec *d, bool must)
{
    uint32_t count;
    const struct block_origin *o = block_origins(d, &count);
    struct plan_origins *po = &p->origins[p->norigins];

    if (p->norigins == PLAN_ORIGINS)
        return 0;
    bool *fits = realloc(po->fits, count);
    if (fits == NULL)
        return -ENOMEM;
    *po = (struct plan_origins){.node = n, .fits = fits, .must = must};
    p->norigins++;
    fits[0] = true;
    for (uint32_t i = 1; i < count; i++) {
        struct event ev = {.source = o[i].source, .raw = o[i].host};
        ev.span[SP_HOST] = (struct span){0, (uint32_t)o[i].host.n};
        fits[i] = query_node_match(n, &ev);
        po->hits += fits[i];
    }
    return 0;
}

/* must: the whole query fails where this node does. */
static int find_origins(struct search_plan *p, const struct query_node *n, struct block_dec *d, bool must)
{
    int rc = by_origin(n) ? ask_origins(p, n, d, must) : 0;

    if (n->kind == QN_AND || n->kind == QN_OR || n->kind == QN_NOT)
        for (size_t i = 0; i < n->nkids && rc == 0; i++)
            rc = find_origins(p, n->kids[i], d, must && n->kind == QN_AND);
    return rc;
}

bool search_plan_origin_fits(const struct search_plan *p, uint32_t origin)
{
    for (uint32_t i = 0; i < p->norigins; i++)
        if (p->origins[i].must && !p->origins[i].fits[origin])
            return false;
    return true;
}

static uint32_t origin_total(const struct block_dec *d)
{
    uint32_t n;
    block_origins(d, &n);
    return n;
}

static enum verdict of_origins(const struct search_plan *p, const struct query_node *n, uint32_t count)
{
    for (uint32_t i = 0; i < p->norigins; i++)
        if (p->origins[i].node == n)
            return p->origins[i].hits == 0 ? V_NONE : p->origins[i].hits + 1 == count ? V_ALL : V_SOME;
    return V_SOME;
}

static enum verdict of_field(const struct query_node *n, const struct block_template *t)
{
    str s;

    if (!search_plan_fixed(t, n->field, &s))
        return V_SOME;
    return verdict_of(pattern_whole(&n->pat, s));
}

static enum verdict of_enum(const struct query_node *n, const struct block_template *t)
{
    struct event ev = {.transport = t->key->transport,
                       .format = t->key->format,
                       .facility = t->key->facility,
                       .severity = t->key->severity,
                       .flags = t->key->flags};
    return verdict_of(query_node_match(n, &ev));
}

static int of_term(struct search_plan *p, const struct query_node *n, struct block_dec *d,
                   const struct block_template *t)
{
    struct plan_term *term = (struct plan_term *)term_find(p, n);
    struct block_template *first;
    int rc;

    if (term == NULL)
        return V_SOME;
    if (!term->marked && (rc = term_mark(p, term, d)) < 0)
        return rc;
    if ((rc = block_template_get(d, 0, &first)) < 0)
        return rc;
    return term->verdict[t - first];
}

static int of_kids(struct search_plan *p, const struct query_node *n, struct block_dec *d, struct block_template *t)
{
    enum verdict end = n->kind == QN_AND ? V_NONE : V_ALL, rest = n->kind == QN_AND ? V_ALL : V_NONE;

    for (size_t i = 0; i < n->nkids; i++) {
        int v = of_template(p, n->kids[i], d, t);
        if (v < 0 || v == (int)end)
            return v;
        if (v == V_SOME)
            rest = V_SOME;
    }
    return rest;
}

static int of_template(struct search_plan *p, const struct query_node *n, struct block_dec *d, struct block_template *t)
{
    if (query_asks_relay(n))
        return of_relay(n, p->relay);
    switch (n->kind) {
    case QN_AND:
    case QN_OR:
        return of_kids(p, n, d, t);
    case QN_NOT:
        return of_not(of_template(p, n->kids[0], d, t));
    case QN_TEXT:
    case QN_REGEX:
        return of_term(p, n, d, t);
    case QN_FIELD: {
        int v = by_origin(n) ? of_origins(p, n, origin_total(d)) : of_field(n, t);
        return v == V_SOME ? of_term(p, n, d, t) : v;
    }
    case QN_NET:
        return of_origins(p, n, origin_total(d));
    case QN_ENUM:
        return of_enum(n, t);
    default:
        return V_SOME;
    }
}

/* Terms that the whole query fails without. */
static int must_rows(struct search_plan *p, const struct query_node *n, struct block_dec *d, struct block_template *t,
                     uint64_t *bits, uint64_t *room)
{
    const struct plan_term *term = term_find(p, n);
    int rc = 0;

    for (size_t i = 0; n->kind == QN_AND && i < n->nkids && rc == 0; i++)
        rc = must_rows(p, n->kids[i], d, t, bits, room);
    return term != NULL && term->marked ? term_rows(p, term, d, t, bits, room) : rc;
}

int search_plan_rows(struct search_plan *p, const struct query *q, struct block_dec *d, struct block_template *t,
                     uint64_t *bits, uint64_t *room)
{
    return q->root != NULL && p->nterms > 0 ? must_rows(p, q->root, d, t, bits, room) : 0;
}

int search_plan_make(struct search_plan *p, const struct query *q, struct block_dec *d)
{
    uint32_t n = block_templates(d);
    int rc;

    if (!grow(p, n + 1))
        return -ENOMEM;
    memset(p->from, 0, ((size_t)n + 64) / 64 * sizeof(p->from[0]));
    p->n = n;
    p->all_rows = p->some_rows = 0;
    p->norigins = 0;
    p->seen_of = NULL;
    for (uint32_t i = 0; i < p->nterms; i++)
        p->term[i].marked = false;
    if (q->root != NULL && (rc = find_origins(p, q->root, d, true)) < 0)
        return rc;
    if (q->root == NULL) {
        memset(p->verdict, V_ALL, n);
        memset(p->from, 0xff, ((size_t)n + 64) / 64 * sizeof(p->from[0]));
        p->verdict[n] = block_plain_rows(d) > 0 ? V_ALL : V_NONE;
        p->all_rows = block_rows(d);
        return 0;
    }
    for (uint32_t i = 0; i <= n; i++) {
        struct block_template *t;
        uint64_t rows;
        int v = V_SOME;
        if (i < n) {
            if ((rc = block_template_get(d, i, &t)) < 0)
                return rc;
            rows = t->rows;
            v = of_template(p, q->root, d, t);
            if (v < 0)
                return v;
        } else if ((rows = block_plain_rows(d)) == 0) {
            v = V_NONE;
        }
        p->verdict[i] = (uint8_t)v;
        if (v == V_NONE)
            continue;
        p->from[i / 64] |= UINT64_C(1) << i % 64;
        *(v == V_ALL ? &p->all_rows : &p->some_rows) += rows;
    }
    return 0;
}
