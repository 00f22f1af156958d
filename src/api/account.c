/* Who an account is: its living record in the registry and the roles granted
 * to it. The registry is asked each time, so that a withdrawn role or an ended
 * account counts at once, in open sessions too. */
#include "api/api-int.h"
#include <errno.h>

int account_find(struct api *api, str key, int64_t *id, json_t **out, struct err *e)
{
    json_t *rec = NULL;
    int rc = registry_get(api->d.registry, &actor_system, STR("account"), key, &rec, e);

    if (rc < 0)
        return rc == -ENOENT ? ERR(e, -ENOENT, "api.no_account", err_s(key)) : rc;
    bool alive = json_is_null(json_object_get(rec, "valid_to")) || json_object_get(rec, "valid_to") == NULL;
    if (!alive || !str_eq(json_get_str(rec, "state"), STR("active")) || !str_eq(json_get_str(rec, "key"), key)) {
        json_decref(rec);
        return ERR(e, -EINVAL, "api.account_not_active", err_s(key));
    }
    *id = json_get_int(rec, "id", 0);
    if (out != NULL)
        *out = rec;
    else
        json_decref(rec);
    return 0;
}

int account_alive(struct api *api, str key, int64_t id, struct err *e)
{
    struct err why = {0};
    int64_t now_id = 0;
    int rc = account_find(api, key, &now_id, NULL, &why);

    if (rc == 0)
        return now_id == id;
    /* By the key, not the code: a store that fails shares its codes, and says nothing of the account. */
    if (why.key != NULL && (strcmp(why.key, "api.no_account") == 0 || strcmp(why.key, "api.account_not_active") == 0))
        return 0;
    *e = why;
    return rc;
}

/* An officer of one unit sees that unit's subtree; any wider role sees all. */
static void add_grant(struct actor *who, const json_t *grant)
{
    uint32_t bit = 0;

    if (!role_parse(json_get_str(grant, "role"), &bit) || (bit & ROLE_SYSTEM))
        return;
    int64_t unit = json_get_int(json_object_get(grant, "unit"), "id", 0);
    if (bit == ROLE_UNIT_OFFICER && unit == 0)
        return; /* an officer of no unit sees nothing */
    who->roles |= bit;
    if (bit == ROLE_UNIT_OFFICER && (who->unit_id == 0 || unit < who->unit_id))
        who->unit_id = unit; /* of several units: the one declared first */
}

int account_actor(struct api *api, struct arena *a, int64_t account_id, str account, struct actor *out, struct err *e)
{
    struct list_query q = {.nfilters = 1, .limit = 100};
    json_t *list = NULL, *grant;
    size_t i;
    int rc;

    q.filter[0].field = STR("account");
    q.filter[0].op = STR("eq");
    q.filter[0].value = arena_fmt(a, "%lld", (long long)account_id);
    *out = (struct actor){.name = arena_str(a, account), .account_id = account_id};
    rc = registry_list(api->d.registry, &actor_system, STR("role_grant"), &q, &list, e);
    if (rc < 0)
        return rc;
    json_array_foreach(json_object_get(list, "items"), i, grant) add_grant(out, grant);
    json_decref(list);
    return 0;
}
