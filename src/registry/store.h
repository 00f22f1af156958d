/* The SQL store behind the registry and the tables of judge and api: one small
 * interface, so that a second engine can stand behind it. SQL is the subset
 * that SQLite 3.40 and PostgreSQL 15 share; parameters are ?1 ?2 ...
 *
 * Thread-safe. One write transaction at a time (others wait); any number of
 * readers, each seeing the state at its begin. A transaction belongs to the
 * thread that began it. */
#ifndef LUY_REGISTRY_STORE_H
#define LUY_REGISTRY_STORE_H
#include "base/arena.h"
#include "base/err.h"

enum val_type { VAL_NULL, VAL_INT, VAL_REAL, VAL_TEXT };
struct val {
    enum val_type type;
    int64_t i;
    double r;
    str s;
};
#define V_NULL    ((struct val){.type = VAL_NULL})
#define V_INT(x)  ((struct val){.type = VAL_INT, .i = (int64_t)(x)})
#define V_REAL(x) ((struct val){.type = VAL_REAL, .r = (x)})
#define V_STR(x)  ((struct val){.type = VAL_TEXT, .s = (x)})
#define V_Z(x)    V_STR(str_c(x))

struct store;
struct tx;
enum store_mode { STORE_READ, STORE_WRITE };

/* A path: an SQLite file. "postgresql://...": a database of that server, 15 or
 * newer, in UTF-8; -EAGAIN when it cannot be reached. */
int store_open(const char *url, struct store **out, struct err *e);
void store_close(struct store *s);
int store_begin(struct store *s, enum store_mode m, struct tx **out, struct err *e);
int store_commit(struct tx *tx, struct err *e); /* frees tx, also on failure (then rolled back) */
void store_rollback(struct tx *tx);             /* NULL is fine */
/* One statement without rows; *changed may be NULL. -EEXIST on a unique
 * violation, -EINVAL on a broken reference, -ENOSPC, -EIO; -EAGAIN when the
 * server went away or wants it done again: a new transaction may succeed. After
 * any error a write transaction can only be taken back (-EIO store.lost). */
int tx_exec(struct tx *tx, const char *sql, const struct val *p, size_t np, int64_t *changed, struct err *e);
int64_t tx_last_id(struct tx *tx); /* of tx_exec */
/* The same, put off at the engine's choice until what next asks something, tx_flush
 * or the commit: in their order, but a row needs no journey of its own to a server.
 * An error may come back only from there. */
int tx_defer(struct tx *tx, const char *sql, const struct val *p, size_t np, struct err *e);
int tx_flush(struct tx *tx, struct err *e);
/* A row whose first parameter is the column id, which is filled in. */
int tx_insert(struct tx *tx, str table, const char *sql, struct val *p, size_t np, int64_t *id, struct err *e);
/* What is done from here on is done for `mark`, not 0; whose statement failed is in
 * tx_blame, 0 as long as none has. */
void tx_mark(struct tx *tx, int64_t mark);
int64_t tx_marked(const struct tx *tx);
int64_t tx_blame(const struct tx *tx);
/* Rows to a callback; text is valid during the call. Return false to stop. */
typedef bool row_fn(void *ctx, const struct val *cols, size_t n);
int tx_query(struct tx *tx, const char *sql, const struct val *p, size_t np, row_fn *fn, void *ctx, struct err *e);
/* The same put off, in the order of what was put off before: it sees what they wrote and no more. fn
 * must not use the transaction; ctx lives until tx_flush has said 0, or the end of the transaction. */
int tx_ask(struct tx *tx, const char *sql, const struct val *p, size_t np, row_fn *fn, void *ctx, struct err *e);
#define VALS(...) (const struct val[]){__VA_ARGS__}, sizeof((const struct val[]){__VA_ARGS__}) / sizeof(struct val)
#define NO_VALS   NULL, 0
/* First column of the first row; 1 found, 0 none. Text is copied to `a`. */
int tx_one(struct tx *tx, struct arena *a, const char *sql, const struct val *p, size_t np, struct val *out,
           struct err *e);

/* SQL from a pack: foreign text, so looked through by the engine first: it may
 * read the named tables through the functions of dialect.h and nothing else,
 * and is stopped after timeout_ms. Named parameters (:now ...). -EACCES with what was tried,
 * -ETIME, -EINVAL with the engine's message, -E2BIG when there are more than
 * max_rows (those rows were handed out), -ENOMEM. Opens its own read transaction. */
struct named_val {
    const char *name;
    struct val v;
};
struct foreign_query {
    const char *sql;
    const struct named_val *params;
    size_t nparams;
    const char *const *tables; /* NULL-ended: those that it may read; NULL: all */
    int timeout_ms;
    uint64_t max_rows;
    bool *reads; /* out, beside tables: set for those that the text reads; NULL: not asked */
};
int store_foreign(struct store *s, const struct foreign_query *fq,
                  bool (*fn)(void *ctx, const char *const *names, const struct val *cols, size_t n), void *ctx,
                  struct err *e);
/* The same over what a transaction wrote and nobody else sees yet, with the same
 * walls; fn must not use the transaction. A text that fails or is too late leaves
 * the transaction as it was; -EIO store.lost when that cannot be kept. */
int tx_foreign(struct tx *tx, const struct foreign_query *fq,
               bool (*fn)(void *ctx, const char *const *names, const struct val *cols, size_t n), void *ctx,
               struct err *e);
/* Parses and authorizes without running: for pack loading. Every :name of the
 * query must be among params. */
int store_foreign_check(struct store *s, const struct foreign_query *fq, struct err *e);

/* Of the programs that share a store one leads: it judges and keeps the clock.
 * Asks again each time; who leads goes on leading until its session with the
 * server ends. SQLite has no one to share with: it always leads. On failure
 * *leads is false too. */
int store_lead(struct store *s, bool *leads, struct err *e);
const char *store_engine(const struct store *s); /* "sqlite", "postgresql" */
#endif
