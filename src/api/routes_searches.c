/* Searches that are kept, for oneself or for all, and exports that were taken. */
#include "api/query_env.h"
#include "api/routes-int.h"
#include <errno.h>

enum { SAVED_MAX = 500 };

static int in_tx(struct request *rq, enum store_mode mode, struct tx **tx, struct err *e)
{
    return store_begin(registry_store(rq->api->d.registry), mode, tx, e);
}

static bool saved_row(void *ctx, const struct val *v, size_t n)
{
    json_array_append_new(ctx,
                          json_pack("{s:I,s:o,s:o,s:b,s:o,s:b,s:o}", "id", (json_int_t)v[0].i, "name",
                                    json_from_str(v[1].s), "query", json_from_str(v[2].s), "shared", v[3].i != 0, "by",
                                    json_from_str(v[4].s), "own", v[5].i != 0, "changed_at", time_s_json(v[6].i)));
    return true;
}

int route_searches_get(struct request *rq, struct response *rs, struct err *e)
{
    json_t *list = json_array();
    struct tx *tx;
    int rc = in_tx(rq, STORE_READ, &tx, e);

    if (rc == 0) {
        rc = tx_query(tx,
                      "SELECT id, name, query, shared, by_name, CASE WHEN account_id = ?1 THEN 1 ELSE 0 END, changed_at"
                      " FROM query_saved WHERE account_id = ?1 OR shared = 1 ORDER BY name, id LIMIT ?2",
                      VALS(V_INT(rq->auth.actor.account_id), V_INT(2 * SAVED_MAX)), saved_row, list, e);
        store_rollback(tx);
    }
    if (rc < 0) {
        json_decref(list);
        return rc;
    }
    return reply_json(rq, rs, 200, json_pack("{s:o}", "items", list));
}

/* What is kept can be asked: a query with a mistake is refused as it would be then. */
static int saved_check(struct request *rq, str name, str text, struct err *e)
{
    struct query_world w = {0};
    struct query *q;
    int rc = query_world_init(&w, rq->api, &rq->a, rq->now, e);

    if (rc == 0)
        rc = query_world_parse(&w, &rq->a, text, &q, e);
    query_world_done(&w);
    if (rc == 0 && str_trim(name).n == 0)
        rc = ERR(e, HTTP_ERR(400), "api.search_name");
    return rc;
}

static int saved_write(struct request *rq, struct tx *tx, str name, str text, bool shared, json_t *out, struct err *e)
{
    const struct actor *who = &rq->auth.actor;
    struct val n = V_INT(0);
    int rc = tx_one(tx, &rq->a, "SELECT COUNT(*) FROM query_saved WHERE account_id = ?1", VALS(V_INT(who->account_id)),
                    &n, e);

    if (rc >= 0 && n.i >= SAVED_MAX)
        rc = ERR(e, HTTP_ERR(409), "api.searches_full", err_n(SAVED_MAX));
    if (rc >= 0)
        rc = tx_exec(
            tx,
            "INSERT INTO query_saved (account_id, by_name, name, query, shared, changed_at)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (account_id, name) DO UPDATE SET"
            " query = excluded.query, shared = excluded.shared, changed_at = excluded.changed_at",
            VALS(V_INT(who->account_id), V_STR(who->name), V_STR(name), V_STR(text), V_INT(shared), V_INT(rq->now)),
            NULL, e);
    if (rc >= 0)
        rc = tx_query(tx,
                      "SELECT id, name, query, shared, by_name, 1, changed_at FROM query_saved"
                      " WHERE account_id = ?1 AND name = ?2",
                      VALS(V_INT(who->account_id), V_STR(name)), saved_row, out, e);
    return rc < 0 ? rc : 0;
}

int route_searches_post(struct request *rq, struct response *rs, struct err *e)
{
    str name = str_trim(json_get_str(rq->json, "name")), text = json_get_str(rq->json, "query");
    bool shared = json_is_true(json_object_get(rq->json, "shared"));
    json_t *out;
    struct tx *tx;
    int rc = saved_check(rq, name, text, e);

    if (rc < 0 || (rc = in_tx(rq, STORE_WRITE, &tx, e)) < 0)
        return rc;
    out = json_array();
    rc = saved_write(rq, tx, name, text, shared, out, e);
    if (rc == 0)
        rc = store_commit(tx, e);
    else
        store_rollback(tx);
    if (rc == 0)
        rc = reply_json(rq, rs, 201, json_incref(json_array_get(out, 0)));
    json_decref(out);
    return rc;
}

static bool found_id(void *ctx, const struct val *v, size_t n)
{
    *(int64_t *)ctx = v[0].i;
    return true;
}

/* Another of one's own with that name would be lost without a word. */
static int name_free(struct request *rq, struct tx *tx, str name, int64_t id, struct err *e)
{
    int64_t has = 0;
    int rc = tx_query(tx, "SELECT id FROM query_saved WHERE account_id = ?1 AND name = ?2 AND id <> ?3",
                      VALS(V_INT(rq->auth.actor.account_id), V_STR(name), V_INT(id)), found_id, &has, e);

    if (rc >= 0 && has != 0)
        rc = ERR(e, HTTP_ERR(409), "api.search_name_used", err_s(name));
    return rc < 0 ? rc : 0;
}

static int saved_change(struct request *rq, struct tx *tx, int64_t id, json_t *out, struct err *e)
{
    int64_t own = rq->auth.actor.account_id, changed = 0;
    const json_t *shared = json_object_get(rq->json, "shared");
    struct val name = json_object_get(rq->json, "name") ? V_STR(str_trim(json_get_str(rq->json, "name"))) : V_NULL;
    struct val text = json_object_get(rq->json, "query") ? V_STR(json_get_str(rq->json, "query")) : V_NULL;
    int rc = name.type == VAL_NULL ? 0 : name_free(rq, tx, name.s, id, e);

    if (rc == 0)
        rc = tx_exec(
            tx,
            "UPDATE query_saved SET name = COALESCE(?3, name), query = COALESCE(?4, query),"
            " shared = COALESCE(?5, shared), changed_at = ?6 WHERE id = ?1 AND account_id = ?2",
            VALS(V_INT(id), V_INT(own), name, text, shared ? V_INT(json_is_true(shared)) : V_NULL, V_INT(rq->now)),
            &changed, e);
    if (rc >= 0 && changed == 0)
        rc = ERR(e, -ENOENT, "api.search_unknown");
    if (rc >= 0)
        rc = tx_query(tx, "SELECT id, name, query, shared, by_name, 1, changed_at FROM query_saved WHERE id = ?1",
                      VALS(V_INT(id)), saved_row, out, e);
    return rc < 0 ? rc : 0;
}

/* Another name, query, or sharing; only the owner. */
int route_searches_patch(struct request *rq, struct response *rs, struct err *e)
{
    const json_t *name = json_object_get(rq->json, "name"), *query = json_object_get(rq->json, "query");
    json_t *out;
    struct tx *tx;
    int64_t id;
    int rc;

    if (!str_i64(rq->arg[0], &id))
        return ERR(e, -ENOENT, "api.search_unknown");
    rc = saved_check(rq, name ? json_get_str(rq->json, "name") : STR("-"),
                     query ? json_get_str(rq->json, "query") : STR(""), e);
    if (rc < 0 || (rc = in_tx(rq, STORE_WRITE, &tx, e)) < 0)
        return rc;
    out = json_array();
    rc = saved_change(rq, tx, id, out, e);
    if (rc == 0)
        rc = store_commit(tx, e);
    else
        store_rollback(tx);
    if (rc == 0)
        rc = reply_json(rq, rs, 200, json_incref(json_array_get(out, 0)));
    json_decref(out);
    return rc;
}

/* The owner's own; an administrator takes away what was shared. */
int route_searches_delete(struct request *rq, struct response *rs, struct err *e)
{
    bool admin = (rq->auth.actor.roles & ROLE_ADMIN) != 0;
    int64_t id, gone = 0;
    struct tx *tx;
    int rc;

    if (!str_i64(rq->arg[0], &id))
        return ERR(e, -ENOENT, "api.search_unknown");
    if ((rc = in_tx(rq, STORE_WRITE, &tx, e)) < 0)
        return rc;
    rc = tx_exec(tx, "DELETE FROM query_saved WHERE id = ?1 AND (account_id = ?2 OR (shared = 1 AND ?3 = 1))",
                 VALS(V_INT(id), V_INT(rq->auth.actor.account_id), V_INT(admin)), &gone, e);
    if (rc == 0 && gone == 0)
        rc = ERR(e, -ENOENT, "api.search_unknown");
    if (rc < 0) {
        store_rollback(tx);
        return rc;
    }
    rs->status = 204;
    return store_commit(tx, e);
}

/* ---- exports ---- */

static bool export_row(void *ctx, const struct val *v, size_t n)
{
    json_array_append_new(ctx,
                          json_pack("{s:o,s:o,s:o,s:o,s:o,s:b,s:I,s:I,s:o}", "id", json_from_str(v[0].s), "by",
                                    json_from_str(v[1].s), "at", time_s_json(v[2].i), "query", json_from_str(v[3].s),
                                    "format", json_from_str(v[4].s), "whole", v[5].i != 0, "rows", (json_int_t)v[6].i,
                                    "bytes", (json_int_t)v[7].i, "sha256", json_from_str(v[8].s)));
    return true;
}

#define EXPORT_COLUMNS "id, by_name, at, query, format, whole, row_count, byte_count, sha256"

static int exports_read(struct request *rq, const char *sql, const struct val *p, size_t np, json_t *list,
                        struct err *e)
{
    struct tx *tx;
    int rc = in_tx(rq, STORE_READ, &tx, e);

    if (rc < 0)
        return rc;
    rc = tx_query(tx, sql, p, np, export_row, list, e);
    store_rollback(tx);
    return rc;
}

/* Everybody sees the own, administrators and auditors all. */
static bool sees_all(const struct request *rq) { return (rq->auth.actor.roles & (ROLE_ADMIN | ROLE_AUDITOR)) != 0; }

int route_exports_get(struct request *rq, struct response *rs, struct err *e)
{
    json_t *list = json_array();
    int rc = exports_read(rq,
                          "SELECT " EXPORT_COLUMNS " FROM query_export WHERE account_id = ?1 OR ?2 = 1"
                          " ORDER BY at DESC, id LIMIT 500",
                          VALS(V_INT(rq->auth.actor.account_id), V_INT(sees_all(rq))), list, e);

    if (rc == 0)
        rc = reply_json(rq, rs, 200, json_pack("{s:O}", "items", list));
    json_decref(list);
    return rc;
}

int route_export_get(struct request *rq, struct response *rs, struct err *e)
{
    json_t *list = json_array();
    int rc =
        exports_read(rq, "SELECT " EXPORT_COLUMNS " FROM query_export WHERE id = ?1 AND (account_id = ?2 OR ?3 = 1)",
                     VALS(V_STR(rq->arg[0]), V_INT(rq->auth.actor.account_id), V_INT(sees_all(rq))), list, e);

    if (rc == 0 && json_array_size(list) == 0)
        rc = ERR(e, -ENOENT, "api.export_unknown");
    if (rc == 0)
        rc = reply_json(rq, rs, 200, json_incref(json_array_get(list, 0)));
    json_decref(list);
    return rc;
}
