/* What the journal deleted by age goes from the set too.
 *
 * A month is a partition. One that ended before the time that holds for all is dropped:
 * every row in it is meant, also rows that this replica has not fetched yet. Of
 * the rest, the rows before the time of who brought them go by a mutation, which
 * rewrites the parts that hold such rows, and no others. */
#include "journal/ch-int.h"
#include <errno.h>

enum { MONTHS_MAX = 1200, DAY_S = 86400 };

static uint64_t month_number(int64_t ns)
{
    int y, m, d;

    civil_from_days(ns / (DAY_S * NS_PER_S), &y, &m, &d);
    return (uint64_t)(y * 100 + m);
}

/* The rows that are meant. The day is what leaves whole parts out of account. */
static void meant(const struct ch_ages *a, struct buf *sql)
{
    int64_t last = a->all;

    for (size_t i = 0; i < a->n; i++)
        last = a->v[i].before > last ? a->v[i].before : last;
    buf_fmt(sql, "day <= toDate(%lld) AND (received < %lld", (long long)(last / (DAY_S * NS_PER_S)), (long long)a->all);
    for (size_t i = 0; i < a->n; i++)
        if (a->v[i].before > a->all) {
            buf_z(sql, " OR relay = ");
            ch_quote(sql, str_c(a->v[i].relay));
            buf_fmt(sql, " AND received < %lld", (long long)a->v[i].before);
        }
    buf_byte(sql, ')');
    buf_byte(sql, 0);
}

static int rows_left(struct ch *c, const struct ch_node *n, const struct ch_ages *a, uint64_t *out, struct err *e)
{
    struct buf sql;

    buf_init(&sql, CH_SQL_BYTES);
    buf_fmt(&sql, "SELECT count() FROM %s.%s WHERE ", c->database, ch_local(c));
    meant(a, &sql);
    int rc = sql.failed ? ERR(e, -ENOMEM, "journal.no_memory") : ch_number(c, n, sql.p, out, e);
    buf_done(&sql);
    return rc;
}

static int months_drop(struct ch *c, const struct ch_node *n, int64_t before, struct err *e)
{
    char oldest[400], sql[160];
    uint64_t month = 0, last = 0;
    int rc = 0;

    snprintf(oldest, sizeof(oldest),
             "SELECT min(toUInt32(partition)) FROM system.parts WHERE database = '%s' AND table = '%s' AND "
             "active AND toUInt32(partition) < %llu",
             c->database, ch_local(c), (unsigned long long)month_number(before));
    for (int i = 0; i < MONTHS_MAX && rc == 0; i++) {
        rc = ch_number(c, n, oldest, &month, e);
        if (rc < 0 || month == 0 || month == last) /* the same again: another replica does it, or will */
            break;
        snprintf(sql, sizeof(sql), "ALTER TABLE %s DROP PARTITION %llu", ch_local(c), (unsigned long long)month);
        last = month;
        rc = ch_exec(c, n, sql, e);
    }
    return rc;
}

static int rows_drop(struct ch *c, const struct ch_node *n, const struct ch_ages *a, struct err *e)
{
    struct buf sql;

    buf_init(&sql, CH_SQL_BYTES);
    buf_fmt(&sql, "ALTER TABLE %s DELETE WHERE ", ch_local(c));
    meant(a, &sql);
    int rc = sql.failed ? ERR(e, -ENOMEM, "journal.no_memory") : ch_exec(c, n, sql.p, e);
    buf_done(&sql);
    return rc;
}

/* *told: a replica has been given the mutation, the others get it from there. */
static int node_delete(struct ch *c, struct ch_node *n, const struct ch_ages *a, bool ask, bool *told, uint64_t *left,
                       struct err *e)
{
    int rc = n->ready ? 0 : ch_node_setup(c, n, e);

    *left = 0;
    if (rc == 0)
        rc = rows_left(c, n, a, left, e);
    if (rc < 0 || *left == 0 || !ask)
        return rc;
    rc = a->all > 0 ? months_drop(c, n, a->all, e) : 0;
    if (rc == 0)
        rc = rows_left(c, n, a, left, e);
    if (rc == 0 && *left > 0 && !*told) {
        rc = rows_drop(c, n, a, e);
        *told = rc == 0 && n->replicated;
    }
    return rc;
}

int ch_delete(struct ch *c, size_t shard, const struct ch_ages *ages, bool ask, uint64_t *left, struct err *e)
{
    struct ch_shard *s = &c->shard[shard];
    bool told = false;
    int best = -EHOSTUNREACH;

    *left = 0;
    for (size_t r = 0; r < s->n; r++) {
        uint64_t here = 0;
        int rc = node_delete(c, &s->node[(s->first + r) % s->n], ages, ask, &told, &here, e);
        if (rc == 0 && here > *left)
            *left = here;
        if (rc == -ECANCELED || rc == -EBADMSG)
            return rc;
        best = rc == 0 ? 0 : best;
    }
    return best;
}
