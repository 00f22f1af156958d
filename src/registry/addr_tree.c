/* One level of the prefix tree as rows in order of address: what is taken and
 * by whom, what is free, and what does not fit together. Read only. */
#include "registry/addr-int.h"
#include "base/json.h"
#include <errno.h>

enum { ROWS_DEFAULT = 500, CONFLICTS_MAX = 100 };

static const char *const why_names[] = {[WHY_DECLARED] = "declared",
                                        [WHY_GATEWAY] = "gateway",
                                        [WHY_NETWORK] = "network",
                                        [WHY_BROADCAST] = "broadcast",
                                        [WHY_ROUTER] = "router"};

struct tree {
    struct registry *r;
    struct tx *tx;
    struct arena *a;
    struct scope scope;
    const struct pool *p;
    int64_t now;
    json_t *rows;
    size_t limit;
    bool more;
    anum next; /* where to go on when there is more */
};

static void put_num(json_t *o, const char *name, unsigned family, anum n)
{
    char text[PREFIX_TEXT_MAX];

    json_object_set_new(o, name, json_from_str(num_text(family, n, text)));
}

static json_t *row_new(const struct tree *t, const char *type, struct range r)
{
    json_t *o = json_pack("{s:s}", "type", type);
    char text[ANUM_TEXT];
    anum size = r.last - r.first;

    put_num(o, "first", t->p->family, r.first);
    put_num(o, "last", t->p->family, r.last);
    json_object_set_new(o, "size", json_from_str(num_decimal(size == ~(anum)0 ? size : size + 1, text)));
    return o;
}

static bool full(struct tree *t, anum first)
{
    if (json_array_size(t->rows) < t->limit)
        return false;
    t->more = true;
    t->next = first;
    return true;
}

/* A run of free addresses as the largest aligned prefixes. */
static void gap_rows(struct tree *t, struct range gap)
{
    char text[PREFIX_TEXT_MAX];

    while (!full(t, gap.first)) {
        unsigned len = range_head(t->p->family, gap), bits = (t->p->family == 4 ? 32 : 128) - len;
        struct range r = {gap.first, gap.first + (bits == 0 ? 0 : ~(anum)0 >> (128 - bits))};
        json_t *o = row_new(t, "gap", r);
        json_object_set_new(o, "prefix", json_from_str(range_text(t->p->family, r, len, text)));
        json_array_append_new(t->rows, o);
        if (r.last == gap.last)
            return;
        gap.first = r.last + 1;
    }
}

struct detail {
    json_t *o;
    const char *const *names;
};

/* A name ending in "_id" opens an object {id, key, title} of the next three columns. */
static bool detail_row(void *ctx, const struct val *c, size_t n)
{
    struct detail *d = ctx;

    for (size_t i = 0, k = 0; i < n; k++) {
        bool ref = d->names[k][0] == '*';
        bool host = strcmp(d->names[k], "fqdn") == 0;
        json_t *v = c[i].type == VAL_INT    ? json_integer(c[i].i)
                    : c[i].type != VAL_TEXT ? NULL
                    : host                  ? host_json(c[i].s)
                                            : json_from_str(c[i].s);
        if (ref && v != NULL)
            v = json_pack("{s:o, s:o, s:o}", "id", v, "key", json_from_str(c[i + 1].s), "title",
                          json_from_str(c[i + 2].s));
        json_object_set_new(d->o, d->names[k] + ref, v != NULL ? v : json_null());
        i += ref ? 3 : 1;
    }
    return false;
}

static int prefix_details(struct tree *t, const struct span *sp, json_t *o, struct err *e)
{
    static const char *const names[] = {"key", "purpose", "*unit", "*zone"};
    struct detail d = {o, names};
    struct arena a = arena_init(CALL_ARENA);
    struct pool p;
    struct use u;
    int rc = tx_query(t->tx,
                      "SELECT p.prefix, p.purpose, u.id, u.code, u.name, z.id, z.code, z.name FROM prefix p"
                      " LEFT JOIN unit u ON u.id = p.unit_id LEFT JOIN zone z ON z.id = p.zone_id WHERE p.id = ?1",
                      VALS(V_INT(sp->id)), detail_row, &d, e);

    json_object_set_new(o, "container", json_boolean(sp->container));
    if (rc == 0)
        rc = pool_load(t->tx, &a, sp->id, &p, e);
    if (rc == 0)
        rc = pool_use(t->tx, &a, &p, t->now, &u, e);
    if (rc == 0)
        json_object_set_new(o, "use", use_json(&u));
    arena_free(&a);
    return rc;
}

static int address_details(struct tree *t, const struct span *sp, json_t *o, struct err *e)
{
    static const char *const names[] = {"key", "fqdn", "purpose", "*device"};
    struct detail d = {o, names};

    return tx_query(t->tx,
                    "SELECT a.ip, a.fqdn, a.purpose, d.id, d.code, d.name FROM address a LEFT JOIN device d"
                    " ON d.id = a.device_id WHERE a.id = ?1",
                    VALS(V_INT(sp->id)), detail_row, &d, e);
}

static int record_row(struct tree *t, const struct span *sp, struct err *e)
{
    bool prefix = sp->kind == SPAN_PREFIX;
    const struct kind *k = schema_kind(t->r->sc, prefix ? STR("prefix") : STR("address"));
    int rc = scope_sees(t->tx, t->r, &t->scope, k, sp->id, e);

    if (rc < 0 && rc != -ENOENT)
        return rc;
    json_t *o = row_new(t, rc < 0 ? "taken" : prefix ? "prefix" : "address", sp->r);
    json_array_append_new(t->rows, o);
    if (rc < 0)
        return 0;
    json_object_set_new(o, "id", json_integer(sp->id));
    return prefix ? prefix_details(t, sp, o, e) : address_details(t, sp, o, e);
}

static int span_row(struct tree *t, const struct span *sp, struct err *e)
{
    char text[40];
    json_t *o;

    switch (sp->kind) {
    case SPAN_RESERVED:
        o = row_new(t, "reserved", sp->r);
        json_object_set_new(o, "why", json_string(why_names[sp->why]));
        json_array_append_new(t->rows, o);
        return 0;
    case SPAN_COOLING:
        o = row_new(t, "cooling", sp->r);
        time_fmt((sp->id + t->p->cool) * NS_PER_S, 0, text, sizeof(text));
        json_object_set_new(o, "until", json_string(text));
        json_array_append_new(t->rows, o);
        return 0;
    default:
        return record_row(t, sp, e);
    }
}

static int rows_make(struct tree *t, anum from, struct err *e)
{
    struct walk w;
    struct span sp;
    anum at = from;
    bool end = false;
    int rc = walk_init(&w, t->tx, t->a, t->p, (struct range){from, t->p->all.last}, ~0U, t->now, e);

    while (rc >= 0 && !t->more && (rc = walk_next(&w, &sp, e)) > 0) {
        if (sp.r.first > at && !end)
            gap_rows(t, (struct range){at, sp.r.first - 1});
        if (t->more || full(t, sp.r.first > at ? sp.r.first : at))
            return 0;
        rc = span_row(t, &sp, e);
        if (sp.r.last >= t->p->all.last)
            end = true;
        else if (sp.r.last >= at)
            at = sp.r.last + 1;
    }
    if (rc == 0 && !t->more && !end)
        gap_rows(t, (struct range){at, t->p->all.last});
    return rc;
}

static bool conflict_row(void *ctx, const struct val *c, size_t n)
{
    (void)n;
    json_array_append_new(ctx, json_pack("{s:s, s:o, s:o}", "why", "not_innermost", "address", json_from_str(c[0].s),
                                         "prefix", json_from_str(c[1].s)));
    return true;
}

/* Addresses that name a container although a prefix below holds them (it was
 * made later), and, in a prefix of addresses, such that sit in what it reserves. */
static int conflicts_make(struct tree *t, json_t *out, struct err *e)
{
    struct walk w;
    struct span sp;
    int rc = 0;

    if (t->p->container)
        return tx_query(t->tx,
                        "SELECT a.ip, p.prefix FROM address a JOIN prefix p ON p.network_id = ?2 AND p.prefix_bin <="
                        " a.ip_bin AND p.prefix_end >= a.ip_bin AND p.valid_to IS NULL AND p.id <> ?1 JOIN prefix q ON"
                        " q.id = ?1 AND p.prefix_bin >= q.prefix_bin AND p.prefix_end <= q.prefix_end"
                        " WHERE a.prefix_id = ?1 AND a.valid_to IS NULL ORDER BY a.ip_bin LIMIT 100",
                        VALS(V_INT(t->p->id), V_INT(t->p->network)), conflict_row, out, e);
    for (size_t i = 0; i < t->p->nreserved && rc >= 0; i++) {
        const struct reserved *rv = &t->p->reserved[i];
        if (rv->why == WHY_GATEWAY || rv->why == WHY_DECLARED)
            continue;
        rc = walk_init(&w, t->tx, t->a, t->p, rv->r, 1U << SPAN_ADDRESS, t->now, e);
        while (rc >= 0 && (rc = walk_next(&w, &sp, e)) > 0 && json_array_size(out) < CONFLICTS_MAX) {
            json_t *o = json_pack("{s:s}", "why", why_names[rv->why]);
            put_num(o, "address", t->p->family, sp.r.first);
            json_array_append_new(out, o);
        }
    }
    return rc < 0 ? rc : 0;
}

static int tree_json(struct tree *t, const struct rec *rec, anum from, json_t *out, struct err *e)
{
    json_t *conflicts = json_array();
    struct use u;
    int rc = pool_use(t->tx, t->a, t->p, t->now, &u, e);

    t->rows = json_array();
    json_object_set_new(out, "prefix", rec_json(rec));
    json_object_set_new(out, "rows", t->rows);
    json_object_set_new(out, "conflicts", conflicts);
    if (rc == 0) {
        json_object_set_new(out, "use", use_json(&u));
        rc = rows_make(t, from, e);
    }
    if (rc == 0 && t->scope.all)
        rc = conflicts_make(t, conflicts, e);
    if (t->more)
        put_num(out, "next", t->p->family, t->next);
    else
        json_object_set_new(out, "next", json_null());
    return rc;
}

/* Above and beside: the chain of containers up to the root, outermost first. */
static bool above_row(void *ctx, const struct val *c, size_t n)
{
    (void)n;
    json_array_append_new(ctx, json_pack("{s:I, s:o}", "id", (json_int_t)c[0].i, "key", json_from_str(c[1].s)));
    return true;
}

static int above_json(struct tree *t, json_t *out, struct err *e)
{
    char first[IP_BIN_MAX], last[IP_BIN_MAX];
    struct val p[5];
    size_t np = 4;
    json_t *list = json_array();
    struct buf b;

    num_bin(t->p->family, t->p->all.first, first);
    num_bin(t->p->family, t->p->all.last, last);
    p[0] = V_Z(first);
    p[1] = V_Z(last);
    p[2] = V_INT(t->p->network);
    p[3] = V_INT(t->p->id);
    buf_init(&b, 16384);
    buf_z(&b, "SELECT t.id, t.prefix FROM prefix t WHERE COALESCE(t.prefix_bin, '') <= ?1 AND t.prefix_end >= ?2 AND"
              " t.network_id = ?3 AND t.id <> ?4 AND t.valid_to IS NULL");
    scope_sql(t->r, &t->scope, schema_kind(t->r->sc, STR("prefix")), "t", &b, p, &np);
    buf_z(&b, " ORDER BY COALESCE(t.prefix_bin, ''), t.prefix_end DESC");
    buf_byte(&b, 0);
    json_object_set_new(out, "above", list);
    int rc = b.failed ? ERR(e, -ENOMEM, "registry.no_memory") : tx_query(t->tx, b.p, p, np, above_row, list, e);
    buf_done(&b);
    return rc;
}

int addr_tree(struct registry *r, const struct actor *who, str prefix, str from, size_t limit, json_t **out,
              struct err *e)
{
    struct arena a = arena_init(CALL_ARENA);
    struct tree t = {.r = r, .a = &a, .now = clock_wall(r->clk) / NS_PER_S};
    json_t *o = json_object();
    struct rec *rec;
    struct pool p;
    struct ip ip;
    int rc = addr_known(r) ? scope_read(who, &t.scope, e) : ERR(e, -ENOTSUP, "registry.no_kind", "prefix");

    t.limit = limit == 0 ? ROWS_DEFAULT : limit > ADDR_ROWS_MAX ? ADDR_ROWS_MAX : limit;
    if (rc == 0 && (rc = store_begin(r->st, STORE_READ, &t.tx, e)) == 0) {
        rc = find_visible(t.tx, r, &t.scope, &a, schema_kind(r->sc, STR("prefix")), prefix, true, &rec, e);
        if (rc == 0)
            rc = pool_load(t.tx, &a, rec->id, &p, e);
        t.p = &p;
        anum at = rc == 0 ? p.all.first : 0;
        if (rc == 0 && from.n > 0) {
            if (!ip_parse(from, &ip) || ip.family != p.family || ip_num(ip) < p.all.first || ip_num(ip) > p.all.last)
                rc = ERR(e, -EINVAL, "registry.not_within", S(from), S(p.key));
            else
                at = ip_num(ip);
        }
        if (rc == 0)
            rc = tree_json(&t, rec, at, o, e);
        if (rc == 0)
            rc = above_json(&t, o, e);
        store_rollback(t.tx);
    }
    arena_free(&a);
    if (rc == 0)
        *out = o;
    else
        json_decref(o);
    return rc;
}
