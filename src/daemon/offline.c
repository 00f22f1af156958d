/* luyd --check-config, --load and --reset-login: what is done without serving. */
#include "daemon/luyd-int.h"
#include "daemon/load.h"
#include <errno.h>
#include <unistd.h>

static void remove_scratch(const char *dir)
{
    static const char *const names[] = {"registry.db", "registry.db-wal", "registry.db-shm"};
    char path[300];

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
}

/* The files may go as soon as they are open: nothing of them is read by name again. */
int check_packs(struct luyd *d, struct err *e)
{
    char scratch[] = "/tmp/luyd-check-XXXXXX", file[64];

    if (mkdtemp(scratch) == NULL)
        return ERR(e, -errno, "daemon.scratch", scratch);
    snprintf(file, sizeof(file), "%s/registry.db", scratch);
    int rc = open_schema(d, e);
    if (rc == 0)
        rc = store_open(file, &d->store, e);
    if (rc == 0)
        rc = registry_open(d->store, d->schema, &d->clk, &d->registry, e);
    if (rc == 0)
        rc = open_calendar(d, e);
    if (rc == 0)
        rc = open_judge(d, e);
    remove_scratch(scratch);
    return rc;
}

int luyd_check(const struct luyd_options *o)
{
    struct luyd *d = luyd_new(o);
    struct err e = {0};
    struct buf b;
    bool bad = false;

    if (d == NULL)
        return 1;
    if (open_config(d, &e) < 0) {
        log_step("configuration", &e);
        bad = true;
    }
    paths_make(&d->cfg, &d->paths);
    e = (struct err){0};
    if (open_set(d, &e) < 0) {
        log_step("clickhouse", &e);
        bad = true;
    }
    e = (struct err){0};
    if (check_packs(d, &e) < 0) {
        log_step("packs", &e);
        bad = true;
    }
    buf_init(&b, 1 << 20);
    config_print(&d->cfg, &b);
    if (!bad)
        fwrite(b.p, 1, b.n, stdout);
    buf_done(&b);
    luyd_stop(d);
    return bad ? 1 : 0;
}

static void said(void *ctx, str kind, int64_t created, int64_t updated, int64_t rows)
{
    printf("%.*s: %lld created, %lld updated, %lld rows\n", STR_ARGS(kind), (long long)created, (long long)updated,
           (long long)rows);
}

int luyd_load(const struct luyd_options *o, const char *folder)
{
    struct luyd *d = luyd_new(o);
    struct err e = {0};
    struct errs es;
    int rc;

    if (d == NULL)
        return 1;
    errs_init(&es, ERRS_MAX);
    rc = open_config(d, &e);
    if (rc == 0)
        rc = open_data(d, &e);
    if (rc == 0)
        rc = open_registry(d, &e);
    if (rc == 0)
        rc = load_folder(d->registry, folder, said, NULL, &es, &e);
    report_errs(&es);
    if (rc < 0 && e.code != 0)
        log_step("load", &e);
    errs_done(&es);
    luyd_stop(d);
    return rc < 0 ? 1 : 0;
}

/* A way back in for whoever owns the machine: the data folder is the right. */
static int reset_login(struct luyd *d, const char *account, struct err *e)
{
    struct api_cfg ac = {.listen = "", .version = LUY_VERSION, .login = policy_of(&d->cfg)};
    struct api_deps deps = {.registry = d->registry, .clock = &d->clk};
    char password[ONE_TIME_PASSWORD_MAX], text[512];
    const char *const args[] = {account, password};
    int rc = api_open(&ac, &deps, &d->api, e);

    if (rc == 0)
        rc = api_login_reset(d->api, str_c(account), password, e);
    if (rc < 0)
        return rc;
    msg_fmt(text, sizeof(text), person_lang(), "daemon.reset", args, 2);
    printf("%s\n", text);
    explicit_bzero(password, sizeof(password));
    return 0;
}

int luyd_reset_login(const struct luyd_options *o, const char *account)
{
    struct luyd *d = luyd_new(o);
    struct err e = {0};

    if (d == NULL)
        return 1;
    int rc = open_config(d, &e);
    if (rc == 0)
        rc = open_data(d, &e);
    if (rc == 0)
        rc = open_registry(d, &e);
    if (rc == 0)
        rc = reset_login(d, account, &e);
    if (rc < 0)
        log_step("reset-login", &e);
    luyd_stop(d);
    return rc < 0 ? 1 : 0;
}
