/* luyd as a whole: what main starts, reloads and stops. Main thread only. */
#ifndef LUY_DAEMON_LUYD_H
#define LUY_DAEMON_LUYD_H
#include "daemon/config.h"

struct luyd_options {
    const char *data, *config; /* config NULL: DATA/luyd.conf when it is there */
    const char *listen;        /* over the configuration's; NULL */
    const char *self_exe;
};
struct luyd;
/* Everything up, ports written, ready said. All mistakes are logged. */
int luyd_start(const struct luyd_options *o, struct luyd **out);
/* Configuration and packs read again; on any mistake the old ones stay. */
void luyd_reload(struct luyd *d);
void luyd_stop(struct luyd *d);
/* --check-config: configuration, schema, packs, calendar; prints what was
 * understood on stdout and mistakes on stderr. Exit code. */
int luyd_check(const struct luyd_options *o);
/* --check-schema: would the data of o->data go along with the schema in `dir`? Exit code. */
int luyd_check_schema(const struct luyd_options *o, const char *dir);
/* --load: CSV files named NN-kind.csv of a folder into a data folder that no luyd uses. */
int luyd_load(const struct luyd_options *o, const char *folder);
int luyd_migrate(const struct luyd_options *o, const char *to); /* "sqlite" or a url */
/* --reset-login: a new one-time password for an account, printed; ends its lock. */
int luyd_reset_login(const struct luyd_options *o, const char *account);

/* --relay-id, --relay-add, --relay-drop (relay/pin.h); a luyd may be using the folder. */
int luyd_relay_id(const struct luyd_options *o);
int luyd_relay_pin(const struct luyd_options *o, const char *add, const char *drop);

/* Inside the daemon. */
struct paths {
    char schema[1024], packs[1024], web[1024], maps[1024], calendar[1024];
};
void paths_make(const struct config *c, struct paths *p);
int config_read(const struct luyd_options *o, struct arena *a, struct config *c, struct errs *es, struct err *e);
void privilege_drop(const char *user, const char *data);
void notify(const char *text); /* to the service manager; nothing when there is none */
struct registry;
struct api;
int first_start(struct registry *r, struct api *api, const char *data, struct err *e);
void first_done(const char *data, str account); /* the one-time password was replaced */
void report_errs(const struct errs *es);        /* to stderr, both for people and for logs */
enum lang person_lang(void);                    /* of the one at the terminal: LC_ALL, LANG */
#endif
