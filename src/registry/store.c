/* store.h: chooses the engine by its url and hands every call on. No state of
 * its own; any thread. */
#include "registry/store-int.h"
#include <errno.h>

static const struct {
    const char *head;
    const struct store_ops *ops;
} engines[] = {
    {"postgresql://", &pg_ops},
    {"postgres://", &pg_ops},
};

int store_open(const char *url, struct store **out, struct err *e)
{
    const struct store_ops *ops = &sqlite_ops;

    if (url == NULL || *url == '\0')
        return ERR(e, -EINVAL, "store.no_path");
    for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++)
        if (str_starts(str_c(url), str_c(engines[i].head)))
            ops = engines[i].ops;
    return ops->open(url, out, e);
}

void store_close(struct store *s)
{
    if (s != NULL)
        s->ops->close(s);
}

int store_begin(struct store *s, enum store_mode m, struct tx **out, struct err *e)
{
    return s->ops->begin(s, m, out, e);
}

int store_commit(struct tx *tx, struct err *e) { return tx->st->ops->commit(tx, e); }

void store_rollback(struct tx *tx)
{
    if (tx != NULL)
        tx->st->ops->rollback(tx);
}

/* An engine that put the statement off has said already whose it was. */
static int blamed(struct tx *tx, int rc)
{
    if (rc < 0 && tx->blame == 0)
        tx->blame = tx->mark;
    return rc;
}

int tx_exec(struct tx *tx, const char *sql, const struct val *p, size_t np, int64_t *changed, struct err *e)
{
    return blamed(tx, tx->st->ops->run(tx, sql, p, np, NULL, NULL, changed, e));
}

int64_t tx_last_id(struct tx *tx) { return tx->st->ops->last_id(tx); }

int tx_query(struct tx *tx, const char *sql, const struct val *p, size_t np, row_fn *fn, void *ctx, struct err *e)
{
    return blamed(tx, tx->st->ops->run(tx, sql, p, np, fn, ctx, NULL, e));
}

int tx_ask(struct tx *tx, const char *sql, const struct val *p, size_t np, row_fn *fn, void *ctx, struct err *e)
{
    const struct store_ops *ops = tx->st->ops;

    return blamed(tx, ops->defer != NULL ? ops->defer(tx, sql, p, np, fn, ctx, e)
                                         : ops->run(tx, sql, p, np, fn, ctx, NULL, e));
}

int tx_defer(struct tx *tx, const char *sql, const struct val *p, size_t np, struct err *e)
{
    return tx_ask(tx, sql, p, np, NULL, NULL, e);
}

int tx_flush(struct tx *tx, struct err *e)
{
    return tx->st->ops->flush != NULL ? blamed(tx, tx->st->ops->flush(tx, e)) : 0;
}

int tx_insert(struct tx *tx, str table, const char *sql, struct val *p, size_t np, int64_t *id, struct err *e)
{
    const struct store_ops *ops = tx->st->ops;
    int64_t n = 0;
    int rc = ops->new_id != NULL ? blamed(tx, ops->new_id(tx, table, &n, e)) : 0;

    p[0] = ops->new_id != NULL ? V_INT(n) : V_NULL;
    if (rc == 0)
        rc = tx_defer(tx, sql, p, np, e);
    if (rc == 0)
        *id = ops->new_id != NULL ? n : tx_last_id(tx);
    return rc;
}

void tx_mark(struct tx *tx, int64_t mark) { tx->mark = mark; }
int64_t tx_marked(const struct tx *tx) { return tx->mark; }
int64_t tx_blame(const struct tx *tx) { return tx->blame; }

struct one {
    struct arena *a;
    struct val v;
    bool found, no_memory;
};

static bool one_row(void *ctx, const struct val *cols, size_t n)
{
    struct one *o = ctx;

    o->found = true;
    o->v = n > 0 ? cols[0] : V_NULL;
    if (o->v.type == VAL_TEXT) {
        o->v.s = o->a != NULL ? arena_str(o->a, o->v.s) : STR_NONE;
        o->no_memory = o->v.s.p == NULL;
    }
    return false;
}

int tx_one(struct tx *tx, struct arena *a, const char *sql, const struct val *p, size_t np, struct val *out,
           struct err *e)
{
    struct one o = {.a = a};
    int rc = tx_query(tx, sql, p, np, one_row, &o, e);

    if (rc < 0)
        return rc;
    if (o.no_memory)
        return ERR(e, -ENOMEM, "store.no_memory");
    if (!o.found)
        return 0;
    *out = o.v;
    return 1;
}

int store_foreign(struct store *s, const struct foreign_query *fq, foreign_fn *fn, void *ctx, struct err *e)
{
    return s->ops->foreign(s, fq, fn, ctx, e);
}

int tx_foreign(struct tx *tx, const struct foreign_query *fq, foreign_fn *fn, void *ctx, struct err *e)
{
    return tx->st->ops->tx_foreign(tx, fq, fn, ctx, e);
}

int store_foreign_check(struct store *s, const struct foreign_query *fq, struct err *e)
{
    return s->ops->foreign(s, fq, NULL, NULL, e);
}

int store_lead(struct store *s, bool *leads, struct err *e)
{
    *leads = false;
    return s->ops->lead(s, leads, e);
}

const char *store_engine(const struct store *s) { return s->ops->name; }
