/* What an SQL engine brings: the operations behind store.h and the few pieces
 * of SQL that engines do not share. sqlite.c and pg.c are the two. */
#ifndef LUY_REGISTRY_STORE_INT_H
#define LUY_REGISTRY_STORE_INT_H
#include "base/buf.h"
#include "registry/store.h"

typedef bool foreign_fn(void *ctx, const char *const *names, const struct val *cols, size_t n);

struct store_ops {
    const char *name;
    int (*open)(const char *url, struct store **out, struct err *e);
    void (*close)(struct store *s);
    int (*begin)(struct store *s, enum store_mode m, struct tx **out, struct err *e);
    int (*commit)(struct tx *tx, struct err *e);
    void (*rollback)(struct tx *tx);
    /* fn NULL: rows are not wanted; changed NULL: not asked. */
    int (*run)(struct tx *tx, const char *sql, const struct val *p, size_t np, row_fn *fn, void *ctx, int64_t *changed,
               struct err *e);
    int64_t (*last_id)(struct tx *tx);
    /* Of a far server. NULL: everything is done at once, and rows number themselves. */
    int (*defer)(struct tx *tx, const char *sql, const struct val *p, size_t np, row_fn *fn, void *ctx, struct err *e);
    int (*flush)(struct tx *tx, struct err *e);
    int (*new_id)(struct tx *tx, str table, int64_t *id, struct err *e);
    /* fn NULL: parse and authorize only. */
    int (*foreign)(struct store *s, const struct foreign_query *fq, foreign_fn *fn, void *ctx, struct err *e);
    int (*tx_foreign)(struct tx *tx, const struct foreign_query *fq, foreign_fn *fn, void *ctx, struct err *e);

    int (*lead)(struct store *s, bool *leads, struct err *e);

    /* For move.c. Rows without number: fn must not use the transaction. */
    int (*scan)(struct tx *tx, const char *sql, row_fn *fn, void *ctx, struct err *e);
    int (*ids_go_on)(struct tx *tx, str table, struct err *e); /* after rows with their own ids; NULL: nothing to do */
    /* Old values of these tables leave the files too; outside of any transaction.
     * NULL: they have left already. */
    int (*scrub)(struct store *s, const str *tables, size_t n, struct err *e);
    const char *tables_sql;  /* names of the tables, not those of an index */
    const char *columns_sql; /* names of the columns of ?1, in order of names */
    const char *defer_refs;  /* references are looked at when it commits */

    const char *id_type, *int_type, *real_type; /* column types of DDL; text is TEXT everywhere */
    const char *fold_fn;                        /* SQL function: base/text.h text_fold */
    /* An index for substrings over the column "folded" of `table`, kept current by the engine. */
    int (*search_make)(struct tx *tx, str table, struct err *e);
    int (*search_bring)(struct tx *tx, str table, struct err *e); /* one of an earlier release, up to search_make */
    int (*search_drop)(struct tx *tx, str table, struct err *e);
    /* What the index is asked for records whose folded text may hold all words;
     * STR_NONE when the words are too short for it. A superset: ask INSTR too. */
    str (*search_text)(struct arena *a, const str *words, size_t n);
    /* The condition on alias t, with that text as parameter ?n. */
    void (*search_cond)(struct buf *sql, str table, size_t param);
    const char *no_index;  /* in front of a column: do not use its index */
    const char *alone;     /* behind a SELECT in FROM: it is planned for itself, not for the page around it; or NULL */
    bool refer_later;      /* a reference is declared after both tables are made */
    const char *drop_tail; /* of DROP TABLE: with the references to it */
};
struct store {
    const struct store_ops *ops;
};
struct tx {
    struct store *st;
    int64_t mark, blame; /* store.h; 0: none */
};

extern const struct store_ops sqlite_ops, pg_ops;
#endif
