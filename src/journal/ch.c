/* Which nodes there are, and what goes into them. */
#include "journal/ch-int.h"
#include <errno.h>
#include <stdlib.h>

enum { NEXT_BYTES = CH_STREAMS_MAX * 128 };

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
    c->kind = cfg->kind;
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

static void event_put(struct buf *b, const struct event *ev)
{
    char scratch[64];

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

bool ch_batch_row(struct ch_batch *b, uint64_t seq, int64_t received)
{
    int month = month_of(received);
    int64_t day = received / (86400 * NS_PER_S);

    if (b->rows == CH_BATCH_ROWS || (b->rows > 0 && (b->buf.n >= CH_BATCH_BYTES || month != b->month)))
        return false;
    if (b->rows == 0) {
        b->first = seq;
        b->received = received;
        b->month = month;
    }
    b->last = seq;
    b->rows++;
    buf_u16(&b->buf, day < 0 ? 0 : day > UINT16_MAX ? UINT16_MAX : (uint16_t)day);
    buf_u64(&b->buf, seq);
    ch_put_string(&b->buf, b->relay != NULL ? str_c(b->relay) : (str){0});
    buf_u64(&b->buf, (uint64_t)received);
    return true;
}

bool ch_batch_add(struct ch_batch *b, uint64_t seq, const struct event *ev)
{
    if (!ch_batch_row(b, seq, ev->received_ns))
        return false;
    event_put(&b->buf, ev);
    return true;
}

/* -EALREADY: it has them. */
static int node_asked(const struct ch *c, const struct ch_node *n, const struct ch_batch *b, struct err *e)
{
    char sql[256];
    uint64_t rows = 0;

    if (n->replicated || !b->again)
        return 0;
    snprintf(sql, sizeof(sql), "SELECT count() FROM %s.%s WHERE seq >= %llu AND seq <= %llu", c->database, ch_local(c),
             (unsigned long long)b->first, (unsigned long long)b->last);
    int rc = ch_number(c, n, sql, &rows, e);
    return rc < 0 ? rc : rows > 0 ? -EALREADY : 0;
}

static int node_insert(struct ch *c, struct ch_node *n, struct ch_batch *b, struct err *e)
{
    char sql[64];
    struct ch_call call = {.node = n, .sql = sql, .body = buf_view(&b->buf)};
    int rc = n->ready ? 0 : ch_node_setup(c, n, e);

    snprintf(sql, sizeof(sql), "INSERT INTO %s FORMAT RowBinary", ch_local(c));
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
             "SELECT relay, max(seq) FROM %s.%s WHERE %s GROUP BY relay ORDER BY relay FORMAT RowBinary", c->database,
             ch_local(c), whose);
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
