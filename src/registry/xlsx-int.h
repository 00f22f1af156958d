/* The reader of XLSX (ECMA-376), between its files. A cell comes out as the text
 * that the same value has in a CSV: dates as YYYY-MM-DD, numbers without
 * grouping, true and false. */
#ifndef LUY_REGISTRY_XLSX_INT_H
#define LUY_REGISTRY_XLSX_INT_H
#include "registry/sheet-int.h"
#include "registry/xml-int.h"

enum { XLSX_STRINGS = 1 << 20, XLSX_STYLES = 65536, XLSX_NUMFMTS = 4096 };
enum numfmt { NF_PLAIN, NF_DATE, NF_DATETIME, NF_TIME, NF_ZEROS };
struct style {
    uint8_t fmt; /* enum numfmt */
    uint8_t zeros;
};
struct xlsx {
    struct book *b;
    struct zip z;
    str *strings;
    size_t nstrings, cap_strings;
    struct style *styles;
    size_t nstyles, cap_styles;
    struct err *e;
};
/* xlsx_parts.c: strings and styles. Missing parts are fine. */
int xlsx_strings(struct xlsx *x, str part, struct err *e);
int xlsx_styles(struct xlsx *x, str part, struct err *e);
/* _x000D_ stands for a control character; `s` itself when there is none. */
str xlsx_unescape(struct arena *a, str s);
struct style numfmt_of(str code);
/* A number as its format shows it, for the types of the registry. */
str xlsx_number(struct arena *a, str v, struct style st, bool date1904);
/* xlsx_sheet.c */
int xlsx_sheet(struct xlsx *x, str part, struct sheet *s, struct err *e);
#endif
