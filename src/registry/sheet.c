/* Books of sheets, and CSV as a book with one. */
#include "registry/sheet-int.h"
#include <errno.h>

void book_init(struct book *b)
{
    *b = (struct book){.a = arena_init(BOOK_ARENA)};
    b->sheets = arena_array(&b->a, struct sheet, BOOK_SHEETS);
}

void book_done(struct book *b)
{
    for (size_t i = 0; b->sheets != NULL && i < b->n; i++) {
        free(b->sheets[i].rows);
        free(b->sheets[i].troubles);
        map_done(&b->sheets[i].by_key);
    }
    arena_free(&b->a);
}

struct sheet *book_sheet(struct book *b, str name, struct err *e)
{
    if (b->sheets == NULL || b->n == BOOK_SHEETS) {
        ERR(e, -E2BIG, "registry.book_sheets", N(BOOK_SHEETS));
        return NULL;
    }
    struct sheet *s = &b->sheets[b->n++];
    *s = (struct sheet){.name = arena_str(&b->a, name)};
    map_init(&s->by_key, CSV_ROWS);
    return s;
}

static bool blank(const struct sheet_row *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (str_trim(r->cells[i]).n > 0)
            return false;
    return true;
}

int sheet_add(struct book *b, struct sheet *s, const struct sheet_row *row, struct err *e)
{
    if (blank(row))
        return 0;
    if (b->rows++ > CSV_ROWS)
        return ERR(e, -E2BIG, "registry.csv_rows", N(CSV_ROWS));
    if (s->nrows == s->cap) {
        size_t cap = s->cap == 0 ? 256 : s->cap * 2;
        struct sheet_row *more = reallocarray(s->rows, cap, sizeof(*more));
        if (more == NULL)
            return ERR(e, -ENOMEM, "registry.no_memory");
        s->rows = more;
        s->cap = cap;
    }
    s->rows[s->nrows++] = *row;
    return 0;
}

void sheet_trouble(struct book *b, struct sheet *s, const struct trouble *t)
{
    (void)b;
    if (s->ntroubles == SHEET_TROUBLES)
        return;
    if (s->ntroubles == s->cap_troubles) {
        size_t cap = s->cap_troubles == 0 ? 16 : s->cap_troubles * 2;
        struct trouble *more = reallocarray(s->troubles, cap, sizeof(*more));
        if (more == NULL)
            return;
        s->troubles = more;
        s->cap_troubles = cap;
    }
    s->troubles[s->ntroubles++] = *t;
}

int book_from_csv(struct book *b, str name, str text, struct err *e)
{
    struct csv c;
    int rc = csv_open(&c, text, e);
    struct sheet *s = rc < 0 ? NULL : book_sheet(b, name, e);

    if (rc == 0 && s == NULL)
        rc = -ENOMEM;
    while (rc == 0) {
        struct sheet_row row = {0};
        int got = csv_row(&c, &b->a, &row.cells, &row.n, e);
        if (got <= 0)
            return got;
        row.row = c.row;
        row.line = c.line;
        rc = sheet_add(b, s, &row, e);
    }
    return rc;
}
