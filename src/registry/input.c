/* What a caller sent, JSON or CSV cells, into one form: for each field not
 * given, to clear, or a value; references still by name. Every mistake is
 * collected with its place. Lives in the arena of the call. */
#include "registry/registry-int.h"
#include "base/json.h"
#include "base/text.h"
#include <errno.h>

enum { REFS_MAX = 200 };

/* Members that a record has when it goes out and that nobody writes. */
static const char *const system_members[] = {"id",         "kind",       "key",       "title",
                                             "rev",        "valid_from", "valid_to",  "created_at",
                                             "created_by", "changed_at", "changed_by"};

void write_fault(struct write *w, str field, struct err *e)
{
    char at[ERR_AT_MAX];

    size_t i = w->place.row > 0 ? kind_field_at(w->place.k, field) : SIZE_MAX;
    if (i != SIZE_MAX && w->place.headers != NULL && w->place.headers[i].n > 0)
        field = w->place.headers[i];
    if (w->place.row > 0)
        snprintf(at, sizeof(at), "row %ld, column %.*s%s%.*s", w->place.row, STR_ARGS(field),
                 w->place.sheet.n > 0 ? ", sheet " : "", STR_ARGS(w->place.sheet));
    else if (w->place.op > 0)
        snprintf(at, sizeof(at), "/ops/%d/fields/%.*s", w->place.op, STR_ARGS(field));
    else
        snprintf(at, sizeof(at), "/fields/%.*s", STR_ARGS(field));
    err_at(e, at, 0, 0);
    if (w->es != NULL)
        errs_add(w->es, e);
    w->mistakes++;
}

struct input *input_new(struct arena *a, const struct kind *k)
{
    struct input *in = arena_new(a, struct input);

    if (in != NULL)
        in->f = arena_array(a, struct input_field, k->nfields);
    return a->failed ? NULL : in;
}

static bool refs_room(struct write *w, struct input_field *f, size_t n)
{
    f->ref_key = arena_array(w->a, str, n);
    f->ref_id = arena_array(w->a, int64_t, n);
    return f->ref_key != NULL && f->ref_id != NULL;
}

/* 5, "KEY", {"id": 5} or {"key": "KEY"}: what comes out goes in again. */
static bool ref_from_json(struct write *w, const json_t *in, struct input_field *f)
{
    const json_t *id = json_is_object(in) ? json_object_get(in, "id") : in;
    const json_t *key = json_is_object(in) ? json_object_get(in, "key") : in;

    f->ref_key[f->nrefs] = STR_NONE;
    if (json_is_integer(id))
        f->ref_id[f->nrefs] = json_integer_value(id);
    else if (json_is_string(key) && json_string_length(key) > 0)
        f->ref_key[f->nrefs] = arena_str(w->a, json_str(key));
    else
        return false;
    f->nrefs++;
    return true;
}

static int refs_from_json(struct write *w, const struct field *fd, const json_t *in, struct input_field *f,
                          struct err *e)
{
    size_t n = fd->type == FT_REFS ? json_array_size(in) : 1;

    if (fd->type == FT_REFS && (!json_is_array(in) || n > REFS_MAX))
        return ERR(e, -EINVAL, "registry.bad_refs", N(REFS_MAX));
    if (!refs_room(w, f, n))
        return ERR(e, -ENOMEM, "registry.no_memory");
    for (size_t i = 0; i < n; i++)
        if (!ref_from_json(w, fd->type == FT_REFS ? json_array_get(in, i) : in, f))
            return ERR(e, -EINVAL, "registry.bad_ref");
    f->given = GIVEN_VALUE;
    return 0;
}

static int field_from_json(struct write *w, const struct field *fd, const json_t *in, struct input_field *f,
                           struct err *e)
{
    bool empty = json_is_null(in) || (json_is_string(in) && str_trim(json_str(in)).n == 0) ||
                 (fd->type == FT_REFS && json_is_array(in) && json_array_size(in) == 0);

    if (empty) {
        f->given = GIVEN_CLEAR;
        return 0;
    }
    if (fd->type == FT_REF || fd->type == FT_REFS)
        return refs_from_json(w, fd, in, f, e);
    int rc = value_from_json(w->a, fd, in, &f->v, e);
    f->given = rc < 0 ? GIVEN_BAD : f->v.type == VAL_NULL ? GIVEN_CLEAR : GIVEN_VALUE;
    return rc;
}

static bool is_system(const char *name)
{
    for (size_t i = 0; i < sizeof(system_members) / sizeof(system_members[0]); i++)
        if (strcmp(system_members[i], name) == 0)
            return true;
    return false;
}

int input_from_json(struct write *w, const struct kind *k, const json_t *obj, struct input **out, struct err *e)
{
    struct input *in = input_new(w->a, k);
    const char *name;
    json_t *v;

    if (in == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    if (!json_is_object(obj))
        return ERR(e, -EINVAL, "registry.want_object");
    json_object_foreach((json_t *)obj, name, v)
    {
        struct err fe = {0};
        int rc = 0;
        size_t at = kind_field_at(k, str_c(name));
        if (at != SIZE_MAX) {
            rc = field_seen(&k->fields[at], w->who->roles)
                     ? field_from_json(w, &k->fields[at], v, &in->f[at], &fe)
                     : ERR(&fe, -EACCES, "registry.hidden_field", name, S(k->name));
            if (rc < 0)
                in->f[at].given = GIVEN_BAD;
        } else if (strcmp(name, "state") == 0 && json_is_string(v)) {
            in->state = arena_str(w->a, json_str(v));
        } else if (!is_system(name))
            rc = ERR(&fe, -EINVAL, "registry.unknown_field", name, S(k->name));
        if (rc == -ENOMEM)
            return ERR(e, rc, "registry.no_memory");
        if (rc < 0)
            write_fault(w, str_c(name), &fe);
    }
    *out = in;
    return 0;
}

/* A text that would read as "null" has a backslash in front. */
static str unescape_null(str s)
{
    size_t n = 0;

    while (n < s.n && s.p[n] == '\\')
        n++;
    return n > 0 && str_eq(str_sub(s, n, SIZE_MAX), STR("null")) ? str_sub(s, 1, SIZE_MAX) : s;
}

bool cell_starts_formula(str s) { return s.n > 0 && strchr("=+-@'", s.p[0]) != NULL; }

/* The apostrophe off; and 1,5 is what a Vietnamese spreadsheet writes for 1.5. */
static str cell_plain(struct arena *a, const struct field *fd, str s)
{
    bool text = fd->type == FT_TEXT || fd->type == FT_MARKDOWN;

    if (text && s.n > 1 && s.p[0] == '\'' && cell_starts_formula(str_sub(s, 1, SIZE_MAX)))
        return str_sub(s, 1, SIZE_MAX);
    size_t comma = fd->type == FT_DECIMAL ? str_find(s, STR(",")) : SIZE_MAX;
    if (comma == SIZE_MAX || str_find(s, STR(".")) != SIZE_MAX)
        return s;
    return arena_fmt(a, "%.*s.%.*s", STR_ARGS(str_sub(s, 0, comma)), STR_ARGS(str_sub(s, comma + 1, SIZE_MAX)));
}

static int refs_from_cell(struct write *w, const struct field *fd, str cell, struct input_field *f, struct err *e)
{
    str rest = cell, head;
    size_t n = 1;

    for (size_t i = 0; i < cell.n && fd->type == FT_REFS; i++)
        n += cell.p[i] == '|';
    if (n > REFS_MAX)
        return ERR(e, -EINVAL, "registry.bad_refs", N(REFS_MAX));
    if (!refs_room(w, f, n))
        return ERR(e, -ENOMEM, "registry.no_memory");
    if (fd->type == FT_REF) {
        f->ref_key[f->nrefs++] = arena_str(w->a, cell);
        return 0;
    }
    while (str_split(&rest, '|', &head))
        if (str_trim(head).n > 0)
            f->ref_key[f->nrefs++] = arena_str(w->a, str_trim(head));
    return 0;
}

int input_cell(struct write *w, const struct kind *k, size_t field, str cell, struct input *in, struct err *e)
{
    const struct field *fd = &k->fields[field];
    struct input_field *f = &in->f[field];
    str s = str_trim(cell);
    int rc = 0;

    if (s.n == 0)
        return 0;
    if (!field_seen(fd, w->who->roles)) {
        f->given = GIVEN_BAD;
        return ERR(e, -EACCES, "registry.hidden_field", S(fd->name), S(k->name));
    }
    if (str_eq(s, STR("null"))) {
        f->given = GIVEN_CLEAR;
        return 0;
    }
    s = cell_plain(w->a, fd, unescape_null(s));
    if (!utf8_valid(s))
        rc = ERR(e, -EINVAL, "registry.bad_utf8");
    else if (fd->type == FT_REF || fd->type == FT_REFS)
        rc = refs_from_cell(w, fd, s, f, e);
    else
        rc = value_parse(w->a, fd, s, &f->v, e);
    f->given = rc == 0 ? GIVEN_VALUE : GIVEN_BAD;
    return rc;
}
