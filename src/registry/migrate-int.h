/* Bringing tables up to the schema: what migrate.c and its checks share. */
#ifndef LUY_REGISTRY_MIGRATE_INT_H
#define LUY_REGISTRY_MIGRATE_INT_H
#include "registry/registry-int.h"

struct mig {
    struct registry *r;
    struct tx *tx;
    struct arena *a;
    struct err *e;
    const json_t *now; /* schema_json */
    str *later;        /* statements for when all tables are there */
    size_t nlater;
};
enum { LATER_MAX = 4096 };

/* Formats and runs one statement without parameters. */
int mig_sql(struct mig *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same when all tables have been made. */
int mig_later(struct mig *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The row whose id the statement selects stands in the way: -EEXIST with message
 * `key` (kind, field, id). */
int mig_in_the_way(struct mig *m, str kind, str field, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* ddl.c */
int ddl_table(struct mig *m, const struct kind *k);
int ddl_field(struct mig *m, const struct kind *k, const struct field *f);
int ddl_indexes(struct mig *m, const struct kind *k);
int ddl_indexes_drop(struct mig *m, const struct kind *k, const json_t *old);
int ddl_field_drop(struct mig *m, const struct kind *k, const json_t *old_field);
/* mig_check.c: may the data that is there be read as the new schema says? */
int mig_check_field(struct mig *m, const struct kind *k, const struct field *f, const json_t *old, bool *recreate);
int mig_check_kind(struct mig *m, const struct kind *k, const json_t *old);
#endif
