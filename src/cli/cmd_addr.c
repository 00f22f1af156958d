/* Addresses and names: what is free, giving it out, the prefix tree, a zone. */
#include "cli/cli.h"
#include <errno.h>

static str prefix_path(struct run *r, const char *prefix, const char *tail)
{
    struct buf b;

    buf_init(&b, 4096);
    buf_z(&b, "/api/v1/prefix/");
    url_segment(&b, prefix);
    buf_z(&b, tail);
    str s = arena_str(&r->arena, buf_view(&b));
    buf_done(&b);
    return s;
}

static str with_params(struct run *r, str path, const char *a, const char *av, const char *b, const char *bv)
{
    struct buf u;

    buf_init(&u, 8192);
    buf_str(&u, path);
    url_param(&u, a, av);
    if (b != NULL)
        url_param(&u, b, bv);
    str s = arena_str(&r->arena, buf_view(&u));
    buf_done(&u);
    return s;
}

/* Only shown: one a line, so that a script can take it. */
static int show_free(struct run *r, const char *length)
{
    struct err e = {0};
    json_t *out = NULL, *v;
    size_t i;

    str path = with_params(r, prefix_path(r, r->args[0], "/free"), "n", r->opt.limit, "length", length);
    if (client_get(r, path, &out, &e) < 0)
        return fail(r, &e);
    if (r->format == OUT_JSON)
        out_object(r, out);
    else
        json_array_foreach(json_object_get(out, "items"), i, v) printf("%s\n", json_string_value(v));
    int code = json_array_size(json_object_get(out, "items")) > 0 ? EXIT_FINE : EXIT_DIFFERENT;
    json_decref(out);
    return code;
}

static void put(json_t *body, const char *name, const char *value)
{
    if (value != NULL)
        json_object_set_new(body, name, json_from_str(str_c(value)));
}

static int put_number(json_t *body, const char *name, const char *value, struct err *e)
{
    int64_t n;

    if (value == NULL)
        return 0;
    if (!str_i64(str_c(value), &n))
        return ERR(e, -EINVAL, "cli.wants_number", value);
    json_object_set_new(body, name, json_integer(n));
    return 0;
}

static int allocate(struct run *r, const char *length)
{
    static const struct column addresses[] = {{"ip", "cli.col.address"},
                                              {"fqdn", "cli.col.name"},
                                              {"device.key", "cli.col.device"},
                                              {"purpose", "cli.col.purpose"}};
    static const struct column prefixes[] = {
        {"prefix", "cli.col.prefix"}, {"unit.key", "cli.col.unit"}, {"purpose", "cli.col.purpose"}};
    struct err e = {0};
    json_t *body = json_object(), *out = NULL;
    int rc = put_number(body, "count", r->opt.limit, &e);

    if (rc == 0)
        rc = put_number(body, "length", length, &e);
    put(body, "device", r->opt.device);
    put(body, "interface", r->opt.interface);
    put(body, "name", r->opt.name);
    put(body, "purpose", r->opt.purpose);
    if (length != NULL)
        put(body, "unit", r->opt.filter_unit);
    if (rc == 0)
        rc = client_send(r, "POST", prefix_path(r, r->args[0], "/allocate"), body, &out, &e);
    json_decref(body);
    if (rc < 0)
        return fail(r, &e);
    json_t *items = json_object_get(out, "items");
    int code = length != NULL ? out_rows(r, items, prefixes, 3) : out_rows(r, items, addresses, 4);
    json_decref(out);
    return code;
}

int cmd_free_ip(struct run *r) { return r->opt.allocate ? allocate(r, NULL) : show_free(r, NULL); }

int cmd_free_prefix(struct run *r)
{
    const char *length = r->args[1][0] == '/' ? r->args[1] + 1 : r->args[1];

    return r->opt.allocate ? allocate(r, length) : show_free(r, length);
}

/* What a row of the tree is about, in one cell. */
static void row_texts(struct run *r, json_t *row)
{
    const char *type = json_string_value(json_object_get(row, "type"));
    str what = json_get_str(row, "key"), first = json_get_str(row, "first"), last = json_get_str(row, "last");
    json_t *use = json_object_get(row, "use"), *about = NULL;

    if (what.p == NULL)
        what = json_get_str(row, "prefix");
    if (what.p == NULL)
        what = str_eq(first, last) ? first : arena_fmt(&r->arena, "%.*s-%.*s", STR_ARGS(first), STR_ARGS(last));
    if (strcmp(type, "reserved") == 0)
        about = json_object_get(row, "why");
    else if (strcmp(type, "cooling") == 0)
        about = json_object_get(row, "until");
    else if (strcmp(type, "prefix") == 0)
        about = json_object_get(json_object_get(row, "unit"), "title");
    else if (json_object_get(row, "fqdn") != NULL)
        about = json_is_string(json_object_get(row, "fqdn")) ? json_object_get(row, "fqdn")
                                                             : json_object_get(json_object_get(row, "device"), "title");
    json_object_set_new(row, "range", json_from_str(what));
    json_object_set(row, "about", json_is_string(about) ? about : json_null());
    if (use != NULL)
        json_object_set_new(row, "used", json_sprintf("%.1f %%", json_real_value(json_object_get(use, "percent"))));
}

int cmd_prefix(struct run *r)
{
    static const struct column cols[] = {{"range", "cli.col.prefix"},
                                         {"type", "cli.col.kind"},
                                         {"size", "cli.col.size"},
                                         {"used", "cli.col.used"},
                                         {"about", "cli.col.about"}};
    struct err e = {0};
    json_t *out = NULL, *row;
    size_t i;

    if (strcmp(r->args[0], "tree") != 0) {
        ERR(&e, -EINVAL, "cli.prefix_tree", r->args[0]);
        return fail(r, &e);
    }
    if (client_get(r, with_params(r, prefix_path(r, r->args[1], "/tree"), "limit", r->opt.limit, NULL, NULL), &out,
                   &e) < 0)
        return fail(r, &e);
    if (r->format == OUT_JSON) {
        int shown = out_object(r, out);
        json_decref(out);
        return shown;
    }
    json_t *rows = json_object_get(out, "rows"), *use = json_object_get(out, "use");
    json_array_foreach(rows, i, row) row_texts(r, row);
    int code = out_rows(r, rows, cols, 5);
    out_message(r, "cli.prefix_use", json_string_value(json_object_get(use, "size")),
                json_string_value(json_object_get(use, "free")));
    if (json_is_string(json_object_get(out, "next")))
        out_message(r, "cli.more", NULL, NULL);
    json_decref(out);
    return code;
}

/* Exit 2 when something does not fit together, so that cron can tell. */
int cmd_dns(struct run *r)
{
    static const struct column cols[] = {{"name", "cli.col.name"},
                                         {"ttl", "cli.col.ttl"},
                                         {"type", "cli.col.kind"},
                                         {"value", "cli.col.value"},
                                         {"from", "cli.col.from"}};
    struct err e = {0};
    json_t *out = NULL, *c;
    size_t i, n;

    if (client_get(r, with_params(r, STR("/api/v1/dns/derived"), "zone", r->args[0], NULL, NULL), &out, &e) < 0)
        return fail(r, &e);
    json_t *conflicts = json_object_get(out, "conflicts");
    n = json_array_size(conflicts);
    int code = r->format == OUT_JSON ? out_object(r, out) : out_rows(r, json_object_get(out, "items"), cols, 5);
    json_array_foreach(conflicts, i, c)
    {
        char key[64];
        snprintf(key, sizeof(key), "%s%s", "cli.dns.", json_string_value(json_object_get(c, "why")));
        out_message(r, key, json_string_value(json_object_get(c, "name")),
                    json_string_value(json_object_get(c, "other")));
    }
    json_decref(out);
    return code == EXIT_FINE && n > 0 ? EXIT_DIFFERENT : code;
}
