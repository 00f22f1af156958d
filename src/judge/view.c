/* What an actor may see: everything, or the subtree of one unit. Shared by the
 * views; each view reads in one transaction. */
#include "judge/judge-int.h"
#include <errno.h>

static str id_bytes(const int64_t *id) { return (str){(const char *)id, sizeof(*id)}; }

static bool unit_row(void *ctx, const struct val *v, size_t n)
{
    struct sight *s = ctx;
    int64_t id = v[0].i;

    return map_put(&s->units, id_bytes(&id), NULL) != NULL;
}

int sight_of(struct judge *j, struct tx *tx, const struct actor *who, struct sight *s, struct err *e)
{
    *s = (struct sight){0};
    map_init(&s->units, 1000000);
    if (who->roles & SEE_READ || (who->roles & ROLE_UNIT_OFFICER && who->unit_id == 0)) {
        s->all = true;
        return 0;
    }
    if (!(who->roles & ROLE_UNIT_OFFICER))
        return ERR(e, -EACCES, "judge.no_role");
    int rc = tx_query(tx,
                      "WITH RECURSIVE sub(id) AS (SELECT CAST(?1 AS BIGINT) UNION SELECT u.id FROM unit u JOIN sub ON "
                      "u.parent_id = sub.id)"
                      " SELECT id FROM sub",
                      VALS(V_INT(who->unit_id)), unit_row, s, e);
    return rc < 0 ? rc : 0;
}

void sight_done(struct sight *s) { map_done(&s->units); }

bool sight_has(struct sight *s, int64_t unit)
{
    return s->all || (unit != 0 && map_get(&s->units, id_bytes(&unit)) != NULL);
}

int view_begin(struct judge *j, const struct actor *who, struct tx **tx, struct sight *s, struct err *e)
{
    if (j->st == NULL)
        return ERR(e, -ENOTSUP, "judge.no_store");
    int rc = store_begin(j->st, STORE_READ, tx, e);
    if (rc < 0)
        return rc;
    if ((rc = sight_of(j, *tx, who, s, e)) < 0) {
        sight_done(s);
        store_rollback(*tx);
    }
    return rc;
}

void view_end(struct tx *tx, struct sight *s)
{
    sight_done(s);
    store_rollback(tx);
}
