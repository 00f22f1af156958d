/* The PostgreSQL engine, for its own files and its tests. */
#ifndef LUY_REGISTRY_PG_INT_H
#define LUY_REGISTRY_PG_INT_H
#include <libpq-fe.h>
#include "registry/pool.h"
#include "registry/store-int.h"
#include "vault/vault.h"

/* Tables live in the schema "luy", the functions that SQLite has and PostgreSQL
 * lacks in "luy_sql". Advisory locks are of one database. */
#define PG_LOCK_WRITE "1281316185, 1" /* "LUY" + 'y': one write transaction at a time */
#define PG_LOCK_LEAD  "1281316185, 2" /* held by the program that leads */

enum { PG_SLOTS = 128, PG_APPROVED = 512, PG_QUEUE = 1024 };
/* What was planned when a table was empty reads all of it for each row of a
 * spreadsheet, and a transaction's own rows are in no statistics: planned again
 * after so many statements that wrote, by the size that the tables have by then. */
enum { PG_PLANS_OLD = 256, PG_UNTIDY = 64 };
/* Parameters of a statement. One that it does not mention has no place to take
 * its type from, and PostgreSQL wants one: text. */
enum { PG_PARAMS = 2048, PG_TEXT = 25 };
struct pg_params {
    size_t n;
    Oid type[PG_PARAMS];
};
/* A statement seen once is run as it is; seen again it is prepared. */
struct pg_slot {
    uint64_t hash, used;
    char *sql, *text; /* as asked; as PostgreSQL has it */
    str table;        /* in sql: whose search index it writes to, or empty */
    unsigned name;    /* "s<name>"; 0 = not prepared */
    size_t params;
    Oid *type;
};
/* Rows that wait before a search index (pg_search.c). */
struct pg_untidy {
    char table[80];
    uint64_t rows;
};
/* A statement that was sent and not answered yet (pg_queue.c). */
struct pg_wait {
    struct pg_slot *slot; /* NULL: of no slot */
    bool prepares;
    row_fn *fn;
    void *ctx;
    int64_t mark;
};
struct pg_conn {
    struct pool_item item;
    PGconn *db;
    struct pg_slot slot[PG_SLOTS];
    struct arena a;       /* of one statement */
    uint64_t tick, wrote; /* wrote: statements without rows */
    unsigned names;
    struct pg_wait queue[PG_QUEUE];
    size_t nqueue;
    int64_t mark, blame; /* struct tx's */
    uint64_t trips;      /* times that an answer was waited for */
    struct pg_untidy untidy[PG_UNTIDY];
    size_t nuntidy;
};
struct pg_store {
    struct store base;
    char *url;
    pthread_mutex_t writer; /* held by a write transaction from begin to end */
    struct pg_conn *write;  /* NULL: to be made anew */
    struct pool read, foreign;
    pthread_mutex_t lock; /* guards what follows */
    struct pg_conn *lead;
    bool leads;
    Oid *fn; /* functions that foreign SQL may call, sorted */
    size_t nfn, napproved;
    struct sha256 approved[PG_APPROVED]; /* foreign texts that were looked through */
};
struct pg_ids;
struct pg_tx {
    struct tx base;
    struct pg_conn *c;
    enum store_mode mode;
    bool failed;
    struct pg_ids *ids; /* pg_queue.c */
};

/* pg.c */
int pg_conn_open(const struct pg_store *s, struct pg_conn **out, struct err *e);
void pg_conn_close(struct pg_conn *c);
int pg_lend(struct pg_store *s, struct pool *p, const char *begin, struct pg_conn **out, struct err *e);
void pg_return(struct pool *p, struct pg_conn *c);
/* pg_move.c */
int pg_scan(struct tx *tx, const char *sql, row_fn *fn, void *ctx, struct err *e);
int pg_ids_go_on(struct tx *tx, str table, struct err *e);
int pg_scrub(struct store *st, const str *tables, size_t n, struct err *e);
/* pg_stmt.c */
int pg_fail(PGconn *db, const PGresult *res, struct err *e); /* SQLSTATE to errno and sentence */
bool pg_lost(PGconn *db);
bool pg_died(PGconn *db, const PGresult *res); /* pg_lost, asked of the other end; after a failure */
int pg_plain(struct pg_conn *c, const char *sql, struct err *e);
int pg_run(struct pg_conn *c, const char *sql, const struct val *p, size_t np, row_fn *fn, void *ctx, int64_t *changed,
           struct err *e);
/* For pg_queue.c: the slot of a statement, prepared the second time; its values as text. */
int pg_slot_take(struct pg_conn *c, const char *sql, struct pg_slot **out, struct err *e);
const char **pg_values(struct pg_conn *c, const struct pg_slot *s, const struct val *p);
void pg_slot_doubt(struct pg_slot *s, const PGresult *res);
int pg_rows(const PGresult *res, row_fn *fn, void *ctx, struct err *e);
bool pg_good(const PGresult *res);
void pg_row(const PGresult *res, int row, struct val *cols, int n);
void pg_cache_clear(struct pg_conn *c);
/* Value as PostgreSQL reads it in text form; NULL for NULL or when memory ends (then a->failed). */
const char *pg_param(struct arena *a, const struct val *v);
/* pg_queue.c */
bool pg_queued(const struct pg_conn *c); /* then nothing else may be sent on it */
int pg_queue_add(struct pg_conn *c, const char *sql, const struct val *p, size_t np, row_fn *fn, void *ctx,
                 struct err *e);
int pg_queue_plain(struct pg_conn *c, const char *sql, struct err *e);
int pg_queue_prepare(struct pg_conn *c, struct pg_slot *s, const char *name, struct err *e);
/* Waits for the answers. last: the answer of the last one, the caller's to clear. Whose statement failed: c->blame. */
int pg_queue_flush(struct pg_conn *c, PGresult **last, struct err *e);
void pg_queue_drop(struct pg_conn *c); /* the same, and nobody wants to know */
int pg_defer(struct tx *tx, const char *sql, const struct val *p, size_t np, row_fn *fn, void *ctx, struct err *e);
int pg_flush(struct tx *tx, struct err *e);
int pg_new_id(struct tx *tx, str table, int64_t *id, struct err *e);
void pg_ids_free(struct pg_ids *ids);
/* pg_sql.c: our SQL as PostgreSQL has it. -EINVAL: not exactly one statement. */
int pg_sql(str sql, struct buf *out, struct pg_params *params, struct err *e);
/* pg_setup.c: schemas and functions, once for a database. */
int pg_setup(struct pg_conn *c, struct err *e);
/* pg_foreign.c */
int pg_foreign(struct store *st, const struct foreign_query *fq, foreign_fn *fn, void *ctx, struct err *e);
int pg_tx_foreign(struct tx *tx, const struct foreign_query *fq, foreign_fn *fn, void *ctx, struct err *e);
/* An error of a foreign text itself, not of the server. */
int pg_text_fail(PGconn *db, const PGresult *res, int timeout_ms, struct err *e);
/* pg_look.c: does the text only what fq allows? text: fq's as PostgreSQL has it. */
int pg_look(struct pg_store *s, const struct foreign_query *fq, str text, struct err *e);
/* pg_search.c */
str pg_search_table(const char *sql); /* whose index the statement writes to; empty: none's */
void pg_search_wrote(struct pg_conn *c, str table);
void pg_search_tidy(struct pg_conn *c); /* between transactions */
int pg_search_make(struct tx *tx, str table, struct err *e);
int pg_search_bring(struct tx *tx, str table, struct err *e);
int pg_search_drop(struct tx *tx, str table, struct err *e);
str pg_search_text(struct arena *a, const str *words, size_t n);
void pg_search_cond(struct buf *sql, str table, size_t param);
#endif
