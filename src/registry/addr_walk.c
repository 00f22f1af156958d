/* The walk over what is taken in a prefix, and the gaps it leaves. Each source
 * (prefixes below, addresses, resting addresses) is read a chunk at a time by
 * its index, from where the walk stands: a prefix of thousands of addresses
 * that lies below another costs one step there. Runs inside the caller's
 * transaction. */
#include "registry/addr-int.h"
#include "base/map.h"
#include <errno.h>

#define POOL_SQL "SELECT id, prefix, network_id, container, gateway, reserved, cool_off_days FROM prefix WHERE id = ?1"

bool addr_known(const struct registry *r)
{
    static const struct {
        const char *kind, *field;
        enum ftype type;
    } need[] = {
        {"prefix", "prefix", FT_PREFIX},  {"prefix", "network", FT_REF},   {"prefix", "container", FT_BOOL},
        {"prefix", "gateway", FT_IP},     {"prefix", "reserved", FT_TEXT}, {"prefix", "cool_off_days", FT_INT},
        {"prefix", "dns_zone", FT_REF},   {"address", "ip", FT_IP},        {"address", "prefix", FT_REF},
        {"address", "device", FT_REF},    {"address", "fqdn", FT_FQDN},    {"address", "purpose", FT_TEXT},
        {"address", "interface", FT_REF},
    };

    for (size_t i = 0; i < sizeof(need) / sizeof(need[0]); i++) {
        const struct kind *k = schema_kind(r->sc, str_c(need[i].kind));
        const struct field *f = k != NULL ? kind_field(k, str_c(need[i].field)) : NULL;
        if (f == NULL || f->type != need[i].type)
            return false;
    }
    return true;
}

/* Adds what is not reserved yet of r, in order; small lists, so plainly. */
static void reserve(struct pool *p, struct range r, enum why why)
{
    struct reserved *v = p->reserved;
    size_t i = 0;

    for (; i < p->nreserved && v[i].r.last < r.first; i++)
        continue;
    if (p->nreserved == sizeof(p->reserved) / sizeof(p->reserved[0]) || (i < p->nreserved && v[i].r.first <= r.last))
        return;
    memmove(&v[i + 1], &v[i], (p->nreserved - i) * sizeof(*v));
    v[i] = (struct reserved){r, why};
    p->nreserved++;
}

static void reserve_ends(struct pool *p)
{
    if (p->container)
        return;
    if (p->family == 4 && p->len <= 30) {
        reserve(p, (struct range){p->all.first, p->all.first}, WHY_NETWORK);
        reserve(p, (struct range){p->all.last, p->all.last}, WHY_BROADCAST);
    } else if (p->family == 6 && p->len <= 126) {
        reserve(p, (struct range){p->all.first, p->all.first}, WHY_ROUTER);
    }
}

struct pool_read {
    struct arena *a;
    struct pool *p;
    bool found, sound;
};

static bool pool_row(void *ctx, const struct val *c, size_t n)
{
    struct pool_read *x = ctx;
    struct pool *p = x->p;
    struct range ranges[RANGES_MAX];
    struct prefix px;
    struct ip gw;
    size_t k = 0;

    (void)n;
    x->found = true;
    if (!prefix_parse(c[1].s, &px))
        return false;
    *p = (struct pool){.id = c[0].i,
                       .key = arena_str(x->a, c[1].s),
                       .family = px.ip.family,
                       .len = px.len,
                       .all = prefix_range(px),
                       .network = c[2].i,
                       .container = c[3].i != 0,
                       .cool = (c[6].type == VAL_INT ? c[6].i : 0) * 86400};
    if (c[5].type == VAL_TEXT && ranges_parse(c[5].s, px, ranges, RANGES_MAX, &k, NULL) < 0)
        return false;
    for (size_t i = 0; i < k; i++)
        reserve(p, ranges[i], WHY_DECLARED);
    if (c[4].type == VAL_TEXT && ip_parse(c[4].s, &gw) && prefix_has(px, gw))
        reserve(p, (struct range){ip_num(gw), ip_num(gw)}, WHY_GATEWAY);
    reserve_ends(p);
    x->sound = p->key.p != NULL;
    return false;
}

int pool_load(struct tx *tx, struct arena *a, int64_t id, struct pool *out, struct err *e)
{
    struct pool_read x = {.a = a, .p = out};
    int rc = tx_query(tx, POOL_SQL, VALS(V_INT(id)), pool_row, &x, e);

    if (rc == 0 && !x.found)
        rc = ERR(e, -ENOENT, "registry.not_found", "prefix", N(id));
    if (rc == 0 && !x.sound)
        rc = ERR(e, -EINVAL, "registry.bad_prefix", S(out->key));
    return rc;
}

struct chunk {
    struct walk_source *s;
    enum span_kind kind;
    size_t rows;
};

/* id, first, last (as bin), whatever the kind adds */
static bool chunk_row(void *ctx, const struct val *c, size_t n)
{
    struct chunk *x = ctx;
    struct span *sp = &x->s->v[x->s->n];

    (void)n;
    x->rows++;
    *sp = (struct span){.kind = x->kind, .id = c[0].i, .container = c[3].type == VAL_INT && c[3].i != 0};
    if (bin_num(c[1].s, &sp->r.first) && bin_num(c[2].s, &sp->r.last))
        x->s->n++;
    return true;
}

/* The order is the one that an index on the living records has. */
static const char *const sources[SPAN_KINDS] = {
    [SPAN_PREFIX] = "SELECT id, prefix_bin, prefix_end, container FROM prefix WHERE COALESCE(prefix_bin, '') >= ?1 AND"
                    " COALESCE(prefix_bin, '') <= ?2 AND prefix_end <= ?5 AND valid_to IS NULL AND network_id = ?3 AND"
                    " id <> ?4 ORDER BY COALESCE(prefix_bin, ''), prefix_end DESC LIMIT 256",
    [SPAN_ADDRESS] = "SELECT id, ip_bin, ip_bin, 0 FROM address WHERE COALESCE(ip_bin, '') >= ?1 AND"
                     " COALESCE(ip_bin, '') <= ?2 AND valid_to IS NULL ORDER BY COALESCE(ip_bin, ''), id LIMIT 256",
    [SPAN_COOLING] = "SELECT at, ip, ip, 0 FROM addr_released WHERE ip >= ?1 AND ip <= ?2 AND at > ?3 ORDER BY ip"
                     " LIMIT 256",
};

/* The prefix that begins before the walk and reaches into it. */
static const char covering[] =
    "SELECT id, prefix_bin, prefix_end, container FROM prefix WHERE COALESCE(prefix_bin, '') >= ?2 AND"
    " COALESCE(prefix_bin, '') < ?1 AND prefix_end >= ?1 AND prefix_end <= ?5 AND valid_to IS NULL AND network_id = ?3"
    " AND id <> ?4 ORDER BY COALESCE(prefix_bin, ''), prefix_end DESC LIMIT 1";

static int prefixes_read(struct walk *w, const char *sql, anum from, anum to, struct chunk *x, struct err *e)
{
    char bin[3][IP_BIN_MAX];

    num_bin(w->p->family, from, bin[0]);
    num_bin(w->p->family, to, bin[1]);
    num_bin(w->p->family, w->p->all.last, bin[2]);
    return tx_query(w->tx, sql, VALS(V_Z(bin[0]), V_Z(bin[1]), V_INT(w->p->network), V_INT(w->p->id), V_Z(bin[2])),
                    chunk_row, x, e);
}

static int refill_sql(struct walk *w, enum span_kind kind, struct walk_source *s, struct err *e)
{
    char from[IP_BIN_MAX], to[IP_BIN_MAX];
    struct chunk x = {.s = s, .kind = kind};
    int rc;

    num_bin(w->p->family, s->from, from);
    num_bin(w->p->family, w->to, to);
    const struct val p[] = {V_Z(from), V_Z(to), V_INT(w->now - w->p->cool)};
    if (kind == SPAN_PREFIX)
        rc = prefixes_read(w, sources[kind], s->from, w->to, &x, e);
    else
        rc = tx_query(w->tx, sources[kind], p, kind == SPAN_COOLING ? 3 : 2, chunk_row, &x, e);
    s->done = x.rows < WALK_AHEAD;
    if (s->n > 0 && s->v[s->n - 1].r.first < w->to)
        s->from = s->v[s->n - 1].r.first + 1;
    else
        s->done = true;
    return rc;
}

/* Reserved ranges are in memory: all that still touch the walk, at once. */
static void refill_reserved(struct walk *w, struct walk_source *s)
{
    for (size_t i = 0; i < w->p->nreserved; i++) {
        struct reserved rv = w->p->reserved[i];
        if (rv.r.last < s->from || rv.r.first > w->to)
            continue;
        s->v[s->n++] = (struct span){.kind = SPAN_RESERVED, .r = rv.r, .why = rv.why};
    }
    s->done = true;
}

static int refill(struct walk *w, enum span_kind kind, struct err *e)
{
    struct walk_source *s = &w->src[kind];

    s->n = s->at = 0;
    if (kind != SPAN_RESERVED)
        return refill_sql(w, kind, s, e);
    refill_reserved(w, s);
    return 0;
}

int walk_init(struct walk *w, struct tx *tx, struct arena *a, const struct pool *p, struct range r, uint32_t kinds,
              int64_t now, struct err *e)
{
    *w = (struct walk){.tx = tx, .p = p, .to = r.last, .now = now, .kinds = kinds};
    if (!p->container)
        w->kinds &= ~(1U << SPAN_PREFIX);
    for (int k = 0; k < SPAN_KINDS; k++) {
        w->src[k] = (struct walk_source){.from = r.first, .done = (w->kinds & 1U << k) == 0};
        if (!w->src[k].done && (w->src[k].v = arena_array(a, struct span, WALK_AHEAD)) == NULL)
            return ERR(e, -ENOMEM, "registry.no_memory");
    }
    if ((w->kinds & 1U << SPAN_PREFIX) == 0 || r.first == p->all.first)
        return 0;
    return prefixes_read(w, covering, r.first, p->all.first, &(struct chunk){&w->src[SPAN_PREFIX], SPAN_PREFIX, 0}, e);
}

/* Below a prefix that was shown nothing is shown: go on behind it. */
static void skip_below(struct walk *w, const struct span *sp)
{
    for (int k = 0; k < SPAN_KINDS; k++) {
        struct walk_source *s = &w->src[k];
        if (k == SPAN_RESERVED)
            continue;
        while (s->at < s->n && s->v[s->at].r.first <= sp->r.last)
            s->at++;
        if (sp->r.last >= w->to && s->at == s->n)
            s->done = true;
        else if (s->at == s->n && s->from <= sp->r.last)
            s->from = sp->r.last + 1;
    }
}

int walk_next(struct walk *w, struct span *out, struct err *e)
{
    const struct span *best = NULL;
    enum span_kind kind = 0;

    for (int k = 0; k < SPAN_KINDS; k++) {
        struct walk_source *s = &w->src[k];
        if (s->at == s->n && !s->done) {
            int rc = refill(w, (enum span_kind)k, e);
            if (rc < 0)
                return rc;
        }
        if (s->at < s->n && (best == NULL || s->v[s->at].r.first < best->r.first)) {
            best = &s->v[s->at];
            kind = (enum span_kind)k;
        }
    }
    if (best == NULL)
        return 0;
    *out = *best;
    w->src[kind].at++;
    if (kind == SPAN_PREFIX)
        skip_below(w, out);
    return 1;
}

int gaps_next(struct gaps *g, struct range *out, struct err *e)
{
    struct span sp;
    int rc = 0;

    while (!g->end && (rc = walk_next(&g->w, &sp, e)) > 0) {
        struct range gap = {g->at, sp.r.first - 1};
        bool found = sp.r.first > g->at;
        if (sp.r.last >= g->w.to)
            g->end = true;
        else if (sp.r.last >= g->at)
            g->at = sp.r.last + 1;
        if (found) {
            *out = gap;
            return 1;
        }
    }
    if (rc < 0 || g->end)
        return rc < 0 ? rc : 0;
    g->end = true;
    *out = (struct range){g->at, g->w.to};
    return 1;
}

/* How much of r the walk over `kinds` leaves: sizes up to 2^128 - 1 are exact. */
static int uncovered(struct tx *tx, struct arena *a, const struct pool *p, struct range r, uint32_t kinds, int64_t now,
                     anum *out, struct err *e)
{
    struct gaps g = {.at = r.first};
    struct range gap;
    int rc = walk_init(&g.w, tx, a, p, r, kinds, now, e);

    *out = 0;
    while (rc >= 0 && (rc = gaps_next(&g, &gap, e)) > 0)
        *out += gap.last - gap.first + 1;
    return rc;
}

/* Living addresses and resting ones in r. */
static int count_in(struct tx *tx, const struct pool *p, struct range r, int64_t now, struct use *out, struct err *e)
{
    char from[IP_BIN_MAX], to[IP_BIN_MAX];
    struct val n = V_INT(0), m = V_INT(0);

    num_bin(p->family, r.first, from);
    num_bin(p->family, r.last, to);
    int rc = tx_one(tx, NULL,
                    "SELECT COUNT(*) FROM address WHERE COALESCE(ip_bin, '') >= ?1 AND COALESCE(ip_bin, '') <= ?2 AND"
                    " valid_to IS NULL",
                    VALS(V_Z(from), V_Z(to)), &n, e);
    if (rc >= 0)
        rc = tx_one(tx, NULL, "SELECT COUNT(*) FROM addr_released WHERE ip >= ?1 AND ip <= ?2 AND at > ?3",
                    VALS(V_Z(from), V_Z(to), V_INT(now - p->cool)), &m, e);
    out->addresses = (anum)n.i;
    out->cooling = (anum)m.i;
    return rc < 0 ? rc : 0;
}

/* What lies in prefixes below is theirs. */
static int use_below(struct tx *tx, struct arena *a, const struct pool *p, int64_t now, struct use *u, struct err *e)
{
    struct use below;
    struct span sp;
    struct walk w;
    int rc = walk_init(&w, tx, a, p, p->all, 1U << SPAN_PREFIX, now, e);

    while (rc >= 0 && (rc = walk_next(&w, &sp, e)) > 0) {
        u->prefixes += sp.r.last - sp.r.first + 1;
        if ((rc = count_in(tx, p, sp.r, now, &below, e)) < 0)
            return rc;
        u->addresses -= below.addresses;
        u->cooling -= below.cooling;
    }
    return rc;
}

/* An address counts as itself, also inside a reserved range; one that rests
 * there counts as reserved. */
static int use_reserved(struct tx *tx, struct arena *a, const struct pool *p, int64_t now, struct use *u, struct err *e)
{
    uint32_t living = 1U << SPAN_PREFIX | 1U << SPAN_ADDRESS;
    anum all, rest;
    int rc = 0;

    for (size_t i = 0; i < p->nreserved && rc == 0; i++) {
        rc = uncovered(tx, a, p, p->reserved[i].r, living, now, &all, e);
        if (rc == 0)
            rc = uncovered(tx, a, p, p->reserved[i].r, living | 1U << SPAN_COOLING, now, &rest, e);
        if (rc == 0) {
            u->reserved += all;
            u->cooling -= all - rest;
        }
    }
    return rc;
}

int pool_use(struct tx *tx, struct arena *a, const struct pool *p, int64_t now, struct use *out, struct err *e)
{
    struct use u = {.size = p->all.last - p->all.first};
    int rc = count_in(tx, p, p->all, now, &u, e);

    if (u.size != ~(anum)0)
        u.size++; /* ::/0 is told one short */
    if (rc == 0 && p->container)
        rc = use_below(tx, a, p, now, &u, e);
    if (rc == 0)
        rc = use_reserved(tx, a, p, now, &u, e);
    if (rc < 0)
        return rc;
    u.free = u.size - u.prefixes - u.addresses - u.reserved - u.cooling;
    *out = u;
    return 0;
}

json_t *use_json(const struct use *u)
{
    const struct {
        const char *name;
        anum n;
    } rows[] = {{"size", u->size},         {"prefixes", u->prefixes}, {"addresses", u->addresses},
                {"reserved", u->reserved}, {"cooling", u->cooling},   {"free", u->free}};
    json_t *o = json_object();
    char text[ANUM_TEXT];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        str s = num_decimal(rows[i].n, text);
        json_object_set_new(o, rows[i].name, json_stringn(s.p, s.n));
    }
    json_object_set_new(o, "percent", json_real(100.0 * (double)(u->size - u->free) / (double)u->size));
    return o;
}
