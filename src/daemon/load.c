/* Loads a folder of CSV files as the system. Main thread, before serving. */
#include "daemon/load.h"
#include "base/file.h"
#include "base/json.h"
#include <errno.h>

enum { FILES_MAX = 1000, FILE_BYTES_MAX = 64 * 1024 * 1024, NAME_MAX_BYTES = 4096 };

/* "07-account_review.csv" -> "account_review"; empty when the name has another form. */
static str kind_of(str name)
{
    str rest = name, number;

    if (!str_ends(name, STR(".csv")) || !str_split(&rest, '-', &number) || rest.p == NULL)
        return STR_NONE;
    return str_sub(rest, 0, rest.n - 4);
}

static int load_file(struct registry *r, struct arena *a, const char *dir, str name, load_said *said, void *ctx,
                     struct errs *es, struct err *e)
{
    const struct actor system = {.name = STR("system"), .roles = ROLE_SYSTEM, .reason = name};
    str kind = kind_of(name), text;
    json_t *out = NULL;

    if (kind.n == 0 || schema_kind(registry_schema(r), kind) == NULL)
        return ERR(e, -EINVAL, "daemon.load_name", S(name));
    str path = arena_fmt(a, "%s/%.*s", dir, STR_ARGS(name));
    int rc = file_read(a, path.p, FILE_BYTES_MAX, &text, e);
    if (rc < 0)
        return rc;
    rc = registry_import_csv(r, &system, kind, text, false, &out, es, e);
    if (rc == 0)
        said(ctx, kind, json_get_int(out, "created", 0), json_get_int(out, "updated", 0), json_get_int(out, "rows", 0));
    else
        err_at(e, path.p, 0, 0);
    json_decref(out);
    return rc;
}

int load_folder(struct registry *r, const char *dir, load_said *said, void *ctx, struct errs *es, struct err *e)
{
    struct arena names_arena = arena_init(1 << 20);
    str *names;
    size_t n;
    int rc = file_list(&names_arena, dir, STR(".csv"), FILES_MAX, &names, &n, e);

    if (rc == 0 && n == 0)
        rc = ERR(e, -ENOENT, "daemon.load_empty", dir);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct arena a = arena_init(FILE_BYTES_MAX + NAME_MAX_BYTES + (1 << 20));
        rc = load_file(r, &a, dir, names[i], said, ctx, es, e);
        arena_free(&a);
    }
    arena_free(&names_arena);
    return rc;
}
