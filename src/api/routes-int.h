/* The handlers that the route table names; one file a chapter of docs/api.md. */
#ifndef LUY_API_ROUTES_INT_H
#define LUY_API_ROUTES_INT_H
#include "api/api-int.h"
#include "registry/change.h"
#include "registry/exchange.h"
#include "registry/mapping.h"
/* clang-format off */
#define HANDLERS(X)                                                                                                    \
    X(session_post)                                                                                                    \
    X(session_get)                                                                                                     \
    X(session_delete)                                                                                                  \
    X(password_post)                                                                                                   \
    X(logins_get)                                                                                                      \
    X(logins_post) X(logins_unlock) X(tokens_get) X(tokens_post) X(tokens_delete) X(schema_get) X(counts_get)          \
        X(verify_get) X(records_get) X(records_post) X(record_get) X(record_patch) X(record_delete) X(record_history)  \
            X(records_import) X(events_get) X(events_histogram) X(events_tail) X(events_patterns) X(events_export) X(query_fields_get) X(query_get) X(query_delete) X(query_progress) X(query_complete) X(searches_get) X(searches_post) X(searches_patch) X(searches_delete) X(exports_get) X(export_get)    \
                X(sources_get) X(today_get) X(findings_get) X(finding_get) X(finding_post) X(clauses_get)              \
                    X(clause_get) X(controls_get) X(controls_run) X(duties_get) X(duty_done) X(live_get) X(stats_get)  \
                        X(changes_get) X(changes_post) X(change_get) X(change_patch) X(change_plan) X(change_step)     \
                        X(record_why) X(health_get) X(metrics_get) X(openapi_get)                                      \
                        X(book_export) X(template_get) X(book_import) X(bulk_post) X(maps_get) X(unit_sheet)                                      \
                        X(prefix_tree) X(prefix_free) X(prefix_allocate) X(dns_derived) X(find_get) X(files_post) X(file_put) X(file_get)
/* clang-format on */
#define X(n) handler_fn route_##n;
HANDLERS(X)
#undef X
/* routes_registry.c: If-Match as a number. */
int request_rev(struct request *rq, int64_t *rev, struct err *e);
/* ?at=: a time of the past; INT64_MAX when it is not asked for. */
int request_at(struct request *rq, int64_t *at, struct err *e);
/* checks_look.c: what the checks would make of a plan. The look is given to the
 * registry; its end puts "checks" into the plan (null: it was not looked at, as
 * half a change has no effect) or, for NULL, drops what was seen. */
struct checks_look {
    struct change_look look;
    struct request *rq;
    json_t *effect;
};
void checks_look_init(struct checks_look *l, struct request *rq);
void checks_look_end(struct checks_look *l, json_t *plan);
/* routes_change.c: ?plan=true of one write of a record. */
int reply_preview(struct request *rq, struct response *rs, const char *op, struct err *e);
int request_list_query(struct request *rq, struct list_query *q, struct err *e);
/* routes_exchange.c */
#define XLSX_TYPE "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
bool reply_wants(struct request *rq, const char *type); /* Accept names it */
int reply_xlsx(struct request *rq, struct response *rs, const struct list_query *q, struct err *e);
/* import_in.c: the sheet, the files and the mapping of the request. */
int import_take(struct request *rq, struct import_args *in, struct err *e);
/* routes_session.c */
json_t *roles_json(uint32_t roles);
json_t *time_s_json(int64_t ns); /* to the second */

/* routes_personal.c: an event for whoever reads personal data. records: the
 * array or the record that goes out, NULL for what the path names. */
void personal_told(struct request *rq, const char *how, const json_t *records);
void personal_told_rows(struct request *rq, const char *how); /* a whole list as a file */
handler_fn route_personal_get, route_personal_delete;
handler_fn route_journal_verify, route_journal_proof, route_journal_archives; /* routes_proof.c */
#endif
