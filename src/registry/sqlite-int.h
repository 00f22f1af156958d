/* The SQLite engine, for its own files and its tests. */
#ifndef LUY_REGISTRY_SQLITE_INT_H
#define LUY_REGISTRY_SQLITE_INT_H
#include "registry/pool.h"
#include "registry/store-int.h"
#include <sqlite3.h>

enum { STMT_CACHE = 96 };
struct stmt_slot {
    uint64_t hash, used;
    char *sql;
    sqlite3_stmt *st;
    bool busy;
};
struct conn {
    struct pool_item item;
    sqlite3 *db;
    struct stmt_slot slot[STMT_CACHE];
    uint64_t tick;
};
enum conn_use { CONN_READ, CONN_FOREIGN, CONN_USES };
struct sq_store {
    struct store base;
    char *path;
    pthread_mutex_t writer; /* held by a write transaction from begin to end */
    struct conn *write;
    struct pool pool[CONN_USES];
};
struct sq_tx {
    struct tx base;
    struct conn *c;
    enum store_mode mode;
    bool failed; /* a statement of this write was refused: it can only be taken back */
};

/* sqlite.c */
int sq_lend(struct sq_store *s, enum conn_use use, struct conn **out, struct err *e);
void sq_return(struct sq_store *s, enum conn_use use, struct conn *c);
/* sqlite_stmt.c */
int sq_fail(sqlite3 *db, int rc, struct err *e); /* SQLite code to errno and sentence */
int sq_plain(sqlite3 *db, const char *sql, struct err *e);
int sq_run(struct conn *c, const char *sql, const struct val *p, size_t np, row_fn *fn, void *ctx, int64_t *changed,
           struct err *e);
int sq_bind(sqlite3_stmt *st, int at, const struct val *v);
void sq_row(sqlite3_stmt *st, struct val *cols, int n);
void sq_cache_clear(struct conn *c);
/* sqlite_foreign.c */
int sq_foreign(struct store *st, const struct foreign_query *fq, foreign_fn *fn, void *ctx, struct err *e);
int sq_tx_foreign(struct tx *tx, const struct foreign_query *fq, foreign_fn *fn, void *ctx, struct err *e);
/* sqlite_search.c */
int sq_functions(sqlite3 *db);
int sq_search_make(struct tx *tx, str table, struct err *e);
int sq_search_bring(struct tx *tx, str table, struct err *e);
int sq_search_drop(struct tx *tx, str table, struct err *e);
int sq_search_flush(struct tx *tx, struct err *e); /* before a write commits */
str sq_search_text(struct arena *a, const str *words, size_t n);
void sq_search_cond(struct buf *sql, str table, size_t param);
#endif
