/* The tables of a ClickHouse set: for each kind of rows one a shard and one over all. */
#include "journal/ch_flow-int.h"
#include <errno.h>

/* In the order of RowBinary (ch_batch_row, event_put). `spans` gives the event back exactly;
 * the texts beside it are what queries ask. */
#define EVENT_COLUMNS                                                                                                  \
    "day Date, seq UInt64, relay String, received Int64, event Int64, transport UInt8, format UInt8, facility UInt8, " \
    "severity UInt8, flags UInt16, source_port UInt16, family UInt8, source FixedString(16), source_text String, "     \
    "host String, program String, pid String, msgid String, spans FixedString(48), msg_off UInt32, msg_len UInt32, "   \
    "raw String"

/* Of so many batches a replicated table knows the digest. By itself it forgets all but the last hundred, which a shard
 * that catches up leaves behind in seconds; an INSERT that a hanging server carries out later would stand twice. */
#define KNOWN_BATCHES "10000"

enum { TABLE_BYTES = 8192 };

static const struct {
    const char *all, *local, *order;
} tables[CH_KINDS] = {
    [CH_EVENTS] = {"event", "event_local", "event, seq"}, [CH_FLOWS] = {"flow", "flow_local", "at, seq"}};

const char *ch_local(const struct ch *c) { return tables[c->kind].local; }

const char *ch_table(const struct ch *c) { return c->cluster[0] != '\0' ? tables[c->kind].all : ch_local(c); }

static void columns_put(const struct ch *c, struct buf *sql)
{
    if (c->kind == CH_EVENTS)
        buf_z(sql, EVENT_COLUMNS);
    else
        ch_flow_columns(sql);
}

static int table_make(struct ch *c, const struct ch_node *n, struct buf *sql, struct err *e)
{
    buf_byte(sql, 0);
    int rc = sql->failed ? ERR(e, -ENOMEM, "journal.no_memory") : ch_exec(c, n, sql->p, e);
    buf_done(sql);
    return rc;
}

static int table_local(struct ch *c, struct ch_node *n, struct err *e)
{
    struct buf sql;
    uint64_t macros = 0;
    int rc = ch_number(c, n, "SELECT count() FROM system.macros WHERE macro IN ('shard', 'replica')", &macros, e);

    if (rc < 0)
        return rc;
    n->replicated = macros == 2;
    buf_init(&sql, TABLE_BYTES);
    buf_fmt(&sql, "CREATE TABLE IF NOT EXISTS %s.%s (", c->database, ch_local(c));
    columns_put(c, &sql);
    if (n->replicated)
        buf_fmt(&sql, ") ENGINE = ReplicatedMergeTree('/luy/%s/{shard}/%s', '{replica}')", c->database,
                tables[c->kind].all);
    else
        buf_z(&sql, ") ENGINE = MergeTree()");
    buf_fmt(&sql, " PARTITION BY toYYYYMM(day) ORDER BY (%s) SETTINGS index_granularity = 8192%s",
            tables[c->kind].order, n->replicated ? ", replicated_deduplication_window = " KNOWN_BATCHES : "");
    return table_make(c, n, &sql, e);
}

static int table_all(struct ch *c, const struct ch_node *n, struct err *e)
{
    struct buf sql;

    if (c->cluster[0] == '\0')
        return 0;
    buf_init(&sql, TABLE_BYTES);
    buf_fmt(&sql, "CREATE TABLE IF NOT EXISTS %s.%s (", c->database, tables[c->kind].all);
    columns_put(c, &sql);
    buf_fmt(&sql, ") ENGINE = Distributed(%s, %s, %s)", c->cluster, c->database, ch_local(c));
    return table_make(c, n, &sql, e);
}

/* Our database may not be there yet, and a request names one. */
static int database_make(struct ch *c, const struct ch_node *n, struct err *e)
{
    char sql[128], database[64];

    snprintf(sql, sizeof(sql), "CREATE DATABASE IF NOT EXISTS %s", c->database);
    memcpy(database, c->database, sizeof(database));
    snprintf(c->database, sizeof(c->database), "default");
    int rc = ch_exec(c, n, sql, e);
    memcpy(c->database, database, sizeof(database));
    return rc;
}

int ch_node_setup(struct ch *c, struct ch_node *n, struct err *e)
{
    int rc = database_make(c, n, e);

    if (rc == 0)
        rc = table_local(c, n, e);
    if (rc == 0)
        rc = table_all(c, n, e);
    n->ready = rc == 0;
    return rc;
}

int ch_setup(struct ch *c, struct err *e)
{
    int rc = 0;

    for (size_t s = 0; s < c->n && rc == 0; s++)
        for (size_t r = 0; r < c->shard[s].n && rc == 0; r++)
            rc = ch_node_setup(c, &c->shard[s].node[r], e);
    return rc;
}
