/* The value of a `file` field: what the document is, not its bytes. Stored as JSON
 * with sorted members, shown as an object, in a cell as NAME sha256:HEX; of what
 * comes in only name and hash count, size and type are the store's to say. Pure. */
#include "registry/file-int.h"
#include "base/json.h"
#include "base/text.h"
#include <errno.h>

#define MARK " sha256:"

static bool hash_ok(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
            return false;
    return s.n == SHA256_HEX;
}

static int value_of(struct arena *a, str name, str sha256, struct file_value *out, struct err *e)
{
    if (!hash_ok(sha256))
        return ERR(e, -EINVAL, "registry.bad_file");
    int rc = file_name_check(name, e);
    if (rc < 0)
        return rc;
    *out = (struct file_value){text_nfc(a, name), arena_str(a, sha256), STR(""), -1};
    return out->name.p == NULL || out->sha256.p == NULL ? ERR(e, -ENOMEM, "registry.no_memory") : 0;
}

int file_value_parse(struct arena *a, str text, struct file_value *out, struct err *e)
{
    size_t mark = sizeof(MARK) - 1 + SHA256_HEX;

    if (text.n <= mark || !str_starts(str_sub(text, text.n - mark, SIZE_MAX), STR(MARK)))
        return ERR(e, -EINVAL, "registry.bad_file");
    return value_of(a, str_sub(text, 0, text.n - mark), str_sub(text, text.n - SHA256_HEX, SIZE_MAX), out, e);
}

int file_value_from_json(struct arena *a, const json_t *in, struct file_value *out, struct err *e)
{
    if (json_is_string(in))
        return file_value_parse(a, str_trim(json_str(in)), out, e);
    if (!json_is_object(in))
        return ERR(e, -EINVAL, "registry.bad_file");
    return value_of(a, json_get_str(in, "name"), json_get_str(in, "sha256"), out, e);
}

str file_value_store(struct arena *a, const struct file_value *v)
{
    json_t *o = json_pack("{s:o, s:o, s:I, s:o}", "name", json_from_str(v->name), "sha256", json_from_str(v->sha256),
                          "size", (json_int_t)v->size, "type", json_from_str(v->type));
    char *z = o != NULL ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    str out = z != NULL ? arena_str(a, str_c(z)) : STR_NONE;

    free(z);
    json_decref(o);
    return out;
}

bool file_value_load(struct arena *a, str stored, struct file_value *out)
{
    json_t *o = stored.n > 0 ? json_loadb(stored.p, stored.n, 0, NULL) : NULL;

    *out = (struct file_value){arena_str(a, json_get_str(o, "name")), arena_str(a, json_get_str(o, "sha256")),
                               arena_str(a, json_get_str(o, "type")), json_get_int(o, "size", -1)};
    json_decref(o);
    return out->name.p != NULL && hash_ok(out->sha256);
}

str file_value_cell(struct arena *a, str stored)
{
    struct file_value v;

    return file_value_load(a, stored, &v) ? arena_fmt(a, "%.*s" MARK "%.*s", STR_ARGS(v.name), STR_ARGS(v.sha256))
                                          : STR("");
}
