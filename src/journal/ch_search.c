/* Asking ClickHouse for events, newest first, in pages. Each page is a search of
 * its own over there, so pages grow while their rows are small. */
#include "journal/ch-int.h"
#include "journal/query-int.h"
#include <errno.h>

enum { ROWS_FIRST = 1000, ROWS_MOST = 64000, BYTES_WANTED = CH_PAGE_BYTES / 4, DEFAULT_LIMIT = 1000 };

int ch_take(void *buf, str bytes)
{
    struct buf *b = buf;

    buf_str(b, bytes);
    return b->failed ? -EFBIG : 0;
}

void ch_again(void *buf) { buf_clear(buf); }

str ch_rd_string(rd *r) { return rd_bytes(r, rd_varint(r)); }

#define HIT_COLUMNS                                                                                                    \
    "seq, received, event, transport, format, facility, severity, flags, source_port, family, source, spans, raw"

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
    ev->raw = ch_rd_string(r);
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
    struct buf where, sql, page;
    bool exact;
    uint64_t before, left, rows, done;
};

static int page_ask(struct search *s, uint64_t rows, struct err *e)
{
    struct ch_call call = {.take = ch_take, .ctx = &s->page, .o = s->o, .done = s->done};

    buf_clear(&s->sql);
    ch_again(&s->page);
    buf_fmt(&s->sql, "SELECT " HIT_COLUMNS " FROM %s WHERE ", ch_table(s->c));
    if (s->before != 0)
        buf_fmt(&s->sql, "seq < %llu AND ", (unsigned long long)s->before);
    buf_str(&s->sql, buf_view(&s->where));
    buf_fmt(&s->sql, " ORDER BY seq DESC LIMIT %llu FORMAT RowBinary", (unsigned long long)rows);
    buf_byte(&s->sql, 0);
    if (s->sql.failed)
        return ERR(e, -ENOMEM, "journal.no_memory");
    call.sql = s->sql.p;
    return ch_any(s->c, &call, ch_again, e);
}

/* 1: the page was full, go on. */
static int page_give(struct search *s, uint64_t rows, hit_fn *fn, void *ctx, struct search_stats *st, struct err *e)
{
    rd r = rd_init(s->page.p, s->page.n);
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
    struct search s = {.c = c, .q = q, .o = o, .before = o != NULL ? o->before_seq : 0, .rows = ROWS_FIRST};
    int rc = 1;

    s.left = o != NULL && o->limit != 0 ? o->limit : q->limit != 0 ? q->limit : DEFAULT_LIMIT;
    buf_init(&s.where, CH_SQL_BYTES);
    buf_init(&s.sql, 2 * CH_SQL_BYTES);
    buf_init(&s.page, CH_PAGE_BYTES);
    if (ch_where(q, &s.where, &s.exact) < 0)
        rc = ERR(e, -ENOMEM, "journal.no_memory");
    while (rc == 1) {
        uint64_t rows = s.exact && s.left < s.rows ? s.left : s.rows;
        rc = page_ask(&s, rows, e);
        if (rc == -EFBIG && s.rows > ROWS_FIRST) { /* the rows have become longer */
            s.rows = ROWS_FIRST;
            rc = 1;
            continue;
        }
        if (rc == 0)
            rc = page_give(&s, rows, fn, ctx, &own, e);
        s.done = own.scanned_events;
        if (s.rows < ROWS_MOST && s.page.n < BYTES_WANTED / 4)
            s.rows *= 4;
    }
    if (rc == -ETIME || rc == -ECANCELED)
        own.more = true;
    if (st != NULL)
        *st = own;
    buf_done(&s.where);
    buf_done(&s.sql);
    buf_done(&s.page);
    return rc;
}

int ch_rows(struct ch *c, const struct query *q, const struct search_opts *o, source_row_fn *fn, void *ctx,
            struct search_stats *st, struct err *e)
{
    struct search_opts all = o != NULL ? *o : (struct search_opts){0};
    struct source_hand hand = {fn, ctx};

    all.limit = UINT64_MAX; /* a limit among the steps is theirs */
    return ch_search(c, q, &all, source_hand_hit, &hand, st, e);
}
