/* move.h: table by table, column by column in the order of their names, as each
 * engine keeps them in an order of its own. The hash of a table is the sum of
 * the hashes of its rows, so that no order of rows is asked for.
 * One thread; no state. */
#include "registry/move.h"
#include "registry/store-int.h"
#include "vault/vault.h"
#include <errno.h>

enum { TABLES_MAX = 1024, COLUMNS_MAX = 256, TELL_EVERY = 5000, ROW_MAX = 16 << 20 };

struct names {
    struct arena *a;
    str *v;
    size_t n, max;
};
struct sum {
    uint64_t rows, h[4];
};
struct move {
    struct tx *from, *to;
    struct arena *a;
    move_progress *fn;
    void *ctx;
    struct err *e;
    str table;
    char *insert;
    struct sum sum;
    int rc;
};

static bool name_row(void *ctx, const struct val *cols, size_t n)
{
    struct names *x = ctx;

    (void)n;
    if (x->n < x->max)
        x->v[x->n++] = arena_str(x->a, cols[0].s);
    return true;
}

static int names_read(struct tx *tx, struct arena *a, const char *sql, const struct val *p, size_t np, size_t max,
                      struct names *out, struct err *e)
{
    *out = (struct names){.a = a, .v = arena_array(a, str, max), .max = max};
    int rc = out->v == NULL ? -ENOMEM : tx_query(tx, sql, p, np, name_row, out, e);

    return rc == 0 && !a->failed ? 0 : rc < 0 && rc != -ENOMEM ? rc : ERR(e, -ENOMEM, "store.no_memory");
}

static void sum_add(struct sum *s, const struct val *cols, size_t n)
{
    struct buf b;
    uint64_t h[4];

    buf_init(&b, ROW_MAX);
    for (size_t i = 0; i < n; i++) {
        if (cols[i].type == VAL_INT)
            buf_fmt(&b, "i%lld,", (long long)cols[i].i);
        else if (cols[i].type == VAL_REAL)
            buf_fmt(&b, "r%.17g,", cols[i].r);
        else if (cols[i].type == VAL_TEXT)
            buf_fmt(&b, "t%zu:%.*s,", cols[i].s.n, STR_ARGS(cols[i].s));
        else
            buf_z(&b, "-,");
    }
    struct sha256 d = sha256(buf_view(&b));
    memcpy(h, d.b, sizeof(h));
    for (int i = 0; i < 4; i++)
        s->h[i] += h[i];
    s->rows += b.failed ? 0 : 1;
    buf_done(&b);
}

static bool copy_row(void *ctx, const struct val *cols, size_t n)
{
    struct move *m = ctx;

    m->rc = tx_exec(m->to, m->insert, cols, n, NULL, m->e);
    sum_add(&m->sum, cols, n);
    if (m->sum.rows % TELL_EVERY == 0)
        m->fn(m->ctx, m->table, (int64_t)m->sum.rows);
    return m->rc == 0;
}

static bool sum_row(void *ctx, const struct val *cols, size_t n)
{
    sum_add(ctx, cols, n);
    return true;
}

static bool same_names(const struct names *a, const struct names *b)
{
    bool same = a->n == b->n;

    for (size_t i = 0; same && i < a->n; i++)
        same = str_eq(a->v[i], b->v[i]);
    return same;
}

/* "SELECT a, b FROM t" and "INSERT INTO t (a, b) VALUES (?1, ?2)". */
static int texts_make(struct move *m, const struct names *cols, char **select)
{
    struct buf s, i;

    buf_init(&s, 1 << 16);
    buf_init(&i, 1 << 16);
    buf_fmt(&i, "INSERT INTO \"%.*s\" (", STR_ARGS(m->table));
    for (size_t k = 0; k < cols->n; k++) {
        buf_fmt(&s, "%s\"%.*s\"", k == 0 ? "SELECT " : ", ", STR_ARGS(cols->v[k]));
        buf_fmt(&i, "%s\"%.*s\"", k == 0 ? "" : ", ", STR_ARGS(cols->v[k]));
    }
    buf_fmt(&s, " FROM \"%.*s\"", STR_ARGS(m->table));
    for (size_t k = 0; k < cols->n; k++)
        buf_fmt(&i, k == 0 ? ") VALUES (?%zu" : ", ?%zu", k + 1);
    buf_z(&i, ")");
    *select = s.failed ? NULL : arena_cstr(m->a, buf_view(&s));
    m->insert = i.failed ? NULL : arena_cstr(m->a, buf_view(&i));
    buf_done(&s);
    buf_done(&i);
    return *select == NULL || m->insert == NULL ? ERR(m->e, -ENOMEM, "store.no_memory") : 0;
}

static int must_be_empty(struct move *m)
{
    char sql[200];
    struct val v;

    snprintf(sql, sizeof(sql), "SELECT 1 FROM \"%.*s\" LIMIT 1", STR_ARGS(m->table));
    int rc = tx_one(m->to, NULL, sql, NO_VALS, &v, m->e);
    return rc <= 0 ? rc : ERR(m->e, -ENOTEMPTY, "store.move_not_empty", S(m->table));
}

static int table_move(struct move *m)
{
    const struct store_ops *a = m->from->st->ops, *b = m->to->st->ops;
    struct names from, to;
    struct sum back = {0};
    char *select = NULL;
    int rc = names_read(m->from, m->a, a->columns_sql, VALS(V_STR(m->table)), COLUMNS_MAX, &from, m->e);

    m->sum = (struct sum){0};
    m->rc = 0;
    if (rc == 0)
        rc = names_read(m->to, m->a, b->columns_sql, VALS(V_STR(m->table)), COLUMNS_MAX, &to, m->e);
    if (rc == 0 && (from.n == 0 || !same_names(&from, &to)))
        rc = ERR(m->e, -ENOENT, "store.move_table", S(m->table));
    if (rc == 0)
        rc = must_be_empty(m);
    if (rc == 0)
        rc = texts_make(m, &from, &select);
    if (rc == 0)
        m->fn(m->ctx, m->table, 0);
    if (rc == 0)
        rc = a->scan(m->from, select, copy_row, m, m->e);
    if (rc == 0)
        rc = m->rc;
    if (rc == 0 && b->ids_go_on != NULL)
        rc = b->ids_go_on(m->to, m->table, m->e);
    if (rc == 0)
        rc = b->scan(m->to, select, sum_row, &back, m->e);
    if (rc == 0 && memcmp(&back, &m->sum, sizeof(back)) != 0)
        rc = ERR(m->e, -EBADMSG, "store.move_differs", S(m->table), N((int64_t)m->sum.rows), N((int64_t)back.rows));
    if (rc == 0)
        m->fn(m->ctx, m->table, (int64_t)m->sum.rows);
    return rc;
}

static int tables_move(struct move *m)
{
    struct names t;
    int rc = names_read(m->from, m->a, m->from->st->ops->tables_sql, NO_VALS, TABLES_MAX, &t, m->e);

    if (rc == 0)
        rc = tx_exec(m->to, m->to->st->ops->defer_refs, NO_VALS, NULL, m->e);
    if (rc == 0)
        rc = tx_exec(m->to, "DELETE FROM registry_meta", NO_VALS, NULL, m->e);
    for (size_t i = 0; i < t.n && rc == 0; i++) {
        m->table = t.v[i];
        rc = table_move(m);
    }
    return rc;
}

int store_move(struct store *from, struct store *to, move_progress *fn, void *ctx, struct err *e)
{
    struct arena a = arena_init(64 << 20);
    struct move m = {.a = &a, .fn = fn, .ctx = ctx, .e = e};
    int rc = store_begin(from, STORE_READ, &m.from, e);

    if (rc == 0 && (rc = store_begin(to, STORE_WRITE, &m.to, e)) < 0)
        store_rollback(m.from);
    if (rc == 0) {
        rc = tables_move(&m);
        if (rc == 0)
            rc = store_commit(m.to, e);
        else
            store_rollback(m.to);
        store_rollback(m.from);
    }
    arena_free(&a);
    return rc;
}
