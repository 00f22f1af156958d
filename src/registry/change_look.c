/* What a run wrote to, for somebody above the registry who looks at it before it
 * is taken back. The history knows the kinds, also those that a step of a life
 * cycle wrote beside the set's own. On the thread of the write. */
#include "registry/change-int.h"
#include <errno.h>

struct touched {
    const struct schema *sc;
    const char *const *all; /* of schema_tables */
    const char **v;
    size_t n;
};

/* "device", or a list of its: "device_<refs>". */
static bool of_kind(const struct kind *k, str table)
{
    if (!str_starts(table, k->name))
        return false;
    str rest = str_sub(table, k->name.n, table.n);
    if (rest.n == 0)
        return true;
    const struct field *f = rest.p[0] == '_' ? kind_field(k, str_sub(rest, 1, rest.n)) : NULL;
    return f != NULL && f->type == FT_REFS;
}

static bool kind_row(void *ctx, const struct val *v, size_t n)
{
    struct touched *t = ctx;
    const struct kind *k = schema_kind(t->sc, v[0].s);

    (void)n;
    for (size_t i = 0; k != NULL && t->all[i] != NULL; i++)
        if (of_kind(k, str_c(t->all[i])))
            t->v[t->n++] = t->all[i];
    return true;
}

int change_show(struct write *w, uint64_t before, const struct change_look *look, struct err *e)
{
    struct touched t = {.sc = w->r->sc};
    size_t all = 0;

    if (look == NULL)
        return 0;
    t.all = schema_tables(t.sc, w->a);
    for (; t.all != NULL && t.all[all] != NULL; all++)
        ;
    t.v = t.all != NULL ? arena_calloc(w->a, all + 2, sizeof(*t.v)) : NULL;
    if (t.v == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    int rc = tx_query(w->tx, "SELECT DISTINCT kind FROM history WHERE seq > ?1", VALS(V_INT(before)), kind_row, &t, e);
    if (rc < 0 || t.n == 0)
        return rc < 0 ? rc : look->fn(look->ctx, w->tx, t.v, e);
    t.v[t.n++] = "life_open"; /* a step may have left something there, or seen to it */
    return look->fn(look->ctx, w->tx, t.v, e);
}
