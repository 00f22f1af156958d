/* The two ends of the relay in the daemon: a centre's port, a relay's line, and what is said
 * by hand of who may speak to whom. */
#include "daemon/luyd-int.h"
#include "base/file.h"
#include "journal/ledger.h"
#include "relay/centre.h"
#include "relay/forward.h"
#include "relay/tls.h"
#include <errno.h>
#include <unistd.h>

enum { CERT_DAYS = 397 };

static bool is_relay(const struct config *c) { return strcmp(c->role, "relay") == 0; }

int relay_config_check(const struct config *c, struct err *e)
{
    if (is_relay(c) && (c->relay_centre[0] == '\0' || c->relay_centre_key[0] == '\0'))
        return ERR(e, -EINVAL, "config.relay_needs");
    if (c->relay_centre_key[0] != '\0' && !relay_key_ok(str_c(c->relay_centre_key)))
        return ERR(e, -EINVAL, "relay.no_centre_key");
    if (c->relay_name[0] != '\0' && !relay_name_ok(str_c(c->relay_name)))
        return ERR(e, -EINVAL, "relay.name", c->relay_name, err_n(RELAY_NAME_MAX));
    return 0;
}

/* Key and certificate "relay": the certificate is renewed at each start when it must be, the key stays. */
static int relay_key(struct luyd *d, struct err *e)
{
    int rc = vault_key_ensure(d->vault, STR("relay"), VAULT_P256, e);
    return rc < 0 ? rc : vault_cert_ensure(d->vault, STR("relay"), STR("luy relay"), STR("DNS:relay"), CERT_DAYS, e);
}

static void say(void *ctx, int severity, str msg) { self_say(((struct luyd *)ctx)->self, severity, msg); }

/* ---- kept lines to the rules ---- */

static int judged_to(void *ctx, const char *relay, str anchor, uint64_t begin, uint64_t *next, struct err *e)
{
    return judge_relay_next(((struct luyd *)ctx)->judge, str_c(relay), anchor, begin, next, e);
}

static int judge_batch(void *ctx, const struct relay_batch *b, struct err *e)
{
    const struct judge_relayed r = {str_c(b->relay), b->anchor, b->wire, b->first, b->number};
    return judge_relayed(((struct luyd *)ctx)->judge, &r, e);
}

static int open_centre(struct luyd *d, const char *dir, struct err *e)
{
    struct relay_centre_cfg cfg = {.dir = dir,
                                   .listen = d->cfg.relay_listen,
                                   .journal = d->journal,
                                   .flows = d->flows,
                                   .vault = d->vault,
                                   .clk = &d->clk,
                                   .max_bytes = d->cfg.relay_max,
                                   .total_bytes = d->cfg.relay_total_max,
                                   .retention_days = (int)d->cfg.relay_retention_days,
                                   .reserve_bytes = d->cfg.journal_reserve,
                                   .taker = {judged_to, judge_batch, d},
                                   .say = say,
                                   .ctx = d};
    return relay_centre_start(&cfg, &d->relays, e);
}

int open_relay(struct luyd *d, struct err *e)
{
    char dir[1100], state[1100];
    bool centre = d->cfg.relay_listen[0] != '\0';
    int rc = 0;

    snprintf(dir, sizeof(dir), "%s/relays", d->o.data);
    snprintf(state, sizeof(state), "%s/relay-state", d->o.data);
    if (centre || is_relay(&d->cfg))
        rc = relay_key(d, e);
    if (rc == 0 && (centre || access(dir, F_OK) == 0))
        rc = open_centre(d, dir, e);
    if (rc < 0 || !is_relay(&d->cfg))
        return rc;
    struct relay_forward_cfg cfg = {.centre = d->cfg.relay_centre,
                                    .centre_key = d->cfg.relay_centre_key,
                                    .state = state,
                                    .rate = d->cfg.relay_rate,
                                    .journal = d->journal,
                                    .flows = d->flows,
                                    .vault = d->vault,
                                    .clk = &d->clk,
                                    .say = say,
                                    .ctx = d};
    return relay_forward_start(&cfg, &d->forward, e);
}

int archive_relays(void *ctx, const atomic_bool *cancel, struct archive_done *out, struct err *e)
{
    struct relay_centre *c = __atomic_load_n(&((struct luyd *)ctx)->relays, __ATOMIC_ACQUIRE);
    return c != NULL ? relay_centre_archive(c, cancel, out, e) : 0;
}

void relay_stop(struct luyd *d)
{
    relay_forward_stop(d->forward);
    relay_centre_stop(d->relays);
    d->forward = NULL;
    d->relays = NULL;
}

uint16_t relay_port(const struct luyd *d) { return relay_centre_port(d->relays); }

struct row {
    const char *name;
    uint64_t value;
    bool gauge;
};

static size_t rows_put(const char *group, const struct row *r, size_t n, struct api_counter *out, size_t cap)
{
    size_t i = 0;

    for (; i < n && i < cap; i++)
        out[i] = (struct api_counter){group, r[i].name, r[i].value, r[i].gauge};
    return i;
}

size_t relay_counters(struct luyd *d, struct api_counter *out, size_t cap)
{
    struct relay_centre *c = __atomic_load_n(&d->relays, __ATOMIC_ACQUIRE);
    struct relay_forward *f = __atomic_load_n(&d->forward, __ATOMIC_ACQUIRE);
    size_t n = 0;

    if (c != NULL) {
        struct relay_centre_stats s;
        relay_centre_stats(c, &s);
        const struct row rows[] = {{"relays", s.relays, true},
                                   {"connected", s.lines, true},
                                   {"blocks", s.blocks, true},
                                   {"events", s.events, true},
                                   {"disk_bytes", s.bytes, true},
                                   {"missing_events", s.missing_events, true},
                                   {"flows", s.flows, true},
                                   {"missing_flows", s.missing_flows, true},
                                   {"refused", s.refused, false},
                                   {"unknown_keys", s.unknown, false},
                                   {"deleted_files", s.deleted_files, false},
                                   {"judged_events", s.judged, false}};
        n += rows_put("relays", rows, sizeof(rows) / sizeof(*rows), out, cap);
    }
    if (f != NULL) {
        struct relay_forward_stats s;
        relay_forward_stats(f, &s);
        const struct row rows[] = {
            {"connected", s.connected, true},          {"lines", s.lines, false},
            {"acked_events", s.acked_events, true},    {"acked_flows", s.acked_flows, true},
            {"spool_bytes", s.spool_bytes, true},      {"dropped_events", s.dropped_events, false},
            {"dropped_flows", s.dropped_flows, false}, {"refused", s.refused, false}};
        n += rows_put("forward", rows, sizeof(rows) / sizeof(*rows), out + n, cap - n);
    }
    return n;
}

/* ---- by hand ---- */

static int begin(struct luyd *d, struct err *e)
{
    char path[1100];
    int rc = open_config(d, e);

    if (rc == 0)
        rc = file_mkdirs(d->o.data, 0700, e);
    if (rc < 0)
        return rc;
    privilege_drop(d->cfg.user, d->o.data);
    snprintf(path, sizeof(path), "%s/keys", d->o.data);
    return vault_open(path, &d->clk, &d->vault, e);
}

/* Record 0 of the heads; made when no luyd ever ran here. */
static int anchor_of(struct luyd *d, char hex[65], struct err *e)
{
    char dir[1100];
    struct ledger *l;
    uint8_t head[LEDGER_HEAD];
    struct ledger_scan s;

    snprintf(dir, sizeof(dir), "%s/journal", d->o.data);
    if (ledger_scan_open(dir, "heads", LEDGER_HEAD, &s, NULL) == 0) {
        int got = ledger_scan_next(&s, head);
        ledger_scan_close(&s);
        if (got == 1) {
            sha256_hex(sha256((str){(const char *)head, sizeof(head)}), hex);
            return 0;
        }
    }
    int rc = file_mkdirs(dir, 0700, e);
    if (rc == 0)
        rc = ledger_open(dir, d->vault, &d->clk, &l, e);
    if (rc == 0) {
        ledger_anchor(l, hex);
        ledger_close(l);
    }
    return rc;
}

/* The host's name as far as a relay's name may be. */
static void name_of(const struct config *c, char out[RELAY_NAME_MAX + 1])
{
    char host[256] = "";
    size_t n = 0;

    gethostname(host, sizeof(host) - 1);
    const char *from = c->relay_name[0] != '\0' ? c->relay_name : host;
    for (; *from != '\0' && n < RELAY_NAME_MAX; from++)
        out[n++] = *from >= 'A' && *from <= 'Z' ? (char)(*from | 0x20) : *from;
    out[n] = '\0';
    if (!relay_name_ok(str_c(out)))
        snprintf(out, RELAY_NAME_MAX + 1, "luy");
}

int luyd_relay_id(const struct luyd_options *o)
{
    struct luyd *d = luyd_new(o);
    struct arena a = arena_init(256 << 10);
    struct relay_pin p = {.name = ""};
    struct err e = {0};
    str cert, key;
    char line[300];

    if (d == NULL)
        return 1;
    int rc = begin(d, &e);
    if (rc == 0)
        rc = relay_key(d, &e);
    if (rc == 0)
        rc = vault_export_tls(d->vault, &a, STR("relay"), &cert, &key, &e);
    if (rc == 0)
        rc = relay_tls_cert_key(cert, p.key, &e);
    if (rc == 0 && is_relay(&d->cfg))
        rc = anchor_of(d, p.anchor, &e);
    if (rc < 0) {
        log_step("relay-id", &e);
    } else {
        name_of(&d->cfg, p.name);
        relay_pin_print(&p, line);
        printf("%s\n", line);
    }
    arena_free(&a);
    luyd_stop(d);
    return rc < 0 ? 1 : 0;
}

int luyd_relay_pin(const struct luyd_options *o, const char *add, const char *drop)
{
    struct luyd *d = luyd_new(o);
    struct relay_pin p = {.name = ""};
    struct err e = {0};
    char dir[1100], text[400];

    if (d == NULL)
        return 1;
    snprintf(dir, sizeof(dir), "%s/relays", o->data);
    int rc = begin(d, &e);
    if (rc == 0 && add != NULL && (rc = relay_pin_parse(str_c(add), &p, &e)) == 0)
        rc = relay_pin_add(dir, &p, &e);
    if (rc == 0 && drop != NULL)
        rc = relay_pin_drop(dir, str_c(drop), &e);
    if (rc < 0) {
        log_step(add != NULL ? "relay-add" : "relay-drop", &e);
    } else {
        const char *const args[] = {add != NULL ? p.name : drop};
        msg_fmt(text, sizeof(text), person_lang(), add != NULL ? "daemon.relay_added" : "daemon.relay_dropped", args,
                1);
        printf("%s\n", text);
    }
    luyd_stop(d);
    return rc < 0 ? 1 : 0;
}
