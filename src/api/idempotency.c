/* Idempotency-Key: the same call again gets the first answer again. The answer
 * is kept in the transaction that wrote, so there is none without the other,
 * and two at once wait for each other. Answers that are errors are not kept:
 * nothing was written. Kept for a day, at most KEPT_ROWS and KEPT_BYTES. */
#include "api/api-int.h"
#include "base/text.h"
#include "vault/vault.h"
#include <errno.h>

enum { KEY_MAX = 200, KEPT_ROWS = 5000, KEPT_BYTES = 64 << 20, KEPT_S = 86400 };

static const char table[] =
    "CREATE TABLE IF NOT EXISTS api_idempotency (account_id BIGINT NOT NULL, name TEXT NOT NULL, at BIGINT NOT NULL,"
    " request TEXT NOT NULL, status BIGINT NOT NULL, etag TEXT NOT NULL, location TEXT NOT NULL, body TEXT NOT NULL,"
    " PRIMARY KEY (account_id, name))";

int idempotency_table(struct tx *tx, struct err *e)
{
    int rc = tx_exec(tx, table, NO_VALS, NULL, e);

    return rc < 0
               ? rc
               : tx_exec(tx, "CREATE INDEX IF NOT EXISTS api_idempotency_at ON api_idempotency (at)", NO_VALS, NULL, e);
}

struct kept {
    struct request *rq;
    struct response *rs;
    str request;
    bool found, other;
};

static bool kept_row(void *ctx, const struct val *v, size_t n)
{
    struct kept *x = ctx;

    (void)n;
    x->found = true;
    x->other = !str_eq(v[0].s, x->request);
    if (x->other)
        return false;
    x->rs->status = (int)v[1].i;
    x->rs->type = "application/json; charset=utf-8";
    reply_header(x->rq, x->rs, "ETag", "%.*s", STR_ARGS(v[2].s));
    reply_header(x->rq, x->rs, "Location", "%.*s", STR_ARGS(v[3].s));
    reply_header(x->rq, x->rs, "Idempotency-Replayed", "true");
    buf_str(&x->rs->body, v[4].s);
    return false;
}

static str header_of(const struct response *rs, const char *name)
{
    for (size_t i = 0; i < rs->nheader; i++)
        if (str_eq(rs->header[i].name, str_c(name)))
            return rs->header[i].value;
    return STR("");
}

/* Method, path and body as they were sent. */
static str request_hash(struct request *rq)
{
    struct buf b;
    char hex[65];

    buf_init(&b, API_BODY_MAX + API_URI_MAX + 64);
    buf_fmt(&b, "%s %.*s?%.*s\n", method_names[rq->method], STR_ARGS(rq->path), STR_ARGS(rq->query_text));
    buf_str(&b, rq->body);
    sha256_hex(sha256(buf_view(&b)), hex);
    bool failed = b.failed;
    buf_done(&b);
    return failed ? STR_NONE : arena_str(&rq->a, str_c(hex));
}

struct sums {
    int64_t rows, bytes, middle;
};

static bool sums_row(void *ctx, const struct val *v, size_t n)
{
    struct sums *s = ctx;

    (void)n;
    *s = (struct sums){v[0].i, v[1].type == VAL_INT ? v[1].i : 0, v[2].type == VAL_INT ? v[2].i : 0};
    return false;
}

/* Too old goes; when still too much, the older half goes. */
static int make_room(struct tx *tx, int64_t now, struct err *e)
{
    struct sums s = {0};
    int rc = tx_exec(tx, "DELETE FROM api_idempotency WHERE at < ?1", VALS(V_INT(now - KEPT_S)), NULL, e);

    if (rc == 0)
        rc = tx_query(tx,
                      "SELECT COUNT(*), CAST(SUM(LENGTH(body)) AS BIGINT), CAST(AVG(at) AS BIGINT) FROM"
                      " api_idempotency",
                      NO_VALS, sums_row, &s, e);
    if (rc == 0 && (s.rows >= KEPT_ROWS || s.bytes >= KEPT_BYTES))
        rc = tx_exec(tx, "DELETE FROM api_idempotency WHERE at <= ?1", VALS(V_INT(s.middle)), NULL, e);
    return rc;
}

static int keep(struct tx *tx, struct request *rq, const struct response *rs, str name, str request, struct err *e)
{
    int64_t now = rq->now / NS_PER_S;
    int rc = make_room(tx, now, e);

    if (rc == 0)
        rc = tx_exec(tx,
                     "INSERT INTO api_idempotency (account_id, name, at, request, status, etag, location, body) VALUES"
                     " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                     VALS(V_INT(rq->auth.actor.account_id), V_STR(name), V_INT(now), V_STR(request), V_INT(rs->status),
                          V_STR(header_of(rs, "ETag")), V_STR(header_of(rs, "Location")), V_STR(buf_view(&rs->body))),
                     NULL, e);
    return rc;
}

static int look(struct tx *tx, struct kept *x, str name, struct err *e)
{
    int rc = tx_query(tx,
                      "SELECT request, status, etag, location, body FROM api_idempotency WHERE account_id = ?1 AND name"
                      " = ?2 AND at >= ?3",
                      VALS(V_INT(x->rq->auth.actor.account_id), V_STR(name), V_INT(x->rq->now / NS_PER_S - KEPT_S)),
                      kept_row, x, e);

    return rc == 0 && x->other ? ERR(e, -EINVAL, "api.idempotency_other") : rc;
}

int idempotency_run(struct request *rq, struct response *rs, str name, struct err *e)
{
    struct registry *r = rq->api->d.registry;
    struct kept x = {.rq = rq, .rs = rs, .request = request_hash(rq)};
    struct err lost;

    if (name.n == 0 || name.n > KEY_MAX || !utf8_valid(name))
        return ERR(e, HTTP_ERR(400), "api.idempotency_key", err_n(KEY_MAX));
    if (x.request.p == NULL)
        return ERR(e, -ENOMEM, "api.reply_too_large");
    int rc = registry_batch_begin(r, e);
    if (rc < 0)
        return rc;
    struct tx *tx = registry_batch_tx(r);
    rc = look(tx, &x, name, e);
    if (rc == 0 && !x.found) {
        rc = rq->route->fn(rq, rs, e);
        if (rc == 0 && rs->status < 300)
            rc = keep(tx, rq, rs, name, x.request, e);
    }
    int end = registry_batch_end(r, rc == 0 && rs->status < 300, rc == 0 ? e : &lost);
    return rc == 0 ? end : rc;
}
