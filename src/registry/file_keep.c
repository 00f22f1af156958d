/* Documents over time: are the bytes that records and history name still there and
 * the same, and what was brought that nobody came to name. No state; any thread. */
#include "registry/file-int.h"
#include "base/map.h"
#include <errno.h>

enum { SWEEP_MAX = 20, VERIFY_MAX = 1 << 20 };

/* ---- are they whole? ---- */

struct verifying {
    struct arena a;
    struct map seen; /* kind/id/field/sha256: told once */
    struct {
        struct file_name_at *v;
        size_t n, cap;
    } all;
    bool failed;
};

static bool collect(void *ctx, const struct file_name_at *x)
{
    struct verifying *v = ctx;
    bool fresh = false;
    str key = arena_fmt(&v->a, "%.*s/%lld/%.*s/%.*s", STR_ARGS(x->sha256), (long long)x->id, STR_ARGS(x->kind),
                        STR_ARGS(x->field));

    if (key.p == NULL || map_put(&v->seen, key, &fresh) == NULL || v->all.n == VERIFY_MAX) {
        v->failed = true;
        return false;
    }
    if (!fresh)
        return true;
    if (v->all.n == v->all.cap) {
        size_t cap = v->all.cap == 0 ? 256 : 2 * v->all.cap;
        struct file_name_at *p = reallocarray(v->all.v, cap, sizeof(*p));
        if (p == NULL) {
            v->failed = true;
            return false;
        }
        v->all.v = p;
        v->all.cap = cap;
    }
    v->all.v[v->all.n++] = (struct file_name_at){arena_str(&v->a, x->kind), arena_str(&v->a, x->field),
                                                 arena_str(&v->a, x->name), arena_str(&v->a, x->sha256), x->id};
    return true;
}

static int by_hash(const void *a, const void *b)
{
    const struct file_name_at *x = a, *y = b;
    int c = memcmp(x->sha256.p, y->sha256.p, SHA256_HEX);

    return c != 0 ? c : (x->id > y->id) - (x->id < y->id);
}

static int tell(struct registry *r, struct tx *tx, struct arena *a, const struct file_name_at *x, bool missing,
                file_fault_fn *fn, void *ctx, struct err *e)
{
    const struct kind *k = schema_kind(r->sc, x->kind);
    struct file_fault f = {x->kind, STR(""), x->field, x->name, x->sha256, x->id, missing};
    struct val key = V_NULL;
    char sql[200];
    int rc = 0;

    if (k != NULL) {
        snprintf(sql, sizeof(sql), "SELECT \"%.*s\" FROM \"%.*s\" WHERE id = ?1",
                 STR_ARGS(k->fields[k->key_field].name), STR_ARGS(k->name));
        rc = tx_one(tx, a, sql, VALS(V_INT(x->id)), &key, e);
    }
    if (key.type == VAL_TEXT)
        f.key = key.s;
    if (rc >= 0)
        fn(ctx, &f);
    return rc < 0 ? rc : 0;
}

static int verify_all(struct registry *r, struct tx *tx, struct verifying *v, file_fault_fn *fn, void *ctx,
                      uint64_t *files, struct err *e)
{
    bool missing = false;
    int bad = 0, rc = 0;

    qsort(v->all.v, v->all.n, sizeof(*v->all.v), by_hash);
    for (size_t i = 0; i < v->all.n && rc == 0; i++) {
        const struct file_name_at *x = &v->all.v[i];
        if (i == 0 || !str_eq(x->sha256, v->all.v[i - 1].sha256)) {
            ++*files;
            bad = blob_read(tx, x->sha256, NULL, &missing, e);
            if (bad < 0 && bad != -EIO)
                rc = bad;
        }
        if (rc == 0 && bad < 0)
            rc = tell(r, tx, &v->a, x, missing, fn, ctx, e);
    }
    return rc;
}

int registry_files_verify(struct registry *r, file_fault_fn *fn, void *ctx, uint64_t *files, struct err *e)
{
    struct verifying v = {.a = arena_init(512 << 20)};
    struct tx *tx;
    int rc = store_begin(r->st, STORE_READ, &tx, e);

    *files = 0;
    if (rc < 0)
        return rc;
    map_init(&v.seen, VERIFY_MAX);
    rc = files_named(r, tx, collect, &v, e);
    if (rc == 0 && (v.failed || v.a.failed))
        rc = ERR(e, -ENOMEM, "registry.no_memory");
    if (rc == 0 && v.all.n > 0)
        rc = verify_all(r, tx, &v, fn, ctx, files, e);
    store_rollback(tx);
    map_done(&v.seen);
    free(v.all.v);
    arena_free(&v.a);
    return rc;
}

/* ---- what nobody named ---- */

struct stale {
    struct arena *a;
    str sha256[SWEEP_MAX];
    enum named named[SWEEP_MAX];
    size_t n;
};

static bool stale_row(void *ctx, const struct val *c, size_t n)
{
    struct stale *s = ctx;

    (void)n;
    s->sha256[s->n++] = arena_str(s->a, c[0].s);
    return s->n < SWEEP_MAX;
}

/* The history is long: it is read before the writers' turn is taken. */
static int stale_find(struct registry *r, struct stale *s, int64_t cut, struct err *e)
{
    struct tx *tx;
    int rc = store_begin(r->st, STORE_READ, &tx, e);

    if (rc < 0)
        return rc;
    rc = tx_query(tx, "SELECT sha256 FROM file_upload GROUP BY sha256 HAVING MAX(at) <= ?1 ORDER BY MAX(at), sha256",
                  VALS(V_INT(cut)), stale_row, s, e);
    for (size_t i = 0; i < s->n && rc == 0; i++)
        rc = file_is_named(tx, s->sha256[i], &s->named[i], e);
    store_rollback(tx);
    return rc;
}

/* Whoever named it meanwhile took its row of file_upload away, and whoever brought it
 * again made that row younger; only a draft leaves both as they are. What a draft
 * names is asked about again after another grace. */
static int stale_drop(struct tx *tx, str sha256, enum named named, int64_t cut, int64_t now, uint64_t *gone,
                      struct err *e)
{
    struct val v = V_NULL;
    int rc = tx_one(tx, NULL, "SELECT MAX(at) FROM file_upload WHERE sha256 = ?1", VALS(V_STR(sha256)), &v, e);

    if (rc < 0 || v.type != VAL_INT || v.i > cut)
        return rc < 0 ? rc : 0;
    if (named == NAMED_BY_RECORD)
        return blob_named(tx, sha256, e);
    rc = file_in_change(tx, sha256, e);
    if (rc < 0)
        return rc;
    if (rc > 0)
        return tx_exec(tx, "UPDATE file_upload SET at = ?2 WHERE sha256 = ?1", VALS(V_STR(sha256), V_INT(now)), NULL,
                       e);
    ++*gone;
    return blob_drop(tx, sha256, e);
}

int registry_files_sweep(struct registry *r, int64_t grace_s, uint64_t *gone, struct err *e)
{
    int64_t now = clock_wall(r->clk) / NS_PER_S, cut = now - grace_s;
    struct arena a = arena_init(1 << 20);
    struct stale s = {.a = &a};
    struct tx *tx;
    int rc = stale_find(r, &s, cut, e);

    *gone = 0;
    if (rc == 0 && s.n > 0 && (rc = store_begin(r->st, STORE_WRITE, &tx, e)) == 0) {
        for (size_t i = 0; i < s.n && rc == 0; i++)
            rc = stale_drop(tx, s.sha256[i], s.named[i], cut, now, gone, e);
        if (rc == 0)
            rc = store_commit(tx, e);
        else
            store_rollback(tx);
    }
    arena_free(&a);
    return rc;
}
