/* API tokens: a secret shown once, its hash kept, never more rights than the
 * account has. Chapter "Session and accounts" of docs/api.md. */
#include "api/routes-int.h"
#include "base/calendar.h"
#include "base/rand.h"
#include <errno.h>

static bool add_token(void *ctx, const struct val *c, size_t n)
{
    json_t *o = json_object();

    json_object_set_new(o, "id", json_integer(c[0].i));
    json_object_set_new(o, "name", json_from_str(c[1].s));
    json_object_set_new(o, "roles", roles_json((uint32_t)c[2].i));
    json_object_set_new(o, "created_at", time_s_json(c[3].i * NS_PER_S));
    json_object_set_new(o, "expires_on", c[4].type == VAL_TEXT ? json_from_str(c[4].s) : json_null());
    json_object_set_new(o, "last_used_at", c[5].type == VAL_INT ? time_s_json(c[5].i * NS_PER_S) : json_null());
    json_array_append_new(ctx, o);
    return n == 6;
}

int route_tokens_get(struct request *rq, struct response *rs, struct err *e)
{
    json_t *items;
    struct tx *tx;
    int rc = store_begin(registry_store(rq->api->d.registry), STORE_READ, &tx, e);

    if (rc < 0)
        return rc;
    items = json_array();
    rc = tx_query(tx,
                  "SELECT id, name, roles, created_at, expires_on, last_used_at FROM api_token WHERE account_id = ?1"
                  " ORDER BY id",
                  VALS(V_INT(rq->auth.actor.account_id)), add_token, items, e);
    store_rollback(tx);
    if (rc < 0) {
        json_decref(items);
        return rc;
    }
    return reply_json(rq, rs, 200, json_pack("{s:o}", "items", items));
}

static uint32_t token_roles(struct request *rq)
{
    json_t *list = json_object_get(rq->json, "roles"), *v;
    uint32_t own = rq->auth.actor.roles, roles = 0, bit;
    size_t i;
    char at[32];

    if (!json_is_array(list))
        return own;
    json_array_foreach(list, i, v)
    {
        snprintf(at, sizeof(at), "/roles/%zu", i);
        bit = 0;
        if (!role_parse(json_str(v), &bit) || !(bit & own))
            errs_pointer(&rq->errs, at, -EINVAL, "api.token_role", err_s(json_str(v)), NULL);
        roles |= bit;
    }
    if (roles == 0 && rq->errs.n == 0)
        errs_pointer(&rq->errs, "/roles", -EINVAL, "api.token_role", "", NULL);
    return roles;
}

static void check_token_end(struct request *rq, str expires)
{
    int64_t day;

    if (expires.p == NULL)
        return;
    if (!date_parse(expires, &day))
        errs_pointer(&rq->errs, "/expires_on", -EINVAL, "api.bad_date", NULL, NULL);
    else if (day < date_of(rq->now))
        errs_pointer(&rq->errs, "/expires_on", -EINVAL, "api.date_past", NULL, NULL);
}

enum { TOKENS_PER_ACCOUNT = 50 };

static int insert_token(struct request *rq, struct tx *tx, const char *hash, str name, uint32_t roles, str expires,
                        struct err *e)
{
    struct val count;
    int rc = tx_one(tx, &rq->a, "SELECT count(*) FROM api_token WHERE account_id = ?1",
                    VALS(V_INT(rq->auth.actor.account_id)), &count, e);

    if (rc < 0)
        return rc;
    if (count.i >= TOKENS_PER_ACCOUNT)
        return ERR(e, -EBUSY, "api.tokens_full", err_n(TOKENS_PER_ACCOUNT));
    return tx_exec(
        tx,
        "INSERT INTO api_token (hash, account_id, name, roles, created_at, expires_on) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        VALS(V_Z(hash), V_INT(rq->auth.actor.account_id), V_STR(name), V_INT(roles), V_INT(rq->now / NS_PER_S),
             expires.p != NULL ? V_STR(expires) : V_NULL),
        NULL, e);
}

int route_tokens_post(struct request *rq, struct response *rs, struct err *e)
{
    str name = str_trim(json_get_str(rq->json, "name")), expires = json_get_str(rq->json, "expires_on");
    uint32_t roles = token_roles(rq);
    char secret[69] = "luy_", hash[65];
    struct tx *tx;

    if (name.n == 0)
        errs_pointer(&rq->errs, "/name", -EINVAL, "api.member_missing", "name", NULL);
    check_token_end(rq, expires);
    if (rq->errs.n > 0)
        return ERR(e, -EINVAL, "api.bad_body");
    rand_hex(secret + 4, 32);
    secret_hash(str_c(secret), hash);
    int rc = store_begin(registry_store(rq->api->d.registry), STORE_WRITE, &tx, e);
    if (rc < 0)
        return rc;
    rc = insert_token(rq, tx, hash, name, roles, expires, e);
    if (rc < 0) {
        store_rollback(tx);
        return rc;
    }
    int64_t id = tx_last_id(tx);
    rc = store_commit(tx, e);
    if (rc < 0)
        return rc;
    self_event(rq->api, 5, "event=token_new account=%.*s src_ip=%.*s", STR_ARGS(rq->auth.actor.name),
               STR_ARGS(rq->peer));
    json_t *o = json_object();
    json_object_set_new(o, "id", json_integer(id));
    json_object_set_new(o, "name", json_from_str(name));
    json_object_set_new(o, "token", json_string(secret));
    return reply_json(rq, rs, 201, o);
}

int route_tokens_delete(struct request *rq, struct response *rs, struct err *e)
{
    int64_t id = 0, changed = 0;
    struct tx *tx;
    int rc;

    str_i64(rq->arg[0], &id);
    rc = store_begin(registry_store(rq->api->d.registry), STORE_WRITE, &tx, e);
    if (rc < 0)
        return rc;
    rc = tx_exec(tx, "DELETE FROM api_token WHERE id = ?1 AND account_id = ?2",
                 VALS(V_INT(id), V_INT(rq->auth.actor.account_id)), &changed, e);
    if (rc < 0 || changed == 0) {
        store_rollback(tx);
        return rc < 0 ? rc : ERR(e, -ENOENT, "api.no_token", err_s(rq->arg[0]));
    }
    return store_commit(tx, e);
}
