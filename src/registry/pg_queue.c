/* Statements put off: sent as they come, answered together (libpq's pipeline). An import is thousands of writes that
 * nobody waits for one by one; each with a journey of its own to the server, it would wait most of its time.
 *
 * While anything is queued the connection speaks nothing else: what asks goes behind the queue and takes the answers
 * of all, so a transaction reads what it wrote. The server stops at the first statement that fails; whose that was
 * is c->blame. A connection and its queue belong to the thread of the transaction. */
#include "registry/pg-int.h"
#include <errno.h>

/* Preparing, running and throwing away are up to four of one call. */
enum { QUEUE_ROOM = 4, IDS_MAX = 256 };

bool pg_queued(const struct pg_conn *c) { return PQpipelineStatus(c->db) != PQ_PIPELINE_OFF; }

static int sent(struct pg_conn *c, int ok, const struct pg_wait *w, struct err *e)
{
    if (!ok) {
        c->blame = c->mark;
        return pg_fail(c->db, NULL, e);
    }
    c->queue[c->nqueue] = *w;
    c->queue[c->nqueue++].mark = c->mark;
    return 0;
}

int pg_queue_plain(struct pg_conn *c, const char *sql, struct err *e)
{
    return sent(c, PQsendQueryParams(c->db, sql, 0, NULL, NULL, NULL, NULL, 0), &(struct pg_wait){0}, e);
}

int pg_queue_prepare(struct pg_conn *c, struct pg_slot *s, const char *name, struct err *e)
{
    return sent(c, PQsendPrepare(c->db, name, s->text, (int)s->params, s->type),
                &(struct pg_wait){.slot = s, .prepares = true}, e);
}

static int send_one(struct pg_conn *c, struct pg_slot *s, const struct val *p, row_fn *fn, void *ctx, struct err *e)
{
    const char **v = pg_values(c, s, p);
    char name[16];
    int ok;

    if (v == NULL)
        return ERR(e, -ENOMEM, "store.no_memory");
    snprintf(name, sizeof(name), "s%u", s->name);
    if (s->name == 0)
        ok = PQsendQueryParams(c->db, s->text, (int)s->params, s->type, v, NULL, NULL, 0);
    else
        ok = PQsendQueryPrepared(c->db, name, (int)s->params, v, NULL, NULL, 0);
    pg_search_wrote(c, s->table);
    return sent(c, ok, &(struct pg_wait){.slot = s, .fn = fn, .ctx = ctx}, e);
}

int pg_queue_add(struct pg_conn *c, const char *sql, const struct val *p, size_t np, row_fn *fn, void *ctx,
                 struct err *e)
{
    struct pg_slot *s = NULL;
    int rc = c->nqueue + QUEUE_ROOM > PG_QUEUE ? pg_queue_flush(c, NULL, e) : 0;

    if (rc == 0 && !pg_queued(c) && !PQenterPipelineMode(c->db))
        rc = pg_fail(c->db, NULL, e);
    if (rc == 0)
        rc = pg_slot_take(c, sql, &s, e);
    if (rc == 0)
        rc = s->params > np ? ERR(e, -EINVAL, "store.sql", "parameters") : send_one(c, s, p, fn, ctx, e);
    arena_clear(&c->a);
    return rc;
}

/* One answer. What follows a failure is skipped by the server and has no error of its own. */
static int answer(struct pg_conn *c, const struct pg_wait *w, const PGresult *res, bool quiet, struct err *e)
{
    if (pg_good(res))
        return w->fn != NULL && !quiet ? pg_rows(res, w->fn, w->ctx, e) : 0;
    if (w->slot != NULL && w->prepares)
        w->slot->name = 0; /* it is not there */
    if (PQresultStatus(res) == PGRES_PIPELINE_ABORTED)
        return 0;
    if (w->slot != NULL)
        pg_slot_doubt(w->slot, res);
    c->blame = w->mark;
    return pg_fail(c->db, res, e);
}

static void skip_to_end(PGconn *db)
{
    for (PGresult *res; (res = PQgetResult(db)) != NULL;)
        PQclear(res);
}

static int answers(struct pg_conn *c, bool quiet, PGresult **last, struct err *e)
{
    size_t n = c->nqueue;
    int rc = 0;

    c->nqueue = 0;
    c->trips++;
    if (!PQpipelineSync(c->db))
        return pg_fail(c->db, NULL, e);
    for (size_t i = 0; i < n && !pg_lost(c->db); i++) {
        PGresult *res = PQgetResult(c->db);
        int one = answer(c, &c->queue[i], res, quiet || rc < 0, rc < 0 ? NULL : e);
        rc = rc < 0 ? rc : one;
        if (last != NULL && i + 1 == n && rc == 0)
            *last = res;
        else
            PQclear(res);
        skip_to_end(c->db);
    }
    if (!pg_lost(c->db))
        PQclear(PQgetResult(c->db)); /* of the sync */
    /* One that cannot leave this mode is closed by who gives it back. */
    if (!PQexitPipelineMode(c->db) && rc == 0)
        rc = pg_fail(c->db, NULL, e);
    if (rc < 0 && last != NULL) {
        PQclear(*last);
        *last = NULL;
    }
    return rc;
}

int pg_queue_flush(struct pg_conn *c, PGresult **last, struct err *e)
{
    return pg_queued(c) ? answers(c, false, last, e) : 0;
}

void pg_queue_drop(struct pg_conn *c)
{
    if (pg_queued(c))
        answers(c, true, NULL, NULL);
}

int pg_defer(struct tx *tx, const char *sql, const struct val *p, size_t np, row_fn *fn, void *ctx, struct err *e)
{
    struct pg_tx *t = (struct pg_tx *)tx;

    if (t->failed)
        return ERR(e, -EIO, "store.lost");
    t->c->mark = tx->mark;
    t->c->blame = 0;
    int rc = pg_queue_add(t->c, sql, p, np, fn, ctx, e);
    if (rc == 0 && fn == NULL && ++t->c->wrote % PG_PLANS_OLD == 0)
        rc = pg_queue_plain(t->c, "DISCARD PLANS", e);
    t->failed = rc < 0;
    tx->blame = rc < 0 ? t->c->blame : 0;
    return rc;
}

int pg_flush(struct tx *tx, struct err *e)
{
    struct pg_tx *t = (struct pg_tx *)tx;

    if (t->failed)
        return ERR(e, -EIO, "store.lost");
    t->c->blame = 0;
    int rc = pg_queue_flush(t->c, NULL, e);
    t->failed = rc < 0;
    tx->blame = rc < 0 ? t->c->blame : 0;
    return rc;
}

/* Numbers of rows before the rows: asked of the table's own sequence, so that whoever else writes, also an older
 * program, goes on behind them. Twice as many each time; those left over at the end are numbers that no row has. */
struct pg_ids {
    struct pg_ids *next;
    char table[80];
    int64_t id[IDS_MAX];
    size_t n, at, want;
};

static bool ids_row(void *ctx, const struct val *cols, size_t n)
{
    struct pg_ids *x = ctx;

    (void)n;
    x->id[x->n++] = cols[0].i;
    return x->n < IDS_MAX;
}

static int ids_more(struct tx *tx, struct pg_ids *x, struct err *e)
{
    char name[100];

    x->n = x->at = 0;
    x->want = x->want == 0 ? 1 : x->want * 2 < IDS_MAX ? x->want * 2 : IDS_MAX;
    snprintf(name, sizeof(name), "luy.\"%s\"", x->table);
    int rc = tx->st->ops->run(
        tx, "SELECT nextval(pg_get_serial_sequence(?1, 'id')) FROM generate_series(1, CAST(?2 AS INTEGER))",
        VALS(V_Z(name), V_INT(x->want)), ids_row, x, NULL, e);
    return rc == 0 && x->n == 0 ? ERR(e, -EIO, "store.io", "nextval") : rc;
}

int pg_new_id(struct tx *tx, str table, int64_t *id, struct err *e)
{
    struct pg_tx *t = (struct pg_tx *)tx;
    struct pg_ids *x = t->ids;
    int rc = 0;

    while (x != NULL && !str_eq(str_c(x->table), table))
        x = x->next;
    if (x == NULL) {
        x = table.n < sizeof(x->table) ? calloc(1, sizeof(*x)) : NULL;
        if (x == NULL)
            return ERR(e, -ENOMEM, "store.no_memory");
        memcpy(x->table, table.p, table.n);
        x->next = t->ids;
        t->ids = x;
    }
    if (x->at == x->n)
        rc = ids_more(tx, x, e);
    if (rc == 0)
        *id = x->id[x->at++];
    return rc;
}

void pg_ids_free(struct pg_ids *ids)
{
    for (struct pg_ids *next; ids != NULL; ids = next) {
        next = ids->next;
        free(ids);
    }
}
