/* What a query finds as text, JSON lines or CSV. Lines of logs are streamed
 * newest first, a page of hits at a time, so that any size needs one page of
 * memory; original bytes stay as they came, text has one line feed behind each
 * event. Rows that steps or other sources give are made first, under a ceiling.
 *
 * Who took what out is kept: the bytes are hashed as they leave, and when the
 * last is gone a row of query_export and an event of Lũy's own say account,
 * query, format, rows, bytes, SHA-256 and whether it was the whole. */
#include "api/query_env.h"
#include "api/query_rows.h"
#include "base/rand.h"
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
    bool more, full, failed;
    int fd;
    struct query_world world;
    struct pipe_column column[PIPE_COLUMNS_MAX];
    size_t ncolumns;
    struct sha256_stream *hash;
    uint64_t rows, bytes;
    int64_t account;
    char id[33], name[128];
    str text;
    struct query_run *run;
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
    x->rows++;
    x->full = x->out.n > API_PAGE_BYTES / 4;
    return !x->full && x->left > 0;
}

static bool export_page(struct export *x)
{
    struct search_opts o = query_run_page(x->run, x->before, x->left < PAGE_HITS ? x->left : PAGE_HITS);
    struct search_stats st = {0};
    struct err e = {0};

    x->full = false;
    int rc = journal_search(x->api->d.journal, x->q, &o, export_hit, x, &st, &e);
    if (rc == 0)
        rc = query_fault(x->q, &e);
    x->more = rc == 0 && (st.more || x->full) && x->left > 0;
    x->failed = x->failed || rc < 0;
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
    sha256_more(x->hash, (str){p, n});
    x->sent += n;
    x->bytes += n;
    return (ssize_t)n;
}

/* ---- who took what ---- */

static void record_row(struct export *x, const char *sha, bool whole)
{
    struct tx *tx;
    struct err e = {0};
    int rc = store_begin(registry_store(x->api->d.registry), STORE_WRITE, &tx, &e);

    if (rc == 0) {
        rc = tx_exec(
            tx,
            "INSERT INTO query_export (id, account_id, by_name, at, query, format, whole, row_count, byte_count,"
            " sha256) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            VALS(V_Z(x->id), V_INT(x->account), V_Z(x->name), V_INT(clock_wall(x->api->d.clock)), V_STR(x->text),
                 V_Z(x->format == 'j'   ? "json"
                     : x->format == 'c' ? "csv"
                                        : "text"),
                 V_INT(whole), V_INT(x->rows), V_INT(x->bytes), V_Z(sha)),
            NULL, &e);
        if (rc == 0)
            rc = store_commit(tx, &e);
        else
            store_rollback(tx);
    }
    if (rc < 0)
        log_err(LOG_ERROR, "export_record", &e);
}

static void record(struct export *x)
{
    char sha[65];
    bool whole = !x->more && !x->failed && !x->out.failed && x->sent == x->out.n;
    struct buf name, text;

    sha256_hex(sha256_end(x->hash), sha);
    record_row(x, sha, whole);
    buf_init(&name, 4096);
    buf_init(&text, 64 * 1024);
    quoted(&name, str_c(x->name));
    quoted(&text, str_sub(x->text, 0, 500));
    self_event(x->api, 5, "event=export id=%s account=%.*s query=%.*s rows=%llu bytes=%llu whole=%s sha256=%s", x->id,
               STR_ARGS(buf_view(&name)), STR_ARGS(buf_view(&text)), (unsigned long long)x->rows,
               (unsigned long long)x->bytes, whole ? "yes" : "no", sha);
    buf_done(&name);
    buf_done(&text);
}

static void export_done(struct export *x)
{
    if (x->run != NULL)
        query_run_end(x->api, x->run);
    query_world_done(&x->world);
    buf_done(&x->out);
    arena_free(&x->a);
    stream_give(x->api);
    free(x);
}

static void export_free(struct stream *s)
{
    struct export *x = (struct export *)s;

    record(x);
    export_done(x);
}

/* ---- rows ---- */

static bool export_row(void *ctx, const struct source_value *v, size_t n)
{
    struct export *x = ctx;

    if (x->format == 'j')
        rows_json_object(&x->out, x->column, v, n);
    else if (x->format == 'c')
        rows_csv(&x->out, v, n);
    else
        rows_text(&x->out, v, n);
    x->rows++;
    return !x->out.failed;
}

static int export_rows(struct export *x, struct request *rq, struct err *e)
{
    struct search_opts o = query_run_opts(rq, x->run);
    struct pipe_stats st;

    x->more = false;
    x->ncolumns = pipe_columns(x->q, x->column);
    if (x->format == 'c')
        rows_csv_head(&x->out, x->column, x->ncolumns);
    int rc = pipe_run(x->q, query_world_source(&x->world, x->q), &o, UINT64_MAX, export_row, x, &st, e);
    if (rc == -ELOOP)
        return e->code = HTTP_ERR(400);
    if (rc == 0 && x->out.failed)
        rc = ERR(e, -EFBIG, "api.reply_too_large");
    return rc;
}

static int export_start(struct export *x, struct request *rq, str text, struct err *e)
{
    int rc = query_world_init(&x->world, rq->api, &x->a, rq->now, e);

    if (rc == 0)
        rc = query_world_parse(&x->world, &x->a, text, &x->q, e);
    if (rc == 0)
        rc = query_run_begin(rq, STR(""), &x->run, e);
    if (rc < 0)
        return rc;
    x->text = arena_str(&x->a, text);
    x->left = x->q->limit > 0 ? x->q->limit : UINT64_MAX;
    if (x->q->pipe != QP_NONE || x->q->source != &query_logs)
        return export_rows(x, rq, e);
    if (x->format == 'c')
        buf_z(&x->out, event_csv_header());
    return 0;
}

int export_stream(struct request *rq, str text, str format, struct stream **out, char id[33], struct err *e)
{
    struct export *x;
    uint8_t random[16];
    int rc;

    if (!stream_take(rq->api))
        return ERR(e, HTTP_ERR(503), "api.streams_full", err_n(rq->api->cfg.max_streams));
    x = calloc(1, sizeof(*x));
    if (x == NULL || (x->hash = sha256_begin()) == NULL) {
        free(x);
        stream_give(rq->api);
        return ERR(e, -ENOMEM, "api.internal");
    }
    x->stream = (struct stream){export_pull, export_free};
    x->api = rq->api;
    x->a = arena_init(8 << 20);
    x->format = format.p[0];
    x->more = true;
    x->fd = rq->fd;
    x->account = rq->auth.actor.account_id;
    snprintf(x->name, sizeof(x->name), "%.*s", STR_ARGS(rq->auth.actor.name));
    rand_bytes(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(x->id + 2 * i, 3, "%02x", random[i]);
    buf_init(&x->out, API_REPLY_MAX);
    rc = export_start(x, rq, text, e);
    if (rc < 0) {
        sha256_end(x->hash);
        export_done(x);
        return rc;
    }
    memcpy(id, x->id, sizeof(x->id));
    *out = &x->stream;
    return 0;
}
