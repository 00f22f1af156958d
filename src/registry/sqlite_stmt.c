/* Statements of one connection: a cache by SQL text, binding, rows, and what
 * an SQLite code means to us. A connection belongs to one thread at a time. */
#include "registry/sqlite-int.h"
#include <errno.h>

enum { COLS_MAX = 256 };

/* "UNIQUE constraint failed: device.serial" -> "device.serial" */
static const char *constraint_of(const char *msg)
{
    const char *at = strstr(msg, "failed: ");

    return at != NULL ? at + 8 : msg;
}

int sq_fail(sqlite3 *db, int rc, struct err *e)
{
    const char *msg = db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(rc);

    switch (rc) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return ERR(e, -EEXIST, "store.unique", constraint_of(msg));
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return ERR(e, -EINVAL, "store.broken_ref");
    case SQLITE_IOERR_NOMEM:
        return ERR(e, -ENOMEM, "store.no_memory");
    }
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return ERR(e, -ENOSPC, "store.full");
    case SQLITE_IOERR:
        /* A full disk shows as a failed write here when it hits the WAL. */
        if (db != NULL && (sqlite3_system_errno(db) == ENOSPC || sqlite3_system_errno(db) == EDQUOT))
            return ERR(e, -ENOSPC, "store.full");
        return ERR(e, -EIO, "store.io", msg);
    case SQLITE_CONSTRAINT:
        return ERR(e, -EINVAL, "store.constraint", constraint_of(msg));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR(e, -EBUSY, "store.busy");
    case SQLITE_NOMEM:
        return ERR(e, -ENOMEM, "store.no_memory");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR(e, -EIO, "store.corrupt", msg);
    case SQLITE_READONLY:
        return ERR(e, -EROFS, "store.read_only");
    case SQLITE_TOOBIG:
        return ERR(e, -E2BIG, "store.too_big");
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return ERR(e, -EIO, "store.io", msg);
    default:
        return ERR(e, -EINVAL, "store.sql", msg);
    }
}

int sq_plain(sqlite3 *db, const char *sql, struct err *e)
{
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : sq_fail(db, rc, e);
}

static void slot_drop(struct stmt_slot *s)
{
    sqlite3_finalize(s->st);
    free(s->sql);
    *s = (struct stmt_slot){0};
}

void sq_cache_clear(struct conn *c)
{
    for (size_t i = 0; i < STMT_CACHE; i++)
        slot_drop(&c->slot[i]);
}

static int prepare(sqlite3 *db, const char *sql, unsigned flags, sqlite3_stmt **out, struct err *e)
{
    const char *tail = NULL;
    int rc = sqlite3_prepare_v3(db, sql, -1, flags, out, &tail);

    if (rc != SQLITE_OK)
        return sq_fail(db, rc, e); /* *out is NULL then */
    if (*out == NULL || (tail != NULL && *tail != '\0')) {
        sqlite3_finalize(*out);
        *out = NULL;
        return ERR(e, -EINVAL, "store.one_statement");
    }
    return 0;
}

/* A prepared statement for sql: from the cache, or made in place of the one
 * not used for longest. One that is running (a query in a row callback of the
 * same text) is not shared: *slot is NULL then and the caller finalizes. */
static int stmt_take(struct conn *c, const char *sql, sqlite3_stmt **st, struct stmt_slot **slot, struct err *e)
{
    uint64_t h = str_hash(str_c(sql), 0);
    struct stmt_slot *oldest = NULL;

    *slot = NULL;
    for (size_t i = 0; i < STMT_CACHE; i++) {
        struct stmt_slot *s = &c->slot[i];
        if (s->st != NULL && s->hash == h && strcmp(s->sql, sql) == 0) {
            if (s->busy)
                return prepare(c->db, sql, 0, st, e);
            *slot = s;
            break;
        }
        if (!s->busy && (oldest == NULL || s->used < oldest->used))
            oldest = s;
    }
    if (*slot == NULL) {
        if (oldest == NULL)
            return prepare(c->db, sql, 0, st, e);
        slot_drop(oldest);
        int rc = prepare(c->db, sql, SQLITE_PREPARE_PERSISTENT, &oldest->st, e);
        if (rc < 0)
            return rc;
        if ((oldest->sql = strdup(sql)) == NULL) {
            slot_drop(oldest);
            return ERR(e, -ENOMEM, "store.no_memory");
        }
        oldest->hash = h;
        *slot = oldest;
    }
    (*slot)->used = ++c->tick;
    (*slot)->busy = true;
    *st = (*slot)->st;
    return 0;
}

static void stmt_give(sqlite3_stmt *st, struct stmt_slot *slot)
{
    if (slot == NULL) {
        sqlite3_finalize(st);
        return;
    }
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    slot->busy = false;
}

int sq_bind(sqlite3_stmt *st, int at, const struct val *v)
{
    switch (v->type) {
    case VAL_INT:
        return sqlite3_bind_int64(st, at, v->i);
    case VAL_REAL:
        return sqlite3_bind_double(st, at, v->r);
    case VAL_TEXT:
        /* The caller's bytes stay while the statement runs. */
        return sqlite3_bind_text64(st, at, v->s.p != NULL ? v->s.p : "", v->s.n, SQLITE_STATIC, SQLITE_UTF8);
    default:
        return sqlite3_bind_null(st, at);
    }
}

void sq_row(sqlite3_stmt *st, struct val *cols, int n)
{
    for (int i = 0; i < n; i++) {
        switch (sqlite3_column_type(st, i)) {
        case SQLITE_INTEGER:
            cols[i] = V_INT(sqlite3_column_int64(st, i));
            break;
        case SQLITE_FLOAT:
            cols[i] = V_REAL(sqlite3_column_double(st, i));
            break;
        case SQLITE_TEXT:
        case SQLITE_BLOB: {
            const char *p = (const char *)sqlite3_column_text(st, i);
            cols[i] = V_STR(((str){p != NULL ? p : "", (size_t)sqlite3_column_bytes(st, i)}));
            break;
        }
        default:
            cols[i] = V_NULL;
        }
    }
}

int sq_run(struct conn *c, const char *sql, const struct val *p, size_t np, row_fn *fn, void *ctx, int64_t *changed,
           struct err *e)
{
    struct val cols[COLS_MAX];
    struct stmt_slot *slot;
    sqlite3_stmt *st;
    int rc = stmt_take(c, sql, &st, &slot, e);

    if (rc < 0)
        return rc;
    int n = sqlite3_column_count(st), step = SQLITE_OK;
    if (n > COLS_MAX || (size_t)sqlite3_bind_parameter_count(st) > np) {
        stmt_give(st, slot);
        return ERR(e, -EINVAL, "store.sql", "columns or parameters");
    }
    for (size_t i = 0; i < np && step == SQLITE_OK; i++)
        if ((int)i < sqlite3_bind_parameter_count(st))
            step = sq_bind(st, (int)i + 1, &p[i]);
    int64_t before = sqlite3_total_changes64(c->db);
    if (step == SQLITE_OK)
        while ((step = sqlite3_step(st)) == SQLITE_ROW) {
            sq_row(st, cols, n);
            if (fn != NULL && !fn(ctx, cols, (size_t)n)) {
                step = SQLITE_DONE;
                break;
            }
        }
    rc = step == SQLITE_DONE ? 0 : sq_fail(c->db, step, e);
    if (rc == 0 && changed != NULL)
        *changed = sqlite3_total_changes64(c->db) > before ? sqlite3_changes64(c->db) : 0;
    stmt_give(st, slot);
    return rc;
}
