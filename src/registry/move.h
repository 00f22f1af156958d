/* A store's whole content into another store, of any engine. */
#ifndef LUY_REGISTRY_MOVE_H
#define LUY_REGISTRY_MOVE_H
#include "registry/store.h"

/* Called before each table and every some thousand rows of it. */
typedef void move_progress(void *ctx, str table, int64_t rows);
/* `to` has the tables of `from` already, made for the same schema, and no row in any
 * of them but registry_meta; -ENOTEMPTY else, -ENOENT when it lacks a table. One snapshot of
 * `from`, one transaction of `to`: what is interrupted leaves nothing behind.
 * Before it is kept, every table is read back and compared, by number of rows and by
 * a hash over them: -EBADMSG when anything differs. */
int store_move(struct store *from, struct store *to, move_progress *fn, void *ctx, struct err *e);
#endif
