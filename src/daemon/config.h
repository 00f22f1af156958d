/* luyd's configuration: `name = value` lines, '#' comments. One table gives
 * name, type, range, default and help; from it come the parser, --check-config
 * and the commented file etc/luyd.conf (a test compares). */
#ifndef LUY_DAEMON_CONFIG_H
#define LUY_DAEMON_CONFIG_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct config {
    const char *listen, *syslog_udp, *syslog_tcp, *syslog_tls; /* "" = off */
    const char *flow_udp, *ipfix_udp, *json_tcp, *json_unix, *json_dgram, *json_files;
    const char *role, *relay_listen, *relay_centre, *relay_centre_key, *relay_name;
    const char *tls_client_ca, *https_names, *user, *log_level;
    const char *store;                                                       /* "sqlite" or a url */
    const char *archive_dir;                                                 /* "" = no archives */
    const char *schema_dir, *packs_dir, *web_dir, *maps_dir, *calendar_file; /* "" = in the share folder */
    const char *clickhouse, *clickhouse_cluster, *clickhouse_database, *clickhouse_user, *clickhouse_password_file;
    int64_t check_interval, check_timeout_ms;
    int64_t journal_sync_ms, journal_block, journal_block_age, journal_max, journal_retention_days, journal_reserve;
    int64_t relay_max, relay_total_max, relay_rate, relay_retention_days;
    int64_t flow_block_age, flow_max, flow_retention_days;
    int64_t intake_ring, intake_connections, intake_per_source, intake_idle;
    int64_t api_connections, api_per_address, api_streams, api_body_total;
    int64_t file_max, file_grace;
    int64_t login_failures, login_window, login_lock, session_idle, session_max, password_min;
};
enum config_type { CT_TEXT, CT_PATH, CT_ADDRESS, CT_STORE, CT_ROLE, CT_LEVEL, CT_INT, CT_SIZE, CT_DURATION };
struct config_option {
    const char *name;
    enum config_type type;
    size_t at; /* offset in struct config */
    int64_t min, max;
    const char *dflt;
    bool live;        /* SIGHUP is enough; otherwise a restart */
    const char *help; /* message key */
};
extern const struct config_option config_options[];
extern const size_t config_options_n;

void config_defaults(struct config *c);
/* Sets what the text says; every mistake goes to es with line and column.
 * 0 or -EINVAL (then c holds what was right). Texts live in `a`. */
int config_parse(struct arena *a, str text, const char *name, struct config *c, struct errs *es);
/* One option, as from a line; false and e filled when the value is wrong. */
bool config_set(struct arena *a, struct config *c, const struct config_option *o, str value, struct err *e);
const struct config_option *config_option(str name);
/* The nearest option by edit distance, NULL when none is near. */
const char *config_nearest(str name);
void config_print_value(const struct config *c, const struct config_option *o, struct buf *b);
void config_print(const struct config *c, struct buf *b); /* parses again to the same */
bool config_same(const struct config *x, const struct config *y, const struct config_option *o);
#endif
