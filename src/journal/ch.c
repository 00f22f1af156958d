/* Which nodes there are, their tables, and what goes into them. */
#include "journal/ch-int.h"
#include <errno.h>
#include <stdlib.h>

/* ---- the nodes ---- */

static bool word(str s, size_t max)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '_'))
            return false;
    return s.n > 0 && s.n < max;
}

static int url_take(struct ch_shard *s, str url, struct err *e)
{
    url = str_trim(url);
    bool http = str_starts(url, STR("http://")) || str_starts(url, STR("https://"));
    if (!http || url.n >= CH_URL_MAX || str_find(url, STR("@")) != SIZE_MAX || str_find(url, STR("?")) != SIZE_MAX)
        return ERR(e, -EINVAL, "journal.ch_url", S(url));
    if (s->n == CH_REPLICAS_MAX)
        return ERR(e, -E2BIG, "journal.ch_many", N(CH_SHARDS_MAX), N(CH_REPLICAS_MAX));
    memcpy(s->node[s->n].url, url.p, url.n);
    s->node[s->n++].unsure = true; /* who sent before may have been killed */
    return 0;
}

static int nodes_take(struct ch *c, str nodes, struct err *e)
{
    str rest = nodes, shard, url;
    int rc = 0;

    while (rc == 0 && str_split(&rest, ';', &shard)) {
        if (c->n == CH_SHARDS_MAX)
            return ERR(e, -E2BIG, "journal.ch_many", N(CH_SHARDS_MAX), N(CH_REPLICAS_MAX));
        while (rc == 0 && str_split(&shard, ',', &url))
            rc = url_take(&c->shard[c->n], url, e);
        c->n++;
    }
    if (rc == 0 && c->n == 0)
        rc = ERR(e, -EINVAL, "journal.ch_url", "");
    return rc;
}

static void text_take(char *out, size_t cap, str s)
{
    if (s.n > 0)
        snprintf(out, cap, "%.*s", STR_ARGS(s));
}

int ch_open(const struct ch_cfg *cfg, const struct clock *clk, struct ch **out, struct err *e)
{
    struct ch *c = calloc(1, sizeof(*c));
    int rc = 0;

    if (c == NULL)
        return ERR(e, -ENOMEM, "journal.no_memory");
    c->clk = clk;
    if (!word(cfg->database, sizeof(c->database)))
        rc = ERR(e, -EINVAL, "journal.ch_name", S(cfg->database));
    else if (cfg->cluster.n > 0 && !word(cfg->cluster, sizeof(c->cluster)))
        rc = ERR(e, -EINVAL, "journal.ch_name", S(cfg->cluster));
    else
        rc = nodes_take(c, cfg->nodes, e);
    if (rc == 0 && cfg->cluster.n == 0 && (c->n > 1 || c->shard[0].n > 1))
        rc = ERR(e, -EINVAL, "journal.ch_cluster");
    if (rc < 0) {
        free(c);
        return rc;
    }
    text_take(c->database, sizeof(c->database), cfg->database);
    text_take(c->cluster, sizeof(c->cluster), cfg->cluster);
    text_take(c->user, sizeof(c->user), cfg->user);
    text_take(c->password, sizeof(c->password), cfg->password);
    *out = c;
    return 0;
}

void ch_close(struct ch *c)
{
    if (c != NULL)
        explicit_bzero(c->password, sizeof(c->password));
    free(c);
}

size_t ch_shards(const struct ch *c) { return c->n; }

void ch_stop_on(struct ch *c, const atomic_bool *stop) { c->stop = stop; }

const char *ch_table(const struct ch *c) { return c->cluster[0] != '\0' ? "event" : "event_local"; }

/* ---- tables ---- */

/* In the order of RowBinary (event_put). `spans` gives the event back exactly;
 * the texts beside it are what queries ask. */
#define COLUMNS                                                                                                        \
    "day Date, seq UInt64, relay String, received Int64, event Int64, transport UInt8, format UInt8, facility UInt8, " \
    "severity UInt8, flags UInt16, source_port UInt16, family UInt8, source FixedString(16), source_text String, "     \
    "host String, program String, pid String, msgid String, spans FixedString(48), msg_off UInt32, msg_len UInt32, "   \
    "raw String"

/* Of so many batches a replicated table knows the digest. By itself it forgets all but the last hundred, which a shard
 * that catches up leaves behind in seconds; an INSERT that a hanging server carries out later would stand twice. */
#define KNOWN_BATCHES "10000"

enum { NEXT_BYTES = CH_STREAMS_MAX * 128 };

static int table_local(struct ch *c, struct ch_node *n, struct err *e)
{
    char sql[2048];
    uint64_t macros = 0;
    int rc = ch_number(c, n, "SELECT count() FROM system.macros WHERE macro IN ('shard', 'replica')", &macros, e);

    if (rc < 0)
        return rc;
    n->replicated = macros == 2;
    char engine[160] = "MergeTree()";
    if (n->replicated)
        snprintf(engine, sizeof(engine), "ReplicatedMergeTree('/luy/%s/{shard}/event', '{replica}')", c->database);
    snprintf(sql, sizeof(sql),
             "CREATE TABLE IF NOT EXISTS %s.event_local (" COLUMNS ") ENGINE = %s PARTITION BY toYYYYMM(day)"
             " ORDER BY (event, seq) SETTINGS index_granularity = 8192%s",
             c->database, engine, n->replicated ? ", replicated_deduplication_window = " KNOWN_BATCHES : "");
    return ch_exec(c, n, sql, e);
}

static int table_all(struct ch *c, const struct ch_node *n, struct err *e)
{
    char sql[2048];

    if (c->cluster[0] == '\0')
        return 0;
    snprintf(sql, sizeof(sql),
             "CREATE TABLE IF NOT EXISTS %s.event (" COLUMNS ") ENGINE = Distributed(%s, %s, event_local)", c->database,
             c->cluster, c->database);
    return ch_exec(c, n, sql, e);
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

/* ---- rows ---- */

void ch_batch_init(struct ch_batch *b)
{
    *b = (struct ch_batch){0};
    buf_init(&b->buf, CH_BATCH_BYTES + EVENT_RAW_MAX * 4);
}

void ch_batch_done(struct ch_batch *b) { buf_done(&b->buf); }

void ch_batch_clear(struct ch_batch *b)
{
    buf_clear(&b->buf);
    b->rows = 0;
    b->relay = NULL;
    b->again = b->had = false;
}

static int month_of(int64_t ns)
{
    int y, m, d;

    civil_from_days(ns / (86400 * NS_PER_S), &y, &m, &d);
    return y * 12 + m;
}

static void event_put(struct buf *b, uint64_t seq, const char *relay, const struct event *ev)
{
    char scratch[64];
    int64_t day = ev->received_ns / (86400 * NS_PER_S);

    buf_u16(b, day < 0 ? 0 : day > UINT16_MAX ? UINT16_MAX : (uint16_t)day);
    buf_u64(b, seq);
    ch_put_string(b, relay != NULL ? str_c(relay) : (str){0});
    buf_u64(b, (uint64_t)ev->received_ns);
    buf_u64(b, (uint64_t)ev->event_ns);
    buf_byte(b, ev->transport);
    buf_byte(b, ev->format);
    buf_byte(b, ev->facility);
    buf_byte(b, ev->severity);
    buf_u16(b, ev->flags);
    buf_u16(b, ev->source_port);
    buf_byte(b, ev->source.family);
    buf_add(b, ev->source.b, sizeof(ev->source.b));
    ch_put_string(b, query_field_text(ev, QF_SOURCE, scratch));
    ch_put_string(b, event_field(ev, SP_HOST));
    ch_put_string(b, event_field(ev, SP_PROGRAM));
    ch_put_string(b, event_field(ev, SP_PID));
    ch_put_string(b, event_field(ev, SP_MSGID));
    for (int s = 0; s < SP_COUNT; s++) {
        buf_u32(b, ev->span[s].off);
        buf_u32(b, ev->span[s].len);
    }
    buf_u32(b, ev->span[SP_MSG].off);
    buf_u32(b, ev->span[SP_MSG].len);
    ch_put_string(b, ev->raw);
}

bool ch_batch_add(struct ch_batch *b, uint64_t seq, const struct event *ev)
{
    int month = month_of(ev->received_ns);

    if (b->rows == CH_BATCH_ROWS || (b->rows > 0 && (b->buf.n >= CH_BATCH_BYTES || month != b->month)))
        return false;
    if (b->rows == 0) {
        b->first = seq;
        b->received = ev->received_ns;
        b->month = month;
    }
    event_put(&b->buf, seq, b->relay, ev);
    b->last = seq;
    b->rows++;
    return true;
}

/* -EALREADY: it has them. */
static int node_asked(const struct ch *c, const struct ch_node *n, const struct ch_batch *b, struct err *e)
{
    char sql[256];
    uint64_t rows = 0;

    if (n->replicated || !b->again)
        return 0;
    snprintf(sql, sizeof(sql), "SELECT count() FROM %s.event_local WHERE seq >= %llu AND seq <= %llu", c->database,
             (unsigned long long)b->first, (unsigned long long)b->last);
    int rc = ch_number(c, n, sql, &rows, e);
    return rc < 0 ? rc : rows > 0 ? -EALREADY : 0;
}

static int node_insert(struct ch *c, struct ch_node *n, struct ch_batch *b, struct err *e)
{
    struct ch_call call = {.node = n, .sql = "INSERT INTO event_local FORMAT RowBinary", .body = buf_view(&b->buf)};
    int rc = n->ready ? 0 : ch_node_setup(c, n, e);

    if (rc == 0)
        rc = node_asked(c, n, b, e);
    b->had = rc == -EALREADY;
    if (b->had)
        return 0;
    if (rc == 0) {
        b->again = true;
        rc = ch_request(c, &call, e);
    }
    n->ready = rc == 0;
    n->unsure = n->unsure || (rc < 0 && n->replicated);
    return rc;
}

int ch_insert(struct ch *c, size_t shard, struct ch_batch *b, struct err *e)
{
    struct ch_shard *s = &c->shard[shard];
    int rc = -EHOSTUNREACH;

    if (b->rows == 0)
        return 0;
    if (b->buf.failed)
        return ERR(e, -ENOMEM, "journal.no_memory");
    for (size_t r = 0; r < s->n && (rc == -EHOSTUNREACH || rc == -EBADMSG); r++) {
        size_t at = (s->first + r) % s->n;
        rc = node_insert(c, &s->node[at], b, e);
        if (rc == 0)
            s->first = at;
    }
    return rc;
}

/* ---- whose a number is ---- */

uint64_t ch_spread_from(const struct ch_spread *s, size_t shard, uint64_t seq)
{
    uint64_t at = seq / s->window, over = (at + s->shards - shard) % s->shards;

    return over == 0 ? seq : (at + s->shards - over) * s->window;
}

uint64_t ch_spread_below(const struct ch_spread *s, size_t shard, uint64_t seq)
{
    uint64_t round = s->window * s->shards, rest = seq % round, begin = shard * s->window;
    uint64_t own = rest < begin ? 0 : rest - begin < s->window ? rest - begin : s->window;

    return seq / round * s->window + own;
}

/* Behind the newest event of those numbers that this node has, relay by relay. */
static int node_next(struct ch *c, struct ch_node *n, const char *whose, ch_next_fn *fn, void *ctx, struct err *e)
{
    struct buf got;
    char sql[320];
    struct ch_call call = {.node = n, .sql = sql, .take = ch_take, .ctx = &got};

    snprintf(sql, sizeof(sql),
             "SELECT relay, max(seq) FROM %s.event_local WHERE %s GROUP BY relay ORDER BY relay FORMAT RowBinary",
             c->database, whose);
    buf_init(&got, NEXT_BYTES);
    int rc = n->ready ? 0 : ch_node_setup(c, n, e);
    if (rc == 0)
        rc = ch_request(c, &call, e);
    rd r = rd_init(got.p, got.n);
    while (rc == 0 && rd_left(&r) > 0) {
        str relay = ch_rd_string(&r);
        uint64_t last = rd_u64le(&r);
        if (r.bad || last == UINT64_MAX)
            rc = ERR(e, -EBADMSG, "journal.ch_answer", n->url);
        else if ((rc = fn(ctx, relay, last + 1)) < 0)
            ERR(e, rc, "journal.ch_streams", N(CH_STREAMS_MAX));
    }
    buf_done(&got);
    return rc;
}

int ch_next_seq(struct ch *c, const struct ch_spread *s, size_t shard, ch_next_fn *fn, void *ctx, struct err *e)
{
    char whose[96];

    snprintf(whose, sizeof(whose), "intDiv(seq, %llu) %% %zu = %zu", (unsigned long long)s->window, s->shards, shard);
    for (size_t i = 0; i < c->n; i++) {
        int best = -EHOSTUNREACH;
        for (size_t r = 0; r < c->shard[i].n; r++) { /* a replica may be behind the others */
            int rc = node_next(c, &c->shard[i].node[r], whose, fn, ctx, e);
            best = rc == 0 || best != 0 ? rc : best;
        }
        if (best < 0)
            return best;
    }
    return 0;
}
