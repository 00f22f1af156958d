/* Giving out addresses and prefixes, and what prefixes and addresses must be
 * beyond their fields. All inside one transaction; the store's writer lock makes
 * it race-free within a process, the unique keys between processes. */
#include "registry/addr-int.h"
#include "registry/known-int.h"
#include "registry/late-int.h"
#include "base/json.h"
#include <errno.h>

enum { TRIES = 3, NAME_MAX_LEN = 253 };

static size_t at(const struct kind *k, const char *field) { return kind_field_at(k, str_c(field)); }

static int fault(struct write *w, const char *field, struct err *fe)
{
    write_fault(w, str_c(field), fe);
    return 0;
}

static int judge_prefix(struct write *w, const struct rec *fresh)
{
    const struct val *gw = &fresh->v[at(fresh->k, "gateway")], *rv = &fresh->v[at(fresh->k, "reserved")];
    struct range ranges[RANGES_MAX];
    struct err fe = {0};
    struct prefix p;
    struct ip ip;
    size_t n;

    if (!prefix_parse(rec_key(fresh), &p))
        return 0;
    if (gw->type == VAL_TEXT && ip_parse(gw->s, &ip) && !prefix_has(p, ip)) {
        ERR(&fe, -EINVAL, "registry.not_within", S(gw->s), S(rec_key(fresh)));
        fault(w, "gateway", &fe);
    }
    if (rv->type == VAL_TEXT && ranges_parse(rv->s, p, ranges, RANGES_MAX, &n, &fe) < 0)
        fault(w, "reserved", &fe);
    return 0;
}

struct late_inner {
    struct late_ask *l;
    str ip;
};

static bool late_inner_row(void *ctx, const struct val *cols, size_t n)
{
    struct late_inner *x = ctx;
    struct err *fe = late_mistake(x->l);

    (void)n;
    if (fe != NULL)
        ERR(fe, -EINVAL, "registry.not_innermost", S(x->ip), S(cols[0].s));
    return false;
}

static int ask_inner_late(struct write *w, const struct rec *fresh, const char *sql, str ip, const struct val *p,
                          struct err *e)
{
    struct late_inner *x = arena_new(&w->late->a, struct late_inner);
    struct late_ask *l = late_add(w, fresh->k, STR("prefix"), 0);

    if (x == NULL || l == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    *x = (struct late_inner){l, arena_str(&w->late->a, ip)};
    return tx_ask(w->tx, sql, p, 2, late_inner_row, x, e);
}

/* An address names the innermost prefix that holds it, or that one would give it out again. */
static int judge_address(struct write *w, const struct rec *fresh, struct err *e)
{
    static const char sql[] =
        "SELECT p.prefix FROM prefix q JOIN prefix p ON p.network_id = q.network_id WHERE q.id = ?1 AND"
        " q.container = 1 AND COALESCE(p.prefix_bin, '') >= q.prefix_bin AND"
        " COALESCE(p.prefix_bin, '') <= ?2 AND p.prefix_end >= ?2 AND p.prefix_end <= q.prefix_end AND"
        " p.id <> ?1 AND p.valid_to IS NULL ORDER BY COALESCE(p.prefix_bin, '') DESC, p.prefix_end LIMIT 1";
    const struct val *v = &fresh->v[at(fresh->k, "ip")], *in = &fresh->v[at(fresh->k, "prefix")];
    char bin[IP_BIN_MAX];
    struct val inner;
    struct err fe = {0};
    struct ip ip;

    if (v->type != VAL_TEXT || in->type != VAL_INT || !ip_parse(v->s, &ip) || known_plain(w->known, in->i))
        return 0;
    ip_bin(ip, bin);
    const struct val p[] = {*in, V_Z(bin)};
    if (late_now(w))
        return ask_inner_late(w, fresh, sql, v->s, p, e);
    int rc = tx_one(w->tx, w->a, sql, p, 2, &inner, e);
    if (rc <= 0)
        return rc;
    ERR(&fe, -EINVAL, "registry.not_innermost", S(v->s), S(inner.s));
    return fault(w, "prefix", &fe);
}

int addr_judge(struct write *w, const struct rec *fresh, struct err *e)
{
    bool address = str_eq(fresh->k->name, STR("address")), prefix = str_eq(fresh->k->name, STR("prefix"));

    if ((!address && !prefix) || !addr_known(w->r))
        return 0;
    return prefix ? judge_prefix(w, fresh) : judge_address(w, fresh, e);
}

/* What was asked for, and what of it was found. */
struct want {
    const json_t *in;
    size_t count;
    unsigned length; /* 0: addresses */
    struct range *found;
    size_t n;
};

static void fault_at(struct errs *es, const char *pointer, const char *key, const char *a0, const char *a1)
{
    struct err fe = {0};

    ERR(&fe, -EINVAL, key, a0, a1);
    err_at(&fe, pointer, 0, 0);
    errs_add(es, &fe);
}

static int want_read(struct want *x, const json_t *in, struct arena *a, struct errs *es, struct err *e)
{
    int64_t count = json_get_int(in, "count", 1), length = json_get_int(in, "length", 0);
    str name = json_get_str(in, "name");
    uint64_t before = es->total;

    if (count < 1 || count > ADDR_COUNT_MAX)
        fault_at(es, "/count", "registry.out_of_range", N(count), "1");
    if (json_object_get(in, "length") != NULL && (length < 1 || length > 128))
        fault_at(es, "/length", "registry.out_of_range", N(length), "1");
    if (name.n > NAME_MAX_LEN)
        fault_at(es, "/name", "registry.too_long", N(NAME_MAX_LEN), N((int64_t)name.n));
    if (count > 1 && length == 0 && name.p != NULL && str_find(name, STR("{n}")) == SIZE_MAX)
        fault_at(es, "/name", "registry.name_needs_n", S(name), N(count));
    if (es->total != before)
        return ERR(e, -EINVAL, "registry.invalid", N((int64_t)(es->total - before)));
    *x = (struct want){.in = in, .count = (size_t)count, .length = (unsigned)length};
    x->found = arena_array(a, struct range, x->count);
    return x->found == NULL ? ERR(e, -ENOMEM, "registry.no_memory") : 0;
}

/* Addresses come from a prefix of addresses, prefixes from a container. */
static int pool_fits(const struct pool *p, unsigned length, struct err *e)
{
    unsigned max = p->family == 4 ? 32 : 128;

    if (length == 0)
        return p->container ? ERR(e, -EEXIST, "registry.is_container", S(p->key)) : 0;
    if (!p->container)
        return ERR(e, -EEXIST, "registry.no_container", S(p->key));
    return length <= p->len || length > max ? ERR(e, -EINVAL, "registry.bad_length", N(length), N(p->len + 1), N(max))
                                            : 0;
}

/* The first free ones, lowest first: a gap at a time. */
static int search_free(struct tx *tx, struct arena *a, const struct pool *p, anum low, int64_t now, struct want *x,
                       struct err *e)
{
    unsigned bits = x->length == 0 ? 0 : (p->family == 4 ? 32 : 128) - x->length;
    anum mask = bits == 0 ? 0 : ~(anum)0 >> (128 - bits);
    struct gaps g = {.at = low, .end = low > p->all.last};
    struct range gap;
    int rc = g.end ? 0 : walk_init(&g.w, tx, a, p, (struct range){low, p->all.last}, ~0U, now, e);

    while (rc >= 0 && x->n < x->count && (rc = gaps_next(&g, &gap, e)) > 0) {
        anum c = (gap.first + mask) & ~mask;
        while (x->n < x->count && c >= gap.first && c <= gap.last && gap.last - c >= mask) {
            x->found[x->n++] = (struct range){c, c + mask};
            if (c + mask == gap.last)
                break;
            c += mask + 1;
        }
    }
    return rc < 0 ? rc : 0;
}

/* Why there are too few, in numbers. */
static int too_few(struct tx *tx, struct arena *a, const struct pool *p, const struct want *x, int64_t now,
                   struct err *e)
{
    struct use u;
    char cooling[ANUM_TEXT];
    int rc = pool_use(tx, a, p, now, &u, e);

    if (rc < 0)
        return rc;
    if (x->length > 0)
        return ERR(e, -EEXIST, "registry.too_few_prefixes", S(p->key), N((int64_t)x->n), N((int64_t)x->count),
                   N(x->length));
    return ERR(e, -EEXIST, "registry.too_few", S(p->key), N((int64_t)x->n), N((int64_t)x->count),
               S(num_decimal(u.cooling, cooling)));
}

static void take(json_t *rec, const json_t *in, const char *from, const char *to)
{
    json_t *v = json_object_get(in, from);

    if (v != NULL)
        json_object_set(rec, to, v);
}

/* "cam{n}.example" and 3 -> "cam3.example" */
static void name_put(struct arena *a, json_t *rec, str name, size_t n)
{
    size_t open = str_find(name, STR("{n}"));
    str s = open == SIZE_MAX
                ? name
                : arena_fmt(a, "%.*s%zu%.*s", (int)open, name.p, n, (int)(name.n - open - 3), name.p + open + 3);
    json_object_set_new(rec, "fqdn", json_from_str(s));
}

static json_t *address_input(struct arena *a, const struct pool *p, const struct want *x, size_t i)
{
    static const char *const same[] = {"device", "interface", "purpose"};
    char text[PREFIX_TEXT_MAX];
    json_t *rec = json_object();
    str name = json_get_str(x->in, "name");

    json_object_set_new(rec, "ip", json_from_str(num_text(p->family, x->found[i].first, text)));
    json_object_set_new(rec, "prefix", json_integer(p->id));
    for (size_t k = 0; k < sizeof(same) / sizeof(same[0]); k++)
        take(rec, x->in, same[k], same[k]);
    if (name.n > 0)
        name_put(a, rec, name, i + 1);
    return rec;
}

/* What is not said is as in the container. */
static json_t *prefix_input(const struct rec *parent, const struct pool *p, const struct want *x, size_t i)
{
    static const char *const same[] = {"unit", "site", "zone", "purpose", "container"};
    static const char *const from_parent[] = {"zone", "dns_zone", "cool_off_days"};
    char text[PREFIX_TEXT_MAX];
    json_t *rec = json_object();

    json_object_set_new(rec, "prefix", json_from_str(range_text(p->family, x->found[i], x->length, text)));
    json_object_set_new(rec, "network", json_integer(p->network));
    for (size_t k = 0; k < sizeof(from_parent) / sizeof(from_parent[0]); k++) {
        const struct val *v = &parent->v[at(parent->k, from_parent[k])];
        if (v->type == VAL_INT)
            json_object_set_new(rec, from_parent[k], json_integer(v->i));
    }
    for (size_t k = 0; k < sizeof(same) / sizeof(same[0]); k++)
        take(rec, x->in, same[k], same[k]);
    return rec;
}

static int record_make(struct write *w, const struct kind *k, json_t *in, json_t *items, struct err *e)
{
    struct input *input = NULL;
    struct rec *rec = NULL;
    enum outcome how;
    int rc = input_from_json(w, k, in, &input, e);

    json_decref(in);
    if (rc == 0)
        rc = write_record(w, k, NULL, input, &rec, &how, e);
    if ((rc == 0 || rc == -EINVAL) && w->mistakes > 0)
        rc = ERR(e, -EINVAL, "registry.invalid", N((int64_t)w->mistakes));
    if (rc == 0)
        json_array_append_new(items, rec_json(rec));
    return rc;
}

static int records_make(struct write *w, const struct rec *parent, const struct pool *p, const struct want *x,
                        json_t *items, struct err *e)
{
    const struct kind *k = schema_kind(w->r->sc, x->length > 0 ? STR("prefix") : STR("address"));
    int rc = 0;

    for (size_t i = 0; i < x->n && rc == 0; i++)
        rc = record_make(w, k, x->length > 0 ? prefix_input(parent, p, x, i) : address_input(w->a, p, x, i), items, e);
    return rc;
}

static int give_out(struct write *w, str prefix, const json_t *in, struct errs *es, json_t *items, struct err *e)
{
    const struct kind *k = schema_kind(w->r->sc, STR("prefix"));
    int64_t now = w->now / NS_PER_S;
    struct rec *parent;
    struct pool p;
    struct want x;
    anum low;
    int rc = find_visible(w->tx, w->r, &w->scope, w->a, k, prefix, true, &parent, e);

    if (rc == 0)
        rc = want_read(&x, in, w->a, es, e);
    if (rc == 0)
        rc = pool_load(w->tx, w->a, parent->id, &p, e);
    if (rc == 0)
        rc = pool_fits(&p, x.length, e);
    if (rc < 0)
        return rc;
    low = p.all.first;
    if (x.length == 0)
        rc = addr_low_take(w->tx, &p, now, &low, e);
    if (rc == 0)
        rc = search_free(w->tx, w->a, &p, low, now, &x, e);
    if (rc == 0 && x.n < x.count)
        rc = too_few(w->tx, w->a, &p, &x, now, e);
    if (rc == 0)
        rc = records_make(w, parent, &p, &x, items, e);
    /* At the very end nothing is above: the last address stands for full, and is looked at again. */
    anum last = x.n > 0 ? x.found[x.n - 1].last : p.all.first;
    return rc == 0 && x.length == 0 ? addr_low_set(w->tx, &p, last < p.all.last ? last + 1 : last, e) : rc;
}

static int allocate_once(struct registry *r, const struct actor *who, str prefix, const json_t *in, json_t *items,
                         struct errs *es, struct err *e)
{
    struct arena a = arena_init(CALL_ARENA);
    struct write w;
    int rc = write_begin(&w, r, who, &a, es, e);

    if (rc == 0) {
        rc = give_out(&w, prefix, in, es, items, e);
        if (rc == 0 && a.failed)
            rc = ERR(e, -ENOMEM, "registry.no_memory");
        int closed = write_close(&w, rc == 0, e);
        rc = rc == 0 ? closed : rc;
    }
    arena_free(&a);
    return rc;
}

int addr_allocate(struct registry *r, const struct actor *who, str prefix, const json_t *want, json_t **out,
                  struct errs *es, struct err *e)
{
    json_t *items = json_array();
    struct err why = {0};
    int rc = addr_known(r) ? 0 : ERR(&why, -ENOTSUP, "registry.no_kind", "prefix");

    /* Another process may have been first with the same address: then the unique key said so. */
    for (int i = 0; rc == 0 && i < TRIES; i++) {
        json_array_clear(items);
        rc = allocate_once(r, who, prefix, want, items, es, &why);
        if (rc != -EEXIST || why.key == NULL || strcmp(why.key, "store.unique") != 0)
            break;
        rc = i + 1 < TRIES ? 0 : rc;
    }
    if (rc == 0) {
        *out = json_pack("{s:o}", "items", items);
    } else {
        json_decref(items);
        if (e != NULL)
            *e = why;
    }
    return rc;
}

static int free_read(struct tx *tx, struct arena *a, const struct pool *p, struct want *x, int64_t now, json_t **out,
                     struct err *e)
{
    char text[PREFIX_TEXT_MAX], number[ANUM_TEXT];
    struct use u;
    anum low = p->all.first;
    int rc = x->length == 0 ? addr_low(tx, p, now, &low, e) : 0;

    if (rc == 0)
        rc = search_free(tx, a, p, low, now, x, e);
    if (rc == 0)
        rc = pool_use(tx, a, p, now, &u, e);
    if (rc < 0)
        return rc;
    json_t *items = json_array();
    for (size_t i = 0; i < x->n; i++)
        json_array_append_new(items, json_from_str(x->length > 0 ? range_text(p->family, x->found[i], x->length, text)
                                                                 : num_text(p->family, x->found[i].first, text)));
    *out = json_pack("{s:o, s:o, s:o}", "prefix", json_from_str(p->key), "items", items, "free",
                     json_from_str(num_decimal(u.free, number)));
    return 0;
}

int addr_free(struct registry *r, const struct actor *who, str prefix, size_t n, unsigned length, json_t **out,
              struct err *e)
{
    struct arena a = arena_init(CALL_ARENA);
    struct want x = {.count = n < ADDR_COUNT_MAX ? n : ADDR_COUNT_MAX, .length = length};
    struct scope s;
    struct rec *rec;
    struct pool p;
    struct tx *tx;
    int rc = addr_known(r) ? scope_read(who, &s, e) : ERR(e, -ENOTSUP, "registry.no_kind", "prefix");

    x.found = arena_array(&a, struct range, x.count);
    if (rc == 0 && x.found == NULL)
        rc = ERR(e, -ENOMEM, "registry.no_memory");
    if (rc == 0 && (rc = store_begin(r->st, STORE_READ, &tx, e)) == 0) {
        rc = find_visible(tx, r, &s, &a, schema_kind(r->sc, STR("prefix")), prefix, true, &rec, e);
        if (rc == 0)
            rc = pool_load(tx, &a, rec->id, &p, e);
        if (rc == 0)
            rc = pool_fits(&p, length, e);
        if (rc == 0)
            rc = free_read(tx, &a, &p, &x, clock_wall(r->clk) / NS_PER_S, out, e);
        store_rollback(tx);
    }
    arena_free(&a);
    return rc;
}
