/* Sources of events: who sent when, and which declared source has fallen
 * silent. What happens to a source becomes an event of Lũy itself, judged at
 * once by the same rules. Under judge.ev. */
#include "judge/judge-int.h"
#include <errno.h>

enum { SAVE_S = 10, RELOAD_S = 15, SILENCE_S = 2, JUMP_AGAIN_S = 60, SAVE_ROWS = 2000 };

int source_table(struct tx *tx, struct err *e)
{
    return tx_exec(
        tx,
        "CREATE TABLE IF NOT EXISTS source_seen (host TEXT NOT NULL, address TEXT NOT NULL, first_at BIGINT NOT NULL,"
        " last_at BIGINT NOT NULL, events BIGINT NOT NULL, PRIMARY KEY (host, address))",
        NO_VALS, NULL, e);
}

/* ---- seen ---- */

/* The key is binary, so that a known source costs no printing of addresses. */
static str source_key(const struct source_entry *s, char *buf)
{
    size_t n = strlen(s->host);

    buf[0] = (char)s->ip.family;
    memcpy(buf + 1, s->ip.b, 16);
    memcpy(buf + 17, s->host, n);
    return (str){buf, 17 + n};
}

static void copy_field(char *to, size_t cap, str s)
{
    size_t n = s.n < cap - 1 ? s.n : cap - 1;

    for (size_t i = 0; i < n; i++)
        to[i] = (unsigned char)s.p[i] < 0x20 ? '?' : s.p[i];
    to[n] = '\0';
}

/* Of the next few, the one heard least lately: a flood of invented hosts must
 * not make every event walk the whole table. */
static void evict_stale(struct sources *so)
{
    struct source_entry *worst = NULL;
    struct map_slot *s;
    char key[256];

    for (int n = 0; n < 16; n++) {
        if ((s = map_next(&so->seen, &so->hand)) == NULL) {
            so->hand = 0;
            continue;
        }
        struct source_entry *e = s->v.ptr;
        if (worst == NULL || e->last_at < worst->last_at)
            worst = e;
    }
    if (worst == NULL)
        return;
    map_del(&so->seen, source_key(worst, key));
    free(worst);
    so->last = NULL;
    so->evicted++;
}

static struct source_entry *source_of(struct judge *j, const struct source_entry *want, bool *fresh)
{
    struct sources *so = &j->so;
    char key[256];
    str k = source_key(want, key);
    struct map_slot *s = map_get(&so->seen, k);

    *fresh = false;
    if (s != NULL)
        return s->v.ptr;
    if (so->seen.n >= SOURCES_MAX)
        evict_stale(so);
    struct source_entry *e = malloc(sizeof(*e));
    if (e == NULL || (s = map_put(&so->seen, k, NULL)) == NULL) {
        free(e);
        return NULL;
    }
    *e = *want;
    if (e->ip.family != 0)
        ip_fmt(e->ip, e->addr, sizeof(e->addr));
    s->v.ptr = e;
    *fresh = true;
    return e;
}

static void count_hour(struct source_entry *s, int64_t ns)
{
    int64_t hour = ns / (3600 * NS_PER_S);

    if (s->hour - hour >= 24) /* by a relay, days late: it is in no hour that is kept */
        return;
    if (hour - s->hour >= 24 || s->hour == 0)
        memset(s->hours, 0, sizeof(s->hours));
    else
        for (int64_t h = s->hour + 1; h <= hour; h++)
            s->hours[h % 24] = 0;
    if (hour > s->hour || s->hour == 0)
        s->hour = hour;
    s->hours[hour % 24]++;
}

int64_t source_unit(struct judge *j, str host, str addr)
{
    struct declared *d = declared_of(&j->so, host, addr);

    return d == NULL ? 0 : d->unit_id;
}

static void tell_source(struct engine *en, const char *event, const struct source_entry *s, const struct event *ev)
{
    static const char *const keys[] = {"source_name", "source_host", "src_ip", "event_at", "off_s"};
    char at[40], off[24];
    struct declared *d = declared_of(&en->j->so, str_c(s->host), str_c(s->addr));

    time_fmt(ev->event_ns, 0, at, sizeof(at));
    snprintf(off, sizeof(off), "%lld", (long long)((ev->event_ns - ev->received_ns) / NS_PER_S));
    str host = s->host[0] != '\0' ? str_c(s->host) : str_c(s->addr);
    own_event(en, event, keys, (const str[]){d == NULL ? host : d->name, host, str_c(s->addr), str_c(at), str_c(off)},
              5);
}

static bool same_source(const struct source_entry *s, str host, struct ip ip)
{
    return s != NULL && ip_cmp(s->ip, ip) == 0 && str_eq(str_c(s->host), host);
}

void source_seen(struct engine *en, const struct event *ev)
{
    struct sources *so = &en->j->so;
    struct source_entry want = {.first_at = ev->received_ns}, *s = so->last;
    str host = event_field(ev, SP_HOST);
    bool fresh = false;

    if (ev->transport == TP_SELF)
        return;
    if (!same_source(s, host, ev->source)) {
        copy_field(want.host, sizeof(want.host), host);
        if (ev->source.family != 0)
            want.ip = ev->source;
        if ((s = source_of(en->j, &want, &fresh)) == NULL)
            return;
        so->last = s;
    }
    if (ev->received_ns > s->last_at)
        s->last_at = ev->received_ns;
    s->events++;
    s->dirty = true;
    count_hour(s, ev->received_ns);
    if (fresh)
        tell_source(en, "source_first_seen", s, ev);
    if (ev->flags & EV_TIME_JUMP && (s->jump_at == 0 || ev->received_ns - s->jump_at > JUMP_AGAIN_S * NS_PER_S)) {
        s->jump_at = ev->received_ns;
        tell_source(en, "time_jump", s, ev);
    }
}

/* ---- keeping ---- */

static bool seen_row(void *ctx, const struct val *v, size_t n)
{
    struct judge *j = ctx;
    struct source_entry want = {.first_at = v[2].i, .last_at = v[3].i, .events = (uint64_t)v[4].i};
    bool fresh;

    copy_field(want.host, sizeof(want.host), v[0].s);
    if (v[1].s.n > 0)
        ip_parse(v[1].s, &want.ip);
    return source_of(j, &want, &fresh) != NULL;
}

int sources_open(struct judge *j, struct err *e)
{
    struct sources *so = &j->so;
    struct tx *tx;

    map_init(&so->seen, SOURCES_MAX + 1);
    map_init(&so->by_host, DECLARED_MAX);
    map_init(&so->by_addr, DECLARED_MAX);
    so->a = arena_init(64 << 20);
    so->started = clock_wall(j->clk);
    so->saved_mono = so->loaded_mono = clock_mono(j->clk);
    if (j->st == NULL)
        return 0;
    int rc = store_begin(j->st, STORE_READ, &tx, e);
    if (rc < 0)
        return rc;
    rc = tx_query(tx,
                  "SELECT host, address, first_at, last_at, events FROM source_seen ORDER BY last_at DESC LIMIT 65536",
                  NO_VALS, seen_row, j, e);
    store_rollback(tx);
    return rc < 0 ? rc : declared_load(j, e);
}

void sources_close(struct judge *j)
{
    struct sources *so = &j->so;
    struct map_slot *s;

    for (size_t i = 0; (s = map_next(&so->seen, &i)) != NULL;)
        free(s->v.ptr);
    map_done(&so->seen);
    declared_done(so);
    arena_free(&so->a);
}

static int sources_save(struct judge *j, struct err *e)
{
    struct tx *tx;
    struct map_slot *s;
    size_t n = 0;

    int rc = j->st == NULL ? -ENOENT : store_begin(j->st, STORE_WRITE, &tx, e);
    if (rc < 0)
        return j->st == NULL ? 0 : rc;
    for (size_t i = 0; rc == 0 && n < SAVE_ROWS && (s = map_next(&j->so.seen, &i)) != NULL;) {
        struct source_entry *en = s->v.ptr;
        if (!en->dirty)
            continue;
        rc = tx_exec(tx,
                     "INSERT INTO source_seen (host, address, first_at, last_at, events) VALUES (?1, ?2, ?3, ?4, ?5)"
                     " ON CONFLICT (host, address) DO UPDATE SET last_at = excluded.last_at, events = excluded.events",
                     VALS(V_Z(en->host), V_Z(en->addr), V_INT(en->first_at), V_INT(en->last_at), V_INT(en->events)),
                     NULL, e);
        en->dirty = rc < 0;
        n++;
    }
    if (rc == 0)
        return store_commit(tx, e);
    store_rollback(tx);
    return rc;
}

int sources_tick(struct judge *j, int64_t now, int64_t mono, struct err *e)
{
    struct sources *so = &j->so;
    int rc = 0;

    if (mono - so->loaded_mono >= RELOAD_S * NS_PER_S) {
        so->loaded_mono = mono;
        rc = declared_load(j, e);
    }
    if (mono - so->judged_mono >= SILENCE_S * NS_PER_S) {
        so->judged_mono = mono;
        sources_judge(j, now);
    }
    if (rc == 0 && mono - so->saved_mono >= SAVE_S * NS_PER_S) {
        so->saved_mono = mono;
        rc = sources_save(j, e);
    }
    return rc;
}
