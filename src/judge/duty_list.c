/* The list of duties: which periods of one count now, and who did it. Any thread. */
#include "judge/judge-int.h"
#include <errno.h>

enum { DOINGS_MAX = 1000000 }; /* units that ended since have theirs too */

/* The day from which we know of the duty: what fell due before is not held
 * against anyone. */
static int64_t known_since(struct judge *j, struct tx *tx, const struct control *c)
{
    char key[120];
    int64_t day;

    snprintf(key, sizeof(key), "duty:%.*s", STR_ARGS(c->id));
    return meta_get(j, tx, key, &day, NULL) == 1 ? day : date_of(clock_wall(j->clk));
}

size_t duty_periods(struct judge *j, struct tx *tx, const struct control *c, struct duty_period p[2])
{
    int64_t today = date_of(clock_wall(j->clk)), since = known_since(j, tx, c);
    struct duty_period now, other;
    size_t n = 0;

    duty_period_at(&c->duty.rule, j->cfg.calendar, today, &now);
    duty_period_before(&c->duty.rule, j->cfg.calendar, &now, &other);
    if (other.due >= since)
        p[n++] = other;
    if (now.due < since)
        duty_period_after(&c->duty.rule, j->cfg.calendar, &now, &now);
    p[n++] = now;
    return n;
}

/* Who did it in a period, by unit: one question a period and not one a unit. */
struct doing {
    int64_t at;
    str by, note;
};
struct doings {
    struct map by_unit;
    struct arena *a;
};

static str unit_bytes(const int64_t *id) { return (str){(const char *)id, sizeof(*id)}; }

static bool run_row(void *ctx, const struct val *v, size_t n)
{
    struct doings *d = ctx;
    struct doing *x = arena_new(d->a, struct doing);
    struct map_slot *s = x == NULL ? NULL : map_put(&d->by_unit, unit_bytes(&v[0].i), NULL);

    if (s == NULL) {
        d->a->failed = true;
        return false;
    }
    *x = (struct doing){v[1].i, arena_str(d->a, v[2].s), arena_str(d->a, v[3].s)};
    s->v.ptr = x;
    return true;
}

static int list_add(struct judge *j, struct doings *d, struct duty_list *l, const struct control *c,
                    const struct duty_unit *unit, const struct duty_period *p, bool late_only, struct err *e)
{
    struct duty_item it = {
        .c = c, .p = *p, .unit = {unit->id, arena_str(&l->a, unit->key), arena_str(&l->a, unit->title)}};
    struct map_slot *s = map_get(&d->by_unit, unit_bytes(&unit->id));
    const struct doing *x = s != NULL ? s->v.ptr : NULL;
    int64_t today = date_of(clock_wall(j->clk));

    if (x != NULL) {
        it.done_at = x->at;
        it.done_by = x->by;
        it.note = x->note;
    }
    it.state = duty_state_at(p, today, it.done_at != 0);
    if (late_only && it.state != DUTY_LATE)
        return 0;
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 64 : l->cap * 2;
        struct duty_item *more = reallocarray(l->v, cap, sizeof(*more));
        if (more == NULL)
            return ERR(e, -ENOMEM, "base.no_memory", "duty");
        l->v = more;
        l->cap = cap;
    }
    l->v[l->n++] = it;
    return 0;
}

static int list_control(struct judge *j, struct tx *tx, struct duty_list *l, const struct control *c,
                        const struct duty_units *u, struct err *e)
{
    struct duty_period p[2];
    size_t n = duty_periods(j, tx, c, p);
    int rc = 0;

    for (size_t k = 0; rc == 0 && k < n; k++) {
        struct doings d = {.a = &l->a};
        map_init(&d.by_unit, DOINGS_MAX);
        rc = tx_query(tx, "SELECT unit_id, done_at, done_by, note FROM duty_run WHERE duty = ?1 AND period_key = ?2",
                      VALS(V_STR(c->id), V_Z(p[k].key)), run_row, &d, e);
        if (rc == 0 && l->a.failed)
            rc = ERR(e, -ENOMEM, "base.no_memory", "duty");
        for (size_t i = 0; rc == 0 && i < u->n; i++)
            rc = list_add(j, &d, l, c, &u->v[i], &p[k], k + 1 < n, e);
        map_done(&d.by_unit);
    }
    return rc;
}

static int by_due(const void *pa, const void *pb)
{
    const struct duty_item *a = pa, *b = pb;
    bool da = a->state == DUTY_DONE, db = b->state == DUTY_DONE;

    if (da != db)
        return da ? 1 : -1;
    if (a->p.due != b->p.due)
        return a->p.due < b->p.due ? -1 : 1;
    int r = str_cmp(a->c->id, b->c->id);
    return r != 0 ? r : str_cmp(a->unit.key, b->unit.key);
}

static int list_all(struct judge *j, const struct control *only, struct tx *tx, struct duty_list *out, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < out->ps->ncontrols; i++) {
        const struct control *c = &out->ps->controls[i];
        struct duty_units *u = c->kind == CK_DUTY && (only == NULL || c == only) ? duty_units_copy(j, c) : NULL;
        if (u != NULL) /* NULL: not asked yet, its first check is due */
            rc = list_control(j, tx, out, c, u, e);
        duty_units_free(u);
    }
    return rc;
}

int duties_list(struct judge *j, struct packset *ps, const struct control *only, struct tx *tx, struct duty_list *out,
                struct err *e)
{
    struct tx *own = NULL;
    int rc = tx != NULL ? 0 : store_begin(j->st, STORE_READ, &own, e);

    if (rc < 0)
        return rc;
    *out = (struct duty_list){.a = arena_init(64 << 20), .ps = packset_ref(ps)};
    rc = list_all(j, only, tx != NULL ? tx : own, out, e);
    store_rollback(own);
    if (out->n > 1)
        qsort(out->v, out->n, sizeof(*out->v), by_due);
    if (rc < 0)
        duty_list_done(out);
    return rc;
}

void duty_list_done(struct duty_list *l)
{
    free(l->v);
    arena_free(&l->a);
    packset_unref(l->ps);
    *l = (struct duty_list){.a = arena_init(0)};
}
