/* Starts and stops the parts in order. Each part knows only what stands below
 * it; this file knows all of them and nothing else. */
#include "daemon/luyd.h"
#include "daemon/load.h"
#include "daemon/pipeline.h"
#include "base/file.h"
#include "base/log.h"
#include "base/msg.h"
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef LUY_VERSION
#define LUY_VERSION "0"
#endif
enum { CERT_DAYS = 397, CALENDAR_MAX = 1 << 20, ERRS_MAX = 1000 };

struct luyd {
    struct luyd_options o;
    struct arena cfg_arena;             /* texts of cfg */
    struct config cfg;
    struct paths paths;
    struct clock clk;
    int lock_fd, wake_fd;
    int64_t began;
    struct vault *vault;
    struct schema *schema;
    struct store *store;
    struct registry *registry;
    struct calendar *calendar;
    struct journal *journal;
    struct judge *judge;
    struct self_queue *self;
    struct intake *intake;
    struct pipeline *pipeline;
    struct api *api;
};

enum lang person_lang(void)
{
    const char *names[] = { "LUY_LANG", "LC_ALL", "LC_MESSAGES", "LANG" };
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

static void set_log_level(const char *name)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };
    for (int i = 0; i < 4; i++)
        if (strcmp(names[i], name) == 0)
            log_set_level((enum log_level)i);
}

static struct login_policy policy_of(const struct config *c)
{
    return (struct login_policy){ (uint32_t)c->login_failures, c->login_window, c->login_lock, c->session_idle, c->session_max,
                                  (uint32_t)c->password_min };
}

static void raise_files(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
        r.rlim_cur = r.rlim_max < 65536 ? r.rlim_max : 65536;
        setrlimit(RLIMIT_NOFILE, &r);
    }
}

/* Lũy's own log becomes events from "warn" on. Any thread. */
static void on_log_line(void *ctx, enum log_level lv, str line)
{
    struct luyd *d = ctx;
    if (lv <= LOG_WARN && d->self != NULL)
        self_say_log(d->self, lv == LOG_ERROR ? 3 : 4, line);
}

static void say_hook(void *ctx, int severity, str msg) { self_say(((struct luyd *)ctx)->self, severity, msg); }
static void password_hook(void *ctx, str account) { first_done(((struct luyd *)ctx)->o.data, account); }

static size_t counters_hook(void *ctx, struct api_counter *out, size_t cap)
{
    struct luyd *d = ctx;
    return d->pipeline != NULL ? pipeline_counters(d->pipeline, out, cap) : 0;
}

static int open_config(struct luyd *d, struct err *e)
{
    struct errs es;
    int rc;

    errs_init(&es, ERRS_MAX);
    rc = config_read(&d->o, &d->cfg_arena, &d->cfg, &es, e);
    report_errs(&es);
    if (rc < 0 && e->code == 0)
        ERR(e, rc, "config.mistakes", err_n((int64_t)es.total));
    errs_done(&es);
    if (rc == 0) {
        set_log_level(d->cfg.log_level);
        paths_make(&d->cfg, &d->paths);
    }
    return rc;
}

static int open_data(struct luyd *d, struct err *e)
{
    char path[1100];
    int rc = file_mkdirs(d->o.data, 0700, e);

    if (rc < 0)
        return rc;
    privilege_drop(d->cfg.user, d->o.data);
    snprintf(path, sizeof(path), "%s/lock", d->o.data);
    rc = file_lock(path, &d->lock_fd, e);
    if (rc == -EBUSY)
        return ERR(e, rc, "daemon.data_in_use", d->o.data);
    snprintf(path, sizeof(path), "%s/ports", d->o.data);
    unlink(path);
    return rc;
}

static int open_calendar(struct luyd *d, struct err *e)
{
    struct arena a = arena_init(2 * CALENDAR_MAX);
    struct errs es;
    str text;
    int rc = file_read(&a, d->paths.calendar, CALENDAR_MAX, &text, e);

    errs_init(&es, ERRS_MAX);
    if (rc == 0) {
        rc = calendar_parse(text, d->paths.calendar, &d->calendar, &es);
        report_errs(&es);
        if (rc < 0)
            ERR(e, rc, "daemon.mistakes", d->paths.calendar, err_n((int64_t)es.total));
    }
    errs_done(&es);
    arena_free(&a);
    return rc;
}

static int open_schema(struct luyd *d, struct err *e)
{
    struct errs es;
    int rc;

    errs_init(&es, ERRS_MAX);
    rc = schema_load(d->paths.schema, &d->schema, &es);
    report_errs(&es);
    if (rc < 0)
        ERR(e, rc, "daemon.mistakes", d->paths.schema, err_n((int64_t)es.total));
    errs_done(&es);
    return rc;
}

static int open_registry(struct luyd *d, struct err *e)
{
    char path[1100];
    int rc = open_schema(d, e);

    snprintf(path, sizeof(path), "%s/registry.db", d->o.data);
    if (rc == 0)
        rc = store_open(path, &d->store, e);
    if (rc == 0)
        rc = registry_open(d->store, d->schema, &d->clk, &d->registry, e);
    return rc;
}

static int open_vault(struct luyd *d, struct err *e)
{
    char path[1100], host[256] = "localhost", sans[2000];
    int n, rc;

    snprintf(path, sizeof(path), "%s/keys", d->o.data);
    rc = vault_open(path, &d->clk, &d->vault, e);
    if (rc < 0)
        return rc;
    gethostname(host, sizeof(host) - 1);
    n = snprintf(sans, sizeof(sans), "DNS:localhost,DNS:%s,IP:127.0.0.1,IP:::1", host);
    str rest = str_c(d->cfg.https_names), one;
    while (rest.p != NULL && str_split(&rest, ',', &one) && n < (int)sizeof(sans)) {
        struct ip ip;
        one = str_trim(one);
        if (one.n > 0)
            n += snprintf(sans + n, sizeof(sans) - (size_t)n, ",%s:%.*s", ip_parse(one, &ip) ? "IP" : "DNS", STR_ARGS(one));
    }
    static const char *const names[] = { "https", "syslog" };
    for (size_t i = 0; i < 2 && rc == 0; i++) {
        rc = vault_key_ensure(d->vault, str_c(names[i]), VAULT_P256, e);
        if (rc == 0)
            rc = vault_cert_ensure(d->vault, str_c(names[i]), str_c(host), str_c(sans), CERT_DAYS, e);
    }
    return rc;
}

static int open_journal(struct luyd *d, struct err *e)
{
    char path[1100];
    struct journal_cfg jc = {
        .dir = path, .sync_ms = (int)d->cfg.journal_sync_ms, .block_bytes = (size_t)d->cfg.journal_block,
        .block_seconds = (int)d->cfg.journal_block_age, .max_bytes = d->cfg.journal_max,
        .retention_days = (int)d->cfg.journal_retention_days, .reserve_bytes = d->cfg.journal_reserve,
    };
    snprintf(path, sizeof(path), "%s/journal", d->o.data);
    int rc = file_mkdirs(path, 0700, e);
    return rc < 0 ? rc : journal_open(&jc, &d->clk, &d->journal, e);
}

static int open_judge(struct luyd *d, struct err *e)
{
    struct judge_cfg jc = { .packs_dir = d->paths.packs, .calendar = d->calendar, .check_seconds = (int)d->cfg.check_interval,
                            .sql_timeout_ms = (int)d->cfg.check_timeout_ms };
    struct errs es;
    int rc;

    errs_init(&es, ERRS_MAX);
    rc = judge_open(&jc, d->registry, &d->clk, &d->judge, &es, e);
    report_errs(&es);
    if (rc < 0 && e->code == 0)
        ERR(e, rc, "daemon.mistakes", d->paths.packs, err_n((int64_t)es.total));
    errs_done(&es);
    return rc;
}

static int open_api(struct luyd *d, struct err *e)
{
    struct api_cfg ac = {
        .listen = d->cfg.listen, .web_dir = d->paths.web, .version = LUY_VERSION,
        .max_connections = (uint32_t)d->cfg.api_connections, .max_per_address = (uint32_t)d->cfg.api_per_address,
        .max_streams = (uint32_t)d->cfg.api_streams, .max_body_bytes = (uint64_t)d->cfg.api_body_total, .login = policy_of(&d->cfg),
    };
    struct api_deps deps = {
        .registry = d->registry, .journal = d->journal, .judge = d->judge, .vault = d->vault, .clock = &d->clk,
        .hooks = { d, say_hook, password_hook, counters_hook },
    };
    int rc = api_open(&ac, &deps, &d->api, e);
    return rc < 0 ? rc : first_start(d->registry, d->api, d->o.data, e);
}

static int open_intake(struct luyd *d, struct err *e)
{
    struct arena a = arena_init(1 << 20);
    struct intake_cfg ic = {
        .udp = str_c(d->cfg.syslog_udp), .tcp = str_c(d->cfg.syslog_tcp), .tls = str_c(d->cfg.syslog_tls),
        .ring_bytes = (size_t)d->cfg.intake_ring, .max_connections = (uint32_t)d->cfg.intake_connections,
        .max_per_source = (uint32_t)d->cfg.intake_per_source, .idle_seconds = (uint32_t)d->cfg.intake_idle, .self_exe = d->o.self_exe,
    };
    int rc = vault_export_tls(d->vault, &a, STR("syslog"), &ic.tls_cert_pem, &ic.tls_key_pem, e);

    if (rc == 0 && d->cfg.tls_client_ca[0] != '\0')
        rc = file_read(&a, d->cfg.tls_client_ca, 256 * 1024, &ic.tls_client_ca_pem, e);
    if (rc == 0)
        rc = intake_start(&ic, &d->clk, &d->intake, e);
    if (rc == 0)
        rc = pipeline_start(d->intake, d->journal, d->judge, d->self, d->wake_fd, &d->clk, &d->pipeline, e);
    arena_free(&a);
    return rc;
}

static int write_ports(struct luyd *d, struct err *e)
{
    char path[1100], text[256];
    uint16_t udp = 0, tcp = 0, tls = 0;

    intake_ports(d->intake, &udp, &tcp, &tls);
    snprintf(path, sizeof(path), "%s/ports", d->o.data);
    snprintf(text, sizeof(text), "{\"https\": %u, \"syslog_udp\": %u, \"syslog_tcp\": %u, \"syslog_tls\": %u, \"pid\": %d}\n",
             api_port(d->api), udp, tcp, tls, (int)getpid());
    log_event(LOG_INFO, "ready", F_INT("https", api_port(d->api)), F_INT("syslog_udp", udp), F_INT("syslog_tcp", tcp),
              F_INT("syslog_tls", tls), F_INT("start_ms", (clock_mono(&d->clk) - d->began) / NS_PER_MS));
    return file_write_atomic(path, str_c(text), 0644, e);
}

static int start_api(struct luyd *d, struct err *e) { return api_start(d->api, e); }

static const struct { const char *name; int (*fn)(struct luyd *d, struct err *e); } steps[] = {
    { "configuration", open_config }, { "data", open_data },       { "keys", open_vault },   { "registry", open_registry },
    { "calendar", open_calendar },    { "journal", open_journal }, { "judge", open_judge },  { "api", open_api },
    { "intake", open_intake },        { "https", start_api },      { "ports", write_ports },
};

static void log_step(const char *name, const struct err *e)
{
    char text[2048];
    err_text(e, person_lang(), text, sizeof(text));
    fprintf(stderr, "luyd: %s: %s\n", name, text);
}

int luyd_start(const struct luyd_options *o, struct luyd **out)
{
    struct luyd *d = calloc(1, sizeof(*d));
    struct err e = { 0 };

    if (d == NULL)
        return -ENOMEM;
    d->o = *o;
    d->clk = clock_system;
    d->began = clock_mono(&d->clk);
    d->cfg_arena = arena_init(4 << 20);
    d->lock_fd = -1;
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
    pipeline_stop(d->pipeline);
    if (d->intake != NULL)
        intake_stop(d->intake);
    if (d->judge != NULL)
        judge_close(d->judge);
    api_free(d->api);
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
    struct err e = { 0 };

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
    e = (struct err){ 0 };
    errs_done(&es);
    errs_init(&es, ERRS_MAX);
    int packs = judge_reload(d->judge, &es, &e);
    if (packs < 0) {
        report_errs(&es);
        if (e.code != 0)
            log_step("packs", &e);
    }
    log_event(rc < 0 || packs < 0 ? LOG_ERROR : LOG_INFO, "reload", F_STR("configuration", rc < 0 ? STR("kept") : STR("new")),
              F_STR("packs", packs < 0 ? STR("kept") : STR("new")), F_INT("mistakes", es.total));
    errs_done(&es);
    self_sayf(d->self, 5, "event=luyd_reload configuration=%s packs=%s", rc < 0 ? "kept" : "new", packs < 0 ? "kept" : "new");
    notify("READY=1\n");
}

/* The judge reads packs against the schema; with an empty registry in a folder
 * of its own it checks their SQL too, and no data is touched. */
static int check_packs(struct luyd *d, const char *file, struct err *e)
{
    int rc = open_schema(d, e);

    if (rc == 0)
        rc = store_open(file, &d->store, e);
    if (rc == 0)
        rc = registry_open(d->store, d->schema, &d->clk, &d->registry, e);
    if (rc == 0)
        rc = open_calendar(d, e);
    return rc < 0 ? rc : open_judge(d, e);
}

static void remove_scratch(const char *dir)
{
    static const char *const names[] = { "registry.db", "registry.db-wal", "registry.db-shm" };
    char path[300];

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
}

int luyd_check(const struct luyd_options *o)
{
    struct luyd *d = calloc(1, sizeof(*d));
    struct err e = { 0 };
    char scratch[] = "/tmp/luyd-check-XXXXXX", file[64];
    struct buf b;
    bool bad = false;

    if (d == NULL)
        return 1;
    d->o = *o;
    d->clk = clock_system;
    d->lock_fd = d->wake_fd = -1;
    d->cfg_arena = arena_init(4 << 20);
    if (open_config(d, &e) < 0) {
        log_step("configuration", &e);
        bad = true;
    }
    paths_make(&d->cfg, &d->paths);
    e = (struct err){ 0 };
    snprintf(file, sizeof(file), "%s/registry.db", mkdtemp(scratch) != NULL ? scratch : "");
    if (check_packs(d, file, &e) < 0) {
        log_step("packs", &e);
        bad = true;
    }
    buf_init(&b, 1 << 20);
    config_print(&d->cfg, &b);
    if (!bad)
        fwrite(b.p, 1, b.n, stdout);
    buf_done(&b);
    luyd_stop(d);
    remove_scratch(scratch);
    return bad ? 1 : 0;
}

static void said(void *ctx, str kind, int64_t created, int64_t updated, int64_t rows)
{
    printf("%.*s: %lld created, %lld updated, %lld rows\n", STR_ARGS(kind), (long long)created, (long long)updated, (long long)rows);
}

int luyd_load(const struct luyd_options *o, const char *folder)
{
    struct luyd *d = calloc(1, sizeof(*d));
    struct err e = { 0 };
    struct errs es;
    int rc;

    if (d == NULL)
        return 1;
    d->o = *o;
    d->clk = clock_system;
    d->lock_fd = d->wake_fd = -1;
    d->cfg_arena = arena_init(4 << 20);
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
