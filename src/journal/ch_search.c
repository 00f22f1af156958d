/* Asking ClickHouse for events, newest first. Rows are handed on as they come. A
 * page is a search of its own over there, with a sort that its LIMIT bounds; so
 * pages grow, and shrink again when a server has no room for one. When a node dies
 * in the middle of an answer, the next one is asked the same, and what was
 * handed on already is passed by: numbers fall. */
#include "journal/ch-int.h"
#include "journal/query-int.h"
#include <errno.h>

enum { ROWS_FIRST = 1000, ROWS_MOST = 512000, ROWS_STEP = 8, DEFAULT_LIMIT = 1000, REST_BYTES = 4 << 20 };

int ch_take(void *buf, str bytes)
{
    struct buf *b = buf;

    buf_str(b, bytes);
    return b->failed ? -EFBIG : 0;
}

void ch_again(void *buf) { buf_clear(buf); }

str ch_rd_string(rd *r) { return rd_bytes(r, rd_varint(r)); }

struct search {
    struct ch *c;
    const struct query *q;
    const struct search_opts *o;
    const struct ch_rows_of *of;
    struct search_stats *st;
    struct ch_call *call;
    struct buf where, sql, rest; /* rest: the part of a row that came last */
    bool exact;
    uint64_t left, rows;
    uint64_t before; /* of what was handed on; UINT64_MAX: nothing was */
    uint64_t last;   /* number of the row that came last in this answer */
    uint64_t got;    /* rows of this answer */
};

/* -EINTR: enough. */
static int row_give(struct search *s, uint64_t seq)
{
    s->before = seq;
    s->call->done = ++s->st->scanned_events;
    if (!s->exact && !s->of->match(s->of->ctx, s->q))
        return 0;
    s->st->hits++;
    s->st->more = --s->left == 0;
    if (s->of->give(s->of->ctx) && !s->st->more)
        return 0;
    s->st->more = true;
    return -EINTR;
}

static int row_came(struct search *s, uint64_t seq)
{
    s->last = seq;
    s->got++;
    return seq < s->before ? row_give(s, seq) : 0;
}

/* What an exception in the middle of an answer leaves behind is text; taken for a
 * row, its number does not fall. */
static int rows_take(void *ctx, str bytes)
{
    struct search *s = ctx;
    int rc = 0;

    buf_str(&s->rest, bytes);
    if (s->rest.failed)
        return -EFBIG;
    rd r = rd_init(s->rest.p, s->rest.n);
    size_t used = 0;
    while (rc == 0 && rd_left(&r) > 0) {
        size_t left = rd_left(&r);
        uint64_t seq = rd_u64le(&r);
        bool good = s->of->read(s->of->ctx, &r, seq);
        if (r.bad)
            break;
        rc = good && seq < s->last ? row_came(s, seq) : -EBADMSG;
        used += rc == -EBADMSG ? 0 : left - rd_left(&r);
    }
    buf_drop(&s->rest, used);
    return rc;
}

static void rows_again(void *ctx)
{
    struct search *s = ctx;

    buf_clear(&s->rest);
    s->last = s->before;
    s->got = 0;
}

/* 1: the page was full, go on; 0: that was all. */
static int page_run(struct search *s, uint64_t rows, struct err *e)
{
    struct ch_call call = {.take = rows_take, .ctx = s, .o = s->o, .done = s->st->scanned_events};

    s->call = &call;
    buf_clear(&s->sql);
    rows_again(s);
    buf_z(&s->sql, "SELECT seq, ");
    s->of->columns(&s->sql);
    buf_fmt(&s->sql, " FROM %s WHERE ", ch_table(s->c));
    if (s->before != UINT64_MAX)
        buf_fmt(&s->sql, "seq < %llu AND ", (unsigned long long)s->before);
    buf_str(&s->sql, buf_view(&s->where));
    buf_fmt(&s->sql, " ORDER BY seq DESC LIMIT %llu FORMAT RowBinary", (unsigned long long)rows);
    buf_byte(&s->sql, 0);
    if (s->sql.failed)
        return ERR(e, -ENOMEM, "journal.no_memory");
    call.sql = s->sql.p;
    int rc = ch_any(s->c, &call, rows_again, e);
    if (rc == -EINTR)
        return 0;
    if (rc == 0 && s->rest.n > 0)
        rc = ERR(e, -EBADMSG, "journal.ch_answer", call.node->url);
    if (rc == -EBADMSG && str_starts(buf_view(&s->rest), STR("Code: ")))
        rc = ch_said(call.node, buf_view(&s->rest), e);
    return rc < 0 ? rc : s->got == rows;
}

static int pages_run(struct search *s, struct err *e)
{
    uint64_t most = ROWS_MOST;
    int rc = 1;

    while (rc == 1) {
        uint64_t rows = s->exact && s->left < s->rows ? s->left : s->rows;
        rc = page_run(s, rows, e);
        if (rc == -EHOSTUNREACH && s->rows > ROWS_FIRST) { /* perhaps no room for its sort: once more, in small pages */
            most = s->rows = ROWS_FIRST;
            rc = 1;
        } else if (s->rows < most) {
            s->rows *= ROWS_STEP;
        }
    }
    return rc;
}

static uint64_t limit_of(const struct query *q, const struct search_opts *o)
{
    uint64_t limit = o != NULL && o->limit != 0 ? o->limit : q->limit != 0 ? q->limit : DEFAULT_LIMIT;
    return q->limit != 0 && q->limit < limit ? q->limit : limit;
}

int ch_pages(struct ch *c, const struct query *q, const struct search_opts *o, const struct ch_rows_of *of,
             struct search_stats *st, struct err *e)
{
    struct search_stats own = {0};
    struct search s = {.c = c, .q = q, .o = o, .of = of, .st = &own, .rows = ROWS_FIRST};

    s.before = o != NULL && o->before_seq != 0 ? o->before_seq : UINT64_MAX;
    s.left = limit_of(q, o);
    buf_init(&s.where, CH_SQL_BYTES);
    buf_init(&s.sql, 2 * CH_SQL_BYTES);
    buf_init(&s.rest, REST_BYTES);
    int rc = of->where(q, &s.where, &s.exact) < 0 ? ERR(e, -ENOMEM, "journal.no_memory") : pages_run(&s, e);
    if (rc == -ETIME || rc == -ECANCELED)
        own.more = true;
    if (st != NULL)
        *st = own;
    buf_done(&s.where);
    buf_done(&s.sql);
    buf_done(&s.rest);
    return rc;
}

/* ---- events ---- */

struct events {
    struct hit hit;
    char relay[CH_RELAY_MAX + 1];
    hit_fn *fn;
    void *ctx;
};

static void event_columns(struct buf *sql)
{
    buf_z(sql, "relay, received, event, transport, format, facility, severity, flags, source_port, family, source, "
               "spans, raw");
}

static bool event_read(void *ctx, rd *r, uint64_t seq)
{
    struct events *of = ctx;
    struct event *ev = &of->hit.ev;

    of->hit = (struct hit){.seq = seq};
    str by = ch_rd_string(r);
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
    ev->raw = ch_rd_string(r);
    if (r->bad || by.n > CH_RELAY_MAX)
        return false;
    snprintf(of->relay, sizeof(of->relay), "%.*s", STR_ARGS(by));
    ev->relay = str_c(of->relay);
    memcpy(ev->source.b, ip.p, sizeof(ev->source.b));
    rd s = rd_init(spans.p, spans.n);
    for (int i = 0; i < SP_COUNT; i++) {
        ev->span[i] = (struct span){rd_u32le(&s), rd_u32le(&s)};
        if (ev->span[i].off > ev->raw.n || ev->span[i].len > ev->raw.n - ev->span[i].off)
            return false;
    }
    return true;
}

static bool event_match(void *ctx, const struct query *q) { return query_match(q, &((struct events *)ctx)->hit.ev); }

static bool event_give(void *ctx)
{
    struct events *of = ctx;

    return of->fn(of->ctx, &of->hit);
}

int ch_search(struct ch *c, const struct query *q, const struct search_opts *o, hit_fn *fn, void *ctx,
              struct search_stats *st, struct err *e)
{
    struct events events = {.fn = fn, .ctx = ctx};
    const struct ch_rows_of of = {event_columns, ch_where, event_read, event_match, event_give, &events};

    return ch_pages(c, q, o, &of, st, e);
}

int ch_rows(struct ch *c, const struct query *q, const struct search_opts *o, source_row_fn *fn, void *ctx,
            struct search_stats *st, struct err *e)
{
    struct search_opts all = o != NULL ? *o : (struct search_opts){0};
    struct query lines = *q; /* a limit among the steps is theirs */
    struct source_hand hand = {fn, ctx};

    all.limit = UINT64_MAX;
    lines.limit = 0;
    return ch_search(c, &lines, &all, source_hand_hit, &hand, st, e);
}
