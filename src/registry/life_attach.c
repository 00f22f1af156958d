/* What a step of a life cycle asks to be attached to the record (`attach` in the schema): so many records of a kind
 * that name it, in a state, with values, in date. */
#include "registry/late-int.h"
#include "base/calendar.h"
#include <errno.h>

struct cond {
    struct buf sql;
    struct val p[64];
    size_t np;
};

static size_t cond_param(struct cond *c, struct val v)
{
    c->p[c->np++] = v;
    return c->np;
}

static int cond_want(struct write *w, struct cond *c, const struct kind *t, const struct attach_want *x,
                     const struct rec *fresh, struct err *e)
{
    const struct field *f = kind_field(t, x->field);
    size_t mine = kind_field_at(fresh->k, x->other);
    char col[FIELD_COLS][COL_MAX], day[32];
    struct val v = V_NULL;
    int rc = 0;

    field_columns(f, col);
    switch (x->op) {
    case WANT_IS:
        if ((rc = value_parse(w->a, f, x->other, &v, e)) == 0)
            buf_fmt(&c->sql, " AND t.\"%s\" = ?%zu", col[0], cond_param(c, v));
        break;
    case WANT_IN_DATE:
        date_fmt(date_of(w->now), day, sizeof(day));
        buf_fmt(&c->sql, " AND (t.\"%s\" IS NULL OR t.\"%s\" >= ?%zu)", col[0], col[0],
                cond_param(c, V_STR(arena_str(w->a, str_c(day)))));
        break;
    case WANT_FILLED:
        buf_fmt(&c->sql, " AND t.\"%s\" IS NOT NULL", col[0]);
        break;
    case WANT_SINCE:
        if (fresh->v[mine].type != VAL_NULL)
            buf_fmt(&c->sql, " AND t.\"%s\" >= ?%zu", col[0], cond_param(c, fresh->v[mine]));
        break;
    case WANT_SAME:
        if (fresh->v[mine].type == VAL_NULL)
            buf_z(&c->sql, " AND 1 = 0");
        else
            buf_fmt(&c->sql, " AND t.\"%s\" = ?%zu", col[0], cond_param(c, fresh->v[mine]));
        break;
    }
    return rc;
}

/* How many are attached that count. */
static int attach_ask(struct write *w, const struct step_attach *x, const struct rec *fresh, struct cond *c,
                      struct err *e)
{
    const struct kind *t = schema_kind(w->r->sc, x->kind);
    int rc = 0;

    c->p[0] = V_INT(fresh->id);
    c->np = 1;
    buf_fmt(&c->sql, "SELECT COUNT(*) FROM \"%.*s\" t WHERE t.\"%.*s_id\" = ?1 AND t.valid_to IS NULL",
            STR_ARGS(t->name), STR_ARGS(x->by));
    for (size_t i = 0; i < x->nstates; i++)
        buf_fmt(&c->sql, "%s?%zu%s", i == 0 ? " AND t.state IN (" : ", ", cond_param(c, V_STR(x->states[i])),
                i + 1 == x->nstates ? ")" : "");
    for (size_t i = 0; i < x->nwants && rc == 0; i++)
        rc = cond_want(w, c, t, &x->wants[i], fresh, e);
    buf_byte(&c->sql, 0);
    return rc == 0 && c->sql.failed ? ERR(e, -ENOMEM, "registry.no_memory") : rc;
}

static void attach_mistake(struct arena *a, const struct transition *t, const struct step_attach *x, struct err *fe)
{
    bool own = x->nclauses > 0;

    ERR(fe, -EINVAL, "registry.life_attach", "", "",
        S(clauses_text(a, own ? x->clauses : t->clauses, own ? x->nclauses : t->nclauses)), S(x->kind));
    err_label(fe, 0, t->label.vi, t->label.en);
    err_label(fe, 1, x->label.vi, x->label.en);
}

struct late_attach {
    struct late_ask *l;
    const struct transition *t;
    const struct step_attach *x;
};

static bool late_attach_row(void *ctx, const struct val *cols, size_t n)
{
    struct late_attach *a = ctx;
    struct err *fe = cols[0].i < a->x->count ? late_mistake(a->l) : NULL;

    (void)n;
    if (fe != NULL)
        attach_mistake(&a->l->of->a, a->t, a->x, fe);
    return false;
}

static int attach_late(struct write *w, const struct transition *t, const struct step_attach *x,
                       const struct rec *fresh, const struct cond *c, struct err *e)
{
    struct late_attach *a = arena_new(&w->late->a, struct late_attach);
    struct late_ask *l = late_add(w, fresh->k, STR("state"), 0);

    if (a == NULL || l == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    *a = (struct late_attach){l, t, x};
    return tx_ask(w->tx, c->sql.p, c->p, c->np, late_attach_row, a, e);
}

int life_attach(struct write *w, const struct transition *t, const struct rec *fresh, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; i < t->nattach && rc == 0; i++) {
        const struct step_attach *x = &t->attach[i];
        struct val n = V_INT(0);
        struct cond c;
        struct err fe;
        buf_init(&c.sql, 16384);
        rc = attach_ask(w, x, fresh, &c, e);
        if (rc == 0 && late_now(w)) {
            rc = attach_late(w, t, x, fresh, &c, e);
        } else if (rc == 0 && (rc = tx_one(w->tx, NULL, c.sql.p, c.p, c.np, &n, e)) >= 0) {
            rc = 0;
            if (n.i < x->count) {
                attach_mistake(w->a, t, x, &fe);
                write_fault(w, STR("state"), &fe);
            }
        }
        buf_done(&c.sql);
    }
    return rc;
}
