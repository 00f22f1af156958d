/* A whole api without sockets for tests and the fuzz target: real registry,
 * journal and judge in a folder of its own, a clock that is set by hand. */
#ifndef LUY_API_WORLD_INT_H
#define LUY_API_WORLD_INT_H
#include "api/api-int.h"

struct world {
    char dir[128];
    struct clock clk;
    struct schema *schema;
    struct store *store;
    struct registry *registry;
    struct calendar *calendar;
    struct journal *journal;
    struct judge *judge;
    struct api *api;
    char said[8192]; /* self events, one a line */
    int password_changes;
    /* of the last call */
    int status;
    char type[96], cookie[128], etag[32], allow[64];
    int64_t retry_after; /* seconds; 0: not said */
    json_t *json;
    struct buf body;
};
void world_open(struct world *w);
void world_close(struct world *w);
/* An account with roles ("admin auditor"; "unit_officer@CODE"), active, and its
 * one-time password. */
void world_account(struct world *w, const char *name, const char *roles, char password[ONE_TIME_PASSWORD_MAX]);
/* "POST /api/v1/session"; headers are "Name: value" lines, may be NULL. */
void world_call(struct world *w, const char *line, const char *headers, const char *body, size_t n);
const char *world_text(struct world *w, const char *member); /* of the last JSON answer; "" when absent */
/* Logs in, changes the one-time password to `password`; headers for later calls. */
void world_login(struct world *w, const char *name, const char *one_time, const char *password, char headers[512]);
#endif
