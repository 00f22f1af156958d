/* The lines of a query as text, JSON lines or CSV, streamed newest first: a
 * page of hits at a time, so that any size needs one page of memory. Original
 * bytes stay as they came; text has one line feed behind each event. */
#include "api/api-int.h"
#include <errno.h>

enum { PAGE_HITS = 500 };
struct export
{
    struct stream stream;
    struct api *api;
    struct arena a;
    struct query *q;
    char format; /* 't', 'j', 'c' */
    struct buf out;
    size_t sent;
    uint64_t before, left; /* left: events still allowed by "| limit n" */
    bool more, full;
    int fd;
};

static bool export_hit(void *ctx, const struct hit *h)
{
    struct export *x = ctx;

    if (x->format == 'j') {
        event_write(&x->out, h);
        buf_byte(&x->out, '\n');
    } else if (x->format == 'c') {
        event_write_csv(&x->out, h);
    } else {
        buf_str(&x->out, h->ev.raw);
        buf_byte(&x->out, '\n');
    }
    x->before = h->seq;
    x->left--;
    x->full = x->out.n > API_PAGE_BYTES / 4;
    return !x->full && x->left > 0;
}

static bool export_page(struct export *x)
{
    struct search_opts o = {.before_seq = x->before, .limit = x->left < PAGE_HITS ? x->left : PAGE_HITS};
    struct search_stats st = {0};
    struct err e = {0};

    x->full = false;
    int rc = journal_search(x->api->d.journal, x->q, &o, export_hit, x, &st, &e);
    x->more = rc == 0 && (st.more || x->full) && x->left > 0;
    return rc == 0;
}

static ssize_t export_pull(struct stream *s, char *p, size_t max)
{
    struct export *x = (struct export *)s;

    if (x->sent == x->out.n) {
        buf_clear(&x->out);
        x->sent = 0;
        if (!x->more || atomic_load(&x->api->stopping) || !export_page(x) || x->out.failed || x->out.n == 0)
            return -1;
    }
    size_t n = x->out.n - x->sent;
    n = n < max ? n : max;
    memcpy(p, x->out.p + x->sent, n);
    x->sent += n;
    return (ssize_t)n;
}

static void export_free(struct stream *s)
{
    struct export *x = (struct export *)s;
    buf_done(&x->out);
    arena_free(&x->a);
    stream_give(x->api);
    free(x);
}

int export_stream(struct request *rq, str text, str format, struct stream **out, struct err *e)
{
    struct export *x;
    int rc;

    if (!stream_take(rq->api))
        return ERR(e, HTTP_ERR(503), "api.streams_full", err_n(rq->api->cfg.max_streams));
    x = calloc(1, sizeof(*x));
    if (x == NULL) {
        stream_give(rq->api);
        return ERR(e, -ENOMEM, "api.internal");
    }
    *x = (struct export){.stream = {export_pull, export_free},
                         .api = rq->api,
                         .a = arena_init(1 << 20),
                         .format = format.p[0],
                         .more = true,
                         .fd = rq->fd};
    buf_init(&x->out, API_PAGE_BYTES);
    rc = request_log_query(rq, &x->a, text, &x->q, e);
    if (rc == 0 && x->q->pipe != QP_NONE)
        rc = ERR(e, HTTP_ERR(400), "api.tail_pipe");
    if (rc < 0) {
        export_free(&x->stream);
        return rc;
    }
    x->left = x->q->limit > 0 ? x->q->limit : UINT64_MAX;
    if (x->format == 'c')
        buf_z(&x->out, event_csv_header());
    *out = &x->stream;
    return 0;
}
