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

enum { POOL_MAX = 32, BUSY_MS = 5000, POOL_WAIT_S = 10 };

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
    struct timespec until;
    struct conn *c = NULL;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += POOL_WAIT_S;
    pthread_mutex_lock(&s->lock);
    while (s->idle[use] == NULL && s->out[use] >= POOL_MAX && rc == 0)
        rc = pthread_cond_timedwait(&s->freed, &s->lock, &until);
    if (rc == 0) {
        c = s->idle[use];
        if (c != NULL)
            s->idle[use] = c->next;
        s->out[use]++;
    }
    pthread_mutex_unlock(&s->lock);
    if (rc != 0)
        return ERR(e, -EBUSY, "store.busy");
    if (c == NULL && (rc = conn_open(s->path, false, &c, e)) < 0) {
        sq_return(s, use, NULL);
        return rc;
    }
    *out = c;
    return 0;
}

void sq_return(struct sq_store *s, enum conn_use use, struct conn *c)
{
    pthread_mutex_lock(&s->lock);
    s->out[use]--;
    if (c != NULL) {
        c->next = s->idle[use];
        s->idle[use] = c;
    }
    pthread_cond_broadcast(&s->freed);
    pthread_mutex_unlock(&s->lock);
}

static void sq_close(struct store *st)
{
    struct sq_store *s = (struct sq_store *)st;

    for (int use = 0; use < CONN_USES; use++)
        for (struct conn *c = s->idle[use], *next; c != NULL; c = next) {
            next = c->next;
            conn_close(c);
        }
    conn_close(s->write);
    pthread_mutex_destroy(&s->writer);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->freed);
    free(s->path);
    free(s);
}

static void locks_init(struct sq_store *s)
{
    pthread_mutexattr_t ma;
    pthread_condattr_t ca;

    /* Error checking: a thread that begins two writes gets an error, not a hang. */
    pthread_mutexattr_init(&ma);
    pthread_mutexattr_settype(&ma, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&s->writer, &ma);
    pthread_mutexattr_destroy(&ma);
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&ca);
    pthread_condattr_setclock(&ca, CLOCK_MONOTONIC);
    pthread_cond_init(&s->freed, &ca);
    pthread_condattr_destroy(&ca);
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
    locks_init(s);
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

    /* A full disk or a read error may have rolled all back already. */
    if (sqlite3_get_autocommit(t->c->db))
        rc = ERR(e, -EIO, "store.lost");
    else if ((rc = sq_plain(t->c->db, "COMMIT", e)) < 0 && !sqlite3_get_autocommit(t->c->db))
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
    struct conn *c = ((struct sq_tx *)tx)->c;

    /* After an automatic rollback a statement would run, and commit, alone. */
    if (sqlite3_get_autocommit(c->db))
        return ERR(e, -EIO, "store.lost");
    return sq_run(c, sql, p, np, fn, ctx, changed, e);
}

static int64_t sq_last_id(struct tx *tx) { return sqlite3_last_insert_rowid(((struct sq_tx *)tx)->c->db); }

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
    .id_type = "INTEGER PRIMARY KEY",
    .int_type = "INTEGER",
    .real_type = "REAL",
    .fold_fn = "fold",
    .search_make = sq_search_make,
    .search_drop = sq_search_drop,
    .search_text = sq_search_text,
    .search_cond = sq_search_cond,
    .no_index = "+",
};
