/* count, sum, avg and top with `by` over flows, on columns. A block's rows are
 * added up by small numbers first (places in the block's list of addresses, ports,
 * protocols), so that the table of all groups is touched once a block and group
 * and not once a row; several fields, and those of many values, go to the table
 * row by row. A key says the same in every block: an IPv4 address is V4_KEY plus
 * itself, an IPv6 address V6_KEY plus its number, none is 0. */
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

static bool step_fits(const struct query_step *s)
{
    bool counts = s->kind == SK_COUNT || (s->kind == SK_TOP && s->nby > 0 && s->fold == SF_COUNT);
    bool sums = (s->kind == SK_AGGREGATE && (s->fold == SF_SUM || s->fold == SF_AVG)) ||
                (s->kind == SK_TOP && s->nby > 0 && s->fold == SF_SUM);
    const struct flow_query_field *of = &flow_query_fields[s->of.field];

    for (size_t i = 0; i < s->nby; i++)
        if (!by_fits(&s->by[i]))
            return false;
    if (sums && (s->of.kind != QR_FIELD || of->kind != FF_COLUMNS || flow_columns[of->col].kind != FK_NUMBER))
        return false;
    return (counts || sums) && s->nby <= QUERY_BY_MAX;
}

/* ---- a block's columns as small numbers and their keys ---- */

/* Numbers as the query shows them: what looks the same is one group. */
static uint64_t shown(const struct flow_query_field *f, uint64_t v)
{
    if (f->kind == FF_TCP_FLAGS)
        return v & 0xff;
    return f->kind == FF_COLUMNS && flow_columns[f->col].kind == FK_NUMBER && v > INT64_MAX ? INT64_MAX : v;
}

static uint64_t net_key(struct fold *f, const struct flow_query_field *field, struct ip ip)
{
    struct flow_nets *nets = f->q->source->more;
    return nets != NULL ? flow_nets_of(nets, ip, flow_field_net(field)) : 0;
}

static uint64_t v4_key(struct fold *f, const struct flow_query_field *field, uint32_t a)
{
    return flow_field_is_net(field)
               ? net_key(f, field,
                         (struct ip){4, {(uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a}})
               : V4_KEY + a;
}

static uint64_t ip_key(struct fold *f, const struct flow_query_field *field, struct ip ip)
{
    uint32_t at;

    if (flow_field_is_net(field))
        return net_key(f, field, ip);
    if (ip.family == 4)
        return V4_KEY + ((uint32_t)ip.b[0] << 24 | (uint32_t)ip.b[1] << 16 | (uint32_t)ip.b[2] << 8 | ip.b[3]);
    if (ip.family != 6)
        return 0;
    at = flow_v6_seen_of(&f->v6, ip.b);
    f->failed |= at == UINT32_MAX;
    return V6_KEY + at;
}

static bool keys_room(struct by *b, size_t n)
{
    if (b->nkeys_room < n) {
        free(b->keys);
        b->keys = malloc(n * sizeof(*b->keys));
        b->nkeys_room = b->keys != NULL ? n : 0;
    }
    b->nkeys = n;
    return b->keys != NULL;
}

/* 0 none, then the IPv4 addresses of the list, then the IPv6 addresses. */
static bool stored_addresses(struct fold *f, struct by *b, struct flow_page *p, enum flow_col c)
{
    uint32_t nv4 = p->head->nv4, nv6 = p->head->nv6;
    const uint32_t *v4 = flow_page_v4(p), *col = flow_page_col(p, c);
    const uint8_t(*v6)[16] = nv6 > 0 ? flow_page_v6(p) : NULL;
    const uint16_t *families = flow_page_col(p, FC_families);
    unsigned shift = flow_family_shift(c);

    if (v4 == NULL || col == NULL || families == NULL || (nv6 > 0 && v6 == NULL) ||
        !keys_room(b, (size_t)nv4 + nv6 + 1))
        return false;
    b->keys[0] = 0;
    for (uint32_t i = 0; i < nv4; i++)
        b->keys[1 + i] = v4_key(f, b->f, v4[i]);
    for (uint32_t i = 0; i < nv6; i++) {
        struct ip ip = {.family = 6};
        memcpy(ip.b, v6[i], 16);
        b->keys[1 + nv4 + i] = ip_key(f, b->f, ip);
    }
    const uint32_t first[4] = {0, 1, 1 + nv4, 0}, most[4] = {0, nv4, nv6, 0};
    for (uint32_t i = 0; i < p->n; i++) {
        unsigned family = families[i] >> shift & 3;
        b->ids[i] = col[i] < most[family] ? first[family] + col[i] : 0;
    }
    return true;
}

static bool addresses_in_memory(struct fold *f, struct by *b, struct flow_page *p, enum flow_col c)
{
    if (!keys_room(b, p->n))
        return false;
    for (uint32_t i = 0; i < p->n; i++) {
        b->ids[i] = i;
        b->keys[i] = f->fits[i] ? ip_key(f, b->f, flow_page_ip(p, c, i)) : 0;
    }
    return true;
}

static bool exporters(struct fold *f, struct by *b, struct flow_page *p)
{
    const struct flow_exporter *list = flow_page_exporters(p);
    const uint16_t *col = flow_page_col(p, FC_exporter);
    uint32_t n = p->rows != NULL ? p->rows->nexporters : p->head->nexporters;

    if (list == NULL || col == NULL || !keys_room(b, (size_t)n + 1))
        return false;
    b->keys[n] = 0;
    for (uint32_t i = 0; i < n; i++)
        b->keys[i] = b->f->kind == FF_DOMAIN ? list[i].domain : ip_key(f, b->f, list[i].ip);
    for (uint32_t i = 0; i < p->n; i++)
        b->ids[i] = col[i] < n ? col[i] : n;
    return true;
}

#define SMALL(T)                                                                                                       \
    do {                                                                                                               \
        const T *v = col;                                                                                              \
        for (uint32_t i = 0; i < p->n; i++)                                                                            \
            b->ids[i] = v[i];                                                                                          \
    } while (0)

/* Below 2^16 the value is its own small number, above each row is. */
static bool numbers(struct by *b, struct flow_page *p)
{
    enum flow_col c = (enum flow_col)b->f->col;
    unsigned width = flow_columns[c].width;
    const void *col = flow_page_col(p, c);

    if (col == NULL || !keys_room(b, width <= 2 ? (size_t)1 << 8 * width : p->n))
        return false;
    if (width <= 2)
        for (size_t i = 0; i < b->nkeys; i++)
            b->keys[i] = shown(b->f, i);
    if (width == 1) {
        SMALL(uint8_t);
    } else if (width == 2) {
        SMALL(uint16_t);
    } else {
        for (uint32_t i = 0; i < p->n; i++) {
            b->ids[i] = i;
            b->keys[i] = shown(b->f, width == 4 ? ((const uint32_t *)col)[i] : ((const uint64_t *)col)[i]);
        }
    }
    return true;
}

static bool by_load(struct fold *f, struct by *b, struct flow_page *p)
{
    uint64_t v;

    if (b->f->kind == FF_EXPORTER || b->f->kind == FF_DOMAIN)
        return exporters(f, b, p);
    if (flow_columns[b->f->col].kind == FK_ADDRESS)
        return p->rows != NULL ? addresses_in_memory(f, b, p, (enum flow_col)b->f->col)
                               : stored_addresses(f, b, p, (enum flow_col)b->f->col);
    if (!flow_page_constant(p, (enum flow_col)b->f->col, &v))
        return numbers(b, p);
    if (!keys_room(b, 1))
        return false;
    b->keys[0] = shown(b->f, v);
    memset(b->ids, 0, p->n * sizeof(*b->ids));
    return true;
}

/* ---- adding up ---- */

static void add(struct fold *f, const uint64_t *key, uint64_t count, __int128 sum)
{
    struct flow_group *g = flow_groups_at(&f->groups, key, &f->failed);

    if (g == NULL) {
        f->st->ungrouped += count;
        return;
    }
    g->count += count;
    g->sum += sum;
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

/* One field of few values in this block. */
static bool add_small(struct fold *f, uint32_t n)
{
    const struct by *b = &f->by[0];
    const uint32_t *ids = b->ids;

    if (f->nsmall < b->nkeys) {
        free(f->small);
        f->small = malloc(b->nkeys * sizeof(*f->small));
        f->nsmall = f->small != NULL ? b->nkeys : 0;
    }
    if (f->small == NULL)
        return false;
    memset(f->small, 0, b->nkeys * sizeof(*f->small));
    if (f->of == NULL)
        ADD_UP(f->of_constant);
    else if (f->of_width == 8)
        ADD_UP(((const uint64_t *)(const void *)f->of)[i]);
    else
        ADD_UP(of_value(f, i));
    for (size_t k = 0; k < b->nkeys; k++)
        if (f->small[k].count > 0)
            add(f, &b->keys[k], f->small[k].count, (__int128)f->small[k].sum);
    return true;
}

static void add_rows(struct fold *f, uint32_t n)
{
    uint64_t key[QUERY_BY_MAX] = {0};

    for (uint32_t i = 0; i < n; i++) {
        if (!f->fits[i])
            continue;
        for (size_t k = 0; k < f->nby; k++)
            key[k] = f->by[k].keys[f->by[k].ids[i]];
        add(f, key, 1, (__int128)of_value(f, i));
    }
}

static bool of_load(struct fold *f, struct flow_page *p, bool *small)
{
    const struct flow_query_field *of = &flow_query_fields[f->step->of.field];

    f->of = NULL;
    f->of_constant = 0;
    *small = true;
    if (!f->sums)
        return true;
    enum flow_col c = (enum flow_col)of->col;
    f->of_width = flow_columns[c].width;
    if (flow_page_constant(p, c, &f->of_constant)) {
        f->of_constant = f->of_constant > INT64_MAX ? INT64_MAX : f->of_constant;
        *small = f->of_constant >> SMALL_SUM_BITS == 0;
        return true;
    }
    f->of = flow_page_col(p, c);
    *small = f->of_width < 8 || (p->rows == NULL && p->head->sec[c].range.max >> SMALL_SUM_BITS == 0);
    return f->of != NULL;
}

static int page_add(void *ctx, struct flow_page *p)
{
    struct fold *f = ctx;
    bool exact, small;

    if (!flow_filter(p, f->q, f->fits, &exact))
        return p->rc;
    f->st->scanned_blocks++;
    f->st->scanned_events += p->n;
    if (!exact && !flow_rows_match(p, f->q, f->fits))
        return p->rc;
    uint64_t hits = flow_fitting(f->fits, p->n);
    if (hits == 0)
        return 0;
    bool ok = of_load(f, p, &small);
    for (size_t k = 0; k < f->nby && ok; k++)
        ok = by_load(f, &f->by[k], p);
    if (ok && f->nby == 1 && small && f->by[0].nkeys <= p->n)
        ok = add_small(f, p->n);
    else if (ok)
        add_rows(f, p->n);
    if (!ok)
        return p->rc < 0 ? p->rc : -ENOMEM;
    f->st->hits += hits;
    return f->failed ? -ENOMEM : 0;
}

/* ---- the way in ---- */

static bool fold_init(struct fold *f)
{
    f->nby = f->step->nby;
    f->fits = malloc(FLOW_BLOCK_ROWS);
    bool ok = f->fits != NULL && flow_groups_init(&f->groups, f->nby > 0 ? f->nby : 1);
    for (size_t k = 0; k < f->nby; k++) {
        f->by[k].f = &flow_query_fields[f->step->by[k].field];
        f->by[k].ids = malloc(sizeof(uint32_t) * FLOW_BLOCK_ROWS);
        ok = ok && f->by[k].ids != NULL;
    }
    return ok;
}

static void fold_done(struct fold *f)
{
    for (size_t k = 0; k < QUERY_BY_MAX; k++) {
        free(f->by[k].ids);
        free(f->by[k].keys);
    }
    flow_groups_done(&f->groups);
    flow_v6_seen_done(&f->v6);
    free(f->small);
    free(f->fits);
}

int flow_fold(void *ctx, const struct query *q, const struct search_opts *o, uint64_t want, source_group_fn *fn,
              void *fn_ctx, struct search_stats *st, struct err *e)
{
    struct flow_scan_stats fst = {0};
    struct flow_scan_opts fo = flow_scan_opts_of(q, o);
    struct fold f = {.q = q, .step = q->steps, .st = st};

    if (q->nsteps == 0 || fo.before_seq != 0 || !step_fits(q->steps))
        return 1;
    f.sums = q->steps->kind == SK_AGGREGATE || (q->steps->kind == SK_TOP && q->steps->fold == SF_SUM);
    int rc = fold_init(&f) ? 0 : ERR(e, -ENOMEM, "journal.no_memory");
    if (rc == 0)
        rc = flow_store_scan(ctx, &fo, page_add, &f, &fst, e);
    st->skipped_blocks += fst.skipped;
    st->bad_blocks += fst.bad_blocks;
    if ((rc == 0 || rc == -ETIME || rc == -ECANCELED) && !flow_fold_give(&f, want, fn, fn_ctx))
        rc = ERR(e, -ENOMEM, "journal.no_memory");
    fold_done(&f);
    return rc;
}
