/* The API as the daemon sees it: HTTPS, JSON, sessions, roles, routes.
 *
 * One thread a connection (libmicrohttpd), so a handler may block; the number
 * of connections, streams and bytes of bodies is bounded. Everything kept lies
 * in the registry's store (tables login, login_failure, api_session,
 * api_token: secrets only as hashes). All calls here: the main thread. */
#ifndef LUY_API_API_H
#define LUY_API_API_H
#include "journal/ch.h"
#include "journal/flow_store.h"
#include "journal/journal.h"
#include "judge/judge.h"
#include "registry/registry.h"
#include "vault/vault.h"

/* Product defaults, not law: the regulation asks for a limit, not for a number. */
struct login_policy {
    uint32_t failures;          /* so many wrong passwords ... */
    int64_t window_s, lock_s;   /* ... within window lock the account for lock */
    int64_t idle_s, absolute_s; /* a session ends after */
    uint32_t password_min;      /* characters */
};
#define LOGIN_POLICY_DEFAULT ((struct login_policy){5, 15 * 60, 30 * 60, 30 * 60, 12 * 3600, 12})

struct api_cfg {
    const char *listen;   /* "127.0.0.1:8443", "[::1]:0"; an https:// in front is fine */
    const char *web_dir;  /* the built console; NULL or missing: the API alone */
    const char *maps_dir; /* mappings of other programs' exports; NULL: none */
    const char *version;
    uint32_t max_connections, max_per_address, max_streams;
    uint64_t max_body_bytes; /* bodies being received, all requests together */
    uint64_t file_max;       /* bytes of one document */
    struct login_policy login;
};
/* A number that somebody else counts; shown by /stats and /metrics. */
struct api_counter {
    const char *group, *name;
    uint64_t value;
    bool gauge;
    unsigned shard; /* of the group's so many shards this one, from 1; 0: of the whole */
};
/* A shard of the ClickHouse set that lacks what the journal has sealed. */
struct api_behind {
    unsigned shard;  /* from 1 */
    uint64_t events; /* that it lacks */
    int64_t since;   /* receipt of the first of them; 0: not known yet */
    bool down;       /* it takes nothing at present */
};
struct api_hooks {
    void *ctx;
    /* Lũy's own event, e.g. `event=login_failed account="x" src_ip=192.0.2.1`; severity as syslog's. */
    void (*self_event)(void *ctx, int severity, str msg);
    void (*password_changed)(void *ctx, str account);
    size_t (*counters)(void *ctx, struct api_counter *out, size_t cap);
    size_t (*cluster_behind)(void *ctx, enum ch_kind of, struct api_behind *out, size_t cap);
};
struct api_deps {
    struct registry *registry;
    struct journal *journal;
    struct flow_store *flows; /* NULL: none */
    const struct ch_cfg
        *cluster; /* a ClickHouse set to ask, from:cluster and from:cluster-flows; NULL: none; outlives the api */
    struct judge *judge;
    struct vault *vault;
    const struct clock *clock;
    struct api_hooks hooks; /* members may be NULL */
};
struct api;
/* The api's tables in a store that is only filled, not used (registry/move.h). */
int api_tables(struct store *st, struct err *e);
/* Makes the tables and listens to the judge; no socket yet. The cfg is copied. */
int api_open(const struct api_cfg *cfg, const struct api_deps *deps, struct api **out, struct err *e);
/* Binds and serves with the vault's key "https", whose certificate must exist. */
int api_start(struct api *api, struct err *e);
uint16_t api_port(const struct api *api); /* the port really bound; 0 before api_start */
/* Ends streams and connections, waits for handlers; the rest stays, for the
 * judge's threads that may still be telling news. */
void api_stop(struct api *api);
/* After api_stop and after the judge's threads have ended. NULL is fine. */
void api_free(struct api *api);
void api_set_policy(struct api *api, const struct login_policy *p); /* any thread, at once */

enum { ONE_TIME_PASSWORD_MAX = 32 };
/* A one-time password for the account (a living record with this key), which
 * must be changed at the first login; ends its sessions. */
int api_login_reset(struct api *api, str account, char out[ONE_TIME_PASSWORD_MAX], struct err *e);
int api_login_count(struct api *api, uint64_t *n, struct err *e); /* 0: nobody can log in yet */
/* True while the account has not replaced its one-time password. */
int api_login_must_change(struct api *api, str account, bool *out, struct err *e);
#endif
