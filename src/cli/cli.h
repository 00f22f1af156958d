/* luy: a client of the API and of nothing else. One command a process; all
 * memory of a run lives in run->arena. Exit codes: 0 fine, 1 error, 2 there are
 * findings or differences, so that cron can use it. */
#ifndef LUY_CLI_CLI_H
#define LUY_CLI_CLI_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

enum { EXIT_FINE = 0, EXIT_ERROR = 1, EXIT_DIFFERENT = 2 };
enum out_format { OUT_TABLE, OUT_JSON, OUT_CSV };

/* What was said on the command line, the environment and the session file;
 * earlier wins. Filled by options.c from one table. */
struct options {
    const char *url, *ca, *token, *lang_text, *output, *filter_state, *filter_unit, *filter_clause, *filter_control,
        *filter_severity, *query_text, *order, *at, *limit, *before, *reason, *rev, *note, *name, *expires, *confirm,
        *roles, *fields, *period, *device, *interface, *purpose, *export, *form, *out_file, *marked, *map, *with,
        *saved, *save;
    bool help, version, dry_run, password_stdin, follow, all, allocate, explain;
};

struct session {
    str url, ca, cookie, csrf, account;
}; /* the file ~/.config/luy/session, mode 0600 */

struct run {
    struct arena arena;
    struct options opt;
    struct session session;
    enum lang lang;
    enum out_format format;
    char **args;
    int nargs; /* after the command's name */
};

struct command {
    const char *name, *args;    /* "show", "KIND KEY" */
    int min, max;               /* max -1: any number */
    const char *help;           /* message key */
    const char *const *options; /* the names of the options it takes, NULL-ended */
    int (*fn)(struct run *r);
};
extern const struct command commands[];
extern const size_t ncommands;
const struct command *command_find(const char *name);

/* options.c */
struct option_info {
    const char *name, *arg, *help;
    size_t offset;
    bool flag;
    char letter;
};
extern const struct option_info option_table[];
extern const size_t noptions;
/* Takes options out of argv wherever they stand; what is left goes to r->args. */
int options_parse(struct run *r, int argc, char **argv, struct err *e);

/* session.c */
int session_load(struct run *r, struct err *e); /* a missing file is fine */
int session_save(struct run *r, struct err *e);
int session_forget(struct run *r, struct err *e);

/* client.c: *status is the HTTP status; a problem document becomes an error. */
struct request {
    const char *method;
    str path;
    const char *type;
    str body;
    const char *accept;
    str if_match;
};
struct answer {
    long status;
    str body, etag, cookie;
    json_t *json;
};
int client_call(struct run *r, const struct request *rq, struct answer *out, struct err *e);
int client_get(struct run *r, str path, json_t **out, struct err *e);
int client_send(struct run *r, const char *method, str path, const json_t *body, json_t **out, struct err *e);
/* Bytes of a streamed answer go to fn as they come (live tail, export). */
int client_stream(struct run *r, str path, bool (*fn)(void *ctx, str bytes), void *ctx, struct err *e);
/* Appends "?name=value" or "&name=value", escaped; a NULL value is left out. */
void url_param(struct buf *b, const char *name, const char *value);
void url_segment(struct buf *b, const char *value);

/* out.c */
struct column {
    const char *path, *title;
}; /* "unit.code"; title: message key */
int out_rows(struct run *r, const json_t *items, const struct column *cols, size_t n);
void out_checks(struct run *r, const json_t *checks); /* checks.c: what a plan would open and close */
int out_object(struct run *r, const json_t *object);  /* name: value lines, or JSON, or CSV */
void out_cell(struct run *r, struct buf *b, const json_t *row, const char *path);
/* What makes an answer of GET /query less than exact, a line each; nothing when it is exact. */
void out_inexact(struct run *r, struct buf *b, const json_t *stats);
void out_message(struct run *r, const char *key, const char *a0, const char *a1); /* stderr, one line */
int fail(struct run *r, const struct err *e); /* prints the error, returns EXIT_ERROR */

/* cmd_registry.c: "/api/v1/KIND/KEY" and tail; a list with the filters of options and words. */
str record_path(struct run *r, const char *kind, const char *key, const char *tail);
int list_path(struct run *r, const char *kind, str *out, struct err *e);
int current_rev(struct run *r, struct err *e); /* --rev, else that of the record KIND KEY, into opt.rev */
str args_joined(struct run *r);                /* what stands after the command, with spaces between */
/* cmd_searches.c: the words of the search --saved become the command's; or are kept under --save. */
int search_saved(struct run *r, struct err *e);
int search_save(struct run *r);
/* cmd_exchange.c: bytes to a file for its owner alone, or with NULL or "-" to stdout unless they would spoil a
 * terminal. */
int out_file(struct run *r, str bytes, const char *file, struct err *e);
int completion_print(struct run *r);
int cmd_login(struct run *), cmd_logout(struct run *), cmd_whoami(struct run *), cmd_passwd(struct run *),
    cmd_logins(struct run *), cmd_new_login(struct run *), cmd_unlock(struct run *), cmd_tokens(struct run *),
    cmd_token(struct run *), cmd_revoke(struct run *);
int cmd_kinds(struct run *), cmd_list(struct run *), cmd_show(struct run *), cmd_add(struct run *),
    cmd_set(struct run *), cmd_end(struct run *), cmd_history(struct run *), cmd_personal(struct run *),
    cmd_proof(struct run *), cmd_blank(struct run *), cmd_import(struct run *), cmd_export(struct run *),
    cmd_verify(struct run *), cmd_template(struct run *), cmd_maps(struct run *), cmd_sheet(struct run *);
int cmd_find(struct run *), cmd_free_ip(struct run *), cmd_free_prefix(struct run *), cmd_prefix(struct run *),
    cmd_dns(struct run *);
int cmd_change(struct run *), cmd_why(struct run *);
int cmd_attach(struct run *), cmd_fetch(struct run *);
int cmd_archive(struct run *);
int cmd_search(struct run *), cmd_searches(struct run *), cmd_patterns(struct run *), cmd_sources(struct run *),
    cmd_stats(struct run *), cmd_api(struct run *);
int cmd_today(struct run *), cmd_findings(struct run *), cmd_finding(struct run *), cmd_mark(struct run *),
    cmd_clauses(struct run *), cmd_clause(struct run *), cmd_controls(struct run *), cmd_check(struct run *),
    cmd_duties(struct run *), cmd_duty_done(struct run *);
#endif
