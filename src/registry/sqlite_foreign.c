/* SQL that came in a pack, so from outside: it reads ordinary tables through
 * harmless functions, within a time and within memory, and nothing else. Three
 * walls: a read-only connection of its own kind, the authorizer, limits.
 * Any thread; each call borrows a connection. */
#include "registry/dialect.h"
#include "registry/sqlite-int.h"
#include "base/clock.h"
#include <errno.h>

enum { STEP_OPS = 1000, NAMES_MAX = 1000, FOREIGN_COLS = 100 };
static const int64_t memory_max = 256 << 20;

static const struct {
    int what, max;
} limits[] = {
    {SQLITE_LIMIT_LENGTH, 1 << 20},  {SQLITE_LIMIT_SQL_LENGTH, 1 << 16}, {SQLITE_LIMIT_COLUMN, FOREIGN_COLS},
    {SQLITE_LIMIT_EXPR_DEPTH, 100},  {SQLITE_LIMIT_COMPOUND_SELECT, 50}, {SQLITE_LIMIT_VDBE_OP, 100000},
    {SQLITE_LIMIT_FUNCTION_ARG, 32}, {SQLITE_LIMIT_ATTACHED, 0},         {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 256},
};

struct guard {
    const struct foreign_query *fq;
    struct arena arena;
    str *tables;
    size_t ntables; /* ordinary tables that exist */
    int64_t deadline, memory_start;
    bool late, fat;
    char denied[100]; /* first thing that was refused; "" = none */
};

static bool table_allowed(const struct guard *g, const char *name)
{
    for (size_t i = 0; i < g->ntables; i++)
        if (str_eq_nocase(g->tables[i], str_c(name)))
            return dialect_table(g->fq, str_c(name));
    return false;
}

static const char *action_name(int action)
{
    static const struct {
        int action;
        const char *name;
    } names[] = {
        {SQLITE_READ, "read"},
        {SQLITE_FUNCTION, "function"},
        {SQLITE_INSERT, "INSERT"},
        {SQLITE_UPDATE, "UPDATE"},
        {SQLITE_DELETE, "DELETE"},
        {SQLITE_PRAGMA, "PRAGMA"},
        {SQLITE_ATTACH, "ATTACH"},
        {SQLITE_DETACH, "DETACH"},
        {SQLITE_TRANSACTION, "transaction"},
        {SQLITE_CREATE_TABLE, "CREATE TABLE"},
        {SQLITE_DROP_TABLE, "DROP TABLE"},
        {SQLITE_CREATE_TEMP_TABLE, "CREATE TABLE"},
        {SQLITE_ALTER_TABLE, "ALTER TABLE"},
        {SQLITE_CREATE_VIEW, "CREATE VIEW"},
        {SQLITE_CREATE_TRIGGER, "CREATE TRIGGER"},
        {SQLITE_CREATE_INDEX, "CREATE INDEX"},
        {SQLITE_REINDEX, "REINDEX"},
        {SQLITE_ANALYZE, "ANALYZE"},
        {SQLITE_SAVEPOINT, "SAVEPOINT"},
        {SQLITE_CREATE_VTABLE, "CREATE VIRTUAL TABLE"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].action == action)
            return names[i].name;
    return "?";
}

static int authorize(void *ctx, int action, const char *a, const char *b, const char *db, const char *trigger)
{
    struct guard *g = ctx;
    bool ok = false;
    const char *what = a;

    (void)db;
    (void)trigger;
    if (action == SQLITE_SELECT || action == SQLITE_RECURSIVE)
        return SQLITE_OK;
    if (action == SQLITE_READ)
        ok = a == NULL || *a == '\0' || table_allowed(g, a);
    if (action == SQLITE_FUNCTION) {
        ok = b != NULL && dialect_function(str_c(b));
        what = b;
    }
    if (ok && action == SQLITE_READ && a != NULL)
        dialect_reads(g->fq, str_c(a));
    if (ok)
        return SQLITE_OK;
    if (g->denied[0] == '\0')
        snprintf(g->denied, sizeof(g->denied), "%s %s", action_name(action), what != NULL ? what : "");
    return SQLITE_DENY;
}

static int on_progress(void *ctx)
{
    struct guard *g = ctx;

    g->late = clock_mono(&clock_system) > g->deadline;
    g->fat = sqlite3_memory_used() - g->memory_start > memory_max;
    return g->late || g->fat;
}

static bool table_row(void *ctx, const struct val *cols, size_t n)
{
    struct guard *g = ctx;

    if (n == 1 && g->ntables < NAMES_MAX)
        g->tables[g->ntables++] = arena_str(&g->arena, cols[0].s);
    return true;
}

/* Virtual tables have no root page; the tables under an index of words do, and
 * carry its name. */
static int tables_read(struct guard *g, struct conn *c, struct err *e)
{
    g->tables = arena_array(&g->arena, str, NAMES_MAX);
    if (g->tables == NULL)
        return ERR(e, -ENOMEM, "store.no_memory");
    return sq_run(c,
                  "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND (type = 'view' OR rootpage > 0)"
                  " AND name NOT LIKE '%\\_fts\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
                  NO_VALS, table_row, g, NULL, e);
}

static int params_bind(const struct foreign_query *fq, sqlite3_stmt *st, struct err *e)
{
    for (int i = 1; i <= sqlite3_bind_parameter_count(st); i++) {
        const char *name = sqlite3_bind_parameter_name(st, i);
        size_t k = 0;

        while (name != NULL && *name == ':' && k < fq->nparams && strcmp(fq->params[k].name, name + 1) != 0)
            k++;
        if (name == NULL || *name != ':' || k == fq->nparams)
            return ERR(e, -EINVAL, "store.foreign_param", name != NULL ? name : "?");
        int rc = sq_bind(st, i, &fq->params[k].v);
        if (rc != SQLITE_OK)
            return sq_fail(sqlite3_db_handle(st), rc, e);
    }
    return 0;
}

static int foreign_fail(const struct guard *g, sqlite3 *db, struct err *e)
{
    if (g->denied[0] != '\0')
        return ERR(e, -EACCES, "store.foreign_denied", g->denied);
    if (g->late)
        return ERR(e, -ETIME, "store.foreign_late", N(g->fq->timeout_ms));
    if (g->fat)
        return ERR(e, -ENOMEM, "store.foreign_memory");
    return ERR(e, -EINVAL, "store.foreign_sql", sqlite3_errmsg(db));
}

static int foreign_prepare(struct guard *g, sqlite3 *db, sqlite3_stmt **out, struct err *e)
{
    const char *tail = NULL;
    sqlite3_stmt *st = NULL;

    if (sqlite3_prepare_v3(db, g->fq->sql, -1, 0, &st, &tail) != SQLITE_OK || g->denied[0] != '\0') {
        sqlite3_finalize(st);
        return foreign_fail(g, db, e);
    }
    if (st == NULL || !sqlite3_stmt_readonly(st) || sqlite3_column_count(st) == 0) {
        sqlite3_finalize(st);
        return ERR(e, -EACCES, "store.foreign_denied", "not a SELECT");
    }
    str rest = str_trim(str_c(tail));
    if (rest.n > 0 && !str_eq(rest, STR(";"))) {
        sqlite3_finalize(st);
        return ERR(e, -EINVAL, "store.one_statement");
    }
    int rc = params_bind(g->fq, st, e);
    if (rc < 0) {
        sqlite3_finalize(st);
        return rc;
    }
    *out = st;
    return 0;
}

static int foreign_rows(struct guard *g, sqlite3 *db, sqlite3_stmt *st, foreign_fn *fn, void *ctx, struct err *e)
{
    const char *names[FOREIGN_COLS];
    struct val cols[FOREIGN_COLS];
    int n = sqlite3_column_count(st), step;
    uint64_t rows = 0;

    for (int i = 0; i < n; i++)
        names[i] = sqlite3_column_name(st, i);
    while ((step = sqlite3_step(st)) == SQLITE_ROW) {
        if (g->fq->max_rows > 0 && rows++ >= g->fq->max_rows)
            return ERR(e, -E2BIG, "store.foreign_rows", N((int64_t)g->fq->max_rows));
        sq_row(st, cols, n);
        if (!fn(ctx, names, cols, (size_t)n))
            return 0;
    }
    return step == SQLITE_DONE ? 0 : foreign_fail(g, db, e);
}

static int foreign_run(struct guard *g, struct conn *c, foreign_fn *fn, void *ctx, struct err *e)
{
    int old[sizeof(limits) / sizeof(limits[0])];
    sqlite3_stmt *st = NULL;
    int rc = tables_read(g, c, e);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        old[i] = sqlite3_limit(c->db, limits[i].what, limits[i].max);
    sqlite3_set_authorizer(c->db, authorize, g);
    sqlite3_progress_handler(c->db, STEP_OPS, on_progress, g);
    rc = foreign_prepare(g, c->db, &st, e);
    if (rc == 0 && fn != NULL)
        rc = foreign_rows(g, c->db, st, fn, ctx, e);
    sqlite3_finalize(st);
    sqlite3_progress_handler(c->db, 0, NULL, NULL);
    sqlite3_set_authorizer(c->db, NULL, NULL);
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        sqlite3_limit(c->db, limits[i].what, old[i]);
    return rc;
}

static struct guard guard_of(const struct foreign_query *fq)
{
    int ms = fq->timeout_ms > 0 ? fq->timeout_ms : 1000;

    return (struct guard){.fq = fq,
                          .arena = arena_init(1 << 20),
                          .memory_start = sqlite3_memory_used(),
                          .deadline = clock_mono(&clock_system) + ms * NS_PER_MS};
}

int sq_foreign(struct store *store, const struct foreign_query *fq, foreign_fn *fn, void *ctx, struct err *e)
{
    struct sq_store *s = (struct sq_store *)store;
    struct guard g = guard_of(fq);
    struct conn *c;
    int rc = sq_lend(s, CONN_FOREIGN, &c, e);

    if (rc == 0) {
        rc = sq_plain(c->db, "BEGIN", e);
        if (rc == 0) {
            rc = foreign_run(&g, c, fn, ctx, e);
            sq_plain(c->db, "ROLLBACK", NULL);
        }
        sq_return(s, CONN_FOREIGN, c);
    }
    arena_free(&g.arena);
    return rc;
}

/* On the transaction's own connection. A reader's is read-only for good; the
 * writer's is for as long as the text runs. Stopping a SELECT takes nothing
 * else back. */
int sq_tx_foreign(struct tx *tx, const struct foreign_query *fq, foreign_fn *fn, void *ctx, struct err *e)
{
    struct sq_tx *t = (struct sq_tx *)tx;
    bool writes = t->mode == STORE_WRITE;
    struct guard g = guard_of(fq);
    struct err lost;
    int rc = 0, back = 0;

    if (t->failed || sqlite3_get_autocommit(t->c->db))
        rc = ERR(e, -EIO, "store.lost");
    else if (!writes || (rc = sq_plain(t->c->db, "PRAGMA query_only=ON", e)) == 0)
        rc = foreign_run(&g, t->c, fn, ctx, e);
    if (writes && !t->failed)
        back = sq_plain(t->c->db, "PRAGMA query_only=OFF", rc == 0 ? e : &lost);
    arena_free(&g.arena);
    if (back < 0 || sqlite3_get_autocommit(t->c->db))
        t->failed = true;
    return rc == 0 ? back : rc;
}
