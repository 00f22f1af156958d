/* What an import does, told: counts, the difference of each row by field, and
 * the same as operations of a change set. */
#include "registry/exchange-int.h"
#include <errno.h>

/* As the API takes it: references by key, so that it holds wherever it is applied. */
static json_t *field_json(const struct rec *rec, size_t i)
{
    const struct field *f = &rec->k->fields[i];

    if (f->type == FT_REF)
        return rec->ref[i].key.n > 0 ? json_from_str(rec->ref[i].key) : json_null();
    if (f->type != FT_REFS)
        return value_to_json(f, &rec->v[i]);
    json_t *list = json_array();
    for (size_t j = 0; j < rec->refs[i].n; j++)
        json_array_append_new(list, json_from_str(rec->refs[i].text[j].key));
    return list;
}

static void put(json_t *o, str name, json_t *v)
{
    char key[128];

    snprintf(key, sizeof(key), "%.*s", STR_ARGS(name));
    json_object_set_new(o, key, v);
}

static json_t *given_fields(const struct rec *old, const struct rec *fresh, const struct input *in)
{
    json_t *o = json_object();

    for (size_t i = 0; i < fresh->k->nfields; i++) {
        if (in->f[i].given != GIVEN_VALUE && (old == NULL || in->f[i].given != GIVEN_CLEAR))
            continue;
        json_t *v = field_json(fresh, i), *before = old != NULL ? field_json(old, i) : NULL;
        if (before != NULL && json_equal(v, before))
            json_decref(v);
        else
            put(o, fresh->k->fields[i].name, v);
        json_decref(before);
    }
    return o;
}

static json_t *operation(const struct rec *old, const struct rec *fresh, const struct input *in)
{
    json_t *op = json_object(), *fields = given_fields(old, fresh, in);
    bool moved = old != NULL && !str_eq(old->state, fresh->state);

    json_object_set_new(op, "kind", json_from_str(fresh->k->name));
    if (old == NULL) {
        json_object_set_new(op, "op", json_string("create"));
        if (in->state.n > 0 && !str_eq(in->state, fresh->k->states[0]))
            json_object_set_new(fields, "state", json_from_str(fresh->state));
    } else {
        json_object_set_new(op, "op", json_string(moved ? "transition" : "change"));
        json_object_set_new(op, "target", json_from_str(rec_key(old)));
        json_object_set_new(op, "rev", json_integer(old->rev));
        if (moved)
            json_object_set_new(op, "state", json_from_str(fresh->state));
    }
    if (moved && json_object_size(fields) == 0)
        json_decref(fields);
    else
        json_object_set_new(op, "fields", fields);
    return op;
}

static json_t *difference(const struct import *im, const struct sheet *s, const struct sheet_row *l,
                          const struct rec *old, const struct rec *fresh, const struct input *in)
{
    json_t *o = json_object(), *before = NULL, *after = NULL;

    if (old != NULL) {
        history_diff(old, fresh, &before, &after);
    } else {
        before = json_object();
        after = given_fields(NULL, fresh, in);
    }
    fields_hide(fresh->k, im->w->scope.roles, before);
    fields_hide(fresh->k, im->w->scope.roles, after);
    if (s->name.n > 0)
        json_object_set_new(o, "sheet", json_from_str(s->name));
    json_object_set_new(o, "row", json_integer(l->row));
    json_object_set_new(o, "kind", json_from_str(fresh->k->name));
    json_object_set_new(o, "key", json_from_str(rec_key(fresh)));
    json_object_set_new(o, "outcome", json_string(old == NULL ? "created" : "updated"));
    json_object_set_new(o, "before", before);
    json_object_set_new(o, "after", after);
    return o;
}

int tell_change(struct import *im, const struct sheet *s, const struct sheet_row *l, const struct rec *old,
                const struct rec *fresh, const struct input *in, struct err *e)
{
    int rc = 0;

    if (im->changes != NULL && im->changes_total++ < IMPORT_CHANGES_MAX)
        rc = json_array_append_new(im->changes, difference(im, s, l, old, fresh, in));
    if (rc == 0 && im->ops != NULL)
        rc = json_array_append_new(im->ops, operation(old, fresh, in));
    return rc < 0 ? ERR(e, -ENOMEM, "registry.no_memory") : 0;
}

static json_t *counts(const int64_t n[3])
{
    return json_pack("{s:I, s:I, s:I, s:I}", "created", (json_int_t)n[OUT_CREATED], "updated",
                     (json_int_t)n[OUT_CHANGED], "unchanged", (json_int_t)n[OUT_SAME], "rows",
                     (json_int_t)(n[0] + n[1] + n[2]));
}

json_t *tell_result(const struct import *im)
{
    int64_t sum[3] = {0};
    json_t *sheets = json_array();

    for (size_t i = 0; i < im->b->n; i++) {
        const struct sheet *s = &im->b->sheets[i];
        if (s->k == NULL)
            continue;
        json_t *o = counts(s->count);
        json_object_set_new(o, "sheet", json_from_str(s->name));
        json_object_set_new(o, "kind", json_from_str(s->k->name));
        json_array_append_new(sheets, o);
        for (int n = 0; n < 3; n++)
            sum[n] += s->count[n];
    }
    json_t *out = counts(sum);
    json_object_set_new(out, "sheets", sheets);
    json_object_set(out, "notes", im->notes);
    json_object_set_new(out, "notes_total", json_integer(im->notes_total));
    if (im->in->map != NULL)
        json_object_set_new(out, "unused", json_integer(im->unused));
    if (im->w->change != 0)
        json_object_set_new(out, "change", json_integer(im->w->change));
    if (im->changes != NULL) {
        json_object_set(out, "changes", im->changes);
        json_object_set_new(out, "changes_total", json_integer(im->changes_total));
    }
    return out;
}
