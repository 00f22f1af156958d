/* Brings the tables up to the schema when the registry opens: one transaction,
 * all or nothing. The schema that the tables were last made for is kept beside
 * them as JSON; equal text means there is nothing to do. */
#include "registry/addr-int.h"
#include "registry/migrate-int.h"
#include "registry/change-int.h"
#include "registry/file-int.h"
#include "base/json.h"
#include <errno.h>

/* Raise when folding or sort keys change: all texts are written anew. */
enum { TEXT_VERSION = 1 };
/* Raise when search_make changes: the search of every kind is brought up to it. */
enum { SEARCH_VERSION = 1 };

static const char *const base_tables[] = {
    "CREATE TABLE IF NOT EXISTS registry_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS history (seq INTEGER PRIMARY KEY, at BIGINT NOT NULL, by_name TEXT NOT NULL, "
    "account_id INTEGER NOT NULL,"
    " reason TEXT NOT NULL, kind TEXT NOT NULL, record_id INTEGER NOT NULL, record_key TEXT NOT NULL, op TEXT NOT NULL,"
    " rev INTEGER NOT NULL, before TEXT, after TEXT, hash TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS history_record ON history (kind, record_id, seq)",
    "CREATE INDEX IF NOT EXISTS history_key ON history (kind, record_key, seq)",
};

int mig_sql(struct mig *m, const char *fmt, ...)
{
    char *sql;
    va_list ap;

    va_start(ap, fmt);
    int n = vasprintf(&sql, fmt, ap);
    va_end(ap);
    if (n < 0)
        return ERR(m->e, -ENOMEM, "registry.no_memory");
    int rc = tx_exec(m->tx, sql, NO_VALS, NULL, m->e);
    free(sql);
    return rc;
}

int mig_later(struct mig *m, const char *fmt, ...)
{
    char *sql;
    va_list ap;

    va_start(ap, fmt);
    int n = vasprintf(&sql, fmt, ap);
    va_end(ap);
    str text = n < 0 ? STR_NONE : arena_str(m->a, (str){sql, (size_t)n});
    if (n >= 0)
        free(sql);
    if (m->later == NULL)
        m->later = arena_array(m->a, str, LATER_MAX);
    if (text.p == NULL || m->later == NULL || m->nlater == LATER_MAX)
        return ERR(m->e, -ENOMEM, "registry.no_memory");
    m->later[m->nlater++] = text;
    return 0;
}

int mig_in_the_way(struct mig *m, str kind, str field, const char *key, const char *fmt, ...)
{
    struct val v;
    char *sql;
    va_list ap;

    va_start(ap, fmt);
    int n = vasprintf(&sql, fmt, ap);
    va_end(ap);
    if (n < 0)
        return ERR(m->e, -ENOMEM, "registry.no_memory");
    int rc = tx_one(m->tx, m->a, sql, NO_VALS, &v, m->e);
    free(sql);
    if (rc <= 0)
        return rc;
    rc = ERR(m->e, -EEXIST, key, S(kind), S(field), N(v.i));
    if (m->refused == NULL)
        return rc;
    errs_add(m->refused, m->e);
    *m->e = (struct err){0};
    return 0;
}

/* A field that living records must have: the default goes where nothing is. */
static int fill_required(struct mig *m, const struct kind *k, const struct field *f)
{
    char cols[FIELD_COLS][COL_MAX], sql[256];
    struct val v;

    if (!f->required || f->type == FT_REFS)
        return 0;
    field_columns(f, cols);
    if (!mig_fills(f))
        return mig_check_required(m, k, f, false);
    int rc = value_parse(m->a, f, f->dflt, &v, m->e);
    snprintf(sql, sizeof(sql), "UPDATE \"%.*s\" SET \"%s\" = ?1 WHERE \"%s\" IS NULL", STR_ARGS(k->name), cols[0],
             cols[0]);
    return rc < 0 ? rc : tx_exec(m->tx, sql, &v, 1, NULL, m->e);
}

const json_t *mig_named(const json_t *list, str name)
{
    const json_t *v;
    size_t i;

    json_array_foreach(list, i, v) if (str_eq(json_get_str(v, "name"), name)) return v;
    return NULL;
}

static int fields_bring(struct mig *m, const struct kind *k, const json_t *old)
{
    const json_t *was, *fields = json_object_get(old, "fields");
    bool recreate;
    size_t i;
    int rc = 0;

    json_array_foreach(fields, i, was) if (rc == 0 && kind_field(k, json_get_str(was, "name")) == NULL) rc =
        ddl_field_drop(m, k, was);
    for (i = 0; i < k->nfields && rc == 0; i++) {
        const struct field *f = &k->fields[i];
        was = mig_named(fields, f->name);
        recreate = was == NULL;
        if (was != NULL && (rc = mig_check_field(m, k, f, was, &recreate)) == 0 && recreate)
            rc = ddl_field_drop(m, k, was);
        if (rc == 0 && recreate)
            rc = ddl_field(m, k, f);
        if (rc == 0)
            rc = fill_required(m, k, f);
    }
    return rc;
}

struct ids {
    int64_t *v;
    size_t n, cap;
};

static bool id_row(void *ctx, const struct val *cols, size_t n)
{
    struct ids *x = ctx;

    (void)n;
    if (x->n == x->cap) {
        size_t cap = x->cap == 0 ? 1024 : x->cap * 2;
        int64_t *v = reallocarray(x->v, cap, sizeof(*v));
        if (v == NULL)
            return false;
        x->v = v;
        x->cap = cap;
    }
    x->v[x->n++] = cols[0].i;
    return true;
}

/* Search text and sort key of every record, as the fields are now. */
static int texts_write(struct mig *m, const struct kind *k)
{
    struct ids ids = {0};
    struct arena a = arena_init(CALL_ARENA);
    char select[128], update[160];

    snprintf(select, sizeof(select), "SELECT id FROM \"%.*s\"", STR_ARGS(k->name));
    snprintf(update, sizeof(update), "UPDATE \"%.*s\" SET folded = ?1, title_sort = ?2 WHERE id = ?3",
             STR_ARGS(k->name));
    int rc = tx_query(m->tx, select, NO_VALS, id_row, &ids, m->e);
    for (size_t i = 0; i < ids.n && rc == 0; i++) {
        struct rec *rec;
        rc = rec_load(m->tx, m->r, &a, k, ids.v[i], &rec, m->e);
        if (rc == 0)
            rc = tx_exec(m->tx, update,
                         VALS(V_STR(rec_folded(&a, rec)), V_STR(rec_title_sort(&a, rec)), V_INT(rec->id)), NULL, m->e);
        arena_clear(&a);
    }
    free(ids.v);
    arena_free(&a);
    return rc;
}

bool mig_kind_same(const struct mig *m, const struct kind *k, const json_t *old)
{
    return old != NULL && json_equal(mig_named(json_object_get(m->now, "kinds"), k->name), old);
}

static int kind_bring(struct mig *m, const struct kind *k, const json_t *old)
{
    int rc;

    if (old == NULL)
        return ddl_table(m, k);
    if (mig_kind_same(m, k, old))
        return 0;
    rc = ddl_indexes_drop(m, k, old);
    if (rc == 0)
        rc = mig_check_kind(m, k, old);
    if (rc == 0)
        rc = fields_bring(m, k, old);
    if (rc == 0)
        rc = ddl_indexes(m, k);
    return rc;
}

/* Kinds that are gone: only when nothing was ever recorded of them. */
static int kind_drop(struct mig *m, const json_t *old)
{
    struct kind k = {.name = json_get_str(old, "name")};
    const json_t *f;
    size_t i;
    int rc = mig_check_gone(m, old);

    json_array_foreach(json_object_get(old, "fields"), i,
                       f) if (rc == 0 && str_eq(json_get_str(f, "type"), STR("refs"))) rc = ddl_field_drop(m, &k, f);
    if (rc == 0)
        rc = m->r->st->ops->search_drop(m->tx, k.name, m->e);
    if (rc == 0)
        rc = mig_sql(m, "DROP TABLE \"%.*s\"%s", STR_ARGS(k.name), m->r->st->ops->drop_tail);
    return rc;
}

static int kinds_bring(struct mig *m, const json_t *old, bool all_texts)
{
    const struct schema *sc = m->r->sc;
    const json_t *kinds = json_object_get(old, "kinds"), *was;
    size_t i;
    int rc = 0;

    json_array_foreach(kinds, i, was) if (rc == 0 && schema_kind(sc, json_get_str(was, "name")) == NULL) rc =
        kind_drop(m, was);
    for (i = 0; i < sc->nkinds && rc == 0; i++)
        rc = kind_bring(m, &sc->kinds[i], mig_named(kinds, sc->kinds[i].name));
    for (i = 0; i < m->nlater && rc == 0; i++)
        rc = mig_sql(m, "%s", m->later[i].p);
    /* Texts last: they read keys of other kinds, which must be there. */
    for (i = 0; i < sc->nkinds && rc == 0; i++) {
        was = mig_named(kinds, sc->kinds[i].name);
        if (was != NULL && (all_texts || !mig_kind_same(m, &sc->kinds[i], was)))
            rc = texts_write(m, &sc->kinds[i]);
    }
    return rc;
}

static int meta_set(struct mig *m, const char *name, str value)
{
    return tx_exec(
        m->tx, "INSERT INTO registry_meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
        VALS(V_Z(name), V_STR(value)), NULL, m->e);
}

int mig_meta_get(struct mig *m, const char *name, str *out)
{
    struct val v = V_STR(STR_NONE);
    int rc = tx_one(m->tx, m->a, "SELECT value FROM registry_meta WHERE name = ?1", VALS(V_Z(name)), &v, m->e);

    *out = v.s;
    return rc < 0 ? rc : 0;
}

static int searches_bring(struct mig *m)
{
    str version, want = arena_fmt(m->a, "%d", SEARCH_VERSION);
    int rc = mig_meta_get(m, "search_version", &version);

    if (rc < 0 || str_eq(version, want))
        return rc;
    for (size_t i = 0; i < m->r->sc->nkinds && rc == 0; i++)
        rc = m->r->st->ops->search_bring(m->tx, m->r->sc->kinds[i].name, m->e);
    return rc < 0 ? rc : meta_set(m, "search_version", want);
}

static int bring(struct mig *m)
{
    json_t *now = schema_json(m->r->sc), *old = NULL;
    char *text = json_dumps(now, JSON_COMPACT | JSON_SORT_KEYS);
    str was, version, want = arena_fmt(m->a, "%d", TEXT_VERSION);
    int rc = text == NULL ? ERR(m->e, -ENOMEM, "registry.no_memory") : 0;

    m->now = now;
    for (size_t i = 0; i < sizeof(base_tables) / sizeof(base_tables[0]) && rc == 0; i++)
        rc = tx_exec(m->tx, base_tables[i], NO_VALS, NULL, m->e);
    if (rc == 0)
        rc =
            mig_sql(m,
                    "CREATE TABLE IF NOT EXISTS personal_value (id %s, kind TEXT NOT NULL, record_id %s NOT NULL, field"
                    " TEXT NOT NULL, salt TEXT, value TEXT)",
                    m->r->st->ops->id_type, m->r->st->ops->int_type);
    if (rc == 0)
        rc = mig_sql(m, "CREATE INDEX IF NOT EXISTS personal_value_record ON personal_value (kind, record_id)");
    if (rc == 0)
        rc = life_open_table(m->tx, m->e);
    if (rc == 0)
        rc = change_tables(m->tx, m->e);
    if (rc == 0)
        rc = blobs_tables(m->tx, m->e);
    if (rc == 0)
        rc = mig_meta_get(m, "schema", &was);
    if (rc == 0)
        rc = mig_meta_get(m, "text_version", &version);
    if (rc == 0 && was.n > 0 && (old = json_loadb(was.p, was.n, 0, NULL)) == NULL)
        rc = ERR(m->e, -EIO, "registry.meta_broken");
    if (rc == 0 && (!str_eq(was, str_c(text)) || !str_eq(version, want))) {
        rc = kinds_bring(m, old, old != NULL && !str_eq(version, want));
        if (rc == 0)
            rc = meta_set(m, "schema", str_c(text));
        if (rc == 0)
            rc = meta_set(m, "text_version", want);
    }
    if (rc == 0)
        rc = searches_bring(m);
    json_decref(now);
    json_decref(old);
    free(text);
    return rc;
}

int migrate(struct registry *r, struct err *e)
{
    struct arena a = arena_init(CALL_ARENA);
    struct mig m = {.r = r, .a = &a, .e = e};
    int rc = store_begin(r->st, STORE_WRITE, &m.tx, e);

    if (rc == 0) {
        rc = bring(&m);
        if (rc == 0)
            rc = addr_tables(m.tx, r, e);
        if (rc == 0)
            rc = store_commit(m.tx, e);
        else
            store_rollback(m.tx);
    }
    arena_free(&a);
    return rc;
}
