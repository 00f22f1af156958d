/* A workbook being written, over libxlsxwriter: it goes through a file in a
 * folder of its own, which is removed. */
#ifndef LUY_REGISTRY_XLSX_WRITE_INT_H
#define LUY_REGISTRY_XLSX_WRITE_INT_H
#include "base/buf.h"
#include "base/err.h"
#include <xlsxwriter.h>

struct xlsx_out {
    char dir[64], path[96];
    lxw_workbook *wb;
    lxw_format *label, *name, *text, *date, *bad;
};
int xlsx_out_open(struct xlsx_out *x, struct err *e);
/* rc of what was done so far: below 0 throws all away. Appends to out. */
int xlsx_out_close(struct xlsx_out *x, int rc, struct buf *out, struct err *e);
/* Always text, whatever it begins with. -E2BIG over 32,767 characters. */
int xlsx_out_text(lxw_worksheet *ws, uint32_t row, uint16_t col, str s, lxw_format *f, struct err *e);
void xlsx_out_note(lxw_worksheet *ws, uint32_t row, uint16_t col, str s, double lines);
#endif
