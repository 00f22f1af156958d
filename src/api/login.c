/* Passwords and lockout. login_failure counts wrong passwords by the name that
 * was typed, whether such an account exists or not: so a stranger learns
 * nothing from being locked out, nor from the time an answer takes.
 * Thread: any; two argon2 computations at most run at once (memory). */
#include "api/api-int.h"
#include "base/calendar.h"
#include <errno.h>

enum { HASHING_MAX = 2, NAMES_MAX = 20000 };
const struct actor actor_system = {.name = {"luyd", 4}, .roles = ROLE_SYSTEM};

static const char *const tables[] = {
    "CREATE TABLE IF NOT EXISTS login (account_id INTEGER PRIMARY KEY, account TEXT NOT NULL UNIQUE, hash TEXT NOT "
    "NULL,"
    " must_change INTEGER NOT NULL, changed_at INTEGER NOT NULL, last_login_at INTEGER)",
    "CREATE TABLE IF NOT EXISTS login_failure (account TEXT PRIMARY KEY, failures INTEGER NOT NULL, since INTEGER NOT "
    "NULL,"
    " locked_until INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS api_session (hash TEXT PRIMARY KEY, account_id INTEGER NOT NULL,"
    " created_at INTEGER NOT NULL, seen_at INTEGER NOT NULL, address TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS api_session_account ON api_session (account_id)",
    "CREATE TABLE IF NOT EXISTS api_token (id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, account_id INTEGER NOT "
    "NULL,"
    " name TEXT NOT NULL, roles INTEGER NOT NULL, created_at INTEGER NOT NULL, expires_on TEXT, last_used_at INTEGER)",
    "CREATE TABLE IF NOT EXISTS query_saved (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, by_name TEXT NOT "
    "NULL,"
    " name TEXT NOT NULL, query TEXT NOT NULL, shared INTEGER NOT NULL, changed_at BIGINT NOT NULL,"
    " UNIQUE (account_id, name))",
    "CREATE TABLE IF NOT EXISTS query_export (id TEXT PRIMARY KEY, account_id INTEGER NOT NULL, by_name TEXT NOT NULL,"
    " at BIGINT NOT NULL, query TEXT NOT NULL, format TEXT NOT NULL, whole INTEGER NOT NULL, row_count BIGINT NOT NULL,"
    " byte_count BIGINT NOT NULL, sha256 TEXT NOT NULL)",
};

int api_tables(struct store *st, struct err *e)
{
    struct tx *tx;
    int rc = store_begin(st, STORE_WRITE, &tx, e);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
        rc = tx_exec(tx, tables[i], NO_VALS, NULL, e);
        if (rc < 0) {
            store_rollback(tx);
            return rc;
        }
    }
    rc = idempotency_table(tx, e);
    if (rc < 0) {
        store_rollback(tx);
        return rc;
    }
    return store_commit(tx, e);
}

static void hash_enter(struct api *api)
{
    pthread_mutex_lock(&api->hash_lock);
    while (api->hashing >= HASHING_MAX)
        pthread_cond_wait(&api->hash_free, &api->hash_lock);
    api->hashing++;
    pthread_mutex_unlock(&api->hash_lock);
}

static void hash_leave(struct api *api)
{
    pthread_mutex_lock(&api->hash_lock);
    api->hashing--;
    pthread_cond_signal(&api->hash_free);
    pthread_mutex_unlock(&api->hash_lock);
}

int hash_password(struct api *api, str password, char *out, size_t cap, struct err *e)
{
    hash_enter(api);
    int rc = password_hash(password, out, cap, e);
    hash_leave(api);
    return rc;
}

bool check_password(struct api *api, str password, str encoded)
{
    hash_enter(api);
    if (!api->have_dummy) { /* before any account is looked at, so it tells nobody apart */
        struct err e = {0};
        char hash[160];
        if (password_hash(STR("nobody"), hash, sizeof(hash), &e) == 0) {
            pthread_mutex_lock(&api->hash_lock);
            memcpy(api->dummy_hash, hash, sizeof(hash));
            api->have_dummy = true;
            pthread_mutex_unlock(&api->hash_lock);
        }
    }
    bool known = encoded.n > 0;
    bool fits = password_fits(password, known ? encoded : str_c(api->dummy_hash));
    hash_leave(api);
    return fits && known;
}

struct row {
    struct arena *a;
    struct val v[6];
    bool found;
};

static bool take_row(void *ctx, const struct val *cols, size_t n)
{
    struct row *r = ctx;
    r->found = true;
    for (size_t i = 0; i < n && i < 6; i++) {
        r->v[i] = cols[i];
        if (cols[i].type == VAL_TEXT)
            r->v[i].s = arena_str(r->a, cols[i].s);
    }
    return false;
}

static int one_row(struct store *st, struct arena *a, const char *sql, struct val p, struct row *out, struct err *e)
{
    struct tx *tx;
    int rc = store_begin(st, STORE_READ, &tx, e);

    *out = (struct row){.a = a};
    if (rc < 0)
        return rc;
    rc = tx_query(tx, sql, &p, 1, take_row, out, e);
    store_rollback(tx);
    return rc;
}

static int locked(struct request *rq, int64_t until, struct err *e)
{
    char when[40];
    time_fmt(until * NS_PER_S, 0, when, sizeof(when));
    return ERR(e, HTTP_ERR(423), "api.locked", when);
}

/* Counts one wrong password; the n-th within the window locks. */
static int count_failure(struct request *rq, struct tx *tx, str account, const struct login_policy *p,
                         int64_t *locked_until, struct err *e)
{
    int64_t now = rq->now / NS_PER_S, failures = 1, since = now;
    struct row r = {.a = &rq->a};
    struct val names;
    int rc = tx_query(tx, "SELECT failures, since, locked_until FROM login_failure WHERE account = ?1",
                      VALS(V_STR(account)), take_row, &r, e);

    *locked_until = 0;
    if (rc < 0)
        return rc;
    if (r.found && r.v[1].i + p->window_s > now && r.v[2].i == 0) {
        failures = r.v[0].i + 1;
        since = r.v[1].i;
    }
    if (failures >= (int64_t)p->failures)
        *locked_until = now + p->lock_s;
    rc = tx_exec(tx, "DELETE FROM login_failure WHERE since < ?1 AND locked_until < ?2",
                 VALS(V_INT(now - p->window_s), V_INT(now)), NULL, e);
    if (rc == 0)
        rc = tx_one(tx, &rq->a, "SELECT count(*) FROM login_failure", NO_VALS, &names, e);
    if (rc < 0 || (names.i >= NAMES_MAX && !r.found))
        return rc < 0 ? rc : 0; /* a flood of invented names is not kept, only answered */
    rc = tx_exec(tx, "DELETE FROM login_failure WHERE account = ?1", VALS(V_STR(account)), NULL, e);
    if (rc < 0)
        return rc;
    return tx_exec(tx, "INSERT INTO login_failure (account, failures, since, locked_until) VALUES (?1, ?2, ?3, ?4)",
                   VALS(V_STR(account), V_INT(failures), V_INT(since), V_INT(*locked_until)), NULL, e);
}

static int64_t lock_of(struct tx *tx, struct arena *a, str account, int64_t now)
{
    struct val v = V_NULL;
    struct err e = {0};
    int rc = tx_one(tx, a, "SELECT locked_until FROM login_failure WHERE account = ?1", VALS(V_STR(account)), &v, &e);
    return rc == 1 && v.i > now ? v.i : 0;
}

/* The verdict is written in one transaction that looks at the lock again: many
 * guesses at the same time do not pass the limit. */
static int settle(struct request *rq, str account, int64_t account_id, bool fits, int64_t *locked_until, struct err *e)
{
    struct login_policy p = api_policy(rq->api);
    int64_t now = rq->now / NS_PER_S;
    struct tx *tx;
    int rc = store_begin(registry_store(rq->api->d.registry), STORE_WRITE, &tx, e);

    if (rc < 0)
        return rc;
    *locked_until = lock_of(tx, &rq->a, account, now);
    if (*locked_until > 0) {
        store_rollback(tx);
        return locked(rq, *locked_until, e);
    }
    if (fits) {
        rc = tx_exec(tx, "DELETE FROM login_failure WHERE account = ?1", VALS(V_STR(account)), NULL, e);
        if (rc == 0)
            rc = tx_exec(tx, "UPDATE login SET last_login_at = ?1 WHERE account_id = ?2",
                         VALS(V_INT(now), V_INT(account_id)), NULL, e);
    } else {
        rc = count_failure(rq, tx, account, &p, locked_until, e);
    }
    if (rc < 0) {
        store_rollback(tx);
        return rc;
    }
    return store_commit(tx, e);
}

static void tell(struct request *rq, const char *event, int severity, str account, const char *more)
{
    struct buf b;
    buf_init(&b, 2048);
    buf_fmt(&b, "event=%s account=", event);
    quoted(&b, account);
    buf_fmt(&b, " src_ip=%.*s%s", STR_ARGS(rq->peer), more);
    self_event(rq->api, severity, "%.*s", (int)b.n, b.p);
    buf_done(&b);
}

static int refuse(struct request *rq, str account, int64_t locked_until, struct err *e)
{
    atomic_fetch_add(&rq->api->logins_failed, 1);
    tell(rq, "login_failed", 4, account, "");
    if (locked_until > 0) {
        atomic_fetch_add(&rq->api->lockouts, 1);
        tell(rq, "login_locked", 3, account, "");
    }
    return ERR(e, HTTP_ERR(401), "api.login_wrong");
}

int login_check(struct request *rq, str account, str password, bool login_now, int64_t *account_id, bool *must_change,
                struct err *e)
{
    struct store *st = registry_store(rq->api->d.registry);
    struct row login;
    struct tx *tx;
    int64_t until;
    int rc = store_begin(st, STORE_READ, &tx, e);

    if (rc < 0)
        return rc;
    until = lock_of(tx, &rq->a, account, rq->now / NS_PER_S);
    store_rollback(tx);
    if (until > 0) {
        tell(rq, "login_refused", 4, account, " reason=locked");
        return locked(rq, until, e);
    }
    rc = one_row(st, &rq->a, "SELECT account_id, hash, must_change FROM login WHERE account = ?1", V_STR(account),
                 &login, e);
    if (rc < 0)
        return rc;
    bool fits = check_password(rq->api, password, login.found ? login.v[1].s : STR_NONE);
    int64_t id = login.found ? login.v[0].i : 0;
    if (fits) {
        rc = account_alive(rq->api, account, id, e);
        if (rc < 0)
            return rc;
        fits = rc == 1; /* else ended, locked or disabled in the registry */
    }
    rc = settle(rq, account, id, fits, &until, e);
    if (rc < 0)
        return rc;
    if (!fits)
        return refuse(rq, account, until, e);
    if (login_now) {
        atomic_fetch_add(&rq->api->logins_ok, 1);
        tell(rq, "login_ok", 6, account, "");
    }
    *account_id = id;
    *must_change = login.v[2].i != 0;
    return 0;
}

static int write_login(struct store *st, int64_t id, str account, str hash, bool must_change, int64_t now,
                       struct err *e)
{
    struct tx *tx;
    int64_t changed = 0;
    int rc = store_begin(st, STORE_WRITE, &tx, e);

    if (rc < 0)
        return rc;
    rc =
        tx_exec(tx, "UPDATE login SET account = ?2, hash = ?3, must_change = ?4, changed_at = ?5 WHERE account_id = ?1",
                VALS(V_INT(id), V_STR(account), V_STR(hash), V_INT(must_change), V_INT(now)), &changed, e);
    if (rc == 0 && changed == 0) /* a name that another, ended account had is free again */
        rc = tx_exec(tx, "DELETE FROM login WHERE account = ?1", VALS(V_STR(account)), NULL, e);
    if (rc == 0 && changed == 0)
        rc = tx_exec(
            tx, "INSERT INTO login (account_id, account, hash, must_change, changed_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            VALS(V_INT(id), V_STR(account), V_STR(hash), V_INT(must_change), V_INT(now)), NULL, e);
    if (rc == 0)
        rc = tx_exec(tx, "DELETE FROM login_failure WHERE account = ?1", VALS(V_STR(account)), NULL, e);
    if (rc == 0 && must_change)
        rc = session_end_all(tx, id, e);
    if (rc < 0) {
        store_rollback(tx);
        return rc;
    }
    return store_commit(tx, e);
}

/* The declared account says so too: checks of the regulation read it there. */
static void declare_change(struct api *api, str account, bool must_change, int64_t now)
{
    json_t *rec = NULL, *out = NULL, *patch = json_object();
    struct err e = {0};
    struct errs es;
    char day[16];
    struct actor who = actor_system;

    errs_init(&es, 4);
    who.reason = STR("password");
    json_object_set_new(patch, "must_change", json_boolean(must_change));
    date_fmt(date_of(now), day, sizeof(day));
    if (!must_change)
        json_object_set_new(patch, "password_changed_on", json_string(day));
    int rc = registry_get(api->d.registry, &who, STR("account"), account, &rec, &e);
    if (rc == 0)
        rc = registry_change(api->d.registry, &who, STR("account"), account, json_get_int(rec, "rev", 0), patch, &out,
                             &es, &e);
    if (rc < 0)
        log_err(LOG_WARN, "account_not_updated", &e);
    json_decref(rec);
    json_decref(out);
    json_decref(patch);
    errs_done(&es);
}

int login_set_password(struct request *rq, int64_t account_id, str new_, struct err *e)
{
    char hash[160];
    str account = rq->auth.actor.name;
    int rc = hash_password(rq->api, new_, hash, sizeof(hash), e);

    if (rc == 0)
        rc = write_login(registry_store(rq->api->d.registry), account_id, account, str_c(hash), false,
                         rq->now / NS_PER_S, e);
    if (rc < 0)
        return rc;
    declare_change(rq->api, account, false, rq->now);
    tell(rq, "password_changed", 5, account, "");
    if (rq->api->d.hooks.password_changed != NULL)
        rq->api->d.hooks.password_changed(rq->api->d.hooks.ctx, account);
    return 0;
}

int api_login_reset(struct api *api, str account, char out[ONE_TIME_PASSWORD_MAX], struct err *e)
{
    char hash[160], password[ONE_TIME_PASSWORD_MAX];
    int64_t id, now = clock_wall(api->d.clock);
    int rc = account_find(api, account, &id, NULL, e);

    if (rc < 0)
        return rc;
    password_one_time(password);
    rc = hash_password(api, str_c(password), hash, sizeof(hash), e);
    if (rc == 0)
        rc = write_login(registry_store(api->d.registry), id, account, str_c(hash), true, now / NS_PER_S, e);
    if (rc < 0)
        return rc;
    declare_change(api, account, true, now);
    memcpy(out, password, sizeof(password));
    return 0;
}

int login_unlock(struct api *api, str account, struct err *e)
{
    struct tx *tx;
    int64_t changed = 0;
    int rc = store_begin(registry_store(api->d.registry), STORE_WRITE, &tx, e);

    if (rc < 0)
        return rc;
    rc = tx_exec(tx, "DELETE FROM login_failure WHERE account = ?1", VALS(V_STR(account)), &changed, e);
    if (rc < 0) {
        store_rollback(tx);
        return rc;
    }
    return store_commit(tx, e);
}

int api_login_count(struct api *api, uint64_t *n, struct err *e)
{
    struct arena a = arena_init(4096);
    struct row r;
    int rc = one_row(registry_store(api->d.registry), &a, "SELECT count(*) FROM login WHERE account_id > ?1", V_INT(-1),
                     &r, e);

    if (rc == 0)
        *n = (uint64_t)r.v[0].i;
    arena_free(&a);
    return rc;
}

int api_login_must_change(struct api *api, str account, bool *out, struct err *e)
{
    struct arena a = arena_init(4096);
    struct row r;
    int rc = one_row(registry_store(api->d.registry), &a, "SELECT must_change FROM login WHERE account = ?1",
                     V_STR(account), &r, e);

    if (rc == 0)
        *out = r.found && r.v[0].i != 0;
    arena_free(&a);
    return rc;
}
