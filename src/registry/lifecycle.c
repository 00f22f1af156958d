/* A step of a life cycle: what must be filled, attached and announced before it
 * is taken, which fields it sets, and what it does to other records. All of it
 * stands in the schema. Runs inside the write transaction. */
#include "registry/known-int.h"
#include "base/calendar.h"
#include <errno.h>

enum { EFFECT_DEPTH = 4, EFFECT_RECORDS = 10000, CLAUSES_TEXT = 110 };

const struct transition *life_step(const struct rec *old, str to)
{
    return old == NULL || to.n == 0 || str_eq(to, old->state) ? NULL : kind_transition(old->k, old->state, to);
}

str clauses_text(struct arena *a, const str *clauses, size_t n)
{
    struct buf b;

    if (n == 0)
        return STR("");
    buf_init(&b, 4096);
    for (size_t i = 0; i < n && b.n < CLAUSES_TEXT; i++)
        buf_fmt(&b, "%s%.*s", i == 0 ? " (" : ", ", STR_ARGS(clauses[i]));
    buf_z(&b, ")");
    str s = arena_str(a, buf_view(&b));
    buf_done(&b);
    return s;
}

/* ---- fields that the step sets */

static int64_t today(const struct write *w) { return date_of(w->now); }

/* The person whose account the actor came with; 0 when nobody is known. */
static int actor_person(struct write *w, int64_t *id, struct err *e)
{
    struct val v = V_INT(0);

    if (known_person(w->known, id))
        return 0;
    int rc = tx_one(w->tx, NULL, "SELECT person_id FROM account WHERE name = ?1 AND valid_to IS NULL",
                    VALS(V_STR(w->who->name)), &v, e);

    *id = rc > 0 && v.type == VAL_INT ? v.i : 0;
    if (rc >= 0)
        known_learn_person(w->known, *id);
    return rc < 0 ? rc : 0;
}

static int give_ref(struct write *w, struct input_field *in, int64_t id, struct err *e)
{
    in->given = id == 0 ? GIVEN_CLEAR : GIVEN_VALUE;
    in->ref_key = arena_array(w->a, str, 1);
    in->ref_id = arena_array(w->a, int64_t, 1);
    if (in->ref_key == NULL || in->ref_id == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    in->ref_id[0] = id;
    in->nrefs = 1;
    return 0;
}

/* The value of `.field`: as it will be after this write. */
static int give_own(struct write *w, const struct rec *own, const struct input *own_in, str name, const struct field *f,
                    struct input_field *in, struct err *e)
{
    size_t at = kind_field_at(own->k, name);

    if (own_in != NULL && own_in->f[at].given != GIVEN_NOT) {
        *in = own_in->f[at];
        return 0;
    }
    if (f->type == FT_REF)
        return give_ref(w, in, own->v[at].type == VAL_INT ? own->v[at].i : 0, e);
    in->given = own->v[at].type == VAL_NULL ? GIVEN_CLEAR : GIVEN_VALUE;
    in->v = own->v[at];
    return 0;
}

/* own: the record that takes the step; own_in what was given for it, or NULL
 * when it is written already. */
static int give(struct write *w, const struct rec *own, const struct input *own_in, const struct field *f, str value,
                struct input_field *in, struct err *e)
{
    int64_t id;
    int rc;

    *in = (struct input_field){.given = GIVEN_VALUE};
    if (str_starts(value, STR(".")))
        return give_own(w, own, own_in, str_sub(value, 1, SIZE_MAX), f, in, e);
    if (str_eq(value, STR("actor")) && f->type == FT_REF)
        return (rc = actor_person(w, &id, e)) < 0 ? rc : give_ref(w, in, id, e);
    if (str_eq(value, STR("actor"))) {
        in->v = V_STR(arena_str(w->a, w->who->name));
    } else if (str_eq(value, STR("today"))) {
        char text[32];
        date_fmt(today(w), text, sizeof(text));
        in->v = V_STR(arena_str(w->a, str_c(text)));
    } else if (str_eq(value, STR("now"))) {
        in->v = V_INT(w->now / NS_PER_S);
    } else {
        return value_parse(w->a, f, value, &in->v, e);
    }
    return 0;
}

static bool has_value(const struct rec *rec, size_t at)
{
    return rec->k->fields[at].type == FT_REFS ? rec->refs[at].n > 0 : rec->v[at].type != VAL_NULL;
}

static int give_all(struct write *w, const struct rec *own, const struct input *own_in, const struct setting *sets,
                    size_t n, const struct rec *target, struct input *in, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        size_t at = kind_field_at(target->k, sets[i].field);
        if (sets[i].fill && (in->f[at].given == GIVEN_VALUE || has_value(target, at)))
            continue;
        rc = give(w, own, own_in, &target->k->fields[at], sets[i].value, &in->f[at], e);
    }
    return rc;
}

int life_sets(struct write *w, const struct transition *t, const struct rec *old, struct input *in, struct err *e)
{
    return t == NULL ? 0 : give_all(w, old, in, t->sets, t->nsets, old, in, e);
}

/* ---- what the step asks for */

static void judge_needs(struct write *w, const struct transition *t, const struct input *in, const struct rec *fresh)
{
    for (size_t i = 0; i < t->nneeds; i++) {
        size_t at = t->needs[i];
        const struct field *f = &fresh->k->fields[at];
        struct err fe;
        if (in->f[at].given == GIVEN_BAD || has_value(fresh, at))
            continue;
        /* The step's own clauses, or those of the field. */
        bool own = t->nclauses > 0;
        ERR(&fe, -EINVAL, "registry.life_needs", "",
            S(clauses_text(w->a, own ? t->clauses : f->clauses, own ? t->nclauses : f->nclauses)));
        err_label(&fe, 0, t->label.vi, t->label.en);
        write_fault(w, f->name, &fe);
    }
}

static void judge_notice(struct write *w, const struct transition *t, const struct input *in, const struct rec *fresh)
{
    const struct notice *n = &t->notice;
    char earliest[32];
    struct err fe;
    int64_t day;

    if (n->days == 0)
        return;
    size_t at = kind_field_at(fresh->k, n->field), unless = kind_field_at(fresh->k, n->unless);
    const struct val *v = &fresh->v[at];
    if (in->f[at].given == GIVEN_BAD || (unless != SIZE_MAX && fresh->v[unless].type == VAL_INT && fresh->v[unless].i))
        return;
    int64_t first = n->plain ? today(w) + n->days : calendar_add_workdays(w->r->calendar, today(w), (int)n->days);
    bool known = v->type == VAL_INT || (v->type == VAL_TEXT && date_parse(v->s, &day));
    if (v->type == VAL_INT)
        day = date_of(v->i * NS_PER_S);
    if (known && day >= first)
        return;
    date_fmt(first, earliest, sizeof(earliest));
    ERR(&fe, -EINVAL, n->plain ? "registry.life_notice_days" : "registry.life_notice", N(n->days), earliest,
        S(clauses_text(w->a, t->clauses, t->nclauses)));
    write_fault(w, n->field, &fe);
}

int life_judge(struct write *w, const struct transition *t, const struct input *in, const struct rec *fresh,
               struct err *e)
{
    if (t == NULL)
        return 0;
    judge_needs(w, t, in, fresh);
    judge_notice(w, t, in, fresh);
    return life_attach(w, t, fresh, e);
}

/* ---- what the step does to others */

struct ids {
    int64_t *v;
    size_t n;
};

static bool id_row(void *ctx, const struct val *cols, size_t n)
{
    struct ids *x = ctx;

    (void)n;
    x->v[x->n++] = cols[0].i;
    return x->n < EFFECT_RECORDS;
}

static int effect_ids(struct write *w, const struct effect *x, const struct rec *fresh, struct ids *out, struct err *e)
{
    size_t of = kind_field_at(fresh->k, x->of);
    char sql[256];

    if (x->of.n > 0) {
        out->v = arena_array(w->a, int64_t, 1);
        if (out->v != NULL && fresh->v[of].type == VAL_INT)
            out->v[out->n++] = fresh->v[of].i;
        return 0;
    }
    out->v = arena_array(w->a, int64_t, EFFECT_RECORDS);
    if (out->v == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    snprintf(sql, sizeof(sql), "SELECT id FROM \"%.*s\" WHERE \"%.*s_id\" = ?1 AND valid_to IS NULL ORDER BY id",
             STR_ARGS(x->kind), STR_ARGS(x->by));
    return tx_query(w->tx, sql, VALS(V_INT(fresh->id)), id_row, out, e);
}

static bool state_in(const struct effect *x, str state)
{
    bool in = x->nfrom == 0;

    for (size_t i = 0; i < x->nfrom; i++)
        in |= str_eq(x->from[i], state);
    return in;
}

/* One record, by the schema's right and in the actor's name. */
static int effect_one(struct write *w, const struct effect *x, const struct kind *k, int64_t id,
                      const struct rec *fresh, struct err *e)
{
    struct actor who = *w->who;
    struct write inner = *w;
    struct input *in = input_new(w->a, k);
    struct rec *old, *out;
    enum outcome how;

    if (in == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    int rc = rec_load(w->tx, w->r, w->a, k, id, &old, e);
    if (rc < 0 || old->valid_to != 0 || !state_in(x, old->state))
        return rc;
    who.roles |= ROLE_SYSTEM;
    inner.who = &who;
    inner.scope.all = true;
    inner.es = NULL;
    inner.by_change = true; /* the step was allowed, and this belongs to it */
    inner.depth++;
    in->state = x->to;
    rc = give_all(&inner, fresh, NULL, x->sets, x->nsets, old, in, e);
    if (rc == 0)
        rc = write_record(&inner, k, old, in, &out, &how, e);
    inner.who = w->who; /* the rest of it goes on: where the chain of history is */
    inner.scope = w->scope;
    inner.es = w->es;
    inner.mistakes = w->mistakes;
    inner.depth = w->depth;
    inner.by_change = w->by_change;
    inner.stock = w->stock;
    *w = inner;
    if (rc == -EINVAL || rc == -EACCES) {
        struct err fe;
        ERR(&fe, -EINVAL, "registry.life_effect", S(k->name), S(rec_key(old)));
        write_fault(w, STR("state"), &fe);
        rc = 0;
    }
    return rc;
}

static int effects_run(struct write *w, const struct transition *t, const struct rec *fresh, struct err *e)
{
    int rc = 0;

    if (t == NULL || t->neffects == 0)
        return 0;
    if (w->depth >= EFFECT_DEPTH)
        return ERR(e, -ELOOP, "registry.life_deep", S(fresh->k->name), S(t->name));
    for (size_t i = 0; i < t->neffects && rc == 0; i++) {
        const struct effect *x = &t->effects[i];
        const struct field *of = kind_field(fresh->k, x->of);
        const struct kind *k = schema_kind(w->r->sc, of != NULL ? of->ref_kind : x->kind);
        struct ids ids = {0};
        rc = effect_ids(w, x, fresh, &ids, e);
        for (size_t j = 0; j < ids.n && rc == 0; j++)
            rc = effect_one(w, x, k, ids.v[j], fresh, e);
    }
    return rc;
}

int life_after(struct write *w, const struct transition *t, const struct rec *old, const struct rec *fresh,
               struct err *e)
{
    int rc = rules_judge(w, t, old, fresh, e);

    return rc == 0 ? effects_run(w, t, fresh, e) : rc;
}
