/* Chapter "Exchange" of docs/api.md: spreadsheets in and out, bulk edits. */
#include "api/routes-int.h"
#include "registry/change.h"
#include "registry/exchange.h"
#include <errno.h>

enum { EXPORT_KINDS_MAX = 63, BULK_MAX = 1000 };

bool reply_wants(struct request *rq, const char *wanted)
{
    str rest = request_header(rq, "Accept"), part;

    while (rest.p != NULL && str_split(&rest, ',', &part)) {
        str type, more = part;
        str_split(&more, ';', &type);
        if (str_eq_nocase(str_trim(type), str_c(wanted)))
            return true;
    }
    return false;
}

static int reply_file(struct request *rq, struct response *rs, int status, const char *name, struct err *e)
{
    if (rs->body.failed)
        return ERR(e, -EFBIG, "api.reply_too_large");
    rs->status = status;
    rs->type = XLSX_TYPE;
    reply_header(rq, rs, "Content-Disposition", "attachment; filename=\"%s.xlsx\"", name);
    return 0;
}

int reply_xlsx(struct request *rq, struct response *rs, const struct list_query *q, struct err *e)
{
    const struct export_args in = {.kinds = &rq->arg[0], .n = 1, .q = q, .lang = rq->lang};
    int rc = registry_export_xlsx(rq->api->d.registry, &rq->auth.actor, &in, &rs->body, e);

    if (rc == 0)
        personal_told_rows(rq, "export");
    return rc < 0 ? rc : reply_file(rq, rs, 200, arena_cstr(&rq->a, rq->arg[0]), e);
}

/* ?kinds=unit,device; without it all kinds. */
static int take_kinds(struct request *rq, str kinds[EXPORT_KINDS_MAX], size_t *n, struct err *e)
{
    const struct schema *sc = registry_schema(rq->api->d.registry);
    str rest = request_query(rq, "kinds"), one;

    *n = 0;
    for (size_t i = 0; rest.p == NULL && i < sc->nkinds; i++) {
        if (*n == EXPORT_KINDS_MAX)
            return ERR(e, HTTP_ERR(400), "registry.book_sheets", err_n(EXPORT_KINDS_MAX));
        kinds[(*n)++] = sc->kinds[i].name;
    }
    while (rest.p != NULL && str_split(&rest, ',', &one)) {
        if (*n == EXPORT_KINDS_MAX)
            return ERR(e, HTTP_ERR(400), "registry.book_sheets", err_n(EXPORT_KINDS_MAX));
        kinds[(*n)++] = str_trim(one);
    }
    return 0;
}

static int book_out(struct request *rq, struct response *rs, bool empty, struct err *e)
{
    str kinds[EXPORT_KINDS_MAX];
    struct export_args in = {.kinds = kinds, .empty = empty, .lang = rq->lang};
    int rc = take_kinds(rq, kinds, &in.n, e);

    if (rc == 0)
        rc = registry_export_xlsx(rq->api->d.registry, &rq->auth.actor, &in, &rs->body, e);
    if (rc == 0 && !empty)
        personal_told_rows(rq, "export");
    return rc < 0 ? rc : reply_file(rq, rs, 200, empty ? "luy-template" : "luy-registry", e);
}

int route_book_export(struct request *rq, struct response *rs, struct err *e) { return book_out(rq, rs, false, e); }
int route_template_get(struct request *rq, struct response *rs, struct err *e) { return book_out(rq, rs, true, e); }

/* The notes in the reader's language. */
static void say_notes(struct request *rq, json_t *out)
{
    json_t *note;
    size_t i;

    json_array_foreach(json_object_get(out, "notes"), i, note)
    {
        char text[1024];
        const char *args[] = {json_string_value(json_object_get(note, "arg"))};
        msg_fmt(text, sizeof(text), rq->lang, json_string_value(json_object_get(note, "code")), args, 1);
        json_object_set_new(note, "detail", json_from_str(str_c(text)));
        json_object_del(note, "arg");
    }
}

/* Judged, and given back with the mistakes in it. */
static int reply_marked(struct request *rq, struct response *rs, struct import_args *in, struct err *e)
{
    json_t *out = NULL;

    in->dry_run = true;
    int rc = registry_import(rq->api->d.registry, &rq->auth.actor, in, &out, &rq->errs, e);
    json_decref(out);
    if (rc < 0 && rq->errs.n == 0)
        return rc;
    rc = registry_marked(rq->api->d.registry, in, &rq->errs, rq->lang, &rs->body, e);
    return rc < 0 ? rc : reply_file(rq, rs, 200, "luy-marked", e);
}

static int import(struct request *rq, struct response *rs, str kind, struct err *e)
{
    json_t *out = NULL;
    struct checks_look l;
    struct import_args in = {.kind = kind,
                             .name = kind.n == 0 ? request_query(rq, "name") : STR_NONE,
                             .body = rq->body,
                             .dry_run = request_query_bool(rq, "dry_run"),
                             .as_change = request_query(rq, "as").n > 0,
                             .title = request_query(rq, "title"),
                             .changes = request_query_bool(rq, "changes")};

    bool asked = in.dry_run && request_query_bool(rq, "checks");
    int rc = import_take(rq, &in, e);
    if (rc < 0)
        return rc;
    if (request_query_bool(rq, "marked"))
        return reply_marked(rq, rs, &in, e);
    checks_look_init(&l, rq);
    in.look = asked ? &l.look : NULL;
    rc = registry_import(rq->api->d.registry, &rq->auth.actor, &in, &out, &rq->errs, e);
    checks_look_end(&l, rc == 0 && asked ? out : NULL);
    if (rc < 0)
        return rc;
    say_notes(rq, out);
    return reply_json(rq, rs, json_object_get(out, "change_set") != NULL ? 201 : 200, out);
}

int route_records_import(struct request *rq, struct response *rs, struct err *e)
{
    return import(rq, rs, rq->arg[0], e);
}

int route_book_import(struct request *rq, struct response *rs, struct err *e) { return import(rq, rs, STR_NONE, e); }

/* The records of the filter, each with the same patch, as one draft. */
static int bulk_ops(struct request *rq, const struct list_query *q, json_t *ops, struct err *e)
{
    json_t *list = NULL, *rec;
    size_t i;
    int rc = registry_list(rq->api->d.registry, &rq->auth.actor, rq->arg[0], q, &list, e);

    if (rc < 0)
        return rc == -EINVAL ? (e->code = HTTP_ERR(400)) : rc;
    const json_t *fields = json_object_get(rq->json, "fields"), *state = json_object_get(rq->json, "state");
    if (json_is_string(json_object_get(list, "next")))
        rc = ERR(e, -E2BIG, "api.bulk_many", err_n(BULK_MAX));
    else if (json_array_size(json_object_get(list, "items")) == 0)
        rc = ERR(e, -ENOENT, "api.bulk_none");
    json_array_foreach(json_object_get(list, "items"), i, rec)
    {
        if (rc < 0)
            break;
        json_t *op = json_pack("{s:s, s:o, s:O, s:O}", "op", state != NULL ? "transition" : "change", "kind",
                               json_from_str(rq->arg[0]), "target", json_object_get(rec, "id"), "rev",
                               json_object_get(rec, "rev"));
        if (fields != NULL)
            json_object_set(op, "fields", (json_t *)fields);
        if (state != NULL)
            json_object_set(op, "state", (json_t *)state);
        json_array_append_new(ops, op);
    }
    json_decref(list);
    return rc;
}

int route_bulk_post(struct request *rq, struct response *rs, struct err *e)
{
    struct list_query q;
    json_t *ops = json_array(), *out = NULL;
    str title = json_get_str(rq->json, "title");
    int rc = request_list_query(rq, &q, e);

    q.limit = BULK_MAX;
    q.cursor = STR_NONE;
    if (rc == 0 && json_object_get(rq->json, "fields") == NULL && json_object_get(rq->json, "state") == NULL)
        rc = ERR(e, -EINVAL, "api.bulk_empty");
    /* A list without a filter is everything: that is never meant. */
    if (rc == 0 && q.nfilters == 0 && q.q.n == 0)
        rc = ERR(e, HTTP_ERR(400), "api.bulk_filter");
    if (rc == 0)
        rc = bulk_ops(rq, &q, ops, e);
    if (rc == 0)
        rc = change_draft_from(rq->api->d.registry, &rq->auth.actor, title.n > 0 ? title : rq->arg[0], ops, &out,
                               &rq->errs, e);
    json_decref(ops);
    return rc < 0 ? rc : reply_json(rq, rs, 201, out);
}
