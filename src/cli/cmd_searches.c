/* Saved searches: the list, and the query behind a name. */
#include "cli/cli.h"
#include <errno.h>

int cmd_searches(struct run *r)
{
    static const struct column cols[] = {
        {"name", "cli.col.name"}, {"query", "cli.col.query"}, {"shared", "cli.col.shared"}, {"by", "cli.col.by"}};
    struct err e = {0};
    json_t *list = NULL;

    if (client_get(r, STR("/api/v1/searches"), &list, &e) < 0)
        return fail(r, &e);
    int code = out_rows(r, json_object_get(list, "items"), cols, 4);
    json_decref(list);
    return code;
}

/* One's own first: a colleague may share another of the same name. */
static const json_t *named(const json_t *items, const char *name)
{
    const json_t *x, *found = NULL;
    size_t i;

    json_array_foreach(items, i, x)
    {
        if (!str_eq(json_get_str(x, "name"), str_c(name)))
            continue;
        if (json_is_true(json_object_get(x, "own")))
            return x;
        found = found != NULL ? found : x;
    }
    return found;
}

int search_saved(struct run *r, struct err *e)
{
    json_t *list = NULL;
    int rc = 0;

    if (r->nargs > 0)
        return ERR(e, -EINVAL, "cli.search_both");
    if ((rc = client_get(r, STR("/api/v1/searches"), &list, e)) < 0)
        return rc;
    const json_t *x = named(json_object_get(list, "items"), r->opt.saved);
    char **args = arena_array(&r->arena, char *, 1);
    if (x == NULL) {
        rc = ERR(e, -ENOENT, "cli.search_unknown", r->opt.saved);
    } else if (args == NULL) {
        rc = ERR(e, -ENOMEM, "cli.no_memory");
    } else {
        args[0] = arena_cstr(&r->arena, json_get_str(x, "query"));
        r->args = args;
        r->nargs = 1;
    }
    json_decref(list);
    return rc;
}

int search_save(struct run *r)
{
    struct err e = {0};
    json_t *out = NULL, *body = json_pack("{s:s,s:o}", "name", r->opt.save, "query", json_from_str(args_joined(r)));
    int rc = client_send(r, "POST", STR("/api/v1/searches"), body, &out, &e);

    json_decref(body);
    json_decref(out);
    if (rc < 0)
        return fail(r, &e);
    out_message(r, "cli.search_saved", r->opt.save, NULL);
    return EXIT_FINE;
}
