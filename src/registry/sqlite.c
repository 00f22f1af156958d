/* The SQLite engine: one connection that writes, guarded by a mutex, and pools
 * of connections that only read. WAL, so readers never wait for the writer.
 *
 * synchronous=FULL: the registry is small and written a few times a second,
 * and what an operator was told is stored must still be there after the power
 * went. In WAL mode NORMAL could lose the last commits then.
 *
 * A transaction belongs to its thread; the store may be used by any thread. */
#include "registry/sqlite-int.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { POOL_MAX = 32, BUSY_MS = 5000 };

static const char *const pragmas[] = {
    "PRAGMA foreign_keys=ON",
    "PRAGMA cache_size=-8000",
    "PRAGMA temp_store=MEMORY",
};
static const char *const write_pragmas[] = {
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA secure_delete=ON", /* what is blanked is gone from the file's free pages too */
    "PRAGMA journal_size_limit=67108864",
};
/* The writer trusts the schema, as triggers feed the word index (FTS5 counts as
 * unsafe in a trigger in SQLite 3.40); readers have no need to. */
static const char *const read_pragmas[] = {"PRAGMA trusted_schema=OFF", "PRAGMA query_only=ON"};

static void conn_close(struct conn *c)
{
    if (c == NULL)
        return;
    sq_cache_clear(c);
    sqlite3_close(c->db);
    free(c);
}

static int run_pragmas(sqlite3 *db, const char *const *list, size_t n, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = sq_plain(db, list[i], e);
    return rc;
}

static int conn_settings(struct conn *c, bool write, struct err *e)
{
    int rc;

    sqlite3_extended_result_codes(c->db, 1);
    sqlite3_busy_timeout(c->db, BUSY_MS);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    rc = run_pragmas(c->db, pragmas, sizeof(pragmas) / sizeof(pragmas[0]), e);
    if (rc == 0 && write)
        rc = run_pragmas(c->db, write_pragmas, sizeof(write_pragmas) / sizeof(write_pragmas[0]), e);
    if (rc == 0 && !write)
        rc = run_pragmas(c->db, read_pragmas, sizeof(read_pragmas) / sizeof(read_pragmas[0]), e);
    if (rc == 0 && sq_functions(c->db) != SQLITE_OK)
        rc = sq_fail(c->db, sqlite3_errcode(c->db), e);
    return rc;
}

static int conn_open(const char *path, bool write, struct conn **out, struct err *e)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | (write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
    struct conn *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return ERR(e, -ENOMEM, "store.no_memory");
    int rc = sqlite3_open_v2(path, &c->db, flags, NULL);
    rc = rc != SQLITE_OK ? sq_fail(c->db, rc, e) : conn_settings(c, write, e);
    if (rc < 0) {
        conn_close(c);
        return rc;
    }
    *out = c;
    return 0;
}

int sq_lend(struct sq_store *s, enum conn_use use, struct conn **out, struct err *e)
{
    struct pool_item *it;
    int rc = pool_take(&s->pool[use], &it, e);

    if (rc < 0)
        return rc;
    struct conn *c = (struct conn *)it;
    if (c == NULL && (rc = conn_open(s->path, false, &c, e)) < 0) {
        sq_return(s, use, NULL);
        return rc;
    }
    *out = c;
    return 0;
}

void sq_return(struct sq_store *s, enum conn_use use, struct conn *c)
{
    pool_give(&s->pool[use], c != NULL ? &c->item : NULL);
}

static void item_close(struct pool_item *it) { conn_close((struct conn *)it); }

static void sq_close(struct store *st)
{
    struct sq_store *s = (struct sq_store *)st;

    for (int use = 0; use < CONN_USES; use++)
        pool_done(&s->pool[use], item_close);
    conn_close(s->write);
    pthread_mutex_destroy(&s->writer);
    free(s->path);
    free(s);
}

static int sq_open(const char *path, struct store **out, struct err *e)
{
    /* The file holds personal data: made here, so that nobody else can read it
     * (SQLite gives its -wal and -shm files the same mode). */
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        int code = -errno;
        return ERR(e, code, "store.open", path, strerror(-code));
    }
    close(fd);

    struct sq_store *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ERR(e, -ENOMEM, "store.no_memory");
    s->base.ops = &sqlite_ops;
    writer_lock_init(&s->writer);
    for (int use = 0; use < CONN_USES; use++)
        pool_init(&s->pool[use], POOL_MAX);
    s->path = strdup(path);
    int rc = s->path == NULL ? ERR(e, -ENOMEM, "store.no_memory") : conn_open(path, true, &s->write, e);
    if (rc < 0) {
        sq_close(&s->base);
        return rc;
    }
    *out = &s->base;
    return 0;
}

/* Gives back what a transaction held. */
static void tx_release(struct sq_tx *t)
{
    struct sq_store *s = (struct sq_store *)t->base.st;

    if (t->mode == STORE_WRITE)
        pthread_mutex_unlock(&s->writer);
    else if (t->c != NULL)
        sq_return(s, CONN_READ, t->c);
    free(t);
}

static int begin_read(struct sq_store *s, struct sq_tx *t, struct err *e)
{
    int rc = sq_lend(s, CONN_READ, &t->c, e);

    /* BEGIN alone takes no snapshot; the first read does. */
    if (rc == 0 && (rc = sq_plain(t->c->db, "BEGIN", e)) == 0 &&
        (rc = sq_run(t->c, "SELECT 1 FROM sqlite_schema LIMIT 1", NO_VALS, NULL, NULL, NULL, e)) < 0)
        sq_plain(t->c->db, "ROLLBACK", NULL);
    return rc;
}

static int sq_begin(struct store *st, enum store_mode m, struct tx **out, struct err *e)
{
    struct sq_store *s = (struct sq_store *)st;
    struct sq_tx *t = calloc(1, sizeof(*t));
    int rc;

    if (t == NULL)
        return ERR(e, -ENOMEM, "store.no_memory");
    *t = (struct sq_tx){.base.st = st, .mode = m};
    if (m == STORE_WRITE) {
        if ((rc = pthread_mutex_lock(&s->writer)) != 0) {
            free(t);
            return ERR(e, -rc, "store.nested");
        }
        t->c = s->write;
        rc = sq_plain(t->c->db, "BEGIN IMMEDIATE", e);
    } else {
        rc = begin_read(s, t, e);
    }
    if (rc < 0) {
        tx_release(t);
        return rc;
    }
    *out = &t->base;
    return 0;
}

static int sq_commit(struct tx *tx, struct err *e)
{
    struct sq_tx *t = (struct sq_tx *)tx;
    int rc;

    bool current = t->mode != STORE_WRITE || t->failed || sq_search_flush(tx, e) == 0;
    /* A full disk or a read error may have rolled all back already. */
    if (!current) {
        rc = e != NULL && e->code < 0 ? e->code : -EIO;
        if (!sqlite3_get_autocommit(t->c->db))
            sq_plain(t->c->db, "ROLLBACK", NULL);
    } else if (t->failed || sqlite3_get_autocommit(t->c->db)) {
        rc = ERR(e, -EIO, "store.lost");
        if (!sqlite3_get_autocommit(t->c->db))
            sq_plain(t->c->db, "ROLLBACK", NULL);
    } else if ((rc = sq_plain(t->c->db, "COMMIT", e)) < 0 && !sqlite3_get_autocommit(t->c->db))
        sq_plain(t->c->db, "ROLLBACK", NULL);
    tx_release(t);
    return rc;
}

static void sq_rollback(struct tx *tx)
{
    struct sq_tx *t = (struct sq_tx *)tx;

    if (!sqlite3_get_autocommit(t->c->db))
        sq_plain(t->c->db, "ROLLBACK", NULL);
    tx_release(t);
}

static int sq_tx_run(struct tx *tx, const char *sql, const struct val *p, size_t np, row_fn *fn, void *ctx,
                     int64_t *changed, struct err *e)
{
    struct sq_tx *t = (struct sq_tx *)tx;

    /* After an automatic rollback a statement would run, and commit, alone. */
    if (t->failed || sqlite3_get_autocommit(t->c->db))
        return ERR(e, -EIO, "store.lost");
    int rc = sq_run(t->c, sql, p, np, fn, ctx, changed, e);
    t->failed = rc < 0 && t->mode == STORE_WRITE;
    return rc;
}

static int64_t sq_last_id(struct tx *tx) { return sqlite3_last_insert_rowid(((struct sq_tx *)tx)->c->db); }

static int sq_scan(struct tx *tx, const char *sql, row_fn *fn, void *ctx, struct err *e)
{
    return sq_tx_run(tx, sql, NO_VALS, fn, ctx, NULL, e);
}

static int sq_lead(struct store *st, bool *leads, struct err *e)
{
    (void)st;
    (void)e;
    *leads = true;
    return 0;
}

const struct store_ops sqlite_ops = {
    .name = "sqlite",
    .open = sq_open,
    .close = sq_close,
    .begin = sq_begin,
    .commit = sq_commit,
    .rollback = sq_rollback,
    .run = sq_tx_run,
    .last_id = sq_last_id,
    .foreign = sq_foreign,
    .tx_foreign = sq_tx_foreign,
    .lead = sq_lead,
    .scan = sq_scan,
    .tables_sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name NOT LIKE '%\\_fts\\_%'"
                  " ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    .columns_sql = "SELECT name FROM pragma_table_info(?1) ORDER BY name",
    .defer_refs = "PRAGMA defer_foreign_keys=ON",
    .id_type = "INTEGER PRIMARY KEY",
    .int_type = "INTEGER",
    .real_type = "REAL",
    .fold_fn = "fold",
    .search_make = sq_search_make,
    .search_bring = sq_search_bring,
    .search_drop = sq_search_drop,
    .search_text = sq_search_text,
    .search_cond = sq_search_cond,
    .no_index = "+",
    .alone = NULL, /* it takes the index of what is compared with = */
    .drop_tail = "",
};
