/* The SQL that packs are written in: SELECT over the tables of the registry,
 * with functions that every engine has or is given. See docs/recipes. */
#ifndef LUY_REGISTRY_DIALECT_H
#define LUY_REGISTRY_DIALECT_H
#include "registry/store-int.h"

/* Every function that a pack may call; NULL-ended, lower case. */
extern const char *const dialect_functions[];
bool dialect_function(str name); /* in any case */
/* May a query that fq describes read this table? */
bool dialect_table(const struct foreign_query *fq, str table);
/* Notes in fq->reads that it does. */
void dialect_reads(const struct foreign_query *fq, str table);

/* The text of one query for PostgreSQL: :name becomes $n, n the place of the
 * parameter in fq, and LIKE does not tell ASCII cases apart, as in SQLite. What has
 * no one meaning in both engines is refused. -EACCES when it is no SELECT,
 * -EINVAL else. Pure. */
int dialect_pg(const struct foreign_query *fq, struct buf *out, struct err *e);
#endif
