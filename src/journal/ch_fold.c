/* Groups that ClickHouse makes; and those of lines, by their own fields. */
#include "journal/ch-int.h"
#include "journal/pipe.h"
#include "journal/query-int.h"
#include <errno.h>

enum { GROUPS_MOST = PIPE_GROUPS_MAX + 1 };

struct folding {
    struct ch *c;
    const struct ch_groups_of *of;
    const struct query_step *step;
    struct ch_call call;
    struct buf where, sql, page;
};

static void groups_sql(struct folding *f)
{
    static const long long zone_ns = 7LL * 3600 * NS_PER_S; /* whole days begin at local midnight */
    const struct query_step *s = f->step;
    struct buf *sql = &f->sql;
    bool time = s->kind == SK_HISTOGRAM;

    buf_z(sql, "SELECT count() AS n");
    if (time)
        buf_fmt(sql, ", toInt64(%s - ((%s + %lld) %% %lld + %lld) %% %lld) AS t", f->of->time, f->of->time, zone_ns,
                (long long)s->step_ns, (long long)s->step_ns, (long long)s->step_ns);
    for (size_t i = 0; i < s->nby; i++)
        f->of->key(sql, s->by[i].field, i);
    if (f->of->of != NULL)
        f->of->of(sql, s);
    buf_fmt(sql, " FROM %s WHERE ", ch_table(f->c));
    buf_str(sql, buf_view(&f->where));
    if (time || s->nby > 0)
        buf_z(sql, time ? " GROUP BY t" : " GROUP BY ");
    for (size_t i = 0; i < s->nby; i++) {
        buf_z(sql, time || i > 0 ? ", " : "");
        f->of->group(sql, s->by[i].field, i);
    }
    buf_fmt(sql, " ORDER BY %s DESC LIMIT %d FORMAT RowBinary", f->of->order != NULL ? f->of->order(s) : "n",
            GROUPS_MOST);
    buf_byte(sql, 0);
}

/* 1: there are more groups than came. */
static int groups_give(struct folding *f, source_group_fn *fn, void *ctx, uint64_t *rows, struct err *e)
{
    const struct query_step *s = f->step;
    struct source_value by[QUERY_BY_MAX + 1], best;
    char scratch[QUERY_BY_MAX + 1][VALUE_SCRATCH];
    rd r = rd_init(f->page.p, f->page.n);
    int n;

    for (n = 0; rd_left(&r) > 0; n++) {
        struct source_group g = {.by = by, .count = rd_u64le(&r)};
        size_t k = 0;
        if (s->kind == SK_HISTOGRAM)
            by[k++] = (struct source_value){.type = VT_TIME, .num = (int64_t)rd_u64le(&r)};
        for (size_t i = 0; i < s->nby; i++, k++)
            f->of->value(s->by[i].field, &r, scratch[k], &by[k]);
        if (f->of->of != NULL)
            f->of->of_read(s, &r, &best, &g);
        if (r.bad)
            return ERR(e, -EBADMSG, "journal.ch_answer", "");
        *rows += g.count;
        if (g.count > 0 && !fn(ctx, &g)) /* a count of none is no group */
            return 0;
    }
    return n == GROUPS_MOST;
}

static int ask(struct folding *f, struct err *e)
{
    ch_again(&f->page);
    f->call.sql = f->sql.p;
    return f->sql.failed ? ERR(e, -ENOMEM, "journal.no_memory") : ch_any(f->c, &f->call, ch_again, e);
}

/* All that fit, where groups are missing. */
static int total_ask(struct folding *f, uint64_t *total, struct err *e)
{
    buf_clear(&f->sql);
    buf_fmt(&f->sql, "SELECT count() FROM %s WHERE ", ch_table(f->c));
    buf_str(&f->sql, buf_view(&f->where));
    buf_z(&f->sql, " FORMAT RowBinary");
    buf_byte(&f->sql, 0);
    int rc = ask(f, e);
    if (rc < 0)
        return rc;
    rd r = rd_init(f->page.p, f->page.n);
    *total = rd_u64le(&r);
    return r.bad ? ERR(e, -EBADMSG, "journal.ch_answer", "") : 0;
}

static int fold(struct folding *f, source_group_fn *fn, void *ctx, struct search_stats *st, struct err *e)
{
    uint64_t rows = 0, total = 0;

    groups_sql(f);
    int rc = ask(f, e);
    if (rc == 0)
        rc = groups_give(f, fn, ctx, &rows, e);
    total = rows;
    if (rc == 1)
        rc = total_ask(f, &total, e);
    if (rc == 0) {
        st->hits = total;
        st->ungrouped = total > rows ? total - rows : 0;
    }
    return rc;
}

int ch_groups(struct ch *c, const struct query *q, const struct search_opts *o, const struct ch_groups_of *of,
              source_group_fn *fn, void *ctx, struct search_stats *st, struct err *e)
{
    struct folding f = {.c = c, .of = of, .step = q->steps};
    bool exact = false;

    if (q->nsteps == 0 || !of->fits(q->steps) || (o != NULL && o->before_seq != 0))
        return 1;
    buf_init(&f.where, CH_SQL_BYTES);
    buf_init(&f.sql, 2 * CH_SQL_BYTES);
    buf_init(&f.page, CH_PAGE_BYTES);
    f.call = (struct ch_call){.take = ch_take, .ctx = &f.page, .o = o};
    int rc = of->where(q, &f.where, &exact) < 0 ? ERR(e, -ENOMEM, "journal.no_memory") : exact ? 0 : 1;
    if (rc == 0)
        rc = fold(&f, fn, ctx, st, e);
    buf_done(&f.where);
    buf_done(&f.sql);
    buf_done(&f.page);
    return rc;
}

/* ---- events ---- */

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

/* Is the step one that is counted over there? */
static bool step_fits(const struct query_step *s)
{
    if (s->nby > QUERY_BY_MAX)
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

static void group_sql(struct buf *sql, unsigned field, size_t i)
{
    (void)field;
    buf_fmt(sql, "k%zu", i);
}

/* A number comes as a number; its name is the language's. */
static void value_of(unsigned field, rd *r, char scratch[VALUE_SCRATCH], struct source_value *out)
{
    struct event ev = {0};
    str text = ch_rd_string(r);
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

int ch_fold(struct ch *c, const struct query *q, const struct search_opts *o, source_group_fn *fn, void *ctx,
            struct search_stats *st, struct err *e)
{
    static const struct ch_groups_of of = {
        .time = "event", .where = ch_where, .fits = step_fits, .key = key_sql, .group = group_sql, .value = value_of};

    return ch_groups(c, q, o, &of, fn, ctx, st, e);
}
