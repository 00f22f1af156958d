/* INSERTs whose end is not known. A server that loses its keeper in the middle of
 * one ("Unknown status, client must retry") shows the rows and keeps them for five
 * minutes, though the shard's log may not have them; the same rows sent again are
 * new to the log then and stand twice on that server. It looks for such parts of a
 * table when the table starts, so the table is started again. */
#include "journal/ch-int.h"
#include <errno.h>

enum { TABLES_BYTES = 64 << 10, AGAIN = 2 };

static int ask(const struct ch *c, const struct ch_node *n, const char *sql, struct buf *out, struct err *e)
{
    struct ch_call call = {.node = n, .sql = sql, .take = ch_take, .ctx = out};

    buf_clear(out);
    return ch_request(c, &call, e);
}

/* The keeper is asked before the table, so a part that comes meanwhile counts, and only costs a start. */
static int stray_parts(const struct ch *c, const struct ch_node *n, str table, str replica, uint64_t *parts,
                       struct err *e)
{
    struct buf sql;

    buf_init(&sql, CH_SQL_BYTES);
    buf_z(&sql, "SELECT count() FROM system.parts WHERE active AND database = ");
    ch_quote(&sql, str_c(c->database));
    buf_z(&sql, " AND table = ");
    ch_quote(&sql, table);
    buf_z(&sql, " AND name NOT IN (SELECT name FROM system.zookeeper WHERE path = '");
    buf_str(&sql, replica); /* as the server wrote it, escapes and all */
    buf_z(&sql, "/parts')");
    buf_byte(&sql, 0);
    int rc = sql.failed ? ERR(e, -ENOMEM, "journal.no_memory") : ch_number(c, n, sql.p, parts, e);
    buf_done(&sql);
    return rc;
}

static int table_settle(const struct ch *c, const struct ch_node *n, str table, str replica, struct err *e)
{
    char sql[256];
    uint64_t parts = 0;
    int rc = stray_parts(c, n, table, replica, &parts, e);

    if (rc < 0 || parts == 0)
        return rc;
    snprintf(sql, sizeof(sql), "SYSTEM RESTART REPLICA %s.%.*s", c->database, STR_ARGS(table));
    rc = ch_exec(c, n, sql, e);
    if (rc == 0)
        rc = stray_parts(c, n, table, replica, &parts, e);
    return rc < 0 ? rc : parts > 0 ? -EAGAIN : 0;
}

static int node_settle(const struct ch *c, const struct ch_node *n, struct err *e)
{
    char sql[192];
    uint64_t running = 0;
    struct buf tables;
    str rest, line, table;
    int rc = ch_number(c, n, "SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO %_local FORMAT %'",
                       &running, e);

    if (rc < 0 || running > 0)
        return rc < 0 ? rc : -EAGAIN;
    buf_init(&tables, TABLES_BYTES);
    snprintf(
        sql, sizeof(sql),
        "SELECT table, replica_path FROM system.replicas WHERE database = '%s' AND match(table, '^[a-z_]+_local$')",
        c->database);
    rc = ask(c, n, sql, &tables, e);
    rest = buf_view(&tables);
    while (rc == 0 && str_split(&rest, '\n', &line))
        if (line.n > 0 && str_split(&line, '\t', &table))
            rc = table_settle(c, n, table, line, e);
    buf_done(&tables);
    return rc;
}

void ch_settle(struct ch *c, size_t shard)
{
    struct ch_shard *s = &c->shard[shard];
    struct err e = {0};

    for (size_t r = 0; r < s->n; r++) {
        struct ch_node *n = &s->node[r];
        int64_t begin = clock_mono(c->clk);
        if (!n->unsure || begin < n->settle_due)
            continue;
        n->unsure = node_settle(c, n, &e) < 0;
        int64_t end = clock_mono(c->clk);
        n->settle_due =
            end + NS_PER_S + AGAIN * (end - begin); /* a node that hangs costs a third of the time at most */
    }
}
