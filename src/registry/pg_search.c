/* Search in PostgreSQL: an index of trigrams (pg_trgm) over the column
 * "folded". It is asked for the longest word, which is the rarest as a rule;
 * INSTR on the text itself makes sure of the others. */
#include "registry/pg-int.h"

enum { WORD_MAX = 64 };

int pg_search_make(struct tx *tx, str table, struct err *e)
{
    char sql[400];

    /* Without the list of pending entries: a reader must never have to sort it out. */
    snprintf(sql, sizeof(sql),
             "CREATE INDEX \"%.*s_trgm\" ON \"%.*s\" USING gin (folded gin_trgm_ops) WITH (fastupdate = off)",
             STR_ARGS(table), STR_ARGS(table));
    return tx_exec(tx, sql, NO_VALS, NULL, e);
}

int pg_search_drop(struct tx *tx, str table, struct err *e)
{
    char sql[200];

    snprintf(sql, sizeof(sql), "DROP INDEX IF EXISTS \"%.*s_trgm\"", STR_ARGS(table));
    return tx_exec(tx, sql, NO_VALS, NULL, e);
}

static size_t utf8_chars(str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

/* The longest word as a pattern of LIKE. */
str pg_search_text(struct arena *a, const str *words, size_t n)
{
    str longest = STR_NONE;
    struct buf b;

    for (size_t i = 0; i < n; i++)
        if (words[i].n > longest.n)
            longest = words[i];
    if (utf8_chars(longest) < 3)
        return STR_NONE;
    buf_init(&b, 4096);
    buf_byte(&b, '%');
    for (size_t i = 0; i < longest.n && (i < WORD_MAX || ((unsigned char)longest.p[i] & 0xc0) == 0x80); i++) {
        if (strchr("%_\\", longest.p[i]) != NULL)
            buf_byte(&b, '\\');
        buf_byte(&b, (uint8_t)longest.p[i]);
    }
    buf_byte(&b, '%');
    str out = b.failed ? STR_NONE : arena_str(a, buf_view(&b));
    buf_done(&b);
    return out;
}

void pg_search_cond(struct buf *sql, str table, size_t param)
{
    (void)table;
    buf_fmt(sql, "t.folded LIKE ?%zu", param);
}
