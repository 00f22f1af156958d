/* Opens the daemon's parts, one function each, in the order of the table in
 * luyd.c. Each part knows only what stands below it; this file knows all. */
#include "daemon/luyd-int.h"
#include "base/file.h"
#include <errno.h>
#include <unistd.h>

enum { CERT_DAYS = 397, CALENDAR_MAX = 1 << 20 };

void set_log_level(const char *name)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    for (int i = 0; i < 4; i++)
        if (strcmp(names[i], name) == 0)
            log_set_level((enum log_level)i);
}

struct login_policy policy_of(const struct config *c)
{
    return (struct login_policy){
        (uint32_t)c->login_failures, c->login_window, c->login_lock, c->session_idle, c->session_max,
        (uint32_t)c->password_min};
}
/* Lũy's own log becomes events from "warn" on. Any thread. */
void on_log_line(void *ctx, enum log_level lv, str line)
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
    size_t n = d->pipeline != NULL ? pipeline_counters(d->pipeline, out, cap) : 0;
    struct cluster *c = __atomic_load_n(&d->cluster, __ATOMIC_ACQUIRE);
    if (d->archiver != NULL)
        n += archiver_counters(d->archiver, out + n, cap - n);
    if (c != NULL)
        n += cluster_counters(c, out + n, cap - n);
    return n + relay_counters(d, out + n, cap - n);
}

static size_t behind_hook(void *ctx, enum ch_kind of, struct api_behind *out, size_t cap)
{
    struct cluster *c = __atomic_load_n(&((struct luyd *)ctx)->cluster, __ATOMIC_ACQUIRE);
    return c != NULL ? cluster_behind(c, of, out, cap) : 0;
}

/* What the flow receiver has to say becomes an event of Lũy's own. */
static void flow_note_hook(void *ctx, const struct flow_note *n)
{
    static const struct {
        const char *event;
        int severity;
    } events[FN_KINDS] = {[FN_LOST] = {"flow_lost", 4},
                          [FN_RESTART] = {"flow_exporter_restart", 5},
                          [FN_SFLOW] = {"flow_sflow_refused", 4}};
    char ip[IP_TEXT_MAX];

    ip_fmt(n->ip, ip, sizeof(ip));
    if (events[n->kind].event != NULL)
        self_sayf(((struct luyd *)ctx)->self, events[n->kind].severity,
                  "event=%s exporter=%s port=%u version=%u domain=%u count=%llu", events[n->kind].event, ip, n->port,
                  n->version, n->domain, (unsigned long long)n->n);
}

int open_config(struct luyd *d, struct err *e)
{
    struct errs es;
    int rc;

    errs_init(&es, ERRS_MAX);
    rc = config_read(&d->o, &d->cfg_arena, &d->cfg, &es, e);
    report_errs(&es);
    if (rc < 0 && e->code == 0)
        ERR(e, rc, "config.mistakes", err_n((int64_t)es.total));
    errs_done(&es);
    if (rc == 0)
        rc = relay_config_check(&d->cfg, e);
    if (rc == 0) {
        set_log_level(d->cfg.log_level);
        paths_make(&d->cfg, &d->paths);
    }
    return rc;
}

int open_data(struct luyd *d, struct err *e)
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

int open_calendar(struct luyd *d, struct err *e)
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
        else
            registry_use_calendar(d->registry, d->calendar);
    }
    errs_done(&es);
    arena_free(&a);
    return rc;
}

int open_schema(struct luyd *d, struct err *e)
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

bool store_is_shared(const struct luyd *d) { return strcmp(d->cfg.store, "sqlite") != 0; }

const char *store_url(const struct luyd *d, const char *store, char *path, size_t cap)
{
    if (strcmp(store, "sqlite") != 0)
        return store;
    snprintf(path, cap, "%s/registry.db", d->o.data);
    return path;
}

int open_registry(struct luyd *d, struct err *e)
{
    char path[1100];
    int rc = open_schema(d, e);

    if (rc == 0)
        rc = store_open(store_url(d, d->cfg.store, path, sizeof(path)), &d->store, e);
    if (rc == 0)
        rc = registry_open(d->store, d->schema, &d->clk, &d->registry, e);
    return rc;
}

int open_vault(struct luyd *d, struct err *e)
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
            n += snprintf(sans + n, sizeof(sans) - (size_t)n, ",%s:%.*s", ip_parse(one, &ip) ? "IP" : "DNS",
                          STR_ARGS(one));
    }
    static const char *const names[] = {"https", "syslog"};
    for (size_t i = 0; i < 2 && rc == 0; i++) {
        rc = vault_key_ensure(d->vault, str_c(names[i]), VAULT_P256, e);
        if (rc == 0)
            rc = vault_cert_ensure(d->vault, str_c(names[i]), str_c(host), str_c(sans), CERT_DAYS, e);
    }
    return rc;
}

int open_journal(struct luyd *d, struct err *e)
{
    char path[1100];
    struct journal_cfg jc = {
        .dir = path,
        .sync_ms = (int)d->cfg.journal_sync_ms,
        .block_bytes = (size_t)d->cfg.journal_block,
        .block_seconds = (int)d->cfg.journal_block_age,
        .max_bytes = d->cfg.journal_max,
        .retention_days = (int)d->cfg.journal_retention_days,
        .reserve_bytes = d->cfg.journal_reserve,
        .vault = d->vault,
        .archive_dir = d->cfg.archive_dir[0] != '\0' ? d->cfg.archive_dir : NULL,
    };
    snprintf(path, sizeof(path), "%s/journal", d->o.data);
    int rc = file_mkdirs(path, 0700, e);
    return rc < 0 ? rc : journal_open(&jc, &d->clk, &d->journal, e);
}

int open_flows(struct luyd *d, struct err *e)
{
    char path[1100];
    struct flow_store_cfg fc = {
        .dir = path,
        .sync_ms = (int)d->cfg.journal_sync_ms,
        .block_seconds = (int)d->cfg.flow_block_age,
        .max_bytes = d->cfg.flow_max,
        .retention_days = (int)d->cfg.flow_retention_days,
        .reserve_bytes = d->cfg.journal_reserve,
        .ledger = journal_ledger(d->journal),
    };
    snprintf(path, sizeof(path), "%s/flows", d->o.data);
    int rc = flow_store_open(&fc, &d->clk, &d->flows, e);
    return rc < 0 ? rc : journal_archive_flows(d->journal, d->flows, e);
}

int open_judge(struct luyd *d, struct err *e)
{
    struct judge_cfg jc = {.packs_dir = d->paths.packs,
                           .calendar = d->calendar,
                           .check_seconds = (int)d->cfg.check_interval,
                           .sql_timeout_ms = (int)d->cfg.check_timeout_ms,
                           .shared = strcmp(store_engine(d->store), "sqlite") != 0};
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

int open_api(struct luyd *d, struct err *e)
{
    struct api_cfg ac = {
        .listen = d->cfg.listen,
        .web_dir = d->paths.web,
        .maps_dir = d->paths.maps,
        .version = LUY_VERSION,
        .max_connections = (uint32_t)d->cfg.api_connections,
        .max_per_address = (uint32_t)d->cfg.api_per_address,
        .max_streams = (uint32_t)d->cfg.api_streams,
        .max_body_bytes = (uint64_t)d->cfg.api_body_total,
        .file_max = (uint64_t)d->cfg.file_max,
        .login = policy_of(&d->cfg),
    };
    struct api_deps deps = {
        .registry = d->registry,
        .journal = d->journal,
        .flows = d->flows,
        .cluster = d->set.nodes.n > 0 ? &d->set : NULL,
        .judge = d->judge,
        .vault = d->vault,
        .clock = &d->clk,
        .hooks = {d, say_hook, password_hook, counters_hook, behind_hook},
    };
    int rc = api_open(&ac, &deps, &d->api, e);
    return rc < 0 ? rc : first_start(d->registry, d->api, d->o.data, e);
}

int open_intake(struct luyd *d, struct err *e)
{
    struct arena a = arena_init(1 << 20);
    struct intake_cfg ic = {
        .udp = str_c(d->cfg.syslog_udp),
        .tcp = str_c(d->cfg.syslog_tcp),
        .tls = str_c(d->cfg.syslog_tls),
        .flow = str_c(d->cfg.flow_udp),
        .ipfix = str_c(d->cfg.ipfix_udp),
        .json_tcp = str_c(d->cfg.json_tcp),
        .json_unix = str_c(d->cfg.json_unix),
        .json_dgram = str_c(d->cfg.json_dgram),
        .flow_state = arena_fmt(&a, "%s/flow-templates", d->o.data),
        .flow_note = flow_note_hook,
        .flow_ctx = d,
        .ring_bytes = (size_t)d->cfg.intake_ring,
        .max_connections = (uint32_t)d->cfg.intake_connections,
        .max_per_source = (uint32_t)d->cfg.intake_per_source,
        .idle_seconds = (uint32_t)d->cfg.intake_idle,
        .self_exe = d->o.self_exe,
    };
    int rc = vault_export_tls(d->vault, &a, STR("syslog"), &ic.tls_cert_pem, &ic.tls_key_pem, e);

    if (rc == 0 && d->cfg.tls_client_ca[0] != '\0')
        rc = file_read(&a, d->cfg.tls_client_ca, 256 * 1024, &ic.tls_client_ca_pem, e);
    if (rc == 0 && d->cfg.json_files[0] != '\0')
        rc = tailer_open(str_c(d->cfg.json_files), arena_cstr(&a, arena_fmt(&a, "%s/file-positions", d->o.data)),
                         &d->clk, &d->tailer, e);
    if (rc == 0)
        rc = intake_start(&ic, &d->clk, &d->intake, e);
    arena_free(&a);
    return rc;
}

int open_pipeline(struct luyd *d, struct err *e)
{
    struct pipeline_parts parts = {d->intake,   d->tailer, d->journal, d->flows, d->judge,
                                   d->registry, d->self,   d->wake_fd, &d->clk};
    return pipeline_start(&parts, &d->pipeline, e);
}

int open_archiver(struct luyd *d, struct err *e)
{
    struct archiver_parts parts = {d->journal, d->registry, d->self, &d->clk, d->cfg.archive_dir, archive_relays, d};

    if (d->cfg.archive_dir[0] == '\0')
        return 0;
    int rc = archiver_new(&parts, &d->archiver, e);
    return rc < 0 ? rc : archiver_start(d->archiver, e);
}

int write_ports(struct luyd *d, struct err *e)
{
    char path[1100], text[256];
    struct intake_ports p = intake_ports(d->intake);

    snprintf(path, sizeof(path), "%s/ports", d->o.data);
    snprintf(text, sizeof(text),
             "{\"https\": %u, \"syslog_udp\": %u, \"syslog_tcp\": %u, \"syslog_tls\": %u, \"flow_udp\": %u, "
             "\"ipfix_udp\": %u, \"json_tcp\": %u, \"relay\": %u, \"pid\": %d}\n",
             api_port(d->api), p.udp, p.tcp, p.tls, p.flow, p.ipfix, p.json_tcp, relay_port(d), (int)getpid());
    log_event(LOG_INFO, "ready", F_INT("https", api_port(d->api)), F_INT("syslog_udp", p.udp),
              F_INT("syslog_tcp", p.tcp), F_INT("syslog_tls", p.tls), F_INT("flow_udp", p.flow),
              F_INT("ipfix_udp", p.ipfix), F_INT("start_ms", (clock_mono(&d->clk) - d->began) / NS_PER_MS));
    return file_write_atomic(path, str_c(text), 0644, e);
}

int start_api(struct luyd *d, struct err *e) { return api_start(d->api, e); }
