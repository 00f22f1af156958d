/* Results of checks, their parameters, and the look at every SQL text when
 * packs are loaded. Results are under judge.ps_lock. */
#include "judge/judge-int.h"
#include <errno.h>

const char *const check_state_names[] = {"unknown", "pass", "fail", "not_applicable"};

int check_tables_make(struct judge *j, struct err *e)
{
    j->table_names = arena_init(4 << 20);
    j->tables = j->reg == NULL ? NULL : schema_tables(registry_schema(j->reg), &j->table_names);
    return j->table_names.failed ? ERR(e, -ENOMEM, "base.no_memory", "judge") : 0;
}

int check_table(struct tx *tx, struct err *e)
{
    return tx_exec(tx,
                   "CREATE TABLE IF NOT EXISTS check_result (control TEXT PRIMARY KEY, state TEXT NOT NULL, offenders "
                   "BIGINT NOT NULL,"
                   " unknowns BIGINT NOT NULL, checked_at BIGINT NOT NULL, ms BIGINT NOT NULL, error_vi TEXT NOT NULL,"
                   " error_en TEXT NOT NULL)",
                   NO_VALS, NULL, e);
}

/* ---- results ---- */

struct result *result_of(struct judge *j, str control, bool make)
{
    struct map_slot *s = make ? map_put(&j->results, control, NULL) : map_get(&j->results, control);

    if (s == NULL)
        return NULL;
    if (s->v.ptr == NULL)
        s->v.ptr = calloc(1, sizeof(struct result));
    return s->v.ptr;
}

static bool result_row(void *ctx, const struct val *v, size_t n)
{
    struct result *r = result_of(ctx, v[0].s, true);

    for (int k = 0; r != NULL && k < 4; k++)
        if (str_eq(v[1].s, str_c(check_state_names[k])))
            r->state = (enum check_state)k;
    if (r == NULL)
        return false;
    r->offenders = (uint64_t)v[2].i;
    r->unknowns = (uint64_t)v[3].i;
    r->checked_at = v[4].i;
    r->ms = v[5].i;
    int vi = snprintf(r->error, sizeof(r->error) / 2, "%.*s", STR_ARGS(v[6].s));
    r->error_en = vi < 0 ? 0 : strlen(r->error) + 1;
    snprintf(r->error + r->error_en, sizeof(r->error) - r->error_en, "%.*s", STR_ARGS(v[7].s));
    return true;
}

int checks_load(struct judge *j, struct err *e)
{
    struct tx *tx;
    int rc = store_begin(j->st, STORE_READ, &tx, e);

    if (rc < 0)
        return rc;
    rc =
        tx_query(tx, "SELECT control, state, offenders, unknowns, checked_at, ms, error_vi, error_en FROM check_result",
                 NO_VALS, result_row, j, e);
    store_rollback(tx);
    return rc < 0 ? rc : 0;
}

int result_write(struct judge *j, const struct control *c, const struct result *r, struct err *e)
{
    struct tx *tx;
    int rc = store_begin(j->st, STORE_WRITE, &tx, e);

    if (rc < 0)
        return rc;
    rc = term_check(j, tx, e);
    if (rc < 0) {
        store_rollback(tx);
        return rc;
    }
    rc = tx_exec(tx,
                 "INSERT INTO check_result (control, state, offenders, unknowns, checked_at, ms, error_vi, error_en)"
                 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (control) DO UPDATE SET state = excluded.state,"
                 " offenders = excluded.offenders, unknowns = excluded.unknowns, checked_at = excluded.checked_at, ms "
                 "= excluded.ms,"
                 " error_vi = excluded.error_vi, error_en = excluded.error_en",
                 VALS(V_STR(c->id), V_Z(check_state_names[r->state]), V_INT(r->offenders), V_INT(r->unknowns),
                      V_INT(r->checked_at), V_INT(r->ms), V_Z(r->error), V_Z(r->error + r->error_en)),
                 NULL, e);
    if (rc == 0)
        return store_commit(tx, e);
    store_rollback(tx);
    return rc;
}

/* ---- parameters ---- */

void check_params(struct judge *j, const struct control *c, struct named_val *v, size_t *n, char today[16])
{
    int64_t now = clock_wall(j->clk);
    int y, m, d;

    date_fmt(date_of(now), today, 16);
    civil_from_days(date_of(now), &y, &m, &d);
    *n = 0;
    v[(*n)++] = (struct named_val){"now", V_INT(now / NS_PER_S)};
    v[(*n)++] = (struct named_val){"today", V_Z(today)};
    v[(*n)++] = (struct named_val){"year", V_INT(y)};
    for (size_t i = 0; i < c->nparams; i++) {
        const struct param *p = &c->params[i];
        v[(*n)++] = (struct named_val){p->name, p->type == PARAM_INT    ? V_INT(p->i)
                                                : p->type == PARAM_REAL ? V_REAL(p->r)
                                                                        : V_STR(p->text)};
    }
}

struct foreign_query check_query(struct judge *j, const char *sql, const struct named_val *v, size_t n)
{
    return (struct foreign_query){.sql = sql,
                                  .params = v,
                                  .nparams = n,
                                  .tables = j->tables,
                                  .timeout_ms = j->cfg.sql_timeout_ms,
                                  .max_rows = CHECK_ROWS_MAX};
}

void result_error(struct result *r, const struct err *e)
{
    size_t n = err_sentence(e, LANG_VI, r->error, sizeof(r->error) / 2);

    r->error_en = n + 1;
    err_sentence(e, LANG_EN, r->error + r->error_en, sizeof(r->error) - r->error_en);
}

void result_put(struct judge *j, const struct control *c, struct result *fresh)
{
    pthread_mutex_lock(&j->ps_lock);
    struct result *r = result_of(j, c->id, true);
    if (r != NULL) {
        fresh->due_mono = r->due_mono;
        *r = *fresh;
    }
    j->checks_run++;
    pthread_mutex_unlock(&j->ps_lock);
}

/* ---- at load ---- */

static void verify_sql(struct judge *j, const struct control *c, const char *sql, uint32_t line,
                       const struct named_val *more, size_t nmore, struct errs *es)
{
    struct named_val v[CHECK_PARAMS + 2];
    char today[16];
    size_t n;
    struct err e = {0};

    if (sql == NULL)
        return;
    check_params(j, c, v, &n, today);
    for (size_t i = 0; i < nmore; i++)
        v[n++] = more[i];
    struct foreign_query q = check_query(j, sql, v, n);
    q.reads = c->state.reads;
    if (store_foreign_check(j->st, &q, &e) < 0) {
        err_at(&e, c->file, line, 1);
        errs_add(es, &e);
    }
}

static void verify_state(struct judge *j, struct packset *ps, struct control *c, struct errs *es)
{
    struct err e = {0};
    size_t n = 0;

    while (j->tables[n] != NULL)
        n++;
    if ((c->state.reads = arena_calloc(&ps->a, n, sizeof(bool))) == NULL) {
        ERR(&e, -ENOMEM, "base.no_memory", "judge");
        errs_add(es, &e);
        return;
    }
    verify_sql(j, c, c->state.applies, c->state.applies_line, NULL, 0, es);
    verify_sql(j, c, c->state.query, c->state.query_line, NULL, 0, es);
    /* A change set is no record, but what it did may be what is wrong; nor is what a step left. */
    if (schema_kind(registry_schema(j->reg), c->state.subject) == NULL &&
        !str_eq(c->state.subject, STR("change_set")) && !str_eq(c->state.subject, STR("life_open"))) {
        ERR(&e, -EINVAL, "judge.no_kind", S(c->state.subject));
        err_at(&e, c->file, c->line, c->col);
        errs_add(es, &e);
    }
}

static void verify_duty(struct judge *j, const struct control *c, struct errs *es)
{
    struct named_val range[] = {{"from", V_Z("2000-01-01")}, {"to", V_Z("2000-12-31")}};
    struct arena a = arena_init(1 << 20);

    verify_sql(j, c, c->duty.done, c->duty.done_line, range, 2, es);
    if (c->duty.where != NULL) {
        str sql = arena_fmt(&a, "SELECT unit.id FROM unit WHERE unit.valid_to IS NULL AND (%s)", c->duty.where);
        verify_sql(j, c, sql.p, c->duty.where_line, NULL, 0, es);
    }
    arena_free(&a);
}

void checks_verify(struct judge *j, struct packset *ps, struct errs *es)
{
    for (size_t i = 0; j->st != NULL && i < ps->ncontrols; i++) {
        if (ps->controls[i].kind == CK_STATE)
            verify_state(j, ps, &ps->controls[i], es);
        if (ps->controls[i].kind == CK_DUTY)
            verify_duty(j, &ps->controls[i], es);
    }
}
