/* The bytes of documents in the store, once for a SHA-256:
 *
 *   file_blob    sha256 (hex), size in bytes, type by their first bytes, at: seconds
 *   file_chunk   sha256, n from 0 on, data: base64 of CHUNK bytes, the last one fewer
 *   file_upload  sha256, account_id, at: brought, and named by no record yet
 *
 * Text, as that is what both engines take through store.h; a third more room is the
 * price. Why in the store and not in a folder: docs/decisions. No state; any thread. */
#include "registry/file-int.h"
#include "base/base64.h"
#include <errno.h>

enum { CHUNK = 192 << 10, PENDING_MAX = 200 };

int blobs_tables(struct tx *tx, struct err *e)
{
    static const char *const tables[] = {
        "CREATE TABLE IF NOT EXISTS file_blob (sha256 TEXT PRIMARY KEY, size BIGINT NOT NULL, type TEXT NOT NULL,"
        " at BIGINT NOT NULL)",
        "CREATE TABLE IF NOT EXISTS file_chunk (sha256 TEXT NOT NULL, n BIGINT NOT NULL, data TEXT NOT NULL,"
        " PRIMARY KEY (sha256, n))",
        "CREATE TABLE IF NOT EXISTS file_upload (sha256 TEXT NOT NULL, account_id BIGINT NOT NULL, at BIGINT NOT NULL,"
        " PRIMARY KEY (sha256, account_id))",
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && rc == 0; i++)
        rc = tx_exec(tx, tables[i], NO_VALS, NULL, e);
    return rc;
}

static int chunks_put(struct tx *tx, str sha256, str bytes, struct err *e)
{
    struct buf text;
    int64_t n = 0;
    int rc = 0;

    buf_init(&text, 2 * CHUNK);
    for (size_t at = 0; at < bytes.n && rc == 0; at += CHUNK) {
        buf_clear(&text);
        buf_base64(&text, str_sub(bytes, at, CHUNK));
        rc = text.failed ? ERR(e, -ENOMEM, "registry.no_memory")
                         : tx_exec(tx, "INSERT INTO file_chunk (sha256, n, data) VALUES (?1, ?2, ?3)",
                                   VALS(V_STR(sha256), V_INT(n++), V_STR(buf_view(&text))), NULL, e);
    }
    buf_done(&text);
    return rc;
}

/* So many documents that nobody's record names yet: more is a mistake or malice. */
static int check_pending(struct write *w, struct err *e)
{
    struct val n = V_INT(0);
    int rc = tx_one(w->tx, NULL, "SELECT COUNT(*) FROM file_upload WHERE account_id = ?1",
                    VALS(V_INT(w->who->account_id)), &n, e);

    return rc < 0 ? rc : n.i >= PENDING_MAX ? ERR(e, -EDQUOT, "registry.file_pending", N(n.i)) : 0;
}

/* What is there is read: a document whose bytes were lost is healed by bringing it again. */
static int bytes_put(struct write *w, str sha256, const char *type, str bytes, struct err *e)
{
    int64_t now = w->now / NS_PER_S, size;
    str was;
    bool missing;
    int rc = blob_find(w->tx, w->a, sha256, &size, &was, e);

    if (rc > 0 && (rc = blob_read(w->tx, sha256, NULL, &missing, NULL)) == 0)
        return 0;
    if (rc == 0 || rc == -EIO)
        rc = blob_drop(w->tx, sha256, e);
    if (rc == 0)
        rc = tx_exec(w->tx, "INSERT INTO file_blob (sha256, size, type, at) VALUES (?1, ?2, ?3, ?4)",
                     VALS(V_STR(sha256), V_INT(bytes.n), V_Z(type), V_INT(now)), NULL, e);
    return rc == 0 ? chunks_put(w->tx, sha256, bytes, e) : rc;
}

int blob_put(struct write *w, str sha256, const char *type, str bytes, struct err *e)
{
    int rc = check_pending(w, e);

    if (rc == 0)
        rc = bytes_put(w, sha256, type, bytes, e);
    return rc < 0 ? rc
                  : tx_exec(w->tx,
                            "INSERT INTO file_upload (sha256, account_id, at) VALUES (?1, ?2, ?3)"
                            " ON CONFLICT (sha256, account_id) DO UPDATE SET at = ?3",
                            VALS(V_STR(sha256), V_INT(w->who->account_id), V_INT(w->now / NS_PER_S)), NULL, e);
}

struct found {
    struct arena *a;
    int64_t size;
    str type;
};

static bool found_row(void *ctx, const struct val *c, size_t n)
{
    struct found *x = ctx;

    (void)n;
    x->size = c[0].i;
    x->type = arena_str(x->a, c[1].s);
    return false;
}

int blob_find(struct tx *tx, struct arena *a, str sha256, int64_t *size, str *type, struct err *e)
{
    struct found x = {a, -1, STR_NONE};
    int rc = tx_query(tx, "SELECT size, type FROM file_blob WHERE sha256 = ?1", VALS(V_STR(sha256)), found_row, &x, e);

    if (rc < 0 || x.size < 0)
        return rc;
    *size = x.size;
    *type = x.type;
    return 1;
}

int blob_brought(struct tx *tx, str sha256, int64_t account, struct err *e)
{
    struct val v;

    return tx_one(tx, NULL, "SELECT 1 FROM file_upload WHERE sha256 = ?1 AND account_id = ?2",
                  VALS(V_STR(sha256), V_INT(account)), &v, e);
}

int blob_named(struct tx *tx, str sha256, struct err *e)
{
    return tx_exec(tx, "DELETE FROM file_upload WHERE sha256 = ?1", VALS(V_STR(sha256)), NULL, e);
}

struct reading {
    struct sha256_stream *hash;
    struct buf chunk, *out;
    int64_t n;
    bool bad, none;
};

static bool chunk_row(void *ctx, const struct val *c, size_t n)
{
    struct reading *r = ctx;

    (void)n;
    buf_clear(&r->chunk);
    r->none = false;
    if (c[0].i != r->n++ || c[1].type != VAL_TEXT || !buf_base64_read(&r->chunk, c[1].s)) {
        r->bad = true;
        return false;
    }
    sha256_more(r->hash, buf_view(&r->chunk));
    if (r->out != NULL)
        buf_str(r->out, buf_view(&r->chunk));
    return true;
}

int blob_read(struct tx *tx, str sha256, struct buf *out, bool *missing, struct err *e)
{
    struct reading r = {.hash = sha256_begin(), .out = out, .none = true};
    char hex[65];

    if (r.hash == NULL)
        return ERR(e, -ENOMEM, "registry.no_memory");
    buf_init(&r.chunk, 2 * CHUNK);
    int rc = tx_query(tx, "SELECT n, data FROM file_chunk WHERE sha256 = ?1 ORDER BY n", VALS(V_STR(sha256)), chunk_row,
                      &r, e);
    sha256_hex(sha256_end(r.hash), hex);
    buf_done(&r.chunk);
    if (rc < 0)
        return rc;
    *missing = r.none;
    if (r.none)
        return ERR(e, -EIO, "registry.file_missing", S(sha256));
    if (r.bad || !str_eq(str_c(hex), sha256))
        return ERR(e, -EIO, "registry.file_altered", S(sha256));
    return out != NULL && out->failed ? ERR(e, -ENOMEM, "registry.no_memory") : 0;
}

int blob_drop(struct tx *tx, str sha256, struct err *e)
{
    static const char *const sql[] = {"DELETE FROM file_chunk WHERE sha256 = ?1",
                                      "DELETE FROM file_blob WHERE sha256 = ?1",
                                      "DELETE FROM file_upload WHERE sha256 = ?1"};
    int rc = 0;

    for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]) && rc == 0; i++)
        rc = tx_exec(tx, sql[i], VALS(V_STR(sha256)), NULL, e);
    return rc;
}
