/* What a query of this request may be about: the sources besides logs, and the
 * decoders that read fields out of messages. Made for each query, because the
 * decoders are those of the packs in force. */
#ifndef LUY_API_QUERY_ENV_H
#define LUY_API_QUERY_ENV_H
#include "api/api-int.h"
#include "journal/flow_nets.h"
#include <stdatomic.h>

enum { QUERY_SOURCES_MAX = 8 };
struct query_world {
    struct query_env env;
    struct row_source logs; /* with its scan */
    struct row_source sql[QUERY_SOURCES_MAX], flows, cluster, cluster_flows, archive;
    struct cluster_source {
        struct api *api;
        enum ch_kind of;
    } of_cluster[2]; /* what those two ask */
    const struct row_source *list[QUERY_SOURCES_MAX + 4];
    struct field_resolver resolver;
    struct flow_nets nets;
    size_t nets_cap;
    struct api *api;
    struct arena *arena;
    struct judge_decoder *decoder;
    size_t *decoded; /* by field of the resolver: which of the decoder's */
};
/* a: for the tables; it and w outlive the queries. */
int query_world_init(struct query_world *w, struct api *api, struct arena *a, int64_t now, struct err *e);
void query_world_done(struct query_world *w);
const struct row_source *query_world_source(struct query_world *w, const struct query *q);
/* query_parse_env with the place as a character; a mistake is a 400. */
int query_world_parse(struct query_world *w, struct arena *a, str text, struct query **q, struct err *e);

/* query_cluster.c: logs and flows as the ClickHouse set has them, among w's sources. */
void query_cluster_sources(struct query_world *w, struct api *api);

/* query_run.c: queries that run now. Each has a number by which its owner may
 * watch and end it; so many at once, in all and for one account. So many more
 * wait for a place, no longer than wait_ms; the rest is refused with 429. */
enum { QUERIES_MAX = 16, QUERIES_PER_ACCOUNT = 8, QUERIES_WAITING_MAX = 64, QUERY_WAIT_MS = 2000, QUERY_ID_MAX = 64 };
struct query_run {
    bool used;
    char id[QUERY_ID_MAX + 1];
    int64_t account;
    atomic_bool cancel;
    _Atomic uint64_t done, all;
    int fd; /* of the client; -1 */
};
struct query_runs {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct query_run v[QUERIES_MAX];
    uint64_t next;
    int wait_ms;
    size_t running, waiting, most_running, most_waiting; /* now, and ever */
};
struct query_runs *query_runs_new(void); /* NULL: no memory */
void query_runs_free(struct query_runs *qs);
/* id: the client's own ("" for none). -EEXIST when that account uses it already. */
int query_run_begin(struct request *rq, str id, struct query_run **out, struct err *e);
bool query_run_try(struct request *rq, struct query_run **out); /* without waiting; false: no place */
void query_run_end(struct api *api, struct query_run *r);
/* Deadline, progress and cancel of the run, for search or pipe. */
struct search_opts query_run_opts(struct request *rq, struct query_run *r);
/* Of a stream, which may take as long as its reader likes: no deadline; ends when the reader leaves. */
struct search_opts query_run_page(struct query_run *r, uint64_t before, uint64_t limit);
int query_run_cancel(struct request *rq, str id, struct err *e);
int query_run_watch(struct request *rq, str id, struct stream **out, struct err *e);
#endif
