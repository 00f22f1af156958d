/* Sessions: a random secret in a cookie, its hash in the store, the CSRF value
 * derived from the secret so that nothing more is kept. Idle and absolute ends. */
#include "api/api-int.h"
#include "base/calendar.h"
#include "base/rand.h"
#include <errno.h>

enum { SEEN_EVERY_S = 60, SESSIONS_PER_ACCOUNT = 20 };

void secret_hash(str secret, char out[65]) { sha256_hex(sha256(secret), out); }

void csrf_of(str secret, char out[65]) { sha256_hex(sha256_2(STR("luy csrf "), secret), out); }

struct login_policy api_policy(struct api *api)
{
    pthread_rwlock_rdlock(&api->policy_lock);
    struct login_policy p = api->policy;
    pthread_rwlock_unlock(&api->policy_lock);
    return p;
}

int session_end_all(struct tx *tx, int64_t account_id, struct err *e)
{
    return tx_exec(tx, "DELETE FROM api_session WHERE account_id = ?1", VALS(V_INT(account_id)), NULL, e);
}

static int prune(struct tx *tx, int64_t account_id, int64_t now, const struct login_policy *p, struct err *e)
{
    int rc = tx_exec(tx, "DELETE FROM api_session WHERE seen_at < ?1 OR created_at < ?2",
                     VALS(V_INT(now - p->idle_s - SEEN_EVERY_S), V_INT(now - p->absolute_s)), NULL, e);
    if (rc < 0)
        return rc;
    return tx_exec(tx,
                   "DELETE FROM api_session WHERE account_id = ?1 AND hash NOT IN (SELECT hash FROM api_session"
                   " WHERE account_id = ?1 ORDER BY seen_at DESC, created_at DESC LIMIT ?2)",
                   VALS(V_INT(account_id), V_INT(SESSIONS_PER_ACCOUNT - 1)), NULL, e);
}

int session_new(struct request *rq, int64_t account_id, char secret[65], struct err *e)
{
    struct login_policy p = api_policy(rq->api);
    int64_t now = rq->now / NS_PER_S;
    char hash[65];
    struct tx *tx;
    int rc = store_begin(registry_store(rq->api->d.registry), STORE_WRITE, &tx, e);

    if (rc < 0)
        return rc;
    rand_hex(secret, 32);
    secret_hash(str_c(secret), hash);
    rc = prune(tx, account_id, now, &p, e);
    if (rc == 0)
        rc = tx_exec(
            tx, "INSERT INTO api_session (hash, account_id, created_at, seen_at, address) VALUES (?1, ?2, ?3, ?3, ?4)",
            VALS(V_Z(hash), V_INT(account_id), V_INT(now), V_STR(rq->peer)), NULL, e);
    if (rc < 0) {
        store_rollback(tx);
        return rc;
    }
    return store_commit(tx, e);
}

struct session_row {
    struct arena *a;
    int64_t account_id, created_at, seen_at;
    str account;
    bool must_change, found;
};

static bool take_session(void *ctx, const struct val *c, size_t n)
{
    struct session_row *r = ctx;
    r->account_id = c[0].i;
    r->created_at = c[1].i;
    r->seen_at = c[2].i;
    r->account = arena_str(r->a, c[3].s);
    r->must_change = c[4].i != 0;
    r->found = n == 5;
    return false;
}

static int read_session(struct api *api, const char *hash, struct session_row *out, struct err *e)
{
    struct tx *tx;
    int rc = store_begin(registry_store(api->d.registry), STORE_READ, &tx, e);

    if (rc < 0)
        return rc;
    rc = tx_query(tx,
                  "SELECT s.account_id, s.created_at, s.seen_at, l.account, l.must_change FROM api_session s"
                  " JOIN login l ON l.account_id = s.account_id WHERE s.hash = ?1",
                  VALS(V_Z(hash)), take_session, out, e);
    store_rollback(tx);
    return rc;
}

static void write_seen(struct api *api, const char *hash, int64_t now)
{
    struct err e = {0};
    struct tx *tx;

    if (store_begin(registry_store(api->d.registry), STORE_WRITE, &tx, &e) < 0)
        return;
    /* A session that began later than now, since the clock was set back, counts from now:
     * else it would live for as much longer. */
    if (tx_exec(
            tx,
            "UPDATE api_session SET seen_at = ?1, created_at = CASE WHEN created_at > ?1 THEN ?1 ELSE created_at END"
            " WHERE hash = ?2",
            VALS(V_INT(now), V_Z(hash)), NULL, &e) < 0)
        store_rollback(tx); /* a full disk: the session lives on until idle */
    else
        store_commit(tx, &e);
}

static bool over(const struct session_row *r, int64_t now, const struct login_policy *p)
{
    return !r->found || now >= r->seen_at + p->idle_s || now >= r->created_at + p->absolute_s;
}

/* The account must still be there, alive and with a role. */
static int who_is(struct request *rq, int64_t account_id, str account, struct err *e)
{
    struct auth *au = &rq->auth;
    int alive = account_alive(rq->api, account, account_id, e);

    if (alive < 0)
        return alive;
    if (alive == 0)
        return ERR(e, HTTP_ERR(401), "api.no_session");
    return account_actor(rq->api, &rq->a, account_id, account, &au->actor, e);
}

int session_resume(struct request *rq, str secret, struct err *e)
{
    struct login_policy p = api_policy(rq->api);
    struct session_row r = {.a = &rq->a};
    struct auth *au = &rq->auth;
    int64_t now = rq->now / NS_PER_S;

    if (secret.n != 64)
        return ERR(e, HTTP_ERR(401), "api.no_session");
    secret_hash(secret, au->secret_hash);
    int rc = read_session(rq->api, au->secret_hash, &r, e);
    if (rc < 0)
        return rc;
    if (over(&r, now, &p))
        return ERR(e, HTTP_ERR(401), "api.no_session");
    rc = who_is(rq, r.account_id, r.account, e);
    if (rc < 0)
        return rc;
    if (now - r.seen_at >= SEEN_EVERY_S || now < r.seen_at)
        write_seen(rq->api, au->secret_hash, now);
    csrf_of(secret, au->csrf);
    au->ok = true;
    au->must_change = r.must_change;
    au->expires_ns = ((r.created_at < now ? r.created_at : now) + p.absolute_s) * NS_PER_S;
    return 0;
}

struct token_row {
    struct arena *a;
    int64_t id, account_id, roles, last_used;
    str account, expires;
    bool must_change, found;
};

static bool take_token(void *ctx, const struct val *c, size_t n)
{
    struct token_row *r = ctx;
    r->id = c[0].i;
    r->account_id = c[1].i;
    r->roles = c[2].i;
    r->expires = c[3].type == VAL_TEXT ? arena_str(r->a, c[3].s) : STR_NONE;
    r->last_used = c[4].type == VAL_INT ? c[4].i : 0;
    r->account = arena_str(r->a, c[5].s);
    r->must_change = c[6].i != 0;
    r->found = n == 7;
    return false;
}

static int read_token(struct api *api, const char *hash, struct token_row *out, struct err *e)
{
    struct tx *tx;
    int rc = store_begin(registry_store(api->d.registry), STORE_READ, &tx, e);

    if (rc < 0)
        return rc;
    rc = tx_query(
        tx,
        "SELECT t.id, t.account_id, t.roles, t.expires_on, t.last_used_at, l.account, l.must_change FROM api_token t"
        " JOIN login l ON l.account_id = t.account_id WHERE t.hash = ?1",
        VALS(V_Z(hash)), take_token, out, e);
    store_rollback(tx);
    return rc;
}

static bool token_over(const struct token_row *r, int64_t now_ns)
{
    int64_t day;
    return !r->found || (r->expires.n > 0 && (!date_parse(r->expires, &day) || date_of(now_ns) > day));
}

static void token_used(struct api *api, int64_t id, int64_t now)
{
    struct err e = {0};
    struct tx *tx;

    if (store_begin(registry_store(api->d.registry), STORE_WRITE, &tx, &e) < 0)
        return;
    if (tx_exec(tx, "UPDATE api_token SET last_used_at = ?1 WHERE id = ?2", VALS(V_INT(now), V_INT(id)), NULL, &e) < 0)
        store_rollback(tx);
    else
        store_commit(tx, &e);
}

/* What a token may do: what its account may do now, and no more than was given. */
int token_resume(struct request *rq, str secret, struct err *e)
{
    struct token_row r = {.a = &rq->a};
    struct auth *au = &rq->auth;
    int64_t now = rq->now / NS_PER_S;

    if (secret.n != 68 || !str_starts(secret, STR("luy_")))
        return ERR(e, HTTP_ERR(401), "api.no_session");
    secret_hash(secret, au->secret_hash);
    int rc = read_token(rq->api, au->secret_hash, &r, e);
    if (rc < 0)
        return rc;
    if (token_over(&r, rq->now))
        return ERR(e, HTTP_ERR(401), "api.no_session");
    rc = who_is(rq, r.account_id, r.account, e);
    if (rc < 0)
        return rc;
    au->actor.roles &= (uint32_t)r.roles;
    if (now - r.last_used >= SEEN_EVERY_S || now < r.last_used)
        token_used(rq->api, r.id, now);
    au->ok = au->by_token = true;
    au->must_change = r.must_change;
    au->expires_ns = INT64_MAX;
    return 0;
}

bool auth_alive(struct api *api, const struct auth *au)
{
    struct login_policy p = api_policy(api);
    struct arena a = arena_init(16 * 1024);
    struct err e = {0};
    int64_t now = clock_wall(api->d.clock);
    bool alive;

    if (au->by_token) {
        struct token_row t = {.a = &a};
        alive = read_token(api, au->secret_hash, &t, &e) == 0 && !token_over(&t, now);
    } else {
        struct session_row s = {.a = &a};
        alive = read_session(api, au->secret_hash, &s, &e) == 0 && !over(&s, now / NS_PER_S, &p);
    }
    arena_free(&a);
    return alive;
}
