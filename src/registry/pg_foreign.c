/* SQL that came in a pack, so from outside, on PostgreSQL: looked through first
 * (pg_look.c), then run read-only, in a time, up to a number of rows; in a
 * transaction of its own, or in one that goes on.
 *
 * Any thread; each call borrows a connection, or has that of its transaction. */
#include "registry/dialect.h"
#include "registry/pg-int.h"
#include <errno.h>

enum { FOREIGN_COLS = 100 };

/* An error of the text itself, not of the server. */
int pg_text_fail(PGconn *db, const PGresult *res, int timeout_ms, struct err *e)
{
    const char *msg = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    int rc = pg_fail(db, res, NULL);

    if (rc == -ETIME)
        return ERR(e, rc, "store.foreign_late", N(timeout_ms));
    if (rc == -ENOMEM || rc == -ENOSPC)
        return ERR(e, -ENOMEM, "store.foreign_memory");
    if (rc == -EROFS)
        return ERR(e, -EACCES, "store.foreign_denied", msg != NULL ? msg : "write");
    if (rc == -EINVAL || rc == -EEXIST || rc == -E2BIG || rc == -EIO)
        return ERR(e, -EINVAL, "store.foreign_sql", msg != NULL ? msg : "");
    return pg_fail(db, res, e);
}

struct rows {
    const struct foreign_query *fq;
    foreign_fn *fn;
    void *ctx;
    uint64_t n;
    bool stopped;
};

/* One row that came. False: no more are wanted. */
static bool row_take(struct rows *r, const PGresult *res, int *rc, struct err *e)
{
    const char *names[FOREIGN_COLS];
    struct val cols[FOREIGN_COLS];
    int n = PQnfields(res);

    if (n > FOREIGN_COLS)
        *rc = ERR(e, -EINVAL, "store.foreign_sql", "columns");
    else if (r->fq->max_rows > 0 && r->n++ >= r->fq->max_rows)
        *rc = ERR(e, -E2BIG, "store.foreign_rows", N((int64_t)r->fq->max_rows));
    if (*rc < 0)
        return false;
    for (int i = 0; i < n; i++)
        names[i] = PQfname(res, i);
    pg_row(res, 0, cols, n);
    return r->fn(r->ctx, names, cols, (size_t)n);
}

static void stop(PGconn *db)
{
    PGcancel *c = PQgetCancel(db);
    char why[256];

    if (c != NULL)
        PQcancel(c, why, sizeof(why));
    PQfreeCancel(c);
}

/* Row by row, so that no number of them fills the memory. */
static int rows_run(struct pg_conn *c, str text, struct rows *r, struct err *e)
{
    const struct foreign_query *fq = r->fq;
    const char **v = arena_calloc(&c->a, fq->nparams + 1, sizeof(*v));
    Oid *types = arena_calloc(&c->a, fq->nparams + 1, sizeof(*types));
    PGresult *res;
    int rc = 0;

    for (size_t i = 0; v != NULL && types != NULL && i < fq->nparams; i++) {
        const struct val *p = &fq->params[i].v;
        v[i] = pg_param(&c->a, p);
        types[i] = p->type == VAL_INT ? 20 : p->type == VAL_REAL ? 701 : 25;
    }
    char *sql = arena_cstr(&c->a, text);
    if (c->a.failed)
        return ERR(e, -ENOMEM, "store.no_memory");
    if (!PQsendQueryParams(c->db, sql, (int)fq->nparams, types, v, NULL, NULL, 0))
        return pg_fail(c->db, NULL, e);
    PQsetSingleRowMode(c->db);
    while ((res = PQgetResult(c->db)) != NULL) {
        ExecStatusType st = PQresultStatus(res);
        if (st == PGRES_SINGLE_TUPLE && !r->stopped && !row_take(r, res, &rc, e)) {
            r->stopped = true;
            stop(c->db);
        } else if (st != PGRES_SINGLE_TUPLE && st != PGRES_TUPLES_OK && !r->stopped && rc == 0) {
            rc = pg_text_fail(c->db, res, fq->timeout_ms, e);
        }
        PQclear(res);
    }
    return rc;
}

static int run(struct pg_store *s, str text, struct rows *r, struct err *e)
{
    char begin[160];
    struct pg_conn *c;

    snprintf(begin, sizeof(begin), "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = %d",
             r->fq->timeout_ms > 0 ? r->fq->timeout_ms : 1000);
    int rc = pg_lend(s, &s->foreign, begin, &c, e);
    if (rc < 0)
        return rc;
    rc = rows_run(c, text, r, e);
    arena_clear(&c->a);
    pg_plain(c, "ROLLBACK", NULL);
    pg_return(&s->foreign, c);
    return rc;
}

int pg_foreign(struct store *store, const struct foreign_query *fq, foreign_fn *fn, void *ctx, struct err *e)
{
    struct pg_store *s = (struct pg_store *)store;
    struct rows r = {.fq = fq, .fn = fn, .ctx = ctx};
    struct buf text;

    buf_init(&text, 1 << 17);
    int rc = dialect_pg(fq, &text, e);
    if (rc == 0)
        rc = pg_look(s, fq, buf_view(&text), e);
    if (rc == 0 && fn != NULL)
        rc = run(s, buf_view(&text), &r, e);
    buf_done(&text);
    return rc;
}

/* Within a transaction: read-only and late within a savepoint, which takes both
 * settings and a failure back, so that the transaction goes on. */
static int run_within(struct pg_tx *t, str text, struct rows *r, struct err *e)
{
    char begin[160];
    struct err lost;

    snprintf(begin, sizeof(begin), "SAVEPOINT luy_foreign; SET TRANSACTION READ ONLY; SET LOCAL statement_timeout = %d",
             r->fq->timeout_ms > 0 ? r->fq->timeout_ms : 1000);
    int rc = pg_plain(t->c, begin, e);
    if (rc < 0) {
        t->failed = true;
        return rc;
    }
    rc = rows_run(t->c, text, r, e);
    arena_clear(&t->c->a);
    int back = pg_plain(t->c, "ROLLBACK TO SAVEPOINT luy_foreign; RELEASE SAVEPOINT luy_foreign", rc == 0 ? e : &lost);
    t->failed = back < 0;
    return rc == 0 ? back : rc;
}

int pg_tx_foreign(struct tx *tx, const struct foreign_query *fq, foreign_fn *fn, void *ctx, struct err *e)
{
    struct pg_tx *t = (struct pg_tx *)tx;
    struct rows r = {.fq = fq, .fn = fn, .ctx = ctx};
    struct buf text;

    int rc = pg_flush(tx, e); /* what was put off is seen too */
    if (rc < 0)
        return rc;
    buf_init(&text, 1 << 17);
    rc = dialect_pg(fq, &text, e);
    if (rc == 0)
        rc = pg_look((struct pg_store *)tx->st, fq, buf_view(&text), e);
    if (rc == 0)
        rc = run_within(t, buf_view(&text), &r, e);
    buf_done(&text);
    return rc;
}
