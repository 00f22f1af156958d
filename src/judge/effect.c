/* What a change would do to the state checks. Each check that reads a table the
 * change wrote to is really run twice: within the change's transaction, and over
 * what is stored, which nobody alters meanwhile as that transaction has the
 * writer's lock. What differs would be opened or closed by the next run. So the
 * drift of time, of the same hour for both, is never taken for an effect.
 *
 * The lock is held meanwhile: all of it has one time, and a check that finds it
 * used up is named as not run. */
#include "judge/effect-int.h"
#include <errno.h>

/* By subject; of several rows of one, a fail first: it opens the finding. */
static int by_id(const void *pa, const void *pb)
{
    const struct check_row *a = pa, *b = pb;

    if (a->id != b->id)
        return a->id < b->id ? -1 : 1;
    return (int)a->unknown - (int)b->unknown;
}

static void once_each(struct check_run *r)
{
    size_t n = 0;

    if (r->n > 1)
        qsort(r->v, r->n, sizeof(*r->v), by_id);
    for (size_t i = 0; i < r->n; i++)
        if (n == 0 || r->v[n - 1].id != r->v[i].id)
            r->v[n++] = r->v[i];
    r->n = n;
}

static struct check_row *of_id(const struct check_run *r, int64_t id)
{
    struct check_row key = {.id = id};
    size_t low = 0, high = r->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (r->v[mid].id < key.id)
            low = mid + 1;
        else
            high = mid;
    }
    return low < r->n && r->v[low].id == id ? &r->v[low] : NULL;
}

/* Leaves in each run what the other has not. A row whose evidence is missing
 * afterwards closes nothing, as its finding stays. */
static bool differ(struct effect_diff *d)
{
    struct check_run *after = &d->opens, *before = &d->closes;
    bool *open = calloc(after->n + 1, sizeof(*open)), *close = calloc(before->n + 1, sizeof(*close));
    size_t n = 0;

    for (size_t i = 0; open != NULL && close != NULL && i < after->n; i++) {
        const struct check_row *row = &after->v[i], *was = of_id(before, row->id);
        open[i] = !row->unknown && (was == NULL || was->unknown);
        d->unknown += row->unknown && (was == NULL || !was->unknown);
    }
    for (size_t i = 0; open != NULL && close != NULL && i < before->n; i++)
        close[i] = !before->v[i].unknown && of_id(after, before->v[i].id) == NULL;
    bool good = open != NULL && close != NULL;
    for (size_t i = 0; good && i < after->n; i++)
        if (open[i])
            after->v[n++] = after->v[i];
    after->n = n;
    n = 0;
    for (size_t i = 0; good && i < before->n; i++)
        if (close[i])
            before->v[n++] = before->v[i];
    before->n = n;
    free(open);
    free(close);
    return good;
}

static int run_side(struct check_effect *x, struct check_run *r, struct tx *tx, struct err *e)
{
    int64_t left = (x->deadline - clock_mono(&clock_system)) / NS_PER_MS;

    if (left <= 0)
        return ERR(e, -ETIME, "judge.effect_late", N(x->j->cfg.effect_ms));
    r->tx = tx;
    r->bare = true;
    r->timeout_ms = left < r->timeout_ms ? (int)left : r->timeout_ms;
    int rc = check_run_sql(r, e);
    if (rc == 0)
        once_each(r);
    return rc;
}

static int one_check(struct check_effect *x, const struct control *c, struct err *e)
{
    struct effect_diff d = {.c = c};
    struct err why = {0};

    check_run_init(&d.opens, x->j, c);
    check_run_init(&d.closes, x->j, c);
    int rc = run_side(x, &d.opens, x->tx, &why);
    if (rc == 0)
        rc = run_side(x, &d.closes, NULL, &why);
    if (rc == -EIO || rc == -EAGAIN) { /* the transaction, or the store, is gone */
        if (e != NULL)
            *e = why;
    } else if (rc < 0) {
        rc = effect_failed(x, c, &why) < 0 ? ERR(e, -ENOMEM, "base.no_memory", "effect") : 0;
    } else if (!differ(&d)) {
        rc = ERR(e, -ENOMEM, "base.no_memory", "effect");
    } else {
        x->ran++;
        rc = effect_add(x, &d, e);
    }
    check_run_done(&d.opens);
    check_run_done(&d.closes);
    return rc;
}

static bool concerned(const struct check_effect *x, const struct control *c)
{
    if (c->kind != CK_STATE)
        return false;
    for (size_t i = 0; x->j->tables[i] != NULL; i++)
        if (x->touched[i] && c->state.reads[i])
            return true;
    return false;
}

/* The severest first: what is listed, and what has time, is those. */
static int all_checks(struct check_effect *x, const struct packset *ps, struct err *e)
{
    int rc = 0;

    for (int sev = SEV_COUNT - 1; sev >= 0; sev--)
        for (size_t i = 0; rc == 0 && i < ps->ncontrols; i++)
            if ((int)ps->controls[i].severity == sev && concerned(x, &ps->controls[i]))
                rc = one_check(x, &ps->controls[i], e);
    return rc;
}

static int touched_mark(struct check_effect *x, const char *const *tables, struct err *e)
{
    size_t n = 0;

    while (x->j->tables[n] != NULL)
        n++;
    if ((x->touched = arena_calloc(&x->a, n + 1, sizeof(bool))) == NULL)
        return ERR(e, -ENOMEM, "base.no_memory", "effect");
    for (size_t i = 0; i < n; i++)
        for (const char *const *t = tables; *t != NULL && !x->touched[i]; t++)
            x->touched[i] = strcmp(*t, x->j->tables[i]) == 0;
    return 0;
}

int judge_effect(struct judge *j, const struct actor *who, struct tx *tx, const char *const *tables, json_t **out,
                 struct err *e)
{
    struct check_effect x = {.j = j, .who = who, .tx = tx, .a = arena_init(8 << 20)};
    struct packset *ps = judge_packs(j);
    int rc = touched_mark(&x, tables, e);

    x.deadline = clock_mono(&clock_system) + x.j->cfg.effect_ms * NS_PER_MS;
    x.controls = json_array();
    x.failed = json_array();
    if (rc == 0 && (rc = store_begin(j->st, STORE_READ, &x.stored, e)) == 0) {
        rc = sight_of(j, x.stored, who, &x.sight, NULL);
        if (rc == -EACCES) /* may see the set, but no finding: all of them are only counted */
            rc = 0;
        if (rc == 0)
            rc = all_checks(&x, ps, e);
        else
            ERR(e, rc, "base.no_memory", "effect");
        sight_done(&x.sight);
        store_rollback(x.stored);
    }
    if (rc == 0 && (*out = effect_json(&x)) == NULL)
        rc = ERR(e, -ENOMEM, "base.no_memory", "effect");
    json_decref(x.controls);
    json_decref(x.failed);
    arena_free(&x.a);
    packset_unref(ps);
    return rc;
}
