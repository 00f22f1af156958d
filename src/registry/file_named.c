/* Where documents are named: in records, in the history, among the values of
 * personal fields, in change sets. One thread's transaction; no state. */
#include "registry/file-int.h"
#include "base/json.h"

struct naming {
    file_named_fn *fn;
    void *ctx;
    struct file_name_at at;
    bool more;
};

static void said(struct naming *x, str field, const json_t *v)
{
    str sha256 = json_get_str(v, "sha256"), name = json_get_str(v, "name");

    if (!x->more || !json_is_object(v) || sha256.n != SHA256_HEX || name.n == 0 || json_object_get(v, "size") == NULL)
        return;
    x->at.field = field;
    x->at.name = name;
    x->at.sha256 = sha256;
    x->more = x->fn(x->ctx, &x->at);
}

static bool history_row(void *ctx, const struct val *c, size_t n)
{
    struct naming *x = ctx;
    json_t *doc = json_loadb(c[2].s.p, c[2].s.n, 0, NULL), *v;
    const char *name;

    (void)n;
    x->at.kind = c[0].s;
    x->at.id = c[1].i;
    json_object_foreach(doc, name, v) said(x, str_c(name), v);
    json_decref(doc);
    return x->more;
}

static bool value_row(void *ctx, const struct val *c, size_t n)
{
    struct naming *x = ctx;
    json_t *v = json_loadb(c[2].s.p, c[2].s.n, JSON_DECODE_ANY, NULL);

    (void)n;
    x->at.kind = c[0].s;
    x->at.id = c[1].i;
    said(x, c[3].s, v);
    json_decref(v);
    return x->more;
}

struct naming_column {
    struct naming *x;
    const struct kind *k;
    const struct field *f;
};

static bool column_row(void *ctx, const struct val *c, size_t n)
{
    struct naming_column *col = ctx;
    json_t *v = c[1].type == VAL_TEXT ? json_loadb(c[1].s.p, c[1].s.n, 0, NULL) : NULL;

    (void)n;
    col->x->at.kind = col->k->name;
    col->x->at.id = c[0].i;
    said(col->x, col->f->name, v);
    json_decref(v);
    return col->x->more;
}

/* The history has these too, unless somebody wrote into the tables past it. */
static int columns_named(struct registry *r, struct tx *tx, struct naming *x, struct err *e)
{
    int rc = 0;
    char sql[200];

    for (size_t i = 0; i < r->sc->nkinds; i++)
        for (size_t j = 0; j < r->sc->kinds[i].nfields && rc == 0 && x->more; j++) {
            struct naming_column c = {x, &r->sc->kinds[i], &r->sc->kinds[i].fields[j]};
            if (c.f->type != FT_FILE)
                continue;
            snprintf(sql, sizeof(sql), "SELECT id, \"%.*s\" FROM \"%.*s\" WHERE \"%.*s\" IS NOT NULL",
                     STR_ARGS(c.f->name), STR_ARGS(c.k->name), STR_ARGS(c.f->name));
            rc = tx_query(tx, sql, NO_VALS, column_row, &c, e);
        }
    return rc;
}

int files_named(struct registry *r, struct tx *tx, file_named_fn *fn, void *ctx, struct err *e)
{
    struct naming x = {.fn = fn, .ctx = ctx, .more = true};
    int rc = tx_query(tx,
                      "SELECT kind, record_id, after FROM history WHERE INSTR(after, '\"sha256\":\"') > 0"
                      " ORDER BY seq",
                      NO_VALS, history_row, &x, e);

    if (rc == 0 && x.more)
        rc = tx_query(tx,
                      "SELECT kind, record_id, value, field FROM personal_value WHERE INSTR(value, '\"sha256\":\"') > 0"
                      " ORDER BY id",
                      NO_VALS, value_row, &x, e);
    return rc == 0 && x.more ? columns_named(r, tx, &x, e) : rc;
}

int file_in_change(struct tx *tx, str sha256, struct err *e)
{
    struct val v;

    return tx_one(tx, NULL, "SELECT 1 FROM change_op WHERE INSTR(doc, ?1) > 0 LIMIT 1", VALS(V_STR(sha256)), &v, e);
}

int file_is_named(struct tx *tx, str sha256, enum named *out, struct err *e)
{
    static const char *const sql[] = {"SELECT 1 FROM personal_value WHERE INSTR(value, ?1) > 0 LIMIT 1",
                                      "SELECT 1 FROM history WHERE INSTR(after, ?1) > 0 LIMIT 1"};
    int rc = 0;

    for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]) && rc == 0; i++) {
        struct val v;
        rc = tx_one(tx, NULL, sql[i], VALS(V_STR(sha256)), &v, e);
    }
    *out = rc > 0 ? NAMED_BY_RECORD : NAMED_NOWHERE;
    if (rc == 0 && (rc = file_in_change(tx, sha256, e)) > 0)
        *out = NAMED_BY_CHANGE;
    return rc < 0 ? rc : 0;
}
