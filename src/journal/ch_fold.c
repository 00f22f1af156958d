/* Counts that ClickHouse makes: groups by the lines' own fields. */
#include "journal/ch-int.h"
#include "journal/pipe.h"
#include "journal/query-int.h"
#include <errno.h>

enum { GROUPS_MOST = PIPE_GROUPS_MAX + 1 };

/* The column that groups as the language does, by the field's own text. */
static const char *const group_of[QF_COUNT] = {
    [QF_SOURCE] = "source_text",
    [QF_HOST] = "host",
    [QF_PROGRAM] = "program",
    [QF_PID] = "pid",
    [QF_MSGID] = "msgid",
    [QF_SEVERITY] = "severity",
    [QF_FACILITY] = "facility",
    [QF_TRANSPORT] = "transport",
    [QF_FORMAT] = "format",
    [QF_FLAGS] = "toString(flags)",
    [QF_MSG] = "substring(raw, msg_off + 1, msg_len)",
    [QF_RAW] = "raw",
    [QF_RELAY] = "relay",
};

/* Is the first step one that is counted over there? */
static bool can_fold(const struct query *q)
{
    const struct query_step *s = &q->steps[0];

    if (q->nsteps == 0 || s->nby > QUERY_BY_MAX)
        return false;
    if (s->kind != SK_COUNT && (s->kind != SK_HISTOGRAM || s->fold != SF_COUNT) &&
        (s->kind != SK_TOP || s->nby == 0 || s->fold != SF_COUNT))
        return false;
    for (size_t i = 0; i < s->nby; i++)
        if (s->by[i].kind != QR_FIELD || s->by[i].field >= QF_COUNT)
            return false;
    return true;
}

static void key_sql(struct buf *sql, unsigned field, size_t i)
{
    size_t names = query_field_names((enum query_field)field).n;
    const char *col = group_of[field];

    if (names > 0 && field != QF_FLAGS) /* a number without a name has the empty text */
        buf_fmt(sql, ", if(%s < %zu, toString(%s), '') AS k%zu", col, names, col, i);
    else
        buf_fmt(sql, ", %s AS k%zu", col, i);
}

static void count_sql(struct ch *c, const struct query_step *s, const struct buf *where, struct buf *sql)
{
    static const long long zone_ns = 7LL * 3600 * NS_PER_S; /* whole days begin at local midnight */
    bool time = s->kind == SK_HISTOGRAM;

    buf_z(sql, "SELECT count() AS n");
    if (time)
        buf_fmt(sql, ", toInt64(event - ((event + %lld) %% %lld + %lld) %% %lld) AS t", zone_ns, (long long)s->step_ns,
                (long long)s->step_ns, (long long)s->step_ns);
    for (size_t i = 0; i < s->nby; i++)
        key_sql(sql, s->by[i].field, i);
    buf_fmt(sql, " FROM %s WHERE ", ch_table(c));
    buf_str(sql, buf_view(where));
    if (time || s->nby > 0)
        buf_z(sql, time ? " GROUP BY t" : " GROUP BY ");
    for (size_t i = 0; i < s->nby; i++)
        buf_fmt(sql, "%sk%zu", time || i > 0 ? ", " : "", i);
    buf_fmt(sql, " ORDER BY n DESC LIMIT %d FORMAT RowBinary", GROUPS_MOST);
    buf_byte(sql, 0);
}

/* A number comes as a number; its name is the language's. */
static void value_of(unsigned field, str text, char scratch[64], struct source_value *out)
{
    struct event ev = {0};
    uint64_t v;

    *out = (struct source_value){.type = VT_TEXT, .text = text};
    if (field == QF_SOURCE && ip_parse(text, &out->ip)) {
        out->type = VT_IP;
        out->text = STR_NONE;
        return;
    }
    if (query_field_names((enum query_field)field).n > 0 && str_u64(text, &v)) {
        ev.severity = ev.facility = ev.transport = ev.format = (uint8_t)v;
        ev.flags = (uint16_t)v;
        out->text = query_field_text(&ev, (enum query_field)field, scratch);
    }
    if (out->text.n == 0)
        *out = (struct source_value){0};
}

/* 1: there are more groups than came. */
static int groups_give(const struct query_step *s, str bytes, source_group_fn *fn, void *ctx, uint64_t *rows,
                       struct err *e)
{
    struct source_value by[QUERY_BY_MAX + 1];
    char scratch[QUERY_BY_MAX + 1][64];
    rd r = rd_init(bytes.p, bytes.n);
    int n;

    for (n = 0; rd_left(&r) > 0; n++) {
        struct source_group g = {.by = by, .count = rd_u64le(&r)};
        size_t k = 0;
        if (s->kind == SK_HISTOGRAM)
            by[k++] = (struct source_value){.type = VT_TIME, .num = (int64_t)rd_u64le(&r)};
        for (size_t i = 0; i < s->nby; i++, k++)
            value_of(s->by[i].field, ch_rd_string(&r), scratch[k], &by[k]);
        if (r.bad)
            return ERR(e, -EBADMSG, "journal.ch_answer", "");
        *rows += g.count;
        if (g.count > 0 && !fn(ctx, &g)) /* a count of none is no group */
            return 0;
    }
    return n == GROUPS_MOST;
}

/* All that fit, where groups are missing. */
static int total_ask(struct ch *c, const struct buf *where, struct ch_call *call, struct buf *sql, uint64_t *total,
                     struct err *e)
{
    struct buf *page = call->ctx;

    buf_clear(sql);
    ch_again(page);
    buf_fmt(sql, "SELECT count() FROM %s WHERE ", ch_table(c));
    buf_str(sql, buf_view(where));
    buf_z(sql, " FORMAT RowBinary");
    buf_byte(sql, 0);
    call->sql = sql->p;
    int rc = sql->failed ? ERR(e, -ENOMEM, "journal.no_memory") : ch_any(c, call, ch_again, e);
    if (rc < 0)
        return rc;
    rd r = rd_init(page->p, page->n);
    *total = rd_u64le(&r);
    return r.bad ? ERR(e, -EBADMSG, "journal.ch_answer", "") : 0;
}

static int fold(struct ch *c, const struct query_step *s, const struct buf *where, struct ch_call *call,
                struct buf *sql, source_group_fn *fn, void *ctx, struct search_stats *st, struct err *e)
{
    struct buf *page = call->ctx;
    uint64_t rows = 0, total = 0;

    count_sql(c, s, where, sql);
    call->sql = sql->p;
    int rc = sql->failed ? ERR(e, -ENOMEM, "journal.no_memory") : ch_any(c, call, ch_again, e);
    if (rc == 0)
        rc = groups_give(s, buf_view(page), fn, ctx, &rows, e);
    total = rows;
    if (rc == 1)
        rc = total_ask(c, where, call, sql, &total, e);
    if (rc == 0) {
        st->hits = total;
        st->ungrouped = total > rows ? total - rows : 0;
    }
    return rc;
}

int ch_fold(struct ch *c, const struct query *q, const struct search_opts *o, source_group_fn *fn, void *ctx,
            struct search_stats *st, struct err *e)
{
    struct buf where, sql, page;
    bool exact = false;

    if (!can_fold(q) || (o != NULL && o->before_seq != 0))
        return 1;
    buf_init(&where, CH_SQL_BYTES);
    buf_init(&sql, 2 * CH_SQL_BYTES);
    buf_init(&page, CH_PAGE_BYTES);
    struct ch_call call = {.take = ch_take, .ctx = &page, .o = o};
    int rc = ch_where(q, &where, &exact) < 0 ? ERR(e, -ENOMEM, "journal.no_memory") : exact ? 0 : 1;
    if (rc == 0)
        rc = fold(c, &q->steps[0], &where, &call, &sql, fn, ctx, st, e);
    buf_done(&where);
    buf_done(&sql);
    buf_done(&page);
    return rc;
}
