/* Schemas and functions in the database, once for each version of pg_setup.sql,
 * which is built in. Its hash stands as the comment of the schema "luy_sql". */
#include "registry/pg-int.h"
#include "pg_setup.sql.h"
#include <errno.h>

static bool text_row(void *ctx, const struct val *cols, size_t n)
{
    (void)n;
    snprintf(ctx, 80, "%.*s", STR_ARGS(cols[0].s));
    return false;
}

static int was(struct pg_conn *c, char hash[80], struct err *e)
{
    hash[0] = '\0';
    return pg_run(c,
                  "SELECT coalesce(pg_catalog.obj_description(oid, 'pg_namespace'), '') FROM pg_catalog.pg_namespace"
                  " WHERE nspname = 'luy_sql'",
                  NO_VALS, text_row, hash, NULL, e);
}

int pg_setup(struct pg_conn *c, struct err *e)
{
    str sql = {(const char *)pg_setup_sql, sizeof(pg_setup_sql) - 1};
    struct sha256 h = sha256(sql);
    char hex[65], have[80], note[160];
    int rc = was(c, have, e);

    sha256_hex(h, hex);
    if (rc < 0 || strcmp(have, hex) == 0)
        return rc;
    snprintf(note, sizeof(note), "COMMENT ON SCHEMA luy_sql IS '%s'; COMMIT", hex);
    rc = pg_plain(c, "BEGIN; SELECT pg_advisory_xact_lock(" PG_LOCK_WRITE ")", e);
    if (rc == 0)
        rc = pg_plain(c, sql.p, e);
    if (rc == 0)
        rc = pg_plain(c, note, e);
    if (rc < 0)
        pg_plain(c, "ROLLBACK", NULL);
    return rc;
}
