/* dialect.h. The reader knows only as much of SQL as it takes to tell names
 * from strings, and brackets from each other; whether the query makes sense
 * says the engine. Its text is hostile. */
#include "registry/dialect.h"
#include <errno.h>

/* What only computes, in both engines. What reads files, loads code, makes huge
 * values or is random stays out. */
const char *const dialect_functions[] = {
    "abs",       "avg",        "ceil",        "ceiling",    "coalesce",  "count",        "cume_dist", "date",
    "datetime",  "dense_rank", "first_value", "floor",      "fold",      "group_concat", "ifnull",    "iif",
    "instr",     "julianday",  "lag",         "last_value", "lead",      "length",       "like",      "lower",
    "ltrim",     "max",        "min",         "mod",        "nth_value", "ntile",        "nullif",    "percent_rank",
    "rank",      "replace",    "round",       "row_number", "rtrim",     "sign",         "strftime",  "substr",
    "substring", "sum",        "trim",        "unixepoch",  "upper",     NULL,
};

bool dialect_function(str name)
{
    for (size_t i = 0; dialect_functions[i] != NULL; i++)
        if (str_eq_nocase(name, str_c(dialect_functions[i])))
            return true;
    return false;
}

static bool listed(const char *const *list, str name)
{
    for (; *list != NULL; list++)
        if (str_eq_nocase(name, str_c(*list)))
            return true;
    return false;
}

bool dialect_table(const struct foreign_query *fq, str table)
{
    return fq->tables == NULL || listed(fq->tables, table);
}

void dialect_reads(const struct foreign_query *fq, str table)
{
    for (size_t i = 0; fq->reads != NULL && fq->tables != NULL && fq->tables[i] != NULL; i++)
        if (str_eq_nocase(table, str_c(fq->tables[i])))
            fq->reads[i] = true;
}

enum { SQL_TEXT_MAX = 1 << 16, DEPTH_MAX = 100 };

struct reader {
    const struct foreign_query *fq;
    struct buf *out;
    str s;
    size_t i, depth, words;
};

static bool word_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool word_char(char c) { return word_start(c) || (c >= '0' && c <= '9'); }

static str word_at(str s, size_t i)
{
    size_t n = i;

    while (n < s.n && word_char(s.p[n]))
        n++;
    return str_sub(s, i, n - i);
}

static int refuse(struct err *e, str what) { return ERR(e, -EINVAL, "store.foreign_sql", S(what)); }

static int take_quoted(struct reader *r, struct err *e)
{
    size_t i = r->i + 1;

    while (i < r->s.n && r->s.p[i] != r->s.p[r->i])
        i++;
    if (i == r->s.n)
        return refuse(e, str_sub(r->s, r->i, 20));
    char q = r->s.p[r->i];
    buf_str(r->out, str_sub(r->s, r->i, i + 1 - r->i));
    r->i = i + 1;
    /* A string is a text, not whatever a function of that name would take. */
    if (q == '\'' && (r->i == r->s.n || r->s.p[r->i] != q))
        buf_z(r->out, "::text");
    return 0;
}

static int take_word(struct reader *r, struct err *e)
{
    static const char *const select[] = {"select", "with", "values", NULL};
    str w = word_at(r->s, r->i);

    if (r->words++ == 0 && !listed(select, w))
        return ERR(e, -EACCES, "store.foreign_denied", S(w));
    r->i += w.n;
    /* E'..', U&'..', X'..': each engine has prefixes of its own. */
    if (r->i < r->s.n && (r->s.p[r->i] == '\'' || (r->s.p[r->i] == '&' && w.n == 1)))
        return refuse(e, str_sub(r->s, r->i - w.n, 20));
    buf_str(r->out, str_eq_nocase(w, STR("LIKE")) ? STR("ILIKE") : w);
    return 0;
}

static int take_param(struct reader *r, struct err *e)
{
    str w = word_at(r->s, r->i + 1);
    size_t k = 0;

    while (k < r->fq->nparams && !str_eq(str_c(r->fq->params[k].name), w))
        k++;
    if (w.n == 0 || k == r->fq->nparams)
        return ERR(e, -EINVAL, "store.foreign_param", S(w.n > 0 ? w : STR("?")));
    buf_fmt(r->out, "$%zu", k + 1);
    r->i += 1 + w.n;
    return 0;
}

static bool skip_comment(struct reader *r)
{
    str rest = str_sub(r->s, r->i, SIZE_MAX);
    bool line = str_starts(rest, STR("--"));
    size_t end;

    if (!line && !str_starts(rest, STR("/*")))
        return false;
    end = line ? str_find(rest, STR("\n")) : str_find(str_sub(rest, 2, SIZE_MAX), STR("*/"));
    r->i = end == SIZE_MAX ? r->s.n : r->i + end + (line ? 1 : 4);
    buf_byte(r->out, ' ');
    return true;
}

static int take_sign(struct reader *r, struct err *e)
{
    char c = r->s.p[r->i];

    if (c == '(' && ++r->depth > DEPTH_MAX)
        return refuse(e, STR("(((("));
    if (c == ')' && r->depth-- == 0)
        return refuse(e, STR(")"));
    if (c == ';' && str_trim(str_sub(r->s, r->i + 1, SIZE_MAX)).n > 0)
        return ERR(e, -EINVAL, "store.one_statement");
    if (strchr("(),.;*/+-%<>=!|~ \t\r\n0123456789", c) == NULL)
        return refuse(e, str_sub(r->s, r->i, 1));
    /* Numbers end where the next thing begins, in every engine. */
    if (c >= '0' && c <= '9') {
        size_t n = r->i;
        while (n < r->s.n && ((r->s.p[n] >= '0' && r->s.p[n] <= '9') || r->s.p[n] == '.'))
            n++;
        if (n < r->s.n && word_start(r->s.p[n]))
            return refuse(e, str_sub(r->s, r->i, 20));
        buf_str(r->out, str_sub(r->s, r->i, n - r->i));
        r->i = n;
        return 0;
    }
    if (c != ';')
        buf_byte(r->out, (uint8_t)c);
    r->i++;
    return 0;
}

int dialect_pg(const struct foreign_query *fq, struct buf *out, struct err *e)
{
    struct reader r = {.fq = fq, .out = out, .s = str_c(fq->sql)};
    int rc = 0;

    if (r.s.n > SQL_TEXT_MAX)
        return refuse(e, STR("64 KiB"));
    while (rc == 0 && r.i < r.s.n) {
        char c = r.s.p[r.i];
        if (skip_comment(&r))
            continue;
        if (c == '\'' || c == '"')
            rc = take_quoted(&r, e);
        else if (word_start(c))
            rc = take_word(&r, e);
        else
            rc = c == ':' ? take_param(&r, e) : take_sign(&r, e);
    }
    if (rc == 0 && r.words == 0)
        return ERR(e, -EACCES, "store.foreign_denied", "not a SELECT");
    if (rc == 0 && r.depth > 0)
        return refuse(e, STR("("));
    return rc == 0 && out->failed ? ERR(e, -ENOMEM, "store.no_memory") : rc;
}
