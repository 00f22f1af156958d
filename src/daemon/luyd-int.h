/* The daemon inside: its parts and the steps that open them. Main thread. */
#ifndef LUY_DAEMON_LUYD_INT_H
#define LUY_DAEMON_LUYD_INT_H
#include "daemon/cluster.h"
#include "daemon/luyd.h"
#include "daemon/archiver.h"
#include "daemon/pipeline.h"
#include "journal/archive.h"
#include "journal/flow_store.h"
#include "base/log.h"
#include "base/msg.h"
#include <stdatomic.h>

#ifndef LUY_VERSION
#define LUY_VERSION "0"
#endif
enum { ERRS_MAX = 1000 };

struct luyd {
    struct luyd_options o;
    struct arena cfg_arena; /* texts of cfg */
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
    struct flow_store *flows;
    struct judge *judge;
    struct self_queue *self;
    struct intake *intake;
    struct tailer *tailer;
    struct pipeline *pipeline;
    struct ch_cfg set; /* nodes.n = 0: no ClickHouse */
    char set_password[CLUSTER_PASSWORD_MAX + 1];
    struct cluster *cluster;
    struct archiver *archiver; /* NULL: no archive_dir */
    struct leading *leading;
    struct sweeper *sweeper;
    struct relay_centre *relays;
    struct relay_forward *forward;
    struct api *api;
};
/* parts.c: each opens one part out of cfg and what is open already. */
typedef int luyd_step(struct luyd *d, struct err *e);
luyd_step open_config, open_data, open_vault, open_schema, open_registry, open_calendar, open_journal, open_flows,
    open_judge, open_set, start_cluster, open_api, open_intake, open_pipeline, open_archiver, open_leading,
    open_sweeper, open_relay, start_api, write_ports;
/* offline.c: schema, packs and calendar, with an empty registry in a folder of its
 * own, so that their SQL is checked too and no data is touched. */
int check_packs(struct luyd *d, struct err *e);
/* relay.c */
int relay_config_check(const struct config *c, struct err *e);
void relay_stop(struct luyd *d);
/* archiver_parts.relays; ctx: struct luyd */
int archive_relays(void *ctx, const atomic_bool *cancel, struct archive_done *out, struct err *e);
uint16_t relay_port(const struct luyd *d);
size_t relay_counters(struct luyd *d, struct api_counter *out, size_t cap);
bool store_is_shared(const struct luyd *d);
/* Where the store of this data folder is, as store_open takes it. */
const char *store_url(const struct luyd *d, const char *store, char *path, size_t cap);
void leading_stop(struct leading *r); /* NULL is fine */
void sweeper_stop(struct sweeper *s); /* NULL is fine */
struct login_policy policy_of(const struct config *c);
void set_log_level(const char *name);
void on_log_line(void *ctx, enum log_level lv, str line); /* base/log.h hook; ctx: struct luyd */
/* luyd.c */
struct luyd *luyd_new(const struct luyd_options *o); /* nothing open yet; luyd_stop frees */
void log_step(const char *name, const struct err *e);
#endif
