/* Records between SQL rows, memory and JSON. A record lives in the arena of
 * the call that read it; the SQL texts are made once when the registry opens. */
#include "registry/registry-int.h"
#include "base/json.h"
#include <errno.h>

enum { HEAD_COLS = 9 };
static const char head_cols[] =
    "t.id, t.rev, t.state, t.valid_from, t.valid_to, t.created_at, t.created_by, t.changed_at, t.changed_by";

static void from_make(const struct kind *k, struct buf *b)
{
    buf_fmt(b, "\"%.*s\" t", STR_ARGS(k->name));
    for (size_t i = 0; i < k->nfields; i++) {
        const struct field *f = &k->fields[i];
        if (f->type == FT_REF)
            buf_fmt(b, " LEFT JOIN \"%.*s\" r%zu ON r%zu.id = t.\"%.*s_id\"", STR_ARGS(f->ref_kind), i, i,
                    STR_ARGS(f->name));
    }
}

static void cols_make(const struct registry *r, const struct kind *k, struct buf *b)
{
    buf_z(b, head_cols);
    for (size_t i = 0; i < k->nfields; i++) {
        const struct field *f = &k->fields[i];
        if (f->type == FT_REF) {
            const struct kind *t = schema_kind(r->sc, f->ref_kind);
            buf_fmt(b, ", t.\"%.*s_id\", r%zu.\"%.*s\", r%zu.\"%.*s\"", STR_ARGS(f->name), i,
                    STR_ARGS(t->fields[t->key_field].name), i, STR_ARGS(t->fields[t->title_field].name));
        } else if (f->type != FT_REFS) {
            buf_fmt(b, ", t.\"%.*s\"", STR_ARGS(f->name));
        }
    }
}

static void insert_make(const struct kind *k, struct buf *b)
{
    char cols[FIELD_COLS][COL_MAX];
    size_t n = 10;

    buf_fmt(b,
            "INSERT INTO \"%.*s\" (id, rev, state, valid_from, created_at, created_by, changed_at, changed_by, folded, "
            "title_sort",
            STR_ARGS(k->name));
    for (size_t i = 0; i < k->nfields; i++) {
        size_t m = field_columns(&k->fields[i], cols);
        for (size_t j = 0; j < m; j++, n++)
            buf_fmt(b, ", \"%s\"", cols[j]);
    }
    buf_z(b, ") VALUES (");
    for (size_t i = 1; i <= n; i++)
        buf_fmt(b, i > 1 ? ", ?%zu" : "?%zu", i);
    buf_z(b, ")");
}

static char *buf_take(struct buf *b)
{
    buf_byte(b, 0);
    char *p = b->failed ? NULL : strdup(b->p);
    buf_done(b);
    return p;
}

int kind_sql_make(const struct registry *r, const struct kind *k, struct kind_sql *out)
{
    struct buf b;

    buf_init(&b, SQL_MAX);
    cols_make(r, k, &b);
    out->cols = buf_take(&b);
    buf_init(&b, SQL_MAX);
    from_make(k, &b);
    out->from = buf_take(&b);
    buf_init(&b, SQL_MAX);
    insert_make(k, &b);
    out->insert = buf_take(&b);
    return out->cols == NULL || out->from == NULL || out->insert == NULL ? -ENOMEM : 0;
}

size_t kind_index(const struct registry *r, const struct kind *k) { return (size_t)(k - r->sc->kinds); }

struct rec *rec_new(struct arena *a, const struct kind *k)
{
    struct rec *rec = arena_new(a, struct rec);

    if (rec == NULL)
        return NULL;
    rec->k = k;
    rec->v = arena_array(a, struct val, k->nfields);
    rec->ref = arena_array(a, struct ref_text, k->nfields);
    rec->refs = arena_array(a, struct id_list, k->nfields);
    return a->failed ? NULL : rec;
}

static struct val val_copy(struct arena *a, const struct val *v)
{
    struct val out = *v;

    if (v->type == VAL_TEXT)
        out.s = arena_str(a, v->s);
    return out;
}

bool rec_from_row(struct arena *a, struct rec *rec, const struct val *cols)
{
    size_t c = HEAD_COLS;

    rec->id = cols[0].i;
    rec->rev = cols[1].i;
    rec->state = arena_str(a, cols[2].s);
    rec->valid_from = cols[3].i;
    rec->valid_to = cols[4].type == VAL_NULL ? 0 : cols[4].i;
    rec->created_at = cols[5].i;
    rec->created_by = arena_str(a, cols[6].s);
    rec->changed_at = cols[7].i;
    rec->changed_by = arena_str(a, cols[8].s);
    for (size_t i = 0; i < rec->k->nfields; i++) {
        if (rec->k->fields[i].type == FT_REFS)
            continue;
        rec->v[i] = val_copy(a, &cols[c++]);
        if (rec->k->fields[i].type == FT_REF) {
            rec->ref[i].key = arena_str(a, cols[c++].s);
            rec->ref[i].title = arena_str(a, cols[c++].s);
        }
    }
    return !a->failed;
}

/* Room for 8, and twice as many each time. */
bool id_list_row(struct arena *a, struct id_list *l, const struct val *cols)
{
    if (l->n == 0 || (l->n >= 8 && (l->n & (l->n - 1)) == 0)) {
        size_t cap = l->n == 0 ? 8 : l->n * 2;
        int64_t *id = arena_array(a, int64_t, cap);
        struct ref_text *text = arena_array(a, struct ref_text, cap);
        if (id == NULL || text == NULL)
            return false;
        for (size_t i = 0; i < l->n; i++) {
            id[i] = l->id[i];
            text[i] = l->text[i];
        }
        l->id = id;
        l->text = text;
    }
    l->id[l->n] = cols[0].i;
    l->text[l->n++] = (struct ref_text){arena_str(a, cols[1].s), arena_str(a, cols[2].s)};
    return true;
}

struct refs_read {
    struct arena *a;
    struct id_list *out;
};

static bool refs_row(void *ctx, const struct val *cols, size_t n)
{
    struct refs_read *x = ctx;

    (void)n;
    return id_list_row(x->a, x->out, cols);
}

int rec_load_refs(struct tx *tx, const struct registry *r, struct arena *a, struct rec *rec, struct err *e)
{
    char sql[512];
    int rc = 0;

    for (size_t i = 0; i < rec->k->nfields && rc == 0; i++) {
        const struct field *f = &rec->k->fields[i];
        if (f->type != FT_REFS)
            continue;
        const struct kind *t = schema_kind(r->sc, f->ref_kind);
        str key = t->fields[t->key_field].name, title = t->fields[t->title_field].name;
        struct refs_read x = {a, &rec->refs[i]};
        snprintf(sql, sizeof(sql),
                 "SELECT x.ref_id, k.\"%.*s\", k.\"%.*s\" FROM \"%.*s_%.*s\" x JOIN \"%.*s\" k ON k.id = x.ref_id"
                 " WHERE x.id = ?1 ORDER BY k.\"%.*s\"",
                 STR_ARGS(key), STR_ARGS(title), STR_ARGS(rec->k->name), STR_ARGS(f->name), STR_ARGS(t->name),
                 STR_ARGS(key));
        rc = tx_query(tx, sql, VALS(V_INT(rec->id)), refs_row, &x, e);
    }
    return rc == 0 && a->failed ? ERR(e, -ENOMEM, "registry.no_memory") : rc;
}

struct row_read {
    struct arena *a;
    struct rec *rec;
    bool found;
};

static bool load_row(void *ctx, const struct val *cols, size_t n)
{
    struct row_read *x = ctx;

    (void)n;
    x->found = true;
    rec_from_row(x->a, x->rec, cols);
    return false;
}

int rec_load(struct tx *tx, const struct registry *r, struct arena *a, const struct kind *k, int64_t id,
             struct rec **out, struct err *e)
{
    struct row_read x = {a, rec_new(a, k), false};
    const struct kind_sql *ks = &r->sql[kind_index(r, k)];
    str sql = arena_fmt(a, "SELECT %s FROM %s WHERE t.id = ?1", ks->cols, ks->from);

    if (x.rec == NULL || sql.p == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    int rc = tx_query(tx, sql.p, VALS(V_INT(id)), load_row, &x, e);
    if (rc == 0 && !x.found)
        rc = ERR(e, -ENOENT, "registry.not_found", S(k->name), N(id));
    if (rc == 0)
        rc = rec_load_refs(tx, r, a, x.rec, e);
    if (rc == 0)
        *out = x.rec;
    return rc;
}

str rec_key(const struct rec *rec) { return rec->v[rec->k->key_field].s; }

static json_t *seconds_json(int64_t s)
{
    char text[32];

    if (s == 0)
        return json_null();
    time_fmt(s * NS_PER_S, 0, text, sizeof(text));
    return json_string(text);
}

static json_t *title_json(bool host, str title, str key)
{
    title = title.n > 0 ? title : key;
    return host ? host_json(title) : json_from_str(title);
}

static json_t *ref_json(const struct field *f, int64_t id, const struct ref_text *t)
{
    return json_pack("{s:I, s:o, s:o}", "id", (json_int_t)id, "key", json_from_str(t->key), "title",
                     title_json(f->ref_host, t->title, t->key));
}

static json_t *field_json(const struct rec *rec, size_t i)
{
    const struct field *f = &rec->k->fields[i];

    if (f->type == FT_REF)
        return rec->v[i].type == VAL_NULL ? json_null() : ref_json(f, rec->v[i].i, &rec->ref[i]);
    if (f->type != FT_REFS)
        return value_to_json(f, &rec->v[i]);
    json_t *list = json_array();
    for (size_t j = 0; j < rec->refs[i].n; j++)
        json_array_append_new(list, ref_json(f, rec->refs[i].id[j], &rec->refs[i].text[j]));
    return list;
}

/* Fields come last: one that is called like a system member ("kind" of a
 * network, "title" of a clause) stands in its place. */
json_t *rec_json(const struct rec *rec)
{
    str title = rec->v[rec->k->title_field].s;
    json_t *o = json_pack("{s:I, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "id", (json_int_t)rec->id,
                          "kind", json_from_str(rec->k->name), "key", json_from_str(rec_key(rec)), "title",
                          title_json(rec->k->fields[rec->k->title_field].type == FT_FQDN, title, rec_key(rec)), "state",
                          json_from_str(rec->state), "rev", (json_int_t)rec->rev, "valid_from",
                          seconds_json(rec->valid_from), "valid_to", seconds_json(rec->valid_to), "created_at",
                          seconds_json(rec->created_at), "created_by", json_from_str(rec->created_by), "changed_at",
                          seconds_json(rec->changed_at), "changed_by", json_from_str(rec->changed_by));
    char name[COL_MAX];

    for (size_t i = 0; o != NULL && i < rec->k->nfields; i++) {
        snprintf(name, sizeof(name), "%.*s", STR_ARGS(rec->k->fields[i].name));
        json_object_set_new(o, name, field_json(rec, i));
    }
    return o;
}

static bool all_digits(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

static int find_sql(struct tx *tx, struct arena *a, const struct kind *k, const char *col, const char *rest,
                    const struct val *v, int64_t *id, struct err *e)
{
    struct val found;
    char sql[256];

    snprintf(sql, sizeof(sql), "SELECT id FROM \"%.*s\" WHERE \"%s\" = ?1%s", STR_ARGS(k->name), col, rest);
    int rc = tx_one(tx, a, sql, v, 1, &found, e);
    if (rc > 0)
        *id = found.i;
    return rc < 0 ? rc : 0;
}

int rec_find_key(struct tx *tx, struct arena *a, const struct kind *k, str key, bool living, int64_t *id, struct err *e)
{
    const struct field *f = &k->fields[k->key_field];
    char col[COL_MAX];
    struct val v;

    *id = 0;
    /* What cannot be a key names nothing. */
    if (value_parse(a, f, key, &v, NULL) < 0 || v.type != VAL_TEXT)
        return 0;
    snprintf(col, sizeof(col), "%.*s", STR_ARGS(f->name));
    int rc = find_sql(tx, a, k, col, " AND valid_to IS NULL", &v, id, e);
    if (rc == 0 && *id == 0 && !living)
        rc = find_sql(tx, a, k, col, " ORDER BY id DESC LIMIT 1", &v, id, e);
    return rc;
}

int rec_find(struct tx *tx, struct arena *a, const struct kind *k, str id_or_key, bool living, int64_t *id,
             struct err *e)
{
    int64_t n;

    if (!all_digits(id_or_key))
        return rec_find_key(tx, a, k, id_or_key, living, id, e);
    *id = 0;
    if (!str_i64(id_or_key, &n))
        return 0;
    return find_sql(tx, a, k, "id", living ? " AND valid_to IS NULL" : "", &V_INT(n), id, e);
}
