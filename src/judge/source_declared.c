/* Declared sources (log_source records) and their silence, and the events that
 * Lũy makes of itself. Under judge.ev. */
#include "judge/judge-int.h"
#include "intake/syslog.h"
#include <errno.h>

enum { TELL_AGAIN_S = 300 };

/* ---- our own events ---- */

static void add_value(struct buf *b, str v)
{
    bool plain = v.n > 0;

    for (size_t i = 0; i < v.n; i++)
        plain = plain && v.p[i] > ' ' && v.p[i] != '"' && v.p[i] != '=' && v.p[i] != '\\' && v.p[i] != 0x7f;
    if (plain) {
        buf_str(b, v);
        return;
    }
    buf_byte(b, '"');
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] == '"' || v.p[i] == '\\')
            buf_byte(b, '\\');
        buf_byte(b, (unsigned char)v.p[i] < ' ' ? '?' : (uint8_t)v.p[i]);
    }
    buf_byte(b, '"');
}

void own_event(struct engine *en, const char *name, const char *const *keys, const str *values, size_t n)
{
    int64_t now = clock_wall(en->j->clk);
    struct event ev;
    struct buf b;
    char when[40];

    time_fmt(now, 6, when, sizeof(when));
    buf_init(&b, 8192);
    buf_fmt(&b, "<45>1 %s luyd " OWN_PROGRAM " - - - event=%s", when, name);
    for (size_t i = 0; i < n; i++) {
        buf_fmt(&b, " %s=", keys[i]);
        add_value(&b, str_sub(values[i], 0, 255));
    }
    str line = arena_str(&en->pend.a, buf_view(&b)); /* until the batch ends */
    buf_done(&b);
    if (line.p == NULL)
        return;
    syslog_parse(line, now, &ev);
    ev.transport = TP_SELF;
    engine_event(en, &ev, 0);
    en->j->events--; /* counts what came from outside */
}

/* ---- declared ---- */

struct declared *declared_of(struct sources *so, str host, str addr)
{
    struct map_slot *s = host.n == 0 ? NULL : map_get(&so->by_host, host);

    if (s == NULL && addr.n > 0)
        s = map_get(&so->by_addr, addr);
    if (s == NULL && addr.n > 0)
        s = map_get(&so->by_host, addr);
    return s == NULL ? NULL : &so->decl[s->v.num];
}

static bool declared_row(void *ctx, const struct val *v, size_t n)
{
    struct sources *so = ctx;
    struct declared *d = &so->decl[so->ndecl];
    struct duration every;

    d->id = v[0].i;
    d->name = arena_str(&so->a, v[1].s);
    d->host = arena_str(&so->a, v[2].s);
    d->addr = v[3].type == VAL_TEXT ? arena_str(&so->a, v[3].s) : STR("");
    d->unit_id = v[4].i;
    d->every = v[5].type == VAL_TEXT ? arena_str(&so->a, v[5].s) : STR("");
    if (duration_parse(d->every, &every))
        d->every_s = ((int64_t)every.months * 30 + every.days) * 86400 + every.seconds;
    /* created_at is a time column: seconds, or RFC 3339 text of an older table */
    if (v[6].type == VAL_INT)
        d->created_s = v[6].i;
    else if (v[6].type == VAL_TEXT && time_parse(v[6].s, &d->created_s))
        d->created_s /= NS_PER_S;
    struct map_slot *h = map_put(&so->by_host, d->host, NULL);
    if (h != NULL)
        h->v.num = (int64_t)so->ndecl;
    struct map_slot *a = d->addr.n == 0 ? NULL : map_put(&so->by_addr, d->addr, NULL);
    if (a != NULL)
        a->v.num = (int64_t)so->ndecl;
    return !so->a.failed && ++so->ndecl < DECLARED_MAX;
}

void declared_done(struct sources *so)
{
    map_done(&so->by_host);
    map_done(&so->by_addr);
    free(so->decl);
    so->decl = NULL;
    so->ndecl = 0;
    arena_clear(&so->a);
}

/* What was known of a source goes over to its new row. */
static void declared_keep(struct sources *so, const struct declared *old, size_t nold)
{
    for (size_t i = 0; i < so->ndecl; i++)
        for (size_t k = 0; k < nold; k++)
            if (old[k].id == so->decl[i].id) {
                so->decl[i].silent = old[k].silent;
                so->decl[i].since = old[k].since;
                so->decl[i].told_at = old[k].told_at;
                break;
            }
}

int declared_load(struct judge *j, struct err *e)
{
    struct sources *so = &j->so;
    struct declared *old = so->decl;
    size_t nold = so->ndecl;
    struct tx *tx;
    struct val count = {0};

    if (j->st == NULL || schema_kind(registry_schema(j->reg), STR("log_source")) == NULL)
        return 0;
    int rc = store_begin(j->st, STORE_READ, &tx, e);
    if (rc < 0)
        return rc;
    rc = tx_one(tx, &so->a, "SELECT count(*) FROM log_source WHERE valid_to IS NULL", NO_VALS, &count, e);
    struct declared *fresh = rc < 0 ? NULL : calloc((size_t)count.i + 1, sizeof(*fresh));
    if (fresh != NULL && count.i <= DECLARED_MAX) {
        so->decl = NULL; /* old is kept for a moment */
        declared_done(so);
        so->decl = fresh;
        rc = tx_query(tx,
                      "SELECT id, name, host, address, unit_id, expected_every, created_at FROM log_source"
                      " WHERE valid_to IS NULL ORDER BY id",
                      NO_VALS, declared_row, so, e);
        declared_keep(so, old, nold);
        free(old);
    } else {
        free(fresh);
    }
    store_rollback(tx);
    return rc < 0 ? rc : 0;
}

uint64_t source_events_24h(const struct source_entry *s, int64_t now)
{
    int64_t hour = now / (3600 * NS_PER_S);
    uint64_t n = 0;

    for (int64_t h = 0; h < 24; h++)
        if (s->hour - h > hour - 24 && s->hour != 0)
            n += s->hours[(s->hour - h + 24) % 24];
    return n;
}

/* A source is silent when neither it nor we began later than it should have spoken. */
static void judge_silence(struct judge *j, struct declared *d, int64_t now)
{
    static const char *const keys[] = {"source_name", "source_host", "last_seen_at", "expected_every"};
    int64_t from = d->last_at;
    char last[40] = "";

    if (d->created_s * NS_PER_S > from)
        from = d->created_s * NS_PER_S;
    if (!d->silent && j->so.started > from)
        from = j->so.started;
    bool silent = d->every_s > 0 && now - from > d->every_s * NS_PER_S;
    if (!silent) {
        if (d->silent)
            own_event(j->en, "log_source_back", keys, (const str[]){d->name, d->host}, 2);
        d->silent = false;
        return;
    }
    if (d->silent && now - d->told_at < TELL_AGAIN_S * NS_PER_S)
        return;
    if (!d->silent)
        d->since = now;
    d->silent = true;
    d->told_at = now;
    if (d->last_at != 0)
        time_fmt(d->last_at, 0, last, sizeof(last));
    own_event(j->en, "log_source_silent", keys, (const str[]){d->name, d->host, str_c(last), d->every}, 4);
}

void sources_judge(struct judge *j, int64_t now)
{
    struct sources *so = &j->so;
    struct map_slot *s;

    for (size_t i = 0; i < so->ndecl; i++) {
        so->decl[i].last_at = 0;
        so->decl[i].events_24h = 0;
    }
    for (size_t i = 0; (s = map_next(&so->seen, &i)) != NULL;) {
        struct source_entry *e = s->v.ptr;
        struct declared *d = declared_of(so, str_c(e->host), str_c(e->addr));
        if (d == NULL)
            continue;
        d->last_at = e->last_at > d->last_at ? e->last_at : d->last_at;
        d->events_24h += source_events_24h(e, now);
    }
    for (size_t i = 0; i < so->ndecl; i++)
        judge_silence(j, &so->decl[i], now);
    engine_batch_end(j->en);
}
