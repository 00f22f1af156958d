/* Operations of a change set: from JSON that somebody sent to the form that is
 * kept. What is said here is about the operation itself; whether its fields are
 * right is for the plan. Every mistake is told with its place ("/ops/2/target"). */
#include "registry/change-int.h"
#include <errno.h>

enum { WANTS_TARGET = 1, WANTS_FIELDS = 2, WANTS_STATE = 4, MAY_FIELDS = 8 };
static const struct op_spec {
    const char *name;
    unsigned flags;
    bool made; /* by the program alone */
} specs[] = {
    {"create", WANTS_FIELDS, false},
    {"change", WANTS_TARGET | WANTS_FIELDS, false},
    {"transition", WANTS_TARGET | WANTS_STATE | MAY_FIELDS, false},
    {"end", WANTS_TARGET, false},
    {"restore", WANTS_TARGET | MAY_FIELDS, true},
};
static const char *const members[] = {"op", "kind", "target", "rev", "state", "fields", "reopen"};

struct reading {
    struct write *w;
    struct arena a; /* of one operation */
    const json_t *in;
    json_t *out;
    size_t i;
    const struct op_spec *spec;
    const struct kind *k;
};

static void fault(struct reading *x, const char *member, struct err *fe)
{
    char at[ERR_AT_MAX];

    snprintf(at, sizeof(at), "/ops/%zu%s%s", x->i + 1, member[0] != '\0' ? "/" : "", member);
    err_at(fe, at, 0, 0);
    if (x->w->es != NULL)
        errs_add(x->w->es, fe);
    x->w->mistakes++;
}

static const struct op_spec *spec_of(str name, bool made)
{
    for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
        if (str_eq(name, str_c(specs[i].name)) && (made || !specs[i].made))
            return &specs[i];
    return NULL;
}

static bool known_member(const char *name)
{
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (strcmp(name, members[i]) == 0)
            return true;
    return false;
}

/* The shape of one operation; false when it is so wrong that nothing follows. */
static bool shape_ok(struct reading *x, json_t *op)
{
    uint64_t before = x->w->mistakes;
    struct err fe = {0};
    const char *name;
    json_t *v;

    if (!json_is_object(op)) {
        ERR(&fe, -EINVAL, "registry.want_object");
        fault(x, "", &fe);
        return false;
    }
    x->spec = spec_of(json_get_str(op, "op"), x->w->restoring);
    x->k = schema_kind(x->w->r->sc, json_get_str(op, "kind"));
    if (x->spec == NULL) {
        ERR(&fe, -EINVAL, "registry.change_op", S(json_get_str(op, "op")));
        fault(x, "op", &fe);
    }
    if (x->k == NULL) {
        ERR(&fe, -EINVAL, "registry.no_kind", S(json_get_str(op, "kind")));
        fault(x, "kind", &fe);
    }
    json_object_foreach(op, name, v) if (!known_member(name))
    {
        ERR(&fe, -EINVAL, "registry.change_member", S(str_c(name)));
        fault(x, "", &fe);
    }
    if (x->w->mistakes != before)
        return false;
    unsigned f = x->spec->flags;
    const struct {
        const char *name;
        bool wants, may;
    } rules[] = {{"target", f & WANTS_TARGET, f & WANTS_TARGET},
                 {"rev", false, f & WANTS_TARGET},
                 {"state", f & WANTS_STATE, f & (WANTS_STATE | (x->spec->made ? MAY_FIELDS : 0))},
                 {"fields", f & WANTS_FIELDS, f & (WANTS_FIELDS | MAY_FIELDS)},
                 {"reopen", false, x->spec->made}};
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        bool has = json_object_get(op, rules[i].name) != NULL;
        if (has ? rules[i].may : !rules[i].wants)
            continue;
        ERR(&fe, -EINVAL, has ? "registry.change_not_here" : "registry.change_missing", rules[i].name, x->spec->name);
        fault(x, rules[i].name, &fe);
    }
    if (json_object_get(op, "fields") != NULL && !json_is_object(json_object_get(op, "fields"))) {
        ERR(&fe, -EINVAL, "registry.want_object");
        fault(x, "fields", &fe);
    }
    return x->w->mistakes == before;
}

/* {"op": n}: a record that an earlier operation creates, of the same kind. */
static bool target_op(struct reading *x, const json_t *n)
{
    struct err fe = {0};
    json_int_t at = json_integer_value(n);
    const json_t *o =
        json_is_integer(n) && at >= 1 && (size_t)at <= x->i ? json_array_get(x->in, (size_t)at - 1) : NULL;

    if (o != NULL && str_eq(json_get_str(o, "op"), STR("create")) && str_eq(json_get_str(o, "kind"), x->k->name)) {
        json_object_set_new(x->out, "target", json_pack("{s:I}", "op", at));
        return true;
    }
    ERR(&fe, -EINVAL, "registry.change_no_op", N(at), S(x->k->name));
    fault(x, "target", &fe);
    return false;
}

static int target_record(struct reading *x, str id_or_key, const json_t *rev, struct err *e)
{
    struct err fe = {0};
    struct rec *rec = NULL;
    int rc = find_visible(x->w->tx, x->w->r, &x->w->scope, &x->a, x->k, id_or_key, !x->w->restoring, &rec, &fe);

    if (rc == -ENOENT) {
        fault(x, "target", &fe);
        return 0;
    }
    if (rc < 0) {
        if (e != NULL)
            *e = fe;
        return rc;
    }
    if (rev != NULL && (!json_is_integer(rev) || json_integer_value(rev) < 1)) {
        ERR(&fe, -EINVAL, "registry.bad_int", json_is_string(rev) ? json_string_value(rev) : "rev");
        fault(x, "rev", &fe);
        return 0;
    }
    str title = rec->v[rec->k->title_field].s;
    json_object_set_new(x->out, "target",
                        json_pack("{s:I, s:o, s:o}", "id", (json_int_t)rec->id, "key", json_from_str(rec_key(rec)),
                                  "title", json_from_str(title.n > 0 ? title : rec_key(rec))));
    json_object_set_new(x->out, "rev", json_integer(rev != NULL ? json_integer_value(rev) : rec->rev));
    return 0;
}

static int read_target(struct reading *x, const json_t *op, struct err *e)
{
    const json_t *t = json_object_get(op, "target"), *rev = json_object_get(op, "rev");
    const json_t *id = json_is_object(t) ? json_object_get(t, "id") : t;
    const json_t *key = json_is_object(t) ? json_object_get(t, "key") : t;
    struct err fe = {0};

    if (json_is_object(t) && json_object_get(t, "op") != NULL) {
        target_op(x, json_object_get(t, "op"));
        return 0;
    }
    if (json_is_integer(id))
        return target_record(x, arena_fmt(&x->a, "%lld", (long long)json_integer_value(id)), rev, e);
    if (json_is_string(key) && json_string_length(key) > 0)
        return target_record(x, json_str(key), rev, e);
    ERR(&fe, -EINVAL, "registry.bad_ref");
    fault(x, "target", &fe);
    return 0;
}

static int read_op(struct reading *x, json_t *op, struct err *e)
{
    struct err fe = {0};
    json_t *v;
    int rc = 0;

    if (!shape_ok(x, op))
        return 0;
    x->out = json_pack("{s:s, s:o}", "op", x->spec->name, "kind", json_from_str(x->k->name));
    static const char *const plain[] = {"state", "fields", "reopen"};
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        if ((v = json_object_get(op, plain[i])) != NULL)
            json_object_set(x->out, plain[i], v);
    if ((x->spec->flags & WANTS_STATE) && !json_is_string(json_object_get(op, "state"))) {
        ERR(&fe, -EINVAL, "registry.no_state", "", S(x->k->name));
        fault(x, "state", &fe);
    }
    if (x->spec->flags & WANTS_TARGET)
        rc = read_target(x, op, e);
    if (rc == 0 && json_dumpb(x->out, NULL, 0, JSON_COMPACT) > CHANGE_OP_BYTES) {
        ERR(&fe, -EINVAL, "registry.change_op_long", N(CHANGE_OP_BYTES));
        fault(x, "", &fe);
    }
    return rc;
}

int change_ops_read(struct write *w, const json_t *in, json_t **out, struct err *e)
{
    struct reading x = {.w = w, .a = arena_init(PLAN_ARENA), .in = in};
    json_t *list = json_array(), *op;
    uint64_t before = w->mistakes;
    int rc = 0;

    if (!json_is_array(in) || json_array_size(in) > CHANGE_OPS_MAX) {
        json_decref(list);
        return ERR(e, -E2BIG, "registry.change_ops", N(CHANGE_OPS_MAX));
    }
    json_array_foreach(in, x.i, op)
    {
        x.out = NULL;
        rc = read_op(&x, op, e);
        if (x.out != NULL)
            json_array_append_new(list, x.out);
        arena_clear(&x.a);
        if (rc < 0)
            break;
    }
    arena_free(&x.a);
    if (rc == 0 && w->mistakes != before)
        rc = ERR(e, -EINVAL, "registry.change_mistakes", N((int64_t)(w->mistakes - before)));
    if (rc == 0)
        *out = list;
    else
        json_decref(list);
    return rc;
}

/* Told from the operation alone, so that it never changes behind a set's back:
 * a state that some marked transition leads to is one that needs approval. */
bool change_op_needs(const struct registry *r, const json_t *op)
{
    const struct kind *k = schema_kind(r->sc, json_get_str(op, "kind"));
    str state = json_get_str(op, "state");

    if (k == NULL)
        return false;
    if (state.n == 0)
        state = json_get_str(json_object_get(op, "fields"), "state");
    enum kind_op what = str_eq(json_get_str(op, "op"), STR("create")) ? OP_CREATE
                        : str_eq(json_get_str(op, "op"), STR("end"))  ? OP_END
                                                                      : OP_CHANGE;
    if ((k->approval & what) != 0)
        return true;
    for (size_t i = 0; i < k->ntransitions && state.n > 0; i++)
        if (k->transitions[i].approval && str_eq(k->transitions[i].to, state))
            return true;
    return false;
}

bool change_needs(const struct registry *r, const json_t *ops)
{
    json_t *op;
    size_t i;

    json_array_foreach(ops, i, op) if (change_op_needs(r, op)) return true;
    return false;
}

str change_kinds(struct arena *a, const json_t *ops)
{
    str seen[8];
    size_t n = 0, i;
    json_t *op;
    struct buf b;

    buf_init(&b, 1024);
    json_array_foreach(ops, i, op)
    {
        str k = json_get_str(op, "kind");
        bool known = false;
        for (size_t j = 0; j < n; j++)
            known |= str_eq(seen[j], k);
        if (known || n == sizeof(seen) / sizeof(seen[0]))
            continue;
        seen[n++] = k;
        buf_z(&b, b.n > 0 ? " " : "");
        buf_str(&b, k);
    }
    str out = arena_str(a, buf_view(&b));
    buf_done(&b);
    return out;
}
