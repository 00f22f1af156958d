/* luyd --check-schema DIR: what another schema would do to the data that is
 * there. The data folder is only read, also while a luyd serves from it. */
#include "daemon/luyd-int.h"
#include "registry/registry.h"
#include <errno.h>
#include <unistd.h>

static void said(void *ctx, const struct migration *m)
{
    static const char *const keys[MIG_STEPS] = {
        [MIG_KIND_NEW] = "daemon.schema.kind_new",           [MIG_KIND_GONE] = "daemon.schema.kind_gone",
        [MIG_KIND_CHANGED] = "daemon.schema.kind_changed",   [MIG_FIELD_NEW] = "daemon.schema.field_new",
        [MIG_FIELD_GONE] = "daemon.schema.field_gone",       [MIG_FIELD_RETYPED] = "daemon.schema.field_retyped",
        [MIG_FIELD_CHANGED] = "daemon.schema.field_changed", [MIG_FILL] = "daemon.schema.fill"};
    const char *const args[] = {err_s(m->kind), err_s(m->field), err_n(m->rows)};
    char text[512];

    (*(size_t *)ctx)++;
    msg_fmt(text, sizeof(text), person_lang(), keys[m->step], args, 3);
    printf("%s\n", text);
}

static int plan(struct luyd *d, const char *dir, struct err *e)
{
    char path[1100], text[512];
    const char *url = store_url(d, d->cfg.store, path, sizeof(path)), *args[] = {dir};
    struct store *st = NULL;
    struct errs refused;
    size_t steps = 0;

    if (!store_is_shared(d) && access(url, R_OK) < 0)
        return ERR(e, -errno, "daemon.schema.no_data", url);
    errs_init(&refused, ERRS_MAX);
    int rc = store_open(url, &st, e);
    if (rc == 0)
        rc = registry_migration(st, d->schema, &d->clk, said, &steps, &refused, e);
    report_errs(&refused);
    errs_done(&refused);
    if (st != NULL)
        store_close(st);
    if (rc == 0) {
        msg_fmt(text, sizeof(text), person_lang(), steps == 0 ? "daemon.schema.same" : "daemon.schema.goes", args, 1);
        printf("%s\n", text);
    }
    return rc;
}

int luyd_check_schema(const struct luyd_options *o, const char *dir)
{
    struct luyd *d = luyd_new(o);
    struct err e = {0};

    if (d == NULL)
        return 1;
    int rc = open_config(d, &e);
    if (rc == 0) {
        snprintf(d->paths.schema, sizeof(d->paths.schema), "%s", dir);
        rc = check_packs(d, &e);
    }
    if (rc == 0)
        rc = plan(d, dir, &e);
    if (rc < 0)
        log_step("check-schema", &e);
    luyd_stop(d);
    return rc < 0 ? 1 : 0;
}
