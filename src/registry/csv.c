/* CSV reader. One pass over bytes in memory, a row at a time; each ceiling is
 * checked before the next byte is taken. */
#include "registry/csv-int.h"
#include "base/text.h"
#include <errno.h>

static char sniff(str line)
{
    static const char seps[] = {',', ';', '\t'};
    size_t count[sizeof(seps)] = {0}, best = 0;
    bool quoted = false;

    for (size_t i = 0; i < line.n; i++) {
        if (line.p[i] == '"')
            quoted = !quoted;
        for (size_t s = 0; s < sizeof(seps) && !quoted; s++)
            count[s] += line.p[i] == seps[s];
    }
    for (size_t s = 1; s < sizeof(seps); s++)
        if (count[s] > count[best])
            best = s;
    return seps[best];
}

static str first_line(str text)
{
    str head = str_sub(text, 0, CSV_LINE);
    size_t end = str_find(head, STR("\n"));

    return str_sub(head, 0, end);
}

int csv_open(struct csv *c, str text, struct err *e)
{
    *c = (struct csv){.next_line = 1};
    if (text.n > CSV_BYTES)
        return ERR(e, -EFBIG, "registry.csv_too_big", N((int64_t)text.n), N(CSV_BYTES));
    if (str_starts(text, STR("\xff\xfe")) || str_starts(text, STR("\xfe\xff")))
        return ERR(e, -EILSEQ, "registry.csv_utf16");
    if (str_starts(text, STR("\xef\xbb\xbf")))
        text = str_sub(text, 3, SIZE_MAX);
    c->text = text;
    str line = str_trim(first_line(text));
    /* Excel's own hint, alone on the first line. */
    if (line.n == 5 && str_starts(line, STR("sep="))) {
        c->sep = line.p[4];
        c->at = first_line(text).n + (first_line(text).n < text.n);
        c->next_line = 2;
    } else {
        c->sep = sniff(first_line(text));
    }
    return 0;
}

struct reader {
    struct csv *c;
    struct arena *a;
    str *cells;
    size_t n, start;
    struct err *e;
};

static int complain(const struct reader *r, int code, const char *key, int64_t arg)
{
    ERR(r->e, code, key, N(arg));
    err_at(r->e, "csv", r->c->next_line, (uint32_t)(r->n + 1));
    return code;
}

/* Up to the separator or the end of the line; no quotes in it. */
static int plain_cell(struct reader *r, str *out)
{
    struct csv *c = r->c;
    size_t from = c->at;

    while (c->at < c->text.n) {
        char ch = c->text.p[c->at];
        if (ch == c->sep || ch == '\n' || ch == '\r')
            break;
        if (ch == '\0')
            return complain(r, -EBADMSG, "registry.csv_nul", 0);
        if (ch == '"' && str_trim(str_sub(c->text, from, c->at - from)).n == 0)
            return complain(r, -EBADMSG, "registry.csv_quote", 0);
        if (c->at - from >= CSV_CELL)
            return complain(r, -E2BIG, "registry.csv_cell", CSV_CELL);
        c->at++;
    }
    *out = str_sub(c->text, from, c->at - from);
    return 0;
}

/* After the opening quote. Doubled quotes stand for one. */
static int quoted_cell(struct reader *r, str *out)
{
    struct csv *c = r->c;
    size_t from = ++c->at, doubled = 0;

    for (;; c->at++) {
        if (c->at >= c->text.n)
            return complain(r, -EBADMSG, "registry.csv_open_quote", 0);
        if (c->at - from >= CSV_CELL)
            return complain(r, -E2BIG, "registry.csv_cell", CSV_CELL);
        char ch = c->text.p[c->at];
        if (ch == '\0')
            return complain(r, -EBADMSG, "registry.csv_nul", 0);
        c->next_line += ch == '\n';
        if (ch != '"')
            continue;
        if (c->at + 1 >= c->text.n || c->text.p[c->at + 1] != '"')
            break;
        doubled++;
        c->at++;
    }
    str raw = str_sub(c->text, from, c->at - from);
    c->at++;
    if (c->at < c->text.n && strchr("\r\n", c->text.p[c->at]) == NULL && c->text.p[c->at] != c->sep)
        return complain(r, -EBADMSG, "registry.csv_quote", 0);
    *out = raw;
    if (doubled > 0) {
        char *p = arena_alloc(r->a, raw.n);
        size_t n = 0;
        if (p == NULL)
            return complain(r, -ENOMEM, "registry.no_memory", 0);
        for (size_t i = 0; i < raw.n; i++) {
            p[n++] = raw.p[i];
            i += raw.p[i] == '"';
        }
        *out = (str){p, n};
    }
    return 0;
}

/* True when the row goes on. Takes LF, CR LF and lone CR as an end. */
static bool cell_end(struct csv *c)
{
    if (c->at >= c->text.n)
        return false;
    char ch = c->text.p[c->at++];
    if (ch == c->sep)
        return true;
    if (ch == '\r' && c->at < c->text.n && c->text.p[c->at] == '\n')
        c->at++;
    c->next_line++;
    return false;
}

int csv_row(struct csv *c, struct arena *a, str **cells, size_t *n, struct err *e)
{
    struct reader r = {.c = c, .a = a, .start = c->at, .e = e};
    str row[CSV_COLS];
    bool more = true;

    if (c->at >= c->text.n)
        return 0;
    c->line = c->next_line;
    if (++c->row > CSV_ROWS + 1)
        return complain(&r, -E2BIG, "registry.csv_rows", CSV_ROWS);
    while (more) {
        str cell = STR_NONE;
        if (r.n == CSV_COLS)
            return complain(&r, -E2BIG, "registry.csv_cols", CSV_COLS);
        bool quoted = c->at < c->text.n && c->text.p[c->at] == '"';
        int rc = quoted ? quoted_cell(&r, &cell) : plain_cell(&r, &cell);
        if (rc < 0)
            return rc;
        if (c->at - r.start > CSV_LINE)
            return complain(&r, -E2BIG, "registry.csv_line", CSV_LINE);
        if (!utf8_valid(cell))
            return complain(&r, -EILSEQ, "registry.csv_utf8", 0);
        row[r.n++] = cell;
        more = cell_end(c);
    }
    *cells = arena_array(a, str, r.n);
    if (*cells == NULL)
        return complain(&r, -ENOMEM, "registry.no_memory", 0);
    memcpy(*cells, row, r.n * sizeof(row[0]));
    *n = r.n;
    return 1;
}
