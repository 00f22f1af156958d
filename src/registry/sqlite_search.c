/* Search in SQLite: an FTS5 trigram index over the column "folded" of a table,
 * kept by triggers, so that no writer can forget it. Trigrams find any part of
 * a word, which codes, serial numbers and addresses need; detail=none keeps the
 * index small: it says which records may have a word, and INSTR on the text
 * itself makes sure.
 *
 * The triggers only note which records changed; the index is brought up to date
 * when the transaction commits. FTS5 writes what it has gathered out at every
 * statement with a savepoint, and a statement with a trigger has one: for 5,000
 * rows of a spreadsheet that was a third of the whole work, and a judgement that is
 * taken back did it for nothing. Whoever reads sees none of this: readers see
 * what is committed, and nothing searches within a write. */
#include "registry/sqlite-int.h"
#include "base/text.h"
#include <errno.h>

enum { GRAMS_MAX = 24, QUEUED_MAX = 512 };

/* The name is that of a part of an index, so that nobody takes it for a table of records. */
static const char queue_make[] = "CREATE TABLE IF NOT EXISTS all_fts_queue (tab TEXT NOT NULL, id INTEGER NOT NULL,"
                                 " old TEXT, PRIMARY KEY (tab, id)) WITHOUT ROWID",
                  queue_forget[] = "DELETE FROM all_fts_queue WHERE tab = '$'";

static size_t utf8_chars(str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

static void fn_fold(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    (void)n;
    const char *p = (const char *)sqlite3_value_text(v[0]);
    if (p == NULL)
        return;
    struct arena a = arena_init(1 << 20);
    str s = text_fold(&a, (str){p, (size_t)sqlite3_value_bytes(v[0])});
    if (s.p == NULL)
        sqlite3_result_error_nomem(ctx);
    else
        sqlite3_result_text64(ctx, s.p, s.n, SQLITE_TRANSIENT, SQLITE_UTF8);
    arena_free(&a);
}

int sq_functions(sqlite3 *db)
{
    return sqlite3_create_function_v2(db, "fold", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL,
                                      fn_fold, NULL, NULL, NULL);
}

static int run_all(struct tx *tx, const char *const *sql, size_t n, str table, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        struct buf b;
        buf_init(&b, 4096);
        for (const char *p = sql[i]; *p != '\0'; p++) {
            if (*p == '$')
                buf_str(&b, table);
            else
                buf_byte(&b, (uint8_t)*p);
        }
        buf_byte(&b, 0);
        rc = b.failed ? ERR(e, -ENOMEM, "store.no_memory") : tx_exec(tx, b.p, NO_VALS, NULL, e);
        buf_done(&b);
    }
    return rc;
}

static const char *const triggers[] = {
    queue_make,
    queue_forget,
    /* old: what the index holds; of a record that is new in this transaction nothing. */
    "CREATE TRIGGER \"$_fts_i\" AFTER INSERT ON \"$\" BEGIN"
    " INSERT OR IGNORE INTO all_fts_queue VALUES('$', new.id, NULL); END",
    "CREATE TRIGGER \"$_fts_u\" AFTER UPDATE OF folded ON \"$\" WHEN old.folded IS NOT new.folded BEGIN"
    " INSERT OR IGNORE INTO all_fts_queue VALUES('$', new.id, old.folded); END",
};

int sq_search_make(struct tx *tx, str table, struct err *e)
{
    static const char *const sql[] = {
        "CREATE VIRTUAL TABLE \"$_fts\" USING fts5(folded, content='$', content_rowid='id', tokenize='trigram', "
        "detail=none)",
        "INSERT INTO \"$_fts\"(\"$_fts\") VALUES('rebuild')",
    };
    int rc = run_all(tx, sql, sizeof(sql) / sizeof(sql[0]), table, e);

    return rc < 0 ? rc : run_all(tx, triggers, sizeof(triggers) / sizeof(triggers[0]), table, e);
}

/* Before the queue the triggers wrote into the index at every row. What they put there is right and stays. */
int sq_search_bring(struct tx *tx, str table, struct err *e)
{
    static const char *const drop[] = {"DROP TRIGGER IF EXISTS \"$_fts_i\"", "DROP TRIGGER IF EXISTS \"$_fts_u\""};
    struct val v;
    int rc = tx_one(tx, NULL,
                    "SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND name IN (?1 || '_fts_i', ?1 || '_fts_u')"
                    " AND INSTR(sql, 'all_fts_queue') = 0 LIMIT 1",
                    VALS(V_STR(table)), &v, e);

    if (rc <= 0)
        return rc;
    rc = run_all(tx, drop, sizeof(drop) / sizeof(drop[0]), table, e);
    return rc < 0 ? rc : run_all(tx, triggers, sizeof(triggers) / sizeof(triggers[0]), table, e);
}

int sq_search_drop(struct tx *tx, str table, struct err *e)
{
    static const char *const sql[] = {
        "DROP TRIGGER IF EXISTS \"$_fts_i\"",
        "DROP TRIGGER IF EXISTS \"$_fts_u\"",
        "DROP TABLE IF EXISTS \"$_fts\"",
        queue_make,
        queue_forget,
    };
    return run_all(tx, sql, sizeof(sql) / sizeof(sql[0]), table, e);
}

struct queued {
    struct arena a;
    str table[QUEUED_MAX];
    size_t n;
};

static bool one_table(void *ctx, const struct val *cols, size_t n)
{
    struct queued *q = ctx;

    q->table[q->n++] = arena_str(&q->a, cols[0].s);
    return n == 1 && q->n < QUEUED_MAX;
}

int sq_search_flush(struct tx *tx, struct err *e)
{
    static const char *const sql[] = {
        "INSERT INTO \"$_fts\"(\"$_fts\", rowid, folded)"
        " SELECT 'delete', id, old FROM all_fts_queue WHERE tab = '$' AND old IS NOT NULL",
        "INSERT INTO \"$_fts\"(rowid, folded)"
        " SELECT q.id, t.folded FROM all_fts_queue q JOIN \"$\" t ON t.id = q.id WHERE q.tab = '$'",
        queue_forget,
    };
    sqlite3 *db = ((struct sq_tx *)tx)->c->db;
    struct queued q = {.a = arena_init(1 << 20)};

    if (sqlite3_table_column_metadata(db, NULL, "all_fts_queue", NULL, NULL, NULL, NULL, NULL, NULL) != SQLITE_OK)
        return 0; /* no table with a search yet */
    int rc = tx_query(tx, "SELECT DISTINCT tab FROM all_fts_queue", NO_VALS, one_table, &q, e);
    for (size_t i = 0; i < q.n && rc == 0; i++)
        rc = run_all(tx, sql, sizeof(sql) / sizeof(sql[0]), q.table[i], e);
    arena_free(&q.a);
    return rc;
}

/* Every three characters of every word, all wanted: "thi" AND "hin" ... . Asked
 * this way the index answers alone, without reading any record. */
str sq_search_text(struct arena *a, const str *words, size_t n)
{
    size_t grams = 0;
    struct buf b;

    buf_init(&b, 4096);
    for (size_t i = 0; i < n; i++)
        for (str s = words[i]; s.n > 0 && grams < GRAMS_MAX; s = str_sub(s, utf8_char(s), SIZE_MAX)) {
            size_t len = 0;
            for (int c = 0; c < 3 && len < s.n; c++)
                len += utf8_char(str_sub(s, len, 4));
            str gram = str_sub(s, 0, len);
            if (utf8_chars(gram) < 3)
                break;
            buf_z(&b, grams++ > 0 ? " AND \"" : "\"");
            for (size_t j = 0; j < gram.n; j++) {
                buf_byte(&b, (uint8_t)gram.p[j]);
                if (gram.p[j] == '"')
                    buf_byte(&b, '"');
            }
            buf_byte(&b, '"');
        }
    str out = grams > 0 && !b.failed ? arena_str(a, buf_view(&b)) : STR_NONE;
    buf_done(&b);
    return out;
}

void sq_search_cond(struct buf *sql, str table, size_t param)
{
    buf_fmt(sql, "t.id IN (SELECT rowid FROM \"%.*s_fts\" WHERE \"%.*s_fts\" MATCH ?%zu)", STR_ARGS(table),
            STR_ARGS(table), param);
}
