/* Chapter "Judged" of docs/api.md: thin over judge.h. */
#include "api/routes-int.h"
#include <errno.h>

static int reply_items(struct request *rq, struct response *rs, const char *name, json_t *out)
{
    return reply_json(rq, rs, 200, json_is_array(out) ? json_pack("{s:o}", name, out) : out);
}

/* The judge knows nothing of the wire: drops and intake are put in here. */
int route_today_get(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL, *drops = NULL, *intake;
    int rc = judge_today(rq->api->d.judge, &rq->auth.actor, &out, e);

    if (rc < 0)
        return rc;
    intake = intake_json(rq->api, &drops);
    json_object_set_new(out, "drops", drops);
    json_object_set_new(out, "intake",
                        json_pack("{s:I,s:I}", "restarts", json_get_int(intake, "restarts", 0), "received",
                                  json_get_int(intake, "received", 0)));
    json_decref(intake);
    return reply_json(rq, rs, 200, out);
}

int route_findings_get(struct request *rq, struct response *rs, struct err *e)
{
    struct finding_query q = {
        .state = request_query(rq, "state"),
        .control = request_query(rq, "control"),
        .clause = request_query(rq, "clause"),
        .unit = request_query(rq, "unit"),
        .severity = request_query(rq, "severity"),
        .q = request_query(rq, "q"),
        .cursor = request_query(rq, "cursor"),
        .limit = (size_t)request_query_int(rq, "limit", 50),
    };
    json_t *out = NULL;
    int rc = judge_findings(rq->api->d.judge, &rq->auth.actor, &q, &out, e);
    return rc < 0 ? rc : reply_items(rq, rs, "items", out);
}

static int finding_id(struct request *rq, int64_t *id, struct err *e)
{
    if (!str_i64(rq->arg[0], id) || *id <= 0)
        return ERR(e, -ENOENT, "api.no_finding", err_s(rq->arg[0]));
    return 0;
}

int route_finding_get(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL;
    int64_t id = 0;
    int rc = finding_id(rq, &id, e);

    if (rc == 0)
        rc = judge_finding(rq->api->d.judge, &rq->auth.actor, id, &out, e);
    return rc < 0 ? rc : reply_json(rq, rs, 200, out);
}

int route_finding_post(struct request *rq, struct response *rs, struct err *e)
{
    str state = json_get_str(rq->json, "state"), note = json_get_str(rq->json, "note");
    json_t *out = NULL;
    int64_t id = 0;
    int rc = finding_id(rq, &id, e);

    if (rc < 0)
        return rc;
    if (str_eq(state, STR("closed")))
        return ERR(e, -EBUSY, "api.finding_close");
    if (!str_eq(state, STR("acknowledged")) && !str_eq(state, STR("in_remedy"))) {
        errs_pointer(&rq->errs, "/state", -EINVAL, "api.param_value", "acknowledged in_remedy", NULL);
        return ERR(e, -EINVAL, "api.bad_body");
    }
    rc = judge_finding_mark(rq->api->d.judge, &rq->auth.actor, id, state, note.p != NULL ? note : STR(""), &out, e);
    return rc < 0 ? rc : reply_json(rq, rs, 200, out);
}

int route_clauses_get(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL;
    int rc = judge_clauses(rq->api->d.judge, &rq->auth.actor, &out, e);
    return rc < 0 ? rc : reply_items(rq, rs, "regulations", out);
}

int route_clause_get(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL;
    int rc = judge_clause(rq->api->d.judge, &rq->auth.actor, rq->arg[0], &out, e);
    return rc < 0 ? rc : reply_json(rq, rs, 200, out);
}

int route_controls_get(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL;
    int rc = judge_controls(rq->api->d.judge, &rq->auth.actor, &out, e);
    return rc < 0 ? rc : reply_items(rq, rs, "items", out);
}

static json_t *only_control(json_t *all, str id)
{
    json_t *items = json_is_array(all) ? all : json_object_get(all, "items"), *kept = json_array(), *v;
    size_t i;

    json_array_foreach(items, i, v) if (str_eq(json_get_str(v, "id"), id)) json_array_append(kept, v);
    json_decref(all);
    return json_pack("{s:o}", "items", kept);
}

int route_controls_run(struct request *rq, struct response *rs, struct err *e)
{
    str id = request_query(rq, "control");
    json_t *out = NULL;
    int rc = judge_check_now(rq->api->d.judge, id.p != NULL ? id : STR(""), e);

    if (rc == 0)
        rc = judge_controls(rq->api->d.judge, &rq->auth.actor, &out, e);
    if (rc < 0)
        return rc;
    return id.n > 0 ? reply_json(rq, rs, 200, only_control(out, id)) : reply_items(rq, rs, "items", out);
}

int route_duties_get(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL;
    int rc = judge_duties(rq->api->d.judge, &rq->auth.actor, &out, e);
    return rc < 0 ? rc : reply_items(rq, rs, "items", out);
}

int route_duty_done(struct request *rq, struct response *rs, struct err *e)
{
    str note = json_get_str(rq->json, "note");
    json_t *out = NULL;
    int rc = judge_duty_done(rq->api->d.judge, &rq->auth.actor, rq->arg[0], json_get_str(rq->json, "period_key"),
                             note.p != NULL ? note : STR(""), &out, e);
    return rc < 0 ? rc : reply_json(rq, rs, 200, out);
}
