/* luyd --migrate-store TO: all that is in the configured store into another,
 * while no luyd serves (the data folder is locked). */
#include "daemon/luyd-int.h"
#include "api/api.h"
#include "registry/move.h"
#include <errno.h>

struct target {
    struct store *store;
    struct registry *registry;
};

static void said(void *ctx, str table, int64_t rows)
{
    (void)ctx;
    printf("%.*s: %lld\n", STR_ARGS(table), (long long)rows);
    fflush(stdout);
}

static int target_open(struct luyd *d, const char *to, struct target *t, struct err *e)
{
    char path[1100];
    int rc = store_open(store_url(d, to, path, sizeof(path)), &t->store, e);

    if (rc == 0)
        rc = registry_open(t->store, d->schema, &d->clk, &t->registry, e);
    if (rc == 0)
        rc = judge_tables(t->store, e);
    return rc == 0 ? api_tables(t->store, e) : rc;
}

/* The chain, read through the registry as anyone would, ends where it ended. */
static int heads_compare(struct luyd *d, const struct target *t, struct err *e)
{
    char was[65], now[65];
    uint64_t seq, rows, bad;
    int rc = registry_head(d->registry, &seq, was, e);

    if (rc == 0)
        rc = registry_head(t->registry, &seq, now, e);
    if (rc == 0)
        rc = registry_verify(t->registry, &rows, &bad, e);
    if (rc == 0 && (bad != 0 || strcmp(was, now) != 0))
        rc = ERR(e, -EBADMSG, "store.move_chain", err_n((int64_t)bad));
    if (rc == 0)
        printf("history: %llu, %s\n", (unsigned long long)rows, now);
    return rc;
}

int luyd_migrate(const struct luyd_options *o, const char *to)
{
    struct luyd *d = luyd_new(o);
    struct target t = {0};
    struct err e = {0};
    bool leads;

    if (d == NULL)
        return 1;
    int rc = open_config(d, &e);
    if (rc == 0 && strcmp(to, "sqlite") != 0 && !str_starts(str_c(to), STR("postgresql://")))
        rc = ERR(&e, -EINVAL, "config.not_store", to);
    if (rc == 0 && strcmp(to, d->cfg.store) == 0)
        rc = ERR(&e, -EINVAL, "store.move_same");
    if (rc == 0)
        rc = open_data(d, &e);
    if (rc == 0)
        rc = open_registry(d, &e);
    if (rc == 0 && (rc = store_lead(d->store, &leads, &e)) == 0 && !leads)
        rc = ERR(&e, -EBUSY, "store.move_in_use");
    if (rc == 0)
        rc = judge_tables(d->store, &e);
    if (rc == 0)
        rc = api_tables(d->store, &e);
    if (rc == 0)
        rc = target_open(d, to, &t, &e);
    if (rc == 0)
        rc = store_move(d->store, t.store, said, NULL, &e);
    if (rc == 0)
        rc = heads_compare(d, &t, &e);
    if (rc < 0)
        log_step("migrate-store", &e);
    registry_close(t.registry);
    if (t.store != NULL)
        store_close(t.store);
    luyd_stop(d);
    return rc < 0 ? 1 : 0;
}
