/* Asking ClickHouse: pages of events, newest first, and counts. A page is
 * taken whole before any of it is handed on, so that a node that dies in the
 * middle of an answer costs a repetition and not a wrong result. */
#include "journal/ch-int.h"
#include "journal/query-int.h"
#include <errno.h>

enum { PAGE_ROWS = 1000, PAGE_BYTES = 128 << 20, SQL_BYTES = 1 << 20, DEFAULT_LIMIT = 1000, GROUPS_MOST = 10000 };

struct answer {
    struct buf b;
};

static int answer_take(void *ctx, str bytes)
{
    struct answer *a = ctx;

    buf_str(&a->b, bytes);
    return a->b.failed ? -EFBIG : 0;
}

static void answer_again(void *ctx) { buf_clear(&((struct answer *)ctx)->b); }

/* ---- rows ---- */

#define HIT_COLUMNS                                                                                                    \
    "seq, received, event, transport, format, facility, severity, flags, source_port, family, source, spans, raw"

static str rd_string(rd *r) { return rd_bytes(r, rd_varint(r)); }

static bool hit_read(rd *r, struct hit *h)
{
    struct event *ev = &h->ev;

    *h = (struct hit){.seq = rd_u64le(r)};
    ev->received_ns = (int64_t)rd_u64le(r);
    ev->event_ns = (int64_t)rd_u64le(r);
    ev->transport = rd_u8(r);
    ev->format = rd_u8(r);
    ev->facility = rd_u8(r);
    ev->severity = rd_u8(r);
    ev->flags = rd_u16le(r);
    ev->source_port = rd_u16le(r);
    ev->source.family = rd_u8(r);
    str ip = rd_bytes(r, sizeof(ev->source.b)), spans = rd_bytes(r, 8 * SP_COUNT);
    ev->raw = rd_string(r);
    if (r->bad)
        return false;
    memcpy(ev->source.b, ip.p, sizeof(ev->source.b));
    rd s = rd_init(spans.p, spans.n);
    for (int i = 0; i < SP_COUNT; i++) {
        ev->span[i] = (struct span){rd_u32le(&s), rd_u32le(&s)};
        if (ev->span[i].off > ev->raw.n || ev->span[i].len > ev->raw.n - ev->span[i].off)
            return false;
    }
    return true;
}

struct search {
    struct ch *c;
    const struct query *q;
    const struct search_opts *o;
    struct buf where, sql;
    struct answer page;
    bool exact;
    uint64_t before, left;
};

static int page_ask(struct search *s, uint64_t rows, struct err *e)
{
    struct ch_call call = {.take = answer_take,
                           .ctx = &s->page,
                           .deadline_mono_ns = s->o != NULL ? s->o->deadline_mono_ns : 0,
                           .cancel = s->o != NULL ? s->o->cancel : NULL};

    buf_clear(&s->sql);
    buf_clear(&s->page.b);
    buf_fmt(&s->sql, "SELECT " HIT_COLUMNS " FROM %s WHERE ", ch_table(s->c));
    if (s->before != 0)
        buf_fmt(&s->sql, "seq < %llu AND ", (unsigned long long)s->before);
    buf_str(&s->sql, buf_view(&s->where));
    buf_fmt(&s->sql, " ORDER BY seq DESC LIMIT %llu FORMAT RowBinary", (unsigned long long)rows);
    buf_byte(&s->sql, 0);
    if (s->sql.failed)
        return ERR(e, -ENOMEM, "journal.no_memory");
    call.sql = s->sql.p;
    return ch_any(s->c, &call, answer_again, e);
}

/* 1: the page was full, go on. */
static int page_give(struct search *s, uint64_t rows, hit_fn *fn, void *ctx, struct search_stats *st, struct err *e)
{
    rd r = rd_init(s->page.b.p, s->page.b.n);
    uint64_t got = 0;
    struct hit h;

    while (rd_left(&r) > 0) {
        if (!hit_read(&r, &h))
            return ERR(e, -EBADMSG, "journal.ch_answer", "");
        got++;
        s->before = h.seq;
        st->scanned_events++;
        if (!s->exact && !query_match(s->q, &h.ev))
            continue;
        st->hits++;
        st->more = --s->left == 0;
        if (!fn(ctx, &h)) {
            st->more = true;
            return 0;
        }
        if (st->more)
            return 0;
    }
    return got == rows && s->before != 0;
}

int ch_search(struct ch *c, const struct query *q, const struct search_opts *o, hit_fn *fn, void *ctx,
              struct search_stats *st, struct err *e)
{
    struct search_stats own = {0};
    struct search s = {.c = c, .q = q, .o = o, .before = o != NULL ? o->before_seq : 0};
    int rc = 1;

    s.left = o != NULL && o->limit != 0 ? o->limit : q->limit != 0 ? q->limit : DEFAULT_LIMIT;
    buf_init(&s.where, SQL_BYTES);
    buf_init(&s.sql, 2 * SQL_BYTES);
    buf_init(&s.page.b, PAGE_BYTES);
    if (ch_where(q, &s.where, &s.exact) < 0)
        rc = ERR(e, -ENOMEM, "journal.no_memory");
    while (rc == 1) {
        uint64_t rows = s.exact && s.left < PAGE_ROWS ? s.left : PAGE_ROWS;
        rc = page_ask(&s, rows, e);
        if (rc == 0)
            rc = page_give(&s, rows, fn, ctx, &own, e);
    }
    if (rc == -ETIME || rc == -ECANCELED)
        own.more = true;
    if (st != NULL)
        *st = own;
    buf_done(&s.where);
    buf_done(&s.sql);
    buf_done(&s.page.b);
    return rc;
}

/* ---- counts ---- */

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
};

/* Numbers come as numbers; their names are the language's. */
static str name_of(struct arena *a, enum query_field f, str text)
{
    struct event ev = {0};
    char scratch[64];
    uint64_t v;

    if (query_field_names(f).n == 0 || !str_u64(text, &v))
        return arena_str(a, text);
    ev.severity = ev.facility = ev.transport = ev.format = (uint8_t)v;
    ev.flags = (uint16_t)v;
    return arena_str(a, query_field_text(&ev, f, scratch));
}

static void count_sql(struct ch *c, const struct query *q, const struct buf *where, uint64_t limit, struct buf *sql)
{
    static const long long zone_ns = 7LL * 3600 * NS_PER_S;

    buf_z(sql, "SELECT count() AS n");
    if (q->pipe == QP_HISTOGRAM)
        buf_fmt(sql, ", toInt64(event - ((event + %lld) %% %lld + %lld) %% %lld) AS k0", zone_ns, (long long)q->step_ns,
                (long long)q->step_ns, (long long)q->step_ns);
    for (size_t i = 0; i < q->nby; i++) {
        size_t names = query_field_names(q->by[i]).n;
        const char *col = group_of[q->by[i]];
        if (names > 0 && q->by[i] != QF_FLAGS) /* a number without a name has the empty text */
            buf_fmt(sql, ", if(%s < %zu, toString(%s), '') AS k%zu", col, names, col, i);
        else
            buf_fmt(sql, ", %s AS k%zu", col, i);
    }
    buf_fmt(sql, " FROM %s WHERE ", ch_table(c));
    buf_str(sql, buf_view(where));
    size_t keys = q->pipe == QP_HISTOGRAM ? 1 : q->nby;
    for (size_t i = 0; i < keys; i++)
        buf_fmt(sql, "%s k%zu", i == 0 ? " GROUP BY" : ",", i);
    buf_fmt(sql, " ORDER BY %s", q->pipe == QP_HISTOGRAM ? "k0" : "n DESC");
    for (size_t i = 0; i < q->nby; i++)
        buf_fmt(sql, ", k%zu", i);
    buf_fmt(sql, " LIMIT %llu FORMAT RowBinary", (unsigned long long)limit);
    buf_byte(sql, 0);
}

/* All that fits, of which the groups may be a part. */
static int total_ask(struct ch *c, const struct buf *where, struct ch_call *call, struct buf *sql, uint64_t *total,
                     struct err *e)
{
    struct answer *page = call->ctx;

    buf_clear(sql);
    answer_again(page);
    buf_fmt(sql, "SELECT count() FROM %s WHERE ", ch_table(c));
    buf_str(sql, buf_view(where));
    buf_z(sql, " FORMAT RowBinary");
    buf_byte(sql, 0);
    call->sql = sql->p;
    int rc = sql->failed ? ERR(e, -ENOMEM, "journal.no_memory") : ch_any(c, call, answer_again, e);
    rd r = rd_init(page->b.p, page->b.n);
    *total = rd_u64le(&r);
    return rc < 0 ? rc : r.bad ? ERR(e, -EBADMSG, "journal.ch_answer", "") : 0;
}

static int groups_read(struct arena *a, const struct query *q, str bytes, struct agg *out, struct err *e)
{
    rd r = rd_init(bytes.p, bytes.n);
    struct agg g = {.rows = arena_array(a, struct agg_row, GROUPS_MOST)};
    char t[40];

    if (g.rows == NULL)
        return ERR(e, -ENOMEM, "journal.no_memory");
    while (rd_left(&r) > 0 && g.n < GROUPS_MOST) {
        struct agg_row *row = &g.rows[g.n];
        row->count = rd_u64le(&r);
        row->nkeys = q->pipe == QP_HISTOGRAM ? 1 : q->nby;
        if (q->pipe == QP_HISTOGRAM)
            row->keys[0] = arena_str(a, (str){t, time_fmt((int64_t)rd_u64le(&r), 0, t, sizeof(t))});
        for (size_t i = 0; i < q->nby; i++)
            row->keys[i] = name_of(a, q->by[i], rd_string(&r));
        if (r.bad)
            return ERR(e, -EBADMSG, "journal.ch_answer", "");
        g.total += row->count;
        g.n += row->nkeys > 0;
    }
    *out = g;
    return a->failed ? ERR(e, -ENOMEM, "journal.no_memory") : 0;
}

int ch_aggregate(struct ch *c, struct arena *a, const struct query *q, const struct search_opts *o, struct agg *out,
                 struct search_stats *st, struct err *e)
{
    uint64_t limit = o != NULL && o->limit != 0 ? o->limit : q->limit;
    struct buf where, sql;
    struct answer page;
    bool exact = false;

    buf_init(&where, SQL_BYTES);
    buf_init(&sql, 2 * SQL_BYTES);
    buf_init(&page.b, PAGE_BYTES);
    int rc = ch_where(q, &where, &exact) < 0 ? ERR(e, -ENOMEM, "journal.no_memory") : 0;
    if (rc == 0 && (!exact || q->pipe == QP_NONE))
        rc = ERR(e, -EOPNOTSUPP, "journal.ch_not_exact");
    if (rc == 0) {
        count_sql(c, q, &where, limit != 0 && limit < GROUPS_MOST ? limit : GROUPS_MOST, &sql);
        struct ch_call call = {.sql = sql.p,
                               .take = answer_take,
                               .ctx = &page,
                               .deadline_mono_ns = o != NULL ? o->deadline_mono_ns : 0,
                               .cancel = o != NULL ? o->cancel : NULL};
        rc = sql.failed ? ERR(e, -ENOMEM, "journal.no_memory") : ch_any(c, &call, answer_again, e);
        if (rc == 0)
            rc = groups_read(a, q, buf_view(&page.b), out, e);
        if (rc == 0 && out->n > 0) {
            uint64_t counted = out->total;
            rc = total_ask(c, &where, &call, &sql, &out->total, e);
            out->other = out->total > counted ? out->total - counted : 0;
        }
    }
    if (rc == 0 && st != NULL)
        *st = (struct search_stats){.hits = out->total};
    buf_done(&where);
    buf_done(&sql);
    buf_done(&page.b);
    return rc;
}
