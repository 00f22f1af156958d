/* Tables from outside in one form, whatever file they came in: sheets of rows of
 * text cells with their place in the file. What the import engine reads, and
 * what the readers (CSV, XLSX) make. Lives in the book's arena. */
#ifndef LUY_REGISTRY_SHEET_INT_H
#define LUY_REGISTRY_SHEET_INT_H
#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "registry/csv-int.h"

enum { BOOK_ARENA = 256 << 20, BOOK_SHEETS = 64, SHEET_TROUBLES = 1000, HEADER_ROWS = 20 };

struct sheet_row {
    str *cells;
    size_t n;
    long row;      /* as the spreadsheet counts, from 1 */
    uint32_t line; /* of the file; 0: it has no lines */
    enum { ROW_NEW, ROW_BUSY, ROW_DONE } step;
    str key;
};
/* What a reader noticed in a cell and cannot judge: whether the column matters
 * is known when the header is. */
struct trouble {
    long row;
    size_t col; /* from 0 */
    const char *key;
    const char *arg;
    bool note;      /* told, no mistake */
    bool from_here; /* holds for the rows from here on as well (merged cells) */
};
struct kind;
struct sheet {
    str name; /* empty: the file's only table */
    struct sheet_row *rows;
    size_t nrows, cap;
    struct trouble *troubles;
    size_t ntroubles, cap_troubles;

    /* Filled by the engine. */
    const struct kind *k;
    str *shown;  /* made by a mapping: what the source calls each column; else NULL */
    size_t head; /* rows[head] is the header */
    int *cols;   /* field of each column, or below 0 */
    size_t ncols;
    str *headers; /* beside the fields */
    struct map by_key;
    int64_t count[3]; /* created, changed, same */
};
struct book {
    struct arena a;
    struct sheet *sheets;
    size_t n, rows; /* rows of all sheets: CSV_ROWS at most */
    bool date1904;
};
void book_init(struct book *b);
void book_done(struct book *b);
struct sheet *book_sheet(struct book *b, str name, struct err *e); /* NULL: too many, no memory */
/* Keeps cells (in the book's arena) as a row unless all are blank. */
int sheet_add(struct book *b, struct sheet *s, const struct sheet_row *row, struct err *e);
void sheet_trouble(struct book *b, struct sheet *s, const struct trouble *t);

/* name: the sheet's, where the file's own says what it is; else empty. */
int book_from_csv(struct book *b, str name, str text, struct err *e);
/* xlsx_read.c. -EBADMSG: no workbook; -EFBIG: more than is taken; -ENOTSUP. */
int book_from_xlsx(struct book *b, str bytes, struct err *e);
#endif
