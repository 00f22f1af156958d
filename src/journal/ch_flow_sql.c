/* What is asked of flows, as SQL: conditions, rows and groups. What columns of the
 * store answer (flow_filter.c) is asked over there, and who exported too. */
#include "journal/ch_flow-int.h"
#include "journal/query-int.h"
#include <errno.h>

/* ---- conditions ---- */

static void number_sql(struct ch_walk *w, const struct query_node *n, const char *column, bool denied)
{
    uint64_t lo, hi;

    if ((n->test != QT_EQUAL && n->test != QT_NUMBER) || (n->lo.set && !n->lo.whole) || (n->hi.set && !n->hi.whole))
        ch_unsaid(w, denied);
    else if (!flow_bounds(n, &lo, &hi))
        buf_z(w->sql, "0");
    else
        buf_fmt(w->sql, "(`%s` >= %llu AND `%s` <= %llu)", column, (unsigned long long)lo, column,
                (unsigned long long)hi);
}

static void address_sql(struct ch_walk *w, const struct query_node *n, unsigned c, bool denied)
{
    if (n->test != QT_NET) {
        ch_unsaid(w, denied);
        return;
    }
    buf_fmt(w->sql, "(bitAnd(families, %u) = %u AND ", 3u << flow_family_shift(c),
            (n->net.ip.family == 4 ? 1u * FAM_4 : 1u * FAM_6) << flow_family_shift(c));
    ch_net(w, flow_columns[c].name, &n->net);
    buf_byte(w->sql, ')');
}

static void exporter_sql(struct ch_walk *w, const struct query_node *n, bool denied)
{
    if (n->test != QT_NET) {
        ch_unsaid(w, denied);
        return;
    }
    buf_fmt(w->sql, "(exporter_family = %u AND ", n->net.ip.family);
    ch_net(w, "exporter", &n->net);
    buf_byte(w->sql, ')');
}

static void relay_sql(struct ch_walk *w, const struct query_node *n, bool denied)
{
    if (n->test != QT_LIKE)
        ch_unsaid(w, denied);
    else if (n->pat.n == 0) /* who has none has no empty one */
        buf_z(w->sql, "0");
    else
        ch_text(w, "relay", &n->pat, denied);
}

static void flow_leaf(struct ch_walk *w, const struct query_node *n, bool denied)
{
    const struct flow_query_field *f =
        n->kind == QN_VALUE && n->ref.kind == QR_FIELD ? &flow_query_fields[n->ref.field] : NULL;
    int proto = f != NULL && f->kind == FF_PROTO && n->test == QT_LIKE ? flow_proto_number(&n->pat) : -1;

    if (proto >= 0)
        buf_fmt(w->sql, "proto = %d", proto);
    else if (f != NULL && f->kind == FF_RELAY)
        relay_sql(w, n, denied);
    else if (f != NULL && f->kind == FF_DOMAIN)
        number_sql(w, n, "domain", denied);
    else if (f != NULL && f->kind == FF_EXPORTER)
        exporter_sql(w, n, denied);
    else if (f != NULL && f->kind == FF_COLUMNS && flow_columns[f->col].kind == FK_ADDRESS)
        address_sql(w, n, f->col, denied);
    else if (f != NULL && f->kind == FF_COLUMNS && flow_columns[f->col].kind == FK_NUMBER)
        number_sql(w, n, flow_columns[f->col].name, denied);
    else
        ch_unsaid(w, denied);
}

int ch_flow_where(const struct query *q, struct buf *sql, bool *exact)
{
    struct ch_walk w = {.sql = sql, .leaf = flow_leaf};
    int rc = ch_walk(&w, q, "at");

    *exact = w.exact;
    return rc;
}

/* ---- rows ---- */

struct flows {
    struct ch_flow flow;
    struct flow_place at;
    struct source_row row;
    source_row_fn *fn;
    void *ctx;
};

static bool flow_read(void *ctx, rd *r, uint64_t seq)
{
    struct flows *s = ctx;

    s->row.seq = seq;
    if (!ch_flow_read(&s->flow, r))
        return false;
    s->at.relay = str_c(s->flow.relay);
    return true;
}

static bool flow_match(void *ctx, const struct query *q) { return query_row_match(q, &((struct flows *)ctx)->row); }

static bool flow_give(void *ctx)
{
    struct flows *s = ctx;

    return s->fn(s->ctx, &s->row);
}

int ch_flow_rows(struct ch *c, const struct query *q, const struct search_opts *o, source_row_fn *fn, void *ctx,
                 struct search_stats *st, struct err *e)
{
    struct flows s = {.row = {.source = q->source}, .fn = fn, .ctx = ctx};
    const struct ch_rows_of of = {ch_flow_names, ch_flow_where, flow_read, flow_match, flow_give, &s};
    struct search_opts all = o != NULL ? *o : (struct search_opts){0};
    struct query flows = *q; /* a limit among the steps is theirs */

    ch_flow_begin(&s.flow);
    s.at = (struct flow_place){.page = &s.flow.page};
    s.row.data = &s.at;
    all.limit = UINT64_MAX;
    flows.limit = 0;
    return ch_pages(c, &flows, &all, &of, st, e);
}

/* ---- groups ---- */

static bool is_address(const struct flow_query_field *f)
{
    return f->kind == FF_EXPORTER || (f->kind == FF_COLUMNS && flow_columns[f->col].kind == FK_ADDRESS);
}

static bool groups_fit(const struct query_step *s)
{
    if (!flow_step_fits(s) || (s->kind != SK_COUNT && (s->fold == SF_P50 || s->fold == SF_P99)))
        return false;
    for (size_t i = 0; i < s->nby; i++)
        if (flow_field_is_net(&flow_query_fields[s->by[i].field]))
            return false;
    return true;
}

static void key_sql(struct buf *sql, unsigned field, size_t i)
{
    const struct flow_query_field *f = &flow_query_fields[field];

    if (f->kind == FF_RELAY) {
        buf_fmt(sql, ", relay AS k%zu", i);
    } else if (f->kind == FF_EXPORTER) {
        buf_fmt(sql, ", exporter_family AS f%zu, exporter AS k%zu", i, i);
    } else if (is_address(f)) {
        buf_fmt(sql, ", toUInt8(bitAnd(bitShiftRight(families, %u), 3)) AS f%zu, `%s` AS k%zu",
                flow_family_shift(f->col), i, flow_columns[f->col].name, i);
    } else {
        buf_z(sql, ", ");
        ch_flow_number(sql, f);
        buf_fmt(sql, " AS k%zu", i);
    }
}

static void group_sql(struct buf *sql, unsigned field, size_t i)
{
    if (is_address(&flow_query_fields[field]))
        buf_fmt(sql, "f%zu, ", i);
    buf_fmt(sql, "k%zu", i);
}

static void value_of(unsigned field, rd *r, char scratch[VALUE_SCRATCH], struct source_value *out)
{
    const struct flow_query_field *f = &flow_query_fields[field];
    struct ip ip = {0};

    *out = (struct source_value){0};
    if (f->kind == FF_RELAY) {
        out->text = ch_rd_string(r);
        out->type = out->text.n > 0 ? VT_TEXT : VT_NONE;
        return;
    }
    if (!is_address(f)) {
        flow_value_out(f, rd_u64le(r), scratch, out);
        return;
    }
    uint8_t family = rd_u8(r);
    str b = rd_bytes(r, 16);
    if (r->bad)
        return;
    if (f->kind == FF_EXPORTER)
        ip.family = family;
    else
        ip.family = family == FAM_4 ? 4 : family == FAM_6 ? 6 : 0;
    memcpy(ip.b, b.p, 16);
    flow_value_ip(ip, out);
}

static bool of_time(const struct query_step *s) { return flow_query_fields[s->of.field].kind == FF_AT; }

/* A sum comes in two halves of 32 bits: over there it would run over at 2^64. */
static void of_sql(struct buf *sql, const struct query_step *s)
{
    const struct flow_query_field *of = &flow_query_fields[s->of.field];
    enum step_fold fold = flow_step_fold(s);
    struct buf v;

    if (fold == SF_COUNT)
        return;
    buf_init(&v, 256);
    if (of_time(s))
        buf_z(&v, "at");
    else
        ch_flow_number(&v, of);
    if (fold == SF_MIN || fold == SF_MAX)
        buf_fmt(sql, ", %s(%.*s) AS a", fold == SF_MIN ? "min" : "max", STR_ARGS(buf_view(&v)));
    else
        buf_fmt(sql, ", sum(bitAnd(%.*s, 4294967295)) AS a, sum(bitShiftRight(%.*s, 32)) AS b", STR_ARGS(buf_view(&v)),
                STR_ARGS(buf_view(&v)));
    sql->failed = sql->failed || v.failed;
    buf_done(&v);
}

static void of_read(const struct query_step *s, rd *r, struct source_value *best, struct source_group *out)
{
    enum step_fold fold = flow_step_fold(s);

    if (fold == SF_COUNT)
        return;
    uint64_t a = rd_u64le(r);
    if (fold == SF_MIN || fold == SF_MAX) {
        out->sum = (int64_t)a;
        *best = (struct source_value){.type = of_time(s) ? VT_TIME : VT_INT, .num = (int64_t)a};
        out->best = best;
        return;
    }
    out->sum = ((__int128)rd_u64le(r) << 32) + a;
}

static const char *order_of(const struct query_step *s)
{
    return flow_step_fold(s) == SF_SUM ? "b * 4294967296.0 + a" : "n";
}

int ch_flow_fold(struct ch *c, const struct query *q, const struct search_opts *o, source_group_fn *fn, void *ctx,
                 struct search_stats *st, struct err *e)
{
    static const struct ch_groups_of of = {.time = "at",
                                           .where = ch_flow_where,
                                           .fits = groups_fit,
                                           .key = key_sql,
                                           .group = group_sql,
                                           .value = value_of,
                                           .of = of_sql,
                                           .of_read = of_read,
                                           .order = order_of};

    return ch_groups(c, q, o, &of, fn, ctx, st, e);
}
