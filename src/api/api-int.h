/* Inside the api: request, response, routes. Shared by its files and tests. */
#ifndef LUY_API_API_INT_H
#define LUY_API_API_INT_H
#include "api/api.h"
#include "base/json.h"
#include "base/log.h"
#include "base/msg.h"
#include "journal/event_text.h"
#include <pthread.h>
#include <stdatomic.h>

enum {
    API_ARGS = 3,
    API_QUERY_MAX = 48,
    API_HEADERS_MAX = 64,
    API_URI_MAX = 8192,
    API_ERRORS_MAX = 1000,
    API_JSON_DEPTH = 32,
    API_BODY_MAX = 1 << 20,
    API_IMPORT_MAX = 64 << 20,
    API_ARENA_MAX = 64 << 20,
    API_REPLY_MAX = 96 << 20,
    API_PAGE_BYTES = 16 << 20,
};
#define API_BASE "/api/v1"

/* A status as an error code of its own, for what errno does not say (423, 428). */
#define HTTP_ERR(status) (-(1000 + (status)))

enum method { M_GET, M_POST, M_PUT, M_PATCH, M_DELETE, M_OTHER, M_COUNT = M_OTHER };
struct pair {
    str name, value;
};

struct route;
struct auth {
    bool ok, by_token, must_change;
    struct actor actor;
    char secret_hash[65]; /* sha256 of the session's or token's secret, hex */
    char csrf[65];
    int64_t expires_ns;
};
struct request {
    struct api *api;
    struct arena a; /* everything of this request */
    enum method method;
    bool head; /* GET without the body */
    enum lang lang;
    str path, query_text; /* as sent, still percent-encoded */
    struct pair query[API_QUERY_MAX];
    size_t nquery;
    struct pair header[API_HEADERS_MAX];
    size_t nheader;
    str peer; /* address as text */
    int fd;   /* the connection's socket, to see a client leave; -1 */
    str body;
    json_t *json; /* body, when the route takes JSON */
    const struct route *route;
    str arg[API_ARGS]; /* what {..} of the pattern matched, decoded */
    struct auth auth;
    struct errs errs; /* mistakes in the input, all of them */
    int64_t now;      /* wall clock at the begin */
};

/* A body that is made while it is sent. pull blocks until it has bytes; < 0 ends. */
struct stream {
    ssize_t (*pull)(struct stream *s, char *p, size_t max);
    void (*free)(struct stream *s);
};
enum { RS_HEADERS = 12 };
struct response {
    int status;
    const char *type; /* static text, or in the request's arena */
    struct buf body;
    struct pair header[RS_HEADERS];
    size_t nheader; /* NUL-terminated, in the request's arena */
    struct stream *stream;
    int file_fd;
    uint64_t file_size;
    bool may_cache; /* static files; everything else is no-store */
};

typedef int handler_fn(struct request *rq, struct response *rs, struct err *e);

enum param_type { PT_TEXT, PT_INT, PT_BOOL };
struct param {
    const char *name;
    enum param_type type;
    int64_t min, max;
    const char *values;
}; /* values: "a b c" */
struct member {
    const char *name;
    json_type type;
    bool required;
    size_t max;
    bool objects; /* an array of them; else of strings */
};
enum {
    RF_OPEN = 1,           /* no session */
    RF_MUST_CHANGE_OK = 2, /* also before the one-time password was changed */
    RF_SESSION_ONLY = 4,   /* not with a token */
    RF_KIND = 8,           /* first segment is a record kind */
    RF_IF_MATCH = 16,
    RF_CSV = 32,         /* body is text/csv up to API_IMPORT_MAX */
    RF_FILTERS = 64,     /* query parameters are the kind's filters */
    RF_RECORD = 128,     /* body is a record of the kind */
    RF_STREAM = 256,     /* server-sent events */
    RF_IDEMPOTENT = 512, /* takes Idempotency-Key */
    RF_STEPS = 1024,     /* also for the roles that a step of the kind names */
    RF_FILE = 2048,      /* body is a document of up to cfg.file_max */
};
struct route {
    enum method method;
    const char *pattern;
    uint32_t roles, flags;
    handler_fn *fn;
    const struct param *params; /* ended by a NULL name */
    const struct member *body;
    int status;       /* when it went well */
    const char *text; /* message: what it does */
};
extern const struct route routes[];
extern const size_t routes_n;
extern const char *const method_names[M_COUNT];

struct api {
    struct api_cfg cfg;
    struct api_deps d;
    struct login_policy policy;
    pthread_rwlock_t policy_lock;
    struct MHD_Daemon *mhd;
    int listen_fd;
    uint16_t port;
    int web_fd; /* folder of the console, -1 */
    int64_t started_wall, started_mono;
    atomic_bool stopping;
    atomic_uint streams;
    _Atomic uint64_t body_bytes; /* being received now */
    _Atomic uint64_t requests, by_class[6], logins_ok, logins_failed, lockouts, refused_bodies;
    struct live *live;
    pthread_mutex_t hash_lock;
    pthread_cond_t hash_free;
    unsigned hashing;
    char dummy_hash[160];
    bool have_dummy;
    struct query_runs *queries; /* query_env.h */
};

/* dispatch.c: begin judges all that the head of the request decides (route,
 * session, rights, sizes); true: go on and read the body. finish runs it. */
void request_init(struct request *rq, struct api *api);
void request_done(struct request *rq);
void response_init(struct response *rs);
void response_done(struct response *rs);
bool api_begin(struct request *rq, struct response *rs);
void api_finish(struct request *rq, struct response *rs);
void api_dispatch(struct request *rq, struct response *rs); /* both, body already there */
size_t request_body_max(const struct request *rq);

/* url.c */
str request_header(const struct request *rq, const char *name);
str request_query(const struct request *rq, const char *name); /* p == NULL: absent */
str request_cookie(const struct request *rq, const char *name);
int64_t request_query_int(const struct request *rq, const char *name, int64_t dflt);
bool request_query_bool(const struct request *rq, const char *name);
bool url_decode(struct arena *a, str s, bool plus, str *out); /* false: bad escape, NUL, bad UTF-8 */
int request_parse_uri(struct request *rq, str uri, struct err *e);
int method_of(str s, enum method *m, bool *head);
void request_language(struct request *rq);

/* route.c */
/* NULL: none; *allow gets a bit a method that the path would take. */
const struct route *route_find(const struct api *api, enum method m, str path, struct arena *a, str arg[API_ARGS],
                               uint32_t *allow);
/* Who may call it for this kind; of a kind that the schema has not: for any. */
uint32_t route_roles(const struct schema *sc, const struct route *r, str kind);
json_t *openapi_json(const struct api *api, enum lang lang);

/* reply.c */
void reply_header(struct request *rq, struct response *rs, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
int reply_json(struct request *rq, struct response *rs, int status, json_t *v);   /* takes v */
int reply_record(struct request *rq, struct response *rs, int status, json_t *v); /* with ETag */
void reply_problem(struct request *rq, struct response *rs, int code, const struct err *e);
int status_of(int code);
json_t *errs_json(const struct errs *es, enum lang lang); /* as in "errors" of a problem */
void errs_pointer(struct errs *es, const char *pointer, int code, const char *key, const char *arg0, const char *arg1);

/* password.c, login.c, session.c, token.c: who asks */
int password_judge(const struct login_policy *p, str account, str old, str new_, struct err *e);
void password_one_time(char out[ONE_TIME_PASSWORD_MAX]);
struct login_policy api_policy(struct api *api);
/* login: an entry, which is told and counted; otherwise only the password is asked for again. */
int login_check(struct request *rq, str account, str password, bool login, int64_t *account_id, bool *must_change,
                struct err *e);
int login_set_password(struct request *rq, int64_t account_id, str new_, struct err *e);
int login_unlock(struct api *api, str account, struct err *e);
int hash_password(struct api *api, str password, char *out, size_t cap, struct err *e);
bool check_password(struct api *api, str password, str encoded);
int account_find(struct api *api, str key, int64_t *id, json_t **rec, struct err *e);
/* 1: the account of that id is there and active under that name; 0: it is not; negative: nobody can say now. */
int account_alive(struct api *api, str key, int64_t id, struct err *e);
int account_actor(struct api *api, struct arena *a, int64_t account_id, str account, struct actor *out, struct err *e);
int session_new(struct request *rq, int64_t account_id, char secret[65], struct err *e);
int session_resume(struct request *rq, str secret, struct err *e);
int session_end_all(struct tx *tx, int64_t account_id, struct err *e);
int token_resume(struct request *rq, str secret, struct err *e);
bool auth_alive(struct api *api, const struct auth *au); /* for long streams */
void secret_hash(str secret, char out[65]);
void csrf_of(str secret, char out[65]);
json_t *session_json(struct request *rq, struct err *e);
extern const struct actor actor_system;

/* live.c: the judge's news to many readers */
struct live;
int live_hub_new(struct api *api, struct live **out, struct err *e);
void live_hub_stop(struct live *l);
void live_hub_free(struct live *l);
int live_stream(struct request *rq, struct stream **out, struct err *e);
int tail_stream(struct request *rq, str query, struct stream **out, struct err *e);
/* id: under which GET /exports/{id} gives its SHA-256 when it has ended. */
int export_stream(struct request *rq, str query, str format, struct stream **out, char id[33], struct err *e);
bool stream_take(struct api *api); /* a place, false: all taken */
void stream_give(struct api *api);
bool client_left(int fd);

/* stats.c */
json_t *stats_json(struct api *api);
json_t *exporters_json(struct api *api); /* new reference */
json_t *intake_json(struct api *api, json_t **drops);
void metrics_write(struct api *api, struct buf *b);
void self_event(struct api *api, int severity, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void quoted(struct buf *b, str s);

/* idempotency.c */
int idempotency_table(struct tx *tx, struct err *e);
/* Runs the request's handler once for this key and keeps its answer. */
int idempotency_run(struct request *rq, struct response *rs, str key, struct err *e);

/* static.c */
void static_serve(struct request *rq, struct response *rs);

/* http.c */
int http_start(struct api *api, struct err *e);
void http_stop(struct api *api);

#endif
