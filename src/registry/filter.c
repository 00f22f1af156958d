/* Filters of a list as SQL conditions. Values are parameters;
 * names come from the schema only. */
#include "registry/registry-int.h"
#include "base/text.h"
#include <errno.h>

static const struct field system_fields[] = {
    {.name = {"id", 2}, .type = FT_INT},           {.name = {"rev", 3}, .type = FT_INT},
    {.name = {"state", 5}, .type = FT_TEXT},       {.name = {"valid_from", 10}, .type = FT_TIME},
    {.name = {"valid_to", 8}, .type = FT_TIME},    {.name = {"created_at", 10}, .type = FT_TIME},
    {.name = {"created_by", 10}, .type = FT_TEXT}, {.name = {"changed_at", 10}, .type = FT_TIME},
    {.name = {"changed_by", 10}, .type = FT_TEXT},
};

bool column_find(const struct kind *k, str name, struct column *out)
{
    const struct field *f = kind_field(k, name);

    if (f == NULL && str_eq(name, STR("key")))
        f = &k->fields[k->key_field];
    if (f == NULL && str_eq(name, STR("title")))
        f = &k->fields[k->title_field];
    for (size_t i = 0; f == NULL && i < sizeof(system_fields) / sizeof(system_fields[0]); i++)
        if (str_eq(system_fields[i].name, name))
            f = &system_fields[i];
    if (f == NULL)
        return false;
    out->f = f;
    snprintf(out->sql, sizeof(out->sql), "t.\"%.*s%s\"", STR_ARGS(f->name), f->type == FT_REF ? "_id" : "");
    snprintf(out->sort, sizeof(out->sort), "t.\"%.*s%s\"", STR_ARGS(f->name),
             f->type == FT_REF                          ? "_id"
             : f->type == FT_IP || f->type == FT_PREFIX ? "_bin"
                                                        : "");
    return true;
}

/* A value of the filter as the column has it; a reference becomes its id, 0
 * when it names nothing. */
static int filter_value(struct plan *p, const struct column *c, str text, struct val *out, struct err *e)
{
    int64_t id;

    if (c->f->type == FT_REF || c->f->type == FT_REFS) {
        int rc = rec_find(p->tx, p->a, schema_kind(p->r->sc, c->f->ref_kind), text, false, &id, e);
        *out = V_INT(id);
        return rc;
    }
    int rc = value_parse(p->a, c->f, text, out, e);
    if (rc == 0 && out->type == VAL_NULL)
        rc = ERR(e, -EINVAL, "registry.filter_empty", S(c->f->name));
    return rc;
}

/* Columns that have an index of their own: references, and the state. */
static bool indexed(const struct column *c) { return c->f->type == FT_REF || str_eq(c->f->name, STR("state")); }

/* Adds "column rest". When few records fit, their index leads to them and the
 * rest is sorted; when many do, walking in list order fills a page sooner. The
 * engine cannot know which, so it is told. */
static int __attribute__((format(printf, 4, 5)))
cond_add(struct plan *p, const struct column *c, struct err *e, const char *fmt, ...)
{
    char rest[512];
    bool few = true;
    va_list ap;
    int rc = 0;

    va_start(ap, fmt);
    vsnprintf(rest, sizeof(rest), fmt, ap);
    va_end(ap);
    bool state = c->f->type != FT_REF;
    if (indexed(c) && !(state && p->by_key && p->r->st->ops->alone == NULL)) { /* state and key share an index */
        char head[sizeof(c->sql) + 40]; /* of the living: so is the index of the state */
        snprintf(head, sizeof(head), "%s%s", state && !p->ended ? "t.valid_to IS NULL AND " : "", c->sql);
        rc = plan_few(p, head, rest, &few, e);
    }
    buf_fmt(&p->where, " AND %s%s%s", few ? "" : p->r->st->ops->no_index, c->sql, rest);
    return rc;
}

static void refs_open(struct plan *p, const struct column *c, const char *head)
{
    buf_fmt(&p->where, "%sEXISTS (SELECT 1 FROM \"%.*s_%.*s\" x WHERE x.id = t.id", head, STR_ARGS(p->k->name),
            STR_ARGS(c->f->name));
}

static int filter_compare(struct plan *p, const struct column *c, const char *op, str value, struct err *e)
{
    struct val v;
    struct ip ip;
    struct prefix px;
    char bin[2][IP_BIN_MAX];
    int rc = filter_value(p, c, value, &v, e);
    bool ne = op[0] == '<' && op[1] == '>', eq = op[0] == '=';

    if (rc < 0)
        return rc;
    if (c->f->type == FT_REFS) {
        refs_open(p, c, ne ? " AND NOT " : " AND ");
        buf_fmt(&p->where, " AND x.ref_id = ?%zu)", plan_param(p, v));
        return eq || ne ? 0 : ERR(e, -EINVAL, "registry.filter_op", op, S(c->f->name));
    }
    if (c->f->type == FT_REF && !eq && !ne)
        return ERR(e, -EINVAL, "registry.filter_op", op, S(c->f->name));
    if (!eq && !ne && c->f->type == FT_IP && ip_parse(v.s, &ip)) {
        ip_bin(ip, bin[0]);
        v = V_STR(arena_str(p->a, str_c(bin[0])));
    } else if (!eq && !ne && c->f->type == FT_PREFIX && prefix_parse(v.s, &px)) {
        prefix_bin(px, bin[0], bin[1]);
        v = V_STR(arena_str(p->a, str_c(bin[0])));
    }
    size_t at = plan_param(p, v);
    if (ne)
        buf_fmt(&p->where, " AND (%s <> ?%zu OR %s IS NULL)", c->sql, at, c->sql);
    else if (eq && indexed(c))
        return cond_add(p, c, e, " = ?%zu", at);
    else
        buf_fmt(&p->where, " AND %s %s ?%zu", eq ? c->sql : c->sort, op, at);
    return 0;
}

static int filter_contains(struct plan *p, const struct column *c, str value, struct err *e)
{
    if (value_storage(c->f->type) != VAL_TEXT)
        return ERR(e, -EINVAL, "registry.filter_op", "ic", S(c->f->name));
    str word = text_fold(p->a, value);
    int rc = 0;
    /* The folded text of the whole record is stored: it sorts most rows out. */
    if (kind_field(p->k, c->f->name) != NULL && c->f->read == 0 &&
        (c->f->type == FT_TEXT || c->f->type == FT_FQDN || c->f->type == FT_EMAIL))
        rc = search_words(p, &word, 1, e);
    buf_fmt(&p->where, " AND INSTR(%s(%s), ?%zu) > 0", p->r->st->ops->fold_fn, c->sql, plan_param(p, V_STR(word)));
    return rc;
}

static int filter_in(struct plan *p, const struct column *c, str value, struct err *e)
{
    str rest = value, head;
    struct val v;
    size_t n = 0;

    if (c->f->type == FT_REFS)
        return ERR(e, -EINVAL, "registry.filter_op", "in", S(c->f->name));
    buf_fmt(&p->where, " AND %s IN (", c->sql);
    while (str_split(&rest, ',', &head)) {
        if (p->np + 8 >= PARAMS_MAX)
            return ERR(e, -EINVAL, "registry.filter_many", S(c->f->name));
        int rc = filter_value(p, c, str_trim(head), &v, e);
        if (rc < 0)
            return rc;
        buf_fmt(&p->where, n++ > 0 ? ", ?%zu" : "?%zu", plan_param(p, v));
    }
    buf_z(&p->where, ")");
    return 0;
}

static int under_prefix(struct plan *p, const struct column *c, str value, struct err *e)
{
    char first[IP_BIN_MAX], last[IP_BIN_MAX];
    struct prefix px;

    if (!prefix_parse(str_trim(value), &px))
        return ERR(e, -EINVAL, "registry.bad_prefix", S(value));
    prefix_bin(px, first, last);
    size_t lo = plan_param(p, V_STR(arena_str(p->a, str_c(first)))),
           hi = plan_param(p, V_STR(arena_str(p->a, str_c(last))));
    buf_fmt(&p->where, " AND t.\"%.*s_bin\" >= ?%zu AND t.\"%.*s%s\" <= ?%zu", STR_ARGS(c->f->name), lo,
            STR_ARGS(c->f->name), c->f->type == FT_IP ? "_bin" : "_end", hi);
    return 0;
}

/* The field of kind t that names t: what makes it a tree. */
static const struct field *tree_field(const struct kind *t)
{
    for (size_t i = 0; i < t->nfields; i++)
        if (t->fields[i].type == FT_REF && str_eq(t->fields[i].ref_kind, t->name))
            return &t->fields[i];
    return NULL;
}

/* A subtree as small as this is written out: then the engine knows that it is small. Left to the
 * recursion, PostgreSQL takes it for all there is, and reads every record. */
enum { BELOW = 16 };
struct below {
    int64_t id[BELOW + 1];
    size_t n;
};

static bool below_row(void *ctx, const struct val *v, size_t n)
{
    struct below *b = ctx;

    b->id[b->n++] = v[0].i;
    return b->n <= BELOW;
}

static int filter_below(struct plan *p, const struct column *c, const struct kind *t, const struct field *up,
                        struct val top, struct err *e)
{
    const char *sql =
        arena_fmt(p->a,
                  "WITH RECURSIVE sub(id) AS (SELECT CAST(?1 AS INTEGER) UNION SELECT u.id FROM \"%.*s\" u"
                  " JOIN sub ON u.\"%.*s_id\" = sub.id) SELECT id FROM sub LIMIT %d",
                  STR_ARGS(t->name), STR_ARGS(up->name), BELOW + 1)
            .p;
    struct below b = {0};
    char list[BELOW * 8];
    size_t n = 0;
    int rc = sql == NULL ? ERR(e, -ENOMEM, "registry.no_memory") : tx_query(p->tx, sql, &top, 1, below_row, &b, e);

    if (rc < 0)
        return rc;
    if (b.n > BELOW || p->np + b.n > PARAMS_MAX)
        return cond_add(p, c, e,
                        " IN (WITH RECURSIVE sub(id) AS (SELECT CAST(?%zu AS INTEGER) UNION SELECT u.id FROM \"%.*s\" u"
                        " JOIN sub ON u.\"%.*s_id\" = sub.id) SELECT id FROM sub)",
                        plan_param(p, top), STR_ARGS(t->name), STR_ARGS(up->name));
    for (size_t i = 0; i < b.n; i++)
        n += (size_t)snprintf(list + n, sizeof(list) - n, i > 0 ? ", ?%zu" : "?%zu", plan_param(p, V_INT(b.id[i])));
    return cond_add(p, c, e, " IN (%s)", list);
}

static int filter_under(struct plan *p, const struct column *c, str value, struct err *e)
{
    const struct kind *t = c->f->type == FT_REF ? schema_kind(p->r->sc, c->f->ref_kind) : NULL;
    const struct field *up = t != NULL ? tree_field(t) : NULL;
    struct val v;

    if (c->f->type == FT_IP || c->f->type == FT_PREFIX)
        return under_prefix(p, c, value, e);
    /* unit?id__under=X: the record itself and what lies below it. */
    if (t == NULL && str_eq(c->f->name, STR("id")) && (up = tree_field(p->k)) != NULL) {
        int64_t id;
        int rc = rec_find(p->tx, p->a, p->k, value, false, &id, e);
        if (rc < 0)
            return rc;
        v = V_INT(id);
        t = p->k;
    } else if (up == NULL) {
        return ERR(e, -EINVAL, "registry.filter_op", "under", S(c->f->name));
    } else {
        int rc = filter_value(p, c, value, &v, e);
        if (rc < 0)
            return rc;
    }
    return filter_below(p, c, t, up, v, e);
}

static int filter_null(struct plan *p, const struct column *c, str value, struct err *e)
{
    static const struct field flag = {.type = FT_BOOL};
    struct val v;
    int rc = value_parse(p->a, &flag, value, &v, e);

    if (rc < 0 || v.type == VAL_NULL)
        return ERR(e, -EINVAL, "registry.bad_bool", S(value));
    if (c->f->type == FT_REFS) {
        refs_open(p, c, v.i != 0 ? " AND NOT " : " AND ");
        buf_z(&p->where, ")");
    } else {
        buf_fmt(&p->where, " AND %s IS %sNULL", c->sql, v.i != 0 ? "" : "NOT ");
    }
    return 0;
}

int filter_add(struct plan *p, str field, str op, str value, struct err *e)
{
    static const struct {
        const char *name, *sql;
    } compare[] = {
        {"eq", "="}, {"", "="}, {"ne", "<>"}, {"lt", "<"}, {"le", "<="}, {"gt", ">"}, {"ge", ">="},
    };
    static const struct {
        const char *name;
        int (*fn)(struct plan *, const struct column *, str, struct err *);
    } other[] = {
        {"ic", filter_contains},
        {"in", filter_in},
        {"under", filter_under},
        {"null", filter_null},
    };
    struct column c;

    if (!column_find(p->k, field, &c))
        return ERR(e, -EINVAL, "registry.unknown_field", S(field), S(p->k->name));
    if (!field_seen(c.f, p->roles)) /* what one may ask for, one can guess */
        return ERR(e, -EACCES, "registry.hidden_field", S(field), S(p->k->name));
    if (c.f->type == FT_FILE && !str_eq(op, STR("ic")) && !str_eq(op, STR("null")))
        return ERR(e, -EINVAL, "registry.filter_op", S(op.n > 0 ? op : STR("eq")), S(field));
    for (size_t i = 0; i < sizeof(compare) / sizeof(compare[0]); i++)
        if (str_eq(op, str_c(compare[i].name)))
            return filter_compare(p, &c, compare[i].sql, value, e);
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
        if (str_eq(op, str_c(other[i].name)))
            return other[i].fn(p, &c, value, e);
    return ERR(e, -EINVAL, "registry.filter_op", S(op), S(field));
}
