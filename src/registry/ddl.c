/* Tables, columns and indexes of a kind. Only SQL that SQLite and PostgreSQL
 * share; what they do not share comes from the engine's ops.
 *
 * Indexes: unique values among living records (u), every key also among ended
 * ones (k), every reference (r: checks join on them), addresses as they sort
 * (b), and each order a list may ask for (o), so that a page of any list walks
 * an index and stops. */
#include "registry/migrate-int.h"
#include "base/json.h"

static const char *sql_type(const struct mig *m, const struct field *f)
{
    const struct store_ops *ops = m->r->st->ops;

    switch (value_storage(f->type)) {
    case VAL_INT:
        return ops->int_type;
    case VAL_REAL:
        return ops->real_type;
    default:
        return "TEXT";
    }
}

static void column_ddl(const struct mig *m, const struct field *f, const char *name, bool first, struct buf *b)
{
    buf_fmt(b, "\"%s\" %s", name, first ? sql_type(m, f) : "TEXT");
    if (f->type == FT_REF && !m->r->st->ops->refer_later)
        buf_fmt(b, " REFERENCES \"%.*s\"(id)", STR_ARGS(f->ref_kind));
}

/* Where a reference needs both its tables, it is declared when all are there. */
static int refer(struct mig *m, str table, const char *col, str to)
{
    if (!m->r->st->ops->refer_later)
        return 0;
    return mig_later(m, "ALTER TABLE \"%.*s\" ADD FOREIGN KEY (\"%s\") REFERENCES \"%.*s\"(id) DEFERRABLE",
                     STR_ARGS(table), col, STR_ARGS(to));
}

static int refs_table(struct mig *m, const struct kind *k, const struct field *f)
{
    const char *t = m->r->st->ops->int_type;
    char name[2 * COL_MAX], to[2 * COL_MAX + 40] = "", from[2 * COL_MAX + 40] = "";

    snprintf(name, sizeof(name), "%.*s_%.*s", STR_ARGS(k->name), STR_ARGS(f->name));
    if (!m->r->st->ops->refer_later) {
        snprintf(from, sizeof(from), " REFERENCES \"%.*s\"(id)", STR_ARGS(k->name));
        snprintf(to, sizeof(to), " REFERENCES \"%.*s\"(id)", STR_ARGS(f->ref_kind));
    }
    int rc = mig_sql(m, "CREATE TABLE \"%s\" (id %s NOT NULL%s, ref_id %s NOT NULL%s, PRIMARY KEY (id, ref_id))", name,
                     t, from, t, to);
    if (rc == 0)
        rc = refer(m, str_c(name), "id", k->name);
    if (rc == 0)
        rc = refer(m, str_c(name), "ref_id", f->ref_kind);
    if (rc == 0)
        rc = mig_sql(m, "CREATE INDEX \"%s_r\" ON \"%s\" (ref_id)", name, name);
    return rc;
}

int ddl_table(struct mig *m, const struct kind *k)
{
    const struct store_ops *ops = m->r->st->ops;
    char cols[FIELD_COLS][COL_MAX];
    struct buf b;
    int rc;

    buf_init(&b, SQL_MAX);
    for (size_t i = 0; i < k->nfields; i++) {
        size_t n = field_columns(&k->fields[i], cols);
        for (size_t j = 0; j < n; j++) {
            buf_z(&b, ", ");
            column_ddl(m, &k->fields[i], cols[j], j == 0, &b);
        }
    }
    rc = mig_sql(
        m,
        "CREATE TABLE \"%.*s\" (id %s, rev %s NOT NULL, state TEXT NOT NULL, valid_from %s NOT NULL, valid_to %s,"
        " created_at %s NOT NULL, created_by TEXT NOT NULL, changed_at %s NOT NULL, changed_by TEXT NOT NULL,"
        " folded TEXT NOT NULL, title_sort TEXT NOT NULL%.*s)",
        STR_ARGS(k->name), ops->id_type, ops->int_type, ops->int_type, ops->int_type, ops->int_type, ops->int_type,
        STR_ARGS(buf_view(&b)));
    buf_done(&b);
    for (size_t i = 0; i < k->nfields && rc == 0; i++)
        if (k->fields[i].type == FT_REFS)
            rc = refs_table(m, k, &k->fields[i]);
        else if (k->fields[i].type == FT_REF) {
            field_columns(&k->fields[i], cols);
            rc = refer(m, k->name, cols[0], k->fields[i].ref_kind);
        }
    if (rc == 0)
        rc = ddl_indexes(m, k);
    return rc == 0 ? ops->search_make(m->tx, k->name, m->e) : rc;
}

int ddl_field(struct mig *m, const struct kind *k, const struct field *f)
{
    char cols[FIELD_COLS][COL_MAX];
    size_t n = field_columns(f, cols);
    int rc = 0;

    if (f->type == FT_REFS)
        return refs_table(m, k, f);
    for (size_t j = 0; j < n && rc == 0; j++) {
        struct buf b;
        buf_init(&b, 4096);
        column_ddl(m, f, cols[j], j == 0, &b);
        rc = mig_sql(m, "ALTER TABLE \"%.*s\" ADD COLUMN %.*s", STR_ARGS(k->name), STR_ARGS(buf_view(&b)));
        buf_done(&b);
        if (rc == 0 && f->type == FT_REF)
            rc = refer(m, k->name, cols[j], f->ref_kind);
    }
    return rc;
}

static int index_order(struct mig *m, const struct kind *k, const struct field *f)
{
    char expr[2 * COL_MAX];

    order_expr(k, f, "", expr);
    return mig_sql(m, "CREATE INDEX IF NOT EXISTS \"%.*s_o_%.*s\" ON \"%.*s\" (%s, id) WHERE valid_to IS NULL",
                   STR_ARGS(k->name), STR_ARGS(f->name), STR_ARGS(k->name), expr);
}

static int index_field(struct mig *m, const struct kind *k, const struct field *f)
{
    str n = f->name, t = k->name;
    const char *tail = f->type == FT_REF ? "_id" : "";
    int rc = 0;

    if (f->unique)
        rc = mig_sql(m, "CREATE UNIQUE INDEX \"%.*s_u_%.*s\" ON \"%.*s\" (\"%.*s%s\") WHERE valid_to IS NULL",
                     STR_ARGS(t), STR_ARGS(n), STR_ARGS(t), STR_ARGS(n), tail);
    if (rc == 0 && f == &k->fields[k->key_field])
        rc = mig_sql(m, "CREATE INDEX \"%.*s_k_%.*s\" ON \"%.*s\" (\"%.*s\")", STR_ARGS(t), STR_ARGS(n), STR_ARGS(t),
                     STR_ARGS(n));
    if (rc == 0 && f->type == FT_REF)
        rc = mig_sql(m, "CREATE INDEX \"%.*s_r_%.*s\" ON \"%.*s\" (\"%.*s_id\")", STR_ARGS(t), STR_ARGS(n), STR_ARGS(t),
                     STR_ARGS(n));
    if (rc == 0 && (f->type == FT_IP || f->type == FT_PREFIX))
        rc = mig_sql(m, "CREATE INDEX \"%.*s_b_%.*s\" ON \"%.*s\" (\"%.*s_bin\")", STR_ARGS(t), STR_ARGS(n),
                     STR_ARGS(t), STR_ARGS(n));
    if (rc == 0 && f->type != FT_REF && order_allowed(k, f))
        rc = index_order(m, k, f);
    return rc;
}

int ddl_indexes(struct mig *m, const struct kind *k)
{
    static const struct field changed_at = {.name = {"changed_at", 10}, .type = FT_TIME};
    char expr[2 * COL_MAX];
    int rc = 0;

    for (size_t i = 0; i < k->nfields && rc == 0; i++)
        if (k->fields[i].type != FT_REFS)
            rc = index_field(m, k, &k->fields[i]);
    if (rc == 0)
        rc = index_order(m, k, &changed_at);
    order_expr(k, &k->fields[k->key_field], "", expr);
    if (rc == 0)
        rc = mig_sql(m, "CREATE INDEX \"%.*s_s\" ON \"%.*s\" (state, %s, id) WHERE valid_to IS NULL", STR_ARGS(k->name),
                     STR_ARGS(k->name), expr);
    return rc;
}

int ddl_indexes_drop(struct mig *m, const struct kind *k, const json_t *old)
{
    static const char *const letters[] = {"u", "k", "r", "b", "o"};
    const json_t *fields = json_object_get(old, "fields"), *f;
    size_t i;
    int rc = mig_sql(m, "DROP INDEX IF EXISTS \"%.*s_s\"", STR_ARGS(k->name));

    if (rc == 0)
        rc = mig_sql(m, "DROP INDEX IF EXISTS \"%.*s_o_changed_at\"", STR_ARGS(k->name));
    json_array_foreach(fields, i, f)
    {
        str n = json_get_str(f, "name");
        for (size_t j = 0; j < sizeof(letters) / sizeof(letters[0]) && rc == 0; j++)
            rc = mig_sql(m, "DROP INDEX IF EXISTS \"%.*s_%s_%.*s\"", STR_ARGS(k->name), letters[j], STR_ARGS(n));
    }
    return rc;
}

int ddl_field_drop(struct mig *m, const struct kind *k, const json_t *old_field)
{
    struct field f = {.name = json_get_str(old_field, "name")};
    char cols[FIELD_COLS][COL_MAX];
    int rc = 0;

    ftype_parse(json_get_str(old_field, "type"), &f.type);
    if (f.type == FT_REFS)
        return mig_sql(m, "DROP TABLE \"%.*s_%.*s\"%s", STR_ARGS(k->name), STR_ARGS(f.name), m->r->st->ops->drop_tail);
    size_t n = field_columns(&f, cols);
    for (size_t j = 0; j < n && rc == 0; j++)
        rc = mig_sql(m, "ALTER TABLE \"%.*s\" DROP COLUMN \"%s\"", STR_ARGS(k->name), cols[j]);
    return rc;
}
