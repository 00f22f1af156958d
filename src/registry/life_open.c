/* What a step of a life cycle leaves to be seen to (`opens` in the schema): a row
 * in life_open while it stands, which a state check of the packs reads. Written
 * in the transaction of the step; its number is that of the step's history row.
 *
 * until: the states that end it, each with a space on either side; empty: every
 * state but the one that the step led to. */
#include "registry/registry-int.h"
#include <errno.h>

enum { VIA_MAX = 8 };

int life_open_table(struct tx *tx, struct err *e)
{
    int rc =
        tx_exec(tx,
                "CREATE TABLE IF NOT EXISTS life_open (id BIGINT PRIMARY KEY, kind TEXT NOT NULL, record_id BIGINT"
                " NOT NULL, record_key TEXT NOT NULL, state TEXT NOT NULL, until TEXT NOT NULL, step TEXT NOT NULL,"
                " at BIGINT NOT NULL, by_name TEXT NOT NULL, unit_id BIGINT, what_vi TEXT NOT NULL, what_en TEXT"
                " NOT NULL, clauses TEXT NOT NULL)",
                NO_VALS, NULL, e);

    return rc < 0 ? rc
                  : tx_exec(tx, "CREATE INDEX IF NOT EXISTS life_open_record ON life_open (kind, record_id)", NO_VALS,
                            NULL, e);
}

/* Whose it is: the record's unit, or that of the record it is seen with. */
static int unit_of(struct write *w, const struct rec *rec, struct val *unit, struct err *e)
{
    const struct kind *k = rec->k;
    size_t at = k->unit_field != SIZE_MAX ? k->unit_field : k->via_field;
    char sql[256];
    int rc = 1;

    *unit = str_eq(k->name, STR("unit")) ? V_INT(rec->id) : at == SIZE_MAX ? V_NULL : rec->v[at];
    for (int n = 0; n < VIA_MAX && rc > 0 && k->unit_field == SIZE_MAX && k->via_field != SIZE_MAX; n++) {
        k = schema_kind(w->r->sc, k->fields[k->via_field].ref_kind);
        at = k->unit_field != SIZE_MAX ? k->unit_field : k->via_field;
        if (unit->type != VAL_INT || at == SIZE_MAX)
            return 0;
        struct val id = *unit;
        snprintf(sql, sizeof(sql), "SELECT \"%.*s_id\" FROM \"%.*s\" WHERE id = ?1", STR_ARGS(k->fields[at].name),
                 STR_ARGS(k->name));
        *unit = V_NULL;
        rc = tx_one(w->tx, NULL, sql, &id, 1, unit, e);
    }
    return rc < 0 ? rc : 0;
}

static str until_text(struct arena *a, const struct transition *t)
{
    struct buf b;

    buf_init(&b, 4096);
    for (size_t i = 0; i < t->nopens_until; i++)
        buf_fmt(&b, " %.*s ", STR_ARGS(t->opens_until[i]));
    str s = arena_str(a, buf_view(&b));
    buf_done(&b);
    return s;
}

int life_open_ended(struct write *w, const struct rec *rec, struct err *e)
{
    return tx_defer(w->tx, "DELETE FROM life_open WHERE kind = ?1 AND record_id = ?2",
                    VALS(V_STR(rec->k->name), V_INT(rec->id)), e);
}

int life_open_step(struct write *w, const struct transition *t, const struct rec *fresh, struct err *e)
{
    struct val unit;
    int rc = tx_defer(w->tx,
                      "DELETE FROM life_open WHERE kind = ?1 AND record_id = ?2 AND ((until = '' AND state <> ?3) OR"
                      " until LIKE '% ' || ?3 || ' %')",
                      VALS(V_STR(fresh->k->name), V_INT(fresh->id), V_STR(fresh->state)), e);

    if (rc < 0 || t == NULL || t->opens.vi.n == 0)
        return rc;
    rc = unit_of(w, fresh, &unit, e);
    return rc < 0
               ? rc
               : tx_defer(w->tx,
                          "INSERT INTO life_open (id, kind, record_id, record_key, state, until, step, at, by_name,"
                          " unit_id, what_vi, what_en, clauses) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
                          " ?12, ?13)",
                          VALS(V_INT(w->seq), V_STR(fresh->k->name), V_INT(fresh->id), V_STR(rec_key(fresh)),
                               V_STR(fresh->state), V_STR(until_text(w->a, t)), V_STR(t->name),
                               V_INT(w->now / NS_PER_S), V_STR(w->who->name), unit, V_STR(t->opens.vi),
                               V_STR(t->opens.en), V_STR(clauses_text(w->a, t->clauses, t->nclauses))),
                          e);
}
