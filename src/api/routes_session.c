/* Chapter "Session and accounts" of docs/api.md. */
#include "api/routes-int.h"
#include <errno.h>

static const uint32_t role_bits[] = {ROLE_ADMIN, ROLE_OPERATOR, ROLE_APPROVER, ROLE_UNIT_OFFICER, ROLE_AUDITOR};

json_t *roles_json(uint32_t roles)
{
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof(role_bits) / sizeof(*role_bits); i++)
        if (roles & role_bits[i])
            json_array_append_new(list, json_string(role_name(role_bits[i])));
    return list;
}

json_t *time_s_json(int64_t ns)
{
    char text[40];
    time_fmt(ns, 0, text, sizeof(text));
    return json_string(text);
}

static json_t *unit_json(struct request *rq)
{
    json_t *rec = NULL, *o;
    struct err e = {0};
    int64_t unit = rq->auth.actor.unit_id;
    str id = arena_fmt(&rq->a, "%lld", (long long)unit);

    if (unit == 0 || registry_get(rq->api->d.registry, &actor_system, STR("unit"), id, &rec, &e) < 0)
        return json_null();
    o = json_object();
    json_object_set(o, "id", json_object_get(rec, "id"));
    json_object_set(o, "key", json_object_get(rec, "key"));
    json_object_set(o, "title", json_object_get(rec, "title"));
    json_decref(rec);
    return o;
}

static json_t *person_name(struct request *rq)
{
    json_t *rec = NULL, *name;
    struct err e = {0};
    int64_t id;

    if (account_find(rq->api, rq->auth.actor.name, &id, &rec, &e) < 0)
        return json_from_str(rq->auth.actor.name);
    name = json_object_get(json_object_get(rec, "person"), "title");
    name = json_is_string(name) ? json_incref(name) : json_from_str(rq->auth.actor.name);
    json_decref(rec);
    return name;
}

json_t *session_json(struct request *rq, struct err *e)
{
    const struct auth *au = &rq->auth;
    json_t *o = json_object();

    json_object_set_new(o, "account", json_from_str(au->actor.name));
    json_object_set_new(o, "name", person_name(rq));
    json_object_set_new(o, "roles", roles_json(au->actor.roles));
    json_object_set_new(o, "unit", unit_json(rq));
    json_object_set_new(o, "must_change", json_boolean(au->must_change));
    json_object_set_new(o, "csrf", au->by_token ? json_null() : json_string(au->csrf));
    json_object_set_new(o, "expires_at", au->by_token ? json_null() : time_s_json(au->expires_ns));
    return o;
}

int route_session_post(struct request *rq, struct response *rs, struct err *e)
{
    str account = json_get_str(rq->json, "account"), password = json_get_str(rq->json, "password");
    struct login_policy p = api_policy(rq->api);
    struct auth *au = &rq->auth;
    char secret[65];
    int64_t id = 0;
    int rc = login_check(rq, account, password, true, &id, &au->must_change, e);

    if (rc == 0)
        rc = account_actor(rq->api, &rq->a, id, account, &au->actor, e);
    if (rc < 0)
        return rc;
    if (au->actor.roles == 0)
        return ERR(e, HTTP_ERR(403), "api.no_role");
    rc = session_new(rq, id, secret, e);
    if (rc < 0)
        return rc;
    csrf_of(str_c(secret), au->csrf);
    au->ok = true;
    au->expires_ns = rq->now + p.absolute_s * NS_PER_S;
    reply_header(rq, rs, "Set-Cookie", "luy_session=%s; Path=/; HttpOnly; Secure; SameSite=Strict", secret);
    return reply_json(rq, rs, 200, session_json(rq, e));
}

int route_session_get(struct request *rq, struct response *rs, struct err *e)
{
    return reply_json(rq, rs, 200, session_json(rq, e));
}

int route_session_delete(struct request *rq, struct response *rs, struct err *e)
{
    struct tx *tx;
    int rc = store_begin(registry_store(rq->api->d.registry), STORE_WRITE, &tx, e);

    if (rc < 0)
        return rc;
    rc = tx_exec(tx, "DELETE FROM api_session WHERE hash = ?1", VALS(V_Z(rq->auth.secret_hash)), NULL, e);
    if (rc < 0) {
        store_rollback(tx);
        return rc;
    }
    reply_header(rq, rs, "Set-Cookie", "luy_session=; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=0");
    return store_commit(tx, e);
}

/* A wrong old password counts like a wrong login: a stolen cookie is no way
 * around the limit. The other sessions of the account end. */
int route_password_post(struct request *rq, struct response *rs, struct err *e)
{
    str old = json_get_str(rq->json, "old"), new_ = json_get_str(rq->json, "new"), account = rq->auth.actor.name;
    struct login_policy p = api_policy(rq->api);
    struct err rule = {0};
    int64_t id = 0;
    bool must;
    struct tx *tx;
    int rc = login_check(rq, account, old, false, &id, &must, e);

    if (rc == HTTP_ERR(401)) {
        errs_pointer(&rq->errs, "/old", -EINVAL, "api.password.old_wrong", NULL, NULL);
        return ERR(e, -EINVAL, "api.password.old_wrong");
    }
    if (rc < 0)
        return rc;
    if (str_eq(old, new_))
        ERR(&rule, -EINVAL, "api.password.same");
    else
        password_judge(&p, account, old, new_, &rule);
    if (rule.code != 0) {
        err_at(&rule, "/new", 0, 0);
        errs_add(&rq->errs, &rule);
        *e = rule;
        return -EINVAL;
    }
    rc = login_set_password(rq, id, new_, e);
    if (rc < 0)
        return rc;
    rc = store_begin(registry_store(rq->api->d.registry), STORE_WRITE, &tx, e);
    if (rc < 0)
        return rc;
    rc = tx_exec(tx, "DELETE FROM api_session WHERE account_id = ?1 AND hash <> ?2",
                 VALS(V_INT(id), V_Z(rq->auth.secret_hash)), NULL, e);
    if (rc < 0) {
        store_rollback(tx);
        return rc;
    }
    return store_commit(tx, e);
}

struct logins {
    struct request *rq;
    json_t *items;
};

static bool add_login(void *ctx, const struct val *c, size_t n)
{
    struct logins *l = ctx;
    json_t *o = json_object();
    int64_t now = l->rq->now / NS_PER_S;
    bool locked = c[4].type == VAL_INT && c[4].i > now;

    json_object_set_new(o, "account_id", json_integer(c[0].i));
    json_object_set_new(o, "account", json_from_str(c[1].s));
    json_object_set_new(o, "name", json_from_str(c[1].s));
    json_object_set_new(o, "roles", json_array());
    json_object_set_new(o, "locked_until", locked ? time_s_json(c[4].i * NS_PER_S) : json_null());
    json_object_set_new(o, "failures", json_integer(c[5].type == VAL_INT ? c[5].i : 0));
    json_object_set_new(o, "must_change", json_boolean(c[2].i != 0));
    json_object_set_new(o, "last_login_at", c[3].type == VAL_INT ? time_s_json(c[3].i * NS_PER_S) : json_null());
    json_array_append_new(l->items, o);
    return n == 6;
}

int route_logins_get(struct request *rq, struct response *rs, struct err *e)
{
    struct logins l = {rq, json_array()};
    struct actor who;
    json_t *item, *rec;
    struct tx *tx;
    size_t i;
    int rc = store_begin(registry_store(rq->api->d.registry), STORE_READ, &tx, e);

    if (rc == 0) {
        rc = tx_query(
            tx,
            "SELECT l.account_id, l.account, l.must_change, l.last_login_at, f.locked_until, f.failures FROM login l"
            " LEFT JOIN login_failure f ON f.account = l.account ORDER BY l.account",
            NO_VALS, add_login, &l, e);
        store_rollback(tx);
    }
    json_array_foreach(l.items, i, item)
    {
        int64_t id = json_get_int(item, "account_id", 0);
        struct err lost = {0};
        if (rc == 0)
            rc = account_actor(rq->api, &rq->a, id, json_get_str(item, "account"), &who, e);
        if (rc == 0)
            json_object_set_new(item, "roles", roles_json(who.roles));
        if (rc == 0 && account_find(rq->api, json_get_str(item, "account"), &id, &rec, &lost) == 0) {
            json_t *title = json_object_get(json_object_get(rec, "person"), "title");
            if (json_is_string(title))
                json_object_set(item, "name", title);
            json_decref(rec);
        }
        json_object_del(item, "account_id");
    }
    if (rc < 0) {
        json_decref(l.items);
        return rc;
    }
    return reply_json(rq, rs, 200, json_pack("{s:o}", "items", l.items));
}

int route_logins_post(struct request *rq, struct response *rs, struct err *e)
{
    char password[ONE_TIME_PASSWORD_MAX];
    str account = json_get_str(rq->json, "account");
    int rc = api_login_reset(rq->api, account, password, e);

    if (rc == -ENOENT || rc == -EINVAL) {
        err_at(e, "/account", 0, 0);
        errs_add(&rq->errs, e);
        return e->code = -EINVAL;
    }
    if (rc < 0)
        return rc;
    struct buf b;
    buf_init(&b, 1024);
    quoted(&b, account);
    self_event(rq->api, 5, "event=login_reset account=%.*s by=%.*s src_ip=%.*s", (int)b.n, b.p,
               STR_ARGS(rq->auth.actor.name), STR_ARGS(rq->peer));
    buf_done(&b);
    return reply_json(rq, rs, 200, json_pack("{s:s}", "one_time_password", password));
}

int route_logins_unlock(struct request *rq, struct response *rs, struct err *e)
{
    int64_t id;
    struct buf b;
    int rc = account_find(rq->api, rq->arg[0], &id, NULL, e);

    if (rc == 0)
        rc = login_unlock(rq->api, rq->arg[0], e);
    if (rc < 0)
        return rc;
    buf_init(&b, 1024);
    quoted(&b, rq->arg[0]);
    self_event(rq->api, 5, "event=login_unlocked account=%.*s by=%.*s src_ip=%.*s", (int)b.n, b.p,
               STR_ARGS(rq->auth.actor.name), STR_ARGS(rq->peer));
    buf_done(&b);
    return 0;
}
