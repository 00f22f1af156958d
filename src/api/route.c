/* The route table: who may call what with which parameters and body. Dispatch,
 * the check of rights and OpenAPI are all read from here. */
#include "api/routes-int.h"
#include "registry/addr.h"
#include "registry/find.h"

#define R_ALL   (ROLE_ADMIN | ROLE_OPERATOR | ROLE_APPROVER | ROLE_UNIT_OFFICER | ROLE_AUDITOR)
#define R_WRITE (ROLE_ADMIN | ROLE_OPERATOR | ROLE_UNIT_OFFICER)
/* Log lines of the whole network: not for who may see one unit only. */
#define R_WIDE    (R_ALL & ~(uint32_t)ROLE_UNIT_OFFICER)
#define R_MARK    (ROLE_ADMIN | ROLE_OPERATOR | ROLE_APPROVER | ROLE_UNIT_OFFICER)
#define R_RUN     (ROLE_ADMIN | ROLE_OPERATOR)
#define R_APPROVE (ROLE_ADMIN | ROLE_APPROVER)
#define R_ADMIN   ROLE_ADMIN
#define TEXT_MAX  4096

static const struct param p_list[] = {
    {"q", PT_TEXT, 0, 200}, {"order", PT_TEXT, 0, 100}, {"cursor", PT_TEXT, 0, 1024}, {"limit", PT_INT, 1, 1000},
    {"count", PT_BOOL},     {"ended", PT_BOOL},         {"at", PT_TEXT, 0, 64},       {0}};
static const struct param p_anchor[] = {{"anchor", PT_TEXT, 0, 64}, {0}};
static const struct param p_record[] = {{"at", PT_TEXT, 0, 64}, {0}};
static const struct param p_import[] = {{"dry_run", PT_BOOL},
                                        {"checks", PT_BOOL},
                                        {"changes", PT_BOOL},
                                        {"marked", PT_BOOL},
                                        {"as", PT_TEXT, 0, 20, "change_set"},
                                        {"title", PT_TEXT, 0, 200},
                                        {"name", PT_TEXT, 0, 200},
                                        {"map", PT_TEXT, 0, 80},
                                        {"with", PT_TEXT, 0, 2000},
                                        {0}};
static const struct param p_file[] = {{"name", PT_TEXT, 0, 600}, {0}};
static const struct param p_kinds[] = {{"kinds", PT_TEXT, 0, 2000}, {0}};
static const struct param p_sheet[] = {{"lang", PT_TEXT, 0, 2, "vi en"}, {0}};
static const struct param p_bulk[] = {{"q", PT_TEXT, 0, 200}, {0}};
static const struct param p_events[] = {{"query", PT_TEXT, 0, TEXT_MAX},
                                        {"limit", PT_INT, 1, 1000},
                                        {"before", PT_INT, 0, INT64_MAX},
                                        {"id", PT_TEXT, 0, 64},
                                        {0}};
static const struct param p_histogram[] = {{"query", PT_TEXT, 0, TEXT_MAX}, {"buckets", PT_INT, 1, 1000}, {0}};
static const struct param p_patterns[] = {{"query", PT_TEXT, 0, TEXT_MAX},
                                          {"limit", PT_INT, 1, 1000},
                                          {"order", PT_TEXT, 0, 8, "count change"},
                                          {"id", PT_TEXT, 0, 64},
                                          {0}};
static const struct param p_query[] = {{"query", PT_TEXT, 0, TEXT_MAX}, {0}};
static const struct param p_ask[] = {{"query", PT_TEXT, 0, TEXT_MAX},
                                     {"from", PT_TEXT, 0, 40},
                                     {"limit", PT_INT, 1, 10000},
                                     {"before", PT_INT, 0, INT64_MAX},
                                     {"id", PT_TEXT, 0, 64},
                                     {"explain", PT_BOOL},
                                     {0}};
static const struct param p_complete[] = {{"text", PT_TEXT, 0, TEXT_MAX}, {"at", PT_INT, 0, TEXT_MAX}, {0}};
static const struct param p_export[] = {
    {"query", PT_TEXT, 0, TEXT_MAX}, {"format", PT_TEXT, 0, 8, "text json csv"}, {0}};
static const struct param p_findings[] = {{"state", PT_TEXT, 0, 40},
                                          {"clause", PT_TEXT, 0, 80},
                                          {"control", PT_TEXT, 0, 120},
                                          {"unit", PT_TEXT, 0, 120},
                                          {"severity", PT_TEXT, 0, 20, "low medium high critical"},
                                          {"q", PT_TEXT, 0, 200},
                                          {"limit", PT_INT, 1, 1000},
                                          {"cursor", PT_TEXT, 0, 200},
                                          {0}};
static const struct param p_plan[] = {{"plan", PT_BOOL}, {"checks", PT_BOOL}, {0}};
static const struct param p_changes[] = {{"state", PT_TEXT, 0, 20},
                                         {"waiting", PT_BOOL},
                                         {"implicit", PT_BOOL},
                                         {"q", PT_TEXT, 0, 200},
                                         {"cursor", PT_TEXT, 0, 24},
                                         {"limit", PT_INT, 1, 1000},
                                         {0}};
static const struct param p_control[] = {{"control", PT_TEXT, 0, 120}, {0}};

static const struct param p_tree[] = {{"from", PT_TEXT, 0, 64}, {"limit", PT_INT, 1, ADDR_ROWS_MAX}, {0}};
static const struct param p_free[] = {{"n", PT_INT, 1, ADDR_COUNT_MAX}, {"length", PT_INT, 1, 128}, {0}};
static const struct param p_find[] = {
    {"q", PT_TEXT, 0, FIND_TEXT_MAX}, {"kind", PT_TEXT, 0, 40}, {"limit", PT_INT, 1, FIND_LIMIT_MAX}, {0}};
static const struct param p_zone[] = {{"zone", PT_TEXT, 1, 253}, {0}};

static const struct member b_session[] = {
    {"account", JSON_STRING, true, 128}, {"password", JSON_STRING, true, 1024}, {0}};
static const struct member b_password[] = {{"old", JSON_STRING, true, 1024}, {"new", JSON_STRING, true, 1024}, {0}};
static const struct member b_login[] = {{"account", JSON_STRING, true, 128}, {0}};
static const struct member b_token[] = {
    {"name", JSON_STRING, true, 80}, {"expires_on", JSON_STRING, false, 10}, {"roles", JSON_ARRAY, false, 8}, {0}};
static const struct member b_search[] = {
    {"name", JSON_STRING, true, 200}, {"query", JSON_STRING, true, TEXT_MAX}, {"shared", JSON_TRUE, false, 0}, {0}};
static const struct member b_search_change[] = {
    {"name", JSON_STRING, false, 200}, {"query", JSON_STRING, false, TEXT_MAX}, {"shared", JSON_TRUE, false, 0}, {0}};
static const struct member b_finding[] = {{"state", JSON_STRING, true, 40}, {"note", JSON_STRING, false, 4000}, {0}};
static const struct member b_allocate[] = {{"count", JSON_INTEGER, false, ADDR_COUNT_MAX},
                                           {"length", JSON_INTEGER, false, 128},
                                           {"device", JSON_STRING, false, 160},
                                           {"interface", JSON_STRING, false, 160},
                                           {"name", JSON_STRING, false, 253},
                                           {"purpose", JSON_STRING, false, 800},
                                           {"unit", JSON_STRING, false, 160},
                                           {"site", JSON_STRING, false, 160},
                                           {"zone", JSON_STRING, false, 160},
                                           {"container", JSON_TRUE, false, 0},
                                           {0}};
static const struct member b_change[] = {{"title", JSON_STRING, false, 800},
                                         {"reason", JSON_STRING, false, 8000},
                                         {"ops", JSON_ARRAY, false, 10000, true},
                                         {0}};
static const struct member b_approve[] = {{"hash", JSON_STRING, true, 64}, {"note", JSON_STRING, false, 8000}, {0}};
static const struct member b_reason[] = {{"reason", JSON_STRING, true, 8000}, {0}};
static const struct member b_may_reason[] = {{"reason", JSON_STRING, false, 8000}, {0}};
static const struct member b_note[] = {{"note", JSON_STRING, false, 8000}, {0}};
static const struct member b_apply[] = {
    {"confirm_within", JSON_STRING, false, 40}, {"note", JSON_STRING, false, 8000}, {0}};
static const struct member b_glass[] = {
    {"reason", JSON_STRING, true, 8000}, {"confirm_within", JSON_STRING, false, 40}, {0}};
static const struct member b_duty[] = {{"period_key", JSON_STRING, true, 40}, {"note", JSON_STRING, false, 4000}, {0}};

static const struct member b_bulk[] = {
    {"title", JSON_STRING, false, 200}, {"fields", JSON_OBJECT, false, 0}, {"state", JSON_STRING, false, 80}, {0}};

/* Fixed paths stand before "/{kind}": the first that fits answers. */
const struct route routes[] = {
    {M_POST, "/session", 0, RF_OPEN | RF_MUST_CHANGE_OK, route_session_post, NULL, b_session, 200,
     "api.op.session_post"},
    {M_GET, "/session", R_ALL, RF_MUST_CHANGE_OK, route_session_get, NULL, NULL, 200, "api.op.session_get"},
    {M_DELETE, "/session", R_ALL, RF_MUST_CHANGE_OK | RF_SESSION_ONLY, route_session_delete, NULL, NULL, 204,
     "api.op.session_delete"},
    {M_POST, "/password", R_ALL, RF_MUST_CHANGE_OK | RF_SESSION_ONLY, route_password_post, NULL, b_password, 204,
     "api.op.password_post"},
    {M_GET, "/logins", R_ADMIN, 0, route_logins_get, NULL, NULL, 200, "api.op.logins_get"},
    {M_POST, "/logins", R_ADMIN, RF_SESSION_ONLY, route_logins_post, NULL, b_login, 200, "api.op.logins_post"},
    {M_POST, "/logins/{account}/unlock", R_ADMIN, 0, route_logins_unlock, NULL, NULL, 204, "api.op.logins_unlock"},
    {M_GET, "/tokens", R_ALL, 0, route_tokens_get, NULL, NULL, 200, "api.op.tokens_get"},
    {M_POST, "/tokens", R_ALL, RF_SESSION_ONLY, route_tokens_post, NULL, b_token, 201, "api.op.tokens_post"},
    {M_DELETE, "/tokens/{id}", R_ALL, 0, route_tokens_delete, NULL, NULL, 204, "api.op.tokens_delete"},

    {M_GET, "/schema", R_ALL, 0, route_schema_get, NULL, NULL, 200, "api.op.schema_get"},
    {M_GET, "/registry/counts", R_ALL, 0, route_counts_get, NULL, NULL, 200, "api.op.counts_get"},
    {M_GET, "/journal/verify", R_WIDE, 0, route_journal_verify, p_anchor, NULL, 200, "api.op.journal_verify"},
    {M_GET, "/journal/archives", R_WIDE, 0, route_journal_archives, NULL, NULL, 200, "api.op.journal_archives"},
    {M_GET, "/journal/proof/{seq}", R_WIDE, 0, route_journal_proof, NULL, NULL, 200, "api.op.journal_proof"},
    {M_GET, "/registry/verify", R_WIDE, 0, route_verify_get, NULL, NULL, 200, "api.op.verify_get"},

    {M_POST, "/files", R_WRITE, RF_FILE, route_files_post, p_file, NULL, 201, "api.op.files_post"},
    {M_GET, "/find", R_ALL, 0, route_find_get, p_find, NULL, 200, "api.op.find_get"},
    {M_GET, "/prefix/{id}/tree", R_ALL, 0, route_prefix_tree, p_tree, NULL, 200, "api.op.prefix_tree"},
    {M_GET, "/prefix/{id}/free", R_ALL, 0, route_prefix_free, p_free, NULL, 200, "api.op.prefix_free"},
    {M_POST, "/prefix/{id}/allocate", R_WRITE, 0, route_prefix_allocate, NULL, b_allocate, 201,
     "api.op.prefix_allocate"},
    {M_GET, "/dns/derived", R_ALL, 0, route_dns_derived, p_zone, NULL, 200, "api.op.dns_derived"},

    {M_GET, "/registry/export", R_ALL, 0, route_book_export, p_kinds, NULL, 200, "api.op.book_export"},
    {M_GET, "/registry/template", R_ALL, 0, route_template_get, p_kinds, NULL, 200, "api.op.template_get"},
    {M_GET, "/units/{id}/sheet", R_ALL, 0, route_unit_sheet, p_sheet, NULL, 200, "api.op.unit_sheet"},
    {M_GET, "/registry/maps", R_ALL, 0, route_maps_get, NULL, NULL, 200, "api.op.maps_get"},
    {M_POST, "/registry/import", R_WRITE, RF_CSV, route_book_import, p_import, NULL, 200, "api.op.book_import"},

    {M_GET, "/events", R_WIDE, 0, route_events_get, p_events, NULL, 200, "api.op.events_get"},
    {M_GET, "/events/histogram", R_WIDE, 0, route_events_histogram, p_histogram, NULL, 200, "api.op.events_histogram"},
    {M_GET, "/events/patterns", R_WIDE, 0, route_events_patterns, p_patterns, NULL, 200, "api.op.events_patterns"},
    {M_GET, "/events/tail", R_WIDE, RF_STREAM, route_events_tail, p_query, NULL, 200, "api.op.events_tail"},
    {M_GET, "/events/export", R_WIDE, 0, route_events_export, p_export, NULL, 200, "api.op.events_export"},
    {M_GET, "/query", R_WIDE, 0, route_query_get, p_ask, NULL, 200, "api.op.query_get"},
    {M_GET, "/query/complete", R_WIDE, 0, route_query_complete, p_complete, NULL, 200, "api.op.query_complete"},
    {M_GET, "/query/{id}/progress", R_WIDE, RF_STREAM, route_query_progress, NULL, NULL, 200, "api.op.query_progress"},
    {M_DELETE, "/query/{id}", R_WIDE, 0, route_query_delete, NULL, NULL, 204, "api.op.query_delete"},
    {M_GET, "/searches", R_WIDE, 0, route_searches_get, NULL, NULL, 200, "api.op.searches_get"},
    {M_POST, "/searches", R_WIDE, 0, route_searches_post, NULL, b_search, 201, "api.op.searches_post"},
    {M_PATCH, "/searches/{id}", R_WIDE, 0, route_searches_patch, NULL, b_search_change, 200, "api.op.searches_patch"},
    {M_DELETE, "/searches/{id}", R_WIDE, 0, route_searches_delete, NULL, NULL, 204, "api.op.searches_delete"},
    {M_GET, "/exports", R_WIDE, 0, route_exports_get, NULL, NULL, 200, "api.op.exports_get"},
    {M_GET, "/exports/{id}", R_WIDE, 0, route_export_get, NULL, NULL, 200, "api.op.export_get"},
    {M_GET, "/query/fields", R_ALL, 0, route_query_fields_get, NULL, NULL, 200, "api.op.query_fields_get"},
    {M_GET, "/sources", R_ALL, 0, route_sources_get, NULL, NULL, 200, "api.op.sources_get"},

    {M_GET, "/today", R_ALL, 0, route_today_get, NULL, NULL, 200, "api.op.today_get"},
    {M_GET, "/findings", R_ALL, 0, route_findings_get, p_findings, NULL, 200, "api.op.findings_get"},
    {M_GET, "/findings/{id}", R_ALL, 0, route_finding_get, NULL, NULL, 200, "api.op.finding_get"},
    {M_POST, "/findings/{id}", R_MARK, 0, route_finding_post, NULL, b_finding, 200, "api.op.finding_post"},
    {M_GET, "/clauses", R_ALL, 0, route_clauses_get, NULL, NULL, 200, "api.op.clauses_get"},
    {M_GET, "/clauses/{id}", R_ALL, 0, route_clause_get, NULL, NULL, 200, "api.op.clause_get"},
    {M_GET, "/controls", R_ALL, 0, route_controls_get, NULL, NULL, 200, "api.op.controls_get"},
    {M_POST, "/controls/run", R_RUN, 0, route_controls_run, p_control, NULL, 200, "api.op.controls_run"},
    {M_GET, "/duties", R_ALL, 0, route_duties_get, NULL, NULL, 200, "api.op.duties_get"},
    {M_POST, "/duties/{id}/done", R_WRITE, 0, route_duty_done, NULL, b_duty, 200, "api.op.duty_done"},

    {M_GET, "/changes", R_ALL, 0, route_changes_get, p_changes, NULL, 200, "api.op.changes_get"},
    {M_POST, "/changes", R_WRITE, RF_IDEMPOTENT, route_changes_post, NULL, b_change, 201, "api.op.changes_post"},
    {M_GET, "/changes/{id}", R_ALL, 0, route_change_get, NULL, NULL, 200, "api.op.change_get"},
    {M_PATCH, "/changes/{id}", R_WRITE, RF_IF_MATCH, route_change_patch, NULL, b_change, 200, "api.op.change_patch"},
    {M_GET, "/changes/{id}/plan", R_ALL, 0, route_change_plan, NULL, NULL, 200, "api.op.change_plan"},
    {M_POST, "/changes/{id}/submit", R_WRITE, RF_IF_MATCH, route_change_step, NULL, NULL, 200, "api.op.change_submit"},
    {M_POST, "/changes/{id}/take", R_RUN, RF_IF_MATCH, route_change_step, NULL, NULL, 200, "api.op.change_take"},
    {M_POST, "/changes/{id}/return", R_RUN, RF_IF_MATCH, route_change_step, NULL, b_reason, 200,
     "api.op.change_return"},
    {M_POST, "/changes/{id}/approve", R_APPROVE, RF_IF_MATCH, route_change_step, NULL, b_approve, 200,
     "api.op.change_approve"},
    {M_POST, "/changes/{id}/reject", R_APPROVE, RF_IF_MATCH, route_change_step, NULL, b_reason, 200,
     "api.op.change_reject"},
    {M_POST, "/changes/{id}/withdraw", R_WRITE, RF_IF_MATCH, route_change_step, NULL, b_may_reason, 200,
     "api.op.change_withdraw"},
    {M_POST, "/changes/{id}/apply", R_RUN, RF_IF_MATCH, route_change_step, NULL, b_apply, 200, "api.op.change_apply"},
    {M_POST, "/changes/{id}/confirm", R_RUN | ROLE_APPROVER, RF_IF_MATCH, route_change_step, NULL, NULL, 200,
     "api.op.change_confirm"},
    {M_POST, "/changes/{id}/break-glass", R_ADMIN, RF_IF_MATCH, route_change_step, NULL, b_glass, 200,
     "api.op.change_break_glass"},
    {M_POST, "/changes/{id}/review", R_APPROVE, RF_IF_MATCH, route_change_step, NULL, b_note, 200,
     "api.op.change_review"},
    {M_POST, "/changes/{id}/revert", R_RUN, RF_IF_MATCH, route_change_step, NULL, b_may_reason, 201,
     "api.op.change_revert"},

    {M_GET, "/live", R_ALL, RF_STREAM, route_live_get, NULL, NULL, 200, "api.op.live_get"},
    {M_GET, "/stats", R_ALL, 0, route_stats_get, NULL, NULL, 200, "api.op.stats_get"},
    {M_GET, "/health", 0, RF_OPEN | RF_MUST_CHANGE_OK, route_health_get, NULL, NULL, 200, "api.op.health_get"},
    {M_GET, "/metrics", R_ALL, 0, route_metrics_get, NULL, NULL, 200, "api.op.metrics_get"},
    {M_GET, "/openapi.json", R_ALL, 0, route_openapi_get, NULL, NULL, 200, "api.op.openapi_get"},

    {M_GET, "/{kind}", R_ALL, RF_KIND | RF_FILTERS, route_records_get, p_list, NULL, 200, "api.op.records_get"},
    {M_POST, "/{kind}", R_WRITE, RF_KIND | RF_RECORD | RF_IDEMPOTENT, route_records_post, p_plan, NULL, 201,
     "api.op.records_post"},
    {M_POST, "/{kind}/import", R_WRITE, RF_KIND | RF_CSV, route_records_import, p_import, NULL, 200,
     "api.op.records_import"},
    {M_POST, "/{kind}/bulk", R_WRITE, RF_KIND | RF_FILTERS, route_bulk_post, p_bulk, b_bulk, 201, "api.op.bulk_post"},
    {M_GET, "/{kind}/{id}", R_ALL, RF_KIND, route_record_get, p_record, NULL, 200, "api.op.record_get"},
    {M_PATCH, "/{kind}/{id}", R_WRITE, RF_KIND | RF_RECORD | RF_IF_MATCH | RF_STEPS, route_record_patch, p_plan, NULL,
     200, "api.op.record_patch"},
    {M_DELETE, "/{kind}/{id}", R_WRITE, RF_KIND | RF_IF_MATCH, route_record_delete, p_plan, NULL, 200,
     "api.op.record_delete"},
    {M_GET, "/{kind}/{id}/personal", R_ADMIN, RF_KIND, route_personal_get, NULL, NULL, 200, "api.op.personal_get"},
    {M_DELETE, "/{kind}/{id}/personal", R_ADMIN, RF_KIND | RF_IF_MATCH, route_personal_delete, NULL, NULL, 200,
     "api.op.personal_delete"},
    {M_GET, "/{kind}/{id}/files/{field}", R_ALL, RF_KIND, route_file_get, p_record, NULL, 200, "api.op.file_get"},
    {M_PUT, "/{kind}/{id}/files/{field}", R_WRITE, RF_KIND | RF_FILE | RF_IF_MATCH | RF_STEPS, route_file_put, p_file,
     NULL, 200, "api.op.file_put"},
    {M_GET, "/{kind}/{id}/history", R_ALL, RF_KIND, route_record_history, NULL, NULL, 200, "api.op.record_history"},
    {M_GET, "/{kind}/{id}/why", R_ALL, RF_KIND, route_record_why, NULL, NULL, 200, "api.op.record_why"},
};
const size_t routes_n = sizeof(routes) / sizeof(*routes);

uint32_t route_roles(const struct schema *sc, const struct route *r, str kind)
{
    uint32_t roles = r->roles;
    const struct kind *k = r->flags & RF_STEPS ? schema_kind(sc, kind) : NULL;

    if (k != NULL)
        roles |= registry_steppers(k);
    if ((r->flags & RF_KIND) && r->method != M_GET)
        roles &= registry_writers(kind);
    return roles;
}

/* Segments are cut before they are decoded: a key may hold an encoded '/'. */
static bool pattern_fits(const char *pattern, str path, struct arena *a, str arg[API_ARGS])
{
    str want_rest = str_c(pattern), have_rest = path, want, have;
    size_t n = 0;

    while (want_rest.p != NULL && have_rest.p != NULL) {
        str_split(&want_rest, '/', &want);
        str_split(&have_rest, '/', &have);
        if (want.n > 0 && want.p[0] == '{') {
            if (have.n == 0 || n == API_ARGS || !url_decode(a, have, false, &arg[n++]))
                return false;
        } else if (!str_eq(want, have)) {
            return false;
        }
    }
    return want_rest.p == NULL && have_rest.p == NULL;
}

const struct route *route_find(const struct api *api, enum method m, str path, struct arena *a, str arg[API_ARGS],
                               uint32_t *allow)
{
    bool fixed = false;

    *allow = 0;
    for (size_t i = 0; i < routes_n; i++) {
        const struct route *r = &routes[i];
        bool by_kind = (r->flags & RF_KIND) != 0;
        if (by_kind && fixed)
            break; /* "/events" is not a record kind because POST is not served there */
        if (!pattern_fits(r->pattern, path, a, arg))
            continue;
        if (by_kind && schema_kind(registry_schema(api->d.registry), arg[0]) == NULL)
            continue;
        fixed = fixed || !by_kind;
        *allow |= 1U << r->method;
        if (r->method == m)
            return r;
    }
    return NULL;
}
