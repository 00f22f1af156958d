/* CSV as spreadsheets write it: RFC 4180, with comma, semicolon or tab. */
#ifndef LUY_REGISTRY_CSV_INT_H
#define LUY_REGISTRY_CSV_INT_H
#include "base/arena.h"
#include "base/err.h"

enum { CSV_BYTES = 64 << 20, CSV_ROWS = 100000, CSV_COLS = 200, CSV_CELL = 65536, CSV_LINE = 1 << 20 };
struct csv {
    str text;
    size_t at;
    char sep;
    uint32_t line; /* in the file, of the row read last */
    uint32_t next_line;
    long row; /* as a spreadsheet counts: header 1; a row with a line break inside is one */
};
/* Takes off the byte order mark and finds the separator. -EFBIG, -EILSEQ. */
int csv_open(struct csv *c, str text, struct err *e);
/* 1 = a row, 0 = the end, or -EBADMSG, -E2BIG, -EILSEQ with line and column. Cells
 * are views of the text, or lie in `a` when quotes had to be undone. Nothing is
 * read past a ceiling, so one endless line costs no memory. */
int csv_row(struct csv *c, struct arena *a, str **cells, size_t *n, struct err *e);
#endif
