/* Records: the same commands for every kind, their fields from GET /schema. */
#include "cli/cli.h"
#include <errno.h>

enum { MAX_COLUMNS = 32 };

str record_path(struct run *r, const char *kind, const char *key, const char *tail)
{
    struct buf b;

    buf_init(&b, 64 * 1024);
    buf_z(&b, "/api/v1/");
    url_segment(&b, kind);
    if (key != NULL) {
        buf_byte(&b, '/');
        url_segment(&b, key);
    }
    if (tail != NULL)
        buf_z(&b, tail);
    str s = arena_str(&r->arena, buf_view(&b));
    buf_done(&b);
    return s;
}

static int schema_kind(struct run *r, const char *kind, json_t **schema, json_t **out, struct err *e)
{
    size_t i;
    json_t *k;
    int rc = client_get(r, STR("/api/v1/schema"), schema, e);

    if (rc < 0)
        return rc;
    json_array_foreach(json_object_get(*schema, "kinds"), i, k)
    {
        if (str_eq(json_get_str(k, "name"), str_c(kind))) {
            *out = k;
            return 0;
        }
    }
    json_decref(*schema);
    *schema = NULL;
    return ERR(e, -ENOENT, "cli.unknown_kind", kind);
}

/* "field=value" words become query parameters or members of a body. */
static int split_pair(const char *word, char *name, size_t cap, const char **value, struct err *e)
{
    const char *eq = strchr(word, '=');

    if (eq == NULL || eq == word || (size_t)(eq - word) >= cap)
        return ERR(e, -EINVAL, "cli.wants_pair", word);
    memcpy(name, word, (size_t)(eq - word));
    name[eq - word] = 0;
    *value = eq + 1;
    return 0;
}

int list_path(struct run *r, const char *kind, str *out, struct err *e)
{
    struct buf b;
    int rc = 0;

    buf_init(&b, 64 * 1024);
    buf_str(&b, record_path(r, kind, NULL, NULL));
    for (int i = 1; i < r->nargs && rc == 0; i++) {
        char name[128];
        const char *value = NULL;
        rc = split_pair(r->args[i], name, sizeof(name), &value, e);
        if (rc == 0)
            url_param(&b, name, value);
    }
    url_param(&b, "state", r->opt.filter_state);
    url_param(&b, "unit__under", r->opt.filter_unit);
    url_param(&b, "q", r->opt.query_text);
    url_param(&b, "order", r->opt.order);
    url_param(&b, "limit", r->opt.limit);
    url_param(&b, "ended", r->opt.all ? "1" : NULL);
    url_param(&b, "at", r->opt.at);
    *out = arena_str(&r->arena, buf_view(&b));
    buf_done(&b);
    return rc;
}

/* The kind's list columns, or those of --fields. */
static size_t list_columns(struct run *r, const json_t *kind, struct column cols[MAX_COLUMNS])
{
    size_t n = 0, i;
    json_t *c;

    if (r->opt.fields != NULL) {
        str rest = str_c(r->opt.fields), name;
        while (n < MAX_COLUMNS && str_split(&rest, ',', &name))
            cols[n++] = (struct column){arena_cstr(&r->arena, str_trim(name)), NULL};
        return n;
    }
    bool state = false;
    json_array_foreach(json_object_get(kind, "columns"), i, c)
    {
        if (n + 1 >= MAX_COLUMNS)
            break;
        cols[n++] = (struct column){json_string_value(c), NULL};
        state = state || strcmp(json_string_value(c), "state") == 0;
    }
    if (!state)
        cols[n++] = (struct column){"state", NULL};
    return n;
}

int cmd_list(struct run *r)
{
    struct err e = {0};
    struct column cols[MAX_COLUMNS];
    json_t *schema = NULL, *kind = NULL, *list = NULL;
    str path;
    int code = EXIT_ERROR;

    if (schema_kind(r, r->args[0], &schema, &kind, &e) == 0 && list_path(r, r->args[0], &path, &e) == 0 &&
        client_get(r, path, &list, &e) == 0) {
        code = out_rows(r, json_object_get(list, "items"), cols, list_columns(r, kind, cols));
        if (json_is_string(json_object_get(list, "next")))
            out_message(r, "cli.more", NULL, NULL);
    } else {
        fail(r, &e);
    }
    json_decref(list);
    json_decref(schema);
    return code;
}

int cmd_kinds(struct run *r)
{
    static const struct column kinds[] = {
        {"name", "cli.col.kind"}, {"group", "cli.col.group"}, {"label", "cli.col.label"}, {"key", "cli.col.key"}};
    static const struct column fields[] = {{"name", "cli.col.field"},        {"type", "cli.col.type"},
                                           {"required", "cli.col.required"}, {"ref", "cli.col.ref"},
                                           {"label", "cli.col.label"},       {"clauses", "cli.col.clauses"}};
    struct err e = {0};
    json_t *schema = NULL, *kind = NULL;
    int rc = r->nargs == 0 ? client_get(r, STR("/api/v1/schema"), &schema, &e)
                           : schema_kind(r, r->args[0], &schema, &kind, &e);

    if (rc < 0)
        return fail(r, &e);
    int code = r->nargs == 0 ? out_rows(r, json_object_get(schema, "kinds"), kinds, 4)
                             : out_rows(r, json_object_get(kind, "fields"), fields, 6);
    json_decref(schema);
    return code;
}

static int get_record(struct run *r, json_t **out, struct err *e)
{
    struct buf b;

    buf_init(&b, 64 * 1024);
    buf_str(&b, record_path(r, r->args[0], r->args[1], NULL));
    url_param(&b, "at", r->opt.at);
    str path = arena_str(&r->arena, buf_view(&b));
    buf_done(&b);
    int rc = client_get(r, path, out, e);

    /* Name what was asked for: the server's sentence may speak of an id. */
    if (rc == -ENOENT)
        ERR(e, rc, "cli.no_record", r->args[0], r->args[1]);
    return rc;
}

int cmd_show(struct run *r)
{
    struct err e = {0};
    json_t *record = NULL;

    if (get_record(r, &record, &e) < 0)
        return fail(r, &e);
    int code = out_object(r, record);
    json_decref(record);
    return code;
}

static int body_from_pairs(struct run *r, int first, json_t **out, struct err *e)
{
    json_t *body = json_object();

    for (int i = first; i < r->nargs; i++) {
        char name[128];
        const char *value = NULL;
        int rc = split_pair(r->args[i], name, sizeof(name), &value, e);
        if (rc < 0) {
            json_decref(body);
            return rc;
        }
        int64_t number;
        bool counts = str_i64(str_c(value), &number) && (value[0] != '0' || value[1] == 0) && strlen(value) < 10;
        json_object_set_new(body, name,
                            counts                        ? json_integer(number)
                            : strcmp(value, "null") == 0  ? json_null()
                            : strcmp(value, "true") == 0  ? json_true()
                            : strcmp(value, "false") == 0 ? json_false()
                                                          : json_from_str(str_c(value)));
    }
    *out = body;
    return 0;
}

/* Numbers were guessed from their look; a text field wants them back as text. */
static void follow_types(json_t *body, const json_t *kind)
{
    size_t i;
    json_t *f;

    json_array_foreach(json_object_get(kind, "fields"), i, f)
    {
        const char *name = json_string_value(json_object_get(f, "name"));
        str type = json_get_str(f, "type");
        json_t *v = json_object_get(body, name);
        if (!json_is_integer(v) || str_eq(type, STR("int")) || str_eq(type, STR("level")) ||
            str_starts(type, STR("ref")))
            continue;
        char text[32];
        snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(v));
        json_object_set_new(body, name, json_string(text));
    }
}

static int write_record(struct run *r, const char *method, str path, int first)
{
    struct err e = {0};
    json_t *schema = NULL, *kind = NULL, *body = NULL, *out = NULL;
    int rc = schema_kind(r, r->args[0], &schema, &kind, &e);

    if (rc == 0)
        rc = body_from_pairs(r, first, &body, &e);
    if (rc == 0) {
        follow_types(body, kind);
        rc = client_send(r, method, path, body, &out, &e);
    }
    int code = rc < 0 ? fail(r, &e) : out_object(r, out);
    json_decref(out);
    json_decref(body);
    json_decref(schema);
    return code;
}

/* Without --rev the present revision is taken: the last writer says so by leaving it out. */
int current_rev(struct run *r, struct err *e)
{
    json_t *record = NULL;

    if (r->opt.rev != NULL)
        return 0;
    int rc = get_record(r, &record, e);
    if (rc == 0)
        r->opt.rev = arena_fmt(&r->arena, "%lld", (long long)json_get_int(record, "rev", 0)).p;
    json_decref(record);
    return rc;
}

int cmd_add(struct run *r) { return write_record(r, "POST", record_path(r, r->args[0], NULL, NULL), 1); }

int cmd_set(struct run *r)
{
    struct err e = {0};

    if (current_rev(r, &e) < 0)
        return fail(r, &e);
    return write_record(r, "PATCH", record_path(r, r->args[0], r->args[1], NULL), 2);
}

int cmd_end(struct run *r)
{
    struct err e = {0};
    json_t *out = NULL;

    if (current_rev(r, &e) < 0 ||
        client_send(r, "DELETE", record_path(r, r->args[0], r->args[1], NULL), NULL, &out, &e) < 0)
        return fail(r, &e);
    int code = out_object(r, out);
    json_decref(out);
    return code;
}

int cmd_personal(struct run *r)
{
    struct err e = {0};
    json_t *out = NULL;

    if (client_get(r, record_path(r, r->args[0], r->args[1], "/personal"), &out, &e) < 0)
        return fail(r, &e);
    r->format = OUT_JSON;
    int code = out_object(r, out);
    json_decref(out);
    return code;
}

int cmd_blank(struct run *r)
{
    struct err e = {0};
    json_t *out = NULL;

    if (current_rev(r, &e) < 0 ||
        client_send(r, "DELETE", record_path(r, r->args[0], r->args[1], "/personal"), NULL, &out, &e) < 0)
        return fail(r, &e);
    int code = out_object(r, out);
    json_decref(out);
    return code;
}

int cmd_history(struct run *r)
{
    static const struct column cols[] = {{"at", "cli.col.at"},         {"op", "cli.col.op"},
                                         {"rev", "cli.col.rev"},       {"by", "cli.col.by"},
                                         {"reason", "cli.col.reason"}, {"after", "cli.col.after"}};
    struct err e = {0};
    json_t *list = NULL;

    if (client_get(r, record_path(r, r->args[0], r->args[1], "/history"), &list, &e) < 0)
        return fail(r, &e);
    int code = out_rows(r, json_object_get(list, "items"), cols, 6);
    json_decref(list);
    return code;
}

static bool verify_documents(struct run *r, const json_t *report)
{
    int64_t files = json_get_int(report, "files", 0), bad = json_get_int(report, "files_bad", 0);
    json_t *list = json_object_get(report, "bad_files"), *f;
    size_t i;

    json_array_foreach(list, i, f)
    {
        str key = json_get_str(f, "key");
        str at = arena_fmt(&r->arena, "%s %s %s", S(json_get_str(f, "kind")),
                           key.n > 0 ? S(key) : N(json_get_int(f, "id", 0)), S(json_get_str(f, "field")));
        bool missing = str_eq(json_get_str(f, "fault"), STR("missing"));
        out_message(r, missing ? "cli.document_missing" : "cli.document_altered", at.p, S(json_get_str(f, "name")));
    }
    if (bad > (int64_t)i)
        out_message(r, "cli.more_mistakes", N(bad - (int64_t)i), NULL);
    if (bad == 0 && files > 0)
        out_message(r, "cli.documents_whole", N(files), NULL);
    return bad == 0;
}

/* A chain, its points in the ledger, the documents, and every byte of the journal. */
static bool verify_registry(struct run *r, json_t **out, struct err *e)
{
    if (client_get(r, STR("/api/v1/registry/verify"), out, e) < 0)
        return false;
    int64_t bad = json_get_int(*out, "bad_seq", 0), point = json_get_int(*out, "bad_point", 0);
    out_message(r, bad ? "cli.chain_broken" : "cli.chain_whole", N(bad ? bad : json_get_int(*out, "rows", 0)), NULL);
    if (point != 0)
        out_message(r, "cli.point_broken", N(point), NULL);
    return verify_documents(r, *out) && bad == 0 && point == 0;
}

static bool verify_journal(struct run *r, json_t **out, struct err *e)
{
    if (client_get(r, STR("/api/v1/journal/verify"), out, e) < 0)
        return false;
    bool bad = json_is_true(json_object_get(*out, "bad"));
    if (bad)
        out_message(r, "cli.journal_broken", json_string_value(json_object_get(*out, "first")), NULL);
    else
        out_message(r, "cli.journal_whole", N(json_get_int(*out, "events", 0)), N(json_get_int(*out, "unproven", 0)));
    if (!bad && json_get_int(*out, "flow_blocks", 0) > 0)
        out_message(r, "cli.flows_whole", N(json_get_int(*out, "flows", 0)),
                    N(json_get_int(*out, "flows_unproven", 0)));
    out_message(r, "cli.anchor", json_string_value(json_object_get(*out, "anchor")), NULL);
    return !bad;
}

int cmd_verify(struct run *r)
{
    struct err e = {0};
    json_t *registry = NULL, *journal = NULL;
    bool good = verify_registry(r, &registry, &e);

    good = (e.code == 0 && verify_journal(r, &journal, &e)) && good;
    if (e.code == 0 && r->format != OUT_TABLE) {
        json_t *both = json_pack("{s:O, s:O}", "registry", registry, "journal", journal);
        out_object(r, both);
        json_decref(both);
    }
    json_decref(registry);
    json_decref(journal);
    return e.code != 0 ? fail(r, &e) : good ? EXIT_FINE : EXIT_DIFFERENT;
}

int cmd_proof(struct run *r)
{
    struct err e = {0};
    json_t *proof = NULL;
    str path = arena_fmt(&r->arena, "/api/v1/journal/proof/%s", r->args[0]);

    if (client_get(r, path, &proof, &e) < 0)
        return fail(r, &e);
    json_dumpf(proof, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(proof);
    return EXIT_FINE;
}
