/* What is kept of addresses beside their records, so that giving out the next
 * one costs the same in a full prefix as in an empty one:
 *
 *   addr_hint(prefix_id, low)           all addresses of the prefix below low are taken
 *   addr_released(ip, prefix_id, at)    an address was let go then, and nobody has it now
 *
 * low only rises when addresses are given out; it comes down when one that was
 * let go has rested long enough, and is forgotten when the prefix changes. Every
 * write of an address or a prefix passes here, inside its transaction. */
#include "registry/addr-int.h"
#include <errno.h>

static const char *const tables[] = {
    "CREATE TABLE addr_hint (prefix_id BIGINT PRIMARY KEY, low TEXT NOT NULL)",
    "CREATE TABLE addr_released (ip TEXT PRIMARY KEY, prefix_id BIGINT NOT NULL, at BIGINT NOT NULL)",
    "CREATE INDEX addr_released_prefix ON addr_released (prefix_id, at)",
    ("INSERT INTO addr_released (ip, prefix_id, at) SELECT ip_bin, MAX(prefix_id), MAX(valid_to) FROM address"
     " WHERE valid_to IS NOT NULL AND ip_bin NOT IN (SELECT ip_bin FROM address WHERE valid_to IS NULL) GROUP BY "
     "ip_bin"),
};

/* Made once, from the addresses that are there. */
int addr_tables(struct tx *tx, const struct registry *r, struct err *e)
{
    struct val v;
    int rc = tx_one(tx, NULL, "SELECT 1 FROM registry_meta WHERE name = 'addr_tables'", NO_VALS, &v, e);

    if (rc != 0 || !addr_known(r))
        return rc < 0 ? rc : 0;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && rc == 0; i++)
        rc = tx_exec(tx, tables[i], NO_VALS, NULL, e);
    return rc == 0
               ? tx_exec(tx, "INSERT INTO registry_meta (name, value) VALUES ('addr_tables', '1')", NO_VALS, NULL, e)
               : rc;
}

struct low_read {
    anum low;
    bool found;
};

static bool low_row(void *ctx, const struct val *c, size_t n)
{
    struct low_read *x = ctx;
    anum at;

    (void)n;
    if (c[0].type == VAL_TEXT && bin_num(c[0].s, &at) && (!x->found || at < x->low))
        *x = (struct low_read){at, true};
    return true;
}

int addr_low(struct tx *tx, const struct pool *p, int64_t now, anum *low, struct err *e)
{
    struct low_read hint = {0}, due = {0};
    int rc = tx_query(tx, "SELECT low FROM addr_hint WHERE prefix_id = ?1", VALS(V_INT(p->id)), low_row, &hint, e);

    if (rc == 0 && hint.found)
        rc = tx_query(tx, "SELECT MIN(ip) FROM addr_released WHERE prefix_id = ?1 AND at <= ?2",
                      VALS(V_INT(p->id), V_INT(now - p->cool)), low_row, &due, e);
    if (rc < 0)
        return rc;
    *low = !hint.found || hint.low < p->all.first ? p->all.first : hint.low;
    if (due.found && due.low < *low && due.low >= p->all.first)
        *low = due.low;
    return 0;
}

int addr_low_set(struct tx *tx, const struct pool *p, anum low, struct err *e)
{
    char bin[IP_BIN_MAX];

    num_bin(p->family, low, bin);
    return tx_defer(tx,
                    "INSERT INTO addr_hint (prefix_id, low) VALUES (?1, ?2) ON CONFLICT (prefix_id) DO UPDATE SET"
                    " low = ?2",
                    VALS(V_INT(p->id), V_Z(bin)), e);
}

int addr_low_take(struct tx *tx, const struct pool *p, int64_t now, anum *low, struct err *e)
{
    int64_t gone = 0;
    int rc = addr_low(tx, p, now, low, e);

    if (rc == 0)
        rc = tx_exec(tx, "DELETE FROM addr_released WHERE prefix_id = ?1 AND at <= ?2",
                     VALS(V_INT(p->id), V_INT(now - p->cool)), &gone, e);
    return rc == 0 && gone > 0 ? addr_low_set(tx, p, *low, e) : rc;
}

static size_t at(const struct kind *k, const char *field) { return kind_field_at(k, str_c(field)); }

static bool bin_of(const struct rec *rec, char out[IP_BIN_MAX])
{
    const struct val *v = &rec->v[at(rec->k, "ip")];
    struct ip ip;

    if (v->type != VAL_TEXT || !ip_parse(v->s, &ip))
        return false;
    ip_bin(ip, out);
    return true;
}

/* The innermost prefix that holds the address: it is the one that gives it out again. */
static int released(struct write *w, const struct rec *rec, struct err *e)
{
    char bin[IP_BIN_MAX];
    struct val id = rec->v[at(rec->k, "prefix")];

    if (!bin_of(rec, bin) || id.type != VAL_INT)
        return 0;
    int rc = tx_one(w->tx, NULL,
                    "SELECT p.id FROM prefix p JOIN prefix q ON q.id = ?2 AND p.network_id = q.network_id WHERE"
                    " COALESCE(p.prefix_bin, '') <= ?1 AND p.prefix_end >= ?1 AND p.valid_to IS NULL"
                    " ORDER BY COALESCE(p.prefix_bin, '') DESC, p.prefix_end LIMIT 1",
                    VALS(V_Z(bin), id), &id, e);
    if (rc >= 0)
        rc = tx_defer(w->tx,
                      "INSERT INTO addr_released (ip, prefix_id, at) VALUES (?1, ?2, ?3) ON CONFLICT (ip) DO UPDATE SET"
                      " prefix_id = ?2, at = ?3",
                      VALS(V_Z(bin), id, V_INT(w->now / NS_PER_S)), e);
    return rc < 0 ? rc : 0;
}

static int taken(struct write *w, const struct rec *rec, struct err *e)
{
    char bin[IP_BIN_MAX];

    return bin_of(rec, bin) ? tx_defer(w->tx, "DELETE FROM addr_released WHERE ip = ?1", VALS(V_Z(bin)), e) : 0;
}

/* What it reserves or where it lies may be new; what was let go there is its own from now on. */
static int prefix_written(struct write *w, const struct rec *rec, struct err *e)
{
    char first[IP_BIN_MAX], last[IP_BIN_MAX];
    struct prefix p;
    int rc = tx_defer(w->tx, "DELETE FROM addr_hint WHERE prefix_id = ?1", VALS(V_INT(rec->id)), e);

    if (rc < 0 || rec->v[at(rec->k, "container")].i != 0 || !prefix_parse(rec_key(rec), &p))
        return rc;
    prefix_bin(p, first, last);
    return tx_defer(w->tx, "UPDATE addr_released SET prefix_id = ?1 WHERE ip >= ?2 AND ip <= ?3",
                    VALS(V_INT(rec->id), V_Z(first), V_Z(last)), e);
}

int addr_written(struct write *w, const struct rec *old, const struct rec *fresh, struct err *e)
{
    const struct rec *rec = fresh != NULL ? fresh : old;
    bool address = str_eq(rec->k->name, STR("address")), prefix = str_eq(rec->k->name, STR("prefix"));
    int rc = 0;

    if ((!address && !prefix) || !addr_known(w->r))
        return 0;
    if (prefix)
        return prefix_written(w, fresh != NULL ? fresh : old, e);
    if (old != NULL && fresh != NULL && val_eq(&old->v[at(rec->k, "ip")], &fresh->v[at(rec->k, "ip")]))
        return 0;
    if (old != NULL)
        rc = released(w, old, e);
    return rc == 0 && fresh != NULL ? taken(w, fresh, e) : rc;
}
