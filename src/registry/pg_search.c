/* Search in PostgreSQL: an index of trigrams (pg_trgm) over the column
 * "folded". It is asked for the word that few have as a rule;
 * INSTR on the text itself makes sure of the others.
 *
 * A row has a hundred trigrams, and to put each into its place was half of all that the server did for a spreadsheet.
 * So they wait before the index (fastupdate), where a reader finds them too, one by one; when many wait they are
 * sorted in together, at a sixth of the cost, right behind the transaction, whether it was kept or not. */
#include "registry/pg-int.h"

enum { WORD_MAX = 64, TIDY_ROWS = 32 };
/* So many KiB may wait: more than a large spreadsheet. Then the server sorts them in on the way. */
#define WAITING "65536"

#define WAITS "(fastupdate = on, gin_pending_list_limit = " WAITING ")"

int pg_search_make(struct tx *tx, str table, struct err *e)
{
    char sql[400];

    snprintf(sql, sizeof(sql), "CREATE INDEX \"%.*s_trgm\" ON \"%.*s\" USING gin (folded gin_trgm_ops) WITH " WAITS,
             STR_ARGS(table), STR_ARGS(table));
    return tx_exec(tx, sql, NO_VALS, NULL, e);
}

/* In an index of an earlier release less could wait. */
int pg_search_bring(struct tx *tx, str table, struct err *e)
{
    char sql[400];

    snprintf(sql, sizeof(sql), "ALTER INDEX IF EXISTS \"%.*s_trgm\" SET " WAITS, STR_ARGS(table));
    return tx_exec(tx, sql, NO_VALS, NULL, e);
}

str pg_search_table(const char *sql)
{
    static const char *const heads[] = {"INSERT INTO \"", "UPDATE \""};
    str s = str_c(sql);

    if (str_find(s, STR("folded")) == SIZE_MAX)
        return STR_NONE;
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        if (str_starts(s, str_c(heads[i]))) {
            s = str_sub(s, strlen(heads[i]), SIZE_MAX);
            return str_sub(s, 0, str_find(s, STR("\"")));
        }
    return STR_NONE;
}

void pg_search_wrote(struct pg_conn *c, str table)
{
    size_t i = 0;

    if (table.n == 0 || table.n >= sizeof(c->untidy[0].table))
        return;
    while (i < c->nuntidy && !str_eq(str_c(c->untidy[i].table), table))
        i++;
    if (i == PG_UNTIDY) /* the server sorts it in when it is much, or when it vacuums */
        return;
    if (i == c->nuntidy) {
        snprintf(c->untidy[i].table, sizeof(c->untidy[i].table), "%.*s", STR_ARGS(table));
        c->untidy[i].rows = 0;
        c->nuntidy++;
    }
    c->untidy[i].rows++;
}

/* What goes wrong here costs a reader time and nobody an answer. */
void pg_search_tidy(struct pg_conn *c)
{
    char sql[200];

    for (size_t i = 0; i < c->nuntidy;) {
        if (c->untidy[i].rows < TIDY_ROWS) {
            i++;
            continue;
        }
        snprintf(sql, sizeof(sql), "SELECT gin_clean_pending_list(to_regclass('luy.\"%s_trgm\"'))", c->untidy[i].table);
        c->untidy[i] = c->untidy[--c->nuntidy];
        pg_plain(c, sql, NULL);
    }
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

/* How few records a word leads to: a digit tells more than a letter, as many share the words of their names. */
static size_t rarity(str word)
{
    size_t digits = 0, n = utf8_chars(word);

    for (size_t i = 0; i < word.n; i++)
        digits += word.p[i] >= '0' && word.p[i] <= '9';
    return n < 3 ? 0 : n + 2 * digits;
}

/* The rarest word as a pattern of LIKE. */
str pg_search_text(struct arena *a, const str *words, size_t n)
{
    str rarest = STR_NONE;
    struct buf b;

    for (size_t i = 0; i < n; i++)
        if (rarity(words[i]) > rarity(rarest))
            rarest = words[i];
    if (rarest.n == 0)
        return STR_NONE;
    buf_init(&b, 4096);
    buf_byte(&b, '%');
    for (size_t i = 0; i < rarest.n && (i < WORD_MAX || ((unsigned char)rarest.p[i] & 0xc0) == 0x80); i++) {
        if (strchr("%_\\", rarest.p[i]) != NULL)
            buf_byte(&b, '\\');
        buf_byte(&b, (uint8_t)rarest.p[i]);
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
