/* OpenAPI 3.1 out of the route table and the schema: what serves is what is
 * described. Paths of records are written once for every kind. */
#include "api/routes-int.h"

static const struct {
    uint32_t bit;
    const char *name;
} role_list[] = {
    {ROLE_ADMIN, "admin"},       {ROLE_OPERATOR, "operator"},
    {ROLE_APPROVER, "approver"}, {ROLE_UNIT_OFFICER, "unit_officer"},
    {ROLE_AUDITOR, "auditor"},
};

static json_t *text_of(str s) { return json_from_str(s); }

static json_t *type_schema(const char *type, const char *format)
{
    json_t *o = json_pack("{s:s}", "type", type);
    if (format != NULL)
        json_object_set_new(o, "format", json_string(format));
    return o;
}

static const struct {
    const char *type, *format;
} field_types[FT_COUNT] = {
    [FT_TEXT] = {"string"},
    [FT_MARKDOWN] = {"string"},
    [FT_INT] = {"integer"},
    [FT_DECIMAL] = {"string", "decimal"},
    [FT_BOOL] = {"boolean"},
    [FT_DATE] = {"string", "date"},
    [FT_TIME] = {"string", "date-time"},
    [FT_ENUM] = {"string"},
    [FT_IP] = {"string"},
    [FT_PREFIX] = {"string"},
    [FT_MAC] = {"string"},
    [FT_FQDN] = {"string", "hostname"},
    [FT_PHONE] = {"string"},
    [FT_EMAIL] = {"string", "email"},
    [FT_DURATION] = {"string", "duration"},
    [FT_LEVEL] = {"integer"},
    [FT_JSON] = {NULL},
    [FT_FILE] = {"object"},
};

static json_t *ref_schema(str kind)
{
    json_t *o = json_pack("{s:[s,s,s]}", "type", "object", "string", "integer");
    json_object_set_new(o, "x-luy-ref", text_of(kind));
    return o;
}

static json_t *field_schema(const struct field *f, enum lang lang)
{
    json_t *o;

    if (f->type == FT_REF) {
        o = ref_schema(f->ref_kind);
    } else if (f->type == FT_REFS) {
        o = json_pack("{s:s,s:o}", "type", "array", "items", ref_schema(f->ref_kind));
    } else if (field_types[f->type].type == NULL) {
        o = json_object();
    } else {
        o = type_schema(field_types[f->type].type, field_types[f->type].format);
    }
    if (f->type == FT_ENUM) {
        json_t *values = json_array();
        for (size_t i = 0; i < f->nvalues; i++)
            json_array_append_new(values, text_of(f->values[i].value));
        json_object_set_new(o, "enum", values);
    }
    bool number = f->type == FT_INT || f->type == FT_LEVEL;
    if (f->has_min)
        json_object_set_new(o, number ? "minimum" : "minLength", json_integer(f->min));
    if (f->has_max)
        json_object_set_new(o, number ? "maximum" : "maxLength", json_integer(f->max));
    json_object_set_new(o, "description", text_of(lang == LANG_VI ? f->label.vi : f->label.en));
    return o;
}

static json_t *kind_schema(const struct kind *k, enum lang lang)
{
    json_t *props = json_object(), *required = json_array();

    for (size_t i = 0; i < k->nfields; i++) {
        char name[128];
        snprintf(name, sizeof(name), "%.*s", STR_ARGS(k->fields[i].name));
        json_object_set_new(props, name, field_schema(&k->fields[i], lang));
        if (k->fields[i].required)
            json_array_append_new(required, json_string(name));
    }
    json_object_set_new(props, "state", type_schema("string", NULL));
    json_t *o = json_pack("{s:s,s:o}", "type", "object", "properties", props);
    json_object_set_new(o, "description", text_of(lang == LANG_VI ? k->label.vi : k->label.en));
    json_object_set_new(o, "required", required);
    return o;
}

static json_t *parameter(const char *name, const char *in, bool required, json_t *schema)
{
    return json_pack("{s:s,s:s,s:b,s:o}", "name", name, "in", in, "required", (int)required, "schema", schema);
}

static json_t *param_schema(const struct param *p)
{
    json_t *o = type_schema(p->type == PT_INT ? "integer" : p->type == PT_BOOL ? "boolean" : "string", NULL);

    if (p->type == PT_INT) {
        json_object_set_new(o, "minimum", json_integer(p->min));
        json_object_set_new(o, "maximum", json_integer(p->max));
    } else if (p->type == PT_TEXT && p->max > 0) {
        json_object_set_new(o, "maxLength", json_integer(p->max));
    }
    if (p->values != NULL) {
        json_t *values = json_array();
        str rest = str_c(p->values), v;
        while (rest.p != NULL && str_split(&rest, ' ', &v))
            json_array_append_new(values, text_of(v));
        json_object_set_new(o, "enum", values);
    }
    return o;
}

static json_t *parameters(const struct route *r)
{
    json_t *list = json_array();
    str rest = str_c(r->pattern), seg;

    while (rest.p != NULL && str_split(&rest, '/', &seg))
        if (seg.n > 2 && seg.p[0] == '{' && !str_eq(seg, STR("{kind}"))) {
            char name[64];
            snprintf(name, sizeof(name), "%.*s", (int)seg.n - 2, seg.p + 1);
            json_array_append_new(list, parameter(name, "path", true, type_schema("string", NULL)));
        }
    for (const struct param *p = r->params; p != NULL && p->name != NULL; p++)
        json_array_append_new(list, parameter(p->name, "query", false, param_schema(p)));
    if (r->flags & RF_IDEMPOTENT)
        json_array_append_new(list, parameter("Idempotency-Key", "header", false, type_schema("string", NULL)));
    if (r->flags & RF_IF_MATCH)
        json_array_append_new(list, parameter("If-Match", "header", true, type_schema("string", NULL)));
    if (r->method != M_GET && !(r->flags & RF_OPEN)) {
        json_array_append_new(list, parameter("X-CSRF-Token", "header", false, type_schema("string", NULL)));
        json_array_append_new(list, parameter("X-Reason", "header", false, type_schema("string", NULL)));
    }
    return list;
}

static json_t *member_schema(const struct member *m)
{
    json_int_t max = (json_int_t)m->max;

    switch (m->type) {
    case JSON_ARRAY:
        return json_pack("{s:s,s:{s:s},s:I}", "type", "array", "items", "type", m->objects ? "object" : "string",
                         "maxItems", max);
    case JSON_INTEGER:
        return json_pack("{s:s,s:i,s:I}", "type", "integer", "minimum", 0, "maximum", max);
    case JSON_TRUE:
        return type_schema("boolean", NULL);
    default:
        return json_pack("{s:s,s:I}", "type", "string", "maxLength", max);
    }
}

static json_t *body_schema(const struct member *m)
{
    json_t *props = json_object(), *required = json_array();

    for (; m->name != NULL; m++) {
        json_t *s = member_schema(m);
        json_object_set_new(props, m->name, s);
        if (m->required)
            json_array_append_new(required, json_string(m->name));
    }
    return json_pack("{s:s,s:o,s:o,s:b}", "type", "object", "properties", props, "required", required,
                     "additionalProperties", 0);
}

static json_t *request_body(const struct route *r, const char *kind)
{
    char ref[160];

    if (r->flags & RF_CSV)
        return json_pack("{s:b,s:{s:{s:{s:s}},s:{s:{s:s,s:s}}}}", "required", 1, "content", "text/csv", "schema",
                         "type", "string", XLSX_TYPE, "schema", "type", "string", "format", "binary");
    if (r->flags & RF_FILE)
        return json_pack("{s:b,s:{s:{s:{s:s,s:s}}}}", "required", 1, "content", "application/octet-stream", "schema",
                         "type", "string", "format", "binary");
    if (r->flags & RF_RECORD) {
        snprintf(ref, sizeof(ref), "#/components/schemas/%s", kind);
        return json_pack("{s:b,s:{s:{s:{s:s}}}}", "required", 1, "content", "application/json", "schema", "$ref", ref);
    }
    if (r->body != NULL)
        return json_pack("{s:b,s:{s:{s:o}}}", "required", 1, "content", "application/json", "schema",
                         body_schema(r->body));
    return NULL;
}

static json_t *responses(const struct route *r)
{
    char status[8];
    json_t *o = json_object();
    const char *type = r->flags & RF_STREAM ? "text/event-stream" : "application/json";

    snprintf(status, sizeof(status), "%d", r->status);
    json_object_set_new(o, status,
                        r->status == 204 ? json_pack("{s:s}", "description", "No Content")
                                         : json_pack("{s:s,s:{s:{}}}", "description", "OK", "content", type));
    json_object_set_new(o, "default", json_pack("{s:s}", "$ref", "#/components/responses/problem"));
    return o;
}

static json_t *operation(const struct schema *sc, const struct route *r, const char *kind, enum lang lang)
{
    json_t *o = json_object(), *roles = json_array(), *body = request_body(r, kind);
    char id[160];

    snprintf(id, sizeof(id), "%s%s%s", r->text + sizeof("api.op.") - 1, *kind ? "_" : "", kind);
    json_object_set_new(o, "operationId", json_string(id));
    json_object_set_new(o, "summary", text_of(str_c(msg_get(r->text, lang) ? msg_get(r->text, lang) : r->text)));
    json_object_set_new(o, "parameters", parameters(r));
    if (body != NULL)
        json_object_set_new(o, "requestBody", body);
    json_object_set_new(o, "responses", responses(r));
    for (size_t i = 0; i < sizeof(role_list) / sizeof(*role_list); i++)
        if (route_roles(sc, r, str_c(kind)) & role_list[i].bit)
            json_array_append_new(roles, json_string(role_list[i].name));
    json_object_set_new(o, "x-luy-roles", roles);
    json_object_set_new(o, "x-luy-open", json_boolean((r->flags & RF_OPEN) != 0));
    json_object_set_new(o, "x-luy-stream", json_boolean((r->flags & RF_STREAM) != 0));
    if (r->flags & RF_OPEN)
        json_object_set_new(o, "security", json_array());
    return o;
}

static void path_add(const struct schema *sc, json_t *paths, const struct route *r, const char *kind, enum lang lang)
{
    static const char *const verbs[M_COUNT] = {"get", "post", "put", "patch", "delete"};
    char path[256];
    const char *rest = r->pattern + (r->flags & RF_KIND ? sizeof("/{kind}") - 1 : 0);

    snprintf(path, sizeof(path), API_BASE "%s%s%s", *kind ? "/" : "", kind, rest);
    json_t *item = json_object_get(paths, path);
    if (item == NULL) {
        item = json_object();
        json_object_set_new(paths, path, item);
    }
    json_object_set_new(item, verbs[r->method], operation(sc, r, kind, lang));
}

static json_t *components(const struct schema *sc, enum lang lang)
{
    json_t *schemas = json_object();
    char name[128];

    for (size_t i = 0; i < sc->nkinds; i++) {
        snprintf(name, sizeof(name), "%.*s", STR_ARGS(sc->kinds[i].name));
        json_object_set_new(schemas, name, kind_schema(&sc->kinds[i], lang));
    }
    json_object_set_new(schemas, "problem",
                        json_pack("{s:s,s:{s:{s:s},s:{s:s},s:{s:s},s:{s:s},s:{s:s,s:{s:s}}}}", "type", "object",
                                  "properties", "type", "type", "string", "title", "type", "string", "status", "type",
                                  "integer", "detail", "type", "string", "errors", "type", "array", "items", "type",
                                  "object"));
    return json_pack("{s:o,s:{s:{s:s,s:{s:{s:{s:s}}}}},s:{s:{s:s,s:s,s:s},s:{s:s,s:s}}}", "schemas", schemas,
                     "responses", "problem", "description", "RFC 9457", "content", "application/problem+json", "schema",
                     "$ref", "#/components/schemas/problem", "securitySchemes", "session", "type", "apiKey", "in",
                     "cookie", "name", "luy_session", "token", "type", "http", "scheme", "bearer");
}

static bool about_file(const struct route *r) { return str_ends(str_c(r->pattern), STR("/files/{field}")); }

static bool has_file(const struct kind *k)
{
    for (size_t i = 0; i < k->nfields; i++)
        if (k->fields[i].type == FT_FILE)
            return true;
    return false;
}

json_t *openapi_json(const struct api *api, enum lang lang)
{
    const struct schema *sc = registry_schema(api->d.registry);
    json_t *paths = json_object();
    char name[128];

    for (size_t i = 0; i < routes_n; i++) {
        if (!(routes[i].flags & RF_KIND)) {
            path_add(sc, paths, &routes[i], "", lang);
            continue;
        }
        for (size_t k = 0; k < sc->nkinds; k++) {
            if (about_file(&routes[i]) && !has_file(&sc->kinds[k]))
                continue;
            snprintf(name, sizeof(name), "%.*s", STR_ARGS(sc->kinds[k].name));
            path_add(sc, paths, &routes[i], name, lang);
        }
    }
    return json_pack("{s:s,s:{s:s,s:s},s:o,s:o,s:[{s:[]},{s:[]}]}", "openapi", "3.1.0", "info", "title", "L\xc5\xa9y",
                     "version", api->cfg.version, "paths", paths, "components", components(sc, lang), "security",
                     "session", "token");
}
