/* What an import is sent with: one sheet as the body, or several files and a
 * mapping as multipart/form-data. Mappings that come with Lũy lie in the maps
 * folder and are read at each use, so that one that is put there works at once. */
#include "api/multipart.h"
#include "api/routes-int.h"
#include "base/file.h"
#include <errno.h>

enum { MAPS_MAX = 200 };

static const struct {
    const char *type;
    enum sheet_format format;
} types[] = {{"text/csv", SHEET_CSV}, {XLSX_TYPE, SHEET_XLSX}};

static str plain_type(str type)
{
    str head = STR_NONE;

    str_split(&type, ';', &head);
    return str_trim(head);
}

static int read_map(struct request *rq, str text, const char *name, const struct mapping **out, struct err *e)
{
    struct mapping *m = NULL;

    if (mapping_parse(&rq->a, registry_schema(rq->api->d.registry), text, name, &m, &rq->errs) < 0)
        return ERR(e, HTTP_ERR(422), "registry.map_mistakes", name, err_n((int64_t)rq->errs.total));
    *out = m;
    return 0;
}

static int list_maps(struct request *rq, str **names, size_t *n)
{
    struct err none = {0};

    *n = 0;
    return rq->api->cfg.maps_dir == NULL
               ? 0
               : file_list(&rq->a, rq->api->cfg.maps_dir, STR(".yaml"), MAPS_MAX, names, n, &none);
}

/* One of the maps folder, by its file's name without .yaml. */
static int named_map(struct request *rq, str name, const struct mapping **out, struct err *e)
{
    char known[ERR_ARG_MAX] = "";
    str *names, text;
    size_t n, at = 0;

    list_maps(rq, &names, &n);
    for (size_t i = 0; i < n; i++) {
        str stem = str_sub(names[i], 0, names[i].n - 5);
        if (str_eq(stem, name)) {
            str path = arena_fmt(&rq->a, "%s/%.*s", rq->api->cfg.maps_dir, STR_ARGS(names[i]));
            int rc = path.p == NULL ? -ENOMEM : file_read(&rq->a, path.p, MAPPING_BYTES, &text, e);
            return rc < 0 ? rc : read_map(rq, text, arena_cstr(&rq->a, names[i]), out, e);
        }
        if (at < sizeof(known) - 1)
            at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%.*s", i > 0 ? ", " : "", STR_ARGS(stem));
    }
    return ERR(e, HTTP_ERR(400), "registry.map_unknown", err_s(name), known);
}

/* The last part of a path, without what would break a place in a sentence. */
static str file_name(str name)
{
    for (size_t i = name.n; i > 0; i--)
        if (name.p[i - 1] == '/' || name.p[i - 1] == '\\')
            return str_sub(name, i, SIZE_MAX);
    return name;
}

static int take_parts(struct request *rq, struct import_args *in, struct err *e)
{
    struct import_file *files = arena_array(&rq->a, struct import_file, IMPORT_FILES);
    struct multipart m;
    struct part part;
    int rc = multipart_open(&m, request_header(rq, "Content-Type"), rq->body, e);

    if (rc < 0 || files == NULL)
        return rc < 0 ? HTTP_ERR(400) : ERR(e, -ENOMEM, "registry.no_memory");
    while ((rc = multipart_next(&m, &part, e)) == 1) {
        if (str_eq(part.name, STR("map"))) {
            if (part.body.n > MAPPING_BYTES)
                return ERR(e, HTTP_ERR(413), "api.body_too_large", err_n(MAPPING_BYTES));
            const char *name = part.file.n > 0 ? arena_cstr(&rq->a, file_name(part.file)) : "map";
            rc = read_map(rq, part.body, name, &in->map, e);
            if (rc < 0)
                return rc;
        } else if (str_eq(part.name, STR("file"))) {
            if (in->nfiles == IMPORT_FILES)
                return ERR(e, HTTP_ERR(400), "api.part_many", err_n(IMPORT_FILES));
            bool book = str_starts(part.body, STR("PK\x03\x04")) || str_ends(part.file, STR(".xlsx")) ||
                        str_ends(part.file, STR(".xls"));
            files[in->nfiles++] = (struct import_file){file_name(part.file), part.body, book ? SHEET_XLSX : SHEET_CSV};
        } else {
            return ERR(e, HTTP_ERR(400), "api.part_unknown", err_s(part.name));
        }
    }
    in->files = files;
    if (rc == 0 && in->nfiles == 0)
        return ERR(e, HTTP_ERR(400), "api.part_none");
    return rc < 0 ? HTTP_ERR(400) : 0;
}

int import_take(struct request *rq, struct import_args *in, struct err *e)
{
    str type = plain_type(request_header(rq, "Content-Type")), map = request_query(rq, "map");

    in->with = request_query(rq, "with");
    if (map.n > 0) {
        int rc = named_map(rq, map, &in->map, e);
        if (rc < 0)
            return rc;
    }
    if (str_eq_nocase(type, STR("multipart/form-data")))
        return take_parts(rq, in, e);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (str_eq_nocase(type, str_c(types[i].type))) {
            in->format = types[i].format;
            return 0;
        }
    return ERR(e, HTTP_ERR(415), "api.content_type", "text/csv, " XLSX_TYPE ", multipart/form-data");
}

/* A mapping with mistakes is told in the log of who asks for it, not here. */
int route_maps_get(struct request *rq, struct response *rs, struct err *e)
{
    json_t *items = json_array();
    str *names, text;
    size_t n;

    list_maps(rq, &names, &n);
    for (size_t i = 0; i < n; i++) {
        const struct mapping *m = NULL;
        struct err why = {0};
        str path = arena_fmt(&rq->a, "%s/%.*s", rq->api->cfg.maps_dir, STR_ARGS(names[i]));
        int rc = path.p == NULL ? -ENOMEM : file_read(&rq->a, path.p, MAPPING_BYTES, &text, &why);
        if (rc == 0)
            rc = read_map(rq, text, arena_cstr(&rq->a, names[i]), &m, &why);
        json_t *o = m != NULL ? mapping_json(m) : json_pack("{s:o}", "errors", errs_json(&rq->errs, rq->lang));
        json_object_set_new(o, "map", json_from_str(str_sub(names[i], 0, names[i].n - 5)));
        json_array_append_new(items, o);
        rq->errs.n = rq->errs.total = 0;
    }
    return reply_json(rq, rs, 200, json_pack("{s:o}", "items", items));
}
