/* Duties as they stand: who owes what for which period, and whether it was
 * done. `where` and `done` are foreign SQL and run only with the checks; views
 * read the table duty_run and the units as last asked. */
#include "judge/judge-int.h"
#include <errno.h>

enum { UNITS_MAX = 20000 };

int duty_table(struct tx *tx, struct err *e)
{
    return tx_exec(
        tx,
        "CREATE TABLE IF NOT EXISTS duty_run (duty TEXT NOT NULL, period_key TEXT NOT NULL, unit_id BIGINT NOT NULL,"
        " done_at BIGINT NOT NULL, done_by TEXT NOT NULL, note TEXT NOT NULL, by_check BIGINT NOT NULL,"
        " PRIMARY KEY (duty, period_key, unit_id))",
        NO_VALS, NULL, e);
}

void duty_units_free(struct duty_units *u)
{
    if (u == NULL)
        return;
    arena_free(&u->a);
    free(u->v);
    free(u);
}

/* ---- who owes it ---- */

static bool unit_add(struct duty_units *u, int64_t id, str key, str title)
{
    if (u->n == u->cap) {
        size_t cap = u->cap == 0 ? 16 : u->cap * 2;
        struct duty_unit *more = u->n >= UNITS_MAX ? NULL : reallocarray(u->v, cap, sizeof(*more));
        if (more == NULL)
            return false;
        u->v = more;
        u->cap = cap;
    }
    u->v[u->n++] = (struct duty_unit){id, arena_str(&u->a, key), arena_str(&u->a, title)};
    return true;
}

static bool unit_row(void *ctx, const char *const *names, const struct val *v, size_t n)
{
    return unit_add(ctx, v[0].i, v[1].type == VAL_TEXT ? v[1].s : STR(""), v[2].type == VAL_TEXT ? v[2].s : STR(""));
}

static int ask_units(struct judge *j, const struct control *c, struct duty_units *u, struct err *e)
{
    struct named_val v[CHECK_PARAMS];
    char today[16];
    size_t n;

    if (!c->duty.per_unit)
        return unit_add(u, 0, STR(""), STR("")) ? 0 : ERR(e, -ENOMEM, "base.no_memory", "duty");
    check_params(j, c, v, &n, today);
    str sql = arena_fmt(
        &u->a, "SELECT unit.id, unit.code, unit.name FROM unit WHERE unit.valid_to IS NULL AND (%s) ORDER BY unit.code",
        c->duty.where != NULL ? c->duty.where : "1 = 1");
    if (sql.p == NULL)
        return ERR(e, -ENOMEM, "base.no_memory", "duty");
    struct foreign_query q = check_query(j, sql.p, v, n);
    int rc = store_foreign(j->st, &q, unit_row, u, e);
    return rc < 0 ? rc : 0;
}

static void keep_units(struct judge *j, const struct control *c, struct duty_units *u)
{
    pthread_mutex_lock(&j->ps_lock);
    struct map_slot *s = map_put(&j->duty_units, c->id, NULL);
    if (s != NULL) {
        duty_units_free(s->v.ptr);
        s->v.ptr = u;
    } else {
        duty_units_free(u);
    }
    pthread_mutex_unlock(&j->ps_lock);
}

/* A copy, so that no SQL runs under the lock. */
struct duty_units *duty_units_copy(struct judge *j, const struct control *c)
{
    struct duty_units *u = NULL;

    pthread_mutex_lock(&j->ps_lock);
    struct map_slot *s = map_get(&j->duty_units, c->id);
    const struct duty_units *from = s == NULL ? NULL : s->v.ptr;
    if (from != NULL && (u = calloc(1, sizeof(*u))) != NULL) {
        u->a = arena_init(16 << 20);
        for (size_t i = 0; i < from->n; i++)
            unit_add(u, from->v[i].id, from->v[i].key, from->v[i].title);
    }
    pthread_mutex_unlock(&j->ps_lock);
    return u;
}

/* ---- done ---- */

struct done_set {
    int64_t *v;
    size_t n, cap;
    bool any;
};

static bool done_row(void *ctx, const char *const *names, const struct val *v, size_t n)
{
    struct done_set *d = ctx;

    d->any = true;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], "unit_id") != 0 || v[i].type != VAL_INT)
            continue;
        if (d->n == d->cap) {
            size_t cap = d->cap == 0 ? 64 : d->cap * 2;
            int64_t *more = reallocarray(d->v, cap, sizeof(*more));
            if (more == NULL)
                return false;
            d->v = more;
            d->cap = cap;
        }
        d->v[d->n++] = v[i].i;
    }
    return true;
}

static bool done_has(const struct done_set *d, const struct control *c, int64_t unit)
{
    if (!c->duty.per_unit)
        return d->any;
    for (size_t i = 0; i < d->n; i++)
        if (d->v[i] == unit)
            return true;
    return false;
}

/* What a check found done is kept, and taken back when it no longer is; what a
 * person entered stays. */
static int write_done(struct judge *j, const struct control *c, const struct duty_period *p, const struct duty_units *u,
                      const struct done_set *d, struct err *e)
{
    struct tx *tx;
    int rc = store_begin(j->st, STORE_WRITE, &tx, e);

    if (rc < 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < u->n; i++) {
        if (done_has(d, c, u->v[i].id))
            rc = tx_defer(
                tx,
                "INSERT INTO duty_run (duty, period_key, unit_id, done_at, done_by, note, by_check)"
                " VALUES (?1, ?2, ?3, ?4, ?5, '', 1) ON CONFLICT (duty, period_key, unit_id) DO NOTHING",
                VALS(V_STR(c->id), V_Z(p->key), V_INT(u->v[i].id), V_INT(clock_wall(j->clk)), V_Z(OWN_PROGRAM)), e);
        else
            rc = tx_defer(tx,
                          "DELETE FROM duty_run WHERE duty = ?1 AND period_key = ?2 AND unit_id = ?3 AND by_check = 1",
                          VALS(V_STR(c->id), V_Z(p->key), V_INT(u->v[i].id)), e);
    }
    if (rc == 0)
        return store_commit(tx, e);
    store_rollback(tx);
    return rc;
}

static int ask_done(struct judge *j, const struct control *c, const struct duty_period *p, const struct duty_units *u,
                    struct err *e)
{
    struct named_val v[CHECK_PARAMS + 2];
    struct done_set d = {0};
    char today[16], from[16], to[16];
    size_t n;

    check_params(j, c, v, &n, today);
    date_fmt(p->from, from, sizeof(from));
    date_fmt(p->to, to, sizeof(to));
    v[n++] = (struct named_val){"from", V_Z(from)};
    v[n++] = (struct named_val){"to", V_Z(to)};
    struct foreign_query q = check_query(j, c->duty.done, v, n);
    int rc = store_foreign(j->st, &q, done_row, &d, e);
    if (rc >= 0)
        rc = write_done(j, c, p, u, &d, e);
    free(d.v);
    return rc < 0 ? rc : 0;
}

/* ---- one check ---- */

static int remember_since(struct judge *j, const struct control *c, struct err *e)
{
    char key[120];
    struct tx *tx;
    int64_t day;

    snprintf(key, sizeof(key), "duty:%.*s", STR_ARGS(c->id));
    int rc = store_begin(j->st, STORE_WRITE, &tx, e);
    if (rc < 0)
        return rc;
    rc = meta_get(j, tx, key, &day, e);
    if (rc == 0)
        rc = meta_put(tx, key, date_of(clock_wall(j->clk)), e);
    if (rc >= 0)
        return store_commit(tx, e);
    store_rollback(tx);
    return rc;
}

static int check_run(struct judge *j, struct packset *ps, const struct control *c, struct err *e)
{
    struct duty_units *u = calloc(1, sizeof(*u));
    struct duty_period p[2];
    struct tx *tx;
    size_t n;

    if (u == NULL)
        return ERR(e, -ENOMEM, "base.no_memory", "duty");
    u->a = arena_init(16 << 20);
    int rc = remember_since(j, c, e);
    if (rc == 0)
        rc = ask_units(j, c, u, e);
    if (rc == 0)
        rc = store_begin(j->st, STORE_READ, &tx, e);
    if (rc == 0) {
        n = duty_periods(j, tx, c, p);
        store_rollback(tx);
        for (size_t i = 0; rc == 0 && c->duty.done != NULL && i < n; i++)
            rc = ask_done(j, c, &p[i], u, e);
    }
    if (rc < 0)
        duty_units_free(u);
    else
        keep_units(j, c, u);
    return rc;
}

int duty_check(struct judge *j, struct packset *ps, const struct control *c, struct err *e)
{
    int64_t mono = clock_mono(j->clk);
    struct result res = {.checked_at = clock_wall(j->clk), .state = CS_UNKNOWN};
    struct err why = {0};
    int rc = check_run(j, ps, c, &why);

    if (rc < 0)
        result_error(&res, &why);
    else if ((rc = duty_settle(j, ps, c, &res, e)) == 0)
        res.state = res.offenders > 0 ? CS_FAIL : CS_PASS;
    res.ms = (clock_mono(j->clk) - mono) / NS_PER_MS;
    result_put(j, c, &res);
    return why.code != 0 || rc == 0 ? result_write(j, c, &res, e) : rc;
}
