/* luyd --load DIR: declares what a folder of CSV files says, before anything is
 * served. Files are NN-kind.csv and are read in the order of their names; what
 * a row refers to stands in an earlier file. Each file is all or nothing; the
 * first file with a mistake ends the load, and those before it stay. */
#ifndef LUY_DAEMON_LOAD_H
#define LUY_DAEMON_LOAD_H
#include "base/err.h"
#include "registry/registry.h"

/* Every file's result is told to `said` ("device", created, updated) for progress. */
typedef void load_said(void *ctx, str kind, int64_t created, int64_t updated, int64_t rows);
int load_folder(struct registry *r, const char *dir, load_said *said, void *ctx, struct errs *es, struct err *e);
#endif
