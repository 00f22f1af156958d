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
    struct errs *refused; /* a dry run: what stands in the way goes here and the checks go on; or NULL */
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
int mig_check_gone(struct mig *m, const json_t *old); /* a kind that the new schema does not have */
/* Living records without a value that they must have and no default gives. is_new: has no column yet. */
int mig_check_required(struct mig *m, const struct kind *k, const struct field *f, bool is_new);
/* May the default be written into records that have no value? */
bool mig_fills(const struct field *f);
/* migrate.c */
const json_t *mig_named(const json_t *list, str name);
bool mig_kind_same(const struct mig *m, const struct kind *k, const json_t *old);
int mig_meta_get(struct mig *m, const char *name, str *out);
#endif
