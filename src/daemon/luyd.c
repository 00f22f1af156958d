/* Starts and stops the parts in order, and reads again what can be read again. */
#include "daemon/luyd-int.h"
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

enum lang person_lang(void)
{
    const char *names[] = {"LUY_LANG", "LC_ALL", "LC_MESSAGES", "LANG"};
    enum lang lang = LANG_VI;

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const char *v = getenv(names[i]);
        if (v == NULL || *v == '\0')
            continue;
        str head = str_sub(str_c(v), 0, 2);
        return lang_parse(head, &lang) ? lang : LANG_EN;
    }
    return lang;
}

void report_errs(const struct errs *es)
{
    char text[2048];

    for (size_t i = 0; i < es->n; i++) {
        err_text(&es->v[i], person_lang(), text, sizeof(text));
        fprintf(stderr, "%s\n", text);
    }
}
static void raise_files(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
        r.rlim_cur = r.rlim_max < 65536 ? r.rlim_max : 65536;
        setrlimit(RLIMIT_NOFILE, &r);
    }
}
static const struct {
    const char *name;
    int (*fn)(struct luyd *d, struct err *e);
} steps[] = {
    {"configuration", open_config}, {"data", open_data},
    {"keys", open_vault},           {"registry", open_registry},
    {"calendar", open_calendar},    {"journal", open_journal},
    {"flows", open_flows},          {"judge", open_judge},
    {"clickhouse", open_set},       {"api", open_api},
    {"intake", open_intake}, /* takes what is sent from here on; it waits in the ring */
    {"relay", open_relay},   /* its blocks have numbers that nothing which is appended now may get */
    {"pipeline", open_pipeline},    {"clickhouse", start_cluster},
    {"archives", open_archiver},    {"role", open_leading},
    {"documents", open_sweeper},    {"https", start_api},
    {"ports", write_ports},
};

void log_step(const char *name, const struct err *e)
{
    char text[2048];
    err_text(e, person_lang(), text, sizeof(text));
    fprintf(stderr, "luyd: %s: %s\n", name, text);
}

struct luyd *luyd_new(const struct luyd_options *o)
{
    struct luyd *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return NULL;
    d->o = *o;
    d->clk = clock_system;
    d->began = clock_mono(&d->clk);
    d->cfg_arena = arena_init(4 << 20);
    d->lock_fd = d->wake_fd = -1;
    return d;
}

int luyd_start(const struct luyd_options *o, struct luyd **out)
{
    struct luyd *d = luyd_new(o);
    struct err e = {0};

    if (d == NULL)
        return -ENOMEM;
    d->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    d->self = self_queue_new(&d->clk, d->wake_fd);
    if (d->wake_fd < 0 || d->self == NULL) {
        luyd_stop(d);
        return -ENOMEM;
    }
    raise_files();
    log_set_hook(on_log_line, d);
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        int rc = steps[i].fn(d, &e);
        if (rc < 0) {
            log_step(steps[i].name, &e);
            luyd_stop(d);
            return rc;
        }
    }
    self_sayf(d->self, 5, "event=luyd_start version=%s pid=%d", LUY_VERSION, (int)getpid());
    notify("READY=1\n");
    *out = d;
    return 0;
}

/* Connections first, so that nothing new begins; then the threads that feed
 * journal and judge; then what they used. */
void luyd_stop(struct luyd *d)
{
    char path[1100];

    notify("STOPPING=1\n");
    if (d->lock_fd >= 0) {
        snprintf(path, sizeof(path), "%s/ports", d->o.data);
        unlink(path);
    }
    if (d->api != NULL)
        api_stop(d->api);
    if (d->pipeline != NULL)
        self_sayf(d->self, 5, "event=luyd_stop pid=%d", (int)getpid());
    log_set_hook(NULL, NULL);
    sweeper_stop(d->sweeper);
    leading_stop(d->leading);
    archiver_free(d->archiver); /* it asks what is kept of relays */
    d->archiver = NULL;
    relay_stop(d);
    cluster_stop(d->cluster);
    pipeline_stop(d->pipeline);
    tailer_close(d->tailer);
    if (d->intake != NULL)
        intake_stop(d->intake);
    if (d->judge != NULL)
        judge_close(d->judge);
    api_free(d->api);
    if (d->flows != NULL)
        journal_archive_flows(d->journal, NULL, NULL);
    flow_store_close(d->flows); /* its last block goes into the journal's ledger */
    if (d->journal != NULL)
        journal_close(d->journal);
    if (d->registry != NULL)
        registry_close(d->registry);
    if (d->store != NULL)
        store_close(d->store);
    schema_free(d->schema);
    calendar_free(d->calendar);
    vault_close(d->vault);
    self_queue_free(d->self);
    if (d->wake_fd >= 0)
        close(d->wake_fd);
    if (d->lock_fd >= 0)
        close(d->lock_fd);
    arena_free(&d->cfg_arena);
    explicit_bzero(d->set_password, sizeof(d->set_password));
    free(d);
}

static void apply(struct luyd *d, struct config *fresh, struct arena *fresh_arena)
{
    for (size_t i = 0; i < config_options_n; i++)
        if (!config_options[i].live && !config_same(&d->cfg, fresh, &config_options[i]))
            log_event(LOG_WARN, "needs_restart", F_STR("option", str_c(config_options[i].name)));
    struct login_policy p = policy_of(fresh);
    api_set_policy(d->api, &p);
    set_log_level(fresh->log_level);
    /* Texts of the running parts stay in the old arena, which is kept; live
     * options are numbers or the log level, so nothing points into the new one. */
    for (size_t i = 0; i < config_options_n; i++)
        if (config_options[i].live && config_options[i].type >= CT_INT)
            memcpy((char *)&d->cfg + config_options[i].at, (char *)fresh + config_options[i].at, sizeof(int64_t));
    arena_free(fresh_arena);
}

void luyd_reload(struct luyd *d)
{
    struct arena a = arena_init(4 << 20);
    struct config fresh;
    struct errs es;
    struct err e = {0};

    notify("RELOADING=1\n");
    errs_init(&es, ERRS_MAX);
    int rc = config_read(&d->o, &a, &fresh, &es, &e);
    if (rc < 0) {
        report_errs(&es);
        if (e.code != 0)
            log_step("configuration", &e);
        arena_free(&a);
    } else {
        apply(d, &fresh, &a);
    }
    e = (struct err){0};
    errs_done(&es);
    errs_init(&es, ERRS_MAX);
    int packs = judge_reload(d->judge, &es, &e);
    if (packs < 0) {
        report_errs(&es);
        if (e.code != 0)
            log_step("packs", &e);
    }
    log_event(rc < 0 || packs < 0 ? LOG_ERROR : LOG_INFO, "reload",
              F_STR("configuration", rc < 0 ? STR("kept") : STR("new")),
              F_STR("packs", packs < 0 ? STR("kept") : STR("new")), F_INT("mistakes", es.total));
    errs_done(&es);
    self_sayf(d->self, 5, "event=luyd_reload configuration=%s packs=%s", rc < 0 ? "kept" : "new",
              packs < 0 ? "kept" : "new");
    notify("READY=1\n");
}
