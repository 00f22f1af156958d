/* May the data that is there be read as the new schema says? Whatever would
 * lose or bend a value is refused with the first record in the way; what widens
 * goes through. */
#include "registry/migrate-int.h"
#include "base/json.h"
#include <errno.h>

/* Same column, every old value is also a new one. */
static const struct {
    enum ftype from, to;
} widening[] = {
    {FT_TEXT, FT_MARKDOWN}, {FT_ENUM, FT_TEXT}, {FT_FQDN, FT_TEXT},     {FT_EMAIL, FT_TEXT},  {FT_PHONE, FT_TEXT},
    {FT_MAC, FT_TEXT},      {FT_DATE, FT_TEXT}, {FT_DURATION, FT_TEXT}, {FT_INT, FT_DECIMAL},
};

static bool widens(enum ftype from, enum ftype to)
{
    for (size_t i = 0; i < sizeof(widening) / sizeof(widening[0]); i++)
        if (widening[i].from == from && widening[i].to == to)
            return true;
    return false;
}

/* Any record, living or ended, that has a value there. */
static int check_empty(struct mig *m, const struct kind *k, const json_t *old, const char *key)
{
    struct field f = {.name = json_get_str(old, "name")};
    char cols[FIELD_COLS][COL_MAX];

    ftype_parse(json_get_str(old, "type"), &f.type);
    if (f.type == FT_REFS)
        return mig_in_the_way(m, k->name, f.name, key, "SELECT id FROM \"%.*s_%.*s\"", STR_ARGS(k->name),
                              STR_ARGS(f.name));
    field_columns(&f, cols);
    return mig_in_the_way(m, k->name, f.name, key, "SELECT id FROM \"%.*s\" WHERE \"%s\" IS NOT NULL",
                          STR_ARGS(k->name), cols[0]);
}

static int check_values(struct mig *m, const struct kind *k, const struct field *f, const json_t *old)
{
    const json_t *values = json_object_get(old, "values"), *v;
    size_t i;
    int rc = 0;

    if (f->type != FT_ENUM)
        return 0;
    json_array_foreach(values, i, v)
    {
        str name = json_get_str(v, "value");
        bool kept = false;
        for (size_t j = 0; j < f->nvalues; j++)
            kept |= str_eq(f->values[j].value, name);
        if (!kept && schema_name_ok(name) && rc == 0)
            rc = mig_in_the_way(m, k->name, f->name, "registry.migrate_enum",
                                "SELECT id FROM \"%.*s\" WHERE \"%.*s\" = '%.*s' AND valid_to IS NULL",
                                STR_ARGS(k->name), STR_ARGS(f->name), STR_ARGS(name));
    }
    return rc;
}

static int check_bounds(struct mig *m, const struct kind *k, const struct field *f, const json_t *old)
{
    bool text = f->type == FT_TEXT || f->type == FT_MARKDOWN;
    int64_t was_max = json_get_int(old, "max", INT64_MAX), was_min = json_get_int(old, "min", INT64_MIN);
    const char *open = text ? "LENGTH(" : "", *close = text ? ")" : "";
    int rc = 0;

    if (f->has_max && f->max < was_max)
        rc = mig_in_the_way(m, k->name, f->name, "registry.migrate_bounds",
                            "SELECT id FROM \"%.*s\" WHERE %s\"%.*s\"%s > %lld AND valid_to IS NULL", STR_ARGS(k->name),
                            open, STR_ARGS(f->name), close, (long long)f->max);
    if (rc == 0 && f->has_min && f->min > was_min)
        rc = mig_in_the_way(m, k->name, f->name, "registry.migrate_bounds",
                            "SELECT id FROM \"%.*s\" WHERE %s\"%.*s\"%s < %lld AND valid_to IS NULL", STR_ARGS(k->name),
                            open, STR_ARGS(f->name), close, (long long)f->min);
    return rc;
}

static int check_unique(struct mig *m, const struct kind *k, const struct field *f, const json_t *old)
{
    char cols[FIELD_COLS][COL_MAX];

    if (!f->unique || json_is_true(json_object_get(old, "unique")))
        return 0;
    field_columns(f, cols);
    return mig_in_the_way(m, k->name, f->name, "registry.migrate_unique",
                          "SELECT MAX(id) FROM \"%.*s\" WHERE valid_to IS NULL AND \"%s\" IS NOT NULL"
                          " GROUP BY \"%s\" HAVING COUNT(*) > 1",
                          STR_ARGS(k->name), cols[0], cols[0]);
}

bool mig_fills(const struct field *f)
{
    return f->dflt.n > 0 && str_find(f->dflt, STR("{")) == SIZE_MAX && f->type != FT_IP && f->type != FT_PREFIX;
}

int mig_check_required(struct mig *m, const struct kind *k, const struct field *f, bool is_new)
{
    char cols[FIELD_COLS][COL_MAX];

    if (!f->required || f->type == FT_REFS || mig_fills(f))
        return 0;
    if (is_new)
        return mig_in_the_way(m, k->name, f->name, "registry.migrate_required",
                              "SELECT id FROM \"%.*s\" WHERE valid_to IS NULL", STR_ARGS(k->name));
    field_columns(f, cols);
    return mig_in_the_way(m, k->name, f->name, "registry.migrate_required",
                          "SELECT id FROM \"%.*s\" WHERE \"%s\" IS NULL AND valid_to IS NULL", STR_ARGS(k->name),
                          cols[0]);
}

int mig_check_gone(struct mig *m, const json_t *old)
{
    str name = json_get_str(old, "name");

    return mig_in_the_way(m, name, STR("*"), "registry.migrate_kind", "SELECT id FROM \"%.*s\"", STR_ARGS(name));
}

int mig_check_field(struct mig *m, const struct kind *k, const struct field *f, const json_t *old, bool *recreate)
{
    enum ftype was = FT_TEXT;
    int rc;

    *recreate = false;
    ftype_parse(json_get_str(old, "type"), &was);
    bool other_ref = (f->type == FT_REF || f->type == FT_REFS) && !str_eq(f->ref_kind, json_get_str(old, "ref"));
    if ((was != f->type && !widens(was, f->type)) || other_ref) {
        *recreate = true;
        return check_empty(m, k, old, "registry.migrate_type");
    }
    rc = check_values(m, k, f, old);
    if (rc == 0)
        rc = check_bounds(m, k, f, old);
    if (rc == 0)
        rc = check_unique(m, k, f, old);
    return rc;
}

/* Fields and states that are gone. */
int mig_check_kind(struct mig *m, const struct kind *k, const json_t *old)
{
    const json_t *list, *v;
    size_t i;
    int rc = 0;

    list = json_object_get(old, "fields");
    json_array_foreach(list, i, v) if (rc == 0 && kind_field(k, json_get_str(v, "name")) == NULL) rc =
        check_empty(m, k, v, "registry.migrate_removed");
    list = json_object_get(old, "states");
    json_array_foreach(list, i, v)
    {
        str name = json_get_str(v, "value");
        bool kept = false;
        for (size_t j = 0; j < k->nstates; j++)
            kept |= str_eq(k->states[j], name);
        if (!kept && rc == 0 && schema_name_ok(name))
            rc = mig_in_the_way(m, k->name, STR("state"), "registry.migrate_state",
                                "SELECT id FROM \"%.*s\" WHERE state = '%.*s' AND valid_to IS NULL", STR_ARGS(k->name),
                                STR_ARGS(name));
    }
    return rc;
}
