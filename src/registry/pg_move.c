/* What move.c asks of a PostgreSQL store: whole tables in and out, and old values gone from the files too. */
#include "registry/pg-int.h"
#include <errno.h>

/* A cursor, some thousand rows at a time. */
int pg_scan(struct tx *tx, const char *sql, row_fn *fn, void *ctx, struct err *e)
{
    struct pg_tx *t = (struct pg_tx *)tx;
    struct buf b;
    int rc;

    buf_init(&b, 1 << 20);
    buf_fmt(&b, "DECLARE luy_scan NO SCROLL CURSOR FOR %s", sql);
    buf_byte(&b, 0);
    rc = b.failed ? ERR(e, -ENOMEM, "store.no_memory") : pg_flush(tx, e);
    if (rc == 0)
        rc = pg_plain(t->c, b.p, e);
    buf_done(&b);
    for (int64_t n = 1; n > 0 && rc == 0;)
        rc = pg_run(t->c, "FETCH 2000 FROM luy_scan", NO_VALS, fn, ctx, &n, e);
    if (rc == 0)
        rc = pg_plain(t->c, "CLOSE luy_scan", e);
    t->failed = rc < 0;
    return rc;
}

int pg_ids_go_on(struct tx *tx, str table, struct err *e)
{
    char sql[500];
    struct val seq;
    struct arena a = arena_init(1 << 16);

    int rc = tx_one(tx, &a,
                    "SELECT column_name FROM information_schema.columns WHERE table_schema = 'luy' AND table_name = ?1"
                    " AND is_identity = 'YES'",
                    VALS(V_STR(table)), &seq, e);
    if (rc == 1) {
        snprintf(sql, sizeof(sql),
                 "SELECT setval(pg_get_serial_sequence('luy.\"%.*s\"', '%.*s'), coalesce(max(\"%.*s\"), 0) + 1, false)"
                 " FROM \"%.*s\"",
                 STR_ARGS(table), STR_ARGS(seq.s), STR_ARGS(seq.s), STR_ARGS(table));
        rc = tx_exec(tx, sql, NO_VALS, NULL, e);
    }
    arena_free(&a);
    return rc < 0 ? rc : 0;
}

/* An update leaves the row as it was in the table's file, and a plain VACUUM
 * only says that its place is free: the table is written anew. */
int pg_scrub(struct store *st, const str *tables, size_t n, struct err *e)
{
    struct pg_conn *c = NULL;
    struct buf b;
    int rc = pg_conn_open((struct pg_store *)st, &c, e);

    buf_init(&b, 4096);
    buf_z(&b, "VACUUM (FULL) ");
    for (size_t i = 0; i < n; i++)
        buf_fmt(&b, "%s\"%.*s\"", i > 0 ? ", " : "", STR_ARGS(tables[i]));
    buf_byte(&b, 0);
    if (rc == 0)
        rc = b.failed ? ERR(e, -ENOMEM, "store.no_memory") : pg_plain(c, b.p, e);
    buf_done(&b);
    pg_conn_close(c);
    return rc;
}
