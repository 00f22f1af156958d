/* What is going to be asked for, and the questions: one for all that ask the same, so many at a time. */
#include "registry/known_body-int.h"
#include <errno.h>

enum { LOOK_MAX = 250 };

static void want_add(struct known *x, struct want_list *l, const struct kind *k, size_t field, struct val v)
{
    struct want *w = arena_new(&x->a, struct want);

    if (w == NULL)
        return;
    if (v.type == VAL_TEXT)
        v.s = arena_str(&x->a, v.s);
    *w = (struct want){.k = k, .field = field, .v = v};
    *l->tail = w;
    l->tail = &w->next;
}

static void want_value(struct known *x, const struct kind *k, size_t field, str value)
{
    char name[KNOWN_NAME];
    str at = known_name(x, k, field, value, name);

    if (at.n > 0 && known_entry(&x->refs, at) == NULL && known_entry_new(&x->a, &x->refs, at) != NULL)
        want_add(x, &x->values, k, field, V_STR(value));
}

void known_want_key(struct known *x, const struct kind *k, str key) { want_value(x, k, KNOWN_KEY, key); }

void known_want_unique(struct known *x, const struct kind *k, size_t field, str value)
{
    want_value(x, k, field == k->key_field ? KNOWN_KEY : field, value);
}

void known_want_rec(struct known *x, const struct kind *k, int64_t id)
{
    if (known_rec(x, k, id) == NULL)
        want_add(x, &x->ids, k, 0, V_INT(id));
}

/* Until it is said to hold none, it may hold others. */
void known_want_plain(struct known *x, int64_t prefix)
{
    const struct kind *k = schema_kind(x->r->sc, STR("prefix"));
    size_t before = x->plain.n;

    if (known_plain(x, prefix))
        return;
    known_plain_set(x, prefix, false);
    if (x->plain.n > before)
        want_add(x, &x->plains, k, 0, V_INT(prefix));
}

/* One question: what its answer belongs to. */
struct look {
    struct known *x;
    const struct kind *k;
    size_t field;
};

static bool value_row(void *ctx, const struct val *cols, size_t n)
{
    const struct look *l = ctx;
    struct known *x = l->x;
    char name[KNOWN_NAME];
    struct known_ref *ref = known_entry(&x->refs, known_name(x, l->k, l->field, cols[3].s, name));

    (void)n;
    if (ref != NULL)
        *ref = (struct known_ref){cols[0].i, arena_str(&x->a, cols[1].s), arena_str(&x->a, cols[2].s)};
    return true;
}

static bool rec_row(void *ctx, const struct val *cols, size_t n)
{
    const struct look *l = ctx;
    struct known *x = l->x;
    struct rec *rec = rec_new(&x->a, l->k);
    char name[KNOWN_NAME];
    bool fresh;

    (void)n;
    if (rec == NULL || !rec_from_row(&x->a, rec, cols))
        return false;
    struct map_slot *slot = map_put(&x->recs, known_number(x, l->k, 0, rec->id, name), &fresh);
    if (slot != NULL)
        slot->v.ptr = rec;
    return true;
}

static bool list_row(void *ctx, const struct val *cols, size_t n)
{
    const struct look *l = ctx;
    struct known *x = l->x;
    struct rec *rec = known_rec(x, l->k, cols[3].i);

    (void)n;
    if (rec == NULL)
        return true;
    struct id_list *list = &rec->refs[l->field];
    return id_list_row(&x->a, list, cols);
}

/* " IN (VALUES (?1), ...)": a table to join with, which PostgreSQL counts and hashes where a list of parameters is
 * gone through for each row. As many as one of few lengths, so that there are few texts; the last repeats. */
static size_t in_list(struct buf *b, struct val *p, size_t n)
{
    size_t want = n <= 8 ? 8 : n <= 64 ? 64 : LOOK_MAX;

    buf_z(b, p[0].type == VAL_INT ? " IN (VALUES (CAST(?1 AS BIGINT))" : " IN (VALUES (?1)");
    for (size_t i = 1; i < want; i++) {
        if (i >= n)
            p[i] = p[n - 1];
        buf_fmt(b, ", (?%zu)", i + 1);
    }
    buf_z(b, ")");
    return want;
}

static int look_ask(struct tx *tx, const struct look *in, struct buf *b, const struct val *p, size_t np, row_fn *fn,
                    struct err *e)
{
    struct look *l = arena_new(&in->x->a, struct look);

    buf_byte(b, 0);
    if (b->failed)
        return ERR(e, -ENOMEM, "registry.no_memory");
    if (l == NULL)
        return 0; /* known_look lets go of all */
    *l = *in;
    return tx_ask(tx, b->p, p, np, fn, l, e);
}

static int look_values(struct known *x, struct tx *tx, const struct want *w, struct val *p, size_t n, struct err *e)
{
    const struct kind *k = w->k;
    str key = k->fields[k->key_field].name, field = w->field == KNOWN_KEY ? key : k->fields[w->field].name;
    struct buf b;

    buf_init(&b, SQL_MAX);
    buf_fmt(
        &b, "SELECT t.id, t.\"%.*s\", t.\"%.*s\", t.\"%.*s\" FROM \"%.*s\" t WHERE t.valid_to IS NULL AND t.\"%.*s\"",
        STR_ARGS(key), STR_ARGS(k->fields[k->title_field].name), STR_ARGS(field), STR_ARGS(k->name), STR_ARGS(field));
    size_t np = in_list(&b, p, n);
    int rc = look_ask(tx, &(struct look){x, k, w->field}, &b, p, np, value_row, e);
    buf_done(&b);
    return rc;
}

static int look_lists(struct known *x, struct tx *tx, const struct kind *k, struct val *p, size_t n, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; i < k->nfields && rc == 0; i++) {
        const struct field *f = &k->fields[i];
        const struct kind *t = f->type == FT_REFS ? schema_kind(x->r->sc, f->ref_kind) : NULL;
        struct buf b;
        if (t == NULL)
            continue;
        str key = t->fields[t->key_field].name;
        buf_init(&b, SQL_MAX);
        buf_fmt(&b,
                "SELECT x.ref_id, k.\"%.*s\", k.\"%.*s\", x.id FROM \"%.*s_%.*s\" x JOIN \"%.*s\" k ON k.id = x.ref_id"
                " WHERE x.id",
                STR_ARGS(key), STR_ARGS(t->fields[t->title_field].name), STR_ARGS(k->name), STR_ARGS(f->name),
                STR_ARGS(t->name));
        size_t np = in_list(&b, p, n);
        buf_fmt(&b, " ORDER BY k.\"%.*s\"", STR_ARGS(key));
        rc = look_ask(tx, &(struct look){x, k, i}, &b, p, np, list_row, e);
        buf_done(&b);
    }
    return rc;
}

static int look_recs(struct known *x, struct tx *tx, const struct want *w, struct val *p, size_t n, struct err *e)
{
    const struct kind_sql *ks = &x->r->sql[kind_index(x->r, w->k)];
    struct buf b;

    buf_init(&b, SQL_MAX);
    buf_fmt(&b, "SELECT %s FROM %s WHERE t.id", ks->cols, ks->from);
    size_t np = in_list(&b, p, n);
    int rc = look_ask(tx, &(struct look){x, w->k, 0}, &b, p, np, rec_row, e);
    buf_done(&b);
    return rc == 0 ? look_lists(x, tx, w->k, p, n, e) : rc;
}

static bool plain_row(void *ctx, const struct val *cols, size_t n)
{
    const struct look *l = ctx;

    (void)n;
    known_plain_set(l->x, cols[0].i, true);
    return true;
}

static int look_plains(struct known *x, struct tx *tx, const struct want *w, struct val *p, size_t n, struct err *e)
{
    struct buf b;

    buf_init(&b, SQL_MAX);
    buf_z(&b, "SELECT id FROM prefix WHERE container = 0 AND id");
    size_t np = in_list(&b, p, n);
    int rc = look_ask(tx, &(struct look){x, w->k, 0}, &b, p, np, plain_row, e);
    buf_done(&b);
    return rc;
}

typedef int look_fn(struct known *x, struct tx *tx, const struct want *w, struct val *p, size_t n, struct err *e);

/* Those that ask the same stand together. */
static int look_all(struct known *x, struct tx *tx, const struct want *w, look_fn *look, struct err *e)
{
    struct val *p = w != NULL ? reallocarray(NULL, LOOK_MAX, sizeof(*p)) : NULL;
    int rc = w != NULL && p == NULL ? ERR(e, -ENOMEM, "registry.no_memory") : 0;

    while (w != NULL && rc == 0) {
        const struct want *first = w;
        size_t n = 0;
        for (; w != NULL && w->k == first->k && w->field == first->field && n < LOOK_MAX; w = w->next)
            p[n++] = w->v;
        rc = look(x, tx, first, p, n, e);
    }
    free(p);
    return rc;
}

int known_look(struct known *x, struct tx *tx, struct err *e)
{
    bool any = x->values.first != NULL || x->ids.first != NULL || x->plains.first != NULL;
    int rc = look_all(x, tx, x->values.first, look_values, e);

    if (rc == 0)
        rc = look_all(x, tx, x->ids.first, look_recs, e);
    if (rc == 0)
        rc = look_all(x, tx, x->plains.first, look_plains, e);
    if (rc == 0 && any)
        rc = tx_flush(tx, e);
    known_lists_init(x);
    if (rc == 0 && x->a.failed) /* too much of it: each is asked for by itself */
        known_clear(x);
    return rc;
}
