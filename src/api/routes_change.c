/* Chapter "Change sets" of docs/api.md: thin over change.h. */
#include "api/routes-int.h"
#include "base/calendar.h"
#include "registry/change.h"
#include <errno.h>

enum { CONFIRM_MAX_S = 7 * 86400 };

static int take_id(struct request *rq, int64_t *id, struct err *e)
{
    if (!str_i64(rq->arg[0], id) || *id < 1)
        return ERR(e, -ENOENT, "registry.change_none", S(rq->arg[0]));
    return 0;
}

int route_changes_get(struct request *rq, struct response *rs, struct err *e)
{
    struct change_query q = {
        .state = request_query(rq, "state"),
        .q = request_query(rq, "q"),
        .cursor = request_query(rq, "cursor"),
        .waiting = request_query_bool(rq, "waiting"),
        .implicit = request_query_bool(rq, "implicit"),
        .limit = (size_t)request_query_int(rq, "limit", 50),
    };
    json_t *out = NULL;
    int rc = change_list(rq->api->d.registry, &rq->auth.actor, &q, &out, e);

    if (rc == -EINVAL)
        return e->code = HTTP_ERR(400);
    return rc < 0 ? rc : reply_json(rq, rs, 200, out);
}

static int reply_created(struct request *rq, struct response *rs, json_t *out)
{
    reply_header(rq, rs, "Location", API_BASE "/changes/%lld", (long long)json_get_int(out, "id", 0));
    return reply_record(rq, rs, 201, out);
}

int route_changes_post(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL;
    int rc = change_draft(rq->api->d.registry, &rq->auth.actor, rq->json, &out, &rq->errs, e);

    return rc < 0 ? rc : reply_created(rq, rs, out);
}

int route_change_get(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL;
    int64_t id = 0;
    int rc = take_id(rq, &id, e);

    if (rc == 0)
        rc = change_get(rq->api->d.registry, &rq->auth.actor, id, &out, e);
    return rc < 0 ? rc : reply_record(rq, rs, 200, out);
}

int route_change_patch(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL;
    int64_t id = 0, rev = 0;
    int rc = take_id(rq, &id, e);

    if (rc == 0)
        rc = request_rev(rq, &rev, e);
    if (rc == 0)
        rc = change_edit(rq->api->d.registry, &rq->auth.actor, id, rev, rq->json, &out, &rq->errs, e);
    return rc < 0 ? rc : reply_record(rq, rs, 200, out);
}

int route_change_plan(struct request *rq, struct response *rs, struct err *e)
{
    struct checks_look l;
    json_t *out = NULL;
    int64_t id = 0;
    int rc = take_id(rq, &id, e);

    checks_look_init(&l, rq);
    if (rc == 0)
        rc = change_plan(rq->api->d.registry, &rq->auth.actor, id, &l.look, &out, &rq->errs, e);
    checks_look_end(&l, rc == 0 ? out : NULL);
    if (rc < 0)
        return rc;
    json_object_set_new(out, "errors", errs_json(&rq->errs, rq->lang));
    return reply_json(rq, rs, 200, out);
}

/* "PT10M": an ISO 8601 duration without months, at most a week. */
static int take_confirm(struct request *rq, int64_t *seconds, struct err *e)
{
    str text = json_get_str(rq->json, "confirm_within");
    struct duration d;

    if (text.n == 0)
        return 0;
    if (!duration_parse(text, &d) || d.months != 0) {
        errs_pointer(&rq->errs, "/confirm_within", -EINVAL, "registry.bad_duration", err_s(text), NULL);
        return ERR(e, -EINVAL, "api.bad_body");
    }
    *seconds = (int64_t)d.days * 86400 + d.seconds;
    if (*seconds >= 1 && *seconds <= CONFIRM_MAX_S)
        return 0;
    errs_pointer(&rq->errs, "/confirm_within", -EINVAL, "api.confirm_range", NULL, NULL);
    return ERR(e, -EINVAL, "api.bad_body");
}

/* The last word of the path is the step. */
static int take_step(struct request *rq, enum change_step *step, struct err *e)
{
    str word = rq->path;
    size_t cut;

    while ((cut = str_find(word, STR("/"))) != SIZE_MAX)
        word = str_sub(word, cut + 1, word.n);
    for (*step = 0; *step < STEPS; ++*step)
        if (str_eq(word, str_c(change_step_name(*step))))
            return 0;
    return ERR(e, HTTP_ERR(404), "api.no_route", S(word));
}

int route_change_step(struct request *rq, struct response *rs, struct err *e)
{
    struct change_args args = {.hash = json_get_str(rq->json, "hash"), .note = json_get_str(rq->json, "reason")};
    enum change_step step = STEPS;
    json_t *out = NULL;
    int64_t id = 0, rev = 0;
    int rc = take_id(rq, &id, e);

    if (args.note.n == 0)
        args.note = json_get_str(rq->json, "note");
    if (args.note.n == 0)
        args.note = rq->auth.actor.reason;
    args.note = str_trim(args.note);
    if (rc == 0)
        rc = take_step(rq, &step, e);
    if (rc == 0)
        rc = request_rev(rq, &rev, e);
    if (rc == 0)
        rc = take_confirm(rq, &args.confirm_s, e);
    if (rc == 0)
        rc = change_step(rq->api->d.registry, &rq->auth.actor, id, rev, step, &args, &out, &rq->errs, e);
    if (rc < 0)
        return rc;
    return step == STEP_REVERT ? reply_created(rq, rs, out) : reply_record(rq, rs, 200, out);
}

int route_record_why(struct request *rq, struct response *rs, struct err *e)
{
    json_t *out = NULL, *found = NULL;
    int rc = registry_why(rq->api->d.registry, &rq->auth.actor, rq->arg[0], rq->arg[1], &out, e);

    if (rc < 0)
        return rc;
    const struct finding_query q = {.subject_kind = rq->arg[0], .subject_id = json_get_int(out, "id", 0), .limit = 100};
    rc = judge_findings(rq->api->d.judge, &rq->auth.actor, &q, &found, e);
    if (rc < 0) {
        json_decref(out);
        return rc;
    }
    json_object_set(out, "findings", json_object_get(found, "items"));
    json_decref(found);
    return reply_json(rq, rs, 200, out);
}

int reply_preview(struct request *rq, struct response *rs, const char *op, struct err *e)
{
    json_t *doc = json_pack("{s:s, s:o}", "op", op, "kind", json_from_str(rq->arg[0])), *out = NULL;
    struct checks_look l;
    bool asked = request_query_bool(rq, "checks"); /* a form asks often what is missing: checks are not free */
    int64_t rev = 0;
    int rc = 0;

    checks_look_init(&l, rq);
    if (rq->json != NULL)
        json_object_set(doc, "fields", rq->json);
    if (rq->route->flags & RF_IF_MATCH) {
        rc = request_rev(rq, &rev, e);
        json_object_set_new(doc, "target", json_from_str(rq->arg[1]));
        json_object_set_new(doc, "rev", json_integer((json_int_t)rev));
    }
    if (rc == 0)
        rc = change_preview(rq->api->d.registry, &rq->auth.actor, doc, asked ? &l.look : NULL, &out, &rq->errs, e);
    json_decref(doc);
    checks_look_end(&l, rc == 0 && asked ? out : NULL);
    return rc < 0 ? rc : reply_json(rq, rs, 200, out);
}
