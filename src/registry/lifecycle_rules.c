/* Invariants as SQL of the schema: asked once the row is written, in the same
 * transaction, so that SQL sees what would be; with a mistake all is taken back.
 * The text is an administrator's and is parsed as a reader's when the registry
 * opens: it can look and do nothing else. */
#include "registry/late-int.h"
#include "base/calendar.h"
#include <ctype.h>
#include <errno.h>

/* :id, :today, :now to ?1.. in the order of their first use. */
static const char *const names[] = {"id", "today", "now"};
enum { NAMES = 3 };

struct bound {
    struct buf sql;
    struct val p[NAMES];
    size_t np, number[NAMES];
};

static size_t name_at(str s)
{
    for (size_t i = 0; i < NAMES; i++) {
        size_t n = strlen(names[i]);
        if (str_starts(s, str_c(names[i])) && (s.n == n || (!isalnum((unsigned char)s.p[n]) && s.p[n] != '_')))
            return i;
    }
    return SIZE_MAX;
}

static void bind(struct bound *b, str sql, const struct val *v)
{
    for (size_t i = 0; i < sql.n; i++) {
        size_t at = sql.p[i] == ':' ? name_at(str_sub(sql, i + 1, SIZE_MAX)) : SIZE_MAX;
        if (at == SIZE_MAX) {
            buf_byte(&b->sql, (uint8_t)sql.p[i]);
            continue;
        }
        if (b->number[at] == 0) {
            b->p[b->np++] = v[at];
            b->number[at] = b->np;
        }
        buf_fmt(&b->sql, "?%zu", b->number[at]);
        i += strlen(names[at]);
    }
    buf_byte(&b->sql, 0);
}

/* The mistake: way is what stands in the way. */
static void mistake(struct arena *a, const struct invariant *x, const struct val *way, struct err *fe)
{
    str shown = way->type == VAL_TEXT ? way->s : way->type == VAL_INT ? str_c(N(way->i)) : STR("?");

    *fe = (struct err){0};
    ERR(fe, -EINVAL, "registry.invariant", "", S(clauses_text(a, x->clauses, x->nclauses)), S(shown));
    err_label(fe, 0, x->label.vi, x->label.en);
}

struct late_rule {
    struct late_ask *l;
    const struct invariant *x;
};

static bool late_row(void *ctx, const struct val *cols, size_t n)
{
    struct late_rule *r = ctx;
    struct err *fe = late_mistake(r->l);

    if (fe != NULL)
        mistake(&r->l->of->a, r->x, n > 0 ? &cols[0] : &V_NULL, fe);
    return false;
}

static str told_at(const struct kind *k, const struct invariant *x)
{
    return x->nfields > 0 ? k->fields[x->fields[0]].name : STR("state");
}

/* Put off until the group of rows is done; then 0 is told. */
static int ask_late(struct write *w, const struct kind *k, const struct invariant *x, const struct bound *b,
                    struct err *e)
{
    struct late_rule *r = arena_new(&w->late->a, struct late_rule);
    struct late_ask *l = late_add(w, k, told_at(k, x), 0);

    if (r == NULL || l == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    *r = (struct late_rule){l, x};
    return tx_ask(w->tx, b->sql.p, b->p, b->np, late_row, r, e);
}

/* The first row is what stands in the way. */
static int ask(struct write *w, const struct kind *k, const struct invariant *x, int64_t id, struct val *way,
               struct err *e)
{
    char day[32];
    struct bound b = {.np = 0};

    date_fmt(date_of(w->now), day, sizeof(day));
    const struct val v[NAMES] = {V_INT(id), V_STR(arena_str(w->a, str_c(day))), V_INT(w->now / NS_PER_S)};
    buf_init(&b.sql, 2 * SQL_TEXT_MAX);
    bind(&b, x->sql, v);
    int rc = b.sql.failed || w->a->failed ? ERR(e, -ENOMEM, "registry.no_memory")
             : late_now(w)                ? ask_late(w, k, x, &b, e)
                                          : tx_one(w->tx, w->a, b.sql.p, b.p, b.np, way, e);
    buf_done(&b.sql);
    return rc;
}

static bool refs_differ(const struct id_list *a, const struct id_list *b)
{
    bool differ = a->n != b->n;

    for (size_t i = 0; !differ && i < a->n; i++)
        differ = a->id[i] != b->id[i];
    return differ;
}

static bool in_states(const struct invariant *x, str state)
{
    for (size_t i = 0; i < x->nstates; i++)
        if (str_eq(x->states[i], state))
            return true;
    return false;
}

/* A record that stands as it is may be edited elsewhere: only what this write
 * changes is asked about. */
static bool concerns(const struct invariant *x, const struct transition *t, const struct rec *old,
                     const struct rec *fresh)
{
    for (size_t i = 0; t != NULL && i < t->nholds; i++)
        if (&fresh->k->invariants[t->holds[i]] == x)
            return true;
    if (x->held && x->nstates == 0 && x->nfields == 0)
        return false;
    if (x->nstates > 0 && !in_states(x, fresh->state))
        return false;
    if (old == NULL || (x->nstates > 0 && !in_states(x, old->state)))
        return true;
    for (size_t i = 0; i < x->nfields; i++) {
        size_t at = x->fields[i];
        if (!val_eq(&old->v[at], &fresh->v[at]) || refs_differ(&old->refs[at], &fresh->refs[at]))
            return true;
    }
    return false;
}

/* Lũy itself, loading what is there. */
static bool is_stock(const struct actor *who) { return (who->roles & ROLE_SYSTEM) != 0 && who->account_id == 0; }

int rules_judge(struct write *w, const struct transition *t, const struct rec *old, const struct rec *fresh,
                struct err *e)
{
    const struct kind *k = fresh->k;
    int rc = 0;

    for (size_t i = 0; i < k->ninvariants && rc >= 0; i++) {
        const struct invariant *x = &k->invariants[i];
        struct val way = V_NULL;
        struct err fe;
        bool skip = is_stock(w->who) && !x->strict && (t == NULL || old == NULL);
        if (skip || !concerns(x, t, old, fresh) || (rc = ask(w, k, x, fresh->id, &way, e)) <= 0)
            continue;
        mistake(w->a, x, &way, &fe);
        write_fault(w, told_at(k, x), &fe);
    }
    return rc < 0 ? rc : 0;
}

int rules_check(struct registry *r, struct err *e)
{
    const struct named_val params[] = {{"id", V_INT(0)}, {"today", V_Z("2026-01-01")}, {"now", V_INT(0)}};
    struct arena a = arena_init(8 << 20);
    const char *const *tables = schema_tables(r->sc, &a);
    int rc = tables == NULL ? ERR(e, -ENOMEM, "registry.no_memory") : 0;

    for (size_t i = 0; i < r->sc->nkinds && rc == 0; i++)
        for (size_t j = 0; j < r->sc->kinds[i].ninvariants && rc == 0; j++) {
            const struct invariant *x = &r->sc->kinds[i].invariants[j];
            struct foreign_query q = {.sql = arena_str(&a, x->sql).p,
                                      .params = params,
                                      .nparams = NAMES,
                                      .tables = tables,
                                      .timeout_ms = 1000,
                                      .max_rows = 1};
            struct err inner = {0};
            if (q.sql == NULL)
                rc = ERR(e, -ENOMEM, "registry.no_memory");
            else if (store_foreign_check(r->st, &q, &inner) < 0)
                rc = ERR(e, -EINVAL, "registry.invariant_sql", S(r->sc->kinds[i].name), S(x->name), inner.arg[0]);
        }
    arena_free(&a);
    return rc;
}
