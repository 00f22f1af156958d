/* The PostgreSQL engine: one connection that writes, and pools of connections
 * that only read. What the store promises is kept so:
 *
 * - One write transaction at a time, across programs: an advisory lock of the
 *   database, taken first thing in the transaction. Not SERIALIZABLE, because
 *   then any write could be refused at its end and would have to be done again
 *   from the start, which a person who clicked cannot be asked for. READ
 *   COMMITTED, as the snapshot must be newer than the lock.
 * - Readers see one moment: REPEATABLE READ, READ ONLY, the snapshot taken with
 *   BEGIN.
 * - A server that went away: what was in flight fails with -EAGAIN, the next
 *   transaction connects anew.
 *
 * A transaction belongs to its thread; the store may be used by any thread. */
#include "registry/pg-int.h"
#include <errno.h>

enum { READ_MAX = 16, FOREIGN_MAX = 4, STMT_ARENA = 64 << 20 };

static const char session[] = "SET search_path = luy, luy_sql, pg_catalog, pg_temp;"
                              "SET jit = off;" /* these statements run for milliseconds; compiling them takes longer */
                              "SET lock_timeout = '30s';"
                              "SET idle_in_transaction_session_timeout = '10min';"
                              "SET client_min_messages = warning;"
                              "SET datestyle = ISO;"
                              "SET extra_float_digits = 1;"
                              "SET standard_conforming_strings = on";
static const char begin_read[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1";
static const char begin_write[] =
    "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(" PG_LOCK_WRITE ")";

void pg_conn_close(struct pg_conn *c)
{
    if (c == NULL)
        return;
    pg_cache_clear(c);
    PQfinish(c->db);
    arena_free(&c->a);
    free(c);
}

static int check_server(PGconn *db, struct err *e)
{
    const char *enc = PQparameterStatus(db, "server_encoding");

    if (PQserverVersion(db) < 150000)
        return ERR(e, -ENOTSUP, "store.old_server", PQparameterStatus(db, "server_version"));
    if (enc == NULL || strcmp(enc, "UTF8") != 0)
        return ERR(e, -EINVAL, "store.encoding", enc != NULL ? enc : "?");
    return 0;
}

/* Says nothing on a terminal; errors come back as values. */
static void on_notice(void *ctx, const PGresult *res)
{
    (void)ctx;
    (void)res;
}

int pg_conn_open(const struct pg_store *s, struct pg_conn **out, struct err *e)
{
    /* What the operator's url says comes last, and so wins. */
    const char *const keys[] = {"application_name",
                                "connect_timeout",
                                "keepalives_idle",
                                "tcp_user_timeout",
                                "dbname",
                                "client_encoding",
                                NULL};
    const char *const values[] = {"luyd", "5", "10", "15000", s->url, "UTF8", NULL};
    struct pg_conn *c = calloc(1, sizeof(*c));
    int rc = 0;

    if (c == NULL)
        return ERR(e, -ENOMEM, "store.no_memory");
    c->a = arena_init(STMT_ARENA);
    c->db = PQconnectdbParams(keys, values, 1);
    if (c->db == NULL || pg_lost(c->db)) {
        const char *msg = c->db != NULL ? PQerrorMessage(c->db) : "";
        rc = ERR(e, -EAGAIN, "store.unreachable", S(((str){msg, strcspn(msg, "\n")})));
    } else {
        PQsetNoticeReceiver(c->db, on_notice, NULL);
        rc = check_server(c->db, e);
    }
    if (rc == 0)
        rc = pg_plain(c, session, e);
    if (rc < 0) {
        pg_conn_close(c);
        return rc;
    }
    *out = c;
    return 0;
}

/* A connection with a transaction begun on it. One that lay idle may have
 * died meanwhile: begun anew on a fresh one, nothing was lost by then. */
static int conn_begin(struct pg_store *s, struct pg_conn **c, const char *begin, struct err *e)
{
    bool fresh = *c == NULL;
    int rc = fresh ? pg_conn_open(s, c, e) : 0;

    if (rc == 0)
        rc = pg_plain(*c, begin, e);
    if (rc < 0 && *c != NULL && pg_lost((*c)->db)) {
        pg_conn_close(*c);
        *c = NULL;
        if (!fresh && (rc = pg_conn_open(s, c, e)) == 0)
            rc = pg_plain(*c, begin, e);
    }
    if (rc < 0 && *c != NULL)
        pg_plain(*c, "ROLLBACK", NULL);
    return rc;
}

int pg_lend(struct pg_store *s, struct pool *p, const char *begin, struct pg_conn **out, struct err *e)
{
    struct pool_item *it;
    int rc = pool_take(p, &it, e);

    if (rc < 0)
        return rc;
    struct pg_conn *c = (struct pg_conn *)it;
    rc = conn_begin(s, &c, begin, e);
    if (rc < 0)
        pg_return(p, c);
    else
        *out = c;
    return rc;
}

void pg_return(struct pool *p, struct pg_conn *c)
{
    if (c != NULL && (pg_lost(c->db) || pg_queued(c) || PQtransactionStatus(c->db) != PQTRANS_IDLE)) {
        pg_conn_close(c);
        c = NULL;
    }
    pool_give(p, c != NULL ? &c->item : NULL);
}

static void item_close(struct pool_item *it) { pg_conn_close((struct pg_conn *)it); }

static void pg_close(struct store *st)
{
    struct pg_store *s = (struct pg_store *)st;

    pool_done(&s->read, item_close);
    pool_done(&s->foreign, item_close);
    pg_conn_close(s->write);
    pg_conn_close(s->lead);
    pthread_mutex_destroy(&s->writer);
    pthread_mutex_destroy(&s->lock);
    free(s->url);
    free(s->fn);
    free(s);
}

static int pg_open(const char *url, struct store **out, struct err *e)
{
    struct pg_store *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return ERR(e, -ENOMEM, "store.no_memory");
    s->base.ops = &pg_ops;
    writer_lock_init(&s->writer);
    pthread_mutex_init(&s->lock, NULL);
    pool_init(&s->read, READ_MAX);
    pool_init(&s->foreign, FOREIGN_MAX);
    s->url = strdup(url);
    int rc = s->url == NULL ? ERR(e, -ENOMEM, "store.no_memory") : pg_conn_open(s, &s->write, e);
    if (rc == 0)
        rc = pg_setup(s->write, e);
    if (rc < 0) {
        pg_close(&s->base);
        return rc;
    }
    *out = &s->base;
    return 0;
}

/* Gives back what a transaction held. */
static void tx_release(struct pg_tx *t)
{
    struct pg_store *s = (struct pg_store *)t->base.st;

    if (t->mode == STORE_WRITE) {
        if (s->write != NULL && (pg_lost(s->write->db) || pg_queued(s->write))) {
            pg_conn_close(s->write);
            s->write = NULL;
        }
        if (s->write != NULL)
            pg_search_tidy(s->write);
        pthread_mutex_unlock(&s->writer);
    } else {
        pg_return(&s->read, t->c);
    }
    pg_ids_free(t->ids);
    free(t);
}

static int pg_begin(struct store *st, enum store_mode m, struct tx **out, struct err *e)
{
    struct pg_store *s = (struct pg_store *)st;
    struct pg_tx *t = calloc(1, sizeof(*t));
    int rc;

    if (t == NULL)
        return ERR(e, -ENOMEM, "store.no_memory");
    *t = (struct pg_tx){.base.st = st, .mode = m};
    if (m == STORE_READ) {
        rc = pg_lend(s, &s->read, begin_read, &t->c, e);
    } else if ((rc = pthread_mutex_lock(&s->writer)) != 0) {
        rc = ERR(e, -rc, "store.nested");
    } else if ((rc = conn_begin(s, &s->write, begin_write, e)) == 0) {
        t->c = s->write;
    } else {
        pthread_mutex_unlock(&s->writer);
    }
    if (rc < 0) {
        free(t);
        return rc;
    }
    *out = &t->base;
    return 0;
}

static int pg_commit(struct tx *tx, struct err *e)
{
    struct pg_tx *t = (struct pg_tx *)tx;
    int rc = t->failed ? ERR(e, -EIO, "store.lost") : pg_queue_flush(t->c, NULL, e);

    if (rc < 0) {
        pg_queue_drop(t->c);
        pg_plain(t->c, "ROLLBACK", NULL);
    } else {
        PGresult *res = PQexec(t->c->db, "COMMIT");
        t->c->trips++;
        bool stored = PQresultStatus(res) == PGRES_COMMAND_OK, lost = !stored && pg_died(t->c->db, res);
        if (!stored)
            /* The answer did not come: whether it was stored, nobody knows. */
            rc = lost && t->mode == STORE_WRITE ? ERR(e, -EAGAIN, "store.commit_unknown") : pg_fail(t->c->db, res, e);
        else if (strcmp(PQcmdStatus(res), "COMMIT") != 0)
            rc = ERR(e, -EIO, "store.lost");
        PQclear(res);
        if (rc < 0 && !lost)
            pg_plain(t->c, "ROLLBACK", NULL);
    }
    tx_release(t);
    return rc;
}

static void pg_rollback(struct tx *tx)
{
    struct pg_tx *t = (struct pg_tx *)tx;

    pg_queue_drop(t->c);
    pg_plain(t->c, "ROLLBACK", NULL);
    tx_release(t);
}

static int pg_tx_run(struct tx *tx, const char *sql, const struct val *p, size_t np, row_fn *fn, void *ctx,
                     int64_t *changed, struct err *e)
{
    struct pg_tx *t = (struct pg_tx *)tx;

    if (t->failed)
        return ERR(e, -EIO, "store.lost");
    t->c->mark = tx->mark;
    t->c->blame = 0;
    int rc = pg_run(t->c, sql, p, np, fn, ctx, changed, e);
    if (rc == 0 && fn == NULL && ++t->c->wrote % PG_PLANS_OLD == 0)
        rc = pg_plain(t->c, "DISCARD PLANS", e);
    t->failed = rc < 0;
    tx->blame = rc < 0 ? t->c->blame : 0;
    return rc;
}

static bool id_row(void *ctx, const struct val *cols, size_t n)
{
    (void)n;
    *(int64_t *)ctx = cols[0].i;
    return false;
}

static int64_t pg_last_id(struct tx *tx)
{
    int64_t id = 0;

    pg_tx_run(tx, "SELECT lastval()", NO_VALS, id_row, &id, NULL, NULL);
    return id;
}

/* The lock lives as long as the session that took it: a program that dies, or
 * loses its connection, gives it up. */
static int pg_lead(struct store *st, bool *leads, struct err *e)
{
    struct pg_store *s = (struct pg_store *)st;
    int64_t got = 0;
    int rc = 0;

    pthread_mutex_lock(&s->lock);
    if (s->lead != NULL && (rc = pg_plain(s->lead, "SELECT 1", e)) < 0) {
        pg_conn_close(s->lead);
        s->lead = NULL;
    }
    if (s->lead == NULL) {
        s->leads = false;
        rc = pg_conn_open(s, &s->lead, e);
    }
    if (rc == 0 && !s->leads) {
        rc = pg_run(s->lead, "SELECT pg_try_advisory_lock(" PG_LOCK_LEAD ")", NO_VALS, id_row, &got, NULL, e);
        s->leads = rc == 0 && got != 0;
    }
    *leads = s->leads;
    pthread_mutex_unlock(&s->lock);
    return rc;
}

const struct store_ops pg_ops = {
    .name = "postgresql",
    .open = pg_open,
    .close = pg_close,
    .begin = pg_begin,
    .commit = pg_commit,
    .rollback = pg_rollback,
    .run = pg_tx_run,
    .last_id = pg_last_id,
    .defer = pg_defer,
    .flush = pg_flush,
    .new_id = pg_new_id,
    .foreign = pg_foreign,
    .tx_foreign = pg_tx_foreign,
    .lead = pg_lead,
    .scan = pg_scan,
    .ids_go_on = pg_ids_go_on,
    .scrub = pg_scrub,
    .tables_sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'luy' ORDER BY table_name"
                  " COLLATE \"C\"",
    .columns_sql = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'luy' AND table_name = ?1"
                   " ORDER BY column_name COLLATE \"C\"",
    .defer_refs = "SET CONSTRAINTS ALL DEFERRED",
    .id_type = "INTEGER PRIMARY KEY",
    .int_type = "BIGINT",
    .real_type = "DOUBLE PRECISION",
    .fold_fn = "fold",
    .search_make = pg_search_make,
    .search_bring = pg_search_bring,
    .search_drop = pg_search_drop,
    .search_text = pg_search_text,
    .search_cond = pg_search_cond,
    .no_index = "", /* it knows by its statistics */
    .alone = " OFFSET 0",
    .refer_later = true,
    .drop_tail = " CASCADE",
};
