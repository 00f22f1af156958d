/* A query over a page of flows, all rows at once: one byte a row. A test that
 * columns cannot answer lets every row through and makes the answer inexact. */
#include "journal/flow_guest.h"
#include "journal/flow_source-int.h"
#include <errno.h>

struct filter {
    struct flow_page *p;
    bool exact, bad;
    struct flow_nets *nets; /* NULL: none */
    struct flow_store *store;
    const uint8_t *left; /* the only rows that still matter, when they are few; NULL: all do */
};
enum { FEW = 16 }; /* one row in so many */

static void all(const struct filter *f, uint8_t *fits, uint8_t v) { memset(fits, v, f->p->n); }

static void unknown(struct filter *f, uint8_t *fits)
{
    all(f, fits, 1);
    f->exact = false;
}

/* --- numbers --------------------------------------------------------------- */

bool flow_bounds(const struct query_node *n, uint64_t *lo, uint64_t *hi)
{
    *lo = 0;
    *hi = UINT64_MAX;
    if (n->hi.set) {
        if (n->hi.num < 0 || (n->hi.num == 0 && !n->hi.in))
            return false;
        *hi = (uint64_t)n->hi.num - !n->hi.in;
    }
    if (n->lo.set && n->lo.num >= 0) {
        if (n->lo.num == INT64_MAX && !n->lo.in)
            return false;
        *lo = (uint64_t)n->lo.num + !n->lo.in;
    }
    return *lo <= *hi;
}

#define WITHIN(T)                                                                                                      \
    do {                                                                                                               \
        const T *v = col;                                                                                              \
        T a = (T)lo, b = (T)hi;                                                                                        \
        for (uint32_t i = 0; i < n; i++)                                                                               \
            fits[i] = (uint8_t)((v[i] >= a) & (v[i] <= b));                                                            \
    } while (0)

static void within(const void *col, unsigned width, uint64_t lo, uint64_t hi, uint32_t n, uint8_t *fits)
{
    uint64_t most = width == 8 ? UINT64_MAX : (1ull << 8 * width) - 1;

    if (lo > most) {
        memset(fits, 0, n);
        return;
    }
    hi = hi < most ? hi : most;
    if (width == 1)
        WITHIN(uint8_t);
    else if (width == 2)
        WITHIN(uint16_t);
    else if (width == 4)
        WITHIN(uint32_t);
    else
        WITHIN(uint64_t);
}

/* From the stored block's head: no row, or every row. 1, 0; -1: the rows must say. */
static int by_range(const struct filter *f, enum flow_col c, uint64_t lo, uint64_t hi)
{
    if (f->p->rows != NULL)
        return f->p->rows->col[c] == NULL ? lo == 0 : -1;
    const struct flow_range *r = &f->p->head->sec[c].range;
    return r->max < lo || r->min > hi ? 0 : r->min >= lo && r->max <= hi ? 1 : -1;
}

/* Few rows: the column stays in planes. */
static void number_of_few(struct filter *f, enum flow_col c, uint64_t lo, uint64_t hi, uint8_t *fits)
{
    bool before = f->p->sparse;

    all(f, fits, 0);
    f->p->sparse = true;
    for (uint32_t i = 0; i < f->p->n && f->p->rc == 0; i++) {
        if (!f->left[i])
            continue;
        uint64_t v = flow_page_value(f->p, c, i);
        fits[i] = v >= lo && v <= hi;
    }
    f->p->sparse = before;
    f->bad |= f->p->rc < 0;
}

static void number(struct filter *f, enum flow_col c, uint64_t lo, uint64_t hi, uint8_t *fits)
{
    int known = by_range(f, c, lo, hi);

    if (known >= 0) {
        all(f, fits, (uint8_t)known);
        return;
    }
    if (f->left != NULL && f->p->rows == NULL) {
        number_of_few(f, c, lo, hi, fits);
        return;
    }
    const void *col = flow_page_col(f->p, c);
    if (col == NULL)
        f->bad = true;
    else
        within(col, flow_columns[c].width, lo, hi, f->p->n, fits);
}

static void number_test(struct filter *f, const struct query_node *n, enum flow_col c, uint8_t *fits)
{
    uint64_t lo, hi;

    if ((n->test != QT_EQUAL && n->test != QT_NUMBER) || (n->lo.set && !n->lo.whole) || (n->hi.set && !n->hi.whole))
        unknown(f, fits);
    else if (flow_bounds(n, &lo, &hi))
        number(f, c, lo, hi, fits);
    else
        all(f, fits, 0);
}

/* --- addresses ------------------------------------------------------------- */

static bool v4_in(struct prefix net, uint32_t a)
{
    return prefix_has(net, (struct ip){4, {(uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a}});
}

/* Which of the block's addresses lie in the net, one byte each. */
static uint8_t *places_in(struct filter *f, struct prefix net, bool *any)
{
    uint32_t nv4 = f->p->head->nv4, nv6 = f->p->head->nv6, most = (nv4 > nv6 ? nv4 : nv6) + 1;
    uint8_t *in = calloc(most, 1);
    const uint32_t *v4 = net.ip.family == 4 ? flow_page_v4(f->p) : NULL;
    const uint8_t(*v6)[16] = net.ip.family == 6 ? flow_page_v6(f->p) : NULL;

    if (in == NULL || (v4 == NULL && v6 == NULL)) {
        free(in);
        f->bad = true;
        return NULL;
    }
    for (uint32_t i = 0; v4 != NULL && i < nv4; i++)
        *any |= in[i] = v4_in(net, v4[i]);
    for (uint32_t i = 0; v6 != NULL && i < nv6; i++) {
        struct ip ip = {.family = 6};
        memcpy(ip.b, v6[i], 16);
        *any |= in[i] = prefix_has(net, ip);
    }
    return in;
}

static void stored_net(struct filter *f, struct prefix net, enum flow_col c, unsigned family, uint8_t *fits)
{
    bool whole = net.len == (net.ip.family == 4 ? 32 : 128), any = false;

    if (whole && !flow_page_may_have(f->p, net.ip)) {
        all(f, fits, 0);
        return;
    }
    uint8_t *in = places_in(f, net, &any);
    if (in == NULL || !any) {
        all(f, fits, 0);
        free(in);
        return;
    }
    const uint16_t *families = flow_page_col(f->p, FC_families);
    const uint32_t *col = flow_page_col(f->p, c);
    unsigned shift = flow_family_shift(c);
    f->bad = families == NULL || col == NULL;
    for (uint32_t i = 0; !f->bad && i < f->p->n; i++) /* places were checked when the column was read */
        fits[i] = (families[i] >> shift & 3) == family && in[col[i]];
    free(in);
}

static void memory_net(struct filter *f, struct prefix net, enum flow_col c, uint8_t *fits)
{
    for (uint32_t i = 0; i < f->p->n; i++)
        fits[i] = prefix_has(net, flow_page_ip(f->p, c, i));
}

static void net_test(struct filter *f, const struct query_node *n, enum flow_col c, uint8_t *fits)
{
    if (n->test != QT_NET)
        unknown(f, fits);
    else if (f->p->rows != NULL)
        memory_net(f, n->net, c, fits);
    else
        stored_net(f, n->net, c, n->net.ip.family == 4 ? FAM_4 : FAM_6, fits);
}

/* --- zones and units: a text is looked at once a net, a net once an address --------- */

struct named {
    enum flow_net_kind kind;
    const uint8_t *pass; /* by number of the name; 0: none is declared */
};

static uint8_t *names_passing(struct filter *f, const struct query_node *n, enum flow_net_kind kind)
{
    flow_nets_ready(f->nets);
    uint8_t *pass = calloc(f->nets->n + 1, 1);

    f->bad |= pass == NULL;
    for (size_t i = 0; pass != NULL && i < f->nets->n; i++)
        pass[i + 1] = f->nets->v[i].of[kind].n > 0 && pattern_whole(&n->pat, f->nets->v[i].of[kind]);
    return pass;
}

static uint8_t passes(struct filter *f, const struct named *w, struct ip ip)
{
    return w->pass[flow_nets_of(f->nets, ip, w->kind)];
}

/* The block's lists of addresses, the IPv6 ones behind the others. */
static uint8_t *places_passing(struct filter *f, const struct named *w)
{
    uint32_t nv4 = f->p->head->nv4, nv6 = f->p->head->nv6;
    uint8_t *in = malloc((size_t)nv4 + nv6 + 1);
    const uint32_t *v4 = flow_page_v4(f->p);
    const uint8_t(*v6)[16] = nv6 > 0 ? flow_page_v6(f->p) : NULL;

    if (in == NULL || v4 == NULL || (nv6 > 0 && v6 == NULL)) {
        free(in);
        f->bad = true;
        return NULL;
    }
    for (uint32_t i = 0; i < nv4; i++) {
        uint32_t a = v4[i];
        in[i] = passes(f, w, (struct ip){4, {(uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a}});
    }
    for (uint32_t i = 0; i < nv6; i++) {
        struct ip ip = {.family = 6};
        memcpy(ip.b, v6[i], 16);
        in[nv4 + i] = passes(f, w, ip);
    }
    return in;
}

static void named_stored(struct filter *f, const struct named *w, enum flow_col c, uint8_t *fits)
{
    uint8_t *in = places_passing(f, w);
    const uint16_t *families = in != NULL ? flow_page_col(f->p, FC_families) : NULL;
    const uint32_t *col = families != NULL ? flow_page_col(f->p, c) : NULL;
    const uint32_t first[4] = {0, 0, f->p->head->nv4, 0}, most[4] = {0, f->p->head->nv4, f->p->head->nv6, 0};
    unsigned shift = flow_family_shift(c);

    f->bad |= col == NULL;
    for (uint32_t i = 0; !f->bad && i < f->p->n; i++) {
        unsigned family = families[i] >> shift & 3;
        fits[i] = col[i] < most[family] && in[first[family] + col[i]];
    }
    free(in);
}

static void net_name_test(struct filter *f, const struct query_node *n, const struct flow_query_field *q, uint8_t *fits)
{
    struct named w = {.kind = flow_field_net(q)};
    enum flow_col c = (enum flow_col)q->col;

    if (n->test != QT_LIKE || f->nets == NULL) {
        unknown(f, fits);
        return;
    }
    uint8_t *pass = names_passing(f, n, w.kind);
    w.pass = pass;
    if (pass != NULL && f->p->rows == NULL)
        named_stored(f, &w, c, fits);
    else if (pass != NULL)
        for (uint32_t i = 0; i < f->p->n; i++)
            fits[i] = passes(f, &w, flow_page_ip(f->p, c, i));
    free(pass);
}

/* A page is of one relay, or of none. */
static void relay_test(struct filter *f, const struct query_node *n, uint8_t *fits)
{
    str name = flow_guest_relay(f->store, f->p->relay);

    if (n->test != QT_LIKE)
        unknown(f, fits);
    else
        all(f, fits, name.n > 0 && pattern_whole(&n->pat, name));
}

/* --- the tree --------------------------------------------------------------- */

static void proto_test(struct filter *f, const struct query_node *n, uint8_t *fits)
{
    int proto = n->test == QT_LIKE ? flow_proto_number(&n->pat) : -1;

    if (proto < 0)
        unknown(f, fits);
    else
        number(f, FC_proto, (uint64_t)proto, (uint64_t)proto, fits);
}

static void leaf(struct filter *f, const struct query_node *n, uint8_t *fits)
{
    const struct flow_query_field *q =
        n->kind == QN_VALUE && n->ref.kind == QR_FIELD ? &flow_query_fields[n->ref.field] : NULL;

    if (q != NULL && q->kind == FF_PROTO)
        proto_test(f, n, fits);
    else if (q != NULL && q->kind == FF_RELAY)
        relay_test(f, n, fits);
    else if (q != NULL && flow_field_is_net(q))
        net_name_test(f, n, q, fits);
    else if (q == NULL || q->kind != FF_COLUMNS)
        unknown(f, fits);
    else if (flow_columns[q->col].kind == FK_ADDRESS)
        net_test(f, n, (enum flow_col)q->col, fits);
    else if (flow_columns[q->col].kind == FK_NUMBER)
        number_test(f, n, (enum flow_col)q->col, fits);
    else
        unknown(f, fits);
}

static void node(struct filter *f, const struct query_node *n, uint8_t *fits);

static void join(struct filter *f, const struct query_node *n, uint8_t *fits)
{
    uint8_t *one = malloc(f->p->n + 1);
    const uint8_t *outer = f->left;

    f->bad |= one == NULL;
    for (size_t k = 0; k < n->nkids && !f->bad; k++) {
        if (k > 0 && n->kind == QN_AND && f->left == NULL && flow_fitting(fits, f->p->n) < f->p->n / FEW)
            f->left = fits;
        node(f, n->kids[k], k == 0 ? fits : one);
        if (k == 0)
            continue;
        if (n->kind == QN_AND)
            for (uint32_t i = 0; i < f->p->n; i++)
                fits[i] &= one[i];
        else
            for (uint32_t i = 0; i < f->p->n; i++)
                fits[i] |= one[i];
    }
    f->left = outer;
    free(one);
}

/* What was let through for want of knowing must not be kept out by a NOT. */
static void negate(struct filter *f, const struct query_node *n, uint8_t *fits)
{
    bool before = f->exact;

    f->exact = true;
    node(f, n->kids[0], fits);
    if (!f->exact) {
        all(f, fits, 1);
        return;
    }
    f->exact = before;
    for (uint32_t i = 0; i < f->p->n; i++)
        fits[i] ^= 1;
}

static void node(struct filter *f, const struct query_node *n, uint8_t *fits)
{
    if (f->bad)
        return;
    if (n->kind == QN_AND || n->kind == QN_OR)
        join(f, n, fits);
    else if (n->kind == QN_NOT)
        negate(f, n, fits);
    else
        leaf(f, n, fits);
}

static void time_test(struct filter *f, const struct query *q, uint8_t *fits)
{
    if (f->p->rows == NULL && f->p->head->time_min >= q->since_ns &&
        (f->p->head->time_max < q->until_ns || q->until_ns == INT64_MAX))
        return;
    if (q->since_ns == INT64_MIN && q->until_ns == INT64_MAX)
        return;
    const int64_t *end = flow_page_col(f->p, FC_end), *received = flow_page_col(f->p, FC_received);
    f->bad |= end == NULL || received == NULL;
    for (uint32_t i = 0; !f->bad && i < f->p->n; i++) {
        int64_t t = flow_time(end[i], received[i]);
        fits[i] &= t >= q->since_ns && (t < q->until_ns || q->until_ns == INT64_MAX);
    }
}

bool flow_filter(struct flow_page *p, const struct query *q, uint8_t *fits, bool *exact)
{
    struct filter f = {p, true, false, q->source->more, q->source->ctx, NULL};

    all(&f, fits, 1);
    if (q->root != NULL)
        node(&f, q->root, fits);
    if (!f.bad)
        time_test(&f, q, fits);
    *exact = f.exact;
    if (f.bad && p->rc == 0)
        p->rc = -ENOMEM;
    return p->rc == 0;
}
