/* A set's operations run against the registry, one after the other in one write
 * transaction, each against what those before it made. So a plan and a write
 * can never differ: they are the same run, taken back or kept.
 *
 * An effect says what a record looks like before and after, without what each
 * run makes anew (ids, numbers of records, stamps): it is part of the hash that
 * an approver approves. */
#include "registry/change-int.h"
#include "base/map.h"
#include <errno.h>

static const char *const stamps[] = {"id",         "kind",       "rev",        "valid_from", "valid_to",
                                     "created_at", "created_by", "changed_at", "changed_by"};

static void op_fault(struct change_run *c, size_t i, const char *member, struct err *fe)
{
    char at[ERR_AT_MAX];

    at[0] = '\0';
    if (!c->single)
        snprintf(at, sizeof(at), "/ops/%zu%s", i + 1, member);
    err_at(fe, at, 0, 0);
    if (c->w->es != NULL)
        errs_add(c->w->es, fe);
    c->w->mistakes++;
}

/* The record that an operation made, where a reference names the operation. */
static json_t *made_ref(struct change_run *c, size_t i, const struct field *f, const json_t *v)
{
    const json_t *n = json_object_get(v, "op");
    json_int_t at = json_integer_value(n);
    struct err fe = {0};

    if (!json_is_object(v) || n == NULL)
        return json_incref((json_t *)(uintptr_t)v);
    bool fits = json_is_integer(n) && at >= 1 && (size_t)at <= i && str_eq(c->kind[at - 1]->name, f->ref_kind);
    if (fits && c->made[at - 1] > 0)
        return json_pack("{s:I}", "id", (json_int_t)c->made[at - 1]);
    if (!fits) {
        char member[COL_MAX + 16];
        snprintf(member, sizeof(member), "/fields/%.*s", STR_ARGS(f->name));
        ERR(&fe, -EINVAL, "registry.change_no_op", N(at), S(f->ref_kind));
        op_fault(c, i, member, &fe);
    }
    return NULL; /* or that operation has its own mistake, which is told */
}

static json_t *refs_filled(struct change_run *c, size_t i, const struct field *f, json_t *v)
{
    json_t *list, *one, *ref;
    size_t j;

    if (f->type == FT_REF)
        return made_ref(c, i, f, v);
    if (f->type != FT_REFS || !json_is_array(v))
        return json_incref(v);
    list = json_array();
    json_array_foreach(v, j, one)
    {
        if ((ref = made_ref(c, i, f, one)) == NULL) {
            json_decref(list);
            return NULL;
        }
        json_array_append_new(list, ref);
    }
    return list;
}

/* NULL: it cannot be run, because of a mistake that is told. */
static json_t *fields_filled(struct change_run *c, size_t i, const json_t *op)
{
    const struct kind *k = c->kind[i];
    json_t *out = json_object(), *fields = json_object_get(op, "fields"), *state = json_object_get(op, "state"), *v;
    const char *name;

    json_object_foreach(fields, name, v)
    {
        const struct field *f = kind_field(k, str_c(name));
        json_t *filled = f != NULL ? refs_filled(c, i, f, v) : json_incref(v);
        if (filled == NULL) {
            json_decref(out);
            return NULL;
        }
        json_object_set_new(out, name, filled);
    }
    if (state != NULL)
        json_object_set(out, "state", state);
    return out;
}

/* Numbered when it is written: not the same in two runs. */
static bool is_numbered(const struct field *f, const json_t *given)
{
    char name[COL_MAX];

    snprintf(name, sizeof(name), "%.*s", STR_ARGS(f->name));
    return str_find(f->dflt, STR("{n}")) != SIZE_MAX && json_object_get(given, name) == NULL;
}

/* A reference to what the set itself creates is shown as that operation. */
static void steady_ref(struct change_run *c, size_t i, const struct field *f, json_t *ref)
{
    json_int_t id = json_is_object(ref) ? json_get_int(ref, "id", 0) : 0;

    for (size_t j = 0; j <= i && id != 0; j++)
        if (c->made[j] == id && str_eq(c->kind[j]->name, f->ref_kind)) {
            json_object_del(ref, "id");
            json_object_set_new(ref, "op", json_integer((json_int_t)j + 1));
            if (is_numbered(&c->kind[j]->fields[c->kind[j]->key_field],
                            json_object_get(json_array_get(c->ops, j), "fields"))) {
                json_object_del(ref, "key");
                json_object_del(ref, "title");
            }
            return;
        }
}

static void steady(struct change_run *c, size_t i, json_t *doc, const json_t *given, bool fresh)
{
    const struct kind *k = c->kind[i];
    char name[COL_MAX];
    json_t *one;
    size_t m;

    for (size_t j = 0; j < sizeof(stamps) / sizeof(stamps[0]); j++)
        if (kind_field(k, str_c(stamps[j])) == NULL)
            json_object_del(doc, stamps[j]);
    for (size_t j = 0; j < k->nfields; j++) {
        const struct field *f = &k->fields[j];
        snprintf(name, sizeof(name), "%.*s", STR_ARGS(f->name));
        json_t *v = json_object_get(doc, name);
        if (fresh && (json_is_null(v) || (json_is_array(v) && json_array_size(v) == 0) || is_numbered(f, given)))
            json_object_del(doc, name);
        else if (f->type == FT_REF)
            steady_ref(c, i, f, v);
        else if (f->type == FT_REFS)
            json_array_foreach(v, m, one) steady_ref(c, i, f, one);
    }
    if (kind_field(k, STR("key")) == NULL)
        json_object_del(doc, "key");
    if (kind_field(k, STR("title")) == NULL)
        json_object_del(doc, "title");
}

static void add_effect(struct change_run *c, size_t i, const char *how, const struct rec *old, const struct rec *fresh,
                       const json_t *given)
{
    const struct rec *shown = fresh;
    json_t *before = NULL, *after = NULL, *e;
    bool numbered = old == NULL && is_numbered(&c->kind[i]->fields[c->kind[i]->key_field], given);
    str title = shown->v[shown->k->title_field].s;

    if (old == NULL) {
        before = json_object();
        after = rec_json(fresh);
    } else {
        history_diff(old, fresh, &before, &after);
    }
    steady(c, i, before, given, false);
    steady(c, i, after, given, old == NULL);
    e = json_pack("{s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "op", (json_int_t)i + 1, "how", how, "kind",
                  json_from_str(shown->k->name), "id", old == NULL ? json_null() : json_integer((json_int_t)shown->id),
                  "key", numbered ? json_null() : json_from_str(rec_key(shown)), "title",
                  numbered ? json_null() : json_from_str(title.n > 0 ? title : rec_key(shown)), "before", before,
                  "after", after);
    json_array_append_new(c->effects, e);
}

/* Somebody wrote the record since the operation was made for it. */
static int check_base(struct change_run *c, size_t i, const json_t *op, const struct rec *rec)
{
    int64_t rev = json_get_int(op, "rev", 0);
    char when[40];
    struct err fe = {0};

    if (rev == 0 || rev == rec->rev)
        return 0;
    for (size_t j = 0; j < i; j++)
        if (c->made[j] == rec->id && c->kind[j] == rec->k)
            return 0; /* an earlier operation of the set did */
    time_fmt(rec->changed_at * NS_PER_S, 0, when, sizeof(when));
    ERR(&fe, -ESTALE, "registry.change_stale", S(rec_key(rec)), S(rec->changed_by), when, N(rec->rev));
    op_fault(c, i, "", &fe);
    c->stale++;
    return -ESTALE;
}

static int reopen(struct write *w, const struct rec *old, struct rec **out, struct err *e)
{
    struct rec *rec = arena_new(w->a, struct rec);
    json_t *before = NULL, *after = NULL;
    int64_t other = 0;
    char sql[160];

    if (rec == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    int rc = rec_find_key(w->tx, w->a, old->k, rec_key(old), true, &other, e);
    if (rc == 0 && other != 0)
        rc = ERR(e, -EEXIST, "registry.unique", S(rec_key(old)), S(rec_key(old)));
    if (rc < 0)
        return rc;
    *rec = *old;
    rec->rev++;
    rec->valid_to = 0;
    rec->changed_at = w->now / NS_PER_S;
    rec->changed_by = w->who->name;
    snprintf(sql, sizeof(sql),
             "UPDATE \"%.*s\" SET rev = ?1, valid_to = NULL, changed_at = ?2, changed_by = ?3 WHERE id = ?4",
             STR_ARGS(rec->k->name));
    rc = tx_exec(w->tx, sql, VALS(V_INT(rec->rev), V_INT(rec->changed_at), V_STR(rec->changed_by), V_INT(rec->id)),
                 NULL, e);
    if (rc == 0)
        rc = addr_written(w, NULL, rec, e);
    if (rc == 0) {
        history_diff(old, rec, &before, &after);
        rc = history_add(w, rec, "restore", before, after, e);
        json_decref(before);
        json_decref(after);
    }
    *out = rec;
    return rc;
}

static int run_write(struct change_run *c, size_t i, const json_t *op, const struct rec *old, struct rec **out,
                     struct err *e)
{
    static const char *const how_names[] = {"create", "change", "same"};
    json_t *in = fields_filled(c, i, op);
    struct input *input;
    enum outcome how;
    bool restoring = c->w->restoring;

    if (in == NULL)
        return -EINVAL;
    c->w->restoring = str_eq(json_get_str(op, "op"), STR("restore"));
    int rc = input_from_json(c->w, c->kind[i], in, &input, e);
    if (rc == 0)
        rc = write_record(c->w, c->kind[i], old, input, out, &how, e);
    c->w->restoring = restoring;
    if (rc == 0)
        add_effect(c, i, how_names[how], old, *out, in);
    json_decref(in);
    return rc;
}

static int run_end(struct change_run *c, size_t i, const struct rec *old, struct rec **out, struct err *e)
{
    struct write *w = c->w;
    int rc = rights_write(w->who, old->k, old->state, e);

    if (rc == 0)
        rc = check_unused(w, old, e);
    if (rc == 0)
        rc = end_record(w, old, out, e);
    if (rc == 0)
        add_effect(c, i, "end", old, *out, NULL);
    return rc;
}

static int find_target(struct change_run *c, size_t i, const json_t *op, bool reopen_it, struct rec **old,
                       struct err *e)
{
    const json_t *t = json_object_get(op, "target"), *from = json_object_get(t, "op");
    json_int_t at = json_integer_value(from);
    int64_t id = from == NULL ? json_get_int(t, "id", 0) : at >= 1 && (size_t)at <= i ? c->made[at - 1] : 0;
    char text[24];

    if (id == 0 && from != NULL)
        return -EINVAL; /* the mistake of that operation is told */
    snprintf(text, sizeof(text), "%lld", (long long)id);
    int rc = find_visible(c->w->tx, c->w->r, &c->w->scope, c->w->a, c->kind[i], str_c(text), !reopen_it, old, e);
    return rc == 0 ? check_base(c, i, op, *old) : rc;
}

static int run_op(struct change_run *c, size_t i, const json_t *op, struct err *e)
{
    str name = json_get_str(op, "op");
    bool reopen_it = json_is_true(json_object_get(op, "reopen"));
    struct rec *old = NULL, *rec = NULL;
    int rc = 0;

    c->w->place = (struct place){.k = c->kind[i], .op = c->single ? 0 : (int)i + 1};
    if (!str_eq(name, STR("create")))
        rc = find_target(c, i, op, reopen_it, &old, e);
    if (rc == 0 && str_eq(name, STR("end")))
        rc = run_end(c, i, old, &rec, e);
    else if (rc == 0 && reopen_it) {
        rc = reopen(c->w, old, &rec, e);
        if (rc == 0)
            add_effect(c, i, "restore", old, rec, NULL);
    } else if (rc == 0)
        rc = run_write(c, i, op, old, &rec, e);
    if (rc == 0)
        c->made[i] = rec->id;
    return rc;
}

/* What is wrong with one operation is told, and the next one is judged. */
static bool of_the_op(int rc)
{
    return rc == -EINVAL || rc == -EACCES || rc == -ENOENT || rc == -ESTALE || rc == -EEXIST || rc == -ENOTEMPTY;
}

int change_run(struct change_run *c, struct err *e)
{
    size_t n = json_array_size(c->ops), i;
    struct arena *kept = c->w->a, a = arena_init(PLAN_ARENA);
    json_t *op;
    int rc = 0;

    c->effects = json_array();
    c->made = calloc(n + 1, sizeof(*c->made));
    c->kind = calloc(n + 1, sizeof(*c->kind));
    if (c->effects == NULL || c->made == NULL || c->kind == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    c->w->a = &a;
    json_array_foreach(c->ops, i, op)
    {
        uint64_t before = c->w->mistakes;
        struct err fe = {0};
        c->kind[i] = schema_kind(c->w->r->sc, json_get_str(op, "kind"));
        rc = c->kind[i] == NULL ? ERR(&fe, -ENOENT, "registry.no_kind", S(json_get_str(op, "kind")))
                                : run_op(c, i, op, &fe);
        if (of_the_op(rc)) {
            if (c->w->mistakes == before && fe.code != 0)
                op_fault(c, i, "", &fe);
            rc = 0;
        }
        arena_clear(&a);
        if (rc < 0) {
            if (e != NULL)
                *e = fe;
            break;
        }
    }
    c->w->a = kept;
    c->w->place = (struct place){0};
    arena_free(&a);
    return rc;
}

void change_run_done(struct change_run *c)
{
    json_decref(c->effects);
    free(c->made);
    free(c->kind);
}

str change_hash(struct arena *a, const json_t *ops, const json_t *effects)
{
    json_t *o = json_pack("{s:O, s:O}", "ops", ops, "effects", effects);
    char *text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS), hex[65];
    str out = STR_NONE;

    if (text != NULL) {
        struct sha256 h = sha256(str_c(text));
        sha256_hex(h, hex);
        out = arena_str(a, str_c(hex));
    }
    free(text);
    json_decref(o);
    return out;
}
