/* Documents of records: in as the raw body, out as a download that no browser
 * shows or runs. The type and the name that came with it are claims (attach.h). */
#include "api/multipart.h"
#include "api/routes-int.h"
#include "registry/attach.h"
#include <errno.h>

/* ?name=, else Content-Disposition (RFC 6266): filename*=UTF-8''.. before filename=. */
static int take_name(struct request *rq, str *out, struct err *e)
{
    str name = request_query(rq, "name"), head = request_header(rq, "Content-Disposition");

    if (name.p == NULL && head.n > 0) {
        str ext = header_parameter(head, "filename*");
        bool utf8 = ext.n > 7 && str_eq_nocase(str_sub(ext, 0, 7), STR("UTF-8''"));
        if (ext.n > 0 && !utf8)
            return ERR(e, HTTP_ERR(400), "api.bad_disposition");
        if (utf8 && !url_decode(&rq->a, str_sub(ext, 7, SIZE_MAX), false, &name))
            return ERR(e, HTTP_ERR(400), "api.bad_disposition");
        if (!utf8)
            name = header_parameter(head, "filename");
    }
    *out = name;
    return 0;
}

static int take_file(struct request *rq, struct file_in *in, struct err *e)
{
    *in = (struct file_in){.type = request_header(rq, "Content-Type"), .bytes = rq->body, .max = rq->api->cfg.file_max};
    return take_name(rq, &in->name, e);
}

int route_files_post(struct request *rq, struct response *rs, struct err *e)
{
    struct file_in in;
    json_t *out = NULL;
    int rc = take_file(rq, &in, e);

    if (rc == 0)
        rc = registry_upload(rq->api->d.registry, &rq->auth.actor, &in, &out, e);
    return rc < 0 ? rc : reply_json(rq, rs, 201, out);
}

int route_file_put(struct request *rq, struct response *rs, struct err *e)
{
    struct file_in in;
    json_t *out = NULL;
    int64_t rev = 0;
    int rc = request_rev(rq, &rev, e);

    if (rc == 0)
        rc = take_file(rq, &in, e);
    if (rc == 0)
        rc = registry_attach(rq->api->d.registry, &rq->auth.actor, rq->arg[0], rq->arg[1], rev, rq->arg[2], &in, &out,
                             &rq->errs, e);
    return rc < 0 ? rc : reply_record(rq, rs, 200, out);
}

/* Both forms of RFC 6266: for those who read no UTF-8 every other byte is a line. */
static void put_disposition(struct request *rq, struct response *rs, str name)
{
    static const char hex[] = "0123456789ABCDEF";
    char *plain = arena_alloc(&rq->a, name.n + 1), *coded = arena_alloc(&rq->a, 3 * name.n + 1);
    size_t n = 0;

    if (plain == NULL || coded == NULL)
        return;
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        bool word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
                    c == '-' || c == '_';
        plain[i] = word || c == ' ' ? (char)c : '_';
        if (word) {
            coded[n++] = (char)c;
        } else {
            coded[n++] = '%';
            coded[n++] = hex[c >> 4];
            coded[n++] = hex[c & 15];
        }
    }
    reply_header(rq, rs, "Content-Disposition", "attachment; filename=\"%.*s\"; filename*=UTF-8''%.*s", (int)name.n,
                 plain, (int)n, coded);
}

/* Header values outlive the call: the types of file_type.c, or bytes. */
static const char *type_of(struct request *rq, str type)
{
    const char *z = arena_cstr(&rq->a, type);

    return z != NULL && *z != '\0' ? z : "application/octet-stream";
}

static bool is_personal(struct request *rq)
{
    const struct kind *k = schema_kind(registry_schema(rq->api->d.registry), rq->arg[0]);
    const struct field *f = k != NULL ? kind_field(k, rq->arg[2]) : NULL;

    return f != NULL && f->personal;
}

int route_file_get(struct request *rq, struct response *rs, struct err *e)
{
    struct file_out out;
    int64_t at;
    int rc = request_at(rq, &at, e);

    if (rc == 0)
        rc = registry_fetch(rq->api->d.registry, &rq->auth.actor, rq->arg[0], rq->arg[1], rq->arg[2], at, &rq->a, &out,
                            &rs->body, e);
    if (rc < 0)
        return rc;
    if (is_personal(rq))
        personal_told(rq, "file", NULL);
    rs->status = 200;
    rs->type = type_of(rq, out.type);
    put_disposition(rq, rs, out.name);
    return 0;
}
