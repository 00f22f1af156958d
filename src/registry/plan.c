/* A list query as SQL: conditions, order, and a cursor that says where the page
 * before ended by value, so that deep pages cost what first pages cost and
 * nothing shifts when records come and go. */
#include "registry/registry-int.h"
#include "base/rand.h"
#include <errno.h>

static const char *const order_system[] = {"id", "rev", "state", "valid_from", "valid_to", "created_at", "changed_at"};

bool order_allowed(const struct kind *k, const struct field *f)
{
    if (f->type == FT_REFS || f->type == FT_MARKDOWN || f->type == FT_JSON || f->type == FT_FILE)
        return false;
    if (f == &k->fields[k->key_field] || f == &k->fields[k->title_field])
        return true;
    for (size_t i = 0; i < k->ncolumns; i++)
        if (f == &k->fields[k->columns[i]])
            return true;
    for (size_t i = 0; i < sizeof(order_system) / sizeof(order_system[0]); i++)
        if (str_eq(f->name, str_c(order_system[i])))
            return true;
    return false;
}

/* NULL sorts first in one engine and last in another: it gets a value. */
void order_expr(const struct kind *k, const struct field *f, const char *alias, char out[2 * COL_MAX])
{
    bool title = f == &k->fields[k->title_field] && f->type == FT_TEXT;
    const char *tail = f->type == FT_REF ? "_id" : f->type == FT_IP || f->type == FT_PREFIX ? "_bin" : "";

    if (title)
        snprintf(out, 2 * COL_MAX, "COALESCE(%stitle_sort, '')", alias);
    else if (value_storage(f->type) == VAL_TEXT)
        snprintf(out, 2 * COL_MAX, "COALESCE(%s\"%.*s%s\", '')", alias, STR_ARGS(f->name), tail);
    else
        snprintf(out, 2 * COL_MAX, "COALESCE(%s\"%.*s%s\", -9007199254740992)", alias, STR_ARGS(f->name), tail);
}

static int plan_order(struct plan *p, str order, struct err *e)
{
    const struct kind *k = p->k;
    struct column c;

    p->desc = str_starts(order, STR("-"));
    if (p->desc)
        order = str_sub(order, 1, SIZE_MAX);
    if (!column_find(k, order.n > 0 ? order : STR("key"), &c))
        return ERR(e, -EINVAL, "registry.unknown_field", S(order), S(k->name));
    if (!order_allowed(k, c.f))
        return ERR(e, -EINVAL, "registry.bad_order", S(order));
    p->by_key = c.f == &k->fields[k->key_field];
    if (c.f->type == FT_REF) { /* by the name that people see */
        size_t i = kind_field_at(k, c.f->name);
        snprintf(p->order, sizeof(p->order), "COALESCE(r%zu.title_sort, '')", i);
        snprintf(p->join, sizeof(p->join), " LEFT JOIN \"%.*s\" r%zu ON r%zu.id = t.\"%.*s_id\"",
                 STR_ARGS(c.f->ref_kind), i, i, STR_ARGS(c.f->name));
        p->by_ref = c.f;
    } else
        order_expr(k, c.f, "t.", p->order);
    return 0;
}

int plan_make(struct plan *p, const struct scope *s, const struct list_query *q, struct err *e)
{
    int rc = plan_order(p, q->order, e);

    p->roles = s->roles;
    p->ended = q->ended;
    /* A filter may leave few records, which are sooner sorted than met on a walk. */
    p->walk = s->all && q->nfilters == 0 && q->q.n == 0 && !q->ended;
    buf_init(&p->where, SQL_MAX);
    buf_z(&p->where, q->ended ? "1 = 1" : "t.valid_to IS NULL");
    if (rc == 0)
        scope_sql(p->r, s, p->k, "t", &p->where, p->p, &p->np);
    for (size_t i = 0; i < q->nfilters && rc == 0; i++)
        rc = filter_add(p, q->filter[i].field, q->filter[i].op, q->filter[i].value, e);
    if (rc == 0)
        rc = search_add(p, q->q, e);
    if (rc == 0 && (p->where.failed || p->a->failed))
        rc = ERR(e, -ENOMEM, "registry.no_memory");
    return rc;
}

void plan_done(struct plan *p) { buf_done(&p->where); }

/* cursor = order ":" id ":" t|i value, the value in hex when it is text. */
static str cursor_make(struct arena *a, str order, int64_t id, const struct val *v)
{
    if (v->type != VAL_TEXT)
        return arena_fmt(a, "%.*s:%lld:i%lld", STR_ARGS(order), (long long)id, (long long)v->i);
    char *hex = arena_alloc(a, v->s.n * 2 + 1);
    if (hex == NULL)
        return STR_NONE;
    hex_fmt(v->s.p, v->s.n, hex);
    return arena_fmt(a, "%.*s:%lld:t%s", STR_ARGS(order), (long long)id, hex);
}

static bool cursor_read(struct arena *a, str cursor, str order, int64_t *id, struct val *v)
{
    str rest = cursor, head;
    int64_t n;

    if (!str_split(&rest, ':', &head) || !str_eq(head, order) || !str_split(&rest, ':', &head) || !str_i64(head, id))
        return false;
    if (str_starts(rest, STR("i")) && str_i64(str_sub(rest, 1, SIZE_MAX), &n)) {
        *v = V_INT(n);
        return true;
    }
    if (!str_starts(rest, STR("t")) || rest.n % 2 != 1 || rest.n > 16384)
        return false;
    size_t bytes = (rest.n - 1) / 2;
    char *p = arena_alloc(a, bytes + 1);
    if (p == NULL || !hex_parse(str_sub(rest, 1, SIZE_MAX), p, bytes))
        return false;
    *v = V_STR(((str){p, bytes}));
    return true;
}

static const char none[] = "CAST('' AS TEXT)"; /* the value of a reference that is not there */

/* A condition: behind the cursor, whose value and id are the parameters np - 1 and np. */
static void behind(const struct plan *p, const char *order, size_t np, struct buf *b)
{
    const char *cmp = p->desc ? "<" : ">";

    if (np > p->np)
        buf_fmt(b, " AND %s %s= ?%zu AND (%s %s ?%zu OR t.id %s ?%zu)", order, cmp, np - 1, order, cmp, np - 1, cmp,
                np);
}

static void in_order(const struct plan *p, const char *order, size_t limit, struct buf *b)
{
    const char *dir = p->desc ? " DESC" : "";

    if (limit > 0 && order != none)
        buf_fmt(b, " ORDER BY %s%s, t.id%s LIMIT %zu", order, dir, dir, limit);
    else if (limit > 0)
        buf_fmt(b, " ORDER BY t.id%s LIMIT %zu", dir, limit);
}

/* Ids of a page that is ordered by a reference: the records it names in their
 * order, and of each the records that name it, until the page is full; beside
 * them those that name none, and those that name one that has ended. */
static void ids_by_walk(const struct plan *p, size_t np, size_t limit, struct buf *b)
{
    static const char *const living[] = {" IS NULL", " IS NOT NULL"};
    size_t at = kind_field_at(p->k, p->by_ref->name);

    buf_fmt(
        b, "SELECT id FROM (SELECT * FROM (SELECT t.id AS id, %s AS o FROM \"%.*s\" t WHERE t.\"%.*s_id\" IS NULL AND ",
        none, STR_ARGS(p->k->name), STR_ARGS(p->by_ref->name));
    buf_str(b, buf_view(&p->where));
    behind(p, none, np, b);
    in_order(p, none, limit, b);
    for (size_t i = 0; i < 2; i++) {
        buf_fmt(b,
                ") x%zu UNION ALL SELECT * FROM (SELECT t.id AS id, %s AS o FROM \"%.*s\" r%zu CROSS JOIN \"%.*s\" t"
                " WHERE t.\"%.*s_id\" = r%zu.id AND r%zu.valid_to%s AND ",
                i, p->order, STR_ARGS(p->by_ref->ref_kind), at, STR_ARGS(p->k->name), STR_ARGS(p->by_ref->name), at, at,
                living[i]);
        buf_str(b, buf_view(&p->where));
        behind(p, p->order, np, b);
        in_order(p, p->order, limit, b);
    }
    buf_fmt(b, ") x2) y ORDER BY o%s, id%s LIMIT %zu", p->desc ? " DESC" : "", p->desc ? " DESC" : "", limit);
}

/* Which records, with no more than that needs. Few are found by their index and sorted: an engine that would rather
 * walk in list order until the page is full, and so through all when there are fewer, is asked for them alone. */
static void ids(const struct plan *p, size_t np, size_t limit, struct buf *b)
{
    const char *alone = p->few ? p->r->st->ops->alone : NULL;

    if (alone == NULL)
        buf_fmt(b, "SELECT t.id FROM \"%.*s\" t%s WHERE ", STR_ARGS(p->k->name), p->join);
    else
        buf_fmt(b, "SELECT t.id FROM (SELECT * FROM \"%.*s\" t WHERE ", STR_ARGS(p->k->name));
    buf_str(b, buf_view(&p->where));
    if (alone != NULL)
        buf_fmt(b, "%s) t%s WHERE 1 = 1", alone, p->join);
    behind(p, p->order, np, b);
    in_order(p, p->order, limit, b);
}

int plan_rows(struct plan *p, const struct list_query *q, size_t limit, row_fn *fn, void *ctx, struct err *e)
{
    const struct kind_sql *ks = &p->r->sql[kind_index(p->r, p->k)];
    const char *dir = p->desc ? " DESC" : "";
    size_t np = p->np;
    struct val v;
    int64_t id;
    struct buf b;

    if (q->cursor.n > 0) {
        if (!cursor_read(p->a, q->cursor, q->order, &id, &v) || np + 2 > PARAMS_MAX)
            return ERR(e, -EINVAL, "registry.bad_cursor");
        p->p[np++] = v;
        p->p[np++] = V_INT(id);
    }
    buf_init(&b, SQL_MAX);
    buf_fmt(&b, "SELECT %s, %s FROM %s WHERE t.id IN (", ks->cols, p->order, ks->from);
    if (p->walk && p->by_ref != NULL && limit > 0)
        ids_by_walk(p, np, limit, &b);
    else
        ids(p, np, limit, &b);
    buf_fmt(&b, ") ORDER BY %s%s, t.id%s", p->order, dir, dir);
    buf_byte(&b, 0);
    int rc = b.failed ? ERR(e, -ENOMEM, "registry.no_memory") : tx_query(p->tx, b.p, p->p, np, fn, ctx, e);
    buf_done(&b);
    return rc;
}

int plan_count(struct plan *p, int64_t *n, struct err *e)
{
    struct val v = V_INT(0);
    struct buf b;

    buf_init(&b, SQL_MAX);
    buf_fmt(&b, "SELECT COUNT(*) FROM \"%.*s\" t WHERE ", STR_ARGS(p->k->name));
    buf_str(&b, buf_view(&p->where));
    buf_byte(&b, 0);
    int rc = b.failed ? ERR(e, -ENOMEM, "registry.no_memory") : tx_one(p->tx, NULL, b.p, p->p, p->np, &v, e);
    buf_done(&b);
    *n = v.i;
    return rc < 0 ? rc : 0;
}

struct page {
    struct arena *a;
    const struct kind *k;
    struct rec **v;
    size_t n, limit;
    struct val last;
    bool more;
};

static bool page_row(void *ctx, const struct val *cols, size_t n)
{
    struct page *pg = ctx;

    if (pg->n == pg->limit) {
        pg->more = true;
        return false;
    }
    struct rec *rec = rec_new(pg->a, pg->k);
    if (rec == NULL || !rec_from_row(pg->a, rec, cols))
        return false;
    pg->v[pg->n++] = rec;
    pg->last = cols[n - 1];
    if (pg->last.type == VAL_TEXT && pg->n == pg->limit)
        pg->last.s = arena_str(pg->a, pg->last.s);
    return true;
}

static json_t *shown(const struct plan *p, const struct rec *rec)
{
    json_t *o = rec_json(rec);

    fields_hide(rec->k, p->roles, o);
    return o;
}

static int page_json(struct plan *p, const struct list_query *q, struct page *pg, json_t **out, struct err *e)
{
    json_t *items = json_array(), *o;
    int64_t total;
    int rc = 0;

    for (size_t i = 0; i < pg->n && rc == 0; i++) {
        rc = rec_load_refs(p->tx, p->r, p->a, pg->v[i], e);
        if (rc == 0)
            json_array_append_new(items, shown(p, pg->v[i]));
    }
    o = json_pack("{s:o}", "items", items);
    str next = pg->more ? cursor_make(p->a, q->order, pg->v[pg->n - 1]->id, &pg->last) : STR_NONE;
    json_object_set_new(o, "next", pg->more ? json_stringn(next.p, next.n) : json_null());
    if (rc == 0 && q->count && (rc = plan_count(p, &total, e)) == 0)
        json_object_set_new(o, "total", json_integer(total));
    if (rc == 0 && p->a->failed)
        rc = ERR(e, -ENOMEM, "registry.no_memory");
    if (rc == 0)
        *out = o;
    else
        json_decref(o);
    return rc;
}

int registry_list(struct registry *r, const struct actor *who, str kind, const struct list_query *q, json_t **out,
                  struct err *e)
{
    struct arena a = arena_init(CALL_ARENA);
    struct plan p = {.r = r, .k = kind_want(r, kind, e), .a = &a};
    size_t limit = q->limit == 0 ? 50 : q->limit > 1000 ? 1000 : q->limit;
    struct page pg = {.a = &a, .k = p.k, .limit = limit, .v = arena_array(&a, struct rec *, limit)};
    struct scope s;
    int rc = p.k == NULL ? -ENOENT : scope_read(who, &s, e);

    if (rc == 0 && pg.v == NULL)
        rc = ERR(e, -ENOMEM, "registry.no_memory");
    if (rc == 0 && (rc = store_begin(r->st, STORE_READ, &p.tx, e)) == 0) {
        rc = plan_make(&p, &s, q, e);
        if (rc == 0)
            rc = plan_rows(&p, q, limit + 1, page_row, &pg, e);
        if (rc == 0)
            rc = page_json(&p, q, &pg, out, e);
        plan_done(&p);
        store_rollback(p.tx);
    }
    arena_free(&a);
    return rc;
}
