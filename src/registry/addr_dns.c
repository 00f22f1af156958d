/* The records of a DNS zone as they follow from what is declared; nothing of
 * it is stored. Names come from an address's fqdn, or from its device and
 * interface in the zone of its prefix; a name belongs to the longest declared
 * zone that ends it. Read only; one transaction. */
#include "registry/addr-int.h"
#include "base/json.h"
#include "base/map.h"
#include <errno.h>

enum { NAME_MAX_DNS = 253, LABEL_MAX = 63, CONFLICTS_MAX = 1000, ZONES_MAX = 20000, ARENA_DNS = 256 << 20 };

enum rtype { RT_A, RT_AAAA, RT_PTR, RT_OTHER };
static const char *const type_names[] = {"A", "AAAA", "PTR"};

/* One record: derived ones have an address's id. */
struct record {
    str name, type, value;
    int64_t id, device, ttl; /* ttl -1: the zone's */
    str key;
    bool declared, dropped;
};
struct zone {
    struct tx *tx;
    struct registry *r;
    struct arena *a;
    struct scope scope;
    str name;
    int64_t ttl;
    struct map zones; /* all declared zone names */
    struct record *v;
    size_t n, cap;
    json_t *conflicts;
    int rc;
};

static void conflict(struct zone *z, const char *why, str name, str type, str value, str other)
{
    if (json_array_size(z->conflicts) < CONFLICTS_MAX)
        json_array_append_new(z->conflicts, json_pack("{s:s, s:o, s:o, s:o, s:o}", "why", why, "name",
                                                      json_from_str(name), "type", json_from_str(type), "value",
                                                      json_from_str(value), "other", json_from_str(other)));
}

static struct record *add(struct zone *z)
{
    if (z->n == DNS_RECORDS_MAX) {
        z->rc = -E2BIG;
        return NULL;
    }
    if (z->n == z->cap) {
        size_t cap = z->cap == 0 ? 256 : z->cap * 2;
        struct record *v = reallocarray(z->v, cap, sizeof(*v));
        if (v == NULL) {
            z->rc = -ENOMEM;
            return NULL;
        }
        z->v = v;
        z->cap = cap;
    }
    return &z->v[z->n++];
}

/* The longest declared zone that the name is in; the name itself may be it. */
static str zone_of(const struct zone *z, str name)
{
    for (str s = name; s.n > 0;) {
        if (map_get((struct map *)&z->zones, s) != NULL)
            return s;
        size_t dot = str_find(s, STR("."));
        s = dot == SIZE_MAX ? STR_NONE : str_sub(s, dot + 1, SIZE_MAX);
    }
    return STR_NONE;
}

/* A code as one label: lower case letters, digits and hyphens (RFC 1123 2.1);
 * other runs become one hyphen. Empty when nothing is left. */
static str label_of(struct arena *a, str code)
{
    char *p = arena_alloc(a, LABEL_MAX + 1);
    size_t n = 0;

    for (size_t i = 0; p != NULL && i < code.n && n < LABEL_MAX; i++) {
        char c = code.p[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            p[n++] = c;
        else if (n > 0 && p[n - 1] != '-')
            p[n++] = '-';
    }
    while (n > 0 && p[n - 1] == '-')
        n--;
    return (str){p, p == NULL ? 0 : n};
}

/* 4.3.2.1.in-addr.arpa, RFC 1035 3.5; nibbles under ip6.arpa, RFC 3596 2.5. */
static str reverse_name(struct arena *a, struct ip ip)
{
    char text[80];
    int n = 0;

    if (ip.family == 4)
        return arena_fmt(a, "%u.%u.%u.%u.in-addr.arpa", ip.b[3], ip.b[2], ip.b[1], ip.b[0]);
    for (int i = 15; i >= 0; i--)
        n += snprintf(text + n, sizeof(text) - (size_t)n, "%x.%x.", ip.b[i] & 15u, ip.b[i] >> 4);
    return arena_fmt(a, "%sip6.arpa", text);
}

/* "1.10.in-addr.arpa" -> 10.1.0.0/16: the addresses that a reverse zone names. */
static bool reverse_prefix(str zone, struct prefix *out)
{
    bool six = str_ends(zone, STR("ip6.arpa"));
    size_t tail = six ? 8 : 12;
    struct prefix p = {.ip.family = six ? 6 : 4};
    str part, rest;
    unsigned n = 0, v, parts = 0;
    uint8_t piece[32];

    if (!six && !str_ends(zone, STR("in-addr.arpa")))
        return false;
    if (zone.n > tail && zone.p[zone.n - tail - 1] != '.')
        return false;
    rest = zone.n > tail ? str_sub(zone, 0, zone.n - tail - 1) : STR_NONE;
    while (str_split(&rest, '.', &part)) {
        int64_t dec;
        if (parts == (six ? 32u : 4u))
            return false;
        if (six) {
            if (part.n != 1 || strchr("0123456789abcdef", part.p[0]) == NULL)
                return false;
            v = part.p[0] <= '9' ? (unsigned)(part.p[0] - '0') : (unsigned)(part.p[0] - 'a' + 10);
        } else {
            if (!str_i64(part, &dec) || dec < 0 || dec > 255)
                return false;
            v = (unsigned)dec;
        }
        piece[parts++] = (uint8_t)v;
    }
    for (unsigned i = parts; i-- > 0; n++)
        p.ip.b[six ? n / 2 : n] |= (uint8_t)(six && n % 2 == 0 ? piece[i] << 4 : piece[i]);
    p.len = (uint8_t)(parts * (six ? 4 : 8));
    *out = p;
    return true;
}

static bool zone_row(void *ctx, const struct val *c, size_t n)
{
    struct zone *z = ctx;
    bool fresh;

    (void)n;
    if (map_put(&z->zones, c[0].s, &fresh) == NULL)
        z->rc = -E2BIG;
    return z->rc == 0;
}

/* One address with what may name it. */
struct named {
    int64_t id, device;
    struct ip ip;
    str ip_text, fqdn, host, port; /* host, port: labels; empty when there is none */
    str zone;                      /* of the prefix */
    bool alone;                    /* the device has no other address of the family in the zone */
};

static void forward(struct zone *z, const struct named *d, str name)
{
    if (name.n == 0 || name.n > NAME_MAX_DNS || !str_eq(zone_of(z, name), z->name))
        return;
    struct record *r = add(z);
    if (r != NULL)
        *r = (struct record){.name = arena_str(z->a, name),
                             .type = str_c(type_names[d->ip.family == 4 ? RT_A : RT_AAAA]),
                             .value = arena_str(z->a, d->ip_text),
                             .id = d->id,
                             .ttl = -1,
                             .device = d->device,
                             .key = arena_str(z->a, d->ip_text)};
}

static str host_name(struct zone *z, const struct named *d)
{
    return d->host.n > 0 && d->zone.n > 0 ? arena_fmt(z->a, "%.*s.%.*s", STR_ARGS(d->host), STR_ARGS(d->zone))
                                          : STR_NONE;
}

static str port_name(struct zone *z, const struct named *d)
{
    str host = host_name(z, d);

    return host.n > 0 && d->port.n > 0 ? arena_fmt(z->a, "%.*s.%.*s", STR_ARGS(d->port), STR_ARGS(host)) : STR_NONE;
}

static void reverse(struct zone *z, const struct named *d)
{
    str port = port_name(z, d), to = d->fqdn.n > 0 ? d->fqdn : d->alone || port.n == 0 ? host_name(z, d) : port;
    str name = reverse_name(z->a, d->ip);

    if (to.n == 0 || to.n > NAME_MAX_DNS || !str_eq(zone_of(z, name), z->name))
        return;
    struct record *r = add(z);
    if (r != NULL)
        *r = (struct record){.name = name,
                             .type = str_c(type_names[RT_PTR]),
                             .value = arena_str(z->a, to),
                             .id = d->id,
                             .ttl = -1,
                             .device = d->device,
                             .key = arena_str(z->a, d->ip_text)};
}

struct reading {
    struct zone *z;
    bool reverse;
};

static bool address_row(void *ctx, const struct val *c, size_t n)
{
    struct reading *x = ctx;
    struct zone *z = x->z;
    struct named d = {
        .id = c[0].i, .ip_text = c[1].s, .fqdn = c[2].s, .device = c[3].i, .zone = c[6].s, .alone = c[7].i <= 1};

    (void)n;
    if (!ip_parse(d.ip_text, &d.ip))
        return true;
    d.host = label_of(z->a, c[4].s);
    d.port = label_of(z->a, c[5].s);
    if (x->reverse) {
        reverse(z, &d);
    } else if (d.fqdn.n > 0) {
        forward(z, &d, d.fqdn);
    } else {
        forward(z, &d, host_name(z, &d));
        forward(z, &d, port_name(z, &d));
    }
    if (z->a->failed)
        z->rc = -ENOMEM;
    return z->rc == 0;
}

#define ADDRESS_SQL                                                                                                    \
    "SELECT t.id, t.ip, t.fqdn, t.device_id, d.code, i.name, z.name,"                                                  \
    " CASE WHEN t.fqdn IS NULL AND t.device_id IS NOT NULL AND i.name IS NOT NULL THEN (SELECT COUNT(*) FROM address " \
    "o"                                                                                                                \
    " JOIN prefix q ON q.id = o.prefix_id WHERE o.device_id = t.device_id AND o.valid_to IS NULL AND o.fqdn IS NULL"   \
    " AND q.dns_zone_id = p.dns_zone_id AND SUBSTR(o.ip_bin, 1, 1) = SUBSTR(t.ip_bin, 1, 1)) ELSE 1 END"               \
    " FROM address t JOIN prefix p ON p.id = t.prefix_id LEFT JOIN device d ON d.id = t.device_id"                     \
    " LEFT JOIN interface i ON i.id = t.interface_id LEFT JOIN dns_zone z ON z.id = p.dns_zone_id"                     \
    " WHERE t.valid_to IS NULL"

static int addresses_read(struct zone *z, struct err *e)
{
    struct reading x = {.z = z};
    char first[IP_BIN_MAX], last[IP_BIN_MAX];
    struct val p[4];
    size_t np = 0;
    struct prefix px;
    struct buf b;

    buf_init(&b, 32768);
    buf_z(&b, ADDRESS_SQL);
    x.reverse = reverse_prefix(z->name, &px);
    if (x.reverse) {
        prefix_bin(px, first, last);
        p[np++] = V_Z(first);
        p[np++] = V_Z(last);
        buf_z(&b, " AND COALESCE(t.ip_bin, '') >= ?1 AND COALESCE(t.ip_bin, '') <= ?2");
    } else {
        p[np++] = V_STR(arena_fmt(z->a, "%%.%.*s", STR_ARGS(z->name)));
        p[np++] = V_STR(z->name);
        buf_z(&b, " AND (t.fqdn = ?2 OR t.fqdn LIKE ?1 OR (t.fqdn IS NULL AND (z.name = ?2 OR z.name LIKE ?1)))");
    }
    scope_sql(z->r, &z->scope, schema_kind(z->r->sc, STR("address")), "t", &b, p, &np);
    buf_z(&b, " ORDER BY COALESCE(t.ip_bin, ''), t.id");
    buf_byte(&b, 0);
    int rc = b.failed ? ERR(e, -ENOMEM, "registry.no_memory") : tx_query(z->tx, b.p, p, np, address_row, &x, e);
    buf_done(&b);
    return rc;
}

/* "www" or "@" or "www.zone" as the whole name. */
static str declared_name(struct zone *z, str name)
{
    if (str_ends(name, STR(".")))
        name.n--;
    if (str_eq(name, STR("@")))
        return z->name;
    size_t tail = name.n > z->name.n ? name.n - z->name.n : 0;
    bool whole = str_eq_nocase(str_sub(name, tail, SIZE_MAX), z->name) && (tail == 0 || name.p[tail - 1] == '.');
    return whole && name.n >= z->name.n ? name : arena_fmt(z->a, "%.*s.%.*s", STR_ARGS(name), STR_ARGS(z->name));
}

static str lowered(struct arena *a, str s)
{
    char *p = arena_cstr(a, s);

    for (size_t i = 0; p != NULL && i < s.n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] + 32);
    return (str){p, p == NULL ? 0 : s.n};
}

static str uppered(struct arena *a, str s)
{
    char *p = arena_cstr(a, s);

    for (size_t i = 0; p != NULL && i < s.n; i++)
        if (p[i] >= 'a' && p[i] <= 'z')
            p[i] = (char)(p[i] - 32);
    return (str){p, p == NULL ? 0 : s.n};
}

static bool declared_row(void *ctx, const struct val *c, size_t n)
{
    struct zone *z = ctx;
    struct record *r = add(z);
    struct ip ip;

    (void)n;
    if (r == NULL)
        return false;
    *r = (struct record){.declared = true,
                         .id = c[0].i,
                         .ttl = c[5].type == VAL_INT ? c[5].i : -1,
                         .key = arena_str(z->a, c[1].s),
                         .name = lowered(z->a, declared_name(z, c[2].s)),
                         .type = uppered(z->a, c[3].s),
                         .value = arena_str(z->a, c[4].s)};
    bool a = str_eq(r->type, STR("A")), aaaa = str_eq(r->type, STR("AAAA"));
    if ((a || aaaa) && (!ip_parse(r->value, &ip) || ip.family != (a ? 4 : 6)))
        conflict(z, "bad_value", r->name, r->type, r->value, r->key);
    if (z->a->failed)
        z->rc = -ENOMEM;
    return z->rc == 0;
}

static int declared_read(struct zone *z, int64_t zone_id, struct err *e)
{
    return tx_query(z->tx,
                    "SELECT id, code, name, type, value, ttl FROM dns_record WHERE zone_id = ?1 AND valid_to IS NULL"
                    " ORDER BY id",
                    VALS(V_INT(zone_id)), declared_row, z, e);
}

/* By name, then type, declared first, then value: equal ones stand together. */
static int by_name(const void *x, const void *y)
{
    const struct record *a = x, *b = y;
    int c = str_cmp(a->name, b->name);

    if (c == 0)
        c = str_cmp(a->type, b->type);
    if (c == 0)
        c = (int)b->declared - (int)a->declared;
    if (c == 0)
        c = str_cmp(a->value, b->value);
    return c != 0 ? c : a->id < b->id ? -1 : a->id > b->id;
}

/* One name and type: declared ones replace the derived; derived ones of several devices are told. */
static void settle_type(struct zone *z, struct record *v, size_t n)
{
    bool clash = false;

    for (size_t i = 0; i < n; i++) {
        if (v[0].declared && !v[i].declared) {
            v[i].dropped = true;
            if (!str_eq(v[i].value, v[0].value))
                conflict(z, "replaced", v[i].name, v[i].type, v[i].value, v[0].value);
        } else if (i > 0 && str_eq(v[i].value, v[i - 1].value)) {
            v[i].dropped = true;
        } else if (!v[i].declared && v[i].device != v[0].device && !clash) {
            clash = true;
            conflict(z, "name_twice", v[i].name, v[i].type, v[i].value, v[0].value);
        }
    }
}

/* A CNAME stands alone at its name (RFC 1034 3.6.2). */
static void settle_name(struct zone *z, const struct record *v, size_t n)
{
    const struct record *alias = NULL;

    for (size_t i = 0; i < n && alias == NULL; i++)
        alias = str_eq(v[i].type, STR("CNAME")) ? &v[i] : NULL;
    for (size_t i = 0; i < n && alias != NULL; i++)
        if (&v[i] != alias && !v[i].dropped) {
            conflict(z, "cname_not_alone", v[i].name, v[i].type, v[i].value, alias->value);
            return;
        }
}

static void settle(struct zone *z)
{
    if (z->n > 0)
        qsort(z->v, z->n, sizeof(*z->v), by_name);
    for (size_t i = 0, j; i < z->n; i = j) {
        for (j = i + 1; j < z->n && str_eq(z->v[j].name, z->v[i].name); j++)
            continue;
        for (size_t k = i, m; k < j; k = m) {
            for (m = k + 1; m < j && str_eq(z->v[m].type, z->v[k].type); m++)
                continue;
            settle_type(z, z->v + k, m - k);
        }
        settle_name(z, z->v + i, j - i);
    }
}

static json_t *zone_json(const struct zone *z)
{
    json_t *items = json_array();

    for (size_t i = 0; i < z->n; i++) {
        const struct record *r = &z->v[i];
        if (r->dropped)
            continue;
        json_array_append_new(items, json_pack("{s:o, s:o, s:o, s:I, s:s, s:I, s:o}", "name", json_from_str(r->name),
                                               "type", json_from_str(r->type), "value", json_from_str(r->value), "ttl",
                                               (json_int_t)(r->ttl >= 0 ? r->ttl : z->ttl), "from",
                                               r->declared ? "declared" : "address", "id", (json_int_t)r->id, "key",
                                               json_from_str(r->key)));
    }
    return json_pack("{s:o, s:o, s:O}", "zone", json_from_str(z->name), "items", items, "conflicts", z->conflicts);
}

static int zone_make(struct zone *z, str name, json_t **out, struct err *e)
{
    const struct kind *k = schema_kind(z->r->sc, STR("dns_zone"));
    struct rec *rec;
    int rc = find_visible(z->tx, z->r, &z->scope, z->a, k, name, true, &rec, e);

    if (rc < 0)
        return rc;
    z->name = rec_key(rec);
    z->ttl = rec->v[kind_field_at(k, STR("ttl"))].i;
    rc = tx_query(z->tx, "SELECT name FROM dns_zone WHERE valid_to IS NULL", NO_VALS, zone_row, z, e);
    if (rc == 0 && z->rc == 0)
        rc = declared_read(z, rec->id, e);
    if (rc == 0 && z->rc == 0)
        rc = addresses_read(z, e);
    if (rc == 0 && z->rc != 0)
        rc = z->rc == -ENOMEM ? ERR(e, z->rc, "registry.no_memory")
                              : ERR(e, z->rc, "registry.zone_big", S(z->name), N(DNS_RECORDS_MAX));
    if (rc < 0)
        return rc;
    settle(z);
    *out = zone_json(z);
    return 0;
}

int dns_derived(struct registry *r, const struct actor *who, str zone, json_t **out, struct err *e)
{
    const struct kind *k = schema_kind(r->sc, STR("dns_zone")), *rk = schema_kind(r->sc, STR("dns_record"));
    struct arena a = arena_init(ARENA_DNS);
    struct zone z = {.r = r, .a = &a, .conflicts = json_array()};
    int rc = k != NULL && rk != NULL && addr_known(r) ? scope_read(who, &z.scope, e)
                                                      : ERR(e, -ENOTSUP, "registry.no_kind", "dns_zone");

    map_init(&z.zones, ZONES_MAX);
    if (rc == 0 && (rc = store_begin(r->st, STORE_READ, &z.tx, e)) == 0) {
        rc = zone_make(&z, zone, out, e);
        store_rollback(z.tx);
    }
    map_done(&z.zones);
    free(z.v);
    json_decref(z.conflicts);
    arena_free(&a);
    return rc;
}
