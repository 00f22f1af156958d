/* The dry run of a schema change: what the tables would become and what stands
 * in the way, out of one read transaction. It asks the checks that the real run
 * asks (mig_check.c), but goes on after a refusal, so that all are told at once. */
#include "registry/migrate-int.h"
#include "base/json.h"
#include <errno.h>

struct mig_plan {
    struct mig *m;
    migration_said *said;
    void *ctx;
};

static void tell(const struct mig_plan *p, enum migration_step step, str kind, str field, int64_t rows)
{
    p->said(p->ctx, &(struct migration){step, kind, field, rows});
}

static int count(const struct mig_plan *p, str kind, const char *where, int64_t *out)
{
    struct val v = V_INT(0);
    str sql = arena_fmt(p->m->a, "SELECT COUNT(*) FROM \"%.*s\"%s", STR_ARGS(kind), where);
    int rc = sql.p == NULL ? ERR(p->m->e, -ENOMEM, "registry.no_memory")
                           : tx_one(p->m->tx, p->m->a, sql.p, NO_VALS, &v, p->m->e);

    *out = v.i;
    return rc < 0 ? rc : 0;
}

/* The default goes where nothing is: everywhere in a new column. */
static int plan_fill(const struct mig_plan *p, const struct kind *k, const struct field *f, bool is_new)
{
    char cols[FIELD_COLS][COL_MAX], where[COL_MAX + 32];
    int64_t rows;

    if (!f->required || f->type == FT_REFS || !mig_fills(f))
        return mig_check_required(p->m, k, f, is_new);
    field_columns(f, cols);
    snprintf(where, sizeof(where), " WHERE \"%s\" IS NULL", cols[0]);
    int rc = count(p, k->name, is_new ? "" : where, &rows);
    if (rc == 0 && rows > 0)
        tell(p, MIG_FILL, k->name, f->name, rows);
    return rc;
}

static int plan_field(const struct mig_plan *p, const struct kind *k, const struct field *f, const json_t *was)
{
    bool recreate = false;
    uint64_t before = p->m->refused->total;
    int rc = was == NULL ? 0 : mig_check_field(p->m, k, f, was, &recreate);

    if (rc < 0 || p->m->refused->total != before)
        return rc;
    if (was == NULL)
        tell(p, MIG_FIELD_NEW, k->name, f->name, 0);
    else if (recreate)
        tell(p, MIG_FIELD_RETYPED, k->name, f->name, 0);
    else if (!json_equal(
                 mig_named(json_object_get(mig_named(json_object_get(p->m->now, "kinds"), k->name), "fields"), f->name),
                 was))
        tell(p, MIG_FIELD_CHANGED, k->name, f->name, 0);
    return plan_fill(p, k, f, was == NULL || recreate);
}

static int plan_kind(const struct mig_plan *p, const struct kind *k, const json_t *old)
{
    const json_t *fields = json_object_get(old, "fields"), *was;
    int64_t rows;
    size_t i;

    if (old == NULL) {
        tell(p, MIG_KIND_NEW, k->name, STR_NONE, 0);
        return 0;
    }
    if (mig_kind_same(p->m, k, old))
        return 0;
    int rc = count(p, k->name, "", &rows);
    if (rc == 0)
        tell(p, MIG_KIND_CHANGED, k->name, STR_NONE, rows);
    if (rc == 0)
        rc = mig_check_kind(p->m, k, old);
    json_array_foreach(fields, i, was)
    {
        if (kind_field(k, json_get_str(was, "name")) == NULL)
            tell(p, MIG_FIELD_GONE, k->name, json_get_str(was, "name"), 0);
    }
    for (i = 0; i < k->nfields && rc == 0; i++)
        rc = plan_field(p, k, &k->fields[i], mig_named(fields, k->fields[i].name));
    return rc;
}

static int plan_kinds(const struct mig_plan *p, const json_t *old)
{
    const struct schema *sc = p->m->r->sc;
    const json_t *kinds = json_object_get(old, "kinds"), *was;
    size_t i;
    int rc = 0;

    json_array_foreach(kinds, i, was)
    {
        str name = json_get_str(was, "name");
        if (rc < 0 || schema_kind(sc, name) != NULL)
            continue;
        rc = mig_check_gone(p->m, was);
        tell(p, MIG_KIND_GONE, name, STR_NONE, 0);
    }
    for (i = 0; i < sc->nkinds && rc == 0; i++)
        rc = plan_kind(p, &sc->kinds[i], mig_named(kinds, sc->kinds[i].name));
    return rc;
}

int registry_migration(struct store *st, const struct schema *sc, const struct clock *clk, migration_said *said,
                       void *ctx, struct errs *refused, struct err *e)
{
    struct arena a = arena_init(CALL_ARENA);
    struct registry r = {.st = st, .sc = sc, .clk = clk};
    struct mig m = {.r = &r, .a = &a, .e = e, .refused = refused};
    struct mig_plan p = {&m, said, ctx};
    uint64_t before = refused->total;
    json_t *now = schema_json(sc), *old = NULL;
    str was;
    int rc = store_begin(st, STORE_READ, &m.tx, e);

    m.now = now;
    if (rc == 0) {
        rc = mig_meta_get(&m, "schema", &was);
        if (rc == 0 && (old = json_loadb(was.p, was.n, 0, NULL)) == NULL)
            rc = ERR(e, -EIO, "registry.meta_broken");
        if (rc == 0)
            rc = plan_kinds(&p, old);
        store_rollback(m.tx);
    }
    json_decref(now);
    json_decref(old);
    arena_free(&a);
    if (rc == 0 && refused->total != before)
        rc = ERR(e, -EEXIST, "registry.migrate_refused", N((int64_t)(refused->total - before)));
    return rc;
}
