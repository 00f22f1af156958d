/* The history: one row for each write, in the same transaction, chained by
 * SHA-256 so that a change of any byte of any row shows. Never pruned.
 *
 * hash = SHA-256(hash of the row before (32 bytes; zeros for the first) || row)
 * row  = the columns seq, at, by, account, reason, kind, record_id, record_key,
 *        op, rev, before, after, each as "<length>:<bytes>,", numbers in
 *        decimal, NULL as "-,". Stored as 64 hex digits. */
#include "registry/registry-int.h"
#include "base/json.h"
#include "base/rand.h"
#include <errno.h>

enum { HISTORY_COLS = 12, ROW_MAX = 4 << 20 };
static const char columns[] =
    "seq, at, by_name, account_id, reason, kind, record_id, record_key, op, rev, before, after";

static void row_part(struct buf *b, const struct val *v)
{
    char text[24];

    if (v->type == VAL_NULL) {
        buf_z(b, "-,");
        return;
    }
    str s = v->s;
    if (v->type == VAL_INT)
        s = (str){text, (size_t)snprintf(text, sizeof(text), "%lld", (long long)v->i)};
    else if (v->type != VAL_TEXT)
        s = STR("?"); /* no column is a real number */
    buf_fmt(b, "%zu:", s.n);
    buf_str(b, s);
    buf_byte(b, ',');
}

static bool row_hash(const struct sha256 *prev, const struct val *cols, struct sha256 *out)
{
    struct buf b;

    buf_init(&b, ROW_MAX);
    for (size_t i = 0; i < HISTORY_COLS; i++)
        row_part(&b, &cols[i]);
    bool ok = !b.failed;
    if (ok)
        *out = sha256_2((str){(const char *)prev->b, sizeof(prev->b)}, buf_view(&b));
    buf_done(&b);
    return ok;
}

struct head {
    uint64_t seq;
    struct sha256 head;
};

static bool head_row(void *ctx, const struct val *cols, size_t n)
{
    struct head *x = ctx;

    (void)n;
    x->seq = (uint64_t)cols[0].i;
    if (!hex_parse(cols[1].s, x->head.b, sizeof(x->head.b)))
        memset(x->head.b, 0, sizeof(x->head.b)); /* verify will name the row */
    return false;
}

int history_head(struct tx *tx, uint64_t *seq, struct sha256 *head, struct err *e)
{
    struct head x = {0};
    int rc = tx_query(tx, "SELECT seq, hash FROM history ORDER BY seq DESC LIMIT 1", NO_VALS, head_row, &x, e);

    if (rc == 0) {
        *seq = x.seq;
        *head = x.head;
    }
    return rc;
}

static struct val json_val(struct arena *a, const json_t *v)
{
    char *z = v == NULL ? NULL : json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS);
    struct val out = V_NULL;

    if (z != NULL)
        out = V_STR(arena_str(a, str_c(z)));
    free(z);
    return out;
}

int history_put(struct write *w, const struct history_of *of, const char *op, const json_t *before, const json_t *after,
                struct err *e)
{
    struct val v[HISTORY_COLS + 1] = {
        V_INT(w->seq + 1),
        V_INT(w->now),
        V_STR(w->who->name),
        V_INT(w->who->account_id),
        V_STR(w->who->reason),
        V_STR(of->kind),
        V_INT(of->id),
        V_STR(of->key),
        V_Z(op),
        V_INT(of->rev),
        json_val(w->a, before),
        json_val(w->a, after),
    };
    struct sha256 h;
    char hex[65];

    if (w->a->failed || !row_hash(&w->head, v, &h))
        return ERR(e, -ENOMEM, "registry.no_memory");
    sha256_hex(h, hex);
    v[HISTORY_COLS] = V_Z(hex);
    int rc = tx_defer(w->tx,
                      "INSERT INTO history (seq, at, by_name, account_id, reason, kind, record_id, record_key, op, rev,"
                      " before, after, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
                      v, HISTORY_COLS + 1, e);
    if (rc == 0) {
        w->seq++;
        w->head = h;
    }
    return rc;
}

int history_add(struct write *w, const struct rec *rec, const char *op, const json_t *before, const json_t *after,
                struct err *e)
{
    const struct history_of of = {rec->k->name, rec->id, rec_key(rec), rec->rev};
    json_t *was = NULL, *is = NULL;
    int rc = personal_hide(w, rec->k, &of, before, &was, e);

    if (rc == 0)
        rc = personal_hide(w, rec->k, &of, after, &is, e);
    if (rc == 0)
        rc = history_put(w, &of, op, was, is, e);
    json_decref(was);
    json_decref(is);
    return rc;
}

void history_diff(const struct rec *old, const struct rec *fresh, json_t **before, json_t **after)
{
    json_t *a = rec_json(old), *b = rec_json(fresh), *v;
    const char *name;

    *before = json_object();
    *after = json_object();
    json_object_foreach(b, name, v)
    {
        json_t *was = json_object_get(a, name);
        bool stamp = strcmp(name, "rev") == 0 || strcmp(name, "changed_at") == 0 || strcmp(name, "changed_by") == 0;
        if (stamp || (was != NULL && json_equal(was, v)))
            continue;
        json_object_set(*before, name, was);
        json_object_set(*after, name, v);
    }
    json_decref(a);
    json_decref(b);
}

struct verify {
    struct sha256 prev;
    uint64_t rows, bad;
    uint64_t *personal; /* rows whose document has values apart; checked behind the walk */
    size_t npersonal, cap;
};

static bool has_personal(const struct val *v)
{
    return v->type == VAL_TEXT && str_find(v->s, STR("\"personal\":")) != SIZE_MAX;
}

static bool note_personal(struct verify *v, const struct val *cols)
{
    if (!has_personal(&cols[10]) && !has_personal(&cols[11]))
        return true;
    if (v->npersonal == v->cap) {
        size_t cap = v->cap == 0 ? 256 : v->cap * 2;
        uint64_t *more = reallocarray(v->personal, cap, sizeof(*more));
        if (more == NULL)
            return false;
        v->personal = more;
        v->cap = cap;
    }
    v->personal[v->npersonal++] = (uint64_t)cols[0].i;
    return true;
}

static bool verify_row(void *ctx, const struct val *cols, size_t n)
{
    struct verify *v = ctx;
    struct sha256 h;
    char hex[65] = "";

    (void)n;
    v->rows++;
    if (row_hash(&v->prev, cols, &h))
        sha256_hex(h, hex);
    if (cols[0].i != (int64_t)v->rows || cols[HISTORY_COLS].type != VAL_TEXT ||
        !str_eq(cols[HISTORY_COLS].s, str_c(hex))) {
        v->bad = v->rows;
        return false;
    }
    v->prev = h;
    return note_personal(v, cols);
}

/* The values that stand apart from the chain have the digests that it holds. */
static int verify_personal(struct verify *v, struct tx *tx, struct err *e)
{
    struct arena a = arena_init(CALL_ARENA);
    int rc = 0;

    for (size_t i = 0; i < v->npersonal && rc >= 0 && v->bad == 0; i++) {
        static const char *const sql[] = {"SELECT before FROM history WHERE seq = ?1",
                                          "SELECT after FROM history WHERE seq = ?1"};
        for (int k = 0; k < 2 && rc >= 0; k++) {
            struct val doc = V_NULL;
            bool fits = true;
            rc = tx_one(tx, &a, sql[k], VALS(V_INT(v->personal[i])), &doc, e);
            if (rc > 0 && doc.type == VAL_TEXT)
                rc = personal_check(tx, doc.s, &fits, e);
            if (!fits)
                v->bad = v->personal[i];
        }
        arena_clear(&a);
    }
    arena_free(&a);
    return rc < 0 ? rc : 0;
}

int registry_verify(struct registry *r, uint64_t *rows, uint64_t *bad_seq, struct err *e)
{
    struct verify v = {0};
    struct tx *tx;
    char sql[256];
    int rc = store_begin(r->st, STORE_READ, &tx, e);

    if (rc < 0)
        return rc;
    snprintf(sql, sizeof(sql), "SELECT %s, hash FROM history ORDER BY seq", columns);
    rc = tx_query(tx, sql, NO_VALS, verify_row, &v, e);
    if (rc == 0 && v.bad == 0)
        rc = verify_personal(&v, tx, e);
    free(v.personal);
    store_rollback(tx);
    if (rc == 0) {
        *rows = v.rows;
        *bad_seq = v.bad;
    }
    return rc;
}

int registry_head(struct registry *r, uint64_t *seq, char hash[65], struct err *e)
{
    struct sha256 head;
    struct tx *tx;
    int rc = store_begin(r->st, STORE_READ, &tx, e);

    if (rc < 0)
        return rc;
    rc = history_head(tx, seq, &head, e);
    store_rollback(tx);
    if (rc == 0)
        sha256_hex(head, hash);
    return rc;
}

int registry_hash_at(struct registry *r, uint64_t seq, char hash[65], struct err *e)
{
    struct arena a = arena_init(4096);
    struct val v = V_NULL;
    struct tx *tx;
    int rc = store_begin(r->st, STORE_READ, &tx, e);

    if (rc == 0) {
        rc = tx_one(tx, &a, "SELECT hash FROM history WHERE seq = ?1", VALS(V_INT(seq)), &v, e);
        store_rollback(tx);
        if (rc == 0)
            rc = ERR(e, -ENOENT, "registry.not_found", "history", N((int64_t)seq));
        else if (rc > 0)
            rc = snprintf(hash, 65, "%.*s", STR_ARGS(v.s)) == 64 ? 0 : -ENOENT;
    }
    arena_free(&a);
    return rc;
}

static json_t *json_or_null(str s)
{
    json_t *v = s.n > 0 ? json_loadb(s.p, s.n, 0, NULL) : NULL;

    return v != NULL ? v : json_null();
}

static bool show_row(void *ctx, const struct val *c, size_t n)
{
    char at[40];

    (void)n;
    time_fmt(c[1].i, 3, at, sizeof(at));
    json_array_append_new(ctx,
                          json_pack("{s:I, s:s, s:o, s:o, s:o, s:I, s:o, s:o, s:o}", "seq", (json_int_t)c[0].i, "at",
                                    at, "by", json_from_str(c[2].s), "reason", json_from_str(c[4].s), "op",
                                    json_from_str(c[8].s), "rev", (json_int_t)c[9].i, "before", json_or_null(c[10].s),
                                    "after", json_or_null(c[11].s), "hash", json_from_str(c[HISTORY_COLS].s)));
    return true;
}

int registry_history(struct registry *r, const struct actor *who, str kind, str id_or_key, json_t **out, struct err *e)
{
    const struct kind *k = kind_want(r, kind, e);
    struct arena a = arena_init(CALL_ARENA);
    struct scope s;
    struct tx *tx;
    int64_t id = 0;
    char sql[300];
    int rc = k == NULL ? -ENOENT : scope_read(who, &s, e);

    if (rc == 0 && (rc = store_begin(r->st, STORE_READ, &tx, e)) == 0) {
        rc = rec_find(tx, &a, k, id_or_key, false, &id, e);
        if (rc == 0 && id == 0)
            rc = ERR(e, -ENOENT, "registry.not_found", S(kind), S(id_or_key));
        if (rc == 0)
            rc = scope_sees(tx, r, &s, k, id, e);
        json_t *rows = json_array(), *row;
        size_t i;
        snprintf(sql, sizeof(sql),
                 "SELECT %s, hash FROM history WHERE kind = ?1 AND record_id = ?2 ORDER BY seq DESC LIMIT 1000",
                 columns);
        if (rc == 0)
            rc = tx_query(tx, sql, VALS(V_STR(kind), V_INT(id)), show_row, rows, e);
        json_array_foreach(rows, i, row)
        {
            if (rc == 0)
                rc = personal_show(r, tx, &a, k, id, json_object_get(row, "before"), e);
            if (rc == 0)
                rc = personal_show(r, tx, &a, k, id, json_object_get(row, "after"), e);
            fields_hide(k, s.roles, json_object_get(row, "before"));
            fields_hide(k, s.roles, json_object_get(row, "after"));
        }
        store_rollback(tx);
        if (rc == 0)
            *out = rows;
        else
            json_decref(rows);
    }
    arena_free(&a);
    return rc;
}
